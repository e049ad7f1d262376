"""Sixteen families of games with exact Shapley values, as tables of outputs on all 2^n coalitions (12 to 16 players).

    python benchmarks/accuracy/families.py FOLDER SEED…     # writes FOLDER/games-SEED.npz, about a minute a seed

    games(folder, seed) -> {name: (n, answers, exact)}
        n: number of players; answers: float64 (2^n,), where bit i of the index says whether player i is present; exact: float64 (n,)
    changes(folder, seed) -> {name: (n, before, after)}
        The tables of an early and of the last epoch, for the networks.

Each seed has its own data split, weights, probe and baseline. Tables are made once and read from the folder afterwards, which needs NumPy alone.
Ending in "/log-odds" and "/probability", two names have the same network. The families:

    digits      a convolutional net on scikit-learn's 8 x 8 digits; a 4 x 4 grid over the mean image
    cancer      a dense net on the breast cancer data; 15 groups of 2 features over the mean row
    lstm        an LSTM on sentences of 12 words with negations; masked words
    max-pool    a convolution with a maximum over positions, on sentences of 14 words; masked words
    products    a sum of 12 products of 1 to 5 of 14 players
    forest      a random forest on the breast cancer data, probability; 13 features over the median row
    forest-regression   a random forest on a noisy, interacting function of 12 features
    boosting    boosted trees on the breast cancer data, log-odds; 14 features over the median row
    selection   R^2 on held-out rows of least squares on a subset of 12 features
    svm         a support vector machine with a Gaussian kernel on digits, decision value of a pair of classes; a 4 x 4 grid
    voting      a smooth weighted majority with a veto player, 13 players
    series      a convolutional net on series of 4 channels; 12 stretches of time over the channel's mean
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

Game = tuple[int, np.ndarray, np.ndarray]


def games(folder: str | Path, seed: int) -> dict[str, Game]:
    """The games of one seed, from the folder where they are there: {name: (players, answers (2^players,), exact (players,))}."""
    tables = _tables(Path(folder), seed)
    found = {}
    for name in tables:
        if not name.endswith("@early"):
            n = len(tables[name]).bit_length() - 1
            found[name] = (n, tables[name], shapley_values(tables[name]))
    return found


def changes(folder: str | Path, seed: int) -> dict[str, Game]:
    """Two epochs of the networks of one seed: {name: (players, answers of the early one, answers of the last one)}."""
    tables = _tables(Path(folder), seed)
    early = [name for name in tables if name.endswith("@early")]
    return {name[: -len("@early")]: (len(tables[name]).bit_length() - 1, tables[name], tables[name[: -len("@early")]]) for name in early}


@cache
def coalitions(players: int) -> np.ndarray:
    """All coalitions, bool (2^players, players): row k has the players that are the set bits of k."""
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(bool)


def shapley_values(answers: np.ndarray) -> np.ndarray:
    """phi_i = mean over sizes of the mean of v(S + i) - v(S) over the coalitions S of that size without i."""
    n = len(answers).bit_length() - 1
    sizes = coalitions(n).sum(axis=1)
    weight = np.array([1 / (n * comb(n - 1, size)) for size in range(n)])
    phi = np.empty(n)
    for i in range(n):
        without = np.flatnonzero(~coalitions(n)[:, i])
        phi[i] = weight[sizes[without]] @ (answers[without | 1 << i] - answers[without])
    return phi


def _tables(folder: Path, seed: int) -> dict[str, np.ndarray]:
    file = folder / f"games-{seed}.npz"
    if not file.exists():
        made: dict[str, np.ndarray] = {}
        for family in FAMILIES:
            made |= {name: table.astype(np.float64) for name, table in family(seed).items()}
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file.with_suffix(".part.npz"), **{name.replace("/", "|"): table for name, table in made.items()})
        file.with_suffix(".part.npz").rename(file)
    with np.load(file) as arrays:
        return {name.replace("|", "/"): arrays[name] for name in arrays.files}


# ---- networks


def _fitted(layers: Callable[[Any], list[Any]], inputs: Any, x: np.ndarray, y: np.ndarray, epochs: tuple[int, int], seed: int) -> list[Any]:
    """The early and the last predictor of log-odds: functions from (inputs, class) to float64."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential([inputs(keras), *layers(keras.layers)])
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    predictors = []
    for more in (epochs[0], epochs[1] - epochs[0]):
        model.fit(x, y, epochs=more, verbose=0, batch_size=64)
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())

        def log_odds(masked: np.ndarray, target: int, copy: Any = copy) -> np.ndarray:
            logits = copy.predict(masked, batch_size=4096, verbose=0).astype(np.float64)
            return logits[:, target] - np.logaddexp.reduce(np.delete(logits, target, axis=1), axis=1)

        predictors.append(log_odds)
    return predictors


def _both_outputs(name: str, early: np.ndarray, last: np.ndarray) -> dict[str, np.ndarray]:
    tables = {}
    for suffix, table in (("@early", early), ("", last)):
        tables[f"{name}/log-odds{suffix}"] = table
        tables[f"{name}/probability{suffix}"] = 1 / (1 + np.exp(-table))
    return tables


def _digits(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    data = load_digits()
    order = rng.permutation(len(data.target))
    return (data.images / 16).astype(np.float32)[order], data.target[order]


def _grid() -> np.ndarray:
    row, column = np.indices((8, 8))
    return np.asarray(row // 2 * 4 + column // 2)


def digits(seed: int) -> dict[str, np.ndarray]:
    x, y = _digits(np.random.default_rng([seed, 1]))
    x = x[..., None]

    def layers(kit: Any) -> list[Any]:
        convolutions = [kit.Conv2D(width, 3, padding="same", activation="relu") for width in (8, 16)]
        return [*convolutions, kit.MaxPooling2D(), kit.Flatten(), kit.Dense(32, activation="relu"), kit.Dense(10)]

    predictors = _fitted(layers, lambda keras: keras.Input((8, 8, 1)), x[1:], y[1:], (2, 12), seed)
    masked = np.where(coalitions(16)[:, _grid()][..., None], x[0], x[1:].mean(axis=0))
    return _both_outputs("digits", *(predict(masked, int(y[0])) for predict in predictors))


def _cancer(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    order = rng.permutation(len(x))
    return ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)[order], y[order]


def cancer(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([seed, 2])
    x, y = _cancer(rng)

    def layers(kit: Any) -> list[Any]:
        return [kit.Dense(32, activation="relu"), kit.Dense(16, activation="relu"), kit.Dense(2)]

    predictors = _fitted(layers, lambda keras: keras.Input((30,)), x[1:], y[1:], (5, 60), seed)
    masked = np.where(coalitions(15)[:, rng.permutation(30) // 2], x[0], x[1:].mean(axis=0))
    return _both_outputs("cancer", *(predict(masked, int(y[0])) for predict in predictors))


WORDS, NOT, VERY, BUT = 40, 1, 2, 3  # word 0 is the mask


def _sentences(rng: np.random.Generator, length: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Sentences and their labels: words have scores, NOT turns the next word round, VERY doubles it, BUT halves what came before it."""
    scores = np.concatenate([np.zeros(20), rng.normal(size=WORDS - 20)])
    often = np.concatenate([[0.5, 3, 2, 1], np.ones(WORDS - 4)])
    words = rng.choice(WORDS, (rows, length), p=often / often.sum())
    total, factor = np.zeros(rows), np.ones(rows)
    for word in words.T:
        total = np.where(word == BUT, total / 2, total) + factor * scores[word]
        factor = np.where(word == NOT, -1.0, np.where(word == VERY, 2.0, 1.0))
    return words, (total > 0).astype(int)


def _text(name: str, length: int, layers: Callable[[Any], list[Any]], seed: int, epochs: tuple[int, int]) -> dict[str, np.ndarray]:
    words, labels = _sentences(np.random.default_rng([seed, length]), length, 4000)
    probe = next(i for i in range(len(words)) if NOT in words[i] and (words[i] >= 20).sum() >= length // 3)
    others = np.arange(len(words)) != probe
    predictors = _fitted(layers, lambda keras: keras.Input((length,)), words[others], labels[others], epochs, seed)
    masked = np.where(coalitions(length), words[probe], 0)
    return _both_outputs(name, *(predict(masked, int(labels[probe])) for predict in predictors))


def lstm(seed: int) -> dict[str, np.ndarray]:
    return _text("lstm", 12, lambda kit: [kit.Embedding(WORDS, 12), kit.LSTM(16), kit.Dense(2)], seed, (3, 12))


def max_pool(seed: int) -> dict[str, np.ndarray]:
    def layers(kit: Any) -> list[Any]:
        return [
            kit.Embedding(WORDS, 12),
            kit.Conv1D(32, 3, padding="same", activation="relu"),
            kit.GlobalMaxPooling1D(),
            kit.Dense(16, activation="relu"),
            kit.Dense(2),
        ]

    return _text("max-pool", 14, layers, seed, (3, 12))


def series(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([seed, 3])
    time, rows, length = np.arange(48), 1500, 48
    y = rng.integers(0, 3, rows)
    phase, speed = (
        rng.uniform(0, 2 * np.pi, (rows, 1, 4)),
        np.array([0.2, 0.35, 0.5])[y][:, None, None] * rng.uniform(0.8, 1.25, (rows, 1, 4)),
    )
    x = np.sin(phase + speed * time[:, None]) * rng.uniform(0.3, 1.5, (rows, 1, 4)) + 0.7 * rng.normal(size=(rows, length, 4))

    def layers(kit: Any) -> list[Any]:
        convolutions = [kit.Conv1D(16, 5, strides=stride, padding="same", activation="relu") for stride in (1, 2)]
        return [*convolutions, kit.GlobalAveragePooling1D(), kit.Dense(16, activation="relu"), kit.Dense(3)]

    predictors = _fitted(layers, lambda keras: keras.Input((length, 4)), x[1:].astype(np.float32), y[1:], (3, 20), seed)
    masked = np.where(coalitions(12)[:, time // 4][..., None], x[0], x[1:].mean(axis=(0, 1))).astype(np.float32)
    tables = _both_outputs("series", *(predict(masked, int(y[0])) for predict in predictors))
    return {name: table for name, table in tables.items() if "log-odds" in name}


# ---- other models


def products(seed: int) -> dict[str, np.ndarray]:
    rng, Z = np.random.default_rng([seed, 4]), coalitions(14)
    table = np.zeros(len(Z))
    for order in (1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5):
        table += rng.normal() * Z[:, rng.choice(14, order, replace=False)].all(axis=1)
    return {"products": table}


def forest(seed: int) -> dict[str, np.ndarray]:
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng([seed, 5])
    x, y = _cancer(rng)
    x = x[:, rng.choice(30, 13, replace=False)]
    model = RandomForestClassifier(50, random_state=seed).fit(x[1:], y[1:])
    return {"forest": model.predict_proba(np.where(coalitions(13), x[0], np.median(x, axis=0)))[:, y[0]]}


def forest_regression(seed: int) -> dict[str, np.ndarray]:
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng([seed, 6])
    x = rng.normal(size=(1500, 12))
    y = 2 * x[:, 0] + x[:, 1] * x[:, 2] + np.abs(x[:, 3]) + 2 * (x[:, 4] > 0) * (x[:, 5] > 0) * x[:, 6] + 0.3 * rng.normal(size=1500)
    model = RandomForestRegressor(50, random_state=seed, max_features=0.5, min_samples_leaf=3).fit(x[1:], y[1:])
    return {"forest-regression": model.predict(np.where(coalitions(12), x[0] * 1.5, x[1:].mean(axis=0)))}


def boosting(seed: int) -> dict[str, np.ndarray]:
    from sklearn.ensemble import GradientBoostingClassifier

    rng = np.random.default_rng([seed, 7])
    x, y = _cancer(rng)
    x = x[:, rng.choice(30, 14, replace=False)]
    model = GradientBoostingClassifier(n_estimators=60, max_depth=3, random_state=seed).fit(x[1:], y[1:])
    return {"boosting": model.decision_function(np.where(coalitions(14), x[0], np.median(x, axis=0))) * (2 * y[0] - 1)}


def selection(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([seed, 8])
    x, y = _cancer(rng)
    x = x[:, rng.choice(30, 12, replace=False)].astype(np.float64)
    x, y = x - x.mean(axis=0), y - y.mean()
    G, b, held, wanted = x[:300].T @ x[:300], x[:300].T @ y[:300], x[300:], y[300:]
    table = np.zeros(2**12)
    for k, S in enumerate(coalitions(12)[1:], start=1):
        beta = np.linalg.solve(G[np.ix_(S, S)] + 1e-3 * np.eye(S.sum()), b[S])
        table[k] = 1 - ((wanted - held[:, S] @ beta) ** 2).sum() / (wanted**2).sum()
    return {"selection": table}


def svm(seed: int) -> dict[str, np.ndarray]:
    from sklearn.svm import SVC

    x, y = _digits(np.random.default_rng([seed, 9]))
    pair = np.unique(y[:8])[:2]
    rows = np.flatnonzero(np.isin(y, pair))
    x, y = x[rows].reshape(-1, 64), y[rows]
    model = SVC(gamma=0.05).fit(x[1:], y[1:])
    masked = np.where(coalitions(16)[:, _grid().ravel()], x[0], x[1:].mean(axis=0))
    return {"svm": model.decision_function(masked) * (1 if y[0] == pair[1] else -1)}


def voting(seed: int) -> dict[str, np.ndarray]:
    rng, Z = np.random.default_rng([seed, 10]), coalitions(13)
    weight = rng.dirichlet(np.full(13, 1.5))
    majority = 1 / (1 + np.exp(-(Z @ weight - rng.uniform(0.4, 0.6)) / 0.08))
    return {"voting": majority * np.where(Z[:, 0], 1.0, 0.4)}


FAMILIES: tuple[Callable[[int], dict[str, np.ndarray]], ...] = (
    *(digits, cancer, lstm, max_pool, products, forest, forest_regression, boosting, selection),
    *(svm, voting, series),
)


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit("usage: python benchmarks/accuracy/families.py FOLDER SEED…")
    for seed in map(int, sys.argv[2:]):
        for name, (n, answers, exact) in games(sys.argv[1], seed).items():
            print(
                f"{seed} {name}: {n} players, total {exact.sum():.4g} = {answers[-1] - answers[0]:.4g}, largest {np.abs(exact).max():.4g}",
                flush=True,
            )


if __name__ == "__main__":
    main()
