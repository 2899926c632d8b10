"""What kind of numbers the rows are: probabilities, log-probabilities or logits.

A row qualifies by what its classes add up to, never by the range of a batch. Facts about rows are
gathered block by block and merge, so the verdict holds for the whole file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from losscli.errors import DataError
from losscli.losses.contracts import ScoreKind
from losscli.numerics import Array

REPORTED_DEVIATION = 1e-6
"""A row sum further from 1 than this is said, though it passes."""

FEW = 0.1
"""Up to this share of rows may qualify by accident where the predictions are logits."""

ABOUT = 0.05
"""How near to 1 (or, relatively, to 100) a sum is that was probably meant to be there."""

MOST = 0.5

STEEP = 1.0 + 1e-6
"""Log odds from here on are steeper than any of a softmax of probabilities."""

FEW_CLASSES = 128
"""Up to so many classes are looked at class by class."""


@dataclass
class RowFacts:
    """How many rows qualify as what, and what is noteworthy about them."""

    rows: int = 0
    probs: int = 0
    log_probs: int = 0
    in_unit_interval: int = 0
    sum_near_one: int = 0
    sum_near_hundred: int = 0
    deviation_of_probs: float = 0.0
    deviation_of_log_probs: float = 0.0
    steepest_odds: float = 0.0
    first_not_probs: int | None = None
    first_not_log_probs: int | None = None

    def merge(self, later: RowFacts) -> None:
        """Add the facts of the rows that follow."""
        self.rows += later.rows
        self.probs += later.probs
        self.log_probs += later.log_probs
        self.in_unit_interval += later.in_unit_interval
        self.sum_near_one += later.sum_near_one
        self.sum_near_hundred += later.sum_near_hundred
        self.deviation_of_probs = max(self.deviation_of_probs, later.deviation_of_probs)
        self.deviation_of_log_probs = max(self.deviation_of_log_probs, later.deviation_of_log_probs)
        self.steepest_odds = max(self.steepest_odds, later.steepest_odds)
        if self.first_not_probs is None:
            self.first_not_probs = later.first_not_probs
        if self.first_not_log_probs is None:
            self.first_not_log_probs = later.first_not_log_probs

    def deviation(self, kind: ScoreKind) -> float:
        """How far the worst qualifying row is from the sum it should have."""
        return self.deviation_of_probs if kind == "probs" else self.deviation_of_log_probs

    def first_not(self, kind: ScoreKind) -> int | None:
        """The first row that does not qualify as `kind`."""
        return self.first_not_probs if kind == "probs" else self.first_not_log_probs


def by_class(scores: np.ndarray) -> tuple[np.ndarray, int]:
    """Rows of scores as NumPy reduces them fast, and the axis of the classes: short rows lie class by class."""
    return (scores, 1) if scores.shape[1] > FEW_CLASSES else (np.ascontiguousarray(scores.T), 0)


def examine(scores: Array, rows: np.ndarray, tolerance: float) -> RowFacts:
    """The facts about `scores` (rows, classes); `rows` are the numbers by which to report them."""
    if not len(scores):
        return RowFacts()
    lanes, axis = by_class(scores)
    low, high, total = lanes.min(axis=axis), lanes.max(axis=axis), lanes.sum(axis=axis)
    unit = (low >= 0.0) & (high <= 1.0)
    off_probs = np.abs(total - 1.0)
    probs = unit & (off_probs <= tolerance)

    # No maximum needs to be subtracted from what is at most 0; a sum that underflows is far from 1 anyway.
    below = high <= 0.0
    off_log_probs = np.full(len(scores), np.inf)
    if below.any():
        chosen = lanes if below.all() else np.compress(below, lanes, axis=1 - axis)
        with np.errstate(divide="ignore"):
            off_log_probs[below] = np.abs(np.log(np.exp(chosen).sum(axis=axis)))
    log_probs = off_log_probs <= tolerance

    with np.errstate(divide="ignore"):
        odds = np.where(probs, np.log(high) - np.log(low), np.where(log_probs, high - low, 0.0))
    return RowFacts(
        rows=len(scores),
        probs=int(probs.sum()),
        log_probs=int(log_probs.sum()),
        in_unit_interval=int(unit.sum()),
        sum_near_one=int((np.abs(total - 1.0) <= ABOUT).sum()),
        sum_near_hundred=int(((low >= 0.0) & (np.abs(total - 100.0) <= 100.0 * ABOUT)).sum()),
        deviation_of_probs=float(off_probs[probs].max(initial=0.0)),
        deviation_of_log_probs=float(off_log_probs[log_probs].max(initial=0.0)),
        steepest_odds=float(odds.max()),
        first_not_probs=_first(rows, ~probs),
        first_not_log_probs=_first(rows, ~log_probs),
    )


def _first(rows: np.ndarray, mask: np.ndarray) -> int | None:
    found = np.flatnonzero(mask)
    return int(rows[found[0]]) if found.size else None


def mixture(facts: RowFacts) -> tuple[ScoreKind, int] | None:
    """A kind that some rows are of and others are not, and how many are."""
    counts: tuple[tuple[ScoreKind, int], ...] = (("probs", facts.probs), ("log-probs", facts.log_probs))
    if any(count == facts.rows for _, count in counts):
        return None
    return next(((kind, count) for kind, count in counts if count > FEW * facts.rows), None)


def detect(facts: RowFacts, path: str) -> ScoreKind:
    """The kind of rows that are no mixture; a DataError where a doubt is left."""
    if facts.probs == facts.rows:
        return "probs"
    if facts.log_probs == facts.rows:
        return "log-probs"
    if facts.in_unit_interval == facts.rows:
        raise DataError(
            f"{path}: all values lie in [0, 1], but the rows do not sum to 1 (row {facts.first_not_probs})",
            why="they may be probabilities that are rounded, cut or not normalised, or logits by chance",
            hint="--kind probs --normalize divides each row by its sum; --kind logits takes them as scores",
        )
    if facts.sum_near_hundred > MOST * facts.rows:
        raise DataError(
            f"{path}: the rows sum to about 100 (row {facts.first_not_probs})",
            why="they look like percentages",
            hint="--kind probs --normalize divides each row by its sum; --kind logits takes them as scores",
        )
    if facts.sum_near_one > MOST * facts.rows:
        raise DataError(
            f"{path}: the rows sum to about 1, but row {facts.first_not_probs} is no row of probabilities",
            why="a value outside [0, 1], or a sum off by more than the tolerance",
            hint="--kind probs names what is wrong, --row-sum-tolerance widens it, --kind logits takes all as scores",
        )
    return "logits"


def evidence(kind: ScoreKind, facts: RowFacts, *, detected: bool) -> str:
    """How the kind is known, in words."""
    lead = "detected" if detected else "stated"
    if kind == "logits":
        if not detected:
            return lead
        return f"{lead}: {facts.probs:,} of {facts.rows:,} rows sum to 1, {facts.log_probs:,} have logsumexp 0"
    sums = "lie in [0, 1] and sum to 1" if kind == "probs" else "are ≤ 0 with logsumexp 0"
    return f"{lead}: {facts.rows:,} of {facts.rows:,} rows {sums}, off by {facts.deviation(kind):.2g} at most"


def doubts(kind: ScoreKind, facts: RowFacts, classes: int, path: str) -> list[str]:
    """What looks wrong about the rows though it can be scored."""
    found = []
    if kind != "logits" and facts.deviation(kind) > REPORTED_DEVIATION:
        found.append(
            f"{path}: the rows are off from a sum of 1 by up to {facts.deviation(kind):.2g}; nothing was renormalised"
        )
    if kind == "logits" and facts.rows and facts.probs == facts.rows:
        found.append(
            f"{path}: taken as logits, but every row is a row of probabilities: "
            "the softmax is being applied to them a second time (--kind probs does not)"
        )
    twice = kind != "logits" and classes > 1 and math.log(1.5) < facts.steepest_odds <= STEEP
    if twice and facts.rows > 1:
        found.append(
            f"{path}: no class is ever more than e times as likely as another: this is what a softmax "
            "of probabilities looks like; was it applied twice?"
        )
    return found
