"""Runs side by side: the table of `summary`, against what each run says itself; and `tb-xai show`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from support.analysed import given_run, noisy_series
from support.records import FakeRun

import tb_xai_plugin as xai
from tb_xai_plugin import cli
from tb_xai_plugin.reports.summary import rows_of

pytestmark = pytest.mark.viewing

UPPER = "0,0,8,4"


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    for seed in range(2):
        given_run(folder / f"steady-seed{seed}", noisy_series(np.full((4, 8), 0.1), 6, seed=seed), accuracy=[0.5] * 6)
    FakeRun(folder / "averages", labels=False).write(range(-1, 3)).write_returned("averages")
    FakeRun(folder / "restored").write(range(-1, 3)).write_returned("restored", 1, explained=False)
    FakeRun(folder / "once").write_returned("once")
    return folder


def test_a_row_says_what_the_run_says(logs: Path) -> None:
    rows = {row["run"]: row for row in rows_of(logs, regions=[UPPER])}
    runs = xai.read_runs(logs)
    assert list(rows) == list(runs)
    assert {name: row["step"] for name, row in rows.items()} == {
        "averages": 2**31 - 1,
        "once": 2**31 - 1,
        "restored": 1,
        "steady-seed0": 5,
        "steady-seed1": 5,
    }
    for name, run in runs.items():
        row, at = rows[name], run.all_steps.tolist().index(rows[name]["step"])
        assert row["regions"][UPPER]["share"] == pytest.approx(np.nanmean(run.share("shap", UPPER).share[at]))
        assert row["regions"]["left"]["onset"] == run.onset("shap", "left")
        assert row["noise"] == pytest.approx(np.nanmean(run.trust("shap").error[at]))
        assert row["epochs"] == len(run.steps)
    assert rows["restored"]["right"] == pytest.approx(xai.read_run(logs / "restored").right[1].mean())
    assert rows["restored"]["metrics"] == {"loss": 0.5, "val_accuracy": 0.5}, "those of the epoch whose weights the model has"
    assert rows["averages"]["metrics"] == {"loss": None, "val_accuracy": None}, "of weights of no epoch, no metric is known"
    assert rows["averages"]["right"] is None
    assert rows["once"]["events"]["learned"] is None
    assert rows["steady-seed0"]["recipe"] == rows["steady-seed1"]["recipe"] == "steady"
    assert rows["once"]["recipe"] is None


def test_a_row_is_of_the_last_epoch_that_has_numbers(tmp_path: Path) -> None:
    values = [np.full((3, 8), 0.5)] * 3
    (gap,) = rows_of(given_run(tmp_path / "gap", values, silent={2: range(3)}))
    assert gap["step"] == 1
    assert gap["regions"]["left"]["share"] == pytest.approx(0.5)
    assert gap["warned"] is not None
    (nothing,) = rows_of(given_run(tmp_path / "nothing", values, silent=dict.fromkeys(range(3), range(3))))
    assert nothing["step"] == 2
    assert nothing["warned"] is None, "of no number nothing is known, and that is not 0"


def test_the_table_has_a_row_a_run_and_a_column_a_number(logs: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="summary makes a DataFrame: pip install pandas")
    frame = xai.summary(logs)
    assert list(frame.index) == ["averages", "once", "restored", "steady-seed0", "steady-seed1"]
    assert frame.loc["steady-seed0", "share left"] == pytest.approx(0.5)
    assert pandas.isna(frame.loc["steady-seed0", "onset left"])
    runs = xai.read_runs(logs)
    pandas.testing.assert_frame_equal(xai.summary(runs), frame)
    pandas.testing.assert_frame_equal(xai.summary(list(runs.values())), frame)
    alone = xai.summary(runs["once"]).drop(columns="recipe")  # of one run, no repeats are known
    pandas.testing.assert_frame_equal(alone, frame.loc[["once"], list(alone.columns)], check_dtype=False)
    with pytest.raises(TypeError, match="summary got a str among runs"):
        xai.summary(["logs"])
    with pytest.raises(ValueError, match="two runs are called 'once'"):
        xai.summary([runs["once"], runs["once"]])
    with pytest.raises(ValueError, match="no explainer 'magic'"):
        xai.summary(runs, "magic")


def test_a_summary_without_pandas_is_a_sentence(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="summary needs pandas; install it with 'pip install pandas'"):
        xai.summary(logs)
    assert len(rows_of(logs)) == 5


def test_the_command_line_prints_a_row_a_run(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summary", str(logs), "--region", UPPER]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^run +epoch +metric +right +left +leans since +0,0,8,4 +leans since +steady since ", text, re.MULTILINE)
    assert re.search(r"^once +returned +- +\d+ % +\d+.* - ", text, re.MULTILINE)
    assert re.search(r"^steady-seed0 +5 +val_accuracy 0.5 +100 % +50.0 ± \d.\d % +never ", text, re.MULTILINE)
    assert text.endswith("Taken as repeats\n  steady: steady-seed0, steady-seed1\n")
    assert cli.main(["summary", str(logs / "nowhere")]) == 2
    assert "there is no directory" in capsys.readouterr().err


def test_show_says_what_is_recorded_of_each_probe_set(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", str(logs)]) == 0
    shown = capsys.readouterr().out.split("\n\n")
    assert [part.splitlines()[0] for part in shown] == ["averages", "once", "restored", "steady-seed0", "steady-seed1"]
    assert "  epochs       3 explained of 3 logged, 0 to 2, and the untrained model" in shown[2]
    assert "  returned     epoch 1, restored" in shown[2]
    assert "  epochs       none: explained once, without training" in shown[1]
    assert "  probes       3 images, 3 to 5 players each" in shown[1]
    FakeRun(tmp_path / "run", probe_set="day").write([0])
    FakeRun(tmp_path / "run", probe_set="night", players=(4, 4)).write([0])
    assert cli.main(["show", str(tmp_path / "run"), "--json"]) == 0
    sets = json.loads(capsys.readouterr().out)["runs"]
    assert [(one["run"], one["probe set"], one["probes"]["count"]) for one in sets] == [("run", "day", 3), ("run", "night", 2)]
