"""The page on other screens, and for other eyes: contrast themes, zoom, fingers, paper, narrow frames of another origin."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Frame, Locator, Page, expect
from support.browsing import is_complaint, tab_frame
from support.hosting import hosting
from support.records import TensorBoard

STATE = "#xai&p.xai.a=a%2Fxai&p.xai.b=b%2Fxai&p.xai.probe=1&p.xai.epoch=3"
ALONE = "/data/plugin_entry.html?name=xai"


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    complaints: list[str] = []
    pages: list[Page] = []

    def start(address: str, *, size: tuple[int, int] = (1440, 900), **options: Any) -> Page:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, **options)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        return page

    yield start
    for page in pages:
        page.context.close()
    assert complaints == []


def pixels(page: Page, picture: bytes) -> np.ndarray:
    """(height, width, 3) of a PNG, as the browser decodes it."""
    read = """async (data) => {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext('2d');
        context.drawImage(image, 0, 0);
        const { data: all } = context.getImageData(0, 0, image.width, image.height);
        let text = '';
        for (const byte of all) text += String.fromCharCode(byte);
        return [image.width, btoa(text)];
    }"""
    width, data = page.evaluate(read, base64.b64encode(picture).decode())
    return np.frombuffer(base64.b64decode(data), dtype=np.uint8).reshape(-1, width, 4)[..., :3]


def look(page: Page, place: Locator) -> np.ndarray:
    """(height, width, 3) of what is seen there, as float."""
    return pixels(page, place.screenshot()).astype(float)


def system(frame: Frame, name: str) -> np.ndarray:
    """(3,) a colour of the system or the page, as it is seen: some let their ground through."""
    frame.evaluate(
        "(name) => { const swatch = Object.assign(document.createElement('i'), { id: 'swatch' });"
        "swatch.style.cssText = `position: fixed; z-index: 99; top: 0; left: 0; width: 20px; height: 20px; background: ${name}; forced-color-adjust: none`;"
        "document.body.append(swatch); }",
        name,
    )
    seen = look(frame.page, frame.locator("#swatch"))[10, 10]
    frame.evaluate("document.querySelector('#swatch').remove()")
    return seen


def part(seen: np.ndarray, colour: np.ndarray, within: float = 24) -> float:
    """The part of the pixels that have about this colour."""
    return float((np.abs(seen - colour).max(axis=-1) <= within).mean())


# Contrast themes


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_contrast_theme_shows_what_is_chosen_where_sliders_stand_and_what_colours_mean(
    scheme: str, two_runs: TensorBoard, visit: Callable[..., Page]
) -> None:
    page = visit(two_runs.url + "/" + STATE + "&p.xai.player=2", forced_colors="active", color_scheme=scheme)
    frame = tab_frame(page)
    canvas, ink, chosen = (system(frame, name) for name in ("Canvas", "CanvasText", "Highlight"))
    for group in (".segmented >> nth=0", ".runs"):
        pressed, other = (frame.locator(group).locator(f"button[aria-pressed={state}]").first for state in ("true", "false"))
        assert part(look(page, pressed), chosen) > 0.4, group
        assert part(look(page, other), chosen) < 0.1, group
    for place in (".class-row[aria-pressed=true]",):
        assert part(look(page, frame.locator(place).first), chosen) > 0.4
    # Frames around what is selected.
    for place, other in ((".card.chosen", ".card:not(.chosen)"), (".frame.current .picture", ".frame:not(.current) .picture")):
        pad = 4
        boxes = [frame.locator(one).first.bounding_box() for one in (place, other)]
        rims = []
        for box in boxes:
            assert box
            clip = {"x": box["x"] - pad, "y": box["y"] - pad, "width": box["width"] + 2 * pad, "height": box["height"] + 2 * pad}
            seen = pixels(page, page.screenshot(clip=clip)).astype(float)
            rims.append(part(np.concatenate([seen[:9].reshape(-1, 3), seen[-9:].reshape(-1, 3)]), chosen))
        assert rims[0] > 0.15 > 3 * rims[1], (place, rims)
    # A slider: what is left of its knob, and what is right of it.
    slider = look(page, frame.locator("#epoch"))
    middle = slider[slider.shape[0] // 2]
    assert part(middle[: len(middle) // 3], chosen) > 0.9
    assert part(middle[-len(middle) // 8 :], canvas) < 0.1
    opacity = look(page, frame.locator(".look-room input[type=range]").first)
    assert part(opacity, chosen) > 0.05
    # The scale: blue at one end, crimson at the other; pictures keep their colours.
    legend = look(page, frame.locator(".legend-bar"))
    ends = legend[legend.shape[0] // 2, [6, -6]]
    assert ends[0][2] > ends[0][0] + 60
    assert ends[1][0] > ends[1][2] + 60
    picture = look(page, frame.locator(".view canvas").first)
    assert (np.abs(picture[..., 0] - picture[..., 2]) > 30).mean() > 0.1
    # The cursor on the curves, and the key of the noise floor.
    chart = look(page, frame.locator(".training-room .u-over").first)
    assert max(part(chart[:, column : column + 1], chosen) for column in range(chart.shape[1])) > 0.8
    key = look(page, frame.locator(".noise-key").first)
    assert part(key, ink, 90) > 0.1 < part(key, canvas, 90)
    # Names of classes and features are text on the theme's paper.
    assert frame.evaluate("getComputedStyle(document.body).color") == frame.evaluate("getComputedStyle(document.querySelector('h2')).color")
    assert (canvas.mean() < 128) == (scheme == "dark")
    assert frame.evaluate("document.documentElement.classList.contains('dark')") == (scheme == "dark")


def test_a_contrast_theme_that_comes_while_the_page_is_open_redraws_it_where_it_was(
    two_runs: TensorBoard, visit: Callable[..., Page]
) -> None:
    page = visit(two_runs.url + "/" + STATE)
    frame = tab_frame(page)
    page.keyboard.press("ArrowLeft")
    with frame.expect_navigation():
        page.emulate_media(forced_colors="active", color_scheme="dark")
    frame = tab_frame(page)
    expect(frame.locator(".cursor-epoch")).to_contain_text("epoch 2")
    assert frame.evaluate("document.documentElement.classList.contains('dark')")


def test_stronger_contrast_darkens_what_is_faint(two_runs: TensorBoard, visit: Callable[..., Page]) -> None:
    def inks(**options: Any) -> list[float]:
        frame = tab_frame(visit(two_runs.url + "/" + STATE, **options))
        return [float(system(frame, f"var(--{name})").mean()) for name in ("muted", "faint", "line")]

    for usual, strong in zip(inks(), inks(contrast="more"), strict=True):
        assert strong < usual - 40


# Zoom, and other screens


def test_on_another_screen_everything_is_drawn_sharp_and_as_a_fresh_page_draws_it(
    two_runs: TensorBoard, visit: Callable[..., Page]
) -> None:
    page = visit(two_runs.url + ALONE + STATE)
    tab_frame(page)
    session = page.context.new_cdp_session(page)
    size = {"width": 1440, "height": 900, "mobile": False}
    sharp = """(ratio) => [...document.querySelectorAll('canvas')].filter((canvas) => canvas.offsetParent && canvas.getBoundingClientRect().width > 1)
        .filter((canvas) => Math.abs(canvas.width / canvas.getBoundingClientRect().width - ratio) > 0.03 * ratio + 1 / canvas.width)
        .map((canvas) => `${canvas.parentElement.className} ${canvas.width} for ${canvas.getBoundingClientRect().width}`)"""
    shown = """() => [...document.querySelectorAll('canvas')].filter(({ width, height }) => width * height).map((canvas) =>
        [`${canvas.parentElement.className} ${canvas.width} ${canvas.height}`, canvas.toDataURL().slice('data:image/png;base64,'.length)])"""
    for ratio in (2, 1.5, 1):
        # As on the way to another screen; a headless browser tells of the ratio only with the size.
        for width in (1400, 1440):
            session.send("Emulation.setDeviceMetricsOverride", {**size, "width": width, "deviceScaleFactor": ratio})
        page.wait_for_function(f"devicePixelRatio === {ratio}")
        page.wait_for_function(f"({sharp})({ratio}).length === 0")
        page.wait_for_timeout(300)
        fresh = visit(two_runs.url + ALONE + STATE, device_scale_factor=ratio)
        tab_frame(fresh)
        fresh.wait_for_timeout(300)
        for (name, one), (known, other) in zip(page.evaluate(shown), fresh.evaluate(shown), strict=True):
            assert name == known
            if one != other:  # letters may be smoothed in another way
                was, now = (pixels(fresh, base64.b64decode(data)).astype(float) for data in (one, other))
                assert (np.abs(was - now).max(axis=-1) > 40).mean() < 0.02, (ratio, name)
        fresh.context.close()


# Fingers


def test_a_swipe_up_scrolls_the_page_wherever_it_begins_and_moves_nothing_else(two_runs: TensorBoard, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1024, "height": 600}, has_touch=True)
    page.goto(two_runs.url + ALONE + STATE + "&p.xai.compare=swipe&p.xai.swipe=40")
    frame = tab_frame(page)
    session = page.context.new_cdp_session(page)

    def swipe(place: Locator, along: tuple[int, int]) -> None:
        box = place.bounding_box()
        assert box
        x, y = box["x"] + min(box["width"] / 2, 60), box["y"] + min(box["height"] / 2, 60)
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for step in range(1, 11):
            moved = {"x": x + along[0] * step / 10, "y": y + along[1] * step / 10}
            session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [moved]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(50)

    words = "[document.querySelector('.cursor-epoch').textContent, document.querySelector('.edge').style.left, document.querySelector('.probe-title').textContent, ...[...document.querySelectorAll('input[type=range]')].map((one) => one.value)].join()"
    before = frame.evaluate(words)
    places = {
        "a chart": ".training-room .u-over",
        "the slider": "#epoch",
        "a card": ".card",
        "a picture": ".stack canvas",
        "the edge between two": ".edge",
        "the difference": ".view:last-child canvas",
        "a chart of a segment": ".reading-room .u-over",
        "an epoch of the film": ".frame .picture",
    }
    stuck = []
    for name, place in places.items():
        target = frame.locator(place).first
        frame.evaluate("document.querySelector('.main').scrollTop = 0")
        target.scroll_into_view_if_needed()
        if frame.evaluate("document.querySelector('.main').scrollTop") > 0:  # then it can be swiped down
            start = frame.evaluate("document.querySelector('.main').scrollTop")
            swipe(target, (4, 150))
            moved = frame.evaluate("document.querySelector('.main').scrollTop") < start
        else:
            swipe(target, (4, -150))
            moved = frame.evaluate("document.querySelector('.main').scrollTop") > 0
        if not moved:
            stuck.append(name)
    assert stuck == []
    assert frame.evaluate(words) == before
    # Sideways is the cursor's, and a tap too.
    frame.evaluate("document.querySelector('.main').scrollTop = 0")
    chart = frame.locator(".training-room .u-over").first
    swipe(chart, (110, 3))
    frame.wait_for_function(f"(before) => {words} !== before", arg=before)
    box = chart.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 2, box["y"] + 30)
    expect(frame.locator(".cursor-words")).to_contain_text("untrained")
    swipe(frame.locator(".edge"), (-40, 2))
    assert "left: 40%" not in str(frame.locator(".edge").get_attribute("style"))
    page.context.close()


# Narrow frames of another origin: notebook cells, panels of an editor


@pytest.mark.parametrize(("scheme", "whole"), [("light", False), ("dark", True)], ids=["the tab alone", "TensorBoard"])
def test_in_a_narrow_frame_of_another_origin_the_page_works_in_the_readers_theme(
    scheme: str, whole: bool, two_runs: TensorBoard, visit: Callable[..., Page]
) -> None:
    with hosting() as host:
        for width in (480, 860):
            address = host.framing(two_runs.url + ("/" if whole else ALONE) + STATE, width=width, height=600)
            page = visit(address, color_scheme=scheme, size=(1000, 800))
            frame = tab_frame(page)
            assert frame.evaluate("innerWidth") == width
            assert frame.evaluate("document.documentElement.classList.contains('dark')") == (scheme == "dark")
            frame.locator(".cursor-epoch").click()
            page.keyboard.press("ArrowLeft")
            expect(frame.locator(".cursor-epoch")).to_contain_text("epoch 2")
            page.close()


def test_nothing_slides_or_fades_where_motion_is_not_wanted(two_runs: TensorBoard, visit: Callable[..., Page]) -> None:
    frame = tab_frame(visit(two_runs.url + "/" + STATE, reduced_motion="reduce"))
    moving = """[...document.querySelectorAll('*')].filter((element) => {
        const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
        return parseFloat(transitionDuration) > 0 || animationName !== 'none' || scrollBehavior === 'smooth';
    }).map((element) => element.className)"""
    assert frame.evaluate(moving) == []


# Paper


def test_on_paper_everything_stands_in_its_whole_height_in_light_colours(two_runs: TensorBoard, visit: Callable[..., Page]) -> None:
    page = visit(two_runs.url + ALONE + STATE, color_scheme="dark", size=(1200, 600))
    frame = tab_frame(page)
    page.emulate_media(media="print")
    page.wait_for_function("document.documentElement.classList.contains('printing')")
    page.wait_for_function("!document.documentElement.classList.contains('dark')")  # drawn in the next frame
    cut = """[...document.querySelectorAll('.page, .page *')].filter((element) => {
        const { overflowY, display } = getComputedStyle(element);
        return display !== 'inline' && overflowY !== 'visible' && element.scrollHeight > element.clientHeight + 1 && !element.closest('.ellipsis, .named, .unseen, .strip, select');
    }).map((element) => element.className)"""
    assert frame.evaluate(cut) == []
    for place in (".export-room", ".transport", ".status-end", ".runs-room .filter"):
        expect(frame.locator(place).first).to_be_hidden()
    whole = frame.evaluate("[document.querySelector('.page').getBoundingClientRect().height, document.documentElement.scrollHeight]")
    assert whole[0] > 600
    assert whole[1] >= whole[0] - 1
    page.emulate_media(media="screen")
    page.wait_for_function(
        "document.documentElement.classList.contains('dark') && !document.documentElement.classList.contains('printing')"
    )


def test_on_paper_the_page_is_as_wide_as_its_sheet_wherever_the_rail_is(two_runs: TensorBoard, visit: Callable[..., Page]) -> None:
    """Beside the page, folded away by hand or in a narrow window, and open over the page; with large text the rail is wider."""
    for width, rail, text in ((1200, "open", 16), (1200, "open", 32), (1200, "folded", 16), (800, "", 16), (800, "open", 16)):
        page = visit(two_runs.url + ALONE + STATE + (f"&p.xai.rail={rail}" if rail else ""), size=(width, 700))
        frame = tab_frame(page)
        frame.evaluate(f"document.documentElement.style.fontSize = '{text}px'; null")
        page.emulate_media(media="print")
        page.wait_for_function("document.documentElement.classList.contains('printing')")
        across, left, beside, below, shadow = frame.evaluate("""() => {
            const [rail, main] = ['.rail', '.main'].map((place) => document.querySelector(place).getBoundingClientRect());
            const { boxShadow } = getComputedStyle(document.querySelector('.rail'));
            return [document.documentElement.scrollWidth, main.left, rail.right, rail.bottom <= main.top + 1, boxShadow];
        }""")
        where = (width, rail, text)
        assert across <= width, where
        assert shadow == "none", where
        # Neither a blank strip, nor words under the rail.
        assert abs(left - beside) <= 1 or (left == 0 and below), where
        page.close()


def test_on_paper_the_page_is_laid_out_as_in_its_window_whatever_paper_the_printer_has(
    two_runs: TensorBoard, visit: Callable[..., Page]
) -> None:
    """What is drawn is not drawn anew: a box of another size would cut it, or leave it over its neighbour."""
    page = visit(two_runs.url + ALONE + STATE, size=(1440, 900))
    frame = tab_frame(page)
    measure = """() => ['.training-room figure', '.plot canvas', '.pictures-room', '.reading-room .plot'].flatMap((place) =>
        [...document.querySelectorAll(place)].map((element) => element.getBoundingClientRect()).map(({ left, width, height }) => [place, left, width, height].join()))"""
    before = frame.evaluate(measure)
    assert len(before) >= 8
    page.emulate_media(media="print")
    page.wait_for_function("document.documentElement.classList.contains('printing')")
    page.set_viewport_size({"width": 600, "height": 900})
    frame.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert frame.evaluate("document.querySelector('.page').dataset.rail") == "beside"
    assert frame.evaluate(measure) == before
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(media="screen")
    page.wait_for_function("!document.documentElement.classList.contains('printing')")
    page.set_viewport_size({"width": 600, "height": 900})
    page.wait_for_function("document.querySelector('.page').dataset.rail === 'folded'")


def test_the_menus_print_and_the_browsers_key_draw_the_canvases_for_paper_first(two_runs: TensorBoard, visit: Callable[..., Page]) -> None:
    page = visit(two_runs.url + ALONE + STATE, color_scheme="dark")
    frame = tab_frame(page)
    frame.evaluate("window.print = () => { window.printed = document.documentElement.className; }; null")

    def from_the_menu() -> None:
        frame.get_by_role("button", name="export").click()
        frame.get_by_role("menuitem", name="Print").click()

    for ask in (from_the_menu, lambda: page.keyboard.press("Control+p")):
        ask()
        page.wait_for_function("window.printed !== undefined")
        assert "dark" not in page.evaluate("printed")
        page.wait_for_function("document.documentElement.classList.contains('dark')")
        page.evaluate("delete window.printed")
