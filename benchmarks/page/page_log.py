"""Writes a log directory of any size, as ExplanationLogger would, without training: what the page and the server are measured on.

    python benchmarks/page/page_log.py FOLDER                                    20 runs x 200 epochs x 32 probes x 2 methods x 10 classes x 49 players
    python benchmarks/page/page_log.py FOLDER --runs 1 --epochs 1000

Attributions settle over the epochs as those of real models do: early ones move a lot, later ones little. The runs are seeds of two recipes in turn,
"a-seed0", "b-seed0", "a-seed1", …, so that any two are judged beside repeats; b leans on the corner.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tb_xai_plugin import ImageProbes, __version__
from tb_xai_plugin.engine.explanation import Explanation
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import ModelOutputs, Snapshot
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.writer import Writer

EXPLAINERS = ("lime", "shap")
MEASURES = {"lime": "unseen_r2", "shap": "additive_r2"}
PIXELS_A_SEGMENT = 4


def blobs(count: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """Grey pictures of a few soft spots: uint8 (count, side, side)."""
    y, x = np.mgrid[:side, :side] / side
    images = np.zeros((count, side, side))
    for image in images:
        for centre_y, centre_x, width in rng.uniform((0.2, 0.2, 0.06), (0.8, 0.8, 0.16), (4, 3)):
            image += np.exp(-((y - centre_y) ** 2 + (x - centre_x) ** 2) / (2 * width**2))
    return (255 * images / images.max(axis=(1, 2), keepdims=True)).astype(np.uint8)


def make_probes(count: int, classes: int, grid: int, seed: int = 0) -> ImageProbes:
    rng = np.random.default_rng(seed)
    side = grid * PIXELS_A_SEGMENT
    labels = np.arange(side) // PIXELS_A_SEGMENT
    corner = np.zeros((side, side), dtype=bool)
    corner[:PIXELS_A_SEGMENT, :PIXELS_A_SEGMENT] = True
    return ImageProbes(
        blobs(count, side, rng),
        rng.integers(0, classes, count),
        class_names=[f"class {number}" for number in range(classes)],
        segments=np.broadcast_to(labels[:, None] * grid + labels, (count, side, side)),
        baseline=0,
        regions={"corner": corner},
    )


def write_run(log_dir: Path, probes: ImageProbes, classes: int, epochs: int, *, leans: bool, seed: int) -> None:
    """One run of `epochs` epochs and the untrained model. classes: all are explained up to 10, above that 10 of them."""
    rng = np.random.default_rng(seed)
    plan = Plan(probes, EXPLAINERS, evaluations="auto", output="log-odds", classes="auto", seed=0, batch_size="auto")
    count, players, targets = len(probes), int(probes.players.max()), min(classes, 10)
    explained = np.tile(np.arange(targets), (count, 1))
    if classes > targets:  # the true class, and others
        explained = (np.asarray(probes.labels)[:, None] + np.arange(targets)) % classes
    explained = explained.astype(np.int32)
    changing = classes > targets
    names, arrays = probes.as_record()
    record = {
        "probes": {**names, "count": count, "players": probes.players.tolist()},
        "settings": {
            **plan.settings,
            "head": "softmax",
            "clipped": False,
            "unit": "log-odds",
            "regression": False,
            "number_of_classes": classes,
            "versions": {"tb_xai_plugin": __version__},
        },
        "comparable": {**plan.comparable, "unit": "log-odds", "answers": f"{classes} classes"},
        "targets": None if changing else list(range(classes)),
        "shape": {"probes": count, "targets": targets, "players": players, "classes": classes},
        "details": {name: {"fidelity": [MEASURES[name]], "sketched": True, "interacting": False} for name in EXPLAINERS},
    }
    writer = Writer(str(log_dir))
    writer.write_record(wire.DEFAULT_SET, record, arrays)
    final = rng.standard_normal((count, targets, players)) ** 3 / 4
    if leans:
        final[..., 0] += 3
    early = rng.standard_normal((count, targets, players)) / 4
    for step in range(-1, epochs):
        share = 1 - np.exp(-(step + 1) / 6)
        wander = rng.standard_normal((count, targets, players)) * (0.02 + 0.3 * np.exp(-(step + 1) / 4))
        logits = rng.standard_normal((count, classes)) * 0.2
        logits[np.arange(count), np.asarray(probes.labels)] += 6 * share
        full = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        empty = np.full_like(full, 1 / classes)
        explanations = {}
        for name in EXPLAINERS:
            values = (share * final + (1 - share) * early + wander).astype(np.float32)
            explanations[name] = Explanation(
                *(values, np.full_like(values, 0.04), np.zeros((count, targets), np.float32)),
                *(np.take_along_axis(full, explained, axis=1).astype(np.float32), explained, probes),
                fidelity={MEASURES[name]: np.full((count, targets), 0.8 * share + 0.1, np.float32)},
                noise=rng.standard_normal((count, targets, wire.SKETCH)),
            )
        # The untrained model has no loss.
        logs = {
            "loss": 2.3 * np.exp(-step / 8),
            "val_loss": 2.4 * np.exp(-step / 9) + 0.1,
            "accuracy": 0.98 * share,
            "val_accuracy": 0.96 * share,
        }
        epoch = {
            "logs": {} if step < 0 else {key: float(value) for key, value in logs.items()},
            "explained": True,
            "reason": None,
            "fresh": False,
            "evaluations": plan.evaluations * count,
            "level": plan.evaluations,
            "change": None,
            "seconds": 0.4,
            "training": 12.0,
            "share": 0.03,
            "logged": step + 2,
        }
        outputs = ModelOutputs([], explained, full.astype(np.float32), empty.astype(np.float32), plan.evaluations, None)
        writer.write_step(wire.DEFAULT_SET, step, epoch, Snapshot(explanations, outputs, plan.evaluations), constant_targets=not changing)
    writer.close()


def write_log(folder: Path, *, runs: int, epochs: int, probes: int, classes: int, grid: int) -> None:
    made = make_probes(probes, classes, grid)
    for number in range(runs):
        seed, recipe = divmod(number, 2)
        write_run(folder / f"{'ab'[recipe]}-seed{seed}", made, classes, epochs, leans=recipe == 1, seed=number)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    for option, default in {"runs": 20, "epochs": 200, "probes": 32, "classes": 10, "grid": 7}.items():
        parser.add_argument(f"--{option}", type=int, default=default)
    asked = parser.parse_args()
    write_log(asked.folder, **{name: getattr(asked, name) for name in ("runs", "epochs", "probes", "classes", "grid")})
