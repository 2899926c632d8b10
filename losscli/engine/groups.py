"""Where the loss sits: samples put together by a column or by their class, and reduced group by group."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from losscli.data.model import Field
from losscli.data.rows import take_rows
from losscli.engine.observe import Seen
from losscli.engine.reduce import LARGEST_SQUARED, Moments
from losscli.engine.result import Group, Groups
from losscli.engine.scoring import Scorer, array, sample_shape
from losscli.errors import DataError
from losscli.losses.catalogue import Loss
from losscli.numerics import Array, ExactProductSums, ExactSum, ExactSums

MOST_GROUPS = 10_000
"""A column of more values than this names samples, not groups."""

BATCH = 1 << 18
"""How many samples are sorted into their groups at a time."""


class _Noted(NamedTuple):
    labels: np.ndarray
    loss: Array
    weight: Array


class GroupTotals:
    """Exact totals of each group. Samples that do not count belong to none."""

    def __init__(self, scorer: Scorer, fields: Mapping[str, Field], *, reduction: str) -> None:
        self.by: str = "class"
        self._column = fields.get("by")
        self._scorer = scorer
        self._of_mean = reduction == "mean"
        if self._column is not None:
            self.by = ", ".join(self._column.info.columns or (self._column.info.path,))
            if sample_shape(self._column) not in {(), (1,)}:
                raise DataError(
                    f"{self._column.info.path} has samples of shape {sample_shape(self._column)}",
                    why="--by takes one value a sample",
                    hint="FILE:COLUMN picks a column",
                )
        self._waiting: list[_Noted] = []
        self._rows_waiting = 0
        self._index: dict[str | float, int] = {}
        self._samples = np.zeros(0, np.int64)
        self._loss, self._weight = ExactSums(), ExactSums()
        self._products = {name: ExactProductSums() for name in ("loss_squared", "cross", "weight_squared")}
        self._bounded = np.zeros(0, np.bool_)

    def look(self, seen: Seen) -> _Noted:
        """The group, the loss and the weight of the samples that count."""
        rows = seen.counted
        if self._column is None:
            targets = seen.values["targets"]
            counted = targets if isinstance(rows, slice) else take_rows(targets, rows)
            labels = self._scorer.classes_of({"targets": counted})
        else:
            labels = array(seen.values, "by").reshape(len(seen.loss))[rows]
            self._refuse_nan(labels, seen, rows)
        loss = seen.mean_loss if self._of_mean and seen.mean_loss is not None else seen.loss
        weight = np.ones(len(loss)) if seen.weight is None else seen.weight
        return _Noted(labels, loss[rows], weight[rows])

    def _refuse_nan(self, labels: np.ndarray, seen: Seen, rows: np.ndarray | slice) -> None:
        if labels.dtype.kind != "f" or not np.isnan(labels).any():
            return
        sample = np.arange(seen.start, seen.start + len(seen.loss))[rows][np.isnan(labels)][0]
        assert self._column is not None  # noqa: S101 - classes are never NaN
        raise DataError(
            f"{self._column.where(int(sample), 0)}: the value is NaN",
            why="a sample that belongs to no group would be missing in the table",
        )

    def take(self, noted: _Noted) -> None:
        """Add samples to their groups."""
        self._waiting.append(noted)
        self._rows_waiting += len(noted.loss)
        if self._rows_waiting >= BATCH:
            self._add_up()

    def _add_up(self) -> None:
        if not self._waiting:
            return
        labels = [label for waiting in self._waiting for label in waiting.labels.tolist()]
        loss = np.concatenate([waiting.loss for waiting in self._waiting])
        weight = np.concatenate([waiting.weight for waiting in self._waiting])
        self._waiting.clear()
        self._rows_waiting = 0
        index = self._index
        groups = np.fromiter((index.setdefault(label, len(index)) for label in labels), np.intp, len(labels))
        if len(index) > MOST_GROUPS:
            raise DataError(
                f"--by {self.by}: there are more than {MOST_GROUPS:,} groups",
                why=f"{len(index):,} values were met so far: it looks like a name of each sample",
                hint="--by takes a column of few values; round numbers to a few steps first",
            )
        self._samples = np.pad(self._samples, (0, len(index) - len(self._samples)))
        self._samples += np.bincount(groups, minlength=len(index))
        self._bounded = np.pad(self._bounded, (0, len(index) - len(self._bounded)), constant_values=True)
        self._loss.widen(len(index))
        self._weight.widen(len(index))
        for products in self._products.values():
            products.widen(len(index))
        self._loss.add(loss, groups)
        self._weight.add(weight, groups)
        bounded = np.abs(loss) < LARGEST_SQUARED
        if not bounded.all():
            self._bounded[groups[~bounded]] = False
            loss, weight, groups = loss[bounded], weight[bounded], groups[bounded]
        self._products["loss_squared"].add_squares(loss, groups)
        self._products["weight_squared"].add_squares(weight, groups)
        self._products["cross"].add_products(loss, weight, groups)

    def groups(self, loss: Loss, total: ExactSum) -> Groups:
        """The groups, that with the greatest sum first; `total` is what their shares are of."""
        self._add_up()
        moments = {label: self._moments(group) for label, group in self._index.items()}
        groups = [
            Group(
                group=_plain(label),
                samples=of_group.count,
                weight=of_group.weight.value(),
                loss=of_group.loss.value(),
                mean=(mean := of_group.loss.over(of_group.weight)),
                value=loss.of_mean(mean) if loss.of_mean else mean,
                share=of_group.loss.share_of(total),
                standard_error=of_group.standard_error(),
            )
            for label, of_group in moments.items()
        ]
        groups.sort(key=lambda group: math.inf if math.isnan(group.loss) else group.loss, reverse=True)
        return Groups(self.by, groups)

    def _moments(self, group: int) -> Moments:
        return Moments(
            int(self._samples[group]),
            self._loss[group],
            self._weight[group],
            **{name: sums[group] for name, sums in self._products.items()},
            bounded=bool(self._bounded[group]),
        )


def _plain(label: str | float) -> str | float:
    """A whole number as one, however its column stores it."""
    return int(label) if isinstance(label, float) and label.is_integer() else label
