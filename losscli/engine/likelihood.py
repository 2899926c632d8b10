"""Data through a probability model: the likelihood of given parameters, and the best parameters.

The data are read once, whatever is asked: a likelihood depends on them through a few sums alone.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

import numpy as np

from losscli.data import ReadOptions, align, from_array, open_field, open_source
from losscli.data.model import Block, Field
from losscli.engine.inputs import vectors_read
from losscli.engine.labels import Labels
from losscli.engine.observe import Progress
from losscli.engine.result import InputRecord
from losscli.engine.scoring import array, as_float64, sample_shape
from losscli.errors import DataError, UsageError
from losscli.losses.models.arithmetic import CONTEXT, sixty_digits
from losscli.losses.models.catalogue import Distribution, Model, find_model
from losscli.losses.models.statistics import SufficientStatistics, Tally
from losscli.numerics import Array
from losscli.version import __version__

BLOCK_ROWS = 1 << 18

MOST_CLASSES = 1 << 20
"""How many classes are told from the labels themselves: a larger index is no class, but a mistake."""

LARGEST_LOG = 2e15
"""Up to this |ℓ| a likelihood has a mantissa and a power of ten that a float64 can hold exactly."""


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """The data under a model at one θ, its `parameters`.

    `likelihood` is L(θ) in float64, where it soon underflows to 0 or overflows; `mantissa` and
    `exponent` (of ten) hold it then as well, and are None where it is 0 or infinite indeed, or beyond
    10^±(8·10¹⁴). `log_likelihood` is ℓ(θ) and `nll` is −ℓ(θ): sums over the samples, in nats.
    """

    model: str
    parameters: Mapping[str, Any]
    likelihood: float
    mantissa: float | None
    exponent: int | None
    log_likelihood: float
    nll: float
    nll_per_sample: float
    samples: int
    classes: tuple[str, ...] | None
    input: InputRecord
    signature: str
    explanation: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Estimate(Likelihood):
    """The data under the model that fits them best: `parameters` holds θ̂.

    `standard_errors` has the same members: the roots of the inverse Fisher information at θ̂.
    """

    standard_errors: Mapping[str, Any]


def likelihood(
    model: str,
    data: Any,
    *,
    column: str | None = None,
    classes: str | Sequence[str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Likelihood:
    """The likelihood of `data` under a model whose parameters are given.

    Args:
        model: "normal", "bernoulli", "categorical", "poisson" or "exponential".
        data: An array, or a path, `-` or a URI.
        column: The column of a table.
        classes: The names of the classes, for text labels under the categorical model.
        progress: Told how many samples are read, of how many.
        **options: The parameters of the model by name (`mean`, `std`, ...), and how to read a file
            (`delimiter`, `header`, ...).

    Returns:
        L(θ), ℓ(θ) and the NLL.
    """
    entry = find_model(model)
    read = _taken_from(options)
    at = entry.at(vectors_read(entry.parameters, options, read))
    names = _class_names(entry, classes)
    if names is not None and len(names) != at.classes:
        raise UsageError(f"--classes names {len(names)} classes, but --probs has {at.classes} numbers")
    values = _open(data, column, read, entry)
    statistics = _summed(entry, values, at.classes, names, progress)
    return Likelihood(**_members("likelihood", entry, at, statistics, values, names))


def mle(
    model: str,
    data: Any,
    *,
    column: str | None = None,
    classes: str | Sequence[str] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Estimate:
    """The parameters under which `data` are most likely, in closed form.

    Args:
        model: As for `likelihood`, and so are the other arguments.
        data: An array, or a path, `-` or a URI.
        column: The column of a table.
        classes: The names of the classes; without them they run from 0 to the largest index.
        progress: Told how many samples are read, of how many.
        **options: How to read a file (`delimiter`, `header`, ...).

    Returns:
        θ̂ with its standard errors, ℓ(θ̂) and the NLL.
    """
    entry = find_model(model)
    read = _taken_from(options)
    if options:
        raise UsageError(
            f"mle estimates the parameters, and takes no {', '.join(options)}",
            hint="`losscli likelihood` takes them",
        )
    names = _class_names(entry, classes)
    values = _open(data, column, read, entry)
    statistics = _summed(entry, values, None if names is None else len(names), names, progress)
    with sixty_digits():
        at = entry.fitted(statistics)
        errors = at.standard_errors(statistics.count)
    members = _members("mle", entry, at, statistics, values, names)
    members["warnings"] = (*members["warnings"], *at.doubts())
    return Estimate(**members, standard_errors=errors)


def _taken_from(options: dict[str, Any]) -> ReadOptions:
    """The options that say how to read, taken out of all options."""
    return ReadOptions.of({f.name: options.pop(f.name) for f in fields(ReadOptions) if f.name in options})


def _class_names(model: Model, classes: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if classes is None:
        return None
    if not model.has_classes:
        raise UsageError(f"--classes names classes, and {model.name} has none", hint="leave it out")
    names = tuple(classes.split(",")) if isinstance(classes, str) else tuple(classes)
    if len(set(names)) < len(names):
        raise UsageError(f"--classes names a class twice: {', '.join(names)}")
    return names


def _open(data: Any, column: str | None, read: ReadOptions, model: Model) -> Field:
    """The data as a field of one number (or one name) a sample."""
    data = os.fspath(data) if isinstance(data, os.PathLike) else data
    if not isinstance(data, str):
        values = from_array(data, "data").select(None)
    elif column is None:
        values = _named(lambda: open_field(data, read, text=model.has_classes))
    else:
        source = open_source(data, read)
        if source.columns is None:
            raise DataError(
                f"{source.path}: an array has no columns, so --column {column} names nothing in it",
                hint="leave --column out",
            )
        values = _named(lambda: source.select([column], text=model.has_classes))
    read.refuse_idle([values.source.format])
    info = values.info
    if sample_shape(values) not in {(), (1,)} or "ragged" in info.dtype:
        columns = info.columns or ()
        raise DataError(
            f"{info.path} holds samples of shape {info.shape[1:]}, and {model.name} describes single ones",
            why=f"its columns of numbers are {', '.join(columns)}" if columns else "",
            hint=f"--column {columns[0]}" if columns else "save the one column that is meant",
        )
    return values


def _named(opened: Callable[[], Field]) -> Field:
    """The field, or its error with the option that this command has."""
    try:
        return opened()
    except DataError as error:
        if "--pred" not in error.hint:
            raise
        raise DataError.of(error, hint="--column NAME names the column of the data") from error


def _summed(
    model: Model, values: Field, classes: int | None, names: tuple[str, ...] | None, progress: Progress | None
) -> SufficientStatistics:
    """The statistics of all samples, each one checked."""
    reader = _Reader(model, values, classes, names)
    statistics = model.statistics()
    if classes is not None and isinstance(statistics, Tally):
        statistics.expect(classes)
    for block in align({"data": values}, BLOCK_ROWS):
        statistics.add(reader.read(block))
        if progress is not None:
            progress(statistics.count, values.source.rows)
    return statistics


class _Reader:
    """Turns blocks of a field into values that the model supports."""

    def __init__(self, model: Model, values: Field, classes: int | None, names: tuple[str, ...] | None) -> None:
        self.field = values
        self.support = model.support if not model.has_classes else model.support.up_to((classes or MOST_CLASSES) - 1)
        self.labels = Labels(values, classes or MOST_CLASSES, None, names)
        path, dtype = values.info.path, values.info.dtype
        if dtype == "bool" and not self.support.labels:
            raise DataError(f"{path}: the data are booleans", why=f"{model.name} takes {self.support}")
        if dtype == "text" and names is None:
            raise DataError(
                f"{path}: the labels are text, and the classes have no names",
                why="their order decides which probability is whose",
                hint="--classes NAME,NAME,... names the classes in order",
            )

    def read(self, block: Block) -> Array:
        """The block's values as float64, each one checked."""
        cells = array(block.values, "data").reshape(-1)
        if cells.dtype.kind in "OUT":
            return as_float64(self.labels.indices(cells, block.start))
        values = as_float64(cells)
        good = np.isfinite(values) & (values >= self.support.low) & (values <= self.support.high)
        if self.support.whole:
            good &= np.floor(values) == values
        if not good.all():
            raise self._outside(values, ~good, block.start)
        return values

    def _outside(self, values: Array, bad: np.ndarray, start: int) -> DataError:
        first = int(bad.argmax())
        value = float(values[first])
        shown = int(value) if value.is_integer() else "NaN" if math.isnan(value) else value
        return DataError(
            f"{self.field.where(start + first, 0)}: the value is {shown}",
            why=f"{self.support.noun} must be {self.support}; {int(bad.sum())} of {values.size} looked at are not",
            hint="a missing value must be left out before" if math.isnan(value) else "",
        )


def _members(
    command: str,
    model: Model,
    at: Distribution,
    statistics: SufficientStatistics,
    values: Field,
    names: tuple[str, ...] | None,
) -> dict[str, Any]:
    """All that both commands tell."""
    count = statistics.count
    with sixty_digits():
        parameters = at.shown()
        log_likelihood = at.log_likelihood(statistics)
        per_sample = -log_likelihood / count
    likelihood, mantissa, exponent = _in_powers_of_ten(log_likelihood)
    lost = log_likelihood.is_finite() and not sys.float_info.min <= likelihood < math.inf
    info = values.info
    warnings = list(values.notes)
    if log_likelihood == Decimal("-Infinity"):
        warnings.append("some values have probability 0 under these parameters, so the likelihood is 0")
    return {
        "model": model.name,
        "parameters": parameters,
        "likelihood": likelihood,
        "mantissa": mantissa,
        "exponent": exponent,
        "log_likelihood": float(log_likelihood),
        "nll": 0.0 - float(log_likelihood),
        "nll_per_sample": 0.0 + float(per_sample),
        "samples": count,
        "classes": names,
        "input": InputRecord(
            info.path,
            info.format,
            (count, *sample_shape(values)),
            info.dtype,
            info.columns,
            model.support.noun,
            f"{model.name} takes {model.support}",
        ),
        "signature": _signature(command, model, parameters, count),
        "explanation": _why_logarithms(model, count, likelihood) if lost else None,
        "warnings": tuple(dict.fromkeys(warnings)),
    }


def _in_powers_of_ten(log_likelihood: Decimal) -> tuple[float, float | None, int | None]:
    """L = exp ℓ in float64, and as mantissa · 10^exponent."""
    if abs(log_likelihood) > LARGEST_LOG:
        return (math.inf if log_likelihood > 0 else 0.0), None, None
    value = CONTEXT.exp(log_likelihood)
    exponent = value.adjusted()
    mantissa = float(value.scaleb(-exponent, CONTEXT))
    if mantissa == 10.0:  # 9.99... rounded up
        mantissa, exponent = 1.0, exponent + 1
    return float(value), mantissa, exponent


def _why_logarithms(model: Model, count: int, likelihood: float) -> str:
    factors = "probabilities" if model.support.whole else "densities"
    limit = "above 1.8e308, where float64 ends" if likelihood > 1.0 else "below 2.2e-308, where float64 loses digits"
    return f"the product of {count} {factors} is {limit}, so their logarithms are summed instead"


def _signature(command: str, model: Model, parameters: Mapping[str, Any], count: int) -> str:
    parts = [command, model.name]
    for name, value in parameters.items():
        parts.append(f"{name}:{','.join(map(repr, value)) if isinstance(value, list) else repr(value)}")
    return "|".join([*parts, f"n:{count}", f"losscli:{__version__}"])
