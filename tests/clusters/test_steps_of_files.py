"""The steps of checkpoints are the numbers in their names, or what the user says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tb_xai_plugin.clusters.places import steps_of

pytestmark = pytest.mark.viewing


def steps(paths: Any, first_epoch: int = 1) -> dict[int, str]:
    return steps_of(paths, first_epoch, builds=True, trusted=False)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1.keras", "2.keras", "10.keras"], [0, 1, 9]),
        (["ckpt-10.keras", "ckpt-2.keras"], [1, 9]),
        (["run3/e01-0.43.keras", "run3/e02-0.41.keras"], [0, 1]),
        (["lr0.1_seed3_epoch07.keras", "lr0.1_seed3_epoch08.keras"], [6, 7]),
        (["2024-epoch1-step100.keras", "2024-epoch2-step200.keras"], None),
        (["07-43.keras", "08-41.keras"], None),
        (["a-12-epoch-1.keras", "a-13-epoch-2.keras"], [0, 1]),
        (["best.keras", "last.keras"], None),
        (["model-3.keras", "model-3.keras"], [2]),
        (["epoch-5.keras"], [4]),
        (["model.keras"], [0]),
    ],
)
def test_the_number_by_which_names_differ_is_the_epoch_as_keras_writes_it(names: list[str], expected: list[int] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match=r"so its step is not known; give \{step: path\}"):
            steps(names)
    else:
        assert list(steps(names)) == expected


def test_number_0_is_the_untrained_model_unless_names_count_from_0() -> None:
    names = ["m-0.keras", "m-1.keras"]
    assert list(steps(names)) == [-1, 0]
    assert list(steps(names, first_epoch=0)) == [0, 1]
    with pytest.raises(ValueError, match=r"'m-0\.keras' would be step -2.*give first_epoch="):
        steps(names, first_epoch=2)


def test_a_mapping_says_the_steps_and_they_are_put_in_order() -> None:
    assert steps({7: "b", -1: Path("a")}) == {-1: "a", 7: "b"}
    for wrong in ({"a": "b"}, {True: "b"}, {1.5: "b"}):
        with pytest.raises(TypeError, match="give whole numbers"):
            steps(wrong)


def test_a_folder_and_a_pattern_are_their_files(tmp_path: Path) -> None:
    for name in ("e2.keras", "e10.keras", "notes.txt"):
        (tmp_path / name).touch()
    expected = {1: str(tmp_path / "e2.keras"), 9: str(tmp_path / "e10.keras")}
    assert steps(tmp_path) == steps(str(tmp_path / "*.keras")) == expected
    with pytest.raises(ValueError, match="there are no checkpoints in"):
        steps(str(tmp_path / "*.h5"))
    with pytest.raises(ValueError, match="there are no checkpoints in"):
        steps([])


@pytest.mark.parametrize("paths", [3, None, [3]])
def test_what_is_no_path_is_refused(paths: Any) -> None:
    with pytest.raises(TypeError, match="explain_checkpoints: "):
        steps(paths)


def test_a_path_that_is_not_there_is_said_before_its_name_is_read(tmp_path: Path) -> None:
    (tmp_path / "e1.keras").touch()
    for paths in (tmp_path / "models", [tmp_path / "e1.keras", tmp_path / "models"]):
        with pytest.raises(FileNotFoundError, match=r"there is no checkpoint '.*models'"):
            steps_of(paths, 1, builds=False, trusted=False)
