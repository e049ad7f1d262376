"""Fidelity measures: how far attributions can be trusted, at no further evaluations."""

from __future__ import annotations

import numpy as np


def r_squared(residuals: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted R^2, (k,): 1 - sum w r^2 / sum w (y - mean y)^2; NaN where the answers do not vary.

    residuals, answers: (rows, k); weights: (rows,).
    """
    share = weights / weights.sum()
    total = share @ (answers - share @ answers) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 1e-24 * (share @ answers**2), 1 - (share @ residuals**2) / total, np.nan)


def efficiency_gap(values: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """|sum of values - (v(N) - v(0))| in units of |v(N) - v(0)|: (k,), NaN where that is 0. values: (players, k); whole: (k,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole != 0, np.abs(values.sum(axis=0) - whole) / np.abs(whole), np.nan)


def correlation(masks: np.ndarray, values: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Pearson correlation of the summed values of the players present with the answers, (targets,); NaN where either does not vary.

    MuFidelity (Bhatt et al., 2020) over the coalitions of a design. masks: (rows, players); values: (targets, players); answers: (rows, targets).
    """
    predicted = masks @ values.T
    predicted, answers = predicted - predicted.mean(axis=0), answers - answers.mean(axis=0)
    scale = np.sqrt((predicted**2).sum(axis=0) * (answers**2).sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(scale > 0, (predicted * answers).sum(axis=0) / scale, np.nan)
