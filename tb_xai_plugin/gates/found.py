"""What a measure found in a run, and what is asked of it: the arguments and options of a rule, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tb_xai_plugin.errors import choose, usual_explainer
from tb_xai_plugin.gates.grammar import Rule, Value

if TYPE_CHECKING:
    from tb_xai_plugin.judgement.beside import SideBySide
    from tb_xai_plugin.judgement.comparison import Comparison
    from tb_xai_plugin.records.series import Target
    from tb_xai_plugin.run import Run


class Others(Protocol):
    """The runs that rules compare with, and the comparisons: each is made once, and serves several rules."""

    def names(self) -> list[str]:
        """Names of the runs of the log directory."""

    def find(self, name: str) -> Run | None:
        """A run by its name, "reference" or its path; None where there is none."""

    def compare(
        self, run: Run, other: Run, explainer: str | None, align: str, measure: str, target: Target, *, repeats: bool
    ) -> Comparison | SideBySide:
        """As `Run.compare`; with repeats, those among the runs of the log directory."""


# From a standard error to half of a 95 % interval.
HALF_WIDTH = 1.96


@dataclass(frozen=True, eq=False)
class Found:
    """What a measure found in one run.

    Attributes:
        values: float (steps, probes), or (steps,), or (1, probes) and (1,) of what is about the whole training. NaN where there is no number.
        margins: half widths of 95 % intervals, of the same shape; None where the numbers have no error, NaN where it is unknown.
        steps: int (steps,); None for what is about the whole training.
        independent: whether margins of probes are those of independent errors. Those of distances are noise floors, and their mean is the mean's.
        over: how probes are brought to one number where the rule does not say it.
        bounds: what the numbers can't be below and above.
        epoch: whether the numbers are epochs; infinity is never.
        word: in place of numbers, what was found, e.g. "same"; "" where there are numbers.
        words: a sentence that belongs to the evidence, e.g. a verdict.
        nothing: why there may be no number, for the evidence; one sentence, or one for each step.
        place: the index of the step that a rule without at= is about; None for the returned model, or the last epoch.
        probes: numbers of the probes of the second axis.
        absent: steps at which there is nothing to measure, e.g. a metric that is not logged every epoch: their NaN leaves nothing unknown.
    """

    values: np.ndarray
    margins: np.ndarray | None = None
    steps: np.ndarray | None = None
    independent: bool = True
    over: str = "mean"
    bounds: tuple[float, float] = (-np.inf, np.inf)
    epoch: bool = False
    word: str = ""
    words: str = ""
    nothing: str | Sequence[str] = ""
    place: int | None = None
    probes: Sequence[int] = ()
    absent: Sequence[int] = ()


@dataclass(frozen=True, eq=False)
class Asked:
    """What a rule asks of one run.

    Attributes:
        run: the run.
        rule: the rule.
        probes: numbers of the probes that the rule is about.
        others: what the run can be compared with.
    """

    run: Run
    rule: Rule
    probes: Sequence[int]
    others: Others = field(repr=False)

    def option(self, name: str, default: str) -> str:
        return self.rule.options[name].text if name in self.rule.options else default

    def one_of(self, name: str, choices: Sequence[str], default: str) -> str:
        """An option that is one of some words."""
        given = self.rule.options.get(name)
        if given is not None and given.text not in choices:
            raise self.rule.error(f"{name}= can't be {given.text!r}; {choose(choices, given.text)}", given)
        return given.text if given is not None else default

    @property
    def explainer(self) -> str:
        return self.one_of("explainer", self.run.explainers, usual_explainer(self.run))

    @property
    def target(self) -> Target:
        """The explained class: option class=."""
        given = self.rule.options.get("class")
        if given is None or given.text in ("label", "predicted"):
            return "label" if given is None else given.text
        return class_number(self.run, self.rule, given)

    def argument(self, default: str = "") -> str:
        return self.rule.arguments[0].text if self.rule.arguments else default

    @property
    def at_argument(self) -> Value:
        """Where an error about the argument points."""
        return self.rule.arguments[0] if self.rule.arguments else self.rule.quantity


def class_number(run: Run, rule: Rule, given: Value) -> int:
    """The number of a class that is given by its name or its number."""
    names = [str(name) for name in run.record["probes"]["class_names"] or ()]
    if given.text in names:
        return names.index(given.text)
    count = run.settings["number_of_classes"]
    if given.text.isdecimal() and int(given.text) < count:
        return int(given.text)
    known = choose(names, given.text) if names else f"give a number from 0 to {count - 1}."
    raise rule.error(f"{run.name} has no class {given.text!r}; {known}", given)


def chosen_probes(run: Run, rule: Rule) -> list[int]:
    """Numbers of the probes that a rule is about: options probes= (numbers or names), label= and slice=; all without these."""
    chosen = list(range(run.record["shape"]["probes"]))
    about = run.record["probes"]
    if given := rule.options.get("probes"):
        chosen = _by_number(run, rule, given, chosen)
    if given := rule.options.get("label"):
        number, labels, sets = class_number(run, rule, given), about["labels"], run.label_sets
        if labels is None and sets is None:
            raise rule.error(f"the probes of {run.name} have no labels.", given)
        has = np.array(labels) == number if sets is None else sets[:, number]
        chosen = [probe for probe in chosen if has[probe]]
    if given := rule.options.get("slice"):
        slices = about.get("slices") or {}
        if given.text not in slices:
            known = choose(list(slices), given.text) if slices else "its probes have no slices."
            raise rule.error(f"{run.name} has no slice {given.text!r}; {known}", given)
        chosen = [probe for probe in chosen if slices[given.text][probe]]
    if not chosen:
        raise rule.error(f"no probe of {run.name} is left to measure.", next(iter(rule.option_names.values())))
    return chosen


def _by_number(run: Run, rule: Rule, given: Value, every: Sequence[int]) -> list[int]:
    names = run.record["probes"]["names"] or ()
    if given.text in names:
        return [probe for probe in every if names[probe] == given.text]
    first, colon, stop = given.text.partition(":")
    if not (first.isdecimal() and (stop.isdecimal() if colon else not stop)) or int(first) >= len(every):
        raise rule.error(
            f"{run.name} has no probe {given.text!r}; give a number from 0 to {len(every) - 1}, a range 0:8, or a name.", given
        )
    return list(every)[int(first) : int(stop)] if colon else [int(first)]
