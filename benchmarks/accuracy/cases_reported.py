"""The reported cases: each function returns its attempts, {what the user does: attempt}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd
from case_tools import Attempt, explained, last_outputs, log_dir, logged
from keras import layers, ops
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

import tb_xai_plugin as xai

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(64, 5)).astype("f4")
CLASSES = (ROWS[:, 0] > 0).astype(int)
IMAGES = RNG.normal(size=(64, 8, 8, 1)).astype("f4")
SERIES = RNG.normal(size=(64, 12, 2)).astype("f4")

Attempts = dict[str, Attempt]


def table(labels: Any = CLASSES[:8], **options: Any) -> xai.TabularProbes:
    return xai.TabularProbes(ROWS[:8], labels, background=ROWS, **options)


def compiled(model: keras.Model, loss: Any = "sparse_categorical_crossentropy", **options: Any) -> keras.Model:
    model.compile("adam", loss, **options)
    return model


def dense(outputs: int = 2, activation: str | None = "softmax", loss: Any = "sparse_categorical_crossentropy") -> keras.Model:
    return compiled(keras.Sequential([keras.Input((5,)), layers.Dense(8), layers.Dense(outputs, activation=activation)]), loss)


def column_types() -> Attempts:
    r = np.random.default_rng(0)
    frame = pd.DataFrame({"month": r.integers(1, 13, 300), "amount": r.normal(size=300), "flag": r.random(300) < 0.5})
    late = (frame.month > 6).astype(int)
    months = make_pipeline(
        FunctionTransformer(lambda d: d[["month"]].astype(str)), OneHotEncoder(handle_unknown="ignore"), LogisticRegression()
    ).fit(frame, late)
    frame_of_flags = frame[["flag", "amount"]]

    def sure(z: Any) -> np.ndarray:
        p = 1 / (1 + np.exp(-np.asarray(z, dtype=float)))
        return np.stack([1 - p, p], axis=1)

    def strict(d: pd.DataFrame) -> np.ndarray:  # as CatBoost is with its categories
        if d.month.dtype.kind != "i":
            raise TypeError(
                "bad object for id: 11.0: cat_features must be integer or string, real number values should be converted to string"
            )
        return sure(d.month - 6)

    def attempt(model: Callable[[Any], np.ndarray], data: pd.DataFrame) -> Attempt:
        return lambda: explained(model, xai.TabularProbes(data[:16], late[:16], background=data), model(data[:16]))

    return {
        "months as strings": attempt(months.predict_proba, frame[["month", "amount"]]),
        "flag.map": attempt(lambda d: sure(d.flag.map({True: 5, False: -5}) + d.amount), frame_of_flags),
        "~flag": attempt(lambda d: sure((~d.flag).astype(int) + d.amount), frame_of_flags),
        "categories that must be int": attempt(strict, frame[["month", "amount"]]),
    }


def side_inputs() -> Attempts:
    meta = RNG.normal(size=(300, 3)).astype("f4")
    image, numbers = keras.Input((8, 8, 1), name="image"), keras.Input((3,), name="meta")
    both = layers.Concatenate()([layers.Flatten()(image), numbers])
    model = compiled(keras.Model([image, numbers], layers.Dense(2, activation="softmax")(both)))
    truth = model.predict([IMAGES[:8], meta[:8]], verbose=0)

    def attempt(**options: Any) -> Attempt:
        return lambda: explained(model, xai.ImageProbes(IMAGES[:8], CLASSES[:8], segments="grid", **options), truth)

    return {
        "model_input by row": attempt(model_input=lambda z: [z, ops.convert_to_tensor(meta[: z.shape[0]])]),
        "model_input with meta[:8]": attempt(model_input=lambda z: [z, meta[:8]]),
        "side_inputs={'meta': …}": attempt(side_inputs={"meta": meta[:8]}),
        "side_inputs of another length": attempt(side_inputs={"meta": meta[:5]}),
    }


def stateful() -> Attempts:
    def make() -> keras.Model:
        inputs = keras.Input(batch_shape=(8, 12, 2))
        return compiled(keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.LSTM(4, stateful=True)(inputs))))

    probes = xai.SequenceProbes(SERIES[:8], CLASSES[:8])

    def fit(**options: Any) -> Attempt:
        def run() -> float | str:
            model = make()
            run = logged(model, SERIES, CLASSES, probes, fit={"batch_size": 8, "shuffle": False}, **options)
            model.layers[1].reset_states()
            return last_outputs(run, model.predict(SERIES[:8], batch_size=8, verbose=0))

        return run

    def bits() -> float | str:
        runs = []
        for with_it in (False, True):
            keras.utils.set_random_seed(0)
            model = make()
            callbacks = [xai.ExplanationLogger(log_dir(), probes, "shap", batch_size=8, on_error="raise")] if with_it else []
            model.fit(SERIES, CLASSES, epochs=2, batch_size=8, shuffle=False, verbose=0, callbacks=callbacks)
            runs.append(model.get_weights())
        difference = max(float(np.abs(a - b).max()) for a, b in zip(*runs, strict=True))
        return f"TRAINING CHANGED by {difference:.2g}" if difference else "right"

    return {"default batch": fit(), "batch_size=8": fit(batch_size=8), "training, batch_size=8": bits}


def word_ids() -> Attempts:
    ids = RNG.integers(1, 1000, (64, 12))
    ids[np.arange(12) >= RNG.integers(5, 10, (64, 1))] = 0
    body = [keras.Input((12,), dtype="int32"), layers.Embedding(1000, 8), layers.GlobalAveragePooling1D()]
    model = keras.Sequential([*body, layers.Dense(2, activation="softmax")])
    model.layers[0].set_weights([RNG.normal(size=(1000, 8))])

    def attempt(**options: Any) -> Attempt:
        def run() -> str:
            probes = xai.SequenceProbes(ids[:8], CLASSES[:8], **options)
            values = np.abs(xai.explain(model, probes, "shap")["shap"].values[:, 0])
            padded = np.zeros_like(values, dtype=bool)
            for i, j in np.ndindex(values.shape):
                steps = probes.segments[i] == j
                padded[i, j] = steps.any() and (ids[i][steps] == 0).all()
            share = np.nansum(values * padded) / np.nansum(values)
            absent = np.unique(probes.baseline)
            which = "0" if (absent == 0).all() else f"{absent[-1]:.1f} …"
            return f"{'right' if share < 0.01 and which == '0' else 'WRONG'}: absent stretches are {which}, {share:.0%} of the SHAP values on padding"

        return run

    return {"default": attempt(), "baseline=0": attempt(baseline=0)}


def class_names() -> Attempts:
    model = LogisticRegression().fit(ROWS, np.array(["no", "yes"])[CLASSES])

    def attempt(names: list[str], on: Any = model.predict_proba) -> Attempt:
        def run() -> str:
            xai.explain(on, table(CLASSES[:8] if names[0] == "no" else 1 - CLASSES[:8], class_names=names), "shap", output="probability")
            return "right" if names[0] == "no" else "ACCEPTED, names swapped"

        return run

    return {"swapped": attempt(["yes", "no"]), "as in classes_": attempt(["no", "yes"])}


def missing() -> Attempts:
    r = np.random.default_rng(0)
    rows = r.normal(size=(400, 3))
    holes = r.random(400) < 0.3
    rows[holes, 0] = np.nan
    model = HistGradientBoostingClassifier(max_iter=20).fit(rows, holes.astype(int))
    truth = model.predict_proba(rows[:16])

    def attempt(option: str) -> Attempt:
        return lambda: explained(model.predict_proba, xai.TabularProbes(rows[:16], background=rows, missing=option), truth)

    return {f"missing={option!r}": attempt(option) for option in ("refuse", "baseline", "keep")}


def many_outputs() -> Attempts:
    def run() -> str:
        targets = (ROWS @ RNG.normal(size=(5, 24)) * 3).astype("f4")
        run = logged(dense(24, None, "mse"), ROWS, targets, table(targets[:8]), fit={"epochs": 4, "batch_size": 8})
        gaps = float(np.isnan(run.drift("shap")[1:]).mean())
        return f"{'right' if gaps == 0 else 'WRONG'}: drift is NaN for {gaps:.0%} of probes"

    return {"24 regression outputs": run}


def own_array() -> Attempts:
    def changed_later() -> str:
        x = IMAGES[:8].copy()
        probes = xai.ImageProbes(x, segments="grid")
        before, shown = probes.digest, np.array(probes.inputs)
        x[:] = x[::-1].copy()
        same = probes.digest == before and np.array_equal(shown, probes.inputs)
        return "right" if same else "WRONG: the probes changed with the array"

    def explainer_writes() -> str:
        x = ROWS[:8].copy()
        mine = x.copy()
        probes = xai.TabularProbes(x, background=ROWS)

        def spoil(model: Any, probes: Any) -> np.ndarray:
            probes.inputs[:] = 7
            return np.zeros((8, 5), dtype="f4")

        try:
            xai.explain(dense(), probes, xai.Custom("spoil", spoil))
        except ValueError as error:
            if "read-only" not in str(error):
                raise
        spoiled = not np.array_equal(x, mine) or not np.array_equal(probes.inputs, mine)
        return "WRONG: an explainer wrote into the data" if spoiled else "right"

    return {"x[:] = … later": changed_later, "an explainer writes into probes.inputs": explainer_writes}


def two_heads() -> Attempts:
    inputs = keras.Input((5,))
    heads = {"kind": layers.Dense(2, activation="softmax", name="kind")(inputs), "size": layers.Dense(1, name="size")(inputs)}
    model = keras.Model(inputs, heads)
    model.compile("adam", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
    sizes = ROWS[:, :1]

    def attempt(head: str, **options: Any) -> Attempt:
        def run() -> float:
            run = logged(model, ROWS, {"kind": CLASSES, "size": sizes}, table(CLASSES[:8] if head == "kind" else sizes[:8]), **options)
            return last_outputs(run, model.predict(ROWS[:8], verbose=0)[head])

        return run

    return {
        "natural": attempt("kind"),
        "model_output='kind'": attempt("kind", model_output="kind"),
        "model_output='size'": attempt("size", model_output="size"),
        "model_output='weight'": attempt("size", model_output="weight"),
    }


def shapes_of_outputs() -> Attempts:
    maps = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(1, 3, padding="same", activation="sigmoid")])
    steps = keras.Sequential([keras.Input((12, 2)), layers.GRU(3, return_sequences=True), layers.Dense(1)])
    single = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(1, 8, activation="sigmoid"), layers.Reshape((1, 1))])
    images = lambda: xai.ImageProbes(IMAGES[:8], segments="grid")  # noqa: E731
    series = lambda: xai.SequenceProbes(SERIES[:8])  # noqa: E731
    mean_map = maps.predict(IMAGES[:8], verbose=0).mean(axis=(1, 2))
    last_step = steps.predict(SERIES[:8], verbose=0)[:, -1]
    one = single.predict(IMAGES[:8], verbose=0)[:, 0]
    both = np.concatenate([1 - one, one], axis=1)
    return {
        "a map": lambda: explained(maps, images(), mean_map, "raw"),
        "a map, model_output=mean": lambda: explained(maps, images(), mean_map, "raw", model_output=lambda y: ops.mean(y, axis=(1, 2))),
        "steps": lambda: explained(steps, series(), last_step, "raw"),
        "steps, model_output=last": lambda: explained(steps, series(), last_step, "raw", model_output=lambda y: y[:, -1]),
        "(n, 1, 1)": lambda: explained(single, images(), both),
        "a reducer that returns text": lambda: explained(steps, series(), last_step, "raw", model_output=lambda y: "last"),
    }


class Gan(keras.Model):
    """Two networks and a train_step, and no call, as in the public example."""

    def __init__(self) -> None:
        super().__init__()
        self.discriminator = keras.Sequential([keras.Input((5,)), layers.Dense(8, "relu"), layers.Dense(1, activation="sigmoid")])
        self.generator = keras.Sequential([keras.Input((3,)), layers.Dense(5)])
        self.seeds = keras.random.SeedGenerator(1)

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        real = data[0] if isinstance(data, tuple) else data
        noise = keras.random.normal((ops.shape(real)[0], 3), seed=self.seeds)
        with tf.GradientTape() as tape:
            p = self.discriminator(ops.concatenate([real, self.generator(noise)], axis=0))
            truth = ops.concatenate([ops.ones((ops.shape(real)[0], 1)), ops.zeros((ops.shape(real)[0], 1))], axis=0)
            loss = ops.mean(keras.losses.binary_crossentropy(truth, p))
        weights = self.discriminator.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return {"loss": loss}


def gan() -> Attempts:
    def attempt(**options: Any) -> Attempt:
        def run() -> float:
            model = Gan()
            model.compile("adam")
            run = logged(model, ROWS, None, table(np.ones(8, int)), **options)
            return last_outputs(run, model.discriminator.predict(ROWS[:8], verbose=0))

        return run

    return {
        "natural": attempt(),
        "model=lambda m: m.discriminator": attempt(model=lambda m: m.discriminator),
        "model=lambda m: m.critic": attempt(model=lambda m: m.critic),
    }


def multi_label() -> Attempts:
    labels = np.stack([ROWS[:, 0] > 0, ROWS[:, 1] > 0, ROWS[:, 2] > 0], axis=1).astype(int)
    labels[:3] = [[1, 1, 0], [0, 0, 0], [1, 1, 1]]

    def attempt(of_probes: np.ndarray) -> Attempt:
        def run() -> float | str:
            model = dense(3, "sigmoid", "binary_crossentropy")
            run = logged(model, ROWS, labels, table(of_probes))
            difference = last_outputs(run, model.predict(ROWS[:8], verbose=0))
            exclusive = run.probes.labels is not None
            return "WRONG: labels are read as exclusive classes" if exclusive else difference

        return run

    return {"multi-hot": attempt(labels[:8]), "multi-hot, by luck one-hot": attempt(np.eye(3, dtype=int)[np.arange(8) % 3])}


def regression_targets() -> Attempts:
    def attempt(targets: np.ndarray) -> Attempt:
        def run() -> float | str:
            model = dense(1, None, "mse")
            run = logged(model, ROWS, targets, table(targets[:8]))
            if run.probes.truth is None:
                return "WRONG: targets are kept as class numbers"
            return last_outputs(run, model.predict(ROWS[:8], verbose=0))

        return run

    return {
        "[250000, 310000]": attempt(np.where(CLASSES, 310_000, 250_000)),
        "[-3., 4.]": attempt(np.where(CLASSES, 4.0, -3.0)),
    }


def autoencoder() -> Attempts:
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Reshape((8, 8, 1))(layers.Dense(64)(layers.Dense(4)(layers.Flatten()(inputs)))))
    model.compile("adam", "mse")
    errors = ((model.predict(IMAGES[:8], verbose=0) - IMAGES[:8]) ** 2).mean(axis=(1, 2, 3))
    probes = lambda: xai.ImageProbes(IMAGES[:8], segments="grid")  # noqa: E731
    error = lambda y, x: ops.mean((y - x) ** 2, axis=(1, 2, 3))  # noqa: E731
    return {
        "natural": lambda: explained(model, probes(), errors, "raw"),
        "model_output=its error": lambda: explained(model, probes(), errors, "raw", model_output=error),
    }


def long_text() -> Attempts:
    words = [f"word{i}" for i in range(120)]
    r = np.random.default_rng(0)
    long = " ".join(". ".join(" ".join(r.choice(words, 12)) for _ in range(1)) + "." for _ in range(30))
    texts = [long, *(" ".join(r.choice(words, 20)) for _ in range(7))]

    def model(some: Any) -> np.ndarray:
        p = np.array([[text.count("word1") / (1 + text.count(" "))] for text in map(str, some)])
        return np.concatenate([1 - p, p], axis=1)

    def attempt(**options: Any) -> Attempt:
        return lambda: explained(model, xai.TextProbes(texts, CLASSES[:8], **options), model(texts), evaluations="auto")

    return {"natural": attempt(), "repeated='one'": attempt(repeated="one"), "tokenize='sentences'": attempt(tokenize="sentences")}


def balanced() -> Attempts:
    import tensorflow as tf

    x = np.random.default_rng(0).normal(size=(10_000, 5)).astype("f4")
    y = np.repeat([0, 1], 5000)

    def attempt(dataset: Any) -> Attempt:
        def run() -> str:
            counts = np.bincount(xai.TabularProbes.from_dataset(dataset(), n=16, background=x[:100]).labels, minlength=2)
            return "right" if counts.tolist() == [8, 8] else f"WRONG: {counts.tolist()} of the two classes"

        return run

    return {"arrays": attempt(lambda: (x, y)), "tf.data": attempt(lambda: tf.data.Dataset.from_tensor_slices((x, y)).batch(100))}
