"""Losses of sequences: sums of surprisals over time steps."""

from __future__ import annotations

import math

import numpy as np

from losscli.losses.catalogue import loss
from losscli.losses.classification import Surprisal
from losscli.losses.contracts import Tokens
from losscli.numerics import Array


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
        Padding, prompts and masked tokens are not scored and are counted apart.
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
    of_mean=math.exp,
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
