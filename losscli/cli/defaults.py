"""Defaults from `[tool.losscli]` of a project's pyproject.toml, in place of the built-in ones.

    [tool.losscli]              # for every loss that has such an option
    reduction = "sum"

    [tool.losscli.nll]          # for this loss or command, before the general ones
    ignore-index = -100

The nearest pyproject.toml of the working directory or the folders above it counts. LOSSCLI_CONFIG names
another file, or none if it is empty. A file that does not mention losscli is not parsed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from losscli.errors import UsageError

VARIABLE = "LOSSCLI_CONFIG"
SWITCH = "no_config"
"""The option that leaves the file alone; a command that has it takes defaults."""

TABLE = "tool.losscli"
FOR_ALL = ("color", "quiet", "threads")
"""The general keys that also hold for the commands that are no loss."""

NEVER = {
    "output": "a file is only written where the command line says so",
    "save_plot": "a file is only written where the command line says so",
    "json": 'format = "json" says the same',
    "debug": "it is for one run",
    SWITCH: "the file cannot switch itself off",
}

_MENTIONED = re.compile(rb"tool[\]\s.\"']*losscli")


def take_defaults(context: typer.Context, off: bool) -> bool:
    """Give the command that is being parsed the defaults of the file, and say so on stderr."""
    if off or context.resilient_parsing:
        return off
    path = _file()
    table = _table(path) if path else None
    if not path or not table:
        return off
    defaults = _Defaults(path, table).of(context)
    if context.params.get("json"):  # given on the command line, where it stands for another format
        defaults.pop("format", None)
    if not defaults:
        return off
    context.default_map = defaults
    if not (context.params.get("quiet") or defaults.get("quiet")):
        from losscli.report.printable import printable

        names = ", ".join(name.replace("_", "-") for name in defaults)
        print(f"losscli: note: defaults from {printable(path)}: {names}", file=sys.stderr)
    return off


def _file() -> str | None:
    """The file that holds the defaults, if there is one."""
    stated = os.environ.get(VARIABLE)
    if stated is not None:
        if stated and not os.path.isfile(stated):  # noqa: PTH113 - pathlib fails at names that are too long
            raise UsageError(
                f"{VARIABLE} is {stated!r}, and there is no such file", hint=f"{VARIABLE}= is for no defaults"
            )
        return stated or None
    try:
        here = Path.cwd()
    except OSError:  # it was removed
        return None
    for folder in (here, *here.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return os.path.relpath(path)
    return None


def _table(path: str) -> dict[str, Any] | None:
    """The file's table, None where it has none."""
    try:
        text = Path(path).read_bytes()
        if not _MENTIONED.search(text):
            return None
        import tomllib

        table = tomllib.loads(text.decode()).get("tool", {}).get("losscli")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{path}: no defaults can be read from it", why=str(error), hint=f"--{_dashed(SWITCH)} does without"
        ) from None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{path}: {TABLE} is {table!r}, but must be a table", hint=f"[{TABLE}]")
    return table


class _Defaults:
    """The table of a file, every key of which must mean something."""

    def __init__(self, path: str, table: Mapping[str, Any]) -> None:
        self.path = path
        self.general = {key: value for key, value in table.items() if not isinstance(value, dict)}
        self.tables = {key: value for key, value in table.items() if isinstance(value, dict)}

    def of(self, context: typer.Context) -> dict[str, Any]:
        """The defaults of a command by option, each checked as on the command line."""
        from losscli.cli.commands import COMMANDS

        called = str(context.command.name)  # `explain` builds a command of the loss that it is to explain
        options = {str(option.name): option for option in context.command.params if option.param_type_name == "option"}
        found = {}
        for name, value in self._named(self.general, TABLE, _every_option()).items():
            if name in options and (called not in COMMANDS or name in FOR_ALL):
                found[name] = self._checked(options[name], value, TABLE, context)
        for heading, table in self.tables.items():
            owner, known = self._owner(heading)
            where = f"{TABLE}.{heading}"
            for name, value in self._named(table, where, known).items():
                if owner == called:
                    found[name] = self._checked(options[name], value, where, context)
        return found

    def _owner(self, heading: str) -> tuple[str, set[str]]:
        """The loss or the command that a table is for, and its options."""
        from losscli.cli.commands import COMMANDS
        from losscli.cli.options import COMMON
        from losscli.losses.catalogue import catalogue, find
        from losscli.wording import did_you_mean

        if heading in COMMANDS:
            known = {str(option.name) for option in COMMANDS[heading].build().params}
            if SWITCH not in known:
                raise UsageError(f"{self.path}: [{TABLE}.{heading}]: `losscli {heading}` takes no defaults")
            return heading, known
        try:
            loss = find(heading)
        except UsageError:
            hint = did_you_mean(heading, [*catalogue(), *COMMANDS, *map(_dashed, _every_option())])
            raise UsageError(
                f"{self.path}: [{TABLE}.{heading}] is for no loss and no command", hint=hint or "`losscli list`"
            ) from None
        return loss.name, {parameter.name for parameter in loss.parameters} | {option.name for option in COMMON}

    def _named(self, table: Mapping[str, Any], where: str, known: Iterable[str]) -> dict[str, Any]:
        """The values of a table by the options' names in Python; an error for a key that is no option."""
        from losscli.wording import did_you_mean

        known = set(known)
        found: dict[str, Any] = {}
        for key, value in table.items():
            name = key.replace("-", "_")
            if name in NEVER:
                raise UsageError(f"{self.path}: [{where}] {key} can have no default", why=NEVER[name])
            if name not in known:
                hint = did_you_mean(_dashed(name), map(_dashed, known - NEVER.keys()))
                raise UsageError(f"{self.path}: [{where}] {key!r} is no option", hint=hint or "`losscli --help`")
            if name in found:
                raise UsageError(f"{self.path}: [{where}] {_dashed(name)} stands there twice", hint=f"drop {name}")
            found[name] = value
        return found

    def _checked(self, option: Any, value: Any, where: str, context: typer.Context) -> Any:
        """The value as the command line would have it; an error that names the file for a wrong one."""
        try:
            given = _given(option, value)
            option.type_cast_value(context, given)
        except (typer.BadParameter, ValueError) as error:
            reason = getattr(error, "message", str(error))
            raise UsageError(
                f"{self.path}: [{where}] {_dashed(str(option.name))} = {value!r}: {reason.rstrip('.')}",
                hint=f"as on the command line: {option.opts[0]} {option.metavar or ''}".rstrip(),
            ) from None
        return given


def _every_option() -> set[str]:
    """The options of all losses."""
    from losscli.cli.options import COMMON
    from losscli.losses.catalogue import catalogue

    own = {parameter.name for loss in catalogue().values() for parameter in loss.parameters}
    return own | {option.name for option in COMMON}


def _given(option: Any, value: Any) -> Any:
    """A value of TOML as it would stand on the command line, where all is text."""
    if option.is_flag or isinstance(value, bool):
        if option.is_flag is isinstance(value, bool):
            return value
        raise ValueError("true or false is meant" if option.is_flag else "true and false mean nothing here")
    if isinstance(value, list):
        texts = [str(item) for item in value]
        return texts if option.multiple else ",".join(texts)
    return [str(value)] if option.multiple else str(value)


def _dashed(name: str) -> str:
    return name.replace("_", "-")
