"""Losses of a margin: label × score."""

from __future__ import annotations

import numpy as np

from losscli.losses.catalogue import loss
from losscli.losses.contracts import Elementwise
from losscli.losses.domains import SCORE, SIGN
from losscli.numerics import Array


@loss(
    family="margin",
    formula="loss = max(0, 1 − t · x),   t = ±1",
    contract=Elementwise(prediction=SCORE, target=SIGN),
    aliases=("hinge_loss", "svm"),
    documents=("004",),
)
def hinge(score: Array, target: Array) -> Array:
    """Hinge loss of a score and a label ±1.

    Formula:
        loss = max(0, 1 − t · x)
    Domain:
        predictions: scores, finite.
        targets: labels −1 and +1, or 0 and 1 (0 counts as −1); one coding for the whole input.
    Shapes:
        (N, ...) with (N, ...), of one shape; (N, 1) counts as (N). Elements: the same shape.
    Unit:
        score: the unit of the predictions.
    Raises:
        DataError: a label that is none of −1, 0, 1; a mix of 0 and −1; NaN, an infinite score.
    Conventions:
        keras: maps 0/1 to ±1 only if every label of the batch is 0 or 1.
        optax: maps nothing: a label 0 costs a constant 1.
        tf.compat.v1: always maps by 2y − 1, so that −1 becomes −3.
        sklearn: any two labels; a single class counts as the negative one.
    Source:
        Document 004 (hinge).
    Example:
        >>> losscli.hinge([0.5, -2.0], [1, -1], reduction="none")
        array([0.5, 0. ])
    Command:
        losscli hinge sample_data/cancer_scores.npy sample_data/cancer_labels_pm1.npy
    """
    return np.maximum(0.0, 1.0 - target * score)
