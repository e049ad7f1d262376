"""Every picture of the tab that a reviewer wants to see, from the code as it stands: one command, no network, about five minutes and a live one.

    python benchmarks/page/screens.py FOLDER                     writes FOLDER/<picture>.png and prints a line about each
    python benchmarks/page/screens.py FOLDER images text-pair    only the pictures whose names begin so
    python benchmarks/page/screens.py FOLDER --list              what there is

The line says what is to be seen and the words that the page itself shows there. Real trainings are logged first (screens_logs.py), served by a
real TensorBoard on a free port of 127.0.0.1, and looked at in headless Chromium. It ends with status 1 where a picture could not be
made, lacks the words that prove it, or the browser complained.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, BrowserContext, Error, FrameLocator, Page, Route, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests"))
from support.browsing import READY, is_complaint
from support.records import ROOT, TensorBoard, serving, wait_until

LIVE_SECONDS = 60
SETTLE_SECONDS = 6  # at most, until two pictures in a row are the same
ROW_PIXELS = 26  # of the first feature of the beeswarm
WAIT_SECONDS = 20  # for what a picture waits for
MOST_WORDS = 220

# Nothing but TensorBoard answers.
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@dataclass(frozen=True)
class Look:
    """How a scene is photographed. A name of more than one word is part of the file's name."""

    name: str
    width: int = 1440
    height: int = 900
    dark: bool = False
    pause: float = 0  # seconds that pass before it


LIGHT, DARK = Look("light"), Look("dark", dark=True)
SMALL, WALL = Look("1024x700", 1024, 700), Look("3840x2160", 3840, 2160)
BOTH = (LIGHT, DARK)

Act = Callable[[Page, FrameLocator], object]
Before = Callable[[Page, list[Route]], None]


@dataclass(frozen=True)
class Scene:
    """One opening of the page.

    Attributes:
        name: begins the names of its pictures.
        log: the log directory (screens_logs.py), or "live".
        sees: what is to be seen.
        state: fields of the URL, as in frontend/model/state.js.
        read: selectors; what the first visible element of each says is the proof.
        at: selector of what is scrolled to.
        act: what the user does before the picture; words it returns are read out too.
        looks: the pictures, in this order, in the same page.
        scale: device pixels of a CSS pixel.
        before: done to the page before it is opened; requests that it holds back end with the page.
        ready: selector of what is waited for.
        fails: whether the browser is meant to complain.
    """

    name: str
    log: str
    sees: str
    state: str = ""
    read: tuple[str, ...] = (".cursor-epoch", ".reading-room")
    at: str = ""
    act: Act | None = None
    looks: tuple[Look, ...] = (LIGHT,)
    scale: float = 1
    before: Before | None = None
    ready: str = READY
    fails: bool = False

    def file(self, look: Look) -> str:
        return f"{self.name}-{look.name}.png"


# What the user does


def hover(selector: str, x: float, y: float) -> Act:
    """Point at a place of the first such element, in parts of its width and height."""

    def act(page: Page, tab: FrameLocator) -> None:
        element = tab.locator(selector).first
        element.scroll_into_view_if_needed()
        box = element.bounding_box()
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)

    return act


def find_point(page: Page, tab: FrameLocator) -> str:
    """Move along the first row of the last beeswarm until a point has words."""
    box = tab.locator(".overview-room canvas").last.bounding_box()
    tip = tab.locator(".overview-room .tip")
    for part in range(100):
        page.mouse.move(box["x"] + part / 100 * box["width"], box["y"] + ROW_PIXELS / 2)
        if tip.is_visible():
            return re.sub(r"\s+", " ", tip.inner_text())
    raise AssertionError("no point of the beeswarm has words")


def focus(selector: str) -> Act:
    """By keyboard: a browser shows the focus of who has pressed Tab."""

    def act(page: Page, tab: FrameLocator) -> str:
        tab.locator(".main").click(position={"x": 3, "y": 3})
        page.keyboard.press("Tab")
        tab.locator(selector).nth(1).focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Shift+Tab")
        said = tab.locator("body").evaluate(
            "() => { const at = document.activeElement; return [at.matches(':focus-visible'), at.ariaLabel || at.title || at.innerText]; }"
        )
        if not said[0]:
            raise AssertionError("nothing has a visible focus")
        return f"the focus is on: {said[1]}"

    return act


def press(key: str) -> Act:
    def act(page: Page, tab: FrameLocator) -> None:
        tab.locator(".main").click(position={"x": 3, "y": 3})
        page.keyboard.press(key)

    return act


def draw(page: Page, tab: FrameLocator) -> None:
    """A box over the middle of the first picture."""
    tab.get_by_role("button", name="draw a region").click()
    box = tab.locator(".pictures canvas").first.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.25 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.8 * box["height"], steps=6)
    page.mouse.up()


# What the server does


def delay(route: str) -> Before:
    """Replies of a route that do not come before the page is closed."""

    def hold(page: Page, held: list[Route]) -> None:
        page.route(f"**/plugin/xai/{route}*", lambda asked: held.append(asked))

    return hold


def fail(route: str) -> Before:
    def answer(asked: Route) -> None:
        asked.fulfill(status=500, content_type="text/plain", body="")

    return lambda page, held: page.route(f"**/plugin/xai/{route}*", answer)


# The pictures

HONEST = "a=honest/xai&b=shortcut/xai"
ONE = "a=shortcut/xai&b="
SERIES = "a=honest/xai&b=artefact/xai"
NAMES, TITLES = ".run-name", ".probe-title h2"

SCENES = (
    Scene(
        "empty",
        "empty",
        "no logs: what to do, in lines of code",
        read=(".notice h1", ".notice code"),
        ready=".notice h1",
        looks=(*BOTH, SMALL),
    ),
    Scene("waiting", "waiting", "a run that has explained nothing yet", read=(".notice",), ready=".notice h1", looks=BOTH),
    Scene(
        "failed-damaged",
        "damaged",
        "a damaged record: the server's sentence",
        read=(".notice",),
        ready=".notice h1",
        looks=BOTH,
        fails=True,
    ),
    Scene(
        "failed-damaged-beside",
        "damaged-beside",
        "a link to a damaged record that stands beside a whole one",
        state="a=damaged/xai",
        read=(".runs",),
    ),
    Scene(
        "failed-500",
        "images",
        "a server that answers 500: the sentence, and a second try",
        read=(".notice",),
        ready=".notice h1",
        looks=BOTH,
        before=fail("run?"),
        fails=True,
    ),
    Scene("loading-page", "images", "nothing has come yet", read=(), ready=".page", looks=BOTH, before=delay("run?")),
    Scene(
        "loading-values",
        "images",
        "the run is known, its numbers are on their way; after a second the progress is said",
        read=(".banner",),
        ready=".banner",
        looks=BOTH,
        before=delay("values?"),
    ),
    Scene("images-opening", "images", "the page as it opens", looks=(*BOTH, SMALL, WALL)),
    Scene("images-opening-scale-1.5", "images", "the page as it opens, at 1.5 device pixels", scale=1.5),
    Scene("images-pair", "images", "A | B | A - B of one probe", state=f"{HONEST}&probe=3", at=".probe-panel", looks=BOTH),
    Scene(
        "images-now-pinned",
        "images",
        "one run: A now | A at the pinned epoch | the difference",
        state=f"{ONE}&probe=3&pin=0",
        read=(".view figcaption", ".reading-room"),
        at=".probe-panel",
        looks=BOTH,
    ),
    Scene(
        "images-filmstrip",
        "images",
        "every epoch of one probe, A and B",
        state=HONEST,
        at=".filmstrip-room",
        read=(".filmstrip-room",),
        looks=BOTH,
    ),
    Scene(
        "images-hover",
        "images",
        "a segment under the mouse: its numbers, and the same segment everywhere",
        state=f"{HONEST}&probe=3",
        act=hover(".pictures canvas", 0.5, 0.5),
        read=(".reading-room",),
        looks=BOTH,
    ),
    Scene("images-focus", "images", "the keyboard's focus on the second card", state=HONEST, act=focus(".card"), read=(), looks=BOTH),
    Scene("images-focus-run", "images", "the keyboard's focus on a run's button", state=HONEST, act=focus(".runs button:enabled"), read=()),
    Scene(
        "images-region",
        "images",
        "a region drawn with the mouse, its share and its curve",
        state=HONEST,
        act=draw,
        read=(".area", ".training-room"),
        looks=BOTH,
    ),
    Scene(
        "images-region-drawing",
        "images",
        "drawing a region: what to do",
        state=f"{HONEST}&areas=",
        act=lambda page, tab: tab.get_by_role("button", name="draw a region").click(),
        read=(".drawing-tools",),
    ),
    Scene("images-swipe", "images", "A and B in one place, a border between them", state=f"{HONEST}&compare=swipe", read=(".pane-name",)),
    Scene(
        "images-map-lime", "images", "LIME, the bare map, a class that is not the true one", state=f"{HONEST}&view=map&method=lime&class=7"
    ),
    *(
        Scene(
            f"montage-{which}",
            f"montage-{which}",
            f"several images a probe, {what}: each with its own players, and nothing between them",
            state="probe=1&epoch=3",
            act=hover(".pictures canvas", 0.3, 0.3),
            read=(".reading-room",),
            looks=BOTH,
        )
        for which, what in (("pair", "two digits"), ("views", "three views"), ("bag", "a bag of nine"), ("video", "twelve frames"))
    ),
    Scene("images-help", "images", "the keys", act=press("?"), read=(".help",), looks=(*BOTH, SMALL)),
    *(
        Scene(
            name,
            log,
            "the picture of README and docs: docs/tab*.png",
            state=f"{HONEST}&method=shap&sort=differ{more}",
            read=(".verdict",),
        )
        for name, log, more in (("docs-tab", "demo-images", ""), ("docs-tab-table", "demo-tables", ""), ("docs-tab-text", "demo-texts", ""))
    ),
    Scene(
        "judged-findings",
        "images",
        "what should I look at: the verdict on a pair and the list",
        state=f"{HONEST}&findings=open",
        read=(".verdict", ".findings-list"),
        looks=(*BOTH, SMALL),
    ),
    Scene("judged-run", "images", "one run: what stands out in it", state=f"{ONE}&findings=open", read=(".verdict", ".findings-list")),
    Scene("judged-events", "images", "what happened to the probes, and where", state=f"{HONEST}&events=all", read=(".events",), looks=BOTH),
    Scene(
        "judged-seeds",
        "seeds",
        "two recipes beside their seeds: bands of the curves, A and B apart with noise and repeats, the verdict",
        state="a=honest-seed0/xai&b=leans-seed1/xai&drift=apart&findings=open&runs="
        + ",".join(f"{recipe}-seed{seed}%2Fxai" for recipe, seed in (("honest", 1), ("honest", 2), ("leans", 0), ("leans", 2))),
        read=(".verdict", ".findings-list"),
        looks=BOTH,
    ),
    Scene("one-class", "one-class", "only one class is explained", read=(".explanation-room", ".class-rows")),
    Scene("one-epoch", "one-epoch", "one epoch and the untrained model", looks=BOTH),
    Scene("one-probe", "one-probe", "one probe", read=(".cursor-epoch", ".card")),
    Scene("epochs-1000", "long", "1,000 epochs of two runs", looks=BOTH),
    Scene("epochs-1000-all", "long", "1,000 epochs, every frame of the filmstrip", state="film=all", at=".filmstrip-room"),
    Scene(
        "gap",
        "gap",
        "epochs without an explanation: the reason",
        state="epoch=3",
        read=(".cursor-epoch", ".completeness", ".view .blank"),
        looks=BOTH,
    ),
    Scene("incomparable", "incomparable", "runs that can't be compared, and why", state="a=reference/xai", read=(".runs",), looks=BOTH),
    Scene(
        "names-images",
        "hostile",
        "names that are markup, 200 characters long, emoji, right to left",
        read=(NAMES, TITLES),
        looks=(*BOTH, SMALL),
    ),
    Scene("names-images-long", "hostile", "the probe with the long name, regions listed", state="probe=1", read=(TITLES, ".regions-room")),
    Scene("names-table", "hostile-table", "features with such names", read=(NAMES, ".bars-room"), looks=(*BOTH, SMALL)),
    Scene(
        "names-table-evolution",
        "hostile-table",
        "features with such names, over epochs",
        at=".evolution-room",
        read=(".evolution-room",),
    ),
    Scene(
        "labels-pair",
        "labels",
        "sets of labels: each label's truth, right or wrong in A and B",
        state="a=a/xai&b=b/xai&sort=uncertain&epoch=1",
        read=(".probe-title h2", ".class-head", ".class-row"),
        looks=BOTH,
    ),
    Scene(
        "labels-one",
        "labels",
        "sets of labels of one run, most wrong labels first",
        state="a=b/xai&b=&sort=uncertain&epoch=1",
        read=(".half-words", ".class-head"),
        looks=BOTH,
    ),
    Scene(
        "outputs-many",
        "outputs",
        "20 outputs of a regression, each with its true value and error",
        state="a=many/xai&b=&sort=uncertain&class=3",
        read=(".class-head", ".class-row[aria-pressed=true]", ".reading-room"),
        looks=BOTH,
    ),
    Scene(
        "outputs-large",
        "outputs",
        "one output of large whole numbers, with its true value and error",
        state="a=prices/xai&b=&sort=uncertain",
        read=(".outputs", ".half-words"),
        looks=BOTH,
    ),
    Scene(
        "tables-bars",
        "tables",
        "a bar a feature with its error, A | B | A - B",
        state=f"{HONEST}&probe=2",
        read=(".bars-room", ".reading-room"),
        looks=(*BOTH, SMALL),
    ),
    Scene("tables-opening", "tables", "the page as it opens", read=(".cursor-epoch", ".reading-room"), looks=(*BOTH, WALL)),
    Scene(
        "tables-waterfall",
        "tables",
        "from the base value to the output",
        state=f"{HONEST}&probe=2&form=waterfall",
        at=".probe-panel",
        read=(".bars-room",),
        looks=BOTH,
    ),
    Scene(
        "tables-heat",
        "tables",
        "features by epochs as a heat map",
        state=f"{HONEST}&probe=2",
        at=".evolution-room",
        read=(".evolution-room",),
        looks=BOTH,
    ),
    Scene(
        "tables-ranks",
        "tables",
        "ranks of the features over epochs",
        state=f"{HONEST}&probe=2&evolution=ranks",
        at=".evolution-room",
        read=(".evolution-room",),
        looks=BOTH,
    ),
    Scene(
        "tables-beeswarm",
        "tables",
        "importances and a point a probe, for both runs",
        state=HONEST,
        at=".overview-room",
        read=(".overview-room",),
        looks=(*BOTH, SMALL),
    ),
    Scene(
        "tables-beeswarm-hover",
        "tables",
        "a point under the mouse: its probe and number",
        state=HONEST,
        at=".overview-room",
        act=find_point,
        read=(".overview-room",),
    ),
    Scene(
        "tables-now-pinned",
        "tables",
        "one run: now | pinned",
        state=f"{ONE}&probe=2&pin=0",
        read=(".bars-head", ".reading-room"),
        looks=BOTH,
    ),
    Scene("texts-opening", "texts", "the page as it opens", read=(".cursor-epoch", ".reading-room"), looks=(*BOTH, SMALL, WALL)),
    Scene(
        "texts-pair",
        "texts",
        "the text of A | B | A - B",
        state=f"{HONEST}&probe=1",
        at=".probe-panel",
        read=(".passage-room", ".reading-room"),
        looks=BOTH,
    ),
    Scene(
        "texts-hover",
        "texts",
        "a token under the mouse: its numbers",
        state=f"{HONEST}&probe=1",
        act=hover(".passage-text span", 0.5, 0.5),
        read=(".reading-room",),
        looks=BOTH,
    ),
    Scene(
        "texts-evolution",
        "texts",
        "tokens over epochs",
        state=f"{HONEST}&probe=1",
        at=".evolution-room",
        read=(".evolution-room",),
        looks=BOTH,
    ),
    Scene(
        "texts-ranks",
        "texts",
        "ranks of the tokens over epochs",
        state=f"{HONEST}&probe=1&evolution=ranks",
        at=".evolution-room",
        read=(".evolution-room",),
    ),
    Scene(
        "series-opening",
        "series",
        "the page as it opens, A | B | A - B",
        state=f"{SERIES}&probe=1",
        read=(".signal-room", ".reading-room"),
        looks=(*BOTH, SMALL, WALL),
    ),
    Scene(
        "series-hover",
        "series",
        "a stretch of time under the mouse: its numbers",
        state=f"{SERIES}&probe=1",
        act=hover(".signal-room canvas", 0.95, 0.5),
        read=(".reading-room",),
    ),
    Scene(
        "series-evolution",
        "series",
        "stretches over epochs",
        state=SERIES,
        at=".evolution-room",
        read=(".evolution-room",),
        looks=BOTH,
    ),
    Scene("sets", "sets", "several probe sets in one run", state="set=patch%20at%20random", read=(".explanation-room",), looks=BOTH),
    Scene(
        "live",
        "live",
        "a fit that is running: its first epoch, and the page as it stands some time later, untouched",
        read=(".cursor-words", ".cursor"),
        looks=(Look("first"), Look("later", pause=LIVE_SECONDS)),
    ),
)


@dataclass
class Camera:
    """A browser, the folder of the pictures, and what went wrong."""

    browser: Browser
    folder: Path
    live_seconds: float
    problems: list[str] = field(default_factory=list)
    _contexts: dict[float, BrowserContext] = field(default_factory=dict)

    def take(self, scene: Scene, looks: tuple[Look, ...], server: TensorBoard) -> None:
        first = looks[0]
        complaints: list[str] = []
        held: list[Route] = []
        page = self._context(scene.scale).new_page()
        page.set_viewport_size({"width": first.width, "height": first.height})
        page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) and not scene.fails else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        if scene.before:
            scene.before(page, held)
        for look in looks:
            try:
                if look is first:
                    said = self._open(page, scene, first, server)
                words = self._photograph(page, scene, look, said)
            except (Error, AssertionError) as error:
                reason = str(error).splitlines()[0]
                self.problems.append(f"{scene.file(look)}: {reason}")
                with contextlib.suppress(Error):
                    page.screenshot(path=self.folder / scene.file(look))
                print(f"{scene.file(look)}  NOT AS IT SHOULD BE: {reason}", flush=True)
                if look is first:
                    break
            else:
                print(f"{scene.file(look)}  {scene.sees}  | {words or 'no words'}", flush=True)
        self.problems += [f"{scene.name}: the browser complained: {text}" for text in dict.fromkeys(complaints)]
        for route in held:
            route.abort()
        page.close()

    def _context(self, scale: float) -> BrowserContext:
        """One for all pages of a scale: TensorBoard's own 3 MB of script are read once."""
        if scale not in self._contexts:
            self._contexts[scale] = self.browser.new_context(device_scale_factor=scale)
            self._contexts[scale].set_default_timeout(1000 * WAIT_SECONDS)
        return self._contexts[scale]

    def _open(self, page: Page, scene: Scene, look: Look, server: TensorBoard) -> str:
        pairs = (pair.split("=", 1) for pair in filter(None, scene.state.split("&")))
        state = "".join(f"&p.xai.{name}={quote(value, safe='%')}" for name, value in pairs)
        page.goto(f"{server.url}/?darkMode={'true' if look.dark else 'false'}#xai{state}")
        tab = tab_of(page)
        tab.locator(scene.ready).first.wait_for()
        scroll(tab, scene.at)
        said = scene.act(page, tab) if scene.act else None
        return said if isinstance(said, str) else ""

    def _photograph(self, page: Page, scene: Scene, look: Look, said: str) -> str:
        tab = tab_of(page)
        size = {"width": look.width, "height": look.height}
        if size != page.viewport_size:
            page.set_viewport_size(size)
            scroll(tab, scene.at)
        page.evaluate("(dark) => document.body.classList.toggle('dark-mode', dark)", look.dark)
        if look.pause:
            page.wait_for_timeout(1000 * self.live_seconds)
        settle(page, self.folder / scene.file(look))
        words = [*filter(None, [said]), *(visible_words(tab, selector) for selector in scene.read)]
        return " | ".join(words)


def tab_of(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[src*="name=xai"]')


def scroll(tab: FrameLocator, selector: str) -> None:
    """Until it is in the middle, or begins at the top where it is larger than the window."""
    if selector:
        script = "(room) => room.scrollIntoView({ block: room.offsetHeight > innerHeight ? 'start' : 'center' })"
        tab.locator(selector).first.evaluate(script)


def visible_words(tab: FrameLocator, selector: str) -> str:
    found = tab.locator(f"{selector} >> visible=true").first
    if not found.count():
        raise AssertionError(f"nothing is to be seen of {selector}")
    words = re.sub(r"\s+", " ", found.inner_text()).strip()
    if not words:
        raise AssertionError(f"{selector} says nothing")
    return words if len(words) <= MOST_WORDS else f"{words[: MOST_WORDS - 1]}…"


def settle(page: Page, path: Path) -> None:
    """The picture, once it stays as it is; one that goes on moving is taken as it is then."""
    end = time.monotonic() + SETTLE_SECONDS
    before, now = b"", page.screenshot(path=path)
    while now != before and time.monotonic() < end:
        page.wait_for_timeout(150)
        before, now = now, page.screenshot(path=path)


class LogWriter:
    """The log directories, written by a process of its own while the first of them are photographed already."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._said = folder / "written.txt"
        self._complaints = folder / "complaints.txt"
        command = [sys.executable, str(ROOT / "benchmarks" / "page" / "screens_logs.py"), str(folder), *names]
        with self._said.open("wb") as said, self._complaints.open("wb") as complaints:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=complaints)

    def wait(self, name: str) -> None:
        def there() -> bool:
            ended = self._process.poll() is not None
            if name in self._said.read_text(encoding="utf-8").splitlines():
                return True
            if ended:
                reason = last_line(self._complaints.read_text(encoding="utf-8", errors="replace"))
                sys.exit(f"screens.py: the log “{name}” could not be written: {reason}")
            return False

        wait_until(there, seconds=600)

    def end(self) -> None:
        stop(self._process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def training(folder: Path) -> Iterator[Path]:
    """A log directory that `make demo`'s training writes to, for as long as the context lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder)
    command = [sys.executable, str(ROOT / "demo_training.py"), "--no-serve", "--epochs", "10000", "--logdir", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield folder
    finally:
        stop(process)


def own_chromium() -> str | None:
    """The machine's own; None for the one that Playwright brought."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=own_chromium(), args=[*CHROMIUM, OFFLINE])
        except Error as error:
            sys.exit(f"screens.py: no Chromium: install it, or run `playwright install chromium` ({error.message.splitlines()[0]})")
        try:
            yield browser
        finally:
            browser.close()


def wanted(names: list[str]) -> list[tuple[Scene, tuple[Look, ...]]]:
    """The scenes and looks whose files' names begin with one of the names given; all of them for none."""
    chosen = [(scene, tuple(look for look in scene.looks if scene.file(look).startswith(tuple(names) or ""))) for scene in SCENES]
    missing = [name for name in names if not any(scene.file(look).startswith(name) for scene in SCENES for look in scene.looks)]
    if missing:
        sys.exit(f"screens.py: no picture begins with {missing[0]!r}; --list says which there are.")
    return [(scene, looks) for scene, looks in chosen if looks]


def wait_for_records(server: TensorBoard, runs: int | None) -> None:
    """Until so many runs are there; None: until any has an explained epoch."""

    def there() -> bool:
        reply = server.xai("runs")
        if reply.status != 200:
            raise AssertionError(f"TensorBoard answered {reply.status} for “runs”: {last_line(server.log)}")
        found = reply.json["runs"]
        return any(entry["epochs"] for entry in found) if runs is None else len(found) == runs

    wait_until(there, seconds=120)


def last_line(text: str) -> str:
    """The last that is said before TensorBoard goes on: of a traceback, its error."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no reason was given")


def photograph(scenes: list[tuple[Scene, tuple[Look, ...]]], folder: Path, logs: Path, live_seconds: float) -> list[str]:
    """Takes the pictures. Returns what went wrong."""
    names = list(dict.fromkeys(scene.log for scene, _ in scenes))
    folder.mkdir(parents=True, exist_ok=True)
    logs.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, contextlib.ExitStack() as stack:
        writer = LogWriter(logs, [name for name in names if name != "live"])
        stack.callback(writer.end)
        camera = Camera(browser, folder, live_seconds)
        for name in names:
            with contextlib.ExitStack() as served:
                if name == "live":
                    log = served.enter_context(training(logs / name))
                else:
                    writer.wait(name)
                    log = logs / name
                server = served.enter_context(serving(logs / "tensorboard", "--logdir", str(log)))
                try:
                    wait_for_records(server, None if name == "live" else sum(1 for _ in log.rglob("xai")))
                except (TimeoutError, AssertionError) as error:
                    camera.problems.append(f"{name}: {error}")
                    continue
                for scene, looks in scenes:
                    if scene.log == name:
                        camera.take(scene, looks, server)
        return camera.problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("names", nargs="*", metavar="name", help="only pictures whose names begin so")
    parser.add_argument("--list", action="store_true", help="name the pictures, and take none")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep the logs there; those that are there already are taken as they are")
    parser.add_argument(
        "--live-seconds", type=float, default=LIVE_SECONDS, metavar="S", help=f"between the two live ones (default: {LIVE_SECONDS})"
    )
    asked = parser.parse_args()
    scenes = wanted(asked.names)
    if asked.list:
        for scene, looks in scenes:
            for look in looks:
                print(f"{scene.file(look):40} {scene.sees}")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly exit takes the other processes along
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="screens-") as scratch:
            problems = photograph(scenes, asked.folder, asked.logs or Path(scratch), asked.live_seconds)
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
    print(f"\n{sum(len(looks) for _, looks in scenes)} pictures in {asked.folder}, {time.monotonic() - began:.0f} s")
    if problems:
        sys.exit("\n".join(["", *problems]))


if __name__ == "__main__":
    main()
