"""From what a measure found to whether a rule holds: over probes, at an epoch, compared with a limit, and with the error of the number."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.errors import choose
from tb_xai_plugin.gates.found import Asked, Found
from tb_xai_plugin.gates.grammar import Rule, whole
from tb_xai_plugin.judgement import alignment
from tb_xai_plugin.judgement.words import count_words, probe_name, step_words
from tb_xai_plugin.records import wire

if TYPE_CHECKING:
    from tb_xai_plugin.run import Run

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

OVER = ("mean", "median", "max", "min", "sum")
AT = ("returned", "last", "best", "untrained", "every")

PASSES, FAILS, UNKNOWN, MISTAKE = "passes", "fails", "unknown", "mistake"


@dataclass(frozen=True, eq=False)
class Outcome:
    """Whether a rule holds for a run, and the evidence.

    Attributes:
        rule: the text of the rule.
        run: the name of the run; "" where the rule is about none.
        outcome: "passes" | "fails" | "unknown" (there is no number to compare) | "mistake" (the rule names something that this run does not have).
        within_noise: whether the limit lies within the 95 % interval of the value: another sample of coalitions may give the other outcome.
        value: the number; None where there is none. Of an epoch, infinity is never.
        epoch: whether the value is an epoch.
        word: the word, where the rule is about one.
        low, high: the 95 % interval of the value; None where it has no error.
        step: the epoch; -1 of the untrained model, RETURNED of the returned one; None where the rule is about the whole training.
        where: epoch and probes, in words.
        words: more evidence, in words; of a mistake, what is wrong.
        probes: what was found for each probe at that step.
        steps, values: the number at each step, where it has one.
    """

    rule: str
    run: str
    outcome: str
    within_noise: bool = False
    value: float | None = None
    epoch: bool = False
    word: str = ""
    low: float | None = None
    high: float | None = None
    step: int | None = None
    where: str = ""
    words: str = ""
    probes: list[dict[str, Any]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The value as it is shown."""
        if self.word or self.value is None:
            return self.word or "none"
        if self.never:
            return "never"
        return f"{'epoch ' if self.epoch else ''}{number_words(self.value)}"

    @property
    def never(self) -> bool:
        """Whether the value is an epoch that never comes."""
        return self.epoch and self.value is not None and bool(np.isposinf(self.value))

    @property
    def interval(self) -> str:
        """The 95 % interval as it is shown; "" where there is none."""
        return "" if self.low is None or self.high is None else f"{number_words(self.low)} to {number_words(self.high)}"

    @property
    def verdict(self) -> str:
        """The outcome as it is shown, e.g. "passes within noise"."""
        return f"{self.outcome} within noise" if self.within_noise else self.outcome

    @property
    def sentence(self) -> str:
        """The evidence in a sentence, for a failure's message."""
        if self.outcome == MISTAKE:
            return self.words
        interval = f" (95 %: {self.interval})" if self.interval else ""
        noise = "; the limit is within noise" if self.within_noise else ""
        more = f". {self.words}" if self.words else ""
        return f"{self.text}{interval} {self.where}{noise}{more}".strip()


def number_words(value: float) -> str:
    """A number with three digits after its first, "inf" or "-inf"."""
    if np.isinf(value):
        return "inf" if value > 0 else "-inf"
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e9 else f"{value:.3g}" if abs(value) < 1 else f"{value:.4g}"


def outcome(asked: Asked, found: Found) -> Outcome:
    """Whether a rule holds, from what was found."""
    rule, run = asked.rule, asked.run
    if found.word:
        holds = COMPARE[rule.comparison](found.word, rule.limit.text)
        step = int(found.steps[0]) if found.steps is not None else None
        return Outcome(
            rule.text,
            run.name,
            PASSES if holds else FAILS,
            word=found.word,
            step=step,
            where=_where(asked, found, step, None),
            words=found.words,
        )
    limit = np.inf if rule.limit.number is None else rule.limit.number  # "never"
    over = asked.one_of("over", OVER, found.over)
    values, margins, which = _over_probes(found, over)
    values = np.where(_with_gaps(run, found), np.nan, values)
    place = _place(asked, found, values, limit)
    if place is None or np.isnan(values[place]):
        where = _where(asked, found, None, None) if place is None else _where(asked, found, _step(found, place), None)
        return Outcome(rule.text, run.name, UNKNOWN, where=where, words=_reason(run, found, place))
    value, step = float(values[place]), _step(found, place)
    holds = COMPARE[rule.comparison](value, limit)
    low = high = None
    within = False
    if margins is not None and np.isfinite(margins[place]):
        low, high = (float(np.clip(value + sign * margins[place], *found.bounds)) for sign in (-1, 1))
        within = _within(rule.comparison, low, high, value, limit)
    return Outcome(
        *(rule.text, run.name, PASSES if holds else FAILS, within, value, found.epoch, "", low, high, step),
        where=_where(asked, found, step, over if found.values.ndim == 2 else None, None if which is None else int(which[place]), place),
        words=found.words,
        probes=_of_probes(run, found, place),
        **_series(found, values),
    )


def _within(comparison: str, low: float, high: float, value: float, limit: float) -> bool:
    """Whether the limit is so close that the error of the value decides."""
    if comparison in ("==", "!="):
        return low < limit < high
    return len({COMPARE[comparison](number, limit) for number in (low, value, high)}) > 1


def _over_probes(found: Found, over: str) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The numbers over probes, their margins, and the probe that decides, (steps,) each. Of the median, the margin is that of the probe nearest to it."""
    if found.values.ndim == 1:
        return found.values.astype(np.float64), found.margins, None
    values = found.values.astype(np.float64)
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    some = count > 0
    filled = np.where(known, values, 0)
    if over in ("mean", "sum"):
        parts = np.where(some, count, 1) if over == "mean" else np.ones(len(values))
        reduced = np.where(some, filled.sum(axis=1) / parts, np.nan)
        if found.margins is None:
            return reduced, None, None
        of_known = np.where(known, found.margins, 0)
        total = np.sqrt((of_known**2).sum(axis=1)) if found.independent else of_known.sum(axis=1)
        return reduced, total / parts, None
    if over == "median":
        reduced = np.full(len(values), np.nan)
        reduced[some] = np.nanmedian(values[some], axis=1)
        with np.errstate(invalid="ignore"):
            which = np.where(known & np.isfinite(values), np.abs(values - reduced[:, None]), np.inf).argmin(axis=1)
    else:
        which = np.where(known, values, -np.inf).argmax(axis=1) if over == "max" else np.where(known, values, np.inf).argmin(axis=1)
        reduced = np.where(some, values[np.arange(len(values)), which], np.nan)
    margins = None if found.margins is None else found.margins[np.arange(len(values)), which]
    return reduced, margins, which


def _with_gaps(run: Run, found: Found) -> np.ndarray:
    """bool (steps,): steps at which some probes have no number because of a gap. The other probes do not speak for them."""
    if found.steps is None or found.values.ndim == 1:
        return np.zeros(len(found.values), dtype=bool)
    return np.isnan(found.values.astype(np.float64)).any(axis=1) & np.isin(found.steps, list(run.all_gaps))


def _step(found: Found, place: int) -> int | None:
    return None if found.steps is None else int(found.steps[place])


def _place(asked: Asked, found: Found, values: np.ndarray, limit: float) -> int | None:
    """The index of the step that the rule is about; None where there is none."""
    if found.steps is None:
        return 0
    rule, run, steps = asked.rule, asked.run, found.steps
    epochs = np.flatnonzero(~np.isin(steps, (wire.UNTRAINED, wire.RETURNED)))
    given = rule.options.get("at")
    at = given.text if given else ""
    if not given and found.place is not None:
        return found.place
    if at == "every":
        missing = np.isnan(values[epochs])
        worst = _worst(rule, epochs[~missing], values, limit)
        if worst is not None and not COMPARE[rule.comparison](values[worst], limit):
            return worst
        # An epoch without a number may be the one at which the rule fails.
        unknown = epochs[missing & ~np.isin(steps[epochs], found.absent)]
        return int(unknown[0]) if len(unknown) else worst
    if at in ("", "returned"):
        returned = _index(steps, wire.RETURNED, *([] if run.returned_epoch is None else [run.returned_epoch]))
        if returned is None and given:
            raise rule.error(f"{run.name} has no number of the returned model; choose at=last.", given)
        # Without an explanation of the returned model, or a metric of it, the last epoch is the nearest that is known.
        return returned if returned is not None else int(epochs[-1]) if len(epochs) else None
    if at == "last":
        return int(epochs[-1]) if len(epochs) else None
    if at == "best":
        best = alignment.best_epoch(run)
        if best is None:
            raise rule.error(f"{run.name} logged no metric that could be best; choose at=last.", given or rule.quantity)
        return _index(steps, best[0])
    if at == "untrained":
        step = wire.UNTRAINED
    elif given is not None and (number := whole(at)) is not None:
        step = number
    else:
        raise rule.error(f"at= can't be {at!r}; {choose([*AT, '3'], at)}", given or rule.quantity)
    place = _index(steps, step)
    if place is None:
        known_steps = ", ".join(map(str, steps[epochs][:6].tolist())) + (", …" if len(epochs) > 6 else "")
        raise rule.error(f"{run.name} has no number of {step_words(step)}; its epochs are {known_steps or 'none'}.", given or rule.quantity)
    return place


def _worst(rule: Rule, known: np.ndarray, values: np.ndarray, limit: float) -> int | None:
    """Of some steps, the one at which the rule is nearest to failing, or fails by most."""
    if not len(known):
        return None
    of_known = values[known]
    with np.errstate(invalid="ignore"):
        apart = np.where(of_known == limit, 0, np.abs(of_known - limit))  # infinity minus infinity is no number
    distance = {
        "<": of_known,
        "<=": of_known,
        ">": -of_known,
        ">=": -of_known,
        "!=": -apart,
        "==": apart,
    }
    return int(known[distance[rule.comparison].argmax()])


def _index(steps: np.ndarray, *wanted: int) -> int | None:
    """The index of the first of some steps that is there."""
    return next((int(np.flatnonzero(steps == step)[0]) for step in wanted if step in steps), None)


def _where(asked: Asked, found: Found, step: int | None, over: str | None, probe: int | None = None, place: int = 0) -> str:
    """Epoch and probes, in words; of probes without a number, how many have one."""
    parts = []
    if step is not None:
        returned = " (returned)" if step == asked.run.returned_epoch and asked.option("at", "returned") == "returned" else ""
        best = " (best)" if asked.option("at", "") == "best" else ""
        parts.append(f"at {step_words(step)}{returned}{best}")
    if over is not None:
        every = len(found.probes)
        known = int((~np.isnan(found.values[place].astype(np.float64))).sum())
        some = "" if known == every else f"{known} of "
        parts.append(f"{over} of {some}{count_words(every, 'probe')}" if every != 1 else probe_name(asked.run, found.probes[0]))
        if probe is not None and every != 1 and over != "median":
            parts.append(probe_name(asked.run, found.probes[probe]))
    return ", ".join(parts)


def _reason(run: Run, found: Found, place: int | None) -> str:
    """Why there is no number."""
    if place is None:
        return f"{run.name} has no explained epoch yet"
    step = _step(found, place)
    gap = run.all_gaps.get(step) if step is not None else None
    nothing = found.nothing if isinstance(found.nothing, str) else found.nothing[place]
    why = gap or nothing
    return f"there is no number: {why}" if why else "there is no number"


def _of_probes(run: Run, found: Found, place: int) -> list[dict[str, Any]]:
    if found.values.ndim == 1:
        return []
    margins = None if found.margins is None else found.margins[place]
    return [
        {
            "probe": int(probe),
            "name": probe_name(run, int(probe)),
            "value": _plain(found.values[place, index]),
            "margin": None if margins is None else _plain(margins[index]),
        }
        for index, probe in enumerate(found.probes)
    ]


def _series(found: Found, values: np.ndarray) -> dict[str, Any]:
    return {} if found.steps is None else {"steps": found.steps.tolist(), "values": values.tolist()}


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
