"""The example notebooks run from top to bottom, and show what they say."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from support.records import ROOT

# The notebooks do the same on every Python.
pytestmark = pytest.mark.slow

nbclient = pytest.importorskip("nbclient", reason="pip install nbclient ipykernel")
nbformat = pytest.importorskip("nbformat", reason="pip install nbclient ipykernel")
pytest.importorskip("ipykernel", reason="pip install nbclient ipykernel")
pytest.importorskip("shap", reason="pip install shap")

EXAMPLES = ROOT / "examples"


def executed(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> list[dict[str, Any]]:
    """The outputs of all cells of a notebook and of `more` cells, run in a folder of its own with this package."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
    binary = folder / "tensorboard"  # of this environment, also where that is not activated
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tensorboard.main "$@"\n', encoding="utf-8")
    binary.chmod(0o755)
    monkeypatch.setenv("TENSORBOARD_BINARY", str(binary))
    monkeypatch.setenv("TMPDIR", str(folder))  # where %tensorboard leaves what it started
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    book = nbformat.read(EXAMPLES / name, as_version=4)
    book.cells += [nbformat.v4.new_code_cell(code) for code in more]
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


# In the kernel, which takes the TensorBoard that it started with it.
ASK = """
import json, time, urllib.request
from tensorboard import manager

(started,) = manager.get_all()
address = f"http://127.0.0.1:{started.port}/data/plugin/xai/runs"
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
for _ in range(600):
    runs = [run["run"] for run in json.load(open_url(address))["runs"]]
    if len(runs) == 2:
        break
    time.sleep(0.1)
print(json.dumps({"port": started.port, "runs": sorted(runs)}))
"""


def test_a_training_is_watched_with_tensorboard_in_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = executed("training.ipynb", tmp_path, monkeypatch, ASK)
    told = json.loads(outputs[-1]["text"])
    frame = next(html for html in shown(outputs, "text/html") if "iframe" in html)
    assert str(told["port"]) in frame
    assert told["runs"] == ["honest/xai", "shortcut/xai"]
    displays = [html for html in shown(outputs, "text/html") if "tb-xai" in html]
    assert "leans on it since epoch" in displays[0]
    assert "A leans on corner" in displays[1]
    assert len(shown(outputs, "image/png")) == 4
