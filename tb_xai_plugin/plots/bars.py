"""Attributions as bars with whiskers: the players of one probe, a waterfall of them, and importance over all probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.plots.look import Look
from tb_xai_plugin.plots.moment import alike, number, shortened, signed
from tb_xai_plugin.plots.names import labels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from tb_xai_plugin.plots.colors import Theme
    from tb_xai_plugin.plots.moment import Moment

# Inches of a row of bars, and of all that is around the rows.
ROW, AROUND = 0.24, 1.1

WHISKERS = "whiskers: ± 1 standard error"


def draw(ax: Axes, theme: Theme, moment: Moment, probe: int, values: np.ndarray, errors: np.ndarray, look: Look, end: float) -> None:
    """Draw the strongest players of one probe as bars, the strongest at the top. end: of the axis, where several pictures share it; 0 for its own."""
    shown = np.flatnonzero(look.chosen(values))
    order = shown[np.argsort(-np.abs(values[shown]), kind="stable")][: look.most]
    names = labels_of(moment, probe)
    rows(ax, theme, [names[player] for player in order], values[order], errors[order])
    if end:
        ax.set_xlim(-end * 1.25, end * 1.25)
    ax.set_xlabel(noted(f"attribution ({moment.unit})", len(shown) - len(order)))


def noted(label: str, left: int, note: str = WHISKERS) -> str:
    """The label of an axis, and below it how many players are left out and what whiskers are."""
    return f"{label}\n{f'{left_out(left)}; ' if left else ''}{note}"


def left_out(count: int) -> str:
    """E.g. "3 weaker players not shown"."""
    return f"{count} weaker player{'' if count == 1 else 's'} not shown"


def rows(
    ax: Axes, theme: Theme, names: Sequence[str], values: np.ndarray, errors: np.ndarray, *, color: str | None = None, least: float = 0.0
) -> None:
    """Draw rows of bars from 0, the first at the top, with their numbers beside them where these are not below `least`."""
    places = np.arange(len(values))
    colors = [color or (theme.positive if value > 0 else theme.negative) for value in values]
    ax.barh(places, values, height=0.68, color=colors)
    whiskers(ax, theme, values, places, errors)
    ax.axvline(0, color=theme.faint, linewidth=0.8)
    ax.set_yticks(places, names)
    ax.tick_params(axis="y", labelcolor=theme.ink, length=0)
    ax.set_ylim(max(len(values), 1) - 0.4, -0.6)
    finite = np.where(np.isfinite(errors), errors, 0)
    low, high = min(0.0, float((values - finite).min(initial=0))), max(0.0, float((values + finite).max(initial=0)))
    room = 0.3 * ((high - low) or 1.0)
    ax.set_xlim(low - (room if (values < 0).any() else 0.02 * room), high + (room if (values > 0).any() else 0.02 * room))
    for place, value, error in zip(places, values, finite, strict=True):
        if abs(value) < least:
            continue
        side = 1 if value >= 0 else -1
        written = signed(value) if color is None else number(value)
        at = (value + side * error, place)
        ax.annotate(
            written,
            at,
            (4 * side, 0),
            textcoords="offset points",
            color=theme.ink,
            fontsize=7.5,
            va="center",
            ha="left" if side > 0 else "right",
        )


def whiskers(ax: Axes, theme: Theme, x: np.ndarray, y: np.ndarray, errors: np.ndarray) -> None:
    """Draw standard errors at the ends of bars, where they are known and not 0."""
    known = np.isfinite(errors) & (errors > 0) & np.isfinite(x)
    if known.any():
        ax.errorbar(x[known], y[known], xerr=errors[known], fmt="none", ecolor=theme.ink, elinewidth=0.9, capsize=2.2)


def waterfall(ax: Axes, theme: Theme, moment: Moment, probe: int, most: int) -> None:
    """Draw how the players of one probe lead from the empty coalition's output (below) to the sum of all attributions (above)."""
    values, errors = moment.of("plot_waterfall", probe)
    base = float(moment.base[probe])
    if not np.isfinite(base):
        raise ArgumentError(f"plot_waterfall: {moment.explainer or 'the explainer'} has no base value; use plot_overlay.")
    order = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")
    few, rest = order[:most], order[most:]
    names = [labels_of(moment, probe)[player] for player in few]
    steps, deviations = np.nan_to_num(values[few]), errors[few]
    if len(rest):
        names.append(f"{len(rest)} other players" if len(rest) > 1 else labels_of(moment, probe)[rest[0]])
        steps = np.append(steps, np.nansum(values[rest]))
        deviations = np.append(deviations, np.sqrt(np.sum(errors[rest] ** 2)))
    # What has no error and is less than a float32's rounding is 0.
    rounding = np.finfo(np.float32).eps * max(abs(base), float(np.abs(steps).max(initial=0)))
    steps = np.where((deviations == 0) & (np.abs(steps) < rounding), 0.0, steps)
    ends = base + np.cumsum(steps[::-1])[::-1]
    starts, places = ends - steps, np.arange(len(steps))
    ax.barh(places, steps, left=starts, height=0.68, color=[theme.positive if step > 0 else theme.negative for step in steps])
    whiskers(ax, theme, ends, places, deviations)
    for place, at in enumerate([*ends, base]):
        ax.plot([at, at], [place - 0.66, place - 0.34], color=theme.faint, linewidth=0.8, zorder=0)
    for place, (step, start, finish) in enumerate(zip(steps, starts, ends, strict=True)):
        right = max(start, finish) + (np.nan_to_num(deviations[place]) if step > 0 else 0)
        ax.annotate(signed(step), (right, place), (4, 0), textcoords="offset points", color=theme.ink, fontsize=7.5, va="center")
    output, total = float(moment.outputs[probe]), float(ends[0])
    model = f" (model's output: {number(output)})" if np.isfinite(output) else ""
    middle = (min(base, *ends) + max(base, *ends)) / 2
    _level(ax, theme, base, len(steps), number(base), left=base > middle)
    _level(ax, theme, total, -1, number(total) + model, left=total > middle)
    if np.isfinite(output):
        ax.plot([output], [-1], marker="D", markersize=4, color=theme.accent, linestyle="none", zorder=4)
    ax.set_yticks(np.arange(-1, len(steps) + 1), ["sum", *names, "empty coalition"])
    ax.tick_params(axis="y", labelcolor=theme.ink, length=0)
    ax.set_ylim(len(steps) + 0.6, -1.6)
    ax.use_sticky_edges = False
    ax.margins(x=0.12)
    ax.set_xlabel(noted(f"output{'' if moment.regression else f' for “{moment.target(probe)}”'} ({moment.unit})", 0))


def _level(ax: Axes, theme: Theme, x: float, y: float, text: str, *, left: bool) -> None:
    """The output where a waterfall begins or ends, as a line in a row of its own."""
    ax.plot([x, x], [y - 0.42, y + 0.42], color=theme.ink, linewidth=2, zorder=3)
    shift, side = ((-6, 0), "right") if left else ((6, 0), "left")
    ax.annotate(text, (x, y), shift, textcoords="offset points", color=theme.ink, fontsize=7.5, ha=side, va="center", weight="bold")


def importance(ax: Axes, theme: Theme, moment: Moment, most: int) -> None:
    """Draw the mean |attribution| of each player over probes; of texts, of each word over its occurrences."""
    names, means, errors = importances(moment)
    order = np.argsort(-means, kind="stable")[:most]
    rows(ax, theme, [shortened(names[player]) for player in order], means[order], errors[order], color=theme.muted)
    ax.set_xlim(left=0)
    ax.set_xlabel(noted(f"mean |attribution| ({moment.unit})", len(names) - len(order)))


def importances(moment: Moment) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names of players, their mean |attribution| over probes that have a number, and its standard error from sampling: (players,) each.

    Raises:
        ArgumentError (a ValueError): players that are other ones in every probe.
    """
    probes, sizes = moment.probes, np.abs(moment.values.astype(np.float64))
    if probes.kind == "text":
        of_word: dict[str, list[tuple[float, float]]] = {}
        for probe in range(len(sizes)):
            for player, name in enumerate(moment.names(probe)):
                if np.isfinite(sizes[probe, player]):
                    of_word.setdefault(name.casefold(), []).append((sizes[probe, player], float(moment.errors[probe, player])))
        pairs = [np.array(found) for found in of_word.values()]
        named = [f"{word} ×{len(found)}" if len(found) > 1 else word for word, found in zip(of_word, pairs, strict=True)]
        means = np.array([found[:, 0].mean() for found in pairs])
        return named, means, np.array([np.sqrt((found[:, 1] ** 2).sum()) / len(found) for found in pairs])
    if not alike(probes):
        raise ArgumentError(
            f"plot_importance: the players of these probes of kind {probes.kind!r} are other ones in every probe; give all of them the same segments, or use plot_overlay."
        )
    known = np.isfinite(sizes)
    count = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(known, sizes, 0).sum(axis=0) / count
        errors = np.sqrt(np.where(known, moment.errors.astype(np.float64) ** 2, 0).sum(axis=0)) / count
    means = np.where(count > 0, means, -np.inf)
    named = moment.names(0)
    return named, means[: len(named)], errors[: len(named)]
