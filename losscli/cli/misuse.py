"""A wrong command line: what Typer says of it in the form of our errors, and what was probably meant."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from typing import Any

from losscli.errors import UsageError
from losscli.wording import nearest


def misuse(error: Any, arguments: list[str]) -> UsageError:
    """The error that says so, from one of Typer's."""
    context = error.ctx
    called = [word for word in arguments[:1] if not word.startswith("-")]
    command = context.command_path if context else " ".join(["losscli", *called])
    option = getattr(error, "option_name", None)
    if option is not None and hasattr(error, "possibilities"):
        return _no_option(option, command, context)
    message = error.format_message()
    hint = _quoted_pattern(message, arguments) or _choice(error) or _all_options(command)
    return UsageError(message[:1].lower() + message[1:].rstrip("."), hint=hint)


def _quoted_pattern(message: str, arguments: list[str]) -> str:
    """What to quote where the shell may have made several files of a pattern."""
    files = [word for word in arguments[1:] if not word.startswith("-")]
    folder, name = os.path.split(files[0] if files else "")
    ending = os.path.splitext(name)[1]  # noqa: PTH122 - as it was typed
    if "unexpected extra argument" not in message or not ending:
        return ""
    if any(os.path.dirname(each) != folder or not each.endswith(ending) for each in files[:3]):
        return ""
    pattern = shlex.quote(os.path.join(folder, f"*{ending}"))
    return f"in quotes, a pattern is one input: losscli {arguments[0]} {pattern}"


def _all_options(command: str) -> str:
    return f"`{command} --help` shows all options"


def _no_option(option: str, command: str, context: Any) -> UsageError:
    """An option that the command does not have: misspelt, or another loss's."""
    from losscli.losses.catalogue import catalogue

    losses = catalogue().values()
    owners = [loss.name for loss in losses if any(parameter.option == option for parameter in loss.parameters)]
    names = [name for parameter in (context.command.params if context else ()) for name in parameter.opts]
    own = [name for name in names if name.startswith("--")]
    if option == "--base" and not owners:
        owners = [loss.name for loss in losses if loss.in_nats]
    if owners:
        return UsageError(f"no such option: {option}", why=f"it belongs to {', '.join(owners)}", hint="leave it out")
    return UsageError(f"no such option: {option}", hint=_meant(option, own) or _all_options(command))


def _choice(error: Any) -> str:
    """The word that was probably meant among an option's words."""
    words = getattr(getattr(error.param, "type", None), "choices", ()) if hasattr(error, "param") else ()
    given = error.message.split("'")[1:2]
    return _meant(given[0], words) if words and given else ""


def _meant(given: str, words: Iterable[str]) -> str:
    near = nearest(given, words)
    return f"did you mean {' or '.join(near)}?" if near else ""
