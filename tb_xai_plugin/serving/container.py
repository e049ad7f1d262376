"""The binary format of array replies: a JSON header, then little-endian arrays; http_api.md describes it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def encode_arrays(header: Mapping[str, Any], arrays: Arrays) -> bytes:
    """The body of a reply: the header, then the arrays, each of which begins at a multiple of 8 bytes."""
    parts: list[bytes] = []
    index, offset = {}, 0
    for name, array in arrays.items():
        dtype = {"f": "float32", "i": "int32", "u": f"uint{array.itemsize * 8}"}[array.dtype.kind]
        content = np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()
        index[name] = {"dtype": dtype, "shape": list(array.shape), "offset": offset}
        parts.append(content + b"\0" * (-len(content) % 8))
        offset += len(parts[-1])
    text = json.dumps(plain({**header, "arrays": index})).encode()
    text += b" " * (-(len(text) + 4) % 8)
    return b"".join([len(text).to_bytes(4, "little"), text, *parts])


def plain(value: Any) -> Any:
    """A value for JSON, with null in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
