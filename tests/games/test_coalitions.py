"""Designs: fixed, paired, distinct, of the stated law."""

from __future__ import annotations

import subprocess
import sys
from math import comb

import numpy as np
import pytest

from tb_xai_plugin.games.coalitions import LAWS, auto_evaluations, build_design, fewest_evaluations, levels

SIZES = [
    (players, evaluations(players))
    for players in (2, 3, 4, 7, 10, 16, 49, 64, 128)
    for evaluations in (fewest_evaluations, auto_evaluations)
]


@pytest.mark.parametrize(("players", "evaluations"), SIZES)
@pytest.mark.parametrize("laws", [LAWS, ("leverage",), ("bernoulli",)])
def test_a_design_is_distinct_complementary_pairs_within_its_budget(players: int, evaluations: int, laws: tuple[str, ...]) -> None:
    masks = build_design(players, evaluations, laws, seed=3).masks
    assert len(masks) == evaluations - evaluations % 2
    assert len({row.tobytes() for row in masks}) == len(masks)
    assert (masks[0::2] ^ masks[1::2]).all()
    assert masks[0].all()
    assert not masks[1].any()


def test_every_coalition_is_there_where_the_budget_covers_them() -> None:
    masks = build_design(7, 128, LAWS, seed=0).masks
    assert np.array_equal(np.bincount(masks.sum(axis=1)), [comb(7, s) for s in range(8)])


def test_every_player_is_alone_once_and_sizes_that_bernoulli_leaves_out_come_equally_often_and_the_middle_ones_more() -> None:
    rows = build_design(49, 2000, ("leverage",), seed=0).rows_of_size
    assert rows.tolist() == rows[::-1].tolist()
    assert rows[1] == 49
    assert np.ptp(rows[2:15]) <= 1
    # 60 % of the rows are Bernoulli(1/2)'s, 11 % of them in each of the middle two sizes.
    assert rows[2] < rows[24] / 3
    assert abs(rows[24] - 2000 * 0.6 * comb(49, 24) / 2**49) < 4 * np.sqrt(1200 * 0.11)
    rows = build_design(10, 512, ("leverage",), seed=0).rows_of_size
    assert rows[1] == rows[9] == 10
    assert rows[2] == rows[8] == 45


def test_limes_rows_keep_each_player_with_probability_one_half() -> None:
    design = build_design(49, 784, LAWS, seed=0)
    rows = design.pairs[design.bernoulli][1:]
    assert len(rows) == (784 // 2 - 1) * 6 // 10
    sizes = np.minimum(rows.sum(axis=1), 49 - rows.sum(axis=1))
    # The mean of min(s, 49 - s) for s ~ Binomial(49, 1/2), and its standard deviation, by enumeration.
    law = np.array([comb(49, s) for s in range(50)]) / 2.0**49
    folded = np.minimum(np.arange(50), 49 - np.arange(50))
    mean = law @ folded
    deviation = np.sqrt(law @ (folded - mean) ** 2 / len(sizes))
    assert abs(sizes.mean() - mean) < 4 * deviation


@pytest.mark.slow
@pytest.mark.parametrize(("players", "evaluations", "level"), [(5, 22, 22), (6, 32, 32), (8, 128, 128), (8, 128, 64), (10, 256, 128)])
def test_limes_rows_have_all_sizes_as_often_as_its_law_says(players: int, evaluations: int, level: int) -> None:
    """Also the players alone, which are in the design anyway, and also in the first part of a design."""
    folded, seeds = np.minimum(np.arange(players + 1), players - np.arange(players + 1)), 200
    law = np.array([comb(players, s) for s in range(players + 1)]) / (2**players - 2)
    seen = np.zeros(players // 2 + 1)
    for seed in range(seeds):
        design = build_design(players, evaluations, LAWS, seed).first(level)
        pairs = design.pairs[design.bernoulli][1:]
        # Where nearly all sets of a few players are drawn, the design can be full before LIME has its share.
        assert 0 <= (len(design.pairs) - 1) * 6 // 10 - len(pairs) <= (players == 5)
        seen += np.bincount(folded[pairs.sum(axis=1)], minlength=len(seen))
    for size in range(1, len(seen)):
        share, drawn = law[folded == size].sum(), seen.sum()
        assert abs(seen[size] / drawn - share) < 4 * np.sqrt(share * (1 - share) / drawn), size


def test_the_same_seed_gives_the_same_coalitions_in_another_process_and_another_seed_others() -> None:
    code = (
        "import hashlib; from tb_xai_plugin.games.coalitions import build_design, LAWS;"
        "print(hashlib.sha256(build_design(49, 784, LAWS, seed=5).masks.tobytes()).hexdigest())"
    )
    import hashlib

    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    here, other = (build_design(49, 784, LAWS, seed=seed).masks for seed in (5, 6))
    assert hashlib.sha256(here.tobytes()).hexdigest() == elsewhere
    assert not np.array_equal(here, other)


@pytest.mark.parametrize(("players", "evaluations"), [(7, 64), (8, 128), (10, 512), (16, 512), (49, 1568)])
@pytest.mark.parametrize("laws", [LAWS, ("bernoulli",)])
def test_every_level_of_a_design_is_the_design_of_so_many_evaluations(players: int, evaluations: int, laws: tuple[str, ...]) -> None:
    found = levels(players, evaluations)
    assert found[-1] == evaluations
    assert len(found) > 1
    for seed in range(5):
        design = build_design(players, evaluations, laws, seed)
        for level in found:
            first, own = design.first(level), build_design(players, level, laws, seed)
            assert np.array_equal(first.masks, own.masks)
            assert np.array_equal(first.bernoulli, own.bernoulli)


def test_players_are_confounded_less_with_interactions_of_three_than_by_random_coalitions_of_the_same_sizes() -> None:
    pairs = build_design(12, 192, LAWS, seed=0).pairs[13:]
    rng = np.random.default_rng(0)
    i, j, k = np.array([(i, j, k) for k in range(12) for j in range(k) for i in range(j)]).T

    def confounded(rows: np.ndarray) -> float:
        signs = 2.0 * rows - 1
        return float(((signs.T @ (signs[:, i] * signs[:, j] * signs[:, k])) ** 2).sum())

    assert confounded(pairs) < 0.8 * np.mean([confounded(rng.permuted(pairs, axis=1)) for _ in range(20)])


@pytest.mark.slow
def test_within_a_size_every_player_comes_equally_often_over_seeds() -> None:
    masks = np.concatenate([build_design(12, 200, LAWS, seed).masks for seed in range(200)])
    rows = masks[masks.sum(axis=1) == 5]
    share = rows.mean(axis=0)
    assert np.abs(share - 5 / 12).max() < 4 * np.sqrt(5 / 12 * 7 / 12 / len(rows))
