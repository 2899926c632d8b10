"""The parts of the README that say what the package says: each is made from the README's text."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any, get_args

from readme_goldens import rows_of
from readme_shell import ROOT

sys.path.append(str(ROOT / "tests" / "accuracy"))

from accuracy_table import as_page, kept

from losscli.cli.commands import COMMANDS
from losscli.cli.options import COMMON
from losscli.losses.catalogue import catalogue
from losscli.losses.models.catalogue import models
from losscli.report import schema


def losses(_text: str) -> str:
    """Every loss with its formula and its other names."""
    rows = [
        [f"`{loss.name}`", f"`{loss.formula}`", ", ".join(f"`{alias}`" for alias in loss.aliases)]
        for loss in catalogue().values()
    ]
    return table(["loss", "formula", "also called"], rows)


def json_keys(_text: str) -> str:
    """The members of the JSON object, in the words of its schema."""
    content = schema()
    required = set(content["required"])
    rows = [
        [f"`{name}`", meaning(member), "always" if name in required else "on request"]
        for name, member in content["properties"].items()
    ]
    return table(["key", "what it holds", "present"], rows)


def forms(_text: str) -> str:
    """What every command prints, by its `--format`."""
    [of_losses] = [get_args(option.type) for option in COMMON if option.name == "format"]
    words: dict[str, Sequence[str]] = {"a loss": of_losses}
    for name, command in COMMANDS.items():
        options = {option.name: option for option in command.build().params}
        if "format" in options:
            words[f"`{name}`"] = options["format"].type.choices
    every = list(dict.fromkeys(word for found in words.values() for word in found))
    rows = [[name, *("yes" if word in found else "" for word in every)] for name, found in words.items()]
    return table(["", *(f"`{word}`" for word in every)], rows)


def example(_text: str) -> str:
    """A loss as it stands in the source."""
    return f"```python\n{inspect.getsource(catalogue()['l1'].kernel)}```\n"


def meaning(member: dict[str, Any]) -> str:
    """A member's description, and the names of its own members."""
    inner = next((part for part in (member, *member.get("anyOf", [])) if "properties" in part), None)
    names = ", ".join(f"`{name}`" for name in inner["properties"]) if inner else ""
    return member["description"] + (f" Members: {names}." if names else "")


def document(number: str) -> Callable[[str], str]:
    """What the commands of a document print, beside its golden values; an error where they differ."""

    return lambda text: table(["what", "entry", "golden value", "losscli"], rows_of(text, number))


def distributions(_text: str) -> str:
    """The models of `losscli likelihood` and `losscli mle`."""
    rows = [[f"`{model.name}`", f"`{model.sections['Formula'].splitlines()[0]}`"] for model in models().values()]
    return table(["model", "density or probability"], rows)


def accuracy(_text: str) -> str:
    """What `make accuracy` measured last."""
    return as_page(kept())


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a bar inside a cell does not end the cell."""
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


PARTS: dict[str, Callable[[str], str]] = {
    "losses": losses,
    "models": distributions,
    "json": json_keys,
    "forms": forms,
    **{f"document_{number}": document(number) for number in ("000", "001", "002", "003", "004")},
    "example": example,
    "accuracy": accuracy,
}
"""What may stand in `<!-- generated: NAME -->`."""
