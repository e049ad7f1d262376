"""Recorder: which record a fit goes into, and the writing of it. Nothing that was logged is ever replaced in silence; see decision 0012."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.models.network import about
from tb_xai_plugin.records.sources import DirectorySource
from tb_xai_plugin.records.writer import Writer
from tb_xai_plugin.run import Run
from tb_xai_plugin.training import folder
from tb_xai_plugin.training.entries import record_json
from tb_xai_plugin.training.scalars import RunScalars
from tb_xai_plugin.training.standing import Standing, misfit, read_standing

logger = logging.getLogger("tb_xai_plugin")


@dataclass(frozen=True)
class _Trained:
    """What this process knows of a network that it logged: an event file of its record, and the digest of its weights before the first fit."""

    file: str
    initial: str | None


# {network: {log_dir: what is known}}. A network that is trained again goes on in its own record, whichever logger logged it before.
_TRAINED: weakref.WeakKeyDictionary[Any, dict[str, _Trained]] = weakref.WeakKeyDictionary()


# Fits in several threads may begin in one log_dir at the same moment.
_WRITING = threading.RLock()


class Recorder:
    """Writes the record of one log_dir.

    Args:
        plans: {probe set: its plan}.
        by: who speaks in the log lines.

    Attributes:
        log_dir: the run's directory.
        offset: the number that is added to Keras's epoch, where a fit from epoch 0 goes on in a record.
        initial: whether the network has the weights that it had before its first fit.
    """

    def __init__(self, log_dir: str, plans: Mapping[str, Plan], by: str = "ExplanationLogger") -> None:
        self.log_dir = log_dir
        self.offset = 0
        self.initial = False
        self._plans, self._by = plans, by
        self._writer = Writer(log_dir)
        self._standing = Standing.empty(plans)
        self._scalars: dict[str, RunScalars] = {}
        self._make_way: Callable[[], None] | None = None  # keeps the old record aside, right before the first write
        self._files: frozenset[str] = frozenset()  # event files that were there when the fit began
        self._network: weakref.ref[Any] | None = None
        self._about_model: dict[str, Any] = {}
        self._initial_weights: str | None = None
        self._checked = False  # whether the record fits the engines of this fit
        self._said: set[str] = set()

    @property
    def directory(self) -> str:
        """The directory of the record."""
        return self._writer.directory

    @property
    def last_step(self) -> int | None:
        """The last epoch of the record; None where it has none."""
        return self._standing.last_step

    def step_with(self, weights: str) -> int | None:
        """The last epoch of the record at which the network had these weights; None where there is none."""
        return self._standing.weights.get(weights)

    def is_explained(self, name: str, step: int) -> bool:
        """Whether a probe set was explained at a step, at least in part."""
        return step in self._standing.explained[name]

    def begin(self, epoch: int, network: Any, weights: str | None, engines: Mapping[str, Engine], *, restored: bool = False) -> bool:
        """Choose the record that a fit goes into, before its first epoch.

        Args:
            epoch: Keras's number of that epoch.
            network: the explained network; weights: the digest of its weights, None where it is not built.
            engines: {probe set: engine}; empty for a network that is not built.
            restored: whether the epoch is from a backup of an earlier fit, and not the user's own number.

        Returns:
            Whether a new record begins.
        """
        self.offset, self._make_way, self._checked = 0, None, False
        self._network, self._about_model = weakref.ref(network), about(network)
        known = _TRAINED.get(network, {}).get(os.path.abspath(self.log_dir))
        directory = folder.find(self.log_dir, known.file) if known else None
        own = self._writer.file
        gone = (known and directory is None) or (own and folder.find(self.log_dir, own) is None)
        self._read(directory or folder.record_directory(self.log_dir))
        standing = self._standing
        if gone and not folder.is_remote(self.log_dir):
            self._say(f"{folder.record_directory(self.log_dir)} was removed since the last fit; a new record begins at epoch {epoch}")
        elif directory and directory != folder.record_directory(self.log_dir):
            self._say(f"this model's record goes on in {os.path.dirname(directory)}, where it was kept aside for another model")
        trained = standing.is_of(weights)
        self.initial = weights is not None and not trained and weights in (standing.untrained, known.initial if known else None)
        self._initial_weights = known.initial if known else weights
        problem = standing.problem or misfit(standing, engines)
        if (
            problem is None
            and epoch > 0
            and weights
            and standing.architecture not in (None, self._about_model["architecture"])
            and not known
        ):
            problem = "explanations of another model"
        last = standing.last_step
        if problem:
            self._begin_anew(problem)
        elif last is None:
            if standing.has_untrained and (directory or weights == standing.untrained):
                return False  # interrupted before the end of its first epoch
            if not standing.is_empty:
                self._begin_anew("an untrained model" if standing.has_untrained else "a model that was explained once")
        elif epoch > 0:
            if restored and weights and standing.weights.get(weights, 0) >= epoch:
                # The fit that was interrupted had gone on counting itself.
                self.offset = standing.weights[weights] + 1 - epoch
            if epoch + self.offset <= last:
                self._go_back(epoch + self.offset, last)
            return False
        elif (trained or directory) and not self.initial:
            self.offset = last + 1
            self._say_of_offset(last)
            return False
        else:
            self._begin_anew("an earlier training of this model" if self.initial else "explanations of another model")
        return True

    def begin_once(self, model: Any) -> None:
        """Begin the record of a model that is explained once, without training.

        Raises:
            ValueError: log_dir has a record of a training.
        """
        self._about_model = about(model)
        self._read(folder.record_directory(self.log_dir))
        if self._standing.epochs:
            raise ValueError(
                f"{self._by}: log_dir is {self.log_dir!r}, which has the record of a training with {self._standing.epochs} epochs; give a directory of its own."
            )
        if not self._standing.is_empty:
            self._begin_anew(self._standing.problem or "an earlier explanation")

    def _read(self, directory: str) -> None:
        """Find out what a directory holds, unless this recorder wrote it and it is still there."""
        if (
            directory == self.directory
            and self._writer.file
            and folder.has_file(directory, self._writer.file)
            and not self._standing.problem
        ):
            return
        self._writer.close()
        self._files = frozenset(folder.event_files(directory))
        self._standing = read_standing(directory, self.log_dir, self._plans)
        self._scalars = {}
        self._writer = Writer(os.path.dirname(directory), self._standing.newest)

    def _begin_anew(self, held: str) -> None:
        """Begin a new record in log_dir at the next write, and keep aside what is there.

        held: what the record holds that is there, in words.
        """
        self.offset = 0

        def make_way() -> None:
            target = folder.record_directory(self.log_dir)
            files, newest = folder.event_files(target), max(self._standing.newest, self._writer.last_wall_time)
            self._writer.close()
            if files and folder.is_remote(self.log_dir):
                self._say(f"{target} holds {held}; this fit begins a new record, which replaces it")
            elif files:
                aside = folder.move_aside(self.log_dir)
                self._say(f"{target} held {held}; it is kept as {aside}, and a new record begins")
            self._forget()
            self._writer = Writer(self.log_dir, newest, files)

        self._make_way = make_way

    def _go_back(self, epoch: int, last: int) -> None:
        """Keep a copy of the record aside at the next write, because the fit begins at an epoch that it already has."""

        def make_way() -> None:
            self._writer.close()
            aside = None if folder.is_remote(self.log_dir) else folder.copy_aside(self.log_dir, self.directory)
            kept = f"; the record as it was is kept as {aside}" if aside else ""
            self._say(
                f"{self.directory} already has epochs up to {last}, and this fit begins at epoch {epoch}: its epochs take their place{kept}"
            )

        self._make_way = make_way

    def _forget(self) -> None:
        self._standing, self._scalars = Standing.empty(self._plans), {}

    def write(self, name: str, step: int, engine: Engine, snapshot: Snapshot | None, epoch: Mapping[str, Any]) -> None:
        """Write one step of one probe set. epoch: its JSON, without what depends on earlier steps."""
        with _WRITING:
            self._follow_the_file()
            if not self._make_way and not self._writer.file and self._files.symmetric_difference(folder.event_files(self.directory)):
                self._begin_anew("explanations of another fit that began meanwhile")
            if self._make_way:
                # Only once: what fails here is reported as a gap, and tried again at the next step.
                self._make_way()
                self._make_way = None
            folder.check_directory(self.log_dir)
            self._write(name, step, engine, snapshot, epoch)

    def _write(self, name: str, step: int, engine: Engine, snapshot: Snapshot | None, epoch: Mapping[str, Any]) -> None:
        standing = self._standing
        targets = engine.constant_targets
        record = standing.records.get(name)
        fresh = record is None
        if record is None:
            record, arrays = record_json(self._plans[name], engine, self._about_model)
            self._writer.write_record(name, record, arrays)
        before = [] if fresh else [logged for logged in standing.logged[name] if logged < step]
        epoch = {**epoch, "fresh": fresh, "logged": len(before) + 1}
        self._writer.write_step(name, step, epoch, snapshot, constant_targets=targets is not None, blocks=record.get("blocks"))
        # Only now: a step that could not be written is not in the record.
        standing.add(name, step, epoch, record, before)
        self._remember()

    def check(self, engines: Mapping[str, Engine]) -> None:
        """Begin a new record if the one that was chosen does not fit the network, which may only now be built."""
        if not self._checked and (problem := misfit(self._standing, engines)) and not self._make_way:
            self._begin_anew(problem)
        self._checked = True

    def write_scalars(self, name: str, step: int, engine: Engine, snapshot: Snapshot) -> None:
        """Write drift, shares and events as ordinary scalars."""
        for at, scalars in self._scalars_of(name, step, engine).follow(step, snapshot):
            self._writer.write_scalars(at, scalars)

    def _scalars_of(self, name: str, step: int, engine: Engine) -> RunScalars:
        """The scalars of a probe set, which have followed all earlier epochs of the record."""
        run_scalars = self._scalars.get(name)
        if run_scalars is None or (run_scalars.step is not None and run_scalars.step >= step):
            prefix = "xai" if len(self._plans) == 1 else f"xai {name}"
            run_scalars = self._scalars[name] = RunScalars(
                *(prefix, engine.probes), regression=engine.settings["regression"], targets=engine.constant_targets
            )
            if any(logged < step for logged in self._standing.logged[name]):
                run_scalars.resume(Run(DirectorySource(self.directory), self.log_dir, name), step)
        return run_scalars

    def _follow_the_file(self) -> None:
        """Go on where the event file now is, if somebody moved it; begin anew where it is gone."""
        if not self._writer.vanished:
            return
        file, was = self._writer.file, self.directory
        assert file is not None, "a writer without a file has lost none"
        moved = folder.find(self.log_dir, file)
        if moved:
            self._writer.directory = moved
            self._say(f"another fit began a record in {was}; this one goes on in {os.path.dirname(moved)}")
            return
        self._say(f"{was} was removed while training; the record begins anew, without the epochs before")
        newest = self._writer.last_wall_time
        self._writer.close()
        # Whatever is there by now is of somebody else.
        home = folder.free(self.log_dir) if folder.event_files(was) else os.path.dirname(was)
        self._forget()
        self._writer = Writer(home, newest)

    def _remember(self) -> None:
        network = self._network() if self._network else None
        if network is not None and self._writer.file:
            known = _Trained(self._writer.file, self._initial_weights)
            _TRAINED.setdefault(network, {})[os.path.abspath(self.log_dir)] = known

    def _say_of_offset(self, last: int) -> None:
        if "offset" not in self._said:
            self._said.add("offset")
            logger.warning(
                "ExplanationLogger: %s holds this model's epochs up to %d, so it goes on: epoch 0 of this fit is logged as epoch %d. "
                "For numbers of your own, give fit initial_epoch; for a new record, another log_dir.",
                *(self.directory, last, last + 1),
            )

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            logger.warning("%s: %s.", self._by, sentence)

    def close(self) -> None:
        """Close the event file; a later write opens a new one."""
        self._writer.close()
