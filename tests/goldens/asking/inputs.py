"""Seeded inputs of few digits, and the options that the cases share."""

from __future__ import annotations

import numpy as np

REDUCTIONS = ("mean", "sum", "none")
CLASSES = 4
CLASS_WEIGHT = [0.5, 0.0, 2.0, 1.25]
SHAPES = {"C": (CLASSES,), "NC": (5, CLASSES), "NCd": (3, CLASSES, 3), "NCdd": (2, CLASSES, 2, 3)}
SMOOTHINGS = (0.0, 0.1, 1.0)

rng = np.random.default_rng(20240607)


def numbers(*shape: int, scale: float = 2.0) -> np.ndarray:
    """Normal numbers of few digits."""
    return rng.normal(0, scale, shape).round(3)


def uniform(*shape: int) -> np.ndarray:
    """Numbers of few digits, well inside (0, 1)."""
    return rng.uniform(0.02, 0.98, shape).round(3)


def distributions(shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Distributions along an axis, of multiples of 1/20; some entries are 0."""
    others = shape[:axis] + shape[axis + 1 :]
    counts = rng.multinomial(20, [0.4, 0.3, 0.2, 0.1], size=others)
    return np.moveaxis(counts / 20, -1, axis)


def class_axis(shape: tuple[int, ...]) -> int:
    """Where torch has the classes."""
    return 0 if len(shape) == 1 else 1


def index_labels(shape: tuple[int, ...]) -> dict[str, tuple[np.ndarray, int | None]]:
    """Labels and ignore_index: not used, one that occurs, and the sentinel -100."""
    axis = class_axis(shape)
    size = shape[:axis] + shape[axis + 1 :]
    if not size:
        return {"keep": (np.array(3), None), "hit": (np.array(3), 2), "sentinel": (np.array(3), -100)}
    labels = rng.integers(0, CLASSES, size)
    labels.flat[:3] = [2, 1, 3]
    masked = labels.copy()
    masked.flat[[1, -1]] = -100
    return {"keep": (labels, None), "hit": (labels, 2), "sentinel": (masked, -100)}
