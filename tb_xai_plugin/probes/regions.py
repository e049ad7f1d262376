"""Regions of images: masks of pixels, and the share of each segment that they cover. numpy only."""

from __future__ import annotations

import numpy as np

from tb_xai_plugin.errors import ArgumentError


def overlap(segments: np.ndarray, mask: np.ndarray, players: int) -> np.ndarray:
    """The share of each segment's area inside a mask: float64 (probes, players), 0 for players that a probe does not have.

    segments: int (probes, H, W), where other numbers than those of players are no segment; mask: bool (H, W) or (probes, H, W).
    """
    share = np.zeros((len(segments), players))
    for probe, (labels, inside) in enumerate(zip(segments, np.broadcast_to(mask, segments.shape), strict=True)):
        own = (labels >= 0) & (labels < players)
        area = np.bincount(labels[own], minlength=players)
        share[probe] = np.bincount(labels[own & inside], minlength=players) / np.maximum(area, 1)
    return share


def checked_mask(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Check a bool mask (H, W) or (probes, H, W). shape: that of the segments, (probes, H, W).

    Raises:
        ArgumentError (a ValueError): the mask has another shape or type, or not a single pixel.
    """
    mask = np.asarray(mask)
    if mask.shape not in (shape, shape[1:]) or mask.dtype != bool:
        raise ArgumentError(f"region is an array of {mask.dtype} {mask.shape}; give a bool mask of shape {shape[1:]} or {shape}.")
    if not mask.any():
        raise ArgumentError("region is a mask without a single pixel; mark its pixels as True.")
    return mask
