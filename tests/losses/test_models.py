"""Likelihoods and estimates: against the documents, fifty digits of mpmath, and the word `maximum`."""

from __future__ import annotations

import doctest
import json
import math
import shlex
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mpf
from reading import ROOT
from ulps import assert_ulps, read_only

import losscli
from losscli.losses.catalogue import HEADINGS
from losscli.losses.models.arithmetic import log
from losscli.losses.models.catalogue import find_model, models
from losscli.losses.models.statistics import CountTotals, SquareSum

MODELS = list(models().values())

# The textbook formulae, value by value, in arithmetic that neither rounds nor underflows.


def normal(x, mean, variance):
    x, mean, variance = mpf(x), mpf(mean), mpf(variance)
    return -mpmath.log(2 * mpmath.pi * variance) / 2 - (x - mean) ** 2 / (2 * variance)


def bernoulli(x, p):
    return _log(mpf(p) if x else 1 - mpf(p))


def categorical(x, probs):
    return _log(mpf(probs[int(x)]))


def poisson(k, rate):
    k, rate = mpf(k), mpf(rate)
    return (k * mpmath.log(rate) if k else mpf(0)) - rate - mpmath.loggamma(k + 1)


def exponential(x, rate):
    return mpmath.log(mpf(rate)) - mpf(rate) * mpf(x)


def _log(p):
    return mpmath.log(p) if p else mpf("-inf")


DENSITIES = {
    "normal": normal,
    "bernoulli": bernoulli,
    "categorical": categorical,
    "poisson": poisson,
    "exponential": exponential,
}


def true_log_likelihood(name, data, **parameters):
    with mpmath.workdps(700):  # squares of 1e300 beside squares of 1e-300
        return +mpmath.fsum(DENSITIES[name](x, **parameters) for x in np.asarray(data).tolist())


def assert_likelihood(found, true):
    """ℓ, its negative, its mean and the power of ten, of one record."""
    assert_ulps(found.log_likelihood, true, 1, found.signature)
    assert found.nll == -found.log_likelihood
    assert_ulps(found.nll_per_sample, -true / found.samples, 1, found.signature)
    if found.mantissa is None:
        return
    assert 1.0 <= found.mantissa < 10.0
    with mpmath.workdps(60):
        ratio = found.mantissa * mpf(10) ** found.exponent / mpmath.exp(true)
        # Of all statistics only log k! is rounded, and that by less than an ulp of 1 a sample.
        slack = found.samples * 2**-53 if found.model == "poisson" else 0.0
        assert abs(ratio - 1) < mpf("1e-15") + slack


WIDE = np.random.default_rng(7)

POINTS = [
    ("normal", [1.2, 0.7, 2.1, 1.5, 0.9], {"mean": 1.0, "std": 0.5}),
    ("normal", [0.0], {"mean": 0.0, "std": 1 / math.sqrt(2 * math.pi)}),  # the terms cancel: ℓ is nearly 0
    ("normal", [1e300, -1e300, 5e-324], {"mean": 1e290, "std": 1e299}),
    ("normal", [1e-300, 2e-300, -1e-310], {"mean": 0.0, "std": 1e-301}),
    ("normal", [1.0, 1.0 + 2**-52], {"mean": 1.0, "std": 2**-53}),
    ("normal", [3.0, 4.0], {"mean": 1e16, "std": 0.1}),
    ("normal", WIDE.normal(1e8, 1e-3, 500), {"mean": 1e8, "std": 1e-3}),
    ("normal", WIDE.normal(5, 2, 3000), {"mean": 5.0, "variance": 4.0}),
    ("bernoulli", [1, 0, 1, 1], {"p": 0.7}),
    ("bernoulli", [0] * 9, {"p": 1e-300}),
    ("bernoulli", [0] * 9, {"p": 0.0}),
    ("bernoulli", [1] * 9, {"p": 1 - 2**-53}),
    ("bernoulli", [1, 0], {"p": 1.0}),
    ("bernoulli", [0, 1], {"p": 5e-324}),
    ("categorical", [0, 2, 2, 1], {"probs": [0.2, 0.3, 0.5]}),
    ("categorical", [0, 0], {"probs": [1.0, 0.0]}),
    ("categorical", [0, 1], {"probs": [1.0, 0.0]}),
    ("categorical", [1, 1, 3], {"probs": [1 - 2e-20, 1e-20, 0.0, 1e-20]}),
    ("poisson", [0, 1, 2, 5, 9], {"rate": 2.5}),
    ("poisson", [0, 0], {"rate": 1e-300}),
    ("poisson", [254, 255, 256, 257, 258], {"rate": 256.0}),
    ("poisson", [0, 3], {"rate": 1e300}),
    ("poisson", WIDE.poisson(3.0, 1000), {"rate": 3.0}),
    ("poisson", WIDE.poisson(700.0, 400), {"rate": 700.0}),
    ("poisson", WIDE.poisson(1e6, 100), {"rate": 1e6}),
    ("poisson", WIDE.poisson(1e12, 100), {"rate": 1e12}),
    ("poisson", [2**53, 2**53 - 1, 2**53 - 10**8], {"rate": 2.0**53}),
    ("exponential", [0.5, 1.0, 2.5], {"rate": 0.75}),
    ("exponential", [0.0, 5e-324, 1e308], {"rate": 1e-308}),
    ("exponential", [1e-300], {"rate": 1 + 2**-52}),
    ("exponential", [1.0, 1.0], {"rate": math.e}),  # log λ − λ x with log λ = 1
]


@pytest.mark.parametrize(("name", "data", "parameters"), POINTS, ids=lambda value: None)
def test_log_likelihood_is_that_of_fifty_digits(name, data, parameters):
    found = losscli.likelihood(name, read_only(data), **parameters)
    exact = dict(parameters)
    if "std" in exact:
        with mpmath.workdps(700):
            exact["variance"] = mpf(exact.pop("std")) ** 2
    assert_likelihood(found, true_log_likelihood(name, data, **exact))


def drawn(name, seed, size=200):
    rng = np.random.default_rng(seed)
    return {
        "normal": lambda: rng.normal(-3.0, 0.7, size),
        "bernoulli": lambda: rng.integers(0, 2, size),
        "categorical": lambda: rng.integers(0, 5, size),
        "poisson": lambda: rng.poisson(40.0, size),
        "exponential": lambda: rng.exponential(0.2, size),
    }[name]()


@pytest.fixture(params=MODELS, ids=lambda model: model.name)
def model(request):
    return request.param


def given_again(found):
    """The options that `likelihood` needs for the parameters that `mle` found."""
    parameters = dict(found.parameters)
    parameters.pop("variance", None)
    return parameters


@pytest.mark.parametrize("seed", range(3))
def test_estimate_is_the_maximum(model, seed):
    data = drawn(model.name, seed)
    best = losscli.mle(model.name, data)
    parameters = given_again(best)
    there = losscli.likelihood(model.name, data, **parameters)
    assert there.log_likelihood == pytest.approx(best.log_likelihood, rel=1e-14)
    for name, value in parameters.items():
        for factor in (0.9, 0.999, 1.001, 1.1):
            if isinstance(value, list):
                moved = [value[0] * factor, value[1] + value[0] * (1 - factor), *value[2:]]
            else:
                moved = value * factor
            aside = losscli.likelihood(model.name, data, **{**parameters, name: moved})
            assert aside.log_likelihood < best.log_likelihood


def test_standard_error_is_the_curvature_at_the_maximum(model):
    """The second derivative of ℓ by a difference quotient, against the error that the record states."""
    data = drawn(model.name, 11)
    best = losscli.mle(model.name, data)
    for name, value in given_again(best).items():
        if isinstance(value, list):
            continue  # constrained to sum to 1: see the next test
        step = 1e-3 * best.standard_errors[name]
        down, up = (
            losscli.likelihood(model.name, data, **{**given_again(best), name: value + sign * step}).log_likelihood
            for sign in (-1, 1)
        )
        information = -(down + up - 2 * best.log_likelihood) / step**2
        assert best.standard_errors[name] == pytest.approx(information**-0.5, rel=1e-4)


def test_the_error_of_a_variance_is_that_of_its_root():
    """By the rule for functions of an estimate: d(σ²) = 2σ dσ."""
    best = losscli.mle("normal", drawn("normal", 11))
    expected = 2.0 * best.parameters["std"] * best.standard_errors["std"]
    assert best.standard_errors["variance"] == pytest.approx(expected, rel=1e-14)
    assert set(best.standard_errors) == set(best.parameters)


def test_an_estimate_inside_of_its_range_is_not_doubted(model):
    assert losscli.mle(model.name, drawn(model.name, 11)).warnings == ()


def test_two_classes_are_a_bernoulli():
    data = drawn("bernoulli", 3)
    two, one = losscli.mle("categorical", data), losscli.mle("bernoulli", data)
    assert two.parameters["probs"] == [pytest.approx(1 - one.parameters["p"]), one.parameters["p"]]
    assert two.standard_errors["probs"] == [pytest.approx(one.standard_errors["p"])] * 2
    assert two.log_likelihood == one.log_likelihood
    assert two.warnings == one.warnings == ()


def test_estimates_of_a_normal_do_not_cancel():
    data = np.array([1e8, 1e8 + 2**-26, 1e8 - 2**-26])
    found = losscli.mle("normal", data)
    assert found.parameters == {"mean": 1e8, "std": math.sqrt(2 / 3) * 2**-26, "variance": pytest.approx(2**-51 / 3)}
    assert losscli.mle("normal", [-1e300, 1e300]).parameters["std"] == 1e300
    assert losscli.mle("normal", [-1e-200, 1e-200]).parameters == {"mean": 0.0, "std": 1e-200, "variance": 0.0}


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, max_value=1e308, min_value=-1e308), min_size=1))
def test_sum_of_squares_is_exact(values):
    squares = SquareSum()
    squares.add(read_only(values))
    assert squares.total == sum(Fraction(value) ** 2 for value in values)


@given(st.lists(st.integers(0, 2**53) | st.integers(0, 600), min_size=1, max_size=8))
def test_log_factorials(counts):
    data = CountTotals()
    data.add(read_only(counts))
    true = mpmath.fsum(mpmath.loggamma(mpf(count) + 1) for count in counts)
    assert abs(mpf(str(data.log_factorials)) - true) < mpf("5e-15") * len(counts)


@pytest.mark.parametrize("excess", [Fraction(1, 3**50), Fraction(-1, 10**21), Fraction(1, 10**60), Fraction(1, 3)])
def test_a_logarithm_next_to_1_keeps_its_digits(excess):
    # Below 1e-20 a series takes over: its second term is in the 43rd digit, its third beyond the sixtieth.
    with mpmath.workdps(200):
        exact = mpmath.log1p(mpf(excess.numerator) / excess.denominator)
        assert abs(mpf(str(log(1 + excess))) / exact - 1) < mpf(10) ** -57


def test_blocks_and_order_change_no_digit(monkeypatch):
    for name in DENSITIES:
        data = drawn(name, 5)
        whole = losscli.mle(name, data)
        with monkeypatch.context() as patch:
            patch.setattr("losscli.engine.likelihood.BLOCK_ROWS", 7)
            assert losscli.mle(name, data[::-1]) == whole


@pytest.mark.parametrize(
    ("name", "data", "log_likelihood", "warning"),
    [
        ("normal", [3.0], math.inf, "all values are equal"),
        ("normal", [0.1] * 7, math.inf, "all values are equal"),
        ("bernoulli", [1, 1], 0.0, "edge"),
        ("bernoulli", [0], 0.0, "edge"),
        ("poisson", [0, 0, 0], 0.0, "edge"),
        ("exponential", [0.0, 0.0], math.inf, "beyond every bound"),
        ("categorical", [0, 2], 2 * math.log(0.5), "1 of 3 classes do not occur (1)"),
        ("categorical", [0, 0], 0.0, "one class only"),
    ],
)
def test_estimates_at_the_edge_say_so(name, data, log_likelihood, warning):
    found = losscli.mle(name, data)
    assert found.log_likelihood == log_likelihood
    assert found.nll == -log_likelihood
    assert warning in " ".join(found.warnings)


@pytest.mark.parametrize(
    ("last", "named"),
    [
        (9, "8 of 10 classes do not occur (1, 2, 3, 4, 5, 6, 7, 8):"),
        (10, "9 of 11 classes do not occur (1, 2, 3, 4, 5, 6, 7, 8, ...):"),
    ],
)
def test_of_many_classes_that_do_not_occur_the_first_are_named(last, named):
    assert named in losscli.mle("categorical", [0, last]).warnings[0]


@pytest.mark.parametrize(("off", "accepted"), [(9e-7, True), (-9e-7, True), (1.1e-6, False), (-1.1e-6, False)])
def test_probabilities_sum_to_1_within_a_millionth(off, accepted):
    probs = [0.25, 0.75 + off]
    if accepted:
        assert losscli.likelihood("categorical", [1], probs=probs).log_likelihood == math.log(0.75 + off)
    else:
        with pytest.raises(
            losscli.UsageError, match="must be a comma list or a file of probabilities, one for each class"
        ):
            losscli.likelihood("categorical", [1], probs=probs)


def test_values_that_models_support_in_words():
    assert [str(find_model(name).support) for name in ("normal", "bernoulli", "poisson", "exponential")] == [
        "finite numbers", "whole numbers ≥ 0 and ≤ 1", "whole numbers ≥ 0 and ≤ 9007199254740992", "finite numbers ≥ 0",
    ]  # fmt: skip
    classes = find_model("categorical").support.up_to(6)
    assert (str(classes), classes.noun, classes.high) == ("whole numbers ≥ 0 and ≤ 6", "classes", 6.0)
    assert [model.name for model in MODELS if model.has_classes] == ["categorical"]


def test_parameters_of_models_in_words():
    kinds = {(model.name, parameter.name): str(parameter.kind) for model in MODELS for parameter in model.parameters}
    assert kinds["normal", "mean"] == "a finite number"
    assert kinds["normal", "std"] == kinds["exponential", "rate"] == "a finite number above 0"
    assert kinds["poisson", "rate"] == "a finite number ≥ 0"
    assert kinds["bernoulli", "p"] == "a number from 0 to 1"
    assert not find_model("categorical").parameters[0].kind.named


def test_an_impossible_value_has_likelihood_0():
    found = losscli.likelihood("bernoulli", [1, 0], p=1)
    assert (found.likelihood, found.mantissa, found.log_likelihood, found.nll) == (0.0, None, -math.inf, math.inf)
    assert "probability 0" in found.warnings[0]
    assert found.explanation is None


@pytest.mark.parametrize(
    ("count", "std", "exponent"),
    [(100, 1e300, -30040), (100, 1e-300, 29960), (5000, 1e300, -1501996), (5000, 1e-300, 1498004)],
)
def test_a_likelihood_beyond_float64_has_a_power_of_ten(count, std, exponent):
    # (2π)^(−n/2) is 1.2e-40 for 100 values and 3.5e-1996 for 5000. By default exponents of decimals end at 999999.
    found = losscli.likelihood("normal", [0.0] * count, mean=0, std=std)
    assert found.likelihood == (0.0 if std > 1 else math.inf)
    assert found.exponent == exponent
    assert "logarithms are summed" in found.explanation
    assert ("below 2.2e-308" if std > 1 else "above 1.8e308") in found.explanation


def test_a_likelihood_among_the_subnormals_keeps_its_digits():
    found = losscli.likelihood("bernoulli", [1] * 310, p=0.1)
    assert (found.mantissa, found.exponent) == (pytest.approx(1.0, rel=1e-13), -310)
    assert 0 < found.likelihood < 1e-309
    assert "loses digits" in found.explanation


def test_a_likelihood_too_small_for_any_exponent():
    found = losscli.likelihood("normal", [1e200], mean=0, std=1e-100)
    assert (found.likelihood, found.mantissa, found.exponent) == (0.0, None, None)
    assert found.log_likelihood == -math.inf  # 5e599 is no float64


# The documents.


COMPUTED = json.loads((ROOT / "tests/goldens/documents.json").read_text(encoding="utf-8"))["computed"]


def golden(identifier):
    return next(entry for entry in COMPUTED if entry["id"] == identifier)


def test_document_001_log_likelihood():
    entry = golden("doc001_gaussian_log_likelihood")
    inputs, expected = entry["inputs"], entry["expected"]
    found = losscli.likelihood("normal", inputs["x"], mean=inputs["mu"], std=inputs["sigma"])
    for key in ("likelihood", "log_likelihood"):
        assert getattr(found, key) == pytest.approx(expected[key], abs=1e-10)
    assert found.nll == pytest.approx(expected["nll_sum"], abs=1e-10)
    assert found.nll_per_sample == pytest.approx(expected["nll_mean"], abs=1e-10)
    assert found.log_likelihood == pytest.approx(expected["expanded_form"], abs=1e-10)
    for x, value in zip(inputs["x"], expected["log_likelihood_per_sample"], strict=True):
        one = losscli.likelihood("normal", [x], mean=inputs["mu"], std=inputs["sigma"])
        assert one.log_likelihood == pytest.approx(value, abs=1e-10)


def test_document_001_mle():
    entry = golden("doc001_gaussian_mle")
    found = losscli.mle("normal", entry["inputs"]["x"])
    expected = entry["expected"]
    names = {"mean": "mu_hat", "std": "sigma_hat", "variance": "sigma2_hat"}
    assert found.parameters == {name: pytest.approx(expected[key], abs=1e-10) for name, key in names.items()}
    assert found.log_likelihood == pytest.approx(expected["max_log_likelihood"], abs=1e-10)


def test_document_001_underflow():
    expected = golden("doc001_underflow")["expected"]
    found = losscli.likelihood("bernoulli", [1] * 400, p=0.01)
    assert found.likelihood == expected["likelihood_float64"]
    assert (found.mantissa, found.exponent) == (pytest.approx(1.0, rel=1e-13), -800)
    assert found.log_likelihood == pytest.approx(expected["log_likelihood"], rel=1e-12)
    assert found.nll == pytest.approx(expected["nll"], rel=1e-12)


def test_document_002_nll_per_sample_is_the_cross_entropy():
    logits, labels = [1.0, 3.0, -2.0], [0, 1, 1, 2]
    probs = np.exp(logits) / np.exp(logits).sum()
    loss = losscli.cross_entropy([logits] * len(labels), labels)
    assert losscli.likelihood("categorical", labels, probs=probs).nll_per_sample == pytest.approx(loss, rel=1e-14)


# The records.


def test_headings(model):
    assert list(model.sections) == [h for h in HEADINGS if h not in ("Shapes", "Unit", "Raises")]
    assert model.summary.endswith(".")
    assert all(parameter.help.endswith(".") for parameter in model.parameters)


def test_example_is_true(model):
    test = doctest.DocTestParser().get_doctest(model.sections["Example"], {"losscli": losscli}, model.name, None, None)
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert test.examples
    assert said == []


@pytest.mark.parametrize("command", ["likelihood", "mle"])
def test_command_runs_from_python(model, command):
    program, function, name, path, *rest = shlex.split(model.example(command))
    assert (program, function, name) == ("losscli", command, model.name)
    values = (value if "," in value else float(value) for value in rest[1::2])
    options = dict(zip((name[2:] for name in rest[::2]), values, strict=True))
    assert math.isfinite(getattr(losscli, command)(name, str(ROOT / path), **options).log_likelihood)


def test_aliases(model):
    for alias in (model.name, model.name.upper(), *model.aliases):
        assert find_model(alias) is model


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("weibull", {}, "normal, bernoulli, categorical, poisson, exponential"),
        ("norml", {}, "did you mean normal"),
        ("normal", {}, "--mean is missing"),
        ("normal", {"mean": 0}, "neither"),
        ("normal", {"mean": 0, "std": 1, "variance": 1}, "both"),
        ("normal", {"mean": 0, "std": 0}, "a finite number above 0"),
        ("normal", {"mean": math.inf, "std": 1}, "a finite number"),
        ("normal", {"mean": 0, "std": 1, "rate": 1}, "no parameter --rate"),
        ("poisson", {"rate": -1}, "≥ 0"),
        ("exponential", {"rate": 0}, "above 0"),
        ("bernoulli", {"p": 1.5}, "from 0 to 1"),
        ("categorical", {"probs": [0.5, 0.4]}, "sum to 1"),
        ("categorical", {"probs": [0.5, 0.5], "classes": ["a"]}, "names 1 classes"),
        ("normal", {"mean": 0, "std": 1, "classes": ["a"]}, "has none"),
    ],
)
def test_wrong_use_is_told_before_any_data_are_read(name, parameters, words):
    with pytest.raises(losscli.UsageError) as caught:
        losscli.likelihood(name, "no such file", **parameters)
    assert words in str(caught.value)


def test_mle_takes_no_parameters():
    with pytest.raises(losscli.UsageError, match="takes no mean"):
        losscli.mle("normal", [1.0], mean=0)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("normal", [0.0, math.nan], "data: row 1: the value is NaN"),
        ("normal", [math.inf], "data: row 0: the value is inf"),
        ("normal", [[1.0, 2.0]], "shape (2,)"),
        ("normal", [True], "booleans"),
        ("bernoulli", [0, 1, 2], "row 2: the value is 2"),
        ("bernoulli", [0.5], "row 0: the value is 0.5"),
        ("poisson", [3, -1], "row 1: the value is -1"),
        ("poisson", [2.5], "row 0: the value is 2.5"),
        ("poisson", [2.0**54], "row 0: the value is"),
        ("exponential", [0.0, -1e-9], "row 1: the value is -1e-09"),
        ("categorical", [0, -1], "row 1: the value is -1"),
        ("categorical", [10**9], "row 0: the value is 1000000000"),
    ],
)
def test_bad_data(name, data, words):
    with pytest.raises(losscli.DataError) as caught:
        losscli.mle(name, data)
    assert words in str(caught.value)


def test_public_names():
    assert {"likelihood", "mle"} <= set(dir(losscli))
    assert losscli.likelihood.__doc__
