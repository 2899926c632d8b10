"""The loss of what is still readable, by readers and formulae that share nothing with losscli."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import math
import re
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Options = Mapping[str, float]
Losses = Callable[[np.ndarray, np.ndarray, Options], np.ndarray]

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
        if data.startswith(b"\x28\xb5\x2f\xfd"):
            return pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
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
    cells = [
        cell for row in rows for name in names for cell in (row[name] if isinstance(row[name], list) else [row[name]])
    ]
    if any(not isinstance(cell, int | float) or isinstance(cell, bool) for cell in cells):
        raise UnreadableError
    return {name: np.array([row[name] for row in rows], dtype=np.float64) for name in names}


def _frame(frame: pa.Table) -> dict[str, np.ndarray]:
    frame.validate(full=True)
    if len(set(frame.column_names)) < frame.num_columns or any(column.null_count for column in frame.columns):
        raise UnreadableError
    return {name: _values(frame.column(name).combine_chunks()) for name in frame.column_names}


def _values(column: pa.Array) -> np.ndarray:
    if pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type):
        rows = column.to_pylist()
        if any(cell is None for row in rows for cell in row):
            raise UnreadableError
        return np.array(rows)
    return column.to_numpy(zero_copy_only=False)


_READERS: dict[str, Callable[[bytes], dict]] = {
    "csv": _delimited(","),
    "tsv": _delimited("\t"),
    "jsonl": _json_lines,
    "parquet": lambda data: _frame(pq.read_table(pa.BufferReader(data), use_threads=False)),
    "feather": lambda data: _frame(pa.ipc.open_file(data).read_all()),
    "arrows": lambda data: _frame(pa.ipc.open_stream(data).read_all()),
}


# Formulae.


# Formulae: plain ones, that share no trick with losscli.


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _bce(p: np.ndarray, y: np.ndarray, options: Options) -> np.ndarray:
    def share(weight: np.ndarray, log: np.ndarray) -> np.ndarray:
        return np.where(weight == 0, 0.0, weight * log)

    return -(share(y, np.log(p)) + share(1 - y, np.log1p(-p)))


def _sigmoid_cross_entropy(x: np.ndarray, y: np.ndarray, options: Options) -> np.ndarray:
    return options.get("pos-weight", 1.0) * y * _softplus(-x) + (1 - y) * _softplus(x)


def _huber(p: np.ndarray, y: np.ndarray, options: Options) -> np.ndarray:
    r, delta = np.abs(p - y), options.get("delta", 1.0)
    return np.where(r <= delta, r * r / 2, delta * (r - delta / 2))


def _pseudo_huber(p: np.ndarray, y: np.ndarray, options: Options) -> np.ndarray:
    delta = options.get("delta", 1.0)
    return delta * delta * (np.sqrt(1 + ((p - y) / delta) ** 2) - 1)


def _hinge(x: np.ndarray, y: np.ndarray, options: Options) -> np.ndarray:
    return np.maximum(0.0, 1 - np.where(y == 1, 1, -1) * x)


def _gaussian(mean: np.ndarray, x: np.ndarray, options: Options) -> np.ndarray:
    variance = options["variance"]
    return math.log(2 * math.pi * variance) / 2 + (x - mean) ** 2 / (2 * variance)


PAIRS: dict[str, Losses] = {
    "l1": lambda p, y, _: np.abs(p - y),
    "l2": lambda p, y, _: (p - y) ** 2,
    "mse": lambda p, y, _: (p - y) ** 2,
    "huber": _huber,
    "pseudo-huber": _pseudo_huber,
    "hinge": _hinge,
    "gaussian-nll": _gaussian,
    "sigmoid-cross-entropy": _sigmoid_cross_entropy,
    "weighted-cross-entropy": _sigmoid_cross_entropy,
    "bce": _bce,
}


def _surprisals(kind: str, p: np.ndarray) -> np.ndarray:
    """-log of the probability of every class, along the last axis."""
    if kind == "probs":
        return -np.log(p)
    if kind == "log-probs":
        return -p
    top = p.max(axis=-1, keepdims=True)
    return np.log(np.exp(p - top).sum(axis=-1, keepdims=True)) - (p - top)


def _paths(surprisals: np.ndarray, labels: tuple[int, ...]) -> float:
    """The loss of one utterance: over every path, whether it reads as the labels."""
    frames, classes = surprisals.shape
    if classes**frames > 2000:
        raise UnreadableError
    total = 0.0
    for path in itertools.product(range(classes), repeat=frames):
        if tuple(label for label, _ in itertools.groupby(path) if label) == labels:
            total += math.exp(-sum(surprisals[t, label] for t, label in enumerate(path)))
    return -math.log(total) if total else math.inf


def _alignments(kind: str, p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The loss and the number of labels of every utterance of frames (T, N, C) and padded targets (N, S)."""
    if p.ndim != 3 or y.ndim != 2 or len(y) != p.shape[1]:
        raise UnreadableError
    surprisals = _surprisals(kind, p)
    targets = [tuple(int(label) for label in row[: np.flatnonzero(row > 0).max(initial=-1) + 1]) for row in y]
    losses = [_paths(surprisals[:, n], target) for n, target in enumerate(targets)]
    return np.array(losses), np.array([len(target) for target in targets])


def elements(loss: str, kind: str, p: np.ndarray, y: np.ndarray, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """The loss and the weight of every element, samples along the first axis."""
    with np.errstate(all="ignore"):
        if loss in PAIRS:
            if p.shape != y.shape:
                raise UnreadableError
            losses = PAIRS[loss](p, y, options)
            return losses, np.ones_like(losses)
        if (y != np.round(y)).any() or np.abs(y).max() > 1e6:
            raise UnreadableError
        y = y.astype(int)
        if loss == "ctc":
            losses, labels = _alignments(kind, p, y)
            return losses / np.maximum(labels, 1) if options["reduction"] == "mean" else losses, np.ones(len(y))
        return _classes(loss, kind, p, y, options)


def _classes(loss: str, kind: str, p: np.ndarray, y: np.ndarray, options: Options) -> tuple[np.ndarray, np.ndarray]:
    shift = int(options.get("shift", 0))
    if p.ndim != y.ndim + 1 or y.shape != p.shape[:-1] or p.ndim > 3 - (loss in ("nll", "cross-entropy")):
        raise UnreadableError
    if shift:
        p, y = p[:, :-shift], y[:, shift:]
    scored = y != options.get("ignore-index", -(10**9))
    if (scored & ((y < 0) | (y >= p.shape[-1]))).any():
        raise UnreadableError
    each = _surprisals(kind, p)
    chosen = np.where(scored, y, 0)
    weight = np.ones(p.shape[-1]) if "heavy-class" not in options else np.where(np.arange(p.shape[-1]) == 1, 3.0, 1.0)
    smoothing = options.get("label-smoothing", 0.0)
    losses = (1 - smoothing) * weight[chosen] * np.take_along_axis(each, chosen[..., np.newaxis], axis=-1)[..., 0]
    if smoothing:
        losses = losses + smoothing * (weight * each).mean(axis=-1)
    return np.where(scored, losses, 0.0), np.where(scored, weight[chosen], 0.0)


def reduced(loss: str, losses: np.ndarray, weights: np.ndarray, options: Options) -> float:
    """The value; an overflow on the way makes it unknown."""
    if not np.isfinite(losses).all() or not weights.sum():
        raise UnreadableError
    try:
        total = math.fsum(losses.reshape(-1).tolist())
        value = total / math.fsum(weights.reshape(-1).tolist()) if options["reduction"] == "mean" else total
        return math.exp(value) if loss == "perplexity" else value / math.log(options.get("base", math.e))
    except OverflowError as error:
        raise UnreadableError from error


def converted(operation: str, x: np.ndarray) -> np.ndarray:
    """What `losscli convert` makes of rows of classes."""
    with np.errstate(all="ignore"):
        if operation in ("exp", "log"):
            return np.exp(x) if operation == "exp" else np.log(x)
        if operation in ("sigmoid", "log-sigmoid"):
            return np.exp(-_softplus(-x)) if operation == "sigmoid" else -_softplus(-x)
        return np.exp(-_surprisals("logits", x)) if operation == "softmax" else -_surprisals("logits", x)


def agree(got: float, expected: float) -> bool:
    """Whether two values are the same but for the rounding of the plain formulae."""
    return math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-12)
