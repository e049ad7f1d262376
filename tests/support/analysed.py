"""Runs whose explanations and outputs are given, so that the analyses of them are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from support.records import FakeRun, Truth

from tb_xai_plugin import read_run
from tb_xai_plugin.run import Run


@dataclass
class GivenRun(FakeRun):
    """Values, errors and outputs of every step are those given; one class counts, the label's.

    Attributes:
        given: {step: (values (probes, players), standard errors (probes, players), probability of the true class (probes,))}.
    """

    given: Mapping[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)

    def _made(self, step: int, logs: Mapping[str, float] | None, silent: Sequence[int]) -> Truth:
        made = super()._made(step, logs, silent)
        values, errors, probability = (np.asarray(each, dtype=np.float32) for each in self.given[step])
        labels = np.asarray(self.probes.labels)
        full = np.repeat(((1 - probability) / (self.classes - 1))[:, None], self.classes, axis=1)
        full[np.arange(len(labels)), labels] = probability
        silent_rows = np.isin(np.arange(len(labels)), list(silent))
        full[silent_rows] = np.nan
        everywhere = {name: np.where(np.isnan(made.values[name]), np.nan, values[:, None]).astype(np.float32) for name in self.explainers}
        sure = {name: np.where(np.isnan(everywhere[name]), np.nan, errors[:, None]).astype(np.float32) for name in self.explainers}
        return replace(made, values=everywhere, errors=sure, full=full.astype(np.float32))


def given_run(
    folder: Path,
    values: Sequence[np.ndarray],
    errors: float = 0.01,
    probability: np.ndarray | None = None,
    *,
    first: int = 0,
    accuracy: Sequence[float] | None = None,
    silent: Mapping[int, Sequence[int]] | None = None,
    seed: int = 0,
) -> Run:
    """A run of SHAP values.

    Args:
        values: of each step from `first` on, (probes, players).
        errors: the standard error of every value; sampling errors of two epochs are independent.
        probability: (steps, probes) of the true class; sure and right by default.
        accuracy: val_accuracy of each step.
        silent: {step: probes for which the model outputs NaN}.
    """
    values = [np.asarray(each, dtype=np.float64) for each in values]
    probes, players = values[0].shape
    answers = np.full((len(values), probes), 0.9) if probability is None else np.asarray(probability)
    steps = range(first, first + len(values))
    given = {step: (values[i], np.full((probes, players), errors), answers[i]) for i, step in enumerate(steps)}
    fake = GivenRun(folder, players=(players,) * probes, explainers=("shap",), sketched=False, given=given, seed=seed)
    for i, step in enumerate(steps):
        missing = (silent or {}).get(step, ())
        logs = {} if step < 0 else {"val_accuracy": accuracy[i] if accuracy is not None else 0.5}
        fake.write([step], logs=logs, silent=missing, reason="the model answered NaN or infinity" if missing else None)
    return read_run(folder)


def noisy_series(values: np.ndarray, epochs: int, error: float = 0.01, seed: int = 0) -> list[np.ndarray]:
    """The same values at each epoch, but for sampling errors."""
    rng = np.random.default_rng(seed)
    return [values + rng.standard_normal(values.shape) * error for _ in range(epochs)]
