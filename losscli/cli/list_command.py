"""`losscli list`: the catalogue."""

from __future__ import annotations

import json as json_module
import sys
from typing import Annotated, Literal

import typer

from losscli.data.wording import did_you_mean
from losscli.errors import UsageError
from losscli.losses.catalogue import Loss, catalogue


def run(
    family: Annotated[str | None, typer.Option(help="Only this family.", metavar="NAME")] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="What is printed.")] = "table",  # noqa: A002
    json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
) -> None:
    """List the losses, their formulas and their names elsewhere."""
    losses = list(catalogue().values())
    families = list(dict.fromkeys(loss.family for loss in losses))
    if family is not None:
        if family not in families:
            raise UsageError(f"there is no family {family!r}", hint=_families(family, families))
        losses = [loss for loss in losses if loss.family == family]
    if json or format == "json":
        print(json_module.dumps([summary_of(loss) for loss in losses], indent=2, ensure_ascii=False))
    else:
        sys.stdout.write(as_text(losses))


def _families(name: str, families: list[str]) -> str:
    return did_you_mean(name, families) or f"the families are {', '.join(families)}"


def summary_of(loss: Loss) -> dict[str, object]:
    """A loss as an object of the list."""
    return {
        "name": loss.name,
        "family": loss.family,
        "summary": loss.summary,
        "formula": loss.formula,
        "aliases": list(loss.aliases),
        "documents": list(loss.documents),
        "options": [parameter.option for parameter in loss.parameters],
    }


def as_text(losses: list[Loss]) -> str:
    """Family by family: each loss with its line, its formula and its other names."""
    lines: list[str] = []
    width = max(len(loss.name) for loss in losses)
    shown = None
    for loss in losses:
        if loss.family != shown:
            lines += [""] if shown else []
            lines.append(f"{loss.family}")
            shown = loss.family
        lines.append(f"  {loss.name:<{width}}  {loss.summary}")
        lines.append(f"  {'':<{width}}  {loss.formula}")
    lines += ["", "`losscli explain NAME` tells all about one; names of PyTorch, Keras, TensorFlow, optax and"]
    lines += ["scikit-learn are understood as well."]
    return "\n".join(lines) + "\n"
