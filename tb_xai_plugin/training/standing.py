"""Standing: what a record already holds, as far as a fit that goes on in it must know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.record import probe_sets
from tb_xai_plugin.records.sources import DirectorySource, has_events
from tb_xai_plugin.run import Run
from tb_xai_plugin.training import folder
from tb_xai_plugin.training.checks import differing_parts


@dataclass
class Standing:
    """What a record holds.

    Attributes:
        logged: {probe set: its steps}, without the returned model.
        explained: {probe set: the steps that were explained, at least in part}.
        records: {probe set: the JSON that was logged once}.
        weights: {digest of the network's weights: the last epoch that had them}.
        untrained: the digest of the weights of the untrained model; returned: of the model that the last fit returned. None where they are not known.
        epochs: the number of epochs of the probe set that has most, whether a fit can go on in them or not.
        newest: the wall time of the newest write.
        problem: what the record holds, in words, where no fit of these plans can go on in it; None where one can.
    """

    logged: dict[str, list[int]]
    explained: dict[str, set[int]]
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    untrained: str | None = None
    returned: str | None = None
    epochs: int = 0
    newest: float = 0.0
    problem: str | None = None

    @classmethod
    def empty(cls, plans: Mapping[str, Plan]) -> Standing:
        """The standing of a record that has not begun."""
        return cls({name: [] for name in plans}, {name: set() for name in plans})

    @property
    def is_empty(self) -> bool:
        """Whether nothing was logged."""
        return not self.records and self.problem is None

    @property
    def last_step(self) -> int | None:
        """The last epoch of any probe set; None where there is none."""
        last = max((steps[-1] for steps in self.logged.values() if steps), default=wire.UNTRAINED)
        return None if last == wire.UNTRAINED else last

    @property
    def has_untrained(self) -> bool:
        """Whether the untrained model was logged."""
        return any(wire.UNTRAINED in steps for steps in self.logged.values())

    @property
    def architecture(self) -> str | None:
        """The hash of the network's architecture; None where it was not logged."""
        about: dict[str, Any] = next((record.get("model") or {} for record in self.records.values()), {})
        return about.get("architecture")

    def is_of(self, weights: str | None) -> bool:
        """Whether the network had these weights at an epoch of the record, or when its last fit returned."""
        return weights is not None and (weights in self.weights or weights == self.returned)

    def add(self, name: str, step: int, epoch: Mapping[str, Any], record: dict[str, Any], before: list[int]) -> None:
        """Add a step that was written. before: the steps of the record that are earlier; later ones made way."""
        self.records[name] = record
        self.weights = {digest: at for digest, at in self.weights.items() if at < step}
        self.explained[name] = {at for at in self.explained[name] if at < step}
        self.logged[name] = before
        if epoch.get("returned"):  # no epoch
            self.returned = epoch.get("weights")
            return
        self.logged[name] = [*before, step]
        if epoch["level"]:
            self.explained[name].add(step)
        if step == wire.UNTRAINED:
            self.untrained = epoch.get("weights")
        elif epoch.get("weights"):
            self.weights[epoch["weights"]] = step


def read_standing(directory: str, log_dir: str, plans: Mapping[str, Plan]) -> Standing:
    """The standing of what a directory holds; with a `problem` where it is no record in which these plans can go on."""
    standing = Standing.empty(plans)
    if not has_events(directory):
        return standing
    try:
        source = DirectorySource(directory)
        if not source.tags():
            standing.problem = "a damaged record" if folder.has_more_than_headers(directory) else None
            return standing
        present = probe_sets(source, log_dir)
        runs = {name: Run(source, log_dir, name) for name in present}
        standing.newest = max((wall_time for run in runs.values() for _, wall_time, _ in run.writes), default=0.0)
        standing.epochs = max(
            sum(step != wire.UNTRAINED and "returned" not in epoch for step, _, epoch in run.writes) for run in runs.values()
        )
        if set(present) != set(plans):
            standing.problem = f"explanations of other probe sets ({', '.join(present)})"
            return standing
        for name, run in runs.items():
            if differing := differing_parts(plans[name], run):
                standing.problem = f"explanations with different {', '.join(differing)}"
                return standing
            for step, _, epoch in run.writes:
                standing.add(name, step, epoch, run.record, list(standing.logged[name]))
    except (RecordError, KeyError, TypeError, ValueError, OSError) as error:
        standing.problem = f"a record that can't be continued ({error})"
    return standing


def misfit(standing: Standing, engines: Mapping[str, Engine]) -> str | None:
    """What a record holds, in words, where it does not fit the network's outputs; None where it does."""
    for name, record in standing.records.items():
        engine = engines.get(name)
        if engine is None:
            continue
        unit = record["settings"]["unit"]
        if (record["shape"], record["targets"], unit) != (engine.shape, engine.constant_targets, engine.settings["unit"]):
            return (
                f"explanations of a model with {record['shape']['classes']} classes, in {unit}, where this one has {engine.classes}, "
                f"in {engine.settings['unit']}"
            )
    return None
