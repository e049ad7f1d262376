"""Baselines: the values that replace an absent segment of an image or a series."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tb_xai_plugin.probes.arguments import Array

# The mean of n probes contains 1/n of each probe. With fewer probes than this, an "absent" segment would still show the probe itself.
FEWEST_FOR_MEAN = 8

# (pixels, segments) -> baseline, both as in `baseline`
Maker = Callable[[np.ndarray, np.ndarray], np.ndarray]


def mean(pixels: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The mean of all probes: float32 (1, …, C)."""
    average: np.ndarray = pixels.mean(axis=0, keepdims=True, dtype=np.float64)
    return average.astype(np.float32)


def automatic(pixels: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The mean of the probes; the mean of each channel where there are fewer than FEWEST_FOR_MEAN probes."""
    if len(pixels) >= FEWEST_FOR_MEAN:
        return mean(pixels, segments)
    colour = pixels.mean(axis=tuple(range(pixels.ndim - 1)), dtype=np.float64).astype(np.float32)
    return np.broadcast_to(colour, (1, *pixels.shape[1:])).copy()


def segment_mean(pixels: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The mean of each segment and channel: float32 (n, …, C); 0 where there is no segment."""
    means = np.zeros_like(pixels)
    for probe, labels, probe_means in zip(pixels, segments, means, strict=True):
        inside = labels >= 0
        counts = np.bincount(labels[inside])
        for channel in range(probe.shape[-1]):
            sums = np.bincount(labels[inside], weights=probe[inside, channel])
            probe_means[inside, channel] = (sums / counts)[labels[inside]]
    return means


BASELINES: Mapping[str, Maker] = {"auto": automatic, "mean": mean, "segment-mean": segment_mean}


def baseline(
    who: str, pixels: np.ndarray, segments: np.ndarray, how: str | float | Array, makers: Mapping[str, Maker] = BASELINES
) -> np.ndarray:
    """The baseline of a probe set.

    Args:
        who: name of the probe set's class; every message begins with it.
        pixels: float32 (n, …, C), images or series.
        segments: int (n, …), the player of each pixel or step.
        how: a name in `makers`, a number, or an array: one value per pixel or step, with or without a channel axis, or one such array per probe.
        makers: {name: function that makes the baseline}.

    Returns:
        float32 (1, …, C), or (n, …, C) where each probe has its own baseline.

    Raises:
        ValueError: unknown name, wrong shape, or values that are not finite. TypeError: neither a name nor numbers.
    """
    n, *places, channels = pixels.shape
    if isinstance(how, str):
        if how not in makers:
            raise ValueError(f"{who}: unknown baseline {how!r}; choose from {list(makers)}, or give a number or an array.")
        return makers[how](pixels, segments)
    try:
        given = np.asarray(how)
    except ValueError as error:
        raise ValueError(f"{who}: baseline is not an array ({error}); give rows of equal length.") from error
    if given.dtype.kind not in "fiub":
        raise TypeError(f"{who}: baseline is {type(how).__name__}; choose from {list(makers)}, or give a number or an array.")
    array = given.astype(np.float32)
    # For series, (T,) has one number per step and (C,) one per channel.
    if array.ndim == len(places) and array.shape[0] in (1, places[0]):
        array = array[..., None]
    try:
        array = np.broadcast_to(array, (n if array.ndim == pixels.ndim and len(array) == n else 1, *pixels.shape[1:])).copy()
    except ValueError as error:
        size = ", ".join(map(str, (*places, channels)))
        shape = " x ".join(map(str, (*places, channels)))
        raise ValueError(f"{who}: baseline has shape {given.shape} for probes of {shape}; give a number or an array ({size}).") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{who}: baseline has NaN or infinite values; give finite numbers.")
    return array
