"""Runs of every kind whose names are as short, as long and as foreign as one likes; written without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import tb_xai_plugin as xai
from tb_xai_plugin.engine.plan import Plan

from .records import FakeRun, Truth

SIDE = 12  # pixels
PROBES = 14
LENGTH = 40  # of a series
LEANING = slice(2, 5)  # probes that lean on the region, where a run does


@dataclass(frozen=True)
class Names:
    """What everything is called. `words`: of a text, and of what is made of words.

    Attributes:
        long: whether a name is made of all words and more, up to 200 characters.
    """

    run: str
    classes: tuple[str, ...]
    words: tuple[str, ...]
    region: str
    metric: str
    long: bool = False

    def feature(self, number: int) -> str:
        if len(self.run) == 1:
            return chr(ord("a") + number)
        name = " ".join(self.words[(number + i) % len(self.words)] for i in range(40 if self.long else 1 + number % 4))
        return f"{name} {number}"[-200:]

    def probe(self, number: int) -> str:
        return self.feature(number) if len(self.run) > 1 else str(number % 10)


LANGUAGES: Mapping[str, Names] = {
    "one": Names("r", ("0", "1", "2"), ("a", "I", "o"), "x", "auc"),
    "english": Names(
        "baseline/lr0.01",
        ("died in the first year", "survived the first year", "was lost to the study"),
        ("the", "water", "temperature", "fell", "again", "below", "its", "average"),
        "corner patch",
        "accuracy",
    ),
    "german": Names(
        "Grundlinie/Lernrate0,01",
        ("Rechtsschutzversicherung", "Donaudampfschifffahrtsgesellschaft", "Übungsgelände"),
        ("Wärmedämmverbundsystem", "und", "Geschwindigkeitsbegrenzung", "über", "Straße", "für", "Lebensmittelüberwachung"),
        "Wasserzeichen in der Ecke links oben",
        "Genauigkeit",
    ),
    "chinese": Names(
        "基线/学习率零点零一",
        ("猫科动物", "狗", "交通信号灯的红灯"),
        ("水温", "再次", "低于", "平均值", "图像", "左上角的水印"),
        "左上角水印",
        "准确率",
    ),
    "arabic": Names(
        "التجربة الأولى",
        ("قطة صغيرة", "كلب", "إشارة المرور الحمراء"),
        ("درجة", "حرارة", "الماء", "انخفضت", "مرة", "أخرى", "دون", "المتوسط"),
        "العلامة في الزاوية",
        "الدقة",
    ),
    "long": Names(
        ("a name of two hundred characters that nobody wanted and that somebody's script made anyway, " * 3)[:198],
        tuple(f"{letter}{(' class of a hierarchy whose every level is part of what it is called' * 3)[:199]}" for letter in "abc"),
        ("incomprehensibly", "long", "words", "that", "go", "on"),
        ("region in the upper left corner where a scanner of one of the hospitals leaves its mark " * 3)[:200],
        ("mean_average_precision_over_all_thresholds_and_sizes_" * 4)[:200],
        long=True,
    ),
}


@dataclass
class NamedRun(FakeRun):
    """A run of random numbers whose probes have names in a language.

    Attributes:
        kind: "image", "tabular", "text" or "sequence".
        series: of its losses, one of SERIES.
        leans_from: the epoch from which a few probes have nearly all of their attribution on player 0, which is in the region; None for never.
    """

    kind: str = "image"
    names: Names = LANGUAGES["english"]
    series: str = "plain"
    leans_from: int | None = None
    measures: tuple[str, ...] = ("additive_r2", "efficiency_gap")

    def __post_init__(self) -> None:
        self.probes = MAKERS[self.kind](self.names)
        self.players = self.probes.players.tolist()
        least = {"evaluations": "auto", "output": "log-odds", "classes": "auto", "seed": 0, "batch_size": "auto"}
        self.plan = Plan(self.probes, self.explainers, **least)
        self.rng = np.random.default_rng(self.seed)
        self.classes = len(self.names.classes)
        self.targets = self.classes
        self.constant_targets = list(range(self.classes))

    def _made(self, step: int, logs: Mapping[str, float] | None, silent: Sequence[int]) -> Truth:
        if logs is None and step >= 0:
            losses = SERIES[self.series]
            loss, score = losses[step % len(losses)], 1 - 0.5 / (step + 1)
            logs = {"loss": loss, "val_loss": loss * 1.0000001, self.names.metric: score, f"val_{self.names.metric}": score - 0.1}
        made = super()._made(step, logs, silent)
        if self.leans_from is not None and step >= self.leans_from:
            for values, errors in zip(made.values.values(), made.errors.values(), strict=True):
                errors[LEANING] *= np.float32(0.01)
                values[LEANING, :, 1:] *= np.float32(0.01)
                values[LEANING, :, 0] = 10
        return made


def _labels(names: Names) -> np.ndarray:
    return np.arange(PROBES) % len(names.classes)


def _image(names: Names) -> xai.ImageProbes:
    rng = np.random.default_rng(3)
    corner = np.zeros((SIDE, SIDE), dtype=bool)
    corner[:4, :4] = True
    images = rng.integers(0, 256, (PROBES, SIDE, SIDE)).astype(np.uint8)
    images[:, 0, 0] = 255
    return xai.ImageProbes(
        images, _labels(names), class_names=list(names.classes), segments="grid", baseline=0, regions={names.region: corner}
    )


def _tabular(names: Names) -> xai.TabularProbes:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(PROBES, 12)).astype(np.float32) * 10.0 ** np.arange(-6, 18, 2)
    features = [names.feature(number) for number in range(12)]
    return xai.TabularProbes(
        rows.astype(np.float32),
        _labels(names),
        background=rows,
        feature_names=features,
        class_names=list(names.classes),
        names=[names.probe(number) for number in range(PROBES)],
        regions={names.region: features[:2]},
    )


def _text(names: Names) -> xai.TextProbes:
    rng = np.random.default_rng(3)
    lengths = [2, 5, 12, 40, 120, *rng.integers(3, 30, PROBES - 5)]
    texts = [" ".join(names.words[i % len(names.words)] for i in range(length)) for length in lengths]
    return xai.TextProbes(
        texts,
        _labels(names),
        encode=lambda given: np.zeros((len(given), 1), np.float32),
        class_names=list(names.classes),
        regions={names.region: [names.words[0]]},
    )


def _sequence(names: Names) -> xai.SequenceProbes:
    rng = np.random.default_rng(3)
    return xai.SequenceProbes(
        rng.normal(size=(PROBES, LENGTH, 2)).astype(np.float32),
        _labels(names),
        class_names=list(names.classes),
        channel_names=[names.words[0], names.words[1]],
        segments=10,
        regions={names.region: [0, 8]},
    )


MAKERS = {"image": _image, "tabular": _tabular, "text": _text, "sequence": _sequence}

# Losses that an axis has to have room for.
SERIES: Mapping[str, Sequence[float]] = {
    "plain": [1 / (epoch + 1) for epoch in range(14)],
    "tiny": [3e-8 / (epoch + 1) for epoch in range(14)],
    "huge": [5e10 / (epoch + 1) for epoch in range(14)],
    "vast": [4.2e20 / (epoch + 1) for epoch in range(14)],
    "steady": [11.4798 + 0.0005 * (epoch % 3) / 2 for epoch in range(14)],
    "steady large": [1234567.0 + epoch % 3 for epoch in range(14)],
    "negative": [-1234.5 - 100 * epoch for epoch in range(14)],
    "negative tiny": [-3e-5 / (epoch + 1) for epoch in range(14)],
}


def write_pair(folder: Path, kind: str, names: Names, epochs: int = 14, series: str = "plain") -> None:
    """Two runs that can be compared, of which the second leans on the region in a few probes, and a third that is not shown."""
    for number, (suffix, leans_from) in enumerate(((" A", None), (" B", epochs - 4), (" seed3", None))):
        run = NamedRun(folder / (names.run + suffix), kind=kind, names=names, seed=number, series=series, leans_from=leans_from)
        run.write(range(-1, epochs))
