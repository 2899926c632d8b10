"""`losscli convert`: from any format to any other, exactly, and never half a file."""

from __future__ import annotations

import json
import math

import mpmath
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from losscli.engine.convert import OPERATIONS
from losscli.report import open_file

mpmath.mp.dps = 50

LOGITS = np.random.default_rng(5).normal(0.0, 4.0, (7, 3))
LOGITS.flags.writeable = False
NAMES = ["p_cat", "p_dog", "p_emu"]
ALL = ("npy", "csv", "parquet", "jsonl")


def true_softmax(row):
    shares = [mpmath.exp(mpmath.mpf(x)) for x in row]
    return [share / mpmath.fsum(shares) for share in shares]


TRUTH = {
    "softmax": lambda rows: [true_softmax(row) for row in rows],
    "log-softmax": lambda rows: [[mpmath.log(p) for p in true_softmax(row)] for row in rows],
    "sigmoid": lambda rows: [[1 / (1 + mpmath.exp(-mpmath.mpf(x))) for x in row] for row in rows],
    "log-sigmoid": lambda rows: [[-mpmath.log1p(mpmath.exp(-mpmath.mpf(x))) for x in row] for row in rows],
    "exp": lambda rows: [[mpmath.exp(mpmath.mpf(x)) for x in row] for row in rows],
    "log": lambda rows: [[mpmath.log(mpmath.mpf(x)) for x in row] for row in rows],
    "argmax": lambda rows: [max(range(len(row)), key=row.__getitem__) for row in rows],
    "one-hot": lambda labels: [[int(label == c) for c in range(4)] for label in labels],
}

GIVEN = {"log": np.abs(LOGITS), "one-hot": np.array([0, 3, 2, 2, 0, 1, 3])}


def save(shell, name, values):
    """The rows in the format of the name, tables with columns of their own names."""
    path, extension = shell.folder / name, name.rpartition(".")[2]
    if extension == "npy":
        np.save(path, values)
        return
    columns = values.reshape(len(values), -1).T
    table = pa.table(dict(zip(NAMES if len(columns) > 1 else ["label"], columns, strict=False)))
    if extension == "parquet":
        pq.write_table(table, path)
    elif extension == "csv":
        lines = [",".join(table.column_names), *(",".join(map(repr, row.values())) for row in table.to_pylist())]
        path.write_text("\n".join(lines) + "\n")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def load(shell, name):
    """The rows of a file, whatever its format, and the names of its columns."""
    path, extension = shell.folder / name, name.rpartition(".")[2]
    if extension == "npy":
        return np.load(path, allow_pickle=False), None
    if extension == "parquet":
        rows = pq.read_table(path).to_pylist()
    elif extension == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        header, *lines = path.read_text().splitlines()
        rows = [dict(zip(header.split(","), map(json.loads, line.split(",")), strict=True)) for line in lines]
    values = np.array([list(row.values()) for row in rows])
    return values[:, 0] if len(rows[0]) == 1 else values, list(rows[0])


def test_every_operation_is_tested():
    assert set(TRUTH) == set(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("source", "target"), [*zip(ALL, (*ALL[1:], ALL[0]), strict=True), ("npy", "npy")])
def test_every_operation_between_all_formats(shell, operation, source, target):
    values = GIVEN.get(operation, LOGITS)
    save(shell, f"in.{source}", values)
    more = "--classes 4" if operation == "one-hot" else ""
    outcome = shell(f"convert {operation} in.{source} {more} -o out.{target}")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    got, names = load(shell, f"out.{target}")
    true = TRUTH[operation](values.tolist())
    if operation in ("one-hot", "argmax"):
        assert got.dtype == np.int64
        np.testing.assert_array_equal(got, true)
    else:
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, np.array(true, dtype=np.float64), rtol=4e-15)
    if source != "npy" and target != "npy":
        kept = {"one-hot": [f"class_{c}" for c in range(4)], "argmax": ["class"]}
        assert names == kept.get(operation, NAMES)


def test_log_softmax_keeps_what_the_sum_would_lose(shell):
    shell.save("x.npy", [[0.0, -40.0]])
    outcome = shell("convert log-softmax x.npy --format jsonl")
    assert json.loads(outcome.out)["class_0"] == pytest.approx(-4.248354255291589e-18, rel=1e-15)


def test_softmax_sums_to_one_and_a_masked_class_stays_masked(shell):
    logits = np.random.default_rng(6).normal(0.0, 30.0, (50, 200))
    logits[:, 7] = -np.inf
    shell.save("x.npy", logits)
    assert shell("convert softmax x.npy -o p.npy").code == 0
    probabilities = np.load(shell.folder / "p.npy")
    assert (probabilities[:, 7] == 0.0).all()
    assert max(abs(math.fsum(row) - 1.0) for row in probabilities) <= 4 * 2.0**-52


def test_softmax_then_nll_is_cross_entropy(samples, tmp_path):
    logits, labels = "digits_logits.npy", "digits_labels.npy"
    whole = float(samples(f"cross-entropy {logits} {labels} --format value").out)
    for operation, output in (("softmax", "p.npy"), ("softmax", "p.parquet"), ("log-softmax", "p.jsonl")):
        assert samples(f"convert {operation} {logits} -o {tmp_path / output}").code == 0
        steps = float(samples(f"nll {tmp_path / output} {labels} --format value").out)
        assert steps == pytest.approx(whole, rel=1e-14)


def test_one_hot_is_the_same_target_as_the_labels(samples):
    rows = "losscli convert one-hot digits_labels.npy --classes 10"
    whole = samples("cross-entropy digits_logits.npy digits_labels.npy --format value").out
    outcome = samples.script(f"{rows} | losscli cross-entropy digits_logits.npy - --format value")
    assert outcome.err == ""
    assert float(outcome.out) == pytest.approx(float(whole), rel=1e-15)


def test_exp_undoes_log_also_at_zero(shell):
    shell.write("p.csv", "a,b\n0.0,1.0\n0.25,0.75\n")
    logs = shell("convert log p.csv")
    assert logs.out.splitlines()[:2] == ["a,b", "-inf,0.0"]
    back = shell("convert exp -", stdin=logs.out.encode())
    assert back.out == "a,b\n0.0,1.0\n0.25,0.75\n"


def test_the_class_axis(shell):
    images = np.random.default_rng(7).normal(size=(4, 3, 5, 2))
    shell.save("x.npy", images)
    for option, axis in (("", 1), ("--class-axis 1", 1), ("--class-axis -1", 3), ("--class-axis 2", 2)):
        assert shell(f"convert softmax x.npy {option} -o p.npy").code == 0
        got = np.load(shell.folder / "p.npy")
        assert got.shape == images.shape
        np.testing.assert_allclose(got.sum(axis=axis), 1.0, rtol=1e-15)
        assert shell(f"convert argmax x.npy {option} -o c.npy").code == 0
        np.testing.assert_array_equal(np.load(shell.folder / "c.npy"), images.argmax(axis=axis))
    labels = images.argmax(axis=1)
    shell.save("y.npy", labels)
    for option, axis in (("", 1), ("--class-axis -1", -1)):
        assert shell(f"convert one-hot y.npy --classes 3 {option} -o h.npy").code == 0
        np.testing.assert_array_equal(np.load(shell.folder / "h.npy").argmax(axis=axis), labels)


@pytest.mark.parametrize("extension", ["parquet", "jsonl"])
def test_deeper_arrays_become_nested_lists_that_read_back(shell, extension):
    images = np.random.default_rng(8).normal(size=(4, 3, 5))
    shell.save("x.npy", images)
    assert shell(f"convert exp x.npy -o x.{extension}").code == 0
    assert shell(f"convert log x.{extension} -o back.npy").code == 0
    np.testing.assert_allclose(np.load(shell.folder / "back.npy"), images, atol=1e-15)


def test_a_list_column_keeps_its_name(samples):
    lists = samples("convert softmax digits_logits_list.parquet --pred logits --format jsonl")
    assert len(json.loads(lists.out.splitlines()[0])["logits"]) == 10
    spread = samples("convert softmax digits_logits_list.parquet --pred logits")
    assert spread.out.startswith("logits_0,logits_1,logits_2,")


def test_an_array_of_one_axis_is_one_sample_only_where_that_is_said(shell, complaint):
    shell.save("x.npy", [0.0, math.log(3.0)])
    assert "--class-axis 0" in complaint("convert softmax x.npy")
    outcome = shell("convert softmax x.npy --class-axis 0 -o p.npy")
    assert outcome.code == 0
    np.testing.assert_allclose(np.load(shell.folder / "p.npy"), [0.25, 0.75], rtol=1e-15)
    assert shell("convert argmax x.npy --class-axis -1").out == "class\n1\n"


def test_columns_are_chosen_and_others_are_named(shell):
    shell.write("t.csv", "id,p_a,p_b,text\n7,0.0,0.0,x\n8,1.0,1.0,y\n")
    chosen = shell("convert sigmoid t.csv --pred p_*")
    assert (chosen.out.splitlines()[:2], chosen.err) == (["p_a,p_b", "0.5,0.5"], "")
    everything = shell("convert sigmoid t.csv")
    assert everything.out.startswith("id,p_a,p_b\n")
    assert "'text'" in everything.err
    assert shell("convert sigmoid t.csv --quiet").err == ""


def test_any_number_type_is_computed_in_float64(shell):
    shell.save("x.npy", [[1, 2], [3, 0]], "int8")
    shell.save("y.npy", [[0.1, 2.0], [3.0, 0.0]], "float16")
    shell.save("z.npy", np.asfortranarray([[0.1, 2.0], [3.0, 0.0]]), ">f4")
    for name in ("x.npy", "y.npy", "z.npy"):
        assert shell(f"convert exp {name} -o e.npy").code == 0
        np.testing.assert_array_equal(
            np.load(shell.folder / "e.npy"), np.exp(np.load(shell.folder / name).astype(np.float64))
        )


def test_blocks_join_without_a_seam(shell, monkeypatch):
    monkeypatch.setattr("losscli.engine.convert.STEP_NUMBERS", 6)
    for extension in ALL:
        save(shell, f"in.{extension}", LOGITS)
        assert shell(f"convert softmax in.{extension} -o out.{extension}").code == 0
        got, _ = load(shell, f"out.{extension}")
        np.testing.assert_allclose(got, np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True), rtol=1e-14)


@pytest.mark.parametrize(
    ("command", "values", "words"),
    [
        ("log", [[0.5, 0.5], [0.2, -0.1]], ["in.npy: row 1", "-0.1", "≥ 0"]),
        ("exp", [[0.0], [800.0]], ["row 1", "800", "709.78"]),
        ("softmax", [[0.0, 1.0], [math.nan, 1.0]], ["row 1", "NaN"]),
        ("log-softmax", [[0.0, math.inf]], ["row 0", "inf"]),
        ("sigmoid", [0.0, math.inf], ["row 1", "inf"]),
        ("argmax", [[0.0, 1.0], [-math.inf, -math.inf]], ["row 1", "every class is -inf"]),
        ("softmax", [[0.0], [1.0]], ["one class", "sigmoid"]),
        ("softmax --class-axis 0", [[0.0, 1.0]], ["--class-axis 0", "(1, 2)"]),
        ("softmax --class-axis 2", [[0.0, 1.0]], ["--class-axis 2"]),
        ("softmax", [[True, False]], ["booleans", "one-hot"]),
        ("one-hot --classes 3", [0, 3], ["row 1", "3", "--classes N"]),
        ("one-hot --classes 3", [0, -1], ["row 1", "-1", "--classes N"]),
        ("one-hot --classes 3", [0.0, 1.5], ["row 1", "1.5"]),
        ("exp --pred a", [1.0], ["no columns"]),
    ],
)
def test_what_cannot_be_converted_is_named_and_nothing_is_written(shell, complaint, command, values, words):
    shell.save("in.npy", values)
    text = complaint(f"convert {command} in.npy -o out.npy")
    for word in words:
        assert word in text
    assert "ignore-index" not in text


def test_a_bad_cell_is_named_by_line_and_column(shell, complaint):
    shell.write("p.csv", "a,b\n0.5,0.5\n0.2,-0.1\n")
    text = complaint("convert log p.csv")
    assert "p.csv: row 1 (line 3), column 'b': the value is -0.1" in text


def test_text_is_refused(shell, complaint):
    shell.write("y.csv", "label\ncat\ndog\n")
    assert "text" in complaint("convert one-hot y.csv --classes 2 --pred label")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("softmix x.npy", ["softmix", "did you mean 'softmax'?"]),
        ("one-hot x.npy", ["--classes N"]),
        ("one-hot x.npy --classes 1", ["2 or more"]),
        ("one-hot x.npy --classes 99999999999999999999", ["10,000,000 at most"]),
        ("softmax x.npy --classes 3", ["--classes does not apply to softmax"]),
        ("exp x.npy --class-axis 1", ["--class-axis does not apply to exp"]),
        ("exp x.npy -o out.txt", [".parquet"]),
        ("exp x.npy -o x.npy", ["also an input"]),
        ("exp x.npy -o out.csv --format csv", ["--format csv"]),
        ("exp", ["missing argument"]),
    ],
)
def test_wrong_usage(shell, complaint, command, words):
    shell.save("x.npy", [[0.0, 1.0]])
    text = complaint(f"convert {command}", code=2)
    for word in words:
        assert word in text


def test_a_late_error_leaves_the_old_file(shell, complaint, monkeypatch):
    monkeypatch.setattr("losscli.engine.convert.STEP_NUMBERS", 2)
    shell.save("x.npy", [[0.0, 1.0], [1.0, 2.0], [math.nan, 0.0]])
    shell.write("out.csv", "old\n")
    complaint("convert softmax x.npy -o out.csv")
    assert (shell.folder / "out.csv").read_text() == "old\n"


def test_csv_refuses_an_array_whose_shape_it_cannot_keep(shell, complaint):
    shell.save("x.npy", np.zeros((2, 3, 4)))
    assert "(3, 4)" in complaint("convert exp x.npy -o out.csv")


def test_a_closed_pipe_is_silent(shell):
    shell.save("x.npy", np.zeros((100_000, 3)))
    outcome = shell.script("losscli convert softmax x.npy | head -1")
    assert (outcome.out, outcome.err) == ("class_0,class_1,class_2\n", "")


def test_help_lists_every_operation(shell):
    text = shell("convert --help").out
    for operation in OPERATIONS.values():
        assert f"{operation.name} " in text
        assert operation.help in text


def test_rows_of_any_kind_can_be_written(tmp_path):
    """The file of `-o` takes rows from anyone, not only scored blocks."""

    class Rows:
        start = 0

        def array(self):
            return np.arange(3)

        def columns(self):
            return {"n": self.array()}

    with open_file(str(tmp_path / "n.npy"), inputs=()) as file:
        file.write(Rows())
    written = np.load(tmp_path / "n.npy")
    assert written.dtype == np.int64
    np.testing.assert_array_equal(written, [0, 1, 2])


def test_a_single_row_has_no_number(shell, complaint):
    shell.save("x.npy", [0.5, np.nan, 0.25])
    assert "x.npy: position 1: the value is NaN" in complaint("convert softmax x.npy --class-axis 0")
    shell.save("x.npy", [-np.inf] * 3)
    assert "x.npy: the value of every class is -inf" in complaint("convert softmax x.npy --class-axis 0")
