"""Line-ups: segments that equal their baseline take part in no coalition, and have the values that all coalitions would give them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import tb_xai_plugin as xai
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers.lime import Lime
from tb_xai_plugin.games.coalitions import LAWS, build_design

SEGMENTS = np.arange(64).reshape(8, 8) // 8  # eight rows


def probes(empty_rows: tuple[list[int], ...]) -> xai.ImageProbes:
    images = np.random.default_rng(0).random((len(empty_rows), 8, 8)).astype(np.float32) + 0.1
    for image, rows in zip(images, empty_rows, strict=True):
        image[rows] = 0
    return xai.ImageProbes(images, segments=SEGMENTS, baseline=0.0)


def model(x: np.ndarray) -> np.ndarray:
    """Interactions of two and three rows."""
    rows = np.asarray(x, dtype=np.float64).mean(axis=2)
    return rows[:, 0] * rows[:, 3] + rows[:, 1] * rows[:, 5] * rows[:, 7] + np.tanh(rows.sum(axis=1)) + rows[:, 2]


def shapley_by_enumeration(image: np.ndarray) -> np.ndarray:
    masks = np.array(list(itertools.product([0, 1], repeat=8)))
    answers = dict(zip(map(tuple, masks.tolist()), model(image * masks[:, SEGMENTS]), strict=True))
    phi = np.zeros(8)
    for mask in masks.tolist():
        size = sum(mask)
        for i in range(8):
            if not mask[i]:
                more = tuple(1 if j == i else present for j, present in enumerate(mask))
                phi[i] += (answers[more] - answers[tuple(mask)]) * np.prod(range(1, 8 - size)) * np.prod(range(1, size + 1)) / 40320
    return phi


def test_values_of_all_segments_are_those_by_enumeration_whichever_are_empty() -> None:
    chosen = probes(([], [1, 6], [0, 2, 4, 5, 7], [0, 1, 2, 3, 4, 5, 6]))
    plan = Plan(chosen, "shap")
    assert plan.lineup.sizes == [(8, 0), (6, 2), (3, 5), (8, 0)], "one player alone makes no coalitions: there all take part"
    found = xai.explain(model, chosen, ("shap", "occlusion"), output="raw")
    for probe, image in enumerate(chosen.inputs):
        assert found["shap"].values[probe, 0] == pytest.approx(shapley_by_enumeration(image), abs=1e-6)
    assert (found["shap"].values[1, 0, [1, 6]] == 0).all()
    assert (found["shap"].errors[1, 0, [1, 6]] == 0).all()
    assert found["occlusion"].values[2, 0, [1, 3, 6]] == pytest.approx(found["shap"].values[2, 0, [1, 3, 6]], abs=0.5)
    assert (found["occlusion"].values[2, 0, [0, 2, 4, 5, 7]] == 0).all()


def test_lime_is_the_regression_on_coalitions_of_all_segments_with_those_that_change_nothing_present_by_chance() -> None:
    """By hand: every coalition of five players beside every one of three others, as often as LIME's law has it."""
    design = replace(build_design(5, 32, LAWS, seed=0), others=3)
    outputs = np.random.default_rng(0).normal(size=32)
    values = Lime().fit(design)(outputs[:, None, None]).values[0, 0]
    rows, weights, y = [np.ones(8)], [1.0], [outputs[0]]
    for mask, output in zip(design.masks[2:].tolist(), outputs[2:], strict=True):
        for others in itertools.product([0, 1], repeat=3):
            rows.append(np.array([*mask, *others]))
            weights.append(np.exp(-((1 - np.sqrt(rows[-1].mean())) ** 2) / 0.25**2) ** 0.5 / 8)
            y.append(output)
    by_hand = Ridge(alpha=1).fit(np.array(rows), y, sample_weight=weights).coef_
    assert values == pytest.approx(by_hand, abs=1e-9)


def test_evaluations_are_counted_for_those_who_take_part_and_masks_leave_the_others_alone() -> None:
    images = np.zeros((2, 12, 12), dtype=np.float32)
    images[:, :, 6:] = np.random.default_rng(0).random((2, 12, 6)) + 0.1
    segments = np.arange(12)[:, None] // 2 * 6 + np.arange(12) // 2
    half, whole = (Plan(xai.ImageProbes(images + add, segments=segments, baseline=0.0)) for add in (0, 1))
    assert (half.lineup.most, half.evaluations) == (18, 256)
    assert (whole.lineup.most, whole.evaluations) == (36, 12 * 36)
    masks = half.masks(0, half.evaluations)
    assert (masks[0::2] ^ masks[1::2]).all()
    assert masks[0].all()
    other = np.setdiff1d(np.arange(36), half.lineup.taking_part[0])
    assert (masks[0::2, other]).all()
