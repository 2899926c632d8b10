"""What was measured as a table, for a terminal and for a page alike, and as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from machine import machine, versions
from measuring import Measured, Row

HEADINGS = ("what", "how", "losscli", "peer", "ratio", "spread", "bar", "met")


@dataclass(frozen=True)
class Line:
    """A row of the table in words, as it is kept in the JSON file."""

    group: str
    cells: list[str]
    met: bool | None
    figure: float | None
    load: float


def line_of(row: Row, measured: Measured | str) -> Line:
    """A row that was measured, or why it was not."""
    load = os.getloadavg()[0]
    start = [f"{row.group}: {row.what}", row.method]
    bar = _bar(row)
    if isinstance(measured, str):
        return Line(row.group, [*start, "failed", row.peer, measured, "", bar, "no"], None, None, load)
    met = row.bar.met(measured.figure) if row.bar else None
    verdict = {True: "yes", False: "no", None: ""}[met]
    if measured.theirs is None:
        cells = [f"{measured.ours:.0f} MB", "", "", "", bar, verdict]
    else:
        spread = f"{measured.least:.2f} to {measured.greatest:.2f}"
        theirs = f"{row.peer} {_seconds(measured.theirs)}"
        cells = [_seconds(measured.ours), theirs, f"{measured.figure:.2f}", spread, bar, verdict]
    return Line(row.group, [*start, *cells], met, measured.figure, load)


def as_table(lines: list[Line]) -> str:
    """A Markdown table whose columns are aligned."""
    grid = [list(HEADINGS), *[line.cells for line in lines]]
    widths = [max(len(cells[column]) for cells in grid) for column in range(len(HEADINGS))]
    ruled = [grid[0], ["-" * width for width in widths], *grid[1:]]
    return "".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |\n"
        for cells in ruled
    )


def as_page(results: Path) -> str:
    """What the JSON file holds as a table, the machine named above it."""
    kept = json.loads(results.read_text(encoding="utf-8"))
    lines = [Line(**line) for line in kept["lines"]]
    promised = [line.met for line in lines if line.met is not None]
    load = max((line.load for line in lines), default=0.0)
    return (
        f"{kept['machine']}; {kept['versions']}.\n"
        f"{sum(promised)} of {len(promised)} bars are met. Highest load average beside a row: {load:.1f}.\n\n"
        f"{as_table(lines)}"
    )


def keep(lines: list[Line], results: Path) -> None:
    """Write the JSON file; rows that were measured before and not now stay in it."""
    results.parent.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine(), "versions": versions(), "lines": [vars(line) for line in lines]}
    results.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _bar(row: Row) -> str:
    if row.bar is None:
        return ""
    return f"{row.bar.sign} {row.bar.limit:g}{' MB' if row.method == 'memory' else ''}"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1.0 else f"{seconds:.2f} s"
