"""The Markdown that people read: README.md, CONTRIBUTING.md and docs/."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SITE = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
PAGES = [ROOT / "README.md", *SITE]
FENCE = re.compile(r"^(```+|:::+)(.*)$")


def called(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """A page without its blocks of code, and without spans of code."""
    kept, fence = [], ""
    for line in path.read_text(encoding="utf-8").splitlines():
        found = FENCE.match(line)
        if found and not fence:
            fence = found[1] if not found[2].startswith("{") else ""
        elif found and found[1] == fence and not found[2]:
            fence = ""
        elif not fence:
            kept.append(re.sub(r"`[^`]*`", "", line))
    return "\n".join(kept)
