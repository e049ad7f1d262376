"""Gradients of the explained output with respect to the players or to a layer's feature maps. Like `predictors`, this module names TensorFlow.

Backward passes are traced when an explainer first uses them, so LIME and SHAP alone do not wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from tb_xai_plugin.models import outputs
from tb_xai_plugin.models.batches import Batches, filled
from tb_xai_plugin.models.forward import Forward
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
        import tensorflow as tf

        most = min(LARGEST_BATCH, max(1, BATCH_BYTES // self._forward.masker.nbytes))
        batch = self._batch or -(-len(points) // -(-len(points) // most))
        run = self._of_players(batch)
        gradients = run(self._forward.masker.feed(points, probe), self._forward.parts(probe), tf.constant(targets, tf.int32))
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
        import tensorflow as tf

        full = self._forward.masker.feed(np.ones((self._batch or 1, self._forward.players), dtype=np.float32), probe)
        self._before_batch()
        maps, gradients = self._of_feature_maps(layer)(full, self._forward.parts(probe), tf.constant(targets, tf.int32))
        return maps.numpy(), gradients.numpy()

    def _explained(self, points: Any, parts: Any, targets: Any) -> Any:
        import keras

        return outputs.explained_in_graph(keras.ops, self._head, self._output, self._forward(points, parts), targets)

    def _signature(self, batch: int) -> list[Any]:
        import tensorflow as tf

        width = self._forward.masker.feed(np.ones((1, self._forward.players), dtype=np.float32), 0).shape[1]
        floats = [tf.TensorSpec(shape, tf.float32) for shape in ((batch, width), self._forward.parts(0).shape)]
        return [*floats, tf.TensorSpec((None,), tf.int32)]

    def _traced(self, graph: Callable[..., Any], batch: int) -> Callable[..., Any]:
        import tensorflow as tf

        with self._forward.tracing():
            traced: Callable[..., Any] = tf.function(graph, autograph=False).get_concrete_function(*self._signature(batch))
        return traced

    def _make_of_players(self, batch: int) -> Batches:
        def compile_for(size: int) -> Callable[..., np.ndarray]:
            import tensorflow as tf

            def graph(points: Any, parts: Any, targets: Any) -> Any:
                with tf.GradientTape(persistent=True) as tape:
                    tape.watch(points)
                    explained = self._explained(points, parts, targets)
                return tf.transpose(self._by_target(tape, explained, points), (1, 0, 2))

            traced = self._traced(graph, size)

            def run(points: np.ndarray, parts: Any, targets: Any) -> np.ndarray:
                self._before_batch()
                gradients: np.ndarray = traced(tf.constant(filled(points, size)), parts, targets).numpy()
                return gradients[: len(points)]

            return run

        return Batches(compile_for, batch)

    def _by_target(self, tape: Any, explained: Any, source: Any) -> Any:
        """Gradients (targets, *source.shape) of each row of `explained`, (targets, batch).

        This is a loop in the graph: as fast as backward passes written out one by one, and traced in a tenth of the time for ten targets.
        """
        import tensorflow as tf

        def one(i: Any, gradients: Any) -> tuple[Any, Any]:
            chosen = tf.one_hot(i, tf.shape(explained)[0])[:, None] * tf.ones_like(explained)
            gradient = tape.gradient(explained, source, output_gradients=chosen)
            if gradient is None:
                raise ValueError(
                    f"the output of model {self._forward.model.name!r} has no gradient with respect to its input, perhaps because the model "
                    "converts it to whole numbers or strings; use 'shap' or 'lime'."
                )
            return i + 1, gradients.write(i, tf.convert_to_tensor(gradient))

        # Not tf.map_fn: where its function raises, it leaves the caller's variable scope changed, and later models cannot be made.
        count = tf.shape(explained)[0]
        rows = tf.TensorArray(source.dtype, size=count, element_shape=source.shape)
        return tf.while_loop(lambda i, _: i < count, one, (0, rows), parallel_iterations=1)[1].stack()

    def _make_of_feature_maps(self, name: str | None) -> Callable[..., Any]:
        import tensorflow as tf

        model = self._forward.model

        def graph(full: Any, parts: Any, targets: Any) -> tuple[Any, Any]:
            layer_outputs: list[tuple[Any, Any]] = []
            with tf.GradientTape(persistent=True) as tape:

                def record(layer: Any, output: Any) -> None:
                    if tf.is_tensor(output):
                        tape.watch(output)
                        layer_outputs.append((layer, output))

                with _watched(candidates(model, name), record):
                    explained = self._explained(full, parts, targets)
            for layer, output in reversed(layer_outputs):
                is_map = len(output.shape) == 4 and None not in output.shape
                channels_first = getattr(layer, "data_format", None) == "channels_first"
                size = output.shape[2:] if channels_first else output.shape[1:3]
                if not is_map or size[0] * size[1] < 2 or tape.gradient(explained, output) is None:
                    continue
                maps, gradients = output[0], self._by_target(tape, explained, output)[:, 0]
                if channels_first:
                    maps, gradients = tf.transpose(maps, (1, 2, 0)), tf.transpose(gradients, (0, 2, 3, 1))
                return tf.cast(maps, tf.float32), tf.cast(gradients, tf.float32)
            shapes = ", ".join(f"{layer.name} {tuple(output.shape)}" for layer, output in layer_outputs) or "it was not called"
            which = f"layer {name!r}" if name else "the last convolution"
            raise ValueError(
                f"GradCam needs feature maps (batch, height, width, channels) with more than one pixel that the output depends on, and {which} of "
                f"model {model.name!r} gives none ({shapes}); name another layer, GradCam(layer=…), or use 'ig' or 'shap'."
            )

        return self._traced(graph, self._batch or 1)


def check_differentiable(who: str, model: Any) -> None:
    """Raise ValueError where a model has no gradients: a plain callable, or Keras on another backend than TensorFlow."""
    import keras

    if not isinstance(model, keras.Model):
        raise ValueError(f"{who} needs gradients, and {type(model).__name__} is not a Keras model; give one, or use 'shap' or 'lime'.")
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"{who} needs TensorFlow, and Keras runs on {keras.backend.backend()}; use 'shap' or 'lime'.")


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


@contextmanager
def _watched(layers: Sequence[Any], record: Callable[[Any, Any], None]) -> Iterator[None]:
    """Call `record(layer, output)` for each layer while a graph is traced. So nested and subclassed models need no new graph through their layers."""

    def watch(layer: Any) -> None:
        call = layer.call

        def watched(*arguments: Any, **options: Any) -> Any:
            output = call(*arguments, **options)
            record(layer, output)
            return output

        layer.call = watched

    own = [(layer, vars(layer).get("call")) for layer in layers]
    try:
        for layer in layers:
            watch(layer)
        yield
    finally:
        for layer, call in own:
            if call is None:
                vars(layer).pop("call", None)
            else:
                layer.call = call
