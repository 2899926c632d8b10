"""`losscli explain`: what the catalogue says of a loss, and a run of it step by step."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from losscli.losses.catalogue import HEADINGS, catalogue

ANIMALS = "p_cat,p_dog,animal\n0.75,0.25,cat\n0.5,0.5,dog\n0.1,0.9,cat\n1.0,0.0,cat\n"


@pytest.fixture
def animals(shell):
    shell.write("animals.csv", ANIMALS)
    return shell


def steps(outcome):
    assert outcome.code == 0, outcome.err
    return outcome.out[outcome.out.index("step by step") :]


def test_the_numbers_are_those_of_the_run(animals):
    text = steps(animals("explain nll animals.csv --target animal"))
    assert re.findall(r"^sample (\d+)$", text, flags=re.MULTILINE) == ["0", "1", "2"]
    assert f"loss = −log p[cat] = −log 0.75 = {-np.log(0.75)!r}".replace("np.float64(", "").replace(")", "") in text
    value = animals("nll animals.csv --target animal --format value").out.strip()
    assert f"/ 4 = {value}\n" in text


def test_any_sample_can_be_worked_out(animals):
    text = steps(animals("explain nll animals.csv --target animal --samples 3,2"))
    assert re.findall(r"^sample (\d+)$", text, flags=re.MULTILINE) == ["2", "3"]
    assert "Σ loss = ... + 2.30259 + 0 = " in text
    assert "Σ weight = ... + 1 + 1 = 4" in text
    assert "Σ loss = 0.287682 + ... + 2.30259 + ... = " in steps(
        animals("explain nll animals.csv --target animal --samples 0,2")
    )


def test_an_alias_and_the_options_of_the_loss(shell):
    shell.write("t.csv", "y_hat,y\n1.5,1\n5.0,2.1\n")
    text = steps(shell("explain HuberLoss t.csv --pred y_hat --target y --delta 0.25"))
    assert "= 0.25 · (|2.9| − ½ · 0.25)" in text
    for command in ("explain huber --help", "explain --delta 2 huber --help"):
        assert "Where the loss turns" in shell(command).out
    assert "Where the loss turns" not in shell("explain mse --help").out


def test_tokens_are_listed_one_by_one(shell):
    logits = np.random.default_rng(0).normal(size=(2, 30, 4))
    tokens = np.arange(60).reshape(2, 30) % 4
    shell.save("x.npy", logits)
    shell.save("y.npy", tokens)
    text = steps(shell("explain sequence-nll x.npy y.npy --kind logits --shift 1 --lengths 30,3 --samples 0,1"))
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    one, other = text[: text.index("sample 1")], text[text.index("sample 1") :]
    rows = re.findall(r"^ *(\d+) +(\d) +(\S+) +(\S+)$", one, flags=re.MULTILINE)
    assert [int(t) for t, *_ in rows] == [*range(1, 21)]
    for t, token, probability, surprisal in rows:
        expected = log_probs[0, int(t) - 1, tokens[0, int(t)]]
        assert int(token) == tokens[0, int(t)]
        assert float(surprisal) == pytest.approx(-expected, rel=1e-5)
        assert float(probability) == pytest.approx(np.exp(expected), rel=1e-5)
    assert "and 9 more scored tokens" in one
    assert len(re.findall(r"^ *\d+ +\d +\S+ +\S+$", other, flags=re.MULTILINE)) == 2


def test_chosen_tokens_are_listed_without_their_numbers(shell):
    shell.write("p.jsonl", '{"p": [0.5, 0.25]}\n{"p": [0.125]}\n')
    text = steps(shell("explain sequence-nll p.jsonl --pred p --kind token-probs"))
    assert "token" not in text[: text.index("sample 0")]
    assert "Σ −log P = 0.693147 + 1.38629 = 2.07944" in text


def elements_of(outcome):
    assert outcome.code == 0, outcome.err
    return [sample["elements"][0] for sample in json.loads(outcome.out)["steps"]["samples"]]


def test_percentages_are_divided_before_they_are_scored(shell):
    shell.save("p.npy", [[60.0, 40.0], [25.0, 75.0]])
    shell.save("y.npy", [0, 1])
    text = steps(shell("explain nll p.npy y.npy --kind probs --normalize"))
    assert "p / Σ p" in text
    assert "loss = −log p[0] = −log 0.6 = 0.51" in text
    found = elements_of(shell("explain nll p.npy y.npy --kind probs --normalize --json"))
    assert [element["loss"] for element in found] == pytest.approx([-np.log(0.6), -np.log(0.75)], rel=1e-15)


def test_shares_weights_and_classes_out_of_order(shell):
    shell.write("p.csv", "p_1,p_0\n0.75,0.25\n0.5,0.5\n")
    shell.save("q.npy", [[1.0, 0.0], [0.25, 0.75]])
    options = "--kind probs --class-weight 2,1 --label-smoothing 0.2"
    assert "w · q · −log p" in steps(shell(f"explain cross-entropy p.csv q.npy {options}"))
    found = elements_of(shell(f"explain cross-entropy p.csv q.npy {options} --json"))
    value = float(shell(f"cross-entropy p.csv q.npy {options} --format value").out)
    assert np.mean([element["loss"] for element in found]) == pytest.approx(value, rel=1e-15)


def test_a_single_weight_of_the_positive_class_stands_in_the_formula(shell):
    shell.save("x.npy", [1.0, -0.5])
    shell.save("y.npy", [1, 0])
    text = steps(shell("explain weighted-cross-entropy x.npy y.npy --pos-weight 2.5 --samples 0"))
    assert "= 2.5 · 1 · softplus(−1) + (1 − 1) · softplus(1)" in text
    assert "pos_weight" not in text[text.index("prediction 1") :].splitlines()[0]


@pytest.mark.parametrize(("options", "formula", "given"), [
    ("--std 0.5", "loss = ½ · log 2πσ² + (x − μ)² / 2σ²", "prediction 1, target 2, std 0.5"),
    ("--variance v.npy --no-full", "loss = ½ · log σ² + (x − μ)² / 2σ²", "prediction 1, target 2, variance 0.25"),
    ("--variance v.npy --eps 0.5", "loss = ½ · log 2πσ² + (x − μ)² / 2σ²",
     "prediction 1, target 2, variance 0.25, eps 0.5"),
])  # fmt: skip
def test_the_formula_of_a_density_is_that_of_its_options(shell, options, formula, given):
    for name, values in (("m", [1.0, 0.0]), ("x", [2.0, 0.5]), ("v", [0.25, 4.0])):
        shell.save(f"{name}.npy", values)
    text = steps(shell(f"explain gaussian-nll m.npy x.npy {options} --samples 0"))
    assert given in text.splitlines()[text.splitlines().index("sample 0") + 1].strip()
    assert text.count(formula) == 2
    assert text.count("loss = ½") == 2


@pytest.mark.parametrize("form", ["table", "md"])
def test_readers_get_formula_steps_and_conventions(animals, form):
    out = animals(f"explain nll animals.csv --target animal --format {form}").out
    places = [out.index(part) for part in ("Formula", "step by step", "sample 0", "all samples", "Conventions")]
    assert places == sorted(places)
    assert "Also called" not in out


def test_json_holds_the_run_and_its_steps(animals, validate):
    document = json.loads(animals("explain nll animals.csv --target animal --samples 1 --json").out)
    assert document["name"] == "nll"
    [sample] = document["steps"]["samples"]
    assert sample["sample"] == 1
    assert sample["loss"] == document["steps"]["samples"][0]["elements"][0]["loss"] == -np.log(0.5)
    assert document["steps"]["classes"] == ["cat", "dog"]
    result = validate(json.dumps(document["run"]))
    assert result["value"] == json.loads(animals("nll animals.csv --target animal --json").out)["value"]
    assert set(json.loads(animals("explain nll --json").out)) == set(document) - {"steps", "run"}


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("explain nll --kind probs", 2, "--kind is for a run, and there are no PREDS"),
        ("explain nll --samples 1", 2, "--samples is for a run"),
        ("explain nll animals.csv --target animal --samples 4", 3, "there is no sample 4"),
        ("explain nll animals.csv --target animal --samples 0,-1", 2, "must be numbers of samples"),
        ("explain nll animals.csv --target animal --samples 0,,1", 2, "must be numbers of samples"),
        ("explain nll animals.csv --target animal --delta 2", 2, "it belongs to huber, pseudo-huber"),
        ("explain nlll animals.csv", 2, "did you mean nll?"),
        ("explain", 2, "missing argument"),
        ("explain nll animals.csv --json --format md", 2, "contradict each other"),
        ("explain nll - -", 2, "standard input is read once"),
    ],
)
def test_what_cannot_be_explained(animals, complaint, command, code, said):
    assert said in complaint(command, code=code)


def test_defaults_of_the_loss_hold_for_its_explanation(animals):
    animals.write("pyproject.toml", "[tool.losscli.nll]\nbase = 2\n")
    outcome = animals("explain nll animals.csv --target animal")
    assert "in the unit asked for" in outcome.out
    assert "note: defaults from pyproject.toml: base" in outcome.err
    assert "defaults" not in animals("explain mse").err


@pytest.mark.parametrize("name", [*catalogue()])
def test_nothing_of_the_docstring_is_lost(shell, monkeypatch, name):
    """However narrow the terminal, the words are those of the docstring, in their order."""
    loss = catalogue()[name]
    wide = shell(f"explain {name}").out.split()
    monkeypatch.setenv("COLUMNS", "60")
    out = shell(f"explain {name} --color always").out
    assert re.sub(r"\x1b\[[0-9;]*m", "", out).split() == wide
    for heading in HEADINGS:
        if heading in loss.sections and heading != "Options":
            assert " ".join(loss.sections[heading].split()) in " ".join(wide)
