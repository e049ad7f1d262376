"""Tables of any form as numbers, and rows in the form in which the user gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from tb_xai_plugin.probes.arguments import Table
from tb_xai_plugin.probes.tables.columns import Column, Decoder, coded, in_dtypes_order, values_of_words
from tb_xai_plugin.probes.tables.libraries import Arrays, Library, Lists, library_of, objects
from tb_xai_plugin.probes.tables.scales import Grid

GIVE = "give numbers as the model takes them, categories as codes 0, 1, …, or give both rows and background as DataFrames that contain the words"


@dataclass(frozen=True)
class Form:
    """The form in which rows were given.

    Attributes:
        library: NumPy, lists, pandas or polars.
        labels: the table's own column labels.
        decoders: one for each column.
        as_is: whether codes are the values: an array of float32.
    """

    library: Library
    labels: Any
    decoders: Sequence[Decoder]
    as_is: bool = False

    def __call__(self, codes: np.ndarray) -> Any:
        """Rows as they were given, from codes, float32 (k, d)."""
        if self.as_is:
            return codes
        exact = isinstance(self.library, Arrays) and all(decoder.exact for decoder in self.decoders)
        if exact and self.library.name == "numpy" and self.decoders[0].back is not None:
            # All columns of an array have one dtype, so one cast serves them all.
            return self.decoders[0].back(codes.astype(np.float64))
        return self.library.table([decoder(codes[:, place]) for place, decoder in enumerate(self.decoders)], self.labels)

    def numbers(self, codes: np.ndarray) -> np.ndarray:
        """The same rows as an array of numbers, where there are no words and no times: of a DataFrame float64."""
        if isinstance(self.library, Arrays):
            return np.asarray(self(codes))
        columns = []
        for place, decoder in enumerate(self.decoders):
            values, missing = decoder.library.plain(decoder(codes[:, place]))
            numbers = np.full(len(values), np.nan)
            numbers[~missing] = values[~missing].astype(np.float64)
            columns.append(numbers)
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Tables:
    """Rows and background as numbers, and what is needed to make tables like them again.

    Attributes:
        rows: float64 (n, d), NaN where a value is missing.
        background: float64 (b, d), NaN where a value is missing.
        names: names of the columns; None for arrays and lists.
        columns: the columns themselves, of rows and background together.
        in_order: numbers of the columns of words whose dtype has an order of its own.
        labels: the table's own column labels, of any type.
        given: a copy of the rows.
        library: what the rows are a table of.
    """

    rows: np.ndarray
    background: np.ndarray
    names: list[str] | None
    columns: Sequence[Column]
    in_order: frozenset[int]
    labels: Any
    given: Any
    library: Library

    @classmethod
    def of(cls, who: str, rows: Table, background: Table, named: Mapping[Any, Any]) -> Tables:
        """Read rows and background, each an array, a list or a DataFrame. named: the option `categorical`, {column: its values}."""
        for table, what in ((rows, "rows"), (background, "background")):
            _refuse_others(who, table, what)
        names, background_names = _names(rows), _names(background)
        frames = library_of(rows) is not None and library_of(background) is not None
        numbers = () if frames else (_numbers(who, rows, "rows"), _numbers(who, background, "background"))
        shape, background_shape = (table.shape for table in numbers or cast("tuple[Any, Any]", (rows, background)))
        if shape[1] != background_shape[1] or (names is not None and background_names is not None and names != background_names):
            raise ValueError(_refusal(who, (shape[1], names), (background_shape[1], background_names)))
        for table_shape, what in ((shape, "rows"), (background_shape, "background")):
            if 0 in table_shape:
                raise ValueError(f"{who}: {what} has shape {table_shape}; give at least one row and one column.")
        if library_of(rows) is None:
            return cls._of_arrays(who, rows, background, background_names, numbers)
        return cls._of_frame(who, rows, numbers[1] if numbers else background, named)

    @classmethod
    def _of_frame(cls, who: str, rows: Any, background: Any, named: Mapping[Any, Any]) -> Tables:
        """Rows that are a DataFrame; the background is another, or an array of float64."""
        library, of_background = library_of(rows), library_of(background)
        assert library is not None
        names, n = _names(rows) or [], len(rows)
        columns, in_order = [], set()
        for place, name in enumerate(names):
            first = _column(rows, place)
            if of_background is None:
                second = library.floats(background[:, place])
            elif of_background.name == library.name:
                second = _column(background, place)
            else:
                second = _translated(who, name, library, first, of_background, _column(background, place))
            column = _checked(who, name, library, first, second, named=of_background is not None)
            if column.scale is None:
                own_order = in_dtypes_order(column.values) or in_dtypes_order(second)
                given_order = named.get(name, named.get(place))
                column = replace(column, words=values_of_words(who, name, column, n, given_order, own_order, GIVE))
                if given_order is not None or own_order is not None:
                    in_order.add(place)
            columns.append(column)
        codes = np.stack([_codes(who, name, column, n) for name, column in zip(names, columns, strict=True)], axis=1)
        return cls(codes[:n], codes[n:], names, columns, frozenset(in_order), rows.columns, library.copy(rows), library)

    @classmethod
    def _of_arrays(cls, who: str, rows: Table, background: Table, names: list[str] | None, numbers: Sequence[np.ndarray]) -> Tables:
        lists = _is_list_of_lists(rows) and _is_list_of_lists(background)
        library: Library = Lists() if lists else Arrays()
        first, second = (
            np.stack([objects(column) for column in zip(*cast("Any", table), strict=True)], axis=1) if lists else table_of(table, number)
            for table, number in zip((rows, background), numbers, strict=True)
        )
        both = library.join(first, second)
        columns = []
        for place in range(both.shape[1]):
            column = np.ascontiguousarray(both[:, place])
            columns.append(_checked(who, str(place), library, column[: len(first)], column[len(first) :], named=False))
        given = library.copy(rows if lists else both[: len(first)])
        return cls(numbers[0], numbers[1], names, columns, frozenset(), None, given, library)

    @property
    def words(self) -> dict[int, list[Any]]:
        """{column number: its values in the order of their codes}, for columns of words."""
        return {place: column.words for place, column in enumerate(self.columns) if column.words is not None}

    @property
    def grids(self) -> dict[int, Grid]:
        """{column number: the numbers that stand for a value}, for columns in which not all numbers do."""
        return {place: column.grid for place, column in enumerate(self.columns) if column.grid is not None}

    @property
    def times(self) -> frozenset[int]:
        """Numbers of the columns of times; their numbers are days."""
        return frozenset(place for place, column in enumerate(self.columns) if column.scale is not None and column.scale.times)

    @property
    def starts(self) -> dict[int, str]:
        """{number of a column of dates: the date and time of its 0, in ISO 8601}."""
        return {place: column.scale.start for place, column in enumerate(self.columns) if column.scale is not None and column.scale.start}

    def form(self, references: np.ndarray, fills: Mapping[int, float]) -> tuple[np.ndarray, Form]:
        """Codes of rows and reference rows, float32 (n + k, d), all different where values are, and what gives the values back.

        Args:
            references: int (k, d), for each reference value its row in the background.
            fills: {column number: the number that replaces missing values}.

        There are no codes where the form is `as_is`.
        """
        n = len(self.rows)
        if self.library.name == "numpy" and self.columns[0].values.dtype == np.float32:
            return np.empty((0, 0), dtype=np.float32), Form(self.library, None, (), as_is=True)
        codes, decoders = np.empty((n + len(references), len(self.columns)), dtype=np.float32), []
        for place, column in enumerate(self.columns):
            places = np.concatenate([np.arange(n), n + references[:, place]])
            codes[:, place], decoder = column.decoder(places, fills.get(place))
            decoders.append(decoder)
        return codes, Form(self.library, self.labels, decoders)


def table_of(table: Table, numbers: np.ndarray) -> np.ndarray:
    """An array as it was given; of a DataFrame its numbers."""
    return numbers if hasattr(table, "columns") else np.asarray(table)


def _is_list_of_lists(table: Table) -> bool:
    return isinstance(table, list | tuple) and all(isinstance(row, list | tuple) for row in table)


def _refuse_others(who: str, table: Any, what: str) -> None:
    """Refuse tables that look like DataFrames and are none that can be read."""
    kind = type(table).__name__
    if kind == "LazyFrame":
        raise TypeError(f"{who}: {what} is a LazyFrame; give {what}.collect().")
    if hasattr(table, "columns") and library_of(table) is None:
        raise TypeError(f"{who}: {what} is a {type(table).__module__}.{kind}; give an array, or a DataFrame of pandas or polars.")


def _names(table: Any) -> list[str] | None:
    """Names of a DataFrame's columns; None for arrays."""
    return [str(name) for name in table.columns] if hasattr(table, "columns") else None


def _refusal(who: str, rows: tuple[int, list[str] | None], background: tuple[int, list[str] | None]) -> str:
    """The message for tables with different columns; of each the number of columns, and their names where it is a DataFrame."""
    background_has, rows_have = (
        f"{count} columns" + (f" ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})" if names else "")
        for count, names in (background, rows)
    )
    return f"{who}: background has {background_has}, rows have {rows_have}; give both the same columns, in the same order."


def _numbers(who: str, given: Any, what: str) -> np.ndarray:
    """float64 (rows, columns) from an array, or from a DataFrame whose columns are all numbers."""
    library = library_of(given)
    if library is not None and 0 not in given.shape:
        columns = []
        for place, name in enumerate(_names(given) or []):
            column = _column(given, place)
            scale = Column.of(library, column, library.take(column, np.zeros(0, dtype=np.int64))).scale
            if scale is None or scale.times:
                raise TypeError(f"{who}: {what}, column {name!r} has values that are not numbers; {GIVE}.")
            columns.append(scale.numbers)
        return np.stack(columns, axis=1)
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


def _column(table: Any, place: int) -> Any:
    """A column of a DataFrame, without its index."""
    if hasattr(table, "iloc"):
        return table.iloc[:, place].reset_index(drop=True)
    return table.to_series(place)


def _checked(who: str, name: str, library: Library, rows: Any, background: Any, *, named: bool) -> Column:
    """A column of rows and background. named: whether it may be of words."""
    try:
        column = Column.of(library, rows, background)
    except Exception as error:  # libraries raise exceptions of their own
        raise TypeError(f"{who}: column {name!r} has values that are not numbers ({error}); {GIVE}.") from error
    dtype = column.library.plain(column.values)[0].dtype
    if dtype.kind == "c" or (column.scale is None and dtype.kind in "mMV"):
        raise TypeError(f"{who}: rows, column {name!r} has values that are not numbers (dtype {dtype}); {GIVE}.")
    if column.scale is None and not named:
        raise TypeError(f"{who}: rows, column {name!r} has values that are not numbers; {GIVE}.")
    return column


def _translated(who: str, name: str, library: Library, rows: Any, other: Library, background: Any) -> Any:
    """A background's column of another library as a column of the rows' library, by its Python values."""
    plain, missing = other.plain(background)
    values = [None if gone else value for value, gone in zip(plain.tolist(), missing.tolist(), strict=True)]
    try:
        return library.words(values, library.take(rows, np.zeros(0, dtype=np.int64)))
    except Exception as error:
        raise TypeError(
            f"{who}: column {name!r} of the background can't be given the dtype {rows.dtype} that it has in rows ({error}); "
            "give both as DataFrames of one library."
        ) from error


def _codes(who: str, name: str, column: Column, n: int) -> np.ndarray:
    """float64 (rows and background,): numbers, or the codes of words; NaN where a value is missing."""
    if column.scale is not None:
        return column.scale.numbers
    assert column.words is not None
    code_of = coded(column.words)
    plain, _ = column.library.plain(column.values)
    codes = np.full(len(plain), np.nan)
    for row in np.flatnonzero(~column.missing).tolist():
        code = code_of(plain[row])
        if code is None:
            what, place = ("rows", row) if row < n else ("background", row - n)
            raise ValueError(
                f"{who}: {what}, row {place}, {name!r} is {plain[row]!r}, which is not among the values in `categorical`, "
                f"{column.words[:10]}; name all values there."
            )
        codes[row] = code
    return codes
