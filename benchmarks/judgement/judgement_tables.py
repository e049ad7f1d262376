"""Tables of benchmarks/judgement/judgement.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def table(title: str, what: str, rows: Sequence[Sequence[object]]) -> None:
    """Aligned columns under a title and what they mean."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(f"\n{title}\n{what}")
    for row in cells:
        print("  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]))
    print(end="", flush=True)


def percent(part: np.ndarray | Sequence[bool]) -> str:
    part = np.asarray(part)
    return f"{100 * part.mean():.1f}" if part.size else "-"
