"""Options that several commands have."""

from __future__ import annotations

import argparse
import re

NAMES = ("label", "predicted")


def target(text: str) -> str | int:
    """The argument of --class.

    Raises:
        argparse.ArgumentTypeError: it is none of the names, and no class number.
    """
    if text in NAMES:
        return text
    if not re.fullmatch(r"[0-9]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no class; give {NAMES[0]!r}, {NAMES[1]!r} or a class number")
    return int(text)
