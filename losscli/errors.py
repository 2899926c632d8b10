"""The errors a user can cause, each with what, why and a hint that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from losscli.exits import Exit

if TYPE_CHECKING:
    from typing import Self


class LosscliError(Exception):
    """An error with something to say: the problem, its reason, and what to do.

    `problem` names file, row, column and value; `why` gives the reason or the likely cause;
    `hint` is an instruction, preferably a command line or an option that would work.
    """

    exit_code = Exit.DATA

    def __init__(self, problem: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.why = why
        self.hint = hint

    @classmethod
    def of(cls, error: LosscliError, *, where: str = "", why: str = "", hint: str = "") -> Self:
        """What `error` says as an error of this class: of what is at `where`, and with the reason or hint given."""
        problem = f"{where}: {error.problem}" if where else error.problem
        return cls(problem, why=why or error.why, hint=hint or error.hint)

    def __str__(self) -> str:
        lines = [self.problem]
        if self.why:
            lines.append(f"why: {self.why}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class UsageError(LosscliError, ValueError):
    """The command line, or the call, alone shows that this cannot work."""

    exit_code = Exit.USAGE


class DataError(LosscliError, ValueError):
    """The data cannot be read, or cannot be scored."""


class OutputError(LosscliError, OSError):
    """The result cannot be written."""
