"""Fidelity measures: how far attributions can be trusted. They need no further evaluations."""

from __future__ import annotations

import numpy as np


def r_squared(residuals: np.ndarray, outputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted R^2: 1 - sum w r^2 / sum w (y - mean y)^2, (k,); NaN where the outputs do not vary.

    residuals, outputs: (rows, k); weights: (rows,).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weights / weights.sum()  # of a single player, no coalition has weight
        total = share @ (outputs - share @ outputs) ** 2
        return np.where(total > 1e-24 * (share @ outputs**2), 1 - (share @ residuals**2) / total, np.nan)


def efficiency_gap(values: np.ndarray, total: np.ndarray) -> np.ndarray:
    """|sum of values - total| / |total|, (k,); NaN where the total is 0. values: (players, k); total: (k,), v(N) - v(0)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total != 0, np.abs(values.sum(axis=0) - total) / np.abs(total), np.nan)


def correlation(masks: np.ndarray, values: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Pearson correlation, over coalitions, of the sum of the present players' values with the outputs: (targets,); NaN where either does not vary.

    This is MuFidelity (Bhatt et al., 2020) over the coalitions of a design. masks: (rows, players); values: (targets, players); outputs: (rows,
    targets).
    """
    predicted = masks @ values.T
    predicted, outputs = predicted - predicted.mean(axis=0), outputs - outputs.mean(axis=0)
    scale = np.sqrt((predicted**2).sum(axis=0) * (outputs**2).sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(scale > 0, (predicted * outputs).sum(axis=0) / scale, np.nan)
