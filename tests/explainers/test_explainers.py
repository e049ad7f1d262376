"""Explainers that work from answers on coalitions, against the packages, exact enumeration and the laws of Shapley values."""

from __future__ import annotations

import numpy as np
import pytest
from support.games import Game, additive, banzhaf_by_enumeration, even, interacting, shapley_by_enumeration, white_noise

from tb_xai_plugin import KernelShap, Lime
from tb_xai_plugin.explainers import EXPLAINERS, Banzhaf, Occlusion, kriging, resolve
from tb_xai_plugin.explainers.contract import Attribution, Explainer, by_game
from tb_xai_plugin.explainers.kernel_shap import kernel_weights
from tb_xai_plugin.explainers.kriging import OddKriging
from tb_xai_plugin.explainers.lime import LimeText, lime_rows, locality
from tb_xai_plugin.games.coalitions import LAWS, Design, auto_evaluations, build_design, fewest_evaluations
from tb_xai_plugin.judgement.noise import change_errors as difference_errors

# Those that a design's answers are enough for; "lime-net" is not linear in them, and has a file of its own.
FITTING = [name for name, explainer in EXPLAINERS.items() if hasattr(explainer, "fit") and name != "lime-net"]


def explained(explainer: Explainer, design: Design, *games: Game) -> Attribution:
    """All games as the classes of one probe; the arrays of the attribution begin with the game."""
    found = explainer.fit(design)(np.stack([game(design.masks) for game in games], axis=-1)[:, None])
    return Attribution(
        found.values[0],
        found.base[0],
        found.errors[0],
        {measure: array[0] for measure, array in found.fidelity.items()},
        None if found.noise is None else found.noise[0],
    )


def relative_squared_error(values: np.ndarray, exact: np.ndarray) -> float:
    return float(((values - exact) ** 2).sum() / (exact**2).sum())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("players", "evaluations"), [(16, 256), (49, 784), (49, 1000)])
def test_lime_has_the_coefficients_intercept_and_kernel_of_the_lime_package(dtype: type, players: int, evaluations: int) -> None:
    from lime.lime_base import LimeBase
    from sklearn.metrics import pairwise_distances

    design = build_design(players, evaluations, LAWS, seed=1)
    answers = interacting(players, seed=2)(design.masks).astype(dtype)
    rows = lime_rows(design)
    masks = design.masks[rows].astype(float)
    assert masks[0].all()
    distances = pairwise_distances(masks, masks[:1], metric="cosine").ravel()
    package = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)))
    labels = np.stack([1 - answers[rows], answers[rows]], axis=1)
    intercept, coefficients, score, _ = package.explain_instance_with_data(masks, labels, distances, 1, players, feature_selection="none")
    theirs = np.array([weight for _, weight in sorted(coefficients)])
    ours = explained(Lime(), design, lambda _: answers)
    tolerance = 1e-12 if dtype is np.float64 else 1e-6
    assert np.abs(ours.values[0] - theirs).max() <= tolerance * np.abs(theirs).max()
    assert abs(ours.base[0] - intercept) <= tolerance * max(abs(intercept), 1)
    assert ours.fidelity["r2"][0] == pytest.approx(score, abs=tolerance)


@pytest.mark.parametrize("estimator", ["kriging", "wls"])
@pytest.mark.parametrize("seed", range(3))
def test_shap_equals_exact_enumeration_when_the_budget_covers_all_coalitions(seed: int, estimator: str) -> None:
    game = interacting(10, seed)
    attribution = explained(KernelShap(estimator), build_design(10, 2**10, LAWS, seed=0), game)
    assert np.abs(attribution.values[0] - shapley_by_enumeration(game, 10)).max() < 1e-12
    assert attribution.errors.max() < 1e-12


def test_shap_equals_the_shap_package_at_full_enumeration() -> None:
    import shap

    game = interacting(10, seed=4)
    explainer = shap.KernelExplainer(lambda z: game(z > 0.5), np.zeros((1, 10)))
    theirs = explainer.shap_values(np.ones((1, 10)), nsamples=2**10, l1_reg=False, silent=True)[0]
    ours = explained(KernelShap(), build_design(10, 2**10, LAWS, seed=0), game).values[0]
    assert np.abs(ours - theirs).max() < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("evaluations", [128, 256, 512])
def test_kriging_has_less_error_than_least_squares_and_the_shap_package_at_the_same_evaluations(evaluations: int) -> None:
    import shap

    errors: dict[str, list[float]] = {"kriging": [], "wls": [], "package": []}
    for seed in range(24):
        game = interacting(12, seed)
        exact = shapley_by_enumeration(game, 12)
        np.random.seed(seed)  # noqa: NPY002  the package draws from the global state
        explainer = shap.KernelExplainer(lambda z, game=game: game(z > 0.5), np.zeros((1, 12)))
        theirs = explainer.shap_values(np.ones((1, 12)), nsamples=evaluations, l1_reg=False, silent=True)[0]
        errors["package"].append(relative_squared_error(theirs, exact))
        design = build_design(12, evaluations, LAWS, seed)
        for estimator in ("kriging", "wls"):
            errors[estimator].append(relative_squared_error(explained(KernelShap(estimator), design, game).values[0], exact))
    mean = {name: np.mean(found) for name, found in errors.items()}
    assert mean["kriging"] < mean["package"] / 1.5
    assert mean["kriging"] < mean["wls"]
    assert mean["wls"] < mean["package"]


@pytest.mark.slow
def test_kriging_errs_less_the_more_it_asks() -> None:
    game = interacting(12, seed=5)
    exact = shapley_by_enumeration(game, 12)
    errors = [
        np.mean(
            [relative_squared_error(explained(KernelShap(), build_design(12, m, LAWS, seed), game).values[0], exact) for seed in range(8)]
        )
        for m in (64, 128, 256, 512, 1024)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 30


@pytest.mark.parametrize("semivalue", ["shapley", "banzhaf"])
def test_the_value_of_a_player_in_the_kernel_is_what_enumeration_says(semivalue: str) -> None:
    n = 8
    design = build_design(n, 60, LAWS, seed=0)
    rho, bend = kriging._rho(n), kriging._bend(n)

    def kernel_at(pair: np.ndarray) -> Game:
        def game(z: np.ndarray) -> np.ndarray:
            apart = (z != pair).sum(axis=1)
            hamming = (rho**apart - rho ** (n - apart)) / (1 - rho**n)
            return hamming + kriging.TAU * (1 - 2 * apart / n) * bend[z.sum(axis=1)] * bend[pair.sum()]

        return game

    enumerate_values = {"shapley": shapley_by_enumeration, "banzhaf": banzhaf_by_enumeration}[semivalue]
    of_the_kernel = np.array([enumerate_values(kernel_at(pair), n) for pair in design.pairs]).T
    fitted = OddKriging.of(design)
    expected = fitted.trend + of_the_kernel @ fitted.remainder
    # Shapley values are corrected for what the nugget of the pair (full, empty) leaves of efficiency.
    tolerance = kriging.EXACT * 10 if semivalue == "shapley" else 1e-12
    assert np.abs(getattr(fitted, semivalue)() - expected).max() < tolerance * np.abs(expected).max()


def test_kriging_of_all_pairs_of_a_white_noise_game_is_exact_to_its_nugget() -> None:
    game = white_noise(8, seed=0)
    design = build_design(8, 2**8, LAWS, seed=0)
    d = (game(design.masks[0::2]) - game(design.masks[1::2])) / 2
    exact = shapley_by_enumeration(game, 8)
    assert np.abs(OddKriging.of(design).shapley() @ d - exact).max() < 1e-3 * np.abs(exact).max()


def test_without_the_process_kriging_is_generalised_least_squares_of_the_same_trend(monkeypatch: pytest.MonkeyPatch) -> None:
    # A kernel of nothing but independent noise, with the ends exact, leaves ordinary least squares under the constraint.
    monkeypatch.setattr(kriging, "NUGGET", 1e9)
    game, design = interacting(9, seed=1), build_design(9, 200, LAWS, seed=1)
    d = (game(design.masks[0::2]) - game(design.masks[1::2])) / 2
    h = design.pairs - 0.5
    whole = 2 * d[0]
    free = np.linalg.lstsq(h[1:, :-1] - h[1:, -1:], d[1:] - h[1:, -1] * whole, rcond=None)[0]
    expected = np.append(free, whole - free.sum())
    assert np.abs(OddKriging.of(design).trend @ d - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("estimator", ["kriging", "wls"])
@pytest.mark.parametrize("players", [2, 3, 5, 16, 49, 128])
@pytest.mark.parametrize("laws", [LAWS, ("leverage",)])
def test_an_additive_game_is_recovered_exactly_from_the_smallest_budget(players: int, laws: tuple[str, ...], estimator: str) -> None:
    weights = np.random.default_rng(players).normal(size=players)
    design = build_design(players, fewest_evaluations(players), laws, seed=0)
    attribution = explained(KernelShap(estimator), design, additive(weights))
    assert np.abs(attribution.values[0] - weights).max() < 1e-8
    assert attribution.base[0] == pytest.approx(2.0)
    assert attribution.errors.max() < 1e-8
    if players > 2:
        assert attribution.fidelity["additive_r2"][0] == pytest.approx(1)


@pytest.mark.parametrize("estimator", ["kriging", "wls"])
@pytest.mark.parametrize("players", [4, 10, 49, 128])
def test_attributions_sum_to_the_full_less_the_empty_answer(players: int, estimator: str) -> None:
    design = build_design(players, auto_evaluations(players), LAWS, seed=0)
    answers = np.random.default_rng(0).normal(size=(len(design.masks), 3, 7))
    attribution = KernelShap(estimator).fit(design)(answers)
    assert np.abs(attribution.values.sum(axis=-1) - (answers[0] - answers[1])).max() < 1e-12
    assert attribution.fidelity["efficiency_gap"].max() < 1e-10


def test_explainers_of_single_games_may_have_interactions_too() -> None:
    answers = np.random.default_rng(0).normal(size=(6, 4, 5))

    def apply(games: np.ndarray) -> Attribution:
        strongest = games[:, None] * np.array([1, 2, 3])[:, None]
        return Attribution(games, games[0], games, interactions=strongest)

    found = by_game(apply)(answers)
    assert found.interactions.shape == (4, 5, 6, 3)
    assert np.array_equal(found.interactions[2, 3, :, 1], 2 * answers[:, 2, 3])
    assert np.array_equal(found.values[2, 3], answers[:, 2, 3])


@pytest.mark.parametrize("name", FITTING)
def test_explainers_are_linear_in_the_models_answers(name: str) -> None:
    design = build_design(16, 256, LAWS, seed=0)
    f, g = interacting(16, 0), interacting(16, 1)
    both = explained(EXPLAINERS[name](), design, f, g, lambda z: 2 * f(z) - 3 * g(z)).values
    assert np.allclose(both[2], 2 * both[0] - 3 * both[1], atol=1e-10)


@pytest.mark.parametrize("name", ["shap", "banzhaf", "occlusion"])
def test_a_player_that_changes_nothing_gets_zero_and_equal_players_get_equal_values(name: str) -> None:
    game = interacting(9, seed=0)

    # Player 9 is ignored; players 10 and 11 are two copies of one.
    def wider(z: np.ndarray) -> np.ndarray:
        return game(z[:, :9]) + z[:, 10] * z[:, 11] + 0.5 * z[:, 10] * z[:, 0] + 0.5 * z[:, 11] * z[:, 0]

    values = explained(EXPLAINERS[name](), build_design(12, 2**12, LAWS, seed=0), wider).values[0]
    assert abs(values[9]) < 1e-12
    assert values[10] == pytest.approx(values[11], abs=1e-12)


@pytest.mark.parametrize("evaluations", [128, 256, 512])
@pytest.mark.parametrize("name", ["shap", "banzhaf"])
def test_an_even_game_has_no_attributions_because_coalitions_come_in_pairs(name: str, evaluations: int) -> None:
    design = build_design(16, evaluations, LAWS, seed=0)
    assert np.abs(explained(EXPLAINERS[name](), design, even(16, seed=0)).values).max() < 1e-10


@pytest.mark.parametrize("evaluations", [512, 2**10])
def test_banzhaf_values_are_what_enumeration_says(evaluations: int) -> None:
    game = interacting(10, seed=2)
    exact = banzhaf_by_enumeration(game, 10)
    values = explained(Banzhaf(), build_design(10, evaluations, LAWS, seed=0), game).values[0]
    assert np.abs(values - exact).max() < (1e-12 if evaluations == 2**10 else 0.03) * np.abs(exact).max()


@pytest.mark.parametrize("players", [2, 5, 49])
def test_occlusion_is_what_the_answer_loses_without_a_player(players: int) -> None:
    game = interacting(players, seed=3)
    without = ~np.eye(players, dtype=bool)
    exact = game(np.ones((1, players), bool)) - game(without)
    design = build_design(players, auto_evaluations(players), LAWS, seed=0)
    assert np.allclose(explained(Occlusion(), design, game).values[0], exact, atol=1e-12)


def test_limes_errors_shrink_to_nothing_when_every_coalition_is_there() -> None:
    assert explained(Lime(), build_design(8, 2**8, LAWS, seed=0), interacting(8, seed=0)).errors.max() < 1e-12


# At 1.5 standard errors' worth of seeds a single game scatters by two percent; the sweep over all kinds of games is benchmarks/accuracy/errors.py.
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FITTING if EXPLAINERS[name].sketched])
@pytest.mark.parametrize("evaluations", [128])
def test_95_percent_intervals_of_values_and_changes_cover_93_to_100_percent_over_mask_seeds(name: str, evaluations: int) -> None:
    before = interacting(10, seed=3)
    other = interacting(10, seed=4)

    def after(z: np.ndarray) -> np.ndarray:
        return 0.8 * before(z) + 0.3 * other(z)

    values, errors, noise = [], [], []
    for seed in range(200):
        attribution = explained(EXPLAINERS[name](), build_design(10, evaluations, LAWS, seed), before, after)
        values.append(attribution.values)
        errors.append(attribution.errors)
        noise.append(attribution.noise)
    values, errors, noise = np.array(values), np.array(errors), np.array(noise)
    # LIME shrinks with the number of samples: its limit at this number is the mean over seeds.
    enumerate_values = {"shap": shapley_by_enumeration, "banzhaf": banzhaf_by_enumeration}.get(name)
    truth = np.stack([enumerate_values(game, 10) for game in (before, after)]) if enumerate_values else values.mean(axis=0)
    covered = np.abs(values - truth) <= 1.96 * errors
    assert 0.93 <= covered.mean() <= 1.0
    change_errors = difference_errors(errors[:, 0], errors[:, 1], noise[:, 0], noise[:, 1])
    covered = np.abs(values[:, 1] - values[:, 0] - (truth[1] - truth[0])) <= 1.96 * change_errors
    assert 0.93 <= covered.mean() <= 1.0
    assert change_errors.mean() < 0.8 * np.sqrt((errors**2).sum(axis=1)).mean(), "shared coalitions make a change surer than two values"


@pytest.mark.parametrize(("players", "evaluations"), [(6, 32), (7, 64), (8, 128), (12, 256)])
def test_limes_intervals_for_short_texts_cover_its_values_on_all_coalitions_and_are_not_far_too_wide(
    players: int, evaluations: int
) -> None:
    every = (np.arange(2**players)[::-1, None] >> np.arange(players) & 1).astype(bool)  # the whole text first
    size = every.sum(axis=1)
    often = (evaluations - 1) / players / np.bincount(size)[size]
    often[0] = 1
    w = often * locality(every.astype(float), 0.25)
    games = [interacting(players, seed) for seed in range(12)]
    centre, y = w @ every / w.sum(), np.stack([game(every) for game in games], axis=1)
    Z = every - centre
    limit = np.linalg.solve(Z.T @ (w[:, None] * Z) + np.eye(players), Z.T @ (w[:, None] * (y - w @ y / w.sum()))).T
    covered, changes, z = [], [], []
    for seed in range(20):
        found = explained(LimeText(), build_design(players, evaluations, LAWS, seed), *games)
        covered.append(np.abs(found.values - limit) <= 1.96 * found.errors)
        z.append((found.values - limit) / found.errors)
        (before, after), (noise, later) = (np.split(array, 2) for array in (found.values - limit, found.noise))
        of_change = difference_errors(*np.split(found.errors, 2), noise, later)
        changes.append(np.abs(after - before) <= 1.96 * of_change)
    assert min(np.mean(covered), np.mean(changes)) >= 0.935
    # Balanced coalitions err less than their residuals say.
    assert np.sqrt(np.mean(np.square(z))) > 0.55


def test_additive_r2_is_what_the_values_say_of_coalitions_that_were_never_asked() -> None:
    game, rng, s = interacting(16, seed=0), np.random.default_rng(7), np.arange(1, 16)
    sizes = rng.choice(s, p=(kernel := 1 / (s * (16 - s))) / kernel.sum(), size=4000)
    fresh = np.array([rng.permutation(16) < size for size in sizes])
    answers = game(fresh)
    reported, afresh, in_sample = [], [], []
    for seed in range(20):
        design = build_design(16, 96, LAWS, seed)
        attribution = explained(KernelShap(), design, game)
        base, values = attribution.base[0], attribution.values[0]
        reported.append(attribution.fidelity["additive_r2"][0])
        afresh.append(1 - ((answers - base - fresh @ values) ** 2).mean() / answers.var())
        w, seen = np.repeat(kernel_weights(design), 2), game(design.masks)
        left = seen - base - design.masks @ values
        in_sample.append(1 - w @ left**2 / (w @ (seen - w @ seen / w.sum()) ** 2))
    # A design's coalitions lie farther from each other than fresh ones from them, so what is left out is a little harder to predict.
    assert np.mean(afresh) - 0.06 < np.mean(reported) < np.mean(afresh) + 0.02
    assert np.mean(in_sample) > max(np.mean(reported), np.mean(afresh)) + 0.02


def test_limes_unseen_r2_is_lower_than_its_own_score_and_close_to_that_of_fresh_coalitions() -> None:
    hard, weights = interacting(16, seed=1), np.random.default_rng(0).normal(size=16)

    def game(z: np.ndarray) -> np.ndarray:
        return hard(z) + z @ weights

    attribution = explained(Lime(), build_design(16, 512, LAWS, seed=0), game)
    fresh = np.random.default_rng(7).random((4000, 16)) < 0.5
    answers = game(fresh)
    weights = np.exp(-((1 - np.sqrt(fresh.mean(axis=1))) ** 2) / (2 * 0.25**2))
    missed = answers - attribution.base[0] - fresh @ attribution.values[0]
    centred = answers - np.average(answers, weights=weights)
    expected = 1 - np.average(missed**2, weights=weights) / np.average(centred**2, weights=weights)
    assert attribution.fidelity["unseen_r2"][0] < attribution.fidelity["r2"][0]
    assert attribution.fidelity["unseen_r2"][0] == pytest.approx(expected, abs=0.1)


def test_unknown_repeated_and_missing_explainers_are_refused_with_the_valid_names() -> None:
    with pytest.raises(ValueError, match="unknown explainer 'gradcam'; choose from "):
        resolve(["lime", "gradcam"])
    with pytest.raises(ValueError, match="twice; give each explainer once"):
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
    with pytest.raises(ValueError, match="kernel_width is 'wide'; give a number above 0"):
        Lime(kernel_width="wide")
    with pytest.raises(ValueError, match="alpha is nan"):
        Lime(alpha=float("nan"))
    with pytest.raises(ValueError, match="unknown estimator 'tree'"):
        KernelShap(estimator="tree")


def test_lime_refuses_a_kernel_that_leaves_its_regression_nothing_to_go_by() -> None:
    design = build_design(16, 256, LAWS, seed=0)
    with pytest.raises(ValueError, match=r"with kernel_width 0\.01 and alpha 0 .* give a wider kernel"):
        Lime(alpha=0, kernel_width=0.01).fit(design)
    weights = np.random.default_rng(0).normal(size=16)
    for kernel_width in (0.1, 0.25, 10.0):
        assert np.allclose(explained(Lime(kernel_width, alpha=0), design, additive(weights)).values[0], weights, atol=1e-7)
