"""What one would write in optax, under jit, in float32 as stored."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from answering import Work, answer


@jax.jit
def mean_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


@jax.jit
def mean_ctc(
    scores: jax.Array, score_paddings: jax.Array, labels: jax.Array, label_paddings: jax.Array, lengths: jax.Array
) -> jax.Array:
    return (optax.ctc_loss(scores, score_paddings, labels, label_paddings) / lengths).mean()


def load(file: str) -> jax.Array:
    return jnp.asarray(np.load(file))


def cross_entropy(logits: str, labels: str) -> Work:
    predictions, targets = load(logits), load(labels)
    return lambda: float(mean_cross_entropy(predictions, targets))


def ctc(log_probs: str, targets: str, input_lengths: str, target_lengths: str) -> Work:
    """Batch first, and paddings for lengths: turned before the clock starts."""
    scores = jnp.asarray(np.ascontiguousarray(np.load(log_probs).swapaxes(0, 1)))
    labels, frames, lengths = np.load(targets), np.load(input_lengths), np.load(target_lengths)
    arguments = (
        scores,
        jnp.asarray(_paddings(frames, scores.shape[1])),
        jnp.asarray(labels),
        jnp.asarray(_paddings(lengths, labels.shape[1])),
        jnp.asarray(lengths, jnp.float32),
    )
    return lambda: float(mean_ctc(*arguments))


def _paddings(lengths: np.ndarray, steps: int) -> np.ndarray:
    return (np.arange(steps) >= lengths[:, np.newaxis]).astype(np.float32)


if __name__ == "__main__":
    answer({"cross-entropy": cross_entropy, "ctc": ctc})
