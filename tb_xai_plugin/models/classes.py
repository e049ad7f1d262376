"""The classes of a callable: `classes_` of the object that it belongs to, held against the names and labels of the probes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np

from tb_xai_plugin.probes import ProbeSet

_Probes = TypeVar("_Probes", bound=ProbeSet)

# Methods that return a column for each class of their object, in the order of `classes_`, or the classes themselves.
OF_CLASSES = ("predict_proba", "predict_log_proba", "decision_function", "predict", "__call__")

# How many wrappers of a callable are looked into.
DEEPEST = 10


def classes_of(model: Callable[..., Any]) -> list[Any] | None:
    """The classes of a callable, in the order of its columns; None where they are not known.

    They are `classes_` of the callable itself, or of the object whose method it is, also behind `functools.partial` and `functools.wraps`.
    """
    for _ in range(DEEPEST):
        owner, name = getattr(model, "__self__", None), getattr(model, "__name__", "__call__")
        if owner is not None and name not in OF_CLASSES:
            return None
        for holder in (model, owner):
            if (classes := _listed(holder)) is not None:
                return classes
        inner = model.func if isinstance(model, partial) else getattr(model, "__wrapped__", None)
        if not callable(inner):
            return None
        model = inner
    return None


def _listed(holder: Any) -> list[Any] | None:
    try:
        classes = getattr(holder, "classes_", None)  # a property of a pipeline, which may raise other errors where it is not fitted
        array = None if classes is None else np.asarray(classes)
    except Exception:
        return None
    # Several outputs have a list of classes each.
    return array.tolist() if array is not None and array.ndim == 1 and len(array) > 1 else None


def checked_class_names(model: Callable[..., Any], probes: _Probes) -> _Probes:
    """The probes with names and labels of classes as the callable has them.

    * Where `class_names` are given, each name that the callable knows must be in its place.
    * Where they are not, and the callable's classes are words, or numbers other than 0, 1, …, these are the names.
    * Labels that are words, and were given without `class_names`, are classes of the callable. So are whole numbers, where the callable's classes are
      other numbers than 0, 1, …

    Returns:
        The probes themselves, or a copy with other `labels` and `class_names`.

    Raises:
        ValueError: names are in another order than the callable's classes, or labels are none of them.
    """
    classes = classes_of(model)
    if classes is None:
        return probes
    names, others = probes.class_names, _are_other_numbers(classes)
    if names is not None:
        _check_order(names, classes)
    elif others or all(isinstance(each, str) for each in classes):
        names = [_text(each) for each in classes]
    labels: Any = None
    if probes.label_words is not None:
        labels = _places(list(probes.label_words), classes)
    elif probes.labels is not None and others:
        numbers = probes.labels.tolist()
        if set(numbers) <= set(classes) or not set(numbers) <= set(range(len(classes))):
            labels = _places(numbers, classes)
    if labels is None and names is probes.class_names:
        return probes
    return probes.with_classes(names, labels)


def _check_order(names: list[str], classes: list[Any]) -> None:
    """Refuse names that stand in the place of another class of the same name."""
    known = [_text(each).strip().casefold() for each in classes]
    given = [name.strip().casefold() for name in names]
    moved = [name for name in given if name in known and given.index(name) != known.index(name)]
    if moved:
        raise ValueError(
            f"class_names is {names}, but the columns of the model are {[_text(each) for each in classes]} (its classes_); give class_names in this order"
            ", and class numbers as labels by it."
        )


def _places(labels: list[Any], classes: list[Any]) -> np.ndarray:
    """int64 (n,): the place of each label among the classes, compared as they are or as text."""
    texts = [_text(each) for each in classes]
    unknown = [label for label in labels if label not in classes and _text(label) not in texts]
    if unknown:
        raise ValueError(f"label {unknown[0]!r} is none of the model's classes_ {texts[:20]}; give labels that the model knows.")
    return np.array([classes.index(label) if label in classes else texts.index(_text(label)) for label in labels], dtype=np.int64)


def _are_other_numbers(classes: list[Any]) -> bool:
    """Whether classes are whole numbers, but not 0, 1, …"""
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) and float(each).is_integer() for each in classes)
    return numbers and classes != list(range(len(classes)))


def _text(value: Any) -> str:
    """A class as text: 3.0 is "3"."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
