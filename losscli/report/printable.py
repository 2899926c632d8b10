"""Text from files and arguments, made fit for a terminal: no control, no escape, no hidden order."""

from __future__ import annotations

_HARMLESS = "\u00a0\u202f\u3000\u200c\u200d"
"""Spaces and joiners that ordinary writing needs, though Python does not call them printable."""


def printable(text: str) -> str:
    r"""The text on one line, with everything that a terminal would obey written out.

    Control characters, ANSI escapes, line breaks, bidirectional overrides, other invisible
    characters and undecodable bytes appear as Python writes them: `\x1b`, `\n`, `\u202e`, `\udcff`.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in _HARMLESS
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
