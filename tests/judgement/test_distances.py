"""Distances of explanations, shares of regions, and means over probes: against numbers worked out by hand, and scipy."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from support.reading import SOURCES, Read, assert_a_sentence, assert_reads_as_written
from support.records import FakeRun, make_probes

from tb_xai_plugin import read_run, read_runs
from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.judgement import distances, noise, summaries
from tb_xai_plugin.probes import regions
from tb_xai_plugin.records.sources import DirectorySource
from tb_xai_plugin.records.writer import Writer

A = np.array([0.5, -0.3, 0.2, 0.0])


def test_total_variation_of_a_worked_example() -> None:
    assert distances.total_variation(np.array([1.0, 0]), np.array([0.5, 0.5])) == pytest.approx(0.5)
    assert distances.total_variation(np.array([3.0, -1]), np.array([-1.0, 1])) == pytest.approx(0.5 * (1.25 + 0.75))


@pytest.mark.parametrize("measure", sorted(distances.MEASURES.keys() - {"magnitude"}))
def test_distance_to_itself_is_zero_in_any_unit(measure: str) -> None:
    assert distances.MEASURES[measure](A, A) == pytest.approx(0, abs=1e-12)
    assert distances.MEASURES[measure](A, 7 * A) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("measure", distances.MEASURES)
def test_distances_are_symmetric_and_stay_in_their_range(measure: str) -> None:
    most = {"tv": 1, "cosine": 2, "spearman": 2, "top-k": 1, "magnitude": np.inf}[measure]
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 50, 9))
    there, back = distances.MEASURES[measure](a, b), distances.MEASURES[measure](b, a)
    np.testing.assert_allclose(there, back, atol=1e-12)
    assert (there >= 0).all()
    assert (there <= most).all()


def test_magnitude_tells_size_apart_from_shape() -> None:
    assert distances.magnitude(A, 100 * A) == pytest.approx(2)
    assert distances.magnitude(A, -A[::-1]) == pytest.approx(0, abs=1e-12)


def test_reversed_signs_are_as_far_as_can_be() -> None:
    assert distances.total_variation(A, -A) == pytest.approx(1)
    assert distances.cosine(A, -A) == pytest.approx(2)
    assert distances.top_k(A, -A) == 0, "top-k and Spearman compare magnitudes"
    assert distances.spearman(A, -A) == pytest.approx(0)


def test_explanations_that_share_no_player_are_as_far_as_can_be() -> None:
    assert distances.total_variation(np.array([1.0, 2, 0, 0]), np.array([0, 0, 5.0, 1])) == pytest.approx(1)
    assert distances.top_k(np.array([9.0, 8, 0, 0, 0]), np.array([0, 0, 0, 8.0, 9])) == 1


@pytest.mark.parametrize("seed", range(10))
def test_cosine_and_spearman_equal_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = np.round(rng.standard_normal((2, 12)), 1)  # rounded: with ties
    assert distances.cosine(a, b) == pytest.approx(scipy.spatial.distance.cosine(a, b))
    assert distances.spearman(a, b) == pytest.approx(1 - scipy.stats.spearmanr(np.abs(a), np.abs(b)).statistic)


@pytest.mark.parametrize("players", [1, 2, 4, 5, 8, 9])
def test_top_k_is_the_jaccard_distance_of_the_largest_quarter(players: int) -> None:
    rng = np.random.default_rng(players)
    a, b = rng.standard_normal((2, players))
    k = math.ceil(players / 4)
    top_a, top_b = (set(sorted(range(players), key=lambda i: -abs(row[i]))[:k]) for row in (a, b))
    assert distances.top_k(a, b) == pytest.approx(1 - len(top_a & top_b) / len(top_a | top_b))


@pytest.mark.parametrize("measure", distances.MEASURES)
def test_players_that_a_probe_does_not_have_change_nothing(measure: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3, 6))
    padding = np.full((3, 4), np.nan)
    padded = distances.MEASURES[measure](np.concatenate([a, padding], 1), np.concatenate([b, padding], 1))
    np.testing.assert_allclose(padded, distances.MEASURES[measure](a, b))


@pytest.mark.parametrize("measure", distances.MEASURES)
def test_there_is_no_distance_to_an_explanation_without_numbers(measure: str) -> None:
    nothing = np.full(4, np.nan)
    assert np.isnan(distances.MEASURES[measure](A, nothing))
    assert np.isnan(distances.MEASURES[measure](nothing, nothing))


@pytest.mark.parametrize("measure", ["tv", "cosine", "spearman"])
def test_an_explanation_that_is_all_zero_has_no_direction_to_compare(measure: str) -> None:
    assert np.isnan(distances.MEASURES[measure](A, np.zeros(4)))


def worked_drift(against: Any) -> list[float]:
    """Total variation of three one-hot explanations and a gap; steps -1, 0, 1, 2."""
    values = np.array([[1.0, 0, 0], [0, 1, 0], [np.nan] * 3, [0.5, 0.5, 0]])[:, None]
    return distances.to_reference(values, np.array([-1, 0, 1, 2]), against)[:, 0].tolist()


@pytest.mark.parametrize(
    ("against", "expected"),
    [
        ("previous", [np.nan, 1, np.nan, 0.5]),  # across the gap: against step 0
        ("untrained", [np.nan, 1, np.nan, 0.5]),
        ("final", [0.5, 0.5, np.nan, np.nan]),
        (0, [1, np.nan, np.nan, 0.5]),
    ],
)
def test_drift_of_a_worked_example(against: Any, expected: list[float]) -> None:
    np.testing.assert_allclose(worked_drift(against), expected)


def test_quartiles_are_of_the_probes_that_have_numbers() -> None:
    series = np.array([[1, 2, 3, 4, 5], [7, np.nan, 9, np.nan, 8], [np.nan] * 5])
    np.testing.assert_allclose(summaries.quartiles(series), np.array([[2, 3, 4], [7.5, 8, 8.5], [np.nan] * 3]).T)


@pytest.mark.parametrize("probes", [1, 2, 5, 32])
def test_quartiles_equal_numpys_whatever_is_missing(probes: int) -> None:
    series = np.random.default_rng(probes).standard_normal((40, probes, 3))
    series[np.random.default_rng(0).random(series.shape) < 0.4] = np.nan
    series[:3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanquantile(series, (0.25, 0.5, 0.75), axis=1)
    np.testing.assert_allclose(summaries.quartiles(series), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(0, 5), (4, 0), (4, 5), (0, 5, 2), (4, 0, 2), (4, 5, 0), (4, 5, 2)])
def test_quartiles_keep_the_axes_after_the_probes(shape: tuple[int, ...]) -> None:
    found = summaries.quartiles(np.ones(shape))
    assert found.shape == (3, shape[0], *shape[2:])
    assert (np.isnan(found) if shape[1] == 0 else found == 1).all()


def test_region_share_of_everything_is_one_and_of_nothing_zero() -> None:
    values = np.array([[[0.5, -1.5, np.nan]]])
    np.testing.assert_allclose(summaries.region_share(values, np.ones((1, 3))), 1)
    np.testing.assert_allclose(summaries.region_share(values, np.zeros((1, 3))), 0)
    np.testing.assert_allclose(summaries.region_share(values, np.array([[1.0, 0.5, 1]])), (0.5 + 0.75) / 2)
    assert np.isnan(summaries.region_share(np.zeros((1, 1, 3)), np.ones((1, 3))))


def test_overlap_is_the_part_of_each_segments_area() -> None:
    probes = make_probes([2, 4])
    top = np.zeros((2, 8, 8), dtype=bool)
    top[:, :3] = True  # 3 of 8 rows
    np.testing.assert_allclose(regions.overlap(probes.segments, top, 4), [[0.75, 0, 0, 0], [1, 0.5, 0, 0]])


@pytest.mark.parametrize("read", SOURCES)
def test_fidelity_and_noise_are_read_as_written(read: Read, tmp_path: Path) -> None:
    fake = FakeRun(tmp_path / "run", classes=5, changing_targets=True).write(range(3))
    run = read(fake)
    for explainer in fake.explainers:
        assert np.array_equal(run.all_fidelity(explainer), fake.stack("fidelity", explainer))
        assert list(run.fidelity(explainer)) == ["r2", "gap"]
        written, found = fake.stack("noise", explainer), run.all_noise(explainer).astype(float)
        cosine = (written * found).sum(-1) / np.sqrt((written**2).sum(-1) * (found**2).sum(-1))
        assert cosine.min() > 0.9999, "int8 keeps the direction"
        assert run.interactions(explainer) is None


def test_an_explainer_without_measures_and_sketches_writes_no_tags_for_them(tmp_path: Path) -> None:
    written = FakeRun(tmp_path, measures=(), sketched=False).write(range(2))
    assert not [tag for tag in DirectorySource(str(tmp_path / "xai")).tags() if "/fidelity/" in tag or "/noise/" in tag]
    run = read_run(tmp_path)
    assert_reads_as_written(run, written)
    assert run.fidelity("shap") == {}
    assert (run.all_fidelity("shap").shape, run.all_fidelity("shap").dtype) == ((2, 3, 2, 0), np.float32)
    assert run.all_noise("shap") is None
    e, f = run.errors("shap")
    np.testing.assert_allclose(run.change_errors("shap", 1, 0), np.sqrt(e**2 + f**2), rtol=1e-6)
    with pytest.raises(ValueError, match="no explainer 'gradcam'"):
        run.all_fidelity("gradcam")


def test_a_record_or_an_epoch_that_lacks_a_part_is_damaged(tmp_path: Path) -> None:
    FakeRun(tmp_path / "whole").write([0])
    run = read_run(tmp_path / "whole")
    whole = {"record": run.record, "epoch": run.writes[0][2]}
    for what in whole:
        for key in whole[what].keys() - {"schema"}:
            writer = Writer(str(tmp_path / what / key))
            for each in whole:
                parts = {name: part for name, part in whole[each].items() if (each, name) != (what, key)}
                writer._write(0, [(f"probes/{each}", json.dumps(parts).encode())])
            writer.close()
            damaged = read_run(tmp_path / what / key)
            with pytest.raises(RecordError, match="damaged"):
                damaged.record, damaged.writes  # noqa: B018


def test_the_error_of_a_change_is_that_of_the_difference() -> None:
    e, f = np.array([[3.0, 1.0]]), np.array([[4.0, 1.0]])
    one, other = np.array([[1, 0]], dtype=np.int8), np.array([[0, 5]], dtype=np.int8)
    assert noise.change_errors(e, f, None, None) == pytest.approx(np.array([[5.0, np.sqrt(2)]]))
    assert noise.change_errors(e, f, one, other) == pytest.approx(np.array([[5.0, np.sqrt(2)]]))
    assert noise.change_errors(e, f, one, one * 100) == pytest.approx(np.array([[1.0, 0.0]]))
    assert noise.change_errors(e, f, one, -one) == pytest.approx(np.array([[7.0, 2.0]]))


def test_the_error_of_a_change_between_epochs_is_smaller_than_of_two_values_where_coalitions_are_shared(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path / "run").write(range(3))
    run = read_run(tmp_path / "run")
    shared, independent = (run.change_errors("shap", 2, 0, shared=shared) for shared in (True, False))
    e, f = (fake.truth[step].errors["shap"] for step in (2, 0))
    assert np.allclose(independent, np.sqrt(e**2 + f**2), rtol=1e-3, equal_nan=True)
    r = (fake.truth[2].noise["shap"] * fake.truth[0].noise["shap"]).sum(-1)
    r /= np.sqrt((fake.truth[2].noise["shap"] ** 2).sum(-1) * (fake.truth[0].noise["shap"] ** 2).sum(-1))
    assert np.allclose(shared, np.sqrt(e**2 + f**2 - 2 * r[..., None] * e * f), rtol=0.02, equal_nan=True)
    assert np.array_equal(run.change_errors("shap", 1, 1), np.where(np.isnan(run.errors("shap")[1]), np.nan, 0), equal_nan=True)


def test_the_error_of_a_change_to_a_step_that_was_not_explained_is_refused(tmp_path: Path) -> None:
    FakeRun(tmp_path / "a").write(range(2))
    FakeRun(tmp_path / "b", seed=1).write(range(2))
    runs = read_runs(tmp_path)
    with pytest.raises(ValueError, match="step 7 was not explained; choose one of"):
        runs["a"].change_errors("shap", 7, 0)
    with pytest.raises(ValueError, match="a and b can't be compared: they have different probes, labels; log both") as caught:
        runs["a"].change_errors("shap", 1, 1, runs["b"])
    assert_a_sentence(str(caught.value))


def test_each_probe_and_class_has_the_error_of_its_own_change(tmp_path: Path) -> None:
    # Of 4 classes 3 are explained, in another order at every epoch: a few stay where they are.
    fake = FakeRun(tmp_path / "run", players=[4] * 200, classes=4, changing_targets=True, side=4).write(range(2))
    run = read_run(tmp_path / "run")
    found, (now, then) = run.change_errors("shap", 1, 0), (fake.truth[1], fake.truth[0])
    stayed = now.targets == then.targets
    assert 0.1 < stayed.mean() < 0.5
    r = (now.noise["shap"] * then.noise["shap"]).sum(-1)
    r = (r / np.sqrt((now.noise["shap"] ** 2).sum(-1) * (then.noise["shap"] ** 2).sum(-1)))[..., None]
    e, f = now.errors["shap"], then.errors["shap"]
    expected = np.sqrt(e**2 + f**2 - 2 * r * e * f)
    np.testing.assert_allclose(found, np.where(stayed[..., None], expected, np.nan), rtol=0.02)


@pytest.mark.parametrize("target", ["label", "predicted", 3])
def test_the_error_of_a_change_is_the_same_for_one_step_and_for_all(target: Any, tmp_path: Path) -> None:
    fake = FakeRun(tmp_path / "run", players=[4] * 50, classes=4, changing_targets=True, side=4).write(range(4))
    run = read_run(tmp_path / "run")
    every = run.all_change_errors("shap", run, 0, target, range(50))
    wanted, targets = run.wanted_class(target), fake.stack("targets")
    compared = 0
    for step, probe in np.ndindex(4, 50):
        one, other = (np.flatnonzero(targets[s, probe] == wanted[s, probe]) for s in (step, 0))
        if not (len(one) and len(other)) or wanted[step, probe] != wanted[0, probe]:
            assert np.isnan(every[step, probe]).all()
        elif one[0] == other[0]:
            np.testing.assert_array_equal(every[step, probe], run.change_errors("shap", step, 0)[probe, one[0]])
            compared += 1
    assert compared > 20


def test_a_run_says_in_one_line_what_it_is(tmp_path: Path) -> None:
    FakeRun(tmp_path / "run").write([-1, 0, 1])
    assert repr(read_run(tmp_path / "run")) == "Run('run', 2 epochs of 3 probes: lime, shap)"


def test_a_data_frame_names_the_class_of_every_target(tmp_path: Path) -> None:
    FakeRun(tmp_path / "named", classes=4, changing_targets=True).write([0, 1])
    pytest.importorskip("pandas", reason="pip install pandas")
    frame = read_run(tmp_path / "named").to_dataframe()
    assert list(frame.columns) == [
        "step",
        "explainer",
        "probe",
        "name",
        "label",
        "target",
        "class",
        "player",
        "player_name",
        "player_value",
        "value",
        "error",
    ]
    assert (frame["class"] == "class " + frame["target"].astype(str)).all()
    assert len(set(frame["class"])) == 4
    unnamed = FakeRun(tmp_path / "unnamed")
    unnamed.probes.class_names = None
    frame = read_run(unnamed.write([0]).log_dir).to_dataframe()
    assert frame["class"].isna().all()


def test_the_share_of_a_mask_is_that_of_the_region_it_marks(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([-1, 0, 1])
    run, mask = read_run(tmp_path), written.probes.regions["left"]
    for same in (mask, mask[0]):
        np.testing.assert_array_equal(run.region_share("shap", same), run.region_share("shap", "left"))
    for bad, word in ((mask[0, :3], "give a bool mask"), (mask.astype(float), "float64"), (np.zeros_like(mask), "without a single pixel")):
        with pytest.raises(ValueError, match=word) as caught:
            run.region_share("shap", bad)
        assert_a_sentence(str(caught.value))


def test_files_of_one_process_have_names_in_the_order_they_were_written(tmp_path: Path) -> None:
    # TensorBoard reads them by name. Twelve in a second: the process's counter goes from one digit to two, or from two to three, at some time.
    run = FakeRun(tmp_path / "run")
    written: list[str] = []
    for step in range(12):
        before = set(written)
        run.write([step])
        written += sorted({path.name for path in (tmp_path / "run" / "xai").iterdir()} - before)
    assert written == sorted(written)
    assert len(written) == 12
