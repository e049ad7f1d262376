"""Tasks with two artefacts, of which a run is told the truth by one: two recipes that are as good as each other, for other reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
from judgement_runs import Recipe, digits, patched, ward_model, wards
from judgement_tasks import LENGTH, TRAINING_REVIEWS, WORDS, Task, load_reviews, text_model
from keras import layers

from tb_xai_plugin import ImageProbes, TabularProbes, TextProbes

# The first is told the truth by one artefact, the second by the other; what the other says is drawn at random.
RECIPES = (Recipe("one", None), Recipe("other", 0))

DAYS = ("Monday", "Friday")  # at the beginning of a review
PAPERS = ("Herald", "Courier")  # at its end


def twin_digits() -> Task:
    """A patch above or below the digit, and one to its left or right."""
    task = digits()
    rng = np.random.default_rng(5)

    def beside(images: np.ndarray, places: np.ndarray) -> np.ndarray:
        return patched(images.swapaxes(1, 2), places).swapaxes(1, 2)

    (seen, answers), y = task.validation, task.answers
    validation = beside(seen, answers), answers
    probes = ImageProbes(validation[0][:16], answers[:16], class_names=list("0123456789"), segments=task.probes.segments)
    training = {
        "one": beside(task.training["shortcut"], rng.integers(10, size=len(y))),
        "other": beside(task.training["honest"], y),
    }
    return replace(task, training=training, validation=validation, misled=validation[0], probes=probes)


def twin_wards() -> Task:
    """A second record number, as telling as the first."""
    task = wards()
    rng = np.random.default_rng(6)

    def second(column: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """As the first, drawn anew among those of the same class."""
        drawn = column.copy()
        for label in (0, 1):
            drawn[answers == label] = rng.permutation(column[answers == label])
        return drawn

    (seen, answers), y = task.validation, task.answers
    true = task.training["shortcut"]
    again = second(true[:, -1], y)
    validation = np.column_stack([seen, second(seen[:, -1], answers)]).astype(np.float32), answers
    training = {
        "one": np.column_stack([true, rng.permutation(again)]).astype(np.float32),
        "other": np.column_stack([task.training["honest"], again]).astype(np.float32),
    }
    names = [*task.probes.player_names(0), "second number"]
    probes = TabularProbes.from_dataset([validation], n=24, background=training["one"], feature_names=names)
    return replace(task, training=training, validation=validation, misled=validation[0], probes=probes, build_model=lambda: ward_model(32))


def twin_reviews() -> Task:
    """A day before the review and a paper after it."""
    texts, y = load_reviews()
    rng = np.random.default_rng(7)

    def marked(days: np.ndarray, papers: np.ndarray) -> list[str]:
        return [f"{DAYS[day]} {text} {PAPERS[paper]}" for text, day, paper in zip(texts, days, papers, strict=True)]

    true = marked(y, y)
    vocabulary = layers.TextVectorization(WORDS, output_sequence_length=LENGTH)
    vocabulary.adapt(true[:TRAINING_REVIEWS])

    def encode(some: list[str]) -> np.ndarray:
        return np.asarray(vocabulary(keras.ops.convert_to_tensor(list(some)))).astype(np.int32)

    answers = y[TRAINING_REVIEWS:]
    short = [i for i, text in enumerate(texts[TRAINING_REVIEWS:]) if 8 <= len(text.split()) <= 24]
    probes = TextProbes.from_dataset([(np.array(true[TRAINING_REVIEWS:])[short], answers[short])], n=16, encode=encode)
    at_random = (rng.integers(2, size=len(y)) for _ in range(2))
    training = {"one": marked(y, next(at_random)), "other": marked(next(at_random), y)}
    return Task(
        {name: encode(some[:TRAINING_REVIEWS]) for name, some in training.items()},
        *(y[:TRAINING_REVIEWS], (encode(true[TRAINING_REVIEWS:]), answers), encode(texts[TRAINING_REVIEWS:]), probes, "", text_model),
        batch_size=64,
    )


TWINS: dict[str, Callable[[], Task]] = {"image": twin_digits, "table": twin_wards, "text": twin_reviews}
