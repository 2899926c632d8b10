"""Parquet files, read a few thousand rows at a time and only in the columns that are needed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from losscli.data.damage import checked_schema, damage_named
from losscli.data.storage import stored, stored_batch
from losscli.data.table import TableSource
from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.data.locate import Input

_BATCH_BYTES = 1 << 21
_READ_BYTES = 1 << 16
_MOST_BATCH_ROWS = 1 << 16

_FEW_COLUMNS = 8
"""Up to so many columns are read side by side."""

_COLUMNS_AT_ONCE = 2
"""How many columns of a row group are decoded at the same time, each by a thread."""

_ALIGNMENT = 64
"""Arrow's own columns begin at multiples of so many bytes, too."""

_WHOLE_GROUP_BYTES = 160 << 20
"""Row groups up to this size, as stored and as read, are held whole; larger ones are read in batches."""


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
                room = sum(_room(self.schema.field(name).type, described.num_rows) for name in columns)
                if len(columns) <= _FEW_COLUMNS or max(room, described.total_byte_size) > _WHOLE_GROUP_BYTES:
                    yield from map(stored_batch, file.iter_batches(rows, row_groups=[group], columns=list(columns)))
                    continue
                yield self._by_column(file, group, columns)

    def _by_column(self, file: pq.ParquetFile, group: int, columns: Sequence[str]) -> pa.RecordBatch:
        """A row group, read one column at a time by each of a few threads.

        Reading all columns side by side keeps a page and a dictionary of each, which for a hundred
        columns is more than the group itself. Numbers are moved to memory that the columns share: Arrow's
        allocator takes twice their size where a column is about a megabyte, and what the system gives
        in one piece it gives in large pages, which are quicker to come by.
        """
        rows = file.metadata.row_group(group).num_rows
        readers = [file, *(self._open(file.metadata) for _ in range(_COLUMNS_AT_ONCE - 1))]

        def read(name: str) -> pa.ChunkedArray:
            reader = readers.pop()
            try:
                column = reader.read_row_group(group, columns=[name], use_threads=False).column(name)
            finally:
                readers.append(reader)
            if len(column) != rows:
                raise pa.ArrowInvalid(f"its footer promises {rows:,} rows, and column {name!r} has {len(column):,}")
            return column

        sizes = [_room(self.schema.field(name).type, rows) for name in columns]
        room = np.split(np.empty(sum(sizes), np.uint8), np.cumsum(sizes)[:-1])
        with ThreadPoolExecutor(_COLUMNS_AT_ONCE) as pool:
            arrays = list(pool.map(lambda name, memory: _moved(read(name), memory), columns, room))
        return pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def _open(self, metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
        # Not mapped: a file that another process cuts off meanwhile would kill this one.
        return pq.ParquetFile(
            self._local_path, metadata=metadata, buffer_size=_READ_BYTES, page_checksum_verification=True
        )


def _room(column_type: pa.DataType, rows: int) -> int:
    """How many bytes a column of numbers takes; none where it is left as Arrow has it."""
    if not (types.is_integer(column_type) or types.is_floating(column_type)):
        return 0
    size: int = max(0, rows) * column_type.bit_width // 8  # a damaged footer may count less than none
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _moved(column: pa.ChunkedArray, memory: np.ndarray) -> pa.Array:
    """The column in one piece: numbers without nulls in the `memory` that was kept for them."""
    if not memory.size or column.null_count:
        return stored(column.combine_chunks() if column.num_chunks != 1 else column.chunk(0))
    chunks = [stored(chunk) for chunk in column.chunks]
    numbers = [chunk.to_numpy() for chunk in chunks]
    moved = memory[: sum(part.nbytes for part in numbers)].view(numbers[0].dtype)
    # Not `pa.array`, which imports NumPy's masked arrays to ask whether this is one.
    return pa.Array.from_buffers(chunks[0].type, len(column), [None, pa.py_buffer(np.concatenate(numbers, out=moved))])
