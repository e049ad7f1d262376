"""Shapley values of rows of tables, against the average over 100 background rows, at equal numbers of model evaluations.

    python benchmarks/accuracy/tables.py [seeds]

Small networks on breast cancer (30 features) and wine (13), log-odds of the first class, 6 rows. The truth: every coalition averaged over all
100 rows (antithetic permutations of each, within about 0.5 %). Squared error in units of the truth's squared length, and the share of
intervals of 1.96 standard errors that hold the truth. What packages are given is their own advice: a smaller background.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import shap
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import tb_xai_plugin as xai

ROWS, REFERENCES, ROUNDS = 6, 100, 30
Model = Callable[[np.ndarray], np.ndarray]


def task(load: Callable) -> tuple[Model, np.ndarray, np.ndarray]:
    """Log-odds of the first class, rows to explain, background."""
    data = load()
    x = StandardScaler().fit_transform(data.data)
    x, y = (each[np.random.default_rng(0).permutation(len(x))] for each in (x, data.target))
    net = MLPClassifier((32, 16), max_iter=1000, random_state=0).fit(x, y)

    def log_odds(rows: np.ndarray) -> np.ndarray:
        p = np.clip(net.predict_proba(rows)[:, 0].astype(np.float64), 1e-12, 1 - 1e-12)
        return np.log(p) - np.log1p(-p)

    return log_odds, x[:ROWS].astype(np.float32), x[ROWS : ROWS + REFERENCES].astype(np.float32)


def truth(model: Model, row: np.ndarray, background: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mean over permutations and their reverses, as many for each background row."""
    n, total = len(row), np.zeros(len(row))
    for _ in range(ROUNDS):
        for reference in background:
            order = rng.permutation(n)
            for direction in (order, order[::-1]):
                walk = np.repeat(reference[None], n + 1, axis=0)
                for place, feature in enumerate(direction):
                    walk[place + 1 :, feature] = row[feature]
                total[direction] += np.diff(model(walk))
    return total / (2 * ROUNDS * len(background))


def ours(model: Model, rows: np.ndarray, background: np.ndarray, evaluations: int, seed: int, estimator: str) -> tuple[np.ndarray, ...]:
    probes = xai.TabularProbes(rows, background=background)
    found = xai.explain(model, probes, xai.KernelShap(estimator), evaluations=evaluations, output="raw", seed=seed)["shap"]
    return found.values[:, 0], found.errors[:, 0]


def kernel_shap(model: Model, rows: np.ndarray, background: np.ndarray, evaluations: int, seed: int, few: int) -> np.ndarray:
    np.random.seed(seed)  # noqa: NPY002  the package draws from it
    chosen = background[np.random.default_rng(seed).permutation(len(background))[:few]]
    return shap.KernelExplainer(model, chosen).shap_values(rows, nsamples=evaluations // few, l1_reg=False, silent=True)


def permutation(model: Model, rows: np.ndarray, background: np.ndarray, evaluations: int, seed: int, few: int) -> np.ndarray:
    chosen = background[np.random.default_rng(seed).permutation(len(background))[:few]]
    explainer = shap.PermutationExplainer(model, shap.maskers.Independent(chosen, max_samples=few), seed=seed)
    return explainer(rows, max_evals=evaluations // few, silent=True).values


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    for name, load in (("breast cancer, 30 features", load_breast_cancer), ("wine, 13 features", load_wine)):
        model, rows, background = task(load)
        rng = np.random.default_rng(1)
        exact = np.stack([truth(model, row, background, rng) for row in rows])
        size = (exact**2).sum(axis=1)
        print(f"\n{name:52}{'480':>10}{'1,024':>10}{'2,048':>10}")
        for label, estimator in (("this package", "kriging"), ('this package, KernelShap(estimator="wls")', "wls")):
            cells, held = [], []
            for evaluations in (480, 1024, 2048):
                draws = [ours(model, rows, background, evaluations, seed, estimator) for seed in range(seeds)]
                cells.append(np.mean([((values - exact) ** 2).sum(axis=1) / size for values, _ in draws]))
                held.append(np.mean([np.abs(values - exact) <= 1.96 * errors for values, errors in draws]))
            print(
                f"{label:52}"
                + "".join(f"{cell:10.1e}" for cell in cells)
                + "   intervals hold "
                + ", ".join(f"{each:.0%}" for each in held)
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


if __name__ == "__main__":
    main()
