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
        compile_for: batch size -> function of what `place` gives, and further arguments; it may answer for the rows that fill up, too.
        batch: the size to begin with.
        a_call: how many batches the function takes at once.
        place: (rows, batch size) -> rows where the function wants them.
    """

    def __init__(
        self,
        compile_for: Callable[[int], Callable[..., np.ndarray]],
        batch: int,
        a_call: int = 1,
        place: Callable[[np.ndarray, int], Any] = lambda rows, batch: rows,
    ) -> None:
        self._compile_for, self._batch, self._a_call, self._place = compile_for, batch, a_call, place
        self._run: Callable[..., np.ndarray] | None = None
        self._too_much: int | None = None

    def __call__(self, rows: np.ndarray, *arguments: Any) -> np.ndarray:
        return self.again(lambda: rows)(*arguments)

    def again(self, make: Callable[[], np.ndarray]) -> Callable[..., np.ndarray]:
        """Ask for the same rows again and again: they are made and placed once, unless the size of a batch changes."""
        placed: list[tuple[int, Any]] = []
        size = 0

        def ask(*arguments: Any) -> np.ndarray:
            nonlocal placed, size
            while True:
                try:
                    self._run = self._run or self._compile_for(self._batch)
                    if size != self._batch:
                        placed, size = self._placed(make()), self._batch
                    answered = [self._run(piece, *arguments)[:count] for count, piece in placed]
                except Exception as error:
                    self._halve(error)
                    continue
                self._say()
                return np.concatenate(answered)

        return ask

    def _placed(self, rows: np.ndarray) -> list[tuple[int, Any]]:
        most = self._batch * self._a_call
        pieces = [rows[start : start + most] for start in range(0, len(rows), most)]
        return [(len(piece), self._place(piece, self._batch)) for piece in pieces]

    def _halve(self, error: Exception) -> None:
        """Half the batch from here on, unless `error` is about something else than memory."""
        if self._batch == 1 or not _out_of_memory(error):
            raise error
        self._too_much = self._too_much or self._batch
        self._batch, self._run = -(-self._batch // 2), None

    def _say(self) -> None:
        if self._too_much:
            logging.getLogger("tb_xai_plugin").warning(
                "memory ran out with %d evaluations in a batch; going on with %d; the results are the same to rounding. "
                "Give batch_size=%d to begin with that.",
                *(self._too_much, self._batch, self._batch),
            )
            self._too_much = None


def filled(rows: np.ndarray, count: int) -> np.ndarray:
    """The last row again and again, up to `count`: graphs have one size."""
    return rows if len(rows) == count else np.concatenate([rows, np.repeat(rows[-1:], count - len(rows), axis=0)])


def _out_of_memory(error: Exception) -> bool:
    return any(kind.__name__ in OUT_OF_MEMORY for kind in type(error).__mro__) or "RESOURCE_EXHAUSTED" in str(error)
