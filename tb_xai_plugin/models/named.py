"""Named inputs: the inputs of a Keras model by name, and the columns of a table that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.models.frameworks.tensors import possible
from tb_xai_plugin.probes import ProbeSet, TabularProbes

# Beginnings of names that Keras makes for inputs without a name.
AUTOMATIC = ("keras_tensor", "input_layer")


@dataclass(frozen=True)
class Input:
    """One input of a Keras model.

    Attributes:
        shape: without the axis of the batch; None stands for any size.
        dtype: its dtype, e.g. "float32" or "string".
    """

    shape: tuple[int | None, ...]
    dtype: str

    @property
    def words(self) -> bool:
        return self.dtype == "string"

    @property
    def integers(self) -> bool:
        return "int" in self.dtype


@dataclass(frozen=True)
class Signature:
    """The inputs of a Keras model, as `keras.Input` declared them.

    Attributes:
        inputs: {name: Input}, in the model's order.
        structure: what the model takes, with the names of inputs in the place of tensors.
    """

    inputs: Mapping[str, Input]
    structure: Any

    @classmethod
    def of(cls, model: Any) -> Signature | None:
        """The signature of a model; None where it does not declare its inputs (a subclassed model)."""
        try:
            flat = list(model.inputs)
        except Exception:  # Keras raises errors of several types
            return None
        try:
            structure = model.input
        except Exception:  # a Sequential has no nodes of its own
            structure = flat
        import keras

        if isinstance(structure, list | tuple) and len(structure) == 1:
            structure = structure[0]
        # The keys of a dict are the names; tensors deeper inside have their own.
        keys = {id(tensor): str(key) for key, tensor in structure.items()} if isinstance(structure, dict) else {}
        names = {id(tensor): keys.get(id(tensor), str(getattr(tensor, "name", ""))) for tensor in flat}
        if len(set(names.values())) != len(flat) or {id(tensor) for tensor in keras.tree.flatten(structure)} != set(names):
            return None
        inputs = {
            names[id(tensor)]: Input(tuple(tensor.shape[1:]), possible(str(tensor.dtype))) for tensor in keras.tree.flatten(structure)
        }
        return cls(inputs, keras.tree.map_structure(lambda tensor: names[id(tensor)], structure))

    def arranged(self, values: Mapping[str, Any]) -> Any:
        """The values of all inputs, in the structure that the model takes."""
        import keras

        return keras.tree.map_structure(lambda name: values[name], self.structure)

    @property
    def automatic(self) -> bool:
        """Whether Keras made names of inputs, which are others in every process."""
        return any(name.startswith(AUTOMATIC) for name in self.inputs)

    def by_place(self, others: Sequence[str], n: int) -> str:
        """An example of `side_inputs` as a list. others: the inputs that are no probes; n: number of probes."""
        return f"[{', '.join('None' if name not in others else f'other[:{n}]' for name in self.inputs)}]"

    @property
    def listed(self) -> str:
        """The names of the inputs, for messages."""
        names = [repr(name) for name in self.inputs]
        return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def table_columns(signature: Signature, free: Sequence[str], probes: TabularProbes) -> dict[str, list[int]] | None:
    """The columns of a table that each free input takes: {input: [columns]}. None where one input takes the whole row.

    Raises:
        ValueError: an input has no column of its name, or a column belongs to no input.
    """
    if not free:
        raise ValueError(f"side_inputs has all inputs of the model, {signature.listed}; leave out the one that the probes are.")
    width = probes.inputs.shape[1]
    sizes = [int(np.prod([size or 1 for size in signature.inputs[name].shape], initial=1)) for name in free]
    matched = any(name in probes.feature_names or name in probes.groups for name in free)
    if len(free) > 1 and not matched and width in sizes and sum(sizes) > width:
        raise ValueError(beside(signature, free, probes))
    if len(free) == 1 and (free[0] not in probes.feature_names or signature.inputs[free[0]].shape == (width,)):
        return None
    places: dict[str, list[int]] = {}
    for name in free:
        if name in probes.feature_names:
            places[name] = [probes.feature_names.index(name)]
        elif name in probes.groups:
            places[name] = list(probes.groups[name])
        else:
            raise ValueError(_by_hand(signature, free, probes, f"input {name!r} is no feature of the probes"))
        size = int(np.prod([size or 1 for size in signature.inputs[name].shape], initial=1))
        if size != len(places[name]):
            raise ValueError(
                _by_hand(signature, free, probes, f"input {name!r} takes {size} numbers and its feature has {len(places[name])}")
            )
    unused = sorted(set(range(width)) - {place for group in places.values() for place in group})
    if unused:
        raise ValueError(
            f"the model has no input for the feature {probes.feature_names[unused[0]]!r} (its inputs are {signature.listed}); leave the column out of rows "
            "and background, or give model_input=."
        )
    return places


def beside(signature: Signature, free: Sequence[str], probes: ProbeSet) -> str:
    """The message where a model takes other inputs besides the probes. free: the names of those that are not given yet."""
    others = [name for name in free if signature.inputs[name].shape != probes.inputs.shape[1:]] or list(free[1:])
    if len(others) == len(free):
        others = others[1:]
    automatic = signature.automatic
    n = len(probes)
    parts = getattr(probes, "montage", None)
    if parts is not None and probes.given() is not None and np.ndim(probes.given()) == 5 and np.shape(probes.given())[1] == len(free):
        return f"the model has {len(free)} inputs, and the probes are one array with as many images; give a list of arrays instead, ImageProbes([first, second])."
    if automatic:  # names that Keras made are others in every process
        example = f"side_inputs={signature.by_place(others, n)}, None for the probes"
    else:
        example = f"side_inputs={{{', '.join(f'{name!r}: {name}[:{n}]' for name in others[:2])}}}, one row per probe"
    names = f"{len(signature.inputs)} inputs" if automatic else f"the inputs {signature.listed}"
    return f"the model has {names}, and the probes are one of them; give the others with the probes, e.g. {example}."


def _by_hand(signature: Signature, free: Sequence[str], probes: TabularProbes, why: str) -> str:
    """The message where inputs cannot be matched by name, with a line that works where the order of columns is that of the model."""
    names = probes.feature_names
    unmatched = [name for name in free if name not in names and name not in probes.groups]
    left = [place for place, name in enumerate(names) if name not in free]
    pieces = []
    for name in free:
        size = int(np.prod([size or 1 for size in signature.inputs[name].shape], initial=1))
        if name in unmatched:
            columns, left = left[:size], left[size:]
        else:
            columns = [names.index(name)] if name in names else list(probes.groups[name])
        straight = columns == list(range(columns[0], columns[-1] + 1)) if columns else False
        slices = f"rows[:, {columns[0]}:{columns[-1] + 1}]" if straight else f"keras.ops.take(rows, {columns}, axis=1)"
        pieces.append(f"{name!r}: {slices}")
    line = f"model_input=lambda rows: {{{', '.join(pieces[:4])}{', …' if len(pieces) > 4 else ''}}}"
    features = ", ".join(map(repr, names[:6])) + (", …" if len(names) > 6 else "")
    return (
        f"the model has the inputs {signature.listed}, and {why} (features: {features}); give the features the names of the inputs (feature_names=), or name the "
        f"columns of each input, in the model's order: {line}. model_input is given a tensor (rows, {len(names)}) of numbers, in which words are codes."
    )


def column_of(
    xp: Any, constant: Callable[[Any], Any], declared: Input, name: str, codes: Any, values: Sequence[Any] | None, *, ordered: bool
) -> Any:
    """One column of masked rows as an input takes it: (k, 1), or (k,) where the input has no further axis.

    Args:
        xp: keras.ops.
        constant: makes a tensor from a list of words.
        declared: the input.
        name: of the feature, for messages.
        codes: float32 (k, 1), numbers or codes.
        values: the values that the codes stand for; None where they are numbers.
        ordered: whether the user gave the order of the values, so that the model may take codes.
    """
    if (
        values is not None
        and all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values)
        and not declared.words
    ):
        # Whole numbers stay whole: as float32, ids above 2**24 would be others.
        whole = declared.integers and all(value == int(value) for value in values)
        codes = xp.take(constant([int(value) if whole else float(value) for value in values]), xp.cast(xp.round(codes), "int32"), axis=0)
    elif values is not None and declared.words:
        codes = xp.take(constant([str(value) for value in values]), xp.cast(xp.round(codes), "int32"), axis=0)
    elif values is not None and not ordered:
        raise ValueError(
            f"TabularProbes: {name!r} holds words, and the model's input of this name takes numbers; give categorical={{{name!r}: [...]}} with the words in the "
            "order of the model's codes."
        )
    elif declared.words:
        raise ValueError(
            f"TabularProbes: {name!r} holds numbers, and the model's input of this name takes strings; give rows and background with strings in this column."
        )
    if declared.integers and "float" in str(codes.dtype):
        codes = xp.round(codes)
    if not declared.words:
        codes = xp.cast(codes, declared.dtype)
    return codes[:, 0] if declared.shape == () else codes
