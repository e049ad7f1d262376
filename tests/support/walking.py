"""Walks at random over the page, and compares it with a fresh page at the same address.

Both pages are the tab's own, opened alone, in one browser. Time passes faster for them: what waits for a rest, or for the next poll, need not wait long.
"""

from __future__ import annotations

import difflib
import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Frame, Page
from support.records import FakeRun, wait_until
from support.server import PREFIX, Server
from werkzeug.serving import WSGIRequestHandler, make_server

SCRIPT = (Path(__file__).parent / "walking.js").read_text(encoding="utf-8")
FASTER = 10
# Time; the address that the page would have, as browsers refuse more than a few changes of it a second; a printer, whose window nobody would close.
SETUP = f"""
window.realTimeout = window.setTimeout.bind(window);
if (location.href.includes("plugin_entry")) window.setTimeout = (act, ms = 0, ...rest) => window.realTimeout(act, ms > 20 ? ms / {FASTER} : ms, ...rest);
if (location.href.includes("plugin_entry") && window === window.parent) history.replaceState = (state, title, url) => {{ window.address = url; }};
window.print = () => {{ for (const name of ["beforeprint", "afterprint"]) dispatchEvent(new Event(name)); }};
"""
SIZES = [(1440, 900), (1440, 900), (1024, 700), (860, 700), (480, 600), (1920, 1080), (1440, 1000)]
ARROWS = ["ArrowLeft", "ArrowRight", "ArrowRight", "Home", "End", "ArrowUp", "ArrowDown", "[", "]"]
KEYS = [*ARROWS, ",", ".", "1", "2", "p", " ", "?", "Escape", "Control+p"]
# How often something is done in a room, against once in each other.
WEIGHTS = {"runs": 6, "explanation": 3, "cursor": 2, "regions": 3, "probes": 2, "look": 1}
# Of a command that asks for nothing in the address, and of the list that a click there fills.
LEFT_OUT = ("copy link", "Try again", "Copy")

Action = list[Any]


class Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


@dataclass
class House:
    """TensorBoard's application over runs, in this process: they grow, and go, when they are told to."""

    runs: dict[str, FakeRun]
    hidden: set[str] = field(default_factory=set)

    @contextmanager
    def open(self) -> Iterator[House]:
        logdir = next(iter(self.runs.values())).log_dir
        self.server = Server(Path(logdir).parent)
        served = make_server("127.0.0.1", 0, self.application, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{served.port}"
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            served.shutdown()
            thread.join()

    def application(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if "/static/" in environ["PATH_INFO"]:
            # Fresh pages load the same modules.
            def kept(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
                others = [pair for pair in headers if pair[0] != "Cache-Control"]
                return start(status, [*others, ("Cache-Control", "max-age=3600")], *rest)

            return self.server.application(environ, kept)
        if environ["PATH_INFO"] != f"{PREFIX}runs" or not self.hidden:
            return self.server.application(environ, start)
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        answer = self.server.get("runs").json
        answer["runs"] = [row for row in answer["runs"] if row["run"] not in self.hidden]
        body = json.dumps(answer).encode()
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def grow(self, name: str) -> None:
        run = self.runs[name]
        run.write([max(run.steps) + 1])
        self.server.reload()


def compared(fresh: Sequence[str], walked: Sequence[str]) -> list[str]:
    """Lines of one page that the other has not: of what is there where they differ in that, else of where it stands."""
    bare = [[without_place(line) for line in lines] for lines in (fresh, walked)]
    before, now = bare if bare[0] != bare[1] else (fresh, walked)
    return [line for line in difflib.unified_diff(before, now, "fresh", "walked", n=0, lineterm="") if not line.startswith("@@")]


def without_place(line: str) -> str:
    name, _, *rest = line.split(" \u00b7 ")
    return " \u00b7 ".join([name, *rest])


class RestlessError(Exception):
    """The page never came to rest."""


@dataclass
class Walk:
    """A page that is walked over, and one that is opened anew for every comparison."""

    browser: Browser
    house: House
    seed: int = 0
    growing: Sequence[str] = ("image-a", "table-b")
    steps: int = 0
    at: str = ""
    comparisons: int = 0

    def __post_init__(self) -> None:
        self.numbers = itertools.count()
        self.complaints: list[str] = []
        # Pages of one window take turns: the one behind draws once a second.
        self.contexts = [self.browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce") for _ in range(2)]
        for context in self.contexts:
            context.add_init_script(SETUP + SCRIPT)
        self.page, self.fresh = (context.new_page() for context in self.contexts)
        for page in (self.page, self.fresh):
            page.on("pageerror", lambda error: self.complaints.append(str(error)))
            page.on("console", self.hear)

    def begin(self) -> None:
        """A page as a user opens it first."""
        self.rng = random.Random(self.seed)
        self.dark, self.size = False, SIZES[0]
        self.house.hidden.clear()
        self.complaints.clear()
        self.open(self.page, "#xai")

    def hear(self, said: ConsoleMessage) -> None:
        # A pattern that is none is refused by the server, and the page says so.
        if said.type == "error" and not said.text.startswith("Failed to load resource"):
            self.complaints.append(said.text)

    def open(self, page: Page, address: str) -> None:
        page.set_viewport_size({"width": self.size[0], "height": self.size[1]})
        page.emulate_media(color_scheme="dark" if self.dark else "light", reduced_motion="reduce")
        page.goto(f"{self.house.url}/data/plugin_entry.html?name=xai&n={next(self.numbers)}{address}")
        self.rest(page)

    def tab(self, page: Page) -> Page | Frame:
        """What the tab is in."""
        return page

    def corner(self, page: Page) -> tuple[float, float]:
        """Of the tab, in the window."""
        return 0, 0

    def address(self) -> str:
        return str(self.page.evaluate("new URL(window.address ?? location.hash, location.href).hash"))

    def rest(self, page: Page) -> None:
        tab = self.tab(page)
        tab.wait_for_function("window.walk && document.querySelector('.page')")
        if not tab.evaluate("walk.rest(20)"):
            raise RestlessError(tab.evaluate("JSON.stringify(document.querySelector('.page').dataset)"))

    # What is done

    def choose(self) -> Action:
        """The next action, as a list that JSON can hold."""
        rng = self.rng
        kind = rng.choices(["use", "point", "key", "size", "dark", "grow", "hide", "scroll"], [50, 14, 22, 4, 2, 3, 3, 2])[0]
        if kind == "key":
            key = rng.choice(KEYS)
            return ["key", ("Shift+" if rng.random() < 0.1 and "+" not in key else "") + key]
        if kind == "size":
            return ["size", *rng.choice(SIZES)]
        if kind == "dark":
            return ["dark", not self.dark]
        if kind == "grow":
            return ["grow", rng.choice(self.growing)]
        if kind == "hide":
            hidden = sorted(self.house.hidden)
            if hidden and rng.random() < 0.6:
                return ["show", rng.choice(hidden)]
            return ["hide", f"{rng.choice(sorted(self.house.runs))}/xai"]
        if kind == "scroll":
            return ["scroll", rng.choice([0, 200, 400, 2000])]
        rooms = self.tab(self.page).evaluate("walk.controls()")
        if not rooms:
            return ["key", "End"]
        names = sorted(rooms)
        room = rng.choices(names, [WEIGHTS.get(name, 1) for name in names])[0]
        key = rng.choice(rooms[room])
        if any(f"“{words}" in key for words in LEFT_OUT):
            return ["key", "ArrowLeft"]
        which = rng.randrange(max(1, rooms[room].count(key)))
        if kind == "point" or key.startswith("canvas"):
            return ["point", room, key, which, round(rng.random(), 3), round(rng.random(), 3), rng.choice(["click", "move", "drag"])]
        return ["use", room, key, which, round(rng.random(), 3)]

    def act(self, action: Action) -> None:
        page = self.page
        tab = self.tab(page)
        kind, *what = action
        if kind == "key":
            page.keyboard.press(what[0])
        elif kind == "size":
            self.size = (what[0], what[1])
            page.set_viewport_size({"width": what[0], "height": what[1]})
        elif kind == "dark":
            self.dark = what[0]
            page.emulate_media(color_scheme="dark" if self.dark else "light", reduced_motion="reduce")
        elif kind == "grow":
            self.house.grow(what[0])
        elif kind == "hide":
            self.house.hidden.add(what[0])
        elif kind == "show":
            self.house.hidden.discard(what[0])
        elif kind == "scroll":
            tab.evaluate(
                "(top) => { for (const one of document.querySelectorAll('.main, .rail, .rows-box')) one.scrollTop = top; }", what[0]
            )
        elif kind == "use":
            tab.evaluate("(what) => walk.use(...what)", what)
        else:
            *where, how = what
            place = tab.evaluate("(where) => walk.placeOf(...where)", where)
            if place:
                left, top = self.corner(page)
                x, y = left + place["x"], top + place["y"]
                page.mouse.move(x, y)
                if how == "drag":
                    page.mouse.down()
                    page.mouse.move(x + 30, y + 20, steps=3)
                    page.mouse.up()
                elif how == "click":
                    page.mouse.down()
                    page.mouse.up()

    # What is compared

    def differences(self) -> list[str]:
        """What the page shows and a fresh page at its address does not, and the other way round."""
        page, tab = self.page, self.tab(self.page)
        page.mouse.move(1, 1)
        tab.evaluate("walk.calm()")
        # Rows that the server no longer serves are noticed at the next poll; an address is written a moment after the last choice.
        tab.evaluate("() => new Promise((done) => window.realTimeout(done, 60))")
        self.wait_for_runs()
        for attempt in range(3):
            self.rest(page)
            self.at = self.address()
            if attempt < 2:
                self.open(self.fresh, self.at)
            fresh_tab = self.tab(self.fresh)
            fresh_tab.evaluate("(places) => walk.scrollAs(places)", tab.evaluate("walk.scrolled()"))
            self.rest(self.fresh)
            self.rest(page)
            walked, fresh = (one.evaluate("walk.seen()") for one in (tab, fresh_tab))
            if walked == fresh:
                return []
        return compared(fresh, walked)

    def wait_for_runs(self) -> None:
        """Until the page has polled once more."""
        with self.page.expect_response(lambda response: response.url.endswith("/xai/runs"), timeout=20_000):
            pass

    # Walks

    def go(self, steps: int, every: int) -> list[Action]:
        """Walks; the actions after which the pages differed, or none. What differed is in `found`."""
        self.found: list[str] = []
        actions: list[Action] = []
        try:
            self.begin()
            while len(actions) < steps and not self.found:
                actions.append(self.choose())
                self.act(actions[-1])
                self.rest_a_little()
                self.steps += 1
                if len(actions) % every == 0:
                    self.comparisons += 1
                    self.found = self.differences() + self.complaints
        except RestlessError as error:
            self.found = [f"the page never came to rest: {error}"]
        if self.found:
            self.found.insert(0, f"seed {self.seed}, at {self.at or 'no address'}")
        return actions if self.found else []

    def replay(self, actions: Sequence[Action]) -> list[str]:
        """What differs after some actions."""
        try:
            self.begin()
            for action in actions:
                self.act(action)
                self.rest_a_little()
            return self.differences() + self.complaints
        except RestlessError as error:
            return [f"the page never came to rest: {error}"]

    def rest_a_little(self) -> None:
        """As a quick user does: the page has drawn, and what it fetches is on its way."""
        drawn = "(frames) => new Promise((done) => { const on = (left) => (left ? requestAnimationFrame(() => on(left - 1)) : done()); on(frames); })"
        self.tab(self.page).evaluate(drawn, 2)

    def shortened(self, actions: Sequence[Action], seconds: float) -> list[Action]:
        """Fewer actions after which the pages still differ: halves are left out, then quarters, then single ones, while there is time."""
        end = time.monotonic() + seconds
        kept = list(actions)
        size = len(kept) // 2
        while size:
            start = 0
            while start < len(kept) and time.monotonic() < end:
                fewer = kept[:start] + kept[start + size :]
                if self.replay(fewer):
                    kept = fewer
                else:
                    start += size
            size //= 2
        return kept

    def report(self, actions: Sequence[Action]) -> str:
        """What was found, and how to find it again."""
        lines = [*(line[:400] for line in self.found[:40]), "after:"]
        return "\n".join([*lines, *(json.dumps(action, ensure_ascii=False) for action in actions)])


@dataclass
class FramedWalk(Walk):
    """The same in the frame of a real TensorBoard."""

    url: str = ""

    def open(self, page: Page, address: str) -> None:
        page.set_viewport_size({"width": self.size[0], "height": self.size[1]})
        page.goto("about:blank")
        page.goto(f"{self.url}/?darkMode={'true' if self.dark else 'false'}{address}")
        page.wait_for_selector('iframe[src*="name=xai"]')
        # The frame is there a moment before its address.
        wait_until(lambda: self.frames(page) or page.wait_for_timeout(20), 30)
        self.rest(page)

    @staticmethod
    def frames(page: Page) -> list[Frame]:
        return [frame for frame in page.frames if "name=xai" in frame.url]

    def tab(self, page: Page) -> Page | Frame:
        return self.frames(page)[0]

    def corner(self, page: Page) -> tuple[float, float]:
        box = page.locator('iframe[src*="name=xai"]').bounding_box() or {}
        return box.get("x", 0), box.get("y", 0)

    def address(self) -> str:
        return str(self.page.evaluate("location.hash"))

    def choose(self) -> Action:
        # The records of a process of its own stay as they are; its theme is its own.
        while (action := super().choose())[0] in ("grow", "hide", "show", "dark"):
            pass
        return action
