"""From a TOML file to gates: what is to be computed, and the limits that the value must keep.

All that the file alone shows to be wrong is an error here, before anything is computed. An error
names the file, the gate and the key, and the nearest name where one is misspelt.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losscli.data import ReadOptions
from losscli.data.model import FORMATS, INPUT_DTYPES
from losscli.engine.choices import CHOICES
from losscli.engine.gate_baseline import small_file
from losscli.engine.inputs import number_list
from losscli.engine.plan import Request
from losscli.errors import DataError, UsageError
from losscli.losses.catalogue import Loss, catalogue, find
from losscli.losses.parameters import Choice, ClassIndex, Flag, Number, Parameter, Weights, Whole
from losscli.wording import did_you_mean, shown

TRUE_CLASS = "class"
"""What `worst_group` is by where the groups are the labels."""

FILE_KEYS = ("gate", "baseline")
LIMIT_KEYS = ("max", "min", "expect", "baseline", "worst_sample", "worst_group")
TOLERANCE_KEYS = ("rtol", "atol")
GATE_KEYS = ("name", "loss", "predictions", "targets", "options", *LIMIT_KEYS, *TOLERANCE_KEYS)


@dataclass(frozen=True)
class WorstGroup:
    """No group of samples may have a value above `maximum`. `by` is a column, or `class`."""

    by: str
    maximum: float


@dataclass(frozen=True)
class GateSpec:
    """One gate: what to compute, and the limits."""

    name: str
    line: int | None
    request: Request
    maximum: float | None = None
    minimum: float | None = None
    expect: float | None = None
    baseline: bool = False
    rtol: float | None = None
    atol: float | None = None
    worst_sample: float | None = None
    worst_group: WorstGroup | None = None

    @property
    def inputs(self) -> dict[str, str]:
        """The predictions and targets that are named, by key."""
        named = {"predictions": self.request.predictions, "targets": self.request.targets}
        return {key: spec for key, spec in named.items() if spec is not None}


@dataclass(frozen=True)
class GateFile:
    """The gates of a file. `folder` is where its paths begin, `baseline` the path of its baseline."""

    path: str
    folder: Path
    baseline: Path
    gates: tuple[GateSpec, ...]

    def named(self, names: Iterable[str]) -> tuple[GateSpec, ...]:
        """The gates of these names, in the order of the file; all of them if there are no names."""
        wanted = set(names)
        known = [gate.name for gate in self.gates]
        for name in sorted(wanted.difference(known)):
            raise UsageError(
                f"{shown(self.path)}: there is no gate named {name!r}",
                hint=did_you_mean(name, known) or f"its gates are {', '.join(map(repr, known))}",
            )
        return tuple(gate for gate in self.gates if not wanted or gate.name in wanted)


def read_gates(path: str) -> GateFile:
    """The gates that the TOML file at `path` holds.

    Raises:
        DataError: If the file cannot be read.
        UsageError: If it is no TOML, or no file of gates.
    """
    text = _text(path)
    table = _Table(shown(path), _parsed(path, text))
    table.refuse_unknown(FILE_KEYS)
    folder = Path(path).parent
    baseline = table.text("baseline") or f"{Path(path).stem}.baseline.json"
    entries = table.values.get("gate")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries) or not entries:
        raise UsageError(
            f"{shown(path)}: there is no [[gate]] in it",
            why="gate must be a list of tables, one for each gate" if "gate" in table.values else "",
            hint="`losscli check --help` shows a file to copy",
        )
    lines = _lines_of_gates(text, len(entries))
    gates = tuple(
        _gate(path, number, entry, line)
        for number, (entry, line) in enumerate(zip(entries, lines, strict=True), start=1)
    )
    _refuse_same_names(path, gates)
    return GateFile(path, folder, folder / baseline, gates)


def _text(path: str) -> str:
    try:
        return small_file(Path(path))
    except OSError as error:
        raise DataError(
            f"{shown(path)}: cannot be read: {(error.strerror or str(error)).lower()}",
            hint="losscli check FILE.toml, a file of gates",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown(path)}: is no TOML: byte {error.start} is not UTF-8") from error


def _parsed(path: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # beside its own, of numbers too long, and of lists too deep
        reason = str(error)
        raise UsageError(f"{shown(path)}: is no TOML: {reason[:1].lower()}{reason[1:]}") from error


def _lines_of_gates(text: str, count: int) -> Sequence[int | None]:
    """The lines at which the gates begin, if their headings can be told apart from all other text."""
    lines = enumerate(text.split("\n"), start=1)
    headings = [number for number, line in lines if re.match(r"\s*\[\[\s*gate\s*]]", line)]
    return headings if len(headings) == count else [None] * count


def _refuse_same_names(path: str, gates: Sequence[GateSpec]) -> None:
    seen: set[str] = set()
    for gate in gates:
        if gate.name in seen:
            raise UsageError(
                f"{shown(path)}: two gates are named {gate.name!r}",
                why="the baseline and --gate know a gate by its name",
                hint="give each a name of its own",
            )
        seen.add(gate.name)


def _gate(path: str, number: int, entry: dict[str, Any], line: int | None) -> GateSpec:
    known_by = repr(entry["name"]) if isinstance(entry.get("name"), str) else number
    table = _Table(f"{shown(path)}: gate {known_by}", entry)
    table.refuse_unknown(GATE_KEYS, inner=_names_of_options(), where="options")
    name = table.required_text("name")
    request = _request(table)
    if not any(key in entry for key in LIMIT_KEYS):
        raise UsageError(
            f"{table.lead}: it has no limit",
            why=f"a limit is {', '.join(LIMIT_KEYS[:-1])} or {LIMIT_KEYS[-1]}",
            hint="for instance max = 0.5",
        )
    rtol, atol = (table.number(key, least=0.0) for key in TOLERANCE_KEYS)
    baseline = table.get("baseline", False, _FLAG)
    if (rtol is not None or atol is not None) and "expect" not in entry and not baseline:
        key = "rtol" if rtol is not None else "atol"
        raise UsageError(
            f"{table.lead}: {key} is a tolerance of expect and baseline, and neither is there",
            hint="add expect = VALUE or baseline = true",
        )
    return GateSpec(
        name,
        line,
        request,
        maximum=table.number("max"),
        minimum=table.number("min"),
        expect=table.number("expect"),
        baseline=baseline,
        rtol=rtol,
        atol=atol,
        worst_sample=table.number("worst_sample"),
        worst_group=_worst_group(table, request.loss),
    )


def _worst_group(table: _Table, loss: Loss) -> WorstGroup | None:
    if "worst_group" not in table.values:
        return None
    inner = table.inner("worst_group")
    inner.refuse_unknown(("by", "max"))
    by, maximum = inner.required_text("by"), inner.number("max")
    if maximum is None:
        raise UsageError(f"{inner.lead}: max is missing", hint=f'worst_group = {{ by = "{by}", max = 1.0 }}')
    if by == TRUE_CLASS and not loss.contract.one_class:
        raise UsageError(
            f"{inner.lead}: by is {TRUE_CLASS!r}, but {loss.name} has no class for each sample", hint="name a column"
        )
    return WorstGroup(by, maximum)


def _request(table: _Table) -> Request:
    """What the gate computes: its loss, its inputs and its options, all checked as far as no file is needed."""
    loss = _loss(table)
    options = table.inner("options") if "options" in table.values else _Table(table.lead, {})
    given = _options(options, loss)
    own = loss.for_files({p.name: given.pop(p.name) for p in loss.parameters if p.name in given})
    with_bounds = {name: value for name, value in own.items() if not _names_a_vector(loss, name, value)}
    try:
        loss.check_options(with_bounds)
    except UsageError as error:
        raise UsageError.of(error, where=options.lead) from error
    read = ReadOptions.of({name: given.pop(name) for name in list(given) if name in ReadOptions.__dataclass_fields__})
    predictions, targets = table.required_text("predictions"), table.text("targets")
    for key, spec in {"predictions": predictions, "targets": targets, **own, **given}.items():
        if spec == "-" and key != "delimiter":
            raise UsageError(
                f"{table.lead}: {key} is '-'", why="gates read files, not standard input", hint="name a file"
            )
    return Request(loss, predictions, targets, own, read=read, **given)


def _loss(table: _Table) -> Loss:
    name = table.required_text("loss")
    try:
        return find(name)
    except UsageError as error:
        raise UsageError.of(error, where=f"{table.lead}: loss") from error


def _names_a_vector(loss: Loss, name: str, value: Any) -> bool:
    """Whether the value is a file that a vector is still to be read from."""
    return isinstance(value, str) and any(p.name == name and isinstance(p.kind, Weights) for p in loss.parameters)


def _options(table: _Table, loss: Loss) -> dict[str, Any]:
    """The options by the names of the Python API, each of a type that it may have."""
    types = _option_types(loss)
    found: dict[str, Any] = {}
    for key, value in table.values.items():
        name = key.replace("-", "_")
        if name not in types:
            table.refuse_unknown(types, inner=GATE_KEYS, where="the gate itself")
        if name in found:
            raise UsageError(f"{table.lead}: {name} is given twice")
        found[name] = types[name].read(value, f"{table.lead}: {key}")
    return found


@dataclass(frozen=True)
class _Type:
    """What a value of TOML may be, in words and as a test, and what is made of it."""

    words: str
    holds: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value

    def read(self, value: Any, where: str) -> Any:
        """The value, or a UsageError that says what `where` must be."""
        if not self.holds(value):
            raise UsageError(f"{where} is {_as_toml(value)}, but must be {self.words}")
        return self.convert(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_list(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(map(holds, value))


def _as_toml(value: Any) -> str:
    """The value as it may stand in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return "a table" if isinstance(value, dict) else "a list"
    return repr(value)


def _one_of(words: Sequence[str]) -> _Type:
    return _Type(
        f"one of {', '.join(words)}" if len(words) > 1 else repr(words[0]),
        lambda value: not isinstance(value, bool) and str(value) in words,
        str,
    )


_TEXT = _Type("text", _is_text)
_NUMBER = _Type("a number", _is_number)
_FLAG = _Type("true or false", lambda value: isinstance(value, bool))
_NAMES = _Type(
    "a name, a glob, or a list of them",
    lambda value: _is_text(value) or _is_list(value, _is_text),
    lambda value: value.split(",") if isinstance(value, str) else value,
)
_SOURCE = _Type(
    "a column, a file, FILE:COLUMN, or a list of numbers",
    lambda value: _is_text(value) or _is_list(value, _is_number),
)
_HEADER = _Type(_FLAG.words, _FLAG.holds, lambda value: "yes" if value else "no")

_SHARED: Mapping[str, _Type] = {
    "pred": _NAMES,
    "target": _NAMES,
    "id": _TEXT,
    "classes": _NAMES,
    "sample_weight": _SOURCE,
    "input_format": _one_of(FORMATS),
    "header": _HEADER,
    "delimiter": _TEXT,
    "decimal": _TEXT,
    "input_dtype": _one_of(INPUT_DTYPES),
    "on_nan": _one_of(CHOICES["on_nan"]),
    "on_empty": _one_of(CHOICES["on_empty"]),
}


def _option_types(loss: Loss) -> dict[str, _Type]:
    """Every option that a gate of this loss takes."""
    # A gate compares one number, so there is no `none`.
    shared = {**_SHARED, "reduction": _one_of(("mean",) if loss.of_mean else ("mean", "sum"))}
    if loss.in_nats:
        shared["base"] = _one_of(CHOICES["base"])
    return {parameter.name: _type_of(parameter) for parameter in loss.parameters} | shared


def _names_of_options() -> set[str]:
    """The options of any loss."""
    return {*_SHARED, "reduction", "base"} | {p.name for loss in catalogue().values() for p in loss.parameters}


def _type_of(parameter: Parameter) -> _Type:
    """The type of an option of a loss; its bounds are checked by the loss."""
    match parameter.kind:
        case Flag():
            return _FLAG
        case Choice(words):
            return _one_of(words)
        case Number() as kind:
            return _Type(str(kind), _is_number)
        case Whole() as kind:
            return _Type(str(kind), _is_whole)
        case ClassIndex() as kind:
            return _Type(str(kind), lambda value: _is_whole(value) or value == "last")
        case Weights(scalar=scalar) as kind:
            return _Type(
                str(kind),
                lambda value: _SOURCE.holds(value) or (scalar and _is_number(value)),
                lambda value: (number_list(value) or value) if isinstance(value, str) else value,
            )
    side = parameter.kind
    return _Type(str(side), lambda value: _SOURCE.holds(value) or (side.number and _is_number(value)))


@dataclass(frozen=True)
class _Table:
    """A table of the file; `lead` says in errors which."""

    lead: str
    values: Mapping[str, Any]

    def get(self, key: str, default: Any, type_: _Type) -> Any:
        """The value of `key`, which must be of the type."""
        return type_.read(self.values[key], f"{self.lead}: {key}") if key in self.values else default

    def text(self, key: str) -> str | None:
        """The text of `key`, None where there is none."""
        found: str | None = self.get(key, None, _TEXT)
        return found

    def required_text(self, key: str) -> str:
        """The text of `key`, which must be there."""
        found = self.text(key)
        if found is None:
            raise UsageError(f"{self.lead}: {key} is missing", hint=f'add {key} = "..."')
        return found

    def number(self, key: str, *, least: float = -math.inf) -> float | None:
        """The number of `key`, None where there is none."""
        value = self.get(key, None, _NUMBER)
        if value is None:
            return None
        try:
            number = float(value)
        except OverflowError:
            number = math.nan
        if not number >= least:
            must = "a number that float64 holds" if least == -math.inf else f"a number ≥ {least:g}"
            raise UsageError(f"{self.lead}: {key} is {value}, but must be {must}")
        return number

    def inner(self, key: str) -> _Table:
        """The table at `key`."""
        table = _Type("a table", lambda value: isinstance(value, dict))
        return _Table(f"{self.lead}: {key}", self.get(key, {}, table))

    def refuse_unknown(self, known: Iterable[str], *, inner: Iterable[str] = (), where: str = "") -> None:
        """A UsageError for a key that is not known; `inner` are keys that belong to `where` instead."""
        known = list(known)
        for key in self.values:
            name = key.replace("-", "_")
            if key in known:
                continue
            hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
            if name in inner:
                hint = f"it belongs in {where}"
            raise UsageError(f"{self.lead}: there is no key {key!r}", hint=hint)
