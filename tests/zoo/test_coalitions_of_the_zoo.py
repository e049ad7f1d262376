"""Not only the full coalition: on every coalition the engine's outputs are those of the model on inputs that were masked by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from zoo import images, series, several
from zoo.kind import PROBES, image_probes, sequence_probes

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan

HALVES = (np.arange(8) >= 4).astype(int)
QUARTERS = 2 * HALVES[:, None] + HALVES


def apart(model: Any, probes: xai.ProbeSet, direct: Callable[[int, np.ndarray], np.ndarray], output: str = "raw", **chosen: Any) -> float:
    """Largest difference from direct(probe, coalitions (k, players)), over all coalitions of all probes."""
    options = {"evaluations": "auto", "classes": "all", "seed": 0, "batch_size": "auto"}
    engine = Engine(Plan(probes, "shap", output=output, **options, **chosen), model)
    worst = 0.0
    for probe, game in enumerate(engine.run().outputs.games):
        masks = engine.plan.masks(probe, engine.plan.evaluations)
        own = direct(probe, masks)
        worst = max(worst, float(np.abs(game - own.reshape(len(masks), -1)).max()))
    return worst


def masked(probe: int, masks: np.ndarray, x: np.ndarray, baseline: np.ndarray, players: np.ndarray) -> np.ndarray:
    """Inputs (k, …) of one probe. players: the player of each pixel or step."""
    shown = masks[:, players]
    return np.where(shown[..., None], x[probe], baseline).astype("float32")


def test_a_stateful_layer_starts_every_coalition_with_an_empty_state() -> None:
    keras.utils.set_random_seed(0)
    model = series.stateful_gru()
    model.predict(series.X, batch_size=8, verbose=0)  # leaves a state
    probes = sequence_probes(series.X, series.Y, segments=4, baseline=0)

    def direct(probe: int, masks: np.ndarray) -> np.ndarray:
        rows = masked(probe, masks, series.X, np.float32(0), probes.segments[probe])
        padded = np.concatenate([rows, np.zeros((-len(rows) % 8, *rows.shape[1:]), "float32")])
        outputs = []
        for start in range(0, len(padded), 8):
            model.layers[1].reset_states()
            outputs.append(model.predict_on_batch(padded[start : start + 8]))
        return np.concatenate(outputs)[: len(rows)]

    assert apart(model, probes, direct) < 1e-6


def test_side_inputs_are_the_probes_own_in_every_coalition() -> None:
    keras.utils.set_random_seed(0)
    model = several.image_and_table()
    probes = image_probes(several.X, several.Y, segments=QUARTERS, baseline=0.5, side_inputs={"meta": several.META[:PROBES]})

    def direct(probe: int, masks: np.ndarray) -> np.ndarray:
        rows = masked(probe, masks, several.X, np.float32(0.5), QUARTERS)
        return model.predict({"image": rows, "meta": several.META[[probe] * len(rows)]}, verbose=0)

    assert apart(model, probes, direct) < 1e-6


def test_two_images_are_masked_each_for_itself() -> None:
    keras.utils.set_random_seed(0)
    model = several.siamese()
    pair = [several.FIRST, several.OTHER[:PROBES]]
    probes = xai.ImageProbes(pair, several.Y[:PROBES], baseline=0.5)
    seen: dict[bytes, np.ndarray] = {}

    def direct(probe: int, masks: np.ndarray) -> np.ndarray:
        # Players of the montage, image by image, whatever lies between them.
        inputs = probes.assemble(np, masked(probe, masks, probes.pixels, np.float32(0.5), probes.segments[probe]))
        left, right = (np.asarray(part) for part in inputs)
        seen.update({part.tobytes(): part for part in (*left, *right)})
        assert np.array_equal(left[0], pair[0][probe])
        assert np.array_equal(right[0], pair[1][probe])
        p = model.predict([left, right], verbose=0)
        return np.concatenate([1 - p, p], axis=1)

    assert apart(model, probes, direct) < 1e-6
    assert len(seen) > 2 * PROBES


def test_a_reconstruction_is_compared_with_the_masked_input() -> None:
    """What the network was given is what it is to restore: so absent parts cost nothing where it restores the baseline."""
    keras.utils.set_random_seed(0)
    model = images.autoencoder()
    probes = image_probes(images.X, segments=QUARTERS, baseline=0.5)

    def direct(probe: int, masks: np.ndarray) -> np.ndarray:
        rows = masked(probe, masks, images.X, np.float32(0.5), QUARTERS)
        return ((model.predict(rows, verbose=0) - rows) ** 2).mean(axis=(1, 2, 3))

    assert apart(model, probes, direct, model_output=images.reconstruction_error) < 1e-6


def test_the_network_inside_a_wrapper_is_the_one_that_is_explained(tmp_path: Path) -> None:
    from zoo import wrappers

    keras.utils.set_random_seed(0)
    model = wrappers.gan()
    probes = image_probes(wrappers.X, segments=QUARTERS, baseline=0.5)
    logger = xai.ExplanationLogger(tmp_path, probes, "shap", model=lambda m: m.discriminator, output="raw")
    model.fit(wrappers.X, epochs=1, verbose=0, callbacks=[logger])
    explained = xai.explain(model.discriminator, probes, "shap", output="raw")["shap"]
    assert np.allclose(xai.read_run(tmp_path).values("shap")[-1], explained.values, atol=1e-6)
