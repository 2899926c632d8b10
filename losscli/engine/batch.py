"""Brings fields into a batch: samples along axis 0, also where there is one sample or another layout."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from losscli.data import from_array, read_whole
from losscli.data.model import Field
from losscli.engine.scoring import is_ragged, sample_shape
from losscli.errors import UsageError
from losscli.losses.catalogue import Loss
from losscli.losses.contracts import Alignment, Classes, Tokens


def as_batch(
    loss: Loss, fields: Mapping[str, Field], options: dict[str, Any], *, stated: Collection[str] = ()
) -> tuple[dict[str, Field], bool]:
    """The fields as a batch, and whether they were one sample without an axis of samples.

    What is no option of `stated` may be told by the fields.

    One sample is (C) for classes, (T, V) or (T) for tokens, (T, C) for an alignment, and a scalar
    where the loss is taken number by number.
    """
    predictions = fields["predictions"]
    shape = sample_shape(predictions)
    if isinstance(loss.contract, Alignment):
        from losscli.engine.alignment import as_utterances

        if predictions.info.columns and len(predictions.info.shape) == 3:
            if "layout" in stated and options["layout"] == "tnc":
                raise UsageError(
                    f"--layout tnc puts time before utterances, but {predictions.info.path} is a table",
                    why=f"a row of a table is an utterance: the layout of {predictions.info.shape} is ntc",
                    hint="--layout ntc",
                )
            options["layout"] = "ntc"
        return as_utterances(fields, options["layout"]), not is_ragged(predictions) and len(shape) == 1
    if isinstance(loss.contract, Classes):
        if shape:
            return dict(fields), False
        from losscli.engine.classes import refuse_many_targets

        refuse_many_targets(loss, loss.contract, predictions, fields["targets"])
        return batch_of_one(fields), True
    if isinstance(loss.contract, Tokens):
        if "targets" in fields:
            alone = len(shape) == 1 and not sample_shape(fields["targets"])
        else:
            alone = not shape and not is_ragged(predictions)
        return (batch_of_one(fields), True) if alone else (dict(fields), False)
    return dict(fields), not predictions.info.shape


def batch_of_one(fields: Mapping[str, Field]) -> dict[str, Field]:
    """The fields of a single sample, with the sample axis put in front."""
    classes = len(read_whole(fields["predictions"]))
    batch = {}
    for name, field in fields.items():
        values = np.asarray(read_whole(field))
        if name != "predictions" and values.size == 1 and classes != 1:  # a lone label is no axis
            values = values.reshape(())
        one = from_array(values[np.newaxis], field.info.path).select(None)
        one.notes.extend(field.notes)
        batch[name] = one
    return batch
