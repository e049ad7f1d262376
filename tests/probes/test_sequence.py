"""Series: closed forms on linear models, a stretch that a trained model must look at, and what is refused."""

from __future__ import annotations

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from support.games import shapley_by_enumeration

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers import IntegratedGradients, Lime

RNG = np.random.default_rng(0)
STEPS, CHANNELS, COUNT = 23, 3, 9
SERIES = RNG.normal(size=(COUNT, STEPS, CHANNELS)).astype(np.float32)
PLANTED = slice(20, 28)


def linear(*shape: int) -> tuple[keras.Model, np.ndarray]:
    """y = sum of w x + 0.3, and w, float64 (T, C)."""
    w = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(1)])
    model.set_weights([w.reshape(-1, 1), np.array([0.3], np.float32)])
    model.compile("sgd", "mse")
    return model, w.astype(np.float64).reshape(len(w), -1)


def closed_form(series: np.ndarray, w: np.ndarray, labels: np.ndarray, baseline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each probe, the sum of w (x - baseline) over the steps and channels of each segment, and the answer on the baseline."""
    x = series.reshape(len(series), len(w), -1).astype(np.float64)
    each = (w * (x - baseline)).sum(axis=2)
    values = np.array([[row[own == player].sum() for player in range(own.max() + 1)] for row, own in zip(each, labels, strict=True)])
    return values, np.broadcast_to((w * baseline).sum(axis=(-2, -1)) + 0.3, len(series))


PER_STEP = RNG.normal(size=(STEPS, 1))
EACH = RNG.normal(size=(COUNT, STEPS, CHANNELS))
HALVES = np.repeat([0, 1], [11, 12])
# What is given as baseline, and what it has to be: of (n, T, C) and segments (T,), an array that broadcasts to (n, T, C).
BASELINES = {
    "auto": ("auto", lambda x, _: x.mean(axis=0)),
    "mean": ("mean", lambda x, _: x.mean(axis=0)),
    "segment-mean": (
        "segment-mean",
        lambda x, labels: np.stack([x[:, labels == player].mean(axis=1) for player in range(labels.max() + 1)], axis=1)[:, labels],
    ),
    "a number": (0.5, lambda x, _: np.full(x.shape[1:], 0.5)),
    "(T,)": (PER_STEP[:, 0], lambda x, _: PER_STEP),
    "(T, C)": (EACH[0], lambda x, _: EACH[0]),
    "(n, T, C)": (EACH, lambda x, _: EACH),
}


@pytest.mark.parametrize("name", BASELINES)
def test_a_segments_value_is_the_sum_of_what_its_steps_add_to_a_linear_model(name: str) -> None:
    given, expected = BASELINES[name]
    model, w = linear(STEPS, CHANNELS)
    probes = xai.SequenceProbes(SERIES, segments=7, baseline=given)
    labels = np.arange(STEPS) * 7 // STEPS
    assert np.array_equal(probes.segments, np.broadcast_to(labels, (COUNT, STEPS)))
    values, base = closed_form(SERIES, w, probes.segments, expected(SERIES.astype(np.float64), labels))
    found = xai.explain(model, probes, ["shap", Lime(alpha=1e-9), IntegratedGradients(4)])
    for explainer in ("shap", "lime", "ig"):
        assert np.abs(found[explainer].values[:, 0] - values).max() < 2e-5 * np.abs(values).max()
        assert np.abs(found[explainer].base_values[:, 0] - base).max() < 1e-4


def test_which_channel_it_is_is_asked_of_images_of_time_by_channels() -> None:
    model, w = linear(STEPS, CHANNELS)
    maps = np.arange(STEPS)[:, None] // 10 * CHANNELS + np.arange(CHANNELS)
    probes = xai.ImageProbes(SERIES[..., None], segments=maps, model_input=lambda images: images[..., 0])
    each = w * (SERIES - SERIES.mean(axis=0, dtype=np.float64))
    values = np.stack([each[:, maps == player].sum(axis=1) for player in range(9)], axis=1)
    assert np.abs(xai.explain(model, probes, "shap")["shap"].values[:, 0] - values).max() < 2e-5 * np.abs(values).max()


@pytest.mark.parametrize("name", ["auto", "segment-mean", "a number", "(T,)"])
def test_series_of_one_channel_need_no_axis_for_it(name: str) -> None:
    given, expected = BASELINES[name]
    model, w = linear(STEPS)
    one = SERIES[..., 0]
    probes = xai.SequenceProbes(one, segments=HALVES, baseline=given)
    values, base = closed_form(one, w, probes.segments, expected(one[..., None].astype(np.float64), HALVES))
    found = xai.explain(model, probes, "shap")["shap"]
    assert np.abs(found.values[:, 0] - values).max() < 2e-5 * np.abs(values).max()
    assert np.abs(found.base_values[:, 0] - base).max() < 1e-4
    with_axis = xai.SequenceProbes(one[..., None], segments=HALVES, baseline=given)
    again = xai.explain(linear(STEPS, 1)[0], with_axis, "shap")["shap"]
    assert np.allclose(again.values, found.values, atol=1e-5)


def test_fewer_than_eight_series_have_each_channels_mean_as_baseline() -> None:
    few = SERIES[:7]
    assert np.allclose(xai.SequenceProbes(few).baseline, few.mean(axis=(0, 1)), atol=1e-6)
    assert np.allclose(xai.SequenceProbes(SERIES[:8]).baseline, SERIES[:8].mean(axis=0), atol=1e-6)
    assert len(xai.SequenceProbes(SERIES[:1])) == 1


def test_segments_are_what_is_asked_for() -> None:
    own = np.stack([np.roll(HALVES, i) for i in range(COUNT)]) * 5 + 2  # any numbers
    cases = {
        "auto": ("auto", np.arange(STEPS) * 20 // STEPS),
        "a number": (4, np.arange(STEPS) * 4 // STEPS),
        "one map": (HALVES, HALVES),
        "a map each": (own, (own - 2) // 5),
        "a callable": (
            lambda series: (series[:, 0] > series[:, 0].mean()).astype(int),
            SERIES[..., 0] > SERIES[..., 0].mean(axis=1)[:, None],
        ),
    }
    model, w = linear(STEPS, CHANNELS)
    for given, expected in cases.values():
        probes = xai.SequenceProbes(SERIES, segments=given, baseline=0)
        assert np.array_equal(probes.segments, np.broadcast_to(expected, (COUNT, STEPS)))
        values, _ = closed_form(SERIES, w, probes.segments, np.zeros((STEPS, CHANNELS)))
        found = xai.explain(model, probes, "shap")["shap"].values[:, 0]
        assert np.abs(found - values).max() < 2e-5 * np.abs(values).max()
    assert np.array_equal(xai.SequenceProbes(SERIES[:, :6]).segments[0], np.arange(6))
    sizes = np.bincount(xai.SequenceProbes(RNG.normal(size=(2, 1000))).segments[0])
    assert (len(sizes), sizes.min(), sizes.max()) == (20, 50, 50)


def test_series_with_different_numbers_of_segments_are_explained_each_by_its_own() -> None:
    maps = np.stack([np.arange(STEPS) * (3 if i % 2 else 5) // STEPS for i in range(COUNT)])
    model, w = linear(STEPS, CHANNELS)
    probes = xai.SequenceProbes(SERIES, segments=maps, baseline=0)
    found = xai.explain(model, probes, ["shap", "ig"])
    for explanation in found.values():
        for probe, players in enumerate(probes.players):
            values, _ = closed_form(SERIES[probe : probe + 1], w, maps[probe : probe + 1], np.zeros((STEPS, CHANNELS)))
            assert np.abs(explanation.values[probe, 0, :players] - values).max() < 1e-4
            assert np.isnan(explanation.values[probe, 0, players:]).all()


def test_regions_are_stretches_or_masks_of_time() -> None:
    mask = np.zeros((COUNT, STEPS), bool)
    mask[4, :2] = True
    regions = {"stretch": [5, 9], "array": np.array([5, 9]), "mask": np.arange(STEPS) < 3, "own": mask, "numbers": [1] + [0] * (STEPS - 1)}
    probes = xai.SequenceProbes(SERIES, segments=HALVES, regions=regions)
    assert np.flatnonzero(probes.regions["stretch"][3]).tolist() == [5, 6, 7, 8] == np.flatnonzero(probes.regions["array"][0]).tolist()
    assert np.flatnonzero(probes.regions["numbers"][0]).tolist() == [0]
    assert (probes.regions["own"].sum(), probes.regions["mask"].sum()) == (2, 3 * COUNT)
    inside = probes.as_record()[1]["membership"]
    assert inside.shape == (COUNT, 5, 2)
    assert np.allclose(inside[4], [[4 / 11, 0], [4 / 11, 0], [3 / 11, 0], [2 / 11, 0], [1 / 11, 0]])
    assert np.allclose(inside[0, 3], 0)


def test_players_are_called_by_their_steps() -> None:
    probes = xai.SequenceProbes(SERIES, segments=np.array([0, 0, 1] + [2] * (STEPS - 3)))
    assert probes.player_names(0) == ["steps 0\u20131", "step 2", f"steps 3\u2013{STEPS - 1}"]
    interleaved = np.array([0, 1, 1, 0, 0, 2, 0, *[1, 2] * 8])
    assert xai.SequenceProbes(SERIES, segments=interleaved).player_names(0) == [
        "steps 0, 3\u20134, 6",
        "steps 1\u20132, 7, 9, \u2026 (10 steps)",
        "steps 5, 8, 10, \u2026 (9 steps)",
    ]


# Models


def planted(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise of 40 steps and 2 channels, with a wave in PLANTED where the class is 1."""
    rng = np.random.default_rng(seed)
    x, labels = rng.normal(size=(count, 40, 2)).astype(np.float32), np.arange(count) % 2
    x[labels == 1, PLANTED, 0] += 3.5 * np.sin(np.arange(8)).astype(np.float32)
    return x, labels


@cache
def seeing() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((40, 2)),
            layers.Conv1D(8, 8, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*planted(256, 0), epochs=10, verbose=0)
    assert model.evaluate(*planted(128, 1), verbose=0)[1] > 0.95
    return model


@pytest.mark.parametrize("explainer", ["shap", "lime", "ig", "occlusion", "banzhaf"])
def test_a_convolution_that_has_learnt_a_wave_is_explained_by_where_it_is(explainer: str) -> None:
    x, labels = planted(32, 2)
    probes = xai.SequenceProbes(x, labels, segments=10, baseline=0)
    values = xai.explain(seeing(), probes, explainer)[explainer].values[labels == 1, 1]
    # The wave is in segments 5 and 6, a fifth of the time.
    assert (np.abs(values[:, 5:7]).sum() / np.abs(values).sum()) > 0.6
    assert values[:, 5:7].sum(axis=1).min() > 0


def test_shap_of_a_convolution_equals_exact_enumeration_through_keras_itself() -> None:
    x, labels = planted(8, 3)
    probes = xai.SequenceProbes(x, labels, segments=8)
    found = xai.explain(seeing(), probes, "shap")["shap"]
    own = np.arange(40) // 5

    def game(coalitions: np.ndarray) -> np.ndarray:
        p = seeing().predict(np.where(coalitions[:, own, None], x[5], x.mean(axis=0)), verbose=0).astype(np.float64)
        return np.log(p[:, 1] / p[:, 0])

    exact = shapley_by_enumeration(game, 8)
    assert np.abs(found.values[5, 1] - exact).max() < 1e-4 * np.abs(exact).max()


def test_integrated_gradients_are_complete() -> None:
    x, labels = planted(8, 3)
    found = xai.explain(seeing(), xai.SequenceProbes(x, labels), [IntegratedGradients(64), "shap"])
    gap = found["ig"].values.sum(axis=-1) + found["ig"].base_values - found["ig"].outputs
    assert np.abs(gap).max() < 0.05 * np.abs(found["ig"].outputs - found["ig"].base_values).max()


def test_grad_cam_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="explainer 'grad-cam' is not for sequence probes but for image; leave it out"):
        xai.explain(seeing(), xai.SequenceProbes(planted(8, 3)[0]), ["shap", "grad-cam"])


def test_whole_numbers_stay_whole_for_a_model_that_takes_them() -> None:
    asked = []
    series = np.random.default_rng(0).integers(0, 50, (8, 12)).astype(np.int32)
    inputs = keras.Input((12,), dtype="int32")
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Flatten()(layers.Embedding(50, 2)(inputs))))
    found = xai.explain(model, xai.SequenceProbes(series, segments=4, baseline=7.4), "shap")["shap"]

    def game(coalitions: np.ndarray) -> np.ndarray:
        masked = np.where(coalitions[:, np.arange(12) // 3], series[2], 7)
        asked.append(masked)
        p = np.asarray(model(masked), np.float64)
        return np.log(p[:, 1] / p[:, 0])

    exact = shapley_by_enumeration(game, 4)
    assert np.abs(found.values[2, 1] - exact).max() < 1e-3 * np.abs(exact).max()


def test_a_model_of_several_inputs_is_given_them_by_model_input() -> None:
    inputs = [keras.Input((STEPS, 1)), keras.Input((STEPS, 2))]
    joined = layers.Flatten()(layers.Concatenate()(inputs))
    model = keras.Model(inputs, layers.Dense(1)(joined))
    model.compile("sgd", "mse")
    w = model.get_weights()[0].astype(np.float64).reshape(STEPS, CHANNELS)
    probes = xai.SequenceProbes(SERIES, segments=4, baseline=0, model_input=lambda x: [x[..., :1], x[..., 1:]])
    values, _ = closed_form(SERIES, w, probes.segments, np.zeros((STEPS, CHANNELS)))
    assert np.abs(xai.explain(model, probes, "shap")["shap"].values[:, 0] - values).max() < 1e-4


def test_one_graph_serves_all_series() -> None:
    engine = Engine(Plan(xai.SequenceProbes(*planted(8, 3))), seeing())
    traces: list[bool] = []
    original = seeing().call
    seeing().call = lambda *args, **kwargs: traces.append(not tf.executing_eagerly()) or original(*args, **kwargs)
    try:
        engine.run()
    finally:
        seeing().call = original
    assert not any(traces)


# Bad input

REFUSED = {
    "a region in words": (
        {"regions": {"r": "volt"}},
        r"region 'r' is 'volt'; give a bool mask of shape \(23,\) or \(9, 23\), or \[start, stop\]",
    ),
    "a region beyond the end": ({"regions": {"r": [20, 24]}}, r"region 'r' is \[20, 24\] for series of 23 steps"),
    "labels in other words": ({"labels": ["cat"] * COUNT, "class_names": ["dog"]}, r"label 'cat' is not among class_names \['dog'\]"),
    "one series": ({"series": SERIES[0, :, 0]}, r"shape \(23,\).*give numbers of shape \(n, T\) or \(n, T, C\)"),
    "images": ({"series": SERIES[..., None]}, "shape"),
    "no series": ({"series": SERIES[:0]}, "shape"),
    "one step": ({"series": SERIES[:, :1]}, "T at least 2"),
    "ragged": ({"series": [[1, 2, 3], [4, 5]]}, "series of equal length"),
    "words": ({"series": np.array([["a", "b"]])}, "give numbers"),
    "NaN": ({"series": np.where(np.arange(COUNT)[:, None, None] == 5, np.nan, SERIES)}, "series 5 has NaN or infinite"),
    "infinity": ({"series": np.where(np.arange(COUNT)[:, None, None] == 2, np.inf, SERIES)}, "series 2 has NaN or infinite"),
    "codes that float32 has not": (
        {"series": 2**24 + np.arange(18).reshape(3, 6)},
        "16777216 and 16777217, which are the same number in float32",
    ),
    "one code that float32 has not": (
        {"series": np.full((3, 6), 2**24 + 1) * np.arange(3)[:, None]},
        "16777217, a whole number that float32",
    ),
    "times that float32 has not": (
        {"series": 1.7e9 + np.arange(18.0).reshape(3, 6) / 4},
        "1700000000 and 1700000000.25, which are the same",
    ),
    "beyond float32": ({"series": SERIES.astype(float) * 1e300}, "series 0 has NaN or infinite"),
    "too few labels": ({"labels": [1, 2]}, "for 9 probes"),
    "unnamed class": ({"labels": np.arange(COUNT), "class_names": ["a", "b"]}, "label 2 has no name"),
    "too few names": ({"names": ["a"]}, "names has 1 entries for 9 probes"),
    "too few channel names": ({"channel_names": ["a"]}, "channel_names has 1 entries for 3 channels"),
    "too many segments": ({"segments": 24}, "segments is 24 for series of 23 steps; give 2 to 23"),
    "one segment": ({"segments": 1}, "segments is 1"),
    "one segment in a map": ({"segments": np.zeros(STEPS, int)}, "probe 0 has one segment"),
    "one segment in one map": ({"segments": np.stack([HALVES] * 8 + [HALVES * 0])}, "probe 8 has one segment"),
    "unknown segments": ({"segments": "slic"}, "unknown segments 'slic'; give 'auto', a number"),
    "a map of another length": ({"segments": np.arange(5)}, r"segments has shape \(5,\)"),
    "a map of fractions": ({"segments": HALVES / 2}, "dtype float64; give whole numbers"),
    "maps of different lengths": ({"segments": [[0, 1], [0]]}, "segments"),
    "a callable of another length": ({"segments": lambda series: series[: int(abs(series[0, 0]) * 9) + 1, 0] > 0}, "segments"),
    "a callable of nothing": ({"segments": lambda series: None}, "segments"),
    "unknown baseline": ({"baseline": "black"}, r"unknown baseline 'black'; choose from \['auto', 'mean', 'segment-mean'\]"),
    "baseline of another size": ({"baseline": np.zeros((3, 5))}, r"baseline has shape \(3, 5\)"),
    "baseline of NaN": ({"baseline": np.nan}, "baseline has NaN"),
    "baseline in a dict": ({"baseline": {}}, "baseline is dict"),
    "ragged baseline": ({"baseline": [[1, 2], [3]]}, "baseline is not an array"),
    "baseline equal to a series": ({"baseline": SERIES[3]}, "equal to probe 3"),
    "segment means of single steps": ({"segments": STEPS, "baseline": "segment-mean"}, "equal to probe 0"),
    "region of another length": ({"regions": {"r": np.zeros(5, bool)}}, r"region 'r' has shape \(5,\)"),
    "region of no step": ({"regions": {"r": [9, 9]}}, "region 'r' has not a single step"),
    "region past the end": ({"regions": {"r": [30, 40]}}, "region 'r' is \\[30, 40\\] for series of 23 steps"),
    "region of fractions": ({"regions": {"r": [0.5, 3.5]}}, "region 'r' has shape"),
    "ragged region": ({"regions": {"r": [[True], [True, False]]}}, "region 'r'"),
    "regions in a list": ({"regions": [1]}, r"give \{name: bool mask over time"),
    "display of another size": ({"display": SERIES[:, :3]}, "display has shape"),
    "display of one number": ({"display": 3}, "display has shape"),
    "model_input by name": ({"model_input": "x"}, "give a callable"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_series_are_refused_at_construction_with_a_sentence(name: str) -> None:
    arguments, sentence = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=f"^SequenceProbes: .*{sentence}") as caught:
        xai.SequenceProbes(**{"series": SERIES, **arguments})
    assert type(caught.value) in (ValueError, TypeError)


# Records and data sets


def test_probes_survive_the_record_unchanged() -> None:
    for series in (SERIES, SERIES[..., 0], (SERIES[..., 0] * 100).astype(np.int16)):
        maps = np.stack([np.arange(STEPS) * (3 if i % 2 else 5) // STEPS for i in range(COUNT)])
        probes = xai.SequenceProbes(
            *(series, np.arange(COUNT) % 2),
            class_names=["no", "yes"],
            names=list("abcdefghi"),
            channel_names=["u", "v", "w"][: 3 if series.ndim == 3 else 1],
            segments=maps,
            baseline="segment-mean",
            regions={"r": [5, 9], "s": np.arange(STEPS) < 3},
            display=lambda x: 10.0 * x + 1,
        )
        again = xai.SequenceProbes.from_record(*probes.as_record())
        assert (again.digest, again.parts) == (probes.digest, probes.parts)
        assert again.inputs.dtype == probes.inputs.dtype
        assert again.inputs.shape == probes.inputs.shape == series.shape
        assert (again.names, again.class_names, again.channel_names) == (probes.names, probes.class_names, probes.channel_names)
        assert list(again.regions) == ["r", "s"]
        for name in ("shown", "players", "labels"):
            assert np.array_equal(getattr(again, name), getattr(probes, name))
        assert np.array_equal(again.regions["r"], probes.regions["r"])
        assert np.allclose(probes.shown[..., 0], 10.0 * series.reshape(COUNT, STEPS, -1)[..., 0] + 1, rtol=1e-6)
        assert [again.player_names(i) for i in range(COUNT)] == [probes.player_names(i) for i in range(COUNT)]


def test_the_digest_changes_with_what_is_explained_and_not_with_names() -> None:
    least = {"series": SERIES, "labels": np.arange(COUNT)}
    probes = xai.SequenceProbes(**least)
    others = [{"series": SERIES + 1}, {"labels": None}, {"segments": 5}, {"segments": HALVES}, {"baseline": 0}, {"baseline": 0.5}]
    assert len({probes.digest, *(xai.SequenceProbes(**{**least, **other}).digest for other in others)}) == 1 + len(others)
    for same in ({"names": list("abcdefghi")}, {"channel_names": list("uvw")}, {"regions": {"r": [0, 2]}}, {"display": SERIES * 2}):
        assert xai.SequenceProbes(**{**least, **same}).digest == probes.digest
    assert xai.SequenceProbes(**{**least, "series": SERIES.astype(np.float64)}).digest == probes.digest


def test_from_dataset_takes_series_batched_or_not() -> None:
    import tensorflow as tf

    labels = np.array([0] * 6 + [1, 2, 2])
    one_hot = np.eye(3)[labels]
    tensors = tf.data.Dataset.from_tensor_slices((SERIES, labels))
    for dataset in ((SERIES, labels), (SERIES, one_hot), list(zip(SERIES, labels, strict=True)), tensors, tensors.batch(4).repeat()):
        probes = xai.SequenceProbes.from_dataset(dataset, 4, baseline=0)
        assert np.array_equal(probes.inputs, SERIES[[0, 1, 6, 7]])
        assert np.argmax(np.eye(3)[probes.labels], axis=1).tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("labels", [np.arange(9) % 3, np.eye(3)[np.arange(9) % 3], None], ids=["numbers", "one-hot", "none"])
def test_from_dataset_takes_one_array_of_series_of_one_channel(labels: np.ndarray | None) -> None:
    one = SERIES[..., 0]
    probes = xai.SequenceProbes.from_dataset((one,) if labels is None else (one, labels), 6, baseline=0)
    assert np.array_equal(probes.inputs, one[:6])
    assert probes.labels is None if labels is None else probes.labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_probes_say_in_one_line_what_they_are() -> None:
    assert repr(xai.SequenceProbes(SERIES)) == "SequenceProbes(9 series of 23 steps x 3, 20 segments)"
