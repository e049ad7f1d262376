"""Checks runs against rules: `check` and `assert_rules`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tb_xai_plugin.errors import ArgumentError, choose
from tb_xai_plugin.gates import outcomes as judged
from tb_xai_plugin.gates.found import Asked, chosen_probes
from tb_xai_plugin.gates.grammar import Rule, RuleError, Value, parse
from tb_xai_plugin.gates.measures import MEASURES, Measure, SameRunError
from tb_xai_plugin.gates.outcomes import FAILS, MISTAKE, PASSES, UNKNOWN, Outcome
from tb_xai_plugin.judgement.words import count_words, one_line, table
from tb_xai_plugin.records import places
from tb_xai_plugin.run import Run, read_run, read_runs

if TYPE_CHECKING:
    from tb_xai_plugin.judgement.beside import SideBySide
    from tb_xai_plugin.judgement.comparison import Comparison
    from tb_xai_plugin.records.series import Target

# What can be checked: a log directory, of one run or of several; a run; or {name: run}, as read_runs returns it.
Checkable = str | os.PathLike[str] | Run | Mapping[str, Run]

METRIC = MEASURES["metric"]


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """What came out of a check; `str(report)` is the table.

    Attributes:
        outcomes: one for each rule and run.
        strict: whether a rule that passes only within noise fails.
    """

    outcomes: tuple[Outcome, ...]
    strict: bool = False

    def fails(self, outcome: Outcome) -> bool:
        """Whether an outcome makes the check fail: a rule that does not hold, that can't be judged, or, if strict, that holds only within noise."""
        return outcome.outcome in (FAILS, UNKNOWN) or (self.strict and outcome.outcome == PASSES and outcome.within_noise)

    @property
    def failures(self) -> list[Outcome]:
        """The outcomes that make the check fail."""
        return [outcome for outcome in self.outcomes if self.fails(outcome)]

    @property
    def mistakes(self) -> list[Outcome]:
        """Rules that could not be checked, because they name something that the run does not have."""
        return [outcome for outcome in self.outcomes if outcome.outcome == MISTAKE]

    @property
    def passed(self) -> bool:
        """Whether all rules hold."""
        return not self.failures and not self.mistakes

    @property
    def exit_code(self) -> int:
        """0: all rules hold; 1: one fails; 2: a mistake."""
        return 2 if self.mistakes else 1 if self.failures else 0

    @property
    def summary(self) -> str:
        """How many rules hold, in a sentence."""
        count = Counter(outcome.outcome for outcome in self.outcomes)
        noisy = sum(outcome.outcome == PASSES and outcome.within_noise for outcome in self.outcomes)
        within = f" ({noisy} only within noise{', which counts as failing' if self.strict else ''})" if noisy else ""
        parts = [f"{count[PASSES]} {'passes' if count[PASSES] == 1 else 'pass'}{within}"]
        for outcome, words in (
            (FAILS, "fails" if count[FAILS] == 1 else "fail"),
            (UNKNOWN, "without a number"),
            (MISTAKE, "with a mistake"),
        ):
            parts += [f"{count[outcome]} {words}"] if count[outcome] else []
        return f"{count_words(len(self.outcomes), 'check')}: {', '.join(parts)}."

    def __str__(self) -> str:
        rows = [["", "run", "rule", "value", "95 % interval", ""]]
        rows += [
            [one.verdict, one.run, one.rule, "-" if one.outcome == MISTAKE else one.text, one.interval, one.where] for one in self.outcomes
        ]
        noted = [one for one in self.outcomes if one.words and (one.outcome != PASSES or one.within_noise)]
        notes = [
            one.words if one.outcome == MISTAKE else one_line(f"{' '.join(filter(None, (one.run, one.rule)))}: {one.words}")
            for one in noted
        ]
        notes = [line for note in dict.fromkeys(notes) for line in f"  {note}".splitlines()]
        return "\n".join([*table(rows, left=(0, 1, 2, 5)), *(["", *notes] if notes else []), "", self.summary])

    __repr__ = __str__


def check(
    runs: Checkable,
    rules: str | Sequence[str],
    *,
    reference: str | os.PathLike[str] | Run | None = None,
    strict: bool = False,
    probe_set: str | None = None,
    pattern: str = "",
    only: Sequence[str] | None = None,
) -> Report:
    """Check runs against rules, e.g. "share(corner) < 0.3".

    Args:
        runs: a log directory of one run or of several, a run, or {name: run}. Each rule is checked for each run.
        rules: a rule or several; their grammar is in the documentation, "Checking runs".
        reference: the run, or its log directory, that `agreement(reference)`, `different(reference)` and `verdict(reference)` compare with.
        strict: whether a rule that holds only within noise fails.
        probe_set: the probe set, where runs have several; by default the first.
        pattern: for `verdict`, the part of a name in which repeats differ; see `Run.compare`.
        only: names of the runs that are checked; the others can be compared with. By default all are, but for
            records that a logger kept aside in a run's directory, such as earlier-1.

    Returns:
        The report. A rule that names something that a run does not have, such as a region, is a mistake in the report.

    Raises:
        ArgumentError (a ValueError): a text that is no rule; the message points at the place.
        FileNotFoundError: no such directory, or no record in it.
    """
    checked = [parsed(rule) for rule in ([rules] if isinstance(rules, str) else rules)]
    if not checked:
        raise ArgumentError("check: there is no rule; give at least one, such as 'share(corner) < 0.3'.")
    known = runs_of(runs, probe_set)
    if unknown := [name for name in only or () if name not in known]:
        raise ArgumentError(f"check: there is no run {unknown[0]!r}; there are {', '.join(known)}.")
    others = _Others(known, _reference(reference, runs, known, probe_set), probe_set, pattern)
    found: dict[int, list[Outcome]] = {place: [] for place in range(len(checked))}
    chosen = only if only is not None else places.without_kept_aside(known) if isinstance(runs, str | os.PathLike) else list(known)
    for name, run in known.items():
        for place, rule in enumerate(checked):
            if name in chosen and (outcome := _checked(run, rule, others)) is not None:
                found[place].append(outcome)
        if isinstance(runs, str | os.PathLike):
            run.forget()  # a directory of long runs would take the memory of all; one that another is compared with is read again
    alone = "there is no other run than the reference to check."
    outcomes = [found[place] or [Outcome(rule.text, "", MISTAKE, words=alone)] for place, rule in enumerate(checked)]
    return Report(tuple(outcome for of_rule in outcomes for outcome in of_rule), strict)


def assert_rules(
    runs: Checkable,
    *rules: str,
    reference: str | os.PathLike[str] | Run | None = None,
    strict: bool = False,
    probe_set: str | None = None,
    pattern: str = "",
) -> None:
    """Assert in a test that runs keep some rules. The arguments are those of `check`.

    Raises:
        AssertionError: a rule that does not hold, or that names something that a run does not have; the message is the table of all rules.
        ArgumentError (a ValueError), FileNotFoundError: as `check`.
    """
    __tracebackhide__ = True  # pytest shows the test's line, not this one
    report = check(runs, rules, reference=reference, strict=strict, probe_set=probe_set, pattern=pattern)
    if not report.passed:
        raise AssertionError(f"rules are not kept\n\n{report}")


def parsed(text: str) -> Rule:
    """A rule of which everything is right that needs no record: its measure, arguments, options, and what it compares with.

    Raises:
        RuleError (a ValueError): the message points at the place.
    """
    rule = parse(text)
    name, measure = rule.quantity.text, MEASURES.get(rule.quantity.text)
    if measure is None and rule.parenthesised:
        raise rule.error(f"nothing is called {name!r}; {choose(list(MEASURES), name)}", rule.quantity)
    measure = measure or METRIC
    if len(rule.arguments) > bool(measure.argument):
        most = f"one argument, the {measure.argument.strip('[]')}" if measure.argument else "no argument"
        quoted = "; a name with a comma stands in quotes" if measure.argument else ""
        raise rule.error(f"{name} takes {most}{quoted}.", rule.arguments[bool(measure.argument)])
    if measure.argument[:1] not in ("", "[") and not rule.arguments and name in MEASURES:
        raise rule.error(f"{name} needs a {measure.argument}: {name}({measure.argument}).", rule.quantity)
    for option, at in rule.option_names.items():
        if option not in measure.options:
            known = choose(measure.options, option) if measure.options else "it takes none."
            raise rule.error(f"{name} has no option {option}=; {known}", at)
    _check_limit(rule, name, measure)
    return rule


def _check_limit(rule: Rule, name: str, measure: Measure) -> None:
    limit = rule.limit
    if measure.only_words and rule.comparison not in ("==", "!="):
        raise rule.error(f"{name} is a word; compare it by == or != with {' or '.join(measure.words)}.", limit)
    if (limit.number is None and limit.text not in measure.words) or (measure.only_words and limit.text not in measure.words):
        words = [*(() if measure.only_words else ("a number",)), *measure.words]
        raise rule.error(f"{name} can't be compared with {limit.text!r}; give {' or '.join(words)}.", limit)


def _checked(run: Run, rule: Rule, others: _Others) -> Outcome | None:
    """The outcome of one rule for one run; None for the reference itself, of which a comparison says nothing."""
    try:
        asked = Asked(run, rule, chosen_probes(run, rule), others)
        return judged.outcome(asked, MEASURES.get(rule.quantity.text, METRIC).find(asked))
    except SameRunError:
        return None
    except ArgumentError as error:
        pointed = error if isinstance(error, RuleError) else rule.error(str(error), Value(rule.text, 0, len(rule.text)))
        return Outcome(rule.text, run.name, MISTAKE, words=str(pointed))


def runs_of(given: Checkable, probe_set: str | None = None) -> dict[str, Run]:
    """The runs of a log directory of one run or of several, or those that are given.

    Raises:
        FileNotFoundError: no such directory, or no record in it.
        TypeError: something else.
    """
    if isinstance(given, Run):
        return {given.name: given}
    if isinstance(given, Mapping):
        return dict(given)
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"a {type(given).__name__} can't be read; give a log directory, a run, or {{name: run}}.")
    path = os.fspath(given)
    if places.is_directory(path) and not places.has_events(path) and not places.has_events(os.path.join(path, "xai")):
        runs = read_runs(path)
        if not runs:
            raise FileNotFoundError(
                f"there are no explanations in {path!r}; give the log_dir of an ExplanationLogger, or a directory of such runs."
            )
        return {name: run if probe_set is None else run.of_set(probe_set) for name, run in runs.items()}
    run = read_run(path, probe_set)
    return {run.name: run}


def _reference(given: str | os.PathLike[str] | Run | None, runs: Checkable, known: Mapping[str, Run], probe_set: str | None) -> Run | None:
    """The reference; one of the runs, whatever form its path has: it is not checked against itself."""
    if given is None or isinstance(given, Run):
        return given
    path = os.fspath(given)
    if path in known:
        return known[path]
    inside = places.name_below(os.fspath(runs), known, path) if isinstance(runs, str | os.PathLike) else None
    return known[inside] if inside is not None else read_run(path, probe_set)


class _Others:
    """See `found.Others`."""

    def __init__(self, runs: Mapping[str, Run], reference: Run | None, probe_set: str | None, pattern: str) -> None:
        self._runs, self._reference, self._probe_set, self._pattern = runs, reference, probe_set, pattern
        self._read: dict[str, Run] = {}
        self._compared: dict[Any, Comparison | SideBySide] = {}

    def names(self) -> list[str]:
        return list(self._runs)

    def find(self, name: str) -> Run | None:
        if name == "reference" and self._reference is not None:
            return self._reference
        if name in self._runs:
            return self._runs[name]
        if name not in self._read and places.is_directory(name):
            self._read[name] = read_run(name, self._probe_set)
        return self._read.get(name)

    def compare(
        self, run: Run, other: Run, explainer: str | None, align: str, measure: str, target: Target, *, repeats: bool
    ) -> Comparison | SideBySide:
        among = self._runs if repeats and len(self._runs) > 2 else None
        key = (run.serial, other.serial, explainer, align, measure, target, among is not None)
        if key not in self._compared:
            made = run.compare(other, explainer, align, measure=measure, target=target, repeats=among, pattern=self._pattern)
            self._compared = {key: made}  # of long runs, one takes as much memory as they do
        return self._compared[key]
