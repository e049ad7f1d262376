"""Files that leave a record: read back with pyarrow, pandas and numpy alone, they hold what was written."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.records import FakeRun

import tb_xai_plugin as xai
from tb_xai_plugin.records import table
from tb_xai_plugin.records.exports import _member
from tb_xai_plugin.reports import tables

EPOCHS = range(-1, 3)


@pytest.fixture
def written(tmp_path: Path) -> FakeRun:
    """Three probes with 5, 4 and 3 players, two explainers of which LIME has interactions; the classes of a step change."""
    return FakeRun(tmp_path / "a run", classes=40, changing_targets=True, interacting=("lime",)).write(EPOCHS)


def rows_of(written: FakeRun) -> list[tuple]:
    """(step, explainer, probe, class, player, value, error) of every value that was written, in the order of the files."""
    return [
        (
            step,
            name,
            probe,
            int(truth.targets[probe, target]),
            player,
            *(array[name][probe, target, player] for array in (truth.values, truth.errors)),
        )
        for name in written.explainers
        for step, truth in sorted(written.truth.items())
        for probe, players in enumerate(written.players)
        for target in range(truth.targets.shape[1])
        for player in range(players)
    ]


def check(columns: dict[str, list], written: FakeRun, *, exact: bool) -> None:
    expected = rows_of(written)
    labels = np.asarray(written.probes.labels)
    for place, name in enumerate(("step", "explainer", "probe", "target", "player")):
        assert columns[name] == [row[place] for row in expected]
    assert columns["name"] == [f"#{row[2]}" for row in expected]
    assert columns["label"] == [int(labels[row[2]]) for row in expected]
    assert columns["class"] == [f"class {row[3]}" for row in expected]
    assert columns["player_name"] == [f"superpixel {row[4]}" for row in expected]
    values, errors = (np.array([row[place] for row in expected], np.float32) for place in (5, 6))
    found = np.array(columns["value"], dtype=np.float32)
    np.testing.assert_array_equal(found, values) if exact else np.testing.assert_allclose(found, values, rtol=1e-6)
    # Errors are logged in 16 bits.
    np.testing.assert_allclose(np.array(columns["error"], dtype=np.float32), errors, rtol=2e-3, atol=1e-3 * np.abs(values).max())


def test_parquet_has_every_value_for_pyarrow_alone(written: FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow; install it with 'pip install pyarrow'")
    monkeypatch.setattr(table, "ROWS", 30)  # a piece is a step
    tables.write(xai.read_run(written.log_dir), tmp_path / "run.parquet")
    file = parquet.ParquetFile(tmp_path / "run.parquet")
    assert file.num_row_groups == len(EPOCHS) * len(written.explainers)
    check(file.read().to_pydict(), written, exact=True)
    about = json.loads(file.schema_arrow.metadata[b"tb_xai_plugin"])
    assert about["logs"]["step"] == list(EPOCHS)[1:]
    assert (about["explainers"], about["regions"], about["settings"]["seed"]) == (["lime", "shap"], ["left"], 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a run", "run.parquet"], "no part of a file is left"


def test_parquet_is_the_data_frame_for_pandas(written: FakeRun, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="needs pandas; install it with 'pip install pandas'")
    pytest.importorskip("pyarrow", reason="needs pyarrow; install it with 'pip install pyarrow'")
    run = xai.read_run(written.log_dir)
    run.to_parquet(tmp_path / "run.parquet")
    read, frame = pandas.read_parquet(tmp_path / "run.parquet"), run.to_dataframe()
    assert list(read.columns) == list(frame.columns)
    for name in frame:
        assert (
            read[name].astype(object).where(read[name].notna(), None).tolist()
            == frame[name].astype(object).where(frame[name].notna(), None).tolist()
        )


def test_csv_has_every_value_for_any_reader(written: FakeRun, tmp_path: Path) -> None:
    tables.write(xai.read_run(written.log_dir), tmp_path / "run.CSV")
    with (tmp_path / "run.CSV").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    number = {"step": int, "probe": int, "label": int, "target": int, "player": int, "value": float, "error": float}
    columns = {name: [number.get(name, str)(row[name]) for row in rows] for name in rows[0]}
    assert set(columns["player_value"]) == {""}, "superpixels have no values"
    check(columns, written, exact=False)


def test_npz_has_every_array_for_numpy_alone(written: FakeRun, tmp_path: Path) -> None:
    run = xai.read_run(written.log_dir)
    tables.write(run, tmp_path / "run.npz")
    # Another process that has NumPy and not this package.
    code = "import numpy, sys; a = numpy.load(sys.argv[1]); print(sum(a[name].nbytes for name in a), 'tb_xai_plugin' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code, tmp_path / "run.npz"], capture_output=True, text=True, check=True).stdout.split()
    with np.load(tmp_path / "run.npz", allow_pickle=False) as arrays:
        assert told == [str(sum(arrays[name].nbytes for name in arrays)), "False"]
        assert arrays["steps"].tolist() == list(EPOCHS)
        for name in written.explainers:
            np.testing.assert_array_equal(arrays[f"values/{name}"], written.stack("values", name).astype(np.float32))
            np.testing.assert_array_equal(arrays[f"errors/{name}"], run.all_errors(name))
            np.testing.assert_array_equal(arrays[f"base/{name}"], written.stack("base", name).astype(np.float32))
            np.testing.assert_array_equal(arrays[f"noise/{name}"], run.all_noise(name))
        np.testing.assert_array_equal(arrays["interactions/lime"], run.all_interactions("lime"))
        assert "interactions/shap" not in arrays
        np.testing.assert_array_equal(arrays["targets"], written.stack("targets"))
        np.testing.assert_array_equal(arrays["outputs"][:, :, 0], written.stack("full").astype(np.float32))
        np.testing.assert_array_equal(arrays["logs/loss"], [written.truth[step].logs["loss"] for step in EPOCHS if step >= 0])
        np.testing.assert_array_equal(arrays["region/left"], run.inside("left"))
        np.testing.assert_array_equal(arrays["static/segments"], written.probes.segments)
        assert arrays["player_names"][1].tolist() == [*(f"superpixel {player}" for player in range(4)), ""]
        assert json.loads(str(arrays["about"]))["units"] == run.units


@pytest.mark.parametrize("ending", ["npz", "csv", "parquet"])
def test_a_run_without_any_step_is_a_table_without_rows(tmp_path: Path, ending: str) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow; install it with 'pip install pyarrow'")
    run = xai.read_run(FakeRun(tmp_path / "begun").write([]).log_dir)
    tables.write(run, tmp_path / f"run.{ending}")
    if ending == "npz":
        with np.load(tmp_path / "run.npz") as arrays:
            assert arrays["values/shap"].shape == (0, 3, 2, 5)
    elif ending == "csv":
        assert (tmp_path / "run.csv").read_text(encoding="utf-8").startswith("step,explainer,probe,name,label")
    else:
        import pyarrow.parquet

        assert pyarrow.parquet.read_table(tmp_path / "run.parquet").num_rows == 0


def test_mistakes_are_one_sentence_and_leave_what_is_there(written: FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = xai.read_run(written.log_dir)
    with pytest.raises(
        ValueError, match=r"'.*run\.xlsx' has no ending of a table; choose a name that ends with \.parquet, \.npz, \.csv\.$"
    ):
        tables.write(run, tmp_path / "run.xlsx")
    with pytest.raises(FileNotFoundError, match=r"to_npz: there is no folder '.*nowhere'; make it, or choose another path\.$"):
        run.to_npz(tmp_path / "nowhere" / "run.npz")
    with pytest.raises(FileNotFoundError, match=r"to_csv: '.*a run' is a folder; give the name of a file\.$"):
        run.to_csv(written.log_dir)
    (tmp_path / "run.csv").write_text("before", encoding="utf-8")

    def failing(self: table.Table) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(table.Table, "pieces", failing)
    with pytest.raises(OSError, match="no space left"):
        run.to_csv(tmp_path / "run.csv")
    assert (tmp_path / "run.csv").read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a run", "run.csv"]


def test_parquet_without_pyarrow_says_what_to_install(written: FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"to_parquet needs pyarrow; install it with 'pip install pyarrow'"):
        xai.read_run(written.log_dir).to_parquet(tmp_path / "run.parquet")


def test_metrics_whose_names_differ_in_a_stroke_alone_are_two_arrays(tmp_path: Path) -> None:
    assert _member("a/b") != _member("a_b")
    assert len({_member(name) for name in ("a/b", "a%2Fb", "a_b", "a%b", "a%25b")}) == 5


def test_metrics_of_similar_names_are_arrays_of_their_own(tmp_path: Path) -> None:
    logs = {"a/b": 1.0, "a_b": 2.0, "a%2Fb": 3.0}
    xai.read_run(FakeRun(tmp_path / "run").write([0], logs=logs).log_dir).to_npz(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as arrays:
        found = {name: arrays[name].tolist() for name in arrays if name.startswith("logs/")}
    assert found == {"logs/a%2Fb": [1.0], "logs/a_b": [2.0], "logs/a%252Fb": [3.0]}


def test_two_arrays_of_one_name_are_refused_and_leave_no_file(written: FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = xai.read_run(written.log_dir)
    monkeypatch.setattr(type(run), "_small_arrays", lambda _: iter([("steps", np.arange(2))] * 2))
    with pytest.warns(UserWarning, match="Duplicate name"), pytest.raises(ValueError, match=r"^to_npz: two arrays are called 'steps'; "):
        run.to_npz(tmp_path / "run.npz")
    assert not list(tmp_path.glob("run.npz*"))
