"""Reading of a record, from a log directory or from TensorBoard: its JSON is read once, its arrays when they are first used."""

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
from typing import Any, TypeVar, cast

import numpy as np

from tb_xai_plugin.errors import ArgumentError, RecordError
from tb_xai_plugin.probes.labels import label_sets_in
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.sources import Datum, ReadDatum, Source, calls

# Keys of the JSON of a record and of an epoch; one without all of them is damaged.
RECORD_KEYS = {"probes", "settings", "comparable", "targets", "shape", "details", "arrays", "blocks"}
EPOCH_KEYS = {"logs", "explained", "reason", "evaluations", "level", "change", "seconds", "training", "share", "logged", "fresh"}

# Keys of an epoch's JSON under "returned", which only the write of the returned model has.
RETURNED_KEYS = {"epoch", "how"}

# The most bytes of tensors that are in memory at once while they are decoded.
TOGETHER_BYTES = 2**26

# Memory of parsed JSON, relative to the size of its text.
PARSED = 4

# An index into the targets, int (all_steps, probes), and whether there is one, bool (all_steps, probes).
ClassPlaces = tuple[np.ndarray, np.ndarray]


# (step, wall time, the epoch's JSON) of one write.
Write = tuple[int, float, dict[str, Any]]

Self = TypeVar("Self", bound="Record")


# Unlike an object's id, a serial number is never used again.
_SERIALS = itertools.count()


class Record:
    """One probe set of one run: the writes that count, and their arrays.

    Where a run was resumed or restarted, the newest write of a step counts; older writes of the same step and of later steps are dropped.

    Attributes:
        name: the run's name.
        probe_set: the name of the probe set.
        probe_sets: the names of all probe sets of the run.
        whole: False where epochs disappeared while they were read, because a restarted run replaced them.
        serial: a number that no other object of this process has or had.
    """

    def __init__(self, source: Source, name: str, probe_set: str | None = None) -> None:
        self.name = name
        self._source = source
        sets = probe_sets(source, name)
        if probe_set is not None and probe_set not in sets:
            raise RecordError(f"{name}: no probe set {probe_set!r}; it has {sets}.")
        self.probe_set, self.probe_sets = probe_set or sets[0], sets
        self.whole = True
        self._arrays: dict[str, np.ndarray] = {}
        self._cached: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self.serial = next(_SERIALS)
        self._texts: dict[str, list[Datum]] = {}
        self._text_bytes = 0
        self._lock = threading.RLock()

    def of_set(self: Self, probe_set: str) -> Self:
        """The same run with another probe set; its event files are not read again.

        Raises:
            RecordError (a ValueError): a run without that probe set.
        """
        return type(self)(self._source, self.name, probe_set)

    @cached_property
    def record(self) -> dict[str, Any]:
        """JSON that was logged once: settings, hashes, names."""
        newest = max(self._text(wire.record_tag(self.probe_set)), key=lambda d: d.wall_time, default=None)
        return self._parsed(newest.value if newest else None, RECORD_KEYS)

    def _text(self, tag: str) -> list[Datum]:
        """The JSON tensors of a tag, once. Both JSON tags are read in one call, at the first use of either."""
        with self._lock:
            if tag not in self._texts:
                read = self._source.tensors([wire.record_tag(self.probe_set), wire.epoch_tag(self.probe_set)])
                self._texts = {name: [ReadDatum(d.step, d.wall_time, d.value) for d in data] for name, data in read.items()}
                self._text_bytes = sum(len(d.value) for data in self._texts.values() for d in data if isinstance(d.value, bytes))
            return self._texts.pop(tag)

    def load(self: Self) -> Self:
        """Read the JSON of the record and of its epochs, if that has not been done, and return the object. Thread-safe.

        Raises:
            RecordError (a ValueError): a damaged record.
        """
        with self._lock:
            self.record, self.writes  # noqa: B018
        return self

    def _parsed(self, text: Any, keys: set[str]) -> dict[str, Any]:
        try:
            parsed = json.loads(text)
        except (ValueError, TypeError):
            parsed = None
        if not isinstance(parsed, dict) or not keys <= parsed.keys() or not _known(parsed.get("returned")):
            raise RecordError(f"{self.name}: the record of probe set {self.probe_set!r} is damaged; train again with a new log_dir.")
        return parsed

    @cached_property
    def writes(self) -> list[Write]:
        """(step, wall time, the epoch's JSON) of the writes that count, by step. The step of the returned model is that of its event, not RETURNED."""
        live: list[Write] = []
        for datum in sorted(self._text(wire.epoch_tag(self.probe_set)), key=lambda d: d.wall_time):
            epoch = self._parsed(datum.value, EPOCH_KEYS)
            while live and (live[-1][0] >= datum.step or epoch["fresh"] or live[-1][2].get("returned")):
                live.pop()
            live.append((datum.step, datum.wall_time, epoch))
        return live

    @cached_property
    def _quantities(self) -> dict[str, wire.Quantity]:
        with self._damage():
            return wire.quantities(self.record)

    @cached_property
    def _explained(self) -> list[Write]:
        explained = [write for write in self.writes if write[2]["explained"]]
        if not self._unserved:
            return explained
        # TensorBoard was told to sample, and samples each tag by itself: a step counts where all of its tags were served.
        complete = {write[:2] for write in explained}
        for _, _, read in self._blocks(self._quantities):
            for data in read.values():
                complete &= {(datum.step, datum.wall_time) for datum in data}
        return [write for write in explained if write[2]["reason"] or write[:2] in complete]

    @cached_property
    def _places(self) -> dict[tuple[int, float], int]:
        """The index into `all_steps` of each write that counts. What a restarted run wrote before is still served, with another wall time."""
        return {(step, wall_time): place for place, (step, wall_time, _) in enumerate(self._explained)}

    @cached_property
    def _complete(self) -> set[int]:
        """Indices into `all_steps` at which every tag has a tensor."""
        return {place for place, (_, _, epoch) in enumerate(self._explained) if not epoch["reason"]}

    @property
    def _unserved(self) -> int:
        """Number of logged epochs, as the last one counts them, that were not served."""
        return int(self.writes[-1][2]["logged"]) - len(self.writes) if self.writes else 0

    @property
    def all_steps(self) -> np.ndarray:
        """int64 (all_steps,): the steps with explanations, including -1 for the untrained model, and RETURNED for one of the returned model alone."""
        return self._all_steps.copy()

    @cached_property
    def _all_steps(self) -> np.ndarray:
        return np.array([step_of(write) for write in self._explained], dtype=np.int64)

    @property
    def epochs(self) -> list[Write]:
        """The `writes` of epochs, explained or not: without those of the untrained and of the returned model."""
        return [write for write in self.writes if step_of(write) not in (wire.UNTRAINED, wire.RETURNED)]

    @property
    def _returned(self) -> dict[str, Any]:
        """What the record says of the returned model; {} where it says nothing."""
        returned: dict[str, Any] = (self.writes[-1][2].get("returned") if self.writes else None) or {}
        return returned

    @property
    def returned_epoch(self) -> int | None:
        """The epoch whose weights the returned model has, bit for bit, -1 for the untrained model; None where it has those of no epoch, or this is not known."""
        epoch: int | None = self._returned.get("epoch")
        return epoch

    @property
    def returned_how(self) -> str | None:
        """How the model that `fit` returned came about.

        "last" (the weights of the last epoch) | "restored" (of an earlier epoch) | "averages" (the optimizer's moving averages) | "changed" (by
        something else, after the last epoch) | "once" (a model that was explained once, without training); None where training has not
        finished, and in records of version 0.1.0.
        """
        how: str | None = self._returned.get("how")
        return how

    @property
    def unfinished(self) -> bool:
        """Whether the training goes on, or was interrupted; False where the record does not say, as of version 0.1.0 and of checkpoints."""
        # Checkpoints are explained after their training, of which their record knows nothing.
        return self.returned_how is None and any(write[2].get("weights") and write[2]["training"] is not None for write in self.writes)

    @property
    def once(self) -> bool:
        """Whether this is the record of a model that was explained once, without training; it has no epochs."""
        return self.returned_how == "once"

    @property
    def returned_step(self) -> int | None:
        """The step of `all_steps` that explains the returned model: RETURNED, or the epoch whose weights it has; None where there is none."""
        steps = self.all_steps.tolist()
        return next((step for step in (wire.RETURNED, self.returned_epoch) if step in steps), None)

    @property
    def missing(self) -> int:
        """Number of epochs that were logged but not served; 0 unless TensorBoard was told to sample."""
        return self._unserved + sum(bool(write[2]["explained"]) for write in self.writes) - len(self._explained)

    @property
    def gaps(self) -> dict[int, str]:
        """{step: why numbers are missing there}, of epochs, and of the untrained model (-1). For the returned model, see `returned_problem`."""
        return {step: reason for step, reason in self.all_gaps.items() if step != wire.RETURNED}

    @property
    def all_gaps(self) -> dict[int, str]:
        """`gaps` of `all_steps`."""
        return {step_of(write): write[2]["reason"] for write in self._explained if write[2]["reason"]}

    @property
    def returned_problem(self) -> str | None:
        """Why numbers of the returned model's explanation are missing; None where none are, or nothing is known of it."""
        step = self.returned_step
        return None if step is None else self.all_gaps.get(step)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the run was explained with, as logged: {"evaluations": 784, "seed": 0, "output": "log-odds", …}."""
        settings: dict[str, Any] = self.record["settings"]
        return settings

    @property
    def labelled(self) -> bool:
        """Whether predictions can be right: the probes have labels, and the model is a classifier."""
        labelled = self.record["probes"]["labels"] is not None or self.label_sets is not None
        return labelled and not self.settings["regression"]

    @cached_property
    def label_sets(self) -> np.ndarray | None:
        """bool (probes, classes), which labels of each probe are true; None where probes have one label or none."""
        with self._damage():
            return label_sets_in(self.record["probes"])

    @property
    def comparable(self) -> dict[str, Any]:
        """Hashes of all that attributions depend on.

        Two runs can be compared in an explainer where its entry of "explainers" and all other parts are equal.
        """
        comparable: dict[str, Any] = self.record["comparable"]
        return comparable

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """Raise the errors of decoding a damaged record as RecordError."""
        try:
            yield
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            if isinstance(error, RecordError | ArgumentError):
                raise
            raise RecordError(f"{self.name}: the record of probe set {self.probe_set!r} is damaged ({error}).") from error

    def _once(self, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """An array, decoded at its first use. Thread-safe: TensorBoard calls from several threads."""
        with self._lock:
            if key not in self._arrays:
                with self._damage():
                    self._arrays[key] = make()
            return self._arrays[key]

    @property
    def nbytes(self) -> int:
        """Memory of all that is decoded or cached, in bytes."""
        cached = sum(_array_bytes(result) for result in list(self._cached.values()))
        return PARSED * self._text_bytes + sum(array.nbytes for array in list(self._arrays.values())) + cached

    def forget(self) -> None:
        """Drop all decoded arrays and cached results; they are read again when they are used again."""
        with self._lock:
            self._arrays.clear()
            self._cached.clear()

    def static(self, name: str) -> np.ndarray:
        """A static array of the record, (probes, …), e.g. "images" or "segments"."""
        return self.statics(name)[0]

    def statics(self, *names: str) -> list[np.ndarray]:
        """Several static arrays, read in one call."""
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
                raise RecordError(f"{self.name}: the record's {name} are incomplete; train again with a new log_dir.")
            # What is not bytes is damaged, and fails to decode.
            yield wire.unpack(cast(bytes, newest.value), about["dtype"], (stop - start, *about["shape"][1:]))

    def _series(self, quantity: str) -> np.ndarray:
        """(all_steps, probes, …) of one quantity of the wire; NaN (-1 for classes) where missing."""
        return self._once(quantity, lambda: self._read([quantity])[quantity])

    def _read(self, quantities: Sequence[str], classes: ClassPlaces | None = None) -> dict[str, np.ndarray]:
        """{quantity: (all_steps, probes, …)}, read together; NaN (-1 for classes, 0 for noise) where missing.

        classes: the indices of the one class that is kept; None keeps all targets.
        """
        arrays = {quantity: self._all_missing(quantity, classes is None) for quantity in quantities}
        units = self._units_to_read(quantities)
        # Values first: errors are in units of the values.
        for block, probes, read in self._blocks(dict.fromkeys([*(f"values/{explainer}" for explainer in units), *quantities])):
            rows = np.arange(probes.stop - probes.start)
            for quantity, data in read.items():
                name, _, explainer = quantity.partition("/")
                for place, datum in self._counting(data).items():
                    tensor = array_of(datum)
                    if name == "values" and explainer in units:
                        units[explainer][place, block] = wire.error_unit(tensor)
                    if quantity not in arrays:
                        continue
                    kept = tensor if classes is None else tensor[rows, classes[0][place, probes]]
                    if name == "errors":
                        of_explainer = units[explainer] if explainer in units else self._arrays[f"units/{explainer}"]
                        kept = wire.decode_errors(kept, of_explainer[place, block])
                    arrays[quantity][place, probes] = kept
        self._arrays |= {f"units/{explainer}": array for explainer, array in units.items()}
        return arrays

    def _units_to_read(self, quantities: Iterable[str]) -> dict[str, np.ndarray]:
        """{explainer: ones, (all_steps, blocks)}, for the units of errors that are not known yet and are computed from the values."""
        parts = [quantity.partition("/") for quantity in quantities]
        explainers = {
            explainer: None for name, _, explainer in parts if name in ("values", "errors") and f"units/{explainer}" not in self._arrays
        }
        return {explainer: np.ones((len(self._explained), len(self.record["blocks"])), dtype=np.float32) for explainer in explainers}

    def _all_missing(self, quantity: str, all_targets: bool = True, probes: int | None = None, steps: int | None = None) -> np.ndarray:
        """(all_steps, probes, …) of a quantity, all missing. probes, steps: how many; None for all."""
        count = self.record["shape"]["probes"] if probes is None else probes
        about, name = self._quantities[quantity], quantity.partition("/")[0]
        dtype = np.dtype(np.float32 if about.dtype == np.float16 else about.dtype)
        missing = dtype.type({"targets": -1, "noise": 0}.get(name, np.nan))
        return np.full((len(self._explained) if steps is None else steps, count, *about.shape[0 if all_targets else 1 :]), missing)

    def _blocks(self, quantities: Iterable[str], only: Container[int] | None = None) -> Iterator[tuple[int, slice, dict[str, list[Datum]]]]:
        """(block, its probes, {quantity: its tensors}) of every block of probes; blocks of up to TOGETHER_BYTES are read together."""
        sizes = {name: self._quantities[name].nbytes * len(self.writes) for name in quantities}  # bytes of one probe
        together: list[tuple[int, slice]] = []
        held = 0
        for block, (start, stop) in enumerate(self.record["blocks"]):
            if only is not None and block not in only:
                continue
            size = (stop - start) * sum(sizes.values())
            if together and held + size > TOGETHER_BYTES:
                yield from self._read_together(sizes, together)
                together, held = [], 0
            together.append((block, slice(start, stop)))
            held += size
        yield from self._read_together(sizes, together)

    def _read_together(
        self, sizes: Mapping[str, int], blocks: Sequence[tuple[int, slice]]
    ) -> Iterator[tuple[int, slice, dict[str, list[Datum]]]]:
        tags = {(name, block): wire.step_tag(self.probe_set, name, block) for block, _ in blocks for name in sizes}
        read: dict[str, list[Datum]] = {}
        for call in calls([(tags[name, block], sizes[name] * (probes.stop - probes.start)) for block, probes in blocks for name in sizes]):
            read |= self._source.tensors(call)
        for block, probes in blocks:
            yield block, probes, {name: read.pop(tags[name, block]) for name in sizes}

    def _counting(self, data: Iterable[Datum]) -> dict[int, Datum]:
        """{index into `all_steps`: its tensor} of the writes that count; a directory's tensors are not read yet, see `array_of`."""
        counting = {place: d for d in data if (place := self._places.get((d.step, d.wall_time))) is not None}
        self.whole = self.whole and self._complete <= counting.keys()
        return counting


def array_of(datum: Datum) -> np.ndarray:
    """The tensor. Bytes in place of an array are damaged, and fail where they are used."""
    return cast(np.ndarray, datum.value)


def step_of(write: Write) -> int:
    """The step under which readers list a write: RETURNED for the returned model."""
    return wire.RETURNED if write[2].get("returned") else write[0]


def _known(returned: object) -> bool:
    """Whether what an epoch's JSON says of the returned model can be read; most say nothing."""
    if returned is None:
        return True
    if not isinstance(returned, dict) or not returned.keys() >= RETURNED_KEYS:
        return False
    return isinstance(returned["epoch"], int | None) and isinstance(returned["how"], str)


def _array_bytes(result: object) -> int:
    """Bytes of an array, or of the arrays that are attributes of an object."""
    arrays = [result] if isinstance(result, np.ndarray) else list(getattr(result, "__dict__", {}).values())
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


def _block_sizes(about: Mapping[str, Any]) -> list[int]:
    """Bytes of each block of a static array, uncompressed."""
    of_probe = np.dtype(about["dtype"]).itemsize * math.prod(about["shape"][1:])
    return [(stop - start) * of_probe for start, stop in about["blocks"]]


def probe_sets(source: Source, name: str) -> list[str]:
    """Names of a run's probe sets, in alphabetical order.

    Raises:
        RecordError (a ValueError): no record, or one of a newer schema.
    """
    schemas = {probe_set: wire.parse_schema(content) for tag, content in source.tags().items() if (probe_set := wire.probe_set_of(tag))}
    if not schemas:
        raise RecordError(f"{name}: no explanations are logged here; give ExplanationLogger this log_dir, and begin training.")
    for probe_set, schema in schemas.items():
        if schema is None or schema > wire.SCHEMA:
            raise RecordError(
                f"{name}: the record of {probe_set!r} has schema {schema}, and this version reads up to {wire.SCHEMA}; upgrade tb_xai_plugin."
            )
    return sorted(schemas)
