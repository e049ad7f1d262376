"""Texts as probes: their tokens are the players, and absent tokens are removed or replaced."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tb_xai_plugin.probes import checks, naming
from tb_xai_plugin.probes.arguments import Labels, Names, SideInputs
from tb_xai_plugin.probes.contract import ProbeSet
from tb_xai_plugin.probes.cuts.tokens import TOKENIZERS, is_symbol, words
from tb_xai_plugin.probes.hashes import hash_of

WHO = "TextProbes"

# As players of one text: `games.coalitions` draws no designs for more.
MOST_TOKENS = 1000
REPEATED = ("own", "one")

# Most occurrences of tokens in one text, where repeated tokens are one player: every masked text is assembled from all occurrences.
MOST_OCCURRENCES = 5000

# A piece of a text and its player. A piece BETWEEN tokens, such as a space, has no player and is always present.
Piece = tuple[str, int]
BETWEEN = -1


class TextProbes(ProbeSet):
    """Texts to explain. Their tokens are the players.

    Args:
        texts: list of n str.
        labels: true classes, as (n,) int, (n,) names from `class_names`, or (n, classes) one-hot; sets of labels, as (n, classes) 0 and 1; or the
            true values of a regression, (n,) or (n, outputs). The model decides how they are read. Default: no labels.
        encode: callable, list of k str -> what the model takes: an array (k, …) whose width does not depend on the texts, or a dict or tuple of
            such arrays. Default: the model takes strings itself (a TextVectorization layer, a scikit-learn pipeline).
        class_names: list of str, one name per class.
        names: list of str, one name per probe.
        tokenize: "words" | "sentences" | "paragraphs" | callable, str -> list of str, pieces of the text in its order. Default: words (letters, digits
            and underscores as in `lime`, but with accents and vowel signs, at which `lime` cuts words apart) and emoji. A text of one paragraph
            is cut into sentences, and one of a single sentence into words. Everything outside tokens, such as spaces and punctuation between
            words, is always present. Scripts without spaces between words need "sentences" or a tokenizer of their own.
        mask_token: str that replaces an absent token. Default "": the token is removed and later tokens move up. Where the model reads only part of
            a text, tokens that it never reads then move into its view, and a warning says so. A token that the model knows keeps all others in place.
        repeated: "own" (every occurrence of a word is a player) | "one" (all occurrences are one player, as by default in `lime`).
        regions: sets of tokens to watch, {name: [tokens]}.
        unit: the unit of a regression's outputs, e.g. "€/m²", for people: it stands beside outputs, true values and attributions. One for all outputs. It is
            no part of the digest, and a classifier refuses it.
        side_inputs: the other inputs of a model with several inputs, one row per probe: {name as in the model: (n, …)}, or a list in the model's order;
            None in it marks the place of the probes themselves (default: the first). Each probe keeps its own in all its masked inputs.
        model_input: callable that turns a batch of encoded texts into what a model with several inputs or dict inputs takes.

    Attributes:
        pieces: for each probe [(piece of the text, player or BETWEEN), …]; joined, the pieces are the text.

    Raises:
        ValueError: an option does not fit the texts; the message says what to give instead.
        TypeError: an option has the wrong type.
    """

    kind = "text"
    regions: dict[str, list[str]]

    def __init__(
        self,
        texts: Iterable[str | bytes],
        labels: Labels | None = None,
        *,
        encode: Callable[[list[str]], Any] | None = None,
        class_names: Names | None = None,
        names: Names | None = None,
        tokenize: str | Callable[[str], Iterable[str]] | None = None,
        mask_token: str = "",
        repeated: str = "own",
        regions: Mapping[str, Iterable[str]] | None = None,
        unit: str | None = None,
        side_inputs: SideInputs | None = None,
        model_input: Callable[..., Any] | None = None,
    ) -> None:
        if repeated not in REPEATED:
            raise ValueError(f"{WHO}: unknown repeated {repeated!r}; choose from {list(REPEATED)}.")
        if not isinstance(mask_token, str):
            raise TypeError(f"{WHO}: mask_token is {mask_token!r}; give a string, '' to remove absent tokens.")
        self._given = _strings(texts)
        # A record separates the pieces of a text by this character.
        strings = [text.replace("\0", " ") for text in self._given]
        self.inputs = np.array(strings, dtype=object)
        self.class_names = checks.names_of(WHO, class_names, "class_names", None)
        self.names = checks.names_of(WHO, names, "names", len(strings))
        self._keep_labels(WHO, labels, len(strings))
        split = _tokenizer(tokenize)
        self.pieces = [_pieces(text, split(text), probe, repeated) for probe, text in enumerate(strings)]
        self._warn_of_symbols_without_token()
        self.players = np.array([1 + max(player for _, player in pieces) for pieces in self.pieces], dtype=np.int64)
        self.mask_token, self.repeated = mask_token, repeated
        given = checks.mapping(WHO, "regions", regions, "{name: [tokens]}")
        self.regions = {str(name): self._tokens(name, tokens) for name, tokens in given.items()}
        self.encode = checks.optional_callable(WHO, "encode", encode, "maps a list of texts to what the model takes")
        self.model_input = checks.optional_callable(WHO, "model_input", model_input, "maps a batch of encoded texts")
        self.unit = checks.unit_of(WHO, unit)
        self._keep_sides(WHO, side_inputs)
        self._freeze()

    def __repr__(self) -> str:
        few, many = self.players.min(), self.players.max()
        return f"TextProbes({len(self)} texts of {few if few == many else f'{few} to {many}'} tokens{self._in_unit})"

    @property
    def parts(self) -> dict[str, str]:
        spelled = [f"{player}:{piece}" for pieces in self.pieces for piece, player in [*pieces, ("", BETWEEN)]]
        return {
            "inputs": hash_of(*self.inputs.tolist()),
            **self._label_parts,
            "players": hash_of(*spelled),
            "baseline": hash_of(self.mask_token),
            **self._side_parts,
        }

    @classmethod
    def from_dataset(cls, dataset: Iterable[Any], n: int = 16, **options: Any) -> TextProbes:
        """Take the first n texts of a dataset, balanced over classes.

        Args:
            dataset: (text, y), batched or not; see `ImageProbes.from_dataset`.
            n: number of probes.
            options: further arguments of TextProbes.
        """
        from tb_xai_plugin.probes.sampling import take_balanced

        class_names = checks.names_of(WHO, options.get("class_names"), "class_names", None)
        texts, labels = take_balanced(WHO, dataset, n, class_names, axes=0, regression=options.get("unit") is not None)
        return cls([text.decode() if isinstance(text, bytes) else str(text) for text in texts.ravel().tolist()], labels, **options)

    def given(self) -> list[str]:
        return list(self.inputs.tolist() if self._given is None else self._given)

    def masked(self, probe: int, coalition: np.ndarray) -> str:
        """The text with the tokens of a coalition, bool (players,); everything between tokens stays."""
        return "".join(piece if player == BETWEEN or coalition[player] else self.mask_token for piece, player in self.pieces[probe])

    def tokens(self, probe: int) -> list[str]:
        """All tokens of a text, in its order."""
        return [piece for piece, player in self.pieces[probe] if player != BETWEEN]

    def part(self, probe: int, start: int, stop: int) -> str:
        """The tokens [start, stop) of a text, and everything between them."""
        pieces = self.pieces[probe]
        places = [place for place, (_, player) in enumerate(pieces) if player != BETWEEN][start:stop]
        return "".join(piece for piece, _ in pieces[places[0] : places[-1] + 1])

    def player_names(self, probe: int) -> list[str]:
        names: dict[int, str] = {}
        for piece, player in self.pieces[probe]:
            names.setdefault(player, piece)
        return [names[player] for player in range(int(self.players[probe]))]

    def player_values(self, probe: int) -> list[Any]:
        return list(self.player_names(probe))

    def first_words(self, probe: int) -> str:
        return naming.first_words("".join(piece for piece, _ in self.pieces[probe]))

    def inside(self, probe: int, tokens: Iterable[str]) -> np.ndarray:
        """float64 (players of the probe,): 1 for players whose name is among `tokens`, or who are sentences with such a word, ignoring case, else 0."""
        wanted = {token.casefold() for token in tokens}

        def is_inside(name: str) -> bool:
            parts = words(name.casefold()) if " " in name else []
            return name.casefold() in wanted or (len(parts) > 1 and not wanted.isdisjoint(parts))

        return np.array([float(is_inside(name)) for name in self.player_names(probe)])

    def as_record(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        names = {**self._common_record(), "mask_token": self.mask_token, "repeated": self.repeated, "regions_of": self.regions}
        most = int(self.players.max())
        written = [np.frombuffer("\0".join(piece for piece, _ in pieces).encode(), dtype=np.uint8) for pieces in self.pieces]
        arrays = {
            "text": _ragged(written, 0, np.uint8),
            "length": np.array([len(text) for text in written], dtype=np.int32),
            "player": _ragged([np.array([player for _, player in pieces]) for pieces in self.pieces], BETWEEN, np.int16),
            "pieces": np.array([len(pieces) for pieces in self.pieces], dtype=np.int32),
        }
        if self.regions:
            membership = np.zeros((len(self), len(self.regions), most))
            for probe in range(len(self)):
                for place, tokens in enumerate(self.regions.values()):
                    membership[probe, place, : self.players[probe]] = self.inside(probe, tokens)
            arrays["membership"] = membership
        return names, arrays

    @classmethod
    def from_record(cls, names: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TextProbes:
        probes = cls.__new__(cls)
        probes.pieces = pieces_of(arrays)
        probes.inputs = np.array(["".join(piece for piece, _ in pieces) for pieces in probes.pieces], dtype=object)
        probes.players = np.array([1 + max(player for _, player in pieces) for pieces in probes.pieces], dtype=np.int64)
        probes.class_names, probes.names = names["class_names"], names["names"]
        probes._keep_labels(WHO, cls._labels_in(names), len(probes.inputs))
        probes.mask_token, probes.repeated, probes.regions = names["mask_token"], names["repeated"], names["regions_of"]
        probes.encode = probes.model_input = None
        return probes

    def _tokens(self, name: str, given: object) -> list[str]:
        if not isinstance(given, Iterable):
            raise TypeError(f"{WHO}: region {name!r} is {given!r}; give a list of tokens.")
        tokens = [given] if isinstance(given, str) else [str(token) for token in given]
        unknown = self.unknown_tokens(tokens)
        if len(unknown) == len(tokens):
            raise ValueError(f"{WHO}: region {name!r}: none of {tokens[:5]} is a token of any text; give tokens as they are in the texts.")
        if unknown:
            warnings.warn(f"{WHO}: region {name!r}: {unknown_words(unknown)}", stacklevel=5)
        return tokens

    def unknown_tokens(self, tokens: Iterable[str]) -> list[str]:
        """Those of some tokens that no text has."""
        return [token for token in tokens if not any(self.inside(probe, [token]).any() for probe in range(len(self)))]

    def _warn_of_symbols_without_token(self) -> None:
        """Warn of emoji that a tokenizer leaves out: models read them, but they never get an attribution."""
        symbols = {
            probe: "".join(char for piece, player in pieces if player == BETWEEN for char in piece if is_symbol(char))
            for probe, pieces in enumerate(self.pieces)
        }
        texts = [probe for probe, missed in symbols.items() if missed]
        if texts:
            warnings.warn(
                f"{WHO}: tokenize leaves {symbols[texts[0]][:20]!r} of text {texts[0]}{f' and symbols of {len(texts) - 1} more' if texts[1:] else ''} in no "
                "token, so they are always present and have no attribution; let tokenize return them too.",
                stacklevel=3,
            )


def unknown_words(tokens: Sequence[str]) -> str:
    """The sentence of a warning about tokens that no text has."""
    named = ", ".join(repr(token[:40]) for token in tokens[:5]) + (f" and {len(tokens) - 5} more" if len(tokens) > 5 else "")
    return f"no text has the token{'s' if len(tokens) > 1 else ''} {named}; give tokens as they are in the texts, or leave them out."


def _is_lost(between: str) -> bool:
    """Whether text outside tokens has letters, digits, or the accent of a letter inside a token."""
    return any(char.isalnum() or char == "_" or (unicodedata.category(char).startswith("M") and char != "\ufe0f") for char in between)


def pieces_of(arrays: Mapping[str, np.ndarray]) -> list[list[Piece]]:
    """The pieces of each text, from the arrays of a record."""
    texts = []
    for written, length, player, count in zip(arrays["text"], arrays["length"], arrays["player"], arrays["pieces"], strict=True):
        texts.append(list(zip(written[:length].tobytes().decode().split("\0"), player[:count].tolist(), strict=True)))
    return texts


def _strings(texts: object) -> list[str]:
    if isinstance(texts, str):
        raise TypeError(f"{WHO}: texts is one string; give a list of texts.")
    given = texts.tolist() if hasattr(texts, "tolist") else texts
    if not isinstance(given, Iterable):
        raise TypeError(f"{WHO}: texts is {type(texts).__name__}; give a list of texts.")
    strings = [_decoded(text, probe) for probe, text in enumerate(given)]
    if not strings:
        raise ValueError(f"{WHO}: texts is empty; give at least one text, 16 is a good number.")
    return strings


def _decoded(text: object, probe: int) -> str:
    """A text as a string, decoded from bytes where necessary; it must be possible to write it as UTF-8 again."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        if isinstance(text, str):
            text.encode()
    except UnicodeError as error:
        raise ValueError(f"{WHO}: text {probe} is not Unicode ({error}); decode it first, e.g. with errors='replace'.") from error
    if not isinstance(text, str):
        raise TypeError(f"{WHO}: text {probe} is {type(text).__name__}; give strings, and encode= to turn them into what the model takes.")
    if not text.strip():
        raise ValueError(f"{WHO}: text {probe} is empty; give texts with at least 2 tokens.")
    return text


def _tokenizer(given: str | Callable[[str], Iterable[str]] | None) -> Callable[[str], Iterable[str]]:
    if isinstance(given, str):
        if given not in TOKENIZERS:
            raise ValueError(
                f"{WHO}: unknown tokenize {given!r}; choose from {list(TOKENIZERS)}, or give a callable that maps a text to its tokens."
            )
        return TOKENIZERS[given]
    return checks.optional_callable(WHO, "tokenize", given, "maps a text to its tokens") or TOKENIZERS["words"]


def _too_long(text: str, probe: int, players: int, tokens: int) -> str:
    """The sentence that says how a text of too many tokens can be explained."""
    pieces = {how: len(TOKENIZERS[how](text)) for how in ("sentences", "paragraphs")}
    ways = [f"tokenize={how!r}, by which it has {count}" for how, count in pieces.items() if 1 < count <= MOST_TOKENS][:1]
    different = len(set(TOKENIZERS["words"](text)))
    if players == tokens <= MOST_OCCURRENCES and 1 < different <= MOST_TOKENS:
        ways.append(f"repeated='one', by which it has {different}")
    what = f"{tokens} tokens" if players == tokens else f"{tokens} tokens ({players} different ones)"
    most = MOST_TOKENS if players > MOST_TOKENS else MOST_OCCURRENCES
    return f"{WHO}: text {probe} has {what}, and at most {most} can be explained; give {', or '.join(ways) or 'a shorter text, or tokenize= with larger pieces'}."


def _pieces(text: str, tokens: object, probe: int, repeated: str) -> list[Piece]:
    """Cut a text into its tokens and the pieces between them."""
    given = None if isinstance(tokens, str) or not isinstance(tokens, Iterable) else list(tokens)
    if given is None or not all(isinstance(token, str) for token in given):
        what = type(tokens).__name__ if given is None else f"a list with {next(token for token in given if not isinstance(token, str))!r}"
        raise TypeError(f"{WHO}: tokenize gave {what} for text {probe}; it must return a list of str.")
    tokens = [token for token in given if token]
    pieces: list[Piece] = []
    known: dict[str, int] = {}
    at = players = 0
    for token in tokens:
        start = text.find(token, at)
        between = text[at:start]
        if start < 0 or _is_lost(between):
            spelled = text.casefold().find(token.casefold(), at)
            if start >= 0:
                where = f"{between.strip()[:40]!r} is in no token"
            elif spelled >= 0:
                where = f"{token!r} is not in the text, which has {text[spelled : spelled + len(token)]!r}"
            else:
                where = f"{token!r} does not come after {text[max(0, at - 20) : at]!r}"
            raise ValueError(f"{WHO}: tokenize loses characters of text {probe}: {where}; it must return pieces of the text, in its order.")
        if between:
            pieces.append((between, BETWEEN))
        player = known.get(token) if repeated == "one" else None
        if player is None:
            player, players = players, players + 1
            known[token] = player
        pieces.append((token, player))
        at = start + len(token)
    if _is_lost(text[at:]):
        raise ValueError(
            f"{WHO}: tokenize loses characters of text {probe}: {text[at:].strip()[:40]!r} is in no token; it must return pieces of the text, in its order."
        )
    if at < len(text):
        pieces.append((text[at:], BETWEEN))
    if players == 0 or (players == 1 and not text.isascii()):
        raise ValueError(
            f"{WHO}: text {probe} has {'one token' if players else 'no token'}, {text[:40]!r}; give texts with tokens, and tokenize= "
            "for scripts without spaces between words."
        )
    if players > MOST_TOKENS or len(tokens) > MOST_OCCURRENCES:
        raise ValueError(_too_long(text, probe, players, len(tokens)))
    return pieces


def _ragged(rows: Sequence[np.ndarray], fill: int, dtype: type[np.generic]) -> np.ndarray:
    """Rows of different lengths as one array (n, longest), filled up with `fill`."""
    table = np.full((len(rows), max(1, *(len(row) for row in rows))), fill, dtype=dtype)
    for into, row in zip(table, rows, strict=True):
        into[: len(row)] = row
    return table
