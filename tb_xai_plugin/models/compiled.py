"""Compiled models: a Keras model behind a masker as one graph for every probe and epoch. On TensorFlow; other backends run the forward pass as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tb_xai_plugin.models.batches import Batches, MaskedModel, filled
from tb_xai_plugin.models.forward import Forward

# Batches in one call, of rows that need no parts: a call costs as much as a thousand rows of a small network. Not all batches are in one call,
# so that `fit` can be interrupted.
PER_CALL = 16

# Batches that run at the same time: the layers of a small network do not keep the cores busy. More batches would take more memory.
AT_ONCE = 2

# Beginnings of the names of operations that draw from a random state of their own; those of Keras's generators are called Stateless….
STATEFUL_DRAWS = ("Random", "TruncatedNormal", "Multinomial", "ParameterizedTruncatedNormal")


def on_tensorflow() -> bool:
    import keras

    return bool(keras.backend.backend() == "tensorflow")


def on_cpu() -> bool:
    """Whether TensorFlow has no other device than the processor; False for other backends, which may have one."""
    if not on_tensorflow():
        return False
    import tensorflow as tf

    return all(device.device_type == "CPU" for device in tf.config.get_visible_devices())


def compiled(forward: Forward, batch: int, before_batch: Callable[[], None] | None = None) -> MaskedModel:
    """A Keras model behind a masker.

    before_batch: called before every batch, where the model's state must be put back; batches then run one by one.
    """
    devices = _devices(forward.model)
    in_graph = on_tensorflow() and not getattr(forward.model, "run_eagerly", False)
    looped = in_graph and forward.masker.stacked and len(devices) == 1
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
        import keras

        run = graph(size) if in_graph else forward

        def outputs(rows: Any, parts: Any) -> np.ndarray:
            if before_batch:
                before_batch()
            return forward.read(np.asarray(keras.ops.convert_to_numpy(run(rows, parts))))

        return outputs

    batches = Batches(compile_for, batch, PER_CALL if looped and not before_batch else 1, place)
    if not in_graph:
        return MaskedModel(forward.masker, forward.parts, batches)
    traced: Any = graph(batch)
    return MaskedModel(forward.masker, forward.parts, batches, tuple(traced.variables), _draws(traced))


def _draws(traced: Any) -> bool:
    """Whether a graph draws from TensorFlow's own random state, as `tf.random.normal` does."""
    definition = traced.graph.as_graph_def()
    nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    return any(node.op.startswith(STATEFUL_DRAWS) for node in nodes)


def _devices(model: Any) -> list[str | None]:
    """The devices that share each batch evenly: all devices of a MirroredStrategy; None stands for the model's own device."""
    if not on_tensorflow():
        return [None]
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


def tensor(rows: np.ndarray) -> Any:
    """A tensor of numbers, or of strings, which only TensorFlow has."""
    import keras

    if rows.dtype != object:
        return keras.ops.convert_to_tensor(rows)
    import tensorflow as tf

    return tf.constant(rows.tolist())
