"""Regions drawn on a picture, and A and B in one place, in a real browser: the shares are those of the record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

import numpy as np
import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect
from support.browsing import READY, Open
from support.records import SIDE, FakeRun, TensorBoard, Truth, serving

EPOCHS = 4
HOSTILE = "<b onmouseover=alert(1)>:;,%&"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FakeRun]:
    logdir = tmp_path_factory.mktemp("logs")
    made = {"a": FakeRun(logdir / "a"), "b": FakeRun(logdir / "b")}
    made["b"].rng = np.random.default_rng(1)
    for run in made.values():
        run.write(range(-1, EPOCHS))
    return made


@pytest.fixture(scope="module")
def server(runs: dict[str, FakeRun], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(runs["a"].log_dir.parent)) as process:
        for name in runs:
            process.wait_for_epochs(f"{name}/xai", EPOCHS)
        yield process


def explained(run: FakeRun, step: int, inside: np.ndarray, probe: int) -> tuple[np.ndarray, np.ndarray]:
    """SHAP of each player of a probe, and the part of it inside a mask (SIDE, SIDE)."""
    segments, values = run.probes.segments[probe], run.truth[step].values["shap"][probe, run.probes.labels[probe]]
    players = range(run.players[probe])
    return values[: len(players)], np.array([inside[segments == player].mean() for player in players])


def per_cent(value: float) -> str:
    """A share as the page writes it."""
    return f"{100 * value:.0f} %" if value >= 0.1 else f"{100 * value:.1f} %"


def share(run: FakeRun, step: int, inside: np.ndarray, probes: list[int], *, positive: bool = False) -> str:
    """Mean share over probes of |SHAP|, or of what is positive of it, inside a mask (SIDE, SIDE)."""
    found = []
    for probe in probes:
        values, part = explained(run, step, inside, probe)
        size = np.maximum(values, 0) if positive else np.abs(values)
        found.append((size * part).sum() / size.sum())
    return per_cent(float(np.mean(found)))


def canvas(tab: FrameLocator, place: int = 0) -> Locator:
    return tab.locator(".pictures canvas").nth(place)


def drag(page: Page, picture: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one point of the image to another, in its pixels."""
    box = picture.bounding_box()
    points = [(box["x"] + x / SIDE * box["width"], box["y"] + y / SIDE * box["height"]) for x, y in (start, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=4)
    page.mouse.up()


def region(tab: FrameLocator, name: str) -> Locator:
    return tab.locator(".region").filter(has_text=name)


def shares(tab: FrameLocator, name: str) -> Locator:
    return region(tab, name).locator(".region-shares")


def test_a_box_drawn_over_the_left_half_holds_what_the_logged_left_half_holds(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai&probe=1&epoch=2")
    expect(tab.locator(READY)).to_be_visible()
    tab.get_by_role("button", name="draw a region").click()
    drag(page, canvas(tab, 1), (0.1, 0.2), (3.6, 7.9))
    inside = np.zeros((SIDE, SIDE), dtype=bool)
    inside[:, : SIDE // 2] = True
    wanted = " ".join(f"{letter} {share(runs[name], 2, inside, [0, 1, 2])}" for letter, name in (("A", "a"), ("B", "b")))
    expect(shares(tab, "area 1")).to_have_text(wanted.replace(" B", "B"))
    expect(shares(tab, "left")).to_have_text(wanted.replace(" B", "B"))
    expect(region(tab, "area 1").get_by_role("checkbox")).to_be_checked()
    expect(tab.locator("figcaption").filter(has_text="share on “area 1”")).to_be_visible()


def test_of_the_region_in_view_the_positive_share_and_the_pointing_game_are_told(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    right = np.zeros((SIDE, SIDE), dtype=bool)
    right[:, SIDE // 2 :] = True
    top = np.zeros((SIDE, SIDE), dtype=bool)
    top[:3] = True
    inside, counted, positive = {}, {}, {}
    for name, run in runs.items():
        # A probe without a positive value points nowhere.
        probes = [probe for probe in range(3) if (explained(run, 0, top, probe)[0] > 0).any()]
        each = [explained(run, 0, top, probe) for probe in probes]
        inside[name] = sum(part[values.argmax()] > 0.5 for values, part in each)
        counted[name] = len(probes)
        positive[name] = share(run, 0, top, probes, positive=True)
    assert counted["a"] != counted["b"]
    areas = f"{quote('top')}::0,0,8,0,8,3,0,3;{quote('right')}::4,0,8,0,8,8,4,8"
    _, tab = open_tab(server, f"a=a/xai&b=b/xai&epoch=0&region=top&areas={areas}")
    told = region(tab, "top").locator(".region-more")
    expect(told).to_have_text(
        [
            f"of positive: A {positive['a']}, B {positive['b']}",
            f"pointed at: A {inside['a']} of {counted['a']}, B {inside['b']} of {counted['b']}",
        ]
    )
    of_a = f"A, epoch 0, mean over 3 probes: {share(runs['a'], 0, top, [0, 1, 2])} of |attribution|, {positive['a']} of the positive attribution, "
    of_a += f"strongest segment inside in {inside['a']} of {counted['a']} probes"
    expect(region(tab, "top").get_by_role("checkbox")).to_have_accessible_description(re.compile(re.escape(of_a)))
    # Of the others the numbers are in the description: the panel stays short.
    expect(region(tab, "right").locator(".region-more")).to_have_count(0)
    probes = [probe for probe in range(3) if (explained(runs["b"], 0, right, probe)[0] > 0).any()]
    said = f"{share(runs['b'], 0, right, probes, positive=True)} of the positive"
    expect(region(tab, "right").get_by_role("checkbox")).to_have_accessible_description(re.compile(said))


def test_a_region_of_one_probe_counts_that_probe_only(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    top = np.zeros((SIDE, SIDE), dtype=bool)
    top[:2] = True
    areas = quote("top") + "::0,0,8,0,8,2,0,2"
    _, tab = open_tab(server, f"a=a/xai&b=&probe=2&epoch=1&region=top&areas={areas}")
    expect(shares(tab, "top")).to_contain_text(f"now {share(runs['a'], 1, top, [0, 1, 2])}")
    tab.get_by_role("button", name="top: all probes").click()
    expect(tab.get_by_role("button", name="top: probe 2 only")).to_be_visible()
    expect(shares(tab, "top")).to_contain_text(f"now {share(runs['a'], 1, top, [2])}")


def test_a_drawn_region_is_in_the_link_can_be_renamed_and_removed_and_its_name_is_text(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai&areas=area%201::1,1,4,1,4,4&region=area 1")
    tab.get_by_role("button", name="Rename area 1").click()
    field = tab.get_by_role("textbox", name="Name of the region")
    field.fill(HOSTILE)
    field.press("Enter")
    expect(region(tab, HOSTILE)).to_be_visible()
    expect(region(tab, HOSTILE).get_by_role("checkbox")).to_be_checked()
    page.wait_for_url(lambda url: "onmouseover" in unquote(unquote(url)))
    state = parse_qs(page.url.partition("#")[2])
    assert state["p.xai.areas"] == [quote(HOSTILE, safe="()") + "::1,1,4,1,4,4"]
    _, again = open_tab(
        server, "&".join(f"{key.removeprefix('p.xai.')}={values[0]}" for key, values in state.items() if key.startswith("p.xai."))
    )
    expect(region(again, HOSTILE)).to_be_visible()
    again.get_by_role("button", name=f"Remove {HOSTILE}").click()
    expect(region(again, HOSTILE)).to_have_count(0)


def test_escape_ends_drawing_and_the_keyboard_draws_too(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai&epoch=2")
    expect(tab.locator(READY)).to_be_visible()
    draw = tab.get_by_role("button", name="draw a region")
    draw.focus()
    draw.press("Enter")
    page.keyboard.press("Escape")
    expect(draw).to_be_visible()
    expect(tab.locator(".draft")).to_have_count(0)
    draw.press("Enter")
    expect(tab.locator("svg.draft").first).to_be_focused()
    # The box begins at 3..5; it goes to the upper left corner and grows by one pixel: 0..3 x 0..2.
    for key in ["ArrowLeft"] * 3 + ["ArrowUp"] * 3 + ["Shift+ArrowRight", "Enter"]:
        page.keyboard.press(key)
    inside = np.zeros((SIDE, SIDE), dtype=bool)
    inside[:2, :3] = True
    expect(shares(tab, "area 1")).to_contain_text(f"A {share(runs['a'], 2, inside, [0, 1, 2])}")
    expect(tab.locator(".cursor-epoch")).to_contain_text("epoch 2 of")

    # Who drew with keys goes on at the new region.
    expect(region(tab, "area 1").get_by_role("checkbox")).to_be_focused()


def test_while_a_region_is_drawn_its_outline_follows_and_the_others_are_away(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai&epoch=2&view=image&outlines=0&region=left&player=0")
    expect(tab.locator(READY)).to_be_visible()
    tab.get_by_role("button", name="draw a region").click()
    box = canvas(tab, 2).bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"])
    for place in range(3):
        expect(tab.locator(".draft").nth(place).locator("polygon").first).to_have_attribute("points", "2 2 5 2 5 6 2 6")
    page.keyboard.press("ArrowLeft")
    expect(tab.locator(".cursor-epoch")).to_contain_text("epoch 2 of")
    page.keyboard.press("Escape")
    expect(tab.locator(".draft")).to_have_count(0)  # within one frame, letting go could still come first
    page.mouse.up()
    expect(tab.locator(".area")).to_have_count(0)


def test_a_region_outside_the_images_or_of_a_probe_that_is_not_there_has_no_share_and_no_problem(
    server: TensorBoard, open_tab: Open
) -> None:
    _, tab = open_tab(server, "a=a/xai&b=b/xai&areas=far::90,90,99,90,99,99;gone:99:0,0,4,0,4,4&region=far")
    expect(tab.locator(READY)).to_be_visible()
    for name in ("far", "gone"):
        expect(shares(tab, name)).to_have_text("A \N{EN DASH}B \N{EN DASH}")
    expect(tab.locator(".banner")).to_have_count(0)


def test_a_name_that_is_being_written_outlasts_what_arrives_and_escape_leaves_the_old_one(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai&areas=old::1,1,4,1,4,4&region=left")
    region(tab, "old").dblclick()
    field = tab.get_by_role("textbox", name="Name of the region")
    expect(field).to_be_focused()
    field.fill("left")
    tab.locator(".card").nth(1).hover()  # the page is drawn again
    page.mouse.move(5, 300)
    expect(field).to_have_value("left")
    field.press("Escape")
    expect(region(tab, "old")).to_be_visible()
    region(tab, "old").dblclick()
    field.fill("left")
    field.press("Enter")
    expect(region(tab, "left 2")).to_be_visible()


def test_a_stroke_without_area_is_no_region(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai")
    tab.get_by_role("button", name="draw a region").click()
    tab.get_by_role("button", name="lasso").click()
    drag(page, canvas(tab), (2, 2), (6, 2))
    expect(tab.get_by_role("button", name="cancel")).to_be_visible()
    expect(tab.locator(".area")).to_have_count(0)


def colour_at(tab: FrameLocator, x: float, y: float) -> list[int]:
    """What is seen of the stacked pictures at a point (parts of the image): B's pixel where it is not clipped away, else A's."""
    return tab.locator(".stack").evaluate(
        """(stack, [x, y]) => {
          const box = stack.getBoundingClientRect();
          const canvas = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
          return [...canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1).data.slice(0, 3)];
        }""",
        [x, y],
    )


def test_an_edge_divides_a_and_b_and_moves_with_keys_and_pointer(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a/xai&b=b/xai&probe=0&epoch=3&compare=swipe&swipe=30&view=map&outlines=0")
    edge = tab.get_by_role("slider", name="Edge between A and B")
    expect(edge).to_have_attribute("aria-valuetext", "30 % A, 70 % B")
    left, right = colour_at(tab, 0.15, 0.9), colour_at(tab, 0.6, 0.9)
    edge.press("End")
    expect(edge).to_have_attribute("aria-valuenow", "100")
    assert colour_at(tab, 0.15, 0.9) == left, "A was seen there before"
    of_a = colour_at(tab, 0.6, 0.9)
    assert of_a != right, "B was seen there before"
    edge.press("Home")
    expect(edge).to_have_attribute("aria-valuenow", "0")
    assert colour_at(tab, 0.6, 0.9) == right
    expect(tab.locator(".cursor-epoch")).to_contain_text("epoch 3 of")
    box = tab.locator(".stack").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 20, steps=3)
    page.mouse.up()
    expect(edge).to_have_attribute("aria-valuenow", "75")


def test_blinking_pictures_can_be_held(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=a/xai&b=b/xai&probe=0&epoch=3&compare=blink&view=map&outlines=0")
    caption = tab.locator(".view figcaption").first
    choice = tab.get_by_role("group", name="Picture that is shown")
    choice.get_by_role("button", name="A", exact=True).click()
    expect(caption).to_contain_text("A a")
    of_a = colour_at(tab, 0.6, 0.9)
    choice.get_by_role("button", name="B", exact=True).click()
    expect(caption).to_contain_text("B b")
    assert colour_at(tab, 0.6, 0.9) != of_a
    choice.get_by_role("button", name="blink").click()
    expect(caption).to_contain_text("A a")  # after a second


def test_nothing_blinks_by_itself_where_motion_is_not_wanted(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server)
    page.emulate_media(reduced_motion="reduce")
    page.goto("about:blank")
    page.goto(f"{server.url}/#xai&p.xai.a=a%2Fxai&p.xai.b=b%2Fxai&p.xai.compare=blink")
    expect(tab.locator(READY)).to_be_visible()
    choice = tab.get_by_role("group", name="Picture that is shown")
    expect(choice.get_by_role("button", name="A", exact=True)).to_have_attribute("aria-pressed", "true")
    choice.get_by_role("button", name="B", exact=True).click()
    expect(tab.locator(".view figcaption").first).to_contain_text("B b")


class Silent(FakeRun):
    """A run whose model answers the same for everything: all attributions are 0."""

    def _made(self, *arguments: object) -> Truth:
        made = super()._made(*arguments)
        made.values = {name: values * 0 for name, values in made.values.items()}
        return made


def test_where_all_values_are_0_the_picture_and_the_share_say_so(open_tab: Open, tmp_path: Path) -> None:
    Silent(tmp_path / "logs" / "constant").write(range(2))
    with serving(tmp_path, "--logdir", str(tmp_path / "logs")) as process:
        process.wait_for_epochs("constant/xai", 2)
        page, tab = open_tab(process, "method=shap&epoch=1")
        expect(tab.locator(".view .blank").first).to_have_text("SHAP: all values are 0")
        share = shares(tab, "left").locator("span").first
        expect(share).to_have_text("now \N{EN DASH}")
        expect(share).to_have_attribute("title", "no share: all values are 0 or missing")
        page.close()


@pytest.mark.parametrize("ratio", [1, 1.5, 2, 3])
def test_small_images_are_enlarged_without_blur_on_any_screen(
    ratio: float, server: TensorBoard, runs: dict[str, FakeRun], browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1431, "height": 900}, device_scale_factor=ratio)
    page.goto(f"{server.url}/data/plugin_entry.html?name=xai#xai&p.xai.probe=1&p.xai.view=image&p.xai.outlines=0")
    expect(page.locator(READY)).to_be_visible()
    # Nothing is outlined on the pictures while a region is drawn.
    page.get_by_role("button", name="draw a region").click()
    expect(page.locator(".draft").first).to_be_visible()
    width, shown, *greys = page.locator(".view canvas").first.evaluate(
        """canvas => [canvas.width, canvas.getBoundingClientRect().width * devicePixelRatio,
          ...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 == 0)]"""
    )
    assert abs(width - shown) < 0.1
    image = runs["a"].probes.images[1].reshape(SIDE, SIDE)
    # A pixel of the screen shows the pixel of the image that its centre lies in; on an edge, the first of the two.
    centres = -(-(2 * np.arange(width) + 1) * SIDE // (2 * width)) - 1
    np.testing.assert_array_equal(np.array(greys).reshape(width, width), image[np.ix_(centres, centres)])
    page.close()
