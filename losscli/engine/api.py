"""The Python API: every loss of the catalogue as a function of arrays, and `compute` for files."""

from __future__ import annotations

import inspect
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from losscli.data import ReadOptions
from losscli.engine.choices import CHOICES
from losscli.engine.objective import penalties_of
from losscli.engine.plan import Request
from losscli.engine.plan import compute as run_request
from losscli.engine.result import Result
from losscli.errors import LosscliError, UsageError
from losscli.losses.catalogue import Loss, find
from losscli.losses.contracts import Tokens
from losscli.losses.parameters import Choice, Flag, is_number


class LossWarning(UserWarning):
    """The number is what was asked for, but something about the data is noteworthy."""


REQUEST_OPTIONS: Mapping[str, Any] = {
    name: Request.__dataclass_fields__[name].default for name in ("sample_weight", *CHOICES, "threads")
}
"""What every loss takes beside its own options, with the defaults."""

READ_OPTIONS = tuple(ReadOptions.__dataclass_fields__)
COMPUTE_OPTIONS = (
    *REQUEST_OPTIONS,
    "pred",
    "target",
    "id",
    "classes",
    "top",
    "per_sample",
    "by",
    "by_class",
    "histogram",
    "baselines",
)


def compute(loss: str, predictions: Any, targets: Any = None, **options: Any) -> Result:
    """Score predictions against targets, as the command line does, and return the whole result.

    Args:
        loss: The name of a loss, or what a framework calls it.
        predictions: A path (text or `os.PathLike`), `-`, a URI, or an array.
        targets: The same; left out, both come from `predictions`, a table, with `target=COLUMN`.
        **options: The options of the loss and of the command line, by name: `kind` (told from the
            rows unless stated), `reduction`, `sample_weight`, `pred`, `target`, `delimiter`, ...

    Returns:
        The result; its `value` is the number.
    """
    entry = find(loss)
    with spelt_in_python(entry):
        return _computed(entry, _path(predictions), _path(targets), {k: _path(v) for k, v in options.items()})


def _computed(entry: Loss, predictions: Any, targets: Any, options: dict[str, Any]) -> Result:
    asked = {name: options.pop(name) for name in COMPUTE_OPTIONS if name in options}
    read = ReadOptions.of({name: options.pop(name) for name in READ_OPTIONS if name in options})
    for name in ("pred", "target", "classes"):
        if isinstance(asked.get(name), str):
            asked[name] = [each.strip() for each in asked[name].split(",")]
    _check_choices(asked)
    penalty = penalties_of({name: options.pop(name) for name in ("params", "l1", "l2", "l2_half") if name in options})
    options = entry.for_files(options)
    return run_request(Request(entry, predictions, targets, options, read=read, penalty=penalty, **asked))


def function_of(loss: Loss) -> Callable[..., Any]:
    """The loss as a function of arrays, with a signature to look at and the docstring of the catalogue."""

    def score(predictions: Any, targets: Any = None, **options: Any) -> Any:
        asked = {name: options.pop(name, default) for name, default in REQUEST_OPTIONS.items()}
        _check_choices(asked)
        with spelt_in_python(loss):
            request = Request(loss, _array(predictions), _array(targets), options, statistics=False, **asked)
            result = run_request(request)
        for warning in result.warnings:
            warnings.warn(in_python(warning, loss), LossWarning, stacklevel=2)
        if asked["reduction"] != "none":
            return result.value
        if isinstance(loss.contract, Tokens) and None in result.inputs["predictions"].shape:
            rows: Any = result.value
            return [np.asarray(row) for row in rows]
        return np.asarray(result.value)

    score.__name__ = score.__qualname__ = loss.function
    score.__module__ = "losscli"
    score.__doc__ = inspect.getdoc(loss.kernel)
    score.__signature__ = signature_of(loss)  # type: ignore[attr-defined]  # how inspect is told
    return score


def signature_of(loss: Loss) -> inspect.Signature:
    """predictions, targets, the options of the loss, the options of every loss."""
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = {**{p.name: p.default for p in loss.parameters}, **REQUEST_OPTIONS}
    targets = inspect.Parameter("targets", either)
    if loss.contract.can_lack_targets:
        targets = targets.replace(default=None)
    return inspect.Signature(
        [
            inspect.Parameter("predictions", either),
            targets,
            *(inspect.Parameter(name, keyword, default=default) for name, default in options.items()),
        ]
    )


def _array(values: Any) -> Any:
    """Arrays only: a path would be taken for one, which `compute` is for."""
    if isinstance(values, (str, os.PathLike)):
        raise UsageError("the functions take arrays", hint="losscli.compute(...) takes paths")
    return values


def _path(value: Any) -> Any:
    """A path object as the text that names it; several of them, too."""
    if isinstance(value, list):
        return [_path(item) for item in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


@contextmanager
def spelt_in_python(loss: Loss) -> Iterator[None]:
    """Have errors name options as a caller writes them: the engine words them for the command line."""
    try:
        yield
    except LosscliError as error:
        error.problem, error.why, error.hint = (
            in_python(text, loss) for text in (error.problem, error.why, error.hint)
        )
        error.args = (error.problem,)
        raise


def in_python(text: str, loss: Loss) -> str:
    """The text with `--kind probs` as `kind='probs'`, `--normalize` as `normalize=True`, `--target` as `target`."""
    kinds = {parameter.name: parameter.kind for parameter in loss.parameters}
    words = {word for kind in kinds.values() if isinstance(kind, Choice) for word in kind.words}
    words |= {word for choice in CHOICES.values() for word in choice}

    def spelt(match: re.Match[str]) -> str:
        name, value = match[1].replace("-", "_"), match[2] or ""
        if name not in {*kinds, *COMPUTE_OPTIONS, *READ_OPTIONS}:
            return match[0]
        if isinstance(kinds.get(name), Flag):
            return f"{name}=True{' ' + value if value else ''}"
        if value in words or (value[:1] == value[-1:] == "'" and len(value) > 1):
            return f"{name}='{value.strip(chr(39))}'"
        if is_number(value):
            return f"{name}={value}"
        return f"{name} {value}".rstrip() if value else name

    return _OPTION(spelt, text)


_OPTION = re.compile(r"--([a-z][a-z0-9-]*)(?: ('[^']*'|[\w.-]*\w))?").sub


def _check_choices(asked: Mapping[str, Any]) -> None:
    for name, words in CHOICES.items():
        if name in asked and asked[name] not in words:
            raise UsageError(f"{name} is {asked[name]!r}, but must be one of {', '.join(words)}")
