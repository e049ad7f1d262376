"""The demo: both runs, comparable, in the words it prints and in the record."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tb_xai_plugin as xai

SCRIPT = Path(__file__).parent.parent / "demo_training.py"


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=300, check=False)


def test_the_demo_trains_two_comparable_runs_of_which_one_leans_on_the_patch_from_the_first_epoch(tmp_path: Path) -> None:
    done = demo("--no-serve", "--epochs", "2", "--logdir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "validation accuracy" in done.stdout
    assert f"tensorboard --logdir {tmp_path}" in done.stdout
    runs = xai.read_runs(tmp_path)
    assert list(runs) == ["honest", "shortcut"]
    assert runs["honest"].comparable == runs["shortcut"].comparable
    share = {name: np.median(run.region_share("shap", "patch"), axis=1) for name, run in runs.items()}
    assert (share["shortcut"] > 4 * share["honest"]).all()
    assert min(run.logs["val_accuracy"][-1] for run in runs.values()) > 0.9
    assert {path.name for path in (tmp_path / "honest").iterdir()} == {"train", "validation", "xai"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--epochs", "0"), "--epochs is 0; give at least 1"),
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


@pytest.mark.slow
@pytest.mark.parametrize(("data", "artefact", "times"), [("tabular", "record number", 3), ("text", "source", 10)])
def test_the_demos_of_tables_and_texts_show_which_model_reads_the_artefact(data: str, artefact: str, times: float, tmp_path: Path) -> None:
    done = demo("--no-serve", "--data", data, "--epochs", "5", "--logdir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    runs = xai.read_runs(tmp_path)
    assert runs["honest"].comparable == runs["shortcut"].comparable
    share = {name: np.median(run.region_share("shap", artefact), axis=1)[-1] for name, run in runs.items()}
    assert share["shortcut"] > times * share["honest"]
    assert runs["shortcut"].logs["val_accuracy"][-1] > 0.95
