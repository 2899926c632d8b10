"""Where the loss sits, and how it stands to predictions that know little: the sections that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from losscli.report.bars import bin_names, draw_bars
from losscli.report.page import Column
from losscli.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from losscli.engine.result import Baseline, Groups, Histogram
    from losscli.report.page import Page

GROUPS_SHOWN = 30
"""A table shows so many groups at most; JSON has all."""


def draw_groups(page: Page, found: Groups) -> None:
    """A line for each group, that with the greatest total loss first."""
    groups = found.groups[:GROUPS_SHOWN]
    page.line()
    page.line(printable(f"{len(found.groups):,} groups by {found.by}, most of the total loss first"), "bold")
    columns = [
        Column(printable(found.by), [printable(str(each.group)) for each in groups], right=False),
        Column("samples", [f"{each.samples:,}" for each in groups], right=True),
        Column("weight", [_short(each.weight) for each in groups], right=True),
        Column("share", [_percent(each.share) for each in groups], right=True),
        Column("mean", [_short(each.mean) for each in groups], right=True),
        Column("standard error", [_short(each.standard_error) for each in groups], right=True),
        Column("value", [_short(each.value) for each in groups], right=True),
    ]
    equal = {
        "weight": all(each.weight == each.samples for each in groups),
        "value": all(each.value == each.mean for each in groups),
    }
    page.table([column for column in columns if not equal.get(column.name)])
    if len(found.groups) > len(groups):
        page.line(f"and {len(found.groups) - len(groups):,} more groups (--json lists all)", "dim")


def draw_histogram(page: Page, histogram: Histogram) -> None:
    """A bar for each bin."""
    page.line()
    page.line("losses of the samples", "bold")
    if histogram.counts:
        draw_bars(page, bin_names(histogram.edges), histogram.counts)
    if histogram.nonfinite:
        page.line(f"  and {histogram.nonfinite:,} that are not finite")


def draw_baselines(page: Page, baselines: Mapping[str, Baseline]) -> None:
    """What each baseline scores, and the skill against it."""
    page.line()
    page.line("baselines, and the skill 1 - loss / baseline against them", "bold")
    page.pairs([(printable(name), printable(_baseline(each))) for name, each in baselines.items()])


def _baseline(baseline: Baseline) -> str:
    if baseline.value is None:
        return baseline.of
    skill = "" if baseline.skill is None else f", skill {_short(baseline.skill)}"
    at = "" if baseline.temperature is None else f" ({_short(baseline.temperature)})"
    return f"{baseline.value!r}{skill}: {baseline.of}{at}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100.0 * share:.1f} %"


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"
