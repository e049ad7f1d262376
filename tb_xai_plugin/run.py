"""Run: a record and its analysis in one object, for notebooks, the command line and TensorBoard."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.errors import RecordError, usual_explainer
from tb_xai_plugin.judgement import beside, comparison, differences, drift, history, shares, steadiness, summaries, trust
from tb_xai_plugin.judgement.beside import SideBySide
from tb_xai_plugin.judgement.comparison import Comparison
from tb_xai_plugin.judgement.drift import Drift
from tb_xai_plugin.judgement.events import Event
from tb_xai_plugin.judgement.repeats import Recipe, find, recorded
from tb_xai_plugin.judgement.shares import Share
from tb_xai_plugin.judgement.steadiness import Steady
from tb_xai_plugin.judgement.trust import Certain, Trust
from tb_xai_plugin.judgement.words import count_words, returned_words
from tb_xai_plugin.plots.of_run import RunPlots
from tb_xai_plugin.records import dataframe, places, wire
from tb_xai_plugin.records.asked import Region, Regions
from tb_xai_plugin.records.exports import Exports
from tb_xai_plugin.records.series import Target
from tb_xai_plugin.records.sources import Source, source_of

if TYPE_CHECKING:
    import pandas

    from tb_xai_plugin.judgement.alignment import Pairing

logger = logging.getLogger("tb_xai_plugin")


class Run(RunPlots, Recipe, Certain, Exports):
    """One run's explanations over its epochs, read from its record; see `read_run` and `read_runs`.

    The first axis of most arrays is the explained epochs, as in `steps`; missing epochs are absent from it. Arrays of methods whose names
    begin with `all_` also have the untrained model and the returned one, as in `all_steps`. Where a run was resumed or restarted, the newest write of
    a step counts; older writes of the same step and of later steps are dropped.

    The returned model is the one that `fit` returned; it may have the weights of an earlier epoch, or of none (see `returned_how`). It is not an
    epoch: events, onsets and the final explanation are those of epochs.

    Attributes:
        name: the run's name.
        probe_set: the name of the probe set.
        whole: False where epochs disappeared while they were read, because a restarted run replaced them.
    """

    def __repr__(self) -> str:
        gaps = f", {len(self.gaps)} with gaps" if self.gaps else ""
        of_returned = " with gaps" if wire.RETURNED in self.all_gaps else ""
        epochs = f"one explanation{of_returned}" if self.once else count_words(len(self.steps), "epoch")
        probes = count_words(self.record["shape"]["probes"], "probe")
        how = None if self.once else self.returned_how
        returned = "" if how is None else f"; returned model{of_returned}: {returned_words(how, self.returned_epoch)}"
        if how is None and self.unfinished:
            returned = "; not finished"
        return f"Run({self.name!r}, {epochs} of {probes}{gaps}: {', '.join(self.explainers)}{returned})"

    @property
    def right(self) -> np.ndarray | None:
        """bool (epochs, probes): whether each prediction is right; of a set of labels, whether all of them are. False where the output is not a number.

        None where nothing is right or wrong: for a regression, and without labels.
        """
        if self.settings["regression"] or (self.record["probes"]["labels"] is None and self.label_sets is None):
            return None
        were_right, known = history.right(self)
        right: np.ndarray = (were_right & known)[self.is_epoch]
        return right

    @property
    def right_labels(self) -> np.ndarray | None:
        """int (epochs, probes): how many labels of each probe are right, -1 where the output is not a number; None where probes have no sets of labels.

        A label is right where its probability is at least 0.5 if it is true, and below 0.5 if it is not.
        """
        return None if self.label_sets is None else self.answers()["right_labels"][self.is_epoch]

    def change_errors(self, explainer: str, step: int, other_step: int, other: Run | None = None, *, shared: bool = True) -> np.ndarray:
        """Standard errors of the difference between the values at `step` and those at `other_step`.

        They are smaller than the errors of either where both were evaluated on the same coalitions, because common sampling errors cancel out.

        Args:
            explainer: a name of `explainers`.
            step, other_step: steps of `all_steps`; -1 is the untrained model.
            other: the run of `other_step`, comparable in this explainer; by default this run.
            shared: False treats the two errors as independent.

        Returns:
            float32 (probes, targets, players), in the unit of `values`; NaN for a target that is another class at the other step.

        Raises:
            ArgumentError (a ValueError): a step that was not explained, or runs that can't be compared.
        """
        return differences.of_step(self, other or self, explainer, step, other_step, shared=shared)

    def all_change_errors(self, explainer: str, other: Run, at: int | Pairing, target: Target, probes: Sequence[int]) -> np.ndarray:
        """`change_errors` of one class over all steps.

        Args:
            at: a step of `other`, which all steps of this run are compared with; or a Pairing of both runs, which is followed row by row.
            target: "label" | "predicted" | a class number.
            probes: numbers of probes.

        Returns:
            float32 (all_steps or rows, len(probes), players), NaN where there is nothing to compare.
        """
        return differences.of_class(self, other, explainer, at, target, probes)

    def drift(self, explainer: str, against: str | int = "previous", measure: str = "tv", *, target: Target = "label") -> np.ndarray:
        """Distance of each explanation from a reference of the same run.

        Args:
            explainer: a name of `explainers`.
            against: the reference: "previous" (the explained epoch before) | "untrained" | "final" | a step.
            measure: "tv" (total variation of attribution maps with sum |values| = 1, 0 to 1) | "cosine" (0 to 2) | "spearman" (of |values|,
                0 to 2) | "top-k" (of the quarter of players with the largest |values|, 0 to 1) | "magnitude" (difference of log10 of
                sum |values|).
            target: the explained class: "label" (the predicted class where there are no labels) | "predicted" | a class number.

        Returns:
            float64 (epochs, probes), NaN where there is nothing to compare, or the reference explains another class.

        Raises:
            ArgumentError (a ValueError): an unknown explainer, reference, measure or class.
        """
        distance: np.ndarray = drift.distance(self, self._known(explainer), against, measure, target)[self.is_epoch]
        return distance

    def noise_floor(self, explainer: str, against: str | int = "previous", measure: str = "tv", *, target: Target = "label") -> np.ndarray:
        """The distance that sampling error alone explains: `drift` stays below it in 95 of 100 cases where the model's reasons are the same.

        Drift above this floor is a real change. The arguments are those of `drift`.

        Returns:
            float64 (epochs, probes), in units of the measure; NaN where there is nothing to compare, or errors are unknown.
        """
        floor: np.ndarray = self.all_drift(explainer, against, measure, target).floor[self.is_epoch]
        return floor

    def all_drift(self, explainer: str, against: str | int, measure: str, target: Target) -> Drift:
        """`drift` and `noise_floor` in one object, aligned with `all_steps`."""
        return drift.drift(self, self._known(explainer), against, measure, target)

    def changed(self, explainer: str, against: str | int = "previous", *, target: Target = "label") -> np.ndarray:
        """Which players changed by more than noise since a reference of the same run.

        At each epoch, at most 5 % of the players that are named have not changed, on average (Benjamini & Hochberg 1995, over all players of all
        probes). The arguments are those of `drift`.

        Returns:
            bool (epochs, probes, players).
        """
        changed: np.ndarray = drift.changed(self, self._known(explainer), against, target)[self.is_epoch]
        return changed

    def events(self, explainer: str | None = None, *, target: Target = "label", regions: Regions = None) -> list[Event]:
        """What happened to the probes while the model learned.

        "learned", "forgotten" and "relearned" (Toneva et al. 2019) are events of the predictions; "reason changed", "onset" of a region and
        "collapsed" are events of an explainer's values.

        Args:
            explainer: the explainer whose values are used; by default all.
            target: the explained class: "label" | "predicted" | a class number.
            regions: regions whose onsets are events too, besides the declared ones: names of features, groups or tokens, or {name: region}, with
                regions as in `region_share`.

        Returns:
            The events, by epoch and probe; see `judgement.events.Event`.
        """
        chosen = self.explainers if explainer is None else [self._known(explainer)]
        return sorted({event for name in chosen for event in history.run_events(self, name, target, regions)})

    def onset(self, explainer: str, region: Region, *, target: Target = "label") -> int | None:
        """The first epoch from which the run leans on a region: from there on, it gives the region more attribution than noise explains.

        The mean share of the region stays above its lowest earlier value by more than noise (see `onsets.mean_rises`). Where the mean has no
        such epoch, it is the first one from which enough single probes do (see `onsets.onset_of_some`).

        Args:
            explainer: a name of `explainers`.
            region: as in `region_share`.
            target: the explained class: "label" | "predicted" | a class number.

        Returns:
            The epoch; None where there is none.
        """
        place = self.all_region_share(explainer, region, target).onset_of_run
        return int(self.all_steps[place]) if place >= 0 else None

    def steady_since(self, explainer: str, measure: str = "tv", *, target: Target = "label") -> Steady:
        """The epoch from which explanations stay close to the final ones, for each probe and for the run, and the same for a metric.

        The arguments are those of `drift`.
        """
        return steadiness.steady(self, self._known(explainer), measure, target)

    def trust(self, explainer: str, *, target: Target = "label") -> Trust:
        """How far each explanation can be trusted: fidelity, efficiency, sampling error, and distance from the untrained model's explanation.

        Arrays of the result are aligned with `all_steps`. The arguments are those of `drift`.
        """
        return trust.trust(self, self._known(explainer), target)

    def compare(
        self,
        other: Run,
        explainer: str | None = None,
        align: str = "epoch",
        *,
        measure: str = "tv",
        target: Target = "label",
        repeats: Mapping[str, Run] | None = None,
        pattern: str = "",
        regions: Regions = None,
    ) -> Comparison | SideBySide:
        """Compare the reasons of this run with those of another, and with noise and the effect of another seed.

        Args:
            other: another run.
            explainer: an explainer that both have; by default "shap" where both have it, else the first that both have.
            align: which epochs are compared: "epoch" (the same) | "val_accuracy" (of the closest validation metric) | "best" (at the same
                distance from each run's best epoch); see `alignment.pair`.
            measure, target: as in `drift`.
            repeats: further runs, e.g. `read_runs("logs")`. Those that repeat the recipe of either run with another seed show how large
                distances between seeds are.
            pattern: a regular expression for the part of a name in which repeats differ, e.g. "-seed[0-9]+". By default, runs are repeats where
                they are recorded alike and their names differ in the number of a repeat alone; see `Comparison.grouped`.
            regions: regions to compare besides the declared ones, as in `events`.

        Returns:
            The comparison, where both runs explain the same probes with the same settings. Otherwise a `SideBySide`: it says in what the runs differ
            (`differs`), and compares what can be compared: shares of regions, features that both have, probes that are the same. Of both, `verdict`
            says in words whether the reasons are the same, and `comparable` which of the two it is.

        Raises:
            ArgumentError (a ValueError): an explainer that one of the runs does not have; runs that have nothing in common: another kind of probes,
                other classes, a regression and a classification, tables without a common column.
            TypeError: something that is not a run.
        """
        if not isinstance(other, Run):
            raise TypeError(f"{self.name}: compare got a {type(other).__name__}; give a run, as read_run returns it.")
        if repeats is not None and not isinstance(repeats, Mapping):
            raise TypeError(f"{self.name}: repeats is a {type(repeats).__name__}; give {{name: run}}, as read_runs returns it.")
        explainer = explainer or usual_explainer(self, other)
        differences.refuse_absent(self, other, explainer)
        if differences.incomparable(self, other, explainer):
            return beside.beside(self, other, explainer, align, measure, target, regions)
        runs = {} if repeats is None else {name: run for name, run in repeats.items() if not differences.incomparable(self, run, explainer)}
        runs = _without_links(runs, (self.name, other.name))
        names = (
            {**{run.name: recorded(run) for run in (self, other)}, **{name: recorded(run) for name, run in runs.items()}} if runs else {}
        )
        return comparison.compare(self, other, explainer, align, measure, target, find(names, pattern), runs, regions)

    def region_share(self, explainer: str, region: Region, *, target: Target = "label") -> np.ndarray:
        """Share of |attribution| inside a region.

        Args:
            explainer: a name of `explainers`.
            region: the name of a declared region; or of what was not declared: a feature or a group of a table (a feature of a group is its part of
                the group's features), a token of texts, a stretch "40:60" of series (the first step, and the one after the last), a box "x0,y0,x1,y1"
                of images, in pixels. For images also a bool mask (H, W) or (probes, H, W); for other probes also a list of names or numbers of
                players. A declared region is preferred, then a group. A player that lies partly inside counts with that part. Where no text has a
                token of a list, a warning says so.
            target: the explained class: "label" | "predicted" | a class number.

        Returns:
            float64 (epochs, probes), 0 to 1; NaN for probes that have no part of the region, and where all attributions are 0 or missing.

        Raises:
            ArgumentError (a ValueError): an unknown explainer, region, player or class.
        """
        share: np.ndarray = self.all_region_share(explainer, region, target).share[self.is_epoch]
        return share

    def share(self, explainer: str, region: Region, *, target: Target = "label") -> Share:
        """`region_share` with its standard errors, the share of positive attribution, the pointing game and onsets, aligned with `all_steps`.

        The arguments are those of `region_share`.
        """
        return self.all_region_share(explainer, region, target)

    def all_region_share(
        self,
        explainer: str,
        region: Region,
        target: Target,
        chosen: Sequence[int] | None = None,
    ) -> Share:
        """`share` of some probes. chosen: numbers of probes; None for all."""
        return shares.share(self, self._known(explainer), region, target, chosen)

    def importance(self, explainer: str, *, target: Target = "label") -> np.ndarray:
        """Mean |attribution| of each player over probes.

        Use it for players that are the same in every probe, such as the features of a table. The arguments are those of `drift`.

        Returns:
            float64 (epochs, players), in the unit of `values`; NaN where no probe has a number.
        """
        importance: np.ndarray = self.all_importance(explainer, target)[self.is_epoch]
        return importance

    def all_importance(self, explainer: str, target: Target) -> np.ndarray:
        """`importance` aligned with `all_steps`."""
        (values,) = self.of_class(target, f"values/{self._known(explainer)}")
        return summaries.importance(values)

    def to_dataframe(self) -> pandas.DataFrame:
        """All attributions as a pandas DataFrame, one row for each step, explainer, probe, target and player.

        Columns: step (-1 is the untrained model, and 2147483647 the returned one), explainer, probe, name, label, target, class, player, player_name,
        player_value (the feature's value, the token, …; see `ProbeSet.player_values`), value, error; and unit, that of value and error, where the probes have one. The label is the true class; of a regression, the true value of
        the target; of sets of labels, whether the target is true.

        Raises:
            ImportError: pandas is not installed.
        """
        return dataframe.of_series(self)


def read_run(path: str | os.PathLike[str], probe_set: str | None = None) -> Run:
    """Read one run's explanations from its log directory; no TensorBoard process is needed.

    Args:
        path: the log_dir that was given to ExplanationLogger.
        probe_set: the name of the probe set, where the run has several; by default the first in alphabetical order.

    Returns:
        The run. Its arrays are read when they are first used.

    Raises:
        FileNotFoundError: there is no such directory, or no record in it.
        RecordError (a ValueError): a record that can't be read, or without that probe set.
    """
    path = os.fspath(path)
    if not places.is_directory(path):
        raise FileNotFoundError(f"read_run: there is no directory {path!r}; give the log_dir of an ExplanationLogger.")
    inner = os.path.join(path, wire.DIRECTORY)
    directory = inner if places.has_events(inner) else path
    if not places.has_events(directory):
        hint = ", or use read_runs for a directory of runs" if places.record_directories(path) else ""
        raise FileNotFoundError(f"read_run: no explanations in {path!r}; give the log_dir of an ExplanationLogger{hint}.")
    with Progress(f"Reading {places.name_of(path)}").phase("event files"):
        source = source_of(directory)
    _say_damages(source)
    if not any(map(wire.probe_set_of, source.tags())):
        raise FileNotFoundError(
            f"read_run: the event files in {directory!r} hold no explanations; give the log_dir of an ExplanationLogger."
        )
    return Run(source, places.name_of(path), probe_set)


def read_runs(logdir: str | os.PathLike[str]) -> dict[str, Run]:
    """Read all runs below a directory.

    Args:
        logdir: the directory that TensorBoard is given.

    Returns:
        {name as in TensorBoard: run}, in alphabetical order, each with its first probe set. A run that can't be read is left out with a warning.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    logdir = os.fspath(logdir)
    if not places.is_directory(logdir):
        raise FileNotFoundError(f"read_runs: there is no directory {logdir!r}; give TensorBoard's logdir.")
    with Progress("Reading runs").phase(logdir):
        found = places.record_directories(logdir)
    runs: dict[str, Run] = {}
    sources: dict[str, Source] = {}
    for number in Progress("Reading runs")(range(len(found)), unit="run"):
        name, directory = found[number]
        real = directory if places.is_remote(directory) else os.path.realpath(directory)
        try:
            if real not in sources:  # of links to one run, one is read
                sources[real] = source_of(directory)
                _say_damages(sources[real])
            runs[name] = Run(sources[real], name)
        except RecordError as error:
            warnings.warn(f"read_runs leaves out a run that can't be read: {error}", stacklevel=2)
    return runs


def _without_links(runs: Mapping[str, Run], wanted: Sequence[str]) -> dict[str, Run]:
    """The same runs, each once: links to a run are no repeats of it. wanted: the names that are kept where others name the same run."""
    kept: dict[int, str] = {}
    for name in sorted(runs, key=lambda name: name not in wanted):
        kept.setdefault(id(runs[name]._source), name)
    return {name: run for name, run in runs.items() if kept[id(run._source)] == name}


def _say_damages(source: Source) -> None:
    for damage in getattr(source, "damages", ()):
        logger.warning(damage)
