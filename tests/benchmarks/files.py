"""The files that both sides read: seeded, made when they are first needed, kept for the next run.

Four different blocks of rows are drawn and written in turn: all are larger than any cache, and a file of 8 GB is
made in seconds. A name tells the shape, so that shrunken files and full ones never meet.
"""

from __future__ import annotations

import io
import itertools
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

BLOCK_NUMBERS = 1 << 24
TEXT_BLOCK_NUMBERS = 1 << 20
FRESH_BLOCKS = 4
KEPT_BYTES = 3 * 10**9
"""A larger file goes when no row needs it any more."""
GROUP_BYTES = 128 * 10**6
"""The size of a row group of a Parquet file."""
PARQUET_BYTES = 6.25
"""What a float32 takes there: the writer's defaults keep each twice, in a dictionary and as an index of 18 bits."""

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
Block = TypeVar("Block")


@dataclass(frozen=True)
class File(os.PathLike[str]):
    """A file by its path, and how it is made."""

    path: Path
    write: Callable[[Path], None] = field(compare=False)

    def __fspath__(self) -> str:
        return str(self.path)

    def make(self) -> None:
        """Write it unless it is there, and never leave half of it."""
        if self.path.exists():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f"part-{self.path.name}")
        self.write(part)
        part.replace(self.path)

    def drop_if_large(self) -> None:
        """Give the disk back what is quicker to write again than to keep."""
        if self.path.stat().st_size > KEPT_BYTES:
            self.path.unlink()


@dataclass(frozen=True)
class Files:
    """All files of one size: `shrink` divides the rows for a trial run."""

    folder: Path
    shrink: int = 1

    def rows(self, rows: int) -> int:
        """As many rows as a file of this size has."""
        return max(10, rows // self.shrink)

    def logits(self, *shape: int) -> File:
        """Normal scores in float32, the classes last."""
        return self._array("logits", np.float32, (self.rows(shape[0]), *shape[1:]), normal)

    def labels(self, *shape: int, classes: int) -> File:
        """A class for each sample or token."""
        shape = (self.rows(shape[0]), *shape[1:])
        return self._array(f"labels{classes}", np.int64, shape, lambda random, of: random.integers(0, classes, of))

    def sequences(self, rows: int, tokens: int, vocabulary: int) -> tuple[File, File]:
        """Scores (N, T, V) of sequences of tokens, and the tokens."""
        shape = (self.rows(rows), tokens)
        vocabulary = max(10, vocabulary // self.shrink)
        return self._array("logits", np.float32, (*shape, vocabulary), normal), self.labels(
            rows, tokens, classes=vocabulary
        )

    def normal(self, name: str, *shape: int, dtype: type = np.float32) -> File:
        """Normal values; another name draws others."""
        return self._array(name, dtype, (self.rows(shape[0]), *shape[1:]), normal)

    def uniform(self, name: str, *shape: int) -> File:
        """Values between 0 and 1."""
        shape = (self.rows(shape[0]), *shape[1:])
        return self._array(name, np.float32, shape, lambda random, of: random.random(of, np.float32))

    def ctc(self, frames: int, utterances: int, classes: int, labels: int) -> tuple[File, File, File, File]:
        """Log-probabilities (T, N, C), targets (N, S), and the two lengths: all frames, all labels."""
        if self.shrink > 1:
            frames, utterances, labels = frames // 10, max(4, utterances // 16), labels // 10
        lengths = (utterances,)
        return (
            self._array("log_probs", np.float32, (frames, utterances, classes), log_probabilities),
            self._array(
                f"targets{classes}",
                np.int64,
                (utterances, labels),
                lambda random, of: random.integers(1, classes, of),
            ),
            self._array(f"frames{frames}", np.int64, lengths, lambda _, of: np.full(of, frames)),
            self._array(f"lengths{labels}", np.int64, lengths, lambda _, of: np.full(of, labels)),
        )

    def csv(self, rows: int, columns: int) -> File:
        """A label and float32 scores as text, with a header."""
        rows = self.rows(rows)
        return File(self.folder / f"table-{rows}x{columns}.csv", lambda path: write_csv(path, rows, columns))

    def parquet(self, rows: int, columns: int) -> File:
        """The same table as Parquet, in row groups of at most `GROUP_BYTES`."""
        rows = self.rows(rows)
        return File(self.folder / f"table-{rows}x{columns}.parquet", lambda path: write_parquet(path, rows, columns))

    def _array(self, name: str, dtype: type, shape: tuple[int, ...], draw: Draw) -> File:
        size = "x".join(map(str, shape))
        path = self.folder / f"{name}-{size}-{np.dtype(dtype)}.npy"
        return File(path, lambda part: write_npy(part, name, np.dtype(dtype), shape, draw))


def normal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal float32 values."""
    return random.standard_normal(shape, np.float32)


def log_probabilities(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """The log-softmax of normal scores, rounded to float32 once."""
    scores = random.standard_normal(shape)
    scores -= np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return scores.astype(np.float32)


def write_npy(path: Path, seed: str, dtype: np.dtype, shape: tuple[int, ...], draw: Draw) -> None:
    """An array, block by block; the seed is its name."""
    random = np.random.default_rng(list(seed.encode()))
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    step = max(1, BLOCK_NUMBERS // math.prod(shape[1:]))
    sizes = _sizes(shape[0], step)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in _in_turn(sizes, lambda size: draw(random, (size, *shape[1:])).astype(dtype, copy=False)):
            file.write(np.ascontiguousarray(block).data)


def write_csv(path: Path, rows: int, columns: int) -> None:
    """A table as text, block by block."""
    from pyarrow import csv

    random = np.random.default_rng(rows)

    def text(size: int) -> bytes:
        stream = io.BytesIO()
        csv.write_csv(_table(random, size, columns), stream, csv.WriteOptions(include_header=False))
        return stream.getvalue()

    sizes = _sizes(rows, max(1, TEXT_BLOCK_NUMBERS // columns))
    with path.open("wb") as file:
        file.write((",".join(_names(columns)) + "\n").encode())
        for block in _in_turn(sizes, text):
            file.write(block)


def write_parquet(path: Path, rows: int, columns: int) -> None:
    """A table as Parquet, one row group at a time, with the writer's defaults."""
    from pyarrow import parquet

    random = np.random.default_rng(rows)
    sizes = _sizes(rows, int(GROUP_BYTES / (PARQUET_BYTES * columns)))
    with parquet.ParquetWriter(path, _table(random, 1, columns).schema) as writer:
        for table in _in_turn(sizes, lambda size: _table(random, size, columns)):
            writer.write_table(table)


def _names(columns: int) -> list[str]:
    """A label, two halves `a_` and `b_` of one width, and a column `c` where the rest is odd."""
    half = (columns - 1) // 2
    halves = [f"{side}_{number:02}" for side in "ab" for number in range(half)]
    return ["label", *halves, *["c"] * (columns - 1 - 2 * half)]


def _table(random: np.random.Generator, rows: int, columns: int):
    import pyarrow

    scores = random.standard_normal((columns - 1, rows), np.float32)
    return pyarrow.table([random.integers(0, columns - 1, rows), *scores], names=_names(columns))


def _sizes(rows: int, step: int) -> list[int]:
    return [min(step, rows - start) for start in range(0, rows, step)]


def _in_turn(sizes: list[int], draw: Callable[[int], Block]) -> Iterator[Block]:
    """A block for each size: the first few are drawn, then they come again; a shorter last one is drawn."""
    fresh = [draw(size) for size in sizes[:FRESH_BLOCKS]]
    for size, (number, block) in zip(sizes, itertools.cycle(enumerate(fresh)), strict=False):
        yield block if size == sizes[number] else draw(size)
