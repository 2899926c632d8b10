"""The bare number, for arithmetic in a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from losscli.engine.result import Result


def format_value(result: Result) -> str:
    """The value with all its digits, as Python prints it (`inf`, `-inf`, `nan`), without a line end.

    Under `reduction="none"`: every element, in C order, one a line.
    """
    return "\n".join(repr(float(number)) for number in flatten(result.value))


def flatten(value: float | list[Any]) -> Iterator[float]:
    """The numbers of a nested list in C order; a number alone is its own only element."""
    if isinstance(value, list):
        for item in value:
            yield from flatten(item)
    else:
        yield value
