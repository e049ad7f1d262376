"""What of an attribution is shown: held against the lime package, in every picture of the page and in what is exported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lime.lime_image import ImageExplanation
from playwright.sync_api import FrameLocator, Locator, expect
from skimage.segmentation import find_boundaries
from support.browsing import READY, Open
from support.exported import colours, export, png_size, table
from support.records import FakeRun, TensorBoard, Truth, serving

import tb_xai_plugin as xai
from tb_xai_plugin.engine.plan import Plan

EPOCHS = 4
SIDE = 16
CLASSES = ["cat", "dog"]
HIDDEN = (206, 207, 211)
YELLOW = (255, 255, 0)
WORDS = ("a", "film", "that", "nobody", "should", "miss", "at", "all")
FEATURES = ["age", "fare", "sex", "cabin", "siblings", "parents", "port"]
LENGTH = 20

CLASSIC = "sign=for&top=5&rest=hide&view=image&outlines=0"  # but for its lines


def segments(count: int, rng: np.random.Generator) -> np.ndarray:
    """int (SIDE, SIDE): the nearest of `count` random pixels."""
    centres = rng.permutation(SIDE * SIDE)[:count]
    at = np.stack(np.divmod(np.arange(SIDE * SIDE), SIDE), axis=1)
    distance = np.square(at[:, None] - at[centres][None]).sum(axis=2)
    return distance.argmin(axis=1).reshape(SIDE, SIDE)


def images() -> xai.ImageProbes:
    rng = np.random.default_rng(5)
    pictures = rng.integers(0, 200, (3, SIDE, SIDE, 3)).astype(np.uint8)  # no pixel looks hidden
    pictures[:, 0, 0] = 255
    maps = np.stack([segments(count, rng) for count in (14, 9, 12)])
    return xai.ImageProbes(pictures, [0, 1, 0], class_names=CLASSES, segments=maps, baseline=0)


def rows() -> xai.TabularProbes:
    x = np.random.default_rng(0).normal(size=(8, len(FEATURES))).astype(np.float32)
    return xai.TabularProbes(x[:3], [0, 1, 0], background=x, feature_names=FEATURES, class_names=CLASSES)


def texts() -> xai.TextProbes:
    return xai.TextProbes([" ".join(WORDS)] * 3, [0, 1, 0], encode=None, class_names=CLASSES)


def series() -> xai.SequenceProbes:
    x = np.random.default_rng(0).normal(size=(3, LENGTH)).astype(np.float32)
    return xai.SequenceProbes(x, [0, 1, 0], segments=10, class_names=CLASSES)


PROBES: dict[str, Callable[[], xai.ProbeSet]] = {"image": images, "table": rows, "text": texts, "series": series}


def record(log_dir: Path, probes: xai.ProbeSet, seed: int) -> FakeRun:
    """Random numbers for given probes. A table's first feature leads, as in a model that goes by one column; nothing speaks for image 1 at first."""
    run = FakeRun(log_dir, players=tuple(int(count) for count in probes.players), seed=seed)
    run.probes = probes
    run.plan = Plan(probes, run.explainers, evaluations="auto", output="log-odds", classes="auto", seed=0, batch_size="auto")
    random = run._made

    def made(step: int, *more: Any) -> Truth:
        truth = random(step, *more)
        for values in truth.values.values():
            if isinstance(probes, xai.TabularProbes):
                values[:, :, 0] = 300 * np.abs(values[:, :, 0]) + 100
            elif isinstance(probes, xai.ImageProbes) and step == 0:
                values[1] = -np.abs(values[1])
        return truth

    run._made = made  # type: ignore[method-assign]
    return run.write(range(EPOCHS))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FakeRun]:
    logdir = tmp_path_factory.mktemp("logs")
    made = {
        f"{kind}/{letter}": (PROBES[kind], seed) for kind in PROBES for seed, letter in enumerate("ab") if (kind, letter) != ("series", "b")
    }
    return {name: record(logdir / name, probes(), seed) for name, (probes, seed) in made.items()}


@pytest.fixture(scope="module")
def server(runs: dict[str, FakeRun], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    logdir = Path(runs["image/a"].log_dir).parent.parent
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        for name in runs:
            process.wait_for_epochs(f"{name}/xai", EPOCHS)
        yield process


def values_of(run: FakeRun, step: int, probe: int, method: str = "lime") -> np.ndarray:
    """(players,) toward the true class."""
    return run.truth[step].values[method][probe, int(run.probes.labels[probe])][: run.probes.players[probe]]


def limes(run: FakeRun, probe: int, values: np.ndarray, sign: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The image and the mask that the lime package makes of these weights, the rest hidden."""
    explanation = ImageExplanation(run.probes.images[probe].astype(float), run.probes.segments[probe])
    explanation.local_exp[0] = sorted(enumerate(values.tolist()), key=lambda one: abs(one[1]), reverse=True)
    only = {"positive_only": sign == "for", "negative_only": sign == "against"}
    return explanation.get_image_and_mask(0, **only, num_features=most, hide_rest=True)


READ = """(canvas, points) => {
    const context = canvas.getContext("2d");
    return points.map(([x, y]) => [...context.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data.slice(0, 3)]);
}"""
CENTRES = [((x + 0.5) / SIDE, (y + 0.5) / SIDE) for y in range(SIDE) for x in range(SIDE)]


def seen(canvas: Locator, points: list[tuple[float, float]] = CENTRES) -> np.ndarray:
    return np.array(canvas.evaluate(READ, points))


def shown_in(found: np.ndarray) -> np.ndarray:
    """bool (SIDE, SIDE): where the picture is not hidden."""
    return (np.abs(found - HIDDEN).max(axis=1) > 3).reshape(SIDE, SIDE)


def ready(tab: FrameLocator) -> FrameLocator:
    tab.locator(READY).wait_for()
    return tab


@pytest.mark.parametrize(("sign", "most"), [("for", 5), ("against", 3), ("both", 4)])
def test_every_picture_shows_the_pixels_that_lime_shows(
    sign: str, most: int, server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    a, b = runs["image/a"], runs["image/b"]
    probe, step = 0, 1
    fields = f"sign={sign}&top={most}&rest=hide&view=image&outlines=0&method=lime&sort=order"
    _, tab = open_tab(server, f"a=image/a/xai&b=image/b/xai&probe={probe}&epoch={step}&{fields}")
    ready(tab)
    large = tab.locator(".view canvas")
    for i, run in enumerate((a, b)):
        picture, mask = limes(run, probe, values_of(run, step, probe), sign, most)
        found = seen(large.nth(i)).reshape(SIDE, SIDE, 3)
        # Of both signs, lime paints them red and green instead of showing the image there.
        np.testing.assert_array_equal(found[mask != 0], (run.probes.images[probe] if sign == "both" else picture)[mask != 0])
        assert (found[mask == 0] == HIDDEN).all()
    # A difference keeps both signs.
    apart = values_of(a, step, probe) - values_of(b, step, probe)
    np.testing.assert_array_equal(shown_in(seen(large.nth(2))), limes(a, probe, apart, "both", most)[1] != 0)
    for card in range(len(a.probes)):
        for i, run in enumerate((a, b)):
            found = seen(tab.locator(".card").nth(card).locator(".half canvas").nth(i))
            np.testing.assert_array_equal(shown_in(found), limes(run, card, values_of(run, step, card), sign, most)[1] != 0)
    frames = tab.locator(".frame canvas")  # all of A, then all of B
    expect(frames).to_have_count(2 * EPOCHS)
    for at in range(EPOCHS):
        for i, run in enumerate((a, b)):
            found = seen(frames.nth(i * EPOCHS + at))
            np.testing.assert_array_equal(shown_in(found), limes(run, probe, values_of(run, at, probe), sign, most)[1] != 0)


def test_outlines_in_a_colour_are_the_boundaries_of_limes_mask(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    run, probe, step = runs["image/a"], 0, 2
    _, tab = open_tab(server, f"a=image/a/xai&b=&probe={probe}&epoch={step}&top=5&ink=#ffff00&view=image&method=lime", dark=True)
    ready(tab)
    mask = limes(run, probe, values_of(run, step, probe), "both", 5)[1]
    expected = find_boundaries(mask, mode="subpixel")[::2, 1::2]  # between a pixel and its right neighbour
    points = [((x + 1) / SIDE, (y + 0.5) / SIDE) for y in range(SIDE) for x in range(SIDE - 1)]
    found = (seen(tab.locator(".view canvas").first, points) == YELLOW).all(axis=1).reshape(SIDE, SIDE - 1)
    np.testing.assert_array_equal(found, expected)


def test_the_classic_picture_is_one_click_away_and_is_left_for_the_plain_look(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    run, probe, step = runs["image/a"], 2, 0
    page, tab = open_tab(server, f"a=image/a/xai&b=&probe={probe}&epoch={step}&method=shap&view=map&strongest=40&ink=#12ab34")
    ready(tab)
    page.wait_for_function("() => location.hash.includes('p.xai.probe=2')")
    pixels = "canvas => canvas.toDataURL()"
    first = tab.locator(".view canvas").first
    button = tab.get_by_role("button", name="classic picture")
    expect(button).to_have_attribute("title", re.compile("the method is LIME"))
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("() => location.hash.includes('p.xai.rest=hide')")
    for field in ("sign=for", "top=5", "rest=hide", "ink=%23ffff00", "view=image", "method=lime"):
        assert f"p.xai.{field}" in page.url
    mask = limes(run, probe, values_of(run, step, probe), "for", 5)[1]
    ready(tab)
    inside = find_boundaries(mask, mode="thick")  # lines of two px and their rims are thinner than a pixel of the image
    np.testing.assert_array_equal(shown_in(seen(first))[~inside], (mask != 0)[~inside])
    there = page.url
    classic = first.evaluate(pixels)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.wait_for_function("() => !location.hash.includes('p.xai.rest')")
    ready(tab)
    left, shown = page.url, first.evaluate(pixels)
    # A fresh page at the address of the classic picture shows it, and leaves it for the same: the view remembers nothing.
    fresh = page.context.browser.new_page(viewport={"width": 1440, "height": 900}) if page.context.browser else page
    fresh.goto(there)
    other = ready(fresh.frame_locator('iframe[src*="name=xai"]'))
    assert other.locator(".view canvas").first.evaluate(pixels) == classic
    other.get_by_role("button", name="classic picture").click()
    fresh.wait_for_function("() => !location.hash.includes('p.xai.rest')")
    assert not re.search(r"p\.xai\.(sign|top|rest|ink|view)=", fresh.url)
    assert fresh.url == left
    ready(other)
    assert other.locator(".view canvas").first.evaluate(pixels) == shown
    fresh.close()


def test_exports_hold_what_the_page_shows(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    a, b = runs["image/a"], runs["image/b"]
    probe, step = 0, 1
    page, tab = open_tab(server, f"a=image/a/xai&b=image/b/xai&probe={probe}&epoch={step}&method=lime&{CLASSIC}")
    ready(tab)
    numbers = table(export(page, tab, "Numbers as CSV"))
    every = table(export(page, tab, "Numbers of all epochs as CSV"))
    for title, run in (("A", a), ("B", b)):
        mask = limes(run, probe, values_of(run, step, probe), "for", 5)[1]
        players = set(run.probes.segments[probe][mask != 0].tolist())
        assert {int(row["player"]) for row in numbers if row[f"{title} shown"] == "1"} == players
        own = [row for row in every if row["run"] == f"image/{title.lower()}" and row["epoch"] == str(step)]
        assert {int(row["player"]) for row in own if row["shown"] == "1"} == players
    film = Path(export(page, tab, "Filmstrip as PNG").path()).read_bytes()
    width, height = png_size(film)
    # Frames of 128 units, two px each, one below the other, their right edge 16 units from the sheet's.
    for row, run in enumerate((a, b)):
        left, top = width - 2 * (16 + 128), height - 2 * (10 + 16 + 4 + 128 + (1 - row) * 132)
        found = colours(page, film, "png", [(left + 256 * x, top + 256 * y) for x, y in CENTRES])
        expected = limes(run, probe, values_of(run, EPOCHS - 1, probe), "for", 5)[1] != 0
        np.testing.assert_array_equal(shown_in(found), expected)
    gif = Path(export(page, tab, "Filmstrip as GIF").path()).read_bytes()
    for at in range(EPOCHS):
        each = [values_of(run, at, probe) for run in (a, b)]
        for place, (values, sign) in enumerate([(each[0], "for"), (each[1], "for"), (each[0] - each[1], "both")]):
            found = colours(page, gif, "gif", [(14 + place * 290 + 280 * x, 36 + 280 * y) for x, y in CENTRES], frame=at)
            np.testing.assert_array_equal(shown_in(found), limes(a, probe, values, sign, 5)[1] != 0)


def strongest(values: np.ndarray, sign: str, most: int) -> list[int]:
    """Players from the strongest on, as lime's `as_list` has them."""
    ordered = np.argsort(-np.abs(values), kind="stable")
    return [int(i) for i in ordered if sign == "both" or (values[i] > 0) == (sign == "for")][:most]


def test_a_table_opens_on_a_scale_that_shows_its_largest_bar_and_keeps_the_rows_of_the_strongest_of_a_sign(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    a, b = runs["table/a"], runs["table/b"]
    probe, step = 1, 1
    _, tab = open_tab(server, f"a=table/a/xai&b=table/b/xai&probe={probe}&epoch={step}&method=lime")
    ready(tab)
    sizes = [[np.abs(values_of(run, at, row)) for at in run.steps for row in range(len(run.probes))] for run in (a, b)]
    largest = np.max(sizes)
    assert np.quantile(sizes, 0.98, axis=(1, 2)).max() < 0.95 * largest  # the leading feature would be one colour
    end = re.search(r"to \+([\d,.]+)", tab.locator(".legend").get_attribute("aria-label") or "")
    assert end is not None
    assert float(end[1].replace(",", "")) == pytest.approx(largest, rel=0.006)
    expect(tab.locator(".evolution-beyond")).to_have_count(0)
    expect(tab.locator(".look-room")).to_contain_text("no bar is larger")

    rows = tab.locator(".bars-room .bar-name:not(.others)")
    expect(rows).to_have_count(len(FEATURES))
    tab.get_by_role("group", name="What is shown").get_by_role("button", name="against").click()
    count = tab.get_by_label("How many features")
    count.fill("0")
    count.blur()
    expect(count).to_have_value("")  # what the address holds
    count.fill("2")
    expect(rows).to_have_count(len(FEATURES))  # the others are grey
    tab.get_by_label("Hide the rest").check()
    kept = [strongest(values_of(run, step, probe), "against", 2) for run in (a, b)]
    kept.append(strongest(values_of(a, step, probe) - values_of(b, step, probe), "both", 2))
    names = {FEATURES[player] for players in kept for player in players}
    expect(rows).to_have_count(len(names))
    assert {text.split("\n")[0] for text in rows.all_inner_texts()} == names
    expect(tab.locator(".bars-tools .note").first).to_contain_text(f"{len(names)} of {len(FEATURES)} features")
    # No control that does nothing for a table.
    for name in ("classic picture", "Outlines of segments", "Opacity"):
        expect(tab.locator(".look-room").get_by_text(name)).to_have_count(0)


def test_a_text_and_a_series_hide_all_but_the_strongest(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    probe, step, most = 0, 2, 3
    fields = f"probe={probe}&epoch={step}&method=lime&sign=for&top={most}&rest=hide"
    _, tab = open_tab(server, f"a=text/a/xai&b=text/b/xai&{fields}")
    ready(tab)
    for i, name in enumerate(("text/a", "text/b")):
        kept = strongest(values_of(runs[name], step, probe), "for", most)
        words = tab.locator(".passage-text").nth(i).locator(".token:not(.hidden-token)").all_inner_texts()
        assert words == [WORDS[player] for player in sorted(kept)]
    _, tab = open_tab(server, f"a=series/a/xai&b=&{fields}")
    ready(tab)
    run = runs["series/a"]
    kept = strongest(values_of(run, step, probe), "for", most)
    canvas = tab.locator(".signals canvas").first
    width = int(canvas.evaluate("canvas => canvas.clientWidth"))
    # Each of the ten stretches takes a tenth of the width between the axes; the first pixel row is above any line.
    points = [((34 + (player + 0.5) * (width - 40) / 10) / width, 0.02) for player in range(10)]
    found = np.abs(seen(canvas, points) - HIDDEN).max(axis=1) > 3
    assert np.flatnonzero(found).tolist() == sorted(kept)


def test_where_nothing_speaks_for_the_class_the_picture_says_so(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=image/a/xai&b=&probe=1&epoch=0&rest=hide&sign=for&method=lime")
    ready(tab)
    blank = tab.locator(".view").first.locator(".blank")
    expect(blank).to_have_text("nothing speaks for the class here")
    tab.get_by_role("group", name="What is shown").get_by_role("button", name="against").click()
    expect(blank).to_have_count(0)
