"""Ledger: the record of checkpoints. It knows what is done, and takes further steps in their order."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from tb_xai_plugin.clusters.pieces import Bound, Facts
from tb_xai_plugin.clusters.places import WHO
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.places import is_remote
from tb_xai_plugin.training import folder
from tb_xai_plugin.training.entries import epoch_json
from tb_xai_plugin.training.recorder import Recorder
from tb_xai_plugin.training.standing import misfit

# Beside the event files: which file each step is of, so that a call that goes on need not load what is done.
MARKS = "checkpoints.jsonl"


class Ledger(Recorder):
    """Writes the record of checkpoints, and goes on in one that is there.

    Args:
        log_dir: the run's directory, an absolute path.
        plans: {probe set: its plan}.
    """

    def __init__(self, log_dir: str, plans: Mapping[str, Plan]) -> None:
        super().__init__(log_dir, plans, by=WHO)
        self._read(folder.record_directory(log_dir))
        self._marks = self._read_marks()
        self._engines: dict[str, Engine] = {}
        if self._standing.problem or (not self._standing.is_empty and not self._standing.epochs and not self._standing.has_untrained):
            self._refuse(self._standing.problem or "a model that was explained once")

    def open(self, facts: Facts) -> None:
        """Hold the record against the models. facts: of the first checkpoint.

        Raises:
            ValueError: it is the record of other models.
        """
        self._about_model = dict(facts.model)
        self._engines = {name: cast(Engine, Bound(self._plans[name], said)) for name, said in facts.sets.items()}
        problem = misfit(self._standing, self._engines)
        another = self._standing.architecture not in (None, facts.model["architecture"])
        if problem or another:
            self._refuse(problem or "explanations of a model of another architecture")

    def _refuse(self, held: str) -> None:
        raise ValueError(
            f"{WHO}: log_dir is {self.log_dir!r}, which holds {held}; give a directory of its own, or the same probes and options as before."
        )

    @property
    def is_begun(self) -> bool:
        """Whether the record holds a step."""
        return not self._standing.is_empty

    def is_in(self, step: int) -> bool:
        """Whether the record holds a step, of all probe sets."""
        return all(step in held.steps for held in self._standing.sets.values())

    def is_explained(self, name: str, step: int) -> bool:
        """Whether a probe set was explained at a step, at least in part."""
        return step in self._standing.sets[name].explained

    def is_gap(self, step: int) -> bool:
        """Whether the record says that a step could not be explained."""
        return not any(step in held.explained for held in self._standing.sets.values())

    def weights_at(self, step: int) -> str | None:
        """The digest of the weights at a step; None where it is not known."""
        return next((digest for held in self._standing.sets.values() if (digest := held.weights.get(step))), None)

    def is_marked(self, step: int, path: str) -> bool:
        """Whether a step is of this very file, which nobody changed since."""
        mark = mark_of(path)
        return mark is not None and self._marks.get(step) == mark

    def is_changed(self, step: int, path: str, weights: str | None) -> bool:
        """Whether a step is of other weights. Where their digest is not known, as of a callable, the content of the file tells, if that is known."""
        if weights != self.weights_at(step):
            return True
        if weights is not None:
            return False
        before, now = (_content_of(mark) for mark in (self._marks.get(step), mark_of(path)))
        return before is not None and now is not None and before != now

    def go_back(self, step: int) -> None:
        """Let the next writes take the place of the steps from this one on. The record as it is is kept aside."""
        last = max(held.steps[-1] for held in self._standing.sets.values() if held.steps)
        self._plan_going_back(step, last)

    def write_step(
        self,
        step: int,
        path: str,
        snapshots: Mapping[str, Snapshot],
        failure: str | None,
        logs: Mapping[str, Any],
        seconds: float,
        weights: str | None,
    ) -> None:
        """Write one step: the explanations of all probe sets, or why there are none."""
        for name, plan in self._plans.items():
            snapshot = snapshots.get(name)
            epoch = epoch_json(
                explained=True,
                reason=failure or (snapshot.problem if snapshot else None),
                snapshot=snapshot,
                samples=plan.drawn(snapshot.level) if snapshot else {},
                seconds=seconds / len(self._plans),
                logs=logs,
                weights=weights,
            )
            counted = {} if step == wire.UNTRAINED else {"epoch": step}
            self.write(name, step, self._engines[name], snapshot, {"change": None, **epoch, **counted})
            if snapshot:
                self.write_scalars(name, step, self._engines[name], snapshot)
        self.mark(step, path)

    def _read_marks(self) -> dict[int, str]:
        marks: dict[int, str] = {}
        with suppress(OSError), open(os.path.join(self.directory, MARKS), encoding="utf-8") as file:
            for line in file:
                with suppress(ValueError, KeyError, TypeError):  # the last line may be half written
                    entry = json.loads(line)
                    marks[int(entry["step"])] = str(entry["checkpoint"])
        return marks

    def mark(self, step: int, path: str) -> None:
        """Note which file a step is of. Without it, a call that goes on loads the checkpoint to see that it is done."""
        mark = mark_of(path)
        if mark is None or is_remote(self.directory):
            return
        self._marks[step] = mark
        with suppress(OSError), open(os.path.join(self.directory, MARKS), "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "checkpoint": mark}) + "\n")


def mark_of(path: str) -> str | None:
    """The name, time and content of a checkpoint's file; of a folder, of all files in it. None for a path that is neither."""
    name = os.path.basename(os.path.normpath(path))
    try:
        if os.path.isdir(path):
            files = sorted(os.path.join(root, file) for root, _, inside in os.walk(path) for file in inside)
        else:
            files = [path if os.path.exists(path) else f"{path}.index"]
        newest = max((os.stat(file).st_mtime_ns for file in files), default=0)
        content = hashlib.sha256()
        for file in files:
            with open(file, "rb") as opened:
                while part := opened.read(2**20):
                    content.update(part)
    except OSError:
        return None
    return f"{name} {newest} {content.hexdigest()}"


def _content_of(mark: str | None) -> str | None:
    """The digest in a mark. Marks of earlier versions have none."""
    digest = (mark or "").rpartition(" ")[2]
    return digest if len(digest) == 2 * hashlib.sha256().digest_size else None
