"""Tokens of a text: its words, its sentences, or its paragraphs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

# Zero-width non-joiner and joiner: they occur within words of Persian and Indian scripts, and between the parts of one emoji.
JOINERS = "\u200c\u200d"

# What ends a sentence where a space follows it, and what ends one in any case: full stops and marks of scripts that need no space after them.
ENDS = ".!?\u2026\u203d\u2047\u2048\u2049"
ENDS_ALONE = "\u3002\uff01\uff1f\uff61\uff0e\u061f\u06d4\u0964\u0965\u0589\u1362\u1367\u17d4\u104b\u1803"
CLOSING = "\"')]}*_\u201d\u2019\u00bb\u203a\u300d\u300f\uff09\u3011\u300b\u3009\uff02"
OPENING = "\"'([{*_\u201c\u2018\u201e\u00ab\u2039\u300c\u300e\uff08\u3010\u300a\u3008\u00bf\u00a1"

# Words that a full stop shortens. The first go on in any case, the second where a number follows, the third unless a word follows that begins sentences.
_GO_ON = (
    "dr mr mrs ms mx prof st mt rev gen sen rep gov capt lt col sgt maj cmdr hon pres supt messrs vs cf ca approx viz e.g i.e eg ie et z.b d.h u.a bzw "
    "ggf evtl inkl zzgl hr fr dipl ing p.ex p.ej sra srta mme mlle ud uds dott sig dept est min max avg incl excl resp"
)
_BEFORE_NUMBERS = (
    "no nos nr fig figs eq eqs sec secs ch chap vol vols p pp art par tab ex jan feb mar apr jun jul aug sep sept oct nov dec tel ver v"
)
_MAY_END = "etc inc ltd co corp bros jr sr esq al a.m p.m am pm ph.d m.d b.a m.a b.sc m.sc u.s u.k u.n u.s.a e.u d.c usw usf ave blvd rd b.c a.d c.e b.c.e"
_STARTERS = (
    "he she it they we i you the a an this that these those there here his her its their our my your in on at by for from with as if when while "
    "although because since after before but and so or then however what who where why how no yes not one some many most all both each every another "
    "such now today later once even just only er sie es wir ihr der die das ein eine il elle ils elles le la les un une el los las"
)
GO_ON, BEFORE_NUMBERS, MAY_END, STARTERS = (frozenset(listed.split()) for listed in (_GO_ON, _BEFORE_NUMBERS, _MAY_END, _STARTERS))
MONTHS = ("Januar", "Februar", "M\u00e4rz", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember")

# A blank line, or a line break of HTML; and the beginning of an item of a list.
BREAK = re.compile(r"\s*(?:<br\s*/?>\s*)+|[^\S\n]*\n[^\S\n]*\n\s*|\s*[\u2028\u2029]\s*", re.IGNORECASE)
ITEM = re.compile(r"\n\s*(?=(?:[-*\u2022\u2023\u25e6\u2013\u2014]|\d{1,3}[.)])\s)")


def words(text: str) -> list[str]:
    """The words and emoji of a text, in its order."""
    tokens: list[str] = []
    kind = ""  # of the token that the previous character belongs to: "word", "emoji" or ""
    joined = False  # the previous character is a zero-width joiner
    for char in text:
        if char.isalnum() or char == "_":
            continues, new_kind = kind == "word", "word"
        elif _is_modifier(char):
            continues, new_kind = bool(kind), kind
        elif is_symbol(char):
            continues, new_kind = kind == "emoji" and (joined or _is_half_of_a_flag(char, tokens[-1])), "emoji"
        else:
            continues, new_kind = False, ""
        if continues:
            tokens[-1] += char
        elif new_kind:
            tokens.append(char)
        kind, joined = new_kind, char == JOINERS[1]
    return tokens


def _is_modifier(char: str) -> bool:
    """Whether a character belongs to the one before it: accents and vowel signs, variation selectors, joiners, and skin tones."""
    return char in JOINERS or "\U0001f3fb" <= char <= "\U0001f3ff" or unicodedata.category(char).startswith("M")


def is_symbol(char: str) -> bool:
    """Whether a character is an emoji or another pictograph; mathematical and currency signs are not."""
    return unicodedata.category(char) == "So"


def _is_half_of_a_flag(char: str, before: str) -> bool:
    """Whether a character completes the flag that the token before it begins."""
    return len(before) == 1 and all("\U0001f1e6" <= half <= "\U0001f1ff" for half in (char, before))


def sentences(text: str) -> list[str]:
    """The sentences of a text, in its order, each with the marks that end it."""
    found = []
    for block in _blocks(text):
        start = 0
        for at in _ends(block):
            found.append(block[start:at])
            start = at
        found.append(block[start:])
    return _readable(found)


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text: what blank lines part; without blank lines, its lines."""
    found = _readable(_cut(text, BREAK))
    return found if len(found) > 1 else _readable(text.splitlines())


def finest(text: str, *ways: Callable[[str], list[str]]) -> list[str]:
    """The tokens of the first way that finds at least two; else those of the last."""
    tokens: list[str] = []
    for way in ways:
        tokens = way(text)
        if len(tokens) > 1:
            break
    return tokens


# A text of one paragraph has its sentences as players, and one of a single sentence its words.
TOKENIZERS: Mapping[str, Callable[[str], list[str]]] = {
    "words": words,
    "sentences": lambda text: finest(text, sentences, words),
    "paragraphs": lambda text: finest(text, paragraphs, sentences, words),
}


def _cut(text: str, between: re.Pattern[str]) -> list[str]:
    """The parts of a text, each with what parts it from the next."""
    ends = [match.end() for match in between.finditer(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def _blocks(text: str) -> list[str]:
    return [item for part in _cut(text, BREAK) for item in _cut(part, ITEM)]


def _readable(parts: list[str]) -> list[str]:
    """Parts with a word or an emoji, without the space around them."""
    return [part.strip() for part in parts if any(char.isalnum() or is_symbol(char) for char in part)]


def _ends(text: str) -> list[int]:
    """Where sentences end inside a text, after the marks, quotes and brackets that close them."""
    ends, start, at = [], 0, 0
    while at < len(text):
        if text[at] not in ENDS and text[at] not in ENDS_ALONE:
            at += 1
            continue
        marks = at
        while at < len(text) and (text[at] in ENDS or text[at] in ENDS_ALONE):
            at += 1
        closed = at
        while closed < len(text) and text[closed] in CLOSING:
            closed += 1
        if text[closed : closed + 2].strip() == "\u00bb":  # French has a space before it
            closed += 2
        alone = any(mark in ENDS_ALONE for mark in text[marks:at])
        follows = text[closed:].lstrip(" \t\n\r\u00a0\u3000" + OPENING)
        if not follows:
            break
        spaced = text[closed].isspace() if closed < len(text) else True
        if alone or (spaced and _is_end(text[start:marks], text[marks:at], closed > at, follows)):
            ends.append(closed)
            start = closed
        at = closed
    return ends


def _is_end(before: str, marks: str, closed: bool, follows: str) -> bool:
    """Whether marks end a sentence. before: the sentence up to them; closed: a quote or bracket comes after them; follows: what comes next."""
    goes_on = follows[0].islower()
    if marks != ".":
        ellipsis = set(marks) <= set(".\u2026")
        return not (goes_on and (closed or ellipsis))
    if goes_on and closed:
        return False
    word = re.search(r"[^\s(\[\"'\u201c\u2018/\u2013\u2014-]*$", before)
    shortened = word.group().lower() if word else ""
    earlier = before[: len(before) - len(shortened)].split()
    numbered = not earlier and re.fullmatch(r"[\W_]*(?:\d{1,3}|[a-z]|[ivx]{1,4})", before.strip(), re.IGNORECASE)
    if shortened in GO_ON or numbered or (shortened in BEFORE_NUMBERS and follows[0].isdigit()):
        return False
    if re.fullmatch(r"\d{1,2}", shortened) and follows.startswith(tuple(MONTHS)):
        return False
    next_word = re.split(r"[\W\d_]", follows, maxsplit=1)[0]
    starts = next_word.lower() in STARTERS and not goes_on
    if shortened in MAY_END or ("." in shortened.strip(".") and re.fullmatch(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,3}", shortened)):
        return starts or (shortened == "etc" and follows[0].isupper())
    if len(shortened) == 1 and shortened.isalpha() and before.endswith(shortened.upper()):  # an initial, as in George W. Bush
        return starts or not (earlier and earlier[-1][0].isupper())
    return True
