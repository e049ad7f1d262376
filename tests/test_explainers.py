"""LIME and Kernel SHAP against the packages, exact enumeration and the laws of Shapley values."""

from __future__ import annotations

import numpy as np
import pytest
from games import additive, even, interacting, shapley_by_enumeration

from tb_xai_plugin import KernelShap, Lime
from tb_xai_plugin.coalitions import LAWS, auto_evaluations, build_design, fewest_evaluations
from tb_xai_plugin.explainers import EXPLAINERS, resolve


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("players", "evaluations"), [(16, 256), (49, 784), (49, 1000)])
def test_lime_has_the_coefficients_intercept_and_kernel_of_the_lime_package(dtype: type, players: int, evaluations: int) -> None:
    from lime.lime_base import LimeBase
    from sklearn.metrics import pairwise_distances

    design = build_design(players, evaluations, LAWS, seed=1)
    answers = interacting(players, seed=2)(design.masks).astype(dtype)
    lime = Lime()
    rows = lime.rows(design)
    masks = design.masks[rows].astype(float)
    assert masks[0].all()
    distances = pairwise_distances(masks, masks[:1], metric="cosine").ravel()
    package = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)))
    labels = np.stack([1 - answers[rows], answers[rows]], axis=1)
    intercept, coefficients, _, _ = package.explain_instance_with_data(masks, labels, distances, 1, players, feature_selection="none")
    theirs = np.array([weight for _, weight in sorted(coefficients)])
    ours = lime.fit(design)(answers[:, None])
    tolerance = 1e-12 if dtype is np.float64 else 1e-6
    assert np.abs(ours.values[:, 0] - theirs).max() <= tolerance * np.abs(theirs).max()
    assert abs(ours.base[0] - intercept) <= tolerance * max(abs(intercept), 1)


@pytest.mark.parametrize("seed", range(3))
def test_kernel_shap_equals_exact_enumeration_when_the_budget_covers_all_coalitions(seed: int) -> None:
    game = interacting(10, seed)
    design = build_design(10, 2**10, LAWS, seed=0)
    attribution = KernelShap().fit(design)(game(design.masks)[:, None])
    exact = shapley_by_enumeration(game, 10)
    assert np.abs(attribution.values[:, 0] - exact).max() < 1e-12
    assert attribution.errors.max() < 1e-12


def test_kernel_shap_equals_the_shap_package_at_full_enumeration() -> None:
    import shap

    game = interacting(10, seed=4)
    explainer = shap.KernelExplainer(lambda z: game(z > 0.5), np.zeros((1, 10)))
    theirs = explainer.shap_values(np.ones((1, 10)), nsamples=2**10, l1_reg=False, silent=True)[0]
    design = build_design(10, 2**10, LAWS, seed=0)
    ours = KernelShap().fit(design)(game(design.masks)[:, None]).values[:, 0]
    assert np.abs(ours - theirs).max() < 1e-9


def test_kernel_shap_is_no_less_accurate_than_the_shap_package_at_the_same_budget() -> None:
    import shap

    ours, theirs = [], []
    for seed in range(6):
        game = interacting(12, seed)
        exact = shapley_by_enumeration(game, 12)
        np.random.seed(seed)  # noqa: NPY002  the package draws from the global state
        explainer = shap.KernelExplainer(lambda z, game=game: game(z > 0.5), np.zeros((1, 12)))
        values = explainer.shap_values(np.ones((1, 12)), nsamples=256, l1_reg=False, silent=True)[0]
        theirs.append(((values - exact) ** 2).sum() / (exact**2).sum())
        design = build_design(12, 256, ("leverage",), seed=seed)
        values = KernelShap().fit(design)(game(design.masks)[:, None]).values[:, 0]
        ours.append(((values - exact) ** 2).sum() / (exact**2).sum())
    assert np.mean(ours) < np.mean(theirs)


@pytest.mark.parametrize("players", [2, 3, 5, 16, 49, 128])
@pytest.mark.parametrize("laws", [LAWS, ("leverage",)])
def test_an_additive_game_is_recovered_exactly_from_the_smallest_budget(players: int, laws: tuple[str, ...]) -> None:
    weights = np.random.default_rng(players).normal(size=players)
    design = build_design(players, fewest_evaluations(players), laws, seed=0)
    attribution = KernelShap().fit(design)(additive(weights)(design.masks)[:, None])
    assert np.abs(attribution.values[:, 0] - weights).max() < 1e-9
    assert attribution.base[0] == pytest.approx(2.0)
    assert attribution.errors.max() < 1e-9


@pytest.mark.parametrize("players", [4, 10, 49])
def test_attributions_sum_to_the_full_less_the_empty_answer(players: int) -> None:
    design = build_design(players, auto_evaluations(players), LAWS, seed=0)
    answers = np.random.default_rng(0).normal(size=(len(design.masks), 7))
    attribution = KernelShap().fit(design)(answers)
    assert np.abs(attribution.values.sum(axis=0) - (answers[0] - answers[1])).max() < 1e-9


@pytest.mark.parametrize("name", EXPLAINERS)
def test_explainers_are_linear_in_the_models_answers(name: str) -> None:
    design = build_design(16, 256, LAWS, seed=0)
    fitted = EXPLAINERS[name]().fit(design)
    f, g = (interacting(16, seed)(design.masks)[:, None] for seed in (0, 1))
    assert np.allclose(fitted(2 * f - 3 * g).values, 2 * fitted(f).values - 3 * fitted(g).values, atol=1e-12)


def test_a_player_that_changes_nothing_gets_zero_and_equal_players_get_equal_values() -> None:
    game = interacting(9, seed=0)
    # Player 9 is ignored; players 10 and 11 are two copies of one.
    design = build_design(12, 2**12, LAWS, seed=0)

    def wider(z: np.ndarray) -> np.ndarray:
        return game(z[:, :9]) + z[:, 10] * z[:, 11] + 0.5 * z[:, 10] * z[:, 0] + 0.5 * z[:, 11] * z[:, 0]

    values = KernelShap().fit(design)(wider(design.masks)[:, None]).values[:, 0]
    assert abs(values[9]) < 1e-12
    assert values[10] == pytest.approx(values[11], abs=1e-12)


@pytest.mark.parametrize("evaluations", [128, 256, 512])
def test_an_even_game_has_no_attributions_because_coalitions_come_in_pairs(evaluations: int) -> None:
    design = build_design(16, evaluations, LAWS, seed=0)
    assert np.abs(KernelShap().fit(design)(even(16, seed=0)(design.masks)[:, None]).values).max() < 1e-12


def test_limes_errors_shrink_to_nothing_when_every_coalition_is_there() -> None:
    design = build_design(8, 2**8, LAWS, seed=0)
    assert Lime().fit(design)(interacting(8, seed=0)(design.masks)[:, None]).errors.max() < 1e-12


@pytest.mark.parametrize("name", EXPLAINERS)
@pytest.mark.parametrize("evaluations", [128, 256])
def test_95_percent_intervals_cover_93_to_100_percent_over_mask_seeds(name: str, evaluations: int) -> None:
    game, explainer, law = interacting(10, seed=3), EXPLAINERS[name](), EXPLAINERS[name].law
    values, errors = [], []
    for seed in range(200):
        design = build_design(10, evaluations, (law,), seed)
        attribution = explainer.fit(design)(game(design.masks)[:, None])
        values.append(attribution.values[:, 0])
        errors.append(attribution.errors[:, 0])
    # LIME shrinks with the number of samples: its limit at this number is the mean over seeds.
    truth = shapley_by_enumeration(game, 10) if name == "shap" else np.mean(values, axis=0)
    covered = np.abs(np.array(values) - truth) <= 1.96 * np.array(errors)
    assert 0.93 <= covered.mean() <= 1.0


def test_unknown_repeated_and_missing_explainers_are_refused_with_the_valid_names() -> None:
    with pytest.raises(ValueError, match=r"unknown explainer 'gradcam'; choose from \['lime', 'shap'\]"):
        resolve(["lime", "gradcam"])
    with pytest.raises(ValueError, match="twice"):
        resolve(["lime", Lime(alpha=0.0)])
    with pytest.raises(ValueError, match="empty"):
        resolve([])
    with pytest.raises(TypeError, match="give names"):
        resolve([3])
    assert resolve("shap") == {"shap": KernelShap()}


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="kernel_width is 0"):
        Lime(kernel_width=0)
    with pytest.raises(ValueError, match="alpha is -1"):
        Lime(alpha=-1)
    with pytest.raises(ValueError, match="unknown estimator 'tree'"):
        KernelShap(estimator="tree")
