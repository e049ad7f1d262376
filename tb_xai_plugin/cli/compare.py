"""tb-xai compare: do two runs have the same reasons?"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.cli import options
from tb_xai_plugin.cli.reply import printed, reply
from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.judgement import alignment, events, findings, summaries, words
from tb_xai_plugin.judgement.alignment import ABSENT
from tb_xai_plugin.judgement.beside import MOST_FEATURES, SideBySide
from tb_xai_plugin.judgement.distances import MEASURES
from tb_xai_plugin.records import asked, places, wire
from tb_xai_plugin.run import read_run, read_runs

if TYPE_CHECKING:
    from tb_xai_plugin.judgement.comparison import Comparison
    from tb_xai_plugin.run import Run


# Steps that are no epochs, as the option --epoch takes them.
NAMED_STEPS = {"untrained": wire.UNTRAINED, "returned": wire.RETURNED}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "compare",
        help="do two runs have the same reasons?",
        description="Tell whether two runs have the same reasons: which probes differ by more than noise, on which regions each run leans (gives "
        "them clearly more attribution than at first) and since when, what happened while they learned, and since when their explanations are steady.",
    )
    parser.add_argument("a", metavar="RUN", help="log_dir of a run")
    parser.add_argument("b", metavar="RUN", help="log_dir of another run")
    parser.add_argument(
        "--explainer", help="the explainer whose values are compared (default: shap where both runs have it, else the first)"
    )
    parser.add_argument("--set", dest="probe_set", help="the probe set, where the runs have several (default: the first)")
    parser.add_argument(
        "--align",
        default="epoch",
        choices=list(alignment.WAYS),
        help="which epochs are compared: the same, those with the closest validation metric, or those at the same distance from each run's best "
        "(default: %(default)s)",
    )
    parser.add_argument("--measure", default="tv", choices=list(MEASURES), help="the distance between explanations (default: %(default)s)")
    parser.add_argument(
        "--class",
        dest="target",
        type=options.target,
        default="label",
        help='the explained class: "label", "predicted", a class name or a class number (default: %(default)s)',
    )
    parser.add_argument(
        "--epoch",
        type=epoch,
        help='the epoch of the first run to compare, "untrained" or "returned" (the model that fit returned); default: the best with --align best, '
        "else the last",
    )
    parser.add_argument(
        "--repeats",
        metavar="LOGDIR",
        help="a directory with repeats of the same recipes, e.g. with other seeds; they show how large the distances between seeds are",
    )
    parser.add_argument(
        "--pattern",
        default="",
        help="a regular expression for the part of a name in which repeats differ, e.g. '-[0-9]+$' (default: runs that are recorded alike, and whose "
        "names differ in the number of a repeat alone: seed3, run_2, version_4, a time)",
    )
    parser.add_argument(
        "--region",
        action="append",
        dest="regions",
        metavar="NAME",
        help="a region to compare besides those declared with the probes: a feature, a group, a token, a stretch of time 'start:stop', or of images a box "
        "'x0,y0,x1,y1' in pixels; may be given several times",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(command=run)


def epoch(text: str) -> int:
    """The argument of --epoch; argparse names this function where it can't be read."""
    return NAMED_STEPS.get(text) or int(text)


def run(given: argparse.Namespace) -> int:
    runs = [read_run(path, given.probe_set) for path in (given.a, given.b)]
    _make_names_different(runs, (given.a, given.b))
    a, b = runs
    repeats = None
    if given.repeats:
        repeats = _of_set(read_runs(given.repeats), given.probe_set)
        for run, path in zip(runs, (given.a, given.b), strict=True):
            run.name = places.name_below(given.repeats, repeats, path) or run.name
    with Progress(f"Comparing {a.name} and {b.name}").phase("values" if repeats is None else "values, and repeats"):
        compared = a.compare(
            b,
            given.explainer,
            given.align,
            measure=given.measure,
            target=given.target,
            repeats=repeats,
            pattern=given.pattern,
            regions=given.regions,
        )
        if isinstance(compared, SideBySide):
            report, lines = _beside(compared, a, b, given.epoch), _beside_lines
        else:
            report, lines = _report(compared, a, b, given.epoch), _lines
    for sentence in filter(None, (asked.clash(a, name) for name in given.regions or ())):
        print(printed(f"tb-xai: {words.one_line(sentence)}."), file=sys.stderr)
    print(reply("compare", report) if given.json else printed("\n".join(map(words.one_line, lines(report)))))
    return 0


def _of_set(runs: dict[str, Run], probe_set: str | None) -> dict[str, Run]:
    """The same runs with another probe set, without those that lack it."""
    if probe_set is None:
        return runs
    of_set = {}
    for name, run in runs.items():
        with suppress(RecordError):
            of_set[name] = run.of_set(probe_set)
    return of_set


def _make_names_different(runs: Sequence[Run], paths: Sequence[str]) -> None:
    """Name runs by their paths where the last parts of the paths are equal."""
    if len({run.name for run in runs}) < len(runs):
        for run, path in zip(runs, paths, strict=True):
            run.name = path


def _report(compared: Comparison, a: Run, b: Run, step: int | None) -> dict[str, Any]:
    row, regions = compared.place(step), list(compared.regions)
    return {
        "comparable": True,
        "explainer": compared.explainer,
        "measure": compared.measure,
        "aligned by": compared.pairing.metric or "epoch",
        "verdict": compared.verdict(step),
        "typical distance": _number(compared.typical[row]),
        "between repeats": None if compared.spread is None else [_number(distance) for distance in compared.spread[row]],
        "repeats": {recipe: list(names) for recipe, names in compared.grouped.items()},
        "runs": {
            letter: _of_run(run, compared, int(at), regions)
            for letter, run, at in zip("AB", (a, b), (compared.pairing.here[row], compared.pairing.there[row]), strict=True)
        },
        "look at": [asdict(finding) for finding in findings.of_pair(compared, a, b, step)],
    }


def _of_run(run: Run, compared: Comparison | SideBySide, step: int, regions: Sequence[str]) -> dict[str, Any]:
    explainer, target = compared.explainer, compared.target
    happened = Counter(event.kind for event in run.events(explainer, target=target))
    steady = run.steady_since(explainer, compared.measure, target=target)
    metric = compared.pairing.metric or steady.metric
    logged, logs = run.log_series()
    # The returned model's metric is known where it has the weights of an epoch.
    at_epoch = logged == (run.returned_epoch if step == wire.RETURNED else step)
    return {
        "name": run.name,
        **({"unit": run.probes.unit} if run.probes.unit else {}),
        "epoch": step,
        "returned": None if run.returned_how is None else {"epoch": run.returned_epoch, "how": run.returned_how},
        "metric": metric,
        "worth": _number(logs[metric][at_epoch][0]) if metric in logs and at_epoch.any() else None,
        "regions": {name: _of_region(run, explainer, name, target, step) for name in regions},
        "events": {kind: happened[kind] if _happens(kind, run, compared) else None for kind in events.KINDS},
        "steady since": steady.of_run,
    }


def _happens(kind: str, run: Run, compared: Comparison | SideBySide) -> bool:
    """Whether a kind of event can occur: without labels, nothing is learned or forgotten; without epochs, nothing happens."""
    return not run.once and (compared.labelled or kind not in events.OF_PREDICTIONS)


def _of_region(run: Run, explainer: str, name: str, target: str | int, step: int) -> dict[str, Any]:
    """Means over the probes that have a part of the region."""
    share, at_epoch = run.share(explainer, name, target=target), run.all_steps == step
    mean, positive, pointed = (
        _number(float(summaries.mean_of_known(series[at_epoch].ravel()))) for series in (share.share, share.positive, share.pointed)
    )
    errors = share.errors[at_epoch][np.isfinite(share.share[at_epoch])]
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
    lines = [words.one_line(report["verdict"]), "", *_of_runs(report)]
    regions = list(report["runs"]["A"]["regions"])
    if regions:
        rows = [["region", *(f"{letter} {what}" for letter in "AB" for what in ("share", "leans since"))]]
        for name in regions:
            cells = [(_share(run["regions"][name]), _since(run, name)) for run in report["runs"].values()]
            rows.append([name, *cells[0], *cells[1]])
        lines += ["", *words.table(rows)]
    if report["repeats"]:
        lines += [
            "",
            "Taken as repeats",
            *(f"  {words.one_line(recipe + ': ' + ', '.join(names))}" for recipe, names in report["repeats"].items()),
        ]
    return [*lines, *_to_look_at(report)]


def _of_runs(report: dict[str, Any]) -> list[str]:
    """The table of the two runs: their epochs, metrics and events, and which model each training returned."""
    rows = [["", "epoch", "", "steady since", *events.KINDS]]
    for letter, run in report["runs"].items():
        metric = f"{run['metric']} {run['worth']:.3g}" if run["worth"] is not None else ""
        steady = "-" if _once(run) else "not yet" if run["steady since"] is None else f"epoch {run['steady since']}"
        counts = ("-" if (count := run["events"][kind]) is None else str(count) for kind in events.KINDS)
        rows.append([f"{letter} {run['name']}", _epoch(run), metric, steady, *counts])
    return [
        *words.table(rows),
        *(
            f"{letter}{'' if _once(run) else ' returned'}: {words.one_line(words.returned_words(returned['how'], returned['epoch']))}"
            for letter, run in report["runs"].items()
            if (returned := run["returned"]) is not None and returned["how"] != "last"
        ),
    ]


def _to_look_at(report: dict[str, Any]) -> list[str]:
    return ["", "Look at", *(f"  {words.one_line(finding['text'])}" for finding in report["look at"])] if report["look at"] else []


def _beside(compared: SideBySide, a: Run, b: Run, step: int | None) -> dict[str, Any]:
    """The report of runs that can't be compared as a whole."""
    report = compared.as_json(step)
    return {
        "comparable": False,
        "explainer": compared.explainer,
        "measure": compared.measure,
        "aligned by": compared.pairing.metric or "epoch",
        "verdict": compared.verdict(step),
        "runs": {letter: _of_run(run, compared, report["epochs"][letter], ()) for letter, run in zip("AB", (a, b), strict=True)},
        **{name: value for name, value in report.items() if name != "epochs"},
        "can be compared": compared.comparable_words(compared.place(step)),
        "look at": [asdict(finding) for finding in findings.of_beside(compared, a, step) if finding.probe is not None],
    }


def _beside_lines(report: dict[str, Any]) -> list[str]:
    a, b = (words.one_line(f"{letter} {run['name']}{_when(run)}") for letter, run in report["runs"].items())
    lines = [
        f"{a} and {b} do not explain the same, and are shown side by side:",
        *(f"  {words.one_line(difference)}" for difference in report["differs"]),
    ]
    lines += ["", *_of_runs(report)]
    if report["can be compared"]:
        lines += ["", "What can be compared", *(f"  {words.one_line(sentence)}" for sentence in report["can be compared"])]
    for title, series in (("region", report["regions"]), ("of the features that both have", report["features"])):
        if series:
            rows = [
                [title, "A", "B"],
                *([name, *(_percent(now[letter]) for letter in "AB")] for name, now in list(series.items())[:MOST_FEATURES]),
            ]
            lines += ["", *words.table(rows)]
            if len(series) > MOST_FEATURES:
                lines.append(f"… and {len(series) - MOST_FEATURES} more; --json has all")
    return [*lines, *_to_look_at(report)]


def _when(run: Mapping[str, Any]) -> str:
    at = _epoch(run)
    return f" (epoch {at})" if at.isdecimal() else "" if at in ("-", "none") else f" ({at})"


def _percent(share: float | None) -> str:
    return "-" if share is None else words.percent(share)


def _once(run: Mapping[str, Any]) -> bool:
    return run["returned"] is not None and run["returned"]["how"] == "once"


def _epoch(run: Mapping[str, Any]) -> str:
    names = {ABSENT: "none", wire.UNTRAINED: "untrained", wire.RETURNED: "-" if _once(run) else "returned"}
    return names.get(run["epoch"], str(run["epoch"]))


def _since(run: Mapping[str, Any], region: str) -> str:
    onset = run["regions"][region]["onset"]
    return "-" if _once(run) else "never" if onset is None else f"epoch {onset}"


def _share(region: Mapping[str, Any]) -> str:
    return "?" if region["share"] is None else words.share_words(region["share"], np.nan if region["error"] is None else region["error"])
