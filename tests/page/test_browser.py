"""The page in a real browser, in a real TensorBoard: what a user reads is what the record holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, FrameLocator, Route, expect
from support.browsing import MINUS, READY, Open, reading, text_of
from support.detailed import DetailedRun
from support.records import FakeRun, TensorBoard, serving

from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.writer import Writer
from tb_xai_plugin.run import read_run

EPOCHS = 6
TO, TIMES = "\u2013", "\u00d7"
GAP = 2  # epoch at which the honest run has no explanation
HOSTILE = "z<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FakeRun]:
    """Two runs that compare, one with other segments, one with more methods, and one whose name is markup."""
    logdir = tmp_path_factory.mktemp("logs")
    honest = FakeRun(logdir / "a-honest").write(range(-1, GAP))
    writer = Writer(str(honest.log_dir))
    honest.write_step(writer, GAP, silent=(0, 1, 2), reason="the model answered NaN for 3 of 3 probes")
    for step in range(GAP + 1, EPOCHS):
        honest.write_step(writer, step)
    writer.close()
    made = {"a-honest": honest, "b-shortcut": FakeRun(logdir / "b-shortcut")}
    made["b-shortcut"].rng = np.random.default_rng(1)
    made["b-shortcut"].write(range(-1, EPOCHS))
    made["c-other"] = FakeRun(logdir / "c-other", players=(8, 8, 8)).write(range(-1, EPOCHS))
    made["d-methods"] = DetailedRun(
        logdir / "d-methods",
        explainers=("lime", "shap", "banzhaf", "occlusion"),
        exact=("occlusion",),
        one_class=("banzhaf",),
        changes={3: "half of the evaluations, to keep max_overhead"},
    ).write(range(-1, EPOCHS))
    made[HOSTILE] = FakeRun(logdir / HOSTILE).write(range(2))
    return made


@pytest.fixture(scope="module")
def server(runs: dict[str, FakeRun], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    logdir = Path(runs["a-honest"].log_dir).parent
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        for name, run in runs.items():
            process.wait_for_epochs(f"{name}/xai", len([step for step in run.steps if step >= 0]))
        yield process


# Numbers


@pytest.mark.parametrize("method", ["shap", "lime"])
def test_the_strongest_segment_is_shown_with_its_value_error_rank_and_share(
    method: str, server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    run, probe, step = runs["a-honest"], 1, 4
    label = int(run.probes.labels[probe])
    values = run.truth[step].values[method][probe, label]
    errors = run.truth[step].errors[method][probe, label]
    strongest = int(np.nanargmax(np.abs(values)))
    share = 100 * abs(values[strongest]) / np.nansum(np.abs(values))
    _, tab = open_tab(server, f"a=a-honest/xai&b=b-shortcut/xai&method={method}&probe={probe}&epoch={step}")
    expect(tab.locator(".reading-head")).to_contain_text(f"segment {strongest} for or against “class {label}”")
    line = reading(tab, "A")
    expect(line).to_contain_text(text_of(values[strongest], errors[strongest]))
    expect(line).to_contain_text(f"A {'for' if values[strongest] > 0 else 'against'}")
    expect(line).to_contain_text(f"rank 1 of {run.players[probe]} · {share:.0f} %")


def test_probabilities_of_both_runs_at_the_cursor_are_those_of_the_record(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    probe, step = 2, 3
    _, tab = open_tab(server, f"a=a-honest/xai&b=b-shortcut/xai&probe={probe}&epoch={step}")
    for number in range(2):
        row = tab.locator(".class-row").filter(has_text=f"class {number}")
        for column, name in enumerate(("a-honest", "b-shortcut")):
            expect(row.locator(".number").nth(column)).to_have_text(f"{runs[name].truth[step].full[probe, number]:.3f}")


def test_a_difference_is_shown_with_the_error_of_the_difference(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    probe, step, player = 1, 4, 2
    label = int(runs["a-honest"].probes.labels[probe])
    a, b = (read_run(runs[name].log_dir) for name in ("a-honest", "b-shortcut"))
    error = a.change_errors("shap", step, step, b)[probe, label, player]
    value = np.subtract(*(runs[name].truth[step].values["shap"][probe, label, player] for name in ("a-honest", "b-shortcut")))
    state = f"a=a-honest/xai&b=b-shortcut/xai&probe={probe}&epoch={step}&player={player}"
    _, tab = open_tab(server, state)
    expect(reading(tab, f"A {MINUS} B")).to_contain_text(text_of(value, error))
    expect(reading(tab, f"A {MINUS} B")).to_contain_text("beyond noise" if abs(value) > 2 * error else "within noise")


def test_a_difference_from_the_pinned_epoch_has_its_own_error(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    run, probe, step, player = runs["a-honest"], 1, 4, 2
    label = int(run.probes.labels[probe])
    error = read_run(run.log_dir).change_errors("shap", step, 1)[probe, label, player]
    value = np.subtract(*(run.truth[at].values["shap"][probe, label, player] for at in (step, 1)))
    _, tab = open_tab(server, f"a=a-honest/xai&b=&probe={probe}&epoch={step}&pin=1&player={player}")
    expect(reading(tab, f"now {MINUS} pinned")).to_contain_text(text_of(value, error))


# How far a picture can be trusted


def bare(value: float) -> str:
    """ ".81", as the page writes it."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{value:.2f}").replace("-", MINUS)


def test_fidelity_stands_in_the_status_line_and_below_each_picture(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    probe, step = 1, 4
    label = runs["a-honest"].probes.labels
    of = {name: runs[name].truth[step].fidelity["shap"][np.arange(3), label, 0] for name in ("a-honest", "b-shortcut")}
    _, tab = open_tab(server, f"a=a-honest/xai&b=b-shortcut/xai&probe={probe}&epoch={step}")
    median = [bare(np.median(values)) for values in of.values()]
    expect(tab.locator(".status")).to_contain_text(f"R² A {median[0]}, B {median[1]}")
    for place, values in enumerate(of.values()):
        foot = tab.locator(".trust").nth(place)
        expect(foot).to_contain_text(f"R² {bare(values[probe])}")
        if values[probe] < 0.5:
            expect(foot).to_contain_text("of what the model does here")


def test_a_budget_that_changed_is_marked_and_said_at_the_cursor(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    most = runs["d-methods"].evaluations
    _, tab = open_tab(server, "a=d-methods/xai&b=&epoch=4")
    expect(tab.locator(".status")).to_contain_text(f"now {most // 2} of {most} evaluations, pinned {most} evaluations per probe")
    sentence = "A, from epoch 3 on: half of the evaluations, to keep max_overhead"
    expect(tab.locator(".slider").get_by_role("img", name=sentence)).to_be_visible()
    _, before = open_tab(server, "a=d-methods/xai&b=&epoch=2")
    expect(before.locator(".status")).to_contain_text(f" · {most} evaluations per probe")


def test_an_exact_value_has_no_error_and_many_methods_are_a_list(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    run, probe, step = runs["d-methods"], 1, 2
    values = run.truth[step].values["occlusion"][probe, int(run.probes.labels[probe])]
    _, tab = open_tab(server, f"a=d-methods/xai&b=&probe={probe}&epoch={step}")
    methods = tab.get_by_label("Method", exact=True)
    expect(methods.locator("option")).to_have_text(["LIME", "SHAP", "Banzhaf", "Occlusion"])
    methods.select_option("Occlusion")
    strongest = int(np.nanargmax(np.abs(values)))
    expect(tab.locator(".reading-head")).to_contain_text(f"segment {strongest} ")
    expect(reading(tab, "now").locator(".reading-value")).to_have_text(f"{values[strongest]:+.2f}".replace("-", MINUS))


def test_a_method_that_explains_one_class_says_so_for_the_others(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=d-methods/xai&b=&method=banzhaf&class=1&epoch=2&probe=0")
    expect(tab.locator(".view .blank").first).to_have_text("Banzhaf gives no values for “class 1”: choose another class")
    tab.locator(".class-row").filter(has_text="class 0").click()
    expect(tab.locator(".view .blank")).to_have_count(0)
    expect(reading(tab, "now").locator(".reading-value")).not_to_contain_text("±")


def test_a_pair_of_segments_tells_its_strength_and_lights_both(server: TensorBoard, runs: dict[str, DetailedRun], open_tab: Open) -> None:
    run, probe, step = runs["d-methods"], 0, 4
    first = run.pairs[step][probe, int(run.probes.labels[probe])][0]
    one, other = int(first[0]), int(first[1])
    _, tab = open_tab(server, f"a=d-methods/xai&b=&probe={probe}&epoch={step}&player=4&region=&outlines=0")
    pair = tab.locator(".pairs-row").first.locator(".pair").first
    expect(pair).to_have_text(f"{one} {TIMES} {other} {first[2]:+.2f}".replace("-", MINUS))
    before = greys(tab)
    pair.hover()
    expect(pair).to_have_class("pair lit")
    changed = (greys(tab) != before).reshape(8, -1, 8, before.shape[1] // 8).any(axis=(1, 3))
    assert {one, other} <= set(run.probes.segments[probe][changed].tolist())


def greys(tab: FrameLocator) -> np.ndarray:
    """(height, width) of the first large picture, cut to a multiple of 8."""
    read = "canvas => [canvas.width, ...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 == 1)]"
    width, *pixels = tab.locator(".view canvas").first.evaluate(read)
    whole = np.array(pixels).reshape(-1, width)
    return whole[: len(whole) // 8 * 8, : width // 8 * 8]


def test_unlocked_scales_tell_where_each_picture_ends(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    probe, step = 1, 4
    label = int(runs["a-honest"].probes.labels[probe])
    values = [runs[name].truth[step].values["shap"][probe, label] for name in ("a-honest", "b-shortcut")]
    _, tab = open_tab(server, f"a=a-honest/xai&b=b-shortcut/xai&probe={probe}&epoch={step}&lock=0")
    for name, shown in zip(("A", "B", f"A {MINUS} B"), [*values, values[0] - values[1]], strict=True):
        expect(tab.locator(".own-end").filter(has=tab.locator(f"b:text-is('{name}')"))).to_contain_text(f"±{np.nanmax(np.abs(shown)):.2f}")


def test_the_rail_says_how_much_of_the_scale_a_probe_takes_and_fits_it(
    server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open
) -> None:
    probe, step = 1, 4
    label = int(runs["a-honest"].probes.labels[probe])
    pair = [runs[name] for name in ("a-honest", "b-shortcut")]
    largest = [np.nanmax(np.abs(run.truth[step].values["shap"][probe, label])) for run in pair]
    own = [run.stack("values", "shap")[:, range(len(run.probes.labels)), run.probes.labels] for run in pair]
    ends = [np.nanquantile(np.abs(values), 0.98) for values in own]
    _, tab = open_tab(server, f"a=a-honest/xai&b=b-shortcut/xai&probe={probe}&epoch={step}")
    look = tab.locator(".look-room")
    expect(look).to_contain_text(f"ends at ±{max(ends):.2f} everywhere; at most 2\u00a0% of the values lie beyond")
    odd = [" (beyond)" if value > max(ends) else "" for value in largest]
    expect(look).to_contain_text(f"this probe: A up to {largest[0]:.2f}{odd[0]}, B up to {largest[1]:.2f}{odd[1]}")
    scale = look.get_by_role("group", name="End of the colour scale")
    scale.get_by_role("button", name="fit").click()
    expect(look.locator(".own-end").first).to_contain_text(f"±{largest[0]:.2f}")
    scale.get_by_role("button", name="one for all").click()
    expect(look).to_contain_text("this probe: A up to")


def test_a_drop_down_gives_the_keys_back_to_the_page_after_a_choice_by_mouse(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a-honest/xai&b=b-shortcut/xai&epoch=4")
    sort = tab.get_by_label("Sort probes by")
    sort.dispatch_event("pointerdown")
    sort.focus()
    sort.select_option("order")
    page.keyboard.press("2")
    expect(tab.get_by_role("button", name="SHAP")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("1")
    expect(tab.get_by_role("button", name="LIME")).to_have_attribute("aria-pressed", "true")
    expect(sort).to_have_value("order")
    # Whoever came to it by keyboard goes on choosing.
    sort.focus()
    page.keyboard.press("ArrowDown")
    expect(sort).to_be_focused()


def test_swiping_keeps_the_answers_of_both_runs(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=a-honest/xai&b=b-shortcut/xai&probe=1&epoch=4")
    predictions = tab.locator(".view .prediction:not(:has-text('scale'))")
    expect(tab.locator(READY)).to_be_visible()
    said = [re.sub(r"\s+", " ", text) for text in predictions.all_inner_texts()]
    assert len(said) == 2
    tab.get_by_role("button", name="swipe").click()
    expect(tab.locator(".stack")).to_be_visible()
    assert [re.sub(r"\s+", " ", text) for text in predictions.all_inner_texts()] == said


def test_few_epochs_of_two_runs_stand_side_by_side_and_lead_to_their_epoch(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=a-honest/xai&b=b-shortcut/xai&probe=1&epoch=4")
    labels, frames = tab.locator(".film-label"), tab.locator(".frame")
    expect(labels).to_have_text(["A a-honest", "B b-shortcut"])
    count = frames.count()
    tops = {round(frames.nth(i).bounding_box()["y"]) for i in range(count)}
    assert (count % 2, len(tops)) == (0, 1)
    frames.nth(count // 2).click()
    expect(tab.locator(".cursor-epoch b")).to_have_text(re.compile("untrained|epoch 0"))
    expect(tab.locator(".frame.current")).to_have_count(2)


def test_the_list_of_classes_shows_whole_rows_and_the_class_that_is_explained(open_tab: Open, tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "logs" / "many", classes=30, changing_targets=True).write(range(2))
    probe, step = 0, 1
    explained = sorted(run.truth[step].targets[probe], key=lambda number: run.truth[step].full[probe, number])
    with serving(tmp_path / "tensorboard", "--logdir", str(tmp_path / "logs")) as process:
        process.wait_for_epochs("many/xai", 2)
        page, tab = open_tab(process, f"probe={probe}&epoch={step}&class={explained[0]}")
        # One run stands beside itself, untrained or at its first epoch.
        there = set(run.stack("targets")[[0, -1], probe].ravel().tolist())
        expect(tab.locator(".class-head")).to_contain_text(f"{len(there)} explained")
        here = tab.locator(".class-row:not(.absent) .named").all_inner_texts()
        assert {int(name.removeprefix("class ")) for name in here} == there
        place = "(row) => [row.offsetTop, row.parentElement.scrollTop, row.parentElement.clientHeight]"
        top, scrolled, height = tab.locator(".class-row[aria-pressed=true]").evaluate(place)
        assert scrolled <= top <= scrolled + height - 20
        assert (height % 20, scrolled % 20) == (0, 0)
        page.close()


def test_a_link_to_a_damaged_run_says_what_to_do(open_tab: Open, tmp_path: Path) -> None:
    writer = Writer(str(tmp_path / "logs" / "damaged"))
    writer._write(0, [(f"{wire.DEFAULT_SET}/record", b"{}")])
    writer.close()
    FakeRun(tmp_path / "logs" / "whole").write(range(2))
    with serving(tmp_path / "tensorboard", "--logdir", str(tmp_path / "logs")) as process:
        process.wait_for_epochs("whole/xai", 2)
        error = next(row["error"] for row in process.xai("runs").json["runs"] if row["run"] == "damaged/xai")
        assert error
        page, tab = open_tab(process, "a=damaged/xai")
        expect(tab.locator(".banner")).to_contain_text(f"{error.removesuffix('.')}; “whole” is shown instead.")
        expect(tab.locator(".run-group")).to_contain_text(error)
        expect(tab.locator(".status")).to_contain_text("1 run can't be read")
        expect(tab.locator(".status")).not_to_contain_text("not comparable")
        page.close()


def test_pictures_of_another_probe_set_are_its_own(open_tab: Open, tmp_path: Path) -> None:
    for seed, name in enumerate(("even", "odd")):
        FakeRun(tmp_path / "logs" / "run", probe_set=name, seed=seed).write(range(2))
    with serving(tmp_path, "--logdir", str(tmp_path / "logs")) as both:
        both.wait_for_epochs("run/xai", 2)
        page, tab = open_tab(both, "probe=0&epoch=1&set=even&view=image")
        expect(tab.locator(READY)).to_be_visible()
        before = greys(tab)
        tab.get_by_label("Probe set").select_option("odd")
        expect(tab.get_by_label("Probe set")).to_have_value("odd")
        expect(tab.locator(READY)).to_be_visible()
        assert (greys(tab) != before).any()
        page.close()


def test_the_colour_of_every_segment_is_the_sign_of_its_value(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    run, probe, step = runs["a-honest"], 0, 5
    values = run.truth[step].values["shap"][probe, int(run.probes.labels[probe])]
    _, tab = open_tab(server, f"a=a-honest/xai&b=&probe={probe}&epoch={step}&view=map&outlines=0&region=&player=0")
    expect(tab.locator(READY)).to_be_visible()
    colours = tab.locator(".view canvas").first.evaluate(
        """(canvas, rows) => rows.map((row) => [...canvas.getContext("2d").getImageData(
            canvas.width * 0.94, (row + 0.5) * canvas.height / 8, 1, 1).data])""",
        list(range(8)),
    )
    of_row = run.probes.segments[probe][:, -1]
    for row, (red, _, blue, _) in enumerate(colours):
        value = values[of_row[row]]
        assert (red > blue) == (value > 0), (row, value, red, blue)


# The cursor


def test_the_keyboard_moves_the_cursor_and_nothing_is_fetched_for_it(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a-honest/xai&b=b-shortcut/xai&probe=0")
    expect(tab.locator(READY)).to_be_visible()
    epoch = tab.locator(".cursor-epoch")
    expect(epoch).to_have_text(f"epoch {EPOCHS - 1} of 0{TO}{EPOCHS - 1}")
    expect(tab.locator(".class-row")).to_have_count(2)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    tab.locator(".main").click(position={"x": 3, "y": 3})
    for key, words in [
        ("ArrowLeft", "epoch 4"),
        ("Home", "untrained"),
        ("ArrowRight", "epoch 0"),
        ("Shift+ArrowRight", f"epoch {EPOCHS - 1}"),
    ]:
        page.keyboard.press(key)
        expect(epoch).to_contain_text(words)
    # What is worth a look is asked for where the cursor rests, as it may on a slow machine; nothing else is.
    assert [url for url in fetched if not re.search(r"/(runs|findings\?.*)$", url)] == []


def test_arrows_move_the_cursor_even_where_a_list_has_the_focus(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a-honest/xai&b=&probe=0&epoch=4")
    expect(tab.locator(READY)).to_be_visible()
    explained = tab.get_by_label("Class that is explained")
    explained.focus()
    page.keyboard.press("ArrowLeft")
    expect(tab.locator(".cursor-epoch")).to_contain_text("epoch 3")
    expect(explained).to_have_value("label")


def test_the_filter_counts_the_probes_of_each_class(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    counts = np.bincount(runs["a-honest"].probes.labels, minlength=2)
    _, tab = open_tab(server, "a=a-honest/xai")
    options = tab.get_by_label("Show probes of").locator("option")
    expect(options).to_have_text(["all classes", *(f"class {number} ({count})" for number, count in enumerate(counts))])
    for number, count in enumerate(counts):
        assert options.nth(number + 1).is_disabled() == (count == 0)


def test_a_probe_that_the_filter_hides_leads_to_those_it_shows(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    labels = runs["a-honest"].probes.labels
    number = int(labels[0])
    other = int(np.flatnonzero(labels != number)[0])
    _, tab = open_tab(server, f"a=a-honest/xai&probe={other}&only={number}")
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator(".card.chosen")).to_have_count(0)
    tab.get_by_role("button", name="Next probe").click()
    expect(tab.locator(".card").first).to_have_attribute("aria-pressed", "true")
    _, tab = open_tab(server, f"a=a-honest/xai&probe={other}")
    tab.get_by_label("Show probes of").select_option(str(number))
    expect(tab.locator(".card").first).to_have_attribute("aria-pressed", "true")


def test_the_true_class_is_chosen_as_such(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=a-honest/xai&b=&probe=0")
    tab.locator(".class-row").last.click()
    explained = tab.get_by_label("Class that is explained")
    expect(explained).not_to_have_value("label")
    tab.locator(".class-row", has_text="true").click()
    expect(explained).to_have_value("label")


def test_one_of_many_classes_is_found_and_those_not_explained_say_why(open_tab: Open, tmp_path: Path) -> None:
    many, logged = 60, [0, 7, 41]
    run = FakeRun(tmp_path / "logs" / "many", classes=many)
    run.plan = Plan(run.probes, run.explainers, evaluations="auto", output="log-odds", classes=logged, seed=0, batch_size="auto")
    run.targets, run.constant_targets = len(logged), logged
    run.write(range(2))
    with serving(tmp_path / "tensorboard", "--logdir", str(tmp_path / "logs")) as process:
        process.wait_for_epochs("many/xai", 2)
        page, tab = open_tab(process, "probe=0&class=7")
        search, rows, head = tab.locator(".classes-room").get_by_role("searchbox"), tab.locator(".class-row"), tab.locator(".reading-head")
        expect(search).to_have_accessible_name(f"Find one of {many} classes by name or number")
        expect(tab.locator(".class-head")).to_contain_text(f"50 of {many} classes")
        expect(tab.locator(".classes-room")).to_contain_text(f"find {many - 50} more by name or number")
        expect(head).to_contain_text("“class 7”")
        search.fill("41")
        expect(rows).to_have_count(1)
        expect(rows).to_have_attribute("title", "Explain “class 41”")
        search.press("Enter")
        expect(head).to_contain_text("“class 41”")
        search.fill("class 1")
        expect(rows).to_have_count(11)
        search.press("ArrowDown")
        expect(rows.first).to_be_focused()
        search.fill("12")
        expect(rows).to_have_count(1)
        expect(rows).to_have_attribute("aria-disabled", "true")
        expect(rows).to_have_attribute("title", "“class 12” was not explained: the run was logged with classes=[0, 7, 41]")
        rows.click(force=True)
        expect(head).to_contain_text("“class 41”")
        search.fill("zebra")
        expect(tab.locator(".classes-room")).to_contain_text("No class matches “zebra”.")
        search.press("Escape")
        expect(rows).to_have_count(50)
        page.close()


def test_a_pin_is_seen_with_two_runs_and_says_when_it_counts(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a-honest/xai&b=b-shortcut/xai&epoch=3")
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator(".pin-mark")).to_have_count(0)
    tab.locator(".main").click(position={"x": 3, "y": 3})
    page.keyboard.press("p")
    expect(tab.locator(".pin-words")).to_have_text("pinned epoch 3: shown when B is off")
    expect(tab.get_by_role("img", name="epoch 3 is pinned: shown beside A when B is off")).to_be_visible()


def test_a_click_on_a_curve_moves_the_cursor_there(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=b-shortcut/xai&b=&probe=0")
    expect(tab.locator(READY)).to_be_visible()
    tab.locator(".training-room .u-over").first.click(position={"x": 1, "y": 20})
    expect(tab.locator(".cursor-epoch")).to_contain_text("untrained")


def test_a_link_opens_exactly_the_view_it_was_copied_from(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=b-shortcut/xai&b=&probe=2&epoch=1&view=map&opacity=30&sort=order", whole=True)
    expect(tab.locator(".cursor-epoch")).to_contain_text("epoch 1")
    tab.locator(".class-row").last.click()
    tab.get_by_role("button", name="LIME").click()
    expect(tab.locator(READY)).to_be_visible()
    seen = tab.locator(".reading-room").inner_text()
    page.wait_for_function("location.hash.includes('p.xai.method=lime')")
    link = page.evaluate("location.hash")
    other, copy = open_tab(server, "&".join(part[6:] for part in link.split("&")[1:]).replace("%2F", "/"), whole=True)
    expect(copy.locator(".reading-room")).to_have_text(re.compile(".+"))
    expect(copy.locator(READY)).to_be_visible()
    assert copy.locator(".reading-room").inner_text() == seen
    assert other.evaluate("location.hash") == link


@pytest.mark.parametrize("state", ["class=99&probe=999&epoch=77&method=saliency&region=nowhere", "probe=-3", "b=nobody/xai"])
def test_a_link_to_what_a_run_does_not_have_opens_on_what_it_has(state: str, server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, f"a=a-honest/xai&{state}")
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator(".reading-line").first).to_be_visible()
    said = ["“nobody” is not in this log directory; “a-honest” is shown instead."] if "nobody" in state else []
    expect(tab.locator(".banner")).to_have_text(said)


def test_every_segment_is_reached_by_keyboard(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    run, probe, step = runs["a-honest"], 1, 4
    values = run.truth[step].values["shap"][probe, int(run.probes.labels[probe])]
    page, tab = open_tab(server, f"a=a-honest/xai&b=&probe={probe}&epoch={step}")
    expect(tab.locator(READY)).to_be_visible()
    tab.locator(".main").click(position={"x": 3, "y": 3})
    for rank, player in enumerate(np.argsort(-np.abs(values[: run.players[probe]]))[1:], start=2):
        page.keyboard.press(".")
        expect(tab.locator(".reading-head")).to_contain_text(f"segment {player}")
        expect(reading(tab, "now")).to_contain_text(f"rank {rank} of {run.players[probe]}")


# Runs


def test_a_run_that_cannot_be_compared_says_why_and_is_not_chosen_by_itself(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=a-honest/xai")
    row = tab.locator(".run").filter(has_text="c-other")
    expect(tab.locator(".run-group").filter(has=row).locator("p")).to_have_text("not comparable: different segments")
    expect(row.get_by_role("button", name="as run B")).to_have_attribute("title", re.compile("nothing is subtracted"))
    expect(tab.locator(".run").filter(has_text="b-shortcut").get_by_role("button", name="as run B")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_list_is_as_wide_as_its_widest_entry_when_one_that_is_not_chosen_changes(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a-honest/xai&b=&sort=uncertain&epoch=3")
    expect(tab.locator(READY)).to_be_visible()
    page.keyboard.press("p")
    page.keyboard.press("ArrowRight")
    sort = tab.get_by_label("Sort probes by")
    expect(sort.locator("option").first).to_have_text("changed since the pin")
    copy = "(list) => { const copy = list.cloneNode(true); list.after(copy); const { offsetWidth } = copy; copy.remove(); return offsetWidth; }"
    assert sort.evaluate("(list) => list.offsetWidth") == sort.evaluate(copy)


def test_one_run_stands_beside_itself_at_a_pinned_epoch(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a-honest/xai&b=&epoch=4")
    captions = tab.locator(".view figcaption")
    expect(captions.nth(0)).to_contain_text("now epoch 4")
    expect(captions.nth(1)).to_contain_text("pinned untrained")
    tab.locator(".main").click(position={"x": 3, "y": 3})
    page.keyboard.press("p")
    page.keyboard.press("ArrowLeft")
    expect(captions.nth(0)).to_contain_text("now epoch 3")
    expect(captions.nth(1)).to_contain_text("pinned epoch 4")


def test_an_epoch_without_explanation_is_shown_as_a_gap_with_its_reason(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, f"a=a-honest/xai&b=b-shortcut/xai&epoch={GAP}")
    expect(tab.locator(".view").first.locator(".blank")).to_have_text(f"epoch {GAP}: the model answered NaN for 3 of 3 probes")
    expect(reading(tab, "A")).to_contain_text("no number at this epoch")
    expect(tab.locator(".completeness")).to_contain_text("1 gap")


def test_names_that_are_markup_are_text(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, f"a={HOSTILE}/xai&b=")
    expect(tab.locator(READY)).to_be_visible()
    # A long name is cut in the middle; the whole one is its title.
    expect(tab.locator(".run-name").filter(has_text="z<img src")).to_have_attribute("title", HOSTILE)
    expect(tab.locator("img")).to_have_count(0)


def test_what_was_under_the_pointer_is_let_go_although_nobody_tells_that_it_left(server: TensorBoard, open_tab: Open) -> None:
    """An element that is drawn anew under the pointer gets no event when the pointer leaves."""
    page, tab = open_tab(server, "a=a-honest/xai&b=&probe=1&epoch=3")
    expect(tab.locator(READY)).to_be_visible()
    lit = "(room) => room.dispatchEvent(new CustomEvent('xai:choose', { bubbles: true, detail: { hover: 0 } }))"
    for under in (".filmstrip-room", ".pictures-room"):
        page.mouse.move(1, 1)
        tab.locator(under).evaluate(lit)
        expect(tab.locator(".reading-words .note")).to_have_text("under the pointer")
        tab.locator("h2").first.hover()
        expect(tab.locator(".reading-words .note")).to_have_text("strongest here")


# TensorBoard around it


def test_the_page_follows_tensorboards_theme(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, dark=True, whole=True)
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator("html")).to_have_class("dark")
    page.evaluate("document.body.classList.remove('dark-mode')")
    expect(tab.locator("html")).not_to_have_class("dark")


def test_the_tab_keeps_its_place_while_another_is_open(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=b-shortcut/xai&b=&probe=1&epoch=3", whole=True)
    expect(tab.locator(".cursor-epoch")).to_contain_text("epoch 3")
    page.evaluate("location.hash = '#timeseries'")
    expect(tab.locator(".cursor-epoch")).not_to_be_visible()
    page.evaluate("location.hash = '#xai'")
    expect(tab.locator(".cursor-epoch")).to_contain_text("epoch 3")
    expect(tab.locator(".probe-title")).to_contain_text("#1")
    page.wait_for_function("location.hash.includes('p.xai.epoch=3')")


def test_the_page_works_by_itself_and_below_a_path_prefix(runs: dict[str, FakeRun], open_tab: Open, tmp_path: Path) -> None:
    logdir = Path(runs["a-honest"].log_dir).parent
    with serving(tmp_path, "--logdir", str(logdir), "--path_prefix=/deep/prefix") as prefixed:
        prefixed.wait_for_epochs("b-shortcut/xai", EPOCHS)
        page, _ = open_tab(prefixed, "epoch=1", alone=True)
        expect(page.locator(READY)).to_be_visible()
        expect(page.locator(".cursor-epoch")).to_contain_text("epoch 1")
        page.close()


def test_new_epochs_appear_and_only_a_cursor_at_the_end_follows(open_tab: Open, tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "logs" / "growing")
    writer = Writer(str(run.log_dir))
    run.write_record(writer)
    for step in range(-1, 2):
        run.write_step(writer, step)
    writer.flush()
    with serving(tmp_path, "--logdir", str(tmp_path / "logs")) as growing:
        growing.wait_for_epochs("growing/xai", 2)
        first, following = open_tab(growing)
        second, staying = open_tab(growing, "epoch=0")
        expect(following.locator(".cursor-epoch")).to_have_text(f"epoch 1 of 0{TO}1")
        expect(staying.locator(".cursor-epoch")).to_have_text(f"epoch 0 of 0{TO}1")
        asked: list[str] = []
        first.on("request", lambda request: asked.append(request.url))
        run.write_step(writer, 2)
        writer.close()
        expect(following.locator(".cursor-epoch")).to_have_text(f"epoch 2 of 0{TO}2", timeout=30_000)
        expect(staying.locator(".cursor-epoch")).to_have_text(f"epoch 0 of 0{TO}2", timeout=30_000)
        # What was there is not fetched again, and what is new is right.
        values = run.truth[2].values["shap"][0, int(run.probes.labels[0])]
        strongest = int(np.nanargmax(np.abs(values)))
        expect(following.locator(".probe-title")).to_contain_text("#")
        following.locator(".card").filter(has_text="#0").click()
        expect(following.locator(".reading-head")).to_contain_text(f"segment {strongest} ")
        expect(reading(following, "now")).to_contain_text(f"{values[strongest]:+.2f}".replace("-", MINUS))
        grown = [url for url in asked if "/values?" in url]
        assert grown
        assert all("since=1" in url for url in grown)
        first.close()
        second.close()


def test_the_picture_stays_where_tensorboard_ends(runs: dict[str, FakeRun], open_tab: Open, tmp_path: Path) -> None:
    logdir = Path(runs["a-honest"].log_dir).parent
    with serving(tmp_path, "--logdir", str(logdir)) as short:
        short.wait_for_epochs("b-shortcut/xai", EPOCHS)
        _, tab = open_tab(short, errors=True)
        expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator(".banner")).to_contain_text("TensorBoard does not respond", timeout=15_000)
    expect(tab.locator(".view canvas").first).to_be_visible()


# States


def test_without_records_the_page_gives_the_lines_of_code(open_tab: Open, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with serving(tmp_path, "--logdir", str(tmp_path / "logs")) as empty:
        page, _ = open_tab(empty, alone=True)
        expect(page.locator("h1")).to_have_text("No explanations in this log directory")
        expect(page.locator("code").first).to_contain_text('xai.ExplanationLogger("logs/baseline", probes)')


def test_a_failure_shows_the_servers_sentence_and_a_second_try_works(server: TensorBoard, browser: Browser) -> None:
    page = browser.new_page()
    sentence = "run: the record of a-honest can't be read; the file is damaged."

    def fail(route: Route) -> None:
        route.fulfill(status=404, content_type="text/plain", body=sentence)

    page.route("**/plugin/xai/run?*", fail)
    page.goto(f"{server.url}/data/plugin_entry.html?name=xai")
    expect(page.locator(".notice .problem")).to_have_text(sentence)
    page.unroute("**/plugin/xai/run?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(READY)).to_be_visible()
    page.close()


def test_a_part_that_fails_says_so_in_its_place_and_the_rest_stays(server: TensorBoard, runs: dict[str, FakeRun], open_tab: Open) -> None:
    page, tab = open_tab(server, "a=a-honest/xai&b=&probe=1&epoch=4", errors=True)
    expect(tab.locator(READY)).to_be_visible()
    broken = {"share": "share: the masks are damaged.", "outputs": "outputs: the file is damaged."}
    for route, sentence in broken.items():
        page.route(
            f"**/plugin/xai/{route}?*",
            lambda route, _, sentence=sentence: route.fulfill(status=404, content_type="text/plain", body=sentence),
        )
    page.reload()
    banner, classes = tab.locator(".banner"), tab.locator(".classes-room")
    expect(banner).to_contain_text("The share on “left” could not be read: share: the masks are damaged.")
    expect(banner).not_to_contain_text("outputs")
    expect(classes).to_contain_text("The probabilities could not be read: outputs: the file is damaged.")
    # The picture and its numbers are there, and follow the cursor and another run.
    run = runs["a-honest"]
    values, errors = (getattr(run.truth[4], what)["shap"][1, int(run.probes.labels[1])] for what in ("values", "errors"))
    strongest = int(np.nanargmax(np.abs(values)))
    expect(reading(tab, "now")).to_contain_text(text_of(values[strongest], errors[strongest]))
    tab.locator(".run", has_text="b-shortcut").locator(".letter").first.click()
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator(".pane-name").first).to_have_attribute("title", "b-shortcut")
    expect(tab.locator(".notice")).to_have_count(0)
    for route in broken:
        page.unroute(f"**/plugin/xai/{route}?*")
    classes.get_by_role("button", name="Try again").click()
    expect(classes).not_to_contain_text("could not be read")
    expect(banner).to_have_count(0)
    expect(tab.locator(".class-row .number").first).to_have_text(re.compile(r"^\d\.\d{3}$"))


def seen(tab: FrameLocator) -> list[str]:
    """Every picture and curve on the page, as pixels; the sparklines too."""
    return tab.locator("canvas").evaluate_all("canvases => canvases.map((canvas) => canvas.toDataURL())")


def test_another_class_is_drawn_everywhere_as_on_a_fresh_page(server: TensorBoard, open_tab: Open) -> None:
    state = "a=a-honest/xai&b=b-shortcut/xai&probe=1&epoch=3&player=1&lock=0&sort=order"
    _, fresh = open_tab(server, f"{state}&class=1")
    expect(fresh.locator(READY)).to_be_visible()
    _, tab = open_tab(server, f"{state}&class=0")
    expect(tab.locator(READY)).to_be_visible()
    assert seen(tab) != seen(fresh)
    tab.get_by_role("combobox", name="Class that is explained").select_option("1")
    expect(tab.locator(".reading-head")).to_contain_text("“class 1”")
    expect(tab.locator(READY)).to_be_visible()
    assert seen(tab) == seen(fresh)
