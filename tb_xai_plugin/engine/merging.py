"""Merges the attributions of some probes into arrays for all probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tb_xai_plugin.engine.snapshot import ModelOutputs
from tb_xai_plugin.explainers.contract import RANK, SKETCH, Attribution, correlates


def missing(outputs: ModelOutputs, players: int, measures: Sequence[str]) -> Attribution:
    """The attribution of an explainer that failed: NaN in all arrays."""
    games = outputs.targets.shape
    nan = np.full((*games, players), np.nan)
    return Attribution(nan, nan[..., 0], nan, dict.fromkeys(measures, nan[..., 0]))


def put_in(merged: dict[str, Any], members: np.ndarray, games: tuple[int, ...], players: int, part: Attribution) -> None:
    """Write the attributions of some probes into arrays for all of them, (probes, targets, …), with NaN past a probe's last player.

    Args:
        merged: {field of Attribution: array for all probes}; it grows.
        members: int (k,), numbers of the probes.
        games: (probes, targets).
        players: number of players of the probe that has most.
        part: the attributions of the members.
    """

    def put(into: dict[str, Any], name: str, array: np.ndarray, width: tuple[int, ...]) -> None:
        all_probes = into.setdefault(name, np.full((*games, *width), np.nan))
        all_probes[(members, slice(None), *(slice(size) for size in array.shape[2:]))] = array

    put(merged, "values", part.values, (players,))
    put(merged, "errors", part.errors, (players,))
    put(merged, "base", part.base, ())
    for measure, array in part.fidelity.items():
        put(merged.setdefault("fidelity", {}), measure, array, ())
    if part.noise is not None:
        numbers = SKETCH + (RANK * players if correlates(players) else 0)
        put(merged, "noise", part.noise[..., :numbers], (numbers,))
    if part.interactions is not None:
        put(merged, "interactions", part.interactions, part.interactions.shape[2:])
