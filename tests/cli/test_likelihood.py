"""`losscli likelihood` and `losscli mle` as a stranger meets them."""

from __future__ import annotations

import json
import math
import re

import jsonschema
import numpy as np
import pytest

from losscli.report import schema

X = "x\n1.2\n0.7\n2.1\n1.5\n0.9\n"


@pytest.fixture
def validator():
    layout = schema("model")
    jsonschema.Draft202012Validator.check_schema(layout)
    return jsonschema.Draft202012Validator(layout)


@pytest.fixture
def read_json(shell, validator):
    """Run a command with --json, check that the output is strict and of the schema, return it."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    def run(command, stdin=b""):
        outcome = shell(f"{command} --json", stdin)
        assert outcome.code == 0, outcome.err
        document = json.loads(outcome.out, parse_constant=refuse)
        validator.validate(document)
        return document

    return run


def test_likelihood_as_a_table(shell):
    shell.write("x.csv", X)
    outcome = shell("likelihood normal x.csv --mean 1 --std 0.5")
    assert (outcome.code, outcome.err) == (0, "")
    lines = dict(re.findall(r"^  (\S[^ ]*(?: \S+)?)  +(.+)$", outcome.out, flags=re.MULTILINE))
    assert outcome.out.startswith("normal model at the given parameters: likelihood = 0.0131812915277721")
    assert lines["log-likelihood"].startswith("-4.32895676322363")
    assert lines["NLL"].startswith("4.32895676322363")
    assert "(the sum), 0.865791352644727" in lines["NLL"]
    assert "x.csv (csv, shape (5,), float64, column x)" in lines["input"]
    assert "in float64" not in lines
    assert re.search(r"^std +0\.5$", outcome.out, flags=re.MULTILINE)
    assert "standard error" not in outcome.out


def test_estimate_as_a_table(shell):
    shell.write("x.csv", X)
    outcome = shell("mle normal x.csv")
    assert (outcome.code, outcome.err) == (0, "")
    assert re.search(r"^parameter +estimate +standard error$", outcome.out, flags=re.MULTILINE)
    assert re.search(r"^mean +1\.28 +0\.2198", outcome.out, flags=re.MULTILINE)
    assert re.search(r"^variance +0\.2416", outcome.out, flags=re.MULTILINE)
    assert "log-likelihood  -3.54351313371967" in outcome.out


def test_underflow_is_shown_as_a_power_of_ten_with_its_reason(shell):
    shell.save("ones.npy", [1] * 400)
    outcome = shell("likelihood bernoulli ones.npy --p 0.01")
    assert outcome.code == 0
    assert "e-800" in outcome.out.splitlines()[0]
    assert re.search(r"in float64 +0\.0: the product of 400 probabilities is below", outcome.out)
    assert "so their logarithms are summed instead" in outcome.out
    assert "-1842.068074395236" in outcome.out


def test_json_of_a_likelihood(shell, read_json):
    shell.write("x.csv", X)
    found = read_json("likelihood normal x.csv --mean 1 --variance 0.25")
    assert found["parameters"] == {"mean": 1.0, "std": 0.5, "variance": 0.25}
    assert found["standard_errors"] is None
    assert found["likelihood"]["value"] == pytest.approx(0.01318129152777218)
    assert (found["likelihood"]["exponent"], found["likelihood"]["explanation"]) == (-2, None)
    assert found["nll"] == -found["log_likelihood"] == pytest.approx(5 * found["nll_per_sample"])
    assert found["samples"] == 5
    assert found["input"]["columns"] == ["x"]
    assert found["signature"].startswith("likelihood|normal|mean:1.0|std:0.5|variance:0.25|n:5|losscli:")


@pytest.mark.parametrize("model", ["normal", "bernoulli", "categorical", "poisson", "exponential"])
def test_json_of_an_estimate(shell, read_json, model):
    shell.save("x.npy", [0, 1, 1, 0, 1])
    found = read_json(f"mle {model} x.npy")
    assert found["model"] == model
    assert found["parameters"].keys() == found["standard_errors"].keys()
    assert found["nll"] == -found["log_likelihood"]


def test_json_has_names_for_what_it_lacks(shell, read_json):
    shell.save("same.npy", [2.0, 2.0])
    found = read_json("mle normal same.npy")
    assert found["likelihood"] == {"value": "Infinity", "mantissa": None, "exponent": None, "explanation": None}
    assert (found["log_likelihood"], found["nll"]) == ("Infinity", "-Infinity")
    assert "all values are equal" in found["warnings"][0]


def test_every_member_of_the_schema_is_described():
    layout = schema("model")
    assert set(layout["required"]) == set(layout["properties"])
    for member in (*layout["properties"].values(), *layout["properties"]["input"]["properties"].values()):
        assert member["description"].endswith(".")


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("likelihood bernoulli x.npy --p 0.5", "0.0625\n"),
        ("likelihood normal x.npy --mean 0 --std 1e-99", "0.0\n"),  # exp(−1.5e198)
        ("likelihood bernoulli x.npy --p 1e-200", "1.0e-600\n"),
        ("mle bernoulli x.npy", "0.75\n"),
        ("mle categorical x.npy", "0.25\n0.75\n"),
        ("mle poisson x.npy", "0.75\n"),
    ],
)
def test_bare_value(shell, command, value):
    shell.save("x.npy", [1, 0, 1, 1])
    outcome = shell(f"{command} --format value")
    assert outcome.code == 0
    assert outcome.out == value


def test_formats_and_columns_agree(shell, read_json):
    values = np.array([3.0, 0.0, 4.0, 1.0])
    shell.save("x.npy", values)
    shell.save("column.npy", values[:, np.newaxis], "float32")
    shell.write("table.csv", "a,b\n" + "".join(f"{v},{-v}\n" for v in values))
    shell.write("x.jsonl", "".join(f'{{"a": {v}}}\n' for v in values))
    inputs = ("x.npy", "column.npy", "table.csv --column a", "table.csv:a", "x.jsonl", "- --column a")
    stdin = (shell.folder / "table.csv").read_bytes()
    found = [read_json(f"mle poisson {given}", stdin) for given in inputs]
    assert len({record["signature"] for record in found}) == 1
    assert len({record["log_likelihood"] for record in found}) == 1


def test_names_of_classes(shell, read_json):
    shell.write("pets.csv", "pet\ndog\ncat\ndog\ndog\n")
    found = read_json("mle categorical pets.csv --classes cat,dog,eel")
    assert found["classes"] == ["cat", "dog", "eel"]
    assert found["parameters"]["probs"] == [0.25, 0.75, 0.0]
    assert "1 of 3 classes do not occur" in found["warnings"][0]
    outcome = shell("mle categorical pets.csv --classes cat,dog")
    assert re.search(r"^probs\[dog\] +0\.75", outcome.out, flags=re.MULTILINE)


def test_probabilities_from_a_file(shell, read_json):
    shell.save("labels.npy", [0, 1, 1])
    shell.save("p.npy", [0.25, 0.75])
    from_file, from_list = (read_json(f"likelihood categorical labels.npy --probs {p}") for p in ("p.npy", "0.25,0.75"))
    assert from_file == from_list
    assert from_list["likelihood"]["value"] == 0.140625


def test_warnings_go_to_stderr_unless_quiet(shell):
    shell.save("x.npy", [1, 1])
    assert shell("mle bernoulli x.npy").err.startswith("losscli: warning: all values are 1")
    assert shell("mle bernoulli x.npy -q").err == ""
    assert "probability 0" in shell("likelihood bernoulli x.npy --p 0").err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("likelihood normal x.npy", "--mean is missing"),
        ("likelihood normal x.npy --mean 0", "--std or --variance"),
        ("likelihood poisson x.npy", "--rate is missing"),
        ("likelihood poisson x.npy --mean 1", "no parameter --mean"),
        ("likelihood exponential x.npy --rate 0", "--rate is 0.0"),
        ("likelihood bernoulli x.npy --p 2", "--p is 2.0"),
        ("likelihood categorical x.npy --probs 0.3,0.3", "sums to 0.6"),
        ("likelihood categorical - --probs -", "standard input is read once"),
        ("likelihood weibull x.npy", "the models are normal"),
        ("mle norml x.npy", "did you mean normal?"),
        ("mle bernouli x.npy", "did you mean bernoulli?"),
        ("mle gausian x.npy", "did you mean normal?"),
        ("likelihood normal x.npy --classes a,b --mean 0 --std 1", "normal has none"),
        ("mle categorical x.npy --classes a,a", "twice"),
        ("mle normal x.npy --mean 0", "--mean"),
        ("mle normal", "FILE"),
        ("mle normal x.npy --format csv", "--format"),
    ],
)
def test_wrong_usage(shell, complaint, command, words):
    shell.save("x.npy", [0.0, 1.0])
    assert words in complaint(command, code=2)


@pytest.mark.parametrize(
    ("command", "text", "words"),
    [
        ("mle poisson x.csv", "n\n3\n-2\n", ["x.csv: row 1 (line 3), column 'n': the value is -2", "counts"]),
        ("mle poisson x.csv", "n\n3\n2.5\n", ["the value is 2.5", "whole numbers"]),
        ("mle exponential x.csv", "t\n0\n-1\n", ["the value is -1", "≥ 0"]),
        ("mle bernoulli x.csv", "y\n0\n2\n", ["the value is 2", "≤ 1"]),
        ("mle normal x.csv", "y\n0\nnan\n", ["row 1 (line 3)", "the value is NaN"]),
        ("mle normal x.csv", "a,b\n0,1\n", ["shape (2,)", "--column a"]),
        ("mle normal x.csv --column c", "a,b\n0,1\n", ["no column is named 'c'"]),
        ("mle normal x.csv", "a\ndog\n", ["no column holds numbers", "--column NAME"]),
        ("mle normal x.csv --column a", "a\ndog\n", ["holds text", "--column NAME"]),
        ("mle categorical x.csv", "a\ndog\ncat\n", ["the labels are text", "--classes"]),
        ("mle categorical x.csv --classes dog,cat", "a\ndog\ncta\n", ["'cta'", "did you mean 'cat'"]),
        ("likelihood categorical x.csv --probs 0.5,0.5", "a\n0\n2\n", ["the value is 2", "≤ 1"]),
        ("likelihood categorical x.csv --probs p.csv", "a\n0\n", ["p.csv", "no such file"]),
        ("mle normal nowhere.npy", "a\n0\n", ["nowhere.npy"]),
    ],
)
def test_bad_data(shell, complaint, command, text, words):
    shell.write("x.csv", text)
    said = complaint(command)
    assert all(word in said for word in words), said


def test_bad_probabilities_in_a_file_are_bad_data(shell, complaint):
    shell.save("x.npy", [0, 1])
    shell.save("p.npy", [0.5, 0.4])
    said = complaint("likelihood categorical x.npy --probs p.npy")
    assert "p.npy: --probs sums to 0.9" in said


def test_text_from_files_is_no_escape(shell):
    shell.write("x.csv", '"\x1b[31m"\n1\n0\n')
    assert "\x1b" not in shell("mle bernoulli x.csv").out


def test_help_and_listing(shell):
    for command in ("likelihood", "mle"):
        outcome = shell(f"{command} --help")
        assert outcome.code == 0
        for model in ("normal", "bernoulli", "categorical", "poisson", "exponential"):
            assert f"losscli {command} {model} sample_data/" in outcome.out
        assert f" {command} " in shell("--help").out
    assert "--variance" in shell("likelihood --help").out


def test_examples_of_the_help_run(samples):
    from losscli.losses.models.catalogue import models

    for model in models().values():
        for command in ("likelihood", "mle"):
            line = model.example(command).removeprefix("losscli ").replace("sample_data/", "")
            outcome = samples(f"{line} --json")
            assert outcome.code == 0, outcome.err
            assert math.isfinite(json.loads(outcome.out)["log_likelihood"])


def test_installed_command_in_a_pipe(shell):
    outcome = shell.script("printf '2\\n0\\n3\\n1\\n' | losscli mle poisson - --format value")
    assert (outcome.code, outcome.out, outcome.err) == (0, "1.5\n", "")
