"""Sequences of fits as users write them: which steps are kept, where those of earlier fits are, and what is said.

    python benchmarks/accuracy/sequences_of_fits.py            # a table of all sequences
    python benchmarks/accuracy/sequences_of_fits.py loop kept  # of those whose names have one of these words

The sequences are those of the tests (tests/support/sequences.py). The table can be made of an older version too, whose package comes first on PYTHONPATH.
Sentences are shortened; those of the same kind are counted. The line that says what an explanation costs is left out.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.fspath(Path(__file__).parents[2] / "tests"))

import keras
from support.fits import Notebook, Sequence, steps_kept
from support.sequences import SHOWN

LONGEST = 260


def numbers(steps: list[int]) -> str:
    """[0, 1, 2, 5] as "0 to 2, 5"."""
    spans: list[list[int]] = []
    for step in steps:
        if spans and step == spans[-1][1] + 1:
            spans[-1][1] = step
        else:
            spans.append([step, step])
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in spans) or "none"


def row(name: str, sequence: Sequence) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory(prefix="fits-") as folder:
        return row_of(name, sequence, Path(folder))


def row_of(name: str, sequence: Sequence, folder: Path) -> str:
    notebook = Notebook(folder, patient=True)
    keras.utils.set_random_seed(7)
    try:
        with notebook.listening():
            sequence(notebook)
    except Exception as error:
        notebook.said.append(f"RAISES {type(error).__name__}: {error}")
    notebook.said += [f"FIT RAISES {fit.error}" for fit in notebook.fits if fit.error not in (None, "KeyboardInterrupt")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = steps_kept(notebook.logs)
    main = kept.pop(".", None)
    aside = "; ".join(f"{run}: {numbers(steps)}" for run, steps in kept.items())
    trained = sum(len(fit.losses) for fit in notebook.fits)
    held = len(main or []) + sum(map(len, kept.values()))
    said = Counter(short(sentence, folder) for sentence in notebook.said)
    words = " / ".join(sentence if count == 1 else f"{count} times: {sentence}" for sentence, count in said.items())
    return f"| {name} | {trained} | {held} | {'no record' if main is None else numbers(main)} | {aside or 'none'} | {words or 'nothing'} |"


def short(sentence: str, folder: Path) -> str:
    words = " ".join(sentence.replace(os.fspath(folder) + "/", "").replace("|", "/").removeprefix("ExplanationLogger: ").split())
    words = re.sub(r"\d+ bytes|0x[0-9a-f]+", "…", words)
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def main() -> None:
    logging.getLogger("tb_xai_plugin").propagate = False  # what is said stands in the table
    chosen = {name: sequence for name, sequence in SHOWN.items() if not sys.argv[1:] or any(word in name for word in sys.argv[1:])}
    print(
        "| sequence | epochs trained | epochs kept | in the log_dir | earlier ones, and runs below | what is said |\n|---|--:|--:|---|---|---|"
    )
    for name, sequence in chosen.items():
        print(row(name, sequence), flush=True)


if __name__ == "__main__":
    main()
