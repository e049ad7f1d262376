"""What the tab's menu hands out: pictures and tables that hold what the record holds, under TensorBoard's own security policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Download, Route, expect
from support.browsing import READY, Open
from support.exported import colours, column, export, png_size, table
from support.records import FakeRun, TensorBoard, serving

from tb_xai_plugin.records.writer import Writer
from tb_xai_plugin.run import read_run

EPOCHS = 6
GAP = 2  # epoch at which the honest run has no explanation
HOSTILE = '=b, "<i>"'  # markup to a page, a formula and two cells to a spreadsheet
ITEMS = ["This view as PNG", "Filmstrip as PNG", "Filmstrip as GIF", "Numbers as CSV", "Numbers of all epochs as CSV", "Print"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FakeRun]:
    logdir = tmp_path_factory.mktemp("logs")
    honest = FakeRun(logdir / "a-honest").write(range(-1, GAP))
    writer = Writer(str(honest.log_dir))
    honest.write_step(writer, GAP, silent=(0, 1, 2), reason="the model answered NaN for 3 of 3 probes")
    for step in range(GAP + 1, EPOCHS):
        honest.write_step(writer, step)
    writer.close()
    other = FakeRun(logdir / HOSTILE)
    other.rng = np.random.default_rng(1)
    return {"a-honest": honest, HOSTILE: other.write(range(-1, EPOCHS))}


@pytest.fixture(scope="module")
def server(runs: dict[str, FakeRun], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    logdir = Path(runs["a-honest"].log_dir).parent
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        for name in runs:
            process.wait_for_epochs(f"{name}/xai", EPOCHS)
        yield process


def check_signs(found: np.ndarray, run: FakeRun, values: np.ndarray, probe: int) -> None:
    """A colour for each row of a probe of stripes: crimson for, blue against."""
    expected = values[run.probes.segments[probe][:, -1]] > 0
    np.testing.assert_array_equal(found[:, 0].astype(int) > found[:, 2], expected)


def gif_frames(data: bytes) -> tuple[int | None, list[int]]:
    """(repeats, delays in ms) of a GIF, block by block; 0 repeats: for ever."""
    assert data[:6] == b"GIF89a"
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 128 else 0)
    repeats, delays, images = None, [], 0

    def skip(at: int) -> int:
        while data[at]:
            at += data[at] + 1
        return at + 1

    while data[at] != 0x3B:
        if data[at] == 0x21:
            if data[at + 1] == 0xF9:
                delays.append(10 * int.from_bytes(data[at + 4 : at + 6], "little"))
            elif data[at + 3 : at + 14] == b"NETSCAPE2.0":
                repeats = int.from_bytes(data[at + 16 : at + 18], "little")
            at = skip(at + 2)
        else:
            assert data[at] == 0x2C
            images += 1
            at = skip(at + 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 128 else 0))
    assert at == len(data) - 1
    assert images == len(delays)
    return repeats, delays


# Numbers


def test_the_shown_numbers_are_those_of_the_record_with_their_difference(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    a, b = runs.values()
    probe, step = 1, 4
    label = int(a.probes.labels[probe])
    page, tab = open_tab(server, f"a=a-honest/xai&b={HOSTILE}/xai&probe={probe}&epoch={step}")
    download = export(page, tab, "Numbers as CSV")
    assert download.suggested_filename == f"tb-xai_a-honest_vs_b-i_probe{probe}_epoch{step}.csv"
    rows = table(download)
    players = a.players[probe]
    assert [int(row["player"]) for row in rows] == list(range(players))
    assert {(row["probe_name"], row["class"], row["method"], row["unit"]) for row in rows} == {("#1", f"class {label}", "shap", "log-odds")}
    assert {row["B run"] for row in rows} == {f"'{HOSTILE}"}
    for title, run in (("A", a), ("B", b)):
        np.testing.assert_array_equal(column(rows, f"{title} value"), run.truth[step].values["shap"][probe, label, :players])
        np.testing.assert_allclose(column(rows, f"{title} error"), run.truth[step].errors["shap"][probe, label, :players], rtol=1e-3)
        assert set(column(rows, f"{title} base")) == {run.truth[step].base["shap"][probe, label]}
        assert set(column(rows, f"{title} probability")) == {run.truth[step].full[probe, label]}
    np.testing.assert_allclose(
        column(rows, "A - B value"), column(rows, "A value").astype(float) - column(rows, "B value"), rtol=1e-5, atol=1e-6
    )
    errors = read_run(a.log_dir).change_errors("shap", step, step, read_run(b.log_dir))[probe, label, :players]
    np.testing.assert_allclose(column(rows, "A - B error"), errors, rtol=1e-3)


def test_the_numbers_of_all_epochs_are_those_of_the_record(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    a, b = runs.values()
    probe = 2
    label = int(a.probes.labels[probe])
    page, tab = open_tab(server, f"a=a-honest/xai&b={HOSTILE}/xai&probe={probe}&method=lime")
    rows = table(export(page, tab, "Numbers of all epochs as CSV"))
    players = a.players[probe]
    for name, run in (("a-honest", a), (f"'{HOSTILE}", b)):
        own = [row for row in rows if row["run"] == name]
        assert [(int(row["epoch"]), int(row["player"])) for row in own] == [(step, i) for step in run.steps for i in range(players)]
        np.testing.assert_array_equal(column(own, "value"), run.stack("values", "lime")[:, probe, label, :players].ravel())
    assert {row["value"] for row in rows if (row["run"], row["epoch"]) == ("a-honest", str(GAP))} == {""}


# Pictures


def test_the_filmstrip_has_the_colours_of_the_record(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    run, probe = runs["a-honest"], 0
    page, tab = open_tab(server, f"a=a-honest/xai&b=&probe={probe}&view=map")
    download = export(page, tab, "Filmstrip as PNG")
    assert download.suggested_filename == f"tb-xai_a-honest_probe{probe}_filmstrip.png"
    data = Path(download.path()).read_bytes()
    width, height = png_size(data)
    assert width <= 4096
    # The last frame stands 16 units from the right edge and 30 from the lower one, and is 128 high: 2 px a unit, 8 stripes.
    x, bottom, stripe = width - 2 * 24, height - 2 * 30, 2 * 128 // 8
    points = [(x, bottom - 2 * 128 + row * stripe + stripe // 2) for row in range(8)]
    values = run.truth[EPOCHS - 1].values["shap"][probe, int(run.probes.labels[probe])]
    check_signs(colours(page, data, "png", points), run, values, probe)


def test_the_animation_shows_both_runs_and_their_difference_at_every_epoch_and_loops(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    a, b = runs.values()
    probe = 0
    label = int(a.probes.labels[probe])
    page, tab = open_tab(server, f"a=a-honest/xai&b={HOSTILE}/xai&probe={probe}&view=map&outlines=0&region=", dark=True)
    download = export(page, tab, "Filmstrip as GIF")
    assert download.suggested_filename == f"tb-xai_a-honest_vs_b-i_probe{probe}_epochs.gif"
    data = Path(download.path()).read_bytes()
    repeats, delays = gif_frames(data)
    assert repeats == 0
    assert len(delays) == len(a.steps)
    assert len(set(delays[:-1])) == 1
    assert delays[-1] > 2 * delays[0]
    for step in (-1, 3, EPOCHS - 1):
        shown = [run.truth[step].values["shap"][probe, label] for run in (a, b)]
        for place, values in enumerate([*shown, shown[0] - shown[1]]):
            points = [(14 + place * 290 + 260, 36 + row * 35 + 17) for row in range(8)]
            check_signs(colours(page, data, "gif", points, frame=step + 1), a, values, probe)


def test_the_view_comes_out_with_its_pictures_at_twice_the_size_and_asks_nobody_else(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    run, probe, step = runs["a-honest"], 0, 5
    page, tab = open_tab(server, f"a=a-honest/xai&b=&probe={probe}&epoch={step}&view=map&outlines=0&region=&player=0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    tab.locator(READY).wait_for()
    box = tab.locator(".view canvas").first.evaluate(
        "element => { const b = element.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; }"
    )
    size = tab.locator(".page").evaluate("element => [element.clientWidth, element.clientHeight]")
    download = export(page, tab, "This view as PNG")
    assert download.suggested_filename == f"tb-xai_a-honest_probe{probe}_epoch{step}.png"
    data = Path(download.path()).read_bytes()
    assert png_size(data) == (2 * size[0], 2 * size[1])
    x, y, width, height = box
    points = [(int(2 * (x + 0.94 * width)), int(2 * (y + (row + 0.5) * height / 8))) for row in range(8)]
    values = run.truth[step].values["shap"][probe, int(run.probes.labels[probe])]
    check_signs(colours(page, data, "png", points), run, values, probe)
    assert [url for url in asked if not url.startswith((server.url, "data:", "blob:", "about:"))] == []


# The menu


def test_the_menu_is_walked_and_left_by_keyboard_and_the_cursor_stays(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a-honest/xai&b=&epoch=3")
    expect(tab.locator(READY)).to_be_visible()
    button = tab.get_by_role("button", name="export")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(tab.get_by_role("menuitem")).to_have_count(len(ITEMS))
    for key, item in [("ArrowDown", 1), ("End", -1), ("ArrowDown", 0), ("ArrowUp", -1), ("Home", 0), ("Tab", 1)]:
        page.keyboard.press(key)
        expect(tab.get_by_role("menuitem", name=ITEMS[item], exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(tab.get_by_role("menu")).to_have_count(0)
    expect(button).to_be_focused()
    expect(tab.locator(".cursor-epoch")).to_contain_text("epoch 3")
    button.click()
    expect(tab.get_by_role("menu")).to_be_visible()
    tab.locator(".main").click(position={"x": 3, "y": 3})
    expect(tab.get_by_role("menu")).to_have_count(0)


def test_an_export_that_fails_says_so_in_the_menu(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=a-honest/xai&b=")
    expect(tab.locator(READY)).to_be_visible()
    tab.locator("body").evaluate("() => { HTMLCanvasElement.prototype.toBlob = (done) => done(null); }")
    tab.get_by_role("button", name="export").click()
    tab.get_by_role("menuitem", name="Filmstrip as PNG").click()
    expect(tab.get_by_role("alert")).to_contain_text("The picture could not be created: the browser cannot create an image of")
    expect(tab.get_by_role("menuitem").first).to_be_enabled()


def test_escape_gives_an_export_up(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a-honest/xai&b=&player=1")
    expect(tab.locator(READY)).to_be_visible()
    held: list[Route] = []
    saved: list[Download] = []
    page.on("download", lambda download: saved.append(download))
    page.route("**/vendor/gifenc.esm.js", lambda route: held.append(route))
    button = tab.locator(".export-button")
    button.click()
    tab.get_by_role("menuitem", name="Filmstrip as GIF").click()
    expect(button).to_contain_text("exporting…")
    page.keyboard.press("Escape")
    held[0].continue_()
    expect(button).to_have_text("export")
    expect(tab.get_by_role("alert")).to_have_count(0)
    expect(tab.locator(".reading-head")).to_contain_text("segment 1 ")
    assert saved == []
