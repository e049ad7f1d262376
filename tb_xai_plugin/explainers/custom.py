"""Any other method as an explainer: a function of a model and probes, which may call the shap package, Xplique or your own code."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, ModelAccess
from tb_xai_plugin.probes import ImageProbes, ProbeSet


@dataclass(frozen=True)
class Custom:
    """Attributions from your own function, logged and drawn like those of any other explainer; their errors are unknown.

    The function is called as `function(model, probes)` at every explained epoch. It returns an array, or an object with `.values` such as a
    shap.Explanation. With n probes, c classes (of the model's output) and p players (of the probe that has most), the array is one of

        (n, p)                                     values of players, for one class
        (n, c, p) or (n, p, c)                     values of players, for every class; read as the first form where c = p
        (n, H, W), (n, H, W, 1) or inputs.shape    values of pixels, for one class; summed over channels and over each segment
        inputs.shape + (c,)                        values of pixels, for every class, as shap's explainers of images return them

    "One class" is the probe's label, or the first of several; without labels, the likeliest of the explained classes; for a regression, the first output. The values of
    other classes are NaN.

    A failure is a gap in the record, as for every explainer, and the global random states of NumPy and Python are restored. If the function
    changes the model, the change remains: shap's DeepExplainer, for example, breaks training where it does not know an operation.

    Args:
        name: its name in records and on the page.
        function: callable (model, probes) -> values.
        settings: dict of JSON values, the function's settings, for the record. Runs with different settings are not compared. Default: none.

    Raises:
        ValueError: the name is empty or has a "/". TypeError: the function is not callable, or the settings are not JSON.
    """

    fidelity: ClassVar[tuple[str, ...]] = ()
    unit: ClassVar[str] = "its own unit"

    name: str
    function: Callable[[Any, ProbeSet], Any]
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or "/" in self.name:
            raise ValueError(f"Custom: name is {self.name!r}; give a name without '/', e.g. Custom('gradient-shap', function).")
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
        object.__setattr__(self, "settings", kept)  # a copy: the record keeps the settings as they are at construction

    def check(self, model: Any) -> None:
        """Accept every model: only the function knows whether it can explain it."""

    def explain(self, access: ModelAccess) -> Attribution:
        """Call the function, and turn its array into attributions."""
        with _random_state_kept():
            given = self.function(access.model, access.probes)
        values = self._of_targets(self._array(given), access)
        for probe, players in enumerate(access.probes.players.tolist()):
            values[probe, :, players:] = np.nan
        return Attribution(values=values, base=access.empty, errors=np.full_like(values, np.nan))

    def _array(self, given: Any) -> np.ndarray:
        inner = getattr(given, "values", None)
        try:
            return np.asarray(given if inner is None or callable(inner) else inner, dtype=np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"Custom {self.name!r}: the function gave {type(given).__name__}, not an array of numbers; {FORMS}.") from None

    def _of_targets(self, array: np.ndarray, access: ModelAccess) -> np.ndarray:
        """The function's array as float64 (probes, targets, players)."""
        probes, classes = access.probes, access.classes
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
        if by_pixels and segments is not None:
            array = array[..., None] if of_one_class else array
            array = _summed(array.reshape(n, *inputs[1:3], -1, array.shape[-1]).sum(axis=3), segments, players)
        elif of_one_class:
            array = array[:, None]
        elif array.shape != (n, classes, players):
            array = np.swapaxes(array, 1, 2)
        self._refuse_nan(array, access)
        if not of_one_class or classes == 1:
            return np.take_along_axis(array, access.targets[..., None].astype(np.int64), axis=1)
        return np.where((access.targets == _one_class(access)[:, None])[..., None], array, np.nan)

    def _refuse_nan(self, array: np.ndarray, access: ModelAccess) -> None:
        for probe, players in enumerate(access.probes.players.tolist()):
            # Where the model itself returns NaN, the function cannot do better.
            if np.isfinite(access.full[probe]).all() and not np.isfinite(array[probe, :, :players]).all():
                raise ValueError(f"Custom {self.name!r}: the function gave NaN or infinity for probe {probe}; give finite numbers.")


FORMS = "give (probes, players), (probes, classes, players), maps like the inputs, or such maps with a last axis of classes"


def _one_class(access: ModelAccess) -> np.ndarray:
    """int (probes,): the class to which values of one class belong."""
    labels, sets, targets = access.probes.labels, access.probes.label_sets, access.targets
    if access.regression:  # labels of a regression are not numbers of its outputs
        return np.zeros(len(targets), dtype=np.int64)
    if labels is not None:
        return labels
    place = access.full.argmax(axis=1)
    if sets is not None:
        true = np.take_along_axis(sets, targets.astype(np.int64), axis=1)
        place = np.where(true.any(axis=1), true.argmax(axis=1), place)
    one: np.ndarray = targets[np.arange(len(targets)), place]
    return one


def _summed(maps: np.ndarray, segments: np.ndarray, players: int) -> np.ndarray:
    """Sum pixel maps over segments: (n, H, W, classes) -> (n, classes, players)."""
    summed = np.empty((len(maps), maps.shape[-1], players))
    for probe_sums, probe_maps, labels in zip(summed, maps, segments, strict=True):
        for sums, one_map in zip(probe_sums, np.moveaxis(probe_maps, -1, 0), strict=True):
            sums[:] = np.bincount(labels[labels >= 0], weights=one_map[labels >= 0], minlength=players)
    return summed


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Restore the global random states at the end: most samplers draw from NumPy's, and Keras shuffles with it."""
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  the global state is what must be kept
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002
