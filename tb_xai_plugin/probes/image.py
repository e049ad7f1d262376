"""Images as probes: their superpixels are the players, and a baseline replaces absent ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tb_xai_plugin.probes import baselines, checks
from tb_xai_plugin.probes import segments as superpixels
from tb_xai_plugin.probes.arguments import Array, Display, Labels, Names, Segments, SideInputs
from tb_xai_plugin.probes.contract import ProbeSet
from tb_xai_plugin.probes.hashes import hash_of
from tb_xai_plugin.probes.sampling import take_balanced

WHO = "ImageProbes"


class ImageProbes(ProbeSet):
    """Images to explain. Their superpixels are the players.

    Args:
        images: (n, H, W) or (n, H, W, C), exactly as the model takes them: any value range, channels last.
        labels: true classes, as (n,) int, (n,) names from `class_names`, or (n, classes) one-hot; sets of labels, as (n, classes) 0 and 1; or the
            true values of a regression, (n,) or (n, outputs). The model decides how they are read. Default: no labels.
        class_names: list of str, one name per class.
        names: list of str, one name per probe.
        segments: the superpixels: "auto" (a grid up to 40 px, SLIC above) | "grid" | "slic" | label maps, int (n, H, W) or (H, W) |
            a callable that maps an image to a label map (H, W).
        baseline: the values that replace an absent superpixel: "auto" (the mean of the probes; with fewer than 8 probes, their mean colour) |
            "mean" (the mean of the probes) | "segment-mean" (the mean colour of each superpixel, as in `lime`) | "blur" (Gaussian, sigma a
            tenth of the larger side) | a number | an array (H, W) or (H, W, C), or one array per probe (n, H, W, C).
        regions: parts of the images to watch, {name: bool mask (H, W) or (n, H, W)}.
        display: images to show instead of the inputs, (n, H, W) or (n, H, W, C), or a callable images -> images; for standardised inputs.
        side_inputs: the other inputs of a model with several inputs, one row per probe: {name as in the model: (n, …)}, or a list in the model's order;
            None in it marks the place of the probes themselves (default: the first). Each probe keeps its own in all its masked inputs.
        model_input: callable that turns a batch of masked images into what a model with several inputs or dict inputs takes.

    Attributes:
        segments: int32 (n, H, W), the superpixel of each pixel, numbered from 0 in each image.
        baseline: float32 (1, H, W, C), or (n, H, W, C) where each probe has its own.
        images: uint8 (n, H, W, 1, 3 or 4), the images as people see them.

    Raises:
        ValueError: an option does not fit the images; the message says what to give instead.
        TypeError: an option has the wrong type.
    """

    kind = "image"
    regions: dict[str, np.ndarray]

    def __init__(
        self,
        images: Array,
        labels: Labels | None = None,
        *,
        class_names: Names | None = None,
        names: Names | None = None,
        segments: str | Segments = "auto",
        baseline: str | float | Array = "auto",
        regions: Mapping[str, Array] | None = None,
        display: Display | None = None,
        side_inputs: SideInputs | None = None,
        model_input: Callable[..., Any] | None = None,
    ) -> None:
        self._given, self.inputs = _checked_images(images, shown_otherwise=display is not None)
        n, height, width, _ = self.pixels.shape
        self.class_names = checks.names_of(WHO, class_names, "class_names", None)
        self.names = checks.names_of(WHO, names, "names", n, "images")
        self._keep_labels(WHO, labels, n)
        self.images = _shown(self.inputs, display)
        self.segments = _segment_maps(self.images, self.inputs, segments)
        self.players = self.segments.reshape(n, -1).max(axis=1).astype(np.int64) + 1
        if self.players.min() < 2:
            raise ValueError(
                f"ImageProbes: probe {int(self.players.argmin())} has one segment; give segments= with at least 2 segments for every image."
            )
        self.baseline = baselines.baseline(WHO, self.pixels, self.segments, baseline, BASELINES)
        unchanged = np.abs(self.pixels - self.baseline).reshape(n, -1).max(axis=1) == 0
        if unchanged.any():
            raise ValueError(
                f"ImageProbes: the baseline is equal to probe {int(unchanged.argmax())}, so nothing changes when its segments are absent; "
                "give another baseline=, e.g. 'blur' or a number that is not in the image."
            )
        masks = checks.mapping(WHO, "regions", regions, "{name: bool mask}")
        self.regions = {str(name): _region(name, mask, (n, height, width)) for name, mask in masks.items()}
        for name, mask in self.regions.items():
            if not mask.any():
                raise ValueError(f"ImageProbes: region {name!r} has not a single pixel in any image; mark its pixels as True.")
        self.model_input = checks.optional_callable(WHO, "model_input", model_input, "maps a batch of images")
        self._keep_sides(WHO, side_inputs)
        self._freeze()

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
            **self._label_parts,
            "segments": hash_of(self.segments),
            "baseline": hash_of(self.baseline),
            **self._side_parts,
        }

    @classmethod
    def from_dataset(cls, dataset: Iterable[Any], n: int = 16, **options: Any) -> ImageProbes:
        """Take the first n images of a dataset, balanced over classes.

        Args:
            dataset: tf.data.Dataset, keras.utils.PyDataset, or any iterable of (x, y), (x, y, weight) or x, batched or not. Do not shuffle it:
                a shuffled dataset gives different probes in every process, and runs with different probes cannot be compared.
            n: number of probes.
            options: further arguments of ImageProbes.

        Raises:
            ValueError: the dataset has fewer than n examples. TypeError: it gives dicts instead of (x, y).
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
        # Regions are not checked again: an older record may contain an empty one.
        probes.regions = {name: _region(name, mask, probes.segments.shape) for name, mask in regions.items()}
        return probes


def _checked_images(given: Array, *, shown_otherwise: bool) -> tuple[np.ndarray, np.ndarray]:
    """A copy of the images, (n, H, W) or (n, H, W, C), in the dtype that was given and in the one that is explained.

    shown_otherwise: other images are shown to people, given by `display`.
    """
    try:
        images: np.ndarray = np.array(given)
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
    other = {np.dtype(np.bool_): np.uint8, np.dtype(np.float64): np.float32}.get(images.dtype)
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
        explained = images if other is None else images.astype(other)
    bad = ~np.isfinite(explained).reshape(len(images), -1).all(axis=1)
    if bad.any():
        raise ValueError(f"ImageProbes: image {int(bad.argmax())} has NaN or infinite pixels; give finite numbers.")
    return images, explained


def _shown(inputs: np.ndarray, display: Display | None) -> np.ndarray:
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


def _segment_maps(images: np.ndarray, inputs: np.ndarray, how: str | Segments) -> np.ndarray:
    """int32 (n, H, W), contiguous from 0 in each probe."""
    n, height, width, _ = images.shape
    if isinstance(how, str):
        if how not in superpixels.SEGMENTERS:
            raise ValueError(
                f"ImageProbes: unknown segments {how!r}; choose from {list(superpixels.SEGMENTERS)}, or give label maps or a callable."
            )
        return superpixels.segment(images, how)
    maps = np.stack([np.asarray(how(image.copy())) for image in inputs]) if callable(how) else np.asarray(how)
    if maps.shape == (height, width):
        maps = np.broadcast_to(maps, (n, height, width))
    if maps.shape != (n, height, width) or maps.dtype.kind not in "iub":
        raise ValueError(
            f"ImageProbes: segments has shape {maps.shape} and dtype {maps.dtype} for {n} images of {height} x {width} pixels; "
            f"give whole numbers of shape ({n}, {height}, {width}) or ({height}, {width})."
        )
    maps = np.stack([superpixels.contiguous(labels) for labels in maps])
    if maps.max() >= 2**16:
        raise ValueError(f"ImageProbes: segments has {maps.max() + 1} segments in one image; give fewer, 16 to 64 are a good number.")
    return maps


def _blurred(pixels: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Each image under a Gaussian blur."""
    try:
        from skimage.filters import gaussian
    except ImportError as error:
        raise ImportError("ImageProbes: baseline='blur' needs scikit-image; install it with 'pip install scikit-image'.") from error
    sigma = max(pixels.shape[1:3]) / 10
    blurred: np.ndarray = np.stack([gaussian(image, sigma=sigma, channel_axis=-1, preserve_range=True) for image in pixels])
    return blurred.astype(np.float32)


BASELINES: Mapping[str, baselines.Maker] = {**baselines.BASELINES, "blur": _blurred}


def _region(name: str, given: Array, shape: tuple[int, ...]) -> np.ndarray:
    """bool (n, H, W). shape: (n, H, W)."""
    mask: np.ndarray = np.asarray(given)
    if mask.shape not in (shape, shape[1:]):
        raise ValueError(f"ImageProbes: region {name!r} has shape {mask.shape}; give a bool mask of shape {shape[1:]} or {shape}.")
    if not np.isin(mask, (0, 1)).all():
        raise ValueError(f"ImageProbes: region {name!r} has values other than 0 and 1; give a bool mask.")
    return np.broadcast_to(mask.astype(bool), shape).copy()
