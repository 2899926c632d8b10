"""`losscli compare`: saved models against each other, on the same samples and the same targets."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from typing import Annotated, Any, Literal

import typer

from losscli.cli.answer import form_of, print_drawn, print_json, warn
from losscli.cli.commands import escaped
from losscli.cli.completion import COLUMN
from losscli.cli.options import (
    OUTPUT,
    READ_OPTIONS,
    REDUCTION,
    Option,
    argument,
    common,
    declare,
    name_list,
)
from losscli.cli.progress import progress
from losscli.cli.several_losses import options_of, owners_of
from losscli.data.model import ReadOptions
from losscli.engine.comparison import FAIL_ON, FailOn, Method, Settings, compare, gated
from losscli.errors import UsageError
from losscli.exits import Exit
from losscli.losses.catalogue import Loss, catalogue, find
from losscli.losses.contracts import CHOSEN_KINDS

LOSS = Annotated[
    str,
    typer.Argument(
        metavar="LOSS",
        help="The loss to compare by, or what a framework calls it.",
        show_default=False,
        autocompletion=lambda: list(catalogue()),
    ),
]
FILES = Annotated[
    list[str],
    typer.Argument(
        metavar="A B [MORE...] TARGETS",
        help="The predictions of two or more models, the baseline first, and the targets of all of them. "
        "FILE:COLUMN is a column of a table.",
        show_default=False,
    ),
]

COMPARISON, CHECKS = "Comparison", "Checks"


OWNERS = owners_of(catalogue().values())

OPTIONS = (
    Option(
        "cluster",
        str,
        None,
        "Samples that are alike here belong together: a column, a file or FILE:COLUMN. They are resampled together.",
        COMPARISON,
        (),
        "SOURCE",
        COLUMN,
    ),
    Option("confidence", float, Settings.confidence, "How sure a verdict has to be.", COMPARISON),
    Option("margin", float, Settings.margin, "Up to which difference two models count as equivalent.", COMPARISON),
    Option("resamples", int, Settings.resamples, "How often to resample and to flip signs.", COMPARISON, (), "N"),
    Option("interval", Method, Settings.method, "The bootstrap interval.", COMPARISON),
    Option(
        "seed",
        int,
        Settings.seed,
        "The same seed gives the same digits, on any number of threads.",
        COMPARISON,
        (),
        "N",
    ),
    Option(
        "power", float, Settings.power, "How surely the samples that are said to be needed would decide.", COMPARISON
    ),
    Option(
        "fail_on",
        str,
        None,
        f"Fail (exit 1) if a candidate is one of these: {', '.join(FAIL_ON)} (perhaps worse by --margin or more).",
        CHECKS,
        (),
        "VERDICT,...",
    ),
    *options_of(OWNERS),
    *common("pred", "target", "id", "classes", "sample_weight", *READ_OPTIONS, "base"),
    Option("on_nan", Literal["error", "skip"], "error", "What a NaN in the input does.", REDUCTION),
    Option(
        "format", Literal["table", "md", "json", "value"], "table", "What is printed; value is the difference.", OUTPUT
    ),
    *common("json"),
    Option(
        "output",
        str,
        None,
        "Write every sample as each model scored it to a .npy, .csv, .parquet or .jsonl file.",
        OUTPUT,
        ("--output", "-o"),
        "FILE",
    ),
    Option("top", int, Settings.top, "How many of the samples that moved most are shown.", OUTPUT, (), "N"),
    *common("color", "quiet", "threads", "no_config", "debug"),
)


def run(**values: Any) -> int:
    """Score the models, compare them, print what was found, and tell how the check went."""
    settings = Settings(
        method=values["interval"],
        **{name: values[name] for name in ("confidence", "margin", "power", "resamples", "seed", "top")},
    )
    form = form_of(values)
    fail_on = _fail_on(values["fail_on"], settings.margin)
    loss = find(values["loss"])
    models, request = _request(loss, values)
    with ExitStack() as stack:
        keep = _output(values, stack)
        scoring, resampling = (stack.enter_context(progress(quiet=values["quiet"])) for _ in range(2))
        found = compare(
            replace(request, progress=scoring),
            models,
            settings,
            cluster=values["cluster"],
            progress=resampling,
            keep=keep,
        )
    if fail_on:
        found = gated(found, fail_on)
    _print(found, form, values["color"])
    warn(found.warnings, quiet=values["quiet"])
    if found.check is None or found.check.passed:
        return Exit.DONE
    if form not in ("table", "md"):
        print(f"losscli: check failed: --fail-on {', '.join(fail_on)}", file=sys.stderr)
    return Exit.CHECK_FAILED


def _output(values: dict[str, Any], stack: ExitStack) -> Any:
    """What writes every sample to a file, opened on `stack`; None where no file is asked for."""
    if values["output"] is None:
        return None
    from losscli.report import open_file

    named = (values["cluster"], values["sample_weight"], *(values[name] for name in OWNERS))
    inputs = [*values["files"], *(name for name in named if isinstance(name, str))]
    return stack.enter_context(open_file(values["output"], inputs=inputs)).write


def _fail_on(text: str | None, margin: float) -> list[FailOn]:
    """The verdicts that fail the check."""
    asked = name_list(text) or []
    words = [word for word in FAIL_ON if word in asked]
    for word in asked:
        if word not in FAIL_ON:
            raise UsageError(f"--fail-on is {word!r}, but must be one of {', '.join(FAIL_ON)}")
    if "inferior" in words and not margin:
        raise UsageError(
            "--fail-on inferior needs --margin, the difference that would be too much",
            hint="for instance --margin 0.01",
        )
    return words


def _request(loss: Loss, values: dict[str, Any]) -> tuple[list[str], Any]:
    """The models, and the run that scores one of them."""
    from losscli.engine.plan import Request

    options = {name: values[name] for name in OWNERS if values[name] is not None}
    _refuse_foreign(loss, options)
    options = loss.for_files(options)
    files = values["files"]
    targets = None if options.get("kind") in CHOSEN_KINDS else files[-1]
    models = files if targets is None else files[:-1]
    if len(models) < 2:
        asked = " ".join(["A", "B"] if targets is None else ["A", "B", "TARGETS"])
        raise UsageError(
            f"a comparison needs two models or more{'' if targets is None else ' and TARGETS'}, "
            f"and {len(files)} file{'s are' if len(files) > 1 else ' is'} given",
            hint=f"losscli compare {loss.name} {asked}",
        )
    _refuse_unusable(models, values)
    return models, Request(
        loss,
        None,
        targets,
        options,
        pred=name_list(values["pred"]),
        target=name_list(values["target"]),
        id=values["id"],
        classes=name_list(values["classes"]),
        sample_weight=values["sample_weight"],
        read=ReadOptions.of(values),
        base=values["base"],
        on_nan=values["on_nan"],
        threads=values["threads"],
        statistics=False,
    )


def _refuse_foreign(loss: Loss, options: Iterable[str]) -> None:
    """Refuse the options of other losses."""
    own = {parameter.name for parameter in loss.parameters}
    for name in options:
        if name not in own:
            parameter, owners = OWNERS[name]
            raise UsageError(
                f"{parameter.option} does not apply to {loss.name}",
                why=f"it belongs to {', '.join(owners)}",
                hint="leave it out",
            )


def _refuse_unusable(models: list[str], values: dict[str, Any]) -> None:
    if "" in values["files"] or values["output"] == "":
        raise UsageError("a file is named by nothing", hint="is a variable of the shell not set?")
    if models.count("-") > 1:
        raise UsageError("only one model can be `-`: standard input is read once", hint="put one of them in a file")
    if "-" in models and values["id"] is not None:
        raise UsageError("--id reads the models twice, and standard input is read once", hint="put it in a file")


def _print(found: Any, form: str, color: str) -> None:
    if form == "json":
        from losscli.report.comparison_report import comparison_to_json

        print_json(comparison_to_json(found))
    elif form == "value":
        for contrast in found.contrasts:
            print(repr(contrast.difference))
    else:
        from losscli.report.comparison_report import draw_comparison

        print_drawn(draw_comparison, found, form, color)


run.__doc__ = escaped(
    "Compare saved models on the same samples: by how much their losses differ, and whether that is chance.\n\n\b\n"
    "Examples:\n"
    "losscli compare nll a.npy b.npy labels.npy\n"
    "losscli compare mse t.csv:old t.csv:new t.csv:y --cluster patient\n"
    "losscli compare nll a.npy b.npy labels.npy --margin 0.01 --fail-on inferior"
)
declare(run, [argument("loss", LOSS), argument("files", FILES)], OPTIONS)
