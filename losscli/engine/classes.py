"""Scores losses over an axis of classes: which axis, which kind, which labels, which rows count."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from losscli.data import read_whole
from losscli.data.model import Field
from losscli.engine.kind import RowFacts
from losscli.engine.labels import NO_CLASS, Labels, class_names, order_of_classes
from losscli.engine.result import InputRecord
from losscli.engine.score_rows import DECIDING_ROWS, ScoreRows
from losscli.engine.scoring import Elements, NanPolicy, Scorer, Values, among, array, as_float64, either, sample_shape
from losscli.errors import DataError
from losscli.losses.catalogue import Loss
from losscli.losses.contracts import Classes
from losscli.numerics import Array
from losscli.wording import did_you_mean, listed

MANY = 20
"""A hint does not list more columns than this."""


class ClassesScorer(Scorer):
    """See `losscli.engine.scoring.Scorer`."""

    def __init__(
        self,
        loss: Loss,
        contract: Classes,
        options: Mapping[str, Any],
        predictions: Field,
        targets: Field,
        nan: NanPolicy,
        names: tuple[str, ...] | None,
    ) -> None:
        self.loss = loss
        self.predictions = predictions
        self.targets = targets
        self.nan = nan
        self.options = {name: options[name] for name in loss.own_options}
        self.unchecked_targets: bool = options.get("unchecked_targets", False)

        shape = sample_shape(predictions)
        target_shape = sample_shape(targets)
        if target_shape and target_shape[-1] == 1 and len(target_shape) == len(shape):
            target_shape = target_shape[:-1] if shape[-1] != 1 else target_shape
        self.axis = self._class_axis(options["class_axis"], shape, target_shape)
        self.classes = shape[self.axis]
        self.element_shape = shape[: self.axis] + shape[self.axis + 1 :]
        self.soft = target_shape == shape and not (self.classes == 1 and not contract.soft)
        if self.soft and not contract.soft:
            raise DataError(
                f"{targets.info.path} has the shape of the predictions: it holds distributions, not labels",
                why=f"{loss.name} takes class indices",
                hint="`losscli cross-entropy` takes distributions and one-hot labels; --target picks a label column",
            )
        if self.soft and options["ignore_index"] is not None:
            raise DataError(
                "--ignore-index is a label, but the targets are distributions",
                hint="leave it out, or give such samples a --sample-weight of 0",
            )
        self.elements_per_sample = math.prod(self.element_shape)
        self.numbers_per_sample = self.elements_per_sample * self.classes
        self.scores_in_pieces = not (self.soft or options.get("label_smoothing"))
        self._names_given = names is not None
        if names is None and predictions.info.columns and len(predictions.info.columns) == self.classes > 1:
            names = class_names(predictions.info.columns)
        if names is not None and len(names) != self.classes:
            raise DataError(f"--classes names {len(names)} classes, but the predictions have {self.classes}")
        self.labels = Labels(targets, self.classes, options["ignore_index"], names)
        self.rows = ScoreRows(predictions, options, nan, self.classes, self.elements_per_sample)
        self._take_class_weight()

    def _class_axis(self, asked: int | None, shape: tuple[int, ...], target_shape: tuple[int, ...]) -> int:
        """The class axis among a sample's axes; an error where it is not there or not certain."""
        fits = [a for a in range(len(shape)) if shape[:a] + shape[a + 1 :] == target_shape]
        if asked is not None:
            axis = asked - 1 if asked >= 0 else asked + len(shape)
            if not 0 <= axis < len(shape):
                raise DataError(
                    f"--class-axis {asked} is not an axis of classes of {self.predictions.info.path}, whose shape is "
                    f"{self.predictions.info.shape}",
                    hint="axis 0 holds the samples; -1 is the last axis",
                )
            if axis in fits or target_shape == shape:
                return axis
        elif target_shape == shape or fits == [0]:
            return 0
        elif fits:
            where = " or ".join(str(a + 1) for a in fits)
            raise DataError(
                f"{self.predictions.info.path} has shape {self.predictions.info.shape}: "
                f"its classes may be on axis {where}",
                why=f"the targets have shape {self.targets.info.shape}; PyTorch has classes on axis 1, Keras last",
                hint=f"--class-axis {fits[-1] + 1 if 0 not in fits else 1}",
            )
        raise DataError(
            f"{self.predictions.info.path} has shape {self.predictions.info.shape}, "
            f"{self.targets.info.path} has {self.targets.info.shape}",
            why="targets have the predictions' shape without the class axis (indices), or the same (distributions)",
            hint=_column_hint(self.predictions, self.targets),
        )

    def _take_class_weight(self) -> None:
        """One weight for each class, brought into the order of the columns where their names are numbers."""
        weight = self.options.get("class_weight")
        if weight is None:
            return
        if isinstance(weight, Mapping):
            self.options["class_weight"] = self._weights_by_name(weight)
            return
        if len(weight) != self.classes:
            raise DataError(
                f"--class-weight has {len(weight)} numbers, but there are {self.classes} classes",
                hint="give one weight for each class, in the order of the predictions",
            )
        order = order_of_classes(self.labels.names)
        if order is not None:
            of_columns = np.empty(self.classes)
            of_columns[order] = weight
            self.options["class_weight"] = of_columns

    def _weights_by_name(self, weight: Mapping[str, float]) -> Array:
        """The weights in the order of the columns."""
        names = self.labels.names or tuple(map(str, range(self.classes)))
        for name in weight:
            if name not in names:
                raise DataError(
                    f"--class-weight names the class {name!r}, and the classes are {listed(names)}",
                    hint=did_you_mean(name, names)
                    or "--classes NAME,NAME,... names them in the order of the predictions",
                )
        missing = [name for name in names if name not in weight]
        if missing:
            raise DataError(
                f"--class-weight has no weight for {listed(missing)}", hint=f"add {missing[0]}:1, or {missing[0]}:0"
            )
        return np.array([weight[name] for name in names])

    def prepare(self, values: Values) -> None:
        """Decide the kind by the first rows, unless it was stated."""
        predictions, targets = array(values, "predictions"), array(values, "targets")
        if not self.soft and not self._names_given:
            self.labels.decide(targets)
        self._refuse_targets_among_predictions(predictions, targets)
        head = max(1, DECIDING_ROWS // self.elements_per_sample)
        known, _, _ = self._without_nan(targets[:head], 0)
        _, counted = self._target_rows(known, 0)
        self.rows.decide(self._rows(predictions[:head]), counted)

    def _refuse_targets_among_predictions(self, predictions: np.ndarray, targets: np.ndarray) -> None:
        """A table of predictions often holds the labels too: as one more class they would change the loss."""
        columns = self.predictions.info.columns
        if columns is None or len(columns) != predictions.shape[-1] or targets.ndim != 1 or targets.dtype.kind in "OU":
            return
        for position, column in enumerate(columns):
            if len(targets) > 1 and np.array_equal(predictions[:, position], targets):
                others = [name for name in columns if name != column]
                raise DataError(
                    f"{self.predictions.info.path}: column {column!r} holds the targets, and no prediction",
                    why="without --pred all numeric columns are predictions",
                    hint=f"--pred {','.join(others)}" if len(others) <= MANY else "--pred names the prediction columns",
                )

    def _rows(self, predictions: np.ndarray) -> np.ndarray:
        """The predictions as rows of classes, one row an element, in a floating type that float64 holds.

        The rows are contiguous, since the order in which NumPy adds depends on the layout in memory.
        """
        if predictions.dtype not in (np.float32, np.float64):
            predictions = as_float64(predictions)
        rows = np.moveaxis(predictions, self.axis + 1, -1).reshape(-1, self.classes)
        return np.ascontiguousarray(rows)

    def _without_nan(self, targets: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Labels with some class for NaN, the mask of those, and that of the samples to be left out for one."""
        if self.soft or targets.dtype.kind != "f" or not np.isnan(targets.min()):
            return targets, None, None
        skipped = self.nan.rows(targets, start, self.targets)
        nan = np.isnan(targets)
        return np.where(nan, self.labels.some_label, targets), nan.reshape(-1), skipped

    def _target_rows(self, targets: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The targets by row, and the mask of the rows that count (None: all)."""
        if self.soft:
            return self.shares_of(targets), None
        index = self.labels.indices(targets, start)
        ignored = self.labels.check(index, start)
        index = index.reshape(-1)
        if ignored is None or not ignored.any():
            return index, None
        ignored = ignored.reshape(-1)
        return np.where(ignored, 0, index), ~ignored

    def score(self, start: int, values: Values) -> Elements:
        """The losses of the samples from `start` on."""
        predictions, targets = array(values, "predictions"), array(values, "targets")
        shape = (len(predictions), *self.element_shape)
        targets, broken_target, skipped_target = self._without_nan(targets, start)
        target, counted = self._target_rows(targets, start)
        surprisal = self.rows.surprisal(self._rows(predictions), counted, start)
        loss, weight = self.loss.kernel(surprisal, target, **self.options)
        broken, lost, facts = self.rows.inspect(surprisal, counted, start)
        skipped = among(lost, start, len(predictions))
        if self.soft:
            samples = self.rows.samples_of(start, np.arange(len(target)))
            broken_target, lost = self.rows.broken(target, self.targets, None, samples)
            skipped_target = among(lost, start, len(predictions))
            if not self.unchecked_targets:
                self._check_shares(target, start)
        broken, skipped = either(broken, broken_target), either(skipped, skipped_target)
        if broken is not None:
            loss = np.where(broken, np.nan, loss)  # also where the NaN is not the target's
        if counted is not None:
            loss = np.where(counted, loss, 0.0)
            weight = counted.astype(np.float64) if weight is None else np.where(counted, weight, 0.0)
        return Elements(
            loss.reshape(shape),
            None if weight is None else weight.reshape(shape),
            None if counted is None else ~counted.reshape(shape),
            skipped,
            facts,
        )

    def _check_shares(self, shares: Array, start: int) -> None:
        total = shares.sum(axis=1)
        outside: np.ndarray = (shares.min(axis=1) < 0.0) | (shares.max(axis=1) > 1.0)
        off: np.ndarray = np.abs(total - 1.0) > self.rows.tolerance
        bad = np.flatnonzero(outside | off)
        if not bad.size:
            return
        row = int(bad[0])
        where = self.targets.where(start + row // self.elements_per_sample)
        problem = (
            f"{where}: the target distribution holds {shares[row][(shares[row] < 0.0) | (shares[row] > 1.0)][0]:g}"
            if outside[row]
            else f"{where}: the target distribution sums to {total[row]:.9g}"
        )
        raise DataError(
            problem,
            why="a target of the predictions' shape is a distribution over the classes (one-hot or soft)",
            hint="--unchecked-targets applies the formula as it stands; are predictions and targets swapped?",
        )

    def finish(self, facts: RowFacts | None) -> list[str]:
        """Warnings about the rows."""
        found = self.rows.warnings(facts) if facts else []
        numbers = self.labels.numbers
        looked_up = numbers is not None and not self._names_given and set(numbers) != set(range(self.classes))
        if not self.soft and (looked_up or self.labels.by_position):
            first = f"{self.labels.some_label} is {self.column_of(0)!r}"
            reading = f"were looked up by name: {first}" if looked_up else f"count them from 0: {first}"
            found.append(
                f"{self.targets.info.path}: the columns of the classes are named by other numbers than 0 to "
                f"{self.classes - 1}; labels {reading}"
            )
        return found

    def column_of(self, index: int) -> str:
        """The name of a class's column."""
        columns = self.predictions.info.columns
        assert columns is not None  # noqa: S101 - names that were not given are those of columns
        return columns[index]

    def details(self, values: Values) -> Mapping[str, np.ndarray]:
        """Target, predicted class and the target's probability, where a sample has one of each."""
        if self.elements_per_sample != 1:
            return {}
        predictions, targets = array(values, "predictions"), array(values, "targets")
        scores = self._rows(predictions)
        predicted = scores.argmax(axis=1)
        if self.soft:
            return {"predicted": self.labels.name(predicted)}
        target = self.label_of_each(targets)
        known = np.where((target >= 0) & (target < self.classes), target, 0)
        probability = self.rows.surprisal_of_sound(scores).probability(known)
        return {
            "target": self.labels.name(target),
            "predicted": self.labels.name(predicted),
            "probability": np.where(known == target, probability, np.nan),
        }

    def shares_of(self, targets: np.ndarray) -> Array:
        """The target distributions, one row an element."""
        return as_float64(self._rows(targets))

    def label_of_each(self, targets: np.ndarray) -> np.ndarray:
        """The label of each element; that of a NaN that was let through is one that no class has."""
        targets = targets.reshape(-1)
        if targets.dtype.kind != "f":
            return self.labels.indices(targets, 0)
        nan = np.isnan(targets)
        return np.where(nan, NO_CLASS, self.labels.indices(np.where(nan, self.labels.some_label, targets), 0))

    def closer(self, values: Values) -> Mapping[str, np.ndarray]:
        """How far, in log-odds, the target is ahead of the best other class; below 0 where it is behind."""
        if self.elements_per_sample != 1 or self.soft or self.classes == 1:
            return {}
        target = self.label_of_each(array(values, "targets"))
        known = np.where((target >= 0) & (target < self.classes), target, 0)
        scores = as_float64(self._rows(array(values, "predictions")))
        if self.rows.kind == "probs":
            scores = np.log(scores)
        rows = np.arange(len(scores))
        others = scores.copy()
        others[rows, known] = -np.inf
        margin = scores[rows, known] - others.max(axis=1)
        return {"margin": np.where(known == target, margin, np.nan)}

    def classes_of(self, values: Values) -> np.ndarray:
        """The label of each sample."""
        if self.elements_per_sample != 1 or self.soft:
            return super().classes_of(values)
        return self.labels.name(self.label_of_each(array(values, "targets")))

    def describe(self, records: dict[str, InputRecord], facts: RowFacts | None) -> dict[str, InputRecord]:
        """The kind of the predictions and how it is known; what the targets are."""
        known = self.rows.evidence(facts) if facts else "no row was scored"
        records["predictions"] = dataclasses.replace(records["predictions"], kind=self.rows.kind, evidence=known)
        kind = "distributions" if self.soft else "labels"
        told = "same shape as the predictions" if self.soft else "shape of the predictions without the class axis"
        if self.labels.numbers is not None and not self.soft:
            told += ", looked up by the names of the classes"
        records["targets"] = dataclasses.replace(records["targets"], kind=kind, evidence=told)
        return records


def refuse_many_targets(loss: Loss, contract: Classes, predictions: Field, targets: Field) -> None:
    """Refuse targets of many samples for predictions without an axis of samples, which are one sample."""
    labels = np.asarray(read_whole(targets))
    if labels.ndim > 1:
        raise DataError(
            f"{predictions.info.path} holds one number a sample, {targets.info.path} a row of numbers",
            why="predictions and targets look swapped",
            hint=f"losscli {loss.name} {targets.info.path} {predictions.info.path}",
        )
    several = labels.dtype.kind == "O" or (np.isin(labels, (0, 1)).all() and labels.sum() != 1)
    if labels.size > 1 and (several or not contract.soft):
        raise DataError(
            f"{predictions.info.path} holds one number a sample, so there is no axis of classes",
            why=f"{loss.name} takes a row of numbers a sample, one for each class",
            hint="with two classes, `losscli bce` takes probabilities and `losscli sigmoid-cross-entropy` logits",
        )


def _column_hint(predictions: Field, targets: Field) -> str:
    columns = targets.info.columns
    if columns and len(columns) > 1:
        return f"choose the label column with --target, e.g. --target {columns[0]!r}"
    columns = predictions.info.columns
    if columns:
        return "choose the class columns with --pred"
    return "are predictions and targets swapped, or one of them transposed?"
