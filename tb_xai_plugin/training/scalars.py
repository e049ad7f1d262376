"""Scalars of a run while it trains: drift with its noise floor, shares of regions, and counts of events.

TensorBoard's Scalars dashboard shows them next to loss and accuracy. The XAI tab has the same numbers, computed by the same functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.judgement import distances, events, history, noise, onsets, shares, summaries
from tb_xai_plugin.judgement.events import Moment
from tb_xai_plugin.probes import ImageProbes
from tb_xai_plugin.probes.labels import right_labels, wanted_classes
from tb_xai_plugin.probes.regions import overlap
from tb_xai_plugin.records import wire

if TYPE_CHECKING:
    from tb_xai_plugin.engine.snapshot import Snapshot
    from tb_xai_plugin.probes import ProbeSet
    from tb_xai_plugin.run import Run

# Events of predictions are certain at their own epoch, events of reasons at the next explained one. Onsets are written at the next one too, and may
# be revoked later.
AT_ONCE = ("learned", "forgotten", "relearned")
ONE_LATER = ("reason changed", "collapsed")

Scalars = dict[str, float]


class RunScalars:
    """Computes the scalars of one probe set of a run, epoch by epoch.

    Args:
        prefix: the first part of all tags.
        probes: the probe set.
        regression: whether the model is a regression.
        targets: the explained classes, where they are the same for all probes and epochs.
    """

    def __init__(self, prefix: str, probes: ProbeSet, *, regression: bool, targets: Sequence[int] | None = None) -> None:
        self._prefix, self._regression, self._inside = prefix, regression, _inside(probes)
        self._labels = None if regression else probes.labels
        self._label_sets = None if regression else probes.label_sets
        self._targets = targets
        self._predictions = events.Predictions(len(probes))
        self._reasons: dict[str, events.Reasons] = {}
        self._counts: dict[str, Counter[tuple[int, str]]] = {}
        self._last: dict[str, Moment] = {}
        self._leaning: dict[tuple[str, str], onsets.Leaning] = {}
        self._players = probes.players
        self.step: int | None = None  # the last epoch that was followed

    def resume(self, run: Run, before: int) -> None:
        """Follow the epochs of a record before the step `before`, without writing."""
        right, known = history.right(run)
        predictions = run.answers()
        invalid, evaluated = ~np.isfinite(predictions["probability"]), run.cost["level"] > 0
        moments = {explainer: history.Moments(run, explainer, "label") for explainer in run.explainers}
        for place in np.flatnonzero((run.all_steps < before) & evaluated).tolist():
            step = int(run.all_steps[place])
            of_step = right[place], known[place], predictions["label_probability"][place]
            self._follow(step, {name: of_explainer[place] for name, of_explainer in moments.items()}, of_step, invalid[place])

    def follow(self, step: int, snapshot: Snapshot) -> list[tuple[int, Scalars]]:
        """Add one more epoch, and return the scalars to write, by step; none for the untrained model, which is not an epoch."""
        full = snapshot.outputs.full
        invalid = ~np.isfinite(full).all(axis=1)
        predicted = np.where(invalid, -1, np.nan_to_num(full).argmax(axis=1))
        right, known, probability = ~invalid, np.zeros_like(invalid), np.full(len(full), np.nan)
        classes = wanted_classes(self._labels, self._label_sets, full, self._targets, regression=self._regression)
        if self._labels is not None:
            right, known = predicted == self._labels, ~invalid
            probability = full[np.arange(len(full)), self._labels]
        elif self._label_sets is not None:
            count, probability = right_labels(self._label_sets, full)
            right, known = count == self._label_sets.shape[1], ~invalid
        moments = {name: _moment(snapshot, name, classes) for name in snapshot.explanations}
        return self._follow(step, moments, (right & ~invalid, known, probability), invalid)

    def _follow(
        self, step: int, moments: dict[str, Moment], predictions: tuple[np.ndarray, np.ndarray, np.ndarray], invalid: np.ndarray
    ) -> list[tuple[int, Scalars]]:
        """predictions: as the arguments of `events.Predictions.follow`; invalid: bool (probes,), whether the output is not a number."""
        right, _, probability = predictions
        now: Scalars = {}
        late: Scalars = {}
        for explainer, moment in moments.items():
            last = self._last.get(explainer)
            if last is not None:
                same = moment.classes == last.classes
                now[f"drift/{explainer}"] = _median(distances.total_variation(moment.values, last.values)[same])
                floor = noise.floor(moment.values, last.values, moment.change_errors(last), "tv", (moment.noise, last.noise))
                now[f"noise floor/{explainer}"] = _median(floor[same])
            explained = np.isfinite(moment.values).any(axis=-1)
            self._last[explainer] = moment if last is None else last.replaced(explained, moment)
            for region, inside in self._inside.items():
                now[f"share of {region}/{explainer}"] = float(
                    summaries.mean_of_known(summaries.region_share(moment.values, inside)[inside.any(axis=-1)])
                )
                late[f"events/onset of {region}/{explainer}"] = self._onsets(step, moment, explainer, region)
        if step == wire.UNTRAINED:
            self._predictions.begin(probability)
            for explainer, moment in moments.items():
                self._reasons.setdefault(explainer, events.Reasons(explainer)).begin(moment)
            return []
        if self._labels is not None or self._label_sets is not None:
            kinds = Counter(event.kind for event in self._predictions.follow(step, *predictions))
            now |= {f"events/{kind}": kinds[kind] for kind in AT_ONCE}
        for explainer, moment in moments.items():
            follower = self._reasons.setdefault(explainer, events.Reasons(explainer))
            counts = self._counts.setdefault(explainer, Counter())
            counts.update((event.step, event.kind) for event in follower.follow(step, moment, right, invalid))
            if self.step is not None:
                late |= {f"events/{kind}/{explainer}": counts[self.step, kind] for kind in ONE_LATER}
        before, self.step = self.step, step
        return [(at, self._tagged(scalars)) for at, scalars in ((before, late), (step, now)) if at is not None and scalars]

    def _onsets(self, step: int, moment: Moment, explainer: str, region: str) -> int:
        """The number of probes that have the onset of a region at the epoch before."""
        inside, key = self._inside[region], (explainer, region)
        size = shares.sizes(inside, self._players)
        if step == wire.UNTRAINED:
            self._leaning[key] = onsets.Leaning(*shares.debiased_share(moment.values, moment.errors, inside, size))
            return 0
        if key not in self._leaning:
            self._leaning[key] = onsets.Leaning(size, np.zeros(len(size)))
        return int(self._leaning[key].follow(*shares.debiased_share(moment.values, moment.errors, inside)).sum())

    def _tagged(self, scalars: Scalars) -> Scalars:
        """The finite numbers, with complete tags."""
        return {f"{self._prefix}/{tag}": value for tag, value in scalars.items() if np.isfinite(value)}


def _inside(probes: ProbeSet) -> dict[str, np.ndarray]:
    """{region: the part of each player that lies inside, (probes, players), 0 to 1}."""
    if not probes.regions:
        return {}
    if isinstance(probes, ImageProbes):
        players = int(probes.players.max())
        return {name: overlap(probes.segments, mask, players) for name, mask in probes.regions.items()}
    membership = probes.as_record()[1]["membership"]
    return {name: membership[:, place] for place, name in enumerate(probes.regions)}


def _moment(snapshot: Snapshot, explainer: str, classes: np.ndarray) -> Moment:
    """The explanations of one class of each probe; without numbers where it was not explained. classes: int (probes,)."""
    explanation = snapshot.explanations[explainer]
    match = explanation.targets == classes[:, None]
    rows, places, explained = np.arange(len(match)), match.argmax(axis=1), match.any(axis=1)
    values = np.where(explained[:, None], explanation.values[rows, places], np.nan).astype(np.float64)
    sketched = None if explanation.noise is None else wire.encode_noise(explanation.noise)[rows, places]
    level = np.full(len(classes), snapshot.evaluations)
    return Moment(values, explanation.errors[rows, places], sketched, level, np.where(explained, classes, -1))


def _median(series: np.ndarray) -> float:
    """The median of the finite numbers; NaN where there is none."""
    return float(np.median(series[np.isfinite(series)])) if np.isfinite(series).any() else np.nan
