"""Probes: the fixed inputs that are explained at every epoch. They are checked once and carry a content hash. One file per kind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from tb_xai_plugin.probes import files
from tb_xai_plugin.probes.contract import ProbeSet
from tb_xai_plugin.probes.hashes import hash_of
from tb_xai_plugin.probes.image import ImageProbes
from tb_xai_plugin.probes.sequence import SequenceProbes
from tb_xai_plugin.probes.tabular import TabularProbes
from tb_xai_plugin.probes.text import TextProbes

KINDS: dict[str, type[ProbeSet]] = {kind.kind: kind for kind in (ImageProbes, TabularProbes, TextProbes, SequenceProbes)}


def read_back(names: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> ProbeSet:
    """The probes of a record, from what `as_record` returned."""
    probes = KINDS[names["kind"]].from_record(names, arrays)
    probes.side_digest, probes.unit = names.get("side_inputs"), names.get("unit")
    probes._freeze()
    return probes


def load_probes(path: str | os.PathLike[str]) -> ProbeSet:
    """The probes of a file that `probes.save(path)` wrote, of any kind.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is no file of probes.
    """
    return KINDS[files.read(path).kind].load(path)


__all__ = ["KINDS", "ImageProbes", "ProbeSet", "SequenceProbes", "TabularProbes", "TextProbes", "hash_of", "load_probes", "read_back"]
