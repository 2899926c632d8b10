"""`losscli schema`: the contract of `--json`, as a JSON Schema."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from losscli.errors import UsageError
from losscli.report.schemas import names, schema
from losscli.wording import did_you_mean


def run(
    name: Annotated[
        str, typer.Argument(help="Whose: " + ", ".join(names()) + ".", metavar="NAME", autocompletion=names)
    ] = "result",
) -> None:
    """Print the JSON Schema of what --json prints: of a loss, or of another command."""
    if name not in names():
        hint = did_you_mean(name, names()) or f"the schemas are {', '.join(names())}"
        raise UsageError(f"there is no schema named {name!r}", hint=hint)
    print(json.dumps(schema(name), indent=2))
