"""Probes are copies: whatever happens to the arrays they were made of, what is explained stays the same."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tb_xai_plugin as xai

RNG = np.random.default_rng(0)
IMAGES = RNG.random((9, 8, 8, 3))
SERIES = RNG.normal(size=(9, 12, 2))
TEXTS = ["a good film", "a bad plot\0indeed", "one two three"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.uint8, np.int64, np.bool_])
@pytest.mark.parametrize(("kind", "values"), [(xai.ImageProbes, IMAGES), (xai.SequenceProbes, SERIES)], ids=["images", "series"])
def test_given_has_exactly_the_users_values_in_the_users_dtype(kind: type, values: np.ndarray, dtype: type) -> None:
    values = values > 0.5 if dtype == np.bool_ else np.abs(values * (1 if np.dtype(dtype).kind == "f" else 50)).astype(dtype)
    given = kind(values, baseline="mean").given()
    assert given.dtype == dtype
    assert np.array_equal(given, values)
    assert not np.shares_memory(given, values)


def test_given_texts_are_a_list_of_the_users_strings() -> None:
    given = xai.TextProbes([text.encode() for text in TEXTS]).given()
    assert given == TEXTS
    given.append("not a probe")
    assert xai.TextProbes(TEXTS).given() == TEXTS


def made(kind: str, values: np.ndarray) -> xai.ProbeSet:
    if kind == "image":
        return xai.ImageProbes(values, display=values, baseline=values[0] * 0)
    return xai.SequenceProbes(values, display=values, baseline=values[0] * 0)


@pytest.mark.parametrize(("kind", "values"), [("image", IMAGES), ("sequence", SERIES)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_that_is_done_to_the_users_arrays_changes_the_probes(kind: str, values: np.ndarray, dtype: type) -> None:
    users = values.astype(dtype)
    probes, same = made(kind, users), made(kind, users.copy())
    users[:] = users[::-1].copy()
    assert probes.digest == same.digest
    for name in ("inputs", "images", "shown", "segments", "baseline"):
        assert np.array_equal(getattr(probes, name, 0), getattr(same, name, 0))
    assert np.array_equal(probes.given(), same.given())


def test_uint8_images_that_are_shown_as_they_are_are_copied_too() -> None:
    users = (IMAGES * 255).astype(np.uint8)
    probes = xai.ImageProbes(users)
    shown = probes.images.copy()
    users[:] = 0
    assert np.array_equal(probes.images, shown)
    with pytest.raises(ValueError, match="read-only"):
        probes.images[0] = 1


@pytest.mark.parametrize("again", [lambda probes: probes, copy.copy, copy.deepcopy, lambda probes: pickle.loads(pickle.dumps(probes))])
@pytest.mark.parametrize(("kind", "values"), [("image", IMAGES), ("sequence", SERIES)])
def test_writing_into_probes_is_numpys_error_also_into_copies_of_them(again, kind: str, values: np.ndarray) -> None:
    users = values.astype(np.float32)
    probes = again(made(kind, users))
    for name in {"inputs", "segments", "baseline", "images" if kind == "image" else "shown"}:
        with pytest.raises(ValueError, match="read-only"):
            getattr(probes, name)[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        probes.given()[0] = 0
    assert users.flags.writeable
    assert np.array_equal(users, values.astype(np.float32))


def test_a_custom_explainer_that_writes_into_the_probes_is_a_gap_and_the_users_data_stay() -> None:
    users = IMAGES.astype(np.float32)

    def function(model: object, probes: xai.ProbeSet) -> np.ndarray:
        probes.inputs[:] = 0
        return np.zeros((9, 16))

    with pytest.raises(ValueError, match="read-only"):
        xai.explain(lambda batch: batch.mean(axis=(1, 2))[:, :2], xai.ImageProbes(users), xai.Custom("writes", function), output="raw")
    assert np.array_equal(users, IMAGES.astype(np.float32))


def test_callables_of_the_user_may_write_into_what_they_are_given() -> None:
    def brighter(images: np.ndarray) -> np.ndarray:
        images *= 0.5
        return images

    def halves(image: np.ndarray) -> np.ndarray:
        image[:] = 0
        return np.indices(image.shape[:2])[0] // 4

    probes = xai.ImageProbes(IMAGES, display=brighter, segments=halves)
    assert np.array_equal(probes.given(), IMAGES)
    assert np.array_equal(probes.images, np.rint(IMAGES.astype(np.float32) * 127.5).astype(np.uint8))


def arrays_of(value: object, path: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Every array that can be reached from probes, with the way to it."""
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, list | tuple):
        for place, part in enumerate(value):
            yield from arrays_of(part, f"{path}[{place}]")
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from arrays_of(part, f"{path}[{name!r}]")
    elif (
        path.count(".") < 2
        and hasattr(value, "__dict__")
        and type(value).__module__.startswith("tb_xai_plugin.probes")
        and ".tables" not in type(value).__module__
    ):
        for name, part in vars(value).items():
            yield from arrays_of(part, f"{path}.{name}")


META, TRUE = RNG.normal(size=(9, 2)), RNG.normal(size=9)
ROWS, MASK, STEPS = RNG.normal(size=(9, 3)), np.zeros((9, 8, 8), dtype=bool), np.arange(12) < 3
MASK[:, :2] = True
EVERY_KIND = {
    "images": lambda: xai.ImageProbes(IMAGES, TRUE, regions={"top": MASK}, display=IMAGES, side_inputs={"meta": META}),
    "montages": lambda: xai.ImageProbes([IMAGES, IMAGES[:, :6]], np.eye(3)[np.arange(9) % 3], side_inputs=[None, META]),
    "tables": lambda: xai.TabularProbes(ROWS, TRUE, background=ROWS, display=ROWS * 2, side_inputs=[META]),
    "series": lambda: xai.SequenceProbes(SERIES, TRUE, regions={"start": STEPS}, side_inputs={"meta": META}),
    "several series": lambda: xai.SequenceProbes([SERIES, SERIES[:, :7]], TRUE),
    "texts": lambda: xai.TextProbes(TEXTS, TRUE[:3], side_inputs={"meta": META[:3]}),
}
KINDS = pytest.mark.parametrize("make", EVERY_KIND.values(), ids=EVERY_KIND)


@KINDS
def test_no_array_of_probes_can_be_written_to_nor_is_the_users(make: Callable[[], xai.ProbeSet]) -> None:
    probes = make()
    versions = [
        probes,
        copy.copy(probes),
        copy.deepcopy(probes),
        pickle.loads(pickle.dumps(probes)),
        probes.with_classes(["a"], np.zeros(len(probes))),
        probes.read_by("regression", 1 if probes.truth is not None else 3),
        xai.probes.read_back(*probes.as_record()),
    ]
    for version in versions:
        for path, array in arrays_of(version):
            assert not array.flags.writeable, path
            for users in (IMAGES, SERIES, META, TRUE, ROWS, MASK, STEPS):
                assert not np.shares_memory(array, users), path


@KINDS
def test_what_is_done_to_given_changes_no_probes(make: Callable[[], xai.ProbeSet]) -> None:
    probes = make()
    given, digest = probes.given(), probes.digest
    with suppress(ValueError):  # read-only, where it is no copy
        if isinstance(given, list):
            given[0] = given.pop()
        else:
            given[:] = 0 * given
    assert len(probes.given()) > 1
    assert any(np.asarray(part).any() for part in probes.given())
    assert probes.digest == digest


@pytest.mark.parametrize(
    "make",
    [
        lambda write: xai.ImageProbes(IMAGES.astype(np.float32), display=write),
        lambda write: xai.ImageProbes(
            IMAGES.astype(np.float32), segments=lambda image: (write(image), np.arange(64).reshape(8, 8) // 16)[1]
        ),
        lambda write: xai.TabularProbes(ROWS.astype(np.float32), background=ROWS, display=write),
        lambda write: xai.SequenceProbes(SERIES.astype(np.float32), display=write),
        lambda write: xai.SequenceProbes(SERIES.astype(np.float32), segments=lambda series: (write(series), np.arange(12) // 3)[1]),
    ],
    ids=["images", "segments", "tables", "series", "segments of series"],
)
def test_callables_that_write_into_what_they_get_change_no_probes(make: Callable[..., xai.ProbeSet]) -> None:
    def write(array: np.ndarray) -> np.ndarray:
        array[...] = 0.5
        return array

    assert np.array_equal(make(write).inputs, make(lambda array: array).inputs)


@pytest.mark.parametrize("kind", ["images", "tables", "series", "words"])
def test_a_model_that_writes_into_its_batch_is_explained_as_one_that_does_not(kind: str) -> None:
    probes = {
        "images": lambda: xai.ImageProbes(IMAGES.astype(np.float32)),
        "tables": lambda: xai.TabularProbes(ROWS, background=ROWS),
        "series": lambda: xai.SequenceProbes(SERIES.astype(np.float32)),
        "words": lambda: xai.TabularProbes(
            pd.DataFrame({"a": ROWS[:, 0], "w": list("abcabcabc")}), background=pd.DataFrame({"a": ROWS[:, 0], "w": list("abcabcabc")})
        ),
    }[kind]()

    def outputs(batch: Any) -> np.ndarray:
        numbers = batch[["a"]].to_numpy() if kind == "words" else np.asarray(batch)
        return numbers.reshape(len(batch), -1) @ np.arange(1, numbers[0].size + 1)

    def writing(batch: Any) -> np.ndarray:
        found = outputs(batch)
        if kind == "words":
            batch.loc[:, "a"] = -5.0
        else:
            batch[...] = -5
        return found

    explained = [xai.explain(model, probes, ("lime", "shap"), head="regression") for model in (outputs, writing, outputs)]
    for other in explained[1:]:
        for name in ("lime", "shap"):
            assert np.array_equal(explained[0][name].values, other[name].values)


def test_a_custom_explainer_that_writes_into_probes_is_stopped() -> None:
    probes = EVERY_KIND["images"]()

    def method(model: object, probes: xai.ProbeSet) -> np.ndarray:
        for path, array in arrays_of(probes):
            with pytest.raises(ValueError, match=r"read-only|assignment destination"):
                array[...] = 0
            assert not array.flags.writeable, path
        return np.zeros((9, 1, int(probes.players.max())))

    xai.explain(lambda batch: batch[0].sum(axis=(1, 2, 3)), probes, xai.Custom("mine", method), head="regression")


def test_tables_with_every_kind_of_column_can_be_pickled() -> None:
    frame = pd.DataFrame(
        {
            "whole": np.arange(9),
            "truth": np.arange(9) % 2 == 0,
            "word": list("abcabcabc"),
            "category": pd.Categorical(list("xyzxyzxyz")),
            "time": pd.date_range("2024-01-01", periods=9, tz="UTC"),
            "decimal": [Decimal(number) / 4 for number in range(9)],
            "fraction": [Fraction(number, 3) for number in range(9)],
            "object": np.array(range(9), dtype=object),
            "date": [date(2024, 1, day) for day in range(1, 10)],
        }
    )
    probes = xai.TabularProbes(frame, TRUE, background=frame)
    again = pickle.loads(pickle.dumps(probes))
    assert again.digest == probes.digest
    assert again.given().equals(probes.given())
    assert again.as_given(again.inputs).equals(probes.as_given(probes.inputs))
