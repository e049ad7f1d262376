"""Which checkpoints there are, and at which step each one stands: the number in its name, or what the user says."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from tb_xai_plugin.records import wire

WHO = "explain_checkpoints"

Path: TypeAlias = str | os.PathLike[str]
Paths: TypeAlias = Path | Sequence[Path] | Mapping[int, Path]

SUFFIX = ".keras"

# Files that hold code which runs when they are loaded, and files that hold weights alone.
CODE = (".h5", ".hdf5", ".pkl", ".pickle", ".joblib")
WEIGHTS = (".weights.h5", ".index", ".ckpt", ".npz", ".pt", ".pth", ".safetensors")

# Words before a number in a name that say what it is.
NAMED = ("epoch", "step", "ckpt", "checkpoint", "iter", "iteration", "batch")


def steps_of(paths: Paths, first_epoch: int, *, builds: bool, trusted: bool) -> dict[int, str]:
    """{step: path}, in the order of steps.

    Args:
        paths: a folder, a pattern, a list of paths, or {step: path}.
        first_epoch: the number that the names of files give to the first epoch.
        builds: whether a function of the user makes models of paths, which may then be anything.
        trusted: whether files that hold code may be loaded.

    Raises:
        FileNotFoundError, ValueError, TypeError: no checkpoints, a file that can't be loaded by itself, or names that do not tell the steps.
    """
    if isinstance(first_epoch, bool) or not isinstance(first_epoch, int):
        raise TypeError(f"{WHO}: first_epoch is {first_epoch!r}; give the number that names of files give to the first epoch, 0 or 1.")
    if isinstance(paths, Mapping):
        found = {_step(step): _text(path) for step, path in paths.items()}
    else:
        names = _listed(paths)
        for name in names if not builds else ():
            _check_is_there(name)  # before its name is read
        one = len(names) == 1 and not re.search(r"\d", os.path.basename(names[0]))  # such as model.keras
        numbers = [first_epoch] if one else _numbers(names)
        found = {number - first_epoch: name for number, name in zip(numbers, names, strict=True)}
    if not found:
        raise ValueError(f"{WHO}: there are no checkpoints in {paths!r}; give their paths, or {{step: path}}.")
    if min(found) < wire.UNTRAINED:
        low = min(found)
        raise ValueError(
            f"{WHO}: {os.path.basename(found[low])!r} would be step {low}, and the first is {wire.UNTRAINED}, the untrained model; give first_epoch=, or {{step: path}}."
        )
    for path in found.values():
        if not builds:
            _check_file(path, trusted=trusted)
    return dict(sorted(found.items()))


def _step(given: Any) -> int:
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise TypeError(f"{WHO}: paths has the step {given!r}; give whole numbers, {{step: path}}.")
    return int(given.__index__())


def _text(path: Any) -> str:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{WHO}: {path!r} is no path of a checkpoint; give paths, a folder, or {{step: path}}.")
    return os.fspath(path)


def _listed(paths: Any) -> list[str]:
    """The paths that were given, in a folder, or that a pattern matches; each once."""
    if isinstance(paths, str | os.PathLike):
        text = os.fspath(paths)
        if os.path.isdir(text) and (inside := sorted(glob.glob(os.path.join(glob.escape(text), f"*{SUFFIX}")))):
            return inside
        if glob.has_magic(text) and not os.path.exists(text):
            return sorted(glob.glob(text))
        return [text]
    if not isinstance(paths, Iterable):
        raise TypeError(f"{WHO}: paths is {type(paths).__name__}; give a list of paths, a folder, or {{step: path}}.")
    return list(dict.fromkeys(map(_text, paths)))


def _check_is_there(path: str) -> None:
    if not os.path.exists(path) and not os.path.exists(f"{path}.index"):
        raise FileNotFoundError(f"{WHO}: there is no checkpoint {path!r}; give the paths of files that are there.")


def _check_file(path: str, *, trusted: bool) -> None:
    name = os.path.basename(path)
    _check_is_there(path)
    if name.endswith(SUFFIX):
        return
    if name.endswith(CODE) and not name.endswith(WEIGHTS):
        if not trusted:
            raise ValueError(
                f"{WHO}: {name!r} may run code when it is loaded; if you trust whoever wrote it, give trusted=True, else save models as {SUFFIX} files."
            )
        return
    raise ValueError(
        f"{WHO}: {name!r} is no {SUFFIX} file, so it has weights and no model; give build=, a function from such a path to the model with these weights."
    )


def _numbers(names: Sequence[str]) -> list[int]:
    """The number of each name that tells its step: the only one in which the names differ, or the one behind a word such as "epoch"."""
    found = [re.findall(r"([A-Za-z]*)[-_=. ]?(\d+(?:\.\d+)?)", os.path.basename(name).rpartition(".")[0]) for name in names]
    fields = list(zip(*found, strict=False)) if found else []
    whole = [
        (field[0][0].lower(), numbers)
        for field in fields
        if all(number.isdecimal() for _, number in field) and len(set(numbers := [int(number) for _, number in field])) == len(names)
    ]
    named = [numbers for word, numbers in whole if word.endswith(NAMED)]
    choices = named or [numbers for _, numbers in whole]
    if len(choices) == 1:
        return choices[0]
    if not names:
        return []
    example = os.path.basename(names[0])
    why = "has several numbers" if choices else "has no number by which it differs from the others"
    raise ValueError(f"{WHO}: {example!r} {why}, so its step is not known; give {{step: path}}, e.g. {{0: {example!r}}}.")
