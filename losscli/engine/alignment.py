"""Scores utterances against label sequences that are not aligned with them (CTC)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from losscli.data import read_whole
from losscli.data.memory import ArraySource, RaggedSource
from losscli.data.model import Field, Ragged
from losscli.data.rows import cut_rows, filled_up
from losscli.engine.frames import FrameCheck
from losscli.engine.kind import RowFacts
from losscli.engine.labels import Labels
from losscli.engine.reduce import Partial
from losscli.engine.result import InputRecord
from losscli.engine.score_rows import ScoreRows
from losscli.engine.scoring import Elements, NanPolicy, Scorer, Values, array, as_float64, is_ragged, sample_shape
from losscli.engine.sides import WholeNumbers
from losscli.errors import DataError
from losscli.losses.catalogue import Loss
from losscli.losses.lattice import alignment_exists, count_repeats

DECIDING_NUMBERS = 1 << 18
"""Of about so many numbers the first frames of the first utterances have, which decide the kind of all."""

RAGGED_NUMBERS = 1 << 14
"""What an utterance of unknown length is taken for where blocks are cut."""

UTTERANCES_TOGETHER = 256
"""How many times more utterances make a block than their lattices would by the size of the cache."""

NAMED = 5


def as_utterances(fields: Mapping[str, Field], layout: str) -> dict[str, Field]:
    """The fields with utterances along axis 0, whatever way they came in."""
    predictions, targets = fields["predictions"], fields["targets"]
    shape = predictions.info.shape
    _refuse_the_other_layout(fields, layout)
    if len(shape) == 3 and layout == "tnc" and not is_ragged(predictions):
        batch = np.moveaxis(as_array(predictions), 1, 0)
        fields = {**fields, "predictions": replaced(predictions, batch)}
    elif len(shape) == 2 and not is_ragged(predictions):
        fields = {**fields, "predictions": replaced(predictions, as_array(predictions)[np.newaxis])}
        if not is_ragged(targets) and len(targets.info.shape) == 1:
            return {**fields, "targets": replaced(targets, as_array(targets)[np.newaxis])}
    if not is_ragged(targets) and len(targets.info.shape) == 1:
        fields = {**fields, "targets": _unstrung(targets, fields.get("target_lengths"))}
    return dict(fields)


def _refuse_the_other_layout(fields: Mapping[str, Field], layout: str) -> None:
    """Refuse predictions whose axes of time and utterances look exchanged."""
    predictions, targets = fields["predictions"], fields["targets"]
    shape = predictions.info.shape
    concatenated = not is_ragged(targets) and len(targets.info.shape) == 1
    counted = fields.get("target_lengths") if concatenated else targets
    if len(shape) != 3 or is_ragged(predictions) or counted is None or not counted.info.shape:
        return
    here, there = (shape[1], shape[0]) if layout == "tnc" else (shape[0], shape[1])
    number = counted.info.shape[0]
    if here != number == there:
        other = "ntc" if layout == "tnc" else "tnc"
        raise DataError(
            f"{predictions.info.path} has {here} utterances, {counted.info.path} has {number}",
            why=f"--layout {layout} says that the axes of {shape} are "
            + ("time, utterance, class" if layout == "tnc" else "utterance, time, class"),
            hint=f"--layout {other}",
        )


def as_array(f: Field) -> np.ndarray:
    """All of a field; a mapped file stays mapped."""
    whole = read_whole(f)
    assert isinstance(whole, np.ndarray)  # noqa: S101 - ragged fields go another way
    return whole


class _Utterances(ArraySource):
    """An array whose rows are utterances, whichever axis they had in the file."""

    def where(self, row: int, column: str | None = None) -> str:  # noqa: ARG002 - the protocol's
        """Where a value stands, in words."""
        return f"{self.path}: utterance {row}"


class _Targets(RaggedSource):
    """Targets of a batch, cut out of a vector that holds them one after the other."""

    def where(self, row: int, column: str | None = None) -> str:  # noqa: ARG002 - the protocol's
        """Where a value stands, in words."""
        return f"{self.path}: target {row}"


def replaced(f: Field, values: np.ndarray) -> Field:
    """A field of the same origin with other values."""
    other = _Utterances(values, f.info.path, f.info.format).select(None)
    other.source.origins = f.source.origins
    other.notes.extend(f.notes)
    return other


def _unstrung(targets: Field, lengths: Field | None) -> Field:
    labels = as_array(targets)
    if lengths is None:
        raise DataError(
            f"{targets.info.path} is one vector of {len(labels)} labels",
            why="targets of a batch that are strung together need the length of each",
            hint="--target-lengths FILE, or targets (N, S)",
        )
    counts = _lengths_in(lengths).read(np.atleast_1d(as_array(lengths)), 0)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    if offsets[-1] != len(labels):
        raise DataError(
            f"{targets.info.path} holds {len(labels)} labels, but the target lengths add up to {offsets[-1]}",
            why="targets that are strung together have exactly the labels that their lengths say",
        )
    cut = _Targets(Ragged(labels, offsets), targets.info.path, targets.info.format).select(None)
    cut.notes.extend(targets.notes)
    return cut


def _lengths_in(side: Field) -> WholeNumbers:
    return WholeNumbers(side, "the length", "utterance")


@dataclass
class AlignmentFacts:
    """What the utterances show of the kind of their frames, and which of them cannot be aligned."""

    rows: RowFacts = field(default_factory=RowFacts)
    frames: int = 0
    labels: int = 0
    impossible: int = 0
    first_impossible: list[int] = field(default_factory=list)
    zeroed: int = 0

    def merge(self, later: AlignmentFacts) -> None:
        """Add the utterances that follow."""
        self.rows.merge(later.rows)
        self.frames += later.frames
        self.labels += later.labels
        self.impossible += later.impossible
        self.zeroed += later.zeroed
        self.first_impossible = (self.first_impossible + later.first_impossible)[:NAMED]


@dataclass(frozen=True)
class _Batch:
    """A block of utterances in the loss function's form."""

    frames: np.ndarray
    targets: np.ndarray
    input_lengths: np.ndarray
    target_lengths: np.ndarray


class AlignmentScorer(Scorer):
    """See `losscli.engine.scoring.Scorer`."""

    def __init__(self, loss: Loss, options: Mapping[str, Any], fields: Mapping[str, Field], nan: NanPolicy) -> None:
        self.loss = loss
        self.fields = fields
        self.predictions = fields["predictions"]
        self.targets = fields["targets"]
        self.nan = nan
        self.zero_infinity: bool = options["zero_infinity"]
        self.mean_rule: str = options["mean_rule"]
        shape = sample_shape(self.predictions)
        if len(shape) != (1 if is_ragged(self.predictions) else 2):
            raise DataError(
                f"{self.predictions.info.path} has utterances of shape {shape}",
                why="an utterance is T frames of C classes",
                hint="(T, N, C), (N, T, C) with --layout ntc, (T, C), or lists of rows",
            )
        self.classes = shape[-1]
        self.numbers_per_sample = self._numbers(shape[0])
        self.blank: int = self.classes - 1 if options["blank"] == "last" else options["blank"]
        if self.blank >= self.classes:
            raise DataError(
                f"--blank is {self.blank}, but {self.predictions.info.path} has {self.classes} classes",
                hint=f"--blank last is class {self.classes - 1}",
            )
        self.rows = ScoreRows(self.predictions, {**options, "normalize": False}, nan, self.classes, 1)
        self.threads = 1
        self.labels = Labels(self.targets, self.classes, None, None)

    @property
    def infinite(self) -> str:
        """What an infinite loss comes from."""
        return "no path that reads as the target has a probability above 0"

    @property
    def leaving_out(self) -> str:
        """Where to look when nothing is left to score."""
        if self.mean_rule == "label":
            return "a mean per label needs a label: --mean-rule sample divides by utterances"
        return "look at --on-nan and the sample weights"

    def _numbers(self, frames: int) -> int:
        """What an utterance counts for where blocks are cut.

        The recursion takes a few steps of the interpreter for each frame, for all utterances of a block
        together: it needs many of them, and holds only the classes of their targets.
        """
        if is_ragged(self.predictions):
            return RAGGED_NUMBERS
        labels = 1 if is_ragged(self.targets) else math.prod(sample_shape(self.targets))
        return 1 + frames * (labels + 1) // UTTERANCES_TOGETHER

    def take_threads(self, threads: int) -> int:
        """Keep all for the frames of a block: the recursion is quickest alone.

        It takes thousands of small steps, and where two threads do that each waits for the interpreter's lock.
        """
        self.threads = threads
        return 1

    def prepare(self, values: Values) -> None:
        """Decide the kind by the first frames, unless it was stated."""
        if not self.rows.detected:
            return
        head = max(1, DECIDING_NUMBERS // (self.numbers_per_sample * self.classes))
        batch = self._batch(0, {name: cut_rows(value, 0, head) for name, value in values.items()})
        steps = max(1, DECIDING_NUMBERS // (len(batch.frames) * self.classes))
        frames = batch.frames[:, :steps]
        counted = np.arange(frames.shape[1]) < batch.input_lengths[:, np.newaxis]
        samples = np.repeat(np.arange(len(frames)), frames.shape[1])
        self.rows.decide(as_float64(frames).reshape(-1, self.classes), counted.reshape(-1), samples)

    def score(self, start: int, values: Values) -> Elements:
        """The losses of the utterances from `start` on."""
        batch = self._batch(start, values)
        check = FrameCheck(self.rows, self.nan, start, batch.frames, batch.input_lengths, self.threads)
        check.begin()
        loss = self.loss.kernel(
            batch.frames,
            batch.targets,
            batch.input_lengths,
            batch.target_lengths,
            self.blank,
            self.rows.kind,
            check.in_order,
        )
        check.finish()
        facts, skipped = AlignmentFacts(check.facts), check.skipped
        kept = np.ones(len(batch.frames), np.bool_) if skipped is None else ~skipped
        facts.frames = int(batch.input_lengths[kept].sum())
        facts.labels = int(batch.target_lengths[kept].sum())
        loss = np.where(
            check.broken, np.nan, loss
        )  # also where the NaN is that of a class that the target does not use
        impossible = np.flatnonzero(kept & ~self._possible(batch))
        facts.impossible = len(impossible)
        facts.first_impossible = (start + impossible[:NAMED]).tolist()
        if self.zero_infinity:
            facts.zeroed = int((kept & np.isinf(loss)).sum())
            loss = np.where(np.isinf(loss), 0.0, loss)
        if self.mean_rule == "label":
            return Elements(loss, batch.target_lengths.astype(np.float64), None, skipped, facts)
        mean_loss = loss / np.maximum(batch.target_lengths, 1) if self.mean_rule == "torch" else None
        return Elements(loss, None, None, skipped, facts, mean_loss=mean_loss)

    def _batch(self, start: int, values: Values) -> _Batch:
        """The block with its lengths, each one checked, and every label of a target."""
        frames, of_frames = self._frames_of(values["predictions"])
        input_lengths = self._lengths(values, "input_lengths", start, of_frames)
        targets, of_targets = self._targets_of(values["targets"], start)
        if "target_lengths" in values:
            of_targets = self._lengths(values, "target_lengths", start, of_targets)
        elif not isinstance(values["targets"], Ragged):
            of_targets = _without_padding(targets, self.blank)
        self._check_labels(targets, of_targets, start)
        return _Batch(frames, targets, input_lengths, of_targets)

    def _frames_of(self, found: np.ndarray | Ragged) -> tuple[np.ndarray, np.ndarray]:
        if not isinstance(found, Ragged):
            return found, np.full(len(found), found.shape[1])
        return filled_up(found, 0.0)

    def _targets_of(self, found: np.ndarray | Ragged, start: int) -> tuple[np.ndarray, np.ndarray]:
        if not isinstance(found, Ragged):
            if found.ndim != 2:
                raise DataError(
                    f"{self.targets.info.path} has shape {self.targets.info.shape}",
                    why="targets are (N, S), one vector with --target-lengths, or lists",
                )
            return self.labels.indices(found, start), np.full(len(found), found.shape[1])
        return filled_up(Ragged(self.labels.indices(found.values, start), found.offsets), -1)

    def _lengths(self, values: Values, name: str, start: int, longest: np.ndarray) -> np.ndarray:
        """The lengths of a side input, or what the arrays say where there is none."""
        if name not in values:
            return longest
        parts = "frames" if name == "input_lengths" else "labels"
        return _lengths_in(self.fields[name]).read_lengths(array(values, name), start, longest, parts)

    def _check_labels(self, targets: np.ndarray, lengths: np.ndarray, start: int) -> None:
        inside = np.arange(targets.shape[1]) < lengths[:, np.newaxis]
        wrong = np.argwhere(inside & ((targets < 0) | (targets >= self.classes) | (targets == self.blank)))
        if not len(wrong):
            return
        row, position = (int(i) for i in wrong[0])
        label = int(targets[row, position])
        is_blank = label == self.blank
        raise DataError(
            f"{self.targets.where(start + row)}: label {position} of utterance {start + row} is {label}",
            why=f"{label} is the blank, which is no label"
            if is_blank
            else f"there are {self.classes} classes (0 to {self.classes - 1})",
            hint=f"--blank last, if class {self.classes - 1} is the blank"
            if is_blank and self.blank == 0
            else "--target-lengths says where each target ends"
            if is_blank or label < 0
            else "are these the targets of these predictions?",
        )

    def _possible(self, batch: _Batch) -> np.ndarray:
        repeats = count_repeats(batch.targets, batch.target_lengths)
        return alignment_exists(batch.input_lengths, batch.target_lengths, repeats)

    def finish(self, facts: AlignmentFacts) -> list[str]:
        """Warnings about the frames, and about utterances that cannot be aligned."""
        found = self.rows.warnings(facts.rows)
        if facts.impossible:
            rows = ", ".join(map(str, facts.first_impossible))
            found.append(
                f"{facts.impossible} utterance{'s have' if facts.impossible > 1 else ' has'} no alignment "
                f"(the first: {rows}): fewer frames than labels and repeats"
            )
        if facts.zeroed:
            found.append(
                f"--zero-infinity counts {facts.zeroed} infinite loss{'es' if facts.zeroed > 1 else ''} as 0, "
                "which stays in the denominator"
            )
        return found

    def details(self, values: Values) -> Mapping[str, np.ndarray]:
        """Frames, labels, repeats and whether an alignment exists."""
        batch = self._batch(0, values)
        return {
            "frames": batch.input_lengths,
            "labels": batch.target_lengths,
            "repeats": count_repeats(batch.targets, batch.target_lengths),
            "possible": self._possible(batch),
        }

    def report(self, total: Partial, _unit_in_nats: float) -> Mapping[str, Any]:
        """The mean rule, and what there was to align."""
        facts: AlignmentFacts = total.facts
        rules = {
            "torch": "mean of loss / labels, over utterances",
            "sample": "mean of loss, over utterances",
            "label": "sum of losses / sum of labels",
        }
        return {
            "mean_rule": f"{self.mean_rule}: {rules[self.mean_rule]}",
            "frames": facts.frames,
            "labels": facts.labels,
            "impossible": facts.impossible,
            "zeroed": facts.zeroed,
        }

    def describe(self, records: dict[str, InputRecord], facts: AlignmentFacts | None) -> dict[str, InputRecord]:
        """The kind of the frames and how it is known."""
        known = self.rows.evidence(facts.rows) if facts else "no frame was scored"
        records["predictions"] = dataclasses.replace(records["predictions"], kind=self.rows.kind, evidence=known)
        records["targets"] = dataclasses.replace(
            records["targets"], kind="labels", evidence=f"class {self.blank} is the blank"
        )
        return records


def _without_padding(targets: np.ndarray, blank: int) -> np.ndarray:
    """The lengths of the targets up to their trailing negative or blank entries."""
    real = (targets >= 0) & (targets != blank)
    lengths: np.ndarray = np.where(real, np.arange(1, targets.shape[1] + 1), 0).max(axis=1, initial=0)
    return lengths
