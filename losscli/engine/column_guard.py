"""Whether the columns that were taken unasked can be what is meant: a column of ids is no prediction.

What the names alone tell is looked at when the columns are known, what only the numbers tell in the
first block of samples.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from losscli.data import align
from losscli.data.columns import as_pattern
from losscli.data.model import Field
from losscli.engine.labels import class_names, order_of_classes
from losscli.engine.scoring import Values, array
from losscli.errors import DataError
from losscli.losses.contracts import Classes, Elementwise
from losscli.wording import listed

if TYPE_CHECKING:
    from losscli.engine.plan import Request

NAMES_ROWS = re.compile(r"(?:.*[_\-. ])?(?i:ids?|idx|index|row|rownum|uid|uuid)|.*[a-z](?:Id|ID|Idx|Index)").fullmatch
"""Names that people give to what numbers the rows."""

FEWEST_COUNTED = 3
"""Fewer whole numbers in a row may be chance."""

FEWEST_DISTINCT = 8
"""Fewer whole numbers, all different, may be chance."""

LONGEST_HINT = 400
"""Nobody copies more letters than this."""

ROWS_LOOKED_AT = 1 << 12
"""So many rows tell what a column holds."""

ROWS_COMPARED = 1 << 16
"""So many rows tell whether two columns are the same."""


class Columns:
    """The first samples of several columns, and which of these hold whole numbers alone."""

    def __init__(self, names: Sequence[str], cells: np.ndarray) -> None:
        self.names = names
        self.cells = cells
        with np.errstate(invalid="ignore"):  # as a signalling NaN would be
            self.whole: np.ndarray = (np.isfinite(cells) & (np.floor(cells) == cells)).all(axis=0)

    def numbering(self, *, counting: bool) -> Iterator[str]:
        """The columns that number the rows: named so or, where `counting` ones are meant, too, plainly doing so."""
        fractions = not self.whole.all()
        for place in np.flatnonzero(self.whole).tolist():
            name, column = self.names[place], self.cells[:, place]
            if NAMES_ROWS(name):
                numbers = fractions or _are_distinct(column)
            else:
                numbers = counting and fractions and _counts(column)
            if numbers:
                yield name


def _counts(column: np.ndarray) -> bool:
    """Whether whole numbers count the rows, or name each of them by a number of its own."""
    if len(column) < FEWEST_COUNTED:
        return False
    in_order = column[0] in (0, 1) and bool((np.diff(column) == 1).all())
    return in_order or (len(column) >= FEWEST_DISTINCT and _are_distinct(column))


def _are_distinct(column: np.ndarray) -> bool:
    return len(column) > 1 and len(np.unique(column)) == len(column)


class ColumnGuard:
    """Refuses columns that a loss would take for predictions or targets and that plainly are neither."""

    def __init__(self, request: Request, predictions: Field, targets: Field | None) -> None:
        self._request = request
        self._predictions = predictions
        self._targets = targets

    def check_names(self) -> None:
        """Refuse what the names of the columns show to be a mistake."""
        if not isinstance(self._request.loss.contract, (Classes, Elementwise)):
            self._refuse_disorder()
        if self._targets is None:
            return
        if self._targets.source is not self._predictions.source:
            self._refuse_targets_among_predictions()
            self._refuse_columns_of_both()
        self._refuse_other_order(self._targets)

    def check_values(self, values: Values) -> None:
        """Refuse what the first samples show to be a mistake."""
        request = self._request
        predictions, targets = self._several("predictions", values), self._several("targets", values)
        if request.pred is None and predictions is not None:
            for name in predictions.numbering(counting=True):
                raise self._ids(self._predictions, name, "--pred")
        if request.target is None and targets is not None and self._targets is not None:
            for name in targets.numbering(counting=False):
                raise self._ids(self._targets, name, "--target")
        if request.pred is None and request.target is None and predictions is not None and targets is not None:
            self._refuse_the_same(predictions, targets)

    def _several(self, role: str, values: Values) -> Columns | None:
        """The first samples of a role's columns, where it has several."""
        field = self._predictions if role == "predictions" else self._targets
        block = values.get(role)
        names = field.info.columns if field is not None else None
        if not names or len(names) < 2 or not isinstance(block, np.ndarray):
            return None
        return Columns(names, block[:ROWS_LOOKED_AT]) if block.ndim == 2 and len(names) == block.shape[1] else None

    def _refuse_the_same(self, predictions: Columns, targets: Columns) -> None:
        """Refuse whole numbers, all different, that are the same on both sides while other columns are not."""
        places = {name: place for place, name in enumerate(targets.names)}
        same = [
            place
            for place, name in enumerate(predictions.names)
            if name in places and np.array_equal(predictions.cells[:, place], targets.cells[:, places[name]])
        ]
        if len(same) == len(predictions.names) or len(predictions.cells) < FEWEST_COUNTED:
            return
        for place in same:
            if predictions.whole[place] and _are_distinct(predictions.cells[:, place]):
                raise self._ids(self._predictions, predictions.names[place], "--pred")

    def _ids(self, field: Field, name: str, option: str) -> DataError:
        """A column that numbers the rows was taken for data."""
        both = self._targets is not None and self._targets.source is not self._predictions.source
        shared = both and name in (self._predictions.source.columns or ()) and self._in_targets(name)
        hint = self._without(field, [name], option)
        return DataError(
            f"{field.info.path}: column {name!r} numbers the rows, and was taken for one of the "
            f"{'predictions' if option == '--pred' else 'targets'}",
            why=f"without {option} all numeric columns are taken: {listed(field.info.columns or ())}",
            hint=f"--id {shlex.quote(name)} joins the rows of both tables by it; {hint} leaves it out"
            if shared
            else hint,
        )

    def _in_targets(self, name: str) -> bool:
        return self._targets is not None and name in (self._targets.source.columns or ())

    def _without(self, field: Field, names: Sequence[str], option: str) -> str:
        """The option that names the columns of a field but these."""
        rest = [column for column in field.info.columns or () if column not in names]
        return _naming(option, as_pattern(rest, field.source.columns or ())) if rest else ""

    def _refuse_targets_among_predictions(self) -> None:
        """Refuse targets from one table where the table of predictions has a column of that name with other values."""
        request, predictions = self._request, self._predictions
        names = [name for name in request.target or () if name in (predictions.source.columns or ())]
        if not names or self._targets is None or set(predictions.info.columns or ()) <= set(names):
            return
        if request.pred is not None and self._says_the_same(names[0]):
            return
        path, other = predictions.info.path, self._targets.info.path
        extension = os.path.splitext(path)[1]  # noqa: PTH122 - also of URIs
        alike = os.path.dirname(path) == os.path.dirname(other) and extension != "" and other.endswith(extension)
        pattern = shlex.quote(os.path.join(os.path.dirname(path), f"*{extension}"))
        raise DataError(
            f"{path} has a column {names[0]!r}, which --target names, and {other} is given as TARGETS",
            why="these may be two parts of one table, of which the shell made two arguments"
            if alike
            else "whether the targets of the one or of the other are meant is not certain",
            hint=(f"in quotes, a pattern is one table: losscli {request.loss.name} {pattern} " if alike else "")
            + f"--target {shlex.quote(names[0])}"
            + (" without TARGETS" if not alike else "; --pred names predictions that go with TARGETS"),
        )

    def _says_the_same(self, name: str) -> bool:
        """Whether the first rows of a column of both tables are the same; joined rows were matched already."""
        predictions, targets = self._predictions.source, self._targets
        if self._request.id is not None or targets is None or targets.info.columns != (name,):
            return True
        if any(origin.local_path is None for origin in (*predictions.origins, *targets.source.origins)):
            return False
        own = predictions.select([name], text=True)
        block = next(align({"own": own, "targets": targets}, ROWS_COMPARED))
        return np.array_equal(array(block.values, "own"), array(block.values, "targets"))

    def _refuse_columns_of_both(self) -> None:
        """Refuse to take some of the columns of one name in both tables, and others of different names."""
        request, targets = self._request, self._targets
        first, second = self._predictions.info.columns or (), (targets.info.columns or ()) if targets else ()
        shared = [name for name in first if name in second]
        if targets is None or not shared or set(first) == set(second):
            return
        if request.pred is not None or request.target is not None or len(first) < 2 or len(second) < 2:
            return
        options = (self._without(self._predictions, shared, "--pred"), self._without(targets, shared, "--target"))
        leaving = " ".join(option for option in options if option)
        joining = f"--id {shlex.quote(shared[0])} joins the rows by it; " if len(shared) == 1 else ""
        raise DataError(
            f"{self._predictions.info.path} and {targets.info.path} both have a column {shared[0]!r}, "
            "and others that differ",
            why="without --pred and --target all numeric columns are taken, and what both tables have is rather an id",
            hint=f"{joining}{leaving} leaves it out",
        )

    def _refuse_other_order(self, targets: Field) -> None:
        """Refuse columns of the same names in another order: they are taken by position."""
        first, second = self._predictions.info.columns or (), targets.info.columns or ()
        if len(first) < 2 or len(first) != len(second) or _spelt_out(self._request.pred, self._request.target):
            return
        names, others = (first, second) if set(first) == set(second) else (class_names(first), class_names(second))
        if names == others or len(set(names)) < len(names) or set(names) != set(others):
            return
        ordered = ",".join(second[others.index(name)] for name in names)
        raise DataError(
            f"the columns of {targets.info.path} stand in another order than those of "
            f"{self._predictions.info.path}: {listed(second, 4)} and {listed(first, 4)}",
            why="a column of the targets belongs to the prediction at its position",
            hint=_naming("--target", ordered),
        )

    def _refuse_disorder(self) -> None:
        """Refuse columns that are numbered, but stand in another order, where targets are positions."""
        columns = self._predictions.info.columns or ()
        order = order_of_classes(class_names(columns)) if len(columns) > 1 else None
        if order is None:
            return
        raise DataError(
            f"{self._predictions.info.path}: the columns stand in another order than the numbers in their names: "
            f"{listed(columns, 4)}",
            why=f"the targets of {self._request.loss.name} count the columns from the left",
            hint=_naming("--pred", ",".join(columns[place] for place in order)),
        )


def _naming(option: str, columns: str) -> str:
    """The option with these columns, unless they are too many to be read."""
    return f"{option} {shlex.quote(columns)}" if len(columns) <= LONGEST_HINT else f"{option} NAME,NAME,..."


def _spelt_out(*options: Sequence[str] | None) -> bool:
    """Whether the user named every column on both sides, and so their order."""
    return all(names is not None and not any(set(name) & set("*?[") for name in names) for names in options)
