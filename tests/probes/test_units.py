"""The unit of a regression and its true values: from the probes into the record, and back."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import tb_xai_plugin as xai

RNG = np.random.default_rng(0)
TEXTS = ["a good film", "a bad plot", "one two three four", "no no no"]
GIVEN = {
    xai.ImageProbes: (RNG.random((4, 8, 8, 1)).astype(np.float32), {"segments": "grid"}),
    xai.TabularProbes: (RNG.normal(size=(4, 3)).astype(np.float32), {"background": RNG.normal(size=(9, 3))}),
    xai.SequenceProbes: (RNG.normal(size=(4, 12, 2)).astype(np.float32), {"segments": 4}),
    xai.TextProbes: (TEXTS, {}),
}
KINDS = pytest.mark.parametrize("kind", GIVEN, ids=lambda kind: kind.__name__)
UNIT = "€/m²"
NUMBERS = np.array([1.5, -2, 3e5, 0.25])


def made(kind: type, labels: object = NUMBERS, **options: object) -> xai.ProbeSet:
    inputs, own = GIVEN[kind]
    return kind(inputs, labels, **own, **options)


def outputs(kind: type, columns: int = 1):
    """A regression with so many outputs, that can be computed by hand."""

    def model(batch: object) -> np.ndarray:
        each = np.array([len(text) for text in batch]) if kind is xai.TextProbes else np.asarray(batch).reshape(len(batch), -1).sum(axis=1)
        return each[:, None] * np.arange(1, columns + 1) - 7

    return model


@KINDS
def test_a_unit_is_in_the_record_and_comes_back_and_changes_no_hash(kind: type) -> None:
    with_unit, without = made(kind, unit=f" {UNIT} "), made(kind)
    assert with_unit.unit == UNIT
    assert with_unit.parts == without.parts
    names, arrays = with_unit.as_record()
    assert json.loads(json.dumps(names))["unit"] == UNIT
    assert "unit" not in without.as_record()[0]
    assert xai.probes.read_back(names, arrays).unit == UNIT
    assert xai.probes.read_back(*without.as_record()).unit is None
    assert repr(with_unit) == repr(without)[:-1] + f", in {UNIT})"


@KINDS
@pytest.mark.parametrize(
    ("wrong", "error"), [(3, TypeError), ("", ValueError), ("  ", ValueError), ("x" * 25, ValueError), ("a\nb", ValueError)]
)
def test_a_unit_is_a_short_string(kind: type, wrong: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"{kind.__name__}: unit is .*e\\.g\\. unit='€/m²'"):
        made(kind, unit=wrong)


@KINDS
def test_a_unit_stands_beside_explanations_of_a_regression(kind: type) -> None:
    explanation = xai.explain(outputs(kind), made(kind, unit=UNIT), "shap", head="regression")["shap"]
    assert explanation.unit == "output"
    assert f"in units of {UNIT};" in repr(explanation)
    frame = explanation.to_dataframe()
    assert set(frame["unit"]) == {UNIT}
    assert frame.groupby("probe")["label"].first().tolist() == NUMBERS.tolist()
    assert "unit" not in xai.explain(outputs(kind), made(kind), "shap", head="regression")["shap"].to_dataframe()


def test_a_classifier_refuses_a_unit() -> None:
    probes = made(xai.TabularProbes, [0, 1, 0, 1], unit=UNIT)
    with pytest.raises(
        ValueError, match="unit is '€/m²', but the model's outputs are read as those of classes, which have no unit; leave unit out"
    ):
        xai.explain(lambda rows: np.full((len(rows), 2), 0.5), probes, "shap")
    no_labels = made(xai.TabularProbes, None, unit=UNIT)
    with pytest.raises(ValueError, match="unit is '€/m²'"):
        xai.explain(lambda rows: np.full((len(rows), 2), 0.5), no_labels, "shap")


@KINDS
@pytest.mark.parametrize(
    ("columns", "labels"),
    [
        (1, NUMBERS),
        (1, NUMBERS[:, None]),
        (1, pd.Series(NUMBERS, index=[7, 3, 9, 1])),
        (1, NUMBERS.tolist()),
        (1, [250000, 310000, 0, 4]),
        (2, np.stack([NUMBERS, NUMBERS * 2], axis=1)),
        (2, pd.DataFrame({"a": NUMBERS, "b": NUMBERS * 2})),
        (2, [[0, 1], [1, 0], [1, 0], [0, 1]]),
    ],
    ids=["(n,)", "(n, 1)", "Series", "list", "whole", "(n, 2)", "DataFrame", "one-hot"],
)
def test_true_values_of_a_regression_are_in_the_record(kind: type, columns: int, labels: object, tmp_path: Path) -> None:
    probes = xai.explain(outputs(kind, columns), made(kind, labels, unit=UNIT), "occlusion", head="regression")["occlusion"].probes
    wanted = np.asarray(labels, dtype=float).reshape(4, columns)
    assert np.array_equal(probes.truth, wanted)
    back = xai.probes.read_back(*probes.as_record())
    assert np.array_equal(back.truth, wanted)
    assert back.truth.shape == (4, columns)
    assert back.labels is None
    assert back.digest == probes.digest


@KINDS
@pytest.mark.parametrize(
    "labels", [[1.5, np.nan, 2, 3], pd.Series([1.5, None, 2, 3]), [1.5, None, 2, 3], [[1, 2], [1, np.inf], [3, 4], [5, 6]]]
)
def test_true_values_that_are_missing_are_refused_by_their_probe(kind: type, labels: object) -> None:
    with pytest.raises(
        ValueError, match=f"{kind.__name__}: labels are not finite: that of probe 1 is (nan|inf); give a number for every probe"
    ):
        made(kind, labels)


def test_a_run_has_unit_and_true_values_and_names_of_players(tmp_path: Path) -> None:
    x = RNG.normal(size=(32, 3)).astype(np.float32)
    y = (x @ [1, 2, 3] + 0.5).astype(np.float32)
    names = ["area", "age", "floor"]
    for folder, unit in (("a", UNIT), ("b", None), ("c", "$/sqft")):
        model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        probes = xai.TabularProbes(x[:4], y[:4], background=x, feature_names=names, unit=unit)
        model.fit(x, y, verbose=0, callbacks=[xai.ExplanationLogger(tmp_path / folder, probes, "shap", on_error="raise")])
    a, b, c = (xai.read_run(tmp_path / folder) for folder in "abc")
    assert [run.probes.unit for run in (a, b, c)] == [UNIT, None, "$/sqft"]
    assert np.array_equal(a.probes.truth, y[:4, None].astype(np.float64))
    frame = a.to_dataframe()
    assert set(frame["unit"]) == {UNIT}
    assert "unit" not in b.to_dataframe()
    assert frame["player_name"].tolist() == [names[player] for player in frame["player"]]
    assert a.comparable == b.comparable == c.comparable  # the unit is a word, and changes no number
    assert np.isfinite(a.compare(c, "shap").distance).all()


@KINDS
def test_players_have_their_names_in_every_kind_of_probes(kind: type) -> None:
    probes = made(kind)
    explanation = xai.explain(outputs(kind), probes, "occlusion", head="regression")["occlusion"]
    wanted = {
        xai.ImageProbes: [f"superpixel {number}" for number in range(probes.players[0])],
        xai.TabularProbes: ["feature 0", "feature 1", "feature 2"],
        xai.SequenceProbes: [f"steps {start}\u2013{start + 2}" for start in (0, 3, 6, 9)],
        xai.TextProbes: ["a", "good", "film"],
    }[kind]
    assert explanation.player_names[0] == wanted
    assert explanation.probes.players_named() == explanation.player_names
    frame = explanation.to_dataframe()
    assert frame[frame["probe"] == 0]["player_name"].tolist() == wanted
