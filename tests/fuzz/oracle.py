"""The loss of what is still readable, by readers and formulae that share nothing with losscli."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Losses = Callable[[np.ndarray, np.ndarray], np.ndarray]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.ASCII | re.IGNORECASE)


class UnreadableError(Exception):
    """Nothing is known of the file, or nothing that is sure."""


def array(path: Path) -> np.ndarray:
    """The numbers of an array's file."""
    try:
        data = _unpacked(path.read_bytes())
        if path.name.endswith(".npz"):
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                (name,) = archive.files
                found = archive[name]
        else:
            found = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except Exception as error:
        raise UnreadableError from error
    return _sure(found)


def columns(path: Path, names: list[str]) -> list[np.ndarray]:
    """The columns of a table's file."""
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    try:
        found = _READERS[kind](_unpacked(path.read_bytes()))
    except Exception as error:
        raise UnreadableError from error
    if list(found) != names:
        raise UnreadableError
    arrays = [_sure(np.asarray(found[name])) for name in names]
    if len({len(column) for column in arrays}) > 1:
        raise UnreadableError
    return arrays


def _sure(found: np.ndarray) -> np.ndarray:
    if found.dtype.kind not in "iuf" or found.size == 0:
        raise UnreadableError
    with np.errstate(all="ignore"):
        numbers = found.astype(np.float64)
    if np.isnan(numbers).any():
        raise UnreadableError
    return numbers


def _unpacked(data: bytes) -> bytes:
    try:
        return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError from error


def _number(cell: str) -> float:
    if not _NUMBER.fullmatch(cell):
        raise UnreadableError
    return float(cell)


def _delimited(delimiter: str) -> Callable[[bytes], dict[str, list[float]]]:
    def read(data: bytes) -> dict[str, list[float]]:
        text = data.decode("utf-8-sig")
        names, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        if any(len(row) != len(names) for row in rows):
            raise UnreadableError
        cells = zip(*rows, strict=True)
        return {name: [_number(cell) for cell in column] for name, column in zip(names, cells, strict=True)}

    return read


def _json_lines(data: bytes) -> dict[str, list[float]]:
    rows = [json.loads(line) for line in data.decode("utf-8-sig").splitlines()]
    names = list(rows[0])
    if any(not isinstance(row[name], int | float) or isinstance(row[name], bool) for row in rows for name in names):
        raise UnreadableError
    return {name: [float(row[name]) for row in rows] for name in names}


def _frame(frame: pa.Table) -> dict[str, np.ndarray]:
    frame.validate(full=True)
    if len(set(frame.column_names)) < frame.num_columns or any(column.null_count for column in frame.columns):
        raise UnreadableError
    return {name: frame.column(name).to_numpy() for name in frame.column_names}


_READERS: dict[str, Callable[[bytes], dict]] = {
    "csv": _delimited(","),
    "tsv": _delimited("\t"),
    "jsonl": _json_lines,
    "parquet": lambda data: _frame(pq.read_table(pa.BufferReader(data), use_threads=False)),
    "feather": lambda data: _frame(pa.ipc.open_file(data).read_all()),
    "arrows": lambda data: _frame(pa.ipc.open_stream(data).read_all()),
}


# Formulae.


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _bce(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    def share(weight: np.ndarray, log: np.ndarray) -> np.ndarray:
        return np.where(weight == 0, 0.0, weight * log)

    return -(share(y, np.log(p)) + share(1 - y, np.log1p(-p)))


def _huber(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    r = np.abs(p - y)
    return np.where(r <= 1, r * r / 2, r - 0.5)


def _surprisal(kind: str) -> Losses:
    def losses(p: np.ndarray, y: np.ndarray) -> np.ndarray:
        rows = range(len(y))
        if kind == "logits":
            top = p.max(axis=1, keepdims=True)
            return np.log(np.exp(p - top).sum(axis=1)) - (p - top)[rows, y.astype(int)]
        chosen = p[rows, y.astype(int)]
        return -np.log(chosen) if kind == "probs" else -chosen

    return losses


PAIRS: dict[str, Losses] = {
    "l1": lambda p, y: np.abs(p - y),
    "l2": lambda p, y: (p - y) ** 2,
    "mse": lambda p, y: (p - y) ** 2,
    "huber": _huber,
    "sigmoid-cross-entropy": lambda p, y: y * _softplus(-p) + (1 - y) * _softplus(p),
    "bce": _bce,
}
CLASSES = {kind: _surprisal(kind) for kind in ("logits", "log-probs", "probs")}


def value(losses: Losses, p: np.ndarray, y: np.ndarray, reduction: str) -> float:
    """The reduced loss; an overflow on the way makes it unknown."""
    with np.errstate(all="ignore"):
        each = losses(p, y).reshape(-1)
    if not np.isfinite(each).all():
        raise UnreadableError
    try:
        total = math.fsum(each.tolist())
    except OverflowError as error:
        raise UnreadableError from error
    return total / each.size if reduction == "mean" else total


def agree(got: float, expected: float) -> bool:
    """Whether two values are the same but for the rounding of the plain formulae."""
    return math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-12)
