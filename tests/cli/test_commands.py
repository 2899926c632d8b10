"""The commands around the losses, the names of the losses, the options that choose, and the gates."""

import json

import numpy as np
import pytest

from losscli.losses.catalogue import catalogue
from losscli.version import __version__

LOSSES = sorted(catalogue())


def test_version(shell):
    outcome = shell("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"losscli {__version__}\n", "")


def test_the_list_has_every_loss(shell):
    text = shell("list").out
    entries = json.loads(shell("list --json").out)
    assert sorted(entry["name"] for entry in entries) == LOSSES
    for entry in entries:
        assert entry["name"] in text
        assert entry["formula"] in text
    families = {entry["family"] for entry in entries}
    for family in families:
        shown = json.loads(shell(f"list --family {family} --format json").out)
        assert {entry["family"] for entry in shown} == {family}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_explained(shell, name):
    text = shell(f"explain {name}").out
    record = json.loads(shell(f"explain {name} --json").out)
    assert text.startswith(f"{name}: ")
    assert record["name"] == name
    assert record["formula"]
    assert {"formula", "shapes", "conventions", "example", "command"} <= set(record["sections"])
    for option in record["options"]:
        assert option["name"] in text
    assert max(len(line) for line in text.splitlines()) <= 120


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_a_help_page(shell, name):
    outcome = shell(f"{name} --help")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"losscli {name}" in outcome.out
    for panel in ("Input", "Output", "Checks"):
        assert panel in outcome.out
    assert outcome.out == shell(f"{name} -h").out


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("NLLLoss", "nll"),
        ("CrossEntropyLoss", "cross-entropy"),
        ("categorical_crossentropy", "cross-entropy"),
        ("sparse_categorical_crossentropy", "cross-entropy"),
        ("log_loss", "cross-entropy"),
        ("BCELoss", "bce"),
        ("binary_crossentropy", "bce"),
        ("BCEWithLogitsLoss", "sigmoid-cross-entropy"),
        ("binary_cross_entropy_with_logits", "sigmoid-cross-entropy"),
        ("sigmoid_binary_cross_entropy", "sigmoid-cross-entropy"),
        ("weighted_cross_entropy_with_logits", "weighted-cross-entropy"),
        ("L1Loss", "l1"),
        ("mean_absolute_error", "l1"),
        ("MSELoss", "mse"),
        ("mean_squared_error", "mse"),
        ("MeanSquaredError", "mse"),
        ("HuberLoss", "huber"),
        ("HINGE", "hinge"),
    ],
)
def test_the_names_of_the_frameworks(shell, alias, name):
    shell.save("p.npy", [[0.7, 0.3], [0.1, 0.9]] if name in ("nll", "cross-entropy") else [0.7, 0.3])
    shell.save("y.npy", [0, 1])
    by_alias = json.loads(shell(f"{alias} p.npy y.npy --json").out)
    assert by_alias["loss"] == name
    assert by_alias == json.loads(shell(f"{name} p.npy y.npy --json").out)
    assert json.loads(shell(f"explain {alias} --json").out)["name"] == name


def completions(shell, words, position):
    line = f"_LOSSCLI_COMPLETE=complete_bash COMP_WORDS='{words}' COMP_CWORD={position} losscli"
    outcome = shell.script(line)
    assert outcome.err == ""
    return outcome.out.split()


def test_names_and_options_are_completed(shell):
    assert "cross-entropy" in completions(shell, "losscli cros", 1)
    assert "cross-entropy" in completions(shell, "losscli explain cr", 2)
    assert "--reduction" in completions(shell, "losscli mse --redu", 2)
    assert completions(shell, "losscli mse --reduction ", 3) == ["mean", "sum", "none"]


@pytest.fixture
def gate(shell):
    """A mean squared error of 0.3125."""
    shell.save("a.npy", [1.0, 2.0, 3.0, 4.0])
    shell.save("b.npy", [1.5, 2.0, 2.0, 4.0])
    return shell


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ("--max 0.3125", 0),
        ("--max 0.3124", 1),
        ("--min 0.3125", 0),
        ("--min 0.3126", 1),
        ("--expect 0.3125", 0),
        ("--expect 0.3125001", 0),
        ("--expect 0.313", 1),
        ("--expect 0.3 --rtol 0.05", 0),
        ("--expect 0.3 --atol 0.0125", 1),
        ("--expect 0.3 --atol 0.01251", 0),
        ("--expect 0.31 --atol 0.001 --rtol 0.01", 0),
        ("--expect 0.3125 --rtol 0", 0),
        ("--expect 0.3125 --max 0.1", 1),
        ("--min -inf --max inf", 0),
        ("--reduction sum --expect 1.25", 0),
    ],
)
def test_the_verdict_of_a_check(gate, validate, checks, code):
    outcome = gate(f"mse a.npy b.npy --json {checks}")
    assert outcome.code == code
    check = validate(outcome.out)["check"]
    assert check["passed"] == (code == 0)
    assert ("losscli: check failed: " in outcome.err) == (code == 1)


@pytest.mark.parametrize("check", ["--expect 0.3", "--max 0.1", "--min 7", "--expect 0"])
def test_a_failed_check_names_what_would_have_passed(gate, check):
    failed = gate(f"mse a.npy b.npy --format value {check}")
    assert (failed.code, failed.out) == (1, "0.3125\n")
    verdict, hint = failed.err.splitlines()
    assert verdict.startswith(f"losscli: check failed: 0.3125 against {check.split()[0]} ")
    for passing in hint.removeprefix("  hint: it passes with ").split(" or "):
        replaced = passing if passing.startswith(check.split()[0]) else f"{check} {passing}"
        assert gate(f"mse a.npy b.npy --format value {replaced}").code == 0, replaced
    table = gate(f"mse a.npy b.npy {check}")
    assert table.code == 1
    assert "fail" in table.out.lower()


def test_nothing_passes_for_nan_and_infinity_passes_for_itself(shell):
    shell.save("a.npy", [np.nan, 1.0])
    shell.save("b.npy", [1.0, 1.0])
    for check in ("--max inf", "--min -inf", "--expect 0 --atol inf"):
        assert shell(f"mse a.npy b.npy --on-nan propagate -q --format value {check}").code == 1
    shell.save("p.npy", [0.0])
    shell.save("y.npy", [1.0])
    assert shell("bce p.npy y.npy -q --expect inf").code == 0
    assert shell("bce p.npy y.npy -q --max 1e300").code == 1


@pytest.mark.parametrize("expected", ["inf", "-inf"])
@pytest.mark.parametrize("tolerance", ["", "--rtol 0.1", "--atol inf"])
def test_no_finite_value_passes_for_an_infinite_one(gate, expected, tolerance):
    failed = gate(f"mse a.npy b.npy --format value --expect {expected} {tolerance}")
    assert (failed.code, failed.out) == (1, "0.3125\n")
    assert "it passes with" not in failed.err


def test_the_other_infinity_passes_for_neither(shell):
    shell.save("p.npy", [0.0])
    shell.save("y.npy", [1.0])
    assert shell("bce p.npy y.npy -q --expect -inf").code == 1


TABLE = "id,p_cat,p_dog,label,w\n7,0.7,0.3,cat,1\n8,0.2,0.8,dog,3\n9,0.6,0.4,dog,0\n"
MEAN = -(np.log(0.7) + 3 * np.log(0.8)) / 4


@pytest.mark.parametrize(
    "weights",
    [
        "w",
        "weights.npy",
        "weights.csv",
        "other.csv:w",
        "1,3,0",
    ],
)
def test_sample_weights_from_everywhere(shell, weights):
    shell.write("t.csv", TABLE)
    shell.save("weights.npy", [1.0, 3.0, 0.0])
    shell.write("weights.csv", "w\n1\n3\n0\n")
    shell.write("other.csv", "v,w\n0,1\n0,3\n0,0\n")
    run = "nll t.csv --pred 'p_*' --target label --sample-weight"
    result = json.loads(shell(f"{run} {weights} --json").out)
    assert result["value"] == pytest.approx(MEAN, rel=1e-14)
    assert result["denominator"] == 4.0


def test_a_weight_column_is_no_prediction(shell):
    shell.write(
        "t.csv", TABLE.replace("id,", "name,").replace("\n7", "\na").replace("\n8", "\nb").replace("\n9", "\nc")
    )
    result = shell("nll t.csv --target label --sample-weight w --format value")
    assert float(result.out) == pytest.approx(MEAN, rel=1e-14)


def test_tables_are_joined_by_id(shell, complaint):
    shell.write("p.csv", "id,p_cat,p_dog\n7,0.7,0.3\n8,0.2,0.8\n9,0.6,0.4\n")
    shell.write("y.csv", "id,label\n9,dog\n7,cat\n8,dog\n")
    expected = -(np.log(0.7) + np.log(0.8) + np.log(0.4)) / 3
    assert float(shell("nll p.csv y.csv --id id --format value").out) == pytest.approx(expected, rel=1e-14)
    for rows, said in (
        ("9,dog\n7,cat\n", "8"),
        ("9,dog\n7,cat\n8,dog\n10,cat\n", "10"),
        ("9,dog\n7,cat\n8,dog\n8,dog\n", "more than once"),
    ):
        shell.write("y.csv", "id,label\n" + rows)
        error = complaint("nll p.csv y.csv --id id")
        assert "csv: " in error
        assert said in error
    assert "no column is named 'key'" in complaint("nll p.csv y.csv --id key")


def test_columns_are_chosen_by_name_and_glob(shell):
    shell.write("t.csv", "y_hat,y,other\n1.0,1.5,9\n2.0,2.0,9\n3.0,2.0,9\n4.0,4.0,9\n")
    assert shell("mse t.csv --pred y_hat --target y --format value").out == "0.3125\n"
    assert shell("mse t.csv --pred 'y_*' --target y --format value").out == "0.3125\n"
    shell.save("b.npy", [1.5, 2.0, 2.0, 4.0])
    assert shell("mse t.csv b.npy --pred y_hat --format value").out == "0.3125\n"
    assert shell("mse b.npy t.csv --target y_hat --format value").out == "0.3125\n"


def test_rows_and_top_of_the_table(shell):
    shell.save("a.npy", np.arange(100.0))
    shell.save("b.npy", np.zeros(100))
    default = shell("mse a.npy b.npy").out
    assert "9801.0" in default  # the largest, among the statistics
    assert len(shell("mse a.npy b.npy --rows all").out.splitlines()) > 100
    assert len(shell("mse a.npy b.npy --rows 0").out.splitlines()) < len(default.splitlines())
    top = shell("mse a.npy b.npy --rows 0 --top 2").out
    assert "9801.0" in top
    assert "9604.0" in top


def test_more_rows_than_python_counts(shell):
    """Its integers end at some thousands of digits, unless they are asked for."""
    shell.save("a.npy", [1.0, 2.0])
    assert shell(f"mse a.npy a.npy --rows {'9' * 5000}").out == shell("mse a.npy a.npy --rows all").out


def test_quiet_says_no_warnings(shell):
    shell.save("p.npy", [0.0])
    shell.save("y.npy", [1.0])
    warned = shell("bce p.npy y.npy --format value")
    assert warned.err.startswith("losscli: warning: the loss is infinite for some samples (the first: 0)")
    assert shell("bce p.npy y.npy --format value --quiet").err == ""
    assert shell("bce p.npy missing.npy --quiet").err.startswith("losscli: error: missing.npy")


HOSTILE = "[red]x\x1b[31m\x07\u202e"


@pytest.mark.parametrize("form", ["table", "json --per-sample", "jsonl", "csv", "value"])
def test_text_from_files_is_never_markup_nor_escape(shell, form):
    shell.write("t.csv", f'"p_{HOSTILE}","p_[/]\n[bold]b",label\n0.7,0.3,{HOSTILE}\n0.2,0.8,"[/]\n[bold]b"\n')
    outcome = shell(f"nll t.csv --target label --format {form} -o out.csv")
    assert outcome.code == 0, outcome.err
    printed = outcome.out + outcome.err + (shell.folder / "out.csv").read_text()
    assert not set(printed) & {"\x1b", "\x07", "\u202e"}
    if form in ("jsonl", "csv"):
        assert len(outcome.out.splitlines()) == (2 if form == "jsonl" else 3)
    if form == "table":
        assert "[red]x" in outcome.out
    shell.write("t.csv", f'"p_{HOSTILE}",p_b,"{HOSTILE}"\n0.7,0.3,"[red]\x1b[31m"\n0.2,0.8,b\n')
    for command in (f"nll t.csv --target '{HOSTILE}' --format {form}", f"nll t.csv --target nope --format {form}"):
        failed = shell(command)
        assert failed.code == 3
        assert not set(failed.err) & {"\x1b", "\x07", "\u202e"}
        assert "[red]" in failed.err


def test_names_of_files_are_text_too(shell):
    name = "evil\x1b[31m.npy"
    shell.save(name, [1.0])
    shell.save("b.npy", [2.0])
    shown = shell(f"mse '{name}' b.npy")
    assert shown.code == 0
    missing = shell(f"mse 'no{name}' b.npy")
    assert missing.code == 3
    assert "\x1b" not in shown.out + shown.err + missing.err


def test_sample_data_as_its_page_says(samples):
    for command, value in (
        ("nll digits_log_probs.npy digits_labels.npy", 0.248677),
        ("nll digits_probs.csv --pred 'p_*' --target label", 0.248677),
        ("cross-entropy digits_logits_list.parquet --pred logits --target label", 0.248677),
        ("bce cancer_probs.npy cancer_labels.npy", 0.077834),
        ("sigmoid-cross-entropy cancer.csv --pred score --target label", 0.077834),
        ("hinge cancer_scores.npy cancer_labels_pm1.npy", 0.085562),
        ("mse diabetes_pred.npy diabetes_target.npy", 3187.345),
    ):
        assert samples(f"{command} --expect {value} --rtol 1e-5 --format value").code == 0, command


def test_a_schema_that_is_misspelt(complaint):
    assert "did you mean 'check'?" in complaint("schema chek", code=2)
    assert "the schemas are check, " in complaint("schema everything", code=2)
