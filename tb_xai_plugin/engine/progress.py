"""A progress line for long work. It appears only after two seconds, and only on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable

# Wraps a range of probe numbers.
Progress = Callable[[range], Iterable[int]]


def progress_bar(what: str) -> Progress:
    """A function that wraps a range of probe numbers in a progress line. what: the text of the line, e.g. "Explaining epoch 3"."""
    try:
        from tqdm import tqdm
    except ImportError:
        return iter
    # disable=None: silent unless standard error is a terminal.
    return lambda probes: tqdm(probes, desc=what, unit="probe", leave=False, delay=2, disable=None)
