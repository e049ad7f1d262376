"""What this process knows of records: which networks it logged, what it said, and what records held when it left them."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

from tb_xai_plugin.training.scalars import RunScalars
from tb_xai_plugin.training.standing import Standing


@dataclass(frozen=True)
class Known:
    """What is known of a network that was logged: an event file of its record, its last step there, and the digest of its first weights."""

    file: str
    last: int
    initial: str | None


@dataclass(frozen=True)
class Kept:
    """What a recorder knew of a directory when it closed its file. It holds as long as nobody changed the files, and spares reading them all."""

    files: dict[str, tuple[int, int]]
    signature: str
    standing: Standing
    scalars: dict[str, RunScalars]
    newest: float


# {network: {log_dir: what is known}}. A network that is trained again goes on in its own record, whichever logger logged it before.
KNOWN: weakref.WeakKeyDictionary[Any, dict[str, Known]] = weakref.WeakKeyDictionary()

# {directory of a record: the recorder that has it open}.
OPEN: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()

# {directory: what is kept}, for loops that make a logger at each turn.
KEPT: dict[str, Kept] = {}
MOST_KEPT = 16

# {log_dir: what was said}. A loop with a new logger at each turn says the same thing once.
SAID: dict[str, set[str]] = {}
