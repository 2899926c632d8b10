"""Losses as functions of the prediction: what the figures of a textbook show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from losscli.engine.plan import Request, compute
from losscli.engine.result import Curve, Curves
from losscli.errors import DataError, UsageError
from losscli.losses.catalogue import Loss, catalogue, find
from losscli.losses.contracts import Elementwise
from losscli.losses.parameters import Parameter, Side, Weights, is_number
from losscli.numerics import Array
from losscli.wording import flag_of


def drawable() -> list[Loss]:
    """The losses of one prediction and one target."""
    return [loss for loss in catalogue().values() if isinstance(loss.contract, Elementwise)]


def find_drawable(names: Sequence[str]) -> list[Loss]:
    """The losses of these names or aliases, each once."""
    losses = list({loss.name: loss for loss in map(find, names)}.values())
    for loss in losses:
        if not isinstance(loss.contract, Elementwise):
            raise UsageError(
                f"{loss.name} has no curve: it is no function of one prediction and one target",
                hint=f"there are curves of {', '.join(other.name for other in drawable())}",
            )
    return losses


def curves(losses: Sequence[Loss], predictions: Array, target: float, options: Mapping[str, Any]) -> Curves:
    """The value of each loss at every prediction, against one target.

    Args:
        losses: What to compute.
        predictions: At which values.
        target: Against which target.
        options: Options of the losses, each of which applies to all losses that have it.

    Raises:
        UsageError: If no loss has an option, or a loss does not take a prediction or the target.
    """
    for name, value in options.items():
        parameters = [parameter for loss in losses for parameter in loss.parameters if parameter.name == name]
        if not parameters:
            raise _nobodys(name, losses)
        _refuse_arrays(parameters[0], value)
    return Curves(predictions, target, [_curve(loss, predictions, target, options) for loss in losses])


def _curve(loss: Loss, predictions: Array, target: float, options: Mapping[str, Any]) -> Curve:
    own = {parameter.name: parameter for parameter in loss.parameters}
    given = {name: value for name, value in options.items() if name in own}
    targets = np.full(predictions.shape, target)
    try:
        result = compute(Request(loss, predictions, targets, given, reduction="none"))
    except DataError as error:  # the data, too, stand on the command line
        raise UsageError.of(error, where=loss.name) from error
    said = ", ".join(_said(own[name], value) for name, value in given.items())
    label = f"{loss.name} ({said})" if said else loss.name
    return Curve(loss.name, label, result.unit, result.options, np.array(result.value))


def _said(parameter: Parameter, value: Any) -> str:
    name = parameter.name.replace("_", " ")
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {float(value):g}" if is_number(value) else f"{name} {value}"


def _nobodys(name: str, losses: Sequence[Loss]) -> UsageError:
    owners = [loss.name for loss in drawable() if name in {parameter.name for parameter in loss.parameters}]
    return UsageError(
        f"{flag_of(name)} does not apply to {' or '.join(loss.name for loss in losses)}",
        why=f"it belongs to {', '.join(owners)}" if owners else "",
        hint="leave it out",
    )


def _refuse_arrays(parameter: Parameter, value: Any) -> None:
    """A curve has one number where a data set may have one for each sample."""
    if isinstance(parameter.kind, (Side, Weights)) and not is_number(value):
        raise UsageError(f"{parameter.option} is {value!r}, but a curve takes one number")
