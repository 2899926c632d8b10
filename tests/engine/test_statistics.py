"""The spread of the sample losses, against exact arithmetic, and what a result says of extremes."""

from __future__ import annotations

import decimal
import math
import statistics
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import losscli
from losscli.engine import run
from losscli.engine.kind import RowFacts, detect, examine

losses = st.lists(st.floats(0.0, 1e6, allow_subnormal=False), min_size=2, max_size=15)
weights = st.lists(st.integers(1, 8).map(float), min_size=15, max_size=15)


def result_of(values, **options):
    return losscli.compute("l1", np.array(values), np.zeros(len(values)), **options)


def close(value: float) -> object:
    return pytest.approx(value, rel=1e-15, abs=0.0)


def root(value: Fraction) -> float:
    """The square root of a fraction of any size."""
    with decimal.localcontext(prec=40):
        return float((Decimal(value.numerator) / value.denominator).sqrt())


@given(losses)
def test_std_and_median_are_those_of_exact_arithmetic(values):
    found = result_of(values).statistics
    exact = list(map(Fraction, values))
    assert found.std == close(root(statistics.variance(exact)))
    assert found.standard_error == close(root(statistics.variance(exact) / len(exact)))
    assert found.median == pytest.approx(statistics.median(values), rel=1e-15, abs=0)
    assert (found.min.value, found.max.value) == (min(values), max(values))
    assert found.max.sample == values.index(max(values))


@given(losses, weights)
def test_standard_error_of_a_weighted_mean_is_that_of_a_ratio(values, weight):
    weight = weight[: len(values)]
    found = result_of(values, sample_weight=np.array(weight)).statistics
    w = list(map(Fraction, weight))
    weighted = [Fraction(x) for x in np.multiply(weight, values).tolist()]
    mean, n = sum(weighted) / sum(w), len(values)
    residual = sum((a - mean * b) ** 2 for a, b in zip(weighted, w, strict=True))
    assert found.standard_error == close(root(residual * n / (n - 1) / sum(w) ** 2))


@pytest.mark.parametrize(("values", "std"), [
    ([1e8, 1e8 + 1.0, 1e8 + 2.0], 1.0),
    ([1.0, 1.0 + 2.0**-52, 1.0 + 2.0**-51], 2.0**-52),
    ([1.0 + 2.0**-39 * step for step in range(7, 10)], 2.0**-39),
])  # fmt: skip
def test_no_cancellation_in_the_spread(values, std):
    found = result_of(values, sample_weight=np.full(3, 2.0)).statistics
    assert (result_of(values).statistics.std, found.std) == (std, 2.0 * std)
    assert found.standard_error == close(std / math.sqrt(3.0))


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**-600, 2.0**-450, 2.0**490])
@pytest.mark.parametrize("weight", [1e-200, 1.0, 1e130])
def test_losses_whose_squares_leave_the_range_of_float64_have_a_spread(scale, weight):
    values, weights = np.array([1.0, 0.0, 2.0, 5.0]), np.array([1.0, 2.0, 0.5, 3.0])
    if scale * weight > 2.0**490 or scale * weight < 2.0**-1000:
        weight = 1.0
    plain = result_of(values, sample_weight=weights, by=np.zeros(4)).statistics
    result = result_of(scale * values, sample_weight=weight * weights, by=np.zeros(4))
    assert result.statistics.std == close(scale * weight * plain.std)
    assert result.statistics.standard_error == close(scale * plain.standard_error)
    assert result.groups.groups[0].standard_error == result.statistics.standard_error


@pytest.mark.filterwarnings("ignore::losscli.LossWarning")
def test_an_infinite_loss_is_counted_and_leaves_no_spread():
    result = losscli.compute("bce", [0.0, 0.5, 1.0, 0.0], [1, 1, 0, 0])
    assert result.value == math.inf
    assert result.counts.nonfinite == 2
    assert result.statistics.std is None
    assert result.statistics.max == type(result.statistics.max)(math.inf, 0)
    assert any("infinite" in warning and "0, 2" in warning for warning in result.warnings)


@pytest.mark.parametrize("shape", [(23, 5, 3, 7), (23, 130, 2), (11, 300), (40, 4, 300)], ids=str)
def test_wide_samples_give_the_same_bits_in_any_blocks(shape, monkeypatch):
    """NumPy adds long axes in pairs, in an order that must not depend on how many samples a block has."""
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, shape)
    labels = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    runs = {
        "cross-entropy": (logits, labels, {"kind": "logits", "label_smoothing": 0.1}),
        "mse": (logits, rng.normal(0, 3, shape), {}),
    }
    for name, (predictions, targets, options) in runs.items():
        whole = losscli.compute(name, predictions, targets, per_sample=True, threads=1, **options)
        for step, size in ((1, 1), (2 * logits[0].size, 5 * logits[0].size)):
            monkeypatch.setattr(run, "STEP_NUMBERS", step)
            monkeypatch.setattr(run, "RANGE_NUMBERS", size)
            other = losscli.compute(name, predictions, targets, per_sample=True, threads=2, **options)
            for column, values in whole.per_sample.columns.items():
                np.testing.assert_array_equal(other.per_sample.columns[column], values, err_msg=f"{name} {column}")
            assert other.statistics == whole.statistics
            assert other.reductions == whole.reductions
            monkeypatch.undo()


def facts_of(rows: list[list[float]]) -> RowFacts:
    with np.errstate(all="ignore"):  # as a run does
        return examine(np.array(rows), np.arange(len(rows)), 1e-3)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([[0.2, 0.8], [1.0, 0.0]], "probs"),
        ([[0.2, 0.8005], [0.5, 0.5]], "probs"),
        ([[0.0, -math.inf], [math.log(0.5), math.log(0.5)]], "log-probs"),
        ([[2.0, -1.0], [0.3, 4.0]], "logits"),
        ([[0.5, 0.5], *([[3.0, -1.0]] * 19)], "logits"),  # one row in twenty by accident
    ],
)
def test_kind_is_told_by_the_rows(rows, kind):
    assert detect(facts_of(rows), "p.npy") == kind


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[0.2, 0.8], [0.5, 0.5], [0.9, 0.8]], "row 2"),
        ([[0.2, 0.3], [0.9, 0.8]], r"all values lie in \[0, 1\]"),
        ([[20.0, 80.0], [55.0, 44.0]], "about 100"),
        ([[1.2, -0.2], [1.01, -0.02]], "about 1"),
    ],
)
def test_a_doubt_about_the_kind_is_an_error_that_names_it(rows, words):
    with pytest.raises(losscli.DataError, match=words):
        detect(facts_of(rows), "p.npy")


def test_a_row_that_contradicts_the_kind_is_found_late_in_the_data(monkeypatch):
    monkeypatch.setattr(run, "RANGE_NUMBERS", 20)
    rows = np.tile([0.25, 0.75], (100, 1))
    rows[83] = [0.5, 0.6]
    for kind in ("auto", "probs"):
        monkeypatch.setattr("losscli.engine.score_rows.DECIDING_ROWS", 10)
        with pytest.raises(losscli.DataError, match="row 83"):
            losscli.compute("nll", rows, np.zeros(100, int), kind=kind)
