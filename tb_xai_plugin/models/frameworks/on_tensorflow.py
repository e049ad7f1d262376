"""Keras on TensorFlow: the masker and the model are one graph, which evaluates many batches in one call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from tb_xai_plugin.models.batches import Batches, MaskedModel, filled
from tb_xai_plugin.models.forward import Forward
from tb_xai_plugin.models.frameworks import on_others
from tb_xai_plugin.models.frameworks.contract import (
    Explained,
    NoFeatureMapsError,
    NotDifferentiableError,
    is_map,
    listed,
    with_channels_last,
)
from tb_xai_plugin.models.frameworks.tensors import tensor
from tb_xai_plugin.models.layers import calls_replaced

# Batches in one call, of rows that need no parts: a call costs as much as a thousand rows of a small network. Not all batches are in one call,
# so that `fit` can be interrupted.
PER_CALL = 16

# Batches that run at the same time: the layers of a small network do not keep the cores busy. More batches would take more memory.
AT_ONCE = 2

# Beginnings of the names of operations that draw from a random state of their own; those of Keras's generators are called Stateless….
STATEFUL_DRAWS = ("Random", "TruncatedNormal", "Multinomial", "ParameterizedTruncatedNormal")


def on_cpu() -> bool:
    import tensorflow as tf

    return all(device.device_type == "CPU" for device in tf.config.get_visible_devices())


def kept(model: Any) -> AbstractContextManager[None]:
    return nullcontext()


def compiled(forward: Forward, batch: int, before_batch: Callable[[], None] | None) -> MaskedModel:
    if getattr(forward.model, "run_eagerly", False):
        return on_others.compiled(forward, batch, before_batch)
    devices = _devices(forward.model)
    looped = forward.masker.stacked and len(devices) == 1
    # What the graph at hand was traced from, by the size of its batch; it is traced at once, so that its variables are known before it runs.
    graphs: dict[int, Callable[..., Any]] = {}

    def padded(size: int) -> int:
        return -(-size // len(devices)) * len(devices)

    def place(rows: np.ndarray, size: int) -> Any:
        rows = filled(rows, -(-len(rows) // padded(size)) * padded(size))
        return tensor(rows.reshape(-1, size, rows.shape[1]) if looped else rows)

    def graph(size: int) -> Callable[..., Any]:
        if size not in graphs:
            graphs[size] = _loop(forward, size, AT_ONCE) if looped else _graph(forward, padded(size), devices)
        return graphs[size]

    def compile_for(size: int) -> Callable[..., np.ndarray]:
        run = graph(size)

        def outputs(rows: Any, parts: Any) -> np.ndarray:
            if before_batch:
                before_batch()
            return forward.read(run(rows, parts).numpy())

        return outputs

    batches = Batches(compile_for, batch, PER_CALL if looped and not before_batch else 1, place)
    traced: Any = graph(batch)
    return MaskedModel(forward.masker, forward.parts, batches, tuple(traced.variables), _draws(traced))


def called(forward: Forward, inputs: Any, size: int, kept: dict[Any, Any], *, in_graph: bool, afresh: bool) -> Any:
    if not in_graph:
        return forward.outputs(inputs, size)
    import tensorflow as tf

    # One graph per size: each has a random state of its own, which goes on from call to call.
    if size not in kept:
        kept[size] = tf.function(lambda given: forward.outputs(given, size), autograph=False)
    return kept[size](inputs)


def tried_once(forward: Forward, inputs: Any, size: int) -> None:
    forward.outputs(inputs, size)


def _draws(traced: Any) -> bool:
    """Whether a graph draws from TensorFlow's own random state, as `tf.random.normal` does."""
    definition = traced.graph.as_graph_def()
    nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    return any(node.op.startswith(STATEFUL_DRAWS) for node in nodes)


def _devices(model: Any) -> list[str | None]:
    """The devices that share each batch evenly: all devices of a MirroredStrategy; None stands for the model's own device."""
    import tensorflow as tf

    strategy = getattr(model, "distribute_strategy", None)
    return list(strategy.extended.worker_devices) if isinstance(strategy, tf.distribute.MirroredStrategy) else [None]


def _graph(forward: Forward, batch: int, devices: list[str | None]) -> Callable[..., Any]:
    """A graph (rows (batch, width), parts) -> outputs that names its devices one by one and does not use strategy.run.

    With strategy.run, each replica would use its own moving averages of batch normalization, which Keras lets drift apart, and outputs would
    depend on the replica. Here all devices use the averages of the first one, which are those that are saved.
    """
    import tensorflow as tf

    share = batch // len(devices)

    def on_all(rows: Any, parts: Any) -> Any:
        outputs = []
        for i, device in enumerate(devices):
            with tf.device(device):
                outputs.append(forward(rows[i * share : (i + 1) * share], parts))
        return tf.concat(outputs, axis=0) if len(devices) > 1 else outputs[0]

    return _traced(on_all, forward, (batch,))


def _loop(forward: Forward, batch: int, at_once: int) -> Callable[..., Any]:
    """A graph (rows (any number, batch, width), parts) -> outputs that evaluates batch after batch."""
    import tensorflow as tf

    def in_turn(batches: Any, parts: Any) -> Any:
        scope = tf.compat.v1.get_variable_scope()
        caching = scope.caching_device
        try:
            outputs = tf.map_fn(lambda rows: forward(rows, parts), batches, fn_output_signature=tf.float32, parallel_iterations=at_once)
        finally:
            # map_fn sets the device and, where the model raises, does not restore it: a strategy could then make no variable.
            scope.set_caching_device(caching)
        return tf.reshape(outputs, (-1, outputs.shape[-1]))

    return _traced(in_turn, forward, (None, batch))


def _traced(function: Callable[..., Any], forward: Forward, shape: tuple[int | None, ...]) -> Callable[..., Any]:
    """A function compiled for rows of the masker. shape: the axes before the row."""
    import tensorflow as tf

    row = forward.masker.feed(np.ones((1, forward.players), dtype=bool), 0)
    signature = [
        tf.TensorSpec((*shape, row.shape[1]), tf.string if row.dtype == object else row.dtype),
        tf.TensorSpec(forward.parts(0).shape, tf.float32),
    ]
    with forward.tracing():
        compiled: Callable[..., Any] = tf.function(function, autograph=False).get_concrete_function(*signature)
    return compiled


# Gradients


def of_players(explained: Explained, forward: Forward, size: int) -> Callable[[np.ndarray, Any, np.ndarray], np.ndarray]:
    import tensorflow as tf

    def graph(points: Any, parts: Any, targets: Any) -> Any:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(points)
            wanted = explained(points, parts, targets)
        return tf.transpose(_by_target(tape, wanted, points), (1, 0, 2))

    traced = _with_targets(graph, forward, size)
    return lambda points, parts, targets: traced(tf.constant(points), parts, tf.constant(targets, tf.int32)).numpy()


def of_feature_maps(
    explained: Explained, forward: Forward, layers: list[Any], size: int
) -> Callable[[np.ndarray, Any, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    import tensorflow as tf

    chosen: list[Any] = []

    def graph(full: Any, parts: Any, targets: Any) -> tuple[Any, Any]:
        layer_outputs: list[tuple[Any, Any]] = []
        with tf.GradientTape(persistent=True) as tape:

            def record(layer: Any, output: Any) -> Any:
                if tf.is_tensor(output):
                    tape.watch(output)
                    layer_outputs.append((layer, output))
                return output

            with calls_replaced(layers, record):
                wanted = explained(full, parts, targets)
        for layer, output in reversed(layer_outputs):
            if is_map(layer, tuple(output.shape)) and tape.gradient(wanted, output) is not None:
                chosen.append(layer)
                return output[0], _by_target(tape, wanted, output)[:, 0]
        raise NoFeatureMapsError(listed([(layer, tuple(output.shape)) for layer, output in layer_outputs]))

    traced = _with_targets(graph, forward, size)

    def run(full: np.ndarray, parts: Any, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        maps, gradients = traced(tf.constant(full), parts, tf.constant(targets, tf.int32))
        return with_channels_last(chosen[0], tf.cast(maps, tf.float32).numpy(), tf.cast(gradients, tf.float32).numpy())

    return run


def _with_targets(graph: Callable[..., Any], forward: Forward, size: int) -> Callable[..., Any]:
    import tensorflow as tf

    width = forward.masker.feed(np.ones((1, forward.players), dtype=np.float32), 0).shape[1]
    floats = [tf.TensorSpec(shape, tf.float32) for shape in ((size, width), forward.parts(0).shape)]
    with forward.tracing():
        traced: Callable[..., Any] = tf.function(graph, autograph=False).get_concrete_function(*floats, tf.TensorSpec((None,), tf.int32))
    return traced


def _by_target(tape: Any, explained: Any, source: Any) -> Any:
    """Gradients (targets, *source.shape) of each row of `explained`, (targets, batch).

    This is a loop in the graph: as fast as backward passes written out one by one, and traced in a tenth of the time for ten targets.
    """
    import tensorflow as tf

    def one(i: Any, gradients: Any) -> tuple[Any, Any]:
        chosen = tf.one_hot(i, tf.shape(explained)[0])[:, None] * tf.ones_like(explained)
        gradient = tape.gradient(explained, source, output_gradients=chosen)
        if gradient is None:
            raise NotDifferentiableError
        return i + 1, gradients.write(i, tf.convert_to_tensor(gradient))

    # Not tf.map_fn: where its function raises, it leaves the caller's variable scope changed, and later models cannot be made.
    count = tf.shape(explained)[0]
    rows = tf.TensorArray(source.dtype, size=count, element_shape=source.shape)
    return tf.while_loop(lambda i, _: i < count, one, (0, rows), parallel_iterations=1)[1].stack()
