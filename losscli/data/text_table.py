"""What tables in text have in common: rows that stand on lines, an encoding, chunks that are parsed."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal

import numpy as np

from losscli.data.cells import LARGEST_SURE_INTEGER
from losscli.data.chunks import CHUNK_BYTES, RowShape, parsed_ahead, row_chunks
from losscli.data.locate import HEAD_BYTES
from losscli.data.table import TableSource
from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from losscli.data.chunks import Chunk
    from losscli.data.locate import Input
    from losscli.data.table import TableField

STDIN = "<stdin>"
_BOM = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF_32_MARKS = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")


class Beginning:
    """The first bytes of a text: checked to be UTF-8, without its byte order mark.

    Attributes:
        text: The bytes after the mark, grown by `grow`.
        whole: Whether that is all of the input.
        mark_bytes: The length of the byte order mark.
        newline: What ends a line.
    """

    def __init__(self, source: Input) -> None:
        self._source = source
        self._take(source.head, HEAD_BYTES)

    def grow(self) -> None:
        """Take twice as many bytes: the first rows are longer than what was taken."""
        self._source.reread()
        size = 2 * max(HEAD_BYTES, len(self.text))
        with self._source.open() as stream:
            self._take(stream.read(size), size)

    def _take(self, data: bytes, wanted: int) -> None:
        reject_other_encodings(data, self._source)
        self.mark_bytes = len(_BOM) if data.startswith(_BOM) else 0
        self.text = data[self.mark_bytes :]
        self.whole = len(data) < wanted
        self.newline = b"\r" if b"\r" in self.text and b"\n" not in self.text else b"\n"


class TextTable(TableSource):
    """A table whose rows stand in a text, one after the other.

    A subclass parses whole rows at once, and explains what is wrong with rows that do not parse.

    Attributes:
        notes: What was found out about the text that its reader should know.
        first_row: What the first row was taken for, where it could be the other as well.
    """

    def __init__(
        self, source: Input, format_name: str, rows: RowShape, *, skip: int, first_line: int, sample: bytes
    ) -> None:
        self.path = str(source)
        self.format = format_name
        self.rows = None
        self.notes: list[str] = []
        self.first_row: Literal["header", "data"] | None = None
        self.chunk_bytes = CHUNK_BYTES
        self._source = source
        self._row_shape = rows
        self._skip = skip
        self._first_line = first_line
        self._sample = sample
        self._broken: list[np.ndarray] = []
        self._rows_known = 0

    @abstractmethod
    def _parsed(self, data: memoryview, columns: Sequence[str]) -> pa.RecordBatch | None:
        """The columns of whole rows, None where something is odd; called on several threads."""

    @abstractmethod
    def _reread(self, data: memoryview, columns: Sequence[str], start: int) -> pa.RecordBatch:
        """The same, slowly and with care: raises the error that names the first wrong row.

        `start` is the number of the first row.
        """

    def record_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows from the first one on, in batches of a chunk each."""
        start = 0

        def parse(chunk: Chunk) -> pa.RecordBatch | None:
            return self._parsed(chunk.data, columns)

        with self._source.open() as stream:
            stream.read(self._skip)
            chunks = row_chunks(stream, self._row_shape, self.path, self.chunk_bytes)
            for chunk, parsed in parsed_ahead(chunks, parse):
                batch = self._reread(chunk.data, columns, start) if parsed is None else parsed
                # A second pass sees the same chunks and learns nothing about their lines.
                if chunk.broken_rows.size and start >= self._rows_known:
                    self._learn_lines(chunk, start, batch.num_rows)
                start += batch.num_rows
                self._rows_known = max(self._rows_known, start)
                yield batch
        if not start:
            raise self.no_rows()

    def peek(self, column: str) -> pa.Array:
        """The first rows of a column, from what was read to learn the layout."""
        data = memoryview(self._sample)
        parsed = self._parsed(data, [column])
        batch = self._reread(data, [column], 0) if parsed is None else parsed
        return batch.column(column)

    def select(
        self,
        patterns: Sequence[str] | None,
        *,
        exclude: Sequence[str] = (),
        ragged: bool = False,
        text: bool = False,
    ) -> TableField:
        """The field made of the columns that `patterns` name, or of the numeric ones."""
        try:
            selected = super().select(patterns, exclude=exclude, ragged=ragged, text=text)
        except DataError as error:
            if self.first_row != "data" or error.hint:
                raise
            raise DataError.of(error, hint="--header if the first row names the columns") from error
        selected.notes = [*self.notes, *selected.notes]
        selected.first_row = self.first_row
        return selected

    def where(self, row: int, column: str | None = None) -> str:
        """Where a value stands: file, row, line and column."""
        place = f"{self.path}: row {row} (line {self._line(row)})"
        return place if column is None else f"{place}, column {column!r}"

    def _learn_lines(self, chunk: Chunk, start: int, rows: int) -> None:
        # As many rows as lines: the quotes stand within unquoted cells, and hide no line end.
        if bytes(chunk.data).count(self._row_shape.newline) > rows:
            self._broken.append(start + chunk.broken_rows)

    def _line(self, row: int) -> int:
        before = sum(int(np.searchsorted(broken, row)) for broken in self._broken)
        return self._first_line + row + before


def reject_other_encodings(data: bytes, source: Input) -> None:
    """Refuse UTF-16, UTF-32 and binary data by name."""
    if data.startswith(_UTF_32_MARKS):
        raise _other_encoding(source, "UTF-32", "it begins with the UTF-32 byte order mark")
    if data.startswith(_UTF_16_MARKS):
        raise _other_encoding(source, "UTF-16", "it begins with the UTF-16 byte order mark")
    if b"\0" not in data:
        return
    pairs = np.frombuffer(data, np.uint8, len(data) // 2 * 2).reshape(-1, 2)
    zeros = (pairs == 0).mean(axis=0) if len(pairs) else np.zeros(2)
    if zeros.max() > 0.4 and zeros.min() < 0.1:
        encoding = "UTF-16LE" if zeros[1] > zeros[0] else "UTF-16BE"
        raise _other_encoding(source, encoding, "every other byte is NUL")
    raise nul_byte(str(source), data.count(b"\n", 0, data.index(b"\0")) + 1)


def nul_byte(path: str, line: int) -> DataError:
    """The error for a NUL byte in a text."""
    return DataError(
        f"{path}: line {line} holds a NUL byte",
        why="it is no text, or a damaged one",
        hint="--input-format names the format, if it is not this one",
    )


def decoded(data: bytes, path: str, first_line: int) -> str:
    """The text of `data`, whose first line has the number `first_line`; it must be UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + data.count(b"\n", 0, error.start)
        raise DataError(
            f"{path}: line {line} is not UTF-8: byte 0x{data[error.start]:02x}",
            why="the file has another encoding, perhaps Latin-1 or Windows-1252",
            hint=_conversion(path, "WINDOWS-1252"),
        ) from error


def doubtful(values: np.ndarray) -> bool:
    """Whether some number is infinite or so large that a whole number may have been rounded."""
    # Written so that a NaN is doubtful too: it would hide what stands beside it.
    return not (values.min() > -LARGEST_SURE_INTEGER and values.max() < LARGEST_SURE_INTEGER)


def _other_encoding(source: Input, encoding: str, why: str) -> DataError:
    return DataError(
        f"{source}: the text is {encoding}, not UTF-8",
        why=why,
        hint=_conversion(str(source), encoding),
    )


def _conversion(path: str, encoding: str) -> str:
    if path == STDIN:
        return f"pipe it through iconv -f {encoding} -t UTF-8"
    import shlex

    return f"iconv -f {encoding} -t UTF-8 {shlex.quote(path)} > utf8.csv"
