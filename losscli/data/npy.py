"""NumPy's own format: read block by block, or front to back where the file lies not on this machine."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from losscli.data.dtypes import check_dtype, decode_bfloat16, is_bfloat16
from losscli.data.locate import read_up_to
from losscli.data.memory import ArrayFields, ArraySource, reject_no_rows, rows_per_batch
from losscli.data.wording import shown
from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.data.locate import Input
    from losscli.data.model import Field, ReadOptions

_MOST_READ_BYTES = 1 << 26
_MOST_ROW_BYTES = 1 << 29


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype
    offset: int

    @property
    def data_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def open_npy(located: Input, options: ReadOptions, *, format: str = "npy") -> ArrayFields:  # noqa: A002
    """The array of an NPY file or stream as a source; `format` says what it came in."""
    path = str(located)
    header = _read_header(located.head, path)
    check_dtype(header.dtype, path, options.input_dtype)
    reject_no_rows(header.shape, path)
    # Column after column, the first row is complete only at the end: such a stream is kept in a file.
    needs_random_access = header.fortran_order and len(header.shape) > 1
    if located.local_path is None and not needs_random_access:
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
    is only what takes more memory than a block, or lies scattered over the file.
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
        self._scattered = header.fortran_order and len(header.shape) > 1

    def _raw(self, start: int, stop: int) -> np.ndarray:
        header = self._header
        row_shape = header.shape[1:]
        row_bytes = math.prod(row_shape) * header.dtype.itemsize
        count = max(0, min(stop, header.shape[0] if header.shape else 1) - start)
        if self._scattered or count * row_bytes > _MOST_READ_BYTES:
            return super()._raw(start, stop)
        values = np.empty((count, *row_shape), header.dtype)
        if count and (missing := _fill(values, self._local_path, header.offset + start * row_bytes, self.path)):
            raise _truncated(self.path, header, start * row_bytes + values.nbytes - missing)
        values.flags.writeable = False
        return values


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
        self.rows = header.shape[0] if header.shape else 1
        self.dtype = np.dtype(np.float32) if self._is_bfloat16 else header.dtype

    def batches(self, fields: Sequence[Field]) -> Iterator[tuple[np.ndarray, ...]]:
        """The samples in order."""
        header = self._header
        row_shape = header.shape[1:]
        row_bytes = math.prod(row_shape) * header.dtype.itemsize
        step = rows_per_batch(header.shape, header.dtype)
        assert self.rows is not None  # noqa: S101 - told to the type checker
        with self._located.open() as stream:
            stream.read(header.offset)
            for start in range(0, self.rows, step):
                count = min(step, self.rows - start)
                data = read_up_to(stream, count * row_bytes)
                if len(data) < count * row_bytes:
                    raise _truncated(self.path, header, start * row_bytes + len(data))
                values = np.frombuffer(data, header.dtype).reshape(count, *row_shape)
                yield (decode_bfloat16(values) if self._is_bfloat16 else values,) * len(fields)
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
            shape, fortran_order, dtype = read(stream)
    except Exception as error:  # a damaged header makes NumPy's parser fail in any way
        raise DataError(
            f"{path}: the NPY header cannot be read",
            why=shown(str(error).partition("\n")[0]),
            hint="the file is truncated or damaged; save it again with np.save",
        ) from error
    if any(isinstance(length, bool) or length < 0 for length in shape):
        raise DataError(f"{path}: the NPY header is damaged", why=f"it gives the shape {shape}")
    return _Header(shape, fortran_order, dtype, stream.tell())


def _map_array(path: str, header: _Header) -> np.ndarray:
    """The one place that maps a file."""
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
    row_bytes = math.prod(header.shape[1:]) * header.dtype.itemsize
    if row_bytes > _MOST_ROW_BYTES:
        raise DataError(
            f"{path}: one sample takes {row_bytes:,} bytes",
            why=f"its header promises {header.dtype} of shape {header.shape}, and a sample is held in memory",
            hint="save it uncompressed as .npy, which need not be",
        )


def _fill(values: np.ndarray, local_path: str, offset: int, path: str) -> int:
    """Read into an array; how many bytes the file is too short."""
    rest = values.reshape(-1).view(np.uint8).data
    try:
        with open(local_path, "rb", buffering=0) as file:
            file.seek(offset)
            while rest and (count := file.readinto(rest)):
                rest = rest[count:]
    except OSError as error:
        raise DataError(f"{path}: cannot be read any more", why=error.strerror or str(error)) from error
    return len(rest)


def _truncated(path: str, header: _Header, found: int) -> DataError:
    return DataError(
        f"{path}: the file is truncated: {found:,} of {header.data_bytes:,} bytes of data are there",
        why=f"its header promises {header.dtype} of shape {header.shape}",
        hint="copy or save it again",
    )


def _extra_note(path: str) -> str:
    return f"{path}: bytes after the array are not read"
