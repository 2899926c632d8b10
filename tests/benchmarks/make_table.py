"""Puts the table of the last whole `make bench` into the README, between its two markers."""

from __future__ import annotations

import re
from pathlib import Path

from table import as_page

ROOT = Path(__file__).parents[2]
MARKED = re.compile(r"(<!-- benchmarks -->\n).*?(<!-- end of benchmarks -->)", flags=re.DOTALL)


def rewritten(readme: str, page: str) -> str:
    """The README with this page between the markers."""
    fresh, places = MARKED.subn(lambda marks: f"{marks[1]}\n{page}\n{marks[2]}", readme)
    if places != 1:
        raise ValueError(f"the README has {places} places for the table, not one")
    return fresh


if __name__ == "__main__":
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(rewritten(text, as_page(ROOT / ".bench" / "results.json")), encoding="utf-8")
