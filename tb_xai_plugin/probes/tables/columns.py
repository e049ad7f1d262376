"""One column of a table: its codes, which are numbers, and its own values again from codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.probes.tables.libraries import Arrays, Library, Pandas, is_missing
from tb_xai_plugin.probes.tables.scales import Grid, Scale, distinct_codes, scale_of

# Values of the background come back exactly, even where they are no reference values, in columns with at most this many different ones.
MOST_KNOWN = 2**12


@dataclass(frozen=True)
class Column:
    """A column of rows and background.

    Attributes:
        library: what the column is a part of.
        values: its values in rows and background, one after the other, as a column of the library.
        scale: how the values are numbers; None for words.
        words: the values in the order of their codes; None for numbers.
        missing: bool (rows of both,).
    """

    library: Library
    values: Any
    scale: Scale | None
    words: list[Any] | None
    missing: np.ndarray

    @classmethod
    def of(cls, library: Library, rows: Any, background: Any) -> Column:
        """A column that is not known to be of words; `words` is None for now, and `scale` too where it is of words."""
        values = library.join(rows, background)
        plain, missing = library.plain(values)
        of_categories = library.name == "pandas" and values.dtype.name == "category"
        if isinstance(library, Pandas) and isinstance(values.dtype, np.dtype) and values.dtype.kind in "biufmM":
            library, values = Arrays(), plain  # the same values, and many times as fast
        return cls(library, values, None if of_categories else scale_of(library, values, plain, missing), None, missing)

    @property
    def grid(self) -> Grid | None:
        return self.scale.grid if self.scale else None

    def decoder(self, places: np.ndarray, fill: float | None) -> tuple[np.ndarray, Decoder]:
        """Codes of the values at some places, float32 (places,), and the decoder that gives them back exactly.

        places: int, of the rows and the reference values among `values`; fill: the number that replaces missing values, None where they stay.
        """
        gone = self.missing[places]
        place_of_missing = int(np.argmax(self.missing)) if self.missing.any() else None
        if self.words is not None:
            code_of = coded(self.words)
            plain, _ = self.library.plain(self.library.take(self.values, places[~gone]))
            codes = np.full(len(places), np.nan if fill is None else fill, dtype=np.float32)
            codes[~gone] = [code_of(value) for value in plain.tolist()]
            known = np.arange(len(self.words), dtype=np.float32)
            return codes, self._decoder(known, self.library.words(self.words, self.values), place_of_missing)
        assert self.scale is not None
        _, first, inverse = np.unique(self.scale.keys[places[~gone]], return_index=True, return_inverse=True)
        where = places[~gone][first]
        known = distinct_codes(self.scale.numbers[where], first)
        codes = np.full(len(places), np.nan if fill is None else np.float32(fill), dtype=np.float32)
        codes[~gone] = known[inverse]
        known, where = self._with_others(known, where)
        values = self.library.take(self.values, where)
        if fill is not None and np.float32(fill) not in known:
            known = np.append(known, np.float32(fill))
            values = self.library.join(values, self.scale.back(np.array([fill])))
            order = np.argsort(known)
            known, values = known[order], self.library.take(values, order)
        return codes, self._decoder(known, values, place_of_missing)

    def _with_others(self, known: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes and places of other values too, as far as their codes are free and they are not too many."""
        assert self.scale is not None
        plain = self.scale.numbers[~self.missing].astype(np.float32)
        # A look at the first values is enough for most columns with too many.
        if len(np.unique(plain[: 2 * MOST_KNOWN])) > MOST_KNOWN:
            return known, where
        others, first = np.unique(plain, return_index=True)
        if len(others) > MOST_KNOWN:
            return known, where
        free = ~np.isin(others, known)
        known = np.concatenate([known, others[free]])
        where = np.concatenate([where, np.flatnonzero(~self.missing)[first[free]]])
        order = np.argsort(known)
        return known[order], where[order]

    def _decoder(self, known: np.ndarray, values: Any, place_of_missing: int | None) -> Decoder:
        back = self.scale.back if self.scale else None
        if back is not None and self._cast_is_exact(known, values):
            return Decoder(self.library, known, values, None, back, exact=True)
        if place_of_missing is not None:
            values = self.library.join(values, self.library.take(self.values, np.array([place_of_missing])))
        return Decoder(self.library, known, values, None if place_of_missing is None else len(known), back)

    def _cast_is_exact(self, known: np.ndarray, values: Any) -> bool:
        """Whether a cast of the codes to the column's dtype gives its values, missing ones too."""
        plain, _ = self.library.plain(values)
        # polars distinguishes null from NaN.
        if plain.dtype.kind not in "biuf" or (self.missing.any() and (plain.dtype.kind != "f" or self.library.name == "polars")):
            return False
        assert self.scale is not None
        return bool(np.array_equal(self.library.plain(self.scale.back(known.astype(np.float64)))[0], plain))


@dataclass(frozen=True)
class Decoder:
    """Gives a column's own values for codes.

    Attributes:
        library: what the column is a part of.
        known: float32 (m,), the codes whose values are known, in ascending order.
        values: their values, and the missing one at last if there is one, as a column of the library.
        missing: the place of the missing value in `values`, or None.
        back: the nearest value of any code; None for words.
        exact: whether `back` gives every known value, and the missing one.
    """

    library: Library
    known: np.ndarray
    values: Any
    missing: int | None
    back: Callable[[np.ndarray], Any] | None
    exact: bool = False

    def __call__(self, codes: np.ndarray) -> Any:
        """The values, as a column of the library. codes: float32 (k,); values that are not known are the nearest that the column can hold."""
        if self.exact:
            assert self.back is not None
            return self.back(codes.astype(np.float64))
        gone = np.isnan(codes)
        places = np.minimum(np.searchsorted(self.known, codes), len(self.known) - 1)
        drawn = ~gone & (self.known[places] != codes)
        values = self.values
        if self.missing is not None:
            places[gone] = self.missing
        if drawn.any() and self.back is not None:
            places[drawn] = self._length + np.arange(drawn.sum())
            values = self.library.join(values, self.back(codes[drawn].astype(np.float64)))
        return self.library.take(values, places)

    @property
    def _length(self) -> int:
        return len(self.known) + (self.missing is not None)


def values_of_words(
    who: str, name: str, column: Column, rows: int, named: Iterable[Any] | None, in_order: list[Any] | None, give: str
) -> list[Any]:
    """The values of a column of words, in the order of their codes: those given as `categorical`, else those of the background.

    rows: number of rows to explain; in_order: all values in the order of the column's dtype, or None.
    """
    if named is not None:
        return list(named)
    plain, _ = column.library.plain(column.values)
    try:
        in_background = list({(type(value), value): value for value in plain[rows:][~column.missing[rows:]].tolist()}.values())
    except TypeError as error:
        raise TypeError(f"{who}: background, column {name!r} has values that are neither numbers nor words ({error}); {give}.") from error
    values = sorted(in_background, key=str) if in_order is None else in_order
    code_of = coded(values)
    for row, value in enumerate(plain[:rows].tolist()):
        if not is_missing(value) and code_of(value) is None:
            raise ValueError(
                f"{who}: rows, row {row}, {name!r} is {value!r}, a value that no row of the background has; give a background that has it, "
                f"or name all values: categorical={{{name!r}: [...]}}."
            )
    return values


def in_dtypes_order(column: Any) -> list[Any] | None:
    """The values of a column's dtype where it has an order of its own: categories of pandas, an Enum of polars; else None."""
    dtype: Any = getattr(column, "dtype", None)
    if getattr(dtype, "name", None) == "category" or type(dtype).__name__ == "Enum":
        values: list[Any] = dtype.categories.to_list() if hasattr(dtype.categories, "to_list") else list(dtype.categories)
        return values
    return None


def coded(words: list[Any]) -> Callable[[Any], int | None]:
    """The code of a word: of the one of the same type, else of an equal one; None where there is none."""
    exact = {(type(word), word): code for code, word in reversed(list(enumerate(words)))}
    equal = {word: code for code, word in reversed(list(enumerate(words)))}

    def code_of(word: Any) -> int | None:
        return exact.get((type(word), word), equal.get(word))

    return code_of
