"""Overlays show the numbers of the record: on images as lime chooses segments, and on rows, texts and series."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from lime.lime_image import ImageExplanation
from matplotlib.colors import to_hex, to_rgb
from skimage.segmentation import find_boundaries, mark_boundaries
from support.all_kinds import OtherRun, series, table, text
from support.records import FakeRun

from tb_xai_plugin import read_run
from tb_xai_plugin.plots.colors import DARK, LIGHT, diverging
from tb_xai_plugin.plots.image import edges, painted
from tb_xai_plugin.plots.look import Look
from tb_xai_plugin.run import Run

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="pip install matplotlib")

PROBE = 2


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FakeRun]:
    folder = tmp_path_factory.mktemp("runs")
    made = {
        "image": FakeRun(folder / "image", players=(9, 8, 12), side=12),
        "tabular": OtherRun(folder / "tabular", players=(6,) * 4, make=table),
        "text": OtherRun(folder / "text", players=(9,) * 4, make=text),
        "sequence": OtherRun(folder / "sequence", players=(10,) * 4, make=series),
    }
    return {kind: run.write(range(-1, 4)) for kind, run in made.items()}


@pytest.fixture(scope="module")
def runs(written: dict[str, FakeRun]) -> dict[str, Run]:
    return {kind: read_run(Path(run.log_dir)) for kind, run in written.items()}


def truth(run: FakeRun, step: int, probe: int = PROBE, explainer: str = "shap") -> tuple[np.ndarray, np.ndarray]:
    """Values and errors toward the label, (players,) each."""
    made, label = run.truth[step], int(run.probes.labels[probe])
    return tuple(array[explainer][probe, label, : run.probes.players[probe]].astype(float) for array in (made.values, made.errors))


@pytest.mark.parametrize("hide", [True, False])
@pytest.mark.parametrize(("sign", "most", "least"), [("for", 5, 0.0), ("against", 3, 0.0), ("both", 4, 0.0), ("for", 12, 0.6)])
def test_the_segments_shown_and_outlined_are_those_of_limes_mask(written, runs, sign: str, most: int, least: float, hide: bool) -> None:
    values, _ = truth(written["image"], 3, explainer="lime")
    probes = runs["image"].probes
    lime = ImageExplanation(probes.images[PROBE].repeat(3, -1).astype(float), probes.segments[PROBE])
    lime.local_exp[0] = sorted(enumerate(values.tolist()), key=lambda one: abs(one[1]), reverse=True)
    only = {"positive_only": sign == "for", "negative_only": sign == "against"}
    image, mask = lime.get_image_and_mask(0, **only, num_features=most, hide_rest=hide, min_weight=least)

    options = {"sign": sign, "strongest": most, "least": least, "rest": "hide" if hide else "show", "view": "image", "outlines": "#ffff00"}
    ax = runs["image"].plot_overlay("lime", PROBE, 3, **options)
    shown = Look(sign, most, least).chosen(values)[probes.segments[PROBE]]
    assert (shown == (mask != 0)).all()
    drawn = np.asarray(ax.images[0].get_array())
    if sign != "both":  # lime tints what it shows of both signs
        assert np.allclose(drawn[shown], image[shown] / 255)
    if hide:
        assert np.allclose(drawn[~shown], np.array(LIGHT.hidden) / 255)
    yellow = [lines for lines in ax.collections if to_hex(lines.get_colors()[0]) == "#ffff00"]
    between = np.array([path.vertices.mean(axis=0) for path in yellow[0].get_paths()]).reshape(-1, 2)
    touched = np.zeros(mask.shape, dtype=bool)
    for x, y in between:
        for at in (np.floor, np.ceil):
            touched[int(at(y)), int(at(x))] = True
    assert (touched == find_boundaries(mask, mode="thick")).all()
    marked = mark_boundaries(np.zeros((*mask.shape, 3)), mask)
    assert set(zip(*np.nonzero(marked[..., 0]), strict=True)) <= set(zip(*np.nonzero(touched), strict=True))


def test_edges_lie_between_pixels_with_different_labels() -> None:
    labels = np.array([[0, 0, 1], [0, 1, 1]])
    lines = {tuple(map(tuple, line)) for line in edges(labels).tolist()}
    assert lines == {((1.5, -0.5), (1.5, 0.5)), ((0.5, 0.5), (0.5, 1.5)), ((0.5, 0.5), (1.5, 0.5))}


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_tint_is_the_pages_colour_by_sign_and_size(written, runs, theme) -> None:
    values, _ = truth(written["image"], 3)
    probes = runs["image"].probes
    ax = runs["image"].plot_overlay("shap", PROBE, dark=theme.dark)
    drawn = np.asarray(ax.images[0].get_array())
    black, white = theme.greys
    for (y, x), player in np.ndenumerate(probes.segments[PROBE]):
        grey = black + (white - black) * int(probes.images[PROBE, y, x, 0]) / 255
        end = np.array((200, 0, 64) if values[player] > 0 else (16, 100, 210))
        alpha = 0.8 * (abs(values[player]) / np.abs(values).max()) ** 0.8
        assert np.allclose(255 * drawn[y, x], grey + (end - grey) * alpha, atol=0.01)
    assert to_hex(ax.figure.get_facecolor()) == theme.panel


def test_a_map_and_an_image_with_alpha_and_gaps_are_painted_on_the_panel() -> None:
    image = np.zeros((1, 3, 4), dtype=np.uint8)
    image[0, 1] = (0, 0, 0, 255)
    segments = np.array([[0, 0, -1]])
    plain = painted(image, segments, np.array([0.0]), Look(view="image"), DARK, 1.0)
    assert np.allclose(255 * plain[0], [[48] * 3, [0] * 3, [48] * 3])
    mapped = painted(image, segments, np.array([2.0]), Look(view="map"), LIGHT, 2.0)
    assert np.allclose(255 * mapped[0, 0], (200, 0, 64))


def test_the_classic_picture_is_the_five_strongest_for_the_class(runs) -> None:
    classic, spelled = (
        runs["image"].plot_overlay("lime", PROBE, **options)
        for options in ({"classic": True}, {"sign": "for", "strongest": 5, "rest": "hide", "view": "image", "outlines": "#ffff00"})
    )
    assert np.array_equal(classic.images[0].get_array(), spelled.images[0].get_array())
    three = runs["image"].plot_overlay("lime", PROBE, classic=True, strongest=3)
    assert not np.array_equal(classic.images[0].get_array(), three.images[0].get_array())


def test_a_region_is_outlined_where_its_mask_ends(runs) -> None:
    ax = runs["image"].plot_overlay(probe=PROBE, region="left")
    right = max(point[0] for path in ax.collections[-1].get_paths() for point in path.vertices)
    assert right == 5.5  # the left half of 12 pixels


@pytest.mark.parametrize("step", [-1, 0, 3])
def test_bars_of_a_row_are_its_values_with_their_errors_as_whiskers(written, runs, step: int) -> None:
    values, errors = truth(written["tabular"], step)
    ax = runs["tabular"].plot_overlay("shap", PROBE, step)
    order = np.argsort(-np.abs(values))
    assert np.allclose([bar.get_width() for bar in ax.patches], values[order])
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [
        LIGHT.positive if value > 0 else LIGHT.negative for value in values[order]
    ]
    (whiskers,) = [lines for lines in ax.collections if len(lines.get_paths()) == len(values)]
    spans = np.array([path.vertices[:, 0] for path in whiskers.get_paths()])
    assert np.allclose(np.ptp(spans, axis=1) / 2, errors[order], rtol=1e-3)  # a record has errors with 11 bits
    names = [label.get_text() for label in ax.get_yticklabels()]
    shown = runs["tabular"].probes.shown[PROBE]
    assert names == [f"feature {i} = {shown[i]:.4g}".replace("-", "−") for i in order]
    assert "log-odds" in ax.get_xlabel()
    assert "class" in ax.get_xlabel()
    assert "standard error" in ax.get_xlabel()


def test_only_the_strongest_of_a_sign_are_bars(written, runs) -> None:
    values, _ = truth(written["tabular"], 3)
    ax = runs["tabular"].plot_overlay("shap", PROBE, sign="for", strongest=2)
    assert np.allclose([bar.get_width() for bar in ax.patches], np.sort(values)[::-1][:2])


def test_a_text_is_whole_and_its_tokens_lie_on_their_colours(written, runs) -> None:
    values, _ = truth(written["text"], 3)
    ax = runs["text"].plot_text("shap", PROBE)
    assert "".join(one.get_text() for one in ax.texts).split() == runs["text"].probes.inputs[PROBE].split()
    drawn = [np.array(box.get_facecolor()[:3]) for box in ax.patches]
    expected = diverging(values / np.abs(values).max(), LIGHT)
    assert np.allclose(drawn, expected, atol=1 / 255)


def test_a_text_is_wrapped_within_its_axes(runs) -> None:
    _, ax = plt.subplots(figsize=(1.5, 3))
    runs["text"].plot_overlay(probe=0, ax=ax, legend=False)
    width = ax.get_xlim()[1]
    assert all(box.get_x() + box.get_width() <= width for box in ax.patches)
    assert len({box.get_y() for box in ax.patches}) > 2


def test_stretches_of_a_series_lie_on_their_colours(written, runs) -> None:
    values, _ = truth(written["sequence"], 3)
    ax = runs["sequence"].plot_overlay("shap", PROBE)
    probes = runs["sequence"].probes
    for line, channel in zip(ax.lines, probes.shown[PROBE].T, strict=True):
        assert np.array_equal(line.get_ydata(), channel)
    for player, box in enumerate(ax.patches):
        steps = np.flatnonzero(probes.segments[PROBE] == player)
        assert (box.get_x(), box.get_x() + box.get_width()) == (steps[0] - 0.5, steps[-1] + 0.5)
        assert np.allclose(box.get_facecolor()[:3], diverging(values / np.abs(values).max(), LIGHT)[player])


def test_axes_that_are_given_come_back_in_the_theme_of_their_figure(runs) -> None:
    figure, ax = plt.subplots(facecolor="#222222")
    assert runs["image"].plot_overlay(probe=PROBE, ax=ax) is ax
    assert ax.figure is figure
    assert to_rgb(ax.title.get_color()) == to_rgb("black")  # the title of the middle; ours is at the left
    assert to_hex(ax._left_title.get_color()) == DARK.ink
    with plt.style.context("dark_background"):
        assert to_hex(runs["image"].plot_overlay(probe=PROBE).figure.get_facecolor()) == DARK.panel


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"sign": "positive"}, ValueError, "unknown sign 'positive'; choose from"),
        ({"strongest": 0}, ValueError, "strongest is 0; give the number of players"),
        ({"opacity": 2}, ValueError, "opacity is 2; give a number from 0 to 1"),
        ({"scale": 0}, ValueError, "scale is 0; give the"),
        ({"num_features": 5}, TypeError, "there is no option 'num_features'; choose from"),
        ({"probe": 9}, ValueError, "there is no probe 9; give a number from 0 to 2"),
        ({"step": 17}, ValueError, r"step 17 was not explained in image; choose from \[-1, 0, 1, 2, 3\]"),
        ({"explainer": "ig"}, ValueError, "no explainer 'ig' in this record"),
        ({"target": 7}, ValueError, "class 7 is out of range"),
        ({"region": "right"}, ValueError, r"no region 'right' in these probes; they have \['left'\]"),
        ({"ax": 3}, TypeError, "ax is a int; give one Axes"),
    ],
)
def test_a_mistake_is_one_sentence(runs, options, error, words) -> None:
    with pytest.raises(error, match=words):
        runs["image"].plot_overlay(**{"probe": PROBE, **options})


def test_what_has_no_numbers_is_told(tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "gap").write([0])
    run.write([1], silent=(1,), reason="the model returned NaN")
    with pytest.raises(ValueError, match="plot_overlay: probe 1 has no numbers at epoch 1, they are missing"):
        read_run(tmp_path / "gap").plot_overlay(probe=1)
    with pytest.raises(TypeError, match="plot_text: the probes are of kind 'image'; use plot_overlay"):
        read_run(tmp_path / "gap").plot_text()
