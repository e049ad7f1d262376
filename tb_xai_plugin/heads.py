"""Heads: finding out what a model's answers mean, from its last layer, the numbers themselves and its loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from tb_xai_plugin.outputs import Head

CLASS_LOSSES = {"sparsecategoricalcrossentropy", "categoricalcrossentropy", "categoricalfocalcrossentropy", "categoricalhinge"}
BINARY_LOSSES = {"binarycrossentropy", "bce", "binaryfocalcrossentropy"}
REGRESSION_LOSSES = {
    *("meansquarederror", "mse", "meanabsoluteerror", "mae", "meanabsolutepercentageerror", "mape"),
    *("meansquaredlogarithmicerror", "msle", "huber", "logcosh", "poisson", "cosinesimilarity"),
}


def guess_head(answers: np.ndarray) -> Head:
    """What answers of an unknown callable mean, from the numbers."""
    columns = answers.shape[1]
    if columns == 1:
        return Head("regression", columns)
    return Head("softmax", columns, clipped=True) if _sum_to_one(answers) else Head("logits", columns)


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
