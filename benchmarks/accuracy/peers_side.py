"""The other side of `peers.py`: estimators of `shapiq`, `shap` and `lime` on tables of outputs, in an environment of their own.

    python benchmarks/accuracy/peers_side.py GAMES.npz ESTIMATES.npz

Imports nothing of this project. GAMES.npz has float64 (2^n,) outputs of each game, row k of the coalition whose players are the set bits of k,
and the numbers `budgets`, `draws` and `lime_budgets`. ESTIMATES.npz gets an array (budgets, draws, n) for each "game/method", NaN where a method
refuses, and the notes: versions, refusals, and the seconds and the most evaluations that each method took.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import shap
import shapiq
from lime.lime_base import LimeBase


class Table:
    """The outputs of a game on all coalitions, as a function of coalitions (m, n) that counts its evaluations."""

    def __init__(self, outputs: np.ndarray) -> None:
        self.outputs, self.players, self.evaluations = outputs, int(np.log2(len(outputs))), 0

    def __call__(self, coalitions: np.ndarray) -> np.ndarray:
        coalitions = np.atleast_2d(coalitions)
        self.evaluations += len(coalitions)
        return self.outputs[(coalitions > 0.5) @ (1 << np.arange(self.players))]

    def centred(self, coalitions: np.ndarray) -> np.ndarray:
        """As the games of shapiq are: 0 on the empty coalition."""
        return self(coalitions) - self.outputs[0]


# Of a game, a number of evaluations and a seed: float64 (players,).
Estimator = Callable[[Table, int, int], np.ndarray]


def of_shapiq(name: str, **options: object) -> Estimator:
    def estimate(game: Table, evaluations: int, seed: int) -> np.ndarray:
        approximator = getattr(shapiq.approximator, name)(n=game.players, random_state=seed, **options)
        return approximator.approximate(evaluations, game.centred).get_n_order_values(1)

    return estimate


def shap_kernel(**options: object) -> Estimator:
    def estimate(game: Table, evaluations: int, seed: int) -> np.ndarray:
        np.random.seed(seed)  # noqa: NPY002  the package draws from the global state
        explainer = shap.KernelExplainer(game, np.zeros((1, game.players)))
        game.evaluations = 1  # from here on: the empty coalition; the full one is asked too, on top of nsamples
        return explainer.shap_values(np.ones((1, game.players)), nsamples=evaluations - 2, silent=True, **options)[0]

    return estimate


def shap_permutation(game: Table, evaluations: int, seed: int) -> np.ndarray:
    masker = shap.maskers.Independent(np.zeros((1, game.players)))
    explainer = shap.explainers.Permutation(game, masker, seed=seed)
    return explainer(np.ones((1, game.players)), max_evals=evaluations, silent=True).values[0]


# Defaults of the libraries. Where pairs are an option and not the default, also with pairs: an order 2 fitted to pairs is Kernel SHAP, so of order 3.
SHAPLEY: dict[str, Estimator] = {
    "shapiq.OddSHAP": of_shapiq("OddSHAP"),
    "shapiq.PolySHAP": of_shapiq("PolySHAP"),
    "shapiq.PolySHAP, order 3, pairs": of_shapiq("PolySHAP", max_order=3, pairing_trick=True),
    "shapiq.LeverageSHAP": of_shapiq("LeverageSHAP"),
    "shapiq.ProxySHAP": of_shapiq("ProxySHAP", index="SV", max_order=1),
    "shapiq.RegressionMSR": of_shapiq("RegressionMSR", index="SV"),
    "shapiq.kADDSHAP": of_shapiq("kADDSHAP"),
    "shapiq.kADDSHAP, order 3, pairs": of_shapiq("kADDSHAP", max_order=3, pairing_trick=True),
    "shapiq.KernelSHAP": of_shapiq("KernelSHAP"),
    "shapiq.KernelSHAP, pairs": of_shapiq("KernelSHAP", pairing_trick=True),
    "shapiq.PermutationSamplingSV": of_shapiq("PermutationSamplingSV"),
    "shapiq.SVARM": of_shapiq("SVARM"),
    "shap.KernelExplainer": shap_kernel(),
    "shap.KernelExplainer, l1_reg=False": shap_kernel(l1_reg=False),
    "shap.PermutationExplainer": shap_permutation,
}


def lime(game: Table, evaluations: int, seed: int) -> np.ndarray:
    """The package's regression on masks drawn as its image explainer draws them."""
    masks = np.random.default_rng(seed).integers(0, 2, (evaluations, game.players))
    masks[0] = 1
    outputs = game(masks)
    base = LimeBase(lambda distances: np.sqrt(np.exp(-(distances**2) / 0.25**2)))
    distances = 1 - np.sqrt(masks.mean(axis=1))  # cosine, to the full coalition
    labels = np.stack([outputs, -outputs], axis=1)
    _, weights, _, _ = base.explain_instance_with_data(masks, labels, distances, 0, game.players, feature_selection="none")
    return np.array([weight for _, weight in sorted(weights)])


def main(games_file: str, estimates_file: str) -> None:
    warnings.simplefilter("ignore")
    given = dict(np.load(games_file))
    budgets, draws = given.pop("budgets").tolist(), int(given.pop("draws"))
    found, seconds, refused, most = {}, {}, {}, {}
    for name, outputs in given.items():
        game = Table(outputs)
        for method, estimate in (SHAPLEY | {"lime": lime}).items():
            values = np.full((len(budgets), draws, game.players), np.nan)
            began = time.perf_counter()
            for k, evaluations in enumerate(budgets):
                if evaluations >= len(outputs):  # every coalition
                    continue
                for seed in range(draws):
                    game.evaluations = 0
                    try:
                        values[k, seed] = estimate(game, evaluations, seed)
                    except Exception as refusal:
                        refused[f"{method} at {evaluations}"] = f"{type(refusal).__name__}: {str(refusal)[:160]}"
                    most[method] = max(most.get(method, 0), game.evaluations / evaluations)
            found[f"{name}/{method}"] = values
            seconds[method] = seconds.get(method, 0) + time.perf_counter() - began
        print(f"{name}: done", file=sys.stderr, flush=True)
    packages = {package: version(package) for package in ("shapiq", "shap", "lime")}
    notes = {"packages": packages, "python": sys.version.split()[0], "seconds": seconds, "refused": refused, "most": most}
    np.savez(estimates_file, notes=json.dumps(notes), **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
