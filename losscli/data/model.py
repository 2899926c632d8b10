"""What the data layer hands out: sources, fields and blocks.

A *source* is one opened input. A *field* is one array over samples that is read from a source:
the predictions, the targets, a weight. Several fields may come from one source, which is then
read once. A *block* is the same range of samples of every field.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from losscli.errors import DataError, UsageError
from losscli.records import record
from losscli.wording import flag_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy as np

    from losscli.data.locate import Input

    Values: TypeAlias = "np.ndarray | Ragged"

Header = Literal["auto", "yes", "no"]
HEADERS = get_args(Header)

Format = Literal["npy", "npz", "csv", "tsv", "parquet", "arrow", "jsonl"]
FORMATS = get_args(Format)
"""All that is read."""

InputDtype = Literal["bfloat16"]
INPUT_DTYPES = get_args(InputDtype)

DELIMITED = ("csv", "tsv")

FORMATS_OF = {"header": DELIMITED, "delimiter": DELIMITED, "decimal": DELIMITED, "input_dtype": ("npy", "npz")}
"""The options that mean something for some formats only."""


@record
class ReadOptions:
    """How to read inputs, where the content does not say it."""

    input_format: Format | None = None
    header: Header = "auto"
    delimiter: str | None = None
    decimal: str = "."
    input_dtype: InputDtype | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> ReadOptions:
        """The options as a caller names them, each checked; `header` may be True, False or None, too."""
        read = cls(**{name: given[name] for name in cls.__dataclass_fields__ if name in given})
        header = {True: "yes", False: "no", None: "auto"}.get(read.header, read.header)  # type: ignore[call-overload]
        read = replace(read, header=header)
        for name, words in (
            ("input_format", (None, *FORMATS)),
            ("header", HEADERS),
            ("input_dtype", (None, *INPUT_DTYPES)),
        ):
            if getattr(read, name) not in words:
                known = ", ".join(word for word in words if word)
                raise UsageError(f"{name} is {getattr(read, name)!r}, but must be one of {known}")
        if not isinstance(read.decimal, str) or not isinstance(read.delimiter, str | None):
            raise UsageError(f"delimiter and decimal are {read.delimiter!r} and {read.decimal!r}, but must be text")
        return read

    def refuse_idle(self, formats: Collection[str], defaults: Collection[str] = ()) -> None:
        """Refuse an option that none of the inputs, which are of these formats, can be read by.

        Options among `defaults` are given to every run, and may be idle.
        """
        for name, meant in FORMATS_OF.items():
            idle = not any(form in meant for form in formats)
            said = getattr(self, name) not in (getattr(_UNSAID, name), "yes")  # every table has its columns named
            if idle and said and name not in defaults:
                raise UsageError(
                    f"{flag_of(name)} says how to read {' and '.join(meant)} files, and there is none among the inputs",
                    why=f"they are {' and '.join(sorted(set(formats)))}",
                    hint="leave it out",
                )


_UNSAID = ReadOptions()


class OtherwiseReadableError(DataError):
    """An input that is not what it is taken for, but can be read: with other `options`, or one of its `members`."""

    def __init__(
        self,
        problem: str,
        *,
        why: str,
        hint: str,
        options: Mapping[str, Any] | None = None,
        members: Sequence[str] = (),
    ) -> None:
        super().__init__(problem, why=why, hint=hint)
        self.options = options or {}
        self.members = members


@record
class Ragged:
    """Rows of different lengths: row i is `values[offsets[i]:offsets[i + 1]]`."""

    values: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, rows: slice) -> Ragged:
        """A range of rows, in order."""
        start, stop, _ = rows.indices(len(self))
        offsets = self.offsets[start : max(start, stop) + 1]
        return Ragged(self.values[offsets[0] : offsets[-1]], offsets - offsets[0])

    @property
    def lengths(self) -> np.ndarray:
        """How long each row is."""
        lengths: np.ndarray = self.offsets[1:] - self.offsets[:-1]
        return lengths

    def rows(self) -> Iterator[np.ndarray]:
        """The rows, one by one."""
        for start, stop in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            yield self.values[start:stop]


@record
class FieldInfo:
    """What a result says of an input. `shape[0]` is None until the rows are counted."""

    path: str
    format: str
    shape: tuple[int | None, ...]
    dtype: str
    columns: tuple[str, ...] | None = None


@dataclass
class Field:
    """One array over samples.

    `info.dtype` is a NumPy dtype name, or "text" where the cells are strings (a block then holds
    a NumPy array of dtype object with `str` in it), or "ragged" with the element dtype in brackets.
    """

    info: FieldInfo
    source: Source
    notes: list[str] = field(default_factory=list)
    first_row: Literal["header", "data"] | None = None
    """What the first row of a text was taken for, where it could be the other as well."""

    def where(self, row: int, column: int | None = None) -> str:
        """Where a value stands: "preds.csv: row 3 (line 5), column 'p_cat'"."""
        return self.source.where(row, self.column_name(column))

    def column_name(self, column: int | None) -> str | None:
        """The name of the table column that holds position `column` of a sample, or its number."""
        columns = self.info.columns
        if columns is not None and len(columns) == 1:
            return columns[0]
        if column is None:
            return None
        if columns is not None:
            return columns[column]
        return str(column) if len(self.info.shape) == 2 else None


class Source(Protocol):
    """One opened input."""

    path: str
    format: str
    rows: int | None
    """The number of samples, None where only reading to the end tells it."""
    origins: Sequence[Input]
    """What it is read from, which may not change meanwhile."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of a table's columns; None where the input is a bare array."""

    def select(
        self,
        patterns: Sequence[str] | None,
        *,
        exclude: Sequence[str] = (),
        ragged: bool = False,
        text: bool = False,
    ) -> Field:
        """The field made of the columns that match `patterns` (names or globs).

        None takes every numeric column that is not in `exclude`. `ragged` allows list columns of
        varying length, `text` allows string cells.
        """

    def batches(self, fields: Sequence[Field]) -> Iterator[tuple[Values, ...]]:
        """The values of `fields` in order of samples, in batches of the reader's own size."""

    def slice(self, field: Field, start: int, stop: int) -> np.ndarray | None:
        """A view of samples start to stop where the input has random access, else None."""

    def where(self, row: int, column: str | None = None) -> str:
        """Where a value stands, in words."""


@record
class Block:
    """The same range of samples of every field."""

    start: int
    size: int
    values: Mapping[str, Values]
