"""CSV and TSV: text with a delimiter between the cells, parsed by pyarrow a few megabytes at a time."""

from __future__ import annotations

import csv
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from losscli.data.cells import LARGEST_SURE_INTEGER, Fault, fault_of_number, kind_of, quoted
from losscli.data.chunks import RowShape
from losscli.data.dialect import Dialect, detect, lines_of
from losscli.data.text_table import TextTable, decoded, doubtful, nul_byte
from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.data.locate import Input
    from losscli.data.model import ReadOptions

_TYPES = {"number": pa.float64(), "boolean": pa.bool_(), "text": pa.string()}
_TRUE, _FALSE = ["true", "True", "TRUE"], ["false", "False", "FALSE"]
_QUOTE = ord('"')


class _Row(NamedTuple):
    """The cells of a row, how many lines there are up to its end, and whether its quotes are closed there."""

    cells: list[str]
    lines: int
    closed: bool


def open_delimited(source: Input, options: ReadOptions, format_name: str) -> DelimitedTable:
    """Open a CSV or TSV input as a table.

    Args:
        source: The located input.
        options: The delimiter, the decimal sign and whether there is a header.
        format_name: "csv" or "tsv".

    Raises:
        DataError: The first rows do not make a table.
        UsageError: The options contradict each other.
    """
    return DelimitedTable(source, detect(source, options, format_name), format_name)


class DelimitedTable(TextTable):
    """A table of delimited text. Numbers are float64, the nearest to their decimals."""

    def __init__(self, source: Input, dialect: Dialect, format_name: str) -> None:
        super().__init__(
            source,
            format_name,
            RowShape(dialect.newline, quotes=True),
            skip=dialect.header_bytes,
            first_line=dialect.header_lines + 1,
            sample=dialect.sample,
        )
        self.notes += dialect.notes
        if not dialect.has_header:
            self.first_row = "data"
        elif all(kind_of(name, dialect.decimal) == "number" for name in dialect.names):
            self.first_row = "header"
        self.schema = pa.schema([(name, _TYPES[kind]) for name, kind in zip(dialect.names, dialect.kinds, strict=True)])
        self._kinds = dict(zip(dialect.names, dialect.kinds, strict=True))
        self._dialect = dialect

    def _parsed(self, data: memoryview, columns: Sequence[str]) -> pa.RecordBatch | None:
        if self._ends_in_quotes(data):  # Arrow would take what follows the quote for one cell, and say nothing
            return None
        try:
            batch = self._read(data, {name: self.schema.field(name).type for name in columns})
        except pa.ArrowInvalid:
            return None
        return None if self._is_odd(batch, columns, data) else batch

    def _ends_in_quotes(self, data: memoryview) -> bool:
        """Whether the last quote of whole rows is never closed."""
        letters = np.frombuffer(data, np.uint8)
        quotes = np.flatnonzero(letters == _QUOTE)
        if not quotes.size:
            return False
        before = letters[quotes[::2] - 1]
        if not quotes[0]:
            before[0] = ord("\n")
        # Each second quote opens a cell, or is doubled within one: unless some are letters of unquoted cells.
        if np.isin(before, np.frombuffer(f'{self._dialect.delimiter}\r\n"'.encode(), np.uint8)).all():
            return bool(quotes.size % 2)
        try:
            return not all(row.closed for row in self._rows(bytes(data).decode("utf-8", "replace")))
        except csv.Error:  # it is said where the rows are read again
            return True

    def _rows(self, text: str) -> Iterator[_Row]:
        lines = [*lines_of(text, self._dialect.newline)]
        # A quote that is open at the end takes the empty line too, which else is a row of no cells.
        reader = csv.reader(chain(lines, ("",)), delimiter=self._dialect.delimiter)
        for cells in reader:
            closed = reader.line_num <= len(lines)
            if closed or cells:
                yield _Row(cells, reader.line_num, closed)

    def _read(self, data: memoryview, column_types: dict[str, pa.DataType]) -> pa.RecordBatch:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data)),
            arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=self.schema.names),
            arrow_csv.ParseOptions(
                delimiter=self._dialect.delimiter, newlines_in_values=True, ignore_empty_lines=False
            ),
            arrow_csv.ConvertOptions(
                column_types=column_types,
                include_columns=list(column_types),
                null_values=[],
                true_values=_TRUE,
                false_values=_FALSE,
                decimal_point=self._dialect.decimal,
            ),
        )
        return table.combine_chunks().to_batches()[0]

    def _is_odd(self, batch: pa.RecordBatch, columns: Sequence[str], data: memoryview) -> bool:
        """Whether columns that did parse hold an empty text or a number that float64 changed."""
        texts, numbers = ([name for name in columns if self._kinds[name] == kind] for kind in ("text", "number"))
        if any(batch.column(name).index("").as_py() >= 0 for name in texts):
            return True
        # Of all columns at once first: threads wait for each other where they call the interpreter for each.
        if not numbers or not doubtful(batch.select(numbers).to_tensor(row_major=False).to_numpy()):
            return False
        return any(self._was_changed(batch.column(name).to_numpy(), name, data) for name in numbers)

    def _was_changed(self, numbers: np.ndarray, name: str, data: memoryview) -> bool:
        """Whether float64 cannot hold one of the numbers as it is written."""
        large = np.flatnonzero(np.abs(numbers) >= LARGEST_SURE_INTEGER)
        if not large.size:
            return False

        import pyarrow.compute as pc  # here, since it takes as long to import as NumPy itself

        cells = self._read(data, {name: pa.string()}).column(name).take(pa.array(large))
        in_digits = cells.filter(pc.match_substring_regex(cells, "[0-9]"))
        return any(fault_of_number(cell, self._dialect.decimal) is not None for cell in in_digits.to_pylist())

    def _reread(self, data: memoryview, columns: Sequence[str], start: int) -> NoReturn:
        first_line = self._line(start)
        text = decoded(bytes(data), self.path, first_line)
        if "\0" in text:
            raise nul_byte(self.path, first_line + text.count("\n", 0, text.index("\0")))
        positions = [self.schema.names.index(name) for name in columns]
        number, line, why = start, first_line, "its quotes or line ends are unusual"
        try:
            for number, row in enumerate(self._rows(text.rstrip("\r\n")), start):
                if not row.closed and len(row.cells) == len(self.schema.names):
                    raise self._unclosed(f"row {number} (line {line}) has a quote that is never closed", line)
                self._check_row(row.cells, number, line, positions)
                line = first_line + row.lines
        except csv.Error as error:
            if "field limit" in (why := str(error)):
                limit = f"{csv.field_size_limit():,}"
                what = f"row {number + (line > first_line)} (line {line}) has a cell of more than {limit} letters"
                raise self._unclosed(what, line) from error
        raise DataError(f"{self.path}: the rows from line {line} on cannot be read", why=why)

    def _check_row(self, cells: list[str], row: int, line: int, positions: Sequence[int]) -> None:
        place = f"{self.path}: row {row} (line {line})"
        if not cells:
            raise DataError(
                f"{place} is blank", why="a blank line stands among the values", hint="remove the blank lines"
            )
        if len(cells) != len(self.schema.names):
            raise self._ragged(cells, place, line)
        for position in positions:
            cell, name = cells[position], self.schema.names[position]
            fault = self._fault(cell, self.schema.field(position).type)
            if fault is None:
                continue
            if row == 0 and (cause := self._cause_in_first_row(cells, line)):
                fault = Fault(fault.problem, *cause)
            raise DataError(f"{place}, column {name!r}: {fault.problem}", why=fault.why, hint=fault.hint)

    def _unclosed(self, what: str, line: int) -> DataError:
        return DataError(
            f"{self.path}: {what}",
            why="after a quote that is not closed, all that follows would be one cell",
            hint=f"sed -n {line}p {self._name_for_shell()} shows the line; a quote that is a letter is doubled",
        )

    def _fault(self, cell: str, column_type: pa.DataType) -> Fault | None:
        if column_type == pa.float64() or not cell:
            return fault_of_number(cell, self._dialect.decimal)
        if column_type == pa.bool_() and cell not in (*_TRUE, *_FALSE):
            return Fault(
                f"{quoted(cell)} is neither true nor false", "most cells of the column are", "correct the cell"
            )
        return None

    def _cause_in_first_row(self, cells: list[str], line: int) -> tuple[str, str] | None:
        """Why and what to do, where the first row holds text above columns of numbers."""
        numeric = [
            cell for cell, column_type in zip(cells, self.schema.types, strict=True) if column_type == pa.float64()
        ]
        texts = sum(kind_of(cell, self._dialect.decimal) == "text" for cell in numeric)
        if 2 * texts <= len(numeric):
            return None
        if not self._dialect.has_header:
            return "the first row looks like a header", "leave out --no-header"
        return (
            "the row looks like a second header row, or a row of units",
            f"remove line {line}: sed {line}d {self._name_for_shell()} > clean.csv",
        )

    def _ragged(self, cells: list[str], place: str, line: int) -> DataError:
        expected, found = len(self.schema.names), len(cells)
        first = "the header" if self._dialect.has_header else "the first row"
        why = f"{first} has {expected}"
        if any("\n" in cell for cell in cells):
            why += "; the row goes on over several lines: perhaps a quote is never closed"
        elif found == expected + 1 and not cells[-1]:
            why += "; the row ends with a delimiter"
        elif self._dialect.delimiter == "," and found > expected:
            why += "; perhaps there are commas within its numbers"
        return DataError(
            f"{place} has {found} {'cell' if found == 1 else 'cells'}, not {expected}",
            why=why,
            hint=f"sed -n {line}p {self._name_for_shell()} shows the line",
        )

    def _name_for_shell(self) -> str:
        import shlex

        return shlex.quote(self.path) if self._source.compression is None else "FILE"
