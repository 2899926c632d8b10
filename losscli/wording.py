"""How every layer words names that come from files and from the command line, and numbers that have no digits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NONFINITE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
"""The numbers that JSON lacks, by the names that our JSON gives them."""


def nonfinite_name(value: float) -> str:
    """The name of a number that JSON lacks."""
    return next(name for name, number in NONFINITE.items() if number == value or math.isnan(number))


def flag_of(name: str) -> str:
    """How the command line spells an option: "sample_weight" is "--sample-weight"."""
    return "--" + name.replace("_", "-")


def shown(text: str) -> str:
    """A path or a label as it stands, or quoted with escapes where it would move the cursor."""
    return text if text.isprintable() else repr(text)


def listed(names: Sequence[object], limit: int = 8) -> str:
    """The first names, quoted, and how many more there are."""
    first = ", ".join(repr(name) for name in names[:limit])
    return first if len(names) <= limit else f"{first} and {len(names) - limit} more"


def several(count: int, one: str, many: str) -> str:
    """A count with its noun and verb, as in "1 id stands" and "2,000 ids stand"."""
    return f"{count:,} {one if count == 1 else many}"


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """The name that looks most like `name`; several only where they look equally like it."""
    import difflib

    lowered = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)
    likeness = [difflib.SequenceMatcher(None, match, name.lower()).ratio() for match in close]
    return [lowered[match] for match, found in zip(close, likeness, strict=True) if found == likeness[0]]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A hint with the nearest names, empty where nothing is near."""
    close = nearest(name, names)
    return f"did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
