"""The ways to measure a row: always both sides in turn, so that a busy moment of the machine meets both."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Literal, NamedTuple

from files import File
from processes import Command, FailedError, peak_megabytes, run, served

SAME = 0.01
"""How far the values of both sides may be apart: float32 sums of millions of values are."""

Method = Literal["process", "in process", "net of start-up", "memory"]


@dataclass(frozen=True)
class Bar:
    """What a figure must reach: `at_least` or `at_most`."""

    sign: Literal["≥", "≤"]
    limit: float

    def met(self, figure: float) -> bool:
        """Whether the figure is on the right side."""
        return figure >= self.limit if self.sign == "≥" else figure <= self.limit


def at_least(limit: float) -> Bar:
    """How many times faster than the peer."""
    return Bar("≥", limit)


def at_most(limit: float) -> Bar:
    """How much of the peer's time, or how many megabytes."""
    return Bar("≤", limit)


@dataclass(frozen=True)
class Row:
    """A line of the table: two commands, how they are measured, and the bar.

    The figure is peer / losscli where the bar is a least, losscli / peer where it is a most, and the
    memory of losscli where there is no peer. `idle` are both sides with next to no data: what they
    take is subtracted.
    """

    group: str
    what: str
    method: Method
    ours: Command
    bar: Bar | None
    peer: str = ""
    theirs: Command | None = None
    idle: tuple[Command, Command] | None = None
    same_value: bool = True
    runs: int = 5

    @property
    def commands(self) -> list[Command]:
        """All that it runs."""
        return [self.ours, *([self.theirs] if self.theirs else []), *(self.idle or ())]

    @property
    def files(self) -> set[File]:
        """All that it reads."""
        return {file for command in self.commands for file in command.files}


class Measured(NamedTuple):
    """Medians of both sides, in seconds or megabytes, and the figure with its least and greatest run."""

    ours: float
    theirs: float | None
    figure: float
    least: float
    greatest: float
    runs: int


def measure(row: Row, *, once: bool = False) -> Measured:
    """Make the files, warm both sides up, and measure."""
    for file in row.files:
        file.make()
    runs = 1 if once else row.runs
    if row.theirs is None:
        peaks = [peak_megabytes(row.ours) for _ in range(runs)]
        return Measured(median(peaks), None, max(peaks), min(peaks), max(peaks), runs)
    if row.method == "in process":
        with ExitStack() as stack:
            sides = [stack.enter_context(served(command)).ask for command in (row.ours, row.theirs)]
            return _paired(row, sides, runs)
    return _paired(row, [lambda command=command: run(command) for command in row.commands], runs)


def _paired(row: Row, sides: list[Callable[[], tuple[float, float]]], runs: int) -> Measured:
    """Each side in turn, `runs` times, after a first turn that is not counted."""
    values = [side()[1] for side in sides]
    if row.same_value and not math.isclose(values[0], values[1], rel_tol=SAME):
        raise FailedError(f"losscli says {values[0]}, {row.peer} says {values[1]}")
    turns = [[side()[0] for side in sides] for _ in range(runs)]
    ours, theirs, *idle = zip(*turns, strict=True)
    if idle:
        ours, theirs = ([t - median(i) for t in times] for times, i in zip((ours, theirs), idle, strict=True))
    faster = row.bar is not None and row.bar.sign == "≥"
    ratios = [b / a if faster else a / b for a, b in zip(ours, theirs, strict=True)]
    return Measured(median(ours), median(theirs), median(ratios), min(ratios), max(ratios), runs)
