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
_MOST_BATCH_ROWS = 1 << 16


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
        assert self.rows is not None  # noqa: S101 - told to the type checker
        row_bytes = max(8 * len(self.schema.names), self._bytes // self.rows)
        batch_rows = min(max(1, _BATCH_BYTES // row_bytes), _MOST_BATCH_ROWS)
        with damage_named(self.path, "Parquet"), self._open() as file:
            yield from file.iter_batches(batch_rows, columns=list(columns))

    def _open(self) -> pq.ParquetFile:
        return pq.ParquetFile(self._local_path, memory_map=True)
