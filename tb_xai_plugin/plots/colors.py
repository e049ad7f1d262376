"""The tab's colours: one diverging scale for attributions, one palette for runs, in light and dark. The same as in frontend/figures/color.js."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Rgb = tuple[int, int, int]

FOR: Rgb = (200, 0, 64)
AGAINST: Rgb = (16, 100, 210)

# The colour of outlines in the picture that LIME's users know.
YELLOW = "#ffff00"


@dataclass(frozen=True)
class Theme:
    """The colours of one theme.

    Attributes:
        ink, muted, faint, line, panel: of texts, secondary texts, faint marks, grid lines and the background.
        positive, negative, on: of bars that speak for and against, and of texts on them.
        greys: what black and white of an image become under a tint, so that a tint shows on both.
        hidden: what is drawn where players are hidden.
        neutral: what zero looks like on a map.
        low, high: of a feature's lowest and highest value.
    """

    dark: bool
    ink: str
    muted: str
    faint: str
    line: str
    panel: str
    accent: str
    positive: str
    negative: str
    on: str
    greys: tuple[int, int]
    hidden: Rgb
    neutral: Rgb
    low: Rgb
    high: Rgb


LIGHT = Theme(
    *(False, "#212121", "#616161", "#9e9e9e", "#e0e0e0", "#ffffff", "#b34e00", "#c80040", "#1064d2", "#ffffff"),
    greys=(84, 255),
    hidden=(206, 207, 211),
    neutral=(244, 244, 246),
    low=(84, 76, 124),
    high=(242, 200, 0),
)
DARK = Theme(
    *(True, "#f2f2f2", "#c0c0c0", "#8c8c8c", "#505050", "#303030", "#ffb27a", "#eb4874", "#5c96f5", "#000000"),
    greys=(42, 242),
    hidden=(74, 75, 79),
    neutral=(64, 64, 66),
    low=(128, 118, 172),
    high=(255, 226, 64),
)

# Run colours, as (light theme, dark theme).
RUN_COLORS = (
    ("#00786e", "#2dc5b7"),
    ("#647200", "#b7c840"),
    ("#8a3fc4", "#ca9df2"),
    ("#8a5a3c", "#d2a789"),
    ("#5b6773", "#a9b6c2"),
    ("#2e7b31", "#79c97d"),
    ("#826816", "#dcc06a"),
    ("#5c4d9a", "#b3a9e4"),
    ("#a8409a", "#ea9fe0"),
    ("#2a7289", "#86c5da"),
)

# Distance in OKLab, both themes together, from which two thin lines can be told apart.
UNLIKE = 0.3


def rgb_of(color: str) -> Rgb:
    """The numbers 0 to 255 of #rrggbb."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def hex_of(color: Sequence[float]) -> str:
    """#rrggbb of three numbers 0 to 255."""
    return "#" + "".join(f"{round(part):02x}" for part in color)


def luminance(color: Sequence[float]) -> float:
    """0 (black) to 1 (white), of numbers 0 to 1."""
    red, green, blue = color[:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue


def emphasis(part: np.ndarray) -> np.ndarray:
    """How much colour |value| / largest gets, 0 to 1. Slightly concave: a fifth of the largest value is still seen on a grey picture."""
    strength: np.ndarray = np.minimum(1, part) ** 0.8
    return strength


def diverging(part: np.ndarray, theme: Theme) -> np.ndarray:
    """Colours on a map, float (…, 3) from 0 to 1, of value / largest, -1 to 1. Zero and NaN are the theme's neutral."""
    part = np.nan_to_num(np.asarray(part, dtype=float))
    size = np.minimum(1, np.abs(part))
    # From a dark middle the first steps toward a dark end are hardly seen: there they are larger.
    weight = (size**0.55 if theme.dark else emphasis(size))[..., None]
    ends = np.where(part[..., None] > 0, FOR, AGAINST)
    colors: np.ndarray = (np.array(theme.neutral) * (1 - weight) + ends * weight) / 255
    return colors


def feature_color(part: float, theme: Theme) -> str:
    """The colour of a feature's value, from 0 (the lowest of all probes) to 1 (the highest); grey where it has none."""
    if not np.isfinite(part):
        return theme.faint
    return hex_of([low + (high - low) * min(1.0, max(0.0, part)) for low, high in zip(theme.low, theme.high, strict=True)])


def run_color(run: str, theme: Theme, together: Sequence[str] = ()) -> str:
    """A run's colour, by its name. together: the runs that are drawn, the most important first; two of them do not look alike."""
    return RUN_COLORS[palette_number(run, together)][int(theme.dark)]


def palette_number(run: str, together: Sequence[str] = ()) -> int:
    """The number of a run's colour; the rule of `paletteNumber` in frontend/figures/color.js."""
    count = len(RUN_COLORS)
    taken: list[int] = []
    for other in together:
        own = _hash(other) % count
        free = [number for number in ((own + place) % count for place in range(count)) if number not in taken]
        unlike = (number for number in free if all(_unlike(number, first) for first in taken[:2]))
        number = next(unlike, free[0] if free else own)
        if other == run:
            return number
        taken.append(number)
    return _hash(run) % count


def _unlike(one: int, other: int) -> bool:
    apart = 0.0
    for theme in (0, 1):
        x, y = (_oklab(rgb_of(RUN_COLORS[number][theme])) for number in (one, other))
        apart += float(np.linalg.norm(x - y))
    return apart >= UNLIKE


def _oklab(color: Rgb) -> np.ndarray:
    """Lightness, green to red, blue to yellow: https://bottosson.github.io/posts/oklab."""
    part = np.array(color) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    to_cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.793617785, -0.0040720468],
        [1.9779984951, -2.428592205, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.808675766],
    ]
    return np.asarray(np.array(to_lab) @ np.cbrt(np.array(to_cones) @ linear))


def _hash(text: str) -> int:
    """FNV-1a over UTF-16 code units, mixed once more: its low bits alone are alike for names that are."""
    value = 0x811C9DC5
    units = np.frombuffer(text.encode("utf-16-le"), dtype="<u2").tolist()
    for unit in units:
        value = ((value ^ unit) * 0x01000193) & 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    return value ^ (value >> 15)
