"""Counts as bars, a line each, for any terminal or text file."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from losscli.report.page import Page

EIGHTHS = " ▏▎▍▌▋▊▉█"

LONGEST = 36
"""The letters of the longest bar, so that a line of counts below a million fits 80 columns."""


def draw_bars(page: Page, names: Sequence[str], counts: Sequence[int]) -> None:
    """A line for each name: its count, its share, and a bar as long as the count is large."""
    total, most = sum(counts), max(counts)
    figures = [f"{count:,}" for count in counts]
    digits, widest = max(map(len, figures)), max(map(len, names))
    for name, count, figure in zip(names, counts, figures, strict=True):
        told = f"  {name:>{widest}}  {figure:>{digits}}  {100.0 * count / total:5.1f} %"
        page.spans([(told, ""), (f"  {bar(count / most)}".rstrip(), "cyan")])


def bar(share: float, length: int = LONGEST) -> str:
    """A bar of up to `length` letters, in eighths of a letter; it is never empty for what is not 0."""
    eighths = max(round(share * length * 8), 1 if share else 0)
    return (EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip()


def bin_names(edges: Sequence[float]) -> list[str]:
    """From an edge to the next, with the points of the ranges below each other."""
    texts = [f"{edge:.6g}" for edge in edges]
    left, right = max(map(len, texts[:-1])), max(map(len, texts[1:]))
    return [f"{low:>{left}} … {high:<{right}}" for low, high in pairwise(texts)]
