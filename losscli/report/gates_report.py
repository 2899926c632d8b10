"""What became of gates: as a table, as JSON in the layout of `check_schema.json`, and in words for all the others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from losscli.report.json_report import portable
from losscli.report.page import Column
from losscli.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from losscli.engine.gates import GateOutcome, GatesReport, LimitOutcome, Status
    from losscli.report.page import Page

CHECK_SCHEMA_ID = "losscli/check/1"

SHORT_DIGITS = 6
"""The significant digits of a table that is too wide for the terminal with all of them."""

STYLES = {"passed": "green", "failed": "bold red", "error": "bold red"}
ENDINGS: Mapping[Status, str] = {"passed": "passed", "failed": "failed", "error": "in error"}


def shown_gates(report: GatesReport, *, only_failures: bool) -> list[GateOutcome]:
    """The gates that a report shows: all, or those that did not pass."""
    return [gate for gate in report.gates if not only_failures or gate.status != "passed"]


def gates_to_json(report: GatesReport, *, only_failures: bool) -> dict[str, Any]:
    """The report as plain dicts, lists, strings and finite numbers, in the order of the schema."""
    document = {
        "schema": CHECK_SCHEMA_ID,
        "file": report.path,
        "baseline": report.baseline,
        "passed": report.count("passed") == len(report.gates),
        "exit_code": int(report.exit_code),
        "counts": {
            "gates": len(report.gates),
            "passed": report.count("passed"),
            "failed": report.count("failed"),
            "errors": report.count("error"),
        },
        "gates": [_gate_to_json(gate) for gate in shown_gates(report, only_failures=only_failures)],
    }
    found: dict[str, Any] = portable(document)
    return found


def _gate_to_json(gate: GateOutcome) -> dict[str, Any]:
    error = gate.error
    return {
        "name": gate.name,
        "status": gate.status,
        "loss": gate.loss,
        "value": gate.value,
        "unit": gate.unit,
        "limits": gate.limits,
        "error": None if error is None else {"problem": error.problem, "why": error.why, "hint": error.hint},
        "line": gate.line,
        "inputs": gate.inputs,
        "signature": gate.signature,
        "warnings": gate.warnings,
    }


def draw_gates(page: Page, report: GatesReport, *, only_failures: bool = False) -> None:
    """A row for each limit, and what there is to say of those that failed.

    What does not fit the terminal is printed to fewer digits, and says so; in paragraphs, if it must.
    """
    gates = shown_gates(report, only_failures=only_failures)
    full, short = _table(gates), _table(gates, SHORT_DIGITS)
    table = next((columns for columns in (full, short) if page.fits(columns)), None)
    title = title_of(report) if table is full else f"{title_of(report)}, to {SHORT_DIGITS} digits (all digits: --json)"
    page.line(printable(title), "bold green" if report.exit_code == 0 else "bold red")
    if table and gates:
        page.line()
        page.table(table)
    for gate in gates:
        said = [printable(line) for line in remarks(gate)]
        if said or not table:
            _paragraph(page, gate, [] if table else gate.limits, said)


def title_of(report: GatesReport) -> str:
    """The file, and how many gates ended in which way."""
    count = len(report.gates)
    gates = f"{count} gate{'' if count == 1 else 's'}"
    counts = {what: report.count(status) for status, what in ENDINGS.items()}
    return f"{report.path}: {gates}, " + ", ".join(f"{number} {what}" for what, number in counts.items() if number)


def columns_of(gates: Sequence[GateOutcome], digits: int | None = None) -> dict[str, list[str]]:
    """The cells of the table by the names of its columns: a row for each limit, and one for an error."""
    rows: list[tuple[GateOutcome, LimitOutcome | None]] = []
    for gate in gates:
        rows += [(gate, None)] if gate.error else []
        rows += [(gate, limit) for limit in gate.limits]
    columns = {
        "verdict": [_verdict(gate, limit) for gate, limit in rows],
        "gate": [gate.name for gate, _ in rows],
        "limit": [label(limit, digits) if limit else "" for _, limit in rows],
        "value": [_number(limit.value if limit else gate.value, digits) for gate, limit in rows],
        "where": [limit.where if limit else "" for _, limit in rows],
        "headroom": [_headroom(limit) if limit else "" for _, limit in rows],
        "just passes with": [_needed(limit, digits) if limit else "" for _, limit in rows],
    }
    if not any(columns["where"]):
        del columns["where"]
    return {name: [printable(cell) for cell in cells] for name, cells in columns.items()}


def label(limit: LimitOutcome, digits: int | None = None) -> str:
    """The limit as it stands in the file, with its tolerance."""
    asked = limit.name if limit.limit is None else f"{limit.name} {_number(limit.limit, digits)}"
    within = " + ".join(f"{name} {size:g}" for name, size in limit.tolerance.items() if size)
    return f"{asked} ± {within}" if within else asked


def sentence(limit: LimitOutcome, digits: int | None = None) -> str:
    """The verdict and all that belongs to it, on a line."""
    parts = [f"value {_number(limit.value, digits)}" + (f" ({limit.where})" if limit.where else "")]
    if limit.headroom is not None:
        parts.append(f"headroom {_headroom(limit)}")
    if limit.needed:
        parts.append(f"just passes with {_needed(limit, digits)}")
    return f"{_passed(limit)}: {', '.join(parts)}"


def remarks(gate: GateOutcome) -> Iterator[str]:
    """What the table does not say of a gate: its error, and what to do about a missing baseline."""
    if gate.error is not None:
        yield gate.error.problem
        if gate.error.why:
            yield f"why: {gate.error.why}"
        if gate.error.hint:
            yield f"hint: {gate.error.hint}"
    for limit in gate.limits:
        if not limit.passed and limit.note:
            yield f"{limit.name}: {limit.note}"


def _table(gates: Sequence[GateOutcome], digits: int | None = None) -> list[Column]:
    return [Column(name, cells, right=False) for name, cells in columns_of(gates, digits).items()]


def _paragraph(page: Page, gate: GateOutcome, limits: Sequence[LimitOutcome], said: Sequence[str]) -> None:
    computed = "" if gate.value is None else f" = {_number(gate.value, None)}" + (f" {gate.unit}" if gate.unit else "")
    page.line()
    page.spans([(gate.status, STYLES[gate.status]), (printable(f"  {gate.name}: {gate.loss}{computed}"), "")])
    if limits:
        page.pairs(
            [(printable(label(limit, SHORT_DIGITS)), printable(sentence(limit, SHORT_DIGITS))) for limit in limits]
        )
    for line in said:
        page.line(f"  {line}")


def _verdict(gate: GateOutcome, limit: LimitOutcome | None) -> str:
    return gate.status if limit is None else _passed(limit)


def _passed(limit: LimitOutcome) -> str:
    return "passed" if limit.passed else "failed"


def _number(value: float | None, digits: int | None) -> str:
    if value is None:
        return ""
    return repr(float(value)) if digits is None else f"{value:.{digits}g}"


def _headroom(limit: LimitOutcome) -> str:
    return "" if limit.headroom is None else f"{limit.headroom:.4g}"


def _needed(limit: LimitOutcome, digits: int | None) -> str:
    return " or ".join(f"{name}={_enough(name, size, digits)}" for name, size in limit.needed.items())


def _enough(name: str, size: float, digits: int | None) -> str:
    """A limit or a tolerance rounded to the side on which it still passes."""
    if digits is None or not math.isfinite(size):
        return _number(size, None)
    from decimal import ROUND_CEILING, ROUND_FLOOR, Context

    rounded = Context(prec=digits, rounding=ROUND_FLOOR if name == "min" else ROUND_CEILING).create_decimal(size)
    return _number(float(rounded), digits)
