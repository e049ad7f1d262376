"""Tables as numbers: of arrays, and of DataFrames, whose words become codes and, for the model, words again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

GIVE = "give numbers as the model takes them, categories as codes 0, 1, …, or both rows and background as DataFrames with words in them"


@dataclass(frozen=True)
class Tables:
    """Rows and background.

    Attributes:
        rows, background: float64 (n, d) and (b, d); NaN where a value is missing.
        columns: names of a DataFrame's columns; None for arrays.
        words: {column: its values in the order of their codes}, of columns that are no numbers.
        called: the columns as the DataFrame calls them.
        categories: columns of pandas' category dtype.
    """

    rows: np.ndarray
    background: np.ndarray
    columns: list[str] | None
    words: Mapping[int, list[Any]] = field(default_factory=dict)
    called: Sequence[Any] = ()
    categories: frozenset[int] = frozenset()

    @classmethod
    def of(cls, who: str, rows: Any, background: Any, named: Mapping[Any, Any]) -> Tables:
        """named: what was given as `categorical`, {column: its values}."""
        columns = [[str(name) for name in each.columns] if hasattr(each, "columns") else None for each in (rows, background)]
        if None in columns:
            numbers = _numbers(who, rows, "rows"), _numbers(who, background, "background")
            if numbers[0].shape[1] != numbers[1].shape[1]:
                raise ValueError(_refusal(who, *[(table.shape[1], names) for table, names in zip(numbers, columns, strict=True)]))
            return cls(*numbers, columns[0] or columns[1])
        if columns[0] != columns[1]:
            raise ValueError(_refusal(who, *[(len(names), names) for names in columns]))
        words: dict[int, list[Any]] = {}
        for place, name in enumerate(columns[0]):
            pair = rows.iloc[:, place], background.iloc[:, place]
            if any(_is_words(column) for column in pair):
                words[place] = _values(who, name, *pair, named.get(name, named.get(place)))
        codes = [
            np.stack([_column(who, what, frame.iloc[:, place], words.get(place)) for place in range(frame.shape[1])], axis=1)
            if frame.size
            else _numbers(who, frame, what)
            for frame, what in ((rows, "rows"), (background, "background"))
        ]
        categories = frozenset(place for place in words if background.dtypes.iloc[place].name == "category")
        return cls(*codes, columns[0], words, list(background.columns), categories)

    def back(self, rows: np.ndarray) -> Any:
        """A DataFrame with words again, of float32 (k, d); for models that take such ones."""
        import pandas

        if not isinstance(rows, np.ndarray):
            raise TypeError("TabularProbes: the columns of words are for a callable that takes DataFrames; for a Keras model give codes.")
        frame = pandas.DataFrame(rows, columns=list(self.called))
        for place, values in self.words.items():
            codes = rows[:, place].astype(np.int64)
            as_words = (
                pandas.Categorical.from_codes(codes, values) if place in self.categories else [values[code] for code in codes.tolist()]
            )
            frame.isetitem(place, as_words)
        return frame


def _refusal(who: str, rows: tuple[int, list[str] | None], background: tuple[int, list[str] | None]) -> str:
    """Of tables with so many columns, of such names."""
    there, here = (
        f"{count} columns" + (f" ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})" if names else "")
        for count, names in (background, rows)
    )
    return f"{who}: background has {there}, rows have {here}; give both the same columns, in the same order."


def _numbers(who: str, given: Any, what: str) -> np.ndarray:
    """float64 (rows, columns) of what is no DataFrame, or of one whose columns are all numbers."""
    if hasattr(given, "columns") and given.size:
        return np.stack([_column(who, what, given.iloc[:, place], None) for place in range(given.shape[1])], axis=1)
    if hasattr(given, "toarray"):
        raise TypeError(f"{who}: {what} is a sparse matrix; give {what}.toarray().")
    try:
        table = np.asarray(given)
        table = table.astype(np.float64) if table.dtype.kind in "fiubO" else table
    except (TypeError, ValueError) as error:
        raise TypeError(f"{who}: {what} has values that are no numbers ({error}); {GIVE}.") from error
    if table.dtype != np.float64:
        raise TypeError(f"{who}: {what} has dtype {table.dtype}; {GIVE}.")
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(
            f"{who}: {what} has shape {table.shape}; give (rows, features), e.g. {'x_test[:16]' if what == 'rows' else 'x_train'}."
        )
    return table


def _is_words(column: Any) -> bool:
    """Of a DataFrame's column: categories, or anything that is neither a number nor a time."""
    if column.dtype.name == "category":
        return True
    return column.dtype.kind not in "fiubcmM" and not all(isinstance(value, int | float | np.number) for value in column.dropna())


def _values(who: str, name: str, rows: Any, background: Any, named: Any) -> list[Any]:
    """The values of a column of words, in the order of their codes: as they are named, or as the background has them."""
    if named is not None:
        return list(named)
    dtype = background.dtype
    try:
        values = list(dtype.categories) if dtype.name == "category" else sorted(set(background.dropna().tolist()), key=str)
    except TypeError as error:
        raise TypeError(f"{who}: background, column {name!r} has values that are neither numbers nor words ({error}); {GIVE}.") from error
    for row, value in enumerate(rows.tolist()):
        if value not in values and not _is_missing(value):
            raise ValueError(
                f"{who}: rows, row {row}, {name!r} is {value!r}, which no row of the background has; give a background that does, "
                f"or all its values: categorical={{{name!r}: [...]}}."
            )
    return values


def _column(who: str, what: str, column: Any, values: list[Any] | None) -> np.ndarray:
    """float64 (rows,): the numbers of a column, or the codes of its words."""
    name = str(column.name)
    if values is None:
        try:
            if column.dtype.kind in "cmM":
                raise TypeError(f"dtype {column.dtype}")
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{who}: {what}, column {name!r} has values that are no numbers ({error}); {GIVE}.") from error
    code = {value: number for number, value in enumerate(values)}
    found = np.empty(len(column))
    for row, value in enumerate(column.tolist()):
        if _is_missing(value):
            found[row] = np.nan
        elif value in code:
            found[row] = code[value]
        else:
            raise ValueError(
                f"{who}: {what}, row {row}, {name!r} is {value!r}, which is not among its values {values[:10]}; name all of them."
            )
    return found


def _is_missing(value: Any) -> bool:
    """None, NaN or pandas' NA."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and np.isnan(value))
