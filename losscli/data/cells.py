"""What stands in the cell of a text table: a number, a missing value, a number written otherwise, text."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

CellKind = Literal["number", "missing", "unreadable number", "boolean", "text"]

LARGEST_SURE_INTEGER = 2.0**53
"""Up to here float64 holds every whole number."""

_MISSING = {"", "na", "n/a", "#n/a", "<na>", "null", "none", "nil", "-", "?"}
_BOOLEANS = {"true", "false", "True", "False", "TRUE", "FALSE"}
_SHOWN = 60

_NUMBER = r"[+-]?(?:(?:\d+{point}?\d*|{point}\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity|nan))"
_NUMBERS: dict[str, Callable[[str], object]] = {
    ".": re.compile(_NUMBER.replace("{point}", r"\."), re.ASCII).fullmatch,
    ",": re.compile(_NUMBER.replace("{point}", ","), re.ASCII).fullmatch,
}
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([ ,.'_\u00a0\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d+)?").fullmatch
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII).fullmatch


@dataclass(frozen=True)
class Fault:
    """What is wrong with a cell, why, and what to do."""

    problem: str
    why: str
    hint: str


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether the cell is a number, written with this decimal sign."""
    return _NUMBERS[decimal](cell.strip(" \t")) is not None


def is_whole(cell: str) -> bool:
    """Whether the cell is written as a whole number: digits and a sign."""
    return _WHOLE(cell.strip(" \t")) is not None


def kind_of(cell: str, decimal: str = ".") -> CellKind:
    """What the cell holds under this decimal sign."""
    if is_number(cell, decimal):
        return "number"
    stripped = cell.strip()
    if stripped.lower() in _MISSING:
        return "missing"
    if stripped in _BOOLEANS:
        return "boolean"
    if is_number(stripped, decimal) or is_number(stripped, _other(decimal)) or _GROUPED(stripped):
        return "unreadable number"
    return "text"


def quoted(cell: str) -> str:
    """The cell as a message shows it: in quotes, control characters escaped, not too long."""
    return repr(cell) if len(cell) <= _SHOWN else f"{cell[:_SHOWN]!r}..."


def fault_of_number(cell: str, decimal: str = ".") -> Fault | None:
    """What is wrong with a cell that should be a number; None if it is one that float64 can hold."""
    kind = kind_of(cell, decimal)
    if kind == "number":
        return _fault_of_size(cell, decimal)
    if kind == "missing":
        problem = f"{quoted(cell)} is a missing value" if cell.strip() else "the cell is empty"
        return Fault(problem, "a missing value has no loss", "drop the row, or write nan and use --on-nan")
    problem = f"{quoted(cell)} is not a number"
    if kind == "unreadable number":
        return Fault(problem, *_other_notation(cell.strip(), decimal))
    return Fault(
        problem,
        "most cells of the column are numbers",
        "correct the cell, or name other columns with --pred and --target",
    )


def fault_of_whole_number(digits: str) -> Fault | None:
    """What is wrong with a whole number that float64 would round."""
    # More than 310 digits are beyond float64 anyway, and Python refuses to convert thousands of them.
    if len(digits) > 310 or float(digits) in (math.inf, -math.inf):
        return fault_of_overflow(digits)
    number = int(digits)
    if int(float(number)) == number:
        return None
    return Fault(
        f"{quoted(digits)} is a whole number that float64 cannot hold",
        "above 2^53 the whole numbers have gaps: it would be changed",
        "write it with a decimal point if rounding does no harm; an id needs a letter in it",
    )


def fault_of_overflow(number: str) -> Fault:
    """What is wrong with a number that float64 would turn into infinity."""
    return Fault(
        f"{quoted(number)} is too large for float64",
        "float64 ends at about 1.8e308",
        "write inf if infinity is meant",
    )


def _fault_of_size(cell: str, decimal: str) -> Fault | None:
    digits = cell.strip(" \t").replace(decimal, ".")
    if is_whole(digits):
        return fault_of_whole_number(digits)
    if math.isinf(float(digits)) and any(letter.isdigit() for letter in digits):
        return fault_of_overflow(cell)
    return None


def _other_notation(cell: str, decimal: str) -> tuple[str, str]:
    """Why a number is not written as this decimal sign demands, and what to do."""
    if is_number(cell, decimal):
        return "unusual blanks or line ends stand around it", "write it without them"
    grouped = _GROUPED(cell) is not None
    if not is_number(cell, _other(decimal)):
        return "it has thousands separators", "write the numbers without separators"
    if decimal == ",":
        return "it has a decimal point, and --decimal , was given", "leave out --decimal"
    if grouped:
        return (
            "its comma is a decimal comma, or separates thousands",
            "--decimal , if it is a decimal comma; else write the numbers without separators",
        )
    return "it has a decimal comma", "--decimal ,"


def _other(decimal: str) -> str:
    return "," if decimal == "." else "."
