"""Reference rows: the rows of a background that replace absent features, a fixed sample of it or the centres of its clusters."""

from __future__ import annotations

import numpy as np

SUMMARIES = ("sample", "kmeans")


def summarised(background: np.ndarray, how: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Reference rows, float32 (k, d) with k <= most, and float64 (k,) weights that sum to 1. See `chosen`."""
    places, weights = chosen(background, how, most)
    return np.take_along_axis(background, places, axis=0), weights


def chosen(background: np.ndarray, how: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose reference rows from a background, the same in every process.

    Args:
        background: float32 (b, d), NaN where a value is missing.
        how: "sample" (a fixed random sample, in the order of the background) | "kmeans" (cluster centres, each coordinate replaced by the
            nearest value of its column, as in `shap.kmeans`, and weighted by cluster size; missing where most rows of the cluster miss it).
        most: the largest number of rows.

    Returns:
        int (k, d) with k <= most, the row of the background that each reference value comes from, and float64 (k,) weights that sum to 1.
    """
    if len(background) <= most:
        places = np.arange(len(background))
    elif how == "sample":
        # Not every (b / k)th row: a background may be sorted by class, or repeat with a period.
        places = np.sort(np.random.default_rng(0).permutation(len(background))[:most])
    else:
        return _centres(background, most)
    return np.broadcast_to(places[:, None], (len(places), background.shape[1])), np.full(len(places), 1 / len(places))


def _centres(background: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The centres of clusters, as places of the background, and their weights."""
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise ImportError("TabularProbes: summary='kmeans' needs scikit-learn; install it with 'pip install scikit-learn'.") from error
    missing = np.isnan(background)
    filled = np.where(missing, np.nanmean(background, axis=0), background) if missing.any() else background
    scale = filled.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    # Where values are missing, that is a coordinate of its own, as far apart as two standard deviations.
    also = np.flatnonzero(missing.any(axis=0))
    points = np.concatenate([filled / scale, 2.0 * missing[:, also]], axis=1) if len(also) else filled / scale
    fitted = KMeans(n_clusters=most, n_init=1, random_state=0).fit(points)
    centres = fitted.cluster_centers_[:, : background.shape[1]] * scale
    counts = np.bincount(fitted.labels_, minlength=most)
    places = np.empty(centres.shape, dtype=np.int64)
    for column, values in enumerate(background.T):
        known, first = np.unique(values[~missing[:, column]], return_index=True)
        nearest = np.abs(known[None] - centres[:, column, None]).argmin(axis=1)
        places[:, column] = np.flatnonzero(~missing[:, column])[first[nearest]]
    for column, place in zip(also.tolist(), fitted.cluster_centers_[:, background.shape[1] :].T, strict=True):
        places[place > 1, column] = np.flatnonzero(missing[:, column])[0]
    return places[counts > 0], counts[counts > 0] / counts.sum()


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
