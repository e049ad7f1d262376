"""What deserves a look, in words, most important first: of one run, or of two side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin import judgement
from tb_xai_plugin.alignment import ABSENT
from tb_xai_plugin.comparison import REPEAT, Comparison

if TYPE_CHECKING:
    from tb_xai_plugin.reader import Run

Target = str | int

# What is said of probes, at most; of the whole run everything is said.
MOST_PROBES = 6

# Below that, a region's share is not worth a sentence about one probe.
LEAST_APART = 0.2


@dataclass(frozen=True)
class Finding:
    """One sentence, and where to see it.

    Attributes:
        text: the sentence.
        kind: "reasons differ" | "one is right" | "region" | "forgotten" | "reason changed" | "collapsed" | "unsteady" | "trust".
        step: the epoch to look at.
        probe: its number; None where it is of the whole run.
        region: the region it speaks of; "" where none.
    """

    text: str
    kind: str
    step: int
    probe: int | None = None
    region: str = ""


def of_pair(compared: Comparison, run: Run, other: Run, step: int | None = None) -> list[Finding]:
    """Of two runs at an epoch of their pairing; the last one where both have numbers by default. They are called A and B."""
    row = compared.place(step)
    step, explainer, target = int(compared.steps[row]), compared.explainer, compared.target
    shares = {name: [judgement.share(each, explainer, name, target) for each in (run, other)] for name in run.record["probes"]["regions"]}
    places = [
        int(np.flatnonzero(each.all_steps == at)[0]) if at in each.all_steps else -1
        for each, at in ((run, compared.pairing.here[row]), (other, compared.pairing.there[row]))
    ]
    found = [
        Finding(text, "region", step, None, name)
        for name, both in shares.items()
        for text in _regions_of_pair(name, both, (run, other), places)
    ]
    named: set[int] = set()
    for probe in compared.look_first(step):
        if len(named) == MOST_PROBES:
            break
        named.add(probe)
        found.append(_of_probe(compared, row, run, probe, shares, places))
    return found


def _regions_of_pair(name: str, both: list[judgement.Share], runs: tuple[Run, Run], places: list[int]) -> Iterator[str]:
    leaning = [
        (letter, run, share, place) for letter, run, share, place in zip("AB", runs, both, places, strict=True) if share.onset_of_run >= 0
    ]
    if not leaning or min(places) < 0:
        return
    means = [f"{letter} {_percent(_mean(share.share[place]))}" for letter, share, place in zip("AB", both, places, strict=True)]
    since = " and ".join(f"{letter} leans on it since epoch {int(run.all_steps[share.onset_of_run])}" for letter, run, share, _ in leaning)
    never = "" if len(leaning) == 2 else f", {'B' if leaning[0][0] == 'A' else 'A'} never does"
    yield f"{name}: {since}{never}; now {', '.join(means)} of the explanations."


def _of_probe(
    compared: Comparison, row: int, run: Run, probe: int, shares: Mapping[str, list[judgement.Share]], places: list[int]
) -> Finding:
    step, right = int(compared.steps[row]), compared.right[row, probe]
    answers = (
        "both right"
        if right.all()
        else "both wrong"
        if not right.any()
        else f"{'A' if right[0] else 'B'} right, {'B' if right[0] else 'A'} wrong"
    )
    kind = "one is right" if right.any() and not right.all() else "reasons differ"
    widest, region = 0.0, ""
    for name, both in shares.items():
        apart = abs(both[0].share[places[0], probe] - both[1].share[places[1], probe])
        if apart > max(widest, LEAST_APART):
            widest, region = apart, name
    if region:
        a, b = (
            _with_error(each.share[place, probe], each.errors[place, probe]) for each, place in zip(shares[region], places, strict=True)
        )
        first = shares[region][1].share[places[1], probe] > shares[region][0].share[places[0], probe]
        text = f"B puts {b} on {region}, A {a}" if first else f"A puts {a} on {region}, B {b}"
    else:
        change = np.where(
            compared.changed[row, probe], np.abs(_unit(compared.values[0, row, probe]) - _unit(compared.values[1, row, probe])), 0
        )
        player = int(change.argmax())
        a, b = (float(side[row, probe, player]) for side in compared.values)
        most = f"; most of it is {player_name(run, probe, player)}: A {a:+.3g}, B {b:+.3g}" if change[player] > 0 else ""
        text = (
            f"{_percent(compared.distance[row, probe])} of the reasons are elsewhere (noise {_percent(compared.floor[row, probe])}){most}"
        )
    return Finding(f"{probe_name(run, probe)}: {answers}, {text}.", kind, step, probe, region)


def of_run(run: Run, explainer: str, target: Target) -> list[Finding]:
    """Of one run."""
    if not len(run.steps):
        return []
    return [
        *_collapsed(run, explainer, target),
        *_regions(run, explainer, target),
        *_probes(run, explainer, target),
        *_whole(run, explainer, target),
    ]


def _collapsed(run: Run, explainer: str, target: Target) -> Iterator[Finding]:
    fallen: dict[int, list[int]] = {}
    for event in judgement.found_events(run, explainer, target):
        if event.kind == "collapsed":
            fallen.setdefault(event.step, []).append(event.probe)
    for step, probes in fallen.items():
        yield Finding(
            f"{_count(len(probes), 'explanation')} collapsed at epoch {step}: nothing is left of them, or the model answers no number.",
            "collapsed",
            step,
            probes[0],
        )


def _regions(run: Run, explainer: str, target: Target) -> Iterator[Finding]:
    for name in run.record["probes"]["regions"]:
        share = judgement.share(run, explainer, name, target)
        if share.onset_of_run < 0:
            continue
        step, now = int(run.all_steps[share.onset_of_run]), _mean(share.share[-1])
        than = "in the untrained model" if share.measured else "by its size"
        yield Finding(
            f"{name}: the run leans on it since epoch {step}; {_percent(now)} of the explanations now, {_percent(_mean(share.before))} {than}.",
            "region",
            step,
            None,
            name,
        )


def _probes(run: Run, explainer: str, target: Target) -> Iterator[Finding]:
    events = judgement.found_events(run, explainer, target)
    right, known = judgement.right(run)
    probability = run.answers()["label_probability"]
    last = {event.probe: event for event in events if event.kind == "forgotten"}
    still = sorted(
        (event for event in last.values() if known[-1, event.probe] and not right[-1, event.probe]), key=lambda event: event.size
    )
    for event in still[: MOST_PROBES // 2]:
        now = float(probability[-1, event.probe])
        yield Finding(
            f"{probe_name(run, event.probe)}: forgotten at epoch {event.step} and still wrong, its class has {_percent(now)} now.",
            "forgotten",
            event.step,
            event.probe,
        )
    changes = sorted((event for event in events if event.kind == "reason changed"), key=lambda event: event.floor - event.size)
    named: set[int] = set()
    for event in changes:
        if event.probe not in named and len(named) < MOST_PROBES // 2:
            named.add(event.probe)
            yield Finding(
                f"{probe_name(run, event.probe)}: right throughout, but {_percent(event.size)} of its reasons went elsewhere at epoch {event.step} (what counts begins at {_percent(event.floor)}).",
                *("reason changed", event.step, event.probe),
            )


def _whole(run: Run, explainer: str, target: Target) -> Iterator[Finding]:
    end = int(run.all_steps[-1])
    warnings, probes = judgement.trust(run, explainer, target), run.record["shape"]["probes"]
    sentences = {
        "not additive": "are more than a sum of players: it explains less than half of how the answers vary",
        "does not add up": "don't add up to what the model answers",
        "uncertain": "are uncertain: give more evaluations",
        "like the untrained model": "are no farther from the untrained model's than noise: they show the input, not learning",
    }
    for kind, which in warnings.warnings.items():
        concerned = np.flatnonzero(which[-1])
        if len(concerned) > probes * judgement.MOST:
            yield Finding(f"{_count(len(concerned), 'explanation')} of {probes} {sentences[kind]}.", "trust", end, int(concerned[0]))
    steady = judgement.steady(run, explainer, "tv", target)
    if steady.of_run == ABSENT and len(run.steps) > judgement.FEWEST_TO_SETTLE:
        yield Finding("Most explanations are not steady yet: they still move more than noise.", "unsteady", end)


def looked_at(
    run: Run,
    other: Run | None,
    explainer: str,
    target: Target,
    step: int | None = None,
    align: str = "epoch",
    repeats: Mapping[str, Run] | None = None,
    pattern: str = REPEAT,
) -> tuple[str, list[Finding]]:
    """A verdict ("" of one run) and what to look at."""
    if other is None:
        return "", of_run(run, explainer, target)
    compared = run.compare(other, explainer, align, target=target, repeats=repeats, pattern=pattern)
    return compared.verdict(step), of_pair(compared, run, other, step)


def probe_name(run: Run, probe: int) -> str:
    names = run.record["probes"]["names"]
    return f"probe {probe}" + (f" ({names[probe]})" if names else "")


def player_name(run: Run, probe: int, player: int) -> str:
    if run.kind == "image":
        return f"segment {player}"
    names = run.probes.player_names(probe)
    return names[player] if names else f"player {player}"


def _unit(values: np.ndarray) -> np.ndarray:
    values = np.nan_to_num(values.astype(np.float64))
    return values / max(np.abs(values).sum(), np.finfo(float).tiny)


def _mean(share: np.ndarray) -> float:
    share = share[np.isfinite(share)]
    return float(share.mean()) if len(share) else float("nan")


def _percent(share: float) -> str:
    return "?" if not np.isfinite(share) else f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "below 1 %"


def _with_error(share: float, error: float) -> str:
    return f"{100 * share:.0f} ± {max(100 * error, 0):.0f} %" if np.isfinite(error) else _percent(share)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
