"""`losscli compare`: models against each other at the shell."""

from __future__ import annotations

import csv
import json
import math

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest

from losscli.losses.catalogue import catalogue
from losscli.report import schema

TABLE = "id,old,new,label,who\n" + "".join(
    f"{row},{row % 7},{row % 5},{row % 6},{'abcdefgh'[row % 8]}\n" for row in range(48)
)


@pytest.fixture
def compared(shell):
    """Run a comparison, and hold its JSON to the schema."""
    layout = schema("comparison")
    jsonschema.Draft202012Validator.check_schema(layout)

    def run(command, *, code=0):
        outcome = shell(f"compare {command} --json")
        assert outcome.code == code, outcome.err
        parsed = json.loads(outcome.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
        jsonschema.validate(parsed, layout, jsonschema.Draft202012Validator)
        return parsed

    return run


@pytest.fixture
def models(shell):
    """Logits of three models and their labels: b.npy is a worse a.npy, c.npy a better one."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 5, 200)
    logits = random.normal(size=(200, 5)) + 2.0 * (np.arange(5) == labels[:, np.newaxis])
    shell.save("a.npy", logits)
    shell.save("b.npy", logits + random.normal(size=logits.shape))
    shell.save("c.npy", logits + 0.5 * (np.arange(5) == labels[:, np.newaxis]))
    shell.save("y.npy", labels)
    return shell


def test_each_value_is_that_of_the_losss_own_command(models, compared):
    found = compared("nll a.npy b.npy c.npy y.npy")
    alone = [json.loads(models(f"nll {name}.npy y.npy --json").out) for name in "abc"]
    assert [model["value"] for model in found["models"]] == [result["value"] for result in alone]
    assert [model["signature"] for model in found["models"]] == [result["signature"] for result in alone]
    assert [model["label"] for model in found["models"]] == ["A", "B", "C"]
    for contrast, result in zip(found["contrasts"], alone[1:], strict=True):
        assert contrast["difference"] == pytest.approx(result["value"] - alone[0]["value"], rel=1e-12)
    assert [contrast["verdict"] for contrast in found["contrasts"]] == ["worse", "better"]


def test_the_samples_that_moved_most(models, compared):
    [contrast] = compared("nll a.npy b.npy y.npy --top 3")["contrasts"]
    one, other = (np.array(json.loads(models(f"nll {n}.npy y.npy --reduction none --json").out)["value"]) for n in "ab")
    order = np.argsort(-np.abs(other - one), kind="stable")[:3]
    labels, a, b = (np.load(models.folder / f"{name}.npy") for name in "yab")
    assert contrast["moved"] == [
        {
            "sample": row,
            "target": labels[row],
            "predicted_baseline": a[row].argmax(),
            "predicted_candidate": b[row].argmax(),
            "loss_baseline": one[row],
            "loss_candidate": other[row],
            "difference": other[row] - one[row],
        }
        for row in order
    ]
    assert (contrast["wins"], contrast["losses"], contrast["ties"]) == ((other < one).sum(), (other > one).sum(), 0)
    assert compared("nll a.npy b.npy y.npy --top 0")["contrasts"][0]["moved"] == []


def test_the_bare_difference_and_the_table(models):
    outcome = models("compare nll a.npy b.npy c.npy y.npy --format value")
    found = json.loads(models("compare nll a.npy b.npy c.npy y.npy --json").out)
    assert outcome.out.split() == [repr(contrast["difference"]) for contrast in found["contrasts"]]
    table = models("compare nll a.npy b.npy c.npy y.npy")
    assert (table.code, table.err) == (0, "")
    for contrast in found["contrasts"]:
        assert f"{contrast['candidate']} against A: {contrast['verdict']}" in table.out
        assert repr(contrast["difference"]) in table.out
        for row in contrast["moved"]:
            assert repr(row["difference"]) in table.out
    assert found["signature"] in table.out


def test_the_same_digits_on_any_number_of_threads(models):
    one, other = (models(f"compare nll a.npy b.npy y.npy --seed 3 --threads {n}").out for n in (1, 4))
    assert one == other
    assert one != models("compare nll a.npy b.npy y.npy --seed 4").out


def test_a_table_of_models(shell, compared):
    shell.write("t.csv", TABLE)
    found = compared("mse t.csv:old t.csv:new t.csv:label --cluster who")
    assert found["clusters"] == {"source": "who", "count": 8, "smallest": 6, "largest": 6}
    assert found["resampled"] == "clusters"
    assert found["contrasts"][0]["evidence"]["exact"]  # of 8 clusters there are 256 patterns
    same = compared("mse t.csv:old t.csv:new t.csv --target label --cluster t.csv:who")
    assert same["contrasts"] == found["contrasts"]


def test_samples_are_paired_by_their_ids(shell, compared):
    header, *rows = TABLE.splitlines()
    shell.write("t.csv", TABLE)
    shell.write("shuffled.csv", "\n".join([header, *np.random.default_rng(1).permutation(rows)]) + "\n")
    options = "--id id --target label --cluster who --top 4"
    straight = compared(f"mse t.csv:old t.csv:new t.csv {options}")
    for baseline, targets in (("t.csv", "shuffled.csv"), ("t.csv", "t.csv")):
        found = compared(f"mse {baseline}:old shuffled.csv:new {targets} {options}")
        assert found["contrasts"] == straight["contrasts"]
    mixed = compared(f"mse shuffled.csv:old t.csv:new t.csv {options}")["contrasts"][0]
    assert mixed["difference"] == straight["contrasts"][0]["difference"]
    assert mixed["wins"] == straight["contrasts"][0]["wins"]


def test_weights_make_a_ratio(models, compared):
    found = compared("nll a.npy b.npy y.npy --class-weight 1,2,3,0,5 --ignore-index 1")
    labels = np.load(models.folder / "y.npy")
    kept = (labels != 1) & (labels != 3)
    assert (found["samples"], found["compared"], found["weighted"]) == (200, kept.sum(), True)
    for model in found["models"]:
        alone = models(f"nll {model['name']} y.npy --class-weight 1,2,3,0,5 --ignore-index 1 --format value")
        assert model["value"] == float(alone.out)
    [contrast] = found["contrasts"]
    assert contrast["wins"] + contrast["losses"] + contrast["ties"] == kept.sum()
    low, high = (contrast["evidence"]["interval"][end] for end in ("low", "high"))
    assert low < contrast["difference"] < high


@pytest.mark.parametrize("loss", catalogue().values(), ids=lambda loss: loss.name)
def test_every_loss_compares(loss, shell, compared):
    random = np.random.default_rng(4)
    shape, options = {"Elementwise": ((30,), ""), "Classes": ((30, 4), ""), "Tokens": ((30, 6, 4), "")}.get(
        type(loss.contract).__name__, ((9, 30, 4), "--mean-rule torch")
    )
    scores = random.normal(size=(2, *shape))
    if loss.name == "bce":
        scores = 1.0 / (1.0 + np.exp(-scores))
    if type(loss.contract).__name__ != "Elementwise":
        scores -= np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    targets = {1: random.integers(0, 2, 30), 2: random.integers(0, 4, 30)}.get(
        len(shape), random.integers(1, 4, (30, 3 if loss.name == "ctc" else 6))
    )
    shell.save("a.npy", scores[0])
    shell.save("b.npy", scores[1])
    shell.save("y.npy", targets if loss.name != "hinge" else 2 * targets - 1)
    if loss.one_of:
        options = f"--{loss.one_of[0]} 2"
    found = compared(f"{loss.name} a.npy b.npy y.npy {options}")
    for model in found["models"]:
        assert model["value"] == float(shell(f"{loss.name} {model['name']} y.npy {options} --format value").out)
    evidence = found["contrasts"][0]["evidence"]
    assert evidence["interval"]["low"] < found["contrasts"][0]["difference"] < evidence["interval"]["high"]


def test_chosen_tokens_need_no_targets(shell, compared):
    random = np.random.default_rng(4)
    for name in "ab":
        shell.save(f"{name}.npy", np.log(random.uniform(0.1, 1.0, (20, 5))))
    found = compared("perplexity a.npy b.npy --kind token-log-probs")
    assert found["targets"] is None
    values = [model["value"] for model in found["models"]]
    assert found["contrasts"][0]["difference"] == values[1] - values[0]
    shell.save("who.npy", np.arange(20) // 2)
    assert compared("perplexity a.npy b.npy --kind token-log-probs --cluster who.npy")["clusters"]["count"] == 10


def test_chosen_tokens_are_written_without_targets(shell):
    for name in "ab":
        shell.save(f"{name}.npy", np.full((12, 2), 0.5 if name == "a" else 0.25))
    assert shell("compare perplexity a.npy b.npy --kind token-probs -o out.csv -q").code == 0
    header, first, *_ = (shell.folder / "out.csv").read_text().splitlines()
    assert "target" not in header
    assert dict(zip(header.split(","), first.split(","), strict=True))["sample"] == "0"


@pytest.mark.parametrize("names", ["cat,dog", "horse,cow"])
def test_columns_of_the_same_order_or_of_other_names(shell, compared, names):
    rows = ["2,3", "1,5", "0.5,-1"] * 10
    for name, header in (("a", "cat,dog"), ("b", names)):
        shell.write(f"{name}.csv", "\n".join([header, *rows]) + "\n")
    shell.save("y.npy", [1, 0, 1] * 10)
    assert compared("cross-entropy a.csv b.csv y.npy")["contrasts"][0]["difference"] == 0.0


def test_a_perplexity_beyond_float64_has_no_evidence(shell, compared):
    shell.save("a.npy", np.full((3, 4), -800.0))
    shell.save("b.npy", np.full((3, 4), -801.0))
    found = compared("perplexity a.npy b.npy --kind token-log-probs")
    assert [model["value"] for model in found["models"]] == ["Infinity", "Infinity"]
    [contrast] = found["contrasts"]
    assert (contrast["difference"], contrast["evidence"], contrast["losses"]) == ("NaN", None, 3)
    assert any("not finite" in warning for warning in found["warnings"])


def test_a_model_against_itself(models, compared):
    found = compared("nll a.npy a.npy y.npy --fail-on worse,undecided")
    [contrast] = found["contrasts"]
    assert (contrast["verdict"], contrast["difference"], contrast["ties"]) == ("equivalent", 0.0, 200)
    assert contrast["evidence"]["interval"] == {"low": 0.0, "high": 0.0, "method": "bca"}
    assert (contrast["evidence"]["p_value"], contrast["moved"]) == (1.0, [])
    assert found["check"] == {"passed": True, "fail_on": ["worse", "undecided"], "failed": []}


@pytest.mark.parametrize(
    ("models_", "options", "failed"),
    [
        ("a.npy b.npy", "--fail-on worse", ["B"]),
        ("b.npy a.npy", "--fail-on worse", []),
        ("a.npy b.npy c.npy", "--fail-on not-better", ["B"]),
        ("a.npy a.npy", "--fail-on not-better", ["B"]),
        ("a.npy b.npy", "--margin 5 --fail-on inferior,worse", []),
        ("a.npy b.npy", "--margin 0.001 --fail-on inferior", ["B"]),
        ("a.npy c.npy", "--margin 0.001 --fail-on inferior", []),
    ],
)
def test_a_check_says_it_by_the_exit_code(models, compared, models_, options, failed):
    found = compared(f"nll {models_} y.npy {options}", code=1 if failed else 0)
    assert found["check"]["failed"] == failed
    assert found["check"]["passed"] is (not failed)
    table = models(f"compare nll {models_} y.npy {options}")
    assert table.code == (1 if failed else 0)
    assert f"check {'FAILED' if failed else 'passed'}" in table.out


def test_undecided_names_what_would_decide(shell, compared):
    random = np.random.default_rng(3)
    shell.save("y.npy", np.zeros(40))
    shell.save("a.npy", random.normal(size=40))
    shell.save("b.npy", random.normal(size=40) + 0.2)
    [contrast] = compared("mse a.npy b.npy y.npy --fail-on undecided", code=1)["contrasts"]
    assert contrast["verdict"] == "undecided"
    assert contrast["needed"] > 40
    assert contrast["detectable"] > abs(contrast["difference"])
    assert f"about {contrast['needed']:,} samples to decide" in shell("compare mse a.npy b.npy y.npy").out


def test_a_nan_of_one_model_leaves_the_sample_out_for_all(shell, compared):
    shell.save("y.npy", np.zeros(30))
    a, b = np.random.default_rng(3).normal(size=(2, 30))
    shell.save("b.npy", b)
    a[4] = math.nan
    shell.save("a.npy", a)
    found = compared("mse a.npy b.npy y.npy --on-nan skip")
    assert (found["skipped"], found["compared"]) == (1, 29)
    assert found["models"][1]["value"] == pytest.approx(np.mean(np.delete(b, 4) ** 2), rel=1e-15)
    assert any("left out for all" in warning for warning in found["warnings"])


def test_kinds_and_shapes_that_differ_are_named(models):
    logits = np.load(models.folder / "a.npy")
    models.save("p.npy", np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    outcome = models("compare nll a.npy p.npy y.npy")
    assert "a.npy holds logits, p.npy holds probs" in outcome.err
    models.save("six.npy", np.hstack([logits, logits[:, :1] - 9.0]))
    outcome = models("compare nll a.npy six.npy y.npy")
    assert "six.npy has shape (200, 6)" in outcome.err


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("nll a.npy y.npy", 2, "two models or more and TARGETS"),
        ("perplexity a.npy --kind token-log-probs", 2, "two models or more, and 1 file is"),
        ("nill a.npy b.npy y.npy", 2, "did you mean nll"),
        ("nll a.npy b.npy y.npy --delta 2", 2, "--delta does not apply to nll"),
        ("nll a.npy b.npy y.npy --confidence 95", 2, "--confidence"),
        ("nll a.npy b.npy y.npy --margin nan", 2, "--margin"),
        ("nll a.npy b.npy y.npy --fail-on bad", 2, "--fail-on is 'bad'"),
        ("nll a.npy b.npy y.npy --fail-on inferior", 2, "needs --margin"),
        ("nll a.npy b.npy y.npy --json --format value", 2, "contradict"),
        ("nll a.npy b.npy y.npy --threads 0", 2, "--threads"),
        ("mse a.npy b.npy y.npy --base 2", 2, "no logarithm"),
        ("nll - - y.npy", 2, "standard input is read once"),
        ("nll '' b.npy y.npy", 2, "named by nothing"),
        ("nll a.npy b.npy -", 3, "TARGETS is a pipe"),
        ("nll a.npy b.npy y.npy --sample-weight -", 3, "--sample-weight is a pipe"),
        ("nll a.npy short.npy y.npy", 3, "short.npy has 150 samples, y.npy has 200"),
        ("nll a.npy gone.npy y.npy", 3, "gone.npy"),
        ("nll a.npy nan.npy y.npy", 3, "nan.npy: row 3"),
        ("nll a.npy b.npy y.npy --cluster short.npy", 3, "shape (150, 5)"),
        ("nll a.npy b.npy y.npy --cluster few.npy", 3, "few.npy has 3 rows, but there are 200 samples"),
        ("nll a.npy b.npy y.npy --cluster gone.npy", 3, "--cluster is a column"),
        ("nll a.npy b.npy y.npy --cluster hole.npy", 3, "the cluster is missing"),
        ("nll a.npy b.npy y.npy --cluster one.npy", 3, "single one of the clusters"),
        ("nll a.npy b.npy y.npy --id id", 3, "only in tables"),
        ("mse t.csv t.csv t.csv --target label", 3, "which --target names"),
        ("mse t.csv:old t.csv:new t.csv --target label --pred old", 2, "names its columns, and so does --pred"),
        ("mse t.csv:old t.csv:new t.csv:label --target label", 2, "names its columns, and so does --target"),
        ("mse t.csv:old t.csv:new t.csv:label --cluster wo", 3, "did you mean 'who'"),
        ("mse t.csv:old other.csv:new t.csv --target label --id id", 3, "48"),
        ("mse t.csv:old u.csv:new t.csv --target label --id id --sample-weight w.npy", 3, "in different orders"),
        ("mse t.csv:old u.csv:new y48.npy --sample-weight id", 3, "sample 0 weighs 0 in t.csv:old and 47"),
        ("cross-entropy p.csv q.csv c.npy", 3, "in another order"),
        ("perplexity tokens.npy more.npy --kind token-probs", 3, "tokens.npy has 4, more.npy has 5"),
        ("gaussian-nll t.csv:old u.csv:new t.csv --target label --id id --variance w.npy", 3, "--variance w.npy goes"),
    ],
)
def test_what_cannot_be_compared(models, complaint, command, code, says):
    models.save("short.npy", np.zeros((150, 5)))
    models.save("few.npy", [1, 2, 3])
    models.save("one.npy", np.ones(200))
    models.save("hole.npy", [math.nan, *range(199)])
    models.save("nan.npy", np.where(np.arange(200)[:, np.newaxis] == 3, math.nan, np.load(models.folder / "a.npy")))
    models.write("t.csv", TABLE)
    header, *rows = TABLE.splitlines()
    models.write("u.csv", "\n".join([header, *rows[::-1]]) + "\n")
    models.write("other.csv", TABLE.replace("\n47,", "\n48,"))
    models.save("w.npy", np.arange(48.0) + 1.0)
    models.save("y48.npy", np.arange(48.0))
    models.save("tokens.npy", np.full((4, 3), 0.5))
    models.save("more.npy", np.full((5, 3), 0.5))
    models.write("p.csv", "cat,dog\n2,3\n1,5\n")
    models.write("q.csv", "dog,cat\n2,3\n1,5\n")
    models.save("c.npy", [0, 1])
    assert says in complaint(f"compare {command}", code=code)


def test_a_pipe_can_be_a_model_but_not_the_targets(models):
    straight = models("compare nll a.npy b.npy y.npy --json")
    piped = models.script("losscli compare nll a.npy - y.npy --json < b.npy")
    one, other = json.loads(straight.out)["contrasts"], json.loads(piped.out)["contrasts"]
    assert one == other
    refused = models.script("losscli compare nll a.npy b.npy <(cat y.npy)")
    assert refused.code == 3
    assert "TARGETS is a pipe" in refused.err


def test_few_samples_are_warned_of_unless_quiet(shell):
    for name, values in (("y", [0, 0, 0]), ("a", [1, 2, 3]), ("b", [1, 2, 4])):
        shell.save(f"{name}.npy", values, "f8")
    assert "3 samples are few" in shell("compare mse a.npy b.npy y.npy").err
    assert shell("compare mse a.npy b.npy y.npy --quiet").err == ""


@pytest.mark.parametrize("name", ["each.csv", "each.jsonl", "each.parquet", "each.npy"])
def test_every_sample_as_each_model_scored_it(models, name):
    outcome = models(f"compare nll a.npy b.npy c.npy y.npy -o {name} --format value")
    assert outcome.code == 0, outcome.err
    losses = []
    for model in "abc":
        assert models(f"nll {model}.npy y.npy -o {model}_loss.npy --format value").code == 0
        losses.append(np.load(models.folder / f"{model}_loss.npy"))
    path = models.folder / name
    if name.endswith(".npy"):
        assert np.array_equal(np.load(path), np.stack(losses, axis=1))
        return
    if name.endswith(".csv"):
        found = {
            column: [*map(float, cells)]
            for column, *cells in zip(*csv.reader(path.read_text().splitlines()), strict=True)
        }
    elif name.endswith(".jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        found = {column: [row[column] for row in rows] for column in rows[0]}
    else:
        found = pq.read_table(path).to_pydict()
    assert found["sample"] == [*range(200)]
    assert found["target"] == np.load(models.folder / "y.npy").tolist()
    for letter, loss in zip("ABC", losses, strict=True):
        assert found[f"loss_{letter}"] == loss.tolist()
    assert found["difference_B"] == (losses[1] - losses[0]).tolist()
    assert found["difference_C"] == (losses[2] - losses[0]).tolist()


def test_only_samples_that_are_compared_are_written(models):
    labels = np.load(models.folder / "y.npy")
    models.save("some.npy", np.where(np.arange(200) < 3, -100, labels))
    assert models("compare nll a.npy b.npy some.npy --ignore-index -100 -o each.csv --top 0").code == 0
    lines = (models.folder / "each.csv").read_text().splitlines()
    assert [lines[0].partition(",")[0], lines[1].partition(",")[0], len(lines)] == ["sample", "3", 198]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("a.npy", "the output is also an input"),
        ("y.npy", "the output is also an input"),
        ("who.npy", "the output is also an input"),
        ("x.txt", "names no output format"),
        ("''", "named by nothing"),
    ],
)
def test_what_cannot_be_written_is_said_at_once(models, complaint, output, said):
    models.save("who.npy", np.arange(200) % 9)
    assert said in complaint(f"compare nll a.npy b.npy y.npy --cluster who.npy -o {output}", code=2)


def test_a_comparison_that_fails_leaves_no_file(models):
    models.save("short.npy", np.zeros((3, 5)))
    models.write("each.csv", "old\n")
    before = models.files
    assert models("compare nll a.npy short.npy y.npy -o each.csv").code == 3
    assert models.files == before
    assert (models.folder / "each.csv").read_text() == "old\n"
