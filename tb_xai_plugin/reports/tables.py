"""Tables and arrays of a run in files of other programs, chosen by the file's name."""

from __future__ import annotations

import os
from collections.abc import Callable

from tb_xai_plugin.run import Run

WRITERS: dict[str, Callable[[Run, str], None]] = {".parquet": Run.to_parquet, ".npz": Run.to_npz, ".csv": Run.to_csv}


def write(run: Run, path: str | os.PathLike[str]) -> None:
    """Write a run to a file: .parquet, .npz or .csv, see `Run.to_parquet`, `Run.to_npz` and `Run.to_csv`.

    Raises:
        ValueError: another ending.
        FileNotFoundError: the folder of the path does not exist.
        ImportError: .parquet without pyarrow.
    """
    path = os.fspath(path)
    ending = os.path.splitext(path)[1].lower()
    if ending not in WRITERS:
        raise ValueError(f"write: {path!r} has no ending of a table; choose a name that ends with {', '.join(WRITERS)}.")
    WRITERS[ending](run, path)
