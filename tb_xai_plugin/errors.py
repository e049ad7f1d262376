"""The errors of what is read back: each message is one sentence for the user."""

from __future__ import annotations


class ArgumentError(ValueError):
    """An argument names something that does not exist; the message says what does."""


class RecordError(ValueError):
    """A record can not be read."""
