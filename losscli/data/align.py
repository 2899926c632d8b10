"""Several fields, walked through together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from losscli.data.model import Block, Field, Ragged
from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from losscli.data.model import Source, Values


def align(fields: Mapping[str, Field], rows: int) -> Iterator[Block]:
    """Blocks of exactly `rows` samples (the last one may be shorter) of all fields.

    Each source is read once, however many fields come from it. Arrays with random access are cut
    into views. Fields of unequal length are an error: before the first block where both lengths are
    known, else where the shorter one ends.
    """
    _compare_known_lengths(fields)
    readers = [_reader(source, members) for source, members in _by_source(fields)]
    start = 0
    while True:
        parts = [reader.take(start, rows) for reader in readers]
        sizes = [_length(part) for part in parts]
        size = min(sizes)
        if size != max(sizes):
            raise _ends_early(readers, sizes, start)
        if size == 0:
            if start == 0:
                raise DataError(f"{readers[0].source.path}: there are no rows")
            return
        values = {name: value for part in parts for name, value in part.items()}
        yield Block(start, size, {name: values[name] for name in fields})
        start += size
        if size < rows:
            return


def read_whole(field: Field) -> Values:
    """All samples of a field at once: for short vectors, and for what has no sample axis."""
    source = field.source
    if source.rows is not None:
        view = source.slice(field, 0, source.rows)
        if view is not None:
            return view
    pieces = [batch[0] for batch in source.batches([field])]
    if not pieces:
        raise DataError(f"{source.path}: there are no rows")
    return _joined(pieces)


class _Sliced:
    """A source with random access."""

    def __init__(self, source: Source, members: Mapping[str, Field], rows: int) -> None:
        self.source = source
        self._members = members
        self._rows = rows

    def take(self, start: int, count: int) -> dict[str, Values]:
        stop = min(start + count, self._rows)
        taken: dict[str, Values] = {}
        for name, field in self._members.items():
            view = self.source.slice(field, min(start, stop), stop)
            assert view is not None  # noqa: S101 - was asked for when the reader was chosen
            taken[name] = view
        return taken


class _Streamed:
    """A source that is read in order, its batches cut anew."""

    def __init__(self, source: Source, members: Mapping[str, Field]) -> None:
        self.source = source
        self._names = tuple(members)
        self._batches = source.batches(list(members.values()))
        self._waiting: list[tuple[Values, ...]] = []
        self._waiting_rows = 0

    def take(self, start: int, count: int) -> dict[str, Values]:  # noqa: ARG002 - streams know where they are
        while self._waiting_rows < count and (batch := next(self._batches, None)) is not None:
            self._waiting.append(batch)
            self._waiting_rows += len(batch[0])
        pieces = []
        missing = min(count, self._waiting_rows)
        self._waiting_rows -= missing
        while missing:
            batch = self._waiting.pop(0)
            size = len(batch[0])
            if size > missing:
                self._waiting.insert(0, tuple(_cut(values, missing, size) for values in batch))
                batch, size = tuple(_cut(values, 0, missing) for values in batch), missing
            pieces.append(batch)
            missing -= size
        return {name: _joined([piece[i] for piece in pieces]) for i, name in enumerate(self._names) if pieces}


class _Group(NamedTuple):
    source: Source
    members: dict[str, Field]


def _by_source(fields: Mapping[str, Field]) -> list[_Group]:
    groups: dict[int, _Group] = {}
    for name, field in fields.items():
        groups.setdefault(id(field.source), _Group(field.source, {})).members[name] = field
    return list(groups.values())


def _reader(source: Source, members: Mapping[str, Field]) -> _Sliced | _Streamed:
    first = next(iter(members.values()))
    if source.rows is not None and source.slice(first, 0, 0) is not None:
        return _Sliced(source, members, source.rows)
    return _Streamed(source, members)


def _length(part: Mapping[str, Values]) -> int:
    return len(next(iter(part.values()))) if part else 0


def _cut(values: Values, start: int, stop: int) -> Values:
    if isinstance(values, Ragged):
        offsets = values.offsets[start : stop + 1]
        return Ragged(values.values[offsets[0] : offsets[-1]], offsets - offsets[0])
    return values[start:stop]


def _joined(pieces: list[Values]) -> Values:
    if len(pieces) == 1:
        return pieces[0]
    arrays = [piece for piece in pieces if not isinstance(piece, Ragged)]
    if arrays:
        return np.concatenate(arrays)
    rows = [piece for piece in pieces if isinstance(piece, Ragged)]
    lengths = np.concatenate([np.diff(piece.offsets) for piece in rows])
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return Ragged(np.concatenate([piece.values for piece in rows]), offsets)


def _compare_known_lengths(fields: Mapping[str, Field]) -> None:
    known = [(field, field.source.rows) for field in fields.values() if field.source.rows is not None]
    for field, rows in known[1:]:
        first, expected = known[0]
        if rows == expected:
            continue
        raise DataError(
            f"{first.info.path} has {expected:,} samples, {field.info.path} has {rows:,}",
            why=_transposed(first, rows) or _transposed(field, expected) or "samples are rows along axis 0",
            hint="both must hold the same samples in the same order; --id COL joins two tables",
        )


def _transposed(field: Field, rows: int) -> str:
    shape = field.info.shape
    if len(shape) > 1 and shape[1] == rows:
        return f"{field.info.path} has shape {shape}: it looks transposed"
    return ""


def _ends_early(readers: list[_Sliced | _Streamed], sizes: list[int], start: int) -> DataError:
    shorter = readers[sizes.index(min(sizes))].source
    longer = readers[sizes.index(max(sizes))].source
    ends = start + min(sizes)
    has = f"{longer.rows:,}" if longer.rows is not None else f"more (at least {start + max(sizes):,})"
    return DataError(
        f"{shorter.path} has {ends:,} samples, {longer.path} has {has}",
        why="samples are rows along axis 0",
        hint="both must hold the same samples in the same order; --id COL joins two tables",
    )
