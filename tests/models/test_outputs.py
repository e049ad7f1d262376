"""What a model's answers mean, against closed forms in double precision."""

from __future__ import annotations

import numpy as np
import pytest

from tb_xai_plugin.models.outputs import Head, explained, log_odds, probabilities

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(50, 10)) * 5


def _log_odds_by_probability(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits.astype(np.longdouble) - logits.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    others = p @ (1 - np.eye(p.shape[1]))
    return np.log(p / others).astype(float)


def test_log_odds_of_logits_are_log_p_over_one_minus_p() -> None:
    assert np.allclose(log_odds(LOGITS, np.arange(10)), _log_odds_by_probability(LOGITS), atol=1e-10)
    assert np.allclose(log_odds(LOGITS, np.array([7, 2])), _log_odds_by_probability(LOGITS)[:, [7, 2]], atol=1e-10)


def test_log_odds_do_not_depend_on_a_shift_of_all_logits_and_stay_exact_when_saturated() -> None:
    assert np.allclose(log_odds(LOGITS + 1234.5, np.arange(10)), log_odds(LOGITS, np.arange(10)), atol=1e-9)
    extreme = np.array([[500.0, -300.0, 0.0]])
    assert np.allclose(log_odds(extreme, np.arange(3)), [[500.0, -800.0, -500.0]])


def test_a_float32_softmax_gives_the_same_log_odds_as_its_logits() -> None:
    softmax = np.exp(LOGITS - LOGITS.max(axis=1, keepdims=True))
    softmax = (softmax / softmax.sum(axis=1, keepdims=True)).astype(np.float32)
    from_softmax = explained(Head("softmax", 10), "log-odds", softmax, np.arange(10))
    assert np.abs(from_softmax - _log_odds_by_probability(LOGITS)).max() < 1e-4


def test_a_zero_probability_stays_finite() -> None:
    answers = np.array([[1.0, 0.0, 0.0]], np.float32)
    assert np.isfinite(explained(Head("softmax", 3), "log-odds", answers, np.arange(3))).all()
    assert np.abs(explained(Head("softmax", 3, clipped=True), "log-odds", answers, np.arange(3))).max() < 14


@pytest.mark.parametrize("head", ["sigmoid", "sigmoid logits"])
def test_one_sigmoid_has_two_classes_with_opposite_log_odds(head: str) -> None:
    logits = np.array([[-3.0], [0.0], [2.0]])
    answers = logits if head == "sigmoid logits" else 1 / (1 + np.exp(-logits))
    assert Head(head, 1).classes == 2
    assert np.allclose(explained(Head(head, 1), "log-odds", answers, np.arange(2)), np.hstack([-logits, logits]), atol=1e-6)
    p = 1 / (1 + np.exp(-logits))
    assert np.allclose(explained(Head(head, 1), "probability", answers, np.arange(2)), np.hstack([1 - p, p]), atol=1e-9)


def test_several_sigmoids_are_independent() -> None:
    p = 1 / (1 + np.exp(-LOGITS))
    assert np.allclose(explained(Head("sigmoid logits", 10), "log-odds", LOGITS, np.arange(10)), LOGITS)
    assert np.allclose(probabilities(Head("sigmoid logits", 10), LOGITS), p)


def test_two_sigmoids_are_two_labels_not_two_classes() -> None:
    p = np.array([[0.9, 0.8]])
    head = Head("sigmoid", 2)
    assert not head.exclusive
    assert np.allclose(explained(head, "probability", p, np.arange(2)), p)
    assert np.allclose(explained(head, "log-odds", p, np.arange(2)), np.log(p / (1 - p)))


def test_a_regression_is_explained_in_its_own_output_whatever_is_asked() -> None:
    answers = np.array([[2.5], [-1.0]])
    for output in ("log-odds", "raw"):
        assert np.array_equal(explained(Head("regression", 1), output, answers, np.array([0])), answers)


def test_raw_is_the_models_own_number() -> None:
    assert np.array_equal(explained(Head("logits", 10), "raw", LOGITS, np.array([3])), LOGITS[:, [3]])
    assert np.allclose(explained(Head("sigmoid", 1), "raw", np.array([[0.2]]), np.arange(2)), [[0.8, 0.2]])
