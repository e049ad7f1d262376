"""A record as it is read: its JSON once, its arrays when they are asked for, from a log directory or from TensorBoard."""

from __future__ import annotations

import itertools
import json
import math
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from tb_xai_plugin.errors import ArgumentError, RecordError
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.sources import Datum, Source, calls

# What the JSON of a record and of an epoch holds; without one of these it is damaged.
RECORD_KEYS = {"probes", "settings", "comparable", "targets", "shape", "details", "arrays", "blocks"}
EPOCH_KEYS = {"logs", "explained", "reason", "evaluations", "level", "change", "seconds", "training", "share", "logged", "fresh"}

# Tensors that are in memory together while they are decoded.
TOGETHER_BYTES = 2**26

# Memory of parsed JSON, in units of its text.
PARSED = 4

# A place among the targets, int (all_steps, probes), and whether there is one.
ClassPlaces = tuple[np.ndarray, np.ndarray]


Self = TypeVar("Self", bound="Record")


# An address may be used again when a record is forgotten; a number never is.
_SERIALS = itertools.count()


class Record:
    """One probe set of one run; what counts of it, and its arrays.

    Of a resumed or restarted run, the newest write of a step counts, and whatever was written earlier at the same or a later step is dropped.

    Attributes:
        name: of the run.
        probe_set: name of the probe set.
        whole: False where epochs went away while they were read: a restarted run replaces them.
        serial: tells one object from all others that were ever made.
    """

    def __init__(self, source: Source, name: str, probe_set: str | None = None) -> None:
        self.name = name
        self._source = source
        sets = probe_sets(source, name)
        if probe_set is not None and probe_set not in sets:
            raise RecordError(f"{name}: no probe set {probe_set!r}; it has {sets}.")
        self.probe_set = probe_set or sets[0]
        self.whole = True
        self._arrays: dict[str, np.ndarray] = {}
        self._cached: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self.serial = next(_SERIALS)
        self._texts: dict[str, list[Datum]] = {}
        self._text_bytes = 0
        self._lock = threading.RLock()

    @cached_property
    def record(self) -> dict[str, Any]:
        """What was logged once: settings, hashes, names; JSON."""
        newest = max(self._text(wire.record_tag(self.probe_set)), key=lambda d: d.wall_time, default=None)
        return self._parsed(newest.value if newest else None, RECORD_KEYS)

    def _text(self, tag: str) -> list[Datum]:
        """JSON, once: both tags are read in one go, by whichever is asked for first."""
        with self._lock:
            if tag not in self._texts:
                self._texts = self._source.tensors([wire.record_tag(self.probe_set), wire.epoch_tag(self.probe_set)])
                self._text_bytes = sum(len(d.value) for data in self._texts.values() for d in data if isinstance(d.value, bytes))
            return self._texts.pop(tag)

    def load(self: Self) -> Self:
        """The same, with what says how far it is; once, in one thread: TensorBoard asks from several.

        Raises:
            RecordError: a damaged record.
        """
        with self._lock:
            self.record, self.writes  # noqa: B018
        return self

    def _parsed(self, text: Any, keys: set[str]) -> dict[str, Any]:
        try:
            parsed = json.loads(text)
        except (ValueError, TypeError):
            parsed = None
        if not isinstance(parsed, dict) or not keys <= parsed.keys():
            raise RecordError(f"{self.name}: the record of probe set {self.probe_set!r} is damaged; train again into a new log_dir.")
        return parsed

    @cached_property
    def writes(self) -> list[tuple[int, float, dict[str, Any]]]:
        """(step, wall time, epoch's JSON) of the writes that count, ascending."""
        live: list[tuple[int, float, dict[str, Any]]] = []
        for datum in sorted(self._text(wire.epoch_tag(self.probe_set)), key=lambda d: d.wall_time):
            epoch = self._parsed(datum.value, EPOCH_KEYS)
            while live and (live[-1][0] >= datum.step or epoch["fresh"]):
                live.pop()
            live.append((datum.step, datum.wall_time, epoch))
        return live

    @cached_property
    def _quantities(self) -> dict[str, wire.Quantity]:
        with self._damage():
            return wire.quantities(self.record)

    @cached_property
    def _explained(self) -> list[tuple[int, float, dict[str, Any]]]:
        explained = [write for write in self.writes if write[2]["explained"]]
        if not self._unserved:
            return explained
        # TensorBoard was told to sample, and samples each tag by itself: a step counts where all of its tags are there.
        whole = {write[:2] for write in explained}
        for _, _, read in self._blocks(self._quantities):
            for data in read.values():
                whole &= {(datum.step, datum.wall_time) for datum in data}
        return [write for write in explained if write[2]["reason"] or write[:2] in whole]

    @cached_property
    def _places(self) -> dict[tuple[int, float], int]:
        """Place among `all_steps` of each write that counts: what a restarted run wrote before is still served, under another wall time."""
        return {(step, wall_time): place for place, (step, wall_time, _) in enumerate(self._explained)}

    @cached_property
    def _due(self) -> set[int]:
        """Places where every tag has a tensor."""
        return {place for place, (_, _, epoch) in enumerate(self._explained) if not epoch["reason"]}

    @property
    def _unserved(self) -> int:
        """Epochs that the last one counts and that are not there."""
        return int(self.writes[-1][2]["logged"]) - len(self.writes) if self.writes else 0

    @property
    def all_steps(self) -> np.ndarray:
        """int64, the steps with explanations, the untrained model (-1) included."""
        return np.array([step for step, _, _ in self._explained], dtype=np.int64)

    @property
    def missing(self) -> int:
        """Epochs that were logged and not served: 0 unless TensorBoard was told to sample."""
        return self._unserved + sum(write[2]["explained"] for write in self.writes) - len(self._explained)

    @property
    def gaps(self) -> dict[int, str]:
        """{step: why numbers are missing there}."""
        return {step: epoch["reason"] for step, _, epoch in self._explained if epoch["reason"]}

    @property
    def settings(self) -> dict[str, Any]:
        return self.record["settings"]

    @property
    def comparable(self) -> dict[str, Any]:
        """Two runs can be compared in an explainer where its entry of "explainers" and all other parts are equal."""
        return self.record["comparable"]

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """What a damaged record makes of decoding it."""
        try:
            yield
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            if isinstance(error, RecordError | ArgumentError):
                raise
            raise RecordError(f"{self.name}: the record of probe set {self.probe_set!r} is damaged ({error}).") from error

    def _once(self, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Decode an array when it is first asked for, in one thread: TensorBoard asks from several."""
        with self._lock:
            if key not in self._arrays:
                with self._damage():
                    self._arrays[key] = make()
            return self._arrays[key]

    @property
    def nbytes(self) -> int:
        """Memory of what is decoded."""
        judged = sum(_array_bytes(each) for each in list(self._cached.values()))
        return PARSED * self._text_bytes + sum(array.nbytes for array in list(self._arrays.values())) + judged

    def forget(self) -> None:
        """Drop all decoded arrays; what is asked for again is read again."""
        with self._lock:
            self._arrays.clear()
            self._cached.clear()

    def static(self, name: str) -> np.ndarray:
        """A static array of the record, e.g. "images", "segments"."""
        return self.statics(name)[0]

    def statics(self, *names: str) -> list[np.ndarray]:
        """Several of them, read in one go."""
        with self._lock, self._damage():
            absent = [name for name in names if f"static/{name}" not in self._arrays]
            if absent:
                self._arrays |= self._read_statics(absent)
            return [self._arrays[f"static/{name}"] for name in names]

    def _read_statics(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        about = {name: self.record["arrays"][name] for name in names}
        tags = {name: [wire.static_tag(self.probe_set, name, block) for block in range(len(about[name]["blocks"]))] for name in names}
        read: dict[str, list[Datum]] = {}
        for call in calls([(tag, size) for name in names for tag, size in zip(tags[name], _block_sizes(about[name]), strict=True)]):
            read |= self._source.tensors(call)
        return {
            f"static/{name}": np.concatenate(list(self._unpacked(name, about[name], [read[tag] for tag in tags[name]]))) for name in names
        }

    def _unpacked(self, name: str, about: Mapping[str, Any], packed: Iterable[list[Datum]]) -> Iterator[np.ndarray]:
        for (start, stop), data in zip(about["blocks"], packed, strict=True):
            newest = max(data, key=lambda d: d.wall_time, default=None)
            if newest is None:
                raise RecordError(f"{self.name}: the record's {name} are incomplete; train again into a new log_dir.")
            yield wire.unpack(newest.value, about["dtype"], (stop - start, *about["shape"][1:]))

    def _series(self, quantity: str) -> np.ndarray:
        """(all_steps, probes, …) of one quantity of the wire; NaN (-1 for classes) where missing."""
        return self._once(quantity, lambda: self._read([quantity])[quantity])

    def _read(self, quantities: Sequence[str], classes: ClassPlaces | None = None) -> dict[str, np.ndarray]:
        """{quantity: (all_steps, probes, …)}, read in one go; NaN (-1 for classes, 0 for noise) where missing.

        classes: of the one class that is kept; None keeps all targets.
        """
        found = {quantity: self._room(quantity, classes is None) for quantity in quantities}
        units = self._units_to_read(quantities)
        # Values first: errors are in units of them.
        for block, probes, read in self._blocks(dict.fromkeys([*(f"values/{explainer}" for explainer in units), *quantities])):
            rows = np.arange(probes.stop - probes.start)
            for quantity, data in read.items():
                name, _, explainer = quantity.partition("/")
                for place, tensor in self._counting(data).items():
                    if name == "values" and explainer in units:
                        units[explainer][place, block] = wire.error_unit(tensor)
                    if quantity not in found:
                        continue
                    kept = tensor if classes is None else tensor[rows, classes[0][place, probes]]
                    if name == "errors":
                        kept = wire.decode_errors(kept, units.get(explainer, self._arrays.get(f"units/{explainer}"))[place, block])
                    found[quantity][place, probes] = kept
        self._arrays |= {f"units/{explainer}": array for explainer, array in units.items()}
        return found

    def _units_to_read(self, quantities: Iterable[str]) -> dict[str, np.ndarray]:
        """{explainer: room for the units of its errors, (all_steps, blocks)} where they are to be found out: from values that are read anyway."""
        parts = [quantity.partition("/") for quantity in quantities]
        explainers = {
            explainer: None for name, _, explainer in parts if name in ("values", "errors") and f"units/{explainer}" not in self._arrays
        }
        return {explainer: np.ones((len(self._explained), len(self.record["blocks"])), dtype=np.float32) for explainer in explainers}

    def _room(self, quantity: str, all_targets: bool = True, probes: int | None = None) -> np.ndarray:
        """(all_steps, probes, …) without a number. probes: how many; None for all."""
        count = self.record["shape"]["probes"] if probes is None else probes
        about, name = self._quantities[quantity], quantity.partition("/")[0]
        dtype = np.dtype(np.float32 if about.dtype == np.float16 else about.dtype)
        missing = dtype.type({"targets": -1, "noise": 0}.get(name, np.nan))
        return np.full((len(self._explained), count, *about.shape[0 if all_targets else 1 :]), missing)

    def _blocks(self, quantities: Iterable[str], only: Container[int] | None = None) -> Iterator[tuple[int, slice, dict[str, list[Datum]]]]:
        """(number, probes, {quantity: its tensors}) of every block of probes; as many are read in one go as are not too large together."""
        sizes = {name: self._quantities[name].nbytes * len(self.writes) for name in quantities}  # of one probe
        together: list[tuple[int, slice]] = []
        held = 0
        for block, (start, stop) in enumerate(self.record["blocks"]):
            if only is not None and block not in only:
                continue
            size = (stop - start) * sum(sizes.values())
            if together and held + size > TOGETHER_BYTES:
                yield from self._together(sizes, together)
                together, held = [], 0
            together.append((block, slice(start, stop)))
            held += size
        yield from self._together(sizes, together)

    def _together(
        self, sizes: Mapping[str, int], blocks: Sequence[tuple[int, slice]]
    ) -> Iterator[tuple[int, slice, dict[str, list[Datum]]]]:
        tags = {(name, block): wire.step_tag(self.probe_set, name, block) for block, _ in blocks for name in sizes}
        read: dict[str, list[Datum]] = {}
        for call in calls([(tags[name, block], sizes[name] * (probes.stop - probes.start)) for block, probes in blocks for name in sizes]):
            read |= self._source.tensors(call)
        for block, probes in blocks:
            yield block, probes, {name: read.pop(tags[name, block]) for name in sizes}

    def _counting(self, data: Iterable[Datum]) -> dict[int, np.ndarray]:
        """{place among `all_steps`: tensor}."""
        found = {place: d.value for d in data if (place := self._places.get((d.step, d.wall_time))) is not None}
        self.whole = self.whole and self._due <= found.keys()
        return found


def _array_bytes(judged: Any) -> int:
    """Of an array, or of the arrays that an object holds."""
    held = [judged] if isinstance(judged, np.ndarray) else list(getattr(judged, "__dict__", {}).values())
    return sum(each.nbytes for each in held if isinstance(each, np.ndarray))


def _block_sizes(about: Mapping[str, Any]) -> list[int]:
    """Bytes of each block of a static array, before it was compressed."""
    each = np.dtype(about["dtype"]).itemsize * math.prod(about["shape"][1:])
    return [(stop - start) * each for start, stop in about["blocks"]]


def probe_sets(source: Source, name: str) -> list[str]:
    """Names of a run's probe sets, in alphabetical order.

    Raises:
        RecordError: no record there, or one of a newer schema.
    """
    found = {wire.probe_set_of(tag): wire.parse_schema(content) for tag, content in source.tags().items() if wire.probe_set_of(tag)}
    if not found:
        raise RecordError(f"{name}: no explanations logged here; was ExplanationLogger given this log_dir, and has training begun?")
    for probe_set, schema in found.items():
        if schema is None or schema > wire.SCHEMA:
            raise RecordError(
                f"{name}: the record of {probe_set!r} has schema {schema}, and this version reads up to {wire.SCHEMA}; upgrade tb_xai_plugin."
            )
    return sorted(found)
