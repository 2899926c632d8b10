"""Rows as text, one a line, written as they come."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from losscli.errors import OutputError
from losscli.report.json_report import one_line, portable
from losscli.report.printable import printable
from losscli.report.rows import columns_of
from losscli.wording import nonfinite_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import SupportsWrite

    from losscli.engine.result import Scored


FORMULA_SIGNS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""What a formula begins with in a spreadsheet: the signs, and their full-width forms."""


class Lines(Protocol):
    """A line format at work on one stream."""

    def write(self, columns: Mapping[str, np.ndarray]) -> None:
        """Print one block of rows."""


class JsonLines:
    """One JSON object a line, strict and in ASCII; non-finite numbers are called as in `to_json`."""

    def __init__(self, stream: SupportsWrite[str]) -> None:
        self._stream = stream

    def write(self, columns: Mapping[str, np.ndarray]) -> None:
        """Print one block of rows."""
        members = (one_line(name).replace("%", "%%") + ": %s" for name in columns)
        line = "{" + ", ".join(members) + "}\n"
        cells = [_json_cells(values) for values in columns.values()]
        self._stream.write("".join([line % row for row in zip(*cells, strict=True)]))


class CsvLines:
    """A header, then one row a line; non-finite numbers are `inf`, `-inf` and `nan`.

    Text is quoted where CSV needs it and its control characters are escaped, so that a row is a line.
    Text that a spreadsheet would run, because it begins as a formula does and is no number, has an
    apostrophe before it, by which a spreadsheet knows text; the other formats have it as it is. A column
    whose cells hold a list is spread over columns `name_0`, `name_1`, ...
    """

    def __init__(self, stream: SupportsWrite[str]) -> None:
        self._stream = stream
        self._header_due = True

    def write(self, columns: Mapping[str, np.ndarray]) -> None:
        """Print one block of rows, below the header if it is the first."""
        columns = _spread(columns)
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self._header_due:
            writer.writerow(map(_csv_text, columns))
            self._header_due = False
        writer.writerows(zip(*(_csv_cells(values) for values in columns.values()), strict=True))
        self._stream.write(text.getvalue())


class JsonLinesSink:
    """Scored blocks as JSON Lines: one sample, or one of its `elements`, a line."""

    def __init__(self, stream: SupportsWrite[str], *, elements: bool = False) -> None:
        self._lines = JsonLines(stream)
        self._elements = elements

    def write(self, scored: Scored) -> None:
        """Print the rows of one block."""
        self._lines.write(columns_of(scored, elements=self._elements))


class CsvSink:
    """Scored blocks as CSV: one sample, or one of its `elements`, a line."""

    def __init__(self, stream: SupportsWrite[str], *, elements: bool = False) -> None:
        self._lines = CsvLines(stream)
        self._elements = elements

    def write(self, scored: Scored) -> None:
        """Print the rows of one block."""
        self._lines.write(columns_of(scored, elements=self._elements))


def _spread(columns: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """The columns with a cell for each number."""
    if all(values.ndim == 1 for values in columns.values()):
        return columns
    spread: dict[str, np.ndarray] = {}
    for name, values in columns.items():
        if values.ndim > 2:
            raise OutputError(
                f"a row of CSV cannot hold an array of shape {values.shape[1:]}",
                why="its cells stand in a line, so the shape would be lost",
                hint="-o with .npy, .parquet or .jsonl, which keep it",
            )
        spread |= {name: values} if values.ndim == 1 else {f"{name}_{i}": v for i, v in enumerate(values.T)}
    return spread


def _json_cells(values: np.ndarray) -> list[str]:
    """JSON text of every value. Finite numbers, the bulk of all output, take the short way."""
    if values.ndim > 1:
        return list(map(one_line, portable(values)))
    if values.dtype.kind in "iu":
        return list(map(str, values.tolist()))
    if values.dtype.kind == "f":
        cells = list(map(repr, values.tolist()))
        for position in np.flatnonzero(~np.isfinite(values)):
            cells[position] = f'"{nonfinite_name(values[position])}"'
        return cells
    return [one_line(portable(value)) for value in values.tolist()]


def _csv_cells(values: np.ndarray) -> list[Any]:
    cells: list[Any] = values.tolist()
    if values.dtype.kind in "iuf":
        return cells
    return [_csv_text(cell) if isinstance(cell, str) else cell for cell in cells]


def _csv_text(text: str) -> str:
    text = printable(text)
    return f"'{text}" if text.startswith(FORMULA_SIGNS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
