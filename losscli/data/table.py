"""What every table has in common: the choice of columns, and their way into arrays."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from losscli.data import conversion
from losscli.data.columns import choose_columns, reject_duplicates
from losscli.data.model import Field, FieldInfo
from losscli.errors import DataError
from losscli.wording import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pyarrow as pa

    from losscli.data.locate import Input
    from losscli.data.model import Values

_PIECE_BYTES = 1 << 21
_ROW_NUMBER_NAMES = ("", "Unnamed: 0", "index")
_PANDAS_INDEX = "__index_level_0__"


@dataclass(kw_only=True)
class TableField(Field):
    """A field made of columns.

    Attributes:
        names: The columns.
        layout: How their cells become one array.
        counter: A column that was left out because it counts the rows, which is verified on reading.
    """

    names: tuple[str, ...]
    layout: Literal["numbers", "stacked", "ragged", "text"]
    dtype: np.dtype
    row_shape: tuple[int, ...] = ()
    counter: str | None = field(default=None)


class TableSource(ABC):
    """One opened table, read as a stream of record batches.

    Attributes:
        path: The name of the input in messages and results.
        format: "csv", "parquet", ...
        rows: The number of rows, None where only reading to the end tells it.
        schema: The names and Arrow types of the columns, as `record_batches` yields them.
    """

    path: str
    format: str
    rows: int | None
    schema: pa.Schema
    origins: Sequence[Input] = ()

    @abstractmethod
    def record_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows from the first one on, as batches that hold at least `columns`."""

    def peek(self, column: str) -> pa.Array:
        """The first rows of a column, for questions that its type does not answer.

        It must not use up an input that can be read only once: such a table overrides it.
        """
        for batch in self.record_batches([column]):
            if batch.num_rows:
                return batch.column(column)
        raise self.no_rows()

    def where(self, row: int, column: str | None = None) -> str:
        """Where a value stands, in words."""
        place = f"{self.path}: row {row}"
        return place if column is None else f"{place}, column {column!r}"

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the columns."""
        return tuple(self.schema.names)

    def slice(self, field: Field, start: int, stop: int) -> np.ndarray | None:  # noqa: ARG002 - the protocol's
        """None: the rows of a table come in order."""
        return None

    def select(
        self,
        patterns: Sequence[str] | None,
        *,
        exclude: Sequence[str] = (),
        ragged: bool = False,
        text: bool = False,
    ) -> TableField:
        """The field made of the columns that `patterns` name, or of the numeric ones."""
        counter = None
        notes: list[str] = []
        excluded = frozenset(exclude)
        if patterns is None:
            counter = self._row_counter(excluded)
            names = self._default_columns(excluded, counter, text=text)
            reject_duplicates(self._counts_of_names, names, self.path)
            notes = self._left_out(names, excluded, counter)
        else:
            names = choose_columns(self._counts_of_names, patterns, self.path, exclude=excluded)
        selected = self._several(names) if len(names) > 1 else self._single(names[0], ragged=ragged, text=text)
        selected.counter = counter
        selected.notes = notes
        return selected

    def batches(self, fields: Sequence[Field]) -> Iterator[tuple[Values, ...]]:
        """The values of `fields`, a record batch at a time; the table is read once for all of them."""
        chosen = [entry for entry in fields if isinstance(entry, TableField)]
        counters = {entry.counter for entry in chosen if entry.counter is not None}
        needed = {name: None for entry in chosen for name in entry.names} | dict.fromkeys(counters)
        start = 0
        for batch in _in_pieces(self.record_batches(list(needed)), chosen):
            for counter in counters:
                self._verify_counter(batch, counter, start)
            size = batch.num_rows
            values = tuple(self._values(batch, entry, start) for entry in chosen)
            del batch  # it would keep all that it was cut from while the next is read
            yield values
            start += size
        self.rows = start

    def no_rows(self) -> DataError:
        """The error for a table that ends before its first row."""
        return DataError(f"{self.path}: the table has no rows", why=f"columns: {listed(self.schema.names)}")

    @cached_property
    def _counts_of_names(self) -> Counter[str]:
        return Counter(self.schema.names)

    def _type(self, name: str) -> pa.DataType:
        return self.schema.field(name).type

    def _content(self, name: str) -> conversion.Content:
        return conversion.content_of(self._type(name))

    def _default_columns(self, exclude: Collection[str], counter: str | None, *, text: bool) -> list[str]:
        by_content: dict[conversion.Content, list[str]] = {}
        for column in self.schema:
            if column.name not in exclude and column.name != counter:
                by_content.setdefault(conversion.content_of(column.type), []).append(column.name)
        numbers, lists = by_content.get("number", []), by_content.get("list", [])
        if lists and len(numbers) + len(lists) > 1:
            raise DataError(
                f"{self.path}: which columns are meant is not clear",
                why=f"it has lists in {listed(lists)}" + (f" and numbers in {listed(numbers)}" if numbers else ""),
                hint=f"--pred {lists[0]} (or --target) names the column",
            )
        if numbers or lists:
            return numbers or lists
        if text:
            for content in ("text", "boolean"):
                if len(labels := by_content.get(content, [])) == 1:
                    return labels
        raise DataError(
            f"{self.path}: no column holds numbers",
            why=f"its columns are {_described(list(self.schema)[:20])}",
            hint="--pred and --target name columns",
        )

    def _row_counter(self, exclude: Collection[str]) -> str | None:
        """The column that only numbers the rows: pandas writes its index so. Alone, a column is data."""
        names: list[str] = self.schema.names
        if len(names) == 1:
            return None
        candidates = [name for name in names[:1] if name in _ROW_NUMBER_NAMES]
        candidates += [name for name in names if name == _PANDAS_INDEX]
        for name in candidates:
            if name in exclude or names.count(name) > 1 or self._content(name) != "number":
                continue
            if self._counts(name):
                return name
        return None

    def _counts(self, name: str) -> bool:
        """Whether the first rows of a column count from 0."""
        first = self.peek(name)
        if first.null_count:
            return False
        numbers = conversion.scalars(first, lambda row: self.where(row, name))
        return np.array_equal(numbers, np.arange(len(numbers)))

    def _verify_counter(self, batch: pa.RecordBatch, counter: str, start: int) -> None:
        numbers = conversion.scalars(batch.column(counter), lambda row: self.where(start + row, counter))
        expected = np.arange(start, start + len(numbers))
        wrong = np.flatnonzero(numbers != expected)
        if wrong.size:
            row = int(wrong[0])
            raise DataError(
                f"{self.where(start + row, counter)}: {numbers[row]} where {start + row} would come next",
                why="the column counts the rows up to there, so it was taken for row numbers and left out",
                hint="--pred names the columns that hold predictions",
            )

    def _left_out(self, names: Sequence[str], exclude: Collection[str], counter: str | None) -> list[str]:
        notes = []
        taken = {*names, *exclude, counter}
        others = [column for column in self.schema if column.name not in taken]
        if counter is not None:
            notes.append(f"{self.path}: column {counter!r} is left out, it counts the rows")
        if others:
            described = _described(others)
            notes.append(f"{self.path}: columns that hold no numbers are left out: {described}")
        return notes

    def _single(self, name: str, *, ragged: bool, text: bool) -> TableField:
        column_type, content = self._type(name), self._content(name)
        if content == "text" and text:
            return self._field((name,), "text", np.dtype(object), "text", ())
        if content != "list":
            return self._several([name])
        element = conversion.numpy_dtype(conversion.element_type(column_type))
        first = self.peek(name)

        def where(row: int) -> str:
            return self.where(row, name)

        if ragged and conversion.is_variable_list(column_type):
            values = first.flatten()
            nested = conversion.content_of(values.type) == "list"
            inner = conversion.first_shape(values, where) if nested else ()
            return self._field((name,), "ragged", element, f"ragged[{element}]", (None, *inner))
        shape = conversion.first_shape(first, where)
        return self._field((name,), "stacked", element, element.name, shape)

    def _several(self, names: Sequence[str]) -> TableField:
        for name in names:
            if self._content(name) not in ("number", "boolean"):
                raise self._not_numbers(name, alone=len(names) == 1)
        dtype = conversion.common_dtype([conversion.numpy_dtype(self._type(name)) for name in names])
        row_shape = (len(names),) if len(names) > 1 else ()
        return self._field(tuple(names), "numbers", dtype, dtype.name, row_shape)

    def _not_numbers(self, name: str, *, alone: bool) -> DataError:
        content, column_type = self._content(name), self._type(name)
        if content == "list" and not alone:
            return DataError(
                f"{self.path}: column {name!r} holds lists ({column_type}) and cannot stand beside others",
                hint="name this column alone, or only columns of single numbers",
            )
        what, why = str(column_type), ""
        if content == "text":
            what, first = "text", self.peek(name)
            why = f"{self.where(0, name)}: the cell is {first[0].as_py()!r}" if len(first) else ""
        return DataError(
            f"{self.path}: column {name!r} holds {what}, not numbers",
            why=why,
            hint="--pred and --target name columns of numbers",
        )

    def _field(
        self,
        names: tuple[str, ...],
        layout: Literal["numbers", "stacked", "ragged", "text"],
        dtype: np.dtype,
        dtype_name: str,
        row_shape: tuple[int | None, ...],
    ) -> TableField:
        info = FieldInfo(self.path, self.format, (self.rows, *row_shape), dtype_name, names)
        inner = tuple(length for length in row_shape if length is not None)
        return TableField(info=info, source=self, names=names, layout=layout, dtype=dtype, row_shape=inner)

    def _values(self, batch: pa.RecordBatch, entry: TableField, start: int) -> Values:
        def place(name: str) -> conversion.Where:
            return lambda row: self.where(start + row, name)

        name = entry.names[0]
        column = batch.column(name)
        if entry.layout == "text":
            return conversion.texts(column, place(name))
        if entry.layout == "ragged":
            return conversion.ragged(column, entry.row_shape, place(name))
        if entry.layout == "stacked":
            return conversion.stacked(column, entry.row_shape, place(name)).astype(entry.dtype, copy=False)
        if len(entry.names) > 1:
            return conversion.matrix(batch, entry.names, entry.dtype, place)
        # A copy: all columns of a batch may lie in one piece of memory.
        return conversion.scalars(column, place(name)).astype(entry.dtype)


def _in_pieces(batches: Iterator[pa.RecordBatch], fields: Sequence[TableField]) -> Iterator[pa.RecordBatch]:
    """The same rows, a cache full at a time: a batch can be as large as a file's writer liked."""
    cells = sum(entry.dtype.itemsize * math.prod(length or 1 for length in entry.info.shape[1:]) for entry in fields)
    rows = max(1, _PIECE_BYTES // max(1, cells))
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)
        del batch


def _described(columns: Sequence[pa.Field]) -> str:
    return ", ".join(f"{column.name!r} ({column.type})" for column in columns)
