"""What from_dataset takes: balanced over classes wherever they are, and inputs of several parts."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import tb_xai_plugin as xai

RNG = np.random.default_rng(0)
SORTED = np.repeat([0, 1], 5000)
SMALL = RNG.random((10000, 2, 3, 1)).astype(np.float32)
LEFT, RIGHT = RNG.random((40, 8, 8, 1)).astype(np.float32), RNG.random((40, 6, 10, 3)).astype(np.float32)
LABELS = np.arange(40) // 20


def test_data_sorted_by_class_is_balanced_in_arrays_and_in_datasets() -> None:
    for dataset in ((SMALL, SORTED), (SMALL, np.eye(2)[SORTED]), tf.data.Dataset.from_tensor_slices((SMALL, SORTED)).batch(64)):
        probes = xai.ImageProbes.from_dataset(dataset, 16)
        assert np.array_equal(probes.given(), SMALL[[*range(8), *range(5000, 5008)]])
    rows = np.concatenate([np.zeros((90000, 3)), np.ones((10, 3))])
    taken = xai.TabularProbes.from_dataset((rows, rows[:, 0].astype(int)), 4, background=rows[-20:])
    assert taken.given()[:, 0].tolist() == [0, 0, 1, 1]


def test_a_dataset_of_one_class_that_never_ends_is_read_to_a_limit() -> None:
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield SMALL[read % 100], 0

    assert len(xai.ImageProbes.from_dataset(endless(), 4)) == 4
    assert read == 8000


DATASETS = {
    "arrays": ([LEFT, RIGHT], LABELS),
    "arrays in a tuple": ((LEFT, RIGHT), LABELS),
    "batches": [((LEFT[i : i + 8], RIGHT[i : i + 8]), LABELS[i : i + 8]) for i in range(0, 40, 8)],
    "examples": [((left, right), label) for left, right, label in zip(LEFT, RIGHT, LABELS, strict=True)],
    "tf.data": tf.data.Dataset.from_tensor_slices(((LEFT, RIGHT), LABELS)).batch(7),
    "tf.data of examples": tf.data.Dataset.from_tensor_slices(((LEFT, RIGHT), LABELS)),
}


@pytest.mark.parametrize("name", DATASETS)
def test_images_of_several_inputs_are_taken_from_datasets(name: str) -> None:
    probes = xai.ImageProbes.from_dataset(DATASETS[name], 4)
    left, right = probes.given()
    assert np.array_equal(left, LEFT[[0, 1, 20, 21]])
    assert np.array_equal(right, RIGHT[[0, 1, 20, 21]])
    assert probes.labels.tolist() == [0, 0, 1, 1]


def test_named_inputs_videos_and_several_series_are_taken_from_datasets() -> None:
    named = tf.data.Dataset.from_tensor_slices(({"left": LEFT, "right": RIGHT}, LABELS))
    for dataset in (named, named.batch(9)):
        assert np.array_equal(xai.ImageProbes.from_dataset(dataset, 4).given()["right"], RIGHT[[0, 1, 20, 21]])
    videos = RNG.random((40, 5, 8, 8, 1))
    for dataset in ((videos, LABELS), list(zip(videos, LABELS, strict=True)), [(videos[:25], LABELS[:25])]):
        assert np.array_equal(xai.ImageProbes.from_dataset(dataset, 4).given(), videos[[0, 1, 20, 21]])
    first, second = RNG.normal(size=(40, 12, 2)), RNG.normal(size=(40, 7, 2))
    for dataset in (([first, second], LABELS), [((a, b), y) for a, b, y in zip(first, second, LABELS, strict=True)]):
        given = xai.SequenceProbes.from_dataset(dataset, 4).given()
        assert np.array_equal(given[1], second[[0, 1, 20, 21]])
