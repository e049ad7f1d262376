"""Several series a probe: the model is given what the user gives it, and attributions belong to the right series."""

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

RNG = np.random.default_rng(0)
N = 10
LABELS = np.arange(N) % 2
QUESTION = keras.utils.pad_sequences(
    [RNG.integers(1, 99, size=length).tolist() for length in [3, 9, 5, 2, 7, 9, 1, 4, 6, 8]], 9, padding="post"
)
PASSAGE = keras.utils.pad_sequences([RNG.integers(1, 99, size=length).tolist() for length in [20, 11, 5, 13, 7, 9, 1, 20, 6, 8]], 20)
GIVEN = {
    "two of a length": [RNG.normal(size=(N, 30, 3)), RNG.normal(size=(N, 30, 3)).astype(np.float32)],
    "two of other lengths": [RNG.normal(size=(N, 30, 2)), RNG.normal(size=(N, 12, 2))],
    "without channels": [RNG.normal(size=(N, 30)), RNG.normal(size=(N, 12))],
    "ids by name": {"question": QUESTION, "passage": PASSAGE},
    "users and items": {"user": RNG.integers(1, 50, N), "item": RNG.integers(1, 80, (N, 1))},
}


def leaves(given) -> list[np.ndarray]:
    return list(given.values()) if isinstance(given, dict) else list(given)


@pytest.mark.parametrize("name", GIVEN)
def test_the_model_is_given_the_users_arrays_and_the_record_keeps_them(name: str) -> None:
    given = GIVEN[name]
    probes = xai.SequenceProbes(given, LABELS, baseline=0)
    masker = SegmentMasker(probes)
    for probe in range(N):
        coalition = np.repeat([[1], [0]], probes.players[probe], axis=1).astype(np.float32)
        assembled = probes.assemble(np, masker.mask(np, masker.feed(coalition, probe), masker.parts(probe)))
        assert type(assembled) is type(given)
        for array, own in zip(leaves(assembled), leaves(given), strict=True):
            assert array.shape == (2, *own.shape[1:])
            np.testing.assert_allclose(array[0], own[probe], rtol=1e-6, atol=1e-6)
            assert np.all(array[1] == 0)
    again = xai.SequenceProbes.from_record(*probes.as_record())
    assert again.parts == probes.parts
    assert np.array_equal(again.segments, probes.segments)
    assert [again.player_names(i) for i in range(N)] == [probes.player_names(i) for i in range(N)]
    for array, own in zip(leaves(probes.given()), leaves(given), strict=True):
        assert array.dtype == own.dtype
        assert np.array_equal(array, own)
        assert not np.shares_memory(array, own)


def test_players_belong_to_one_series_and_say_which() -> None:
    probes = xai.SequenceProbes(GIVEN["two of other lengths"], LABELS)
    assert probes.players.tolist() == [20] * N
    names = probes.player_names(0)
    assert names[0] == "series 0, steps 0\u20132"
    assert names[13:15] == ["series 0, steps 28\u201329", "series 1, steps 0\u20131"]
    assert repr(probes) == "SequenceProbes(10 x 2 series of 30 + 12 steps x 2, 20 segments)"
    assert xai.SequenceProbes(GIVEN["users and items"], baseline=0).player_names(3) == ["user", "item"]
    ids = xai.SequenceProbes(GIVEN["ids by name"], LABELS)
    assert np.array_equal(ids.padded, np.concatenate([QUESTION, PASSAGE], axis=1) == 0)
    assert np.all(ids.baseline == 0)
    assert ids.player_names(0)[:4] == ["question, step 0", "question, step 1", "question, step 2", "passage, steps 0\u20131"]


def test_shap_of_two_padded_texts_is_the_game_over_both_and_the_page_is_sent_the_names(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    inputs = {"question": keras.Input((9,), dtype="int32", name="question"), "passage": keras.Input((20,), dtype="int32", name="passage")}
    embed = layers.Embedding(100, 6)
    both = [layers.GlobalMaxPooling1D()(embed(one)) for one in inputs.values()]
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Multiply()(both)))
    probes = xai.SequenceProbes(GIVEN["ids by name"], LABELS)
    shap = xai.explain(model, probes, "shap", output="probability", classes=[1], evaluations=1024)["shap"]
    np.testing.assert_allclose(shap.outputs[:, 0], model.predict(GIVEN["ids by name"], verbose=0)[:, 1], atol=1e-6)
    for probe in (2, 6, 5):
        steps = [np.flatnonzero(QUESTION[probe]), np.flatnonzero(PASSAGE[probe])]
        count = sum(map(len, steps))
        if count > 10:
            continue

        def game(coalitions: np.ndarray, probe=probe, steps=steps) -> np.ndarray:
            batch = {"question": np.zeros((len(coalitions), 9), np.int32), "passage": np.zeros((len(coalitions), 20), np.int32)}
            first = len(steps[0])
            batch["question"][:, steps[0]] = np.where(coalitions[:, :first], QUESTION[probe, steps[0]], 0)
            batch["passage"][:, steps[1]] = np.where(coalitions[:, first:], PASSAGE[probe, steps[1]], 0)
            return model.predict(batch, verbose=0)[:, 1].astype(float)

        assert probes.players[probe] == count
        np.testing.assert_allclose(shap.values[probe, 0, :count], shapley_by_enumeration(game, count), atol=5e-6)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(
        GIVEN["ids by name"], LABELS, epochs=1, verbose=0, callbacks=[xai.ExplanationLogger(tmp_path / "a", probes, on_error="raise")]
    )
    assert xai.read_run(tmp_path / "a").probes.parts == probes.parts
    header, _ = Server(tmp_path).reply("probes", run="a/xai", probes="6,0")
    assert header["player_names"] == [probes.player_names(6), probes.player_names(0)]


def test_a_list_is_read_by_its_labels_and_shapes() -> None:
    one = RNG.normal(size=(N, 12, 2))
    assert xai.SequenceProbes(list(one), LABELS).joined is None
    assert xai.SequenceProbes(list(one)).joined is None
    assert xai.SequenceProbes([one, one], LABELS).joined is not None
    assert xai.SequenceProbes([one, one]).joined is not None
    assert xai.SequenceProbes(one.tolist(), LABELS).joined is None
    assert xai.SequenceProbes([one[..., 0], one[..., 1]], LABELS).joined is not None
    assert xai.SequenceProbes([one[:, 0, 0], one[:, 1, 0]], LABELS).joined is not None
    assert xai.SequenceProbes(list(one[..., 0]), LABELS).joined is None


@pytest.mark.parametrize(
    ("given", "labels", "sentence"),
    [
        (
            [RNG.normal(size=(N, 12, 8)), np.ones((N, 12), bool)],
            LABELS,
            r"only series of as many channels.*features as series and side_inputs={'mask': mask}",
        ),
        ({"a": np.zeros((3, 4)), "b": np.zeros((5, 4))}, None, "with different numbers of probes"),
        ([RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5))], [0, 1], "may be 2 inputs of the model, or 2 series; give {'name': array"),
        ({"a": np.zeros((3, 4, 2, 2))}, None, r"give \(n,\), \(n, T\) or \(n, T, C\) each"),
        ([RNG.normal(size=5), RNG.normal(size=6)], None, "series of equal length"),
    ],
)
def test_what_cannot_be_joined_is_refused_with_a_sentence(given, labels, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^SequenceProbes: .*{sentence}"):
        xai.SequenceProbes(given, labels)
