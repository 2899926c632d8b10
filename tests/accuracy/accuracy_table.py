"""The table of `make accuracy` as it is kept beside this script, and as a page."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Row:
    """Points of a loss, and how far from the truth each side is at the worst of them, in words.

    Attributes:
        what: The loss, and what sets the points apart.
        points: How many.
        bar: The most that losscli may be off, in units in the last place.
        met: Whether it is not.
        cells: The sides' worst errors, by their names.
    """

    what: str
    points: int
    bar: int
    met: bool
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """All rows, the versions of the peers, and how many sums and means were rounded correctly, of how many."""

    versions: dict[str, str]
    rows: list[Row]
    rounded: int
    reduced: int

    @property
    def met(self) -> bool:
        """Whether losscli keeps all that is promised."""
        return self.rounded == self.reduced and all(row.met for row in self.rows)


def as_page(table: Table) -> str:
    """The table in Markdown, and what stands under it."""
    sides = list(table.rows[0].cells)
    titles = [f"{side} {table.versions[side]}" if side in table.versions else side for side in sides]
    lines = [f"| loss | points | bar | {' | '.join(titles)} |", f"| --- | --: | --: |{' --: |' * len(titles)}"]
    for row in table.rows:
        lines.append(f"| {row.what} | {row.points} | {row.bar} | {' | '.join(row.cells[side] for side in sides)} |")
    kept = sum(row.met for row in table.rows)
    lines += ["", f"losscli keeps {kept} of {len(table.rows)} bars; of its sums and means over these points,"]
    lines += [f"{table.rounded} of {table.reduced} are the correctly rounded ones of the losses.", ""]
    return "\n".join(lines)


def keep(table: Table) -> None:
    """Write the table down."""
    RESULTS.write_text(json.dumps(asdict(table), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def kept() -> Table:
    """The table that was written down last."""
    content = json.loads(RESULTS.read_text(encoding="utf-8"))
    return Table(**{**content, "rows": [Row(**row) for row in content["rows"]]})
