"""Curves drawn with the dots of braille letters, eight to a letter, for any terminal or text file.

The curves differ by their dashes, and on a terminal also by colour.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from losscli.report.curve_report import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from losscli.engine.result import Curves
    from losscli.report.page import Page

WIDEST = 120
"""The most columns that a plot takes."""

NARROWEST = 20
"""The fewest columns between its axes."""

DASHES = ((1, 0), (5, 4), (1, 3), (7, 3, 1, 3), (3, 2), (1, 6))
"""How many dots are drawn and left out in turn: one pattern a curve, from the start again after the last."""

STYLES = ("cyan", "magenta", "yellow", "green", "red", "blue")

NEAR = 1e-9
"""The share of a tick's step that rounding may take."""

DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)
"""The bit of each dot of a braille letter, four rows of two."""


def draw_plot(page: Page, found: Curves) -> None:
    """The curves between their axes."""
    page.line(title_of(found), "bold")
    for line in _legend([curve.label for curve in found.curves]):
        page.spans(line)
    page.line()
    finite = np.concatenate([curve.values[np.isfinite(curve.values)] for curve in found.curves])
    if not finite.size:
        page.line("there is nothing finite to draw")
        return
    y_ticks = enclosing_ticks(float(finite.min()), float(finite.max()))
    heights = tick_texts(y_ticks)
    margin = max(map(len, heights))
    columns = max(NARROWEST, min(page.width, WIDEST) - margin - 3)
    rows = columns // 5
    x = _widened(float(found.predictions.min()), float(found.predictions.max()))
    x_ticks = inner_ticks(*x, about=columns // 9)

    canvas = Canvas(columns, rows, x, (y_ticks[0], y_ticks[-1]))
    for number, curve in enumerate(found.curves):
        canvas.draw(found.predictions, curve.values, number)
    at_row = {canvas.row_of(tick): text for tick, text in zip(y_ticks, heights, strict=True)}
    for row in range(rows):
        axis = f"{at_row[row]:>{margin}} ┤" if row in at_row else f"{'':{margin}} │"
        page.spans([(axis, ""), *canvas.letters(row)])
    at_column = {canvas.column_of(tick): text for tick, text in zip(x_ticks, tick_texts(x_ticks), strict=True)}
    rule = "".join("┬" if column in at_column else "─" for column in range(columns))
    page.line(f"{'':{margin}} └{rule}")
    page.line(f"{'':{margin}}  {_centred(at_column, columns)}")


class Canvas:
    """A rectangle of braille letters, and where the numbers of both axes fall on it."""

    def __init__(self, columns: int, rows: int, x: tuple[float, float], y: tuple[float, float]) -> None:
        self._bits = np.zeros((rows, columns), np.uint8)
        self._owner = np.zeros((rows, columns), np.intp)
        self._x = x
        self._y = y

    def draw(self, x: np.ndarray, y: np.ndarray, number: int) -> None:
        """Draw curve `number`, from each finite point to the next."""
        order = np.argsort(x, kind="stable")
        across, down = self._across(x[order]), self._down(y[order])
        gaps = np.flatnonzero(~np.isfinite(down))
        for part in np.split(np.arange(len(down)), np.union1d(gaps, gaps + 1)):
            if part.size and np.isfinite(down[part[0]]):
                self._stroke(across[part], down[part], number)

    def _stroke(self, across: np.ndarray, down: np.ndarray, number: int) -> None:
        steps = np.maximum(np.abs(np.diff(across)), np.abs(np.diff(down)))
        along = np.concatenate([[0.0], np.cumsum(steps)])
        places = np.arange(along[-1] + 1.0)
        places = places[_drawn(places, DASHES[number % len(DASHES)])]
        columns = np.rint(np.interp(places, along, across)).astype(np.intp)
        rows = np.rint(np.interp(places, along, down)).astype(np.intp)
        np.bitwise_or.at(self._bits, (rows // 4, columns // 2), DOTS[rows % 4, columns % 2])
        self._owner[rows // 4, columns // 2] = number

    def letters(self, row: int) -> Iterator[tuple[str, str]]:
        """The letters of a row, by the style of their curve, up to the last that is not blank."""
        bits, owner = self._bits[row], self._owner[row]
        drawn = np.flatnonzero(bits)
        end = int(drawn[-1]) + 1 if drawn.size else 0
        letters = zip(bits[:end].tolist(), owner[:end].tolist(), strict=True)
        for style, run in groupby(letters, lambda letter: STYLES[letter[1] % len(STYLES)]):
            yield "".join(_letter(bits) for bits, _ in run), style

    def row_of(self, y: float) -> int:
        """The row of letters that holds the height `y`."""
        return int(np.rint(self._down(np.array(y)))) // 4

    def column_of(self, x: float) -> int:
        """The column of letters that holds `x`."""
        return int(np.rint(self._across(np.array(x)))) // 2

    def _across(self, x: np.ndarray) -> np.ndarray:
        low, high = self._x
        scaled: np.ndarray = (x - low) / (high - low) * (2 * self._bits.shape[1] - 1)
        return scaled

    def _down(self, y: np.ndarray) -> np.ndarray:
        low, high = self._y
        scaled: np.ndarray = (high - y) / (high - low) * (4 * self._bits.shape[0] - 1)
        return scaled


def enclosing_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """About so many round numbers, the first of them not above `low`, the last not below `high`."""
    low, high = _widened(low, high)
    step = _round_step((high - low) / about)
    return [number * step for number in range(math.floor(low / step + NEAR), math.ceil(high / step - NEAR) + 1)]


def inner_ticks(low: float, high: float, about: int) -> list[float]:
    """About so many round numbers from `low` to `high`."""
    step = _round_step((high - low) / about)
    return [number * step for number in range(math.ceil(low / step - NEAR), math.floor(high / step + NEAR) + 1)]


def _round_step(rough: float) -> float:
    """The number of one digit, 1, 2 or 5, that is nearest to `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return power * min((1.0, 2.0, 5.0, 10.0), key=lambda digit: abs(math.log(digit * power / rough)))


def _widened(low: float, high: float) -> tuple[float, float]:
    """An interval that is no point."""
    if high - low > max(1e-12 * max(abs(low), abs(high)), 1e-300):
        return low, high
    room = max(0.5 * abs(low), 0.5)
    return low - room, high + room


def tick_texts(numbers: Sequence[float]) -> list[str]:
    """The numbers in as few digits as tell them exactly enough."""
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1.0
    for digits in range(1, 18):
        texts = [f"{float(f'{number:.{digits}g}'):.{max(6, digits)}g}" for number in numbers]
        if all(abs(float(text) - number) < NEAR * step for text, number in zip(texts, numbers, strict=True)):
            break
    return texts


def _centred(texts: dict[int, str], columns: int) -> str:
    """Each text under its column, as far as there is room."""
    line = ""
    for column, text in texts.items():
        start = min(max(0, column - (len(text) - 1) // 2), columns - len(text))
        if not line or start > len(line):
            line = line.ljust(start) + text
    return line


def _legend(labels: Sequence[str]) -> Iterator[list[tuple[str, str]]]:
    """A sample of each curve's line, and its label."""
    for number, label in enumerate(labels):
        places = np.arange(16.0)
        drawn = _drawn(places, DASHES[number % len(DASHES)]).reshape(-1, 2)
        sample = "".join(_letter(int(DOTS[2, pair].sum())) for pair in drawn)
        yield [("  ", ""), (sample, STYLES[number % len(STYLES)]), (f"  {label}", "")]


def _drawn(places: np.ndarray, dashes: Sequence[int]) -> np.ndarray:
    """Which places along a line lie on its dashes."""
    edges = np.cumsum(dashes)
    drawn: np.ndarray = np.searchsorted(edges, places % edges[-1], side="right") % 2 == 0
    return drawn


def _letter(bits: int) -> str:
    return chr(0x2800 + bits) if bits else " "
