"""tb-xai export: reports, pictures and tables of runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tb_xai_plugin.cli import options
from tb_xai_plugin.cli.reply import printed, reply
from tb_xai_plugin.errors import ArgumentError, usual_explainer
from tb_xai_plugin.judgement.words import one_line
from tb_xai_plugin.records.sources import Source
from tb_xai_plugin.reports import html, tables
from tb_xai_plugin.reports.sources import sources_of
from tb_xai_plugin.run import Run

MB = 1e6


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "export",
        help="a report, pictures or tables of runs",
        description="Write what runs have recorded into a file that needs no TensorBoard. The file's suffix chooses its form: "
        + "; ".join(f"{suffix}, {what}" for suffix, (what, _) in FORMS.items())
        + ".",
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help="log_dir of a run, or a directory of runs")
    parser.add_argument("--to", required=True, metavar="FILE", help=f"the file to write, with one of the suffixes {', '.join(FORMS)}")
    parser.add_argument(
        "--limit",
        type=float,
        default=html.LIMIT,
        metavar="MB",
        help="of .html: up to this size the file has also what few readers ask for, such as further classes and pinned epochs (default: %(default)s)",
    )
    parser.add_argument("--explainer", help="of .md, .png and .gif: the explainer (default: shap where all runs have it, else the first)")
    parser.add_argument(
        "--set", dest="probe_set", help="of all forms but .html: the probe set, where the runs have several (default: the first)"
    )
    parser.add_argument(
        "--class",
        dest="target",
        type=options.target,
        default="label",
        help='of .md, .png and .gif: "label", "predicted", a class name or a class number (default: %(default)s)',
    )
    parser.add_argument("--probe", type=int, default=0, help="of .png and .gif: the number of the probe (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    parser.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    suffix = os.path.splitext(given.to)[1].lower()
    if suffix not in FORMS:
        raise ArgumentError(f"export: --to {given.to!r} ends with none of {', '.join(FORMS)}; the suffix chooses what is written.")
    folder = os.path.dirname(os.path.abspath(given.to))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"export: there is no directory {folder!r} for --to; make it first.")
    written = FORMS[suffix][1](sources_of(given.runs), given)
    if given.json:
        print(reply("export", written))
    else:
        print(printed("\n".join(_lines(written))))
    return 0


def _lines(written: Mapping[str, Any]) -> list[str]:
    lines = [one_line(f"{written['file']}: {size_words(written['bytes'])}, {', '.join(written['runs'])}")]
    lines += [f"  {file}" for file in written["further files"]]
    if written["left out"]:
        lines.append(f"  left out for its size: {one_line(', '.join(written['left out']))}; a larger --limit has room for more")
    return lines


def size_words(size: int) -> str:
    return f"{size / MB:.1f} MB" if size >= MB / 10 else f"{size / 1e3:.0f} kB"


def _page(sources: dict[str, Source], given: argparse.Namespace) -> dict[str, Any]:
    if not given.limit > 0:
        raise ArgumentError(f"export: --limit is {given.limit:g}; give a number of MB above 0.")
    _, absent = html.write(sources, given.to, given.limit)
    return _written([given.to], sources, absent)


def _runs(sources: dict[str, Source], given: argparse.Namespace) -> dict[str, Run]:
    return {name: Run(source, name, given.probe_set).load() for name, source in sources.items()}


def _written(files: list[str], runs: Iterable[str], absent: Sequence[str] = ()) -> dict[str, Any]:
    return {"file": files[0], "bytes": os.path.getsize(files[0]), "runs": list(runs), "further files": files[1:], "left out": list(absent)}


def _markdown(sources: dict[str, Source], given: argparse.Namespace) -> dict[str, Any]:
    from tb_xai_plugin.reports import markdown, pictures

    files = markdown.write(_runs(sources, given), given.to, given.explainer, given.target)
    if not pictures.can_draw():
        print("tb-xai: the report has no pictures, which need matplotlib; install it with 'pip install matplotlib'.", file=sys.stderr)
    return _written(files, sources)


def _picture(sources: dict[str, Source], given: argparse.Namespace) -> dict[str, Any]:
    from tb_xai_plugin.reports import pictures

    runs = list(_runs(sources, given).values())
    write = pictures.gif if given.to.lower().endswith(".gif") else pictures.png
    write(runs, given.to, given.explainer or usual_explainer(*runs), given.probe, given.target)
    return _written([given.to], sources)


def _table(sources: dict[str, Source], given: argparse.Namespace) -> dict[str, Any]:
    if len(sources) > 1:
        raise ArgumentError(
            f"export: a {os.path.splitext(given.to)[1]} file has one run, and {len(sources)} are given: {', '.join(sources)[:200]}; export each."
        )
    (run,) = _runs(sources, given).values()
    try:
        tables.write(run, given.to)
    except ImportError as error:
        raise ArgumentError(f"export: {error}") from error
    return _written([given.to], sources)


# {suffix: (what it is, what writes it and says what was written)}
FORMS: dict[str, tuple[str, Callable[[dict[str, Source], argparse.Namespace], dict[str, Any]]]] = {
    ".html": ("the tab's own page, which opens from disk", _page),
    ".md": ("the verdict, shares, onsets and events, with pictures in a folder beside it", _markdown),
    ".png": ("one probe over the epochs of each run", _picture),
    ".gif": ("one image, epoch by epoch", _picture),
    ".csv": ("all attributions of a run as a table", _table),
    ".parquet": ("the same, for pandas, DuckDB, R and others", _table),
    ".npz": ("all arrays of a run, for NumPy", _table),
}
