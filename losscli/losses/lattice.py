"""The probability of a label sequence over all its alignments (CTC; Graves, Fernández, Gomez & Schmidhuber 2006).

A path gives each frame one class. It reads as a label sequence once runs of one class are drawn
together and the blanks dropped; the probability of a target is the sum over all paths that read so.
The sum is a recursion over the states of a lattice: with labels l[1..L], state `label[j]` has the
paths that stand on label j, `blank[j]` those that stand on a blank behind j labels:

    blank'[j] = (blank[j] + label[j]) · p[blank]
    label'[j] = (label[j] + blank[j−1] + label[j−1] if l[j] ≠ l[j−1]) · p[l[j]]

and before the first frame all probability is in `blank[0]`. The same sum is taken in three ways:

- `_scaled` with an exponent per state, renewed every few frames: fast, no logarithm but the last.
  It proves for each utterance that nothing that matters was lost to underflow, or says that it cannot.
- `_logarithmic` in the log domain, where nothing can be lost, for the utterances without that proof.
- `_complement` for a likely target: the products of thousands of frames are rounded thousands of times, which
  shows in a small −log p; there, what each frame loses to other outputs is summed for itself.

Nothing is validated here: labels are classes other than the blank, lengths fit the arrays, and the
frames are distributions, exactly for logits and within the rounding of their type otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from losscli.losses.contracts import ScoreKind
from losscli.losses.reading import InOrder, Span, one_by_one
from losscli.numerics import Array, exp_of_difference, log_partition

WINDOW = 8
"""Frames between two renewals of the exponents."""

SLOPE = 40
"""How many powers of two the scale may fall from one label to the next.

In a window a path moves `WINDOW` labels at most, so that scaled values stay below
(3 · 2 · 2**SLOPE)**WINDOW < 2**341: three predecessors a state, class probabilities below 2.
"""

SPARE = 720
"""Underflow costs a state less than 2**-SPARE of its scale by the end of a window.

A rounding below the normal range is off by 2**-1074 times the value that is scaled at most; on its way to the
end of the window that is multiplied by what the bound above allows, 2**341 in all; and fewer than
2**10 such roundings reach one state: 1074 − 341 − 10 > 720.
"""

FLOOR = 2.0 ** (64 - SPARE)
"""A state that ends a window above this has lost less than 2**-64 of itself to underflow."""

NOWHERE = -(2**30)
"""The exponent of a state to which no probability leads."""

NEVER = 2**62
"""The first frame of a state that does not exist."""

DRIFT = 0.125
"""A target whose loss is below this times the root of its frames, in nats, is a likely one.

The roundings of that many products walk about as far as that root, in units of 2**-53: the loss has to be so much
larger for the walk to stay within a few units of its own last place.
"""

CACHED = 1 << 16
"""How many numbers a temporary array may have where that is a matter of choice: a core's cache holds some."""

CACHED_STATES = 1 << 15
"""How many labels go through `_scaled` together: it has six numbers for each."""

LANES = 32
"""States are added in lanes, so many at a time: 0s behind them change no digit where they fill whole rounds."""

READ_NUMBERS = 1 << 20
"""How many scores are read at a time for `_scaled`, or half as many probabilities, which take twice the memory.

With more the frames leave the cache before their labels are looked up; with fewer, threads wait for each other.
"""

KEPT_NUMBERS = 1 << 21
"""How many probabilities may be kept until `_scaled` takes them."""


def ctc_nll(
    frames: np.ndarray,
    targets: np.ndarray,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
    *,
    blank: int,
    kind: ScoreKind,
    in_order: InOrder = one_by_one,
) -> Array:
    """−log of the probability of each target, summed over its alignments, in float64.

    Args:
        frames: Predictions of shape (n, T, C), float32 or float64; fastest as a view of a (T, n, C) array.
        targets: Class indices of shape (n, S); what stands behind a target's length is not looked at.
        input_lengths: How many frames of each utterance count, at most T.
        target_lengths: How many labels of each target count, at most S.
        blank: The class that stands for no label.
        kind: What the predictions are.
        in_order: What has the frames read from the first on, up to the end of the longest utterance with an alignment.

    Returns:
        n losses: +inf where no alignment exists or each has probability 0, NaN where a score that
        counts is NaN. A loss is off by a few roundings a frame, relative to the larger of itself
        and 1. With logits it is as exact relative to itself, however near 0. With log-probabilities
        and probabilities a loss near 0 is what the stored numbers say: as their sums are rounded to 1,
        the target's may come out above 1 and the loss below 0.
    """
    input_lengths = np.asarray(input_lengths, np.intp)
    target_lengths = np.asarray(target_lengths)
    losses = np.full(len(frames), np.inf)
    exists = alignment_exists(input_lengths, target_lengths, count_repeats(targets, target_lengths))
    longest_first = np.argsort(-input_lengths, kind="stable")
    rows = longest_first[exists[longest_first]]
    if not rows.size:
        return losses
    reader = _Reader(frames, kind)
    lattice = _Lattice.of(rows, targets[rows], input_lengths[rows], target_lengths[rows], blank)

    # Only this module's own extremes: log 0, and what stands behind the end of an utterance.
    with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
        for group in lattice.groups(CACHED_STATES):
            losses[group.rows] = _losses(reader, group, in_order)
    return losses


def _losses(reader: _Reader, lattice: _Lattice, in_order: InOrder) -> Array:
    """The losses of a group, each in the way that suits it."""
    log_probability, proven = _scaled(reader, lattice, in_order)
    if not proven.all():
        log_probability[~proven] = _logarithmic(reader, lattice.subset(~proven))
    losses = 0.0 - log_probability
    likely = np.abs(log_probability) < np.maximum(math.log(2.0), DRIFT * np.sqrt(lattice.frames))
    if likely.any():
        losses[likely] = _complement(reader, lattice.subset(likely))
    return losses


def count_repeats(targets: np.ndarray, target_lengths: np.ndarray) -> np.ndarray:
    """How many labels of each target equal the one before: a blank has to stand between them."""
    inside = np.arange(1, targets.shape[1]) < np.asarray(target_lengths)[:, np.newaxis]
    return np.asarray(np.count_nonzero((targets[:, 1:] == targets[:, :-1]) & inside, axis=1))


def alignment_exists(input_lengths: np.ndarray, target_lengths: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """Whether the frames suffice: one for each label and one between equal neighbours."""
    return np.asarray(np.asarray(input_lengths) >= np.asarray(target_lengths) + repeats)


@dataclass(frozen=True)
class _Lattice:
    """The states of a batch of utterances, the longest first."""

    rows: np.ndarray
    """Where the utterances stand in the frames."""
    labels: np.ndarray
    """(n, S + 1): label j at j; the blank at 0 and behind the target."""
    frames: np.ndarray
    """The number of frames of each utterance."""
    last: np.ndarray
    """The number of labels of each utterance."""

    @staticmethod
    def of(rows: np.ndarray, targets: np.ndarray, frames: np.ndarray, last: np.ndarray, blank: int) -> _Lattice:
        width = int(last.max())
        labels = np.full((rows.size, width + 1), blank, np.intp)
        inside = np.arange(width) < last[:, np.newaxis]
        np.copyto(labels[:, 1:], targets[:, :width], where=inside)
        return _Lattice(rows, labels, frames, last)

    def subset(self, chosen: np.ndarray | slice) -> _Lattice:
        return _Lattice(self.rows[chosen], self.labels[chosen], self.frames[chosen], self.last[chosen])

    def widened(self, step: int) -> _Lattice:
        """The same utterances, with blanks behind their labels up to a multiple of `step` states."""
        blanks = np.repeat(self.labels[:, :1], -self.labels.shape[1] % step, axis=1)
        labels = np.concatenate((self.labels, blanks), axis=1)
        return _Lattice(self.rows, labels, self.frames, self.last)

    def groups(self, states: int) -> Iterator[_Lattice]:
        """Neighbours, in groups of about so many states."""
        size = max(1, states // self.labels.shape[1])
        for first in range(0, self.rows.size, size):
            yield self.subset(slice(first, first + size))

    @property
    def differs(self) -> np.ndarray:
        """(n, S + 1): whether a path may go from label j − 1 to label j without a blank."""
        differs = np.zeros(self.labels.shape, bool)
        differs[:, 1:] = self.labels[:, 1:] != self.labels[:, :-1]
        return differs

    @property
    def inside(self) -> np.ndarray:
        """(n, S + 1): whether there is a label j."""
        places = np.arange(self.labels.shape[1])
        return np.asarray((places > 0) & (places <= self.last[:, np.newaxis]))

    def spans(self, step: int) -> Iterator[Span]:
        """Runs of `step` frames."""
        longest = int(self.frames[0])
        for start in range(0, longest, step):
            yield Span(start, min(start + step, longest), int(np.count_nonzero(self.frames > start)))

    def running(self, start: int, stop: int) -> list[int]:
        """How many utterances have each of the frames start .. stop − 1: they are the first ones."""
        if self.frames[-1] >= stop:
            return [self.frames.size] * (stop - start)
        shortest_first = self.frames[::-1]
        ended = np.searchsorted(shortest_first, np.arange(start, stop), side="right")
        return [self.frames.size - int(number) for number in ended]


@dataclass(frozen=True)
class _Classes:
    """The different classes that each utterance uses, the blank among them."""

    classes: np.ndarray
    """(n, U): padded with the first of them, which is also the one that `distinct` keeps."""
    distinct: np.ndarray
    """(n, U): whether it is more than padding."""
    place: np.ndarray
    """(n, S + 1): where each label stands among the classes."""

    @staticmethod
    def of(labels: np.ndarray) -> _Classes:
        order = labels.argsort(axis=1)
        ascending = np.take_along_axis(labels, order, axis=1)
        rank = np.zeros(labels.shape, np.intp)
        np.cumsum(ascending[:, 1:] != ascending[:, :-1], axis=1, out=rank[:, 1:])
        classes = np.repeat(ascending[:, :1], int(rank.max()) + 1, axis=1)
        np.put_along_axis(classes, rank, ascending, axis=1)
        distinct = np.arange(classes.shape[1]) <= rank[:, -1:]
        place = np.empty_like(rank)
        np.put_along_axis(place, order, rank, axis=1)
        return _Classes(classes, distinct, place)

    def out_of_reach(self) -> Array:
        """(n, U, 2 (S + 1)): 1 where a class leads from a state of the lattice out of it.

        From label j a path may go on with label j, a blank, or label j + 1; from blank j with a blank or label j + 1.
        """
        place = self.place[:, np.newaxis, :]
        width = place.shape[2]
        blank = np.repeat(place[:, :, :1], width, axis=2)
        following = np.concatenate((place[:, :, 1:], blank[:, :, :1]), axis=2)
        out = np.repeat(self.distinct[:, :, np.newaxis].astype(np.float64), 2 * width, axis=2)
        np.put_along_axis(out, np.concatenate((place, blank), axis=2), 0.0, axis=1)
        np.put_along_axis(out, np.concatenate((following, following), axis=2), 0.0, axis=1)
        np.put_along_axis(out, np.concatenate((blank, blank), axis=2), 0.0, axis=1)
        return out

    def subset(self, chosen: slice) -> _Classes:
        return _Classes(self.classes[chosen], self.distinct[chosen], self.place[chosen])


class _Reader:
    """Scores of chosen classes, frame by frame: other classes are touched by a normalisation only."""

    def __init__(self, frames: np.ndarray, kind: ScoreKind) -> None:
        self.frames = frames
        self.kind = kind
        times_and_rows = frames.shape[1::-1]
        self._maximum, self._excess = np.zeros((2, *times_and_rows))
        """The two parts of each frame's log-sum-exp, where it is known."""
        self._known = np.zeros(times_and_rows, np.bool_)

    def probabilities(
        self, start: int, stop: int, rows: np.ndarray, classes: np.ndarray, *, fine: bool = False
    ) -> Array:
        """Probabilities of shape (frames, rows, classes of each row), `fine` to the last digits of small ones."""
        if self.kind == "probs":
            return self._stored(start, stop, rows, classes).astype(np.float64, copy=False)
        if self.kind == "log-probs":
            frames = self.frames[:, start:stop].swapaxes(0, 1)
            if frames.flags.c_contiguous and frames[0].size < classes.size:  # fewer exponentials before the choice
                return _chosen(np.exp(frames, dtype=np.float64), rows, classes)
        if fine and self.kind == "logits":
            maximum, excess = self._partition(start, stop, rows)
            return self._powers(self._stored(start, stop, rows, classes), maximum) * np.exp(-excess)[..., np.newaxis]
        scores = self.log_probabilities(start, stop, rows, classes)
        return np.asarray(np.exp(scores, dtype=np.float64))

    def log_probabilities(self, start: int, stop: int, rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """As `probabilities`, but their logarithms, and in the stored type where they are stored."""
        stored = self._stored(start, stop, rows, classes)
        if self.kind == "log-probs":
            return stored
        if self.kind == "probs":
            return np.asarray(np.log(stored, dtype=np.float64))
        maximum, excess = self._partition(start, stop, rows)
        relative = stored - maximum[..., np.newaxis]
        relative -= excess[..., np.newaxis]
        return np.asarray(relative)

    def elsewhere(self, start: int, stop: int, rows: np.ndarray, used: _Classes) -> Array:
        """The probability of all classes that a row does not use, of shape (frames, rows)."""
        if self.kind != "logits":
            return self._rest_to_one(start, stop, rows, used)
        maximum, excess = self._partition(start, stop, rows)
        powers = self._powers(self.frames[rows, start:stop].swapaxes(0, 1), maximum)
        powers[:, np.arange(rows.size)[:, np.newaxis], used.classes] = 0.0
        unused: Array = powers.sum(axis=-1)
        return unused * np.exp(-excess)

    def _powers(self, logits: np.ndarray, maximum: Array) -> Array:
        """Exp(x − maximum) of logits, each with the maximum of its frame."""
        if self.frames.dtype.itemsize > 4:  # smaller ones have exact differences
            return exp_of_difference(logits, maximum[..., np.newaxis])
        return np.asarray(np.exp(logits - maximum[..., np.newaxis]))

    def _rest_to_one(self, start: int, stop: int, rows: np.ndarray, used: _Classes) -> Array:
        """1 − Σ over the used classes, where the largest is taken from the 1 first, without rounding it."""
        scores = self._stored(start, stop, rows, used.classes).astype(np.float64, copy=False)
        top = scores.argmax(axis=-1)[..., np.newaxis]
        largest = np.take_along_axis(scores, top, axis=-1)[..., 0]
        others = (scores if self.kind == "probs" else np.exp(scores)) * used.distinct
        np.put_along_axis(others, top, 0.0, axis=-1)
        rest = 1.0 - largest if self.kind == "probs" else -np.expm1(largest)
        return np.asarray(rest - _sum_in_lanes(others))

    def _partition(self, start: int, stop: int, rows: np.ndarray) -> tuple[Array, Array]:
        """The two parts of the log-sum-exp of frames, of shape (frames, rows); each is taken once."""
        if not self._known[start:stop, rows].all():
            # More at a time than the cache holds, or threads would wait for each other between.
            step = max(1, 4 * CACHED // self.frames.shape[2])
            beside = max(1, step // (stop - start))
            for left in range(0, rows.size, beside):
                few = rows[left : left + beside]
                for low in range(start, stop, step):
                    times = slice(low, min(low + step, stop))
                    maximum, excess = log_partition(self.frames[few, times].astype(np.float64))
                    self._maximum[times, few], self._excess[times, few] = maximum.T, excess.T
            self._known[start:stop, rows] = True
        return self._maximum[start:stop, rows], self._excess[start:stop, rows]

    def _stored(self, start: int, stop: int, rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """The scores as they are stored, of shape (frames, rows, classes of each row)."""
        if self.frames[:, 0].flags.c_contiguous:
            return _chosen(self.frames[:, start:stop].swapaxes(0, 1), rows, classes)
        stored = np.empty((stop - start, *classes.shape), self.frames.dtype)
        for place, row in enumerate(rows):
            stored[:, place] = np.take(self.frames[row, start:stop], classes[place], axis=1)
        return stored


def _chosen(frames: np.ndarray, rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The chosen classes of each row, from time-first frames that are contiguous, each for itself or all together."""
    chosen = np.empty((len(frames), *classes.shape), frames.dtype)
    places = rows[:, np.newaxis] * frames.shape[2] + classes
    together = len(frames) if frames.flags.c_contiguous else 1
    for low in range(0, len(frames), together):
        few = frames[low : low + together]
        # mode: the others copy `out` first.
        np.take(few.reshape(len(few), -1), places, axis=1, out=chosen[low : low + together], mode="clip")
    return chosen


def _logarithmic(reader: _Reader, lattice: _Lattice) -> Array:
    """The log-probability of each target, in the log domain: nothing underflows, and −inf is a legal score.

    In every frame a whole number is taken out that leaves the largest state near 0, where its digits are fine;
    such numbers add up without rounding.
    """
    label = np.full(lattice.labels.shape, -np.inf)
    blank = label.copy()
    blank[:, 0] = 0.0
    taken_out = np.zeros(lattice.last.size)
    without_blank = np.where(lattice.differs[:, 1:], 0.0, -np.inf)
    for start, stop, first in lattice.spans(_frames_at_once(reader, lattice)):
        scores = reader.log_probabilities(start, stop, lattice.rows[:first], lattice.labels[:first])
        for score, running in zip(scores, lattice.running(start, stop), strict=True):
            before, between = label[:running], blank[:running]
            arriving = _log_of_sum(before[:, 1:], between[:, :-1], before[:, :-1] + without_blank[:running])
            between[...] = _log_of_sum(before, between) + score[:running, :1]
            before[:, 1:] = arriving + score[:running, 1:]
            largest = np.floor(np.maximum(before, between).max(axis=1, keepdims=True))
            largest[largest == -np.inf] = 0.0
            before -= largest
            between -= largest
            taken_out[:running] += largest[:, 0]
    ends = np.arange(lattice.last.size), lattice.last
    return _log_of_sum(label[ends], blank[ends]) + taken_out


def _log_of_sum(*terms: Array) -> Array:
    """Log Σ exp of arrays, element by element; −inf where all are."""
    largest = terms[0]
    for term in terms[1:]:
        largest = np.maximum(largest, term)
    largest = np.where(largest == -np.inf, 0.0, largest)
    return largest + np.log(sum(np.exp(term - largest) for term in terms))


def _scaled(reader: _Reader, lattice: _Lattice, in_order: InOrder) -> tuple[Array, np.ndarray]:
    """The log-probability of each target, and whether it is proven that underflow did not touch it.

    State j stands for its value times 2**exponent[j], one exponent for label j and blank j. An
    exponent is renewed every `WINDOW` frames to fit the larger of the two, but stays within `SLOPE`
    of its left neighbour's, from where probability may arrive, so that nothing can overflow.

    What underflow loses in a window is bounded by 2**-SPARE in each state. At the end of a window a
    state above `FLOOR` has therefore lost nothing that counts. One below, and which paths can have
    reached, is at risk: it may have lost up to 2**(exponent − SPARE), of which at most as much reaches
    the end, for the frames that follow are distributions (within 1.001 each: 2**(frames / 512)).
    The result is proven where it is 2**60 times above all such losses; 2**30 is allowed for their number.
    """

    def read(span: Span) -> Array:
        """The probabilities of the labels; 0 in utterances with strange ones: of those then nothing is proven."""
        first = slice(span.running)
        with np.errstate(all="ignore"):  # is kept by thread
            probabilities = reader.probabilities(span.start, span.stop, lattice.rows[first], lattice.labels[first])
            if not probabilities.max() < 2.0:
                _clear_strange(probabilities, lattice.frames[first] - span.start)
            return probabilities

    states = _ScaledStates(lattice)
    number, width = lattice.labels.shape
    step = max(1, READ_NUMBERS // max(2 * number * width, len(reader.frames) * reader.frames.shape[2]))
    spans = list(lattice.spans(step))
    together = max(1, KEPT_NUMBERS // (step * number * width))
    for span, probabilities in zip(spans, in_order(read, spans, together), strict=True):
        running_at = lattice.running(span.start, span.stop)
        for time, (probability, running) in enumerate(zip(probabilities, running_at, strict=True), span.start):
            if time % WINDOW == 0:
                states.examine(time)
                states.renew(running)
            states.advance(probability, running)
    states.examine(int(lattice.frames[0]))

    ends = np.arange(lattice.last.size), lattice.last
    total = states.label[ends] + states.blank[ends]
    mantissa, exponent = np.frexp(total)
    exponent += states.exponent[ends]
    bound = states.at_risk - (SPARE - 60 - 30) + lattice.frames / 512
    return np.log(mantissa) + exponent * math.log(2.0), (total >= FLOOR) & (exponent > bound)


def _clear_strange(probabilities: Array, remaining: np.ndarray) -> None:
    """Leave nothing of utterances with frames that are no distributions (NaN, or far above 1), nor behind an end."""
    probabilities[np.arange(len(probabilities))[:, np.newaxis] >= remaining] = 0.0
    strange = ~(probabilities.max(axis=(0, 2)) < 2.0)
    probabilities[:, strange] = 0.0


class _First(NamedTuple):
    """What a frame works on: the states of the first utterances, end to end, and parts of them."""

    label: Array
    blank: Array
    blank_by_utterance: Array
    leaving: Array
    factor: Array
    arriving: Array
    arriving_behind: Array


class _ScaledStates:
    """The states of `_scaled`, and what may have gone wrong with them.

    Loops are flat, over all utterances: where one starts, nothing arrives from the one before, as `factor` is 0 there.
    """

    def __init__(self, lattice: _Lattice) -> None:
        shape = lattice.labels.shape
        self.label = np.zeros(shape)
        self.blank = np.zeros(shape)
        self.blank[:, 0] = 1.0
        self.exponent = np.zeros(shape, np.int32)
        self.at_risk = np.full(shape[0], NOWHERE, np.int32)
        """The largest exponent of a state that may have lost to underflow more than 2**-64 of itself."""

        # The first label needs one frame, each further one another, and one more between equal neighbours.
        needed = np.cumsum(1 + ~lattice.differs, axis=1) - 2
        in_time = lattice.inside & (needed < lattice.frames[:, np.newaxis])
        self._label_reached = np.where(lattice.inside, needed, NEVER)
        self._blank_reached = np.where(in_time, needed + 1, NEVER)
        self._blank_reached[:, 0] = 0
        self._all_reached = int(needed.max(where=lattice.inside, initial=0)) + 1

        self._ones = np.ones(shape)
        self._ramp = SLOPE * np.arange(shape[1], dtype=np.int32)
        self._falling = np.zeros(shape, np.int32)
        """How far the exponent of a state is below that of the one before."""
        self._factor = np.zeros(shape)
        """What takes a value from the state before to the scale of a state."""
        self._arriving = np.zeros(shape)
        self._repeats = np.flatnonzero(~lattice.differs & lattice.inside)
        self._before_repeats = self._repeats - 1
        self._running = shape[0]
        self._first = self._of_first(shape[0])

    def renew(self, running: int) -> None:
        """Fit the exponents of the first utterances to their values."""
        label, blank, exponent = (_flat(states, running) for states in (self.label, self.blank, self.exponent))
        peak = np.maximum(label, blank)
        fitting = np.frexp(peak)[1]
        fitting += exponent
        fitting[peak == 0.0] = NOWHERE
        falling = self._falling_of(fitting, running)
        if falling.max() > SLOPE:
            by_utterance = fitting.reshape(running, -1)
            by_utterance += self._ramp
            np.maximum.accumulate(by_utterance, axis=1, out=by_utterance)
            by_utterance -= self._ramp
            falling = self._falling_of(fitting, running)
        exponent -= fitting
        np.ldexp(label, exponent, out=label)
        np.ldexp(blank, exponent, out=blank)
        exponent[...] = fitting
        # Not ldexp(1.0, …): a scalar keeps the loop from being vectorised.
        np.ldexp(_flat(self._ones, running), falling, out=_flat(self._factor, running))
        self._factor_of_repeats = self._factor.take(self._repeats)

    def _falling_of(self, exponent: np.ndarray, running: int) -> np.ndarray:
        falling = _flat(self._falling, running)
        np.subtract(exponent[:-1], exponent[1:], out=falling[1:])
        self._falling[:, 0] = NOWHERE
        return falling

    def advance(self, probability: Array, running: int) -> None:
        """Let the first utterances take one frame."""
        if running != self._running:
            self._running, self._first = running, self._of_first(running)
        first = self._first
        between_repeats = self.blank.take(self._before_repeats)
        between_repeats *= self._factor_of_repeats
        np.add(first.blank, first.label, out=first.blank)  # what goes on with a blank, and with the next label
        np.multiply(first.leaving, first.factor, out=first.arriving_behind)
        self._arriving.put(self._repeats, between_repeats)
        np.add(first.label, first.arriving, out=first.label)
        np.multiply(first.label, _flat(probability, running), out=first.label)
        np.multiply(first.blank_by_utterance, probability[:running, :1], out=first.blank_by_utterance)

    def _of_first(self, running: int) -> _First:
        label, blank, factor, arriving = (
            _flat(states, running) for states in (self.label, self.blank, self._factor, self._arriving)
        )
        return _First(label, blank, self.blank[:running], blank[:-1], factor[1:], arriving, arriving[1:])

    def examine(self, time: int) -> None:
        """Note which states underflow may have touched since the last renewal, of those that can be reached by now."""
        if time < self._all_reached + WINDOW:
            self._label_open = self._label_reached <= time
            self._blank_open = self._blank_reached <= time
        suspect = (self.label < FLOOR) & self._label_open
        suspect |= (self.blank < FLOOR) & self._blank_open
        if suspect.any():
            exponents = np.where(suspect, self.exponent, NOWHERE)
            np.maximum(self.at_risk, exponents.max(axis=1), out=self.at_risk)


def _flat(states: np.ndarray, running: int) -> np.ndarray:
    """The states of the first utterances, end to end."""
    return states[:running].reshape(-1)


def _complement(reader: _Reader, lattice: _Lattice) -> Array:
    """The losses of likely targets: −Σ log(1 − q_t), q_t the share of the paths that is lost in frame t.

    A path is lost where it leaves the lattice: in a frame that gives it a class out of the reach of
    its state; or where it ends elsewhere than at the target's end. All terms are positive.
    """
    lattice = lattice.widened(LANES)
    parts = lattice.groups(16 * CACHED // (2 * lattice.labels.shape[1]))
    return np.concatenate([_lost(reader, part) for part in parts])


def _lost(reader: _Reader, lattice: _Lattice) -> Array:
    """What `_complement` says, for utterances that fit the cache."""
    number, width = lattice.labels.shape
    used = _Classes.of(lattice.labels)
    out_of_reach = used.out_of_reach()
    inside = lattice.inside
    differs = lattice.differs[:, 1:]
    # A power of two of places, more than there are frames.
    terms = np.zeros((1 << int(lattice.frames[0]).bit_length(), number))
    states = np.zeros((number, 2, width))  # the shares of the paths that are not lost: they add up to 1
    states[:, 1, 0] = 1.0
    for start, stop, first in lattice.spans(_frames_at_once(reader, lattice)):
        rows, here = lattice.rows[:first], used.subset(slice(first))
        probabilities = reader.probabilities(start, stop, rows, here.classes, fine=True)
        leaving = np.matmul(probabilities.swapaxes(0, 1), out_of_reach[:first])
        leaving += reader.elsewhere(start, stop, rows, here).T[:, :, np.newaxis]
        chosen = np.take_along_axis(probabilities, here.place[np.newaxis], axis=2)
        for frame, running in enumerate(lattice.running(start, stop)):
            label, blank = states[:running, 0], states[:running, 1]
            lost = np.einsum("ij,ij->i", states[:running].reshape(running, -1), leaving[:running, frame])
            arriving = blank[:, :-1] + label[:, :-1] * differs[:running]
            blank += label
            blank *= chosen[frame, :running, :1]
            label[:, 1:] += arriving
            label *= chosen[frame, :running] * inside[:running]
            terms[start + frame, :running] = _of_shares(states[:running], lost)
    utterances = np.arange(number)
    arrived = states[utterances, :, lattice.last].sum(axis=1)
    states[utterances, :, lattice.last] = 0.0
    elsewhere = _sum_in_lanes(states.reshape(number, -1))
    terms[lattice.frames, utterances] = np.where(elsewhere < 0.5, -np.log1p(-elsewhere), -np.log(arrived))
    while len(terms) > 1:  # one after the other they would drift, and in other pairs hang on how long the others are
        terms = terms[::2] + terms[1::2]
    return np.asarray(0.0 + terms[0])


def _of_shares(states: np.ndarray, lost: np.ndarray) -> Array:
    """−log(1 − lost) from the smaller of the two shares; those that are kept are made to add up to 1 again."""
    kept = _sum_in_lanes(states.reshape(len(states), -1))
    states /= kept[:, np.newaxis, np.newaxis]
    return np.asarray(np.where(lost < 0.5, -np.log1p(-lost), -np.log(kept)))


def _sum_in_lanes(numbers: Array) -> Array:
    """The sum over the last axis, in which 0s behind the numbers change no digit: `sum` adds in pairs of its own."""
    missing = -numbers.shape[-1] % LANES
    if missing:
        numbers = np.pad(numbers, (*[(0, 0)] * (numbers.ndim - 1), (0, missing)))
    return np.asarray(np.einsum("...j->...", numbers))


def _frames_at_once(reader: _Reader, lattice: _Lattice) -> int:
    """How many frames are read at a time where all suit."""
    number, width = lattice.labels.shape
    numbers: int = number * max(2 * width, reader.frames.shape[2])
    return max(1, CACHED // numbers)
