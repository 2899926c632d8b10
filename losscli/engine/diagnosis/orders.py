"""Whether predictions and targets stand in the same order: what they cost as they stand, and otherwise.

Rows that belong together cost less than rows brought together by chance, unless the predictions say nothing
of the targets. Which of the two it is, the numbers alone cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from losscli.losses.contracts import ScoreKind
from losscli.numerics import Array, log_softmax

PERMUTATIONS = 39
"""Chance alone beats all of so many in one of forty files."""

FARTHEST_LAG = 5

FEWEST_ROWS = 20
"""Of fewer rows chance could say anything."""

CLEAR = 6.0
"""How many standard deviations below the permutations an order must cost to be called the right one."""

DEAREST = 100.0
"""What a row costs at most, in nats: here an impossible target must not outweigh all other rows."""

Cost = Callable[[np.ndarray], Array]
"""What each row costs when its target is that of the row whose number is given; NaN where it has none."""


@dataclass(frozen=True)
class Orders:
    """The mean cost of a row in the order of the files, under permutations, and in the best other order."""

    rows: int
    as_given: float
    permuted: float
    spread: float
    best_permuted: float
    verdict: Literal["aligned", "shifted", "reversed", "no better than chance"]
    lag: int
    best: float


def compare_orders(cost: Cost, rows: int) -> Orders | None:
    """What the rows cost in their order and in others; None where chance could not be told from it."""
    if rows < FEWEST_ROWS:
        return None
    here = np.arange(rows)
    random = np.random.default_rng(0)
    permuted = np.array([_mean(cost(random.permutation(rows))) for _ in range(PERMUTATIONS)])
    as_given = _mean(cost(here))
    if not (np.isfinite(permuted).all() and np.isfinite(as_given)):
        return None
    average, spread = float(permuted.mean()), float(permuted.std(ddof=1))
    if spread <= 1e-9 * abs(average):
        return None
    others = {lag: _mean(cost(np.roll(here, -lag))) for lag in range(-FARTHEST_LAG, FARTHEST_LAG + 1) if lag}
    lag = min(others, key=lambda each: others[each])
    backwards = _mean(cost(here[::-1]))
    best = min(others[lag], backwards)

    gain, better = (average - as_given) / spread, (average - best) / spread
    verdict: Literal["aligned", "shifted", "reversed", "no better than chance"]
    if better > CLEAR and gain < better / 2:
        verdict = "reversed" if backwards < others[lag] else "shifted"
    else:
        verdict = "aligned" if as_given < permuted.min() else "no better than chance"
    return Orders(rows, as_given, average, spread, float(permuted.min()), verdict, lag, best)


def cost_of_labels(scores: Array, kind: ScoreKind, labels: np.ndarray) -> Cost:
    """−log p of the label, whatever the scores are; labels outside the classes cost NaN."""
    if kind == "logits":
        logarithms = log_softmax(scores)
    elif kind == "probs":
        logarithms = np.log(scores / scores.sum(axis=1, keepdims=True))
    else:
        logarithms = scores
    surprisal = np.minimum(-logarithms, DEAREST)
    known = (labels >= 0) & (labels < scores.shape[1])
    index = np.where(known, labels, 0)
    rows = np.arange(len(scores))
    return lambda order: np.where(known[order], surprisal[rows, index[order]], np.nan)


def cost_of_numbers(predictions: Array, targets: Array) -> Cost:
    """The squared error of each row."""
    return lambda order: np.square(predictions - targets[order]).sum(axis=1)


def _mean(costs: Array) -> float:
    known = costs[~np.isnan(costs)]
    return float(known.mean()) if known.size else float("nan")
