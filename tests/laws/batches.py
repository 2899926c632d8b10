"""Legal inputs for every loss of the catalogue, made from its contract alone.

A new loss on a known contract takes part in every law without a line here. A new contract fails
`test_every_contract_takes_part` until it is told how to make inputs for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st

import losscli
from losscli.engine.result import Result
from losscli.losses.catalogue import Loss, catalogue
from losscli.losses.contracts import Alignment, Classes, Domain, Elementwise, Tokens
from losscli.losses.parameters import Choice, Flag, Number, Parameter, Side, Weights, Whole
from losscli.numerics import log_softmax

LAW = settings(max_examples=4, phases=[Phase.generate, Phase.shrink])
"""A law runs over many variants, so that each needs a few examples only."""

CLASSES = 4
WIDTH = 3
"""The length of the last axis where a sample holds more than one element."""

STEPS = 7
"""The tokens or the frames of a sequence."""

LABELS = 3
"""The most labels of an utterance: its frames suffice for them and for a blank between any two."""

WIDE = 40.0
"""How far numbers go where their domain has no end."""


@dataclass(frozen=True)
class Batch:
    """Inputs of one call: a sample a row, options by their names in the API."""

    loss: Loss
    predictions: np.ndarray
    targets: np.ndarray
    options: dict[str, Any]

    def __len__(self) -> int:
        return len(self.predictions)

    def rows(self, index: Any) -> Batch:
        """Some of the samples, in the order given; side inputs that go with the samples too."""
        sides = ["sample_weight", *(p.name for p in self.loss.parameters if isinstance(p.kind, Side))]
        options = {n: locked(v[index]) if n in sides and np.ndim(v) else v for n, v in self.options.items()}
        return replace(
            self, predictions=locked(self.predictions[index]), targets=locked(self.targets[index]), options=options
        )

    def with_options(self, **options: Any) -> Batch:
        """The same batch, asked differently."""
        return replace(self, options={**self.options, **options})

    def result(self, **options: Any) -> Result:
        """The whole result."""
        asked = {"kind": kind_of(self.loss), **self.options, **options}
        if isinstance(self.loss.contract, Alignment):
            asked |= {"layout": "ntc", "mean_rule": "sample"}  # a sample a row, and the mean over them
        if asked["kind"] is None:
            del asked["kind"]
        return losscli.compute(self.loss.name, self.predictions, self.targets, **asked)

    def elements(self, **options: Any) -> np.ndarray:
        """The un-reduced losses."""
        return np.array(self.result(reduction="none", **options).value)


@dataclass(frozen=True)
class Variant:
    """One way to use a loss: its shape of samples, its sort of targets, options given or not."""

    loss: Loss
    deep: bool = False
    soft: bool = False
    optioned: bool = False

    def __str__(self) -> str:
        words = [word for word in ("deep", "soft", "optioned") if getattr(self, word)]
        return "-".join([self.loss.name, *words])

    @property
    def plain(self) -> bool:
        """Whether nothing but the defaults is asked for."""
        return not self.optioned

    def options(self, rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Any]:
        """Values for what must be given, and (where `optioned`) other than the default for the rest."""
        if self.optioned and isinstance(self.loss.contract, Tokens):
            mask = rng.integers(0, 2, shape)
            mask[:, 0] = 1  # so that something of each sequence is scored
            return {"lengths": locked(rng.integers(1, STEPS, shape[:1])), "mask": locked(mask)}
        if self.optioned and isinstance(self.loss.contract, Alignment):
            lengths = {"input_lengths": (2 * LABELS - 1, STEPS), "target_lengths": (1, LABELS)}
            return {name: locked(rng.integers(*ends, shape[:1], endpoint=True)) for name, ends in lengths.items()}
        own = {p.name: p for p in self.loss.parameters if p.name in self.loss.own_options}
        asked = list(self.loss.one_of[-1 if self.optioned else 0 :][:1])
        if self.optioned:
            asked += [name for name in own if name not in self.loss.one_of]
        return {name: self._value(own[name], rng, shape) for name in asked}

    def _value(self, parameter: Parameter, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        match parameter.kind:
            case Side(each=each, domain=domain):
                return locked(in_domain(rng, domain, shape[:1] if each == "sample" else shape))
            case Number(low=low, high=high):
                return 0.25 if low < 0.25 < high else (low + high) / 2
            case Weights(along="class"):
                return locked(np.array([0.5, 2.0, 0.25, 1.0]))
            case Weights():
                return locked(np.array([0.5, 2.0, 4.0])) if self.deep else 2.5
            case Choice(words=words):
                return next(word for word in words if word != parameter.default)
            case Flag():
                return not parameter.default
            case Whole():
                return 1
        raise AssertionError(f"the laws know no value for an option that is {parameter.kind}")

    def batches(self, min_size: int = 1, max_size: int = 12) -> st.SearchStrategy[Batch]:
        """Batches of this variant."""
        return st.builds(self.batch, st.integers(min_size, max_size), st.integers(0, 2**32 - 1))

    def batch(self, size: int, seed: int) -> Batch:
        """A batch of so many samples."""
        rng = np.random.default_rng(seed)
        contract = self.loss.contract
        inner = (WIDTH,) if self.deep else ()
        if isinstance(contract, Classes):
            logits = numbers(rng, (size, CLASSES, *inner), -WIDE, WIDE)
            predictions = as_kind(logits, contract.default_kind)
            if self.soft:
                targets = as_kind(numbers(rng, logits.shape, -4.0, 4.0), "probs")
            else:
                targets = rng.integers(0, CLASSES, (size, *inner))
        elif isinstance(contract, (Tokens, Alignment)):
            logits = numbers(rng, (size, STEPS, CLASSES), -WIDE, WIDE)
            predictions = as_kind(logits, kind_of(self.loss), axis=-1)
            if isinstance(contract, Tokens):
                targets = rng.integers(0, CLASSES, (size, STEPS))
            else:  # label 0 is the blank
                targets = rng.integers(1, CLASSES, (size, LABELS))
        else:
            predictions = in_domain(rng, contract.prediction, (size, *inner))
            targets = in_domain(rng, contract.target, (size, *inner))
        options = self.options(rng, targets.shape)
        return Batch(self.loss, locked(predictions), locked(targets), options)


def numbers(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """Numbers between two bounds, of which some are the bounds, whole, or small."""
    spread = rng.uniform(low, high, shape)
    small = rng.uniform(0.0, 1.0, shape) * 10.0 ** rng.integers(-20, 0, shape)
    choice = [spread, spread, np.trunc(spread), small, np.full(shape, low), np.full(shape, high)]
    return np.choose(rng.integers(0, len(choice), shape), choice)


def in_domain(rng: np.random.Generator, domain: Domain, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of a domain."""
    if domain.signs:
        return rng.choice((-1, 1), shape)
    values = numbers(rng, shape, max(domain.low, -WIDE), min(domain.high, WIDE))
    return np.where(values == domain.low, 1.0, values) if not domain.low_closed else values


def as_kind(logits: np.ndarray, kind: str, axis: int = 1) -> np.ndarray:
    """Logits as log-probabilities or probabilities."""
    if kind == "logits":
        return logits
    log_probs = np.moveaxis(log_softmax(np.moveaxis(logits, axis, -1)), -1, axis)
    return log_probs if kind == "log-probs" else np.exp(log_probs)


def kind_of(loss: Loss) -> str | None:
    """What a call from Python takes the predictions for, where there are several kinds."""
    return next((parameter.default for parameter in loss.parameters if parameter.name == "kind"), None)


def has_classes(loss: Loss) -> bool:
    """Whether the predictions have an axis of classes."""
    return kind_of(loss) is not None


def class_axis(loss: Loss) -> int:
    """Where the axis of the classes is."""
    return 1 if isinstance(loss.contract, Classes) else -1


def locked(array: np.ndarray) -> np.ndarray:
    """The array, which nobody may write to from now on."""
    array.flags.writeable = False
    return array


def variants(keep: Callable[[Variant], bool] = lambda _: True) -> list[Variant]:
    """Every variant of every loss for which a law holds; a loss that is made of a mean has laws of its own."""
    losses = [loss for loss in catalogue().values() if loss.of_mean is None]
    return [variant for loss in losses for variant in variants_of(loss) if keep(variant)]


def variants_of(loss: Loss) -> Iterable[Variant]:
    """Shapes × sorts of targets × options."""
    deep, soft, options = (False, True), (False,), bool(loss.own_options)
    match loss.contract:
        case Classes(soft=True):
            soft = (False, True)
        case Tokens() | Alignment():
            deep, options = (False,), True
        case Elementwise() | Classes():
            pass
        case _:
            return
    for shape, sort in itertools.product(deep, soft):
        yield Variant(loss, shape, sort)
        if options:
            yield Variant(loss, shape, sort, optioned=True)
