"""One run with gaps, and the routes over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.records import FakeRun
from support.server import Server


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logdir")


@pytest.fixture(scope="module")
def run(logdir: Path) -> FakeRun:
    """Probes with 5, 4 and 3 players, and the epochs -1 to 4; probe 1 has no answer at epoch 2; fewer evaluations from epoch 3 on."""
    written = FakeRun(logdir / "baseline", classes=3, interacting=("shap",), changes={3: "half of the evaluations"}).write([-1, 0, 1])
    written.write([2], silent=[1], reason="the model answered NaN or infinity for 1 of 3 probes")
    return written.write([3, 4])


@pytest.fixture(scope="module")
def server(run: FakeRun, logdir: Path) -> Server:
    return Server(logdir)
