"""What is judged of a run while it trains, as ordinary scalars: drift with its noise floor, shares of regions, and counts of events.

They show in TensorBoard's Scalars dashboard, beside loss and accuracy. The numbers are those of the XAI tab: the same functions make both.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.judgement import distances, events, history, noise, onsets, shares, summaries
from tb_xai_plugin.judgement.events import Moment
from tb_xai_plugin.probes import ImageProbes
from tb_xai_plugin.probes.regions import overlap
from tb_xai_plugin.records import wire

if TYPE_CHECKING:
    from tb_xai_plugin.engine.snapshot import Snapshot
    from tb_xai_plugin.probes import ProbeSet
    from tb_xai_plugin.run import Run

# Events of predictions are certain at their epoch, those of reasons at the next explained one. Onsets are told at the next one too; some are given up
# again later.
AT_ONCE = ("learned", "forgotten", "relearned")
ONE_LATER = ("reason changed", "collapsed")

Scalars = dict[str, float]


class Judge:
    """Follows one probe set of a run that trains.

    Args:
        prefix: of the tags.
        probes: the probe set.
        regression: whether the model's answers are no classes.
    """

    def __init__(self, prefix: str, probes: ProbeSet, *, regression: bool) -> None:
        self._prefix, self._regression, self._inside = prefix, regression, _inside(probes)
        self._labels = None if regression else probes.labels
        self._predictions = events.Predictions(len(probes))
        self._reasons: dict[str, events.Reasons] = {}
        self._happened: dict[str, Counter[tuple[int, str]]] = {}
        self._last: dict[str, Moment] = {}
        self._leaning: dict[tuple[str, str], onsets.Leaning] = {}
        self._players = probes.players
        self.step: int | None = None  # the last epoch that was followed

    def resume(self, run: Run, before: int) -> None:
        """Take up what was logged of earlier epochs."""
        right, known = history.right(run)
        answers = run.answers()
        silent, asked = ~np.isfinite(answers["probability"]), run.cost["level"] > 0
        moments = {explainer: history.moments_of(run, explainer, "label") for explainer in run.explainers}
        for place in np.flatnonzero((run.all_steps < before) & asked).tolist():
            step = int(run.all_steps[place])
            told = right[place], known[place], answers["label_probability"][place]
            self._follow(step, {name: each[place] for name, each in moments.items()}, told, silent[place])

    def follow(self, step: int, snapshot: Snapshot) -> list[tuple[int, Scalars]]:
        """Take one more epoch; what is to be written, by step. Nothing of the untrained model, which is no epoch."""
        full = snapshot.answers.full
        silent = ~np.isfinite(full).all(axis=1)
        predicted = np.where(silent, -1, np.nan_to_num(full).argmax(axis=1))
        right, known, probability = ~silent, np.zeros_like(silent), np.full(len(full), np.nan)
        classes = np.zeros(len(full), dtype=int) if self._regression else predicted
        if self._labels is not None:
            right, known, classes = predicted == self._labels, ~silent, self._labels
            probability = full[np.arange(len(full)), self._labels]
        moments = {name: _moment(snapshot, name, classes) for name in snapshot.explanations}
        return self._follow(step, moments, (right & ~silent, known, probability), silent)

    def _follow(
        self, step: int, moments: dict[str, Moment], told: tuple[np.ndarray, np.ndarray, np.ndarray], silent: np.ndarray
    ) -> list[tuple[int, Scalars]]:
        now: Scalars = {}
        late: Scalars = {}
        for explainer, moment in moments.items():
            last = self._last.get(explainer)
            if last is not None:
                same = moment.classes == last.classes
                now[f"drift/{explainer}"] = _median(distances.total_variation(moment.values, last.values)[same])
                now[f"noise floor/{explainer}"] = _median(noise.floor(moment.values, last.values, moment.change_errors(last))[same])
            there = np.isfinite(moment.values).any(axis=-1)
            self._last[explainer] = moment if last is None else last.replaced(there, moment)
            for region, inside in self._inside.items():
                now[f"share of {region}/{explainer}"] = float(
                    summaries.mean_of_known(summaries.region_share(moment.values, inside)[inside.any(axis=-1)])
                )
                late[f"events/onset of {region}/{explainer}"] = self._onsets(step, moment, explainer, region)
        if step == wire.UNTRAINED:
            self._predictions.begin(told[2])
            for explainer, moment in moments.items():
                self._reasons.setdefault(explainer, events.Reasons(explainer)).begin(moment)
            return []
        if self._labels is not None:
            happened = Counter(event.kind for event in self._predictions.follow(step, *told))
            now |= {f"events/{kind}": happened[kind] for kind in AT_ONCE}
        for explainer, moment in moments.items():
            follower = self._reasons.setdefault(explainer, events.Reasons(explainer))
            happened = self._happened.setdefault(explainer, Counter())
            happened.update((event.step, event.kind) for event in follower.follow(step, moment, told[0], silent))
            late |= {f"events/{kind}/{explainer}": happened[self.step, kind] for kind in ONE_LATER}
        before, self.step = self.step, step
        return [(at, self._tagged(found)) for at, found in ((before, late), (step, now)) if at is not None and found]

    def _onsets(self, step: int, moment: Moment, explainer: str, region: str) -> int:
        """How many probes have the onset of a region at the epoch before."""
        inside, key = self._inside[region], (explainer, region)
        size = shares.sizes(inside, self._players)
        if step == wire.UNTRAINED:
            self._leaning[key] = onsets.Leaning(*shares.sure_share(moment.values, moment.errors, inside, size))
            return 0
        if key not in self._leaning:
            self._leaning[key] = onsets.Leaning(size, np.zeros(len(size)))
        return int(self._leaning[key].follow(*shares.sure_share(moment.values, moment.errors, inside)).sum())

    def _tagged(self, found: Scalars) -> Scalars:
        return {f"{self._prefix}/{tag}": value for tag, value in found.items() if np.isfinite(value)}


def _inside(probes: ProbeSet) -> dict[str, np.ndarray]:
    """{region: (probes, players), the part of each player that lies in it}."""
    if not probes.regions:
        return {}
    if isinstance(probes, ImageProbes):
        players = int(probes.players.max())
        return {name: overlap(probes.segments, mask, players) for name, mask in probes.regions.items()}
    membership = probes.as_record()[1]["membership"]
    return {name: membership[:, place] for place, name in enumerate(probes.regions)}


def _moment(snapshot: Snapshot, explainer: str, classes: np.ndarray) -> Moment:
    """Of one class of each probe; without numbers where it was not explained."""
    explanation = snapshot.explanations[explainer]
    match = explanation.targets == classes[:, None]
    rows, places, there = np.arange(len(match)), match.argmax(axis=1), match.any(axis=1)
    values = np.where(there[:, None], explanation.values[rows, places], np.nan).astype(np.float64)
    sketched = None if explanation.noise is None else wire.encode_noise(explanation.noise)[rows, places].astype(np.float64)
    level = np.full(len(classes), snapshot.evaluations)
    return Moment(values, explanation.errors[rows, places], sketched, level, np.where(there, classes, -1))


def _median(series: np.ndarray) -> float:
    return float(np.median(series[np.isfinite(series)])) if np.isfinite(series).any() else np.nan
