"""What from_dataset takes: balanced over classes wherever they are, and inputs of several parts."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator

import keras
import numpy as np
import pandas as pd
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
    assert read == 8001  # one more tells that it goes on


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


ROWS = RNG.normal(size=(50000, 3)).astype(np.float32)
BACKGROUND = ROWS[:20]


def first_of_each(labels: np.ndarray, n: int) -> list[int]:
    """The rule, spelled out: the first example of every class in the order in which the classes come, then the second of every class, and so on."""
    seen: Counter = Counter()
    classes = list(dict.fromkeys(labels.tolist()))
    ranked = []
    for place, label in enumerate(labels.tolist()):
        ranked.append((seen[label], classes.index(label), place))
        seen[label] += 1
    return sorted(place for _, _, place in sorted(ranked)[:n])


def stream(labels: np.ndarray, size: int | None = 64, rows: np.ndarray = ROWS) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of rows and labels; single examples where size is None."""
    if size is None:
        yield from zip(rows, labels, strict=False)
        return
    for start in range(0, len(labels), size):
        yield rows[start : start + size], labels[start : start + size]


def taken(dataset: Iterable, n: int = 16, **options) -> tuple[list[int], xai.TabularProbes]:
    """The places of the rows that were taken, and the probes."""
    probes = xai.TabularProbes.from_dataset(dataset, n, background=BACKGROUND, **options)
    places = {row.tobytes(): place for place, row in enumerate(ROWS)}
    return [places[np.asarray(row, dtype=np.float32).tobytes()] for row in np.asarray(probes.given())], probes


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What was said, when it is read."""
    caplog.set_level(logging.WARNING, logger="tb_xai_plugin")

    class Said(list):
        def __iter__(self) -> Iterator[str]:
            return iter([record.getMessage() for record in caplog.records])

        def __len__(self) -> int:
            return len(caplog.records)

    return Said()


@pytest.mark.parametrize("n", [1, 2, 5, 16, 40])
@pytest.mark.parametrize("seed", range(6))
def test_arrays_batches_and_single_examples_give_the_first_of_each_class(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 12))
    labels = rng.choice(classes, size=300, p=rng.dirichlet(np.full(classes, 0.5)))
    labels = np.sort(labels) if seed % 2 else labels
    wanted = first_of_each(labels, n)
    rows = ROWS[:300]
    for dataset in ((rows, labels), [rows, labels], stream(labels), stream(labels, None), (rows, labels[:, None])):
        assert taken(dataset, n)[0] == wanted
    names = np.array([f"class {label}" for label in labels])
    assert taken((rows, names), n)[0] == wanted
    assert taken(stream(names, 7), n)[0] == wanted
    one_hot = np.eye(classes)[labels]
    if classes > 1:
        assert taken((rows, one_hot), n)[0] == wanted
        assert taken(stream(one_hot, 9), n)[0] == wanted


def test_a_sorted_stream_is_read_until_its_classes_come_again_or_it_ends() -> None:
    labels = np.repeat([0, 1, 2], 5000)

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 150

        def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
            return ROWS[100 * i : 100 * i + 100], labels[100 * i : 100 * i + 100]

    tensors = tf.data.Dataset.from_tensor_slices((ROWS[:15000], labels))
    for dataset in (stream(labels), stream(labels, None), Batches(), tensors.batch(100)):
        assert taken(dataset)[1].labels.tolist() == [0] * 6 + [1] * 5 + [2] * 5


def test_batches_of_one_class_each_are_balanced(said: list[str]) -> None:
    labels = np.repeat(np.arange(100) % 7, 32)
    assert taken(stream(labels, 32))[0] == first_of_each(labels, 16)
    assert not said


def test_a_rare_class_is_found_in_arrays_and_said_of_streams(said: list[str]) -> None:
    labels = (np.arange(50000) % 5000 == 4999).astype(int)
    assert taken((ROWS, labels))[1].labels.tolist().count(1) == 8
    assert not said
    assert Counter(taken(stream(labels))[1].labels.tolist()) == {0: 10, 1: 6}  # 6 are among the first 32,000
    (sentence,) = said
    assert "first 32,000 examples, and took 10 of class 0, 6 of class 1" in sentence
    assert "class 1 has 6 (its share is 8)" in sentence
    assert "shuffle" in sentence


def test_a_rare_class_is_looked_for_where_its_name_or_its_column_is_known(said: list[str]) -> None:
    labels = np.where(np.arange(50000) % 5000 == 4999, 2, np.arange(50000) % 2)
    assert taken(stream(labels), class_names=list("abc"))[0] == first_of_each(labels, 16)
    assert taken(stream(np.eye(3)[labels]))[0] == first_of_each(labels, 16)
    assert not said
    taken(stream(labels))
    assert "first 3,200 examples" in next(iter(said))
    assert "other classes may follow; give class_names" in next(iter(said))


def test_generators_without_end_are_read_to_a_limit_that_is_said(said: list[str]) -> None:
    assert taken(((ROWS[i % 99], 0) for i in itertools.count()), 4, class_names=["cat", "dog"])[1].labels.tolist() == [0] * 4
    assert "first 8,000 examples, and took 4 of class 'cat'; no example of class 'dog' came" in next(iter(said))
    read = 0

    def complete() -> Iterator[tuple[np.ndarray, int]]:
        nonlocal read
        for read in itertools.count():
            yield ROWS[read], read % 3

    assert taken(complete(), 6, class_names=list("abc"))[0] == list(range(6))
    assert read == 5
    assert len(said) == 1


@pytest.mark.parametrize(
    ("labels", "options", "sentence"),
    [
        (np.zeros(300, dtype=int), {}, "looked at all 300 examples, and took 16 of class 0; no example of another class came"),
        (np.zeros(300, dtype=int), {"class_names": ["a", "b"]}, "no example of class 'b' came"),
        (np.eye(3)[np.arange(300) % 2], {}, "no example of class 2 came"),
        (np.where(np.arange(300) == 7, 1, 0), {}, "took 15 of class 0, 1 of class 1; class 1 has 1 (its share is 8)"),
        (np.arange(300) % 40, {}, "n is 16 for 40 classes, so 24 have no probe; give n=40 or more"),
        (np.array(["no", "yes"])[np.arange(300) % 2], {"class_names": ["no", "yes", "perhaps"]}, "no example of class 'perhaps' came"),
    ],
)
def test_what_arrays_lack_is_said_in_one_sentence(labels: np.ndarray, options: dict, sentence: str, said: list[str]) -> None:
    taken((ROWS[:300], labels), **options)
    assert len(said) == 1
    assert sentence in next(iter(said))
    assert next(iter(said)).startswith("TabularProbes.from_dataset: ")


def test_an_example_of_several_labels_counts_for_the_rarest(said: list[str]) -> None:
    sets = np.zeros((1000, 5), dtype=int)
    sets[:, :2] = 1
    sets[900:, 2] = 1
    sets[999, 4] = 1
    sets[0] = 0
    for dataset in ((ROWS[:1000], sets), stream(sets)):
        probes = taken(dataset)[1]
        assert probes.label_sets[:, 4].sum() == 1
        assert probes.label_sets[:, 2].sum() >= 16 // 5
        assert (~probes.label_sets.any(axis=1)).sum() == 1
    assert len(said) == 2
    assert all("no example of class 3 came, and class 4 has 1 (its share is 3)" in sentence for sentence in said)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_a_regression_is_spread_over_the_ranks_of_its_true_values(dtype: type, said: list[str]) -> None:
    prices = (RNG.lognormal(size=4000) * 1e5 + np.arange(4000) / 8).astype(dtype)
    order = np.argsort(prices, kind="stable")
    middle = sorted(order[np.arange(125, 4000, 250)].tolist())  # the middle of each sixteenth
    for y in (prices, prices[:, None], np.stack([prices, -prices], axis=1), pd.Series(prices)):
        assert taken((ROWS[:4000], y))[0] == middle
    ranks = np.argsort(order)[taken(stream(prices))[0]]
    assert np.abs(np.sort(ranks) - np.arange(125, 4000, 250)).max() < 400  # a stream holds a sample of 128 of them
    assert not said


@pytest.mark.parametrize("form", ["arrays", "stream", "examples"])
def test_a_unit_tells_that_counts_are_a_regression(form: str, said: list[str]) -> None:
    counts = np.random.default_rng(0).poisson(20, 3000)
    dataset = {"arrays": (ROWS[:3000], counts), "stream": list(stream(counts)), "examples": list(zip(ROWS[:3000], counts, strict=True))}[
        form
    ]
    probes = taken(dataset, unit="bikes")[1]
    assert not said
    quantiles = np.quantile(counts, np.arange(1, 16, 2) / 16)
    chosen = np.sort(probes.labels if probes.truth is None else probes.truth[:, 0])
    assert np.abs(chosen[::2] - quantiles).max() <= 3
    taken(dataset)
    assert "give unit='…' if they are no classes but numbers of a regression" in next(iter(said))


MONTHS = np.arange(9000) // 300 + np.random.default_rng(1).normal(size=9000)


@pytest.mark.parametrize("size", [64, None], ids=["batches", "examples"])
@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.sqrt(np.arange(9000)), "whose true values rise from one to the next, as in a sorted dataset (0 to 5"),
        (-np.arange(9000) / 1000, "whose true values fall from one to the next, as in a sorted dataset (-3."),
        (MONTHS, "whose true values rise from one to the next"),
        (np.random.default_rng(0).normal(size=9000), ""),
        (np.full(9000, 0.5), ""),
    ],
    ids=["rising", "falling", "sorted by month", "shuffled", "constant"],
)
def test_a_regression_stream_that_seems_to_be_sorted_is_said(y: np.ndarray, words: str, size: int | None, said: list[str]) -> None:
    taken(stream(y, size))
    assert [words in sentence and "looked at the first 3,2" in sentence for sentence in said] == [True] * bool(words)


def test_what_is_no_dataset_is_a_sentence() -> None:
    def pairs() -> Iterator[tuple[np.ndarray, int]]:
        yield from zip(ROWS, LABELS, strict=False)

    with pytest.raises(
        TypeError, match=r"from_dataset: the dataset is a function; give arrays \(x, y\), .*; call the function that makes it\."
    ):
        taken(pairs)
    with pytest.raises(TypeError, match="from_dataset: the dataset is a int; give arrays"):
        taken(7)
    with pytest.raises(TypeError, match=r"TabularProbes\.from_dataset: background is missing; give rows"):
        xai.TabularProbes.from_dataset((ROWS[:40], LABELS))
    with pytest.raises(ValueError, match="from_dataset: the dataset has 0 examples and n is 16"):
        taken((ROWS[:0], np.zeros(0)))
    with pytest.raises(ValueError, match="from_dataset: 15 of 20 examples have a label, and the others have none"):
        taken([(row, None if i % 4 == 0 else 1) for i, row in enumerate(ROWS[:20])])


def test_labels_of_minus_one_and_one_halves_and_shares_are_balanced(said: list[str]) -> None:
    signs = np.where(np.arange(300) < 290, -1, 1)
    assert Counter(taken((ROWS[:300], signs))[1].truth[:, 0].tolist()) == {-1: 8, 1: 8}
    one = (ROWS[:300], np.full(300, -1))
    taken(one)
    assert any("took 16 of class -1" in sentence for sentence in said)
    shares = np.where(np.eye(2)[(signs + 1) // 2] == 1, 0.9, 0.1)
    assert Counter(taken((ROWS[:300], shares))[1].labels.tolist()) == {0: 8, 1: 8}


def test_tables_keep_their_columns_and_arrays_on_disk_are_not_read_as_a_whole() -> None:
    frame = pd.DataFrame({"month": np.arange(300) % 12, "word": np.array(["x", "y"])[np.arange(300) // 150], "z": ROWS[:300, 0]})
    probes = xai.TabularProbes.from_dataset((frame, pd.Series(np.arange(300) // 150)), 4, background=frame)
    assert probes.given().equals(frame.iloc[[0, 1, 150, 151]].reset_index(drop=True))

    class OnDisk:
        shape = (300, 3)
        read = 0

        def __len__(self) -> int:
            return 300

        def __getitem__(self, i: int) -> np.ndarray:
            OnDisk.read += 1
            return ROWS[i]

    assert taken((OnDisk(), np.arange(300) // 150), 4)[0] == [0, 1, 150, 151]
    assert OnDisk.read == 4


def test_a_million_labels_of_a_thousand_classes_take_less_than_some_seconds() -> None:
    import time

    labels, rows = np.arange(1_000_000) % 1000, np.broadcast_to(ROWS[0], (1_000_000, 3))
    began = time.perf_counter()
    xai.TabularProbes.from_dataset((rows, labels), 16, background=BACKGROUND)
    assert time.perf_counter() - began < 5  # 0.3 s, and 135 s where every example is held against every class


def test_batches_of_series_with_one_positive_each_are_batches() -> None:
    series, labels = RNG.normal(size=(640, 30)), (np.arange(640) % 64 == 5).astype(int)
    dataset = [(series[i : i + 64], labels[i : i + 64]) for i in range(0, 640, 64)]
    assert np.array_equal(xai.SequenceProbes.from_dataset(dataset, 4).given(), series[[0, 1, 5, 69]])


META = RNG.random((40, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "dataset",
    [
        ((LEFT, META), LABELS),
        ({"image": LEFT, "meta": META}, LABELS),
        tf.data.Dataset.from_tensor_slices(({"image": LEFT, "meta": META}, LABELS)).batch(8),
        tf.data.Dataset.from_tensor_slices(((LEFT, META), LABELS)),
        [((image, meta), label) for image, meta, label in zip(LEFT, META, LABELS, strict=True)],
    ],
    ids=["tuple", "dict", "batches", "examples", "list"],
)
def test_an_image_beside_numbers_is_refused_with_the_way_to_give_them(dataset: Iterable) -> None:
    with pytest.raises(TypeError, match=r"look like several inputs of a model; .* as side_inputs, e\.g\. ImageProbes\("):
        xai.ImageProbes.from_dataset(dataset, 4)


def test_labels_of_several_outputs_and_of_another_number_are_refused() -> None:
    for labels in ({"a": LABELS, "b": LABELS}, (LABELS, LABELS)):
        for dataset in ((LEFT, labels), tf.data.Dataset.from_tensor_slices((LEFT, labels))):
            with pytest.raises(TypeError, match="labels of several outputs; map it to"):
                xai.ImageProbes.from_dataset(dataset, 4)
    with pytest.raises(ValueError, match="x has 40 examples and y has 39"):
        xai.ImageProbes.from_dataset((LEFT, LABELS[:39]), 4)
