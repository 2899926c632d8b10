"""The rows that a scored block makes in a line format or a file: samples, or single elements."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from losscli.engine.result import Scored


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
    return {
        "sample": np.repeat(samples, size),
        **{f"i{axis}": np.tile(index, len(samples)) for axis, index in enumerate(indices, start=1)},
        "loss": scored.loss.reshape(-1),
        "weight": np.broadcast_to(scored.weight, scored.loss.shape).reshape(-1),
    }
