"""Columns that are taken unasked: ids are no predictions, and the parts of a glob are no targets."""

from __future__ import annotations

import json
import re
import shlex

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 12


@pytest.fixture
def scores():
    """Rows of probabilities, and a label for each."""
    rng = np.random.default_rng(3)
    return rng.dirichlet(np.ones(3), ROWS), rng.integers(0, 3, ROWS)


def write(shell, name, **columns):
    """Write columns as CSV."""
    rows = zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True)
    shell.write(name, "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")


def repaired(shell, complaint, command):
    """What the command prints with the option that its error hints, and the error."""
    error = complaint(command)
    hint = error.partition("hint: ")[2].strip()
    option = " ".join(shlex.quote(word) for word in shlex.split(re.split(r" (?:joins|leaves|names|takes)", hint)[0]))
    return shell(f"{command} {option} --format value").out, error


def test_an_id_that_both_tables_have(shell, complaint):
    rng = np.random.default_rng(1)
    y, y_hat = rng.normal(size=(2, ROWS))
    order = rng.permutation(ROWS)
    write(shell, "a.csv", id=range(100, 100 + ROWS), y_hat=y_hat)
    write(shell, "b.csv", id=100 + order, y=y[order])
    value, error = repaired(shell, complaint, "mse a.csv b.csv")
    assert "a.csv and b.csv both have a column 'id', and others that differ" in error
    assert "--pred y_hat --target y leaves it out" in error
    assert float(value) == pytest.approx(((y - y_hat) ** 2).mean(), rel=1e-14)


@pytest.mark.parametrize("name", ["id", "Id", "ID", "row", "ImageId", "patient_id", "key"])
def test_an_id_beside_columns_of_one_name(shell, complaint, name):
    """As in a submission and its solution: an id beside a column of the same name."""
    rng = np.random.default_rng(1)
    y, y_hat = rng.normal(size=(2, ROWS))
    ids = rng.permutation(1000)[:ROWS]
    write(shell, "a.csv", **{name: ids, "price": y_hat})
    write(shell, "b.csv", **{name: ids, "price": y})
    value, error = repaired(shell, complaint, "mse a.csv b.csv")
    assert f"column '{name}' numbers the rows" in error
    assert float(value) == pytest.approx(((y - y_hat) ** 2).mean(), rel=1e-14)


@pytest.mark.parametrize("first", [0, 1, 1000])
@pytest.mark.parametrize("name", ["id", "sample", "nr"])
def test_an_id_among_the_classes(shell, complaint, scores, name, first):
    shares, labels = scores
    counted = np.random.default_rng(2).permutation(ROWS) + first if first == 1000 else np.arange(ROWS) + first
    write(shell, "t.csv", **{name: counted}, cat=shares[:, 0], dog=shares[:, 1], fish=shares[:, 2], label=labels)
    value, error = repaired(shell, complaint, "ce t.csv --target label")
    assert f"column '{name}' numbers the rows" in error
    assert float(value) == pytest.approx(-np.log(shares[np.arange(ROWS), labels]).mean(), rel=1e-14)


def test_an_id_that_repeats(shell, complaint, scores):
    shares, labels = scores
    write(shell, "t.csv", patient_id=np.arange(ROWS) // 3, p_0=shares[:, 0], p_1=1 - shares[:, 0], label=labels % 2)
    assert "hint: --pred p_0,p_1" in complaint("ce t.csv --target label")


def test_a_glob_where_one_means_the_classes(shell, complaint, scores):
    shares, labels = scores
    write(shell, "t.csv", id=range(ROWS), p_0=shares[:, 0], p_1=shares[:, 1], p_2=shares[:, 2], label=labels)
    assert "hint: --pred 'p_*'" in complaint("ce t.csv --target label")


def test_whole_numbers_are_scores_too(shell, scores):
    """Counts of votes, a logit that happens to be whole, and the first rows of a ranking."""
    _, labels = scores
    votes = np.random.default_rng(5).integers(0, 9, (ROWS, 2))
    write(shell, "t.csv", cat=votes[:, 0], dog=votes[:, 1], label=labels % 2)
    assert shell("ce t.csv --target label").code == 0
    write(shell, "t.csv", cat=np.arange(ROWS), dog=np.arange(ROWS)[::-1], label=labels % 2)
    assert shell("ce t.csv --target label").code == 0
    shell.write("t.csv", "cat,dog,label\n0,0.5,1\n1,0.25,0\n")
    assert shell("ce t.csv --target label --kind logits").code == 0
    write(shell, "t.csv", cat=votes[:, 0], dog=votes[:, 1] / 7, label=labels % 2)
    assert shell("ce t.csv --target label --kind logits").code == 0


def test_an_id_that_is_asked_for_is_taken(shell):
    write(shell, "a.csv", id=range(ROWS), y=np.linspace(0, 1, ROWS))
    assert shell("mse a.csv a.csv --pred id,y --target id,y --format value").out == "0.0\n"


def test_text_labels_beside_a_column_of_another_family(shell, complaint, scores):
    shares, labels = scores
    names = np.array(["cat", "dog", "eel"])[labels]
    columns = {f"p_{name}": shares[:, k] for k, name in enumerate(["cat", "dog", "eel"])}
    write(shell, "t.csv", margin=shares.max(axis=1), **columns, label=names)
    value, error = repaired(shell, complaint, "ce t.csv --target label")
    assert "is none of the classes" in error
    assert "--pred 'p_*'" in error
    assert float(value) == pytest.approx(-np.log(shares[np.arange(ROWS), labels]).mean(), rel=1e-14)


def test_the_parts_of_a_glob_are_no_targets(shell, complaint, scores):
    shares, labels = scores
    (shell.folder / "shards").mkdir()
    for part in range(2):
        table = {"p_0": shares[:, 0], "p_1": 1 - shares[:, 0], "label": np.roll(labels % 2, part)}
        pq.write_table(pa.table(table), shell.folder / "shards" / f"{part}.parquet")
    for options in ("", "--pred 'p_*'"):
        error = complaint(f"ce shards/0.parquet shards/1.parquet --target label {options}")
        assert "shards/0.parquet has a column 'label', which --target names" in error
        assert "losscli ce 'shards/*.parquet' --target label" in error or (
            "losscli cross-entropy 'shards/*.parquet' --target label" in error
        )
    assert shell("ce 'shards/*.parquet' --target label").code == 0


def test_targets_that_the_predictions_repeat(shell, scores):
    shares, labels = scores
    write(shell, "a.csv", p_0=shares[:, 0], p_1=1 - shares[:, 0], label=labels % 2)
    assert shell("ce a.csv a.csv --pred 'p_*' --target label").code == 0


@pytest.mark.parametrize("stems", [("{}", "{}"), ("p_{}", "t_{}")])
def test_columns_of_both_sides_in_another_order(shell, complaint, stems):
    rng = np.random.default_rng(1)
    y, y_hat = rng.normal(size=(2, ROWS, 2))
    write(shell, "a.csv", **{stems[0].format("u"): y_hat[:, 0], stems[0].format("v"): y_hat[:, 1]})
    write(shell, "b.csv", **{stems[1].format("v"): y[:, 1], stems[1].format("u"): y[:, 0]})
    value, error = repaired(shell, complaint, "mse a.csv b.csv")
    assert "stand in another order" in error
    assert float(value) == pytest.approx(((y - y_hat) ** 2).mean(), rel=1e-14)


def test_distributions_whose_classes_stand_in_another_order(shell, complaint, scores):
    shares, _ = scores
    (a, b, c), (d, e, f) = shares.T, shares[::-1].T
    write(shell, "t.csv", p_a=a, p_b=b, p_c=c, q_b=e, q_a=d, q_c=f)
    value, _ = repaired(shell, complaint, "ce t.csv --pred 'p_*' --target 'q_*'")
    # The hinted --target comes last, and so it counts.
    assert float(value) == pytest.approx(-(shares[::-1] * np.log(shares)).sum(axis=1).mean(), rel=1e-14)


def test_inspect_offers_the_id(shell):
    y = np.random.default_rng(1).normal(size=300)
    ids = np.random.default_rng(2).permutation(300)
    write(shell, "a.csv", id=range(300), y_hat=y + 0.1)
    write(shell, "b.csv", id=ids, y=y[ids])
    commands = [
        each["command"] for each in json.loads(shell("inspect a.csv b.csv --json").out)["diagnosis"]["suggestions"]
    ]
    for command in commands:
        assert "--id id --pred y_hat --target y" in command or "--pred y_hat --target y --id id" in command
    assert float(shell(f"{commands[0].removeprefix('losscli ')} --format value").out) == pytest.approx(0.01)


def test_signalling_nans_are_told_like_others(shell, complaint, scores):
    probs, labels = scores
    columns = {f"c{number}": column.copy() for number, column in enumerate(probs.T)}
    columns["c1"].view(np.uint64)[5] = 0x7FF0000000000001
    pq.write_table(pa.table({**columns, "y": labels}), shell.folder / "t.parquet")
    assert "row 5, column 'c1': the value is NaN" in complaint("cross-entropy t.parquet --pred 'c*' --target y")


KEYS = [50, 30, 90, 10]


def test_whole_numbers_that_both_sides_share(shell, complaint):
    write(shell, "a.csv", key=KEYS, count=[1, 2, 3, 4])
    write(shell, "b.csv", key=KEYS, count=[2, 2, 3, 5])
    assert "a.csv: column 'key' numbers the rows, and was taken for one of the predictions" in complaint(
        "mse a.csv b.csv"
    )
    write(shell, "a.csv", key=[5, 5, 9, 9], count=[1, 2, 3, 4])
    write(shell, "b.csv", key=[5, 5, 9, 9], count=[2, 2, 3, 5])
    assert shell("mse a.csv b.csv --format value").out == "0.25\n"
    write(shell, "a.csv", key=KEYS, count=[1, 2, 3, 4])
    assert shell("mse a.csv a.csv --format value").out == "0.0\n"


def test_an_id_among_the_targets(shell, complaint):
    shell.save("p.npy", np.ones((4, 2)))
    write(shell, "b.csv", id=KEYS, y=[0.5, 1.5, 2.5, 3.5])
    assert "b.csv: column 'id' numbers the rows, and was taken for one of the targets" in complaint("mse p.npy b.csv")


def test_what_comes_through_a_pipe_is_not_compared_with_the_targets(shell, complaint):
    # Standard input was taken for the first part of a table that the shell had taken apart.
    write(shell, "b.csv", y=[1.0, 2.0])
    text = complaint("mse - b.csv --pred p --target y", stdin=b"p,y\n1.5,1\n2.5,2\n")
    assert "whether the targets of the one or of the other are meant is not certain" in text


def test_columns_of_one_name_that_were_asked_for(shell):
    write(shell, "a.csv", k=[1, 2], p=[0.5, 1.5])
    write(shell, "b.csv", k=[1, 4], y=[0.5, 0.5])
    assert shell("mse a.csv b.csv --pred k,p --format value").out == "1.25\n"
