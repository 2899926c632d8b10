"""Sufficient statistics: all that a likelihood knows of the data, summed block by block without rounding."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Protocol

import numpy as np

from losscli.losses.models.arithmetic import CONTEXT, LOG_TWO_PI, as_decimal
from losscli.numerics import UNIT_EXPONENT, Array, ExactSum


class SufficientStatistics(Protocol):
    """What a model keeps of the data."""

    count: int

    def add(self, values: Array) -> None:
        """Add a block of values that the model supports."""


class Totals:
    """The number of values and their sum."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = ExactSum()

    def add(self, values: Array) -> None:
        """Add a block of values."""
        self.count += len(values)
        self._sum.add(values)

    @property
    def total(self) -> Fraction:
        """Σx."""
        return _exact(self._sum)


class MomentTotals(Totals):
    """The number of values, their sum and the sum of their squares."""

    def __init__(self) -> None:
        super().__init__()
        self._squares = SquareSum()

    def add(self, values: Array) -> None:
        """Add a block of values."""
        super().add(values)
        self._squares.add(values)

    def squares_about(self, center: Fraction) -> Fraction:
        """Σ(x − center)², in which nothing is lost to cancellation."""
        return self._squares.total - 2 * center * self.total + self.count * center**2


class SquareSum:
    """Σx² without any rounding, of float64 values of any size.

    A square has twice the digits and twice the exponent of its root. Huge and tiny values are
    therefore scaled by a power of two, and each is cut into two halves of 26 bits: the square of
    either half, and twice their product, are exact.
    """

    MIDDLE = 2.0**-400, 2.0**400
    SHIFT = 600

    def __init__(self) -> None:
        self._scaled = {shift: ExactSum() for shift in (0, -self.SHIFT, self.SHIFT)}

    def add(self, values: Array) -> None:
        """Add the squares of a block of values."""
        size = np.abs(values)
        low, high = self.MIDDLE
        bands = {-self.SHIFT: size > high, self.SHIFT: (size < low) & (size > 0.0)}
        outside = np.zeros(values.shape, np.bool_)
        for shift, band in bands.items():
            if band.any():
                self._add(np.ldexp(values[band], shift), shift)
                outside |= band
        self._add(values[~outside] if outside.any() else values, 0)

    def _add(self, values: Array, shift: int) -> None:
        bits = np.ascontiguousarray(values).view(np.int64)
        # The nearest number of 26 bits: what is left then has a sign, and 26 bits as well.
        high = ((bits + np.int64(1 << 26)) & np.int64(-(1 << 27))).view(np.float64)
        low = values - high
        for part in (high * high, 2.0 * high * low, low * low):
            self._scaled[shift].add(part)

    @property
    def total(self) -> Fraction:
        """Σx²."""
        return sum((_exact(part) * Fraction(4) ** -shift for shift, part in self._scaled.items()), Fraction(0))


class CountTotals(Totals):
    """The number of counts, their sum, and the sum of the logarithms of their factorials.

    log k! is as large as k log k, and nearly all of it cancels in the likelihood. It is therefore
    taken about a center c within √k of k:

        log k! = k log c − c + c φ((k − c) / c) + ½ log 2πk + δ(k),   φ(r) = (1 + r) log(1 + r) − r

    where c φ is below 1 and float64 is enough for it, for ½ log k and for Stirling's remainder δ.
    The large part is summed for each center exactly, and there are few of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._large = Fraction(0)
        self._small = ExactSum()

    def add(self, values: Array) -> None:
        """Add a block of counts."""
        super().add(values)
        small = values < SMALL_COUNT
        for count, times in _multiplicities(values[small]):
            self._large += times * log_factorial(count)
        self._add_large(values[~small])

    def _add_large(self, counts: Array) -> None:
        if not counts.size:
            return
        _, exponent = np.frexp(counts)
        step = np.ldexp(1.0, exponent // 2)
        center = np.rint(counts / step) * step
        offset = counts - center
        centers, group = np.unique(center, return_inverse=True)
        offsets = np.bincount(group, offset)  # sums of whole numbers far below 2**53
        for c, size, extra in zip(centers.tolist(), np.bincount(group).tolist(), offsets.tolist(), strict=True):
            whole = size * int(c)
            self._large += (whole + int(extra)) * log_whole(int(c)) - whole
        self._large += counts.size * HALF_LOG_TWO_PI
        for part in (center * entropy_excess(offset / center), 0.5 * np.log(counts), stirling_remainder(counts)):
            self._small.add(part)

    @property
    def log_factorials(self) -> Decimal:
        """Σ log k!."""
        return as_decimal(self._large + _exact(self._small))


class Tally:
    """How often each class occurs."""

    def __init__(self) -> None:
        self.count = 0
        self.counts = np.zeros(0, np.int64)

    def expect(self, classes: int) -> None:
        """Count so many classes, whether they occur or not."""
        self.counts = np.zeros(classes, np.int64)

    def add(self, values: Array) -> None:
        """Add a block of class indices."""
        self.count += len(values)
        block = np.bincount(values.astype(np.int64), minlength=len(self.counts))
        block[: len(self.counts)] += self.counts
        self.counts = block


SMALL_COUNT = 256
"""Below it a factorial is taken itself; from here on six terms of Stirling's remainder are enough."""

HALF_LOG_TWO_PI = Fraction(LOG_TWO_PI) / 2

CENTERS_KEPT = 1 << 16


@lru_cache(maxsize=SMALL_COUNT)
def log_factorial(count: int) -> Fraction:
    """The logarithm of a small count's factorial."""
    return Fraction(CONTEXT.ln(Decimal(math.factorial(count))))


@lru_cache(maxsize=CENTERS_KEPT)
def log_whole(number: int) -> Fraction:
    """The logarithm of a whole number above 0."""
    return Fraction(CONTEXT.ln(Decimal(number)))


def entropy_excess(ratio: Array) -> Array:
    """(1 + r) log(1 + r) − r for |r| ≤ 1/32: r² / (1·2) − r³ / (2·3) + r⁴ / (3·4) − ..., which cancels nothing."""
    series = np.zeros_like(ratio)
    for power in range(12, 1, -1):
        series = 1.0 / (power * (power - 1)) - ratio * series
    return series * ratio * ratio


def stirling_remainder(counts: Array) -> Array:
    """The rest of log k! beside k log k − k + ½ log 2πk, for k ≥ 256, by Stirling's series."""
    inverse = 1.0 / counts
    square = inverse * inverse
    return inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))


def _multiplicities(values: Array) -> list[tuple[int, int]]:
    """The small whole numbers that occur, and how often."""
    often = np.bincount(values.astype(np.int64))
    return [(int(number), int(often[number])) for number in np.flatnonzero(often)]


def _exact(total: ExactSum) -> Fraction:
    return Fraction(total.units, 1 << UNIT_EXPONENT)
