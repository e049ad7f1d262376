"""Recorder: which record a fit goes into, and the writing of it. Nothing that was logged is ever replaced in silence; see decision 0012."""

from __future__ import annotations

import copy
import json
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.models.network import about
from tb_xai_plugin.probes import hash_of
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.places import is_remote
from tb_xai_plugin.records.sources import source_of
from tb_xai_plugin.records.writer import Writer
from tb_xai_plugin.run import Run
from tb_xai_plugin.training import folder, siblings
from tb_xai_plugin.training.entries import record_json
from tb_xai_plugin.training.known import KEPT, KNOWN, MOST_KEPT, OPEN, SAID, Kept, Known
from tb_xai_plugin.training.scalars import RunScalars
from tb_xai_plugin.training.standing import Standing, holds_only, misfit, read_standing

logger = logging.getLogger("tb_xai_plugin")


# Fits in several threads may begin in one log_dir at the same moment.
_WRITING = threading.RLock()


class Recorder:
    """Writes the record of one log_dir.

    Args:
        log_dir: the run's directory, an absolute path.
        plans: {probe set: its plan}.
        by: who speaks in the log lines.

    Attributes:
        offset: the number that is added to Keras's epoch, where a fit goes on in a record that counts otherwise.
        callbacks: those of the newest fit; None where they are not known.
        initial: whether the network has the weights that it had before its first fit.
    """

    def __init__(self, log_dir: str, plans: Mapping[str, Plan], by: str = "ExplanationLogger") -> None:
        self.log_dir = log_dir
        self.offset = 0
        self.initial = False
        self.callbacks: list[Any] | None = None
        self._plans, self._by = plans, by
        self._writer = Writer(log_dir)
        self._standing = Standing.empty(plans)
        self._scalars: dict[str, RunScalars] = {}
        self._before_first_write: Callable[[], None] | None = None  # keeps the old record aside
        self._files: dict[str, tuple[int, int]] = {}  # event files of others, as they were when they were read
        self._closed: dict[str, tuple[int, int]] = {}  # all event files, as they were when this recorder closed its own
        self._mine: set[str] = set()  # names of all event files that this recorder wrote
        self._network: weakref.ref[Any] | None = None
        self._about_model: dict[str, Any] = {}
        self._initial_weights: str | None = None
        self._checked = False  # whether the record fits the engines of this fit
        self._own_signature: str | None = None

    @property
    def directory(self) -> str:
        """The directory of the record."""
        return self._writer.directory

    @property
    def last_step(self) -> int | None:
        """The last epoch of the record; None where it has none."""
        return self._standing.last_step

    def step_with(self, weights: str) -> int | None:
        """The last step of the record at which the network had these weights; None where there is none."""
        return self._standing.step_with(weights)

    def is_explained(self, name: str, step: int) -> bool:
        """Whether a probe set was explained at a step, at least in part."""
        return step in self._standing.sets[name].explained

    def begin(self, epoch: int, network: Any, weights: str | None, engines: Mapping[str, Engine]) -> bool:
        """Choose the record that a fit goes into, before its first epoch.

        Args:
            epoch: Keras's number of that epoch.
            network: the explained network; weights: the digest of its weights, None where it is not built.
            engines: {probe set: engine}; empty for a network that is not built.

        Returns:
            Whether a new record begins.
        """
        self.offset, self._before_first_write, self._checked = 0, None, False
        self._network, self._about_model = weakref.ref(network), about(network)
        try:
            return self._choose(epoch, network, weights, engines)
        except Exception as error:  # the record may be damaged in any way
            self._plan_new_record(f"a record that can't be continued ({error})")
            return True

    def _choose(self, epoch: int, network: Any, weights: str | None, engines: Mapping[str, Engine]) -> bool:
        main = folder.record_directory(self.log_dir)
        known = KNOWN.get(network, {}).get(self.log_dir)
        directory = folder.find(self.log_dir, known.file) if known else None
        own = self._writer.file
        if known and directory is None:
            self._say(f"this model's record was removed from {self.log_dir}; a new record begins at epoch {epoch}")
        elif not known and own and folder.find(self.log_dir, own) is None:
            self._say(f"{self.directory} was removed since the last fit; a new record begins at epoch {epoch}")
        elif directory and directory != main:
            home = os.path.dirname(directory)
            self._say(f"this model's record goes on in {home}, where it was kept aside for another model", once=f"goes on in {home}")
        self._read(directory or main)
        standing = self._standing
        if known and directory and standing.is_empty:
            self._say(f"the files in {directory} hold nothing any more; a new record begins at epoch {epoch}")
        in_record = standing.is_of(weights)
        self.initial = weights is not None and not in_record and weights in (standing.untrained, known.initial if known else None)
        self._initial_weights = known.initial if known else weights
        last = standing.last_step
        if problem := self._problem(epoch, network, engines, is_known=known is not None):
            self._plan_new_record(problem)
        elif last is None:
            if standing.has_untrained and directory:
                return False  # interrupted before the end of its first epoch
            if not standing.is_empty:
                self._plan_new_record(self._of_no_epoch())
        elif epoch > 0:
            # A backup counts as its fit did, which may have gone on; the user counts as the record does.
            before = standing.step_of_epoch(epoch - 1) if siblings.restores(self.callbacks or []) else None
            self.offset = 0 if before is None else before + 1 - epoch
            if epoch + self.offset <= last:
                self._plan_going_back(epoch + self.offset, last)
            elif not directory and weights and not in_record and standing.knows_weights:
                self._say(
                    f"{self.directory} goes on at epoch {epoch + self.offset} with weights that are none of its epochs'; if this is another model, give it another log_dir"
                )
            return False
        elif self.initial or not (in_record or (known and directory)):
            self._plan_new_record(self._of_another())
        elif (known and directory and known.last == last) or standing.ends_with(weights):
            self.offset = last + 1
            self._say_that_it_goes_on(last, weights)
            return False
        else:  # another model went on from an earlier epoch of this one: two branches, of which each is a record
            self.offset = (known.last if known and directory else standing.step_with(weights or "") or 0) + 1
            self._plan_going_back(self.offset, last)
            return False
        return True

    def _say_that_it_goes_on(self, last: int, weights: str | None) -> None:
        step = self._standing.step_with(weights) if weights else None
        since = f", with the weights of epoch {step}" if step not in (None, last, wire.UNTRAINED) else ""
        self._say(
            f"{self.directory} holds this model's epochs up to {last}, so it goes on{since}: epoch 0 of this fit is logged as epoch {last + 1}. "
            "For numbers of your own, give fit initial_epoch; for a new record, another log_dir",
            once=f"goes on{since}",
        )

    def _of_another(self) -> str:
        """What a record holds that is not of this training, in words."""
        if self.initial:
            return "an earlier training of this model"
        return "explanations of another model" if self._standing.knows_weights else "explanations that do not say of which model they are"

    def _of_no_epoch(self) -> str:
        """What a record without epochs holds, in words."""
        return "an untrained model" if self._standing.has_untrained else "a model that was explained once"

    def _problem(self, epoch: int, network: Any, engines: Mapping[str, Engine], *, is_known: bool) -> str | None:
        """What the directory holds, in words, where this network cannot go on in it; None where it can."""
        standing = self._standing
        if problem := standing.problem or misfit(standing, engines):
            return problem
        other = OPEN.get(self.directory)
        if other is not None and other is not self and other.network is not network and siblings.is_running(other.callbacks):
            return "explanations of a model that is still in training"
        another = standing.architecture not in (None, self._about_model["architecture"])
        return "explanations of another model" if epoch > 0 and another and not is_known and network.built else None

    @property
    def network(self) -> Any:
        """The network of the newest fit; None before the first, or where it no longer exists."""
        return self._network() if self._network else None

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
            self._plan_new_record(self._standing.problem or self._of_no_epoch())

    def begin_at(self, step: int, model: Any, engines: Mapping[str, Engine]) -> None:
        """Choose the record that a loop of the user goes into, whose own numbers of steps count, before its first step."""
        self.offset, self._before_first_write, self._checked = 0, None, True
        self._about_model = about(model)
        self._read(folder.record_directory(self.log_dir))
        standing, here = self._standing, self._about_model["architecture"]
        first = min((held.steps[0] for held in standing.sets.values() if held.steps), default=None)
        if problem := standing.problem or misfit(standing, engines):
            self._plan_new_record(problem)
        elif standing.architecture not in (None, here) and not standing.is_empty:
            self._plan_new_record("explanations of another model")
        elif first is None and not standing.is_empty:
            self._plan_new_record(self._of_no_epoch())
        elif first is not None and step <= first:
            self._plan_new_record("an earlier training")
        elif standing.last_step is not None and step <= standing.last_step:
            self._plan_going_back(step, standing.last_step)

    def misfit(self, engines: Mapping[str, Engine]) -> str | None:
        """What the record holds, in words, where it does not fit these engines; None where it does."""
        return misfit(self._standing, engines)

    def holds(self, snapshot: Snapshot, weights: str | None, name: str = wire.DEFAULT_SET, logs: Mapping[str, float] | None = None) -> bool:
        """Whether the record is that of a model explained once, with these very numbers. weights: the digest of its weights."""
        if self._standing.is_empty or self._standing.problem or self._standing.returned != weights:
            return False
        return holds_only(self.directory, self.log_dir, snapshot, name, logs or {})

    def _read(self, directory: str) -> None:
        """Find out what a directory holds, unless this recorder wrote it, nobody else wrote on, and it is still there."""
        if directory == self.directory and not self._standing.problem:
            if is_remote(directory):
                if not self._standing.is_empty:
                    return
            elif self._writer.file:
                if self._writer.is_open:  # the last fit was interrupted
                    self.close()
                if self._writer.file in self._closed and self._closed == folder.event_files(directory) and self._others() == self._files:
                    return
        if is_remote(directory):
            self._say(f"{directory} is on a remote file system; what it holds from earlier is not looked at", once="remote")
        self.close()
        kept = KEPT.get(directory)
        if kept and kept.files and kept.files == folder.event_files(directory) and kept.signature == self._signature():
            self._standing, self._scalars, newest = copy.deepcopy(kept.standing), kept.scalars, kept.newest
        else:
            self._standing, self._scalars = read_standing(directory, self.log_dir, self._plans), {}
            newest = self._standing.newest
        self._writer = Writer(os.path.dirname(directory), newest)
        self._files = self._others()

    def _signature(self) -> str:
        """A hash of all that a record of these plans must have in common with another one to be continued."""
        if self._own_signature is None:
            parts: list[np.ndarray | str] = [str(wire.SCHEMA)]
            for name, plan in self._plans.items():
                names, arrays = plan.probes.as_record()
                parts += [name, json.dumps([plan.comparable, names], sort_keys=True, default=str), *arrays.values()]
            self._own_signature = hash_of(*parts)
        return self._own_signature

    def _others(self) -> dict[str, tuple[int, int]]:
        """{name: size and time} of the event files in the record's directory that this recorder did not write."""
        self._mine |= self._writer.files
        return {name: size for name, size in folder.event_files(self.directory).items() if name not in self._mine}

    def _plan_new_record(self, held: str) -> None:
        """Begin a new record in log_dir at the next write, and keep aside what is there.

        held: what the record holds that is there, in words.
        """
        self.offset = 0

        def keep_aside() -> None:
            target = folder.record_directory(self.log_dir)
            files, newest = folder.event_files(target), max(self._standing.newest, self._writer.last_wall_time)
            self.close()
            if is_remote(self.log_dir):
                self._say(f"{target} holds {held}; this fit begins a new record, which replaces it")
            elif files:
                aside = folder.move_aside(self.log_dir)
                self._say(f"{target} held {held}; it is kept as {aside}, and a new record begins")
            self._forget(self.log_dir, newest, files)
            SAID.pop(self.log_dir, None)

        self._before_first_write = keep_aside

    def _plan_going_back(self, step: int, last: int) -> None:
        """Keep a copy of the record aside at the next write, because the fit begins at a step that it already has."""

        def keep_copy() -> None:
            self.close()
            if is_remote(self.log_dir):
                self._say(
                    f"{self.directory} already has epochs up to {last}; from epoch {step} on, those of this training take their place"
                )
            elif folder.event_files(self.directory):
                aside = folder.copy_aside(self.log_dir, self.directory)
                self._say(
                    f"{self.directory} already has epochs up to {last}, and the training goes on at epoch {step}: its epochs take their place; "
                    f"the record as it was is kept as {aside}"
                )
            else:
                self._say(f"{self.directory} was removed while training; the record begins anew, without the epochs before")
                self._forget(os.path.dirname(self.directory), self._writer.last_wall_time)

        self._before_first_write = keep_copy

    def _forget(self, log_dir: str, newest: float, files: Iterable[str] = ()) -> None:
        """Begin with nothing, in a directory of which the event files, and the newest wall time, may be remembered by a server."""
        self._standing, self._scalars = Standing.empty(self._plans), {}
        self._writer = Writer(log_dir, newest, files)
        self._files = {}

    def write(self, name: str, step: int, engine: Engine, snapshot: Snapshot | None, epoch: Mapping[str, Any]) -> None:
        """Write one step of one probe set. epoch: its JSON, without what depends on earlier steps."""
        with _WRITING:
            self._follow_the_file()
            if self._before_first_write:
                # If this fails, the step is a gap, and the next one tries again.
                self._before_first_write()
                self._before_first_write = None
            else:
                self._mind_others()
            folder.check_directory(self.log_dir)
            self._write(name, step, engine, snapshot, epoch)

    def _mind_others(self) -> None:
        """Keep what is there if another fit, in this process or in another one, has begun to write in the same directory."""
        self._mine |= self._writer.files
        new = folder.event_names(self.directory) - self._files.keys() - self._mine
        if not new or not folder.has_more_than_headers(self.directory, new):
            return
        if self._standing.is_empty:
            self._plan_new_record("explanations of another fit that began meanwhile")
            assert self._before_first_write is not None, "just planned"
            self._before_first_write()
            self._before_first_write = None
            return
        self._files = self._others()
        aside = folder.copy_aside(self.log_dir, self.directory)
        self._say(f"another fit writes into {self.directory} too; what it holds now is kept as {aside}. Give each fit a log_dir of its own")

    def _write(self, name: str, step: int, engine: Engine, snapshot: Snapshot | None, epoch: Mapping[str, Any]) -> None:
        standing = self._standing
        targets = engine.constant_targets
        record = standing.sets[name].record
        fresh = record is None
        if record is None:
            record, arrays = record_json(self._plans[name], engine, self._about_model)
            self._writer.write_record(name, record, arrays)
            record["blocks"] = wire.step_blocks(record)
        epoch = {**epoch, "fresh": fresh, "logged": (0 if fresh else standing.before(name, step)) + 1}
        OPEN[self.directory] = self
        self._writer.write_step(name, step, epoch, snapshot, constant_targets=targets is not None, record=record)
        # Only now: a step that could not be written is not in the record.
        standing.add(name, step, epoch, record)
        self._remember()

    def follow(self) -> None:
        """Find out whether the record is still where it was written."""
        with _WRITING:
            self._follow_the_file()

    def check(self, engines: Mapping[str, Engine]) -> None:
        """Begin a new record if the one that was chosen does not fit the network, which may only now be built."""
        if not self._checked and (problem := misfit(self._standing, engines)) and not self._before_first_write:
            self._plan_new_record(problem)
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
            if any(logged < step for logged in self._standing.sets[name].steps):
                run_scalars.resume(Run(source_of(self.directory), self.log_dir, name), step)
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
            self._files = self._others()
            self._say(f"another fit began a record in {was}; this one goes on in {os.path.dirname(moved)}")
            return
        self._say(f"{was} was removed while training; the record begins anew, without the epochs before")
        newest = self._writer.last_wall_time
        self.close()
        self._before_first_write = None  # there is nothing left to keep aside
        # Whatever is there by now is of somebody else.
        self._forget(folder.free(self.log_dir) if folder.event_files(was) else os.path.dirname(was), newest)

    def _remember(self) -> None:
        if self.network is not None and self._writer.file:
            KNOWN.setdefault(self.network, {})[self.log_dir] = Known(
                self._writer.file, self._standing.last_step or 0, self._initial_weights
            )

    def _say(self, sentence: str, once: str | None = None) -> None:
        """Log a sentence. once: what it is about, if one sentence about it is enough for a log_dir."""
        said = SAID.setdefault(self.log_dir, set())
        if once not in said:
            logger.warning("%s: %s.", self._by, sentence)
        if once:
            said.add(once)

    def close(self) -> None:
        """Close the event file; a later write opens a new one."""
        if OPEN.get(self.directory) is self:
            del OPEN[self.directory]
        self._mine |= self._writer.files
        was_open = self._writer.is_open
        self._writer.close()
        if was_open:  # what happened to a file after it was closed is not known here
            self._closed = {} if is_remote(self.directory) else folder.event_files(self.directory)
            self._keep()

    def _keep(self) -> None:
        """Keep what this recorder knows of the record for the next one, if it is all that there is."""
        if is_remote(self.directory) or self._standing.problem or not self._writer.file or self._others() != self._files:
            return
        while len(KEPT) >= MOST_KEPT:
            KEPT.pop(next(iter(KEPT)))
        standing, newest = copy.deepcopy(self._standing), self._writer.last_wall_time
        KEPT[self.directory] = Kept(self._closed, self._signature(), standing, self._scalars, newest)
