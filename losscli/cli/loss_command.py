"""The command of a loss, built from its record in the catalogue."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Literal

from losscli.cli.answer import form_of, print_drawn, print_json, warn
from losscli.cli.commands import command_of, escaped
from losscli.cli.completion import COLUMN
from losscli.cli.options import COMMON, PREDICTIONS, TARGETS, Option, argument, declare, name_list
from losscli.cli.progress import progress
from losscli.data.model import ReadOptions
from losscli.errors import UsageError
from losscli.exits import Exit
from losscli.losses.catalogue import Loss
from losscli.losses.parameters import Choice, Flag, Number, Parameter, Side, Weights, Whole
from losscli.wording import flag_of

ROWS = 5
"""How many samples the table shows if nothing is said."""

PAGES = ("table", "md")
SHOWN_BY = {
    "by": (*PAGES, "json"),
    "by_class": (*PAGES, "json"),
    "baselines": (*PAGES, "json"),
    "plot": (*PAGES, "json"),
    "top": (*PAGES, "json"),
    "rows": PAGES,
    "show_work": PAGES,
    "per_sample": ("json",),
}
"""What is found on request, and the forms that have a place for it."""

MORE_THAN_ALL = 19
"""No input has as many rows as a number of so many digits says."""

OF_ONE_NUMBER = ("expect", "max", "min", "params", "baselines")
"""What is compared with one number, or added to it."""

NOTHING = (None, False, 0, "0")
"""What asks for nothing, so that every form has a place for it."""

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
        context=True,
    )
    return command_of(run, loss.name, help=help_of(loss), epilog=escaped(f"More: losscli explain {loss.name}"))


def help_of(loss: Loss) -> str:
    """What the loss is, its formula and a command to copy."""
    example = " ".join(loss.sections["Command"].replace("\\\n", " ").split())
    return escaped(f"{loss.summary}\n\n\b\n{loss.formula}\n\n\b\nExample:\n{example}")


def option_of(parameter: Parameter) -> Option:
    """An option of the loss, as the command line has it."""
    kind = parameter.kind
    default = parameter.default_for_files
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
    help_ = parameter.help if isinstance(kind, (Flag, Choice)) else f"{parameter.help} {_bounds(parameter)}"
    settings = COLUMN if isinstance(kind, Side) else {}
    return Option(parameter.name, type_, default, help_.strip(), "Loss", flags, settings=settings)


def _bounds(parameter: Parameter) -> str:
    text = str(parameter.kind)
    return f"({text[0].upper()}{text[1:]}.)" if not isinstance(parameter.kind, Whole) else ""


def score(loss: Loss, values: dict[str, Any]) -> int:
    """Run the loss on what the command line says, print the result, and tell how it went."""
    _leave_out_idle_defaults(values)
    limits = {name: values[name] for name in ("expect", "rtol", "atol", "max", "min")}
    if any(limit is not None for limit in limits.values()):
        from losscli.engine.check import refuse_bad_limits

        refuse_bad_limits(**limits)
    refuse_unusable(values)
    form = form_of(values)
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
        request = request_of(loss, values, form, stack)
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
    warn(result.warnings, quiet=values["quiet"])
    if result.check is None or result.check.passed:
        return Exit.DONE
    if form not in PAGES:
        _tell_failure(result)
    return Exit.CHECK_FAILED


def _leave_out_idle_defaults(values: dict[str, Any]) -> None:
    """Pass over defaults of the project that mean nothing for what the command line asks for."""
    for name in ("rtol", "atol"):
        if values["expect"] is None and came_from(values, name) == "DEFAULT_MAP":
            values[name] = None
    asked = any(values[name] not in NOTHING and came_from(values, name) == "COMMANDLINE" for name in OF_ONE_NUMBER)
    if asked and came_from(values, "reduction") == "DEFAULT_MAP":
        values["reduction"] = "mean" if values["reduction"] == "none" else values["reduction"]


def refuse_unusable(values: Mapping[str, Any]) -> None:
    """Refuse inputs and numbers that no run can do anything with."""
    inputs = [value for name, value in values.items() if name not in ("delimiter", "output", "save_plot", "params")]
    if sum(value == "-" for value in [*inputs, *(values["params"] or ())]) > 1:
        raise UsageError("only one input can be `-`: standard input is read once", hint="put one of them in a file")
    for name, shown in (("predictions", "PREDS"), ("targets", "TARGETS"), ("output", "-o")):
        if values[name] == "":
            raise UsageError(f"{shown} is empty", hint="is a variable of the shell not set?")


def _refuse_unshown(values: dict[str, Any], form: str) -> None:
    """Refuse what the form has no place for, and pass over it where it is but a default of the project."""
    for name, forms in SHOWN_BY.items():
        if values[name] not in NOTHING and form not in forms:
            if came_from(values, name) == "DEFAULT_MAP":
                values[name] = None
                continue
            option = flag_of(name)
            *others, last = forms
            hint = f"--format {', '.join(others)} or {last}" if others else f"--format {last}"
            raise UsageError(f"{option} has no place in --format {form}", hint=hint)


def request_of(loss: Loss, values: Mapping[str, Any], form: str, stack: ExitStack) -> Any:
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
        loss.for_files({p.name: values[p.name] for p in loss.parameters if came_from(values, p.name) != "DEFAULT"}),
        pred=name_list(values["pred"]),
        target=name_list(values["target"]),
        id=values["id"],
        classes=name_list(values["classes"]),
        sample_weight=values["sample_weight"],
        read=ReadOptions.of(values),
        reduction=reduction,
        base=values.get("base", "e"),
        on_nan=values["on_nan"],
        on_empty=values["on_empty"],
        penalty=_penalty(values),
        threads=values["threads"],
        rows=_rows(values["rows"]) if form in PAGES else 0,
        top=values["top"],
        by=values["by"],
        by_class=values["by_class"],
        histogram=values["plot"] or values["save_plot"] is not None,
        baselines=values["baselines"],
        work=range(WORKED) if values["show_work"] else (),
        per_sample=values["per_sample"] and form == "json",
        statistics=form in (*PAGES, "json"),
        sinks=sinks,
        defaults=[name for name in values if came_from(values, name) == "DEFAULT_MAP"],
    )


def came_from(values: Mapping[str, Any], name: str) -> str:
    """Where the value of an option is from: COMMANDLINE, DEFAULT_MAP (the defaults of the project) or DEFAULT."""
    source = values["context"].get_parameter_source(name)
    return source.name if source is not None else "DEFAULT"


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


def _rows(text: str | None) -> int:
    if text is None:
        return ROWS
    if text == "all":
        return sys.maxsize
    if not text.isdecimal():
        raise UsageError(f"--rows is {text!r}, but must be a whole number ≥ 0 or `all`")
    return int(text) if len(text) < MORE_THAN_ALL else sys.maxsize  # Python converts no thousands of digits


def _print(result: Any, form: str, color: str) -> None:
    if form == "json":
        from losscli.report import to_json

        print_json(to_json(result))
    elif form == "value":
        from losscli.report import format_value

        print(format_value(result))
    elif form in PAGES:
        from losscli.report.table import draw_result

        print_drawn(draw_result, result, form, color)


def _tell_failure(result: Any) -> None:
    sys.stdout.flush()  # the value stands before its verdict, also where both streams are one file
    for gate in result.check.gates:
        if gate.passed:
            continue
        limit = ", ".join(f"{name}={tolerance!r}" for name, tolerance in gate.tolerance.items())
        needed = " or ".join(f"--{name} {value!r}" for name, value in gate.needed.items())
        print(
            f"losscli: check failed: {result.value!r} against --{gate.name} {gate.limit!r}"
            + (f" within {limit}" if limit else "")
            + (f"\n  hint: it passes with {needed}" if needed and math.isfinite(result.value) else ""),
            file=sys.stderr,
        )
