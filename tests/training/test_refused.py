"""What does not fit is one sentence at the earliest moment: who, what came, what to do, and the option that solves it by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

import tb_xai_plugin as xai

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(32, 5)).astype(np.float32)
LABELS = (ROWS[:, 0] > 0).astype(int)
TABLE = xai.TabularProbes(ROWS[:4], LABELS[:4], background=ROWS)
IMAGES = RNG.random((8, 6, 6, 1)).astype(np.float32)


def two_heads() -> keras.Model:
    inputs = keras.Input((5,))
    heads = {"kind": layers.Dense(2, "softmax", name="kind")(inputs), "size": layers.Dense(1, name="size")(inputs)}
    model = keras.Model(inputs, heads)
    model.compile("sgd", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
    return model


def image_and_numbers() -> keras.Model:
    image, meta = keras.Input((6, 6, 1), name="image"), keras.Input((3,), name="meta")
    model = keras.Model([image, meta], layers.Dense(1)(layers.Concatenate()([layers.Flatten()(image), meta])))
    model.compile("sgd", "mse")
    return model


def dense(outputs: int = 2, activation: str | None = "softmax") -> keras.Model:
    model = keras.Sequential([keras.Input((5,)), layers.Dense(outputs, activation)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


class Wrapper(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = keras.Sequential([keras.Input((5,)), layers.Dense(3)])
        self.decoder = keras.Sequential([keras.Input((3,)), layers.Dense(5)])

    def train_step(self, data: object) -> dict[str, object]:
        return {"loss": ops.mean(self.decoder(self.encoder(data)))}


class Distiller(keras.Model):
    """It has a `call` that nothing calls in training, so it is never built."""

    def __init__(self) -> None:
        super().__init__()
        self.student = dense()

    def call(self, inputs: object) -> object:
        return self.student(inputs)

    def train_step(self, data: object) -> dict[str, object]:
        return {"loss": ops.mean(self.student(data))}


def wrapped(kind: type[keras.Model]) -> keras.Model:
    model = kind()
    model.compile("sgd")
    return model


# {name: (model, options of the logger, the sentence)}
REFUSED: dict[str, tuple[Callable[[], keras.Model], dict, str]] = {
    "two heads": (two_heads, {}, r"the model has 2 outputs, 'kind' and 'size'; choose one, e\.g\. model_output='kind'"),
    "no such head": (
        two_heads,
        {"model_output": "colour"},
        r"model_output is 'colour', and the model has 2 outputs, 'kind' and 'size'; give one",
    ),
    "no such number": (two_heads, {"model_output": 2}, "model_output is 2, and the model has 2 outputs"),
    "one head chosen": (dense, {"model_output": 1}, r"model_output is 1, and the model has one output; leave model_output out \(classes="),
    "a reducer of text": (
        two_heads,
        {"model_output": lambda outputs: "kind"},
        r"model_output returned str; it must return \(n,\) or \(n, classes\)",
    ),
    "a reducer of maps": (
        two_heads,
        {"model_output": lambda y: y["kind"][:, None, :, None]},
        r"model_output's result has shape \(n, 1, 2, 1\)",
    ),
    "a reducer of one number": (
        two_heads,
        {"model_output": lambda y: ops.mean(y["size"])},
        r"model_output's result has shape \(\) for n probes",
    ),
    "a reducer that fails": (
        two_heads,
        {"model_output": lambda y: y["colour"]},
        r"model_output failed on the model's outputs, \{'kind': of shape \(n, 2\), 'size': of shape \(n, 1\)\} \(KeyError",
    ),
    "a label of no class": (dense, {"probes": xai.TabularProbes(ROWS[:4], [0, 1, 2, 1], background=ROWS)}, "label 2 is out of range"),
    "no probabilities": (lambda: dense(2, None), {"head": "probabilities"}, "head is 'probabilities', but the model's outputs lie between"),
    "side inputs of no name": (
        image_and_numbers,
        {"probes": xai.ImageProbes(IMAGES[:4], side_inputs={"metadata": ROWS[:4, :3]})},
        "side_inputs has 'metadata', and the model's inputs are 'image' and 'meta'",
    ),
    "no side inputs": (
        image_and_numbers,
        {"probes": xai.ImageProbes(IMAGES[:4])},
        r"the model has the inputs 'image' and 'meta', and the probes are one of them; give .* side_inputs=\{'meta': meta\[:4\]\}",
    ),
    "a wrapper": (
        lambda: wrapped(Wrapper),
        {},
        r"has no `call` of its own, .* e\.g\. model=lambda m: m\.encoder \(it has encoder, decoder\)",
    ),
    "a wrapper without it": (
        lambda: wrapped(Wrapper),
        {"model": lambda m: m.critic},
        r"model= failed on the model in fit, .*'critic'\); name the network to explain, e\.g\. model=lambda m: m\.encoder",
    ),
    "no network": (lambda: wrapped(Wrapper), {"model": lambda m: "encoder"}, "model= returned str; name the network to explain"),
}


def test_the_line_that_a_refusal_of_named_inputs_gives_works_when_it_is_followed() -> None:
    nums, age = keras.Input((2,), name="nums"), keras.Input((1,), name="age")
    model = keras.Model([nums, age], layers.Dense(1)(layers.Concatenate()([10 * nums, age])))
    columns = ["inc", "age", "zip"]
    with pytest.raises(ValueError, match="'nums' is no feature of the probes") as refused:
        xai.explain(model, xai.TabularProbes(ROWS[:4, :3], background=ROWS[:, :3], feature_names=columns), "shap")
    line = re.search(r"model_input=(lambda rows: \{.*?\})\. ", str(refused.value))
    assert line
    probes = xai.TabularProbes(
        ROWS[:4, :3],
        background=ROWS[:, :3],
        feature_names=columns,
        model_input=eval(line[1], {"keras": keras}),
    )
    expected = model.predict([ROWS[:4, [0, 2]], ROWS[:4, 1:2]], verbose=0)
    assert np.allclose(xai.explain(model, probes, "shap")["shap"].outputs, expected, atol=1e-4)


def test_whole_numbers_that_float32_rounds_are_refused_with_what_works() -> None:
    import pandas as pd

    day = keras.Input((1,), name="day", dtype="int64")
    late = keras.layers.Rescaling(1.0)(ops.cast(day - 20240100, "float32"))
    frame = pd.DataFrame({"day": 20240101 + 2 * np.arange(20), "other": np.arange(20.0)})
    other = keras.Input((1,), name="other")
    model = keras.Model({"day": day, "other": other}, layers.Dense(1)(layers.Concatenate()([late, other])))
    with pytest.raises(ValueError, match=r"'day' has whole numbers above 2\*\*24, which float32 rounds; give the column as a category"):
        xai.explain(model, xai.TabularProbes(frame[:4], background=frame), "shap")
    as_category = frame.astype({"day": "category"})
    found = xai.explain(model, xai.TabularProbes(as_category[:4], background=as_category), "shap")["shap"]
    expected = model.predict({"day": frame["day"].to_numpy()[:4, None], "other": frame["other"].to_numpy()[:4, None]}, verbose=0)
    assert np.allclose(found.outputs, expected, atol=1e-4)


def data_of(model: keras.Model) -> tuple[object, object]:
    if isinstance(model, Wrapper | Distiller):
        return ROWS, None
    if len(getattr(model, "inputs", [0])) == 2:
        return [IMAGES, ROWS[:8, :3]], ROWS[:8, :1]
    return ROWS, {"kind": LABELS, "size": ROWS[:, :1]} if len(model.outputs) == 2 else LABELS


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_before_the_first_batch(name: str, tmp_path: Path) -> None:
    make, options, sentence = REFUSED[name]
    model, batches = make(), []
    logger = xai.ExplanationLogger(tmp_path, **{"probes": TABLE, **options})
    counting = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: batches.append(batch))
    x, y = data_of(model)
    with pytest.raises((ValueError, TypeError), match=f"^ExplanationLogger: .*{sentence}") as refused:
        model.fit(x, y, epochs=1, batch_size=8, verbose=0, callbacks=[counting, logger])
    assert not batches
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "xai").exists()


def test_a_wrapper_that_its_first_batch_does_not_build_is_refused_right_after_it(tmp_path: Path) -> None:
    batches: list[int] = []
    counting = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: batches.append(batch))
    model = wrapped(Distiller)
    with pytest.raises(ValueError, match=r"is not built after its first batch, .* model=lambda m: m\.student"):
        model.fit(ROWS, epochs=1, batch_size=8, verbose=0, callbacks=[xai.ExplanationLogger(tmp_path, TABLE, untrained=False), counting])
    assert batches == [0]
    model.fit(ROWS, epochs=1, verbose=0, callbacks=[xai.ExplanationLogger(tmp_path, TABLE, model=lambda m: m.student, untrained=False)])
    assert np.allclose(xai.read_run(tmp_path).outputs[-1], model.student.predict(ROWS[:4], verbose=0), atol=1e-6)


def test_what_is_wrong_for_every_model_is_refused_at_construction(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ImageProbes: side_inputs\['meta'\] has shape \(3, 3\) for 4 probes; give one row per probe"):
        xai.ImageProbes(IMAGES[:4], side_inputs={"meta": ROWS[:3, :3]})
    with pytest.raises(TypeError, match=r"side_inputs\[0\] has dtype object"):
        xai.ImageProbes(IMAGES[:4], side_inputs=[np.array([{}, {}, {}, {}])])
    with pytest.raises(ValueError, match="side_inputs has None 2 times"):
        xai.ImageProbes(IMAGES[:4], side_inputs=[None, None, ROWS[:4]])
    for option, sentence in (
        ({"head": "softmax"}, "unknown head 'softmax'; choose from"),
        ({"model_output": 1.5}, r"model_output is 1\.5; give the name or number of an output, or a callable"),
        ({"model": 3}, "model is int; give a Keras model, or a callable on the model in fit"),
        ({"head": {"colour": "logits"}}, "head names the probe set 'colour', and the probe sets are"),
    ):
        with pytest.raises((ValueError, TypeError), match=f"^ExplanationLogger: {sentence}"):
            xai.ExplanationLogger(tmp_path, TABLE, **option)


def test_probe_sets_with_the_names_of_heads_explain_these(tmp_path: Path) -> None:
    model = two_heads()
    sizes = xai.TabularProbes(ROWS[:4], ROWS[:4, 0] * 100000, background=ROWS)
    logger = xai.ExplanationLogger(tmp_path, {"kind": TABLE, "size": sizes})
    model.fit(ROWS, {"kind": LABELS, "size": ROWS[:, :1]}, epochs=2, verbose=0, callbacks=[logger])
    expected = model.predict(ROWS[:4], verbose=0)
    for head, kind in (("kind", "softmax"), ("size", "regression")):
        run = xai.read_run(tmp_path, probe_set=head)
        assert run.settings["head"] == kind
        assert np.allclose(run.outputs[-1], expected[head], atol=1e-6)
    assert re.match("the loss is", run.settings["read_by"])


def test_model_outputs_by_name_number_and_function_are_the_same() -> None:
    model = two_heads()
    found = [xai.explain(model, TABLE, "shap", model_output=chosen)["shap"] for chosen in ("kind", 0, lambda y: y["kind"])]
    assert all(np.allclose(found[0].values, other.values, atol=1e-4) for other in found[1:])


def test_a_callable_that_returns_labels_is_explained_in_how_often_it_names_a_class() -> None:
    names = np.array(["no", "yes"])
    probes = xai.TabularProbes(ROWS[:4], LABELS[:4], background=ROWS, class_names=["no", "yes"], absent="average", references=16)
    found = xai.explain(lambda rows: names[(np.asarray(rows)[:, 0] > 0).astype(int)], probes, "shap", head="labels")["shap"]
    share = (probes.references[:, 0] > 0).mean()
    assert found.unit == "probability"
    assert np.allclose(found.values[:, 1, 0], LABELS[:4] - share, atol=1e-5)
    assert np.allclose(found.values[:, :, 1:], 0, atol=1e-5)
