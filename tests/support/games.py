"""Games with known Shapley values: the oracles of the explainers' tests."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import factorial

import numpy as np

Game = Callable[[np.ndarray], np.ndarray]  # bool (m, n) coalitions -> (m,)


def shapley_by_enumeration(game: Game, players: int) -> np.ndarray:
    """phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))."""
    coalitions = np.array(list(product([False, True], repeat=players)))
    value = {tuple(c): v for c, v in zip(coalitions.tolist(), game(coalitions), strict=True)}
    phi = np.zeros(players)
    for coalition, v in value.items():
        size = sum(coalition)
        for i in range(players):
            if not coalition[i]:
                weight = factorial(size) * factorial(players - size - 1) / factorial(players)
                phi[i] += weight * (value[(*coalition[:i], True, *coalition[i + 1 :])] - v)
    return phi


def banzhaf_by_enumeration(game: Game, players: int) -> np.ndarray:
    """phi_i = mean over S without i of v(S + i) - v(S)."""
    coalitions = np.array(list(product([False, True], repeat=players)))
    values = game(coalitions)
    return np.array([values[coalitions[:, i]].mean() - values[~coalitions[:, i]].mean() for i in range(players)])


def interacting(players: int, seed: int) -> Game:
    """A saturating game with all pairs interacting."""
    rng = np.random.default_rng(seed)
    pairs, single = rng.normal(size=(players, players)) * 0.3, rng.normal(size=players)
    return lambda z: np.tanh(((z @ pairs) * z).sum(axis=1) + z @ single)


def additive(weights: np.ndarray) -> Game:
    return lambda z: 2.0 + z @ weights


def even(players: int, seed: int) -> Game:
    """v(S) = v(complement of S), so every Shapley value is 0."""
    rng = np.random.default_rng(seed)
    single = rng.normal(size=players)
    return lambda z: np.cos((z - 0.5) @ single)


def white_noise(players: int, seed: int) -> Game:
    """Every coalition has a value of its own."""
    values = np.random.default_rng(seed).normal(size=2**players)
    return lambda z: values[z @ (1 << np.arange(players))]
