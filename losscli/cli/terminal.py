"""What standard output is: a terminal of some width, with or without colours, or none."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TypedDict

NARROWEST = 20
"""No page is narrower, whatever a terminal or a variable says: words would not fit."""


class Terminal(TypedDict):
    """What the tables and plots of the report are drawn for."""

    width: int
    color: bool
    tty: bool


def terminal(color: str = "auto") -> Terminal:
    """Standard output as it is now.

    Args:
        color: `always` draws as for a terminal whatever reads the output, `never` draws without
            colours, and `auto` asks the terminal and its user.
    """
    tty = color == "always" or sys.stdout.isatty()
    colored = color == "always" or (color == "auto" and tty and _wanted())
    return Terminal(width=max(NARROWEST, shutil.get_terminal_size().columns), color=colored, tty=tty)


def _wanted() -> bool:
    """Whether the user of a terminal wants colours. FORCE_COLOR revives a dumb one, but no pipe."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or os.environ.get("TERM") != "dumb"
