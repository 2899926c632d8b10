"""What values an array may hold: in words, and number by number."""

from __future__ import annotations

import math

import numpy as np
import pytest

import losscli
from losscli.losses.domains import COUNT, LENGTH, LOGIT, MASK, PROBABILITY, REAL, SCORE, SIGN, SOFT_LABEL, Domain
from losscli.losses.parameters import DEVIATION, VARIANCE

ENDS = -math.inf, -1.0, -5e-324, 0.0, 5e-324, 1.0, 1.0 + 2**-52, math.inf


@pytest.mark.parametrize(
    ("domain", "noun", "words", "held"),
    [
        (REAL, "values", "finite", ENDS),
        (SCORE, "scores", "finite", ENDS),
        (LOGIT, "logits", "finite", ENDS),
        (PROBABILITY, "probabilities", "within [0, 1]", ENDS[3:6]),
        (SOFT_LABEL, "labels", "within [0, 1]", ENDS[3:6]),
        (MASK, "masks", "within [0, 1]", ENDS[3:6]),
        (SIGN, "labels", "-1 and +1, or 0 and 1", ENDS),
        (LENGTH, "lengths", "≥ 0", ENDS[3:]),
        (COUNT, "counts", "≥ 0", ENDS[3:]),
        (VARIANCE, "variances", "> 0", ENDS[4:]),
        (DEVIATION, "standard deviations", "> 0", ENDS[4:]),
        (Domain("halves", -0.5, 0.25), "halves", "within [-0.5, 0.25]", ENDS[2:5]),
    ],
    ids=str,
)
def test_domains(domain, noun, words, held):
    assert (domain.noun, str(domain)) == (noun, words)
    assert tuple(end for end in ENDS if domain.holds(end)) == held
    assert not domain.holds(math.nan)
    assert domain.bounded is ("within" in words)
    assert domain.signs is (domain is SIGN)


def test_hints_lead_on():
    assert "sigmoid-cross-entropy" in PROBABILITY.hint
    assert "--unchecked-targets" in SOFT_LABEL.hint
    assert REAL.hint == ""


ONE = np.array([0.3, -2.0, 5.0]), np.array([1.0, 0.0, 1.0])
ROWS = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]]), np.array([2, 0])


@pytest.mark.parametrize(
    ("name", "arrays", "required", "defaults"),
    [
        ("huber", ONE, {}, {"delta": 1.0}),
        ("pseudo_huber", ONE, {}, {"delta": 1.0}),
        ("weighted_cross_entropy", ONE, {}, {"pos_weight": 1.0}),
        ("gaussian_nll", ONE, {"variance": 2.0}, {"full": True, "eps": 0.0}),
        ("nll", ROWS, {"kind": "logits"}, {"class_weight": None}),
        ("cross_entropy", ROWS, {}, {"class_weight": None, "label_smoothing": 0.0, "kind": "logits"}),
    ],
)
def test_an_option_that_is_left_out_is_its_default(name, arrays, required, defaults):
    function = getattr(losscli, name)
    assert function(*arrays, **required) == function(*arrays, **required, **defaults)
