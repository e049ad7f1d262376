"""The layers of a Keras model, at any depth, and those that keep a state from batch to batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any


def layers_of(model: Any) -> list[Any]:
    """All layers of a model, at any depth, each once."""
    import keras

    layers: dict[int, Any] = {}

    def visit(item: Any) -> None:
        if isinstance(item, keras.Layer):
            if id(item) not in layers:
                layers[id(item)] = item
                visit([*getattr(item, "layers", ()), *vars(item).values()])
        elif isinstance(item, dict):
            visit(list(item.values()))
        elif isinstance(item, list | tuple):
            for element in item:
                visit(element)

    visit(model)
    return list(layers.values())


def memories(model: Any) -> list[Any]:
    """The variables in which recurrent layers with `stateful=True` keep the end of one batch for the next one. A new series begins from zero."""
    import keras

    found: dict[int, Any] = {}
    for layer in layers_of(model):
        if getattr(layer, "stateful", False) and isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional):
            for state in keras.tree.flatten(getattr(layer, "states", None)):
                if hasattr(state, "assign"):
                    found[id(state)] = state
    return list(found.values())


def recurs(model: Any) -> bool:
    """Whether a model has recurrent layers, which take one step at a time: seconds outside a graph, and milliseconds inside."""
    import keras

    return any(isinstance(layer, keras.layers.RNN) for layer in layers_of(model))


def fixed_batch(model: Any) -> int | None:
    """The only batch size that a model accepts; None where any size will do."""
    sizes = []
    with suppress(Exception):  # a subclassed model does not declare its inputs
        sizes = [tensor.shape[0] for tensor in model.inputs]
    sizes += [memory.shape[0] for memory in memories(model)]
    known = [int(size) for size in sizes if size]
    return known[0] if known else None


def masked_rnns(model: Any) -> list[Any]:
    """The recurrent layers that cuDNN may compute, of a model that masks steps."""
    import keras

    def makes_masks(layer: Any) -> bool:
        own = not type(layer).__module__.startswith("keras.") and type(layer).compute_mask is not keras.Layer.compute_mask
        return own or bool(getattr(layer, "mask_zero", False)) or isinstance(layer, keras.layers.Masking)

    layers = layers_of(model)
    return [layer for layer in layers if hasattr(layer, "use_cudnn")] if any(map(makes_masks, layers)) else []


@contextmanager
def step_by_step(layers: Sequence[Any]) -> Iterator[None]:
    """Inside, recurrent layers take one step after the other. cuDNN refuses rows that are all padding, and padding between steps, as absent players are."""
    before = [(layer, layer.use_cudnn) for layer in layers]
    try:
        for layer in layers:
            layer.use_cudnn = False
        yield
    finally:
        for layer, own in before:
            layer.use_cudnn = own


@contextmanager
def calls_replaced(layers: Sequence[Any], replace: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Inside, the output of each call of the layers is `replace(layer, output)`. So nested and subclassed models need no new graph through their layers."""

    def put_between(layer: Any) -> None:
        call = layer.call

        def between(*arguments: Any, **options: Any) -> Any:
            return replace(layer, call(*arguments, **options))

        layer.call = between

    own = [(layer, vars(layer).get("call")) for layer in layers]
    try:
        for layer in layers:
            put_between(layer)
        yield
    finally:
        for layer, call in own:
            if call is None:
                vars(layer).pop("call", None)
            else:
                layer.call = call
