"""How an error and a warning read on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from losscli.report.printable import printable

if TYPE_CHECKING:
    from losscli.errors import LosscliError


def format_error(error: LosscliError) -> str:
    """The problem, why it is one and what to do, a line each, without a line end after the last."""
    lines = [f"losscli: error: {printable(error.problem)}"]
    if error.why:
        lines.append(f"  why: {printable(error.why)}")
    if error.hint:
        lines.append(f"  hint: {printable(error.hint)}")
    return "\n".join(lines)


def format_warning(text: str) -> str:
    """One warning on one line, without a line end."""
    return f"losscli: warning: {printable(text)}"
