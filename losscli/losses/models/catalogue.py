"""The catalogue of models: one record a model, read off its class.

`@model` takes what the class cannot say. Its parameters, their types and bounds come from the
signature of `given`, all prose from the docstring, under the headings of the losses. The options of
`losscli likelihood` and `mle`, their help and the tests are derived from the record.
"""

from __future__ import annotations

import importlib
import inspect
import math
import re
import sys
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeAlias

from losscli.errors import UsageError
from losscli.losses.catalogue import normalized, parse_docstring
from losscli.losses.models.statistics import SufficientStatistics
from losscli.losses.parameters import Number, Parameter, Weights
from losscli.numerics import Array
from losscli.records import record


@record
class Finite(Number):
    """A finite number, above `low` or from it on."""

    low: float = -sys.float_info.max
    high: float = sys.float_info.max

    def __str__(self) -> str:
        bound = "" if self.low < 0.0 else f" ≥ {self.low:g}" if self.closed else f" above {self.low:g}"
        return f"a finite number{bound}"


@record
class Simplex(Weights):
    """Probabilities, one for each class, which sum to 1."""

    along: str = "class"

    TOLERANCE: ClassVar[float] = 1e-6

    @property
    def named(self) -> bool:
        """No: the order of --classes says which is whose."""
        return False

    def __str__(self) -> str:
        return "a comma list or a file of probabilities, one for each class, which sum to 1"

    def check(self, option: str, value: Any) -> Array:
        """The probabilities as an array. They are never renormalised."""
        probs = self.array(option, value)
        total = math.fsum(probs.tolist())
        if abs(total - 1.0) > self.TOLERANCE:
            raise UsageError(
                f"{option} sums to {total!r}, but must be {self}",
                why="probabilities are never renormalised in silence",
                hint="write them with more digits, or divide them by their sum",
            )
        return probs


Real: TypeAlias = Annotated[float, Finite()]
Positive: TypeAlias = Annotated[float, Finite(low=0.0, closed=False)]
OptionalPositive: TypeAlias = Annotated[float | None, Finite(low=0.0, closed=False)]
NonNegative: TypeAlias = Annotated[float, Finite(low=0.0)]
Probability: TypeAlias = Annotated[float, Number(0.0, 1.0)]
Probabilities: TypeAlias = Annotated[Sequence[float], Simplex()]


@record
class Support:
    """The values that a model can yield; booleans are values too where they are `labels`."""

    noun: str
    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    labels: bool = False

    def __str__(self) -> str:
        kind = "whole" if self.whole else "finite"
        low = "" if math.isinf(self.low) else f" ≥ {self.low:g}"
        high = "" if math.isinf(self.high) else f" and ≤ {self.high:.0f}"
        return f"{kind} numbers{low}{high}"

    def up_to(self, high: int) -> Support:
        """The same values, up to `high`."""
        return replace(self, high=float(high))


class Distribution(ABC):
    """A model at one point θ, made from options (`given`) or from data (`fitted`).

    Its methods do decimal arithmetic in the context that the caller sets: `sixty_digits`.
    """

    @property
    def classes(self) -> int | None:
        """The number of classes, None for a model of numbers."""
        return None

    @abstractmethod
    def log_likelihood(self, data: Any) -> Decimal:
        """ℓ(θ) = Σ log p(x | θ), of which the data's statistics are all that is needed."""

    @abstractmethod
    def shown(self) -> dict[str, Any]:
        """The parameters as floats, by the names of their options."""

    @abstractmethod
    def standard_errors(self, count: int) -> dict[str, Any]:
        """The standard errors of the estimates from `count` values: the root of the inverse Fisher information."""

    @abstractmethod
    def doubts(self) -> list[str]:
        """What a reader of these estimates must know: that they lie at the edge of what is possible."""


@record
class Model:
    """A model: its record in the catalogue."""

    name: str
    aliases: tuple[str, ...]
    support: Support
    statistics: type[SufficientStatistics]
    summary: str
    sections: Mapping[str, str]
    parameters: tuple[Parameter, ...]
    required: tuple[str, ...]
    given: Callable[..., Distribution]
    fitted: Callable[[Any], Distribution]

    @property
    def has_classes(self) -> bool:
        """Whether the data are classes, which may have names."""
        return self.support.noun == "classes"

    def at(self, options: Mapping[str, Any]) -> Distribution:
        """The model with the parameters that `options` name; a UsageError for what cannot be."""
        known = {parameter.name: parameter for parameter in self.parameters}
        asked = {name: value for name, value in options.items() if value is not None}
        for name in asked:
            if name not in known:
                raise UsageError(
                    f"{self.name} has no parameter --{name}",
                    hint=f"its parameters are {', '.join(p.option for p in self.parameters)}",
                )
        missing = [known[name].option for name in self.required if name not in asked]
        if missing:
            raise UsageError(
                f"{self.name} needs its parameters, and {' and '.join(missing)} is missing",
                why="; ".join(f"{p.option}: {p.help.rstrip('.')}" for p in self.parameters),
                hint=f"`losscli mle {self.name} FILE` estimates them; for example: {self.example('likelihood')}",
            )
        return self.given(**{name: known[name].check(value) for name, value in asked.items()})

    def example(self, command: str) -> str:
        """The command line of the docstring that begins with `losscli COMMAND`."""
        lines = self.sections["Command"].splitlines()
        return next(line for line in lines if line.startswith(f"losscli {command} "))


MODELS: dict[str, Model] = {}


def model(
    *, support: Support, statistics: type[SufficientStatistics], aliases: tuple[str, ...] = ()
) -> Callable[[type], type]:
    """Enter the decorated class in the catalogue, and leave it as it is."""

    def enter(class_: Any) -> type:
        summary, sections = parse_docstring(class_)
        arguments = inspect.signature(class_.given).parameters.values()
        hints = typing.get_type_hints(class_.given, include_extras=True)
        helps = dict(re.findall(r"^(\w+): (.+(?:\n {2,}.+)*)", sections["Options"], flags=re.MULTILINE))
        name = class_.__name__.lower()
        MODELS[name] = Model(
            name=name,
            aliases=aliases,
            support=support,
            statistics=statistics,
            summary=summary,
            sections=sections,
            parameters=tuple(
                Parameter(a.name, typing.get_args(hints[a.name])[1], None, " ".join(helps[a.name].split()))
                for a in arguments
            ),
            required=tuple(a.name for a in arguments if a.default is inspect.Parameter.empty),
            given=class_.given,
            fitted=class_.fitted,
        )
        return class_  # type: ignore[no-any-return]  # the class that came in

    return enter


def models() -> dict[str, Model]:
    """Every model by name, in the order in which they are written."""
    importlib.import_module("losscli.losses.models.distributions")
    return MODELS


def find_model(name: str) -> Model:
    """The model of that name or alias; a UsageError that suggests the nearest, or lists them, if there is none."""
    names = {normalized(alias): entry for entry in models().values() for alias in (entry.name, *entry.aliases)}
    wanted = normalized(name)
    if wanted in names:
        return names[wanted]
    import difflib

    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"did you mean {names[near[0]].name}?" if near else f"the models are {', '.join(models())}"
    raise UsageError(f"there is no model named {name!r}", hint=hint)
