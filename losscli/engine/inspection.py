"""What is in a file: its shape, its columns, its numbers and what they may be; and how two files go together."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from losscli.data import ReadOptions, align, open_source
from losscli.data.locate import locate
from losscli.data.model import Field, OtherwiseReadableError, Source
from losscli.engine.column_guard import NAMES_ROWS
from losscli.engine.diagnosis import Diagnosis, Subject, diagnose
from losscli.engine.observe import Progress
from losscli.engine.portrait import ColumnPortrait, Memory, Portrait, classes_of, numbers_of, rows_of
from losscli.engine.run import RANGE_NUMBERS, STEP_NUMBERS
from losscli.engine.tally import FieldTally
from losscli.errors import DataError, UsageError

MOST_COLUMNS = 200
"""The columns of a table that are looked at one by one; of the others only names and types are told."""

PAIR_ENDINGS = {"true", "pred", "prediction", "hat", "target", "label", "score", "prob"}
"""Names such as `y_true` and `y_pred` share a beginning, but are no classes."""


@dataclass(frozen=True)
class Inspection:
    """The files one by one, and what is to be said of predictions and targets together."""

    files: Sequence[Portrait]
    diagnosis: Diagnosis | None


@dataclass(frozen=True)
class InspectRequest:
    """What a user can ask of an inspection."""

    files: Sequence[str]
    pred: Sequence[str] | None = None
    target: Sequence[str] | None = None
    classes: Sequence[str] | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if list(self.files).count("-") > 1:
            raise UsageError("only one input can be `-`: standard input is read once", hint="put one of them in a file")
        if "" in self.files:
            raise UsageError("FILE is empty", hint="is a variable of the shell not set?")
        if len(self.files) > 2 and (self.pred or self.target):
            raise UsageError(
                "--pred and --target name columns of predictions and targets, and there are more than two files",
                hint="give the file of predictions, and perhaps that of targets",
            )


def inspect(request: InspectRequest) -> Inspection:
    """Look at all of every file; where there are predictions and targets, at how they go together."""
    request, sources = _opened(request)
    request.read.refuse_idle([source.format for source in sources])
    with np.errstate(all="ignore"):
        if len(sources) == 2:
            predictions = _Look(sources[0], request.files[0], {"predictions": request.pred}, request)
            targets = _Look(sources[1], request.files[1], {"targets": request.target}, request)
            if (others := _without_targets(predictions, targets)) is not None:
                predictions = _Look(sources[0], request.files[0], {"predictions": others}, request)
            elif (ids := _ids_of_both(predictions, targets)) is not None:
                predictions = predictions.without(ids, "predictions")
                targets = targets.without(ids, "targets")
            looks = [predictions, targets]
        elif len(sources) == 1 and request.target is not None:
            looks = [
                _Look(sources[0], request.files[0], {"targets": request.target, "predictions": request.pred}, request)
            ]
            predictions = targets = looks[0]
        else:
            return Inspection(
                [
                    _Look(s, spec, {"predictions": request.pred}, request).portrait()
                    for s, spec in zip(sources, request.files, strict=True)
                ],
                None,
            )
        portraits = [look.portrait() for look in looks]
        found = diagnose(predictions.subject("predictions"), targets.subject("targets"), request.classes, request.read)
    return Inspection(portraits, found)


def _opened(request: InspectRequest) -> tuple[InspectRequest, list[Source]]:
    """The files, and the request as they can be read: with another delimiter, or an archive by its arrays."""
    try:
        return request, [open_source(spec, request.read, reread=True) for spec in request.files]
    except OtherwiseReadableError as error:
        if "-" in request.files or (error.members and len(request.files) > 1):
            raise
        files = [f"{request.files[0]}:{member}" for member in error.members] or request.files
        return _opened(replace(request, files=files, read=replace(request.read, **error.options)))


class _Look:
    """One file, read once from front to back with a tally for each part of it."""

    def __init__(
        self, source: Source, spec: str, roles: Mapping[str, Sequence[str] | None], request: InspectRequest
    ) -> None:
        self.source = source
        self.spec = spec
        self._request = request
        self._roles = roles
        self._types: dict[str, str] = {}
        self._faults: dict[str, DataError] = {}
        self._certain: dict[str, bool] = {}
        self._fields = self._columns() if source.columns is not None else {}
        self._notes: list[str] = []
        self._parts: dict[str, Field] = {}
        for role, patterns in roles.items():
            self._choose(role, patterns)
        self._tallies: dict[str, FieldTally] = {}
        self._read()

    def _columns(self) -> dict[str, Field]:
        """Each column as a field of its own; those that cannot be one leave a fault."""
        found = {}
        for name in self.source.columns or ():
            try:
                chosen = self.source.select([name], ragged=True, text=True)
            except DataError as error:
                self._faults[name] = error
                continue
            found[name] = chosen
            self._types[name] = chosen.info.dtype + "".join(
                "[]" if length is None else f"[{length}]" for length in chosen.info.shape[1:]
            )
        return found

    def _choose(self, role: str, patterns: Sequence[str] | None) -> None:
        """Decide which columns play a role."""
        text = role == "targets"
        taken = [name for part in self._parts.values() for name in part.info.columns or ()]
        if self.source.columns is None or patterns is not None:
            chosen = self.source.select(patterns, exclude=taken, ragged=True, text=text)
            self._certain[role] = True
        else:
            try:
                names = _likely(role, self._fields, taken)
                chosen = self.source.select(names, exclude=taken, ragged=True, text=text)
                self._certain[role] = names is None
            except DataError:
                return
        self._parts[role] = chosen
        self._notes += chosen.notes

    def _read(self) -> None:
        """Pass all samples; where a column is broken, leave it out and say why."""
        fields = {f"column {name}": each for name, each in list(self._fields.items())[:MOST_COLUMNS]} | self._parts
        if not fields:
            raise next(iter(self._faults.values()), DataError(f"{self.source.path}: it has no columns"))
        try:
            self._tallies = self._passed(fields)
        except DataError:
            if self.source.columns is None or len(self._fields) < 2:
                raise
            sound = {name: each for name, each in fields.items() if self._is_sound(each)}
            if not sound:
                raise
            self._tallies = self._passed(sound)

    def _is_sound(self, one: Field) -> bool:
        try:
            self._passed({"alone": one})
        except DataError as error:
            if one.info.columns is not None and len(one.info.columns) == 1:
                self._faults[one.info.columns[0]] = error
            return False
        return True

    def _passed(self, fields: Mapping[str, Field]) -> dict[str, FieldTally]:
        tallies = {name: FieldTally(each) for name, each in fields.items()}
        width = sum(max(1, int(np.prod(tally.shape))) for tally in tallies.values())
        for block in align(fields, max(1, STEP_NUMBERS * (4 if self._fields else 1) // width)):
            for name, tally in tallies.items():
                tally.add(block.values[name], block.start)
            if self._request.progress is not None:
                self._request.progress(block.start + block.size, self.source.rows)
        return tallies

    def without(self, names: Sequence[str], role: str) -> _Look:
        """The file again, its role played by the same columns but these."""
        columns = self.subject(role).tally.field.info.columns or ()  # type: ignore[union-attr]
        rest = [name for name in columns if name not in names]
        return _Look(self.source, self.spec, {role: rest}, self._request)

    def portrait(self) -> Portrait:
        """What is told of the file."""
        tallies = list(self._tallies.values())
        scores = self._tallies.get("predictions", self._tallies.get("targets"))
        if scores is not None and self._fields and not self._is_block_of_classes(scores):
            scores = None
        samples = tallies[0].samples
        first = next(iter(self._parts.values())) if not self._fields else None
        names = self.source.columns
        return Portrait(
            path=self.source.path,
            format=self.source.format,
            shape=_shape(first, samples) if first is not None else (samples, len(names or ())),
            dtype=first.info.dtype if first is not None else _common(list(self._types.values())),
            columns=None if names is None else [self._column(name) for name in dict.fromkeys(names)],
            scores=scores.field.info.columns if scores is not None else None,
            numbers=numbers_of(scores) if scores is not None else None,
            classes=classes_of(scores) if scores is not None else None,
            rows=rows_of(scores) if scores is not None else None,
            memory=self._memory(samples),
            notes=tuple(dict.fromkeys(self._notes)),
        )

    def _is_block_of_classes(self, scores: FieldTally) -> bool:
        """Whether columns of a table that were not asked for are plainly the classes of one prediction."""
        if scores.rows is None:
            return False
        facts = scores.rows.facts
        told = facts.rows and facts.rows in (facts.probs, facts.log_probs)
        asked = self._request.pred or self._parts.keys() >= {"predictions", "targets"}
        return bool(asked or told or _stems_of(scores.field.info.columns or ()) == 1)

    def _column(self, name: str) -> ColumnPortrait:
        if name in self._faults:
            fault = self._faults[name]
            return ColumnPortrait(name, self._types.get(name, "not read"), note=str(fault.problem))
        tally = self._tallies.get(f"column {name}")
        if tally is None:
            return ColumnPortrait(name, self._types[name])
        return ColumnPortrait(name, self._types[name], numbers_of(tally), classes_of(tally))

    def _memory(self, samples: int) -> Memory:
        parts = self._fields or self._parts
        fields = [each for each in parts.values() if each.info.dtype != "text"]
        per_sample = sum(int(np.prod([length or 1 for length in each.info.shape[1:]])) for each in fields) or 1
        rows = min(samples, max(1, RANGE_NUMBERS // per_sample))
        return Memory(
            on_disk=_bytes_on_disk(self.spec),
            as_float64=samples * per_sample * 8,
            block=rows * per_sample * 8,
            block_rows=rows,
            blocks=-(-samples // rows),
        )

    def subject(self, role: str) -> Subject:
        """What a diagnosis needs to know of one role."""
        tally = self._tallies.get(role)
        return Subject(
            spec=self.spec,
            source=self.source,
            tally=tally,
            certain=self._certain.get(role, False),
            asked=self._roles[role] is not None,
            columns=tuple(self.source.columns or ()),
            candidates=self._candidates(),
            fault=self._fault_of(role),
        )

    def _fault_of(self, role: str) -> DataError | None:
        if role in self._tallies or role not in self._parts:
            return None
        names = self._parts[role].info.columns or ()
        return next((self._faults[name] for name in names if name in self._faults), None)

    def _candidates(self) -> Mapping[str, FieldTally]:
        """The columns one by one."""
        prefix = "column "
        return {name.removeprefix(prefix): tally for name, tally in self._tallies.items() if name.startswith(prefix)}


def _without_targets(predictions: _Look, targets: _Look) -> list[str] | None:
    """The columns of predictions less the one that repeats the targets, as `losscli` would refuse it."""
    scores, labels = predictions.subject("predictions"), targets.subject("targets").tally
    if scores.asked or scores.tally is None or labels is None or not labels.labels.counts:
        return None
    columns = scores.tally.field.info.columns or ()
    repeating = [
        name
        for name in columns
        if name in scores.candidates and scores.candidates[name].labels.counts == labels.labels.counts
    ]
    return [name for name in columns if name not in repeating] if len(repeating) == 1 < len(columns) - 1 else None


def _ids_of_both(predictions: _Look, targets: _Look) -> list[str] | None:
    """The columns that both tables have beside others that differ: `losscli` would not take them for data."""
    both = predictions.subject("predictions"), targets.subject("targets")
    if any(one.asked or one.tally is None for one in both):
        return None
    first, second = (one.tally.field.info.columns or () for one in both if one.tally is not None)
    shared = [name for name in first if name in second]
    if set(first) == set(second):
        shared = [name for name in shared if NAMES_ROWS(name)]
    return shared if 0 < len(shared) < min(len(first), len(second)) else None


def _likely(role: str, fields: Mapping[str, Field], taken: Sequence[str]) -> list[str] | None:
    """The columns that probably play a role; None for those that a loss would take."""
    numeric = [name for name, each in fields.items() if _is_single_number(each) and name not in taken]
    if role == "targets":
        return None
    groups: dict[str, list[str]] = {}
    for name in numeric:
        if (stem := _stem(name)) is not None:
            groups.setdefault(stem, []).append(name)
    groups = {
        stem: names
        for stem, names in groups.items()
        if len(names) > 1 and not any(name.removeprefix(stem).lower() in PAIR_ENDINGS for name in names)
    }
    if not groups:
        others = [name for name in numeric if not NAMES_ROWS(name)]
        return others if 0 < len(others) < len(numeric) else None
    largest = max(groups.values(), key=len)
    return None if len(largest) == len(numeric) else largest


def _is_single_number(one: Field) -> bool:
    return len(one.info.shape) == 1 and one.info.dtype not in ("text", "bool")


def _stem(name: str) -> str | None:
    """What the columns of one prediction have in common: `p_` of `p_cat`, `logit` of `logit12`."""
    if separated := re.match(r"(.*[_\-.: ])[^_\-.: ]+$", name):
        return separated[1]
    stem = name.rstrip("0123456789")
    return stem if stem != name else None


def _stems_of(names: Sequence[str]) -> int:
    return len({_stem(name) or name for name in names})


def _shape(one: Field, samples: int) -> tuple[int | None, ...]:
    return (samples, *one.info.shape[1:]) if one.info.shape else ()


def _common(types: Sequence[str]) -> str:
    return types[0] if len(set(types)) == 1 else "mixed"


def _bytes_on_disk(spec: str) -> int | None:
    if spec.startswith("-"):
        return None
    paths = [located.label for located in locate(spec)]
    return sum(map(os.path.getsize, paths)) if all(map(os.path.isfile, paths)) else None
