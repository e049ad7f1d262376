"""Deletion and insertion curves (Petsiuk et al., 2018): how fast the output falls when the strongest players are removed, and rises when they are added.

They cost 2 (n - 1) further evaluations per probe and explainer, because the coalitions depend on the attributions. Both are biased by the baseline
that replaces absent players: use them to compare explainers on the same probes, not models.
"""

from __future__ import annotations

import numpy as np

MEASURES = ("deletion", "insertion")


def masks(values: np.ndarray) -> np.ndarray:
    """The coalitions of both curves, bool (2 (n - 1), n): without the 1, 2, …, n - 1 strongest players, then with only these.

    values: (n,) attributions; the player with the largest value is the strongest.
    """
    n = len(values)
    rank = np.empty(n, dtype=np.int64)
    rank[np.argsort(-values, kind="stable")] = np.arange(n)
    with_strongest = rank < np.arange(1, n)[:, None]
    return np.concatenate([~with_strongest, with_strongest])


def areas(outputs: np.ndarray, full: float, empty: float) -> tuple[float, float]:
    """Areas under the deletion and the insertion curve over the share of players, by the trapezoidal rule.

    outputs: (2 (n - 1),), on the coalitions of `masks`; full, empty: outputs on the full and the empty coalition.
    """
    without_strongest, only_strongest = np.split(outputs, 2)
    return _area(np.r_[full, without_strongest, empty]), _area(np.r_[empty, only_strongest, full])


def _area(curve: np.ndarray) -> float:
    return float(np.trapezoid(curve) / (len(curve) - 1))
