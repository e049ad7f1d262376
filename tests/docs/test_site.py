"""The site builds without a warning, and no link of what people read leads nowhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import DOCS, PAGES, ROOT, called, prose

# The pages say the same on every Python.
pytestmark = pytest.mark.slow

MOST_LINES = 90


def test_the_site_builds_without_a_warning_and_without_the_network(tmp_path: Path) -> None:
    """Strictly: a reference that leads nowhere is a warning, and a warning is an error."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-b",
        "html",
        "-W",
        "--keep-going",
        "-n",
        "-q",
        "-d",
        str(tmp_path / "trees"),
        str(DOCS),
        str(tmp_path / "html"),
    ]
    # No proxy answers there, so a build that fetches something fails.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **nowhere})
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "html" / "reference" / "training.html").read_text(encoding="utf-8")
    assert 'id="tb_xai_plugin.ExplanationLogger"' in html


def test_every_public_name_is_in_the_reference() -> None:
    import tb_xai_plugin

    reference = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    documented = set(re.findall(r"auto(?:class|function|data):: tb_xai_plugin\.(\w+)", reference))
    assert documented == set(tb_xai_plugin.__all__)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=called)
def test_every_relative_link_leads_to_a_file(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(path))
    files = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in files if target and not (path.parent / target).exists()] == []


def test_every_page_is_reachable_from_the_start() -> None:
    """A page that is in no list of contents is found by nobody; the one of decisions takes all that are there."""
    listed = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("index.md"))
    pages = [path for path in PAGES if path.parent in (DOCS, DOCS / "probes", DOCS / "reference") and path.stem != "index"]
    assert [called(path) for path in pages if not re.search(rf"^{path.stem}$", listed, re.MULTILINE)] == []
