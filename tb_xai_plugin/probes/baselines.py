"""What stands where a segment of an image or a series is absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# The mean of n probes holds 1/n of each of them: below this many, "absent" would still show the probe itself.
FEWEST_FOR_MEAN = 8

# (pixels, segments) -> baseline, both as in `baseline`
Maker = Callable[[np.ndarray, np.ndarray], np.ndarray]


def mean(pixels: np.ndarray, segments: np.ndarray) -> np.ndarray:
    return pixels.mean(axis=0, keepdims=True, dtype=np.float64).astype(np.float32)


def automatic(pixels: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The mean of the probes; of few of them their mean colour, or each channel's mean."""
    if len(pixels) >= FEWEST_FOR_MEAN:
        return mean(pixels, segments)
    colour = pixels.mean(axis=tuple(range(pixels.ndim - 1)), dtype=np.float64).astype(np.float32)
    return np.broadcast_to(colour, (1, *pixels.shape[1:])).copy()


def segment_mean(pixels: np.ndarray, segments: np.ndarray) -> np.ndarray:
    means = np.empty_like(pixels)
    for one, labels, into in zip(pixels, segments, means, strict=True):
        counts = np.bincount(labels.ravel())
        for channel in range(one.shape[-1]):
            sums = np.bincount(labels.ravel(), weights=one[..., channel].ravel())
            into[..., channel] = (sums / counts)[labels]
    return means


BASELINES: Mapping[str, Maker] = {"auto": automatic, "mean": mean, "segment-mean": segment_mean}


def baseline(who: str, pixels: np.ndarray, segments: np.ndarray, how: Any, makers: Mapping[str, Maker] = BASELINES) -> np.ndarray:
    """float32 (1 or n, …, C).

    Args:
        who: asks, the first word of every sentence.
        pixels: float32 (n, …, C), images or series.
        segments: int (n, …), the player of each place.
        how: a name of `makers`, a number, or an array: of all places, with or without channels, or one a probe.
    """
    n, *places, channels = pixels.shape
    if isinstance(how, str):
        if how not in makers:
            raise ValueError(f"{who}: unknown baseline {how!r}; choose from {list(makers)}, or give a number or an array.")
        return makers[how](pixels, segments)
    try:
        array = np.asarray(how)
    except ValueError as error:
        raise ValueError(f"{who}: baseline is not an array ({error}); give rows of one length.") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{who}: baseline is {type(how).__name__}; choose from {list(makers)}, or give a number or an array.")
    array = array.astype(np.float32)
    # A series' (T,) is one number a step; its (C,) one a channel.
    if array.ndim == len(places) and array.shape[0] in (1, places[0]):
        array = array[..., None]
    try:
        array = np.broadcast_to(array, (n if array.ndim == pixels.ndim and len(array) == n else 1, *pixels.shape[1:])).copy()
    except ValueError as error:
        size = ", ".join(map(str, (*places, channels)))
        shape = " x ".join(map(str, (*places, channels)))
        raise ValueError(f"{who}: baseline has shape {np.shape(how)} for probes of {shape}; give a number or an array ({size}).") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{who}: baseline has NaN or infinite values; give finite numbers.")
    return array
