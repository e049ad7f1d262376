"""Keras on JAX and on PyTorch: the numbers of TensorFlow, and training as it is without the callback. `make test-backends` runs whole suites there."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from support.backends import on_tensorflow
from support.on_backend import explained
from support.records import ROOT

pytestmark = [pytest.mark.slow, on_tensorflow]


@pytest.fixture(scope="module")
def here() -> dict[str, np.ndarray]:
    return explained()


@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_values_are_those_of_tensorflow_and_training_is_bit_identical(framework: str, here: dict[str, np.ndarray], tmp_path: Path) -> None:
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed; install it with 'pip install tb_xai_plugin[{framework}]', or run 'make test-backends'")
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "KERAS_BACKEND": framework, "PYTHONPATH": paths}
    command = [sys.executable, "-m", "support.on_backend", str(tmp_path / "found.npz")]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    there = np.load(tmp_path / "found.npz")
    assert there["framework"] == framework
    for name, values in here.items():
        assert np.abs(there[name] - values).max() < 1e-4 * max(1, np.abs(values).max()), name
        assert not name.startswith("gap/images") or there[name].max() < 0.01
    assert np.abs(here["saturated/shap"]).max() > 40  # beyond what a probability of float32 can tell from 1
    assert there["same"].all()
    assert there["steps"].tolist() == [0, 1]
