"""Rows of scores over classes: of which kind they are, and that each of them is sound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from losscli.data.model import Field
from losscli.engine.kind import FEW, RowFacts, by_class, detect, doubts, evidence, examine, mixture
from losscli.engine.scoring import NanPolicy, as_float64
from losscli.errors import DataError, UsageError
from losscli.losses.classification import Surprisal
from losscli.losses.contracts import ScoreKind
from losscli.numerics import PIECE, Array, exp, in_range

DECIDING_ROWS = 4096
"""How many rows of the first block decide the kind; all others must agree."""

SLACK = 1e-9
"""By which share of itself a sum of exponentials may seem to be off, at most."""


class ScoreRows:
    """Checks rows of `classes` scores, of which each sample has `per_sample`, and makes surprisals of them."""

    def __init__(
        self, predictions: Field, options: Mapping[str, Any], nan: NanPolicy, classes: int, per_sample: int
    ) -> None:
        self.predictions = predictions
        self.nan = nan
        self.classes = classes
        self.per_sample = per_sample
        self.tolerance: float = options["row_sum_tolerance"]
        self.normalize: bool = options["normalize"]
        self.detected = options["kind"] == "auto"
        self.kind: ScoreKind = "logits" if self.detected else options["kind"]
        if self.normalize and options["kind"] != "probs":
            raise UsageError("--normalize divides probabilities by their sum", hint="add --kind probs")

    def decide(self, scores: np.ndarray, counted: np.ndarray | None, samples: np.ndarray | None = None) -> None:
        """Decide the kind by the first rows that count (None: all), unless it was stated.

        `samples` are the numbers of the samples that the rows belong to, where they are not in order.
        """
        if not self.detected:
            return
        high = _greatest(scores)
        sound = ~np.isnan(high)
        if counted is not None:
            sound &= counted
        if not sound.any():
            return
        if samples is None:
            samples = self.samples_of(0, np.arange(len(scores)))
        self._refuse_infinite(scores, high, sound, samples)
        facts = self._examine(scores, sound, samples)
        if mixed := mixture(facts):
            self.kind, count = mixed
            raise self._contradiction(scores, sound, facts, f"{count} of the first {facts.rows} rows are")
        self.kind = detect(facts, self.predictions.info.path)

    def surprisal(self, scores: np.ndarray, counted: np.ndarray | None, start: int) -> Surprisal:
        """The surprisals of the rows; an error where one that counts cannot be normalised, as is asked for."""
        if self.normalize:
            self._refuse_sums(as_float64(scores), counted, start)
        return self.surprisal_of_sound(scores)

    def surprisal_of_sound(self, scores: np.ndarray) -> Surprisal:
        """The surprisals of rows of which all that count can be normalised, if that is asked for."""
        if not self.normalize:
            return Surprisal(self.kind, scores)
        scores = as_float64(scores)
        return Surprisal(self.kind, scores / scores.sum(axis=1, keepdims=True), normalized=True)

    def inspect(
        self, surprisal: Surprisal, counted: np.ndarray | None, start: int, first: int = 0
    ) -> tuple[np.ndarray | None, np.ndarray | None, RowFacts]:
        """Look at the rows of which surprisals were taken, the `first` of those from sample `start` on.

        Returns:
            The rows that a NaN makes unusable and the samples to be left out for one (None where all is
            well), and what the other rows show of their kind.
        """
        scores = surprisal.scores
        if self.kind == "logits" and surprisal.others is not None and surprisal.chosen is not None:
            rows = len(scores) if counted is None else int(counted.sum())
            if surprisal.least_mass and self._is_settled(scores, counted):
                return None, None, RowFacts(rows)
            doubtful = self._doubtful(surprisal.others, surprisal.chosen, surprisal.least_mass)
            few = scores.take(doubtful, axis=0)
            if surprisal.least_mass or np.isfinite(_greatest(few)).all():
                sound = np.ones(len(doubtful), np.bool_) if counted is None else counted[doubtful]
                facts = self.facts(few, sound, self.samples_of(start, first + doubtful))
                facts.rows = rows
                return None, None, facts
        sound = np.ones(len(scores), np.bool_) if counted is None else counted
        samples = self.samples_of(start, np.arange(first, first + len(scores)))
        broken, lost = self.broken(scores, self.predictions, sound, samples)
        if broken is not None:
            sound = sound & ~broken
        return broken, lost, self.facts(scores, sound, samples)

    def _is_settled(self, scores: np.ndarray, counted: np.ndarray | None) -> bool:
        """Whether one row of logits says enough of the kind of all, which are known to be sound.

        Where the kind was stated, all that is ever said of them is whether every row is one of probabilities.
        """
        first = 0 if counted is None else int(counted.argmax())
        row = as_float64(scores[first : first + 1])
        return not self.detected and not examine(row, np.array([first]), self.tolerance).probs

    def _doubtful(self, others: Array, chosen: Array, least_mass: float) -> np.ndarray:
        """The rows of logits that may be broken, or may be probabilities or log-probabilities.

        `others` and `chosen` are Σ exp x of all classes but the target, and exp x of the target. If the x
        are log-probabilities, both add up to about 1. If they are probabilities, the target's x lies in
        [0, 1], and the rest of the probability decides on the others: as exp is convex, Σ exp x is greatest
        where one of them has it all, and it is Σ (1 + x) at least. Almost no row of logits falls there.
        """
        tolerance, several = self.tolerance, self.classes - 1
        likely = _within(others, several, several - 1 + exp(1.0 + tolerance))
        likely &= _within(chosen, 1.0, math.e)
        rows = np.flatnonzero(likely)
        rest = 1.0 - np.log(chosen[rows])
        least, most = np.maximum(rest - tolerance, 0.0), np.exp(np.maximum(rest + tolerance, 0.0))
        likely = _within(others[rows], several + least, several - 1 + most)
        near_one = exp(tolerance + SLACK)
        if least_mass > near_one:
            return np.compress(likely, rows)
        mass = others + chosen
        doubtful = _within(mass, 1.0 / near_one, near_one)
        doubtful |= ~in_range(mass)
        doubtful[rows] |= likely
        return np.flatnonzero(doubtful)

    def broken(
        self, scores: np.ndarray, field: Field, counted: np.ndarray | None, samples: np.ndarray
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The rows that a NaN makes unusable, and the samples to be left out for one; None where all is well."""
        broken = np.isnan(_greatest(scores))
        if not broken.any():
            return None, None
        lost = self.nan.samples(scores, broken if counted is None else broken & counted, samples, field)
        return broken if lost is None else broken | np.isin(samples, lost), lost

    def facts(self, scores: np.ndarray, sound: np.ndarray, samples: np.ndarray) -> RowFacts:
        """What the sound rows show of their kind; an error where one contradicts it, or is no row of scores.

        `samples` are the numbers of the samples that the rows belong to.
        """
        if not len(scores):
            return RowFacts()
        lanes, axis = by_class(scores)
        high: np.ndarray = lanes.max(axis=axis)
        if not np.isfinite(high).all():
            self._refuse_infinite(scores, high, sound, samples)
        if self.kind == "logits":
            # No row with a class above 1, or with one above 0 and one below, can be of another kind: the rest is few.
            maybe = sound & (high <= 1.0) & ((high <= 0.0) | (lanes.min(axis=axis) >= 0.0))
            facts = self._examine(scores, maybe, samples)
            facts.rows = int(sound.sum())
            return facts
        facts = self._examine(scores, sound, samples)
        if facts.first_not(self.kind) is not None:
            how = "detected in the rows before" if self.detected else "stated"
            raise self._contradiction(scores, sound, facts, how)
        return facts

    def samples_of(self, start: int, rows: np.ndarray) -> np.ndarray:
        """The numbers of the samples that rows belong to, which are counted from sample `start` on."""
        return start + rows // self.per_sample

    def _refuse_infinite(self, scores: Array, high: Array, counted: np.ndarray, samples: np.ndarray) -> None:
        """Refuse +inf, and rows without a class that is possible."""
        endless = np.flatnonzero(counted & (high == np.inf))
        if endless.size:
            row = int(endless[0])
            raise DataError(
                f"{self.predictions.where(int(samples[row]), int(scores[row].argmax()))}: the value is inf",
                why="a logit of +inf makes every probability undefined",
                hint="look at what exported it: an overflow of float16 is the usual cause",
            )
        empty = np.flatnonzero(counted & (high == -np.inf))
        if empty.size:
            row = int(empty[0])
            raise DataError(
                f"{self.predictions.where(int(samples[row]))}: all {self.classes} values are -inf",
                why="a row needs at least one class that is not masked out",
            )

    def _refuse_sums(self, scores: Array, counted: np.ndarray | None, start: int) -> None:
        """Refuse rows that are no probabilities, whatever they are divided by."""
        total: Array = scores.sum(axis=1)
        wrong = (total <= 0.0) | (scores.min(axis=1) < 0.0)
        bad = np.flatnonzero(wrong if counted is None else wrong & counted)
        if bad.size:
            row = int(bad[0])
            raise DataError(
                f"{self.predictions.where(start + row // self.per_sample)}: the row cannot be normalised",
                why=f"it sums to {total[row]:g}, its smallest value is {scores[row].min():g}",
            )

    def _examine(self, scores: np.ndarray, chosen: np.ndarray, samples: np.ndarray) -> RowFacts:
        """The facts about the chosen rows, a few at a time: one sequence can be millions of scores."""
        facts = RowFacts()
        step = max(1, PIECE // self.classes)
        for low in range(0, len(scores), step):
            part = slice(low, low + step)
            rows, of, keep = scores[part], samples[part], chosen[part]
            if not keep.all():
                rows, of = rows[keep], of[keep]
            facts.merge(examine(as_float64(rows), of, self.tolerance))
        return facts

    def _first_contradiction(self, scores: Array, counted: np.ndarray) -> int:
        def contradicts(row: int) -> bool:
            fact = examine(as_float64(scores[row : row + 1]), np.array([0]), self.tolerance)
            return fact.first_not(self.kind) is not None

        return next(filter(contradicts, np.flatnonzero(counted).tolist()))

    def _contradiction(self, scores: Array, counted: np.ndarray, facts: RowFacts, how: str) -> DataError:
        """The error for the first row that is not of the kind; `how` says how the kind is known."""
        row = scores[self._first_contradiction(scores, counted)]
        sample = facts.first_not(self.kind)
        assert sample is not None  # noqa: S101 - that row is why we are here
        lead = f"the predictions are {self.kind} ({how})"
        if self.kind == "log-probs":
            above = np.flatnonzero(row > 0.0)
            if above.size:
                column = int(above[0])
                problem = f"{self.predictions.where(sample, column)}: {row[column]:.9g} is no log-probability"
                why = f"{lead}, and a log-probability is at most 0"
            else:
                sums = np.exp(row).sum()
                problem = f"{self.predictions.where(sample)}: the probabilities of the row sum to {sums:.9g}"
                why = f"{lead}, so that their exponentials must sum to 1"
            is_probs = row.min() >= 0.0 and abs(row.sum() - 1.0) <= self.tolerance
            return DataError(
                problem,
                why=why,
                hint="--kind probs takes the values as probabilities, which they look like"
                if is_probs
                else "--kind logits normalises each row by its softmax"
                + ("" if self.detected else "; --kind auto looks at the rows"),
            )
        outside = np.flatnonzero((row < 0.0) | (row > 1.0))
        total = row.sum()
        if abs(total - 100.0) <= 5.0 and row.min() >= 0.0:
            return DataError(
                f"{self.predictions.where(sample)}: the row sums to {total:.9g}",
                why=f"{lead}, but these look like percentages",
                hint="--kind probs --normalize divides each row by its sum",
            )
        if outside.size:
            column = int(outside[0])
            return DataError(
                f"{self.predictions.where(sample, column)}: {row[column]:.9g} is no probability",
                why=f"{lead}, and a probability lies in [0, 1]",
                hint="--kind logits takes the values as un-normalised scores",
            )
        return DataError(
            f"{self.predictions.where(sample)}: the probabilities of the row sum to {total:.9g}",
            why=f"{lead}, so that they must sum to 1 within {self.tolerance:g}; rounded values may be off",
            hint="--row-sum-tolerance widens that, --kind probs --normalize divides each row by its sum"
            + ("; --kind logits takes all rows as scores" if self.detected else ""),
        )

    def warnings(self, facts: RowFacts) -> list[str]:
        """What is doubtful about the rows; an error where later rows belie the detected kind."""
        if self.kind == "logits" and self.detected:
            for kind, count in (("probs", facts.probs), ("log-probs", facts.log_probs)):
                if count > FEW * facts.rows:
                    raise DataError(
                        f"{self.predictions.info.path}: the first rows are logits, "
                        f"but {count} of {facts.rows} rows are {kind}",
                        why="every row must be of one kind",
                        hint="say what they are with --kind",
                    )
        return doubts(self.kind, facts, self.classes, self.predictions.info.path)

    def evidence(self, facts: RowFacts) -> str:
        """How the kind is known, in words."""
        return evidence(self.kind, facts, detected=self.detected)


def _greatest(scores: np.ndarray) -> np.ndarray:
    """The greatest score of each row."""
    lanes, axis = by_class(scores)
    greatest: np.ndarray = lanes.max(axis=axis)
    return greatest


def _within(values: Array, low: Array | float, high: Array | float) -> np.ndarray:
    """Which values > 0 lie between two bounds, or as good as."""
    within: np.ndarray = (values >= low * (1.0 - SLACK)) & (values <= high * (1.0 + SLACK))
    return within
