"""Losses over an axis of classes: each is a sum of surprisals, −log of a class's probability."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from losscli.losses.catalogue import loss
from losscli.losses.contracts import Classes, ScoreKind
from losscli.losses.parameters import ClassWeights, Fraction
from losscli.numerics import Array, in_range, least_in_range, log_partition, odds_against, times


class Surprisal:
    """−log p of the classes, without rounding p first, from any kind of prediction.

    `scores` are rows of classes, of any float type; all arithmetic is in float64. From logits x the
    surprisal of a class is log(1 + Σ_others exp x / exp x_class), or, where that would leave the range
    of float64, (max x − x_class) + excess: two terms ≥ 0 that cannot cancel. Of probabilities that were
    `normalized`, a class that has more than half takes it from the others: its own p was rounded next to 1.
    """

    def __init__(self, kind: ScoreKind, scores: np.ndarray, *, normalized: bool = False) -> None:
        self.kind = kind
        self.scores = scores
        self.normalized = normalized
        self.others: Array | None = None
        """Σ exp x over all but the target of each row of logits, once a surprisal was asked for."""
        self.chosen: Array | None = None
        """exp x of the target of each row, likewise."""
        self.least_mass = 0.0
        """What Σ exp x of no row is below; 0 unless `others` and `chosen` are all `in_range`."""

    @cached_property
    def partition(self) -> tuple[Array, Array]:
        """The maximum and the excess of the logits' log-sum-exp."""
        logits = self.scores.astype(np.float64, copy=False)
        return log_partition(logits, fine=self.scores.dtype.itemsize > 4)

    def of(self, target: np.ndarray) -> Array:
        """The surprisal of one class a row."""
        if self.kind == "logits":
            others, chosen = odds_against(self.scores, target)
            self.others, self.chosen = others, chosen
            least = least_in_range(others), least_in_range(chosen)
            self.least_mass = sum(least) if all(least) else 0.0
            odds = others / chosen
            # Below 2**-53 the quotient is the loss itself, and its own rounding would show in it.
            if self.least_mass and odds.min() >= 2.0**-53:
                return np.log1p(odds, out=odds)
            extreme = ~(in_range(others) & in_range(chosen) & (odds >= 2.0**-53))
            surprisal: Array = np.log1p(odds, out=odds)
            surprisal[extreme] = self._of_extreme(self.scores[extreme], target[extreme])
            return surprisal
        chosen = self._chosen(target)
        surprisal = 0.0 - (chosen if self.kind == "log-probs" else np.log(chosen))
        if self.normalized:
            (likely,) = np.nonzero(chosen > 0.5)
            surprisal[likely] = self._beside_others(likely, target[likely])
        return surprisal

    def probability(self, target: np.ndarray) -> Array:
        """The probability of one class a row."""
        return self._chosen(target) if self.kind == "probs" else np.exp(-self.of(target))

    def roughly(self, target: np.ndarray) -> Array:
        """As `of`, for logits of which one surprisal was taken: no exponential is taken again.

        Accurate to the rounding of log Σ exp x, in which the loss of a nearly certain class is lost.
        """
        if self.others is None or self.chosen is None:
            return self.of(target)
        mass = self.others + self.chosen
        usual = in_range(mass)
        partition = np.log(np.where(usual, mass, 1.0))
        if not usual.all():
            partition[~usual] = sum(Surprisal("logits", self.scores[~usual]).partition)
        rough: Array = partition - self._chosen(target)
        return rough

    def _of_extreme(self, scores: np.ndarray, target: np.ndarray) -> Array:
        rows = Surprisal("logits", scores)
        maximum, excess = rows.partition
        return (maximum - rows._chosen(target)) + excess

    def _beside_others(self, rows: np.ndarray, classes: np.ndarray) -> Array:
        """−log(1 − Σ p) over all but one class of some rows of probabilities."""
        others = self.scores[rows]
        others[np.arange(len(rows)), classes] = 0.0
        surprisal: Array = 0.0 - np.log1p(-others.sum(axis=1))
        return surprisal

    def _chosen(self, target: np.ndarray) -> Array:
        rows, classes = self.scores.shape
        chosen: Array = self.scores.take(np.arange(0, rows * classes, classes) + target)
        return chosen.astype(np.float64, copy=False)

    def each(self) -> Array:
        """The surprisal of every class."""
        scores = self.scores.astype(np.float64, copy=False)
        if self.kind == "logits":
            maximum, excess = self.partition
            return (maximum[:, np.newaxis] - scores) + excess[:, np.newaxis]
        surprisal: Array = 0.0 - (scores if self.kind == "log-probs" else np.log(scores))
        if self.normalized:
            likely, classes = np.nonzero(scores > 0.5)
            surprisal[likely, classes] = self._beside_others(likely, classes)
        return surprisal


DIVERGENCE = "the Kullback-Leibler divergence is the cross-entropy with distributions as targets, less their entropy"


@loss(
    family="classification",
    formula="loss = −w[y] · log p[y],   mean = Σ loss / Σ w[y]",
    contract=Classes(default_kind="log-probs", soft=False),
    aliases=("NLLLoss", "nll_loss", "negative_log_likelihood"),
    documents=("000", "002", "003"),
)
def nll(surprisal: Surprisal, target: np.ndarray, *, class_weight: ClassWeights = None) -> tuple[Array, Array | None]:
    """Negative log-likelihood of the target class.

    Formula:
        loss = −w[y] · log p[y]
        mean = Σ loss / Σ w[y] over the targets that are not ignored; w = 1 without class weights.
        0 for a certain and right prediction, +inf where p[y] = 0.
    Domain:
        predictions: log-probabilities: every row ≤ 0 with logsumexp 0 (−inf allowed); or, said by
        kind, probabilities or logits.
        targets: class indices 0 .. C−1, or the ignored label.
    Shapes:
        (C) with (), (N, C) with (N), (N, C, d1, ...) with (N, d1, ...). Elements: the targets' shape.
    Unit:
        nats, unless another base is asked for.
    Options:
        class_weight: The weight of each class, in the loss and in the mean's denominator.
    Raises:
        DataError: a label outside the classes, a row that contradicts the kind, NaN, unequal lengths.
        UsageError: an option outside its bounds.
    Conventions:
        torch: NLLLoss takes log-probabilities and does not look: given probabilities it returns a
        plausible negative number. Its ignore_index is −100 unless told; here nothing is ignored
        unless told. If all is ignored it returns nan; here that is an error.
        NLLLoss + LogSoftmax = CrossEntropyLoss: with logits, `nll` is `cross-entropy`.
    Source:
        Documents 000 (NLL in NLP), 002 (cross-entropy in depth) and 003 (NLLLoss and CTCLoss).
    Example:
        >>> log_probs = np.log([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]])
        >>> float(losscli.nll(log_probs, [1, 2]))
        0.8714846525293115
    Command:
        losscli nll sample_data/digits_log_probs.npy sample_data/digits_labels.npy
    """
    loss = surprisal.of(target)
    if class_weight is None:
        return loss, None
    weight = class_weight[target]
    return times(weight, loss), weight


@loss(
    family="classification",
    formula="loss = −Σ_c w[c] · q[c] · log p[c],   q = (1 − ε) · y + ε / C",
    contract=Classes(default_kind="logits", soft=True),
    aliases=(
        "CrossEntropyLoss",
        "ce",
        "softmax_cross_entropy",
        "softmax_cross_entropy_with_logits",
        "sparse_softmax_cross_entropy",
        "sparse_softmax_cross_entropy_with_logits",
        "softmax_cross_entropy_with_integer_labels",
        "safe_softmax_cross_entropy",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "categorical_cross_entropy",
        "sparse_categorical_cross_entropy",
        "log_loss",
        "mlogloss",
    ),
    documents=("002", "004"),
    false_friends=dict.fromkeys(("KLDivLoss", "kl_div", "kl_divergence", "KLDivergence"), DIVERGENCE),
)
def cross_entropy(
    surprisal: Surprisal,
    target: np.ndarray,
    *,
    class_weight: ClassWeights = None,
    label_smoothing: Fraction = 0.0,
) -> tuple[Array, Array | None]:
    """Cross-entropy between target labels (or distributions) and a softmax.

    Formula:
        With p = softmax(logits), ε the label smoothing, C classes and weights w (1 without):
        index label y: loss = (1 − ε) · w[y] · −log p[y] + ε/C · Σ_c w[c] · −log p[c],
        mean = Σ loss / Σ w[y] over the targets that are not ignored.
        distribution q: loss = Σ_c w[c] · ((1 − ε) · q[c] + ε/C) · −log p[c], mean = Σ loss / N.
        0 · log 0 = 0; a class of logit −inf is masked out.
    Domain:
        predictions: logits (finite or −inf), or probabilities or log-probabilities whose rows agree.
        targets: class indices 0 .. C−1, one-hot rows or distributions; told by their shape.
    Shapes:
        (C) with () or (C), (N, C) with (N) or (N, C), (N, C, d1, ...) with (N, d1, ...) or the same.
        Elements: the predictions' shape without the class axis.
    Unit:
        nats, unless another base is asked for.
    Options:
        class_weight: The weight of each class; with index labels also in the mean's denominator.
        label_smoothing: The share ε of every label that is spread evenly over the classes.
    Raises:
        DataError: a label outside the classes, a distribution that does not sum to 1, a row that
        contradicts the kind, NaN, +inf, unequal lengths.
        UsageError: an option outside its bounds.
    Conventions:
        torch: class axis 1; with distributions the mean divides by N even with class weights, and
        ignore_index does not apply. −inf logits with a zero label give nan there, 0 here.
        keras: from_logits=False is the default and clips probabilities at 1e−7 and renormalises.
        tf: label and logits are keywords; document 004 swaps them.
        sklearn: log_loss clips at the eps of the dtype; its columns follow the sorted labels.
        optax: class axis −1; label −1 wraps to the last class in silence; here it is an error.
    Source:
        Documents 002 (H(q, p), CrossEntropyLoss = LogSoftmax + NLLLoss) and 004 (softmax, sparse).
    Example:
        >>> float(losscli.cross_entropy([[50.0, 0.0]], [0]))
        1.9287498479639178e-22
        >>> float(losscli.cross_entropy([0.4, 0.4, 0.2], [0.5, 0.3, 0.2], kind="probs"))
        1.0549201679861442
    Command:
        losscli cross-entropy sample_data/digits_logits.npy sample_data/digits_labels.npy
    """
    classes = surprisal.scores.shape[1]
    if target.ndim == 2:
        share = target if not label_smoothing else (1.0 - label_smoothing) * target + label_smoothing / classes
        if class_weight is not None:
            share = share * class_weight
        return times(share, surprisal.each()).sum(axis=1), None

    loss = surprisal.of(target)
    weight = None
    if class_weight is not None:
        weight = class_weight[target]
        loss = times(weight, loss)
    if label_smoothing:
        each = surprisal.each() if class_weight is None else times(class_weight, surprisal.each())
        each *= label_smoothing / classes  # before they are summed, which may be more than float64 holds
        loss = times(np.asarray(1.0 - label_smoothing), loss) + each.sum(axis=1)
    return loss, weight
