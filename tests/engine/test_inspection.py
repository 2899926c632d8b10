"""What an inspection counts: exactly, in any blocks, and without growing; and how it compares orders."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from losscli.data import from_array
from losscli.engine.diagnosis.orders import compare_orders, cost_of_labels, cost_of_numbers
from losscli.engine.tally import SHOWN_BINS, Bins, FieldTally, LabelCounts, Spread

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
modest = st.floats(-1e6, 1e6, allow_subnormal=False)


def in_blocks(values, cuts):
    """The values in blocks that end at the cuts."""
    return [block for block in np.split(values, sorted(cut % (len(values) + 1) for cut in cuts)) if len(block)]


def spread_of(blocks):
    spread, start = Spread(), 0
    for block in blocks:
        spread.add(block, lambda places, start=start: start + places)
        start += len(block)
    return spread


@given(arrays.arrays(np.float64, st.integers(1, 60)), st.lists(st.integers(0, 60), max_size=4))
def test_counts_are_exact_in_any_blocks(values, cuts):
    values.flags.writeable = False
    with np.errstate(all="ignore"):
        spread = spread_of(in_blocks(values, cuts))
    assert spread.count == len(values)
    assert spread.nonfinite == {
        "nan": np.isnan(values).sum(),
        "positive_infinity": (values == np.inf).sum(),
        "negative_infinity": (values == -np.inf).sum(),
    }
    assert spread.first_rows["nan"] == np.flatnonzero(np.isnan(values))[:5].tolist()
    assert (spread.zeros, spread.below_zero, spread.above_one) == (
        (values == 0).sum(),
        (values < 0).sum(),
        (values > 1).sum(),
    )
    sound = np.isfinite(values)
    assert spread.finite == sound.sum()
    assert sum(spread.histogram.shown()[1]) == sound.sum()
    if sound.any():
        assert (spread.low.value, spread.high.value) == (values[sound].min(), values[sound].max())
        assert spread.low.sample == int(np.flatnonzero(values == spread.low.value)[0])
        assert spread.high.sample == int(np.flatnonzero(values == spread.high.value)[0])


@given(arrays.arrays(np.float64, st.integers(2, 60), elements=modest), st.lists(st.integers(0, 60), max_size=4))
def test_moments_are_those_of_all_numbers(values, cuts):
    spread = spread_of(in_blocks(values, cuts))
    size = np.abs(values).max() + 1e-300
    assert spread.mean == pytest.approx(values.mean(), rel=1e-12, abs=1e-12 * size)
    std = (values / size).std(ddof=1) * size  # of tiny numbers NumPy loses the squares
    assert spread.std == pytest.approx(std, rel=1e-9, abs=1e-12 * size)


@pytest.mark.parametrize("values", [
    [1.5e308, 1.5e308, 1.0e308, 1.7e308],
    [-np.finfo(np.float64).max, 3.0, -np.finfo(np.float64).max, 0.5, -2.0],  # the masks of logits
    [0.0, 3e-170, 1e-170, 2e-170],
    [0.0, 3e-170, -1.0, 2.5, 1e200],
    [1e300, -1e300, 4e-320],
    [0.0, 1e-323, 5e-324],
], ids=str)  # fmt: skip
@pytest.mark.parametrize("cuts", [[], [1], [1, 2]], ids=str)
def test_moments_of_numbers_whose_squares_or_sums_float64_does_not_hold(values, cuts):
    spread = spread_of(in_blocks(np.array(values), cuts))
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / (len(exact) - 1)
    with decimal.localcontext(prec=40):
        std = float((Decimal(variance.numerator) / variance.denominator).sqrt())
    assert spread.mean == pytest.approx(float(mean), rel=0.0, abs=max(5e-324, 1e-15 * max(map(abs, values))))
    assert spread.std == pytest.approx(std, rel=1e-15, abs=5e-324)


def test_the_mean_of_equal_numbers_is_theirs():
    for value in (0.1, np.finfo(np.float64).max, 5e-324):
        assert spread_of([np.full(size, value) for size in (3, 1000)]).mean == value


@given(arrays.arrays(np.float64, st.integers(1, 80), elements=finite), st.lists(st.integers(0, 80), max_size=4))
def test_a_histogram_of_anything_is_whole(values, cuts):
    histogram = Bins()
    for block in in_blocks(values, cuts):
        histogram.add(block)
    edges, bins = histogram.shown()
    assert sum(bins) == len(values)
    assert 1 <= len(bins) == len(edges) - 1 <= SHOWN_BINS
    assert edges == sorted(edges)


@given(st.lists(st.integers(-3000, 3000), min_size=1, max_size=80), st.lists(st.integers(0, 80), max_size=3))
def test_a_histogram_counts_between_its_edges(numbers, cuts):
    values = np.array(numbers) / 8.0
    histogram = Bins()
    for block in in_blocks(values, cuts):
        histogram.add(block)
    edges, bins = histogram.shown()
    assert bins == np.histogram(values, edges)[0].tolist()
    assert edges[0] <= values.min()
    assert values.max() <= edges[-1]


def test_the_edges_are_round():
    histogram = Bins()
    histogram.add(np.array([0.0, 0.05, 0.3, 0.7, 1.0]))
    edges, bins = histogram.shown()
    assert edges == [round(0.1 * i, 1) for i in range(11)]
    assert bins == [2, 0, 0, 1, 0, 0, 0, 1, 0, 1]


@given(
    st.lists(st.lists(st.integers(-300, 300) | st.integers(2**61, 2**62), max_size=20), max_size=5),
    st.sampled_from([np.int64, object]),
)
def test_labels_are_counted(blocks, dtype):
    labels = LabelCounts()
    for block in blocks:
        labels.add(np.array([str(b) for b in block] if dtype is object else block, dtype))
    values, counts = np.unique(np.array([label for block in blocks for label in block], np.int64), return_counts=True)
    expected = dict(zip(values.tolist(), counts.tolist(), strict=True))
    assert labels.counts == ({str(value): count for value, count in expected.items()} if dtype is object else expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint64, np.bool_, np.float32])
def test_labels_of_any_type_are_counted(dtype):
    labels = LabelCounts()
    labels.add(np.array([0, 1, 1, 1], dtype))
    assert labels.counts == {0: 1, 1: 3}
    if dtype in (np.uint8, np.int8):
        labels.add(np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], dtype))
        assert set(labels.counts) == {0, 1, int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)}


@pytest.mark.parametrize("value", [0.5, np.inf, 1e300])
def test_what_is_no_label_ends_the_counting(value):
    labels = LabelCounts()
    labels.add(np.array([1.0, 2.0, np.nan]))
    assert labels.counts == {1: 1, 2: 1}
    labels.add(np.array([value]))
    assert not labels.possible
    assert labels.counts == {}


def test_labels_do_not_fill_the_memory():
    labels = LabelCounts()
    for start in range(0, 10**6, 10**5):
        labels.add(np.arange(start, start + 10**5) * 7)
    assert (labels.too_many, labels.counts) == (True, {})


def tally_of(values, cut):
    tally = FieldTally(from_array(values, "x").select(None))
    with np.errstate(all="ignore"):
        tally.add(values[:cut], 0)
        tally.add(values[cut:], cut)
    return tally


def test_rows_are_summed():
    rows = np.array([[0.5, 0.5], [0.2, 0.8], [np.nan, 1.0], [0.6, 0.5], [0.1, 0.1]])
    rows.flags.writeable = False
    for cut in (1, 3, 4):
        tally = tally_of(rows, cut).rows
        assert (tally.facts.rows, tally.facts.probs, tally.unsound) == (4, 2, 1)
        assert (tally.least.value, tally.least.sample) == (pytest.approx(0.2), 4)
        assert (tally.greatest.value, tally.greatest.sample) == (pytest.approx(1.1), 3)
        assert tally.facts.first_not_probs == 3


def softmax(scores):
    weights = np.exp(scores)
    return weights / weights.sum(axis=-1, keepdims=True)


@given(st.integers(2, 40), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_a_softmax_of_probabilities_is_known(rows, classes, seed):
    random = np.random.default_rng(seed)
    probs = softmax(random.normal(size=(rows, classes)) * 3.0)
    for values in (softmax(probs), np.log(softmax(probs)), softmax(probs).astype(np.float32)):
        assert tally_of(values, rows // 2).rows.softmax_inside
    sharp = softmax(np.vstack([probs, [5.0] + [0.0] * (classes - 1)]))
    assert not tally_of(sharp, rows).rows.softmax_inside


def test_the_axis_along_which_rows_are_probabilities():
    probs = softmax(np.random.default_rng(0).normal(size=(10, 3, 4, 5)))
    assert tally_of(probs, 4).rows.axis == 3
    assert tally_of(np.moveaxis(probs, -1, 1), 4).rows.axis == 1


@pytest.mark.parametrize("seed", range(5))
def test_orders(seed):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 5, 300)
    logits = random.normal(size=(300, 5)) + 2.0 * np.eye(5)[labels]
    given_cost = -np.log(softmax(logits)[np.arange(300), labels]).mean()
    found = compare_orders(cost_of_labels(logits, "logits", labels), 300)
    assert (found.verdict, found.as_given) == ("aligned", pytest.approx(given_cost))
    prior = np.bincount(labels) / 300
    expected = -(np.log(softmax(logits)).mean(axis=0) * prior).sum()
    assert found.permuted == pytest.approx(expected, abs=4 * found.spread)
    for lag in (-5, 1, 3):
        shifted = compare_orders(cost_of_labels(logits, "logits", np.roll(labels, lag)), 300)
        assert (shifted.verdict, shifted.lag, shifted.best) == ("shifted", lag, pytest.approx(given_cost))
    backwards = compare_orders(cost_of_labels(logits, "logits", labels[::-1]), 300)
    assert backwards.verdict == "reversed"


def test_chance_is_rarely_taken_for_order():
    random = np.random.default_rng(1)
    verdicts = [
        compare_orders(cost_of_numbers(random.normal(size=(50, 1)), random.normal(size=(50, 1))), 50).verdict
        for _ in range(200)
    ]
    assert verdicts.count("aligned") <= 12  # one of forty is expected
    assert not {"shifted", "reversed"} & set(verdicts)


def test_what_says_nothing_about_the_order():
    values = np.ones((100, 1))
    assert compare_orders(cost_of_numbers(values, values), 100) is None
    assert compare_orders(cost_of_numbers(values[:19], values[:19]), 19) is None
    endless = np.where(np.arange(100) == 3, np.inf, 0.0)[:, np.newaxis]
    assert compare_orders(cost_of_numbers(endless, values), 100) is None


def test_labels_that_do_not_count_cost_nothing():
    probs = np.array([[0.9, 0.1], [0.2, 0.8]] * 20)
    labels = np.array([0, 1] * 19 + [-100, 7])
    found = compare_orders(cost_of_labels(probs, "probs", labels), 40)
    assert found.as_given == pytest.approx(-(np.log(0.9) + np.log(0.8)) / 2)
