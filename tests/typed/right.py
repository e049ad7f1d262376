"""Right uses of the package: a type checker has nothing to say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

import tb_xai_plugin as xai


class Tensor:
    """An array of another framework."""

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return np.zeros((2, 8, 8))


images = np.zeros((4, 8, 8, 3), dtype=np.uint8)
mask = np.ones((8, 8), dtype=bool)
nested: list[list[list[float]]] = [[[0.0, 1.0], [1.0, 0.0]]]

xai.ImageProbes(images)
xai.ImageProbes(Tensor(), labels=Tensor(), baseline=Tensor(), regions={"all": Tensor()})
xai.ImageProbes([[[0, 1], [1, 0]]], [1], names=["one"], segments=[[0, 1], [1, 0]], baseline=[[0, 0], [0, 0]])
xai.ImageProbes(nested, np.array([1]), class_names=("cat", "dog"), baseline="blur", regions={"left": [[True, False], [True, False]]})
xai.ImageProbes([image / 255 for image in images], ["dog"] * 4, class_names=np.array(["cat", "dog"]), baseline=0.5, segments="grid")
xai.ImageProbes(images, pd.Series([0, 1, 1, 0]), class_names={0: "cat", 1: "dog"}, regions={"left": mask}, display=images)
xai.ImageProbes(images, display=lambda inputs: inputs / 255, segments=lambda image: np.zeros(image.shape[:2], dtype=int))
xai.ImageProbes(images, [[0.0, 1.0]] * 4, model_input=lambda batch: {"image": batch, "size": np.zeros(len(batch))})
xai.ImageProbes(
    [images, images], [0, 1, 1, 0], segments="parts", baseline=[0, "mean"], regions={"left": [mask, None]}, display=lambda pair: pair[::-1]
)
xai.ImageProbes((images, Tensor()), segments=[np.eye(8, dtype=int), mask])
xai.ImageProbes({"left": images, "right": Tensor()}, baseline={"left": 0.5}, regions={"patch": {"left": mask}})
xai.ImageProbes.from_dataset([(images[0], 1)], n=1, class_names=["cat", "dog"])
xai.ImageProbes.from_dataset((images, np.zeros(4)), n=1)

frame = pd.DataFrame({"age": [20.0, 30.0], "colour": ["red", "blue"]})
by_name: dict[str, list[str]] = {"colour": ["red", "blue"]}
by_number: dict[int, list[str]] = {1: ["red", "blue"]}
by_either: dict[str | int, list[str]] = {"feature 0": ["red", "blue"], 1: ["a", "b"]}

xai.TabularProbes(frame, frame["age"], background=frame, categorical=by_name, groups={"all": ["age", 1]})
xai.TabularProbes(frame, background=frame, categorical={"colour": frame["colour"].unique()}, missing="baseline")
xai.TabularProbes(np.eye(3), [0, 1, 2], background=np.eye(3), categorical=by_number, display=np.eye(3))
xai.TabularProbes([[1.0, None], [2, 3]], background=[[1, 2], [3, 4]], categorical=by_either)
xai.TabularProbes([np.zeros(3)], background=Tensor(), regions={"some": np.array([0, 1]), "one": "age"}, display=lambda rows: rows * 2)
xai.TabularProbes(np.eye(3), background=np.eye(3), model_input=lambda rows: pd.DataFrame(rows))


def encode(texts: list[str]) -> np.ndarray:
    return np.zeros((len(texts), 5))


xai.TextProbes(["a good film", "a bad film"], [1, 0], encode=encode, tokenize=str.split, mask_token="[MASK]")
xai.TextProbes(np.array(["a good film"]), regions={"praise": ["good"], "blame": {"bad"}}, class_names=["bad", "good"])
xai.TextProbes(["One. Two."], tokenize="sentences")
xai.TextProbes(frame["colour"], pd.Series([1, 0]), tokenize=lambda text: iter(text.split()))

series = np.zeros((4, 20, 2))

xai.SequenceProbes(series, regions={"start": [0, 5], "all": np.ones(20, dtype=bool)}, channel_names=["x", "y"], segments=5)
xai.SequenceProbes(series.tolist(), baseline="segment-mean", segments=np.arange(20))
xai.SequenceProbes(pd.DataFrame(np.eye(20)), np.linspace(0, 1, 20), baseline=[0.0] * 20, display=lambda values: values * 9.81)
xai.SequenceProbes([series, series], baseline=[0, "mean"])
xai.SequenceProbes({"left": series, "right": series}, baseline={"left": 0.5})
xai.SequenceProbes([[0.0, 1.0, 2.0]], segments=lambda one: [0, 1, 1])


def model(batch: np.ndarray) -> np.ndarray:
    return np.zeros((len(batch), 2))


def untyped(batch):  # type: ignore[no-untyped-def]
    return batch


class Network:
    """Called as Keras's models are."""

    def __call__(self, inputs: object, training: bool = False, *, masks: object = None) -> object:
        return inputs


probes = xai.ImageProbes(images)
models: list[Callable[[np.ndarray], np.ndarray]] = [model]
explained = xai.explain(model, probes, ["lime", xai.KernelShap()], classes=[0, 1])
xai.explain(models[0], probes, "shap", evaluations=512)
xai.explain(Network(), probes, xai.Custom("own", lambda model, probes: np.zeros((4, 16))))
xai.explain(untyped, probes)
strongest: np.ndarray = explained["lime"].values.argmax(axis=-1)
xai.ExplanationLogger("logs", {"images": probes, "rows": xai.TabularProbes(frame, background=frame)}, every=lambda epoch: epoch % 2 == 0)
xai.ExplanationLogger(
    "logs", probes, model=lambda gan: gan.discriminator, model_output=lambda outputs, inputs: outputs - inputs, head="regression"
)
xai.ExplanationLogger("logs", {"a": probes, "b": probes}, model_output={"a": "first", "b": 1}, head={"b": "logits"})
xai.explain(model, xai.ImageProbes(images, side_inputs={"meta": np.zeros((4, 3)), "image": None}), model_output=0)
xai.explain(model, xai.TabularProbes(np.eye(3), background=np.eye(3), side_inputs=[None, np.zeros((3, 8, 8))]), head="labels")
