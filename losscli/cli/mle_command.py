"""`losscli mle`: the parameters of a model under which data are most likely."""

from __future__ import annotations

from typing import Any

from losscli.cli.commands import escaped
from losscli.cli.model_command import ARGUMENTS, OPTIONS, answer, examples
from losscli.cli.options import declare
from losscli.engine.likelihood import mle
from losscli.report.model_report import format_parameters


def run(**values: Any) -> None:
    """Print the estimates, their standard errors, and the likelihood there."""
    answer(mle, values, {}, format_parameters)


run.__doc__ = escaped(
    "Print the parameters of a model under which data are most likely, and how likely they are then.\n\n"
    "θ̂ = argmax L(θ) in closed form, with standard errors from the Fisher information. "
    "--format value prints θ̂, one parameter a line.\n\n" + examples("mle")
)
declare(run, ARGUMENTS, OPTIONS)
