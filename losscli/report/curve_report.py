"""Curves as a table and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from losscli.report.json_report import portable
from losscli.report.table import draw_rows

if TYPE_CHECKING:
    from losscli.engine.result import Curves
    from losscli.report.page import Page

CURVE_SCHEMA_ID = "losscli/curve/1"


def curves_to_json(found: Curves) -> dict[str, Any]:
    """The curves as plain dicts, lists, strings and finite numbers."""
    return {
        "schema": CURVE_SCHEMA_ID,
        "target": portable(found.target),
        "predictions": portable(found.predictions),
        "curves": [
            {
                "loss": curve.loss,
                "unit": curve.unit,
                "options": portable(curve.options),
                "values": portable(curve.values),
            }
            for curve in found.curves
        ],
    }


def draw_curves(page: Page, found: Curves) -> None:
    """A row for each prediction."""
    page.line(title_of(found), "bold")
    page.pairs([(curve.label, curve.unit) for curve in found.curves])
    draw_rows(page, f"{len(found.predictions)} predictions", found.columns())


def title_of(found: Curves) -> str:
    """What is shown against what; the losses are named beside their curves."""
    return f"loss against the prediction, target {found.target:g}"
