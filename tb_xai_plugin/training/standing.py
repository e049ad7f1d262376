"""Standing: what a record already holds, as far as a fit that goes on in it must know."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.places import has_events, is_remote
from tb_xai_plugin.records.record import probe_sets
from tb_xai_plugin.records.sources import source_of
from tb_xai_plugin.run import Run
from tb_xai_plugin.training import folder
from tb_xai_plugin.training.checks import differing_parts


@dataclass
class _OfSet:
    """What a record holds of one probe set: its JSON, and of each step whether it was explained, the digest of the weights, and Keras's epoch."""

    record: dict[str, Any] | None = None
    steps: list[int] = field(default_factory=list)
    explained: set[int] = field(default_factory=set)
    weights: dict[int, str | None] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)

    def drop_from(self, step: int) -> None:
        while self.steps and self.steps[-1] >= step:
            dropped = self.steps.pop()
            self.explained.discard(dropped)
            self.weights.pop(dropped, None)
            self.epochs.pop(dropped, None)


@dataclass
class Standing:
    """What a record holds.

    Attributes:
        sets: {probe set: what it holds of it}.
        returned: the digest of the weights of the model that the last fit returned; None where it is not known.
        epochs_found: the number of epochs of the probe set that had most when it was read, whether a fit can go on in them or not.
        newest: the wall time of the newest write.
        problem: what the record holds, in words, where no fit of these plans can go on in it; None where one can.
    """

    sets: dict[str, _OfSet]
    returned: str | None = None
    epochs_found: int = 0
    newest: float = 0.0
    problem: str | None = None

    @classmethod
    def empty(cls, plans: Mapping[str, Plan]) -> Standing:
        """The standing of a record that has not begun."""
        return cls({name: _OfSet() for name in plans})

    @property
    def is_empty(self) -> bool:
        """Whether nothing was logged."""
        return self.problem is None and all(held.record is None for held in self.sets.values())

    @property
    def epochs(self) -> int:
        """The number of epochs of the probe set that has most."""
        return max(self.epochs_found, *(len(held.epochs) for held in self.sets.values()))

    @property
    def last_step(self) -> int | None:
        """The last epoch of any probe set; None where there is none."""
        last = max((held.steps[-1] for held in self.sets.values() if held.steps), default=wire.UNTRAINED)
        return None if last == wire.UNTRAINED else last

    @property
    def has_untrained(self) -> bool:
        """Whether the untrained model was logged."""
        return any(held.steps[:1] == [wire.UNTRAINED] for held in self.sets.values())

    @property
    def untrained(self) -> str | None:
        """The digest of the weights of the untrained model; None where it is not known."""
        return next((digest for held in self.sets.values() if (digest := held.weights.get(wire.UNTRAINED))), None)

    @property
    def architecture(self) -> str | None:
        """The hash of the network's architecture; None where it was not logged."""
        about: dict[str, Any] = next((held.record.get("model") or {} for held in self.sets.values() if held.record), {})
        return about.get("architecture")

    @property
    def knows_weights(self) -> bool:
        """Whether the digests of the weights were logged; 0.1.0 did not."""
        return any(digest for held in self.sets.values() for digest in held.weights.values())

    def step_with(self, weights: str) -> int | None:
        """The last step at which the network had these weights, which may be that of the untrained model; None where there is none."""
        return max((step for held in self.sets.values() for step, digest in held.weights.items() if digest == weights), default=None)

    def step_of_epoch(self, epoch: int) -> int | None:
        """The newest step at which Keras counted this epoch; None where there is none."""
        return max((step for held in self.sets.values() for step, counted in held.epochs.items() if counted == epoch), default=None)

    def is_of(self, weights: str | None) -> bool:
        """Whether the network had these weights at an epoch of the record, or when its last fit returned."""
        if weights is None:
            return False
        step = self.step_with(weights)
        return step not in (None, wire.UNTRAINED) or (weights == self.returned and step is None)

    def ends_with(self, weights: str | None) -> bool:
        """Whether the network had these weights at the last epoch of the record, or when its last fit returned."""
        return weights is not None and (self.step_with(weights) == self.last_step or weights == self.returned)

    def before(self, name: str, step: int) -> int:
        """The number of steps of a probe set that are earlier than a step."""
        return bisect_left(self.sets[name].steps, step)

    def add(self, name: str, step: int, epoch: Mapping[str, Any], record: dict[str, Any]) -> None:
        """Add a step that was written; steps that are not earlier made way."""
        held = self.sets[name]
        held.record = record
        if epoch.get("returned"):  # no epoch
            self.returned = epoch.get("weights")
            return
        self.returned = None
        held.drop_from(wire.UNTRAINED if epoch["fresh"] else step)
        held.steps.append(step)
        held.weights[step] = epoch.get("weights")
        if step != wire.UNTRAINED:
            held.epochs[step] = epoch.get("epoch", step)
        if epoch["level"]:
            held.explained.add(step)


def read_standing(directory: str, log_dir: str, plans: Mapping[str, Plan]) -> Standing:
    """The standing of what a directory holds; with a `problem` where it is no record in which these plans can go on."""
    standing = Standing.empty(plans)
    try:
        if is_remote(directory) or not has_events(directory):
            return standing
        source = source_of(directory)
        if not source.tags():
            standing.problem = "a damaged record" if folder.has_more_than_headers(directory) else None
            return standing
        present = probe_sets(source, log_dir)
        runs = {name: Run(source, log_dir, name) for name in present}
        standing.newest = max((wall_time for run in runs.values() for _, wall_time, _ in run.writes), default=0.0)
        standing.epochs_found = max(
            sum(step != wire.UNTRAINED and "returned" not in epoch for step, _, epoch in run.writes) for run in runs.values()
        )
        if set(present) != set(plans):
            standing.problem = f"explanations of other probe sets ({', '.join(present)})"
            return standing
        if not any(run.writes for run in runs.values()):
            standing.problem = "a record without any step"
            return standing
        for name, run in runs.items():
            if differing := differing_parts(plans[name], run):
                standing.problem = f"explanations with different {', '.join(differing)}"
                return standing
            for step, _, epoch in run.writes:
                standing.add(name, step, epoch, run.record)
    except Exception as error:  # whatever damage does to a reader
        standing.problem = f"a record that can't be continued ({error})"
    return standing


def misfit(standing: Standing, engines: Mapping[str, Engine]) -> str | None:
    """What a record holds, in words, where it does not fit the network's outputs; None where it does."""
    for name, engine in engines.items():
        record = standing.sets[name].record
        if record is None:
            continue
        unit = record["settings"]["unit"]
        if (record["shape"], record["targets"], unit) != (engine.shape, engine.constant_targets, engine.settings["unit"]):
            return (
                f"explanations of a model with {record['shape']['classes']} classes, in {unit}, where this one has {engine.classes}, "
                f"in {engine.settings['unit']}"
            )
    return None


def holds_only(directory: str, log_dir: str, snapshot: Snapshot, name: str, logs: Mapping[str, float]) -> bool:
    """Whether a directory holds these very explanations, outputs and logs of a probe set, of a model explained once."""
    try:
        run = Run(source_of(directory), log_dir, name)
        if not run.once or run.explainers != list(snapshot.explanations) or run.writes[-1][2]["logs"] != dict(logs):
            return False
        pairs = [
            (run.all_outputs(), np.stack([snapshot.outputs.full, snapshot.outputs.empty], axis=1)),
            (run.all_targets(), snapshot.outputs.targets),
        ]
        for name, explanation in snapshot.explanations.items():
            pairs += [(run.all_values(name), explanation.values), (run.all_base_values(name), explanation.base_values)]
        return all(np.array_equal(there[-1], here, equal_nan=True) for there, here in pairs)
    except Exception:  # the record may be damaged in any way
        return False
