"""What people type first, and what they are told: the hint is a command that works, or names what does."""

from __future__ import annotations

import shlex

import numpy as np
import pytest


@pytest.fixture
def files(shell):
    """A folder of small inputs."""
    rng = np.random.default_rng(0)
    shell.save("rows.npy", rng.dirichlet(np.ones(3), 20))
    shell.save("pairs.npy", rng.dirichlet(np.ones(2), 20))
    shell.save("labels.npy", rng.integers(0, 2, 20))
    shell.save("x.npy", [0.1, 0.2])
    shell.save("y.npy", [0.1, 0.4])
    shell.write("xy.csv", "x,y\n0.1,1\n0.2,2\n")
    np.savez(shell.folder / "both.npz", logits=rng.normal(size=(20, 3)), labels=rng.integers(0, 3, 20))
    return shell


def hint_of(error):
    """The hint alone."""
    return error.partition("hint: ")[2].strip()


@pytest.mark.parametrize("name", ["KLDivLoss", "kl_div", "SmoothL1Loss"])
def test_false_friends(complaint, name):
    assert f"no loss is named '{name}' here: " in complaint(f"{name} a b", code=2)


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("help", "losscli --help"),
        ("version", "losscli --version"),
        ("diff a b", "losscli compare LOSS A B TARGETS"),
        ("zzzloss a b", "`losscli list` shows all"),
        ("nlll a b", "did you mean nll?"),
        ("mse a b --base 2", "leave it out"),
    ],
)
def test_commands_of_other_tools(complaint, command, hint):
    assert hint_of(complaint(command, code=2)) == hint


def test_whose_option_a_base_is(complaint):
    assert "why: it belongs to bce, " in complaint("mse a b --base 2", code=2)


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("x.csv.gz", "-o x.csv"),
        ("x.txt", "-o x.csv"),
        ("out/x", "-o out/x.csv"),
        ("-", "--format jsonl and --format csv print every sample"),
    ],
)
def test_outputs_of_no_format(files, complaint, output, hint):
    assert hint_of(complaint(f"mse x.npy y.npy -o {output}", code=2)) == hint


@pytest.mark.parametrize(("loss", "predictions"), [("bce", "rows"), ("mse", "rows"), ("hinge", "pairs")])
def test_rows_of_classes_for_a_loss_of_single_numbers(files, complaint, loss, predictions):
    hint = hint_of(complaint(f"{loss} {predictions}.npy labels.npy"))
    command = hint.split("`")[1].removeprefix("losscli ")
    assert files(command).code == 0
    assert ("predictions[:, 1]" in hint) == (predictions == "pairs")


def test_two_arrays_in_an_archive(files, complaint):
    hint = hint_of(complaint("ce both.npz"))
    assert hint.endswith("losscli LOSS both.npz:logits both.npz:labels")
    assert files("ce both.npz:logits both.npz:labels").code == 0


def test_columns_behind_a_path(files, complaint):
    value = files("mse xy.csv --pred x --target y --format value").out
    assert files("mse xy.csv:x xy.csv:y --format value").out == value != ""
    assert files("mse xy.csv:x --target y --format value").out == value
    assert "and so does --pred x" in complaint("mse xy.csv:x xy.csv:y --pred x", code=2)


def test_a_column_that_is_not_there(files, complaint):
    for option in ("--by", "--sample-weight"):
        assert hint_of(complaint(f"mse xy.csv --pred x --target y {option} foo")) == "the columns are 'x', 'y'"


def test_blanks_in_comma_lists(files):
    with_blanks = files("ce rows.npy labels.npy --classes 'cat, dog, eel' --json --per-sample").out
    assert with_blanks == files("ce rows.npy labels.npy --classes cat,dog,eel --json --per-sample").out != ""


def test_a_comma_at_the_end_of_every_line(shell):
    shell.write("t.csv", "p,y,\n0.1,0,\n0.9,1,\n")
    outcome = shell("bce t.csv --target y --format value")
    assert float(outcome.out) == pytest.approx(-np.log(0.9))
    assert "'Unnamed: 2'" in outcome.err


def test_a_comment_above_the_header(shell, complaint):
    shell.write("t.csv", "# made by hand\np,y\n0.1,0\n0.9,1\n")
    error = complaint("bce t.csv --pred p --target y")
    assert "line 1 looks like a comment: '# made by hand'" in error
    shell.script(hint_of(error).removeprefix("remove it: "))
    assert shell("bce clean.csv --pred p --target y").code == 0


def test_a_folder_with_a_readme(files, complaint):
    (files.folder / "parts").mkdir()
    files.write("parts/README.md", "# parts\n")
    for name in "ab":
        files.write(f"parts/{name}.csv", "x,y\n1,2\n")
    error = complaint("mse parts --pred x --target y")
    assert "parts/README.md" in error
    pattern = shlex.split(hint_of(error))[-1]
    assert files(f"mse '{pattern}' --pred x --target y --format value").out == "1.0\n"


def test_the_value_stands_before_its_verdict(files):
    outcome = files.script("losscli mse x.npy y.npy --max 0.001 --format value 2>&1")
    assert outcome.out.startswith("0.02")
    assert "within rtol=0.0, atol=0.0" in files("mse x.npy y.npy --expect 1 --atol 0 --format value").err
