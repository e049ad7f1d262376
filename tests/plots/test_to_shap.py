"""What `to_shap` returns goes into shap's own plots, and adds up to the model's output."""

import warnings
from collections.abc import Iterator
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

import tb_xai_plugin as xai
from tb_xai_plugin.engine.explanation import Explanation

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="pip install matplotlib")
shap = pytest.importorskip("shap", reason="pip install shap")

CLASSES = ["no", "yes"]


def probabilities(scores: np.ndarray) -> np.ndarray:
    yes = 1 / (1 + np.exp(-scores))
    return np.stack([1 - yes, yes], axis=1)


def rows(b: object) -> np.ndarray:
    b = np.asarray(b, dtype=float)
    return probabilities(b[:, 0] - 2 * b[:, 1] * b[:, 2])


def images(b: object) -> np.ndarray:
    b = np.asarray(b, dtype=float)
    return probabilities(b[:, :6, :6].mean(axis=(1, 2, 3)) / 50 - 2)


def texts(b: list[str]) -> np.ndarray:
    return probabilities(np.array([2.0 * ("good" in text) - ("bad" in text) for text in b]))


def series(b: object) -> np.ndarray:
    return probabilities(np.asarray(b, dtype=float)[:, 10:20].sum(axis=1) / 5)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def explained() -> dict[str, Explanation]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4)).astype("float32")
    x[:, 3] = rng.integers(0, 2, 30)
    named = {"class_names": CLASSES, "labels": [1, 0, 1]}
    probes = {
        rows: xai.TabularProbes(x[:3], background=x, categorical={3: ["off", "on"]}, groups={"two": [1, 2]}, **named),
        images: xai.ImageProbes(rng.integers(0, 255, (3, 12, 12, 3)).astype("uint8"), **named),
        texts: xai.TextProbes(["a good, good film", "a bad film!", "(good or bad)"], repeated="one", **named),
        series: xai.SequenceProbes(rng.normal(size=(3, 40)).astype("float32"), segments=8, **named),
    }
    return {given.kind: xai.explain(model, given, "shap")["shap"] for model, given in probes.items()}


def plotted(call, *arguments: object, **options: object) -> None:
    """shap's plots warn of matplotlib's own changes, and some show at once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call(*arguments, show=False, **options)
    plt.gcf().canvas.draw()


@pytest.mark.parametrize("kind", ["tabular", "sequence"])
@pytest.mark.parametrize("name", ["beeswarm", "bar", "heatmap"])
def test_shaps_plots_of_all_rows_take_it(explained, kind: str, name: str) -> None:
    plotted(getattr(shap.plots, name), explained[kind].to_shap())


@pytest.mark.parametrize("kind", ["tabular", "sequence"])
def test_shaps_waterfall_shows_the_same_numbers(explained, kind: str) -> None:
    explanation = explained[kind].to_shap()
    plotted(shap.plots.waterfall, explanation[1])
    drawn = " ".join(text.get_text() for axes in plt.gcf().axes for text in axes.texts)
    largest = explanation.values[1][np.abs(explanation.values[1]).argmax()]
    assert f"{largest:+.2f}".replace("-", "−") in drawn
    plotted(shap.plots.scatter, explanation[:, 0])


def test_shaps_pictures_take_images(explained) -> None:
    explanation = explained["image"].to_shap()
    plotted(shap.plots.image, explanation)
    assert explanation.values.shape == (3, 12, 12, 1)
    assert np.array_equal(explanation.data, explained["image"].probes.images)


def test_shaps_texts_take_texts(explained) -> None:
    explanation = explained["text"].to_shap()
    assert "good" in shap.plots.text(explanation, display=False)
    assert ["".join(pieces) for pieces in explanation.data] == explained["text"].probes.inputs.tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shap.plots.bar(explanation[0], show=False)


@pytest.mark.parametrize("kind", ["tabular", "image", "text", "sequence"])
@pytest.mark.parametrize("target", [0, 1])
def test_values_add_up_to_the_output(explained, kind: str, target: int) -> None:
    explanation = explained[kind].to_shap(target=target)
    sums = np.array([np.sum(values) for values in explanation.values])
    assert np.allclose(explanation.base_values + sums, explained[kind].outputs[:, target], atol=1e-4)


def test_it_has_names_and_values_of_features(explained) -> None:
    probes, explanation = explained["tabular"].probes, explained["tabular"].to_shap()
    assert explanation.feature_names == ["feature 0", "two", "feature 3"]
    assert np.array_equal(explanation.data[:, 0], probes.shown[:, 0].astype(float))
    assert explanation.display_data[0, 2] == ["off", "on"][int(probes.shown[0, 3])]
    assert explanation.display_data[0, 1] == str({f"feature {i}": float(probes.shown[0, i]) for i in (1, 2)})
    series = explained["sequence"].to_shap()
    assert np.allclose(series.data[1, 2], explained["sequence"].probes.shown[1, 10:15].mean(), atol=1e-6)


def test_a_data_frame_has_values_of_players_beside_their_names(explained) -> None:
    pytest.importorskip("pandas", reason="pip install pandas")
    frame = explained["tabular"].to_dataframe()
    one = frame[(frame["probe"] == 1) & (frame["target"] == 1)].set_index("player_name")["player_value"]
    shown = explained["tabular"].probes.shown[1].astype(float)
    assert one.to_dict() == {
        "feature 0": shown[0],
        "two": {"feature 1": shown[1], "feature 2": shown[2]},
        "feature 3": ["off", "on"][int(shown[3])],
    }
    words = explained["text"].to_dataframe()
    assert (words["player_value"] == words["player_name"]).all()
    assert explained["image"].to_dataframe()["player_value"].isna().all()


def test_the_class_is_chosen_as_everywhere(explained) -> None:
    explanation = explained["tabular"]
    of_labels, likeliest = explanation.to_shap().values, explanation.to_shap(target="predicted").values
    for probe, label in enumerate([1, 0, 1]):
        assert np.allclose(of_labels[probe], explanation.values[probe, label])
        assert np.allclose(likeliest[probe], explanation.values[probe, explanation.outputs[probe].argmax()])
    with pytest.raises(ValueError, match=r"class 7 was not explained; choose from \[0, 1\]"):
        explanation.to_shap(target=7)
    with pytest.raises(
        ValueError, match=r"unknown class 'noo'; did you mean 'no'\? Choose from label, predicted, no, yes, or give a class number"
    ):
        explanation.to_shap(target="noo")
    np.testing.assert_array_equal(explanation.to_shap(target="yes").values, explanation.to_shap(target=1).values)


@pytest.mark.parametrize("kind", ["tabular", "image", "text", "sequence"])
def test_an_explanation_has_the_plots_of_its_moment(explained, kind: str) -> None:
    explanation = explained[kind]
    assert explanation.plot_overlay(1)._left_title.get_text().startswith("SHAP · probe 1 “no”")
    waterfall = explanation.plot_waterfall(1)
    label = 0
    (diamond,) = [line for line in waterfall.lines if line.get_marker() == "D"]
    assert diamond.get_xdata()[0] == pytest.approx(float(explanation.outputs[1, label]))
    explanation.plot_force(1)
    if kind != "image":
        explanation.plot_importance()


def test_a_regression_is_in_its_unit() -> None:
    x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    probes = xai.TabularProbes(x[:4], x[:4, 0] * 3.5, background=x, unit="€/m²")
    explanation = xai.explain(lambda b: np.asarray(b)[:, 0] * 3 + np.asarray(b)[:, 1], probes, "shap")["shap"]
    ax = explanation.plot_overlay()
    assert ax.get_xlabel().startswith("attribution (€/m²)")
    assert "€/m²" in explanation._repr_html_()
    assert explanation.plot_waterfall().get_xlabel().startswith("output (€/m²)")


def test_it_says_what_to_install(explained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "shap", None)
    with pytest.raises(ImportError, match="to_shap needs shap; install it with 'pip install shap'"):
        explained["tabular"].to_shap()


def test_what_has_no_number_is_not_zero(explained) -> None:
    known = explained["tabular"]
    values = known.values.copy()
    values[0] = np.nan
    explanation = replace(known, values=values).to_shap()
    assert np.isnan(explanation.values[0]).all()
    assert np.array_equal(explanation.values[1:], known.to_shap().values[1:])
    with pytest.raises(ValueError, match="to_shap: there is no number at this step"):
        replace(known, values=np.full_like(values, np.nan)).to_shap()
