"""The progress line: after two seconds, on a terminal and in notebooks, never in a file, and without tqdm's notebook parts where they are missing."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
import time
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import tb_xai_plugin
from tb_xai_plugin.engine import progress
from tb_xai_plugin.engine.progress import Progress

SLOW = """
import time, numpy as np
from tb_xai_plugin.engine import progress
progress.DELAY = 0.2
import tb_xai_plugin as xai
x = np.random.default_rng(0).normal(size=(6, 3))
def model(rows):
    time.sleep(0.3)
    return rows.sum(axis=1)
xai.explain(model, xai.TabularProbes(x, background=x), "occlusion", head="regression")
"""


def environment() -> dict[str, str]:
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(Path(tb_xai_plugin.__file__).parents[1])}


def test_a_file_gets_no_progress(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([sys.executable, "-c", SLOW], env=environment(), stdout=log, stderr=subprocess.STDOUT, check=True, timeout=120)
    assert "Explaining" not in (tmp_path / "log").read_text()


def test_a_terminal_shows_the_phases_and_the_probes_and_keeps_no_line() -> None:
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen([sys.executable, "-c", SLOW], env=environment(), stdin=end, stdout=end, stderr=end)
    os.close(end)
    written = b""
    try:
        while part := os.read(terminal, 4096):
            written += part
    except OSError:  # the process has ended
        pass
    assert process.wait(60) == 0
    os.close(terminal)
    text = written.decode()
    assert "Explaining: binding the model (00:0" in text
    assert "/6 [" in text
    assert "probe" in text
    assert text.rsplit("\r", 1)[-1].strip() == ""  # the line is wiped


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_short_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    shown = Progress("Explaining")
    with shown.phase("binding the model"):
        assert list(shown(range(5))) == [0, 1, 2, 3, 4]
    assert terminal.getvalue().strip() == ""


def test_what_fails_inside_a_phase_is_raised_and_the_line_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr(progress, "DELAY", 0.01)

    def fail() -> None:
        with Progress("Explaining").phase("binding the model"):
            time.sleep(0.3)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail()
    assert "Explaining: binding the model" in terminal.getvalue()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a notebook without ipywidgets."""
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    for name in ("IPython", "IPython.display"):
        monkeypatch.setitem(sys.modules, name, ipython)
    for name in ("tqdm.auto", "tqdm.autonotebook", "tqdm.notebook"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("kernel")
def test_a_notebook_without_ipywidgets_shows_text_and_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", written := io.StringIO())  # what a kernel has is no terminal
    monkeypatch.setattr(progress, "DELAY", 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(Progress("Explaining")(range(3))) == [0, 1, 2]
    assert "Explaining" in written.getvalue()


@pytest.mark.usefixtures("kernel")
class RecordedBar:
    """Stands in for tqdm: iterates, and counts the lines that were made."""

    made = 0

    def __init__(self, numbers: range = range(0), **_: object) -> None:
        RecordedBar.made += 1
        self._numbers = numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __enter__(self) -> RecordedBar:
        return self

    def __exit__(self, *_: object) -> None: ...

    def refresh(self) -> None: ...


def test_without_tqdm_nothing_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    monkeypatch.setattr(progress, "DELAY", 0.01)
    shown = []
    for module in (types.SimpleNamespace(tqdm=RecordedBar), None):
        monkeypatch.setitem(sys.modules, "tqdm.auto", module)
        RecordedBar.made = 0
        line = Progress("Explaining")
        with line.phase("binding the model"):
            assert list(line(range(3))) == [0, 1, 2]
            time.sleep(0.2)
        shown.append(RecordedBar.made)
    assert shown == [2, 0], "a line for the phase and one for the probes, and none without tqdm"
    assert capsys.readouterr() == ("", "")
