"""A report as one HTML file: the page and its records, which open from disk with no server and no network."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping
from importlib import resources

from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.probes.files import complete
from tb_xai_plugin.records.sources import Source
from tb_xai_plugin.reports import page
from tb_xai_plugin.reports.archive import Collector, pack
from tb_xai_plugin.serving.shelf import Replies
from tb_xai_plugin.version import __version__

# MB of a file, for what is not needed by every view.
LIMIT = 5.0

# Room for the head of the file and the list of runs.
HEAD_BYTES = 5000

# Until the page is there, and where it never comes. Colours follow the system, as those of the page do.
HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="tb_xai_plugin {version}">
<meta name="description" content="{description}">
<link rel="icon" href="data:,">
<title>{title}</title>
<p id="opening" style="font: 16px system-ui, sans-serif; margin: 2rem">Opening the report…</p>
<noscript>This report draws its pictures with JavaScript, which is off here; it needs no network.</noscript>
"""


def write(sources: Mapping[str, Source], path: str | os.PathLike[str], limit: float = LIMIT) -> tuple[int, list[str]]:
    """Write a report.

    Args:
        sources: {name: record}.
        path: of the file.
        limit: its size in MB. What every view needs is there whatever the limit is: all runs, probes, epochs and explainers, the true and the predicted
            class, and the first two runs beside each other. The rest, further classes, pairs, alignments and pinned epochs, is there while it fits.

    Returns:
        The file's size in bytes, and what was left out, in words.

    Raises:
        RecordError (a ValueError): no record that can be read.
        ArgumentError (a ValueError): records too large for a page.
    """
    progress = Progress("Writing the report")
    with progress.phase("records"):
        replies = Replies(sources)
    files = pack(json.dumps(page.modules(), ensure_ascii=False).encode())
    collector = Collector(replies, int(limit * 1e6) - len(files) - len(page.script()) - len(_licences()) - HEAD_BYTES, progress)
    collector.collect()
    text = _text(collector, files)
    content = text.encode()
    with complete("export", path) as part, open(part, "wb") as file:
        file.write(content)
    return len(content), collector.left_out()


def _text(collector: Collector, files: str) -> str:
    archive = collector.archive
    # The page's list of runs also says which of them the report can show beside each other.
    rows = [{**row, "pairs": collector.beside[row["run"]]} for row in collector.rows]
    bodies = [*archive.bodies, pack(json.dumps({"schema": 1, "runs": rows}).encode())]
    listed = [*archive.requests, ("runs", {}, len(bodies) - 1)]
    names = ", ".join(row["name"] for row in rows)
    head = HEAD.format(version=__version__, title=html.escape(f"XAI: {names}"), description=html.escape(collector.report()["note"]))
    requests = pack(json.dumps({"report": collector.report(), "requests": listed}).encode())
    return "".join(
        [
            head,
            f'<script type="text/plain" id="files">{files}</script>\n',
            f'<script type="text/plain" id="requests">{requests}</script>\n',
            f'<script type="application/json" id="bodies">{json.dumps(bodies, separators=(",", ":"))}</script>\n',
            f"<script>{page.script()}</script>\n",
            f'<script type="text/plain" id="licences">\n{_licences()}</script>\n',
        ]
    )


def _licences() -> str:
    """The licences of modules of others, which go where the modules go."""
    folder = resources.files("tb_xai_plugin.frontend").joinpath("vendor")
    files = sorted((file for file in folder.iterdir() if file.name.endswith("LICENSE")), key=lambda file: file.name)
    return "\n\n".join(f"{file.name.removesuffix('.LICENSE')}\n\n{file.read_text(encoding='utf-8')}" for file in files).replace("</", "< /")
