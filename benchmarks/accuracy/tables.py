"""Shapley values of rows of tables, against the average over 100 background rows.

    python benchmarks/accuracy/tables.py [seeds] [part of a name]

First at equal numbers of model evaluations: small networks on breast cancer (30 features) and wine (13), log-odds of the first class, 6 rows. What
packages are given is their own advice: a smaller background. Then at defaults, for networks and trees on 7 to 100 features: the error of a map, RMS over its
players in units of the map, and the share of intervals of 1.96 standard errors that hold the truth, of values and of changes between two epochs. With a part of a name, only the models at defaults
whose names have it.

The truth: every coalition averaged over all 100 rows, by antithetic permutations of each (within about 0.5 %), and of trees by `shap.TreeExplainer`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import shap
from sklearn.datasets import load_breast_cancer, load_wine, make_classification, make_friedman1
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

import tb_xai_plugin as xai

ROWS, REFERENCES, ROUNDS = 6, 100, 30
Model = Callable[[np.ndarray], np.ndarray]


def shuffled(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(0).permutation(len(x))
    return StandardScaler().fit_transform(x)[order], y[order]


def split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows to explain, background."""
    return x[:ROWS].astype(np.float32), x[ROWS : ROWS + REFERENCES].astype(np.float32)


def log_odds(net: Any) -> Model:
    """Of the first class."""

    def model(rows: np.ndarray) -> np.ndarray:
        p = np.clip(net.predict_proba(rows)[:, 0].astype(np.float64), 1e-12, 1 - 1e-12)
        return np.log(p) - np.log1p(-p)

    return model


def task(load: Callable) -> tuple[Model, np.ndarray, np.ndarray]:
    """Log-odds of the first class, rows to explain, background."""
    data = load()
    x, y = shuffled(data.data, data.target)
    return log_odds(MLPClassifier((32, 16), max_iter=1000, random_state=0).fit(x, y)), *split(x)


def truth(model: Model, row: np.ndarray, background: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mean over permutations and their reverses, as many for each background row."""
    n, total = len(row), np.zeros(len(row))
    for _ in range(ROUNDS):
        for reference in background:
            order = rng.permutation(n)
            walks = np.repeat(reference[None], 2 * (n + 1), axis=0).reshape(2, n + 1, n)
            directions = order, order[::-1]
            for walk, direction in zip(walks, directions, strict=True):
                for place, feature in enumerate(direction):
                    walk[place + 1 :, feature] = row[feature]
            outputs = model(walks.reshape(-1, n)).reshape(2, n + 1)
            for values, direction in zip(outputs, directions, strict=True):
                total[direction] += np.diff(values)
    return total / (2 * ROUNDS * len(background))


def ours(model: Model, rows: np.ndarray, background: np.ndarray, evaluations: int | str, seed: int, estimator: str) -> Any:
    probes = xai.TabularProbes(rows, background=background)
    return xai.explain(model, probes, xai.KernelShap(estimator), evaluations=evaluations, output="raw", head="regression", seed=seed)[
        "shap"
    ]


def kernel_shap(model: Model, rows: np.ndarray, background: np.ndarray, evaluations: int, seed: int, few: int) -> np.ndarray:
    np.random.seed(seed)  # noqa: NPY002  the package draws from it
    chosen = background[np.random.default_rng(seed).permutation(len(background))[:few]]
    return shap.KernelExplainer(model, chosen).shap_values(rows, nsamples=evaluations // few, l1_reg=False, silent=True)


def permutation(model: Model, rows: np.ndarray, background: np.ndarray, evaluations: int, seed: int, few: int) -> np.ndarray:
    chosen = background[np.random.default_rng(seed).permutation(len(background))[:few]]
    explainer = shap.PermutationExplainer(model, shap.maskers.Independent(chosen, max_samples=few), seed=seed)
    return explainer(rows, max_evals=evaluations // few, silent=True).values


def at_equal_evaluations(seeds: int) -> None:
    for name, load in (("breast cancer, 30 features", load_breast_cancer), ("wine, 13 features", load_wine)):
        model, rows, background = task(load)
        rng = np.random.default_rng(1)
        exact = np.stack([truth(model, row, background, rng) for row in rows])
        size = (exact**2).sum(axis=1)
        print(f"\n{name:52}{'480':>10}{'1,024':>10}{'2,048':>10}")
        for label, estimator in (
            ("this package", "auto"),
            ('this package, KernelShap(estimator="kriging")', "kriging"),
            ('this package, KernelShap(estimator="wls")', "wls"),
        ):
            cells, held = [], []
            for evaluations in (480, 1024, 2048):
                draws = [ours(model, rows, background, evaluations, seed, estimator) for seed in range(seeds)]
                missed = [each.values[:, 0] - exact for each in draws]
                cells.append(np.mean([(each**2).sum(axis=1) / size for each in missed]))
                held.append(np.mean([np.abs(miss) <= 1.96 * each.errors[:, 0] for miss, each in zip(missed, draws, strict=True)]))
            print(
                f"{label:52}"
                + "".join(f"{cell:10.1e}" for cell in cells)
                + "   intervals hold "
                + ", ".join(f"{each:.0%}" for each in held),
                flush=True,
            )
        least = 2 * rows.shape[1] + 2
        for label, method, few in (
            ("shap.KernelExplainer, 1 background row", kernel_shap, 1),
            ("shap.KernelExplainer, 5 background rows", kernel_shap, 5),
            ("shap.KernelExplainer, 20 background rows", kernel_shap, 20),
            ("shap.PermutationExplainer, 1 background row", permutation, 1),
            ("shap.PermutationExplainer, 5 background rows", permutation, 5),
        ):
            cells = []
            for evaluations in (480, 1024, 2048):
                if evaluations // few < least:
                    cells.append(np.nan)
                    continue
                draws = [method(model, rows, background, evaluations, seed, few) for seed in range(seeds)]
                cells.append(np.mean([((values - exact) ** 2).sum(axis=1) / size for values in draws]))
            print(f"{label:52}" + "".join(f"{cell:10.1e}" for cell in cells), flush=True)


def drawn(features: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes of several clusters each, half the features informative."""
    return make_classification(
        1200, features, n_informative=max(3, features // 2), n_redundant=features // 5, n_clusters_per_class=2, random_state=3
    )


def friedman() -> tuple[np.ndarray, np.ndarray]:
    x, y = make_friedman1(1200, 10, noise=0.5, random_state=1)
    return x, (y - y.mean()) / y.std()


def network(x: np.ndarray, y: np.ndarray, **options: Any) -> list[Model]:
    """Log-odds after 30 epochs, and at the end."""
    return [log_odds(MLPClassifier(max_iter=epochs, random_state=0, **options).fit(x, y)) for epochs in (30, 300)]


def regression(x: np.ndarray, y: np.ndarray) -> list[Model]:
    return [MLPRegressor(hidden_layer_sizes=(64, 32), max_iter=epochs, random_state=0).fit(x, y).predict for epochs in (10, 200)]


def probability(x: np.ndarray, y: np.ndarray) -> list[Model]:
    nets = [MLPClassifier((32, 16), max_iter=epochs, random_state=0).fit(x, y) for epochs in (30, 300)]
    return [lambda rows, net=net: net.predict_proba(rows)[:, 0].astype(np.float64) for net in nets]


def boosting(x: np.ndarray, y: np.ndarray) -> list[Any]:
    return [GradientBoostingClassifier(n_estimators=trees, max_depth=3, random_state=0).fit(x, y) for trees in (20, 60)]


def forest(x: np.ndarray, y: np.ndarray) -> list[Any]:
    return [RandomForestClassifier(n_estimators=trees, min_samples_leaf=2, random_state=0).fit(x, y) for trees in (10, 30)]


def of_trees(model: Any) -> tuple[Model, Callable[..., np.ndarray]]:
    """Margin of boosting or probability of a forest, and its exact values."""
    margin = hasattr(model, "decision_function")

    def outputs(rows: np.ndarray) -> np.ndarray:
        return model.decision_function(rows) if margin else model.predict_proba(rows)[:, 0]

    def exact(rows: np.ndarray, background: np.ndarray) -> np.ndarray:
        explainer = shap.TreeExplainer(model, background, feature_perturbation="interventional", model_output="raw")
        values = explainer.shap_values(rows, check_additivity=False)
        return values if values.ndim == 2 else values[:, :, 0]

    return outputs, exact


def at_defaults(seeds: int, part: str = "") -> None:
    cancer, wine = (shuffled(load().data, load().target) for load in (load_breast_cancer, load_wine))
    tasks: list[tuple[str, tuple[np.ndarray, np.ndarray], Callable[..., list[Any]], dict[str, Any]]] = [
        ("network, 7 features", shuffled(*drawn(7)), network, {"hidden_layer_sizes": (32, 16)}),
        ("network, Friedman's 10 features, regression", shuffled(*friedman()), regression, {}),
        ("network, wine, 13 features", wine, network, {"hidden_layer_sizes": (32, 16)}),
        ("network, breast cancer, 30 features", cancer, network, {"hidden_layer_sizes": (32, 16)}),
        ("the same, in probability", cancer, probability, {}),
        ("network of tanh, 40 features", shuffled(*drawn(40)), network, {"hidden_layer_sizes": (40,), "activation": "tanh"}),
        ("network, 100 features", shuffled(*drawn(100)), network, {"hidden_layer_sizes": (32, 16)}),
        ("boosting, breast cancer, 30 features", cancer, boosting, {}),
        ("forest, breast cancer, 30 features", cancer, forest, {}),
        ("forest, wine, 13 features", wine, forest, {}),
        ("boosting, 40 features", shuffled(*drawn(40)), boosting, {}),
        ("boosting, 100 features", shuffled(*drawn(100)), boosting, {}),
    ]
    print(f"\n{'at defaults':46}{'median':>9}{'RMS':>9}{'kriging':>9}{'values':>9}{'changes':>9}{'core s':>9}")
    for name, (x, y), fit, options in (task for task in tasks if part in task[0]):
        models, (rows, background) = fit(x, y, **options), split(x)
        if fit in (boosting, forest):
            models, truths = zip(*(of_trees(model) for model in models), strict=True)
            exact = [each(rows, background) for each in truths]
        else:
            rng = np.random.default_rng(1)
            exact = [np.stack([truth(model, row, background, rng) for row in rows]) for model in models]
        size = np.linalg.norm(exact[1], axis=1)
        missed, old, held, changes, seconds = [], [], [], [], []
        for seed in range(seeds):
            began = time.process_time()
            first, last = (ours(model, rows, background, "auto", seed, "auto") for model in models)
            seconds.append((time.process_time() - began) / 2 / ROWS)
            miss = [each.values[:, 0] - true for each, true in zip((first, last), exact, strict=True)]
            missed.append(np.linalg.norm(miss[1], axis=1) / size)
            evaluations = max(1024, 16 * rows.shape[1])
            before = ours(models[1], rows, background, evaluations, seed, "kriging")
            old.append(np.linalg.norm(before.values[:, 0] - exact[1], axis=1) / size)
            held += [np.abs(each) <= 1.96 * found.errors[:, 0] + 1e-6 for each, found in zip(miss, (first, last), strict=True)]
            changes.append(np.abs(miss[1] - miss[0]) <= 1.96 * error_of_change(first, last) + 1e-6)
        print(
            f"{name:46}{np.median(missed):9.1%}{np.sqrt(np.mean(np.square(missed))):9.1%}{np.sqrt(np.mean(np.square(old))):9.1%}"
            f"{np.mean(held):9.1%}{np.mean(changes):9.1%}{np.mean(seconds):9.2f}",
            flush=True,
        )


def error_of_change(first: Any, last: Any) -> np.ndarray:
    """Standard errors of the difference of two epochs, from their errors and the correlation that the sketches give: (probes, players)."""
    a, b = first.errors[:, 0], last.errors[:, 0]
    noise = [each.noise[:, 0] / np.maximum(np.linalg.norm(each.noise[:, 0], axis=-1, keepdims=True), 1e-12) for each in (first, last)]
    correlation = (noise[0] * noise[1]).sum(axis=-1)[:, None]
    return np.sqrt(np.maximum(a**2 + b**2 - 2 * correlation * a * b, 0))


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    if not part:
        at_equal_evaluations(seeds)
    at_defaults(seeds, part)


if __name__ == "__main__":
    main()
