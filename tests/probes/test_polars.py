"""DataFrames of polars: the oracle is the user's own frame, and the model's own outputs on it."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import tb_xai_plugin as xai

polars = pytest.importorskip("polars", reason="polars is not installed: pip install polars")
from polars.testing import assert_frame_equal  # noqa: E402

N = 60
RNG = np.random.default_rng(0)
START = datetime.datetime(2020, 1, 1)


def pick(*values: Any) -> list[Any]:
    return [values[place] for place in RNG.integers(0, len(values), N)]


COLUMNS: dict[str, Any] = {
    "small whole numbers": polars.Series(RNG.integers(-5, 5, N).astype("int8")),
    "whole numbers beyond float64": RNG.integers(2**60, 2**61, N),
    "unsigned": RNG.integers(2**63, 2**64, N, dtype="uint64"),
    "truths": RNG.random(N) < 0.5,
    "floats": RNG.normal(size=N),
    "float32": RNG.normal(size=N).astype("f4"),
    "words": pick("x", "y"),
    "categories": polars.Series(pick("x", "y"), dtype=polars.Categorical),
    "an enum": polars.Series(pick("lo", "hi"), dtype=polars.Enum(["lo", "mid", "hi"])),
    "times": polars.Series([START + datetime.timedelta(microseconds=int(x)) for x in RNG.integers(0, 10**14, N)]),
    "nanoseconds": polars.Series(RNG.integers(10**18, 10**18 + 10**16, N)).cast(polars.Datetime("ns")),
    "times with a zone": polars.Series([START + datetime.timedelta(seconds=int(x)) for x in RNG.integers(0, 10**8, N)])
    .dt.replace_time_zone("UTC")
    .dt.convert_time_zone("Europe/Rome"),
    "dates": polars.Series([START.date() + datetime.timedelta(days=int(x)) for x in RNG.integers(0, 1000, N)]),
    "durations": polars.Series([datetime.timedelta(seconds=int(x)) for x in RNG.integers(0, 10**6, N)]),
    "decimals": polars.Series([Decimal(int(x)) / 100 for x in RNG.integers(0, 10**6, N)]),
    "times of day": polars.Series([datetime.time(int(x)) for x in RNG.integers(0, 3, N)]),
}


def framed(name: str, *, missing: bool = False) -> Any:
    frame = polars.DataFrame({name: COLUMNS[name], "other": np.arange(N) / 3})
    gone = polars.Series(np.isin(np.arange(N), [1, 20, 30]) & missing)
    return frame.with_columns(polars.when(gone).then(None).otherwise(polars.col(name)).alias(name))


@pytest.mark.parametrize("missing", [False, True], ids=["whole", "with missing values"])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_with_its_dtype_and_its_very_values(name: str, missing: bool) -> None:
    frame = framed(name, missing=missing)
    probes = xai.TabularProbes(frame[:10], background=frame[5:], missing="keep")
    assert_frame_equal(probes.given(), frame[:10], check_exact=True)
    assert_frame_equal(probes.as_given(probes.inputs), frame[:10], check_exact=True)
    assert_frame_equal(probes.as_given(probes.references), frame[5:], check_exact=True)
    for mode in ({}, {"discretize": False}):
        assert probes.as_given(xai.LimeTabular(**mode).neighbours(probes, 0, 60, seed=0).inputs).schema == frame.schema
    filled = xai.TabularProbes(frame[:10], background=frame[5:], missing="baseline")
    assert filled.completed().schema == frame.schema
    assert filled.completed()[name].null_count() == 0
    assert_frame_equal(filled.given(), frame[:10])


def test_an_enum_has_its_own_order_of_codes_and_other_words_the_alphabet() -> None:
    frame = polars.DataFrame({"enum": COLUMNS["an enum"], "words": COLUMNS["words"], "named": COLUMNS["words"]})
    probes = xai.TabularProbes(frame[:5], background=frame, categorical={"named": ["y", "x"]})
    assert probes.words == {0: ["lo", "mid", "hi"], 1: ["x", "y"], 2: ["y", "x"]}
    assert probes.ordered == {0, 2}


def season(frame: Any) -> np.ndarray:
    """Expressions that only polars has, on whole numbers, truths and words."""
    return frame.select(
        polars.col("month")
        .replace_strict(dict(enumerate([1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 1], start=1)), return_dtype=polars.Int64)
        .alias("season"),
        (~polars.col("flag")).cast(polars.Int8).alias("off"),
        polars.col("job").str.len_chars().alias("letters"),
        polars.col("when").dt.weekday().alias("weekday"),
    ).to_numpy()


def test_case_1_expressions_of_polars_see_the_types_they_were_written_for() -> None:
    rng = np.random.default_rng(0)
    days = rng.integers(0, 700, 200)
    frame = polars.DataFrame(
        {
            "month": rng.integers(1, 13, 200),
            "flag": rng.random(200) < 0.5,
            "job": rng.choice(["cook", "baker"], 200).tolist(),
            "when": [START + datetime.timedelta(days=int(day)) for day in days],
        }
    )
    y = ((frame["month"].to_numpy() > 6) ^ frame["flag"].to_numpy()).astype(int)
    model = make_pipeline(FunctionTransformer(season), RandomForestClassifier(10, random_state=0)).fit(frame, y)
    probes = xai.TabularProbes(frame[:8], y[:8], background=frame[100:140])
    found = xai.explain(model.predict_proba, probes, ("shap", "lime"), output="probability")
    assert found["shap"].outputs == pytest.approx(model.predict_proba(frame[:8]), abs=2e-6)
    assert found["shap"].base_values == pytest.approx(np.tile(model.predict_proba(frame[100:140]).mean(axis=0), (8, 1)), abs=1e-5)
    assert np.isfinite(found["lime"].values).all()


def test_a_background_of_another_library_is_given_in_the_form_of_the_rows() -> None:
    frame = polars.DataFrame({"words": COLUMNS["words"], "whole": RNG.integers(0, 9, N), "floats": COLUMNS["floats"]})
    other = pandas.DataFrame({name: frame[name].to_list() for name in frame.columns})
    for rows, background in ((frame, other), (other, frame)):
        probes = xai.TabularProbes(rows[:10], background=background[10:])
        assert type(probes.as_given(probes.references)) is type(rows)
        assert (np.array(probes.as_given(probes.references)["whole"].to_list()) == frame["whole"].to_numpy()[10:]).all()
        assert probes.as_given(probes.references)["words"].to_list() == frame["words"].to_list()[10:]


def test_what_is_no_table_of_values_is_refused_with_a_sentence() -> None:
    frame = framed("floats")
    with pytest.raises(TypeError, match=r"TabularProbes: rows is a LazyFrame; give rows\.collect\(\)"):
        xai.TabularProbes(frame.lazy(), background=frame)
    lists = polars.DataFrame({"a": [[1], [2]], "b": [1, 2]})
    with pytest.raises(TypeError, match="'a' has values that are neither numbers nor words"):
        xai.TabularProbes(lists, background=lists)
