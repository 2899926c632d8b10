"""What a peer answers to the calls of the corpus, in float64: peers.py NAME CALLS ANSWERS, run where the peer is."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Answers = dict[str, Callable[..., Any]]
"""Functions by the loss and the kind of its predictions; each takes predictions, targets and options."""


def torch() -> Answers:
    import torch
    from torch.nn import functional as f

    tensor = torch.tensor

    def of(function: Callable[..., Any], **names: str) -> Callable[..., Any]:
        def answer(p: np.ndarray, y: np.ndarray, **options: np.ndarray) -> Any:
            renamed = {names.get(name, name): tensor(value) for name, value in options.items()}
            return function(tensor(p), tensor(y), reduction="none", **renamed).numpy()

        return answer

    def cross_entropy(p: np.ndarray, y: np.ndarray, label_smoothing: float = 0.0) -> Any:
        return f.cross_entropy(tensor(p), tensor(y), reduction="none", label_smoothing=float(label_smoothing)).numpy()

    def gaussian(p: np.ndarray, y: np.ndarray, variance: np.ndarray) -> Any:
        inputs = map(tensor, (p, y, variance))
        return f.gaussian_nll_loss(*inputs, full=True, eps=0.0, reduction="none").numpy()

    def tokens(p: np.ndarray, y: np.ndarray) -> np.ndarray:
        return cross_entropy(p.swapaxes(1, 2), y)

    def ctc(log_probs: Any, y: np.ndarray) -> Any:
        lengths = tensor([len(log_probs)]), tensor([y.shape[1]])
        return f.ctc_loss(log_probs, tensor(y), *lengths, reduction="none").numpy()

    return {
        "l1": of(f.l1_loss),
        "l2": of(f.mse_loss),
        "mse": of(f.mse_loss),
        "huber": of(f.huber_loss),
        "gaussian-nll": gaussian,
        "bce": of(f.binary_cross_entropy),
        "sigmoid-cross-entropy": of(f.binary_cross_entropy_with_logits),
        "weighted-cross-entropy": of(f.binary_cross_entropy_with_logits),
        "nll log-probs": of(f.nll_loss),
        "nll probs": lambda p, y: f.nll_loss(tensor(p).log(), tensor(y), reduction="none").numpy(),
        "cross-entropy logits": cross_entropy,
        "sequence-nll logits": tokens,
        "perplexity logits": lambda p, y: np.exp(tokens(p, y).mean()),
        "ctc logits": lambda p, y: ctc(torch.log_softmax(tensor(p), -1), y),
        "ctc log-probs": lambda p, y: ctc(tensor(p), y),
        "ctc probs": lambda p, y: ctc(tensor(p).log(), y),
    }


def tensorflow() -> Answers:
    import tensorflow as tf

    tf.keras.backend.set_floatx("float64")
    keras = tf.keras.losses

    def of(loss: Any) -> Callable[..., Any]:
        return lambda p, y: loss(y[:, None], p[:, None]).numpy()

    def cross_entropy(p: np.ndarray, y: np.ndarray, label_smoothing: float = 0.0) -> Any:
        if y.ndim == p.ndim:
            return tf.nn.softmax_cross_entropy_with_logits(y, p).numpy()
        if label_smoothing:
            smooth = keras.CategoricalCrossentropy(True, float(label_smoothing), reduction="none")
            return smooth(np.eye(p.shape[-1])[y], p).numpy()
        return tf.nn.sparse_softmax_cross_entropy_with_logits(y, p).numpy()

    def ctc(p: np.ndarray, y: np.ndarray) -> np.ndarray:
        lengths = [y.shape[1]], [len(p)]
        single = p.astype(np.float32)  # it takes no other
        options = {"logits_time_major": True, "blank_index": 0}
        # Frame after frame in Python would take minutes.
        return tf.function(lambda: tf.nn.ctc_loss(y.astype(np.int32), single, *lengths, **options))().numpy()

    def weighted(p: np.ndarray, y: np.ndarray, pos_weight: np.ndarray) -> Any:
        return tf.nn.weighted_cross_entropy_with_logits(y, p, pos_weight).numpy()

    return {
        "l1": of(keras.MeanAbsoluteError(reduction="none")),
        "l2": of(keras.MeanSquaredError(reduction="none")),
        "mse": of(keras.MeanSquaredError(reduction="none")),
        "huber": of(keras.Huber(reduction="none")),
        "hinge": of(keras.Hinge(reduction="none")),
        "bce": of(keras.BinaryCrossentropy(reduction="none")),
        "sigmoid-cross-entropy": lambda p, y: tf.nn.sigmoid_cross_entropy_with_logits(y, p).numpy(),
        "weighted-cross-entropy": weighted,
        "nll probs": lambda p, y: keras.SparseCategoricalCrossentropy(reduction="none")(y, p).numpy(),
        "cross-entropy logits": cross_entropy,
        "sequence-nll logits": cross_entropy,
        "perplexity logits": lambda p, y: np.exp(cross_entropy(p, y).mean()),
        "ctc logits": ctc,
        "ctc log-probs": ctc,
        "ctc probs": lambda p, y: ctc(np.log(p), y),
    }


def optax() -> Answers:
    import jax

    jax.config.update("jax_enable_x64", True)
    import optax

    def cross_entropy(p: np.ndarray, y: np.ndarray, label_smoothing: float = 0.0) -> Any:
        if y.ndim == p.ndim:
            return optax.softmax_cross_entropy(p, y)
        if label_smoothing:
            return optax.softmax_cross_entropy(p, optax.smooth_labels(np.eye(p.shape[-1])[y], float(label_smoothing)))
        return optax.softmax_cross_entropy_with_integer_labels(p, y)

    def ctc(p: np.ndarray, y: np.ndarray) -> Any:
        batch = p.transpose(1, 0, 2)
        return optax.ctc_loss(batch, np.zeros(batch.shape[:2]), y, np.zeros(y.shape))

    return {
        "l2": optax.squared_error,
        "mse": optax.squared_error,
        "huber": optax.huber_loss,
        "hinge": optax.hinge_loss,
        "sigmoid-cross-entropy": optax.sigmoid_binary_cross_entropy,
        "cross-entropy logits": cross_entropy,
        "sequence-nll logits": cross_entropy,
        "perplexity logits": lambda p, y: np.exp(np.mean(cross_entropy(p, y))),
        "ctc logits": ctc,
        "ctc log-probs": ctc,
        "ctc probs": lambda p, y: ctc(np.log(p), y),
    }


def sklearn() -> Answers:
    from sklearn import metrics

    def each(metric: Callable[..., float]) -> Callable[..., Any]:
        return lambda p, y: [metric([target], [value]) for value, target in zip(p, y, strict=True)]

    def log_loss(p: np.ndarray, y: np.ndarray) -> list[float]:
        classes = list(range(p.shape[1]))
        return [metrics.log_loss([label], [row], labels=classes) for row, label in zip(p, y, strict=True)]

    return {
        "l1": each(metrics.mean_absolute_error),
        "l2": each(metrics.mean_squared_error),
        "mse": each(metrics.mean_squared_error),
        "nll probs": log_loss,
    }


PEERS = {"torch": torch, "tensorflow": tensorflow, "optax": optax, "sklearn": sklearn}
PACKAGES = {"torch": "torch", "tensorflow": "tensorflow-cpu", "optax": "optax", "sklearn": "scikit-learn"}


def main() -> None:
    """Answer each call that this peer has a loss for."""
    peer, calls, answers = sys.argv[1:]
    functions = PEERS[peer]()
    inputs = np.load(calls)
    found = {"version": np.array(importlib.metadata.version(PACKAGES[peer]))}
    for number, call in enumerate(json.loads(str(inputs["calls"]))):
        if call["loss"] in functions:
            options = {name: inputs[f"{number} {name}"] for name in call["options"]}
            answer = functions[call["loss"]](inputs[f"{number} predictions"], inputs[f"{number} targets"], **options)
            found[str(number)] = np.asarray(answer, np.float64).reshape(-1)
    np.savez(Path(answers), **found)


if __name__ == "__main__":
    main()
