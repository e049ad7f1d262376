"""Probes: the fixed inputs that are explained at every epoch. They are checked once and carry a content hash. One file per kind."""

from __future__ import annotations

from tb_xai_plugin.probes.contract import ProbeSet, hash_of
from tb_xai_plugin.probes.image import ImageProbes
from tb_xai_plugin.probes.sequence import SequenceProbes
from tb_xai_plugin.probes.tabular import TabularProbes
from tb_xai_plugin.probes.text import TextProbes

KINDS: dict[str, type[ProbeSet]] = {kind.kind: kind for kind in (ImageProbes, TabularProbes, TextProbes, SequenceProbes)}

__all__ = ["KINDS", "ImageProbes", "ProbeSet", "SequenceProbes", "TabularProbes", "TextProbes", "hash_of"]
