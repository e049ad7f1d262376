"""Heads: what a model's outputs mean, determined from its last layer, the numbers themselves and its loss."""

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


# A warning says that outputs are clipped where more than this share of them is.
MUCH_CLIPPED = 0.02

# A callable whose outputs are only whole numbers below this probably returns class numbers.
FEW_CLASSES = 10


def guess_head(outputs: np.ndarray, labelled: bool) -> Head:
    """Read the outputs of an unknown callable, from the numbers alone. Logits and a regression with several outputs look alike.

    outputs: (n, columns); labelled: the probes have classes, so that several columns are logits.
    """
    columns = outputs.shape[1]
    if _sum_to_one(outputs):
        return Head("softmax", columns, clipped=True)
    return Head("logits" if labelled and columns > 1 else "regression", columns)


@dataclass
class OutputCheck:
    """Checks all outputs of a model against the way in which they are read.

    Attributes:
        head: how the outputs are read.
        output: the explained quantity, one of OUTPUTS.
        of_callable: whether the model is a plain callable, of which only the numbers tell what they mean.
    """

    head: Head
    output: str
    of_callable: bool
    _counted: int = 0
    _zeros_and_ones: int = 0
    _distinct: set[float] = field(default_factory=set)

    def add(self, outputs: np.ndarray) -> None:
        """Count further outputs, (rows, columns)."""
        self._counted += outputs.size
        if self.head.clipped:
            self._zeros_and_ones += int(((outputs <= CLIP) | (outputs >= 1 - CLIP)).sum())
        if self.of_callable and self.head.kind == "regression" and len(self._distinct) <= FEW_CLASSES:
            self._distinct.update(np.unique(outputs).tolist())

    @property
    def clipped(self) -> float:
        """The share of outputs that were clipped before log-odds were taken."""
        return self._zeros_and_ones / self._counted if self._counted and self.output == "log-odds" else 0.0

    def warning(self) -> str | None:
        """A sentence for the user where the outputs contradict their reading; else None."""
        if self.clipped > MUCH_CLIPPED:
            return (
                f"{self.clipped:.0%} of the model's outputs are 0 or 1, where log-odds are infinite; they are clipped to ±{-np.log(CLIP):.1f}, and their jumps "
                "dominate the explanation; give output='probability'."
            )
        if len(self._distinct) > 1 and self._distinct <= set(range(FEW_CLASSES)):
            numbers = ", ".join(f"{number:g}" for number in sorted(self._distinct))
            return f"the model returns only the numbers {numbers}, which are read as a regression; if they are classes, give a function that returns probabilities, e.g. predict_proba."
        return None


def _sum_to_one(outputs: np.ndarray) -> bool:
    """Whether outputs are several columns of probabilities that sum to 1, to the precision of float16."""
    return outputs.shape[1] > 1 and bool((outputs >= 0).all() and (np.abs(outputs.sum(axis=1) - 1) < 5e-3).all())


def read_head(last: Any, model: Any, outputs: np.ndarray, labelled: bool) -> Head:
    """Read the outputs of a Keras model: by its last activation, then by the numbers, then by the loss.

    The numbers overrule an activation that contradicts them, because `last` may not be the layer that makes the outputs. NaN contradicts nothing.

    last: the last layer; outputs: (n, columns); labelled: the probes have classes.
    """
    columns = outputs.shape[1]
    not_finite = not np.isfinite(outputs).all()
    in_range = not_finite or bool((outputs >= 0).all() and (outputs <= 1).all())
    activation = getattr(getattr(last, "activation", None), "__name__", None)
    if activation == "sigmoid" and in_range:
        return Head("sigmoid", columns)
    if _sum_to_one(outputs) or (activation == "softmax" and not_finite and columns > 1):
        return Head("softmax", columns)
    loss, from_logits = _loss(model)
    if loss in BINARY_LOSSES:
        return Head("sigmoid" if in_range and not from_logits else "sigmoid logits", columns)
    own_loss = loss not in ("", *CLASS_LOSSES)
    if columns == 1 or loss in REGRESSION_LOSSES or (own_loss and not labelled):
        return Head("regression", columns)
    return Head("logits", columns)


def _loss(model: Any) -> tuple[str, bool]:
    """Name of the loss given to `compile`, in lower case without "_" ("" for none), and whether it takes logits."""
    loss: Any = getattr(model, "loss", None)
    if isinstance(loss, dict):
        loss = list(loss.values())
    if isinstance(loss, list | tuple) and len(loss) == 1:
        loss = loss[0]
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__ if loss is not None else "")
    from_logits = bool(loss.get_config().get("from_logits")) if hasattr(loss, "get_config") else False
    return name.replace("_", "").lower(), from_logits


def output_layer(model: Any) -> Any:
    """The layer that makes the model's outputs; in nested models, the innermost one."""
    layer = model
    while getattr(layer, "layers", None):
        output = (getattr(layer, "outputs", None) or [None])[0]
        makers = [inner for inner in layer.layers if output is not None and getattr(inner, "output", None) is output]
        layer = makers[-1] if makers else layer.layers[-1]
    return layer
