"""What people type first, and what they are told: the hint is a command that works, or names what does."""

from __future__ import annotations

import json
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


def test_records_as_pandas_writes_them(shell, complaint):
    shell.write("t.json", '[{"x": 1.0, "y": 2.0}, {"x": 3.0, "y": 1.0}]')
    line = hint_of(complaint("mse t.json --pred x --target y")).removesuffix(" makes JSON Lines of it")
    shell.script(line)
    assert shell("mse rows.jsonl --pred x --target y --format value").out == "2.5\n"


def test_columns_within_one_object(shell, complaint):
    shell.write("t.json", '{"p": [[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]], "y": [1, 0, 0]}')
    error = complaint("ce t.json --pred p --target y")
    assert "which may be columns or one sample" in error
    shell.script(hint_of(error).partition(" makes")[0])
    value = float(shell("ce rows.jsonl --pred p --target y --format value").out)
    assert value == pytest.approx(-np.log([0.8, 0.6, 0.5]).mean())
    shell.write("one.json", '{"p": [0.2, 0.8], "y": 1}')
    assert shell("ce one.json --pred p --target y").err == ""
    shell.write("two.json", '{"p": [0.2, 0.8], "q": [0.1, 0.9]}')
    assert shell("ce two.json --pred p --target q --input-format jsonl").code == 0


def test_no_prediction_for_the_first_token(shell, complaint):
    shell.write("t.jsonl", '{"lp": [null, -1.0, -0.5]}\n{"lp": [null, -0.2]}\n')
    line = hint_of(complaint("perplexity t.jsonl --kind token-log-probs")).removesuffix(" leaves it out")
    shell.script(line)
    value = float(shell("sequence-nll scored.jsonl --kind token-log-probs --format value").out)
    assert value == pytest.approx(1.7 / 3)


def inspected(shell, command):
    """The first command that an inspection suggests, and what it prints."""
    found = json.loads(shell(f"inspect {command} --json").out)
    suggested = found["diagnosis"]["suggestions"][0]["command"]
    return suggested, shell(suggested.removeprefix("losscli "))


def test_what_is_inspected_may_be_hard_to_read(files):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(30, 2)).tolist()
    files.write("t.csv", "a;b\n" + "".join(f"{a};{b}\n" for a, b in rows))
    found = json.loads(files("inspect t.csv --json").out)
    assert [column["name"] for column in found["files"][0]["columns"]] == ["a", "b"]
    suggested, outcome = inspected(files, "t.csv --pred a --target b")
    assert "--delimiter ';'" in suggested
    assert outcome.code == 0
    suggested, outcome = inspected(files, "both.npz")
    assert "both.npz:logits both.npz:labels" in suggested
    assert outcome.code == 0


def test_utterances_before_time_are_inspected(files):
    rng = np.random.default_rng(1)
    files.save("frames.npy", rng.normal(size=(4, 9, 5)))
    files.save("words.npy", rng.integers(1, 5, (4, 3)))
    suggested, outcome = inspected(files, "frames.npy words.npy")
    assert suggested == "losscli ctc frames.npy words.npy --layout ntc"
    assert outcome.code == 0, outcome.err


def test_a_pattern_that_the_shell_took_apart(complaint):
    error = complaint("ce shards/a.parquet shards/b.parquet shards/c.parquet --target label", code=2)
    assert hint_of(error) == "in quotes, a pattern is one input: losscli ce 'shards/*.parquet'"
    assert "--help` shows all options" in complaint("mse a.npy b.csv c.npy", code=2)
