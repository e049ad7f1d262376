"""The demo: two comparable runs with the same accuracy for different reasons, in the words it prints and in the record."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tb_xai_plugin as xai

SCRIPT = Path(__file__).parent.parent / "demo_training.py"


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=300, check=False)


# Of two models with the same accuracy: that far apart at most.
SAME = 0.02


@pytest.mark.slow
@pytest.mark.parametrize(("data", "artefact", "epochs"), [("image", "patch", 5), ("tabular", "record number", 8), ("text", "source", 5)])
def test_two_models_have_the_same_accuracy_and_one_of_them_leans_on_the_artefact(
    data: str, artefact: str, epochs: int, tmp_path: Path
) -> None:
    done = demo("--no-serve", "--data", data, "--epochs", str(epochs), "--logdir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    runs = xai.read_runs(tmp_path)
    assert list(runs) == ["honest", "shortcut"]
    assert runs["honest"].comparable == runs["shortcut"].comparable

    accuracy = {name: run.logs["val_accuracy"][-1] for name, run in runs.items()}
    assert min(accuracy.values()) > 0.9
    assert abs(accuracy["shortcut"] - accuracy["honest"]) <= SAME
    share = {name: np.median(run.region_share("shap", artefact), axis=1)[-1] for name, run in runs.items()}
    assert share["shortcut"] > 5 * share["honest"]
    assert runs["honest"].compare(runs["shortcut"], "shap").verdict().startswith(f"B leans on {artefact} ")

    # What is printed last: a line a model.
    said = re.findall(
        rf"^(honest|shortcut) +validation accuracy (\S+), +(\d+)% of its explanation on the {artefact};", done.stdout, re.MULTILINE
    )
    assert said == [(name, f"{accuracy[name]:.3f}", f"{100 * share[name]:.0f}") for name in runs]
    assert f"tensorboard --logdir {tmp_path}" in done.stdout
    assert {path.name for path in (tmp_path / "honest").iterdir()} == {"train", "validation", "xai"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--epochs", "0"), "--epochs is 0; give at least 1"),
        (("--seed", "-1"), "--seed is -1; give a number from 0 to 4294967295"),
        (("--port", "99999"), "--port is 99999; give a number from 0 to 65535"),
    ],
)
def test_a_bad_argument_gets_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    done = demo("--no-serve", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_logdir_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "honest").mkdir()
    (tmp_path / "honest" / "thesis.txt").write_text("years of work")
    done = demo("--no-serve", "--logdir", str(tmp_path))
    assert done.returncode == 1
    assert "thesis.txt" in done.stderr
    assert (tmp_path / "honest" / "thesis.txt").read_text() == "years of work"
