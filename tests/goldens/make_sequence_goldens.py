"""Asks the frameworks for golden values of sequences and likelihoods: writes `sequences.json`.

Versions and use as in `make_goldens.py`; the cases are ctc, sequence_nll and gaussian_nll. The
file stands apart because these losses come later. Option names that losscli has not fixed yet are
those of the design or of torch: input_lengths, target_lengths, blank, zero_infinity, layout,
mean_rule; shift, prompt_lengths, mask; variance, full, eps.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import numpy as np
import optax
import tensorflow as tf
import torch
from torch.nn import functional
from writing import Book, plain

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)

HERE = Path(__file__).parent
TORCH = f"torch {torch.__version__.partition('+')[0]}"
TF = f"tensorflow {tf.__version__}"
OPTAX = f"optax {optax.__version__}"
REDUCTIONS = ("mean", "sum", "none")

rng = np.random.default_rng(20240608)


def numbers(*shape: int, scale: float = 2.0) -> np.ndarray:
    """Normal numbers of few digits."""
    return rng.normal(0, scale, shape).round(2)


def ctc_torch(
    book: Book,
    name: str,
    logits: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    *,
    shown: tuple[str, ...] = ("input_lengths", "target_lengths"),
    given_targets: Any = None,
    **keywords: Any,
) -> None:
    """A ctc case under every reduction.

    `shown` are the lengths that losscli is told; `given_targets` stands in the file where it is
    given other targets than torch, which must be told every length.
    """
    lengths = {"input_lengths": input_lengths, "target_lengths": target_lengths}
    options = {"kind": "logits"} | {key: lengths[key] for key in shown} | keywords
    text = "".join(f", {key}={value}" for key, value in keywords.items())
    x = torch.tensor(np.array(book.arrays[logits["array"]])).log_softmax(-1)
    for reduction in REDUCTIONS:
        answer = functional.ctc_loss(
            x,
            torch.tensor(targets, dtype=torch.int64),
            torch.tensor(input_lengths),
            torch.tensor(target_lengths),
            reduction=reduction,
            **keywords,
        )
        book.add(
            f"torch-ctc-{name}-{reduction}",
            "ctc",
            source=TORCH,
            call=f"F.ctc_loss(predictions.log_softmax(-1), {plain(targets)}, {plain(input_lengths)}, "
            f"{plain(target_lengths)}{text}, reduction={reduction!r})",
            predictions=logits,
            targets=targets if given_targets is None else given_targets,
            options=options,
            reduction=reduction,
            expected=answer,
            rtol=1e-11,
        )


def ctc_small(book: Book) -> None:
    """Layouts of targets, lengths, repeats, the empty target and the impossible one."""
    logits = book.array("frames", numbers(7, 4, 4))
    padded = [[1, 2, 3], [2, 2, 0], [3, 0, 0], [1, 3, 1]]
    lengths, full = [3, 2, 1, 3], [7, 7, 7, 7]
    ctc_torch(book, "padded", logits, padded, full, lengths)
    ctc_torch(book, "padded-input-lengths", logits, padded, [7, 5, 1, 6], lengths)
    joined = [label for row, size in zip(padded, lengths, strict=True) for label in row[:size]]
    ctc_torch(book, "concatenated", logits, joined, full, lengths)
    ctc_torch(book, "no-lengths", logits, padded, full, lengths, shown=())
    marked = [[1, 2, 3], [2, 2, -1], [3, -1, -1], [1, 3, 1]]
    ctc_torch(book, "no-lengths-negative", logits, padded, full, lengths, shown=(), given_targets=marked)
    ctc_torch(book, "empty-target", logits, padded, full, [3, 0, 1, 0])
    ctc_torch(book, "full-width", logits, [[1], [2], [3], [2]], full, [1, 1, 1, 1])
    repeats = [[1, 1, 1], [2, 2, 2], [1, 1, 2], [3, 3, 0]]
    ctc_torch(book, "repeats", logits, repeats, full, [3, 3, 3, 2])
    ctc_torch(book, "tight", logits, repeats, [5, 6, 4, 3], [3, 3, 3, 2])
    # Three equal labels need five frames: row 0 has four of them and row 2 has two for three labels.
    ctc_torch(book, "impossible", logits, repeats, [4, 6, 2, 3], [3, 3, 3, 2])
    ctc_torch(book, "zero-infinity", logits, repeats, [4, 6, 2, 3], [3, 3, 3, 2], zero_infinity=True)
    last = [[0, 1, 2], [1, 1, 3], [2, 3, 3], [0, 2, 0]]
    ctc_torch(book, "blank-last", logits, last, full, lengths, blank=3)
    middle = [[0, 1, 3], [1, 1, 2], [3, 2, 2], [0, 3, 0]]
    ctc_torch(book, "blank-middle", logits, middle, full, lengths, blank=2)
    single = book.array("frames_single", numbers(6, 5))
    ctc_torch(book, "unbatched", single, [1, 4, 4], 6, 3, shown=())
    ctc_torch(book, "unbatched-lengths", single, [2, 3], 4, 2, given_targets=[2, 3, 1])

    x = torch.tensor(book.arrays["frames"]).log_softmax(-1)
    target_lengths = torch.tensor(lengths)
    losses = functional.ctc_loss(x, torch.tensor(padded), torch.tensor(full), target_lengths, reduction="none")
    options = {"kind": "logits", "input_lengths": full, "target_lengths": lengths}
    for rule, text, answer in (
        ("sample", "losses.mean()", losses.mean()),
        ("label", "losses.sum() / target_lengths.sum()", losses.sum() / target_lengths.sum()),
        ("torch", "(losses / target_lengths).mean()", (losses / target_lengths).mean()),
    ):
        book.add(
            f"torch-ctc-mean-rule-{rule}",
            "ctc",
            source=TORCH,
            call=f"losses = F.ctc_loss(..., reduction='none'); {text}",
            predictions=logits,
            targets=padded,
            options=options | {"mean_rule": rule},
            reduction="mean",
            expected=answer,
            rtol=1e-11,
        )
    stored = book.array("frames_log_probs", x)
    batch_first = book.array("frames_batch_first", np.array(book.arrays["frames"]).swapaxes(0, 1))
    for name, predictions, extra in (
        ("log-probs", stored, {"kind": "log-probs"}),
        ("layout-ntc", batch_first, {"layout": "ntc"}),
    ):
        book.add(
            f"torch-ctc-{name}",
            "ctc",
            source=TORCH,
            call="F.ctc_loss(log_probs, targets, input_lengths, target_lengths, reduction='none')",
            predictions=predictions,
            targets=padded,
            options=options | extra,
            expected=losses,
            rtol=1e-11,
        )


def ctc_large(book: Book) -> None:
    """The same larger batch from three frameworks."""
    frames, batch, classes, width = 30, 5, 8, 9
    values = numbers(frames, batch, classes)
    input_lengths, target_lengths = np.array([30, 26, 30, 22, 15]), np.array([9, 7, 1, 8, 4])
    targets = rng.integers(1, classes, (batch, width))
    targets[0, 3] = targets[0, 2]
    targets[np.arange(width) >= target_lengths[:, None]] = 0
    logits = book.array("frames_large", values)
    ctc_torch(book, "large", logits, targets, input_lengths, target_lengths)
    options = {"kind": "logits", "input_lengths": input_lengths, "target_lengths": target_lengths}
    answer = optax.losses.ctc_loss(
        values.swapaxes(0, 1),
        (np.arange(frames) >= input_lengths[:, None]).astype(float),
        targets,
        (np.arange(width) >= target_lengths[:, None]).astype(float),
    )
    book.add(
        "optax-ctc-large",
        "ctc",
        source=OPTAX,
        call="optax.losses.ctc_loss(predictions.swapaxes(0, 1), frame_paddings, targets, target_paddings)",
        predictions=logits,
        targets=targets,
        options=options,
        expected=np.asarray(answer),
        rtol=1e-11,
    )
    answer = tf.nn.ctc_loss(
        tf.constant(targets, tf.int32),
        tf.constant(values, tf.float32),
        tf.constant(target_lengths, tf.int32),
        tf.constant(input_lengths, tf.int32),
        blank_index=0,
    )
    book.add(
        "tf-ctc-large",
        "ctc",
        source=TF,
        call="tf.nn.ctc_loss(targets, predictions, target_lengths, input_lengths, blank_index=0)",
        predictions=logits,
        targets=targets,
        options=options,
        expected=np.asarray(answer),
        rtol=1e-5,  # tf.nn.ctc_loss knows float32 alone
    )


def sequence_nll(book: Book) -> None:
    """Tokens of sequences; the mean is over scored tokens, as `F.cross_entropy` takes it."""
    values = numbers(3, 5, 6)
    tokens = rng.integers(0, 6, (3, 5))
    logits, targets = book.array("token_logits", values), book.array("tokens", tokens)
    mask = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1], [1, 0, 1, 0, 1]])
    prompts = np.array([1, 3, 0])
    after_prompt = np.arange(5) >= prompts[:, None]
    everywhere = np.ones((3, 5), dtype=int)
    for name, shift, scored, options in (
        ("plain", 0, everywhere, {}),
        ("shift", 1, everywhere, {"shift": 1}),
        ("mask", 0, mask, {"mask": mask}),
        ("shift-mask", 1, mask, {"shift": 1, "mask": mask}),
        ("prompt", 0, after_prompt, {"prompt_lengths": prompts}),
        ("shift-prompt", 1, after_prompt, {"shift": 1, "prompt_lengths": prompts}),
        ("ignore", 0, tokens != 2, {"ignore_index": 2}),
    ):
        x = torch.tensor(values[:, : 5 - shift]).swapaxes(1, 2)
        y = torch.tensor(np.where(scored, tokens, -100)[:, shift:])
        for reduction in ("mean", "sum"):
            book.add(
                f"torch-sequence-nll-{name}-{reduction}",
                "sequence_nll",
                source=TORCH,
                call=f"F.cross_entropy(predictions[:, :{5 - shift}].swapaxes(1, 2), "
                f"where(scored, targets, -100)[:, {shift}:], reduction={reduction!r})",
                predictions=logits,
                targets=targets,
                options={"kind": "logits"} | options,
                reduction=reduction,
                expected=functional.cross_entropy(x, y, reduction=reduction),
            )


def gaussian_nll(book: Book) -> None:
    """gaussian_nll, with and without the constant; the variance in every shape torch takes."""
    for shape_name, shape in (("N", (6,)), ("ND", (4, 3))):
        predictions, targets = numbers(*shape), numbers(*shape)
        refs = {
            "predictions": book.array(f"means_{shape_name}", predictions),
            "targets": book.array(f"measured_{shape_name}", targets),
        }
        variances = {"each": rng.uniform(0.05, 3, shape).round(2), "one": 0.7}
        if shape_name == "ND":
            variances["row"] = rng.uniform(0.05, 3, 4).round(2)
            variances["column"] = variances["row"][:, None]
        for (form, variance), full in ((item, full) for item in variances.items() for full in (False, True)):
            var = variance if isinstance(variance, float) else torch.tensor(variance)
            for eps in (1e-6, 0.5) if form == "each" else (1e-6,):
                for reduction in REDUCTIONS:
                    floor = {} if eps == 1e-6 else {"eps": eps}
                    book.add(
                        f"torch-gaussian-nll-{shape_name}-{form}-{'full' if full else 'short'}"
                        f"{'-floor' if floor else ''}-{reduction}",
                        "gaussian_nll",
                        source=TORCH,
                        call=f"F.gaussian_nll_loss(predictions, targets, {plain(variance)}, full={full}, "
                        f"eps={eps}, reduction={reduction!r})",
                        options={"variance": variance, "full": full} | floor,
                        reduction=reduction,
                        expected=functional.gaussian_nll_loss(
                            torch.tensor(predictions),
                            torch.tensor(targets),
                            var,
                            full=full,
                            eps=eps,
                            reduction=reduction,
                        ),
                        **refs,
                    )


def main() -> None:
    """Ask everybody and write the file."""
    book = Book(
        {
            "what": "losses of sequences and likelihoods by the frameworks, for losscli to reproduce",
            "made_by": "tests/goldens/make_sequence_goldens.py",
            "versions": [TORCH, TF, f"{OPTAX} on jax {jax.__version__}"],
            "rule": "pass when |got - expected| <= atol + rtol * |expected|; atol is 0 where not given",
        }
    )
    for part in (ctc_small, ctc_large, sequence_nll, gaussian_nll):
        part(book)
    book.write(HERE / "sequences.json")


if __name__ == "__main__":
    main()
