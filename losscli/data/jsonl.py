"""JSON Lines: an object, an array or a number a line."""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import json as arrow_json

from losscli.data.cells import Fault, fault_of_overflow, fault_of_whole_number, quoted
from losscli.data.chunks import ROW_BYTES_LIMIT, RowShape
from losscli.data.text_table import Beginning, TextTable, decoded, doubtful, nul_byte
from losscli.errors import DataError
from losscli.wording import NONFINITE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from losscli.data.locate import Input
    from losscli.data.model import ReadOptions

VALUE = "value"
"""The name of the only column where the lines are no objects."""

DEEPEST = 64
"""How deeply a line may nest: NumPy's arrays have no more axes."""

_TOO_DEEP = Fault("the JSON is nested too deeply", f"no array has more than {DEEPEST} axes", "")

_KINDS = {list: "list", dict: "object", bool: "boolean"}
_TYPES = {"number": pa.float64(), "text": pa.string(), "boolean": pa.bool_(), "object": pa.struct([])}


def open_json_lines(source: Input, options: ReadOptions) -> JsonLinesTable:
    """Open a JSON Lines input as a table.

    The keys of objects are its columns. Lines that are arrays or numbers make one column, "value".

    Raises:
        DataError: The first lines are no JSON, or no data.
    """
    beginning = Beginning(source)
    while not beginning.whole and beginning.newline not in beginning.text:
        if len(beginning.text) > ROW_BYTES_LIMIT:
            raise DataError(
                f"{source}: line 1 goes on for more than {ROW_BYTES_LIMIT >> 20} MiB",
                hint=_lines_of_array(str(source)) if beginning.text.lstrip().startswith(b"[") else "",
            )
        beginning.grow()
    table = JsonLinesTable(source, beginning)
    if beginning.whole and source.label.endswith(".json") and options.input_format is None:
        table.refuse_columns()
    return table


class JsonLinesTable(TextTable):
    """A table of JSON Lines. Numbers are float64, also those written "NaN" or "Infinity"."""

    def __init__(self, source: Input, beginning: Beginning) -> None:
        text = beginning.text
        end = len(text) if beginning.whole else text.rfind(beginning.newline) + 1
        super().__init__(
            source,
            "jsonl",
            RowShape(beginning.newline),
            skip=beginning.mark_bytes,
            first_line=1,
            sample=text[:end].rstrip(b"\r\n"),
        )
        rows = [self._row(line, row) for row, line in enumerate(self._lines(self._sample, 0))]
        if not rows:
            raise DataError(f"{self.path}: the text has no lines")
        self._of_objects = isinstance(rows[0], dict)
        self.schema = self._schema(rows)
        self.only: dict[str, Any] | None = rows[0] if self._of_objects and len(rows) == 1 else None
        """The only object that was read so far."""

    def refuse_columns(self) -> None:
        """Refuse the only object of a file where it may as well hold columns: lists of one length."""
        row = self.only
        lists = {key: len(value) for key, value in row.items() if isinstance(value, list)} if row else {}
        lengths = set(lists.values())
        if len(lists) > 1 and len(lengths) == 1 and lengths != {1}:
            some = next(iter(lists))
            program = shlex.quote(f"range(.[{json.dumps(some)}] | length) as $i | map_values(.[$i])")
            raise DataError(
                f"{self.path}: its one object holds lists of {lists[some]} values, which may be columns or one sample",
                why="JSON Lines have an object for each sample",
                hint=f"jq -c {program} {shlex.quote(self.path)} > rows.jsonl makes a line of each sample; "
                "--input-format jsonl takes all for one",
            )

    def _schema(self, rows: Sequence[Any]) -> pa.Schema:
        if not self._of_objects:
            if isinstance(rows[0], list) and any(isinstance(value, dict) for value in rows[0]):
                raise DataError(
                    f"{self.path}: the text is one JSON array of objects, not an object a line",
                    hint=_lines_of_array(self.path),
                )
            return pa.schema([(VALUE, _type_of(rows))])
        values: dict[str, list[Any]] = {}
        for row in rows:
            if isinstance(row, dict):
                for key, value in row.items():
                    values.setdefault(key, []).append(value)
        return pa.schema([(key, _type_of(column)) for key, column in values.items()])

    def _parsed(self, data: memoryview, columns: Sequence[str]) -> pa.RecordBatch | None:
        lines = bytes(data).rstrip(b"\r\n")
        count = lines.count(self._row_shape.newline) + 1
        if not self._of_objects:
            key = b'{"' + VALUE.encode() + b'":'
            end = b"}" + self._row_shape.newline
            lines = key + lines.replace(self._row_shape.newline, end + key) + b"}"
        schema = pa.schema([self.schema.field(name) for name in columns])
        try:
            if pa.string() in schema.types:
                lines.decode("utf-8")
            table = arrow_json.read_json(
                pa.BufferReader(lines),
                arrow_json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
                arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
            )
        except (pa.ArrowException, UnicodeDecodeError):
            return None
        if table.num_rows != count:
            return None
        batch = table.combine_chunks().to_batches()[0]
        return None if any(_needs_care(batch.column(name)) for name in columns) else batch

    def _reread(self, data: memoryview, columns: Sequence[str], start: int) -> pa.RecordBatch:
        """The columns of whole lines, a line at a time: slow, but it knows what is wrong where."""
        values: dict[str, list[Any]] = {name: [] for name in columns}
        for row, line in enumerate(self._lines(bytes(data).rstrip(b"\r\n"), start), start):
            content = self._row(line, row)
            for name, column in values.items():
                column.append(self._value(content, name, row))
        arrays = [pa.array(column, self.schema.field(name).type) for name, column in values.items()]
        return pa.record_batch(arrays, names=list(values))

    def _lines(self, data: bytes, start: int) -> list[str]:
        text = decoded(data, self.path, start + 1)
        if "\0" in text:
            raise nul_byte(self.path, start + 1 + text.count("\n", 0, text.index("\0")))
        return text.split(self._row_shape.newline.decode()) if text else []

    def _row(self, line: str, row: int) -> Any:
        if not line.strip():
            raise DataError(
                f"{self.where(row)} is blank", why="a blank line stands among the values", hint="remove the blank lines"
            )
        try:
            return _content(line)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{self.where(row)} is not JSON: {quoted(line)}",
                why=f"{error.msg}, at character {error.pos + 1}",
                hint=self._hint_of_broken_line(line.strip()) if row == 0 else "",
            ) from error
        except _FaultyJsonError as error:
            raise self._faulty(self.where(row), error.fault) from error

    def _hint_of_broken_line(self, first: str) -> str:
        """What makes lines of JSON that is laid out in several of them, of which this is the first."""
        if first == "{":
            return f"jq -c . {shlex.quote(self.path)} > rows.jsonl makes one line of each object"
        return _lines_of_array(self.path) if first[:1] == "[" and first[-1:] in ",{[" else ""

    def _value(self, content: Any, name: str, row: int) -> Any:
        if self._of_objects:
            if not isinstance(content, dict):
                raise DataError(f"{self.where(row)}: {_shown(content)} is not an object, as line 1 is")
            if name not in content:
                raise DataError(
                    f"{self.where(row)} has no key {name!r}",
                    why="other lines have it",
                    hint="--pred and --target name the keys to read",
                )
            content = content[name]
            if isinstance(content, list) and len(content) > 1 and content[0] is None and None not in content[1:]:
                raise DataError(
                    f"{self.where(row, name)}: the list begins with null",
                    why="the first token of a sequence has no prediction, and some servers write null for it",
                    hint=f"jq -c {shlex.quote(f'.[{json.dumps(name)}] |= .[1:]')} {shlex.quote(self.path)} "
                    "> scored.jsonl leaves it out",
                )
        try:
            return _converted(content, self.schema.field(name).type)
        except _FaultyJsonError as error:
            raise self._faulty(self.where(row, name), error.fault) from error

    def _faulty(self, place: str, fault: Fault) -> DataError:
        return DataError(f"{place}: {fault.problem}", why=fault.why, hint=fault.hint)


def _lines_of_array(path: str) -> str:
    return f"jq -c '.[]' {shlex.quote(path)} > rows.jsonl makes JSON Lines of an array"


class _FaultyJsonError(Exception):
    """A value within valid JSON that cannot be taken as it is."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.problem)
        self.fault = fault


def _exact_integer(digits: str) -> float | Fault:
    # A fault only counts where its value is asked for: an id that is too long harms nobody else.
    return fault_of_whole_number(digits) or float(digits)


def _finite_float(digits: str) -> float | Fault:
    number = float(digits)
    return fault_of_overflow(digits) if math.isinf(number) else number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _FaultyJsonError(Fault(f"the key {twice!r} stands twice", "which one is meant is not clear", ""))
    return content


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite_float, parse_int=_exact_integer)

_MAYBE_HALF_A_PAIR = "\\ud"
"""What the escape of a character begins with that may be half of one."""


def _content(line: str) -> Any:
    """What a line holds, if all its text is text, and no deeper than an array can be."""
    try:
        content = _DECODER.decode(line)
    except RecursionError as error:
        raise _FaultyJsonError(_TOO_DEEP) from error
    if line.count("[") + line.count("{") > DEEPEST and _is_deeper_than(DEEPEST, content):
        raise _FaultyJsonError(_TOO_DEEP)
    if _MAYBE_HALF_A_PAIR in line.lower():
        try:
            json.dumps(content, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError as error:
            half = ascii(error.object[error.start])[1:-1]
            fault = Fault(f"a text holds {half} alone", "half of a surrogate pair is no character", "write it as UTF-8")
            raise _FaultyJsonError(fault) from error
    return content


def _is_deeper_than(levels: int, content: Any) -> bool:
    """Whether lists and objects nest deeper. Level by level: a function that calls itself has its own limit."""
    level = [content]
    for _ in range(levels + 1):
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def _type_of(values: Sequence[Any]) -> pa.DataType:
    """The Arrow type of most of a column's first values: what differs is an error where it is read."""
    kinds = Counter(_kind_of(value) for value in values if value is not None)
    kind = kinds.most_common(1)[0][0] if kinds else "number"
    if kind == "list":
        return pa.list_(_type_of([inner for value in values if isinstance(value, list) for inner in value]))
    return _TYPES[kind]


def _kind_of(value: Any) -> str:
    if isinstance(value, str):
        return "number" if value in NONFINITE else "text"
    return _KINDS.get(type(value), "number")


def _converted(value: Any, column_type: pa.DataType) -> Any:
    """The value as the column's type wants it."""
    if isinstance(value, Fault):
        raise _FaultyJsonError(value)
    if value is None:
        raise _FaultyJsonError(
            Fault("null is a missing value", "a missing value has no loss", 'drop the row, or write "NaN"')
        )
    if pa.types.is_list(column_type):
        if isinstance(value, list):
            return [_converted(inner, column_type.value_type) for inner in value]
        wanted = "a list"
    elif column_type == pa.float64():
        if isinstance(value, float):
            return value
        if isinstance(value, str) and value in NONFINITE:
            return NONFINITE[value]
        wanted = "a number"
    elif column_type == pa.bool_():
        if isinstance(value, bool):
            return value
        wanted = "true or false"
    else:
        if isinstance(value, str):
            return value
        wanted = "text"
    raise _FaultyJsonError(Fault(f"{_shown(value)} is not {wanted}", "the other lines have it there", ""))


def _shown(value: Any) -> str:
    return (
        quoted(value)
        if isinstance(value, str)
        else quoted(json.dumps(value, default=lambda fault: fault.problem))[1:-1]
    )


def _needs_care(column: pa.Array) -> bool:
    """Whether something is missing, or a number too large to be sure of."""
    if column.null_count:
        return True
    if pa.types.is_list(column.type):
        return _needs_care(column.flatten())
    return column.type == pa.float64() and len(column) > 0 and doubtful(column.to_numpy())
