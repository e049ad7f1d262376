"""Progress of long work: a line that appears after two seconds, on a terminal or in a notebook, and never in a file."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

# Seconds before a line appears.
DELAY = 2.0

# What makes a line: the class `tqdm`, or something like it.
Bar = Callable[..., Any]


class Progress:
    """Shows how far work is. It shows nothing where tqdm is missing.

    Args:
        what: the text of the line, e.g. "Explaining epoch 3".
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._bar = _bar()

    def __call__(self, numbers: range, unit: str = "probe") -> Iterable[int]:
        """The numbers, with a line that counts them. unit: what they are numbers of."""
        counted: Iterable[int] = numbers
        return counted if self._bar is None else self._bar(numbers, desc=self._what, unit=unit, delay=DELAY)

    @contextmanager
    def phase(self, doing: str) -> Iterator[None]:
        """A line that shows the seconds of a step whose end is not known. doing: what it does, e.g. "binding the model"."""
        if self._bar is None:
            yield
            return
        over = threading.Event()
        line = threading.Thread(target=self._show, args=(doing, over), name="tb_xai_plugin progress", daemon=True)
        line.start()
        try:
            yield
        finally:
            over.set()
            line.join()

    def _show(self, doing: str, over: threading.Event) -> None:
        if over.wait(DELAY) or self._bar is None:
            return
        with suppress(Exception), self._bar(desc=f"{self._what}: {doing}", bar_format="{desc} ({elapsed})") as line:
            while not over.wait(1):
                line.refresh()


def _bar() -> Bar | None:
    """What makes a line here; None where nobody would see it."""
    notebook = _in_notebook()
    if not notebook and not (sys.stderr is not None and sys.stderr.isatty()):
        return None
    try:
        with warnings.catch_warnings():
            # Where ipywidgets are missing in a notebook, tqdm warns, and writes text.
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        return None

    def bar(*arguments: Any, **options: Any) -> Any:
        return tqdm(*arguments, **options, leave=False, disable=False)

    return bar


def _in_notebook() -> bool:
    """Whether this is the kernel of a notebook. IPython on a terminal is none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})
