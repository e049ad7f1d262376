"""Errors of SHAP and LIME on sixteen families of games, and whether their intervals hold; one version of the package against another.

    python benchmarks/accuracy/designs.py FOLDER SEEDS RESULTS [BEFORE]     # FOLDER: of families.py; SEEDS: 10,11,12

    PYTHONPATH=…/0.1.0 python benchmarks/accuracy/designs.py games 10,11,12,13,14 before.json
    python benchmarks/accuracy/designs.py games 10,11,12,13,14 now.json before.json

4, 8, 16 and 32 evaluations a player (4 n + 2 at least). Each game is explained under 3 designs, each with 8 orders of the players, because which player is which is
left to chance in a design. LIME has 60 % of the evaluations; its truth is its own regression on all coalitions, equally scaled.

Gain: squared errors of BEFORE in units of those of this version, geometric mean over games. Coverage: share of true values within 1.96 standard errors,
the mean over games and the family with the least; of changes between two epochs of the networks, with the errors' correlation from their sketches.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from families import Game, changes, coalitions, games, shapley_values

from tb_xai_plugin import KernelShap, Lime
from tb_xai_plugin.explainers.contract import Attribution, Fitted
from tb_xai_plugin.explainers.lime import locality
from tb_xai_plugin.games.coalitions import LAWS, Design, build_design

PER_PLAYER = (4, 8, 16, 32)
DRAWS, ORDERS = range(3), 8
LIME_WIDTH = 0.25
Measures = dict[str, dict[str, float]]  # {measure: {"family seed budget": number}}


def budget(players: int, per_player: int) -> int:
    return max(per_player * players, 4 * players + 2)


def lime_limit(players: int, rows: int) -> np.ndarray:
    """LIME's regression on all coalitions, scaled to this number of rows: float64 (players, 2^players)."""
    Z = coalitions(players).astype(np.float64)
    w = locality(Z, LIME_WIDTH) * rows / len(Z)
    Zc = Z - w @ Z / w.sum()
    A = np.linalg.solve(Zc.T @ (w[:, None] * Zc) + np.eye(players), Zc.T * w)
    return np.asarray(A - np.outer(A.sum(axis=1), w / w.sum()))


def explained(fitted: Fitted, design: Design, answers: np.ndarray, orders: list[np.ndarray]) -> Attribution:
    """Of games in several orders of players: values (games x orders, 1, players). answers: (games, 2^players)."""
    outputs = []
    for table in answers:
        for order in orders:
            outputs.append(table[design.masks @ (1 << order)])
    return fitted(np.array(outputs).T[:, :, None])


def held(error: np.ndarray, standard_errors: np.ndarray) -> np.ndarray:
    """Whether intervals hold; a value that is exact to rounding has no interval."""
    return np.asarray(np.abs(error) <= 1.96 * standard_errors + 1e-9)


def change_error(before: Attribution, after: Attribution) -> np.ndarray:
    """Standard errors of a difference, from the correlation that the sketches tell."""
    correlation = (before.noise * after.noise).sum(axis=-1, keepdims=True)
    a, b = before.errors, after.errors
    return np.sqrt(np.maximum(a**2 + b**2 - 2 * correlation * a * b, 0))


def measure(folder: Path, seeds: list[int]) -> Measures:
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    by_players: dict[int, list[tuple[str, Game]]] = defaultdict(list)
    pairs: dict[int, list[tuple[str, Game]]] = defaultdict(list)
    for seed in seeds:
        for of_players, tables in ((by_players, games(folder, seed)), (pairs, changes(folder, seed))):
            for name, game in tables.items():
                of_players[game[0]].append((f"{name} {seed}", game))
    for n, members in by_players.items():
        orders = [np.random.default_rng([5, order]).permutation(n) for order in range(ORDERS)]
        answers = np.array([game[1] for _, game in members])
        exact = np.array([game[2][order] for _, game in members for order in orders])
        for per_player in PER_PLAYER:
            for draw in DRAWS:
                design = build_design(n, budget(n, per_player), LAWS, draw)
                shap, lime = KernelShap().fit(design), Lime().fit(design)
                limit = answers @ lime_limit(n, 2 * int(design.bernoulli.sum()) - 1).T
                truths = {"SHAP": exact, "LIME": np.array([each[order] for each in limit for order in orders])}
                for explainer, fitted in (("SHAP", shap), ("LIME", lime)):
                    result = explained(fitted, design, answers, orders)
                    error = result.values[:, 0] - truths[explainer]
                    for what, numbers in (("error", (error**2).sum(axis=1)), ("coverage", held(error, result.errors[:, 0]).mean(axis=1))):
                        for (name, _), number in zip(members, numbers.reshape(-1, ORDERS).mean(axis=1), strict=True):
                            found[f"{explainer} {what}"][f"{name} {per_player}"].append(float(number))
                if pairs[n]:
                    tables = [np.array([game[epoch] for _, game in pairs[n]]) for epoch in (1, 2)]
                    for explainer, fitted in (("SHAP", shap), ("LIME", lime)):
                        before, after = (explained(fitted, design, each, orders) for each in tables)
                        if explainer == "SHAP":
                            truth = [np.array([shapley_values(table)[order] for table in each for order in orders]) for each in tables]
                        else:
                            regression = lime_limit(n, 2 * int(design.bernoulli.sum()) - 1)
                            truth = [np.array([(regression @ table)[order] for table in each for order in orders]) for each in tables]
                        error = (after.values - before.values)[:, 0] - (truth[1] - truth[0])
                        inside = held(error, change_error(before, after)[:, 0]).mean(axis=1)
                        for (name, _), number in zip(pairs[n], inside.reshape(-1, ORDERS).mean(axis=1), strict=True):
                            found[f"{explainer} coverage of changes"][f"{name} {per_player}"].append(float(number))
        print(f"{n} players done", file=sys.stderr, flush=True)
    return {what: {key: float(np.mean(numbers)) for key, numbers in of.items()} for what, of in found.items()}


def by_family(numbers: dict[str, float], per_player: int) -> dict[str, np.ndarray]:
    families: dict[str, list[float]] = defaultdict(list)
    for key in sorted(numbers):
        name, _, of = key.rsplit(" ", 2)
        if int(of) == per_player:
            families[name].append(numbers[key])
    return {name: np.array(each) for name, each in families.items()}


def main() -> None:
    if len(sys.argv) < 4:
        sys.exit("usage: python benchmarks/accuracy/designs.py FOLDER SEEDS RESULTS [BEFORE]")
    now = measure(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2].split(",")])
    Path(sys.argv[3]).write_text(json.dumps(now, indent=1), encoding="utf-8")
    before: Measures = json.loads(Path(sys.argv[4]).read_text(encoding="utf-8")) if len(sys.argv) > 4 else {}
    print("| evaluations a player | " + " | ".join(map(str, PER_PLAYER)) + " |\n|---" + "|---" * len(PER_PLAYER) + "|")
    for what in now:
        cells = []
        for per_player in PER_PLAYER:
            numbers = by_family(now[what], per_player)
            if "coverage" in what:
                least = min(numbers, key=lambda name: numbers[name].mean())
                cells.append(f"{np.mean([each.mean() for each in numbers.values()]):.3f} ({numbers[least].mean():.3f} {least})")
            elif before:
                gains = {name: np.exp(np.log(each / numbers[name]).mean()) for name, each in by_family(before[what], per_player).items()}
                worst = min(gains, key=lambda name: gains[name])
                cells.append(f"{np.exp(np.mean(np.log(list(gains.values())))):.2f} ({gains[worst]:.2f} {worst})")
        if cells:
            print(f"| {what.replace('error', 'gain')} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
