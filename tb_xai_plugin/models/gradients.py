"""Gradients of the explained output with respect to the players or to a layer's feature maps.

Backward passes are compiled when an explainer first uses them, so LIME and SHAP alone do not wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from tb_xai_plugin.models import outputs
from tb_xai_plugin.models.batches import Batches, filled
from tb_xai_plugin.models.compiled import differentiable, framework
from tb_xai_plugin.models.forward import Forward
from tb_xai_plugin.models.frameworks.contract import NoFeatureMapsError, NotDifferentiableError
from tb_xai_plugin.models.layers import layers_of
from tb_xai_plugin.models.outputs import Head

CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")

# A backward pass keeps the activations of every layer, so it takes fewer inputs at a time than a forward pass.
LARGEST_BATCH = 32
BATCH_BYTES = 8 * 2**20

# The cost of the gradient of one target, in model evaluations.
PASSES_OF_A_GRADIENT = 3


class Gradients:
    """Gradients of one explained quantity of one model.

    Args:
        forward: the model's forward pass from coalitions to outputs.
        head: how the model's outputs are read.
        output: the explained quantity, one of OUTPUTS; see `outputs.explained`.
        batch: the only batch size that the model accepts; None for any.
        before_batch: called before every batch; it puts the model's state back.
    """

    def __init__(
        self, forward: Forward, head: Head, output: str, batch: int | None = None, before_batch: Callable[[], None] = lambda: None
    ) -> None:
        self._forward, self._head, self._output = forward, head, output
        self._batch, self._before_batch = batch, before_batch
        self._of_players = cache(self._make_of_players)
        self._of_feature_maps = cache(self._make_of_feature_maps)

    def of_players(self, points: np.ndarray, probe: int, targets: np.ndarray) -> np.ndarray:
        """Gradients with respect to the degree to which each player is present: the sum over its pixels of gradient times (pixel - baseline).

        Args:
            points: float (k, players of the probe), degrees between 0 and 1.
            probe: number of the probe.
            targets: int (t,) classes.

        Returns:
            float64 (k, t, players of the probe).
        """
        most = min(LARGEST_BATCH, max(1, BATCH_BYTES // self._forward.masker.nbytes))
        batch = self._batch or -(-len(points) // -(-len(points) // most))
        run = self._of_players(batch)
        rows = self._forward.masker.feed(points, probe).astype(np.float32, copy=False)
        gradients = run(rows, self._forward.parts(probe), np.asarray(targets, dtype=np.int32))
        return gradients[:, :, : points.shape[1]].astype(np.float64)

    def of_feature_maps(self, probe: int, targets: np.ndarray, layer: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Feature maps of a layer on the unmasked probe, and the gradients with respect to them.

        Args:
            probe: number of the probe.
            targets: int (t,) classes.
            layer: name of the layer; None for the last convolution.

        Returns:
            float32 (h, w, channels) feature maps, and float32 (t, h, w, channels) gradients.

        Raises:
            ValueError: there is no such layer, or its output is not (batch, h, w, channels) with more than one pixel.
        """
        full = self._forward.masker.feed(np.ones((self._batch or 1, self._forward.players), dtype=np.float32), probe)
        self._before_batch()
        try:
            maps, gradients = self._of_feature_maps(layer)(full, self._forward.parts(probe), np.asarray(targets, dtype=np.int32))
        except NoFeatureMapsError as error:
            which = f"layer {layer!r}" if layer else "the last convolution"
            raise ValueError(
                f"GradCam needs feature maps (batch, height, width, channels) with more than one pixel that the output depends on, and {which} of "
                f"model {self._forward.model.name!r} gives none ({error}); name another layer, GradCam(layer=…), or use 'ig' or 'shap'."
            ) from None
        return maps, gradients

    def _explained(self, points: Any, parts: Any, targets: Any) -> Any:
        import keras

        return outputs.explained_in_graph(keras.ops, self._head, self._output, self._forward(points, parts), targets)

    def _make_of_players(self, batch: int) -> Batches:
        def compile_for(size: int) -> Callable[..., np.ndarray]:
            with self._differentiable():
                traced = framework().of_players(self._explained, self._forward, size)

            def run(points: np.ndarray, parts: Any, targets: np.ndarray) -> np.ndarray:
                self._before_batch()
                with self._differentiable():
                    return traced(filled(points, size), parts, targets)[: len(points)]

            return run

        return Batches(compile_for, batch)

    @contextmanager
    def _differentiable(self) -> Iterator[None]:
        """Say so where there is no gradient."""
        try:
            yield
        except NotDifferentiableError:
            raise ValueError(
                f"the output of model {self._forward.model.name!r} has no gradient with respect to its input, perhaps because the model "
                "converts it to whole numbers, strings, or numbers of Python; use 'shap' or 'lime'."
            ) from None

    def _make_of_feature_maps(self, name: str | None) -> Callable[..., Any]:
        return framework().of_feature_maps(self._explained, self._forward, candidates(self._forward.model, name), self._batch or 1)


def check_differentiable(who: str, model: Any) -> None:
    """Raise ValueError where a model has no gradients: a plain callable, or Keras on another backend than TensorFlow, JAX and PyTorch."""
    import keras

    if not isinstance(model, keras.Model):
        raise ValueError(f"{who} needs gradients, and {type(model).__name__} is not a Keras model; give one, or use 'shap' or 'lime'.")
    if not differentiable():
        raise ValueError(f"{who} needs TensorFlow, JAX or PyTorch, and Keras runs on {keras.backend.backend()}; use 'shap' or 'lime'.")


def candidates(model: Any, name: str | None) -> list[Any]:
    """The layers of a model with the given name, or all its convolutions where `name` is None; nested models and layers are searched too.

    Raises:
        ValueError: there are none.
    """
    import keras

    kinds = tuple(getattr(keras.layers, kind) for kind in CONVOLUTIONS)
    layers = layers_of(model)
    convolutions = [layer for layer in layers if isinstance(layer, kinds)]
    if name is None:
        if not convolutions:
            raise ValueError(
                f"GradCam needs a convolution, and model {model.name!r} has none; name a layer, GradCam(layer=…), or use 'ig' or 'shap'."
            )
        return convolutions
    named = [layer for layer in layers if layer.name == name]
    if not named:
        known = sorted({layer.name for layer in convolutions or layers})
        raise ValueError(f"GradCam: model {model.name!r} has no layer {name!r}; choose from {known}.")
    return named
