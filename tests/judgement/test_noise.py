"""What of a difference is noise: floors against the distances that noise makes, changed players against scipy, rates against drawn truth."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from tb_xai_plugin.explainers.errors import PairErrors
from tb_xai_plugin.judgement import distances, noise, summaries
from tb_xai_plugin.records import wire

pytestmark = pytest.mark.viewing

PAIRS = 4000


def pair_of_the_same(players: int, relative: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two estimates of the same explanations, and the standard errors of their differences."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((PAIRS, players)) * rng.gamma(0.5, 1, size=players)
    errors = relative * np.abs(truth).mean() * rng.uniform(0.5, 1.5, size=truth.shape)
    a, b = (truth + rng.standard_normal(truth.shape) * errors / np.sqrt(2) for _ in range(2))
    return a, b, errors


@pytest.mark.parametrize("measure", distances.MEASURES)
@pytest.mark.parametrize(("players", "relative"), [(49, 0.05), (49, 0.5), (13, 0.1), (4, 0.2), (3, 0.05), (2, 0.05)])
def test_noise_alone_passes_its_floor_in_about_one_case_of_twenty(measure: str, players: int, relative: float) -> None:
    a, b, errors = (array[: 400 if measure in ("spearman", "top-k") else PAIRS] for array in pair_of_the_same(players, relative))
    passed = (distances.MEASURES[measure](a, b) > noise.floor(a, b, errors, measure)).mean()
    closed = measure in ("tv", "cosine", "magnitude")
    assert passed <= (0.065 if closed else 0.09), "false alarms"
    if closed:
        assert passed >= 0.01, "a floor that nothing reaches finds nothing"


@pytest.mark.parametrize(("players", "directions"), [(16, 1), (49, 1), (49, 4)])
def test_noise_that_players_share_passes_its_floor_no_more_often_once_it_is_known_what_they_share(players: int, directions: int) -> None:
    rng = np.random.default_rng(3)
    spread, truth = rng.standard_normal((players, directions)), rng.standard_normal(players) * rng.gamma(0.7, 1, size=players)
    values, errors, logged = [], [], []
    for _ in range(300):  # an operator of its own each time, as with fresh coalitions
        A = spread @ rng.standard_normal((directions, 120)) / np.sqrt(directions) + 0.3 * rng.standard_normal((players, 120))
        residuals = 0.003 * rng.standard_normal((120, 1))
        error, noise_of = PairErrors(A**2, A, np.ones((120, 1)))(residuals)
        values.append(truth + (A @ residuals)[:, 0])
        errors.append(error[:, 0])
        logged.append(wire.encode_noise(noise_of[:, 0]))
    a, e, known = (np.array(array) for array in (values, errors, logged))
    b, of_change, other = np.roll(a, 1, axis=0), np.hypot(e, np.roll(e, 1, axis=0)), np.roll(known, 1, axis=0)
    for measure in ("tv", "cosine"):
        distance = distances.MEASURES[measure](a, b)
        sketches = known[:, : wire.SKETCH], other[:, : wire.SKETCH]  # as in records of version 0.1.0
        assert (distance > noise.floor(a, b, of_change, measure, sketches)).mean() > 0.12, "what independent errors would make"
        assert 0.01 <= (distance > noise.floor(a, b, of_change, measure, (known, other))).mean() <= 0.08


def test_errors_are_shared_as_their_covariance_says() -> None:
    rng = np.random.default_rng(4)
    shared, residuals = rng.standard_normal(3000), rng.standard_normal((3000, 1))
    A = np.stack([shared, -2 * shared, rng.standard_normal(3000), shared + rng.standard_normal(3000), np.zeros(3000)])
    given = PairErrors(A**2, A, np.ones((3000, 1)))(residuals)[1].T
    covariance = (A * residuals.T) @ (A * residuals.T).T
    size = np.sqrt(np.maximum(np.diagonal(covariance), 1e-9))
    L = given[0, wire.SKETCH :].reshape(5, -1)
    assert np.abs((L @ L.T - covariance / np.outer(size, size))[~np.eye(5, dtype=bool)]).max() < 0.1
    encoded = wire.encode_noise(given)
    decoded = wire.decode_loadings(encoded)
    assert decoded is not None
    assert np.abs(decoded[0] - L).max() <= 0.5 / 7 + 1e-6
    assert wire.decode_loadings(encoded[:, : wire.SKETCH]) is None


def test_players_that_the_model_ignores_have_ranks_by_chance() -> None:
    rng = np.random.default_rng(5)
    a, b = (np.concatenate([[3.0, 2.0, 1.0], 1e-9 * rng.standard_normal(5)]) * np.ones((60, 1)) for _ in range(2))
    a[:, 3:], b[:, 3:] = (1e-9 * rng.standard_normal((60, 5)) for _ in range(2))
    passed = distances.MEASURES["spearman"](a, b) > noise.floor(a, b, np.zeros_like(a), "spearman")
    assert passed.mean() <= 0.1


@pytest.mark.parametrize("measure", ["tv", "cosine", "magnitude"])
def test_a_floor_in_closed_form_is_the_quantile_of_what_noise_makes(measure: str) -> None:
    rng = np.random.default_rng(1)
    truth, errors = rng.standard_normal(20), rng.uniform(0.02, 0.2, size=20)
    a, b = (truth + rng.standard_normal((20_000, 20)) * errors / np.sqrt(2) for _ in range(2))
    drawn = np.quantile(distances.MEASURES[measure](a, b), 0.95)
    assert noise.floor(truth, truth, errors, measure) == pytest.approx(drawn, rel=0.06)


@pytest.mark.parametrize("measure", distances.MEASURES)
def test_a_floor_grows_with_the_errors_and_is_unknown_with_them(measure: str) -> None:
    a, b, errors = (array[:50] for array in pair_of_the_same(12, 0.1))
    small, large = noise.floor(a, b, errors, measure), noise.floor(a, b, 4 * errors, measure)
    assert np.median(large) > np.median(small)
    unknown = errors.copy()
    unknown[3, 5] = np.nan
    assert np.isnan(noise.floor(a, b, unknown, measure)[3])


def test_players_that_a_probe_does_not_have_leave_the_floor_alone() -> None:
    a, b, errors = (array[:5] for array in pair_of_the_same(8, 0.1))
    padded = (np.concatenate([array, np.full((5, 20), np.nan)], axis=1) for array in (a, b, errors))
    np.testing.assert_allclose(noise.floor(*padded), noise.floor(a, b, errors))


def test_what_is_exact_has_rounding_for_a_floor() -> None:
    a = np.array([[0.5, -0.2, 0.1]])
    assert 0 < noise.floor(a, a, np.zeros_like(a))[0] < 1e-4
    moved = a + np.array([[0.0, 0.05, 0.0]])
    assert distances.total_variation(a, moved) > noise.floor(a, moved, np.zeros_like(a))


def test_changed_players_are_those_of_scipys_benjamini_hochberg() -> None:
    rng = np.random.default_rng(2)
    change, errors = rng.standard_normal((6, 4, 9)), rng.uniform(0.2, 2, size=(6, 4, 9))
    change[rng.random(change.shape) < 0.3] *= 8
    change[0, 0, :3] = np.nan
    found = noise.significant_changes(change, errors, change)
    for epoch in range(6):
        there = np.isfinite(change[epoch])
        p = 2 * scipy.stats.norm.sf(np.abs(change[epoch][there] / errors[epoch][there]))
        assert found[epoch][there].tolist() == (scipy.stats.false_discovery_control(p) <= noise.DISCOVERY).tolist()
    assert not found[0, 0, :3].any(), "what has no number has not changed"


def test_where_nothing_changed_players_are_named_at_one_epoch_of_twenty() -> None:
    rng = np.random.default_rng(3)
    errors = np.full((2000, 4, 10), 0.3)
    named = noise.significant_changes(rng.standard_normal(errors.shape) * errors, errors, np.ones_like(errors))
    assert 0.035 < named.any(axis=(1, 2)).mean() < 0.065


def test_of_the_players_named_at_most_one_in_twenty_did_not_change() -> None:
    rng = np.random.default_rng(4)
    errors, real = np.full((500, 4, 10), 0.3), np.zeros((500, 4, 10))
    real[:, 0] = 2.0
    named = noise.significant_changes(real + rng.standard_normal(real.shape) * errors, errors, np.ones_like(errors))
    false = (named & (real == 0)).sum(axis=(1, 2)) / np.maximum(named.sum(axis=(1, 2)), 1)
    assert false.mean() < 0.05
    assert named[:, 0].mean() > 0.95, "a change of seven errors is found"


def test_rounding_is_no_change() -> None:
    values = np.array([[[1.0, 2.0]]])
    change = np.array([[[1e-6, 0.5]]])
    assert noise.significant_changes(change, np.zeros_like(change), values).tolist() == [[[False, True]]]


def test_the_error_of_a_share_is_its_spread() -> None:
    rng = np.random.default_rng(5)
    truth, errors = np.array([0.8, -0.5, 0.3, 0.9]), np.array([0.02, 0.05, 0.01, 0.04])
    inside = np.array([1.0, 0.25, 0, 0])
    drawn = truth + rng.standard_normal((20_000, 1, 4)) * errors
    spread = summaries.region_share(drawn, inside).std()
    found = noise.share_errors(truth[None, None], errors[None, None], inside)
    assert found.item() == pytest.approx(spread, rel=0.03)
