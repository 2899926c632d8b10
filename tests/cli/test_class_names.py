"""Labels and the columns they mean: whole numbers go by name where the columns are named by numbers."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

CLASSES = 11
ROWS = 44


@pytest.fixture
def table(shell):
    """Write one table with its columns of classes in any order, under any names; returns the exact cross-entropy."""
    rng = np.random.default_rng(7)
    labels = np.arange(ROWS) % CLASSES
    scores = rng.dirichlet(np.ones(CLASSES), ROWS)

    def write(name: str, order: list[int], columns: list[str], *, text: bool = False, first: int = 0) -> float:
        cells = {columns[k]: scores[:, k] for k in order}
        told = labels + first
        pq.write_table(pa.table(cells | {"label": told.astype(str) if text else told}), shell.folder / name)
        return float(-np.log(scores[np.arange(ROWS), labels]).mean())

    return write


IN_ORDER = list(range(CLASSES))
LEXICOGRAPHIC = sorted(IN_ORDER, key=str)
STEMS = ["p_{}", "logit{}", "{}", "class {}", "p_{:02}"]


@pytest.mark.parametrize("text", [False, True], ids=["numbers", "text"])
@pytest.mark.parametrize("stem", ["p_{}", "{}", "class {}"])
def test_the_order_of_the_columns_changes_nothing(shell, table, stem, text):
    names = [stem.format(k) for k in IN_ORDER]
    for order in (IN_ORDER, LEXICOGRAPHIC, IN_ORDER[::-1]):
        expected = table("t.parquet", order, names, text=text)
        assert float(shell("ce t.parquet --target label --format value").out) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("stem", ["logit{}", "p_{:02}"])
def test_numbers_behind_letters_and_zeros(shell, table, stem):
    expected = table("t.parquet", LEXICOGRAPHIC, [stem.format(k) for k in IN_ORDER])
    assert float(shell("ce t.parquet --target label --format value").out) == pytest.approx(expected, rel=1e-15)


def test_named_by_the_option(shell, table):
    expected = table("t.parquet", LEXICOGRAPHIC, [f"c{chr(97 + k)}" for k in IN_ORDER])
    names = ",".join(map(str, LEXICOGRAPHIC))
    found = shell(f"ce t.parquet --target label --classes {names} --format value").out
    assert float(found) == pytest.approx(expected, rel=1e-15)


def test_the_result_says_so(shell, table, validate):
    table("t.parquet", LEXICOGRAPHIC, [f"p_{k}" for k in IN_ORDER])
    found = validate(shell("ce t.parquet --target label --json --per-sample").out)
    assert found["inputs"]["targets"]["evidence"].endswith("looked up by the names of the classes")
    assert [str(row["target"]) for row in found["per_sample"][:CLASSES]] == list(map(str, IN_ORDER))
    assert found["warnings"] == []


@pytest.mark.parametrize(
    "options", ["--class-weight 1,2,3,4,5,6,7,8,9,10,11", "--ignore-index 9", "--label-smoothing 0.1"]
)
def test_with_options_that_know_classes(shell, table, options):
    names = [f"p_{k}" for k in IN_ORDER]
    found = []
    for order in (IN_ORDER, LEXICOGRAPHIC):
        table("t.parquet", order, names)
        result = json.loads(shell(f"ce t.parquet --target label {options} --by-class --baselines --json").out)
        groups = {str(group["group"]): group["loss"] for group in result["groups"]["groups"]}
        found.append([result["value"], groups, result["baselines"]["prior"]["value"], result["counts"]])
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-14)
    assert found[0][1].keys() == found[1][1].keys()
    np.testing.assert_allclose(list(found[0][1].values()), [found[1][1][name] for name in found[0][1]], rtol=1e-14)
    np.testing.assert_allclose(found[0][2], found[1][2], rtol=1e-14)
    assert found[0][3] == found[1][3]


def test_work_is_shown_in_the_order_of_the_numbers(shell, table):
    names = [f"p_{k}" for k in IN_ORDER]
    shown = []
    for order in (IN_ORDER, LEXICOGRAPHIC):
        table("t.parquet", order, names)
        out = shell("ce t.parquet --target label --show-work --rows 0").out
        shown.append([line for line in out.splitlines() if "(target)" in line])
    assert shown[0] == shown[1] != []


def test_numbers_from_1_on_are_names(shell, table):
    """The label C is no position, and 1 is the first column: only names make sense."""
    expected = table("t.parquet", IN_ORDER, [f"p_{k + 1}" for k in IN_ORDER], first=1)
    found = shell("ce t.parquet --target label --format value")
    assert float(found.out) == pytest.approx(expected, rel=1e-15)
    assert "; labels were looked up by name: 1 is 'p_1'" in found.err
    names = ",".join(str(k + 1) for k in IN_ORDER)
    assert shell(f"ce t.parquet --target label --classes {names}").err == ""


def test_labels_that_count_from_0_under_names_that_count_from_1(shell, table):
    """Names do not know the label 0, so only positions make sense."""
    expected = table("t.parquet", IN_ORDER, [f"p_{k + 1}" for k in IN_ORDER])
    found = shell("ce t.parquet --target label --format value")
    assert float(found.out) == pytest.approx(expected, rel=1e-15)
    assert "; labels count them from 0: 0 is 'p_1'" in found.err
    names = ",".join(map(str, IN_ORDER))
    assert shell(f"ce t.parquet --target label --classes {names}").err == ""


def test_a_late_label_that_contradicts_the_first_ones(shell, complaint):
    rows = 600_000
    labels = np.full(rows, 1)
    table = {"p_1": np.full(rows, 0.25), "p_2": np.full(rows, 0.75), "label": labels}
    labels[-1] = 0
    pq.write_table(pa.table(table), shell.folder / "t.parquet")
    error = complaint("ce t.parquet --target label")
    assert "row 599999, column 'label': the label 0 is none of the classes" in error
    option = error.partition("hint: ")[2].partition(" takes")[0]
    found = float(shell(f"ce t.parquet --target label --format value {option}").out)
    assert found == pytest.approx((-np.log(0.75) * (rows - 1) - np.log(0.25)) / rows)


def test_names_out_of_order_are_the_only_reading(shell, complaint):
    shell.write("t.csv", "p_3,p_1,p_2,y\n.8,.1,.1,1\n.3,.5,.2,0\n")
    assert "the label 0 is none of the classes" in complaint("ce t.csv --target y")


def test_a_number_among_names(shell, complaint):
    shell.write("t.csv", "p_other,p_0,p_1,y\n.8,.1,.1,1\n.3,.5,.2,0\n")
    assert "whether 0 is the class of that name or the one at that position" in complaint("ce t.csv --target y")
    shell.write("t.csv", "p_0,p_1,p_other,y\n.8,.1,.1,1\n.3,.5,.2,0\n")
    assert float(shell("ce t.csv --target y --format value").out) == pytest.approx(-np.log([0.1, 0.3]).mean())


def test_true_and_false(shell):
    shell.write("t.csv", "p_True,p_False,y\n.8,.2,true\n.3,.7,false\n")
    assert float(shell("ce t.csv --target y --format value").out) == pytest.approx(-np.log([0.8, 0.7]).mean())


def test_nan_labels_beside_names_that_lack_0(shell):
    shell.write("t.csv", "p_1,p_2,y\n.8,.2,1\n.3,.7,nan\n")
    found = shell("ce t.csv --target y --format value --on-nan skip").out
    assert float(found) == pytest.approx(-np.log(0.8))


def test_an_ignored_label_that_is_a_position_but_no_name(shell):
    shell.write("t.csv", "p_1,p_2,y\n.8,.2,1\n.3,.7,0\n")
    found = json.loads(shell("ce t.csv --target y --ignore-index 0 --json --per-sample").out)
    assert found["value"] == pytest.approx(-np.log(0.8))
    assert [row["target"] for row in found["per_sample"]] == ["1", "0"]


def test_models_whose_columns_stand_in_another_order_are_compared(shell, table):
    names = [f"p_{k}" for k in IN_ORDER]
    table("a.parquet", IN_ORDER, names)
    table("b.parquet", LEXICOGRAPHIC, names)
    found = json.loads(shell("compare ce a.parquet b.parquet a.parquet --pred 'p_*' --target label --json").out)
    assert found["contrasts"][0]["difference"] == pytest.approx(0.0, abs=1e-15)


def test_inspect_reads_labels_as_losses_do(shell, table):
    names = [f"p_{k}" for k in IN_ORDER]
    table("t.parquet", LEXICOGRAPHIC, names)
    found = json.loads(shell("inspect t.parquet --target label --json").out)["diagnosis"]
    assert [finding["name"] for finding in found["findings"] if finding["level"] != "note"] in ([], ["rows-shuffled"])
    table("t.parquet", IN_ORDER, [f"p_{k + 1}" for k in IN_ORDER], first=1)
    found = json.loads(shell("inspect t.parquet --target label --json").out)["diagnosis"]
    assert "one-based-labels" not in [finding["name"] for finding in found["findings"]]


@pytest.mark.parametrize("loss", ["sequence-nll", "ctc"])
def test_losses_that_take_positions_refuse_another_order(shell, complaint, loss):
    shell.write("t.csv", "p_1,p_0,p_2\n.8,.1,.1\n.3,.5,.2\n.3,.5,.2\n")
    shell.save("y.npy", [1, 0, 2] if loss == "sequence-nll" else [1])
    error = complaint(f"{loss} t.csv y.npy")
    assert "the columns stand in another order than the numbers in their names" in error
    assert "hint: --pred p_0,p_1,p_2" in error


@pytest.mark.parametrize("order", ["C", "F"])
def test_text_labels_in_an_array(shell, complaint, order):
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 30)
    index = np.arange(30) % 3
    shell.save("p.npy", shares)
    np.save(shell.folder / "t.npy", np.asarray(np.array(["cat", "dog", "eel"])[index], order=order))
    expected = pytest.approx(-np.log(shares[np.arange(30), index]).mean(), rel=1e-14)
    command = "ce - t.npy" if order == "F" else "ce p.npy t.npy"
    stdin = (shell.folder / "p.npy").read_bytes()
    assert float(shell(f"{command} --classes cat,dog,eel --format value", stdin).out) == expected
    assert (
        float(shell("ce p.npy - --classes cat,dog,eel --format value", (shell.folder / "t.npy").read_bytes()).out)
        == expected
    )
    assert "the labels are text ('cat')" in complaint("ce p.npy t.npy")
    assert "an array of strings cannot be scored" in complaint("ce t.npy t.npy")
    found = json.loads(shell("inspect p.npy t.npy --json").out)["diagnosis"]
    assert "text-labels" in [finding["name"] for finding in found["findings"]]


def test_weights_by_name(shell, complaint):
    shell.write("t.csv", "p_cat,p_dog,y\n.8,.2,cat\n.3,.7,dog\n.4,.6,dog\n")
    command = "ce t.csv --target y --json"
    by_order = json.loads(shell(f"{command} --class-weight 1,3").out)
    for weights in ("cat:1,dog:3", "dog:3, cat:1"):
        by_name = json.loads(shell(f"{command} --class-weight '{weights}'").out)
        assert by_name["value"] == by_order["value"]
        assert by_name["options"]["class_weight"] == {"cat": 1.0, "dog": 3.0}
    assert "|class_weight:cat:1,dog:3|" in json.loads(shell(f"{command} --class-weight cat:1,dog:3").out)["signature"]
    assert "did you mean 'dog'?" in complaint("ce t.csv --target y --class-weight cat:1,dogg:3")
    assert "no weight for 'dog'" in complaint("ce t.csv --target y --class-weight cat:1")
    assert "must be" in complaint("ce t.csv --target y --class-weight cat:1,dog:-1", code=2)
    shell.save("p.npy", [[0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    shell.save("y.npy", [0, 1, 1])
    assert json.loads(shell("ce p.npy y.npy --class-weight 1:3,0:1 --json").out)["value"] == by_order["value"]


@pytest.mark.parametrize(("label", "told", "options"), [
    (-100, "-100", "--ignore-index=-100"),
    (np.nan, "-1", "--on-nan propagate"),
])  # fmt: skip
def test_a_label_beside_the_named_classes_is_written_as_text_like_them(shell, label, told, options):
    shell.write("t.csv", f"a,b,y\n0.5,0.5,{label}\n0.25,0.75,1\n")
    command = f"nll t.csv --pred a,b --target y --kind probs {options}"
    for extension in ("csv", "jsonl", "parquet"):
        assert shell(f"{command} -o out.{extension}").code == 0
    assert pq.read_table(shell.folder / "out.parquet")["target"].to_pylist() == [told, "b"]
    lines = (shell.folder / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["target"] for line in lines] == [told, "b"]
    assert [line.split(",")[3] for line in (shell.folder / "out.csv").read_text().splitlines()[1:]] == [told, "b"]
