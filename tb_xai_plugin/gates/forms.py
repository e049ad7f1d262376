"""The forms of a report for other programs: JUnit XML, GitHub's annotations and step summary, and plain values for JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from tb_xai_plugin.gates.check import Report
from tb_xai_plugin.gates.outcomes import FAILS, MISTAKE, PASSES, UNKNOWN, Outcome
from tb_xai_plugin.judgement.words import one_line

# Characters that XML 1.0 can't have, not even escaped.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

MARKS = {PASSES: "✅", FAILS: "❌", UNKNOWN: "❌", MISTAKE: "⚠️"}
NOISY = "❔"

# GitHub shows ten errors and ten warnings of a step, and leaves out the others without a word: the step summary has them all.
MOST_ANNOTATIONS = 10


def as_json(report: Report) -> dict[str, Any]:
    """Plain values, for `cli.reply`; documented in docs/json.md."""
    return {
        "passed": report.passed,
        "exit code": report.exit_code,
        "strict": report.strict,
        "summary": report.summary,
        "outcomes": [_outcome(outcome, report) for outcome in report.outcomes],
    }


def _outcome(outcome: Outcome, report: Report) -> dict[str, Any]:
    plain = asdict(outcome)
    series = [{"step": step, "value": value} for step, value in zip(plain.pop("steps"), plain.pop("values"), strict=True)]
    interval = None if outcome.low is None else [plain["low"], plain["high"]]
    return {
        "rule": outcome.rule,
        "run": outcome.run or None,
        "outcome": outcome.outcome,
        "within noise": outcome.within_noise,
        "fails": report.fails(outcome) or outcome.outcome == MISTAKE,
        "value": outcome.word or _number(outcome),
        "interval": interval,
        "step": outcome.step,
        "where": outcome.where,
        "words": outcome.words,
        "probes": outcome.probes,
        "series": series,
    }


def _number(outcome: Outcome) -> float | str | None:
    """The value; a word where it is infinite, as JSON has no number for it."""
    if outcome.value is None or not np.isinf(outcome.value):
        return outcome.value
    return "never" if outcome.never else "infinite" if outcome.value > 0 else "-infinite"


def junit(report: Report) -> str:
    """JUnit XML: a test suite a run, a test case a rule. A failing rule is a failure, a mistake an error."""
    suites = ET.Element("testsuites", {"name": "tb-xai check", **_counts(report.outcomes, report)})
    for run in dict.fromkeys(outcome.run for outcome in report.outcomes):
        of_run = [outcome for outcome in report.outcomes if outcome.run == run]
        about = {"name": _xml(run or "tb-xai check"), **_counts(of_run, report), "skipped": "0", "time": "0"}
        suite = ET.SubElement(suites, "testsuite", about)
        for outcome in of_run:
            case = ET.SubElement(suite, "testcase", classname=_xml(run or "tb-xai check"), name=_xml(outcome.rule), time="0")
            sentence = _xml(outcome.sentence)
            if outcome.outcome == MISTAKE:
                ET.SubElement(case, "error", type="mistake", message=sentence.partition("\n")[0]).text = sentence
            elif report.fails(outcome):
                ET.SubElement(case, "failure", type=outcome.verdict, message=sentence).text = _xml(_details(outcome))
            else:
                ET.SubElement(case, "system-out").text = f"{outcome.verdict}: {sentence}"
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=False).join(['<?xml version="1.0" encoding="UTF-8"?>\n', "\n"])


def _counts(outcomes: Iterable[Outcome], report: Report) -> dict[str, str]:
    listed = list(outcomes)
    mistakes = sum(outcome.outcome == MISTAKE for outcome in listed)
    return {"tests": str(len(listed)), "failures": str(sum(map(report.fails, listed))), "errors": str(mistakes)}


def _details(outcome: Outcome) -> str:
    """The sentence, the number at each epoch, and that of each probe."""
    lines = [outcome.sentence]
    if outcome.probes:
        lines += ["", "probes", *(f"  {probe['name']}: {probe['value']}" for probe in outcome.probes)]
    if outcome.steps:
        lines += ["", "steps", *(f"  {step}: {value:.6g}" for step, value in zip(outcome.steps, outcome.values, strict=True))]
    return "\n".join(lines)


def _xml(text: str) -> str:
    return NOT_XML.sub("�", text)


def github(report: Report) -> list[str]:
    """GitHub's workflow commands: an error for what fails, a warning for what passes only within noise, with a notice where GitHub would leave some out."""
    failing = [outcome for outcome in report.outcomes if report.fails(outcome) or outcome.outcome == MISTAKE]
    noisy = [outcome for outcome in report.outcomes if outcome.within_noise and outcome not in failing]
    lines = []
    for level, listed in (("error", failing), ("warning", noisy)):
        shown = listed if len(listed) <= MOST_ANNOTATIONS else listed[: MOST_ANNOTATIONS - 1]
        lines += [_command(level, f"{outcome.verdict}: {outcome.rule}", _message(outcome)) for outcome in shown]
        if len(shown) < len(listed):
            lines.append(_command(level, "tb-xai check", f"and {len(listed) - len(shown)} more; see the step summary"))
    return lines


def _message(outcome: Outcome) -> str:
    return outcome.sentence if outcome.outcome == MISTAKE else f"{outcome.run}: {outcome.sentence}"


def _command(level: str, title: str, message: str) -> str:
    return f"::{level} title={_escaped(title, ':,')}::{_escaped(message)}"


def _escaped(text: str, also: str = "") -> str:
    """As GitHub's runner reads it back: percent-encoded line ends, and in properties what separates them."""
    for sign in f"%\r\n{also}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def markdown(report: Report) -> str:
    """A table in GitHub's Markdown, for the step summary or a comment."""
    lines = [f"### {'✅' if report.passed else '❌'} tb-xai check: {_cell(report.summary)}", ""]
    lines += ["| | run | rule | value | 95 % interval | |", "|---|---|---|---:|---:|---|"]
    for outcome in report.outcomes:
        mark = NOISY if outcome.within_noise and outcome.outcome == PASSES and not report.strict else MARKS[outcome.outcome]
        mark = MARKS[FAILS] if report.fails(outcome) else mark
        mistake = outcome.outcome == MISTAKE
        cells = [outcome.verdict, outcome.run, "", "" if mistake else outcome.text, outcome.interval, outcome.where]
        cells = [f"{mark} {cells[0]}", *map(_cell, cells[1:])]
        cells[2] = _code(outcome.rule)
        lines.append(f"| {' | '.join(cells)} |")
    notes = [outcome for outcome in report.outcomes if outcome.words and (outcome.outcome != PASSES or outcome.within_noise)]
    lines += ["", *(f"- {_code(outcome.rule)} {_cell(outcome.words.partition(chr(10))[0])}" for outcome in notes)] if notes else []
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    """Code in a cell: GitHub reads a bar there as the end of the cell, and names of runs and regions come from strangers."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if fence != "`" else ""
    return f"{fence}{space}{one_line(text)}{space}{fence}".replace("|", r"\|")


def _cell(text: str) -> str:
    """Text in a cell: names from a record are no markup, no entities, and mention nobody."""
    text = one_line(text).replace("&", "&amp;").replace("@", "@\u200b")
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)
