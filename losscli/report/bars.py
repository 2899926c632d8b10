"""Counts as bars, a line each, for any terminal or text file."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from losscli.report.page import Column, cell_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from losscli.report.page import Page

EIGHTHS = " ▏▎▍▌▋▊▉█"

LONGEST = 36
"""The letters of the longest bar, so that a line of counts below a million fits 80 columns."""

SHORTEST = 10
"""The letters of the longest bar where there is little room."""


def draw_bars(page: Page, names: Sequence[str], counts: Sequence[int], *, shares: bool = True) -> None:
    """A line for each name: its count, its share of all, and a bar as long as the count is large.

    On a terminal that is too narrow, bars become shorter, and then names.
    """
    total, most = sum(counts), max(counts)
    figures = [f"{count:,}" for count in counts]
    if shares:
        figures = [f"{figure}  {100.0 * count / total:5.1f} %" for figure, count in zip(figures, counts, strict=True)]
    digits = max(map(len, figures))
    taken = digits + 6
    if not page.fits([Column("", [name + (taken + SHORTEST) * " " for name in names], right=False)]):
        names = [_shortened(name, page.width - taken - SHORTEST) for name in names]
    widest = max(map(cell_width, names))
    length = max(SHORTEST, min(LONGEST, page.width - widest - taken))
    for name, count, figure in zip(names, counts, figures, strict=True):
        blanks = " " * (widest - cell_width(name))
        told = f"  {blanks}{name}  {figure:>{digits}}"
        page.spans([(told, ""), (f"  {bar(count / most, length)}".rstrip(), "cyan")])


def bar(share: float, length: int = LONGEST) -> str:
    """A bar of up to `length` letters, in eighths of a letter; it is never empty for what is not 0."""
    eighths = max(round(share * length * 8), 1 if share else 0)
    return (EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip()


def bin_names(edges: Sequence[float]) -> list[str]:
    """From an edge to the next, with the points of the ranges below each other."""
    texts = [f"{edge:.6g}" for edge in edges]
    left, right = max(map(len, texts[:-1])), max(map(len, texts[1:]))
    return [f"{low:>{left}} … {high:<{right}}" for low, high in pairwise(texts)]


def _shortened(name: str, width: int) -> str:
    """The name, or as much of its beginning as `width` columns have room for."""
    if cell_width(name) <= width:
        return name
    while name and cell_width(name) >= width:
        name = name[:-1]
    return f"{name}…"
