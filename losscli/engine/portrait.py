"""What is told of a file: records that a report shows, made of the tallies of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from losscli.engine.kind import detect, evidence, mixture
from losscli.engine.result import Extreme
from losscli.engine.tally import FieldTally, RowTally
from losscli.errors import DataError

MOST_CLASSES_LISTED = 1000
"""The classes whose counts are listed; of more, the most frequent ones."""


@dataclass(frozen=True)
class Numbers:
    """Exact counts of numbers, and the extremes, mean and standard deviation of the finite ones.

    `first_rows` names the first samples that hold a NaN or an infinity; `edges` has one number more than
    `bins`, the counts between them.
    """

    count: int
    nan: int
    positive_infinity: int
    negative_infinity: int
    first_rows: Mapping[str, Sequence[int]]
    zeros: int
    below_zero: int
    above_one: int
    min: Extreme | None
    max: Extreme | None
    mean: float | None
    std: float | None
    edges: Sequence[float]
    bins: Sequence[int]


@dataclass(frozen=True)
class ClassCount:
    """How often a class occurs."""

    label: str | int
    count: int


@dataclass(frozen=True)
class ClassCounts:
    """How often each value occurs, where values can be classes: in their order, or the most frequent of many."""

    distinct: int
    counts: Sequence[ClassCount]


@dataclass(frozen=True)
class RowSums:
    """What the rows over an axis of classes add up to, and what kind of numbers that makes them.

    `axis` is counted with that of the samples. `masses` are the extremes of Σ exp x, where no value is positive.
    """

    kind: str | None
    evidence: str
    axis: int
    classes: int
    count: int
    probs: int
    log_probs: int
    in_unit_interval: int
    with_nan: int
    sums: tuple[Extreme, Extreme] | None
    masses: tuple[Extreme, Extreme] | None


@dataclass(frozen=True)
class ColumnPortrait:
    """One column of a table; where it could not be read, `note` says why."""

    name: str
    type: str
    numbers: Numbers | None = None
    classes: ClassCounts | None = None
    note: str | None = None


@dataclass(frozen=True)
class Memory:
    """Bytes on disk (None: not known), as one array of float64, and as a loss reads them: block by block."""

    on_disk: int | None
    as_float64: int
    block: int
    block_rows: int
    blocks: int


@dataclass(frozen=True)
class Portrait:
    """One file. `numbers`, `classes` and `rows` describe the array, or the `scores`: columns taken together."""

    path: str
    format: str
    shape: tuple[int | None, ...]
    dtype: str
    columns: Sequence[ColumnPortrait] | None
    scores: Sequence[str] | None
    numbers: Numbers | None
    classes: ClassCounts | None
    rows: RowSums | None
    memory: Memory
    notes: Sequence[str]


def numbers_of(tally: FieldTally) -> Numbers | None:
    """What is told of a field's numbers."""
    if tally.is_text:
        return None
    spread = tally.spread
    edges, bins = spread.histogram.shown()
    return Numbers(
        count=spread.count,
        **spread.nonfinite,
        first_rows=spread.first_rows,
        zeros=spread.zeros,
        below_zero=spread.below_zero,
        above_one=spread.above_one,
        min=spread.low,
        max=spread.high,
        mean=spread.mean,
        std=spread.std,
        edges=edges,
        bins=bins,
    )


def classes_of(tally: FieldTally) -> ClassCounts | None:
    """How often each value occurs, where the values can be classes."""
    labels = tally.labels
    if not labels.possible or not labels.counts:
        return None
    ordered = sorted(labels.counts.items(), key=lambda item: (isinstance(item[0], str), item[0]))
    if len(ordered) > MOST_CLASSES_LISTED:
        ordered = sorted(ordered, key=lambda item: -item[1])[:MOST_CLASSES_LISTED]
    return ClassCounts(len(labels.counts), [ClassCount(label, count) for label, count in ordered])


def rows_of(tally: FieldTally) -> RowSums | None:
    """What the rows over the classes add up to."""
    rows = tally.rows
    if rows is None:
        return None
    facts = rows.facts
    kind, told = _kind(rows, tally.field.info.path)
    return RowSums(
        kind=kind,
        evidence=told,
        axis=rows.axis,
        classes=rows.classes,
        count=facts.rows + rows.unsound,
        probs=facts.probs,
        log_probs=facts.log_probs,
        in_unit_interval=facts.in_unit_interval,
        with_nan=rows.unsound,
        sums=_both(rows.least, rows.greatest),
        masses=_both(rows.least_mass, rows.greatest_mass) if facts.log_probs else None,
    )


def _both(low: Extreme | None, high: Extreme | None) -> tuple[Extreme, Extreme] | None:
    return (low, high) if low is not None and high is not None else None


def _kind(rows: RowTally, path: str) -> tuple[str | None, str]:
    """The kind that all rows are of, and how it is known; None where a loss would ask."""
    facts = rows.facts
    if not facts.rows:
        return None, "every row holds a NaN"
    if mixed := mixture(facts):
        kind, count = mixed
        return (
            None,
            f"mixed: {count} of {facts.rows} rows are {kind}, the first that is not is row {facts.first_not(kind)}",
        )
    try:
        kind = detect(facts, path)
    except DataError as error:
        return None, f"{error.problem.removeprefix(path + ': ')}: {error.why}"
    return kind, evidence(kind, facts, detected=True)
