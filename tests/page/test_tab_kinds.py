"""Tables, texts and series in the tab, in a real browser: the names and numbers that a user reads are those of the record."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from playwright.sync_api import FrameLocator, Page, expect
from support.browsing import MINUS, READY, Open, reading
from support.kinds import EPOCHS, KINDS, Kind
from support.records import TensorBoard, serving

import tb_xai_plugin as xai

# In probe 0: a player, and what the page calls it.
PLAYERS = {"tabular": (3, "x3"), "text": (1, None), "sequence": (4, "steps 8\u20139")}


FEATURES = 500
TOKENS = 200
# What strangers' names look like: markup, very long, emoji, written from right to left (the last one would turn what follows it), a formula.
HOSTILE = (
    "<img src=x onerror=alert(1)><b>bold</b>",
    "n" * 200,
    "\U0001f469\u200d\U0001f52c emoji",
    "\u202e\u05e9\u05dc\u05d5\u05dd",
    "=1+1",
)
FEATURE = 3  # the class of the wide table is its sign; its name is written from right to left


def wide() -> tuple[keras.Model, np.ndarray, np.ndarray, xai.TabularProbes]:
    x = np.random.default_rng(0).normal(size=(64, FEATURES)).astype(np.float32)
    y = (x[:, FEATURE] > 0).astype(np.int64)
    names = [*HOSTILE, *(f"feature {i}" for i in range(len(HOSTILE), FEATURES))]
    probes = xai.TabularProbes(x[:3], y[:3], background=x, feature_names=names, class_names=["no", "<b>yes</b>"])
    model = keras.Sequential([keras.Input((FEATURES,)), layers.Dense(2, activation="softmax")])
    return model, x, y, probes


def long() -> tuple[keras.Model, np.ndarray, np.ndarray, xai.TextProbes]:
    words = [*HOSTILE[:1], *HOSTILE[2:4], "w" * 200, "good", "film", "plot", "the"]
    words = [word.replace(" ", "_") for word in words]
    rng = np.random.default_rng(0)
    drawn = [rng.choice(words, TOKENS).tolist() for _ in range(24)]

    def encode(given: list[str]) -> np.ndarray:
        numbers = np.zeros((len(given), TOKENS), dtype=np.int32)
        for row, text in zip(numbers, given, strict=True):
            split = text.split()
            row[: len(split)] = [1 + words.index(word) for word in split]
        return numbers

    y = np.array([int(text.count("good") > TOKENS // len(words)) for text in drawn])
    written = [" ".join(text) for text in drawn]
    probes = xai.TextProbes(written[:2], y[:2], encode=encode, tokenize=str.split)
    layer = [layers.Embedding(1 + len(words), 4), layers.GlobalAveragePooling1D(), layers.Dense(2, activation="softmax")]
    return keras.Sequential([keras.Input((TOKENS,), dtype="int32"), *layer]), encode(written), y, probes


def broken() -> tuple[keras.Model, np.ndarray, np.ndarray, xai.TabularProbes]:
    """A model that collapsed: it answers NaN from the first epoch on."""
    x = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32)
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2, activation="softmax")])
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    return model, x, np.arange(16) % 2, xai.TabularProbes(x[:2], [0, 1], background=x)


def regression() -> tuple[keras.Model, np.ndarray, np.ndarray, xai.TabularProbes]:
    """y = 2 x0 - x1, known from the start: its SHAP values are 2 (x0 - mean) and -(x1 - mean)."""
    x = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32)
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.set_weights([np.array([[2.0], [-1.0]], dtype=np.float32), np.zeros(1, dtype=np.float32)])
    return model, x, x @ [2.0, -1.0], xai.TabularProbes(x[:2], background=x)


ODD: dict[str, tuple[Callable[[], tuple], int]] = {
    "wide": (wide, EPOCHS),
    "long": (long, EPOCHS),
    "broken": (broken, 2),
    "regression": (regression, 1),
}


def train_odd(name: str, log_dir: Path) -> None:
    keras.utils.set_random_seed(0)
    make, epochs = ODD[name]
    model, x, y, probes = make()
    model.compile(
        keras.optimizers.SGD(0.0) if name == "regression" else "adam", "mse" if name == "regression" else "sparse_categorical_crossentropy"
    )
    model.fit(x, y, epochs=epochs, batch_size=16, verbose=0, callbacks=[xai.ExplanationLogger(log_dir, probes)])


def train(kind: Kind, log_dir: Path, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    model = kind.model()
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(kind.x, kind.y, epochs=EPOCHS, batch_size=16, verbose=0, callbacks=[xai.ExplanationLogger(log_dir, kind.probes)])


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    for name in PLAYERS:
        kind = KINDS[name]()
        for run, seed in (("a", 0), ("b", 1)):
            train(kind, folder / name / run, seed)
    for name in ODD:
        train_odd(name, folder / name)
    return folder


@pytest.fixture(scope="module")
def server(logdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        for name in PLAYERS:
            for run in "ab":
                process.wait_for_epochs(f"{name}/{run}/xai", EPOCHS)
        for name, (_, epochs) in ODD.items():
            process.wait_for_epochs(f"{name}/xai", epochs)
        yield process


def written(value: float, error: float) -> str:
    """As the page writes it: both to the decimal that the error begins with; an exact value alone."""
    if 0 < error < 5e-5:
        return f"{value:+.{2 if abs(value) >= 0.1 else 3}f} ± {error:.1e}".replace("e-0", "e-").replace("-", MINUS)
    if error == 0:
        return f"{value:+.{2 if abs(value) >= 0.1 else 3}f}".replace("-", MINUS)
    decimals = max(2, min(4, int(np.ceil(-np.log10(error)))))
    return f"{value:+.{decimals}f} ± {error:.{decimals}f}".replace("-", MINUS)


def pair(kind: str) -> str:
    return f"a={kind}/a/xai&b={kind}/b/xai&probe=0&player={PLAYERS[kind][0]}"


def called(kind: str, logdir: Path) -> str:
    player, name = PLAYERS[kind]
    return name or xai.read_run(logdir / kind / "a").probes.player_names(0)[player]


@pytest.mark.parametrize(("kind", "method"), [("tabular", "lime"), ("text", "shap"), ("sequence", "shap")])
def test_the_kept_player_has_its_name_its_value_and_its_error_in_both_runs(
    kind: str, method: str, server: TensorBoard, logdir: Path, open_tab: Open
) -> None:
    _, tab = open_tab(server, f"{pair(kind)}&method={method}")
    tab.locator(READY).wait_for()
    expect(tab.locator(".reading-head")).to_contain_text(called(kind, logdir))
    for letter in "AB":
        run = xai.read_run(logdir / kind / letter.lower())
        label, player = int(run.probes.labels[0]), PLAYERS[kind][0]
        value, error = (float(of(method)[-1, 0, label, player]) for of in (run.values, run.errors))
        expect(reading(tab, letter).locator(".reading-value")).to_have_text(written(value, error))


@pytest.mark.parametrize("kind", PLAYERS)
def test_a_region_of_players_has_the_share_that_the_reader_tells(kind: str, server: TensorBoard, logdir: Path, open_tab: Open) -> None:
    _, tab = open_tab(server, pair(kind))
    tab.locator(READY).wait_for()
    region = KINDS[kind]().region
    row = tab.locator(".region", has_text=region)
    for letter in "ab":
        share = 100 * np.nanmean(xai.read_run(logdir / kind / letter).region_share("shap", region)[-1])
        text = f"{share:.0f} %" if share >= 9.95 else f"{share:.1f}".removesuffix(".0") + " %"
        expect(row).to_contain_text(f"{letter.upper()} {text}")


def test_the_tab_speaks_of_features_tokens_and_stretches(server: TensorBoard, open_tab: Open) -> None:
    for kind, words in (("tabular", "20 features"), ("text", "tokens"), ("sequence", "10 stretches")):
        _, tab = open_tab(server, pair(kind))
        tab.locator(READY).wait_for()
        expect(tab.locator(".status-room")).to_contain_text(words)
        assert "segment" not in tab.locator(".main").inner_text().lower()
        expect(tab.locator(".pictures-room")).to_be_hidden()
        expect(tab.locator(".filmstrip-room")).to_be_hidden()


def test_a_text_is_shown_whole_in_both_runs_and_their_difference(server: TensorBoard, logdir: Path, open_tab: Open) -> None:
    _, tab = open_tab(server, pair("text"))
    tab.locator(READY).wait_for()
    figures = tab.locator(".passage-room figure")
    expect(figures).to_have_count(3)
    text = str(xai.read_run(logdir / "text" / "a").probes.inputs[0])
    for place in range(3):
        expect(figures.nth(place)).to_contain_text(text)


def test_runs_of_another_kind_are_not_compared(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=tabular/a/xai")
    tab.locator(READY).wait_for()
    expect(tab.locator(".runs-room")).to_contain_text("not comparable: explains texts, A explains tables")


# Of every room that shows the probe: nodes that came, went or changed since the page was watched, canvases apart.
WATCH = """() => {
  window.seen = { list: 0, nodes: new Set() };
  new MutationObserver((all) => {
    for (const { type, target } of all) {
      if (type === "childList") window.seen.list += 1;
      window.seen.nodes.add(target);
    }
  }).observe(document.querySelector(".probe-panel"), { subtree: true, childList: true, attributes: true, characterData: true });
}"""


def frame_of(page: Page) -> object:
    return next(frame for frame in page.frames if "name=xai" in frame.url)


def step_back(page: Page, tab: FrameLocator, shown: int) -> tuple[int, int]:
    """(nodes that changed, lists of nodes that changed) when the cursor goes one epoch back."""
    frame = frame_of(page)
    frame.evaluate(WATCH)
    page.keyboard.press("ArrowLeft")
    expect(tab.locator(".cursor-room")).to_contain_text(f"epoch {shown}")
    expect(tab.locator(READY)).to_be_visible()
    return frame.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done([window.seen.nodes.size, window.seen.list]))))"
    )


def test_500_features_with_hostile_names_are_read_as_text_with_the_numbers_of_the_record(
    server: TensorBoard, logdir: Path, open_tab: Open
) -> None:
    _, tab = open_tab(server, f"a=wide/xai&probe=0&player={FEATURE}&method=shap")
    tab.locator(READY).wait_for()
    run = xai.read_run(logdir / "wide")
    expect(tab.locator(".bars-tools")).to_contain_text(f"{FEATURES} features")
    expect(tab.locator(".reading-head")).to_contain_text(HOSTILE[FEATURE])
    target = int(run.probes.labels[0])
    value, error = (float(of("shap")[-1, 0, target, FEATURE]) for of in (run.values, run.errors))
    expect(reading(tab, "now").locator(".reading-value")).to_have_text(written(value, error))
    rows = tab.locator(".bars-room .bar-name")
    rest = tab.locator(".bars-room .others")
    assert rest.inner_text() == f"{FEATURES - rows.count() + 1} others ▸"
    rest.click()
    expect(rest).to_have_count(0)
    assert rows.count() < 40, "only what is in view is in the page"
    tab.get_by_role("button", name="as logged").click()
    expect(rows.first).to_contain_text("<img src=x")
    expect(rows.nth(1)).to_contain_text("nnn…nnn")
    assert tab.locator(".main img, .main b:text-is('bold'), .main b:text-is('yes')").count() == 0


def test_a_step_of_the_cursor_changes_few_nodes_of_a_table_of_500_features_and_none_of_its_rows(
    server: TensorBoard, open_tab: Open
) -> None:
    page, tab = open_tab(server, f"a=wide/xai&probe=0&player={FEATURE}&pin=0")
    tab.locator(READY).wait_for()
    tab.locator(".bars-room .others").wait_for()
    nodes, _ = step_back(page, tab, EPOCHS - 2)
    assert 0 < nodes < 60


def test_a_step_of_the_cursor_makes_no_token_of_a_long_text_anew(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=long/xai&probe=0&player=1&pin=0")
    tab.locator(READY).wait_for()
    tokens = tab.locator(".passage-text").first.locator(".token")
    expect(tokens).to_have_count(TOKENS)
    frame_of(page).evaluate("() => { window.kept = [...document.querySelectorAll('.token')]; }")
    nodes, _ = step_back(page, tab, EPOCHS - 2)
    assert nodes < 3 * TOKENS + 60, "each shade once, in the epoch now and in the difference"
    assert frame_of(page).evaluate(
        "() => window.kept.length === document.querySelectorAll('.token').length && window.kept.every((token) => token.isConnected)"
    )


def test_a_token_says_its_number_its_rank_and_its_share_as_the_record_has_them(server: TensorBoard, logdir: Path, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=text/a/xai&b=text/b/xai&probe=0&method=shap")
    tab.locator(READY).wait_for()
    token = tab.locator(".passage-text").first.locator(".token").nth(1)
    token.hover()
    run = xai.read_run(logdir / "text" / "a")
    label = int(run.probes.labels[0])
    values = run.values("shap")[-1, 0, label]
    sizes = np.abs(values[np.isfinite(values)])
    value, error = float(values[1]), float(run.errors("shap")[-1, 0, label, 1])
    rank = 1 + int((sizes > abs(value)).sum())
    expect(token).to_have_attribute("title", re.compile(rf"{re.escape(written(value, error))} .* · rank {rank} of {len(sizes)} · "))
    share = 100 * abs(value) / sizes.sum()
    assert abs(float(re.search(r"([\d.]+) % of the total", token.get_attribute("title"))[1]) - share) < 0.6
    token.click()
    expect(tab.locator(".reading-head")).to_contain_text("release")


def test_a_bar_says_its_number_its_rank_and_its_share_and_a_click_keeps_it(server: TensorBoard, logdir: Path, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=tabular/a/xai&b=tabular/b/xai&probe=0&method=shap&rank=logged")
    tab.locator(READY).wait_for()
    row = tab.locator(".bars-room .bar-name").filter(has_text="x3").bounding_box()
    canvas = tab.locator(".bars-room canvas").first
    box = canvas.bounding_box()
    place = {"x": 20, "y": row["y"] + row["height"] / 2 - box["y"]}
    canvas.hover(position=place)
    run = xai.read_run(logdir / "tabular" / "a")
    label = int(run.probes.labels[0])
    value, error = (float(of("shap")[-1, 0, label, 3]) for of in (run.values, run.errors))
    rank = 1 + int((np.abs(run.values("shap")[-1, 0, label]) > abs(value)).sum())
    expect(canvas).to_have_attribute(
        "title", re.compile(rf"^x3\nA {re.escape(written(value, error))} · rank {rank} of 20 · [\d.]+ % of the total$")
    )
    canvas.click(position=place)
    expect(tab.locator(".reading-head")).to_contain_text("release")
    expect(tab.locator(".reading-room .plot canvas")).to_be_visible()


def test_stretches_are_reached_by_keyboard_say_their_number_and_are_kept_by_enter(
    server: TensorBoard, logdir: Path, open_tab: Open
) -> None:
    page, tab = open_tab(server, "a=sequence/a/xai&b=sequence/b/xai&probe=0&player=0&method=shap")
    tab.locator(READY).wait_for()
    stops = tab.locator(".stretches").first.get_by_role("button")
    expect(stops).to_have_count(10)
    assert tab.locator(".stretches").first.locator("[tabindex='0']").count() == 1
    stops.first.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    run = xai.read_run(logdir / "sequence" / "a")
    label = int(run.probes.labels[0])
    value, error = (float(of("shap")[-1, 0, label, 4]) for of in (run.values, run.errors))
    expect(stops.nth(4)).to_be_focused()
    expect(stops.nth(4)).to_have_attribute("aria-label", re.compile(r"^steps 8\u20139: " + rf"{re.escape(written(value, error))} "))
    page.keyboard.press("Enter")
    expect(stops.nth(4)).to_have_attribute("aria-pressed", "true")
    expect(tab.locator(".reading-head")).to_contain_text("steps 8\u20139")


@pytest.mark.parametrize("width", [1440, 1024])
def test_players_over_epochs_have_their_rows_and_their_heading_fits(width: int, server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, pair("tabular"))
    page.set_viewport_size({"width": width, "height": 900 if width == 1440 else 700})
    tab.locator(READY).wait_for()
    head = tab.locator(".evolution-heads")
    expect(head).to_contain_text("Features over epochs")
    assert tab.locator(".evolution-player").count() >= 14
    assert head.evaluate("(node) => node.scrollWidth <= node.clientWidth && node.scrollHeight <= 32")


def rounded(value: float) -> str:
    """A number alone, of an ordinary size, as the page writes it."""
    return f"{value:.{1 if value >= 10 else 2 if value >= 0.1 else 3}f}"


@pytest.mark.parametrize("kind", PLAYERS)
def test_what_is_beyond_the_scale_is_said_with_the_largest_value_of_the_record(
    kind: str, server: TensorBoard, logdir: Path, open_tab: Open
) -> None:
    runs = [xai.read_run(logdir / kind / letter) for letter in "ab"]
    values = []
    for run in runs:
        labels = np.asarray(run.probes.labels, dtype=int)
        values.append(np.abs(run.all_values("shap")[:, np.arange(len(labels)), labels]))
    probe = int(np.nanargmax(np.nanmax(np.maximum(*values), axis=(0, 2))))
    largest = max(float(np.nanmax(each[:, probe])) for each in values)
    # The scale ends where 98 % of a run's numbers lie; both runs go by the larger end. A table's ends at its largest.
    end = max(float(np.nanquantile(each, 0.98)) for each in values)
    assert largest > end
    _, tab = open_tab(server, f"a={kind}/a/xai&b={kind}/b/xai&probe={probe}&method=shap")
    tab.locator(READY).wait_for()
    beyond = tab.locator(".evolution-beyond")
    if kind == "tabular":
        expect(beyond).to_have_count(0)
        return
    expect(beyond).to_have_text(f"beyond ±{rounded(end)}, up to {rounded(largest)}")
    tab.locator(".look-room").get_by_role("button", name="fit").first.click()
    expect(beyond).to_have_count(0)


def test_the_untrained_models_column_has_its_name(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, pair("tabular"))
    tab.locator(READY).wait_for()
    for side in range(2):
        expect(tab.locator(".evolution-ticks").nth(side).locator("span").first).to_have_text(re.compile("^untr"))


def test_a_long_text_shows_whole_lines_and_scrolls_by_them(server: TensorBoard, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=long/xai&probe=0&method=shap")
    tab.locator(READY).wait_for()
    text = tab.locator(".passage-text").first
    line = float(text.evaluate("(node) => parseFloat(getComputedStyle(node).lineHeight)"))
    above = float(text.evaluate("(node) => parseFloat(getComputedStyle(node).paddingTop)"))
    assert (text.evaluate("(node) => node.clientHeight") - above) % line == 0
    text.hover()
    page.mouse.wheel(0, 1.4 * line)
    frame_of(page).wait_for_function("([line]) => document.querySelector('.passage-text').scrollTop === line", arg=[line])


def test_a_model_that_answers_nan_gets_a_reason_and_no_number(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=broken/xai")
    tab.locator(READY).wait_for()
    expect(tab.locator(".bars-room .blank").first).to_contain_text("the model returned NaN or infinity")
    expect(tab.locator(".evolution-room")).to_contain_text("no epoch has numbers for this probe")
    assert "NaN" not in tab.locator(".reading-column").inner_text()


def test_a_regression_of_one_epoch_has_the_values_of_its_closed_form(server: TensorBoard, open_tab: Open) -> None:
    _, tab = open_tab(server, "a=regression/xai&probe=0&player=0&method=shap")
    tab.locator(READY).wait_for()
    x = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32)
    value = 2 * (x[0, 0] - x[:, 0].mean())
    shown = reading(tab, "now").locator(".reading-value").inner_text().split(" ")[0].replace(MINUS, "-")
    assert abs(float(shown) - value) < 0.006
    expect(tab.locator(".bars-room .bar-name")).to_have_count(2)


def test_numbers_of_a_table_with_hostile_names_leave_as_they_are_in_the_record(server: TensorBoard, logdir: Path, open_tab: Open) -> None:
    page, tab = open_tab(server, "a=wide/xai&probe=0&method=shap")
    tab.locator(READY).wait_for()
    tab.get_by_role("button", name="export").click()
    with page.expect_download() as download:
        tab.get_by_role("menuitem", name="Numbers as CSV", exact=True).click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"), newline="")))
    run = xai.read_run(logdir / "wide")
    values = run.values("shap")[-1, 0, int(run.probes.labels[0])]
    assert np.array_equal(np.array([row["now value"] for row in rows], dtype=np.float32), values.astype(np.float32))
    # What begins like a formula is text to a spreadsheet.
    assert [row["name"] for row in rows[: len(HOSTILE)]] == [*HOSTILE[:-1], f"'{HOSTILE[-1]}"]
