"""A result for human eyes: what was computed, from what, and the first and the worst samples.

On a terminal the tables have rules and a little colour. Elsewhere they are plain aligned text. In
neither is a number ever cut or wrapped: what does not fit is printed with fewer digits on a terminal
(and says so), and as wide as it must be anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from losscli.report.page import Column, Page
from losscli.report.printable import printable
from losscli.report.value import flatten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from losscli.engine.result import Check, InputRecord, Limit, Result, Samples

_LISTED = 4
"""The most items of a list that the summary spells out."""

_SHORT_DIGITS = 10
"""The significant digits of a per-sample table that is too wide for the terminal."""


def draw_result(page: Page, result: Result) -> None:
    """Everything that a page tells of a result, from its title to its signature."""
    page.line(printable(_title(result)), "bold")
    page.pairs([(printable(label), printable(content)) for label, content in _summary(result)])
    if result.first is not None and len(result.first):
        draw_rows(page, _first_title(result.first, result.counts.samples), result.first.columns)
    if result.top is not None and len(result.top):
        draw_rows(page, f"worst {len(result.top):,} of {result.counts.samples:,} samples", result.top.columns)
    if result.groups is not None or result.histogram is not None or result.baselines is not None:
        _draw_where(page, result)
    if result.check is not None:
        _draw_check(page, result.check)
    if result.work is not None:
        from losscli.report.work_report import draw_work

        draw_work(page, result, result.work)
    page.line()
    page.line(printable(result.signature), "dim")


def _draw_where(page: Page, result: Result) -> None:
    from losscli.report.where_report import draw_baselines, draw_groups, draw_histogram

    if result.groups is not None:
        draw_groups(page, result.groups)
    if result.histogram is not None:
        draw_histogram(page, result.histogram)
    if result.baselines is not None:
        draw_baselines(page, result.baselines)


def draw_rows(page: Page, title: str, rows: Mapping[str, np.ndarray]) -> None:
    """A table of named columns under its title, in all digits if they fit."""
    columns = _columns(rows)
    if not page.fits(columns):
        columns = _columns(rows, _SHORT_DIGITS)
        title += f", to {_SHORT_DIGITS} digits (all digits: --format csv)"
    page.line()
    page.line(title, "bold")
    page.table(columns)


def _draw_check(page: Page, check: Check) -> None:
    verdict, style = ("passed", "bold green") if check.passed else ("FAILED", "bold red")
    page.line()
    page.line(f"check {verdict}", style)
    for gate in check.gates:
        for line in _gate(gate):
            page.line(printable(line), "" if gate.passed else "red")


def _title(result: Result) -> str:
    if isinstance(result.value, list):
        elements = sum(1 for _ in flatten(result.value))
        return f"{result.loss}: {elements} elements, not reduced"
    unit = f" {result.unit}" if result.unit else ""
    return f"{result.loss} = {_number(result.value)}{unit} ({result.reduction})"


def _first_title(first: Samples, samples: int) -> str:
    return f"all {samples:,} samples" if len(first) == samples else f"first {len(first):,} of {samples:,} samples"


def _summary(result: Result) -> Iterator[tuple[str, str]]:
    """Label and content of every line of the summary, in order."""
    yield "reduction", _reduction(result)
    for name, value in result.reductions.items():
        if name != result.reduction:
            yield name, _number(value)
    counts = result.counts
    yield "samples", f"{counts.samples:,} read, {counts.skipped:,} skipped"
    yield (
        "elements",
        f"{counts.elements:,}: {counts.scored:,} scored, {counts.ignored:,} ignored, {counts.nonfinite:,} non-finite",
    )
    yield from _spread(result)
    for role, record in result.inputs.items():
        yield role, _input(record)
        if record.kind is not None:
            yield "", f"{record.kind} ({record.evidence})" if record.evidence else record.kind
    if result.objective is not None:
        yield from _objective(result.objective)
    for name, value in result.extra.items():
        yield name, _inline(value)


def _reduction(result: Result) -> str:
    division = f"{_number(result.numerator)} / {_number(result.denominator)}"
    if result.reduction == "mean":
        return f"mean = {division}"
    return f"{result.reduction}, not divided; the mean is {division}"


def _objective(objective: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The cost, each penalty and their sum, on lines of their own."""
    yield "cost", _number(objective["cost"])
    for name, norm in (("l1", "sum_of_absolute_values"), ("l2", "sum_of_squares")):
        penalty = objective.get(name)
        if penalty is None:
            continue
        half = "½ · " if penalty.get("factor") == 0.5 else ""
        product = f"{half}{_number(penalty['lambda'])} · {_number(penalty[norm])}"
        yield f"{name} penalty", f"{_number(penalty['penalty'])} = {product}"
    yield "objective", f"{_number(objective['value'])} (of {objective['parameters']:,} parameters)"


def _spread(result: Result) -> Iterator[tuple[str, str]]:
    statistics = result.statistics
    if statistics is None:
        return
    yield "min", f"{_number(statistics.min.value)} at sample {statistics.min.sample}"
    if statistics.median is not None:
        yield "median", _number(statistics.median)
    yield "max", f"{_number(statistics.max.value)} at sample {statistics.max.sample}"
    if statistics.worst_percent is not None:
        yield "worst 1 %", f"{100.0 * statistics.worst_percent:.4g} % of the total loss"
    if statistics.std is not None:
        yield "std", _number(statistics.std)
    if statistics.standard_error is not None:
        yield "standard error", f"{_number(statistics.standard_error)} of the mean"


def _input(record: InputRecord) -> str:
    columns = ""
    if record.columns is not None:
        columns = f", columns {', '.join(_ends(record.columns, _LISTED))}"
    return f"{record.path} ({record.format}, shape {record.shape}, {record.dtype}{columns})"


def _gate(gate: Limit) -> Iterator[str]:
    """The verdict on one limit, and what would have been the tightest one."""
    within = f" within {_inline(gate.tolerance)}" if gate.tolerance else ""
    yield f"  {gate.name} {_number(gate.limit)}{within}: {'passed' if gate.passed else 'failed'}"
    if gate.needed:
        needed = " or ".join(f"{name}={_number(value)}" for name, value in gate.needed.items())
        yield f"    would just pass with {needed}"


def _inline(value: Any) -> str:
    """A value on one line: `name=value, ...` for a mapping, the ends of a long list."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_inline(item)}" for name, item in value.items() if item is not None)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        items = _ends(list(map(_inline, value)), _LISTED)
        return f"[{', '.join(items)}]"
    return _number(value)


def _ends(items: Sequence[str], most: int) -> Sequence[str]:
    """All items if there are few, else the first ones and the last."""
    return items if len(items) <= most else [*items[: most - 1], "...", items[-1]]


def _number(value: Any, digits: int | None = None) -> str:
    if not isinstance(value, float):
        return str(value)
    return repr(float(value)) if digits is None else f"{value:.{digits}g}"


def _columns(rows: Mapping[str, np.ndarray], digits: int | None = None) -> list[Column]:
    return [_column(name, values, digits) for name, values in rows.items()]


def _column(name: str, values: np.ndarray, digits: int | None) -> Column:
    cells = [printable(_number(value, digits)) for value in values.tolist()]
    if values.dtype.kind == "f":
        cells = _point_aligned(cells)
    return Column(printable(name), cells, right=values.dtype.kind in "iu")


def _point_aligned(numbers: list[str]) -> list[str]:
    """The numbers with blanks before them, so that their decimal points stand in one column."""
    whole = [len(number.partition(".")[0]) for number in numbers]
    widest = max(whole)
    return [" " * (widest - length) + number for length, number in zip(whole, numbers, strict=True)]
