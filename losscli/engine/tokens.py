"""Scores sequences: which tokens count, and which row of scores predicts which token."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from losscli.data.model import Field, Ragged
from losscli.data.rows import cut_rows, filled_up
from losscli.engine.kind import RowFacts
from losscli.engine.labels import Labels
from losscli.engine.reduce import Partial
from losscli.engine.result import InputRecord
from losscli.engine.score_rows import DECIDING_ROWS, ScoreRows
from losscli.engine.scoring import Elements, NanPolicy, Scorer, Values, among, array, as_float64, sample_shape
from losscli.engine.sides import WholeNumbers
from losscli.errors import DataError, UsageError
from losscli.losses.catalogue import Loss
from losscli.losses.classification import Surprisal
from losscli.losses.contracts import CHOSEN_KINDS
from losscli.numerics import PIECE, Array, ExactSum, exp
from losscli.wording import flag_of

RAGGED_NUMBERS = 1024
"""What a sequence of unknown length is taken for where blocks are cut."""

SCORED, SKIPPED, PADDED, PROMPT, MASKED, UNPREDICTED = range(6)
STATES = ("scored", "skipped", "padded", "prompt", "masked", "unpredicted")
"""What a token can be; a token that is several of them is the first, after `scored`."""

NOUNS = {"lengths": "the length", "prompt_lengths": "the prompt length", "bytes": "the number of bytes"}

SHIFTS = (-1, 0, 1)
"""What is tried beside the stated shift."""

SURE = 3.0
"""How many standard errors another shift must be ahead: of shifts that score alike, one is ahead by chance."""


@dataclass
class TokenFacts:
    """What became of the tokens, and what the other shifts would have scored."""

    states: np.ndarray = field(default_factory=lambda: np.zeros(len(STATES), np.int64))
    sequences: int = 0
    sequence_weight: ExactSum = field(default_factory=ExactSum)
    bytes: ExactSum = field(default_factory=ExactSum)
    shifted: dict[int, ExactSum] = field(default_factory=dict)
    shifted_squares: dict[int, float] = field(default_factory=dict)
    shifted_tokens: dict[int, int] = field(default_factory=dict)
    rows: RowFacts | None = None

    def error_of_mean(self, shift: int, mean: float) -> float:
        """The standard error of what a shift scores on average."""
        tokens = self.shifted_tokens[shift]
        return math.sqrt(max(0.0, self.shifted_squares[shift] / tokens - mean * mean) / tokens)

    def merge(self, later: TokenFacts) -> None:
        """Add the sequences that follow."""
        self.states = self.states + later.states
        self.sequences += later.sequences
        self.sequence_weight.merge(later.sequence_weight)
        self.bytes.merge(later.bytes)
        for shift, total in later.shifted.items():
            self.shifted.setdefault(shift, ExactSum()).merge(total)
            self.shifted_squares[shift] = self.shifted_squares.get(shift, 0.0) + later.shifted_squares[shift]
            self.shifted_tokens[shift] = self.shifted_tokens.get(shift, 0) + later.shifted_tokens[shift]
        if self.rows is None or later.rows is None:
            self.rows = self.rows or later.rows
        else:
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
            self._init_chosen(shape, options)
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
        self.labels = Labels(targets, classes, None, None, noun="token")

    def _init_chosen(self, shape: tuple[int, ...], options: Mapping[str, Any]) -> None:
        for name, unset in (("shift", 0), ("ignore_index", None), ("normalize", False)):
            if options[name] != unset:
                raise UsageError(
                    f"{flag_of(name)} does not apply to --kind {self.kind}",
                    why="each number already belongs to its token, and which tokens they are is not known",
                    hint="--prompt-lengths, --lengths and --mask leave tokens out",
                )
        if len(shape) > 1:
            raise DataError(
                f"{self.predictions.info.path} has shape {self.predictions.info.shape}",
                why=f"{self.kind} are one number a token: (N, T), (T), or lists",
                hint="scores over the whole vocabulary are --kind logits, log-probs or probs, and need TARGETS",
            )
        self.steps = shape[0] if shape else 0
        self.numbers_per_sample = self.steps or RAGGED_NUMBERS

    @property
    def leaving_out(self) -> str:
        """Where to look when nothing is left to score."""
        if self.rows is None:
            return "look at --lengths, --prompt-lengths and --mask"
        return "look at --shift, --ignore-index, --lengths, --prompt-lengths and --mask"

    def prepare(self, values: Values) -> None:
        """Decide the kind by the first rows, unless it was stated."""
        if self.rows is None:
            return
        head = max(1, DECIDING_ROWS // self.steps)
        few = {name: cut_rows(value, 0, head) for name, value in values.items()}
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
        scored = states == SCORED
        if skipped is not None:
            states[skipped[:, np.newaxis] & scored] = SKIPPED
        real = states if lengths is None else states[np.arange(states.shape[1]) < lengths[:, np.newaxis]]
        facts.states = np.bincount(real.reshape(-1), minlength=len(STATES))
        self._count_sequences(facts, states, start, values)
        weight = scored.astype(np.float64)
        return Elements(np.where(scored, loss, 0.0), weight, ~scored, skipped, facts, lengths=lengths)

    def _count_sequences(self, facts: TokenFacts, states: np.ndarray, start: int, values: Values) -> None:
        """Count sequences and bytes, as often as the sample weights say."""
        scored = (states == SCORED).any(axis=1)
        facts.sequences = int(scored.sum())
        weight = np.ones(len(states))
        if "sample_weight" in values:
            # The engine refuses or skips a NaN among the weights.
            weight = np.nan_to_num(as_float64(array(values, "sample_weight")).reshape(-1))
        facts.sequence_weight.add(weight[scored])
        if "bytes" in values:
            facts.bytes.add(
                (weight * self._side("bytes").read(array(values, "bytes"), start))[~(states == SKIPPED).any(axis=1)]
            )

    def _score_rows(self, start: int, values: Values, facts: TokenFacts) -> tuple[Array, np.ndarray, np.ndarray | None]:
        """The loss of each token, what it is, and the sequences to be left out for a NaN.

        The rows of a sequence are taken a few at a time: with a large vocabulary they exceed the cache.
        """
        assert self.rows is not None  # noqa: S101 - told to the type checker
        scores, target, counted, states = self._rows_and_targets(start, values)
        tried = self._shifted_targets(start, values, states)
        of_row, lost, facts.rows = np.empty(len(scores)), [], RowFacts()
        step = max(1, PIECE // scores.shape[1])
        for low in range(0, len(scores), step):
            part = slice(low, low + step)
            surprisal = self.rows.surprisal(scores[part], counted[part], start)
            of_row[part] = self.loss.kernel(surprisal, target[part])
            broken, left_out, rows = self.rows.inspect(surprisal, counted[part], start, low)
            if broken is not None:
                of_row[part][broken] = np.nan
            if left_out is not None:
                lost.append(left_out)
            facts.rows.merge(rows)
            for shift, other in tried.items():
                found = surprisal.roughly(np.maximum(other[part], 0))[other[part] >= 0]
                known = found[~np.isnan(found)]
                facts.shifted.setdefault(shift, ExactSum()).add(known)
                facts.shifted_squares[shift] = facts.shifted_squares.get(shift, 0.0) + float(np.square(known).sum())
                facts.shifted_tokens[shift] = facts.shifted_tokens.get(shift, 0) + len(known)
        skipped = among(np.concatenate(lost), start, len(states)) if lost else None
        return _moved(of_row.reshape(states.shape), self.shift), states, skipped

    def _rows_and_targets(self, start: int, values: Values) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The rows of scores, the token that each predicts, whether that one counts; and the tokens' states."""
        predictions = array(values, "predictions")
        tokens = self.labels.indices(array(values, "targets"), start)
        states = self._states(start, values, tokens)
        self.labels.check(np.where(states == SCORED, tokens, 0), start)
        target = _moved(np.where(states == SCORED, tokens, -1), -self.shift, fill=-1).reshape(-1)
        if predictions.dtype not in (np.float32, np.float64):
            predictions = as_float64(predictions)
        scores = np.ascontiguousarray(predictions).reshape(len(target), -1)
        return scores, np.maximum(target, 0), target >= 0, states

    def scored_tokens(self, start: int, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """The tokens of each sequence, and which of them are scored; where the vocabulary is known."""
        tokens = self.labels.indices(array(values, "targets"), start)
        return tokens, self._states(start, values, tokens) == SCORED

    def _shifted_targets(self, start: int, values: Values, states: np.ndarray) -> dict[int, np.ndarray]:
        """The token that each row would predict under other shifts, -1 for none.

        Tokens that are neither padding, nor prompt, nor masked are tried.
        """
        tokens = self.labels.indices(array(values, "targets"), start)
        real = ((states == SCORED) | (states == UNPREDICTED)) & (tokens >= 0) & (tokens < self.labels.classes)
        rows = (states != PADDED).reshape(-1)
        return {
            shift: np.where(rows, _moved(np.where(real, tokens, -1), -shift, fill=-1).reshape(-1), -1)
            for shift in {*SHIFTS, self.shift}
        }

    def _states(self, start: int, values: Values, tokens: np.ndarray, sizes: np.ndarray | None = None) -> np.ndarray:
        """What each token is; `sizes` says how many there are of each sequence, where not all."""
        if sizes is None:
            sizes = np.full(len(tokens), tokens.shape[1])
        lengths = self._lengths(values, "lengths", start, sizes) if "lengths" in values else sizes
        position = np.arange(tokens.shape[1])
        row = position - self.shift
        states = np.full(tokens.shape, SCORED)
        states[(row < 0) | (row >= lengths[:, np.newaxis])] = UNPREDICTED
        if "mask" in values:
            states[self._mask(values, start, sizes) == 0] = MASKED
        if "prompt_lengths" in values:
            prompts = self._lengths(values, "prompt_lengths", start, sizes)
            states[position < prompts[:, np.newaxis]] = PROMPT
        states[position >= lengths[:, np.newaxis]] = PADDED
        if self.ignore_index is not None:
            states[tokens == self.ignore_index] = PADDED
        return states

    def _mask(self, values: Values, start: int, sizes: np.ndarray) -> np.ndarray:
        found, side = values["mask"], self.fields["mask"]
        if isinstance(found, Ragged):
            mask, of_mask = filled_up(found, 0.0, np.float64)
        else:
            mask = as_float64(found).reshape(len(found), -1)
            of_mask = np.full(len(mask), mask.shape[1])
        unlike = np.flatnonzero(of_mask != sizes)
        if unlike.size:
            row = int(unlike[0])
            raise DataError(
                f"{side.where(start + row)}: the mask of sequence {start + row} has length {of_mask[row]}, "
                f"but its tokens are {sizes[row]}",
                why="a mask has one value for each token, padding and prompt included",
            )
        bad = np.argwhere((mask != 0.0) & (mask != 1.0))
        if len(bad):
            row, column = bad[0]
            raise DataError(
                f"{side.where(start + int(row))}: the mask of token {column} of sequence {start + row} "
                f"is {mask[row, column]:g}",
                why="1 is a token that is scored, 0 one that is not",
            )
        return mask

    def _side(self, name: str) -> WholeNumbers:
        return WholeNumbers(self.fields[name], NOUNS[name], "sequence")

    def _lengths(self, values: Values, name: str, start: int, sizes: np.ndarray) -> np.ndarray:
        return self._side(name).read_lengths(array(values, name), start, sizes, "tokens")

    def _score_chosen(
        self, start: int, values: Values
    ) -> tuple[Array, np.ndarray, np.ndarray | None, np.ndarray | None]:
        found = values["predictions"]
        if isinstance(found, Ragged):
            chosen, lengths = filled_up(found, 1.0 if self.kind == "token-probs" else 0.0, np.float64)
        else:
            chosen, lengths = as_float64(found), None
        states = self._states(start, values, np.zeros(chosen.shape, np.int64), lengths)
        scored = states == SCORED
        skipped = self.nan.rows(np.where(scored, chosen, 0.0), start, self.predictions)
        low, high = (-np.inf, 0.0) if self.kind == "token-log-probs" else (0.0, 1.0)
        bad = np.argwhere(scored & ((chosen < low) | (chosen > high)))
        if len(bad):
            row, column = bad[0]
            value = chosen[row, column]
            other, fits = ("token-probs", value <= 1.0) if high == 0.0 else ("token-log-probs", value < 0.0)
            raise DataError(
                f"{self.predictions.where(start + int(row))}: token {column} of sequence {start + row} has {value:g}",
                why="a log-probability is at most 0" if high == 0.0 else "a probability lies in [0, 1]",
                hint=f"--kind {other}" if fits else "scores of the whole vocabulary need TARGETS, the tokens",
            )
        surprisal = Surprisal("log-probs" if high == 0.0 else "probs", chosen.reshape(-1, 1))
        loss = self.loss.kernel(surprisal, np.zeros(chosen.size, np.int64)).reshape(chosen.shape)
        return loss, states, lengths, skipped

    def finish(self, facts: TokenFacts) -> list[str]:
        """Warnings about the rows, and about a shift that another one beats."""
        if "bytes" in self.fields and facts.sequences and not facts.bytes.units:
            raise DataError(
                f"{self.fields['bytes'].info.path}: the bytes of all sequences add up to 0",
                why="there are no bits per byte without a byte",
                hint="leave --bytes out",
            )
        if self.rows is None or facts.rows is None:
            return []
        found = self.rows.warnings(facts.rows)
        means = {s: facts.shifted[s].value() / n for s, n in facts.shifted_tokens.items() if n}
        best = min(means, key=lambda shift: means[shift], default=self.shift)
        if self.shift in means and means[self.shift] - means[best] > SURE * math.hypot(
            facts.error_of_mean(best, means[best]), facts.error_of_mean(self.shift, means[self.shift])
        ):
            found.append(
                f"--shift {best} would score {means[best]:.4g} nats per token, "
                f"--shift {self.shift} scores {means[self.shift]:.4g}: are tokens and scores aligned as stated?"
            )
        return found

    def describe(self, records: dict[str, InputRecord], facts: TokenFacts) -> dict[str, InputRecord]:
        """The kind of the predictions and how it is known."""
        if self.rows is None or facts.rows is None:
            kind, known = self.kind, "stated"
        else:
            kind, known = self.rows.kind, self.rows.evidence(facts.rows)
            records["targets"] = dataclasses.replace(
                records["targets"], kind="tokens", evidence=f"the scores at t predict the token at {self._predicted}"
            )
        records["predictions"] = dataclasses.replace(records["predictions"], kind=kind, evidence=known)
        return records

    @property
    def _predicted(self) -> str:
        return "t" if self.shift == 0 else f"t {'+' if self.shift > 0 else '-'} {abs(self.shift)}"

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
            "perplexity": exp(per_token),
            "nll_per_sequence": nats / facts.sequence_weight.value() if facts.sequence_weight.units else math.nan,
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
