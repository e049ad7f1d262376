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
    # Other coalitions from a step on, and probes of different sizes.
    runs = [FakeRun(tmp_path / name, players=[12, 5, 4, 12], correlated=True, changes={6: "fewer evaluations"}) for name in ("a", "b")]
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


@pytest.mark.parametrize("factors", [0, 1, 8])
def test_covariances_of_all_pairs_are_those_that_visiting_each_pair_gives(factors: int) -> None:
    rng = np.random.default_rng(factors)
    errors = noise.Errors.of(rng.uniform(0.5, 1, (12, 30)), rng.uniform(-1, 1, (12, factors, 30)) / max(factors, 1) ** 0.5)
    share = rng.standard_normal((12, 30))
    share /= np.abs(share).sum(axis=0)
    with_total, of_total = errors.along(np.sign(share))
    variance = errors.squares - 2 * share * with_total + share**2 * of_total
    found = noise._paired(share, with_total, of_total, variance, errors)
    for row in range(30):
        shrink = np.eye(12) - np.outer(share[:, row], np.sign(share[:, row]))
        G = errors.G[:, :, row]
        C = shrink @ (G @ G.T + np.diag(errors.own[:, row])) @ shrink.T
        np.testing.assert_allclose(np.diagonal(C), variance[:, row])
        deviation = np.sqrt(np.diagonal(C))
        r = np.clip(C / np.outer(deviation, deviation), -1, 1)
        # pi / 2 times the covariance of the absolute values of two normals (Nabeya 1951).
        pairs = np.outer(deviation, deviation) * (r * np.arcsin(r) + np.sqrt(1 - r**2) - 1)
        assert found[row] == pytest.approx(pairs[~np.eye(12, dtype=bool)].sum(), rel=0.04)
