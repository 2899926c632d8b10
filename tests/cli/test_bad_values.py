"""Numbers that cannot be scored: labels, targets, NaN and infinities, weights."""

import json

import numpy as np
import pytest

PROBS = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5], [0.6, 0.3, 0.1]])


@pytest.fixture(autouse=True)
def inputs(shell):
    shell.save("preds.npy", PROBS)
    shell.save("labels.npy", [0, 1, 2, 0])
    shell.save("a.npy", [1.0, 2.0, 3.0, 4.0])
    shell.save("b.npy", [1.5, 2.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("labels", "problem", "why", "hint"),
    [
        ([0, 1.5, 2, 0], "row 1: the label 1.5 is no class index", "whole numbers 0 .. C-1", "swapped?"),
        ([0, -3, -2, 0], "row 1: the label is -3, but there are 3 classes (0 to 2)", "2 of 4 labels", "--class-axis"),
        ([0, 7, 2, 0], "row 1: the label is 7, but there are 3 classes", "1 of 4 labels", "--ignore-index 7"),
        ([1, 2, 3, 1], "row 2: the label is 3, but", "from 1 to 3: they look 1-based", "subtract 1 from every label"),
        ([0, -1, 2, 0], "row 1: the label is -1, but", "a common mark for targets", "--ignore-index -1"),
        ([0, -100, 2, 0], "row 1: the label is -100, but", "a common mark for targets", "--ignore-index -100"),
        ([0, 255, 2, 0], "row 1: the label is 255, but", "a common mark for targets", "--ignore-index 255"),
    ],
)
def test_labels(shell, complaint, labels, problem, why, hint):
    shell.save("wrong.npy", labels)
    error = complaint("nll preds.npy wrong.npy")
    assert f"wrong.npy: {problem}" in error
    assert why in error
    assert hint in error


@pytest.mark.parametrize("sentinel", [-100, -1, 255])
def test_a_sentinel_with_the_option_of_the_hint(shell, sentinel):
    shell.save("wrong.npy", [0, sentinel, 2, 0])
    expected = -(np.log(0.7) + np.log(0.5) + np.log(0.6)) / 3
    scored = shell(f"nll preds.npy wrong.npy --ignore-index {sentinel} --format value")
    assert float(scored.out) == pytest.approx(expected, rel=1e-14)


def test_a_label_of_a_table_is_named_with_line_and_column(shell, complaint):
    shell.write("t.csv", "name,class\na,0\nb,1\nc,3\nd,0\n")
    error = complaint("nll preds.npy t.csv --target class")
    assert "t.csv: row 2 (line 4), column 'class': the label is 3" in error


def test_a_text_label_that_is_no_class(shell, complaint):
    table = "p_cat,p_dog,label\n0.7,0.3,cat\n0.2,0.8,{}\n"
    shell.write("t.csv", table.format("dgo"))
    error = complaint("nll t.csv --target label")
    assert "t.csv: row 1 (line 3), column 'label': the label 'dgo' is none of the classes" in error
    assert "the classes are 'cat', 'dog'" in error
    assert "hint: did you mean 'dog'?" in error
    shell.write("t.csv", table.format("wolf"))
    assert "hint: --classes NAME,NAME,..." in complaint("nll t.csv --target label")


def test_text_labels_of_classes_without_names(shell, complaint):
    shell.write("t.csv", "label\ncat\ndog\nfox\ncat\n")
    error = complaint("nll preds.npy t.csv")
    assert "t.csv: the labels are text ('cat'), the classes have no names" in error
    assert "--classes" in error
    assert shell("nll preds.npy t.csv --classes cat,dog,fox --format value").out == "0.4459478248947195\n"
    assert "--classes names 2 classes, but the predictions have 3" in complaint("nll preds.npy t.csv --classes a,b")


def test_one_hot_labels_that_do_not_sum_to_1(shell, complaint):
    shell.save("hot.npy", [[1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0]])
    error = complaint("cross-entropy preds.npy hot.npy")
    assert "hot.npy: row 1: the target distribution sums to 2" in error
    assert "--unchecked-targets" in error
    assert "`losscli cross-entropy` takes distributions and one-hot labels" in complaint("nll preds.npy hot.npy")


def test_predictions_and_targets_swapped(shell, complaint):
    error = complaint("nll labels.npy preds.npy")
    assert "predictions and targets look swapped" in error
    assert "hint: losscli nll preds.npy labels.npy" in error
    shell.write("label.csv", "label\n0\n1\n2\n0\n")
    assert "predictions and targets look swapped" in complaint("nll label.csv preds.npy")
    shell.save("hard.npy", [1.0, 0.0, 1.0])
    shell.save("sure.npy", [0.9, 0.2, 0.6])
    swapped = shell("bce hard.npy sure.npy --format value")
    assert (swapped.code, swapped.out) == (0, "inf\n")
    assert "are predictions and targets swapped?" in swapped.err


def test_one_number_a_sample_has_no_axis_of_classes(shell, complaint):
    shell.save("p.npy", [0.5, 0.2, 0.9, 0.4])
    shell.save("y.npy", [1, 0, 1, 0])
    for loss in ("nll", "cross-entropy", "log_loss"):
        error = complaint(f"{loss} p.npy y.npy")
        assert "p.npy holds one number a sample, so there is no axis of classes" in error
        assert "`losscli bce`" in error
    assert shell("bce p.npy y.npy").code == 0


@pytest.mark.parametrize(
    ("loss", "labels", "problem", "why"),
    [
        ("bce", [1, -1, 1, -1], "row 1: the value is -1", "labels -1 and +1 belong to `losscli hinge`"),
        ("bce", [1, 2, 1, 2], "row 1: the value is 2", "labels 1 and 2 look 1-based"),
        ("hinge", [1, 2, 1, 2], "row 1: the value is 2", "labels 1 and 2 look 1-based"),
        ("hinge", [1, 0, -1, 1], "row 1: the label is 0, but row 2 has a label -1", "one coding for the whole input"),
        ("sigmoid-cross-entropy", [1, 0, 255, 0], "row 2: the value is 255", "labels must be within [0, 1]"),
    ],
)
def test_labels_of_two_classes(shell, complaint, loss, labels, problem, why):
    shell.save("p.npy", [0.5, 0.2, 0.9, 0.4])
    shell.save("wrong.npy", labels)
    error = complaint(f"{loss} p.npy wrong.npy")
    assert f"wrong.npy: {problem}" in error
    assert why in error


def test_nan_is_counted_and_located(shell, complaint):
    values = PROBS.copy()
    values[1, 2] = values[3, 0] = np.nan
    shell.save("preds.npy", values)
    error = complaint("nll preds.npy labels.npy")
    assert "preds.npy: row 1, column 2: the value is NaN" in error
    assert "2 of 4 samples looked at hold NaN (rows 1, 3)" in error
    assert "--on-nan skip" in error
    kept = -(np.log(0.7) + np.log(0.5)) / 2
    skipped = shell("nll preds.npy labels.npy --on-nan skip --format value")
    assert float(skipped.out) == pytest.approx(kept, rel=1e-14)
    assert "2 of 4 samples were skipped for a NaN" in skipped.err
    assert shell("nll preds.npy labels.npy --on-nan propagate --format value").out == "nan\n"


@pytest.mark.parametrize("side", ["a", "b"])
def test_nan_in_either_side_of_a_regression(shell, complaint, side):
    values = np.load(shell.folder / f"{side}.npy")
    values[2] = np.nan
    shell.save(f"{side}.npy", values)
    assert f"{side}.npy: row 2: the value is NaN" in complaint("mse a.npy b.npy")
    assert float(shell("mse a.npy b.npy --on-nan skip --format value").out) == pytest.approx(0.25 / 3, rel=1e-15)
    assert shell("mse a.npy b.npy --on-nan propagate --format value").out == "nan\n"


def test_a_nan_label(shell, complaint):
    shell.save("labels.npy", [0, np.nan, 2, 0])
    error = complaint("nll preds.npy labels.npy")
    assert "labels.npy: row 1: the value is NaN" in error
    assert "--on-nan skip" in error
    kept = -(np.log(0.7) + np.log(0.5) + np.log(0.6)) / 3
    skipped = shell("nll preds.npy labels.npy --on-nan skip --format value")
    assert float(skipped.out) == pytest.approx(kept, rel=1e-14)
    assert shell("nll preds.npy labels.npy --on-nan propagate --format value").out == "nan\n"


@pytest.mark.parametrize("policy", ["error", "skip", "propagate"])
def test_a_nan_weight_of_an_ignored_sample_is_no_error(shell, policy):
    shell.write("t.csv", "a,b,y,w\n0.5,0.5,-100,nan\n0.25,0.75,1,2\n")
    found = shell(
        f"nll t.csv --pred a,b --target y --kind probs --sample-weight w --ignore-index=-100 --on-nan {policy} --json"
    )
    result = json.loads(found.out)
    assert result["value"] == pytest.approx(-np.log(0.75), rel=1e-15)
    assert (result["counts"]["skipped"], result["counts"]["ignored"]) == (0, 1)


def test_infinite_inputs(shell, complaint):
    shell.save("scores.npy", [[1.0, np.inf, 0.0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    assert "scores.npy: row 0, column 1: the value is inf" in complaint("cross-entropy scores.npy labels.npy")
    shell.save("scores.npy", np.full((4, 3), -np.inf))
    assert "scores.npy: row 0: all 3 values are -inf" in complaint("cross-entropy scores.npy labels.npy")
    shell.save("a.npy", [1.0, np.inf, 3.0, 4.0])
    assert "a.npy: row 1: the value is inf" in complaint("mse a.npy b.npy")


@pytest.mark.parametrize("ignored", ["--ignore-index 9", "--sample-weight 0,0,0,0"])
def test_nothing_left_to_score(shell, complaint, ignored):
    if "ignore" in ignored:
        shell.save("labels.npy", [9, 9, 9, 9])
    error = complaint(f"nll preds.npy labels.npy {ignored}")
    assert "nothing is left to score: all 4 targets are ignored, skipped or of weight 0" in error
    assert "--on-empty nan or --on-empty zero" in error
    assert shell(f"nll preds.npy labels.npy {ignored} --on-empty nan --format value").out == "nan\n"
    assert shell(f"nll preds.npy labels.npy {ignored} --on-empty zero --format value").out == "0.0\n"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("--class-weight 1,2", "--class-weight has 2 numbers, but there are 3 classes"),
        ("--class-weight w.npy", "w.npy: --class-weight holds -1.0 at position 1"),
        ("--sample-weight w.npy", "preds.npy has 4 samples, w.npy has 3"),
        ("--sample-weight negative.npy", "negative.npy: row 1: the sample weight is -2"),
        ("--sample-weight nan.npy", "nan.npy: row 1: the value is NaN"),
        ("--sample-weight preds.npy", "preds.npy: sample weights have shape (4, 3)"),
        ("--class-axis 5", "--class-axis 5 is not an axis of classes of preds.npy, whose shape is (4, 3)"),
        ("--class-axis 0", "--class-axis 0 is not an axis of classes"),
    ],
)
def test_weights_and_axes(shell, complaint, options, problem):
    shell.save("w.npy", [1.0, -1.0, 2.0])
    shell.save("negative.npy", [1.0, -2.0, 1.0, 1.0])
    shell.save("nan.npy", [1.0, np.nan, 1.0, 1.0])
    assert problem in complaint(f"nll preds.npy labels.npy {options}")


def test_differences_of_integers_do_not_wrap(shell):
    for dtype, low, high in (("int8", -100, 100), ("uint8", 0, 255), ("int64", -(2**62), 2**62)):
        shell.save("a.npy", [low], dtype)
        shell.save("b.npy", [high], dtype)
        assert float(shell("l1 a.npy b.npy --format value").out) == float(high) - float(low)


def test_shapes_do_not_broadcast(shell, complaint):
    error = complaint("mse preds.npy a.npy")
    assert "preds.npy has samples of shape (3,), a.npy of shape ()" in error
    assert "nothing broadcasts" in error
    shell.save("column.npy", [[1.0], [2.0], [3.0], [4.0]])
    assert shell("mse column.npy b.npy --format value").out == shell("mse a.npy b.npy --format value").out


def test_several_axes_may_hold_the_classes(shell, complaint):
    shell.save("images.npy", np.arange(18.0).reshape(2, 3, 3))
    shell.save("marks.npy", np.zeros((2, 3), int))
    error = complaint("cross-entropy images.npy marks.npy")
    assert "its classes may be on axis 1 or 2" in error
    assert "hint: --class-axis 1" in error
    assert shell("cross-entropy images.npy marks.npy --class-axis 1").code == 0
    shell.save("images.npy", np.arange(24.0).reshape(2, 4, 3))
    shell.save("marks.npy", np.zeros((2, 4), int))
    error = complaint("cross-entropy images.npy marks.npy")
    assert "its classes may be on axis 2" in error
    assert "hint: --class-axis 2" in error
    assert shell("cross-entropy images.npy marks.npy --class-axis 2").code == 0
