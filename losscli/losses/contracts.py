"""What a loss asks of its predictions and targets, as data.

The engine checks blocks against the contract, brings them into its canonical form and hands them
to the loss function, which does arithmetic only.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, TypeAlias

from losscli.losses.domains import COUNT, LENGTH, MASK, REAL, SOFT_LABEL, Domain
from losscli.losses.parameters import Choice, ClassIndex, Flag, Number, Parameter, Side, Whole
from losscli.records import record

ScoreKind = Literal["logits", "log-probs", "probs"]
KINDS: tuple[ScoreKind, ...] = ("logits", "log-probs", "probs")

CHOSEN_KINDS = ("token-log-probs", "token-probs")
"""Kinds that hold one number a token, of the token that was chosen: there are no targets."""

IGNORE_INDEX = Parameter(
    "ignore_index",
    Whole(),
    default=None,
    help="Targets with this label are not scored and leave the mean's denominator.",
)
ROW_SUM_TOLERANCE = Parameter(
    "row_sum_tolerance",
    Number(0.0, math.inf),
    default=1e-3,
    help="How far probabilities may be from summing to 1.",
)
NORMALIZE = Parameter("normalize", Flag(), default=False, help="Divide probabilities by their sum before scoring.")
UNCHECKED_TARGETS = Parameter(
    "unchecked_targets",
    Flag(),
    default=False,
    help="Accept targets outside [0, 1] or not summing to 1; the formula is applied as it stands.",
)


def kind_parameter(kinds: tuple[str, ...], default: str) -> Parameter:
    """The option that says what the predictions are; `default` is what a call from Python means."""
    return Parameter(
        "kind",
        Choice((*kinds, "auto")),
        default=default,
        help="What the predictions are; auto tells it from what the rows add up to.",
        for_files="auto",
    )


class Traits:
    """What sets contracts apart, for those who need not know more of them."""

    ragged: ClassVar[bool] = False
    """Whether samples may be of different lengths."""
    names_classes: ClassVar[bool] = False
    """Whether the columns of the predictions are classes, by whose names labels may be given."""
    can_lack_targets: ClassVar[bool] = False
    """Whether some kinds of predictions need no targets."""

    @property
    def one_class(self) -> bool:
        """Whether every sample has one class, as groups by class need."""
        return False


@record
class Elementwise(Traits):
    """Predictions and targets of one shape; the loss is taken number by number."""

    prediction: Domain = REAL
    target: Domain = REAL

    @property
    def one_class(self) -> bool:
        """Whether every sample has one class: where targets are those of two classes."""
        return self.target.noun == "labels"

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The options that come with the contract."""
        return (UNCHECKED_TARGETS,) if self.target == SOFT_LABEL else ()


@record
class Classes(Traits):
    """Predictions with an axis of classes; targets are class indices or, where `soft`, distributions.

    `default_kind` is what a call from Python takes its predictions for; the command line detects it.
    """

    default_kind: ScoreKind
    soft: bool

    names_classes = True
    one_class = True

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The options that come with the contract."""
        class_axis = Parameter(
            "class_axis",
            Whole(),
            default=None,
            help="The axis of the classes, 1 (PyTorch) or -1 (Keras); asked for where both would fit the targets.",
        )
        common = (kind_parameter(KINDS, self.default_kind), class_axis, IGNORE_INDEX, ROW_SUM_TOLERANCE, NORMALIZE)
        return (*common, UNCHECKED_TARGETS) if self.soft else common


@record
class Tokens(Traits):
    """Sequences: scores of every token of a vocabulary at each step, or of the chosen tokens alone."""

    can_lack_targets = True

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The options that come with the contract."""
        return (
            kind_parameter((*KINDS, *CHOSEN_KINDS), "logits"),
            Parameter(
                "shift",
                Whole(),
                default=0,
                help="The scores at t predict the token at t + shift: 1 for causal models as they are exported.",
            ),
            Parameter(
                "lengths",
                Side("sample", LENGTH),
                default=None,
                help="How long each sequence is; the rest is padding.",
            ),
            Parameter(
                "prompt_lengths",
                Side("sample", LENGTH),
                default=None,
                help="How many tokens at the start of each sequence are context, and not scored.",
            ),
            Parameter("mask", Side("token", MASK), default=None, help="1 for a token that is scored, 0 for others."),
            Parameter(
                "bytes",
                Side("sample", COUNT),
                default=None,
                help="The bytes of text of each sequence, for bits per byte.",
            ),
            IGNORE_INDEX,
            ROW_SUM_TOLERANCE,
            NORMALIZE,
        )


@record
class Alignment(Traits):
    """Utterances: scores of every class at each frame, and a label sequence that is not aligned with them."""

    ragged = True

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The options that come with the contract."""
        return (
            kind_parameter(KINDS, "log-probs"),
            Parameter(
                "layout",
                Choice(("tnc", "ntc")),
                default="tnc",
                help="The axes of batched predictions: time first, as in PyTorch, or utterance first.",
            ),
            Parameter(
                "input_lengths",
                Side("sample", LENGTH),
                default=None,
                help="How many frames each utterance has; by default all.",
            ),
            Parameter(
                "target_lengths",
                Side("sample", LENGTH),
                default=None,
                help="The labels of each target; by default up to its trailing negative or blank entries.",
            ),
            Parameter("blank", ClassIndex(), default=0, help="The class that stands for no label."),
            Parameter(
                "zero_infinity",
                Flag(),
                default=False,
                help="Count utterances that cannot be aligned as 0; they stay in the denominator.",
            ),
            Parameter(
                "mean_rule",
                Choice(("torch", "sample", "label")),
                default="torch",
                help="The mean: of loss / labels (torch), of the losses (sample), or Σ loss / Σ labels (label).",
            ),
            ROW_SUM_TOLERANCE,
        )


Contract: TypeAlias = Elementwise | Classes | Tokens | Alignment
