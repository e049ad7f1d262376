"""The budget behind max_overhead, against simulated trainings."""

from __future__ import annotations

import numpy as np
import pytest

from tb_xai_plugin.training.budget import Budget


def train(
    budget: Budget, epochs: list[float], cost: float, *, setup: float = 0.0, fixed: float = 0.0, every: int = 1, stop: int | None = None
) -> list[int | None]:
    """Simulate a fit: seconds of each epoch, and of one explanation with all evaluations, of which `fixed` stay with fewer.

    Returns:
        What was decided at each epoch that is due: how many halvings, or None. stop: the epoch after which training stops early.
    """
    budget.spent, budget.cost, budget.fixed = setup, cost, fixed
    decided: list[int | None] = []
    for epoch, seconds in enumerate(epochs[:stop]):
        budget.trained.append(seconds)
        if epoch % every:
            continue
        to_come = len(epochs) - 1 - epoch
        schedule = budget.decide(to_come, to_come // every)
        decided.append(None if schedule is None else schedule.halvings)
        if schedule is not None:
            budget.spent += fixed + (cost - fixed) / 2**schedule.halvings
    return decided


def test_all_epochs_are_explained_with_all_evaluations_where_there_is_time() -> None:
    assert train(Budget(0.05, most_halvings=1), [60.0] * 30, cost=2.4) == [0] * 30


def test_evaluations_are_halved_before_epochs_are_left_out() -> None:
    decided = train(Budget(0.05, most_halvings=1), [60.0] * 30, cost=4.8, setup=0.1)
    assert set(decided) == {1}


def test_epochs_are_left_out_evenly_where_fewer_evaluations_are_not_enough() -> None:
    decided = train(Budget(0.05, most_halvings=1), [1.0] * 100, cost=0.4)
    explained = np.flatnonzero([halvings is not None for halvings in decided])
    assert set(decided) == {1, None}
    assert 16 <= len(explained) <= 25  # 100 s x 0.05 / 0.2 s
    assert np.diff(explained).max() <= 6
    assert explained[0] <= 1
    assert explained[-1] == 99


def test_nothing_is_explained_where_there_is_no_time_for_one() -> None:
    assert train(Budget(0.05, most_halvings=1), [0.1] * 20, cost=1.0) == [None] * 20


def test_the_schedule_is_steady_under_noise() -> None:
    rng = np.random.default_rng(0)
    budget, changes, before = Budget(0.05, most_halvings=2), 0, None
    budget.cost = 7.2
    for epoch in range(100):
        budget.trained.append(float(60 * rng.uniform(0.8, 1.25)))
        budget.decide(99 - epoch, 99 - epoch)
        budget.spent += 1.8 * rng.uniform(0.8, 1.25)
        changes += before is not None and budget.schedule != before
        before = budget.schedule
    assert changes <= 2


@pytest.mark.parametrize(("every", "cost"), [(10, 1.8), (5, 1.2)])
def test_epochs_that_are_not_due_pay_for_those_that_are(every: int, cost: float) -> None:
    assert set(train(Budget(0.05, most_halvings=1), [10.0] * 100, cost=cost, every=every)) == {0}


def test_evaluations_are_not_halved_for_a_cost_that_stays() -> None:
    decided = train(Budget(0.05, most_halvings=1), [10.0] * 100, cost=1.0, fixed=1.0)
    assert set(decided) == {0, None}, "all there is to do is to leave epochs out"
    assert 30 <= len([halvings for halvings in decided if halvings is not None]) <= 50


@pytest.mark.parametrize("seed", range(40))
def test_what_is_spent_never_exceeds_the_share_of_the_whole_training(seed: int) -> None:
    rng = np.random.default_rng(seed)
    share, count = float(rng.choice([0.02, 0.05, 0.2])), int(rng.integers(2, 60))
    steady = float(rng.uniform(0.1, 20))
    epochs = [steady * float(rng.uniform(1, 4)), *(steady * rng.uniform(0.9, 1.1, count - 1))]
    budget = Budget(share, most_halvings=int(rng.integers(0, 3)))
    train(budget, epochs, cost=float(rng.uniform(0.001, 5)) * steady)
    assert budget.spent <= share * sum(epochs) * 1.02


@pytest.mark.parametrize("stop", [1, 2, 5, 20])
def test_a_training_that_stops_early_has_spent_at_most_what_ten_epochs_more_would_have_paid_for(stop: int) -> None:
    budget = Budget(0.05, most_halvings=1)
    train(budget, [10.0] * 1000, cost=0.6, setup=2.0, stop=stop)
    assert 2.0 < budget.spent <= 0.05 * 10 * (stop + max(10, stop))
