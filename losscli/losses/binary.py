"""Two classes, told apart by one number: a probability or a logit."""

from __future__ import annotations

import numpy as np

from losscli.losses.catalogue import loss
from losscli.losses.contracts import Elementwise
from losscli.losses.domains import LOGIT, PROBABILITY, SOFT_LABEL
from losscli.losses.parameters import PositiveWeights
from losscli.numerics import Array, softplus_tail, xlog1py, xlogy


@loss(
    family="binary",
    formula="loss = −y · log p − (1 − y) · log(1 − p)",
    contract=Elementwise(prediction=PROBABILITY, target=SOFT_LABEL),
    aliases=(
        "BCELoss",
        "binary_cross_entropy",
        "binary_crossentropy",
        "two_class_cross_entropy",
        "binary_log_loss",
    ),
    documents=("004",),
)
def bce(probability: Array, target: Array) -> Array:
    """Two-class cross-entropy of a probability.

    Formula:
        loss = −y · log p − (1 − y) · log(1 − p), with 0 · log 0 = 0.
        +inf for a certain and wrong prediction; nothing is clipped.
    Domain:
        predictions: probabilities of the positive class, in [0, 1].
        targets: labels 0 and 1, or soft labels in [0, 1].
    Shapes:
        (N, ...) with (N, ...), of one shape; (N, 1) counts as (N). Elements: the same shape.
    Unit:
        nats, unless another base is asked for.
    Raises:
        DataError: a probability or a label outside [0, 1], NaN, unequal shapes.
    Conventions:
        torch: BCELoss cuts each log at −100, so the worst prediction costs 100.
        keras: probabilities are clipped to [1e−7, 1 − 1e−7]; the worst costs 16.118.
        sklearn: log_loss clips at the eps of the dtype: 36.04 in float64, 15.94 in float32.
        tf.compat.v1: log_loss adds 1e−7 inside both logs.
    Source:
        Document 004 (two-class cross-entropy).
    Example:
        >>> losscli.bce([0.1, 0.9], [1, 1], reduction="none")
        array([2.30258509, 0.10536052])
    Command:
        losscli bce sample_data/cancer_probs.npy sample_data/cancer_labels.npy
    """
    return 0.0 - xlogy(target, probability) - xlog1py(1.0 - target, -probability)


@loss(
    family="binary",
    formula="loss = y · softplus(−x) + (1 − y) · softplus(x)",
    contract=Elementwise(prediction=LOGIT, target=SOFT_LABEL),
    aliases=(
        "BCEWithLogitsLoss",
        "binary_cross_entropy_with_logits",
        "sigmoid_cross_entropy_with_logits",
        "sigmoid_binary_cross_entropy",
        "binary_logistic",
    ),
    documents=("004",),
)
def sigmoid_cross_entropy(logit: Array, target: Array) -> Array:
    """Two-class cross-entropy of a logit: the sigmoid is taken inside.

    Formula:
        loss = y · softplus(−x) + (1 − y) · softplus(x), softplus(x) = log(1 + eˣ)
        which is max(x, 0) − x · y + log(1 + e^−|x|) without its cancellation.
    Domain:
        predictions: logits, finite.
        targets: labels 0 and 1, or soft labels in [0, 1].
    Shapes:
        (N, ...) with (N, ...), of one shape; (N, 1) counts as (N). Elements: the same shape.
    Unit:
        nats, unless another base is asked for.
    Raises:
        DataError: a label outside [0, 1] (unless unchecked), NaN, an infinite logit, unequal shapes.
    Conventions:
        torch, tf, optax: labels are not checked, and labels outside [0, 1] give negative losses; the
        printed table of document 004 does (labels and logits are swapped there) and needs
        unchecked_targets.
    Source:
        Document 004 (sigmoid cross-entropy).
    Example:
        >>> losscli.sigmoid_cross_entropy([-200.0, 3.0], [1, 1], reduction="none")
        array([2.00000000e+02, 4.85873516e-02])
    Command:
        losscli sigmoid-cross-entropy sample_data/cancer_scores.npy sample_data/cancer_labels.npy
    """
    # softplus(x) = max(x, 0) + tail and softplus(−x) = max(−x, 0) + tail, the tail being the same. Beside it stands
    # (1 − y) · x where x is positive and −y · x where it is not: x · ([x > 0] − y), in which nothing cancels.
    loss = softplus_tail(logit)
    beside = target - (logit > 0.0)
    beside *= logit
    loss -= beside
    return loss


@loss(
    family="binary",
    formula="loss = pos_weight · y · softplus(−x) + (1 − y) · softplus(x)",
    contract=Elementwise(prediction=LOGIT, target=SOFT_LABEL),
    aliases=("weighted_cross_entropy_with_logits", "weighted_binary_cross_entropy_with_logits"),
    documents=("004",),
)
def weighted_cross_entropy(logit: Array, target: Array, *, pos_weight: PositiveWeights = 1.0) -> Array:
    """Two-class cross-entropy of a logit, the positive class weighted.

    Formula:
        loss = pos_weight · y · softplus(−x) + (1 − y) · softplus(x), softplus(x) = log(1 + eˣ)
        mean = Σ loss / N: the weight is not in the denominator.
    Domain:
        predictions: logits, finite.
        targets: labels 0 and 1, or soft labels in [0, 1].
    Shapes:
        (N, ...) with (N, ...), of one shape; a list of weights runs along the last axis.
        Elements: the same shape.
    Unit:
        nats, unless another base is asked for.
    Options:
        pos_weight: The factor of the positive term: a number, or one for each position of the last axis.
    Raises:
        DataError: a label outside [0, 1] (unless unchecked), NaN, an infinite logit, unequal shapes, a
        list of weights of another length than the last axis.
        UsageError: a weight that is negative, infinite or NaN.
    Conventions:
        torch: pos_weight of BCEWithLogitsLoss, which broadcasts it.
        tf: weighted_cross_entropy_with_logits takes labels first; document 004 swaps labels and
        logits, and its printed table needs unchecked_targets.
    Source:
        Document 004 (weighted cross-entropy).
    Example:
        >>> losscli.weighted_cross_entropy([1.0, 1.0], [1, 0], pos_weight=0.5, reduction="none")
        array([0.15663084, 1.31326169])
    Command:
        losscli weighted-cross-entropy sample_data/cancer_scores.npy sample_data/cancer_labels.npy \
            --pos-weight 2
    """
    tail = softplus_tail(logit)
    return pos_weight * target * (np.maximum(-logit, 0.0) + tail) + (1.0 - target) * (np.maximum(logit, 0.0) + tail)
