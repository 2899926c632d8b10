"""Predictions and targets that do not fit together: how many, which way round, which of them."""

import numpy as np
import pytest

PROBS = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5], [0.6, 0.3, 0.1]])
ROWS = "0.7,0.2,0.1\n0.1,0.8,0.1\n0.25,0.25,0.5\n0.6,0.3,0.1\n"


@pytest.fixture(autouse=True)
def inputs(shell):
    shell.save("preds.npy", PROBS)
    shell.write("preds.csv", "a,b,c\n" + ROWS)
    shell.write("bare.csv", ROWS)
    shell.save("labels.npy", [0, 1, 2, 0])


@pytest.mark.parametrize("predictions", ["preds.npy", "preds.csv"])
def test_unequal_lengths(shell, complaint, predictions):
    shell.save("five.npy", [0, 1, 2, 0, 1])
    error = complaint(f"nll {predictions} five.npy")
    assert f"{predictions} has 4 samples, five.npy has 5" in error
    assert "hint: both must hold the same samples in the same order\n" in error


def test_tables_can_be_joined_where_lengths_differ(shell, complaint):
    shell.write("labels.csv", "label\n0\n1\n")
    error = complaint("nll preds.csv labels.csv")
    assert "labels.csv has 2 samples, preds.csv has 4" in error
    assert "--id COL joins two tables" in error


def test_transposed_predictions_have_a_working_hint(shell, complaint):
    shell.save("turned.npy", PROBS.T)
    error = complaint("nll turned.npy labels.npy")
    assert "turned.npy has 3 samples, labels.npy has 4" in error
    assert "turned.npy has shape (3, 4): it looks transposed" in error
    assert "hint: np.save('transposed.npy', np.load('turned.npy').T)" in error
    shell.save("transposed.npy", np.load(shell.folder / "turned.npy").T)
    assert shell("nll transposed.npy labels.npy").code == 0


def test_a_transposed_table(shell, complaint):
    shell.write("turned.csv", "\n".join(",".join(map(str, row)) for row in PROBS.T.tolist()))
    error = complaint("nll turned.csv labels.npy")
    assert "turned.csv has 3 samples, labels.npy has 4" in error
    assert "turned.csv has 4 columns: it looks transposed" in error


def test_data_that_was_forced_to_be_a_header(complaint, shell):
    error = complaint("nll bare.csv labels.npy --header")
    assert "bare.csv has 3 samples, labels.npy has 4" in error
    assert "the first row of bare.csv was read as header" in error
    assert "--no-header" in error
    assert shell("nll bare.csv labels.npy --no-header").code == 0


def test_a_header_that_was_taken_for_data(complaint, shell):
    """What pandas writes for a series without a name: its only column is called 0."""
    shell.write("series.csv", "0\n0\n1\n2\n0\n")
    error = complaint("nll preds.csv series.csv")
    assert "preds.csv has 4 samples, series.csv has 5" in error
    assert "the first row of series.csv was read as data" in error
    assert "hint: --header" in error
    assert shell("nll preds.csv series.csv --header").code == 0


def test_a_header_that_was_forced_to_be_data(complaint):
    error = complaint("nll preds.csv labels.npy --no-header")
    assert "preds.csv: row 0 (line 1), column '0': 'a' is not a number" in error
    assert "the first row looks like a header" in error
    assert "hint: leave out --no-header" in error
