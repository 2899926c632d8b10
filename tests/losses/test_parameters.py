"""What an option may be: numbers that are whole, and those that are not."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from losscli.errors import UsageError
from losscli.losses.parameters import Whole, is_number, whole_number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0), (-3, -3), (2.0, 2), ("2", 2), ("-1e3", -1000), (np.int64(5), 5), (np.float32(4.0), 4),
        # As a float64 it would be 2**63: `--rows all` was refused for that.
        (sys.maxsize, 2**63 - 1),
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
