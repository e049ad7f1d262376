"""A long record is analysed in parts: how many epochs are taken at once changes no number."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.records import FakeRun

from tb_xai_plugin import read_run
from tb_xai_plugin.judgement import noise, summaries
from tb_xai_plugin.judgement.distances import MEASURES

pytestmark = pytest.mark.viewing


def analysed(log_dir: Path | str, other: Path | str) -> dict[str, Any]:
    run = read_run(log_dir)
    found: dict[str, Any] = {}
    for measure in MEASURES:
        for against in ("previous", "untrained", "final"):
            drift = run.all_drift("shap", against, measure, "label")
            found |= {f"{measure} {against}": drift.distance, f"{measure} {against} floor": drift.floor}
        found[f"{measure} steady"] = run.steady_since("shap", measure).step
    found |= {f"share {name}": value for name, value in vars(run.share("shap", "left")).items()}
    found |= {f"trust {name}": value for name, value in vars(run.trust("shap")).items()}
    found |= {"changed": run.changed("shap"), "importance": run.importance("shap"), "events": run.events()}
    compared = run.compare(read_run(other), "shap")
    found |= {"distance": compared.distance, "floor": compared.floor, "errors": compared.errors}
    last = len(compared.steps) - 1
    np.testing.assert_array_equal(compared.changed_at(last), compared.changed[last])
    return found


def test_the_number_of_epochs_that_are_taken_at_once_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 12 players are more than the covariances of a floor take; other coalitions from a step on, and probes of different sizes.
    runs = [FakeRun(tmp_path / name, players=[12, 5, 4, 12], changes={6: "fewer evaluations"}) for name in ("a", "b")]
    for seed, run in enumerate(runs):
        run.rng = np.random.default_rng(seed)
        run.write(range(-1, 14))
    found = []
    for at_once in (1, 2**30):
        monkeypatch.setattr(summaries, "AT_ONCE", at_once)
        found.append(analysed(*(run.log_dir for run in runs)))
    for name, alone in found[0].items():
        if isinstance(alone, np.ndarray) and alone.dtype.kind == "f":
            np.testing.assert_allclose(alone, found[1][name], rtol=1e-12, atol=1e-15, err_msg=name)
        else:
            np.testing.assert_equal(alone, found[1][name], err_msg=name)


@pytest.mark.parametrize("players", [9, 16, 17, 100])
def test_covariances_are_those_of_the_players_with_the_largest_errors(players: int) -> None:
    variance = np.random.default_rng(players).exponential(size=(players, 50))
    variance[3], variance[:, 7] = 0, 1.0  # ties
    chosen = np.sort(variance.ravel()[noise._largest(variance)], axis=0)
    np.testing.assert_array_equal(chosen, np.sort(variance, axis=0)[-noise.MOST_PAIRED :])
