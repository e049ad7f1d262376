"""Tables as numbers. Words in DataFrames become codes, and words again when the model is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tb_xai_plugin.probes.arguments import Table

if TYPE_CHECKING:
    import pandas

GIVE = "give numbers as the model takes them, categories as codes 0, 1, …, or give both rows and background as DataFrames that contain the words"


@dataclass(frozen=True)
class Tables:
    """Rows and background as numbers, and what is needed to make a DataFrame of them again.

    Attributes:
        rows: float64 (n, d), NaN where a value is missing.
        background: float64 (b, d), NaN where a value is missing.
        columns: names of the DataFrame's columns; None for arrays.
        words: {column number: its values in the order of their codes}, for columns that do not hold numbers.
        labels: the DataFrame's own column labels, of any type.
        categories: numbers of the columns with pandas' category dtype.
    """

    rows: np.ndarray
    background: np.ndarray
    columns: list[str] | None
    words: Mapping[int, list[Any]] = field(default_factory=dict)
    labels: Sequence[Any] = ()
    categories: frozenset[int] = frozenset()

    @classmethod
    def of(cls, who: str, rows: Table, background: Table, named: Mapping[Any, Any]) -> Tables:
        """Read rows and background, each an array or a DataFrame. named: the option `categorical`, {column: its values}."""
        row_names, background_names = _column_names(rows), _column_names(background)
        if row_names is None or background_names is None:
            row_table, background_table = _numbers(who, rows, "rows"), _numbers(who, background, "background")
            if row_table.shape[1] != background_table.shape[1]:
                raise ValueError(_refusal(who, (row_table.shape[1], row_names), (background_table.shape[1], background_names)))
            return cls(row_table, background_table, row_names or background_names)
        if row_names != background_names:
            raise ValueError(_refusal(who, (len(row_names), row_names), (len(background_names), background_names)))
        row_frame, background_frame = cast("pandas.DataFrame", rows), cast("pandas.DataFrame", background)
        words: dict[int, list[Any]] = {}
        for place, name in enumerate(row_names):
            pair = row_frame.iloc[:, place], background_frame.iloc[:, place]
            if any(_is_words(column) for column in pair):
                words[place] = _values(who, name, *pair, named.get(name, named.get(place)))
        coded_rows, coded_background = (
            np.stack([_column(who, what, frame.iloc[:, place], words.get(place)) for place in range(frame.shape[1])], axis=1)
            if frame.size
            else _numbers(who, frame, what)
            for frame, what in ((row_frame, "rows"), (background_frame, "background"))
        )
        categories = frozenset(place for place in words if background_frame.dtypes.iloc[place].name == "category")
        return cls(coded_rows, coded_background, row_names, words, list(background_frame.columns), categories)

    def to_frame(self, rows: np.ndarray) -> pandas.DataFrame:
        """A DataFrame with words instead of codes, from float32 (k, d), for models that take DataFrames."""
        import pandas

        if not isinstance(rows, np.ndarray):
            raise TypeError(
                "TabularProbes: columns of words can only be given to a callable that takes DataFrames; for a Keras model give codes."
            )
        frame = pandas.DataFrame(rows, columns=list(self.labels))
        for place, values in self.words.items():
            codes = rows[:, place].astype(np.int64)
            if place in self.categories:
                frame.isetitem(place, pandas.Categorical.from_codes(codes, pandas.Index(values)))
            else:
                frame.isetitem(place, [values[code] for code in codes.tolist()])
        return frame


def _column_names(table: Table) -> list[str] | None:
    """Names of a DataFrame's columns; None for arrays."""
    return [str(name) for name in table.columns] if hasattr(table, "columns") else None


def _refusal(who: str, rows: tuple[int, list[str] | None], background: tuple[int, list[str] | None]) -> str:
    """The message for tables with different columns; of each the number of columns, and their names where it is a DataFrame."""
    background_has, rows_have = (
        f"{count} columns" + (f" ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})" if names else "")
        for count, names in (background, rows)
    )
    return f"{who}: background has {background_has}, rows have {rows_have}; give both the same columns, in the same order."


def _numbers(who: str, given: Table, what: str) -> np.ndarray:
    """float64 (rows, columns) from an array, or from a DataFrame whose columns are all numbers."""
    if hasattr(given, "columns") and (frame := cast("pandas.DataFrame", given)).size:
        return np.stack([_column(who, what, frame.iloc[:, place], None) for place in range(frame.shape[1])], axis=1)
    if hasattr(given, "toarray"):
        raise TypeError(f"{who}: {what} is a sparse matrix; give {what}.toarray().")
    try:
        table = np.asarray(given)
        table = table.astype(np.float64) if table.dtype.kind in "fiubO" else table
    except (TypeError, ValueError) as error:
        raise TypeError(f"{who}: {what} has values that are not numbers ({error}); {GIVE}.") from error
    if table.dtype != np.float64:
        raise TypeError(f"{who}: {what} has dtype {table.dtype}; {GIVE}.")
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(
            f"{who}: {what} has shape {table.shape}; give (rows, features), e.g. {'x_test[:16]' if what == 'rows' else 'x_train'}."
        )
    return table


def _is_words(column: pandas.Series[Any]) -> bool:
    """Whether a DataFrame's column holds categories, or anything that is neither a number nor a time."""
    if column.dtype.name == "category":
        return True
    return column.dtype.kind not in "fiubcmM" and not all(isinstance(value, int | float | np.number) for value in column.dropna())


def _values(who: str, name: str, rows: pandas.Series[Any], background: pandas.Series[Any], named: Iterable[Any] | None) -> list[Any]:
    """The values of a column of words, in the order of their codes: those given as `categorical`, else those of the background."""
    if named is not None:
        return list(named)
    try:
        of_categories = background.dtype.name == "category"
        values = list(background.cat.categories) if of_categories else sorted(set(background.dropna().tolist()), key=str)
    except TypeError as error:
        raise TypeError(f"{who}: background, column {name!r} has values that are neither numbers nor words ({error}); {GIVE}.") from error
    for row, value in enumerate(rows.tolist()):
        if value not in values and not _is_missing(value):
            raise ValueError(
                f"{who}: rows, row {row}, {name!r} is {value!r}, a value that no row of the background has; give a background that has it, "
                f"or name all values: categorical={{{name!r}: [...]}}."
            )
    return values


def _column(who: str, what: str, column: pandas.Series[Any], values: list[Any] | None) -> np.ndarray:
    """float64 (rows,): the numbers of a column, or the codes of its words. values: the words in the order of their codes; None for numbers."""
    name = str(column.name)
    if values is None:
        try:
            if column.dtype.kind in "cmM":
                raise TypeError(f"dtype {column.dtype}")
            numbers: np.ndarray = column.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{who}: {what}, column {name!r} has values that are not numbers ({error}); {GIVE}.") from error
        return numbers
    code_of = {value: code for code, value in enumerate(values)}
    codes = np.empty(len(column))
    for row, value in enumerate(column.tolist()):
        if _is_missing(value):
            codes[row] = np.nan
        elif value in code_of:
            codes[row] = code_of[value]
        else:
            raise ValueError(
                f"{who}: {what}, row {row}, {name!r} is {value!r}, which is not among the values in `categorical`, {values[:10]}; name all values there."
            )
    return codes


def _is_missing(value: object) -> bool:
    """Whether a value is None, NaN, or pandas' NA or NaT."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and np.isnan(value))
