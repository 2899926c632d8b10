"""The Typer app: a few commands of its own, and one for each loss of the catalogue."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from losscli.cli.commands import COMMANDS
from losscli.errors import UsageError
from losscli.version import __version__


class Commands(TyperGroup):
    """Lists every loss, but builds the command of one only when it is called."""

    def list_commands(self, _ctx: Any) -> list[str]:
        """Every loss, then the other commands."""
        from losscli.losses.catalogue import catalogue

        return [*catalogue(), *COMMANDS]

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:
        """The command's entry in a list: its name and its one line of help."""
        if cmd_name in COMMANDS:
            return COMMANDS[cmd_name].entry()
        from losscli.losses.catalogue import find

        return loss_entry(find(cmd_name))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, in full. A loss answers to its aliases too."""
        name = args[0]
        if name.startswith("-"):
            return super().resolve_command(ctx, args)
        if name in COMMANDS:
            return name, COMMANDS[name].build(args[1:]), args[1:]
        from losscli.cli.loss_command import build
        from losscli.losses.catalogue import find

        try:
            loss = find(name)
        except UsageError as error:
            raise _meant_command(name) or error from None
        return loss.name, build(loss), args[1:]


HABITS = {"help": "--help", "version": "--version", "diff": "compare LOSS A B TARGETS", "losses": "list"}
"""What other tools have as commands, and how it is called here."""


def _meant_command(name: str) -> UsageError | None:
    """What to say of a name that is nearer to a command than to any loss."""
    from losscli.losses.catalogue import catalogue
    from losscli.wording import nearest

    if name in HABITS:
        return UsageError(f"there is no loss and no command named {name!r}", hint=f"losscli {HABITS[name]}")
    near = nearest(name, [*catalogue(), *COMMANDS])
    if not near or near[0] not in COMMANDS:
        return None
    return UsageError(f"there is no loss and no command named {name!r}", hint=f"did you mean {near[0]}?")


def loss_entry(loss: Any) -> Any:
    """A loss in the list of commands."""
    from losscli.cli.commands import entry

    return entry(loss.name, loss.summary, panel=f"Losses: {loss.family}")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"losscli {__version__}")
        raise typer.Exit


def _help_all(context: typer.Context, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from losscli.cli.help_all import print_all

        print_all(context)
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


HELP = """Compute a loss from saved predictions and targets.

\b
losscli nll preds.npy labels.npy
losscli cross-entropy logits.parquet labels.csv --json
losscli mse table.csv --pred y_hat --target y --max 0.5
"""


@app.callback(help=HELP)
def losscli(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    _help_all: Annotated[
        bool, typer.Option("--help-all", callback=_help_all, is_eager=True, help="Show the help of every command.")
    ] = False,
) -> None:
    """Only the options that come before a command."""
