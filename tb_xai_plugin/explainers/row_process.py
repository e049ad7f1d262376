"""Shapley values of a row of a table by universal kriging on the model's inputs: a linear trend and a Gaussian process over rows, solved once.

The process is one over the rows that the model is evaluated on: z, with the probe's features where a coalition has them and those of a reference row
elsewhere. The reference rows themselves, which are evaluated once for all probes, belong to it. So one evaluation says something about all coalitions
and all reference rows near it. The kernel is a sum of two products over players, with D_j the distance of two values in standard deviations:

    k(z, z') = prod_j exp(-D_j^2 / n)  +  ROUGH prod_j (1 + (2/n) exp(-D_j)) / (1 + 2/n)

The first is smooth, like a network; the second has jumps, like a tree, and gives interactions of each order the same share for any number n of players. The
trend is linear in the features, so linear models are exact. A Shapley value is linear in the function (Owen, 1972):

    phi_i f = mean over reference rows b of the integral over q from 0 to 1 of E_q[f(x_S + i, b) - f(x_S, b)]

where each other player is in S with probability q. Of a product over players it is an integral of a product, which a few nodes of Gauss-Legendre
quadrature give to 1e-6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.games.table_rows import TableRows

# Variance of the second kernel, in units of the first.
ROUGH = 0.5
# Added to the diagonal: the part of the outputs that neither kernel explains, in units of the first kernel's variance.
NUGGET = 1e-3
# Standard errors are those of the leave-one-out residuals times the square root of ERRORS[0] + ERRORS[1] n / rows. Residuals alone are too small: what a
# player does by itself is read off the same rows, so the more players there are for them, the more of it the residuals lack. Measured; see decision 14.
ERRORS = 1.1, 4.0
# Nodes of the quadrature.
NODES = 4
# Smallest singular value of the trend's regressors that counts, in units of the largest.
RANK = 1e-8
# Most rows, besides the reference rows, that are solved together: time grows with their cube. More are solved in parts, whose values are averaged.
MOST_TOGETHER = 2400
# Most bytes of matrices of residuals, and most reference rows, at which "auto" chooses this process: set-up takes some seconds then, not minutes.
MOST_BYTES = 2**29
MOST_REFERENCES = 256
# Triangular matrices up to this size are inverted by LAPACK, larger ones in halves.
LAPACK_UP_TO = 128


@dataclass(frozen=True)
class Part:
    """Rows that were solved together, and the leave-one-out residuals of outputs on them.

    Attributes:
        rows: int (k,).
        regressors: float64 (k, terms), of the trend.
        trend: float64 (terms, k), outputs -> coefficients of the trend.
        process: float32 (k, k), V of `_solved`.
        precision: float64 (k, 1), the diagonal of V' V.
    """

    rows: np.ndarray
    regressors: np.ndarray
    trend: np.ndarray
    process: np.ndarray
    precision: np.ndarray

    def left_out(self, outputs: np.ndarray) -> np.ndarray:
        """float64 (k, games), each output minus its prediction from the others (Dubrule, 1983). outputs: (k, games)."""
        remainder = outputs - self.regressors @ (self.trend @ outputs)
        # Single precision is enough for what the trend leaves, whatever its unit.
        unit = np.abs(remainder).max(axis=0)
        unit = np.where(unit > 0, unit, 1)
        return np.asarray((self.process.T @ (self.process @ (remainder / unit).astype(np.float32))) * (unit / self.precision))


@dataclass(frozen=True)
class RowProcess:
    """The solution for the rows of one probe. Rows are ordered as in `TableRows.masks`.

    Attributes:
        references: number of reference rows.
        A: float64 (players, rows), outputs -> Shapley values, which sum to the output on the probe minus the mean over the reference rows.
        pairs: int (k, 2), the two rows of each pair of coalitions with one reference row.
        parts: rows that were solved together, and what their leave-one-out residuals take.
    """

    references: int
    A: np.ndarray
    pairs: np.ndarray
    parts: list[Part]

    @classmethod
    def of(cls, rows: TableRows) -> RowProcess:
        references = rows.references
        masks, pairs = rows.masks, _pairs(rows)
        count = max(-(-2 * len(pairs) // MOST_TOGETHER), 1)
        A, parts = np.zeros((masks.shape[1], len(masks))), []
        for start in range(count):
            # The reference rows and the probe itself, which comes after them, are in every part.
            together = np.concatenate([np.arange(references + 1), pairs[start::count].ravel()])
            values, part = _solved(rows, together)
            A[:, together] += values / count
            parts.append(part)
        total = np.zeros(len(masks))
        total[:references], total[references] = -rows.weights, 1.0
        return cls(references, A + (total - A.sum(axis=0)) / len(A), pairs, parts)

    @property
    def widening(self) -> float:
        """The factor of standard errors from leave-one-out residuals; see ERRORS."""
        solved = np.mean([len(part.rows) for part in self.parts])
        return float(np.sqrt(ERRORS[0] + ERRORS[1] * len(self.A) / solved))

    @property
    def halves(self) -> np.ndarray:
        """int (2 k,), the rows in the order of `HalvesErrors`: the pairs, and each reference row as a pair with none, -1."""
        alone = np.stack([np.arange(self.references), np.full(self.references, -1)], axis=1)
        return np.concatenate([self.pairs.ravel(), alone.ravel()])

    def left_out(self, outputs: np.ndarray) -> np.ndarray:
        """Leave-one-out residuals of outputs (rows, games): each output minus its prediction from all others that were solved with it."""
        residuals, times = np.zeros(outputs.shape), np.zeros((len(outputs), 1))
        for part in self.parts:
            residuals[part.rows] += part.left_out(outputs[part.rows])
            times[part.rows] += 1
        return residuals / np.maximum(times, 1)


def affordable(probes: int, references: int, evaluations: int) -> bool:
    """Whether the process of each probe can be solved within some seconds and some memory. evaluations: of a probe."""
    parts = max(-(-evaluations // MOST_TOGETHER), 1)
    return references <= MOST_REFERENCES and 4 * probes * parts * (references + evaluations / parts) ** 2 <= MOST_BYTES


def _pairs(rows: TableRows) -> np.ndarray:
    """int (k, 2), rows that take complementary coalitions and the same reference row; without copies of the probe and of reference rows."""
    repeats = rows.turns.shape[1]
    evaluated = np.arange(rows.turns.size * 2).reshape(-1, 2, repeats)[1:]
    return rows.references + np.asarray(evaluated.swapaxes(1, 2).reshape(-1, 2))


def _solved(rows: TableRows, together: np.ndarray) -> tuple[np.ndarray, Part]:
    """Universal kriging from some rows: the matrix of the values, float64 (players, k), and what leave-one-out residuals take.

    With covariance K = G G' of the outputs, regressors Q of the trend, C the covariance of outputs and values, L the values of the trend's terms, and
    the projection P that takes G^-1 Q away:

        A = L B + C' M,    B = (Q' K^-1 Q)^-1 Q' K^-1,    M = K^-1 - K^-1 Q B = V' V,    V = P G^-1
    """
    masks, turns = rows.masks[together], rows.reference_of[together]
    present = masks.astype(np.float64)
    K, C = np.zeros((len(masks), len(masks))), np.zeros(masks.shape)
    for variance, logarithm in kernels(rows.squares):
        K += variance * covariance(logarithm, present, turns)
        C += variance * covariance_with_values(logarithm, present, turns, rows.weights)
    K[np.diag_indices_from(K)] += NUGGET
    Q, L = _trend(rows, masks, turns)
    whitened = _inverse_of_lower(np.linalg.cholesky(K))
    basis, triangle = np.linalg.qr(whitened @ Q)
    of_basis = basis.T @ whitened
    B = np.linalg.solve(triangle, of_basis)
    V = whitened - basis @ of_basis
    return L @ B + (V @ C).T @ V, Part(together, Q, B, V.astype(np.float32), (V**2).sum(axis=0)[:, None])


def kernels(squares: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """The kernels: the variance of each, and the logarithm of each player's factor between its values. squares: see `TableRows`."""
    n = len(squares)
    return [(1.0, -squares / n), (ROUGH, np.log((1 + 2 / n * np.exp(-np.sqrt(squares))) / (1 + 2 / n)))]


def _trend(rows: TableRows, masks: np.ndarray, turns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal regressors (k, terms) that span a constant and the features, and the Shapley values of each, (players, terms).

    With more features than half the rows, the terms are those that vary most.
    """
    X = np.where(masks[:, rows.player_of], rows.features[-1], rows.features[turns])
    of_player = np.zeros((masks.shape[1], 1 + X.shape[1]))
    of_player[rows.player_of, 1 + np.arange(X.shape[1])] = rows.features[-1] - rows.weights @ rows.features[:-1]
    X = np.concatenate([np.ones((len(X), 1)), X], axis=1)
    length = np.maximum(np.sqrt((X**2).sum(axis=0)), 1e-300)
    Q, sizes, terms = np.linalg.svd(X / length, full_matrices=False)
    most = min(int((sizes > RANK * sizes[0]).sum()), len(X) // 2)
    return Q[:, :most], (of_player / length) @ terms[:most].T / sizes[:most]


def _inverse_of_lower(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a lower triangular matrix, from those of its two triangles: a third of the time of LAPACK's general one."""
    if len(matrix) <= LAPACK_UP_TO:
        return np.linalg.inv(matrix)
    half = len(matrix) // 2
    first, second = _inverse_of_lower(matrix[:half, :half]), _inverse_of_lower(matrix[half:, half:])
    inverse = np.zeros_like(matrix)
    inverse[:half, :half], inverse[half:, half:] = first, second
    inverse[half:, :half] = -second @ (matrix[half:, :half] @ first)
    return inverse


def covariance(logarithm: np.ndarray, present: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """float64 (k, k), a kernel that is a product over players, between the rows of one probe.

    Args:
        logarithm: float64 (players, references + 1, references + 1), the logarithm of each player's factor between its values.
        present: float64 (k, players), 1 where the player has the probe's value.
        turns: int (k,), the reference row of the other players.
    """
    absent = 1 - present
    # The factor is 1 where both rows have the probe's value. Where one has it:
    one = present @ (absent * logarithm[:, -1].T[turns]).T
    K = one + one.T
    for reference in np.unique(turns):
        members = np.flatnonzero(turns == reference)
        K[members] += absent[members] @ (absent * logarithm[:, reference].T[turns]).T
    return np.asarray(np.exp(K))


def covariance_with_values(logarithm: np.ndarray, present: np.ndarray, turns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """float64 (k, players), prior covariance of the output on each row with each Shapley value; the arguments are those of `covariance`.

    With k_j the factor of player j, x the probe and z the row:

        sum_b w_b integral dq (k_i(x, z) - k_i(b, z)) prod_{j != i} (q k_j(x, z) + (1 - q) k_j(b, z))
    """
    nodes, shares = np.polynomial.legendre.leggauss(NODES)
    q = ((nodes + 1) / 2)[None, :, None]
    weight = np.outer(weights, shares / 2).ravel()

    def factors(of_probe: np.ndarray | float, of_reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The logarithm of each player's mean factor, and its difference in units of it: (references * NODES, players)."""
        mean = q * of_probe + (1 - q) * of_reference[:, None]
        relative = (of_probe - of_reference)[:, None] / mean
        return np.log(mean).reshape(len(weight), -1), relative.reshape(len(weight), -1)

    factor = np.exp(logarithm)
    of_present, relative_present = factors(1.0, factor[:, -1, :-1].T)
    C = np.empty_like(present)
    for reference in np.unique(turns):
        members = np.flatnonzero(turns == reference)
        of_absent, relative_absent = factors(factor[:, -1, reference], factor[:, :-1, reference].T)
        product = np.exp(present[members] @ (of_present - of_absent).T + of_absent.sum(axis=1)) * weight
        C[members] = np.where(present[members] > 0, product @ relative_present, product @ relative_absent)
    return C
