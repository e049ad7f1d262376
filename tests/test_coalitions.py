"""Designs: fixed, paired, distinct, of the stated law."""

from __future__ import annotations

import subprocess
import sys
from math import comb

import numpy as np
import pytest

from tb_xai_plugin.coalitions import LAWS, auto_evaluations, build_design, fewest_evaluations

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


def test_leverage_draws_every_size_equally_often_and_whole_sizes_where_there_are_few() -> None:
    counts = np.bincount(build_design(49, 784, ("leverage",), seed=0).masks.sum(axis=1))
    assert np.ptp(counts[1:-1]) <= 1
    counts = np.bincount(build_design(10, 512, ("leverage",), seed=0).masks.sum(axis=1))
    assert counts[1] == counts[9] == 10
    assert counts[2] == counts[8] == 45


def test_limes_rows_keep_each_player_with_probability_one_half() -> None:
    design = build_design(49, 784, LAWS, seed=0)
    rows = design.pairs[design.bernoulli][1:]
    assert len(rows) == (784 // 2 - 1) // 2
    sizes = np.minimum(rows.sum(axis=1), 49 - rows.sum(axis=1))
    # The mean of min(s, 49 - s) for s ~ Binomial(49, 1/2), and its standard deviation, by enumeration.
    law = np.array([comb(49, s) for s in range(50)]) / 2.0**49
    folded = np.minimum(np.arange(50), 49 - np.arange(50))
    mean = law @ folded
    deviation = np.sqrt(law @ (folded - mean) ** 2 / len(sizes))
    assert abs(sizes.mean() - mean) < 4 * deviation


def test_the_same_seed_gives_the_same_coalitions_in_another_process_and_another_seed_others() -> None:
    code = (
        "import hashlib; from tb_xai_plugin.coalitions import build_design, LAWS;"
        "print(hashlib.sha256(build_design(49, 784, LAWS, seed=5).masks.tobytes()).hexdigest())"
    )
    import hashlib

    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    here, other = (build_design(49, 784, LAWS, seed=seed).masks for seed in (5, 6))
    assert hashlib.sha256(here.tobytes()).hexdigest() == elsewhere
    assert not np.array_equal(here, other)
