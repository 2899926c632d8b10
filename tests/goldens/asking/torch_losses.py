"""What torch answers in float64: every combination of the options of its class losses."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from asking.inputs import (
    CLASS_WEIGHT,
    CLASSES,
    REDUCTIONS,
    SHAPES,
    SMOOTHINGS,
    class_axis,
    distributions,
    index_labels,
    numbers,
    rng,
    uniform,
)
from torch.nn import functional

if TYPE_CHECKING:
    from writing import Book

torch.set_default_dtype(torch.float64)

TORCH = f"torch {torch.__version__.partition('+')[0]}"


def log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    """What a model's last layer would store."""
    return torch.log_softmax(torch.tensor(x), axis).numpy()


def called(function: Any, predictions: Any, targets: Any, **keywords: Any) -> tuple[str, np.ndarray]:
    """The text of a call of `torch.nn.functional`, and its answer."""
    shown = ", ".join(f"{name}={value!r}" for name, value in keywords.items())
    text = f"F.{function.__name__}(predictions, targets, {shown})"
    tensors = {name: torch.tensor(value) if isinstance(value, list) else value for name, value in keywords.items()}
    answer = function(torch.tensor(predictions), torch.tensor(targets), **tensors)
    return text, answer.numpy()


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
                    f"torch-ce-{form}-{name}-{'weighted' if weight else 'equal'}-smooth{smoothing:g}-{reduction}",
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
                call=f"F.nll_loss(predictions.log(), targets, weight={CLASS_WEIGHT}, reduction={reduction!r})",
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
                book.add(f"torch-bce-{suffix}", "bce", call=call, predictions=probs_ref, expected=answer, **common)
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
                call, answer = called(functional.huber_loss, predictions, targets, delta=delta, reduction=reduction)
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
        soft = samples * functional.cross_entropy(x, q, weight=classes, label_smoothing=smoothing, reduction="none")
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
    pixels = torch.tensor(book.arrays["log_probs_NCd"])
    truth = torch.tensor(book.arrays["labels_NCd_sentinel"])
    w3 = [0.5, 2.0, 1.5]
    kept = truth != -100
    elements = torch.tensor(w3)[:, None] * functional.nll_loss(
        pixels, truth, weight=classes, ignore_index=-100, reduction="none"
    )
    share = torch.tensor(w3)[:, None] * classes[truth.where(kept, 0)] * kept
    for reduction, answer in (
        ("mean", elements.sum() / share.sum()),
        ("sum", elements.sum()),
        ("none", elements),
    ):
        book.add(
            f"torch-nll-NCd-sample-weight-{reduction}",
            "nll",
            source=TORCH,
            call="e = w[:, None] * F.nll_loss(predictions, targets, weight=cw, reduction='none'); "
            "mean = e.sum() / (w[:, None] * cw[targets])[targets != -100].sum()",
            predictions={"array": "log_probs_NCd"},
            targets={"array": "labels_NCd_sentinel"},
            options={
                "kind": "log-probs",
                "class_weight": CLASS_WEIGHT,
                "ignore_index": -100,
                "sample_weight": w3,
            },
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
