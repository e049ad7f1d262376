"""A report as Markdown says what the reader says; pictures and tables have what the record has."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from support.records import FakeRun

from tb_xai_plugin import read_run
from tb_xai_plugin.cli.main import main
from tb_xai_plugin.judgement import words
from tb_xai_plugin.reports import pictures
from tb_xai_plugin.reports.words import plain


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FakeRun]:
    folder = tmp_path_factory.mktemp("logs")
    made = {name: FakeRun(folder / name, classes=3) for name in ("one|two", "b")}
    for seed, run in enumerate(made.values()):
        run.rng = np.random.default_rng(seed)
        run.write(range(-1, 3))
    return made


@pytest.fixture(scope="module")
def report(runs: dict[str, FakeRun], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "a report.md"
    assert main(["export", *(str(run.log_dir) for run in runs.values()), "--to", str(path)]) == 0
    return path


def cells(text: str, heading: str) -> list[dict[str, str]]:
    """The rows of the table below a heading, as a reader of Markdown splits them."""
    section = text.split(f"## {heading}\n")[1].split("\n#")[0]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in section.splitlines() if line.startswith("|")]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def test_the_verdict_shares_onsets_and_events_are_the_readers(runs: dict[str, FakeRun], report: Path):
    text, read = report.read_text(encoding="utf-8"), {name: read_run(run.log_dir) for name, run in runs.items()}
    a, b = read.values()
    assert f"**{plain(a.compare(b, 'shap').verdict())}**" in text
    shares = cells(text, "Shares of regions")
    for row in shares:
        run = read[row["run"].replace("\\", "")]
        mean = np.nanmean(run.region_share("shap", row["region"])[-1])
        assert row["share at last"].startswith(re.match(r"\d+", words.percent(mean))[0])
        assert "± " in row["share at last"]
        onset = run.onset("shap", row["region"])
        assert row["leans on it since"] == ("never" if onset is None else words.step_words(onset))
    assert [row["run"] for row in shares[:2]] == [r"one\|two", "b"]
    for row in cells(text, "Runs"):
        events = read[row["run"].replace("\\", "")].events("shap")
        assert [int(row[kind]) for kind in ("learned", "onset")] == [
            sum(event.kind == kind for event in events) for kind in ("learned", "onset")
        ]


def test_pictures_lie_beside_the_report_and_are_named_in_it(report: Path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: `pip install matplotlib`, to draw pictures of reports.")
    named = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", report.read_text(encoding="utf-8"))
    assert {name.replace("%20", " ") for name in named} == {
        f"a report_files/{path.name}" for path in (report.parent / "a report_files").iterdir()
    }
    assert all((report.parent / name.replace("%20", " ")).read_bytes().startswith(b"\x89PNG") for name in named)


def test_an_animation_has_a_frame_a_step_and_the_strip_a_picture_of_each_run(runs: dict[str, FakeRun], tmp_path: Path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: `pip install matplotlib`, to draw pictures of reports.")
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: `pip install pillow`, to write GIFs.")
    folders = [str(run.log_dir) for run in runs.values()]
    assert main(["export", *folders, "--to", str(tmp_path / "x.gif"), "--probe", "1"]) == 0
    with image.open(tmp_path / "x.gif") as animation:
        assert animation.n_frames == 4
    sizes = {}
    for count in (1, 2):
        assert main(["export", *folders[:count], "--to", str(tmp_path / "x.png")]) == 0
        with image.open(tmp_path / "x.png") as picture:
            sizes[count] = picture.size
    assert sizes[2] == pytest.approx((sizes[1][0], 2 * sizes[1][1]), abs=1)


def test_a_strip_of_one_picture_is_as_wide_as_its_label(tmp_path: Path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: `pip install matplotlib`, to draw pictures of reports.")
    run = read_run(FakeRun(tmp_path / "once").write_returned("once").log_dir)
    figure = pictures.strip([run], "shap", 0, "label")
    figure.savefig(tmp_path / "x.png")
    (bar,) = [ax for ax in figure.findobj(lambda one: getattr(one, "get_label", str)() == "<colorbar>") if hasattr(ax, "xaxis")]
    box = bar.xaxis.label.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_a_table_has_the_numbers_of_the_record(runs: dict[str, FakeRun], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["export", str(runs["b"].log_dir), "--to", str(tmp_path / "x.csv"), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["schema"] == "tb-xai/export/1"
    assert written["bytes"] == (tmp_path / "x.csv").stat().st_size
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            row for row in csv.DictReader(file) if (row["explainer"], row["step"], row["probe"], row["target"]) == ("lime", "2", "1", "2")
        ]
    assert [float(row["value"]) for row in rows] == pytest.approx(runs["b"].truth[2].values["lime"][1, 2, :4].tolist())


def test_one_run_has_a_report_without_a_verdict(runs: dict[str, FakeRun], tmp_path: Path):
    assert main(["export", str(runs["b"].log_dir), "--to", str(tmp_path / "b.md"), "--class", "1"]) == 0
    text = (tmp_path / "b.md").read_text(encoding="utf-8")
    assert text.startswith("# What b looks at\n")
    assert "**" not in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--to", "x.md", "--explainer", "occlusion"], "no explainer 'occlusion' in b; it has ['lime', 'shap']"),
        (["--to", "x.md", "--set", "other"], "probe set"),
        (["--to", "x.png", "--probe", "3"], "there is no probe 3 in b; give a number from 0 to 2."),
        (["{a}", "--to", "x.csv"], "a .csv file has one run, and 2 are given"),
    ],
)
def test_a_mistake_is_one_sentence(
    options: list[str],
    sentence: str,
    runs: dict[str, FakeRun],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    options = [option.format(a=runs["one|two"].log_dir) for option in options]
    assert main(["export", str(runs["b"].log_dir), *options]) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
