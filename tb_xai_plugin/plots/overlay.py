"""One explanation over its probe: a tinted image, bars of a row of a table, a text on colours, a series on colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.plots import axes as of_axes
from tb_xai_plugin.plots import bars, image, passage, signal
from tb_xai_plugin.plots.colors import Theme
from tb_xai_plugin.plots.look import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tb_xai_plugin.plots.moment import Moment
    from tb_xai_plugin.probes import TextProbes

DRAWN = {"image": image.draw, "tabular": bars.draw, "text": passage.draw, "sequence": signal.draw}

TEXT_WIDTH = 5.6  # inches


def plot(who: str, moment: Moment, probe: int, ax: Axes | None, dark: bool | None, options: dict[str, Any]) -> Axes:
    """See `Explanation.plot_overlay`."""
    look = Look.of(who, options)
    values, errors = moment.of(who, probe)
    ax, theme = of_axes.axes(who, ax, size(moment, probe, look), dark)
    end = look.end(values)
    draw(ax, theme, moment, probe, values, errors, look, end)
    of_axes.titled(ax, theme, moment.title(probe))
    if moment.probes.kind == "tabular":
        notes = ax.get_xlabel().partition("\n")[2]
        ax.set_xlabel(f"{moment.label(probe)}\n{notes}")
    elif look.legend and look.view != "image":
        of_axes.legend(ax, theme, end, moment.label(probe), below=moment.probes.kind == "text" or _is_low(moment))
    return ax


def draw(ax: Axes, theme: Theme, moment: Moment, probe: int, values: np.ndarray, errors: np.ndarray, look: Look, end: float) -> None:
    """Draw an explanation in the way of its kind of probes."""
    shared = end if moment.probes.kind != "tabular" or look.scale is not None else 0.0
    DRAWN[moment.probes.kind](ax, theme, moment, probe, values, errors, look, shared)


def size(moment: Moment, probe: int, look: Look) -> tuple[float, float]:
    """Width and height of a figure of one explanation, in inches."""
    kind = moment.probes.kind
    if kind == "tabular":
        return 5.6, bars.AROUND + bars.ROW * min(look.most, int(moment.probes.players[probe]))
    if kind == "text":
        texts: TextProbes = moment.probes  # type: ignore[assignment]
        return TEXT_WIDTH, 0.95 + passage.height(texts, probe, TEXT_WIDTH - 0.1)
    if kind == "sequence":
        return 5.6, 2.2
    high, wide = moment.probes.images.shape[1:3]  # type: ignore[attr-defined]
    return 3.9, 0.4 + 3.1 * min(2.0, max(0.3, high / wide)) + 0.6 * _is_low(moment)


def _is_low(moment: Moment) -> bool:
    """Whether pictures are so low that a label beside them has no room."""
    if moment.probes.kind != "image":
        return False
    high, wide = moment.probes.images.shape[1:3]  # type: ignore[attr-defined]
    return bool(high < 0.8 * wide)
