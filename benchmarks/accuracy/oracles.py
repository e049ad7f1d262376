"""How far the engine's numbers are from the `lime` package, exact enumeration and the `shap` package.

    python benchmarks/accuracy/oracles.py

Largest differences, relative to the largest |value|, over ten random games each. At 10 players every coalition is evaluated, so both `shap`
and the engine should be exact. How close they come at fewer evaluations: benchmarks/accuracy/accuracy.py.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import shap
from lime.lime_base import LimeBase
from sklearn.metrics import pairwise_distances

sys.path.insert(0, os.fspath(Path(__file__).parent.parent.parent / "tests"))
from support.games import Game, interacting, shapley_by_enumeration

from tb_xai_plugin import KernelShap, Lime
from tb_xai_plugin.explainers.lime import lime_rows
from tb_xai_plugin.games.coalitions import LAWS, build_design

SEEDS = range(10)


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def lime_against_the_package(players: int, evaluations: int, dtype: type) -> float:
    package = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)))
    worst = 0.0
    for seed in SEEDS:
        design = build_design(players, evaluations, LAWS, seed)
        answers = interacting(players, seed)(design.masks).astype(dtype)
        rows = lime_rows(design)
        masks = design.masks[rows].astype(float)
        distances = pairwise_distances(masks, masks[:1], metric="cosine").ravel()
        labels = np.stack([1 - answers[rows], answers[rows]], axis=1)
        _, coefficients, _, _ = package.explain_instance_with_data(masks, labels, distances, 1, players, feature_selection="none")
        theirs = np.array([weight for _, weight in sorted(coefficients)])
        worst = max(worst, apart(Lime().fit(design)(answers[:, None, None]).values[0, 0], theirs))
    return worst


def engine_shap(game: Game, seed: int) -> np.ndarray:
    design = build_design(10, 2**10, LAWS, seed)
    return KernelShap().fit(design)(game(design.masks)[:, None, None]).values[0, 0]


def package_shap(game: Game, seed: int) -> np.ndarray:
    np.random.seed(seed)  # noqa: NPY002  the package draws from the global state
    explainer = shap.KernelExplainer(lambda z: game(z > 0.5), np.zeros((1, 10)))
    return explainer.shap_values(np.ones((1, 10)), nsamples=2**10, l1_reg=False, silent=True)[0]


def main() -> None:
    print("| compared | largest relative difference |")
    print("|---|---|")
    for dtype in (np.float32, np.float64):
        worst = lime_against_the_package(49, 784, dtype)
        print(f"| LIME coefficients, 49 players, same masks and {np.dtype(dtype).name} answers, `lime` package | {worst:.1e} |")
    games = [interacting(10, seed) for seed in SEEDS]
    ours = [engine_shap(game, seed) for seed, game in enumerate(games)]
    exact = [shapley_by_enumeration(game, 10) for game in games]
    theirs = [package_shap(game, seed) for seed, game in enumerate(games)]
    print(f"| SHAP, 10 players, 1,024 evaluations, exact enumeration | {max(map(apart, ours, exact)):.1e} |")
    print(f"| SHAP, 10 players, 1,024 evaluations, `shap.KernelExplainer(l1_reg=False)` | {max(map(apart, ours, theirs)):.1e} |")


if __name__ == "__main__":
    main()
