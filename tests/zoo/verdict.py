"""Trains a kind of the zoo without the callback and with it, and says what came of the natural call and of the second."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from zoo.kind import Call, Kind

import tb_xai_plugin as xai

# A call that warns like this has explained nothing, or not everything.
GAPS = ("explained in this fit", "has a gap there")


@dataclass
class Verdict:
    """What came of one kind.

    Attributes:
        first: "right", or the sentence of the refusal.
        second: the same of the second call; None where there was none.
        difference: the largest difference of the logged outputs from the model's own, relative to the largest of these (at least 1).
        efficiency: the same of base value plus attributions, in the unit that is explained.
        same_bits: whether weights, optimizer and losses are those of a training without the callback.
        errors: the largest standard error.
        steps: the epochs of the record.
        said: all warnings and lines of the logger of the call that was right.
        seconds: both fits, or three.
    """

    first: str = "right"
    second: str | None = None
    difference: float = np.nan
    efficiency: float = np.nan
    same_bits: bool = True
    errors: float = np.nan
    steps: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def right(self) -> bool:
        return "right" in (self.first, self.second)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collects what is said by warnings and by the package's logger."""
    said: list[str] = []
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tb_xai_plugin")
    logger.addHandler(handler)
    level, _ = logger.level, logger.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield said
        said += [str(warning.message) for warning in caught if not issubclass(warning.category, DeprecationWarning)]
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def trained(kind: Kind, *callbacks: Any) -> tuple[keras.Model, list[np.ndarray]]:
    """A trained model, and all that training leaves: weights, the optimizer's state, losses."""
    keras.utils.set_random_seed(0)
    model = kind.model()
    history = model.fit(*kind.fit, **{"epochs": 2, "verbose": 0, "batch_size": 16, **kind.options}, callbacks=list(callbacks))
    state = [*model.get_weights(), *(np.asarray(v) for v in model.optimizer.variables), np.array(history.history["loss"])]
    return model, state


def attempt(kind: Kind, call: Callable[[], Call], folder: Path) -> tuple[str, list[str], keras.Model | None, list[np.ndarray]]:
    """Train with the callback: ("right" or the refusal, what was said, the model, what training leaves)."""
    with listening() as said:
        try:
            probes, options = call()
            logger = xai.ExplanationLogger(folder, probes, **{"explainers": "shap", **options})
            model, state = trained(kind, logger)
        except (ValueError, TypeError) as error:
            return str(error), said, None, []
    gap = next((sentence for sentence in said if any(words in sentence for words in GAPS)), None)
    return gap or "right", said, model, state


def verdict(kind: Kind, folder: Path) -> Verdict:
    began = time.perf_counter()
    with listening():
        _, plain = trained(kind)
    found = Verdict()
    path = folder / "first"
    found.first, found.said, model, state = attempt(kind, kind.natural, path)
    if found.first != "right" and kind.second:
        path = folder / "second"
        found.second, found.said, model, state = attempt(kind, kind.second, path)
    if state:
        found.same_bits = len(plain) == len(state) and all(np.array_equal(a, b) for a, b in zip(plain, state, strict=True))
    if found.right:
        with listening():  # Keras warns of a FeatureSpace's inputs whoever calls the model
            _measure(found, kind, model, xai.read_run(path))
    found.seconds = time.perf_counter() - began
    return found


def _measure(found: Verdict, kind: Kind, model: Any, run: xai.Run) -> None:
    own = np.asarray(kind.oracle(model), dtype=np.float64)
    own = own.reshape(len(own), -1)
    if not kind.raw and own.shape[1] == 1:  # one sigmoid: two classes
        own = np.concatenate([1 - own, own], axis=1)
    found.steps = run.steps.tolist()
    logged = run.outputs[-1]
    if logged.shape != own.shape:
        found.difference = found.efficiency = np.inf
        return
    found.difference = apart(logged, own)
    values, base = run.values("shap")[-1], run.base_values("shap")[-1]
    quantity = own if kind.raw else np.log(own) - np.log1p(-own)
    targets = np.broadcast_to(run.targets[-1] if np.ndim(run.targets) == 3 else np.asarray(run.targets), base.shape)
    found.efficiency = apart(np.nansum(values, axis=-1) + base, np.take_along_axis(quantity, targets, axis=1))
    found.errors = float(np.nanmax(run.errors("shap")[-1]))


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / max(1.0, np.abs(b).max()))
