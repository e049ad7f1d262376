"""Tables come back to a callable as they were given: the oracle is the user's own table, and the model's own outputs on it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from support.games import shapley_by_enumeration

import tb_xai_plugin as xai
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.probes.tables.scales import distinct_codes

N = 60
RNG = np.random.default_rng(0)
START = pandas.Timestamp("2020-01-01")
SECONDS = RNG.integers(0, 10**8, N)


def pick(*values: Any) -> list[Any]:
    return [values[place] for place in RNG.integers(0, len(values), N)]


def python(values: Any) -> pandas.Series:
    return pandas.Series(list(values), dtype=object)


# Columns of pandas, of every kind that people have.
COLUMNS: dict[str, Any] = {
    "small whole numbers": RNG.integers(-5, 5, N).astype("int8"),
    "whole numbers beyond float64": RNG.integers(2**60, 2**61, N),
    "unsigned": RNG.integers(2**63, 2**64, N, dtype="uint64"),
    "truths": RNG.random(N) < 0.5,
    "floats": RNG.normal(size=N),
    "floats that float32 can not tell apart": 1 + np.arange(N) * 1e-12,
    "float32": RNG.normal(size=N).astype("f4"),
    "words": python(pick("x", "y", "z")),
    "the string dtype": pandas.array(pick("x", "y"), dtype="string"),
    "ordered categories, some unused": pandas.Categorical(pick("lo", "hi"), categories=["lo", "mid", "hi"], ordered=True),
    "categories of numbers": pandas.Categorical(pick(7, 3), categories=[7, 3, 5]),
    "Int64": pandas.array(RNG.integers(2**60, 2**61, N), dtype="Int64"),
    "Float64": pandas.array(RNG.normal(size=N), dtype="Float64"),
    "boolean": pandas.array(RNG.random(N) < 0.5, dtype="boolean"),
    "times": START + pandas.to_timedelta(RNG.integers(0, 10**17, N), unit="ns"),
    "times with a zone": (START + pandas.to_timedelta(SECONDS, unit="s")).tz_localize("UTC").tz_convert("Europe/Rome"),
    "durations": pandas.to_timedelta(RNG.integers(0, 10**6, N), unit="s"),
    "months": pandas.period_range("2020-01", periods=6, freq="M").repeat(10),
    "Python truths": python(pick(True, False)),
    "Python truths and numbers": python(pick(True, 1, 0, 2.5)),
    "decimals": python(Decimal(int(cents)) / 100 for cents in RNG.integers(0, 10**6, N)),
    "fractions": python(Fraction(int(number), 7) for number in RNG.integers(0, 50, N)),
    "dates": python(datetime.date(2020, 1, 1) + datetime.timedelta(days=int(day)) for day in RNG.integers(0, 900, N)),
    "Python times with a zone": python(
        datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=int(s)) for s in SECONDS
    ),
    "words, truths and numbers": python(pick(True, "a", 3, 1)),
    "sparse": pandas.arrays.SparseArray(RNG.integers(0, 2, N)),
}
# These have no missing values, or become another dtype with one.
WHOLE = {"small whole numbers", "whole numbers beyond float64", "unsigned", "truths", "sparse", "months"}


def framed(name: str) -> pandas.DataFrame:
    """A column beside another, with an index that is not 0, 1, …"""
    frame = pandas.DataFrame({name: COLUMNS[name], 7: np.arange(N) / 3})
    return frame.set_axis(np.arange(100, 100 + N))


def kinds(column: pandas.Series) -> list[type]:
    return [type(value) for value in column]


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "with missing values"])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_with_its_dtype_and_its_very_values(name: str, missing: bool) -> None:
    frame = framed(name)
    if missing:
        if name in WHOLE:
            pytest.skip("a column of this kind misses nothing")
        frame.iloc[[1, 20, 30], 0] = None
    expected = frame.reset_index(drop=True)
    probes = xai.TabularProbes(frame, background=frame[5:], missing="keep")
    assert probes.inputs.dtype == np.float32
    for came, wanted in (
        (probes.given(), expected),
        (probes.as_given(probes.inputs), expected),
        (probes.as_given(probes.references), frame[5:].reset_index(drop=True)),
    ):
        pandas.testing.assert_frame_equal(came, wanted, check_exact=True)
        assert kinds(came[name]) == kinds(wanted[name])
    # Rows that LIME draws are values of the column too.
    for mode in ({}, {"discretize": False}):
        drawn = probes.as_given(xai.LimeTabular(**mode).neighbours(probes, 0, 60, seed=0).inputs)
        assert (drawn.dtypes == frame.dtypes).all()
        assert set(kinds(drawn[name])) <= set(kinds(frame[name])) | {float}
    assert xai.TabularProbes.from_record(*probes.as_record()).digest == probes.digest


@pytest.mark.parametrize("name", sorted(set(COLUMNS) - WHOLE))
def test_replacements_of_missing_values_are_values_of_the_column(name: str) -> None:
    frame = framed(name)
    frame.iloc[[1, 20, 30], 0] = None
    probes = xai.TabularProbes(frame[:10], background=frame[10:], missing="baseline")
    completed = probes.completed()
    assert (completed.dtypes == frame.dtypes).all()
    assert completed[name].notna().all()
    assert set(kinds(completed[name])) <= set(kinds(frame[name].dropna())) | {float}
    pandas.testing.assert_frame_equal(probes.given(), frame[:10].reset_index(drop=True))
    others = [0, *range(2, 10)]
    pandas.testing.assert_frame_equal(completed.iloc[others], probes.given().iloc[others])


@pytest.mark.parametrize("name", ["float64", "float32", "int64", "uint8", "bool", "object"])
def test_an_array_comes_back_in_its_dtype(name: str) -> None:
    table = (RNG.normal(size=(N, 3)) * 100).astype(name) if name != "bool" else RNG.random((N, 3)) < 0.5
    probes = xai.TabularProbes(table[:10], background=table[10:])
    for came, wanted in (
        (probes.given(), table[:10]),
        (probes.as_given(probes.inputs), table[:10]),
        (probes.as_given(probes.references), table[10:]),
    ):
        assert came.dtype == wanted.dtype
        assert np.array_equal(came, wanted)
    seen = []
    xai.explain(lambda rows: seen.append(rows) or rows[:, 0] / 2, probes)
    assert {rows.dtype for rows in seen} == {np.dtype(name)}


def test_lists_come_back_as_lists_with_their_numbers() -> None:
    rows = [[1, 0.1, True], [2, 0.2, False], [10**17 + 1, 0.3, True]]
    probes = xai.TabularProbes(rows, background=[*rows, [10**17 + 3, 0.4, False]])
    for came, wanted in ((probes.given(), rows), (probes.as_given(probes.inputs), rows)):
        assert came == wanted
        assert [list(map(type, row)) for row in came] == [[int, float, bool]] * 3
    assert probes.as_given(probes.references)[-1] == [10**17 + 3, 0.4, False]


def test_what_was_given_is_a_copy_in_both_directions() -> None:
    frame = framed("floats")
    probes = xai.TabularProbes(frame[:10], background=frame)
    expected = frame[:10].reset_index(drop=True)
    first = probes.given()
    first.iloc[0, 0] = 99
    frame.iloc[:, 0] = 5.0
    pandas.testing.assert_frame_equal(probes.given(), expected)
    table = RNG.normal(size=(20, 2))
    of_array, kept = xai.TabularProbes(table[:5], background=table), table.copy()
    table[:] = 0
    assert np.array_equal(of_array.given(), kept[:5])


def test_codes_of_different_numbers_are_different_and_near() -> None:
    for numbers in (1 + np.arange(50) * 1e-12, np.linspace(-1e-40, 1e-40, 21), np.sort(RNG.normal(size=500)), 2.0**24 + np.arange(40)):
        codes = distinct_codes(numbers, np.arange(len(numbers))[::-1])
        assert len(set(codes.tolist())) == len(numbers)
        spacing = np.spacing(np.abs(numbers).astype(np.float32).max())
        assert np.abs(codes - numbers).max() <= len(numbers) * spacing
    sure = np.sort(RNG.normal(size=500))
    assert np.array_equal(distinct_codes(sure, np.arange(500)), sure.astype(np.float32))


def test_probes_whose_numbers_float32_has_are_those_of_float32_arrays() -> None:
    x = RNG.normal(size=(50, 3)).astype(np.float32)
    plain = xai.TabularProbes(x[:5], background=x)
    for other in (x.astype(np.float64), pandas.DataFrame(x, columns=["feature 0", "feature 1", "feature 2"])):
        again = xai.TabularProbes(other[:5], background=other)
        assert again.digest == plain.digest
        assert np.array_equal(again.inputs, plain.inputs)
    # Numbers that float32 rounds too: the codes inside may differ by a few units in the last place, and the probes are the same.
    fine = 1 + RNG.normal(size=(50, 3)) * 1e-9
    assert (
        xai.TabularProbes(fine[:5], background=fine).digest
        == xai.TabularProbes(*(), rows=fine[:5].astype("f4"), background=fine.astype("f4")).digest
    )


def months(rows: int = 300) -> tuple[pandas.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "month": rng.integers(1, 13, rows),
            "flag": rng.random(rows) < 0.5,
            "grade": pandas.Categorical(rng.choice(["a", "b", "c"], rows), categories=["c", "b", "a"], ordered=True),
            "amount": rng.normal(size=rows),
        }
    )
    return frame, ((frame["month"] > 6) ^ frame["flag"]).to_numpy().astype(int)


def strings(frame: pandas.DataFrame) -> pandas.DataFrame:
    return frame[["month"]].astype(str)


def signed(frame: pandas.DataFrame) -> pandas.DataFrame:
    return pandas.DataFrame({"sign": frame["flag"].map({True: 5, False: -5}), "month": frame["month"]})


def inverted(frame: pandas.DataFrame) -> pandas.DataFrame:
    return pandas.DataFrame({"off": ~frame["flag"], "month": frame["month"], "rank": frame["grade"].cat.codes})


def looked_up(frame: pandas.DataFrame) -> pandas.DataFrame:
    """Months as positions of a list, and grades by comparison with a category: only whole numbers and ordered categories can do this."""
    season = np.array([0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 1])
    return pandas.DataFrame({"season": season[frame["month"].to_numpy()], "good": frame["grade"] >= "b"})


PIPELINES: dict[str, Any] = {
    "months as words": lambda: make_pipeline(FunctionTransformer(strings), OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
    "truths by a mapping": lambda: make_pipeline(FunctionTransformer(signed), LogisticRegression()),
    "truths inverted": lambda: make_pipeline(FunctionTransformer(inverted), RandomForestClassifier(10, random_state=0)),
    "months as positions": lambda: make_pipeline(FunctionTransformer(looked_up), RandomForestClassifier(10, random_state=0)),
    "integer categories": lambda: make_pipeline(
        make_column_transformer((OneHotEncoder(categories=[list(range(1, 13))], handle_unknown="error"), ["month"]), remainder="drop"),
        LogisticRegression(),
    ),
    "categories of the dtype": lambda: HistGradientBoostingClassifier(max_iter=20, categorical_features="from_dtype"),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_case_1_a_pipeline_is_explained_on_the_types_it_was_trained_on(name: str) -> None:
    frame, y = months()
    pipeline = PIPELINES[name]().fit(frame, y)
    probes = xai.TabularProbes(frame[:8], y[:8], background=frame[100:130])
    own = pipeline.predict_proba(frame[:8])
    assert np.array_equal(pipeline.predict_proba(probes.given()), own)
    assert np.array_equal(pipeline.predict_proba(probes.as_given(probes.inputs)), own)
    found = xai.explain(pipeline.predict_proba, probes, ("shap", "lime"), output="probability")
    assert np.abs(found["shap"].outputs - own).max() < 2e-6  # a probability of 0 or 1 is held 1e-6 away
    assert np.isfinite(found["lime"].values).all()

    def game(coalitions: np.ndarray, probe: int) -> np.ndarray:
        values = []
        for present in coalitions:
            mixed = frame[100:130].copy()
            for column, keep in zip(frame.columns, present, strict=True):
                if keep:
                    mixed[column] = pandas.Series([frame[column].iloc[probe]] * 30, index=mixed.index).astype(frame[column].dtype)
            values.append(pipeline.predict_proba(mixed)[:, 1].mean())
        return np.array(values)

    for probe in (0, 5):
        exact = shapley_by_enumeration(lambda coalitions, probe=probe: game(coalitions, probe), 4)
        assert np.abs(found["shap"].values[probe, 1] - exact).max() < 1e-5


def test_a_booster_with_integer_categories_sees_whole_numbers() -> None:
    catboost = pytest.importorskip("catboost", reason="CatBoost is not installed (100 MB): pip install catboost")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"shop": rng.integers(0, 5, 200), "amount": rng.normal(size=200)})
    y = np.isin(frame["shop"], (1, 3)).astype(int)
    model = catboost.CatBoostClassifier(iterations=20, depth=2, cat_features=["shop"], verbose=False, allow_writing_files=False).fit(
        frame, y
    )
    probes = xai.TabularProbes(frame[:8], y[:8], background=frame[100:130])
    found = xai.explain(model.predict_proba, probes, ("shap", "lime"), output="probability")
    assert found["shap"].outputs == pytest.approx(model.predict_proba(frame[:8]), abs=2e-6)
    for row in range(8):
        mixed = [
            model.predict_proba(frame[100:130].assign(**{name: frame[name][row] for name in kept}))[:, 1].mean()
            for kept in (["shop"], ["amount"])
        ]
        base, whole = found["shap"].base_values[row, 1], model.predict_proba(frame[row : row + 1])[0, 1]
        exact = np.array([(mixed[0] - base + whole - mixed[1]) / 2, (mixed[1] - base + whole - mixed[0]) / 2])
        assert found["shap"].values[row, 1] == pytest.approx(exact, abs=1e-5)


def test_times_are_players_and_their_values_come_back() -> None:
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "when": (START + pandas.to_timedelta(rng.integers(0, 10**8, 200), unit="s")).tz_localize(
                "Europe/Rome", nonexistent="shift_forward", ambiguous=True
            ),
            "wait": pandas.to_timedelta(rng.integers(0, 10**5, 200), unit="s"),
        }
    )

    def hour_and_wait(rows: pandas.DataFrame) -> np.ndarray:
        return rows["when"].dt.hour.to_numpy() + rows["wait"].dt.total_seconds().to_numpy() / 3600

    probes = xai.TabularProbes(frame[:5], background=frame[50:90])
    assert probes.times == {0, 1}
    found = xai.explain(hour_and_wait, probes, ("shap", "lime"))
    hours, waits = frame["when"].dt.hour.to_numpy(), frame["wait"].dt.total_seconds().to_numpy() / 3600
    expected = np.stack([hours[:5] - hours[50:90].mean(), waits[:5] - waits[50:90].mean()], axis=1)
    assert np.abs(found["shap"].values[:, 0] - expected).max() < 1e-4
    assert np.isfinite(found["lime"].values).all()


def test_lime_draws_whole_numbers_in_their_bins_and_truths() -> None:
    frame, _ = months()
    probes = xai.TabularProbes(frame[:3], background=frame)
    for mode in ({}, {"discretize": False}):
        found = xai.LimeTabular(**mode).neighbours(probes, 0, 4000, seed=0)
        drawn = probes.as_given(found.inputs)
        assert np.array_equal(drawn["month"], found.inputs[:, 0])  # nothing is left to round
        assert set(found.inputs[:, 1].tolist()) == {0.0, 1.0}
        if not mode:
            borders = np.unique(np.percentile(frame["month"], [25, 50, 75]))
            same = np.searchsorted(borders, drawn["month"]) == np.searchsorted(borders, frame["month"][0])
            assert np.array_equal(same, found.z[:, 0])


def test_a_callable_that_takes_no_frame_is_given_the_exact_numbers_as_an_array() -> None:
    frame = pandas.DataFrame({"a": 1 + np.arange(50) * 1e-12, "b": np.arange(50), "c": np.arange(50) % 2 == 0})
    probes = xai.TabularProbes(frame[:6], background=frame)

    def of_arrays(rows: np.ndarray) -> np.ndarray:
        return (rows[:, 0] - 1) * 1e12 + rows[:, 2]

    found = xai.explain(of_arrays, probes, "shap")["shap"]
    assert found.outputs[:, 0] == pytest.approx(of_arrays(frame.to_numpy(dtype=float)[:6]), abs=1e-3)


def test_frames_of_the_same_columns_and_other_dtypes_are_joined_where_nothing_is_lost() -> None:
    frame = pandas.DataFrame({"whole": [1, 2, 3], "words": pandas.Series(["a", "b", "a"], dtype=object)})
    background = pandas.DataFrame({"whole": [1.0, 2.0, 7.0], "words": pandas.Series(["b", "a", "b"], dtype="string")})
    probes = xai.TabularProbes(frame, background=background)
    pandas.testing.assert_frame_equal(probes.as_given(probes.inputs), frame)
    assert probes.as_given(probes.references)["whole"].tolist() == [1, 2, 7]
    half = xai.TabularProbes(frame, background=background.assign(whole=[0.5, 1, 2]))
    assert half.as_given(half.references)["whole"].tolist() == [0.5, 1, 2]


def test_a_table_of_one_column_is_one_player() -> None:
    x = RNG.normal(size=(100, 1))
    model = LinearRegression().fit(x, np.tanh(x[:, 0]))
    probes = xai.TabularProbes(x[:4], background=x)
    found = xai.explain(model.predict, probes, ("shap", "banzhaf", "occlusion", xai.LimeTabular(discretize=False, alpha=1e-9)), curves=True)
    whole = model.predict(x[:4]) - model.predict(x).mean()
    for name in ("shap", "banzhaf", "occlusion"):
        assert found[name].values[:, 0, 0] == pytest.approx(whole, abs=1e-6)
        assert (found[name].errors == 0).all()
    assert found["lime"].values[:, 0, 0] == pytest.approx(model.coef_[0] * x.std(), rel=1e-3)
    grouped = xai.TabularProbes(np.repeat(x[:4], 3, axis=1), background=np.repeat(x, 3, axis=1), groups={"all": [0, 1, 2]})
    assert xai.explain(lambda rows: rows.sum(axis=1), grouped, "shap")["shap"].values[:, 0, 0] == pytest.approx(
        3 * (x[:4, 0] - x.mean()), abs=1e-6
    )
    with pytest.raises(ValueError, match=r"LimeNet: a single player has no interactions, .* use 'shap' or 'lime'"):
        Plan(probes, "lime-net")


def test_limits_count_players_and_not_columns() -> None:
    codes = RNG.integers(0, 50, (80, 40))
    columns = np.concatenate([np.eye(50, dtype=bool)[codes[:, group]] for group in range(40)], axis=1)
    groups = {f"code {group}": list(range(50 * group, 50 * group + 50)) for group in range(40)}
    weights = RNG.normal(size=2000)
    probes = xai.TabularProbes(columns[:2], background=columns, groups=groups, absent="average", references=10)
    found = xai.explain(lambda rows: rows @ weights, probes, "shap", evaluations=170 * 10)["shap"]
    exact = ((columns[:2] - probes.references.mean(axis=0)) * weights).reshape(2, 40, 50).sum(axis=2)
    assert found.values[:, 0] == pytest.approx(exact, abs=1e-3)
    with pytest.raises(
        ValueError, match=r"LimeTabular: .* rows of 9000 features around each probe do not fit in memory; .*leave 'lime' out"
    ):
        xai.LimeTabular().neighbours(
            xai.TabularProbes(np.ones((1, 9000)), background=np.ones((2, 9000)), groups={"all": range(9000)}), 0, 20_000, 0
        )


STRANGE: dict[str, tuple[Callable[[], Any], str]] = {
    "a column of lists": (lambda: pandas.DataFrame({"a": [[1], [2]], "b": [1, 2]}), "'a' has values that are neither numbers nor words"),
    "complex numbers": (lambda: pandas.DataFrame({"a": [1j, 2j], "b": [1, 2]}), "'a' has values that are not numbers"),
    "no rows": (lambda: pandas.DataFrame({"a": [1.0], "b": [2.0]})[:0], r"has shape \(0, 2\); give at least one row"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_frames_that_no_model_takes_are_refused_with_a_sentence(name: str) -> None:
    make, sentence = STRANGE[name]
    with pytest.raises((TypeError, ValueError), match=f"TabularProbes: .*{sentence}"):
        xai.TabularProbes(make(), background=make())
