"""What a peer answers to the calls of the corpus, in float64: peers.py NAME CALLS ANSWERS, run where the peer is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Answers = dict[str, Callable[..., Any]]
SIGMA, POS_WEIGHT = 3.0, 3.7


def torch() -> Answers:
    import torch
    from torch.nn import functional as f

    tensor = torch.tensor

    def of(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        return lambda p, y: function(tensor(p), tensor(y), reduction="none", **options).numpy()

    def ctc(p: np.ndarray, y: np.ndarray) -> np.ndarray:
        lengths = tensor([len(p)]), tensor([y.shape[1]])
        return f.ctc_loss(torch.log_softmax(tensor(p), -1), tensor(y), *lengths, reduction="none").numpy()

    return {
        "l1": of(f.l1_loss),
        "mse": of(f.mse_loss),
        "huber": of(f.huber_loss),
        "gaussian_nll": of(f.gaussian_nll_loss, var=SIGMA**2, full=True),
        "bce": of(f.binary_cross_entropy),
        "sigmoid_cross_entropy": of(f.binary_cross_entropy_with_logits),
        "weighted_cross_entropy": of(f.binary_cross_entropy_with_logits, pos_weight=tensor(POS_WEIGHT).double()),
        "nll of probabilities": lambda p, y: f.nll_loss(tensor(p).log(), tensor(y), reduction="none").numpy(),
        "cross_entropy": of(f.cross_entropy),
        "ctc": ctc,
    }


def tensorflow() -> Answers:
    import tensorflow as tf

    tf.keras.backend.set_floatx("float64")
    keras = tf.keras.losses

    def of(loss: Any) -> Callable[..., Any]:
        return lambda p, y: loss(y[:, None], p[:, None]).numpy()

    def ctc(p: np.ndarray, y: np.ndarray) -> np.ndarray:
        lengths = [y.shape[1]], [len(p)]
        single = p.astype(np.float32)  # it takes no other
        return tf.nn.ctc_loss(y.astype(np.int32), single, *lengths, logits_time_major=True, blank_index=0).numpy()

    return {
        "l1": of(keras.MeanAbsoluteError(reduction="none")),
        "mse": of(keras.MeanSquaredError(reduction="none")),
        "huber": of(keras.Huber(reduction="none")),
        "hinge": of(keras.Hinge(reduction="none")),
        "bce": of(keras.BinaryCrossentropy(reduction="none")),
        "sigmoid_cross_entropy": lambda p, y: tf.nn.sigmoid_cross_entropy_with_logits(y, p).numpy(),
        "weighted_cross_entropy": lambda p, y: tf.nn.weighted_cross_entropy_with_logits(
            y, p, np.float64(POS_WEIGHT)
        ).numpy(),
        "nll of probabilities": lambda p, y: keras.SparseCategoricalCrossentropy(reduction="none")(y, p).numpy(),
        "cross_entropy": lambda p, y: tf.nn.sparse_softmax_cross_entropy_with_logits(y, p).numpy(),
        "ctc": ctc,
    }


def optax() -> Answers:
    import jax

    jax.config.update("jax_enable_x64", True)
    import optax

    def ctc(p: np.ndarray, y: np.ndarray) -> np.ndarray:
        batch = p.transpose(1, 0, 2)
        return optax.ctc_loss(batch, np.zeros(batch.shape[:2]), y, np.zeros(y.shape))

    return {
        "l1": optax.losses.absolute_error if hasattr(optax.losses, "absolute_error") else lambda p, y: abs(p - y),
        "mse": optax.squared_error,
        "huber": optax.huber_loss,
        "hinge": optax.hinge_loss,
        "sigmoid_cross_entropy": optax.sigmoid_binary_cross_entropy,
        "cross_entropy": optax.softmax_cross_entropy_with_integer_labels,
        "ctc": ctc,
    }


def sklearn() -> Answers:
    from sklearn import metrics

    def each(metric: Callable[..., float]) -> Callable[..., Any]:
        return lambda p, y: [metric([target], [prediction]) for prediction, target in zip(p, y, strict=True)]

    def log_loss(p: np.ndarray, y: np.ndarray) -> list[float]:
        classes = list(range(p.shape[1]))
        return [metrics.log_loss([label], [row], labels=classes) for row, label in zip(p, y, strict=True)]

    return {
        "l1": each(metrics.mean_absolute_error),
        "mse": each(metrics.mean_squared_error),
        "nll of probabilities": log_loss,
    }


def main() -> None:
    """Answer each call that this peer has a loss for."""
    peer, calls, answers = sys.argv[1:]
    functions = {"torch": torch, "tensorflow": tensorflow, "optax": optax, "sklearn": sklearn}[peer]()
    inputs = np.load(calls)
    found = {}
    for number, loss in enumerate(json.loads(str(inputs["losses"]))):
        if loss in functions:
            answer = functions[loss](inputs[f"p{number}"], inputs[f"y{number}"])
            found[str(number)] = np.asarray(answer, np.float64).reshape(-1)
    np.savez(Path(answers), **found)


if __name__ == "__main__":
    main()
