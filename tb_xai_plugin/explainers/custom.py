"""Any other method as an explainer: a function of a model and probes, e.g. one that calls the shap package, Xplique or your own code."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Asked, Attribution
from tb_xai_plugin.probes import ImageProbes, ProbeSet


@dataclass(frozen=True)
class Custom:
    """What a function says about each probe, logged and drawn like any other explainer's values; its errors are unknown.

    The function is called as `function(model, probes)` at every explained epoch and gives an array, or anything with `.values` such as a
    shap.Explanation. With n probes, c classes (of the model's answers) and p players (of the probe that has most) that is one of

        (n, p)                                     players; of one class
        (n, c, p) or (n, p, c)                     players, of every class; the first where c = p
        (n, H, W), (n, H, W, 1) or inputs.shape    pixels of images, of one class; summed over channels and each segment
        inputs.shape + (c,)                        pixels, of every class: what shap's explainers of images give

    "One class" is the probe's label, or where there are no labels the likeliest of the explained ones, and the first output of a regression;
    the others are NaN.

    A failure is a gap in the record, as for every explainer, and NumPy's and Python's global random state is as before. What a function does
    to the model beyond asking it can't be undone: shap's DeepExplainer, for one, breaks training where it does not know an operation.

    Attributes:
        name: in records and on the page.
        function: (model, probes) -> values.
        settings: what it was called with, for the record: JSON. Runs with other settings are not compared.
    """

    fidelity: ClassVar[tuple[str, ...]] = ()
    unit: ClassVar[str] = "its own unit"

    name: str
    function: Callable[[Any, ProbeSet], Any]
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or "/" in self.name:
            raise ValueError(f"Custom: name is {self.name!r}; give a word without '/', e.g. Custom('gradient-shap', function).")
        if not callable(self.function):
            raise TypeError(f"Custom {self.name!r}: function is {type(self.function).__name__}; give a callable (model, probes) -> values.")
        try:
            kept = json.loads(json.dumps(self.settings, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Custom {self.name!r}: settings can't be written as JSON ({error}); give numbers, strings, lists, dicts."
            ) from None
        if not isinstance(kept, dict | None):
            raise TypeError(f"Custom {self.name!r}: settings is {type(self.settings).__name__}; give a dict, e.g. {{'samples': 200}}.")
        object.__setattr__(self, "settings", kept)  # a copy: the record keeps what was said at construction

    def check(self, model: Any) -> None:
        """Only the function knows."""

    def explain(self, asked: Asked) -> Attribution:
        with _random_state_kept():
            given = self.function(asked.model, asked.probes)
        values = self._of_targets(self._array(given), asked)
        for probe, players in enumerate(asked.probes.players.tolist()):
            values[probe, :, players:] = np.nan
        return Attribution(values=values, base=asked.empty, errors=np.full_like(values, np.nan))

    def _array(self, given: Any) -> np.ndarray:
        inner = getattr(given, "values", None)
        try:
            return np.asarray(given if inner is None or callable(inner) else inner, dtype=np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"Custom {self.name!r}: the function gave {type(given).__name__}, not an array of numbers; {FORMS}.") from None

    def _of_targets(self, array: np.ndarray, asked: Asked) -> np.ndarray:
        """float64 (probes, targets, players)."""
        probes, classes = asked.probes, asked.classes
        n, players, inputs = len(probes), int(probes.players.max()), probes.inputs.shape
        segments = probes.segments if isinstance(probes, ImageProbes) else None
        of_pixels = {inputs, inputs[:3], (*inputs[:3], 1)} if segments is not None else set()
        by_players = array.shape in ((n, players), (n, classes, players), (n, players, classes))
        by_pixels = array.shape in of_pixels or (segments is not None and array.shape == (*inputs, classes))
        if by_players == by_pixels:
            which = "may be of players or of pixels; give (probes, classes, players)" if by_players else FORMS
            raise ValueError(
                f"Custom {self.name!r}: the function gave values of shape {array.shape} for {n} probes {inputs[1:]} with {players} players and "
                f"{classes} classes; {which}."
            )
        of_one_class = array.shape in ((n, players), *of_pixels)
        if by_pixels:
            array = array[..., None] if of_one_class else array
            array = _summed(array.reshape(n, *inputs[1:3], -1, array.shape[-1]).sum(axis=3), segments, players)
        elif of_one_class:
            array = array[:, None]
        elif array.shape != (n, classes, players):
            array = np.swapaxes(array, 1, 2)
        self._refuse_nan(array, asked)
        if not of_one_class or classes == 1:
            return np.take_along_axis(array, asked.targets[..., None].astype(np.int64), axis=1)
        return np.where((asked.targets == _one_class(asked)[:, None])[..., None], array, np.nan)

    def _refuse_nan(self, array: np.ndarray, asked: Asked) -> None:
        for probe, players in enumerate(asked.probes.players.tolist()):
            # Where the model itself answers NaN there is nothing better to say.
            if np.isfinite(asked.full[probe]).all() and not np.isfinite(array[probe, :, :players]).all():
                raise ValueError(f"Custom {self.name!r}: the function gave NaN or infinity for probe {probe}; give finite numbers.")


FORMS = "give (probes, players), (probes, classes, players), maps like the inputs, or such maps with a last axis of classes"


def _one_class(asked: Asked) -> np.ndarray:
    """int (probes,): the class that values of one class are of."""
    labels = asked.probes.labels
    if asked.regression:  # its labels are not its outputs' numbers
        return np.zeros(len(asked.probes), dtype=np.int64)
    return labels if labels is not None else asked.targets[np.arange(len(asked.targets)), asked.full.argmax(axis=1)]


def _summed(maps: np.ndarray, segments: np.ndarray, players: int) -> np.ndarray:
    """Sum pixel maps over segments: (n, H, W, classes) -> (n, classes, players)."""
    summed = np.empty((len(maps), maps.shape[-1], players))
    for into, of_probe, labels in zip(summed, maps, segments, strict=True):
        for row, one in zip(into, np.moveaxis(of_probe, -1, 0), strict=True):
            row[:] = np.bincount(labels.ravel(), weights=one.ravel(), minlength=players)
    return summed


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Most samplers draw from NumPy's global generator, and Keras shuffles with it."""
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  the global state is what is kept
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002
