"""How a side of a comparison is asked: `NAME FILE...` prints its value once, as a script would.

With `--serve` the files are loaded once, and every line on stdin is answered by the seconds that the work took
and its value.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from time import perf_counter

Work = Callable[[], object]


def answer(tasks: Mapping[str, Callable[..., Work]]) -> None:
    """Do what the command line asks for; a task loads its files and returns the work to be timed."""
    arguments = sys.argv[1:]
    serve = arguments[0] == "--serve"
    name, *files = arguments[serve:]
    work = tasks[name](*files)
    if not serve:
        print(work())
        return
    for _ in sys.stdin:
        start = perf_counter()
        value = work()
        print(perf_counter() - start, value, flush=True)
