"""Predictions whose rows are not of one kind, or not of the kind that was said."""

import numpy as np
import pytest

PROBS = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5], [0.6, 0.3, 0.1]]
LABELS = [0, 1, 2, 0]


def score(complaint, shell, values, options="", labels=LABELS):
    shell.save("preds.npy", values)
    shell.save("labels.npy", labels)
    return complaint(f"nll preds.npy labels.npy {options}")


@pytest.mark.parametrize(
    ("row", "problem", "hint"),
    [
        ([0.5, 0.4, 0.3], "preds.npy: row 4: the probabilities of the row sum to 1.2", "--kind logits"),
        ([3.0, -1.0, 2.0], "preds.npy: row 4, column 0: 3 is no probability", "--kind logits"),
        ([0.5, 0.6, -0.1], "preds.npy: row 4, column 2: -0.1 is no probability", "--kind logits"),
        ([70.0, 20.0, 10.0], "preds.npy: row 4: the row sums to 100", "--kind probs --normalize"),
    ],
)
def test_a_row_that_contradicts_the_others_is_named_with_what_is_wrong(complaint, shell, row, problem, hint):
    error = score(complaint, shell, [*PROBS, row], labels=[*LABELS, 0])
    assert problem in error
    assert "the predictions are probs (4 of the first 5 rows are)" in error
    assert hint in error


def test_a_contradiction_late_in_the_file(complaint, shell):
    values = np.tile(PROBS, (2500, 1))
    values[9000] = [3.0, -1.0, 2.0]
    error = score(complaint, shell, values, labels=np.tile(LABELS, 2500))
    assert "preds.npy: row 9000, column 0: 3 is no probability" in error
    assert "detected in the rows before" in error


def test_log_probabilities_of_which_one_is_positive(complaint, shell):
    values = np.log(PROBS)
    values[2, 1] = 0.5
    error = score(complaint, shell, values)
    assert "preds.npy: row 2, column 1: 0.5 is no log-probability" in error
    assert "--kind auto" not in error
    assert "--kind auto" in score(complaint, shell, values, "--kind log-probs")


def test_percentages(complaint, shell):
    values = np.multiply(PROBS, 100.0)
    error = score(complaint, shell, values)
    assert "the rows sum to about 100" in error
    assert "they look like percentages" in error
    assert "--kind probs --normalize" in error
    scored = shell("nll preds.npy labels.npy --kind probs --normalize --format value")
    assert float(scored.out) == pytest.approx(0.4459478248947195, rel=1e-14)
    assert "they look like percentages" not in scored.err


def test_rounded_probabilities(complaint, shell):
    values = [[0.33, 0.33, 0.33], [0.17, 0.67, 0.17], [0.2, 0.2, 0.6], [0.1, 0.1, 0.8]]
    error = score(complaint, shell, values)
    assert "preds.npy: row 0: the probabilities of the row sum to 0.99" in error
    assert "rounded values may be off" in error
    assert "--row-sum-tolerance" in error
    tolerated = shell("nll preds.npy labels.npy --row-sum-tolerance 0.02 --format value")
    assert tolerated.code == 0
    assert "nothing was renormalised" in tolerated.err
    normalized = shell("nll preds.npy labels.npy --kind probs --normalize --format value")
    assert normalized.code == 0
    assert normalized.out != tolerated.out


def test_values_between_0_and_1_that_sum_to_something_else(complaint, shell):
    error = score(complaint, shell, np.multiply(PROBS, 0.5))
    assert "all values lie in [0, 1], but the rows do not sum to 1 (row 0)" in error
    assert "hint: --kind" in error
    assert shell("nll preds.npy labels.npy --kind logits").code == 0


def test_rows_that_sum_to_1_with_a_value_outside(complaint, shell):
    error = score(complaint, shell, [[1.1, -0.1, 0.0], [1.2, -0.3, 0.1], [0.5, 0.7, -0.2], [-1.0, 1.0, 1.0]])
    assert "the rows sum to about 1, but row 0 is no row of probabilities" in error
    stated = score(complaint, shell, [[1.1, -0.1, 0.0]] * 4, "--kind probs")
    assert "row 0, column 0: 1.1 is no probability" in stated


def test_logits_that_are_forced_to_be_probabilities(complaint, shell):
    error = score(complaint, shell, [[2.0, -1.0, 0.5]] * 4, "--kind probs")
    assert "preds.npy: row 0, column 0: 2 is no probability" in error
    assert "the predictions are probs (stated)" in error
    assert "hint: --kind logits" in error


def test_probabilities_that_are_forced_to_be_logits_are_warned_about(shell):
    shell.save("preds.npy", PROBS)
    shell.save("labels.npy", LABELS)
    scored = shell("cross-entropy preds.npy labels.npy --kind logits --format value")
    assert scored.code == 0
    assert "the softmax is being applied to them a second time" in scored.err


def test_logits_given_to_bce(complaint, shell):
    shell.save("scores.npy", [0.3, -2.0, 5.0])
    shell.save("labels.npy", [1, 0, 1])
    error = complaint("bce scores.npy labels.npy")
    assert "scores.npy: row 1: the value is -2" in error
    assert "probabilities must be within [0, 1]" in error
    assert "hint: logits belong to `losscli sigmoid-cross-entropy`" in error
    assert shell("sigmoid-cross-entropy scores.npy labels.npy").code == 0
