"""Sets of labels and true values in the tab, in a real browser: what is right and wrong is what the model's own outputs say."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from playwright.sync_api import expect
from support.browsing import MINUS, READY, Open
from support.records import TensorBoard, serving
from support.server import Server

import tb_xai_plugin as xai

EPOCHS, COUNT, NAMES = 4, 8, ["red", "round", "small", "old"]
RNG = np.random.default_rng(4)
X = RNG.normal(size=(160, 4)).astype(np.float32)
SETS = (X + 0.7 * RNG.normal(size=X.shape) > 0.4).astype(int)
OUTPUTS = (X @ RNG.normal(size=(4, 3)) * 10).round()
PRICES = (250000 + 40000 * X[:, 0]).round()


def train(folder: Path, outputs: int, activation: str | None, y: np.ndarray, labels: np.ndarray, seed: int = 0, **options: object) -> None:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(outputs, activation=activation)])
    model.compile(keras.optimizers.Adam(0.08), "binary_crossentropy" if activation else "mse")
    probes = xai.TabularProbes(X[:COUNT], labels[:COUNT], background=X[:60], **options)
    model.fit(X, y, epochs=EPOCHS, verbose=0, callbacks=[xai.ExplanationLogger(folder, probes, "shap", on_error="raise")])


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    for run, seed in (("a", 0), ("b", 7)):
        train(folder / "sets" / run, 4, "sigmoid", SETS, SETS, seed, class_names=NAMES)
    train(folder / "outputs", 3, None, OUTPUTS, OUTPUTS)
    train(folder / "prices", 1, None, (PRICES - 250000) / 40000, PRICES, unit="€/m²")
    for letter, unit in (("a", "€/m²"), ("b", "$/sqft")):
        train(folder / "units" / letter, 2, None, OUTPUTS[:, :2], OUTPUTS[:, :2], unit=unit)
    return folder


@pytest.fixture(scope="module")
def server(logdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        for run in ("sets/a", "sets/b", "outputs", "prices", "units/a", "units/b"):
            process.wait_for_epochs(f"{run}/xai", EPOCHS)
        yield process


def right(run: xai.Run, step: int = -1) -> np.ndarray:
    """The oracle: bool (probes, labels), from the outputs alone."""
    return (run.outputs[step] >= 0.5) == SETS[:COUNT]


def test_each_label_has_its_truth_and_whether_it_is_right_in_both_runs(server: TensorBoard, logdir: Path, open_tab: Open) -> None:
    runs = [xai.read_run(logdir / "sets" / letter) for letter in "ab"]
    assert all(0 < right(run).sum() < right(run).size for run in runs)
    page, tab = open_tab(server, "a=sets/a/xai&b=sets/b/xai&sort=order&probe=0")
    tab.locator(READY).wait_for()
    tab.locator(".probe-title").click()
    for probe in range(COUNT):
        expect(tab.locator(".probe-title h2")).to_contain_text(f"Probe {probe} ")
        tab.locator(READY).wait_for()
        rows = tab.locator(".class-row")
        expect(rows).to_have_count(len(NAMES))
        for row in rows.all():
            number = NAMES.index(row.locator(".named").inner_text())
            assert row.locator(".tag").count() == SETS[probe, number]
            marks = [mark.inner_text() for mark in row.locator(".label-verdict").all()]
            assert marks == ["✓" if right(run)[probe, number] else "✗" for run in runs]
        heads = tab.locator(".class-head > span").all_inner_texts()[1:]
        assert heads == [f"{letter} {right(run)[probe].sum()} of 4 right" for letter, run in zip("AB", runs, strict=True)]
        names = [NAMES[number] for number in np.flatnonzero(SETS[probe])]
        title = f"Probe {probe} “{', '.join(names[:3])}”" if names else f"Probe {probe} no label"
        expect(tab.locator(".probe-title h2")).to_contain_text(title)
        page.keyboard.press("ArrowDown")


def test_cards_count_right_labels_and_the_filter_and_the_order_follow(server: TensorBoard, logdir: Path, open_tab: Open) -> None:
    run = xai.read_run(logdir / "sets" / "a")
    count = right(run).sum(axis=1)
    _, tab = open_tab(server, "a=sets/a/xai&b=&sort=uncertain&step=3")
    tab.locator(READY).wait_for()
    truth = np.where(SETS[:COUNT], run.outputs[-1], 1 - run.outputs[-1]).mean(axis=1)
    order = sorted(range(COUNT), key=lambda probe: (count[probe], truth[probe]))
    expected = [f"{count[probe]}/4 {'✓' if count[probe] == 4 else '✗'}" for probe in order]
    words = [re.sub(r"\s+", " ", text).strip() for text in tab.locator(".card .half-words").all_inner_texts()]
    assert words == expected
    tab.get_by_label("wrong only").check()
    expect(tab.locator(".probes-room .count, .bar .count").first).to_have_text(f"{(count < 4).sum()} of {COUNT}")
    tab.get_by_label("wrong only").uncheck()
    tab.get_by_label("Show probes of").select_option("2")
    expect(tab.locator(".bar .count").first).to_have_text(f"{SETS[:COUNT, 2].sum()} of {COUNT}")


def test_runs_disagree_where_they_predict_other_sets(server: TensorBoard, logdir: Path, open_tab: Open) -> None:
    a, b = (xai.read_run(logdir / "sets" / letter).outputs[-1] >= 0.5 for letter in "ab")
    different = (a != b).any(axis=1).sum()
    assert 0 < different < COUNT
    _, tab = open_tab(server, "a=sets/a/xai&b=sets/b/xai")
    tab.locator(READY).wait_for()
    tab.get_by_label("A and B disagree").check()
    expect(tab.locator(".bar .count").first).to_have_text(f"{different} of {COUNT}")


def test_the_csv_has_the_labels_and_how_many_are_right(server: TensorBoard, logdir: Path, open_tab: Open) -> None:
    run = xai.read_run(logdir / "sets" / "a")
    page, tab = open_tab(server, "a=sets/a/xai&b=&probe=1")
    tab.locator(READY).wait_for()
    tab.get_by_role("button", name="export").click()
    with page.expect_download() as download:
        tab.get_by_text("Numbers as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    assert {row["label"] for row in rows} == {"; ".join(NAMES[number] for number in np.flatnonzero(SETS[1]))}
    title = next(name for name in rows[0] if name.endswith(" right labels"))
    assert {row[title] for row in rows} == {str(right(run)[1].sum())}


def test_an_output_stands_beside_its_true_value_and_error_and_a_click_explains_it(
    server: TensorBoard, logdir: Path, open_tab: Open
) -> None:
    run = xai.read_run(logdir / "outputs")
    _, tab = open_tab(server, "a=outputs/xai&b=&probe=2")
    tab.locator(READY).wait_for()
    rows = tab.locator(".class-row")
    expect(rows).to_have_count(3)
    for number, row in enumerate(rows.all()):
        true, output = OUTPUTS[2, number], run.outputs[-1, 2, number]
        texts = row.locator(".output-cell").all_inner_texts()
        assert float(texts[0].replace(MINUS, "-")) == true
        found, error = (float(part.replace(MINUS, "-")) for part in re.split(r"\s+", texts[1].strip()))
        assert found == pytest.approx(output, rel=0.01, abs=0.01)
        assert error == pytest.approx(output - true, rel=0.01, abs=0.01)
    rows.nth(2).click()
    expect(rows.nth(2)).to_have_attribute("aria-pressed", "true")
    expect(tab.locator(".reading-line").first).to_contain_text("output 2")
    expect(tab.locator(".bars-head .prediction").first).to_contain_text("output 2")
    strongest = np.abs(run.values("shap")[-1, 2, 2]).max()
    expect(tab.locator(".reading-value").first).to_contain_text(f"{strongest:.2f}"[:3])


def test_a_large_output_is_written_so_that_it_can_be_held_against_the_truth(server: TensorBoard, logdir: Path, open_tab: Open) -> None:
    run = xai.read_run(logdir / "prices")
    _, tab = open_tab(server, "a=prices/xai&b=&probe=0&sort=uncertain")
    tab.locator(READY).wait_for()
    output = run.outputs[-1, :, 0]
    expect(tab.locator(".outputs").first).to_contain_text(f"{PRICES[0]:.0f}")
    expect(tab.locator(".outputs").first).to_contain_text(f"{output[0] - PRICES[0]:.0f}".replace("-", MINUS))
    first = int(np.abs(output - PRICES[:COUNT]).argmax())
    expect(tab.locator(".card-name").first).to_contain_text(f"#{first}")
    assert tab.get_by_label("wrong only").count() == 0


def test_the_unit_of_a_regression_stands_beside_its_numbers_and_the_page_says_which_is_which(
    server: TensorBoard, logdir: Path, open_tab: Open
) -> None:
    run = xai.read_run(logdir / "prices")
    _, tab = open_tab(server, "a=prices/xai&b=&probe=0")
    tab.locator(READY).wait_for()
    output, true = float(run.outputs[-1, 0, 0]), float(PRICES[0])
    shown = f"{output:.2f}".replace("-", MINUS)
    error = f"{'+' if output > true else ''}{output - true:.0f}".replace("-", MINUS)
    words = " ".join(tab.locator(".outputs").first.inner_text().split())
    assert words.startswith(f"now output {shown} €/m² true {true:.0f} error {error} pinned output ")
    expect(tab.locator(".probe-title")).to_contain_text(f"true value {true:.0f} €/m²")
    expect(tab.locator(".legend-words")).to_contain_text("€/m²")
    expect(tab.locator(".reading-value").first).to_have_attribute("title", re.compile("in €/m²"))
    expect(tab.locator(".bars-unit").first).to_have_text("€/m²")
    # One output needs no name where there is room for a word.
    expect(tab.locator(".reading-line p").first).to_have_text(re.compile("^now (raises|lowers)$"))
    expect(tab.get_by_text(f"output and its error (output {MINUS} true value), in €/m²")).to_be_visible()
    title = tab.locator(".card [title^='output ']").first.get_attribute("title")
    assert title is not None
    assert re.fullmatch(r"output \S+ €/m², true \S+ €/m², error \S+ €/m²", title)
    assert xai.read_run(logdir / "prices").probes.unit == "€/m²"


def test_two_runs_in_different_units_each_have_their_own_unit(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=units/a/xai&b=units/b/xai&probe=0")
    tab.locator(READY).wait_for()
    both = "A €/m², B $/sqft"
    expect(tab.locator(".legend-words")).to_contain_text(both)
    expect(tab.locator(".class-head")).to_contain_text(f"2 outputs, in {both}")
    expect(tab.locator(".bars-unit").first).to_have_text(both)
    expect(tab.locator(".bar .note").first).to_have_text(f"error: output − true value, in {both}")
    expect(tab.locator(".field", has_text="Unit").locator(".value")).to_have_text(both)


def test_the_routes_say_what_is_true_and_how_many_labels_are_right(logdir: Path) -> None:
    routes = Server(logdir)
    about = routes.json("run", run="sets/a/xai")["probes"]
    assert about["labels"] is None
    assert about["label_sets"] == [np.flatnonzero(row).tolist() for row in SETS[:COUNT]]
    assert routes.json("run", run="outputs/xai")["probes"]["truth"] == OUTPUTS[:COUNT].tolist()
    run = xai.read_run(logdir / "sets" / "a")
    answers = routes.arrays("answers", run="sets/a/xai")
    assert np.array_equal(answers["right_labels"][-1], right(run).sum(axis=1))
    assert "right_labels" not in routes.arrays("answers", run="prices/xai")
    assert np.array_equal(run.right_labels[-1], right(run).sum(axis=1))
    assert np.array_equal(run.right[-1], right(run).all(axis=1))
