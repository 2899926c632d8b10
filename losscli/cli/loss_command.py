"""The command of a loss, built from its record in the catalogue."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Literal

from losscli.cli.commands import command_of, escaped
from losscli.cli.completion import COLUMN
from losscli.cli.options import COMMON, PREDICTIONS, TARGETS, Option, argument, declare, name_list, read_options
from losscli.cli.progress import progress
from losscli.errors import UsageError
from losscli.exits import Exit
from losscli.losses.catalogue import Loss
from losscli.losses.parameters import Choice, Flag, Number, Parameter, Side, Weights, Whole

WORKED = 3
"""How many samples --show-work works out."""


def build(loss: Loss) -> Any:
    """The command of `loss`."""

    def run(**values: Any) -> int:
        return score(loss, values)

    declare(
        run,
        [argument("predictions", PREDICTIONS), argument("targets", TARGETS, default=None)],
        [
            *map(option_of, loss.parameters),
            *(option for option in COMMON if option.name != "base" or loss.in_nats),
        ],
    )
    return command_of(run, loss.name, help=help_of(loss), epilog=escaped(f"More: losscli explain {loss.name}"))


def help_of(loss: Loss) -> str:
    """What the loss is, its formula and a command to copy."""
    example = " ".join(loss.sections["Command"].replace("\\\n", " ").split())
    return escaped(f"{loss.summary}\n\n\b\n{loss.formula}\n\n\b\nExample:\n{example}")


def option_of(parameter: Parameter) -> Option:
    """An option of the loss, as the command line has it."""
    kind = parameter.kind
    default = parameter.default
    flags: tuple[str, ...] = ()
    if isinstance(kind, Flag):
        type_: Any = bool
        flags = (f"{parameter.option}/{parameter.option.replace('--', '--no-', 1)}",) if default else ()
    elif isinstance(kind, Number):
        type_ = float
    elif isinstance(kind, Whole):
        type_ = int
    elif isinstance(kind, Choice):
        type_ = Literal[kind.words]
    else:
        type_ = str
        default = None if default is None else f"{default:g}"
    if parameter.name == "kind":  # from Python the caller knows; a file is looked at
        default = "auto"
    help_ = parameter.help if isinstance(kind, (Flag, Choice)) else f"{parameter.help} {_bounds(parameter)}"
    settings = COLUMN if isinstance(kind, Side) else {}
    return Option(parameter.name, type_, default, help_.strip(), "Loss", flags, settings=settings)


def _bounds(parameter: Parameter) -> str:
    text = str(parameter.kind)
    return f"({text[0].upper()}{text[1:]}.)" if not isinstance(parameter.kind, Whole) else ""


def score(loss: Loss, values: dict[str, Any]) -> int:
    """Run the loss on what the command line says, print the result, and tell how it went."""
    limits = {name: values[name] for name in ("expect", "rtol", "atol", "max", "min")}
    if any(limit is not None for limit in limits.values()):
        from losscli.engine.check import refuse_bad_limits

        refuse_bad_limits(**limits)
    _refuse_two_stdins(values)
    _refuse_unusable(values)
    form = _form(values)
    if values["show_work"] and form not in ("table", "md"):
        raise UsageError(f"--show-work is for readers, but {form} is for programs", hint="--format table or md")
    _refuse_unshown(values, form)
    gated = any(limits[name] is not None for name in ("expect", "max", "min"))
    if gated and values["reduction"] == "none":
        raise UsageError("a check compares one number, but --reduction none yields many", hint="drop --reduction none")

    from losscli.engine.plan import compute

    picture = None
    if values["save_plot"] is not None:
        from losscli.report.plot_image import PlotFile

        picture = PlotFile(values["save_plot"], inputs=_inputs(loss, values))
    with ExitStack() as stack:
        request = _request(loss, values, form, stack)
        with progress(quiet=values["quiet"]) as show:
            result = compute(replace(request, progress=show))
    if picture is not None:
        from losscli.report.plot_image import draw_histogram

        picture.save(lambda axes: draw_histogram(axes, result))
        if not values["plot"]:
            result = replace(result, histogram=None)
    if gated and isinstance(result.value, float):
        from losscli.engine.check import judge

        check = judge(
            result.value,
            expect=limits["expect"],
            rtol=limits["rtol"],
            atol=limits["atol"],
            maximum=limits["max"],
            minimum=limits["min"],
        )
        result = replace(result, check=check)
    _print(result, form, values["color"])
    if result.warnings and not values["quiet"]:
        from losscli.report import format_warning

        for warning in result.warnings:
            print(format_warning(warning), file=sys.stderr)
    if result.check is None or result.check.passed:
        return Exit.DONE
    if form not in ("table", "md"):
        _tell_failure(result)
    return Exit.CHECK_FAILED


def _refuse_two_stdins(values: Mapping[str, Any]) -> None:
    inputs = [value for name, value in values.items() if name not in ("delimiter", "output", "save_plot", "params")]
    if sum(value == "-" for value in [*inputs, *(values["params"] or ())]) > 1:
        raise UsageError("only one input can be `-`: standard input is read once", hint="put one of them in a file")


def _refuse_unusable(values: Mapping[str, Any]) -> None:
    for name, least in (("top", 0), ("threads", 1)):
        if values[name] is not None and values[name] < least:
            raise UsageError(f"--{name} is {values[name]}, but must be a whole number ≥ {least}")
    for name, shown in (("predictions", "PREDS"), ("targets", "TARGETS"), ("output", "-o")):
        if values[name] == "":
            raise UsageError(f"{shown} is empty", hint="is a variable of the shell not set?")


def _refuse_unshown(values: Mapping[str, Any], form: str) -> None:
    """Refuse what the form has no place for."""
    for name in ("by", "by_class", "baselines", "plot"):
        if values[name] and form not in ("table", "md", "json"):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} has no place in --format {form}", hint="--format table, md or json")


def _form(values: Mapping[str, Any]) -> str:
    """What is printed."""
    form: str = values["format"]
    if not values["json"]:
        return form
    if form not in ("table", "json"):
        raise UsageError(f"--json and --format {form} contradict each other", hint="leave one of them out")
    return "json"


def _request(loss: Loss, values: Mapping[str, Any], form: str, stack: ExitStack) -> Any:
    """The run that the command line asks for; its outputs are opened on `stack`."""
    from losscli.engine.plan import Request

    reduction = values["reduction"]
    sinks: list[Any] = []
    if values["output"]:
        from losscli.report import open_output

        inputs = _inputs(loss, values)
        sinks.append(stack.enter_context(open_output(values["output"], reduction=reduction, inputs=inputs)))
    if form in ("jsonl", "csv"):
        from losscli.report import CsvSink, JsonLinesSink

        sink = JsonLinesSink if form == "jsonl" else CsvSink
        sinks.append(sink(sys.stdout, elements=reduction == "none"))
    return Request(
        loss,
        values["predictions"],
        values["targets"],
        {parameter.name: values[parameter.name] for parameter in loss.parameters},
        pred=name_list(values["pred"]),
        target=name_list(values["target"]),
        id=values["id"],
        classes=name_list(values["classes"]),
        sample_weight=values["sample_weight"],
        read=read_options(values),
        reduction=reduction,
        base=values.get("base", "e"),
        on_nan=values["on_nan"],
        on_empty=values["on_empty"],
        penalty=_penalty(values),
        threads=values["threads"],
        rows=_rows(values["rows"]) if form in ("table", "md") else 0,
        top=values["top"],
        by=values["by"],
        by_class=values["by_class"],
        histogram=values["plot"] or values["save_plot"] is not None,
        baselines=values["baselines"],
        work=WORKED if values["show_work"] else 0,
        per_sample=values["per_sample"] and form == "json",
        statistics=form in ("table", "md", "json"),
        sinks=sinks,
    )


def _inputs(loss: Loss, values: Mapping[str, Any]) -> list[str]:
    """All that is read, and must not be written."""
    sides = (parameter.name for parameter in loss.parameters if isinstance(parameter.kind, (Side, Weights)))
    named = (values[name] for name in ("predictions", "targets", "sample_weight", "by", *sides))
    return [name for name in (*named, *(values["params"] or ())) if isinstance(name, str)]


def _penalty(values: Mapping[str, Any]) -> Any:
    if not any(values[name] for name in ("params", "l2_half")) and values["l1"] is values["l2"] is None:
        return None
    from losscli.engine.objective import penalties_of

    return penalties_of(values)


def _rows(text: str) -> int:
    if text == "all":
        return sys.maxsize
    if not text.isdecimal():
        raise UsageError(f"--rows is {text!r}, but must be a whole number ≥ 0 or `all`")
    return int(text)


def _print(result: Any, form: str, color: str) -> None:
    if form == "json":
        from losscli.report import dumps, to_json

        print(dumps(to_json(result)))
    elif form == "value":
        from losscli.report import format_value

        print(format_value(result))
    elif form == "md":
        from losscli.report import render_markdown

        sys.stdout.write(render_markdown(result))
    elif form == "table":
        from losscli.cli.terminal import terminal
        from losscli.report import render_table

        sys.stdout.write(render_table(result, **terminal(color)))


def _tell_failure(result: Any) -> None:
    for gate in result.check.gates:
        if gate.passed:
            continue
        limit = " ".join(f"{name} {tolerance:g}" for name, tolerance in gate.tolerance.items())
        needed = " or ".join(f"--{name} {value!r}" for name, value in gate.needed.items())
        print(
            f"losscli: check failed: {result.value!r} against --{gate.name} {gate.limit!r}"
            + (f" ({limit})" if limit else "")
            + (f"\n  hint: it passes with {needed}" if needed and math.isfinite(result.value) else ""),
            file=sys.stderr,
        )
