"""What a diagnosis says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from losscli.engine.diagnosis.orders import Orders

Level = Literal["fault", "doubt", "note"]
Readiness = Literal["ready", "doubtful", "fixable", "stuck"]


@dataclass(frozen=True)
class Finding:
    """Something to say: a fault that no loss accepts (or that makes it wrong), a doubt, or a note.

    `fix` says what the commands of the diagnosis do about it; it is empty where nothing can be done here.
    `counts` is the histogram of what is wrong, where there is one.
    """

    name: str
    level: Level
    problem: str
    cause: str
    fix: str = ""
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Suggestion:
    """A loss that fits, its command, and why it does."""

    loss: str
    command: str
    why: str


@dataclass(frozen=True)
class Diagnosis:
    """What was found, the steps that must come first, and the losses that fit after them.

    `verdict` is "ready" (nothing is wrong), "doubtful" (it can be scored, but see the findings), "fixable" (with the
    steps and options of the commands) or "stuck" (no command would work).
    """

    verdict: Readiness
    findings: Sequence[Finding]
    steps: Sequence[str]
    suggestions: Sequence[Suggestion]
    order: Orders | None


class Settled(Exception):  # noqa: N818 - it ends an examination, which is no error
    """Nothing more can be said."""
