"""`losscli convert`: logits, probabilities, log-probabilities and labels, one into the other."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import Annotated, Any, Literal

import typer

from losscli.cli.answer import warn
from losscli.cli.commands import escaped
from losscli.cli.completion import PRED_COLUMNS
from losscli.cli.options import INPUT, OUTPUT, READ_OPTIONS, Option, argument, common, declare, name_list
from losscli.cli.progress import progress
from losscli.data.model import ReadOptions
from losscli.engine.convert import OPERATIONS, Conversion
from losscli.errors import UsageError
from losscli.wording import did_you_mean

OPERATION = Annotated[
    str,
    typer.Argument(
        metavar="OP",
        help=f"What to do: {', '.join(OPERATIONS)}.",
        show_default=False,
        autocompletion=lambda: list(OPERATIONS),
    ),
]
SOURCE = Annotated[
    str,
    typer.Argument(
        metavar="IN",
        help="The input: .npy, .npz, .csv, .tsv, .parquet, .feather, .jsonl, a folder, a glob, a URI, or -.",
        show_default=False,
    ),
]

OPTIONS = (
    Option(
        "pred",
        str,
        None,
        "Columns to convert: names or globs, as in 'logit_*' or a,b,c.",
        INPUT,
        (),
        "COLS",
        PRED_COLUMNS,
    ),
    Option("classes", int, None, "How many classes one-hot makes.", INPUT, (), "N"),
    Option(
        "class_axis",
        int,
        None,
        "The axis of the classes; by default axis 1, as in PyTorch. -1 is Keras' choice.",
        INPUT,
    ),
    *common(*READ_OPTIONS),
    Option(
        "output",
        str,
        None,
        "Write to a .npy, .csv, .parquet or .jsonl file; else, or with -, to standard output.",
        OUTPUT,
        ("--output", "-o"),
        "FILE",
    ),
    Option("format", Literal["csv", "jsonl"], None, "What is printed on standard output; csv if not said.", OUTPUT),
    *common("quiet", "no_config", "debug"),
)


def run(**values: Any) -> None:
    """Convert and write, block by block."""
    name = values["operation"].lower().replace("_", "-")
    if name not in OPERATIONS:
        hint = did_you_mean(name, OPERATIONS) or f"there are {', '.join(OPERATIONS)}"
        raise UsageError(f"there is no conversion named {name!r}", hint=hint)
    conversion = Conversion(
        OPERATIONS[name],
        values["source"],
        pred=name_list(values["pred"]),
        class_axis=values["class_axis"],
        classes=values["classes"],
        read=ReadOptions.of(values),
    )
    with ExitStack() as stack:
        write = _output(values, stack)
        converter = conversion.open()
        show = stack.enter_context(progress(quiet=values["quiet"]))
        for block in converter.blocks():
            write(block)
            if show:
                show(block.start + len(block.values), converter.field.source.rows)
    warn(dict.fromkeys(converter.field.notes), quiet=values["quiet"])


def _output(values: dict[str, Any], stack: ExitStack) -> Any:
    """What writes a block to where the command line says."""
    path = values["output"]
    if path in (None, "-"):
        from losscli.report import CsvLines, JsonLines

        lines = JsonLines(sys.stdout) if values["format"] == "jsonl" else CsvLines(sys.stdout)
        return lambda block: lines.write(block.columns())
    if values["format"] is not None:
        raise UsageError(
            f"--format {values['format']} is for standard output, but -o {path} is given",
            why="the extension of a file names its format",
            hint="leave one of them out",
        )
    from losscli.report import open_file

    return stack.enter_context(open_file(path, inputs=[values["source"]])).write


run.__doc__ = escaped(
    "Convert between logits, probabilities, log-probabilities and labels.\n\n\b\n"
    + "\n".join(f"{operation.name:<12} {operation.help}" for operation in OPERATIONS.values())
    + "\n\n\b\nExample:\nlosscli convert softmax logits.npy -o probs.npy"
)
declare(run, [argument("operation", OPERATION), argument("source", SOURCE)], OPTIONS)
