"""Series over time as probes: segments of time are the players."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tb_xai_plugin.probes import baselines, checks
from tb_xai_plugin.probes.arguments import Array, Display, Labels, Names, Segments, SideInputs
from tb_xai_plugin.probes.contract import ProbeSet
from tb_xai_plugin.probes.hashes import hash_of
from tb_xai_plugin.probes.montage import NOBODY
from tb_xai_plugin.probes.padding import content, may_be_ids, padding_of
from tb_xai_plugin.probes.regions import overlap
from tb_xai_plugin.probes.segments import contiguous_inside

WHO = "SequenceProbes"
# Default number of equal segments.
SEGMENTS = 20

# A player's name lists at most this many stretches of time.
MOST_STRETCHES = 3


class SequenceProbes(ProbeSet):
    """Series over time to explain: sensors, signals, prices. Their segments of time are the players.

    Args:
        series: (n, T) or (n, T, C) numbers, exactly as the model takes them.
        labels: true classes, as (n,) int, (n,) names from `class_names`, or (n, classes) one-hot; sets of labels, as (n, classes) 0 and 1; or the
            true values of a regression, (n,) or (n, outputs). The model decides how they are read. Default: no labels.
        class_names: list of str, one name per class.
        names: list of str, one name per probe.
        channel_names: list of str, one name per channel.
        segments: "auto" (20 equal segments, or one per step in shorter series; of padded ids, they cut what is not padding) | a number of equal segments | label maps, int (T,) or (n, T) |
            a callable that maps a series (T, C) to a label map (T,).
        baseline: the values that replace an absent segment: "auto" (the mean of the probes; with fewer than 8 probes, the mean of each channel;
            of whole numbers from 0, which may be ids, the number that pads them at their ends) |
            "mean" (the mean of the probes) | "segment-mean" (the mean of each segment and channel) | a number | an array (T,), (T, C) or (n, T, C).
        regions: stretches of time to watch, {name: bool mask (T,) or (n, T), or [start, stop] in steps, stop excluded}.
        display: series to show instead, (n, T) or (n, T, C) in their own units, or a callable series -> series.
        side_inputs: the other inputs of a model with several inputs, one row per probe: {name as in the model: (n, …)}, or a list in the model's order;
            None in it marks the place of the probes themselves (default: the first). Each probe keeps its own in all its masked inputs.
        model_input: callable that turns a batch of masked series into what a model with several inputs or dict inputs takes.

    Attributes:
        segments: int32 (n, T), the player of each step, numbered from 0 in each series; -1 for padding.
        baseline: float32 (1, T, C), or (n, T, C) where each probe has its own.
        ids: whether the series are taken for ids: whole numbers from 0 whose baseline is whole. No value between two ids reaches the model.
        padded: bool (n, T), the steps at both ends of a series of ids that have the baseline's own value. By default they belong to no player.

    Raises:
        ValueError: an option does not fit the series; the message says what to give instead.
        TypeError: an option has the wrong type.
    """

    kind = "sequence"
    regions: dict[str, np.ndarray]

    def __init__(
        self,
        series: Array,
        labels: Labels | None = None,
        *,
        class_names: Names | None = None,
        names: Names | None = None,
        channel_names: Names | None = None,
        segments: str | int | Segments = "auto",
        baseline: str | float | Array = "auto",
        regions: Mapping[str, Array] | None = None,
        display: Display | None = None,
        side_inputs: SideInputs | None = None,
        model_input: Callable[..., Any] | None = None,
    ) -> None:
        self._given, self.inputs = _numbers(series)
        n, length, channels = self.pixels.shape
        self.class_names = checks.names_of(WHO, class_names, "class_names", None)
        self.names = checks.names_of(WHO, names, "names", n)
        self._keep_labels(WHO, labels, n)
        self.channel_names = checks.names_of(WHO, channel_names, "channel_names", channels, "channels")
        self.ids, baseline = _ids(self.inputs, baseline)
        self.padded = np.zeros((n, length), dtype=bool)
        if self.ids:
            made = baselines.baseline(WHO, self.pixels, np.zeros((n, length), dtype=np.int32), baseline)
            self.padded = ~content(self.pixels, made)
            if self.padded.all(axis=1).any():
                raise ValueError(
                    f"{WHO}: series {int(self.padded.all(axis=1).argmax())} is nothing but padding, {made.ravel()[0]:g}; leave it out, or give another baseline=."
                )
        self.segments = _segments(self.pixels, segments, self.padded)
        self.players = self.segments.max(axis=1).astype(np.int64) + 1
        if self.players.min() < 2:
            raise ValueError(f"{WHO}: probe {int(self.players.argmin())} has one segment; give segments= with at least 2 for every series.")
        self.baseline = baselines.baseline(WHO, self.pixels, self.segments, baseline)
        unchanged = np.abs(self.pixels - self.baseline).reshape(n, -1).max(axis=1) == 0
        if unchanged.any():
            raise ValueError(
                f"{WHO}: the baseline is equal to probe {int(unchanged.argmax())}, so nothing changes when its segments are absent; "
                "give another baseline=, e.g. a number that is not in the series."
            )
        given = checks.mapping(WHO, "regions", regions, "{name: bool mask over time, or [start, stop]}")
        self.regions = {str(name): _region(name, mask, (n, length)) for name, mask in given.items()}
        shown = self.inputs if display is None else _array("display", display(self.inputs.copy()) if callable(display) else display)
        if shown.shape not in (self.inputs.shape, self.pixels.shape) or shown.dtype.kind not in "fiub":
            raise ValueError(
                f"{WHO}: display has shape {shown.shape} for series of shape {self.inputs.shape}; give numbers of the same shape."
            )
        self.shown = shown.astype(np.float32).reshape(n, length, channels)
        self.model_input = checks.optional_callable(WHO, "model_input", model_input, "maps a batch of series")
        self._keep_sides(WHO, side_inputs)
        self._freeze()

    def __repr__(self) -> str:
        n, length, channels = self.pixels.shape
        ids = f", ids padded with {self.baseline.ravel()[0]:g}" if self.padded.any() else ""
        return f"SequenceProbes({n} series of {length} steps x {channels}, {self.players.max()} segments{ids})"

    @property
    def pixels(self) -> np.ndarray:
        """float32 (n, T, C): the inputs with a channel axis."""
        inputs = self.inputs[..., None] if self.inputs.ndim == 2 else self.inputs
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
    def from_dataset(cls, dataset: Iterable[Any], n: int = 16, **options: Any) -> SequenceProbes:
        """Take the first n series of a dataset, balanced over classes.

        Args:
            dataset: (x, y) with series x (T, C), batched or not; or a pair of arrays such as (x_test, y_test), where x may also be (n, T).
                See `ImageProbes.from_dataset`.
            n: number of probes.
            options: further arguments of SequenceProbes.
        """
        from tb_xai_plugin.probes.sampling import take_balanced

        class_names = checks.names_of(WHO, options.get("class_names"), "class_names", None)
        axes = np.ndim(dataset[0]) - 1 if isinstance(dataset, tuple) and dataset else 2
        series, labels = take_balanced(dataset, n, classes=len(class_names) if class_names is not None else None, axes=axes)
        return cls(series, labels, **options)

    def player_names(self, probe: int) -> list[str]:
        return [_steps(self.segments[probe] == player) for player in range(int(self.players[probe]))]

    def as_record(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        alike = bool((self.segments == self.segments[0]).all())  # all probes have the same segments
        names = {**self._common_record(), "channel_names": self.channel_names, "alike": alike}
        arrays = {"inputs": self.inputs, "shown": self.shown, "segments": self.segments.astype(np.uint16), "baseline": self.baseline}
        if self.regions:
            arrays["masks"] = np.stack(list(self.regions.values()), axis=1).astype(np.uint8)
            arrays["membership"] = np.stack([self.inside(mask) for mask in self.regions.values()], axis=1)
        return names, arrays

    def inside(self, mask: np.ndarray) -> np.ndarray:
        """float64 (n, players): the share of each segment's steps inside a bool mask (n, T)."""
        return overlap(self.segments, mask, int(self.players.max()))

    @classmethod
    def from_record(cls, names: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> SequenceProbes:
        masks = arrays.get("masks")
        return cls(
            arrays["inputs"],
            cls._labels_in(names),
            class_names=names["class_names"],
            names=names["names"],
            channel_names=names["channel_names"],
            segments=np.where(arrays["segments"] == np.uint16(NOBODY & 0xFFFF), NOBODY, arrays["segments"].astype(np.int32)),
            baseline=arrays["baseline"],
            regions={} if masks is None else {name: masks[:, place].astype(bool) for place, name in enumerate(names["regions"])},
            display=arrays["shown"],
        )


def _array(what: str, given: float | Array) -> np.ndarray:
    """An option as an array."""
    try:
        return np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{WHO}: {what} is not an array ({error}); give rows of equal length.") from error


def _numbers(given: Array) -> tuple[np.ndarray, np.ndarray]:
    """A copy of the series, (n, T) or (n, T, C), in the dtype that was given and in the one that is explained."""
    try:
        series: np.ndarray = np.array(given)
    except ValueError as error:
        raise ValueError(f"{WHO}: series is not an array ({error}); give series of equal length, (n, T) or (n, T, C).") from error
    if series.dtype.kind not in "fiub" or series.ndim not in (2, 3) or 0 in series.shape or series.shape[1] < 2:
        raise ValueError(
            f"{WHO}: series has shape {series.shape} and dtype {series.dtype}; give numbers of shape (n, T) or (n, T, C) with T at least 2."
        )
    bad = ~(np.abs(series.astype(np.float64)) <= np.finfo(np.float32).max).reshape(len(series), -1).all(axis=1)
    if bad.any():
        raise ValueError(f"{WHO}: series {int(bad.argmax())} has NaN or infinite values; give finite numbers.")
    # Masked inputs are float32, even where the series hold whole numbers.
    for channel in np.moveaxis(series.reshape(*series.shape[:2], -1).astype(np.float64), 2, 0):
        if pair := checks.merged(channel):
            raise ValueError(
                f"{WHO}: series has {pair[0]:.17g} and {pair[1]:.17g}, which are the same number in float32; subtract an offset first, round the numbers, or "
                "give codes 0, 1, …."
            )
    lost = series.dtype.kind in "iu" and (series.astype(np.float32).astype(np.float64) != series)
    if np.any(lost):
        raise ValueError(
            f"{WHO}: series has {series[lost][0]}, a whole number that float32 cannot hold; give float32 numbers, or codes 0, 1, … below 2**24."
        )
    return series, series.astype(np.float32) if series.dtype in (np.float64, np.bool_) else series


def _ids(series: np.ndarray, baseline: str | float | Array) -> tuple[bool, str | float | Array]:
    """Whether series are taken for ids, and their baseline: of ids, "auto" is the one that pads them."""
    if not may_be_ids(series) or (isinstance(baseline, str) and baseline != "auto"):
        return False, baseline
    if not isinstance(baseline, str):
        numbers = _array("baseline", baseline)
        return numbers.dtype.kind in "fiub" and bool((np.isfinite(numbers) & (numbers == np.round(numbers))).all()), baseline
    padding = padding_of(series)
    if padding is None:
        raise ValueError(
            f"{WHO}: series has whole numbers from {series.min()} to {series.max()}, and no padding is seen at their ends; if they are ids, e.g. of words, "
            "give baseline=<the id that pads them>, e.g. baseline=0; if they are quantities, give baseline='mean'."
        )
    return True, padding


def _segments(pixels: np.ndarray, how: str | int | Segments, padded: np.ndarray) -> np.ndarray:
    """int32 (n, T), contiguous from 0 in each probe; NOBODY for padding where no maps are given."""
    n, length, _ = pixels.shape
    if isinstance(how, str) and how == "auto":
        how = min(SEGMENTS, length)
    if isinstance(how, int | np.integer) and not isinstance(how, bool):
        if not 2 <= how <= length:
            raise ValueError(f"{WHO}: segments is {how} for series of {length} steps; give 2 to {length}.")
        return np.stack([_cut(int(how), own) for own in padded])
    if isinstance(how, str):
        raise ValueError(f"{WHO}: unknown segments {how!r}; give 'auto', a number, label maps (T,) or (n, T), or a callable.")
    maps = _array("segments", [np.asarray(how(series.copy())) for series in pixels] if callable(how) else how)
    if maps.shape not in ((length,), (n, length)) or maps.dtype.kind not in "iub":
        raise ValueError(
            f"{WHO}: segments has shape {maps.shape} and dtype {maps.dtype}; give whole numbers of shape ({length},) or ({n}, {length})."
        )
    maps = np.broadcast_to(maps, (n, length))
    nobody = padded & (maps == NOBODY)  # from a record
    return np.stack([contiguous_inside(labels, outside) for labels, outside in zip(maps, nobody, strict=True)])


def _cut(count: int, padded: np.ndarray) -> np.ndarray:
    """int32 (T,): what is not padding in `count` equal segments, or one per step where it is shorter."""
    labels = np.full(len(padded), NOBODY, dtype=np.int32)
    steps = int((~padded).sum())
    labels[~padded] = np.arange(steps) * min(count, steps) // steps
    return labels if steps > 1 else labels + 1  # of a single step, the padding is the other player


def _steps(inside: np.ndarray) -> str:
    """The name of a player: its stretches of time. inside: bool (T,), the steps of the player."""
    edges = np.flatnonzero(np.diff(inside, prepend=False, append=False)).reshape(-1, 2)
    stretches = [f"{start}\u2013{end - 1}" if end - start > 1 else str(start) for start, end in edges[:MOST_STRETCHES].tolist()]
    more = f", \u2026 ({inside.sum()} steps)" if len(edges) > MOST_STRETCHES else ""
    return f"step{'s' if inside.sum() > 1 else ''} {', '.join(stretches)}{more}"


def _region(name: str, given: Array, shape: tuple[int, int]) -> np.ndarray:
    """bool (n, T). shape: (n, T)."""
    mask = _array(f"region {name!r}", given)
    if mask.dtype.kind not in "biuf":
        raise TypeError(f"{WHO}: region {name!r} is {given!r}; give a bool mask of shape {shape[1:]} or {shape}, or [start, stop].")
    if mask.shape == (2,) and mask.dtype.kind in "iu" and shape[1] != 2:
        if not 0 <= mask[0] <= mask[1] <= shape[1]:
            raise ValueError(
                f"{WHO}: region {name!r} is {mask.tolist()} for series of {shape[1]} steps; give [start, stop] with 0 <= start < stop <= {shape[1]}."
            )
        steps = np.arange(shape[1])
        mask = (steps >= mask[0]) & (steps < mask[1])
    if mask.shape not in (shape, shape[1:]) or not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"{WHO}: region {name!r} has shape {mask.shape}; give a bool mask of shape {shape[1:]} or {shape}, or [start, stop]."
        )
    if not mask.any():
        raise ValueError(f"{WHO}: region {name!r} has not a single step; mark its steps as True.")
    return np.broadcast_to(mask.astype(bool), shape).copy()
