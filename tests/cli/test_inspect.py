"""`losscli inspect`: every fault on files that have it, and every command it proposes pasted into a shell."""

from __future__ import annotations

import gzip
import json
import math

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from losscli.engine import tally
from losscli.report import schema

CLASSES = 4


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def entropy(probs, labels):
    return float(-np.log(probs[np.arange(len(labels)), labels]).mean())


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def labels(rng):
    return rng.integers(0, CLASSES, 200)


@pytest.fixture
def logits(rng, labels):
    return rng.normal(size=(200, CLASSES)) + 3.0 * np.eye(CLASSES)[labels]


@pytest.fixture
def probs(logits):
    return softmax(logits)


@pytest.fixture
def validator():
    layout = schema("inspection")
    jsonschema.Draft202012Validator.check_schema(layout)
    return jsonschema.Draft202012Validator(layout)


@pytest.fixture
def look(shell, validator):
    """Inspect with --json: strict, of the schema, without a word on stderr; returns the object."""

    def refuse(word):
        pytest.fail(f"{word} is no JSON")

    def run(arguments, stdin=b""):
        outcome = shell(f"inspect {arguments} --json", stdin)
        assert (outcome.code, outcome.err) == (0, "")
        found = json.loads(outcome.out, parse_constant=refuse)
        validator.validate(found)
        return found

    return run


@pytest.fixture
def diagnose(look, shell):
    """The diagnosis, after every command of it was pasted into a shell; with the value of the first loss."""

    def run(arguments, stdin=b""):
        diagnosis = look(arguments, stdin)["diagnosis"]
        diagnosis["names"] = [finding["name"] for finding in diagnosis["findings"]]
        for step in diagnosis["steps"]:
            outcome = shell.script(step)
            assert (outcome.code, outcome.out, outcome.err) == (0, "", ""), step
        values = []
        for suggestion in diagnosis["suggestions"]:
            assert suggestion["command"].startswith(f"losscli {suggestion['loss']} ")
            outcome = shell(suggestion["command"].removeprefix("losscli ") + " --format value", stdin)
            assert outcome.code == 0, (suggestion, outcome.err)
            values.append(float(outcome.out))
        diagnosis["value"] = values[0] if values else None
        assert (diagnosis["verdict"] == "stuck") == (not values)
        return diagnosis

    return run


def save_csv(shell, name, columns):
    rows = zip(*columns.values(), strict=True)
    shell.write(name, "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")


# All is well


@pytest.mark.parametrize("kind", ["probs", "log-probs", "logits"])
def test_predictions_and_labels_that_go_together(shell, diagnose, look, logits, probs, labels, kind):
    shell.save("p.npy", {"probs": probs, "log-probs": np.log(probs), "logits": logits}[kind])
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["findings"], found["steps"]) == ("ready", [], [])
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)
    assert found["suggestions"][0]["loss"] == ("cross-entropy" if kind == "logits" else "nll")
    assert found["order"]["verdict"] == "aligned"
    assert found["order"]["as_given"] == pytest.approx(found["value"])
    assert look("p.npy")["files"][0]["rows"]["kind"] == kind


@pytest.mark.parametrize(
    ("predictions", "targets", "loss"),
    [
        ("shares", "binary", "bce"),
        ("scores", "binary", "sigmoid-cross-entropy"),
        ("scores", "signs", "hinge"),
        ("numbers", "other numbers", "mse"),
        ("shares", "soft", "bce"),
        ("rows", "one-hot", "cross-entropy"),
        ("rows", "distributions", "cross-entropy"),
        ("rows in [0, 1]", "several", "bce"),
        ("rows", "several", "sigmoid-cross-entropy"),
        ("rows", "rows of numbers", "mse"),
        ("decisions", "binary", "mse"),
    ],
)
def test_the_loss_that_fits(shell, diagnose, rng, predictions, targets, loss):
    binary = rng.integers(0, 2, 100)
    scores = rng.normal(size=100) + 4.0 * binary - 2.0
    several = rng.integers(0, 2, (100, 3))
    rows = rng.normal(size=(100, 3)) + 2.0 * several
    values = {
        "shares": 1 / (1 + np.exp(-scores)),
        "scores": scores,
        "numbers": scores * 7.0,
        "decisions": (scores > 0.0).astype(np.int64),
        "rows": rows,
        "rows in [0, 1]": 1 / (1 + np.exp(-rows)),
        "binary": binary,
        "signs": 2 * binary - 1,
        "soft": np.clip(0.8 * binary + 0.1, 0.0, 1.0),
        "other numbers": scores * 7.0 + rng.normal(size=100),
        "one-hot": np.eye(3)[rows.argmax(axis=1)],
        "distributions": softmax(rows),
        "several": several,
        "rows of numbers": rows + 0.1 * rng.normal(size=(100, 3)),
    }
    shell.save("p.npy", values[predictions])
    shell.save("y.npy", values[targets])
    found = diagnose("p.npy y.npy")
    assert found["suggestions"][0]["loss"] == loss
    assert found["verdict"] == ("doubtful" if predictions == "decisions" else "ready")


def test_a_table_of_both(shell, diagnose, look, probs, labels):
    names = np.array(["ant", "bee", "cat", "dog"])
    columns = {"id": range(1, 201), **{f"p_{name}": column for name, column in zip(names, probs.T, strict=True)}}
    save_csv(shell, "t.csv", columns | {"kind": names[labels]})
    found = diagnose("t.csv --target kind")
    assert found["verdict"] == "ready"
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)
    assert "--pred 'p_*' --target kind" in found["suggestions"][0]["command"]
    (file,) = look("t.csv")["files"]
    assert file["scores"] == ["p_ant", "p_bee", "p_cat", "p_dog"]
    assert file["rows"]["kind"] == "probs"
    kinds = {count["label"]: count["count"] for count in file["columns"][-1]["classes"]["counts"]}
    assert kinds == {name: int((labels == i).sum()) for i, name in enumerate(names)}


def test_images_with_the_classes_first_and_last(shell, diagnose, rng):
    labels = rng.integers(0, 3, (20, 5, 4))
    probs = softmax(rng.normal(size=(20, 5, 4, 3)))
    expected = -np.log(np.take_along_axis(probs, labels[..., np.newaxis], -1)).mean()
    shell.save("y.npy", labels)
    for name, array in (("first.npy", np.moveaxis(probs, -1, 1)), ("last.npy", probs)):
        shell.save(name, array)
        assert diagnose(f"{name} y.npy")["value"] == pytest.approx(expected, rel=1e-12)


def test_two_axes_that_could_be_that_of_the_classes(shell, diagnose, rng):
    labels = rng.integers(0, 3, (20, 3))
    probs = softmax(rng.normal(size=(20, 3, 3)))
    shell.save("p.npy", probs)
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["names"]) == ("doubtful", ["class-axis"])
    assert found["value"] == pytest.approx(-np.log(np.take_along_axis(probs, labels[..., np.newaxis], -1)).mean())


# Labels


@pytest.mark.parametrize("form", ["npy", "csv", "headerless csv", "tsv", "parquet", "npz", "jsonl"])
def test_one_based_labels(shell, diagnose, probs, labels, form):
    import pyarrow as pa
    from pyarrow import parquet

    shell.save("p.npy", probs)
    name = f"y.{form.split()[-1]}"
    match form:
        case "npy":
            shell.save(name, labels + 1)
        case "npz":
            np.savez(shell.folder / name, y=labels + 1)
        case "csv":
            save_csv(shell, name, {"the label": labels + 1})
        case "tsv":
            shell.write(name, "label\tother\n" + "".join(f"{label + 1}\t{0.5 + i}\n" for i, label in enumerate(labels)))
        case "headerless csv":
            shell.write(name, "".join(f"{label + 1}\n" for label in labels))
        case "jsonl":
            shell.write(name, "".join(f'{{"label": {label + 1}}}\n' for label in labels))
        case _:
            parquet.write_table(pa.table({"label": labels + 1}), shell.folder / name)
    found = diagnose(f"p.npy {name}")
    assert found["verdict"] == "fixable"
    assert "one-based-labels" in found["names"]
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)
    (finding,) = (finding for finding in found["findings"] if finding["name"] == "one-based-labels")
    assert finding["counts"] == {"4": int((labels == 3).sum())}


@pytest.mark.parametrize("mark", [-100, -1, 255])
@pytest.mark.parametrize("based", [0, 1])
def test_a_sentinel(shell, diagnose, probs, labels, mark, based):
    marked = labels + based
    marked[::10] = mark
    shell.save("p.npy", probs)
    shell.save("y.npy", marked)
    found = diagnose("p.npy y.npy")
    assert found["names"] == (["sentinel", "one-based-labels"] if based else ["sentinel"])
    kept = np.arange(200) % 10 != 0
    assert found["value"] == pytest.approx(entropy(probs[kept], labels[kept]), rel=1e-12)
    assert found["findings"][0]["counts"][str(mark)] == 20


def test_a_sentinel_among_two_classes(shell, diagnose, rng):
    labels = rng.integers(0, 2, 100)
    shares = np.clip(0.6 * labels + 0.4 * rng.random(100), 0.01, 0.99)
    marked = np.where(np.arange(100) % 9 == 0, -1, labels)
    shell.save("p.npy", shares)
    shell.save("y.npy", marked)
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["sentinel"]
    kept = marked >= 0
    expected = -np.log(np.where(labels == 1, shares, 1 - shares))[kept].mean()
    assert found["value"] == pytest.approx(expected, rel=1e-12)


def test_labels_outside_of_the_classes(shell, diagnose, probs, labels):
    shell.save("p.npy", probs)
    shell.save("y.npy", np.where(np.arange(200) < 30, 7 + np.arange(200) % 3, labels))
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["names"]) == ("stuck", ["labels-outside"])
    assert found["findings"][0]["counts"] == {"7": 10, "8": 10, "9": 10}
    assert "30 of 200 labels are outside of the 4 classes" in found["findings"][0]["problem"]


def test_one_label_outside_of_the_classes(shell, diagnose, probs, labels):
    labels[:5] = 4
    labels[5] = 0
    shell.save("p.npy", probs)
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["labels-outside"]
    assert "--ignore-index 4" in found["suggestions"][0]["command"]
    assert found["value"] == pytest.approx(entropy(probs[5:], labels[5:]), rel=1e-12)


def test_labels_for_a_margin(shell, diagnose, rng):
    labels = rng.integers(0, 2, 100)
    shares = np.clip(0.7 * labels + 0.3 * rng.random(100), 0.01, 0.99)
    shell.save("y.npy", 2 * labels - 1)
    shell.save("p.npy", shares)
    shell.save("rows.npy", np.stack([1 - shares, shares], axis=1))
    expected = -np.log(np.where(labels == 1, shares, 1 - shares)).mean()
    for name in ("p.npy", "rows.npy"):
        found = diagnose(f"{name} y.npy")
        assert found["names"] == ["signs"]
        assert found["value"] == pytest.approx(expected, rel=1e-12)


def test_labels_with_fractions(shell, diagnose, probs, labels, rng):
    shell.save("p.npy", probs)
    shell.save("y.npy", labels + rng.random(200))
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["names"]) == ("stuck", ["fractional-labels"])
    shell.save("two.npy", np.stack([probs[:, 0], 1 - probs[:, 0]], axis=1))
    shell.save("soft.npy", 1 - probs[:, 0])
    found = diagnose("two.npy soft.npy")
    assert found["names"] == ["fractional-labels"]
    assert found["suggestions"][0]["loss"] == "bce"


def test_whole_floats_are_labels(shell, diagnose, probs, labels):
    shell.save("p.npy", probs)
    shell.save("y.npy", labels.astype(np.float32))
    assert diagnose("p.npy y.npy")["verdict"] == "ready"


def test_nan_among_labels_and_predictions(shell, diagnose, probs, labels):
    targets = labels.astype(np.float64)
    targets[[3, 9]] = np.nan
    probs[[5, 9], 1] = np.nan
    shell.save("p.npy", probs)
    shell.save("y.npy", targets)
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["nan-predictions", "nan-targets"]
    assert "2 × NaN (first rows: 5, 9)" in found["findings"][0]["problem"]
    kept = np.setdiff1d(np.arange(200), [3, 5, 9])
    assert found["value"] == pytest.approx(entropy(probs[kept], labels[kept]), rel=1e-12)


def test_infinities(shell, diagnose, logits, labels):
    logits[7, 2] = np.inf
    shell.save("p.npy", logits)
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["infinite-predictions"]
    kept = np.arange(200) != 7
    assert found["value"] == pytest.approx(entropy(softmax(logits[kept]), labels[kept]), rel=1e-12)


def test_infinite_targets(shell, diagnose, rng):
    numbers = rng.normal(size=100)
    shell.save("p.npy", numbers)
    shell.save("y.npy", np.where(np.arange(100) == 3, -np.inf, numbers + 1.0))
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["infinite-targets"]
    assert found["value"] == pytest.approx(1.0)


def test_nothing_but_nan(shell, diagnose):
    shell.save("p.npy", np.full((30, 3), np.nan))
    assert diagnose("p.npy p.npy")["names"][-1] == "all-nan"


def test_rows_that_rule_every_class_out(shell, diagnose, logits, labels):
    logits[:, 3] = np.where(labels == 3, logits[:, 3], -np.inf)
    logits[17] = -np.inf
    shell.save("p.npy", logits)
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["impossible-rows"]
    kept = np.arange(200) != 17
    assert found["value"] == pytest.approx(entropy(softmax(logits[kept]), labels[kept]), rel=1e-12)


NAMES = np.array(["ant", "bee", "cat", "dog"])


@pytest.mark.parametrize(
    ("named", "spelt", "verdict"),
    [
        (NAMES, NAMES, "ready"),
        (["Ant", "Bee", "Cat", "Dog"], NAMES, "fixable"),
        (NAMES, ["An T", "BEE", "C-at", "dog"], "fixable"),
        (NAMES, ["ape", "bee", "cat", "dog"], "stuck"),
        (None, NAMES, "doubtful"),
    ],
)
def test_names_of_classes(shell, diagnose, probs, labels, named, spelt, verdict):
    if named is None:
        shell.save("p.npy", probs)
    else:
        save_csv(shell, "p.csv", {f"p_{name}": column for name, column in zip(named, probs.T, strict=True)})
    save_csv(shell, "y.csv", {"label": np.array(spelt)[labels]})
    found = diagnose(f"p.{'npy' if named is None else 'csv'} y.csv")
    assert found["verdict"] == verdict
    if verdict == "stuck":
        assert found["findings"][0]["counts"] == {"ape": int((labels == 0).sum())}
    else:
        assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_more_text_labels_than_classes(shell, diagnose, probs, labels):
    shell.save("p.npy", probs[:, :3])
    save_csv(shell, "y.csv", {"label": NAMES[labels]})
    assert diagnose("p.npy y.csv")["names"][-1] == "text-labels"


# Predictions


def test_percentages(shell, diagnose, probs, labels):
    shell.save("p.npy", probs * 100.0)
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["percentages"]
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_percentages_of_one_class(shell, diagnose, rng):
    labels = rng.integers(0, 2, 100)
    shares = 0.7 * labels + 0.29 * rng.random(100) + 0.005
    shell.save("p.npy", shares * 100.0)
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["names"]) == ("doubtful", ["percentages"])
    assert found["value"] == pytest.approx(-np.log(np.where(labels == 1, shares, 1 - shares)).mean(), rel=1e-12)


def test_probabilities_a_little_outside(shell, diagnose, rng):
    labels = rng.integers(0, 2, 100)
    shares = np.clip(0.7 * labels + 0.3 * rng.random(100), 0.0, 1.0)
    shares[np.argmax(labels)] = 1.0 + 1e-6
    shell.save("p.npy", shares)
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["slightly-outside"]
    assert found["suggestions"][0]["loss"] == "bce"


@pytest.mark.parametrize(
    ("name", "change"), [("rounded", lambda p: np.round(p, 2)), ("not-normalised", lambda p: p / 2)]
)
def test_rows_that_do_not_sum_to_1(shell, diagnose, probs, labels, name, change):
    shell.save("p.npy", change(probs))
    shell.save("y.npy", np.where(change(probs)[np.arange(200), labels] > 0, labels, probs.argmax(axis=1)))
    found = diagnose("p.npy y.npy")
    assert found["names"] == [name]
    if name == "rounded":
        width = found["findings"][0]["fix"].split("--row-sum-tolerance ")[1].split()[0]
        assert shell(f"nll p.npy y.npy --row-sum-tolerance {width}").code == 0
        assert shell(f"nll p.npy y.npy --row-sum-tolerance {float(width) * 0.8}").code == 3


@pytest.mark.parametrize("kind", ["probs", "log-probs"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_softmax_applied_twice(shell, diagnose, probs, labels, kind, dtype):
    twice = softmax(probs)
    shell.save("p.npy", twice if kind == "probs" else np.log(twice), dtype)
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["names"]) == ("doubtful", ["softmax-twice"])
    assert f"below {math.log1p(3 / math.e):.4g}" in found["findings"][0]["cause"]
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-4 if dtype == "float32" else 1e-10)


def test_probabilities_near_each_other_are_no_softmax_of_probabilities(shell, diagnose, rng, labels):
    shell.save("y.npy", labels)
    for spread in (0.1, 0.8):
        shell.save("p.npy", softmax(spread * rng.normal(size=(200, CLASSES)) + 0.1 * np.eye(CLASSES)[labels]))
        assert "softmax-twice" not in diagnose("p.npy y.npy")["names"]


@pytest.mark.parametrize("others", ["logits", "log-probs"])
def test_rows_of_two_kinds(shell, diagnose, logits, probs, labels, others):
    mixed = np.where(np.arange(200)[:, np.newaxis] < 120, probs, logits if others == "logits" else np.log(probs))
    shell.save("p.npy", mixed)
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["mixed-kinds"]
    assert "120 of 200 rows are probs" in found["findings"][0]["problem"]
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


# Which is which, and in what order


def test_swapped_files(shell, diagnose, probs, labels):
    shell.save("p.npy", probs)
    shell.save("y.npy", labels + 1)
    found = diagnose("y.npy p.npy")
    assert found["names"] == ["swapped", "one-based-labels"]
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_swapped_shares(shell, diagnose, rng):
    labels = rng.integers(0, 2, 100)
    shell.save("p.npy", np.clip(0.7 * labels + 0.3 * rng.random(100), 0.01, 0.99))
    shell.save("y.npy", labels)
    found = diagnose("y.npy p.npy")
    assert found["names"] == ["swapped"]
    assert found["suggestions"][0]["command"] == "losscli bce p.npy y.npy"


def test_transposed_predictions(shell, diagnose, probs, labels):
    shell.save("p.npy", probs.T)
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["names"]) == ("fixable", ["transposed"])
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_transposed_labels(shell, diagnose, probs, labels):
    shell.save("p.npy", probs)
    shell.save("y.npy", labels[np.newaxis])
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["transposed"]
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_unequal_lengths(shell, diagnose, probs, labels):
    shell.save("p.npy", probs[:150])
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["names"]) == ("stuck", ["unequal-lengths"])
    assert "p.npy has 150 samples, y.npy has 200" in found["findings"][0]["problem"]


def test_a_first_row_that_was_taken_for_a_header(shell, diagnose, probs, labels):
    shell.save("p.npy", probs)
    shell.write("y.csv", "".join(f"{label}\n" for label in labels))
    found = diagnose("p.npy y.csv --header")
    assert found["names"] == ["header"]
    shell.write("p.csv", "0,1,2,3\n" + "\n".join(",".join(map(repr, row)) for row in probs.tolist()) + "\n")
    found = diagnose("p.csv y.csv --no-header")
    assert found["names"] == ["header"]


@pytest.mark.parametrize("lag", [-3, -1, 1, 2])
def test_shifted_rows(shell, diagnose, probs, labels, lag):
    shell.save("p.npy", probs)
    shell.save("y.npy", np.roll(labels, lag))
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["names"]) == ("fixable", ["rows-shifted"])
    assert found["order"]["lag"] == lag
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_reversed_rows(shell, diagnose, rng):
    numbers = rng.normal(size=100)
    shell.save("p.npy", numbers)
    shell.save("y.npy", (numbers + 0.1 * rng.normal(size=100))[::-1])
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["rows-reversed"]
    assert found["value"] < 0.02


def test_shuffled_rows(shell, diagnose, probs, labels, rng):
    shell.save("p.npy", probs)
    shell.save("y.npy", rng.permutation(labels))
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["names"]) == ("doubtful", ["rows-shuffled"])
    assert "the numbers alone cannot tell which" in found["findings"][0]["cause"]


def test_shuffled_tables_with_ids(shell, diagnose, probs, labels, rng):
    order = rng.permutation(200)
    columns = {f"p_{name}": column for name, column in zip(NAMES, probs.T, strict=True)}
    save_csv(shell, "p.csv", {"id": [f"s{i}" for i in range(200)], **columns})
    save_csv(shell, "y.csv", {"id": [f"s{i}" for i in order], "label": NAMES[labels[order]]})
    found = diagnose("p.csv y.csv")
    assert found["names"] == ["target-column", "rows-shuffled"]
    assert "--id id" in found["suggestions"][0]["command"]
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_sorted_labels_are_not_called_shifted(shell, diagnose, rng):
    labels = np.sort(rng.integers(0, CLASSES, 300))
    shell.save("p.npy", softmax(rng.normal(size=(300, CLASSES)) + 2.0 * np.eye(CLASSES)[labels]))
    shell.save("y.npy", labels)
    assert diagnose("p.npy y.npy")["verdict"] == "ready"


# What is seen of a single file


def test_exact_counts(shell, look, rng):
    values = rng.normal(size=(5000, 3)).astype(np.float32)
    values[[7, 9, 4000], [0, 1, 2]] = np.nan
    values[11, 0], values[12, 0] = np.inf, -np.inf
    values[13] = 0.0
    shell.save("x.npy", values)
    (file,) = look("x.npy")["files"]
    numbers = file["numbers"]
    finite = values[np.isfinite(values)].astype(np.float64)
    assert (file["format"], file["shape"], file["dtype"]) == ("npy", [5000, 3], "float32")
    assert (numbers["nan"], numbers["positive_infinity"], numbers["negative_infinity"]) == (3, 1, 1)
    assert numbers["first_rows"] == {"nan": [7, 9, 4000], "positive_infinity": [11], "negative_infinity": [12]}
    assert numbers["zeros"] == 3
    assert numbers["below_zero"] == (values < 0).sum()
    assert numbers["above_one"] == (values > 1).sum()
    assert numbers["mean"] == pytest.approx(finite.mean(), rel=1e-12)
    assert numbers["std"] == pytest.approx(finite.std(ddof=1), rel=1e-12)
    assert numbers["min"] == {
        "value": finite.min(),
        "sample": int(np.nanargmin(np.where(np.isinf(values), 0, values))) // 3,
    }
    assert sum(numbers["bins"]) == finite.size
    counts, _ = np.histogram(finite, numbers["edges"])
    assert numbers["bins"] == counts.tolist()
    assert file["rows"]["with_nan"] == 3
    assert file["memory"]["on_disk"] == (shell.folder / "x.npy").stat().st_size


def test_several_files_and_standard_input(shell, look, probs, labels):
    shell.save("p.npy", probs)
    shell.save("y.npy", labels)
    data = (shell.folder / "p.npy").read_bytes()
    found = look("- y.npy", stdin=data)
    assert [file["path"] for file in found["files"]] == ["<stdin>", "y.npy"]
    assert found["diagnosis"]["verdict"] == "ready"
    assert found["diagnosis"]["suggestions"][0]["command"] == "losscli nll - y.npy"
    assert found["files"][0]["memory"]["on_disk"] is None
    piped = shell.script("cat p.npy | losscli inspect - y.npy | tail -n 4")
    assert (piped.code, piped.err) == (0, "")
    many = look("p.npy y.npy p.npy")
    assert (len(many["files"]), many["diagnosis"]) == (3, None)


def test_text_and_lists(shell, look):
    shell.write("t.jsonl", '{"a": [1, 2], "b": "x", "c": true}\n{"a": [3], "b": "y", "c": false}\n')
    (file,) = look("t.jsonl")["files"]
    assert [column["type"] for column in file["columns"]] == ["ragged[float64][]", "text", "bool"]
    assert file["columns"][1]["classes"]["counts"] == [{"label": "x", "count": 1}, {"label": "y", "count": 1}]
    assert file["columns"][0]["numbers"]["max"] == {"value": 3.0, "sample": 1}


def test_a_broken_column_does_not_hide_the_others(shell, look, diagnose):
    rows = "".join(f"{i % 2},{0.3 + i % 2 / 2},{'' if i == 50 else i}\n" for i in range(60))
    shell.write("t.csv", "y,p,note\n" + rows)
    (file,) = look("t.csv")["files"]
    assert "row 50 (line 52), column 'note'" in file["columns"][2]["note"]
    assert file["columns"][0]["classes"]["distinct"] == 2
    found = diagnose("t.csv --pred p --target y")
    assert found["suggestions"][0]["loss"] == "bce"
    assert diagnose("t.csv --pred note --target y")["names"] == ["unreadable"]


def test_what_cannot_be_read_or_asked(complaint, shell):
    shell.save("p.npy", [1.0, 2.0])
    assert "no such file" in complaint("inspect q.npy")
    shell.write("x.csv", "")
    assert "the input is empty" in complaint("inspect x.csv")
    assert "only one input can be `-`" in complaint("inspect - -", code=2)
    assert "more than two files" in complaint("inspect p.npy p.npy p.npy --target y", code=2)
    assert "an array has no columns" in complaint("inspect p.npy --pred a")


HOSTILE = "\x1b[31mred\x1b[0m\u202e[bold]"


def test_hostile_text_is_written_out(shell, look, validator):
    quoted = HOSTILE.replace('"', '""')
    shell.write("t.csv", f'"{quoted}",b\n' + "".join(f"{HOSTILE}{i % 2},{i % 2}\n" for i in range(30)))
    for arguments in ("t.csv", "t.csv --target b"):
        outcome = shell(f"inspect {arguments}")
        assert outcome.code == 0
        assert "\x1b" not in outcome.out
        assert "\u202e" not in outcome.out
        assert "[bold]" in outcome.out
        raw = shell(f"inspect {arguments} --json").out
        assert raw.isascii()
        assert "\x1b" not in raw
    look("t.csv")


@pytest.mark.parametrize("name", ["it's $HOME; here.npy", "-y.npy", "tab\tand\x1b.npy", 'quo"te\\.npy'])
def test_commands_can_be_pasted_whatever_the_file_is_called(shell, probs, labels, name):
    shell.save("p.npy", probs)
    np.save(shell.folder / "plain.npy", labels + 1)
    (shell.folder / "plain.npy").rename(shell.folder / name)
    import shlex

    outcome = shell(f"inspect p.npy --json -- {shlex.quote(name)}")
    assert outcome.code == 0, outcome.err
    diagnosis = json.loads(outcome.out)["diagnosis"]
    for step in diagnosis["steps"]:
        assert step.isprintable()
        assert shell.script(step).code == 0
    scored = shell.script(diagnosis["suggestions"][0]["command"] + " --format value")
    assert float(scored.out) == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_a_step_never_writes_over_a_file(shell, look, probs, labels):
    shell.save("p.npy", probs)
    shell.save("y.npy", labels + 1)
    shell.save("y_from_0.npy", [1.0])
    (step,) = look("p.npy y.npy")["diagnosis"]["steps"]
    assert "y_from_0_2.npy" in step


# The page


def test_the_page(shell, probs, labels):
    shell.save("p.npy", probs)
    shell.save("y.npy", labels + 1)
    text = shell("inspect p.npy y.npy").out
    for part in (
        "p.npy: npy, shape (200, 4), float64",
        "kind        probs (detected: 200 of 200 rows",
        "histogram of the values",
        "4 distinct values",
        "together: cannot be scored rightly as they are, but so:",
        "fault: one-based-labels",
        'np.load("y.npy"); np.save("y_from_0.npy", x - 1)',
        "losscli nll p.npy y_from_0.npy",
    ):
        assert part in text
    assert text == shell("inspect p.npy y.npy --format table").out


def test_a_million_rows_take_little_memory(shell, rng):
    labels = rng.integers(0, 10, 1_000_000)
    shell.save("p.npy", rng.normal(size=(1_000_000, 10)) + 3.0 * np.eye(10)[labels], "float32")
    shell.save("y.npy", labels)
    # The high-water mark of the process itself: that of getrusage begins with its parent's.
    script = (
        "from losscli.engine.inspection import InspectRequest, inspect\n"
        "found = inspect(InspectRequest(['p.npy', 'y.npy']))\n"
        "marks = [line.split() for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "print(found.diagnosis.verdict, marks[0][1])\n"
    )
    shell.write("run.py", script)
    verdict, kilobytes = shell.script("python3 run.py").out.split()
    assert verdict == "ready"
    assert int(kilobytes) < 300_000


def test_one_sample(shell, diagnose):
    shell.save("p.npy", [0.1, 0.2, 0.7])
    shell.save("y.npy", 2)
    assert diagnose("p.npy y.npy")["value"] == pytest.approx(-math.log(0.7))


def test_boolean_predictions(shell, diagnose, rng):
    labels = rng.integers(0, 2, 100)
    shell.save("p.npy", labels == 1)
    shell.save("y.npy", np.where(np.arange(100) < 10, 1 - labels, labels))
    found = diagnose("p.npy y.npy")
    assert found["names"] == ["boolean-predictions", "hard-predictions"]
    assert found["value"] == pytest.approx(0.1)


def test_a_step_that_no_short_command_can_take(shell, diagnose, probs, labels):
    (shell.folder / "parts").mkdir()
    shell.save("parts/a.npy", labels + 1)
    shell.save("p.npy", probs)
    assert diagnose("p.npy parts")["names"] == ["one-based-labels", "no-step"]


PAIRS = [
    ("digits_log_probs.npy digits_labels.csv", "nll"),
    ("digits_logits.parquet digits_labels.parquet", "cross-entropy"),
    ("digits_logits_list.parquet --target label", "cross-entropy"),
    ("digits_probs.csv --target label", "nll"),
    ("cancer_probs.npy cancer_labels.npy", "bce"),
    ("cancer_scores.npy cancer_labels.npy", "sigmoid-cross-entropy"),
    ("cancer_scores.npy cancer_labels_pm1.npy", "hinge"),
    ("cancer.csv --pred prob --target label", "bce"),
    ("cancer.parquet --pred score --target label_pm1", "hinge"),
    ("diabetes.csv --target target", "mse"),
    ("lm_logits.npy lm_tokens.npy", "sequence-nll"),
    ("ctc_log_probs.npy ctc_targets.npy", "ctc"),
]


@pytest.mark.parametrize(("arguments", "loss"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_the_sample_data(samples, validator, arguments, loss):
    diagnosis = json.loads(samples(f"inspect {arguments} --json").out)["diagnosis"]
    assert diagnosis["steps"] == []
    assert diagnosis["suggestions"][0]["loss"] == loss
    for suggestion in diagnosis["suggestions"]:
        assert samples(suggestion["command"].removeprefix("losscli ")).code == 0


def test_every_sample_file_can_be_seen(samples, validator):
    for path in sorted(samples.folder.glob("*.[npc][pas][yrv]*")):
        outcome = samples(f"inspect {path.name} --json")
        assert (outcome.code, outcome.err) == (0, "")
        validator.validate(json.loads(outcome.out))
        assert samples(f"inspect {path.name}").code == 0


# What only some files have


def delimited(columns, mark=",", point="."):
    rows = zip(*(map(str, column) for column in columns.values()), strict=True)
    return (
        "\n".join([mark.join(columns), *(mark.join(cell.replace(".", point) for cell in row) for row in rows)]) + "\n"
    )


WRITERS = {
    "p.npy": lambda path, columns: np.save(path, np.column_stack(list(columns.values()))),
    "p.csv": lambda path, columns: path.write_text(delimited(columns)),
    "p.csv.gz": lambda path, columns: path.write_bytes(gzip.compress(delimited(columns).encode())),
    "p.tsv": lambda path, columns: path.write_text(delimited(columns, "\t")),
    "p.txt": lambda path, columns: path.write_text(delimited(columns, ";", ",")),
    "p.parquet": lambda path, columns: pq.write_table(pa.table(columns), path),
    "p.arrow": lambda path, columns: feather.write_feather(pa.table(columns), path, compression="uncompressed"),
}
IN_GERMAN = " --input-format csv --delimiter ';' --decimal ,"


@pytest.mark.parametrize("name", WRITERS)
def test_a_step_loads_any_format(shell, diagnose, logits, labels, name):
    # Behind the arrays that a step had saved stood `--delimiter` and `--decimal`, which is wrong usage.
    masked = np.where((np.arange(200) == 5)[:, np.newaxis], -np.inf, logits)
    WRITERS[name](shell.folder / name, {f"p_{c}": masked[:, c] for c in range(CLASSES)})
    shell.save("y.npy", labels)
    found = diagnose(f"{name} y.npy{IN_GERMAN if name == 'p.txt' else ''}")
    assert (found["verdict"], found["names"]) == ("fixable", ["impossible-rows"])
    kept = np.arange(200) != 5
    assert found["value"] == pytest.approx(entropy(softmax(logits[kept]), labels[kept]), rel=1e-12)


def test_options_of_text_stay_where_text_is_left(shell, diagnose, logits, probs, labels):
    WRITERS["p.txt"](shell.folder / "p.txt", {f"p_{c}": logits[:, c] for c in range(CLASSES)})
    shell.save("y.npy", labels + 1)
    found = diagnose(f"p.txt y.npy{IN_GERMAN}")
    # The names of the columns are numbers, by which labels that begin with 1 were taken for rows out of order.
    assert (found["verdict"], found["names"]) == ("fixable", ["one-based-labels"])
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_two_files_of_one_name(shell, diagnose, logits, labels):
    for folder, values in (("scores", np.where(np.arange(200) == 5, -np.inf, logits.T).T), ("labels", labels)):
        (shell.folder / folder).mkdir()
        shell.save(f"{folder}/x.npy", values)
    found = diagnose("scores/x.npy labels/x.npy")
    assert found["suggestions"][0]["command"] == "losscli cross-entropy x_kept_preds.npy x_kept_labels.npy"


def test_bfloat16_is_loaded_by_losscli_alone(shell, diagnose, logits, labels):
    halves = (logits.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    shell.save("p.npy", halves.view("V2"))
    rounded = (halves.astype(np.uint32) << 16).view(np.float32).astype(float)
    shell.save("y.npy", labels + 1)
    found = diagnose("p.npy y.npy --input-dtype bfloat16")
    assert found["names"] == ["one-based-labels"]
    assert found["value"] == pytest.approx(entropy(softmax(rounded), labels), rel=1e-12)
    halves[5] = 0xFF80  # -inf
    shell.save("p.npy", halves.view("V2"))
    assert diagnose("p.npy y.npy --input-dtype bfloat16")["names"][-1] == "no-step"


def test_classes_are_named_by_the_user(shell, diagnose, probs, labels):
    shell.save("p.npy", probs)
    shell.save("y.npy", 3 - labels)
    assert diagnose("p.npy y.npy --classes 3,2,1,0")["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)
    shell.write("y.csv", "label\n" + "\n".join("abcd"[label] for label in labels) + "\n")
    for names, verdict in (("a,b,c,d", "ready"), ("A,B,C,D", "fixable")):
        found = diagnose(f"p.npy y.csv --classes {names}")
        assert (found["verdict"], found["value"]) == (verdict, pytest.approx(entropy(probs, labels), rel=1e-12))


def test_labels_are_positions_of_classes_that_other_numbers_name(shell, diagnose, probs, labels):
    save_csv(shell, "p.csv", {f"p_{c + 1}": probs[:, c] for c in range(CLASSES)})
    shell.save("y.npy", labels)
    found = diagnose("p.csv y.npy")
    assert (found["verdict"], found["names"]) == ("doubtful", ["class-names"])
    assert found["findings"][0]["counts"] == {"0": int((labels == 0).sum())}
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_no_label_is_0(shell, diagnose, probs, labels):
    shell.save("p.npy", probs)
    shell.save("y.npy", np.maximum(labels, 1))
    assert diagnose("p.npy y.npy")["names"] == ["no-label-0"]


@pytest.mark.parametrize(("shift", "names"), [(0, []), (5, ["labels-outside"]), (-1, ["labels-outside"])])
def test_more_labels_than_are_counted(shell, diagnose, probs, labels, shift, names, monkeypatch):
    monkeypatch.setattr(tally, "MOST_LABELS", 2)
    shell.save("p.npy", probs)
    shell.save("y.npy", labels + shift)
    found = diagnose("p.npy y.npy")
    assert (found["verdict"], found["names"]) == ("stuck" if names else "ready", names)


def test_labels_in_one_of_several_columns(shell, diagnose, probs, labels):
    shell.save("p.npy", probs)
    save_csv(shell, "y.csv", {"label": labels, "split": labels % 2})
    found = diagnose("p.npy y.csv")
    assert (found["verdict"], found["names"]) == ("stuck", ["which-column"])
    save_csv(shell, "y.csv", {"label": labels, "score": probs[:, 0]})
    found = diagnose("p.npy y.csv")
    assert found["names"] == ["target-column"]
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


@pytest.mark.parametrize(
    ("predictions", "targets", "name", "loss"),
    [
        ((200,), (1, 200), "transposed", "mse"),
        ((200, 4), (1, 200), "transposed", "cross-entropy"),
        ((200, 4, 3), (5, 200), "transposed", None),
        ((4, 200), (200, 2), "transposed", None),
        ((200, 2), (200, 3), "shapes", None),
        ((200,), (200, 3), "shapes", None),
        ((200, 1, 2), (200, 2), "one-class", None),
        ((200,), (150,), "unequal-lengths", None),
        ((200,), (199,), "unequal-lengths", None),
    ],
)
def test_shapes_that_do_not_fit(shell, diagnose, rng, predictions, targets, name, loss):
    shell.save("p.npy", rng.normal(size=predictions))
    shell.save("y.npy", rng.integers(0, CLASSES, targets).astype(float) if name != "one-class" else np.zeros(targets))
    found = diagnose("p.npy y.npy")
    assert found["names"] == [name]
    assert [suggestion["loss"] for suggestion in found["suggestions"]] == ([loss] if loss else [])


@pytest.mark.parametrize(
    ("width", "other", "pred", "loss"),
    [
        (1, 1, "", "mse"),
        (4, 1, "", "cross-entropy"),
        (2, 2, "", "mse"),
        (2, 3, "", None),
        (4, 1, " --pred 1.0,2.0", None),
    ],
)
def test_a_header_that_was_asked_for_and_is_data(shell, diagnose, rng, width, other, pred, loss):
    # The command named the columns by the first row, which it said to be data.
    rows = np.vstack([np.arange(float(width)), rng.normal(size=(199, width))])
    shell.write("p.csv", "\n".join(",".join(map(str, row)) for row in rows.tolist()) + "\n")
    targets = rng.integers(0, 4, 200) if loss == "cross-entropy" else rng.normal(size=(200, other))
    shell.save("y.npy", targets)
    found = diagnose(f"p.csv y.npy --header{pred}")
    assert found["names"] == ["header"]
    assert [suggestion["loss"] for suggestion in found["suggestions"]] == ([loss] if loss else [])


def test_rows_of_different_lengths(shell, look):
    rows = [{"x": [0.5] * length, "y": [1] * length} for length in (1, 2, 3, 1, 2, 3)]
    shell.write("t.jsonl", "\n".join(map(json.dumps, rows)) + "\n")
    shell.save("y.npy", np.arange(6))
    for arguments, losses in (("t.jsonl --pred x --target y", ["sequence-nll"]), ("t.jsonl y.npy --pred x", [])):
        found = look(arguments)["diagnosis"]
        assert [finding["name"] for finding in found["findings"]] == ["ragged"]
        assert [suggestion["loss"] for suggestion in found["suggestions"]] == losses


def test_two_numbers_a_sample(shell, diagnose, rng, labels):
    shell.save("scores.npy", rng.normal(size=200))
    shell.write("y.csv", "label\n" + "\n".join("ab"[label % 2] for label in labels) + "\n")
    assert diagnose("scores.npy y.csv")["names"] == ["text-labels"]
    right = labels % 2
    shares = np.where(right == 1, 0.9, 0.2) + rng.uniform(-0.05, 0.05, 200)
    shell.save("shares.npy", shares)
    shell.save("y.npy", right + 1)
    found = diagnose("shares.npy y.npy")
    assert found["names"] == ["one-based-labels"]
    assert found["value"] == pytest.approx(float(-np.log(np.where(right == 1, shares, 1.0 - shares)).mean()), rel=1e-12)


@pytest.mark.parametrize(
    ("change", "names", "verdict"),
    [
        (lambda p: np.where(np.arange(CLASSES) == 1, np.nan, p), ["nan-predictions", "all-nan"], "stuck"),
        (lambda p: 0.99 * p + [0.9, -0.9, 0.0, 0.0], ["outside"], "fixable"),
        (
            lambda p: np.where((np.arange(200) == 4)[:, np.newaxis], 0.0, 0.5 * p),
            ["not-normalised", "empty-rows"],
            "stuck",
        ),
    ],
)
def test_rows_that_are_no_probabilities(shell, diagnose, probs, labels, change, names, verdict):
    shell.save("p.npy", change(probs))
    shell.save("y.npy", labels)
    found = diagnose("p.npy y.npy")
    assert (found["names"], found["verdict"]) == (names, verdict)


@pytest.mark.parametrize(
    ("where", "name"), [((3, slice(None), 1), "impossible-rows"), (slice(150, None), "mixed-kinds")]
)
def test_images_with_rows_for_which_there_is_no_step(shell, diagnose, rng, where, name):
    scores = np.log(rng.dirichlet(np.ones(CLASSES), (200, 3))).transpose(0, 2, 1).copy()
    scores[where] = -np.inf if name == "impossible-rows" else rng.normal(size=(50, CLASSES, 3))
    shell.save("p.npy", scores)
    shell.save("y.npy", rng.integers(0, CLASSES, (200, 3)))
    found = diagnose("p.npy y.npy")
    assert (found["names"], found["verdict"]) == ([name], "stuck")


@pytest.mark.parametrize("fault", ["none", "twice", "missing"])
def test_shuffled_tables_whose_ids_are_joined_only_where_they_match(shell, diagnose, probs, labels, rng, fault):
    order = rng.permutation(200)
    ids = {"none": order, "twice": np.where(order == 7, 8, order), "missing": order + 1}[fault]
    columns = {f"p_{c}": probs[:, c] for c in range(CLASSES)}
    save_csv(shell, "p.csv", {"run": ["x"] * 200, "id": np.arange(200), **columns})
    save_csv(shell, "y.csv", {"id": ids, "label": labels[order]})
    found = diagnose("p.csv y.csv --pred 'p_*' --target label")
    assert found["names"] == ["rows-shuffled"]
    assert found["verdict"] == ("fixable" if fault == "none" else "doubtful")
    if fault == "none":
        assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_what_there_is_too_much_of_is_left_out(shell, look):
    save_csv(shell, "wide.csv", {f"c{i}": [1.5, 2.5] for i in range(300)})
    first, *_, last = look("wide.csv")["files"][0]["columns"]
    assert (first["numbers"]["count"], last["numbers"], last["type"]) == (2, None, "float64")
    shell.save("many.npy", np.concatenate([np.arange(1100), [950, 950, 7]]))
    classes = look("many.npy")["files"][0]["classes"]
    assert classes["distinct"] == 1100
    assert classes["counts"][:2] == [{"label": 950, "count": 3}, {"label": 7, "count": 2}]
    assert len(classes["counts"]) < 1100


def test_a_table_without_a_column(shell, complaint):
    shell.write("nothing.jsonl", "{}\n{}\n")
    assert "no columns" in complaint("inspect nothing.jsonl")
    assert "FILE is empty" in complaint("inspect ''", code=2)


def test_columns_that_cannot_be_read(shell, look, complaint):
    pairs = pa.array([{"a": 1}, {"a": 2}])
    pq.write_table(pa.table({"s": pairs, "x": [1.0, 2.0]}), shell.folder / "t.parquet")
    columns = {column["name"]: column for column in look("t.parquet")["files"][0]["columns"]}
    assert columns["s"]["type"] == "not read"
    assert columns["s"]["note"]
    assert columns["x"]["numbers"]["count"] == 2
    shell.write("all.csv", "x,y\n1e400,1e400\n2,2\n")
    shell.write("one.csv", "x\n1e400\n2\n")
    for name in ("all.csv", "one.csv"):
        assert "1e400" in complaint(f"inspect {name}")


def test_lists_that_hold_nothing(shell, look):
    pq.write_table(pa.table({"x": pa.array([[], [], []], pa.list_(pa.float64()))}), shell.folder / "t.parquet")
    [column] = look("t.parquet")["files"][0]["columns"]
    assert column["numbers"]["count"] == 0


@pytest.mark.parametrize("key", ["id", "key"])
def test_what_both_tables_name_alike_is_not_scored(shell, diagnose, rng, key):
    ids, values = rng.permutation(200), rng.normal(size=200)
    save_csv(shell, "p.csv", {key: ids, "prediction": values})
    save_csv(shell, "y.csv", {key: ids, "target": values + 0.5})
    found = diagnose("p.csv y.csv")
    assert found["suggestions"][0]["loss"] == "mse"
    assert found["value"] == pytest.approx(0.25)


def test_text_beside_the_labels_is_left_out(shell, diagnose, probs, labels):
    shell.save("p.npy", probs)
    save_csv(shell, "y.csv", {"label": labels, "animal": [f"x{row}" for row in range(200)]})
    found = diagnose("p.npy y.csv")
    assert (found["verdict"], found["names"]) == ("ready", [])
    assert found["value"] == pytest.approx(entropy(probs, labels), rel=1e-12)


def test_labels_that_are_all_nan_beside_transposed_predictions(shell, diagnose, probs):
    shell.save("p.npy", probs.T)
    shell.save("y.npy", np.full(200, np.nan))
    assert diagnose("p.npy y.npy")["names"] == ["transposed", "all-nan"]


def test_an_archive_among_several_files(shell, complaint):
    np.savez(shell.folder / "several.npz", a=np.ones(3), b=np.ones(3))
    shell.save("y.npy", np.ones(3))
    assert "several.npz" in complaint("inspect several.npz y.npy")
