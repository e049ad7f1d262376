"""Attributions of some probes become arrays for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tb_xai_plugin.engine.snapshot import Answers
from tb_xai_plugin.explainers.contract import Attribution


def nothing(answers: Answers, players: int, measures: Sequence[str]) -> Attribution:
    """NaN for everything that an explainer would have given."""
    games = answers.targets.shape
    nan = np.full((*games, players), np.nan)
    return Attribution(nan, nan[..., 0], nan, dict.fromkeys(measures, nan[..., 0]))


def put_in(merged: dict[str, Any], members: np.ndarray, games: tuple[int, int], players: int, part: Attribution) -> None:
    """Write the attributions of some probes into arrays for all of them, (probes, targets, …); NaN past a probe's last player."""

    def put(into: dict[str, Any], name: str, array: np.ndarray, width: tuple[int, ...]) -> None:
        whole = into.setdefault(name, np.full((*games, *width), np.nan))
        whole[(members, slice(None), *(slice(size) for size in array.shape[2:]))] = array

    put(merged, "values", part.values, (players,))
    put(merged, "errors", part.errors, (players,))
    put(merged, "base", part.base, ())
    for measure, array in part.fidelity.items():
        put(merged.setdefault("fidelity", {}), measure, array, ())
    for name, array in (("noise", part.noise), ("interactions", part.interactions)):
        if array is not None:
            put(merged, name, array, array.shape[2:])
