"""Stable primitives: what every loss is made of, accurate to a few ulp in float64.

Each function says what it keeps that the textbook formula loses. Nothing here knows a loss.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[np.float64]
else:  # no attribute of NumPy is touched by an import, so that help and completion need not load it
    Array = Any

UNIT_EXPONENT = 1074
"""Every finite float64 is a whole multiple of 2**-1074, the smallest subnormal."""

SLICE = 1 << 18
"""How many values are sliced at a time: enough that threads seldom wait for the interpreter's lock."""

PIECE = 1 << 18
"""How many exponentials are taken at a time: two megabytes, which are still in a cache when they are summed."""

FEW_CLASSES = 128
"""Up to so many numbers may be added from end to end: `sum` itself does not add fewer pairwise."""

LEAST_IN_RANGE, GREATEST_IN_RANGE = 2.0**-450, 2.0**500

HUGE = 2.0**900
"""Magnitudes from here on would overflow the slicing constant."""

MIDDLE = 2.0**-450, 2.0**450
"""Numbers up to these have squares, and sums of squares, of which float64 loses nothing."""

LIFT, DROP = 537, -600
"""The powers of two that bring smaller and larger numbers there."""

SIGN_BIT = 1 << 63


def log_partition(scores: Array, *, fine: bool = False) -> tuple[Array, Array]:
    """Split log Σ exp(x) over the last axis into (maximum, excess), excess = log Σ exp(x - maximum) ≥ 0.

    Their sum is the log-sum-exp. Kept apart they keep what the sum would round away: the loss of a
    nearly certain prediction *is* the excess, 1.9e-22 beside a maximum of 50.
    The largest score is left out of the sum and put back by log1p, for the same reason.

    The differences of float32 scores are exact, those of float64 ones need not be: exp makes of half a unit
    of −300 a relative error of 128 units. `fine` puts back what their rounding takes.
    """
    top = scores.argmax(axis=-1)[..., np.newaxis]
    maximum = np.take_along_axis(scores, top, axis=-1)
    others = exp_of_difference(scores, maximum) if fine else np.exp(scores - maximum)
    np.put_along_axis(others, top, 0.0, axis=-1)
    return maximum[..., 0], np.log1p(others.sum(axis=-1))


def exp_of_difference(left: Array, right: Array) -> Array:
    """Exp(left − right), where the rounding of the difference is not left to grow."""
    difference = left - right
    powers: Array = np.exp(difference)
    with np.errstate(invalid="ignore"):  # where `left` is −inf
        back = left - difference
        rounded_off = np.add(difference, back, out=difference)
        np.subtract(left, rounded_off, out=rounded_off)
        back -= right
        rounded_off += back
    np.fmax(rounded_off, -1.0, out=rounded_off)  # not NaN there, nor below −1 where the power is not 0
    rounded_off *= powers
    powers += rounded_off
    return powers


def logsumexp(scores: Array) -> Array:
    """Log Σ exp(x) over the last axis, without overflow."""
    maximum, excess = log_partition(scores)
    return maximum + excess


def log_softmax(scores: Array) -> Array:
    """Log of the softmax over the last axis, accurate also where the probability is nearly 1."""
    maximum, excess = log_partition(scores, fine=True)
    return (scores - maximum[..., np.newaxis]) - excess[..., np.newaxis]


def softmax(scores: Array) -> Array:
    """Exp(x) / Σ exp(x) over the last axis, without overflow."""
    shares = exp_of_difference(scores, scores.max(axis=-1, keepdims=True))
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
    return np.maximum(x, 0.0) + softplus_tail(x)


def softplus_tail(x: Array) -> Array:
    """log(1 + exp(−|x|)), which softplus(x) = max(x, 0) + tail and softplus(−x) = max(−x, 0) + tail share."""
    tail = -abs(x)
    np.exp(tail, out=tail)
    return np.log1p(tail, out=tail)


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


def odds_against(scores: np.ndarray, target: np.ndarray) -> tuple[Array, Array]:
    """Σ exp(x_c) over all classes but the target, and exp(x_target), of rows of scores of any float type.

    Both are taken as they stand, with no maximum subtracted: a row whose values leave the range of
    float64 shows it in them (`in_range`). That saves a pass over memory.
    """
    rows, classes = scores.shape
    others, chosen = np.empty(rows), np.empty(rows)
    step = max(1, min(PIECE // classes, rows))
    first = np.arange(0, step * classes, classes)
    room = np.empty((step, classes))  # the same for all pieces, so that it stays in a cache
    for start in range(0, rows, step):
        piece = slice(start, min(start + step, rows))
        # Widened before they are exponentiated: given float32, NumPy would work in float32 whatever `out` is.
        exponentials = room[: piece.stop - start]
        np.copyto(exponentials, scores[piece])
        np.exp(exponentials, out=exponentials)
        flat = exponentials.reshape(-1)
        position = first[: len(exponentials)] + target[piece]
        flat.take(position, out=chosen[piece], mode="clip")  # any other mode makes a copy of `out`
        flat[position] = 0.0  # not subtracted from the sum, where it might be all that is left of it
        _sum_rows(exponentials, others[piece])
    return others, chosen


def _sum_rows(values: Array, out: Array) -> None:
    """The sum of each row, added in an order that does not depend on what other rows there are.

    `sum` adds pairwise, which long rows need, at a cost for each row, which is much for short ones.
    `einsum` adds from end to end, in a few lanes. BLAS would be faster than both, but its order depends
    on the number of rows, and its threads are not ours.
    """
    if values.shape[1] > FEW_CLASSES:
        values.sum(axis=1, out=out)
    else:
        np.einsum("ij->i", values, out=out)


def in_range(exponentials: Array) -> np.ndarray:
    """Which sums of exponentials are accurate, and have accurate quotients: no overflow and no underflow is near."""
    return (exponentials > LEAST_IN_RANGE) & (exponentials < GREATEST_IN_RANGE)


def least_in_range(exponentials: Array) -> float:
    """The least of them, and 0 unless all of them are `in_range`: the extremes say so in less time."""
    least = float(exponentials.min())
    return least if least > LEAST_IN_RANGE and exponentials.max() < GREATEST_IN_RANGE else 0.0


class ExactSum:
    """A sum of float64 values that is correctly rounded, whatever their number, size and order.

    The finite part is kept as a Python integer, in units of 2**-1074. A block is cut into slices
    whose members are multiples of one power of two, so few bits long that their sum is one of
    64-bit integers (after Rump, Ogita & Oishi 2008); only slice totals meet the Python integer.
    Sums merge exactly, so neither blocks nor threads can change a digit of the total.

    `add_quickly` takes only the first slice exactly and keeps a bound on what the rest may be off
    by. Mostly the bound is too small to touch the rounding of the total, which is then as good as
    exact; `decides` tells. Where it does not, the values must be added again, by `add`.
    """

    __slots__ = ("error", "infinite", "nan", "negative_infinite", "units")

    def __init__(self) -> None:
        self.units = 0
        self.error = 0
        self.infinite = 0
        self.negative_infinite = 0
        self.nan = 0

    def add(self, values: Array) -> None:
        """Add every element of `values`, without any rounding."""
        values = values.reshape(-1)
        for start in range(0, values.size, SLICE):
            part = values[start : start + SLICE]
            largest = largest_magnitude(part)
            if largest < HUGE:
                self.units += _units_of_slices(part, largest)
            else:
                self._add_extremes(part)

    def add_quickly(self, values: Array, largest: float | None = None) -> None:
        """Add every element of `values`, up to the bound that `error` keeps.

        `largest` is their largest magnitude, where that is known.
        """
        values = values.reshape(-1)
        buffer = np.empty(min(values.size, SLICE))
        for start in range(0, values.size, SLICE):
            part = values[start : start + SLICE]
            most = largest_magnitude(part) if largest is None else largest
            if not most < HUGE:
                self._add_extremes(part)
                continue
            rest = buffer[: part.size]
            units, most = _cut_slice(part, most, rest)
            self.units += units + _units(float(np.einsum("i->", rest)))
            # A sum of n numbers in any order is off by n · 2**-53 of the sum of their magnitudes at most;
            # 2**-52 leaves room for the rounding of the bound itself.
            self.error += 1 + _units(part.size**2 * most * 2.0**-52)

    def _add_extremes(self, part: Array) -> None:
        """Add values of which some are too large for slicing, infinite or NaN."""
        finite = np.isfinite(part)
        self.nan += int(np.isnan(part).sum())
        self.infinite += int((part == np.inf).sum())
        self.negative_infinite += int((part == -np.inf).sum())
        huge = finite & (np.abs(part) >= HUGE)
        self.units += sum(_units(value) for value in part[huge].tolist())
        rest = part[finite & ~huge]
        if rest.size:
            self.units += _units_of_slices(rest, largest_magnitude(rest))

    def add_count(self, count: int) -> None:
        """Add a whole number, such as a number of elements of weight 1."""
        self.units += count << UNIT_EXPONENT

    def merge(self, other: ExactSum) -> None:
        """Add what another sum holds."""
        self.units += other.units
        self.error += other.error
        self.infinite += other.infinite
        self.negative_infinite += other.negative_infinite
        self.nan += other.nan

    @property
    def nonfinite(self) -> int:
        """How many of the values that were added are NaN or infinite."""
        return self.nan + self.infinite + self.negative_infinite

    @property
    def finite(self) -> bool:
        """Whether every value that was added is finite."""
        return not self.nonfinite

    def decides(self, denominator: ExactSum) -> bool:
        """Whether the errors are too small to touch the rounding of the total, or of its ratio to another."""
        if not (self.error or denominator.error) or not self.finite:
            return True
        if 0 < denominator.error >= abs(denominator.units):
            return False
        one = 1 << UNIT_EXPONENT
        totals = {exact_ratio(self.units + error, one) for error in (-self.error, self.error)}
        ratios = {
            exact_ratio(self.units + error, denominator.units + other)
            for error in (-self.error, self.error)
            for other in (-denominator.error, denominator.error)
            if denominator.units
        }
        return len(totals) == 1 and len(ratios) <= 1

    def value(self) -> float:
        """The total, correctly rounded; infinite or NaN as the values demand."""
        return exact_ratio(self.units, 1 << UNIT_EXPONENT) if self.finite else self._nonfinite()

    def over(self, denominator: ExactSum) -> float:
        """The ratio of two totals, correctly rounded once; NaN where the denominator is 0."""
        if not denominator.units:
            return math.nan
        return exact_ratio(self.units, denominator.units) if self.finite else self._nonfinite()

    def share_of(self, total: ExactSum) -> float | None:
        """Which share of a total this part of it is; None where the total is 0, or one of them is not finite."""
        return self.over(total) if total.units and self.finite and total.finite else None

    def _nonfinite(self) -> float:
        if self.nan or (self.infinite and self.negative_infinite):
            return math.nan
        return math.inf if self.infinite else -math.inf


class ExactSums:
    """Exact sums, one a group: what `ExactSum` is to one total, for values that are sorted into groups.

    Slices of a block add without rounding in any order, so `np.bincount` adds them group by group.
    """

    BLOCK = 1 << 18
    """Longer than a slice of `ExactSum`, since every block costs a step in Python for each of its groups."""

    def __init__(self) -> None:
        self._units: list[int] = []
        self._counts = np.zeros((3, 0), np.int64)

    def __len__(self) -> int:
        return len(self._units)

    def __getitem__(self, group: int) -> ExactSum:
        """The sum of one group."""
        total = ExactSum()
        total.units = self._units[group]
        total.nan, total.infinite, total.negative_infinite = self._counts[:, group].tolist()
        return total

    def widen(self, groups: int) -> None:
        """Make room for so many groups."""
        missing = groups - len(self._units)
        self._units += [0] * missing
        self._counts = np.pad(self._counts, ((0, 0), (0, missing)))

    def add(self, values: Array, groups: np.ndarray) -> None:
        """Add each value to its group, without any rounding."""
        for start in range(0, len(values), self.BLOCK):
            self._add_block(values[start : start + self.BLOCK], groups[start : start + self.BLOCK])

    def _add_block(self, values: Array, groups: np.ndarray) -> None:
        magnitudes = np.abs(values)
        sound = magnitudes < HUGE
        if not sound.all():
            for count, mask in zip(self._counts, (np.isnan(values), values == np.inf, values == -np.inf), strict=True):
                np.add.at(count, groups[mask], 1)
            huge = np.flatnonzero(np.isfinite(values) & ~sound)
            for group, value in zip(groups[huge].tolist(), values[huge].tolist(), strict=True):
                self._units[group] += _units(value)
            values, groups, magnitudes = values[sound], groups[sound], magnitudes[sound]
        rest, largest = values.copy(), float(magnitudes.max(initial=0.0))
        while largest > 0.0:
            bound = _slicing_bound(rest.size, largest)
            slice_ = (rest + bound) - bound
            totals = np.bincount(groups, slice_)
            met = np.flatnonzero(totals)
            for group, total in zip(met.tolist(), totals[met].tolist(), strict=True):
                self._units[group] += _units(total)
            rest -= slice_
            largest = bound * 2.0**-53 if rest.any() else 0.0


class ExactProductSums:
    """Exact sums of products, one a group, in units of 2**-2148: what `sum_of_products` is to one total.

    Groups of tiny and of usual numbers may stand in one block, so that each number has its own power of two.
    """

    def __init__(self) -> None:
        self._groups = 0
        self._sums: dict[int, ExactSums] = {}
        """By the power of two that the products were multiplied by."""

    def __getitem__(self, group: int) -> int:
        """The sum of one group."""
        return sum(sums[group].units << (UNIT_EXPONENT - exponent) for exponent, sums in self._sums.items())

    def widen(self, groups: int) -> None:
        """Make room for so many groups."""
        self._groups = groups
        for sums in self._sums.values():
            sums.widen(groups)

    def add_squares(self, values: Array, groups: np.ndarray) -> None:
        """Add the square of each value to its group."""
        for rows, exponent in _bands(values):
            self._add(squares(_lifted(values[rows], exponent)), 2 * exponent, groups[rows])

    def add_products(self, left: Array, right: Array, groups: np.ndarray) -> None:
        """Add each product to its group."""
        for rows, exponent in _bands(left):
            of_rows, of_groups = right[rows], groups[rows]
            for among, other in _bands(of_rows):
                parts = products(_lifted(left[rows][among], exponent), _lifted(of_rows[among], other))
                self._add(parts, exponent + other, of_groups[among])

    def _add(self, parts: tuple[Array, ...], exponent: int, groups: np.ndarray) -> None:
        if exponent not in self._sums:
            self._sums[exponent] = ExactSums()
            self._sums[exponent].widen(self._groups)
        for part in parts:
            self._sums[exponent].add(part, groups)


def _bands(values: Array) -> list[tuple[np.ndarray | slice, int]]:
    """Which numbers are to be multiplied by which power of two, before products of them are taken."""
    magnitudes = np.abs(values)
    low, high = MIDDLE
    small, large = (magnitudes < low) & (magnitudes > 0.0), magnitudes >= high
    if not (small.any() or large.any()):
        return [(slice(None), 0)]
    bands = ((~(small | large), 0), (small, LIFT), (large, DROP))
    return [(rows, exponent) for rows, exponent in bands if rows.any()]


def _lifted(values: Array, exponent: int) -> Array:
    """The values times a power of two."""
    lifted: Array = np.ldexp(values, exponent) if exponent else values
    return lifted


def exact_ratio(numerator: int, denominator: int) -> float:
    """The float64 nearest to numerator / denominator (Python's integer division rounds correctly)."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if (numerator > 0) == (denominator > 0) else -math.inf


def root_of_ratio(numerator: int, denominator: int) -> float:
    """The root of numerator / denominator ≥ 0, also where the ratio itself is beyond float64."""
    half = (numerator.bit_length() - denominator.bit_length()) // 2
    ratio = exact_ratio(numerator << max(0, -2 * half), denominator << max(0, 2 * half))
    return scaled(math.sqrt(ratio), half)


def scaled(number: float, exponent: int) -> float:
    """A number times a power of two; infinite where that is beyond float64, which `math.ldexp` refuses."""
    with np.errstate(over="ignore"):
        return float(np.ldexp(number, exponent))


def _slicing_bound(size: int, largest: float) -> float:
    """The constant whose addition and subtraction cut a slice off `size` numbers up to `largest`.

    It leaves room for the carries of `size` summands, and for its own rounding.
    """
    return math.ldexp(1.0, math.frexp(largest)[1] + size.bit_length() + 1)


def largest_magnitude(values: Array) -> float:
    """The largest magnitude among numbers; infinite or NaN where one of them is."""
    # One pass where none has a sign: their bits are ordered as they are, and below those of all that have one.
    largest = values.view(np.uint64).max()
    if largest < SIGN_BIT:
        return float(largest.view(np.float64))
    return max(abs(float(values.max())), abs(float(values.min())))


def all_in_unit_interval(values: Array) -> bool:
    """Whether all numbers lie in [0, 1]. One pass over their bits, to which −0 is no 0."""
    return bool(values.view(np.uint64).max() <= np.float64(1.0).view(np.uint64))


def _units_of_slices(values: Array, largest: float) -> int:
    """Σ of an array in units of 2**-1074; its magnitudes are up to `largest`."""
    total, rest, spare = 0, values, (np.empty(values.size), np.empty(values.size))
    while largest > 0.0:
        left = spare[0]
        units, _ = _cut_slice(rest, largest, left)
        total += units
        rest, largest, spare = left, largest_magnitude(left), spare[::-1]
    return total


def _cut_slice(values: Array, largest: float, rest: Array) -> tuple[int, float]:
    """Cut the leading bits off numbers up to `largest`, and leave what is left of each in `rest`.

    Added to a power of two and a half that is large enough, a number becomes a whole number of units in the
    last place of that anchor, by which its bits differ from the anchor's. There are few enough units in a
    number for the sum of all to fit 64 bits, in which a sum that overflows on the way wraps back.

    Returns:
        The sum of what was cut off, in units of 2**-1074, and the most that is left of a number.
    """
    room = max(1, values.size.bit_length() - 11)
    exponent = max(math.frexp(largest)[1] + room, sys.float_info.min_exp - 1)
    anchor = math.ldexp(1.5, exponent)
    np.add(values, anchor, out=rest)
    bits = int(rest.view(np.int64).sum()) - values.size * int(np.float64(anchor).view(np.int64))
    units = (bits + (1 << 63)) % (1 << 64) - (1 << 63)
    rest -= anchor
    np.subtract(values, rest, out=rest)
    return units << (exponent - 52 + UNIT_EXPONENT), math.ldexp(1.0, exponent - 53)


def _units(value: float) -> int:
    """A finite float64 as a multiple of 2**-1074, which it always is."""
    mantissa, denominator = value.as_integer_ratio()
    return mantissa * ((1 << UNIT_EXPONENT) // denominator)


def exp(value: float) -> float:
    """Raise e to a number; +inf where that is beyond float64, which `math.exp` refuses."""
    with np.errstate(over="ignore"):
        return float(np.exp(value))


def sum_of_squares(values: Array) -> int:
    """Σ values² of finite numbers, in units of 2**-2148: see `sum_of_products`."""
    values, exponent = _in_the_middle(values)
    return _units_of_parts(squares(values)) << (UNIT_EXPONENT - 2 * exponent)


def sum_of_products(left: Array, right: Array) -> int:
    """Σ left · right of finite numbers, in units of 2**-2148, of which every product of two float64 is a multiple.

    It is exact, but for products that are less than 2**-170 of that of the largest.
    """
    left, exponent = _in_the_middle(left)
    right, other = _in_the_middle(right)
    return _units_of_parts(products(left, right)) << (UNIT_EXPONENT - exponent - other)


def _in_the_middle(values: Array) -> tuple[Array, int]:
    """The values times a power of two that brings the largest of them to where products are exact; its exponent."""
    largest = largest_magnitude(values) if values.size else 0.0
    low, high = MIDDLE
    if low <= largest < high or not largest:
        return values, 0
    exponent = LIFT if largest < low else DROP
    return _lifted(values, exponent), exponent


def _units_of_parts(parts: tuple[Array, ...]) -> int:
    total = ExactSum()
    for part in parts:
        total.add(part)
    return total.units


def squares(values: Array) -> tuple[Array, Array]:
    """The squares, and what their rounding takes from them: see `products`."""
    high, low = _halves(values)
    square = values * values
    return square, low * low - ((square - high * high) - 2.0 * (high * low))


def products(left: Array, right: Array) -> tuple[Array, Array]:
    """The products, and what their rounding takes from them (Dekker 1971), in the middle of the range of float64.

    Exact sums of both give a variance that cancellation cannot spoil.
    """
    high, low = _halves(left)
    other_high, other_low = _halves(right)
    product = left * right
    rest = (product - high * other_high) - low * other_high
    rest -= high * other_low
    return product, low * other_low - rest


def _halves(values: Array) -> tuple[Array, Array]:
    """The nearest numbers of 26 bits, and what is left, of 26 bits and a sign: their products are exact."""
    bits = np.ascontiguousarray(values).view(np.int64)
    high = ((bits + np.int64(1 << 26)) & np.int64(-(1 << 27))).view(np.float64)
    return high, values - high
