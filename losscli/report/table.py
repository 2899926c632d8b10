"""A result for human eyes: what was computed, from what, and the first and the worst samples.

On a terminal the tables have rules and a little colour. Elsewhere they are plain aligned text. In
neither is a number ever cut or wrapped: what does not fit is printed with fewer digits on a terminal
(and says so), and as wide as it must be anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import TYPE_CHECKING, Any

from losscli.report.printable import printable
from losscli.report.value import flatten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from losscli.engine.result import Check, Gate, InputRecord, Result, Samples

_UNBOUNDED = 1_000_000
"""A width that no line reaches."""

_SHORT_DIGITS = 10
"""The significant digits of a per-sample table that is too wide for the terminal."""


def render_table(result: Result, *, width: int | None, color: bool, tty: bool) -> str:
    """The tables as text that ends with a line end.

    Args:
        result: What to show.
        width: The columns of the terminal, 80 if None; without meaning off a terminal.
        color: Whether escape sequences may be written; without it there is none.
        tty: Whether to draw for a terminal, with rules and within its width.
    """
    screen = _Screen((width or 80) if tty else _UNBOUNDED, color=color, ruled=tty)
    screen.line(_title(result), "bold")
    screen.pairs(_summary(result))
    if result.first is not None and len(result.first):
        screen.samples(_first_title(result.first, result.counts.samples), result.first)
    if result.top is not None and len(result.top):
        screen.samples(f"worst {len(result.top)} of {result.counts.samples} samples", result.top)
    if result.check is not None:
        screen.check(result.check)
    screen.gap()
    screen.line(result.signature, "dim")
    return screen.text()


def _title(result: Result) -> str:
    if isinstance(result.value, list):
        elements = sum(1 for _ in flatten(result.value))
        return f"{result.loss}: {elements} elements, not reduced"
    unit = f" {result.unit}" if result.unit else ""
    return f"{result.loss} = {_number(result.value)}{unit} ({result.reduction})"


def _first_title(first: Samples, samples: int) -> str:
    return f"all {samples} samples" if len(first) == samples else f"first {len(first)} of {samples} samples"


def _summary(result: Result) -> Iterator[tuple[str, str]]:
    """Label and content of every line of the summary, in order."""
    yield "reduction", _reduction(result)
    for name, value in sorted(result.reductions.items(), reverse=True):
        yield name, _number(value)
    counts = result.counts
    yield "samples", f"{counts.samples} read, {counts.skipped} skipped"
    yield (
        "elements",
        f"{counts.elements}: {counts.scored} scored, {counts.ignored} ignored, {counts.nonfinite} non-finite",
    )
    yield from _spread(result)
    for role, record in result.inputs.items():
        yield role, _input(record)
        if record.kind is not None:
            yield "kind", f"{record.kind} ({record.evidence})" if record.evidence else record.kind
    if result.options:
        yield "options", _inline(result.options)
    yield "convention", result.convention
    if result.objective is not None:
        yield "objective", _inline(result.objective)
    for name, value in result.extra.items():
        yield name, _inline(value)


def _reduction(result: Result) -> str:
    division = f"{_number(result.numerator)} / {_number(result.denominator)}"
    if result.reduction == "mean":
        return f"mean = {division}"
    return f"{result.reduction}, not divided; the mean is {division}"


def _spread(result: Result) -> Iterator[tuple[str, str]]:
    statistics = result.statistics
    if statistics is None:
        return
    yield "min", f"{_number(statistics.min.value)} at sample {statistics.min.sample}"
    if statistics.median is not None:
        yield "median", _number(statistics.median)
    yield "max", f"{_number(statistics.max.value)} at sample {statistics.max.sample}"
    if statistics.std is not None:
        yield "std", _number(statistics.std)
    if statistics.standard_error is not None:
        yield "standard error", f"{_number(statistics.standard_error)} of the mean"


def _input(record: InputRecord) -> str:
    columns = ""
    if record.columns is not None:
        names = record.columns
        shown = names if len(names) <= 4 else (*names[:2], "...", names[-1])
        columns = f", columns {', '.join(shown)}"
    return f"{record.path} ({record.format}, shape {record.shape}, {record.dtype}{columns})"


def _gate(gate: Gate) -> str:
    limit = f"{gate.name} {_number(gate.limit)}"
    if gate.tolerance:
        limit += f" within {_inline(gate.tolerance)}"
    verdict = "passed" if gate.passed else "failed"
    needed = " or ".join(f"{name}={_number(value)}" for name, value in gate.needed.items())
    return f"{limit}: {verdict}; would just pass with {needed}" if needed else f"{limit}: {verdict}"


def _inline(value: Any) -> str:
    """A value on one line: `name=value, ...` for a mapping, every digit of a number."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_inline(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_inline(item) for item in value)}]"
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: Any, digits: int | None = None) -> str:
    if not isinstance(value, float):
        return str(value)
    return repr(float(value)) if digits is None else f"{value:.{digits}g}"


class _Screen:
    """The one place that draws. What it is given is text, never markup."""

    def __init__(self, width: int, *, color: bool, ruled: bool) -> None:
        from rich.console import Console

        self._buffer = StringIO()
        self._width = width
        self._ruled = ruled
        self._console: Console = Console(
            file=self._buffer,
            width=_UNBOUNDED,
            height=100,
            color_system="standard" if color else None,
            force_terminal=color,
            force_jupyter=False,
            no_color=False,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )

    def text(self) -> str:
        """All that was drawn, without blanks at the ends of lines."""
        return "".join(line.rstrip() + "\n" for line in self._buffer.getvalue().splitlines())

    def gap(self) -> None:
        """An empty line."""
        self._console.print()

    def line(self, text: str, style: str = "") -> None:
        """A line of its own, which a terminal may wrap but we do not."""
        self._console.print(self._cell(text, style))

    def pairs(self, pairs: Iterator[tuple[str, str]]) -> None:
        """Labels and what they say, in two aligned columns."""
        from rich.table import Table

        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for label, content in pairs:
            grid.add_row(self._cell("  " + label, "cyan"), self._cell(content))
        self._console.print(grid, width=self._width)

    def samples(self, title: str, samples: Samples) -> None:
        """A table of samples under its title, in all digits if they fit."""
        table = self._sample_table(samples, None)
        if self._console.measure(table).maximum > self._width:
            table = self._sample_table(samples, _SHORT_DIGITS)
            title += f", to {_SHORT_DIGITS} digits (all digits: --format csv)"
        self.gap()
        self.line(title, "bold")
        self._console.print(table)

    def check(self, check: Check) -> None:
        """The verdict, and each gate."""
        self.gap()
        verdict, style = ("passed", "bold green") if check.passed else ("FAILED", "bold red")
        self.line(f"check {verdict}", style)
        for gate in check.gates:
            self.line("  " + _gate(gate), "" if gate.passed else "red")

    def _cell(self, text: str, style: str = "") -> Text:
        from rich.text import Text

        return Text(printable(text), style=style)

    def _sample_table(self, samples: Samples, digits: int | None) -> Table:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(
            box=SIMPLE_HEAD if self._ruled else None,
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 0) if self._ruled else (0, 2, 0, 0),
            header_style="bold",
        )
        columns = []
        for name, values in samples.columns.items():
            table.add_column(self._cell(name), justify="right" if values.dtype.kind in "iu" else "left")
            cells = [_number(value, digits) for value in values.tolist()]
            columns.append(_point_aligned(cells) if values.dtype.kind == "f" else cells)
        for row in zip(*columns, strict=True):
            table.add_row(*map(self._cell, row))
        return table


def _point_aligned(numbers: list[str]) -> list[str]:
    """The numbers with blanks before them, so that their decimal points stand in one column."""
    whole = [len(number.partition(".")[0]) for number in numbers]
    return [" " * (max(whole) - length) + number for length, number in zip(whole, numbers, strict=True)]
