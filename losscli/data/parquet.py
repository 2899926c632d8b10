"""Parquet files, read a few thousand rows at a time and only in the columns that are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from losscli.data.damage import checked_schema, damage_named
from losscli.data.table import TableSource
from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.data.locate import Input

_BATCH_BYTES = 1 << 22
_READ_BYTES = 1 << 16
_MOST_BATCH_ROWS = 1 << 16

_FEW_COLUMNS = 8
"""Up to so many columns are read side by side."""

_COLUMNS_AT_ONCE = 2
"""How many columns of a row group are decoded at the same time, each by a thread."""

_WHOLE_GROUP_BYTES = 160 << 20
"""Row groups up to this size are held whole; larger ones are read in batches."""


class ParquetTable(TableSource):
    """One Parquet file."""

    format = "parquet"

    def __init__(self, located: Input) -> None:
        self.path = str(located)
        # From a path, never from bytes in memory: with threads that aborted the process at exit.
        self._local_path = located.spooled()
        with damage_named(self.path, "Parquet"), self._open() as file:
            self.schema = checked_schema(file.schema_arrow, self.path)
            self.rows = file.metadata.num_rows
        if not self.rows:
            raise self.no_rows()

    def record_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of the file, row group by row group."""
        promised, found = self.rows, 0
        for batch in self._read(columns):
            found += batch.num_rows
            yield batch
            del batch  # it may keep a whole row group from being freed while the next one is read
        if found != promised:
            raise DataError(
                f"{self.path}: the Parquet file is damaged",
                why=f"its footer promises {promised:,} rows, and {found:,} are there",
                hint="copy or write it again",
            )

    def _read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with damage_named(self.path, "Parquet"), self._open() as file:
            for group in range(file.metadata.num_row_groups):
                described = file.metadata.row_group(group)
                row_bytes = max(8 * len(columns), described.total_byte_size // max(1, described.num_rows))
                rows = min(max(1, _BATCH_BYTES // row_bytes), _MOST_BATCH_ROWS)
                if len(columns) <= _FEW_COLUMNS or described.total_byte_size > _WHOLE_GROUP_BYTES:
                    yield from file.iter_batches(rows, row_groups=[group], columns=list(columns))
                    continue
                whole = _by_column(file, group, columns)
                for start in range(0, whole.num_rows, rows):
                    yield whole.slice(start, rows)
                del whole

    def _open(self) -> pq.ParquetFile:
        # Not mapped: a file that another process cuts off meanwhile would kill this one.
        return pq.ParquetFile(self._local_path, buffer_size=_READ_BYTES)


def _by_column(file: pq.ParquetFile, group: int, columns: Sequence[str]) -> pa.RecordBatch:
    """A row group, read a few columns at a time.

    Reading columns side by side keeps a page and a dictionary of each, which for a hundred columns is
    more than the group itself. What is read is moved to memory of its own size: Arrow's allocator takes
    twice that for arrays of about a megabyte.
    """
    arrays: list[pa.Array] = []
    for start in range(0, len(columns), _COLUMNS_AT_ONCE):
        names = list(columns[start : start + _COLUMNS_AT_ONCE])
        read = file.read_row_group(group, columns=names)  # in the order of the file
        arrays += [_compact(read.column(name)) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _compact(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece; numbers without nulls in a NumPy array."""
    whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if whole.null_count or not (types.is_integer(whole.type) or types.is_floating(whole.type)):
        return whole
    values = whole.to_numpy().copy()
    # Not `pa.array`, which imports NumPy's masked arrays to ask whether this is one.
    return pa.Array.from_buffers(whole.type, len(values), [None, pa.py_buffer(values)])
