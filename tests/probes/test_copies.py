"""Probes are copies: whatever happens to the arrays they were made of, what is explained stays the same."""

from __future__ import annotations

import copy
import pickle

import numpy as np
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
