"""tb-xai show: what is recorded?"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from tb_xai_plugin.cli.reply import printed, reply
from tb_xai_plugin.gates.check import runs_of
from tb_xai_plugin.judgement import history, words
from tb_xai_plugin.records import wire
from tb_xai_plugin.run import Run

# What probes of each kind are called.
NOUNS = {"image": "images", "tabular": "rows", "text": "texts", "sequence": "series"}

# From this share of the training time on, the cost is given as a multiple of it.
FEW_TIMES = 2


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "show",
        help="what is recorded?",
        description="What is recorded in a run, or in all runs below a directory: probes, explainers, settings, epochs, gaps, the returned model, cost.",
    )
    parser.add_argument("logdir", metavar="LOGDIR", help="the log_dir of a run, or a directory of runs")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    runs = runs_of(given.logdir)
    sets = [(name, run.of_set(probe_set)) for name, run in runs.items() for probe_set in run.probe_sets]
    if given.json:
        print(reply("show", {"runs": [_of_run(name, run) for name, run in sets]}))
    else:
        print(printed("\n\n".join("\n".join(_lines(_of_run(name, run), len(history.explained_epochs(run)))) for name, run in sets)))
    return 0


def _of_run(name: str, run: Run) -> dict[str, Any]:
    """What one run has recorded of one probe set."""
    about, steps = run.record["probes"], run.steps.tolist()
    times = run.wall_times
    return {
        "run": name,
        "probe set": run.probe_set,
        "probes": {
            "kind": run.kind,
            "count": run.record["shape"]["probes"],
            "players": [int(count) for count in about["players"]],
            "names": about["names"],
            "labels": about["labels"],
            "class names": about["class_names"],
            "regions": list(about["regions"]),
            "unit": about.get("unit"),
        },
        "explainers": {
            explainer: {"settings": run.settings["explainers"][explainer], "unit": run.units[explainer]} for explainer in run.explainers
        },
        "settings": {key: value for key, value in run.settings.items() if key not in ("explainers", "kind", "versions")},
        "versions": run.settings["versions"],
        "metrics": list(run.log_series()[1]),
        "logged epochs": len(run.epochs),
        "steps": steps,
        "untrained": wire.UNTRAINED in run.all_steps,
        "returned": None if run.returned_how is None else {"epoch": run.returned_epoch, "how": run.returned_how},
        "unfinished": run.unfinished,
        "gaps": {words.step_words(step): reason for step, reason in run.all_gaps.items()},
        "changes": {words.step_words(step): change for step, change in run.changes.items()},
        "overhead": run.overhead,
        "seconds": float(run.cost["seconds"].sum()),
        "begun": _time(times[0]) if len(times) else None,
        "written": _time(times[-1]) if len(times) else None,
        "recipe": run.recipe,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(float(seconds), timezone.utc).isoformat(timespec="seconds")


def _lines(run: Mapping[str, Any], explained: int) -> list[str]:
    probes, settings = run["probes"], run["settings"]
    several = "" if run["probe set"] == wire.DEFAULT_SET else f", probe set {run['probe set']}"
    players = sorted(set(probes["players"]))
    rows = [
        ("probes", f"{probes['count']} {NOUNS[probes['kind']]}, {_range(players)} players each"),
        (
            "classes",
            _listed(probes["class names"])
            if probes["class names"]
            else ""
            if settings["regression"]
            else str(settings["number_of_classes"]),
        ),
        ("regions", _listed(probes["regions"])),
        ("explainers", ", ".join(f"{name} ({about['unit']})" for name, about in run["explainers"].items())),
        ("evaluations", f"{settings['evaluations']} a probe, seed {settings['seed']}, output {settings['output']}"),
        ("epochs", _epochs(run, explained)),
        ("returned", _returned(run)),
        ("metrics", _listed(run["metrics"])),
        ("gaps", "; ".join(f"{step}: {reason}" for step, reason in run["gaps"].items())),
        ("changes", "; ".join(f"{step}: {change}" for step, change in run["changes"].items())),
        ("cost", _cost(run)),
        ("written", f"{run['begun']} to {run['written']}" if run["begun"] else ""),
    ]
    width = max(len(name) for name, _ in rows)
    head = words.one_line(f"{run['run']}{several}")
    return [head, *(f"  {name:<{width}}  {words.one_line(value)}" for name, value in rows if value)]


def _range(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def _listed(names: list[Any] | None, most: int = 12) -> str:
    names = names or []
    return ", ".join(map(str, names[:most])) + (f", … ({len(names)})" if len(names) > most else "")


def _epochs(run: Mapping[str, Any], explained: int) -> str:
    steps = run["steps"]
    if not steps:
        return "none" if run["returned"] is None or run["returned"]["how"] != "once" else "none: explained once, without training"
    untrained = ", and the untrained model" if run["untrained"] else ""
    return f"{explained} explained of {run['logged epochs']} logged, {steps[0]} to {steps[-1]}{untrained}"


def _returned(run: Mapping[str, Any]) -> str:
    if run["returned"] is None:
        return "not finished" if run["unfinished"] else "not known"
    return words.returned_words(run["returned"]["how"], run["returned"]["epoch"])


def _cost(run: Mapping[str, Any]) -> str:
    share = run["overhead"]
    if share is None:
        return f"{run['seconds']:.1f} s"
    of_training = f"{share:.{0 if share >= 9.95 else 1}f} times" if share >= FEW_TIMES else f"{words.percent(share)} of"
    return f"{run['seconds']:.1f} s, {of_training} the training time"
