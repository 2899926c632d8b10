"""What an option may be: numbers that are whole, and those that are not."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from losscli.errors import UsageError
from losscli.losses.domains import LENGTH
from losscli.losses.parameters import (
    VARIANCE,
    Choice,
    ClassIndex,
    Flag,
    Number,
    Parameter,
    Side,
    Weights,
    Whole,
    is_number,
    whole_number,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0), (-3, -3), (2.0, 2), ("2", 2), ("-1e3", -1000), (np.int64(5), 5), (np.float32(4.0), 4),
        # As a float64 it would be 2**63: `--rows all` was refused for that.
        (sys.maxsize, 2**63 - 1),
        # As text it became the float64 next to it.
        ("9007199254740993", 2**53 + 1), (" 7 ", 7),
        (2.5, None), ("2.5", None), (np.float32(0.5), None), ("two", None), ("", None), (None, None),
        (True, None), (float("nan"), None), (float("inf"), None), ("nan", None), ([1], None),
    ],
)  # fmt: skip
def test_whole_numbers(value, number):
    found = whole_number(value)
    assert found == number
    assert found is None or type(found) is int


@pytest.mark.parametrize("edge", [-(2**63), 2**63 - 1, "-3", -3.0])
def test_a_whole_number_fits_64_bits(edge):
    assert Whole().check("--ignore-index", edge) == int(edge)


@pytest.mark.parametrize("beyond", [-(2**63) - 1, 2**63, 10**30, "1e30"])
def test_a_label_beyond_64_bits_is_a_usage_error(beyond):
    # `--ignore-index` of thirty nines ended in an overflow.
    with pytest.raises(UsageError, match="64 bits"):
        Whole().check("--ignore-index", beyond)


@pytest.mark.parametrize("other", [2.5, "two", None, True, float("nan")])
def test_what_is_not_whole_is_a_usage_error(other):
    with pytest.raises(UsageError, match="must be a whole number"):
        Whole().check("--ignore-index", other)


@pytest.mark.parametrize("number", [1, 2.5, "1e-3", "inf", np.float32(1.0), np.array(2.0)])
def test_numbers_and_text_that_says_one(number):
    assert is_number(number) is True


@pytest.mark.parametrize("other", ["x", "", None, [1.0], np.array([1.0]), np.ones((1, 1)), np.ones(2)])
def test_a_spread_of_one_element_is_no_number(other):
    assert is_number(other) is False


SPREAD = Side("element", VARIANCE, number=True, floor="eps")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Number(0.0), "a number ≥ 0"),
        (Number(0.5, 1.0), "a number from 0.5 to 1"),
        (Number(0.0, closed=False), "a finite number above 0"),
        (Whole(), "a whole number"),
        (ClassIndex(), "a class index ≥ 0, or `last`"),
        (Flag(), "a flag"),
        (Choice(("a", "b")), "one of a, b"),
        (Weights("class"), "a comma list or a file of numbers ≥ 0, one for each class, or NAME:NUMBER,..."),
        (Weights("row", scalar=True), "a number, or a comma list or a file of numbers ≥ 0, one for each row"),
        (Side("sample", LENGTH), "a column or a file: one value for each sample"),
        (SPREAD, "a number, a column or a file: one value for each element"),
    ],
    ids=str,
)
def test_what_an_option_may_be_in_words(kind, words):
    assert str(kind) == words


@pytest.mark.parametrize(
    ("kind", "value", "checked"),
    [
        (Number(0.5, 1.0), "0.5", 0.5),
        (Number(0.5, 1.0), 1, 1.0),
        (Number(0.0, closed=False), 5e-324, 5e-324),
        (Number(0.0, math.inf), math.inf, math.inf),
        (ClassIndex(), "0", 0),
        (ClassIndex(), "last", "last"),
        (Flag(), 1, True),
        (Flag(), 0, False),
        (Choice(("a", "b")), "b", "b"),
        (SPREAD, "2", 2.0),
        (SPREAD, "variance.npy", "variance.npy"),
        (Side("sample", LENGTH), "3", "3"),
    ],
)
def test_what_an_option_takes(kind, value, checked):
    found = kind.check("--option", value)
    assert found == checked
    assert type(found) is type(checked)


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        (Number(0.5, 1.0), 0.5 - 2**-54, "--option is 0.49999999999999994, but must be a number from 0.5 to 1"),
        (Number(0.5, 1.0), 1 + 2**-52, "but must be a number from 0.5 to 1"),
        (Number(0.0, closed=False), 0.0, "--option is 0.0, but must be a finite number above 0"),
        (Number(0.0, closed=False), math.inf, "--option is inf"),
        (Number(0.0, math.inf), math.nan, "--option is nan"),
        (Number(0.0), "x", "--option is 'x', but must be a number ≥ 0"),
        (Number(0.0), None, "--option is None"),
        (ClassIndex(), -1, "--option is -1, but must be a class index"),
        (ClassIndex(), 1.5, "--option is 1.5"),
        (ClassIndex(), "first", "--option is 'first'"),
        (Choice(("a", "b")), "c", "--option is 'c', but must be one of a, b"),
        (SPREAD, math.inf, "--option is inf, but variances must be finite"),
        (SPREAD, math.nan, "--option is nan, but variances must be finite"),
        (SPREAD, 0.0, "--option is 0, but variances must be > 0"),
        (Weights("class"), [[1.0, 2.0]], "--option has shape (1, 2), but must be a comma list"),
        (Weights("class"), 1.0, "--option has shape (), but must be a comma list"),
        (Weights("class"), [1.0, -1.0], "--option holds -1.0 at position 1, but must be"),
        (Weights("class"), [1.0, 2.0, math.inf], "--option holds inf at position 2"),
        (Weights("class"), [math.nan], "--option holds nan at position 0"),
        (Weights("class"), [0.0, 0.0], "--option is all zero"),
        (Weights("class"), {"a": 1.0, "b": -1.0}, "--option holds -1.0 at position 1"),
        (Weights("row", scalar=True), -2.0, "--option holds -2.0 at position 0"),
    ],
)
def test_what_an_option_refuses(kind, value, problem):
    with pytest.raises(UsageError) as caught:
        kind.check("--option", value)
    assert str(caught.value).startswith(problem) or problem in str(caught.value)


def test_weights_are_arrays_or_numbers_by_name():
    along, one = Weights("class"), Weights("row", scalar=True)
    np.testing.assert_array_equal(along.check("--w", [0, 2]), np.array([0.0, 2.0]), strict=True)
    np.testing.assert_array_equal(along.check("--w", [3]), np.array([3.0]), strict=True)
    np.testing.assert_array_equal(one.check("--w", [3]), np.array(3.0), strict=True)
    np.testing.assert_array_equal(one.check("--w", 0), np.array(0.0), strict=True)
    assert along.check("--w", {7: 1, "b": 0.5}) == {"7": 1.0, "b": 0.5}
    assert (along.named, one.named) == (True, False)


def test_a_floor_raises_what_is_below_a_bound():
    with pytest.raises(UsageError) as caught:
        SPREAD.check("--variance", -1)
    assert caught.value.hint == "--eps 1e-6 floors what is below"
    with pytest.raises(UsageError) as caught:
        Side("element", VARIANCE, number=True).check("--variance", -1)
    assert not caught.value.hint
    raised = SPREAD.floored({"eps": 0.5})
    assert raised.check("--variance", -1) == -1.0
    assert (raised.each, raised.number, raised.floor, raised.domain.noun) == ("element", True, "eps", "variances")
    assert SPREAD.floored({"eps": 0.0}) is SPREAD
    assert SPREAD.floored({}) is SPREAD


def test_an_option_has_its_name_on_the_command_line():
    width = Parameter("band_width", Number(0.0), None, "How wide.")
    assert width.option == "--band-width"
    assert width.check(None) is None
    assert width.check("2") == 2.0
    with pytest.raises(UsageError, match="--band-width is None"):
        Parameter("band_width", Number(0.0), 1.0, "How wide.").check(None)
