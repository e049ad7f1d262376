"""Several explanations of one probe beside each other, on one scale: over a run's steps, and of two runs with their difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.plots import axes as of_axes
from tb_xai_plugin.plots import bars, overlay, passage
from tb_xai_plugin.plots.look import Look
from tb_xai_plugin.plots.moment import when_words
from tb_xai_plugin.plots.names import labels_of

if TYPE_CHECKING:
    from tb_xai_plugin.plots.moment import Epochs, Moment

# Inches of one picture of a strip.
PICTURE = {"image": (1.5, 1.5), "tabular": (2.5, 2.9), "text": (6.4, 0.8), "sequence": (2.9, 1.9)}
# Inches that a strip's title and the label of its scale need.
LEAST_WIDTH = 4.2


def filmstrip(
    who: str, epochs: Epochs, probe: int, frames: int | Sequence[int], ax: Any, dark: bool | None, options: dict[str, Any]
) -> np.ndarray:
    """See `Run.plot_filmstrip`."""
    if isinstance(frames, int | np.integer):
        if isinstance(frames, bool) or frames < 1:
            raise ArgumentError(f"{who}: frames is {frames!r}; give how many steps to show, or a list of steps.")
        count = min(int(frames), len(epochs.steps))
        places = np.unique(np.linspace(0, len(epochs.steps) - 1, count).round().astype(int)).tolist()
    else:
        places = [epochs.place(who, int(step)) for step in frames]
    if not places:
        raise ArgumentError(f"{who}: {epochs.run} has no explained step to show; wait for the first one, or give frames.")
    moments = [epochs.at(place) for place in places]
    titles = [when_words(int(epochs.steps[place])) for place in places]
    return strip(who, moments, titles, [None] * len(moments), probe, ax, dark, options)


def pair(
    who: str, one: Moment, other: Moment, errors: np.ndarray, probe: int, ax: Any, dark: bool | None, options: dict[str, Any]
) -> np.ndarray:
    """See `Run.plot_pair`. errors: (p, n), standard errors of the difference."""
    difference = replace(one, values=one.values - other.values, errors=errors)
    titles = [f"A: {one.run}, {one.when}", f"B: {other.run}, {other.when}", "A \N{MINUS SIGN} B"]
    return strip(who, [one, other, difference], titles, [None, None, "difference"], probe, ax, dark, options)


def strip(
    who: str,
    moments: Sequence[Moment],
    titles: Sequence[str],
    kinds: Sequence[str | None],
    probe: int,
    ax: Any,
    dark: bool | None,
    options: dict[str, Any],
) -> np.ndarray:
    """Draw explanations of one probe, with one scale and one order of players."""
    look = Look.of(who, options)
    first, kind = moments[0], moments[0].probes.kind
    read = [moment.of(who, probe) if np.isfinite(moment.values[probe]).any() else None for moment in moments]
    known = [values for one in read if one is not None for values in one[:1]]
    if not known:
        first.of(who, probe)  # raises, and says why
    end = look.end(*known)
    look = replace(look, scale=end)
    down = kind == "text"
    rows, columns = (len(moments), 1) if down else (1, len(moments))
    wide, high = PICTURE[kind]
    if down:
        high = 0.33 + passage.height(first.probes, probe, wide - 0.2)  # type: ignore[arg-type]
    if kind == "image":
        tall, across = first.probes.images.shape[1:3]  # type: ignore[attr-defined]
        high = 0.25 + wide * min(2.0, max(0.4, tall / across))
    extra = 0.9 if kind != "tabular" else 1.7
    made, theme = of_axes.grid(
        who,
        ax,
        rows,
        columns,
        (
            max(LEAST_WIDTH, wide * columns + (0 if down or kind == "image" else extra)),
            high * rows + (extra if down else 0.8 if kind == "image" else 0.3),
        ),
        dark,
    )
    order = np.argsort(-np.max(np.abs(np.nan_to_num(np.stack(known))), axis=0), kind="stable")
    for place, (one, moment, got, title, different) in enumerate(zip(made.flat, moments, read, titles, kinds, strict=True)):
        of_axes.titled(one, theme, title)
        if got is None:
            of_axes.bare(one)
            one.text(0.5, 0.5, "no numbers", transform=one.transAxes, ha="center", color=theme.muted, fontsize=8)
            continue
        values, errors = got
        own = (
            replace(look, sign="both", strongest=None, least=0.0, rest="show", classic=False, outlines=None, view="overlay")
            if different
            else look
        )
        if kind == "tabular":
            few = order[: look.most]
            few = few[own.chosen(values)[few]] if not different else few
            names = labels_of(moment, probe)
            bars.rows(one, theme, [names[player] for player in few], values[few], errors[few], least=0.01 * end)
            one.set_xlim(-end * 1.45, end * 1.45)
            one.set_xlabel(f"attribution ({moment.unit})" if not different else f"difference ({moment.unit})")
            if place:
                one.set_yticklabels([])
        else:
            overlay.draw(one, theme, moment, probe, values, errors, own, end)
        if kind == "sequence" and place:
            one.set_ylabel("")
    if kind != "tabular" and look.legend and look.view != "image":
        of_axes.legend(list(made.flat), theme, end, first.label(probe), below=kind in ("text", "image"))
    figure = made.flat[0].figure
    if ax is None:
        title = (
            replace(first, run="", when="").title(probe)
            if len({moment.run for moment in moments}) > 1
            else replace(first, when="").title(probe)
        )
        target = "" if first.regression else f" · toward “{first.target(probe)}”"
        figure.suptitle(f"{title}{target}", color=theme.ink, fontsize=of_axes.NORMAL, x=0.01, ha="left")
    return made.ravel()
