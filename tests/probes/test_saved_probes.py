"""Files of probes: what comes back is what was saved, and what a file can't hold is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tb_xai_plugin as xai
from tb_xai_plugin.probes.files import complete

RNG = np.random.default_rng(0)
IMAGES, CLASSES = RNG.random((6, 12, 12, 3)), np.arange(6) % 3
FRAME = pd.DataFrame(1 + RNG.random((20, 3)), columns=["age", "debt", "income"]).mask(RNG.random((20, 3)) < 0.1)

MADE: dict[str, Any] = {
    "images": xai.ImageProbes(IMAGES, CLASSES, class_names=list("abc"), names=list("uvwxyz"), regions={"diagonal": np.eye(12) > 0}),
    "montages": xai.ImageProbes([IMAGES, IMAGES[:, :8, :8]], np.eye(3)[CLASSES]),
    "a regression with side inputs": xai.ImageProbes(
        IMAGES.astype("f4"), RNG.random((6, 2)), unit="m", side_inputs={"meta": RNG.random((6, 2)), "words": ["a"] * 6}
    ),
    "rows": xai.TabularProbes(
        RNG.random((5, 4)),
        list("abaab"),
        background=RNG.random((40, 4)),
        groups={"g": ["a", "b"]},
        feature_names=list("abcd"),
        summary="kmeans",
        references=9,
    ),
    "a frame with missing values": xai.TabularProbes(FRAME[:5], [0.5, 1.5, 2, 3, 4], background=FRAME, missing="baseline"),
    "a large background": xai.TabularProbes(RNG.random((3, 200)), background=RNG.random((2000, 200))),
    "series": xai.SequenceProbes(RNG.random((5, 30)), CLASSES[:5], segments=6, regions={"early": [0, 10]}),
    "texts": xai.TextProbes(["a good film", "bad \0 plot"], [[1, 1, 0], [0, 0, 0]], mask_token="[UNK]", regions={"praise": ["good"]}),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_loaded_is_what_was_saved(name: str, tmp_path: Path) -> None:
    probes = MADE[name]
    probes.save(tmp_path / "probes.npz")
    for loaded in (xai.load_probes(tmp_path / "probes.npz"), type(probes).load(tmp_path / "probes.npz")):
        assert type(loaded) is type(probes)
        assert loaded.parts == probes.parts
        (names, arrays), (expected, recorded) = loaded.as_record(), probes.as_record()
        assert names == expected
        assert arrays.keys() == recorded.keys()
        for array, values in recorded.items():
            np.testing.assert_array_equal(arrays[array], values)
    assert [path.name for path in tmp_path.iterdir()] == ["probes.npz"]


@pytest.mark.parametrize("name", ["images", "rows", "a frame with missing values", "a large background", "series"])
def test_explanations_of_loaded_probes_are_equal(name: str, tmp_path: Path) -> None:
    """Of a function of the sum, by every method that looks at the background or at neighbours."""
    probes = MADE[name]
    probes.save(tmp_path / "probes.npz")

    def model(batch: Any) -> np.ndarray:
        total = np.asarray(batch, dtype=np.float32).reshape(len(batch), -1).sum(axis=1, dtype=np.float64)
        return np.stack([total, -total, 0 * total], axis=1)

    options: dict[str, Any] = {"evaluations": 802, "head": "logits", "explainers": ("lime", "shap")}
    if name == "a frame with missing values":
        model, options = (
            (lambda batch: np.asarray(batch, dtype=np.float32).sum(axis=1, dtype=np.float64)),
            {**options, "head": "regression"},
        )
    elif name == "rows":
        pair = model
        model = lambda batch: pair(batch)[:, :2]  # noqa: E731
        model.classes_ = ["a", "b"]  # type: ignore[attr-defined]
    expected, explained = xai.explain(model, probes, **options), xai.explain(model, xai.load_probes(tmp_path / "probes.npz"), **options)
    for explainer, explanation in expected.items():
        np.testing.assert_allclose(explained[explainer].values, explanation.values, rtol=1e-5, atol=1e-5)


def test_labels_that_are_words_come_back_as_words(tmp_path: Path) -> None:
    MADE["rows"].save(tmp_path / "probes.npz")
    assert xai.load_probes(tmp_path / "probes.npz").label_words == tuple("abaab")


@pytest.mark.parametrize(
    ("probes", "sentence"),
    [
        (xai.TextProbes(["a b"], encode=len), "TextProbes: encode is a function, and a file of probes holds none; put it into the model"),
        (xai.ImageProbes(IMAGES, model_input=len), "ImageProbes: model_input is a function"),
        (
            xai.TabularProbes(pd.DataFrame({"w": ["x", "y"], "n": [1, 2]}), background=pd.DataFrame({"w": ["x", "y"], "n": [1, 2]})),
            "'w' is a column of words",
        ),
    ],
)
def test_functions_and_words_are_refused_and_no_file_is_left(probes: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=sentence):
        probes.save(tmp_path / "probes.npz")
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    MADE["series"].save(tmp_path / "probes.npz")
    with pytest.raises(TypeError, match=r"ImageProbes: .* has probes of kind 'sequence'; load them with load_probes"):
        xai.ImageProbes.load(tmp_path / "probes.npz")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        xai.load_probes(tmp_path / "none.npz")
    whole = (tmp_path / "probes.npz").read_bytes()
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    np.savez(tmp_path / "objects.npz", a=np.array([print], dtype=object))
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.npz").write_text("no archive")
    for name in ("arrays", "objects", "half", "text"):
        with pytest.raises(ValueError, match=rf"{name}\.npz' is no file of probes, or is damaged; write one with probes\.save"):
            xai.load_probes(tmp_path / f"{name}.npz")


def test_a_file_of_a_later_version_and_one_that_was_changed_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "probes.npz"
    MADE["series"].save(path)
    with np.load(path) as archive:
        entries = {name: archive[name] for name in archive.files}
    header = json.loads(entries["probes.json"].tobytes())
    later = np.frombuffer(json.dumps({**header, "version": 2}).encode(), dtype=np.uint8)
    np.savez(path, **{**entries, "probes.json": later})
    with pytest.raises(ValueError, match="version 2, and this program reads version 1; update tb_xai_plugin"):
        xai.load_probes(path)
    np.savez(path, **{**entries, "record/inputs": entries["record/inputs"] + 1})
    with pytest.raises(ValueError, match="is damaged: its probes are not those that were saved"):
        xai.load_probes(path)


def test_a_file_that_is_there_stays_whole_where_writing_is_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("whole")
    with pytest.raises(TypeError), complete("export", path) as part, open(part, "w") as file:
        file.writelines(["ha", 1])
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("report.md", "whole")]
    with complete("export", os.devnull) as part:  # a device is no file that another could replace
        assert part == os.devnull
