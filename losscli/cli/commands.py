"""The commands beside the losses, each in a file of its own that is imported when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer

from losscli.records import record


@record
class Command:
    """A command by name: `module` has its function `run`."""

    name: str
    module: str
    summary: str
    panel: str = "About the losses"

    def entry(self) -> Any:
        """Its place in a list of commands."""
        return entry(self.name, self.summary, panel=self.panel)

    def build(self, arguments: Sequence[str] = ()) -> Any:
        """The command itself, as it is for these arguments where they decide what it takes."""
        module = import_module(f"losscli.cli.{self.module}")
        return module.build(arguments) if hasattr(module, "build") else command_of(module.run, self.name)


def entry(name: str, summary: str, *, panel: str) -> Any:
    """A command that is only listed."""

    def listed() -> None:
        """Nothing: it is listed, never called."""

    app = typer.Typer(add_completion=False)
    app.command(name, help=escaped(summary), rich_help_panel=panel)(listed)
    return typer.main.get_command(app)


def command_of(function: Any, name: str, **settings: Any) -> Any:
    """A single command with the help settings of all commands."""
    app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    app.command(name, context_settings={"help_option_names": ["-h", "--help"]}, **settings)(function)
    return typer.main.get_command(app)


def escaped(text: str) -> str:
    """Text in which a bracket is a bracket, and no markup."""
    return text.replace("[", "\\[")


COMMANDS = {
    command.name: command
    for command in (
        Command("list", "list_command", "List the losses, their formulas and their names elsewhere."),
        Command("explain", "explain_command", "Explain a loss, and with PREDS a run of it step by step."),
        Command("schema", "schema_command", "Print the JSON Schema of what --json prints."),
        Command("compare", "compare_command", "Compare saved models on the same samples.", "Around the losses"),
        Command("convert", "convert_command", "Convert between logits, probabilities and labels.", "Around the losses"),
        Command("check", "check_command", "Hold many losses to the limits of a file, for CI.", "Around the losses"),
        Command("inspect", "inspect_command", "Look into files, and at what is wrong with them.", "Around the losses"),
        Command("curve", "curve_command", "Draw losses against the prediction.", "Around the losses"),
        Command("likelihood", "likelihood_command", "How likely data are under a model.", "Around the losses"),
        Command("mle", "mle_command", "The parameters under which data are most likely.", "Around the losses"),
    )
}
