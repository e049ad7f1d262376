"""Identity: what is explained on the full coalition is the model's own output on the user's own input. It is checked once, when a model is bound.

One batch of the probes as the user gave them is compared with two batches that went through the masker: the same probes in reverse order, together with
empty coalitions. So one comparison covers dtypes, rounding, the order of rows, what one batch leaves for the next, outputs that depend on the
rest of their batch, and chance. Only where the two differ is the cause looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

# Relative to an output: the difference that rounding may make in float32, on devices that multiply with fewer digits, and in half precision.
TOLERANCE = 5e-5
ON_DEVICES = 2e-3
HALF = 2e-2

# The same batch twice differs by chance; a difference of more than so many times that is another one.
MORE_THAN_CHANCE = 10

# An output is compared with its own size and that typical of its column, unless both are so much smaller than the largest output that they may be rounding.
SMALLEST_COLUMN = 1e-6

# Of probabilities, in units of the tolerance: the share of the smaller of p and 1 - p, and what is rounded next to 1 and next to 0.
STEEPER = 6.0
NEXT_TO_ONE = 1e-2
NEXT_TO_ZERO = 1e-5

# Smaller differences are none, whatever the outputs.
ROUNDED_TO_NOTHING = 1e-12

# Most rows in one call.
LARGEST_BATCH = 64


@dataclass(frozen=True)
class Tolerance:
    """The difference that rounding may make.

    Attributes:
        share: of the size of an output: TOLERANCE, ON_DEVICES or HALF.
        probabilities: whether outputs are probabilities.
    """

    share: float = TOLERANCE
    probabilities: bool = False

    def worst(
        self, expected: np.ndarray, came: np.ndarray, typical: np.ndarray, more: np.ndarray | float = 0.0
    ) -> tuple[int, float] | None:
        """The row with the largest difference beyond the tolerance, and its size; None where there is none. What is not finite is not compared.

        Args:
            typical: (columns,), typical sizes of outputs; the sum that makes an output may have cancelled out in the rows at hand.
            more: what is allowed besides, for each column.
        """
        finite = np.isfinite(expected) & np.isfinite(came)
        if not finite.any():
            return None
        difference = np.zeros(expected.shape)
        np.subtract(came, expected, out=difference, where=finite, dtype=np.float64)
        difference = np.abs(difference)
        size = np.abs(np.where(finite, expected.astype(np.float64), 0))
        if self.probabilities:
            # Log-odds are explained: what is near 0 or 1 counts as far as float32 can tell it from 0 and 1.
            scale = STEEPER * np.minimum(size, np.abs(1 - size)) + np.where(size > 0.5, NEXT_TO_ONE, NEXT_TO_ZERO)
        else:
            scale = np.maximum(np.maximum(size, typical), SMALLEST_COLUMN * size.max())
        excess = difference / (self.share * scale + more + ROUNDED_TO_NOTHING)
        row = int(excess.max(axis=1).argmax())
        return (row, float(difference[row].max())) if excess[row].max() > 1 else None


class Pass(Protocol):
    """The forward pass of a model, in its steps."""

    def given(self) -> Any:
        """What the model takes for all probes, as the user gave them."""

    def masked(self, probes: Sequence[int], present: Sequence[bool]) -> Any:
        """What the model takes for one full (or empty) coalition of each probe, through the masker."""

    def outputs(self, inputs: Any, rows: Sequence[int]) -> np.ndarray:
        """Outputs, float32 (rows, columns), on some rows of what the model takes, as one batch."""


@dataclass(frozen=True)
class Identity:
    """What the check found.

    Attributes:
        outputs: float32 (n, columns), the model's outputs on the probes as given.
        typical: (columns,), typical sizes of outputs, on full and on empty coalitions.
        said: sentences for the user.
        by_chance: whether the same batch gives other outputs each time.
    """

    outputs: np.ndarray
    typical: np.ndarray
    said: tuple[str, ...] = ()
    by_chance: bool = False

    def beyond(self, others: np.ndarray, tolerance: Tolerance) -> bool:
        """Whether other outputs on the first probes differ from these."""
        return tolerance.worst(self.outputs[: len(others)], others, self.typical) is not None


def check(steps: Pass, count: int, tolerance: Tolerance, *, own_inputs: bool) -> Identity:
    """Compare the model on the probes as given with the model behind the masker.

    Args:
        steps: the forward pass.
        count: number of probes.
        tolerance: what rounding may make.
        own_inputs: whether the user's `model_input` makes what the model takes.

    Raises:
        ValueError: they differ, because the model gets something else than the user's input. The sentence names the probe, the size and the likely cause.
    """
    order = list(range(count))
    given = steps.given()
    outputs = in_batches(steps, given, order)
    probes, present = _mixed_up(count)
    through = in_batches(steps, steps.masked(probes, present), range(len(probes)), min(max(count, 2), LARGEST_BATCH))
    typical = np.median(np.abs(np.where(np.isfinite(through), through, 0)), axis=0)
    through = through[np.flatnonzero(present)[::-1]]
    if tolerance.worst(outputs, through, typical) is None:
        return Identity(outputs, typical)
    again = in_batches(steps, given, order)
    chance = tolerance.worst(outputs, again, typical)
    # The same rows in the same order and company: what differs now beyond chance is no property of the model.
    by_chance = MORE_THAN_CHANCE * np.abs(np.nan_to_num(again.astype(np.float64) - outputs)).max(axis=0)
    for rows in (order, order[::-1]):
        expected = in_batches(steps, given, rows)
        came = in_batches(steps, steps.masked(rows, [True] * count), order)
        worst = tolerance.worst(expected, came, typical, by_chance)
        if worst is not None:
            found = rows[worst[0]], worst[1]
            by_place = own_inputs and rows != order
            raise ValueError(_different(found, _pair(worst[0], expected, came), by_place=by_place, own_inputs=own_inputs))
    if chance is not None:
        return Identity(outputs, typical, (_random(chance, outputs, again),), by_chance=True)
    alone = np.concatenate([steps.outputs(given, [row]) for row in order])
    together = tolerance.worst(outputs, alone, typical)
    if together is None:  # only some company matters, such as that of empty coalitions
        alone, together = through, tolerance.worst(outputs, through, typical)
    assert together is not None
    return Identity(outputs, typical, (_mixed(together, outputs, alone),))


def _mixed_up(count: int) -> tuple[list[int], list[bool]]:
    """The rows that go through the masker: the probes in reverse order, half of them in each of two batches, filled up with empty coalitions.

    No probe has the same company as in the batch of the probes as given, and all batches have the same size, so that a graph is traced once.

    Returns:
        The probe of each row, and whether the row is its full coalition.
    """
    reverse = list(range(count))[::-1]
    if count == 1:
        return [0, 0], [True, False]
    probes: list[int] = []
    present: list[bool] = []
    for half in (reverse[: (count + 1) // 2], reverse[(count + 1) // 2 :]):
        probes += [*half, *reverse[: count - len(half)]]
        present += [True] * len(half) + [False] * (count - len(half))
    return probes, present


def in_batches(steps: Pass, inputs: Any, rows: Sequence[int], most: int = LARGEST_BATCH) -> np.ndarray:
    """Outputs on some rows of what a model takes, in batches of limited size."""
    return np.concatenate([steps.outputs(inputs, rows[start : start + most]) for start in range(0, len(rows), most)])


def _pair(probe: int, expected: np.ndarray, came: np.ndarray) -> tuple[str, str]:
    """The two outputs of a probe that differ most."""
    column = int(np.nan_to_num(np.abs(came[probe].astype(np.float64) - expected[probe])).argmax())
    return f"{expected[probe, column]:.4g}", f"{came[probe, column]:.4g}"


def _random(worst: tuple[int, float], outputs: np.ndarray, again: np.ndarray) -> str:
    first, second = _pair(worst[0], outputs, again)
    return (
        f"the model's outputs depend on chance: the same batch twice gives {first} and {second} for probe {worst[0]}; each coalition is evaluated with "
        "its own draw, and the standard errors include what chance adds; for less noise, give a model without noise in inference."
    )


def _mixed(worst: tuple[int, float], outputs: np.ndarray, alone: np.ndarray) -> str:
    among, by_itself = _pair(worst[0], outputs, alone)
    return (
        f"the model's outputs depend on the rest of the batch: probe {worst[0]} gives {among} among the other probes and {by_itself} alone; a masked probe "
        "is evaluated in a batch of its own masked versions, so the explained outputs are not those of `predict`; use statistics that are fixed in inference, "
        "as BatchNormalization does, and mask padding, of which a batch has as much as its longest row needs."
    )


def _different(worst: tuple[int, float], pair: tuple[str, str], *, by_place: bool, own_inputs: bool) -> str:
    if by_place:
        cause = (
            "model_input depends on the place of a row in its batch, and every batch holds many masked versions of one probe; give the other inputs with the "
            "probes, side_inputs={name: one row per probe}"
        )
    elif own_inputs:
        cause = "model_input makes something else of masked float32 rows than of the probes as given; compare its results, their dtypes above all"
    else:
        cause = (
            "likely causes are the dtype of a column or an input, whole numbers above 2**24, which float32 rounds (give codes 0, 1, …, or subtract an offset), or a "
            "model that keeps a state"
        )
    return f"on probe {worst[0]}, unmasked, the model gives {pair[0]} as given and {pair[1]} as explained (a difference of {worst[1]:.3g}): {cause}."
