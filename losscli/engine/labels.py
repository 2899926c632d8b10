"""Class labels: from text, whole floats or integers to indices, each one checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from losscli.data.model import Field
from losscli.data.wording import did_you_mean, listed, shown
from losscli.errors import DataError

COMMON_SENTINELS = (-100, -1, 255)


def class_names(columns: Sequence[str]) -> tuple[str, ...]:
    """The classes that prediction columns are named after: `p_cat`, `p_dog` or `cat`, `dog`."""
    first, last = min(columns), max(columns)
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    prefix = first[:shared] if len(columns) > 1 else ""
    lead = max(prefix.rfind(separator) for separator in "_-.: ") + 1
    return tuple(column[lead:] for column in columns)


class Labels:
    """Turns the cells of a target field into class indices."""

    def __init__(
        self,
        field: Field,
        classes: int,
        ignore_index: int | None,
        names: tuple[str, ...] | None,
        noun: str = "label",
    ) -> None:
        self.noun = noun
        self.field = field
        self.classes = classes
        self.ignore_index = ignore_index
        self.names = names
        self._index = {name: i for i, name in enumerate(names or ())}

    def indices(self, cells: np.ndarray, start: int) -> np.ndarray:
        """The class of each cell, as integers; an ignored label stays what it is.

        A text cell, or any cell where the user has named the classes, is looked up by name.
        """
        if cells.dtype.kind in "OUT":
            return self._by_name(cells, start)
        if cells.dtype.kind == "f":
            fraction = ~np.isfinite(cells) | (np.floor(cells) != cells)
            if fraction.any():
                raise self._fraction(cells, fraction, start)
            return cells.astype(np.int64)
        if cells.dtype.kind not in "iub":
            raise DataError(f"{self.field.info.path}: labels of type {cells.dtype} are not class indices")
        if cells.dtype.kind == "u" and cells.size and cells.max() > np.iinfo(np.int64).max:
            row = int(np.argmax(cells.reshape(-1))) * len(cells) // cells.size
            raise DataError(f"{self.field.where(start + row)}: the label {cells.max()} is no class index")
        return cells.astype(np.int64, copy=False)

    def _by_name(self, cells: np.ndarray, start: int) -> np.ndarray:
        if not self.names:
            raise DataError(
                f"{self.field.info.path}: the labels are text ({cells.reshape(-1)[0]!r}), the classes have no names",
                why="text labels are matched with the names of the prediction columns",
                hint="--classes NAME,NAME,... names the classes in the order of the predictions",
            )
        flat = cells.reshape(-1)
        index = np.fromiter((self._index.get(str(cell), -1) for cell in flat), np.int64, len(flat))
        unknown = np.flatnonzero(index < 0)
        if unknown.size:
            label = str(flat[unknown[0]])
            raise DataError(
                f"{self.field.where(start + int(unknown[0]) * len(cells) // len(flat))}: "
                f"the label {label!r} is none of the classes",
                why=f"the classes are {listed(self.names)}",
                hint=did_you_mean(label, self.names)
                or "--classes NAME,NAME,... names the classes in the order of the predictions",
            )
        return index.reshape(cells.shape)

    def _fraction(self, cells: np.ndarray, fraction: np.ndarray, start: int) -> DataError:
        first = int(np.flatnonzero(fraction.reshape(-1))[0])
        return DataError(
            f"{self.field.where(start + first * len(cells) // cells.size)}: "
            f"the label {cells.reshape(-1)[first]:g} is no class index",
            why="class labels are whole numbers 0 .. C-1; these may be probabilities, or targets of a regression",
            hint="are predictions and targets swapped? distributions need the shape of the predictions",
        )

    def check(self, index: np.ndarray, start: int) -> np.ndarray | None:
        """Refuse indices outside the classes; returns the mask of ignored ones, None where there is none."""
        within = not index.size or (index.min() >= 0 and index.max() < self.classes)
        if within and (self.ignore_index is None or not 0 <= self.ignore_index < self.classes):
            return None
        ignored = index == self.ignore_index if self.ignore_index is not None else np.zeros(index.shape, np.bool_)
        outside = ((index < 0) | (index >= self.classes)) & ~ignored
        if outside.any():
            raise self._outside(index, outside, start)
        return ignored

    def _outside(self, index: np.ndarray, outside: np.ndarray, start: int) -> DataError:
        flat = index.reshape(-1)
        first = int(np.flatnonzero(outside.reshape(-1))[0])
        label = int(flat[first])
        row = start + first * len(index) // index.size
        count = int(outside.sum())
        problem = (
            f"{self.field.where(row)}: the {self.noun} is {label}, "
            f"but there are {self.classes} classes (0 to {self.classes - 1})"
        )
        values = np.unique(flat[outside.reshape(-1)])
        if len(values) == 1 and label in COMMON_SENTINELS:
            return DataError(
                problem,
                why=f"{label} is a common mark for targets that do not count ({count} of {flat.size} read so far)",
                hint=f"--ignore-index {label} leaves them out",
            )
        if flat.min() >= 1 and flat.max() == self.classes:
            return DataError(
                problem,
                why=f"the labels run from 1 to {self.classes}: they look 1-based",
                hint="subtract 1 from every label",
            )
        return DataError(
            problem,
            why=f"{count} of {flat.size} labels read so far are outside: {listed([int(v) for v in values], 5)}",
            hint=f"--ignore-index {label} leaves this label out, if that is what it means"
            if len(values) == 1
            else f"are these the {self.noun}s of these predictions"
            + (", and is this the class axis (--class-axis)?" if self.noun == "label" else "?"),
        )

    def name(self, index: np.ndarray) -> np.ndarray:
        """Indices as the names of their classes, where the classes have names."""
        if not self.names:
            return index
        table = np.array([shown(name) for name in self.names], dtype=object)
        known = (index >= 0) & (index < self.classes)
        return np.where(known, table[np.where(known, index, 0)], index.astype(object))
