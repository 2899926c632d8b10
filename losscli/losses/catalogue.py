"""The catalogue: one record a loss, read off the loss function itself.

`@loss` takes what a signature cannot say (family, contract, formula, names elsewhere); options,
their types, bounds and defaults come from the signature, all prose from the docstring. Commands,
help, `list`, `explain`, completion, schema, Python API and law tests are derived from the record.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import Any, get_args

from losscli.errors import UsageError
from losscli.losses import parameters as kinds
from losscli.losses.contracts import Contract
from losscli.losses.parameters import Parameter, Side
from losscli.records import record

Kernel = Callable[..., Any]

HEADINGS = (
    "Formula",
    "Domain",
    "Shapes",
    "Unit",
    "Options",
    "Raises",
    "Conventions",
    "Source",
    "Example",
    "Command",
)
"""The headings of every loss's docstring, in this order; Options only where there are any."""


@record
class Loss:
    """A loss: the arithmetic and everything that is said of it."""

    name: str
    family: str
    formula: str
    contract: Contract
    aliases: tuple[str, ...]
    documents: tuple[str, ...]
    kernel: Kernel
    one_of: tuple[str, ...] = ()
    of_mean: Callable[[float], float] | None = None
    false_friends: Mapping[str, str] = field(default_factory=dict)
    formula_without: Mapping[str, str] = field(default_factory=dict)

    @property
    def function(self) -> str:
        """The name of the Python function."""
        return self.name.replace("-", "_")

    def formula_under(self, options: Mapping[str, Any]) -> str:
        """The formula, as options that are off leave it."""
        return next((formula for name, formula in self.formula_without.items() if not options[name]), self.formula)

    # What stands in the docstring is read when it is asked for: a run of one loss reads one of them.

    @cached_property
    def _docstring(self) -> tuple[str, dict[str, str]]:
        return parse_docstring(self.kernel)

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self._docstring[0]

    @property
    def sections(self) -> Mapping[str, str]:
        """The docstring's sections under their headings."""
        return self._docstring[1]

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The options of the loss: its own, and those of its contract."""
        own = own_parameters(self.kernel, self.sections.get("Options", ""))
        return (*own, *self.contract.parameters)

    @property
    def unit(self) -> str:
        """What the loss is measured in: the first word under its heading Unit."""
        return re.split("[,:]", self.sections["Unit"], maxsplit=1)[0]

    @property
    def in_nats(self) -> bool:
        """Whether the loss is a logarithm, so that another base can be asked for."""
        return self.unit == "nats"

    @property
    def own_options(self) -> tuple[str, ...]:
        """The names of the options that the kernel takes."""
        arguments = inspect.signature(self.kernel).parameters.values()
        return tuple(argument.name for argument in arguments if argument.kind is inspect.Parameter.KEYWORD_ONLY)

    def for_files(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options as given, and the defaults that hold for files only."""
        return {p.name: p.for_files for p in self.parameters if p.for_files is not None} | dict(options)

    def check_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options in canonical form, defaults filled in; a UsageError for what cannot be."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in options:
            if name not in known:
                raise UsageError(
                    f"{self.name} has no option {name!r}",
                    hint=f"its options are {', '.join(known) or 'none'}",
                )
        given = sum(options.get(name) is not None for name in self.one_of)
        if self.one_of and given != 1:
            choices = " or ".join(known[name].option for name in self.one_of)
            number = "both are" if given else "neither is"
            raise UsageError(
                f"{self.name} needs {choices}",
                why=f"{number} given: exactly one is needed",
                hint=f"{known[self.one_of[0]].option} takes {known[self.one_of[0]].kind}",
            )
        for name, p in known.items():
            if isinstance(p.kind, Side):
                known[name] = replace(p, kind=p.kind.floored(options))
        return {name: p.check(options.get(name, p.default)) for name, p in known.items()}


_LOSSES: dict[str, Loss] = {}


def loss(
    *,
    family: str,
    formula: str,
    contract: Contract,
    aliases: tuple[str, ...] = (),
    documents: tuple[str, ...] = (),
    one_of: tuple[str, ...] = (),
    of_mean: Callable[[float], float] | None = None,
    false_friends: Mapping[str, str] | None = None,
    formula_without: Mapping[str, str] | None = None,
) -> Callable[[Kernel], Kernel]:
    """Enter the decorated function in the catalogue, and leave it as it is.

    Args:
        family: The group under which it is listed.
        formula: One line of mathematics.
        contract: What it asks of predictions and targets.
        aliases: What frameworks call it.
        documents: The source documents that describe it.
        one_of: Options of which exactly one must be given.
        of_mean: What turns the mean into the value, where the value is no mean itself.
        false_friends: Names that elsewhere mean something close but different, and the difference.
        formula_without: What the formula is where an option that is on by default is off.
    """

    def enter(kernel: Kernel) -> Kernel:
        name = kernel.__name__.replace("_", "-")
        _LOSSES[name] = Loss(
            name=name,
            family=family,
            formula=formula,
            contract=contract,
            aliases=aliases,
            documents=documents,
            kernel=kernel,
            one_of=one_of,
            of_mean=of_mean,
            false_friends=false_friends or {},
            formula_without=formula_without or {},
        )
        return kernel

    return enter


def own_parameters(kernel: Kernel, options: str) -> tuple[Parameter, ...]:
    """The keyword-only arguments of a loss function, as options."""
    helps = dict(re.findall(r"^(\w+): (.+(?:\n {2,}.+)*)", options, flags=re.MULTILINE))
    found = []
    for argument in inspect.signature(kernel).parameters.values():
        if argument.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        # An option's annotation is a name of `parameters`; the arrays' annotations stay unevaluated.
        kind = get_args(getattr(kinds, argument.annotation))[1]
        help_ = " ".join(helps[argument.name].split())
        found.append(Parameter(argument.name, kind, argument.default, help_))
    return tuple(found)


def parse_docstring(kernel: Kernel) -> tuple[str, dict[str, str]]:
    """The summary line and the sections under their headings."""
    if sys.flags.optimize > 1:
        raise UsageError(
            "Python leaves docstrings out, and what losscli knows of its losses stands in them",
            why="PYTHONOPTIMIZE is 2, or python has -OO",
            hint="set PYTHONOPTIMIZE=1, which keeps them",
        )
    text = inspect.getdoc(kernel) or ""
    summary, _, rest = text.partition("\n")
    pieces = re.split(rf"^({'|'.join(HEADINGS)}):\n", rest, flags=re.MULTILINE)
    sections = {
        heading: inspect.cleandoc("\n" + body) for heading, body in zip(pieces[1::2], pieces[2::2], strict=True)
    }
    return summary, sections


def catalogue() -> dict[str, Loss]:
    """Every loss by name, family by family, in the order in which they are written."""
    import losscli.losses as families

    for module in pkgutil.iter_modules(families.__path__):
        importlib.import_module(f"{families.__name__}.{module.name}")
    # A family that another module needed first is not to come first for that.
    return dict(sorted(_LOSSES.items(), key=lambda entry: entry[1].kernel.__module__))


LIKE = 0.6
"""From here on two names may be the same one, misspelt."""


def normalized(name: str) -> str:
    """A name with case and separators removed: `NLLLoss`, `nll_loss` and `nll-loss` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find(name: str) -> Loss:
    """The loss of that name or alias; a UsageError that suggests the nearest if there is none."""
    losses = catalogue()
    if name in losses:
        return losses[name]
    names = {normalized(alias): entry for entry in losses.values() for alias in (*entry.aliases, entry.name)}
    wanted = normalized(name)
    if wanted in names:
        return names[wanted]
    for entry in losses.values():
        for other, difference in entry.false_friends.items():
            if normalized(other) == wanted:
                raise UsageError(f"no loss is named {name!r} here: {difference}", hint=f"try `losscli {entry.name}`")
    near = [names[n].name for n in _nearest(wanted.removesuffix("loss"), names)]
    suggestion = " or ".join(dict.fromkeys(near))
    raise UsageError(
        f"there is no loss named {name!r}",
        hint=f"did you mean {suggestion}?" if near else "`losscli list` shows all",
    )


def _nearest(wanted: str, names: Iterable[str]) -> list[str]:
    """The names that look most like the one that is wanted; that a loss is called one likens nothing."""
    import difflib

    likeness = {}
    for name in names:
        matcher = difflib.SequenceMatcher(None, name.removesuffix("loss"), wanted)
        if (likeness_of := matcher.ratio()) >= LIKE:
            likeness[name] = likeness_of
    best = max(likeness.values(), default=0.0)
    return [name for name, found in likeness.items() if found == best]
