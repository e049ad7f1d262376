"""What is explained on the full coalition is the model's own output on the user's own input: faults are planted, and each must be caught or said."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from support.backends import BACKEND, as_array, on_tensorflow

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.games.segment_masker import SegmentMasker
from tb_xai_plugin.games.tabular_masker import TabularMasker
from tb_xai_plugin.models import identity

RNG = np.random.default_rng(0)
ROWS = (RNG.normal(size=(64, 5)) * 100).astype(np.float32)
LABELS = (ROWS[:, 0] > 0).astype(int)
TABLE = xai.TabularProbes(ROWS[:6], background=ROWS)
IMAGES = RNG.random((12, 8, 8, 1)).astype(np.float32)


def network(*body: keras.layers.Layer, shape: tuple[int, ...] = (5,), outputs: int = 1) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input(shape), *body, layers.Flatten(), layers.Dense(outputs)])
    model.compile("sgd", "mse")
    return model


def as_integers(rows: np.ndarray) -> np.ndarray:
    return np.trunc(rows)


def in_half_precision(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float16).astype(np.float32)


def with_two_columns_swapped(rows: np.ndarray) -> np.ndarray:
    return rows[:, [1, 0, 2, 3, 4]]


@pytest.mark.parametrize("fault", [as_integers, in_half_precision, with_two_columns_swapped])
@pytest.mark.parametrize("callable_model", [False, True], ids=["Keras", "a callable"])
def test_rows_that_reach_the_model_changed_are_an_error_with_probe_and_size(
    fault: Callable[[np.ndarray], np.ndarray], callable_model: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network()
    feed = TabularMasker.feed
    monkeypatch.setattr(TabularMasker, "feed", lambda self, coalitions, probe: fault(feed(self, coalitions, probe)))
    with pytest.raises(ValueError, match=r"on probe \d, unmasked, the model gives .* as given and .* as explained \(a difference of"):
        xai.explain((lambda rows: as_array(model(rows))) if callable_model else model, TABLE, "shap")


def test_the_pixels_of_another_probe_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = SegmentMasker.parts
    monkeypatch.setattr(SegmentMasker, "parts", lambda self, probe: parts(self, (probe + 1) % len(self.probes)))
    with pytest.raises(ValueError, match=r"on probe \d, unmasked, the model gives"):
        xai.explain(network(shape=(8, 8, 1)), xai.ImageProbes(IMAGES[:4]), "shap")


def test_side_inputs_by_the_place_of_a_row_are_an_error_that_names_the_option() -> None:
    meta = IMAGES[:, :3, 0, 0]
    image, numbers = keras.Input((8, 8, 1), name="image"), keras.Input((3,), name="meta")
    model = keras.Model([image, numbers], layers.Dense(1)(layers.Concatenate()([layers.Flatten()(image), 9 * numbers])))
    batch = np.resize(meta, (4096, 3))
    by_place = xai.ImageProbes(IMAGES[:4], model_input=lambda images: [images, ops.convert_to_tensor(batch[: images.shape[0]])])
    with pytest.raises(ValueError, match=r"model_input depends on the place of a row .*side_inputs="):
        xai.explain(model, by_place, "shap")
    right = xai.explain(model, xai.ImageProbes(IMAGES[:4], side_inputs={"meta": meta[:4]}), "shap")["shap"]
    expected = model.predict([IMAGES[:4], meta[:4]], verbose=0)
    assert np.allclose(right.outputs, expected, atol=1e-5)
    assert np.allclose(right.values.sum(axis=-1) + right.base_values, expected, atol=1e-4)


def test_the_side_inputs_of_a_table_are_kept_in_every_masked_row() -> None:
    image, numbers = keras.Input((8, 8, 1), name="image"), keras.Input((3,), name="meta")
    model = keras.Model([image, numbers], layers.Dense(1)(layers.Concatenate()([layers.Flatten()(image), numbers])))
    meta = RNG.normal(size=(40, 3)).astype(np.float32)
    probes = xai.TabularProbes(meta[:4], background=meta, side_inputs={"image": IMAGES[:4]}, absent="average", references=20)
    found = xai.explain(model, probes, "shap")["shap"]
    assert np.allclose(found.outputs, model.predict([IMAGES[:4], meta[:4]], verbose=0), atol=1e-5)
    # A linear model: the value of a feature is its weight times its distance from the mean of the reference rows.
    weights = model.layers[-1].get_weights()[0][-3:, 0]
    assert np.allclose(found.values[:, 0], weights * (meta[:4] - probes.references.mean(axis=0)), atol=1e-4)


class Mixing(layers.Layer):
    def call(self, inputs: object) -> object:
        return inputs - ops.mean(inputs, axis=0)


class Noisy(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.seed = keras.random.SeedGenerator(3)

    def call(self, inputs: object) -> object:
        return inputs + keras.random.normal(ops.shape(inputs), seed=self.seed)


class NoisyByTensorFlow(layers.Layer):
    def call(self, inputs: object) -> object:
        return inputs + tf.random.normal(tf.shape(inputs))


class Largest(layers.Layer):
    """Subtracts the largest of the batch: the company of the other probes matters, and that of a row of theirs does not."""

    def call(self, inputs: object) -> object:
        return inputs - ops.max(inputs, axis=0, keepdims=True)


@pytest.mark.parametrize("layer", [Mixing, Largest])
def test_outputs_that_depend_on_the_rest_of_the_batch_are_said_with_their_size(layer: type[layers.Layer]) -> None:
    with pytest.warns(UserWarning, match=r"depend on the rest of the batch: probe \d gives .* among the other probes and .* alone"):
        xai.explain(network(layer()), TABLE, "shap")


@pytest.mark.parametrize("layer", [Noisy, pytest.param(NoisyByTensorFlow, marks=on_tensorflow)])
def test_outputs_that_depend_on_chance_are_said_and_their_errors_are_those_of_chance(layer: type[layers.Layer]) -> None:
    model = network(layer())
    keras.utils.set_random_seed(5)
    with pytest.warns(UserWarning, match="depend on chance: the same batch twice gives"):
        found = xai.explain(model, TABLE, "shap")["shap"]
    # All coalitions are evaluated: without noise, the errors would be 0. The true values are those of a linear model.
    weights = model.layers[-1].get_weights()[0][:, 0]
    truth = weights * (ROWS[:6] - TABLE.references.mean(axis=0))
    z = (found.values[:, 0] - truth) / found.errors[:, 0]
    assert (found.errors > 0).all()
    assert 0.6 < np.sqrt((z**2).mean()) < 1.6


class Counter(layers.Layer):
    """Counts its calls in a variable of TensorFlow itself, which Keras does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.count = tf.Variable(0.0, trainable=False)

    def call(self, inputs: object) -> object:
        self.count.assign_add(1.0)
        return inputs


class Memory(layers.Layer):
    """Adds the mean of the last batch, which it keeps in a weight of its own: a state without a flag that says so."""

    def build(self, shape: object) -> None:
        self.last = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs: object) -> object:
        before = self.last + 0.0
        self.last.assign(ops.mean(inputs))
        return inputs + before


@pytest.mark.parametrize("layer", [pytest.param(Counter, marks=on_tensorflow), Memory])
def test_variables_that_a_forward_pass_writes_are_put_back_and_no_batch_leaks_into_the_next(layer: type[layers.Layer]) -> None:
    one = layer()
    model = network(one)
    model.predict(ROWS[:32], verbose=0)
    state = one.count if layer is Counter else one.last
    before = float(ops.convert_to_numpy(state))
    found = xai.explain(model, TABLE, "shap", batch_size=16)["shap"]
    assert float(ops.convert_to_numpy(state)) == before
    plain = model.layers[-1].get_weights()
    shift = 0 if layer is Counter else before
    assert np.allclose(found.outputs, (ROWS[:6] + shift) @ plain[0] + plain[1], atol=1e-3)


@pytest.mark.parametrize("kind", ["LSTM", "Bidirectional GRU"])
def test_a_stateful_layer_begins_every_series_at_zero_and_keeps_the_state_of_training(kind: str) -> None:
    keras.utils.set_random_seed(1)
    series = RNG.normal(size=(16, 6, 2)).astype(np.float32)
    recurrent = layers.LSTM(4, stateful=True) if kind == "LSTM" else layers.Bidirectional(layers.GRU(4, stateful=True))
    model = keras.Sequential([keras.Input(batch_shape=(8, 6, 2)), recurrent, layers.Dense(2, activation="softmax")])
    stateless = layers.LSTM(4) if kind == "LSTM" else layers.Bidirectional(layers.GRU(4))
    twin = keras.Sequential([keras.Input((6, 2)), stateless, layers.Dense(2, activation="softmax")])
    twin.set_weights(model.get_weights())
    model.predict(series, batch_size=8, verbose=0)
    states = [np.array(as_array(variable.value)) for variable in keras.tree.flatten([layer.states for layer in _recurrent(recurrent)])]
    probes = xai.SequenceProbes(series[:5], segments=6)
    both = [xai.explain(one, probes, ["shap", "ig"], output="probability") for one in (model, twin)]
    for explainer in ("shap", "ig"):
        assert np.abs(both[1][explainer].values).max() > 0.01
        assert np.allclose(both[0][explainer].values, both[1][explainer].values, atol=1e-5)
    assert np.allclose(both[0]["shap"].outputs, twin.predict(series[:5], verbose=0), atol=1e-6)
    now = [np.array(as_array(variable.value)) for variable in keras.tree.flatten([layer.states for layer in _recurrent(recurrent)])]
    assert all(np.array_equal(a, b) for a, b in zip(states, now, strict=True))


def _recurrent(layer: layers.Layer) -> list[layers.Layer]:
    return [layer.forward_layer, layer.backward_layer] if isinstance(layer, layers.Bidirectional) else [layer]


class Flipping(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.flip, self.flat, self.out = layers.RandomFlip(seed=3), layers.Flatten(), layers.Dense(1)

    def call(self, images: object) -> object:
        return self.out(self.flat(self.flip(images)))


def test_augmentation_that_predict_applies_is_said() -> None:
    model = Flipping()
    model.compile("sgd", "mse")
    model(IMAGES[:1])
    with pytest.warns(UserWarning, match="`predict` augments its inputs, because `call` of model"):
        found = xai.explain(model, xai.ImageProbes(IMAGES[:2]), "shap")["shap"]
    assert np.allclose(found.outputs, as_array(model(IMAGES[:2], training=False)), atol=1e-5)


def test_an_output_that_cancels_out_to_nothing_may_be_rounded_as_its_column_is() -> None:
    class Steps:
        """One probe, whose first output is the rest of a sum of large terms, added in another order behind the masker."""

        def given(self) -> str:
            return "given"

        def masked(self, probes: object, present: list[bool]) -> list[bool]:
            return present

        def outputs(self, inputs: str | list[bool], rows: list[int]) -> np.ndarray:
            rounded = [[1e-8, 0.5] if inputs == "given" else [3e-8, 0.5] if inputs[row] else [0.4, 0.5] for row in rows]
            return np.asarray(rounded, dtype=np.float32)

    checked = identity.check(Steps(), 1, identity.Tolerance(), own_inputs=False)
    assert checked.said == ()
    assert not checked.beyond(np.array([[2e-8, 0.5]]), identity.Tolerance())
    assert checked.beyond(np.array([[1e-8, 0.5002]]), identity.Tolerance())


def test_no_random_state_is_drawn_from_and_the_check_is_silent_where_all_is_right() -> None:
    model = network()
    np.random.seed(3)  # noqa: NPY002  the global state is what is tested
    expected = np.random.random(2)  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    probes = drawing_at_random(TABLE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        xai.explain(model, probes, "shap")
    assert np.array_equal(np.random.random(2), expected)  # noqa: NPY002


def drawing_at_random(probes: xai.TabularProbes) -> xai.TabularProbes:
    """The same probes with a `model_input` that draws from NumPy's global random state."""

    def drawing(rows: object) -> object:
        np.random.random()  # noqa: NPY002
        return rows

    return xai.TabularProbes(probes.inputs, background=probes.background, model_input=drawing)


def by_place(meta: np.ndarray) -> Callable[[object], object]:
    """A `model_input` that takes side inputs by the place of a row in its batch."""
    rows = np.resize(meta, (4096, *meta.shape[1:]))
    return lambda images: [images, ops.convert_to_tensor(rows[: images.shape[0]])]


def two_inputs(*heads: layers.Layer, before: layers.Layer | None = None) -> keras.Model:
    image, numbers = keras.Input((8, 8, 1), name="image"), keras.Input((3,), name="meta")
    flat = layers.Flatten()(image)
    both = layers.Concatenate()([before(flat) if before else flat, numbers])
    return keras.Model([image, numbers], layers.Concatenate()([head(both) for head in heads]) if len(heads) > 1 else heads[0](both))


class FromMeta(layers.Layer):
    """A number of the size `scale` that only the side inputs make."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def call(self, inputs: object) -> object:
        return self.scale * inputs[:, -1:]


class FromImage(FromMeta):
    def call(self, inputs: object) -> object:
        return self.scale * inputs[:, :1]


class Rare(layers.Layer):
    """A class of a probability about 1e-6, whose log-odds only the side inputs move."""

    def call(self, inputs: object) -> object:
        return ops.softmax(ops.concatenate([inputs[:, :1], inputs[:, 1:2], inputs[:, -1:] - 14.0], axis=1))


FAULTS = {
    "a small output beside a large one": lambda: two_inputs(FromImage(2e6), FromMeta(1.0)),
    "tiny outputs": lambda: two_inputs(FromMeta(1e-9)),
    "a rare class": lambda: two_inputs(Rare()),
    "hidden by a little noise": lambda: two_inputs(FromMeta(5.0), before=Small(Noisy)),
    "hidden by a little mixing": lambda: two_inputs(FromMeta(5.0), before=Small(Mixing)),
}


class Small(layers.Layer):
    def __init__(self, kind: type[layers.Layer]) -> None:
        super().__init__()
        self.inner = kind()

    def call(self, inputs: object) -> object:
        return inputs + 1e-3 * self.inner(inputs)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_whatever_stands_beside_it(name: str) -> None:
    meta = RNG.normal(size=(4, 3)).astype(np.float32)
    keras.utils.set_random_seed(1)
    model = FAULTS[name]()
    with pytest.raises(ValueError, match="model_input depends on the place of a row"):
        xai.explain(
            model, xai.ImageProbes(IMAGES[:4], model_input=by_place(meta)), "shap", head="probabilities" if "rare" in name else "regression"
        )


def test_two_sigmoids_that_have_learned_nothing_are_no_softmax_and_outputs_that_contradict_their_reading_are_said(tmp_path: Path) -> None:
    inputs = keras.Input((5,))
    model = keras.Model(inputs, ops.sigmoid(layers.Dense(2, kernel_initializer="zeros")(inputs)))
    model.compile("sgd", "binary_crossentropy")
    both = np.stack([LABELS, 1 - LABELS], axis=1)[:, [0, 0]]
    logger = xai.ExplanationLogger(tmp_path, xai.TabularProbes(ROWS[:6], both[:6], background=ROWS), "shap")
    model.fit(ROWS / 100, both, epochs=1, verbose=0, callbacks=[logger])
    run = xai.read_run(tmp_path)
    assert run.settings["head"] == "sigmoid"
    assert np.allclose(run.outputs[-1], model.predict(ROWS[:6], verbose=0), atol=1e-5)
    turned = [0.0]
    changing = Engine(Plan(TABLE, "shap"), lambda rows: np.stack([np.full(len(rows), 0.2 + turned[0]), np.full(len(rows), 0.8)], axis=1))
    turned[0] = 0.5
    with pytest.warns(UserWarning, match=r"are not what they were taken for: their rows sum to 1.5 to 1.5 now, .* give head="):
        changing.run()


@pytest.mark.skipif(BACKEND == "jax", reason="JAX has no float64 unless it is told so")
def test_nested_inputs_and_side_inputs_in_double_precision_come_by_name() -> None:
    own, m, k = keras.Input((5,), name="own"), keras.Input((3,), name="m"), keras.Input((3,), name="k", dtype="float64")
    late = ops.cast(k - 1.7e9, "float32")
    model = keras.Model({"tables": [own, m], "k": k}, layers.Dense(1)(layers.Concatenate()([own, 2 * m, late])))
    meta = RNG.normal(size=(6, 3)).astype(np.float32)
    seconds = 1.7e9 + RNG.random((6, 3))
    probes = xai.TabularProbes(ROWS[:6], background=ROWS, side_inputs={"k": seconds, "m": meta})
    found = xai.explain(model, probes, "shap")["shap"]
    expected = model({"tables": [ROWS[:6], meta], "k": seconds}, training=False)
    assert np.allclose(found.outputs, as_array(expected), atol=1e-3)


class Drawing(keras.Model):
    """Draws from a generator of TensorFlow, not of Keras."""

    def __init__(self) -> None:
        super().__init__()
        self.out, self.generator = layers.Dense(1), tf.random.Generator.from_seed(1)

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        return self.out(rows + 30 * self.generator.normal(tf.shape(rows)))


@on_tensorflow
def test_a_generator_of_tensorflow_is_chance_and_its_state_is_put_back() -> None:
    model = Drawing()
    model(ROWS[:1])
    before = model.generator.state.numpy()
    with pytest.warns(UserWarning, match="outputs depend on chance"):
        found = xai.explain(model, TABLE, "shap", head="regression")["shap"]
    assert found.errors.min() > 0
    assert np.array_equal(model.generator.state.numpy(), before)


def test_model_input_may_return_constants_besides_rows() -> None:
    a, b = keras.Input((5,)), keras.Input((5,))
    model = keras.Model([a, b], layers.Dense(1)(a + b))
    probes = xai.TabularProbes(ROWS[:6], background=ROWS, model_input=lambda rows: [rows, ops.ones((1, 5))])
    found = xai.explain(model, probes, "shap", head="regression")["shap"]
    assert np.allclose(found.outputs, model.predict([ROWS[:6], np.ones((6, 5))], verbose=0), atol=1e-3)


@pytest.mark.parametrize("of_row", [lambda row: float(row.sum()), lambda row: [float(row.sum())], lambda row: np.array([row.sum()])])
def test_a_callable_may_return_a_list_with_one_entry_per_row(of_row: Callable[[np.ndarray], object]) -> None:
    found = xai.explain(lambda rows: [of_row(row) for row in rows], TABLE, "shap", head="regression")["shap"]
    assert np.allclose(found.outputs[:, 0], ROWS[:6].sum(axis=1), atol=1e-3)


@on_tensorflow
def test_side_inputs_stand_beside_a_list_of_texts() -> None:
    texts, prices = ["a good film", "bad film", "so so"], np.array([[1.0], [2.0], [4.0]])

    def model(inputs: list[object]) -> np.ndarray:
        given, own = inputs
        return np.array([len(text.split()) * price for text, price in zip(given, own[:, 0], strict=True)])

    found = xai.explain(model, xai.TextProbes(texts, side_inputs=[None, prices]), "shap", head="regression", evaluations=16)["shap"]
    assert found.outputs[:, 0].tolist() == [3.0, 4.0, 8.0]
    vectorize = layers.TextVectorization(output_sequence_length=4)
    vectorize.adapt(texts)
    text, price = keras.Input((1,), dtype="string", name="text"), keras.Input((1,), name="price")
    words = layers.GlobalAveragePooling1D()(layers.Embedding(20, 2)(vectorize(text)))
    network = keras.Model([text, price], layers.Dense(1)(layers.Concatenate()([words, price])))
    found = xai.explain(network, xai.TextProbes(texts, side_inputs={"price": prices}), "shap", head="regression", evaluations=16)["shap"]
    assert np.allclose(found.outputs, network([tf.constant(texts)[:, None], tf.constant(prices)]), atol=1e-6)


@pytest.mark.skipif(BACKEND == "jax", reason="JAX has no int64 unless it is told so")
def test_categories_that_float32_rounds_reach_integer_inputs_exactly_and_missing_words_are_refused() -> None:
    pandas = pytest.importorskip("pandas")
    ids = [123456789, 123456790, 123456791]
    frame = pandas.DataFrame({"id": pandas.Categorical(ids * 10), "size": np.arange(30.0)})
    one, size = keras.Input((1,), name="id", dtype="int64"), keras.Input((1,), name="size")
    known = layers.Flatten()(layers.Embedding(5, 2)(layers.IntegerLookup(vocabulary=ids)(one)))
    model = keras.Model({"id": one, "size": size}, layers.Dense(1)(layers.Concatenate()([known, size])))
    found = xai.explain(model, xai.TabularProbes(frame[:4], background=frame), "shap", head="regression")["shap"]
    given = {"id": np.array(ids * 10)[:4, None], "size": np.arange(4.0)[:, None]}
    assert np.allclose(found.outputs, model.predict(given, verbose=0), atol=1e-5)
    frame["id"] = pandas.Categorical([*ids, None] * 7 + ids[:2])
    with pytest.raises(ValueError, match="'id' has missing values"):
        xai.explain(model, xai.TabularProbes(frame[:4], background=frame, missing="keep"), "shap", head="regression")


class Staged(keras.Model):
    """Changes by an attribute, which a compiled graph does not see."""

    def __init__(self) -> None:
        super().__init__()
        self.out, self.stage = layers.Dense(1), 1.0

    def call(self, rows: object) -> object:
        return self.out(rows) * self.stage


class NextStage(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.model.stage = 1.0 + epoch


@pytest.mark.parametrize("eagerly", [True, False])
def test_a_model_that_changes_by_an_attribute_is_explained_as_it_is_or_leaves_a_gap(eagerly: bool, tmp_path: Path) -> None:
    model = Staged()
    model.compile("sgd", "mse", run_eagerly=eagerly)
    eagerly = eagerly or BACKEND == "torch"  # where nothing is compiled
    logger = xai.ExplanationLogger(tmp_path, xai.TabularProbes(ROWS[:6] / 100, background=ROWS / 100), "shap", untrained=False)
    with nullcontext() if eagerly else pytest.warns(UserWarning, match="the model has changed in another way than by its weights"):
        model.fit(ROWS / 100, ROWS[:, 0], epochs=3, verbose=0, callbacks=[NextStage(), logger])
    run = xai.read_run(tmp_path)
    assert set(run.gaps) == (set() if eagerly else {1, 2})
    if eagerly:
        assert np.allclose(run.outputs[-1], model.predict(ROWS[:6] / 100, verbose=0), atol=1e-4)


def test_a_sigmoid_layer_that_is_used_twice_keeps_both_its_activations(tmp_path: Path) -> None:
    inputs = keras.Input((5,))
    gate = layers.Dense(5, "sigmoid", kernel_initializer="zeros")
    model = keras.Model(inputs, gate(inputs * (0.5 + gate(inputs))))
    model.compile("adam", "binary_crossentropy")
    logger = xai.ExplanationLogger(tmp_path, xai.TabularProbes(ROWS[:6] / 100, background=ROWS / 100), "shap")
    model.fit(ROWS / 100, np.tile(LABELS[:, None], 5), epochs=4, verbose=0, callbacks=[logger])
    assert np.allclose(xai.read_run(tmp_path).outputs[-1], model.predict(ROWS[:6] / 100, verbose=0), atol=1e-5)


def test_ids_come_back_to_a_callable_as_whole_numbers() -> None:
    weights = RNG.normal(size=(30, 1))
    ids = np.array([[3, 4, 5, 0, 0, 0], [7, 8, 9, 10, 0, 0]])
    found = xai.explain(lambda given: weights[given].sum(axis=1), xai.SequenceProbes(ids), "shap")["shap"]
    assert np.allclose(found.outputs, weights[ids].sum(axis=1), atol=1e-5)


class AddsLosses(keras.Model):
    """A wrapper whose `train_step` adds up the losses of all layers, also of a network that it does not call."""

    def __init__(self) -> None:
        super().__init__()
        self.teacher = keras.Sequential([keras.Input((5,)), layers.Dense(3, activity_regularizer="l2"), layers.Dense(1)])
        self.student = keras.Sequential([keras.Input((5,)), layers.Dense(1)])

    def train_step(self, data: object) -> dict[str, object]:
        with tf.GradientTape() as tape:
            loss = ops.mean(self.student(data) ** 2) + sum(self.losses)
        gradients = tape.gradient(loss, self.student.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.student.trainable_variables, strict=True))
        return {"loss": loss}


@on_tensorflow
def test_losses_that_layers_keep_are_those_of_training(tmp_path: Path) -> None:
    def trained(*callbacks: keras.callbacks.Callback) -> list[float]:
        keras.utils.set_random_seed(3)
        model = AddsLosses()
        model.compile("sgd")
        return model.fit(ROWS / 100, epochs=3, verbose=0, callbacks=list(callbacks)).history["loss"]

    probes = xai.TabularProbes(ROWS[:6] / 100, background=ROWS / 100)
    logger = xai.ExplanationLogger(tmp_path, probes, ("shap", "ig"), model=lambda m: m.teacher, on_error="raise", head="regression")
    assert trained(logger) == trained()
