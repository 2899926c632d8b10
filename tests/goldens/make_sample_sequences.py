"""Asks torch what the sequences and spreads of `sample_data/` cost: writes `sample_sequences.json`.

Versions and use as in `make_goldens.py`; torch alone is needed. A case has two keys more than those of the
other golden files: `commands` are the words after `losscli` that must print the expected value, whatever
format they read, and `facts` are further numbers that follow from the same losses.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from writing import Book, plain

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "sample_data"
TORCH = f"torch {torch.__version__.partition('+')[0]}"
REDUCTIONS = ("mean", "sum", "none")
IGNORED = -100


def load(name: str) -> torch.Tensor:
    """An array of `sample_data/`; predictions are float64 before anything is computed."""
    values = torch.tensor(np.load(SAMPLES / f"{name}.npy"))
    return values.double() if values.is_floating_point() else values


def stored(name: str) -> dict[str, str]:
    """The reference to an array of `sample_data/`."""
    return {"file": f"sample_data/{name}.npy"}


def words(text: str) -> str:
    """A command, with `@name` for the file of that name in `sample_data/`."""
    return text.replace("@", "sample_data/")


def add(
    book: Book, name: str, loss: str, *, commands: list[str], facts: dict[str, Any] | None = None, **case: Any
) -> None:
    """A case with its commands, each of which is told the reduction that the case asks for."""
    book.add(f"sample-{name}-{case['reduction']}", loss, source=TORCH, **case)
    reduction = "" if case["reduction"] == "mean" else f" --reduction {case['reduction']}"
    book.cases[-1]["commands"] = [words(command) + reduction for command in commands]
    if facts:
        book.cases[-1]["facts"] = plain(facts)


def ctc(book: Book) -> None:
    """The lines of digits by every way in; one of the lines is blank paper with an empty target."""
    log_probs, concatenated = load("ctc_log_probs"), load("ctc_targets_concatenated")
    input_lengths, target_lengths = load("ctc_input_lengths"), load("ctc_target_lengths")
    lengths = "--input-lengths @ctc_input_lengths.npy --target-lengths @ctc_target_lengths.npy"
    padded = f"ctc @ctc_log_probs.npy @ctc_targets.npy {lengths}"
    ways = [
        padded,
        "ctc @ctc_log_probs.npy @ctc_targets.npy --input-lengths @ctc_input_lengths.npy",
        f"ctc @ctc_log_probs.npy @ctc_targets_concatenated.npy {lengths}",
        "ctc @ctc.parquet --pred frames --target target",
    ]
    options = {"kind": "log-probs", "input_lengths": input_lengths, "target_lengths": target_lengths}
    inputs = {"predictions": stored("ctc_log_probs"), "targets": stored("ctc_targets")}
    labels = np.split(concatenated.numpy(), np.cumsum(target_lengths.numpy())[:-1])
    facts = {
        "frames": input_lengths,
        "labels": target_lengths,
        "repeats": [int(np.sum(line[1:] == line[:-1])) for line in labels],
    }
    for reduction in REDUCTIONS:
        add(
            book,
            "ctc",
            "ctc",
            commands=ways,
            facts=facts,
            call="F.ctc_loss(predictions, targets_concatenated, input_lengths, target_lengths, "
            f"reduction={reduction!r})",
            options=options,
            reduction=reduction,
            expected=functional.ctc_loss(log_probs, concatenated, input_lengths, target_lengths, reduction=reduction),
            rtol=1e-11,
            **inputs,
        )
        add(
            book,
            "ctc-all-frames",
            "ctc",
            commands=["ctc @ctc_log_probs.npy @ctc_targets.npy"],
            call=f"F.ctc_loss(predictions, targets_concatenated, [T] * N, target_lengths, reduction={reduction!r})",
            options={"kind": "log-probs"},
            reduction=reduction,
            expected=functional.ctc_loss(
                log_probs,
                concatenated,
                torch.full_like(input_lengths, len(log_probs)),
                target_lengths,
                reduction=reduction,
            ),
            rtol=1e-11,
            **inputs,
        )
    losses = functional.ctc_loss(log_probs, concatenated, input_lengths, target_lengths, reduction="none")
    for rule, text, answer in (
        ("sample", "losses.mean()", losses.mean()),
        ("label", "losses.sum() / target_lengths.sum()", losses.sum() / target_lengths.sum()),
    ):
        add(
            book,
            f"ctc-mean-rule-{rule}",
            "ctc",
            commands=[f"{way} --mean-rule {rule}" for way in ways],
            call=f"losses = F.ctc_loss(..., reduction='none'); {text}",
            options=options | {"mean_rule": rule},
            reduction="mean",
            expected=answer,
            rtol=1e-11,
            **inputs,
        )

    line, target = load("ctc_line_log_probs"), load("ctc_line_target")
    for reduction in REDUCTIONS:
        add(
            book,
            "ctc-line",
            "ctc",
            commands=["ctc @ctc_line_log_probs.npy @ctc_line_target.npy"],
            call=f"F.ctc_loss(predictions, targets, T, S, reduction={reduction!r})",
            predictions=stored("ctc_line_log_probs"),
            targets=stored("ctc_line_target"),
            options={"kind": "log-probs"},
            reduction=reduction,
            expected=functional.ctc_loss(
                line, target, torch.tensor(len(line)), torch.tensor(len(target)), reduction=reduction
            ),
            rtol=1e-11,
        )


def sequence_nll(book: Book) -> None:
    """The lines of text: causal logits, the log-probabilities of the letters alone, and wrong shifts."""
    logits, tokens = load("lm_logits"), load("lm_tokens")
    lengths, prompts, sizes = load("lm_lengths"), load("lm_prompt_lengths"), load("lm_bytes")
    width = tokens.shape[1]
    place = torch.arange(width)
    inputs = {"predictions": stored("lm_logits"), "targets": stored("lm_tokens")}
    files = "sequence-nll @lm_logits.npy @lm_tokens.npy"
    marked = {"kind": "logits", "ignore_index": IGNORED}
    measured = {"kind": "logits", "lengths": lengths}
    after_prompt = place >= prompts[:, None]
    everywhere = torch.ones_like(after_prompt)

    ragged = "sequence-nll @lm_token_log_probs.parquet --pred token_log_probs --kind token-log-probs"
    padded = "sequence-nll @lm_token_log_probs.npy --kind token-log-probs --lengths @lm_token_log_probs.parquet:length"
    by_length = f"{files} --lengths @lm_lengths.npy"
    prompt = "--prompt-lengths @lm_prompt_lengths.npy"
    later_prompt = "--prompt-lengths @lm_token_log_probs.parquet:prompt_length"
    for name, shift, scored, options, commands in (
        (
            "shift",
            1,
            everywhere,
            marked | {"shift": 1},
            [f"{files} --shift 1 --ignore-index {IGNORED}", f"{by_length} --shift 1", ragged, padded],
        ),
        (
            "shift-lengths",
            1,
            everywhere,
            measured | {"shift": 1},
            [f"{by_length} --shift 1"],
        ),
        (
            "prompt",
            1,
            after_prompt,
            marked | {"shift": 1, "prompt_lengths": prompts},
            [
                f"{files} --shift 1 --ignore-index {IGNORED} {prompt}",
                f"{by_length} --shift 1 {prompt}",
                f"{ragged} {later_prompt}",
                f"{padded} {later_prompt}",
            ],
        ),
        ("no-shift", 0, everywhere, marked, [f"{files} --ignore-index {IGNORED}"]),
        (
            "shift-back",
            -1,
            everywhere,
            marked | {"shift": -1},
            [f"{files} --shift -1 --ignore-index {IGNORED}"],
        ),
    ):
        first, last = max(0, -shift), width - max(0, shift)
        x = logits[:, first:last].swapaxes(1, 2)
        y = torch.where(scored, tokens, IGNORED)[:, first + shift : last + shift]
        losses = functional.cross_entropy(x, y, reduction="none")
        count = int((y != IGNORED).sum())
        mean = float(losses.sum()) / count
        facts = {
            "row_sums": losses.sum(dim=1),
            "scored": count,
            "perplexity": math.exp(mean),
            "bits_per_token": mean / math.log(2),
            "mean_per_sequence": losses.sum() / len(losses),
        }
        if name == "shift":
            # Every byte of the text is scored here, so the quotient means what it says.
            facts |= {"bytes": int(sizes.sum()), "bits_per_byte": losses.sum() / sizes.sum() / math.log(2)}
        for reduction in ("mean", "sum"):
            add(
                book,
                f"sequence-nll-{name}",
                "sequence_nll",
                commands=commands,
                facts=facts,
                call=f"F.cross_entropy(predictions[:, {first}:{last}].swapaxes(1, 2), "
                f"where(scored, targets, {IGNORED})[:, {first + shift}:{last + shift}], "
                f"reduction={reduction!r})",
                options=options,
                reduction=reduction,
                expected=functional.cross_entropy(x, y, reduction=reduction),
                **inputs,
            )


def gaussian_nll(book: Book) -> None:
    """The spread of a regression as standard deviations and as variances, with the constant and without."""
    mean, target, variance = load("gaussian_mean"), load("gaussian_target"), load("gaussian_variance")
    ways = [
        "gaussian-nll @gaussian_mean.npy @gaussian_target.npy --variance @gaussian_variance.npy",
        "gaussian-nll @gaussian_mean.npy @gaussian_target.npy --std @gaussian_std.npy",
        "gaussian-nll @gaussian.csv --pred mean --target target --variance variance",
        "gaussian-nll @gaussian.csv --pred mean --target target --std std",
        "gaussian-nll @gaussian.parquet --pred mean --target target --std std",
    ]
    spread = book.array("gaussian_variance", variance)
    for name, full in (("full", True), ("short", False)):
        for reduction in REDUCTIONS:
            add(
                book,
                f"gaussian-nll-{name}",
                "gaussian_nll",
                commands=ways if full else [f"{way} --no-full" for way in ways],
                call=f"F.gaussian_nll_loss(predictions, targets, variance, full={full}, reduction={reduction!r})",
                predictions=stored("gaussian_mean"),
                targets=stored("gaussian_target"),
                options={"variance": spread, "full": full},
                reduction=reduction,
                expected=functional.gaussian_nll_loss(mean, target, variance, full=full, reduction=reduction),
            )


def main() -> None:
    """Ask torch and write the file."""
    book = Book(
        {
            "what": "sequences and spreads of sample_data scored by torch in float64, for losscli to reproduce",
            "made_by": "tests/goldens/make_sample_sequences.py",
            "versions": [TORCH],
            "rule": "pass when |got - expected| <= atol + rtol * |expected|; atol is 0 where not given",
            "commands": "run from the root of the repository; each prints the expected value",
        }
    )
    for part in (ctc, sequence_nll, gaussian_nll):
        part(book)
    book.write(HERE / "sample_sequences.json")


if __name__ == "__main__":
    main()
