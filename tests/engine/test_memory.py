"""A file several times larger than the memory that losscli may have is an ordinary file."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import losscli

MEGABYTE = 10**6
TIMES = 3
"""How many times larger than the memory a file is, at least."""

SETTINGS = {
    "OPENBLAS_NUM_THREADS": "1",  # reserves a buffer for each
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # the default reserves 1 GB of addresses at once
    "MALLOC_ARENA_MAX": "2",
}
"""Address space that is reserved and never used counts as well, so little of it is."""

STACK = MEGABYTE
"""Of each thread; reserved, too."""


def limited(megabytes, *arguments):
    """Run Python with so much memory: the heap, the stacks and all that is not a file mapped for reading."""

    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * MEGABYTE,) * 2)
        resource.setrlimit(resource.RLIMIT_STACK, (STACK, STACK))

    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        preexec_fn=limit,
        env=os.environ | SETTINGS,
        capture_output=True,
        text=True,
        check=False,
    )


def blocks(number):
    """The predictions and the targets that fill a file again and again: eight columns each."""
    random = np.random.default_rng(number)
    return random.standard_normal((2, 50_000, 8))


def table(values):
    prediction, target = values
    names = [f"{side}_{column}" for side in "pt" for column in range(8)]
    return pa.table([*prediction.T, *target.T], names=names)


def write_npy(path, values, size):
    for name, block in zip(("p", "t"), values, strict=True):
        times = -(-size // (2 * block.nbytes))
        with (path / f"{name}.npy").open("wb") as file:
            header = {"descr": "<f8", "fortran_order": False, "shape": (len(block) * times, 8)}
            np.lib.format.write_array_header_1_0(file, header)
            for _ in range(times):
                file.write(block.data)
    return [path / "p.npy", path / "t.npy"]


def write_csv(path, values, size):
    text = io.BytesIO()
    csv.write_csv(table(values), text, csv.WriteOptions(include_header=False))
    with (path / "both.csv").open("wb") as file:
        file.write((",".join(table(values).column_names) + "\n").encode())
        while file.tell() < size:
            file.write(text.getbuffer())
    return [path / "both.csv", "--pred", "p_*", "--target", "t_*"]


def write_parquet(path, values, size):
    group = pa.concat_tables([table(values)] * 8)
    with parquet.ParquetWriter(path / "both.parquet", group.schema, compression="none", use_dictionary=False) as file:
        for _ in range(-(-size // group.nbytes)):
            file.write_table(group)
    return [path / "both.parquet", "--pred", "p_*", "--target", "t_*"]


@pytest.mark.parametrize(
    ("write", "megabytes"),
    [
        pytest.param(write_npy, 240, id="npy"),
        pytest.param(write_csv, 240, id="csv"),
        pytest.param(write_parquet, 300, id="parquet"),
    ],
)
def test_a_file_larger_than_memory_is_scored(write, megabytes, tmp_path):
    values = blocks(megabytes)
    files = write(tmp_path, values, TIMES * megabytes * MEGABYTE)
    try:
        assert sum(Path(name).stat().st_size for name in tmp_path.iterdir()) >= TIMES * megabytes * MEGABYTE
        done = limited(megabytes, "-m", "losscli", "mse", *files, "--format", "value", "--threads", 2)
    finally:
        for name in tmp_path.iterdir():
            name.unlink()
    assert done.returncode == 0, done.stderr
    # The same rows over and over have the mean of the rows, to the last digit: totals are exact.
    assert float(done.stdout) == losscli.mse(*values)


def test_sequences_that_memory_cannot_hold_two_of_are_scored(tmp_path):
    """A vocabulary of 128,000 makes a sequence of 100 tokens 51 MB, and two threads had five of them at hand."""
    megabytes, tokens, vocabulary, sequences = 160, 100, 128_000, 10
    random = np.random.default_rng(100)
    scores = random.standard_normal((tokens, vocabulary), np.float32)
    chosen = random.integers(0, vocabulary, tokens)
    file = tmp_path / "scores.npy"
    with file.open("wb") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": (sequences, tokens, vocabulary)}
        np.lib.format.write_array_header_1_0(stream, header)
        for _ in range(sequences):
            stream.write(scores.data)
    np.save(tmp_path / "tokens.npy", np.tile(chosen, (sequences, 1)))
    try:
        assert file.stat().st_size >= TIMES * megabytes * MEGABYTE
        command = ("sequence-nll", file, tmp_path / "tokens.npy", "--format", "value", "--threads", 2)
        done = limited(megabytes, "-m", "losscli", *command)
    finally:
        file.unlink()
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == losscli.sequence_nll(scores[np.newaxis], chosen[np.newaxis])


def test_the_limit_is_one():
    done = limited(150, "-c", f"bytearray({150 * MEGABYTE})")
    assert "MemoryError" in done.stderr
