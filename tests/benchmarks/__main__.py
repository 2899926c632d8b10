"""Measures losscli against its peers and prints one table: `make bench`, or `make bench ROWS="ctc start-up"`."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from files import Files
from measuring import Measured, Row, measure
from processes import FailedError, pin_to_cores
from rows import rows
from table import as_page, keep, line_of

HOME = Path(__file__).parents[2] / ".bench"
QUICK = 100
"""What divides the rows of a trial run."""


def main() -> int:
    """Measure the chosen rows, print and keep them; 1 if a row could not be measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "words", nargs="*", help="measure these groups, or the rows that name one of these words; else all"
    )
    parser.add_argument("--quick", action="store_true", help="small files, one run: to try the benchmarks, not losscli")
    parser.add_argument("--list", action="store_true", help="name the rows, and measure none")
    asked = parser.parse_args()
    pin_to_cores()
    files = Files(HOME / ("quick" if asked.quick else "data"), shrink=QUICK if asked.quick else 1)
    table = rows(files)
    chosen = [row for row in table if _is_asked(row, asked.words, {row.group for row in table})]
    if asked.list:
        print(*(f"{row.group}: {row.what}, {row.method}, {row.peer}" for row in chosen), sep="\n")
        return 0
    whole = not (asked.quick or asked.words)
    results = HOME / ("results.json" if whole else "some-results.json")
    lines = []
    begin = time.monotonic()
    for number, row in enumerate(chosen, 1):
        at = f"{time.monotonic() - begin:.0f} s"
        place = f"{number}/{len(chosen)}"
        print(f"{at}, {place} {row.group}: {row.what}, {row.method}, {row.peer}", file=sys.stderr, flush=True)
        lines.append(line_of(row, _measured(row, once=asked.quick)))
        keep(lines, results)  # at once: a run takes a quarter of an hour, and may be ended
        for file in row.files.difference(*(later.files for later in chosen[number:])):
            file.drop_if_large()
    print(as_page(results), end="")
    if asked.quick:
        shutil.rmtree(files.folder)
        print("\nA trial run: the files are too small for these figures to mean anything.")
    return int(any(line.figure is None for line in lines))


def _is_asked(row: Row, words: list[str], groups: set[str]) -> bool:
    """Whether no word is given, or one names the row's group, or one that names no group is in the row."""
    said = f"{row.what}, {row.peer}".lower()
    return not words or any(word == row.group if word in groups else word.lower() in said for word in words)


def _measured(row: Row, *, once: bool) -> Measured | str:
    try:
        return measure(row, once=once)
    except FailedError as failed:
        return str(failed)


if __name__ == "__main__":
    sys.exit(main())
