"""Losses of sequences: sums of surprisals over time steps."""

from __future__ import annotations

import numpy as np

from losscli.losses.catalogue import loss
from losscli.losses.classification import Surprisal
from losscli.losses.contracts import Alignment, ScoreKind, Tokens
from losscli.losses.reading import InOrder, one_by_one
from losscli.numerics import Array, exp


@loss(
    family="sequence",
    formula="loss = −log P(x₁ … x_T | s) = −Σ_t log P(x_t | x_<t, s)",
    contract=Tokens(),
    aliases=("language_model_loss", "lm_loss", "causal_lm_loss", "teacher_forcing_nll"),
    documents=("000",),
)
def sequence_nll(surprisal: Surprisal, token: np.ndarray) -> Array:
    r"""Negative log-likelihood of sequences of tokens, as a language model is scored.

    Formula:
        a token: −log P(x_t | x_<t, s), from the scores that the model gave before it saw x_t.
        a sample (one sequence): the sum over its scored tokens.
        mean = Σ loss / number of scored tokens: nats per token.
    Domain:
        predictions: logits, log-probabilities or probabilities over the vocabulary, or, by kind, the
        log-probabilities (or probabilities) of the chosen tokens alone.
        targets: token indices 0 .. V−1; none for kinds of chosen tokens.
    Shapes:
        (N, T, V) with (N, T), or (T, V) with (T) for one sequence; chosen tokens (N, T), (T) or lists of
        varying length. Elements: (N, T).
    Unit:
        nats, unless another base is asked for.
    Raises:
        DataError: a token outside the vocabulary, a length beyond the array, a row that contradicts the
        kind, NaN in a row that is scored, unequal shapes.
    Conventions:
        Document 000 sums over the steps; frameworks report the mean per token: both are shown.
        torch: cross_entropy over logits[:, :-1] and tokens[:, 1:] is `--shift 1`.
        Padding, prompts and masked tokens are not scored and are counted apart. By --ignore-index alone
        the first token behind padding on the left is scored from the row before it, as torch does.
    Source:
        Document 000 (unconditional and conditional NLL of a sequence).
    Example:
        >>> step_probs = [0.6, 0.5, 0.9, 0.25]
        >>> float(losscli.sequence_nll(step_probs, kind="token-probs", reduction="sum"))
        2.695627681103653
    Command:
        losscli sequence-nll sample_data/lm_logits.npy sample_data/lm_tokens.npy \
            --shift 1 --ignore-index -100
    """
    return surprisal.of(token)


@loss(
    family="sequence",
    formula="perplexity = exp(−Σ_t log P(x_t | x_<t, s) / number of scored tokens)",
    contract=Tokens(),
    aliases=("ppl",),
    documents=("000",),
    of_mean=exp,
)
def perplexity(surprisal: Surprisal, token: np.ndarray) -> Array:
    r"""Perplexity of sequences of tokens: the exponential of the mean of `sequence-nll`.

    Formula:
        perplexity = exp(mean of −log P(x_t | x_<t, s) over all scored tokens)
    Domain:
        as for `sequence-nll`.
    Shapes:
        as for `sequence-nll`. Elements: (N, T), in nats.
    Unit:
        perplexity: the number of equally likely tokens that would be as surprising.
    Raises:
        DataError: as `sequence-nll`.
        UsageError: a reduction other than mean.
    Conventions:
        The mean is over all tokens of the corpus, not over sequences and not over batches.
    Source:
        Document 000, by exponentiation.
    Example:
        >>> round(float(losscli.perplexity([0.5, 0.25, 0.5, 0.25], kind="token-probs")), 12)
        2.828427124746
    Command:
        losscli perplexity sample_data/lm_logits.npy sample_data/lm_tokens.npy \
            --shift 1 --ignore-index -100
    """
    return surprisal.of(token)


@loss(
    family="sequence",
    formula="loss = −log Σ_π Π_t p_t(π_t)   over the paths π that read as the target",
    contract=Alignment(),
    aliases=("CTCLoss", "ctc_loss", "connectionist_temporal_classification"),
    documents=("003",),
)
def ctc(
    frames: np.ndarray,
    targets: np.ndarray,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
    blank: int,
    kind: ScoreKind,
    in_order: InOrder = one_by_one,
) -> Array:
    r"""Connectionist temporal classification: a label sequence over all its alignments.

    Formula:
        loss = −log Σ_π Π_t p_t(π_t), over all paths π of one class a frame that read as the target
        once runs of one class are drawn together and blanks are dropped.
        mean, by --mean-rule: torch: Σ (loss / labels) / N; sample: Σ loss / N; label: Σ loss / Σ labels.
        +inf where no alignment exists: frames < labels + repeats.
    Domain:
        predictions: log-probabilities, probabilities or logits of each frame.
        targets: class indices other than the blank.
    Shapes:
        (T, N, C), or (N, T, C) by --layout ntc, or (T, C) for one utterance, or lists of T rows of C;
        targets (N, S) padded, one vector of length Σ target_lengths, (S) for one utterance, or lists.
        Elements: (N).
    Unit:
        nats, unless another base is asked for.
    Raises:
        DataError: a label that is the blank or outside the classes, a length beyond the array, a frame
        that contradicts the kind, NaN in a frame that counts.
        UsageError: an option outside its bounds.
    Conventions:
        torch: divides each loss by its target length (at least 1) before the mean; a label outside the
        classes reads foreign memory there, and logits are taken for log-probabilities.
        tf, keras, optax: do not divide by the length; an impossible target costs 708 or 1e5, not inf.
        keras: blank is 0 and label 0 cannot be a label; tf.compat.v1: blank is the last class.
    Source:
        Document 003 (CTCLoss). Graves, Fernández, Gomez & Schmidhuber, 2006.
    Example:
        >>> frames = [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.4, 0.4, 0.2]]
        >>> round(float(losscli.ctc(frames, [1, 2], kind="probs", reduction="sum")), 12)
        1.160913314865
    Command:
        losscli ctc sample_data/ctc_log_probs.npy sample_data/ctc_targets.npy \
            --input-lengths sample_data/ctc_input_lengths.npy \
            --target-lengths sample_data/ctc_target_lengths.npy
    """
    from losscli.losses.lattice import ctc_nll

    return ctc_nll(frames, targets, input_lengths, target_lengths, blank=blank, kind=kind, in_order=in_order)
