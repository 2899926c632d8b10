"""A slice of the fuzzer, a few seconds long; `make fuzz` runs as many cases as are asked for."""

import random
from collections import Counter

import numpy as np
import pytest

from . import files, oracle
from .running import run


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch):
    monkeypatch.setenv("_TYPER_FORCE_DISABLE_TERMINAL", "1")


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_and_random_options(seed):
    codes, compared = Counter(), 0
    for number in range(50):
        code, was_compared = run(1000 + seed, number)
        codes[code] += 1
        compared += was_compared
    assert codes[0] >= 5
    assert codes[3] >= 10
    assert compared >= 2


@pytest.mark.parametrize("extension", [*files.ARRAYS, *files.TABLES])
def test_the_oracle_reads_what_is_whole(tmp_path, extension):
    values = np.array([0.1, -2.5, 3e-7])
    path = tmp_path / f"x{extension}"
    if extension in files.ARRAYS:
        path.write_bytes(files.ARRAYS[extension](values))
        found = oracle.array(path)
    else:
        path.write_bytes(files.packed(files.TABLES[extension]({"a": values}), random.Random(0)))
        (found,) = oracle.columns(path, ["a"])
    assert found.tolist() == values.tolist()
