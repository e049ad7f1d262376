"""Keras on a framework that compiles nothing for us: the forward pass runs as it is, batch after batch, and has no gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from tb_xai_plugin.models.batches import Batches, MaskedModel, filled
from tb_xai_plugin.models.forward import Forward
from tb_xai_plugin.models.frameworks.contract import Explained, NotDifferentiableError
from tb_xai_plugin.models.frameworks.tensors import array, tensor


def on_cpu() -> bool:
    return False  # it may have other devices


def kept(model: Any) -> AbstractContextManager[None]:
    return nullcontext()


def compiled(
    forward: Forward,
    batch: int,
    before_batch: Callable[[], None] | None,
    inside: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> MaskedModel:
    """See the contract. inside: the context in which the model is called."""

    def place(rows: np.ndarray, size: int) -> Any:
        return tensor(filled(rows, -(-len(rows) // size) * size))

    def outputs(rows: Any, parts: Any) -> np.ndarray:
        if before_batch:
            before_batch()
        with inside(), forward.tracing():
            return forward.read(array(forward(rows, parts)))

    return MaskedModel(forward.masker, forward.parts, Batches(lambda size: outputs, batch, place=place))


def called(forward: Forward, inputs: Any, size: int, kept: dict[Any, Any], *, in_graph: bool, afresh: bool) -> Any:
    return forward.outputs(inputs, size)


def tried_once(forward: Forward, inputs: Any, size: int) -> None:
    forward.outputs(inputs, size)


def of_players(explained: Explained, forward: Forward, size: int) -> Callable[[np.ndarray, Any, np.ndarray], np.ndarray]:
    raise NotDifferentiableError


def of_feature_maps(
    explained: Explained, forward: Forward, layers: list[Any], size: int
) -> Callable[[np.ndarray, Any, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    raise NotDifferentiableError
