"""What samples say of a difference between two ratios of sums: jackknife, bootstrap and sign flips.

A mean loss is Σ loss / Σ weight over *units*, which are samples, or clusters of samples that belong
together. A unit is drawn, left out or swapped whole, with its loss under every model and its weight,
so that the pairing of the models and the ties within a cluster are kept.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from losscli.engine.observe import Progress
from losscli.numerics import Array

DRAWN_AT_ONCE = 1 << 18
"""How many units are drawn at a time, of one resample or of several."""

FLIPPED_AT_ONCE = 1 << 12
"""How many units are flipped at a time, in all resamples."""

ROUNDING = 1e-12
"""How far, relative to the largest, sums of the same numbers in another order are apart at most."""


@dataclass(frozen=True)
class Units:
    """The units: each one's weight, its loss under the baseline, and what every candidate adds to that loss.

    `of_mean` is what turns a mean into the value that is compared, where that is not the mean itself.
    """

    weight: Array
    baseline: Array
    differences: Array
    of_mean: Callable[[float], float] | None = None

    def __len__(self) -> int:
        return len(self.weight)

    def difference(self, weight: Array, baseline: Array, differences: Array) -> Array:
        """Candidate minus baseline, for each candidate, from sums over units."""
        change = differences / weight
        if self.of_mean is None:
            return change
        mean = baseline / weight
        return self._values(mean + change) - self._values(mean)

    def estimate(self) -> Array:
        """The difference of each candidate over all units."""
        return self.difference(self.weight.sum(), self.baseline.sum(), self.differences.sum(axis=1))

    def _values(self, means: Array) -> Array:
        assert self.of_mean is not None  # noqa: S101 - is asked only where it is there
        return np.array([self.of_mean(mean) for mean in means.reshape(-1).tolist()]).reshape(means.shape)


def gathered(units: Units, cluster: np.ndarray, clusters: int) -> Units:
    """The clusters as units: sums over the units whose number in `cluster` is the same."""

    def sums(of_unit: Array) -> Array:
        return np.bincount(cluster, of_unit, clusters).astype(np.float64, copy=False)

    return Units(
        sums(units.weight),
        sums(units.baseline),
        np.stack([sums(difference) for difference in units.differences]),
        units.of_mean,
    )


def jackknife(units: Units) -> Array:
    """By how much the difference of each candidate changes when a unit is left out: (candidates, units)."""
    total = units.weight.sum()
    rest = total - units.weight

    def changes(of_unit: Array) -> tuple[Array, Array]:
        """The ratio over all units, and what leaving out each of them adds to it, without cancellation."""
        ratio = of_unit.sum(axis=-1, keepdims=True) / total
        return ratio, (ratio * units.weight - of_unit) / rest

    change, changed = changes(units.differences)
    if units.of_mean is None:
        return changed
    mean, mean_changed = changes(units.baseline)
    left_out = units.difference(np.ones(()), mean + mean_changed, change + changed)
    return left_out - units.difference(np.ones(()), mean, change)


def standard_errors(left_out: Array) -> Array:
    """The jackknife standard error of each candidate's difference; over clusters it is cluster-robust.

    Where all units weigh the same it is the usual s / √n of the paired differences.
    """
    count = left_out.shape[1]
    spread = left_out - left_out.mean(axis=1, keepdims=True)
    _, exponent = np.frexp(np.abs(spread).max(axis=1, keepdims=True))  # of numbers up to 1 every sum of squares is one
    of_unit = np.sqrt((count - 1) / count * (np.ldexp(spread, -exponent) ** 2).sum(axis=1))
    errors: Array = np.ldexp(of_unit, exponent[:, 0])
    return errors


def bootstrap(
    units: Units, resamples: int, seed: int, *, threads: int | None = None, progress: Progress | None = None
) -> Array:
    """The difference of each candidate in `resamples` samples of units, drawn with replacement.

    Every batch of resamples has random numbers of its own, which depend on the seed and on the
    number of units alone: the digits are the same for any number of threads.
    """
    count = len(units)
    batch = max(1, DRAWN_AT_ONCE // count)
    alike = bool((units.weight == units.weight[0]).all())
    columns = [*units.differences]
    columns += [] if units.of_mean is None else [units.baseline]
    columns += [] if alike else [units.weight]

    def draw(first: int) -> Array:
        random = _random(seed, 0, first // batch)
        size = (min(batch, resamples - first), count)
        index = random.integers(0, count, size, dtype=np.int32 if count < 1 << 31 else np.int64)
        return np.stack([column.take(index, mode="clip").sum(axis=1) for column in columns])

    sums = []
    for drawn in _in_order(draw, range(0, resamples, batch), threads):
        sums.append(drawn)
        if progress:
            progress(min(len(sums) * batch, resamples), resamples)
    found = np.concatenate(sums, axis=1)
    candidates = len(units.differences)
    weight = np.full(resamples, units.weight.sum()) if alike else found[-1]
    baseline = found[candidates] if units.of_mean else np.zeros(resamples)
    return units.difference(weight, baseline, found[:candidates])


def percentile_interval(estimates: Array, confidence: float) -> tuple[float, float]:
    """The interval that leaves out the same share of the bootstrapped estimates on both sides."""
    tail = 0.5 * (1.0 - confidence)
    low, high = np.quantile(estimates, [tail, 1.0 - tail]).tolist()
    return low, high


def bca_interval(estimates: Array, value: float, left_out: Array, confidence: float) -> tuple[float, float] | None:
    """The percentile interval, corrected for bias and for skewness (Efron 1987).

    None where every estimate lies on the same side of the value, so that the bias has no measure.
    """
    # A resample that draws every unit once gives the value itself, up to the order of its sums.
    same = np.abs(estimates - value) <= ROUNDING * np.abs(estimates).max()
    below = ((estimates < value) & ~same).mean() + 0.5 * same.mean()
    if not 0.0 < below < 1.0:
        return None
    normal = NormalDist()
    bias = normal.inv_cdf(float(below))
    # A skewness has no unit: of numbers up to 1 no power overflows.
    left_out = left_out / (np.abs(left_out).max() or 1.0)
    skew = left_out.mean() - left_out
    squares = float((skew**2).sum())
    acceleration = float((skew**3).sum()) / (6.0 * squares**1.5) if squares else 0.0
    tail = 0.5 * (1.0 - confidence)
    levels = []
    for share in (tail, 1.0 - tail):
        point = bias + normal.inv_cdf(share)
        levels.append(normal.cdf(bias + point / (1.0 - acceleration * point)))
    low, high = np.quantile(estimates, levels).tolist()
    return low, high


@dataclass(frozen=True)
class Flips:
    """The p-values of the sign-flip test, one a candidate, and whether all flips were looked at."""

    p_values: list[float]
    exact: list[bool]


def sign_flips(units: Units, resamples: int, seed: int, *, threads: int | None = None) -> Flips:
    """The two-sided test of whether baseline and candidate could be swapped in any unit.

    If they could, each unit's difference might as well have the other sign. The p-value is the share
    of sign patterns that give a total at least as far from zero: of all patterns where there are no
    more than `resamples`, else of so many random ones together with the observed one (Phipson & Smyth
    2010). A monotone `of_mean` orders patterns as their totals do, and so leaves the p-value as it is.
    """
    observed = np.abs(units.differences.sum(axis=1)) * (1.0 - ROUNDING)
    moved = [difference[difference != 0.0] for difference in units.differences]
    exact = [len(difference) < 63 and 1 << len(difference) <= resamples for difference in moved]
    p_values = np.array(
        [(np.abs(_all_flips(m)) >= o).mean() if e else 0.0 for m, o, e in zip(moved, observed, exact, strict=True)]
    )
    if not all(exact):
        at_least = (observed <= np.abs(_random_flips(units.differences, resamples, seed, threads)).T).sum(axis=0)
        p_values = np.where(exact, p_values, (at_least + 1) / (resamples + 1))
    return Flips(p_values.tolist(), exact)


def _all_flips(numbers: Array) -> Array:
    """The total of the numbers under every pattern of signs."""
    totals = np.zeros(1)
    for number in numbers.tolist():
        totals = np.concatenate([totals - number, totals + number])
    return totals


def _random_flips(differences: Array, resamples: int, seed: int, threads: int | None) -> Array:
    """The totals of each row under `resamples` random patterns of signs, the same for all rows.

    The signs come eight at a time: a random byte picks the total of eight numbers from a table of all
    256 that there are.
    """
    count = differences.shape[1]

    def flip(first: int) -> Array:
        part = differences[:, first : first + FLIPPED_AT_ONCE]
        groups = -(-part.shape[1] // 8)
        eights = np.zeros((len(part), groups * 8))
        eights[:, : part.shape[1]] = part
        signs = _random(seed, 1, first // FLIPPED_AT_ONCE).integers(0, 256, (resamples, groups), dtype=np.uint8)
        places = signs + np.arange(0, groups * 256, 256, dtype=np.int32)
        return np.stack([_tables(row.reshape(groups, 8)).take(places).sum(axis=1) for row in eights])

    totals = np.zeros((len(differences), resamples))
    for part in _in_order(flip, range(0, count, FLIPPED_AT_ONCE), threads):
        totals += part
    return totals


def _tables(eights: Array) -> Array:
    """The 256 totals of every row of eight numbers, by the byte whose bits are their signs."""
    totals = np.zeros((len(eights), 1))
    for number in eights.T[:, :, np.newaxis]:
        totals = np.concatenate([totals - number, totals + number], axis=1)
    return totals


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for their number, by the step-down method of Holm (1979)."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = largest
    return adjusted


@dataclass(frozen=True)
class Power:
    """How much a two-sided test at level `alpha` sees, with probability `power`, by the normal approximation."""

    alpha: float
    power: float

    @property
    def errors(self) -> float:
        """How many standard errors a difference must measure to be found."""
        normal = NormalDist()
        return normal.inv_cdf(1.0 - 0.5 * self.alpha) + normal.inv_cdf(self.power)

    def detectable(self, standard_error: float) -> float:
        """The smallest difference that would be found."""
        return self.errors * standard_error

    def needed(self, units: int, standard_error: float, distance: float) -> int | None:
        """How many units would find a difference that is as far from a limit as `distance`; None: no number would.

        It is more than there are, and enough for the sign-flip test to reach `alpha` at all.
        """
        if not distance > 0.0:
            return None
        errors = self.errors * standard_error / distance
        enough = units * errors * errors  # not a power, which refuses to overflow
        patterns = math.floor(1.0 - math.log2(self.alpha)) + 1
        return max(units + 1, patterns, math.ceil(enough)) if math.isfinite(enough) else None


def _random(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _in_order(work: Callable[[int], Array], starts: range, threads: int | None) -> Iterator[Array]:
    """What `work` makes of each start, in their order, on a few threads."""

    def quiet(start: int) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):  # is kept by thread, and an overflow is for the caller
            return work(start)

    threads = threads or min(os.cpu_count() or 1, 8)
    if threads == 1 or len(starts) == 1:
        yield from map(quiet, starts)
        return
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(threads)
    try:
        yield from pool.map(quiet, starts)
    finally:
        pool.shutdown(cancel_futures=True)
