"""The files of `sample_data/`, scored by torch, scipy and scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
import sklearn.metrics
import torch
from asking.sklearn_losses import SCIPY, SKLEARN
from asking.torch_losses import TORCH
from torch.nn import functional

if TYPE_CHECKING:
    from writing import Book

ROOT = Path(__file__).parents[3]


def real_data(book: Book) -> None:
    """The files of `sample_data/`, scored in float64."""

    def load(name: str) -> torch.Tensor:
        return torch.tensor(np.load(ROOT / "sample_data" / f"{name}.npy"))

    def add(name: str, loss: str, files: tuple[str, str], function: Any, text: str = "", **keywords: Any) -> None:
        renamed = {"weight": "class_weight"}
        options = {renamed.get(key, key): value for key, value in keywords.items()}
        kind = {"digits_logits": "logits", "digits_probs": "probs", "digits_log_probs": "log-probs"}
        if files[0] in kind:
            options["kind"] = kind[files[0]]
        tensors = {
            key: torch.tensor(value) if key in ("weight", "pos_weight") else value for key, value in keywords.items()
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
                call=f"F.{function.__name__}({text or 'predictions'}, targets{shown}, reduction={reduction!r})",
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
