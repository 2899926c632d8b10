"""Gates for GitHub Actions: annotations at the lines of the file, and a Markdown summary of the step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from losscli.report.gates_report import columns_of, label, remarks, sentence, shown_gates, title_of
from losscli.report.markdown import plain, row
from losscli.report.printable import printable

if TYPE_CHECKING:
    from losscli.engine.gates import GateOutcome, GatesReport

MOST = 10
"""How many annotations of a step GitHub shows."""


def to_annotations(report: GatesReport, workspace: str | None = None) -> list[str]:
    """A line for each gate that did not pass, errors first, and one that sums up; never more than GitHub shows.

    GitHub finds the file by its path within `workspace`, the root of the repository.
    """
    path = _path_within(workspace, report.path)
    bad = sorted(shown_gates(report, only_failures=True), key=lambda gate: gate.status != "error")
    told = bad[: MOST - 1]
    rest = f", of which {len(told)} are annotated" if len(bad) > len(told) else ""
    summary = _command("notice", {"title": "losscli check"}, title_of(report) + rest)
    return [*(_error(path, gate) for gate in told), summary]


def to_markdown(report: GatesReport, *, only_failures: bool) -> str:
    """The report as Markdown, ending with a line end. Whatever comes from files is shown as it stands."""
    gates = shown_gates(report, only_failures=only_failures)
    lines = [f"### {plain(title_of(report))}"]
    if gates:
        columns = columns_of(gates)
        lines += ["", row([*columns]), row(["---"] * len(columns))]
        lines += [row([plain(cell) for cell in cells]) for cells in zip(*columns.values(), strict=True)]
    for gate in gates:
        said = list(remarks(gate))
        if said:
            lines += ["", f"**{plain(printable(gate.name))}** ({gate.status})", ""]
            lines += [f"- {plain(printable(line))}" for line in said]
    return "\n".join(lines) + "\n"


def _path_within(workspace: str | None, path: str) -> str:
    if workspace:
        file, root = Path(path).resolve(), Path(workspace).resolve()
        if file.is_relative_to(root):
            return file.relative_to(root).as_posix()
    return Path(path).as_posix()


def _error(path: str, gate: GateOutcome) -> str:
    place = {"file": path, "line": str(gate.line)} if gate.line else {"file": path}
    what = "could not be judged" if gate.error else "failed"
    said = [*remarks(gate), *(f"{label(limit)} {sentence(limit)}" for limit in gate.limits if not limit.passed)]
    return _command("error", {**place, "title": f"gate {gate.name} {what}"}, "\n".join(map(printable, said)))


def _command(name: str, properties: dict[str, str], message: str) -> str:
    """A command to the runner, on one line whatever the texts are."""
    listed = ",".join(f"{key}={_escaped(printable(value), ':,')}" for key, value in properties.items())
    return f"::{name} {listed}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    """The text with percent signs, line ends and `more` as the runner reads them back."""
    return "".join(f"%{ord(letter):02X}" if letter in "%\r\n" + more else letter for letter in text)
