"""Deletion and insertion curves (Petsiuk et al., 2018): how fast the answer falls when the strongest players go, and rises when they come.

They cost 2 (n - 1) further evaluations per probe and explainer, because the coalitions depend on the attributions. Both are biased by what stands
for an absent player: compare explainers on the same probes, not models.
"""

from __future__ import annotations

import numpy as np

MEASURES = ("deletion", "insertion")


def masks(values: np.ndarray) -> np.ndarray:
    """bool (2 (n - 1), n): without the 1, 2, …, n - 1 strongest players, then with these alone. values: (n,), the largest is the strongest."""
    n = len(values)
    rank = np.empty(n, dtype=np.int64)
    rank[np.argsort(-values, kind="stable")] = np.arange(n)
    with_strongest = rank < np.arange(1, n)[:, None]
    return np.concatenate([~with_strongest, with_strongest])


def areas(answers: np.ndarray, full: float, empty: float) -> tuple[float, float]:
    """Areas under the deletion and the insertion curve over the share of players, by the trapezoidal rule; answers: (2 (n - 1),), of `masks`."""
    without, alone = np.split(answers, 2)
    return tuple(float(np.trapezoid(curve) / (len(curve) - 1)) for curve in (np.r_[full, without, empty], np.r_[empty, alone, full]))
