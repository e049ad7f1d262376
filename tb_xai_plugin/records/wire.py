"""The wire: the names, tags and encodings of a record, which the training side writes and the serving side reads.

A record lives in `<log_dir>/xai`, a run directory of its own (TensorBoard's Python loader reads one growing file per directory). For every
probe set S it has the tags below, all tensors. One event holds everything of one step, so a step is in the record completely or not at all:

    S/record                      JSON: what is explained and how; its arrays are listed under "arrays"             once, at step 0
    S/static/<array>/<block>      zlib-compressed bytes of a block of probes of a static array                        once, at step 0
    S/epoch                       JSON: Keras's logs, cost, and why numbers are missing                               every epoch
    S/outputs/<block>             float32 (probes, 2, classes): probabilities on the full and the empty coalition     every explained epoch
    S/targets/<block>             int32 (probes, targets): explained classes, where they change between epochs        every explained epoch
    S/values/<explainer>/<block>  float32 (probes, targets, players), signed
    S/errors/<explainer>/<block>  float16, standard errors in units of the block's largest |value|
    S/base/<explainer>/<block>    float32 (probes, targets)
    S/fidelity/<explainer>/<block>      float32 (probes, targets, measures), in the order of the record's "details"          where measured
    S/noise/<explainer>/<block>         int8 (probes, targets, SKETCH + players * RANK / 2), sketches of sampling errors, of which only directions count,
                                        and loadings (see `encode_noise`); SKETCH alone without "correlated" in the details     where sketched
    S/interactions/<explainer>/<block>  float32 (probes, targets, PAIRS, 3): player, player, strength of the strongest pairs   where interacting

A step is Keras's 0-based epoch, or UNTRAINED. All tags of one write have the same step and wall time, which together identify the write.

The last write of a finished record is of the model that `fit` returned. Its step is the one after the last epoch, and its epoch's JSON has the key
"returned": {"epoch": the step whose weights the model has, or null; "how": "last", "restored" (of an earlier epoch), or a key of OF_NO_EPOCH}. It has no arrays where that step has them. Readers list it
as the step RETURNED; any later write replaces it. In every write, "weights" is a digest of the weights of the explained network, if it has some.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tb_xai_plugin.explainers.contract import PAIRS, RANK, SKETCH

PLUGIN_NAME = "xai"
SCHEMA = 1
DIRECTORY = "xai"
UNTRAINED = -1
# The step of the returned model, for readers: after all epochs. In an event file, its step is the one after the last epoch.
RETURNED = 2**31 - 1
DEFAULT_SET = "probes"

# How a returned model came about that has the weights of no epoch, in words.
OF_NO_EPOCH = {
    "averages": "moving averages of the optimizer, the weights of no epoch",
    "changed": "changed after the last epoch, the weights of no epoch",
    "once": "explained once, without training",
}

# TensorBoard reads whole tags: with about 32 KiB per epoch, a thousand epochs of one tag stay well below its limit of 256 MiB per reply.
# (A single probe with thousands of classes is one block, and larger.)
BLOCK_BYTES = 2**15
STATIC_BLOCK_BYTES = 2**24


# The words for the parts of a record's "comparable" in a sentence.
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
    "answers": "numbers of classes",
}


def differing(here: Mapping[str, Any], there: Mapping[str, Any], explainer: str | None = None) -> list[str]:
    """The parts of one record's "comparable" that differ from another's, as words for a sentence.

    explainer: the one explainer whose settings count; None where those of all explainers have to be equal.
    """
    words = []
    for part in dict.fromkeys([*here, *there]):
        one, other = here.get(part), there.get(part)
        if one == other:
            continue
        if part == "unit" and here.get("output") != there.get("output"):
            continue  # the unit follows from the output
        if part == "output":
            words.append(f"output ({one} and {other})")
        elif part != "explainers" or not isinstance(one, Mapping) or not isinstance(other, Mapping):
            words.append(PART_NAMES.get(part, part))
        elif explainer is None:
            words.append(f"{PART_NAMES[part]} ({', '.join(_differing_explainers(one, other))})")
        elif explainer in one and explainer in other and one[explainer] != other[explainer]:
            words.append(f"settings of {explainer!r}")
    return words


def _differing_explainers(here: Mapping[str, str], there: Mapping[str, str]) -> Iterator[str]:
    """How the explainers of `there` differ from those of `here`, in words."""
    for name in dict.fromkeys([*here, *there]):
        if name not in there:
            yield f"no {name!r}"
        elif name not in here:
            yield f"also {name!r}"
        elif here[name] != there[name]:
            yield f"different settings of {name!r}"


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
    """The probe set of a "record" tag; None for any other tag."""
    name, slash, rest = tag.partition("/")
    return name if slash and rest == "record" else None


def blocks(probes: int, bytes_a_probe: int, most: int = BLOCK_BYTES) -> list[tuple[int, int]]:
    """Split probes into blocks of at most about `most` bytes: [(from, to excluded), …]."""
    size = max(1, most // max(1, bytes_a_probe))
    return [(start, min(start + size, probes)) for start in range(0, probes, size)]


class Quantity(NamedTuple):
    """What one tag holds for one probe.

    dtype: the type in which the numbers are written.
    shape: the shape without the axis of probes.
    """

    dtype: type[np.generic]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of one probe."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)


def quantities(record: Mapping[str, Any]) -> dict[str, Quantity]:
    """Everything that an explained step of a record holds: {"outputs": …, "values/shap": …}, see `step_tag`."""
    targets, players = record["shape"]["targets"], record["shape"]["players"]
    maps = (targets, players)
    of_step = {"outputs": Quantity(np.float32, (2, record["shape"]["classes"]))}
    if record["targets"] is None:
        of_step["targets"] = Quantity(np.int32, (targets,))
    for explainer, details in record["details"].items():
        of_step[f"values/{explainer}"] = Quantity(np.float32, maps)
        of_step[f"errors/{explainer}"] = Quantity(np.float16, maps)
        of_step[f"base/{explainer}"] = Quantity(np.float32, (targets,))
        if details["fidelity"]:
            of_step[f"fidelity/{explainer}"] = Quantity(np.float32, (targets, len(details["fidelity"])))
        if details["sketched"]:
            of_step[f"noise/{explainer}"] = Quantity(np.int8, (targets, SKETCH + (players * RANK // 2 if details.get("correlated") else 0)))
        if details["interacting"]:
            of_step[f"interactions/{explainer}"] = Quantity(np.float32, (targets, PAIRS, 3))
    return of_step


def step_blocks(record: Mapping[str, Any]) -> list[tuple[int, int]]:
    """How the probes of a step are split over tags: the same blocks for all quantities, sized by the largest.

    The blocks are part of the record, and do not change when it is continued.
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
    """float16, in units of the largest |value|: half the bytes, a relative precision of 0.1 %, and no overflow in any unit."""
    return (errors / error_unit(values)).astype(np.float16)


def decode_errors(encoded: np.ndarray, unit: np.float32) -> np.ndarray:
    """float32 errors in the units of the values. unit: `error_unit` of the values that were logged with them."""
    return encoded.astype(np.float32) * unit


def encode_noise(noise: np.ndarray) -> np.ndarray:
    """int8 (…, SKETCH + players * RANK / 2) of (…, SKETCH + players * RANK), or SKETCH of both where there are no loadings.

    Each sketch is in units of its own largest number, because only its direction is used. Loadings, which are between -1 and 1, have 15 levels; two share
    a byte, with 8 for 0.
    """
    sketch, loadings = noise[..., :SKETCH], noise[..., SKETCH:]
    largest = np.abs(sketch).max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        sketch = np.rint(np.nan_to_num(sketch / np.where(largest > 0, largest, 1)) * 127).astype(np.int8)
        levels = (np.rint(np.clip(np.nan_to_num(loadings), -1, 1) * 7) + 8).astype(np.uint8)
    return np.concatenate([sketch, (levels[..., 0::2] << 4 | levels[..., 1::2]).view(np.int8)], axis=-1)


def decode_loadings(encoded: np.ndarray) -> np.ndarray | None:
    """float32 (…, players, RANK) of what `encode_noise` returns, 0 where nothing was logged; None where there are none."""
    pairs = encoded[..., SKETCH:].view(np.uint8)
    if not pairs.shape[-1]:
        return None
    levels = np.stack([pairs >> 4, pairs & 15], axis=-1).reshape(*pairs.shape[:-1], -1, RANK)
    return np.where(levels > 0, (levels.astype(np.float32) - 8) / 7, np.float32(0))


def error_unit(values: np.ndarray) -> np.float32:
    """The largest finite |value| of a block; 1 where there is none."""
    magnitude = np.abs(values)
    largest = np.fmax.reduce(magnitude, axis=None, initial=0)
    if not np.isfinite(largest):
        largest = magnitude[np.isfinite(magnitude)].max(initial=0)
    return np.float32(largest if largest > 0 else 1)


def schema_content() -> bytes:
    """The content that is stored in the metadata of every tag."""
    return json.dumps({"schema": SCHEMA}).encode()


def parse_schema(content: bytes) -> int | None:
    """The schema of a tag; None where the content was not written by this package."""
    try:
        return int(json.loads(content)["schema"])
    except (ValueError, KeyError, TypeError):
        return None
