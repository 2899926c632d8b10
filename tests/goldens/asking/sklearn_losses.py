"""What the metrics of scikit-learn answer, and scipy for pseudo_huber."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import scipy
import scipy.special
import sklearn
import sklearn.metrics
from asking.inputs import (
    CLASSES,
)

if TYPE_CHECKING:
    from writing import Book

SKLEARN = f"scikit-learn {sklearn.__version__}"
SCIPY = f"scipy {scipy.__version__}"


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
                expected=metrics.log_loss(targets, probs, normalize=normalize, labels=known, sample_weight=weighting),
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
            expected=metrics.hinge_loss(np.array(book.arrays[f"hinge_labels_{form}"]), scores, sample_weight=weighting),
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
