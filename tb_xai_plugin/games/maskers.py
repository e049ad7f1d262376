"""The masker of each kind of probes."""

from __future__ import annotations

from tb_xai_plugin.games.masker import Masker
from tb_xai_plugin.games.segment_masker import SegmentMasker
from tb_xai_plugin.games.tabular_masker import TabularMasker
from tb_xai_plugin.games.text_masker import TextMasker
from tb_xai_plugin.probes import ProbeSet, TabularProbes, TextProbes


def build_masker(probes: ProbeSet, coalitions: int, evaluations: int) -> Masker:
    """The masker of a kind of probes, for so many coalitions and evaluations."""
    if isinstance(probes, TabularProbes):
        return TabularMasker.of(probes, coalitions, evaluations)
    return TextMasker(probes) if isinstance(probes, TextProbes) else SegmentMasker(probes)
