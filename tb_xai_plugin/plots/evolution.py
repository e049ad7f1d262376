"""Players over epochs as a map: one row a player, one column a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.plots import axes as of_axes
from tb_xai_plugin.plots.bars import importances, left_out
from tb_xai_plugin.plots.colors import diverging
from tb_xai_plugin.plots.moment import RETURNED, UNTRAINED, alike, shortened, when_words
from tb_xai_plugin.plots.names import labels_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tb_xai_plugin.plots.colors import Theme
    from tb_xai_plugin.plots.moment import Epochs

# Ticks of steps that have room.
TICKS = 12


def draw(ax: Axes, theme: Theme, epochs: Epochs, probe: int | None, most: int, scale: float | None) -> None:
    """Draw signed values of one probe, or the mean |attribution| over all probes where probe is None; the largest at the top."""
    if probe is None:
        if epochs.probes.kind == "text" or not alike(epochs.probes):
            raise ArgumentError(
                f"plot_evolution: the players of these probes of kind {epochs.probes.kind!r} are other ones in every probe; give probe=, e.g. probe=0."
            )
        names = importances(epochs.at(0))[0]
        table = np.stack([importances(epochs.at(place))[1] for place in range(len(epochs.steps))])
        table = np.where(np.isfinite(table), table, np.nan)
        label = f"mean |attribution| ({epochs.unit})"
    else:
        players = int(epochs.probes.players[probe])
        last = epochs.at(len(epochs.steps) - 1)
        names, table, label = labels_of(last, probe), epochs.values[:, probe, :players].astype(np.float64), last.label(probe)
    sizes = np.abs(np.nan_to_num(table)).max(axis=0)
    order = np.argsort(-sizes, kind="stable")[:most]
    end = scale or float(sizes.max(initial=0)) or 1.0
    shown = table[:, order].T
    colors = np.where(
        np.isfinite(shown)[..., None],
        diverging(shown / end, theme),
        np.array([int(theme.panel[at : at + 2], 16) for at in (1, 3, 5)]) / 255,
    )
    ax.imshow(colors, aspect="auto", interpolation="nearest")
    ax.set_yticks(range(len(order)), [shortened(names[player]) for player in order])
    ax.tick_params(axis="y", labelcolor=theme.ink, length=0)
    places = np.unique(np.linspace(0, len(epochs.steps) - 1, min(TICKS, len(epochs.steps))).round().astype(int))
    words = [{UNTRAINED: when_words(UNTRAINED), RETURNED: "returned"}.get(step, str(step)) for step in epochs.steps[places].tolist()]
    ax.set_xticks(places, words)
    for tick, word in zip(ax.get_xticklabels(), words, strict=True):
        tick.set_horizontalalignment("right" if word == when_words(-1) else "center")  # there is room below the names
    ax.set_xlabel("epoch")
    for spine in ax.spines.values():
        spine.set_visible(False)
    left = table.shape[1] - len(order)
    if left:
        ax.set_xlabel(f"epoch ({left_out(left)})")
    of_axes.legend(ax, theme, end, label, start=0.0 if probe is None else None)
