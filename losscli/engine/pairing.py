"""Several models scored one by one on the same samples, and brought together sample by sample.

The loss of every sample under every model is held: eight bytes each. All else goes by in blocks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from losscli.data import join_targets, open_field, open_source, read_whole
from losscli.data.locate import is_file
from losscli.data.model import FORMATS_OF, Ragged, Source
from losscli.engine.inputs import number_list, table_and_columns, with_named_predictions, with_named_targets
from losscli.engine.labels import class_names, class_numbers
from losscli.engine.plan import Request, compute
from losscli.engine.result import Result, Scored
from losscli.errors import DataError
from losscli.losses.parameters import Side, Weights
from losscli.numerics import Array
from losscli.wording import did_you_mean, flag_of

SHOWN = ("target", "predicted", "prediction")
"""What the samples that moved most are shown with, where the loss tells it of each sample."""


@dataclass(frozen=True)
class ScoredModel:
    """A model as the user named it, its result, and each sample's share in its mean and what is shown of it."""

    name: str
    request: Request
    result: Result
    loss: Array
    weight: Array
    shown: Mapping[str, np.ndarray]

    def taken(self, rows: np.ndarray) -> ScoredModel:
        """The same, of these samples in this order."""
        shown = {name: column[rows] for name, column in self.shown.items()}
        return replace(self, loss=self.loss[rows], weight=self.weight[rows], shown=shown)


@dataclass(frozen=True)
class Paired:
    """The models over the samples that count; `samples` are their numbers in the first model's order."""

    models: Sequence[ScoredModel]
    samples: np.ndarray
    read: int
    skipped: int
    warnings: Sequence[str]

    start: ClassVar[int] = 0
    """See `losscli.report.rows.Rows`: all samples are one block of rows."""

    @property
    def weight(self) -> Array:
        """The weight of every sample, which is the same for all models."""
        return self.models[0].weight

    def array(self) -> Array:
        """The losses: a row a sample, a column a model."""
        return np.stack([model.loss for model in self.models], axis=1)

    def columns(self) -> dict[str, np.ndarray]:
        """What is known of each sample, under names that end in the letter of the model."""
        baseline = self.models[0]
        found = {"sample": self.samples}
        if "target" in baseline.shown:
            found["target"] = baseline.shown["target"]
        found["weight"] = self.weight
        for position, model in enumerate(self.models):
            letter = label_of(position)
            found |= {f"{name}_{letter}": column for name, column in model.shown.items() if name != "target"}
            found[f"loss_{letter}"] = model.loss
        with np.errstate(invalid="ignore"):
            differences = [model.loss - baseline.loss for model in self.models[1:]]
        return found | {f"difference_{label_of(p)}": each for p, each in enumerate(differences, start=1)}


def label_of(position: int) -> str:
    """The letter of a model: A, B, ..., Z, AA, AB, ..."""
    return ("" if position < 26 else label_of(position // 26 - 1)) + chr(ord("A") + position % 26)


class Keeper:
    """A sink that keeps of every sample what a comparison needs."""

    def __init__(self, request: Request, *, shown: bool) -> None:
        # What `mean_rule` divides by is part of a sample's share in the mean, and not of its loss.
        options = {parameter.name: parameter.default for parameter in request.loss.parameters} | {**request.options}
        self._by_labels = options.get("mean_rule") == "torch"
        self._shown = SHOWN if shown else ()
        self._blocks: dict[str, list[np.ndarray]] = {}

    def write(self, scored: Scored) -> None:
        """Keep one block."""
        columns = scored.samples.columns
        loss = columns["loss"]
        kept = {
            "loss": loss / np.maximum(columns["labels"], 1) if self._by_labels else loss,
            "weight": columns["weight"],
            **{name: _narrow(columns[name]) for name in self._shown if name in columns},
        }
        for name, values in kept.items():
            self._blocks.setdefault(name, []).append(values)

    def columns(self) -> dict[str, np.ndarray]:
        """All that was kept."""
        return {name: np.concatenate(self._blocks.pop(name)) for name in list(self._blocks)}


def _narrow(column: np.ndarray) -> np.ndarray:
    """Whole numbers in the fewest bytes that hold them."""
    if column.dtype.kind not in "iu":
        return column
    return column.astype(np.promote_types(np.min_scalar_type(column.min()), np.min_scalar_type(column.max())))


def score_together(request: Request, models: Sequence[str], *, shown: bool) -> Paired:
    """Score every model as the request says, and pair them by sample.

    Args:
        request: The run of one model; its predictions are those of `models`, one after the other.
        models: Paths as in a request, or `FILE:COLUMNS` of a table.
        shown: Whether to keep targets and predictions to show.

    Raises:
        DataError: If the models were not scored on the same samples with the same weights.
    """
    _refuse_pipes(request)
    request = replace(with_named_targets(request), defaults=tuple(FORMATS_OF))  # not every model need be text
    scored = [_score(spec, _request_of(request, spec), shown=shown) for spec in models]
    _refuse_other_columns(scored)
    if request.id is not None:
        scored = _in_one_order(scored, request.id)
    counts = [len(model.loss) for model in scored]
    if len(set(counts)) > 1:
        told = ", ".join(f"{model.name} has {count:,}" for model, count in zip(scored, counts, strict=True))
        raise DataError(
            f"the models have different numbers of samples: {told}",
            hint="--id COL joins tables with the targets by a column",
        )
    warnings = _warnings(scored)
    skipped = _skipped(scored)
    if skipped.any():
        warnings.append(f"{int(skipped.sum())} samples hold a NaN for one of the models and are left out for all")
    rows = np.flatnonzero((scored[0].weight != 0.0) & ~skipped)
    if not len(rows):
        raise DataError(
            "nothing is left to compare: every sample is ignored, skipped or of weight 0",
            hint="look at --ignore-index, --on-nan skip and the weights",
        )
    return Paired([model.taken(rows) for model in scored], rows, counts[0], int(skipped.sum()), warnings)


def _request_of(request: Request, spec: str) -> Request:
    """The run of one model, whose columns may be named behind its path."""
    if request.pred is None and not table_and_columns(spec, request.read):
        _refuse_target_as_prediction(request, spec)
    return with_named_predictions(replace(request, predictions=spec))


def _refuse_target_as_prediction(request: Request, spec: str) -> None:
    """Refuse to take the column of the targets for a prediction, where a model's table holds it too."""
    if request.pred is not None or not request.target or not is_file(spec):
        return
    columns = open_source(spec, request.read).columns or ()
    both = [name for name in request.target if name in columns]
    if both:
        raise DataError(
            f"{spec} has a column {both[0]!r}, which --target names",
            why="without --pred every numeric column is a prediction, and this one is a target",
            hint="name the predictions: --pred 'p_*', or FILE:COLUMN for each model",
        )


def _refuse_pipes(request: Request) -> None:
    """Refuse what every model is scored with, where it can be read only once."""
    sides = {parameter.name for parameter in request.loss.parameters if isinstance(parameter.kind, (Side, Weights))}
    shared = {"TARGETS": request.targets, "--sample-weight": request.sample_weight}
    shared |= {flag_of(name): request.options.get(name) for name in sorted(sides)}
    for name, spec in shared.items():
        if spec == "-" or (isinstance(spec, str) and os.path.exists(spec) and Path(spec).is_fifo()):  # noqa: PTH110
            raise DataError(
                f"{name} is a pipe ({spec}), which is read only once",
                why="every model is scored against the same targets, one after the other",
                hint="save it to a file first",
            )


def _score(name: str, request: Request, *, shown: bool) -> ScoredModel:
    keeper = Keeper(request, shown=shown)
    result = compute(replace(request, sinks=[keeper]))
    columns = keeper.columns()
    return ScoredModel(name, request, result, columns.pop("loss"), columns.pop("weight"), columns)


def _refuse_other_columns(scored: Sequence[ScoredModel]) -> None:
    """Refuse tables whose classes stand in different orders, where the targets go by position."""
    first = scored[0]
    columns = first.result.inputs["predictions"].columns or ()
    if not first.request.loss.contract.names_classes or len(columns) < 2:
        return
    targets = first.result.inputs["targets"]
    if targets.dtype == "text" or (targets.kind == "labels" and class_numbers(class_names(columns))):
        return
    for other in scored[1:]:
        others = other.result.inputs["predictions"].columns or ()
        if columns != others and sorted(columns) == sorted(others):
            raise DataError(
                f"the columns of {other.name} are those of {first.name} in another order",
                why="the targets are class numbers, which count the columns from the left",
                hint=f"--pred {','.join(columns)}",
            )


def _in_one_order(scored: Sequence[ScoredModel], column: str) -> list[ScoredModel]:
    """The models with their samples in the order of the first, as their ids say.

    Each of them has been joined to the same targets: all have the same ids, each id once.
    """
    orders = [np.argsort(_ids(model, column), kind="stable") for model in scored]
    if any((order != orders[0]).any() for order in orders[1:]):
        _refuse_sides_by_position(scored)
    ordered = []
    for model, order in zip(scored, orders, strict=True):
        place = np.empty_like(order)
        place[orders[0]] = order
        ordered.append(model.taken(place))
    return ordered


def _ids(model: ScoredModel, column: str) -> np.ndarray:
    source = open_source(model.request.predictions, model.request.read)
    return as_array(read_whole(source.select([column], text=True)))


def _refuse_sides_by_position(scored: Sequence[ScoredModel]) -> None:
    """Refuse files that go by position beside models whose samples are in different orders."""
    for model in scored:
        columns = {name for table in _tables(model.request) for name in table.columns or ()}
        given = {"--sample-weight": model.request.sample_weight}
        for parameter in model.request.loss.parameters:
            if isinstance(parameter.kind, Side):
                given[parameter.option] = model.request.options.get(parameter.name)
        for option, spec in given.items():
            if isinstance(spec, str) and spec not in columns and number_list(spec) is None:
                raise DataError(
                    f"{option} {spec} goes by position, but the models' samples are in different orders",
                    why="--id joins the rows of tables, and a file beside them has no ids",
                    hint=f"make it a column of {model.request.targets}",
                )


def _skipped(scored: Sequence[ScoredModel]) -> np.ndarray:
    """The samples that were skipped for some model; an error where weights differ for any other reason."""
    first = scored[0]
    skipped = np.zeros(len(first.weight), np.bool_)
    for other in scored[1:]:
        unlike = first.weight != other.weight
        if first.request.on_nan == "skip":
            left_out = unlike & ((first.weight == 0.0) | (other.weight == 0.0))
            skipped |= left_out
            unlike &= ~left_out
        if unlike.any():
            row = int(np.flatnonzero(unlike)[0])
            raise DataError(
                f"sample {row} weighs {first.weight[row]:g} in {first.name} and {other.weight[row]:g} in {other.name}",
                why="a paired comparison needs the same weights for all models",
                hint="take weights, lengths and masks from one file: FILE:COLUMN",
            )
    return skipped


def _warnings(scored: Sequence[ScoredModel]) -> list[str]:
    """What the runs said, each with its model unless all said it, and where the models are not alike."""
    said = [model.result.warnings for model in scored]
    shared = [text for text in said[0] if all(text in texts for texts in said)]
    found = list(shared)
    for model, texts in zip(scored, said, strict=True):
        path = model.result.inputs["predictions"].path
        found += [text if text.startswith(path) else f"{model.name}: {text}" for text in texts if text not in shared]
    inputs = [model.result.inputs["predictions"] for model in scored]
    for alike, told in (
        ({record.kind for record in inputs}, [f"{record.path} holds {record.kind}" for record in inputs]),
        ({record.shape[1:] for record in inputs}, [f"{record.path} has shape {record.shape}" for record in inputs]),
    ):
        if len(alike) > 1:
            found.append(f"the models are not alike: {', '.join(told)}")
    return found


def clusters_of(request: Request, spec: str, samples: int) -> np.ndarray:
    """The cluster of every sample as a number from 0 on, in the order in which clusters appear.

    Args:
        request: The run of the first model, whose order of samples counts.
        spec: A column of the targets or of the predictions, a file, or `FILE:COLUMN`.
        samples: How many samples there are.
    """
    tables = _tables(request)
    columns = [name for table in tables for name in table.columns or ()]
    table = next((table for table in tables if spec in (table.columns or ())), None)
    if table is not None:
        field = table.select([spec], text=True)
    else:
        try:
            field = open_field(spec, request.read, text=True)
        except DataError as error:
            why = error.why or "--cluster is a column of the targets or of the first model, a file, or FILE:COLUMN"
            raise DataError.of(error, why=why, hint=did_you_mean(spec, columns)) from error
    values = as_array(read_whole(field))
    if values.size != len(values):
        raise DataError(
            f"{field.info.path} has shape {field.info.shape}", why="a sample belongs to one cluster", hint="FILE:COLUMN"
        )
    if len(values) != samples:
        raise DataError(f"{field.info.path} has {len(values):,} rows, but there are {samples:,} samples")
    numbers: dict[Any, int] = {}
    of_sample = np.empty(samples, np.int64)
    for row, value in enumerate(values.reshape(-1).tolist()):
        if value is None or value != value:  # only NaN is not itself
            raise DataError(f"{field.where(row)}: the cluster is missing", why="every sample belongs to a cluster")
        of_sample[row] = numbers.setdefault(value, len(numbers))
    return of_sample


def _tables(request: Request) -> list[Source]:
    """The targets and the first model as sources, in the first model's order of samples."""
    predictions = open_source(request.predictions, request.read)
    if request.targets is None:
        return [predictions]
    targets = open_source(request.targets, request.read)
    if request.id is None:
        return [targets, predictions]
    return [join_targets(predictions, targets, request.id), predictions]


def as_array(values: np.ndarray | Ragged) -> np.ndarray:
    """Values of a field that was not selected as ragged."""
    assert not isinstance(values, Ragged)  # noqa: S101 - only `ragged=True` yields them
    return values
