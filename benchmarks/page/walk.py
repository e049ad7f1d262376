"""Walks at random over the page, and compares it with a fresh page at the same address, to the word, the box and the pixel.

    python benchmarks/page/walk.py --steps 20000 --seed 0

Runs of every kind are written first. A walk has 60 steps and is compared after every tenth; then another one begins. What differs is printed with the
actions that lead to it, shortened, and with the seed of its walk. See tests/page/test_walk.py.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests"))
from support.all_kinds import write_all
from support.walking import House, Walk

LENGTH = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first walk; each has the next one")
    parser.add_argument("--every", type=int, default=10, help="steps from one comparison to the next")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="ends after so many")
    parser.add_argument("--shorten", type=float, default=120, help="seconds to look for fewer actions that lead to a difference")
    options = parser.parse_args()
    begun = time.monotonic()
    walks = 0
    different = []
    own = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox", "--disable-gpu"])
        with House(write_all(Path(folder))).open() as house:
            walk = Walk(browser, house)
            while walk.steps < options.steps and time.monotonic() - begun < 60 * options.minutes:
                walk.seed = options.seed + walks
                actions = walk.go(LENGTH, options.every)
                walks += 1
                if actions:
                    different.append(walk.seed)
                    print(walk.report(walk.shortened(actions, options.shorten)), flush=True)
                if walks % 10 == 0:
                    print(
                        f"{walk.steps} steps, {walk.comparisons} comparisons, {len(different)} differences, {time.monotonic() - begun:.0f} s",
                        flush=True,
                    )
        browser.close()
    print(
        f"{walk.steps} steps in {walks} walks, {walk.comparisons} comparisons, {len(different)} differences (seeds {different}), {time.monotonic() - begun:.0f} s"
    )
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
