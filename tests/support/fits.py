"""Sequences of fits as users write them, with what was trained in each, for comparison with what the records hold."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import tb_xai_plugin as xai

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(24, 4)).astype(np.float32)
LABELS = (ROWS[:, 0] > 0).astype(int)
# One batch an epoch, in the same order; arrays would be made into a dataset at every fit, which takes longer than to train on it.
DATA = tf.data.Dataset.from_tensors((ROWS, LABELS))
PROBES = xai.TabularProbes(ROWS[:3], LABELS[:3], background=ROWS[4:8])
OTHER_PROBES = xai.TabularProbes(ROWS[3:6], LABELS[3:6], background=ROWS[4:8])

Weights = list[np.ndarray]


def network(classes: int = 2, rate: float = 0.5) -> keras.Model:
    """A linear model: its outputs follow from its two weights. Its state also has the momenta of the optimizer."""
    model = keras.Sequential([keras.Input((ROWS.shape[1],)), layers.Dense(classes, activation="softmax")])
    return compiled(model, rate)


class BuiltByItsFirstBatch(keras.Model):
    """A linear model that has no weights before its first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2, activation="softmax")

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


class Wrapper(keras.Model):
    """A model without `call` that trains another one, as a GAN or a distillation does."""

    def __init__(self, inner: keras.Model) -> None:
        super().__init__()
        self.inner = inner

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        return self.inner.train_step((x, y))


def compiled(model: keras.Model, rate: float = 0.5) -> keras.Model:
    # Eagerly: to trace a graph would take longer than all the training.
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def outputs_of(weights: Weights, probes: xai.TabularProbes = PROBES) -> np.ndarray:
    """What a linear model with these weights returns for the probes."""
    kernel, bias = weights
    logits = np.asarray(probes.inputs) @ kernel + bias
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@dataclass
class Fit:
    """What Keras itself knows of a fit: the weights and the loss at the end of each epoch, and everything that is left at its end.

    error: what came out of `fit`, in words; None where nothing did.
    """

    before: Weights = field(default_factory=list)
    weights: list[Weights] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    state: Weights = field(default_factory=list)
    error: str | None = None


class _Witness(keras.callbacks.Callback):
    def __init__(self, fit: Fit) -> None:
        super().__init__()
        self.fit = fit

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.fit.weights.append(self.model.get_weights())
        self.fit.losses.append((logs or {})["loss"])


class Notebook:
    """Cells that train: the same ones run with the ExplanationLogger and without it.

    Args:
        patient: whether the notebook goes on after a fit that failed, as a reader of notebooks does; the error is then kept.

    Attributes:
        logs: the log_dir.
        fits: what came of each `fit`.
        said: sentences of the package, warnings and log lines alike, but for the line that says what an explanation costs.
    """

    def __init__(self, folder: Path, logged: bool = True, *, patient: bool = False) -> None:
        folder.mkdir(exist_ok=True)
        self.patient = patient
        self.folder, self.logs, self.logged = folder, folder / "logs", logged
        self.fits: list[Fit] = []
        self.said: list[str] = []

    def logger(self, probes: Any = PROBES, log_dir: Path | None = None, **options: Any) -> keras.callbacks.Callback:
        """An ExplanationLogger; where nothing is logged, a callback that does nothing."""
        if not self.logged:
            return keras.callbacks.Callback()
        return xai.ExplanationLogger(log_dir or self.logs, probes, **{"explainers": "shap", **options})

    def fit(self, model: keras.Model, *callbacks: keras.callbacks.Callback, epochs: int = 2, **options: Any) -> Fit:
        """Train. An interrupt ends the fit and not the notebook."""
        fit = Fit(before=model.get_weights())
        self.fits.append(fit)
        try:
            model.fit(DATA, epochs=epochs, callbacks=[_Witness(fit), *callbacks], **{"verbose": 0, "shuffle": False, **options})
        except KeyboardInterrupt:
            fit.error = "KeyboardInterrupt"
        except (ValueError, TypeError, OSError) as error:
            if not self.patient:
                raise
            fit.error = f"{type(error).__name__}: {error}"
        fit.state = [np.asarray(v).copy() for v in (*model.weights, *getattr(model.optimizer, "variables", ()))]
        return fit

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Collect what the package says; what others say is said again."""
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: self.said.append(record.getMessage())  # type: ignore[method-assign]
        handler.addFilter(lambda record: "explanations cost" not in record.getMessage())
        ours = logging.getLogger("tb_xai_plugin")
        ours.addHandler(handler)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                yield
        finally:
            ours.removeHandler(handler)
        self.said += [str(w.message) for w in caught if "ExplanationLogger" in str(w.message)]
        for w in caught:
            if "ExplanationLogger" not in str(w.message):
                warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)


Sequence = Callable[[Notebook], object]


def played(sequence: Sequence, folder: Path, logged: bool = True) -> Notebook:
    """Run a sequence of fits, with the same random numbers every time."""
    notebook = Notebook(folder, logged)
    keras.utils.set_random_seed(7)
    with notebook.listening():
        sequence(notebook)
    return notebook


def steps_kept(logs: Path) -> dict[str, list[int]]:
    """{run below the log_dir: its logged epochs}; "." is the log_dir itself. A record that can't be read has no epochs."""
    kept: dict[str, list[int]] = {}
    for folder in sorted(path.parent for path in logs.rglob("xai")) if logs.is_dir() else []:
        name = folder.relative_to(logs).as_posix()
        try:
            kept[name] = xai.read_run(folder).log_series()[0].tolist()
        except (ValueError, OSError):
            kept[name] = []
    return kept


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch, self.now = epoch, -1

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.now = epoch

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if self.now == self.epoch and batch == 0:
            raise KeyboardInterrupt


class At(keras.callbacks.Callback):
    """Does something at the beginning, or at the end, of one epoch."""

    def __init__(self, epoch: int, do: Callable[[], object], *, end: bool = False) -> None:
        super().__init__()
        self.epoch, self.do, self.end = epoch, do, end

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        if epoch == self.epoch and not self.end:
            self.do()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if epoch == self.epoch and self.end:
            self.do()


def each_of(models: Iterable[keras.Model], notebook: Notebook, **options: Any) -> None:
    """One fit of each model, each with a logger of its own."""
    for model in models:
        notebook.fit(model, notebook.logger(), **options)


def by_hand(hooks: keras.callbacks.Callback, model: keras.Model) -> None:
    """A training loop of the user's own."""
    hooks.set_model(model)
    hooks.set_params({"epochs": 2})
    hooks.on_train_begin()
    for epoch in range(2):
        hooks.on_epoch_begin(epoch)
        hooks.on_epoch_end(epoch, {"loss": float(model.train_on_batch(ROWS, LABELS))})
    hooks.on_train_end()
