"""The help of every command on one page, to be searched or piped into a pager."""

from __future__ import annotations

from typing import Any

import typer


def print_all(context: typer.Context) -> None:
    """Print the help of losscli itself and then of each command, in the order of the list."""
    group: Any = context.command
    _print(group, context)
    for name in group.list_commands(context):
        _, command, _ = group.resolve_command(context, [name])
        with command.make_context(name, [], parent=context, resilient_parsing=True) as called:
            _print(command, called)


def _print(command: Any, context: Any) -> None:
    heading = context.command_path
    typer.echo(f"{heading}\n{'=' * len(heading)}")
    text = command.get_help(context)  # rich prints it itself
    if text:
        typer.echo(text)
