"""What standard output is: a terminal of some width, with or without colours, or none."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TypedDict


class Terminal(TypedDict):
    """What the tables and plots of the report are drawn for."""

    width: int
    color: bool
    tty: bool


def terminal() -> Terminal:
    """Standard output as it is now."""
    tty = sys.stdout.isatty()
    color = tty and not os.environ.get("NO_COLOR")
    return Terminal(width=shutil.get_terminal_size().columns, color=color, tty=tty)
