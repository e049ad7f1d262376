"""Batches: any number of rows through a function of one size, which is halved where memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

# What frameworks call it when memory runs out; Python's own is MemoryError.
OUT_OF_MEMORY = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}


class Batches:
    """Runs a function of one batch over any number of rows; where memory runs out it goes on with half the batch, and says so once.

    Args:
        compile_for: batch size -> function of at most so many rows, and further arguments.
        batch: the size to begin with.
    """

    def __init__(self, compile_for: Callable[[int], Callable[..., np.ndarray]], batch: int) -> None:
        self._compile_for, self._batch = compile_for, batch
        self._run: Callable[..., np.ndarray] | None = None
        self._too_much: int | None = None

    def __call__(self, rows: np.ndarray, *arguments: Any) -> np.ndarray:
        answered: list[np.ndarray] = []
        done = 0
        while done < len(rows):
            try:
                self._run = self._run or self._compile_for(self._batch)
                answered.append(self._run(rows[done : done + self._batch], *arguments))
            except Exception as error:
                if self._batch == 1 or not _out_of_memory(error):
                    raise
                self._too_much = self._too_much or self._batch
                self._batch, self._run = -(-self._batch // 2), None
                continue
            done += len(answered[-1])
            if self._too_much:
                logging.getLogger("tb_xai_plugin").warning(
                    "memory ran out with %d evaluations in a batch; going on with %d; the results are the same to rounding. "
                    "Give batch_size=%d to begin with that.",
                    *(self._too_much, self._batch, self._batch),
                )
                self._too_much = None
        return np.concatenate(answered)


def filled(rows: np.ndarray, count: int) -> np.ndarray:
    """The last row again and again, up to `count`: graphs have one size."""
    return rows if len(rows) == count else np.concatenate([rows, np.repeat(rows[-1:], count - len(rows), axis=0)])


def _out_of_memory(error: Exception) -> bool:
    return any(kind.__name__ in OUT_OF_MEMORY for kind in type(error).__mro__) or "RESOURCE_EXHAUSTED" in str(error)
