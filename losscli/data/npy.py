"""NumPy's own format: read block by block, or front to back where the file lies not on this machine."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from losscli.data.dtypes import check_dtype, decoded, is_bfloat16
from losscli.data.locate import read_up_to
from losscli.data.memory import ArrayFields, ArraySource, reject_no_rows, rows_per_batch
from losscli.errors import DataError
from losscli.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.data.locate import Input
    from losscli.data.model import Field, ReadOptions

_MOST_READ_BYTES = 1 << 24
_TILE_BYTES = 1 << 24
_PASSED_BYTES = 1 << 22
_FAR_BYTES = 1 << 14
"""Where runs of bytes begin further from each other than this, it costs less to skip what is between them."""
_MOST_ROW_BYTES = 1 << 29
_LONGEST_HEADER = 1 << 10
"""An array of numbers needs 118 bytes; over 8,000 that are damaged in the right places NumPy's parser sits a minute."""


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype
    offset: int

    @property
    def rows(self) -> int:
        return self.shape[0] if self.shape else 1

    @property
    def row_numbers(self) -> int:
        return math.prod(self.shape[1:])

    @property
    def row_bytes(self) -> int:
        return self.row_numbers * self.dtype.itemsize

    @property
    def data_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def scattered(self) -> bool:
        """Whether the numbers of a sample lie apart from each other."""
        return self.fortran_order and len(self.shape) > 1


def open_npy(located: Input, options: ReadOptions, *, format: str = "npy") -> ArrayFields:  # noqa: A002
    """The array of an NPY file or stream as a source; `format` says what it came in."""
    path = str(located)
    header = _read_header(located.head, path)
    check_dtype(header.dtype, path, options.input_dtype)
    reject_no_rows(header.shape, path)
    # Column after column, the first row is complete only at the end: such a stream is kept in a file.
    if located.local_path is None and not header.scattered and header.data_bytes:
        _refuse_vast_rows(header, path)
        return NpyStream(located, header, options.input_dtype, format)
    local_path = located.spooled()
    extra = Path(local_path).stat().st_size - header.offset - header.data_bytes
    if extra < 0:
        raise _truncated(path, header, header.data_bytes + extra)
    notes = (_extra_note(path),) if extra else ()
    return NpyFile(local_path, header, path, format, input_dtype=options.input_dtype, notes=notes)


class NpyFile(ArraySource):
    """An NPY file on this machine.

    Touching a map of a file that another process cuts off kills the process, so that blocks are read. Mapped
    is only what takes more memory than a block.
    """

    def __init__(
        self,
        local_path: str,
        header: _Header,
        path: str,
        format: str,  # noqa: A002 - the record's own word
        *,
        input_dtype: str | None,
        notes: tuple[str, ...],
    ) -> None:
        super().__init__(_map_array(local_path, header), path, format, input_dtype=input_dtype, notes=notes)
        self._local_path = local_path
        self._header = header
        self._tile = _Tile(0, np.empty((0, *header.shape[1:]), header.dtype))

    def _raw(self, start: int, stop: int) -> np.ndarray:
        header = self._header
        stop = max(start, min(stop, header.rows))
        if not header.data_bytes or (stop - start) * header.row_bytes > _MOST_READ_BYTES:
            return super()._raw(start, stop)
        if not header.scattered:
            return self._read(start, stop)
        tile = self._tile
        if not tile.holds(start, stop):
            ahead = start + _TILE_BYTES // header.row_bytes
            tile = self._tile = _Tile(start, self._read(start, min(max(stop, ahead), header.rows)))
        return tile.values[start - tile.start : stop - tile.start]

    def _read(self, start: int, stop: int) -> np.ndarray:
        """Samples start to stop: one run of bytes, or one for each number of a sample."""
        header = self._header
        runs = header.row_numbers if header.scattered else 1
        data = np.empty((runs, (stop - start) * header.row_bytes // runs), np.uint8)
        before = start * header.row_bytes // runs
        try:
            with open(self._local_path, "rb", buffering=0) as file:
                found = _gather(file, header.offset + before, header.data_bytes // runs, data)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read any more", why=error.strerror or str(error)) from error
        if found is not None:
            raise _truncated(self.path, header, before + found)
        numbers = data.reshape(-1).view(header.dtype)
        numbers.flags.writeable = False
        row_shape = header.shape[1:]
        if header.scattered:
            return numbers.reshape(*row_shape[::-1], stop - start).T
        return numbers.reshape(stop - start, *row_shape)


class _Tile(NamedTuple):
    """Samples that were read in one go: in Fortran order, a few of them would be many short runs of bytes."""

    start: int
    values: np.ndarray

    def holds(self, start: int, stop: int) -> bool:
        return self.start <= start and stop <= self.start + len(self.values)


class NpyStream(ArrayFields):
    """An NPY stream, read once from front to back."""

    def __init__(
        self,
        located: Input,
        header: _Header,
        input_dtype: str | None,
        format: str,  # noqa: A002 - the record's own word
    ) -> None:
        self._located = located
        self._header = header
        self._is_bfloat16 = is_bfloat16(header.dtype, input_dtype)
        self.path = str(located)
        self.format = format
        self.shape = header.shape
        self.rows = header.rows
        self.dtype = np.dtype(np.float32) if self._is_bfloat16 else header.dtype

    def batches(self, fields: Sequence[Field]) -> Iterator[tuple[np.ndarray, ...]]:
        """The samples in order."""
        header = self._header
        step = rows_per_batch(header.shape, header.dtype)
        with self._located.open() as stream:
            stream.read(header.offset)
            for start in range(0, header.rows, step):
                count = min(step, header.rows - start)
                data = read_up_to(stream, count * header.row_bytes)
                if len(data) < count * header.row_bytes:
                    raise _truncated(self.path, header, start * header.row_bytes + len(data))
                values = np.frombuffer(data, header.dtype).reshape(count, *header.shape[1:])
                values = decoded(values, bfloat16=self._is_bfloat16, start=start, where=self.where)
                yield (values,) * len(fields)
            if stream.read(1):
                for field in fields:
                    field.notes.append(_extra_note(self.path))


def _read_header(head: bytes, path: str) -> _Header:
    stream = io.BytesIO(head)
    try:
        version = np.lib.format.read_magic(stream)
        # Version 2.0 differs in the size of its header alone; 3.0 exists for the names of records.
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings(action="ignore"):  # that Python 2 wrote it is no news here
            shape, fortran_order, dtype = read(stream, max_header_size=_LONGEST_HEADER)
    except Exception as error:  # a damaged header makes NumPy's parser fail in any way
        raise DataError(
            f"{path}: the NPY header cannot be read",
            why=shown(str(error).partition("\n")[0]),
            hint="the file is truncated or damaged; save it again with np.save",
        ) from error
    if any(isinstance(length, bool) or length < 0 for length in shape):
        raise _damaged(path, shape)
    try:
        np.empty((1,) * len(shape))
    except ValueError as error:
        raise DataError(
            f"{path}: the array has {len(shape)} axes",
            why="NumPy reads no array of so many",
            hint="save it with fewer: values.squeeze(), or values.reshape(len(values), -1)",
        ) from error
    return _Header(shape, fortran_order, dtype, stream.tell())


def _map_array(path: str, header: _Header) -> np.ndarray:
    """The one place that maps a file, if it holds anything."""
    if not header.data_bytes:
        try:
            return np.empty(header.shape, header.dtype)
        except ValueError as error:
            raise _damaged(path, header.shape) from error
    mapped = np.memmap(
        path,
        dtype=header.dtype,
        mode="r",
        offset=header.offset,
        shape=header.shape,
        order="F" if header.fortran_order else "C",
    )
    return np.asarray(mapped)


def _refuse_vast_rows(header: _Header, path: str) -> None:
    """Refuse a stream with samples that memory may not hold: a few bytes, compressed, can claim to be such."""
    if header.row_bytes > _MOST_ROW_BYTES:
        raise DataError(
            f"{path}: one sample takes {header.row_bytes:,} bytes",
            why=f"its header promises {header.dtype} of shape {header.shape}, and a sample is held in memory",
            hint="save it uncompressed as .npy, which need not be",
        )


def _gather(file: io.FileIO, offset: int, apart: int, data: np.ndarray) -> int | None:
    """Read the rows of `data`, which begin `apart` bytes from each other in the file.

    Rows that lie near are read together with what is between them.

    Returns:
        How many bytes after `offset` the file ends, if it ends too early.
    """
    rows, long = data.shape
    together = max(1, min(rows, _PASSED_BYTES // apart)) if apart < _FAR_BYTES else 1
    passed = np.empty((together, apart), np.uint8) if together > 1 else data[:0]
    for first in range(0, rows, together):
        some = data[first : first + together]
        span = (len(some) - 1) * apart + long
        rest = passed.reshape(-1)[:span].data if together > 1 else some[0].data
        file.seek(offset + first * apart)
        while rest and (count := file.readinto(rest)):
            rest = rest[count:]
        if rest:
            return int(first * apart + span - len(rest))
        if together > 1:
            some[:] = passed[: len(some), :long]
    return None


def _damaged(path: str, shape: tuple[int, ...]) -> DataError:
    return DataError(
        f"{path}: the NPY header is damaged",
        why=f"it gives the shape {shape}",
        hint="copy the file again, or save it again with np.save",
    )


def _truncated(path: str, header: _Header, found: int) -> DataError:
    return DataError(
        f"{path}: the file is truncated: {found:,} of {header.data_bytes:,} bytes of data are there",
        why=f"its header promises {header.dtype} of shape {header.shape}",
        hint="copy or save it again",
    )


def _extra_note(path: str) -> str:
    return f"{path}: bytes after the array are not read"
