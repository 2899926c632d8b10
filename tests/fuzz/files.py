"""Valid inputs of every format, and what is done to their bytes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

Table = dict[str, np.ndarray]


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def npz(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, a=array)
    return stream.getvalue()


def delimited(delimiter: str) -> Callable[[Table], bytes]:
    def text(table: Table) -> bytes:
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(zip(*(column.tolist() for column in table.values()), strict=True))
        return stream.getvalue().encode()

    return text


def json_lines(table: Table) -> bytes:
    columns = [column.tolist() for column in table.values()]
    rows = (dict(zip(table, cells, strict=True)) for cells in zip(*columns, strict=True))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _frame(table: Table) -> pa.Table:
    """Columns of numbers, or of lists of numbers."""
    return pa.table({name: column if column.ndim == 1 else column.tolist() for name, column in table.items()})


def parquet(table: Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(_frame(table), stream, compression="zstd" if len(table) % 2 else "none")
    return stream.getvalue()


def arrow_file(table: Table) -> bytes:
    stream = io.BytesIO()
    feather.write_feather(_frame(table), stream, compression="uncompressed")
    return stream.getvalue()


def arrow_stream(table: Table) -> bytes:
    stream = io.BytesIO()
    frame = _frame(table)
    with pa.ipc.new_stream(stream, frame.schema) as writer:
        writer.write_table(frame)
    return stream.getvalue()


ARRAYS: dict[str, Callable[[np.ndarray], bytes]] = {".npy": npy, ".npz": npz}
LISTS = (".jsonl", ".parquet", ".feather", ".arrows")
"""Tables whose cells may be lists."""

TABLES: dict[str, Callable[[Table], bytes]] = {
    ".csv": delimited(","),
    ".tsv": delimited("\t"),
    ".jsonl": json_lines,
    ".parquet": parquet,
    ".feather": arrow_file,
    ".arrows": arrow_stream,
}

_CELLS = (
    b"nan", b"inf", b"-inf", b"1e999", b"-1", b"255", b"1e-320", b"", b'"', b"'", b"\x00", b"\n", b"\r\n", b",", b"\t",
    b"0x10", b"1_000", b"1,5", b"\xff\xfe", b"\xef\xbb\xbf", b"=1+1", b"[red]x[/red]", b"\x1b[31m", b"\xe2\x80\xae",
    b"9007199254740993", b"9" * 400, b"{", b"[" * 50, b"null", b"true", b"NaN", b"1e308", b" 1 ", b"-0.0", b"+1",
)  # fmt: skip
_HEADER_PARTS = (
    b"'<f8'", b"'>f8'", b"'<f4'", b"'<f2'", b"'<i8'", b"'|u1'", b"'|b1'", b"'<c16'", b"'<U8'", b"'|O'", b"'|V2'",
    b"'|S0'", b"'<m8'", b"True", b"False", b"(4,)", b"(-1,)", b"(10**9,)", b"(1000000000000000,)", b"(2, 3)", b"()",
    b"(0,)", b"(0, 0)", b"(True,)", b"None", b"{", b"}",
)  # fmt: skip


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes after a few blows, most of them small."""
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        data = rng.choice(_BLOWS)(data, rng)
    return data


def packed(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.3:
        stream = pa.BufferOutputStream()
        with pa.CompressedOutputStream(stream, "zstd") as writer:
            writer.write(data)
        return stream.getvalue().to_pybytes()
    return gzip.compress(data, rng.choice((0, 1, 9)), mtime=0)


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for position in _places(data, rng):
        changed[position] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for position in _places(data, rng):
        changed[position] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(changed)


def _places(data: bytes, rng: random.Random) -> Iterator[int]:
    for _ in range(rng.choice((1, 1, 2, 8)) if data else 0):
        # Headers stand in front and footers at the end, and most of what can go wrong is there.
        ends = (0, min(len(data), 128)), (max(0, len(data) - 600), len(data))
        low, high = rng.choice(((0, len(data)), (0, len(data)), *ends))
        yield rng.randrange(low, high)


def _cut(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.choice((1, 2, 8, 64, len(data))) :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    stop = start + rng.choice((1, 8, 64))
    return data[:stop] + data[start:stop] * rng.choice((1, 1, 100)) + data[stop:]


def _insert(data: bytes, rng: random.Random) -> bytes:
    position = rng.randrange(len(data) + 1)
    return data[:position] + rng.choice((rng.choice(_CELLS), rng.randbytes(rng.randrange(1, 9)))) + data[position:]


def _replace_cell(data: bytes, rng: random.Random) -> bytes:
    """Put another value where a number stands, as far as text shows where."""
    marks = [i for i, byte in enumerate(data[:4096]) if byte in b",\t\n:"]
    if len(marks) < 2:
        return _insert(data, rng)
    position = rng.randrange(len(marks) - 1)
    return data[: marks[position] + 1] + rng.choice(_CELLS) + data[marks[position + 1] :]


def _header(data: bytes, rng: random.Random) -> bytes:
    """Another word in the header of an NPY file, of the same length if it must be."""
    if not data.startswith(b"\x93NUMPY"):
        return _replace_cell(data, rng)
    size = int.from_bytes(data[8:10], "little")
    header = data[10 : 10 + size].rstrip()
    words = [word for word in _HEADER_PARTS if word in header] + [header[header.find(b"(") : header.find(b")") + 1]]
    changed = header.replace(rng.choice([word for word in words if word] or [b"'"]), rng.choice(_HEADER_PARTS))
    return data[:10] + changed.ljust(size - 1)[: size - 1] + b"\n" + data[10 + size :]


_BLOWS = (_flip, _flip, _set, _cut, _repeat, _insert, _replace_cell, _replace_cell, _header, _header)
