"""tb-xai check: do runs keep some rules?"""

from __future__ import annotations

import argparse
import os
import sys

from tb_xai_plugin.cli.reply import printed, reply
from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.gates import forms
from tb_xai_plugin.gates.check import Report, check
from tb_xai_plugin.gates.measures import MEASURES


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    width = max(map(len, MEASURES))
    parser = commands.add_parser(
        "check",
        help="do runs keep some rules?",
        description="Check runs against rules, for continuous integration: the exit code is 0 where all hold, 1 where one fails, 2 for a mistake. A rule "
        "that holds or fails only within the noise of the explanations says so.",
        epilog="\n".join(
            [
                "what a rule can measure:",
                *(
                    f"  {name:<{width}}  {f'({measure.argument})' if measure.argument else '':<10}  {measure.says}"
                    for name, measure in MEASURES.items()
                ),
                "",
                "for example:",
                '  tb-xai check logs --rule "share(corner) < 0.3" --rule "val_accuracy >= 0.95"',
                '  tb-xai check logs/new --reference logs/old --rule "agreement(reference) > 0.8"',
            ]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("logdir", metavar="LOGDIR", help="log_dir of a run, or a directory of runs: each is checked")
    parser.add_argument("--rule", action="append", default=[], dest="rules", metavar="RULE", help="a rule; may be given several times")
    parser.add_argument(
        "--rules",
        action="append",
        default=[],
        dest="files",
        metavar="FILE",
        help="a file of rules, one a line; what follows a # is a comment",
    )
    parser.add_argument(
        "--run",
        action="append",
        default=[],
        dest="runs",
        metavar="NAME",
        help="a run below LOGDIR to check (default: all); may be repeated",
    )
    parser.add_argument(
        "--reference", metavar="RUN", help="the run that agreement(reference) compares with: a log_dir, or a name below LOGDIR"
    )
    parser.add_argument("--set", dest="probe_set", help="the probe set, where the runs have several (default: the first)")
    parser.add_argument("--pattern", default="", help="a regular expression for the part of a name in which repeats differ, for verdict(…)")
    parser.add_argument("--strict", action="store_true", help="a rule that holds only within noise fails")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--junit", metavar="FILE", help="write JUnit XML")
    parser.add_argument(
        "--markdown", metavar="FILE", help="add a table in Markdown to a file (default in GitHub Actions: the step summary)"
    )
    parser.add_argument(
        "--github", action="store_true", help="print annotations for GitHub Actions (default there, where GITHUB_ACTIONS is set)"
    )
    parser.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    rules = [*given.rules, *(rule for path in given.files for rule in _rules_in(path))]
    if not rules:
        raise ArgumentError("check needs a rule, e.g. --rule \"share(corner) < 0.3\"; 'tb-xai check --help' lists what can be measured.")
    report = check(
        given.logdir,
        rules,
        reference=given.reference,
        strict=given.strict,
        probe_set=given.probe_set,
        pattern=given.pattern,
        only=given.runs or None,
    )
    _write(report, given)
    return report.exit_code


def _rules_in(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as lines:
            rules = [_without_comment(line).strip() for line in lines]
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"check: the file of rules {path!r} can't be read ({error}).") from error
    return [rule for rule in rules if rule]


def _without_comment(line: str) -> str:
    """A line up to a # that stands in no quotes."""
    quote = ""
    for place, sign in enumerate(line):
        if sign == "#" and not quote:
            return line[:place]
        if sign in "\"'":
            quote = "" if sign == quote else quote or sign
    return line


def _write(report: Report, given: argparse.Namespace) -> None:
    """All evidence, before the exit code says that something fails: what is read by people first, so that a file that can't be written hides nothing."""
    lines = [reply("check", forms.as_json(report)) if given.json else printed(str(report))]
    if given.json:
        for words in dict.fromkeys(outcome.words for outcome in report.mistakes):
            print(printed(f"tb-xai: {words}"), file=sys.stderr)
    if given.github or os.environ.get("GITHUB_ACTIONS") == "true":
        commands = forms.github(report)
        if given.json:  # the runner reads both streams, and standard output is the JSON's
            print(printed("\n".join(commands)), file=sys.stderr)
        else:
            lines += map(printed, commands)
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:  # `| head` hides neither the files nor the exit code
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    summary = given.markdown or os.environ.get("GITHUB_STEP_SUMMARY")
    problems = [
        *(_save(given.junit, forms.junit(report), "w") if given.junit else ()),
        *(_save(summary, forms.markdown(report), "a") if summary else ()),
    ]
    if problems:
        raise ArgumentError("\n".join(problems))


def _save(path: str, text: str, mode: str) -> list[str]:
    """Write a file; a sentence where that fails, as the other files are to be written all the same."""
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        return [f"check: {path!r} can't be written ({error.strerror}); give another path."]
    return []
