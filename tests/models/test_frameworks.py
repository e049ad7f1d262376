"""What only one of the frameworks under Keras does: `make test-backends` runs these."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from support.backends import BACKEND, as_array

import tb_xai_plugin as xai

ROWS = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
PROBES = xai.TabularProbes(ROWS[:4], background=ROWS)
on_jax = pytest.mark.skipif(BACKEND != "jax", reason=f"is about JAX, and Keras runs on {BACKEND}; 'make test-backends' runs it")
on_torch = pytest.mark.skipif(BACKEND != "torch", reason=f"is about PyTorch, and Keras runs on {BACKEND}; 'make test-backends' runs it")


class InPython(layers.Layer):
    """Asks for a number while it is compiled."""

    def call(self, inputs: object) -> object:
        return inputs * 2 if float(keras.ops.max(inputs)) > -1e9 else inputs


@on_jax
def test_a_model_that_needs_numbers_while_it_is_compiled_runs_as_it_is_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(2)])

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.twice = inner, InPython()

        def call(self, rows: object) -> object:
            return self.twice(self.inner(rows))

    model = Model()
    model(ROWS[:1])
    found = xai.explain(model, PROBES, "shap", head="regression")["shap"]
    assert np.allclose(found.values, 2 * xai.explain(inner, PROBES, "shap", head="regression")["shap"].values, atol=1e-5)
    assert [record.getMessage().partition(", so it is")[0] for record in caplog.records if "not compiled" in record.getMessage()] == [
        f"model {model.name!r}, or a function of yours around it, needs numbers where JAX has none yet (ConcretizationTypeError)"
    ]
    with pytest.raises((ValueError, RuntimeError), match="has no gradient with respect to its input"):
        xai.explain(model, PROBES, "ig", head="regression")


@pytest.mark.skipif(BACKEND == "tensorflow", reason="TensorFlow has strings; 'make test-backends' runs it")
def test_a_model_that_takes_strings_is_refused_with_what_to_do() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    with pytest.raises(
        ValueError, match=rf"the model takes strings, which Keras has on TensorFlow alone, and it runs on {BACKEND}; give encode="
    ):
        xai.explain(model, xai.TextProbes(["a good film", "a bad film"]), "shap")


@on_torch
def test_modules_inside_a_model_keep_their_mode_and_weights_get_no_gradients() -> None:
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Dropout(0.5), torch.nn.Linear(3, 2))
    model = keras.Sequential([keras.Input((4,)), keras.layers.TorchModuleWrapper(module, output_shape=(None, 2))])
    module.train()
    module[1].eval()
    drawn = torch.random.get_rng_state()
    with torch.autocast("cpu"):
        found = xai.explain(model, PROBES, ("shap", "ig"), head="regression")
    assert [one.training for one in module.modules()] == [True, True, False, True]
    assert all(weight.grad is None for weight in module.parameters())
    assert torch.equal(torch.random.get_rng_state(), drawn)
    exact = module.eval()(torch.tensor(ROWS[:4], device=module[0].weight.device))
    assert np.allclose(found["shap"].outputs, as_array(exact), atol=1e-5)
    assert np.allclose(found["ig"].values, found["shap"].values, atol=1e-4)
    module.train()(torch.tensor(ROWS, device=module[0].weight.device)).sum().backward()  # nothing that a call kept is in the way
