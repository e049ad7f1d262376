"""Reference rows: the rows of a background that replace absent features, a fixed sample of it or the centres of its clusters."""

from __future__ import annotations

import numpy as np

SUMMARIES = ("sample", "kmeans")


def summarised(background: np.ndarray, how: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose reference rows from a background, the same in every process.

    Args:
        background: float32 (b, d).
        how: "sample" (a fixed random sample, in the order of the background) | "kmeans" (cluster centres, each coordinate replaced by the
            nearest value of its column, as in `shap.kmeans`, and weighted by cluster size).
        most: the largest number of rows.

    Returns:
        float32 (k, d) rows with k <= most, and float64 (k,) weights that sum to 1.
    """
    if len(background) <= most:
        return background, np.full(len(background), 1 / len(background))
    if how == "sample":
        # Not every (b / k)th row: a background may be sorted by class, or repeat with a period.
        chosen = np.sort(np.random.default_rng(0).permutation(len(background))[:most])
        return background[chosen], np.full(most, 1 / most)
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise ImportError("TabularProbes: summary='kmeans' needs scikit-learn; install it with 'pip install scikit-learn'.") from error
    scale = background.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    fitted = KMeans(n_clusters=most, n_init=1, random_state=0).fit(background / scale)
    centres = fitted.cluster_centers_ * scale
    for column, values in enumerate(background.T):
        known = np.unique(values)
        centres[:, column] = known[np.abs(known[None] - centres[:, column, None]).argmin(axis=1)]
    counts = np.bincount(fitted.labels_, minlength=most)
    return centres[counts > 0].astype(np.float32), counts[counts > 0] / counts.sum()


def in_turn(weights: np.ndarray, count: int) -> np.ndarray:
    """The order in which references take turns: int (count,). Within any first part of it, each reference occurs in proportion to its weight."""
    due, order = np.zeros(len(weights)), np.empty(count, dtype=np.int64)
    # A fixed shuffle decides ties: neighbours in a background are often alike.
    rank = np.random.default_rng(1).permutation(len(weights)) * 1e-9
    for place in range(count):
        due += weights
        order[place] = np.argmax(due - rank)
        due[order[place]] -= 1
    return order
