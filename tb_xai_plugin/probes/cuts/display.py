"""Images as people see them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from tb_xai_plugin.probes.cuts.montage import Montage

WHO = "ImageProbes"


def shown(inputs: np.ndarray, display: Any) -> np.ndarray:
    """The images as people see them: uint8 (n, H, W, 1, 3 or 4)."""
    images: np.ndarray = inputs
    if callable(display):
        images = np.array(display(inputs.copy()))
    elif display is not None:
        images = np.array(display)
    if images.ndim == 3:
        images = images[..., None]
    if images.shape[:3] != inputs.shape[:3]:
        raise ValueError(
            f"ImageProbes: display has shape {images.shape} for images of shape {inputs.shape}; give one image of the same height and width for each."
        )
    if images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"ImageProbes: images of shape {inputs.shape} have {images.shape[-1]} channels, which cannot be shown; "
            "give channels last, or display= with the same images as grey (1), RGB (3) or RGBA (4)."
        )
    if images.dtype == np.uint8 and display is not None:
        return images
    if images.dtype == np.uint8:
        # An image with few levels is a mask or a class map stored as numbers, not 8-bit brightness.
        return images.copy() if images.max() > 15 else _stretched(images)
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1:
        return _rounded(images * 255)
    if low >= 0 and high <= 255 and high > 15:
        return _rounded(images)
    if low >= -1 and high <= 1:
        return _rounded((images + 1) * 127.5)
    return _stretched(images)


def _rounded(brightness: np.ndarray) -> np.ndarray:
    """uint8 from brightness between 0 and 255."""
    rounded: np.ndarray = np.rint(brightness)
    return rounded.astype(np.uint8)


def _stretched(images: np.ndarray) -> np.ndarray:
    """Scale all images alike: the smallest value becomes black, the largest white."""
    images = images.astype(np.float64)
    span = images.max() - images.min()
    return _rounded((images - images.min()) * (255 / span if span > 0 else 0))


def shown_montage(montage: Montage, pictures: np.ndarray, given: Any, display: Any) -> np.ndarray:
    """The montages as people see them: each array as if it were alone, on white.

    pictures: (n, H', W', C'), the montages; given: their arrays, in the form in which they were given.
    """
    if callable(display):
        display = display(copy.deepcopy(given))
    others = None if display is None else montage.each(display, WHO, "display")
    if display is not None and others is None:
        return shown(pictures, display)
    arrays = montage.listed(given)
    each = []
    for array, other in zip(arrays, others or [None] * len(arrays), strict=True):
        images = shown(images_of(array), None if other is None else images_of(np.asarray(other)))
        each.append(images.reshape(len(array), -1, *images.shape[1:]))
    channels = max(images.shape[-1] for images in each)
    return montage.lay([_widened(images, channels) for images in each], 255, channels)


def images_of(array: np.ndarray) -> np.ndarray:
    """(n, H, W, C) of an array (n, H, W) or (n, H, W, C), and (n * k, H, W, C) of (n, k, H, W, C)."""
    array = array.astype(np.uint8) if array.dtype == np.bool_ else array
    return array.reshape(-1, *array.shape[2:]) if array.ndim == 5 else array[..., None] if array.ndim == 3 else array


def _widened(images: np.ndarray, channels: int) -> np.ndarray:
    """Grey or RGB images in more channels."""
    if images.shape[-1] == 1 and channels > 1:
        images = np.repeat(images, 3, axis=-1)
    if images.shape[-1] == 3 and channels == 4:
        images = np.concatenate([images, np.full_like(images[..., :1], 255)], axis=-1)
    return images
