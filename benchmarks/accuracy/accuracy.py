"""How close attributions come to their exact values, at equal numbers of evaluations: this package, `shap`, `shapiq` and `lime`.

    python benchmarks/accuracy/accuracy.py

Sixteen players, so that the exact Shapley values follow from all 2^16 coalitions: a convolutional net on scikit-learn's 8 x 8 digits (a 4 x 4
grid, the mean image as baseline) and a dense net on its breast cancer data (30 features in 16 groups of neighbours, the mean row as
baseline). Every estimator asks the same recorded answers. Numbers are squared errors in units of the squared length of the exact vector,
averaged over draws, then the geometric mean over probes. `shapiq` is left out where it is not installed.

LIME has no exact value to be compared with, so it is held against its own limit. It has all evaluations here; beside SHAP it has half of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from math import comb

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import shap
from lime.lime_base import LimeBase
from sklearn.datasets import load_breast_cancer, load_digits

from tb_xai_plugin import KernelShap, Lime
from tb_xai_plugin.games.coalitions import build_design

PLAYERS = 16
BUDGETS = (256, 512, 1024)
DRAWS = range(5)
PROBES = 4

# Row k: the coalition whose players are the set bits of k.
COALITIONS = (np.arange(2**PLAYERS)[:, None] >> np.arange(PLAYERS) & 1).astype(bool)

Game = Callable[[np.ndarray], np.ndarray]  # bool (m, players) coalitions -> float64 (m,)
Estimator = Callable[[Game, int, int], np.ndarray]  # game, evaluations, seed -> (players,)


@dataclass(frozen=True)
class Recorded:
    """Answers to all coalitions, float64 (2^players,), as a game."""

    answers: np.ndarray

    def __call__(self, coalitions: np.ndarray) -> np.ndarray:
        return self.answers[(coalitions > 0.5) @ (1 << np.arange(PLAYERS))]

    def shapley_values(self) -> np.ndarray:
        """phi_i = mean over sizes of the mean of v(S + i) - v(S) over the coalitions S of that size without i."""
        sizes = COALITIONS.sum(axis=1)
        weight = np.array([1 / (PLAYERS * comb(PLAYERS - 1, size)) for size in range(PLAYERS)])
        phi = np.empty(PLAYERS)
        for i in range(PLAYERS):
            without = np.flatnonzero(~COALITIONS[:, i])
            phi[i] = weight[sizes[without]] @ (self.answers[without | 1 << i] - self.answers[without])
        return phi


# ---- games


def trained(layers: list[keras.Layer], shape: tuple[int, ...], x: np.ndarray, y: np.ndarray, epochs: int) -> keras.Model:
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=epochs, verbose=0)
    return model


def log_odds(model: keras.Model, probe: np.ndarray, baseline: np.ndarray, player_of: np.ndarray, target: int) -> np.ndarray:
    """Of the target class, float64 (2^players,); player_of: int, in the probe's shape."""
    inputs = np.where(COALITIONS[:, player_of], probe, baseline)
    logits = model.predict(inputs, batch_size=4096, verbose=0).astype(np.float64)
    return logits[:, target] - np.logaddexp.reduce(np.delete(logits, target, axis=1), axis=1)


def digits() -> list[np.ndarray]:
    data = load_digits()
    x, y = (data.images / 16).astype(np.float32)[..., None], data.target
    layers = keras.layers
    stack = [
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10),
    ]
    model = trained(stack, (8, 8, 1), x[PROBES:], y[PROBES:], epochs=10)
    row, column = np.indices((8, 8))
    grid = (row // 2 * 4 + column // 2)[..., None]
    return [log_odds(model, x[i], x[PROBES:].mean(axis=0), grid, y[i]) for i in range(PROBES)]


def breast_cancer() -> list[np.ndarray]:
    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)[order], y[order]
    layers = keras.layers
    stack = [layers.Dense(32, activation="relu"), layers.Dense(16, activation="relu"), layers.Dense(2)]
    model = trained(stack, (30,), x[PROBES:], y[PROBES:], epochs=30)
    group = np.append(np.arange(28) // 2, [14, 15])
    return [log_odds(model, x[i], x[PROBES:].mean(axis=0), group, y[i]) for i in range(PROBES)]


# ---- estimators of Shapley values


def ours(explainer: KernelShap) -> Estimator:
    def estimate(game: Game, evaluations: int, seed: int) -> np.ndarray:
        design = build_design(PLAYERS, evaluations, explainer.laws, seed)
        return explainer.fit(design)(game(design.masks)[:, None, None]).values[0, 0]

    return estimate


def shap_kernel(**options: object) -> Estimator:
    def estimate(game: Game, evaluations: int, seed: int) -> np.ndarray:
        np.random.seed(seed)  # noqa: NPY002  the package draws from the global state
        explainer = shap.KernelExplainer(game, np.zeros((1, PLAYERS)))
        return explainer.shap_values(np.ones((1, PLAYERS)), nsamples=evaluations, silent=True, **options)[0]

    return estimate


def shap_permutation(game: Game, evaluations: int, seed: int) -> np.ndarray:
    masker = shap.maskers.Independent(np.zeros((1, PLAYERS)))
    return shap.explainers.Permutation(game, masker, seed=seed)(np.ones((1, PLAYERS)), max_evals=evaluations, silent=True).values[0]


def shapiq_approximator(name: str, **options: object) -> Estimator:
    def estimate(game: Game, evaluations: int, seed: int) -> np.ndarray:
        import shapiq

        def centred(coalitions: np.ndarray) -> np.ndarray:  # as shapiq's own games are: v(empty) = 0
            return game(np.atleast_2d(coalitions)) - game(np.zeros((1, PLAYERS)))[0]

        approximator = getattr(shapiq.approximator, name)(n=PLAYERS, random_state=seed, **options)
        return approximator.approximate(evaluations, centred).get_n_order_values(1)

    return estimate


def estimators() -> dict[str, Estimator]:
    table = {
        "**this package** (half of its evaluations serve LIME too)": ours(KernelShap()),
        'this package, `estimator="wls"`': ours(KernelShap(estimator="wls")),
        "`shap.KernelExplainer(l1_reg=False)`": shap_kernel(l1_reg=False),
        "`shap.KernelExplainer`, default": shap_kernel(),
        "`shap.PermutationExplainer`": shap_permutation,
    }
    if find_spec("shapiq") is None:
        print("shapiq is not installed: its rows are left out.\n")
        return table
    return table | {
        "`shapiq.KernelSHAP`": shapiq_approximator("KernelSHAP"),
        "`shapiq.kADDSHAP`, order 2": shapiq_approximator("kADDSHAP", max_order=2),
        "`shapiq.kADDSHAP`, order 3": shapiq_approximator("kADDSHAP", max_order=3),
        "`shapiq.PermutationSamplingSV`": shapiq_approximator("PermutationSamplingSV"),
        "`shapiq.SVARM`": shapiq_approximator("SVARM"),
    }


# ---- LIME, against its own limit


def our_lime(game: Recorded, evaluations: int, seed: int) -> np.ndarray:
    design = build_design(PLAYERS, evaluations, Lime.laws, seed)
    return Lime().fit(design)(game(design.masks)[:, None, None]).values[0, 0]


def kernel(distances: np.ndarray) -> np.ndarray:
    return np.sqrt(np.exp(-(distances**2) / 0.25**2))


def package_lime(game: Recorded, evaluations: int, seed: int) -> np.ndarray:
    """The package's regression on masks drawn as its image explainer draws them."""
    masks = np.random.default_rng(seed).integers(0, 2, (evaluations, PLAYERS))
    masks[0] = 1
    answers = game(masks)
    distances = 1 - np.sqrt(masks.mean(axis=1))  # cosine, to the full coalition
    labels = np.stack([answers, -answers], axis=1)
    _, weights, _, _ = LimeBase(kernel).explain_instance_with_data(masks, labels, distances, 0, PLAYERS, feature_selection="none")
    return np.array([weight for _, weight in sorted(weights)])


def lime_limit(game: Recorded, evaluations: int) -> np.ndarray:
    """What LIME would find with so many evaluations and no luck of the draw: its ridge regression on all coalitions, equally scaled."""
    Z = COALITIONS.astype(np.float64)
    w = kernel(1 - np.sqrt(Z.mean(axis=1))) * evaluations / len(Z)
    Zc, yc = Z - w @ Z / w.sum(), game.answers - w @ game.answers / w.sum()
    return np.linalg.solve(Zc.T @ (w[:, None] * Zc) + np.eye(PLAYERS), Zc.T @ (w * yc))


# ---- tables


def relative_squared_error(values: np.ndarray, exact: np.ndarray) -> float:
    return float(((values - exact) ** 2).sum() / (exact**2).sum())


def error(estimate: Estimator, games: list[Recorded], limits: list[np.ndarray], evaluations: int) -> float:
    of_probe = []
    for game, limit in zip(games, limits, strict=True):
        of_probe.append(np.mean([relative_squared_error(estimate(game, evaluations, seed), limit) for seed in DRAWS]))
    return float(np.exp(np.log(of_probe).mean()))


def print_table(
    title: str, rows: dict[str, Estimator], data: dict[str, list[Recorded]], limit: Callable[[Recorded, int], np.ndarray]
) -> None:
    print(f"| {title} | " + " | ".join(f"{name}, {m:,}" for name in data for m in BUDGETS) + " |")
    print("|---" * (1 + len(data) * len(BUDGETS)) + "|")
    for name, estimate in rows.items():
        cells = []
        for games in data.values():
            for evaluations in BUDGETS:
                limits = [limit(game, evaluations) for game in games]
                cells.append(f"{error(estimate, games, limits, evaluations):.1e}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    print()


def main() -> None:
    keras.utils.set_random_seed(0)
    in_log_odds = {"digits": digits(), "breast cancer": breast_cancer()}
    spaces = {"log-odds": lambda v: v, "probability": lambda v: 1 / (1 + np.exp(-v))}
    data = {space: {name: [Recorded(f(v)) for v in games] for name, games in in_log_odds.items()} for space, f in spaces.items()}
    rows = estimators()
    exact = {id(game): game.shapley_values() for named in data.values() for games in named.values() for game in games}
    for space, named in data.items():
        print_table(f"Shapley values, {space}; evaluations:", rows, named, lambda game, _: exact[id(game)])
    lime_rows = {"**this package's LIME**": our_lime, "`lime`, independent draws": package_lime}
    for space, named in data.items():
        print_table(f"LIME against its own limit, {space}; evaluations:", lime_rows, named, lime_limit)


if __name__ == "__main__":
    sys.exit(main())
