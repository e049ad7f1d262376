"""A page is its address: after any actions it is what a fresh page at the same address is, to the word, the box and the pixel."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support.all_kinds import write_all
from support.records import FakeRun, serving
from support.walking import FramedWalk, House, Walk

STEPS, EVERY = 100, 10
SEEDS = [int(seed) for seed in os.environ.get("WALK_SEEDS", "1 2").split()]
KINDS = ["image-a", "table-a", "text-a", "series-a"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FakeRun]:
    return write_all(tmp_path_factory.mktemp("logs"))


@pytest.fixture(scope="module")
def house(runs: dict[str, FakeRun]) -> Iterator[House]:
    with House(runs).open() as house:
        yield house


@pytest.fixture(scope="module")
def walk(house: House, browser: Browser) -> Walk:
    return Walk(browser, house)


def as_a(run: str) -> list:
    return ["use", "runs", f"button.letter button \u201c{run} as run A\u201d", 0, 0]


@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_random_walk_the_page_is_a_fresh_page_at_its_address(seed: int, walk: Walk) -> None:
    walk.seed = seed
    actions = walk.go(STEPS, EVERY)
    assert not actions, walk.report(walk.shortened(actions, 90))


def test_a_page_in_tensorboard_is_a_fresh_page_at_its_address(
    house: House, runs: dict[str, FakeRun], browser: Browser, tmp_path: Path
) -> None:
    with serving(tmp_path / "tensorboard", "--logdir", str(Path(runs["image-a"].log_dir).parent)) as process:
        process.wait_for_epochs("image-a/xai", len([step for step in runs["image-a"].steps if step >= 0]))
        walk = FramedWalk(browser, house, 5, url=process.url)
        actions = walk.go(20, 5)
    assert not actions, walk.report(actions)


def test_nothing_of_a_kind_stays_when_another_one_is_chosen(walk: Walk) -> None:
    """On the way from each kind to each other."""
    walk.begin()
    for kind, other in itertools.permutations(KINDS, 2):
        walk.act(as_a(kind))
        walk.rest(walk.page)
        walk.act(as_a(other))
        assert walk.differences() == [], f"{kind}, then {other}"
    assert walk.complaints == []


def test_a_drawing_that_is_begun_while_another_kind_is_on_its_way_ends_there(walk: Walk) -> None:
    walk.begin()
    walk.act(as_a("image-a"))
    walk.rest(walk.page)
    # Before any reply: the image is still shown.
    begun = """(what) => {
      walk.use(...what);
      document.querySelector('.draw').click();
    }"""
    walk.tab(walk.page).evaluate(begun, as_a("table-a")[1:])
    walk.rest(walk.page)
    assert walk.tab(walk.page).locator(".ask-region").is_visible()
    assert walk.differences() == []


# As the browser's translation does: each text is taken out, and an element of the browser's own stands there.
TRANSLATE = """(atOnce) => {
  const texts = document.createTreeWalker(document.querySelector('.page'), NodeFilter.SHOW_TEXT);
  const all = [];
  while (texts.nextNode()) all.push(texts.currentNode);
  for (const text of all) {
    if (!text.data.trim() || text.parentElement.closest('[translate=no], font, option, svg')) continue;
    const outer = document.createElement('font');
    outer.append(document.createElement('font'));
    outer.firstChild.textContent = text.data;
    if (atOnce) text.replaceWith(outer);
    else {
      text.before(outer);
      text.remove();
    }
  }
  return document.querySelectorAll('font font').length;
}"""
# The overview is drawn when it comes into view.
WORDS = """() => {
  const end = document.querySelector('.main').getBoundingClientRect().bottom - 1;
  const isDrawn = (room) => room.checkVisibility() && !(room.matches('.overview-room') && room.getBoundingClientRect().top >= end);
  return [...document.querySelectorAll("[class*='-room']")].filter(isDrawn).map((room) => room.innerText.replace(/\\s+/g, ' '));
}"""


@pytest.mark.parametrize("at_once", [True, False])
def test_a_translated_page_says_what_the_record_says(at_once: bool, walk: Walk) -> None:
    walk.seed = 5
    walk.begin()
    untouched = walk.page.evaluate("[...document.querySelectorAll('[translate=no]')].map((one) => one.textContent.trim())")
    assert {"class 0", "class 1"} & set(untouched), "names of the user's are not translated"
    for step in range(16):
        assert walk.page.evaluate(TRANSLATE, at_once) > 50
        walk.act(walk.choose())
        walk.rest_a_little()
        if step % 8 == 7:
            walk.differences()  # opens the fresh page; elements differ
            assert walk.page.evaluate(WORDS) == walk.fresh.evaluate(WORDS)
    assert walk.complaints == []
