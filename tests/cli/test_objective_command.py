"""`--l1`, `--l2`, `--l2-half` and `--params` on every loss, as a stranger meets them."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from losscli.losses.catalogue import catalogue
from losscli.report import schema

WEIGHTS = [0.5, -2.0, 0.0, 1.0]


@pytest.fixture
def folder(shell):
    """Document 004's three samples, and its weights in every format."""
    shell.save("p.npy", [1.0, 2.0, 3.0])
    shell.save("t.npy", [1.5, 1.5, 4.0])
    shell.save("w.npy", WEIGHTS)
    shell.save("square.npy", np.reshape(WEIGHTS, (2, 2)).astype("f4"))
    np.savez(shell.folder / "w.npz", first=WEIGHTS[:2], second=WEIGHTS[2:])
    shell.write("w.csv", "w\n" + "".join(f"{w}\n" for w in WEIGHTS))
    shell.write("named.csv", "name,w\n" + "".join(f"layer{i},{w}\n" for i, w in enumerate(WEIGHTS)))
    shell.write("w.jsonl", "".join(f'{{"w": {w}}}\n' for w in WEIGHTS))
    pq.write_table(pa.table({"w": WEIGHTS}), shell.folder / "w.parquet")
    pq.write_table(pa.table({"w": [WEIGHTS[:1], [], WEIGHTS[1:]]}), shell.folder / "lists.parquet")
    return shell


@pytest.mark.parametrize(
    "params",
    [
        "--params w.npy",
        "--params square.npy",
        "--params w.npz:first --params w.npz:second",
        "--params w.csv",
        "--params named.csv:w",
        "--params w.jsonl",
        "--params w.parquet",
        "--params lists.parquet",
    ],
)
def test_parameters_are_read_from_every_format(folder, params):
    outcome = folder(f"mse p.npy t.npy --l1 0.1 --l2 0.1 --l2-half {params} --json")
    assert (outcome.code, outcome.err) == (0, "")
    document = json.loads(outcome.out)
    jsonschema.validate(document, schema())
    files = [word for word in params.split() if word != "--params"]
    assert document["objective"] == {
        "cost": 0.5,
        "l1": {"lambda": 0.1, "sum_of_absolute_values": 3.5, "penalty": 0.1 * 3.5},
        "l2": {"lambda": 0.1, "factor": 0.5, "sum_of_squares": 5.25, "penalty": 0.1 * 0.5 * 5.25},
        "value": 0.5 + 0.1 * 3.5 + 0.1 * 0.5 * 5.25,
        "parameters": 4,
        "params": files,
    }
    assert document["value"] == 0.5


def test_the_table_has_a_line_for_each_part(folder):
    lines = folder("mse p.npy t.npy --l1 0.1 --l2 0.1 --params w.npy").out.splitlines()
    told = {line.strip().split("  ")[0]: line for line in lines if line.startswith("  ")}
    parts = [label for label in told if label.lower() in ("cost", "l1 penalty", "l2 penalty", "objective")]
    assert [part.lower() for part in parts] == ["cost", "l1 penalty", "l2 penalty", "objective"]
    for part, number in zip(parts, ("0.5", "0.35000000000000003", "0.525", "1.375"), strict=True):
        assert number in told[part].split()
    assert "objective" not in folder("mse p.npy t.npy").out


def test_parameters_stream_past(folder, monkeypatch):
    """More parameters than a batch holds are added up without a digit lost."""
    big = np.tile([1e16, 1.0, -1e16, 3.0], 300_000)
    folder.save("big.npy", big)
    document = json.loads(folder("mse p.npy t.npy --l1 1 --params big.npy --json").out)
    assert document["objective"]["parameters"] == big.size
    assert document["objective"]["l1"]["sum_of_absolute_values"] == float(300_000 * (2 * 10**16 + 4))


@pytest.mark.parametrize("name", catalogue())
def test_every_loss_takes_a_penalty(samples, tmp_path, name):
    np.save(tmp_path / "w.npy", WEIGHTS)
    command = catalogue()[name].sections["Command"].replace("\\\n", " ").replace("sample_data/", "")
    outcome = samples(f"{command.removeprefix('losscli ')} --l2 0.1 --params {tmp_path / 'w.npy'} --json -q")
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["objective"]["cost"] == document["value"]
    assert document["objective"]["value"] == pytest.approx(document["value"] + 0.525)


def test_columns_left_out_are_said(folder):
    outcome = folder("mse p.npy t.npy --l1 1 --params named.csv --format value")
    assert outcome.code == 0
    assert "named.csv" in outcome.err
    assert "'name'" in outcome.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--l1 1 --params none.npy", "none.npy: no such file or folder"),
        ("--l1 1 --params w.npz", "w.npz:first"),
        ("--l1 1 --params nan.npy", "nan.npy: row 1, column 1: the parameter is nan"),
        ("--l1 1 --params nan.parquet", "nan.parquet: row 1, column 'w': the parameter is inf"),
        ("--l1 1 --params named.csv:v", "its columns are 'name', 'w'"),
        ("--l1 1 --params empty.csv", "empty.csv"),
    ],
)
def test_bad_parameters_are_one_clear_error(folder, complaint, options, said):
    folder.save("nan.npy", [[1.0, 2.0], [3.0, np.nan]])
    pq.write_table(pa.table({"w": [[1.0], [2.0, np.inf]]}), folder.folder / "nan.parquet")
    folder.write("empty.csv", "")
    assert said in complaint(f"mse p.npy t.npy {options}")


def test_parameters_are_never_overwritten(folder, complaint):
    assert "the output is also an input" in complaint("mse p.npy t.npy --l1 1 --params w.npy -o w.npy", code=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--l1 1", "--params FILE"),
        ("--params w.npy", "--l1 λ or --l2 λ"),
        ("--l1 1 --params w.npy --l2-half", "add --l2 λ"),
        ("--l1 -1 --params w.npy", "a finite number ≥ 0"),
        ("--l2 nan --params w.npy", "a finite number ≥ 0"),
        ("--l2 x --params w.npy", "--l2"),
        ("--l2 1 --params w.npy --reduction none", "--reduction none yields many"),
        ("--l2 1 --params - --sample-weight -", "only one input can be `-`"),
    ],
)
def test_a_wrong_command_is_told_by_the_command_line_alone(folder, complaint, options, said):
    assert said in complaint(f"mse p.npy t.npy {options}", code=2)
