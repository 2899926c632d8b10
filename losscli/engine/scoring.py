"""What a scorer is: blocks of raw arrays in, elements of loss and weight out.

There is one scorer for each contract of the catalogue. It validates, brings arrays into the
loss function's canonical form, and calls it; it is pure, so that threads may share it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from losscli.data.model import Field, Ragged
from losscli.engine.reduce import Partial
from losscli.engine.result import InputRecord
from losscli.errors import DataError
from losscli.numerics import Array
from losscli.records import record

ROWS_NAMED = 5


@record
class Elements:
    """The un-reduced losses of a block of samples.

    `weight` is None where every element weighs 1. `ignored` marks elements without weight by the
    user's wish, `skipped` samples that were left out for a NaN; None marks nothing. `facts` is what
    must hold for the whole file; it merges in order of samples.
    """

    loss: Array
    weight: Array | None
    ignored: np.ndarray | None
    skipped: np.ndarray | None
    facts: Any
    mean_loss: Array | None = None
    """What enters the mean's numerator, where that is not the loss itself."""
    lengths: np.ndarray | None = None
    """How many elements of each sample are real, where samples of varying length were filled up."""
    largest: float | None = None
    """The largest magnitude of a loss, where the scorer knows it."""


Values: TypeAlias = Mapping[str, "np.ndarray | Ragged"]
"""The same samples of every field, by the field's name."""


class Scorer(ABC):
    """One contract's way from raw arrays to elements."""

    numbers_per_sample: int
    """How many numbers a sample's predictions have, by which the engine cuts blocks."""

    scores_in_pieces: bool = False
    """Whether it keeps to pieces that fit the cache by itself, so that a range need not be cut into steps."""

    @property
    def infinite(self) -> str:
        """What an infinite loss comes from."""
        return "a true class of probability 0"

    @property
    def leaving_out(self) -> str:
        """Where to look when nothing is left to score."""
        return "look at --ignore-index and the weights"

    def take_threads(self, threads: int) -> int:
        """How many of the run's threads score blocks side by side; a scorer may use them within a block instead."""
        return threads

    def prepare(self, values: Values) -> None:  # noqa: B027 - most contracts decide nothing beforehand
        """See the first block, and decide what is decided once for the whole input."""

    @abstractmethod
    def score(self, start: int, values: Values) -> Elements:
        """The losses of the samples from `start` on."""

    def merge_facts(self, facts: Any, later: Any) -> Any:
        """The facts of both ranges; a DataError where they contradict each other."""
        if facts is None or later is None:
            return later if facts is None else facts
        facts.merge(later)
        return facts

    @abstractmethod
    def finish(self, facts: Any) -> list[str]:
        """Warnings that the facts of the whole input give; a DataError where they forbid a result."""

    def details(self, _values: Values) -> Mapping[str, np.ndarray]:
        """What the loss adds to a row of the per-sample table."""
        return {}

    def closer(self, _values: Values) -> Mapping[str, np.ndarray]:
        """What the loss adds to a row of the worst samples."""
        return {}

    def classes_of(self, _values: Values) -> np.ndarray:
        """The class of each sample, by name where it has one; a DataError where a sample has none, or several."""
        raise DataError(
            "--by-class: a sample has no single class here",
            why="its targets are numbers or distributions, or several",
            hint="--by COLUMN groups by a column",
        )

    def report(self, _total: Partial, _unit_in_nats: float) -> Mapping[str, Any]:
        """What the contract reports beside the reductions."""
        return {}

    @abstractmethod
    def describe(self, records: dict[str, InputRecord], facts: Any) -> dict[str, InputRecord]:
        """The input records with kind and evidence filled in."""


def is_ragged(field: Field) -> bool:
    """Whether the rows of a field are of varying length."""
    return field.info.dtype.startswith("ragged")


def sample_shape(field: Field) -> tuple[int, ...]:
    """The shape of one sample, which is known before the number of samples is."""
    return tuple(int(length) for length in field.info.shape[1:] if length is not None)


def array(values: Values, name: str) -> np.ndarray:
    """The samples of a field that was not selected as ragged."""
    found = values[name]
    assert isinstance(found, np.ndarray)  # noqa: S101 - only `ragged=True` yields anything else
    return found


def as_float64(values: np.ndarray) -> Array:
    """The same numbers in float64, the only type that arithmetic is done in."""
    return np.asarray(values, dtype=np.float64)


@record
class NanPolicy:
    """What a NaN in the input does: `error`, `propagate` or `skip` (the sample)."""

    policy: str

    def rows(self, values: np.ndarray, start: int, field: Field) -> np.ndarray | None:
        """The mask of samples that hold a NaN, None where there is none; an error if that is the policy."""
        bad = np.isnan(values).reshape(len(values), -1).any(axis=1)
        if not bad.any():
            return None
        lost = self.samples(values, bad, np.arange(start, start + len(values)), field)
        return None if lost is None else bad

    def samples(self, rows: np.ndarray, bad: np.ndarray, samples: np.ndarray, field: Field) -> np.ndarray | None:
        """The numbers of the samples to be left out for the `bad` ones among their rows, None if none are.

        `samples` are the numbers of the samples that the rows belong to.
        """
        if not bad.any() or self.policy == "propagate":
            return None
        lost = np.unique(samples[bad])
        if self.policy == "skip":
            return lost
        named = ", ".join(map(str, lost[:ROWS_NAMED]))
        noun = "row" if len(lost) == 1 else "rows"
        more = ", ..." if len(lost) > ROWS_NAMED else ""
        first = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{field.where(int(samples[first]), _first_position(np.isnan(rows[first])))}: the value is NaN",
            why=f"{len(lost)} of {len(np.unique(samples))} samples looked at hold NaN ({noun} {named}{more})",
            hint="--on-nan skip leaves such samples out and counts them, --on-nan propagate makes the loss NaN",
        )


def _first_position(mask: np.ndarray) -> int | None:
    return int(np.flatnonzero(mask.reshape(-1))[0]) if mask.ndim else None


def first_outside(mask: np.ndarray) -> tuple[int, int | None]:
    """The sample and the position within it of the first True."""
    flat = int(np.flatnonzero(mask.reshape(-1))[0])
    per_sample = mask[0].size
    return flat // per_sample, (flat % per_sample if mask.ndim > 1 else None)


def either(mask: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    """The union of two masks, either of which may be empty (None)."""
    if mask is None or other is None:
        return other if mask is None else mask
    both: np.ndarray = mask | other
    return both


def among(samples: np.ndarray | None, start: int, count: int) -> np.ndarray | None:
    """The mask of the given sample numbers among `count` samples from `start` on; None for none."""
    if samples is None:
        return None
    mask = np.zeros(count, np.bool_)
    mask[samples - start] = True
    return mask
