"""The files of a folder or glob as one source."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from losscli.data.memory import ArrayFields
from losscli.errors import DataError
from losscli.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.data.model import Field, Source, Values


def concatenated(spec: str, parts: Sequence[Source]) -> Source:
    """The rows of all parts, in their order; `spec` is what the user called them."""
    first = parts[0]
    for part in parts[1:]:
        if part.format != first.format:
            raise DataError(
                f"{part.path}: the part is {part.format}, but {first.path} is {first.format}",
                why="the files of a folder or glob are read as one, so they must be of one format",
                hint="name the files by a glob such as 'folder/*.parquet'",
            )
    path = shown(spec)
    arrays = [part for part in parts if isinstance(part, ArrayFields)]
    if arrays:
        return ConcatenatedArrays(path, arrays)
    from losscli.data.concat_tables import ConcatenatedTables
    from losscli.data.table import TableSource

    return ConcatenatedTables(path, [part for part in parts if isinstance(part, TableSource)])


class Starts:
    """At which row of the whole each part begins, as far as is known."""

    def __init__(self) -> None:
        self._starts: list[int] = []

    def begin(self, part: int, row: int) -> None:
        """Part number `part` begins at `row`."""
        self._starts[part:] = [row]

    def find(self, row: int) -> tuple[int, int]:
        """The number of the part that holds `row`, and the row within it."""
        part = max(0, bisect_right(self._starts, row) - 1)
        return part, row - (self._starts[part] if self._starts else 0)


class ConcatenatedArrays(ArrayFields):
    """Arrays end to end along axis 0."""

    def __init__(self, path: str, parts: Sequence[ArrayFields]) -> None:
        first = parts[0]
        self._starts = Starts()
        rows = 0
        for number, part in enumerate(parts):
            if not part.shape or part.shape[1:] != first.shape[1:] or part.dtype != first.dtype:
                raise DataError(
                    f"{part.path}: the part has shape {part.shape} and dtype {part.dtype}",
                    why=f"{first.path} has shape {first.shape} and dtype {first.dtype}",
                    hint="the parts of one array differ along axis 0 only",
                )
            self._starts.begin(number, rows)
            rows += part.shape[0]
        self._parts = parts
        self.path = path
        self.format = first.format
        self.rows = rows
        self.shape = (rows, *first.shape[1:])
        self.dtype = first.dtype
        self.notes = tuple(note for part in parts for note in part.notes)

    def where(self, row: int, column: str | None = None) -> str:
        """Where a value stands, in words."""
        number, row_of_part = self._starts.find(row)
        return f"{self._parts[number].where(row_of_part, column)} (row {row} of {self.path})"

    def batches(self, fields: Sequence[Field]) -> Iterator[tuple[Values, ...]]:
        """The samples of one part after the other."""
        for part in self._parts:
            yield from part.batches(fields)
