"""What `tf.nn` and Keras answer in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from asking.inputs import (
    CLASSES,
    distributions,
    numbers,
    rng,
)

if TYPE_CHECKING:
    from writing import Book

TF = f"tensorflow {tf.__version__}"
KERAS = f"keras {keras.__version__} on tensorflow {tf.__version__}"


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
    call = "keras.losses.categorical_crossentropy(targets, predictions, from_logits=True, label_smoothing=0.1)"
    answer = keras.losses.categorical_crossentropy(shares, tokens, from_logits=True, label_smoothing=0.1)
    smooth = dense | {"options": last | {"label_smoothing": 0.1}}
    add("keras-ce-soft-smooth-last-axis", ce, KERAS, call, answer, **smooth)
    ignored = int(chosen.flat[0])
    call = (
        f"keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class={ignored}, "
        "dtype='float64')(targets, predictions)"
    )
    scorer = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=ignored, dtype="float64")
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
        answer = scorer(reduction="mean_with_sample_weight", dtype="float64", **keywords)(y, x, sample_weight=w)
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
                f"keras.losses.Hinge(reduction={reduction!r}, dtype='float64')(targets[:, None], predictions[:, None])",
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
