"""How a command answers: in the one form that is asked for, and with its warnings on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from losscli.errors import UsageError

if TYPE_CHECKING:
    from losscli.report.page import Page

T = TypeVar("T")


def form_of(values: Mapping[str, Any]) -> str:
    """The form that is asked for, --json being short for one of them."""
    form: str = values["format"]
    if not values["json"]:
        return form
    if form not in ("table", "json"):
        raise UsageError(f"--json and --format {form} contradict each other", hint="leave one of them out")
    return "json"


def print_drawn(draw: Callable[[Page, T], None], thing: T, form: str, color: str) -> None:
    """Print what is drawn on a page: as Markdown, or for the terminal or pipe that standard output is."""
    from losscli.cli.terminal import terminal
    from losscli.report.page import new_page

    if form == "md":
        from losscli.report.markdown import MarkdownPage

        page: Page = MarkdownPage()
    else:
        page = new_page(**terminal(color))
    draw(page, thing)
    sys.stdout.write(page.text())


def print_json(document: Mapping[str, Any]) -> None:
    """Print a document of strict JSON."""
    from losscli.report import dumps

    print(dumps(document))


def warn(warnings: Iterable[str], *, quiet: bool) -> None:
    """Tell on stderr what the reader of the answer should know."""
    if quiet:
        return
    from losscli.report import format_warning

    for warning in warnings:
        print(format_warning(warning), file=sys.stderr)
