"""Options that would do nothing are refused; defaults of a project that would do nothing are passed over."""

import numpy as np
import pytest


@pytest.fixture
def files(shell):
    """Arrays and tables to score."""
    shell.save("x.npy", [0.1, 0.4])
    shell.save("y.npy", [0.0, 1.0])
    shell.save("p.npy", [[0.1, 0.9], [0.4, 0.6]])
    shell.save("t.npy", [1, 0])
    shell.write("t.csv", "id,x,y\n0,0.1,0\n1,0.4,1\n")
    shell.write("u.csv", "x;y\n0,1;0\n0,4;1\n")
    shell.write("t.jsonl", '{"x": 0.1, "y": 0}\n{"x": 0.4, "y": 1}\n')
    return shell


@pytest.mark.parametrize(
    ("command", "code", "problem"),
    [
        ("mse x.npy y.npy --classes a,b", 2, "--classes names the classes of labels, and mse has none"),
        ("mse t.csv --pred x --target y --id id", 2, "--id id joins two tables, and TARGETS is missing"),
        ("mse x.npy y.npy --delimiter ';'", 2, "--delimiter says how to read csv and tsv files, and there is none"),
        ("mse x.npy y.npy --no-header", 2, "--header says how to read csv and tsv files"),
        ("mse t.jsonl --pred x --target y --decimal ,", 2, "--decimal says how to read csv and tsv files"),
        ("mse t.csv --pred x --target y --input-dtype bfloat16", 2, "--input-dtype says how to read npy and npz files"),
    ],
)
def test_what_would_do_nothing_is_refused(files, complaint, command, code, problem):
    error = complaint(command, code=code)
    assert problem in error
    assert "leave it out" in error


@pytest.mark.parametrize(
    "command",
    [
        "mse x.npy u.csv --target y --delimiter ';' --decimal ,",
        "mse u.csv --pred x --target y --delimiter ';' --decimal ,",
        "compare mse x.npy y.npy u.csv --target y --delimiter ';' --decimal ,",
        "mse x.npy y.npy --decimal .",
    ],
)
def test_what_one_of_the_inputs_needs_is_not(files, command):
    outcome = files(command)
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("default", "command"),
    [
        ("delimiter = ';'", "mse x.npy y.npy"),
        ("classes = ['cat', 'dog']", "mse x.npy y.npy"),
        ("id = 'id'", "mse t.csv --pred x --target y"),
        ("rtol = 1e-3", "mse x.npy y.npy"),
        ("reduction = 'none'", "mse x.npy y.npy --max 1"),
    ],
)
def test_defaults_of_a_project_are_passed_over(files, default, command):
    files.write("pyproject.toml", f"[tool.losscli]\n{default}\n")
    outcome = files(command)
    assert outcome.code == 0, outcome.err


def test_a_layout_that_a_table_contradicts(shell, complaint):
    shell.write("t.jsonl", '{"x": [[-1.0, -0.5], [-0.3, -1.4]], "y": [1]}\n' * 3)
    assert "hint: --layout ntc" in complaint("ctc t.jsonl --pred x --target y --kind logits --layout tnc", code=2)
    results = [shell(f"ctc t.jsonl --pred x --target y --kind logits {o} --format value") for o in ("", "--layout ntc")]
    assert results[0].out == results[1].out != ""
    assert np.isfinite(float(results[0].out))
