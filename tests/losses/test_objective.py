"""The objective: the cost, penalties that are exact sums over parameters, and their sum."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulps import read_only

import losscli

WEIGHTS = [0.5, -2.0, 0.0, 1.0]
finite = st.floats(-1e100, 1e100)


def objective(**options):
    """What mse of document 004's three samples says: a cost of 0.5."""
    return losscli.compute("mse", [1.0, 2.0, 3.0], [1.5, 1.5, 4.0], **options).objective


@given(st.lists(finite, min_size=1, max_size=50), st.floats(0.0, 1e3), st.floats(0.0, 1e3), st.booleans())
def test_each_penalty_is_an_exact_sum_times_its_factor(weights, l1, l2, half):
    found = objective(params=[read_only(weights)], l1=l1, l2=l2, l2_half=half)
    absolute = math.fsum(map(abs, weights))
    square = float(sum(Fraction(w) ** 2 for w in weights))
    factor = 0.5 if half else 1.0
    assert found["l1"] == {"lambda": l1, "sum_of_absolute_values": absolute, "penalty": l1 * absolute}
    assert found["l2"]["sum_of_squares"] == pytest.approx(square, rel=1e-15, abs=1e-300)
    assert found["l2"]["factor"] == factor
    assert found["l2"]["penalty"] == l2 * factor * found["l2"]["sum_of_squares"]
    assert found["value"] == found["cost"] + found["l1"]["penalty"] + found["l2"]["penalty"]
    assert found["parameters"] == len(weights)


def test_the_value_stays_the_cost():
    result = losscli.compute("mse", [1.0], [3.0], params=[[1.0]], l1=1.0)
    assert (result.value, result.objective["cost"], result.objective["value"]) == (4.0, 4.0, 5.0)
    assert losscli.compute("mse", [1.0], [3.0]).objective is None
    total = losscli.compute("mse", [1.0, 1.0], [3.0, 3.0], reduction="sum", params=[[1.0]], l1=1.0)
    assert total.objective["value"] == 9.0


@pytest.mark.parametrize(
    "params",
    [
        [WEIGHTS],
        [WEIGHTS[:1], WEIGHTS[1:]],
        [np.reshape(WEIGHTS, (2, 2))],
        np.array(WEIGHTS),
        [np.array(WEIGHTS, "f2"), ],
        ([np.array(WEIGHTS, ">f8")]),
        [np.array(0.5), [-2.0, 0.0], np.array([[[1.0]]])],
        WEIGHTS,
    ],
    ids=str,
)  # fmt: skip
def test_parameters_in_any_form(params):
    found = objective(params=params, l1=0.1, l2=0.1, l2_half=True)
    assert found["parameters"] == 4
    assert found["l1"]["sum_of_absolute_values"] == 3.5
    assert found["l2"]["sum_of_squares"] == 5.25


def test_zero_factors_and_penalties_beyond_float64():
    assert objective(params=[WEIGHTS], l1=0, l2=0)["value"] == 0.5
    assert objective(params=[[1e200]], l2=1.0)["value"] == math.inf
    cancelling = objective(params=[[1e16, 1.0, -1e16]], l1=1.0)
    assert cancelling["l1"]["sum_of_absolute_values"] == 2e16 + 1.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"l1": 1.0}, "a penalty needs the parameters it is of"),
        ({"params": [], "l2": 1.0}, "a penalty needs the parameters it is of"),
        ({"params": [WEIGHTS]}, "which is missing"),
        ({"params": [WEIGHTS], "l1": 1.0, "l2_half": True}, "add --l2"),
        ({"l2_half": True}, "add --l2"),
        ({"params": [WEIGHTS], "l1": -1.0}, "finite number ≥ 0"),
        ({"params": [WEIGHTS], "l2": math.nan}, "finite number ≥ 0"),
        ({"params": [WEIGHTS], "l2": math.inf}, "finite number ≥ 0"),
        ({"params": [WEIGHTS], "l1": "much"}, "finite number ≥ 0"),
        ({"params": [WEIGHTS], "l1": 1.0, "reduction": "none"}, "many"),
    ],
    ids=str,
)
def test_penalties_that_make_no_sense(options, said):
    with pytest.raises(losscli.UsageError) as caught:
        objective(**options)
    assert said in str(caught.value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_parameters_must_be_finite(bad):
    with pytest.raises(losscli.DataError, match="row 1, column 0: the parameter is"):
        objective(params=[[[1.0, 2.0], [bad, 4.0]]], l1=1.0)
    with pytest.raises(losscli.DataError, match="strings"):
        objective(params=[["a"]], l1=1.0)
