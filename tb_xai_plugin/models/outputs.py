"""Outputs: what a model's raw outputs mean, and the quantity that is explained (log-odds, probability or the raw output)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

OUTPUTS = ("log-odds", "probability", "raw")

# The smallest normal float32: a softmax rounds everything below it to 0, and log 0 would make a whole attribution map NaN.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)

# A forest or a half-precision sigmoid may return exactly 0 or 1; beyond this limit its log-odds are no more than a guess.
CLIP = 1e-6

# A sum of exponentials below this has lost digits.
UNDERFLOWS = 1e-280


@dataclass(frozen=True)
class Head:
    """How to read the columns of a model's raw outputs.

    Attributes:
        kind: "softmax" (probabilities that sum to 1) | "logits" (of a softmax) | "sigmoid" (one probability per column; a single column means two
            classes) | "sigmoid logits" (the same before the sigmoid) | "regression".
        columns: number of columns.
        clipped: whether probabilities are clipped to [1e-6, 1 - 1e-6] before log-odds, because the model is not more precise.
        by: how this is known, in a phrase.
        certain: whether it is known, and not only likely.
        below: whether the columns are read below the last activation, which makes probabilities of them.
        hard: whether the columns are 1 for the class that the model names and 0 for the others; these have no log-odds.
    """

    kind: str
    columns: int
    clipped: bool = False
    by: str = ""
    certain: bool = True
    hard: bool = False
    below: bool = False

    @property
    def one_sigmoid(self) -> bool:
        """Whether one column stands for two classes."""
        return self.columns == 1 and self.kind.startswith("sigmoid")

    @property
    def classes(self) -> int:
        """Number of classes: a single sigmoid has two."""
        return 2 if self.one_sigmoid else self.columns

    @property
    def exclusive(self) -> bool:
        """Whether probabilities sum to 1 over classes; False for independent sigmoids and regressions."""
        return self.kind in ("softmax", "logits") or self.one_sigmoid

    def scores(self, raw: np.ndarray) -> np.ndarray:
        """Scores, float64 (m, classes), from raw outputs (m, columns): logits up to a shift, or each class's own logit, or the regression's output."""
        raw = raw.astype(np.float64)
        if self.kind in ("logits", "regression"):
            return raw
        if self.kind == "softmax":
            return np.asarray(np.log(np.clip(raw, CLIP if self.clipped else SMALLEST_PROBABILITY, 1)))
        logits = raw
        if self.kind == "sigmoid":  # next to 1, float32 numbers are 6e-8 apart: a finer clip would only look more precise
            p = np.clip(raw, CLIP, 1 - CLIP)
            logits = np.log(p) - np.log1p(-p)
        return np.concatenate([np.zeros_like(logits), logits], axis=1) if self.one_sigmoid else logits


def probabilities(head: Head, scores: np.ndarray) -> np.ndarray:
    """Probabilities, float64 (m, classes), from scores; for a regression, its output itself."""
    if head.kind == "regression":
        return scores
    if not head.exclusive:
        return np.asarray(1 / (1 + np.exp(-scores)))
    exponentials: np.ndarray = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def log_odds(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Log-odds z_c - log sum_{j != c} exp z_j of classes that exclude each other: float64 (m, targets).

    The result is exact for any gap between logits. For the best class, the sum over the others leaves the best one out and does not subtract it
    again; where this sum underflows, it is taken relative to the second best. (The usual log p - log(1 - p) is off by dozens where p rounds to 1.)
    """
    if scores.shape[1] == 2:
        return np.asarray(scores[:, targets] - scores[:, 1 - targets])
    rows, best = np.arange(len(scores)), scores.argmax(axis=1)
    relative = scores - scores[rows, best][:, None]
    odds = np.exp(relative)
    odds[rows, best] = 0
    rest = odds.sum(axis=1)
    with np.errstate(divide="ignore"):
        log_rest = np.log(rest)
    far = np.flatnonzero(rest < UNDERFLOWS)
    if len(far):
        behind = relative[far]
        behind[np.arange(len(far)), best[far]] = -np.inf
        second = behind.max(axis=1)
        log_rest[far] = second + np.log(np.exp(behind - second[:, None]).sum(axis=1))
    others = np.log(1 + rest[:, None] - odds[:, targets])
    return np.asarray(relative[:, targets] - np.where(best[:, None] == targets, log_rest[:, None], others))


def explained(head: Head, output: str, raw: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The explained quantity: float64 (m, targets).

    Args:
        head: how to read the outputs.
        output: one of OUTPUTS.
        raw: (m, columns), outputs of the model.
        targets: int (targets,) classes.
    """
    if output == "raw":
        if head.one_sigmoid:  # the output is that of class 1; class 0 has the opposite
            other = -raw if head.kind == "sigmoid logits" else 1 - raw
            raw = np.concatenate([other, raw], axis=1)
        return np.asarray(raw[:, targets].astype(np.float64))
    if head.hard:
        return np.asarray(raw[:, targets].astype(np.float64))
    scores = head.scores(raw)
    if head.kind == "regression":
        return scores[:, targets]
    if output == "probability":
        return probabilities(head, scores)[:, targets]
    return log_odds(scores, targets) if head.exclusive else scores[:, targets]


def explained_in_graph(xp: Any, head: Head, output: str, raw: Any, targets: Any) -> Any:
    """`explained` inside a compiled graph, where it can be differentiated: float32 (targets, m).

    xp: keras.ops or another module with the same functions; raw: float32 (m, columns); targets: int (targets,).
    """
    classes, kind = head.classes, head.kind
    if output == "raw" and head.one_sigmoid:
        scores = xp.concatenate([-raw if kind == "sigmoid logits" else 1 - raw, raw], axis=1)
    elif output == "raw" or kind in ("logits", "regression"):
        scores = raw
    elif kind == "softmax":  # not clipped at 1: a probability rounded to 1 still has a gradient
        scores = xp.log(xp.maximum(raw, CLIP if head.clipped else SMALLEST_PROBABILITY))
    else:
        logits = raw
        if kind == "sigmoid":
            p = xp.clip(raw, CLIP, 1 - CLIP)
            logits = xp.log(p) - xp.log1p(-p)
        scores = xp.concatenate([xp.zeros_like(logits), logits], axis=1) if head.one_sigmoid else logits
    if output == "probability" and kind != "regression":
        scores = xp.softmax(scores, axis=-1) if head.exclusive else xp.sigmoid(scores)
    wanted = xp.transpose(xp.take(scores, targets, axis=1))
    if output != "log-odds" or not head.exclusive:
        return wanted
    # z_c - log sum_{j != c} exp z_j, as in `log_odds`: exact where p_c rounds to 1
    own = xp.cast(xp.one_hot(targets, classes), "bool")[:, None, :]
    others = xp.where(own, -np.inf, scores[None])
    return wanted - xp.logsumexp(others, axis=-1)


def unit(head: Head, output: str) -> str:
    """The unit of attributions: "log-odds", "probability" or "output"."""
    if head.kind == "regression" or output == "raw":
        return "output"
    return "probability" if head.hard else output
