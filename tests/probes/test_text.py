"""Texts: LIME against the `lime` package, masked texts, every way a model takes text, and what is refused."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections import UserDict
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from lime.lime_base import LimeBase
from lime.lime_text import IndexedString, LimeTextExplainer
from support.games import additive, interacting, shapley_by_enumeration

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers import Lime, LimeText
from tb_xai_plugin.games.coalitions import Design, build_design
from tb_xai_plugin.games.text_masker import TextMasker

SENTENCE = "The film wasn't bad: the plot, the cast — all good; a good film (really)!"
TEXTS = ["the film was good really fine", "a bad bad film with plot"]
VOCABULARY = sorted({word for text in TEXTS for word in text.split()})
LENGTH = 6


def relative(ours: object, theirs: object) -> float:
    return float(np.abs(np.asarray(ours) - np.asarray(theirs)).max() / np.abs(theirs).max())


def by_token(explanation: list[tuple[int, float]]) -> np.ndarray:
    return np.array([weight for _, weight in sorted(explanation)])


def chance(texts: list[str]) -> np.ndarray:
    """A bounded answer to any text, with interactions: float64 (k, 2)."""
    score = np.array([1.5 * t.count("good") - t.count("bad") * (1 + t.count("the")) + 0.1 * len(t.split()) - 0.8 for t in texts])
    p = 1 / (1 + np.exp(-score))
    return np.stack([1 - p, p], axis=1)


class Recorded:
    """The same, and what it was asked."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.texts += texts
        return chance(texts)


# LIME, as the package has it


@pytest.mark.parametrize("bow", [True, False])
@pytest.mark.parametrize("kernel_width", [25, 10])
def test_coefficients_intercept_and_score_are_the_packages_on_its_own_samples(bow: bool, kernel_width: float) -> None:
    probes = xai.TextProbes([SENTENCE], repeated="one" if bow else "own")
    for seed in range(2):
        package = LimeTextExplainer(kernel_width, bow=bow, mask_string="", feature_selection="none", random_state=seed)
        again = LimeTextExplainer(bow=bow, mask_string="", random_state=seed)
        indexed = IndexedString(SENTENCE, bow=bow, mask_string="")
        asked = Recorded()
        data, answers, _ = again._LimeTextExplainer__data_labels_distances(indexed, asked, 701)
        theirs = package.explain_instance(SENTENCE, chance, num_features=len(data[0]), num_samples=701)
        assert asked.texts == [probes.masked(0, row) for row in data.astype(bool)]
        # Row 1 of a design, the empty coalition, is not LIME's: it may hold anything.
        masks = np.insert(data.astype(bool), 1, False, axis=0)
        ours = Lime(kernel_width / 100).fit(Design(masks, np.zeros(len(masks) // 2, dtype=int)))(np.insert(answers, 1, 99, axis=0)[:, None])
        assert relative(ours.values[0, 1], by_token(theirs.local_exp[1])) <= 1e-12
        assert relative(ours.base[0, 1], theirs.intercept[1]) <= 1e-12
        assert relative(ours.fidelity["r2"][0, 1], theirs.score) <= 1e-12


def equally_heavy(masks: np.ndarray) -> np.ndarray:
    """Weights under which each number 1 to n of removed tokens counts as often as the package draws it; the text itself once."""
    players, sizes = masks.shape[1], masks.sum(axis=1)
    drawn = (len(masks) - 1) / players
    return np.array([1.0 if size == players else drawn / (sizes == size).sum() for size in sizes])


def kernel(masks: np.ndarray, width: float) -> np.ndarray:
    """The package's, of 100 times the cosine distance."""
    ones = np.ones(masks.shape[1])
    length = np.linalg.norm(masks, axis=1)
    cosine = np.divide(masks @ ones, length * np.linalg.norm(ones), out=np.zeros(len(masks)), where=length > 0)
    return np.sqrt(np.exp(-((100 * (1 - cosine)) ** 2) / width**2))


@pytest.mark.parametrize(("players", "evaluations"), [(7, 128), (15, 256), (40, 640)])
@pytest.mark.parametrize("width", [25.0, 40.0])
def test_lime_text_is_the_packages_regression_on_a_design_for_shapley_values(players: int, evaluations: int, width: float) -> None:
    design = build_design(players, evaluations, {"leverage"}, seed=3)
    answers = np.stack([interacting(players, seed)(design.masks) for seed in range(2)], axis=1)
    weights = equally_heavy(design.masks) * kernel(design.masks, width)
    ours = LimeText(width / 100).fit(design)(answers[:, None])
    for target in range(2):
        base = LimeBase(lambda given: given, random_state=0)
        intercept, found, score, _ = base.explain_instance_with_data(
            design.masks.astype(float), answers, weights, target, players, feature_selection="none"
        )
        assert relative(ours.values[0, target], by_token(found)) <= 1e-12
        assert relative(ours.base[0, target], intercept) <= 1e-12
        assert relative(ours.fidelity["r2"][0, target], score) <= 1e-12


def test_every_number_of_removed_tokens_is_as_heavy_as_any_other_before_the_kernel() -> None:
    for players, evaluations in ((5, 32), (12, 256), (60, 960)):
        design = build_design(players, evaluations, {"leverage", "bernoulli"}, seed=0)
        rows, often = LimeText()._rows(design)
        removed = players - design.masks[rows].sum(axis=1)
        heavy = np.bincount(removed, weights=often, minlength=players + 1)
        assert heavy[0] == 1
        assert np.allclose(heavy[1:], (evaluations - 1) / players, rtol=1e-12)


def test_lime_of_all_coalitions_is_where_large_runs_of_the_package_scatter_about() -> None:
    words = [f"w{i}" for i in range(12)]
    game = interacting(12, 1)

    def answers(texts: list[str]) -> np.ndarray:
        return np.repeat(game(np.array([[word in text.split() for word in words] for text in texts]))[:, None], 2, axis=1)

    runs = []
    for seed in range(4):
        package = LimeTextExplainer(feature_selection="none", random_state=seed)
        found = package.explain_instance(" ".join(words), answers, num_features=12, num_samples=5000)
        runs.append([*by_token(found.local_exp[1]), found.intercept[1]])
    design = build_design(12, 4096, {"leverage"}, seed=0)
    # The penalty is against the number of samples.
    ours = LimeText(alpha=4096 / 5000).fit(design)(game(design.masks)[:, None, None])
    mean, error = np.mean(runs, axis=0), np.sqrt(np.var(runs, axis=0, ddof=1).mean() / len(runs))
    z = (np.append(ours.values[0, 0], ours.base[0, 0]) - mean) / error
    assert np.sqrt((z**2).mean()) < 1.6
    assert error < 0.02 * np.abs(mean).max()


def test_lime_by_name_and_as_configured_is_lime_text() -> None:
    probes = xai.TextProbes(TEXTS)
    for given, width in (("lime", 0.25), (Lime(kernel_width=0.5), 0.5), (LimeText(kernel_width=0.4), 0.4)):
        (explainer,) = Plan(probes, given).explainers.values()
        assert explainer == LimeText(kernel_width=width)
    with pytest.raises(ValueError, match="LimeTabular is not for text probes; give LimeText"):
        Plan(probes, xai.LimeTabular(kernel_width=1.0))


# Masked texts


@pytest.mark.parametrize(
    "text",
    [SENTENCE, "naïve café — naïve\n\n日本語 の テスト, 日本語!", "  two\twords ", "x_1 + x_2 = x_1", "שלום עולם,\nשלום!"],  # noqa: RUF001
)
@pytest.mark.parametrize("repeated", ["own", "one"])
def test_masked_texts_are_the_packages(text: str, repeated: str) -> None:
    probes = xai.TextProbes([text], repeated=repeated)
    indexed = IndexedString(text, bow=repeated == "one", mask_string="")
    assert probes.players.tolist() == [indexed.num_words()]
    assert probes.player_names(0) == [str(indexed.word(token)) for token in range(indexed.num_words())]
    rng = np.random.default_rng(0)
    for coalition in (*(rng.random((20, indexed.num_words())) < 0.5), np.ones(indexed.num_words(), bool)):
        assert probes.masked(0, coalition) == indexed.inverse_removing(np.flatnonzero(~coalition))
    assert "".join(piece for piece, _ in probes.pieces[0]) == text == probes.inputs[0]


WRITTEN = {
    "accents of their own": ("cafe\u0301 au lait, cafe\u0301!", ["cafe\u0301", "au", "lait", "cafe\u0301"]),
    "vowel signs": ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
    "from right to left, with joiners": ("می\u200cخواهم بروم؟", ["می\u200cخواهم", "بروم"]),  # noqa: RUF001
    "emoji": ("ok 👍🏽👍 ❤\ufe0f, no ☹", ["ok", "👍🏽", "👍", "❤\ufe0f", "no", "☹"]),
    "emoji of several signs": ("👩\u200d👩\u200d👧 🇩🇪🇫🇷", ["👩\u200d👩\u200d👧", "🇩🇪", "🇫🇷"]),
    "signs and lines": ("a=b;\r\n\tc_d\u00a0(e)\u2028f", ["a", "b", "c_d", "e", "f"]),
    "no spaces": ("これは良い映画です。とても!", ["これは良い映画です", "とても"]),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_tokens_are_whole_as_people_write_and_nothing_of_a_text_is_lost(name: str) -> None:
    text, tokens = WRITTEN[name]
    probes = xai.TextProbes([text])
    assert probes.player_names(0) == tokens
    assert probes.masked(0, np.ones(len(tokens), bool)) == text
    # Grapheme by grapheme: what is left of a token that is absent is nothing, not its accent.
    left = probes.masked(0, np.zeros(len(tokens), bool))
    assert not any(char.isalnum() or unicodedata.category(char) in ("Mn", "Mc", "So") for char in left)


def test_a_tokenizer_that_leaves_emoji_out_is_warned_of_and_one_that_cuts_an_accent_off_is_refused() -> None:
    texts = ["a b", "great 👍 film ☺", "so ☹ bad"]
    with pytest.warns(
        UserWarning, match=r"^TextProbes: tokenize leaves '👍☺' of text 1 and symbols of 1 more in no token, so they are always"
    ):
        probes = xai.TextProbes(texts, tokenize=re.compile(r"\w+").findall)
    indexed = IndexedString(texts[1], bow=False, mask_string="")
    for coalition in ([True, False], [False, True]):
        assert probes.masked(1, np.array(coalition)) == indexed.inverse_removing(np.flatnonzero(~np.array(coalition)))
    with pytest.raises(ValueError, match=r"tokenize loses characters of text 0: .* is in no token"):
        xai.TextProbes(["cafe\u0301 au"], tokenize=re.compile(r"\w+").findall)


def test_a_mask_token_stands_where_tokens_are_absent_as_in_the_package() -> None:
    probes = xai.TextProbes([SENTENCE], mask_token="[MASK]")
    indexed = IndexedString(SENTENCE, bow=False, mask_string="[MASK]")
    for coalition in np.random.default_rng(0).random((20, indexed.num_words())) < 0.5:
        assert probes.masked(0, coalition) == indexed.inverse_removing(np.flatnonzero(~coalition))


def test_what_stands_between_tokens_stays() -> None:
    probes = xai.TextProbes(["Not bad, not bad!"])
    assert probes.masked(0, np.array([False, True, False, False])) == " bad,  !"
    one = xai.TextProbes(["Not bad, not bad!"], repeated="one", mask_token="_")
    assert one.player_names(0) == ["Not", "bad", "not"]
    assert one.masked(0, np.array([True, False, True])) == "Not _, not _!"


def test_a_tokenizer_of_ones_own_decides_what_the_players_are() -> None:
    text = "Good film. Bad plot! Who cares?"
    for tokenize in (
        lambda given: [f"{part.strip()}" for part in given.replace("!", "!|").replace(".", ".|").split("|")],
        lambda given: iter(["Good film.", "Bad plot!", "Who cares?"]),
    ):
        probes = xai.TextProbes([text], tokenize=tokenize)
        assert probes.player_names(0) == ["Good film.", "Bad plot!", "Who cares?"]
        assert probes.masked(0, np.array([True, False, True])) == "Good film.  Who cares?"


def test_a_region_is_its_tokens_in_whatever_case_and_wherever_they_occur() -> None:
    probes = xai.TextProbes(["Not bad, NOT bad", "straße not STRASSE"], regions={"no": ["not"], "street": ["Straße"]})
    names, arrays = probes.as_record()
    assert names["regions"] == ["no", "street"]
    assert arrays["membership"].tolist() == [[[1, 0, 1, 0], [0, 0, 0, 0]], [[0, 1, 0, 0], [1, 0, 1, 0]]]


# Models


def words_of(text: str) -> list[int]:
    return [1 + VOCABULARY.index(word) for word in text.split()]


def ids(texts: list[str]) -> np.ndarray:
    """int32 (k, LENGTH), words that are left moved up, 0 past the last."""
    return np.array([words_of(text) + [0] * (LENGTH - len(words_of(text))) for text in texts], dtype=np.int32)


def counts(texts: list[str]) -> np.ndarray:
    return np.array([[text.split().count(word) for word in VOCABULARY] for text in texts], dtype=np.float32)


def lstm() -> tuple[keras.Model, Callable | None]:
    embedded = layers.Embedding(1 + len(VOCABULARY), 4, mask_zero=True, embeddings_initializer=keras.initializers.RandomNormal(0, 1))
    model = keras.Sequential([keras.Input((LENGTH,), dtype="int32"), embedded, layers.LSTM(5), layers.Dense(2, activation="softmax")])
    return model, ids


def attention() -> tuple[keras.Model, Callable | None]:
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(1 + len(VOCABULARY), 4, embeddings_initializer=keras.initializers.RandomNormal(0, 1))(inputs)
    x = layers.GlobalAveragePooling1D()(x + layers.MultiHeadAttention(2, 4)(x, x))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x)), ids


def of_strings(*shape: int) -> tuple[keras.Model, Callable | None]:
    vectorize = layers.TextVectorization(output_sequence_length=LENGTH)
    vectorize.adapt(TEXTS)
    inputs = keras.Input(shape, dtype="string")
    x = layers.Embedding(20, 4, embeddings_initializer=keras.initializers.RandomNormal(0, 1))(vectorize(inputs))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.LSTM(4)(x))), None


def two_inputs() -> tuple[keras.Model, Callable | None]:
    numbers, there = keras.Input((LENGTH,), dtype="int32", name="ids"), keras.Input((LENGTH,), name="attention_mask")
    x = layers.Embedding(1 + len(VOCABULARY), 4)(numbers) * there[..., None]
    model = keras.Model({"ids": numbers, "attention_mask": there}, layers.Dense(2, activation="softmax")(layers.Flatten()(x)))
    return model, lambda texts: {"ids": ids(texts).astype(np.int64), "attention_mask": (ids(texts) > 0).astype(np.float32)}


def as_hugging_face_has_it() -> tuple[keras.Model, Callable | None]:
    """A mapping that is no dict."""
    model, encode = two_inputs()
    return model, lambda texts: UserDict(encode(texts))


MODELS = {
    "LSTM": lstm,
    "attention": attention,
    "strings (1,)": lambda: of_strings(1),
    "strings ()": of_strings,
    "two inputs": two_inputs,
    "a mapping": as_hugging_face_has_it,
}


def asked_directly(model: keras.Model, encode: Callable | None, texts: list[str]) -> np.ndarray:
    """Log-odds of class 1, as Keras itself has it."""
    import tensorflow as tf

    given = encode(texts) if encode else tf.constant(texts if len(model.inputs[0].shape) == 1 else [[text] for text in texts])
    p = np.asarray(model(dict(given) if isinstance(given, UserDict) else given, training=False), dtype=np.float64)
    return np.log(p[:, 1] / p[:, 0])


@pytest.mark.parametrize("name", MODELS)
def test_shap_of_a_text_model_equals_exact_enumeration_through_keras_itself(name: str) -> None:
    keras.utils.set_random_seed(0)
    model, encode = MODELS[name]()
    probes = xai.TextProbes(TEXTS, [1, 0], encode=encode)
    found = xai.explain(model, probes, ["shap", "lime"])
    for probe, text in enumerate(TEXTS):
        words = np.array(text.split())

        def game(coalitions: np.ndarray, words: np.ndarray = words) -> np.ndarray:
            return asked_directly(model, encode, [" ".join(np.where(z, words, "")) for z in coalitions])

        exact = shapley_by_enumeration(game, len(words))
        assert np.abs(exact).max() > 1e-4
        assert relative(found["shap"].values[probe, 1, : len(words)], exact) < 2e-3
        assert found["lime"].outputs[probe, 1] == pytest.approx(game(np.ones((1, len(words)), bool))[0], abs=1e-5)


def test_a_scikit_learn_pipeline_is_given_a_list_of_strings() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit([*TEXTS, "good fine", "bad plot"], [1, 0, 1, 0])
    asked = []

    def model(texts: list[str]) -> np.ndarray:
        asked.append(texts)
        return pipeline.predict_proba(texts)

    found = xai.explain(model, xai.TextProbes(TEXTS, [1, 0]))["shap"]
    assert all(isinstance(texts, list) and all(isinstance(text, str) for text in texts) for texts in asked)
    words = np.array(TEXTS[0].split())
    exact = shapley_by_enumeration(
        lambda coalitions: np.subtract(*np.log(pipeline.predict_proba([" ".join(np.where(z, words, "")) for z in coalitions])).T[::-1]), 6
    )
    assert relative(found.values[0, 1], exact) < 1e-5
    assert relative(xai.explain(pipeline.predict_proba, xai.TextProbes(TEXTS, [1, 0]))["shap"].values[0], found.values[0]) == 0


def test_a_callable_may_encode_itself_or_leave_it_to_the_probes() -> None:
    weights = np.random.default_rng(0).normal(size=len(VOCABULARY))
    alone = xai.explain(lambda texts: counts(texts) @ weights, xai.TextProbes(TEXTS), output="raw")["shap"].values
    encoded = xai.explain(lambda x: x @ weights, xai.TextProbes(TEXTS, encode=counts), output="raw")["shap"].values
    mapped = xai.explain(lambda x: x @ weights, xai.TextProbes(TEXTS, model_input=counts), output="raw")["shap"].values
    assert np.allclose(alone, encoded, atol=1e-6)
    assert np.allclose(alone, mapped, atol=1e-6)


LONG = " ".join(np.random.default_rng(0).choice(VOCABULARY, 30))


def of_length(read: int, first: bool) -> Callable[[list[str]], np.ndarray]:
    """Encodes the first or the last tokens of a text, the unknown ones left out, as `pad_sequences` does."""

    def encode(texts: list[str]) -> np.ndarray:
        numbers = [[1 + VOCABULARY.index(word) for word in text.split() if word in VOCABULARY] for text in texts]
        cut = "post" if first else "pre"
        return keras.utils.pad_sequences(numbers, read, padding=cut, truncating=cut)

    return encode


def summed(width: int) -> keras.Model:
    return keras.Sequential([keras.Input((width,)), layers.Embedding(1 + len(VOCABULARY), 4), layers.Flatten(), layers.Dense(2)])


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_text_that_is_longer_than_what_is_encoded_of_it_is_said(first: bool) -> None:
    encode = of_length(12, first)
    sentence = f"text 1 has 30 tokens, of which the model reads about the {'first' if first else 'last'} 12; .*give mask_token"
    model, texts = summed(12), ["a bad film", LONG]
    with pytest.warns(UserWarning, match=f"^TextProbes: {sentence}"):
        found = xai.explain(model, xai.TextProbes(texts, encode=encode), "shap")["shap"].values[1]
    unread = slice(12, None) if first else slice(0, 18)
    assert np.abs(found[:, unread]).sum() > 0.2 * np.abs(found).sum(), "though the model never reads them"
    masked = xai.explain(model, xai.TextProbes(texts, encode=encode, mask_token="the"))
    assert np.abs(masked["shap"].values[1][:, unread]).max() < 1e-5, "every token keeps its place"


def test_a_text_that_is_longer_than_what_the_models_own_layer_reads_is_said() -> None:
    def model(read: int | None) -> keras.Model:
        vectorize = layers.TextVectorization(output_sequence_length=read, vocabulary=VOCABULARY)
        # The padding is masked: without it, the outputs would depend on the longest text of the batch, which is another warning.
        embed = layers.Embedding(20, 4, embeddings_initializer=keras.initializers.RandomNormal(0, 1), mask_zero=True)
        return keras.Sequential([keras.Input((1,), dtype="string"), vectorize, embed, layers.LSTM(4), layers.Dense(2)])

    with pytest.warns(
        UserWarning, match=r"text 0 has 30 tokens, of which the model reads about the first 12 \(1 other text has more than that"
    ):
        xai.explain(model(12), xai.TextProbes([LONG, LONG[: len(LONG) // 2], "a bad film"]))
    xai.explain(model(None), xai.TextProbes([LONG, "a bad film"]))  # warnings are errors in tests


@pytest.mark.parametrize(
    ("text", "encode"),
    [
        (LONG + " unknown words", of_length(30, True)),
        ("unknown words " + LONG, of_length(30, False)),
        ("the film was good the film", lambda texts: (counts(texts) > 0).astype(np.int32)),
        ("unknown " + LONG + " words", counts),
    ],
    ids=["unknown last words", "unknown first words", "words that are counted once", "words that are counted"],
)
def test_words_that_say_nothing_are_not_taken_for_a_text_that_is_cut_off(text: str, encode: Callable) -> None:
    width = encode([text]).shape[1]
    xai.explain(summed(width), xai.TextProbes([text], encode=encode))  # warnings are errors in tests


def test_a_model_that_answers_nan_for_an_empty_text_alone_is_told_of_by_that_and_has_its_answers() -> None:
    def mean(texts: list[str]) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return counts(texts) / counts(texts).sum(axis=1, keepdims=True)

    model = keras.Sequential([keras.Input((len(VOCABULARY),)), layers.Dense(2, activation="softmax")])
    probes = xai.TextProbes(TEXTS, [1, 0], encode=mean)
    sentence = "the model returns NaN or infinity for a text with all its tokens absent, but not for the unmasked text; give mask_token"
    with pytest.warns(UserWarning, match=sentence):
        assert np.isnan(xai.explain(model, probes)["shap"].values).all()
    assert np.allclose(Engine(Plan(probes), model).run().outputs.full, model.predict(mean(TEXTS), verbose=0), atol=1e-6)


def test_a_model_that_takes_no_strings_asks_for_encode_and_an_encode_that_fails_is_named() -> None:
    with pytest.raises(ValueError, match=r"the model does not accept strings .*; if the model takes no strings, give encode="):
        xai.explain(summed(6), xai.TextProbes(TEXTS))
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():  # TensorFlow's own state is as it was: this needs it
        summed(6)
    with pytest.raises(ValueError, match=r"^TextProbes: encode failed on '[a-z ]*', made from text [01]: KeyError: 'tempo'"):
        xai.explain(summed(6), xai.TextProbes(TEXTS, encode=lambda texts: {}["tempo"]))


@pytest.mark.parametrize("repeated", ["own", "one"])
def test_a_linear_bag_of_words_gives_each_token_its_weight(repeated: str) -> None:
    weights = np.random.default_rng(0).normal(size=len(VOCABULARY)).astype(np.float32)
    model = keras.Sequential([keras.Input((len(VOCABULARY),)), layers.Dense(1)])
    model.set_weights([weights[:, None], np.array([0.7], np.float32)])
    model.compile("sgd", "mse")
    probes = xai.TextProbes(TEXTS, encode=counts, repeated=repeated)
    found = xai.explain(model, probes, ["shap", LimeText(alpha=1e-6)], output="raw")
    for probe, text in enumerate(TEXTS):
        expected = [
            weights[VOCABULARY.index(token)] * (text.split().count(token) if repeated == "one" else 1)
            for token in probes.player_names(probe)
        ]
        for explainer in ("shap", "lime"):
            values = found[explainer].values[probe, 0]
            assert np.abs(values[: len(expected)] - expected).max() < 1e-5
            assert np.isnan(values[len(expected) :]).all()
            assert found[explainer].base_values[probe, 0] == pytest.approx(0.7, abs=1e-5)


def test_limes_of_a_linear_bag_of_words_are_its_closed_form_for_many_tokens_too() -> None:
    words = [f"w{i}" for i in range(50)]
    weights = np.random.default_rng(0).normal(size=50)
    probes = xai.TextProbes([" ".join(words)])
    found = xai.explain(
        lambda texts: np.array([[word in text.split() for word in words] for text in texts]) @ weights,
        probes,
        ["shap", LimeText(alpha=1e-9)],
        output="raw",
    )
    for explainer in ("shap", "lime"):
        assert relative(found[explainer].values[0, 0], weights) < 1e-5
    design = Plan(probes).designs[50, 0]
    assert relative(LimeText(alpha=1e-9).fit(design)(additive(weights)(design.masks)[:, None, None]).values[0, 0], weights) < 1e-9


# What it costs


def test_every_perturbed_text_is_encoded_once_however_many_epochs_there_are() -> None:
    asked: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return ids(texts)

    keras.utils.set_random_seed(0)
    model, _ = lstm()
    engine = Engine(Plan(xai.TextProbes(TEXTS, [1, 0], encode=encode), curves=False), model)
    asked.clear()
    first = engine.run().explanations["shap"].values
    assert len(asked) == sum(2 ** len(text.split()) for text in TEXTS)
    asked.clear()
    model.set_weights([weight * 1.5 for weight in model.get_weights()])
    second = engine.run().explanations["shap"].values
    assert asked == []
    assert not np.array_equal(first, second)
    assert np.array_equal(second, xai.explain(model, xai.TextProbes(TEXTS, [1, 0], encode=ids))["shap"].values)


def test_kept_texts_are_counted_with_their_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tb_xai_plugin.games.text_masker.CACHE_BYTES", 20_000)
    long = " ".join(f"word{i}" for i in range(150))
    masker = TextMasker(xai.TextProbes([long]))
    coalitions = np.random.default_rng(0).random((10, 4, 150)) < 0.5
    for each in coalitions:
        assert masker.feed(each, 0)[0, 0] == masker.probes.masked(0, each[0])
    assert 1 < len(masker._kept._rows) < 10


# Bad input


def ragged(texts: list[str]) -> list[list[int]]:
    return [words_of(text) for text in texts]


def to_the_longest(texts: list[str]) -> np.ndarray:
    """As `pad_sequences` without maxlen."""
    return keras.utils.pad_sequences([words_of(text) or [0] for text in texts])


def at_another_length_now_and_then(texts: list[str]) -> np.ndarray:
    return ids(texts)[:, : 5 if any(text.split() == ["bad"] for text in texts) else LENGTH]


def ragged_tensor(texts: list[str]) -> object:
    import tensorflow as tf

    return tf.ragged.constant(ragged([*texts, "film"]))[: len(texts)]


REFUSED = {
    "no texts": ({"texts": []}, "texts is empty"),
    "one string": ({"texts": "a b"}, "texts is one string; give a list"),
    "a number": ({"texts": 3}, "texts is int; give a list"),
    "numbers": ({"texts": ["a b", 3]}, "text 1 is int; give strings"),
    "lists of words": ({"texts": np.array([["a b"], ["c d"]])}, "text 0 is list; give strings"),
    "an empty text": ({"texts": ["a b", ""]}, "text 1 is empty"),
    "spaces": ({"texts": ["a b", " \n"]}, "text 1 is empty"),
    "signs": ({"texts": ["a b", "?!"]}, "text 1 has no token"),
    "5,000 tokens": ({"texts": ["a b", "word " * 5000]}, "text 1 has 5000 tokens, and at most 1000.*larger pieces"),
    "5,000 tokens of 100 words": (
        {"texts": ["a b", " ".join(f"w{i % 100}" for i in range(5001))], "repeated": "one"},
        r"text 1 has 5001 tokens \(100 different ones\), and at most 5000 can be explained; .*larger pieces",
    ),
    "no spaces between words": ({"texts": ["a b", "これは良い映画です"]}, "text 1 has one token, .*tokenize= for scripts without spaces"),
    "bytes of another code": ({"texts": ["a b", b"caf\xe9 au lait"]}, "text 1 is not Unicode"),
    "half a letter": ({"texts": ["a b", "c \ud800"]}, "text 1 is not Unicode"),
    "a tokenizer of lower case": (
        {"texts": ["a b", "Hello you"], "tokenize": lambda text: text.lower().split()},
        "text 1: 'hello' is not in the text, which has 'Hello'",
    ),
    "a tokenizer that loses": (
        {"texts": ["a b c", "one two three"], "tokenize": lambda text: text.split()[::2]},
        "text 0: 'b' is in no token",
    ),
    "a tokenizer that loses the end": ({"texts": ["a b c"], "tokenize": lambda text: text.split()[:2]}, "text 0: 'c' is in no token"),
    "a tokenizer of another order": ({"texts": ["a b c"], "tokenize": lambda text: text.split()[::-1]}, "text 0: .*in its order"),
    "a tokenizer of pieces that are not there": (
        {"texts": ["playing on"], "tokenize": lambda _: ["play", "##ing", "on"]},
        "'##ing' does not",
    ),
    "a tokenizer of numbers": ({"texts": ["a b"], "tokenize": lambda text: [1, 2]}, "tokenize gave a list with 1 for text 0"),
    "a tokenizer of nothing": ({"texts": ["a b"], "tokenize": lambda text: None}, "tokenize gave NoneType for text 0"),
    "a tokenizer of one string": ({"texts": ["a b"], "tokenize": lambda text: text}, "tokenize gave str for text 0"),
    "a tokenizer of an unknown name": ({"texts": ["a b"], "tokenize": "letters"}, "unknown tokenize 'letters'; choose from"),
    "an encode that is an array": ({"texts": ["a b"], "encode": np.zeros(3)}, "encode is ndarray; give a callable"),
    "unknown repeated": ({"texts": ["a b"], "repeated": "all"}, r"unknown repeated 'all'; choose from \['own', 'one'\]"),
    "mask_token None": ({"texts": ["a b"], "mask_token": None}, "mask_token is None; give a string"),
    "a region without a token": ({"texts": ["a b"], "regions": {"r": ["c"]}}, r"region 'r': none of \['c'\] is a token"),
    "an empty region": ({"texts": ["a b"], "regions": {"r": []}}, "region 'r'"),
    "a region of a number": ({"texts": ["a b"], "regions": {"r": 3}}, "region 'r' is 3; give a list of tokens"),
    "regions in a list": ({"texts": ["a b"], "regions": ["a"]}, r"regions is list; give \{name: \[tokens\]\}"),
    "too few labels": ({"texts": ["a b", "c d"], "labels": [1]}, "for 2 probes"),
    "too few names": ({"texts": ["a b", "c d"], "names": ["x"]}, "names has 1 entries for 2"),
}
UNFIT = {
    "ragged lists": (ragged, r"shape \(4,\) for text 1 and \(6,\) for another; pad to one length"),
    "a ragged tensor": (ragged_tensor, "different lengths.*pad to one length"),
    "padded to the longest of a batch": (to_the_longest, r"shape \(\d,\) for text \d and \(6,\) for another; pad"),
    "numbers of a batch": (lambda texts: np.arange(6), "made from text 0; give numbers, one row a text"),
    "strings": (lambda texts: np.array([[text] for text in texts]), "made from text 0; give numbers"),
    "nothing": (lambda texts: None, "for text 0"),
    "an empty dict": (lambda texts: {}, "nothing for text 0"),
    "fractions now and then": (
        lambda texts: ids(texts) if all(texts) and all(t.strip() for t in texts) else ids(texts) / 2,
        "fractions for text 1; give one dtype",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_texts_are_refused_at_construction_with_a_sentence(name: str) -> None:
    arguments, sentence = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=f"(?s)^TextProbes: .*{sentence}") as caught:
        xai.TextProbes(**arguments)
    assert type(caught.value) in (ValueError, TypeError)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", UNFIT)
def test_what_encode_must_not_give_is_refused_before_training(name: str) -> None:
    encode, sentence = UNFIT[name]
    with pytest.raises((ValueError, TypeError), match=f"^TextProbes: encode gave .*{sentence}"):
        Plan(xai.TextProbes([TEXTS[0], "bad film with plot"], [1, 0], encode=encode))
    with pytest.raises((ValueError, TypeError), match=r"^ExplanationLogger: TextProbes: encode gave "):
        xai.ExplanationLogger("unused", xai.TextProbes([TEXTS[0], "bad film with plot"], [1, 0], encode=encode))


def test_a_length_that_changes_later_is_said_with_the_text() -> None:
    probes = xai.TextProbes(TEXTS, [1, 0], encode=at_another_length_now_and_then)
    with pytest.raises(ValueError, match=r"TextProbes: encode gave shape \(5,\) for text 1 and \(6,\) for another; pad"):
        xai.explain(lstm()[0], probes)


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_length_that_changes_in_training_is_a_gap_with_a_sentence_and_no_crash(epoch: int, tmp_path: Path) -> None:
    """Of the same texts: no trial before training could have found it. Once all texts are encoded, nothing can change."""
    changed = []

    def encode(texts: list[str]) -> np.ndarray:
        return ids(texts)[:, : LENGTH - len(changed)]

    keras.utils.set_random_seed(0)
    model, _ = lstm()
    model.compile("sgd", "sparse_categorical_crossentropy")
    logger = xai.ExplanationLogger(tmp_path, xai.TextProbes(TEXTS, [1, 0], encode=encode), untrained=False)
    change = keras.callbacks.LambdaCallback(on_epoch_begin=lambda now, logs: changed.append(1) if now == epoch else None)
    sentence = r"TextProbes: encode gave shape \(5,\) for text \d and \(6,\) for another; pad to one length"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        model.fit(ids(TEXTS), np.array([1, 0]), epochs=2, verbose=0, callbacks=[change, logger])
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1]
    assert list(run.gaps) == ([0, 1] if epoch == 0 else [])
    assert all(re.search(sentence, reason) for reason in run.gaps.values())
    assert any(re.search(sentence, str(warning.message)) for warning in said) == (epoch == 0)


def test_gradients_are_refused_for_texts() -> None:
    for name in ("ig", "grad-cam"):
        with pytest.raises(ValueError, match=f"explainer '{name}' is not for text probes but for image.*; leave it out"):
            Plan(xai.TextProbes(TEXTS), ["shap", name])


# Records and data sets


def test_probes_survive_the_record_unchanged() -> None:
    probes = xai.TextProbes(
        [SENTENCE, "naïve café\n日本語, a\0b"],
        [1, 0],
        encode=counts,
        class_names=["no", "yes"],
        names=["first", "second"],
        mask_token="[MASK]",
        repeated="one",
        regions={"r": ["the", "日本語"]},
    )
    again = xai.TextProbes.from_record(*probes.as_record())
    assert (again.digest, again.parts) == (probes.digest, probes.parts)
    assert again.pieces == probes.pieces
    assert again.inputs.tolist() == probes.inputs.tolist()
    assert (again.names, again.class_names, again.regions) == (probes.names, probes.class_names, probes.regions)
    assert (again.mask_token, again.repeated, again.labels.tolist()) == ("[MASK]", "one", [1, 0])
    assert np.array_equal(again.players, probes.players)
    assert again.player_names(1) == probes.player_names(1) == ["naïve", "café", "日本語", "a", "b"]
    assert again.masked(1, np.zeros(5, bool)) == "[MASK] [MASK]\n[MASK], [MASK] [MASK]"


def test_the_digest_changes_with_what_is_explained_and_not_with_names() -> None:
    least = {"texts": TEXTS, "labels": [1, 0]}
    probes = xai.TextProbes(**least)
    others = [
        {"texts": [TEXTS[0], TEXTS[1] + "."]},
        {"labels": [0, 0]},
        {"labels": None},
        {"tokenize": str.split, "texts": [f"{text}." for text in TEXTS]},
        {"texts": [f"{text}." for text in TEXTS]},
        {"mask_token": "UNK"},
        {"repeated": "one"},
    ]
    assert len({probes.digest, *(xai.TextProbes(**{**least, **other}).digest for other in others)}) == 1 + len(others)
    for same in (
        {"names": ["a", "b"]},
        {"class_names": ["no", "yes"]},
        {"encode": ids},
        {"tokenize": str.split},
        {"regions": {"r": ["bad"]}},
    ):
        assert xai.TextProbes(**{**least, **same}).digest == probes.digest


def test_from_dataset_takes_texts_batched_or_not_as_strings_or_bytes() -> None:
    import tensorflow as tf

    texts, labels = [f"text number {i}" for i in range(12)], [0] * 8 + [1] * 4
    column = tf.data.Dataset.from_tensor_slices(([[text] for text in texts], labels))
    batched = tf.data.Dataset.from_tensor_slices((texts, labels)).batch(5)
    for dataset in ((texts, labels), list(zip(texts, labels, strict=True)), batched, column.batch(3)):
        probes = xai.TextProbes.from_dataset(dataset, 4)
        assert probes.inputs.tolist() == [texts[i] for i in (0, 1, 8, 9)]
        assert probes.labels.tolist() == [0, 0, 1, 1]
    assert xai.TextProbes.from_dataset(iter(texts), 2).inputs.tolist() == texts[:2]


def test_probes_say_in_one_line_what_they_are() -> None:
    assert repr(xai.TextProbes(["a b", "a b c"])) == "TextProbes(2 texts of 2 to 3 tokens)"
    assert repr(xai.TextProbes(["a b", "c d"])) == "TextProbes(2 texts of 2 tokens)"


def test_a_text_of_one_word_does_not_cost_the_others_their_explanation() -> None:
    def model(texts: list[str]) -> np.ndarray:
        return np.array([[text.count("good") - 2.0 * text.count("bad")] for text in texts])

    found = xai.explain(model, xai.TextProbes(["good", "a good and a bad film"]), ["shap", "occlusion", "banzhaf"])
    for name, explanation in found.items():
        assert np.isclose(explanation.values[0, 0, 0], 1, atol=0.05), name
        assert explanation.players.tolist() == [1, 6]
    assert np.allclose(found["shap"].values[1, 0], [0, 1, 0, 0, -2, 0], atol=1e-6)
