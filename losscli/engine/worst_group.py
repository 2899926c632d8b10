"""The worst group of a run: samples put together by a column or by their class, and reduced group by group."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from losscli.data import join_targets, open_field, open_source
from losscli.data.model import Field, Source
from losscli.data.wording import did_you_mean, listed
from losscli.engine.gate_file import TRUE_CLASS
from losscli.engine.plan import Request
from losscli.engine.result import Scored
from losscli.errors import DataError
from losscli.losses.contracts import Alignment
from losscli.numerics import ExactSum

Labels = Callable[[Scored], np.ndarray]
"""The group of each sample of a block. The blocks must come in order."""


BATCH = 1 << 18
"""How many samples are sorted into their groups at a time."""


@dataclass(frozen=True)
class Group:
    """The worst group, and how many samples of it are scored."""

    label: str
    value: float
    samples: int


@dataclass
class _Total:
    loss: ExactSum = field(default_factory=ExactSum)
    weight: ExactSum = field(default_factory=ExactSum)
    samples: int = 0


class Groups:
    """A sink that adds up the losses of each group; its totals are exact, as those of the whole run are."""

    def __init__(self, request: Request, by: str) -> None:
        self._request = request
        self._by = by
        self._labels = _class_of if by == TRUE_CLASS else _Column(_column(request, by))
        self._totals: dict[Any, _Total] = {}
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def write(self, scored: Scored) -> None:
        """Add a block. Samples that do not count belong to no group."""
        labels = self._labels(scored)
        loss, weight = scored.samples.columns["loss"], scored.samples.columns["weight"]
        if self._mean_of_labels:
            loss = loss / np.maximum(scored.samples.columns["labels"], 1)
        counted = np.flatnonzero((weight != 0.0) | (loss != 0.0))  # an empty target has a loss, but no labels to weigh
        self._refuse_nan(labels, counted, scored.start)
        self._waiting.append((labels[counted], loss[counted], weight[counted]))
        if sum(len(waiting) for waiting, _, _ in self._waiting) >= BATCH:
            self._add_up()

    def _refuse_nan(self, labels: np.ndarray, counted: np.ndarray, start: int) -> None:
        if labels.dtype.kind != "f":
            return
        lost = counted[np.isnan(labels[counted])]
        if lost.size:
            raise DataError(
                f"worst_group: the {self._by} of sample {start + int(lost[0])} is NaN",
                why="a sample that belongs to no group would be left out of the guard",
            )

    def _add_up(self) -> None:
        """Add the waiting samples to the totals of their groups."""
        if not self._waiting:
            return
        labels, loss, weight = map(np.concatenate, zip(*self._waiting, strict=True))
        self._waiting.clear()
        names, group = np.unique(labels, return_inverse=True)
        ends = np.cumsum(np.bincount(group, minlength=len(names)))
        order = np.split(np.argsort(group, kind="stable"), ends[:-1])
        for name, rows in zip(names.tolist(), order[: len(names)], strict=True):
            total = self._totals.setdefault(name, _Total())
            total.loss.add(loss[rows])
            total.weight.add(weight[rows])
            total.samples += len(rows)

    @property
    def _mean_of_labels(self) -> bool:
        """Whether the numerator of the mean is the loss per label, and not the loss."""
        request = self._request
        is_alignment = isinstance(request.loss.contract, Alignment)
        return is_alignment and request.reduction == "mean" and request.options.get("mean_rule", "torch") == "torch"

    def worst(self) -> Group:
        """The group of the greatest value, a NaN being greater than any; of equals the first."""
        if isinstance(self._labels, _Column):
            self._labels.refuse_more()
        self._add_up()
        values = {name: self._value(total) for name, total in sorted(self._totals.items())}
        if not values:
            raise DataError("worst_group: no sample is scored, so there is no group")
        name = max(values, key=lambda name: (math.isnan(values[name]), values[name]))
        return Group(_said(name), values[name], self._totals[name].samples)

    def _value(self, total: _Total) -> float:
        if self._request.reduction == "sum":
            return total.loss.value()
        mean = total.loss.over(total.weight)
        return self._request.loss.of_mean(mean) if self._request.loss.of_mean else mean


def _said(name: Any) -> str:
    whole = isinstance(name, float) and name.is_integer()
    return str(int(name) if whole else name)


def _class_of(scored: Scored) -> np.ndarray:
    """The label of each sample."""
    labels = scored.samples.columns.get("target")
    if labels is None:
        raise DataError(
            f"worst_group: by is {TRUE_CLASS!r}, but a sample has no single label here",
            why="its targets are distributions, or several",
            hint="name a column",
        )
    return labels


class _Column:
    """A column that is read in step with the run."""

    def __init__(self, column: Field) -> None:
        self._column = column
        self._batches: Iterator[Any] = column.source.batches([column])
        self._rest = np.empty(0)
        self._taken = 0

    def __call__(self, scored: Scored) -> np.ndarray:
        pieces, missing = [], len(scored.samples)
        while missing:
            if not len(self._rest):
                self._rest = self._next()
            piece, self._rest = self._rest[:missing], self._rest[missing:]
            pieces.append(piece)
            missing -= len(piece)
        self._taken += len(scored.samples)
        return np.concatenate(pieces)

    def _next(self) -> np.ndarray:
        batch = next(self._batches, None)
        if batch is None:
            raise DataError(f"worst_group: {self._column.info.path} has fewer rows than there are samples")
        values: np.ndarray = batch[0]
        return values

    def refuse_more(self) -> None:
        """A DataError if the column goes on behind the last sample."""
        if len(self._rest) or next(self._batches, None) is not None:
            raise DataError(
                f"worst_group: {self._column.info.path} has more rows than there are samples ({self._taken:,})"
            )


def _column(request: Request, by: str) -> Field:
    """The column `by` of the predictions, else of the targets, else of a file of its own."""
    sources = _sources(request)
    for source in sources:
        if source.columns and by in source.columns:
            column = source.select([by], text=True)
            if source is sources[0]:
                _refuse_among_predictions(request, column, by)
            return column
    columns = [name for source in sources for name in source.columns or ()]
    try:
        column = open_field(by, request.read, text=True)
    except DataError as error:
        why = f"the columns are {listed(columns, 20)}" if columns else "neither predictions nor targets are tables"
        hint = did_you_mean(by, columns) or "FILE:COLUMN names a column of another file"
        raise DataError(f"worst_group: by is {by!r}: no such column, and no such file", why=why, hint=hint) from error
    if len(column.info.shape) > 1:
        raise DataError(f"worst_group: {by} has several numbers a sample", hint="FILE:COLUMN picks a column")
    return column


def _sources(request: Request) -> list[Source]:
    """The predictions and, where they are another file, the targets, both in the order of the run."""
    predictions = open_source(request.predictions, request.read)
    if request.targets is None:
        return [predictions]
    targets = open_source(request.targets, request.read)
    return [predictions, targets if request.id is None else join_targets(predictions, targets, request.id)]


def _refuse_among_predictions(request: Request, column: Field, by: str) -> None:
    """Without `pred`, all columns of numbers are predictions: the groups would be one of them."""
    if request.pred is None and column.info.dtype not in ("text", "bool"):
        raise DataError(
            f"worst_group: {column.info.path}: column {by!r} holds numbers, and would be a prediction too",
            why="without pred all numeric columns are predictions",
            hint="options = { pred = [...] } names the columns of the predictions",
        )
