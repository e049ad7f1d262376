"""Records as files that any program reads: Parquet, NPZ and CSV, written a few steps at a time, so that no size of record needs much memory."""

from __future__ import annotations

import csv
import os
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.probes.files import complete
from tb_xai_plugin.records.series import Series
from tb_xai_plugin.records.table import Column, Table

if TYPE_CHECKING:
    import pyarrow

# The key of the JSON that says what a record is, in the metadata of a Parquet file; in NPZ, the array "about".
ABOUT = "tb_xai_plugin"


class Exports(Series):
    """A run's arrays that can be written to files of other programs."""

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write all attributions to a Parquet file: the rows and columns of `to_dataframe`, for pandas, polars, DuckDB, Spark, R and others.

        Values and errors are float32, as logged. Names are dictionary-encoded. The file's metadata has the key "tb_xai_plugin": JSON with the
        run's settings, units, regions and Keras's logs. Memory does not grow with the number of epochs. A file of that name is replaced once
        the new one is complete.

        Raises:
            ImportError: pyarrow is not installed.
            FileNotFoundError: the folder of the path does not exist.
        """
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError as error:
            raise ImportError("to_parquet needs pyarrow; install it with 'pip install pyarrow', or write .npz or .csv.") from error

        table = Table(self)
        with complete("to_parquet", path) as part:
            writer: Any = None
            try:
                for columns in chain(table.pieces(), () if len(self.all_steps) else (table.none(),)):
                    arrays = {name: _arrow(column, pyarrow) for name, column in columns.items()}
                    batch = pyarrow.table(arrays).replace_schema_metadata({ABOUT: table.about()})
                    if writer is None:
                        writer = parquet.ParquetWriter(part, batch.schema, compression="zstd")
                    writer.write_table(batch.cast(writer.schema))
            finally:
                if writer is not None:
                    writer.close()

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write all attributions to a CSV file, UTF-8: the rows and columns of `to_dataframe`; a cell without a value is empty.

        A large record has tens of millions of rows: write Parquet where you can. A file of that name is replaced once the new one is complete.

        Raises:
            FileNotFoundError: the folder of the path does not exist.
        """
        table = Table(self)
        with complete("to_csv", path) as part, open(part, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table.columns())
            for columns in table.pieces():
                writer.writerows(zip(*(_texts(column) for column in columns.values()), strict=True))

    def to_npz(self, path: str | os.PathLike[str]) -> None:
        """Write everything that was logged to an NPZ file, which numpy.load reads alone, without pickle.

        Arrays are aligned with `all_steps` and named as on the wire: "steps" int64 (steps,), "values/shap", "errors/shap" float32 (steps, probes,
        targets, players), "base/shap", "targets" int32 (steps, probes, targets), "outputs" float32 (steps, probes, 2, classes) on the full and the empty
        coalition, "fidelity/…", "noise/…" and "interactions/…" where logged; "log_steps" and "logs/<metric>" of Keras; "players" (probes,);
        "player_names" (probes, players), "" past the last; "static/<array>" of the probes, such as images and segments; "region/<name>" (probes, players), the part
        of each player that lies inside; "about", JSON with settings, units and classes. In the name of a metric or region, "%" is "%25" and "/" is "%2F".
        Memory does not grow with the number of epochs. A file of that name is replaced once the new one is complete.

        Raises:
            FileNotFoundError: the folder of the path does not exist.
            ValueError: two arrays have one name.
        """
        with complete("to_npz", path) as part, zipfile.ZipFile(part, "w", allowZip64=True) as archive:
            for name, array in self._small_arrays():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)
            for quantity in self._quantities:
                one = self._all_missing(quantity, steps=1)
                with archive.open(f"{quantity}.npy", "w", force_zip64=True) as file:
                    shape = len(self.all_steps), *one.shape[1:]
                    head = {"descr": np.lib.format.dtype_to_descr(one.dtype), "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, head)
                    for _, arrays in self.each_step(quantity):
                        file.write(np.ascontiguousarray(arrays[quantity]).data)
            twice = sorted(name for name, count in Counter(archive.namelist()).items() if count > 1)
            if twice:
                raise ValueError(f"to_npz: two arrays are called {twice[0].removesuffix('.npy')!r}; write .parquet or .csv.")

    def _small_arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """(name, array) of all that `to_npz` writes and that is not a series over steps."""
        names = self.record["probes"]
        yield "about", np.array(Table(self).about())
        yield "steps", self.all_steps
        if "targets" not in self._quantities:
            yield "targets", self.all_targets()
        steps, logs = self.log_series()
        yield "log_steps", steps
        yield from ((f"logs/{_member(name)}", series) for name, series in logs.items())
        yield "players", np.array(names["players"], dtype=np.int64)
        named = self.probes.players_named()
        most = int(max(names["players"], default=0))
        yield (
            "player_names",
            np.array([[*map(str, row), *[""] * (most - len(row))] for row in named], dtype=np.str_).reshape(len(named), most),
        )
        for name in ("names", "labels", "truth", "label_sets"):
            if names.get(name) is not None:
                yield f"probe_{name}", np.array(names[name])
        if names["class_names"]:
            yield "class_names", np.array(names["class_names"], dtype=np.str_)
        yield from ((f"static/{name}", self.static(name)) for name in self.record["arrays"])
        yield from ((f"region/{_member(name)}", self.inside(name)) for name in names["regions"])


def _member(name: str) -> str:
    """A metric's or a region's name as a part of a member's name: different for different names."""
    return name.replace("%", "%25").replace("/", "%2F")


def _arrow(column: Column, pyarrow: Any) -> pyarrow.Array:
    if column.words is not None:
        codes = pyarrow.array(column.numbers, mask=column.numbers < 0)
        return pyarrow.DictionaryArray.from_arrays(codes, pyarrow.array(column.words, type=pyarrow.string()))
    return pyarrow.array(column.numbers, mask=column.absent)


def _texts(column: Column) -> Iterable[Any]:
    """The cells of a column in CSV; "" where there is no value, or no number."""
    return ["" if value is None or value != value else value for value in column.values()]
