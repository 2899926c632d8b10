"""`losscli curve`: losses drawn against the prediction."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import typer

from losscli.cli.answer import print_drawn, print_json, warn
from losscli.cli.commands import escaped
from losscli.cli.options import OUTPUT, Option, argument, common, declare
from losscli.cli.several_losses import options_of, owners_of
from losscli.engine.curve import curves, drawable, find_drawable
from losscli.engine.result import Curves
from losscli.errors import UsageError

LOSSES = Annotated[
    list[str],
    typer.Argument(
        metavar="LOSS...",
        help=f"Losses of one prediction and one target: {', '.join(loss.name for loss in drawable())}.",
        show_default=False,
        autocompletion=lambda: [loss.name for loss in drawable()],
    ),
]

PREDICTION = Option(
    "pred",
    str,
    ...,
    "The predictions: FROM:TO:COUNT evenly spaced numbers with both ends, or a comma list.",
    "Range",
    (),
    "FROM:TO:COUNT",
)
TARGET = Option("target", float, ..., "The target, the same for all predictions.", "Range")

MOST_POINTS = 10_000_000
"""A curve is held in memory; no drawing has as many points."""

FORMS = ("table", "md", "plot", "json", "jsonl", "csv")
SHORT = ("plot", "json", "csv")
"""The forms that have an option of their own."""


OWNERS = owners_of(drawable())

OPTIONS = (
    PREDICTION,
    TARGET,
    *options_of(OWNERS),
    Option("format", Literal[FORMS], None, "What is printed; a table if not said.", OUTPUT),
    Option("plot", bool, False, "Draw the curves in the terminal: short for --format plot.", OUTPUT),
    *common("json"),
    Option("csv", bool, False, "Short for --format csv.", OUTPUT),
    Option("save_plot", str, None, "Also draw the curves into a .png or .svg file.", OUTPUT, (), "FILE"),
    *common("color", "quiet", "no_config", "debug"),
)


def run(**values: Any) -> None:
    """Compute the curves, and show them."""
    form = _form(values)
    losses = find_drawable(values["losses"])
    predictions = _predictions(values["pred"])
    target = values["target"]
    if not math.isfinite(target):
        raise UsageError(f"--target is {target}, but must be finite")
    picture = None
    if values["save_plot"] is not None:
        from losscli.report.plot_image import PlotFile

        picture = PlotFile(values["save_plot"])
    given = {name: values[name] for name in OWNERS if values[name] is not None}
    found = curves(losses, predictions, target, given)
    if picture is not None:
        from losscli.report.plot_image import draw_curves

        picture.save(lambda axes: draw_curves(axes, found))
    _print(found, form, values["color"])
    warn(_infinities(found), quiet=values["quiet"])


def _form(values: dict[str, Any]) -> str:
    """The one form that is asked for."""
    asked = [form for form in SHORT if values[form]]
    if values["format"] is not None:
        asked.append(values["format"])
    if len(set(asked)) > 1:
        raise UsageError(f"only one form is printed, but {' and '.join(asked)} are asked for", hint="leave one out")
    return asked[0] if asked else "table"


def _predictions(text: str) -> np.ndarray:
    """FROM:TO:COUNT as evenly spaced numbers, or a comma list of numbers."""
    try:
        if ":" in text:
            low, high, count = text.split(":")
            with np.errstate(all="ignore"):
                found = np.linspace(_number(low), _number(high), _count(count))
        else:
            found = np.array([_number(number) for number in text.split(",")])
    except ValueError as error:
        raise UsageError(
            f"--pred is {text!r}, but must be FROM:TO:COUNT or a comma list of finite numbers",
            why=f"COUNT is a whole number, 2 or more, and {MOST_POINTS:,} at most" if ":" in text else "",
            hint="--pred -3:5:100",
        ) from error
    if not np.isfinite(found).all():
        raise UsageError(f"--pred is {text!r}, but such a range is wider than a float64")
    return found


def _count(text: str) -> int:
    """A whole number from 2 to the most points of a curve; a ValueError for any other text."""
    if not text.isdecimal() or not 2 <= int(text) <= MOST_POINTS:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    """A finite number; a ValueError for any other text."""
    number = float(text)
    if not math.isfinite(number) or "_" in text:
        raise ValueError(text)
    return number


def _print(found: Curves, form: str, color: str) -> None:
    if form == "json":
        from losscli.report.curve_report import curves_to_json

        print_json(curves_to_json(found))
    elif form in ("csv", "jsonl"):
        from losscli.report import CsvLines, JsonLines

        lines = CsvLines(sys.stdout) if form == "csv" else JsonLines(sys.stdout)
        lines.write(found.columns())
    elif form == "plot":
        from losscli.report.plot_text import draw_plot

        print_drawn(draw_plot, found, form, color)
    else:
        from losscli.report.curve_report import draw_curves

        print_drawn(draw_curves, found, form, color)


def _infinities(found: Curves) -> Iterator[str]:
    """What to say of curves that leave the finite numbers."""
    for curve in found.curves:
        infinite = np.flatnonzero(~np.isfinite(curve.values))
        if infinite.size:
            first = found.predictions[infinite[0]]
            count = f"{infinite.size} of {len(found.predictions)} predictions (the first: {first:g})"
            yield f"{curve.loss} is {curve.values[infinite[0]]:g} at {count}"


run.__doc__ = escaped(
    "Draw losses against the prediction, for one target.\n\n\b\n"
    "Examples:\n"
    "losscli curve l1 l2 huber pseudo-huber --pred -1:1:100 --target 0 --plot\n"
    "losscli curve hinge sigmoid-cross-entropy --pred -3:5:100 --target 1 --csv"
)
declare(run, [argument("losses", LOSSES)], OPTIONS)
