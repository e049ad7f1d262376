"""Numbers, steps, probes and players in words, for sentences and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.probes import naming
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
    return {wire.UNTRAINED: "the untrained model", wire.RETURNED: "the returned model"}.get(step, f"epoch {step}")


def wrong_step(step: int) -> str:
    """A step that does not exist, at the beginning of an error's sentence."""
    return step_words(step) if step == wire.RETURNED else f"step {step}"


def choice_words(steps: np.ndarray) -> str:
    """The steps to choose from, at the end of an error's sentence."""
    returned = [step_words(wire.RETURNED)] if wire.RETURNED in steps else []
    numbers = steps[steps != wire.RETURNED].tolist()
    untrained = " (-1 is the untrained model)" if wire.UNTRAINED in steps else ""
    return " or ".join([*[f"{numbers}{untrained}"] * bool(numbers or not returned), *returned])


def returned_words(how: str, epoch: int | None) -> str:
    """What the model that `fit` returned is, e.g. "epoch 6, restored"; see `Run.returned_how` and `Run.returned_epoch`."""
    if epoch is None:
        return wire.OF_NO_EPOCH.get(how, how)
    return f"{step_words(epoch)}, {'the last' if how == 'last' else how}"


def probe_name(run: Series, probe: int) -> str:
    """What a probe is called in sentences, e.g. 'probe 12 “7”'; see `naming.probe_name`."""
    words = run.first_words
    return naming.name_in(run.record["probes"], probe, words[probe] if words else None)


def player_name(run: Series, probe: int, player: int) -> str:
    if run.kind == "image" and "montage" not in run.record["probes"]:
        return f"segment {player}"
    names = run.probes.player_names(probe)
    return names[player] if names else f"player {player}"


def one_line(text: str) -> str:
    """A text without line ends and other control characters: a name from a record must not become a line of its own, which programs read as a command."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)


def table(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """The lines of a table. left: numbers of the columns that begin at the left; the others end at the right."""
    rows = [[one_line(cell) for cell in cells] for cells in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in rows
    ]
