"""`losscli list`: the catalogue."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from losscli.cli.answer import form_of, print_drawn
from losscli.cli.options import OUTPUT, Option, common, declare
from losscli.errors import UsageError
from losscli.losses.catalogue import Loss, catalogue
from losscli.report.page import Column
from losscli.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from losscli.report.page import Page


def families() -> list[str]:
    """The families, in the order of the catalogue."""
    return list(dict.fromkeys(loss.family for loss in catalogue().values()))


OPTIONS = (
    Option(
        "family",
        str,
        None,
        "Only this family.",
        OUTPUT,
        (),
        "NAME",
        settings={"autocompletion": families},
    ),
    Option("format", Literal["table", "md", "json"], "table", "What is printed.", OUTPUT),
    *common("json", "color", "quiet", "no_config", "debug"),
)


def run(**values: Any) -> None:
    """List the losses, their formulas and their names elsewhere."""
    form = form_of(values)
    losses = list(catalogue().values())
    family = values["family"]
    if family is not None:
        if family not in families():
            hint = did_you_mean(family, families()) or f"the families are {', '.join(families())}"
            raise UsageError(f"there is no family {family!r}", hint=hint)
        losses = [loss for loss in losses if loss.family == family]
    if form == "json":
        print(json.dumps([summary_of(loss) for loss in losses], indent=2, ensure_ascii=False))
    else:
        print_drawn(draw_table if form == "md" else draw_losses, losses, form, values["color"])


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


def draw_losses(page: Page, losses: Sequence[Loss]) -> None:
    """Family by family: each loss with its line and its formula."""
    width = max(len(loss.name) for loss in losses)
    for family, members in groupby(losses, key=lambda loss: loss.family):
        page.line(family, "bold")
        page.pairs([pair for loss in members for pair in ((f"{loss.name:<{width}}", loss.summary), ("", loss.formula))])
        page.line()
    page.line("`losscli explain NAME` tells all about one; what PyTorch, Keras, TensorFlow,")
    page.line("optax and scikit-learn call it will do for a name.")


def draw_table(page: Page, losses: Sequence[Loss]) -> None:
    """The same as one table, which is wide."""
    columns = {
        "family": [loss.family for loss in losses],
        "loss": [loss.name for loss in losses],
        "what it is": [loss.summary for loss in losses],
        "formula": [loss.formula for loss in losses],
    }
    page.line("losses", "bold")
    page.table([Column(name, cells, right=False) for name, cells in columns.items()])


declare(run, [], OPTIONS)
