"""One image with its attribution: a tint, a map, or the image where chosen segments are outlined. As frontend/paint/picture.js draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.plots.axes import bare
from tb_xai_plugin.plots.colors import AGAINST, FOR, Theme, emphasis, luminance, rgb_of
from tb_xai_plugin.plots.look import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tb_xai_plugin.plots.moment import Moment
    from tb_xai_plugin.probes import ImageProbes

# Up to this size an image is made of pixels that people want to see, and is enlarged without blur.
PIXEL_ART = 64


def draw(ax: Axes, theme: Theme, moment: Moment, probe: int, values: np.ndarray, errors: np.ndarray, look: Look, end: float) -> None:
    """Draw one probe on axes. end: the |value| that has the full colour."""
    probes: ImageProbes = moment.probes  # type: ignore[assignment]
    image, segments = probes.images[probe], probes.segments[probe]
    smooth = "antialiased" if max(image.shape[:2]) > PIXEL_ART else "nearest"
    ax.imshow(painted(image, segments, values, look, theme, end), interpolation=smooth)
    bare(ax)
    shown = look.chosen(values)
    if look.outlines:
        # Edges between players of one choice and sign are left out, as those of lime's mask are.
        labels = np.where(shown, np.sign(np.nan_to_num(values)), 0) if isinstance(look.outlines, str) else np.arange(len(values))
        color = look.outlines if isinstance(look.outlines, str) else theme.faint
        between = 0 if isinstance(look.outlines, str) else -2
        _outline(
            ax, np.where(segments < 0, between, labels[np.maximum(segments, 0)]), color, 2.0 if isinstance(look.outlines, str) else 0.6
        )
    if look.region is not None:
        if look.region not in probes.regions:
            raise ArgumentError(f"plot_overlay: no region {look.region!r} in these probes; they have {list(probes.regions)}.")
        _dashed(ax, probes.regions[look.region][probe])


def painted(image: np.ndarray, segments: np.ndarray, values: np.ndarray, look: Look, theme: Theme, end: float) -> np.ndarray:
    """float (H, W, 3), 0 to 1: an image under its attribution.

    Args:
        image: uint8 (H, W, 1, 3 or 4).
        segments: int (H, W), the player of each pixel; negative between the images of a montage.
        values: (players,).
        look, theme: what is shown, and in which colours.
        end: the |value| that has the full colour.
    """
    colors = base(image, "image" if look.view == "image" else look.view, theme)
    shown, player = look.chosen(values), np.maximum(segments, 0)
    if look.view != "image":
        alpha = np.where(shown, emphasis(np.abs(np.nan_to_num(values)) / end), 0.0) * (1.0 if look.view == "map" else look.opacity)
        tint = np.where(values[:, None] > 0, FOR, AGAINST) / 255
        colors = colors + (tint[player] - colors) * alpha[player][..., None]
    if look.rest == "hide":
        colors = np.where(shown[player][..., None], colors, np.array(theme.hidden) / 255)
    painting: np.ndarray = np.where((segments < 0)[..., None], np.array(rgb_of(theme.panel)) / 255, colors)
    return painting


def base(image: np.ndarray, view: str, theme: Theme) -> np.ndarray:
    """float (H, W, 3), what lies below the tint: the image as stored, in the theme's greys, or the map's neutral."""
    if view == "map":
        return np.broadcast_to(np.array(theme.neutral) / 255, (*image.shape[:2], 3))
    stored = image.astype(np.float64) / 255
    color = np.repeat(stored, 3, axis=-1) if stored.shape[-1] == 1 else stored[..., :3]
    alpha = stored[..., 3:] if stored.shape[-1] == 4 else np.ones_like(stored[..., :1])
    if view == "image":
        under: np.ndarray = color * alpha + np.array(rgb_of(theme.panel)) / 255 * (1 - alpha)
        return under
    light = (color @ np.array([0.2126, 0.7152, 0.0722]))[..., None] * alpha + (1 - alpha)
    black, white = theme.greys
    greys: np.ndarray = np.repeat((black + (white - black) * light) / 255, 3, axis=-1)
    return greys


def edges(labels: np.ndarray) -> np.ndarray:
    """float (lines, 2, 2), the lines (x, y) between neighbouring pixels with different labels, in pixels. labels: (H, W)."""
    rows, columns = np.nonzero(labels[:, 1:] != labels[:, :-1])
    x, y = columns + 0.5, rows.astype(float)
    upright = np.stack([np.stack([x, y - 0.5], -1), np.stack([x, y + 0.5], -1)], axis=1)
    rows, columns = np.nonzero(labels[1:] != labels[:-1])
    x, y = columns.astype(float), rows + 0.5
    level = np.stack([np.stack([x - 0.5, y], -1), np.stack([x + 0.5, y], -1)], axis=1)
    return np.concatenate([upright, level])


def _outline(ax: Axes, labels: np.ndarray, color: str, width: float) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgb

    lines = edges(labels)
    rim = "#000000" if luminance(to_rgb(color)) > 0.5 else "#ffffff"
    for thick, ink, opacity in ((width + 1.5, rim, 0.4), (width, color, 1.0)):
        ax.add_collection(LineCollection(list(lines), colors=ink, linewidths=thick, alpha=opacity, capstyle="projecting"), autolim=False)


def _dashed(ax: Axes, mask: np.ndarray) -> None:
    from matplotlib.collections import LineCollection

    padded = np.pad(mask.astype(int), 1)
    lines = np.clip(edges(padded) - 1, -0.5, [mask.shape[1] - 0.5, mask.shape[0] - 0.5])
    for thick, ink, dashes in ((2.2, "#000000", "solid"), (1.0, "#ffffff", "dashed")):
        ax.add_collection(LineCollection(list(lines), colors=ink, linewidths=thick, linestyles=dashes, alpha=0.8), autolim=False)
