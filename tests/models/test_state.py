"""The digest of a model's weights: equal for equal bits, and for nothing else."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import ml_dtypes
import numpy as np
import pytest
from keras import layers
from support.fits import BuiltByItsFirstBatch, network

from tb_xai_plugin.models.state import digest


class Values(layers.Layer):
    """Has weights with given values."""

    def __init__(self, *values: np.ndarray) -> None:
        super().__init__()
        for value in values:
            weight = self.add_weight(shape=value.shape, dtype=value.dtype.name, trainable=False)
            weight.assign(value)

    def call(self, inputs: Any) -> Any:
        return inputs


def of(*values: Any) -> str | None:
    """The digest of a model that has these weights."""
    model = keras.Sequential([keras.Input((1,)), Values(*map(np.asarray, values))])
    assert len(model.weights) == len(values)
    return digest(model)


def flipped(value: np.ndarray, bit: int) -> np.ndarray:
    changed = np.array(value)
    changed.reshape(-1).view(np.uint8)[bit // 8] ^= 1 << bit % 8
    return changed


KINDS = {
    "float32": np.array([[1.5, -2.0], [0.0, 3.0]], "f4"),
    "float16": np.array([1.5, -2.0, 0.0], "f2"),
    "bfloat16": np.array([1.5, -2.0, 0.0], ml_dtypes.bfloat16),
    "float64": np.array([1.5, -2.0], "f8"),
    "int32": np.array([1, -2], "i4"),
    "uint8": np.array([1, 2, 255], "u1"),
    "a scalar": np.array(1.5, "f4"),
    "a bfloat16 scalar": np.array(1.5, ml_dtypes.bfloat16),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_one_bit_of_any_weight_changes_it(kind: str) -> None:
    value, other = KINDS[kind], np.array([7.0], "f4")
    digests = [of(value, other), *(of(flipped(value, bit), other) for bit in range(8 * value.nbytes))]
    assert None not in digests
    assert len(set(digests)) == len(digests)
    assert of(np.array(value), np.array(other)) == digests[0]


def test_the_last_weight_counts_as_the_first_does() -> None:
    values = [np.float32([1, 2]), np.float32([3]), np.float32(4)]
    changed = [[flipped(value, 0) if place == chosen else value for place, value in enumerate(values)] for chosen in range(3)]
    assert len({of(*values), *(of(*each) for each in changed)}) == 4


def test_signs_of_zero_and_kinds_of_nan_are_bits_too() -> None:
    other_nan = np.array([0x7FC00001], "u4").view("f4")
    assert len({of(np.float32([each])) for each in (0.0, -0.0, np.nan)} | {of(other_nan)}) == 4
    assert of(np.float32([np.nan])) == of(np.float32([np.nan]))


def test_order_shape_and_type_count() -> None:
    """The bytes are the same in each of a group."""
    a, b = np.float32([1, 2]), np.float32([3, 4])
    assert of(a, b) != of(b, a)
    assert of(np.concatenate([a, b])) != of(a, b)
    assert of(np.stack([a, b])) != of(np.concatenate([a, b]))
    assert of(a) != of(a.view("i4"))
    assert of(np.float32(1)) != of(np.float32([1]))
    assert of(np.zeros((0, 3), "f4"), a) != of(a)


def test_it_is_of_the_model_and_not_of_the_object() -> None:
    model, other = network(), network()
    assert digest(model) != digest(other)
    other.set_weights(model.get_weights())
    assert digest(model) == digest(other) == digest(model)


def test_it_is_that_of_records_that_were_written_before() -> None:
    """If it changes, no model goes on in a record that an earlier process, or an earlier version, wrote."""
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model.set_weights([np.arange(6, dtype="f4").reshape(3, 2), np.ones(2, "f4")])
    assert digest(model) == "0b06660781e3a3070073500292036815"


def test_what_a_layer_keeps_besides_what_it_trains_counts() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization()])
    before = digest(model)
    model.layers[0].moving_mean.assign([0, 0, 0, 1e-30])
    assert digest(model) != before


def test_what_the_optimizer_keeps_does_not_count() -> None:
    """A model that is saved without its optimizer goes on in its record."""
    model = network()
    before = digest(model)
    for variable in model.optimizer.variables:
        variable.assign(np.ones_like(np.array(variable)))
    assert digest(model) == before


def test_a_model_that_is_not_built_has_none_and_is_not_built_by_it() -> None:
    for model in (BuiltByItsFirstBatch(), keras.Sequential([layers.Dense(2)])):
        assert digest(model) is None
        assert not model.built
        model(np.zeros((1, 4), "f4"))
        assert digest(model) is not None


def test_what_has_no_weights_has_none() -> None:
    assert digest(keras.Sequential([keras.Input((4,)), layers.Flatten()])) is None
    assert digest(lambda rows: rows) is None
    assert digest(None) is None


def test_mixed_precision_is_read_as_it_is_kept() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, dtype="mixed_float16")])
    before = digest(model)
    # Too small for a float16, in which the layer computes.
    model.set_weights([weight + np.float32(1e-12) for weight in model.get_weights()])
    assert digest(model) != before


def test_reading_weights_warns_of_nothing() -> None:
    """Under `-W error` a warning would be a failure, and the record would not know its model."""
    model = network()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert digest(model) is not None


def test_the_model_stays_as_it_is() -> None:
    model = network()
    before = model.get_weights()
    digest(model)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
