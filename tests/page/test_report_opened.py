"""A report opens from disk in a real browser, with the network cut off: what it says is the reader's, and all that it offers is there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from support.browsing import READY, is_complaint, text_of
from support.records import FakeRun

from tb_xai_plugin import read_run
from tb_xai_plugin.cli.main import main

STATE = "p.xai.a=a%2Fxai&p.xai.b=b%2Fxai&p.xai.probe=1&p.xai.epoch=3"
BROKEN = ".part-failed, .banner, .notice, .problem:not(:empty)"

# (path of a report, p.xai.probe=…) -> the page
Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FakeRun]:
    """Runs a and b of 5 epochs and the untrained model, and c of 4 epochs."""
    logdir = tmp_path_factory.mktemp("logs")
    made = {name: FakeRun(logdir / name, classes=3, interacting=("shap",)) for name in "abc"}
    for seed, (name, run) in enumerate(made.items()):
        run.rng = np.random.default_rng(seed)
        run.write(range(-1, 4 if name == "c" else 5)).write_returned("last", 3 if name == "c" else 4, explained=False)
    return made


@pytest.fixture(scope="module")
def report(runs: dict[str, FakeRun], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "a report.html"
    assert main(["export", str(runs["a"].log_dir), str(runs["b"].log_dir), "--to", str(path)]) == 0
    return path


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """opened(path, "probe=1"): a page from disk; the browser is offline, and the page's own file is all that it may ask for."""
    complaints: list[str] = []
    asked: list[str] = []
    contexts = []

    def start(path: Path, state: str = "", **options: object) -> Page:
        context = browser.new_context(offline=True, viewport={"width": 1440, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith(("blob:", "data:")) else asked.append(request.url.partition("#")[0])
        )
        page.goto(f"{path.as_uri()}#xai&{state}")
        page.wait_for_selector(READY)
        return page

    yield start
    for context in contexts:
        context.close()
    assert complaints == []
    assert all(address.startswith("file://") and address.endswith(".html") for address in asked), asked


def go(page: Page, state: str) -> None:
    """Follow a link that only changes the address's hash."""
    page.evaluate("hash => { location.hash = hash }", f"#xai&{state}")
    page.wait_for_timeout(50)
    page.wait_for_selector(READY)


def test_the_verdict_is_the_readers_and_the_cursor_a_probe_and_a_run_can_be_changed(runs: dict[str, FakeRun], report: Path, opened: Opened):
    page = opened(report, STATE)
    a, b = (read_run(runs[name].log_dir) for name in "ab")
    compared = a.compare(b, "shap")
    expect(page.locator(".findings-room")).to_contain_text(compared.verdict(3))

    def number(run: FakeRun, step: int, probe: int, player: int) -> str:
        truth = run.truth[step]
        label = int(run.probes.labels[probe])
        return text_of(truth.values["shap"][probe, label, player], truth.errors["shap"][probe, label, player])

    page.keyboard.press("ArrowLeft")
    expect(page.locator(".cursor-epoch")).to_contain_text("epoch 2")
    go(page, STATE + "&p.xai.epoch=2&p.xai.player=1")
    expect(page.locator(".reading-room")).to_contain_text(number(runs["a"], 2, 1, 1))
    expect(page.locator(".reading-room")).to_contain_text(number(runs["b"], 2, 1, 1))
    page.keyboard.press("]")
    page.wait_for_function("!location.hash.includes('xai.probe=1&')")
    page.get_by_role("button", name="b as run A").click()
    page.wait_for_function("location.hash.includes('xai.a=b')")
    page.wait_for_selector(READY)
    assert page.locator(BROKEN).count() == 0


def test_what_a_report_offers_is_in_it(runs: dict[str, FakeRun], report: Path, opened: Opened):
    page = opened(report, STATE)
    classes = page.get_by_label("Class that is explained").locator("option").evaluate_all("all => all.map(one => one.value)")
    assert classes == ["label", "predicted", "0", "1", "2"]
    pair = itertools.product(
        ("lime", "shap"), classes, ("a=a%2Fxai&p.xai.b=b%2Fxai", "a=b%2Fxai&p.xai.b=a%2Fxai"), ("epoch", "val_accuracy", "best")
    )
    alone = itertools.product(
        ("lime", "shap"), classes, ("a=a%2Fxai&p.xai.b=&p.xai.pin=2", "a=b%2Fxai&p.xai.b=&p.xai.drift=final"), ("epoch",)
    )
    for method, target, shown, align in [*list(pair)[::3], *list(alone)[::2]]:
        state = f"p.xai.{shown}&p.xai.method={method}&p.xai.class={target}&p.xai.align={align}&p.xai.epoch=1&p.xai.probe=2"
        go(page, state)
        assert page.locator(BROKEN).all_inner_texts() == [], state
    expect(page.locator(".report-note")).not_to_contain_text("leaves out")


def test_a_small_limit_leaves_out_choices_and_says_so_and_nothing_is_broken(runs: dict[str, FakeRun], tmp_path: Path, opened: Opened):
    path = tmp_path / "small.html"
    folders = [str(run.log_dir) for run in runs.values()]
    assert main(["export", *folders, "--to", str(path), "--limit", "0.01"]) == 0
    page = opened(path, STATE + "&p.xai.class=2&p.xai.align=best&p.xai.areas=mine%3A%3A0%2C0%2C4%2C0%2C4%2C4")
    expect(page.locator(".report-note")).to_contain_text(
        "For its size it leaves out all 3 classes by number, 2 of 3 comparisons, alignment by metric or best epoch and pinned epochs."
    )
    options = page.get_by_label("Class that is explained").locator("option")
    assert options.evaluate_all("all => all.map(one => one.value)") == ["label", "predicted"]
    assert page.get_by_label("Class that is explained").input_value() == "label"
    assert page.locator(".align, .ask-region, .draw, .area").count() == 0
    expect(page.locator(".runs")).to_contain_text("this report leaves out the comparison with A")
    # A link to a pair that is not there shows the first run alone, and says why.
    page.keyboard.press("p")
    assert page.locator(".part-failed").count() == 0
    go(page, "p.xai.a=c%2Fxai&p.xai.b=")
    assert page.locator(BROKEN).all_inner_texts() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_colours_follow_the_system(report: Path, opened: Opened, scheme: str):
    page = opened(report, STATE, color_scheme=scheme)
    assert page.evaluate("document.documentElement.classList.contains('dark')") == (scheme == "dark")


def test_a_number_and_a_picture_leave_a_report_too(report: Path, opened: Opened):
    page = opened(report, STATE, accept_downloads=True)
    for name, start in (("Numbers as CSV", b"probe,"), ("This view as PNG", b"\x89PNG")):
        page.get_by_title("Export pictures and numbers").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=name, exact=True).click()
        assert Path(download.value.path()).read_bytes().removeprefix(b"\xef\xbb\xbf").startswith(start)


def test_firefox_opens_it_from_disk(report: Path):
    pytest.importorskip("websockets", reason="websockets is not installed: `pip install websockets`, to try the page in Firefox.")
    from support.firefox import firefox, installed

    if not installed():
        pytest.skip(
            "The report was not tried in Firefox, which is not installed: `apt-get install firefox-esr`, or https://www.mozilla.org/firefox."
        )
    with firefox() as tab:
        tab.size(1440, 900)
        tab.go(f"{report.as_uri()}#xai&{STATE}")
        tab.wait(f"document.querySelector('{READY}') !== null")
        assert "epoch 3" in tab.evaluate("document.querySelector('.cursor-epoch').textContent")
        assert tab.evaluate("performance.getEntriesByType('resource').filter(({ name }) => !/^(blob|data):/.test(name)).length") == 0
        assert tab.complaints == []
