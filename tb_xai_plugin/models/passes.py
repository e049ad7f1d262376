"""The forward pass of a model in the steps that the identity check compares, for Keras models and for callables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tb_xai_plugin.games.contract import Masker
from tb_xai_plugin.games.sided_masker import Sided
from tb_xai_plugin.models.compiled import framework
from tb_xai_plugin.models.forward import Forward
from tb_xai_plugin.models.frameworks.tensors import array, tensor
from tb_xai_plugin.models.plain import PlainForward


@dataclass(frozen=True)
class KerasPass:
    """See `identity.Pass`.

    Attributes:
        forward: the forward pass.
        batch: the only batch size that the model accepts; None for any.
        before_batch: called before every batch.
        in_graph: whether to call the model inside a graph: models that draw from TensorFlow's own random state would otherwise move it, and recurrent ones
            are slow outside.
        afresh: whether the model may have changed since it was compiled, by what is no variable, such as an attribute.
    """

    forward: Forward
    batch: int | None
    before_batch: Callable[[], None]
    in_graph: bool = False
    afresh: bool = False
    _graphs: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    _given: list[Any] = field(default_factory=list, repr=False, compare=False)

    def given(self) -> Any:
        if not self._given:
            self._given.append(self.forward.inputs.given())
        return self._given[0]

    def masked(self, probes: Sequence[int], present: Sequence[bool]) -> Any:
        import keras

        def concatenated(pieces: list[Any]) -> Any:
            if isinstance(pieces[0], Sided):
                return Sided(concatenated([piece.masked for piece in pieces]), concatenated([piece.probes for piece in pieces]))
            return keras.tree.map_structure(lambda *parts: _joined(parts), *pieces)

        def mask(probe: int, whole: bool) -> Any:
            rows = self.forward.masker.feed(_coalition(self.forward.masker, whole), probe)
            return self.forward.masker.mask(keras.ops, tensor(rows), self.forward.parts(probe))

        return self.forward.inputs.masked(concatenated([mask(probe, whole) for probe, whole in zip(probes, present, strict=True)]))

    def outputs(self, inputs: Any, rows: Sequence[int]) -> np.ndarray:
        import keras

        count = len(rows)
        size = self.batch or count
        pieces = []
        for start in range(0, count, size):
            chosen = [*rows[start : start + size]]
            chosen += [chosen[-1]] * (size - len(chosen))
            self.before_batch()
            batch = keras.tree.map_structure(lambda value, chosen=chosen: _taken(value, chosen), inputs)
            pieces.append(self.forward.read(array(self._call(batch, size))))
        return np.concatenate(pieces)[:count]

    def outputs_of_predict(self) -> np.ndarray:
        """Outputs on a few probes as given, from the model as `predict` calls it: without saying that it does not train."""
        as_predict = replace(self.forward, model=lambda inputs, training: self.forward.model(inputs))
        return replace(self, forward=as_predict, _graphs={}).outputs(self.given(), range(min(2, len(self.forward.inputs.probes))))

    def called_once(self) -> None:
        """Call the model in Python, on the first probe as given."""
        import keras

        rows = [0] * (self.batch or 1)
        framework().tried_once(self.forward, keras.tree.map_structure(lambda value: _taken(value, rows), self.given()), len(rows))

    def _call(self, inputs: Any, size: int) -> Any:
        return framework().called(self.forward, inputs, size, self._graphs, in_graph=self.in_graph, afresh=self.afresh)


@dataclass(frozen=True)
class PlainPass:
    """See `identity.Pass`."""

    forward: PlainForward

    def given(self) -> Any:
        return self.forward.given_inputs()

    def masked(self, probes: Sequence[int], present: Sequence[bool]) -> Any:
        masker = self.forward.masker
        masked = [
            masker.mask(np, np.array(masker.feed(_coalition(masker, whole), probe)), masker.parts(probe))
            for probe, whole in zip(probes, present, strict=True)
        ]
        return self.forward.masked_inputs(_concatenated(masked))

    def outputs(self, inputs: Any, rows: Sequence[int]) -> np.ndarray:
        return self.forward.outputs(_rows(inputs, list(rows)), len(rows))


def _coalition(masker: Masker, whole: bool) -> np.ndarray:
    return np.full((1, masker.players), whole, dtype=np.float32)


def _concatenated(pieces: list[Any]) -> Any:
    """Masked inputs of several probes as one batch, outside TensorFlow."""
    first = pieces[0]
    if isinstance(first, Sided):
        return Sided(_concatenated([piece.masked for piece in pieces]), _concatenated([piece.probes for piece in pieces]))
    if isinstance(first, dict):
        return {key: _concatenated([piece[key] for piece in pieces]) for key in first}
    if isinstance(first, tuple):
        return tuple(_concatenated(list(parts)) for parts in zip(*pieces, strict=True))
    if isinstance(first, list):  # texts
        return [text for piece in pieces for text in piece]
    return np.concatenate(pieces)


def _rows(inputs: Any, rows: list[int]) -> Any:
    """Some rows of what a callable takes; a constant, which has no row for each probe, as it is."""
    if isinstance(inputs, dict):
        return {key: _rows(value, rows) for key, value in inputs.items()}
    if isinstance(inputs, tuple) or (isinstance(inputs, list) and any(hasattr(one, "shape") for one in inputs)):
        return type(inputs)(_rows(value, rows) for value in inputs)
    if isinstance(inputs, list):
        return [inputs[row] for row in rows]
    if hasattr(inputs, "iloc"):
        taken = inputs.iloc[rows]
        return taken.reset_index(drop=True)
    return inputs if _is_constant(inputs, rows) else inputs[rows]


def _is_constant(value: Any, rows: Sequence[int]) -> bool:
    """Whether an input that `model_input` made is a number, or has one row for all probes."""
    shape = tuple(np.shape(value))
    return not shape or (shape[0] == 1 and max(rows) > 0)


def _joined(parts: Sequence[Any]) -> Any:
    import keras

    if "string" not in str(getattr(parts[0], "dtype", "")):
        return keras.ops.concatenate([keras.ops.convert_to_tensor(part) for part in parts], axis=0)
    import tensorflow as tf

    return tf.concat(list(parts), axis=0)


def _taken(value: Any, rows: Sequence[int]) -> Any:
    """Some rows of one input; a constant, which has no row for each probe, as it is."""
    if _is_constant(value, rows):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        return tensor(value[list(rows)].astype(object))
    import keras

    if "string" not in str(getattr(value, "dtype", "")):
        return keras.ops.take(keras.ops.convert_to_tensor(value), list(rows), axis=0)
    import tensorflow as tf

    return tf.gather(value, list(rows))
