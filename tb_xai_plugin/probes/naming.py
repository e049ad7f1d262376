"""What a probe is called: its number, its label, and its name or the first words of its text. frontend/words/probes.js has the same rule."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Of a text, whole words up to so many characters. Of a label or a name, so many characters.
MOST_OF_TEXT = 24
MOST_OF_NAME = 60

# Of a set of labels, so many are named.
MOST_LABELS = 3

# The white space that the page's rule knows too: that of Python and that of JavaScript differ.
SPACE = re.compile("[ \t\n\r\f\v\u00a0\u2028\u2029\u3000]+")


def first_words(text: str) -> str:
    """The first words of a text, e.g. "A film that…"; without the ellipsis where nothing is left out."""
    words = [word for word in SPACE.split(text) if word]
    said = ""
    for word in words:
        longer = f"{said} {word}".lstrip()
        if len(longer) > MOST_OF_TEXT:
            return f"{said or word[:MOST_OF_TEXT]}…"
        said = longer
    return said


def cut(name: str) -> str:
    """A name without its middle where it is long."""
    if len(name) <= MOST_OF_NAME:
        return name
    end = MOST_OF_NAME // 2
    return f"{name[: MOST_OF_NAME - 1 - end]}…{name[-end:]}"


def probe_name(number: int, labels: Sequence[str] | None, name: str | None, words: str | None = None) -> str:
    """E.g. 'probe 12 “7”', 'probe 5 “survived” (Miss Bonnell)', 'probe 3 “negative” (“A film that…”)', 'probe 3 “A film that…”'.

    labels: names of the true classes, empty where none is true; None where probes have no labels. words: the first words of a text.
    """
    said = f"probe {number}"
    if labels is not None:
        more = f" +{len(labels) - MOST_LABELS}" if len(labels) > MOST_LABELS else ""
        said += f" “{', '.join(map(cut, labels[:MOST_LABELS]))}”{more}" if labels else " no label"
    if name:
        return f"{said} ({cut(name)})"
    if words:
        return f"{said} “{words}”" if labels is None else f"{said} (“{words}”)"
    return said


def name_in(record: Mapping[str, Any], number: int, words: str | None = None) -> str:
    """`probe_name` of the part "probes" of a record."""
    truths = record.get("label_sets") or record.get("labels")
    labels, class_names = None, record.get("class_names")
    if truths is not None:
        own = truths[number] if isinstance(truths[number], Sequence) else [truths[number]]
        labels = [class_names[one] if class_names and one < len(class_names) else str(one) for one in own]
    return probe_name(number, labels, record["names"][number] if record.get("names") else None, words)
