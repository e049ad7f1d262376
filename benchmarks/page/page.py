"""What the page costs in a real browser on a large log: seconds to the first picture, script of a step, frames while playing, memory, bytes.

    python benchmarks/page/page_log.py FOLDER && python benchmarks/page/page.py FOLDER

Chromium without a GPU, TensorBoard as it comes. The time to open runs from the click on the tab, TensorBoard having read all events and the
plugin not asked for anything yet, until the selected probe is drawn; every opening has a TensorBoard and a browser of its own. Script, layout and style are Chromium's own counters.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import CDPSession, Frame, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests"))
from support.records import serving

STEPS = 100
PLAYED_SECONDS = 6
COUNTERS = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration", "TaskDuration")

# Clicks the tab, and waits for the frame in which the probe's picture has colour.
OPEN = """async () => {
  const tab = document.querySelector('[data-plugin-id=xai]');
  const start = performance.now();
  tab.click();
  const drawn = () => {
    const page = document.querySelector('iframe[src*="name=xai"]')?.contentDocument?.querySelector('.page[data-phase=ready]');
    const canvas = page?.querySelector('.pictures canvas');
    if (!canvas?.width) return false;
    const middle = canvas.getContext('2d').getImageData(0, canvas.height >> 1, canvas.width, 1).data;
    return middle.some((value) => value);
  };
  while (!drawn()) {
    if (performance.now() - start > 60000) throw new Error("no picture within a minute");
    await new Promise(requestAnimationFrame);
  }
  return performance.now() - start;
}"""

STEP = """(key) => new Promise((done) => {
  document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""

FRAMES = """(seconds) => new Promise((done) => {
  const end = performance.now() + seconds * 1000;
  const times = [];
  const steps = new Set();
  const count = (now) => {
    times.push(now);
    steps.add(document.querySelector('#epoch').value);
    if (now < end) requestAnimationFrame(count);
    else done({ fps: (1000 * (times.length - 1)) / (times[times.length - 1] - times[0]), epochs: steps.size / seconds });
  };
  requestAnimationFrame(count);
})"""


def tab_frame(page: Page) -> Frame:
    return next(frame for frame in page.frames if "name=xai" in frame.url)


def counters(session: CDPSession) -> dict[str, float]:
    found = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return {name: found[name] for name in COUNTERS}


def renderer_mib(page: Page, session: CDPSession) -> float:
    """Memory of the page's process that it shares with no other."""
    processes = page.context.browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    sizes = [_private_mib(int(process["id"])) for process in processes if process["type"] == "renderer"]
    return max(sizes)


def _private_mib(process: int) -> float:
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_")) / 1024


@contextmanager
def at_the_door(url: str, size: tuple[int, int]) -> Iterator[Page]:
    """TensorBoard in a browser, in another tab of its own than ours."""
    own = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.goto(f"{url}/#scalars")
        page.locator("[data-plugin-id=xai]").wait_for()
        page.wait_for_timeout(2000)
        yield page
        browser.close()


def open_seconds(url: str, size: tuple[int, int]) -> float:
    with at_the_door(url, size) as page:
        return page.evaluate(OPEN) / 1000


def measure(url: str, size: tuple[int, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with at_the_door(url, size) as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        session.send("Network.enable")
        received = {"bytes": 0, "requests": 0}
        urls: dict[str, str] = {}

        def finished(event: dict[str, Any]) -> None:
            if "/plugin/xai/" in urls.get(event["requestId"], "") and "/static/" not in urls[event["requestId"]]:
                received["bytes"] += event["encodedDataLength"]
                received["requests"] += 1

        session.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
        session.on("Network.loadingFinished", finished)
        before = renderer_mib(page, session)
        page.evaluate(OPEN)
        frame = tab_frame(page)
        frame.wait_for_selector(".page[data-phase=ready][aria-busy=false]")
        page.wait_for_timeout(1500)
        found["bytes at open, MB"] = received["bytes"] / 1e6
        found["requests at open"] = received["requests"]
        for key in ("ArrowLeft", "ArrowRight"):
            frame.evaluate(STEP, key)
        costs = []
        for number in range(STEPS):
            start = counters(session)
            frame.evaluate(STEP, "ArrowLeft" if number < STEPS // 2 else "ArrowRight")
            costs.append({name: 1000 * (value - start[name]) for name, value in counters(session).items()})
        for name in COUNTERS:
            values = [cost[name] for cost in costs]
            found[f"{name} a step, ms (median, 95 %)"] = f"{np.median(values):.1f}, {np.quantile(values, 0.95):.1f}"
        frame.evaluate(STEP, "Home")
        frame.evaluate(STEP, " ")
        played = frame.evaluate(FRAMES, PLAYED_SECONDS)
        found["frames a second while playing"] = played["fps"]
        found["epochs a second while playing"] = played["epochs"]
        found["page memory, MiB"] = renderer_mib(page, session) - before
        found["JS heap, MiB"] = frame.evaluate("performance.memory.usedJSHeapSize") / 2**20
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, nargs=2, default=(1440, 900), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--settle", type=float, default=20, help="seconds that TensorBoard gets to read the events")
    parser.add_argument("--openings", type=int, default=5)
    asked = parser.parse_args()
    size = tuple(asked.size)
    opened = []
    for _ in range(asked.openings):
        with (
            tempfile.TemporaryDirectory() as scratch,
            serving(Path(scratch), "--logdir", str(asked.folder.resolve()), tensorflow=True) as process,
        ):
            time.sleep(asked.settle)
            opened.append(open_seconds(process.url, size))
    with (
        tempfile.TemporaryDirectory() as scratch,
        serving(Path(scratch), "--logdir", str(asked.folder.resolve()), tensorflow=True) as process,
    ):
        time.sleep(asked.settle)
        found = measure(process.url, size)
    print(f"{'first picture, s (median, from, to)':45s} {statistics.median(opened):.2f}, {min(opened):.2f}, {max(opened):.2f}")
    for name, value in found.items():
        print(f"{name:45s} {value if isinstance(value, str) else f'{value:.2f}'}")


if __name__ == "__main__":
    main()
