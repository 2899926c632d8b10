"""What optax answers with 64-bit jax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import optax

if TYPE_CHECKING:
    from writing import Book

jax.config.update("jax_enable_x64", True)

OPTAX = f"optax {optax.__version__}"
JAX = f"jax {jax.__version__}"


def optax_cases(book: Book) -> None:
    """What optax answers with 64-bit jax: un-reduced, the class axis last."""

    def add(name: str, loss: str, call: str, answer: Any, **rest: Any) -> None:
        book.add(f"optax-{name}", loss, source=OPTAX, call=call, expected=np.asarray(answer), **rest)

    losses = optax.losses
    last = {"kind": "logits", "class_axis": -1}
    tokens, chosen, shares = (np.array(book.arrays[name]) for name in ("logits_last", "labels_last", "soft_last"))
    add(
        "ce-integer",
        "cross_entropy",
        "softmax_cross_entropy_with_integer_labels(predictions, targets)",
        losses.softmax_cross_entropy_with_integer_labels(tokens, chosen),
        predictions={"array": "logits_last"},
        targets={"array": "labels_last"},
        options=last,
    )
    add(
        "ce-soft",
        "cross_entropy",
        "softmax_cross_entropy(predictions, targets)",
        losses.softmax_cross_entropy(tokens, shares),
        predictions={"array": "logits_last"},
        targets={"array": "soft_last"},
        options=last,
    )
    masked = np.array([[0.5, -np.inf, 1.25, -0.75], [-np.inf, 2.0, -np.inf, 0.0], [1.0, 2.0, 3.0, 4.0]])
    targets = np.array([[0.5, 0.0, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]])
    for name, soft in (("soft", targets), ("onehot", np.eye(4)[[2, 3, 0]])):
        add(
            f"ce-safe-{name}",
            "cross_entropy",
            "safe_softmax_cross_entropy(predictions, targets)",
            losses.safe_softmax_cross_entropy(masked, soft),
            predictions=book.array("logits_masked_soft", masked),
            targets=soft,
            options=last,
        )
    x, y = np.array(book.arrays["binary_logits_N"]), np.array(book.arrays["binary_soft_N"])
    add(
        "sigmoid-ce",
        "sigmoid_cross_entropy",
        "sigmoid_binary_cross_entropy(predictions, targets)",
        losses.sigmoid_binary_cross_entropy(x, y),
        predictions={"array": "binary_logits_N"},
        targets={"array": "binary_soft_N"},
    )
    x, y = np.array(book.arrays["values_N"]), np.array(book.arrays["measured_N"])
    values: dict[str, Any] = {"predictions": {"array": "values_N"}, "targets": {"array": "measured_N"}}
    for delta in (0.5, 1.0, 2.5):
        add(
            f"huber-{delta:g}",
            "huber",
            f"huber_loss(predictions, targets, delta={delta})",
            losses.huber_loss(x, y, delta=delta),
            options={"delta": delta},
            **values,
        )
    for loss in ("l2", "mse"):
        call = "squared_error(predictions, targets)"
        add(f"{loss}", loss, call, losses.squared_error(x, y), **values)
    add(
        "hinge-pm1",
        "hinge",
        "hinge_loss(predictions, targets)",
        losses.hinge_loss(np.array(book.arrays["scores"]), np.array(book.arrays["hinge_labels_pm1"], dtype=float)),
        predictions={"array": "scores"},
        targets={"array": "hinge_labels_pm1"},
    )
