"""Where a record lies: a log_dir that others set, a directory that changes, a remote file system."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fits import PROBES, At, Notebook, network, outputs_of, steps_kept

import tb_xai_plugin as xai


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    """Its working directory is a folder of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Notebook(tmp_path)


def has_every_epoch(notebook: Notebook, name: str) -> None:
    """The only record below the notebook's folder is this one; it has all epochs of all fits, one after another."""
    weights = [each for fit in notebook.fits for each in fit.weights]
    assert steps_kept(notebook.folder) == {name: list(range(len(weights)))}
    run = xai.read_run(notebook.folder / name)
    np.testing.assert_allclose(run.outputs, [outputs_of(each) for each in weights], atol=1e-6)
    assert run.missing == 0


# ---- set by others


SET: dict[str, Callable[[Path], Any]] = {
    "str": lambda folder: str(folder / "there"),
    "Path": lambda folder: folder / "there",
    "relative": lambda folder: "../there",
    "relative Path": lambda folder: Path("..", "there"),
    "with a slash": lambda folder: f"{folder}/there/",
    "otherwise written": lambda folder: f"{folder}/here/../there",
}


@pytest.mark.parametrize("form", SET)
def test_a_log_dir_that_others_set_before_a_fit_is_that_of_the_record(form: str, notebook: Notebook) -> None:
    """As tuners set that of TensorBoard."""
    logger, model = notebook.logger(), network()
    logger.log_dir = SET[form](notebook.folder)
    with notebook.listening():
        notebook.fit(model, logger)
        notebook.fit(model, logger, epochs=4, initial_epoch=2)
    has_every_epoch(notebook, "there")
    assert notebook.said == []


def test_a_log_dir_that_is_set_between_two_fits_begins_a_record_and_leaves_the_first(notebook: Notebook) -> None:
    logger, model = notebook.logger(), network()
    with notebook.listening():
        notebook.fit(model, logger)
        logger.log_dir = notebook.folder / "there"
        notebook.fit(model, logger)
        logger.log_dir = notebook.logs
        notebook.fit(model, logger)
    assert steps_kept(notebook.folder) == {"logs": [0, 1, 2, 3], "there": [0, 1]}
    for name, fits in (("logs", (0, 2)), ("there", (1,))):
        weights = [each for fit in fits for each in notebook.fits[fit].weights]
        np.testing.assert_allclose(xai.read_run(notebook.folder / name).outputs, [outputs_of(each) for each in weights], atol=1e-6)


def test_a_log_dir_that_is_set_in_mid_fit_is_that_of_the_next_fit(notebook: Notebook) -> None:
    logger, model = notebook.logger(), network()
    there = notebook.folder / "there"
    notebook.fit(model, logger, At(1, lambda: setattr(logger, "log_dir", there)), epochs=3)
    assert steps_kept(notebook.folder) == {"logs": [0, 1, 2]}
    notebook.fit(model, logger)
    assert steps_kept(notebook.folder) == {"logs": [0, 1, 2], "there": [0, 1]}


def test_two_loggers_that_are_given_one_folder_later_are_refused(notebook: Notebook) -> None:
    one, other = notebook.logger(), notebook.logger(log_dir=notebook.folder / "there")
    other.log_dir = "../logs"
    with pytest.raises(ValueError, match="two of them have log_dir"):
        notebook.fit(network(), one, other)


# ---- a directory that changes


def test_the_directory_may_change_between_fits_and_in_mid_fit(notebook: Notebook) -> None:
    """A relative log_dir is below the directory at construction, wherever the process is later."""
    elsewhere = notebook.folder / "elsewhere"
    elsewhere.mkdir()
    logger, model = notebook.logger(log_dir=Path("runs")), network()
    with notebook.listening():
        os.chdir(elsewhere)
        notebook.fit(model, logger, At(1, lambda: os.chdir(notebook.folder)), epochs=3)
        os.chdir(elsewhere)
        notebook.fit(model, logger, epochs=5, initial_epoch=3)
    has_every_epoch(notebook, "here/runs")
    assert notebook.said == []


def test_a_relative_log_dir_that_others_set_stays_where_its_first_fit_found_it(notebook: Notebook) -> None:
    elsewhere = notebook.folder / "elsewhere"
    elsewhere.mkdir()
    logger, model = notebook.logger(), network()
    logger.log_dir = "runs"
    with notebook.listening():
        notebook.fit(model, logger)
        os.chdir(elsewhere)
        notebook.fit(model, logger, epochs=4, initial_epoch=2)
    has_every_epoch(notebook, "here/runs")
    assert notebook.said == []


# ---- a remote file system


def remote(notebook: Notebook) -> str:
    """A log_dir that `os` knows nothing of, and TensorFlow's file system does."""
    return f"file://{notebook.folder}/remote"


def test_one_logger_goes_on_in_a_remote_log_dir(notebook: Notebook) -> None:
    logger, model = notebook.logger(log_dir=remote(notebook)), network()
    with notebook.listening():
        notebook.fit(model, logger)
        notebook.fit(model, logger, epochs=4, initial_epoch=2)
        notebook.fit(model, logger, epochs=1)
    has_every_epoch(notebook, "remote")
    run = xai.read_run(notebook.folder / "remote")
    assert run.untrained("shap") is not None
    assert run.returned_how == "last"
    assert os.listdir(notebook.folder / "here") == [], "nothing is written below a folder that is called file:"


def test_an_epoch_that_a_remote_record_has_is_replaced_with_a_sentence(notebook: Notebook) -> None:
    logger, model = notebook.logger(log_dir=remote(notebook)), network()
    with notebook.listening():
        notebook.fit(model, logger, epochs=3)
        notebook.fit(model, logger, epochs=3, initial_epoch=1)
    assert steps_kept(notebook.folder) == {"remote": [0, 1, 2]}
    weights = [notebook.fits[0].weights[0], *notebook.fits[1].weights]
    np.testing.assert_allclose(xai.read_run(notebook.folder / "remote").outputs, [outputs_of(each) for each in weights], atol=1e-6)
    assert [sentence for sentence in notebook.said if "already has epochs up to 2; from epoch 1 on" in sentence]


def test_another_model_in_a_remote_log_dir_replaces_the_record_with_a_sentence(notebook: Notebook) -> None:
    logger = notebook.logger(log_dir=remote(notebook))
    with notebook.listening():
        notebook.fit(network(), logger, epochs=3)
        notebook.fit(network(), logger, epochs=2)
    assert steps_kept(notebook.folder) == {"remote": [0, 1]}
    assert [sentence for sentence in notebook.said if "which replaces it" in sentence]


def test_another_logger_says_that_it_does_not_look_at_a_remote_record(notebook: Notebook) -> None:
    """What is there is replaced: not in silence."""
    with notebook.listening():
        notebook.fit(network(), notebook.logger(log_dir=remote(notebook)), epochs=3)
        assert [sentence for sentence in notebook.said if "replaces" in sentence] == []
        notebook.fit(network(), notebook.logger(log_dir=remote(notebook)), epochs=2)
    assert steps_kept(notebook.folder) == {"remote": [0, 1]}
    assert [sentence for sentence in notebook.said if "remote file system" in sentence]


def test_explain_writes_to_a_remote_log_dir(notebook: Notebook) -> None:
    model = network()
    explanations = xai.explain(model, PROBES, "shap", log_dir=remote(notebook))
    np.testing.assert_array_equal(xai.read_run(notebook.folder / "remote").returned("shap"), explanations["shap"].values)
