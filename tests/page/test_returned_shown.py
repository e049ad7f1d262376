"""The returned model in a real browser: what a user reads of it is what the record holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import FrameLocator, expect
from support.browsing import READY, Open, reading, text_of
from support.records import FakeRun, TensorBoard, serving

import tb_xai_plugin as xai
from tb_xai_plugin.records.wire import RETURNED

EPOCHS = 120
PLAYER = 2
TO = "\u2013"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FakeRun]:
    """One run for each way in which a training ends, and one that has not."""
    logdir = tmp_path_factory.mktemp("logs")
    made = {name: FakeRun(logdir / name, seed=0) for name in ("averaged", "forest", "running", "restored", "failed")}
    made["averaged"].write(range(-1, EPOCHS)).write_returned("averages")
    made["forest"].write_returned("once")
    made["running"].write(range(4))
    made["restored"].write(range(4)).write_returned("restored", 1, explained=False)
    made["failed"].write(range(2)).write_returned("changed", silent=[0, 1, 2], reason="the model returned NaN")
    return made


@pytest.fixture(scope="module")
def server(runs: dict[str, FakeRun], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    logdir = Path(runs["averaged"].log_dir).parent
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        yield process


def value_words(run: FakeRun, step: int) -> str:
    """The number of one player of probe 0 at a step, as the page writes it."""
    truth, label = run.truth[step], run.probes.labels[0]
    return text_of(float(truth.values["shap"][0, label, PLAYER]), float(truth.errors["shap"][0, label, PLAYER]))


def ready(tab: FrameLocator) -> FrameLocator:
    expect(tab.locator(READY)).to_be_visible(timeout=30_000)
    return tab


def test_the_page_opens_at_the_returned_model_with_its_numbers_and_the_arrows_leave_it(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    _, tab = open_tab(server, f"a=averaged/xai&b=&probe=0&player={PLAYER}&view=map")
    ready(tab)
    expect(tab.locator(".cursor-epoch")).to_have_text("returned model: moving averages")
    expect(tab.locator(".cursor-epoch")).to_have_attribute(
        "title", "the returned model: moving averages of the optimizer, the weights of no epoch"
    )
    expect(tab.locator(".frame").last).to_contain_text("returned")
    expect(reading(tab, "now")).to_contain_text(value_words(runs["averaged"], RETURNED))
    expect(tab.locator(".completeness")).to_have_text(f"{EPOCHS} of {EPOCHS} epochs")
    expect(tab.locator(".live")).not_to_contain_text("live")
    tab.locator("body").press("ArrowLeft")
    expect(tab.locator(".cursor-epoch")).to_have_text(f"epoch {EPOCHS - 1} of 0{TO}{EPOCHS - 1}")
    expect(reading(tab, "now")).to_contain_text(value_words(runs["averaged"], EPOCHS - 1))
    tab.locator(".returned-words").click()
    expect(tab.locator(".cursor-epoch")).to_contain_text("returned model")


def test_a_link_names_it_and_links_with_epochs_open_as_before(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=averaged/xai&b=&epoch=returned")
    expect(ready(tab).locator(".cursor-epoch")).to_contain_text("returned model")
    page, tab = open_tab(server, "a=averaged/xai&b=&epoch=100&pin=returned")
    expect(ready(tab).locator(".cursor-epoch")).to_contain_text("epoch 100")
    expect(tab.locator(".pictures-room figure", has_text="pinned").first).to_contain_text("returned model")
    tab.locator("body").press("ArrowRight")
    page.wait_for_function("location.hash.includes('p.xai.epoch=101') && location.hash.includes('p.xai.pin=returned')")


def test_its_step_is_nowhere_a_number(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=averaged/xai&b=running/xai&epoch=returned")
    ready(tab)
    expect(tab.locator("body")).not_to_contain_text(re.compile("21474"))
    words = tab.locator(".training-room .plot").first.get_attribute("aria-label") or ""
    assert "At returned model" in words
    assert "21474" not in words


def test_a_restored_epoch_is_a_mark_and_words_and_no_frame(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=restored/xai&b=")
    ready(tab)
    expect(tab.locator(".frame")).to_have_count(4)
    expect(tab.locator(".returned-words")).to_have_text("returned: epoch 1")
    mark = tab.locator(".returned-mark")
    expect(mark).to_have_attribute("aria-label", "the returned model: epoch 1, restored")
    assert mark.get_attribute("style") == "left: 33.3333%;"
    tab.locator(".returned-words").click()
    expect(tab.locator(".cursor-epoch")).to_have_text(f"epoch 1 of 0{TO}3")


def test_the_pointer_at_its_dot_reads_its_number_and_not_the_last_epochs(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    page, tab = open_tab(server, "a=averaged/xai&b=&probe=0")
    ready(tab)
    run = xai.read_run(Path(runs["averaged"].log_dir))
    chart = tab.get_by_role("img", name=re.compile("^drift since the previous epoch over epochs"))
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    expected = np.nanmedian(run.all_drift("shap", "previous", "tv", "label").distance[-1])

    def read() -> str | None:
        for y in range(1, int(box["height"]), 4):
            page.mouse.move(box["x"] + box["width"] - 1, box["y"] + y)
            if tab.locator(".chart-tag:visible").count():
                return tab.locator(".chart-tag:visible").inner_text()
        return None

    assert read() == f"averaged: {expected:.3g}"


def test_why_the_returned_model_could_not_be_explained_is_said_and_is_no_epochs_gap(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=failed/xai&b=&probe=0&view=map")
    ready(tab)
    expect(tab.locator(".cursor-epoch")).to_contain_text("returned model")
    expect(tab.locator(".pictures-room figure").first).to_contain_text("returned model: the model returned NaN")
    expect(tab.locator(".completeness")).to_have_text("2 of 2 epochs, returned model with a gap")
    expect(tab.locator(".completeness")).to_have_attribute(
        "title", re.compile("no explanation of the returned model: the model returned NaN")
    )
    expect(tab.locator(".gap-mark")).to_have_attribute("title", "A has no explanation of the returned model: the model returned NaN")


def test_a_run_that_has_not_finished_says_nothing(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=running/xai&b=")
    ready(tab)
    expect(tab.locator(".cursor-epoch")).to_have_text(f"epoch 3 of 0{TO}3")
    expect(tab.locator(".returned-words, .returned-mark")).to_have_count(0)


def test_where_all_runs_are_gone_nothing_of_them_stays(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=running/xai&b=")
    ready(tab)
    expect(tab.locator(".explanation-room")).to_be_visible()
    page.route(re.compile("/xai/runs"), lambda route: route.fulfill(json={"schema": 1, "runs": []}))
    expect(tab.locator("h1")).to_have_text("No explanations in this log directory", timeout=20_000)
    for room in ("explanation", "look", "regions"):
        expect(tab.locator(f".{room}-room")).to_be_hidden()


@pytest.mark.parametrize("width", [1024, 1440])
def test_a_model_explained_once_is_whole_alone(width: int, server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    page, tab = open_tab(server, f"a=forest/xai&b=&probe=0&player={PLAYER}")
    page.set_viewport_size({"width": width, "height": 800})
    ready(tab)
    expect(tab.locator(".training-room")).to_have_text(
        "This model was explained once, without training: there are no epochs, and no curves over them."
    )
    expect(tab.locator(".cursor-room")).to_be_hidden()
    expect(tab.locator(".frame")).to_have_count(1)
    expect(tab.locator(".frame")).to_contain_text("the model")
    expect(tab.get_by_label("Sort probes by").locator("option")).to_have_text(["as logged", "least certain"])
    expect(reading(tab, "A")).to_contain_text(value_words(runs["forest"], RETURNED))
    expect(tab.locator("body")).not_to_contain_text("epoch yet")


@pytest.mark.parametrize(("a", "b"), [("averaged", "forest"), ("forest", "averaged")])
def test_a_model_explained_once_stands_beside_every_epoch_of_a_network(
    a: str, b: str, server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    _, tab = open_tab(server, f"a={a}/xai&b={b}/xai&epoch=100&probe=0&player={PLAYER}")
    ready(tab)
    steps = {"averaged": 100, "forest": RETURNED}
    for letter, name in (("A", a), ("B", b)):
        expect(reading(tab, letter).first).to_contain_text(value_words(runs[name], steps[name]))
    expect(tab.locator(".cursor-epoch")).to_have_text(f"epoch 100 of 0{TO}{EPOCHS - 1}")
    expect(tab.locator(".frame.current")).to_contain_text(re.compile(r"^100$"))
    expect(tab.locator(".align")).to_have_count(0)
    tab.locator("body").press("End")
    expect(tab.locator(".cursor-epoch")).to_contain_text("returned model")
    expect(reading(tab, "A").first).to_contain_text(value_words(runs[a], RETURNED))
