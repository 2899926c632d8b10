"""Arrow's own formats: IPC files (Feather), read batch by batch where they lie here, and IPC streams."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
from pyarrow import ipc

from losscli.data.damage import checked_schema, damage_named
from losscli.data.locate import read_up_to
from losscli.data.storage import stored_batch
from losscli.data.table import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.data.locate import Input

_FILE_MAGIC = b"ARROW1"


class ArrowFile(TableSource):
    """An IPC file. How many rows it has is told by its batches alone."""

    format = "arrow"

    def __init__(self, located: Input) -> None:
        self.path = str(located)
        self.rows = None
        self._local_path = located.spooled()
        with damage_named(self.path, "Arrow"), _opened(self._local_path) as file:
            self.schema = checked_schema(ipc.open_file(file).schema, self.path)

    def record_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The batches as they were written."""
        wanted = [self.schema.get_field_index(name) for name in columns]
        with damage_named(self.path, "Arrow"), _opened(self._local_path) as file:
            reader = ipc.open_file(file, options=ipc.IpcReadOptions(included_fields=sorted(wanted)))
            for number in range(reader.num_record_batches):
                try:
                    batch = reader.get_batch(number)
                except pa.ArrowMemoryError:
                    # For some of the columns, Arrow asks for what a damaged file claims; for all, reads what is there.
                    batch = ipc.open_file(file).get_batch(number)
                yield _validated(batch)


class ArrowStream(TableSource):
    """An IPC stream, read from front to back."""

    format = "arrow"

    def __init__(self, located: Input) -> None:
        self.path = str(located)
        self.rows = None
        self._located = located
        reader = self._open()
        with damage_named(self.path, "Arrow"):
            self.schema = checked_schema(reader.schema, self.path)
        self._reader: ipc.RecordBatchStreamReader | None = reader
        self._peeked: list[pa.RecordBatch] = []

    def peek(self, column: str) -> pa.Array:
        """The first rows of a column; they are kept for the reading."""
        if self._reader is None:
            self._reader, self._peeked = self._open(), []
        while not self._peeked or not self._peeked[-1].num_rows:
            batch = self._next(self._reader)
            if batch is None:
                raise self.no_rows()
            self._peeked.append(batch)
        return self._peeked[-1].column(column)

    def record_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:  # noqa: ARG002 - all come
        """The batches as they were written."""
        reader, peeked = self._reader or self._open(), self._peeked
        self._reader, self._peeked = None, []
        yield from peeked
        while (batch := self._next(reader)) is not None:
            yield batch

    def _open(self) -> ipc.RecordBatchStreamReader:
        path = self._located.local_path
        with damage_named(self.path, "Arrow"):
            return ipc.open_stream(_Pieces(self._located.open()) if path is None else _opened(path))

    def _next(self, reader: ipc.RecordBatchStreamReader) -> pa.RecordBatch | None:
        with damage_named(self.path, "Arrow"):
            try:
                return _validated(reader.read_next_batch())
            except StopIteration:
                return None


class _Pieces(io.RawIOBase):
    """A stream that Arrow may ask for as many bytes as a damaged file says that there are."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._stream.seekable()

    def read(self, size: int = -1) -> bytes:
        return self._stream.read() if size < 0 else read_up_to(self._stream, size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()


def _opened(path: str) -> pa.PythonFile:
    # Not mapped: a file that another process cuts off meanwhile would kill this one.
    return pa.PythonFile(_Pieces(open(path, "rb", buffering=0)), mode="r")


def open_arrow(located: Input) -> TableSource:
    """The table of an IPC file or stream."""
    return ArrowFile(located) if located.head.startswith(_FILE_MAGIC) else ArrowStream(located)


def _validated(batch: pa.RecordBatch) -> pa.RecordBatch:
    # Arrow trusts the offsets in a file; a damaged one would be read out of bounds. Text in an extension
    # type aborts the process in pyarrow 17, so what is stored is looked at, not what it stands for.
    batch = stored_batch(batch)
    batch.validate(full=True)
    return batch
