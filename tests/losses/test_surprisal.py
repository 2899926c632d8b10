"""The surprisal of classes row by row: in the usual range and beyond it, exactly and roughly."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from ulps import assert_ulps, read_only, surprisal

import losscli
from losscli.losses.classification import Surprisal

ROWS = np.array([
    [0.5, -1.25, 3.0], [40.0, 0.0, -40.0], [800.0, 799.0, -800.0], [-900.0, -901.5, -899.0], [2.0**-40, 0.0, -7.0],
    [38.0, 0.0, 0.5], [400.0, 10.0, 9.0],
])  # fmt: skip
"""The usual, the nearly certain, and what exp takes out of the range of float64 to either side."""


@pytest.fixture(autouse=True)
def warnings_as_in_a_run():
    """What leaves the range of float64 is seen in the results."""
    with np.errstate(all="ignore"):
        yield


def targets():
    return (np.full(len(ROWS), each) for each in range(3))


@pytest.mark.parametrize("rows", [slice(None), slice(0, 2), slice(2, 4)], ids=str)
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2"])
def test_one_class_is_accurate_whatever_the_other_rows_are(rows, dtype):
    scores = read_only(ROWS[rows]).astype(dtype)
    for target in targets():
        for row, each, found in zip(
            scores.tolist(), target, Surprisal("logits", scores).of(target[rows]), strict=False
        ):
            assert_ulps(found, surprisal(row, each), 4, (row, each))


def test_logits_with_all_their_digits_lose_none_where_the_largest_is_subtracted():
    rng = np.random.default_rng(17)
    scores = read_only(rng.normal(0.0, 300.0, (200, 4)))
    assert (scores.max(axis=1, keepdims=True) - scores > 40.0).any(axis=1).mean() > 0.9
    for target in np.array(np.broadcast_to(np.arange(4)[:, np.newaxis], (4, 200))):
        of_rows = Surprisal("logits", scores)
        for row, each, one, all_of in zip(scores.tolist(), target, of_rows.of(target), of_rows.each(), strict=True):
            assert_ulps(one, surprisal(row, each), 4, (row, each))
            assert_ulps(all_of[each], surprisal(row, each), 4, (row, each))


def test_another_class_is_told_roughly_without_new_exponentials():
    for first in targets():
        of_rows = Surprisal("logits", read_only(ROWS))
        of_rows.of(first)
        for target in targets():
            for row, each, found in zip(ROWS.tolist(), target, of_rows.roughly(target), strict=True):
                true = surprisal(row, each)
                assert abs(found - true) <= 4 * 2.0**-53 * max(abs(max(row)), abs(row[each]), float(true))


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
def test_what_was_not_asked_for_before_is_told_exactly(kind):
    logits = ROWS[:2]
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scores = {"logits": logits, "log-probs": np.log(probs), "probs": probs}[kind]
    target = np.array([2, 1])
    fresh, used = Surprisal(kind, read_only(scores)), Surprisal(kind, read_only(scores))
    np.testing.assert_array_equal(fresh.roughly(target), used.of(target))
    if kind != "logits":
        np.testing.assert_array_equal(used.roughly(target), used.of(target))
    np.testing.assert_allclose(fresh.each()[[0, 1], target], used.of(target), rtol=1e-15)


def test_every_class_is_accurate():
    each = Surprisal("logits", read_only(ROWS)).each()
    for row, found in zip(ROWS.tolist(), each, strict=True):
        for position, value in enumerate(found):
            assert_ulps(value, surprisal(row, position), 4, (row, position))


def test_all_rows_have_a_least_mass_where_none_is_out_of_range():
    usual, mixed = Surprisal("logits", read_only(ROWS[:2])), Surprisal("logits", read_only(ROWS))
    usual.of(np.array([0, 0]))
    mixed.of(np.zeros(len(ROWS), np.int64))
    np.testing.assert_array_equal(usual.chosen, np.exp(ROWS[:2, 0]))
    assert 0.0 < usual.least_mass <= np.exp(ROWS[:2]).sum(axis=1).min()
    assert mixed.least_mass == 0.0


NORMALIZED = np.array([
    [2.0, 2e-10, 0.0], [100.0, 1e-14, 3e-17], [1e-300, 1e-290, 1e-310], [50.0, 49.0, 1.0], [3.0, 4.0, 5.0],
    [1e-30, 0.1, 0.1], [7.0, 0.0, 0.0],
])  # fmt: skip
"""Rows that do not sum to 1, some of them all but certain: of those the quotient by the sum is 1, or as good as."""


@pytest.mark.filterwarnings("ignore::losscli.LossWarning")
@pytest.mark.parametrize("form", ["labels", "one-hot rows", "smoothed labels"])
def test_a_nearly_certain_row_that_is_normalized_keeps_its_digits(form):
    smoothing = 0.1 if form == "smoothed labels" else 0.0
    for target in range(3):
        label = np.eye(3)[target] if form == "one-hot rows" else target
        found = losscli.cross_entropy(
            NORMALIZED, [label] * len(NORMALIZED), kind="probs", normalize=True, label_smoothing=smoothing,
            reduction="none"
        )  # fmt: skip
        for row, got in zip(NORMALIZED.tolist(), found, strict=True):
            total = mpmath.fsum(row)
            rest = [mpmath.fsum(row[:c] + row[c + 1 :]) for c in range(3)]
            each = [mpmath.log1p(others / p) if p else mpmath.inf for others, p in zip(rest, row, strict=True)]
            assert all(p == 0.0 or abs(e + mpmath.log(p / total)) < 1e-40 for e, p in zip(each, row, strict=True))
            true = each[target]
            if smoothing:
                true = (1 - mpmath.mpf(smoothing)) * true + mpmath.mpf(smoothing) / 3 * mpmath.fsum(each)
            assert_ulps(got, true, 8, (row, target))


def test_a_row_that_was_not_divided_by_its_sum_is_taken_as_it_is_stored():
    of_row = Surprisal("probs", read_only([[0.9, 0.2]]))
    assert of_row.of(np.array([0])) == of_row.each()[:, 0] == -np.log(0.9)


@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
def test_the_probability_of_one_class(kind):
    probs = read_only([[0.7, 0.3, 0.0], [1e-300, 1.0, 1e-20]])
    with np.errstate(divide="ignore"):
        scores = probs if kind == "probs" else np.log(probs)
    for target in ([0, 1], [2, 0], [1, 2]):
        found = Surprisal(kind, read_only(scores)).probability(np.array(target))
        if kind == "probs":
            assert found.tolist() == probs[[0, 1], target].tolist()
        else:
            np.testing.assert_allclose(found, probs[[0, 1], target], rtol=2e-13)  # a logarithm of −691 is rounded
