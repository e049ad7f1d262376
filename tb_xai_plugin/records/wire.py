"""The wire: names, tags and encodings of a record; all that the training side and the serving side both know.

A record lives in `<log_dir>/xai`, a run directory of its own (TensorBoard's Python loader reads one growing file a directory). For every
probe set S it has these tags, all tensors; one event holds everything of one step, so a step is there as a whole or not at all:

    S/record                      JSON: what is explained and how; its arrays are listed under "arrays"             once, at step 0
    S/static/<array>/<block>      zlib-compressed bytes of a block of probes of a static array                        once, at step 0
    S/epoch                       JSON: Keras's logs, cost, and why numbers are missing                               every epoch
    S/outputs/<block>             float32 (probes, 2, classes): probabilities on the full and the empty probe         every explained epoch
    S/targets/<block>             int32 (probes, targets): explained classes, where they change between epochs
    S/values/<explainer>/<block>  float32 (probes, targets, players), signed
    S/errors/<explainer>/<block>  float16, standard errors in units of the block's largest |value|
    S/base/<explainer>/<block>    float32 (probes, targets)
    S/fidelity/<explainer>/<block>      float32 (probes, targets, measures), in the order of the record's "details"          where measured
    S/noise/<explainer>/<block>         int8 (probes, targets, SKETCH), a sketch of the sampling errors, of any length         where sketched
    S/interactions/<explainer>/<block>  float32 (probes, targets, PAIRS, 3): player, player, strength of the strongest pairs   where interacting

A step is Keras's 0-based epoch, or UNTRAINED. Steps and wall times are equal for all tags of one write: together they are its identity.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tb_xai_plugin.explainers.contract import PAIRS, SKETCH

PLUGIN_NAME = "xai"
SCHEMA = 1
DIRECTORY = "xai"
UNTRAINED = -1
DEFAULT_SET = "probes"

# A tag is TensorBoard's unit of reading: about 32 KiB an epoch keep a thousand epochs of one tag well below its limit of 256 MiB a reply.
# (One probe with thousands of classes is one block, and more.)
BLOCK_BYTES = 2**15
STATIC_BLOCK_BYTES = 2**24


# How the parts of a record's "comparable" are called in a sentence.
PART_NAMES = {
    "inputs": "probes",
    "labels": "labels",
    "segments": "segments",
    "players": "features or tokens",
    "background": "background",
    "baseline": "baseline",
    "coalitions": "coalitions (evaluations, seed or methods)",
    "explainers": "explainers",
    "output": "output",
    "classes": "explained classes",
    "unit": "unit",
    "answers": "number of classes the model answers for",
}


def differing(here: Mapping[str, Any], there: Mapping[str, Any], explainer: str | None = None) -> list[str]:
    """Names of the parts of one record's "comparable" that are other in another's, for a sentence.

    explainer: the only one whose settings count, where both have it; None where all have to be equal.
    """
    words = []
    for part in dict.fromkeys([*here, *there]):
        mine, other = here.get(part), there.get(part)
        if mine == other:
            continue
        if part != "explainers" or not isinstance(mine, Mapping) or not isinstance(other, Mapping):
            words.append(PART_NAMES.get(part, part))
        elif explainer is None:
            words.append(f"{PART_NAMES[part]} ({', '.join(_other_explainers(mine, other))})")
        elif explainer in mine and explainer in other and mine[explainer] != other[explainer]:
            words.append(f"settings of {explainer!r}")
    return words


def _other_explainers(here: Mapping[str, str], there: Mapping[str, str]) -> Iterator[str]:
    """How another record's explainers are not those here."""
    for name in dict.fromkeys([*here, *there]):
        if name not in there:
            yield f"no {name!r}"
        elif name not in here:
            yield f"also {name!r}"
        elif here[name] != there[name]:
            yield f"other settings of {name!r}"


def record_tag(probe_set: str) -> str:
    return f"{probe_set}/record"


def epoch_tag(probe_set: str) -> str:
    return f"{probe_set}/epoch"


def static_tag(probe_set: str, array: str, block: int) -> str:
    return f"{probe_set}/static/{array}/{block}"


def step_tag(probe_set: str, quantity: str, block: int) -> str:
    """quantity: "outputs", "targets", or e.g. "values/shap"."""
    return f"{probe_set}/{quantity}/{block}"


def probe_set_of(tag: str) -> str | None:
    """Name of the probe set whose record a tag announces; None for any other tag."""
    name, slash, rest = tag.partition("/")
    return name if slash and rest == "record" else None


def blocks(probes: int, bytes_a_probe: int, most: int = BLOCK_BYTES) -> list[tuple[int, int]]:
    """Split probes into blocks of at most about `most` bytes: [(from, to excluded), …]."""
    size = max(1, most // max(1, bytes_a_probe))
    return [(start, min(start + size, probes)) for start in range(0, probes, size)]


class Quantity(NamedTuple):
    """What one tag holds of one probe.

    dtype: of the numbers as written.
    shape: without the axis of probes.
    """

    dtype: type[np.generic]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Of one probe."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)


def quantities(record: Mapping[str, Any]) -> dict[str, Quantity]:
    """All that an explained step of a record holds: {"outputs": …, "values/shap": …}, see `step_tag`."""
    targets, players = record["shape"]["targets"], record["shape"]["players"]
    maps = (targets, players)
    found = {"outputs": Quantity(np.float32, (2, record["shape"]["classes"]))}
    if record["targets"] is None:
        found["targets"] = Quantity(np.int32, (targets,))
    for explainer, details in record["details"].items():
        found[f"values/{explainer}"] = Quantity(np.float32, maps)
        found[f"errors/{explainer}"] = Quantity(np.float16, maps)
        found[f"base/{explainer}"] = Quantity(np.float32, (targets,))
        if details["fidelity"]:
            found[f"fidelity/{explainer}"] = Quantity(np.float32, (targets, len(details["fidelity"])))
        if details["sketched"]:
            found[f"noise/{explainer}"] = Quantity(np.int8, (targets, SKETCH))
        if details["interacting"]:
            found[f"interactions/{explainer}"] = Quantity(np.float32, (targets, PAIRS, 3))
    return found


def step_blocks(record: Mapping[str, Any]) -> list[tuple[int, int]]:
    """How a step's probes are split over tags, the same for all quantities: the largest sets the size.

    A record keeps its blocks for good: whoever continues it, or reads it, takes them from there.
    """
    return blocks(record["shape"]["probes"], max(quantity.nbytes for quantity in quantities(record).values()))


def static_blocks(array: np.ndarray) -> list[tuple[int, int]]:
    return blocks(len(array), array[:1].nbytes, STATIC_BLOCK_BYTES)


def pack(array: np.ndarray) -> bytes:
    """Compressed little-endian bytes."""
    return zlib.compress(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False)).tobytes(), 6)


def unpack(packed: bytes, dtype: str, shape: Sequence[int]) -> np.ndarray:
    return np.frombuffer(zlib.decompress(packed), dtype=np.dtype(dtype).newbyteorder("<")).reshape(shape).astype(dtype)


def describe(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """The "arrays" of a record: {name: {"dtype", "shape", "blocks"}}."""
    return {name: {"dtype": a.dtype.name, "shape": list(a.shape), "blocks": static_blocks(a)} for name, a in arrays.items()}


def static_tensors(probe_set: str, arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, bytes]]:
    """(tag, bytes) of every block of the static arrays."""
    for name, array in arrays.items():
        for block, (start, stop) in enumerate(static_blocks(array)):
            yield static_tag(probe_set, name, block), pack(array[start:stop])


def encode_errors(errors: np.ndarray, values: np.ndarray) -> np.ndarray:
    """float16 in units of the largest |value|: half the bytes, a relative precision of 0.1 %, and no overflow in any unit."""
    return (errors / error_unit(values)).astype(np.float16)


def decode_errors(encoded: np.ndarray, unit: np.float32) -> np.ndarray:
    """unit: `error_unit` of the values beside which they were logged."""
    return encoded.astype(np.float32) * unit


def encode_noise(noise: np.ndarray) -> np.ndarray:
    """int8, each sketch in units of its own largest number: only its direction is needed."""
    largest = np.abs(noise).max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.rint(np.nan_to_num(noise / np.where(largest > 0, largest, 1)) * 127).astype(np.int8)


def error_unit(values: np.ndarray) -> np.float32:
    """The largest finite |value| of a block, 1 where there is none."""
    magnitude = np.abs(values)
    largest = np.fmax.reduce(magnitude, axis=None, initial=0)
    if not np.isfinite(largest):
        largest = magnitude[np.isfinite(magnitude)].max(initial=0)
    return np.float32(largest if largest > 0 else 1)


def schema_content() -> bytes:
    """What TensorBoard keeps beside every tag."""
    return json.dumps({"schema": SCHEMA}).encode()


def parse_schema(content: bytes) -> int | None:
    """The schema of a tag; None where the content is not ours."""
    try:
        return int(json.loads(content)["schema"])
    except (ValueError, KeyError, TypeError):
        return None
