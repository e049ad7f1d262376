"""Files of probes, for programs that do not make them: `probes.save("probes.npz")`, `ImageProbes.load("probes.npz")`.

A file is an NPZ archive of NumPy, without pickles, so opening it runs no code. It has these entries:

    probes.json     bytes (uint8) of JSON: {"format": FORMAT, "version": VERSION, "digest": the digest of the probes, "probes": what a record has of them (names,
                    classes, regions, …), "labels": {"words", "unknown_words"} or null, "sides": {"names", "place", "own_name", "arrays"} or null}
    record/NAME     the arrays that a record has: inputs, segments, baseline, display, … of images; of other kinds their own
    labels          float64, the labels as they were given, where they are numbers
    side/NUMBER     the other inputs of a model with several inputs
    background      float32 (b, d), all rows of a table's background
    given           the inputs in the dtype in which they were given, where that is another
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.probes.labels import GivenLabels
from tb_xai_plugin.probes.sides import SideInputs

FORMAT, VERSION = "tb_xai_plugin probes", 1
HEADER = "probes.json"


@dataclass(frozen=True)
class Content:
    """What a file holds: its JSON, and its arrays by their entries."""

    header: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def kind(self) -> str:
        return str(self.header["probes"]["kind"])

    @property
    def recorded(self) -> dict[str, np.ndarray]:
        """The arrays of a record."""
        return {name.removeprefix("record/"): array for name, array in self.arrays.items() if name.startswith("record/")}


def content_of(probes: Any) -> Content:
    """What a file of these probes holds. probes: a ProbeSet.

    Raises:
        TypeError: they have functions, or values that are no numbers; a file has neither.
    """
    who = type(probes).__name__
    for option in ("encode", "model_input"):
        if getattr(probes, option, None) is not None:
            raise TypeError(
                f"{who}: {option} is a function, and a file of probes holds none; put it into the model, or give the probes to explain_checkpoints in Python."
            )
    if getattr(probes, "words", None) or getattr(probes, "times", None):
        raise TypeError(str(probes.not_for_tensors))
    names, recorded = probes.as_record()
    arrays = {f"record/{name}": array for name, array in recorded.items()}
    labels, sides = probes._given_labels, probes.side_inputs
    about_labels = None
    if labels is not None:
        arrays["labels"] = labels.numbers
        about_labels = {"words": labels.words, "unknown_words": list(labels.unknown_words)}
    about_sides = None
    if sides is not None:
        about_sides = {"names": sides.names, "place": sides.place, "own_name": sides.own_name, "arrays": len(sides.arrays)}
        arrays |= {f"side/{number}": array.astype(str) if array.dtype == object else array for number, array in enumerate(sides.arrays)}
    if (background := getattr(probes, "background", None)) is not None:
        arrays["background"] = background
    if probes.kind in ("image", "sequence") and isinstance(given := probes.given(), np.ndarray) and given.dtype != probes.inputs.dtype:
        arrays["given"] = given
    header = {"format": FORMAT, "version": VERSION, "digest": probes.digest, "probes": names, "labels": about_labels, "sides": about_sides}
    return Content(json.loads(json.dumps(header)), arrays)


def write(content: Content, path: str | os.PathLike[str]) -> None:
    """Write a file; one that is there is replaced when the new one is complete."""
    entries: dict[str, Any] = {HEADER: np.frombuffer(json.dumps(content.header).encode(), dtype=np.uint8), **content.arrays}
    with complete("probes.save", path) as part, open(part, "wb") as file:
        np.savez_compressed(file, **entries)


@contextmanager
def complete(who: str, path: str | os.PathLike[str]) -> Iterator[str]:
    """The path of a file beside the wanted one, which takes its place once it is written; it is removed where writing fails.

    Raises:
        FileNotFoundError: there is no such folder, or a folder has this name.
    """
    path = os.fspath(path)
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{who}: there is no folder {folder!r}; make it, or choose another path.")
    if os.path.isdir(path):
        raise FileNotFoundError(f"{who}: {path!r} is a folder; give the name of a file.")
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe, or a device
        yield path
        return
    part = f"{path}.{os.getpid()}.part"
    try:
        yield part
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.remove(part)


def read(path: str | os.PathLike[str]) -> Content:
    """The content of a file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no file of probes, or of a later version.
    """
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise FileNotFoundError(f"there is no file {name!r}; write one with probes.save({name!r}).")
    try:
        with open(name, "rb") as file, np.load(io.BytesIO(file.read()), allow_pickle=False) as archive:
            header = json.loads(archive[HEADER].tobytes())
            arrays = {entry: archive[entry] for entry in archive.files if entry != HEADER}
            version = header["version"] if header["format"] == FORMAT else 0
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{name!r} is no file of probes, or is damaged; write one with probes.save({name!r}).") from error
    if version != VERSION:
        raise ValueError(
            f"{name!r} is a file of probes of version {version}, and this program reads version {VERSION}; update tb_xai_plugin."
        )
    return Content(header, arrays)


def labels_in(content: Content, who: str) -> GivenLabels | None:
    """The labels as they were given."""
    about = content.header["labels"]
    return None if about is None else GivenLabels(who, content.arrays["labels"], about["words"], tuple(about["unknown_words"]))


def sides_in(content: Content) -> SideInputs | None:
    """The other inputs of a model with several inputs."""
    about = content.header["sides"]
    if about is None:
        return None
    names = None if about["names"] is None else tuple(about["names"])
    return SideInputs(
        tuple(content.arrays[f"side/{number}"] for number in range(about["arrays"])), names, about["place"], about["own_name"]
    )
