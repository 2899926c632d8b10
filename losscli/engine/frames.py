"""Checks that every frame of an utterance is a row of its kind: at a glance where possible, closely elsewhere.

CTC reads the classes of its targets alone, but all classes of a frame must be checked, which are often
a hundred times as many. A glance therefore takes as few passes as can prove the row sound, in the
stored type, large pieces at a time and on several threads. What it cannot prove (a NaN, a sum that is
off by more than a rounding) is looked at closely, in float64, as every other loss looks at its rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from losscli.engine.kind import REPORTED_DEVIATION, STEEP, RowFacts
from losscli.engine.memory import keep_freed_memory
from losscli.engine.score_rows import ScoreRows
from losscli.engine.scoring import NanPolicy, as_float64
from losscli.losses.contracts import ScoreKind

PIECE_NUMBERS = 1 << 20
"""How many numbers are glanced at at a time: more than a core's cache holds.

With smaller pieces one thread is faster, but two wait for the interpreter's lock between them longer than that.
"""

PIECES_FOR_THREADS = 4
"""Fewer pieces take less time than it takes to import and start threads."""

CLOSE_NUMBERS = 1 << 16
"""How many numbers are looked at closely at a time: an utterance may be larger than the cache."""

PROVEN_DEVIATION = REPORTED_DEVIATION / 2.0
"""Up to this deviation of a sum of float32 exponentials, that of the exact sum is below `REPORTED_DEVIATION`.

NumPy's exponential is off by 4 units of the last place at most, 4.8e-7 of each value and so of their sum, which is
taken in float64.
"""


class FrameCheck:
    """Checks the frames of a block of utterances, of which `lengths` says how many count."""

    def __init__(self, rows: ScoreRows, nan: NanPolicy, start: int, frames: np.ndarray, lengths: np.ndarray) -> None:
        self.rows = rows
        self.nan = nan
        self.start = start
        self.frames = frames
        self.facts = RowFacts()
        """What the frames show of their kind."""
        self.broken = np.zeros(len(frames), np.bool_)
        """The utterances that hold a NaN."""
        self.skipped: np.ndarray | None = None
        """Those of them that are to be left out; None where there is none."""
        self._unchecked = np.arange(frames.shape[1]) < lengths[:, np.newaxis]
        self._proven = np.zeros(frames.shape[:2], np.bool_)

    def run(self, threads: int) -> None:
        """Check all frames that count, those at a glance on so many threads."""
        for first in itertools.islice(self._closely(self._unchecked), 1):  # frames of another kind show it here
            self._look(*first)
        self._glance_at_all(threads)
        if self.rows.kind != "logits" and self.rows.tolerance < REPORTED_DEVIATION:
            self._proven[...] = False
        for few in self._closely(self._unchecked & ~self._proven):
            self._look(*few)
        if self.rows.kind != "logits":
            # How steep rows are, no glance tells; one steep row is enough to know.
            for few in itertools.takewhile(lambda _: self.facts.steepest_odds <= STEEP, self._closely(self._unchecked)):
                self._look(*few)
        self.facts.merge(_proven_facts(int(self._unchecked.sum()), self.rows.kind))

    def _glance_at_all(self, threads: int) -> None:
        pieces = self._pieces()
        if len(pieces) > 1:
            keep_freed_memory()
        if threads == 1 or len(pieces) < PIECES_FOR_THREADS:
            self._glance_at(pieces)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self._glance_at, (pieces[first::threads] for first in range(threads))))

    def _pieces(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Parts of the frames in the order in which they are stored, each with the place of its verdicts."""
        frames, proven = self.frames, self._proven
        if abs(frames.strides[1]) > abs(frames.strides[0]):  # time first
            frames, proven = frames.swapaxes(0, 1), proven.swapaxes(0, 1)
        outer, inner, classes = frames.shape
        beside = max(1, min(inner, PIECE_NUMBERS // classes))
        step = max(1, PIECE_NUMBERS // (beside * classes))
        return [
            (frames[low : low + step, left : left + beside], proven[low : low + step, left : left + beside])
            for low in range(0, outer, step)
            for left in range(0, inner, beside)
        ]

    def _glance_at(self, pieces: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        with np.errstate(all="ignore"):  # is kept by thread, and garbage is for the close look
            for frames, proven in pieces:
                proven[...] = _GLANCES[self.rows.kind](frames)

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
    are_logarithms = _at_most(frames, 0.0)
    shares = np.exp(frames, dtype=np.result_type(frames, np.float32))
    return np.asarray(_sum_to_one(shares) & are_logarithms)


def _are_probs(frames: np.ndarray) -> np.ndarray:
    return np.asarray(_sum_to_one(frames) & _at_most(frames, 1.0) & (frames.min(axis=-1) >= 0.0))


def _sum_to_one(shares: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(shares.sum(axis=-1, dtype=np.float64) - 1.0) <= PROVEN_DEVIATION)


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
