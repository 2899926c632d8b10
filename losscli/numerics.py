"""Stable primitives: what every loss is made of, accurate to a few ulp in float64.

Each function says what it keeps that the textbook formula loses. Nothing here knows a loss.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[np.float64]
else:  # no attribute of NumPy is touched by an import, so that help and completion need not load it
    Array = Any

UNIT_EXPONENT = 1074
"""Every finite float64 is a whole multiple of 2**-1074, the smallest subnormal."""

SLICE = 16_384
"""How many values are sliced at a time: three such arrays fit a core's cache."""

HUGE = 2.0**900
"""Magnitudes from here on would overflow the slicing constant."""


def log_partition(scores: Array) -> tuple[Array, Array]:
    """Split log Σ exp(x) over the last axis into (maximum, excess), excess = log Σ exp(x - maximum) ≥ 0.

    Their sum is the log-sum-exp. Kept apart they keep what the sum would round away: the loss of a
    nearly certain prediction *is* the excess, 1.9e-22 beside a maximum of 50.
    The largest score is left out of the sum and put back by log1p, for the same reason.
    """
    top = scores.argmax(axis=-1)[..., np.newaxis]
    maximum = np.take_along_axis(scores, top, axis=-1)
    others = np.exp(scores - maximum)
    np.put_along_axis(others, top, 0.0, axis=-1)
    return maximum[..., 0], np.log1p(others.sum(axis=-1))


def logsumexp(scores: Array) -> Array:
    """Log Σ exp(x) over the last axis, without overflow."""
    maximum, excess = log_partition(scores)
    return maximum + excess


def log_softmax(scores: Array) -> Array:
    """Log of the softmax over the last axis, accurate also where the probability is nearly 1."""
    maximum, excess = log_partition(scores)
    return (scores - maximum[..., np.newaxis]) - excess[..., np.newaxis]


def softmax(scores: Array) -> Array:
    """Exp(x) / Σ exp(x) over the last axis, without overflow."""
    shares: Array = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow, and without losing exp(x) beside the 1 where x is very negative."""
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, decay) / (1.0 + decay)


def log_sigmoid(x: Array) -> Array:
    """Log of the sigmoid, accurate also where the probability is nearly 1 or too small for a float64."""
    return 0.0 - softplus(-x)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)) without overflow, and without losing exp(x) beside the 1."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def log1mexp(x: Array) -> Array:
    """log(1 - exp(x)) for x ≤ 0, accurate at both ends (Mächler 2012)."""
    near_zero = x > -math.log(2.0)
    return np.where(
        near_zero,
        np.log(-np.expm1(np.where(near_zero, x, -1.0))),
        np.log1p(-np.exp(np.where(near_zero, -1.0, x))),
    )


def times(factor: Array, value: Array) -> Array:
    """The product in which a factor of 0 wins: 0 · ∞ = 0, as for 0 · log 0 and for a weight of 0."""
    product = factor * value
    zero = factor == 0.0
    if zero.any():
        product = np.where(zero, 0.0, product)
    return product


def xlogy(x: Array, y: Array) -> Array:
    """X · log y, and 0 where x is 0."""
    return times(x, np.log(y))


def xlog1py(x: Array, y: Array) -> Array:
    """X · log(1 + y), and 0 where x is 0."""
    return times(x, np.log1p(y))


class ExactSum:
    """A sum of float64 values without any rounding, whatever their number, size and order.

    The finite part is kept as a Python integer, in units of 2**-1074. A block is cut into slices
    whose members are multiples of one power of two, so few bits apart that NumPy adds a whole
    slice without rounding (Rump, Ogita & Oishi 2008); only slice totals meet the integer.
    Sums merge exactly, so neither blocks nor threads can change a digit of the total.
    """

    __slots__ = ("infinite", "nan", "negative_infinite", "units")

    def __init__(self) -> None:
        self.units = 0
        self.infinite = 0
        self.negative_infinite = 0
        self.nan = 0

    def add(self, values: Array) -> None:
        """Add every element of `values`."""
        values = values.reshape(-1)
        if values.size == 0:
            return
        largest = float(np.abs(values).max())
        if not math.isfinite(largest):
            finite = np.isfinite(values)
            self.nan += int(np.isnan(values).sum())
            self.infinite += int((values == np.inf).sum())
            self.negative_infinite += int((values == -np.inf).sum())
            self.add(values[finite])
            return
        self.units += _units_of_sum(values, largest)

    def add_count(self, count: int) -> None:
        """Add a whole number, such as a number of elements of weight 1."""
        self.units += count << UNIT_EXPONENT

    def merge(self, other: ExactSum) -> None:
        """Add what another sum holds."""
        self.units += other.units
        self.infinite += other.infinite
        self.negative_infinite += other.negative_infinite
        self.nan += other.nan

    @property
    def finite(self) -> bool:
        """Whether every value that was added is finite."""
        return not (self.nan or self.infinite or self.negative_infinite)

    def value(self) -> float:
        """The total, correctly rounded; infinite or NaN as the values demand."""
        return exact_ratio(self.units, 1 << UNIT_EXPONENT) if self.finite else self._nonfinite()

    def over(self, denominator: ExactSum) -> float:
        """The ratio of two totals, correctly rounded once; NaN where the denominator is 0."""
        if not denominator.units:
            return math.nan
        return exact_ratio(self.units, denominator.units) if self.finite else self._nonfinite()

    def _nonfinite(self) -> float:
        if self.nan or (self.infinite and self.negative_infinite):
            return math.nan
        return math.inf if self.infinite else -math.inf


def exact_ratio(numerator: int, denominator: int) -> float:
    """The float64 nearest to numerator / denominator (Python's integer division rounds correctly)."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if (numerator > 0) == (denominator > 0) else -math.inf


def _units_of_sum(values: Array, largest: float) -> int:
    """Σ values in units of 2**-1074, for finite values of which `largest` is the largest magnitude."""
    if largest >= HUGE:  # the slicing constant could overflow: add the huge ones one by one
        huge = np.abs(values) >= HUGE
        rest = values[~huge]
        below = float(np.abs(rest).max()) if rest.size else 0.0
        return sum(_units(value) for value in values[huge].tolist()) + _units_of_sum(rest, below)
    total = 0
    for start in range(0, values.size, SLICE):
        total += _units_of_slices(values[start : start + SLICE].copy(), largest)
    return total


def _units_of_slices(rest: Array, largest: float) -> int:
    """As `_units_of_sum`, for an array that fits the cache and may be overwritten."""
    # Room for the carries of `size` summands, and for the rounding of the bound itself.
    carry_bits = rest.size.bit_length() + 1
    total = 0
    slice_ = np.empty_like(rest)
    while largest > 0.0:
        bound = math.ldexp(1.0, math.frexp(largest)[1] + carry_bits)
        np.add(rest, bound, out=slice_)
        slice_ -= bound
        total += _units(float(slice_.sum()))
        rest -= slice_
        largest = bound * 2.0**-53 if rest.any() else 0.0
    return total


def _units(value: float) -> int:
    """A finite float64 as a multiple of 2**-1074, which it always is."""
    mantissa, denominator = value.as_integer_ratio()
    return mantissa * ((1 << UNIT_EXPONENT) // denominator)


def squares(values: Array) -> tuple[Array, Array, Array]:
    """Three arrays that add up to values², with no rounding worth the name.

    Each value is cut into halves of 26 and 27 bits: the product of the high halves and the cross
    product of a square are exact, and the rest rounds at 2**-79 of the total at most. Exact sums of
    them give a variance that cancellation cannot spoil.
    """
    return products(values, values)


def products(left: Array, right: Array) -> tuple[Array, Array, Array]:
    """Three arrays that add up to left · right, as in `squares`."""
    left_high, right_high = _high_half(left), _high_half(right)
    left_low, right_low = left - left_high, right - right_high
    return left_high * right_high, left_high * right_low + left_low * right_high, left_low * right_low


def _high_half(values: Array) -> Array:
    bits = np.ascontiguousarray(values).view(np.int64)
    return (bits & np.int64(-(1 << 27))).view(np.float64)
