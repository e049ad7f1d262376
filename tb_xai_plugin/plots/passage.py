"""A text whose tokens lie on the colour of their attribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.plots.axes import bare
from tb_xai_plugin.plots.colors import diverging, hex_of, luminance
from tb_xai_plugin.plots.look import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tb_xai_plugin.plots.colors import Theme
    from tb_xai_plugin.plots.moment import Moment
    from tb_xai_plugin.probes import TextProbes
    from tb_xai_plugin.probes.text import Piece

SIZE, LINE, PAD = 10.0, 18.0, 1.5  # points


def draw(ax: Axes, theme: Theme, moment: Moment, probe: int, values: np.ndarray, errors: np.ndarray, look: Look, end: float) -> None:
    """Draw one text on axes, wrapped to their width. end: the |value| that has the full colour."""
    from matplotlib.patches import Rectangle

    probes: TextProbes = moment.probes  # type: ignore[assignment]
    width = _points(ax)
    placed, lines = wrapped(probes.pieces[probe], width)
    shown = look.chosen(values)
    colors = diverging(values / end, theme)
    for text, player, x, y, wide in placed:
        ink = theme.ink
        if player >= 0 and shown[player] and abs(values[player]) > 0:
            ax.add_patch(Rectangle((x - PAD, y), wide + 2 * PAD, LINE - 3, color=hex_of(255 * colors[player]), linewidth=0))
            ink = "#ffffff" if luminance(colors[player]) < 0.55 else "#212121"
        elif look.rest == "hide":
            ink = theme.line
        ax.text(x, y + 4.5, text, color=ink, fontsize=SIZE, va="baseline", parse_math=False)
    ax.set_xlim(0, width)
    ax.set_ylim(-lines * LINE, 2)
    bare(ax)


def height(probes: TextProbes, probe: int, width: float) -> float:
    """The height of a text in inches, where it is `width` inches wide."""
    return (wrapped(probes.pieces[probe], 72 * width)[1] * LINE + 8) / 72


def wrapped(pieces: list[Piece], width: float) -> tuple[list[tuple[str, int, float, float, float]], int]:
    """Texts with their player and place (text, player, x, y, width), in points, and the number of lines. y goes down from 0."""
    x, line = PAD, 1
    placed = []
    for piece, player in pieces:
        for text in _parts(piece):
            if text == "\n":
                x, line = PAD, line + 1
                continue
            wide = _width(text)
            if x + wide > width - PAD and x > PAD and text.strip():
                x, line = PAD, line + 1
            if x == PAD and not text.strip():
                continue
            placed.append((text, player, x, -line * LINE, wide))
            x += wide
    return placed, line


def _parts(piece: str) -> list[str]:
    """A piece in parts between which a line may break: words, spaces, line breaks."""
    parts: list[str] = []
    for line_number, line in enumerate(piece.split("\n")):
        if line_number:
            parts.append("\n")
        for number, word in enumerate(line.split(" ")):
            if number:
                parts.append(" ")
            if word:
                parts.append(word)
    return parts


def _width(text: str) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    if text == " ":
        return SIZE * 0.32
    wide, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=SIZE), ismath=False)
    return float(wide)


def _points(ax: Axes) -> float:
    """The width of axes in points, once their figure is laid out."""
    figure = ax.figure.get_figure(root=True)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    inches = ax.get_position().width * figure.get_size_inches()[0]
    return float(72 * inches)
