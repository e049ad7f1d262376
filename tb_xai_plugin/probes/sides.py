"""Side inputs: the other inputs of a model with several inputs. Each probe has its own, and they are the same in all its masked inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.probes.hashes import hash_of

GIVE = "give one row per probe, by name as in the model, e.g. side_inputs={'meta': meta[:16]}"


@dataclass(frozen=True)
class SideInputs:
    """The other inputs of a model.

    Attributes:
        arrays: for each input (n, …), in the order in which they were given.
        names: their names; None where they were given as a list.
        place: the place of the probes themselves among all inputs, where it was marked by None; else None.
        own_name: the name of the probes' own input, where it was marked; else None.
    """

    arrays: tuple[np.ndarray, ...]
    names: tuple[str, ...] | None = None
    place: int | None = None
    own_name: str | None = None

    @classmethod
    def of(cls, who: str, given: Any, n: int) -> SideInputs | None:
        """Read the option `side_inputs` of n probes; None where it is None or empty."""
        if given is None:
            return None
        if isinstance(given, Mapping):
            entries: dict[Any, Any] = {str(name): entry for name, entry in given.items()}
        elif hasattr(given, "columns"):
            raise TypeError(f"{who}: side_inputs is a DataFrame; {GIVE}, with frame[['a', 'b']].to_numpy() as the array.")
        elif isinstance(given, Sequence) and not isinstance(given, str) and all(entry is None or np.ndim(entry) > 0 for entry in given):
            # [meta] is a list of inputs; [[1, 2], [3, 4]] of two probes could be both, and is read as an array where its length is that of the probes.
            lists = all(entry is None or not isinstance(entry, Sequence) for entry in given)
            entries = dict(enumerate(given)) if lists or len(given) != n else {0: given}
        else:
            entries = {0: given}
        marked = [place for place, entry in enumerate(entries.values()) if entry is None]
        if len(marked) > 1:
            raise ValueError(f"{who}: side_inputs has None {len(marked)} times; None marks the one place of the probes themselves.")
        arrays = {name: _array(who, name, entry, n) for name, entry in entries.items() if entry is not None}
        if not arrays:
            return None
        own = list(entries)[marked[0]] if marked and isinstance(given, Mapping) else None
        names = tuple(map(str, arrays)) if isinstance(given, Mapping) else None
        return cls(tuple(arrays.values()), names, marked[0] if marked else None, None if own is None else str(own))

    @property
    def digest(self) -> str:
        """Hash of everything that the model is given."""
        words = [
            np.frombuffer("\0".join(map(str, a.ravel().tolist())).encode(), dtype=np.uint8) if a.dtype.kind in "UO" else a
            for a in self.arrays
        ]
        return hash_of(*words, *(self.names or ()), str(self.place), str(self.own_name))


def _array(who: str, name: object, given: Any, n: int) -> np.ndarray:
    what = f"side_inputs[{name!r}]"
    try:
        array = np.array(given)  # a copy: what the user does with the array later must not change the explanations
    except ValueError as error:
        raise ValueError(f"{who}: {what} is not an array ({error}); {GIVE}.") from error
    if array.dtype.kind not in "fiubUO" or (array.dtype.kind == "O" and not all(isinstance(word, str) for word in array.ravel().tolist())):
        raise TypeError(f"{who}: {what} has dtype {array.dtype}; give numbers or strings, one row per probe.")
    if array.ndim == 0 or len(array) != n:
        raise ValueError(f"{who}: {what} has shape {array.shape} for {n} probes; {GIVE}.")
    return array
