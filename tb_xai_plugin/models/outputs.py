"""Outputs: what a model's raw answers mean, and the quantity that is explained (log-odds, probability or the raw output)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

OUTPUTS = ("log-odds", "probability", "raw")

# The smallest normal float32: a softmax flushes what is below to 0, and log 0 would poison a whole attribution map.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)

# A forest or a half-precision sigmoid says 0 or 1 outright; beyond this its log-odds are no more than a guess.
CLIP = 1e-6

# Of a sum of exponentials: below it, they have lost digits.
UNDERFLOWS = 1e-280


@dataclass(frozen=True)
class Head:
    """How to read the columns of a model's answers.

    Attributes:
        kind: "softmax" (probabilities that sum to 1) | "logits" (of a softmax) | "sigmoid" (a probability a column; one column: two
            classes) | "sigmoid logits" (the same before the sigmoid) | "regression".
        columns: of the answers.
        clipped: probabilities are clipped to [1e-6, 1 - 1e-6] before log-odds, because the model has no finer answer.
    """

    kind: str
    columns: int
    clipped: bool = False

    @property
    def one_sigmoid(self) -> bool:
        return self.columns == 1 and self.kind.startswith("sigmoid")

    @property
    def classes(self) -> int:
        """Number of classes: a single sigmoid has two."""
        return 2 if self.one_sigmoid else self.columns

    @property
    def exclusive(self) -> bool:
        """True where probabilities sum to 1 over classes; False for independent sigmoids and regressions."""
        return self.kind in ("softmax", "logits") or self.one_sigmoid

    def scores(self, answers: np.ndarray) -> np.ndarray:
        """Answers (m, columns) -> float64 (m, classes): logits up to a shift, or each class's own logit, or the regression's output."""
        answers = answers.astype(np.float64)
        if self.kind in ("logits", "regression"):
            return answers
        if self.kind == "softmax":
            return np.log(np.clip(answers, CLIP if self.clipped else SMALLEST_PROBABILITY, 1))
        logits = answers
        if self.kind == "sigmoid":  # float32 is spaced 6e-8 next to 1: here a finer clip would be a pretence
            p = np.clip(answers, CLIP, 1 - CLIP)
            logits = np.log(p) - np.log1p(-p)
        return np.concatenate([np.zeros_like(logits), logits], axis=1) if self.one_sigmoid else logits


def probabilities(head: Head, scores: np.ndarray) -> np.ndarray:
    """float64 (m, classes); the regression's output itself for a regression."""
    if head.kind == "regression":
        return scores
    if not head.exclusive:
        return 1 / (1 + np.exp(-scores))
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def log_odds(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """z_c - log sum_{j != c} exp z_j: float64 (m, targets), for classes that exclude each other.

    Exact for any gap between logits: for the best class the sum over the others leaves the best itself out, instead of taking it off again, and
    where the rest underflows it is taken relative to the second (the usual log p - log(1 - p) is off by dozens where p rounds to 1).
    """
    if scores.shape[1] == 2:
        return scores[:, targets] - scores[:, 1 - targets]
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
    return relative[:, targets] - np.where(best[:, None] == targets, log_rest[:, None], others)


def explained(head: Head, output: str, answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The quantity that is explained: float64 (m, targets).

    answers: (m, columns) of the model; targets: int (targets,) classes; output: one of OUTPUTS.
    """
    if output == "raw":
        if head.one_sigmoid:  # one sigmoid: class 1 as it is, class 0 its opposite
            other = -answers if head.kind == "sigmoid logits" else 1 - answers
            answers = np.concatenate([other, answers], axis=1)
        return answers[:, targets].astype(np.float64)
    scores = head.scores(answers)
    if head.kind == "regression":
        return scores[:, targets]
    if output == "probability":
        return probabilities(head, scores)[:, targets]
    return log_odds(scores, targets) if head.exclusive else scores[:, targets]


def explained_in_graph(xp: Any, head: Head, output: str, answers: Any, targets: Any) -> Any:
    """`explained`, of a model's answers inside a compiled graph, where it can be differentiated: float32 (targets, m).

    xp: keras.ops or another module like it; answers: float32 (m, columns); targets: int (targets,).
    """
    classes, kind = head.classes, head.kind
    if output == "raw" and head.one_sigmoid:
        scores = xp.concatenate([-answers if kind == "sigmoid logits" else 1 - answers, answers], axis=1)
    elif output == "raw" or kind in ("logits", "regression"):
        scores = answers
    elif kind == "softmax":  # not clipped at 1: a probability rounded to 1 still has a gradient
        scores = xp.log(xp.maximum(answers, CLIP if head.clipped else SMALLEST_PROBABILITY))
    else:
        if kind == "sigmoid":
            p = xp.clip(answers, CLIP, 1 - CLIP)
            answers = xp.log(p) - xp.log1p(-p)
        scores = xp.concatenate([xp.zeros_like(answers), answers], axis=1) if head.one_sigmoid else answers
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
    return "output" if head.kind == "regression" or output == "raw" else output
