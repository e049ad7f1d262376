"""The page in stock Firefox: it opens without an error, has its colours, follows keys, and looks as it does in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browsing import READY
from support.records import TensorBoard, wait_until

pytest.importorskip("websockets", reason="websockets is not installed: `pip install websockets`, to try the page in Firefox.")
from support.firefox import Tab, firefox, installed

pytestmark = pytest.mark.skipif(
    not installed(),
    reason="The page was not tried in Firefox, which is not installed: `apt-get install firefox-esr`, or https://www.mozilla.org/firefox.",
)

STATE = "#xai&p.xai.a=a%2Fxai&p.xai.b=b%2Fxai&p.xai.probe=1&p.xai.epoch=3"
THERE = f"document.querySelector('{READY}') !== null"
EPOCH = "document.querySelector('.cursor-epoch').textContent"
# Of each canvas that shows something: whether any of its pixels has a colour.
COLOURED = """[...document.querySelectorAll('.view canvas, .card canvas, .frame canvas')].filter((canvas) => canvas.width > 20).map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i] - data[i + 2]) > 30) return true;
  return false;
})"""


@pytest.fixture(scope="module", params=[False, True], ids=["light", "dark"])
def dark(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def tab(dark: bool) -> Iterator[Tab]:
    with firefox(dark) as made:
        made.size(1440, 900)
        yield made


@pytest.fixture(autouse=True)
def quiet(tab: Tab) -> Iterator[None]:
    tab.complaints.clear()
    yield
    assert tab.complaints == []


def opened(tab: Tab, address: str) -> str:
    """The tab's own window, ready."""
    tab.go("about:blank")
    tab.go(address)
    window = tab.frame("name=xai")
    tab.wait(THERE, window)
    return window


def test_the_tab_opens_with_colours_in_its_pictures_and_keys_step_the_epoch(
    dark: bool, tab: Tab, two_runs: TensorBoard, tmp_path: Path
) -> None:
    window = opened(tab, f"{two_runs.url}/{STATE}")
    assert tab.evaluate("document.documentElement.classList.contains('dark')", window) is dark
    assert tab.wait(f"{EPOCH}.includes('epoch 3')", window)
    coloured = tab.evaluate(COLOURED, window)
    assert len(coloured) >= 3 + 3 * 2  # large ones, and two a card
    assert all(coloured)
    # At once, without a click, and TensorBoard's own address follows.
    tab.press("ArrowLeft")
    tab.wait(f"{EPOCH}.includes('epoch 2')", window)
    tab.wait("location.hash.includes('p.xai.epoch=2')")
    assert tab.picture(tmp_path / "firefox.png").stat().st_size > 50_000


def test_alone_the_page_opens_again_at_its_own_address(dark: bool, tab: Tab, two_runs: TensorBoard) -> None:
    window = opened(tab, f"{two_runs.url}/data/plugin_entry.html?name=xai{STATE}")
    assert tab.evaluate("matchMedia('(prefers-color-scheme: dark)').matches", window) is dark
    assert tab.evaluate("document.documentElement.classList.contains('dark')", window) is dark
    tab.press("ArrowLeft")
    tab.wait("location.hash.includes('p.xai.epoch=2')", window)
    window = opened(tab, tab.evaluate("location.href", window))
    assert tab.wait(f"{EPOCH}.includes('epoch 2')", window)


def test_a_slider_keeps_its_keys_and_an_export_reaches_the_disk(tab: Tab, two_runs: TensorBoard) -> None:
    """Firefox takes a download from a frame for a page that is to be shown there: TensorBoard's policy forbade it, and nothing came."""
    window = opened(tab, f"{two_runs.url}/{STATE}")
    tab.evaluate("(document.querySelector('.look-room input[type=range]').focus(), 0)", window)
    before = tab.evaluate("document.querySelector('.look-room input[type=range]').value", window)
    tab.press("Home")
    assert tab.wait(f"document.querySelector('.look-room input[type=range]').value !== '{before}'", window)
    assert tab.evaluate(f"{EPOCH}.includes('epoch 3')", window)
    # Made from the page's parts: Firefox has its own ways with fonts and canvases.
    tab.wait("document.querySelector('.export-button') !== null", window)
    tab.evaluate(
        "(document.querySelector('.export-button').click(), document.querySelector('.export-menu [role=menuitem]').click(), 0)", window
    )
    name = "tb-xai_a_vs_b_probe1_epoch3.png"
    wait_until(lambda: any(path.name == name and path.stat().st_size > 50_000 for path in tab.downloads.iterdir()))
    (tab.downloads / name).unlink()
