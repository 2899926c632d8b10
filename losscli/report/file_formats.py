"""The formats of `-o`: blocks of rows into an open stream, with nothing kept but a few blocks."""

from __future__ import annotations

from io import BytesIO
from typing import IO, TYPE_CHECKING, Protocol

from numpy.lib import format as npy

from losscli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from losscli.report.lines import Lines
    from losscli.report.rows import Rows

ROW_GROUP = 65_536
"""The most rows of a Parquet row group, so that neither writer nor reader needs more at once."""


class Writer(Protocol):
    """A format at work on one stream, which it does not close."""

    def write(self, rows: Rows) -> None:
        """Take one block."""

    def finish(self) -> None:
        """Write what can be written only at the end."""

    def abandon(self) -> None:
        """Let go of the stream, which may be broken or closed."""


class LinesWriter:
    """CSV or JSON Lines, which have no end of their own."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def write(self, rows: Rows) -> None:
        """Append one block."""
        self._lines.write(rows.columns())

    def finish(self) -> None:
        """Nothing is left to write."""

    def abandon(self) -> None:
        """Nothing is held."""


class NpyWriter:
    """One array of float64 or int64; its header is written again once the rows are counted."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._dtype = "<f8"
        self._shape: tuple[int, ...] | None = None

    def write(self, rows: Rows) -> None:
        """Append one block."""
        values = rows.array()
        inner = values.shape[1:]
        if self._shape is None:
            self._shape = values.shape
            self._dtype = "<i8" if values.dtype.kind == "i" else "<f8"
            self._stream.write(_npy_header(self._shape, self._dtype))
        elif inner == self._shape[1:]:
            self._shape = (self._shape[0] + len(values), *inner)
        else:
            raise OutputError(
                f"sample {rows.start}: its elements have shape {inner}, those before {self._shape[1:]}",
                why="an NPY file holds one rectangular array",
                hint="-o with .csv, .jsonl or .parquet, which have one row an element",
            )
        self._stream.write(values.astype(self._dtype).tobytes())

    def finish(self) -> None:
        """Put the number of rows into the header."""
        self._stream.seek(0)
        self._stream.write(_npy_header((0,) if self._shape is None else self._shape, self._dtype))

    def abandon(self) -> None:
        """Nothing is held."""


class ParquetWriter:
    """Row groups of bounded size; a cell that holds several numbers is a list of fixed size."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._pending: list[pa.Table] = []
        self._file: pq.ParquetWriter | None = None

    def write(self, rows: Rows) -> None:
        """Take one block, and write a row group when there are enough rows."""
        self._pending.append(_arrow_table(rows.columns()))
        if sum(table.num_rows for table in self._pending) >= ROW_GROUP:
            self._flush()

    def finish(self) -> None:
        """Write the last row group and the footer."""
        if self._pending or self._file is None:  # else the rows ended with a row group
            self._flush()
        if self._file is not None:
            self._file.close()

    def abandon(self) -> None:
        """Keep pyarrow from writing a footer when it is collected."""
        if self._file is not None:
            self._file.is_open = False

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables(self._pending or [_empty_table()])
        if self._file is None:
            self._file = pq.ParquetWriter(self._stream, table.schema)
        self._file.write_table(table, row_group_size=ROW_GROUP)
        self._pending.clear()


def _npy_header(shape: tuple[int, ...], dtype: str) -> bytes:
    """The header, whose length is the same for any number of rows: NumPy leaves room to grow."""
    header = BytesIO()
    npy.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
    return header.getvalue()


def _arrow_table(columns: Mapping[str, np.ndarray]) -> pa.Table:
    import pyarrow as pa

    return pa.table({name: _arrow_column(values) for name, values in columns.items()})


def _arrow_column(values: np.ndarray) -> pa.Array:
    import pyarrow as pa

    if values.dtype.kind in "OU":
        try:
            column = pa.array(values.reshape(-1), type=pa.string())
        except UnicodeEncodeError:  # a name from the command line may hold bytes that are no UTF-8
            column = pa.array(map(_as_utf_8, values.reshape(-1).tolist()), type=pa.string())
    else:
        column = pa.array(values.reshape(-1).astype(values.dtype.newbyteorder("="), copy=False))
    for length in reversed(values.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, length)
    return column


def _as_utf_8(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


def _empty_table() -> pa.Table:
    import pyarrow as pa

    return pa.schema({"sample": pa.int64(), "loss": pa.float64(), "weight": pa.float64()}).empty_table()
