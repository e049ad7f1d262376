"""Keras on JAX: the masker and the model are one function for `jax.jit`, which takes the variables as arguments, so weights are always the current ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
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

# Batches that are under way at the same time: JAX returns before it has computed. Not all are, so that `fit` can be interrupted.
PER_CALL = 16


def on_cpu() -> bool:
    import jax

    return all(device.platform == "cpu" for device in jax.devices())


class Jitted:
    """A function that calls a Keras model, compiled by `jax.jit`. It is called once, without computing, to find the variables that it reads and writes.

    Args:
        function: a function of arrays that calls the model.
        forward: the forward pass, for the context in which the model is called.
        example: arrays, or their shapes, that the function takes.
    """

    def __init__(self, function: Callable[..., Any], forward: Forward, *example: Any) -> None:
        import jax

        self._function, self._forward = function, forward
        read: dict[int, Any] = {}
        written: dict[int, Any] = {}
        scope = _recording(read, written)
        with forward.tracing():
            self.result = jax.eval_shape(lambda *arguments: self._in(scope, arguments), *example)
        self.variables = tuple({**read, **written}.values())
        self._written = [variable for variable in self.variables if id(variable) in written]
        self._run = jax.jit(self.pure)

    def __call__(self, *arguments: Any) -> Any:
        # A change of a dtype compiles anew.
        with self._forward.tracing():
            result, values = self._run([variable.value for variable in self.variables], *arguments)
        for variable, value in zip(self._written, values, strict=True):
            variable.assign(value)
        return result

    def pure(self, values: list[Any], *arguments: Any) -> tuple[Any, list[Any]]:
        """The result, and the new values of the variables that are written, from values of all variables."""
        import keras

        scope = keras.StatelessScope(state_mapping=list(zip(self.variables, values, strict=True)))
        result = self._in(scope, arguments)
        return result, [scope.get_current_value(variable) for variable in self._written]

    def _in(self, scope: Any, arguments: tuple[Any, ...]) -> Any:
        with scope:
            return self._function(*arguments)


def _recording(read: dict[int, Any], written: dict[int, Any]) -> Any:
    """A scope of Keras that notes the variables that are read and written inside; these keep their values."""
    import keras

    class Recording(keras.StatelessScope):  # type: ignore[misc]  # Keras has no types
        def get_current_value(self, variable: Any) -> Any:
            read[id(variable)] = variable
            return super().get_current_value(variable)

        def add_update(self, update: tuple[Any, Any]) -> None:
            written[id(update[0])] = update[0]
            super().add_update(update)

    return Recording()


def _in_graph(model: Any) -> bool:
    """Whether Keras itself would compile the model."""
    return not getattr(model, "run_eagerly", False) and getattr(model, "jit_compile", True) is not False


def compiled(forward: Forward, batch: int, before_batch: Callable[[], None] | None) -> MaskedModel:
    import jax

    row = forward.masker.feed(np.ones((1, forward.players), dtype=bool), 0)
    if row.dtype == object or not _in_graph(forward.model):
        return on_others.compiled(forward, batch, before_batch)
    dtype, parts = tensor(row).dtype, jax.ShapeDtypeStruct(forward.parts(0).shape, "float32")
    functions: dict[int, Jitted] = {}

    def function(size: int) -> Jitted:
        if size not in functions:
            functions[size] = Jitted(forward, forward, jax.ShapeDtypeStruct((size, row.shape[1]), dtype), parts)
        return functions[size]

    def place(rows: np.ndarray, size: int) -> list[Any]:
        rows = filled(rows, -(-len(rows) // size) * size)
        return [tensor(rows[start : start + size]) for start in range(0, len(rows), size)]

    def compile_for(size: int) -> Callable[..., np.ndarray]:
        run = function(size)

        def outputs(pieces: list[Any], parts: Any) -> np.ndarray:
            if before_batch:
                before_batch()
            under_way = [run(piece, parts) for piece in pieces]
            return forward.read(np.concatenate([np.asarray(piece) for piece in under_way]))

        return outputs

    try:
        variables = function(batch).variables
    except jax.errors.JAXTypeError as error:
        _warn(forward.model, error)
        return on_others.compiled(forward, batch, before_batch)
    return MaskedModel(forward.masker, forward.parts, Batches(compile_for, batch, 1 if before_batch else PER_CALL, place), variables)


def _warn(model: Any, error: Exception) -> None:
    logging.getLogger("tb_xai_plugin").warning(
        "model %r, or a function of yours around it, needs numbers where JAX has none yet (%s), so it is not compiled, which is slower; use keras.ops there.",
        *(model.name, type(error).__name__),
    )


def called(forward: Forward, inputs: Any, size: int, kept: dict[Any, Any], *, in_graph: bool) -> Any:
    import jax
    import keras

    leaves = keras.tree.flatten(inputs)
    if not _in_graph(forward.model) or not all(isinstance(leaf, jax.Array) for leaf in leaves):
        return forward.outputs(inputs, size)
    key = tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
    if key not in kept:
        try:
            kept[key] = Jitted(lambda given: forward.outputs(given, size), forward, inputs)
        except jax.errors.JAXTypeError:
            kept[key] = None
    return forward.outputs(inputs, size) if kept[key] is None else kept[key](inputs)


def tried_once(forward: Forward, inputs: Any, size: int) -> None:
    import jax

    with _recording({}, {}):
        jax.eval_shape(lambda: forward.outputs(inputs, size))


# Gradients


def of_players(explained: Explained, forward: Forward, size: int) -> Callable[[np.ndarray, Any, np.ndarray], np.ndarray]:
    import jax

    def gradients(points: Any, parts: Any, targets: Any) -> Any:
        wanted, back = jax.vjp(lambda points: explained(points, parts, targets), points)
        return _by_target(back, wanted).transpose(1, 0, 2)

    functions: dict[int, Jitted] = {}

    def run(points: np.ndarray, parts: Any, targets: np.ndarray) -> np.ndarray:
        if len(targets) not in functions:
            given = points, parts, targets
            of_output = Jitted(explained, forward, *given)
            values = [variable.value for variable in of_output.variables]
            with forward.tracing():
                depends = _depends(lambda points: of_output.pure(values, points, parts, targets)[0], points)
            if not depends:
                raise NotDifferentiableError
            functions[len(targets)] = Jitted(gradients, forward, *given)
        return np.asarray(functions[len(targets)](points, parts, targets))

    return run


def of_feature_maps(
    explained: Explained, forward: Forward, layers: list[Any], size: int
) -> Callable[[np.ndarray, Any, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    import jax
    import jax.numpy as jnp

    def with_change(place: int, change: Any, *given: Any) -> tuple[Any, Any]:
        """The explained output where a change is added to the output of one call of a layer, and that output. place: of the call, among all of them."""
        calls: list[Any] = []

        def changed(layer: Any, output: Any) -> Any:
            if not hasattr(output, "shape"):
                return output
            calls.append(output)
            return output + change if len(calls) == place + 1 else output

        with calls_replaced(layers, changed):
            wanted = explained(*given)
        return wanted, calls[place]

    def chosen(*given: Any) -> tuple[Any, int, Any]:
        """The layer whose feature maps are used, the place of its call, and zeros of the shape of its output."""
        called: list[tuple[Any, Any]] = []

        def noted(layer: Any, output: Any) -> Any:
            if hasattr(output, "shape"):
                called.append((layer, jax.ShapeDtypeStruct(output.shape, output.dtype)))
            return output

        with calls_replaced(layers, noted):
            of_output = Jitted(explained, forward, *given)
        values = [variable.value for variable in of_output.variables]
        for place, (layer, output) in reversed(list(enumerate(called))):
            if not is_map(layer, tuple(output.shape)):
                continue
            zeros = jnp.zeros(output.shape, output.dtype)

            def changed(change: Any, place: int = place) -> Any:
                import keras

                with keras.StatelessScope(state_mapping=list(zip(of_output.variables, values, strict=True))):
                    return with_change(place, change, *given)[0]

            with forward.tracing():
                depends = _depends(changed, zeros)
            if depends:
                return layer, place, zeros
        raise NoFeatureMapsError(listed([(layer, tuple(output.shape)) for layer, output in called]))

    functions: dict[int, tuple[Any, Jitted]] = {}

    def run(full: np.ndarray, parts: Any, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if len(targets) not in functions:
            layer, place, zeros = chosen(full, parts, targets)

            def maps_and_gradients(*given: Any) -> tuple[Any, Any]:
                wanted, back, output = jax.vjp(lambda change: with_change(place, change, *given), zeros, has_aux=True)
                return output[0].astype("float32"), _by_target(back, wanted)[:, 0].astype("float32")

            functions[len(targets)] = layer, Jitted(maps_and_gradients, forward, full, parts, targets)
        layer, function = functions[len(targets)]
        maps, gradients = function(full, parts, targets)
        return with_channels_last(layer, np.asarray(maps), np.asarray(gradients))

    return run


def _by_target(back: Callable[[Any], Any], explained: Any) -> Any:
    """Gradients (targets, …) of each row of `explained`, (targets, batch), one after the other: memory holds one backward pass."""
    import jax
    import jax.numpy as jnp

    return jax.lax.map(lambda target: back(jnp.zeros_like(explained).at[target].set(1))[0], jnp.arange(explained.shape[0]))


def _depends(function: Callable[[Any], Any], source: Any) -> bool:
    """Whether the result of a function depends on its argument by operations that have gradients; the function is not computed."""
    import jax

    traced = jax.make_jaxpr(function)(source).jaxpr
    known = {id(variable) for variable in traced.invars}
    for equation in traced.eqns:
        if "stop_gradient" not in equation.primitive.name and any(id(variable) in known for variable in equation.invars):
            # What is a whole number or a truth value has no gradient.
            known |= {id(variable) for variable in equation.outvars if _is_float(variable)}
    return any(id(variable) in known for variable in traced.outvars)


def _is_float(variable: Any) -> bool:
    import jax.numpy as jnp

    return bool(jnp.issubdtype(getattr(variable.aval, "dtype", "int32"), jnp.floating))
