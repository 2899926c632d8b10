"""Asks the frameworks for golden values and writes `frameworks.json`.

Made with torch 2.13.0, tensorflow 2.21.0, keras 3.15.1, optax 0.2.8 on jax 0.10.2,
scikit-learn 1.9.1, scipy 1.17.1 and mpmath 1.3.0. To make it again, in an environment of its own:

    pip install torch tensorflow-cpu keras optax scikit-learn mpmath
    python tests/goldens/make_goldens.py

Inputs are seeded and short; everything is computed in float64, so `rtol` is 1e-12 unless a
framework itself is less exact. mpmath answers what no framework gets right in float64. Options
carry losscli's names; `call` says what was called, with `predictions` and `targets` as inputs.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import keras
import mpmath
import numpy as np
import optax
import scipy
import scipy.special
import sklearn
import sklearn.metrics
import tensorflow as tf
import torch
from torch.nn import functional
from writing import Book, plain

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)
mpmath.mp.dps = 60

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TORCH = f"torch {torch.__version__.partition('+')[0]}"
TF = f"tensorflow {tf.__version__}"
KERAS = f"keras {keras.__version__} on tensorflow {tf.__version__}"
OPTAX = f"optax {optax.__version__}"
SKLEARN = f"scikit-learn {sklearn.__version__}"
SCIPY = f"scipy {scipy.__version__}"
MPMATH = f"mpmath {mpmath.__version__}"

REDUCTIONS = ("mean", "sum", "none")
CLASSES = 4
CLASS_WEIGHT = [0.5, 0.0, 2.0, 1.25]
SHAPES = {"C": (CLASSES,), "NC": (5, CLASSES), "NCd": (3, CLASSES, 3), "NCdd": (2, CLASSES, 2, 3)}
SMOOTHINGS = (0.0, 0.1, 1.0)

rng = np.random.default_rng(20240607)


def numbers(*shape: int, scale: float = 2.0) -> np.ndarray:
    """Normal numbers of few digits."""
    return rng.normal(0, scale, shape).round(3)


def uniform(*shape: int) -> np.ndarray:
    """Numbers of few digits, well inside (0, 1)."""
    return rng.uniform(0.02, 0.98, shape).round(3)


def distributions(shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Distributions along an axis, of multiples of 1/20; some entries are 0."""
    others = shape[:axis] + shape[axis + 1 :]
    counts = rng.multinomial(20, [0.4, 0.3, 0.2, 0.1], size=others)
    return np.moveaxis(counts / 20, -1, axis)


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """What a model's last layer would store."""
    return torch.log_softmax(torch.tensor(x), axis).numpy()


def called(function: Any, predictions: Any, targets: Any, **keywords: Any) -> tuple[str, np.ndarray]:
    """The text of a call of `torch.nn.functional`, and its answer."""
    shown = ", ".join(f"{name}={value!r}" for name, value in keywords.items())
    text = f"F.{function.__name__}(predictions, targets, {shown})"
    tensors = {
        name: torch.tensor(value) if isinstance(value, list) else value for name, value in keywords.items()
    }
    answer = function(torch.tensor(predictions), torch.tensor(targets), **tensors)
    return text, answer.numpy()


def class_axis(shape: tuple[int, ...]) -> int:
    """Where torch has the classes."""
    return 0 if len(shape) == 1 else 1


def index_labels(shape: tuple[int, ...]) -> dict[str, tuple[np.ndarray, int | None]]:
    """Labels and ignore_index: not used, one that occurs, and the sentinel -100."""
    axis = class_axis(shape)
    size = shape[:axis] + shape[axis + 1 :]
    if not size:
        return {"keep": (np.array(3), None), "hit": (np.array(3), 2), "sentinel": (np.array(3), -100)}
    labels = rng.integers(0, CLASSES, size)
    labels.flat[:3] = [2, 1, 3]
    masked = labels.copy()
    masked.flat[[1, -1]] = -100
    return {"keep": (labels, None), "hit": (labels, 2), "sentinel": (masked, -100)}


def torch_index_labels(book: Book) -> None:
    """nll and cross_entropy, every combination of options over index labels."""
    for name, shape in SHAPES.items():
        logits = numbers(*shape)
        log_probs = log_softmax(logits, class_axis(shape))
        logits_ref = book.array(f"logits_{name}", logits)
        log_probs_ref = book.array(f"log_probs_{name}", log_probs)
        for mode, (labels, ignore) in index_labels(shape).items():
            labels_ref = book.array(f"labels_{name}_{'sentinel' if ignore == -100 else 'plain'}", labels)
            for weight, reduction in itertools.product((None, CLASS_WEIGHT), REDUCTIONS):
                keywords = {} if weight is None else {"weight": weight}
                keywords |= {} if ignore is None else {"ignore_index": ignore}
                options = {} if weight is None else {"class_weight": weight}
                options |= {} if ignore is None else {"ignore_index": ignore}
                suffix = f"{name}-{mode}-{'weighted' if weight else 'equal'}"
                call, answer = called(functional.nll_loss, log_probs, labels, **keywords, reduction=reduction)
                book.add(
                    f"torch-nll-{suffix}-{reduction}",
                    "nll",
                    source=TORCH,
                    call=call,
                    predictions=log_probs_ref,
                    targets=labels_ref,
                    options={"kind": "log-probs"} | options,
                    reduction=reduction,
                    expected=answer,
                )
                for smoothing in SMOOTHINGS:
                    call, answer = called(
                        functional.cross_entropy,
                        logits,
                        labels,
                        **keywords,
                        label_smoothing=smoothing,
                        reduction=reduction,
                    )
                    book.add(
                        f"torch-ce-{suffix}-smooth{smoothing:g}-{reduction}",
                        "cross_entropy",
                        source=TORCH,
                        call=call,
                        predictions=logits_ref,
                        targets=labels_ref,
                        options={"kind": "logits"} | options | {"label_smoothing": smoothing},
                        reduction=reduction,
                        expected=answer,
                    )


def torch_soft_labels(book: Book) -> None:
    """cross_entropy with distributions and one-hot rows as targets: the mean divides by N."""
    for name, shape in SHAPES.items():
        logits_ref = {"array": f"logits_{name}"}
        logits = np.array(book.arrays[f"logits_{name}"])
        axis = class_axis(shape)
        soft = distributions(shape, axis)
        hard = np.moveaxis(np.eye(CLASSES)[soft.argmax(axis)], -1, axis)
        for form, targets in (("soft", soft), ("onehot", hard)):
            ref = book.array(f"{form}_{name}", targets)
            for weight, smoothing, reduction in itertools.product(
                (None, CLASS_WEIGHT), SMOOTHINGS if form == "soft" else (0.0, 0.1), REDUCTIONS
            ):
                keywords = {} if weight is None else {"weight": weight}
                call, answer = called(
                    functional.cross_entropy,
                    logits,
                    targets,
                    **keywords,
                    label_smoothing=smoothing,
                    reduction=reduction,
                )
                options = {"kind": "logits", "label_smoothing": smoothing}
                book.add(
                    f"torch-ce-{form}-{name}-{'weighted' if weight else 'equal'}"
                    f"-smooth{smoothing:g}-{reduction}",
                    "cross_entropy",
                    source=TORCH,
                    call=call,
                    predictions=logits_ref,
                    targets=ref,
                    options=options if weight is None else options | {"class_weight": weight},
                    reduction=reduction,
                    expected=answer,
                )


def torch_class_edges(book: Book) -> None:
    """Other kinds of predictions, masked classes, and nothing left to score."""
    logits, labels = np.array(book.arrays["logits_NC"]), np.array(book.arrays["labels_NC_plain"])
    probs = distributions((5, CLASSES), 1) * 0.8 + 0.05
    probs_ref = book.array("probs_NC", probs)
    log_probs_ref, logits_ref = {"array": "log_probs_NC"}, {"array": "logits_NC"}
    labels_ref = {"array": "labels_NC_plain"}
    soft = np.array(book.arrays["soft_NC"])
    x, y, p, q = (torch.tensor(value) for value in (logits, labels, probs, soft))
    weight = torch.tensor(CLASS_WEIGHT)
    for reduction in REDUCTIONS:
        common = {"source": TORCH, "reduction": reduction}
        for loss in ("nll", "cross_entropy"):
            book.add(
                f"torch-{loss}-from-probs-{reduction}",
                loss,
                call=f"F.nll_loss(predictions.log(), targets, weight={CLASS_WEIGHT}, "
                f"reduction={reduction!r})",
                predictions=probs_ref,
                targets=labels_ref,
                options={"kind": "probs", "class_weight": CLASS_WEIGHT},
                expected=functional.nll_loss(p.log(), y, weight=weight, reduction=reduction),
                **common,
            )
        book.add(
            f"torch-nll-from-logits-{reduction}",
            "nll",
            call=f"F.cross_entropy(predictions, targets, weight={CLASS_WEIGHT}, reduction={reduction!r})",
            predictions=logits_ref,
            targets=labels_ref,
            options={"kind": "logits", "class_weight": CLASS_WEIGHT},
            expected=functional.cross_entropy(x, y, weight=weight, reduction=reduction),
            **common,
        )
        book.add(
            f"torch-ce-from-log-probs-{reduction}",
            "cross_entropy",
            call=f"F.nll_loss(predictions, targets, ignore_index=2, reduction={reduction!r})",
            predictions=log_probs_ref,
            targets=labels_ref,
            options={"kind": "log-probs", "ignore_index": 2},
            expected=functional.nll_loss(torch.log_softmax(x, 1), y, ignore_index=2, reduction=reduction),
            **common,
        )
        # Log-probabilities are logits whose logsumexp is 0: torch has no other way to score soft
        # labels against probabilities.
        for smoothing in (0.0, 0.1):
            book.add(
                f"torch-ce-soft-from-probs-smooth{smoothing:g}-{reduction}",
                "cross_entropy",
                call=f"F.cross_entropy(predictions.log(), targets, weight={CLASS_WEIGHT}, "
                f"label_smoothing={smoothing}, reduction={reduction!r})",
                predictions=probs_ref,
                targets={"array": "soft_NC"},
                options={"kind": "probs", "class_weight": CLASS_WEIGHT, "label_smoothing": smoothing},
                expected=functional.cross_entropy(
                    p.log(), q, weight=weight, label_smoothing=smoothing, reduction=reduction
                ),
                **common,
            )
    masked = logits.copy()
    masked[0, 0] = masked[2, 1] = masked[4, :3] = -np.inf
    open_labels = np.array([2, 1, 3, 0, 3])
    hidden_labels = np.array([0, 1, 3, 0, 3])
    masked_ref = book.array("logits_masked", masked)
    for name, target in (("open", open_labels), ("hidden", hidden_labels)):
        for reduction in REDUCTIONS:
            call, answer = called(functional.cross_entropy, masked, target, reduction=reduction)
            book.add(
                f"torch-ce-masked-class-{name}-{reduction}",
                "cross_entropy",
                source=TORCH,
                call=call,
                predictions=masked_ref,
                targets=target,
                options={"kind": "logits"},
                reduction=reduction,
                expected=answer,
            )
    nothing = np.full(5, 3)
    for loss, function, kind, values, ref in (
        ("nll", functional.nll_loss, "log-probs", log_softmax(logits, 1), log_probs_ref),
        ("cross_entropy", functional.cross_entropy, "logits", logits, logits_ref),
    ):
        call, answer = called(function, values, nothing, ignore_index=3, reduction="mean")
        book.add(
            f"torch-{loss}-all-ignored",
            loss,
            source=TORCH,
            call=call,
            predictions=ref,
            targets=nothing,
            options={"kind": kind, "ignore_index": 3, "on_empty": "nan"},
            reduction="mean",
            expected=answer,
        )


def torch_binary(book: Book) -> None:
    """bce, sigmoid_cross_entropy and weighted_cross_entropy, hard and soft targets."""
    for name, shape in (("N", (7,)), ("ND", (4, 3))):
        probs, logits = uniform(*shape), numbers(*shape, scale=4.0)
        hard, soft = rng.integers(0, 2, shape).astype(float), uniform(*shape)
        hard.flat[:2] = [0, 1]
        soft.flat[:2] = [0, 1]
        probs_ref = book.array(f"binary_probs_{name}", probs)
        logits_ref = book.array(f"binary_logits_{name}", logits)
        pos_weights: dict[str, float | list[float]] = {"half": 0.5, "three": 3.0}
        if name == "ND":
            pos_weights["each"] = [0.5, 3.0, 1.0]
        for form, targets in (("hard", hard), ("soft", soft)):
            targets_ref = book.array(f"binary_{form}_{name}", targets)
            for reduction in REDUCTIONS:
                common: dict[str, Any] = {"source": TORCH, "targets": targets_ref, "reduction": reduction}
                suffix = f"{name}-{form}-{reduction}"
                call, answer = called(functional.binary_cross_entropy, probs, targets, reduction=reduction)
                book.add(
                    f"torch-bce-{suffix}", "bce", call=call, predictions=probs_ref, expected=answer, **common
                )
                function = functional.binary_cross_entropy_with_logits
                call, answer = called(function, logits, targets, reduction=reduction)
                book.add(
                    f"torch-sigmoid-ce-{suffix}",
                    "sigmoid_cross_entropy",
                    call=call,
                    predictions=logits_ref,
                    expected=answer,
                    **common,
                )
                for weighting, pos_weight in pos_weights.items():
                    keywords = {
                        "pos_weight": pos_weight if isinstance(pos_weight, list) else [pos_weight],
                        "reduction": reduction,
                    }
                    call, answer = called(function, logits, targets, **keywords)
                    book.add(
                        f"torch-weighted-ce-{weighting}-{suffix}",
                        "weighted_cross_entropy",
                        call=call,
                        predictions=logits_ref,
                        options={"pos_weight": pos_weight},
                        expected=answer,
                        **common,
                    )


def torch_regression(book: Book) -> None:
    """l1, l2, mse and huber over samples and over samples of several outputs."""
    for name, shape in (("N", (7,)), ("ND", (4, 3)), ("NDD", (2, 2, 2))):
        predictions, targets = numbers(*shape), numbers(*shape)
        targets.flat[0] = predictions.flat[0]
        targets.flat[1] = predictions.flat[1] + 0.5
        refs = {
            "predictions": book.array(f"values_{name}", predictions),
            "targets": book.array(f"measured_{name}", targets),
        }
        for reduction in REDUCTIONS:
            for loss, function in (
                ("l1", functional.l1_loss),
                ("l2", functional.mse_loss),
                ("mse", functional.mse_loss),
            ):
                call, answer = called(function, predictions, targets, reduction=reduction)
                book.add(
                    f"torch-{loss}-{name}-{reduction}",
                    loss,
                    source=TORCH,
                    call=call,
                    reduction=reduction,
                    expected=answer,
                    **refs,
                )
            for delta in (0.25, 0.5, 1.0, 2.5, 100.0):
                call, answer = called(
                    functional.huber_loss, predictions, targets, delta=delta, reduction=reduction
                )
                book.add(
                    f"torch-huber-{delta:g}-{name}-{reduction}",
                    "huber",
                    source=TORCH,
                    call=call,
                    options={"delta": delta},
                    reduction=reduction,
                    expected=answer,
                    **refs,
                )


def torch_sample_weights(book: Book) -> None:
    """Sample weights: torch weighs mse and l1 itself, the rest is its elements times the weights."""
    w = [0.5, 2.0, 0.0, 1.5]
    w_list = "[0.5, 2.0, 0.0, 1.5]"
    for loss, function in (
        ("l1", functional.l1_loss),
        ("mse", functional.mse_loss),
        ("l2", functional.mse_loss),
    ):
        x = torch.tensor(book.arrays["values_ND"])
        y = torch.tensor(book.arrays["measured_ND"])
        weight = torch.tensor(w)[:, None].expand(4, 3)
        for reduction in REDUCTIONS:
            book.add(
                f"torch-{loss}-sample-weight-{reduction}",
                loss,
                source=TORCH,
                call=f"F.{function.__name__}(predictions, targets, "
                f"weight=tensor({w_list})[:, None].expand(4, 3), reduction={reduction!r})",
                predictions={"array": "values_ND"},
                targets={"array": "measured_ND"},
                options={"sample_weight": w},
                reduction=reduction,
                expected=function(x, y, weight=weight, reduction=reduction),
            )
    w5 = [0.5, 2.0, 1.5, 0.0, 1.0]
    x = torch.tensor(book.arrays["logits_NC"])
    y = torch.tensor(book.arrays["labels_NC_plain"])
    q = torch.tensor(book.arrays["soft_NC"])
    samples, classes = (torch.tensor(value) for value in (w5, CLASS_WEIGHT))
    scored = (y != 2).double()
    for smoothing in SMOOTHINGS:
        index = samples * functional.cross_entropy(
            x, y, weight=classes, ignore_index=2, label_smoothing=smoothing, reduction="none"
        )
        soft = samples * functional.cross_entropy(
            x, q, weight=classes, label_smoothing=smoothing, reduction="none"
        )
        for form, elements, share, target, extra in (
            ("index", index, samples * classes[y] * scored, "labels_NC_plain", {"ignore_index": 2}),
            ("soft", soft, samples, "soft_NC", {}),
        ):
            call = (
                f"e = w * F.cross_entropy(predictions, targets, weight=cw, label_smoothing={smoothing}, "
                + ("ignore_index=2, " if extra else "")
                + "reduction='none'); mean = e.sum() / "
                + ("(w * cw[targets] * (targets != 2)).sum()" if extra else "w.sum()")
            )
            for reduction, answer in (
                ("mean", elements.sum() / share.sum()),
                ("sum", elements.sum()),
                ("none", elements),
            ):
                book.add(
                    f"torch-ce-{form}-sample-weight-smooth{smoothing:g}-{reduction}",
                    "cross_entropy",
                    source=TORCH,
                    call=call,
                    predictions={"array": "logits_NC"},
                    targets={"array": target},
                    options={
                        "kind": "logits",
                        "class_weight": CLASS_WEIGHT,
                        "label_smoothing": smoothing,
                        "sample_weight": w5,
                    }
                    | extra,
                    reduction=reduction,
                    expected=answer,
                )
    elementwise = torch.tensor(w)[:, None].expand(4, 3)
    for loss, function, values, options in (
        ("bce", functional.binary_cross_entropy, "binary_probs_ND", {}),
        ("sigmoid_cross_entropy", functional.binary_cross_entropy_with_logits, "binary_logits_ND", {}),
        (
            "weighted_cross_entropy",
            functional.binary_cross_entropy_with_logits,
            "binary_logits_ND",
            {"pos_weight": [0.5, 3.0, 1.0]},
        ),
    ):
        x = torch.tensor(book.arrays[values])
        y = torch.tensor(book.arrays["binary_soft_ND"])
        keywords = {name: torch.tensor(value) for name, value in options.items()}
        shown = "".join(f"{name}={value}, " for name, value in options.items())
        elements = function(x, y, weight=elementwise, reduction="none", **keywords)
        for reduction, answer in (
            ("mean", elements.sum() / elementwise.sum()),
            ("sum", elements.sum()),
            ("none", elements),
        ):
            book.add(
                f"torch-{loss}-sample-weight-{reduction}",
                loss,
                source=TORCH,
                call=f"e = F.{function.__name__}(predictions, targets, {shown}"
                f"weight=w[:, None].expand(4, 3), reduction='none'); mean = e.sum() / (w.sum() * 3)",
                predictions={"array": values},
                targets={"array": "binary_soft_ND"},
                options=options | {"sample_weight": w},
                reduction=reduction,
                expected=answer,
            )


def tensorflow_and_keras(book: Book) -> None:
    """What `tf.nn` and Keras answer in float64, and a class axis that comes last."""

    def add(case_id: str, loss: str, source: str, call: str, answer: Any, **rest: Any) -> None:
        book.add(case_id, loss, source=source, call=call, expected=np.asarray(answer), **rest)

    logits, soft = np.array(book.arrays["binary_logits_ND"]), np.array(book.arrays["binary_soft_ND"])
    refs: dict[str, Any] = {
        "predictions": {"array": "binary_logits_ND"},
        "targets": {"array": "binary_soft_ND"},
    }
    call = "tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=predictions)"
    answer = tf.nn.sigmoid_cross_entropy_with_logits(labels=soft, logits=logits)
    add("tf-sigmoid-ce", "sigmoid_cross_entropy", TF, call, answer, **refs)
    answer = keras.losses.BinaryCrossentropy(from_logits=True, dtype="float64")(soft, logits)
    call = "keras.losses.BinaryCrossentropy(from_logits=True, dtype='float64')(targets, predictions)"
    add("keras-sigmoid-ce", "sigmoid_cross_entropy", KERAS, call, answer, reduction="mean", **refs)
    for name, q in (("half", 0.5), ("each", [0.5, 3.0, 1.0])):
        call = f"tf.nn.weighted_cross_entropy_with_logits(labels=targets, logits=predictions, pos_weight={q})"
        answer = tf.nn.weighted_cross_entropy_with_logits(soft, logits, tf.constant(q, tf.float64))
        add(
            f"tf-weighted-ce-{name}",
            "weighted_cross_entropy",
            TF,
            call,
            answer,
            options={"pos_weight": q},
            **refs,
        )
    ramp, beyond = np.linspace(-2, 2, 9), np.linspace(-3, 5, 9)
    wild: dict[str, Any] = {
        "predictions": book.array("ramp", ramp),
        "targets": book.array("beyond", beyond),
    }
    call = "tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=predictions)"
    answer = tf.nn.sigmoid_cross_entropy_with_logits(labels=beyond, logits=ramp)
    unchecked = {"unchecked_targets": True}
    add("tf-sigmoid-ce-unchecked", "sigmoid_cross_entropy", TF, call, answer, options=unchecked, **wild)
    call = "tf.nn.weighted_cross_entropy_with_logits(labels=targets, logits=predictions, pos_weight=0.5)"
    answer = tf.nn.weighted_cross_entropy_with_logits(beyond, ramp, 0.5)
    add(
        "tf-weighted-ce-unchecked",
        "weighted_cross_entropy",
        TF,
        call,
        answer,
        options=unchecked | {"pos_weight": 0.5},
        **wild,
    )
    probs = np.array(book.arrays["binary_probs_ND"])
    for name, targets, options in (("", soft, {}), ("-unchecked", beyond[:8].reshape(4, 2), unchecked)):
        p = probs[:, : targets.shape[1]]
        add(
            f"keras-bce{name}",
            "bce",
            KERAS,
            "keras.losses.BinaryCrossentropy(dtype='float64')(targets, predictions)",
            keras.losses.BinaryCrossentropy(dtype="float64")(targets, p),
            predictions=p,
            targets=targets,
            options=options,
            reduction="mean",
            rtol=1e-11,
        )

    tokens = numbers(2, 3, CLASSES)
    chosen = rng.integers(0, CLASSES, (2, 3))
    shares = distributions((2, 3, CLASSES), 2)
    tokens_ref = book.array("logits_last", tokens)
    chosen_ref, shares_ref = book.array("labels_last", chosen), book.array("soft_last", shares)
    last = {"kind": "logits", "class_axis": -1}
    ce = "cross_entropy"
    index: dict[str, Any] = {"predictions": tokens_ref, "targets": chosen_ref, "options": last}
    dense: dict[str, Any] = {"predictions": tokens_ref, "targets": shares_ref, "options": last}
    call = "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=predictions)"
    answer = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=chosen, logits=tokens)
    add("tf-ce-sparse-last-axis", ce, TF, call, answer, **index)
    call = "tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=predictions)"
    answer = tf.nn.softmax_cross_entropy_with_logits(labels=shares, logits=tokens)
    add("tf-ce-soft-last-axis", ce, TF, call, answer, **dense)
    call = "tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=predictions, axis=1)"
    first_logits, first_shares = (
        np.array(book.arrays["logits_NCdd"]),
        np.array(book.arrays["soft_NCdd"]),
    )
    answer = tf.nn.softmax_cross_entropy_with_logits(labels=first_shares, logits=first_logits, axis=1)
    middle: dict[str, Any] = {
        "predictions": {"array": "logits_NCdd"},
        "targets": {"array": "soft_NCdd"},
        "options": {"kind": "logits", "class_axis": 1},
    }
    add("tf-ce-soft-axis-1", ce, TF, call, answer, **middle)
    call = "keras.losses.categorical_crossentropy(targets, predictions, from_logits=True, axis=1)"
    answer = keras.losses.categorical_crossentropy(first_shares, first_logits, from_logits=True, axis=1)
    add("keras-ce-soft-axis-1", ce, KERAS, call, answer, **middle)
    call = "keras.losses.sparse_categorical_crossentropy(targets, predictions, from_logits=True)"
    answer = keras.losses.sparse_categorical_crossentropy(chosen, tokens, from_logits=True)
    add("keras-ce-sparse-last-axis", ce, KERAS, call, answer, **index)
    call = (
        "keras.losses.categorical_crossentropy(targets, predictions, from_logits=True, label_smoothing=0.1)"
    )
    answer = keras.losses.categorical_crossentropy(shares, tokens, from_logits=True, label_smoothing=0.1)
    smooth = dense | {"options": last | {"label_smoothing": 0.1}}
    add("keras-ce-soft-smooth-last-axis", ce, KERAS, call, answer, **smooth)
    ignored = int(chosen.flat[0])
    call = (
        f"keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class={ignored}, "
        "dtype='float64')(targets, predictions)"
    )
    scorer = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=ignored, dtype="float64"
    )
    hit = index | {"options": last | {"ignore_index": ignored}, "reduction": "mean"}
    add("keras-ce-ignore-class", ce, KERAS, call, scorer(chosen, tokens), **hit)
    probs = np.array(book.arrays["probs_NC"])
    labels = np.array(book.arrays["labels_NC_plain"])
    from_probs: dict[str, Any] = {"predictions": {"array": "probs_NC"}, "options": {"kind": "probs"}}
    add(
        "keras-ce-sparse-probs",
        ce,
        KERAS,
        "keras.losses.sparse_categorical_crossentropy(targets, predictions)",
        keras.losses.sparse_categorical_crossentropy(labels, probs),
        targets={"array": "labels_NC_plain"},
        **from_probs,
    )
    add(
        "keras-ce-soft-probs",
        ce,
        KERAS,
        "keras.losses.categorical_crossentropy(targets, predictions)",
        keras.losses.categorical_crossentropy(np.array(book.arrays["soft_NC"]), probs),
        targets={"array": "soft_NC"},
        **from_probs,
    )

    x, y = np.array(book.arrays["values_ND"]), np.array(book.arrays["measured_ND"])
    w = np.array([0.5, 2.0, 0.0, 1.5])
    values: dict[str, Any] = {
        "predictions": {"array": "values_ND"},
        "targets": {"array": "measured_ND"},
        "reduction": "mean",
    }
    for loss, name, keywords in (
        ("mse", "MeanSquaredError", {}),
        ("l2", "MeanSquaredError", {}),
        ("l1", "MeanAbsoluteError", {}),
        ("huber", "Huber", {"delta": 0.5}),
        ("huber", "Huber", {"delta": 2.5}),
    ):
        shown = "".join(f"{key}={value}, " for key, value in keywords.items())
        tag = "".join(f"-{value}" for value in keywords.values())
        scorer = getattr(keras.losses, name)
        answer = scorer(dtype="float64", **keywords)(y, x)
        call = f"keras.losses.{name}({shown}dtype='float64')(targets, predictions)"
        add(f"keras-{loss}{tag}", loss, KERAS, call, answer, options=keywords, **values)
        answer = scorer(reduction="mean_with_sample_weight", dtype="float64", **keywords)(
            y, x, sample_weight=w
        )
        call = (
            f"keras.losses.{name}({shown}reduction='mean_with_sample_weight', dtype='float64')"
            "(targets, predictions, sample_weight=sample_weight)"
        )
        options = keywords | {"sample_weight": w}
        add(f"keras-{loss}{tag}-sample-weight", loss, KERAS, call, answer, options=options, **values)
    scores = np.array([-1.7, -0.4, 0.0, 0.3, 1.0, 2.6])
    scores_ref = book.array("scores", scores)
    bits = np.array([0, 1, 0, 1, 1, 0])
    for form, labels in (("01", bits), ("pm1", 2 * bits - 1)):
        hinge: dict[str, Any] = {
            "predictions": scores_ref,
            "targets": book.array(f"hinge_labels_{form}", labels),
        }
        add(
            f"keras-hinge-{form}-none",
            "hinge",
            KERAS,
            "keras.losses.Hinge(reduction=None, dtype='float64')(targets[:, None], predictions[:, None])",
            keras.losses.Hinge(reduction=None, dtype="float64")(labels[:, None], scores[:, None]),
            **hinge,
        )
        for reduction in ("mean", "sum"):
            # Over one axis Keras takes the whole batch for one sample, hence the extra axis.
            add(
                f"keras-hinge-{form}-{reduction}",
                "hinge",
                KERAS,
                f"keras.losses.Hinge(reduction={reduction!r}, dtype='float64')"
                "(targets[:, None], predictions[:, None])",
                keras.losses.Hinge(reduction=reduction, dtype="float64")(labels[:, None], scores[:, None]),
                reduction=reduction,
                **hinge,
            )
    add(
        "tf-hinge-01",
        "hinge",
        TF,
        "tf.compat.v1.losses.hinge_loss(targets, predictions, reduction=Reduction.NONE)",
        tf.compat.v1.losses.hinge_loss(bits.astype(np.float32), scores.astype(np.float32), reduction="none"),
        predictions=scores_ref,
        targets={"array": "hinge_labels_01"},
        rtol=1e-6,  # computed in float32
    )


def optax_cases(book: Book) -> None:
    """What optax answers with 64-bit jax: un-reduced, the class axis last."""

    def add(name: str, loss: str, call: str, answer: Any, **rest: Any) -> None:
        book.add(f"optax-{name}", loss, source=OPTAX, call=call, expected=np.asarray(answer), **rest)

    losses = optax.losses
    last = {"kind": "logits", "class_axis": -1}
    tokens, chosen, shares = (
        np.array(book.arrays[name]) for name in ("logits_last", "labels_last", "soft_last")
    )
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
        losses.hinge_loss(
            np.array(book.arrays["scores"]), np.array(book.arrays["hinge_labels_pm1"], dtype=float)
        ),
        predictions={"array": "scores"},
        targets={"array": "hinge_labels_pm1"},
    )


def sklearn_cases(book: Book) -> None:
    """What scikit-learn's metrics answer: probabilities, text labels, sample weights."""
    metrics = sklearn.metrics
    w = [0.5, 2.0, 0.0, 1.5, 1.0]
    probs, labels = np.array(book.arrays["probs_NC"]), np.array(book.arrays["labels_NC_plain"])
    words = np.array(["ant", "bee", "cat", "dog"])
    for form, targets in (("index", labels), ("text", words[labels])):
        known = list(range(CLASSES)) if form == "index" else words.tolist()
        extra = {"classes": known} if form == "text" else {}
        for weighting, normalize in itertools.product((None, w), (True, False)):
            shown = "" if weighting is None else f", sample_weight={w}"
            book.add(
                f"sklearn-ce-{form}-{'weighted' if weighting else 'equal'}-{'mean' if normalize else 'sum'}",
                "cross_entropy",
                source=SKLEARN,
                call=f"log_loss(targets, predictions, normalize={normalize}, labels={known}{shown})",
                predictions={"array": "probs_NC"},
                targets=targets,
                options={"kind": "probs"} | extra | ({} if weighting is None else {"sample_weight": w}),
                reduction="mean" if normalize else "sum",
                expected=metrics.log_loss(
                    targets, probs, normalize=normalize, labels=known, sample_weight=weighting
                ),
            )
    p, bits = np.array(book.arrays["binary_probs_N"]), np.array(book.arrays["binary_hard_N"])
    w7 = [1.0, 0.0, 2.5, 0.5, 1.0, 3.0, 0.25]
    for weighting in (None, w7):
        book.add(
            f"sklearn-bce-{'weighted' if weighting else 'equal'}",
            "bce",
            source=SKLEARN,
            call=f"log_loss(targets, predictions, sample_weight={weighting})",
            predictions={"array": "binary_probs_N"},
            targets={"array": "binary_hard_N"},
            options={} if weighting is None else {"sample_weight": weighting},
            reduction="mean",
            expected=metrics.log_loss(bits, p, sample_weight=weighting),
        )
    scores = np.array(book.arrays["scores"])
    w6 = [1.0, 0.5, 2.0, 0.0, 1.0, 3.0]
    for form, weighting in itertools.product(("01", "pm1"), (None, w6)):
        book.add(
            f"sklearn-hinge-{form}-{'weighted' if weighting else 'equal'}",
            "hinge",
            source=SKLEARN,
            call=f"hinge_loss(targets, predictions, sample_weight={weighting})",
            predictions={"array": "scores"},
            targets={"array": f"hinge_labels_{form}"},
            options={} if weighting is None else {"sample_weight": weighting},
            reduction="mean",
            expected=metrics.hinge_loss(
                np.array(book.arrays[f"hinge_labels_{form}"]), scores, sample_weight=weighting
            ),
        )
    for shape, weights in (("N", w7), ("ND", w[:4])):
        x, y = np.array(book.arrays[f"values_{shape}"]), np.array(book.arrays[f"measured_{shape}"])
        for loss, function in (
            ("l1", metrics.mean_absolute_error),
            ("l2", metrics.mean_squared_error),
            ("mse", metrics.mean_squared_error),
        ):
            book.add(
                f"sklearn-{loss}-{shape}-weighted",
                loss,
                source=SKLEARN,
                call=f"{function.__name__}(targets, predictions, sample_weight={weights})",
                predictions={"array": f"values_{shape}"},
                targets={"array": f"measured_{shape}"},
                options={"sample_weight": weights},
                reduction="mean",
                expected=function(y, x, sample_weight=weights),
            )


def scipy_pseudo_huber(book: Book) -> None:
    """pseudo_huber, which of all of them only scipy has."""
    for shape, delta in itertools.product(("N", "ND"), (0.25, 1.0, 2.5)):
        x, y = np.array(book.arrays[f"values_{shape}"]), np.array(book.arrays[f"measured_{shape}"])
        elements = scipy.special.pseudo_huber(delta, x - y)
        for reduction, answer in (
            ("mean", elements.mean()),
            ("sum", elements.sum()),
            ("none", elements),
        ):
            book.add(
                f"scipy-pseudo-huber-{delta:g}-{shape}-{reduction}",
                "pseudo_huber",
                source=SCIPY,
                call=f"scipy.special.pseudo_huber({delta}, predictions - targets)",
                predictions={"array": f"values_{shape}"},
                targets={"array": f"measured_{shape}"},
                options={"delta": delta},
                reduction=reduction,
                expected=answer,
            )


def mpmath_extremes(book: Book) -> None:
    """Where float64 formulas lose digits: the true value of the stored numbers, rounded once."""
    m = mpmath.mpf

    def softplus(x: Any) -> Any:
        return mpmath.log1p(mpmath.exp(x))

    def add(name: str, loss: str, call: str, x: Any, y: Any, elements: list[Any], **options: Any) -> None:
        for reduction in ("none", "sum"):
            total = [float(value) for value in elements]
            book.add(
                f"mpmath-{name}-{reduction}",
                loss,
                source=MPMATH,
                call=call,
                predictions=x,
                targets=y,
                options=options,
                reduction=reduction,
                expected=total if reduction == "none" else float(mpmath.fsum(elements)),
                rtol=1e-15,
            )

    rows = [
        [50.0, 0.0, 0.0],
        [800.0, -800.0, 0.0],
        [-745.0, 0.0, 0.0],
        [1e-9, -1e-9, 0.0],
        [1e308, 1e308, 0.0],
        [30.0, 29.0, -1e300],
        [37.0, 0.0, -1.0],
    ]
    chosen = [0, 1, 1, 2, 0, 0, 0]
    answers = [
        mpmath.log(mpmath.fsum(mpmath.exp(m(value) - m(row[label])) for value in row))
        for row, label in zip(rows, chosen, strict=True)
    ]
    add(
        "ce-extremes",
        "cross_entropy",
        "log(sum(exp(x - x[target])))",
        rows,
        chosen,
        answers,
        kind="logits",
    )
    logits = [800.0, -800.0, 40.0, -40.0, 40.0, 1e-300, 36.7, -700.0, 5e-324]
    bits = [1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    answers = [
        m(y) * softplus(-m(x)) + (1 - m(y)) * softplus(m(x)) for x, y in zip(logits, bits, strict=True)
    ]
    call = "target * log1p(exp(-x)) + (1 - target) * log1p(exp(x))"
    add("sigmoid-ce-extremes", "sigmoid_cross_entropy", call, logits, bits, answers)
    answers = [
        m(2.5) * m(y) * softplus(-m(x)) + (1 - m(y)) * softplus(m(x))
        for x, y in zip(logits, bits, strict=True)
    ]
    call = "2.5 * target * log1p(exp(-x)) + (1 - target) * log1p(exp(x))"
    add("weighted-ce-extremes", "weighted_cross_entropy", call, logits, bits, answers, pos_weight=2.5)
    probs = [1e-300, 5e-324, 1e-20, 1 - 2**-53, 2**-53, 0.5, 1.0, 0.0]
    bits = [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]
    answers = [-mpmath.log(m(p)) if y else -mpmath.log1p(-m(p)) for p, y in zip(probs, bits, strict=True)]
    add("bce-extremes", "bce", "-log(p) or -log1p(-p)", probs, bits, answers)
    for delta in (1e-3, 1.0, 1e6):
        residuals = [1e-9, 1e-3, 0.5, 1.0, 3.0, 1e5, 1e12]
        answers = [m(delta) ** 2 * (mpmath.sqrt(1 + (m(r) / m(delta)) ** 2) - 1) for r in residuals]
        add(
            f"pseudo-huber-{delta:g}",
            "pseudo_huber",
            "delta^2 * (sqrt(1 + (r / delta)^2) - 1)",
            residuals,
            [0.0] * len(residuals),
            answers,
            delta=delta,
        )


def real_data(book: Book) -> None:
    """The files of `sample_data/`, scored in float64."""

    def load(name: str) -> torch.Tensor:
        return torch.tensor(np.load(ROOT / "sample_data" / f"{name}.npy"))

    def add(
        name: str, loss: str, files: tuple[str, str], function: Any, text: str = "", **keywords: Any
    ) -> None:
        renamed = {"weight": "class_weight"}
        options = {renamed.get(key, key): value for key, value in keywords.items() if key != "transform"}
        kind = {"digits_logits": "logits", "digits_probs": "probs", "digits_log_probs": "log-probs"}
        if files[0] in kind:
            options["kind"] = kind[files[0]]
        tensors = {
            key: torch.tensor(value) if key in ("weight", "pos_weight") else value
            for key, value in keywords.items()
        }
        predictions, targets = map(load, files)
        if text:
            predictions = predictions.log()
        if loss in ("bce", "sigmoid_cross_entropy", "weighted_cross_entropy"):
            targets = targets.double()
        for reduction in ("mean", "sum"):
            answer = function(predictions, targets, reduction=reduction, **tensors)
            shown = "".join(f", {key}={value}" for key, value in keywords.items())
            book.add(
                f"real-{name}-{reduction}",
                loss,
                source=TORCH,
                call=f"F.{function.__name__}({text or 'predictions'}, targets{shown}, "
                f"reduction={reduction!r})",
                predictions={"file": f"sample_data/{files[0]}.npy"},
                targets={"file": f"sample_data/{files[1]}.npy"},
                options=options,
                reduction=reduction,
                expected=answer,
            )

    weight = [1.0, 0.5, 2.0, 1.0, 0.0, 3.0, 0.25, 1.0, 1.5, 1.0]
    log_probs = ("digits_log_probs", "digits_labels")
    probs = ("digits_probs", "digits_labels")
    logits = ("digits_logits", "digits_labels")
    log = "predictions.log()"
    add("nll", "nll", log_probs, functional.nll_loss)
    add("nll-weighted", "nll", log_probs, functional.nll_loss, weight=weight)
    add("nll-ignore", "nll", log_probs, functional.nll_loss, weight=weight, ignore_index=8)
    add("nll-probs", "nll", probs, functional.nll_loss, log)
    add("nll-logits", "nll", logits, functional.cross_entropy)
    add("ce", "cross_entropy", logits, functional.cross_entropy)
    add("ce-smooth", "cross_entropy", logits, functional.cross_entropy, label_smoothing=0.1)
    add("ce-weighted", "cross_entropy", logits, functional.cross_entropy, weight=weight)
    add(
        "ce-all",
        "cross_entropy",
        logits,
        functional.cross_entropy,
        weight=weight,
        ignore_index=8,
        label_smoothing=0.1,
    )
    add("ce-probs", "cross_entropy", probs, functional.nll_loss, log, weight=weight)
    add("ce-probs-smooth", "cross_entropy", probs, functional.cross_entropy, log, label_smoothing=0.1)
    add("ce-log-probs", "cross_entropy", log_probs, functional.nll_loss, ignore_index=8)
    scores = ("cancer_scores", "cancer_labels")
    with_logits = functional.binary_cross_entropy_with_logits
    add("bce", "bce", ("cancer_probs", "cancer_labels"), functional.binary_cross_entropy)
    add("sigmoid-ce", "sigmoid_cross_entropy", scores, with_logits)
    add("weighted-ce", "weighted_cross_entropy", scores, with_logits, pos_weight=2.5)
    values = ("diabetes_pred", "diabetes_target")
    add("l1", "l1", values, functional.l1_loss)
    add("l2", "l2", values, functional.mse_loss)
    add("mse", "mse", values, functional.mse_loss)
    for delta in (1.0, 25.0, 100.0):
        add(f"huber-{delta:g}", "huber", values, functional.huber_loss, delta=delta)

    x, y = (load(name).numpy() for name in values)
    for delta in (1.0, 25.0, 100.0):
        elements = scipy.special.pseudo_huber(delta, x - y)
        for reduction, answer in (("mean", elements.mean()), ("sum", elements.sum())):
            book.add(
                f"real-pseudo-huber-{delta:g}-{reduction}",
                "pseudo_huber",
                source=SCIPY,
                call=f"scipy.special.pseudo_huber({delta}, predictions - targets).{reduction}()",
                predictions={"file": "sample_data/diabetes_pred.npy"},
                targets={"file": "sample_data/diabetes_target.npy"},
                options={"delta": delta},
                reduction=reduction,
                expected=answer,
            )
    for labels in ("cancer_labels", "cancer_labels_pm1"):
        book.add(
            f"real-hinge-{labels}",
            "hinge",
            source=SKLEARN,
            call="hinge_loss(targets, predictions)",
            predictions={"file": "sample_data/cancer_scores.npy"},
            targets={"file": f"sample_data/{labels}.npy"},
            reduction="mean",
            expected=sklearn.metrics.hinge_loss(load(labels).numpy(), load("cancer_scores").numpy()),
        )
    digits_weight = ((np.arange(360) % 7) / 2).tolist()
    weight_ref = book.array("digits_sample_weight", digits_weight)
    digits = {name: load(name).numpy() for name in ("digits_probs", "digits_labels")}
    for normalize in (True, False):
        book.add(
            f"real-ce-sample-weight-{'mean' if normalize else 'sum'}",
            "cross_entropy",
            source=SKLEARN,
            call=f"log_loss(targets, predictions, sample_weight=sample_weight, normalize={normalize})",
            predictions={"file": "sample_data/digits_probs.npy"},
            targets={"file": "sample_data/digits_labels.npy"},
            options={"kind": "probs", "sample_weight": weight_ref},
            reduction="mean" if normalize else "sum",
            expected=sklearn.metrics.log_loss(
                digits["digits_labels"],
                digits["digits_probs"],
                sample_weight=digits_weight,
                normalize=normalize,
            ),
        )


def main() -> None:
    """Ask everybody and write the file."""
    book = Book(
        {
            "what": "losses computed by the frameworks in float64, for losscli to reproduce",
            "made_by": "tests/goldens/make_goldens.py",
            "versions": plain([TORCH, KERAS, f"{OPTAX} on jax {jax.__version__}", SKLEARN, SCIPY, MPMATH]),
            "rule": "pass when |got - expected| <= atol + rtol * |expected|; atol is 0 where not given",
        }
    )
    for part in (
        torch_index_labels,
        torch_soft_labels,
        torch_class_edges,
        torch_binary,
        torch_regression,
        torch_sample_weights,
        tensorflow_and_keras,
        optax_cases,
        sklearn_cases,
        scipy_pseudo_huber,
        mpmath_extremes,
        real_data,
    ):
        part(book)
    book.write(HERE / "frameworks.json")


if __name__ == "__main__":
    main()
