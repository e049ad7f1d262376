"""Keras on JAX: the masker and the model are one function for `jax.jit`, which takes the variables as arguments, so weights are always the current ones."""

from __future__ import annotations

import hashlib
import logging
import re
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
from tb_xai_plugin.models.frameworks.scopes import recording
from tb_xai_plugin.models.frameworks.tensors import tensor
from tb_xai_plugin.models.layers import calls_replaced

# Batches that are under way at the same time: JAX returns before it has computed. Not all are, so that `fit` can be interrupted.
PER_CALL = 16


def on_cpu() -> bool:
    import jax

    return all(device.platform == "cpu" for device in jax.devices())


def kept(model: Any) -> AbstractContextManager[None]:
    return nullcontext()


class Pure:
    """A function that calls a Keras model, without side effects: the model's variables are its first argument, and what they become is a result.

    Args:
        function: a function of arrays that calls the model. It is called once, without computing, to find the variables that it reads and writes.
        forward: the forward pass, for the context in which the model is called.
        example: arrays, or their shapes, that the function takes.

    Attributes:
        variables: those that are read or written.
        written: those that are written.
    """

    def __init__(self, function: Callable[..., Any], forward: Forward, *example: Any) -> None:
        import jax

        self._function, self.forward = function, forward
        read: dict[int, Any] = {}
        written: dict[int, Any] = {}
        scope = recording(read, written)
        with forward.tracing():
            jax.eval_shape(lambda *arguments: self._in(scope, arguments), *example)
        self.variables = tuple({**read, **written}.values())
        self.written = tuple(written.values())

    @property
    def values(self) -> list[Any]:
        """The values of the variables, as they are now."""
        return [variable.value for variable in self.variables]

    def __call__(self, values: list[Any], *arguments: Any) -> tuple[Any, list[Any]]:
        """The result, and the new values of the variables that are written."""
        import keras

        scope = keras.StatelessScope(state_mapping=list(zip(self.variables, values, strict=True)))
        result = self._in(scope, arguments)
        return result, [scope.get_current_value(variable) for variable in self.written]

    def program(self, *arguments: Any) -> str:
        """A hash of what would be computed, without the values of variables and arguments."""
        import jax

        with self.forward.tracing():
            traced = jax.make_jaxpr(lambda *given: self(*given))(
                self.values, *arguments
            )  # JAX remembers what it traced of one and the same function
        # Functions are printed with their addresses, which are others each time.
        content = hashlib.sha256(re.sub(r"\b0x[0-9a-f]+", "", str(traced.jaxpr)).encode())
        for constant in traced.consts:
            content.update(np.asarray(constant).tobytes())
        return content.hexdigest()

    def _in(self, scope: Any, arguments: tuple[Any, ...]) -> Any:
        with scope:
            return self._function(*arguments)


class Jitted:
    """A function of (values of variables, arguments), such as one that is pure, compiled. It takes the variables as they are, and writes what they become."""

    def __init__(self, pure: Pure, function: Callable[..., tuple[Any, list[Any]]] | None = None) -> None:
        import jax

        self.pure, self._run = pure, jax.jit(function or pure)

    def __call__(self, *arguments: Any) -> Any:
        # A change of a dtype compiles anew.
        with self.pure.forward.tracing():
            result, values = self._run(self.pure.values, *arguments)
        for variable, value in zip(self.pure.written, values, strict=True):
            variable.assign(value)
        return result


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
            functions[size] = Jitted(Pure(forward, forward, jax.ShapeDtypeStruct((size, row.shape[1]), dtype), parts))
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
        variables = function(batch).pure.variables
    except Exception as error:
        _warn(forward.model, _needs_numbers(error))
        return on_others.compiled(forward, batch, before_batch)
    return MaskedModel(forward.masker, forward.parts, Batches(compile_for, batch, 1 if before_batch else PER_CALL, place), variables)


def _needs_numbers(error: Exception) -> Exception:
    """The error of JAX where a function needs numbers of what is traced; any other error is raised again.

    Keras gives errors of layers another message, which it can't do to this one: it is then the context of what Keras fails with.
    """
    import jax

    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and not any(cause is one for one in seen):
        if isinstance(cause, jax.errors.JAXTypeError):
            found: Exception = cause
            return found
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    raise error


def _warn(model: Any, error: Exception) -> None:
    logging.getLogger("tb_xai_plugin").warning(
        "model %r, or a function of yours around it, needs numbers where JAX has none yet (%s), so it is not compiled, which is slower; use keras.ops there.",
        *(model.name, type(error).__name__),
    )


def called(forward: Forward, inputs: Any, size: int, kept: dict[Any, Any], *, in_graph: bool, afresh: bool) -> Any:
    import jax
    import keras

    leaves = keras.tree.flatten(inputs)
    if not _in_graph(forward.model) or not all(isinstance(leaf, jax.Array) for leaf in leaves):
        return forward.outputs(inputs, size)
    key = tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
    try:
        if key not in kept:
            pure = Pure(lambda given: forward.outputs(given, size), forward, inputs)
            kept[key] = Jitted(pure), pure.program(inputs)
        function, program = kept[key] or (None, None)
        if function is None or (afresh and function.pure.program(inputs) != program):
            return forward.outputs(inputs, size)
        return function(inputs)
    except Exception as error:
        _needs_numbers(error)
        kept[key] = None
        return forward.outputs(inputs, size)


def tried_once(forward: Forward, inputs: Any, size: int) -> None:
    import jax

    with recording({}, {}):
        jax.eval_shape(lambda: forward.outputs(inputs, size))


# Gradients


def of_players(explained: Explained, forward: Forward, size: int) -> Callable[[np.ndarray, Any, np.ndarray], np.ndarray]:
    import jax

    functions: dict[int, Jitted] = {}

    def compiled_for(points: np.ndarray, parts: Any, targets: np.ndarray) -> Jitted:
        try:
            pure = Pure(explained, forward, points, parts, targets)
        except Exception as error:
            raise NotDifferentiableError from _needs_numbers(error)

        def gradients(values: list[Any], points: Any, parts: Any, targets: Any) -> tuple[Any, list[Any]]:
            wanted, back, written = jax.vjp(lambda points: pure(values, points, parts, targets), points, has_aux=True)
            return _by_target(back, wanted).transpose(1, 0, 2), written

        with forward.tracing():
            if not _depends(lambda points: pure(pure.values, points, parts, targets)[0], points):
                raise NotDifferentiableError
        return Jitted(pure, gradients)

    def run(points: np.ndarray, parts: Any, targets: np.ndarray) -> np.ndarray:
        if len(targets) not in functions:
            functions[len(targets)] = compiled_for(points, parts, targets)
        return np.asarray(functions[len(targets)](points, parts, targets))

    return run


def of_feature_maps(
    explained: Explained, forward: Forward, layers: list[Any], size: int
) -> Callable[[np.ndarray, Any, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    import jax
    import jax.numpy as jnp

    def with_change(place: int) -> Callable[..., tuple[Any, Any]]:
        """A function (change, *given) -> the explained output where a change is added to the output of one call of a layer, and that output. place: of the call, among all of them."""

        def function(change: Any, *given: Any) -> tuple[Any, Any]:
            calls: list[Any] = []

            def changed(layer: Any, output: Any) -> Any:
                if not hasattr(output, "shape"):
                    return output
                calls.append(output)
                return output + change if len(calls) == place + 1 else output

            with calls_replaced(layers, changed):
                wanted = explained(*given)
            return wanted, calls[place]

        return function

    def compiled_for(*given: Any) -> tuple[Any, Jitted, Any]:
        """The layer whose feature maps are used, a function of zeros of their shape and what is given, and the zeros."""
        called: list[tuple[Any, Any]] = []

        def noted(layer: Any, output: Any) -> Any:
            if hasattr(output, "shape"):
                called.append((layer, jax.ShapeDtypeStruct(output.shape, output.dtype)))
            return output

        with calls_replaced(layers, noted):
            Pure(explained, forward, *given)
        for place, (layer, output) in reversed(list(enumerate(called))):
            if is_map(layer, tuple(output.shape)):
                zeros = jnp.zeros(output.shape, output.dtype)
                pure = Pure(with_change(place), forward, zeros, *given)

                def of_change(change: Any, pure: Pure = pure) -> Any:
                    return pure(pure.values, change, *given)[0][0]

                with forward.tracing():
                    depends = _depends(of_change, zeros)
                if depends:
                    return layer, Jitted(pure, _of_change(pure)), zeros
        raise NoFeatureMapsError(listed([(layer, tuple(output.shape)) for layer, output in called]))

    functions: dict[int, tuple[Any, Jitted, Any]] = {}

    def run(full: np.ndarray, parts: Any, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if len(targets) not in functions:
            functions[len(targets)] = compiled_for(full, parts, targets)
        layer, function, zeros = functions[len(targets)]
        maps, gradients = function(zeros, full, parts, targets)
        return with_channels_last(layer, np.asarray(maps), np.asarray(gradients))

    return run


def _of_change(pure: Pure) -> Callable[..., tuple[Any, list[Any]]]:
    """The feature maps of the first row, and the gradients with respect to them, of a function of a change to them."""
    import jax

    def function(values: list[Any], zeros: Any, *given: Any) -> tuple[Any, list[Any]]:
        def of_change(change: Any) -> tuple[Any, Any]:
            (wanted, output), written = pure(values, change, *given)
            return wanted, (output, written)

        wanted, back, (output, written) = jax.vjp(of_change, zeros, has_aux=True)
        return (output[0].astype("float32"), _by_target(back, wanted)[:, 0].astype("float32")), written

    return function


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
