"""Areas of an image that the user asked for: from a box or the corners of a polygon to a mask of pixels. numpy only."""

from __future__ import annotations

import numpy as np

from tb_xai_plugin.errors import ArgumentError

FEWEST_CORNERS, MOST_CORNERS = 3, 500

# The largest coordinate of a corner, in pixels; no image is so large.
FARTHEST = 1e6


def parse(text: str) -> np.ndarray:
    """The corners of a polygon, float64 (corners, 2), from "x,y,x,y,…".

    Raises:
        ArgumentError (a ValueError): another form, or too few or too many corners.
    """
    try:
        numbers = np.array([float(number) for number in text.split(",")])
    except ValueError:
        numbers = np.array([np.nan])
    # This comparison is False for NaN.
    if len(numbers) % 2 or not (np.abs(numbers) < FARTHEST).all() or not FEWEST_CORNERS <= len(numbers) // 2 <= MOST_CORNERS:
        raise ArgumentError(
            f"area is {text[:100]!r}; give x and y of {FEWEST_CORNERS} to {MOST_CORNERS} corners in pixels, e.g. '0,0,8,0,8,8,0,8'."
        )
    return numbers.reshape(-1, 2)


def drawn(text: str, height: int, width: int) -> np.ndarray:
    """bool (height, width): the pixels inside a polygon, or inside a box "x0,y0,x1,y1"; text: else as for `parse`.

    Raises:
        ArgumentError (a ValueError): a text that is not a polygon, or a polygon that covers no pixel.
    """
    mask = polygon_mask(parse(_corners(text)), height, width)
    if not mask.any():
        raise ArgumentError(f"area {text[:100]!r} covers no pixel of images of {height} x {width}; draw it larger, and inside the image.")
    return mask


def _corners(text: str) -> str:
    """The corners of a box, where a text has four numbers; else the text as it is."""
    ends = text.split(",")
    if len(ends) != 4:
        return text
    left, top, right, bottom = ends
    return ",".join((left, top, right, top, right, bottom, left, bottom))


def polygon_mask(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """bool (height, width): pixels whose centre is inside a polygon, by the even-odd rule.

    Pixel (row, column) is the square from (column, row) to (column + 1, row + 1). A box with corners on the edges of pixels covers exactly the
    pixels between them.

    points: float (corners, 2), x to the right and y downward.
    """
    (x1, y1), (x2, y2) = points.T[..., None], np.roll(points, -1, axis=0).T[..., None]
    y = np.arange(height) + 0.5
    # Edges that cross a row of pixel centres, and the x of the crossing.
    edge, row = np.nonzero((y1 <= y) != (y2 <= y))
    x1, y1, x2, y2 = (ends[edge, 0] for ends in (x1, y1, x2, y2))
    x = x1 + (y[row] - y1) * (x2 - x1) / (y2 - y1)
    # A centre to the right of an odd number of crossings is inside.
    crossings = np.zeros((height, width + 1), dtype=np.int64)
    np.add.at(crossings, (row, np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)), 1)
    mask: np.ndarray = np.cumsum(crossings, axis=1)[:, :width] % 2 == 1
    return mask
