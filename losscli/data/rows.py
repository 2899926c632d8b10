"""Rows of arrays and of ragged lists, handled alike: cut, joined and taken in another order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from losscli.data.model import Ragged

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from losscli.data.model import Values


def cut_rows(values: Values, start: int, stop: int) -> Values:
    """Rows start to stop, without a copy of what they hold."""
    if isinstance(values, Ragged):
        offsets = values.offsets[start : stop + 1]
        return Ragged(values.values[offsets[0] : offsets[-1]], offsets - offsets[0])
    return values[start:stop]


def join_rows(pieces: Sequence[Values]) -> Values:
    """The rows of all pieces, which are of one sort. A single piece is not copied."""
    if len(pieces) == 1:
        return pieces[0]
    lists = [piece for piece in pieces if isinstance(piece, Ragged)]
    if not lists:
        return np.concatenate([piece for piece in pieces if not isinstance(piece, Ragged)])
    lengths = np.concatenate([np.diff(piece.offsets) for piece in lists])
    return Ragged(np.concatenate([piece.values for piece in lists]), _offsets(lengths))


def take_rows(values: Values, rows: np.ndarray) -> Values:
    """The rows with the numbers `rows`, in that order."""
    if not isinstance(values, Ragged):
        taken: np.ndarray = values[rows]
        return taken
    lengths = np.diff(values.offsets)[rows]
    offsets = _offsets(lengths)
    # Position k of the result lies as far from its row's start as it did before.
    source = np.arange(offsets[-1]) + np.repeat(values.offsets[rows] - offsets[:-1], lengths)
    return Ragged(values.values[source], offsets)


def filled_up(rows: Ragged, fill: float, dtype: npt.DTypeLike | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The rows in one array, those that are shorter filled up at their end; and how long each was."""
    lengths, values = rows.lengths, rows.values
    filled = np.full((len(lengths), int(lengths.max(initial=0)), *values.shape[1:]), fill, dtype or values.dtype)
    filled[np.arange(filled.shape[1]) < lengths[:, np.newaxis]] = values
    return filled, lengths


def _offsets(lengths: np.ndarray) -> np.ndarray:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
