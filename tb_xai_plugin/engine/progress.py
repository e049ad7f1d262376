"""A progress line for long work: nothing below two seconds, and nothing where no terminal looks on."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def progress_bar(what: str) -> Callable[[range], Iterable[int]]:
    """Wraps a range of probe numbers; what: e.g. "Explaining epoch 3"."""
    try:
        from tqdm import tqdm
    except ImportError:
        return iter
    # disable=None: silent unless standard error is a terminal.
    return lambda probes: tqdm(probes, desc=what, unit="probe", leave=False, delay=2, disable=None)
