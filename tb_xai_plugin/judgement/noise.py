"""Noise floors: the distance that sampling error alone explains, which players changed significantly, and the epoch-to-epoch variation. numpy only.

Errors in this module are standard errors of differences, as `change_errors` computes them. With the same coalitions they are far smaller
than the errors of the attributions themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from tb_xai_plugin.judgement import summaries
from tb_xai_plugin.judgement.distances import MEASURES

# Sampling error alone exceeds the floor in this share of cases.
FALSE_ALARMS = 0.05

# False discovery rate of the players that are reported as changed.
DISCOVERY = 0.05

# Errors below this share of the larger value are rounding: the outputs of a network in float32 are no more exact.
ROUNDING = 1e-5

# Draws for the floors that have no closed form, and how many of their numbers are processed at once.
DRAWS = 39  # of 39 draws, the second largest is the 95 % quantile without interpolation
TOGETHER = 2**20

# Covariances of shares are computed for so many players, those with the largest errors. With more players they change the spread by a twentieth.
MOST_PAIRED = 8

# How many earlier epochs the epoch-to-epoch variation is taken from.
RECENT = 8

_Z = NormalDist().inv_cdf(1 - FALSE_ALARMS)


def floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, measure: str = "tv") -> np.ndarray:
    """The distance that a and b stay below in 95 of 100 cases if only sampling error separates them: (…,) of (…, players).

    Total variation: after normalisation to |a|_1 = 1, the difference of player i has the variance
    (e_i^2 (1 - 2 u_i) + u_i^2 sum_j e_j^2) / |a|_1^2 to first order, where u_i is the player's share. The distance is half a sum of folded
    normals, which are correlated where there are few players (Nabeya 1951). Cosine: half the squared length of the component perpendicular
    to a + b, over |a| |b|; a sum of squares. Both sums are approximated by a gamma distribution with the same mean and variance
    (Satterthwaite 1946; quantile by Wilson & Hilferty 1931). Spearman and top-k: the quantile of 39 draws around the mean of a and b.

    errors: standard errors of a - b. NaN where unknown, then the floor is NaN too; errors of 0 are replaced by the rounding error.
    """
    a, b, errors = np.broadcast_arrays(a, b, errors)
    shape, players = a.shape[:-1], a.shape[-1]
    a, b, errors = (array.reshape(math.prod(shape), players) for array in (a, b, errors))
    (floors,) = summaries.in_parts(lambda a, b, errors: (_floor(a, b, errors, measure),), a, b, errors)
    return floors.reshape(shape)


def _floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, measure: str) -> np.ndarray:
    """`floor` of some rows, (rows, players)."""
    # (players, rows): NumPy sums a few players ten times as fast along the first axis as along the last.
    a, b, errors = (np.ascontiguousarray(array.T, dtype=np.float64) for array in (a, b, errors))
    known = np.isfinite(a) & np.isfinite(b)
    if not known.all():
        a, b, errors = (np.where(known, array, 0) for array in (a, b, errors))
    errors = np.where(known, _at_least_rounding(a, b, errors), 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        floors = FLOORS[measure](a, b, errors, known)
    return np.where(known.any(axis=0) & np.isfinite(errors).all(axis=0), floors, np.nan)


def _at_least_rounding(a: np.ndarray, b: np.ndarray, errors: np.ndarray) -> np.ndarray:
    largest = np.maximum(np.abs(a), np.abs(b)).max(axis=0, initial=0)
    at_least: np.ndarray = np.maximum(errors, ROUNDING * largest)
    return at_least


def _tv_floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, _: np.ndarray) -> np.ndarray:
    size = (np.abs(a).sum(axis=0) + np.abs(b).sum(axis=0)) / 2
    share = a + b
    share = share / np.maximum(np.abs(share).sum(axis=0), np.finfo(float).tiny)
    squares = errors**2
    total = squares.sum(axis=0)
    variance = np.maximum(squares * (1 - 2 * np.abs(share)) + share**2 * total, 0)
    mean, spread = np.sqrt(2 / np.pi) * np.sqrt(variance).sum(axis=0), (1 - 2 / np.pi) * variance.sum(axis=0)
    # Shares sum to 1: where one player's share grows, those of the others shrink.
    if len(variance) > MOST_PAIRED:
        most = _largest(variance)
        share, squares, variance = (array.ravel().take(most) for array in (share, squares, variance))
    spread = spread + 2 * _folded_covariances(share, squares, total, variance)
    floors: np.ndarray = np.minimum(_gamma_quantile(mean, spread) / (2 * size), 1)
    return floors


def _largest(variance: np.ndarray) -> np.ndarray:
    """int (MOST_PAIRED, rows): where the largest numbers of each row are in `variance.ravel()`. variance: (players, rows), at least 0."""
    players, rows = variance.shape
    # Numbers that are not negative are ordered as their bits are, and the last few bits have room for the player.
    mask = (1 << (players - 1).bit_length()) - 1
    keys = np.ascontiguousarray(variance.T).view(np.int64) & ~mask | np.arange(players)
    most = np.partition(keys, players - MOST_PAIRED, axis=-1)[:, players - MOST_PAIRED :] & mask
    places: np.ndarray = np.ascontiguousarray(most.T) * rows + np.arange(rows)
    return places


def _folded_covariances(share: np.ndarray, squares: np.ndarray, total: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """(rows,): the sum over pairs of players of the covariances of |X| and |Y|, where X and Y are the normal errors of their shares, with mean 0.

    share, squares, variance: (players, rows); of squares of errors, `total` is the sum over all players, (rows,).
    """
    signed, deviation = np.where(share == 0, 1, np.sign(share)) * squares, np.sqrt(variance)
    of_total = share * total
    covariances = np.zeros(share.shape[1:])
    for i in range(len(share) - 1):  # the player i and all after it
        product = deviation[i] * deviation[i + 1 :]
        covariance = share[i] * of_total[i + 1 :]
        covariance -= share[i + 1 :] * signed[i]
        covariance -= share[i] * signed[i + 1 :]
        covariance /= np.maximum(product, np.finfo(float).tiny)
        r = np.clip(covariance, -1, 1, out=covariance)
        folded = np.arcsin(r)
        folded *= r
        r *= r
        folded += np.sqrt(np.subtract(1, r, out=r), out=r)
        folded -= 1
        folded *= product
        covariances += folded.sum(axis=0)
    return 2 / np.pi * covariances


def _gamma_quantile(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The quantile 1 - FALSE_ALARMS of a gamma distribution."""
    unit = variance / (9 * mean**2)  # 1 / (9 shape)
    quantile: np.ndarray = mean * (1 - unit + _Z * np.sqrt(unit)) ** 3
    return quantile


def _cosine_floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, _: np.ndarray) -> np.ndarray:
    middle = a + b
    direction = middle**2 / np.maximum((middle**2).sum(axis=0), np.finfo(float).tiny)
    squares = errors**2
    # Trace of P E P, the covariance of the perpendicular component, with P = 1 - u u'; and trace of its square.
    along = (squares * direction).sum(axis=0)
    trace = np.maximum(squares.sum(axis=0) - along, np.finfo(float).tiny)
    trace_of_square = (squares**2 * (1 - 2 * direction)).sum(axis=0) + along**2
    quantile = _gamma_quantile(trace, 2 * np.maximum(trace_of_square, 0))
    floors: np.ndarray = np.minimum(np.maximum(quantile, 0) / (2 * np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))), 2)
    return floors


def _magnitude_floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, _: np.ndarray) -> np.ndarray:
    """The sum of |values| changes by sum_i sign_i e_i."""
    size = (np.abs(a).sum(axis=0) + np.abs(b).sum(axis=0)) / 2
    two_sided = NormalDist().inv_cdf(1 - FALSE_ALARMS / 2)
    floors: np.ndarray = two_sided * np.sqrt((errors**2).sum(axis=0)) / (size * np.log(10))
    return floors


def _drawn_floor(measure: str) -> Callable[..., np.ndarray]:
    def drawn(a: np.ndarray, b: np.ndarray, errors: np.ndarray, known: np.ndarray) -> np.ndarray:
        players = len(a)
        half = np.random.default_rng(0).normal(size=(DRAWS, 1, players)) / 2
        rows = [array.T for array in ((a + b) / 2, errors, known)]
        floors = np.empty(len(rows[0]))
        many = max(1, TOGETHER // (DRAWS * players))
        for start in range(0, len(floors), many):
            middle, error, has_number = (row[start : start + many] for row in rows)
            shift = half * error
            one, other = (np.where(has_number, middle + sign * shift, np.nan) for sign in (1, -1))
            floors[start : start + many] = np.quantile(MEASURES[measure](one, other), 1 - FALSE_ALARMS, axis=0, method="weibull")
        return floors

    return drawn


# Of (players, rows) each: the two explanations, the errors, and which players are known in both.
FLOORS: dict[str, Callable[..., np.ndarray]] = {
    "tv": _tv_floor,
    "cosine": _cosine_floor,
    "magnitude": _magnitude_floor,
    **{measure: _drawn_floor(measure) for measure in ("spearman", "top-k")},
}


def significant_changes(change: np.ndarray, errors: np.ndarray, values: np.ndarray, rate: float = DISCOVERY) -> np.ndarray:
    """Which players changed by more than noise, with a false discovery rate of at most `rate`: bool, the shape of `change`.

    The procedure of Benjamini & Hochberg (1995) over the last two axes, on z = change / errors, which is taken as normal. Each index of the
    axes before is tested by itself.

    Args:
        change, errors: (…, probes, players), a difference and its standard errors; False where either is NaN.
        values: (…, probes, players) of one of the two sides: changes within their rounding error do not count.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        largest = np.nanmax(np.where(np.isfinite(values), np.abs(values), 0), axis=-1, keepdims=True, initial=0)
        scale = np.maximum(errors, ROUNDING * largest)
        z = np.abs(change) / np.where(scale > 0, scale, np.where(change != 0, np.finfo(float).tiny, 1))
    z = np.where(np.isfinite(change) & np.isfinite(errors), z, np.nan)
    families = z.reshape(-1, z.shape[-2] * z.shape[-1])
    least = np.array([_least_z(family, rate) for family in families]).reshape(*z.shape[:-2], 1, 1)
    significant: np.ndarray = z >= least  # False for NaN
    return significant


def _least_z(z: np.ndarray, rate: float) -> float:
    """The smallest significant |z|; infinite where none is significant."""
    ordered = np.sort(z[~np.isnan(z)])[::-1]
    passing = np.flatnonzero(ordered >= _thresholds(len(ordered), rate))
    return float(ordered[passing[-1]]) if len(passing) else np.inf


@lru_cache(maxsize=64)
def _thresholds(count: int, rate: float) -> np.ndarray:
    """|z| of two-sided p = k rate / count, k = 1 … count."""
    return np.array([NormalDist().inv_cdf(1 - k * rate / (2 * count)) for k in range(1, count + 1)])


def variation(distances: np.ndarray) -> np.ndarray:
    """Epoch-to-epoch variation: (…,), the median over the first axis of distances between neighbouring epochs; NaN where there is none."""
    median: np.ndarray = summaries.quartiles(distances[None])[1, 0]
    return median


def share_errors(values: np.ndarray, errors: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Standard errors of `summaries.region_share`: (epochs, probes) of (epochs, probes, players); NaN where no error is known.

    Error propagation with the derivative (f_i - s) / |phi|_1, where s is the share.
    """
    share, size = summaries.region_share(values, inside), summaries.sum_of_known(np.abs(values))
    with np.errstate(invalid="ignore", divide="ignore"):
        share_error = np.sqrt(summaries.sum_of_known(((inside - share[..., None]) * errors) ** 2)) / size
    return np.where(summaries.known_rows(errors), share_error, np.nan)


def debiased(values: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Values without what noise adds to their size: sign(v) sqrt(max(0, v^2 - 2 e^2)).

    The expected |v| of small values grows with their errors. Without this correction, fewer evaluations would look like a larger share.
    """
    squares = values.astype(np.float64) ** 2 - 2 * np.nan_to_num(errors.astype(np.float64)) ** 2
    shrunk: np.ndarray = np.sign(values) * np.sqrt(np.maximum(squares, 0))
    return shrunk


def change_errors(errors: np.ndarray, others: np.ndarray, noise: np.ndarray | None, other_noise: np.ndarray | None) -> np.ndarray:
    """Standard errors of the difference of two attributions: sqrt(e^2 + f^2 - 2 r e f), where r is the correlation of their sampling errors.

    Args:
        errors, others: (..., players), standard errors of each.
        noise, other_noise: (..., numbers), the sketches of their sampling errors (see `explainers.errors.sketch`); r is the cosine of the
            sketches. None where the errors are independent, or there are none.

    Returns:
        float32 (..., players).
    """
    r = np.zeros((*errors.shape[:-1], 1))
    if noise is not None and other_noise is not None:
        # Sums of 64 products of numbers of 8 bits are exact in float32.
        exact = np.float32 if noise.dtype == other_noise.dtype == np.int8 else np.float64
        a, b = noise.astype(exact), other_noise.astype(exact)
        length = np.sqrt(_dot(a, a) * _dot(b, b))
        r = np.where(length > 0, _dot(a, b) / np.where(length > 0, length, 1), 0)[..., None]
    e, f = errors.astype(np.float64), others.astype(np.float64)
    # e^2 + f^2 - 2 r e f, written so that rounding can't make it negative.
    of_difference: np.ndarray = np.sqrt((e - f) ** 2 + 2 * np.clip(1 - r, 0, 2) * e * f).astype(np.float32)
    return of_difference


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """float64 (…,): sums of products over the last axis."""
    return np.asarray(np.einsum("...i,...i->...", a, b).astype(np.float64))


def errors_between(
    errors: np.ndarray,
    others: np.ndarray,
    noise: np.ndarray | None,
    other_noise: np.ndarray | None,
    *,
    same_level: np.ndarray,
    same_class: np.ndarray,
) -> np.ndarray:
    """`change_errors` of explanations that may have different numbers of coalitions, or explain different classes.

    Args:
        same_level: bool, the first axes of `noise`: whether both have the same coalitions. With different ones, the errors are independent.
        same_class: bool (...,): whether both explain the same class. Where they do not, the result is NaN.
    """
    if noise is not None and other_noise is not None and not same_level.all():
        # The cosine with a sketch of zeros is 0.
        noise = noise * same_level.reshape(*same_level.shape, *[1] * (noise.ndim - same_level.ndim))
    between: np.ndarray = np.where(same_class[..., None], change_errors(errors, others, noise, other_noise), np.float32(np.nan))
    return between
