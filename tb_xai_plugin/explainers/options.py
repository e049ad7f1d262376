"""Checks of explainers' options."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np


def check_number(who: str, option: str, given: Any, least: float, *, above: bool = False, whole: bool = False) -> None:
    """Raise ValueError, with one sentence, unless an option is a finite number of at least `least`.

    above: the number must be above `least`; whole: it must be a whole number.
    """
    kind = Integral if whole else Real
    if (
        isinstance(given, bool)
        or not isinstance(given, kind)
        or not np.isfinite(float(given))
        or given < least
        or (above and given == least)
    ):
        wanted = f"{'a whole' if whole else 'a'} number {'above' if above else 'of at least'} {least}"
        raise ValueError(f"{who}: {option} is {given!r}; give {wanted}.")
