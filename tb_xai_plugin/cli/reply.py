"""What a command prints with --json: one object that names its schema. The schemas are in `schemas/`, one file a command and version."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

# The version of each command's reply; 1 where it is not named. A version changes where a program that reads the reply would break.
VERSIONS: dict[str, int] = {}


def reply(command: str, content: Mapping[str, Any]) -> str:
    """JSON text of what a command found: `{"schema": "tb-xai/<command>/<version>", …}`.

    content: of plain values, NumPy numbers and arrays. What is not a finite number is null, as JSON has no NaN;
    what is not ASCII is escaped, so that a terminal or pipe of any encoding keeps it.
    """
    named = {"schema": f"tb-xai/{command}/{VERSIONS.get(command, 1)}", **content}
    # "##[" can stand in strings alone, where the escape means the same; GitHub Actions would read a command.
    return json.dumps(_plain(named), indent=2, allow_nan=False).replace("##[", r"##\u005b")


def printed(text: str) -> str:
    """A text for people, as it is printed: GitHub Actions reads "##[" as the beginning of a command, wherever it stands in a line."""
    return text.replace("##[", "##\u200b[") if os.environ.get("GITHUB_ACTIONS") == "true" else text


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
