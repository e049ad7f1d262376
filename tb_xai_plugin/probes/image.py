"""Images as probes: their superpixels, and what stands where one is absent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tb_xai_plugin.probes import baselines, checks
from tb_xai_plugin.probes import segments as superpixels
from tb_xai_plugin.probes.contract import ProbeSet, hash_of
from tb_xai_plugin.probes.sampling import take_balanced

WHO = "ImageProbes"


class ImageProbes(ProbeSet):
    """Images to explain, with their superpixels.

    Args:
        images: (n, H, W) or (n, H, W, C), exactly as the model takes them: any value range, channels last.
        labels: (n,) int or names out of `class_names`, or (n, classes) one-hot: true classes; or fractions, what a regression should answer; or None.
        class_names: one name a class.
        names: one name a probe.
        segments: "auto" (a grid up to 40 px, SLIC above) | "grid" | "slic" | int (n, H, W) or (H, W) label maps |
            a callable image -> (H, W) label map.
        baseline: what stands where a player is absent: "auto" (the mean of the probes; below 8 probes their mean colour) |
            "mean" (of the probes) | "segment-mean" (the mean colour of each segment, as in `lime`) | "blur" (Gaussian, sigma a
            tenth of the larger side) | a number | an array (H, W) or (H, W, C) (or (n, H, W, C), one a probe).
        regions: {name: bool (H, W) or (n, H, W)}: parts of the image to watch.
        display: images to show instead, (n, H, W[, C]), or a callable images -> images; for standardised inputs.
        model_input: callable, maps a batch of masked images to what a multi-input or dict-input model takes.

    Raises:
        ValueError, TypeError: with one sentence, at construction.
    """

    kind = "image"

    def __init__(
        self,
        images: Any,
        labels: Any = None,
        *,
        class_names: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
        segments: str | np.ndarray | Callable[[np.ndarray], np.ndarray] = "auto",
        baseline: str | float | np.ndarray = "auto",
        regions: Mapping[str, Any] | None = None,
        display: Any = None,
        model_input: Callable[[Any], Any] | None = None,
    ) -> None:
        self.inputs = _checked_images(images, shown_otherwise=display is not None)
        n, height, width, _ = self.pixels.shape
        self.class_names = checks.names_of(WHO, class_names, "class_names", None)
        self.names = checks.names_of(WHO, names, "names", n, "images")
        self.labels, self.truth = checks.labels_or_truth(WHO, labels, n, self.class_names)
        self.images = _shown(self.inputs, display)
        self.segments = _segment_maps(self.images, self.inputs, segments)
        self.players = self.segments.reshape(n, -1).max(axis=1).astype(np.int64) + 1
        if self.players.min() < 2:
            raise ValueError(
                f"ImageProbes: probe {int(self.players.argmin())} has one segment; give label maps with at least 2 segments for every image."
            )
        self.baseline = baselines.baseline(WHO, self.pixels, self.segments, baseline, BASELINES)
        same = np.abs(self.pixels - self.baseline).reshape(n, -1).max(axis=1) == 0
        if same.any():
            raise ValueError(
                f"ImageProbes: the baseline is equal to probe {int(same.argmax())}, so nothing changes when its segments are absent; "
                "give another baseline, e.g. 'blur' or a number that is not in the image."
            )
        regions = checks.mapping(WHO, "regions", regions, "{name: bool mask}")
        self.regions = {str(name): _region(name, mask, (n, height, width)) for name, mask in regions.items()}
        for name, mask in self.regions.items():
            if not mask.any():
                raise ValueError(
                    f"ImageProbes: region {name!r} has not a single pixel in any image; mark the pixels that belong to it as True."
                )
        self.model_input = checks.optional_callable(WHO, "model_input", model_input, "maps a batch of images")

    def __repr__(self) -> str:
        n, height, width, channels = self.pixels.shape
        players = f"{self.players.min()} to {self.players.max()}" if len(set(self.players.tolist())) > 1 else str(self.players[0])
        return f"ImageProbes({n} images of {height} x {width} x {channels}, {players} segments)"

    @property
    def pixels(self) -> np.ndarray:
        """float32 (n, H, W, C): the inputs with a channel axis."""
        inputs = self.inputs[..., None] if self.inputs.ndim == 3 else self.inputs
        return inputs.astype(np.float32)

    @property
    def parts(self) -> dict[str, str]:
        return {
            "inputs": hash_of(self.inputs),
            "labels": hash_of(self.labels if self.labels is not None else "none"),
            "segments": hash_of(self.segments),
            "baseline": hash_of(self.baseline),
        }

    @classmethod
    def from_dataset(cls, dataset: Iterable[Any], n: int = 16, **options: Any) -> ImageProbes:
        """Take the first n images of a dataset, balanced over classes.

        Args:
            dataset: tf.data.Dataset, keras.utils.PyDataset or any iterable of (x, y), (x, y, weight) or x, batched or not. A dataset that
                shuffles gives other probes in every process, and runs with other probes can't be compared.
            n: number of probes.
            options: those of ImageProbes.
        """
        class_names = checks.names_of(WHO, options.get("class_names"), "class_names", None)
        images, labels = take_balanced(dataset, n, classes=len(class_names) if class_names is not None else None)
        return cls(images, labels, **options)

    def as_record(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        arrays = {
            "inputs": self.inputs,
            "images": self.images,
            "segments": self.segments.astype(np.uint16),
            "baseline": self.baseline,
        }
        if self.regions:
            arrays["regions"] = np.packbits(np.stack(list(self.regions.values()), axis=1), axis=-1)
        return self._common_record(), arrays

    @classmethod
    def from_record(cls, names: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> ImageProbes:
        width = arrays["images"].shape[2]
        regions = {}
        if names["regions"]:
            unpacked = np.unpackbits(arrays["regions"], axis=-1, count=width).astype(bool)
            regions = {name: unpacked[:, i] for i, name in enumerate(names["regions"])}
        probes = cls(
            arrays["inputs"],
            cls._labels_in(names),
            class_names=names["class_names"],
            names=names["names"],
            segments=arrays["segments"].astype(np.int32),
            baseline=arrays["baseline"],
            display=arrays["images"],
        )
        # Not checked again: an older record may have an empty one.
        probes.regions = {name: _region(name, mask, probes.segments.shape) for name, mask in regions.items()}
        return probes


def _checked_images(images: Any, *, shown_otherwise: bool) -> np.ndarray:
    try:
        images = np.asarray(images)
    except ValueError as error:
        raise ValueError(f"ImageProbes: images is not an array ({error}); give images of one size, (n, H, W) or (n, H, W, C).") from error
    if images.dtype == object or images.dtype.kind not in "fiub":
        raise TypeError(f"ImageProbes: images has dtype {images.dtype}; give numbers, (n, H, W) or (n, H, W, C), all of one size.")
    if images.ndim not in (3, 4):
        raise ValueError(f"ImageProbes: images has shape {images.shape}; give (n, H, W) or (n, H, W, C), exactly as the model takes them.")
    if len(images) == 0:
        raise ValueError("ImageProbes: images is empty; give at least one image, 16 is a good number.")
    few_first = images.ndim == 4 and images.shape[1] <= 4 and images.shape[1] < min(images.shape[2:])
    if few_first and images.shape[3] > 4 and not shown_otherwise:
        raise ValueError(
            f"ImageProbes: images has shape {images.shape}, channels first; give channels last, e.g. np.moveaxis(images, 1, -1)."
        )
    if min(images.shape[1:3]) < 2:
        raise ValueError(f"ImageProbes: images has shape {images.shape}; an image needs at least 2 x 2 pixels.")
    if images.ndim == 3 and images.shape[2] == 3 and min(images.shape[:2]) >= 16:
        raise ValueError(
            f"ImageProbes: images has shape {images.shape}, which looks like one colour image; give a batch, e.g. images[None]."
        )
    if images.dtype.kind == "b":
        images = images.astype(np.uint8)
    if images.dtype == np.float64:
        images = images.astype(np.float32)
    bad = ~np.isfinite(images).reshape(len(images), -1).all(axis=1)
    if bad.any():
        raise ValueError(f"ImageProbes: image {int(bad.argmax())} has NaN or infinite pixels; give finite numbers.")
    return images


def _shown(inputs: np.ndarray, display: Any) -> np.ndarray:
    """What people see: uint8 (n, H, W, 1, 3 or 4)."""
    images = inputs
    if callable(display):
        images = np.asarray(display(inputs))
    elif display is not None:
        images = np.asarray(display)
    if images.ndim == 3:
        images = images[..., None]
    if images.shape[:3] != inputs.shape[:3]:
        raise ValueError(
            f"ImageProbes: display has shape {images.shape} for images of shape {inputs.shape}; give one picture of the same size an image."
        )
    if images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"ImageProbes: images of shape {inputs.shape} have {images.shape[-1]} channels, which can't be shown; "
            "give channels last, or display=, the same images as grey (1), RGB (3) or RGBA (4)."
        )
    if images.dtype == np.uint8 and display is not None:
        return images
    if images.dtype == np.uint8:
        # Few levels are a mask or a class map stored as numbers, not 8-bit brightness.
        return images if images.max() > 15 else _stretched(images)
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 1:
        return np.rint(images * 255).astype(np.uint8)
    if low >= 0 and high <= 255 and high > 15:
        return np.rint(images).astype(np.uint8)
    if low >= -1 and high <= 1:
        return np.rint((images + 1) * 127.5).astype(np.uint8)
    return _stretched(images)


def _stretched(images: np.ndarray) -> np.ndarray:
    """One linear map for all images: the smallest value black, the largest white."""
    images = images.astype(np.float64)
    span = images.max() - images.min()
    return np.rint((images - images.min()) * (255 / span if span > 0 else 0)).astype(np.uint8)


def _segment_maps(images: np.ndarray, inputs: np.ndarray, how: Any) -> np.ndarray:
    """int32 (n, H, W), contiguous from 0 in each probe."""
    n, height, width, _ = images.shape
    if isinstance(how, str):
        if how not in superpixels.SEGMENTERS:
            raise ValueError(
                f"ImageProbes: unknown segments {how!r}; choose from {list(superpixels.SEGMENTERS)}, or give label maps or a callable."
            )
        return superpixels.segment(images, how)
    maps = np.stack([np.asarray(how(image)) for image in inputs]) if callable(how) else np.asarray(how)
    if maps.shape == (height, width):
        maps = np.broadcast_to(maps, (n, height, width))
    if maps.shape != (n, height, width) or maps.dtype.kind not in "iub":
        raise ValueError(
            f"ImageProbes: segments has shape {maps.shape} and dtype {maps.dtype} for {n} images of {height} x {width} pixels; "
            f"give whole numbers, ({n}, {height}, {width}) or ({height}, {width})."
        )
    maps = np.stack([superpixels.contiguous(labels) for labels in maps])
    if maps.max() >= 2**16:
        raise ValueError(f"ImageProbes: segments has {maps.max() + 1} segments in one image; 16 to 64 are a good number.")
    return maps


def _blurred(pixels: np.ndarray, segments: np.ndarray) -> np.ndarray:
    try:
        from skimage.filters import gaussian
    except ImportError as error:
        raise ImportError("ImageProbes: baseline='blur' needs scikit-image; install it with 'pip install scikit-image'.") from error
    sigma = max(pixels.shape[1:3]) / 10
    return np.stack([gaussian(image, sigma=sigma, channel_axis=-1, preserve_range=True) for image in pixels]).astype(np.float32)


BASELINES: Mapping[str, baselines.Maker] = {**baselines.BASELINES, "blur": _blurred}


def _region(name: str, mask: Any, shape: tuple[int, int, int]) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.shape not in (shape, shape[1:]):
        raise ValueError(f"ImageProbes: region {name!r} has shape {mask.shape}; give bool {shape[1:]} or {shape}.")
    if not np.isin(mask, (0, 1)).all():
        raise ValueError(f"ImageProbes: region {name!r} has values other than 0 and 1; give a bool mask.")
    return np.broadcast_to(mask.astype(bool), shape).copy()
