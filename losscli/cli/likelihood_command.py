"""`losscli likelihood`: how likely data are under a model whose parameters are given."""

from __future__ import annotations

from typing import Any

from losscli.cli.commands import escaped
from losscli.cli.model_command import ARGUMENTS, OPTIONS, answer, examples
from losscli.cli.options import Option, declare
from losscli.engine.likelihood import likelihood
from losscli.errors import UsageError
from losscli.losses.models.catalogue import models
from losscli.losses.parameters import Number
from losscli.report.model_report import format_likelihood


def parameter_options() -> list[Option]:
    """The parameters of all models; one that several models have stands once."""
    options: dict[str, Option] = {}
    for model in models().values():
        for parameter in model.parameters:
            before = f"{options[parameter.name].help} " if parameter.name in options else ""
            options[parameter.name] = Option(
                parameter.name,
                float if isinstance(parameter.kind, Number) else str,
                None,
                f"{before}{model.name}: {parameter.help}",
                "Parameters",
            )
    return list(options.values())


PARAMETERS = parameter_options()


def run(**values: Any) -> None:
    """Print the likelihood, its logarithm and the NLL."""
    parameters = {option.name: values[option.name] for option in PARAMETERS if values[option.name] is not None}
    if values["data"] == parameters.get("probs") == "-":
        raise UsageError("only one input can be `-`: standard input is read once", hint="put one of them in a file")
    answer(likelihood, values, parameters, format_likelihood)


run.__doc__ = escaped(
    "Print the likelihood of data under a model, its logarithm, and the NLL (the negative log-likelihood).\n\n"
    "L(θ) = Π p(x | θ) over all samples, ℓ(θ) = log L(θ), NLL = −ℓ(θ). "
    "--format value prints L(θ).\n\n" + examples("likelihood")
)
declare(run, ARGUMENTS, [*PARAMETERS, *OPTIONS])
