"""How fast records are read, by our reader and by TensorBoard's, with TensorFlow and without; and `tb-xai compare … --repeats`.

    python benchmarks/speed/reading.py                          10 runs x 200 epochs x 32 probes, 459 MB, in a folder that is removed afterwards
    python benchmarks/speed/reading.py --folder logs            a log that is there, e.g. of benchmarks/page/page_log.py
    python benchmarks/speed/reading.py --rounds 5

Each line is a process of its own, measured as a whole: processor seconds and the most memory. The readers take turns, and the median is printed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from types import ModuleType

HERE = Path(__file__).resolve()
READERS = ("ours", "TensorBoard's, without TensorFlow", "TensorBoard's, with TensorFlow")


def use(reader: str) -> None:
    """Make this process read event files with a reader."""
    if "without" in reader:  # TensorBoard does without TensorFlow where a module of this name exists
        sys.modules["tensorboard.compat.notf"] = ModuleType("tensorboard.compat.notf")
    if reader != "ours":
        from tb_xai_plugin import run
        from tb_xai_plugin.records.sources import RemoteSource

        run.source_of = RemoteSource


def child(task: str, reader: str, folder: Path) -> None:
    """One measured process. It prints the seconds that reading itself took, where that is the task."""
    use(reader)
    names = sorted(path.parent.name for path in folder.glob("*/xai"))
    if task == "read":
        from tb_xai_plugin import read_run

        began = time.process_time()
        run = read_run(folder / names[0])
        print(time.process_time() - began)
        run.of_class("label", "values/shap")
    else:
        from tb_xai_plugin.cli import main

        main(["compare", str(folder / names[0]), str(folder / names[-1]), "--repeats", str(folder)])


def measured(task: str, reader: str, folder: Path) -> tuple[float, float, str]:
    """Processor seconds and megabytes of a process, and what it printed."""
    command = [sys.executable, str(HERE), "--folder", str(folder), "--child", task, reader]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{task} with {reader} failed.")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, printed


def report(folder: Path, rounds: int) -> None:
    readers = READERS if find_spec("tensorflow") else READERS[:2]
    files = sorted(folder.glob("*/xai/*tfevents*"))
    one = sum(file.stat().st_size for file in files if file.parent.parent.name == files[0].parent.parent.name) / 1e6
    whole = sum(file.stat().st_size for file in files) / 1e6
    found: dict[tuple[str, str], list[tuple[float, float, str]]] = {}
    for _ in range(rounds):
        for task in ("read", "compare"):
            for reader in readers:
                found.setdefault((task, reader), []).append(measured(task, reader, folder))
    print(
        f"| reader | one run of {one:.0f} MB: process, s | reading, MB/s | memory, MB | comparison with repeats, {whole:.0f} MB: process, s | memory, MB |"
    )
    print("|---|---|---|---|---|---|")
    for reader in readers:
        seconds, memory, printed = zip(*found["read", reader], strict=True)
        of_compare, its_memory, _ = zip(*found["compare", reader], strict=True)
        speed = one / median(float(each) for each in printed)
        cells = (
            f"{median(seconds):.2f}",
            f"{speed:.0f}",
            f"{median(memory):.0f}",
            f"{median(of_compare):.1f}",
            f"{median(its_memory):.0f}",
        )
        print(f"| {reader} | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.child, given.folder)
    elif given.folder:
        report(given.folder, given.rounds)
    else:
        with tempfile.TemporaryDirectory() as folder:
            log = [sys.executable, str(HERE.parent.parent / "page" / "page_log.py"), folder]
            subprocess.run([*log, "--runs", str(given.runs), "--epochs", str(given.epochs)], check=True)
            report(Path(folder), given.rounds)


if __name__ == "__main__":
    main()
