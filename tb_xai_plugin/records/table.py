"""A run's attributions as a long table, one row a value, made a few steps at a time: what `reports` writes, and any size of record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.version import __version__

if TYPE_CHECKING:
    from tb_xai_plugin.records.series import Series

# The rows of a piece: some ten megabytes of every column.
ROWS = 2**20


@dataclass(frozen=True, eq=False)
class Column:
    """One column of some rows.

    Attributes:
        numbers: (rows,), the values themselves; or, where there are `words`, which of these each row has, -1 for none.
        words: the different texts of the column; None where it holds numbers.
        absent: bool (rows,), rows without a value; None where all have one.
    """

    numbers: np.ndarray
    words: list[str] | None = None
    absent: np.ndarray | None = None

    def values(self) -> list[Any]:
        """Plain Python values, None where there is none."""
        values: list[Any] = self.numbers.tolist()
        if self.words is not None:
            return [self.words[number] if number >= 0 else None for number in values]
        return (
            values if self.absent is None else [None if gone else value for value, gone in zip(values, self.absent.tolist(), strict=True)]
        )


class Table:
    """The table of a run: the columns and rows of `Run.to_dataframe`, in its order. Explainers come one after another, in each the steps."""

    def __init__(self, series: Series) -> None:
        self._series = series
        shape = series.record["shape"]
        self._shape = shape["probes"], shape["targets"], shape["players"]
        probe, target, player = (axis.ravel() for axis in np.indices(self._shape))
        # Past its last player, a probe has no rows.
        has = player < np.array(series.record["probes"]["players"])[probe]
        self._has, self._probe, self._target, self._player = np.flatnonzero(has), probe[has], target[has], player[has]

    def about(self) -> str:
        """JSON that says what the record is: the run's name, its settings, units and regions, the names of classes, and Keras's logs."""
        series = self._series
        steps, logs = series.log_series()
        names = series.record["probes"]
        said = {
            "package": f"tb_xai_plugin {__version__}",
            "run": series.name,
            "probe_set": series.probe_set,
            "explainers": series.explainers,
            "units": series.units,
            "settings": series.settings,
            "comparable": series.comparable,
            "kind": names["kind"],
            "classes": names["class_names"],
            "regions": names["regions"],
            "returned": {"how": series.returned_how, "epoch": series.returned_epoch},
            "gaps": {str(step): reason for step, reason in series.all_gaps.items()},
            "logs": {"step": steps.tolist(), **{name: [_or_none(number) for number in metric.tolist()] for name, metric in logs.items()}},
        }
        return json.dumps(said)

    def pieces(self) -> Iterator[dict[str, Column]]:
        """{column: its values} of some rows, at most about ROWS of them, or one step's."""
        steps = self._series.all_steps
        together = max(1, ROWS // max(1, len(self._has)))
        all_targets = self._series.all_targets()
        for explainer in self._series.explainers:
            quantities = f"values/{explainer}", f"errors/{explainer}"
            held: list[tuple[int, dict[str, np.ndarray]]] = []
            for place, arrays in self._series.each_step(*quantities):
                held.append((place, {name: array.ravel()[self._has] for name, array in arrays.items()}))
                if len(held) == together or place == len(steps) - 1:
                    places = [at for at, _ in held]
                    values, errors = (np.concatenate([of_step[name] for _, of_step in held]) for name in quantities)
                    yield self._piece(explainer, steps[places], all_targets[places], values, errors)
                    held = []

    def none(self) -> dict[str, Column]:
        """The columns of no rows at all."""
        empty = np.empty(0, np.float32)
        return {
            name: Column(column.numbers[:0], column.words)
            for name, column in self._piece(
                self._series.explainers[0], np.empty(0, np.int64), self._series.all_targets(), empty, empty
            ).items()
        }

    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.none())

    def _piece(self, explainer: str, steps: np.ndarray, targets: np.ndarray, values: np.ndarray, errors: np.ndarray) -> dict[str, Column]:
        """targets: (steps, probes, targets), the explained classes."""
        count = len(steps)
        probe, player = np.tile(self._probe, count), np.tile(self._player, count)
        target = targets[:, self._probe, self._target].ravel()
        columns = {
            "step": Column(np.repeat(steps, len(self._has))),
            "explainer": Column(np.zeros(len(values), np.int32), [explainer]),
            "probe": Column(probe),
            "name": _words(self._series.record["probes"]["names"], probe),
            "label": self._label(probe, target),
            "target": Column(target),
            "class": _words(self._series.record["probes"]["class_names"], target),
            "player": Column(player),
            "player_name": self._of_players(self._player_names, count),
            "player_value": self._of_players(self._player_values, count),
            "value": Column(values),
            "error": Column(errors),
        }
        unit = self._series.probes.unit
        if unit:
            columns["unit"] = Column(np.zeros(len(values), np.int32), [self._series.probes.unit_of(self._series.units[explainer])])
        return columns

    def _label(self, probe: np.ndarray, target: np.ndarray) -> Column:
        labels, truth = (self._series.record["probes"].get(name) for name in ("labels", "truth"))
        of_outputs = self._series.label_sets if truth is None else np.array(truth)
        if of_outputs is not None:
            return Column(of_outputs[probe, np.maximum(target, 0)], absent=target < 0 if (target < 0).any() else None)
        if labels is not None:
            return Column(np.asarray(labels)[probe])
        return Column(np.zeros(len(probe)), absent=np.ones(len(probe), dtype=bool))

    def _of_players(self, values: Column, steps: int) -> Column:
        """A column of (probes, players) at the rows of so many steps."""
        at = self._probe * self._shape[2] + self._player
        absent = None if values.absent is None else np.tile(values.absent[at], steps)
        return Column(np.tile(values.numbers[at], steps), values.words, absent)

    @cached_property
    def _player_names(self) -> Column:
        return self._flat([list(names) for names in self._series.probes.players_named()])

    @cached_property
    def _player_values(self) -> Column:
        return self._flat([list(self._series.probes.player_values(probe)) for probe in range(self._shape[0])])

    def _flat(self, of_probes: list[list[Any]]) -> Column:
        """(probes, players) of what each probe has of its players: numbers where all are, else texts."""
        padded = [row[place] if place < len(row) else None for row in of_probes for place in range(self._shape[2])]
        known = [value for value in padded if value is not None]
        if known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
            numbers = np.array([np.nan if value is None else value for value in padded], dtype=np.float64)
            return Column(numbers, absent=np.array([value is None for value in padded]))
        return _words([None if value is None else str(value) for value in padded], np.arange(len(padded)))


def _words(texts: Sequence[str | None] | None, numbers: np.ndarray) -> Column:
    """The texts with some numbers; none for a number without a text, such as the class -1."""
    number_of = {text: place for place, text in enumerate(dict.fromkeys(text for text in texts or () if text is not None))}
    places = np.array([*(-1 if text is None else number_of[text] for text in texts or ()), -1], dtype=np.int32)
    return Column(places[np.where((numbers >= 0) & (numbers < len(places)), numbers, -1)], list(number_of))


def _or_none(number: float) -> float | None:
    return number if np.isfinite(number) else None
