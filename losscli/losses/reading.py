"""How a loss has long predictions read: run by run, by whoever knows how best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

Reading = TypeVar("Reading")


class Span(NamedTuple):
    """A run of frames that are read together."""

    start: int
    stop: int
    running: int
    """How many utterances have not ended before it: the first ones, where the longest come first."""


class InOrder(Protocol):
    """Applies a function to spans, in order, as `map` does, but maybe ahead and on several threads.

    Up to `together` readings may be kept at a time: more would take too much memory.
    """

    def __call__(self, read: Callable[[Span], Reading], spans: Sequence[Span], together: int) -> Iterable[Reading]:
        """What `read` makes of each span."""


def one_by_one(read: Callable[[Span], Reading], spans: Sequence[Span], together: int) -> Iterable[Reading]:  # noqa: ARG001 - the protocol's
    """Read each span when it is asked for."""
    return map(read, spans)
