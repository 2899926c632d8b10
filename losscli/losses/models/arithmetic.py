"""Logarithms of exact rational numbers, to sixty digits.

A log-likelihood is a difference of large terms. Here its parts are exact rationals until the
logarithm, and decimals of sixty digits after it, so that only the last step to float64 rounds.
"""

from __future__ import annotations

import decimal
from contextlib import AbstractContextManager
from decimal import Decimal
from fractions import Fraction

CONTEXT = decimal.Context(prec=60, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)

LOG_TWO_PI = Decimal("1.8378770664093454835606594728112352797227949472755668256343")

INFINITY = Decimal("Infinity")

NEAR_ONE = Decimal("1e-20")
"""A logarithm below this is the first two terms of its series, to eighty digits."""


def sixty_digits() -> AbstractContextManager[decimal.Context]:
    """A context in which decimals are added and multiplied to sixty digits, and never overflow."""
    return decimal.localcontext(CONTEXT)


def as_decimal(number: Fraction) -> Decimal:
    """The number to sixty digits."""
    return CONTEXT.divide(Decimal(number.numerator), Decimal(number.denominator))


def log(number: Fraction) -> Decimal:
    """The logarithm of a number ≥ 0; −∞ for 0, and exact to many digits also next to 1."""
    if number == 0:
        return -INFINITY
    # log x = 2 artanh((x − 1) / (x + 1)): sixty digits of x itself would lose a tiny x − 1.
    ratio = as_decimal((number - 1) / (number + 1))
    if abs(ratio) < NEAR_ONE:
        return CONTEXT.fma(CONTEXT.power(ratio, 3), CONTEXT.divide(2, 3), CONTEXT.multiply(2, ratio))
    return CONTEXT.ln(as_decimal(number))


def times_log(factor: Fraction, number: Fraction) -> Decimal:
    """The product factor · log number, and 0 where the factor is 0: a value that never occurs costs nothing."""
    return Decimal(0) if factor == 0 else CONTEXT.multiply(as_decimal(factor), log(number))


def root(number: Fraction) -> Decimal:
    """The square root of a number ≥ 0."""
    return CONTEXT.sqrt(as_decimal(number))
