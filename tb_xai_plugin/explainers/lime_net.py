"""LIME Net: a small neural surrogate of the model around each probe, which captures the interactions that linear LIME cannot.

The surrogate of a probe is a linear model beside one hidden layer of sinusoidal units, shared by the probe's targets t:

    f_t(z) = b_t + w_t . s + sum_h p_th sin(u_h . s) + q_th cos(u_h . s),    s = z - 1/2

The pairs are split into K folds, and each fold is predicted by a net that is trained on the others. Linear weights and output layer are solved for
at every step (variable projection; Golub & Pereyra, 1973), so that gradient descent only learns the directions u_h. Weight decay on them and on the
output layer is the penalty sum_h |u_h| |(p_h, q_h)| (Neyshabur et al., 2015), which leaves few directions; so 784 evaluations suffice for 1,176 pairs.
The units are sinusoids because their means under independent players are products over players: effects and interactions are exact, not sampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import PAIRS, Attribution, Fitted
from tb_xai_plugin.explainers.errors import HalvesErrors, undrawn_of_all
from tb_xai_plugin.explainers.fidelity import r_squared
from tb_xai_plugin.explainers.lime import Lime, among_others, lime_rows
from tb_xai_plugin.explainers.options import check_number
from tb_xai_plugin.games.coalitions import Design

# Settings of gradient descent, with outputs in units of the linear model's residuals. They were chosen on a CNN's outputs and on random games.
RATE = 0.2
SPREAD = 0.5
OUTPUT_PENALTY = 1.0
CHECK_EVERY = 6
LINEAR_PENALTY = 1e-3  # small: it only makes the problem solvable for few rows

# Most multiplications in one matrix product. OpenBLAS splits larger ones over threads, which then lose more time waiting than they save.
MOST_PRODUCTS = 2**18


@dataclass(frozen=True)
class LimeNet:
    """Neural LIME: LIME with a small neural network as surrogate. Values are the mean effect of each player in the surrogate.

    It also returns the strongest interactions of two players.

    Args:
        kernel_width: sigma of LIME's kernel, in units of cosine distance; default 0.25.
        hidden: number of directions of the hidden layer, each with a sine and a cosine; default 16.
        penalty: weight decay of the directions, multiplied by the number of players and the square root of the number of targets, because more of
            them leave more chance variation to fit; default 0.2.
        folds: number of folds of the cross-fit; default 5.
        steps: largest number of steps of gradient descent; default 24. Cross-validation chooses how many are used for each game; none is linear LIME.

    Raises:
        ValueError: an option is out of range.
    """

    name: ClassVar[str] = "lime-net"
    laws: ClassVar[frozenset[str]] = frozenset({"bernoulli"})
    fidelity: ClassVar[tuple[str, ...]] = ("unseen_r2", "linear_unseen_r2")
    sketched: ClassVar[bool] = True
    interacting: ClassVar[bool] = True

    kernel_width: float = 0.25
    hidden: int = 16
    penalty: float = 0.2
    folds: int = 5
    steps: int = 24

    def __post_init__(self) -> None:
        for option, least in (("kernel_width", 0.01), ("penalty", 0)):
            check_number("LimeNet", option, getattr(self, option), least)
        for option, least in (("hidden", 1), ("folds", 2), ("steps", CHECK_EVERY)):
            check_number("LimeNet", option, getattr(self, option), least, whole=True)

    def fit(self, design: Design) -> Fitted:
        """Compute the folds and their linear models once; the nets are trained when outputs are given, one probe after the other.

        The nets learn from all rows of the design, weighted by LIME's kernel. All results refer to LIME's rows alone, because rows of other laws
        would raise R^2. Under the local law, players are present independently with probability q, the mean share of players in LIME's rows.

        values: mean of f(with i) - f(without i) under the local law, averaged over the nets and corrected by LIME's regression of the nets'
            residuals on rows they were not trained on (cross-fitted regression adjustment; Wager et al., 2016).
        base: the value of the empty coalition that belongs to these values, as LIME's.
        errors: over pairs as LIME's, from the nets' residuals on rows they were not trained on.
        interactions: mean of f(ij) - f(i) - f(j) + f(), in the same way. The penalty makes them too small, less so with more evaluations.
        "unseen_r2", "linear_unseen_r2": R^2, on LIME's rows and weighted by its kernel, of nets and of linear LIME (with its usual alpha, 1) that were
            not trained on the row.

        Raises:
            ValueError: there is a single player.
        """
        if design.players == 1:
            raise ValueError("LimeNet: a single player has no interactions, and too few coalitions to learn from; use 'shap' or 'lime'.")
        return CrossFit(self, design)


class CrossFit:
    """The folds of a design. A call with outputs (evaluations, probes, targets) explains them.

    Attributes:
        rows: int (rows,), the rows of the design from which the nets learn.
        fold: int (rows,), the net that is not trained on each row.
    """

    def __init__(self, options: LimeNet, design: Design) -> None:
        self.options = options
        rng = np.random.default_rng(0)
        local = lime_rows(design)
        self.rows = np.delete(np.arange(len(design.masks)), 1)  # LIME does not use the empty coalition
        self.local = np.searchsorted(self.rows, local)
        masks = design.masks[self.rows].astype(np.float64)
        pair = self.rows // 2
        w, _, _ = among_others(masks, options.kernel_width, design.others)
        self.w = w[self.local]
        self.q = self.w @ masks[self.local].mean(axis=1) / self.w.sum()
        # Both halves of a pair are in the same fold. LIME's pairs are dealt first, so that all folds have equally many of them.
        dealt = rng.permutation(pair[-1] + 1)
        dealt = dealt[np.argsort(~np.isin(dealt, local // 2), kind="stable")]
        count = min(options.folds, len(dealt))
        self.fold = (np.argsort(dealt) % count)[pair]
        self.weights = w * (self.fold != np.arange(count)[:, None])  # (folds, rows)
        self.S = masks - 0.5
        self.X = np.concatenate([self.S, np.ones((len(w), 1))], axis=1)
        self.inverse, self.linear = _least_squares(self.X, self.weights, LINEAR_PENALTY)
        _, self.lime = _least_squares(self.X, self.weights * np.isin(self.rows, local), Lime.alpha)
        _, (A,) = _least_squares(self.X[self.local], self.w[None], Lime.alpha)
        self.A, self.sampling = A, HalvesErrors.of(A[:-1, 1:], undrawn_of_all(*A[:-1].shape) if design.noise is None else 1.0)
        # All folds and probes have the same start, so that differences between nets come from the outputs.
        self.start = rng.normal(size=(design.players, options.hidden)) * SPREAD / np.sqrt(design.players)

    def __call__(self, outputs: np.ndarray) -> Attribution:
        finite = np.isfinite(outputs).all(axis=(0, 2))
        parts = [self._explain(game) for game in np.moveaxis(np.where(finite[:, None], outputs, 0), 1, 0)]
        stacked = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
        for array in stacked.values():
            array[~finite] = np.nan
        return Attribution(fidelity={measure: stacked.pop(measure) for measure in LimeNet.fidelity}, **stacked)

    def _explain(self, game: np.ndarray) -> dict[str, np.ndarray]:
        """The attribution of one probe, as arrays that begin with (targets,). game: (evaluations, targets)."""
        y = game[self.rows].astype(np.float64)
        centre, scale = y.mean(axis=0), y.std(axis=0)
        varies = scale > 1e-12 * np.abs(centre)
        y, scale = np.where(varies, y - centre, 0) / np.where(varies, scale, 1), np.where(varies, scale, 1)
        means_at_stops = [np.tensordot(self.lime, y, 1)]
        residuals_at_stops = [y - self._unseen(np.tensordot(means_at_stops[0], self.X, (1, 1)).swapaxes(1, 2))]
        nets: list[tuple[np.ndarray, np.ndarray]] = []
        for directions, output, linear, residual in self.train(y):
            local_mean, factors, centres = _local_means(directions, output, self.q)
            means_at_stops.append(linear + local_mean)
            residuals_at_stops.append(self._unseen(residual))
            nets.append((factors, centres))
        means, residuals = np.stack(means_at_stops), np.stack(residuals_at_stops)
        chosen = self._stop(residuals)
        unseen = np.take_along_axis(residuals, chosen[self.fold][None], axis=0)[0, self.local]
        correction = self.A @ unseen
        mean = np.take_along_axis(means, chosen[None, :, None], axis=0)[0].mean(axis=0) + correction
        errors, noise = self.sampling(unseen[1:])
        pairs = sum((_local_pairs(*net, chosen == stop) for stop, net in enumerate(nets, 1)), np.zeros(())) / len(chosen)
        return {
            "values": (mean[:-1] * scale).T,
            "base": (mean[-1] - mean[:-1].sum(axis=0) / 2) * scale + centre,
            "errors": (errors * scale).T,
            "noise": noise.T,
            "interactions": _strongest(pairs * scale[:, None, None]),
            "unseen_r2": r_squared(unseen, y[self.local], self.w),
            "linear_unseen_r2": r_squared(residuals[0, self.local], y[self.local], self.w),
        }

    def _unseen(self, predicted: np.ndarray) -> np.ndarray:
        """(folds, rows, targets) -> (rows, targets), for each row from the net that is not trained on it."""
        return predicted[self.fold, np.arange(len(self.fold))]

    def _stop(self, residuals: np.ndarray) -> np.ndarray:
        """The best stop of each fold, (folds, targets), by the unseen residuals (stops, rows, targets) of the other folds; 0 is linear LIME."""
        squares = self.w[:, None] * residuals[:, self.local] ** 2
        own = self.fold[self.local] == np.arange(len(self.weights))[:, None]
        return np.asarray(np.einsum("fm,smt->sft", ~own, squares).argmin(axis=0))

    def train(self, y: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
        """Train the nets of one probe, all folds at once, and yield them at every check.

        y: float64 (rows, targets).

        Yields:
            directions (folds, players, hidden); output layer (folds, 2 hidden, targets), sines first; coefficients of the linear part with the
            constant last (folds, players + 1, targets); residuals of the outputs (folds, rows, targets).
        """
        linear = np.tensordot(self.linear, y, 1)
        residual = y - np.tensordot(linear, self.X, (1, 1)).swapaxes(1, 2)
        weights = self.weights[:, :, None]
        unit = np.sqrt((weights * residual**2).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True))
        unit = np.where(unit > 0, unit, 1)
        hidden = self.options.hidden
        decay = np.float32(self.options.penalty * len(self.start) * np.sqrt(y.shape[1]))
        # (…, blocks, rows of a block, columns); the rows that fill up the last block have no weight.
        block = max(MOST_PRODUCTS // (self.X.shape[1] * 2 * hidden), 16)
        target, X, rows = (_blocks(array, block) for array in (residual / unit, self.X, weights))
        S, inverse = X[..., :-1], self.inverse.astype(np.float32)
        U = np.repeat(self.start[None], len(rows), axis=0).astype(np.float32)
        step = square = np.zeros_like(U)
        ridge = OUTPUT_PENALTY * np.eye(2 * hidden, dtype=np.float32)
        for t in range(self.options.steps + 1):
            angle = S @ U[:, None]
            phi = np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)
            weighted = (phi * rows).swapaxes(-1, -2)
            # The linear part is solved for together with the output layer, on its residuals of phi (a Schur complement).
            shared = (weighted @ X).sum(axis=1)
            along = inverse @ shared.swapaxes(-1, -2)
            V = np.linalg.solve((weighted @ phi).sum(axis=1) - shared @ along + ridge, (weighted @ target).sum(axis=1))
            moved = along @ V
            r = target - phi @ V[:, None] + X @ moved[:, None]
            if t and (t % CHECK_EVERY == 0 or t == self.options.steps):
                rest = r.reshape(len(U), -1, y.shape[1])[:, : len(y)] * unit
                yield U.astype(np.float64), V * unit, linear - moved * unit, rest
            pull = (r * rows) @ V[:, None].swapaxes(-1, -2)
            pull = pull[..., :hidden] * phi[..., hidden:] - pull[..., hidden:] * phi[..., :hidden]
            gradient = decay * U - (S.swapaxes(-1, -2) @ pull).sum(axis=1)
            # Adam (Kingma & Ba, 2015), with a shorter memory of squares because there are few steps.
            step, square = 0.9 * step + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
            U = U - RATE * step / (1 - 0.9 ** (t + 1)) / (np.sqrt(square / (1 - 0.99 ** (t + 1))) + 1e-8)


def _local_means(directions: np.ndarray, output: np.ndarray, q: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean effects in hidden layers f = Re sum_h c_h exp(i u_h . s), where every player is present with probability q.

    directions: (folds, players, hidden), u; output: (folds, 2 hidden, targets), sines first.

    Returns:
        (folds, players + 1, targets), the means of f(with i) - f(without i), and in the last row the mean of f; complex128 (folds, players, hidden),
        the factors of E exp(i u . s) for the mean difference that a player makes to it; complex128 (folds, hidden, targets), c E exp(i u . s).
    """
    turn = np.exp(0.5j * directions)
    present = q * turn + (1 - q) * turn.conj()  # E exp(i u s) of one player, not 0 since q > 1/2
    factors = (turn - turn.conj()) / present
    hidden = directions.shape[2]
    centre = (output[:, hidden:] - 1j * output[:, :hidden]) * present.prod(axis=1)[..., None]
    return np.concatenate([(factors @ centre).real, centre.real.sum(axis=1, keepdims=True)], axis=1), factors, centre


def _local_pairs(factors: np.ndarray, centre: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean mixed differences (targets, players, players), summed over the chosen folds. chosen: bool (folds, targets)."""
    folds, players, hidden = factors.shape
    factors = factors.transpose(1, 0, 2).reshape(players, folds * hidden)
    centre = (centre * chosen[:, None]).reshape(folds * hidden, -1).T
    return np.asarray(((centre[:, None] * factors).reshape(-1, folds * hidden) @ factors.T).real.reshape(-1, players, players))


def _least_squares(X: np.ndarray, weights: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regressions without penalty on the last column of X: inverses (folds, columns, columns), and matrices (folds, columns, rows) for outputs."""
    weighted = X.T * weights[:, None]
    inverse = np.linalg.inv(weighted @ X + np.diag([penalty] * (X.shape[1] - 1) + [1e-9]))
    return inverse, inverse @ weighted


def _blocks(array: np.ndarray, rows: int) -> np.ndarray:
    """Split rows into blocks: (…, m, columns) -> float32 (…, blocks, rows, columns), filled up with zeros."""
    *before, m, columns = array.shape
    filled = np.zeros((*before, -(-m // rows) * rows, columns), np.float32)
    filled[..., :m, :] = array
    return filled.reshape(*before, -1, rows, columns)


def _strongest(pairs: np.ndarray) -> np.ndarray:
    """The strongest pairs by |strength|: (targets, players, players) -> (targets, PAIRS, 3); NaN past the last pair."""
    i, j = np.triu_indices(pairs.shape[-1], 1)
    strength = pairs[:, i, j]
    order = np.argsort(-np.abs(strength), axis=1, kind="stable")[:, :PAIRS]
    strongest = np.full((len(pairs), PAIRS, 3), np.nan)
    strongest[:, : order.shape[1]] = np.stack([i[order], j[order], np.take_along_axis(strength, order, axis=1)], axis=-1)
    return strongest
