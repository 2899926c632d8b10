"""The rows that a block makes in a line format or a file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from losscli.engine.result import Scored


class Rows(Protocol):
    """A block of rows in two forms, of which a format takes one."""

    @property
    def start(self) -> int:
        """The number of the first row."""

    def array(self) -> np.ndarray:
        """The rows along axis 0 of one array, of float64 or int64."""

    def columns(self) -> Mapping[str, np.ndarray]:
        """The rows as named columns; where a cell holds several numbers, the column has more axes."""


@dataclass(frozen=True)
class ScoredRows:
    """The rows of a scored block: its samples, or its single `elements`."""

    scored: Scored
    elements: bool

    @property
    def start(self) -> int:
        """The number of the first sample."""
        return self.scored.start

    def array(self) -> np.ndarray:
        """The losses."""
        return self.scored.loss if self.elements else self.scored.samples.columns["loss"]

    def columns(self) -> Mapping[str, np.ndarray]:
        """All that is known of each."""
        return columns_of(self.scored, elements=self.elements)


def columns_of(scored: Scored, *, elements: bool) -> Mapping[str, np.ndarray]:
    """Columns of equal length: the block's samples, or its elements with their indices.

    An element is found by `sample` and, where a sample holds an array, by `i1`, `i2`, ... in it.
    """
    if not elements:
        return scored.samples.columns
    samples = scored.samples.columns["sample"]
    inner = scored.loss.shape[1:]
    size = math.prod(inner)
    indices = np.indices(inner).reshape(len(inner), size)
    columns = {
        "sample": np.repeat(samples, size),
        **{f"i{axis}": np.tile(index, len(samples)) for axis, index in enumerate(indices, start=1)},
        "loss": scored.loss.reshape(-1),
        "weight": np.broadcast_to(scored.weight, scored.loss.shape).reshape(-1),
    }
    if scored.lengths is None:
        return columns
    real = columns["i1"] < np.repeat(scored.lengths, size)
    return {name: column[real] for name, column in columns.items()}
