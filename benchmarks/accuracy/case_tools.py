"""What the cases of cases_training.py have in common: one attempt of a user, and in words what came of it."""

from __future__ import annotations

import itertools
import logging
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import tb_xai_plugin as xai

# Differences below this share of the outputs are rounding.
RIGHT = 1e-4

# Most characters of a message in the table.
LONGEST = 170

# An attempt returns how far its numbers are from the model's own, or words.
Attempt = Callable[[], "float | str"]

FOLDER = tempfile.mkdtemp(prefix="cases-")
_numbers = itertools.count()


def outcome(attempt: Attempt) -> str:
    """What a user sees: right, off by how much, or refused with which sentence; and what was said besides."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tb_xai_plugin")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                came = attempt()
                result = came if isinstance(came, str) else "right" if came < RIGHT else f"OFF by {came:.2g}"
            except TypeError as error:
                unknown = "unexpected keyword argument" in str(error)
                result = f"no such option ({str(error).rpartition(' ')[2]})" if unknown else refused(error)
            except Exception as error:
                result = refused(error)
    finally:
        logger.removeHandler(handler)
    of_ours = [
        str(w.message) for w in caught if "xai" in w.filename or any(who in str(w.message) for who in ("Probes", "Explanation", "explain"))
    ]
    if said := list(dict.fromkeys([*of_ours, *said])):
        result += f" (says: {short(' / '.join(said))})"
    return result


def refused(error: Exception) -> str:
    return f"refused: {'' if isinstance(error, ValueError | TypeError) else type(error).__name__ + ': '}{short(str(error))}"


def short(sentence: str) -> str:
    words = " ".join(sentence.split()).replace("|", "/")
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def apart(explanation: xai.Explanation, truth: Any) -> float:
    """Largest difference of the explained outputs from the model's own, (n, columns), relative to the largest of those (at least 1)."""
    own = np.asarray(truth, dtype=np.float64)
    own = own.reshape(len(own), -1)
    wanted = np.take_along_axis(own, explanation.targets, axis=1)
    return float(np.abs(explanation.outputs - wanted).max() / max(1.0, np.abs(own).max()))


def explained(model: Any, probes: xai.ProbeSet, truth: Any, /, output: str = "probability", **options: Any) -> float:
    """How far what `explain` explains is from the model's own outputs."""
    return apart(xai.explain(model, probes, "shap", output=output, **options)["shap"], truth)


def log_dir() -> str:
    return f"{FOLDER}/{next(_numbers)}"


def logged(model: keras.Model, x: Any, y: Any, probes: Any, /, *, fit: dict[str, Any] | None = None, **options: Any) -> Any:
    """Train with the callback for two epochs; the record."""
    directory = log_dir()
    options = {"on_error": "raise", "explainers": "shap", **options}
    model.fit(x, y, **{"epochs": 2, "verbose": 0, **(fit or {})}, callbacks=[xai.ExplanationLogger(directory, probes, **options)])
    return xai.read_run(directory)


def last_outputs(run: Any, truth: Any) -> float:
    """How far the outputs of the last record are from the model's own, (n, columns)."""
    own = np.asarray(truth, dtype=np.float64)
    own = own.reshape(len(own), -1)
    outputs = run.outputs[-1]
    if outputs.shape[1] == 2 and own.shape[1] == 1:  # a sigmoid is two classes
        own = np.concatenate([1 - own, own], axis=1)
    if outputs.shape != own.shape:
        return float("inf")
    return float(np.abs(outputs - own).max() / max(1.0, np.abs(own).max()))


def harmed(make: Callable[[], keras.Model], x: Any, y: Any, probes: Any, **fit: Any) -> str | None:
    """What of training the callback changed: weights or loss; None where every bit is the same."""
    runs = []
    for with_it in (False, True):
        keras.utils.set_random_seed(0)
        model = make()
        callbacks = [xai.ExplanationLogger(log_dir(), probes, "shap", on_error="raise")] if with_it else []
        history = model.fit(x, y, epochs=2, verbose=0, callbacks=callbacks, **fit)
        runs.append((model.get_weights(), history.history["loss"]))
    (plain, loss), (other, other_loss) = runs
    weights = max(float(np.abs(a - b).max()) for a, b in zip(plain, other, strict=True))
    losses = float(np.abs(np.subtract(loss, other_loss)).max())
    return None if weights == losses == 0 else f"TRAINING CHANGED: weights by {weights:.2g}, loss by {losses:.2g}"
