"""Checks that every frame of an utterance is a row of its kind: at a glance where possible, closely elsewhere.

CTC reads the classes of its targets alone, but all classes of a frame must be checked, which are often
a hundred times as many. A glance therefore takes as few passes as can prove the row sound, in the
stored type, and right before the loss reads the frames, which are then in the cache. What it cannot prove
(a NaN, a sum that is off by more than a rounding) is looked at closely, in float64, as every other loss
looks at its rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from losscli.engine.kind import REPORTED_DEVIATION, STEEP, RowFacts
from losscli.engine.memory import keep_freed_memory
from losscli.engine.score_rows import ScoreRows
from losscli.engine.scoring import NanPolicy, as_float64
from losscli.losses.contracts import ScoreKind
from losscli.losses.reading import Reading, Span
from losscli.numerics import Array

PIECE_NUMBERS = 1 << 20
"""How many numbers are glanced at at a time, at most."""

SPANS_FOR_THREADS = 16
"""Fewer spans take one thread less time than several, with what it costs to start them and to wait for each other."""

AHEAD = 3
"""How many spans for each thread are begun before they are asked for: few, or they leave the cache until then."""

CLOSE_NUMBERS = 1 << 16
"""How many numbers are looked at closely at a time: an utterance may be larger than the cache."""

PROVEN_DEVIATION = REPORTED_DEVIATION / 2.0
"""Up to this deviation of a sum of float32 exponentials, that of the exact sum is below `REPORTED_DEVIATION`.

NumPy's exponential is off by 4 units of the last place at most, 4.8e-7 of each value and so of their sum, which is
taken in float64.
"""

FOURS_DEVIATION = PROVEN_DEVIATION - 2e-7
"""The same where the values were added by fours in float32 first: three roundings of 2**-24 are 1.8e-7 of the sum."""

CLASSES_FOR_FOURS = 1000
"""Fewer are summed as fast in float64 alone."""


class FrameCheck:
    """Checks the frames of a block of utterances, of which `lengths` says how many count."""

    def __init__(
        self, rows: ScoreRows, nan: NanPolicy, start: int, frames: np.ndarray, lengths: np.ndarray, threads: int
    ) -> None:
        self.rows = rows
        self.nan = nan
        self.start = start
        self.frames = frames
        self.threads = threads
        self.facts = RowFacts()
        """What the frames show of their kind."""
        self.broken = np.zeros(len(frames), np.bool_)
        """The utterances that hold a NaN."""
        self.skipped: np.ndarray | None = None
        """Those of them that are to be left out; None where there is none."""
        self._unchecked = np.arange(frames.shape[1]) < lengths[:, np.newaxis]
        self._proven = np.zeros(frames.shape[:2], np.bool_)
        self._glanced = np.zeros(frames.shape[1], np.bool_)

    def begin(self) -> None:
        """Look at the first frames closely: those of another kind show it here."""
        for first in itertools.islice(self._closely(self._unchecked), 1):
            self._look(*first)

    def in_order(self, read: Callable[[Span], Reading], spans: Sequence[Span], together: int) -> Iterable[Reading]:
        """See `losscli.losses.reading.InOrder`: each span is read right after a glance at its frames."""

        def glance_and_read(span: Span) -> Reading:
            # Where the utterances come in several groups, the first has the longest: those of others are known by then.
            if not self._glanced[span.stop - 1]:
                self._glance_at(slice(span.start, span.stop))
            return read(span)

        if len(spans) > 1:
            keep_freed_memory()
        if self.threads == 1 or len(spans) < SPANS_FOR_THREADS:
            return map(glance_and_read, spans)
        together = min(max(together, self.threads), AHEAD * self.threads)
        return _ahead(glance_and_read, spans, together, self.threads)

    def finish(self) -> None:
        """Check what nobody has read, and look closely at all that a glance did not prove sound."""
        number, longest, classes = self.frames.shape
        unread = range(int(np.count_nonzero(self._glanced)), longest, max(1, PIECE_NUMBERS // max(1, number * classes)))
        spans = [Span(low, min(low + unread.step, longest), number) for low in unread]
        for _ in self.in_order(lambda _: None, spans, len(spans)):
            pass
        if self.rows.kind != "logits" and self.rows.tolerance < REPORTED_DEVIATION:
            self._proven[...] = False
        for few in self._closely(self._unchecked & ~self._proven):
            self._look(*few)
        if self.rows.kind != "logits":
            # How steep rows are, no glance tells; one steep row is enough to know.
            for few in itertools.takewhile(lambda _: self.facts.steepest_odds <= STEEP, self._closely(self._unchecked)):
                self._look(*few)
        self.facts.merge(_proven_facts(int(self._unchecked.sum()), self.rows.kind))

    def _glance_at(self, times: slice) -> None:
        with np.errstate(all="ignore"):  # is kept by thread, and garbage is for the close look
            for frames, proven in self._pieces(times):
                proven[...] = _GLANCES[self.rows.kind](frames)
        self._glanced[times] = True

    def _pieces(self, times: slice) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Parts of the frames in the order in which they are stored, each with the place of its verdicts."""
        frames, proven = self.frames[:, times], self._proven[:, times]
        if abs(frames.strides[1]) > abs(frames.strides[0]):  # time first
            frames, proven = frames.swapaxes(0, 1), proven.swapaxes(0, 1)
        outer, inner, classes = frames.shape
        beside = max(1, min(inner, PIECE_NUMBERS // classes))
        step = max(1, PIECE_NUMBERS // (beside * classes))
        for low in range(0, outer, step):
            for left in range(0, inner, beside):
                part = slice(low, low + step), slice(left, left + beside)
                yield frames[part], proven[part]

    def _closely(self, chosen: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The utterances and times of the chosen frames, in order, a few frames at a time."""
        number, longest, classes = self.frames.shape
        together = max(1, CLOSE_NUMBERS // max(1, longest * classes))
        step = max(1, CLOSE_NUMBERS // classes)
        for first in range(0, number, together):
            utterances, times = np.nonzero(chosen[first : first + together])
            for low in range(0, len(times), step):
                yield first + utterances[low : low + step], times[low : low + step]

    def _look(self, utterances: np.ndarray, times: np.ndarray) -> None:
        """Look at frames closely; an error where they contradict their kind."""
        self._unchecked[utterances, times] = False
        scores = as_float64(self.frames[utterances, times])
        sound = ~np.isnan(scores.max(axis=1))
        if not sound.all():
            self.broken[utterances[~sound]] = True
            self.skipped = self.nan.rows(np.where(self.broken, np.nan, 0.0), self.start, self.rows.predictions)
        self.facts.merge(self.rows.facts(scores, sound, self.start + utterances))


def _ahead(work: Callable[[Span], Reading], spans: Sequence[Span], together: int, threads: int) -> Iterator[Reading]:
    """What `work` makes of each span, in order, up to `together` of them begun before they are asked for.

    The other threads work on them, and so does the caller's where it would have to wait.
    """
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    left = iter(spans)
    jobs: deque[tuple[Span, Future[Reading]]] = deque()
    own: dict[Span, Reading] = {}
    with ThreadPoolExecutor(threads - 1) as pool:
        try:
            jobs.extend((span, pool.submit(work, span)) for span in itertools.islice(left, together))
            while jobs:
                first, job = jobs[0]
                while first not in own and not job.done():
                    idle = next((span for span, its in jobs if span not in own and its.cancel()), None)
                    if idle is None:
                        break
                    own[idle] = work(idle)
                jobs.popleft()
                jobs.extend((span, pool.submit(work, span)) for span in itertools.islice(left, 1))
                yield own.pop(first) if first in own else job.result()
        finally:
            for _, job in jobs:
                job.cancel()


def _proven_facts(rows: int, kind: ScoreKind) -> RowFacts:
    """What is known of rows after a glance: how far the sums are off at most, and no more."""
    if kind == "logits" or not rows:
        return RowFacts(rows)
    if kind == "probs":
        return RowFacts(rows, probs=rows, deviation_of_probs=REPORTED_DEVIATION)
    return RowFacts(rows, log_probs=rows, deviation_of_log_probs=REPORTED_DEVIATION)


def _are_logits(frames: np.ndarray) -> np.ndarray:
    """Whether it is plain that frames are neither probabilities nor log-probabilities, and have no NaN nor +inf."""
    highest = frames.max(axis=-1)
    return np.asarray((highest > 1.0) & (highest < np.inf))


def _are_log_probs(frames: np.ndarray) -> np.ndarray:
    sums_are_one = _sum_to_one(np.exp(frames, dtype=np.result_type(frames, np.float32)))
    # Last, as what looks up the labels next finds the frames in the cache then.
    return np.asarray(sums_are_one & _at_most(frames, 0.0))


def _are_probs(frames: np.ndarray) -> np.ndarray:
    return np.asarray(_sum_to_one(frames) & _at_most(frames, 1.0) & (frames.min(axis=-1) >= 0.0))


def _sum_to_one(shares: np.ndarray) -> np.ndarray:
    """Whether shares surely sum to 1; many of them are added by fours in float32 first, to convert a fourth."""
    classes = shares.shape[-1]
    if classes < CLASSES_FOR_FOURS or shares.dtype != np.float32:
        return _is_near_one(_sums(shares), PROVEN_DEVIATION)
    by_fours = classes // 4 * 4
    fours = np.add.reduce(shares[..., :by_fours].reshape(*shares.shape[:-1], 4, -1), axis=-2)
    sums = _sums(fours)
    if by_fours < classes:
        sums += _sums(shares[..., by_fours:])
    proven = _is_near_one(sums, FOURS_DEVIATION)
    if not proven.all():
        proven[~proven] = _is_near_one(_sums(shares[~proven]), PROVEN_DEVIATION)
    return proven


def _is_near_one(sums: Array, deviation: float) -> np.ndarray:
    return np.asarray(np.abs(sums - 1.0) <= deviation)


def _sums(shares: np.ndarray) -> Array:
    """Sums in float64; `sum` takes longer where the numbers are converted on the way."""
    return np.asarray(np.einsum("...i->...", shares, dtype=np.float64))


def _at_most(frames: np.ndarray, limit: float) -> np.ndarray | np.bool_:
    """Whether no value of a frame is above the limit, nor NaN; mostly one answer for all."""
    if frames.max() <= limit:
        return np.True_
    return np.asarray(frames.max(axis=-1) <= limit)


_GLANCES: dict[ScoreKind, Callable[[np.ndarray], np.ndarray]] = {
    "logits": _are_logits,
    "log-probs": _are_log_probs,
    "probs": _are_probs,
}
