"""Points where losses are hard to compute, and their true values: the corpus of tests/losses/test_extremes.py."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath
import test_extremes as extremes
from mpmath import mpf
from ulps import surprisal

FINITE_ROWS = [row for row in extremes.ROWS if min(row) > -math.inf]
SIGMA = 3.0
POS_WEIGHT = 3.7


@dataclass(frozen=True)
class Call:
    """One call of a loss, and what is true.

    Attributes:
        loss: The row of the table.
        predictions, targets: Its inputs.
        true: The un-reduced losses to fifty digits.
        scale: The largest term of each loss; what the error is measured in where terms cancel, else the loss itself.
        options: What losscli is given beside them.
    """

    loss: str
    predictions: Any
    targets: Any
    true: Sequence[mpf]
    scale: Sequence[mpf] | None = None
    options: dict[str, Any] = field(default_factory=dict)


def corpus() -> Iterator[Call]:
    """All calls, those of one loss together."""
    yield _pointwise("l1", extremes.PAIRS, lambda a, b: abs(mpf(a) - mpf(b)))
    yield _pointwise("mse", extremes.PAIRS, lambda a, b: (mpf(a) - mpf(b)) ** 2)
    yield _pointwise("huber", extremes.PAIRS, _huber)
    yield _pointwise("pseudo_huber", extremes.PAIRS, _pseudo_huber)
    yield _gaussian()
    signed = itertools.product((*extremes.LOGITS, 1.0, 1 - 2**-53, 2.0), (-1.0, 1.0))
    yield _pointwise("hinge", list(signed), lambda x, t: max(mpf(0), 1 - mpf(x) * mpf(t)))
    yield _pointwise("bce", list(itertools.product(extremes.PROBABILITIES, extremes.SOFT)), extremes.two_class)
    logits = list(itertools.product(extremes.LOGITS, extremes.SOFT))
    yield _pointwise("sigmoid_cross_entropy", logits, lambda x, y: _sigmoid(x, y, 1))
    some = [(x, y) for x, y in logits if abs(x) < 708]
    options = {"pos_weight": POS_WEIGHT}
    yield _pointwise("weighted_cross_entropy", some, lambda x, y: _sigmoid(x, y, POS_WEIGHT), options)
    for p in extremes.PROBABILITIES:
        true = -mpmath.log(mpf(p)) if p else mpf(math.inf)
        yield Call("nll of probabilities", [[p, 1.0 - p]], [0], [true], options={"kind": "probs"})
    for row in FINITE_ROWS:
        labels = list(range(len(row)))
        true = [surprisal(row, label) for label in labels]
        yield Call("cross_entropy", [row] * len(row), labels, true)
    for frames, target in itertools.product(extremes.CTC_FRAMES.values(), ([1], [2], [1, 2], [2, 1, 2])):
        with mpmath.workdps(800):
            true = -extremes.log_of_paths(frames, target)
        yield Call("ctc", [[frame] for frame in frames], [target], [true], options={"kind": "logits"})


def _pointwise(
    loss: str, points: Sequence[tuple[float, float]], truth: Callable[..., mpf], options: dict[str, Any] | None = None
) -> Call:
    predictions, targets = map(list, zip(*points, strict=True))
    return Call(loss, predictions, targets, [truth(*point) for point in points], options=options or {})


def _huber(a: float, b: float) -> mpf:
    r = abs(mpf(a) - mpf(b))
    return r**2 / 2 if r <= 1 else r - mpf(1) / 2


def _pseudo_huber(a: float, b: float) -> mpf:
    with mpmath.workdps(1400):  # the textbook formula cancels all but the last digits
        return mpmath.sqrt(1 + (mpf(a) - mpf(b)) ** 2) - 1


def _sigmoid(x: float, y: float, pos_weight: float) -> mpf:
    return mpf(pos_weight) * mpf(y) * extremes.softplus(-x) + (1 - mpf(y)) * extremes.softplus(x)


def _gaussian() -> Call:
    points = [(a, b) for a, b in extremes.PAIRS if abs(a - b) < 1e150]
    true, scale = [], []
    for a, b in points:
        terms = mpmath.log(mpf(SIGMA)), ((mpf(a) - mpf(b)) / mpf(SIGMA)) ** 2 / 2, mpmath.log(2 * mpmath.pi) / 2
        true.append(mpmath.fsum(terms))
        scale.append(max(terms))
    predictions, targets = map(list, zip(*points, strict=True))
    return Call("gaussian_nll", predictions, targets, true, scale, {"std": SIGMA})
