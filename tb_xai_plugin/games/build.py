"""The masker of each kind of probes."""

from __future__ import annotations

from tb_xai_plugin.games.contract import Masker
from tb_xai_plugin.games.segment_masker import SegmentMasker
from tb_xai_plugin.games.sided_masker import SidedMasker
from tb_xai_plugin.games.tabular_masker import TabularMasker
from tb_xai_plugin.games.text_masker import TextMasker
from tb_xai_plugin.probes import ImageProbes, ProbeSet, SequenceProbes, TabularProbes, TextProbes


def build_masker(probes: ProbeSet, coalitions: int, evaluations: int) -> Masker:
    """The masker for a kind of probes.

    Args:
        probes: the probes to mask.
        coalitions: largest number of coalitions of a probe.
        evaluations: number of model evaluations of a probe.

    Raises:
        TypeError: there is no masker for this kind of probes.
    """
    masker = _masker(probes, coalitions, evaluations)
    return SidedMasker(masker) if probes.side_inputs else masker


def _masker(probes: ProbeSet, coalitions: int, evaluations: int) -> Masker:
    if isinstance(probes, TabularProbes):
        return TabularMasker.of(probes, coalitions, evaluations)
    if isinstance(probes, TextProbes):
        return TextMasker(probes)
    if isinstance(probes, ImageProbes | SequenceProbes):
        return SegmentMasker(probes)
    raise TypeError(f"there is no masker for {type(probes).__name__}; add its case to build_masker.")
