"""The example notebooks run from top to bottom, and show what they say."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from support.records import ROOT, http_get, wait_until

# The notebooks do the same on every Python.
pytestmark = pytest.mark.slow

nbclient = pytest.importorskip("nbclient", reason="pip install nbclient ipykernel")
nbformat = pytest.importorskip("nbformat", reason="pip install nbclient ipykernel")
pytest.importorskip("ipykernel", reason="pip install nbclient ipykernel")
pytest.importorskip("shap", reason="pip install shap")

EXAMPLES = ROOT / "examples"


def executed(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The outputs of all cells of a notebook, run in a folder of its own with this package."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
    binary = folder / "tensorboard"  # of this environment, also where that is not activated
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tensorboard.main "$@"\n', encoding="utf-8")
    binary.chmod(0o755)
    monkeypatch.setenv("TENSORBOARD_BINARY", str(binary))
    monkeypatch.setenv("TMPDIR", str(folder))  # where %tensorboard leaves what it started
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    book = nbformat.read(EXAMPLES / name, as_version=4)
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    return [output for cell in book.cells for output in cell.get("outputs", [])]


def shown(outputs: list[dict[str, Any]], kind: str) -> list[str]:
    """What outputs have of a MIME type."""
    return ["".join(output["data"][kind]) for output in outputs if kind in output.get("data", {})]


def test_the_guides_pictures_are_one_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = executed("guides.ipynb", tmp_path, monkeypatch)
    assert len(shown(outputs, "image/png")) == 9  # one a cell that plots
    displays = [html for html in shown(outputs, "text/html") if "tb-xai" in html]
    assert len(displays) == 2
    assert "SHAP: attributions in probability" in displays[0]


@pytest.fixture
def tensorboards(tmp_path: Path) -> Any:
    """The TensorBoards that %tensorboard left in the folder; they end with the test."""

    def left() -> list[dict[str, Any]]:
        return [json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob(".tensorboard-info/*.info")]

    yield left
    for info in left():
        os.kill(info["pid"], signal.SIGTERM)


def test_a_training_is_watched_with_tensorboard_in_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tensorboards: Any) -> None:
    outputs = executed("training.ipynb", tmp_path, monkeypatch)
    (started,) = tensorboards()
    frame = next(html for html in shown(outputs, "text/html") if "iframe" in html)
    assert str(started["port"]) in frame

    def runs() -> list[str]:
        reply = http_get(f"http://127.0.0.1:{started['port']}/data/plugin/xai/runs")
        return sorted(run["run"] for run in reply.json["runs"]) if reply.status == 200 else []

    wait_until(lambda: runs() == ["honest/xai", "shortcut/xai"], 60)
    displays = [html for html in shown(outputs, "text/html") if "tb-xai" in html]
    assert "leans on it since epoch" in displays[0]
    assert "A leans on corner" in displays[1]
    assert len(shown(outputs, "image/png")) == 4
