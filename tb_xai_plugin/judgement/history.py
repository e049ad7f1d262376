"""The events of a recorded run: its epochs are passed, in order, to the followers of predictions, reasons and regions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tb_xai_plugin.judgement import events, onsets, shares
from tb_xai_plugin.judgement.events import Event, Moment
from tb_xai_plugin.records import asked, wire
from tb_xai_plugin.records.asked import Region, Regions
from tb_xai_plugin.records.series import Series, Target


def run_events(run: Series, explainer: str, target: Target, regions: Regions = None) -> list[Event]:
    """All events of a run in the predictions and in the values of one explainer, by epoch; cached. regions: asked for besides the declared ones."""

    def make() -> list[Event]:
        declared = {name: name for name in run.record["probes"]["regions"]}
        return sorted([*_of_predictions(run), *_of_reasons(run, explainer, target), *_of_regions(run, explainer, target, declared)])

    known = run.cached("events", explainer, target, make=make)
    wanted = asked.named(run, regions)
    return sorted([*known, *_of_regions(run, explainer, target, wanted)]) if wanted else known


def explained_epochs(run: Series) -> list[int]:
    """The epochs of which any explainer has a number: those that are gaps throughout are left out."""
    empty = set()
    if run.gaps:
        known = np.zeros(len(run.steps), dtype=bool)
        for explainer in run.explainers:
            known |= np.isfinite(run.values(explainer)).any(axis=(1, 2, 3))
        empty = set(run.steps[~known].tolist())
    return [step for step in run.steps.tolist() if step not in empty]


def right(run: Series) -> tuple[np.ndarray, np.ndarray]:
    """Which predictions are right, and for which that is known: bool (all_steps, probes) each.

    A prediction is right where it is the label; of a probe with a set of labels, where all of them are right, see `labels.right_labels`. Of a
    regression, or without labels, every output that is a number counts as right.
    """
    predicted = run.predicted()
    known = predicted >= 0
    if run.settings["regression"]:
        known = np.isfinite(run.answers()["probability"])
    if not run.labelled:
        return known, np.zeros_like(known)
    if run.label_sets is not None:
        return known & (run.answers()["right_labels"] == run.label_sets.shape[1]), known
    return known & (predicted == np.array(run.record["probes"]["labels"])), known


def _of_predictions(run: Series) -> Iterator[Event]:
    were_right, known = right(run)
    probability, follower = run.answers()["label_probability"], events.Predictions(known.shape[1])
    if wire.UNTRAINED in run.all_steps:
        follower.begin(probability[0])
    steps = run.all_steps.tolist()
    for place in _evaluated(run):
        yield from follower.follow(steps[place], were_right[place], known[place], probability[place])


def _of_reasons(run: Series, explainer: str, target: Target) -> Iterator[Event]:
    were_right, moments, follower = right(run)[0], Moments(run, explainer, target), events.Reasons(explainer)
    invalid = ~np.isfinite(run.answers()["probability"])
    if wire.UNTRAINED in run.all_steps:
        follower.begin(moments[0])
    steps = run.all_steps.tolist()
    for place in _evaluated(run):
        yield from follower.follow(steps[place], moments[place], were_right[place], invalid[place])


def _evaluated(run: Series) -> list[int]:
    """Indices into `all_steps` of the epochs at which the model was evaluated: not those at which explaining failed."""
    places: list[int] = np.flatnonzero(run.is_epoch & (run.cost["level"] > 0)).tolist()
    return places


class Moments:
    """The explanations of one class of a run, by the index into `all_steps`: each is made when it is used, because all of them would be many."""

    def __init__(self, run: Series, explainer: str, target: Target) -> None:
        sketches = [f"noise/{explainer}"] if run.record["details"][explainer]["sketched"] else []
        self._values, self._errors, *self._sketches = run.of_class(target, f"values/{explainer}", f"errors/{explainer}", *sketches)
        self._levels, self._classes = run.cost["level"], run.target_of(target)

    def __getitem__(self, place: int) -> Moment:
        classes = self._classes[place]
        return Moment(
            *(self._values[place].astype(np.float64), self._errors[place], self._sketches[0][place] if self._sketches else None),
            *(np.full(len(classes), self._levels[place]), classes),
        )


def _of_regions(run: Series, explainer: str, target: Target, regions: Mapping[str, Region]) -> list[Event]:
    of_regions = {name: shares.share(run, explainer, region, target) for name, region in regions.items()}
    rises = {name: (share.rise, share.least) for name, share in of_regions.items()}
    before_training = int((run.all_steps == wire.UNTRAINED).sum())
    places = {name: np.where(share.onset < 0, -1, share.onset - before_training) for name, share in of_regions.items()}
    return onsets.onsets(run.steps, explainer, rises, places)
