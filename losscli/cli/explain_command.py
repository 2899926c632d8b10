"""`losscli explain`: a loss's docstring, which is its documentation, and a run of it step by step."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from losscli.cli.answer import form_of, print_drawn, print_json, warn
from losscli.cli.commands import command_of, escaped
from losscli.cli.list_command import summary_of
from losscli.cli.options import COMMON, INPUT, OUTPUT, REDUCTION, Option, argument, common, declare
from losscli.errors import DataError, UsageError
from losscli.losses.catalogue import HEADINGS, Loss, catalogue, find
from losscli.report.page import Column
from losscli.wording import flag_of

if TYPE_CHECKING:
    from losscli.engine.result import Result
    from losscli.report.page import Page

WIDEST = 100
"""How long a line gets that is not written in a docstring."""

FILLED = 92
"""A docstring's line that the next word would make longer than this goes on in the next line."""

ENTRY = re.compile(r"[\w, ]+: ")
"""How a line begins that says whom or what it is about."""

TO_COPY = ("Example", "Command")
"""What stands under these headings is for a shell or for Python, which take it as it is."""


def names() -> list[str]:
    """The losses, for completion."""
    return list(catalogue())


LOSS = Annotated[
    str,
    typer.Argument(
        metavar="LOSS", help="A loss, or what a framework calls it.", show_default=False, autocompletion=names
    ),
]
FILE = partial(typer.Argument, show_default=False)
PREDICTIONS = Annotated[str | None, FILE(metavar="PREDS", help="Predictions: then the formula has the run's numbers.")]
TARGETS = Annotated[str | None, FILE(metavar="TARGETS", help="Targets, as for the loss itself.")]

SAMPLES = Option(
    "samples", str, None, "Which samples are worked out, as in 0,56; the first three if not said.", OUTPUT, (), "N,..."
)
SHOWN = (
    Option("format", Literal["table", "md", "json"], "table", "What is printed.", OUTPUT),
    *common("json", "color", "quiet", "no_config", "debug"),
)
WITHOUT_A_RUN = {"name", "context", *(option.name for option in SHOWN)}

HELP = """Explain a loss, by its name or what a framework calls it; and a run of it, step by step.

\b
Examples:
losscli explain BCEWithLogitsLoss
losscli explain huber preds.npy targets.npy --delta 2
losscli explain nll table.csv --target label --samples 0,56 --format md"""


def build(arguments: Sequence[str] = ()) -> Any:
    """The command; for the loss that the arguments name, with all that says how it is run."""
    loss = _named(arguments)

    def run(**values: Any) -> None:
        explain(find(values["name"]), values)

    options: list[Option] = []
    if loss:
        from losscli.cli.loss_command import option_of

        options += map(option_of, loss.parameters)
        of_a_run = (option for option in COMMON if option.panel in (INPUT, REDUCTION) and option not in SHOWN)
        options += (option for option in of_a_run if option.name != "base" or loss.in_nats)
        options += [SAMPLES, *common("threads")]
    more = "" if loss else "\n\nWith PREDS, it takes the options of the loss: losscli explain LOSS --help"
    declare(
        run,
        [
            argument("name", LOSS),
            argument("predictions", PREDICTIONS, default=None),
            argument("targets", TARGETS, default=None),
        ],
        [*options, *SHOWN],
        context=True,
    )
    return command_of(run, loss.name if loss else "explain", help=escaped(inspect.cleandoc(HELP) + more))


def _named(arguments: Sequence[str]) -> Loss | None:
    """The loss that is named first."""
    for word in arguments:
        with suppress(UsageError):
            return find(word)
    return None


def explain(loss: Loss, values: dict[str, Any]) -> None:
    """Print what the catalogue says of the loss, with the numbers of a run if there are inputs."""
    form = form_of(values)
    if values["predictions"] is None:
        _refuse_options_of_a_run(values)
        if form == "json":
            print(json.dumps(as_object(loss), indent=2, ensure_ascii=False))
        else:
            print_drawn(draw_loss, loss, form, values["color"])
        return
    result = _run(loss, values)
    if form == "json":
        from losscli.report import to_json

        print_json({**as_object(loss), "steps": result.work, "run": to_json(result)})
    else:
        print_drawn(partial(draw_run, result=result), loss, form, values["color"])
    warn(result.warnings, quiet=values["quiet"])


def _refuse_options_of_a_run(values: Mapping[str, Any]) -> None:
    """Refuse what would be passed over without PREDS."""
    for name in values.keys() - WITHOUT_A_RUN:
        source = values["context"].get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise UsageError(
                f"{flag_of(name)} is for a run, and there are no PREDS",
                hint=f"losscli explain {values['name']} PREDS TARGETS",
            )


def _run(loss: Loss, values: dict[str, Any]) -> Result:
    """The run that is explained."""
    from losscli.cli.loss_command import WORKED, refuse_unusable, request_of
    from losscli.cli.progress import progress
    from losscli.engine.plan import compute

    samples = range(WORKED) if values["samples"] is None else _sample_numbers(values["samples"])
    every = {option.name: option.default for option in COMMON} | values
    refuse_unusable(every)
    with ExitStack() as stack, progress(quiet=values["quiet"]) as show:
        request = request_of(loss, every, "json", stack)
        result: Result = compute(replace(request, progress=show, work=samples))
    if values["samples"] is not None and max(samples) >= result.counts.samples:
        raise DataError(
            f"--samples {values['samples']}: there is no sample {max(samples)}",
            why=f"there are {result.counts.samples:,}, numbered from 0",
        )
    return result


def _sample_numbers(text: str) -> list[int]:
    numbers = text.split(",")
    if not all(number.isdecimal() for number in numbers):
        raise UsageError(f"--samples is {text!r}, but must be numbers of samples from 0, as in 0,56")
    return sorted(set(map(int, numbers)))


def as_object(loss: Loss) -> dict[str, Any]:
    """All that the catalogue knows of a loss, as JSON."""
    return {
        **summary_of(loss),
        "options": [
            {
                "name": parameter.option,
                "argument": parameter.name,
                "type": str(parameter.kind),
                "default": parameter.default_for_files,
                "help": parameter.help,
            }
            for parameter in loss.parameters
        ],
        "sections": {heading.lower(): loss.sections[heading] for heading in HEADINGS if heading in loss.sections},
    }


def draw_loss(page: Page, loss: Loss) -> None:
    """The docstring, with every option of the command line and the names elsewhere."""
    page.line(f"{loss.name}: {loss.summary}", "bold")
    for heading in HEADINGS:
        _draw_section(
            page, heading, _options(loss, page.width) if heading == "Options" else loss.sections.get(heading, "")
        )
    aliases = textwrap.fill(", ".join(loss.aliases), min(page.width, WIDEST) - 2, break_on_hyphens=False)
    _draw_section(page, "Also called", aliases)


def draw_run(page: Page, loss: Loss, result: Result) -> None:
    """The formula, the numbers in it, and what else made the value what it is."""
    from losscli.report.table import draw_result

    page.line(f"{loss.name}: {loss.summary}", "bold")
    _draw_section(page, "Formula", loss.sections["Formula"])
    page.line()
    draw_result(page, result)
    _draw_section(page, "Conventions", loss.sections["Conventions"])


def _draw_section(page: Page, heading: str, text: str) -> None:
    """The text under its heading: as it is written, or on a narrow page in shorter lines."""
    if not text:
        return
    page.line()
    page.line(heading, "bold")
    lines = text.splitlines()
    if heading not in TO_COPY and not page.fits([Column("", [f"  {line}" for line in lines], right=False)]):
        lines = [part for line in _rejoined(lines) for part in _wrapped(line, page.width - 2)]
    for line in lines:
        page.spans([(f"  {line}".rstrip(), "")])


def _rejoined(lines: Sequence[str]) -> Iterator[str]:
    """The lines as they were before a docstring was filled: one goes on where the next word had no room."""
    whole = lines[0]
    for before, line in pairwise(lines):
        filled = len(before) + 1 + len(line.partition(" ")[0]) > FILLED
        if filled and line.strip() == line and not ENTRY.match(line):
            whole += f" {line}"
        else:
            yield whole
            whole = line
    yield whole


def _options(loss: Loss, width: int) -> str:
    """Each option with its default and bounds."""
    width = min(width, WIDEST) - 2
    lines = []
    for parameter in loss.parameters:
        default = parameter.default_for_files
        shown = "" if default is None or default is False else f" [default: {default}]"
        lines += _wrapped(f"{parameter.option}: {parameter.help}{shown}", width)
        lines += _wrapped(f"    {parameter.kind}", width)
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    indent = " " * (len(text) - len(text.lstrip()) + 4)
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
