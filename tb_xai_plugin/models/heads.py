"""Heads: finding out what a model's answers mean, from its last layer, the numbers themselves and its loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tb_xai_plugin.models.outputs import CLIP, Head

CLASS_LOSSES = {"sparsecategoricalcrossentropy", "categoricalcrossentropy", "categoricalfocalcrossentropy", "categoricalhinge"}
BINARY_LOSSES = {"binarycrossentropy", "bce", "binaryfocalcrossentropy"}
REGRESSION_LOSSES = {
    *("meansquarederror", "mse", "meanabsoluteerror", "mae", "meanabsolutepercentageerror", "mape"),
    *("meansquaredlogarithmicerror", "msle", "huber", "logcosh", "poisson", "cosinesimilarity"),
}


# From such a part of all answers on, that they are clipped is said.
MUCH_CLIPPED = 0.02

# A callable that answers with whole numbers below this, and no others, names classes, by the look of it.
FEW_CLASSES = 10


def guess_head(answers: np.ndarray, labelled: bool) -> Head:
    """What answers of an unknown callable mean, from the numbers; logits and a regression of several outputs look alike."""
    columns = answers.shape[1]
    if _sum_to_one(answers):
        return Head("softmax", columns, clipped=True)
    return Head("logits" if labelled and columns > 1 else "regression", columns)


@dataclass
class Doubts:
    """What all answers together say against how they were read.

    Attributes:
        head: how they were read.
        output: what is explained.
        of_callable: nothing but the numbers tells what they mean.
    """

    head: Head
    output: str
    of_callable: bool
    _counted: int = 0
    _at_the_ends: int = 0
    _distinct: set[float] = field(default_factory=set)

    def hear(self, answers: np.ndarray) -> None:
        self._counted += answers.size
        if self.head.clipped:
            self._at_the_ends += int(((answers <= CLIP) | (answers >= 1 - CLIP)).sum())
        if self.of_callable and self.head.kind == "regression" and len(self._distinct) <= FEW_CLASSES:
            self._distinct.update(np.unique(answers).tolist())

    @property
    def clipped(self) -> float:
        """The share of answers that were clipped before log-odds were taken."""
        return self._at_the_ends / self._counted if self._counted and self.output == "log-odds" else 0.0

    def sentence(self) -> str | None:
        if self.clipped > MUCH_CLIPPED:
            return (
                f"{self.clipped:.0%} of the model's answers are 0 or 1, which have no log-odds and count as ±{-np.log(CLIP):.1f}: their jumps drown "
                "the rest; give output='probability'."
            )
        if len(self._distinct) > 1 and self._distinct <= set(range(FEW_CLASSES)):
            numbers = ", ".join(f"{number:g}" for number in sorted(self._distinct))
            return f"the model answers with {numbers} only, read as a regression; if these are classes, give what says how likely each is, e.g. predict_proba."
        return None


def _sum_to_one(answers: np.ndarray) -> bool:
    """Several columns of probabilities that sum to 1, to the precision of float16."""
    return answers.shape[1] > 1 and bool((answers >= 0).all() and (np.abs(answers.sum(axis=1) - 1) < 5e-3).all())


def read_head(last: Any, model: Any, answers: np.ndarray, labelled: bool) -> Head:
    """What a Keras model's answers mean: its last activation says it, then the numbers, then the loss.

    An activation is not believed against the numbers (the last layer may be another than it seems); NaN says nothing against it.
    """
    columns = answers.shape[1]
    silent = not np.isfinite(answers).all()
    in_range = silent or bool((answers >= 0).all() and (answers <= 1).all())
    activation = getattr(getattr(last, "activation", None), "__name__", None)
    if activation == "sigmoid" and in_range:
        return Head("sigmoid", columns)
    if _sum_to_one(answers) or (activation == "softmax" and silent and columns > 1):
        return Head("softmax", columns)
    loss, from_logits = _loss(model)
    if loss in BINARY_LOSSES:
        return Head("sigmoid" if in_range and not from_logits else "sigmoid logits", columns)
    own_loss = loss not in ("", *CLASS_LOSSES)
    if columns == 1 or loss in REGRESSION_LOSSES or (own_loss and not labelled):
        return Head("regression", columns)
    return Head("logits", columns)


def _loss(model: Any) -> tuple[str, bool]:
    """Name of the loss given to `compile`, lower case without "_" ("" for none), and whether it takes logits."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, dict):
        loss = list(loss.values())
    if isinstance(loss, list | tuple) and len(loss) == 1:
        loss = loss[0]
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__ if loss is not None else "")
    from_logits = bool(loss.get_config().get("from_logits")) if hasattr(loss, "get_config") else False
    return name.replace("_", "").lower(), from_logits


def output_layer(model: Any) -> Any:
    """The layer that the answers come from; of nested models, the innermost."""
    layer = model
    while getattr(layer, "layers", None):
        output = (getattr(layer, "outputs", None) or [None])[0]
        makers = [inner for inner in layer.layers if output is not None and getattr(inner, "output", None) is output]
        layer = makers[-1] if makers else layer.layers[-1]
    return layer
