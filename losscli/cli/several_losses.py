"""The options of a command that takes any of several losses: each option once, with the losses that have it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from losscli.cli.loss_command import option_of
from losscli.cli.options import Option
from losscli.losses.catalogue import Loss
from losscli.losses.parameters import Choice, Parameter

Owners = dict[str, tuple[Parameter, list[str]]]
"""Options by name, each with all the words that it takes anywhere, and which losses have it."""


def owners_of(losses: Iterable[Loss]) -> Owners:
    """Every option of the losses."""
    found: Owners = {}
    for loss in losses:
        for parameter in loss.parameters:
            first, names = found.setdefault(parameter.name, (parameter, []))
            names.append(loss.name)
            if isinstance(first.kind, Choice) and isinstance(parameter.kind, Choice):
                words = tuple(dict.fromkeys((*first.kind.words, *parameter.kind.words)))
                found[parameter.name] = (replace(first, kind=Choice(words)), names)
    return found


def options_of(owners: Owners) -> list[Option]:
    """The same as options of a command. Nothing is given until it is said."""
    return [
        replace(option_of(parameter), default=None, help=f"{parameter.help} ({', '.join(losses)})", panel="Losses")
        for parameter, losses in owners.values()
    ]
