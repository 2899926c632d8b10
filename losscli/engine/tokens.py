"""Scores sequences: which tokens count, and which row of scores predicts which token."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from losscli.data.model import Field, Ragged
from losscli.engine.kind import RowFacts
from losscli.engine.labels import Labels
from losscli.engine.reduce import Partial
from losscli.engine.result import InputRecord
from losscli.engine.score_rows import DECIDING_ROWS, ScoreRows
from losscli.engine.scoring import Elements, NanPolicy, Scorer, Values, array, as_float64, sample_shape
from losscli.errors import DataError, UsageError
from losscli.losses.catalogue import Loss
from losscli.losses.classification import Surprisal
from losscli.losses.contracts import CHOSEN_KINDS
from losscli.numerics import Array, ExactSum

RAGGED_NUMBERS = 1024
"""What a sequence of unknown length is taken for where blocks are cut."""

SCORED, PADDED, PROMPT, MASKED, UNPREDICTED = range(5)
STATES = ("scored", "padded", "prompt", "masked", "unpredicted")
"""What a token can be; a token that is several of them is the first, after `scored`."""

SHIFTS = (-1, 0, 1)


@dataclass
class TokenFacts:
    """What became of the tokens, and what the other shifts would have scored."""

    states: np.ndarray = field(default_factory=lambda: np.zeros(len(STATES), np.int64))
    sequences: int = 0
    bytes: ExactSum = field(default_factory=ExactSum)
    shifted: dict[int, ExactSum] = field(default_factory=lambda: {shift: ExactSum() for shift in SHIFTS})
    shifted_tokens: dict[int, int] = field(default_factory=lambda: dict.fromkeys(SHIFTS, 0))
    rows: RowFacts | None = None

    def merge(self, later: TokenFacts) -> None:
        """Add the sequences that follow."""
        self.states = self.states + later.states
        self.sequences += later.sequences
        self.bytes.merge(later.bytes)
        for shift in SHIFTS:
            self.shifted[shift].merge(later.shifted[shift])
            self.shifted_tokens[shift] += later.shifted_tokens[shift]
        if self.rows is None:
            self.rows = later.rows
        elif later.rows is not None:
            self.rows.merge(later.rows)


class TokensScorer(Scorer):
    """See `losscli.engine.scoring.Scorer`."""

    def __init__(self, loss: Loss, options: Mapping[str, Any], fields: Mapping[str, Field], nan: NanPolicy) -> None:
        self.loss = loss
        self.fields = fields
        self.predictions = fields["predictions"]
        self.nan = nan
        self.kind: str = options["kind"]
        self.shift: int = options["shift"]
        self.ignore_index: int | None = options["ignore_index"]
        shape = sample_shape(self.predictions)
        self.rows: ScoreRows | None = None
        if self.kind in CHOSEN_KINDS:
            self._init_chosen(shape)
            return
        targets = fields["targets"]
        if len(shape) != 2 or sample_shape(targets) != shape[:1]:
            raise DataError(
                f"{self.predictions.info.path} has shape {self.predictions.info.shape}, "
                f"{targets.info.path} has {targets.info.shape}",
                why="scores are (N, T, V) and tokens (N, T), or (T, V) and (T) for one sequence",
                hint="log-probabilities of the chosen tokens alone: --kind token-log-probs, and no TARGETS",
            )
        steps, classes = shape
        self.steps = steps
        self.numbers_per_sample = steps * classes
        self.rows = ScoreRows(self.predictions, options, nan, classes, steps)
        self.labels = Labels(targets, classes, None, None)

    def _init_chosen(self, shape: tuple[int, ...]) -> None:
        if "targets" in self.fields:
            raise UsageError(f"--kind {self.kind} holds the chosen tokens, so that there are no TARGETS to name")
        if len(shape) > 1:
            raise DataError(
                f"{self.predictions.info.path} has shape {self.predictions.info.shape}",
                why=f"{self.kind} are one number a token: (N, T), (T), or lists",
            )
        self.steps = shape[0] if shape else 0
        self.numbers_per_sample = self.steps or RAGGED_NUMBERS

    def prepare(self, values: Values) -> None:
        """Decide the kind by the first rows, unless it was stated."""
        if self.rows is None:
            return
        head = max(1, DECIDING_ROWS // self.steps)
        few = {name: value[:head] for name, value in values.items() if isinstance(value, np.ndarray)}
        scores, _, counted, _ = self._rows_and_targets(0, few)
        self.rows.decide(scores, counted)

    def score(self, start: int, values: Values) -> Elements:
        """The losses of the sequences from `start` on."""
        facts = TokenFacts()
        if self.rows is None:
            loss, states, lengths, skipped = self._score_chosen(start, values)
        else:
            loss, states, skipped = self._score_rows(start, values, facts)
            lengths = None
        weight = (states == SCORED).astype(np.float64)
        facts.states = np.bincount(states.reshape(-1), minlength=len(STATES))
        facts.sequences = int((states == SCORED).any(axis=1).sum())
        if "bytes" in values:
            facts.bytes.add(self._whole(values, "bytes", start).astype(np.float64))
        loss = np.where(states == SCORED, loss, 0.0)
        return Elements(loss, weight, states != SCORED, skipped, facts, lengths=lengths)

    def _score_rows(self, start: int, values: Values, facts: TokenFacts) -> tuple[Array, np.ndarray, np.ndarray | None]:
        assert self.rows is not None  # noqa: S101 - told to the type checker
        scores, target, counted, states = self._rows_and_targets(start, values)
        surprisal = self.rows.surprisal(scores, counted, start)
        of_row = self.loss.kernel(surprisal, target)
        broken, skipped, facts.rows = self.rows.inspect(surprisal, counted, start)
        if broken is not None:
            of_row = np.where(broken, np.nan, of_row)
        self._try_shifts(surprisal, values, states, start, facts)
        return _moved(of_row.reshape(states.shape), self.shift), states, skipped

    def _rows_and_targets(self, start: int, values: Values) -> tuple[Array, np.ndarray, np.ndarray, np.ndarray]:
        """The rows of scores, the token that each predicts, whether that one counts; and the tokens' states."""
        predictions = array(values, "predictions")
        tokens = self.labels.indices(array(values, "targets"), start)
        states = self._states(start, values, tokens)
        self.labels.check(np.where(states == SCORED, tokens, 0), start)
        target = _moved(np.where(states == SCORED, tokens, -1), -self.shift, fill=-1).reshape(-1)
        scores = np.ascontiguousarray(as_float64(predictions)).reshape(len(target), -1)
        return scores, np.maximum(target, 0), target >= 0, states

    def _states(self, start: int, values: Values, tokens: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
        """What each token is."""
        position = np.arange(tokens.shape[1])
        states = np.full(tokens.shape, SCORED)
        unpredicted = (position - self.shift < 0) | (position - self.shift >= tokens.shape[1])
        states[:, unpredicted] = UNPREDICTED
        if "mask" in values:
            states[self._mask(values, start, tokens.shape) == 0] = MASKED
        if "prompt_lengths" in values:
            prompts = self._lengths(values, "prompt_lengths", start, tokens.shape[1])
            states[position < prompts[:, np.newaxis]] = PROMPT
        if "lengths" in values:
            lengths = self._lengths(values, "lengths", start, tokens.shape[1])
        if lengths is not None:
            states[position >= lengths[:, np.newaxis]] = PADDED
        if self.ignore_index is not None:
            states[tokens == self.ignore_index] = PADDED
        return states

    def _mask(self, values: Values, start: int, shape: tuple[int, ...]) -> np.ndarray:
        found = values["mask"]
        mask = _padded(found, 0.0)[0] if isinstance(found, Ragged) else as_float64(found)
        if mask.shape != shape:
            raise DataError(
                f"{self.fields['mask'].info.path}: the mask has shape {mask.shape}, the tokens {shape}",
                why="a mask has one value for each token",
            )
        bad = np.argwhere((mask != 0.0) & (mask != 1.0))
        if len(bad):
            row, column = bad[0]
            raise DataError(
                f"{self.fields['mask'].where(start + int(row), int(column))}: the mask is {mask[row, column]:g}",
                why="1 is a token that is scored, 0 one that is not",
            )
        return mask

    def _whole(self, values: Values, name: str, start: int) -> np.ndarray:
        """A side input of one whole number ≥ 0 a sequence."""
        side = self.fields[name]
        numbers = as_float64(array(values, name))
        if numbers.size != len(numbers):
            raise DataError(f"{side.info.path}: one number a sequence is meant, not shape {side.info.shape}")
        numbers = numbers.reshape(-1)
        bad = np.flatnonzero(~((numbers >= 0.0) & (np.floor(numbers) == numbers) & np.isfinite(numbers)))
        if bad.size:
            raise DataError(
                f"{side.where(start + int(bad[0]))}: {numbers[bad[0]]:g} is no whole number ≥ 0",
                why=f"--{name.replace('_', '-')} counts",
            )
        return numbers.astype(np.int64)

    def _lengths(self, values: Values, name: str, start: int, steps: int) -> np.ndarray:
        lengths = self._whole(values, name, start)
        beyond = np.flatnonzero(lengths > steps)
        if beyond.size:
            raise DataError(
                f"{self.fields[name].where(start + int(beyond[0]))}: the length is {lengths[beyond[0]]}, "
                f"but sequences have {steps} tokens",
                why="a length counts the tokens of its sequence from the left",
            )
        return lengths

    def _score_chosen(
        self, start: int, values: Values
    ) -> tuple[Array, np.ndarray, np.ndarray | None, np.ndarray | None]:
        found = values["predictions"]
        if isinstance(found, Ragged):
            chosen, lengths = _padded(as_ragged_float64(found), 1.0 if self.kind == "token-probs" else 0.0)
        else:
            chosen, lengths = as_float64(found), None
        states = self._states(start, values, np.zeros(chosen.shape, np.int64), lengths)
        scored = states == SCORED
        skipped = self.nan.rows(np.where(scored, chosen, 0.0), start, self.predictions)
        low, high = (-np.inf, 0.0) if self.kind == "token-log-probs" else (0.0, 1.0)
        bad = np.argwhere(scored & ((chosen < low) | (chosen > high)))
        if len(bad):
            row, column = bad[0]
            raise DataError(
                f"{self.predictions.where(start + int(row))}: token {column} has {chosen[row, column]:g}",
                why="a log-probability is at most 0" if high == 0.0 else "a probability lies in [0, 1]",
                hint="--kind token-probs" if high == 0.0 and chosen[row, column] <= 1.0 else "--kind token-log-probs",
            )
        surprisal = Surprisal("log-probs" if high == 0.0 else "probs", chosen.reshape(-1, 1))
        loss = self.loss.kernel(surprisal, np.zeros(chosen.size, np.int64)).reshape(chosen.shape)
        return loss, states, lengths, skipped

    def _try_shifts(
        self, surprisal: Surprisal, values: Values, states: np.ndarray, start: int, facts: TokenFacts
    ) -> None:
        """What each of a few shifts would score, on the tokens that are neither padding nor masked."""
        tokens = self.labels.indices(array(values, "targets"), start)
        real = ((states == SCORED) | (states == UNPREDICTED)) & (tokens >= 0) & (tokens < self.labels.classes)
        for shift in SHIFTS:
            target = _moved(np.where(real, tokens, -1), -shift, fill=-1).reshape(-1)
            rows = np.flatnonzero((target >= 0) & (states != PADDED).reshape(-1))
            found = surprisal.of(np.maximum(target, 0))[rows]
            facts.shifted[shift].add(found[np.isfinite(found)])
            facts.shifted_tokens[shift] += int(np.isfinite(found).sum())

    def finish(self, facts: TokenFacts) -> list[str]:
        """Warnings about the rows, and about a shift that another one beats."""
        if self.rows is None or facts.rows is None:
            return []
        found = self.rows.warnings(facts.rows)
        means = {s: facts.shifted[s].value() / n for s, n in facts.shifted_tokens.items() if n}
        best = min(means, key=lambda shift: means[shift], default=self.shift)
        if best != self.shift and (self.shift not in means or means[best] < means[self.shift]):
            stated = f"{means[self.shift]:.4g}" if self.shift in means else "more"
            found.append(
                f"--shift {best} would score {means[best]:.4g} nats per token, --shift {self.shift} scores {stated}: "
                "are tokens and scores aligned as stated?"
            )
        return found

    def describe(self, records: dict[str, InputRecord], facts: TokenFacts) -> dict[str, InputRecord]:
        """The kind of the predictions and how it is known."""
        if self.rows is None or facts.rows is None:
            kind, known = self.kind, "stated"
        else:
            kind, known = self.rows.kind, self.rows.evidence(facts.rows)
            records["targets"] = dataclasses.replace(
                records["targets"], kind="tokens", evidence=f"the scores at t predict the token at t + {self.shift}"
            )
        records["predictions"] = dataclasses.replace(records["predictions"], kind=kind, evidence=known)
        return records

    def report(self, total: Partial, unit_in_nats: float) -> Mapping[str, Any]:
        """The corpus in every measure that is in use, and what became of the tokens."""
        facts: TokenFacts = total.facts
        nats = total.total.value() * unit_in_nats
        per_token = total.numerator.over(total.denominator) * unit_in_nats
        measures = {
            "tokens": {state: int(count) for state, count in zip(STATES, facts.states, strict=True)},
            "sequences": facts.sequences,
            "nll": nats,
            "nats_per_token": per_token,
            "bits_per_token": per_token / math.log(2.0),
            "perplexity": math.exp(per_token) if per_token < 709.0 else math.inf,
            "nll_per_sequence": nats / facts.sequences if facts.sequences else math.nan,
        }
        if facts.bytes.units:
            measures["bits_per_byte"] = nats / math.log(2.0) / facts.bytes.value()
        return measures


def _moved(values: np.ndarray, by: int, fill: float = 0.0) -> np.ndarray:
    """The columns moved to the right by `by` (left if negative); what comes in is `fill`."""
    steps = values.shape[1]
    moved = np.full_like(values, fill)
    if abs(by) < steps:
        moved[:, max(by, 0) : steps + min(by, 0)] = values[:, max(-by, 0) : steps + min(-by, 0)]
    return moved


def as_ragged_float64(ragged: Ragged) -> Ragged:
    """The same rows in float64."""
    return Ragged(as_float64(ragged.values), ragged.offsets)


def _padded(ragged: Ragged, fill: float) -> tuple[Array, np.ndarray]:
    """Rows of one length, filled up on the right; and how long each was."""
    lengths = np.diff(ragged.offsets)
    padded = np.full((len(lengths), int(lengths.max(initial=0))), fill)
    inside = np.arange(padded.shape[1]) < lengths[:, np.newaxis]
    padded[inside] = ragged.values
    return padded, lengths
