"""Inputs: from masked probes, and from the probes as they were given, to what a model takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tb_xai_plugin.games.sided_masker import Sided
from tb_xai_plugin.models.frameworks.tensors import outside, possible
from tb_xai_plugin.models.named import Input, Signature, beside, column_of, table_columns
from tb_xai_plugin.probes import ProbeSet, TabularProbes, TextProbes

# (the explained input, the side inputs of the same rows) -> what the model takes
Arrange = Callable[[Any, Sequence[Any]], Any]


@dataclass(frozen=True)
class ModelInputs:
    """What a Keras model takes, from masked inputs or from the probes as they were given.

    Attributes:
        probes: the probes.
        signature: the inputs that the model declares; None where it declares none.
        dicts: for tables, whether a model that declares no inputs takes a dict of columns.
    """

    probes: ProbeSet
    signature: Signature | None
    dicts: bool = False
    _constants: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False, compare=False)

    def masked(self, masked: Any) -> Any:
        """What the model takes, from the result of `Masker.mask`; inside a graph or outside."""
        import keras

        sides: list[Any] = []
        if isinstance(masked, Sided):
            numbers = _whole(masked.probes)
            sides = [keras.ops.take(side, numbers, axis=0) for side in self._side_tensors]
            masked = masked.masked
        assemble = getattr(self.probes, "assemble", None)
        return self._arranged(assemble(keras.ops, masked) if assemble else masked, sides)

    def given(self) -> Any:
        """What the model takes for all unmasked probes, from the values as the user gave them."""
        sides = self.probes.side_inputs.arrays if self.probes.side_inputs else ()
        return self._arranged(_as_given(self.probes), list(sides), given=True)

    def _arranged(self, own: Any, sides: Sequence[Any], *, given: bool = False) -> Any:
        probes, signature = self.probes, self.signature
        if probes.model_input is not None:
            if given:
                own = _as_masked(_as_numbers(own, probes))
            elif isinstance(probes, TabularProbes):
                _refuse_words(probes, "model_input is given numbers")
            if not probes.side_inputs:
                return probes.model_input(own)
            names = probes.side_inputs.names
            return probes.model_input(own, dict(zip(names, sides, strict=True)) if names else list(sides))
        if signature is None:
            if getattr(probes, "ids", False):
                # A model that does not declare its input casts floats to its own precision, and half precision would round ids.
                own = _cast(own, Input((None,), _dtype_of_ids(probes)))
            if self.dicts and isinstance(probes, TabularProbes):
                return self._columns(own, {name: Input((1,), "any") for name in probes.feature_names}, None)
            return with_sides(probes, own, [_floats(side) for side in sides])
        side_names = _side_names(signature, probes)
        values = {name: _cast(side, signature.inputs[name]) for name, side in zip(side_names, sides, strict=True)}
        free = [name for name in signature.inputs if name not in values]
        if isinstance(own, list | tuple) and len(own) == len(free):
            if isinstance(signature.structure, dict):
                raise ValueError(
                    f"the model takes a dict of {signature.listed}, and the probes are a list; give them by these names, {{{free[0]!r}: …}}."
                )
            values |= {name: _cast(part, signature.inputs[name]) for name, part in zip(free, own, strict=True)}
        elif isinstance(own, dict):
            values |= own
        elif isinstance(probes, TabularProbes) and (columns := table_columns(signature, free, probes)) is not None:
            values |= self._columns(own, {name: signature.inputs[name] for name in free}, columns)
        elif len(free) == 1:
            values[free[0]] = _cast(_without_words(own, probes), signature.inputs[free[0]], given=given)
        else:
            raise ValueError(beside(signature, free, probes))
        return signature.arranged(values) if set(values) >= set(signature.inputs) else values

    def _columns(self, own: Any, inputs: dict[str, Input], places: dict[str, list[int]] | None) -> dict[str, Any]:
        """Columns of a table by name: from masked rows (k, d), or from the table as it was given."""
        import keras

        probes = self.probes
        assert isinstance(probes, TabularProbes)
        columns = {}
        for name, declared in inputs.items():
            group = places[name] if places else [probes.feature_names.index(name)]
            pieces = []
            for place in group:
                values, ordered = words_of(probes, place)
                _refuse_what_floats_lose(probes, place)
                if values is not None and np.isnan([*probes.inputs[:, place], *probes.references[:, place]]).any():
                    raise ValueError(
                        f"TabularProbes: {probes.feature_names[place]!r} has missing values, and an input of words or codes takes none; give missing='baseline', or "
                        "give rows and background with a value for them, as you give fit."
                    )
                if declared.dtype == "any":
                    numeric = values is None or all(isinstance(value, int | float | np.number) for value in values)
                    declared = Input((1,), "float32" if numeric else "string")
                if not hasattr(own, "columns"):
                    codes = own[:, place : place + 1]
                    codes = keras.ops.convert_to_tensor(np.asarray(codes, dtype=np.float32)) if isinstance(codes, np.ndarray) else codes
                    pieces.append(
                        column_of(keras.ops, self._constant, declared, probes.feature_names[place], codes, values, ordered=ordered)
                    )
                else:
                    pieces.append(_given_column(own, place, declared, values))
            columns[name] = pieces[0] if len(pieces) == 1 else keras.ops.concatenate(pieces, axis=1)
        return columns

    def _constant(self, values: Sequence[Any]) -> Any:
        """A tensor (len(values),) of numbers or words, made once, outside every graph."""
        key = (type(values[0]).__name__, *values)
        if key not in self._constants:
            numbers = (np.int64 if max(map(abs, values)) >= 2**31 else np.int32) if isinstance(values[0], int) else np.float32
            self._constants[key] = _outside(np.array(values, dtype=object if isinstance(values[0], str) else numbers))
        return self._constants[key]

    @cached_property
    def _side_tensors(self) -> list[Any]:
        assert self.probes.side_inputs is not None
        return [_outside(array) for array in self.probes.side_inputs.arrays]


def with_sides(probes: ProbeSet, own: Any, sides: Sequence[Any]) -> Any:
    """The explained input together with its side inputs, for models that do not declare their inputs."""
    given = probes.side_inputs
    if given is None:
        return own
    if given.names and given.own_name:
        return {given.own_name: own, **dict(zip(given.names, sides, strict=True))}
    several = isinstance(own, list | tuple) and all(hasattr(part, "shape") for part in own)  # else a list of texts, or of rows
    parts = list(own) if several else [own]
    place = given.place or 0
    return [*sides[:place], *parts, *sides[place:]]


def rows_as_given(probes: ProbeSet) -> Any:
    """The probes as the user gave them; where missing values are replaced, with the replacements: the completed row is what is explained."""
    if isinstance(probes, TabularProbes) and probes.imputed.any():
        return probes.completed()
    return probes.given()


def words_of(probes: TabularProbes, place: int) -> tuple[Sequence[Any] | None, bool]:
    """The values that the codes of a column stand for, None for numbers; and whether the user gave their order."""
    if place in probes.words:
        return probes.words[place], place in probes.ordered
    return None, True


def _dtype_of_ids(probes: ProbeSet) -> str:
    """The dtype of ids for models that declare none: as given, without what TensorFlow has no kernels for."""
    given = str(np.asarray(probes.given()).dtype)
    return possible(given) if given in ("int32", "int64") else "int32"


def _side_names(signature: Signature, probes: ProbeSet) -> list[str]:
    """The input that each side input is for."""
    given = probes.side_inputs
    if given is None:
        return []
    inputs = list(signature.inputs)
    if given.names:
        unknown = [name for name in given.names if name not in inputs]
        if unknown:
            if signature.automatic:
                raise ValueError(
                    f"side_inputs has {unknown[0]!r}, and the model's {len(inputs)} inputs have no names of yours; give a list in the model's order, None for the probes: "
                    f"side_inputs={signature.by_place(inputs[1:], len(probes))}."
                )
            raise ValueError(f"side_inputs has {unknown[0]!r}, and the model's inputs are {signature.listed}; name each as in the model.")
        return list(given.names)
    if len(given.arrays) >= len(inputs):
        raise ValueError(
            f"side_inputs has {len(given.arrays)} inputs besides the probes, and the model has {len(inputs)} in all ({signature.listed}); leave out what it does not take."
        )
    place = given.place
    if place is None:
        fitting = [at for at, declared in enumerate(signature.inputs.values()) if _fits(declared, probes)]
        place = fitting[0] if len(fitting) == 1 else 0
    return [name for at, name in enumerate(inputs) if at != place][: len(given.arrays)]


def _fits(declared: Input, probes: ProbeSet) -> bool:
    shape = probes.inputs.shape[1:]
    return len(declared.shape) == len(shape) and all(size in (None, own) for size, own in zip(declared.shape, shape, strict=True))


def _cast(value: Any, declared: Input, *, given: bool = False) -> Any:
    """A value in the dtype of an input. Masked numbers for an input of whole numbers are rounded; those of the user are truncated, as `predict` does."""
    import keras

    if declared.words or isinstance(value, dict | list | tuple):
        return _outside(value) if isinstance(value, np.ndarray) else value
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        return _outside(value)
    value = keras.ops.convert_to_tensor(value)
    if declared.integers and not given and "float" in str(value.dtype):
        value = keras.ops.round(value)
    return keras.ops.cast(value, declared.dtype)


def _floats(side: Any) -> Any:
    """A side input for a model that does not declare its dtype: float64 in Keras's own precision, as `fit` gives it."""
    import keras

    return keras.ops.cast(side, keras.backend.floatx()) if "float64" in str(side.dtype) else side


def _outside(array: np.ndarray) -> Any:
    """A tensor that is made outside every graph: of numbers, or of strings, which only TensorFlow has."""
    return outside(array.astype(object) if array.dtype.kind in "UO" else array)


def _whole(numbers: Any) -> Any:
    """Numbers of probes, which a row of text carries as words."""
    import keras

    if "string" in str(numbers.dtype):
        import tensorflow as tf

        return tf.strings.to_number(numbers, tf.int32)
    return keras.ops.cast(numbers, "int32")


def _as_given(probes: ProbeSet) -> Any:
    if isinstance(probes, TextProbes):
        texts = [str(text) for text in probes.inputs.tolist()]
        encoded = probes.encode(texts) if probes.encode else np.array(texts, dtype=object)[:, None]
        # Not `dict`: tokenizers of Hugging Face return a mapping type of their own.
        return {str(key): np.asarray(value) for key, value in encoded.items()} if isinstance(encoded, Mapping) else encoded
    return rows_as_given(probes)


def _as_masked(own: Any) -> Any:
    """The explained input in the dtype of masked inputs, which `model_input` is given."""
    import keras

    def tensor(array: Any) -> Any:
        array = np.asarray(array)
        return _outside(array if array.dtype.kind in "UO" else array.astype(np.float32))

    return keras.tree.map_structure(tensor, own)


def _without_words(own: Any, probes: ProbeSet) -> Any:
    """The explained input of a model with one input, which takes no words; a table as numbers."""
    if isinstance(probes, TabularProbes):
        _refuse_words(probes, "the model takes numbers")
    return _as_numbers(own, probes)


def _refuse_what_floats_lose(probes: TabularProbes, place: int) -> None:
    """Refuse a column of times, or of whole numbers that float32 rounds, for a model that takes numbers."""
    name, known = probes.feature_names[place], np.concatenate([probes.inputs[:, place], probes.references[:, place]])
    if place in probes.times:
        raise ValueError(
            f"TabularProbes: {name!r} is a column of times, and the model takes numbers; give numbers, e.g. days since a date."
        )
    if place not in probes.words and np.nanmax(np.abs(known), initial=0) > 2**24 and (known == np.floor(known)).all():
        raise ValueError(
            f"TabularProbes: {name!r} has whole numbers above 2**24, which float32 rounds; give the column as a category (in pandas: .astype('category')), or "
            "subtract an offset, as you do for fit."
        )


def _refuse_words(probes: TabularProbes, why: str) -> None:
    if (probes.times or probes.rounded) and not probes.words and probes.not_for_tensors:
        raise ValueError(probes.not_for_tensors)
    for place, name in enumerate(probes.feature_names):
        values, ordered = words_of(probes, place)
        if values is not None and not ordered:
            raise ValueError(
                f"TabularProbes: {name!r} holds words, and {why}; give categorical={{{name!r}: [...]}} with the words in the order of the model's codes, or give "
                "codes."
            )


def _as_numbers(own: Any, probes: ProbeSet) -> Any:
    """A frame as an array of numbers, with codes for words; anything else as it is."""
    if not hasattr(own, "columns") or not isinstance(probes, TabularProbes):
        return own
    columns = [own[name] for name in own.columns]
    numbers = [
        probes.inputs[: len(own), place] if words_of(probes, place)[0] is not None else np.asarray(column.to_numpy(), dtype=np.float64)
        for place, column in enumerate(columns)
    ]
    return np.stack(numbers, axis=1)


def _given_column(frame: Any, place: int, declared: Input, values: Sequence[Any] | None) -> Any:
    """A column of a frame as an input takes it, in its own values."""
    import keras

    column = frame[frame.columns[place]]
    given = column.to_numpy()
    if declared.words:
        array = np.array([str(value) for value in given.tolist()], dtype=object)
        tensor = _outside(array)
    else:
        if values is not None and not all(isinstance(value, int | float | np.number) for value in values):
            given = np.array([list(values).index(value) for value in given.tolist()])
        tensor = keras.ops.cast(keras.ops.convert_to_tensor(np.asarray(given, dtype=np.float64)), declared.dtype)
    return tensor if declared.shape == () else keras.ops.expand_dims(tensor, -1) if not declared.words else tensor[:, None]
