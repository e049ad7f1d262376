"""Batches: a function of a fixed batch size applied to any number of rows, and a model behind a masker. The size is halved where memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tb_xai_plugin.games.contract import Masker

# Names of the exceptions that frameworks raise when memory runs out; Python's own is MemoryError.
OUT_OF_MEMORY = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}


class Batches:
    """Applies a function of one batch to any number of rows. Where memory runs out, it continues with half the batch and warns once.

    Args:
        compile_for: batch size -> function of the result of `place` and further arguments. The function may also return outputs for the rows
            that fill up the last batch.
        batch: the initial batch size.
        per_call: number of batches that the function takes in one call.
        place: (rows, batch size) -> the rows in the form that the function takes, on its device.
    """

    def __init__(
        self,
        compile_for: Callable[[int], Callable[..., np.ndarray]],
        batch: int,
        per_call: int = 1,
        place: Callable[[np.ndarray, int], Any] = lambda rows, batch: rows,
    ) -> None:
        self._compile_for, self._batch, self._per_call, self._place = compile_for, batch, per_call, place
        self._run: Callable[..., np.ndarray] | None = None
        self._too_much: int | None = None

    def __call__(self, rows: np.ndarray, *arguments: Any) -> np.ndarray:
        return self.repeated(lambda: rows)(*arguments)

    def repeated(self, make: Callable[[], np.ndarray]) -> Callable[..., np.ndarray]:
        """A function that evaluates the same rows at every call. They are made and placed once, unless the batch size changes."""
        placed: list[tuple[int, Any]] = []
        size = 0

        def evaluate(*arguments: Any) -> np.ndarray:
            nonlocal placed, size
            while True:
                try:
                    self._run = self._run or self._compile_for(self._batch)
                    if size != self._batch:
                        placed, size = self._placed(make()), self._batch
                    outputs = [self._run(piece, *arguments)[:count] for count, piece in placed]
                except Exception as error:
                    self._halve(error)
                    continue
                self._warn()
                return np.concatenate(outputs)

        return evaluate

    def _placed(self, rows: np.ndarray) -> list[tuple[int, Any]]:
        most = self._batch * self._per_call
        pieces = [rows[start : start + most] for start in range(0, len(rows), most)]
        return [(len(piece), self._place(piece, self._batch)) for piece in pieces]

    def _halve(self, error: Exception) -> None:
        """Use half the batch from now on; raise `error` again where it is not about memory."""
        if self._batch == 1 or not _out_of_memory(error):
            raise error
        self._too_much = self._too_much or self._batch
        self._batch, self._run = -(-self._batch // 2), None

    def _warn(self) -> None:
        if self._too_much:
            logging.getLogger("tb_xai_plugin").warning(
                "memory ran out with %d evaluations in a batch, so batches now have %d; the results are the same to rounding. "
                "Give batch_size=%d to start with this size.",
                *(self._too_much, self._batch, self._batch),
            )
            self._too_much = None


def filled(rows: np.ndarray, count: int) -> np.ndarray:
    """The rows, filled up to `count` with copies of the last one: graphs have a fixed size."""
    return rows if len(rows) == count else np.concatenate([rows, np.repeat(rows[-1:], count - len(rows), axis=0)])


def _out_of_memory(error: Exception) -> bool:
    return any(kind.__name__ in OUT_OF_MEMORY for kind in type(error).__mro__) or "RESOURCE_EXHAUSTED" in str(error)


# (bool or float (k, players of the probe) coalitions, probe number) -> float32 (k, columns)
Evaluate = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class MaskedModel:
    """A model that takes coalitions through a masker.

    Attributes:
        masker: makes the model's inputs.
        parts: probe number -> the masker's parts of the probe.
        batches: (rows of the masker's `feed`, parts) -> outputs, float32 (k, columns).
        touched: the variables that its graph reads or writes, as far as they are known.
        draws: whether it draws from a random state that is no variable.
    """

    masker: Masker
    parts: Callable[[int], Any]
    batches: Batches
    touched: tuple[Any, ...] = ()
    draws: bool = False

    def evaluate(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """Outputs, float32 (k, columns), on coalitions of a probe."""
        return self.batches(self.masker.feed(coalitions, probe), self.parts(probe))

    def evaluate_rows(self, make: Callable[[], np.ndarray]) -> Callable[[], np.ndarray]:
        """A function that returns the outputs on the rows of `make`, which need no parts of their own."""
        return partial(self.batches.repeated(make), self.parts(0))
