"""tb-xai export: reports, pictures and tables of runs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from typing import Any

from tb_xai_plugin.cli.reply import reply
from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.records.sources import Source
from tb_xai_plugin.reports import html
from tb_xai_plugin.reports.sources import sources_of

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
        print("\n".join(_lines(written)))
    return 0


def _lines(written: Mapping[str, Any]) -> list[str]:
    lines = [f"{written['file']}: {written['bytes'] / MB:.1f} MB, {', '.join(written['runs'])}"]
    if written.get("left out"):
        lines.append(f"  left out for its size: {', '.join(written['left out'])}; a larger --limit has room for more")
    return lines


def _page(sources: dict[str, Source], given: argparse.Namespace) -> dict[str, Any]:
    if not given.limit > 0:
        raise ArgumentError(f"export: --limit is {given.limit:g}; give a number of MB above 0.")
    size, absent = html.write(sources, given.to, given.limit)
    return {"file": given.to, "bytes": size, "runs": list(sources), "left out": absent}


# {suffix: (what it is, what writes it and says what was written)}
FORMS: dict[str, tuple[str, Callable[[dict[str, Source], argparse.Namespace], dict[str, Any]]]] = {
    ".html": ("the tab's own page, which opens from disk", _page),
}
