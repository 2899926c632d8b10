"""Several fields, walked through together."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

from losscli.data.model import Block, Field
from losscli.data.rows import cut_rows, join_rows
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
    groups = _by_source(fields)
    readers = [_reader(source, members) for source, members in groups]
    start = 0
    while True:
        parts = [reader.take(start, rows) for reader in readers]
        sizes = [part.size for part in parts]
        size = min(sizes)
        for source, _ in groups:
            _refuse_change(source)
        if size != max(sizes):
            raise _ends_early(readers, sizes, start)
        if size == 0:
            if start == 0:
                raise DataError(f"{readers[0].field.info.path}: there are no rows")
            return
        values = {name: value for part in parts for name, value in part.values.items()}
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
            _refuse_change(source)
            return view
    pieces = [batch[0] for batch in source.batches([field])]
    _refuse_change(source)
    if not pieces:
        raise DataError(f"{source.path}: there are no rows")
    whole = join_rows(pieces)
    field.info = replace(field.info, shape=(len(whole), *field.info.shape[1:]))
    return whole


def _refuse_change(source: Source) -> None:
    for origin in source.origins:
        origin.refuse_change()


class _Taken(NamedTuple):
    size: int
    values: dict[str, Values]


class _Sliced:
    """A source with random access."""

    def __init__(self, members: Mapping[str, Field], rows: int) -> None:
        self.field = next(iter(members.values()))
        self._members = members
        self._rows = rows

    def take(self, start: int, count: int) -> _Taken:
        stop = min(start + count, self._rows)
        taken: dict[str, Values] = {}
        for name, field in self._members.items():
            view = field.source.slice(field, start, stop)
            assert view is not None  # noqa: S101 - was asked for when the reader was chosen
            taken[name] = view
        return _Taken(max(0, stop - start), taken)


class _Streamed:
    """A source that is read in order, its batches cut anew."""

    def __init__(self, source: Source, members: Mapping[str, Field]) -> None:
        self.field = next(iter(members.values()))
        self._names = tuple(members)
        self._batches = source.batches(list(members.values()))
        self._waiting: deque[tuple[Values, ...]] = deque()
        self._waiting_rows = 0

    def take(self, start: int, count: int) -> _Taken:  # noqa: ARG002 - a stream knows where it is
        while self._waiting_rows < count and (batch := next(self._batches, None)) is not None:
            self._waiting.append(batch)
            self._waiting_rows += len(batch[0])
        size = missing = min(count, self._waiting_rows)
        self._waiting_rows -= size
        pieces = []
        while missing:
            batch = self._waiting.popleft()
            available = len(batch[0])
            if available > missing:
                self._waiting.appendleft(tuple(cut_rows(values, missing, available) for values in batch))
                batch, available = tuple(cut_rows(values, 0, missing) for values in batch), missing
            pieces.append(batch)
            missing -= available
        columns = zip(*pieces, strict=True)
        return _Taken(size, {name: join_rows(column) for name, column in zip(self._names, columns, strict=False)})


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
        return _Sliced(members, source.rows)
    return _Streamed(source, members)


def _compare_known_lengths(fields: Mapping[str, Field]) -> None:
    known = [(field, field.source.rows) for field in fields.values() if field.source.rows is not None]
    for field, rows in known[1:]:
        first, expected = known[0]
        if rows != expected:
            problem = f"{first.info.path} has {expected:,} samples, {field.info.path} has {rows:,}"
            (fewer, shorter), (more, longer) = sorted([(expected, first), (rows, field)], key=itemgetter(0))
            raise _unequal(problem, shorter, fewer, longer, more)


def _ends_early(readers: list[_Sliced | _Streamed], sizes: list[int], start: int) -> DataError:
    shorter = readers[sizes.index(min(sizes))].field
    longer = readers[sizes.index(max(sizes))].field
    rows, more = start + min(sizes), longer.source.rows
    has = f"{more:,}" if more is not None else f"more (at least {start + max(sizes):,})"
    problem = f"{shorter.info.path} has {rows:,} samples, {longer.info.path} has {has}"
    return _unequal(problem, shorter, rows, longer, more)


def _unequal(problem: str, shorter: Field, fewer: int, longer: Field, more: int | None) -> DataError:
    """The error for two fields of unequal length, with its likely cause."""
    why, hint = (
        _transposed(longer, fewer)
        or _transposed(shorter, more)
        or (more == fewer + 1 and (_misread(shorter, "header") or _misread(longer, "data")))
        or ("samples are rows along axis 0", "both must hold the same samples in the same order")
    )
    if shorter.source.columns and longer.source.columns:
        hint += "; --id COL joins two tables"
    return DataError(problem, why=why, hint=hint)


def _transposed(field: Field, rows: int | None) -> tuple[str, str] | None:
    shape, path = field.info.shape, field.info.path
    if len(shape) < 2 or shape[1] != rows:
        return None
    what = f"shape {shape}" if shape[0] is not None else f"{rows} columns"
    hint = f"np.save('transposed.npy', np.load({path!r}).T)" if field.info.format == "npy" else "transpose it"
    return f"{path} has {what}: it looks transposed", hint


def _misread(field: Field, taken_for: Literal["header", "data"]) -> tuple[str, str] | None:
    if field.first_row != taken_for:
        return None
    way_out = "--no-header if it is data" if taken_for == "header" else "--header if it names the columns"
    return f"the first row of {field.info.path} was read as {taken_for}", way_out
