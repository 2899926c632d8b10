"""Arrays into other arrays: the steps between logits, probabilities, log-probabilities and labels."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from losscli.data import ReadOptions, align, open_source, read_whole
from losscli.data.model import Field
from losscli.engine.labels import Labels
from losscli.engine.run import STEP_NUMBERS
from losscli.engine.scoring import array, as_float64, first_outside, sample_shape
from losscli.errors import DataError, UsageError
from losscli.numerics import Array, log_sigmoid, log_softmax, sigmoid, softmax

LARGEST = sys.float_info.max


def argmax(values: Array) -> np.ndarray:
    """The position of the largest value on the last axis, of the first of them where several are."""
    positions: np.ndarray = values.argmax(axis=-1)
    return positions


MOST_CLASSES = 10_000_000
"""No classifier has as many; a label's row would take more than is held of a sample elsewhere."""


def one_hot(index: np.ndarray, classes: int) -> np.ndarray:
    """A last axis of `classes` numbers, 1 at the index and 0 elsewhere."""
    rows = np.zeros((*index.shape, classes), np.int64)
    np.put_along_axis(rows, index[..., np.newaxis], 1, axis=-1)
    return rows


@dataclass(frozen=True)
class Operation:
    """One conversion.

    `function` takes what `over` says: "numbers" one by one, "classes" along the last axis, or "labels",
    to which it adds a last axis of classes. The numbers it may be given lie from `low` to `high`; `bounds`
    says why.
    """

    name: str
    help: str
    function: Callable[..., np.ndarray]
    over: Literal["numbers", "classes", "labels"] = "numbers"
    low: float = -np.inf
    high: float = LARGEST
    bounds: str = "scores must be finite, or -inf"


OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("softmax", "probabilities from logits", softmax, "classes"),
        Operation("log-softmax", "log-probabilities from logits", log_softmax, "classes"),
        Operation("sigmoid", "the probability of the positive class from its logit", sigmoid),
        Operation("log-sigmoid", "the log-probability of the positive class from its logit", log_sigmoid),
        Operation(
            "log",
            "natural logarithms: log-probabilities from probabilities",
            np.log,
            low=0.0,
            bounds="a logarithm is taken of finite numbers ≥ 0",
        ),
        Operation(
            "exp",
            "exponentials: probabilities from log-probabilities",
            np.exp,
            high=float(np.log(LARGEST)),
            bounds="above 709.78 the exponential is larger than any float64",
        ),
        Operation("one-hot", "rows of 0 and 1 from class indices", one_hot, "labels"),
        Operation("argmax", "the class with the largest value, the first of equals", argmax, "classes"),
    )
}
"""Every conversion by its name, in the order in which they are listed."""


@dataclass(frozen=True)
class Converted:
    """A block of converted samples, and the names of its columns: one for each, or one for all."""

    start: int
    values: np.ndarray
    names: Sequence[str]

    def array(self) -> np.ndarray:
        """The samples along axis 0."""
        return self.values

    def columns(self) -> Mapping[str, np.ndarray]:
        """The samples as named columns."""
        if len(self.names) == 1:
            return {self.names[0]: self.values}
        return dict(zip(self.names, self.values.T, strict=True))


@dataclass(frozen=True)
class Conversion:
    """All that a user can ask of one conversion."""

    operation: Operation
    source: str
    pred: Sequence[str] | None = None
    class_axis: int | None = None
    classes: int | None = None
    read: ReadOptions = field(default_factory=ReadOptions)

    def __post_init__(self) -> None:
        name, over = self.operation.name, self.operation.over
        if over == "labels" and self.classes is None:
            raise UsageError(
                f"{name} needs the number of classes",
                why="the labels of a file need not show every class",
                hint="--classes N",
            )
        if over != "labels" and self.classes is not None:
            raise UsageError(f"--classes does not apply to {name}", hint="leave it out")
        if over == "numbers" and self.class_axis is not None:
            raise UsageError(
                f"--class-axis does not apply to {name}", why="it takes number by number", hint="leave it out"
            )
        if self.classes is not None and self.classes < 2:
            raise UsageError(f"--classes is {self.classes}, but must be 2 or more")
        if self.classes is not None and self.classes > MOST_CLASSES:
            raise UsageError(
                f"--classes is {self.classes}, but must be {MOST_CLASSES:,} at most",
                why="each label becomes so many numbers, which are held in memory",
                hint="losses take labels as they are",
            )

    def open(self) -> Converter:
        """The conversion of what the input holds; reading begins with its first block."""
        values = open_source(self.source, self.read).select(self.pred)
        self.read.refuse_idle([values.source.format])
        return Converter(self, values)


class Converter:
    """One input on its way: the checks that its shape allows, then blocks in order of samples."""

    def __init__(self, conversion: Conversion, values: Field) -> None:
        self.field = values
        self._operation = conversion.operation
        self._shape = sample_shape(values)
        self._lone = self._operation.over == "classes" and not self._shape
        self._names: Sequence[str] = ()
        if self._operation.over == "labels":
            self._shape = () if self._shape == (1,) else self._shape
            self._count = conversion.classes or 0
            self._axis = self._class_axis(conversion.class_axis, axes=len(self._shape) + 2)
            self._labels = Labels(values, self._count, None, None)
            return
        if values.info.dtype == "bool":
            raise DataError(
                f"{values.info.path}: the values are booleans",
                why="booleans are labels, never predictions",
                hint="`losscli convert one-hot` takes labels",
            )
        if self._operation.over == "classes":
            self._axis = self._class_axis(conversion.class_axis, axes=len(self._shape) + 1 + self._lone)
            self._refuse_one_class()

    def _class_axis(self, asked: int | None, *, axes: int) -> int:
        """The axis of the classes among `axes`; an array of one axis counts as one sample of two."""
        if asked is None and not self._lone:
            return 1
        axis = -1 if asked is None else asked + axes if asked < 0 else asked + self._lone
        if not 1 <= axis < axes:
            raise self._no_class_axis(asked)
        return axis

    def _no_class_axis(self, asked: int | None) -> DataError:
        path, shape = self.field.info.path, self.field.info.shape
        if asked is None:
            return DataError(
                f"{path} holds one number a sample, and so no axis of classes",
                why=f"{self._operation.name} compares the classes of a sample",
                hint="`losscli convert sigmoid` takes one logit a sample; --class-axis 0 takes all as one sample",
            )
        return DataError(
            f"--class-axis {asked} is not an axis of classes of {path}, whose shape is {shape}",
            hint="axis 0 holds the samples; -1 is the last axis",
        )

    def _refuse_one_class(self) -> None:
        if self._shape and self._shape[self._axis - 1] == 1:
            raise DataError(
                f"{self.field.info.path} has one class, its shape is {self.field.info.shape}",
                why=f"{self._operation.name} compares the classes of a sample",
                hint="`losscli convert sigmoid` takes one logit a sample; --class-axis names another axis",
            )

    def blocks(self) -> Iterator[Converted]:
        """The converted samples."""
        if self._lone:
            values = np.asarray(read_whole(self.field)).reshape(1, -1)
            yield self._named(0, np.atleast_1d(self._convert(values, 0)[0]))
            return
        per_sample = math.prod(self._shape) * (self._count if self._operation.over == "labels" else 1)
        for block in align({"input": self.field}, max(1, STEP_NUMBERS // per_sample)):
            values = array(block.values, "input").reshape(block.size, *self._shape)
            yield self._named(block.start, self._convert(values, block.start))

    def _convert(self, values: np.ndarray, start: int) -> np.ndarray:
        operation = self._operation
        if operation.over == "labels":
            rows = operation.function(self._indices(values, start), self._count)
            return np.moveaxis(rows, -1, self._axis)
        numbers = as_float64(values)
        self._check_bounds(numbers, start)
        if operation.over == "numbers":
            with np.errstate(divide="ignore"):  # log 0 is -inf
                return operation.function(numbers)
        scores = np.moveaxis(numbers, self._axis, -1)
        self._refuse_no_class(scores, start)
        converted = operation.function(scores)
        return np.moveaxis(converted, -1, self._axis) if converted.ndim == scores.ndim else converted

    def _indices(self, labels: np.ndarray, start: int) -> np.ndarray:
        index = self._labels.indices(labels, start)
        try:
            self._labels.check(index, start)
        except DataError as error:
            raise DataError.of(error, hint="--classes N takes labels from 0 to N - 1") from error
        return index

    def _check_bounds(self, numbers: Array, start: int) -> None:
        """Refuse what the operation cannot take, by place and value."""
        low, high = numbers.min(), numbers.max()
        if self._operation.low <= low and high <= self._operation.high:
            return
        row, position = first_outside(~((numbers >= self._operation.low) & (numbers <= self._operation.high)))
        value = float(numbers[row].reshape(-1)[position or 0])
        raise DataError(
            f"{self._where(start + row, position)}: the value is {'NaN' if math.isnan(value) else f'{value:g}'}",
            why="a NaN cannot be converted" if math.isnan(value) else self._operation.bounds,
        )

    def _refuse_no_class(self, scores: Array, start: int) -> None:
        empty = scores.max(axis=-1) == -np.inf
        if empty.any():
            row, _ = first_outside(empty)
            raise DataError(
                f"{self._where(start + row, None)}: the value of every class is -inf",
                why="no class is left that could be the true one",
            )

    def _where(self, row: int, position: int | None) -> str:
        if self._lone:
            return self.field.info.path if position is None else f"{self.field.info.path}: position {position}"
        return self.field.where(row, position)

    def _named(self, start: int, values: np.ndarray) -> Converted:
        self._names = self._names or self._column_names(values)
        return Converted(start, values, self._names)

    def _column_names(self, converted: np.ndarray) -> Sequence[str]:
        """The input's own names where they still fit, else names that no reader takes for numbers."""
        own = self.field.info.columns
        if own and converted.shape[1:] == self._shape:
            return own
        if converted.ndim == 2:
            noun = "value" if self._operation.over == "numbers" else "class"
            return [f"{noun}_{position}" for position in range(converted.shape[1])]
        return ["class" if converted.dtype.kind == "i" and converted.ndim == 1 else "value"]
