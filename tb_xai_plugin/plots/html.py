"""HTML of attributions for notebooks, without matplotlib: pictures, bars, texts and series that are readable on light and dark pages."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, cast

import numpy as np

from tb_xai_plugin.plots.colors import LIGHT, Theme, diverging, emphasis, hex_of, luminance
from tb_xai_plugin.plots.image import painted
from tb_xai_plugin.plots.look import Look
from tb_xai_plugin.plots.moment import number, shortened, signed
from tb_xai_plugin.plots.signal import stretches

if TYPE_CHECKING:
    from tb_xai_plugin.plots.moment import Moment
    from tb_xai_plugin.probes import ImageProbes, SequenceProbes, TextProbes

# Bars of one probe.
MOST_BARS = 6
# Characters of a text.
MOST_TEXT = 600
# The side of a picture in CSS pixels.
SIDE = 112

# Light by default. Dark where the page says so (Jupyter, VS Code, marimo, Colab), or, where it says nothing, where the system does.
_DARK = "--ink:#f2f2f2;--muted:#c0c0c0;--line:#505050;--panel:#303030;--pos:#eb4874;--neg:#5c96f5;--floor:#8c8c8c"
_LIGHT = "--ink:#212121;--muted:#616161;--line:#e0e0e0;--panel:#fff;--pos:#c80040;--neg:#1064d2;--floor:#9e9e9e"
_SAYS_DARK = (
    "[data-jp-theme-light=false]",
    ".vscode-dark",
    ".vscode-high-contrast:not(.vscode-high-contrast-light)",
    ".dark",
    "[theme=dark]",
    "[data-theme=dark]",
)
_SAYS_LIGHT = ("[data-jp-theme-light=true]", ".vscode-light", ".vscode-high-contrast-light", ".light", "[data-theme=light]")
STYLE = (
    f".tb-xai{{{_LIGHT};color:var(--ink);font:13px/1.45 system-ui,sans-serif;max-width:60em}}"
    f"@media (prefers-color-scheme:dark){{.tb-xai{{{_DARK}}}}}"
    f"{','.join(f'{page} .tb-xai' for page in _SAYS_LIGHT)}{{{_LIGHT}}}"
    f"{','.join(f'{page} .tb-xai' for page in _SAYS_DARK)}{{{_DARK}}}"
    ".tb-xai p{margin:.2em 0}.tb-xai .muted{color:var(--muted);font-size:12px}"
    ".tb-xai .cards{display:flex;flex-wrap:wrap;gap:10px;margin:.5em 0}"
    ".tb-xai .card{border:1px solid var(--line);border-radius:4px;background:var(--panel);padding:6px 8px;max-width:38em}"
    ".tb-xai img{image-rendering:pixelated;display:block;margin-top:4px}"
    ".tb-xai table{font:inherit;border-collapse:collapse;margin:.3em 0;background:none}"
    ".tb-xai td,.tb-xai th{padding:1px 8px 1px 0;border:0;text-align:left;font-weight:400;color:var(--ink);background:none;vertical-align:middle;white-space:nowrap}"
    ".tb-xai th{color:var(--muted)}.tb-xai td.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".tb-xai svg{display:block;overflow:visible}"
)


def framed(content: str) -> str:
    """A display: its style, and its content."""
    return f'<div class="tb-xai"><style>{STYLE}</style>{content}</div>'


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of text. kind: "muted", or "" ."""
    return f"<p{f' class={kind}' if kind else ''}>{escape(text)}</p>"


def card(title: str, content: str) -> str:
    """A card with a title."""
    return f'<div class="card"><div>{escape(title)}</div>{content}</div>'


def cards(made: Iterable[str]) -> str:
    """Cards beside each other."""
    return f'<div class="cards">{"".join(made)}</div>'


def picture(moment: Moment, probe: int, end: float) -> str:
    """One explanation over its probe, in the way of its kind. end: the |value| with the full colour."""
    values = moment.values[probe, : int(moment.probes.players[probe])].astype(np.float64)
    errors = moment.errors[probe, : len(values)].astype(np.float64)
    if not np.isfinite(values).any():
        return paragraph("no numbers", "muted")
    if moment.probes.kind == "image":
        return _image(cast("ImageProbes", moment.probes), probe, values, end)
    if moment.probes.kind == "text":
        return _text(cast("TextProbes", moment.probes), probe, values, errors, moment.unit, end)
    if moment.probes.kind == "sequence":
        return _series(cast("SequenceProbes", moment.probes), probe, values, end)
    from tb_xai_plugin.plots.names import labels_of

    order = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")[:MOST_BARS]
    names = labels_of(moment, probe)
    return bars([names[player] for player in order], values[order], errors[order], end)


def bars(names: Sequence[str], values: np.ndarray, errors: np.ndarray, end: float, width: int = 150) -> str:
    """A table of names, bars from 0 with whiskers, and numbers. end: the |value| at the ends of the bars' room."""
    middle, reach = width / 2, width / 2 - 4
    rows = []
    for name, value, error in zip(names, values.tolist(), np.nan_to_num(errors).tolist(), strict=True):
        if not np.isfinite(value):
            rows.append(f"<tr><td>{escape(shortened(name))}</td><td></td><td class=n>–</td></tr>")
            continue
        at, low, high = (middle + reach * max(-1.0, min(1.0, part / end)) for part in (value, value - error, value + error))
        color = "var(--pos)" if value > 0 else "var(--neg)"
        whisker = f'<path d="M{low:.1f} 6H{high:.1f}M{low:.1f} 3V9M{high:.1f} 3V9" stroke="var(--ink)" fill="none"/>' if error > 0 else ""
        drawn = (
            f'<svg width="{width}" height="12"><path d="M{middle} 0V12" stroke="var(--floor)"/>'
            f'<rect x="{min(middle, at):.1f}" y="2" width="{abs(at - middle):.1f}" height="8" fill="{color}"/>{whisker}</svg>'
        )
        written = f"{signed(value)} ± {number(error)}" if error > 0 else signed(value)
        rows.append(f"<tr><td>{escape(shortened(name))}</td><td>{drawn}</td><td class=n>{written}</td></tr>")
    return f"<table>{''.join(rows)}</table>"


def meter(distance: float, floor: float, end: float, width: int = 120) -> str:
    """A bar of a distance from 0 to `end`, with a line at its noise floor."""
    scale = (width - 2) / (end or 1.0)
    line = f'<path d="M{scale * min(floor, end):.1f} 0V12" stroke="var(--ink)" stroke-dasharray="2 2"/>' if np.isfinite(floor) else ""
    return f'<svg width="{width}" height="12"><rect y="2" width="{scale * min(distance, end):.1f}" height="8" fill="var(--floor)"/>{line}</svg>'


def line(steps: np.ndarray, series: np.ndarray, color: str, width: int = 150, height: int = 34) -> str:
    """A small curve without axes."""
    known = np.isfinite(series)
    if known.sum() < 2:
        return ""
    low, high = float(series[known].min()), float(series[known].max())
    x = (steps - steps.min()) / max(1, np.ptp(steps)) * (width - 4) + 2
    y = height - 3 - (series - low) / ((high - low) or 1) * (height - 6)
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in zip(x[known], y[known], strict=True))
    return f'<svg width="{width}" height="{height}"><polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/></svg>'


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of uint8 (H, W, 3)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), pixels.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)) + chunk(b"IEND", b"")


def _image(probes: ImageProbes, probe: int, values: np.ndarray, end: float) -> str:
    colors = painted(probes.images[probe], probes.segments[probe], values, Look(), LIGHT, end)
    height, width = colors.shape[:2]
    step = max(1, round(max(height, width) / (2 * SIDE)))  # of a large image, every other pixel is enough
    encoded = base64.b64encode(png(np.rint(255 * colors[::step, ::step]).astype(np.uint8))).decode()
    shown = SIDE / max(height, width)
    return f'<img alt="attribution" width="{round(width * shown)}" height="{round(height * shown)}" src="data:image/png;base64,{encoded}">'


def _text(probes: TextProbes, probe: int, values: np.ndarray, errors: np.ndarray, unit: str, end: float) -> str:
    parts, length = [], 0
    for piece, player in probes.pieces[probe]:
        length += len(piece)
        if length > MOST_TEXT:
            parts.append("…")
            break
        if player < 0 or not np.isfinite(values[player]):
            parts.append(escape(piece))
            continue
        strength = float(emphasis(np.abs(values[player : player + 1]) / end)[0])
        color = diverging(np.array([np.sign(values[player])]), LIGHT)[0]
        ink = ";color:#fff" if strength > 0.6 and luminance(color) < 0.6 else ""
        error = f" ± {number(errors[player])}" if errors[player] > 0 else ""
        told = f"{signed(values[player])}{error} {unit}"
        shade = f"{hex_of(255 * color)}{round(255 * strength):02x}"
        parts.append(f'<span style="background:{shade}{ink}" title="{escape(told)}">{escape(piece)}</span>')
    return f'<p style="white-space:pre-wrap">{"".join(parts)}</p>'


def _series(probes: SequenceProbes, probe: int, values: np.ndarray, end: float, width: int = 260, height: int = 64) -> str:
    shown, segments = probes.shown[probe].astype(np.float64), probes.segments[probe]
    across = width / len(shown)
    colors = diverging(values / end, LIGHT)
    tints = "".join(
        f'<rect x="{start * across:.1f}" width="{(stop - start) * across:.1f}" height="{height}" fill="{hex_of(255 * colors[player])}"/>'
        for start, stop, player in stretches(segments)
        if player >= 0
    )
    low, high = float(shown.min()), float(shown.max())
    every = max(1, len(shown) // (2 * width))
    lines = ""
    for channel in shown.T:
        y = height - 3 - (channel - low) / ((high - low) or 1) * (height - 6)
        points = " ".join(f"{(step + 0.5) * across:.1f},{y[step]:.1f}" for step in range(0, len(y), every))
        lines += f'<polyline points="{points}" fill="none" stroke="#212121"/>'
    return f'<svg width="{width}" height="{height}">{tints}{lines}</svg>'


__all__ = ["LIGHT", "Theme", "bars", "card", "cards", "framed", "line", "meter", "paragraph", "picture", "png"]
