"""The tables of a folder or glob as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from losscli.data import conversion
from losscli.data.concat import Starts
from losscli.data.table import TableSource
from losscli.errors import DataError
from losscli.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_UNTYPED_FORMATS = ("csv", "tsv", "jsonl")


class ConcatenatedTables(TableSource):
    """Tables of the same columns, one after the other."""

    def __init__(self, path: str, parts: Sequence[TableSource]) -> None:
        self.path = path
        self.format = parts[0].format
        self._parts = parts
        self._starts = Starts()
        self.schema = parts[0].schema
        for part in parts[1:]:
            self.schema = self._agreed(part)
        counts = [part.rows for part in parts if part.rows is not None]
        self.rows = sum(counts) if len(counts) == len(parts) else None

    def record_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of one part after the other."""
        row = 0
        for number, part in enumerate(self._parts):
            self._starts.begin(number, row)
            for batch in part.record_batches(columns):
                yield batch
                row += batch.num_rows

    def peek(self, column: str) -> pa.Array:
        """The first rows of a column of the first part."""
        return self._parts[0].peek(column)

    def where(self, row: int, column: str | None = None) -> str:
        """Where a value stands, in words."""
        number, row_of_part = self._starts.find(row)
        return f"{self._parts[number].where(row_of_part, column)} (row {row} of {self.path})"

    def _agreed(self, part: TableSource) -> pa.Schema:
        """The schema so far, widened where a format without types shows whole and broken numbers."""
        expected, found = self.schema, part.schema
        missing = [name for name in expected.names if name not in found.names]
        more = [name for name in found.names if name not in expected.names]
        if missing or more:
            differences = [f"lacks {listed(missing)}"] if missing else []
            differences += [f"has {listed(more)} besides"] if more else []
            raise self._differs(part, " and ".join(differences))
        fields = []
        for field in expected:
            other = found.field(field.name).type
            if field.type != other and not _both_unread(field.type, other):
                if self.format not in _UNTYPED_FORMATS or not _both_numbers(field.type, other):
                    raise self._differs(
                        part, f"holds {other} in column {field.name!r}, the parts before it {field.type}"
                    )
                fields.append(pa.field(field.name, pa.float64()))
            else:
                fields.append(field)
        return pa.schema(fields)

    def _differs(self, part: TableSource, how: str) -> DataError:
        return DataError(
            f"{part.path}: the part {how}",
            why="the files of a folder or glob are read as one table, so their columns must agree",
            hint="name only the files that belong together, by a glob",
        )


def _both_numbers(one: pa.DataType, other: pa.DataType) -> bool:
    return conversion.content_of(one) == conversion.content_of(other) == "number"


def _both_unread(one: pa.DataType, other: pa.DataType) -> bool:
    contents = {conversion.content_of(one), conversion.content_of(other)}
    return contents <= {"text", "other"}
