"""LIME for tables, against the `lime` package: its own draws replayed, its law of drawing, and how sure the values are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from lime.lime_tabular import LimeTabularExplainer
from scipy.stats import ks_2samp, truncnorm
from sklearn.linear_model import Ridge

from tb_xai_plugin.explainers.contract import Attribution
from tb_xai_plugin.explainers.lime_tabular import LimeTabular, Neighbours, nearness, normal
from tb_xai_plugin.judgement.noise import change_errors as difference_errors

MODES = {"bins": {}, "numbers": {"discretize": False}, "around": {"discretize": False, "around": True}}


@dataclass(frozen=True, eq=False)
class Table:
    inputs: np.ndarray
    background: np.ndarray
    categorical: dict[int, list[str]] = field(default_factory=dict)


def table(rows: int = 300, seed: int = 0) -> Table:
    """Two normal features, one skewed, one that is mostly its minimum, 0, and two of categories."""
    rng = np.random.default_rng(seed)
    x = rng.normal([3, -20, 0, 0, 0, 0], [1, 8, 1, 1, 1, 1], size=(rows, 6))
    x[:, 2] = np.exp(x[:, 2])
    x[:, 3] = np.maximum(x[:, 3], 0)
    x[:, 4] = rng.choice(3, p=[0.6, 0.3, 0.1], size=rows)
    x[:, 5] = rng.choice(4, p=[0.1, 0.5, 0.2, 0.2], size=rows)
    x = x.astype(np.float32)
    return Table(x[:4], x, {4: ["a", "b", "c"], 5: ["k", "l", "m", "n"]})


def of_numbers(background: np.ndarray) -> Table:
    background = background.astype(np.float32)
    return Table(background[:4], background)


def chance(x: np.ndarray) -> np.ndarray:
    """A smooth answer with interactions, float64 (m,) in (0, 1)."""
    x = np.asarray(x, np.float64)
    x = x - np.array([3, -20, 1.5, 0.4, 0.5, 1.5])[: x.shape[1]]
    x = x / np.array([1, 8, 2, 0.6, 0.7, 0.9])[: x.shape[1]]
    return 1 / (1 + np.exp(-x.sum(axis=1) - 0.5 * x[:, 0] * x[:, 1] + 0.3 * x[:, 2] ** 2))


def package(probes: Table, mode: str, seed: int = 0, **options: object) -> LimeTabularExplainer:
    return LimeTabularExplainer(
        probes.background.astype(np.float64),
        categorical_features=sorted(probes.categorical),
        categorical_names=probes.categorical,
        discretize_continuous=mode == "bins",
        sample_around_instance=mode == "around",
        feature_selection="none",
        random_state=seed,
        **options,
    )


def packages_rows(explainer: LimeTabularExplainer, row: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """What the package's model and its regression see."""
    data, inverse = explainer._LimeTabularExplainer__data_inverse(row.astype(np.float64), rows)
    return inverse, (data - explainer.scaler.mean_) / explainer.scaler.scale_


def explained(explainer: LimeTabular, neighbours: Neighbours, *games: Callable, player_of: np.ndarray | None = None) -> Attribution:
    """All games as the classes of one probe; the arrays of the attribution begin with the game."""
    answers = np.stack([game(neighbours.inputs) for game in games], axis=-1)
    players = np.arange(neighbours.z.shape[1]) if player_of is None else player_of
    return explainer.fit(neighbours, players)(answers)


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("categorical", [True, False])
@pytest.mark.parametrize("kernel_width", [None, 1.1])
def test_coefficients_intercept_and_score_are_the_packages_on_its_own_draws(
    mode: str, categorical: bool, kernel_width: float | None
) -> None:
    probes = table() if categorical else of_numbers(table().background[:, :4])
    features = probes.inputs.shape[1]
    for probe, row in enumerate(probes.inputs):
        inverse, z = packages_rows(package(probes, mode, probe), row, 700)
        asked = []

        def both(x: np.ndarray, asked: list[np.ndarray] = asked) -> np.ndarray:
            asked.append(x)
            return np.stack([1 - chance(x), chance(x)], axis=1)

        theirs = package(probes, mode, probe, kernel_width=kernel_width).explain_instance(
            row.astype(np.float64), both, num_features=features, num_samples=700
        )
        assert np.array_equal(asked[0], inverse)
        explainer = LimeTabular(kernel_width, **MODES[mode])
        ours = explained(explainer, Neighbours(inverse, z), chance)
        coefficients = np.array([weight for _, weight in sorted(theirs.local_exp[1])])
        assert difference(ours.values[0], coefficients) <= 1e-9
        assert difference(ours.base[0], theirs.intercept[1]) <= 1e-9
        assert difference(ours.fidelity["r2"][0], theirs.score) <= 1e-9


def test_z_of_bins_is_whether_the_packages_discretizer_says_the_same_as_of_the_probe() -> None:
    probes = table()
    discretizer = package(probes, "bins").discretizer
    found = LimeTabular().neighbours(probes, 1, 4000, seed=0)
    own = discretizer.discretize(probes.inputs[1].astype(np.float64))
    same = discretizer.discretize(found.inputs.astype(np.float64)) == own
    assert np.array_equal(found.z, same)
    assert 0.05 < found.z.mean() < 0.6


@pytest.mark.parametrize("mode", ["numbers", "around"])
def test_z_of_numbers_is_the_packages_scaled_data(mode: str) -> None:
    probes = table()
    scaler = package(probes, mode).scaler
    found = LimeTabular(**MODES[mode]).neighbours(probes, 1, 500, seed=0)
    scaled = (found.inputs.astype(np.float64) - scaler.mean_) / scaler.scale_
    assert np.abs(found.z[:, :4] - scaled[:, :4]).max() < 1e-6
    assert np.array_equal(found.z[:, 4:], found.inputs[:, 4:] == probes.inputs[1, 4:])


@pytest.mark.parametrize("mode", MODES)
def test_rows_are_drawn_from_the_packages_law(mode: str) -> None:
    probes, probe = table(), 2
    inverse, z = (array[1:] for array in packages_rows(package(probes, mode), probes.inputs[probe], 20_001))
    found = LimeTabular(**MODES[mode]).neighbours(probes, probe, 20_001, seed=0)
    ours, ours_z = found.inputs[1:], found.z[1:]
    for feature in range(6):
        # The package's values of a bin of a single value are 0; that of feature 3 is 0 indeed.
        assert ks_2samp(ours[:, feature], inverse[:, feature].astype(np.float32)).pvalue > 1e-3
        assert ks_2samp(ours_z[:, feature], z[:, feature]).pvalue > 1e-3
        assert np.abs(np.corrcoef(ours.T)[feature] - np.eye(6)[feature]).max() < 5 / np.sqrt(20_000)
    for code in range(4):
        shares = [(rows[:, 5] == code).mean() for rows in (ours, probes.background)]
        assert abs(shares[0] - shares[1]) < 5 * np.sqrt(0.25 / 20_000)


def test_within_a_bin_values_have_the_packages_mean_deviation_and_range() -> None:
    probes = table()
    discretizer = package(probes, "bins").discretizer
    found = LimeTabular().neighbours(probes, 0, 20_001, seed=3).inputs[1:].astype(np.float64)
    for feature in range(4):
        bin_of = discretizer.discretize(found)[:, feature].astype(int)
        training = discretizer.discretize(probes.background.astype(np.float64))[:, feature].astype(int)
        for i in np.unique(training):
            values = found[bin_of == i, feature]
            assert abs((bin_of == i).mean() - (training == i).mean()) < 5 * np.sqrt(0.25 / 20_000)
            low, high, mean, std = (getattr(discretizer, name)[feature][i] for name in ("mins", "maxs", "means", "stds"))
            # Borders lie between two float32 numbers.
            assert low - 1e-6 * abs(low) <= values.min() <= values.max() <= high + 1e-6 * abs(high)
            if low == high:
                continue
            law = truncnorm((low - mean) / std, (high - mean) / std, mean, std)
            assert abs(values.mean() - law.mean()) < 5 * law.std() / np.sqrt(len(values))
            assert values.std() == pytest.approx(law.std(), rel=0.05)
            assert values.min() < law.ppf(0.01) < law.ppf(0.99) < values.max()


def test_quantiles_of_the_normal_law_are_scipys_and_finite_at_both_ends() -> None:
    from scipy.special import ndtri

    chances = np.concatenate([10.0 ** -np.arange(1, 300, 7), np.linspace(0.001, 0.999, 999)])
    assert np.abs(normal(chances) / np.where(chances == 0.5, 1, ndtri(chances)) - (chances != 0.5)).max() < 1e-12
    assert np.isfinite(normal(np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize("mode", MODES)
def test_row_0_is_the_probe_and_fewer_evaluations_are_the_first_rows_of_more(mode: str) -> None:
    probes, explainer = table(), LimeTabular(**MODES[mode])
    found = explainer.neighbours(probes, 3, 400, seed=5)
    assert found.inputs.dtype == np.float32
    assert found.z.dtype == np.float64
    assert np.array_equal(found.inputs[0], probes.inputs[3])
    again = explainer.neighbours(table(), 3, 400, seed=5)
    fewer, drawn = found.first(101), explainer.neighbours(probes, 3, 101, seed=5)
    for name in ("inputs", "z"):
        assert np.array_equal(getattr(found, name), getattr(again, name))
        assert np.array_equal(getattr(fewer, name), getattr(found, name)[:101])
        assert np.array_equal(getattr(fewer, name), getattr(drawn, name))
    for other in (explainer.neighbours(probes, 3, 400, seed=6), explainer.neighbours(probes, 2, 400, seed=5)):
        assert not np.isclose(other.inputs[1:, 0], found.inputs[1:, 0]).any()


def test_the_kernel_is_1_at_the_probe_and_of_the_packages_width_unless_told_otherwise() -> None:
    found = LimeTabular().neighbours(table(), 0, 200, seed=0)
    zeros = 6 - found.z.sum(axis=1)
    assert np.allclose(nearness(found.z, 0.75 * np.sqrt(6)), np.exp(-zeros / (2 * 0.75**2 * 6)), rtol=1e-12)
    default, told, other = (explained(LimeTabular(width), found, chance).values for width in (None, 0.75 * np.sqrt(6), 1.0))
    assert np.array_equal(default, told)
    assert not np.allclose(default, other)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_95_percent_intervals_of_values_and_changes_cover_90_to_99_percent_over_seeds(mode: str) -> None:
    probes, explainer = table(), LimeTabular(**MODES[mode])

    def after(x: np.ndarray) -> np.ndarray:
        return 0.8 * chance(x) + 0.1 * np.sin(np.asarray(x, np.float64)[:, 0])

    player_of = np.array([0, 1, 2, 3, 4, 4])
    found = [explained(explainer, explainer.neighbours(probes, 1, 300, seed), chance, after, player_of=player_of) for seed in range(200)]
    values, errors, noise = (np.array([getattr(attribution, name) for attribution in found]) for name in ("values", "errors", "noise"))
    # The ridge penalty shrinks values at this number of rows: their limit is the mean over seeds.
    truth = values.mean(axis=0)
    covered = np.abs(values - truth) <= 1.96 * errors
    assert 0.93 <= covered.mean() <= 0.98
    assert covered.mean(axis=0).min() >= 0.9
    assert covered.mean(axis=0).max() <= 0.99
    change_errors = difference_errors(errors[:, 0], errors[:, 1], noise[:, 0], noise[:, 1])
    covered = np.abs(values[:, 1] - values[:, 0] - (truth[1] - truth[0])) <= 1.96 * change_errors
    assert 0.9 <= covered.mean() <= 0.99
    assert change_errors.mean() < 0.9 * np.sqrt((errors**2).sum(axis=1)).mean(), "shared rows make a change surer than two values"


def test_unseen_r2_is_that_of_regressions_that_have_not_seen_the_row() -> None:
    found = LimeTabular().neighbours(table(), 0, 60, seed=0)
    w, y = nearness(found.z, 0.75 * np.sqrt(6)), chance(found.inputs)
    missed = np.empty(60)
    for row in range(60):
        others = np.arange(60) != row
        ridge = Ridge(alpha=1).fit(found.z[others], y[others], sample_weight=w[others])
        missed[row] = y[row] - ridge.predict(found.z[row : row + 1])[0]
    expected = 1 - w @ missed**2 / (w @ (y - w @ y / w.sum()) ** 2)
    fidelity = explained(LimeTabular(), found, chance).fidelity
    assert fidelity["unseen_r2"][0] == pytest.approx(expected, abs=1e-12)
    assert fidelity["unseen_r2"][0] < fidelity["r2"][0]


def test_a_player_of_several_features_has_the_sum_of_their_values() -> None:
    found = LimeTabular().neighbours(table(), 0, 300, seed=0)
    alone = explained(LimeTabular(), found, chance, lambda x: chance(x) ** 2)
    grouped = explained(LimeTabular(), found, chance, lambda x: chance(x) ** 2, player_of=np.array([0, 1, 0, 2, 1, 1]))
    expected = alone.values @ np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 0]])
    assert np.allclose(grouped.values, expected, rtol=1e-12)
    assert np.array_equal(grouped.base, alone.base)
    assert np.allclose(grouped.errors[:, 2], alone.errors[:, 3], rtol=1e-12)
    assert (grouped.errors < alone.errors @ np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 0]])).sum() == 4


def test_a_linear_answer_is_recovered_without_error_and_its_arrays_begin_with_the_games() -> None:
    weights = np.array([0.5, -1.0, 2.0, 0.0])
    probes, explainer = of_numbers(table().background[:, :4]), LimeTabular(alpha=0, discretize=False)
    found = explainer.neighbours(probes, 0, 10, seed=0)
    answers = (3 + found.z @ weights)[:, None, None] * np.arange(1, 7).reshape(2, 3)
    attribution = explainer.fit(found, np.arange(4))(answers)
    assert attribution.values.shape == attribution.errors.shape == (2, 3, 4)
    assert np.allclose(attribution.values, np.arange(1, 7).reshape(2, 3, 1) * weights, atol=1e-9)
    assert np.allclose(attribution.base, 3 * np.arange(1, 7).reshape(2, 3), atol=1e-9)
    assert attribution.errors.max() < 1e-9
    assert attribution.noise.shape[:2] == attribution.fidelity["r2"].shape == (2, 3)
    assert attribution.fidelity["unseen_r2"].min() == pytest.approx(1)


@pytest.mark.parametrize("mode", MODES)
def test_columns_of_one_or_two_values_give_finite_values(mode: str) -> None:
    rng = np.random.default_rng(0)
    columns = [
        np.full(100, 1e6 + 1 / 3),
        np.zeros(100),
        np.full(100, 1e-12),
        rng.integers(0, 2, 100) * 1e6,
        rng.random(100) < 0.05,
        np.where(rng.random(100) < 0.3, rng.normal(size=100), -5),
        rng.normal(size=100) * 1e-13,
        rng.normal(size=100),
    ]
    probes = of_numbers(np.stack(columns, axis=1))
    # The second probe is far from all training rows.
    probes = Table(np.stack([probes.inputs[0], probes.inputs[0] + 1]), probes.background)
    explainer = LimeTabular(**MODES[mode])
    for probe in range(2):
        found = explainer.neighbours(probes, probe, 200, seed=0)
        assert np.isfinite(found.inputs).all()
        assert np.isfinite(found.z).all()
        attribution = explained(explainer, found, lambda x: np.tanh(x[:, 7] + x[:, 4].astype(np.float64)))
        for array in (attribution.values, attribution.base, attribution.noise):
            assert np.isfinite(array).all()
        # In numbers as they are, no row that is drawn has any weight beside the second probe.
        assert np.isnan(attribution.errors).all() if (mode, probe) == ("numbers", 1) else np.isfinite(attribution.errors).all()
        if mode == "bins":
            assert np.array_equal(found.z[0], np.ones(8))
            for feature in range(5):
                assert set(found.inputs[1:, feature].tolist()) <= set(probes.background[:, feature].tolist())
            # Feature 5 is mostly its minimum, a bin of its own.
            assert (found.inputs[:, 5] == -5).mean() > 0.5


@pytest.mark.parametrize("far", [3, 6, 30])
def test_a_probe_far_from_all_rows_has_the_packages_values_and_no_errors_where_the_penalty_alone_decides(far: float) -> None:
    """discretize=False: nobody is near, so the package's coefficients go to 0, whatever the model answers."""
    background = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    probes = Table(np.array([[far, 0, 0, 0]], dtype=np.float32), background)

    def game(x: np.ndarray) -> np.ndarray:
        return np.asarray(x, np.float64) @ np.arange(1, 5)

    inverse, z = packages_rows(package(probes, "numbers"), probes.inputs[0], 700)
    theirs = package(probes, "numbers").explain_instance(
        probes.inputs[0].astype(np.float64), lambda x: np.stack([1 - game(x), game(x)], axis=1), num_features=4, num_samples=700
    )
    ours = explained(LimeTabular(discretize=False), Neighbours(inverse, z), game)
    coefficients = np.array([weight for _, weight in sorted(theirs.local_exp[1])])
    assert np.abs(ours.values[0] - coefficients).max() <= 1e-9 * max(np.abs(coefficients).max(), 1)
    assert np.isnan(ours.errors).all() == (far == 30)
    if far == 30:
        assert np.abs(coefficients).max() < 1e-9, "the package says that nothing matters"
    around = LimeTabular(discretize=False, around=True)
    found = explained(around, around.neighbours(probes, 0, 5000, seed=0), game)
    assert found.values[0] == pytest.approx(background.std(axis=0) * np.arange(1, 5), rel=1e-2)
    assert np.isfinite(found.errors).all()


def test_constant_columns_are_drawn_with_the_packages_deviation_of_1() -> None:
    probes = of_numbers(np.full((50, 3), [7, 0, 1e6 + 1 / 3]))
    assert np.array_equal(package(probes, "numbers").scaler.scale_, np.ones(3))
    found = LimeTabular(discretize=False).neighbours(probes, 0, 5000, seed=0)
    for rows in (found.inputs[1:].astype(np.float64), found.z[1:]):
        assert np.abs(rows.std(axis=0) - 1).max() < 0.05


def test_too_few_evaluations_and_a_kernel_that_leaves_nothing_to_go_by_are_refused() -> None:
    probes = table()
    message = "13 evaluations are too few for 6 features; give at least 14"
    with pytest.raises(ValueError, match=message):
        LimeTabular().neighbours(probes, 0, 13, seed=0)
    found = LimeTabular().neighbours(probes, 0, 14, seed=0)
    with pytest.raises(ValueError, match=message):
        LimeTabular().fit(found.first(13), np.arange(6))
    assert np.isfinite(explained(LimeTabular(), found, chance).values).all()
    found = LimeTabular().neighbours(probes, 0, 200, seed=0)
    with pytest.raises(
        ValueError, match=r"with kernel_width 0\.05 and alpha 0 .* give a wider kernel \(kernel_width=1\.837\) or a larger alpha"
    ):
        LimeTabular(kernel_width=0.05, alpha=0).fit(found, np.arange(6))


def test_options_out_of_range_are_refused() -> None:
    for options, message in (
        ({"kernel_width": 0}, "LimeTabular: kernel_width is 0; give a number above 0"),
        ({"alpha": -1}, "LimeTabular: alpha is -1"),
        ({"discretize": 4}, "LimeTabular: discretize is 4; give True or False"),
        ({"around": True}, "give discretize=False with around=True"),
    ):
        with pytest.raises(ValueError, match=message):
            LimeTabular(**options)
