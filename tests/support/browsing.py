"""What tests of the page in a real browser have in common; the fixtures `browser` and `open_tab` are in conftest.py."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import ConsoleMessage, Frame, FrameLocator, Locator, Page

MINUS = "\u2212"
READY = ".page[data-phase=ready][aria-busy=false][data-analysed=true]"

Open = Callable[..., tuple[Page, FrameLocator]]


def is_complaint(message: ConsoleMessage) -> bool:
    # A browser asks every server for its icon; TensorBoard's page has one, the tab's own frame has none.
    icon = message.location["url"].endswith("/favicon.ico")
    # The page looks for new runs all the time: a server of the test's own may have ended before its page is closed.
    ended = "ERR_CONNECTION_REFUSED" in message.text
    return message.type == "error" and not icon and not ended


def stand_in(dark: bool) -> str:
    """A page that has of TensorBoard's what the tab knows of it: its element, its theme, its address, and a frame below a header."""
    frame = '<iframe src="data/plugin_entry.html?name=xai" style="position: absolute; top: 64px; width: 100%; height: calc(100% - 64px); border: 0">'
    theme = "dark-mode" if dark else ""
    return f'<!doctype html><title>TensorBoard</title><body class="{theme}" style="margin: 0"><tb-webapp>{frame}</iframe></tb-webapp>'


def tab_frame(page: Page) -> Frame:
    """The tab's own frame, however deep, once it is ready."""
    for _ in range(200):
        found = [frame for frame in page.frames if "name=xai" in frame.url]
        if found:
            found[0].wait_for_selector(READY)
            return found[0]
        page.wait_for_timeout(50)
    raise AssertionError([frame.url for frame in page.frames])


def text_of(value: float, error: float) -> str:
    """ "+0.83 ± 0.06", as the page writes it."""
    return f"{value:+.2f} ± {error:.2f}".replace("-", MINUS)


def reading(tab: FrameLocator, pane: str) -> Locator:
    return tab.locator(".reading-line").filter(has=tab.locator(f"b:text-is('{pane}')"))
