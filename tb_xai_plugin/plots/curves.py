"""Curves over epochs: drift with its noise floor, and the share of a region with its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.plots import axes as of_axes
from tb_xai_plugin.plots.moment import UNTRAINED, number, when_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tb_xai_plugin.plots.colors import Theme

MEASURES = {
    "tv": "total variation, 0 to 1",
    "cosine": "cosine, 0 to 2",
    "spearman": "Spearman, 0 to 2",
    "top-k": "top-k, 0 to 1",
    "magnitude": "in log₁₀ of the size",
}


def drift(
    ax: Axes,
    theme: Theme,
    steps: np.ndarray,
    distance: np.ndarray,
    floor: np.ndarray,
    probe: int | None,
    color: str,
    measure: str,
    against: str,
) -> None:
    """Draw the distance from the reference and its noise floor. distance, floor: (epochs, probes)."""
    if probe is None:
        low, middle, high = _quartiles(distance)
        _, floor_middle, _ = _quartiles(floor)
        several = distance.shape[1] > 1
        if several:
            ax.fill_between(steps, low, high, color=color, alpha=0.18, linewidth=0, label="half of the probes")
        label = "median drift" if several else "drift"
    else:
        middle, floor_middle, label = distance[:, probe], floor[:, probe], "drift"
    ax.fill_between(steps, 0, floor_middle, color=theme.faint, alpha=0.25, linewidth=0)
    ax.plot(steps, floor_middle, color=theme.muted, linewidth=1, linestyle=(0, (3, 2)), label="noise floor")
    ax.plot(steps, middle, color=color, linewidth=1.6, label=label)
    with np.errstate(invalid="ignore"):
        real = middle > floor_middle
    ax.scatter(steps[real], middle[real], s=18, color=color, zorder=3, label="above noise")
    below = ~real & np.isfinite(middle)
    if below.any():
        ax.scatter(steps[below], middle[below], s=18, facecolor=theme.panel, edgecolor=color, zorder=3, label="within noise")
    ax.set_ylim(bottom=0)
    of_axes.in_steps(ax)
    ax.set_ylabel(f"distance from {against}\n({MEASURES.get(measure, measure)})")
    of_axes.legend_box(ax, theme)


def share(
    ax: Axes,
    theme: Theme,
    steps: np.ndarray,
    mean: np.ndarray,
    error: np.ndarray,
    own: float,
    onset: int | None,
    color: str,
    name: str,
    whole: str,
) -> None:
    """Draw the share of |attribution| in a region, with whiskers of one standard error. steps may begin with the untrained model."""
    trained = steps != UNTRAINED
    ax.errorbar(
        steps[trained],
        mean[trained],
        yerr=_known(error[trained]),
        color=color,
        linewidth=1.6,
        marker="o",
        markersize=3.5,
        elinewidth=0.9,
        capsize=2,
        label=f"share of {name} (± 1 standard error)",
    )
    if (~trained).any():
        ax.errorbar(
            steps[~trained],
            mean[~trained],
            yerr=_known(error[~trained]),
            color=color,
            marker="o",
            markerfacecolor=theme.panel,
            markersize=5,
            capsize=2,
            linestyle="none",
            elinewidth=0.9,
            label="untrained model",
        )
    if np.isfinite(own):
        ax.axhline(own, color=theme.muted, linewidth=1, linestyle=(0, (3, 2)), label=f"its own part of {whole}: {100 * own:.0f} %")
    if onset is not None:
        ax.axvline(onset, color=theme.accent, linewidth=1)
        ax.annotate(
            f"onset: {when_words(onset)}",
            (onset, 1),
            (3, -9),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            color=theme.accent,
            fontsize=8,
        )
    ax.set_ylim(0, max(0.1, 1.25 * float(np.nanmax(np.append(mean + np.nan_to_num(error), np.nan_to_num(own)), initial=0))))
    ax.yaxis.set_major_formatter(lambda value, _: f"{number(100 * value)} %" if value < 1.001 else "")
    of_axes.in_steps(ax)
    ax.set_ylabel("share of |attribution|")
    of_axes.legend_box(ax, theme)


def mean_and_error(share: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean over probes that have a share, and its standard error from sampling: (steps,) each of (steps, probes)."""
    known = np.isfinite(share)
    count = known.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, share, 0).sum(axis=1) / np.where(count > 0, count, np.nan)
        error = np.sqrt(np.where(known, errors**2, 0).sum(axis=1)) / count
    return mean, error


def _known(error: np.ndarray) -> np.ndarray:
    known: np.ndarray = np.nan_to_num(error)
    return known


def _quartiles(series: np.ndarray) -> np.ndarray:
    """(3, epochs): quartiles over probes, NaN where no probe has a number."""
    found = np.full((3, len(series)), np.nan)
    for row, numbers in enumerate(series):
        finite = numbers[np.isfinite(numbers)]
        if len(finite):
            found[:, row] = np.quantile(finite, (0.25, 0.5, 0.75))
    return found
