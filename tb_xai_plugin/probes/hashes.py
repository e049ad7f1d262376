"""The hash that tells whether two records explain the same probes."""

from __future__ import annotations

import hashlib

import numpy as np


def hash_of(*contents: np.ndarray | str) -> str:
    """16 hex digits of the SHA-256 of arrays (dtype, shape and little-endian bytes) and strings."""
    digest = hashlib.sha256()
    for content in contents:
        if isinstance(content, str):
            digest.update(b"str" + len(content.encode()).to_bytes(8, "little") + content.encode())
        else:
            array = np.ascontiguousarray(content)
            array = array.astype(array.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()[:16]
