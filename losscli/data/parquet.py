"""Parquet files, read a few thousand rows at a time and only in the columns that are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from losscli.data.damage import checked_schema, damage_named
from losscli.data.table import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from losscli.data.locate import Input

_BATCH_BYTES = 1 << 22
_READ_BYTES = 1 << 20
_MOST_BATCH_ROWS = 1 << 16

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
            self._bytes = sum(
                file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups)
            )
        if not self.rows:
            raise self.no_rows()

    def record_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of the file, row group by row group."""
        with damage_named(self.path, "Parquet"), self._open() as file:
            for group in range(file.metadata.num_row_groups):
                described = file.metadata.row_group(group)
                row_bytes = max(8, described.total_byte_size // max(1, described.num_rows))
                rows = min(max(1, _BATCH_BYTES // row_bytes), _MOST_BATCH_ROWS)
                if described.total_byte_size <= _WHOLE_GROUP_BYTES:
                    yield from self._by_column(file, group, columns).to_batches(rows)
                else:
                    yield from file.iter_batches(rows, row_groups=[group], columns=list(columns))

    def _by_column(self, file: pq.ParquetFile, group: int, columns: Sequence[str]) -> pa.Table:
        """A row group, read column by column.

        Reading columns side by side keeps a page and a dictionary of each, which for a hundred columns
        is more than the group itself.
        """
        import pyarrow as pa

        return pa.table({column: file.read_row_group(group, columns=[column]).column(0) for column in columns})

    def _open(self) -> pq.ParquetFile:
        # Not mapped: a file that another process cuts off meanwhile would kill this one.
        return pq.ParquetFile(self._local_path, buffer_size=_READ_BYTES)
