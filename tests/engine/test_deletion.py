"""Deletion and insertion curves, against worked examples and a model whose curve is known."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from support.models import IMAGES, LABELS, functional

import tb_xai_plugin as xai
from tb_xai_plugin.engine import deletion


def test_players_go_and_come_in_the_order_of_their_values() -> None:
    without, alone = np.split(deletion.masks(np.array([0.1, -2.0, 3.0, 0.5])), 2)
    assert without.astype(int).tolist() == [[1, 1, 0, 1], [1, 1, 0, 0], [0, 1, 0, 0]]
    assert np.array_equal(alone, ~without)


def test_areas_of_a_straight_line_are_one_half_and_of_a_step_the_share_before_it() -> None:
    line = np.array([0.75, 0.5, 0.25])
    assert deletion.areas(np.r_[line, line[::-1]], full=1.0, empty=0.0) == pytest.approx((0.5, 0.5))
    # All is lost with the first player, and all is there with it.
    step = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    assert deletion.areas(step, full=1.0, empty=0.0) == pytest.approx((0.125, 0.875))


def test_curves_cost_what_is_said_and_are_logged_for_the_true_class_alone() -> None:
    asked = []
    weights = np.random.default_rng(0).normal(size=(64, 3))

    def counting(images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        answers = np.exp(images.reshape(len(images), -1) @ weights)
        return answers / answers.sum(axis=1, keepdims=True)

    probes = xai.ImageProbes(IMAGES[:3], LABELS[:3])
    options = {"evaluations": 66, "batch_size": 1, "output": "probability"}
    xai.explain(counting, probes, "shap", **options)
    without = sum(asked)
    asked.clear()
    explanation = xai.explain(counting, probes, "shap", curves=True, **options)["shap"]
    assert sum(asked) - without == 3 * 2 * 15
    for measure in deletion.MEASURES:
        there = np.isfinite(explanation.fidelity[measure])
        assert np.array_equal(there, explanation.targets == LABELS[:3, None])


def test_the_area_is_that_of_the_models_own_probabilities() -> None:
    probes = xai.ImageProbes(IMAGES[:2], LABELS[:2], baseline=0.0)
    model = functional()
    explanation = xai.explain(model, probes, "shap", curves=True)["shap"]
    for probe, label in enumerate(LABELS[:2]):
        order = np.argsort(-explanation.values[probe, label])
        image, curve = IMAGES[probe].copy(), []
        for player in [None, *order]:
            if player is not None:
                image[probes.segments[probe] == player] = 0
            curve.append(float(keras.ops.convert_to_numpy(model(image[None]))[0, label]))
        area = (sum(curve) - (curve[0] + curve[-1]) / 2) / len(order)
        assert explanation.fidelity["deletion"][probe, label] == pytest.approx(area, abs=1e-5)


def test_removing_what_counts_first_is_worse_for_the_answer_than_removing_it_last() -> None:
    probes = xai.ImageProbes(IMAGES[:8], LABELS[:8])
    fidelity = xai.explain(functional(), probes, "shap", curves=True)["shap"].fidelity
    assert np.nanmean(fidelity["deletion"]) < np.nanmean(fidelity["insertion"])
