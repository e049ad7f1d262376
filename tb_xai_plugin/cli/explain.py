"""tb-xai explain: the record that ExplanationLogger would have written, from the checkpoints of a training."""

from __future__ import annotations

import argparse
import csv
import os
import pkgutil
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tb_xai_plugin.cli.reply import printed, reply
from tb_xai_plugin.clusters.checkpoints import explain_checkpoints
from tb_xai_plugin.clusters.jobs import WorkerError
from tb_xai_plugin.models.heads import HEADS
from tb_xai_plugin.models.outputs import OUTPUTS
from tb_xai_plugin.run import Run

# What sentences for Python advise, and the option that does the same here.
TYPED = {"trusted=True": "--trusted", "build=": "--build MODULE:FUNCTION", "first_epoch=": "--first-epoch"}

# Exit code where a checkpoint could not be explained, and the others were.
INCOMPLETE = 1


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "explain",
        help="explain the checkpoints of a training",
        description="Explain checkpoints, and write the record that ExplanationLogger would have written while the model trained. If RUN has a record, the command adds what is new: "
        "the same command again explains what is new. Exit code 0; 1 where a checkpoint could not be explained; 2 for a mistake.",
    )
    parser.add_argument(
        "models", metavar="MODEL", nargs="+", help=".keras files of one training, or their folder; their numbers are the epochs"
    )
    parser.add_argument("--probes", required=True, metavar="FILE", help="what is explained: a file that probes.save(FILE) wrote in Python")
    parser.add_argument("--logdir", required=True, metavar="RUN", help="log_dir of the run to write; the record goes to RUN/xai")
    parser.add_argument(
        "--explainer",
        action="append",
        dest="explainers",
        metavar="NAME",
        help="lime, shap, …; may be given several times (default: lime, shap)",
    )
    parser.add_argument("--evaluations", type=int, help="model evaluations a probe (default: 16 a player, of images 12, 256 to 2048)")
    parser.add_argument("--output", default="log-odds", choices=list(OUTPUTS), help="the explained output (default: %(default)s)")
    parser.add_argument("--head", choices=list(HEADS), help="what the model's outputs mean, where nothing tells it")
    parser.add_argument(
        "--class", dest="classes", action="append", type=int, metavar="NUMBER", help="an explained class; may be given several times"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the coalitions (default: %(default)s)")
    parser.add_argument(
        "--first-epoch",
        type=int,
        default=1,
        metavar="N",
        help="the number that the names of files give to the first epoch (default: 1, as keras.callbacks.ModelCheckpoint counts)",
    )
    parser.add_argument("--logs", metavar="CSV", help="loss and metrics of each epoch: the file of keras.callbacks.CSVLogger")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="N", help="processes on this machine (default: none but this one)")
    where.add_argument("--dask", metavar="ADDRESS", help="the scheduler of a Dask cluster, e.g. tcp://10.0.0.1:8786")
    parser.add_argument(
        "--build",
        metavar="MODULE:FUNCTION",
        help="a function from a path to the model with its weights, for files that are no .keras files",
    )
    parser.add_argument("--trusted", action="store_true", help="load files that may run code: .h5, pickles, .keras with functions")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    parser.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    began = time.perf_counter()
    client = _dask(given.dask) if given.dask else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _say
            found = explain_checkpoints(
                given.models if len(given.models) > 1 else given.models[0],
                given.probes,
                given.logdir,
                client.get_executor() if client else given.workers,
                _function(given.build) if given.build else None,
                explainers=given.explainers or ("lime", "shap"),
                evaluations=given.evaluations or "auto",
                output=given.output,
                head=given.head,
                classes=given.classes or "auto",
                seed=given.seed,
                first_epoch=given.first_epoch,
                logs=_logs(given.logs) if given.logs else None,
                trusted=given.trusted,
            )
    except (WorkerError, ValueError, TypeError, OSError) as error:
        raise ValueError(_typed(str(error))) from error
    finally:
        if client:
            client.close()
    report = _report(found, given.logdir, time.perf_counter() - began)
    print(reply("explain", report) if given.json else printed(_sentence(report)))
    return INCOMPLETE if report["gaps"] else 0


def _report(found: Run, logdir: str, seconds: float) -> dict[str, Any]:
    problems = {int(step): epoch["reason"] for step, _, epoch in found.writes if epoch["explained"] and not epoch["level"]}
    steps = [int(step) for step, _, epoch in found.writes if epoch["level"]]
    return {
        "logdir": logdir,
        "explained": steps,
        "gaps": [{"step": step, "reason": reason} for step, reason in problems.items()],
        "probes": len(found.probes),
        "explainers": list(found.explainers),
        "seconds": round(seconds, 3),
    }


def _sentence(report: dict[str, Any]) -> str:
    steps, gaps = report["explained"], report["gaps"]
    range_ = f"steps {steps[0]} to {steps[-1]}" if len(steps) > 1 else f"step {steps[0]}" if steps else "no step"
    return (
        f"{report['logdir']}: {len(steps)} checkpoint{'s' if len(steps) != 1 else ''} explained, {range_}, {report['probes']} probes, {', '.join(report['explainers'])}"
        + (f"; {len(gaps)} could not be explained" if gaps else "")
        + f". See it with: tensorboard --logdir {report['logdir']}"
    )


def _logs(path: str) -> dict[int, dict[str, float]]:
    """Keras's logs of each epoch, from the file of a CSVLogger."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        logs: dict[int, dict[str, float]] = {}
        for row in rows:
            entry = logs[int(float(row.pop("epoch")))] = {}
            for name, value in row.items():
                with suppress(TypeError, ValueError):  # "NA" of an epoch without validation
                    entry[name] = float(value)
        return logs
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"--logs {path!r} can't be read ({type(error).__name__}: {error}); give the file of a keras.callbacks.CSVLogger."
        ) from error


def _function(name: str) -> Callable[[str], Any]:
    sys.path.insert(0, os.getcwd())  # where the module lies
    try:
        function: Callable[[str], Any] = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"--build {name!r} can't be imported ({type(error).__name__}: {error}); give MODULE:FUNCTION.") from error
    return function


def _dask(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError("--dask needs Dask's distributed; install it with: pip install 'tb_xai_plugin[cluster]'") from error
    try:
        return Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise ValueError(f"--dask {address!r}: there is no scheduler ({error}); give the address that it printed when it began.") from error


def _say(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """A warning as one line; not those that libraries write for programmers."""
    if issubclass(category, UserWarning):
        print(printed(f"tb-xai: {_typed(str(message))}"), file=sys.stderr)


def _typed(sentence: str) -> str:
    """A sentence with the options of the command line in place of Python's arguments."""
    for argument, option in TYPED.items():
        sentence = sentence.replace(f"give {argument}", f"give {option}").replace(f"else {argument}", f"else {option}")
    return sentence
