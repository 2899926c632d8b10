"""GitHub-flavoured Markdown, with all digits: a page of it, and the escapes that keep text from being any of it."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from losscli.report.page import COMMAND, WIDTH, Column
from losscli.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class MarkdownPage:
    """A `Page` whose bold lines are headings, whose dim ones are code, and whose drawings are kept as drawn."""

    width = WIDTH

    def __init__(self) -> None:
        self._blocks: list[tuple[str, str]] = []
        """What each block is, and its text: neighbours of one kind of `item` or `drawing` belong together."""

    def line(self, text: str = "", style: str = "", /) -> None:
        """Add a heading, code, an item of a list or a paragraph: the style and the indentation tell."""
        if not text:
            return
        if "bold" in style:
            self._heading(text)
        elif text.startswith(" ") and style == "dim":  # what is said of the item above
            self._blocks.append(("item", f"  {plain(text.strip())}"))
        elif style == "dim":
            self._blocks.append(("code", code(text)))
        elif text.startswith(" "):
            below = " " * (len(text) - len(text.lstrip()) - 2)
            self._blocks.append(("item", f"{below}- {code(text.strip()) if style == COMMAND else plain(text.strip())}"))
        else:
            self._blocks.append(("paragraph", plain(text)))

    def spans(self, parts: Sequence[tuple[str, str]], /) -> None:
        """Add a line of a drawing, or a heading if it begins in bold."""
        text = "".join(text for text, _ in parts)
        if "bold" in parts[0][1]:
            self._heading(text)
        else:
            self._blocks.append(("drawing", text))

    def _heading(self, text: str) -> None:
        level = "####" if self._blocks else "###"
        self._blocks.append(("heading", f"{level} {plain(text)}"))

    def pairs(self, pairs: Sequence[tuple[str, str]], /) -> None:
        """Add a table of two columns. A pair without a label says more of the one before it."""
        joined: list[tuple[str, str]] = []
        for label, content in pairs:
            if label or not joined:
                joined.append((label, content))
            else:
                joined[-1] = (joined[-1][0], f"{joined[-1][1]}; {content}")
        labels, contents = zip(*joined, strict=True)
        self.table([Column("", labels, right=False), Column("", contents, right=False)])

    def table(self, columns: Sequence[Column], /) -> None:
        """Add a table."""
        rows = zip(*(column.cells for column in columns), strict=True)
        lines = [
            row([plain(column.name) for column in columns]),
            row(["---:" if column.right else "---" for column in columns]),
            *(row([plain(cell.strip()) for cell in cells]) for cells in rows),
        ]
        self._blocks.append(("table", "\n".join(lines)))

    def fits(self, _columns: Sequence[Column], /) -> bool:
        """Everything does."""
        return True

    def text(self) -> str:
        """All that was written, ending with a line end."""
        return "\n\n".join(self._joined()) + "\n"

    def _joined(self) -> Iterator[str]:
        for kind, blocks in groupby(self._blocks, key=lambda block: block[0]):
            texts = [text for _, text in blocks]
            if kind == "drawing":
                yield "\n".join([fence := _fence(texts), *texts, fence])
            elif kind == "item":
                yield "\n".join(texts)
            else:
                yield from texts


_LINK = ":(?=//)"
_EMOJI = r":(?=[\w+-]+:)"
_EMPHASIS = r"(?<![^\W_])_|_(?![^\W_])"


def row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def plain(text: str) -> str:
    """The text with a backslash before all that would be Markdown, HTML, a link, an emoji or the end of a cell."""
    return re.sub(rf"[\\`*\[\]<>|#~@&$]|{_LINK}|{_EMOJI}|{_EMPHASIS}", r"\\\g<0>", printable(text))


def code(text: str) -> str:
    """The text as a span of code, whatever backticks it holds."""
    ticks = "`" * (_longest(text) + 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{blank}{text}{blank}{ticks}"


def _fence(texts: Sequence[str]) -> str:
    return "`" * max(3, *(_longest(text) + 1 for text in texts))


def _longest(text: str) -> int:
    """The longest run of backticks in the text."""
    return max(map(len, re.findall("`+", text)), default=0)
