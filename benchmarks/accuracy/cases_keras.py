"""The reported cases from models as the public Keras examples build them (23 to 31): each function returns its attempts."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pandas as pd
from case_tools import Attempt, explained, harmed, last_outputs, log_dir, logged
from cases_reported import CLASSES, IMAGES, RNG, ROWS, SERIES, Attempts, compiled, dense, table
from keras import layers, ops

import tb_xai_plugin as xai


class Wrapper(keras.Model):
    """A network with a train_step of its own, and no call."""

    def __init__(self, network: keras.Model, loss: Any) -> None:
        super().__init__()
        self.network, self.own_loss = network, loss

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            loss = ops.mean(self.own_loss(y, self.network(x, training=True)))
        self.optimizer.apply(tape.gradient(loss, self.network.trainable_variables), self.network.trainable_variables)
        return {"loss": loss}


class Called(Wrapper):
    def call(self, x: Any, training: bool = False) -> Any:
        return self.network(x, training=training)


def without_call() -> Attempts:
    def attempt(**options: Any) -> Attempt:
        def run() -> float:
            model = Wrapper(dense(), keras.losses.sparse_categorical_crossentropy)
            model.compile("adam")
            run = logged(model, ROWS, CLASSES, table(), **options)
            return last_outputs(run, model.network.predict(ROWS[:8], verbose=0))

        return run

    return {"natural": attempt(), "model=lambda m: m.network": attempt(model=lambda m: m.network)}


class Gated(keras.Model):
    """Its last layer is a gate, its outputs are made by another."""

    def __init__(self) -> None:
        super().__init__()
        self.p, self.gate = layers.Dense(3, activation="softmax"), layers.Dense(5, activation="sigmoid")

    def call(self, x: Any) -> Any:
        return self.p(x * self.gate(x))


def head_guessed() -> Attempts:
    def own_step(**options: Any) -> Attempt:
        def run() -> float:
            model = Called(dense(3, None), keras.losses.mean_squared_error)
            model.compile("adam")
            model(ROWS[:1])
            truth = ROWS[:, :3] * 3
            run = logged(model, ROWS, truth, table(None), **options)
            explained_sum = np.nansum(run.values("shap")[-1], axis=-1) + run.base_values("shap")[-1]
            return float(np.abs(explained_sum - model.predict(ROWS[:8], verbose=0)).max())

        return run

    def labelled() -> str:
        model = Called(dense(3, None), keras.losses.mean_squared_error)
        model.compile("adam")
        model(ROWS[:1])
        run = logged(model, ROWS, ROWS[:, :3] * 3, table(CLASSES[:8]))
        return "read as they are" if last_outputs(run, model.predict(ROWS[:8], verbose=0)) < 1e-4 else "read as class logits"

    def embeddings() -> float:
        inputs = keras.Input((5,))
        model = keras.Model(inputs, layers.UnitNormalization()(layers.Dense(4)(inputs)))
        model.compile("adam", lambda y, z: ops.mean(z * ops.cast(y[:, None], z.dtype), axis=-1))
        run = logged(model, ROWS, CLASSES, table())
        return last_outputs(run, model.predict(ROWS[:8], verbose=0))

    def gate() -> str:
        model = compiled(Gated())
        model(ROWS[:1])
        run = logged(model, ROWS, CLASSES, table())
        kind = run.settings["head"]
        return f"{'right' if kind in ('softmax', 'logits') else 'WRONG'}: head {kind!r}"

    return {
        "own train_step, no loss": own_step(),
        "the same, output='raw'": own_step(output="raw"),
        "the same, head='regression'": own_step(head="regression"),
        "the same, with labels": labelled,
        "embeddings": embeddings,
        "a sigmoid gate inside": gate,
    }


def named_inputs() -> Attempts:
    frame = pd.DataFrame(ROWS[:, :4].astype("f8"), columns=list("abcd"))
    inputs = {c: keras.Input((1,), name=c) for c in "abcd"}
    joined = layers.Concatenate()(list(inputs.values()))
    model = compiled(keras.Model(inputs, layers.Dense(2, activation="softmax")(joined)))
    truth = model.predict({c: frame[[c]].to_numpy()[:8] for c in "abcd"}, verbose=0)

    def columns(data: pd.DataFrame, **options: Any) -> Attempt:
        return lambda: explained(model, xai.TabularProbes(data[:8], CLASSES[:8], background=data, **options), truth)

    words = pd.DataFrame({"a": ROWS[:, 0], "colour": np.array(["red", "green", "blue"])[RNG.integers(0, 3, 64)]})
    a, colour = keras.Input((1,), name="a"), keras.Input((1,), name="colour", dtype="string")
    codes = layers.StringLookup(vocabulary=["red", "green", "blue"], output_mode="one_hot")(colour)
    looked_up = compiled(keras.Model({"a": a, "colour": colour}, layers.Dense(2, activation="softmax")(layers.Concatenate()([a, codes]))))

    def strings() -> float:
        import tensorflow as tf

        own = looked_up({"a": tf.constant(words[["a"]].to_numpy()[:8]), "colour": tf.constant(words[["colour"]].to_numpy(str)[:8])})
        return explained(looked_up, xai.TabularProbes(words[:8], CLASSES[:8], background=words), np.asarray(own))

    return {
        "natural": columns(frame),
        "columns in another order": columns(frame[list("dbca")]),
        "a column is missing": columns(frame[list("abc")]),
        "model_input=dict of slices": columns(frame, model_input=lambda b: {c: b[:, j : j + 1] for j, c in enumerate("abcd")}),
        "words for a StringLookup": strings,
    }


class Centred(keras.Model):
    """Its outputs depend on the other rows of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2, activation="softmax")

    def call(self, x: Any) -> Any:
        return self.dense(x - ops.mean(x, axis=0))


class Noisy(keras.Model):
    """Its outputs are drawn at every call."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.seeds = layers.Dense(1), keras.random.SeedGenerator(3)

    def call(self, x: Any) -> Any:
        return self.dense(x) + 3 * keras.random.normal((ops.shape(x)[0], 1), seed=self.seeds)


def depends() -> Attempts:
    def on_the_batch() -> float:
        model = compiled(Centred())
        model(ROWS[:1])
        return explained(model, table(), model.predict(ROWS[:8], verbose=0))

    def on_chance() -> str:
        model = compiled(Noisy(), "mse")
        model(ROWS[:1])
        explanation = xai.explain(model, table(ROWS[:8, 0]), "shap")["shap"]
        return "errors are not 0" if np.nanmax(explanation.errors) > 0.1 else "WRONG: errors are 0"

    return {"rows mix": on_the_batch, "noise in call": on_chance}


class Counting(keras.Model):
    """A counter of TensorFlow's own, which Keras does not know."""

    def __init__(self) -> None:
        import tensorflow as tf

        super().__init__()
        self.dense = layers.Dense(2, activation="softmax")
        self.counter = tf.Variable(0.0, trainable=False)

    def call(self, x: Any) -> Any:
        self.counter.assign_add(1.0)
        return self.dense(x / (1.0 + 0.1 * self.counter))


def counter() -> Attempts:
    def make() -> keras.Model:
        model = compiled(Counting())
        model(ROWS[:1])
        return model

    return {"tf.Variable": lambda: harmed(make, ROWS, CLASSES, table()) or "training right"}


class Augmenting(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.flip, self.flat, self.dense = layers.RandomFlip(seed=1), layers.Flatten(), layers.Dense(2, activation="softmax")

    def call(self, x: Any) -> Any:
        return self.dense(self.flat(self.flip(x)))


def augmentation() -> Attempts:
    def run() -> float:
        model = compiled(Augmenting())
        model(IMAGES[:1])
        return explained(model, xai.ImageProbes(IMAGES[:8], CLASSES[:8], segments="grid"), np.asarray(model(IMAGES[:8], training=False)))

    return {"call(x) without training": run}


def lists() -> Attempts:
    def several(count: int) -> Attempt:
        def run() -> float:
            images = [RNG.normal(size=(64, 8, 8, 1)).astype("f4") for _ in range(count)]
            inputs = [keras.Input((8, 8, 1)) for _ in images]
            shared = layers.Conv2D(2, 3)
            joined = layers.Concatenate()([layers.Flatten()(shared(i)) for i in inputs])
            model = compiled(keras.Model(inputs, layers.Dense(2, activation="softmax")(joined)))
            probes = xai.ImageProbes([x[:8] for x in images], CLASSES[:8], segments="grid")
            return explained(model, probes, model.predict([x[:8] for x in images], verbose=0))

        return run

    def video() -> float:
        frames, mask = keras.Input((12, 2), name="frames"), keras.Input((12,), name="mask", dtype="bool")
        model = compiled(keras.Model([frames, mask], layers.Dense(2, activation="softmax")(layers.GRU(3)(frames, mask=mask))))
        shown = np.arange(12)[None] < RNG.integers(6, 13, (64, 1))
        probes = xai.SequenceProbes(SERIES[:8], CLASSES[:8], side_inputs={"mask": shown[:8]})
        return explained(model, probes, model.predict([SERIES[:8], shown[:8]], verbose=0))

    def one_array() -> float:
        bags = RNG.normal(size=(64, 3, 8, 8, 1)).astype("f4")
        model = compiled(
            keras.Sequential(
                [
                    keras.Input((3, 8, 8, 1)),
                    layers.TimeDistributed(layers.Flatten()),
                    layers.GlobalMaxPooling1D(),
                    layers.Dense(2, "softmax"),
                ]
            )
        )
        return explained(model, xai.ImageProbes(bags[:8], CLASSES[:8], segments="grid"), model.predict(bags[:8], verbose=0))

    return {"three images": several(3), "two images": several(2), "frames and a mask": video, "a bag as one array": one_array}


def when_refused() -> Attempts:
    def attempt(built: bool) -> Attempt:
        def run() -> str:
            model = keras.Sequential([*([keras.Input((5,))] if built else []), layers.Dense(4), layers.Reshape((2, 2))])
            model.compile("adam", "mse")
            steps: list[int] = []
            count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    model.fit(
                        *(ROWS, np.zeros((64, 2, 2), "f4")),
                        epochs=2,
                        batch_size=8,
                        verbose=0,
                        callbacks=[count, xai.ExplanationLogger(log_dir(), table(), "shap")],
                    )
                except ValueError as error:
                    return f"an error after {len(steps)} batches: {' '.join(str(error).split())[:90]}…"
            return f"{len(caught)} warnings, {len(steps)} batches trained: {str(caught[-1].message)[:90] if caught else ''}…"

        return run

    return {"built": attempt(True), "unbuilt": attempt(False)}


def fractions() -> Attempts:
    soft = RNG.random((64, 3)).astype("f4")

    def attempt(outputs: int, targets: np.ndarray) -> Attempt:
        def run() -> float:
            model = dense(outputs, "sigmoid", "binary_crossentropy")
            run = logged(model, ROWS, targets, table(targets[:8]))
            return last_outputs(run, model.predict(ROWS[:8], verbose=0))

        return run

    def one_column() -> float:
        rows = ROWS[:, :1]
        model = compiled(keras.Sequential([keras.Input((1,)), layers.Dense(2, activation="softmax")]))
        return explained(model, xai.TabularProbes(rows[:8], CLASSES[:8], background=rows), model.predict(rows[:8], verbose=0))

    return {
        "(n,) fractions, binary loss": attempt(1, soft[:, 0]),
        "(n, k) fractions, binary loss": attempt(3, soft),
        "a table of one column": one_column,
    }
