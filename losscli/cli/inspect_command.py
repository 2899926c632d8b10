"""`losscli inspect`: what is in a file, and how predictions and targets go together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from losscli.cli.answer import form_of, print_drawn, print_json
from losscli.cli.commands import escaped
from losscli.cli.options import OUTPUT, READ_OPTIONS, Option, argument, common, declare, name_list
from losscli.cli.progress import progress
from losscli.data.model import ReadOptions
from losscli.engine.inspection import InspectRequest, inspect

FILES = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="Files, folders, globs, URIs or -. Of two, the first holds predictions and the second targets.",
        show_default=False,
    ),
]

OPTIONS = (
    *common("pred", "target", "classes", *READ_OPTIONS),
    Option("format", Literal["table", "md", "json"], "table", "What is printed.", OUTPUT),
    *common("json", "color", "quiet", "no_config", "debug"),
)


def run(**values: Any) -> None:
    """Look at the files, and show what was seen."""
    form = form_of(values)
    with progress(quiet=values["quiet"]) as show:
        request = InspectRequest(
            values["files"],
            pred=name_list(values["pred"]),
            target=name_list(values["target"]),
            classes=name_list(values["classes"]),
            read=ReadOptions.of(values),
            progress=show,
        )
        found = inspect(request)
    from losscli.report.inspection_report import draw_inspection, inspection_to_json

    if form == "json":
        print_json(inspection_to_json(found))
    else:
        print_drawn(draw_inspection, found, form, values["color"])


run.__doc__ = escaped(
    "Look into files: shapes, kinds, row sums, classes, NaN; and how predictions and targets go together.\n\n\b\n"
    "Examples:\n"
    "losscli inspect preds.npy\n"
    "losscli inspect preds.npy labels.npy\n"
    "losscli inspect table.csv --target label --json"
)
declare(run, [argument("files", FILES)], OPTIONS)
