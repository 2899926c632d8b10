"""Rows that are of another kind by accident: each is counted, wherever it stands among logits."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import losscli
from losscli.engine import run

ROWS = 3000
FEW = 150
"""As many rows of probabilities, and of log-probabilities, as do not make the kind uncertain."""


def probabilities(rng: np.random.Generator, classes: int, tolerance: float, *, certain: bool = True) -> np.ndarray:
    """Rows that are certain, even, or neither; some of them off by what is tolerated, some by more."""
    rows = rng.dirichlet(np.full(classes, 0.3), FEW)
    rows[: FEW // 4] = 1.0 / classes
    if certain:
        rows[-FEW // 4 :] = np.eye(classes)[rng.integers(0, classes, FEW // 4 + 1)]
    return rows * np.maximum(0.1, 1.0 + tolerance * rng.choice([-1.01, -0.99, 0.0, 0.0, 0.99, 1.01], (FEW, 1)))


def is_probs(row: list[float], tolerance: float) -> bool:
    return min(row) >= 0.0 and max(row) <= 1.0 and abs(math.fsum(row) - 1.0) <= tolerance


def is_log_probs(row: list[float], tolerance: float) -> bool:
    mass = math.fsum(map(math.exp, row)) if max(row) <= 0.0 else 0.0
    return mass > 0.0 and abs(math.log(mass)) <= tolerance


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("tolerance", [1e-6, 1e-3, 0.2, 1.5])
@pytest.mark.parametrize("classes", [2, 3, 10, 200])
@pytest.mark.parametrize("extreme", [False, True])
def test_every_row_that_may_be_no_logits_is_counted(classes, tolerance, dtype, extreme):
    rng = np.random.default_rng(classes)
    scores = rng.normal(0.0, 3.0, (ROWS, classes)) + 2.0
    chance = rng.permutation(ROWS)
    scores[chance[:FEW]] = probabilities(rng, classes, tolerance)
    with np.errstate(divide="ignore"):
        scores[chance[FEW : 2 * FEW]] = np.log(probabilities(rng, classes, tolerance, certain=extreme))
    if extreme:  # so that no bound on all rows excludes any
        scores[chance[-1], 0] = -800.0
        scores[chance[-2], -1] = 800.0
    scores = scores.astype(dtype)
    target = np.where(np.isneginf(scores[:, 0]), scores.argmax(axis=1), rng.integers(0, classes, ROWS))
    result = losscli.compute("cross-entropy", scores, target, row_sum_tolerance=tolerance, reduction="sum")
    evidence = result.inputs["predictions"].evidence
    told = re.fullmatch(r"detected: (\d+) of 3,000 rows sum to 1, (\d+) have logsumexp 0", evidence)
    expected = [sum(kind(row, tolerance) for row in scores.tolist()) for kind in (is_probs, is_log_probs)]
    assert told
    assert [int(count) for count in told.groups()] == expected
    assert min(expected) > 10


@pytest.mark.parametrize(
    ("logits", "ignored", "every_row"),
    [([], [], True), ([0], [], False), ([FEW - 1], [], False), ([0], [0], True), ([70], [0, 1, 70], True)],
    ids=str,
)
def test_logits_that_are_all_probabilities_are_doubted_and_only_if_every_row_that_counts_is(
    logits, ignored, every_row, monkeypatch
):
    monkeypatch.setattr(run, "RANGE_NUMBERS", 16)
    rng = np.random.default_rng(4)
    scores = probabilities(rng, 4, 0.0)
    scores[logits] = [1.5, -2.0, 0.25, 0.75]
    target = rng.integers(0, 4, FEW)
    target[ignored] = -1
    result = losscli.compute("cross-entropy", scores, target, kind="logits", ignore_index=-1)
    assert any("a second time" in warning for warning in result.warnings) is every_row


def test_the_probability_that_is_shown_is_the_stored_one():
    """−log p has no digits left that would tell 0.1 from its neighbours where p is tiny."""
    probs = np.random.default_rng(3).dirichlet([0.02, 0.5, 1.0], 500)
    shown = losscli.compute("nll", probs, np.zeros(500, np.int64), kind="probs", per_sample=True).per_sample
    np.testing.assert_array_equal(shown.columns["probability"], probs[:, 0])


@pytest.mark.parametrize("ask", [{"per_sample": True}, {"top": 2}])
def test_the_probability_that_is_shown_of_percentages_is_no_percentage(ask):
    result = losscli.compute("nll", [[70.0, 20.0, 10.0], [1.0, 1.0, 2.0]], [0, 2], kind="probs", normalize=True, **ask)
    shown = (result.per_sample or result.top).columns
    assert sorted(zip(shown["sample"].tolist(), shown["probability"].tolist(), strict=True)) == [(0, 0.7), (1, 0.5)]
