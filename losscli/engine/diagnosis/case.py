"""One diagnosis at work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from losscli.data import ReadOptions
from losscli.data.columns import as_pattern
from losscli.data.model import Field, Source
from losscli.engine.diagnosis.findings import Diagnosis, Finding, Level, Readiness, Settled, Suggestion
from losscli.engine.diagnosis.orders import Orders
from losscli.engine.diagnosis.recipe import Operand, Recipe, operand_of
from losscli.engine.labels import class_names
from losscli.engine.tally import FieldTally
from losscli.errors import DataError

Role = Literal["p", "t"]

OPTIONS: Mapping[Role, str] = {"p": "--pred", "t": "--target"}

BAD_LABELS_LISTED = 20


@dataclass(frozen=True)
class Subject:
    """Predictions, or targets: what was counted of them, and where they come from.

    `certain` means that a loss would take the same columns without being told, `asked` that the user named them.
    """

    spec: str
    source: Source
    tally: FieldTally | None
    certain: bool
    asked: bool
    columns: tuple[str, ...]
    candidates: Mapping[str, FieldTally]
    fault: DataError | None


class Case:
    """Predictions `p`, targets `t`, and what is found of them: findings, fitting losses, a recipe that grows."""

    def __init__(
        self,
        p: Subject,
        p_tally: FieldTally,
        t: Subject,
        t_tally: FieldTally,
        classes: Sequence[str] | None,
        read: ReadOptions,
    ) -> None:
        self.p, self.t = p_tally, t_tally
        self.subjects: dict[Role, Subject] = {"p": p, "t": t}
        self.class_names = tuple(classes) if classes else None
        self.read = read
        self.same_file = p.source is t.source
        self.findings: list[Finding] = []
        self.losses: list[tuple[str, str]] = []
        self.order: Orders | None = None
        self.recipe = Recipe(self.operand("p"), self.operand("t"), read)

    def tally(self, name: Role) -> FieldTally:
        """What was counted of the predictions `p` or the targets `t`."""
        return self.p if name == "p" else self.t

    def operand(self, name: Role, *, misread: bool = False) -> Operand:
        """The predictions or the targets as a command line names them."""
        subject, field = self.subjects[name], self.tally(name).field
        named = self.same_file or not subject.certain or subject.columns != field.info.columns
        columns = field.info.columns or ()
        words = [OPTIONS[name], as_pattern(columns, subject.columns)] if columns and named and subject.columns else []
        return operand_of(
            subject.spec, field, words, self.read, implied=subject.certain and not subject.asked, misread=misread
        )

    def say(
        self,
        name: str,
        level: Level,
        problem: str,
        cause: str,
        fix: str = "",
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """Add a finding."""
        self.findings.append(Finding(name, level, problem, cause, fix, counts))

    def stuck(self, name: str, problem: str, cause: str, fix: str = "") -> Settled:
        """The end of the examination, with a fault that no command mends."""
        self.say(name, "fault", problem, cause, fix)
        self.recipe.possible = False
        return Settled()

    def diagnosis(self) -> Diagnosis:
        """What was found, as a record."""
        levels = {finding.level for finding in self.findings}
        suggestions = [Suggestion(loss, self.recipe.command(loss), why) for loss, why in self.losses]
        if self.recipe.lacking is not None:
            problem = f"{self.recipe.lacking} is not one local file, so there is no short step that loads it"
            self.say("no-step", "note", problem, "it is a stream, a folder, an address or compressed", "save it first")
        if not self.recipe.possible or not suggestions:
            return Diagnosis("stuck", self.findings, (), (), self.order)
        verdict: Readiness = "fixable" if "fault" in levels else "doubtful" if "doubt" in levels else "ready"
        return Diagnosis(verdict, self.findings, self.recipe.steps, suggestions, self.order)

    def shared_id(self) -> tuple[str, Field] | None:
        """A column of both tables whose values match one to one, and the targets in the order that it gives."""
        names = self.t.field.info.columns
        if self.same_file or not self.subjects["p"].columns or names is None:
            return None
        from losscli.data import join_targets

        for name in self.subjects["p"].columns:
            taken = (*(self.p.field.info.columns or ()), *(self.t.field.info.columns or ()))
            if name not in self.subjects["t"].columns or name in taken:
                continue
            try:
                joined = join_targets(self.subjects["p"].source, self.subjects["t"].source, name)
                return name, joined.select(names, text=True)
            except DataError:
                continue
        return None

    def join(self, name: str, finding: str, problem: str) -> None:
        """Say that a column of ids would bring the rows together."""
        self.say(finding, "fault", problem, f"both tables have the ids {name!r}", f"--id {name} joins them")
        self.recipe.add("--id", name)
        self.recipe.predictions, self.recipe.targets = self.operand("p"), self.operand("t")

    def swap(self) -> None:
        """Take the predictions for the targets, and the other way round."""
        self.p, self.t = self.t, self.p
        self.subjects = {"p": self.subjects["t"], "t": self.subjects["p"]}
        self.recipe = Recipe(self.operand("p"), self.operand("t"), self.read)

    def take_target_column(self, name: str) -> None:
        """Take one column of the table of targets, and no other."""
        self.t = self.subjects["t"].candidates[name]
        self.recipe.targets = self.operand("t")

    def names_of_classes(self) -> tuple[str, ...] | None:
        """What the user calls the classes, or else their columns do; None where they have no names."""
        columns = self.p.field.info.columns
        return self.class_names or (class_names(columns) if columns and len(columns) > 1 else None)

    def path(self, name: Role) -> str:
        """The file, and its column where predictions and targets are columns of one table."""
        info = self.tally(name).field.info
        path, columns = info.path, info.columns
        return f"{path}, column {columns[0]!r}" if self.same_file and columns and len(columns) == 1 else path


def single(tally: FieldTally) -> bool:
    """Whether a sample is one number, or one word."""
    return tally.shape in ((), (1,)) and not tally.is_ragged


def histogram(counts: Mapping[int, int] | Mapping[str, int]) -> dict[str, int]:
    """The most frequent values and how often they occur."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])[:BAD_LABELS_LISTED]
    return {str(value): count for value, count in ordered}
