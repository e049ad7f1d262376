"""Reads records back, from a log directory or from TensorBoard; one class for notebooks and for the plugin."""

from __future__ import annotations

import json
import os
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin import differences, stability, wire
from tb_xai_plugin.probes import ImageProbes, ProbeSet
from tb_xai_plugin.sources import DirectorySource, Source, has_events
from tb_xai_plugin.stability import ArgumentError

if TYPE_CHECKING:
    import pandas

KINDS: dict[str, type[ImageProbes]] = {"image": ImageProbes}

# What the JSON of a record and of an epoch holds; without one of these it is damaged.
RECORD_KEYS = {"probes", "settings", "comparable", "targets", "shape", "details", "arrays", "blocks"}
EPOCH_KEYS = {"logs", "explained", "reason", "evaluations", "level", "change", "seconds", "training", "share", "logged", "fresh"}


class RecordError(ValueError):
    """A record that can't be read; the message is one sentence for the user."""


class Run:
    """One run's explanations over its epochs.

    Epochs are aligned with `steps`; what is missing is absent from it. Of a resumed or restarted run, the newest write of a step counts,
    and whatever was written earlier at the same or a later step is dropped.

    Attributes:
        name: of the run.
        probe_set: name of the probe set.
    """

    def __init__(self, source: Source, name: str, probe_set: str | None = None) -> None:
        self.name = name
        self._source = source
        sets = probe_sets(source, name)
        if probe_set is not None and probe_set not in sets:
            raise RecordError(f"{name}: no probe set {probe_set!r}; it has {sets}.")
        self.probe_set = probe_set or sets[0]
        self._arrays: dict[str, np.ndarray] = {}
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        gaps = f", {len(self.gaps)} with gaps" if self.gaps else ""
        return (
            f"Run({self.name!r}, {len(self.steps)} epochs{gaps} of {self.record['shape']['probes']} probes: {', '.join(self.explainers)})"
        )

    @cached_property
    def record(self) -> dict[str, Any]:
        """What was logged once: settings, hashes, names; JSON."""
        newest = max(self._source.tensors(wire.record_tag(self.probe_set)), key=lambda d: d.wall_time, default=None)
        return self._parsed(newest.value if newest else None, RECORD_KEYS)

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
        for datum in sorted(self._source.tensors(wire.epoch_tag(self.probe_set)), key=lambda d: d.wall_time):
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
        blocks = range(len(self.record["blocks"]))
        tags = [wire.step_tag(self.probe_set, quantity, block) for quantity in self._quantities for block in blocks]
        whole = set.intersection(*({(datum.step, datum.wall_time) for datum in self._source.tensors(tag)} for tag in tags))
        return [write for write in explained if write[2]["reason"] or write[:2] in whole]

    @property
    def _unserved(self) -> int:
        """Epochs that the last one counts and that are not there."""
        return int(self.writes[-1][2]["logged"]) - len(self.writes) if self.writes else 0

    @property
    def all_steps(self) -> np.ndarray:
        """int64, the steps with explanations, the untrained model (-1) included."""
        return np.array([step for step, _, _ in self._explained], dtype=np.int64)

    @property
    def _trained(self) -> np.ndarray:
        return self.all_steps != wire.UNTRAINED

    @property
    def steps(self) -> np.ndarray:
        """int64 (epochs,): Keras's 0-based epochs that were explained."""
        return self.all_steps[self._trained]

    @property
    def missing(self) -> int:
        """Epochs that were logged and not served: 0 unless TensorBoard was told to sample."""
        return self._unserved + sum(write[2]["explained"] for write in self.writes) - len(self._explained)

    @property
    def gaps(self) -> dict[int, str]:
        """{step: why numbers are missing there}."""
        return {step: epoch["reason"] for step, _, epoch in self._explained if epoch["reason"]}

    @property
    def explainers(self) -> list[str]:
        return list(self.settings["explainers"])

    @property
    def settings(self) -> dict[str, Any]:
        return self.record["settings"]

    @property
    def comparable(self) -> dict[str, str]:
        """Two runs can be compared where all entries are equal."""
        return self.record["comparable"]

    @cached_property
    def probes(self) -> ProbeSet:
        """The probes, as logged."""
        kind = self.record["probes"]["kind"]
        if kind not in KINDS:
            raise RecordError(f"{self.name}: probes of kind {kind!r}, which this version can't read; upgrade tb_xai_plugin.")
        arrays = {name: self.static(name) for name in self.record["arrays"]}
        with self._damage():
            return KINDS[kind].from_record(self.record["probes"], arrays)

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """What a damaged record makes of decoding it."""
        try:
            yield
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            if isinstance(error, RecordError):
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
        return sum(array.nbytes for array in list(self._arrays.values()))

    def static(self, name: str) -> np.ndarray:
        """A static array of the record, e.g. "images", "segments"."""
        return self._once(f"static/{name}", lambda: self._read_static(name))

    def _read_static(self, name: str) -> np.ndarray:
        about = self.record["arrays"][name]
        parts = []
        for block, (start, stop) in enumerate(about["blocks"]):
            newest = max(self._source.tensors(wire.static_tag(self.probe_set, name, block)), key=lambda d: d.wall_time, default=None)
            if newest is None:
                raise RecordError(f"{self.name}: the record's {name} are incomplete; train again into a new log_dir.")
            parts.append(wire.unpack(newest.value, about["dtype"], (stop - start, *about["shape"][1:])))
        return np.concatenate(parts)

    def _series(self, quantity: str) -> np.ndarray:
        """(all_steps, probes, …) of one quantity of the wire; NaN (-1 for classes) where missing."""
        return self._once(quantity, lambda: self._read_series(quantity))

    def _read_series(self, quantity: str) -> np.ndarray:
        about = self._quantities[quantity]
        missing = about.dtype({"targets": -1, "noise": 0}.get(quantity.partition("/")[0], np.nan))
        filled = np.full((len(self._explained), self.record["shape"]["probes"], *about.shape), missing)
        places = {(step, wall_time): place for place, (step, wall_time, _) in enumerate(self._explained)}
        for block, (start, stop) in enumerate(self.record["blocks"]):
            for datum in self._source.tensors(wire.step_tag(self.probe_set, quantity, block)):
                # What a restarted run wrote before is still served, under another wall time.
                if (datum.step, datum.wall_time) in places:
                    filled[places[datum.step, datum.wall_time], start:stop] = datum.value
        return filled

    def all_values(self, explainer: str) -> np.ndarray:
        """float32 (all_steps, probes, targets, players)."""
        return self._series(f"values/{self._known(explainer)}")

    def all_errors(self, explainer: str) -> np.ndarray:
        """float32 (all_steps, probes, targets, players), standard errors."""
        return self._once(f"errors/{self._known(explainer)}", lambda: self._read_errors(explainer))

    def _read_errors(self, explainer: str) -> np.ndarray:
        values, encoded = self.all_values(explainer), self._read_series(f"errors/{explainer}")
        errors = np.empty_like(values)
        for start, stop in self.record["blocks"]:
            for epoch in range(len(values)):
                errors[epoch, start:stop] = wire.decode_errors(encoded[epoch, start:stop], values[epoch, start:stop])
        return errors

    def all_base_values(self, explainer: str) -> np.ndarray:
        """float32 (all_steps, probes, targets)."""
        return self._series(f"base/{self._known(explainer)}")

    def all_outputs(self) -> np.ndarray:
        """float32 (all_steps, probes, 2, classes): probabilities (a regression: the output) on the full and the empty probe."""
        return self._series("outputs")

    def all_targets(self) -> np.ndarray:
        """int32 (all_steps, probes, targets), the explained classes."""
        constant = self.record["targets"]
        if constant is None:
            return self._series("targets")
        return np.broadcast_to(np.array(constant, dtype=np.int32), (len(self._explained), self.record["shape"]["probes"], len(constant)))

    def all_fidelity(self, explainer: str) -> np.ndarray:
        """float32 (all_steps, probes, targets, measures), in the order of `measures`."""
        if not self.measures(explainer):
            return np.empty((*self.all_targets().shape, 0), dtype=np.float32)
        return self._series(f"fidelity/{explainer}")

    def all_interactions(self, explainer: str) -> np.ndarray | None:
        """float32 (all_steps, probes, targets, pairs, 3): player, player and strength, strongest first, NaN past the last; or None."""
        return self._optional(f"interactions/{self._known(explainer)}")

    def all_noise(self, explainer: str) -> np.ndarray | None:
        """int8 (all_steps, probes, targets, numbers), sketches of the sampling errors; None where nothing is drawn."""
        return self._optional(f"noise/{self._known(explainer)}")

    def _optional(self, quantity: str) -> np.ndarray | None:
        return self._series(quantity) if quantity in self._quantities else None

    @property
    def interacting(self) -> list[str]:
        """Explainers whose interactions were logged."""
        return [explainer for explainer in self.explainers if f"interactions/{explainer}" in self._quantities]

    def measures(self, explainer: str) -> list[str]:
        """Names of what tells how far an explainer's values can be trusted."""
        return list(self.record["details"][self._known(explainer)]["fidelity"])

    def _known(self, explainer: str) -> str:
        if explainer not in self.explainers:
            raise ArgumentError(f"{self.name}: no explainer {explainer!r} in this record; it has {self.explainers}.")
        return explainer

    def values(self, explainer: str) -> np.ndarray:
        """float32 (epochs, probes, targets, players), signed attributions."""
        return self.all_values(explainer)[self._trained]

    def errors(self, explainer: str) -> np.ndarray:
        """float32 (epochs, probes, targets, players), standard errors."""
        return self.all_errors(explainer)[self._trained]

    def base_values(self, explainer: str) -> np.ndarray:
        """float32 (epochs, probes, targets)."""
        return self.all_base_values(explainer)[self._trained]

    def fidelity(self, explainer: str) -> dict[str, np.ndarray]:
        """{measure: float32 (epochs, probes, targets)}: how far the values can be trusted."""
        measures = self.measures(explainer)
        return dict(zip(measures, np.moveaxis(self.all_fidelity(explainer)[self._trained], -1, 0), strict=True)) if measures else {}

    def interactions(self, explainer: str) -> np.ndarray | None:
        """float32 (epochs, probes, targets, pairs, 3): player, player and strength of the strongest pairs; None where not logged."""
        found = self.all_interactions(explainer)
        return None if found is None else found[self._trained]

    def change_errors(self, explainer: str, step: int, other_step: int, other: Run | None = None, *, shared: bool = True) -> np.ndarray:
        """Standard errors of values at `step` less values at `other_step`, of this run or `other`: float32 (probes, targets, players).

        Smaller than of either where the same coalitions were asked: what errors have in common cancels out. NaN for a probe and target that
        stand for another class at the other step.

        Args:
            step, other_step: -1 is the untrained model.
            other: a run that can be compared; by default this one.
            shared: False treats the errors as independent.

        Raises:
            ArgumentError (a ValueError): a step that was not explained, or runs that can't be compared.
        """
        return differences.of_step(self, other or self, explainer, step, other_step, shared=shared)

    def all_change_errors(self, explainer: str, other: Run, at: int | None, target: str | int, probes: Sequence[int]) -> np.ndarray:
        """`change_errors` of one class at every step, less `other` at the same step or, where given, at the step `at`.

        Returns:
            float32 (all_steps, len(probes), players), NaN where there is nothing to subtract.
        """
        return differences.of_class(self, other, explainer, at, target, probes)

    @property
    def changes(self) -> dict[int, str]:
        """{step: what is different from there on}: fewer evaluations or a sparser schedule, to keep `max_overhead`."""
        return {step: epoch["change"] for step, _, epoch in self.writes if epoch["change"]}

    @property
    def targets(self) -> np.ndarray:
        """int32 (epochs, probes, targets), the explained classes."""
        return self.all_targets()[self._trained]

    @property
    def outputs(self) -> np.ndarray:
        """float32 (epochs, probes, classes): probabilities on the whole probe (a regression: the output)."""
        return self.all_outputs()[self._trained][:, :, 0]

    @property
    def empty_outputs(self) -> np.ndarray:
        """float32 (epochs, probes, classes): the same with every player absent."""
        return self.all_outputs()[self._trained][:, :, 1]

    def untrained(self, explainer: str) -> np.ndarray | None:
        """float32 (probes, targets, players) before the first epoch; None where it was not logged."""
        untrained = self.all_values(explainer)[~self._trained]
        return untrained[0] if len(untrained) else None

    @property
    def logs(self) -> dict[str, np.ndarray]:
        """{"loss": float64 (epochs,), …}: Keras's logs at `steps`, NaN where a metric was not logged."""
        steps, logs = self.log_series()
        return {name: series[np.isin(steps, self.steps)] for name, series in logs.items()}

    def log_series(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Steps of all logged epochs (explained or not), and Keras's logs there."""
        writes = [write for write in self.writes if write[0] != wire.UNTRAINED]
        names = dict.fromkeys(name for _, _, epoch in writes for name in epoch["logs"])
        logs = {name: np.array([epoch["logs"].get(name, np.nan) for _, _, epoch in writes], dtype=np.float64) for name in names}
        return np.array([step for step, _, _ in writes], dtype=np.int64), logs

    @property
    def cost(self) -> dict[str, np.ndarray]:
        """{"seconds", "evaluations", "share" (of the epoch's training time), "level" (evaluations per probe)}: float64, aligned with `all_steps`."""
        return {
            name: np.array([np.nan if epoch[name] is None else epoch[name] for _, _, epoch in self._explained], dtype=np.float64)
            for name in ("seconds", "evaluations", "share", "level")
        }

    @property
    def overhead(self) -> float | None:
        """What explanations took in all, as a share of the training time; None before the first epoch."""
        training = sum(epoch["training"] or 0.0 for _, _, epoch in self.writes)
        return sum(epoch["seconds"] for _, _, epoch in self.writes) / training if training else None

    @property
    def wall_times(self) -> np.ndarray:
        """float64, seconds since 1970, aligned with `all_steps`."""
        return np.array([wall_time for _, wall_time, _ in self._explained])

    def wanted_class(self, wanted: str | int) -> np.ndarray:
        """int (all_steps, probes): class number of "label", "predicted" or a class; -1 where there is no answer."""
        shape = (len(self._explained), self.record["shape"]["probes"])
        labels = self.record["probes"]["labels"]
        if isinstance(wanted, str) and wanted not in ("label", "predicted"):
            raise ArgumentError(f"unknown class {wanted!r}; choose 'label', 'predicted' or a class number.")
        if self.settings["regression"] and isinstance(wanted, str):
            return np.zeros(shape, dtype=np.int32)
        if isinstance(wanted, str):
            return np.broadcast_to(labels, shape) if wanted == "label" and labels is not None else self.predicted()
        if not 0 <= wanted < self.settings["number_of_classes"]:
            raise ArgumentError(f"class {wanted} is out of range: the model answers for {self.settings['number_of_classes']} classes.")
        return np.full(shape, wanted)

    def predicted(self) -> np.ndarray:
        """int32 (all_steps, probes): the likeliest class; 0 for a regression, -1 where there is no answer."""
        full = self.all_outputs()[:, :, 0]
        silent = np.isnan(full).any(axis=-1)
        return np.where(silent, -1, np.nan_to_num(full).argmax(axis=-1)).astype(np.int32)

    def toward(self, array: np.ndarray, wanted: str | int) -> tuple[np.ndarray, np.ndarray]:
        """Pick one class out of (all_steps, probes, targets, …).

        Returns:
            (all_steps, probes, …), NaN where that class was not explained (0 for whole numbers); and the class, int32 (all_steps, probes),
            -1 there.
        """
        classes, targets = self.wanted_class(wanted), self.all_targets()
        match = targets == classes[..., None]
        found = match.any(axis=-1)
        places = match.argmax(axis=-1).reshape(*found.shape, *[1] * (array.ndim - 2))
        picked = np.take_along_axis(array, places, axis=2)[:, :, 0]
        nothing = array.dtype.type(np.nan if array.dtype.kind == "f" else 0)
        picked = np.where(found.reshape(*found.shape, *[1] * (picked.ndim - 2)), picked, nothing)
        return picked, np.where(found, classes, -1).astype(np.int32)

    def drift(self, explainer: str, against: str | int = "previous", measure: str = "tv", *, target: str | int = "label") -> np.ndarray:
        """How far each explanation is from a reference of the same run: (epochs, probes), NaN where there is nothing to compare.

        Args:
            against: "previous" | "untrained" | "final" | a step.
            measure: "tv" (total variation of unit-L1 maps) | "cosine" | "spearman" (of |values|) | "top-k".
            target: the class: "label" (the predicted one where there are no labels) | "predicted" | a class number.
        """
        return self.all_drift(explainer, against, measure, target)[self._trained]

    def all_drift(self, explainer: str, against: str | int, measure: str, target: str | int) -> np.ndarray:
        """`drift` aligned with `all_steps`."""
        values, _ = self.toward(self.all_values(explainer), target)
        return stability.drift(values, self.all_steps, against, measure)

    def region_share(self, explainer: str, region: str, *, target: str | int = "label") -> np.ndarray:
        """Share of |attribution| inside a named region: (epochs, probes), 0 to 1."""
        return self.all_region_share(explainer, region, target)[self._trained]

    def all_region_share(self, explainer: str, region: str, target: str | int) -> np.ndarray:
        """`region_share` aligned with `all_steps`."""
        values, _ = self.toward(self.all_values(explainer), target)
        return stability.region_share(values, self.inside(region))

    def inside(self, region: str) -> np.ndarray:
        """(probes, players): the part of each player inside a region."""
        probes = self.probes
        if region not in probes.regions:
            raise ArgumentError(f"{self.name}: no region {region!r} in this record; it has {list(probes.regions)}.")
        return stability.overlap(probes.segments, probes.regions[region], int(probes.players.max()))

    def to_dataframe(self) -> pandas.DataFrame:
        """One row for each step (the untrained model is -1), explainer, probe, target and player, with value and error."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_dataframe needs pandas; install it with 'pip install pandas'.") from error

        labels, names = self.record["probes"]["labels"], self.record["probes"]["names"]
        frames = []
        for explainer in self.explainers:
            values = self.all_values(explainer)
            step, probe, target, player = np.indices(values.shape).reshape(4, -1)
            frame = pandas.DataFrame(
                {
                    "step": self.all_steps[step],
                    "explainer": explainer,
                    "probe": probe,
                    "target": self.all_targets()[step, probe, target],
                    "player": player,
                    "value": values.ravel(),
                    "error": self.all_errors(explainer).ravel(),
                }
            )
            frame.insert(3, "name", np.array(names, dtype=object)[probe] if names else None)
            frame.insert(4, "label", np.array(labels)[probe] if labels else None)
            frames.append(frame[player < self.probes.players[probe]])
        return pandas.concat(frames, ignore_index=True)


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


def read_run(path: str | os.PathLike[str], probe_set: str | None = None) -> Run:
    """Read one run's explanations from its log directory; no TensorBoard process is needed.

    Args:
        path: the log_dir given to ExplanationLogger.
        probe_set: which one, where the run has several; by default the first.

    Raises:
        FileNotFoundError: no such directory, or no record in it; RecordError (a ValueError): a record that can't be read.
    """
    path = os.fspath(path)
    if not os.path.isdir(path):
        raise FileNotFoundError(f"read_run: there is no directory {path!r}; give the log_dir of an ExplanationLogger.")
    inner = os.path.join(path, wire.DIRECTORY)
    directory = inner if has_events(inner) else path
    if not has_events(directory):
        hint = "; read_runs reads a directory of runs" if any(_record_directories(path)) else ""
        raise FileNotFoundError(f"read_run: no explanations in {path!r}; give the log_dir of an ExplanationLogger{hint}.")
    source = DirectorySource(directory)
    if not any(map(wire.probe_set_of, source.tags())):
        raise FileNotFoundError(
            f"read_run: the event files in {directory!r} hold no explanations; give the log_dir of an ExplanationLogger."
        )
    return Run(source, os.path.basename(os.path.abspath(path)), probe_set)


def read_runs(logdir: str | os.PathLike[str]) -> dict[str, Run]:
    """Read every run below a directory: {name as in TensorBoard: Run}, in alphabetical order; one that can't be read is left out with a warning.

    Raises:
        FileNotFoundError: no such directory.
    """
    logdir = os.fspath(logdir)
    if not os.path.isdir(logdir):
        raise FileNotFoundError(f"read_runs: there is no directory {logdir!r}; give TensorBoard's logdir.")
    runs = {}
    for name, directory in sorted(_record_directories(logdir)):
        try:
            runs[name] = Run(DirectorySource(directory), name)
        except RecordError as error:
            warnings.warn(f"read_runs: left out {error}", stacklevel=2)
    return runs


def _record_directories(logdir: str) -> list[tuple[str, str]]:
    """(run name, directory of its record) below a directory."""
    found = []
    for parent, directories, _ in os.walk(logdir):
        directory = os.path.join(parent, wire.DIRECTORY)
        if wire.DIRECTORY in directories and has_events(directory):
            found.append((os.path.relpath(parent, logdir).replace(os.sep, "/"), directory))
    return found
