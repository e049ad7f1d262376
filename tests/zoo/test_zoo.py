"""Kinds of models as public examples build them: the natural call explains them right, or says what to give; and training stays as it was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from zoo import images, series, several, tables, wrappers
from zoo.kind import Kind
from zoo.verdict import verdict

KINDS = [*images.KINDS, *several.KINDS, *wrappers.KINDS, *series.KINDS, *tables.KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_of_model_is_explained_right_or_told_what_to_give(kind: Kind, tmp_path: Path) -> None:
    found = verdict(kind, tmp_path)
    if kind.advice:
        assert found.first != "right", "the natural call is right now: drop the second"
        assert kind.advice in found.first
    else:
        assert found.first == "right"
    if kind.refused:
        return
    assert found.right, found.second
    assert found.same_bits, "training is another with the callback"
    assert found.steps == [0, 1]
    assert re.search(kind.said, " ".join(found.said)), found.said
    if kind.chance:
        assert found.errors > 0
    if kind.chance or kind.mixing:  # its outputs are not those of `predict`, which is said
        return
    assert found.difference <= 1e-5
    assert found.efficiency <= 1e-4


def test_the_zoo_has_forty_kinds() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 40
