"""What a rule can measure: one function each, and one table. A function takes what is asked and returns what it found in the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.errors import ArgumentError, choose
from tb_xai_plugin.gates.found import HALF_WIDTH, Asked, Found
from tb_xai_plugin.gates.grammar import RuleError, whole
from tb_xai_plugin.judgement import alignment, drift, events, history, shares, trust
from tb_xai_plugin.judgement.beside import SideBySide
from tb_xai_plugin.judgement.comparison import Comparison
from tb_xai_plugin.judgement.distances import MEASURES as DISTANCES
from tb_xai_plugin.records import wire

# Words that limits may be.
NEVER = "never"
VERDICTS = ("same", "different", "unclear")

# Distances of which 1 minus the distance is an agreement.
AGREEING = [name for name in DISTANCES if name != "magnitude"]

# Options of what has one number a probe: which probes, and how they are brought to one number.
OF_PROBES = ("over", "probes", "label", "slice")
OF_VALUES = ("explainer", "class")
OF_RUNS = (*OF_VALUES, "at", "align", "measure")


class SameRunError(Exception):
    """A rule compares with the run that it is asked of: it says nothing about it."""


@dataclass(frozen=True)
class Measure:
    """An entry of the table.

    Attributes:
        find: measures.
        says: what it is, for the documentation and `tb-xai check --help`.
        argument: what stands in parentheses; "" for nothing, in brackets where it may be left out.
        options: names of the options that it takes.
        words: the words that it can be compared with, besides numbers.
        only_words: whether it can be compared with words alone, by == and !=.
    """

    find: Callable[[Asked], Found]
    says: str
    argument: str = ""
    options: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    only_words: bool = False


def _region(asked: Asked) -> str:
    """The region of a rule; an error that the record raises points at it."""
    region = asked.argument()
    try:
        asked.run.inside(region)
    except ArgumentError as error:
        raise asked.rule.error(str(error), asked.at_argument) from error
    return region


def share(asked: Asked) -> Found:
    of_region = shares.share(asked.run, asked.explainer, _region(asked), asked.target, asked.probes)
    return Found(of_region.share, HALF_WIDTH * of_region.errors, asked.run.all_steps, bounds=(0, 1), probes=asked.probes)


def _without_epochs(asked: Asked) -> Found | None:
    """What is found of a training without explained epochs: nothing, which is neither never nor none."""
    if len(asked.run.steps):
        return None
    return Found(np.array([np.nan]), nothing=f"{asked.run.name} has no explained epochs")


def onset(asked: Asked) -> Found:
    of_region = shares.share(asked.run, asked.explainer, _region(asked), asked.target, asked.probes)
    if nothing := _without_epochs(asked):
        return nothing
    steps = asked.run.all_steps
    since = np.array([steps[place] if place >= 0 else np.inf for place in of_region.onset.tolist()], dtype=np.float64)
    if "over" in asked.rule.options:
        return Found(since[None], epoch=True, probes=asked.probes)
    of_run = of_region.onset_of_run
    few = of_region.in_few_words(len(steps) - 1).strip() if of_run >= 0 else ""
    return Found(np.array([float(steps[of_run]) if of_run >= 0 else np.inf]), epoch=True, words=few and f"onset {few}")


def drifted(asked: Asked) -> Found:
    given = asked.argument("previous")
    number = whole(given)
    against = given if number is None else number
    try:
        found = drift.drift(asked.run, asked.explainer, against, asked.one_of("measure", list(DISTANCES), "tv"), asked.target)
    except RuleError:
        raise
    except ArgumentError as error:
        raise asked.rule.error(str(error), asked.at_argument) from error
    which, steps = list(asked.probes), asked.run.all_steps
    # Without a gap, a step has no distance because it has no reference, or explains another class.
    absent = [step for step in steps[np.isnan(found.distance).all(axis=1)].tolist() if step not in asked.run.all_gaps]
    return Found(
        *(found.distance[:, which], found.floor[:, which], steps),
        independent=False,
        bounds=(0, np.inf),
        probes=asked.probes,
        absent=absent,
    )


def _compared(asked: Asked, *, repeats: bool = False) -> Comparison:
    """The comparison with the run that the rule names."""
    name = asked.argument("reference")
    other = asked.others.find(name)
    if other is None:
        known = [other for other in asked.others.names() if other != asked.run.name]
        hint = "say which run is meant with --reference, or " if name == "reference" else ""
        more = choose(known, name) if known else "give the path of a run."
        raise asked.rule.error(f"there is no run {name!r} to compare {asked.run.name} with; {hint}{more}", asked.at_argument)
    if other is asked.run:
        raise SameRunError
    align = asked.one_of("align", list(alignment.WAYS), "epoch")
    measure = asked.one_of("measure", AGREEING, "tv")
    explainer = asked.explainer if "explainer" in asked.rule.options else None
    try:
        compared = asked.others.compare(asked.run, other, explainer, align, measure, asked.target, repeats=repeats)
    except RuleError:
        raise
    except ArgumentError as error:
        raise asked.rule.error(str(error), asked.at_argument) from error
    if isinstance(compared, SideBySide):
        raise asked.rule.error(f"{asked.run.name} and {other.name} can't be compared: {'; '.join(compared.differs)}.", asked.at_argument)
    return compared


def agreement(asked: Asked) -> Found:
    compared, which = _compared(asked), list(asked.probes)
    # The floor bounds how far noise moves a distance, in either direction, in 95 of 100 cases: distances obey the triangle inequality.
    floor = compared.floor[:, which]
    farthest = 2 if compared.measure in ("cosine", "spearman") else 1
    return Found(
        *(1 - compared.distance[:, which], floor, compared.steps),
        independent=False,
        bounds=(1 - farthest, 1),
        nothing=_unpaired(compared),
        place=_row(asked, compared),
        probes=asked.probes,
        absent=_without_other(compared),
    )


def different(asked: Asked) -> Found:
    compared, which = _compared(asked), list(asked.probes)
    differ = np.where(np.isfinite(compared.distance[:, which]), compared.other_reasons[:, which], np.nan)
    absent = _without_other(compared)
    return Found(differ, steps=compared.steps, nothing=_unpaired(compared), place=_row(asked, compared), probes=asked.probes, absent=absent)


def _without_other(compared: Comparison) -> list[int]:
    """Steps of the run that no step of the other stands beside."""
    absent: list[int] = compared.steps[compared.places.min(axis=1) < 0].tolist()
    return absent


def _unpaired(compared: Comparison) -> list[str]:
    """Why each row may have no number: the runs that have nothing there."""
    return [compared.without(row) or "no probe has numbers of the same class in both runs" for row in range(len(compared.steps))]


def _row(asked: Asked, compared: Comparison) -> int | None:
    """The row of a rule without at=: that of the verdict."""
    return compared.place(_step_of(asked, compared)) if len(compared.steps) and "at" not in asked.rule.options else None


def verdict(asked: Asked) -> Found:
    compared = _compared(asked, repeats=True)
    step = int(compared.steps[compared.place(_step_of(asked, compared))])
    return Found(np.empty(0), steps=np.array([step]), word=compared.outcome(step), words=compared.verdict(step))


def _step_of(asked: Asked, compared: Comparison) -> int | None:
    """The step of `Comparison.place` for the option at=."""
    at = asked.option("at", "")
    returned = wire.RETURNED if wire.RETURNED in compared.steps else None
    best = alignment.best_epoch(asked.run)
    named = {"": returned, "returned": wire.RETURNED, "untrained": wire.UNTRAINED, "last": None, "best": best[0] if best else None}
    if at in named:
        return named[at]
    step = whole(at)
    if step is None:
        raise asked.rule.error(f"at= can't be {at!r} for a verdict; {choose([*filter(None, named), '3'], at)}", asked.rule.options["at"])
    return step


def metric(asked: Asked) -> Found:
    name = asked.argument() or asked.rule.quantity.text
    steps, logs = asked.run.log_series()
    if name not in logs:
        known = choose(list(logs), name) if logs else "nothing was logged."
        raise asked.rule.error(f"{asked.run.name} has no metric {name!r}; {known}", asked.at_argument)
    return Found(logs[name], steps=steps, absent=[step for step, _, epoch in asked.run.epochs if name not in epoch["logs"]])


def right(asked: Asked) -> Found:
    run = asked.run
    if not run.labelled:
        raise asked.rule.error(f"the probes of {run.name} have no labels that a prediction could meet.", asked.rule.quantity)
    were_right, known = (array[:, list(asked.probes)] for array in history.right(run))
    return Found(np.where(known, were_right, np.nan), steps=run.all_steps, probes=asked.probes)


def happened(asked: Asked) -> Found:
    kind = asked.argument()
    if kind and kind not in events.KINDS:
        raise asked.rule.error(f"there is no event {kind!r}; {choose(events.KINDS, kind)}", asked.at_argument)
    if nothing := _without_epochs(asked):
        return nothing
    counted = [event for event in history.run_events(asked.run, asked.explainer, asked.target) if event.kind == kind or not kind]
    of_probe = Counter(event.probe for event in counted)
    counts = np.array([[of_probe[probe] for probe in asked.probes]], dtype=np.float64)
    epochs = sorted({event.step for event in counted if event.probe in set(asked.probes)})
    at = f"{'epoch' if len(epochs) == 1 else 'epochs'} {', '.join(map(str, epochs[:8]))}{', …' if len(epochs) > 8 else ''}"
    return Found(counts, over="sum", words=f"at {at}" if epochs else "", probes=asked.probes)


def steady(asked: Asked) -> Found:
    if nothing := _without_epochs(asked):
        return nothing
    since = asked.run.steady_since(asked.explainer, target=asked.target)
    if "over" in asked.rule.options:
        of_probes = np.where(since.step[list(asked.probes)] >= 0, since.step[list(asked.probes)].astype(np.float64), np.inf)
        return Found(of_probes[None], epoch=True, probes=asked.probes)
    return Found(np.array([np.inf if since.of_run is None else float(since.of_run)]), epoch=True)


def noise(asked: Asked) -> Found:
    of_run = trust.trust(asked.run, asked.explainer, asked.target)
    return Found(of_run.error[:, list(asked.probes)], steps=asked.run.all_steps, probes=asked.probes)


def fidelity(asked: Asked) -> Found:
    run, known = asked.run, asked.run.measures(asked.explainer)
    name = asked.argument(trust.trust(run, asked.explainer, asked.target).r_squared_name or (known[0] if known else ""))
    if name not in known:
        choice = choose(known, name) if known else "none was logged."
        raise asked.rule.error(f"{asked.explainer} has no measure of fidelity {name!r} in {run.name}; {choice}", asked.at_argument)
    of_class = run.of_class(asked.target, f"fidelity/{asked.explainer}")[0][..., known.index(name)]
    return Found(of_class[:, list(asked.probes)], steps=run.all_steps, words=name, probes=asked.probes)


def warned(asked: Asked) -> Found:
    warnings, name = trust.trust(asked.run, asked.explainer, asked.target).warnings, asked.argument()
    if name and name not in warnings:
        raise asked.rule.error(f"there is no warning {name!r}; {choose(list(warnings), name)}", asked.at_argument)
    any_of_them = warnings[name] if name else np.logical_or.reduce(list(warnings.values()))
    return Found(any_of_them[:, list(asked.probes)].astype(np.float64), steps=asked.run.all_steps, probes=asked.probes)


def epochs(asked: Asked) -> Found:
    return Found(np.array([float(len(history.explained_epochs(asked.run)))]), words="explained")


def gaps(asked: Asked) -> Found:
    reasons = list(dict.fromkeys(asked.run.all_gaps.values()))
    return Found(np.array([float(len(asked.run.all_gaps))]), words="; ".join(reasons[:3]))


def overhead(asked: Asked) -> Found:
    known = asked.run.overhead
    return Found(np.array([np.nan if known is None else float(known)]), words="" if known is None else "of the training time")


MEASURES: dict[str, Measure] = {
    "share": Measure(share, "share of |attribution| on a region, 0 to 1", "region", (*OF_VALUES, "at", *OF_PROBES)),
    "onset": Measure(onset, "first epoch from which the run leans on a region", "region", (*OF_VALUES, *OF_PROBES), (NEVER,)),
    "agreement": Measure(agreement, "1 minus the distance from another run's explanations", "[run]", (*OF_RUNS, *OF_PROBES)),
    "different": Measure(different, "part of the probes with different reasons than in another run", "[run]", (*OF_RUNS, *OF_PROBES)),
    "verdict": Measure(verdict, "same, different or unclear: the reasons of another run", "[run]", OF_RUNS, VERDICTS, True),
    "drift": Measure(drifted, "distance from the explanation of another epoch", "[epoch]", (*OF_VALUES, "at", "measure", *OF_PROBES)),
    "steady": Measure(steady, "epoch from which explanations stay what they are at the end", "", (*OF_VALUES, *OF_PROBES), (NEVER,)),
    "events": Measure(happened, "number of events, of one kind or of all", "[kind]", (*OF_VALUES, *OF_PROBES)),
    "metric": Measure(metric, "a number that Keras logged; its name alone means the same", "metric", ("at",)),
    "right": Measure(right, "part of the probes that are predicted right", "", ("at", *OF_PROBES)),
    "noise": Measure(noise, "sampling error of an explanation, relative to its size", "", (*OF_VALUES, "at", *OF_PROBES)),
    "fidelity": Measure(fidelity, "how well the values describe the model, e.g. R²", "[measure]", (*OF_VALUES, "at", *OF_PROBES)),
    "warned": Measure(warned, "part of the probes with a warning, of one kind or of any", "[warning]", (*OF_VALUES, "at", *OF_PROBES)),
    "epochs": Measure(epochs, "number of explained epochs"),
    "gaps": Measure(gaps, "number of steps whose explanations have gaps"),
    "overhead": Measure(overhead, "time of all explanations, relative to that of the training"),
}
