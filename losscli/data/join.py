"""Two tables, matched row by row through a column of ids."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from losscli.data.columns import choose_columns
from losscli.data.model import Field
from losscli.data.rows import join_rows, take_rows
from losscli.data.table import TableSource
from losscli.errors import DataError
from losscli.wording import listed, several

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.data.locate import Input
    from losscli.data.model import Source, Values

_BATCH_ROWS = 1 << 16
_SHOWN = 5


def join_targets(left: Source, right: Source, id_column: str) -> Source:
    """The table `right` with its rows in the order of `left`, as their ids say.

    Every id must stand once in each table. The ids of both and the fields that are read from
    `right` are held in memory; `left` is read once for its ids, so it must not be a pipe
    (`open_source(..., reread=True)` keeps one).
    """
    left_table, right_table = _table(left), _table(right)
    left_ids, right_ids = _ids(left_table, id_column), _ids(right_table, id_column)
    if left_ids.type != right_ids.type:
        raise DataError(
            f"{left.path} has {_named(left_ids.type)} as ids in column {id_column!r}, "
            f"{right.path} has {_named(right_ids.type)}",
            why="numbers and text never match",
            hint="write them in both files in the same way",
        )
    for table, ids in ((left_table, left_ids), (right_table, right_ids)):
        _reject_duplicates(table, ids, id_column)
    order = pc.index_in(left_ids, value_set=right_ids)
    problems = []
    if order.null_count:
        missing = left_ids.filter(order.is_null())
        problems.append(f"{_some(missing, left.path)} missing in {right.path}: {_first(missing)}")
    extra = right_ids.filter(pc.invert(pc.is_in(right_ids, value_set=left_ids)))
    if len(extra):
        problems.append(f"{_some(extra, right.path)} not in {left.path}: {_first(extra)}")
    if problems:
        raise DataError(
            f"{'; '.join(problems)}",
            why=f"every id in column {id_column!r} must stand once in each table",
            hint="drop the rows that have no partner",
        )
    return JoinedTable(right_table, order.to_numpy().astype(np.int64), id_column)


@dataclass(kw_only=True)
class JoinedField(Field):
    """A field of the table, in the order of the other one."""

    inner: Field


class JoinedTable:
    """A table whose rows are handed out in another order."""

    def __init__(self, table: TableSource, order: np.ndarray, id_column: str) -> None:
        self._table = table
        self._order = order
        self._id_column = id_column
        self.path = table.path
        self.format = table.format
        self.rows: int | None = len(order)
        self.origins: Sequence[Input] = table.origins

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the table's columns."""
        return self._table.columns

    def select(
        self,
        patterns: Sequence[str] | None,
        *,
        exclude: Sequence[str] = (),
        ragged: bool = False,
        text: bool = False,
    ) -> Field:
        """The field made of the columns that `patterns` name, or of the numeric ones but the ids."""
        inner = self._table.select(patterns, exclude=[*exclude, self._id_column], ragged=ragged, text=text)
        return JoinedField(info=inner.info, source=self, notes=inner.notes, inner=inner)

    def batches(self, fields: Sequence[Field]) -> Iterator[tuple[Values, ...]]:
        """The values of `fields` in the order of the other table."""
        inner = [entry.inner for entry in fields if isinstance(entry, JoinedField)]
        whole = [join_rows(pieces) for pieces in zip(*self._table.batches(inner), strict=True)]
        for start in range(0, len(self._order), _BATCH_ROWS):
            rows = self._order[start : start + _BATCH_ROWS]
            yield tuple(take_rows(values, rows) for values in whole)

    def slice(self, field: Field, start: int, stop: int) -> np.ndarray | None:  # noqa: ARG002 - the protocol's
        """None: the rows come in order."""
        return None

    def where(self, row: int, column: str | None = None) -> str:
        """Where a value stands, in words: the row in the table's own order."""
        return self._table.where(int(self._order[row]), column)


def _table(source: Source) -> TableSource:
    if isinstance(source, TableSource):
        return source
    raise DataError(
        f"{source.path}: rows can be matched by ids only in tables, and this is an array ({source.format})",
        hint="leave --id out, or give tables (.csv, .parquet, ...) that hold the ids",
    )


def _ids(table: TableSource, id_column: str) -> pa.Array:
    choose_columns(table.schema.names, [id_column], table.path)
    pieces = [batch.column(id_column) for batch in table.record_batches([id_column])]
    if not any(map(len, pieces)):
        raise table.no_rows()
    ids = pa.chunked_array(pieces).combine_chunks()
    if types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    if ids.null_count:
        row = ids.is_null().index(True).as_py()
        raise DataError(f"{table.where(row, id_column)}: the id is empty (null)")
    if types.is_integer(ids.type):
        # Signed and unsigned ids meet in a type that holds both.
        return ids.cast(pa.decimal128(20))
    if types.is_floating(ids.type):  # text formats read every number as float64
        try:
            return ids.cast(pa.int64()).cast(pa.decimal128(20))
        except pa.ArrowInvalid as error:
            raise DataError(
                f"{table.path}: column {id_column!r} holds numbers with a fraction, which are no ids",
                hint="--id names a column of whole numbers or of text",
            ) from error
    if types.is_large_string(ids.type) or types.is_string(ids.type):
        return ids.cast(pa.large_string())
    raise DataError(
        f"{table.path}: column {id_column!r} holds {ids.type}, which are no ids",
        hint="--id names a column of whole numbers or of text",
    )


def _reject_duplicates(table: TableSource, ids: pa.Array, id_column: str) -> None:
    counts = pc.value_counts(ids)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        raise DataError(
            f"{table.path}: {several(len(repeated), 'id stands', 'ids stand')} more than once in column {id_column!r}: "
            f"{_first(repeated.field('values'))}",
            why="which of the rows is meant cannot be said",
            hint="keep one row for each id",
        )


def _some(ids: pa.Array, path: str) -> str:
    return several(len(ids), f"id of {path} is", f"ids of {path} are")


def _named(id_type: pa.DataType) -> str:
    return "numbers" if types.is_decimal(id_type) else "text"


def _first(ids: pa.Array) -> str:
    more = ", ..." if len(ids) > _SHOWN else ""
    first = ids[:_SHOWN].to_pylist()
    return listed([int(each) if isinstance(each, Decimal) else each for each in first]) + more
