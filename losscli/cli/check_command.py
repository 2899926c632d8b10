"""`losscli check`: many gates in one file, for CI.

A file of gates, to be copied:

    # gates.toml: paths begin at the folder of this file
    [[gate]]
    name = "digits"
    loss = "cross-entropy"
    predictions = "sample_data/digits_logits.npy"
    targets = "sample_data/digits_labels.npy"
    options = { kind = "logits" }             # as on the command line
    max = 0.3                                 # of the value
    worst_sample = 6.0                        # no sample's loss above it
    worst_group = { by = "class", max = 0.6 } # or by = a column
    baseline = true                           # the value accepted last,
    rtol = 1e-3                               # within this

    [[gate]]
    name = "diabetes"
    loss = "huber"
    predictions = "sample_data/diabetes.csv"
    options = { pred = "pred", target = "target", delta = 1.5 }
    min = 0
    expect = 66.64
    atol = 0.1
"""

from __future__ import annotations

import inspect
import os
import sys
from functools import partial
from typing import Annotated, Any, Literal

import typer

from losscli.cli.answer import form_of, print_drawn, print_json, warn
from losscli.cli.commands import escaped
from losscli.cli.completion import GATE
from losscli.cli.options import CHECKS, OUTPUT, Option, argument, common, declare
from losscli.cli.progress import progress
from losscli.engine.gate_baseline import GateBaseline, read_baseline
from losscli.engine.gate_file import GateFile, read_gates
from losscli.engine.gates import GatesReport, run_gates
from losscli.errors import DataError, UsageError
from losscli.report.place import Place
from losscli.report.printable import printable
from losscli.report.whole_file import append, write_whole

FILE = Annotated[
    str, typer.Argument(metavar="FILE", help="A TOML file of gates; its paths begin at its folder.", show_default=False)
]

OPTIONS = (
    Option(
        "gate", list[str], None, "Only the gate of this name; may be given several times.", CHECKS, (), "NAME", GATE
    ),
    Option(
        "update_baseline",
        bool,
        False,
        "Accept the values as they are now: write the baseline, a small file to be committed.",
        CHECKS,
    ),
    Option("format", Literal["table", "json", "md"], "table", "What is printed.", OUTPUT),
    *common("json"),
    Option("only_failures", bool, False, "Print only gates that did not pass.", OUTPUT),
    Option("junit", str, None, "Also write all gates to a JUnit XML file.", OUTPUT, (), "FILE"),
    Option(
        "github",
        bool,
        False,
        "Also write annotations for GitHub Actions to stderr, and a summary to $GITHUB_STEP_SUMMARY.",
        OUTPUT,
    ),
    *common("color", "quiet", "debug"),
)


def run(**values: Any) -> int:
    """Run the gates, and tell how they went in every form that is asked for."""
    form = form_of(values)
    file = read_gates(values["file"])
    gates = file.named(values["gate"] or ())
    junit = None
    if values["junit"] is not None:
        junit = _place(values["junit"], "--junit", file, str(file.baseline))
    updated = _place(str(file.baseline), "baseline =", file) if values["update_baseline"] else None
    baseline = _baseline(file)
    if updated and isinstance(baseline, DataError):  # whatever it is, it is not ours to replace
        raise baseline
    report = run_gates(file, gates, None if updated else baseline, progress=partial(progress, quiet=values["quiet"]))
    _print(report, form, values["color"], only_failures=values["only_failures"])
    if junit:
        from losscli.report.junit import to_junit

        write_whole(junit, to_junit(report))
    if values["github"]:
        _tell_github(report, only_failures=values["only_failures"])
    talk = [f"gate {gate.name!r}: {warning}" for gate in report.gates for warning in gate.warnings]
    if updated and report.count("error"):
        talk.append(f"{file.baseline} is not updated: some gates could not be computed")
    elif updated and isinstance(baseline, GateBaseline):
        after = baseline.updated(report.accepted(), keep=bool(values["gate"]))
        write_whole(updated, after.text().encode())
        if not values["quiet"]:
            print(f"losscli: {printable(_change(file, baseline, after))}", file=sys.stderr)
    warn(talk, quiet=values["quiet"])
    return report.exit_code


def _place(path: str, option: str, file: GateFile, *others: str) -> Place:
    """Where a report goes, which must be none of the files that are read."""
    if not path:
        raise UsageError(f"{option} is empty", hint="is a variable of the shell not set?")
    place = Place(path, option=option)
    inputs = [str(file.folder / spec) for gate in file.gates for spec in gate.inputs.values()]
    place.refuse_inputs([file.path, *others, *inputs])
    return place


def _baseline(file: GateFile) -> GateBaseline | DataError:
    """The baseline, or why it cannot be read: that is the error of the gates that ask for it, not of all."""
    try:
        return read_baseline(file.baseline)
    except DataError as error:
        return error


def _change(file: GateFile, before: GateBaseline, after: GateBaseline) -> str:
    """What an update did."""
    new = after.entries.keys() - before.entries.keys()
    gone = before.entries.keys() - after.entries.keys()
    changed = [name for name, entry in after.entries.items() if before.entries.get(name) not in (None, entry)]
    counts = f"{len(new)} new, {len(changed)} changed, {len(gone)} removed"
    values = "1 value" if len(after.entries) == 1 else f"{len(after.entries)} values"
    return f"wrote {file.baseline}: {values} ({counts}); commit it"


def _print(report: GatesReport, form: str, color: str, *, only_failures: bool) -> None:
    if form == "json":
        from losscli.report.gates_report import gates_to_json

        print_json(gates_to_json(report, only_failures=only_failures))
    elif form == "md":
        from losscli.report.github import to_markdown

        sys.stdout.write(to_markdown(report, only_failures=only_failures))
    else:
        from losscli.report.gates_report import draw_gates

        print_drawn(partial(draw_gates, only_failures=only_failures), report, form, color)


def _tell_github(report: GatesReport, *, only_failures: bool) -> None:
    """Annotations on stderr, which the runner reads as it reads stdout, so that JSON on stdout stays JSON."""
    from losscli.report.github import to_annotations, to_markdown

    for line in to_annotations(report, os.environ.get("GITHUB_WORKSPACE")):
        print(line, file=sys.stderr)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        append(summary, to_markdown(report, only_failures=only_failures))


def _help() -> str:
    """The summary and the file to be copied, its paragraphs kept as they are."""
    example = inspect.cleandoc(str(__doc__).partition(":\n\n")[2])
    paragraphs = "\n\n".join(f"\b\n{paragraph}" for paragraph in example.split("\n\n"))
    return (
        "Check saved predictions against the limits of a file, as a step of CI.\n\n"
        "Exit code 0: all gates passed. 1: one failed. 3: one could not be judged. All gates always run.\n\n"
        f"{paragraphs}\n\n"
        "\b\nlosscli check gates.toml --update-baseline   # once, and commit the file\nlosscli check gates.toml"
    )


run.__doc__ = escaped(_help())
declare(run, [argument("file", FILE)], OPTIONS)
