"""Numbers, steps, probes and players in words, for sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.records import wire

if TYPE_CHECKING:
    from tb_xai_plugin.records.series import Series


def percent(share: float) -> str:
    return "?" if not np.isfinite(share) else f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "below 1 %"


def share_words(share: float, error: float) -> str:
    """A share with its standard error, in percent; an error below 0.1 % is given as 0.1 %."""
    error = max(error, 0.001)
    if not np.isfinite(error):
        return percent(share)
    decimals = 0 if 100 * error >= 0.95 else 1
    return f"{100 * share:.{decimals}f} ± {100 * error:.{decimals}f} %"


def count_words(count: int, noun: str) -> str:
    """E.g. "1 explanation", "3 explanations"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def step_words(step: int) -> str:
    """E.g. "epoch 3"."""
    return "the untrained model" if step == wire.UNTRAINED else f"epoch {step}"


def probe_name(run: Series, probe: int) -> str:
    names = run.record["probes"]["names"]
    return f"probe {probe}" + (f" ({names[probe]})" if names else "")


def player_name(run: Series, probe: int, player: int) -> str:
    if run.kind == "image" and "montage" not in run.record["probes"]:
        return f"segment {player}"
    names = run.probes.player_names(probe)
    return names[player] if names else f"player {player}"
