"""Two runs that do not explain the same, chosen as A and B: each has its own picture, nothing is subtracted, and one sentence says in what they differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect
from support.browsing import READY, Open
from support.records import TensorBoard, serving

import tb_xai_plugin as xai
from tb_xai_plugin import read_run

NAMES = ["age", "income", "debt"]
WEIGHTS = {"age": 2.0, "income": -1.0, "debt": 1.0, "fee": 0.5}
ROWS = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
BLANK = ".blank"


def both(value: np.ndarray) -> np.ndarray:
    return np.stack([1 / (1 + np.exp(value)), 1 / (1 + np.exp(-value))], axis=1)


def logit(names: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: both(np.asarray(x, dtype=float) @ [WEIGHTS[name] for name in names])


def corner(x: np.ndarray) -> np.ndarray:
    """A model that looks at the upper left corner."""
    return both(np.asarray(x, dtype=float)[:, :3, :3].mean(axis=(1, 2)) + np.asarray(x, dtype=float)[:, 8:, 8:].mean(axis=(1, 2)))


def images(count: int, marked: Sequence[int] = ()) -> xai.ImageProbes:
    pictures = np.random.default_rng(1).random((count, 12, 12)).astype(np.float32)
    pictures[list(marked), :3, :3] = 3.0
    return xai.ImageProbes(pictures, np.arange(count) % 2, segments="grid", baseline=0.0)


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of other columns; images of which some have a mark, and fewer images."""
    folder = tmp_path_factory.mktemp("logs")

    def table(names: Sequence[str]) -> xai.TabularProbes:
        columns = [NAMES.index(name) if name in NAMES else 0 for name in names]
        return xai.TabularProbes(ROWS[:6][:, columns], [0, 1] * 3, background=ROWS[6:][:, columns], feature_names=list(names))

    for name, names in (("columns", NAMES), ("fewer", ["debt", "income"])):
        xai.explain(logit(names), table(names), ("shap",), log_dir=str(folder / "tables" / name))
    for name, probes in (("clean", images(6)), ("marked", images(6, [1, 4])), ("few", images(3, [1]))):
        xai.explain(corner, probes, ("shap",), log_dir=str(folder / "images" / name))
    return folder


@pytest.fixture(scope="module")
def server(logdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        yield process


def test_a_table_without_a_column_stands_beside_the_whole_one_by_the_names_of_its_columns(
    server: TensorBoard, logdir: Path, open_tab: Open
) -> None:
    _, tab = open_tab(server, "a=tables/columns/xai&probe=2&rank=logged")
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator(".pane-name b")).to_have_count(1)  # B is never such a run by itself
    tab.get_by_role("button", name="tables/fewer as run B").click()
    expect(tab.locator(".verdict")).to_have_text(
        re.compile(
            "^Side by side, not compared as a whole: B lacks 1 of A's 3 columns: “age”; the columns stand in another order; rows and background are the same"
        )
    )
    whole, fewer = (read_run(logdir / "tables" / name).returned("shap") for name in ("columns", "fewer"))
    label = 0  # of probe 2
    expect(tab.locator(".bars-room .bar-chart canvas")).to_have_count(2)  # there is no A − B
    a, b = (tab.locator(".bars-room .bar-chart canvas").nth(place) for place in range(2))
    expect(a).to_have_attribute("aria-label", re.compile(re.escape(f"debt {whole[2, label, 2]:+.2g}".replace("-", "−")[:9])))
    expect(b).to_have_attribute("aria-label", re.compile(r"income .*debt|debt .*income"))
    assert "age +" not in (b.get_attribute("aria-label") or "")
    income = f"{fewer[2, label, 1]:+.2g}".replace("-", "−")
    expect(b).to_have_attribute("aria-label", re.compile(re.escape(f"income {income[:5]}")))
    expect(tab.locator(".bars-room .bar-chart .blank")).to_have_count(0)
    tab.get_by_role("button", name=re.compile("^age")).first.click()
    expect(tab.locator(".reading-lines")).to_contain_text("B has no such feature")
    expect(tab.locator(".status, footer").last).to_contain_text("side by side: different columns")
    room = tab.locator(".bars-room").bounding_box()
    end = tab.locator(".bars-room .bar-chart").last.bounding_box()
    assert room is not None
    assert end is not None
    assert end["x"] + end["width"] > room["x"] + room["width"] - 24, "no third column stands empty"


def test_images_with_and_without_a_mark_each_have_their_own_picture(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=images/clean/xai&b=images/marked/xai&probe=1&view=image")
    expect(tab.locator(".verdict")).to_have_text(
        re.compile(r"2 of 6 images differ: probes 1, 4, in 9 of 144 pixels each, all within the box from x 0 to 2 and y 0 to 2\. A puts ")
    )
    pictures = tab.locator(".pictures figure.view canvas")
    expect(pictures).to_have_count(2)
    corners = [
        picture.evaluate("canvas => Array.from(canvas.getContext('2d').getImageData(3, 3, 1, 1).data).join()")
        for picture in pictures.all()[:2]
    ]
    assert corners[0] != corners[1], "the mark is in B's picture alone"
    expect(tab.locator(".pictures .blank")).to_have_count(0)
    tab.get_by_role("button", name="images/clean as run A").click()
    expect(tab.locator(".verdict")).to_contain_text("images differ")


def test_a_probe_that_b_lacks_is_said_and_no_other_picture_stands_there(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=images/clean/xai&b=images/few/xai&probe=5")
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator(".pictures .blank").first).to_have_text("B has no probe 5: it has 3")
    expect(tab.locator(".pictures figure.view canvas").nth(1)).to_be_hidden()
    card = tab.locator(".card.chosen .half").nth(1)
    expect(card.locator(".half-words")).to_have_text("B–")
    expect(card.locator("canvas")).to_have_attribute("aria-label", "B images/few has no probe 5")
    expect(tab.locator(".reading-lines")).to_contain_text("B has other segments here")
    expect(tab.locator(".verdict")).to_contain_text("A has 6 images, B 3; 2 of them are the same")


def test_a_run_that_has_nothing_in_common_with_a_is_refused_and_an_address_that_names_it_shows_a_alone(
    server: TensorBoard, open_tab: Open
) -> None:
    _, tab = open_tab(server, "a=tables/columns/xai&b=images/clean/xai")
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator(".pane-name b")).to_have_count(1)
    expect(tab.locator(".notice-room")).to_contain_text(
        "“images/clean” can't be shown beside “tables/columns”: explains images, A explains tables. “tables/columns” is shown alone."
    )
    button = tab.get_by_role("button", name="images/clean as run B")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "not comparable: explains images, A explains tables")
