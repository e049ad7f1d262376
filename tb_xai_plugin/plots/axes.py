"""Axes of matplotlib in the tab's look: made where none are given, with the theme of the figure that they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.plots.colors import DARK, LIGHT, Theme, diverging, luminance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap

SMALL, NORMAL = 8.0, 9.0


def axes(who: str, ax: Axes | None, size: tuple[float, float], dark: bool | None) -> tuple[Axes, Theme]:
    """The axes to draw on, in the theme's colours: those that are given, or those of a new figure of `size` inches.

    dark: the theme; None takes that of the figure, or of matplotlib's style.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: something that is no Axes.
    """
    if ax is None:
        made, theme = _made(1, 1, size, dark)
        return made[0, 0], theme
    if not hasattr(ax, "transAxes"):
        raise TypeError(f"{who}: ax is a {type(ax).__name__}; give one Axes of matplotlib.")
    theme = _theme(ax.figure.get_facecolor(), dark)
    styled(ax, theme)
    return ax, theme


def grid(who: str, ax: Any, rows: int, columns: int, size: tuple[float, float], dark: bool | None) -> tuple[np.ndarray, Theme]:
    """An array (rows, columns) of axes: those that are given, in any shape, or those of a new figure."""
    if ax is None:
        return _made(rows, columns, size, dark)
    given = np.atleast_1d(np.asarray(ax, dtype=object))
    if given.size != rows * columns or not all(hasattr(one, "transAxes") for one in given.flat):
        raise ArgumentError(f"{who}: ax has {given.size} axes for {rows * columns} pictures; give as many, or leave ax out.")
    theme = _theme(given.flat[0].figure.get_facecolor(), dark)
    for one in given.flat:
        styled(one, theme)
    return given.reshape(rows, columns), theme


def _made(rows: int, columns: int, size: tuple[float, float], dark: bool | None) -> tuple[np.ndarray, Theme]:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("plots need matplotlib; install it with 'pip install matplotlib'.") from error
    theme = _theme(plt.rcParams["figure.facecolor"], dark)
    _, made = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", facecolor=theme.panel)
    for one in made.flat:
        styled(one, theme)
    return made, theme


def _theme(background: Any, dark: bool | None) -> Theme:
    from matplotlib.colors import to_rgba

    if dark is None:
        *color, alpha = to_rgba(background)
        dark = alpha > 0 and luminance(color) < 0.5
    return DARK if dark else LIGHT


def styled(ax: Axes, theme: Theme) -> None:
    """Give axes the theme's colours and sizes."""
    ax.set_facecolor(theme.panel)
    for side, spine in ax.spines.items():
        spine.set_color(theme.line)
        spine.set_visible(side in ("left", "bottom"))
    ax.tick_params(colors=theme.muted, labelcolor=theme.muted, labelsize=SMALL, length=3)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_color(theme.muted)
        axis.label.set_fontsize(SMALL)


def titled(ax: Axes, theme: Theme, title: str) -> None:
    """Set a title at the left, as in the tab."""
    ax.set_title(title, loc="left", color=theme.ink, fontsize=NORMAL)


def bare(ax: Axes) -> None:
    """Leave out ticks and frame, for images and texts."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def colormap(theme: Theme) -> ListedColormap:
    """The diverging scale from the most negative to the most positive value."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(diverging(np.linspace(-1, 1, 257), theme), name="xai")


def legend(
    axes_of: Axes | Sequence[Axes], theme: Theme, end: float, label: str, *, below: bool = False, start: float | None = None
) -> None:
    """A colour bar of the diverging scale from -end to end, or from `start`; beside the axes, or below them."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    first = axes_of if hasattr(axes_of, "figure") else axes_of[0]
    scale = ScalarMappable(Normalize(-end, end), colormap(theme))
    place: dict[str, Any] = {"fraction": 0.04, "pad": 0.02, "aspect": 24}
    if below:
        place = {"location": "bottom", "shrink": 0.5, "anchor": (0.0, 0.5), "pad": 0.03, "aspect": 34}
    bar = first.figure.colorbar(scale, ax=axes_of, **place)
    if start is not None:
        (bar.ax.set_xlim if below else bar.ax.set_ylim)(start, end)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=theme.muted, labelsize=SMALL, length=2)
    # A short bar below is narrower than its label, which begins where the bar does and so is not cut off.
    bar.set_label(label, color=theme.muted, fontsize=SMALL, loc="left" if below else "center")


def in_steps(ax: Axes) -> None:
    """Ticks of epochs at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlabel("epoch")


def legend_box(ax: Axes, theme: Theme) -> None:
    """The legend of lines, without a frame."""
    box = ax.legend(fontsize=SMALL, facecolor=theme.panel, edgecolor="none", framealpha=0.75, labelcolor=theme.muted, loc="best")
    box.set_zorder(5)
