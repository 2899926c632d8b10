"""Negative log-likelihoods of a predicted density."""

from __future__ import annotations

import math

import numpy as np

from losscli.losses.catalogue import loss
from losscli.losses.contracts import Elementwise
from losscli.losses.parameters import Deviation, NonNegative, Switch, Variance
from losscli.numerics import Array

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@loss(
    family="likelihood",
    formula="loss = ½ · log 2πσ² + (x − μ)² / 2σ²",
    contract=Elementwise(),
    aliases=("GaussianNLLLoss", "gaussian_nll_loss", "normal_nll"),
    documents=("001",),
    one_of=("variance", "std"),
    formula_without={"full": "loss = ½ · log σ² + (x − μ)² / 2σ²"},
)
def gaussian_nll(
    mean: Array,
    target: Array,
    *,
    variance: Variance = None,
    std: Deviation = None,
    full: Switch = True,
    eps: NonNegative = 0.0,
) -> Array:
    """Negative log-likelihood of the target under a predicted normal density.

    Formula:
        loss = ½ · log 2π + log σ + (x − μ)² / 2σ²; a density may exceed 1, so the loss may be negative.
    Domain:
        predictions: means μ, finite. targets: x, finite. variance or std: above 0, finite.
    Shapes:
        (N, ...) with (N, ...), of one shape; (N, 1) counts as (N). The spread has the same shape, or is
        one value for each sample, or one number for all. Elements: the same shape.
    Unit:
        nats, unless another base is asked for.
    Options:
        variance: The predicted variance σ².
        std: The predicted standard deviation σ.
        full: The whole density, with ½ · log 2π; without it what PyTorch returns by default.
        eps: A floor under the variance: what is below counts as this.
    Raises:
        DataError: a variance of 0 or below without eps, NaN, an infinite value, unequal shapes.
        UsageError: both of variance and std, or neither.
    Conventions:
        torch: GaussianNLLLoss takes the variance, drops ½ · log 2π unless full, and floors the variance
        at 1e-6 in silence; `--no-full --eps 1e-6` is that.
    Source:
        Document 001 (the log-likelihood of a normal sample). Nix & Weigend, 1994.
    Example:
        >>> losscli.gaussian_nll([1.0, 1.0], [1.2, 2.1], std=0.5, reduction="none")
        array([0.30579135, 2.64579135])
    Command:
        losscli gaussian-nll sample_data/gaussian.csv --pred mean --target target --std std
    """
    # No square is taken whose half is within the range of float64 and which is not itself.
    residual = target - mean
    if std is not None:
        std = np.maximum(std, math.sqrt(eps))
        score = residual / std
        log_std, half_square = np.log(std), 0.5 * score * score
    else:
        variance = np.maximum(variance, eps)
        log_std, half_square = 0.5 * np.log(variance), 0.5 * residual / variance * residual
    loss: Array = log_std + half_square + (HALF_LOG_TWO_PI if full else 0.0)
    return loss
