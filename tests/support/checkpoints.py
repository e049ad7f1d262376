"""Checkpoints without Keras: files of weights, and what makes a callable of one. A file beside one kills the worker that comes to it first."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

import tb_xai_plugin as xai

SIDE, CLASSES = 4, 3
STEPS = 5

# Three blocks: two of 64, and a smaller one.
PROBES = xai.ImageProbes(
    np.random.default_rng(0).random((150, SIDE, SIDE), dtype=np.float32),
    np.arange(150) % CLASSES,
    segments="grid",
    regions={"corner": np.arange(SIDE * SIDE).reshape(SIDE, SIDE) < 2},
)
OPTIONS: dict[str, Any] = {"evaluations": 66, "block": 64, "head": "probabilities"}


def written(folder: Path, count: int = STEPS) -> dict[int, Path]:
    """{step: file} of weights that differ from step to step; the first is of the untrained model."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {step: folder / f"epoch-{step + 1}.npz" for step in range(-1, count - 1)}
    for step, path in paths.items():
        np.savez(path, kernel=np.random.default_rng(step + 1).normal(size=(SIDE * SIDE, CLASSES)))
    return paths


class Linear:
    """A softmax of a linear function of the pixels."""

    def __init__(self, kernel: np.ndarray) -> None:
        self.kernel = kernel

    def __call__(self, images: np.ndarray) -> np.ndarray:
        logits = np.asarray(images, dtype=np.float64).reshape(len(images), -1) @ self.kernel
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))


def build(path: str) -> Linear:
    """The model of a file of weights; it ends the process, once, where there is a file with the ending .kill."""
    if os.path.exists(poison := f"{path}.kill"):
        os.remove(poison)
        os.kill(os.getpid(), signal.SIGKILL)
    with np.load(path) as weights:
        return Linear(weights["kernel"])


def poisoned(path: Path) -> None:
    """Let the first worker that loads a checkpoint die."""
    Path(f"{path}.kill").touch()


def events_of(log_dir: Path) -> list[tuple[int, str, bytes]]:
    """(step, tag, content) of everything in a record, by TensorBoard's own reader: the bytes of every array, and the JSON.

    Without what is no content: times, and the versions of packages, which are known of those that this process imported.
    """
    found: list[tuple[int, str, bytes]] = []
    for file in sorted((log_dir / "xai").glob("*tfevents*")):
        for event in EventFileLoader(str(file)).Load():
            found += [(event.step, value.tag, _content(value)) for value in event.summary.value]
    return found


def _content(value: Any) -> bytes:
    if not value.tag.endswith(("/epoch", "/record")):
        return bytes(value.tensor.SerializeToString(deterministic=True))
    known = json.loads(value.tensor.string_val[0])
    known.get("settings", {}).pop("versions", None)
    return json.dumps({name: part for name, part in known.items() if name not in ("seconds", "share", "training", "logs")}).encode()


def steps_written(log_dir: Path) -> Counter[int]:
    """How often each step was written."""
    return Counter(step for step, tag, _ in events_of(log_dir) if tag.endswith("/epoch"))
