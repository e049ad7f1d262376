"""LIME Net against games whose effects and interactions are known, and against coalitions it has never seen."""

from __future__ import annotations

import numpy as np
import pytest
from support.games import Game, additive
from support.models import IMAGES, LABELS, functional

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers.contract import PAIRS, Attribution
from tb_xai_plugin.explainers.lime import Lime, lime_rows, locality
from tb_xai_plugin.explainers.lime_net import LimeNet
from tb_xai_plugin.games.coalitions import LAWS, build_design


def pairwise(players: int, pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray, Game]:
    """Weights, interactions a (upper triangle) and the game z . weights + sum of a_ij z_i z_j."""
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(players, 1)
    some = rng.choice(len(i), pairs, replace=False)
    a, weights = np.zeros((players, players)), rng.normal(size=players)
    a[i[some], j[some]] = rng.choice([-1, 1], pairs) * rng.uniform(0.5, 1.5, pairs)
    return weights, a, lambda z: ((z @ a) * z).sum(axis=1) + z @ weights


def saturating(players: int, classes: int, seed: int) -> Game:
    """Three hidden reasons that saturate, mixed into several classes."""
    rng = np.random.default_rng(seed)
    reasons, mix = rng.normal(size=(players, 3)) / np.sqrt(players) * 2, rng.normal(size=(3, classes))
    return lambda z: np.tanh(z @ reasons * 2 - 0.5) @ mix


def explained(game: Game, players: int, evaluations: int, laws: tuple[str, ...] = ("bernoulli",), **options: float) -> Attribution:
    design = build_design(players, evaluations, laws, seed=0)
    answers = game(design.masks)
    return LimeNet(**options).fit(design)(answers.reshape(len(answers), 1, -1))


def strengths(attribution: Attribution, players: int) -> np.ndarray:
    """The interactions of the first game as an upper triangle, 0 where not listed."""
    found = np.zeros((players, players))
    i, j, strength = attribution.interactions[0, 0][np.isfinite(attribution.interactions[0, 0, :, 0])].T
    found[i.astype(int), j.astype(int)] = strength
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("players", "evaluations"), [(8, 256), (16, 256), (49, 784), (128, 1024)])
@pytest.mark.parametrize("laws", [("bernoulli",), LAWS])
def test_an_additive_game_has_its_weights_for_values_and_no_interactions(players: int, evaluations: int, laws: tuple[str, ...]) -> None:
    weights = np.random.default_rng(players).normal(size=players)
    attribution = explained(additive(weights), players, evaluations, laws)
    assert np.abs(attribution.values[0, 0] - weights).max() < 0.01
    assert attribution.base[0, 0] == pytest.approx(2.0, abs=0.02)
    assert np.nanmax(np.abs(attribution.interactions[..., 2])) < 0.01
    assert attribution.fidelity["unseen_r2"][0, 0] > 0.999


@pytest.mark.parametrize(("evaluations", "furthest"), [(256, 0.4), (512, 0.2), (2048, 0.05)])
def test_known_interactions_are_found_and_come_closer_with_evaluations(evaluations: int, furthest: float) -> None:
    weights, a, game = pairwise(12, 6, seed=1)
    attribution = explained(game, 12, evaluations)
    found = strengths(attribution, 12)
    assert {(int(i), int(j)) for i, j in attribution.interactions[0, 0, :6, :2]} == set(zip(*np.nonzero(a), strict=True))
    assert np.abs(found - a).max() < furthest
    # An effect is the weight and what the partners add while they are present, a little more often than not under LIME's kernel.
    assert np.abs(attribution.values[0, 0] - weights - 0.55 * (a + a.T).sum(axis=1)).max() < 0.15
    assert attribution.fidelity["unseen_r2"][0, 0] > attribution.fidelity["linear_unseen_r2"][0, 0] + 0.1


def test_interactions_are_sorted_by_strength_and_end_with_nan() -> None:
    _, _, game = pairwise(5, 3, seed=0)
    listed = explained(game, 5, 32).interactions[0, 0]
    assert listed.shape == (PAIRS, 3)
    assert (np.diff(np.abs(listed[:10, 2])) <= 0).all()
    assert (listed[:10, 0] < listed[:10, 1]).all()
    assert np.isnan(listed[10:]).all()


@pytest.mark.parametrize("laws", [("bernoulli",), LAWS])
@pytest.mark.parametrize("seed", range(2))
def test_reported_r2_is_that_of_coalitions_drawn_afresh_and_above_limes(laws: tuple[str, ...], seed: int) -> None:
    players, game = 30, saturating(30, 6, seed)
    design = build_design(players, 480, laws, seed)
    attribution = LimeNet().fit(design)(game(design.masks)[:, None])
    fresh = np.random.default_rng(99).random((4000, players)) < 0.5
    w = locality(fresh, 0.25) / locality(fresh, 0.25).sum()
    truth = game(fresh)

    def r2(predicted: np.ndarray) -> np.ndarray:
        return 1 - w @ (truth - predicted) ** 2 / (w @ (truth - w @ truth) ** 2)

    # Linear LIME from all its rows, by its own closed form: a little better than from four fifths of them.
    lime = Lime().fit(design)(game(design.masks)[:, None])
    linear = r2(fresh @ lime.values[0].T + lime.base[0])
    assert attribution.fidelity["linear_unseen_r2"][0].mean() == pytest.approx(linear.mean(), abs=0.04)
    # The nets themselves, from what the explainer holds, on the fresh coalitions.
    fitted = LimeNet().fit(design)
    y = game(design.masks)[fitted.rows]
    *_, (directions, output, coefficients, _) = fitted.train((y - y.mean(axis=0)) / y.std(axis=0))
    angle = (fresh - 0.5) @ directions
    nets = np.concatenate([np.sin(angle), np.cos(angle)], axis=-1) @ output + np.c_[fresh - 0.5, np.ones(len(fresh))] @ coefficients
    afresh = np.mean([r2(net * y.std(axis=0) + y.mean(axis=0)) for net in nets])
    assert attribution.fidelity["unseen_r2"][0].mean() == pytest.approx(afresh, abs=0.04)
    assert afresh > linear.mean() + 0.03


def test_noise_is_not_explained() -> None:
    design = build_design(20, 320, LAWS, seed=0)
    fidelity = LimeNet().fit(design)(np.random.default_rng(0).normal(size=(320, 4, 3))).fidelity
    assert fidelity["unseen_r2"].max() < 0.1
    assert fidelity["unseen_r2"].mean() < 0
    assert np.abs(fidelity["unseen_r2"] - fidelity["linear_unseen_r2"]).mean() < 0.1


def test_an_answer_moves_no_prediction_of_its_own_pair() -> None:
    design = build_design(10, 128, LAWS, seed=0)
    fitted = LimeNet().fit(design)
    y = saturating(10, 2, seed=0)(design.masks)[fitted.rows]
    for pair in (5, 40):
        row = int(np.flatnonzero(fitted.rows // 2 == pair)[0])
        fold = fitted.fold[row]
        assert set(fitted.fold[fitted.rows // 2 == pair]) == {fold}
        moved = y.copy()
        moved[row] += 7
        for before, after in zip(fitted.train(y), fitted.train(moved), strict=True):
            assert all(np.array_equal(a[fold], b[fold]) for a, b in zip(before[:3], after[:3], strict=True))


def local_effects(answers: np.ndarray, masks: np.ndarray, q: float) -> np.ndarray:
    """Mean f(with i) - f(without i) over all coalitions, where every player is there with probability q: (targets, players)."""
    p = q ** masks.sum(axis=1) * (1 - q) ** (~masks).sum(axis=1)
    means = [p[there] @ answers[there] / p[there].sum() - p[~there] @ answers[~there] / p[~there].sum() for there in masks.T]
    return np.stack(means, axis=1)


@pytest.mark.slow
def test_95_percent_intervals_cover_the_enumerated_local_effects_in_93_to_100_percent_of_mask_seeds() -> None:
    game, apart, errors = saturating(10, 3, seed=3), [], []
    everything = (np.arange(2**10)[:, None] >> np.arange(10) & 1).astype(bool)
    for seed in range(25):
        design = build_design(10, 128, ("bernoulli",), seed)
        fitted = LimeNet().fit(design)
        attribution = fitted(game(design.masks)[:, None])
        apart.append(attribution.values[0] - local_effects(game(everything), everything, fitted.q))
        errors.append(attribution.errors[0])
    assert 0.93 <= (np.abs(apart) <= 1.96 * np.array(errors)).mean() <= 1.0
    assert np.mean(errors) < 0.1


def test_the_same_answers_twice_give_the_same_bits() -> None:
    design = build_design(16, 256, LAWS, seed=0)
    answers = saturating(16, 3, seed=0)(design.masks)[:, None].repeat(2, axis=1)
    first, second = (LimeNet().fit(design)(answers) for _ in range(2))
    for name in ("values", "base", "errors", "noise", "interactions"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
        assert np.array_equal(getattr(first, name)[0], getattr(first, name)[1])


def test_a_silent_probe_leaves_the_others_as_they_are() -> None:
    design = build_design(12, 128, LAWS, seed=0)
    answers = np.random.default_rng(0).normal(size=(128, 3, 2))
    whole = LimeNet().fit(design)(answers)
    answers[:, 1] = np.nan
    part = LimeNet().fit(design)(answers)
    for name in ("values", "base", "errors", "noise", "interactions"):
        assert np.array_equal(getattr(part, name)[[0, 2]], getattr(whole, name)[[0, 2]])
        assert np.isnan(getattr(part, name)[1]).all()
    assert np.isnan(part.fidelity["unseen_r2"]).tolist() == [[False] * 2, [True] * 2, [False] * 2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_answers_have_no_values_and_no_r2(dtype: type) -> None:
    design = build_design(10, 128, LAWS, seed=0)
    attribution = LimeNet().fit(design)(np.full((128, 2, 3), 0.1, dtype))
    assert not attribution.values.any()
    assert not attribution.errors.any()
    assert not attribution.interactions[..., 2].any()
    assert np.allclose(attribution.base, 0.1)
    assert all(np.isnan(measure).all() for measure in attribution.fidelity.values())


@pytest.mark.slow
@pytest.mark.parametrize(("players", "evaluations"), [(2, 4), (3, 8), (4, 16), (5, 22), (9, 512), (128, 514)])
@pytest.mark.parametrize("targets", [1, 16])
def test_every_size_of_design_gives_finite_values(players: int, evaluations: int, targets: int) -> None:
    design = build_design(players, evaluations, LAWS, seed=0)
    attribution = LimeNet().fit(design)(np.random.default_rng(0).normal(size=(len(design.masks), 2, targets)))
    assert attribution.values.shape == (2, targets, players)
    assert np.isfinite(attribution.values).all()
    assert np.isfinite(attribution.errors).all()
    assert design.complete == (attribution.errors.max() == 0)


def test_a_part_of_the_evaluations_serves_as_a_design() -> None:
    design = build_design(16, 512, LAWS, seed=0)
    answers = saturating(16, 2, seed=0)(design.masks)[:, None]
    assert lime_rows(design.first(256)).size > 100
    whole, part = (LimeNet().fit(design.first(k))(answers[:k]) for k in (512, 256))
    close = np.abs(whole.values - part.values) <= 4 * np.hypot(whole.errors, part.errors)
    assert close.all()


def test_lime_net_asks_the_model_no_more_than_lime_does() -> None:
    probes = xai.ImageProbes(IMAGES[:3], LABELS[:3])
    options = {"evaluations": "auto", "output": "log-odds", "classes": "auto", "seed": 0, "batch_size": "auto"}
    model = functional()
    asked = [Engine(Plan(probes, names, **options), model).run().outputs.evaluations for names in (["lime"], ["lime", "lime-net"])]
    assert asked[0] == asked[1]
    found = xai.explain(model, probes, ["lime", "lime-net"])
    assert found["lime-net"].interactions.shape == (3, 3, PAIRS, 3)
    measures = found["lime-net"].fidelity
    assert (measures["unseen_r2"] > measures["linear_unseen_r2"] - 0.03).all()
    # The values are close to LIME's, which are a little smaller for its ridge.
    gap = np.abs(found["lime-net"].values - found["lime"].values).max()
    assert gap < 0.05 * np.abs(found["lime"].values).max()


def test_options_out_of_range_are_refused() -> None:
    for option, value in (("kernel_width", 0), ("penalty", -1), ("hidden", 0), ("folds", 1), ("steps", 1)):
        with pytest.raises(ValueError, match=f"LimeNet: {option} is {value}"):
            LimeNet(**{option: value})
    for option, value in (("hidden", 1.5), ("folds", "five"), ("steps", True), ("penalty", "0.2"), ("kernel_width", float("nan"))):
        with pytest.raises(ValueError, match=f"LimeNet: {option} is .*; give a "):
            LimeNet(**{option: value})
