"""Errors raised when records are read back. Each message is one sentence for the user."""

from __future__ import annotations


class ArgumentError(ValueError):
    """An argument names something that does not exist; the message lists what does."""


class RecordError(ValueError):
    """A record cannot be read."""
