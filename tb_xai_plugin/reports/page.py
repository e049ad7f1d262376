"""The page's own modules and styles in one text, as a report carries them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.serving.files import frontend_files

# Where a module names another: `import … from "./x.js"`, `export … from`, `import("./x.js")`.
IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.[^"']+\.js)\2""")

# Names of the import map that the script of a report makes.
PREFIX = "xai/"

# What TensorBoard loads, and the report's own script, which stands in the file as it is.
UNUSED = {"index.js", "boot.js"}


def modules() -> dict[str, str]:
    """{path below frontend/: text} of the page; modules name each other by their places in an import map instead of relative paths."""
    texts = {path: file.read_text(encoding="utf-8") for path, file in sorted(frontend_files().items())}
    if "report.js" not in texts:
        raise RecordError("export: the page is not installed; reinstall it with 'pip install tb_xai_plugin'.")
    return {path: _renamed(path, text, texts) if path.endswith(".js") else text for path, text in texts.items() if path not in UNUSED}


def script() -> str:
    """The script of a report."""
    return frontend_files()["boot.js"].read_text(encoding="utf-8")


def _renamed(path: str, text: str, texts: Mapping[str, str]) -> str:
    def place(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[3]))
        return f"{match[1]}{match[2]}{PREFIX}{target}{match[2]}" if target in texts else match[0]

    return IMPORT.sub(place, text)
