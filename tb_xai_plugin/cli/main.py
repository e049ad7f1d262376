"""tb-xai: what the XAI tab says, on the command line. Reads records from log directories; no TensorBoard process is needed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.judgement import alignment, events, findings, repeats, summaries
from tb_xai_plugin.judgement.alignment import ABSENT
from tb_xai_plugin.judgement.distances import MEASURES
from tb_xai_plugin.records import wire
from tb_xai_plugin.run import read_run, read_runs

if TYPE_CHECKING:
    from tb_xai_plugin.judgement.comparison import Comparison
    from tb_xai_plugin.run import Run

# A path or a record that can't be read, as of argparse's own.
MISTAKE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="tb-xai", description="What explanations say about training, from the records of ExplanationLogger."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    compare = commands.add_parser(
        "compare",
        help="do two runs have the same reasons?",
        description="Say whether two runs have the same reasons: which probes differ by more than noise, which regions each leans on and since when, "
        "what happened while they learned, and since when their explanations are steady.",
    )
    compare.add_argument("a", metavar="RUN", help="log_dir of a run")
    compare.add_argument("b", metavar="RUN", help="log_dir of another run")
    compare.add_argument("--explainer", help="whose values to compare; by default the first that both have, SHAP before others")
    compare.add_argument("--set", dest="probe_set", help="which probe set, where the runs have several")
    compare.add_argument(
        "--align", default="epoch", choices=list(alignment.WAYS), help="which epochs stand side by side (default: %(default)s)"
    )
    compare.add_argument("--measure", default="tv", choices=list(MEASURES), help="distance of two explanations (default: %(default)s)")
    compare.add_argument("--class", dest="target", default="label", help='"label", "predicted" or a class number (default: %(default)s)')
    compare.add_argument(
        "--epoch", type=int, help="the epoch to compare, as the first run counts; by default the best with --align best, else the last"
    )
    compare.add_argument(
        "--repeats", metavar="LOGDIR", help="where repeats of the same recipes are, e.g. with other seeds: tells how far apart those are"
    )
    compare.add_argument(
        "--pattern", default=repeats.REPEAT, help="regular expression of the part of a name that tells repeats apart, e.g. '-seed[0-9]+'"
    )
    compare.add_argument("--json", action="store_true", help="print everything as JSON")
    compare.set_defaults(command=_compare)
    if arguments is None:
        _spare_tensorflow()
    given = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorBoard imports TensorFlow where there is one
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a sign shows "?" for it
    try:
        return given.command(given)
    except (ValueError, FileNotFoundError) as error:
        print(f"tb-xai: {error}", file=sys.stderr)
        return MISTAKE
    except BrokenPipeError:  # `| head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return 0


def _spare_tensorflow() -> None:
    """TensorBoard reads files with TensorFlow where there is one, and importing that takes four seconds; a module of this name tells it to do without."""
    if "tensorflow" not in sys.modules:
        sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))


def _compare(given: argparse.Namespace) -> int:
    runs = [read_run(path, given.probe_set) for path in (given.a, given.b)]
    _name_apart(runs, (given.a, given.b))
    a, b = runs
    explainer = given.explainer or _common_explainer(a, b)
    target = int(given.target) if given.target.lstrip("-").isdigit() else given.target
    repeats = None
    if given.repeats:
        repeats = _of_set(read_runs(given.repeats), given.repeats, given.probe_set)
        for run, path in zip(runs, (given.a, given.b), strict=True):
            run.name = _name_below(given.repeats, repeats, path) or run.name
    compared = a.compare(b, explainer, given.align, measure=given.measure, target=target, repeats=repeats, pattern=given.pattern)
    report = _report(compared, a, b, given.epoch)
    print(json.dumps(report, indent=2) if given.json else "\n".join(_lines(report)))
    return 0


def _of_set(runs: dict[str, Run], logdir: str, probe_set: str | None) -> dict[str, Run]:
    """The same runs with another probe set; without those that lack it."""
    if probe_set is None:
        return runs
    found = {}
    for name in runs:
        with suppress(RecordError):
            found[name] = read_run(os.path.join(logdir, name), probe_set)
            found[name].name = name
    return found


def _name_below(logdir: str, names: Iterable[str], path: str) -> str | None:
    """What a run is called below a directory, however its path was given; None where it is not there."""

    def place(*parts: str) -> str:
        found = os.path.realpath(os.path.join(*parts))
        return os.path.dirname(found) if os.path.basename(found) == wire.DIRECTORY else found

    return next((name for name in names if place(logdir, name) == place(path)), None)


def _name_apart(runs: Sequence[Run], paths: Sequence[str]) -> None:
    """Two runs of different directories may have the same last name."""
    if len({run.name for run in runs}) < len(runs):
        for run, path in zip(runs, paths, strict=True):
            run.name = path


def _common_explainer(a: Run, b: Run) -> str:
    common = [explainer for explainer in a.explainers if explainer in b.explainers]
    if not common:
        raise ValueError(
            f"{a.name} has {', '.join(a.explainers)}, and {b.name} has {', '.join(b.explainers)}; log both with the same explainer."
        )
    return "shap" if "shap" in common else common[0]


def _report(compared: Comparison, a: Run, b: Run, step: int | None) -> dict[str, Any]:
    row, regions = compared.place(step), list(compared.regions)
    return {
        "explainer": compared.explainer,
        "measure": compared.measure,
        "aligned by": compared.pairing.metric or "epoch",
        "verdict": compared.verdict(step),
        "typical distance": _number(compared.typical[row]),
        "between repeats": None if compared.spread is None else [_number(each) for each in compared.spread[row]],
        "runs": {
            letter: _of_run(run, compared, int(at), regions)
            for letter, run, at in zip("AB", (a, b), (compared.pairing.here[row], compared.pairing.there[row]), strict=True)
        },
        "look at": [asdict(finding) for finding in findings.of_pair(compared, a, b, step)],
    }


def _of_run(run: Run, compared: Comparison, epoch: int, regions: Sequence[str]) -> dict[str, Any]:
    explainer, target = compared.explainer, compared.target
    happened = Counter(event.kind for event in run.events(explainer, target=target))
    steady = run.steady_since(explainer, compared.measure, target=target)
    metric = compared.pairing.metric or steady.metric
    there = run.steps == epoch
    return {
        "name": run.name,
        "epoch": epoch,
        "metric": metric,
        "worth": _number(run.logs[metric][there][0]) if metric in run.logs and there.any() else None,
        "regions": {name: _of_region(run, explainer, name, target, epoch) for name in regions},
        # Without right answers nothing is learned or forgotten.
        "events": {kind: happened[kind] if compared.labelled or kind not in events.OF_ANSWERS else None for kind in events.KINDS},
        "steady since": steady.of_run,
    }


def _of_region(run: Run, explainer: str, name: str, target: str | int, epoch: int) -> dict[str, Any]:
    """Means over probes that have a part of it."""
    found, there = run.share(explainer, name, target=target), run.all_steps == epoch
    mean, positive, pointed = (
        _number(summaries.mean_of_known(each[there].ravel())) for each in (found.share, found.positive, found.pointed)
    )
    errors = found.errors[there][np.isfinite(found.share[there])]
    error = float(np.sqrt((errors**2).sum()) / len(errors)) if len(errors) else np.nan
    return {
        "share": mean,
        "error": _number(error),
        "positive": positive,
        "pointed": pointed,
        "onset": run.onset(explainer, name, target=target),
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [report["verdict"], ""]
    rows = [["", "epoch", "", "steady since", *events.KINDS]]
    for letter, run in report["runs"].items():
        worth = f"{run['metric']} {run['worth']:.3g}" if run["worth"] is not None else ""
        steady = "not yet" if run["steady since"] is None else f"epoch {run['steady since']}"
        rows.append(
            [
                f"{letter} {run['name']}",
                _epoch(run["epoch"]),
                worth,
                steady,
                *("-" if (count := run["events"][kind]) is None else str(count) for kind in events.KINDS),
            ]
        )
    lines += _table(rows)
    regions = list(report["runs"]["A"]["regions"])
    if regions:
        rows = [["region", *(f"{letter} {what}" for letter in "AB" for what in ("share", "leans since"))]]
        for name in regions:
            cells = [report["runs"][letter]["regions"][name] for letter in "AB"]
            rows.append(
                [
                    name,
                    *(text for each in cells for text in (_share(each), "never" if each["onset"] is None else f"epoch {each['onset']}")),
                ]
            )
        lines += ["", *_table(rows)]
    if report["look at"]:
        lines += ["", "Look at", *(f"  {finding['text']}" for finding in report["look at"])]
    return lines


def _epoch(step: int) -> str:
    return {ABSENT: "none", wire.UNTRAINED: "untrained"}.get(step, str(step))


def _share(of: Mapping[str, Any]) -> str:
    return "?" if of["share"] is None else findings.share_words(of["share"], np.nan if of["error"] is None else of["error"])


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))]).rstrip()
        for cells in rows
    ]


if __name__ == "__main__":
    sys.exit(main())
