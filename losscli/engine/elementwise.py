"""Scores losses that are taken number by number: predictions and targets of one shape."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from losscli.data.model import Field
from losscli.engine.result import InputRecord
from losscli.engine.scoring import (
    Elements,
    NanPolicy,
    Scorer,
    Values,
    array,
    as_float64,
    either,
    first_outside,
    sample_shape,
)
from losscli.errors import DataError
from losscli.losses.catalogue import Loss
from losscli.losses.contracts import Elementwise
from losscli.losses.domains import Domain
from losscli.losses.parameters import Side
from losscli.numerics import Array, all_in_unit_interval, largest_magnitude

FIRST_ROWS = 4096
"""How many samples are looked at for what they might have been meant to be."""


@dataclass
class SignFacts:
    """Which coding of two classes the labels use, and where that was seen first."""

    zero: int | None = None
    minus: int | None = None

    def merge(self, later: SignFacts) -> None:
        """Add what later rows show."""
        self.zero = later.zero if self.zero is None else self.zero
        self.minus = later.minus if self.minus is None else self.minus


class ElementwiseScorer(Scorer):
    """See `losscli.engine.scoring.Scorer`."""

    @property
    def infinite(self) -> str:
        """What an infinite loss comes from: a probability of 0, or numbers too large."""
        return super().infinite if self.prediction_domain.high == 1.0 else "it is beyond the largest float64"

    def __init__(
        self,
        loss: Loss,
        contract: Elementwise,
        options: Mapping[str, Any],
        fields: Mapping[str, Field],
        nan: NanPolicy,
    ) -> None:
        self.loss = loss
        self.predictions = predictions = fields["predictions"]
        self.targets = targets = fields["targets"]
        self.nan = nan
        self.prediction_domain = contract.prediction
        self.target_domain = contract.target
        if options.get("unchecked_targets"):
            self.target_domain = Domain("labels")
        self.options = {name: options[name] for name in loss.own_options}
        self.sides = {p.name: fields[p.name] for p in loss.parameters if p.name in fields}
        # Unbounded values are sound if their losses are finite, which saves two passes over each array;
        # but a hinge hides an infinite score behind its zero.
        signs = self.target_domain.signs
        self.always_checked = {
            "predictions": signs or self.prediction_domain.bounded,
            "targets": signs or self.target_domain.bounded,
        }
        self.side_domains = {
            p.name: p.kind.floored(options).domain for p in loss.parameters if isinstance(p.kind, Side)
        }

        shape, target_shape = sample_shape(predictions), sample_shape(targets)
        if shape != target_shape and {shape, target_shape} != {(), (1,)}:
            raise DataError(
                f"{predictions.info.path} has samples of shape {shape}, {targets.info.path} of shape {target_shape}",
                why="they are compared number by number, and nothing broadcasts",
                hint=_other_shapes_hint(predictions, targets, labels=self.target_domain.bounded),
            )
        self.shape = () if {shape, target_shape} == {(), (1,)} else shape
        self.numbers_per_sample = math.prod(self.shape)
        if predictions.info.dtype == "bool":
            raise DataError(
                f"{predictions.info.path}: the predictions are booleans",
                why="booleans are labels, never predictions; are predictions and targets swapped?",
            )
        self._look_swapped = False
        self._check_vectors()
        for side in self.sides.values():
            if sample_shape(side) not in {self.shape, (), (1,)}:
                raise DataError(
                    f"{side.info.path} has samples of shape {sample_shape(side)}, {predictions.info.path} of {shape}",
                    why="it needs one value for each prediction, or one for each sample",
                )

    def _check_vectors(self) -> None:
        for name, value in self.options.items():
            if name in self.sides or not isinstance(value, np.ndarray) or value.ndim == 0:
                continue
            last = self.shape[-1] if self.shape else None
            if len(value) != last:
                axis = f"the last axis has {last}" if last else "the predictions have one number a sample"
                raise DataError(
                    f"--{name.replace('_', '-')} has {len(value)} numbers, but {axis}",
                    hint="give a single number, or one for each position of the last axis",
                )

    def prepare(self, values: Values) -> None:
        """Notice predictions and targets that look swapped, which both being within [0, 1] allows."""
        if self.prediction_domain.high == self.target_domain.high == 1.0:
            hard, soft = (array(values, name)[:FIRST_ROWS] for name in ("predictions", "targets"))
            self._look_swapped = bool(_is_hard(hard).all() and not _is_hard(soft).any())

    def finish(self, _facts: SignFacts | None) -> list[str]:
        """The doubt that is left."""
        if not self._look_swapped:
            return []
        path = self.predictions.info.path
        return [f"{path}: the predictions are all 0 or 1, and no target is: are predictions and targets swapped?"]

    def score(self, start: int, values: Values) -> Elements:
        """The losses of the samples from `start` on."""
        predictions, targets = array(values, "predictions"), array(values, "targets")
        shape = (len(predictions), *self.shape)
        prediction = as_float64(predictions).reshape(shape)
        target = as_float64(targets).reshape(shape)
        options = dict(self.options)
        for name in self.sides:
            side = as_float64(array(values, name)).reshape(len(prediction), -1)
            whole = side.shape[1] == self.numbers_per_sample
            options[name] = side.reshape(shape if whole else (-1, *[1] * len(self.shape)))

        facts = None
        signs = target
        if self.target_domain.signs:
            facts = SignFacts(_first_row(target == 0.0, start), _first_row(target == -1.0, start))
            signs = np.where(target == 0.0, -1.0, target)
        loss = self.loss.kernel(prediction, signs, **options)
        largest = largest_magnitude(loss)
        doubtful = not math.isfinite(largest)
        skipped = None
        if doubtful or self.always_checked["predictions"]:
            skipped = self._check(self.prediction_domain, prediction, start, self.predictions, target)
        if doubtful or self.always_checked["targets"]:
            skipped = either(skipped, self._check(self.target_domain, target, start, self.targets, prediction))
        for name, field in self.sides.items() if doubtful else ():
            skipped = either(skipped, self._check(self.side_domains[name], options[name], start, field, target))
        return Elements(loss, None, None, skipped, facts, largest=largest)

    def _check(self, domain: Domain, values: Array, start: int, field: Field, others: np.ndarray) -> np.ndarray | None:
        """Refuse what is outside the domain; returns the samples to be skipped for a NaN."""
        spans_unit = not domain.signs and domain.holds(0.0) and domain.holds(1.0)
        if not values.size or (spans_unit and all_in_unit_interval(values)):
            return None
        low, high = values.min(), values.max()
        skipped = None
        if np.isnan(low):
            skipped = self.nan.rows(values, start, field)
            values = np.where(np.isnan(values), 1.0, values)
            low, high = values.min(), values.max()
        bounded = domain.holds(low) and domain.holds(high)
        if np.isinf(low) or np.isinf(high):
            row, position = first_outside(np.isinf(values))
            raise DataError(
                f"{field.where(start + row, position)}: the value is {values[row].reshape(-1)[position or 0]}",
                why=f"{domain.noun} must be finite",
            )
        if domain.signs:
            outside = (values != 1.0) & (values != 0.0) & (values != -1.0)
        elif bounded:
            return skipped
        else:
            below = values < domain.low if domain.low_closed else values <= domain.low
            outside = below | (values > domain.high)
        if outside.any():
            row, position = first_outside(outside)
            raise self._outside(domain, values, row, position, start, field, others)
        return skipped

    def _outside(
        self,
        domain: Domain,
        values: Array,
        row: int,
        position: int | None,
        start: int,
        field: Field,
        others: np.ndarray,
    ) -> DataError:
        value = values[row].reshape(-1)[position or 0]
        if domain.high == math.inf and "eps" in self.options:
            return DataError(
                f"{field.where(start + row, position)}: the value is {value:g}",
                why=f"{domain.noun} must be {domain}",
                hint="--eps 1e-6 floors the variance, as PyTorch does",
            )
        why = f"{domain.noun} must be {domain}"
        other = as_float64(others)
        if field is self.targets and not domain.signs and np.isin(other, (0.0, 1.0)).all():
            why += "; the predictions are all 0 or 1: are predictions and targets swapped?"
        elif field is self.targets and set(np.unique(values)) <= {-1.0, 1.0}:
            why += "; labels -1 and +1 belong to `losscli hinge`"
        elif field is self.targets and set(np.unique(values)) <= {1.0, 2.0}:
            why += "; labels 1 and 2 look 1-based: subtract 1"
        return DataError(f"{field.where(start + row, position)}: the value is {value:g}", why=why, hint=domain.hint)

    def merge_facts(self, facts: SignFacts | None, later: SignFacts | None) -> SignFacts | None:
        """The facts of both ranges; labels 0 and −1 in one input contradict each other."""
        facts = super().merge_facts(facts, later)
        if facts is None:
            return None
        if facts.zero is not None and facts.minus is not None:
            raise DataError(
                f"{self.targets.where(facts.zero)}: the label is 0, but row {facts.minus} has a label -1",
                why="labels are either -1 and +1, or 0 and 1: one coding for the whole input",
                hint="map them to one coding; a label 0 for 'none' cannot be scored by the hinge loss",
            )
        return facts

    def details(self, values: Values) -> Mapping[str, np.ndarray]:
        """Prediction and target, where a sample has one of each."""
        if self.numbers_per_sample != 1:
            return {}
        return {
            "prediction": array(values, "predictions").reshape(-1),
            "target": array(values, "targets").reshape(-1),
        }

    def classes_of(self, values: Values) -> np.ndarray:
        """The label of each sample, where labels are two classes."""
        targets = array(values, "targets").reshape(len(array(values, "targets")), -1)[:, 0]
        two = self.target_domain.signs or (self.target_domain.low, self.target_domain.high) == (0.0, 1.0)
        if self.numbers_per_sample != 1 or not two or not np.isin(targets, (-1, 0, 1)).all():
            return super().classes_of(values)
        return targets.astype(np.int64)

    def describe(self, records: dict[str, InputRecord], facts: SignFacts | None) -> dict[str, InputRecord]:
        """What the predictions were taken for, and how labels were mapped."""
        kinds = {"probabilities": "probs"}
        noun = self.prediction_domain.noun
        records["predictions"] = dataclasses.replace(
            records["predictions"], kind=kinds.get(noun, noun), evidence=f"{self.loss.name} takes {noun}"
        )
        if facts is not None:
            coding = "0 and 1: 0 taken as -1" if facts.zero is not None else "-1 and +1"
            records["targets"] = dataclasses.replace(
                records["targets"], kind="labels", evidence=f"coded {coding}, the same for the whole input"
            )
        return records


def _is_hard(values: np.ndarray) -> np.ndarray:
    hard: np.ndarray = (values == 0) | (values == 1)
    return hard


def _first_row(mask: np.ndarray, start: int) -> int | None:
    found = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))
    return start + int(found[0]) if found.size else None


def _other_shapes_hint(predictions: Field, targets: Field, *, labels: bool) -> str:
    """The loss that takes a row of scores and a label, where these are such; else how shapes are made alike."""
    files = f"{shlex.quote(predictions.info.path)} {shlex.quote(targets.info.path)}"
    labels = labels or targets.info.dtype.startswith(("int", "uint", "bool"))
    if labels and not targets.info.columns and len(predictions.info.shape) == 2 and len(targets.info.shape) == 1:
        second = "; the second of two classes alone is predictions[:, 1]" if predictions.info.shape[1] == 2 else ""
        return f"`losscli cross-entropy {files}` takes a row of scores and a label for each sample{second}"
    for field, option in ((predictions, "--pred"), (targets, "--target")):
        columns = field.info.columns
        if columns and len(columns) > 1:
            return f"choose columns with {option}, e.g. {option} {columns[0]!r}"
    return "reshape one of them; (N, 1) counts as (N)"
