"""Reads every text of the page at every size, in every kind, language and text size: what is cut or lies over something else. About forty minutes.

    python benchmarks/page/clipping.py                          all of it
    python benchmarks/page/clipping.py --kinds tabular --languages long english --sizes 480x600 1440x900 --text 16 32
    python benchmarks/page/clipping.py --pictures FOLDER        and a picture of each page on which something was found

It ends with status 1 where anything was found.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests"))
from screens import CHROMIUM, OFFLINE, own_chromium
from support.clipping import open_alone, read_page
from support.lettered import LANGUAGES, MAKERS, SERIES, write_pair
from support.records import serving

SIZES = (
    "480x400",
    "480x600",
    "600x900",
    "720x500",
    "860x700",
    "1024x700",
    "1100x800",
    "1280x720",
    "1440x900",
    "1920x1080",
    "2560x1440",
    "3840x2160",
)
TEXT = (16, 20, 24, 32)  # px that the browser is set to
STATES = {
    "pair": {"events": "all", "findings": "open"},
    "one": {"b": "", "events": "all", "first": "open", "sort": "uncertain"},
    "pinned": {"b": "", "pin": "3", "epoch": "9", "form": "waterfall", "evolution": "ranks"},
    "rail": {"rail": "open", "lock": "0"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="*", default=list(MAKERS), choices=MAKERS)
    parser.add_argument("--languages", nargs="*", default=list(LANGUAGES), choices=LANGUAGES)
    parser.add_argument("--series", nargs="*", default=list(SERIES), choices=SERIES, help="losses, on tables in English")
    parser.add_argument("--sizes", nargs="*", default=list(SIZES))
    parser.add_argument("--text", nargs="*", type=int, default=list(TEXT))
    parser.add_argument("--states", nargs="*", default=list(STATES), choices=STATES)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--logs", type=Path, help="keep the logs there; those that are there already are taken as they are")
    asked = parser.parse_args()
    boxes = pages = 0
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="clipping-") as scratch, sync_playwright() as playwright:
        logs = asked.logs or Path(scratch)
        cases = [(kind, language, "plain") for kind in asked.kinds for language in asked.languages]
        cases += [("tabular", "english", series) for series in asked.series if series != "plain"]
        browsers = {
            text: playwright.chromium.launch(
                executable_path=own_chromium(), args=[*CHROMIUM, OFFLINE, f"--blink-settings=defaultFontSize={text}"]
            )
            for text in asked.text
        }
        for kind, language, series in cases:
            folder = logs / f"{kind}-{language}-{series}"
            if not folder.exists():
                write_pair(folder, kind, LANGUAGES[language], series=series)
            with serving(Path(scratch) / "tensorboard", "--logdir", str(folder)) as server:
                server.wait_for_epochs(next(iter(server.runs())), 14)
                for text, browser in browsers.items():
                    for name in asked.states:
                        page = browser.new_page()
                        open_alone(page, server, STATES[name])
                        for size in asked.sizes:
                            width, height = map(int, size.split("x"))
                            reading = read_page(page, width, height)
                            pages, boxes = pages + 1, boxes + reading.read
                            for problem in reading.problems:
                                found[problem.rsplit("(", 1)[-1]] += 1
                                print(f"{kind} {language} {series} {name} {size} text {text}: {problem}", flush=True)
                            if reading.problems and asked.pictures:
                                asked.pictures.mkdir(parents=True, exist_ok=True)
                                page.screenshot(path=asked.pictures / f"{kind}-{language}-{series}-{name}-{size}-{text}.png")
                        page.close()
            print(f"{kind} {language} {series}: {boxes} texts on {pages} pages so far, {found.total()} found", flush=True)
    for where, count in found.most_common():
        print(f"{count:6} ({where}")
    print(
        f"{boxes} texts on {pages} pages: {len(asked.sizes)} sizes, {len(asked.languages)} languages, {len(asked.text)} text sizes, {len(asked.kinds)} kinds; {found.total()} found"
    )
    sys.exit(int(found.total() > 0))


if __name__ == "__main__":
    main()
