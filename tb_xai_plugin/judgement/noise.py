"""Noise floors: the distance that sampling error alone explains, which players changed significantly, and the epoch-to-epoch variation. numpy only.

Errors in this module are standard errors of differences, as `change_errors` computes them. With the same coalitions they are far smaller
than the errors of the attributions themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TypeAlias

import numpy as np

from tb_xai_plugin.explainers.contract import SKETCH
from tb_xai_plugin.judgement import summaries
from tb_xai_plugin.judgement.distances import MEASURES
from tb_xai_plugin.records import wire

# Sampling error alone exceeds the floor in this share of cases.
FALSE_ALARMS = 0.05

# False discovery rate of the players that are reported as changed.
DISCOVERY = 0.05

# Errors below this share of the larger value are rounding: the outputs of a network in float32 are no more exact.
ROUNDING = 1e-5

# Draws for the floors that have no closed form, and how many of their numbers are processed at once.
DRAWS = 39  # of 39 draws, the second largest is the 95 % quantile without interpolation
TOGETHER = 2**20

# How many earlier epochs the epoch-to-epoch variation is taken from.
RECENT = 8

_Z = NormalDist().inv_cdf(1 - FALSE_ALARMS)


# What was logged of the sampling errors of two attributions, int8 (…, numbers) each; None where nothing is drawn.
LoggedPair: TypeAlias = tuple[np.ndarray | None, np.ndarray | None]
NOTHING: LoggedPair = (None, None)


@dataclass(frozen=True)
class Errors:
    """Errors of a - b, (players, rows), as a factor model: G z + sqrt(own) e with z and e standard normal, independent of each other.

    Attributes:
        squares: the variance of each player.
        own: the part of it that no other player shares.
        G: (players, factors, rows).
    """

    squares: np.ndarray
    own: np.ndarray
    G: np.ndarray

    @classmethod
    def of(cls, errors: np.ndarray, loadings: np.ndarray) -> Errors:
        """errors: (players, rows); loadings: (players, factors, rows)."""
        shared = np.einsum("ikr,ikr->ir", loadings, loadings)
        # As they were logged, in few levels, they may explain a little more than there is.
        G = errors[:, None] * loadings / np.sqrt(np.maximum(shared, 1))[:, None]
        return cls(errors**2, errors**2 * (1 - np.minimum(shared, 1)), G)

    def along(self, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The covariance of each player's error with sum_i direction_i error_i, (players, rows), and the variance of that sum, (rows,)."""
        shared = np.einsum("ikr,ir->kr", self.G, direction)
        covariance = np.einsum("ikr,kr->ir", self.G, shared) + self.own * direction
        return covariance, (shared**2).sum(axis=0) + (self.own * direction**2).sum(axis=0)


def floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, measure: str = "tv", logged: LoggedPair = NOTHING) -> np.ndarray:
    """The distance that a and b stay below in 95 of 100 cases if only sampling error separates them: (…,) of (…, players).

    Total variation: after normalisation to |a|_1 = 1, the error of player i is (e_i - u_i sum_j s_j e_j) / |a|_1 to first order, where u_i is the player's
    share and s_j the sign of player j. The distance is half a sum of folded normals, which are correlated (Nabeya 1951). Cosine: half the squared
    length of the component perpendicular to a + b, over |a| |b|; a sum of squares. Both sums are approximated by a gamma distribution with the same
    mean and variance (Satterthwaite 1946; quantile by Wilson & Hilferty 1931). Spearman and top-k: the quantile of 39 draws around the mean of a and b.

    Args:
        errors: standard errors of a - b. NaN where unknown, then the floor is NaN too; errors of 0 are replaced by the rounding error.
        logged: of the sampling errors of a and of b, (…, numbers) each; it tells how the errors of players go together. See `shared`.
    """
    a, b, errors = np.broadcast_arrays(a, b, errors)
    shape, players = a.shape[:-1], a.shape[-1]
    rows = math.prod(shape)
    a, b, errors = (array.reshape(rows, players) for array in (a, b, errors))
    sides = [side.reshape(rows, side.shape[-1]) for side in logged if side is not None]
    (floors,) = summaries.in_parts(lambda *arrays: (_floor(*arrays, measure=measure),), a, b, errors, *sides)
    return floors.reshape(shape)


def _floor(a: np.ndarray, b: np.ndarray, errors: np.ndarray, *logged: np.ndarray, measure: str) -> np.ndarray:
    """`floor` of some rows, (rows, players)."""
    loadings = shared(logged)
    if loadings is None:
        loadings = np.empty((*a.shape, 0))
    # (players, rows): NumPy sums a few players ten times as fast along the first axis as along the last.
    a, b, errors = (np.ascontiguousarray(array.T, dtype=np.float64) for array in (a, b, errors))
    known = np.isfinite(a) & np.isfinite(b)
    if not known.all():
        a, b, errors = (np.where(known, array, 0) for array in (a, b, errors))
    errors = np.where(known, _at_least_rounding(a, b, errors), 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        floors = FLOORS[measure](a, b, Errors.of(errors, np.ascontiguousarray(loadings.transpose(1, 2, 0), dtype=np.float64)), known)
    return np.where(known.any(axis=0) & np.isfinite(errors).all(axis=0), floors, np.nan)


def _rounding(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(rows,): the rounding error of the largest value."""
    return ROUNDING * np.asarray(np.maximum(np.abs(a), np.abs(b)).max(axis=0, initial=0))


def _at_least_rounding(a: np.ndarray, b: np.ndarray, errors: np.ndarray) -> np.ndarray:
    at_least: np.ndarray = np.maximum(errors, _rounding(a, b))
    return at_least


def _tv_floor(a: np.ndarray, b: np.ndarray, errors: Errors, _: np.ndarray) -> np.ndarray:
    size = (np.abs(a).sum(axis=0) + np.abs(b).sum(axis=0)) / 2
    share = a + b
    share = share / np.maximum(np.abs(share).sum(axis=0), np.finfo(float).tiny)
    # Shares sum to 1: where one player's share grows, those of the others shrink.
    with_total, of_total = errors.along(np.where(share == 0, 1, np.sign(share)))
    variance = np.maximum(errors.squares - 2 * share * with_total + share**2 * of_total, 0)
    mean, spread = np.sqrt(2 / np.pi) * np.sqrt(variance).sum(axis=0), (1 - 2 / np.pi) * variance.sum(axis=0)
    spread = spread + 2 / np.pi * _paired(share, with_total, of_total, variance, errors)
    floors: np.ndarray = np.minimum(_gamma_quantile(mean, spread) / (2 * size), 1)
    return floors


def _paired(share: np.ndarray, with_total: np.ndarray, of_total: np.ndarray, variance: np.ndarray, errors: Errors) -> np.ndarray:
    """(rows,): pi / 2 times the sum over pairs i != k of the covariances of |X_i| and |X_k|, where X are errors of shares.

    For a correlation r it is r^2 / 2 to first order, times the standard deviations. The covariances of X are B Q B' off the diagonal, with B of few
    columns, so the sum is a trace, and no pair is visited. At r = 1 it would be an eighth too small, which is added for the mean of r^2.
    """
    B = np.concatenate([errors.G, share[:, None], with_total[:, None]], axis=1)
    deviation = np.sqrt(np.maximum(variance, np.finfo(float).tiny))
    S = np.einsum("ipr,iqr->rpq", B / deviation[:, None], B)
    Q = np.zeros_like(S)
    factors = np.arange(errors.G.shape[1])
    Q[:, factors, factors] = 1
    Q[:, -2, -2], Q[:, -1, -2], Q[:, -2, -1] = of_total, -1, -1
    product = Q @ S
    own = (variance - errors.own) ** 2 / deviation**2
    total = np.maximum(np.einsum("rpq,rqp->r", product, product) - own.sum(axis=0), 0)
    largest = np.maximum(deviation.sum(axis=0) ** 2 - variance.sum(axis=0), np.finfo(float).tiny)  # where all r are 1
    return np.asarray(total * (1 + (np.pi - 3) * np.minimum(total / largest, 1)) / 2)


def _gamma_quantile(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The quantile 1 - FALSE_ALARMS of a gamma distribution."""
    unit = variance / (9 * mean**2)  # 1 / (9 shape)
    quantile: np.ndarray = mean * (1 - unit + _Z * np.sqrt(unit)) ** 3
    return quantile


def _cosine_floor(a: np.ndarray, b: np.ndarray, errors: Errors, _: np.ndarray) -> np.ndarray:
    middle = a + b
    direction = middle / np.sqrt(np.maximum((middle**2).sum(axis=0), np.finfo(float).tiny))
    # Trace of P C P, the covariance of the perpendicular component, with P = 1 - u u'; and trace of its square.
    with_direction, along = errors.along(direction)
    total = errors.squares.sum(axis=0)
    trace = np.maximum(total - along, np.maximum(np.finfo(float).eps * total, np.finfo(float).tiny))
    shared = np.einsum("ikr,ilr->klr", errors.G, errors.G)
    trace_of_square = (shared**2).sum(axis=(0, 1)) + (errors.own * (2 * errors.squares - errors.own)).sum(axis=0)
    trace_of_square += along**2 - 2 * (with_direction**2).sum(axis=0)
    quantile = _gamma_quantile(trace, 2 * np.maximum(trace_of_square, 0))
    floors: np.ndarray = np.minimum(np.maximum(quantile, 0) / (2 * np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))), 2)
    return floors


def _magnitude_floor(a: np.ndarray, b: np.ndarray, errors: Errors, _: np.ndarray) -> np.ndarray:
    """The sum of |values| changes by sum_i sign_i e_i."""
    size = (np.abs(a).sum(axis=0) + np.abs(b).sum(axis=0)) / 2
    two_sided = NormalDist().inv_cdf(1 - FALSE_ALARMS / 2)
    middle = a + b
    _, of_total = errors.along(np.where(middle == 0, 1, np.sign(middle)))
    floors: np.ndarray = two_sided * np.sqrt(of_total) / (size * np.log(10))
    return floors


def _drawn_floor(measure: str) -> Callable[..., np.ndarray]:
    def drawn(a: np.ndarray, b: np.ndarray, errors: Errors, known: np.ndarray) -> np.ndarray:
        players, factors, count = errors.G.shape
        rng = np.random.default_rng(0)
        own, shared, ties = (rng.normal(size=(DRAWS, 1, size)) / 2 for size in (players, factors, players))
        # Players that the model ignores are ranked by rounding errors, anew in each explanation.
        middle, rounding = ((a + b) / 2).T, _rounding(a, b)[:, None]
        floors = np.empty(count)
        many = max(1, TOGETHER // (DRAWS * players))
        for start in range(0, count, many):
            part = slice(start, start + many)
            shift = own * np.sqrt(errors.own.T[part]) + np.einsum("dnk,ikr->dri", shared, errors.G[:, :, part])
            around = middle[part] + ties * rounding[part]
            one, other = (np.where(known.T[part], around + sign * shift, np.nan) for sign in (1, -1))
            floors[part] = np.quantile(MEASURES[measure](one, other), 1 - FALSE_ALARMS, axis=0, method="weibull")
        return floors

    return drawn


# Of (players, rows) each: the two explanations, the errors of their difference, and which players are known in both.
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
        noise, other_noise: (..., numbers), what was logged of their sampling errors, which begins with a sketch (see `explainers.errors.sketch`); r is
            the cosine of the sketches. None where the errors are independent, or there are none.

    Returns:
        float32 (..., players).
    """
    r = np.zeros((*errors.shape[:-1], 1))
    if noise is not None and other_noise is not None:
        # Sums of 64 products of numbers of 8 bits are exact in float32.
        exact = np.float32 if noise.dtype == other_noise.dtype == np.int8 else np.float64
        a, b = noise[..., :SKETCH].astype(exact), other_noise[..., :SKETCH].astype(exact)
        length = np.sqrt(_dot(a, a) * _dot(b, b))
        r = np.where(length > 0, _dot(a, b) / np.where(length > 0, length, 1), 0)[..., None]
    e, f = errors.astype(np.float64), others.astype(np.float64)
    # e^2 + f^2 - 2 r e f, written so that rounding can't make it negative.
    of_difference: np.ndarray = np.sqrt((e - f) ** 2 + 2 * np.clip(1 - r, 0, 2) * e * f).astype(np.float32)
    return of_difference


def shared(logged: Sequence[np.ndarray]) -> np.ndarray | None:
    """How the errors of players go together in the difference of two attributions: loadings L (..., players, factors), L L' off the diagonal.

    Their correlations are taken to be the mean of those of both sides.

    logged: int8 (..., numbers), what was logged of each. Sketches alone, as in records of version 0.1.0, tell nothing of players: None.
    """
    sides = [side for one in logged if (side := wire.decode_loadings(one)) is not None]
    return np.concatenate(sides, axis=-1) / np.sqrt(np.float32(len(sides))) if sides else None


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
