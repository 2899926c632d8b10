"""The Gaussian loss from Python: every form of the spread, against the definition in fifty digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulps import assert_ulps, read_only

import losscli

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
spreads = st.floats(1e-6, 1e6)


def definition(mean, target, std, *, full=True):
    """−log of the normal density."""
    with mpmath.workdps(50):
        std = mpmath.mpf(std)
        found = mpmath.log(std) + ((mpmath.mpf(target) - mpmath.mpf(mean)) / std) ** 2 / 2
        return found + mpmath.log(2 * mpmath.pi) / 2 if full else found


@given(st.lists(st.tuples(numbers, numbers, spreads), min_size=1, max_size=8), st.booleans())
def test_each_element_is_the_definition(rows, full):
    """Terms of either sign: a unit is that of the largest."""
    mean, target, std = map(read_only, zip(*rows, strict=True))
    for option in ({"std": std}, {"variance": std**2}):
        got = losscli.gaussian_nll(mean, target, full=full, reduction="none", **option)
        for value, m, x, s in zip(got, mean, target, std, strict=True):
            true = definition(m, x, s, full=full)
            terms = (abs(mpmath.log(s)), ((mpmath.mpf(x) - m) / s) ** 2 / 2, 1)
            assert_ulps(value, true, 0, (m, x, s), slack=6 * float(np.spacing(float(max(terms)))))


@pytest.mark.parametrize(("residual", "option", "spread"), [
    (1.6, "std", 1e-154),  # the square of the residual over the deviation is beyond float64, but not its half
    (1.5, "variance", 7e-309),
])  # fmt: skip
def test_a_loss_is_finite_where_only_twice_of_it_is_beyond_float64(residual, option, spread):
    true = definition(0.0, residual, mpmath.sqrt(spread) if option == "variance" else spread)
    assert_ulps(losscli.gaussian_nll([0.0], [residual], **{option: spread}), true, 4)


@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 3, 2), (6, 1)])
def test_spreads_of_every_shape_mean_the_same(shape):
    rng = np.random.default_rng(1)
    mean, target = rng.normal(size=shape), rng.normal(size=shape)
    per_sample = rng.uniform(0.1, 3.0, 6)
    full_shape = np.broadcast_to(per_sample.reshape(6, *[1] * (len(shape) - 1)), shape)
    expected = losscli.gaussian_nll(mean, target, std=full_shape, reduction="none")
    assert expected.shape in (shape, (6,))
    for std in (per_sample, per_sample[:, np.newaxis], per_sample.tolist()):
        np.testing.assert_array_equal(losscli.gaussian_nll(mean, target, std=std, reduction="none"), expected)
    one = losscli.gaussian_nll(mean, target, std=0.7, reduction="none")
    for same in (np.float64(0.7), np.full(shape, 0.7), "0.7"):
        np.testing.assert_array_equal(losscli.gaussian_nll(mean, target, std=same, reduction="none"), one)


@pytest.mark.parametrize("option", ["std", "variance"])
@pytest.mark.parametrize("value", [0, -1.0])
def test_a_number_and_an_array_are_refused_and_floored_alike(option, value):
    for spread in (value, np.full(3, value)):
        with pytest.raises(losscli.LosscliError, match="must be > 0"):
            losscli.gaussian_nll(np.zeros(3), np.ones(3), **{option: spread})
        floored = losscli.gaussian_nll(np.zeros(3), np.ones(3), eps=0.25, **{option: spread})
        assert floored == losscli.gaussian_nll(np.zeros(3), np.ones(3), std=0.5)


def test_sample_weights_and_nan_go_with_the_samples():
    mean, target, std = np.arange(4.0), np.arange(4.0) + 0.5, np.array([1.0, np.nan, 2.0, 0.5])
    result = losscli.compute("gaussian-nll", mean, target, std=std, on_nan="skip", sample_weight=[1.0, 1.0, 0.0, 3.0])
    each = losscli.gaussian_nll(mean[[0, 3]], target[[0, 3]], std=std[[0, 3]], reduction="none")
    assert result.value == pytest.approx((each * [1.0, 3.0]).sum() / 4.0, rel=1e-15)
    assert result.counts.skipped == 1


def test_the_least_is_at_the_spread_of_the_residual():
    """d/dσ = 0 where σ is |x − μ|."""
    residual = 0.8
    at_best = losscli.gaussian_nll([0.0], [residual], std=residual)
    for factor in (0.5, 0.9, 0.999, 1.001, 1.1, 2.0):
        assert losscli.gaussian_nll([0.0], [residual], std=factor * residual) > at_best


def test_a_spread_of_one_element_is_no_number():
    """NumPy before 2.4 turns such an array into a number, which would then count for every sample."""
    with pytest.raises(losscli.DataError, match="predictions has 2 samples, variance has 1"):
        losscli.gaussian_nll([1.0, 2.0], [1.0, 2.0], variance=np.array([1.0]))
