"""`losscli explain`: a loss's docstring, which is its documentation."""

from __future__ import annotations

import json as json_module
import sys
import textwrap
from typing import Annotated, Any, Literal

import typer

from losscli.cli.list_command import summary_of
from losscli.losses.catalogue import HEADINGS, Loss, catalogue, find
from losscli.losses.parameters import Parameter

WIDTH = 98
"""How long a line of options gets, without its indentation."""


def names() -> list[str]:
    """The losses, for completion."""
    return list(catalogue())


def run(
    name: Annotated[str, typer.Argument(help="A loss, or what a framework calls it.", autocompletion=names)],
    format: Annotated[Literal["text", "json"], typer.Option(help="What is printed.")] = "text",  # noqa: A002
    json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
) -> None:
    """Explain a loss, by its name or what a framework calls it: losscli explain BCEWithLogitsLoss."""
    loss = find(name)
    if json or format == "json":
        print(json_module.dumps(as_object(loss), indent=2, ensure_ascii=False))
    else:
        sys.stdout.write(as_text(loss))


def as_object(loss: Loss) -> dict[str, Any]:
    """All that the catalogue knows of a loss, as JSON."""
    return {
        **summary_of(loss),
        "options": [
            {
                "name": parameter.option,
                "argument": parameter.name,
                "type": str(parameter.kind),
                "default": _default(parameter),
                "help": parameter.help,
            }
            for parameter in loss.parameters
        ],
        "sections": {heading.lower(): loss.sections[heading] for heading in HEADINGS if heading in loss.sections},
    }


def _default(parameter: Parameter) -> Any:
    return "auto" if parameter.name == "kind" else parameter.default


def as_text(loss: Loss) -> str:
    """The docstring, with every option of the command line and the names elsewhere."""
    parts = [f"{loss.name}: {loss.summary}"]
    for heading in HEADINGS:
        text = options_text(loss) if heading == "Options" else loss.sections.get(heading, "")
        if text:
            parts.append(f"{heading}\n{indented(text)}")
    parts.append(f"Also called\n{indented(_filled(', '.join(loss.aliases), indent=''))}")
    return "\n\n".join(parts) + "\n"


def options_text(loss: Loss) -> str:
    """Each option with its default and bounds."""
    lines = []
    for parameter in loss.parameters:
        default = _default(parameter)
        shown = "" if default is None or default is False else f" [default: {default}]"
        lines.append(_filled(f"{parameter.option}: {parameter.help}{shown}"))
        lines.append(_filled(f"    {parameter.kind}"))
    return "\n".join(lines)


def _filled(text: str, *, indent: str = "    ") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def indented(text: str) -> str:
    """Text under its heading."""
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
