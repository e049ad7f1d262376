"""Further cases of the same kinds, made before the code that mends them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
import pandas as pd
from case_tools import Attempt, explained, harmed, last_outputs, logged
from cases_keras import Wrapper
from cases_reported import CLASSES, IMAGES, RNG, ROWS, SERIES, Attempts, compiled, dense, table
from keras import layers, ops

import tb_xai_plugin as xai


class RunningMean(layers.Layer):
    """Subtracts a moving average that it updates in every call, in inference too."""

    def build(self, shape: Any) -> None:
        self.average = self.add_weight(shape=(shape[-1],), initializer="zeros", trainable=False, name="average")

    def call(self, x: Any) -> Any:
        self.average.assign(0.9 * self.average + 0.1 * ops.mean(x, axis=0))
        return x - self.average


def state_of_its_own() -> Attempts:
    def make() -> keras.Model:
        return compiled(keras.Sequential([keras.Input((5,)), RunningMean(), layers.Dense(2, activation="softmax")]))

    def order() -> float:
        model = make()
        turned = xai.TabularProbes(ROWS[:8][::-1].copy(), CLASSES[:8], background=ROWS)
        a = xai.explain(model, table(), "shap", output="probability")["shap"]
        b = xai.explain(model, turned, "shap", output="probability")["shap"]
        return float(np.abs(a.values - b.values[::-1]).max())

    def gru() -> float | str:
        inputs = keras.Input(batch_shape=(4, 12, 2))

        def make_gru() -> keras.Model:
            return compiled(keras.Model(inputs, layers.Dense(2, "softmax")(layers.Bidirectional(layers.GRU(3, stateful=True))(inputs))))

        return harmed(make_gru, SERIES, CLASSES, xai.SequenceProbes(SERIES[:6], CLASSES[:6]), batch_size=4) or "training right"

    return {
        "training with a running mean": lambda: harmed(make, ROWS, CLASSES, table()) or "training right",
        "order of the probes": order,
        "stateful bidirectional GRU, 6 probes, batch 4": gru,
    }


def polars_frame() -> Attempts:
    def run() -> float | str:
        if find_spec("polars") is None:
            return "polars is not installed"
        import polars as pl

        sizes = pl.Enum(["small", "medium", "large"])
        r = np.random.default_rng(0)
        frame = pl.DataFrame(
            {
                "size": pl.Series(np.array(["small", "medium", "large"])[r.integers(0, 3, 100)], dtype=sizes),
                "open": r.random(100) < 0.5,
                "amount": r.normal(size=100).astype("f4"),
            }
        )

        def model(d: Any) -> np.ndarray:
            assert isinstance(d, pl.DataFrame), f"the callable was given {type(d).__name__}"
            z = d["size"].to_physical().to_numpy() + 2.0 * (~d["open"]).to_numpy() + d["amount"].to_numpy() - 1.5
            p = 1 / (1 + np.exp(-z.astype(float)))
            return np.stack([1 - p, p], axis=1)

        return explained(model, xai.TabularProbes(frame[:8], background=frame), model(frame[:8]))

    return {"ordered categories, booleans": run}


class Counting(keras.Model):
    """A whole-number counter of Keras, and one of Python, both written in call."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2, activation="softmax")
        self.steps = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="steps")

    def call(self, x: Any) -> Any:
        self.steps.assign(self.steps + 1)
        return self.dense(x * ops.exp(-0.05 * ops.cast(self.steps, "float32")))


class InList(layers.Layer):
    """Keeps a tf.Variable where no tracking looks for it: in a closure."""

    def __init__(self) -> None:
        import tensorflow as tf

        super().__init__()
        counter = tf.Variable(1.0)
        self.hidden = lambda: counter

    def call(self, x: Any) -> Any:
        return x / self.hidden().assign_add(1.0)


def other_counters() -> Attempts:
    def keras_counter() -> keras.Model:
        model = compiled(Counting())
        model(ROWS[:1])
        return model

    def hidden() -> keras.Model:
        return compiled(keras.Sequential([keras.Input((5,)), InList(), layers.Dense(2, activation="softmax")]))

    return {
        "a Keras variable": lambda: harmed(keras_counter, ROWS, CLASSES, table()) or "training right",
        "a tf.Variable in a closure": lambda: harmed(hidden, ROWS, CLASSES, table()) or "training right",
    }


class InBatch(keras.Model):
    """Standardises by the batch at all times, as BatchNormalization with training=True does."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.dense = layers.BatchNormalization(), layers.Dense(2, activation="softmax")

    def call(self, x: Any) -> Any:
        return self.dense(self.norm(x, training=True))


def rows_mix() -> Attempts:
    def run() -> float:
        model = compiled(InBatch())
        model(ROWS[:8])
        return explained(model, table(), model.predict(ROWS[:8], verbose=0))

    def make() -> keras.Model:
        model = compiled(InBatch())
        model(ROWS[:8])
        return model

    def in_a_callable() -> float:
        def ranks(x: Any) -> np.ndarray:
            return np.argsort(np.argsort(np.asarray(x)[:, 0])) / len(x)

        return explained(ranks, table(None), ranks(ROWS[:8])[:, None], "raw")

    return {
        "BatchNormalization(training=True)": run,
        "its training": lambda: harmed(make, ROWS, CLASSES, table()) or "training right",
        "a callable that ranks rows": in_a_callable,
    }


def fixed_batch() -> Attempts:
    inputs = keras.Input(batch_shape=(8, 5))
    # A reshape that writes the batch into the graph.
    joined = ops.reshape(layers.Dense(6)(inputs), (8, 2, 3))
    model = compiled(keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Flatten()(joined))))
    truth = model.predict(ROWS[:8], batch_size=8, verbose=0)
    return {
        "default batch": lambda: explained(model, table(), truth),
        "batch_size=8": lambda: explained(model, table(), truth, batch_size=8),
        "3 probes": lambda: explained(model, xai.TabularProbes(ROWS[:3], CLASSES[:3], background=ROWS), truth[:3], batch_size=8),
    }


class Looking(keras.Model):
    """Keras casts what it is given to float16, unless it is whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.pool, self.dense = (
            layers.Embedding(4000, 4),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2, activation="softmax"),
        )

    def call(self, x: Any) -> Any:
        return self.dense(self.pool(self.table(x)))


def rounded_ids() -> Attempts:
    ids = 20_000_000 + np.arange(64)  # float32 has no odd numbers there
    frame = pd.DataFrame({"user": ids, "amount": RNG.normal(size=64)})
    known = dict(zip(ids.tolist(), CLASSES.tolist(), strict=True))

    def looked_up(d: pd.DataFrame) -> np.ndarray:
        p = np.array([0.1 + 0.8 * known.get(int(user), 0.5) for user in d["user"]])
        return np.stack([1 - p, p], axis=1)

    def half() -> float | str:
        numbers = RNG.integers(2049, 4000, (8, 12)) | 1  # float16 has no odd numbers there
        keras.mixed_precision.set_global_policy("mixed_float16")
        try:
            model = compiled(Looking())
        finally:
            keras.mixed_precision.set_global_policy("float32")
        model(numbers)
        model.table.set_weights([RNG.normal(size=(4000, 4))])
        difference = explained(model, xai.SequenceProbes(numbers, CLASSES[:8], baseline=0), np.asarray(model(numbers)))
        return "right" if difference < 5e-3 else difference  # the model itself computes in float16

    return {
        "ids of 8 digits in a DataFrame": lambda: explained(
            looked_up, xai.TabularProbes(frame[:8], CLASSES[:8], background=frame), looked_up(frame[:8])
        ),
        "ids and mixed_float16": half,
    }


def distillation() -> Attempts:
    class Distiller(Wrapper):
        def __init__(self) -> None:
            super().__init__(dense(2, None), lambda y, z: ops.mean(z**2, axis=-1))
            self.teacher = dense(2)

        @property
        def student(self) -> keras.Model:
            return self.network

    def attempt(**options: Any) -> Attempt:
        def run() -> float:
            model = Distiller()
            model.compile("adam")
            run = logged(model, ROWS, CLASSES, table(), **options)
            logits = model.student.predict(ROWS[:8], verbose=0)
            p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            return last_outputs(run, p)

        return run

    student = lambda m: m.student  # noqa: E731
    return {
        "natural": attempt(),
        "model=lambda m: m.student": attempt(model=student),
        "the same, head='logits'": attempt(model=student, head="logits"),
    }


def ensemble() -> Attempts:
    inputs = keras.Input((5,))
    outputs = [layers.Dense(2, activation="softmax", name=f"member{i}")(layers.Dense(4, "relu")(inputs)) for i in range(3)]
    model = keras.Model(inputs, outputs)
    model.compile("adam", ["sparse_categorical_crossentropy"] * 3)
    nested = keras.Model(inputs, {"heads": {"a": outputs[0], "b": outputs[1]}, "mean": ops.mean(ops.stack(outputs), axis=0)})
    members = model.predict(ROWS[:8], verbose=0)
    mean = np.mean(members, axis=0)
    return {
        "natural": lambda: explained(model, table(), mean),
        "model_output=1": lambda: explained(model, table(), members[1], model_output=1),
        "model_output=their mean": lambda: explained(model, table(), mean, model_output=lambda y: ops.mean(ops.stack(list(y)), axis=0)),
        "a nested dict": lambda: explained(nested, table(), members[1]),
        "a nested dict, model_output=callable": lambda: explained(nested, table(), members[1], model_output=lambda y: y["heads"]["b"]),
    }


def datetimes() -> Attempts:
    r = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(r.integers(0, 365, 200), unit="D"),
            "colour": pd.Categorical(r.choice(["red", "green", "blue"], 200), categories=["red", "green", "blue"], ordered=True),
            "count": pd.array(r.integers(0, 9, 200), dtype="Int64"),
            "open": pd.array(r.random(200) < 0.5, dtype="boolean"),
            "amount": r.normal(size=200),
        }
    )
    frame.loc[3, "count"] = pd.NA

    def model(d: pd.DataFrame) -> np.ndarray:
        z = (d["when"].dt.month - 6) / 3 + d["colour"].cat.codes + d["count"].fillna(5).astype(float) / 9 - 2.0 * (~d["open"]).astype(float)
        p = 1 / (1 + np.exp(-z.to_numpy(dtype=float)))
        return np.stack([1 - p, p], axis=1)

    def attempt(data: pd.DataFrame, **options: Any) -> Attempt:
        return lambda: explained(model, xai.TabularProbes(data[:8], background=data, **options), model(data[:8]))

    return {
        "all columns": attempt(frame),
        "without datetimes, missing='keep'": attempt(frame.assign(when=frame["when"]), missing="keep"),
        "without NA": attempt(frame.fillna({"count": 0})),
    }


def scalars_beside_series() -> Attempts:
    series, age = keras.Input((12, 2), name="series"), keras.Input((1,), name="age")
    joined = layers.Concatenate()([layers.Conv1D(3, 3)(series)[:, 0], age])
    model = compiled(keras.Model({"series": series, "age": age}, layers.Dense(2, activation="softmax")(joined)))
    ages = RNG.random((64, 1)).astype("f4")
    truth = model.predict({"series": SERIES[:8], "age": ages[:8]}, verbose=0)

    def attempt(sides: Any) -> Attempt:
        return lambda: explained(model, xai.SequenceProbes(SERIES[:8], CLASSES[:8], side_inputs=sides), truth)

    return {
        "natural": attempt(None),
        "side_inputs={'age': …}": attempt({"age": ages[:8]}),
        "ages as (n,)": attempt({"age": ages[:8, 0]}),
        "a name that no input has": attempt({"years": ages[:8]}),
    }


def cosine() -> Attempts:
    def attempt(**options: Any) -> Attempt:
        def run() -> float:
            inputs = keras.Input((8, 8, 1))
            model = keras.Model(inputs, layers.UnitNormalization()(layers.Dense(4)(layers.Flatten()(inputs))))
            model.compile("adam", keras.losses.CosineSimilarity())
            anchor = np.eye(4, dtype="f4")[np.arange(64) % 4]
            run = logged(model, IMAGES, anchor, xai.ImageProbes(IMAGES[:8], np.arange(8) % 4, segments="grid"), **options)
            return last_outputs(run, model.predict(IMAGES[:8], verbose=0))

        return run

    return {"natural": attempt(), "output='raw'": attempt(output="raw"), "head='regression'": attempt(head="regression")}


def hinge() -> Attempts:
    """A last layer with an activation that says nothing, and a loss that does: -1 and 1 are the classes of a hinge loss."""

    def run() -> float:
        model = dense(1, "tanh", "squared_hinge")
        run = logged(model, ROWS, 2 * CLASSES - 1, table(2 * CLASSES[:8] - 1))
        return last_outputs(run, model.predict(ROWS[:8], verbose=0))

    return {"labels -1 and 1": run}


OWN = {
    "A state in other layers": state_of_its_own,
    "B a polars frame": polars_frame,
    "C other counters": other_counters,
    "D rows mix by statistics": rows_mix,
    "E a fixed batch": fixed_batch,
    "F rounded ids": rounded_ids,
    "G distillation": distillation,
    "H a deep ensemble, nested outputs": ensemble,
    "I datetimes and nullable types": datetimes,
    "J series with side scalars": scalars_beside_series,
    "K cosine embeddings": cosine,
    "L a hinge loss": hinge,
}
