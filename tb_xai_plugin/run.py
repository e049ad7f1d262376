"""Run: a record and what it means, in one object; for notebooks, the command line and TensorBoard's side."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.judgement import comparison, differences, drift, history, shares, steadiness, summaries, trust
from tb_xai_plugin.judgement.comparison import Comparison
from tb_xai_plugin.judgement.drift import Drift
from tb_xai_plugin.judgement.events import Event
from tb_xai_plugin.judgement.repeats import REPEAT, repeats_of
from tb_xai_plugin.judgement.shares import Share
from tb_xai_plugin.judgement.steadiness import Steady
from tb_xai_plugin.judgement.trust import Trust
from tb_xai_plugin.records import dataframe, wire
from tb_xai_plugin.records.series import Region, Series, Target
from tb_xai_plugin.records.sources import DirectorySource, has_events

if TYPE_CHECKING:
    import pandas

    from tb_xai_plugin.judgement.alignment import Pairing


class Run(Series):
    """One run's explanations over its epochs.

    Epochs are aligned with `steps`; what is missing is absent from it. Of a resumed or restarted run, the newest write of a step counts,
    and whatever was written earlier at the same or a later step is dropped.

    Attributes:
        name: of the run.
        probe_set: name of the probe set.
        whole: False where epochs went away while they were read: a restarted run replaces them.
    """

    def __repr__(self) -> str:
        gaps = f", {len(self.gaps)} with gaps" if self.gaps else ""
        return (
            f"Run({self.name!r}, {len(self.steps)} epochs{gaps} of {self.record['shape']['probes']} probes: {', '.join(self.explainers)})"
        )

    def change_errors(self, explainer: str, step: int, other_step: int, other: Run | None = None, *, shared: bool = True) -> np.ndarray:
        """Standard errors of values at `step` less values at `other_step`, of this run or `other`: float32 (probes, targets, players).

        Smaller than of either where the same coalitions were asked: what errors have in common cancels out. NaN for a probe and target that
        stand for another class at the other step.

        Args:
            step, other_step: -1 is the untrained model.
            other: a run that can be compared in this explainer; by default this one.
            shared: False treats the errors as independent.

        Raises:
            ArgumentError (a ValueError): a step that was not explained, or runs that can't be compared.
        """
        return differences.of_step(self, other or self, explainer, step, other_step, shared=shared)

    def all_change_errors(self, explainer: str, other: Run, at: int | Pairing, target: Target, probes: Sequence[int]) -> np.ndarray:
        """`change_errors` of one class: at all steps, less `other` at the step `at`; or row by row of a Pairing with `other`.

        Returns:
            float32 (all_steps or rows, len(probes), players), NaN where there is nothing to subtract.
        """
        return differences.of_class(self, other, explainer, at, target, probes)

    def drift(self, explainer: str, against: str | int = "previous", measure: str = "tv", *, target: Target = "label") -> np.ndarray:
        """How far each explanation is from a reference of the same run: (epochs, probes), NaN where there is nothing to compare, or another class.

        Args:
            against: "previous" | "untrained" | "final" | a step.
            measure: "tv" (total variation of unit-L1 maps) | "cosine" | "spearman" (of |values|) | "top-k" | "magnitude" (log10 of sums of
                |values|, apart).
            target: the class: "label" (the predicted one where there are no labels) | "predicted" | a class number.
        """
        return drift.distance(self, self._known(explainer), against, measure, target)[self._trained]

    def noise_floor(self, explainer: str, against: str | int = "previous", measure: str = "tv", *, target: Target = "label") -> np.ndarray:
        """What of `drift` sampling makes: (epochs, probes), the distance that it leaves below in 95 of 100 cases; NaN where errors are unknown.

        A change is real above it. The arguments are those of `drift`.
        """
        return self.all_drift(explainer, against, measure, target).floor[self._trained]

    def all_drift(self, explainer: str, against: str | int, measure: str, target: Target) -> Drift:
        """`drift` and `noise_floor`, aligned with `all_steps`."""
        return drift.drift(self, self._known(explainer), against, measure, target)

    def changed(self, explainer: str, against: str | int = "previous", *, target: Target = "label") -> np.ndarray:
        """bool (epochs, probes, players): which changed by more than noise since the reference; of those, at most 5 % did not, on average.

        See `noise.really_changed`; the arguments are those of `drift`.
        """
        return drift.changed(self, self._known(explainer), against, target)[self._trained]

    def events(self, explainer: str | None = None, *, target: Target = "label") -> list[Event]:
        """What happened to the probes, by epoch: learned, forgotten, relearned, reason changed, onset of a region, collapsed; see `events.Event`.

        explainer: whose values tell; all by default.
        """
        chosen = self.explainers if explainer is None else [self._known(explainer)]
        return sorted({event for each in chosen for event in history.found_events(self, each, target)})

    def onset(self, explainer: str, region: Region, *, target: Target = "label") -> int | None:
        """The first epoch from which a run leans on a region, or None: its mean share stays above the lowest it has been by more than noise (see
        `onsets.mean_rises`), or where that has no such epoch the shares of enough probes do, each by itself (see `onsets.onset_of_some`).
        """
        place = self.all_region_share(explainer, region, target).onset_of_run
        return int(self.all_steps[place]) if place >= 0 else None

    def steady_since(self, explainer: str, measure: str = "tv", *, target: Target = "label") -> Steady:
        """Since when explanations are what they are at the end, for each probe and for the run, beside the validation metric."""
        return steadiness.steady(self, self._known(explainer), measure, target)

    def trust(self, explainer: str, *, target: Target = "label") -> Trust:
        """How far each explanation can be trusted, aligned with `all_steps`: fidelity, error, what it adds up to, likeness to the untrained model."""
        return trust.trust(self, self._known(explainer), target)

    def compare(
        self,
        other: Run,
        explainer: str,
        align: str = "epoch",
        *,
        measure: str = "tv",
        target: Target = "label",
        repeats: Mapping[str, Run] | None = None,
        pattern: str = REPEAT,
    ) -> Comparison:
        """How far the reasons of two runs are apart, and whether that is more than noise.

        Args:
            other: a run that can be compared in this explainer.
            align: "epoch" | "val_accuracy" | "best"; see `alignment.pair`.
            measure, target: as in `drift`.
            repeats: further runs, e.g. `read_runs("logs")`: those that are repeats of either run's recipe tell how far apart another seed would be.
            pattern: of the part of a name that tells repeats apart, e.g. "-seed[0-9]+".

        Raises:
            ArgumentError (a ValueError): runs that can't be compared, with the reason.
        """
        if not isinstance(other, Run):
            raise TypeError(f"{self.name}: compare is given {type(other).__name__} to compare with; give a run, as read_run has it.")
        if repeats is not None and not isinstance(repeats, Mapping):
            raise TypeError(f"{self.name}: repeats is a {type(repeats).__name__}; give {{name: run}}, as read_runs has it.")
        known = (
            {} if repeats is None else {name: run for name, run in repeats.items() if not differences.incomparable(self, run, explainer)}
        )
        pairs = [(known[a], known[b]) for a, b in repeats_of(list(known), (self.name, other.name), pattern)]
        return comparison.compare(self, other, explainer, align, measure, target, pairs)

    def region_share(self, explainer: str, region: Region, *, target: Target = "label") -> np.ndarray:
        """Share of |attribution| inside a region: (epochs, probes), 0 to 1; NaN for probes that have no part of it.

        region: its name; of images any bool mask (H, W) or (probes, H, W); of other probes the names of players (features, tokens).
        """
        return self.all_region_share(explainer, region, target).share[self._trained]

    def share(self, explainer: str, region: Region, *, target: Target = "label") -> Share:
        """All that is known of a region, aligned with `all_steps`: its share with errors, the positive one, the pointing game, onsets; see `shares.Share`."""
        return self.all_region_share(explainer, region, target)

    def all_region_share(
        self,
        explainer: str,
        region: Region,
        target: Target,
        chosen: Sequence[int] | None = None,
    ) -> Share:
        """`region_share` aligned with `all_steps`, with its errors, onset and what it was before, of all probes or of those chosen.

        region: also numbers of players.
        """
        return shares.share(self, self._known(explainer), region, target, chosen)

    def importance(self, explainer: str, *, target: Target = "label") -> np.ndarray:
        """Mean |attribution| of each player over probes: (epochs, players), NaN where no probe has a number. For players that mean the same in every probe."""
        return self.all_importance(explainer, target)[self._trained]

    def all_importance(self, explainer: str, target: Target) -> np.ndarray:
        """`importance` aligned with `all_steps`."""
        (values,) = self.of_class(target, f"values/{self._known(explainer)}")
        return summaries.importance(values)

    def to_dataframe(self) -> pandas.DataFrame:
        """One row for each step (the untrained model is -1), explainer, probe, target and player, with value and error."""
        return dataframe.of_series(self)


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
