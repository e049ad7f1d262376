"""Names and labels of classes, held against `classes_` of the callable's owner; the oracle is scikit-learn's own predict_proba."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tb_xai_plugin as xai
from tb_xai_plugin.models.classes import checked_class_names, classes_of

X = np.random.default_rng(0).normal(size=(90, 3))
KIND = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


def fitted(names: Any) -> Any:
    """A pipeline whose classes are `names`, in the order of the numbers 0, 1, 2."""
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, np.array(names)[KIND])


def probes(labels: Any = None, **options: Any) -> xai.TabularProbes:
    return xai.TabularProbes(X[:12], labels, background=X, **options)


class Wrapped:
    """A callable of the user's own, with the classes as an attribute."""

    def __init__(self, model: Any) -> None:
        self.model, self.classes_ = model, model.classes_

    def __call__(self, rows: Any) -> np.ndarray:
        return self.model.predict_proba(rows)


def decorated(model: Any) -> Callable[[Any], np.ndarray]:
    @wraps(model.predict_proba)
    def call(rows: Any) -> np.ndarray:
        return model.predict_proba(rows)

    return call


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "a method": lambda model: model.predict_proba,
    "a partial": lambda model: partial(partial(model.predict_proba)),
    "a decorated function": decorated,
    "a callable with the attribute": Wrapped,
    "decision values": lambda model: model.decision_function,
}


@pytest.mark.parametrize("name", HOLDERS)
def test_names_in_another_order_than_the_columns_are_refused_whoever_holds_the_classes(name: str) -> None:
    model = HOLDERS[name](fitted(["ash", "birch", "cedar"]))
    assert classes_of(model) == ["ash", "birch", "cedar"]
    for swapped in (["birch", "ash", "cedar"], ["Ash", "Cedar", "Birch"], ["birch", "oak", "cedar"]):
        with pytest.raises(
            ValueError, match=r"class_names is \[.*but the columns of the model are \['ash', 'birch', 'cedar'\] .*in this order"
        ):
            checked_class_names(model, probes(class_names=swapped))
    for good in (["ash", "birch", "cedar"], ["Ash", "birch ", "CEDAR"], ["one", "two", "three"]):
        given = probes(class_names=good)
        assert checked_class_names(model, given) is given


def test_case_5_swapped_names_are_an_error_and_good_ones_name_the_columns() -> None:
    y = np.where(X[:, 0] > 0, "yes", "no")
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match=r"class_names is \['yes', 'no'\], but the columns of the model are \['no', 'yes'\]"):
        xai.explain(model.predict_proba, probes(class_names=["yes", "no"]), "shap", output="probability")
    found = xai.explain(model.predict_proba, probes(y[:12], class_names=["no", "yes"]), "shap", output="probability")["shap"]
    frame = found.to_dataframe()
    for row in frame.itertuples():
        column = model.classes_.tolist().index(row[frame.columns.get_loc("class") + 1])
        assert row.target == column
    assert found.outputs == pytest.approx(model.predict_proba(X[:12]), abs=1e-6)


@pytest.mark.parametrize("kind", [list, np.array], ids=["list", "array"])
def test_labels_that_are_words_are_the_models_classes_without_names(kind: Callable[[list[str]], Any]) -> None:
    names = ["ash", "birch", "cedar"]
    model = fitted(names)
    words = [names[k] for k in KIND[:12]]
    bound = xai.explain(model.predict_proba, probes(kind(words)), "shap", output="probability")["shap"].probes
    assert bound.labels.tolist() == KIND[:12].tolist()
    assert bound.class_names == names
    # Also where the probes do not have all classes: the order is the model's, and not that of the labels.
    only = probes(["cedar"] * 12)
    assert checked_class_names(model.predict_proba, only).labels.tolist() == [2] * 12
    assert only.labels is None
    with pytest.raises(ValueError, match=r"label 'oak' is none of the model's classes_ \['ash', 'birch', 'cedar'\]"):
        checked_class_names(model.predict_proba, probes(["oak"] * 12))


def test_whole_numbers_that_are_not_0_1_2_are_the_models_classes() -> None:
    model = fitted([3, 7, 12])
    given = probes(np.array([3, 7, 12])[KIND[:12]])
    bound = checked_class_names(model.predict_proba, given)
    assert bound.labels.tolist() == KIND[:12].tolist()
    assert bound.class_names == ["3", "7", "12"]
    found = xai.explain(model.predict_proba, given, "shap", output="probability")["shap"]
    right = found.outputs[np.arange(12), found.probes.labels]
    assert right == pytest.approx(model.predict_proba(X[:12])[np.arange(12), KIND[:12]], abs=1e-6)
    # Class numbers are read as such where they can't be classes.
    assert checked_class_names(model.predict_proba, probes(KIND[:12])).labels.tolist() == KIND[:12].tolist()
    # 1, 2, 3 as `y` has them, not as places.
    assert checked_class_names(fitted([1, 2, 3]).predict_proba, probes(KIND[:12] + 1)).labels.tolist() == KIND[:12].tolist()
    with pytest.raises(ValueError, match=r"class_names is \['7', '3', '12'\]"):
        checked_class_names(model.predict_proba, probes(class_names=["7", "3", "12"]))
    with pytest.raises(ValueError, match=r"label 99 is none of the model's classes_ \['3', '7', '12'\]"):
        checked_class_names(model.predict_proba, probes([99] * 12))


@pytest.mark.parametrize("classes", [[0, 1, 2], [0.0, 1.0, 2.0]], ids=["whole", "float"])
def test_usual_class_numbers_and_models_without_classes_change_nothing(classes: list[Any]) -> None:
    for model in (fitted(classes).predict_proba, lambda rows: rows, keras.Sequential, LinearRegression().fit(X, X[:, 0]).predict):
        given = probes(KIND[:12], class_names=["a", "b", "c"])
        assert checked_class_names(model, given) is given
        given = probes(KIND[:12])
        assert checked_class_names(model, given) is given


def test_words_that_no_model_knows_are_an_error_when_the_model_is_bound() -> None:
    with pytest.raises(
        ValueError, match=r"label 'ash' is a word, and neither class_names nor the model \(its classes_\) tell which class it is"
    ):
        xai.explain(lambda rows: fitted([0, 1, 2]).predict_proba(rows), probes(["ash"] * 12), "shap")
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, "softmax")])
    with pytest.raises(ValueError, match="label 'ash' is a word"):
        xai.explain(network, probes(["ash"] * 12), "shap")


def test_probes_of_other_words_are_other_probes_and_a_record_has_the_class_numbers() -> None:
    names = ["ash", "birch", "cedar"]
    one, other = (probes([names[k] for k in order]) for order in (KIND[:12], KIND[12:24]))
    assert one.digest != other.digest
    bound = checked_class_names(fitted(names).predict_proba, one)
    again = xai.TabularProbes.from_record(*bound.as_record())
    assert again.labels.tolist() == KIND[:12].tolist()
    assert again.digest == bound.digest == probes(KIND[:12]).digest


@pytest.mark.parametrize("wrapped", [lambda predict: predict, partial], ids=["method", "partial"])
def test_labels_of_a_wrapped_method_are_classes_of_its_object(wrapped: Callable[[Any], Any]) -> None:
    model = fitted([1, 2, 3])
    found = xai.explain(wrapped(model.predict), probes(), "shap", head="labels")["shap"]
    assert (found.outputs.argmax(axis=1) + 1).tolist() == model.predict(X[:12]).tolist()
