"""What a run yields: one record that every report is a view of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from losscli.records import record

if TYPE_CHECKING:
    import numpy as np

    from losscli.engine.work import Work


@record
class InputRecord:
    """One input as it was read, and what was found out about it."""

    path: str
    format: str
    shape: tuple[int | None, ...]
    """None is an axis whose length varies from sample to sample."""
    dtype: str
    columns: tuple[str, ...] | None = None
    kind: str | None = None
    evidence: str | None = None


@record
class Counts:
    """How much was read and what became of it. Elements are scored or ignored; samples are skipped."""

    samples: int
    elements: int
    scored: int
    ignored: int
    skipped: int
    nonfinite: int


@record
class Extreme:
    """A value and the first sample that has it."""

    value: float
    sample: int


@record
class Statistics:
    """The spread of the per-sample losses. `standard_error` belongs to the mean."""

    std: float | None
    standard_error: float | None
    min: Extreme
    median: float | None
    max: Extreme
    worst_percent: float | None = None
    """The share of the total loss that the worst 1 % of the samples hold."""


@record
class Group:
    """The samples of one value of a column, or of one class, reduced among themselves."""

    group: str | float
    samples: int
    weight: float
    loss: float
    mean: float
    value: float
    """The mean, or what a loss like perplexity makes of it."""
    share: float | None
    standard_error: float | None


@record
class Groups:
    """Groups by the name of what they were made `by`, that with the greatest total first."""

    by: str
    groups: Sequence[Group]


@record
class Histogram:
    """How many samples' losses lie between each edge and the next; those that are not finite lie nowhere."""

    edges: Sequence[float]
    counts: Sequence[int]
    nonfinite: int


@record
class Baseline:
    """What a prediction that knows little would score, and the skill 1 - loss / baseline against it.

    `value` is None where it cannot be told, and `of` then says why.
    """

    value: float | None
    skill: float | None
    of: str
    temperature: float | None = None


@record
class Limit:
    """One limit and how the value stands to it.

    `limit` is what was asked for, `needed` the smallest tolerance (of `--expect`) or the tightest
    limit (of `--max`, `--min`) that would have passed.
    """

    name: str
    limit: float
    passed: bool
    needed: Mapping[str, float]
    tolerance: Mapping[str, float] = field(default_factory=dict)


@record
class Check:
    """The verdict of `--expect`, `--max` and `--min` together."""

    passed: bool
    gates: tuple[Limit, ...]


@record
class Samples:
    """Per-sample rows, as columns of equal length.

    Always `sample` (its 0-based number), `loss` and `weight`: sums over the sample's elements, so
    that the totals of a result are the column sums. What a loss adds follows (`predicted`, ...).
    """

    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.columns["sample"])

    def records(self) -> list[dict[str, Any]]:
        """One dict a sample, of Python values."""
        lists = {name: values.tolist() for name, values in self.columns.items()}
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


@record
class Scored:
    """A block of scored samples, as it leaves the kernel: every element, and the rows they make."""

    start: int
    loss: np.ndarray
    weight: np.ndarray
    samples: Samples
    lengths: np.ndarray | None = None
    """How many elements of each sample are real, where samples of varying length were filled up."""


class Sink(Protocol):
    """Whoever wants the scored blocks, in order of samples, as they come."""

    def write(self, scored: Scored) -> None:
        """Take one block."""


@record
class Result:
    """The reduced loss and everything that says what it is.

    `value` is a float, or under `reduction="none"` the nested list of elements (ignored ones 0).
    `first` and `top` are the rows that a table shows; `per_sample` is filled only on request.
    """

    loss: str
    value: float | list[Any]
    reduction: str
    unit: str
    numerator: float
    denominator: float
    reductions: Mapping[str, float]
    counts: Counts
    statistics: Statistics | None
    inputs: Mapping[str, InputRecord]
    options: Mapping[str, Any]
    convention: str
    signature: str
    objective: Mapping[str, Any] | None = None
    check: Check | None = None
    warnings: Sequence[str] = ()
    per_sample: Samples | None = None
    first: Samples | None = None
    top: Samples | None = None
    groups: Groups | None = None
    histogram: Histogram | None = None
    baselines: Mapping[str, Baseline] | None = None
    work: Work | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@record
class Curve:
    """One loss over a range of predictions; `options` are all of its options, `label` names those that were given."""

    loss: str
    label: str
    unit: str
    options: Mapping[str, Any]
    values: np.ndarray


@record
class Curves:
    """Losses over the same predictions, against the same target."""

    predictions: np.ndarray
    target: float
    curves: Sequence[Curve]

    def columns(self) -> dict[str, np.ndarray]:
        """The predictions, and then the values of each loss, by name."""
        return {"prediction": self.predictions, **{curve.loss: curve.values for curve in self.curves}}
