"""Whether "changed", "since epoch …" and "other reasons" are true: events, floors and onsets against models whose reasons are known.

    python benchmarks/judgement/judgement.py [--quick] [--seed N] [--keep FOLDER] [part …]

calibration   one trained model explained 50 times over, as if by 50 epochs: nothing changes, so whatever is called real is a false alarm
power         a change of known size that concerns known players
artefacts     a patch, a leaked column and a spurious word that tell the truth from a known epoch on, or never
ranking       two recipes of equal accuracy and other reasons, against seeds of the same recipe
forgetting    learned, forgotten and relearned, counted again by hand
speed         milliseconds on 200 epochs x 32 probes x 49 players x 10 classes, of one run and of 20

Runs are logged to a temporary folder, or to the one given, where those of an earlier call are taken again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from judgement_noise import calibration, power
from judgement_reasons import artefacts, forgetting, ranking
from judgement_tables import table
from page_log import write_log

from tb_xai_plugin import read_run
from tb_xai_plugin.judgement import findings
from tb_xai_plugin.judgement.distances import MEASURES
from tb_xai_plugin.run import Run

# ---------------------------------------------------------------- speed


def speed(folder: Path, quick: bool, _: int) -> None:
    count = 4 if quick else 20
    logs = folder / "speed"
    if not logs.exists():
        write_log(logs, runs=2, epochs=200, probes=32, classes=10, grid=7)
    paths = sorted(logs.iterdir())
    works: dict[str, Callable[[Run, Run], object]] = {
        "read values, errors, sketches": lambda run, _: run.of_class("label", "values/shap", "errors/shap", "noise/shap"),
        "read answers": lambda run, _: run.answers(),
        **{f"drift and floor, {name}": lambda run, _, name=name: run.all_drift("shap", "previous", name, "label") for name in MEASURES},
        "changed": lambda run, _: run.changed("shap"),
        "share with onset": lambda run, _: run.all_region_share("shap", "corner", "label"),
        "events": lambda run, _: run.events("shap"),
        "events again": lambda run, _: run.events("shap"),
        "steady_since": lambda run, _: run.steady_since("shap"),
        "trust": lambda run, _: run.trust("shap"),
        "compare": lambda run, other: run.compare(other, "shap", "best"),
        "compare, verdict and changed players": lambda run, other: _compared(run, other),
        "findings of a run": lambda run, _: findings.of_run(run, "shap", "label"),
        "findings of a pair": lambda run, other: findings.of_pair(run.compare(other, "shap"), run, other),
    }
    spent = np.zeros((len(works), count, 2))
    runs = [read_run(paths[number % 2]) for number in range(count)]
    for number, run in enumerate(runs):
        other = runs[number - 1]
        for row, work in enumerate(works.values()):
            began = time.perf_counter(), time.process_time()
            work(run, other)
            spent[row, number] = 1000 * (time.perf_counter() - began[0]), 1000 * (time.process_time() - began[1])
    rows = [["", "one run", "CPU", f"{count} runs", "CPU"]]
    for name, each in zip(works, spent, strict=True):
        rows.append([name, *(f"{number:.0f}" for number in (*np.median(each, axis=0), *each.sum(axis=0)))])
    rows.append(["all", *(f"{number:.0f}" for number in (*np.median(spent, axis=1).sum(axis=0), *spent.sum(axis=(0, 1))))])
    table(
        "speed: milliseconds on 200 epochs x 32 probes x 49 players x 10 classes, SHAP, the true class",
        "one run: the median of the runs; CPU: of the process; the runs are two records, each read anew for every run. Each line finds what the lines above it have read; the other run of compare is read.",
        rows,
    )


def _compared(run: Run, other: Run) -> object:
    compared = run.compare(other, "shap", "best")
    return compared.verdict(compared.pairing.best), compared.changed


PARTS: dict[str, Callable[[Path, bool, int], None]] = {
    part.__name__: part for part in (calibration, power, artefacts, ranking, forgetting, speed)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer epochs and seeds")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first seed; the rules were chosen with 0 to 4")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the runs are logged, and found again")
    asked = parser.parse_args()
    for name in asked.parts:
        if name not in PARTS:
            parser.error(f"there is no part {name!r}; choose from {', '.join(PARTS)}.")
    with tempfile.TemporaryDirectory() as temporary:
        for name in asked.parts or PARTS:
            began = time.perf_counter()
            PARTS[name](asked.keep or Path(temporary), asked.quick, asked.seed)
            print(f"({name}: {time.perf_counter() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
