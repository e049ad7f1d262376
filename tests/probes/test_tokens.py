"""Sentences and paragraphs as players: a list of texts that a person cut by hand is the oracle."""

from __future__ import annotations

import numpy as np
import pytest

import tb_xai_plugin as xai
from tb_xai_plugin.probes.cuts.tokens import paragraphs, sentences

# Each list joined by one space is the text.
BY_HAND = [
    ["One.", "Two!", "Three?"],
    ["It was great!!!", "I loved it...", "Really?!", "Yes."],
    ["See the appendix, e.g. Table 3, for details.", "It has more."],
    ["Dr. Smith met Mrs. Jones at 5 p.m. on Main St. yesterday.", "They talked."],
    ["Prof. Dr. Hans Meier spoke.", "Nobody listened."],
    ["The price rose by 3.5 percent to $1.20 in May.", "It fell again."],
    ["Version 2.0.1 is out.", "Get it at www.example.com today.", "Or don't."],
    ["He works for Acme Inc. in Boston.", "She works for Ajax Ltd.", "They met in 1999.", "She was 20."],
    ["He lives in the U.S.", "The weather is fine."],
    ["The U.S. Army came, i.e. too late.", "J. K. Rowling wrote it, and George W. Bush read it."],
    ["It arrived at 9 a.m.", "We were asleep."],
    ["Take vitamin C.", "Take it daily."],
    ["That was plan B.", "Nobody had a plan C."],
    ['"I see," he said.', '"Do you?"', "She left."],
    ['"Do you?" she asked.', "He nodded."],
    ["\u201cI know.\u201d", "He smiled.", "(So did she.)", "Then it rained."],
    ["I was... well, surprised.", "Then nothing\u2026", "And the end."],
    ["i liked it.", "it was good.", "would watch again!"],
    ["As Fig. 3 and Eq. 4 show (cf. Sec. 2), it works.", "No. 5 is alive.", "No.", "Never."],
    ["Smith et al. report it.", "See pp. 3\u20135 of Vol. 2."],
    ["Apples, pears, etc. were sold.", "Plums, etc.", "Nothing else."],
    ["1. Open the box.", "2. Close it."],
    ["\u00bfQu\u00e9 tal?", "\u00a1Muy bien!", "La Sra. Garc\u00eda vino."],
    ["Das gilt z.B. am 3. Oktober.", "Hr. Meier kommt bzw. geht.", "Ende usw.", "Er kam."],
    ["M. Dupont est l\u00e0.", "Il dit \u00ab bonjour. \u00bb", "Puis il part."],
    ["\u0647\u0644 \u0623\u0646\u062a \u0628\u062e\u064a\u0631\u061f", "\u0646\u0639\u0645.", "\u0634\u0643\u0631\u0627."],
    ["\u06cc\u06c1 \u0627\u0686\u06be\u0627 \u06c1\u06d2\u06d4", "\u0634\u06a9\u0631\u06cc\u06c1\u06d4"],
    ["\u092f\u0939 \u0905\u091a\u094d\u091b\u093e \u0939\u0948\u0964", "\u0927\u0928\u094d\u092f\u0935\u093e\u0926\u0964"],
    [
        "\u0532\u0561\u0580\u0565\u0582\u0589",
        "\u0547\u0576\u0578\u0580\u0570\u0561\u056f\u0561\u056c\u0578\u0582\u0569\u056b\u0582\u0576\u0589",
    ],
    ["Great film \U0001f600!", "Bad sound."],
    ["What a film!", "Yahoo!Finance and a?b=c are no ends.", "He said *stop.*", "It stopped."],
    ["Q1 was bad.", "Q2 was worse.", "2024 will be better."],
    ["This is one sentence without an end"],
    ["He won.", "By far."],
]


@pytest.mark.parametrize("wanted", BY_HAND, ids=lambda wanted: wanted[0][:30])
def test_sentences_are_those_that_a_person_sees(wanted: list[str]) -> None:
    assert sentences(" ".join(wanted)) == wanted
    assert sentences("\n".join(wanted)) == wanted
    assert sentences("  " + "  \t".join(wanted) + " \n") == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002\u6211\u4eec\u53bb\u516c\u56ed\u5427\uff01\u597d\u5417\uff1f",
            ["\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002", "\u6211\u4eec\u53bb\u516c\u56ed\u5427\uff01", "\u597d\u5417\uff1f"],
        ),
        (
            "\u5f7c\u306f\u300c\u884c\u304f\u3002\u300d\u3068\u8a00\u3063\u305f\u3002\u7d42\u308f\u308a\u3002",
            ["\u5f7c\u306f\u300c\u884c\u304f\u3002\u300d", "\u3068\u8a00\u3063\u305f\u3002", "\u7d42\u308f\u308a\u3002"],
        ),
        ("A headline\n\nThe text. It goes on.", ["A headline", "The text.", "It goes on."]),
        ("Wrapped at\neighty columns. And\nso on.", ["Wrapped at\neighty columns.", "And\nso on."]),
        ("Good.<br /><br />Bad<br>Ugly.", ["Good.<br /><br />", "Bad<br>", "Ugly."]),
        ("To do:\n- wash\n- cook\n* eat", ["To do:", "- wash", "- cook", "* eat"]),
        ("One.\n***\nTwo.", ["One.", "***\nTwo."]),
        ("Wow. \U0001f600 Good.", ["Wow.", "\U0001f600 Good."]),
        ("...", []),
        ("", []),
    ],
)
def test_sentences_of_texts_that_are_not_joined_by_spaces(text: str, wanted: list[str]) -> None:
    assert sentences(text) == wanted


@pytest.mark.parametrize("cut", [sentences, paragraphs])
def test_no_word_is_lost_or_doubled_whatever_the_text(cut) -> None:
    rng = np.random.default_rng(0)
    alphabet = [*list("abAB1. .!?\n\n\"'()…。」”,-"), "e.g.", "Dr.", "<br>", "\r\n", "😀", " "]
    for _ in range(2000):
        text = "".join(rng.choice(alphabet, size=rng.integers(1, 40)))
        found = cut(text)
        at = 0
        between = ""
        for piece in found:
            start = text.index(piece, at)
            between += text[at:start]
            at = start + len(piece)
        between += text[at:]
        assert not any(char.isalnum() for char in between), text


TEXT = "The film is good. The plot is bad! Who wrote it?\n\nThe end came late. It was dull.\n\nNo more."


def test_sentences_and_paragraphs_are_players_with_one_word() -> None:
    probes = xai.TextProbes([TEXT, "Only one sentence here", "Two. Sentences."], tokenize="sentences")
    assert probes.player_names(0) == [
        "The film is good.",
        "The plot is bad!",
        "Who wrote it?",
        "The end came late.",
        "It was dull.",
        "No more.",
    ]
    assert probes.player_names(1) == ["Only", "one", "sentence", "here"]  # its words
    assert probes.player_names(2) == ["Two.", "Sentences."]
    paras = xai.TextProbes([TEXT, "First line\nsecond line", "One. Two."], tokenize="paragraphs")
    assert paras.players.tolist() == [3, 2, 2]
    assert paras.player_names(2) == ["One.", "Two."]
    again = xai.TextProbes.from_record(*probes.as_record())
    assert again.parts == probes.parts
    assert again.pieces == probes.pieces
    assert again.given() == probes.given()
    words = xai.TextProbes([TEXT], tokenize="words")
    assert words.digest == xai.TextProbes([TEXT]).digest
    with pytest.raises(ValueError, match=r"unknown tokenize 'lines'; choose from \['words', 'sentences', 'paragraphs'\]"):
        xai.TextProbes([TEXT], tokenize="lines")


def test_shap_of_sentences_is_the_game_of_removing_them() -> None:
    from support.games import shapley_by_enumeration

    probes = xai.TextProbes([TEXT, "Good. Bad."], tokenize="sentences")

    def model(texts: list[str]) -> np.ndarray:
        return np.array([[text.count("good") * text.count("dull") + 0.1 * text.count("e"), text.count("?")] for text in texts], float)

    shap = xai.explain(model, probes, "shap", output="raw", classes=[0])["shap"]
    parts = probes.player_names(0)

    def game(coalitions: np.ndarray) -> np.ndarray:
        gaps = [" ", " ", "\n\n", " ", "\n\n", ""]
        texts = ["".join((part if there else "") + gap for part, gap, there in zip(parts, gaps, c, strict=True)) for c in coalitions]
        return model(texts)[:, 0]

    np.testing.assert_allclose(shap.values[0, 0, :6], shapley_by_enumeration(game, 6), atol=1e-6)


def review(words: int, different: int = 400) -> str:
    rng = np.random.default_rng(words)
    drawn = [f"w{i}" for i in rng.integers(0, different, words)]
    return " ".join(word + "." * (i % 12 == 11) for i, word in enumerate(drawn))


def test_texts_of_several_hundred_words_are_explained_and_their_record_is_whole() -> None:
    from tb_xai_plugin.games.coalitions import MOST_PLAYERS
    from tb_xai_plugin.probes.text import MOST_TOKENS

    assert MOST_TOKENS == MOST_PLAYERS
    probes = xai.TextProbes(["short one", review(360), review(999, 10**6)])
    assert probes.players.tolist() == [2, 360, 999]
    again = xai.TextProbes.from_record(*probes.as_record())
    assert (again.parts, again.pieces) == (probes.parts, probes.pieces)
    shap = xai.explain(
        lambda texts: np.array([[text.count("w1"), 0.0] for text in texts]),
        xai.TextProbes([review(360), "w1 w2"]),
        output="raw",
        classes=[0],
    )["shap"]
    own = np.array([float("w1" in name) for name in shap.player_names[0]])
    np.testing.assert_allclose(shap.values[0, 0, :360], own, atol=1e-3)


def test_above_the_limit_the_sentence_names_the_text_and_the_ways_with_their_numbers_of_players() -> None:
    with pytest.raises(
        ValueError,
        match=r"^TextProbes: text 1 has 1200 tokens, and at most 1000 can be explained; give tokenize='sentences', by which it has 100, or repeated='one', by which it has 3\d\d\.$",
    ):
        xai.TextProbes(["short one", review(1200)])
    assert xai.TextProbes([review(1200)], tokenize="sentences").players.tolist() == [100]
    assert xai.TextProbes([review(1200)], repeated="one").players[0] < 400
    long = review(6000)
    with pytest.raises(
        ValueError, match=r"6000 tokens \(\d+ different ones\), and at most 5000 .* give tokenize='sentences', by which it has 500\.$"
    ):
        xai.TextProbes([long], repeated="one")
    without = " ".join(f"w{i}" for i in range(1200))
    with pytest.raises(ValueError, match="give a shorter text"):
        xai.TextProbes([without])
    with pytest.raises(ValueError, match="give tokenize='paragraphs', by which it has 20"):
        xai.TextProbes(["\n\n".join(review(60 * 13) for _ in range(20))], tokenize="sentences")
