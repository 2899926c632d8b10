"""Text streams in chunks of whole rows, parsed ahead on threads: flat in memory, in order, fast."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

import numpy as np

from losscli.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedIOBase

    Parsed = TypeVar("Parsed")

CHUNK_BYTES = 1 << 20
"""As much text as a core's own cache holds: its cells are gone through column by column."""

ROW_BYTES_LIMIT = 1 << 26
_THREADS = 2
_WAITING = 2
"""How many chunks wait for a thread, or parsed for their turn, so that no thread waits for a chunk."""

_QUOTE = b'"'


@dataclass(frozen=True)
class Chunk:
    """Whole rows of a text.

    Attributes:
        data: The bytes, up to the end of the last row.
        broken_rows: For each line end within a quoted cell, the row of this chunk that has it.
    """

    data: memoryview
    broken_rows: np.ndarray


@dataclass(frozen=True)
class RowShape:
    """How the rows of a text end, and whether quotes can hide a line end."""

    newline: bytes = b"\n"
    quotes: bool = False

    def last_end(self, text: bytearray) -> tuple[int, np.ndarray]:
        """The end of the last whole row in `text` (0: there is none), and the broken rows before it.

        Of blank lines at the end only the text before them counts: whether they stand among values
        or at the end of the file is not known yet.
        """
        end, broken = text.rfind(self.newline) + 1, _NONE_BROKEN
        if self.quotes and _QUOTE in text:
            end, broken = self._last_unquoted_end(text)
        last = end
        while last and text[last - 1] in b"\r\n":
            last -= 1
        return (text.find(self.newline, last) + 1 if last else 0), broken

    def _last_unquoted_end(self, text: bytearray) -> tuple[int, np.ndarray]:
        # A doubled quote within a cell toggles twice, so parity alone tells inside from outside.
        letters = np.frombuffer(text, np.uint8)
        line_ends = np.flatnonzero(letters == self.newline[0])
        inside = np.searchsorted(np.flatnonzero(letters == _QUOTE[0]), line_ends) % 2 == 1
        outside = line_ends[~inside]
        if not outside.size:
            return 0, _NONE_BROKEN
        broken = np.searchsorted(outside, line_ends[inside])
        return int(outside[-1]) + 1, broken[broken < outside.size]


_NONE_BROKEN = np.empty(0, np.int64)


def row_chunks(stream: BinaryIO, rows: RowShape, label: str, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """The stream in chunks of about `size` bytes, cut where a row ends.

    Blank lines at the very end are dropped.

    Raises:
        DataError: A row goes on for more than `ROW_BYTES_LIMIT`.
    """
    rest = bytearray()
    while True:
        wanted = max(size, len(rest))
        text = bytearray(len(rest) + wanted)
        text[: len(rest)] = rest
        got = cast("BufferedIOBase", stream).readinto(memoryview(text)[len(rest) :])
        if got < wanted:
            del text[len(rest) + got :]
            break
        end, broken = rows.last_end(text)
        if end:
            yield Chunk(memoryview(text)[:end], broken)
        rest = text[end:]
        if len(rest) > ROW_BYTES_LIMIT:
            raise DataError(
                f"{label}: a row goes on for more than {ROW_BYTES_LIMIT >> 20} MiB",
                why="it has no line ends" + (", or a quote that is never closed" if rows.quotes else ""),
                hint="--input-format names the format, if it is not this one",
            )
    text = text.rstrip(b"\r\n") + rows.newline
    if len(text) > 1:
        _, broken = rows.last_end(text)
        yield Chunk(memoryview(text), broken)


def parsed_ahead(chunks: Iterator[Chunk], parse: Callable[[Chunk], Parsed]) -> Iterator[tuple[Chunk, Parsed]]:
    """Every chunk with what `parse` makes of it, in order; the next few are parsed meanwhile."""
    first = next(chunks, None)
    if first is None:
        return
    second = next(chunks, None)
    if second is None:
        yield first, parse(first)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_THREADS) as pool:
        pending = deque((chunk, pool.submit(parse, chunk)) for chunk in (first, second))
        try:
            for chunk in chunks:
                pending.append((chunk, pool.submit(parse, chunk)))
                if len(pending) > _THREADS + _WAITING:
                    done, future = pending.popleft()
                    yield done, future.result()
            while pending:
                done, future = pending.popleft()
                yield done, future.result()
        finally:
            for _, future in pending:
                future.cancel()
