"""The stable primitives against fifty digits, and exact sums against fractions."""

from __future__ import annotations

import itertools
import math
import sys
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import mpf
from ulps import assert_ulps, read_only, surprisal

from losscli import numerics
from losscli.numerics import SLICE, ExactSum

TINY = 5e-324
ANY = (0.0, TINY, 1e-320, 2.3e-308, 1e-300, 1e-17, 1e-9, 0.1, 0.5, 0.7, 1.0, 2.5, 30.0, 36.7, 37.5, 50.0, 700.0)
BOTH = [*ANY, *(-x for x in ANY)]

ROWS = [
    [50.0, 0.0],
    [0.0, 0.0],
    [0.0],
    [-3.0, -3.0, -3.0],
    [800.0, -800.0],
    [1e300, -1e300],
    [1e300, 1e300, -1e300],
    [-1e300, 0.0],
    [TINY, 0.0],
    [2.0**-40, 0.0, -(2.0**-40)],
    [-745.0, 0.0, -700.0],
    [1e4, 5e3, 0.0, -5e3, -1e4],
    [1e8 + 1.0, 1e8, 1e8 - 30.0],
    [-1e8 - 1.0, -1e8],
    [0.0, -math.inf, 3.0],
]
"""Scores whose differences are exact in float64, so that only the function's own rounding counts."""


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_log_partition_keeps_what_a_sum_would_lose(row):
    maximum, excess = numerics.log_partition(read_only([row]))
    assert maximum[0] == max(row)
    assert_ulps(excess[0], surprisal(row, int(np.argmax(row))), 4, row)


@pytest.mark.parametrize("low", [-math.inf, -1e308, -800.0, -41.3, 0.1])
def test_log_partition_of_scores_without_a_common_grid(low):
    row = [700.1, 0.3, -0.7 - 2**-53, 650.0 / 7.0, low]
    assert_ulps(numerics.log_partition(read_only([row]), fine=True)[1][0], surprisal(row, 0), 2, row)


def test_softmax_and_its_logarithm_of_scores_without_a_common_grid():
    rows = np.random.default_rng(23).normal(0.0, 200.0, (100, 4))
    for row, shares, logs in zip(
        rows.tolist(), numerics.softmax(read_only(rows)), numerics.log_softmax(read_only(rows)), strict=True
    ):
        for index in range(4):
            true = -surprisal(row, index)
            assert_ulps(logs[index], true, 4, (row, index))
            if true > -700.0:
                assert_ulps(shares[index], mpmath.exp(true), 4, (row, index))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_logsumexp(row):
    true = mpmath.log(mpmath.fsum(mpmath.exp(mpf(x)) for x in row))
    # The sum of maximum and excess is rounded at the larger of them, wherever it cancels.
    assert_ulps(numerics.logsumexp(read_only([row]))[0], true, 4, row, slack=float(np.spacing(math.log(len(row)))))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_log_softmax(row):
    got = numerics.log_softmax(read_only([row, row]))
    np.testing.assert_array_equal(got[0], got[1])
    for index, value in enumerate(got[0]):
        if row[index] == -math.inf:
            assert value == -math.inf
        else:
            assert_ulps(value, -surprisal(row, index), 4, (row, index))


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 2, 3, 4)], ids=str)
def test_rows_lie_along_the_last_axis(shape):
    scores = np.random.default_rng(6).normal(0.0, 5.0, shape)
    scores += 1000.0 * np.arange(scores.size // 4).reshape(*shape[:-1], 1)  # what fits one row fits no other
    rows = scores.reshape(-1, 4)
    for function in (numerics.logsumexp, numerics.log_softmax, numerics.softmax):
        whole = function(read_only(scores)).reshape(len(rows), -1)
        np.testing.assert_array_equal(whole, [np.atleast_1d(function(row)) for row in rows])


@pytest.mark.parametrize("classes", [1, 2, 10, numerics.FEW_CLASSES, numerics.FEW_CLASSES + 1, 700])
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<f2"])
def test_the_odds_against_a_class_in_any_layout(dtype, classes):
    rng = np.random.default_rng(classes)
    rows = 2 * numerics.PIECE // classes + 3 if classes == 700 else 41  # more than one piece
    scores = rng.integers(-40, 40, (rows, 2 * classes)).astype(dtype) / 8
    layouts = scores[:, ::2], np.asfortranarray(scores[:, ::2]), np.ascontiguousarray(scores[:, ::2])
    target = rng.integers(0, classes, rows)
    some = np.append(rng.choice(rows, 20, replace=False), [0, rows - 1])
    for laid in layouts:
        laid.flags.writeable = False
        others, chosen = numerics.odds_against(laid, target)
        for row in some.tolist():
            exponentials = [math.exp(x) for x in laid[row].tolist()]
            true = exponentials.pop(target[row])
            assert math.isclose(chosen[row], true, rel_tol=4e-16)
            assert math.isclose(others[row], math.fsum(exponentials), rel_tol=2e-15, abs_tol=0.0)


@pytest.mark.parametrize(
    ("values", "inside"),
    [
        ([1.0, 2.0**-449, 2.0**499], [True, True, True]),
        ([2.0**-450, 1.0], [False, True]),
        ([1.0, 2.0**500], [True, False]),
        ([0.0, 1.0], [False, True]),
        ([1.0, math.inf], [True, False]),
        ([1.0, math.nan], [True, False]),
    ],
    ids=str,
)
def test_sums_of_exponentials_are_in_range_one_by_one_and_all(values, inside):
    assert numerics.in_range(read_only(values)).tolist() == inside
    assert numerics.least_in_range(read_only(values)) == (min(values) if all(inside) else 0.0)


def test_log_softmax_of_a_hundred_thousand_classes():
    scores = np.random.default_rng(3).integers(-320, 320, (1, 100_000)) / 8.0
    got = numerics.log_softmax(scores)[0]
    for index in (0, int(scores.argmax()), int(scores.argmin())):
        assert_ulps(got[index], -surprisal(scores[0], index), 8, index)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_softmax(row):
    got = numerics.softmax(read_only([row, row[::-1]]))
    np.testing.assert_array_equal(got[0], got[1, ::-1])
    for index, value in enumerate(got[0]):
        if row[index] == -math.inf:
            assert value == 0.0
        else:
            assert_ulps(value, mpmath.exp(-surprisal(row, index)), 4, (row, index))


def test_softmax_of_many_classes_sums_to_one():
    scores = np.random.default_rng(4).normal(0.0, 20.0, (3, 50_000))
    for row in numerics.softmax(scores):
        assert abs(math.fsum(row) - 1.0) <= 4 * 2.0**-52


FAR = [*BOTH, 745.2, -745.2, 800.0, -800.0, 1e300, -1e300]


@pytest.mark.parametrize("x", FAR)
def test_sigmoid(x):
    assert_ulps(numerics.sigmoid(read_only([x]))[0], 1 / (1 + mpmath.exp(-mpf(x))), 4, x)


@pytest.mark.parametrize("x", FAR)
def test_log_sigmoid(x):
    assert_ulps(numerics.log_sigmoid(read_only([x]))[0], -mpmath.log1p(mpmath.exp(-mpf(x))), 4, x)


def test_sigmoids_at_the_ends():
    ends = read_only([-math.inf, 0.0, math.inf])
    np.testing.assert_array_equal(numerics.sigmoid(ends), [0.0, 0.5, 1.0])
    np.testing.assert_array_equal(numerics.log_sigmoid(ends), [-math.inf, -math.log(2.0), 0.0])
    assert not np.signbit(numerics.log_sigmoid(read_only([800.0]))[0])


@pytest.mark.parametrize("x", FAR)
def test_softplus(x):
    assert_ulps(numerics.softplus(read_only([x]))[0], mpmath.log1p(mpmath.exp(mpf(x))), 4, x)


@pytest.mark.parametrize("x", [*(-x for x in ANY if x), -math.log(2.0), -0.6931471805599454, -744.0, -1e300])
def test_log1mexp(x):
    true = mpmath.log1p(-mpmath.exp(mpf(x))) if x < -1 else mpmath.log(-mpmath.expm1(mpf(x)))
    assert_ulps(numerics.log1mexp(read_only([x]))[0], true, 4, x)


@pytest.mark.parametrize(("x", "y"), list(itertools.product(BOTH, [TINY, 1e-320, 0.3, 1 - 2**-53, 1.0, 1e300])))
def test_xlogy(x, y):
    assert_ulps(numerics.xlogy(read_only([x]), read_only([y]))[0], mpf(x) * mpmath.log(mpf(y)), 4, (x, y))


@pytest.mark.parametrize(
    ("x", "y"), list(itertools.product([0.0, 0.3, 1.0], [-(1 - 2**-53), -0.5, -1e-17, -1e-320, 0.0, 1e-9, 1e300]))
)
def test_xlog1py(x, y):
    assert_ulps(numerics.xlog1py(read_only([x]), read_only([y]))[0], mpf(x) * mpmath.log1p(mpf(y)), 4, (x, y))


def test_a_factor_of_zero_wins():
    with np.errstate(all="ignore"):
        zeros = read_only([0.0, -0.0, 0.0, 0.0])
        everything = read_only([math.inf, -math.inf, math.nan, 3.0])
        np.testing.assert_array_equal(numerics.times(zeros, everything), 0.0)
        assert numerics.xlogy(read_only([0.0]), read_only([0.0]))[0] == 0.0
        assert numerics.xlogy(read_only([1.0]), read_only([0.0]))[0] == -math.inf
        assert numerics.xlog1py(read_only([0.0]), read_only([-1.0]))[0] == 0.0
        assert math.isnan(numerics.times(read_only([1.0]), read_only([math.nan]))[0])


floats = st.floats(allow_nan=False, allow_infinity=False)
lists_of_floats = st.lists(floats | st.sampled_from([TINY, -TINY, 1e308, -1e308, 1.0, 2.0**900, 1e-310]), max_size=40)


def summed(values):
    total = ExactSum()
    total.add(read_only(values))
    return total


def summed_quickly(values):
    total = ExactSum()
    total.add_quickly(read_only(values))
    return total


def rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@given(lists_of_floats)
def test_exact_sum_is_the_rounded_sum_of_fractions(values):
    true = sum(map(Fraction, values), Fraction(0))
    total = summed(values)
    assert total.value() == rounded(true)
    assert Fraction(total.units, 2**1074) == true


@given(lists_of_floats)
def test_a_quick_sum_is_within_the_error_that_it_states(values):
    total = summed_quickly(values)
    assert abs(total.units - summed(values).units) <= total.error


@given(lists_of_floats.filter(bool), st.lists(floats.filter(bool), min_size=1, max_size=10))
def test_a_ratio_of_exact_sums_is_rounded_once(values, others):
    denominator = sum(map(Fraction, others), Fraction(0))
    ratio = summed(values).over(summed(others))
    if denominator:
        assert ratio == rounded(sum(map(Fraction, values), Fraction(0)) / denominator)
    else:
        assert math.isnan(ratio)


@given(st.data(), st.lists(floats | st.sampled_from([math.inf, -math.inf, math.nan]), max_size=40))
def test_neither_split_nor_order_changes_an_exact_sum(data, values):
    shuffled = data.draw(st.permutations(values))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=4)))
    total = ExactSum()
    for low, high in itertools.pairwise([0, *cuts, len(values)]):
        total.merge(summed(shuffled[low:high]))
    whole = summed(values)
    assert [getattr(total, n) for n in ExactSum.__slots__] == [getattr(whole, n) for n in ExactSum.__slots__]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([math.inf, 1.0], math.inf),
        ([-math.inf, 1e308, 1e308], -math.inf),
        ([math.inf, -math.inf], math.nan),
        ([math.nan, math.inf], math.nan),
        ([sys.float_info.max] * 3 + [-sys.float_info.max] * 2, sys.float_info.max),
        ([sys.float_info.max, 2.0**969], sys.float_info.max),
        ([sys.float_info.max, 2.0**970], math.inf),
        ([1e16, 1.0, -1e16], 1.0),
        ([1e308, TINY, -1e308], TINY),
        ([], 0.0),
    ],
)
def test_exact_sum_of_the_extreme(values, expected):
    np.testing.assert_equal(summed(values).value(), expected)


@pytest.mark.parametrize(
    "seed_and_exponents", [(1, (-1074, 1023)), (2, (-1074, -1000)), (3, (-30, 30)), (4, (890, 1010))], ids=str
)
def test_exact_sum_of_more_than_a_slice(seed_and_exponents):
    seed, (low, high) = seed_and_exponents
    rng = np.random.default_rng(seed)
    size = SLICE + 1234
    values = np.ldexp(rng.uniform(-1, 1, size), rng.integers(low, high, size))
    units = sum(m * (2**1074 // d) for m, d in map(float.as_integer_ratio, values.tolist()))
    assert summed(values).units == units
    assert summed(np.abs(values)).units == sum(
        m * (2**1074 // d) for m, d in map(float.as_integer_ratio, np.abs(values).tolist())
    )
    quick = summed_quickly(values)
    assert abs(quick.units - units) <= quick.error


@pytest.mark.parametrize("size", [1, 2, 1023, 1024, 2047, 2048, 4095, 4096, SLICE - 1, SLICE, 4 * SLICE])
@pytest.mark.parametrize("sign", [1, -1])
def test_slices_of_equal_values_carry_as_far_as_they_can(size, sign):
    true = sign * size * (2**53 - 1) << (1074 - 53)
    values = np.full(size, sign * (1.0 - 2.0**-53))
    assert summed(values).units == true
    quick = summed_quickly(values)
    assert abs(quick.units - true) <= quick.error


def test_a_quick_sum_of_squares_of_normal_numbers_decides_the_rounding_of_their_mean():
    values = np.square(np.random.default_rng(5).normal(size=8 * SLICE))
    quick, count = summed_quickly(values), ExactSum()
    count.add_count(values.size)
    assert quick.error < quick.units >> 70
    assert quick.decides(count)
    assert quick.over(count) == summed(values).over(count)


@example([-0.0])
@given(st.lists(st.floats(allow_nan=True) | st.sampled_from([0.0, -0.0, -math.nan, TINY, -TINY]), min_size=1))
def test_the_largest_magnitude_is_that_of_the_absolute_values(values):
    np.testing.assert_equal(numerics.largest_magnitude(read_only(values)), float(np.abs(values).max()))


@pytest.mark.parametrize(
    "values", [np.full(SLICE, 1.0 + 2.0**-45), np.full(5000, 2.0**-1070), np.array([1.0, 2.0**-60])]
)
def test_the_error_of_a_quick_sum_covers_what_any_order_of_adding_may_lose(values):
    rest = np.empty_like(values)
    units, most = numerics._cut_slice(values, float(values.max()), rest)
    left = sum(map(Fraction, rest.tolist()))
    assert sum(map(Fraction, values.tolist())) == Fraction(units, 2**1074) + left
    assert max(abs(rest)) <= most
    lost = (len(values) - 1) * sum(map(abs, map(Fraction, rest.tolist()))) / 2**53
    assert summed_quickly(values).error >= lost * 2**1074


def test_errors_of_quick_sums_add_up():
    left, right = np.ldexp(
        np.random.default_rng(7).uniform(-1.0, 1.0, (2, 2 * SLICE)), (np.arange(2) * 60)[:, np.newaxis]
    )
    both, merged = summed_quickly(left), summed_quickly(left)
    both.add_quickly(read_only(right))
    merged.merge(summed_quickly(right))
    assert summed_quickly(left[:SLICE]).error + summed_quickly(left[SLICE:]).error == summed_quickly(left).error
    assert both.error == merged.error == summed_quickly(left).error + summed_quickly(right).error


def test_what_is_not_finite_is_counted_over_all_blocks():
    total = ExactSum()
    for _ in range(2):
        total.add(read_only([math.nan, math.inf, math.inf, -math.inf, 1.0]))
    assert (total.nan, total.infinite, total.negative_infinite, total.nonfinite) == (2, 4, 2, 8)
    assert total.units == 2 << 1074


def held(units, error=0):
    total = ExactSum()
    total.units, total.error = units, error
    return total


HALF_AN_ULP = 2**53 + 1  # of 2⁵³: the tie between 1 and the float above it
ONE = 1 << 1074


@pytest.mark.parametrize(
    ("total", "denominator", "decided"),
    [
        (held(ONE), held(ONE), True),
        (held(ONE, 1), held(ONE), True),
        (held(-ONE, 1), held(ONE, 1), True),
        # Without an error even a tie is decided, and next to a tie an error of less than the distance is.
        (held(HALF_AN_ULP << 1000), held(ONE), True),
        (held((HALF_AN_ULP << 1000) + 2, 1), held(ONE), True),
        # The total on a tie, or an error away from one to either side.
        (held(HALF_AN_ULP << 1000, 1), held(3 * ONE), False),
        (held((HALF_AN_ULP << 1000) + 2, 2), held(3 * ONE), False),
        (held((HALF_AN_ULP << 1000) - 2, 3), held(3 * ONE), False),
        # The ratio on a tie, where neither total is: by the error of the one, of the other, of both.
        (held(3 * HALF_AN_ULP << 1000, 1), held(3 << 1053), False),
        (held(3 * HALF_AN_ULP << 1000), held(3 << 1053, 1), False),
        (held((3 * HALF_AN_ULP << 1000) + 2, 1), held((3 << 1053) + 1, 2), False),
        # A mean over nothing that has an error still has a total; one over what may be nothing is anything.
        (held(ONE, 1), held(0), True),
        (held(ONE), held(0, 1), False),
        (held(ONE), held(1, 1), False),
        (held(ONE), held(-3, 5), False),
        (held(0), held(2, 1), True),
        (held(0), held(-2, 1), True),
    ],
)  # fmt: skip
def test_a_quick_sum_decides_unless_its_error_reaches_a_tie(total, denominator, decided):
    assert total.decides(denominator) is decided


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_ratio_of_what_is_not_finite(value):
    np.testing.assert_equal(summed([value, 1.0]).over(summed([2.0])), value)
    assert summed([1.0]).share_of(summed([value])) is None
    assert summed([value]).share_of(summed([1.0])) is None
    assert summed([1.0]).share_of(summed([])) is None
    assert summed([1.0]).share_of(summed([3.0])) == 1 / 3


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_is_decided(value):
    total = summed([value])
    total.units, total.error = HALF_AN_ULP << 1000, 1
    assert total.decides(held(ONE)) is True


anything = st.floats() | st.sampled_from([TINY, -TINY, 1e308, -1e308, 2.0**900, math.inf, -math.inf, math.nan])


@given(st.lists(st.lists(st.tuples(anything, st.integers(0, 6)), max_size=20), max_size=4))
def test_sums_by_group_are_the_sums_of_each_group(blocks):
    sums, apart = numerics.ExactSums(), [ExactSum() for _ in range(7)]
    for known, block in enumerate(blocks):
        sums.widen(4 + known)  # as groups are met
        block = [(value, group % (4 + known)) for value, group in block]
        sums.add(read_only([value for value, _ in block]), np.array([group for _, group in block], np.int64))
        for value, group in block:
            apart[group].add(read_only([value]))
    assert len(sums) == (3 + len(blocks) if blocks else 0)
    for group in range(len(sums)):
        got = [getattr(sums[group], name) for name in ExactSum.__slots__]
        assert got == [getattr(apart[group], name) for name in ExactSum.__slots__]
        assert {type(number) for number in got} == {int}


@pytest.mark.parametrize("size", [1, 2, 3, 1023, 1024, 4095, 2**17 - 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_by_group_carry_as_far_as_they_can(size, sign):
    values = sign * np.random.default_rng(size).uniform(0.9, 1.0, size)
    for each in (values, np.full(size, sign * (1.0 - 2.0**-53))):
        sums = numerics.ExactSums()
        sums.widen(1)
        sums.add(read_only(each), np.zeros(size, np.int64))
        assert sums[0].units == sum(m * (2**1074 // d) for m, d in map(float.as_integer_ratio, each.tolist()))


def test_a_quotient_beyond_float64_is_infinite():
    for sign, other in itertools.product((1, -1), repeat=2):
        for denominator in (1, 2):
            assert numerics.exact_ratio(sign * 10**400, other * denominator) == sign * other * math.inf


def test_counts_are_whole_numbers():
    total = ExactSum()
    total.add_count(10**20)
    total.add_count(1)
    assert total.units == (10**20 + 1) << 1074


plain = st.floats(-1e100, 1e100).filter(lambda x: x == 0.0 or abs(x) > 1e-100)


@given(plain, plain)
def test_products_and_squares_lose_nothing(left, right):
    for parts, true in (
        (numerics.products(read_only([left]), read_only([right])), Fraction(left) * Fraction(right)),
        (numerics.squares(read_only([left])), Fraction(left) ** 2),
    ):
        assert sum(Fraction(float(part[0])) for part in parts) == true


@pytest.mark.parametrize("left", [TINY, 1e-310, 2.0**-451, 2.0**-449, 0.1, 1e149])
@pytest.mark.parametrize("right", [TINY, 1e-200, 0.1, 3.0, 1e150, 1e300])
def test_sums_of_products_and_of_squares_are_exact_in_every_range(left, right):
    lefts, rights = read_only([left, 0.0, 0.75 * left]), read_only([right, 0.5 * right, -right])
    true = sum(Fraction(a) * Fraction(b) for a, b in zip(lefts.tolist(), rights.tolist(), strict=True))
    assert Fraction(numerics.sum_of_products(lefts, rights), 2**2148) == true
    for values in (lefts, rights):
        assert Fraction(numerics.sum_of_squares(values), 2**2148) == sum(Fraction(v) ** 2 for v in values.tolist())


@pytest.mark.parametrize("square", [Fraction(2), Fraction(2) / 10**400, Fraction(3, 7) * 10**300, Fraction(0)])
def test_the_root_of_a_ratio_of_any_size(square):
    with mpmath.workdps(40):
        true = mpmath.sqrt(mpmath.mpf(square.numerator) / square.denominator)
        assert_ulps(numerics.root_of_ratio(square.numerator, square.denominator), true, 1)


@pytest.mark.parametrize(
    ("strange", "inside"),
    [(0.0, True), (1.0, True), (5e-324, True), (-5e-324, False), (-0.0, False), (np.nextafter(1.0, 2.0), False),
     (np.nan, False), (-np.nan, False), (np.inf, False), (-1.0, False)],
)  # fmt: skip
def test_the_unit_interval_is_told_by_bits(strange, inside):
    assert numerics.all_in_unit_interval(np.array([0.25, strange, 0.5])) is inside


@pytest.mark.parametrize("extreme", [1e300, math.inf])
def test_a_quick_sum_goes_on_behind_a_slice_of_extremes(extreme):
    values = np.ones(2 * SLICE + 1)
    values[5] = extreme
    quick, slow = ExactSum(), ExactSum()
    quick.add_quickly(read_only(values))
    slow.add(read_only(values))
    assert (quick.infinite, slow.infinite) == (int(math.isinf(extreme)),) * 2
    assert abs(quick.units - slow.units) <= quick.error
    ones = ExactSum()
    ones.add_count(1)
    assert quick.error < ones.units
