"""What an inspection keeps of the numbers that pass: exact counts, moments, a histogram, classes, row sums.

Each tally takes block after block in order of samples, and its size does not grow with the file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from losscli.data.model import Field, Ragged
from losscli.engine.kind import RowFacts, examine
from losscli.engine.result import Extreme
from losscli.engine.scoring import as_float64, sample_shape
from losscli.losses.contracts import ROW_SUM_TOLERANCE
from losscli.numerics import MIDDLE, Array, logsumexp, scaled

SampleOf = Callable[[np.ndarray], np.ndarray]

ROWS_NAMED = 5
"""How many of the rows that hold a NaN or an infinity are named."""

MOST_LABELS = 1 << 17
"""Values that are more than this are no classes, and are not counted one by one."""

DENSE_SPAN = 1 << 16
"""Whole numbers within such a span are counted by position, which is faster than by sorting."""

FINE_BINS = 10_000
"""The bins that a histogram keeps, of which it shows a few together."""

SHOWN_BINS = 14
"""The most bins that a histogram shows."""


class Spread:
    """How many numbers there are of which sort, their extremes, mean and standard deviation.

    Extremes and moments are those of the finite numbers.
    """

    def __init__(self) -> None:
        self.count = self.finite = self.zeros = self.below_zero = self.above_one = 0
        self.nonfinite = {"nan": 0, "positive_infinity": 0, "negative_infinity": 0}
        self.first_rows: dict[str, list[int]] = {name: [] for name in self.nonfinite}
        self.low: Extreme | None = None
        self.high: Extreme | None = None
        self._mean = self._squares = 0.0
        self._exponent = 0
        """The power of two that the moments are in units of; 0 unless squares would leave the range of float64."""
        self.histogram = Bins()

    def add(self, numbers: Array, sample_of: SampleOf) -> None:
        """Take numbers; `sample_of` tells the sample that a position among them belongs to."""
        self.count += numbers.size
        self.zeros += int(np.count_nonzero(numbers == 0.0))
        self.below_zero += int(np.count_nonzero(numbers < 0.0))
        self.above_one += int(np.count_nonzero(numbers > 1.0))
        finite = np.isfinite(numbers)
        if not finite.all():
            self._add_nonfinite(numbers, sample_of)
            places = np.flatnonzero(finite)
            numbers = numbers[places]
        else:
            places = None
        if not numbers.size:
            return
        self._add_extremes(numbers, places, sample_of)
        self._add_moments(numbers)
        self.histogram.add(numbers)

    def _add_nonfinite(self, numbers: Array, sample_of: SampleOf) -> None:
        masks = (np.isnan(numbers), numbers == np.inf, numbers == -np.inf)
        for name, mask in zip(self.nonfinite, masks, strict=True):
            self.nonfinite[name] += int(np.count_nonzero(mask))
            known = self.first_rows[name]
            if len(known) < ROWS_NAMED and mask.any():
                rows = np.unique(sample_of(np.flatnonzero(mask)))
                known += [row for row in rows[: ROWS_NAMED + 1].tolist() if row not in known]
                del known[ROWS_NAMED:]

    def _add_extremes(self, numbers: Array, places: np.ndarray | None, sample_of: SampleOf) -> None:
        def found(position: np.intp) -> Extreme:
            place = position if places is None else places[position]
            return Extreme(float(numbers[position]), int(sample_of(np.asarray(place))))

        low, high = found(numbers.argmin()), found(numbers.argmax())
        self.low = low if self.low is None or low.value < self.low.value else self.low
        self.high = high if self.high is None or high.value > self.high.value else self.high

    def _add_moments(self, numbers: Array) -> None:
        """Merge the block's moments (Chan, Golub and LeVeque): no difference of large sums is taken."""
        self._fit_exponent()
        if self._exponent:
            numbers = np.ldexp(numbers, -self._exponent)
        mean = float(numbers.mean())
        squares = float(np.square(numbers - mean).sum())
        before, total = self.finite, self.finite + numbers.size
        apart = mean - self._mean
        self._mean += apart * (numbers.size / total)
        self._squares += squares + apart * apart * (before * (numbers.size / total))
        self.finite = total

    def _fit_exponent(self) -> None:
        """Bring the moments into a unit that suits the largest number so far."""
        largest = max(abs(extreme.value) for extreme in (self.low, self.high) if extreme is not None)
        low, high = MIDDLE
        exponent = 0 if low <= largest < high or not largest else math.frexp(largest)[1]
        self._mean = math.ldexp(self._mean, self._exponent - exponent)
        self._squares = math.ldexp(self._squares, 2 * (self._exponent - exponent))
        self._exponent = exponent

    @property
    def mean(self) -> float | None:
        """The mean of the finite numbers, which rounding does not take beyond them."""
        if self.low is None or self.high is None:
            return None
        return min(max(scaled(self._mean, self._exponent), self.low.value), self.high.value)

    @property
    def std(self) -> float | None:
        """Their standard deviation, with n − 1 in its denominator."""
        return scaled(math.sqrt(self._squares / (self.finite - 1)), self._exponent) if self.finite > 1 else None


class Bins:
    """Counts in bins whose edges are round decimals, without knowing the range beforehand.

    A bin is 10^k wide; where the range grows too wide, ten bins become one, which keeps every count exact.
    A number on an edge belongs to the bin above it, except that the largest number of all may close the last bin.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(0, np.int64)
        self._base = 0
        self._exponent = 0
        self._low = math.inf
        self._high = -math.inf

    def add(self, numbers: Array) -> None:
        """Count finite numbers."""
        self._low = min(self._low, float(numbers.min()))
        self._high = max(self._high, float(numbers.max()))
        self._widen(_bin_exponent(self._low, self._high))
        bins = self._bins(numbers)
        first = int(bins.min())
        if not self._counts.size:
            self._base, self._counts = first, np.bincount(bins - first)
            return
        base = min(first, self._base)
        counts = np.bincount(bins - base, minlength=self._base - base + len(self._counts))
        counts[self._base - base : self._base - base + len(self._counts)] += self._counts
        self._base, self._counts = base, counts

    def _bins(self, numbers: Array) -> np.ndarray:
        power = 10.0 ** abs(self._exponent)
        scaled = numbers * power if self._exponent < 0 else numbers / power
        return np.floor(scaled).astype(np.int64)

    def _widen(self, exponent: int) -> None:
        if not self._counts.size:
            self._exponent = exponent
        while self._exponent < exponent:
            step = min(15, exponent - self._exponent)
            self._base, self._counts = _in_wider_bins(self._base, self._counts, 10**step)
            self._exponent += step

    def shown(self) -> tuple[list[float], list[int]]:
        """The edges of at most `SHOWN_BINS` bins, one more than there are bins, and their counts."""
        if not self._counts.size:
            return [], []
        width, exponent = 1, self._exponent
        while True:
            base, counts = _in_wider_bins(self._base, self._counts, width)
            last_edge = (base + len(counts) - 1) * width
            if len(counts) > 1 and _decimal(last_edge, self._exponent) == self._high:
                counts = np.append(counts[:-2], counts[-2] + counts[-1])
            if len(counts) <= SHOWN_BINS:
                break
            width = width * 5 // 2 if str(width)[0] == "2" else width * 2
        edges = [_decimal((base + position) * width, exponent) for position in range(len(counts) + 1)]
        return edges, counts.tolist()


def _bin_exponent(low: float, high: float) -> int:
    """The smallest k for which bins of 10^k are few enough, and their numbers exact."""
    span = max(high / 2 - low / 2, 0.0) * 2 if high / 2 - low / 2 < 8e307 else 1.7e308
    least = max(span / (FINE_BINS / 10), max(abs(low), abs(high)) / 1e15)
    return max(math.ceil(math.log10(least)), -300) if least > 0.0 else -300


def _in_wider_bins(base: int, counts: np.ndarray, width: int) -> tuple[int, np.ndarray]:
    """The same counts in bins `width` times as wide, the first of which has the number that is returned."""
    if width == 1:
        return base, counts
    bins = (base + np.arange(len(counts))) // width
    merged = np.bincount(bins - bins[0], weights=counts)
    return int(bins[0]), np.rint(merged).astype(np.int64)


def _decimal(bins: int, exponent: int) -> float:
    return float(f"{bins}e{exponent}")


class LabelCounts:
    """How often each value occurs, as long as the values can be classes: text, booleans or whole numbers."""

    def __init__(self) -> None:
        self.counts: dict[str | int, int] = {}
        self.fractions = False
        self.too_many = False

    @property
    def possible(self) -> bool:
        """Whether the values so far can be classes, and were all counted."""
        return not (self.fractions or self.too_many)

    def add(self, cells: np.ndarray) -> None:
        """Count cells; NaN is no value."""
        if not self.possible or not cells.size:
            return
        if cells.dtype.kind == "O":
            self._merge(_text_counts(cells))
            return
        if cells.dtype.kind == "f":
            cells = cells[~np.isnan(cells)]
            self.fractions = bool((~np.isfinite(cells) | (np.floor(cells) != cells) | (np.abs(cells) > 2.0**53)).any())
            if self.fractions or not cells.size:
                self.counts = {}
                return
        if cells.dtype.kind != "u":
            cells = cells.astype(np.int64, copy=False)
        low, high = int(cells.min()), int(cells.max())
        if high - low < DENSE_SPAN:
            found = np.bincount((cells - cells.dtype.type(low)).astype(np.int64))
            seen = np.flatnonzero(found)
            self._merge(dict(zip((seen + low).tolist(), found[seen].tolist(), strict=True)))
        else:
            values, found = np.unique(cells, return_counts=True)
            self._merge(dict(zip(values.tolist(), found.tolist(), strict=True)))

    def _merge(self, later: Mapping[str | int, int] | Mapping[int, int] | Mapping[str, int]) -> None:
        for value, count in later.items():
            self.counts[value] = self.counts.get(value, 0) + count
        if len(self.counts) > MOST_LABELS:
            self.too_many, self.counts = True, {}


def _text_counts(cells: np.ndarray) -> Mapping[str, int]:
    from collections import Counter

    return Counter(cells.tolist())


class RowTally:
    """What the rows over an axis of classes add up to."""

    def __init__(self, axis: int, classes: int) -> None:
        self.axis = axis
        self.classes = classes
        self.facts = RowFacts()
        self.unsound = 0
        self.impossible = 0
        self.least: Extreme | None = None
        self.greatest: Extreme | None = None
        self.least_mass: Extreme | None = None
        self.greatest_mass: Extreme | None = None
        self.softmax_inside = True
        self._never_positive = True

    def add(self, values: np.ndarray, start: int) -> None:
        """Take samples from `start` on, the classes being along the axis."""
        rows = np.moveaxis(values, self.axis, -1)
        per_sample = math.prod(rows.shape[1:-1])
        self.add_rows(rows.reshape(-1, self.classes), start + np.arange(len(values) * per_sample) // per_sample)

    def add_rows(self, rows: np.ndarray, samples: np.ndarray) -> None:
        """Take rows of classes; `samples` are the numbers of the samples that they belong to."""
        rows = as_float64(np.ascontiguousarray(rows))
        sound = ~np.isnan(rows.max(axis=1))
        if not sound.all():
            self.unsound += int(np.count_nonzero(~sound))
            rows, samples = rows[sound], samples[sound]
        if not len(rows):
            return
        self.impossible += int(np.count_nonzero(rows.max(axis=1) == -np.inf))
        later = examine(rows, samples, ROW_SUM_TOLERANCE.default)
        self.facts.merge(later)
        sums = rows.sum(axis=1)
        self.least, self.greatest = _extremes(sums, samples, self.least, self.greatest)
        self._never_positive = self._never_positive and float(rows.max()) <= 0.0
        if self._never_positive:
            mass = np.exp(logsumexp(np.maximum(rows, -1e300)))
            self.least_mass, self.greatest_mass = _extremes(mass, samples, self.least_mass, self.greatest_mass)
        self._undo_softmax(rows, later)

    def _undo_softmax(self, rows: Array, later: RowFacts) -> None:
        """See whether the rows are the softmax of probabilities.

        The logarithms of a softmax are what it was taken of, less a constant. Probabilities sum to 1, which
        gives the constant, and are not negative.
        """
        kind = "probs" if later.probs == later.rows else "log-probs" if later.log_probs == later.rows else None
        self.softmax_inside = self.softmax_inside and kind is not None and later.steepest_odds <= 1.0 + 1e-4
        if self.softmax_inside and kind is not None:
            logarithms = np.log(rows) if kind == "probs" else rows
            inner = logarithms - logarithms.mean(axis=1, keepdims=True) + 1.0 / self.classes
            self.softmax_inside = bool(inner.min() >= -1e-4)

    @property
    def rounded(self) -> float:
        """How far the sum of a row is from 1 at most."""
        ends = [extreme.value for extreme in (self.least, self.greatest) if extreme is not None]
        return max((abs(end - 1.0) for end in ends), default=math.inf)


def _extremes(
    values: Array, samples: np.ndarray, least: Extreme | None, greatest: Extreme | None
) -> tuple[Extreme, Extreme]:
    low, high = int(values.argmin()), int(values.argmax())
    lowest = Extreme(float(values[low]), int(samples[low]))
    highest = Extreme(float(values[high]), int(samples[high]))
    if least is not None and not lowest.value < least.value:
        lowest = least
    if greatest is not None and not highest.value > greatest.value:
        highest = greatest
    return lowest, highest


class FieldTally:
    """Everything that is kept of one field."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.samples = 0
        self.shape = sample_shape(field)
        self.is_text = field.info.dtype == "text"
        self.is_ragged = field.info.dtype.startswith("ragged")
        self.spread = Spread()
        self.labels = LabelCounts()
        self.shortest: int | None = None
        self.longest: int | None = None
        self.row_tallies = [] if self.is_text else [RowTally(axis, classes) for axis, classes in self._class_axes()]

    def _class_axes(self) -> list[tuple[int, int]]:
        """The axes that may be that of the classes, among those of an array of samples: PyTorch's and Keras'."""
        axes = sorted({1, len(self.shape)}) if self.shape and not self.is_ragged else [len(self.shape)]
        return [(axis, self.shape[axis - 1]) for axis in axes if axis and self.shape[axis - 1] > 1]

    def add(self, values: np.ndarray | Ragged, start: int) -> None:
        """Take the samples from `start` on."""
        self.samples += len(values)
        if isinstance(values, Ragged):
            self._add_ragged(values, start)
            return
        if self.is_text:
            self.labels.add(values.reshape(-1))
            return
        per_sample = max(1, values[0].size)
        self.spread.add(as_float64(values).reshape(-1), lambda places: start + places // per_sample)
        self.labels.add(values.reshape(-1))
        for rows in self.row_tallies:
            rows.add(values, start)

    def _add_ragged(self, values: Ragged, start: int) -> None:
        lengths = values.lengths
        shortest, longest = int(lengths.min()), int(lengths.max())
        self.shortest = shortest if self.shortest is None else min(shortest, self.shortest)
        self.longest = longest if self.longest is None else max(longest, self.longest)
        if not len(values.values):
            return
        samples = start + np.repeat(np.arange(len(lengths)), lengths)
        inner = values.values[0].size
        self.spread.add(as_float64(values.values).reshape(-1), lambda places: samples[places // inner])
        self.labels.add(values.values.reshape(-1))
        for rows in self.row_tallies:
            rows.add_rows(values.values.reshape(-1, rows.classes), samples)

    @property
    def rows(self) -> RowTally | None:
        """The rows over the axis along which most of them are rows of probabilities, PyTorch's in doubt."""
        return max(self.row_tallies, key=lambda t: t.facts.probs + t.facts.log_probs, default=None)
