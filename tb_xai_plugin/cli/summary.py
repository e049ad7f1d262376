"""tb-xai summary: runs side by side, one row each."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tb_xai_plugin.cli import options
from tb_xai_plugin.cli.reply import printed, reply
from tb_xai_plugin.judgement import alignment, events, words
from tb_xai_plugin.records import wire
from tb_xai_plugin.reports.summary import rows_of


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "summary",
        help="what do runs say, one row each?",
        description="Runs side by side, one row each: metric, share of each region and since when the run leans on it, events, noise. The numbers are those "
        "of the model that fit returned, or of the last explained epoch where that was not explained.",
    )
    parser.add_argument("logdir", metavar="LOGDIR", help="a directory of runs, or the log_dir of one")
    parser.add_argument("--explainer", help="the explainer whose values are used (default: shap where a run has it, else its first)")
    parser.add_argument("--set", dest="probe_set", help="the probe set, where the runs have several (default: the first)")
    parser.add_argument(
        "--class",
        dest="target",
        type=options.target,
        default="label",
        help='the explained class: "label", "predicted", a class name or a class number (default: %(default)s)',
    )
    parser.add_argument(
        "--region", action="append", default=[], dest="regions", metavar="NAME", help="a region besides those declared with the probes"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    rows = rows_of(given.logdir, given.explainer, given.target, given.regions, given.probe_set)
    print(reply("summary", {"runs": rows}) if given.json else printed("\n".join(_lines(rows))))
    return 0


def _lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    regions = list(dict.fromkeys(region for row in rows for region in row["regions"]))
    happened = [kind for kind in events.KINDS if any(row["events"][kind] for row in rows)]
    heads = ["run", "epoch", "metric", "right", *(head for region in regions for head in (region, "leans since"))]
    table = [[*heads, "steady since", *happened, "noise", "warned"]]
    for row in rows:
        metric = alignment.first_metric(name for name, value in row["metrics"].items() if value is not None)
        cells = [row["run"], _step(row["step"]), f"{metric} {row['metrics'][metric]:.3g}" if metric else "-", _percent(row["right"])]
        for region in regions:
            of_region = row["regions"].get(region)
            cells += ["-", "-"] if of_region is None else [_share(of_region), _since(of_region["onset"], row)]
        counts = ("-" if row["events"][kind] is None else str(row["events"][kind]) for kind in happened)
        table.append([*cells, _since(row["steady"], row), *counts, _percent(row["noise"]), _percent(row["warned"])])
    recipes: dict[str, list[str]] = {}
    for row in rows:
        if row["recipe"]:
            recipes.setdefault(row["recipe"], []).append(row["run"])
    repeats = (
        ["", "Taken as repeats", *(f"  {words.one_line(recipe + ': ' + ', '.join(names))}" for recipe, names in recipes.items())]
        if recipes
        else []
    )
    return [*words.table(table), *repeats]


def _step(step: int | None) -> str:
    return {None: "none", wire.UNTRAINED: "untrained", wire.RETURNED: "returned"}.get(step, str(step))


def _since(epoch: int | None, row: Mapping[str, Any]) -> str:
    return "-" if row["returned"] == "once" else "never" if epoch is None else f"epoch {epoch}"


def _percent(share: float | None) -> str:
    return "-" if share is None else words.percent(share)


def _share(region: Mapping[str, Any]) -> str:
    return "?" if region["share"] is None else words.share_words(region["share"], np.nan if region["error"] is None else region["error"])
