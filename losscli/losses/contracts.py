"""What a loss asks of its predictions and targets, as data.

The engine checks blocks against the contract, brings them into its canonical form and hands them
to the loss function, which does arithmetic only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from losscli.losses.domains import REAL, SOFT_LABEL, Domain
from losscli.losses.parameters import Choice, Flag, Number, Parameter, Whole

ScoreKind = Literal["logits", "log-probs", "probs"]
KINDS: tuple[ScoreKind, ...] = ("logits", "log-probs", "probs")

UNCHECKED_TARGETS = Parameter(
    "unchecked_targets",
    Flag(),
    default=False,
    help="Accept targets outside [0, 1] or not summing to 1; the formula is applied as it stands.",
)


@dataclass(frozen=True)
class Elementwise:
    """Predictions and targets of one shape; the loss is taken number by number."""

    prediction: Domain = REAL
    target: Domain = REAL

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The options that come with the contract."""
        return (UNCHECKED_TARGETS,) if self.target == SOFT_LABEL else ()


@dataclass(frozen=True)
class Classes:
    """Predictions with an axis of classes; targets are class indices or, where `soft`, distributions.

    `default_kind` is what a call from Python takes its predictions for; the command line detects it.
    """

    default_kind: ScoreKind
    soft: bool

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The options that come with the contract."""
        common = (
            Parameter(
                "kind",
                Choice((*KINDS, "auto")),
                default=self.default_kind,
                help="What the predictions are: logits, log-probs, probs, or auto: told by the rows' sums.",
            ),
            Parameter(
                "class_axis",
                Whole(),
                default=None,
                help="The axis of the classes; by default axis 1, as in PyTorch. -1 is Keras' choice.",
            ),
            Parameter(
                "ignore_index",
                Whole(),
                default=None,
                help="Targets with this label are not scored and leave the mean's denominator.",
            ),
            Parameter(
                "row_sum_tolerance",
                Number(0.0, math.inf),
                default=1e-3,
                help="How far probabilities may be from summing to 1.",
            ),
            Parameter(
                "normalize",
                Flag(),
                default=False,
                help="Divide probabilities by their sum before scoring.",
            ),
        )
        return (*common, UNCHECKED_TARGETS) if self.soft else common


Contract: TypeAlias = Elementwise | Classes
