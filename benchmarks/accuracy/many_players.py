"""Errors of SHAP and coverage of its intervals for 30 to 128 players, on games whose Shapley values have a closed form.

    PYTHONPATH=…/0.1.0 python benchmarks/accuracy/many_players.py SEEDS before.json
    python benchmarks/accuracy/many_players.py SEEDS now.json before.json           # SEEDS: 0,1,2

    products    a sum of products of 1 to 5 players; each product is shared evenly
    max-pool    24 channels with weights, each the maximum of its present players' activations, as in a text under global max-pooling
    waves       24 random Fourier features of which players are present: cosines of sums, exact by quadrature over Owen's integral
    noisy-or    1 - prod (1 - p_i) of present players, which saturates

The table is that of designs.py.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tb_xai_plugin import KernelShap
from tb_xai_plugin.games.coalitions import LAWS, build_design

PLAYERS, PER_PLAYER, DRAWS, ORDERS = (30, 49, 100, 128), (4, 8, 16, 32), range(2), 4
Game = tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]  # bool (m, players) -> float64 (m,), and the exact values (players,)


def products(n: int, rng: np.random.Generator) -> Game:
    orders = rng.integers(1, 6, 2 * n)
    members = [rng.choice(n, order, replace=False) for order in orders]
    factors = rng.normal(size=len(orders))
    exact = np.zeros(n)
    for factor, of in zip(factors, members, strict=True):
        exact[of] += factor / len(of)
    return lambda masks: sum(factor * masks[:, of].all(axis=1) for factor, of in zip(factors, members, strict=True)), exact


def max_pool(n: int, rng: np.random.Generator) -> Game:
    activations, weights = np.maximum(rng.normal(size=(24, n)), 0), rng.normal(size=24)
    exact = np.zeros(n)
    for of_player, weight in zip(activations, weights, strict=True):
        # The airport game: each rise of the maximum is shared by the players who reach it (Littlechild & Owen, 1973).
        order = np.argsort(of_player)
        rises = np.diff(of_player[order], prepend=0.0) / (n - np.arange(n))
        exact[order] += weight * np.cumsum(rises)
    return lambda masks: (masks[:, None] * activations).max(axis=2) @ weights, exact


def multilinear(factors: np.ndarray) -> np.ndarray:
    """Shapley values of S -> prod of factors in S, complex (…, n): the integral over q of (f_i - 1) prod_{j != i} (1 + q (f_j - 1))."""
    nodes, weights = np.polynomial.legendre.leggauss(factors.shape[-1] // 2 + 1)
    q = ((nodes + 1) / 2)[:, None]
    total = np.zeros(factors.shape, dtype=np.result_type(factors))
    for row, of in zip(total.reshape(-1, factors.shape[-1]), factors.reshape(-1, factors.shape[-1]), strict=True):
        terms = 1 + q * (of - 1)
        before = np.cumprod(np.concatenate([np.ones_like(q), terms[:, :-1]], axis=1), axis=1)
        after = np.cumprod(np.concatenate([np.ones_like(q), terms[:, :0:-1]], axis=1), axis=1)[:, ::-1]
        row[:] = weights / 2 @ ((of - 1) * before * after)
    return total


def waves(n: int, rng: np.random.Generator) -> Game:
    turns, phases, weights = rng.normal(size=(24, n)) * 2 / np.sqrt(n), rng.uniform(0, 2 * np.pi, 24), rng.normal(size=24)
    exact = weights @ (np.exp(1j * phases)[:, None] * multilinear(np.exp(1j * turns))).real
    return lambda masks: np.cos(masks @ turns.T + phases) @ weights, exact


def noisy_or(n: int, rng: np.random.Generator) -> Game:
    p = rng.beta(1, 3, n) * 8 / n
    return lambda masks: 1 - np.where(masks, 1 - p, 1).prod(axis=1), -multilinear(1 - p)


FAMILIES = {"products": products, "max-pool": max_pool, "waves": waves, "noisy-or": noisy_or}


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit("usage: python benchmarks/accuracy/many_players.py SEEDS RESULTS [BEFORE]")
    now: dict[str, dict[str, float]] = defaultdict(dict)
    for n in PLAYERS:
        for per_player in PER_PLAYER:
            found: dict[str, list[tuple[float, float]]] = defaultdict(list)
            for draw in DRAWS:
                design = build_design(n, max(per_player * n, 4 * n + 2), LAWS, draw)
                fitted = KernelShap().fit(design)
                for name, family in FAMILIES.items():
                    for seed in sys.argv[1].split(","):
                        game, exact = family(n, np.random.default_rng([int(seed), n]))
                        for order in (np.random.default_rng([7, k]).permutation(n) for k in range(ORDERS)):
                            masks = np.empty_like(design.masks)
                            masks[:, order] = design.masks
                            result = fitted(np.asarray(game(masks), dtype=np.float64)[:, None, None])
                            error = result.values[0, 0] - exact[order]
                            found[f"{name} {seed}"].append(((error**2).sum(), (np.abs(error) <= 1.96 * result.errors[0, 0] + 1e-9).mean()))
            for name, numbers in found.items():
                for what, number in zip(("error", "coverage"), np.mean(numbers, axis=0), strict=True):
                    now[what][f"{name} {n} {per_player}"] = float(number)
        print(f"{n} players done", file=sys.stderr, flush=True)
    Path(sys.argv[2]).write_text(json.dumps(now, indent=1), encoding="utf-8")
    before = json.loads(Path(sys.argv[3]).read_text(encoding="utf-8")) if len(sys.argv) > 3 else None
    print("| players | what | " + " | ".join(f"{each} a player" for each in PER_PLAYER) + " |\n|---|---" + "|---" * len(PER_PLAYER) + "|")
    for n in PLAYERS:
        for what in (*(["error"] if before else []), "coverage"):
            cells = []
            for per_player in PER_PLAYER:
                of_family = {}
                for name in FAMILIES:
                    keys = [key for key in now[what] if key.startswith(f"{name} ") and key.endswith(f" {n} {per_player}")]
                    if what == "error":
                        of_family[name] = float(np.exp(np.mean([np.log(before[what][key] / now[what][key]) for key in keys])))
                    else:
                        of_family[name] = float(np.mean([now[what][key] for key in keys]))
                numbers = list(of_family.values())
                mean = np.exp(np.mean(np.log(numbers))) if what == "error" else np.mean(numbers)
                worst = min(of_family, key=lambda name: of_family[name])
                cells.append(f"{mean:.{2 if what == 'error' else 3}f} ({of_family[worst]:.{2 if what == 'error' else 3}f} {worst})")
            print(f"| {n} | {'gain' if what == 'error' else what} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
