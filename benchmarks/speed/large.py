"""What a record of many probes and epochs costs: seconds and peak memory to open it, to judge it, and to write it in other forms.

    python benchmarks/speed/large.py                            500 probes x 1,000 epochs, two runs, in a folder that is removed afterwards
    python benchmarks/speed/large.py --folder logs              a log that is there, e.g. of benchmarks/page/page_log.py
    python benchmarks/speed/large.py --folder logs --tasks drift events
    python benchmarks/speed/large.py --probes 100 --grid 7      another shape

The record has two explainers, LIME and SHAP, of 16 players and 3 classes; one class, the label's, is judged. Each line is a process of its own that opens the
run, or both runs, and does one thing: seconds of the processor and of the clock from the opening on, without the import of the package, and the most memory of the
whole process, as Linux counts it (VmHWM). The tasks take turns, and the median of the rounds is printed. "all" does what all lines above it do, in one process.
What the tab's server takes on the same log: benchmarks/page/server.py. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve()
EXPLAINER = "shap"


def drift(run: Any, other: Any) -> None:
    for against in ("previous", "untrained"):
        run.all_drift(EXPLAINER, against, "tv", "label")


def shares(run: Any, other: Any) -> None:
    for region in run.record["probes"]["regions"]:
        run.share(EXPLAINER, region)


def trust(run: Any, other: Any) -> None:
    run.trust(EXPLAINER)


def events(run: Any, other: Any) -> None:
    run.events(EXPLAINER)


def steady(run: Any, other: Any) -> None:
    run.steady_since(EXPLAINER)


def findings(run: Any, other: Any) -> None:
    from tb_xai_plugin.judgement.findings import of_run

    of_run(run, EXPLAINER, "label")


def compared(run: Any, other: Any) -> None:
    from tb_xai_plugin.judgement.findings import of_pair

    compared = run.compare(other(), EXPLAINER)
    compared.verdict()
    of_pair(compared, run, other())


def everything(run: Any, other: Any) -> None:
    for task in (drift, shares, trust, events, steady, findings):
        task(run, other)


def both(run: Any, other: Any) -> None:
    """Everything, of both explainers."""
    global EXPLAINER
    for EXPLAINER in run.explainers:  # noqa: B007
        everything(run, other)


def nothing(run: Any, other: Any) -> None:
    run.steps, run.logs  # noqa: B018


def written(ending: str) -> Callable[[Any, Any], None]:
    def write(run: Any, other: Any) -> None:
        from tb_xai_plugin.reports import tables

        with tempfile.TemporaryDirectory() as folder:
            tables.write(run, Path(folder) / f"run.{ending}")

    return write


TASKS: dict[str, Callable[[Any, Any], None]] = {
    "open": nothing,
    "drift": drift,
    "shares": shares,
    "trust": trust,
    "events": events,
    "steady": steady,
    "findings": findings,
    "all": everything,
    "all, both explainers": both,
    "compare": compared,
    "to_npz": written("npz"),
    "to_parquet": written("parquet"),
}


def child(task: str, folder: Path) -> None:
    """One measured process: prints its seconds (processor, clock) and megabytes."""
    from tb_xai_plugin import read_run

    names = sorted(path.parent for path in folder.glob("*/xai"))
    began = time.process_time(), time.perf_counter()
    run = read_run(names[0])
    kept: list[Any] = []

    def other() -> Any:
        if not kept:
            kept.append(read_run(names[-1]))
        return kept[0]

    TASKS[task](run, other)
    seconds = time.process_time() - began[0], time.perf_counter() - began[1]
    print(json.dumps([*seconds, _peak()]))


def _peak() -> float:
    """Megabytes (10^6 bytes) that this process had at most."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def measured(task: str, folder: Path) -> tuple[float, float, float]:
    command = [sys.executable, str(HERE), "--folder", str(folder), "--child", task]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, check=False)
    if done.returncode:
        raise SystemExit(f"{task} failed.")
    processor, clock, memory = json.loads(done.stdout)
    return processor, clock, memory


def report(folder: Path, rounds: int, tasks: list[str]) -> None:
    runs = sorted({path.parent.parent for path in folder.glob("*/xai/*tfevents*")})
    sizes = [sum(file.stat().st_size for file in run.glob("xai/*tfevents*")) / 1e6 for run in runs]
    print(f"{len(runs)} runs, {' and '.join(f'{size:.0f}' for size in sizes[:2])} MB")
    found: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(rounds):
        for task in tasks:
            found.setdefault(task, []).append(measured(task, folder))
    print("| | processor, s | clock, s | peak memory, MB |\n|---|---|---|---|")
    for task in tasks:
        processor, clock, memory = (median(column) for column in zip(*found[task], strict=True))
        print(f"| {task} | {processor:.2f} | {clock:.2f} | {memory:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--tasks", nargs="+", choices=TASKS, default=[task for task in TASKS if task != "to_parquet" or find_spec("pyarrow")]
    )
    for option, default in {"runs": 2, "probes": 500, "epochs": 1000, "classes": 3, "grid": 4}.items():
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.folder)
    elif given.folder:
        report(given.folder, given.rounds, given.tasks)
    else:
        with tempfile.TemporaryDirectory() as folder:
            log = [sys.executable, str(HERE.parent.parent / "page" / "page_log.py"), folder]
            shape = [part for name in ("runs", "probes", "epochs", "classes", "grid") for part in (f"--{name}", str(getattr(given, name)))]
            subprocess.run([*log, *shape], check=True)
            report(Path(folder), given.rounds, given.tasks)


if __name__ == "__main__":
    main()
