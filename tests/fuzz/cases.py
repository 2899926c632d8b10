"""One case: files in a folder, a command, and what is known of its value beforehand."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from losscli.cli.options import COMMON
from losscli.losses.catalogue import catalogue
from losscli.losses.parameters import Flag

from . import oracle
from .files import ARRAYS, TABLES, damaged, packed

ELEMENTWISE = (*oracle.PAIRS, "pseudo-huber", "hinge", "weighted-cross-entropy", "gaussian-nll")
CLASSES = ("nll", "cross-entropy")
SEQUENCES = ("sequence-nll", "perplexity", "ctc")

# Options that leave the value as it is, so that the oracle still knows it.
HARMLESS = ("--threads 1", "--threads 3", "--quiet", "--color never", "-o out.csv",
            "-o out.npy", "-o out.parquet", "-o out.jsonl", "--on-nan propagate", "--on-empty zero")  # fmt: skip
WORDS = ("0", "1", "-1", "2", "0.5", "1e-300", "1e308", "nan", "inf", "", "x", "-", "p", "y", "c*", "missing.npy",
         "p.npy", "0,1", "1,1,1", "auto", "logits", "probs", "last", "none", "sum", "error", "skip", "9" * 30,
         "é\x1b[31m")  # fmt: skip
LEFT_OUT = ("debug", "params", "output", "color")


@dataclass(frozen=True)
class Case:
    """A command in a folder.

    Attributes:
        arguments: What stands behind `losscli`.
        expected: The value, asked for after the run; an UnreadableError where it is not known.
        gated: Whether a check may fail.
    """

    arguments: list[str]
    expected: Callable[[], float]
    gated: bool


def make(folder: Path, seed: int, number: int) -> Case:
    """Write the files of a case; the same numbers make the same case."""
    rng = random.Random(f"{seed}:{number}")  # hashed the same in every process
    numbers = np.random.default_rng([seed, number])
    family = rng.choice((ELEMENTWISE, ELEMENTWISE, CLASSES, CLASSES, SEQUENCES))
    loss = rng.choice(family)
    kind = rng.choice(("logits", "log-probs", "probs"))
    predictions, targets = _values(loss, family, kind, rng, numbers)
    inputs, read = _written(folder, predictions, targets, rng, numbers)
    arguments = [loss, *inputs, "--no-config"]
    if family != ELEMENTWISE and rng.random() < 0.855:
        arguments += ["--kind", kind]
    if loss == "gaussian-nll":
        arguments += ["--variance", "0.5"]
    reduction = "mean" if loss == "perplexity" else rng.choice(("mean", "mean", "sum"))
    arguments += ["--reduction", reduction] if reduction == "sum" else []
    arguments += ["--format", "value"]
    for option in rng.sample(HARMLESS, rng.choice((0, 0, 1, 2))):
        arguments += option.split()
    odd = _odd(loss, rng) if rng.random() < 0.3 else []
    arguments += odd

    def expected() -> float:
        known = oracle.PAIRS.get(loss) if family == ELEMENTWISE else oracle.CLASSES[kind]
        if known is None or odd or family == SEQUENCES or (family == CLASSES and "--kind" not in arguments):
            raise oracle.UnreadableError
        p, y = read()
        if family == CLASSES:
            if (
                p.ndim != 2
                or y.shape != p.shape[:1]
                or (y != np.round(y)).any()
                or y.min() < 0
                or y.max() >= p.shape[1]
            ):
                raise oracle.UnreadableError
        elif p.shape != y.shape:
            raise oracle.UnreadableError
        return oracle.value(known, p, y, reduction)

    return Case(arguments, expected, gated=any(word in ("--expect", "--max", "--min") for word in odd))


def _values(
    loss: str, family: Sequence[str], kind: str, rng: random.Random, numbers: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    rows, classes = rng.choice((1, 2, 3, 8, 40)), rng.randrange(2, 5)
    if family == ELEMENTWISE:
        shape = (rows, classes) if rng.random() < 0.3 else (rows,)
        if loss == "bce":
            return numbers.uniform(0.01, 0.99, shape), numbers.integers(0, 2, shape).astype(float)
        targets = numbers.integers(0, 2, shape) if loss.endswith(("entropy", "hinge")) else numbers.normal(size=shape)
        return numbers.normal(size=shape) * 10.0 ** rng.randrange(-2, 3), targets.astype(float)
    shape = {"ctc": (6, rows, classes)}.get(loss, (rows, 3, classes) if family == SEQUENCES else (rows, classes))
    logits = numbers.normal(size=shape) * 3
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    predictions = {"logits": logits, "log-probs": log_probs, "probs": np.exp(log_probs)}[kind]
    if loss == "ctc":
        return predictions, numbers.integers(1, classes, (rows, 2))
    return predictions, numbers.integers(0, classes, shape[:-1])


def _written(
    folder: Path, predictions: np.ndarray, targets: np.ndarray, rng: random.Random, numbers: np.random.Generator
) -> tuple[list[str], Callable[[], tuple[np.ndarray, np.ndarray]]]:
    """Write both, one of them most likely damaged; the arguments that name them, and their independent reader."""
    if predictions.ndim > 2 or targets.ndim > 1 or rng.random() < 0.4:
        if rng.random() < 0.2:
            predictions = predictions.astype(rng.choice(("f4", "f2", ">f8")))
        hurt = rng.randrange(2) if rng.random() < 0.85 else None
        paths = []
        for number, (name, values) in enumerate((("p", predictions), ("y", targets))):
            extension = rng.choice((".npy", ".npy", ".npz"))
            paths.append(_put(folder / f"{name}{extension}", ARRAYS[extension](values), rng, hurt=number == hurt))
        return [path.name for path in paths], lambda: (oracle.array(paths[0]), oracle.array(paths[1]))
    wide = predictions.ndim == 2
    table = {f"c{c}": predictions[:, c] for c in range(predictions.shape[1])} if wide else {"p": predictions}
    table["y"] = targets
    extension = rng.choice(list(TABLES))
    path = _put(folder / f"t{extension}", TABLES[extension](table), rng, hurt=rng.random() < 0.85)

    def read() -> tuple[np.ndarray, np.ndarray]:
        *columns, labels = oracle.columns(path, list(table))
        return (np.stack(columns, axis=1) if wide else columns[0]), labels

    return [path.name, "--pred", "c*" if wide else "p", "--target", "y"], read


def _put(path: Path, content: bytes, rng: random.Random, *, hurt: bool) -> Path:
    compressed = rng.random() < 0.2
    if compressed and rng.random() < 0.5:
        content = damaged(packed(content, rng), rng) if hurt else packed(content, rng)
    else:
        content = damaged(content, rng) if hurt else content
        content = packed(content, rng) if compressed else content
    # The content tells how it is compressed; what the name adds is that of a format.
    path.write_bytes(content)
    return path


def _odd(loss: str, rng: random.Random) -> list[str]:
    """Options of the loss and of all losses, with values that may or may not be any."""
    own = [(parameter.option, isinstance(parameter.kind, Flag)) for parameter in catalogue()[loss].parameters]
    common = [(f"--{o.name.replace('_', '-')}", o.type is bool) for o in COMMON if o.name not in LEFT_OUT]
    words = []
    for option, is_flag in rng.sample(own + common, rng.choice((1, 1, 2, 3))):
        words += [option] if is_flag else [option, rng.choice(WORDS)]
    return words
