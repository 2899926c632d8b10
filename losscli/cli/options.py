"""The arguments and options that commands share, in the panels of the help page."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from losscli.cli.commands import escaped
from losscli.cli.completion import COLUMN, PRED_COLUMNS, TARGET_COLUMNS
from losscli.cli.defaults import SWITCH, take_defaults
from losscli.data.model import Format, InputDtype, ReadOptions
from losscli.engine.choices import Base, OnEmpty, OnNan, Reduction
from losscli.records import record
from losscli.wording import flag_of


@record
class Option:
    """One option: what Typer is told of it."""

    name: str
    type: Any
    default: Any
    help: str
    panel: str
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else Typer is told."""

    @property
    def annotation(self) -> Any:
        """The annotation of the parameter that Typer reads."""
        optional = self.default is None
        flags = self.flags or (flag_of(self.name),)
        metavar, help_ = self.metavar, self.help
        if get_origin(self.type) is Literal:  # a column of choices would leave no room for the help
            metavar = metavar or self.name.rpartition("_")[2].upper()
            help_ = f"{help_} One of {', '.join(get_args(self.type))}."
        option = typer.Option(
            *flags,
            help=escaped(help_),
            rich_help_panel=self.panel,
            metavar=metavar,
            show_default=self.default not in (None, False),
            **self.settings,
        )
        return Annotated[self.type | None if optional else self.type, option]

    @property
    def parameter(self) -> inspect.Parameter:
        """The parameter itself."""
        keyword = inspect.Parameter.KEYWORD_ONLY
        return inspect.Parameter(self.name, keyword, annotation=self.annotation, default=self.default)


def argument(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """A positional argument, as a parameter that Typer reads."""
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=annotation, default=default)


def declare(
    run: Any, arguments: Iterable[inspect.Parameter], options: Iterable[Option], *, context: bool = False
) -> None:
    """Give `run(**values)` the signature that Typer reads, with its `context` among the values if that is asked for."""
    parameters = [*arguments, *(option.parameter for option in options)]
    if context:
        parameters.append(inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context))
    run.__signature__ = inspect.Signature(parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def common(*names: str) -> list[Option]:
    """The options of these names that every loss has too."""
    return [option for option in COMMON if option.name in names]


READ_OPTIONS = tuple(ReadOptions.__dataclass_fields__)


def name_list(text: str | None) -> list[str] | None:
    """The names of a comma list."""
    return None if text is None else [name.strip() for name in text.split(",")]


PREDICTIONS = Annotated[
    str,
    typer.Argument(
        metavar="PREDS",
        help="Predictions: .npy, .npz, .csv, .tsv, .parquet, .feather, .jsonl, a folder, a glob, a URI, or -.",
        show_default=False,
    ),
]
TARGETS = Annotated[
    str | None,
    typer.Argument(
        metavar="TARGETS",
        help="Targets, the same ways. Left out: they are a column of PREDS, named by --target.",
        show_default=False,
    ),
]

INPUT, REDUCTION, OBJECTIVE, OUTPUT, CHECKS, RUN = "Input", "Reduction", "Objective", "Output", "Checks", "Run"

FIRST = {"is_eager": True}
"""For options that must be known before defaults are taken from a file.

Typer looks at those that are given first, and then at the others in the order in which they stand here:
the one that takes the defaults stands before those that may have one.
"""

COMMON: tuple[Option, ...] = (
    Option(
        "pred",
        str,
        None,
        "Columns of the predictions: names or globs, as in 'logit_*' or a,b,c.",
        INPUT,
        (),
        "COLS",
        PRED_COLUMNS,
    ),
    Option("target", str, None, "Columns of the targets.", INPUT, (), "COLS", TARGET_COLUMNS),
    Option("id", str, None, "Join two tables by this column, instead of by order.", INPUT, (), "COL", COLUMN),
    Option("classes", str, None, "The names of the classes for text labels, in order.", INPUT, (), "NAME,..."),
    Option(
        "sample_weight",
        str,
        None,
        "A weight for each sample: a column, a file, or FILE:COLUMN. It multiplies the loss and the denominator.",
        INPUT,
        (),
        "SOURCE",
        COLUMN,
    ),
    Option(
        "input_format",
        Format,
        None,
        "Read the inputs as this, whatever they look like.",
        INPUT,
    ),
    Option(
        "header",
        bool,
        None,
        "Whether the first row of text is a header; else it is told.",
        INPUT,
        ("--header/--no-header",),
    ),
    Option("delimiter", str, None, "What separates the cells of text.", INPUT, (), "CHAR"),
    Option("decimal", str, ReadOptions.decimal, "The decimal mark of text.", INPUT, (), "CHAR"),
    Option("input_dtype", InputDtype, None, "What 2-byte values of no known type are.", INPUT),
    Option(
        SWITCH,
        bool,
        False,
        "Take no defaults from [tool.losscli] in pyproject.toml.",
        INPUT,
        settings={"callback": take_defaults, **FIRST},
    ),
    Option("reduction", Reduction, "mean", "What becomes of the elements.", REDUCTION),
    Option("base", Base, "e", "The base of the logarithm: nats, bits or bans.", REDUCTION),
    Option("on_nan", OnNan, "error", "What a NaN in the input does.", REDUCTION),
    Option("on_empty", OnEmpty, "error", "What the mean over nothing is.", REDUCTION),
    Option("l1", float, None, "Add λ · Σ|w| over the parameters to the cost.", OBJECTIVE, (), "λ"),
    Option("l2", float, None, "Add λ · Σw² over the parameters to the cost.", OBJECTIVE, (), "λ"),
    Option("l2_half", bool, False, "Halve the penalty of --l2: ½ λ Σw².", OBJECTIVE),
    Option("params", list[str], None, "A file of parameters; may be given several times.", OBJECTIVE, (), "FILE"),
    Option(
        "format",
        Literal["table", "md", "json", "jsonl", "csv", "value"],
        "table",
        "What is printed: md is Markdown, jsonl and csv are one sample a line, value is the bare number.",
        OUTPUT,
    ),
    Option("json", bool, False, "Short for --format json.", OUTPUT, settings=FIRST),
    Option("per_sample", bool, False, "Put every sample into the JSON.", OUTPUT),
    Option(
        "output",
        str,
        None,
        "Write every sample to a .npy, .csv, .parquet or .jsonl file.",
        OUTPUT,
        ("--output", "-o"),
        "FILE",
    ),
    Option("rows", str, None, "How many samples the table shows, or `all`; 5 if not said.", OUTPUT, (), "N"),
    Option("top", int, 0, "Also show the N worst samples.", OUTPUT, (), "N"),
    Option("by", str, None, "Where the loss sits: by a column, FILE or FILE:COLUMN.", OUTPUT, (), "SOURCE", COLUMN),
    Option("by_class", bool, False, "Where the loss sits: by the class of the target.", OUTPUT),
    Option("baselines", bool, False, "What predictions that know little would score.", OUTPUT),
    Option("plot", bool, False, "Also draw a histogram of the samples' losses.", OUTPUT),
    Option("save_plot", str, None, "Draw the histogram into a .png or .svg file.", OUTPUT, (), "FILE"),
    Option(
        "color",
        Literal["auto", "always", "never"],
        "auto",
        "Colours in tables and plots; auto is on a terminal, unless NO_COLOR is set.",
        OUTPUT,
        (),
        "WHEN",
    ),
    Option(
        "show_work",
        bool,
        False,
        "Show step by step how the first samples and the value are worked out.",
        OUTPUT,
    ),
    Option(
        "quiet",
        bool,
        False,
        "No warnings and no progress; errors are still told.",
        OUTPUT,
        ("--quiet", "-q"),
        settings=FIRST,
    ),
    Option("expect", float, None, "Fail (exit 1) unless the value is this.", CHECKS),
    Option("rtol", float, None, "How far it may be off, relative to --expect; 1e-6 if no tolerance is given.", CHECKS),
    Option("atol", float, None, "How far it may be off, absolutely.", CHECKS),
    Option("max", float, None, "Fail (exit 1) if the value is above this.", CHECKS),
    Option("min", float, None, "Fail (exit 1) if the value is below this.", CHECKS),
    Option("threads", int, None, "How many threads work; as many as there are cores.", RUN, (), "N"),
    Option("debug", bool, False, "Show the traceback of a bug.", RUN),
)
