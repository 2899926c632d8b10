"""Arrays with random access: those a program hands over, and those mapped from files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from losscli.data.dtypes import check_dtype, decoded, is_bfloat16
from losscli.data.model import Field, FieldInfo, Ragged
from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.data.locate import Input
    from losscli.data.model import Values

_BATCH_BYTES = 1 << 22


class ArrayFields:
    """What bare arrays have in common: one field, without columns."""

    path: str
    format: str
    rows: int | None
    columns: tuple[str, ...] | None = None
    shape: tuple[int, ...]
    dtype: np.dtype
    notes: tuple[str, ...] = ()
    origins: Sequence[Input] = ()

    def select(
        self,
        patterns: Sequence[str] | None,
        *,
        exclude: Sequence[str] = (),  # noqa: ARG002 - the protocol's
        ragged: bool = False,
        text: bool = False,
    ) -> Field:
        """The array. It has no columns that `patterns` could name."""
        if patterns is not None:
            raise DataError(
                f"{self.path}: an array has no columns, so {patterns[0]!r} names nothing in it",
                why=f"it is an array of shape {self.shape} ({self.format})",
                hint="leave --pred or --target out, or give a table (.csv, .parquet, ...)",
            )
        if 0 in self.shape[1:] and not (ragged and len(self.shape) == 2):  # of no fixed length, a row may be empty
            raise DataError(f"{self.path}: the array has rows that hold nothing", why=f"its shape is {self.shape}")
        check_dtype(self.dtype, self.path, "bfloat16", text=text)
        dtype = "text" if self.dtype.kind == "U" else self.dtype.name
        return Field(FieldInfo(self.path, self.format, self.shape, dtype), self, list(self.notes))

    def where(self, row: int, column: str | None = None) -> str:
        """Where a value stands, in words."""
        place = f"{self.path}: row {row}"
        return place if column is None else f"{place}, column {column}"

    def slice(self, field: Field, start: int, stop: int) -> np.ndarray | None:  # noqa: ARG002 - the protocol's
        """None, unless the array has random access."""
        return None

    def batches(self, fields: Sequence[Field]) -> Iterator[tuple[Values, ...]]:
        """The samples in order."""
        raise NotImplementedError


class ArraySource(ArrayFields):
    """An array in memory or in a mapped file. An array of shape () counts as one sample."""

    def __init__(
        self,
        array: np.ndarray,
        path: str,
        format: str,  # noqa: A002 - the record's own word
        *,
        input_dtype: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        check_dtype(array.dtype, path, input_dtype)
        reject_no_rows(array.shape, path)
        self._array = array
        self._is_bfloat16 = is_bfloat16(array.dtype, input_dtype)
        self.path = path
        self.format = format
        self.shape = array.shape
        self.rows = array.shape[0] if array.shape else 1
        self.dtype = np.dtype(np.float32) if self._is_bfloat16 else array.dtype
        self.notes = notes

    def slice(self, field: Field, start: int, stop: int) -> np.ndarray:  # noqa: ARG002 - the protocol's
        """A view of samples start to stop."""
        values = self._raw(start, stop)
        return decoded(values, bfloat16=self._is_bfloat16, start=start, where=self.where)

    def _raw(self, start: int, stop: int) -> np.ndarray:
        """Samples start to stop as they are stored."""
        values: np.ndarray = (self._array if self.shape else self._array.reshape(1))[start:stop]
        return values

    def batches(self, fields: Sequence[Field]) -> Iterator[tuple[np.ndarray, ...]]:
        """The samples in order, in views."""
        step = rows_per_batch(self.shape, self.dtype)
        assert self.rows is not None  # noqa: S101 - told to the type checker
        for start in range(0, self.rows, step):
            view = self.slice(fields[0], start, start + step)
            yield (view,) * len(fields)


class RaggedSource(ArrayFields):
    """Rows of varying length in memory; what a row holds may have axes of its own."""

    def __init__(self, rows: Ragged, path: str, format: str) -> None:  # noqa: A002 - the record's own word
        check_dtype(rows.values.dtype, path, None)
        self._ragged = rows
        self.path = path
        self.format = format
        self.shape = (len(rows), *rows.values.shape[1:])
        self.rows = len(rows)
        self.dtype = rows.values.dtype

    def select(
        self,
        patterns: Sequence[str] | None,
        *,
        exclude: Sequence[str] = (),
        ragged: bool = False,
        text: bool = False,
    ) -> Field:
        """The rows. They have no columns that `patterns` could name."""
        field = super().select(patterns, exclude=exclude, ragged=ragged, text=text)
        shape = (len(self._ragged), None, *self.shape[1:])
        field.info = replace(field.info, shape=shape, dtype=f"ragged[{self.dtype.name}]")
        return field

    def batches(self, fields: Sequence[Field]) -> Iterator[tuple[Ragged, ...]]:
        """All rows at once."""
        yield (self._ragged,) * len(fields)


def from_array(array: Any, name: str, *, ragged: bool = False) -> ArraySource | RaggedSource:
    """An array that a program already has, as a source. It is not copied if NumPy need not.

    Args:
        array: Whatever `numpy.asarray` takes: arrays, CPU tensors, data frames, nested lists.
        name: What messages call it ("prediction").
        ragged: Allow a list of rows of varying length.
    """
    if ragged and isinstance(array, (list, tuple)):
        rows = _rows_of_varying_length(array)
        if rows is not None:
            return RaggedSource(rows, name, "array")
    if isinstance(array, np.ma.MaskedArray):
        raise DataError(
            f"{name}: a masked array is not read, as its mask would be lost",
            hint="array.filled(value) makes a plain one; weights or ignore_index leave elements out",
        )
    try:
        values = np.asarray(array)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{name}: makes no array", why=str(error).partition("\n")[0]) from error
    return ArraySource(values, name, "array")


def _rows_of_varying_length(array: Sequence[Any]) -> Ragged | None:
    """The rows, if they are arrays that differ in their first axis, or hold nothing; else None."""
    try:
        rows = [np.asarray(row) for row in array]
    except (ValueError, TypeError, RuntimeError):
        return None
    lengths = [len(row) if row.ndim else -1 for row in rows]
    full = [row for row in rows if row.size]
    alike = {row.shape[1:] for row in full}
    if min(lengths, default=-1) < 0 or len(alike) > 1:
        return None
    if len(set(lengths)) == 1 and full and not all(isinstance(row, np.ndarray) for row in array):
        return None  # nested lists of one length are an array; a list of arrays is a list whatever their lengths
    values = np.concatenate(full) if full else np.zeros(0)
    return Ragged(values, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def reject_no_rows(shape: tuple[int, ...], path: str) -> None:
    """Refuse an array without samples."""
    if shape[:1] == (0,):
        raise DataError(f"{path}: the array has no rows", why=f"its shape is {shape}")


def rows_per_batch(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """How many samples make a batch of a few megabytes."""
    row_bytes = dtype.itemsize
    for length in shape[1:]:
        row_bytes *= length
    return max(1, _BATCH_BYTES // max(1, row_bytes))
