"""The types of what users give as probes, for type checkers. The kinds of probes check the values themselves, at run time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np


class SupportsArray(Protocol):
    """Anything that NumPy can turn into an array: NumPy's own arrays and scalars, tensors of any framework, DataFrames and their columns."""

    def __array__(self) -> np.ndarray: ...


# NumPy's ArrayLike includes strings, which are never images or rows. A recursive alias would include them too, because a string is a sequence of
# strings. So each depth of nested lists is spelled out, up to the four axes of a batch of colour images.
_Axis1: TypeAlias = Sequence[float | SupportsArray]
_Axis2: TypeAlias = Sequence[SupportsArray | _Axis1]
_Axis3: TypeAlias = Sequence[SupportsArray | _Axis2]
_Axis4: TypeAlias = Sequence[SupportsArray | _Axis3]

# An array, a tensor, or nested lists of numbers.
Array: TypeAlias = SupportsArray | _Axis1 | _Axis2 | _Axis3 | _Axis4

# (rows, features): an array, a DataFrame, or a list of rows, in which None is a missing value.
Table: TypeAlias = SupportsArray | Sequence[SupportsArray | Sequence[float | None]]

# Numbers of classes, names of classes, one-hot rows, or the true values of a regression.
Labels: TypeAlias = Array | Sequence[str]

# A list of names, or {number: name}.
Names: TypeAlias = Iterable[str] | Mapping[int, str]

# Another form of the inputs, for people: an array, or what makes it from the inputs.
Display: TypeAlias = Array | Callable[[np.ndarray], Array]

# Label maps, or what makes one from a probe.
Segments: TypeAlias = Array | Callable[[np.ndarray], Array]

# Images: one array, or several that a model takes together, in a list or by name.
Images: TypeAlias = Array | Sequence[Array] | Mapping[str, Array]

# The same for options that have one entry per array; None where it has none.
Maps: TypeAlias = Array | Sequence[Array | None] | Mapping[str, Array | None]
_Baseline: TypeAlias = str | float | Array
Baselines: TypeAlias = _Baseline | Sequence[_Baseline | None] | Mapping[str, _Baseline | None]
ImageDisplay: TypeAlias = Maps | Callable[[Any], Any]
ImageSegments: TypeAlias = Maps | Callable[[np.ndarray], Array]

# The other inputs of a model with several inputs: one array, or several by name or in order. None marks the place of the probes themselves.
SideInputs: TypeAlias = Array | Mapping[str, Array | Sequence[str] | None] | Sequence[Array | None]

# A feature of a table by its name or number, and one or several of them.
Feature: TypeAlias = str | int | np.integer
Features: TypeAlias = Feature | Iterable[Feature]

# {feature: the values of its codes 0, 1, …}. The type of a mapping's keys is invariant, so all names and all numbers are cases of their own.
Categories: TypeAlias = Mapping[str, Iterable[object]] | Mapping[int, Iterable[object]] | Mapping[str | int, Iterable[object]]
