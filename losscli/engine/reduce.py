"""The only place that reduces: exact totals of what was scored, which merge in any order.

A `Partial` is what a range of samples comes to. Merging the partials of any division into ranges
gives the same digits, since every total in it is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from losscli.engine.result import Counts, Extreme, Samples, Scored, Statistics
from losscli.numerics import (
    UNIT_EXPONENT,
    Array,
    ExactSum,
    largest_magnitude,
    root_of_ratio,
    sum_of_products,
    sum_of_squares,
)

MEDIAN_LIMIT = 1 << 22
"""Up to this many losses are kept for the median; beyond it there is none, and memory stays flat."""

FIRST_ROWS_NAMED = 5

FEWEST_PER_CENT = 100
"""Of fewer samples than this nobody can say what 1 % of them hold."""

LARGEST_SQUARED = 1e150
"""A loss from here on has no finite square, so that its samples have no spread."""


@dataclass
class Moments:
    """Exact Σl, Σl², Σlw, Σw and Σw² over samples, of which spread and standard error follow.

    Sums of products count units of 2**-2148, the square of the unit of the others.
    """

    count: int = 0
    loss: ExactSum = field(default_factory=ExactSum)
    weight: ExactSum = field(default_factory=ExactSum)
    loss_squared: int = 0
    cross: int = 0
    weight_squared: int = 0
    bounded: bool = True
    """Whether every loss has a finite square."""

    def add(self, loss: Array, weight: Array | None) -> None:
        """Add samples; a weight of None is 1 for each."""
        if not len(loss):
            return
        self.count += len(loss)
        before = self.loss.units
        self.loss.add(loss)
        self.bounded &= largest_magnitude(loss) < LARGEST_SQUARED
        if weight is None:
            self.weight.add_count(len(loss))
        else:
            self.weight.add(weight)
        if not self.bounded:  # and so without a spread, whatever the others are
            return
        self.loss_squared += sum_of_squares(loss)
        if weight is None:
            self.weight_squared += len(loss) << (2 * UNIT_EXPONENT)
            self.cross += (self.loss.units - before) << UNIT_EXPONENT
        else:
            self.weight_squared += sum_of_squares(weight)
            self.cross += sum_of_products(loss, weight)

    def merge(self, other: Moments) -> None:
        """Add the samples of another range."""
        self.count += other.count
        self.loss.merge(other.loss)
        self.weight.merge(other.weight)
        self.loss_squared += other.loss_squared
        self.cross += other.cross
        self.weight_squared += other.weight_squared
        self.bounded &= other.bounded

    def std(self) -> float | None:
        """The standard deviation of the sample losses, with n − 1."""
        n = self.count
        if n < 2 or not self.bounded:
            return None
        spread = n * self.loss_squared - self.loss.units**2
        return root_of_ratio(max(spread, 0), n * (n - 1) << (2 * UNIT_EXPONENT))

    def standard_error(self) -> float | None:
        """The standard error of the mean Σl / Σw, a ratio of two sums over samples."""
        n = self.count
        if n < 2 or not (self.bounded and self.weight.units):
            return None
        # Σ(l − m·w)² with m = Σl / Σw, times (Σw)², in whole numbers throughout.
        loss, weight = self.loss.units, self.weight.units
        residual = self.loss_squared * weight**2 - 2 * self.cross * loss * weight + self.weight_squared * loss**2
        return root_of_ratio(max(residual, 0) * n, (n - 1) * weight**4)


@dataclass
class Partial:
    """What a range of samples comes to."""

    total: ExactSum = field(default_factory=ExactSum)
    denominator: ExactSum = field(default_factory=ExactSum)
    samples: int = 0
    elements: int = 0
    ignored: int = 0
    skipped: int = 0
    skipped_elements: int = 0
    moments: Moments = field(default_factory=Moments)
    mean_losses: Moments | None = None
    lowest: Extreme | None = None
    highest: Extreme | None = None
    losses: list[Array] = field(default_factory=list)
    losses_dropped: bool = False
    infinite_rows: list[int] = field(default_factory=list)
    nan_rows: list[int] = field(default_factory=list)
    first: Samples | None = None
    top: Samples | None = None
    facts: Any = None
    scored: list[Scored] = field(default_factory=list)
    noted: list[Sequence[Any]] = field(default_factory=list)
    """What each observer noted of each step, until it has taken it."""

    def add(
        self,
        start: int,
        loss: Array,
        weight: Array | None,
        mean_loss: Array | None = None,
        *,
        largest: float | None = None,
        quickly: bool = False,
    ) -> None:
        """Add the elements of the samples from `start` on to the totals.

        `mean_loss` is what enters the numerator of the mean, where that is not the loss; it has one
        element a sample. `quickly` leaves it to `decides` whether the totals are correctly rounded;
        `largest` is the largest magnitude of a loss, where that is known.
        """
        self.samples += len(loss)
        self.elements += loss.size
        known = self.total.nonfinite
        if quickly:
            self.total.add_quickly(loss, largest)
        else:
            self.total.add(loss)
        if self.total.nonfinite > known:
            self._name_nonfinite(start, loss)
        if weight is None:
            self.denominator.add_count(loss.size)
        else:
            self.denominator.add(weight)
        if mean_loss is not None:
            self.mean_losses = self.mean_losses or Moments()
            rows = slice(None) if weight is None else np.flatnonzero(weight)
            self.mean_losses.add(mean_loss[rows], None if weight is None else weight[rows])

    @property
    def numerator(self) -> ExactSum:
        """What the mean divides by the denominator."""
        return self.total if self.mean_losses is None else self.mean_losses.loss

    @property
    def decided(self) -> bool:
        """Whether the totals are correctly rounded."""
        return self.total.decides(self.denominator)

    def _name_nonfinite(self, start: int, loss: Array) -> None:
        by_sample = loss.reshape(len(loss), -1)
        for rows, mask in ((self.infinite_rows, np.isinf(by_sample)), (self.nan_rows, np.isnan(by_sample))):
            rows += (start + np.flatnonzero(mask.any(axis=1))[:FIRST_ROWS_NAMED]).tolist()
            del rows[FIRST_ROWS_NAMED:]

    def add_samples(self, start: int, loss: Array, weight: Array | None) -> None:
        """Add samples to the statistics. Those of weight 0 have no part in them, unless they cost something.

        CTC's mean per label has such: an empty target has no label, but its loss is in the numerator.
        """
        rows = None
        if weight is not None and not weight.all():
            rows = np.flatnonzero((weight != 0.0) | (loss != 0.0))
            loss, weight = loss[rows], weight[rows]
        if not len(loss):
            return

        def sample(position: int) -> int:
            return start + (position if rows is None else int(rows[position]))

        self.moments.add(loss, weight)
        low, high = int(loss.argmin()), int(loss.argmax())
        self.lowest = _lower(self.lowest, Extreme(float(loss[low]), sample(low)))
        self.highest = _higher(self.highest, Extreme(float(loss[high]), sample(high)))
        self._keep([loss])

    def _keep(self, losses: list[Array]) -> None:
        self.losses += losses
        if self.losses_dropped or sum(map(len, self.losses)) > MEDIAN_LIMIT:
            self.losses_dropped = True
            self.losses.clear()

    def merge(self, later: Partial) -> None:
        """Add the range of samples that follows."""
        self.total.merge(later.total)
        self.denominator.merge(later.denominator)
        self.samples += later.samples
        self.elements += later.elements
        self.ignored += later.ignored
        self.skipped += later.skipped
        self.skipped_elements += later.skipped_elements
        self.moments.merge(later.moments)
        if later.mean_losses is not None:
            self.mean_losses = self.mean_losses or Moments()
            self.mean_losses.merge(later.mean_losses)
        if later.lowest:
            self.lowest = _lower(self.lowest, later.lowest)
        if later.highest:
            self.highest = _higher(self.highest, later.highest)
        self.infinite_rows = (self.infinite_rows + later.infinite_rows)[:FIRST_ROWS_NAMED]
        self.nan_rows = (self.nan_rows + later.nan_rows)[:FIRST_ROWS_NAMED]
        self.losses_dropped |= later.losses_dropped
        self._keep(later.losses)

    def counts(self) -> Counts:
        """The counts, as a result shows them."""
        return Counts(
            samples=self.samples,
            elements=self.elements,
            scored=self.elements - self.ignored - self.skipped_elements,
            ignored=self.ignored,
            skipped=self.skipped,
            nonfinite=self.total.nonfinite,
        )

    def _share_of(self, losses: Array) -> float | None:
        """The share of the total loss that some of the samples hold."""
        part = ExactSum()
        part.add(losses)
        return part.share_of(self.moments.loss)

    def statistics(self) -> Statistics | None:
        """The spread of the per-sample losses; None where nothing was scored."""
        if self.lowest is None or self.highest is None:
            return None
        median = worst_percent = None
        if not self.losses_dropped:
            losses = np.concatenate(self.losses)
            # NumPy's median averages two infinities to nan; the middle values say it rightly.
            lower, upper, worst = (len(losses) - 1) // 2, len(losses) // 2, len(losses) - -(-len(losses) // 100)
            losses.partition([lower, upper, worst])
            low, high = float(losses[lower]), float(losses[upper])
            median = low if low == high else 0.5 * low + 0.5 * high
            if len(losses) >= FEWEST_PER_CENT and self.lowest.value >= 0.0:
                worst_percent = self._share_of(losses[worst:])
        standard_error = (self.mean_losses or self.moments).standard_error()
        return Statistics(self.moments.std(), standard_error, self.lowest, median, self.highest, worst_percent)


def by_sample(loss: Array, weight: Array | None) -> tuple[Array, Array | None]:
    """Each sample's loss and weight: the sums over its elements; a weight of None is 1 for each sample."""
    if loss.ndim == 1:
        return loss, weight
    rows = (len(loss), math.prod(loss.shape[1:]))
    # Contiguous, since the order in which NumPy adds depends on the layout in memory.
    of_sample = np.ascontiguousarray(loss).reshape(rows).sum(axis=1)
    if weight is not None:
        return of_sample, np.ascontiguousarray(weight).reshape(rows).sum(axis=1)
    return of_sample, None if rows[1] == 1 else np.full(len(loss), float(rows[1]))


def _lower(one: Extreme | None, other: Extreme) -> Extreme:
    return other if one is None or other.value < one.value else one


def _higher(one: Extreme | None, other: Extreme) -> Extreme:
    return other if one is None or other.value > one.value else one
