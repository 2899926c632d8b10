"""An inspection as tables, and as JSON in the layout of `inspection_schema.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from losscli.report.bars import bin_names, draw_bars
from losscli.report.json_report import portable
from losscli.report.page import COMMAND, Column, Page
from losscli.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.engine.diagnosis import Diagnosis, Finding
    from losscli.engine.inspection import Inspection
    from losscli.engine.portrait import ClassCounts, ColumnPortrait, Memory, Numbers, Portrait, RowSums
    from losscli.engine.result import Extreme

INSPECTION_SCHEMA_ID = "losscli/inspection/1"

CLASSES_SHOWN = 12
"""Of more classes, only the most frequent are shown."""

COLUMNS_SHOWN = 40

HEIGHTS = "▁▂▃▄▅▆▇█"

LEVELS = {"fault": "bold red", "doubt": "bold yellow", "note": "cyan"}

VERDICTS = {
    "ready": ("nothing is wrong", "bold green"),
    "doubtful": ("can be scored, but there is a doubt", "bold yellow"),
    "fixable": ("cannot be scored rightly as they are, but so:", "bold red"),
    "stuck": ("no command would work as they are", "bold red"),
}


def inspection_to_json(found: Inspection) -> dict[str, Any]:
    """The inspection as plain dicts, lists, strings and finite numbers, in the order of the schema."""
    files = [portable(portrait) for portrait in found.files]
    return {"schema": INSPECTION_SCHEMA_ID, "files": files, "diagnosis": portable(found.diagnosis)}


def draw_inspection(page: Page, found: Inspection) -> None:
    """Everything that a page tells of an inspection."""
    for number, portrait in enumerate(found.files):
        if number:
            page.line()
        _draw_portrait(page, portrait)
    if found.diagnosis is not None:
        page.line()
        _draw_diagnosis(page, found.diagnosis)


def _draw_portrait(page: Page, portrait: Portrait) -> None:
    page.line(f"{printable(portrait.path)}: {_what(portrait)}", "bold")
    page.pairs([(label, printable(content)) for label, content in _facts(portrait)])
    if portrait.columns is not None and len(portrait.columns) > 1:
        page.line()
        _draw_columns(page, portrait.columns)
    shown, classes, numbers = _distribution(portrait)
    if classes is not None and not (numbers is not None and classes.distinct > numbers.count // 2 > 50):
        _draw_classes(page, classes)
    elif numbers is not None and numbers.bins:
        page.line()
        page.line(f"histogram of {shown}", "bold")
        draw_bars(page, bin_names(numbers.edges), numbers.bins)
    others = [
        column for column in portrait.columns or () if column.classes is not None and len(portrait.columns or ()) > 1
    ]
    for column in others:
        if column.classes is not None and column.classes.distinct <= 2 * CLASSES_SHOWN:
            _draw_classes(page, column.classes, column.name)


def _distribution(portrait: Portrait) -> tuple[str, ClassCounts | None, Numbers | None]:
    """What is drawn: the array, the columns taken together, or the only column."""
    columns = portrait.columns
    if columns is not None and len(columns) == 1:
        return f"column {columns[0].name!r}", columns[0].classes, columns[0].numbers
    names = portrait.scores
    shown = "the values" if names is None else f"the values of {_ends(names)}"
    return printable(shown), portrait.classes if columns is None else None, portrait.numbers


def _what(portrait: Portrait) -> str:
    columns = portrait.columns
    if columns is None:
        return f"{portrait.format}, shape {portrait.shape}, {portrait.dtype}"
    rows = f"{portrait.shape[0]:,} rows"
    if len(columns) == 1:
        return printable(f"{portrait.format}, {rows}, column {columns[0].name!r} ({columns[0].type})")
    return f"{portrait.format}, {rows} of {len(columns)} columns"


def _facts(portrait: Portrait) -> Iterator[tuple[str, str]]:
    """Label and content of every line about a file."""
    if portrait.scores is not None and portrait.columns is not None and len(portrait.columns) > 1:
        yield "taken together", f"{len(portrait.scores)} columns: {_ends(portrait.scores)}"
    if portrait.rows is not None:
        yield from _row_facts(portrait.rows)
    columns = portrait.columns
    numbers = columns[0].numbers if columns is not None and len(columns) == 1 else portrait.numbers
    if numbers is not None:
        yield from _number_facts(numbers)
    yield from _memory_facts(portrait.memory)
    for note in portrait.notes:
        yield "note", note


def _row_facts(rows: RowSums) -> Iterator[tuple[str, str]]:
    yield "kind", f"{rows.kind or 'not certain'} ({rows.evidence})"
    if rows.sums is not None:
        low, high = rows.sums
        worst = max(rows.sums, key=lambda extreme: abs(extreme.value - 1.0))
        worst_row = (
            f"; row {worst.sample} is furthest from 1, by {abs(worst.value - 1.0):.2g}"
            if rows.kind != "logits" and not rows.masses
            else ""
        )
        yield "row sums", f"{_at(low)} to {_at(high)}{worst_row}"
    if rows.masses is not None:
        low, high = rows.masses
        yield "sums of exp", f"{_at(low)} to {_at(high)}"
    if rows.axis != 1 or rows.with_nan:
        yield "rows", f"{rows.count:,} along axis {rows.axis}, {rows.with_nan:,} of them with NaN"


def _number_facts(numbers: Numbers) -> Iterator[tuple[str, str]]:
    yield (
        "values",
        f"{numbers.count:,}: {numbers.zeros:,} zero, {numbers.below_zero:,} below 0, {numbers.above_one:,} above 1",
    )
    yield "non-finite", _nonfinite(numbers)
    if numbers.min is not None and numbers.max is not None:
        yield "range", f"{_at(numbers.min)} to {_at(numbers.max)}"
        spread = "" if numbers.std is None else f", std {_short(numbers.std)}"
        yield "mean", f"{_short(numbers.mean)}{spread}"


def _nonfinite(numbers: Numbers) -> str:
    sorts = (
        ("nan", "NaN", numbers.nan),
        ("positive_infinity", "inf", numbers.positive_infinity),
        ("negative_infinity", "-inf", numbers.negative_infinity),
    )
    told = [
        f"{count:,} {name} (first rows: {', '.join(map(str, numbers.first_rows[key]))})"
        for key, name, count in sorts
        if count
    ]
    return ", ".join(told) or "none"


def _memory_facts(memory: Memory) -> Iterator[tuple[str, str]]:
    disk = "" if memory.on_disk is None else f"{_size(memory.on_disk)} on disk, "
    blocks = "1 block" if memory.blocks == 1 else f"{memory.blocks:,} blocks of {memory.block_rows:,} rows"
    yield "size", f"{disk}{_size(memory.as_float64)} as float64; scored in {blocks} ({_size(memory.block)})"


def _draw_columns(page: Page, columns: Sequence[ColumnPortrait]) -> None:
    shown = list(columns[:COLUMNS_SHOWN])
    table = [
        Column("column", [printable(column.name) for column in shown], right=False),
        Column("type", [column.type for column in shown], right=False),
        Column("NaN", [_count_of(column.numbers, "nan") for column in shown], right=True),
        Column("inf", [_infinities(column.numbers) for column in shown], right=True),
        Column("min", [_end(column.numbers, "min") for column in shown], right=True),
        Column("mean", [_short(column.numbers.mean) if column.numbers else "" for column in shown], right=True),
        Column("max", [_end(column.numbers, "max") for column in shown], right=True),
        Column("std", [_short(column.numbers.std) if column.numbers else "" for column in shown], right=True),
        Column("distinct", [f"{column.classes.distinct:,}" if column.classes else "" for column in shown], right=True),
        Column("histogram", [_sparkline(column) for column in shown], right=False),
    ]
    for least in ("std", "inf", "distinct", "mean", "histogram"):
        if page.fits(table):
            break
        table = [column for column in table if column.name != least]
    page.table(table)
    if len(columns) > len(shown):
        page.line(f"and {len(columns) - len(shown):,} more columns (--json lists all)", "dim")
    for column in columns:
        if column.note is not None:
            page.line(printable(f"{column.name!r} is not read: {column.note}"), "yellow")


def _draw_classes(page: Page, classes: ClassCounts, column: str | None = None) -> None:
    of = "" if column is None else printable(f" of {column!r}")
    listed = list(classes.counts)
    title = f"{classes.distinct:,} distinct {'value' if classes.distinct == 1 else 'values'}{of}"
    if classes.distinct > CLASSES_SHOWN:
        listed = sorted(listed, key=lambda each: -each.count)[:CLASSES_SHOWN]
        title += f", the {CLASSES_SHOWN} most frequent of them"
        if len(classes.counts) == classes.distinct:
            title += f" (the rarest: {min(each.count for each in classes.counts):,})"
    page.line()
    page.line(title, "bold")
    draw_bars(page, [printable(str(each.label)) for each in listed], [each.count for each in listed])


def _sparkline(column: ColumnPortrait) -> str:
    """A letter as high as the count of each class, where there are few, or of each bin."""
    counts = [] if column.numbers is None else column.numbers.bins
    if column.classes is not None and column.classes.distinct <= CLASSES_SHOWN:
        counts = [each.count for each in column.classes.counts]
    most = max(counts, default=0)
    return "".join(HEIGHTS[min(7, -(-count * 8 // most) - 1)] if count else "·" for count in counts)


def _draw_diagnosis(page: Page, diagnosis: Diagnosis) -> None:
    verdict, style = VERDICTS[diagnosis.verdict]
    page.spans([("together: ", "bold"), (verdict, style)])
    for finding in diagnosis.findings:
        _draw_finding(page, finding)
    if diagnosis.order is not None and diagnosis.order.verdict == "aligned":
        order = diagnosis.order
        told = f"{order.rows:,} rows cost {order.as_given:.4g} on average as they stand"
        page.line()
        page.pairs([("order", f"{told}, {order.permuted:.4g} in a random order")])
    if not diagnosis.suggestions:
        return
    page.line()
    page.line("first" if diagnosis.steps else "to run", "bold")
    for step in diagnosis.steps:
        page.line(f"  {step}", COMMAND)
    if diagnosis.steps:
        page.line("then", "bold")
    for suggestion in diagnosis.suggestions:
        page.line(f"  {suggestion.command}", COMMAND)
        page.line(f"      {printable(suggestion.why)}", "dim")


def _draw_finding(page: Page, finding: Finding) -> None:
    page.line()
    page.spans([(f"{finding.level}: ", LEVELS[finding.level]), (finding.name, "bold")])
    told = [("what", finding.problem), ("why", finding.cause), ("so", finding.fix)]
    page.pairs([(label, printable(content)) for label, content in told if content])
    if finding.counts:
        draw_bars(page, [printable(name) for name in finding.counts], list(finding.counts.values()), shares=False)


def _count_of(numbers: Numbers | None, name: str) -> str:
    return "" if numbers is None else f"{getattr(numbers, name):,}"


def _infinities(numbers: Numbers | None) -> str:
    return "" if numbers is None else f"{numbers.positive_infinity + numbers.negative_infinity:,}"


def _end(numbers: Numbers | None, name: str) -> str:
    extreme: Extreme | None = getattr(numbers, name, None)
    return "" if extreme is None else _short(extreme.value)


def _at(extreme: Extreme) -> str:
    return f"{_short(extreme.value, 9)} (row {extreme.sample})"


def _short(number: float | None, digits: int = 6) -> str:
    return "" if number is None else f"{number:.{digits}g}"


def _size(size: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"


def _ends(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) <= 4 else [*names[:3], "...", names[-1]])
