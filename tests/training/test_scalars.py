"""Ordinary scalars of what is judged: the reader's numbers, as TensorBoard's own accumulator finds them beside the record."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest
from support.reading import scalars_of

from tb_xai_plugin import ExplanationLogger, ImageProbes, TabularProbes, read_run
from tb_xai_plugin.judgement import onsets
from tb_xai_plugin.run import Run

EPOCHS = 8


def table(labels: bool = True) -> tuple[np.ndarray, np.ndarray, TabularProbes]:
    """Two features tell the class, one of them only of the second half of rows; the others are noise."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((160, 6)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    probes = TabularProbes(x[:10], y[:10] if labels else None, background=x[100:], regions={"telling": ["feature 0", "feature 1"]})
    return x, y, probes


def network(classes: int = 2) -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = [keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(classes, "softmax" if classes > 1 else None)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.5 if classes > 1 else 0.01), "sparse_categorical_crossentropy" if classes > 1 else "mse")
    return model


def fitted(folder: Path, until: int = EPOCHS, model: keras.Model | None = None, initial: int = 0) -> keras.Model:
    x, y, probes = table()
    model = model or network()
    logger = ExplanationLogger(folder, probes, evaluations=64)
    model.fit(x, y, epochs=until, initial_epoch=initial, batch_size=8, shuffle=False, verbose=0, callbacks=[logger])
    return model


def assert_equal_to_the_readers(found: dict[str, dict[int, float]], run: Run) -> None:
    steps = run.steps.tolist()
    for explainer in run.explainers:
        for tag, series in (("drift", run.drift(explainer)), ("noise floor", run.noise_floor(explainer))):
            written = found[f"xai/{tag}/{explainer}"]
            assert list(written) == steps
            np.testing.assert_allclose(list(written.values()), np.nanmedian(series, axis=1), rtol=2e-3)
        share = run.region_share(explainer, "telling")
        np.testing.assert_allclose(list(found[f"xai/share of telling/{explainer}"].values()), np.nanmean(share, axis=1), rtol=1e-5)
        happened = Counter((event.step, event.kind) for event in run.events(explainer))
        for kind in ("learned", "forgotten", "relearned"):
            assert found[f"xai/events/{kind}"] == {step: happened[step, kind] for step in steps}
        for kind in ("reason changed", "collapsed"):
            counts = found[f"xai/events/{kind}/{explainer}"]
            assert counts == {step: happened[step, kind] for step in steps[:-1]}, "the last epoch's are certain one later"
        onsets = found[f"xai/events/onset of telling/{explainer}"]
        assert onsets == {step: happened[step, "onset"] for step in steps[:-1]}, "none of these was given up again"


def test_scalars_are_the_readers_numbers(tmp_path: Path) -> None:
    fitted(tmp_path)
    run = read_run(tmp_path)
    assert_equal_to_the_readers(scalars_of(tmp_path), run)
    assert sum(event.kind == "learned" for event in run.events("shap")) > 0


def test_a_resumed_run_goes_on_with_its_counts(tmp_path: Path) -> None:
    model = fitted(tmp_path, 4)
    fitted(tmp_path, EPOCHS, model, initial=4)
    assert_equal_to_the_readers(scalars_of(tmp_path), read_run(tmp_path))


def test_each_probe_set_has_its_own_tags(tmp_path: Path) -> None:
    x, y, probes = table()
    sets = {"seen": probes, "blind": table(labels=False)[2]}
    network().fit(x, y, epochs=2, verbose=0, callbacks=[ExplanationLogger(tmp_path, sets, "shap", evaluations=64)])
    found = scalars_of(tmp_path)
    assert {tag.split("/")[0] for tag in found} == {"xai seen", "xai blind"}
    assert "xai seen/events/forgotten" in found
    assert "xai blind/events/forgotten" not in found, "nobody knows what is right"
    assert "xai blind/drift/shap" in found


def test_a_regression_has_no_right_and_wrong(tmp_path: Path) -> None:
    x, y, _ = table()
    probes = TabularProbes(x[:4], background=x[100:])
    network(1).fit(x, y, epochs=3, verbose=0, callbacks=[ExplanationLogger(tmp_path, probes, "shap", evaluations=64)])
    found, run = scalars_of(tmp_path), read_run(tmp_path)
    np.testing.assert_allclose(list(found["xai/drift/shap"].values()), np.nanmedian(run.drift("shap"), axis=1), rtol=1e-5)
    assert not any(tag.startswith("xai/events/learned") for tag in found)


@pytest.mark.filterwarnings("ignore:ExplanationLogger")
def test_a_run_begun_anew_counts_anew(tmp_path: Path) -> None:
    fitted(tmp_path, 3)
    fitted(tmp_path, 5)
    found, run = scalars_of(tmp_path), read_run(tmp_path)
    learned = sum(event.kind == "learned" for event in run.events("shap"))
    assert sum(found["xai/events/learned"].values()) == learned


def test_regions_of_images_are_followed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.random((40, 8, 8, 1)).astype(np.float32), rng.integers(0, 2, 40)
    corner = np.zeros((8, 8), dtype=bool)
    corner[:4, :4] = True
    probes = ImageProbes(images[:4], labels[:4], segments="grid", regions={"corner": corner})
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=2, verbose=0, callbacks=[ExplanationLogger(tmp_path, probes, "shap", evaluations=128)])
    share = read_run(tmp_path).region_share("shap", "corner").mean(axis=1)
    np.testing.assert_allclose(list(scalars_of(tmp_path)["xai/share of corner/shap"].values()), share, rtol=1e-5)


def test_onsets_told_while_training_are_those_of_the_whole_run() -> None:
    """Epoch by epoch, against `events.onset` of everything up to then; so short that epoch-to-epoch variation counts as 0."""
    rng = np.random.default_rng(4)
    share = np.clip(
        0.2 + 0.3 * (rng.random((onsets.FEWEST_FOR_VARIATION, 400)) < np.linspace(0, 1, onsets.FEWEST_FOR_VARIATION)[:, None]), 0, 1
    )
    share += 0.03 * rng.standard_normal(share.shape)
    share[rng.random(share.shape) < 0.1] = np.nan
    errors = np.full(share.shape, 0.01)
    leaning = onsets.Leaning(share[0], errors[0])
    told = [leaning.follow(share[epoch], errors[epoch]) for epoch in range(1, len(share))]
    assert not told[0].any()
    for epoch in range(1, len(told)):
        places = onsets.onset(*onsets.rises(share[: epoch + 2], errors[: epoch + 2]))
        np.testing.assert_array_equal(told[epoch], places == epoch - 1)
    assert sum(each.sum() for each in told) > 400, "some begin twice"
