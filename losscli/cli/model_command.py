"""What `losscli likelihood` and `losscli mle` share: their arguments, and how the answer is printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import typer

from losscli.cli.answer import form_of, print_drawn, print_json, warn
from losscli.cli.completion import COLUMN
from losscli.cli.options import INPUT, OUTPUT, READ_OPTIONS, Option, argument, common, name_list
from losscli.cli.progress import progress
from losscli.data.model import ReadOptions
from losscli.losses.models.catalogue import Model, models

MODEL = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help=f"The model: {', '.join(models())}.",
        show_default=False,
        autocompletion=lambda: list(models()),
    ),
]
DATA = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="The data: .npy, .npz, .csv, .tsv, .parquet, .feather, .jsonl, a folder, a glob, a URI, or -.",
        show_default=False,
    ),
]

ARGUMENTS = (argument("model", MODEL), argument("data", DATA))

OPTIONS = (
    Option("column", str, None, "The column of a table.", INPUT, (), "COL", COLUMN),
    *common("classes", *READ_OPTIONS),
    Option("format", Literal["table", "md", "json", "value"], "table", "What is printed.", OUTPUT),
    *common("json", "color", "quiet", "no_config", "debug"),
)


def examples(command: str) -> str:
    """What each model says, and a command to copy."""
    return "\n\n".join(f"\b\n{text}" for text in (_formulas(), _commands(command)))


def _formulas() -> str:
    return "\n".join(f"{model.name:<12} {_density(model)}" for model in models().values())


def _density(model: Model) -> str:
    return model.sections["Formula"].splitlines()[0]


def _commands(command: str) -> str:
    return "\n".join(["Examples:", *(model.example(command) for model in models().values())])


def answer(
    compute: Callable[..., Any],
    values: Mapping[str, Any],
    parameters: Mapping[str, Any],
    bare: Callable[[Any], str],
) -> None:
    """Compute, and print in the form that is asked for."""
    form = form_of(values)
    with progress(quiet=values["quiet"]) as show:
        found = compute(
            values["model"],
            values["data"],
            column=values["column"],
            classes=name_list(values["classes"]),
            progress=show,
            **parameters,
            **vars(ReadOptions.of(values)),
        )
    if form == "json":
        from losscli.report.model_report import model_to_json

        print_json(model_to_json(found))
    elif form == "value":
        print(bare(found))
    else:
        from losscli.report.model_report import draw_model

        print_drawn(draw_model, found, form, values["color"])
    warn(found.warnings, quiet=values["quiet"])
