"""The contract of frameworks. Each module `on_…` of this room is a framework: the functions of the protocol are its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

import numpy as np

from tb_xai_plugin.models.batches import MaskedModel
from tb_xai_plugin.models.forward import Forward

# (rows of a masker's `feed`, its parts, int32 (t,) targets) -> the explained output, float32 (t, rows), with operations of `keras.ops`
Explained: TypeAlias = Callable[[Any, Any, Any], Any]


class NotDifferentiableError(Exception):
    """The output has no gradient with respect to the players."""


class NoFeatureMapsError(Exception):
    """No layer gave feature maps that the output depends on. The message lists what the layers gave."""


class Framework(Protocol):
    """A framework that Keras runs on."""

    def on_cpu(self) -> bool:
        """Whether it computes on the processor alone."""

    def kept(self, model: Any) -> AbstractContextManager[None]:
        """Restore at the end what calls change in a Keras model and is no variable."""

    def compiled(self, forward: Forward, batch: int, before_batch: Callable[[], None] | None) -> MaskedModel:
        """A Keras model behind a masker. before_batch: see `compiled.compiled`."""

    def called(self, forward: Forward, inputs: Any, size: int, kept: dict[Any, Any], *, in_graph: bool, afresh: bool) -> Any:
        """Outputs of a forward pass on what the model takes.

        Args:
            kept: functions that are compiled for this forward pass; more are added to it.
            in_graph: whether the model must be called inside a graph.
            afresh: whether the model may have changed since, by what is no variable.
        """

    def tried_once(self, forward: Forward, inputs: Any, size: int) -> None:
        """Call the model in Python, whether its numbers are computed or not."""

    def of_players(self, explained: Explained, forward: Forward, size: int) -> Callable[[np.ndarray, Any, np.ndarray], np.ndarray]:
        """A function (float32 (size, width) rows, parts, int32 (t,) targets) -> gradients with respect to the rows, (size, t, width).

        Raises:
            NotDifferentiableError: at once, or when the function is called.
        """

    def of_feature_maps(
        self, explained: Explained, forward: Forward, layers: list[Any], size: int
    ) -> Callable[[np.ndarray, Any, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """A function (rows, parts, targets) -> feature maps of the last of some layers, (h, w, channels), and gradients (t, h, w, channels), both of the first row.

        Raises:
            NoFeatureMapsError: at once, or when the function is called.
        """


def is_map(layer: Any, shape: tuple[int | None, ...]) -> bool:
    """Whether the output of a layer is (batch, height, width, channels), or with channels first, with more than one pixel."""
    if len(shape) != 4 or None in shape:
        return False
    height, width = shape[2:] if channels_first(layer) else shape[1:3]
    return int(height or 0) * int(width or 0) >= 2


def channels_first(layer: Any) -> bool:
    return getattr(layer, "data_format", None) == "channels_first"


def with_channels_last(layer: Any, maps: np.ndarray, gradients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 maps (h, w, channels) and gradients (t, h, w, channels) of a layer that may have its channels first."""
    if channels_first(layer):
        maps, gradients = maps.transpose(1, 2, 0), gradients.transpose(0, 2, 3, 1)
    return maps.astype(np.float32), gradients.astype(np.float32)


def listed(layer_outputs: list[tuple[Any, tuple[int | None, ...]]]) -> str:
    """What layers gave, for messages."""
    return ", ".join(f"{layer.name} {shape}" for layer, shape in layer_outputs) or "it was not called"
