"""Series over time as probes: segments of time are the players."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from tb_xai_plugin.probes import checks
from tb_xai_plugin.probes.arguments import Array, Baselines, Display, Images, Labels, Names, Segments, SideInputs
from tb_xai_plugin.probes.contract import ProbeSet
from tb_xai_plugin.probes.cuts import baselines
from tb_xai_plugin.probes.cuts.joined import Joined, joined_of
from tb_xai_plugin.probes.cuts.montage import NOBODY
from tb_xai_plugin.probes.cuts.padding import content, may_be_ids, padding_of
from tb_xai_plugin.probes.cuts.segments import contiguous_inside
from tb_xai_plugin.probes.hashes import hash_of
from tb_xai_plugin.probes.regions import overlap

WHO = "SequenceProbes"
# Default number of equal segments.
SEGMENTS = 20

# A player's name lists at most this many stretches of time.
MOST_STRETCHES = 3


class SequenceProbes(ProbeSet):
    """Series over time to explain: sensors, signals, prices. Their segments of time are the players.

    Args:
        series: (n, T) or (n, T, C) numbers, exactly as the model takes them. Several series a probe are a list of arrays (n, T), (n, T, C) or (n,), or
            a dict of them by the model's input names, of any lengths and as many channels.
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
        unit: the unit of a regression's outputs, e.g. "€/m²", for people: it stands beside outputs, true values and attributions. One for all outputs. It is
            no part of the digest, and a classifier refuses it.
        side_inputs: the other inputs of a model with several inputs, one row per probe: {name as in the model: (n, …)}, or a list in the model's order;
            None in it marks the place of the probes themselves (default: the first). Each probe keeps its own in all its masked inputs.
        model_input: callable that turns a batch of masked series into what a model with several inputs or dict inputs takes.

    Attributes:
        segments: int32 (n, T), the player of each step, numbered from 0 in each series; -1 for padding.
        baseline: float32 (1, T, C), or (n, T, C) where each probe has its own.
        joined: where the series of a probe lie in `inputs` and `segments`, one after the other; None for one series a probe.
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
        series: Images,
        labels: Labels | None = None,
        *,
        class_names: Names | None = None,
        names: Names | None = None,
        channel_names: Names | None = None,
        segments: str | int | Segments = "auto",
        baseline: Baselines = "auto",
        regions: Mapping[str, Array] | None = None,
        display: Display | None = None,
        unit: str | None = None,
        side_inputs: SideInputs | None = None,
        model_input: Callable[..., Any] | None = None,
    ) -> None:
        read = _read(series, labels)
        self._given, self.inputs, self.joined = read.given, read.inputs, read.joined
        slices = [slice(None)] if self.joined is None else self.joined.slices
        n, length, channels = self.pixels.shape
        self.class_names = checks.names_of(WHO, class_names, "class_names", None)
        self.names = checks.names_of(WHO, names, "names", n)
        self._keep_labels(WHO, labels, n)
        self.channel_names = checks.names_of(WHO, channel_names, "channel_names", channels, "channels")
        each = None if self.joined is None else self.joined.each(baseline)
        made = _baseline(self.inputs, self.pixels, slices, each or [baseline] * len(slices))
        self.ids, self.padded = made.ids, made.padded
        self.segments = _segments(self.pixels, segments, self.padded, slices)
        self.players = self.segments.max(axis=1).astype(np.int64) + 1
        if self.players.min() < 2:
            raise ValueError(f"{WHO}: probe {int(self.players.argmin())} has one segment; give segments= with at least 2 for every series.")
        self.baseline = baselines.segment_mean(self.pixels, self.segments) if made.baseline is None else made.baseline
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
        self.unit = checks.unit_of(WHO, unit)
        self._keep_sides(WHO, side_inputs)
        self._freeze()

    def __repr__(self) -> str:
        n, length, channels = self.pixels.shape
        ids = f", ids padded with {self.baseline.ravel()[0]:g}" if self.padded.any() else ""
        if self.joined is None:
            return f"SequenceProbes({n} series of {length} steps x {channels}, {self.players.max()} segments{ids}{self._in_unit})"
        lengths = " + ".join(str(steps.stop - steps.start) for steps in self.joined.slices)
        return f"SequenceProbes({n} x {len(self.joined.names)} series of {lengths} steps x {channels}, {self.players.max()} segments{ids}{self._in_unit})"

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
            **({} if self.joined is None else {"joined": hash_of(json.dumps(self.joined.as_json(), sort_keys=True))}),
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
        given: Any = dataset[0] if isinstance(dataset, tuple) and dataset else []
        axes = 2 if isinstance(given, list | tuple | dict) else np.ndim(given) - 1
        series, labels = take_balanced(WHO, dataset, n, class_names, axes=axes, regression=options.get("unit") is not None)
        return cls(series, labels, **options)

    @property
    def assemble(self) -> Callable[[Any, Any], Any] | None:
        """(numpy or keras.ops, masked series) -> the series of each probe, as the model takes them; None for one series a probe."""
        return None if self.joined is None else self.joined.assemble

    def player_names(self, probe: int) -> list[str]:
        return names_of(self.segments[probe], int(self.players[probe]), self.joined)

    def player_values(self, probe: int) -> list[Any]:
        shown, segments = self.shown[probe].astype(np.float64), self.segments[probe]
        means = [shown[segments == player].mean(axis=0).tolist() for player in range(int(self.players[probe]))]
        return [tuple(mean) if len(mean) > 1 else mean[0] for mean in means]

    def as_record(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        alike = bool((self.segments == self.segments[0]).all())  # all probes have the same segments
        joined = {} if self.joined is None else {"joined": self.joined.as_json()}
        names = {**self._common_record(), "channel_names": self.channel_names, "alike": alike, **joined}
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
        inputs = arrays["inputs"]
        joined = Joined.from_json(names["joined"]) if "joined" in names else None
        return cls(
            inputs if joined is None else cast(Any, _Read(joined.cut(inputs), inputs, joined)),
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


@dataclass(frozen=True)
class _Read:
    """The series as they were given, and as they are explained.

    Attributes:
        given: a copy of what was given.
        inputs: (n, T) or (n, T, C).
        joined: where the series of each probe lie in `inputs`, or None.
    """

    given: Any
    inputs: np.ndarray
    joined: Joined | None


def _read(series: Any, labels: Any) -> _Read:
    if isinstance(series, _Read):  # from a record
        return series
    parts = joined_of(WHO, series, labels)
    if parts is None:
        return _Read(*_numbers(series), None)
    joined, arrays = parts
    for array in arrays:
        array.flags.writeable = False
    numbers = [array.astype(np.float32) if array.dtype == np.bool_ else array for array in arrays]
    return _Read(joined.in_form(arrays), _numbers(joined.join(numbers))[1], joined)


@dataclass(frozen=True)
class _Baseline:
    """The baseline of series, and what it tells of them.

    Attributes:
        baseline: float32 (1 or n, T, C); None where it is made of the segments.
        ids: whether any of the series are taken for ids.
        padded: bool (n, T), the steps at both ends of a series of ids that have the baseline's own value.
    """

    baseline: np.ndarray | None
    ids: bool
    padded: np.ndarray


def _baseline(inputs: np.ndarray, pixels: np.ndarray, slices: list[slice], each: list[Any]) -> _Baseline:
    """The baseline of each stretch of series as if it were alone. each: the option `baseline` of each."""
    n, length, _ = pixels.shape
    padded = np.zeros((n, length), dtype=bool)
    if any(isinstance(how, str) and how == "segment-mean" for how in each):
        return _Baseline(None, False, padded)
    if len(slices) > 1 and np.shape(each[0]) and each[0] is each[-1]:  # one array for all
        whole = baselines.baseline(WHO, pixels, np.zeros((n, length), dtype=np.int32), each[0])
        each = [whole[:, steps] for steps in slices]
    made, any_ids = [], False
    for steps, how in zip(slices, each, strict=True):
        ids, how = _ids(inputs[:, steps], "auto" if how is None else how)
        own = pixels[:, steps]
        made.append(baselines.baseline(WHO, own, np.zeros(own.shape[:2], dtype=np.int32), how))
        if ids:
            padded[:, steps] = ~content(own, made[-1])
            any_ids = True
    if padded.all(axis=1).any():
        raise ValueError(
            f"{WHO}: series {int(padded.all(axis=1).argmax())} is nothing but padding, {made[0].ravel()[0]:g}; leave it out, or give another baseline=."
        )
    most = max(map(len, made))
    return _Baseline(np.concatenate([np.broadcast_to(one, (most, *one.shape[1:])) for one in made], axis=1), any_ids, padded)


def _ids(series: np.ndarray, baseline: Any) -> tuple[bool, Any]:
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


def _segments(pixels: np.ndarray, how: str | int | Segments, padded: np.ndarray, slices: list[slice]) -> np.ndarray:
    """int32 (n, T), contiguous from 0 in each probe; NOBODY for padding where no maps are given."""
    n, length, _ = pixels.shape
    if isinstance(how, str) and how == "auto":
        how = min(SEGMENTS, length)
    if isinstance(how, int | np.integer) and not isinstance(how, bool):
        if not 2 <= how <= length:
            raise ValueError(f"{WHO}: segments is {how} for series of {length} steps; give 2 to {length}.")
        return np.stack([_cut(int(how), own, slices) for own in padded])
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


def _cut(count: int, padded: np.ndarray, slices: list[slice]) -> np.ndarray:
    """int32 (T,): what is not padding in `count` equal segments, or one per step where it is shorter. Each stretch of `slices` has its part of them."""
    labels = np.full(len(padded), NOBODY, dtype=np.int32)
    players = 0
    for steps in slices:
        own = ~padded[steps]
        length = int(own.sum())
        if length:
            parts = min(length, max(1, round(count * len(own) / len(padded))))
            labels[steps][own] = players + np.arange(length) * parts // length
            players += parts
    return labels if players > 1 else np.where(labels == 0, 1, 0).astype(np.int32)  # of a single step, the padding is the other player


def names_of(segments: np.ndarray, players: int, joined: Joined | None) -> list[str]:
    """Names of the players of one probe: their stretches of time. segments: (T,)."""
    names = []
    for player in range(players):
        own = segments == player
        if joined is None:
            names.append(_steps(own))
            continue
        stretches = [(name, own[steps]) for name, steps in zip(joined.names, joined.slices, strict=True) if own[steps].any()]
        names.append(" + ".join(name if len(inside) == 1 else f"{name}, {_steps(inside)}" for name, inside in stretches))
    return names


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
