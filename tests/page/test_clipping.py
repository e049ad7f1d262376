"""No text of the page is cut without its whole text at hand, and none lies over another: at any size, in any language, at any text size."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from support.clipping import open_alone, read_page
from support.lettered import LANGUAGES, SERIES, write_pair
from support.records import TensorBoard, serving

pytestmark = pytest.mark.viewing

EPOCHS = 9
# The sweep over all sizes, languages and states is benchmarks/page/clipping.py.
SIZES = [(480, 400), (860, 700), (1024, 700), (1440, 900), (3840, 2160)]
SOME = [(480, 600), (1440, 900)]
OPEN = {"events": "all", "findings": "open"}
ALONE = {"b": "", "first": "open", "sort": "uncertain", "rail": "open"}
# Every kind, every language, and every magnitude that an axis may have.
LOGS = {
    "image english plain": SOME,
    "tabular long plain": SIZES,
    "text arabic huge": SOME,
    "sequence german tiny": SOME,
    "tabular chinese steady": SOME,
    "image one negative": SOME[:1],
    "text long vast": SOME[:1],
    "tabular german steady large": SOME[:1],
}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    for name in LOGS:
        kind, language, series = name.split(" ", 2)
        write_pair(folder / name, kind, LANGUAGES[language], EPOCHS, series)
    return folder


@pytest.fixture(scope="module")
def server(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logs)) as process:
        for run in sorted(folder.parent.relative_to(logs).as_posix() for folder in logs.rglob("xai")):
            process.wait_for_epochs(f"{run}/xai", EPOCHS)
        yield process


def pair_of(server: TensorBoard, name: str) -> Mapping[str, str]:
    """The two runs of a log, as fields of the address."""
    a, b, *_ = sorted(run for run in server.runs() if run.startswith(f"{name}/"))
    return {"a": a, "b": b}


def read(page: Page, server: TensorBoard, state: Mapping[str, str], sizes: list[tuple[int, int]]) -> tuple[int, list[str]]:
    open_alone(page, server, state)
    boxes, problems = 0, []
    for width, height in sizes:
        reading = read_page(page, width, height)
        boxes += reading.read
        problems += [f"{width}x{height}: {problem}" for problem in reading.problems]
    return boxes, problems


@pytest.mark.parametrize("name", LOGS)
def test_no_text_is_cut_or_covered_at_any_size(server: TensorBoard, browser: Browser, name: str) -> None:
    boxes, problems = 0, []
    for state in (OPEN, ALONE):
        page = browser.new_page()
        read_boxes, found = read(page, server, {**pair_of(server, name), **state}, LOGS[name])
        page.close()
        boxes, problems = boxes + read_boxes, problems + found
    print(f"{name}: {boxes} texts at {len(LOGS[name])} sizes, {len(problems)} problems")
    assert boxes > 100 * len(LOGS[name])
    assert problems == []


def writing(browser: Browser, text: int) -> Browser:
    """Another such browser, which is set to write in so many px."""
    return browser.browser_type.launch(
        executable_path=next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None),
        args=["--no-sandbox", "--disable-gpu", f"--blink-settings=defaultFontSize={text}"],
    )


@pytest.mark.parametrize("text", [32])
def test_no_text_is_cut_or_covered_where_the_browser_writes_larger(server: TensorBoard, browser: Browser, text: int) -> None:
    """The browser's own setting: 16 px are 100 %."""
    large = writing(browser, text)
    boxes, problems = 0, []
    for name in ("image english plain", "tabular long plain", "text arabic huge"):
        page = large.new_page()
        read_boxes, found = read(page, server, {**pair_of(server, name), **OPEN}, [(860, 700), (1440, 900)])
        if name == "image english plain":
            size = page.evaluate("() => getComputedStyle(document.body).fontSize")
            assert float(size.removesuffix("px")) == 13 * text / 16
        page.close()
        boxes, problems = boxes + read_boxes, problems + [f"{name}: {problem}" for problem in found]
    large.close()
    print(f"{text} px: {boxes} texts, {len(problems)} problems")
    assert problems == []


@pytest.mark.parametrize("text", [16, 32])
def test_a_run_that_is_refused_leaves_the_message_in_view_and_the_status_line_apart(
    server: TensorBoard, browser: Browser, text: int
) -> None:
    large = writing(browser, text)
    page = large.new_page()
    refused = {"a": pair_of(server, "image english plain")["a"], "b": pair_of(server, "tabular german steady large")["b"]}
    boxes, problems = read(page, server, refused, [(480, 400), (860, 700), (1440, 900)])
    assert boxes > 100
    assert problems == []
    page.set_viewport_size({"width": 480, "height": 600})
    message = page.locator(".banner")
    assert "can't be shown beside" in message.inner_text()
    box, line = message.bounding_box(), page.locator(".foot").bounding_box()
    assert box is not None
    assert line is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 480
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= line["y"] + 1
    large.close()


# What stands left of the first curve.
BESIDE_THE_AXIS = """() => {
  const figure = document.querySelector('.training-room figure');
  const end = figure.querySelector('.u-over').offsetLeft * devicePixelRatio;
  return writtenOnCanvases.get(figure.querySelector('canvas')).filter(({ right }) => right <= end).map(({ text }) => text);
}"""


@pytest.mark.parametrize("series", ["huge", "steady", "steady large"])
def test_axes_say_the_numbers_of_their_curves_at_any_magnitude(server: TensorBoard, browser: Browser, series: str) -> None:
    """The oracle: what stands beside the axis of the loss, read as numbers, spans what was logged, and tells values apart."""
    name = next(log for log in LOGS if log.endswith(f" {series}"))
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    open_alone(page, server, {**pair_of(server, name), "b": ""})
    page.wait_for_function("() => [...writtenOnCanvases.keys()].some((canvas) => canvas.closest('.training-room'))")
    beside = page.evaluate(BESIDE_THE_AXIS)
    page.close()
    numbers = [text.replace("\u2212", "-") for text in beside]
    base = next((float(text.removesuffix(" +")) for text in numbers if text.endswith(" +")), 0.0)
    ticks = sorted(base + float(text) for text in numbers if not text.endswith(" +"))
    values = SERIES[series]
    span = max(values) - min(values)
    assert len(ticks) >= 2, beside
    assert ticks[-1] - ticks[0] >= 0.3 * span, (ticks, values)
    assert min(values) - span <= ticks[0] or ticks[0] == 0
    assert ticks[-1] <= max(values) + span
