"""What users do that once went wrong, each case as a user would do it: right, refused with which sentence, or wrong by how much.

    python benchmarks/accuracy/cases_training.py            # a table: case | before | now
    python benchmarks/accuracy/cases_training.py --before   # the outcomes as they are now, to be stored in cases_before.py

Cases are numbered as they were reported; those with letters (cases_own.py) are further ones of the same kinds, made before the code that
mends them. A case has several attempts: the natural call first, then the one that the documentation names.
"""

from __future__ import annotations

import os
import pprint
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.fspath(Path(__file__).parent))

import cases_keras as models
import cases_reported as reported
import keras
from case_tools import Attempt, outcome
from cases_own import OWN

try:
    from cases_before import BEFORE
except ImportError:
    BEFORE = {}

CASES = {
    "1 column types": reported.column_types,
    "2 side inputs": reported.side_inputs,
    "3 stateful layers": reported.stateful,
    "4 word ids": reported.word_ids,
    "5 class names": reported.class_names,
    "6 missing as signal": reported.missing,
    "7 many outputs": reported.many_outputs,
    "9 the probes' own array": reported.own_array,
    "14 two heads": reported.two_heads,
    "15 shapes of outputs": reported.shapes_of_outputs,
    "16 a GAN": reported.gan,
    "17 multi-label": reported.multi_label,
    "18 whole regression targets": reported.regression_targets,
    "19 reconstruction error": reported.autoencoder,
    "20 a long text": reported.long_text,
    "21 sorted classes": reported.balanced,
    "23 a wrapper without call": models.without_call,
    "24 the head": models.head_guessed,
    "25 named inputs": models.named_inputs,
    "26 batch and chance": models.depends,
    "27 a counter": models.counter,
    "28 augmentation": models.augmentation,
    "29 lists": models.lists,
    "30 when it is refused": models.when_refused,
    "31 fractions": models.fractions,
    **OWN,
}


def outcomes(case: str) -> Iterator[tuple[str, str]]:
    """(attempt, what came of it) of one case."""
    attempts: dict[str, Attempt] = CASES[case]()
    for name, attempt in attempts.items():
        keras.utils.set_random_seed(0)
        yield name, outcome(attempt)


def main() -> None:
    chosen = [argument for argument in sys.argv[1:] if not argument.startswith("-")] or list(CASES)
    if "--before" in sys.argv:
        now = {case: dict(outcomes(case)) for case in chosen}
        print(f'"""What came of each case before it was mended."""\n\nBEFORE = {pprint.pformat(now, width=200, sort_dicts=False)}')
        return
    print("| case | attempt | before | now |\n|---|---|---|---|")
    for case in chosen:
        for name, came in outcomes(case):
            print(f"| {case} | {name} | {BEFORE.get(case, {}).get(name, '')} | {came} |", flush=True)


if __name__ == "__main__":
    main()
