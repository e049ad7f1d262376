"""The libraries in which tables are given: NumPy, pandas and polars, with the few operations on a column that probes need.

pandas and polars are imported only where a table of theirs is given.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

# A DataFrame of more columns than this is faster made of blocks.
MOST_SINGLE = 60


class Library(Protocol):
    """What can be done with the columns of a table.

    A column is in the library's own form. Its plain values are a NumPy array of booleans, whole numbers, floats, times or Python objects, with a truth
    value for each that is missing; where a value is missing, the plain value has no meaning.
    """

    name: str

    def join(self, first: Any, second: Any) -> Any:
        """One column of both, in the dtype of the first where that can hold the second."""

    def plain(self, column: Any) -> tuple[np.ndarray, np.ndarray]:
        """Plain values, (rows,), and bool (rows,), which are missing."""

    def like(self, values: np.ndarray, column: Any) -> Any:
        """A column of plain values, in the dtype of another column."""

    def floats(self, values: np.ndarray) -> Any:
        """A column of float64."""

    def words(self, values: list[Any], column: Any) -> Any:
        """A column of words, in the dtype of another column; with further categories where it has too few."""

    def take(self, column: Any, places: np.ndarray) -> Any:
        """The values at some places."""

    def table(self, columns: Sequence[Any], labels: Any) -> Any:
        """A table of columns."""

    def copy(self, table: Any) -> Any:
        """A copy of a table, without an index."""


def is_missing(value: object) -> bool:
    """Whether a Python value is None, NaN, or pandas' NA or NaT."""
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float | np.floating) and bool(np.isnan(value)))
        or (isinstance(value, Decimal) and value.is_nan())
    )


def objects(values: Sequence[Any]) -> np.ndarray:
    """object (n,). NumPy itself would make several axes of lists in a list."""
    array = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def _plain_array(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if values.dtype == object:
        return values, np.array([is_missing(value) for value in values.tolist()], dtype=bool)
    if values.dtype.kind == "f":
        return values, np.isnan(values)
    if values.dtype.kind in "mM":
        return values, np.isnat(values)
    return values, np.zeros(len(values), dtype=bool)


def holds(dtype: np.dtype[Any], values: np.ndarray) -> bool:
    """Whether a dtype of NumPy holds values, as far as float32 distinguishes them."""
    if values.dtype.kind not in "biuf" or dtype.kind not in "biuf":
        return False
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, dtype=bool)
    if missing.any() and dtype.kind != "f":
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        back = values.astype(dtype).astype(np.float32)
        return bool(np.array_equal(back[~missing], values.astype(np.float32)[~missing]))


def _equal(first: np.ndarray, gone: np.ndarray, second: np.ndarray, missing: np.ndarray) -> bool:
    """Whether plain values are equal, numbers as far as float32 distinguishes them."""
    if not np.array_equal(gone, missing):
        return False
    if first.dtype.kind in "biuf" and second.dtype.kind in "biuf":
        return bool(np.array_equal(first[~gone].astype(np.float32), second[~gone].astype(np.float32)))
    return first.dtype.kind == second.dtype.kind and bool((first[~gone] == second[~gone]).all())


class Arrays:
    """Arrays of NumPy; a column is (rows,)."""

    name = "numpy"

    def join(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        both: np.ndarray = np.concatenate([first, second])
        # NaN of a column is float64 in an array of objects: a float does not hold what is no number.
        return both.astype(first.dtype) if first.dtype not in (object, both.dtype) and holds(first.dtype, both) else both

    def plain(self, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _plain_array(column)

    def like(self, values: np.ndarray, column: np.ndarray) -> np.ndarray:
        return values.astype(column.dtype)

    def floats(self, values: np.ndarray) -> np.ndarray:
        return values

    def words(self, values: list[Any], column: np.ndarray) -> np.ndarray:
        return objects(values)

    def take(self, column: np.ndarray, places: np.ndarray) -> np.ndarray:
        taken: np.ndarray = column[places]
        return taken

    def table(self, columns: Sequence[np.ndarray], labels: Any) -> Any:
        return np.stack(columns, axis=1)

    def copy(self, table: Any) -> Any:
        return copy.deepcopy(table)


class Lists(Arrays):
    """Lists of rows, each a list; a column is an array of objects."""

    name = "lists"

    def table(self, columns: Sequence[np.ndarray], labels: Any) -> Any:
        return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


class Pandas:
    """DataFrames of pandas; a column is a Series, or an array of NumPy for `table`."""

    name = "pandas"

    def join(self, first: Any, second: Any) -> Any:
        import pandas

        if first.dtype == second.dtype:
            return pandas.concat([first, second], ignore_index=True)
        if "category" in (first.dtype.name, second.dtype.name):
            by_background = second if second.dtype.name == "category" else first
            others = first if by_background is second else second
            values = others.cat.categories if others.dtype.name == "category" else others.dropna().unique()
            known = by_background.cat.categories.tolist()
            more = [value for value in values.tolist() if value not in known]
            if first.dtype.name != "category" and not more:
                return pandas.concat([first, second.astype(object)], ignore_index=True).astype(first.dtype)
            dtype = pandas.CategoricalDtype([*known, *more], ordered=by_background.cat.ordered)
            return pandas.concat([first.astype(dtype), second.astype(dtype)], ignore_index=True)
        both = pandas.concat([first, second], ignore_index=True)
        if not self._holds(first.dtype, second):
            return both
        return pandas.concat([first, second.astype(first.dtype)], ignore_index=True)

    def _holds(self, dtype: Any, column: Any) -> bool:
        try:
            (there, gone), (here, missing) = self.plain(column.astype(dtype)), self.plain(column)
        except (TypeError, ValueError, ArithmeticError):
            return False
        return _equal(there, gone, here, missing)

    def plain(self, column: Any) -> tuple[np.ndarray, np.ndarray]:
        dtype = column.dtype
        missing: np.ndarray = column.isna().to_numpy(dtype=bool)
        if type(dtype).__name__ == "SparseDtype":
            return self.plain(column.sparse.to_dense())
        if type(dtype).__name__ == "DatetimeTZDtype":
            return column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), missing
        if isinstance(dtype, np.dtype):
            return column.to_numpy(), missing
        kind = getattr(dtype, "kind", "O")
        if dtype.name != "category" and kind in "biu":
            plain = np.dtype(bool if kind == "b" else f"{kind}{dtype.itemsize}")
            return column.to_numpy(dtype=plain, na_value=plain.type(0)), missing
        if dtype.name != "category" and kind == "f":
            return column.to_numpy(dtype=np.float64, na_value=np.nan), missing
        if dtype.name.startswith(("timestamp", "duration")):  # of Arrow
            column = column.dt.tz_convert("UTC").dt.tz_localize(None) if self._zone(column) is not None else column
            return column.astype(f"{'datetime' if kind == 'M' else 'timedelta'}64[{dtype.pyarrow_dtype.unit}]").to_numpy(), missing
        return objects(column.astype(object).tolist()), missing

    def like(self, values: np.ndarray, column: Any) -> Any:
        import pandas

        series, dtype = pandas.Series(values, dtype=values.dtype), column.dtype
        zone = self._zone(column)
        if zone is not None:
            series = series.dt.tz_localize("UTC").dt.tz_convert(zone)
        return series.astype(dtype)

    def _zone(self, column: Any) -> Any:
        """The time zone of a column of times; else None."""
        return column.dt.tz if column.dtype.name.startswith(("datetime64", "timestamp")) else None

    def floats(self, values: np.ndarray) -> Any:
        import pandas

        return pandas.Series(values)

    def words(self, values: list[Any], column: Any) -> Any:
        import pandas

        dtype = column.dtype
        if dtype.name == "category":
            known = dtype.categories.tolist()
            more = [value for value in values if value not in known]
            if more:
                dtype = pandas.CategoricalDtype([*known, *more], ordered=dtype.ordered)
            return pandas.Series(pandas.Categorical(values, dtype=dtype))
        return pandas.Series(objects(values), dtype=object).astype(dtype)

    def take(self, column: Any, places: np.ndarray) -> Any:
        return column.take(places).reset_index(drop=True)

    def table(self, columns: Sequence[Any], labels: Any) -> Any:
        import pandas

        if len(columns) <= MOST_SINGLE:
            frame = pandas.DataFrame(dict(enumerate(columns)))
            frame.columns = labels
            return frame
        # Arrays of one dtype are one block: thousands of columns would take pandas long one by one.
        by_dtype: dict[np.dtype[Any], list[int]] = {}
        for place, column in enumerate(columns):
            if isinstance(column, np.ndarray):
                by_dtype.setdefault(column.dtype, []).append(place)
        blocks = [pandas.DataFrame(np.stack([columns[place] for place in places], axis=1), columns=places) for places in by_dtype.values()]
        others = {place: column for place, column in enumerate(columns) if not isinstance(column, np.ndarray)}
        if others:
            blocks.append(pandas.DataFrame(others))
        frame = blocks[0] if len(blocks) == 1 else pandas.concat(blocks, axis=1)[list(range(len(columns)))]
        frame.columns = labels
        return frame

    def copy(self, table: Any) -> Any:
        return table.reset_index(drop=True).copy()


class Polars:
    """DataFrames of polars; a column is a Series."""

    name = "polars"

    def join(self, first: Any, second: Any) -> Any:
        import polars

        if first.dtype == second.dtype:
            return polars.concat([first, second.alias(first.name)])
        for dtype in (first.dtype, second.dtype):
            try:
                pair = [column.alias(first.name).cast(dtype, strict=True) for column in (first, second)]
            except polars.exceptions.PolarsError:
                continue
            if all(self._equal(before, after) for before, after in zip((first, second), pair, strict=True)):
                return polars.concat(pair)
        raise TypeError(f"dtypes {first.dtype} in rows and {second.dtype} in background")

    def _equal(self, first: Any, second: Any) -> bool:
        return _equal(*self.plain(first), *self.plain(second))

    def plain(self, column: Any) -> tuple[np.ndarray, np.ndarray]:
        missing: np.ndarray = column.is_null().to_numpy()
        dtype = column.dtype
        if dtype.is_float():
            values = column.cast(type(dtype), strict=True).fill_null(float("nan")).to_numpy()
            return values, np.isnan(values)
        if dtype.is_integer():
            return column.fill_null(0).to_numpy(), missing
        if str(dtype) == "Boolean":
            return column.fill_null(False).to_numpy(), missing
        if dtype.is_temporal() and str(dtype) != "Time":
            unit = "D" if str(dtype) == "Date" else dtype.time_unit
            kind = "timedelta64" if str(dtype).startswith("Duration") else "datetime64"
            return column.to_physical().fill_null(0).to_numpy().astype(np.int64).view(f"{kind}[{unit}]"), missing
        return objects(column.to_list()), missing

    def like(self, values: np.ndarray, column: Any) -> Any:
        import polars

        if values.dtype == object:
            return polars.Series(column.name, values.tolist(), dtype=column.dtype, strict=False)
        if values.dtype.kind in "mM":
            # polars stores a time as a whole number, a zoned one in UTC.
            return polars.Series(column.name, values.view(np.int64)).cast(column.to_physical().dtype).cast(column.dtype)
        return polars.Series(column.name, values).cast(column.dtype)

    def floats(self, values: np.ndarray) -> Any:
        import polars

        return polars.Series(values, nan_to_null=True)

    def words(self, values: list[Any], column: Any) -> Any:
        import polars

        dtype = column.dtype
        if type(dtype).__name__ == "Enum":
            known = dtype.categories.to_list()
            dtype = polars.Enum([*known, *(value for value in values if value not in known)])
        return polars.Series(column.name, values, dtype=dtype, strict=False)

    def take(self, column: Any, places: np.ndarray) -> Any:
        if str(column.dtype) == "Object":
            import polars

            values = column.to_list()
            return polars.Series(column.name, [values[place] for place in places.tolist()], dtype=column.dtype)
        return column.gather(places)

    def table(self, columns: Sequence[Any], labels: Any) -> Any:
        import polars

        return polars.DataFrame([column.alias(label) for column, label in zip(columns, labels, strict=True)])

    def copy(self, table: Any) -> Any:
        return table.clone()


def library_of(table: Any) -> Pandas | Polars | None:
    """The library of a DataFrame; None for arrays and lists."""
    module = type(table).__module__.partition(".")[0]
    if module == "polars":
        return Polars()
    return Pandas() if hasattr(table, "columns") and hasattr(table, "iloc") else None
