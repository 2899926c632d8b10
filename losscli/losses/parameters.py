"""What an option of a loss may be: the annotations that stand at the loss functions.

An annotation is the single place where an option's type and bounds are stated; the command line,
the help, the schema and the checks read them from the function's signature.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeAlias

from losscli.errors import UsageError
from losscli.losses.domains import Domain
from losscli.numerics import Array
from losscli.records import record
from losscli.wording import flag_of


@record
class Number:
    """A number in an interval; `low` and `high` belong to it where they are `closed`."""

    low: float
    high: float = math.inf
    closed: bool = True

    def __str__(self) -> str:
        if not self.closed:
            return f"a finite number above {self.low:g}"
        if math.isinf(self.high):
            return f"a number ≥ {self.low:g}"
        return f"a number from {self.low:g} to {self.high:g}"

    def check(self, option: str, value: Any) -> float:
        """The value as a float, if it is one and lies in the interval."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        inside = self.low <= number <= self.high if self.closed else self.low < number < self.high
        if not inside:
            raise UsageError(f"{option} is {value!r}, but must be {self}")
        return number


@record
class Whole:
    """A whole number."""

    def __str__(self) -> str:
        return "a whole number"

    def check(self, option: str, value: Any) -> int:
        """The value as an int, if it is whole."""
        number = whole_number(value)
        if number is None:
            raise UsageError(f"{option} is {value!r}, but must be {self}")
        if not -(2**63) <= number < 2**63:
            raise UsageError(f"{option} is {value!r}, but whole numbers end at 64 bits here")
        return number


@record
class ClassIndex:
    """A class: its index, or `last`."""

    def __str__(self) -> str:
        return "a class index ≥ 0, or `last`"

    def check(self, option: str, value: Any) -> int | str:
        """The index as an int, or `last`."""
        if value == "last":
            return "last"
        number = whole_number(value)
        if number is None or number < 0:
            raise UsageError(f"{option} is {value!r}, but must be {self}")
        return number


@record
class Flag:
    """Given or not."""

    def __str__(self) -> str:
        return "a flag"

    def check(self, _option: str, value: Any) -> bool:
        """The value as a bool."""
        return bool(value)


@record
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return "one of " + ", ".join(self.words)

    def check(self, option: str, value: Any) -> str:
        """The value, if it is one of the words."""
        if value not in self.words:
            raise UsageError(f"{option} is {value!r}, but must be {self}")
        return str(value)


@record
class Weights:
    """Numbers ≥ 0, finite and not all 0: a list, a file, or (where `scalar`) a single number.

    They run along the class axis, or along the last axis; their number is checked where the shape
    of the predictions is known.
    """

    along: str
    scalar: bool = False

    def __str__(self) -> str:
        lead = "a number, or " if self.scalar else ""
        by_name = ", or NAME:NUMBER,..." if self.named else ""
        return f"{lead}a comma list or a file of numbers ≥ 0, one for each {self.along}{by_name}"

    @property
    def named(self) -> bool:
        """Whether what the weights belong to has names."""
        return self.along == "class"

    def check(self, option: str, value: Any) -> Array | dict[str, float]:
        """The weights as an array, or by name as they are given."""
        if self.named and isinstance(value, Mapping):
            return dict(zip(map(str, value), self.array(option, list(value.values())).tolist(), strict=True))
        return self.array(option, value)

    def array(self, option: str, value: Any) -> Array:
        """The weights as a float64 array of one axis (of none for a single number)."""
        import numpy as np

        weights = np.asarray(value, dtype=np.float64)
        if weights.size == 1 and self.scalar:
            weights = weights.reshape(())
        elif weights.ndim != 1:
            raise UsageError(f"{option} has shape {weights.shape}, but must be {self}")
        bad = np.flatnonzero(~((weights >= 0.0) & np.isfinite(weights)))
        if bad.size:
            raise UsageError(f"{option} holds {weights.reshape(-1)[bad[0]]} at position {bad[0]}, but must be {self}")
        if weights.ndim and not weights.any():
            raise UsageError(f"{option} is all zero", why="a mean over weights of 0 does not exist")
        return weights


@record
class Side:
    """An input beside predictions and targets: a file, a column, or (where `number`) one number for all.

    Its values belong to `domain`, as those of predictions do, unless the option that `floor` names
    raises what is below. From Python it is an array.
    """

    each: Literal["element", "sample", "token"]
    domain: Domain
    number: bool = False
    floor: str = ""

    def __str__(self) -> str:
        lead = "a number, " if self.number else ""
        return f"{lead}a column or a file: one value for each {self.each}"

    def check(self, option: str, value: Any) -> Any:
        """A number is checked here; what else there is, is read and checked with the data."""
        if not self.number or not is_number(value):
            return value
        number = float(value)
        if not math.isfinite(number):
            raise UsageError(f"{option} is {number:g}, but {self.domain.noun} must be finite")
        if not self.domain.holds(number):
            hint = f"--{self.floor} 1e-6 floors what is below" if self.floor else ""
            raise UsageError(f"{option} is {number:g}, but {self.domain.noun} must be {self.domain}", hint=hint)
        return number

    def floored(self, options: Mapping[str, Any]) -> Side:
        """The same without a bound, where the options raise what is below it."""
        return replace(self, domain=Domain(self.domain.noun)) if options.get(self.floor) else self


def is_number(value: Any) -> bool:
    """Whether the value is a number, or text that says one."""
    if getattr(value, "ndim", 0):  # which older versions of NumPy still turn into a number, if it holds one
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def whole_number(value: Any) -> int | None:
    """The whole number that the value is, or that text says; None for anything else."""
    if isinstance(value, bool) or not is_number(value) or not math.isfinite(float(value)):
        return None
    exact = value
    if isinstance(value, str):
        try:
            return int(value)  # of a large whole number, float() is another one
        except ValueError:
            exact = float(value)
    number = int(exact)
    return number if number == exact else None


Kind: TypeAlias = Number | Whole | ClassIndex | Flag | Choice | Weights | Side

VARIANCE = Domain("variances", 0.0, low_closed=False)
DEVIATION = Domain("standard deviations", 0.0, low_closed=False)

Switch = Annotated[bool, Flag()]
NonNegative = Annotated[float, Number(0.0, math.inf)]
Variance: TypeAlias = Annotated[Any, Side("element", VARIANCE, number=True, floor="eps")]
Deviation: TypeAlias = Annotated[Any, Side("element", DEVIATION, number=True, floor="eps")]
Positive = Annotated[float, Number(low=0.0, closed=False)]
Fraction = Annotated[float, Number(0.0, 1.0)]
ClassWeights: TypeAlias = Annotated[Array | None, Weights("class")]
PositiveWeights: TypeAlias = Annotated[Array | float, Weights("position along the last axis", scalar=True)]


@record
class Parameter:
    """One option of a loss: its name, what it may be, its default and its line in the docstring."""

    name: str
    kind: Kind
    default: Any
    help: str
    for_files: Any = None
    """The default for files, where it is another: a program knows what its arrays are, a file is looked at."""

    @property
    def default_for_files(self) -> Any:
        """What holds for files where nothing is said."""
        return self.default if self.for_files is None else self.for_files

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return flag_of(self.name)

    def check(self, value: Any) -> Any:
        """The value in its canonical type, or a UsageError in the one standard form."""
        return value if value is None and self.default is None else self.kind.check(self.option, value)
