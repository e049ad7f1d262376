"""Images as probes: their superpixels are the players, and a baseline replaces absent ones. Probes of several images are montages of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from tb_xai_plugin.probes import checks
from tb_xai_plugin.probes.arguments import Baselines, ImageDisplay, Images, ImageSegments, Labels, Maps, Names, SideInputs
from tb_xai_plugin.probes.contract import ProbeSet
from tb_xai_plugin.probes.cuts import baselines
from tb_xai_plugin.probes.cuts import segments as superpixels
from tb_xai_plugin.probes.cuts.display import images_of, shown, shown_montage
from tb_xai_plugin.probes.cuts.montage import NOBODY, Montage, parts_of
from tb_xai_plugin.probes.hashes import hash_of
from tb_xai_plugin.probes.sampling import take_balanced

WHO = "ImageProbes"

# Of one probe; `games.coalitions` draws no designs for more.
MOST_PLAYERS = 1000


class ImageProbes(ProbeSet):
    """Images to explain. Their superpixels are the players.

    Args:
        images: (n, H, W) or (n, H, W, C), exactly as the model takes them: any value range, channels last. Several images a probe are a list of
            such arrays, or a dict of them by the model's input names, of any sizes; or one array (n, k, H, W, C) of bags, videos or volumes.
        labels: true classes, as (n,) int, (n,) names from `class_names`, or (n, classes) one-hot; sets of labels, as (n, classes) 0 and 1; or the
            true values of a regression, (n,) or (n, outputs). The model decides how they are read. Default: no labels.
        class_names: list of str, one name per class.
        names: list of str, one name per probe.
        segments: the superpixels: "auto" (a grid up to 40 px, SLIC above) | "grid" | "slic" | label maps, int (n, H, W) or (H, W) |
            a callable that maps an image to a label map (H, W). Of several images a probe: "auto" (a grid in each image; from 16 images on each
            image, or blocks of a few images in quarters where they are a video or volume) | "grid" | "slic" | "parts" (each image is a player) |
            "blocks" | one label map per array | the callable, for each image.
        baseline: the values that replace an absent superpixel: "auto" (the mean of the probes; with fewer than 8 probes, their mean colour) |
            "mean" (the mean of the probes) | "segment-mean" (the mean colour of each superpixel, as in `lime`) | "blur" (Gaussian, sigma a
            tenth of the larger side) | a number | an array (H, W) or (H, W, C), or one array per probe (n, H, W, C). Of several images: one for all,
            or one per array.
        regions: parts of the images to watch, {name: bool mask (H, W) or (n, H, W)}; of several images, one mask per array, None where there is none.
        display: images to show instead of the inputs, (n, H, W) or (n, H, W, C), or a callable images -> images; for standardised inputs.
        unit: the unit of a regression's outputs, e.g. "€/m²", for people: it stands beside outputs, true values and attributions. One for all outputs. It is
            no part of the digest, and a classifier refuses it.
        side_inputs: the other inputs of a model with several inputs, one row per probe: {name as in the model: (n, …)}, or a list in the model's order;
            None in it marks the place of the probes themselves (default: the first). Each probe keeps its own in all its masked inputs.
        model_input: callable that turns a batch of masked images into what a model with several inputs or dict inputs takes.

    Attributes:
        segments: int32 (n, H, W), the superpixel of each pixel, numbered from 0 in each image; -1 between the images of a montage.
        baseline: float32 (1, H, W, C), or (n, H, W, C) where each probe has its own.
        images: uint8 (n, H, W, 1, 3 or 4), the images as people see them.
        montage: where the images of a probe lie in `inputs`, `images` and `segments`, which then are one picture per probe; None for one image a probe.

    Raises:
        ValueError: an option does not fit the images; the message says what to give instead.
        TypeError: an option has the wrong type.
    """

    kind = "image"
    regions: dict[str, np.ndarray]

    def __init__(
        self,
        images: Images,
        labels: Labels | None = None,
        *,
        class_names: Names | None = None,
        names: Names | None = None,
        segments: str | ImageSegments = "auto",
        baseline: Baselines = "auto",
        regions: Mapping[str, Maps] | None = None,
        display: ImageDisplay | None = None,
        unit: str | None = None,
        side_inputs: SideInputs | None = None,
        model_input: Callable[..., Any] | None = None,
    ) -> None:
        given = _read(images, labels, shown_otherwise=display is not None)
        self.montage, self.inputs, self._given = given.montage, given.inputs, given.given
        n, height, width, _ = self.pixels.shape
        self.class_names = checks.names_of(WHO, class_names, "class_names", None)
        self.names = checks.names_of(WHO, names, "names", n, "images")
        self._keep_labels(WHO, labels, n)
        self.images = _shown(given, display)
        self.segments = _segment_maps(self.images, self.inputs, segments, self.montage)
        self.players = self.segments.reshape(n, -1).max(axis=1).astype(np.int64) + 1
        if self.players.min() < 2:
            raise ValueError(
                f"ImageProbes: probe {int(self.players.argmin())} has one segment; give segments= with at least 2 segments for every image."
            )
        if self.players.max() > MOST_PLAYERS:
            raise ValueError(
                f"ImageProbes: probe {int(self.players.argmax())} has {self.players.max()} segments; give fewer, 16 to 64 are a good number."
            )
        if self.montage is None:
            self.baseline = baselines.baseline(WHO, self.pixels, self.segments, cast(Any, baseline), BASELINES)
        else:
            self.baseline = _montage_baseline(self.montage, self.pixels, self.segments, baseline)
        unchanged = np.abs(self.pixels - self.baseline).reshape(n, -1).max(axis=1) == 0
        if unchanged.any():
            raise ValueError(
                f"ImageProbes: the baseline is equal to probe {int(unchanged.argmax())}, so nothing changes when its segments are absent; "
                "give another baseline=, e.g. 'blur' or a number that is not in the image."
            )
        masks = checks.mapping(WHO, "regions", regions, "{name: bool mask}")
        if self.montage is not None:
            masks = {name: self.montage.maps(mask, n, WHO, f"region {name!r}", False) for name, mask in masks.items()}
        self.regions = {str(name): _region(name, mask, (n, height, width)) for name, mask in masks.items()}
        for name, mask in self.regions.items():
            if not mask.any():
                raise ValueError(f"ImageProbes: region {name!r} has not a single pixel in any image; mark its pixels as True.")
        self.model_input = checks.optional_callable(WHO, "model_input", model_input, "maps a batch of images")
        self.unit = checks.unit_of(WHO, unit)
        self._keep_sides(WHO, side_inputs)
        self._freeze()

    def __repr__(self) -> str:
        n, height, width, channels = self.pixels.shape
        players = f"{self.players.min()} to {self.players.max()}" if len(set(self.players.tolist())) > 1 else str(self.players[0])
        if self.montage is not None:
            return f"ImageProbes({n} montages of {len(self.montage.tiles)} images, {height} x {width} x {channels}, {players} segments{self._in_unit})"
        return f"ImageProbes({n} images of {height} x {width} x {channels}, {players} segments{self._in_unit})"

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
            **({} if self.montage is None else {"montage": hash_of(json.dumps(self.montage.as_json(), sort_keys=True))}),
            **self._side_parts,
        }

    @classmethod
    def from_dataset(cls, dataset: Iterable[Any], n: int = 16, **options: Any) -> ImageProbes:
        """Take the first n images of a dataset, balanced over classes; of a regression, n that are spread over the ranks of its true values.

        A dataset that is sorted by class is read on until its classes come again, up to 2,000 examples per probe. A warning is logged where a class is
        missing or has less than its share of the probes, and where the dataset goes on and its classes are not known.

        Args:
            dataset: a pair of arrays (x, y), tf.data.Dataset, keras.utils.PyDataset, or any iterable of (x, y), (x, y, weight) or x, batched or not. Do
                not shuffle it without a fixed seed: it would give different probes in every process, and of runs with different probes little can
                be compared. y are class numbers or names, rows of 0 and 1, or true values.
            n: number of probes.
            options: further arguments of ImageProbes. `class_names` tell which classes to look for; `unit` tells that y are the true values of a
                regression, where whole numbers such as counts could also be classes.

        Raises:
            ValueError: the dataset has fewer than n examples. TypeError: it gives dicts, or several inputs of which not all are images.
        """
        class_names = checks.names_of(WHO, options.get("class_names"), "class_names", None)
        images, labels = take_balanced(WHO, dataset, n, class_names, regression=options.get("unit") is not None)
        return cls(images, labels, **options)

    @property
    def assemble(self) -> Callable[[Any, Any], Any] | None:
        """(numpy or keras.ops, masked montages) -> the images of the montages, as the model takes them; None for one image a probe."""
        return None if self.montage is None else self.montage.assemble

    def player_names(self, probe: int) -> list[str] | None:
        return None if self.montage is None else self.montage.player_names(self.segments[probe])

    def as_record(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        arrays = {
            "inputs": self.inputs,
            "images": self.images,
            "segments": self.segments.astype(np.uint16),
            "baseline": self.baseline,
        }
        if self.regions:
            arrays["regions"] = np.packbits(np.stack(list(self.regions.values()), axis=1), axis=-1)
        layout = {} if self.montage is None else {"montage": self.montage.as_json()}
        return {**self._common_record(), **layout}, arrays

    @classmethod
    def from_record(cls, names: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> ImageProbes:
        width = arrays["images"].shape[2]
        regions = {}
        if names["regions"]:
            unpacked = np.unpackbits(arrays["regions"], axis=-1, count=width).astype(bool)
            regions = {name: unpacked[:, i] for i, name in enumerate(names["regions"])}
        montage = Montage.from_json(names["montage"]) if "montage" in names else None
        inputs = arrays["inputs"]
        probes = cls(
            cast(Any, inputs if montage is None else _Given(inputs, montage.cut(inputs), montage)),
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


@dataclass(frozen=True)
class _Given:
    """The images as they were given, and as they are explained.

    Attributes:
        inputs: (n, H, W) or (n, H, W, C), the images or montages of them.
        given: a copy of what was given, where `inputs` has it in another form.
        montage: where the images of each probe lie in `inputs`, or None.
    """

    inputs: np.ndarray
    given: Any
    montage: Montage | None


def _read(images: Images | _Given, labels: Labels | None, *, shown_otherwise: bool) -> _Given:
    if isinstance(images, _Given):  # from a record
        return images
    parts = parts_of(WHO, images, labels, shown_otherwise=shown_otherwise)
    if parts is None:
        given, inputs = _checked_images(images, shown_otherwise=shown_otherwise)
        return _Given(inputs, None if given is inputs else given, None)
    form, arrays = parts
    explained = [_checked_part(name, array, shown_otherwise=shown_otherwise) for name, array in arrays.items()]
    for array in arrays.values():
        array.flags.writeable = False
    montage = Montage.of(form, arrays)
    return _Given(montage.lay(explained), montage.in_form(list(arrays.values())), montage)


def _checked_part(name: str, array: np.ndarray, *, shown_otherwise: bool) -> np.ndarray:
    """One array of several images, in the dtype in which it is explained."""
    each = array.reshape(-1, *array.shape[2:]) if array.ndim == 5 else array[..., None] if array.ndim == 3 else array
    try:
        return _checked_images(each, shown_otherwise=shown_otherwise)[1].reshape(array.shape)
    except (ValueError, TypeError) as error:
        raise type(error)(str(error).replace("ImageProbes: ", f"ImageProbes: in {name!r}, ", 1)) from None


def _checked_images(given: Images, *, shown_otherwise: bool) -> tuple[np.ndarray, np.ndarray]:
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
    if images.shape[1] * images.shape[2] < 2 or 0 in images.shape:
        raise ValueError(f"ImageProbes: images has shape {images.shape}; an image needs at least 2 pixels.")
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


def _shown(given: _Given, display: ImageDisplay | None) -> np.ndarray:
    return shown(given.inputs, display) if given.montage is None else shown_montage(given.montage, given.inputs, given.given, display)


def _segment_maps(images: np.ndarray, inputs: np.ndarray, how: str | ImageSegments, montage: Montage | None) -> np.ndarray:
    """int32 (n, H, W), contiguous from 0 in each probe."""
    n, height, width, _ = images.shape
    if montage is not None:
        return _montage_segments(montage, images, inputs, how)
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


def _montage_segments(montage: Montage, images: np.ndarray, inputs: np.ndarray, how: str | ImageSegments) -> np.ndarray:
    if isinstance(how, str):
        if how not in superpixels.MONTAGE_SEGMENTERS:
            raise ValueError(
                f"ImageProbes: unknown segments {how!r}; choose from {list(superpixels.MONTAGE_SEGMENTERS)}, or give label maps or a callable."
            )
        return superpixels.segment_montage(montage, images, how)
    if callable(how):
        return superpixels.segment_each(montage, inputs, how)
    each = montage.each(how, WHO, "segments")
    if each is not None and montage.form != "array":  # players of different arrays are different
        below = 0
        for place, labels in enumerate(each):
            if labels is None:
                raise ValueError(f"ImageProbes: segments has none for {montage.names[place]!r}; give a label map for each array of images.")
            each[place] = superpixels.contiguous(np.asarray(labels)) + below
            below += int(each[place].max()) + 1
        how = each
    maps = montage.maps(how, len(images), WHO, "segments", NOBODY)
    if maps.dtype.kind not in "iub":
        raise ValueError(f"ImageProbes: segments has dtype {maps.dtype}; give whole numbers.")
    return np.stack([superpixels.contiguous_inside(labels, montage.outside) for labels in maps])


def _montage_baseline(montage: Montage, pixels: np.ndarray, segments: np.ndarray, how: Any) -> np.ndarray:
    """float32 (1 or n, H', W', C'), equal to the inputs between the images. Each array has the baseline that it has alone."""
    whole: np.ndarray
    given = None if isinstance(how, str | int | float) else montage.each(how, WHO, "baseline")
    if isinstance(how, str) and how == "segment-mean":
        whole = baselines.segment_mean(pixels, segments) * montage.inside
        return whole
    if given is None and not isinstance(how, str | int | float):
        whole = baselines.baseline(WHO, pixels, segments, how) * montage.inside
        return whole
    arrays = montage.listed(montage.assemble(np, pixels))
    made = []
    for array, shape, one in zip(arrays, montage.shapes, given or [how] * len(arrays), strict=True):
        own = array.reshape(len(array), *shape, *([1] if len(shape) == 2 else []))
        if isinstance(one, str) and one == "blur":
            blurred = _blurred(images_of(own), segments)
            made.append(blurred.reshape(own.shape))
        else:
            made.append(baselines.baseline(WHO, own, segments, "auto" if one is None else one, {**baselines.BASELINES, "blur": _blurred}))
    n = max(map(len, made))
    return montage.lay([np.broadcast_to(baseline, (n, *baseline.shape[1:])) for baseline in made])


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


def _region(name: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """bool (n, H, W). shape: (n, H, W)."""
    mask: np.ndarray = np.asarray(given)
    if mask.shape not in (shape, shape[1:]):
        raise ValueError(f"ImageProbes: region {name!r} has shape {mask.shape}; give a bool mask of shape {shape[1:]} or {shape}.")
    if not np.isin(mask, (0, 1)).all():
        raise ValueError(f"ImageProbes: region {name!r} has values other than 0 and 1; give a bool mask.")
    return np.broadcast_to(mask.astype(bool), shape).copy()
