"""Which players are certain to be the strongest: against brute force, and against repeated draws. And what a run says of its recipe."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from support.analysed import given_run, noisy_series
from support.records import FakeRun

from tb_xai_plugin import read_run
from tb_xai_plugin.judgement.trust import certain

pytestmark = pytest.mark.viewing


def test_certain_players_are_those_of_the_definition() -> None:
    """One loop after the other over intervals that hold together by Bonferroni's inequality."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (40, 6)).astype(np.float32)
    errors = rng.uniform(0, 0.4, (40, 6)).astype(np.float32)
    values[:, 5], errors[:, 5] = np.nan, np.nan  # past the last player
    z = NormalDist().inv_cdf(1 - 0.05 / (2 * 5))
    for k in (None, 1, 2, 3):
        found = certain(values, errors, k)
        for row in range(40):
            low, high = np.abs(values[row, :5]) - z * errors[row, :5], np.abs(values[row, :5]) + z * errors[row, :5]
            order = np.argsort(-np.abs(values[row, :5]))
            expected = np.zeros(6, dtype=bool)
            if k is None:
                for place, player in enumerate(order[:-1]):
                    if not all(low[player] > high[later] for later in order[place + 1 :]):
                        break
                    expected[player] = True
            else:
                for player in range(5):
                    expected[player] = sum(high[other] >= low[player] for other in range(5) if other != player) < k
            np.testing.assert_array_equal(found[row], expected)
        assert found.any()
        assert not found.all()


def test_at_most_k_are_certain_and_exact_values_are_certain_in_order() -> None:
    values = np.array([[5.0, -4.0, 3.0, 2.0]])
    exact = np.zeros_like(values)
    assert certain(values, exact).sum() == 3, "the last place is what is left"
    for k in range(1, 4):
        assert np.flatnonzero(certain(values, exact, k)[0]).tolist() == list(range(k))
    tied = np.array([[3.0, -3.0, 1.0, 1.0]])
    assert not certain(tied, exact).any(), "nobody is the strongest of equals"
    assert np.flatnonzero(certain(tied, exact, 2)[0]).tolist() == [0, 1]
    unknown = np.full_like(values, np.nan)
    assert not certain(values, unknown).any()
    assert not certain(values, np.array([[0, 0, np.nan, 0.0]]), 1).any(), "a player of unknown error may be the strongest"


def test_what_is_certain_is_wrong_in_at_most_5_of_100_draws() -> None:
    truth = np.array([1.0, 0.9, 0.7, 0.65, 0.3, -0.1])
    errors = np.full((4000, 6), 0.05)
    drawn = truth + np.random.default_rng(1).normal(size=errors.shape) * errors
    order = np.argsort(-np.abs(drawn), axis=1)
    places = certain(drawn, errors).sum(axis=1)
    wrong = [(order[row, :count] != np.arange(count)).any() for row, count in enumerate(places)]
    assert np.mean(wrong) <= 0.05
    for k, others in ((1, [1, 2, 3, 4, 5]), (2, [2, 3, 4, 5])):
        assert certain(drawn, errors, k)[:, others].any(axis=1).mean() <= 0.05
    assert certain(drawn, errors, 4)[:, :4].all(axis=1).mean() > 0.8, "four are far above the others"


def test_a_run_names_its_certain_players(tmp_path: Path) -> None:
    values = np.tile([1.0, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], (3, 1))
    run = given_run(tmp_path / "run", noisy_series(values, 4), errors=0.01, first=-1)
    assert run.certain("shap").shape == (3, 3, 8), "epochs alone"
    assert (run.certain("shap").sum(axis=-1) == 2).all()
    assert run.certain("shap", 1)[:, :, 0].all()
    for wrong in (0, True, 1.5):
        with pytest.raises(ValueError, match="give a number of players"):
            run.certain("shap", wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no explainer 'magic'"):
        run.certain("magic")


def test_repeats_have_one_recipe_and_other_settings_another(tmp_path: Path) -> None:
    one, other = (read_run(FakeRun(tmp_path / f"seed{seed}").write(range(2)).log_dir) for seed in range(2))
    assert one.recipe == other.recipe
    assert one.recipe["settings"]["evaluations"] == one.settings["evaluations"]
    assert one.recipe["metrics"] == ["loss", "val_accuracy"]
    assert read_run(FakeRun(tmp_path / "more", explainers=("shap",)).write(range(2)).log_dir).recipe != one.recipe
