"""Figures have the numbers of the run: drift, shares, importance, waterfalls, swarms, maps over epochs, strips and pairs."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from support.all_kinds import OtherRun, series, table, text
from support.records import FakeRun

import tb_xai_plugin as xai
from tb_xai_plugin import read_run
from tb_xai_plugin.plots.colors import LIGHT, diverging, feature_color, run_color
from tb_xai_plugin.run import Run

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="pip install matplotlib")

PROBE, LAST = 1, 4
RETURNED = 2**31 - 1


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("runs")
    made = {}
    for name, seed in (("a", 0), ("b", 1)):
        kinds = {
            "image": FakeRun(folder / f"image-{name}", players=(9, 9, 9), side=12),
            "tabular": OtherRun(folder / f"table-{name}", players=(14,) * 6, make=table),
            "text": OtherRun(folder / f"text-{name}", players=(9,) * 4, make=text),
            "sequence": OtherRun(folder / f"series-{name}", players=(10,) * 4, make=series),
        }
        for kind, run in kinds.items():
            run.rng = np.random.default_rng(seed)
            made[f"{kind}-{name}"] = read_run(run.write(range(-1, LAST + 1)).log_dir)
    return made


def toward_label(run: Run, array: np.ndarray) -> np.ndarray:
    """(…, probes, players) of (…, probes, targets, players)."""
    labels = np.array(run.record["probes"]["labels"])
    return array[..., np.arange(len(labels)), labels, :].astype(float)


def whiskers(ax, count: int) -> np.ndarray:
    """Half the lengths of the error bars, in their order; horizontal or vertical."""
    (lines,) = [lines for lines in ax.collections if len(getattr(lines, "get_segments", list)()) == count]
    return np.array([np.abs(np.diff(segment, axis=0)).sum() / 2 for segment in lines.get_segments()])


@pytest.mark.parametrize("against", ["previous", "untrained"])
def test_drift_and_its_floor_are_medians_of_the_runs(runs, against: str) -> None:
    run = runs["image-a"]
    ax = run.plot_drift("shap", against=against)
    drift, floor = np.median(run.drift("shap", against), axis=1), np.median(run.noise_floor("shap", against), axis=1)
    lines = {line.get_label(): line for line in ax.lines}
    assert np.array_equal(lines["median drift"].get_xdata(), run.steps)
    assert np.allclose(lines["median drift"].get_ydata(), drift)
    assert np.allclose(lines["noise floor"].get_ydata(), floor)
    assert to_hex(lines["median drift"].get_color()) == run_color(run.name, LIGHT)
    points = {found.get_label(): found.get_offsets() for found in ax.collections if found.get_label() in ("above noise", "within noise")}
    assert np.allclose(points["above noise"][:, 1], drift[drift > floor])
    assert np.allclose(points.get("within noise", np.empty((0, 2)))[:, 1], drift[drift <= floor])
    assert "total variation" in ax.get_ylabel()
    assert ax.get_xlabel() == "epoch"


def test_drift_of_a_probe_is_its_own(runs) -> None:
    run = runs["tabular-a"]
    ax = run.plot_drift("lime", PROBE, measure="cosine", against="final")
    lines = {line.get_label(): line for line in ax.lines}
    assert np.allclose(lines["drift"].get_ydata(), run.drift("lime", "final", "cosine")[:, PROBE], equal_nan=True)
    assert np.allclose(lines["noise floor"].get_ydata(), run.noise_floor("lime", "final", "cosine")[:, PROBE], equal_nan=True)


def test_a_share_is_the_runs_with_its_error_size_and_onset(runs) -> None:
    run = runs["tabular-a"]
    ax = run.plot_share("first two")
    share = run.share("shap", "first two")
    mean = share.share.mean(axis=1)
    error = np.sqrt((share.errors**2).sum(axis=1)) / share.share.shape[1]
    assert np.allclose(ax.lines[0].get_ydata(), run.region_share("shap", "first two").mean(axis=1))
    assert np.allclose(whiskers(ax, len(run.steps)), error[1:], rtol=1e-6)
    untrained = next(line for line in ax.lines if line.get_xdata()[0] == -1)
    assert np.allclose(untrained.get_ydata(), mean[0])
    level = next(line for line in ax.lines if "its own part" in str(line.get_label()))
    assert np.allclose(level.get_ydata(), 2 / 14)
    assert "first two" in ax._left_title.get_text()
    one = run.plot_share("feature 3", probe=PROBE)
    assert np.allclose(one.lines[0].get_ydata(), run.region_share("shap", "feature 3")[:, PROBE])


def test_an_onset_is_marked_where_the_run_says(tmp_path: Path) -> None:
    class Rising(OtherRun):
        def _made(self, step: int, *rest: object):
            made = super()._made(step, *rest)
            for name in made.values:
                made.values[name][:] = 0.01
                made.values[name][..., :2] = 0.01 if step < 2 else 5
                made.errors[name][:] = 0.001
            return made

    run = read_run(Rising(tmp_path / "run", players=(8,) * 6, make=table).write(range(-1, 6)).log_dir)
    ax = run.plot_share("first two")
    assert run.onset("shap", "first two") == 2
    assert [text.get_text() for text in ax.texts] == ["onset: epoch 2"]
    assert 2.0 in [line.get_xdata()[0] for line in ax.lines]


def test_importance_is_the_runs_with_the_error_of_a_mean(runs) -> None:
    run = runs["tabular-a"]
    ax = run.plot_importance("shap", most=5)
    importance = run.importance("shap")[-1]
    order = np.argsort(-importance)[:5]
    assert np.allclose([bar.get_width() for bar in ax.patches], importance[order])
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"feature {i}" for i in order]
    errors = toward_label(run, run.errors("shap"))[-1]
    assert np.allclose(whiskers(ax, 5), (np.sqrt((errors**2).sum(axis=0)) / len(errors))[order])
    assert "9 weaker players not shown" in ax.get_xlabel()


def test_importance_of_words_is_over_their_occurrences(runs) -> None:
    run = runs["text-a"]
    values = np.abs(toward_label(run, run.values("shap"))[-1])
    of_word: dict[str, list[float]] = {}
    for probe, row in enumerate(values):
        for name, value in zip(run.probes.player_names(probe), row, strict=False):
            of_word.setdefault(name, []).append(value)
    ax = run.plot_importance("shap")
    drawn = {label.get_text().split(" ×")[0]: bar.get_width() for label, bar in zip(ax.get_yticklabels(), ax.patches, strict=True)}
    assert {word: pytest.approx(np.mean(found)) for word, found in of_word.items()} == drawn


@pytest.mark.parametrize("kind", ["image", "tabular", "text", "sequence"])
@pytest.mark.parametrize("most", [3, 40])
def test_a_waterfall_leads_from_the_base_value_to_the_sum(runs, kind: str, most: int) -> None:
    run = runs[f"{kind}-a"]
    label = run.record["probes"]["labels"][PROBE]
    values = toward_label(run, run.values("shap"))[-1, PROBE]
    values = values[np.isfinite(values)]
    base = float(run.base_values("shap")[-1, PROBE, label])
    ax = run.plot_waterfall("shap", PROBE, most=most)
    order = np.argsort(-np.abs(values))
    shown = np.array([bar.get_width() for bar in ax.patches])
    assert np.allclose(shown[: min(most, len(values))], values[order][:most], atol=1e-6)
    assert shown.sum() == pytest.approx(values.sum(), abs=1e-5)
    starts = [bar.get_x() for bar in ax.patches]
    assert starts[-1] == pytest.approx(base, abs=1e-5)
    assert np.allclose(starts[:-1], [bar.get_x() + bar.get_width() for bar in ax.patches[1:]])
    assert starts[0] + shown[0] == pytest.approx(base + values.sum(), abs=1e-5)
    errors = toward_label(run, run.errors("shap"))[-1, PROBE][: len(values)][order]
    rest = [np.sqrt((errors[most:] ** 2).sum())] if len(values) > most else []
    assert np.allclose(whiskers(ax, len(shown)), [*errors[:most], *rest], atol=1e-6)
    probability = float(run.outputs[-1, PROBE, label])
    (diamond,) = [line for line in ax.lines if line.get_marker() == "D"]
    assert diamond.get_xdata()[0] == pytest.approx(np.log(probability / (1 - probability)), abs=1e-5)


def test_a_waterfall_writes_0_for_what_is_rounding_alone() -> None:
    x = np.array([[1.0, 2.0, 3.0]], dtype="float32")
    probes = xai.TabularProbes(x, background=np.zeros((4, 3), dtype="float32"))
    found = xai.explain(lambda b: 0.1 * np.asarray(b, dtype=float)[:, :1] + 0.7, probes, explainers="shap", head="regression")["shap"]
    found.values[0, 0, 1:] = [-1.11e-16, 2e-3]
    found.errors[...] = 0
    texts = [text.get_text() for text in found.plot_waterfall().texts]
    assert texts[:3] == ["+0.1", "+0.002", "0"]


def test_players_that_are_left_out_are_counted_in_plain_words(runs) -> None:
    run = runs["image-a"]
    assert "(1 weaker player not shown)" in run.plot_evolution("shap", PROBE, most=8).get_xlabel()
    assert "(2 weaker players not shown)" in run.plot_evolution("shap", PROBE, most=7).get_xlabel()
    assert "\n1 weaker player not shown; " in runs["tabular-a"].plot_importance("shap", most=13).get_xlabel()


def test_players_of_images_are_called_segments_as_in_the_tab(runs) -> None:
    names = [label.get_text() for label in runs["image-a"].plot_evolution("shap", PROBE).get_yticklabels()]
    assert sorted(names) == [f"segment {player}" for player in range(9)]


def test_the_force_layout_meets_at_the_sum(runs) -> None:
    run = runs["tabular-a"]
    values = toward_label(run, run.values("shap"))[-1, PROBE]
    base = float(run.base_values("shap")[-1, PROBE, run.record["probes"]["labels"][PROBE]])
    ax = run.plot_force("shap", PROBE)
    total = base + values.sum()
    ends = {LIGHT.positive: [], LIGHT.negative: []}
    for shape in ax.patches:
        ends[to_hex(shape.get_facecolor())] += shape.get_xy()[:, 0].tolist()
    assert max(ends[LIGHT.positive]) == pytest.approx(total, abs=1e-6)
    assert min(ends[LIGHT.negative]) == pytest.approx(total, abs=1e-6)
    assert len(ax.patches) == len(values)
    reach = max(ends[LIGHT.positive]) - min(ends[LIGHT.positive])
    assert reach == pytest.approx(values[values > 0].sum(), rel=0.05)  # tips of arrows overlap


def test_a_swarm_has_every_probe_at_its_value_in_the_colour_of_its_feature(runs) -> None:
    run = runs["tabular-a"]
    ax = run.plot_beeswarm("shap", most=4)
    values = toward_label(run, run.values("shap"))[-1]
    order = np.argsort(-np.abs(values).mean(axis=0))[:4]
    swarms = [found for found in ax.collections if len(found.get_offsets()) == len(values) and len(found.get_sizes())]
    for row, (player, swarm) in enumerate(zip(order, swarms, strict=True)):
        assert np.allclose(swarm.get_offsets()[:, 0], values[:, player])
        assert (np.abs(swarm.get_offsets()[:, 1] - row) <= 0.4).all()
        column = run.probes.shown[:, player].astype(float)
        parts = (column - column.min()) / np.ptp(column)
        assert [to_hex(color) for color in swarm.get_facecolors()] == [feature_color(part, LIGHT) for part in parts]
    with pytest.raises(ValueError, match="plot_beeswarm: the players of these probes of kind 'text' are other ones in every probe"):
        runs["text-a"].plot_beeswarm()


def test_a_map_over_epochs_has_the_runs_values(runs) -> None:
    run = runs["tabular-a"]
    ax = run.plot_evolution("shap", PROBE, most=5)
    of_epochs = toward_label(run, run.values("shap"))[:, PROBE]
    values = np.concatenate([toward_label(run, run.untrained("shap"))[None, PROBE], of_epochs])
    order = np.argsort(-np.abs(values).max(axis=0))[:5]
    assert np.allclose(ax.images[0].get_array(), diverging(values[:, order].T / np.abs(values).max(), LIGHT))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["untrained", "0", "1", "2", "3", "4"]
    over_all = run.plot_evolution("shap", most=5)
    importance = np.abs(np.concatenate([toward_label(run, run.untrained("shap"))[None], toward_label(run, run.values("shap"))])).mean(
        axis=1
    )
    strongest = np.argsort(-importance.max(axis=0))[:5]
    assert np.allclose(over_all.images[0].get_array(), diverging(importance[:, strongest].T / importance.max(), LIGHT), atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 6])
def test_the_title_and_the_label_of_a_strip_are_not_cut_off(runs, frames: int) -> None:
    figure = runs["image-a"].plot_filmstrip(probe=PROBE, frames=frames)[0].figure
    figure.canvas.draw()
    (bar,) = [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]
    for written in (figure._suptitle, bar.xaxis.label):
        box = written.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1


@pytest.mark.parametrize("kind", ["image", "tabular", "text", "sequence"])
def test_a_filmstrip_has_the_steps_in_order(runs, kind: str) -> None:
    run = runs[f"{kind}-a"]
    axes = run.plot_filmstrip(probe=PROBE, frames=3)
    assert [ax._left_title.get_text() for ax in axes] == ["untrained", "epoch 1", "epoch 4"]
    chosen = run.plot_filmstrip(probe=PROBE, frames=[2, 3])
    assert [ax._left_title.get_text() for ax in chosen] == ["epoch 2", "epoch 3"]
    own, frame = run.plot_overlay(probe=PROBE, step=2, scale=_end(run, [2, 3])), chosen[0]
    if kind == "image":
        assert np.array_equal(own.images[0].get_array(), frame.images[0].get_array())
    if kind in ("text", "sequence"):
        assert [box.get_facecolor() for box in own.patches] == [box.get_facecolor() for box in frame.patches]
    if kind == "tabular":
        assert {round(bar.get_width(), 6) for bar in frame.patches} <= {
            round(value, 6) for value in toward_label(run, run.values("shap"))[2, PROBE].tolist()
        }


def _end(run: Run, steps: list[int]) -> float:
    return float(np.nanmax(np.abs(toward_label(run, run.values("shap"))[steps, PROBE])))


def test_a_pair_is_two_runs_and_their_difference_with_its_own_errors(runs) -> None:
    a, b = runs["tabular-a"], runs["tabular-b"]
    left, right, difference = a.plot_pair(b, "shap", PROBE)
    values = [toward_label(run, run.values("shap"))[-1, PROBE] for run in (a, b)]
    widths = [np.array([bar.get_width() for bar in ax.patches]) for ax in (left, right, difference)]
    assert np.allclose(widths[0] - widths[1], widths[2], atol=1e-6)
    order = np.argsort(-np.max(np.abs([*values, values[0] - values[1]]), axis=0))[:12]
    assert np.allclose(widths[0], values[0][order], atol=1e-6)
    errors = toward_label(a, a.change_errors("shap", LAST, LAST, b))[PROBE]
    assert np.allclose(whiskers(difference, 12), errors[order], atol=1e-6)
    assert left._left_title.get_text() == "A: table-a, epoch 4"
    with pytest.raises(TypeError, match="plot_pair got a str; give a run"):
        a.plot_pair("b")
    with pytest.raises(ValueError, match="can't be compared"):
        a.plot_pair(runs["image-a"])


@pytest.mark.parametrize("kind", ["image", "text", "sequence"])
def test_every_kind_has_a_pair(runs, kind: str) -> None:
    assert len(runs[f"{kind}-a"].plot_pair(runs[f"{kind}-b"], probe=PROBE, dark=True)) == 3


def test_a_model_explained_once_has_its_moment_and_no_drift(tmp_path: Path) -> None:
    run = read_run(FakeRun(tmp_path / "once").write_returned("once").log_dir)
    assert run.plot_overlay()._left_title.get_text().endswith("once, returned model")
    with pytest.raises(ValueError, match="plot_drift: once has no explained epochs"):
        run.plot_drift()
    assert len(run.plot_filmstrip()) == 1


def test_given_axes_are_filled_or_refused_by_number(runs) -> None:
    _, axes = plt.subplots(1, 3)
    assert list(runs["image-a"].plot_filmstrip(frames=3, ax=axes)) == list(axes)
    with pytest.raises(ValueError, match="ax has 3 axes for 2 pictures"):
        runs["image-a"].plot_filmstrip(frames=2, ax=axes)


def test_plots_say_what_to_install(runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="plots need matplotlib; install it with 'pip install matplotlib'"):
        runs["image-a"].plot_overlay()
    assert "<img" in runs["image-a"]._repr_html_()  # displays need none
