"""From what was named to fields: predictions, targets and all that goes beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from losscli.data import ReadOptions, from_array, join_targets, open_field, open_source, read_vector
from losscli.data.locate import locate, split_member
from losscli.data.model import Field, Source
from losscli.data.sniff import detect_format
from losscli.engine.scoring import sample_shape
from losscli.errors import DataError, UsageError
from losscli.losses.catalogue import Loss
from losscli.losses.contracts import CHOSEN_KINDS
from losscli.losses.parameters import Parameter, Side, Weights, is_number
from losscli.wording import did_you_mean, flag_of, listed

if TYPE_CHECKING:
    from losscli.engine.plan import Request


def open_fields(request: Request) -> dict[str, Field]:
    """The predictions, the targets and the side inputs, as fields to be walked through together."""
    sources = _open_sources(request)
    predictions, targets = sources[0], sources[-1]
    sides = _open_sides(request, sources)
    if request.by is not None:
        sides["by"] = _side(request.by, "by", request, sources, text=True)
    taken = [request.id] if request.id is not None else []
    for side in sides.values():
        if side.info.columns and side.source in sources:
            taken += side.info.columns
    if has_no_targets(request):
        return {"predictions": predictions.select(request.pred, exclude=taken, ragged=True), **sides}
    text, ragged = request.loss.contract.names_classes, request.loss.contract.ragged
    # A lone column of labels may be what the groups are made by, too.
    of_groups = sides["by"].info.columns if request.by is not None else None
    others = [] if targets is not predictions and targets.columns == of_groups else taken
    target_field = targets.select(request.target, exclude=others, text=text, ragged=ragged)
    exclude = [*taken, *(target_field.info.columns or ())] if targets is predictions else taken
    prediction_field = predictions.select(request.pred, exclude=exclude, ragged=ragged)
    return {"predictions": prediction_field, "targets": target_field, **sides}


def with_named_predictions(request: Request) -> Request:
    """The same run, with the columns of the predictions taken from behind their path."""
    named = table_and_columns(request.predictions, request.read)
    if named is None:
        return request
    _refuse_named_twice(request.predictions, "--pred", request.pred)
    return replace(request, predictions=named[0], pred=named[1])


def with_named_targets(request: Request) -> Request:
    """The same run, with the columns of the targets taken from behind their path."""
    named = table_and_columns(request.targets, request.read)
    if named is None:
        return request
    _refuse_named_twice(request.targets, "--target", request.target)
    return replace(request, targets=named[0], target=named[1])


def table_and_columns(spec: Any, read: ReadOptions) -> tuple[str, list[str]] | None:
    """The two parts of `FILE:COLUMN,...`; None where no columns of a table are named: in an archive it is an array."""
    path, columns = split_member(spec) if isinstance(spec, str) else (spec, None)
    if columns is None or not os.path.isfile(path) or detect_format(locate(path)[0], read) == "npz":  # noqa: PTH113
        return None
    return path, columns.split(",")


def _refuse_named_twice(spec: str, option: str, names: Sequence[str] | None) -> None:
    if names is not None:
        raise UsageError(
            f"{spec} names its columns, and so does {option} {','.join(names)}", hint="leave one of them out"
        )


def has_no_targets(request: Request) -> bool:
    """Whether the predictions are of chosen tokens, so that there is nothing to choose."""
    if request.options.get("kind") not in CHOSEN_KINDS:
        return False
    if request.targets is not None or request.target is not None:
        kind = request.options["kind"]
        raise UsageError(
            f"--kind {kind} is one number for each chosen token: TARGETS have no meaning",
            hint="leave TARGETS out; scores over the whole vocabulary are --kind logits, log-probs or probs",
        )
    return True


def _open_sources(request: Request) -> list[Source]:
    """The source of the predictions and, where it is another one, that of the targets."""
    predictions = _open(request.predictions, "predictions", request)
    if request.targets is not None:
        targets = _open(request.targets, "targets", request)
        return [predictions, targets if request.id is None else join_targets(predictions, targets, request.id)]
    if has_no_targets(request):
        return [predictions]
    if predictions.columns is None:
        raise UsageError(
            f"{predictions.path} holds predictions only, and TARGETS is missing",
            hint=f"losscli {request.loss.name} {predictions.path} TARGETS" + _or_chosen(request.loss),
        )
    if request.target is None:
        raise UsageError(
            f"which column of {predictions.path} holds the targets?",
            why=f"its columns are {', '.join(predictions.columns)}",
            hint=f"--target {predictions.columns[-1]}, or name a file of TARGETS" + _or_chosen(request.loss),
        )
    return [predictions]


def _or_chosen(loss: Loss) -> str:
    """The other way out, where a loss can do without targets."""
    return f"; --kind {CHOSEN_KINDS[0]} takes none" if loss.contract.can_lack_targets else ""


def _open(spec: Any, name: str, request: Request) -> Source:
    if isinstance(spec, str):
        return open_source(spec, request.read, reread=request.id is not None or request.baselines)
    ragged = request.loss.contract.ragged or request.options.get("kind") in CHOSEN_KINDS
    return from_array(spec, name, ragged=ragged)


def _open_sides(request: Request, sources: Sequence[Source]) -> dict[str, Field]:
    """The sample weights and the side options that are no plain number."""
    asked = {"sample_weight": request.sample_weight}
    of_tokens = set()
    for parameter in request.loss.parameters:
        value = request.options.get(parameter.name)
        if isinstance(parameter.kind, Side) and not (parameter.kind.number and is_number(value)):
            asked[parameter.name] = value
            if parameter.kind.each == "token":
                of_tokens.add(parameter.name)
    sides = {
        name: _side(spec, name, request, sources, ragged=name in of_tokens)
        for name, spec in asked.items()
        if spec is not None
    }
    weight = sides.get("sample_weight")
    if weight is not None and sample_shape(weight) not in {(), (1,)}:
        raise DataError(
            f"{weight.info.path}: sample weights have shape {weight.info.shape}",
            why="there is one weight a sample",
            hint="FILE:COLUMN picks a column",
        )
    return sides


def _side(
    spec: Any, name: str, request: Request, sources: Sequence[Source], *, ragged: bool = False, text: bool = False
) -> Field:
    """A column of the tables at hand, a file, `file:column`, a comma list of numbers (no `text`), or an array."""
    if not isinstance(spec, str):
        return from_array([spec] if is_number(spec) else spec, name, ragged=ragged).select(None)
    for source in sources:
        if source.columns and spec in source.columns:
            return source.select([spec], ragged=ragged, text=text)
    option = flag_of(name)
    numbers = None if text else number_list(spec)
    if numbers is not None:
        return from_array(np.array(numbers), option).select(None)
    named = zip((request.predictions, request.targets), sources, strict=False)
    columns = [column for source in sources for column in source.columns or ()]
    meant = "FILE or FILE:COLUMN" if text else "a file, FILE:COLUMN or a comma list of numbers"
    opened = {str(given): source for given, source in named}
    with _meant(f"{option} is a column of the inputs, {meant}", spec, columns):
        return open_field(spec, request.read, opened=opened, ragged=ragged, text=text)


def vectors_read(parameters: Sequence[Parameter], options: Mapping[str, Any], read: ReadOptions) -> dict[str, Any]:
    """The options as given, with the short vectors that are named by a file or a list read."""
    options = dict(options)
    for parameter in parameters:
        value = options.get(parameter.name)
        if not (isinstance(parameter.kind, Weights) and isinstance(value, str)):
            continue
        numbers = number_list(value)
        if numbers is not None:
            options[parameter.name] = numbers
            continue
        if parameter.kind.named and (of_names := numbers_by_name(value)) is not None:
            options[parameter.name] = of_names
            continue
        with _meant(f"{parameter.option} is {parameter.kind}"):
            options[parameter.name] = vector = read_vector(value, read)
        try:
            parameter.check(vector)
        except UsageError as error:  # what a file holds is data
            raise DataError.of(error, where=value) from error
    return options


def reads_vectors(request: Request) -> bool:
    """Whether short vectors or parameters are read from files, too."""
    vectors = [request.options.get(p.name) for p in request.loss.parameters if isinstance(p.kind, Weights)]
    return request.penalty is not None or any(
        isinstance(v, str) and number_list(v) is None and numbers_by_name(v) is None for v in vectors
    )


@contextmanager
def _meant(what: str, spec: str = "", columns: Sequence[str] = ()) -> Iterator[None]:
    """Where what was named cannot be found, say what could have been named."""
    try:
        yield
    except DataError as error:
        hint = did_you_mean(spec, columns) or error.hint
        if columns and hint == error.hint and spec.isidentifier():
            hint = f"the columns are {listed(columns, 20)}"
        raise DataError.of(error, why=error.why or what, hint=hint) from error


def numbers_by_name(text: str) -> dict[str, float] | None:
    """The numbers of "cat:1,dog:0.5" by their names; None for any other text, and for FILE:COLUMN."""
    pairs = [part.rpartition(":") for part in text.split(",")]
    if os.path.lexists(text) or os.path.lexists(pairs[0][0]):
        return None
    if not all(name and is_number(number) for name, _, number in pairs):
        return None
    if len({name.strip() for name, _, _ in pairs}) < len(pairs):
        raise UsageError(f"{text!r} names a class twice")
    return {name.strip(): float(number) for name, _, number in pairs}


def number_list(text: str) -> list[float] | None:
    """The numbers of "0.5" or "0.5,1,2"; None for any other text."""
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        return None
