"""Class labels: from text, whole floats or integers to indices, each one checked."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from losscli.data.model import Field
from losscli.errors import DataError
from losscli.wording import did_you_mean, listed

COMMON_SENTINELS = (-100, -1, 255)

SEPARATORS = "_-.: "
"""What parts the name of a class from what all classes have in common."""

NO_CLASS = -1
"""An index that no class has."""

LISTED = 20
"""A hint does not number more classes than this."""


def class_names(columns: Sequence[str]) -> tuple[str, ...]:
    """The classes that prediction columns are named after: `p_cat`, `p_dog` or `cat`, `dog`."""
    first, last = min(columns), max(columns)
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    prefix = first[:shared] if len(columns) > 1 else ""
    lead = max(prefix.rfind(separator) for separator in SEPARATORS) + 1
    return tuple(column[lead:] for column in columns)


def class_numbers(names: Sequence[str]) -> tuple[int, ...] | None:
    """The numbers that classes are named by, as 10 in `10` or `c10`; None unless each has one of its own."""
    if sorted(name.lower() for name in names) == ["false", "true"]:
        return tuple(int(name.lower() == "true") for name in names)
    found = [_NUMBERED(name) for name in names]
    stems = {match[1] for match in found if match}
    numbers = tuple(int(match[2]) for match in found if match)
    return numbers if len(stems) == 1 and len(names) == len(numbers) == len(set(numbers)) else None


_NUMBERED = re.compile(r"(\D*)(\d{1,18})", re.ASCII).fullmatch


def _misplaced(names: Sequence[str]) -> str | None:
    """The first name that is a number and the position of another class."""
    for place, name in enumerate(names):
        match = _NUMBERED(name)
        if match and not match[1] and int(name) != place and int(name) < len(names):
            return name
    return None


def order_of_classes(names: Sequence[str] | None) -> np.ndarray | None:
    """The columns in the order of the numbers that they are named by; None where that is how they stand."""
    numbers = class_numbers(names) if names else None
    if numbers is None or list(numbers) == sorted(numbers):
        return None
    return np.argsort(numbers)


class Labels:
    """Turns the cells of a target field into class indices.

    Where the classes are named, labels go by name: text always, and whole numbers where the names are
    numbers. Otherwise a label counts the classes from 0.
    """

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
        numbers = class_numbers(names) if names else None
        self.numbers = None if numbers is None or numbers == tuple(range(classes)) else np.array(numbers)
        """The label of each class, None where labels count the classes from 0."""
        self._order = None if self.numbers is None else np.argsort(self.numbers)
        self._counted_from_0 = numbers is not None and set(numbers) == set(range(classes))
        self.by_position = False
        """Whether labels count the classes, though these are named by other numbers."""
        self._misplaced = _misplaced(names or ()) if numbers is None else None
        self.some_label = 0 if numbers is None else numbers[0]
        """A label that one of the classes has."""
        self.ignored = self._index_of_ignored()
        """What `indices` gives for a label to be ignored."""

    def decide(self, cells: np.ndarray) -> None:
        """Whether numbers are looked up by name, by the first of them: not if names do not know them.

        Classes that are named from 1 on, in order, are often counted from 0 all the same.
        """
        if self.numbers is None or self._counted_from_0 or cells.dtype.kind not in "fiu":
            return
        known = np.isin(cells, self.numbers) | (cells == self.ignore_index) | (cells != cells)
        positions = (cells >= 0) & (cells < self.classes)
        if not known.all() and (known | positions).all() and (np.diff(self.numbers) > 0).all():
            self.numbers, self.some_label, self.ignored = None, 0, self.ignore_index
            self.by_position = True

    def _index_of_ignored(self) -> int | None:
        if self.numbers is None or self.ignore_index is None:
            return self.ignore_index
        found = np.flatnonzero(self.numbers == self.ignore_index)
        if found.size:
            return int(found[0])
        return NO_CLASS if 0 <= self.ignore_index < self.classes else self.ignore_index

    def indices(self, cells: np.ndarray, start: int) -> np.ndarray:
        """The class of each cell, as integers; an ignored label is `ignored`."""
        if cells.dtype.kind in "OUT":
            return self._by_name(cells, start)
        if cells.dtype.kind == "f":
            fraction = ~np.isfinite(cells) | (np.floor(cells) != cells)
            if fraction.any():
                raise self._fraction(cells, fraction, start)
            return self._by_number(cells.astype(np.int64), start)
        if cells.dtype.kind == "u" and cells.size and cells.max() > np.iinfo(np.int64).max:
            row = int(np.argmax(cells.reshape(-1))) * len(cells) // cells.size
            raise DataError(f"{self.field.where(start + row)}: the label {cells.max()} is no class index")
        return self._by_number(cells.astype(np.int64, copy=False), start)

    def _by_number(self, labels: np.ndarray, start: int) -> np.ndarray:
        """The classes of whole numbers, looked up where the classes are named by other numbers than 0 to C − 1."""
        if self.numbers is None or self._order is None:
            if self._misplaced is not None:
                raise self._not_certain(self._misplaced)
            return labels
        ordered = self.numbers[self._order]
        places = np.minimum(np.searchsorted(ordered, labels), self.classes - 1)
        index: np.ndarray = self._order[places]
        unknown = ordered[places] != labels
        if self.ignore_index is not None:
            ignored = labels == self.ignore_index
            index = np.where(ignored, np.int64(self.ignored or 0), index)
            unknown &= ~ignored
        if unknown.any():
            raise self._no_such_number(labels, unknown, start)
        return index

    def _no_such_number(self, labels: np.ndarray, unknown: np.ndarray, start: int) -> DataError:
        assert self.names is not None  # noqa: S101 - numbers are names
        first = int(np.flatnonzero(unknown.reshape(-1))[0])
        label = int(labels.reshape(-1)[first])
        within = self.classes <= LISTED and labels.min() >= 0 and labels.max() < self.classes
        counting = f"--classes {','.join(map(str, range(self.classes)))} takes labels that count the columns from 0"
        return DataError(
            f"{self.field.where(start + first * len(labels) // labels.size)}: "
            f"the {self.noun} {label} is none of the classes",
            why=f"the classes are named by numbers, {listed(self.names)}, so labels are looked up by name",
            hint=counting if within else f"--ignore-index {label} leaves this label out, if that is what it means",
        )

    def _not_certain(self, name: str) -> DataError:
        return DataError(
            f"{self.field.info.path}: the {self.noun}s are numbers, and whether {name} is the class of that name "
            "or the one at that position is not certain",
            why=f"some of the classes are named by numbers, and others are not: {listed(self.names or ())}",
            hint="--classes NAME,NAME,... names the classes in the order of the predictions",
        )

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
                hint=self._columns_that_name(label)
                or did_you_mean(label, self.names)
                or "--classes NAME,NAME,... names the classes in the order of the predictions",
            )
        return index.reshape(cells.shape)

    def _columns_that_name(self, label: str) -> str:
        """The option that leaves out a column which is no class, and kept the others' prefix from being seen."""
        stems = {name.removesuffix(label) for name in self.names or () if name.endswith(label)} - {""}
        shared = (s for s in stems if s[-1] in SEPARATORS and sum(name.startswith(s) for name in self.names or ()) > 1)
        stem = next(shared, None)
        return f"--pred '{stem}*' takes the columns of the classes alone" if stem else ""

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
        # One pass: without its sign a label below 0 is above all classes.
        within = not index.size or index.view(np.uint64).max() < self.classes
        if within and (self.ignored is None or not 0 <= self.ignored < self.classes):
            return None
        ignored = index == self.ignored if self.ignored is not None else np.zeros(index.shape, np.bool_)
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
        """Indices as the names of their classes, where the classes have names; one that is no class as its digits."""
        if not self.names:
            return index
        table = np.array(self.names, dtype=object)
        known = (index >= 0) & (index < self.classes)
        if self.ignored is not None and not 0 <= self.ignored < self.classes:
            index = np.where(index == self.ignored, np.int64(self.ignore_index or 0), index)
        return table[index] if known.all() else np.where(known, table[np.where(known, index, 0)], index.astype(str))
