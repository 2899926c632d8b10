"""How a delimited text is written: its delimiter, its header, and what its columns hold."""

from __future__ import annotations

import csv
import shlex
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from losscli.data.cells import is_number, is_whole, kind_of, quoted
from losscli.data.chunks import ROW_BYTES_LIMIT
from losscli.data.model import OtherwiseReadableError
from losscli.data.text_table import STDIN, Beginning, decoded
from losscli.errors import DataError, UsageError
from losscli.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from losscli.data.locate import Input
    from losscli.data.model import ReadOptions

ColumnKind = Literal["number", "boolean", "text"]

_DEFAULT_DELIMITERS = {"csv": ",", "tsv": "\t"}
_WORDS = {"\t": "tab", " ": "space", ",": "comma", ";": "semicolon", "|": "pipe"}
_UNNAMED = "Unnamed: "
_REMARKS = ("#", "%")
_SPELLED_OUT = {"\\t": "\t"} | {word: delimiter for delimiter, word in _WORDS.items()}
_OPTION_VALUES = {"\t": "tab", " ": "space", ";": "';'", "|": "'|'"}
_OTHER_DELIMITERS = (";", "\t", ",", "|", " ")
_ENOUGH_ROWS = 3
_MOSTLY = 0.5


@dataclass(frozen=True)
class Dialect:
    """How a delimited text is written.

    Attributes:
        delimiter: What stands between cells.
        decimal: The decimal sign.
        names: The columns.
        kinds: What each column holds.
        has_header: Whether the first row names the columns.
        header_bytes: The length of the byte order mark and the header.
        header_lines: The lines that the header takes.
        newline: What ends a line.
        sample: The first rows after the header, whole.
        notes: What a reader should know about these findings.
    """

    delimiter: str
    decimal: str
    names: tuple[str, ...]
    kinds: tuple[ColumnKind, ...]
    has_header: bool
    header_bytes: int
    header_lines: int
    newline: bytes
    sample: bytes
    notes: tuple[str, ...]


def detect(source: Input, options: ReadOptions, format_name: str) -> Dialect:
    """Find out how the text is written, from its first rows and from what the options say.

    Raises:
        DataError: It is no UTF-8, has another delimiter, no rows, or an unclear header.
        UsageError: The options contradict each other.
    """
    delimiter = _delimiter(options, format_name)
    path = str(source)
    beginning = Beginning(source)
    rows = _whole_rows(beginning, delimiter, path)
    while len(rows) < _ENOUGH_ROWS and not beginning.whole and len(beginning.text) <= ROW_BYTES_LIMIT:
        beginning.grow()
        rows = _whole_rows(beginning, delimiter, path)
    if not rows:
        raise DataError(f"{path}: the text has no rows", why="it is blank, or its first row never ends")
    if not rows[0].cells:
        raise DataError(f"{path}: line 1 is blank", hint="remove the blank lines at the top")
    _reject_comment(rows, path)
    if options.delimiter is None:
        _reject_other_delimiter(rows, delimiter, options.decimal, path)

    first, below = rows[0].cells, [row.cells for row in rows[1:] if len(row.cells) == len(rows[0].cells)]
    notes: list[str] = []
    has_header = _has_header(first, below, options, path, notes)
    if has_header:
        header, names = rows[0], _header_names(first, path)
    else:
        header, names = _NO_HEADER, tuple(str(position) for position in range(len(first)))
        below.insert(0, first)
    if has_header and len(rows) == 1 and beginning.whole:
        raise DataError(
            f"{path}: the table has no rows, only a header",
            why=f"line 1 was read as the names of columns: {listed(names)}",
            hint="--no-header if the first row is data",
        )
    columns = list(zip(*below, strict=True)) or [()] * len(names)
    return Dialect(
        delimiter=delimiter,
        decimal=options.decimal,
        names=names,
        kinds=tuple(
            "text" if name.startswith(_UNNAMED) and not any(cells) else _column_kind(cells, options.decimal)
            for name, cells in zip(names, columns, strict=True)
        ),
        has_header=has_header,
        header_bytes=beginning.mark_bytes + header.end,
        header_lines=header.lines,
        newline=beginning.newline,
        sample=beginning.text[header.end : rows[-1].end].rstrip(b"\r\n"),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _Row:
    """A row of the sample, and the number of bytes and of lines up to its end."""

    cells: list[str]
    end: int
    lines: int


_NO_HEADER = _Row([], 0, 0)


def _delimiter(options: ReadOptions, format_name: str) -> str:
    given = options.delimiter
    delimiter = _DEFAULT_DELIMITERS[format_name] if given is None else _SPELLED_OUT.get(given, given)
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0':
        raise UsageError(
            f"--delimiter {given!r}: it must be one ASCII character",
            hint="--delimiter ';' or --delimiter tab",
        )
    if options.decimal not in (".", ","):
        raise UsageError(f"--decimal {options.decimal!r}: it must be a point or a comma", hint="--decimal ,")
    if delimiter == options.decimal:
        raise UsageError(
            f"the delimiter and the decimal sign are both {delimiter!r}",
            why=f"{format_name} files are separated by {_shown(delimiter)} unless --delimiter says otherwise",
            hint="--delimiter ';' --decimal ,",
        )
    return delimiter


def _whole_rows(beginning: Beginning, delimiter: str, path: str) -> list[_Row]:
    """The rows of the beginning, without one that the end of the beginning cuts off."""
    data, newline = beginning.text, beginning.newline
    if not beginning.whole:
        data = data[: data.rfind(newline) + 1]
    text = decoded(data.rstrip(b"\r\n"), path, 1)
    reader = csv.reader(lines_of(text, newline), delimiter=delimiter)
    ends = _line_ends(data, newline)
    rows = []
    try:
        for cells in reader:
            lines = reader.line_num
            rows.append(_Row(cells, ends[lines - 1] if lines <= len(ends) else len(data), lines))
    except csv.Error as error:
        why, hint = str(error), "--input-format names the format, if it is not this one"
        if "new-line character" in why:
            why = "a carriage return stands alone in it: some lines end so, and others do not"
            script = r"sed 's/\r$//; s/\r/\n/g'"
            hint = f"pipe it through {script}" if path == STDIN else f"{script} {shlex.quote(path)} > clean.csv"
        raise DataError(
            f"{path}: line {reader.line_num} cannot be read as {_shown(delimiter)}-separated cells", why=why, hint=hint
        ) from error
    # A quote that is open where the beginning ends has swallowed what follows it.
    return rows if beginning.whole else rows[:-1]


def lines_of(text: str, newline: bytes) -> Iterator[str]:
    """The lines with their ends: only what ends the lines of this text does, not the other sort inside of quotes."""
    end = newline.decode()
    *lines, last = text.split(end)
    yield from (line + end for line in lines)
    if last:
        yield last


def _line_ends(data: bytes, newline: bytes) -> list[int]:
    ends, end = [], 0
    for line in data.split(newline)[:-1]:
        end += len(line) + 1
        ends.append(end)
    return ends


def _reject_other_delimiter(rows: list[_Row], delimiter: str, decimal: str, path: str) -> None:
    """Refuse a text that holds more numbers when split at another delimiter."""
    best = _share_of_numbers([row.cells for row in rows], decimal)
    if best == 1.0:
        return
    lines = [delimiter.join(row.cells) for row in rows]
    looks_like = None
    for other in _OTHER_DELIMITERS:
        split = [line.split(other) for line in lines]
        for sign in ".,":
            if len(split[0]) > 1 and sign != other and (share := _share_of_numbers(split, sign)) > best:
                best, looks_like = share, (other, sign)
    if looks_like is None or best < _MOSTLY:
        return
    other, sign = looks_like
    option = f"--delimiter {_OPTION_VALUES.get(other, other)}"
    raise OtherwiseReadableError(
        f"{path}: the rows look {_shown(other)}-separated, not {_shown(delimiter)}-separated",
        why=f"the first line is {quoted(lines[0])}",
        hint=option if sign == decimal else f"{option} --decimal {sign}",
        options={"delimiter": other, "decimal": sign},
    )


def _reject_comment(rows: list[_Row], path: str) -> None:
    """Refuse a text that begins with a remark, which no header is that has another number of cells."""
    first, below = rows[0].cells, rows[1:]
    if first[0].startswith(_REMARKS) and below and len(first) != len(below[-1].cells):
        raise DataError(
            f"{path}: line 1 looks like a comment: {quoted(','.join(first))}",
            why=f"it begins with {first[0][0]!r} and has {len(first)} of the {len(below[-1].cells)} cells of a row",
            hint=f"remove it: grep -v '^{first[0][0]}' {path} > clean.csv",
        )


def _share_of_numbers(rows: list[list[str]], decimal: str) -> float:
    """Which share of the cells below the first row are numbers; 0 where the rows are ragged."""
    if len({len(cells) for cells in rows}) != 1:
        return 0.0
    cells = [cell for row in rows[1:] or rows for cell in row]
    return sum(is_number(cell, decimal) for cell in cells) / len(cells)


def _has_header(first: list[str], below: list[list[str]], options: ReadOptions, path: str, notes: list[str]) -> bool:
    if options.header != "auto":
        return options.header == "yes"
    decimal = options.decimal
    if all(is_number(cell, decimal) for cell in first):
        if not _counts_columns(first, below, decimal):
            return False
        notes.append(
            f"{path}: the first row, {','.join(first[:3])}{',...' if len(first) > 3 else ''}, counts the "
            "columns above rows that are not whole numbers: it is read as the header, unless --no-header"
        )
        return True
    unnamed_index = not first[0].strip() and first[1:] == [str(number) for number in range(len(first) - 1)]
    if not unnamed_index and (reason := _like_data(first, below, decimal)):
        raise DataError(
            f"{path}: whether the first row is a header or data is not clear: {listed(first, 6)}",
            why=reason,
            hint="--no-header if it is data, --header if it names the columns",
        )
    return True


def _counts_columns(first: list[str], below: list[list[str]], decimal: str) -> bool:
    """Whether the row is 0,1,2,... above rows that are not whole numbers, as pandas writes it."""
    if first != [str(position) for position in range(len(first))]:
        return False
    fractions = [not is_whole(cell) for row in below for cell in row if is_number(cell, decimal)]
    # A single 0 may well be a value among fractions: then at least none of these is written like it.
    return all(fractions) and bool(fractions) if len(first) == 1 else any(fractions)


def _like_data(first: list[str], below: list[list[str]], decimal: str) -> str:
    """Why a first row that is not all numbers might be data all the same; empty if it is not."""
    kinds = [kind_of(cell, decimal) for cell in first]
    if not {"text", "boolean"} & set(kinds):
        return "it holds no names, but not only numbers either"
    numbers = [cell for cell, kind in zip(first, kinds, strict=True) if kind == "number"]
    if numbers and not _number_names(numbers):
        return f"{quoted(numbers[0])} is a number, which is rarely a name"
    for position, cell in enumerate(first):
        if kinds[position] in ("text", "boolean") and any(row[position] == cell for row in below):
            return f"{quoted(cell)} stands in the rows below, too"
    return ""


def _number_names(cells: list[str]) -> bool:
    """Whether some numbers may well be names: 0,1,2 (classes) or 2019,2020 (years) count on."""
    if len(cells) == 1 or not all(is_whole(cell) for cell in cells):
        return False
    return all(int(after) == int(before) + 1 for before, after in pairwise(cells))


def _header_names(cells: list[str], path: str) -> tuple[str, ...]:
    names = tuple(cell.strip() or f"{_UNNAMED}{position}" for position, cell in enumerate(cells))
    for name, count in Counter(names).items():
        if count > 1:
            positions = [position for position, other in enumerate(names) if other == name]
            raise DataError(
                f"{path}: {count} columns are named {name!r} (line 1, cells {listed(positions)})",
                why="a column must be known by its name",
                hint="rename them, or --no-header if the first row is data",
            )
    return names


def _column_kind(cells: tuple[str, ...], decimal: str) -> ColumnKind:
    """What most of the cells hold: what differs is an error where the column is read."""
    counts = Counter(kind_of(cell, decimal) for cell in cells)
    text, booleans = counts["text"], counts["boolean"]
    numbers = counts["number"] + counts["unreadable number"]
    if booleans > text + numbers:
        return "boolean"
    return "text" if text + booleans > numbers else "number"


def _shown(delimiter: str) -> str:
    return _WORDS.get(delimiter, repr(delimiter))
