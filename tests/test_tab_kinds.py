"""Tables, texts and series in the tab, in a real browser: the names and numbers that a user reads are those of the record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from browsing import MINUS, READY, Open, reading
from kinds import EPOCHS, KINDS, Kind
from playwright.sync_api import expect
from records import TensorBoard, serving

import tb_xai_plugin as xai

# In probe 0: a player, and what the page calls it.
PLAYERS = {"tabular": (3, "x3"), "text": (1, None), "sequence": (4, "steps 8\u20139")}


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
    return folder


@pytest.fixture(scope="module")
def server(logdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        for name in PLAYERS:
            for run in "ab":
                process.wait_for_epochs(f"{name}/{run}/xai", EPOCHS)
        yield process


def written(value: float, error: float) -> str:
    """As the page writes it: both to the decimal that the error begins with; an exact value alone."""
    if error == 0:
        return f"{value:+.{2 if abs(value) >= 0.1 else 3}f}".replace("-", MINUS)
    decimals = max(2, min(4, int(np.ceil(-np.log10(error)))))
    return f"{value:+.{decimals}f} ± {error:.{decimals}f}".replace("-", MINUS)


def pair(kind: str) -> str:
    return f"a={kind}/a/xai&b={kind}/b/xai&probe=0&player={PLAYERS[kind][0]}"


def called(kind: str, logdir: Path) -> str:
    player, name = PLAYERS[kind]
    return name or xai.read_run(logdir / kind / "a").probes.player_names(0)[player]


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("method", ["shap", "lime"])
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
        share = 100 * np.nanmedian(xai.read_run(logdir / kind / letter).region_share("shap", region)[-1])
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
    expect(tab.locator(".runs-room")).to_contain_text("not comparable: other probes")
