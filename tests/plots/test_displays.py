"""Displays in notebooks: well-formed, escaped, with the numbers of the record, readable on light and dark pages."""

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from support.all_kinds import OtherRun, series, table, text
from support.analysed import given_run
from support.records import FakeRun

from tb_xai_plugin import read_run
from tb_xai_plugin.plots.colors import LIGHT
from tb_xai_plugin.plots.html import png
from tb_xai_plugin.plots.image import painted
from tb_xai_plugin.plots.look import Look
from tb_xai_plugin.run import Run

VOID = {"img", "br"}


class Read(HTMLParser):
    """Reads HTML; every element must be closed in order, and nothing runs or is fetched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.sources: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        given = dict(attrs)
        assert not any(name.startswith("on") for name in given)
        if "src" in given:
            self.sources.append(str(given["src"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("runs")
    made = {}
    for name, seed in (("a", 0), ("b", 1)):
        kinds = {
            "image": FakeRun(folder / f"image-{name}", players=(9, 9, 9), side=12),
            "tabular": OtherRun(folder / f"table-{name}", players=(6,) * 4, make=table),
            "text": OtherRun(folder / f"text-{name}", players=(9,) * 4, make=text),
            "sequence": OtherRun(folder / f"series-{name}", players=(10,) * 4, make=series),
        }
        for kind, run in kinds.items():
            run.rng = np.random.default_rng(seed)
            made[f"{kind}-{name}"] = read_run(run.write(range(-1, 4)).log_dir)
    return made


@pytest.mark.parametrize("kind", ["image", "tabular", "text", "sequence"])
def test_a_run_shows_itself_its_metrics_regions_and_last_explanations(runs, kind: str) -> None:
    run = runs[f"{kind}-a"]
    shown = Read(run._repr_html_())
    assert repr(run) in shown.text
    assert "val_accuracy 0.5" in shown.text
    (region,) = run.record["probes"]["regions"]
    share = np.nanmean(run.share("shap", region).share[-1])
    assert f"{100 * share:.1f} ±" in shown.text
    assert "SHAP, epoch 3: attributions in log-odds" in shown.text
    assert "probe 2 “class" in shown.text
    assert all(source.startswith("data:image/png;base64,") for source in shown.sources)


def test_pictures_are_those_of_the_plots(runs) -> None:
    imageio = pytest.importorskip("skimage.io", reason="pip install scikit-image")
    run = runs["image-a"]
    probes, labels = run.probes, run.record["probes"]["labels"]
    values = np.array([run.values("shap")[-1, probe, labels[probe]] for probe in range(3)], dtype=float)
    for probe, source in enumerate(Read(run._repr_html_()).sources):
        drawn = imageio.imread(io.BytesIO(base64.b64decode(source.partition(",")[2])))
        own = painted(probes.images[probe], probes.segments[probe], values[probe], Look(), LIGHT, np.abs(values).max())
        assert np.abs(drawn - 255 * own).max() <= 0.5 + 1e-9


def test_a_png_is_read_back_as_it_was_written() -> None:
    imageio = pytest.importorskip("skimage.io", reason="pip install scikit-image")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    assert np.array_equal(imageio.imread(io.BytesIO(png(pixels))), pixels)


def test_bars_have_the_numbers_and_texts_their_tokens(runs) -> None:
    run = runs["tabular-a"]
    label = run.record["probes"]["labels"][1]
    values, errors = (array("shap")[-1, 1, label] for array in (run.values, run.errors))
    strongest = np.abs(values).argmax()
    shown = Read(run._repr_html_()).text
    written = f"{values[strongest]:+.3g} ± {errors[strongest]:.3g}".replace("-", "−")
    assert written in shown
    texts = Read(runs["text-a"]._repr_html_()).text
    assert all(word in texts for word in runs["text-a"].probes.inputs[0].split())


@pytest.mark.parametrize("kind", ["image", "tabular", "text", "sequence"])
def test_a_comparison_shows_its_verdict_shares_and_what_to_look_at_first(runs, kind: str) -> None:
    found = runs[f"{kind}-a"].compare(runs[f"{kind}-b"], "shap")
    shown = Read(found._repr_html_()).text
    assert " ".join(found.verdict().split()) in shown
    row = found.place()
    for name, pair in found.regions.items():
        assert f"{name} {100 * pair.now(row)[0]:.0f} % {100 * pair.now(row)[1]:.0f} %" in shown
    first = found.look_first()
    assert [int(number) for number in re.findall(r"probe (\d+) [\d.]+ [\d.]+", shown)] == first[:10]
    if first:
        assert f"probe {first[0]} {found.distance[row, first[0]]:.3g} {found.floor[row, first[0]]:.3g}" in shown


def test_runs_side_by_side_show_what_differs(runs, tmp_path: Path) -> None:
    other = read_run(FakeRun(tmp_path / "other", players=(9, 9), side=12, seed=3).write(range(3)).log_dir)
    found = runs["image-a"].compare(other, "shap")
    assert not found.comparable
    assert " ".join(found.verdict().split()) in Read(found._repr_html_()).text


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    written = FakeRun(tmp_path / "<b>run</b>", classes=2)
    written.probes.class_names = ["<script>alert(1)</script>", "“&”"]
    written.probes.names = ["<img src=x onerror=alert(1)>", "two", "three"]
    run = read_run(written.write(range(2), logs={"<i>loss</i>": 1.0}).log_dir)
    shown = Read(run._repr_html_())
    assert "<script>alert(1)</script>" in shown.text
    assert "<i>loss</i>" in shown.text


def test_every_convention_of_a_dark_page_has_its_colours(runs) -> None:
    style = runs["image-a"]._repr_html_().split("<style>")[1].split("</style>")[0]
    for page in ("prefers-color-scheme:dark", "[data-jp-theme-light=false]", ".vscode-dark", ".dark", "[data-theme=dark]"):
        assert page in style


def test_a_run_without_epochs_and_one_with_a_gap_are_shown(tmp_path: Path) -> None:
    FakeRun(tmp_path / "gap").write([0], silent=(0, 1, 2), reason="the model returned NaN")
    assert "no numbers" in Read(read_run(tmp_path / "gap")._repr_html_()).text
    once = read_run(FakeRun(tmp_path / "once").write_returned("once").log_dir)
    assert "returned model" in Read(once._repr_html_()).text
    empty = read_run(FakeRun(tmp_path / "empty").write([0], explained=False).log_dir)
    assert repr(empty) in Read(empty._repr_html_()).text


def test_where_the_last_epoch_has_no_numbers_the_last_one_that_has_is_shown(tmp_path: Path) -> None:
    run = given_run(tmp_path / "gap", [np.full((3, 8), 0.5 * (step + 1)) for step in range(3)], silent={2: range(3)})
    assert "no numbers" not in run._repr_html_()
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="pip install matplotlib")
    axes = run.plot_importance("shap")
    assert "epoch 1" in axes.get_title("left") + axes.get_title()
    pyplot.close("all")
