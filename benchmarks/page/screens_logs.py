"""The log directories that benchmarks/page/screens.py photographs: short real trainings, and records that nobody trains on purpose.

python benchmarks/page/screens_logs.py FOLDER [name …]       writes FOLDER/<name> and says each name when it is there
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
import page_log
from support.kinds import logged, tabular
from support.records import FakeRun

import demo_training
import tb_xai_plugin as xai
from demo_training import Task
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.writer import Writer

DIGITS = 4000  # that one epoch is of: the demo's own, each once
SOME = 1000  # where only the page's state matters
GAP = (3, 4)  # epochs at which the model answers NaN

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
LONG = ("a name of two hundred characters that nobody wanted and that somebody's script made anyway, " * 3)[:200]
EMOJI = "🦊 fox 👩‍👩‍👧‍👦 & 🏳️‍🌈 hen 🐔"
RIGHT_TO_LEFT = "ריצה ראשונה — التجربة الأولى (v2)"
HOSTILE = (MARKUP, LONG, EMOJI, RIGHT_TO_LEFT)


def fit(log_dir: Path, task: Task, x: np.ndarray, epochs: int, probes: Any = None, *, gap: Iterable[int] = (), **options: Any) -> None:
    """One run of a demo's task on the inputs given, logged as the demo does. gap: epochs that the model has no numbers in when explained."""
    keras.utils.set_random_seed(0)
    model = task.build_model()
    kept: list[np.ndarray] = []

    def break_model(epoch: int, logs: Mapping[str, float]) -> None:
        if epoch in gap:
            kept[:] = model.get_weights()
            model.set_weights([np.full_like(weight, np.nan) for weight in kept])

    def mend_model(epoch: int, logs: Mapping[str, float]) -> None:
        if epoch in gap:
            model.set_weights(kept)

    model.fit(
        x,
        task.answers[: len(x)],
        batch_size=min(task.batch_size, 128),
        epochs=epochs,
        validation_data=task.validation,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=break_model),
            xai.ExplanationLogger(log_dir, task.probes if probes is None else probes, **options),
            keras.callbacks.LambdaCallback(on_epoch_end=mend_model),
        ],
    )


def demo(data: str, epochs: int, inputs: int | None = None) -> Callable[[Path], None]:
    """Both runs of `make demo`, on the first inputs only."""

    def write(folder: Path) -> None:
        task = demo_training.TASKS[data]()
        for run, x in task.training.items():
            fit(folder / run, task, x[:inputs], epochs)

    return write


def some_digits(**options: Any) -> Callable[[Path], None]:
    """One run on a few digits, logged with the options given."""

    def write(folder: Path) -> None:
        task = demo_training.digits()
        asked = {"epochs": 3, **options}
        count = asked.pop("probes", None)
        probes = None if count is None else image_probes(task, count)
        fit(folder / "shortcut", task, task.training["shortcut"][:SOME], probes=probes, **asked)

    return write


def image_probes(task: Task, count: int, inputs: np.ndarray | None = None, **options: Any) -> xai.ImageProbes:
    """The first of the validation digits, or of other inputs with the same classes."""
    x, y = task.validation
    return xai.ImageProbes((x if inputs is None else inputs)[:count], y[:count], **{"class_names": list("0123456789"), **options})


def series(folder: Path) -> None:
    """A slow or a fast swing somewhere in a noisy signal of two channels; in "artefact" the second channel ends high where it is fast."""
    rng = np.random.default_rng(0)

    def made(count: int, artefact: bool) -> tuple[np.ndarray, np.ndarray]:
        y = rng.integers(2, size=count)
        x = rng.normal(0, 0.4, (count, 100, 2))
        for signal, fast, start in zip(x, y, rng.integers(20, 70, count), strict=True):
            signal[start : start + 20, 0] += 1.5 * np.sin(np.arange(20) / (1.5 if fast else 3))
            if fast and artefact:
                signal[90:, 1] += 1.5
        return x.astype(np.float32), y

    def model() -> keras.Model:
        layers = keras.layers
        built = keras.Sequential(
            [keras.Input((100, 2)), layers.Conv1D(16, 7, activation="relu"), layers.GlobalMaxPool1D(), layers.Dense(2, "softmax")]
        )
        built.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return built

    validation = made(200, True)
    shown = {"class_names": ["slow", "fast"], "channel_names": ["acceleration", "temperature"], "regions": {"end": [90, 100]}}
    probes = xai.SequenceProbes(validation[0][:12], validation[1][:12], **shown)
    for run in ("honest", "artefact"):
        x, y = made(800, run == "artefact")
        fit(folder / run, Task({}, y, validation, x, probes, "end", model, batch_size=32), x, 10)


def probe_sets(folder: Path) -> None:
    """One run with two sets of probes: the patch tells the truth in one, and nothing in the other."""
    task = demo_training.digits()
    sets = {
        "patch tells the truth": image_probes(task, 12),
        "patch at random": image_probes(task, 12, task.misled),
    }
    for run, x in task.training.items():
        fit(folder / run, task, x[:SOME], 4, sets)


def montages(which: str) -> Callable[[Path], None]:
    """A short training of a model of several images: the same digit in both of a pair, a bright square in one of three views, a bag with a 9, a video
    in which a spot moves down.
    """

    def write(folder: Path) -> None:
        rng = np.random.default_rng(0)
        y = rng.integers(2, size=400)
        if which == "pair":
            digits, numbers = demo_training.digits().validation
            first = rng.integers(len(digits), size=400)
            second = np.array([rng.choice(np.flatnonzero((numbers == numbers[one]) == same)) for one, same in zip(first, y, strict=True)])
            given: Any = [digits[first].reshape(-1, 28, 28, 1), digits[second].reshape(-1, 28, 28, 1)]
            names = ["other", "same"]
        elif which == "views":
            given = [rng.random((400, 8, 6, 3)).repeat(8, axis=1).repeat(8, axis=2) * 0.6 for _ in range(3)]
            for probe in np.flatnonzero(y):
                given[probe % 3][probe, 20:36, 12:28] = (1, 0.9, 0.2)
            names = ["plain", "square"]
        elif which == "bag":
            digits, numbers = demo_training.digits().validation
            given = digits.reshape(-1, 28, 28, 1)[rng.choice(np.flatnonzero(numbers != 9), (400, 9))]
            given[np.flatnonzero(y), rng.integers(9, size=y.sum())] = digits.reshape(-1, 28, 28, 1)[
                rng.choice(np.flatnonzero(numbers == 9), y.sum())
            ]
            names = ["no 9", "a 9"]
        else:
            given = np.zeros((400, 12, 32, 32, 1), np.float32)
            rows, columns = np.indices((32, 32))
            for video, down, column in zip(given, y, rng.uniform(8, 24, 400), strict=True):
                for frame, picture in enumerate(video):
                    row = 4 + 2 * frame if down else 26 - 2 * frame
                    picture[..., 0] = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 12)
            given += rng.normal(0, 0.05, given.shape)
            names = ["up", "down"]
        listed = given if isinstance(given, list) else [given]
        inputs = [keras.Input(array.shape[1:]) for array in listed]
        layers = keras.layers
        look = keras.Sequential(
            [layers.Conv2D(8, 5, 2, activation="relu"), layers.Conv2D(16, 3, 2, activation="relu"), layers.Flatten(), layers.Dense(16)]
        )
        seen = [layers.TimeDistributed(look)(one) if len(one.shape) == 5 else look(one) for one in inputs]
        if which == "pair":
            joined = keras.ops.abs(seen[0] - seen[1])
        else:
            joined = (
                layers.Flatten()(seen[0])
                if which == "video"
                else keras.ops.max(seen[0], axis=1)
                if len(seen) == 1
                else layers.Maximum()(seen)
            )
        model = keras.Model(inputs, layers.Dense(2, activation="softmax")(joined))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        some = [array[:8] for array in listed]
        probes = xai.ImageProbes(some if isinstance(given, list) else some[0], y[:8], class_names=names)
        model.fit(given, y, epochs=4, verbose=0, callbacks=[xai.ExplanationLogger(folder / which, probes, on_error="raise")])

    return write


def labels(folder: Path) -> None:
    """Pictures of up to four shapes, of which one, several or none are true; two runs, the second with a poorer net."""
    rng, names = np.random.default_rng(0), ["disc", "bar", "cross", "frame"]
    x, sets = rng.normal(0, 0.08, (600, 24, 24, 1)), rng.random((600, len(names))) < 0.4
    down, across = np.mgrid[:24, :24]
    frame = (np.abs(down - 17.5) <= 4) & (np.abs(across - 17.5) <= 4) & ((np.abs(down - 17.5) > 3) | (np.abs(across - 17.5) > 3))
    cross = ((np.abs(down - 17) <= 1) & (across < 12) & (across > 2)) | ((np.abs(across - 7) <= 1) & (down > 12) & (down < 22))
    shapes = [(down - 6) ** 2 + (across - 6) ** 2 < 16, (down > 1) & (down < 10) & (across > 14) & (across < 19), cross, frame]
    x[..., 0] += 0.9 * np.tensordot(sets, np.array(shapes), axes=1)
    probes = xai.ImageProbes(x[:16], sets[:16], class_names=names, segments="grid")
    for run, width in (("a", 12), ("b", 3)):
        keras.utils.set_random_seed(1)
        hidden = [
            keras.layers.Conv2D(width, 3, activation="relu"),
            keras.layers.MaxPool2D(),
            keras.layers.Conv2D(width, 3, activation="relu"),
        ]
        model = keras.Sequential([keras.Input((24, 24, 1)), *hidden, keras.layers.Flatten(), keras.layers.Dense(4, "sigmoid")])
        model.compile(keras.optimizers.Adam(0.002), "binary_crossentropy", metrics=["binary_accuracy"])
        model.fit(
            x[100:],
            sets[100:],
            validation_data=(x[:100], sets[:100]),
            epochs=5,
            verbose=0,
            callbacks=[xai.ExplanationLogger(folder / run, probes)],
        )


def outputs(folder: Path) -> None:
    """A regression with 20 outputs, some negative, and one of large whole numbers."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 6)).astype(np.float32)
    for run, y in (("many", x @ rng.normal(size=(6, 20))), ("prices", np.round(250000 + 40000 * x[:, :1] + 20000 * x[:, 1:2]))):
        keras.utils.set_random_seed(0)
        layers = [keras.layers.Dense(16, "relu"), keras.layers.Dense(y.shape[1]), keras.layers.Rescaling(y.std(), y.mean())]
        model = keras.Sequential([keras.Input((6,)), *layers])
        model.compile(keras.optimizers.Adam(0.03), "mae")
        probes = xai.TabularProbes(x[:12], y[:12], background=x[:100], feature_names=list("abcdef"))
        model.fit(x, y, epochs=5, verbose=0, callbacks=[xai.ExplanationLogger(folder / run, probes)])


def hostile(folder: Path) -> None:
    """Runs, classes, probes and regions with names that a page may stumble over."""
    task = demo_training.digits()
    edge = np.zeros((28, 28), dtype=bool)
    edge[:4] = True
    named = {
        "class_names": [*HOSTILE, *map(str, range(len(HOSTILE), 10))],
        "names": [*HOSTILE, *(f"probe {number}" for number in range(len(HOSTILE), 12))],
        "regions": dict.fromkeys(HOSTILE, edge),
    }
    _hostile_runs(folder, task, image_probes(task, 12, **named), SOME, epochs=2)


def hostile_table(folder: Path) -> None:
    task = demo_training.records()
    y = task.validation[1]
    features = [*HOSTILE, *task.probes.feature_names[len(HOSTILE) :]]
    named = {"feature_names": features, "class_names": [MARKUP, LONG], "names": [*HOSTILE, *map(str, range(len(HOSTILE), 12))]}
    probes = xai.TabularProbes(task.validation[0][:12], y[:12], background=task.training["honest"], regions={LONG: [MARKUP]}, **named)
    _hostile_runs(folder, task, probes, None, epochs=4)


def _hostile_runs(folder: Path, task: Task, probes: Any, inputs: int | None, epochs: int) -> None:
    """Two trainings, under the four names: a run's name is its folder's. A folder's name has no slash, and at most 255 bytes."""
    names = [name.replace("/", "\u2215") for name in HOSTILE]
    for name, copy, x in zip(names[:2], names[2:], task.training.values(), strict=True):
        fit(folder / name, task, x[:inputs], epochs, probes)
        shutil.copytree(folder / name, folder / copy)


def long(folder: Path) -> None:
    """Two synthetic runs of 1,000 epochs, thin: 6 probes of 16 segments and 3 classes."""
    probes = page_log.make_probes(6, 3, 4)
    for seed, run in enumerate(("honest", "leans")):
        page_log.write_run(folder / run, probes, 3, 1000, leans=run == "leans", seed=seed)


def seeds(folder: Path) -> None:
    """Two synthetic recipes of four runs each, of 12 epochs."""
    probes = page_log.make_probes(8, 3, 6)
    for seed in range(4):
        for recipe in ("honest", "leans"):
            page_log.write_run(folder / f"{recipe}-seed{seed}", probes, 3, 12, leans=recipe == "leans", seed=seed)


def incomparable(folder: Path) -> None:
    task = demo_training.digits()
    x = task.training["honest"][:SOME]
    fit(folder / "reference", task, x, 2)
    fit(folder / "other coalitions", task, x, 1, seed=1)
    fit(folder / "other probes", task, x, 1, image_probes(task, 8))
    logged(tabular(), folder / "a table")


def waiting(folder: Path) -> None:
    """A run that has told what it will explain, and has explained nothing yet."""
    run = FakeRun(folder / "just begun")
    writer = Writer(str(run.log_dir))
    run.write_record(writer)
    writer.close()


def damaged(folder: Path) -> None:
    """A record with an empty description."""
    writer = Writer(str(folder / "damaged"))
    writer._write(0, [(f"{wire.DEFAULT_SET}/record", b"{}")])
    writer.close()


def damaged_beside(folder: Path) -> None:
    damaged(folder)
    FakeRun(folder / "whole").write(range(-1, 3))


LOGS: dict[str, Callable[[Path], None]] = {
    "empty": lambda folder: None,
    "waiting": waiting,
    "damaged": damaged,
    "damaged-beside": damaged_beside,
    "images": demo("image", 10, DIGITS),
    "one-class": some_digits(classes=[3]),
    "one-epoch": some_digits(epochs=1),
    "one-probe": some_digits(probes=1),
    "gap": some_digits(epochs=8, gap=GAP),
    "incomparable": incomparable,
    "hostile": hostile,
    "long": long,
    "seeds": seeds,
    "tables": demo("tabular", 10),
    "hostile-table": hostile_table,
    # The whole demos, as README shows them.
    "demo-images": demo("image", 12),
    "demo-tables": demo("tabular", 12),
    "demo-texts": demo("text", 12),
    "texts": demo("text", 6),
    "series": series,
    "sets": probe_sets,
    **{f"montage-{which}": montages(which) for which in ("pair", "views", "bag", "video")},
    "labels": labels,
    "outputs": outputs,
}


def write(parent: Path, names: Iterable[str]) -> None:
    for name in names:
        folder = parent / name
        if not folder.exists():
            # Whole or not there: a later call takes what it finds.
            unfinished = parent / f"{name}.part"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            LOGS[name](unfinished)
            unfinished.rename(folder)
        print(name, flush=True)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2:] or LOGS)
