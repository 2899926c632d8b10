"""Gates as JUnit XML, which CI services show as test results: a test case for each gate."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from losscli.report.gates_report import label, remarks, sentence
from losscli.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from losscli.engine.gates import GateOutcome, GatesReport


def to_junit(report: GatesReport) -> bytes:
    """The report as a whole XML file. Characters that XML cannot hold are written out, as on a terminal."""
    counts = {
        "tests": str(len(report.gates)),
        "failures": str(report.count("failed")),
        "errors": str(report.count("error")),
        "skipped": "0",
        "time": _seconds(report.gates),
    }
    suites = ElementTree.Element("testsuites", {"name": "losscli check", **counts})
    suite = ElementTree.SubElement(suites, "testsuite", {"name": printable(report.path), **counts})
    for gate in report.gates:
        _add_case(suite, gate)
    ElementTree.indent(suites)
    written: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _add_case(suite: ElementTree.Element, gate: GateOutcome) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=printable(gate.loss), name=printable(gate.name), time=_seconds([gate])
    )
    limits = [f"{label(limit)} {sentence(limit)}" for limit in gate.limits]
    failed = [f"{label(limit)} {sentence(limit)}" for limit in gate.limits if not limit.passed]
    text = _lines([*remarks(gate), *failed])
    if gate.error is not None:
        ElementTree.SubElement(case, "error", type="error", message=printable(gate.error.problem)).text = text
    elif failed:
        ElementTree.SubElement(case, "failure", type="limit", message=printable("; ".join(failed))).text = text
    signature = [f"signature: {gate.signature}"] if gate.signature else []
    ElementTree.SubElement(case, "system-out").text = _lines([*limits, *signature])


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(map(printable, lines))


def _seconds(gates: Sequence[GateOutcome]) -> str:
    return f"{sum(gate.seconds for gate in gates):.3f}"
