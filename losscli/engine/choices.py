"""What a run can be told in one of a few words: one type for each, of which every front end takes the list."""

from __future__ import annotations

from typing import Literal, get_args

Reduction = Literal["mean", "sum", "none"]
Base = Literal["e", "2", "10"]
OnNan = Literal["error", "propagate", "skip"]
OnEmpty = Literal["error", "nan", "zero"]

CHOICES: dict[str, tuple[str, ...]] = {
    "reduction": get_args(Reduction),
    "base": get_args(Base),
    "on_nan": get_args(OnNan),
    "on_empty": get_args(OnEmpty),
}
"""The words by the name of the option."""
