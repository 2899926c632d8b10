"""Columns of extension types, read as the numbers or the text that they are stored as."""

from __future__ import annotations

import pyarrow as pa

KNOWN = (pa.FixedShapeTensorType,)
"""Extension types that say more of the values than what they are stored as."""


def stored_type(column_type: pa.DataType) -> pa.DataType:
    """What values of this type are stored as: any other type is its own.

    A type that pyarrow does not know is its storage there, too; which ones it knows hangs on its version.
    """
    while _hides_storage(column_type):
        column_type = column_type.storage_type
    return column_type


def stored_schema(schema: pa.Schema) -> pa.Schema:
    """The schema that `stored_batch` gives batches of this one."""
    return pa.schema([field.with_type(stored_type(field.type)) for field in schema], schema.metadata)


def stored_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, with the storage of extension types in their place."""
    if not any(map(_hides_storage, batch.schema.types)):
        return batch
    return pa.RecordBatch.from_arrays([stored(column) for column in batch.columns], names=batch.schema.names)


def stored(column: pa.Array) -> pa.Array:
    """The storage of a column, if it is of an extension type."""
    while _hides_storage(column.type):
        column = column.storage
    return column


def _hides_storage(column_type: pa.DataType) -> bool:
    return isinstance(column_type, pa.BaseExtensionType) and not isinstance(column_type, KNOWN)
