"""Labels are kept as they were given, and read as the head of the model needs them: each reading is held against what the array plainly says."""

from __future__ import annotations

import json
import logging

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_multilabel_classification

import tb_xai_plugin as xai

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(6, 3)).astype(np.float32)
MULTI_HOT = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0]])
ONE_HOT = np.eye(4, dtype=int)[[0, 3, 1, 1, 2, 0]]
SHARES = np.array(
    [[0.7, 0.1, 0.1, 0.1], [0, 0.4, 0.6, 0], [0.25, 0.3, 0.25, 0.2], [0, 0, 0, 1], [0.05, 0.9, 0.05, 0], [1 / 3, 0, 2 / 3, 0]]
)


def probes(labels: object, **options: object) -> xai.TabularProbes:
    return xai.TabularProbes(ROWS, labels, background=ROWS, **options)


def read(labels: object, kind: str, columns: int, **options: object) -> dict[str, np.ndarray]:
    """What is known of the labels once the head is."""
    bound = probes(labels, **options).read_by(kind, columns)
    return {name: value for name in ("labels", "truth", "label_sets", "label_fractions") if (value := getattr(bound, name)) is not None}


def same(found: dict[str, np.ndarray], **expected: object) -> bool:
    return found.keys() == expected.keys() and all(np.array_equal(found[name], value) for name, value in expected.items())


NUMBERS = [0, 3, 1, 1, 2, 0]
INTEGERS = [0, 1, 1, 0, 1, 0]
FRACTIONS = np.array([0.0, 0.2, 0.5, 0.49, 0.9, 1.0])
LARGE = [250000, 310000, 199999, 2**40, 0, 7]
SIGNED = [-3.0, 4.0, 0.0, -1.0, 2.5, 1.0]

READINGS = {
    "class numbers of a softmax": (NUMBERS, "softmax", 4, {"labels": NUMBERS}),
    "class numbers of logits, as floats": (np.array(NUMBERS, float), "logits", 4, {"labels": NUMBERS}),
    "class numbers in a column": (np.array(NUMBERS)[:, None], "softmax", 4, {"labels": NUMBERS}),
    "a pandas column of nullable integers": (pd.Series(NUMBERS, dtype="Int64"), "softmax", 4, {"labels": NUMBERS}),
    "one-hot rows of a softmax": (ONE_HOT, "softmax", 4, {"labels": NUMBERS}),
    "one-hot rows of independent labels": (ONE_HOT, "sigmoid", 4, {"label_sets": ONE_HOT == 1}),
    "multi-hot rows": (MULTI_HOT, "sigmoid", 4, {"label_sets": MULTI_HOT == 1}),
    "multi-hot rows as floats, of logits": (MULTI_HOT.astype("f4"), "sigmoid logits", 4, {"label_sets": MULTI_HOT == 1}),
    "multi-hot rows as booleans": (MULTI_HOT == 1, "sigmoid", 4, {"label_sets": MULTI_HOT == 1}),
    "multi-hot rows of a DataFrame": (pd.DataFrame(MULTI_HOT == 1, columns=list("abcd")), "sigmoid", 4, {"label_sets": MULTI_HOT == 1}),
    "class numbers of independent outputs": (NUMBERS, "sigmoid", 4, {"labels": NUMBERS}),
    "one sigmoid": (INTEGERS, "sigmoid", 1, {"labels": INTEGERS}),
    "one sigmoid, in a column": (np.array(INTEGERS)[:, None], "sigmoid logits", 1, {"labels": INTEGERS}),
    "one sigmoid, booleans": (np.array(INTEGERS, bool), "sigmoid", 1, {"labels": INTEGERS}),
    "one sigmoid, one-hot rows": (np.eye(2)[INTEGERS], "sigmoid", 1, {"labels": INTEGERS}),
    "fractions of one sigmoid": (FRACTIONS, "sigmoid", 1, {"labels": FRACTIONS >= 0.5, "label_fractions": FRACTIONS[:, None]}),
    "smoothed labels": (
        np.array(INTEGERS) * 0.9 + 0.05,
        "sigmoid logits",
        1,
        {"labels": INTEGERS, "label_fractions": (np.array(INTEGERS) * 0.9 + 0.05)[:, None]},
    ),
    "shares of annotators": (SHARES, "softmax", 4, {"labels": SHARES.argmax(axis=1), "label_fractions": SHARES}),
    "fractions by label": (SHARES * 0.9, "sigmoid", 4, {"label_sets": SHARES * 0.9 >= 0.5, "label_fractions": SHARES * 0.9}),
    "true values": (SIGNED, "regression", 1, {"truth": np.array(SIGNED)[:, None]}),
    "large whole true values": (LARGE, "regression", 1, {"truth": np.array(LARGE, float)[:, None]}),
    "small whole true values": (NUMBERS, "regression", 1, {"truth": np.array(NUMBERS, float)[:, None]}),
    "whole true values in a column": (np.array(LARGE)[:, None], "regression", 1, {"truth": np.array(LARGE, float)[:, None]}),
    "many true values": (MULTI_HOT * 3 - 1, "regression", 4, {"truth": MULTI_HOT * 3.0 - 1}),
    "zeros and ones as true values": (MULTI_HOT, "regression", 4, {"truth": MULTI_HOT.astype(float)}),
    "one-hot rows as true values": (ONE_HOT, "regression", 4, {"truth": ONE_HOT.astype(float)}),
    "classes beside an embedding": (NUMBERS, "regression", 64, {"labels": NUMBERS}),
    "nothing": (None, "softmax", 4, {}),
}


@pytest.mark.parametrize("name", READINGS)
def test_labels_are_read_as_the_head_needs_them(name: str) -> None:
    labels, kind, columns, expected = READINGS[name]
    assert same(read(labels, kind, columns), **expected)


@pytest.mark.parametrize("name", READINGS)
def test_a_record_brings_the_reading_back_and_explains_the_same_probes(name: str) -> None:
    labels, kind, columns, expected = READINGS[name]
    given = probes(labels)
    bound = given.read_by(kind, columns)
    names, arrays = bound.as_record()
    back = xai.TabularProbes.from_record(json.loads(json.dumps(names)), arrays)
    assert same({key: getattr(back, key) for key in expected}, **expected)
    assert given.parts == bound.parts
    assert back.parts["labels"] == given.parts["labels"], "the digest is that of the labels as given, whoever reads them"
    again = back.read_by(kind, columns)
    assert same({key: getattr(again, key) for key in expected}, **expected)


def test_names_of_classes_are_read_as_their_numbers() -> None:
    words, names = ["b", "a", "d", "d", "c", "a"], ["a", "b", "c", "d"]
    assert same(read(words, "softmax", 4, class_names=names), labels=[1, 0, 3, 3, 2, 0])
    assert same(read(pd.Series(words, dtype="category"), "sigmoid", 4, class_names=names), labels=[1, 0, 3, 3, 2, 0])


def test_the_labels_of_the_user_are_not_changed_and_a_second_model_may_read_them_in_another_way() -> None:
    given = MULTI_HOT.copy()
    one = probes(given)
    assert same({"truth": one.read_by("regression", 4).truth}, truth=MULTI_HOT)
    assert same({"label_sets": one.read_by("sigmoid", 4).label_sets}, label_sets=MULTI_HOT == 1)
    assert np.array_equal(given, MULTI_HOT)
    assert one.labels is None
    assert np.array_equal(one.label_sets, MULTI_HOT == 1), "the likeliest reading, before a model is known"


def test_before_a_model_is_known_labels_look_as_they_did_in_the_first_release() -> None:
    for labels in (NUMBERS, np.array(NUMBERS, float), ONE_HOT, np.array(NUMBERS)[:, None]):
        assert np.array_equal(probes(labels).labels, NUMBERS)
    assert np.array_equal(probes(SIGNED).truth, np.array(SIGNED)[:, None])
    assert np.array_equal(probes(LARGE).labels, LARGE)
    # The hashes are those that 0.1.0 wrote.
    assert probes(NUMBERS).parts["labels"] == probes(ONE_HOT).parts["labels"] == "36d2e61f2e1721e6"
    assert probes(None).parts["labels"] == probes(SIGNED).parts["labels"] == "88eab2c6fc42db91"
    assert probes(LARGE).parts["labels"] == "a63bf92f230eb20c"


@pytest.mark.parametrize(
    ("labels", "kind", "columns"), [(FRACTIONS, "sigmoid", 1), (SHARES, "softmax", 4), (SHARES, "sigmoid", 4), (NUMBERS, "regression", 9)]
)
def test_what_is_not_plain_about_a_reading_is_said(labels: object, kind: str, columns: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="tb_xai_plugin"):
        probes(labels).read_by(kind, columns)
    (said,) = caplog.messages
    assert said.startswith("TabularProbes: labels are")
    assert said.endswith(("the fractions are kept in the record.", "nothing is right or wrong."))


def test_plain_labels_need_no_sentence(caplog: pytest.LogCaptureFixture) -> None:
    for labels, kind, columns in ((NUMBERS, "softmax", 4), (MULTI_HOT, "sigmoid", 4), (LARGE, "regression", 1), (INTEGERS, "sigmoid", 1)):
        probes(labels).read_by(kind, columns)
    assert caplog.messages == []


REFUSED = {
    "words without names": (list("abcdef"), "softmax", 6, r"label 'a' is a word, and neither class_names nor the model \(its classes_\) tell which"),
    "a class that the model does not have": ([0, 1, 2, 3, 9, 0], "softmax", 4, "label 9 is out of range: the model has 4 classes; give labels from 0 to 3"),
    "negative classes": ([-1, 1, 1, -1, 1, 1], "logits", 2, "label -1 is out of range: .*give labels from 0 to 1"),
    "a negative class among independent outputs": ([0, -2, 0, 0, 0, 0], "sigmoid", 3, "label -2 is out of range: the model has 3 classes"),
    "a third class of one sigmoid": ([0, 1, 2, 0, 1, 2], "sigmoid", 1, "label 2 is out of range: .*labels 0 and 1, or head='regression'"),
    "signs of one sigmoid": ([-1, 1, 1, -1, 1, 1], "sigmoid", 1, "label -1 is out of range: .*give labels 0 and 1"),
    "a matrix with other columns than a softmax": (ONE_HOT, "softmax", 3, r"labels has shape \(6, 4\), but the model has 3 classes.*rows with 3 columns"),
    "a matrix with other columns than the sigmoids": (MULTI_HOT, "sigmoid", 5, r"labels has shape \(6, 4\), but the model has 5 classes"),
    "a matrix for one sigmoid": (MULTI_HOT, "sigmoid", 1, r"labels has shape \(6, 4\), but the model has one output"),
    "a matrix with other columns than a regression": (MULTI_HOT, "regression", 3, r"labels has shape \(6, 4\), .*3 outputs of a regression; .*shape \(6, 3\)"),
    "one fraction for several classes": (SIGNED, "softmax", 4, "labels are 1 fraction per probe, but the model has 4 classes; give class numbers"),
    "one fraction for several outputs": (SIGNED, "regression", 4, "labels are 1 fraction per probe, .* 4 outputs of a regression; .*model_output="),
    "several labels of a softmax": (MULTI_HOT, "softmax", 4, "probe 0 has 2 labels, but the model's 4 classes exclude each other"),
    "no label of a softmax": (np.where(np.arange(6)[:, None] == 2, 0, ONE_HOT), "logits", 4, "probe 2 has no labels, but"),
    "numbers for classes": (MULTI_HOT * 5 - 1, "sigmoid", 4, "labels are numbers from -1 to 4, but the model has 4 classes.*head='regression'"),
    "numbers for a softmax": (MULTI_HOT * 5 - 1, "softmax", 4, "labels are numbers from -1 to 4"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_labels_that_do_not_fit_the_model_are_refused_with_one_sentence(name: str) -> None:
    labels, kind, columns, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=f"^TabularProbes: .*{sentence}") as caught:
        probes(labels).read_by(kind, columns)
    assert str(caught.value).count(". ") == 0
    assert str(caught.value).endswith(".")


WRONG_FOR_ALL = {
    "another number of probes": ([1, 2], r"labels has shape \(2,\) for 6 probes"),
    "maps": (np.zeros((6, 2, 2)), r"labels has shape \(6, 2, 2\)"),
    "missing numbers": ([0, 1, np.nan, 0, 1, 0], "that of probe 2 is nan"),
    "infinite numbers": (np.where(MULTI_HOT == 1, np.inf, 0), "that of probe 0 is inf"),
    "lists of classes": ([[0], [1, 2], [], [0], [1], [2]], "rows of different lengths; .*matrix of 0 and 1"),
    "words and numbers": (np.array([0, "a", 1, 2, 3, 4], dtype=object), "labels have 'a' among them"),
    "rows of words": (np.array([["a", "b"]] * 6), r"labels are words of shape \(6, 2\)"),
}


@pytest.mark.parametrize("name", WRONG_FOR_ALL)
def test_what_no_model_can_read_is_refused_at_construction(name: str) -> None:
    labels, sentence = WRONG_FOR_ALL[name]
    with pytest.raises(ValueError, match=f"^TabularProbes: .*{sentence}"):
        probes(labels)


def test_numbers_beyond_the_names_are_refused_at_construction_but_true_values_are_not() -> None:
    with pytest.raises(ValueError, match="label 3 has no name among 2 class_names"):
        probes(NUMBERS, class_names=["a", "b"])
    assert same(read(LARGE, "regression", 1, class_names=["price"]), truth=np.array(LARGE, float)[:, None])


@pytest.mark.parametrize("seed", range(5))
def test_sets_of_labels_are_those_of_scikit_learn(seed: int) -> None:
    x, sets = make_multilabel_classification(20, 6, n_classes=7, allow_unlabeled=True, random_state=seed)
    bound = xai.TabularProbes(x, sets, background=x).read_by("sigmoid", 7)
    assert np.array_equal(bound.label_sets, sets)
    names = bound.as_record()[0]
    assert names["label_sets"] == [[place for place, true in enumerate(row) if true] for row in sets.tolist()]
