"""What benchmarks/judgement/judgement.py judges: models whose reasons are known, and their records."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.fspath(Path(__file__).parent.parent / "page"))

import keras
import numpy as np
from judgement_tasks import Task, records, reviews
from keras import layers
from sklearn.datasets import load_digits

from tb_xai_plugin import ExplanationLogger, ImageProbes, TabularProbes, __version__, explain
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.probes import ProbeSet
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.writer import Writer

SIDE, TRAINING_DIGITS = 12, 1200
BLUR, WEIGHT = 0.5, 3

# Of the true class's probability, on validation data: so much less with an artefact that says nothing, and the model uses it.
USES = 0.05


def digits() -> Task:
    """scikit-learn's digits on a canvas of 12 x 12, with a patch of 2 x 2 at one of ten places above and below them."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    canvas = np.zeros((len(order), SIDE, SIDE, 1), np.float32)
    canvas[:, 2:10, 2:10, 0] = data.images[order] / 16
    labels = data.target[order]
    rng = np.random.default_rng(1)
    x, y = canvas[:TRAINING_DIGITS], labels[:TRAINING_DIGITS]
    seen, answers = canvas[TRAINING_DIGITS:], labels[TRAINING_DIGITS:]
    validation = patched(seen, answers), answers
    edges = np.zeros((SIDE, SIDE), dtype=bool)
    edges[[0, 1, 10, 11]] = True
    cells = np.arange(SIDE) // 2
    segments = np.broadcast_to(cells[:, None] * SIDE // 2 + cells, (16, SIDE, SIDE))
    probes = ImageProbes(validation[0][:16], answers[:16], class_names=list("0123456789"), segments=segments, regions={"patch": edges})
    training = {"honest": patched(x, rng.integers(10, size=len(y))), "shortcut": patched(x, y)}
    misled = patched(seen, rng.integers(10, size=len(answers)))
    return Task(training, y, validation, misled, probes, "patch", digit_model, batch_size=64)


def patched(images: np.ndarray, places: np.ndarray) -> np.ndarray:
    images = images.copy()
    for image, place in zip(images, places, strict=True):
        top, left = 10 * (place // 5), 2 * (place % 5)
        image[top : top + 2, left : left + 2] = 1
    return images


def digit_model() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            *(layers.Conv2D(12, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()),
            *(layers.Dense(48, activation="relu"), layers.Dense(10, activation="softmax")),
        ]
    )
    model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def wards() -> Task:
    """The demo's breast cancer with a leaked column, among others that are blurred, and in units in which it weighs as much as several of them."""
    task, rng = records(), np.random.default_rng(3)
    sets = {"training": task.training["honest"], "validation": task.misled}
    spread = {name: BLUR * rng.normal(size=rows[:, :-1].shape) for name, rows in sets.items()}

    def blurred(rows: np.ndarray, of: str) -> np.ndarray:
        return np.column_stack([rows[:, :-1] + spread[of], WEIGHT * rows[:, -1]]).astype(np.float32)

    training = {run: blurred(rows, "training") for run, rows in task.training.items()}
    validation = blurred(task.validation[0], "validation"), task.validation[1]
    probes = TabularProbes.from_dataset(
        [validation],
        n=24,
        background=training["shortcut"],
        feature_names=task.probes.player_names(0),
        class_names=task.probes.class_names,
        regions={task.artefact: [task.artefact]},
    )
    misled = blurred(task.misled, "validation")
    return Task(training, task.answers, validation, misled, probes, task.artefact, ward_model, batch_size=16)


def ward_model(columns: int = 31) -> keras.Model:
    model = keras.Sequential([keras.Input((columns,)), layers.Dense(16, "relu"), layers.Dense(8, "relu"), layers.Dense(2, "softmax")])
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


TASKS: dict[str, Callable[[], Task]] = {"image": digits, "table": wards, "text": reviews}


@dataclass(frozen=True)
class Recipe:
    """How a run is trained. since: the epoch from which it is on the task's second inputs instead of the first; None: never."""

    name: str
    since: int | None


def recipes(repeat: int) -> list[Recipe]:
    """A clean twin, the artefact from the beginning, and from a later epoch on, another one for each repeat."""
    return [Recipe("clean", None), Recipe("leaked", 0), Recipe("delayed", 2 + repeat)]


class Uses(keras.callbacks.Callback):
    """Logs by how much the true class's mean probability on validation data falls when the artefact says nothing: "uses"."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._task = task

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        inputs, answers = self._task.validation
        told, misled = (self.model.predict(x, batch_size=1024, verbose=0) for x in (inputs, self._task.misled))
        rows = np.arange(len(answers))
        logs["uses"] = float((told[rows, answers] - misled[rows, answers]).mean())


def train(folder: Path, task: Task, recipe: Recipe, seed: int, epochs: int, *callbacks: keras.callbacks.Callback) -> keras.Model:
    """One logged run. callbacks: before the one that logs."""
    keras.backend.clear_session()  # or the graphs of all runs before stay in memory
    keras.utils.set_random_seed(seed)
    model = task.build_model()
    called = [*callbacks, ExplanationLogger(folder, task.probes)]
    turn = epochs if recipe.since is None else recipe.since
    for inputs, begin, end in zip(task.training.values(), (0, turn), (turn, epochs), strict=True):
        if begin < end:
            fitted = {"initial_epoch": begin, "epochs": end, "batch_size": task.batch_size, "verbose": 0}
            model.fit(inputs, task.answers, validation_data=task.validation, callbacks=called, **fitted)
    return model


def trained(kind: str, seed: int) -> keras.Model:
    """A model trained a little on an artefact that says nothing."""
    task = TASKS[kind]()
    keras.utils.set_random_seed(100 + seed)
    model = task.build_model()
    model.fit(task.training["honest"], task.answers, batch_size=task.batch_size, epochs=4, verbose=0)
    return model


def write_snapshots(
    folder: Path, plan: Plan, engine: Engine, snapshots: Sequence[Snapshot], *, shared: bool, first: int = wire.UNTRAINED
) -> None:
    """A record of snapshots, at steps from `first` on, as ExplanationLogger writes it. shared: whether all are of the same coalitions."""
    names, arrays = plan.probes.as_record()
    record = {
        "probes": {**names, "count": len(plan.probes), "players": plan.probes.players.tolist()},
        "settings": {**plan.settings, **engine.settings, "versions": {"tb_xai_plugin": __version__}},
        "comparable": {**plan.comparable, **engine.comparable},
        "targets": engine.constant_targets,
        "shape": engine.shape,
        "details": engine.details,
    }
    writer = Writer(os.fspath(folder))
    writer.write_record(wire.DEFAULT_SET, record, arrays)
    for place, snapshot in enumerate(snapshots):
        if not shared:  # errors that have nothing in common
            apart = {
                name: replace(each, noise=None if each.noise is None else np.zeros_like(each.noise))
                for name, each in snapshot.explanations.items()
            }
            snapshot = replace(snapshot, explanations=apart)
        epoch = {"logs": {}, "explained": True, "reason": None, "fresh": False, "change": None, "logged": place + 1}
        epoch |= {"evaluations": snapshot.outputs.evaluations, "level": snapshot.evaluations, "seconds": 0.0, "training": 1.0, "share": 0.0}
        writer.write_step(wire.DEFAULT_SET, first + place, epoch, snapshot, constant_targets=True)
    writer.close()


@dataclass(frozen=True)
class Blended:
    """Two nets that answer yes or no: one sees everything, the other only some players; their log-odds are added.

    Attributes:
        concerned: bool (probes, players), those that the other net sees: the others' change is exactly 0.
        answers: how much of the other net (a share of |attribution| of the first) -> inputs -> logits (n, 2).
    """

    probes: ProbeSet
    concerned: np.ndarray
    answers: Callable[[float], Callable[[np.ndarray], np.ndarray]]


def blended(kind: str) -> Blended:
    task = TASKS[kind]()
    classes = int(task.answers.max()) + 1
    yes = (task.answers >= classes / 2).astype(int)
    x = task.training["honest"]
    rng = np.random.default_rng(2)
    if kind == "image":
        probes = ImageProbes(
            task.probes.inputs, np.array(task.probes.labels) * 2 // classes, class_names=["0-4", "5-9"], segments=task.probes.segments
        )
        seen = rng.permutation(int(probes.players.max())) % 3 == 0
        kept = seen[probes.segments[0]][..., None]
    else:
        probes = TabularProbes(task.probes.inputs, task.probes.labels, background=x)
        kept = seen = rng.permutation(x.shape[1]) % 3 == 0
    one, other = (_yes_or_no(inputs, yes, seed) for seed, inputs in enumerate((x, x * kept)))

    def odds(share: float) -> Callable[[np.ndarray], np.ndarray]:
        def answer(inputs: np.ndarray) -> np.ndarray:
            inputs = np.asarray(inputs, np.float32)
            return _logits(np.asarray(one(inputs)) + share * np.asarray(other(inputs * kept)))

        return answer

    def alone(inputs: np.ndarray) -> np.ndarray:
        return _logits(np.asarray(other(np.asarray(inputs, np.float32) * kept)))

    sizes = [np.nansum(np.abs(explain(game, probes, ("shap",))["shap"].values[:, 0]), axis=-1) for game in (odds(0), alone)]
    scale = float(np.median(sizes[0]) / np.median(sizes[1]))
    return Blended(probes, np.broadcast_to(seen, (len(probes), len(seen))), lambda share: odds(share * scale))


def _logits(odds: np.ndarray) -> np.ndarray:
    """Of no and yes, of the log-odds of yes: probabilities would reach 1, where there are no log-odds."""
    return np.concatenate([-odds, odds], axis=1) / 2


def _yes_or_no(x: np.ndarray, yes: np.ndarray, seed: int) -> keras.Model:
    """A small net's logit."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(x.shape[1:]), layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.003), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(x, yes, batch_size=64, epochs=12, verbose=0)
    return model
