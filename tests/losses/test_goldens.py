"""Every loss gives the numbers that the frameworks gave, and those of the five documents."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reading import FRAMEWORKS, HERE, SAMPLE_SEQUENCES, SEQUENCES, load_cases

import losscli
from losscli import numerics

pytestmark = pytest.mark.filterwarnings("ignore::losscli.LossWarning")

DOCUMENTS = json.loads((HERE / "documents.json").read_text(encoding="utf-8"))
FILES = (FRAMEWORKS, SEQUENCES, SAMPLE_SEQUENCES)
CASES = [case for path in FILES for case in load_cases(path)]
ENTRIES = {entry["id"]: entry for part in ("printed", "computed") for entry in DOCUMENTS[part]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_frameworks(case, tmp_path):
    if case.targets.dtype.kind == "U":  # text labels live in tables
        labels = tmp_path / "labels.csv"
        labels.write_text("label\n" + "\n".join(case.targets.tolist()) + "\n", encoding="utf-8")
        options = {"reduction": case.reduction, **case.options}
        got = losscli.compute(case.loss, case.predictions, str(labels), **options).value
    else:
        function = getattr(losscli, case.loss)
        got = function(case.predictions, case.targets, reduction=case.reduction, **case.options)
    assert np.shape(got) == case.expected.shape
    np.testing.assert_allclose(got, case.expected, rtol=case.rtol, atol=case.atol)


def elements(function: Callable[..., Any], predictions: str, targets: str) -> Callable[..., Any]:
    """A document's entry whose inputs are one array each and whose expected value is that of one reduction."""

    def compute(entry):
        given, inputs = entry.get("options", {}), entry["inputs"]
        options = {name: given[name] for name in ("reduction", "delta", "pos_weight") if name in given}
        if predictions == "probs" and function is not losscli.bce:
            options["kind"] = "probs"
        if entry["id"].endswith("_swapped"):
            options["unchecked_targets"] = True
        return function(stored(inputs[predictions]), stored(inputs[targets]), **options)

    return compute


def stored(values: list[Any]) -> np.ndarray:
    """The inputs of a document; the tables of 100 rows list float32 numbers by their shortest decimals."""
    return np.array(values, np.float32 if len(values) == 100 else None)


def one_hot_equivalence(entry):
    inputs = entry["inputs"]
    by_index = losscli.cross_entropy(inputs["probs"], inputs["labels_index"], kind="probs", reduction="none")
    by_row = losscli.cross_entropy(inputs["probs"], inputs["labels_one_hot"], kind="probs", reduction="none")
    np.testing.assert_array_equal(by_index, by_row)
    return by_index


def loss_cost_objective(entry):
    inputs = entry["inputs"]
    result = losscli.compute("mse", inputs["prediction"], inputs["target"], params=[[0.5, -2.0, 0.0, 1.0]], l2=0.1)
    assert result.objective is not None
    assert result.objective["cost"] == result.value
    return {
        "loss_per_sample": losscli.l2(inputs["prediction"], inputs["target"], reduction="none"),
        "cost_mean": result.value,
        "objective_l2_lambda0.1_w=[.5,-2,0,1]": result.objective["value"],
    }


def regularised(entry):
    inputs, factor = entry["inputs"], entry["options"]["lambda"]

    def objective(**penalties):
        found = losscli.compute(
            "mse", inputs["prediction"], inputs["target"], params=[inputs["weights"]], **penalties
        ).objective
        assert found is not None
        return found["value"]

    return {
        "empirical_risk": losscli.mse(inputs["prediction"], inputs["target"]),
        "l1": objective(l1=factor),
        "l2_sum_sq": objective(l2=factor),
        "l2_half": objective(l2=factor, l2_half=True),
        "elastic_net_l1ratio_0.5_sklearn": objective(l1=0.5 * factor, l2=0.5 * factor, l2_half=True),
    }


def underflow(_entry):
    probabilities = np.full((400, 2), [0.01, 0.99])
    total = losscli.nll(probabilities, np.zeros(400, int), kind="probs", reduction="sum")
    return {"log_likelihood": -total, "nll": total, "likelihood_float64": np.prod(probabilities[:, 0])}


def nll_of_rows(entry):
    inputs = entry["inputs"]
    of_logits = [
        losscli.nll(inputs["logits"], inputs["labels"], kind="logits", reduction=r) for r in ("none", "mean", "sum")
    ]
    of_log_probs = [losscli.nll(inputs["log_probs"], inputs["labels"], reduction=r) for r in ("none", "mean", "sum")]
    for one, other in zip(of_logits, of_log_probs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)
    return dict(zip(("none", "mean", "sum"), of_log_probs, strict=True))


def nll_of_images(_entry):
    n, c, h, w = np.ogrid[:5, :4, :8, :8]
    logits = 2 * np.sin(n + 2 * c + 0.3 * h + 0.7 * w)
    n, h, w = np.ogrid[:5, :8, :8]
    labels = (n + 2 * h + 3 * w) % 4

    def score(**options):
        return losscli.nll(logits, labels, kind="logits", class_axis=1, **options)

    each = score(reduction="none")
    return {
        "none_shape": each.shape,
        "none_first_row": each[0, 0],
        "mean": score(),
        "sum": score(reduction="sum"),
        "weighted_mean": score(class_weight=[0.5, 1.0, 2.0, 4.0]),
        "ignore_index_3_mean": score(ignore_index=3),
    }


def three_routes(entry):
    logits, labels = np.array(entry["inputs"]["logits"]), np.array(entry["inputs"]["labels"])
    routes = {
        "cross_entropy": lambda r: losscli.cross_entropy(logits, labels, reduction=r),
        "nll": lambda r: losscli.nll(numerics.log_softmax(logits), labels, reduction=r),
        "one-hot": lambda r: losscli.cross_entropy(logits, np.eye(5)[labels], reduction=r),
    }
    first, *others = ({r: route(r) for r in ("none", "mean")} for route in routes.values())
    for other in others:
        np.testing.assert_allclose(other["none"], first["none"], rtol=1e-14)
        np.testing.assert_allclose(other["mean"], first["mean"], rtol=1e-14)
    return first


def distributions(entry):
    q, p = entry["inputs"]["q_true"], entry["inputs"]["p_pred"]
    cross = losscli.cross_entropy(p, q, kind="probs")
    entropy = losscli.cross_entropy(q, q, kind="probs")
    return {"H(q,p)": cross, "H(q)": entropy, "KL(q||p)": cross - entropy}


def sequence_unconditional(entry):
    inputs = entry["inputs"]
    each, total, mean = (
        losscli.sequence_nll(inputs["logits"], inputs["tokens"], reduction=r) for r in ("none", "sum", "mean")
    )
    return {
        "token_nll": each,
        "sum": total,
        "mean": mean,
        "perplexity": losscli.perplexity(inputs["logits"], inputs["tokens"]),
        "sequence_probability": np.exp(-total),
    }


def sequence_conditional(entry):
    chosen = entry["inputs"]["step_probs"]
    each, total = (losscli.sequence_nll(chosen, kind="token-probs", reduction=r) for r in ("none", "sum"))
    return {"token_nll": each, "sum": total, "sequence_probability": np.exp(-total)}


def gaussian(entry):
    x = np.array(entry["inputs"]["x"])
    mean, sigma = np.full(x.shape, entry["inputs"]["mu"]), entry["inputs"]["sigma"]
    each, total, average = (losscli.gaussian_nll(mean, x, std=sigma, reduction=r) for r in ("none", "sum", "mean"))
    spread = losscli.gaussian_nll(mean, x, variance=sigma**2, full=False, reduction="none")
    return {
        "log_likelihood_per_sample": -each,
        "log_likelihood": -total,
        "expanded_form": -losscli.gaussian_nll(mean, x, variance=sigma**2, reduction="sum"),
        "likelihood": np.exp(-total),
        "nll_sum": total,
        "nll_mean": average,
        "torch_nll_without_constant": spread,
    }


def gaussian_mle(entry):
    found = losscli.mle("normal", entry["inputs"]["x"])
    return {
        "mu_hat": found.parameters["mean"],
        "sigma2_hat": found.parameters["variance"],
        "sigma_hat": found.parameters["std"],
        "max_log_likelihood": found.log_likelihood,
    }


def ctc_logits():
    t, n, c = np.ogrid[:50, :16, :20]
    return np.sin(0.1 * (t + 1) * (c + 1) + n)


def ctc_targets():
    n, s = np.ogrid[:16, :30]
    return 1 + (7 * n + 3 * s + s**2) % 19


def ctc_padded(entry):
    lengths = np.array(entry["inputs"]["target_lengths"])
    targets = ctc_targets()
    joined = np.concatenate([row[:length] for row, length in zip(targets, lengths, strict=True)])

    def score(targets, **options):
        return losscli.ctc(ctc_logits(), targets, kind="logits", target_lengths=lengths, **options)

    each = score(targets, reduction="none")
    np.testing.assert_array_equal(score(joined, reduction="none"), each)
    return {
        "none": each,
        "sum": score(targets, reduction="sum"),
        "mean_torch (none/len, then mean over N)": score(targets),
        "mean_over_batch_only": score(joined, mean_rule="sample"),
    }


def ctc_unbatched(entry):
    logits, target = ctc_logits()[:, 0], entry["inputs"]["target"]
    return {r: losscli.ctc(logits, target, kind="logits", reduction=r) for r in ("none", "mean")}


def ctc_of_every_target(entry):
    probs = np.array(entry["inputs"]["probs_TxC"])

    def score(target):
        padded = np.array([[*target, 1]])  # an empty target has no shape of its own
        loss = losscli.ctc(probs[:, np.newaxis], padded, kind="probs", target_lengths=[len(target)], reduction="sum")
        return {"probability": np.exp(-loss), "loss": loss}

    return {name: score(json.loads(name)) for name in entry["expected"]}


COVERED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "doc004_l1_linspace": elements(losscli.l1, "prediction", "target"),
    "doc004_l2_linspace": elements(losscli.l2, "prediction", "target"),
    "doc004_mse_linspace": elements(losscli.mse, "prediction", "target"),
    "doc004_hinge_linspace": elements(losscli.hinge, "score", "target"),
    "doc004_huber_linspace": elements(losscli.huber, "prediction", "target"),
    "doc004_pseudo_huber_linspace": elements(losscli.pseudo_huber, "prediction", "target"),
    "doc004_sigmoid_ce_swapped": elements(losscli.sigmoid_cross_entropy, "logits", "labels"),
    "doc004_sigmoid_ce_intended": elements(losscli.sigmoid_cross_entropy, "logits", "labels"),
    "doc004_weighted_ce_swapped": elements(losscli.weighted_cross_entropy, "logits", "labels"),
    "doc004_weighted_ce_intended": elements(losscli.weighted_cross_entropy, "logits", "labels"),
    "doc004_softmax_ce_swapped": elements(losscli.cross_entropy, "logits", "labels"),
    "doc004_softmax_ce_intended": elements(losscli.cross_entropy, "logits", "labels"),
    "doc004_sparse_ce": elements(losscli.cross_entropy, "probs", "labels"),
    "upstream_sparse_ce_mean": elements(losscli.cross_entropy, "probs", "labels"),
    "doc004_two_class_ce": elements(losscli.bce, "probs", "labels"),
    "doc004_one_hot_equivalence": one_hot_equivalence,
    "doc004_loss_cost_objective": loss_cost_objective,
    "doc004_regularised_objective": regularised,
    "doc000_sequence_nll_unconditional": sequence_unconditional,
    "doc000_sequence_nll_conditional": sequence_conditional,
    "doc001_gaussian_log_likelihood": gaussian,
    "doc001_gaussian_mle": gaussian_mle,
    "doc001_underflow": underflow,
    "doc003_ctc_padded_T50_N16_C20": ctc_padded,
    "doc003_ctc_small_brute_force": ctc_of_every_target,
    "doc003_ctc_unbatched": ctc_unbatched,
    "doc003_nll_NxC_3x5": nll_of_rows,
    "doc003_nll_NCHW_5x4x8x8": nll_of_images,
    "doc002_ce_equals_logsoftmax_nll_equals_onehot": three_routes,
    "doc002_log_softmax_overflow": lambda entry: numerics.log_softmax(np.array(entry["inputs"]["logits"])),
    "doc002_cross_entropy_of_distributions": distributions,
}
"""How each entry of the documents is computed."""

NOT_REPRODUCIBLE = {"doc002_random_1.9052"}
"""Printed from random numbers without a seed; its identity is that of the three routes."""


def by_name(values: Any) -> dict[str, Any]:
    """The values under one name each; those that JSON lacks become numbers."""
    if not isinstance(values, dict):
        return {"": math.inf if isinstance(values, str) and values == "inf" else values}
    return {f"{name} {inner}".strip(): v for name, value in values.items() for inner, v in by_name(value).items()}


@pytest.mark.parametrize("identity", COVERED)
def test_documents(identity):
    entry = ENTRIES[identity]
    expected, tolerance = by_name(entry["expected"]), entry["tolerance"]
    got = by_name(COVERED[identity](entry))
    assert set(got) == set(expected)
    for name, value in got.items():
        assert np.shape(value) == np.shape(expected[name])
        np.testing.assert_allclose(value, expected[name], rtol=tolerance["rel"], atol=tolerance["abs"], err_msg=name)


def test_no_entry_of_the_documents_is_forgotten():
    assert set(ENTRIES) == set(COVERED) | NOT_REPRODUCIBLE
