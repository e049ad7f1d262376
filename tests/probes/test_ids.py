"""Series of ids: no id is averaged, none between two reaches the model, and padding is no player."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from support.games import shapley_by_enumeration
from support.server import Server

import tb_xai_plugin as xai
from tb_xai_plugin.games.segment_masker import SegmentMasker
from tb_xai_plugin.probes.cuts.padding import padding_of

RNG = np.random.default_rng(0)
N, STEPS, WORDS = 12, 40, 30000
LENGTHS = np.array([40, 3, 17, 1, 25, 31, 2, 9, 12, 38, 22, 5])


def padded(value: int = 0, side: str = "pre", dtype: type = np.int32) -> np.ndarray:
    """Ids from 2, padded as keras.utils.pad_sequences does by default."""
    ids = [RNG.integers(2, WORDS, size=length).tolist() for length in LENGTHS]
    return keras.utils.pad_sequences(ids, STEPS, dtype=dtype, padding=side, value=value)


IDS = padded()


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("side", ["pre", "post"])
def test_the_padding_id_is_the_baseline_and_padding_no_player(side: str, dtype: type) -> None:
    ids = padded(side=side, dtype=dtype)
    probes = xai.SequenceProbes(ids)
    assert np.all(probes.baseline == 0)
    assert np.array_equal(probes.segments == -1, (ids == 0) & (LENGTHS[:, None] > 1))
    assert probes.players.tolist() == [min(20, max(2, length)) for length in LENGTHS]
    assert "ids padded with 0" in repr(probes)
    assert probes.given().dtype == dtype
    first = 0 if side == "post" else STEPS - 3
    assert probes.player_names(1) == [f"step {first + step}" for step in range(3)]


@pytest.mark.parametrize(
    "ids", [IDS, padded(1, "post"), padded(side="post", dtype=np.int64), np.stack([IDS, np.where(IDS > 0, IDS % 50 + 1, 0)], axis=-1)]
)
def test_whatever_is_absent_the_model_is_given_the_users_ids_or_the_padding_id(ids: np.ndarray) -> None:
    probes = xai.SequenceProbes(ids)
    pad = ids.reshape(N, STEPS, -1)[3, 0 if ids[3, 0].max() < 2 else -1, 0]
    masker = SegmentMasker(probes)
    assert masker.ids
    for probe in range(N):
        coalitions = RNG.random((50, probes.players[probe])) < 0.5
        coalitions[0] = True
        masked = masker.mask(np, masker.feed(coalitions.astype(np.float32), probe), masker.parts(probe))
        assert np.array_equal(masked[0], ids[probe])
        assert np.all((masked == ids[probe]) | (masked == pad))


def test_ids_stay_exact_where_products_of_float32_are_rounded_to_a_few_bits() -> None:
    class Rounded:
        """numpy, whose products round their factors to 11 bits, as a GPU's do (TF32)."""

        def __getattr__(self, name: str):
            return getattr(np, name)

        @staticmethod
        def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            def short(x: np.ndarray) -> np.ndarray:
                return (x.astype(np.float32).view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)

            return short(a) @ short(b)

    masker = SegmentMasker(xai.SequenceProbes(IDS))
    masked = masker.mask(Rounded(), masker.feed(np.ones((1, 20), np.float32), 0), masker.parts(0))
    assert np.array_equal(masked[0], IDS[0])


def bag_of_embeddings(pooled: bool = True) -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((STEPS,), dtype="int32"),
            layers.Embedding(WORDS, 8, mask_zero=True),
            layers.GRU(8),
            layers.Dense(2, activation="softmax"),
        ]
    )


def test_shap_of_ids_is_the_game_of_removing_words_and_padding_has_none() -> None:
    model = bag_of_embeddings()
    probes = xai.SequenceProbes(IDS, np.arange(N) % 2)
    shap = xai.explain(model, probes, "shap", output="probability", classes=[1])["shap"]
    np.testing.assert_allclose(shap.outputs[:, 0], model.predict(IDS, verbose=0)[:, 1], atol=1e-6)
    for probe in (1, 6, 7):
        steps = np.flatnonzero(IDS[probe])

        def game(coalitions: np.ndarray, probe=probe, steps=steps) -> np.ndarray:
            ids = np.zeros((len(coalitions), STEPS), np.int32)
            ids[:, steps] = np.where(coalitions, IDS[probe, steps], 0)
            return model.predict(ids, verbose=0)[:, 1].astype(float)

        np.testing.assert_allclose(shap.values[probe, 0, : len(steps)], shapley_by_enumeration(game, len(steps)), atol=5e-6)
    # The only word of series 3 is one player and all its padding the other, which has no effect.
    labels = probes.segments[3]
    np.testing.assert_allclose(shap.values[3, 0, labels[0]], 0, atol=1e-7)
    assert probes.player_names(3)[labels[-1]] == f"step {STEPS - 1}"


@pytest.mark.parametrize(
    ("series", "padding"),
    [
        ([[5, 3, 0, 0], [7, 2, 9, 4]], 0),
        ([[0, 0, 5, 3], [7, 2, 9, 4]], 0),
        ([[5, 3, 1, 1], [7, 2, 9, 1]], 1),
        ([[0, 5, 2, 1, 1], [0, 7, 8, 2, 1]], 1),  # RoBERTa: 0 begins and 1 pads
        ([[101, 5, 102, 0, 0], [101, 7, 8, 102, 0]], 0),  # BERT
        ([[1, 5, 4, 9], [1, 7, 8, 3]], None),  # 1 begins, as in Keras's imdb
        ([[2, 5, 4, 3], [2, 7, 8, 3]], None),  # 2 begins and 3 ends
        ([[0, 5, 4, 9], [0, 7, 8, 3]], None),
        ([[0, 3, 0, 2], [1, 0, 0, 3]], None),  # letters of DNA, or counts
        ([[5, 6, 7, 8]], None),
        ([[5, 6, 0, 0]], 0),
        ([[5, 6, 4, 0]], None),
    ],
)
def test_padding_is_what_fills_series_at_their_ends(series: list[list[int]], padding: int | None) -> None:
    assert padding_of(np.array(series)) == padding


def test_where_no_padding_is_seen_one_sentence_asks_and_both_of_its_answers_work() -> None:
    ids = RNG.integers(2, 500, (9, 12))
    for given in (ids, ids.astype(np.uint16), np.stack([ids, ids], axis=-1)):
        with pytest.raises(
            ValueError,
            match=r"^SequenceProbes: .*no padding is seen.* ids.* give baseline=.*; if they are quantities, give baseline='mean'\.$",
        ):
            xai.SequenceProbes(given)
    as_ids = xai.SequenceProbes(ids, baseline=0)
    assert as_ids.ids
    assert np.all(as_ids.baseline == 0)
    quantities = xai.SequenceProbes(ids, baseline="mean")
    assert not quantities.ids
    np.testing.assert_allclose(quantities.baseline[0, :, 0], ids.mean(axis=0), rtol=1e-6)
    assert not xai.SequenceProbes(IDS, baseline="segment-mean").ids


@pytest.mark.parametrize(
    "series",
    [
        RNG.integers(-5, 5, (9, 12)),
        RNG.integers(1, 9, (9, 12)).astype(np.float32),
        np.eye(4, dtype=int)[RNG.integers(0, 4, (9, 12))],
        RNG.poisson(1, (9, 12)).astype(float),
        RNG.random((9, 12)) > 0.5,
        np.abs(RNG.normal(size=(9, 12))),
    ],
    ids=["negative", "whole floats", "one-hot", "counts in floats", "bool", "fractions"],
)
def test_what_cannot_be_ids_keeps_the_mean(series: np.ndarray) -> None:
    probes = xai.SequenceProbes(series)
    assert not probes.ids
    np.testing.assert_allclose(probes.baseline[0], probes.pixels.mean(axis=0), atol=1e-6)
    assert not probes.padded.any()


def test_a_series_of_padding_alone_is_one_sentence() -> None:
    ids = IDS.copy()
    ids[4] = 0
    with pytest.raises(ValueError, match=r"^SequenceProbes: series 4 is nothing but padding, 0; leave it out"):
        xai.SequenceProbes(ids)


def test_a_number_of_segments_cuts_what_is_not_padding() -> None:
    probes = xai.SequenceProbes(IDS, segments=5)
    for probe, length in enumerate(LENGTHS):
        if length > 1:
            assert probes.segments[probe, -length:].tolist() == (np.arange(length) * min(5, length) // length).tolist()
            assert np.all(probes.segments[probe, : STEPS - length] == -1)
    maps = np.arange(STEPS) // 10
    assert np.array_equal(xai.SequenceProbes(IDS, segments=maps).segments, np.broadcast_to(maps, IDS.shape))


def test_gradients_between_ids_are_refused_with_a_sentence() -> None:
    model = keras.Sequential([keras.Input((STEPS,)), layers.Dense(2, activation="softmax")])
    with pytest.raises(ValueError, match=r"taken for ids, and this explainer needs values between.*baseline='mean'"):
        xai.explain(model, xai.SequenceProbes(IDS), "ig")
    assert np.isfinite(xai.explain(model, xai.SequenceProbes(IDS, baseline="mean"), "ig")["ig"].values[0, 0]).all()


def test_a_run_of_ids_keeps_its_probes_and_the_page_is_told_where_padding_is(tmp_path: Path) -> None:
    model = bag_of_embeddings()
    probes = xai.SequenceProbes(IDS, np.arange(N) % 2, regions={"end": [30, 40]})
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(IDS, np.arange(N) % 2, epochs=1, verbose=0, callbacks=[xai.ExplanationLogger(tmp_path / "a", probes, on_error="raise")])
    run = xai.read_run(tmp_path / "a")
    assert run.probes.parts == probes.parts
    assert np.array_equal(run.probes.segments, probes.segments)
    assert run.probes.ids
    assert [run.probes.player_names(i) for i in range(N)] == [probes.player_names(i) for i in range(N)]
    _, arrays = Server(tmp_path).reply("probes", run="a/xai", probes="2")
    assert np.array_equal(arrays["segments"][0] == 0xFFFF, IDS[2] == 0)


def test_records_of_integer_series_made_before_are_read_as_they_were() -> None:
    names, arrays = xai.SequenceProbes(IDS, baseline=0, segments=np.arange(STEPS) // 2).as_record()
    again = xai.SequenceProbes.from_record(names, arrays)
    assert np.array_equal(again.segments[3], np.arange(STEPS) // 2)
    assert again.players.tolist() == [20] * N
