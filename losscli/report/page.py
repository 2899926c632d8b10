"""How lines, pairs and columns are drawn: plain for a pipe, with rich for a terminal.

Both take text that is already `printable`, and neither ever cuts or wraps a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 80
"""The columns of a page whose width nobody knows."""

COMMAND = "green"
"""The style of a line that is to be copied to a shell."""

_UNBOUNDED = 1_000_000
"""A width that no line reaches, so that rich has no reason to cut."""

_RULED_ROWS = 500
"""The rows up to which a table is drawn by rich, which takes half a millisecond for each."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    cells: Sequence[str]
    right: bool


class Page(Protocol):
    """What tables are drawn on, from top to bottom."""

    @property
    def width(self) -> int:
        """The columns that a drawing may take; text may be wider where there is no terminal."""

    def line(self, text: str = "", style: str = "", /) -> None:
        """Add a line of its own, which is never broken."""

    def spans(self, parts: Sequence[tuple[str, str]], /) -> None:
        """Add a line of several pieces of text, each with its style."""

    def pairs(self, pairs: Sequence[tuple[str, str]], /) -> None:
        """Add labels and what they say, in two aligned columns."""

    def table(self, columns: Sequence[Column], /) -> None:
        """Add columns under their names."""

    def fits(self, columns: Sequence[Column], /) -> bool:
        """Whether a table of these columns is no wider than the page."""

    def text(self) -> str:
        """All that was drawn, ending with a line end."""


def new_page(*, width: int | None, color: bool, tty: bool) -> Page:
    """What is drawn on: a terminal, or plain text where there is none.

    Args:
        width: The columns of the terminal, 80 if None; without one, those of a drawing.
        color: Whether a terminal may be sent escape sequences.
        tty: Whether there is one.
    """
    return ScreenPage(width or WIDTH, color=color) if tty else PlainPage(width or WIDTH)


class PlainPage:
    """Aligned text without any decoration, as wide as it must be."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._lines: list[str] = []

    def line(self, text: str = "", _style: str = "", /) -> None:
        """Add a line."""
        self._lines.append(text)

    def spans(self, parts: Sequence[tuple[str, str]], /) -> None:
        """Add the pieces as one line."""
        self._lines.append("".join(text for text, _ in parts))

    def pairs(self, pairs: Sequence[tuple[str, str]], /) -> None:
        """Add one line a pair."""
        widest = max(cell_width(label) for label, _ in pairs)
        self._lines += [f"  {_padded(label, widest)}  {content}" for label, content in pairs]

    def table(self, columns: Sequence[Column], /) -> None:
        """Add the header and one line a row."""
        self._lines += aligned_rows(columns)

    def fits(self, _columns: Sequence[Column], /) -> bool:
        """Everything does."""
        return True

    def text(self) -> str:
        """All that was written."""
        return "\n".join(self._lines) + "\n"


class ScreenPage:
    """A terminal of a certain width, drawn by rich."""

    def __init__(self, width: int, *, color: bool) -> None:
        from rich.console import Console

        self.width = width
        self._buffer = StringIO()
        self._console = Console(
            file=self._buffer,
            width=_UNBOUNDED,
            height=100,
            color_system="standard" if color else None,
            force_terminal=color,
            force_jupyter=False,
            no_color=False,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )

    def line(self, text: str = "", style: str = "", /) -> None:
        """Add a line; a longer one is left to the terminal, so that it can be copied whole."""
        from rich.text import Text

        self._console.print(Text(text, style))

    def spans(self, parts: Sequence[tuple[str, str]], /) -> None:
        """Add the pieces as one line."""
        from rich.text import Text

        self._console.print(Text.assemble(*parts))

    def pairs(self, pairs: Sequence[tuple[str, str]], /) -> None:
        """Add a grid whose right column is folded at the width of the page."""
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for label, content in pairs:
            grid.add_row(Text(f"  {label}", "cyan"), Text(content))
        self._console.print(grid, width=self.width)

    def table(self, columns: Sequence[Column], /) -> None:
        """Add a table with a rule under its header; a very long one as plain lines."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        if len(columns[0].cells) > _RULED_ROWS:
            for row in aligned_rows(columns):
                self._buffer.write(f"{row}\n")
            return
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        for column in columns:
            table.add_column(Text(column.name), justify="right" if column.right else "left", no_wrap=True)
        for cells in zip(*(column.cells for column in columns), strict=True):
            table.add_row(*map(Text, cells))
        self._console.print(table)

    def fits(self, columns: Sequence[Column], /) -> bool:
        """Whether the widest row is no wider than the terminal."""
        return sum(_widest(column) + 2 for column in columns) - 2 <= self.width

    def text(self) -> str:
        """All that was drawn, without blanks at the ends of lines."""
        return "".join(f"{line.rstrip(' ')}\n" for line in self._buffer.getvalue().split("\n")[:-1])


def aligned_rows(columns: Sequence[Column]) -> Iterator[str]:
    """The names and then the cells, row by row, with two blanks between columns."""
    padded = map(_padded_cells, columns)
    return ("  ".join(row).rstrip() for row in zip(*padded, strict=True))


def cell_width(text: str) -> int:
    """The places of a terminal that a text takes: one a letter, but two for the wide ones."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _widest(column: Column) -> int:
    return max(map(cell_width, (column.name, *column.cells)))


def _padded_cells(column: Column) -> list[str]:
    width = _widest(column)
    return [_padded(cell, width, right=column.right) for cell in (column.name, *column.cells)]


def _padded(text: str, width: int, *, right: bool = False) -> str:
    blanks = " " * (width - cell_width(text))
    return blanks + text if right else text + blanks
