"""Losses of a residual: prediction − target."""

from __future__ import annotations

import numpy as np

from losscli.losses.catalogue import loss
from losscli.losses.contracts import Elementwise
from losscli.losses.parameters import Positive
from losscli.numerics import Array

HALVED = "optax's l2_loss is half of the square, TensorFlow's half of the sum of squares; `l2` is the square"
SMOOTH = "PyTorch's smooth L1 is `huber` with --delta beta, divided by beta: the same where beta is 1"


@loss(
    family="regression",
    formula="loss = |r|,   r = prediction − target",
    contract=Elementwise(),
    aliases=("L1Loss", "l1_loss", "mae", "mean_absolute_error", "absolute_error", "absolute_difference"),
    documents=("003", "004"),
)
def l1(prediction: Array, target: Array) -> Array:
    """Absolute error.

    Formula:
        loss = |prediction − target|
    Domain:
        predictions, targets: finite numbers.
    Shapes:
        (N, ...) with (N, ...), of one shape; (N, 1) counts as (N). Elements: the same shape.
    Unit:
        target: the unit of the targets.
    Raises:
        DataError: NaN, an infinite value, unequal shapes (nothing broadcasts).
    Conventions:
        torch: (N) against (N, 1) broadcasts to N × N with a warning; here (N, 1) is (N).
        keras: the mean is first over the last axis; over all elements it is the same number.
    Source:
        Documents 003 and 004 (L1).
    Example:
        >>> losscli.l1([1.0, 2.0, 3.0], [1.5, 1.5, 4.0], reduction="none")
        array([0.5, 0.5, 1. ])
    Command:
        losscli l1 sample_data/diabetes_pred.npy sample_data/diabetes_target.npy
    """
    residual = prediction - target
    return np.abs(residual, out=residual)


@loss(
    family="regression",
    formula="loss = r²,   r = prediction − target",
    contract=Elementwise(),
    aliases=("squared_error", "square_error"),
    documents=("004",),
    false_friends={"l2_loss": HALVED},
)
def l2(prediction: Array, target: Array) -> Array:
    """Squared error, of each element: neither summed nor halved.

    Formula:
        loss = (prediction − target)²
    Domain:
        predictions, targets: finite numbers.
    Shapes:
        (N, ...) with (N, ...), of one shape; (N, 1) counts as (N). Elements: the same shape.
    Unit:
        target²: the square of the targets' unit.
    Raises:
        DataError: NaN, an infinite value, unequal shapes (nothing broadcasts).
    Conventions:
        optax: l2_loss is half of this, squared_error is this.
        tf: nn.l2_loss is half of the sum of squares.
        Document 004 calls it a sum of squares, but its code and its table are squares.
    Source:
        Document 004 (L2).
    Example:
        >>> losscli.l2([1.0, 2.0, 3.0], [1.5, 1.5, 4.0], reduction="none")
        array([0.25, 0.25, 1.  ])
    Command:
        losscli l2 sample_data/diabetes_pred.npy sample_data/diabetes_target.npy --reduction sum
    """
    residual = prediction - target
    return np.square(residual, out=residual)


@loss(
    family="regression",
    formula="loss = r²,   mean = Σ r² / N,   r = prediction − target",
    contract=Elementwise(),
    aliases=("MSELoss", "mse_loss", "mean_squared_error"),
    documents=("003", "004"),
)
def mse(prediction: Array, target: Array) -> Array:
    """Mean squared error: the mean of `l2`.

    Formula:
        loss = (prediction − target)², mean = Σ loss / N over all elements.
    Domain:
        predictions, targets: finite numbers.
    Shapes:
        (N, ...) with (N, ...), of one shape; (N, 1) counts as (N). Elements: the same shape.
    Unit:
        target²: the square of the targets' unit.
    Raises:
        DataError: NaN, an infinite value, unequal shapes (nothing broadcasts).
    Conventions:
        torch: (N) against (N, 1) broadcasts to N × N with a warning; here (N, 1) is (N).
        keras: the mean is first over the last axis; over all elements it is the same number.
    Source:
        Documents 003 and 004 (MSE).
    Example:
        >>> float(losscli.mse([1.0, 2.0, 3.0], [1.5, 1.5, 4.0]))
        0.5
    Command:
        losscli mse sample_data/diabetes_pred.npy sample_data/diabetes_target.npy
    """
    residual = prediction - target
    return np.square(residual, out=residual)


@loss(
    family="regression",
    formula="loss = ½ r² if |r| ≤ δ, else δ · (|r| − ½ δ)",
    contract=Elementwise(),
    aliases=("HuberLoss", "huber_loss"),
    documents=("004",),
    false_friends=dict.fromkeys(("SmoothL1Loss", "smooth_l1_loss"), SMOOTH),
)
def huber(prediction: Array, target: Array, *, delta: Positive = 1.0) -> Array:
    """Huber loss: quadratic near zero, linear in the tails.

    Formula:
        with r = prediction − target: loss = ½ r² where |r| ≤ δ, δ · (|r| − ½ δ) elsewhere.
    Domain:
        predictions, targets: finite numbers.
    Shapes:
        (N, ...) with (N, ...), of one shape; (N, 1) counts as (N). Elements: the same shape.
    Unit:
        target²: the square of the targets' unit.
    Options:
        delta: Where the loss turns from quadratic to linear.
    Raises:
        DataError: NaN, an infinite value, unequal shapes (nothing broadcasts).
        UsageError: δ ≤ 0.
    Conventions:
        torch: SmoothL1Loss(beta) is huber(delta = beta) / beta.
        keras, optax: any δ is taken; 0 or below gives a meaningless, even negative loss.
        Document 004's upstream heading says Pseudo-Huber; its formula is this one.
    Source:
        Document 004 (Huber). P. J. Huber, Robust Estimation of a Location Parameter, 1964.
    Example:
        >>> losscli.huber([0.0, 3.0], [0.5, 0.0], reduction="none")
        array([0.125, 2.5  ])
    Command:
        losscli huber sample_data/diabetes_pred.npy sample_data/diabetes_target.npy --delta 50
    """
    residual = prediction - target
    np.abs(residual, out=residual)
    clipped = residual.clip(0.0, delta)  # ½ r² is r · (r − ½ r), so that one formula serves both parts
    residual -= 0.5 * clipped
    residual *= clipped
    return residual


@loss(
    family="regression",
    formula="loss = δ² · (√(1 + (r/δ)²) − 1)",
    contract=Elementwise(),
    aliases=("mphe", "pseudohubererror"),
    documents=("004",),
)
def pseudo_huber(prediction: Array, target: Array, *, delta: Positive = 1.0) -> Array:
    """Pseudo-Huber loss: a smooth Huber loss.

    Formula:
        with r = prediction − target: loss = δ² · (√(1 + (r/δ)²) − 1),
        computed as min(|r|, δ) · |r| / (δ/m + √(1 + (min(|r|, δ)/m)²)) with m = max(|r|, δ), in which
        nothing cancels and no intermediate overflows.
    Domain:
        predictions, targets: finite numbers.
    Shapes:
        (N, ...) with (N, ...), of one shape; (N, 1) counts as (N). Elements: the same shape.
    Unit:
        target²: the square of the targets' unit.
    Options:
        delta: Where the loss turns from quadratic to linear.
    Raises:
        DataError: NaN, an infinite value, unequal shapes (nothing broadcasts).
        UsageError: δ ≤ 0.
    Conventions:
        scipy: special.pseudo_huber(delta, r) is this function.
    Source:
        Document 004 (its lost heading). P. Charbonnier et al., 1997.
    Example:
        >>> losscli.pseudo_huber([0.0, 3.0], [0.5, 0.0], reduction="none")
        array([0.11803399, 2.16227766])
    Command:
        losscli pseudo-huber sample_data/diabetes_pred.npy sample_data/diabetes_target.npy --delta 50
    """
    residual = np.abs(prediction - target)
    smaller, larger = np.minimum(residual, delta), np.maximum(residual, delta)
    return smaller * (residual / (delta / larger + np.hypot(1.0, smaller / larger)))
