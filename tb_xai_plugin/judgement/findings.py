"""Findings: what is worth a look in one run, or in a comparison of two, in sentences, most important first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.judgement import history, steadiness, summaries
from tb_xai_plugin.judgement.beside import SideBySide
from tb_xai_plugin.judgement.comparison import Comparison
from tb_xai_plugin.judgement.shares import Share
from tb_xai_plugin.judgement.shares import share as share_of
from tb_xai_plugin.judgement.trust import trust
from tb_xai_plugin.judgement.words import count_words, percent, player_name, probe_name, share_words, step_words
from tb_xai_plugin.records import asked, wire

if TYPE_CHECKING:
    from tb_xai_plugin.records.asked import Region, Regions
    from tb_xai_plugin.records.series import Series, Target

# The most findings about single probes. Findings about the whole run are not limited.
MOST_PROBES = 6

# The most findings about collapsed explanations, one an epoch.
MOST_COLLAPSES = 3

# The run has a warning where more than this share of its probes has it.
WARNED_SHARE = 0.5

# Below this difference in a region's share, a finding about a probe does not name the region.
LEAST_APART = 0.2


@dataclass(frozen=True)
class Finding:
    """One sentence about a run or a comparison, and where to see it.

    Attributes:
        text: the sentence.
        kind: "reasons differ" | "one is right" | "region" | "forgotten" | "reason changed" | "collapsed" | "unsteady" | "trust" | "not comparable" |
            "predictions".
        step: the epoch to look at; -1 is the untrained model, and RETURNED the returned one.
        probe: the number of the probe, or of the first of several; None where the finding is about the whole run.
        region: the name of the region that the sentence names; "" where it names none.
    """

    text: str
    kind: str
    step: int
    probe: int | None = None
    region: str = ""


def of_pair(compared: Comparison, run: Series, other: Series, step: int | None = None) -> list[Finding]:
    """Findings about two runs at a row of their comparison; `run` is called A and `other` B. step: as in `Comparison.place`."""
    row = compared.place(step)
    step = int(compared.steps[row])
    by_region = {name: pair.shares for name, pair in compared.regions.items()}
    places = compared.places[row].tolist()
    findings = [
        Finding(text, "region", step, None, name)
        for name, both in by_region.items()
        for text in (*_regions_of_pair(name, both, (run, other), places), *_seeds_of_pair(name, compared, row))
    ]
    named: set[int] = set()
    for probe in compared.look_first(step):
        if len(named) == MOST_PROBES:
            break
        named.add(probe)
        findings.append(_of_probe(compared, row, run, probe, by_region, places))
    return findings


def of_beside(compared: SideBySide, run: Series, step: int | None = None) -> list[Finding]:
    """Findings about two runs that can't be compared as a whole, at a row of theirs. step: as in `SideBySide.place`."""
    row = compared.place(step)
    at = int(compared.steps[row])
    texts = [*(("not comparable", "", text) for text in compared.differs), *compared.comparable_findings(row)]
    found = [Finding(f"{text[0].upper()}{text[1:]}.", kind, at, None, region) for kind, region, text in texts]
    of_probe = dict(zip(compared.pairs[:, 0].tolist(), range(len(compared.pairs)), strict=True))
    for probe in compared.look_first(step)[:MOST_PROBES]:
        distance, floor = (float(series[row, of_probe[probe]]) for series in (compared.distance, compared.floor))
        words = f"distance {distance:.2f} on what both have{f' (noise floor {floor:.2f})' if np.isfinite(floor) else ''}"
        found.append(Finding(f"{probe_name(run, probe)}: {words}.", "reasons differ", at, probe))
    return found


def _regions_of_pair(name: str, both: Sequence[Share], runs: tuple[Series, Series], places: list[int]) -> Iterator[str]:
    if min(places) < 0 or all(share.onset_of_run < 0 for share in both):
        return
    now = [float(summaries.mean_of_known(share.share[place])) for share, place in zip(both, places, strict=True)]
    parts = []
    for letter, run, share, here, there in zip("AB", runs, both, now, reversed(now), strict=True):
        if share.onset_of_run >= 0:
            # Before that epoch the sentence tells what comes: probes are counted at the end.
            few = share.in_few_words(len(share.share) - 1)
            parts.append(f"{letter} leans on it from epoch {int(run.all_steps[share.onset_of_run])} on{few}")
        elif here < there / 2:
            parts.append(f"{letter} does not")
        elif run.once:
            parts.append(
                f"{letter} has no epochs ({percent(float(summaries.mean_of_known(share.before)))} expected from the region's size)"
            )
        else:
            before = "before training" if share.measured else "expected from its size"
            parts.append(f"{letter} has no clear onset ({percent(float(summaries.mean_of_known(share.before)))} {before})")
    # A run that leans on the region comes first.
    parts.sort(key=lambda words: "leans" not in words)
    # A model that was explained once has no epochs to name.
    epochs = dict.fromkeys(step_words(int(run.all_steps[place])) for run, place in zip(runs, places, strict=True) if not run.once)
    when = f"at {' and '.join(epochs)}"
    put = f"{when} A puts {percent(now[0])} of its attribution there, B {percent(now[1])}"
    yield f"{name}: {', '.join(parts)}; {put} ({both[0].size_words(max(now))})."


def _seeds_of_pair(name: str, compared: Comparison, row: int) -> Iterator[str]:
    words = compared.regions[name].seeds_words(row)
    if words:
        yield f"{name}: {words}."


def _of_probe(
    compared: Comparison, row: int, run: Series, probe: int, by_region: Mapping[str, Sequence[Share]], places: list[int]
) -> Finding:
    step, (a_right, b_right) = int(compared.steps[row]), compared.right[row, probe].tolist()
    predictions = {
        (True, True): "both right",
        (False, False): "both wrong",
        (True, False): "A right, B wrong",
        (False, True): "A wrong, B right",
    }
    kind = "one is right" if a_right != b_right else "reasons differ"
    widest, region = LEAST_APART, ""
    for name, both in by_region.items():
        apart = abs(both[0].share[places[0], probe] - both[1].share[places[1], probe])
        if apart > widest:
            widest, region = apart, name
    text = _shares_of_probe(region, probe, by_region[region], places) if region else _distance_of_probe(compared, row, run, probe)
    first = f"{predictions[a_right, b_right]}, " if compared.labelled else ""
    return Finding(f"{probe_name(run, probe)}: {first}{text}.", kind, step, probe, region)


def _shares_of_probe(region: str, probe: int, both: Sequence[Share], places: list[int]) -> str:
    now = [float(share.share[place, probe]) for share, place in zip(both, places, strict=True)]
    errors = [float(share.errors[place, probe]) for share, place in zip(both, places, strict=True)]
    a, b = (share_words(share, error) for share, error in zip(now, errors, strict=True))
    return f"B puts {b} of its attribution on {region}, A {a}" if now[1] > now[0] else f"A puts {a} of its attribution on {region}, B {b}"


def _distance_of_probe(compared: Comparison, row: int, run: Series, probe: int) -> str:
    distance, floor = float(compared.distance[row, probe]), float(compared.floor[row, probe])
    if compared.measure == "tv":
        text = f"{percent(distance)} of the attribution differs (noise floor {percent(floor)})"
    else:
        text = f"{compared.measure} distance {distance:.2f} (noise floor {floor:.2f})"
    a, b = (side[row, probe] for side in compared.values)
    change = np.abs(_unit(a) - _unit(b))
    significant = np.where(compared.changed_at(row)[probe], change, 0)
    player = int(significant.argmax())
    if significant[player] > 0:
        part = percent(significant[player] / change.sum())
        text += f"; {part} of the difference is in {player_name(run, probe, player)}: A {a[player]:+.3g}, B {b[player]:+.3g}"
    return text


def of_run(run: Series, explainer: str, target: Target, regions: Regions = None) -> list[Finding]:
    """Findings about one run: about its epochs. Of a model that was explained once, whether its explanations can be trusted.

    regions: asked for besides the declared ones.
    """
    if run.once:
        return list(_all_probes(run, explainer, target))
    if not len(run.steps):
        return []
    return [
        *_collapsed(run, explainer, target),
        *_regions(run, explainer, target, {**{name: name for name in run.record["probes"]["regions"]}, **asked.named(run, regions)}),
        *_probes(run, explainer, target),
        *_all_probes(run, explainer, target),
    ]


def _collapsed(run: Series, explainer: str, target: Target) -> Iterator[Finding]:
    collapsed: dict[int, list[int]] = {}
    for event in history.run_events(run, explainer, target):
        if event.kind == "collapsed":
            collapsed.setdefault(event.step, []).append(event.probe)
    for step, probes in list(collapsed.items())[:MOST_COLLAPSES]:
        yield Finding(
            f"{count_words(len(probes), 'explanation')} collapsed at epoch {step}: all attributions are about 0, or the model outputs NaN or infinity.",
            "collapsed",
            step,
            probes[0],
        )
    if not collapsed and not _explained(run, explainer, target):
        yield Finding(
            "No epoch has an explanation: the model outputs NaN or infinity, or its output does not depend on the players.",
            "collapsed",
            int(run.steps[0]),
        )


def _explained(run: Series, explainer: str, target: Target) -> bool:
    """Whether any epoch of training has an explanation with numbers other than 0."""
    return bool(np.nan_to_num(run.of_class(target, f"values/{explainer}")[0][run.is_epoch]).any())


def _regions(run: Series, explainer: str, target: Target, regions: Mapping[str, Region]) -> Iterator[Finding]:
    for name, region in regions.items():
        share = share_of(run, explainer, region, target)
        if share.onset_of_run < 0:
            continue
        step, now = int(run.all_steps[share.onset_of_run]), float(summaries.mean_of_known(share.share[_last(run, share.share)]))
        before = "in the untrained model" if share.measured else "expected from its size"
        yield Finding(
            f"{name}: the run leans on it from epoch {step} on{share.in_few_words(len(share.share) - 1)}; {percent(now)} of the attribution now, "
            f"{percent(float(summaries.mean_of_known(share.before)))} {before} ({share.size_words(now)}).",
            "region",
            step,
            None,
            name,
        )


def _probes(run: Series, explainer: str, target: Target) -> Iterator[Finding]:
    happened = history.run_events(run, explainer, target)
    end = _end(run)
    right, known = (array[end] for array in history.right(run))
    answers = {name: array[end] for name, array in run.answers().items()}
    last = {event.probe: event for event in happened if event.kind == "forgotten"}
    still_wrong = sorted((event for event in last.values() if known[event.probe] and not right[event.probe]), key=lambda event: event.size)
    for event in still_wrong[: MOST_PROBES // 2]:
        state = f"the probability of its class is {percent(float(answers['label_probability'][event.probe]))} now"
        if run.label_sets is not None:
            state = f"{answers['right_labels'][event.probe]} of its {run.label_sets.shape[1]} labels are right now"
        yield Finding(
            f"{probe_name(run, event.probe)}: forgotten at epoch {event.step} and still wrong; {state}.",
            "forgotten",
            event.step,
            event.probe,
        )
    changes = sorted((event for event in happened if event.kind == "reason changed"), key=lambda event: event.floor - event.size)
    named: set[int] = set()
    for event in changes:
        if event.probe not in named and len(named) < MOST_PROBES // 2:
            named.add(event.probe)
            yield Finding(
                f"{probe_name(run, event.probe)}: {'right before and after, but ' if run.labelled else ''}{percent(event.size)} of its attribution "
                f"changed at epoch {event.step} (threshold {percent(event.floor)}).",
                *("reason changed", event.step, event.probe),
            )


def _all_probes(run: Series, explainer: str, target: Target) -> Iterator[Finding]:
    trusted, probes = trust(run, explainer, target), run.record["shape"]["probes"]
    place = next((last for last in (_last(run, trusted.error), _last(run, trusted.untrained)) if last >= 0), _end(run))
    end = int(run.all_steps[place])
    sentences = {
        "not additive": "are not additive: a sum of players explains less than half of the variance of the model's outputs",
        "does not add up": "do not add up to the model's output",
        "uncertain": "are uncertain: give more evaluations",
        "like the untrained model": "are within noise of the untrained model's: they may show the input, not what was learned",
    }
    for kind, which in trusted.warnings.items():
        concerned = np.flatnonzero(which[place])
        if len(concerned) > probes * WARNED_SHARE:
            yield Finding(f"{count_words(len(concerned), 'explanation')} of {probes} {sentences[kind]}.", "trust", end, int(concerned[0]))
    steady = steadiness.steady(run, explainer, "tv", target)
    # A short training has too few epochs to tell.
    if steady.of_run is None and len(run.steps) >= 2 * steadiness.FEWEST_STEADY and _explained(run, explainer, target):
        yield Finding("Most explanations are not steady yet: they still change by more than noise.", "unsteady", end)


def _end(run: Series) -> int:
    """The index into `all_steps` of the last epoch; of a model that was explained once, of its explanation."""
    return int(np.flatnonzero((run.all_steps != wire.RETURNED) | run.once)[-1])


def _last(run: Series, series: np.ndarray) -> int:
    """The last index with numbers, up to that of `_end`; -1 where there is none."""
    known = np.flatnonzero(np.isfinite(series[: _end(run) + 1]).any(axis=1))
    return int(known[-1]) if len(known) else -1


def _unit(values: np.ndarray) -> np.ndarray:
    """Values divided by their sum of |values|; 0 for NaN."""
    values = np.nan_to_num(values.astype(np.float64))
    unit: np.ndarray = values / max(np.abs(values).sum(), np.finfo(float).tiny)
    return unit
