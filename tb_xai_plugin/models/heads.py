"""Heads: what a model's outputs mean, determined from the option `head`, its last layer, the numbers themselves and its loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tb_xai_plugin.models.choice import Choice
from tb_xai_plugin.models.classes import classes_of
from tb_xai_plugin.models.outputs import CLIP, SMALLEST_PROBABILITY, Head
from tb_xai_plugin.probes import ProbeSet

# Values of the option `head`.
HEADS = ("regression", "logits", "probabilities", "labels")

CLASS_LOSSES = {"sparsecategoricalcrossentropy", "categoricalcrossentropy", "categoricalfocalcrossentropy", "categoricalhinge"}
BINARY_LOSSES = {"binarycrossentropy", "bce", "binaryfocalcrossentropy"}
REGRESSION_LOSSES = {
    *("meansquarederror", "mse", "meanabsoluteerror", "mae", "meanabsolutepercentageerror", "mape"),
    *("meansquaredlogarithmicerror", "msle", "huber", "logcosh", "poisson", "cosinesimilarity"),
}


# A warning says that outputs are clipped where more than this share of them is.
MUCH_CLIPPED = 0.02

# Outputs so near to one half may be those of an untrained sigmoid.
NEAR_HALF = 5e-3

# A callable whose outputs are only whole numbers below this probably returns class numbers.
FEW_CLASSES = 10


def given_head(option: str, outputs: np.ndarray, *, multilabel: bool, clipped: bool) -> Head:
    """The head that the user names.

    Args:
        option: one of HEADS.
        outputs: (n, columns), outputs on a few inputs.
        multilabel: whether the labels are sets of classes, so that logits are those of independent sigmoids.
        clipped: see `Head`.

    Raises:
        ValueError: the outputs are no probabilities, although they are said to be.
    """
    columns = outputs.shape[1]
    by = f"head={option!r} says so"
    if option == "regression":
        return Head("regression", columns, by=by)
    if option == "labels":
        return Head("softmax", columns, by=by, hard=True)
    if option == "logits":
        return Head("sigmoid logits" if columns == 1 or multilabel else "logits", columns, by=by)
    finite = outputs[np.isfinite(outputs)]
    if len(finite) and (finite.min() < -1e-6 or finite.max() > 1 + 1e-6):
        raise ValueError(
            f"head is 'probabilities', but the model's outputs lie between {finite.min():.3g} and {finite.max():.3g}; give head='logits' or 'regression'."
        )
    exclusive = _sum_to_one(outputs) and not multilabel
    return Head("softmax" if exclusive else "sigmoid", columns, clipped=clipped, by=by)


def guess_head(outputs: np.ndarray, labelled: bool, *, multilabel: bool = False, known: int | None = None) -> Head:
    """Read the outputs of an unknown callable, from the numbers alone. Logits and a regression with several outputs look alike.

    Args:
        outputs: (n, columns).
        labelled: the probes have classes, so that several columns are logits.
        multilabel: the labels are sets of classes, so that several columns are probabilities or logits of independent classes.
        known: number of classes of the callable's owner, such as a classifier of scikit-learn; None where it has none.
    """
    columns = outputs.shape[1]
    if known == columns > 1 and not _sum_to_one(outputs) and not multilabel:
        return Head("logits", columns, by="its owner has so many classes")
    if _sum_to_one(outputs):
        return Head("softmax", columns, clipped=True, by="the rows sum to 1")
    if multilabel and columns > 1:
        probable = bool((outputs >= 0).all() and (outputs <= 1).all())
        return Head(
            "sigmoid" if probable else "sigmoid logits", columns, clipped=probable, by="the probes have sets of labels", certain=probable
        )
    logits = labelled and columns > 1
    return Head(
        "logits" if logits else "regression",
        columns,
        by="the probes have classes" if logits else "nothing tells that they are of classes",
        certain=not logits,
    )


def contradicts(head: Head, outputs: np.ndarray) -> str | None:
    """Why outputs, (n, columns), contradict the way in which they are read; None where they do not, or are not finite."""
    known = outputs[np.isfinite(outputs).all(axis=1)]
    if not len(known) or head.hard:
        return None
    if head.kind == "softmax" and not _sum_to_one(known):
        return f"their rows sum to {known.sum(axis=1).min():.3g} to {known.sum(axis=1).max():.3g} now, and were read as probabilities that sum to 1"
    if head.kind == "sigmoid" and (known.min() < -CLIP or known.max() > 1 + CLIP):
        return f"they lie between {known.min():.3g} and {known.max():.3g} now, and were read as probabilities"
    return None


@dataclass
class OutputCheck:
    """Checks all outputs of a model against the way in which they are read.

    Attributes:
        head: how the outputs are read.
        output: the explained quantity, one of OUTPUTS.
        guessed: whether only the numbers tell what they mean: those of a plain callable, without `head`.
    """

    head: Head
    output: str
    guessed: bool
    _counted: int = 0
    _zeros_and_ones: int = 0
    _distinct: set[float] = field(default_factory=set)

    def add(self, outputs: np.ndarray) -> None:
        """Count further outputs, (rows, columns)."""
        self._counted += outputs.size
        if self.head.clipped:
            self._zeros_and_ones += int(((outputs <= CLIP) | (outputs >= 1 - CLIP)).sum())
        elif self.head.kind == "softmax" and not self.head.hard:
            self._zeros_and_ones += int((outputs <= SMALLEST_PROBABILITY).sum())
        if self.guessed and self.head.kind == "regression" and len(self._distinct) <= FEW_CLASSES:
            self._distinct.update(np.unique(outputs).tolist())

    @property
    def clipped(self) -> float:
        """The share of outputs that were clipped before log-odds were taken."""
        return self._zeros_and_ones / self._counted if self._counted and self.output == "log-odds" else 0.0

    def warning(self) -> str | None:
        """A sentence for the user where the outputs contradict their reading; else None."""
        if self.clipped > MUCH_CLIPPED:
            limit = -np.log(CLIP if self.head.clipped else SMALLEST_PROBABILITY)
            return (
                f"{self.clipped:.0%} of the model's outputs are 0 or 1, where log-odds are infinite; they are clipped to ±{limit:.1f}, and their jumps "
                "dominate the explanation; give output='probability'."
            )
        if len(self._distinct) > 1 and self._distinct <= set(range(FEW_CLASSES)):
            numbers = ", ".join(f"{number:g}" for number in sorted(self._distinct))
            return f"the model returns only the numbers {numbers}, which are read as a regression; if they are classes, give a function that returns probabilities, e.g. predict_proba."
        return None


def _sum_to_one(outputs: np.ndarray) -> bool:
    """Whether outputs are several columns of probabilities that sum to 1, to the precision of float16."""
    return outputs.shape[1] > 1 and bool((outputs >= 0).all() and (np.abs(outputs.sum(axis=1) - 1) < 5e-3).all())


def read_head(last: LastLayer, loss: tuple[str, bool], outputs: np.ndarray, labelled: bool) -> Head:
    """Read the outputs of a Keras model: by its last activation, then by the numbers, then by the loss.

    The numbers overrule an activation that contradicts them, and one of a layer that only may be the last. NaN contradicts nothing.

    Args:
        last: the last layer.
        loss: its name, and whether it takes logits; see `loss_of`.
        outputs: (n, columns), outputs on a few inputs.
        labelled: the probes have classes.
    """
    columns = outputs.shape[1]
    not_finite = not np.isfinite(outputs).all()
    in_range = not_finite or bool((outputs >= 0).all() and (outputs <= 1).all())
    activation = getattr(getattr(last.layer, "activation", None), "__name__", None)
    name, from_logits = loss
    sums = _sum_to_one(outputs)
    if columns == 2 and activation != "softmax" and name not in CLASS_LOSSES:
        # Two sigmoids give .5 and .5 before they have learned anything.
        sums = sums and bool(np.abs(outputs - 0.5).max() > NEAR_HALF)
    # Coordinates and shares are trained with a sigmoid and a loss of distances.
    of_numbers = name in REGRESSION_LOSSES and not labelled
    if activation == "sigmoid" and in_range and not of_numbers and (last.certain or not sums):
        return Head("sigmoid", columns, by="the last activation is a sigmoid")
    if sums or (activation == "softmax" and not_finite and columns > 1):
        return Head("softmax", columns, by="the rows sum to 1")
    if name in BINARY_LOSSES:
        return Head("sigmoid" if in_range and not from_logits else "sigmoid logits", columns, by=f"the loss is {name}")
    if name in CLASS_LOSSES and columns > 1:
        return Head("logits", columns, by=f"the loss is {name}")
    if name in REGRESSION_LOSSES:
        return Head("regression", columns, by=f"the loss is {name}")
    # They may be logits, an embedding, or the numbers of a regression: only the user knows.
    return Head("regression", columns, by="nothing tells what they mean", certain=not labelled)


def loss_of(model: Any, choice: Choice) -> tuple[str, bool]:
    """Name of the loss that `compile` was given for the explained output, in lower case without "_" ("" for none), and whether it takes logits."""
    loss: Any = None if choice.computed else getattr(model, "loss", None)
    if isinstance(loss, dict):
        place = choice.place(len(loss))
        by_place = choice.names[place] if place is not None and place < len(choice.names) else None
        name = choice.named if choice.named in loss else by_place
        loss = loss.get(name, next(iter(loss.values())) if len(loss) == 1 else None)
    elif isinstance(loss, list | tuple):
        place = choice.place(len(loss))
        loss = None if place is None else loss[place]
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__ if loss is not None else "")
    from_logits = bool(loss.get_config().get("from_logits")) if hasattr(loss, "get_config") else False
    return name.replace("_", "").lower(), from_logits


@dataclass(frozen=True)
class LastLayer:
    """The layer that makes the explained output.

    Attributes:
        layer: the layer; None where there is none.
        certain: whether the model's graph says so. In a subclassed model, it is the layer that was made last, which may be another.
    """

    layer: Any
    certain: bool


def output_layer(model: Any, place: int | None) -> LastLayer:
    """The layer that makes an output of a model; in nested models, the innermost one. place: the number of the output; None for no output of its own."""
    if place is None:
        return LastLayer(None, certain=False)
    layer, certain = model, True
    while getattr(layer, "layers", None):
        outputs = list(getattr(layer, "outputs", None) or [])
        output = outputs[place] if place < len(outputs) else None
        makers = [inner for inner in layer.layers if output is not None and getattr(inner, "output", None) is output]
        certain = certain and bool(makers)
        layer, place = (makers[-1] if makers else layer.layers[-1]), 0
    return LastLayer(layer, certain)


class LabelReader:
    """Turns labels into one column per class, 1 for the class that the model names and 0 for the others.

    Args:
        model: the model; its classes are those of `classes_of`, where these are known.
        probes: the probes; else their class names are the classes, else the numbers up to their largest label.

    Raises:
        ValueError: nothing tells which classes there are; or, when called, the model returned a label that is none of them.
    """

    def __init__(self, model: Any, probes: ProbeSet) -> None:
        classes = classes_of(model)
        self._names = probes.class_names
        if classes is not None:
            self._classes = classes
        elif probes.class_names is not None:
            self._classes = list(range(len(probes.class_names)))
        elif probes.labels is not None:
            self._classes = list(range(max(2, int(probes.labels.max()) + 1)))
        else:
            raise ValueError("head is 'labels', and nothing tells how many classes there are; give the probes class_names=.")

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """float32 (n, classes) from labels (n,) or (n, 1): class numbers or names."""
        labels = np.asarray(outputs).reshape(len(outputs), -1)
        if labels.shape[1] != 1:
            raise ValueError(
                f"the model returns {labels.shape[1]} columns, and head is 'labels'; labels are one number or name per probe; give another head=."
            )
        place_of = {value: place for place, value in enumerate(self._classes)}
        if self._names and len(self._names) == len(self._classes):
            place_of |= {name: place for place, name in enumerate(self._names)}
        rows = np.zeros((len(labels), len(self._classes)), dtype=np.float32)
        for row, label in enumerate(labels[:, 0].tolist()):
            label = int(label) if isinstance(label, float) and label.is_integer() else label
            if label not in place_of:
                raise ValueError(
                    f"the model returned the label {label!r}, which is not among {self._classes[:20]}; give class_names= with every class."
                )
            rows[row, place_of[label]] = 1
        return rows
