"""Columns of Arrow tables as NumPy arrays: without copies where the layout allows it, never with a guess."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
from pyarrow import types

from losscli.data.model import Ragged
from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Where = Callable[[int], str]

Content = Literal["number", "boolean", "list", "text", "other"]


def content_of(column_type: pa.DataType) -> Content:
    """What the cells of a column hold, as far as a loss can care."""
    if types.is_dictionary(column_type):
        content = content_of(column_type.value_type)
        return "other" if content == "list" else content  # of lists, what reads lists would see the indices
    if types.is_boolean(column_type):
        return "boolean"
    if types.is_integer(column_type) or types.is_floating(column_type) or types.is_decimal(column_type):
        return "number"
    if types.is_string(column_type) or types.is_large_string(column_type) or types.is_string_view(column_type):
        return "text"
    if _is_list(column_type):
        return "list" if content_of(element_type(column_type)) in ("number", "boolean") else "other"
    return "other"


def element_type(column_type: pa.DataType) -> pa.DataType:
    """The type of the scalars inside of any depth of lists."""
    while _is_list(column_type):
        column_type = column_type.value_type
    return column_type


def numpy_dtype(scalar_type: pa.DataType) -> np.dtype:
    """The dtype that `scalars` yields for a column of numbers or booleans."""
    if types.is_dictionary(scalar_type):
        return numpy_dtype(scalar_type.value_type)
    if types.is_decimal(scalar_type):
        return np.dtype(np.float64)
    # The type's own to_pandas_dtype() needs pandas itself in older versions of pyarrow.
    dtype: np.dtype = pa.array([], scalar_type).to_numpy(zero_copy_only=False).dtype
    return dtype


def common_dtype(dtypes: Sequence[np.dtype]) -> np.dtype:
    """The dtype of a matrix of such columns: their own if they agree, else one that holds them all."""
    if len(set(dtypes)) == 1:
        return dtypes[0]
    if all(dtype.kind in "biu" for dtype in dtypes):
        combined: np.dtype = np.result_type(*dtypes)
        return combined
    return np.dtype(np.float64)


def scalars(column: pa.Array, where: Where) -> np.ndarray:
    """A column of numbers or booleans as a vector. `where` says in words where a row stands."""
    column = _decoded(column)
    _reject_nulls(column, where)
    if types.is_decimal(column.type):
        # Arrow's own cast of a decimal can be an ulp off; its parser of digits is correctly rounded.
        column = column.cast(pa.string()).cast(pa.float64())
    return _as_numpy(column)


def matrix(batch: pa.RecordBatch, names: Sequence[str], dtype: np.dtype, place: Callable[[str], Where]) -> np.ndarray:
    """Columns of numbers or booleans side by side, in C order. `place` says for each where its rows stand."""
    chosen = batch.select(names)
    if _are_alike(chosen.schema.types):
        with suppress(pa.ArrowTypeError):  # there are nulls, of which the first is found below
            # Put together by Arrow: the interpreter, for which threads wait, is not called for each column.
            together: np.ndarray = chosen.to_tensor(row_major=False).to_numpy().astype(dtype, order="C")
            return together
    vectors = [scalars(column, place(name)) for name, column in zip(names, chosen.columns, strict=True)]
    return np.ascontiguousarray(np.array(vectors, dtype).T)


def first_shape(column: pa.Array, where: Where) -> tuple[int, ...]:
    """The shape of the first row of a list column."""
    if isinstance(column.type, pa.FixedShapeTensorType):
        tensor: np.ndarray = column[:1].to_numpy_ndarray()
        return tensor.shape[1:]
    shape = []
    values = column[:1]
    while _is_list(values.type):
        _reject_nulls(values, where)
        shape.append(len(values[0]) if len(values) else 0)
        if not shape[-1]:
            raise DataError(f"{where(0)}: the list is empty, so the shape of a row is not known")
        values = values.flatten()[:1]
    return tuple(shape)


def stacked(column: pa.Array, shape: tuple[int, ...], where: Where) -> np.ndarray:
    """A list column whose every row has `shape`, as an array with the rows along axis 0."""
    rows = len(column)
    if isinstance(column.type, pa.FixedShapeTensorType):
        _reject_nulls(column, where)
        tensors: np.ndarray = column.to_numpy_ndarray()
        return tensors
    values, per_row = column, 1
    for length in shape:
        values = _unwrapped(values, length, _row_of(where, per_row))
        per_row *= length
    return scalars(values, _row_of(where, per_row)).reshape(rows, *shape)


def ragged(column: pa.Array, inner: tuple[int, ...], where: Where) -> Ragged:
    """A list column of varying length; what a list holds has the shape `inner`."""
    _reject_nulls(column, where)
    offsets = _as_numpy(column.offsets).astype(np.int64)
    offsets -= offsets[0]

    def where_value(position: int) -> str:
        return where(int(np.searchsorted(offsets, position, side="right")) - 1)

    values = column.flatten()
    return Ragged(stacked(values, inner, where_value) if inner else scalars(values, where_value), offsets)


def texts(column: pa.Array, where: Where) -> np.ndarray:
    """A column of strings as an array of dtype object."""
    column = _decoded(column)
    _reject_nulls(column, where)
    try:
        return _as_numpy(column)
    except (pa.ArrowException, UnicodeDecodeError):
        for row, cell in enumerate(column):
            try:
                cell.as_py()
            except UnicodeDecodeError as error:
                raise DataError(f"{where(row)}: the text is not UTF-8", why=str(error)) from error
        raise


def is_variable_list(column_type: pa.DataType) -> bool:
    """Whether the rows of such a column can differ in length."""
    return bool(types.is_list(column_type) or types.is_large_list(column_type))


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if types.is_dictionary(column.type) else column


def _are_alike(column_types: Sequence[pa.DataType]) -> bool:
    first = column_types[0]
    return (types.is_integer(first) or types.is_floating(first)) and column_types.count(first) == len(column_types)


def _is_list(column_type: pa.DataType) -> bool:
    return (
        is_variable_list(column_type)
        or types.is_fixed_size_list(column_type)
        or isinstance(column_type, pa.FixedShapeTensorType)
    )


def _row_of(where: Where, per_row: int) -> Where:
    return lambda position: where(position // per_row)


def _unwrapped(column: pa.Array, length: int, where: Where) -> pa.Array:
    """The values of lists that must all have `length`."""
    _reject_nulls(column, where)
    if is_variable_list(column.type):
        lengths = np.diff(column.offsets.to_numpy())
        wrong = np.flatnonzero(lengths != length)
        if wrong.size:
            raise _other_length(where(int(wrong[0])), int(lengths[wrong[0]]), length)
    elif column.type.list_size != length:
        raise _other_length(where(0), column.type.list_size, length)
    return column.flatten()


def _reject_nulls(column: pa.Array, where: Where) -> None:
    if column.null_count:
        raise DataError(
            f"{where(int(np.argmax(_as_numpy(column.is_null()))))}: the cell is empty (null)",
            why="a missing value has no loss; pandas also stores NaN as null",
            hint="drop or fill such rows before",
        )


def _as_numpy(column: pa.Array) -> np.ndarray:
    values: np.ndarray = column.to_numpy(zero_copy_only=False)
    return values


def _other_length(where: str, length: int, expected: int) -> DataError:
    return DataError(
        f"{where}: a list of {length} values where the rows before have {expected}",
        why="rows of different lengths make no array",
        hint="only losses that take lengths read such lists; pad or trim the rows for the others",
    )
