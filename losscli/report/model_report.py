"""A model's likelihood or estimate as a table, as JSON in the layout of `model_schema.json`, or bare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from losscli.report.json_report import portable
from losscli.report.page import Column
from losscli.report.printable import printable
from losscli.report.value import flatten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from losscli.engine.likelihood import Likelihood
    from losscli.report.page import Page

MODEL_SCHEMA_ID = "losscli/model/1"


def model_to_json(found: Likelihood) -> dict[str, Any]:
    """The record as plain dicts, lists, strings and finite numbers, in the order of the schema."""
    members = dict(vars(found))
    scale = {"value": members.pop("likelihood"), "mantissa": members.pop("mantissa")}
    scale |= {"exponent": members.pop("exponent"), "explanation": members.pop("explanation")}
    document = {
        "schema": MODEL_SCHEMA_ID,
        "model": members.pop("model"),
        "parameters": members.pop("parameters"),
        "standard_errors": members.pop("standard_errors", None),
        "likelihood": scale,
        **members,
    }
    return {name: portable(value) for name, value in document.items()}


def format_likelihood(found: Likelihood) -> str:
    """L(θ) as a decimal number: also where float64 has none, as in 1.5e-800."""
    if found.explanation is None or found.mantissa is None:
        return repr(found.likelihood)
    return f"{found.mantissa!r}e{found.exponent:+d}"


def format_parameters(found: Likelihood) -> str:
    """The parameters with all their digits, one a line, without a line end."""
    return "\n".join(repr(float(number)) for number in flatten(list(found.parameters.values())))


def draw_model(page: Page, found: Likelihood) -> None:
    """Everything that a page tells of a likelihood or an estimate."""
    page.line(printable(_title(found)), "bold")
    page.pairs([(printable(label), printable(content)) for label, content in _summary(found)])
    page.line()
    page.table(_parameters(found))
    page.line()
    page.line(printable(found.signature), "dim")


def _title(found: Likelihood) -> str:
    errors = getattr(found, "standard_errors", None)
    what = "at the given parameters" if errors is None else "at its most likely parameters"
    return f"{found.model} model {what}: likelihood = {format_likelihood(found)}"


def _summary(found: Likelihood) -> Iterator[tuple[str, str]]:
    """Label and content of every line of the summary, in order."""
    if found.explanation is not None:
        yield "in float64", f"{found.likelihood!r}: {found.explanation}"
    yield "log-likelihood", f"{found.log_likelihood!r} nats"
    yield "NLL", f"{found.nll!r} nats (the sum), {found.nll_per_sample!r} per sample"
    yield "samples", f"{found.samples:,}"
    record = found.input
    columns = "" if record.columns is None else f", column {', '.join(record.columns)}"
    yield "input", f"{record.path} ({record.format}, shape {record.shape}, {record.dtype}{columns})"
    yield "values", f"{record.kind} ({record.evidence})"


def _parameters(found: Likelihood) -> list[Column]:
    """The parameters, and their standard errors where they were estimated."""
    names = [name for parameter, value in found.parameters.items() for name in _names(parameter, value, found)]
    errors: Mapping[str, Any] | None = getattr(found, "standard_errors", None)
    values = Column("value" if errors is None else "estimate", _numbers(found.parameters), right=False)
    columns = [Column("parameter", names, right=False), values]
    if errors is not None:
        columns.append(Column("standard error", _numbers(errors), right=False))
    return columns


def _names(parameter: str, value: Any, found: Likelihood) -> list[str]:
    """The name of a parameter; of a vector, one a class."""
    if not isinstance(value, list):
        return [parameter]
    return [f"{parameter}[{printable(name)}]" for name in found.classes or map(str, range(len(value)))]


def _numbers(parameters: Mapping[str, Any]) -> list[str]:
    return [repr(float(number)) for number in flatten(list(parameters.values()))]
