"""What of a difference is noise: floors of distances, players that really changed, and how much explanations move when nothing happens. numpy only.

Errors here are standard errors of differences, as `change_errors` gives them: with the same coalitions they are far smaller than
those of the attributions themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import combinations
from statistics import NormalDist

import numpy as np

from tb_xai_plugin.judgement import summaries
from tb_xai_plugin.judgement.distances import MEASURES

# A distance above its floor happens by sampling alone in this share of cases.
FALSE_ALARMS = 0.05

# False discovery rate of players said to have changed.
DISCOVERY = 0.05

# Errors below this share of the larger value are rounding: a network in float32 answers no more exactly.
ROUNDING = 1e-5

# Draws for the floors that have no closed form, and how many numbers are drawn at once.
DRAWS = 39  # of so many, the largest but one is the 95 % quantile without a guess
TOGETHER = 2**20

# So many players, those of the largest errors, are asked how their parts of the whole go together; among more it makes a twentieth of the spread.
MOST_PAIRED = 8

# Of the epochs before, how many tell how far an explanation moves as a rule.
RECENT = 8

_Z = NormalDist().inv_cdf(1 - FALSE_ALARMS)


def floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, measure: str = "tv") -> np.ndarray:
    """The distance of a and b that sampling errors alone leave below in 95 of 100 cases, if both explain the same: (…,) of (…, players).

    Total variation: normalised to length 1, the difference of player i has the variance (e_i^2 (1 - 2 u_i) + u_i^2 sum_j e_j^2) / |a|_1^2 to
    first order, u_i its share of the whole; so the distance is half a sum of folded normals, which go together where there are few (Nabeya 1951).
    Cosine: half the squared length of what is across, over |a| |b|: a sum of squares. Both are taken as gamma distributed, with that mean and
    variance (Satterthwaite 1946; quantile after Wilson & Hilferty 1931). Ranks and top players: 39 draws about the mean of both.

    errors: of a - b, NaN where unknown (then the floor is); 0 counts as rounding.
    """
    a, b, errors = np.broadcast_arrays(a, b, errors)
    if a.ndim > 2 and a.size > TOGETHER and len(a) > 1:
        # A long record all at once takes a gigabyte.
        half = len(a) // 2
        return np.concatenate([floor(*(array[part] for array in (a, b, errors)), measure) for part in (slice(half), slice(half, None))])
    a, b, errors = (array.astype(np.float64) for array in (a, b, errors))
    there = np.isfinite(a) & np.isfinite(b)
    a, b = np.where(there, a, 0), np.where(there, b, 0)
    errors = np.where(there, _at_least_rounding(a, b, errors), 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = FLOORS[measure](a, b, errors, there)
    return np.where(there.any(axis=-1) & np.isfinite(errors).all(axis=-1), found, np.nan)


def _at_least_rounding(a: np.ndarray, b: np.ndarray, errors: np.ndarray) -> np.ndarray:
    largest = np.maximum(np.abs(a), np.abs(b)).max(axis=-1, keepdims=True, initial=0)
    return np.maximum(errors, ROUNDING * largest)


def _tv_floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, _: np.ndarray) -> np.ndarray:
    size = (np.abs(a).sum(axis=-1) + np.abs(b).sum(axis=-1)) / 2
    part = a + b
    part = part / np.maximum(np.abs(part).sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    squares = errors**2
    total = squares.sum(axis=-1, keepdims=True)
    variance = np.maximum(squares * (1 - 2 * np.abs(part)) + part**2 * total, 0)
    mean, spread = np.sqrt(2 / np.pi) * np.sqrt(variance).sum(axis=-1), (1 - 2 / np.pi) * variance.sum(axis=-1)
    # What one player's part gains the others lose.
    most = np.argsort(-variance, axis=-1)[..., :MOST_PAIRED]
    part, squares, variance = (np.take_along_axis(array, most, axis=-1) for array in (part, squares, variance))
    pulls = np.where(part == 0, 1, np.sign(part)) * squares
    for i, j in combinations(range(most.shape[-1]), 2):
        together = part[..., i] * part[..., j] * total[..., 0] - part[..., j] * pulls[..., i] - part[..., i] * pulls[..., j]
        spread = spread + 2 * _folded_covariance(together, variance[..., i], variance[..., j])
    return np.minimum(_gamma_quantile(mean, spread) / (2 * size), 1)


def _folded_covariance(covariance: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of |X| and |Y|, jointly normal about 0, of their covariance and variances."""
    product = np.sqrt(one * other)
    r = np.clip(covariance / np.where(product > 0, product, 1), -1, 1)
    return 2 / np.pi * product * (np.sqrt(1 - r**2) + r * np.arcsin(r) - 1)


def _gamma_quantile(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The quantile 1 - FALSE_ALARMS of a gamma distribution."""
    unit = variance / (9 * mean**2)  # 1 / (9 shape)
    return mean * (1 - unit + _Z * np.sqrt(unit)) ** 3


def _cosine_floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, _: np.ndarray) -> np.ndarray:
    middle = a + b
    direction = middle**2 / np.maximum((middle**2).sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    squares = errors**2
    # Trace of the covariance of what is across, P E P with P = 1 - u u', and of its square.
    along = (squares * direction).sum(axis=-1)
    trace = np.maximum(squares.sum(axis=-1) - along, np.finfo(float).tiny)
    trace_of_square = (squares**2 * (1 - 2 * direction)).sum(axis=-1) + along**2
    quantile = _gamma_quantile(trace, 2 * np.maximum(trace_of_square, 0))
    return np.minimum(np.maximum(quantile, 0) / (2 * np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))), 2)


def _magnitude_floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, _: np.ndarray) -> np.ndarray:
    """The sum of |values| moves by sum_i sign_i e_i."""
    size = (np.abs(a).sum(axis=-1) + np.abs(b).sum(axis=-1)) / 2
    two_sided = NormalDist().inv_cdf(1 - FALSE_ALARMS / 2)
    return two_sided * np.sqrt((errors**2).sum(axis=-1)) / (size * np.log(10))


def _drawn_floor(measure: str) -> Callable[..., np.ndarray]:
    def drawn(a: np.ndarray, b: np.ndarray, errors: np.ndarray, there: np.ndarray) -> np.ndarray:
        players = a.shape[-1]
        half = np.random.default_rng(0).normal(size=(DRAWS, 1, players)) / 2
        rows = [array.reshape(-1, players) for array in ((a + b) / 2, errors, there)]
        found = np.empty(len(rows[0]))
        many = max(1, TOGETHER // (DRAWS * players))
        for start in range(0, len(found), many):
            middle, error, known = (row[start : start + many] for row in rows)
            moved = half * error
            pair = (np.where(known, middle + sign * moved, np.nan) for sign in (1, -1))
            found[start : start + many] = np.quantile(MEASURES[measure](*pair), 1 - FALSE_ALARMS, axis=0, method="weibull")
        return found.reshape(a.shape[:-1])

    return drawn


FLOORS: dict[str, Callable[..., np.ndarray]] = {
    "tv": _tv_floor,
    "cosine": _cosine_floor,
    "magnitude": _magnitude_floor,
    **{measure: _drawn_floor(measure) for measure in ("spearman", "top-k")},
}


def really_changed(change: np.ndarray, errors: np.ndarray, values: np.ndarray, rate: float = DISCOVERY) -> np.ndarray:
    """Which players changed by more than noise: bool, the shape of `change`; of those it names, at most a share `rate` did not, on average.

    Benjamini & Hochberg (1995) over the last two axes, on z = change / errors taken as normal; each place of the axes before is judged by itself.

    Args:
        change, errors: (…, probes, players), a difference and its standard errors; NaN where there is none, never named.
        values: (…, probes, players) of one of both sides: changes within their rounding are none.
    """
    with np.errstate(invalid="ignore"):
        largest = np.nanmax(np.where(np.isfinite(values), np.abs(values), 0), axis=-1, keepdims=True, initial=0)
        scale = np.maximum(errors, ROUNDING * largest)
        z = np.abs(change) / np.where(scale > 0, scale, np.where(change != 0, np.finfo(float).tiny, 1))
    z = np.where(np.isfinite(change) & np.isfinite(errors), z, np.nan)
    families = z.reshape(-1, z.shape[-2] * z.shape[-1])
    least = np.array([_least_z(family, rate) for family in families]).reshape(*z.shape[:-2], 1, 1)
    return z >= least  # NaN is not


def _least_z(z: np.ndarray, rate: float) -> float:
    """The smallest |z| that counts."""
    ordered = np.sort(z[~np.isnan(z)])[::-1]
    passing = np.flatnonzero(ordered >= _thresholds(len(ordered), rate))
    return float(ordered[passing[-1]]) if len(passing) else np.inf


@lru_cache(maxsize=64)
def _thresholds(count: int, rate: float) -> np.ndarray:
    """|z| of two-sided p = k rate / count, k = 1 … count."""
    return np.array([NormalDist().inv_cdf(1 - k * rate / (2 * count)) for k in range(1, count + 1)])


def jitter(steps_apart: np.ndarray) -> np.ndarray:
    """How far explanations move as a rule: (…,) the median over the first axis of distances between neighbouring epochs; NaN where there is none."""
    return summaries.quartiles(steps_apart[None])[1, 0]


def share_errors(values: np.ndarray, errors: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Standard errors of `summaries.region_share`, by its derivative f_i - s over |phi|_1: (epochs, probes) of (epochs, probes, players).

    NaN where no error is known.
    """
    share, size = summaries.region_share(values, inside), np.nansum(np.abs(values), axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.sqrt(np.nansum(((inside - share[..., None]) * errors) ** 2, axis=-1)) / size
    return np.where(np.isfinite(errors).any(axis=-1), found, np.nan)


def without(values: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Values less what noise adds to their size: sign(v) sqrt(max(0, v^2 - 2 e^2)).

    |v| of many small values grows with their errors: without this, fewer evaluations look like a share of their own.
    """
    squares = values.astype(np.float64) ** 2 - 2 * np.nan_to_num(errors.astype(np.float64)) ** 2
    return np.sign(values) * np.sqrt(np.maximum(squares, 0))


def change_errors(errors: np.ndarray, others: np.ndarray, noise: np.ndarray | None, other_noise: np.ndarray | None) -> np.ndarray:
    """Standard errors of the difference of two attributions: sqrt(e^2 + f^2 - 2 r e f), r the correlation of their sampling errors.

    Args:
        errors, others: (..., players), standard errors of each.
        noise, other_noise: (..., numbers), their sketches (see `explainers.errors.sketch`): r is their cosine. None where the errors are
            independent, or there are none.

    Returns:
        float32 (..., players).
    """
    r = np.zeros((*errors.shape[:-1], 1))
    if noise is not None and other_noise is not None:
        a, b = noise.astype(np.float64), other_noise.astype(np.float64)
        length = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
        r = np.where(length > 0, (a * b).sum(axis=-1) / np.where(length > 0, length, 1), 0)[..., None]
    e, f = errors.astype(np.float64), others.astype(np.float64)
    # e^2 + f^2 - 2 r e f, written so that rounding can't make it negative.
    return np.sqrt((e - f) ** 2 + 2 * np.clip(1 - r, 0, 2) * e * f).astype(np.float32)
