"""Devices that multiply with fewer digits, and have kernels of their own for recurrent layers: what is known to go wrong there is left out. No GPU is needed."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers
from support.models import IMAGES, LABELS, convolutional

import tb_xai_plugin as xai
from tb_xai_plugin.games.segment_masker import SegmentMasker
from tb_xai_plugin.models.compiled import framework

PROBES = xai.ImageProbes(IMAGES[:4], LABELS[:4])


def as_tensor_float_32(x: np.ndarray) -> np.ndarray:
    """Rounded to the 11 digits, of base 2, that TensorFloat-32 multiplies."""
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32)
    return ((bits + 0x1000) & 0xFFFFE000).view(np.float32)


def test_masks_are_exact_where_products_are_rounded() -> None:
    device = SimpleNamespace(reshape=np.reshape, where=np.where, matmul=lambda a, b: as_tensor_float_32(a) @ as_tensor_float_32(b))
    coalitions = np.random.default_rng(0).random((20, 16)) < 0.5
    masker = SegmentMasker(PROBES).for_devices
    masked = masker.mask(device, masker.feed(coalitions, 3), masker.parts(3))
    expected = np.where(coalitions[:, PROBES.segments[3]][..., None], IMAGES[3], PROBES.baseline[0])
    assert np.abs(masked - expected).max() < 1e-7


@pytest.fixture
def _on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framework(), "on_cpu", lambda: False)


def test_explanations_are_those_of_a_processor(request: pytest.FixtureRequest) -> None:
    model, explainers = convolutional(), ("shap", "lime", "ig", "grad-cam")
    there = xai.explain(model, PROBES, explainers)
    request.getfixturevalue("_on_a_device")
    for name, explanation in xai.explain(model, PROBES, explainers).items():
        assert np.allclose(explanation.values, there[name].values, atol=1e-5)


@pytest.mark.usefixtures("_on_a_device")
@pytest.mark.parametrize("masks", [True, False])
def test_recurrent_layers_with_masks_take_step_after_step_while_they_are_explained_and_others_their_own_kernel(masks: bool) -> None:
    recurrent = layers.LSTM(4)
    model = keras.Sequential([keras.Input((6,), dtype="int32"), layers.Embedding(9, 3, mask_zero=masks), recurrent, layers.Dense(2)])
    used: set[object] = set()
    step = recurrent.inner_loop
    recurrent.inner_loop = lambda *arguments, **options: used.add(recurrent.use_cudnn) or step(*arguments, **options)
    ids = np.random.default_rng(0).integers(1, 9, (4, 6))
    found = xai.explain(model, xai.SequenceProbes(ids, baseline=0), "shap", head="regression")["shap"]
    assert used == ({False} if masks else {"auto"})
    assert recurrent.use_cudnn == "auto"
    assert np.isfinite(found.values).all()
