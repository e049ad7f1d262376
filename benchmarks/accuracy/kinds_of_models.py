"""The zoo of tests/zoo: for each kind of model what came of the natural call and of the second, and how far the outputs are from the model's own.

python benchmarks/accuracy/kinds_of_models.py [WORD OF A NAME …]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.fspath(Path(__file__).parent.parent.parent / "tests"))

from zoo.test_zoo import KINDS
from zoo.verdict import Verdict, verdict


def row(name: str, found: Verdict) -> str:
    call = "first" if found.first == "right" else "second" if found.right else "none"
    words = "; ".join(sentence for sentence in (found.first, found.second) if sentence not in (None, "right"))
    said = f" says: {' / '.join(found.said)}" if found.said else ""
    bits = "same" if found.same_bits else "OTHER"
    return f"| {name} | {call} | {bits} | {found.difference:.1e} | {found.efficiency:.1e} | {found.seconds:.1f} | {words}{said} |"


def main() -> None:
    print("| kind | right at | training | outputs | sums | s | |\n|---|---|---|---|---|---|---|")
    calls: dict[str, int] = {}
    for kind in KINDS:
        if sys.argv[1:] and not any(word in kind.name for word in sys.argv[1:]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = verdict(kind, Path(folder))
        print(row(kind.name, found).replace("\n", " "), flush=True)
        call = "first" if found.first == "right" else "second" if found.right else "none"
        calls[call] = calls.get(call, 0) + 1
    print(calls)


if __name__ == "__main__":
    main()
