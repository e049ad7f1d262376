"""Regions of images: masks of pixels, and what part of each segment they cover. numpy only."""

from __future__ import annotations

import numpy as np

from tb_xai_plugin.errors import ArgumentError


def overlap(segments: np.ndarray, mask: np.ndarray, players: int) -> np.ndarray:
    """(probes, players): the part of each segment's area inside a mask, 0 for players that a probe does not have.

    segments: int (probes, H, W); mask: bool (H, W) or (probes, H, W).
    """
    part = np.zeros((len(segments), players))
    for probe, (labels, inside) in enumerate(zip(segments, np.broadcast_to(mask, segments.shape), strict=True)):
        area = np.bincount(labels.ravel(), minlength=players)
        part[probe] = np.bincount(labels[inside], minlength=players) / np.maximum(area, 1)
    return part


def checked_mask(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A bool mask (H, W) or (probes, H, W) for segments of a shape (probes, H, W).

    Raises:
        ArgumentError (a ValueError): another shape, or not a single pixel.
    """
    mask = np.asarray(mask)
    if mask.shape not in (shape, shape[1:]) or mask.dtype != bool:
        raise ArgumentError(f"region is an array of {mask.dtype} {mask.shape}; give a bool mask {shape[1:]} or {shape}.")
    if not mask.any():
        raise ArgumentError("region is a mask without a single pixel; mark the pixels that belong to it as True.")
    return mask
