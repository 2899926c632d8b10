"""Ask SciPy for paired bootstrap intervals and permutation tests, and write `comparisons.json`.

Run with SciPy 1.15 or newer:

    python tests/goldens/make_comparison_goldens.py

The bootstrap is asked batch by batch, each with the random numbers that losscli draws that batch with
(a stream for each batch, from the seed and the batch's number), so that the intervals agree to the last
few digits, and not only to what chance allows. The random permutation test cannot be asked so; its
p-value agrees within its Monte Carlo error, which is stored beside it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from scipy import stats
from writing import Book

# With this seed no resample of the ten draws each of them once. Such a resample ties with the estimate,
# and on which side of it the rounding puts the tie moves SciPy's BCa interval.
SEED, RESAMPLES, DRAWN_AT_ONCE = 2, 1500, 1 << 18
RANDOM_RESAMPLES = 200_000


def bootstrapped(data: tuple[np.ndarray, ...], statistic: Any, method: str, confidence: float) -> list[float]:
    """SciPy's interval from losscli's random numbers."""
    batch = DRAWN_AT_ONCE // len(data[0])
    result = None
    for first in range(0, RESAMPLES, batch):
        random = np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=(0, first // batch)))
        result = stats.bootstrap(
            data,
            statistic,
            n_resamples=min(batch, RESAMPLES - first),
            paired=True,
            vectorized=True,
            confidence_level=confidence,
            method=method,
            rng=random,
            bootstrap_result=result,
        )
    return [float(result.confidence_interval.low), float(result.confidence_interval.high)]


def mean_difference(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    return b.mean(axis=axis) - a.mean(axis=axis)


def ratio_difference(a: np.ndarray, b: np.ndarray, w: np.ndarray, axis: int = -1) -> np.ndarray:
    return (b.sum(axis=axis) - a.sum(axis=axis)) / w.sum(axis=axis)


def perplexity_difference(a: np.ndarray, b: np.ndarray, w: np.ndarray, axis: int = -1) -> np.ndarray:
    total = w.sum(axis=axis)
    return np.exp(b.sum(axis=axis) / total) - np.exp(a.sum(axis=axis) / total)


def permuted(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """The p-value of SciPy's paired permutation test, and its Monte Carlo error (0 if exact)."""
    if 2 ** len(a) <= RESAMPLES:
        found = stats.permutation_test((b - a,), np.sum, permutation_type="samples", n_resamples=RESAMPLES)
        return float(found.pvalue), 0.0
    found = stats.permutation_test(
        (b - a,),
        lambda d, axis: np.abs(d.sum(axis=axis)),
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        n_resamples=RANDOM_RESAMPLES,
        batch=2000,
        rng=np.random.default_rng(1),
    )
    p = float(found.pvalue)
    return p, math.sqrt(p * (1.0 - p) * (1.0 / RESAMPLES + 1.0 / RANDOM_RESAMPLES))


def main() -> None:
    random = np.random.default_rng(42)
    book = Book({"source": f"SciPy {scipy.__version__}", "seed": SEED, "resamples": RESAMPLES})
    for name, count, shift in (("few", 10, 0.4), ("some", 60, 0.15), ("many", 400, 0.03)):
        a = random.exponential(size=count).round(6)
        b = (a + random.normal(shift, 0.6, size=count) * a).round(6)
        w = random.integers(1, 9, size=count).astype(float)
        for kind, statistic, data in (
            ("mean", mean_difference, (a, b)),
            ("ratio", ratio_difference, (a, b, w)),
            ("exp", perplexity_difference, (a, b, w)),
        ):
            p, error = permuted(a, b)
            expected = {
                method.lower(): {
                    str(confidence): bootstrapped(data, statistic, method, confidence) for confidence in (0.9, 0.95)
                }
                for method in ("percentile", "BCa")
            }
            book.add(
                f"{name}-{kind}",
                kind,
                source=f"SciPy {scipy.__version__}",
                call="stats.bootstrap(paired=True), stats.permutation_test(permutation_type='samples')",
                predictions=[book.array(f"{name}-a", a), book.array(f"{name}-b", b)],
                targets=book.array(f"{name}-w", w),
                expected=expected | {"p_value": p, "p_error": error},
            )
    book.write(Path(__file__).with_name("comparisons.json"))


if __name__ == "__main__":
    main()
