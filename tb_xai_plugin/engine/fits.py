"""Fitted explainers, applied to the model's outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from tb_xai_plugin.engine.chance import with_chance
from tb_xai_plugin.engine.merging import put_in
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import ModelOutputs
from tb_xai_plugin.explainers.contract import Attribution
from tb_xai_plugin.probes import TabularProbes


def from_coalitions(plan: Plan, name: str, outputs: ModelOutputs, level: int) -> Attribution:
    """Apply an explainer's matrix to some probes with line-ups of one size at once."""
    merged: dict[str, Any] = {}
    for size, members in plan.alike(outputs.block):
        places = members - outputs.block.start
        games = np.stack([outputs.games[i][:level] for i in places], axis=1)
        fitted = plan.fitted(name, size, level)
        part = fitted(games)
        if outputs.chance is not None:
            part = with_chance(part, fitted, games.shape, outputs.chance[places])
        part = plan.lineup.of_all(part, members)
        put_in(merged, places, outputs.targets.shape, int(plan.probes.players.max()), part)
    return Attribution(**merged)


def from_rows(plan: Plan, name: str, outputs: ModelOutputs, level: int) -> Attribution:
    """Apply the explainer's matrix of each probe to the outputs on its rows."""
    merged: dict[str, Any] = {}
    for place, rows in enumerate(outputs.rows):
        fitted = plan.fitted_rows(name, outputs.block[place], level)
        used = rows[: number_of_rows(plan, level), None]
        part = fitted(used)
        if outputs.chance is not None:
            # A row is evaluated once, a coalition as often as it takes reference rows.
            part = with_chance(part, fitted, used.shape, outputs.chance[[place]] * np.sqrt(plan.repeats))
        put_in(merged, np.array([place]), outputs.targets.shape, int(plan.probes.players.max()), part)
    return Attribution(**merged)


def from_samples(plan: Plan, name: str, outputs: ModelOutputs, level: int) -> Attribution:
    """Apply a sampling explainer probe by probe: each probe has its own matrix."""
    merged: dict[str, Any] = {}
    samples = plan.samples_at(level)
    for place, game in enumerate(outputs.sampled[name]):
        part = plan.fitted_around(name, outputs.block[place], samples)(game[:samples, None])
        put_in(merged, np.array([place]), outputs.targets.shape, int(plan.probes.players.max()), part)
    return Attribution(**merged)


def number_of_rows(plan: Plan, level: int) -> int:
    """The reference rows of a table, and the rows that the first `level` coalitions take."""
    assert isinstance(plan.probes, TabularProbes), "only tables have rows"
    return len(plan.probes.references) + level * plan.repeats
