"""What the tab judges, in a real browser: the events, floors, verdicts and findings that a user reads are the reader's."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect
from support.analysed import given_run, noisy_series
from support.browsing import READY, Open
from support.records import TensorBoard, serving
from test_access import AXE, grave, tab_frame

from tb_xai_plugin import read_runs
from tb_xai_plugin.cli.main import main
from tb_xai_plugin.judgement.findings import of_run
from tb_xai_plugin.run import Run

EPOCHS, PROBES, PLAYERS = 9, 4, 16
ONSET, CHANGED = 3, 5
# Segments are half rows of the picture: every second one lies in the region "left".
LEFT = np.arange(PLAYERS) % 2 == 0
PAIR = "a=honest-seed0/xai&b=shortcut-seed0/xai"


def explanations(shortcut: bool, seed: int) -> list[np.ndarray]:
    """Of the untrained model, then of each epoch. A shortcut lies on the left from ONSET on; of an honest run the reasons of probe 2 go elsewhere at CHANGED."""
    rng = np.random.default_rng(seed)
    own = 0.05 * rng.random((PROBES, PLAYERS))
    values = [np.full((PROBES, PLAYERS), 0.1) + 0.01 * rng.standard_normal((PROBES, PLAYERS))]
    for epoch in range(EPOCHS):
        now = np.where(LEFT if shortcut and epoch >= ONSET else ~LEFT, 1.0, 0.02) + own
        if not shortcut and epoch >= CHANGED:
            now[2] = np.roll(np.where(~LEFT, [2.0] * 8 + [0.0] * 8, 0.02), 8) + own[2]
        values.append(now + 0.01 * rng.standard_normal(now.shape))
    return values


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds of an honest recipe and two of a shortcut; probe 1 of the shortcut is forgotten at epoch 4."""
    folder = tmp_path_factory.mktemp("logs")
    for recipe, seeds in (("honest", 3), ("shortcut", 2)):
        for seed in range(seeds):
            right = np.full((EPOCHS + 1, PROBES), 0.9)
            right[0] = 0.3
            if recipe == "shortcut":
                right[1 + 4 : 1 + 6, 1] = 0.2
            accuracy = [0.0, *np.minimum(0.5 + 0.1 * np.arange(EPOCHS), 0.9)]
            given_run(
                folder / f"{recipe}-seed{seed}",
                explanations(recipe == "shortcut", seed),
                probability=right,
                first=-1,
                accuracy=accuracy,
            )
    # One has large errors; one stays what it was untrained.
    noise = noisy_series(np.zeros((PROBES, PLAYERS)), EPOCHS + 1, 0.2)
    given_run(folder / "uncertain", [0.3 + each for each in noise], errors=0.2, first=-1)
    # Of four probes one leans on the left.
    few = np.where(LEFT, 0.05, 0.95) + np.zeros((PROBES, 1))
    few[3] = np.where(LEFT, 0.8, 0.2)
    given_run(folder / "few", [few] * (EPOCHS + 1), first=-1)
    given_run(folder / "still", noisy_series(explanations(False, 0)[1], EPOCHS + 1), first=-1)
    return folder


@pytest.fixture(scope="module")
def runs(logdir: Path) -> dict[str, Run]:
    return read_runs(logdir)


@pytest.fixture(scope="module")
def server(logdir: Path, runs: dict[str, Run], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        for name in runs:
            process.wait_for_epochs(f"{name}/xai", EPOCHS)
        yield process


def settled(tab: Locator) -> None:
    expect(tab.locator(READY)).to_be_visible()
    expect(tab.locator(".findings[aria-busy=false]")).to_be_visible()


# Events


def test_events_are_counted_and_listed_as_the_reader_finds_them(server: TensorBoard, runs: dict[str, Run], open_tab: Open) -> None:
    found = {letter: runs[name].events("shap") for letter, name in (("A", "honest-seed0"), ("B", "shortcut-seed0"))}
    total = sum(map(len, found.values()))
    assert total > PROBES
    _, tab = open_tab(server, PAIR)
    expect(tab.locator(".event-count")).to_have_text(re.compile(rf"^{total} events"))
    marks = tab.locator(".event-marks")
    for letter, events in found.items():
        for kind, count in Counter(event.kind for event in events).items():
            expect(marks).to_have_attribute("aria-label", re.compile(rf"{letter} [^;]*\b{count} {kind}\b"))
    tab.locator(".event-count").click()
    expect(tab.locator(".events .count")).to_have_text(f"{total} of {total}")
    forgotten = [event for event in found["B"] if event.kind == "forgotten"]
    assert [(event.step, event.probe) for event in forgotten] == [(4, 1)]
    tab.get_by_label("Kind of event").select_option("forgotten")
    expect(tab.locator(".events .count")).to_have_text(f"1 of {total}")
    row = tab.locator(".event")
    expect(row).to_contain_text("epoch 4")
    expect(row).to_contain_text("B")
    expect(row).to_contain_text("\u22120.70")
    row.click()
    expect(tab.locator(".cursor-epoch b")).to_have_text("epoch 4")
    expect(tab.locator(".probe-title-room")).to_contain_text("#1")


def test_a_marker_says_what_happened_and_a_click_goes_there(server: TensorBoard, runs: dict[str, Run], open_tab: Open) -> None:
    changed = Counter(event.step for event in runs["honest-seed0"].events("shap") if event.kind == "reason changed")
    assert changed == {CHANGED: 1}
    page, tab = open_tab(server, "a=honest-seed0/xai&b=")
    settled(tab)
    marks = tab.locator(".event-marks")
    expect(marks).to_have_attribute("aria-label", re.compile("1 reason changed"))
    box = marks.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * (CHANGED + 1) / EPOCHS, box["y"] + box["height"] / 2)
    expect(marks).to_have_attribute("title", f"epoch {CHANGED}: reason changed on 1 probe (A)")
    page.mouse.down()
    page.mouse.up()
    expect(tab.locator(".cursor-epoch b")).to_have_text(f"epoch {CHANGED}")


# What to look at


def test_the_verdict_on_a_pair_is_the_readers_and_follows_the_cursor_when_it_rests(
    server: TensorBoard, runs: dict[str, Run], open_tab: Open
) -> None:
    honest, shortcut = runs["honest-seed0"], runs["shortcut-seed0"]
    compared = honest.compare(shortcut, "shap", repeats=runs)
    last = compared.verdict(EPOCHS - 1)
    assert re.match(
        r"B leans on left \(\d\d % on 50 % of the image\), A does not \(\d+ %\)\. The runs differ by more than the seed explains: ", last
    )
    page, tab = open_tab(server, PAIR)
    expect(tab.locator(".verdict")).to_have_text(last)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if is_record(request) else None)
    for epoch in range(EPOCHS - 2, 0, -1):
        page.keyboard.press("ArrowLeft")
        expect(tab.locator(".cursor-epoch b")).to_have_text(f"epoch {epoch}")
    assert not compared.verdict(1).startswith("B leans"), "before its onset nobody leans"
    expect(tab.locator(".verdict")).to_have_text(compared.verdict(1))
    assert asked
    assert all("/xai/findings" in url for url in asked), "a step of the cursor needs nothing else"


def test_nothing_is_judged_before_the_first_picture_is_drawn(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, PAIR)
    settled(tab)
    asked: list[str] = []
    held: list[Route] = []
    page.on("request", lambda request: asked.append(re.search(r"/xai/(\w+)", request.url)[1]) if is_record(request) else None)
    holding = True
    page.route(re.compile("/plugin/xai/values"), lambda route: held.append(route) if holding else route.continue_())
    with page.expect_request(re.compile("/plugin/xai/values")):
        page.reload()
    expect(tab.locator(".page[data-phase=loading]")).to_be_visible()
    judging = {"events", "trust", "compare", "findings"}
    assert not judging & set(asked)
    holding = False
    for route in held:
        route.continue_()
    settled(tab)
    assert judging <= set(asked)


def is_record(request: Request) -> bool:
    return "/plugin/xai/" in request.url and "/static/" not in request.url and not request.url.endswith("/runs")


def test_a_finding_leads_to_its_probe_and_epoch(server: TensorBoard, runs: dict[str, Run], open_tab: Open) -> None:
    page, tab = open_tab(server, "a=honest-seed0/xai&b=&probe=0&findings=open")
    settled(tab)
    finding = tab.locator(".finding[data-kind='reason changed']")
    (said,) = [each for each in of_run(runs["honest-seed0"], "shap", "label") if each.kind == "reason changed"]
    assert (said.probe, said.step) == (2, CHANGED)
    expect(finding).to_have_text(said.text)
    finding.focus()
    page.keyboard.press("Enter")
    expect(tab.locator(".cursor-epoch b")).to_have_text(f"epoch {CHANGED}")
    expect(tab.locator(".probe-title-room")).to_contain_text("#2")
    expect(finding).to_have_attribute("aria-current", "true")
    steady = runs["honest-seed0"].steady_since("shap")
    words = f"explanations steady since epoch {steady.of_run}, val accuracy steady since epoch {steady.of_metric}."
    expect(tab.locator(".finding").last).to_have_text(words)


def test_findings_close_and_a_link_keeps_them_so(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, PAIR + "&findings=open")
    settled(tab)
    expect(tab.locator(".finding").first).to_be_visible()
    tab.get_by_role("button", name="hide").click()
    expect(tab.locator(".finding").first).to_be_hidden()
    page.wait_for_url(re.compile("p.xai.findings=closed"))


# Noise


def test_players_within_noise_are_counted_in_words(server: TensorBoard, runs: dict[str, Run], open_tab: Open) -> None:
    probe, step = 2, EPOCHS - 1
    a, b = runs["honest-seed0"], runs["shortcut-seed0"]
    compared = a.compare(b, "shap")
    noisy = PLAYERS - int(compared.changed[compared.place(step), probe].sum())
    assert 0 < noisy < PLAYERS
    _, tab = open_tab(server, f"{PAIR}&probe={probe}&epoch={step}")
    words = f"{noisy} of {PLAYERS} segments {'is' if noisy == 1 else 'are'} within noise"
    expect(tab.locator(".view .trust").last).to_have_text(words)
    expect(tab.get_by_role("img", name=f"difference of the attributions, first minus second: {words}")).to_be_visible()


def test_drift_stands_beside_its_noise_floor(server: TensorBoard, runs: dict[str, Run], open_tab: Open) -> None:
    run, step = runs["honest-seed0"], 6
    place = list(run.steps).index(step)
    floor, drift = np.median(run.noise_floor("shap")[place]), np.median(run.drift("shap")[place])
    page, tab = open_tab(server, f"a=honest-seed0/xai&b=&epoch={step}")
    settled(tab)
    plot = tab.get_by_role("img", name=re.compile("^drift since the previous epoch over epochs"))
    expect(plot).to_have_attribute("aria-label", re.compile(rf"honest-seed0: {drift:.3f}; noise \(hatched\) up to {floor:.3f}"))
    tab.get_by_label("Drift", exact=True).select_option("from untrained")
    since = np.median(run.drift("shap", "untrained")[place])
    expect(tab.get_by_role("img", name=re.compile("^drift from the untrained model"))).to_have_attribute(
        "aria-label", re.compile(f"honest-seed0: {since:.2f}")
    )
    page.wait_for_url(re.compile("p.xai.drift=untrained"))


def test_the_distance_of_a_and_b_over_epochs_stands_beside_that_of_repeats(
    server: TensorBoard, runs: dict[str, Run], open_tab: Open
) -> None:
    compared = runs["honest-seed0"].compare(runs["shortcut-seed0"], "shap", repeats=runs)
    row = compared.place(7)
    low, _, high = compared.spread[row]
    _, tab = open_tab(server, PAIR + "&drift=apart&epoch=7")
    plot = tab.get_by_role("img", name=re.compile("^Distance of A and B over epochs"))
    expect(plot).to_have_attribute("aria-label", re.compile(f"At epoch 7: {compared.typical[row]:.2f}; "))
    number = lambda value: f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"  # noqa: E731
    expect(plot).to_have_attribute(
        "aria-label", re.compile(rf"repeats of the same recipe \(grey\) differ by {number(low)} to {number(high)}")
    )


def test_below_a_picture_stand_its_error_and_what_there_is_to_warn_of(server: TensorBoard, runs: dict[str, Run], open_tab: Open) -> None:
    trust = runs["honest-seed0"].trust("shap")
    warned = trust.warnings["like the untrained model"][:, 0]
    assert not trust.warnings["uncertain"].any()
    assert not warned.any()
    _, tab = open_tab(server, f"a=honest-seed0/xai&b=&probe=0&epoch={EPOCHS - 1}&pin=2")
    settled(tab)
    numbers = f"error {100 * trust.error[-1, 0]:.1f} % · {100 * trust.untrained[-1, 0]:.0f} % unlike untrained"
    expect(tab.locator(".trust").first).to_contain_text(numbers)
    expect(tab.locator(".trust").first).to_have_attribute(
        "title", re.compile(rf"total variation; noise alone makes up to {100 * trust.untrained_floor[-1, 0]:.1f} %\)")
    )
    warnings = {
        "uncertain": "uncertain: the error is {error:.0f} % of the values",
        "like the untrained model": "like the untrained model's, so it may only show the input: {untrained:.1f} % unlike it, noise up to {noise:.1f} %",
    }
    for name, (warning, words) in zip(("uncertain", "still"), warnings.items(), strict=True):
        trust = runs[name].trust("shap")
        assert trust.warnings[warning][-1, 0]
        _, tab = open_tab(server, f"a={name}/xai&b=&probe=0&epoch={EPOCHS - 1}&pin=2")
        numbers = {"error": trust.error, "untrained": trust.untrained, "noise": trust.untrained_floor}
        expect(tab.locator(".trust").first).to_contain_text(words.format(**{name: 100 * each[-1, 0] for name, each in numbers.items()}))


@pytest.mark.parametrize("compare", ["side", "swipe"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 700)])
def test_what_stands_below_a_picture_takes_two_lines(
    width: int, height: int, compare: str, server: TensorBoard, runs: dict[str, Run], open_tab: Open
) -> None:
    page, tab = open_tab(server, f"{PAIR}&compare={compare}&probe=0&epoch={EPOCHS - 1}")
    page.set_viewport_size({"width": width, "height": height})
    settled(tab)
    for letter, name in (("A", "honest-seed0"), ("B", "shortcut-seed0")):
        unlike = f"{100 * runs[name].trust('shap').untrained[-1, 0]:.0f} % unlike untrained"
        caption = tab.locator(".trust").filter(has_text=unlike)
        expect(caption, letter).to_be_visible()
    # Below A (of two in one place, below both) and below the difference.
    rooms = [tab.locator(".view").nth(place).evaluate(ROOM) for place in (0, -1)]
    assert rooms[0]["height"] == rooms[1]["height"] == 32
    assert rooms[0]["right"] <= rooms[1]["left"]


# What is below the picture, as far as its words reach.
ROOM = """view => {
  const foot = view.lastElementChild;
  const range = document.createRange();
  range.selectNodeContents(foot);
  const {left} = foot.getBoundingClientRect();
  return {height: foot.getBoundingClientRect().height, left, right: Math.min(range.getBoundingClientRect().right, foot.getBoundingClientRect().right)};
}"""


# Regions


def test_the_onset_of_a_region_is_said_of_each_run(server: TensorBoard, runs: dict[str, Run], open_tab: Open) -> None:
    assert (runs["honest-seed0"].onset("shap", "left"), runs["shortcut-seed0"].onset("shap", "left")) == (None, ONSET)
    _, tab = open_tab(server, PAIR)
    expect(tab.locator(".region-onsets").first).to_have_text(f"leans on it: A never · B since epoch {ONSET}")
    plot = tab.get_by_role("img", name=re.compile("^share on “left”"))
    expect(plot).to_have_attribute("aria-label", re.compile(rf"B shortcut-seed0: .*; onset from epoch {ONSET} on"))


def test_the_share_of_a_region_is_the_mean_over_probes_and_says_so(
    server: TensorBoard, runs: dict[str, Run], logdir: Path, open_tab: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    share = runs["few"].region_share("shap", "left")
    assert np.median(share[-1]) < 0.06 < 0.2 < share[-1].mean(), "the median hides the one probe"
    mean = f"{100 * share[-1].mean():.0f} %"
    _, tab = open_tab(server, f"a=few/xai&b=honest-seed0/xai&epoch={EPOCHS - 1}")
    settled(tab)
    expect(tab.locator(".region-shares")).to_contain_text(f"A {mean}")
    plot = tab.get_by_role(
        "img", name=re.compile("^share on “left”, % over epochs; the line is the mean over probes, the band their middle half")
    )
    expect(plot).to_have_attribute("aria-label", re.compile(f"A few: {mean}"))
    # The report without a page says the same.
    assert main(["compare", str(logdir / "few"), str(logdir / "honest-seed0"), "--json"]) == 0
    assert f"{100 * json.loads(capsys.readouterr().out)['runs']['A']['regions']['left']['share']:.0f} %" == mean
    expect(tab.locator("figcaption").filter(has_text="share on “left”").get_by_text("mean", exact=True)).to_be_visible()
    _, of_one = open_tab(server, f"a=few/xai&b=&epoch={EPOCHS - 1}&areas=mine:3:0,0,4,0,4,8,0,8&region=mine")
    settled(of_one)
    one = of_one.get_by_role("img", name=re.compile("^share on “mine”, % over epochs; one probe; the band is its standard error"))
    expect(one).to_have_attribute("aria-label", re.compile(f"A few: {100 * share[-1, 3]:.0f} %"))


# Cards and repeats


def test_cards_are_sorted_by_how_far_the_reasons_are_apart(server: TensorBoard, runs: dict[str, Run], open_tab: Open) -> None:
    compared = runs["honest-seed0"].compare(runs["shortcut-seed0"], "shap")
    first = compared.look_first(1)
    rest = [probe for probe in range(PROBES) if probe not in first]
    _, tab = open_tab(server, PAIR + "&sort=differ&epoch=1")
    settled(tab)
    names = tab.locator(".card-name .ellipsis")
    expect(names).to_have_count(PROBES)
    shown = [int(re.search(r"#(\d)", text)[1]) for text in names.all_inner_texts()]
    assert shown[: len(first)] == first
    assert set(shown[len(first) :]) == set(rest)
    row = compared.place(1)
    for card, probe in zip(tab.locator(".card").all(), shown, strict=True):
        words = "more than" if compared.real[row, probe] else "within"
        expect(card.locator(".card-change")).to_have_attribute("aria-label", re.compile(f"{words} noise"))


def test_ticked_repeats_are_one_band_with_their_mean(server: TensorBoard, runs: dict[str, Run], open_tab: Open) -> None:
    state = f"{PAIR}&runs=honest-seed1%2Fxai,honest-seed2%2Fxai&epoch=6"
    page, tab = open_tab(server, state)
    settled(tab)
    drift = [np.median(runs[f"honest-seed{seed}"].drift("shap")[6]) for seed in range(3)]
    plot = tab.get_by_role("img", name=re.compile("^drift since the previous epoch"))
    words = f"mean of 3 repeats of honest: {np.mean(drift):.3f} ± {np.std(drift, ddof=1):.3f}"
    expect(plot).to_have_attribute("aria-label", re.compile(re.escape(words)))
    tab.locator(".repeats summary").click()
    pattern = tab.get_by_label("Regular expression for the part of a run's name that differs between repeats")
    pattern.fill("nothing-like-this")
    page.evaluate("location.hash = location.hash.replace('epoch=6', 'epoch=5')")
    expect(tab.locator(".cursor-epoch b")).to_have_text("epoch 5")
    expect(pattern).to_have_value("nothing-like-this")
    pattern.press("Enter")
    expect(plot).not_to_have_attribute("aria-label", re.compile("mean of"))
    expect(tab.locator(".verdict")).to_contain_text("how far apart two seeds are is unknown")


# Access


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run `npm install` (needs Node) to check accessibility.")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_in_what_is_judged(dark: bool, server: TensorBoard, open_tab: Open) -> None:
    page: Page
    page, tab = open_tab(server, PAIR + "&findings=open&events=all&drift=apart&repeats=-seed[0-9]", dark=dark)
    settled(tab)
    expect(tab.locator(".event").first).to_be_visible()
    assert grave(tab_frame(page)) == []
