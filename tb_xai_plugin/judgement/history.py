"""The events of a run: every epoch is given, in order, to those who follow predictions, reasons and regions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tb_xai_plugin.judgement import events, onsets, shares
from tb_xai_plugin.judgement.events import Event, Moment
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.series import Series, Target


def found_events(run: Series, explainer: str, target: Target) -> list[Event]:
    """All events of a run that one explainer and the predictions tell of, by epoch."""

    def found() -> list[Event]:
        return sorted([*_answered(run), *_reasons(run, explainer, target), *_onsets(run, explainer, target)])

    return run.cached("events", explainer, target, make=found)


def right(run: Series) -> tuple[np.ndarray, np.ndarray]:
    """bool (all_steps, probes): whether the answer is the label, and whether there are both. Of a regression, or without labels, every answer is right."""
    predicted, labels = run.predicted(), run.record["probes"]["labels"]
    known = predicted >= 0
    if run.settings["regression"]:
        known = np.isfinite(run.answers()["probability"])
    if labels is None or run.settings["regression"]:
        return known, np.zeros_like(known)
    return known & (predicted == np.array(labels)), known


def _answered(run: Series) -> Iterator[Event]:
    were_right, known = right(run)
    probability, follower = run.answers()["label_probability"], events.Predictions(known.shape[1])
    if wire.UNTRAINED in run.all_steps:
        follower.begin(probability[0])
    for place in _asked(run):
        yield from follower.follow(int(run.all_steps[place]), were_right[place], known[place], probability[place])


def _reasons(run: Series, explainer: str, target: Target) -> Iterator[Event]:
    were_right, moments, follower = right(run)[0], moments_of(run, explainer, target), events.Reasons(explainer)
    silent = ~np.isfinite(run.answers()["probability"])
    if wire.UNTRAINED in run.all_steps:
        follower.begin(moments[0])
    for place in _asked(run):
        yield from follower.follow(int(run.all_steps[place]), moments[place], were_right[place], silent[place])


def _asked(run: Series) -> list[int]:
    """Places of the trained epochs at which the model was asked; where the logger failed, nobody knows."""
    return np.flatnonzero((run.all_steps != wire.UNTRAINED) & (run.cost["level"] > 0)).tolist()


def moments_of(run: Series, explainer: str, target: Target) -> list[Moment]:
    """At all steps."""
    sketches = [f"noise/{explainer}"] if run.record["details"][explainer]["sketched"] else []
    values, errors, *sketched = run.of_class(target, f"values/{explainer}", f"errors/{explainer}", *sketches)
    levels, classes = run.cost["level"], run.target_of(target)
    return [
        Moment(
            *(values[place].astype(np.float64), errors[place], sketched[0][place].astype(np.float64) if sketched else None),
            *(np.full(len(classes[place]), levels[place]), classes[place]),
        )
        for place in range(len(levels))
    ]


def _onsets(run: Series, explainer: str, target: Target) -> list[Event]:
    found = {name: shares.share(run, explainer, name, target) for name in run.record["probes"]["regions"]}
    rises = {name: (each.rise, each.least) for name, each in found.items()}
    before_training = len(run.all_steps) - len(run.steps)
    places = {name: np.where(each.onset < 0, -1, each.onset - before_training) for name, each in found.items()}
    return onsets.onsets(run.steps, explainer, rises, places)
