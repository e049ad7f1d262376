"""Missing values that were filled in: how much that changes the model's output."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tb_xai_plugin.probes import TabularProbes

# A change of the output below this share of the outputs' range is not worth a word.
LEAST_CHANGE = 1e-3


def change_by_filling(probes: TabularProbes, model: Callable[[Any], Any]) -> str | None:
    """A sentence about the largest change that the replacement of missing values makes to the model's output on the probes.

    Args:
        probes: rows of a table, with missing="baseline".
        model: rows as they were given -> the outputs to compare, (n,) or (n, columns), e.g. the explained probabilities.

    Returns:
        None where nothing was replaced, where the outputs hardly change, or where the model does not take missing values.
    """
    filled = np.flatnonzero(probes.imputed.any(axis=1))
    if not len(filled):
        return None
    completed = _outputs(model, probes.completed(), len(probes))
    try:
        given = _outputs(model, probes.given(), len(probes))
    except Exception:  # whatever a model raises on missing values
        return None
    change = np.abs(given - completed)[filled]
    if not np.isfinite(change).all() or change.max() <= LEAST_CHANGE * max(np.ptp(completed), np.ptp(given)):
        return None
    probe = int(filled[change.max(axis=1).argmax()])
    largest = np.abs(given[probe] - completed[probe])
    # Of two classes the outputs change alike; the likelier one is named.
    column = int(np.where(largest >= largest.max() * (1 - 1e-6), given[probe], -np.inf).argmax())
    of_class = f" {(probes.class_names or range(given.shape[1]))[column]!r}" if given.shape[1] > 1 else ""
    names = [probes.feature_names[feature] for feature in np.flatnonzero(probes.imputed[probe])]
    what = f"{names[0]!r}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    return (
        f"TabularProbes: missing='baseline' replaces {int(probes.imputed.sum())} missing value{'s' if probes.imputed.sum() > 1 else ''} of "
        f"{len(filled)} probe{'s' if len(filled) > 1 else ''}, and the model takes missing values itself: its output{of_class} on probe {probe}, which misses {what}, is "
        f"{given[probe, column]:.3g} as given and {completed[probe, column]:.3g} as explained; give missing='keep' to explain the model on the rows as they are."
    )


def warn_of_filling(probes: TabularProbes, model: Callable[[Any], Any]) -> None:
    """Warn where `change_by_filling` has something to say."""
    if sentence := change_by_filling(probes, model):
        warnings.warn(sentence, stacklevel=4)


def _outputs(model: Callable[[Any], Any], rows: Any, count: int) -> np.ndarray:
    return np.asarray(model(rows)).astype(np.float64).reshape(count, -1)
