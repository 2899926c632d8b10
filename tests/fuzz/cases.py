"""One case: files in a folder, a command, and what is known of its answer beforehand."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from losscli.cli.loss_command import SHOWN_BY
from losscli.cli.options import COMMON
from losscli.losses.catalogue import catalogue
from losscli.losses.parameters import Flag

from . import oracle
from .files import ARRAYS, LISTS, TABLES, damaged, npy, packed

ELEMENTWISE = tuple(oracle.PAIRS)
CLASSES = ("nll", "cross-entropy")
SEQUENCES = ("sequence-nll", "perplexity", "ctc")
KINDS = ("logits", "log-probs", "probs")
CONVERSIONS = ("softmax", "log-softmax", "sigmoid", "log-sigmoid", "exp", "log")

# Options that leave the value as it is, so that the oracle still knows it.
HARMLESS = ("--threads 1", "--threads 3", "--quiet", "--color never", "--on-nan propagate", "--on-empty zero")
ON_REQUEST = {"rows": "--rows all", "top": "--top 2", "plot": "--plot", "show_work": "--show-work",
              "baselines": "--baselines", "per_sample": "--per-sample"}  # fmt: skip
OUTPUTS = ("out.csv", "out.npy", "out.parquet", "out.jsonl")
FORMATS = ("value", "value", "value", "json", "json", "jsonl", "csv", "table", "md")
WORDS = ("0", "1", "-1", "2", "0.5", "1e-300", "1e308", "nan", "inf", "", "x", "-", "p", "y", "c*", "missing.npy",
         "p.npy", "0,1", "1,1,1", "auto", "logits", "probs", "last", "none", "sum", "error", "skip", "9" * 30,
         "é\x1b[31m")  # fmt: skip
LEFT_OUT = ("debug", "params", "output", "color", "format", "json")


class Answer(NamedTuple):
    """What a command must say: one number, and one a sample where they are known."""

    value: float | None
    samples: np.ndarray | None


@dataclass(frozen=True)
class Case:
    """A command in a folder.

    Attributes:
        arguments: What stands behind `losscli`.
        answer: The reference, asked for after the run; an UnreadableError where it is not known.
        sound: Whether nothing was damaged and nothing odd was asked for, so that the command must succeed.
        gated: Whether a check may fail.
        stdin: What is piped in.
    """

    arguments: list[str]
    answer: Callable[[], Answer]
    sound: bool = False
    gated: bool = False
    stdin: bytes = b""

    def after(self, option: str) -> str | None:
        """The word behind an option."""
        return self.arguments[self.arguments.index(option) + 1] if option in self.arguments else None


def make(folder: Path, seed: int, number: int) -> Case:
    """Write the files of a case; the same numbers make the same case."""
    rng = random.Random(f"{seed}:{number}")  # hashed the same in every process
    numbers = np.random.default_rng([seed, number])
    return rng.choice(_COMMANDS)(folder, rng, numbers)


def _unknown() -> Answer:
    raise oracle.UnreadableError


# The losses.


def _loss(folder: Path, rng: random.Random, numbers: np.random.Generator) -> Case:
    loss = rng.choice(rng.choice((ELEMENTWISE, CLASSES, SEQUENCES)))
    kind = rng.choice(KINDS)
    predictions, targets = _values(loss, kind, rng, numbers)
    written = _written(folder, predictions, targets, rng)
    arguments = [loss, *written.arguments, "--no-config"]
    told = loss in ELEMENTWISE or rng.random() < 0.85
    if loss not in ELEMENTWISE and told:
        arguments += ["--kind", kind]
    reduction = "mean" if loss == "perplexity" else rng.choice(("mean", "mean", "sum"))
    arguments += ["--reduction", "sum"] if reduction == "sum" else []
    words, options = _meant(loss, predictions.shape[-1], rng)
    arguments += words
    weights = None
    if rng.random() < 0.15:
        weights = numbers.uniform(0.5, 2.0, predictions.shape[1] if loss == "ctc" else len(predictions))
        (folder / "w.npy").write_bytes(npy(weights))
        arguments += ["--sample-weight", "w.npy"]
    form = rng.choice(FORMATS)
    arguments += ["--format", form]
    harmless = [*HARMLESS, *(option for name, option in ON_REQUEST.items() if form in SHOWN_BY[name])]
    for option in rng.sample(harmless, rng.choice((0, 0, 1, 2))):
        arguments += option.split()
    if rng.random() < 0.2:
        arguments += ["-o", rng.choice(OUTPUTS)]
    odd = _odd(loss, rng) if rng.random() < 0.25 else []
    arguments += odd
    known = {**options, "reduction": reduction}

    def answer() -> Answer:
        if odd or not told:
            raise oracle.UnreadableError
        losses, each = oracle.elements(loss, kind, *written.read(), known)
        unit = math.log(known.get("base", math.e))
        samples = losses.reshape(len(losses), -1).sum(axis=1) / unit
        if weights is not None:
            if len(losses) != len(weights):
                raise oracle.UnreadableError
            spread = weights.reshape(-1, *[1] * (losses.ndim - 1))
            losses, each, samples = losses * spread, each * spread, samples * weights
        divided = loss == "ctc" and reduction == "mean"
        return Answer(oracle.reduced(loss, losses, each, known), None if divided else samples)

    gated = any(word in ("--expect", "--max", "--min") for word in odd)
    # Where a label is ignored, nothing may be left.
    sound = written.whole and told and not odd and options.get("ignore-index", -1) < 0
    return Case(arguments, answer, sound=sound, gated=gated, stdin=written.stdin)


def _meant(loss: str, classes: int, rng: random.Random) -> tuple[list[str], dict[str, float]]:
    """Options whose effect the oracle knows, as words and as numbers."""
    choices: list[tuple[str, dict[str, float]]] = [("", {})]
    if loss in ("huber", "pseudo-huber"):
        choices += [("--delta 0.25", {"delta": 0.25}), ("--delta 3", {"delta": 3.0})]
    if loss == "weighted-cross-entropy":
        choices += [("--pos-weight 3", {"pos-weight": 3.0})]
    if loss == "gaussian-nll":
        choices = [("--variance 0.5", {"variance": 0.5}), ("--std 3", {"variance": 9.0})]
    if loss in CLASSES:
        heavy = ",".join("3" if c == 1 else "1" for c in range(classes))
        choices += [(f"--class-weight {heavy}", {"heavy-class": 1}), ("--ignore-index 1", {"ignore-index": 1})]
        choices += [("--ignore-index -5", {"ignore-index": -5})]
    if loss == "cross-entropy":
        choices += [("--label-smoothing 0.25", {"label-smoothing": 0.25})]
        choices += [(f"--label-smoothing 0.25 --class-weight {heavy}", {"label-smoothing": 0.25, "heavy-class": 1})]
    if loss in ("sequence-nll", "perplexity"):
        choices += [("--shift 1", {"shift": 1}), ("--ignore-index 1 --on-empty nan", {"ignore-index": 1})]
    words, options = rng.choice(choices)
    if loss in catalogue() and catalogue()[loss].in_nats and rng.random() < 0.2:
        return [*words.split(), "--base", "2"], {**options, "base": 2.0}
    return words.split(), options


def _values(loss: str, kind: str, rng: random.Random, numbers: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    rows, classes = rng.choice((1, 2, 3, 8, 40)), rng.randrange(2, 5)
    if loss in ELEMENTWISE:
        shape = (rows, classes) if rng.random() < 0.3 else (rows,)
        if loss == "bce":
            return numbers.uniform(0.01, 0.99, shape), numbers.integers(0, 2, shape).astype(float)
        targets = numbers.integers(0, 2, shape) if loss.endswith(("entropy", "hinge")) else numbers.normal(size=shape)
        if loss == "hinge" and rng.random() < 0.5:
            targets = 2 * targets - 1
        return numbers.normal(size=shape) * 10.0 ** rng.randrange(-2, 3), targets.astype(float)
    if loss == "ctc":
        rows, classes = min(rows, 3), min(classes, 3)
    shape = {"ctc": (6, rows, classes)}.get(loss, (rows, 3, classes) if loss in SEQUENCES else (rows, classes))
    logits = numbers.normal(size=shape) * 3
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    predictions = {"logits": logits, "log-probs": log_probs, "probs": np.exp(log_probs)}[kind]
    if loss == "ctc":
        return predictions, numbers.integers(1, classes, (rows, 2))
    return predictions, numbers.integers(0, classes, shape[:-1])


def _odd(loss: str, rng: random.Random) -> list[str]:
    """Options of the loss and of all losses, with values that may or may not be any."""
    own = [(parameter.option, isinstance(parameter.kind, Flag)) for parameter in catalogue()[loss].parameters]
    common = [(f"--{o.name.replace('_', '-')}", o.type is bool) for o in COMMON if o.name not in LEFT_OUT]
    words = []
    for option, is_flag in rng.sample(own + common, rng.choice((1, 1, 2, 3))):
        words += [option] if is_flag else [option, rng.choice(WORDS)]
    return words


# The commands beside the losses.


def _convert(folder: Path, rng: random.Random, numbers: np.random.Generator) -> Case:
    operation = rng.choice(CONVERSIONS)
    values = numbers.normal(size=(rng.choice((1, 3, 40)), 3))
    if operation in ("exp", "log"):
        values -= np.log(np.exp(values).sum(axis=1, keepdims=True))
        values = np.exp(values) if operation == "log" else values
    extension = rng.choice((".npy", ".npz"))
    hurt = rng.random() < 0.6
    path = _put(folder / f"x{extension}", ARRAYS[extension](values), rng, hurt=hurt)
    arguments = ["convert", operation, path.name, "--no-config", "-o", rng.choice(OUTPUTS)]

    def answer() -> Answer:
        x = oracle.array(path)
        if x.ndim != 2 or operation in ("sigmoid", "log-sigmoid", "log"):
            # Rows are checked for the last, and of one column the first two write a vector.
            raise oracle.UnreadableError
        return Answer(None, oracle.converted(operation, x))

    return Case(arguments, answer, sound=not hurt)


def _inspect(folder: Path, rng: random.Random, numbers: np.random.Generator) -> Case:
    kind = rng.choice(KINDS)
    loss = rng.choice((*CLASSES, *SEQUENCES, "mse"))
    written = _written(folder, *_values(loss, kind, rng, numbers), rng)
    arguments = ["inspect", *written.arguments, "--no-config", *rng.choice(([], ["--json"]))]
    return Case(arguments, _unknown, sound=written.whole and loss != "ctc", stdin=written.stdin)


def _compare(folder: Path, rng: random.Random, numbers: np.random.Generator) -> Case:
    loss, kind = rng.choice(("nll", "mse", "bce", "hinge")), rng.choice(KINDS)
    first, targets = _values(loss, kind, rng, numbers)
    second = first[::-1].copy()
    hurt = rng.choice((None, 0, 1, 2))
    paths = [
        _put(folder / f"{name}.npy", npy(values), rng, hurt=hurt == place)
        for place, (name, values) in enumerate((("a", first), ("b", second), ("y", targets)))
    ]
    arguments = ["compare", loss, *(path.name for path in paths), "--no-config", "--seed", "1"]
    arguments += ["--kind", kind] if loss == "nll" else []
    arguments += rng.choice(([], ["--json"], ["--margin", "0.1"], ["--margin", rng.choice(WORDS)]))
    return Case(arguments, _unknown)


def _model(folder: Path, rng: random.Random, numbers: np.random.Generator) -> Case:
    command = rng.choice(("mle", "likelihood"))
    model, options, values = rng.choice((
        ("normal", "--mean 0.5 --std 2", numbers.normal(size=9)),
        ("bernoulli", "--p 0.25", numbers.integers(0, 2, 9)),
        ("poisson", "--rate 2.5", numbers.poisson(3.0, 9)),
        ("exponential", "--rate 0.5", numbers.exponential(2.0, 9)),
        ("categorical", "--probs 0.5,0.25,0.25", numbers.integers(0, 3, 9)),
    ))  # fmt: skip
    hurt = rng.random() < 0.8
    if rng.random() < 0.5:
        extension = rng.choice(list(ARRAYS))
        arguments = [_put(folder / f"x{extension}", ARRAYS[extension](values), rng, hurt=hurt).name]
    else:
        extension = rng.choice(list(TABLES))
        path = _put(folder / f"x{extension}", TABLES[extension]({"a": values}), rng, hurt=hurt)
        arguments = [path.name, "--column", "a"]
    given = options.split() if command == "likelihood" else []
    arguments = [
        command,
        model,
        *arguments,
        *given,
        "--no-config",
        *rng.choice(([], ["--json"], ["--format", "value"])),
    ]
    return Case(arguments, _unknown, sound=not hurt)


def _check(folder: Path, rng: random.Random, numbers: np.random.Generator) -> Case:
    predictions, targets = _values("mse", "logits", rng, numbers)
    hurt = rng.randrange(3)
    _put(folder / "p.npy", npy(predictions), rng, hurt=hurt == 0)
    _put(folder / "y.npy", npy(targets), rng, hurt=hurt == 1)
    gates = '[[gate]]\nname = "g"\nloss = "mse"\npredictions = "p.npy"\ntargets = "y.npy"\nmax = 1.0\nmin = 0\n'
    (folder / "gates.toml").write_bytes(damaged(gates.encode(), rng) if hurt == 2 else gates.encode())
    formats = ([], ["--format", "json"], ["--format", "junit"], ["--format", "github"])
    return Case(["check", "gates.toml", *rng.choice(formats)], _unknown, gated=True)


_COMMANDS = (_loss,) * 12 + (_convert, _inspect, _compare, _model, _check)


# Files.


class Written(NamedTuple):
    """Predictions and targets as files: how a command names them, and how the oracle reads them."""

    arguments: list[str]
    read: Callable[[], tuple[np.ndarray, np.ndarray]]
    whole: bool
    stdin: bytes = b""


def _written(folder: Path, predictions: np.ndarray, targets: np.ndarray, rng: random.Random) -> Written:
    """Write both, one of them most likely damaged."""
    hurt = rng.random() < 0.8
    if predictions.ndim == 3 or targets.ndim == 3 or rng.random() < 0.4:
        return _as_arrays(folder, predictions, targets, rng, hurt=hurt)
    return _as_table(folder, predictions, targets, rng, hurt=hurt)


def _as_arrays(
    folder: Path, predictions: np.ndarray, targets: np.ndarray, rng: random.Random, *, hurt: bool
) -> Written:
    stored = predictions.astype(rng.choice(("f4", "f2", ">f8"))) if rng.random() < 0.2 else predictions
    if predictions.ndim > 1 and rng.random() < 0.2:
        stored = np.asfortranarray(stored)
    victim = rng.randrange(2) if hurt else None
    paths = []
    for number, (name, values) in enumerate((("p", stored), ("y", targets))):
        extension = rng.choice((".npy", ".npy", ".npz"))
        paths.append(_put(folder / f"{name}{extension}", ARRAYS[extension](values), rng, hurt=number == victim))
    names = [path.name for path in paths]
    piped = rng.randrange(2) if rng.random() < 0.1 else None
    stdin = b""
    if piped is not None:
        names[piped], stdin = "-", paths[piped].read_bytes()
    # Half precision is too coarse for rows that must sum to one.
    whole = not hurt and stored.dtype.itemsize == 8
    return Written(names, lambda: (oracle.array(paths[0]), oracle.array(paths[1])), whole, stdin)


def _as_table(folder: Path, predictions: np.ndarray, targets: np.ndarray, rng: random.Random, *, hurt: bool) -> Written:
    wide, lists = predictions.ndim == 2, targets.ndim == 2 or rng.random() < 0.3
    if lists or not wide:
        table, pattern = {"p": predictions, "y": targets}, "p"
    else:
        table, pattern = {f"c{c}": column for c, column in enumerate(predictions.T)} | {"y": targets}, "c*"
    extension = rng.choice(LISTS if wide and lists else list(TABLES))
    path = _put(folder / f"t{extension}", TABLES[extension](table), rng, hurt=hurt)

    def read() -> tuple[np.ndarray, np.ndarray]:
        *columns, labels = oracle.columns(path, list(table))
        return (columns[0] if pattern == "p" else np.stack(columns, axis=1)), labels

    return Written([path.name, "--pred", pattern, "--target", "y"], read, not hurt)


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
