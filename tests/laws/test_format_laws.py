"""The law of files: whatever format holds the numbers of a batch, its losses are those of the arrays, bit for bit."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches import Batch, variants
from pyarrow import feather

from losscli.data.model import FORMATS as READ
from losscli.engine import run


def arrays(folder: Path, batch: Batch, change=lambda array: array) -> dict[str, str]:
    for name, array in (("p", batch.predictions), ("y", batch.targets)):
        np.save(folder / f"{name}.npy", change(array))
    return {"predictions": "p.npy", "targets": "y.npy"}


def packed(folder: Path, batch: Batch) -> dict[str, str]:
    files = arrays(folder, batch)
    for name in files.values():
        (folder / name).write_bytes(gzip.compress((folder / name).read_bytes()))
    return files


def archive(folder: Path, batch: Batch) -> dict[str, str]:
    np.savez_compressed(folder / "a.npz", p=batch.predictions, y=batch.targets)
    return {"predictions": "a.npz:p", "targets": "a.npz:y"}


def lists(batch: Batch) -> pa.Table:
    """A sample a row: numbers, lists, or lists of lists."""
    return pa.table({"p": batch.predictions.tolist(), "y": batch.targets.tolist()})


def parquet(folder: Path, batch: Batch) -> dict[str, str]:
    pq.write_table(lists(batch), folder / "t.parquet", row_group_size=5)
    return {"predictions": "t.parquet", "pred": "p", "target": "y"}


def arrow(folder: Path, batch: Batch) -> dict[str, str]:
    feather.write_feather(lists(batch), folder / "t.arrow", chunksize=5)
    return {"predictions": "t.arrow", "pred": "p", "target": "y"}


def json_lines(folder: Path, batch: Batch) -> dict[str, str]:
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lists(batch).to_pylist()))
    return {"predictions": "t.jsonl", "pred": "p", "target": "y"}


def text(folder: Path, batch: Batch, delimiter: str = ",") -> dict[str, str]:
    """A number a cell: `p0, p1, ..., y0, ...`."""
    names, columns = [], []
    for name, array in (("p", batch.predictions), ("y", batch.targets)):
        for number, column in enumerate(array.reshape(len(array), -1).T.tolist()):
            names.append(f"{name}{number}")
            columns.append(map(repr, column))
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([names, *zip(*columns, strict=True)])
    return {"predictions": "t.csv", "pred": "p*", "target": "y*", "delimiter": delimiter}


FORMATS = {
    "npy": arrays,
    "npy, Fortran": lambda folder, batch: arrays(folder, batch, np.asfortranarray),
    "npy, big-endian": lambda folder, batch: arrays(folder, batch, lambda a: a.astype(a.dtype.newbyteorder(">"))),
    "npy.gz": packed,
    "npz": archive,
    "parquet": parquet,
    "arrow": arrow,
    "jsonl": json_lines,
    "csv": text,
    "tsv": lambda folder, batch: text(folder, batch, "\t"),
}


def fits(variant, form):
    """A row of text holds one axis of numbers."""
    return form not in ("csv", "tsv") or variant.batch(2, 0).predictions.ndim <= 2


@pytest.mark.parametrize(
    ("variant", "form"),
    [pytest.param(v, form, id=f"{v}-{form}") for v in variants() for form in FORMATS if fits(v, form)],
)
def test_every_format_gives_the_bits_of_the_arrays(variant, form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    batch = variant.batch(11, seed=len(form))
    files = FORMATS[form](tmp_path, batch)
    stored = replace(batch, predictions=files.pop("predictions"), targets=files.pop("targets", None))
    expected = batch.result(reduction="none")
    monkeypatch.setattr(run, "RANGE_NUMBERS", 30)  # the file is read in blocks of a few samples
    found = stored.with_options(**files).result(reduction="none")
    np.testing.assert_array_equal(np.ravel(found.value), np.ravel(expected.value), strict=True)
    assert found.reductions == expected.reductions
    assert (found.numerator, found.denominator) == (expected.numerator, expected.denominator)
    assert found.counts == expected.counts


def test_every_format_that_is_read_takes_part():
    assert {form.partition(",")[0].removesuffix(".gz") for form in FORMATS} == set(READ)
