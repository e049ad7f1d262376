"""The sentences that docs/troubleshooting.md quotes are those that the code says."""

from __future__ import annotations

import re

import pytest
from pages import DOCS, ROOT

# The pages say the same on every Python.
pytestmark = pytest.mark.slow


def test_every_quoted_sentence_is_one_of_the_code() -> None:
    """In the page, words in italics stand for what is put in, and "…" for what is left out; all between has to be in the sources."""
    code = said()
    missing = []
    for line in (DOCS / "troubleshooting.md").read_text(encoding="utf-8").splitlines():
        for sentence in re.findall(r'"([^"]+)"', line.split("|")[1]) if line.startswith("|") else []:
            pieces = [piece.strip() for piece in re.split(r"\*[^*]+\*|…", sentence)]
            missing += [(sentence, piece) for piece in pieces if piece not in code]
    assert missing == []


def said() -> str:
    """All sources, with strings that go over several lines as one, and without what is put in."""
    sources = [*sorted((ROOT / "tb_xai_plugin").rglob("*.py")), *sorted((ROOT / "frontend").rglob("*.js"))]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources if "vendor" not in path.parts)
    return re.sub(r'"\s*\n\s*f?"', "", code)
