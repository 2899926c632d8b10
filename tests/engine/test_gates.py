"""Gates: what a file of them may say, how each limit judges, and what a baseline is the baseline of."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import ROOT

import losscli
from losscli.engine import gate_baseline
from losscli.engine.gate_baseline import Accepted, GateBaseline, read_baseline
from losscli.engine.gate_file import read_gates
from losscli.engine.gates import run_gates
from losscli.errors import DataError, UsageError
from losscli.exits import Exit

SAMPLES = ROOT / "sample_data"
LABELS = np.load(SAMPLES / "digits_labels.npy")

DIGITS = """
[[gate]]
name = "digits"
loss = "cross-entropy"
predictions = "sample_data/digits_logits.npy"
targets = "sample_data/digits_labels.npy"
"""


CANCER = """
[[gate]]
name = "cancer"
loss = "sigmoid-cross-entropy"
predictions = "sample_data/cancer_scores.npy"
targets = "sample_data/cancer_labels.npy"
"""


def digits(loss: str) -> str:
    """The gate with another loss."""
    return DIGITS.replace("cross-entropy", loss)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sample_data").symlink_to(SAMPLES)
    return tmp_path


def written(folder: Path, text: str) -> str:
    path = folder / "gates.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def report_of(folder, text, baseline=None):
    file = read_gates(written(folder, text))
    return run_gates(file, file.gates, GateBaseline(exists=False) if baseline is None else baseline)


def only(folder, text, baseline=None):
    """The one gate of the text."""
    (gate,) = report_of(folder, text, baseline).gates
    return gate


def losses(loss, *inputs, **options):
    """Sample by sample, as the API has them."""
    return np.array(
        [row["loss"] for row in losscli.compute(loss, *inputs, per_sample=True, **options).per_sample.records()]
    )


DIGIT_LOSSES = losses("cross-entropy", np.load(SAMPLES / "digits_logits.npy"), LABELS)
MEAN = math.fsum(DIGIT_LOSSES) / 360


@pytest.mark.parametrize(
    ("limit", "passed", "headroom", "needed"),
    [
        ("max = 0.3", True, 0.3 - MEAN, {"max": MEAN}),
        ("max = 0.2", False, 0.2 - MEAN, {"max": MEAN}),
        (f"max = {MEAN!r}", True, 0.0, {"max": MEAN}),
        (f"max = {math.nextafter(MEAN, 0)!r}", False, math.nextafter(MEAN, 0) - MEAN, {"max": MEAN}),
        ("min = 0", True, MEAN, {"min": MEAN}),
        ("min = 1", False, MEAN - 1, {"min": MEAN}),
        ("expect = 0.25\natol = 0.01", True, 0.01 - (0.25 - MEAN), {"rtol": (0.25 - MEAN) / 0.25, "atol": 0.25 - MEAN}),
        ("expect = 0.25\nrtol = 0.001", False, 0.00025 - (0.25 - MEAN), {"atol": 0.25 - MEAN}),
        ("expect = 0.25", False, 0.25e-6 - (0.25 - MEAN), {"atol": 0.25 - MEAN}),
        ("worst_sample = 5", True, 5 - DIGIT_LOSSES.max(), {"worst_sample": DIGIT_LOSSES.max()}),
        ("worst_sample = 4", False, 4 - DIGIT_LOSSES.max(), {"worst_sample": DIGIT_LOSSES.max()}),
    ],
)
def test_a_limit_says_how_far_the_value_is_from_it(folder, limit, passed, headroom, needed):
    gate = only(folder, DIGITS + limit)
    (verdict,) = gate.limits
    assert gate.value == MEAN
    assert verdict.passed is passed
    assert gate.status == ("passed" if passed else "failed")
    assert verdict.headroom == pytest.approx(headroom, rel=1e-12, abs=1e-17)
    assert {name: verdict.needed[name] for name in needed} == pytest.approx(needed, rel=1e-12)


@given(st.floats(0.01, 1.0), st.floats(0.0, 0.5))
def test_what_just_passes_does_and_the_next_smaller_does_not(tmp_path_factory, expect, rtol):
    folder = tmp_path_factory.mktemp("gates")
    np.save(folder / "p.npy", [MEAN])
    np.save(folder / "t.npy", [0.0])
    text = '[[gate]]\nname = "g"\nloss = "l1"\npredictions = "p.npy"\ntargets = "t.npy"\n'
    needed = only(folder, text + f"expect = {expect!r}\nrtol = {rtol!r}").limits[0].needed
    for tolerance, size in needed.items():
        assert only(folder, text + f"expect = {expect!r}\n{tolerance} = {size!r}").status == "passed"
        if size:
            smaller = math.nextafter(math.nextafter(size, 0), 0)
            assert only(folder, text + f"expect = {expect!r}\n{tolerance} = {smaller!r}").status == "failed"


def test_the_worst_class_is_that_of_a_plain_sum_over_each_class(folder):
    # Sums of fractions, since fsum and a division round twice.
    means = {
        label: float(sum(map(Fraction, DIGIT_LOSSES[label == LABELS].tolist())) / int((label == LABELS).sum()))
        for label in range(10)
    }
    worst = max(means, key=means.get)
    (verdict,) = only(folder, DIGITS + 'worst_group = { by = "class", max = 0.4 }').limits
    assert verdict.value == means[worst]
    assert verdict.where == f"class {worst}, {(worst == LABELS).sum()} samples"
    assert not verdict.passed
    assert verdict.headroom == pytest.approx(0.4 - means[worst])


@pytest.mark.parametrize(
    ("predictions", "targets", "by", "label"),
    [
        ("digits_logits.csv", None, "label", "label eight"),
        ("digits_logits.npy", "digits_labels.csv", "label", "label 8"),
        ("digits_logits.npy", "digits_labels.csv", "sample_data/digits_labels.npy", "sample_data/digits_labels.npy 8"),
        (
            "digits_logits.npy",
            "digits_labels.npy",
            "sample_data/digits_probs.csv:label",
            "sample_data/digits_probs.csv:label eight",
        ),
        ("digits_logits.parquet", None, "class", "class eight"),
    ],
)
def test_a_group_is_a_column_of_either_table_or_of_a_third(folder, predictions, targets, by, label):
    words = "zero,one,two,three,four,five,six,seven,eight,nine"
    text = DIGITS.replace("digits_logits.npy", predictions)
    if targets is None:
        text = text.replace("targets =", "#") + f'options = {{ pred = "{words}", target = "label" }}\n'
    else:
        text = text.replace("digits_labels.npy", targets)
    text += f'worst_group = {{ by = "{by}", max = 1 }}'
    (verdict,) = only(folder, text).limits
    assert verdict.where == f"{label}, 35 samples"
    assert verdict.value == pytest.approx(math.fsum(DIGIT_LOSSES[LABELS == 8]) / 35, rel=1e-15)


def test_groups_follow_their_ids_through_a_join(folder):
    (folder / "p.csv").write_text("id,pred\na,1\nb,2\nc,3\n", encoding="utf-8")
    (folder / "t.csv").write_text("id,y,site\nc,0,north\na,0,south\nb,0,south\n", encoding="utf-8")
    text = '[[gate]]\nname = "g"\nloss = "l1"\npredictions = "p.csv"\ntargets = "t.csv"\n'
    text += 'options = { id = "id", target = "y" }\nworst_group = { by = "site", max = 9 }'
    (verdict,) = only(folder, text).limits
    assert (verdict.value, verdict.where) == (3.0, "site north, 1 sample")


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weights_and_ignored_samples_count_in_a_group_as_in_the_whole(folder, reduction):
    rng = np.random.default_rng(3)
    weight, group = rng.uniform(0, 2, 360), rng.integers(0, 3, 360)
    weight[::7] = 0.0
    np.save(folder / "w.npy", weight)
    np.save(folder / "g.npy", group)
    options = f'options = {{ sample-weight = "w.npy", ignore_index = 4, reduction = "{reduction}" }}\n'
    (verdict,) = only(folder, DIGITS + options + 'worst_group = { by = "g.npy", max = 9 }').limits
    logits = np.load(SAMPLES / "digits_logits.npy")
    values = [
        losscli.cross_entropy(
            logits[group == g],
            LABELS[group == g],
            sample_weight=weight[group == g],
            ignore_index=4,
            reduction=reduction,
        )
        for g in range(3)
    ]
    assert verdict.value == pytest.approx(max(values), rel=1e-14)
    assert verdict.where.startswith(f"g.npy {int(np.argmax(values))}, ")


@pytest.mark.parametrize("rule", ["torch", "sample", "label"])
def test_groups_of_utterances_keep_the_rule_of_the_mean(folder, rule):
    names = ["ctc_log_probs", "ctc_targets", "ctc_input_lengths", "ctc_target_lengths"]
    log_probs, targets, frames, labels = (np.load(SAMPLES / f"{name}.npy") for name in names)
    group = np.arange(12) % 2
    np.save(folder / "g.npy", group)
    text = f"""
    [[gate]]
    name = "ctc"
    loss = "ctc"
    predictions = "sample_data/ctc_log_probs.npy"
    targets = "sample_data/ctc_targets.npy"
    worst_group = {{ by = "g.npy", max = 1 }}
    [gate.options]
    input_lengths = "sample_data/ctc_input_lengths.npy"
    target_lengths = "sample_data/ctc_target_lengths.npy"
    mean_rule = "{rule}"
    zero_infinity = true
    """
    (verdict,) = only(folder, text).limits
    values = [
        losscli.ctc(
            log_probs[:, group == g], targets[group == g], input_lengths=frames[group == g],
            target_lengths=labels[group == g], mean_rule=rule, zero_infinity=True,
        )
        for g in (0, 1)
    ]  # fmt: skip
    assert verdict.value == pytest.approx(max(values), rel=1e-14)


def test_the_value_of_a_group_is_of_its_mean_where_that_of_the_loss_is(folder):
    np.save(folder / "g.npy", np.arange(9) % 2)
    tokens = 'predictions = "sample_data/lm_logits.npy"\ntargets = "sample_data/lm_tokens.npy"'
    options = 'options = { shift = 1, ignore_index = -100, lengths = "sample_data/lm_lengths.npy" }'
    text = f'[[gate]]\nname = "lm"\nloss = "perplexity"\n{tokens}\n{options}\nworst_group = {{ by = "g.npy", max = 9 }}'
    (verdict,) = only(folder, text).limits
    logits, ids, lengths = (np.load(SAMPLES / f"lm_{name}.npy") for name in ("logits", "tokens", "lengths"))
    values = [
        losscli.perplexity(logits[g::2], ids[g::2], lengths=lengths[g::2], shift=1, ignore_index=-100) for g in (0, 1)
    ]
    assert verdict.value == pytest.approx(max(values), rel=1e-14)


def test_a_broken_class_does_not_hide_in_the_mean(folder):
    logits = np.zeros((1000, 3))
    labels = np.array([0, 1] * 498 + [2] * 4)
    logits[np.arange(1000), labels] = 8.0
    logits[-4:] = [8.0, 0.0, 0.0]
    np.save(folder / "p.npy", logits)
    np.save(folder / "t.npy", labels)
    text = '[[gate]]\nname = "g"\nloss = "cross-entropy"\npredictions = "p.npy"\ntargets = "t.npy"\nmax = 0.1\n'
    assert only(folder, text).status == "passed"
    assert only(folder, text + 'worst_group = { by = "class", max = 0.1 }').limits[-1].where == "class 2, 4 samples"
    assert only(folder, text + 'worst_group = { by = "class", max = 0.1 }').status == "failed"


@pytest.mark.parametrize("limit", ["max = inf", "min = -inf", "expect = nan", "worst_sample = inf",
                                   'worst_group = { by = "class", max = inf }'])  # fmt: skip
def test_a_nan_passes_nothing(folder, limit):
    scores = np.load(SAMPLES / "cancer_probs.npy").copy()
    scores[5] = np.nan
    np.save(folder / "p.npy", scores)
    text = '[[gate]]\nname = "g"\nloss = "bce"\npredictions = "p.npy"\ntargets = "sample_data/cancer_labels.npy"\n'
    text += 'options = { on_nan = "propagate" }\n'
    if "expect" in limit:
        with pytest.raises(UsageError, match="expect is nan"):
            read_gates(written(folder, text + limit))
        return
    gate = only(folder, text + limit)
    assert math.isnan(gate.value)
    assert gate.status == "failed"
    assert gate.limits[0].needed == {}


def test_how_a_text_is_read_is_an_option_too(folder):
    (folder / "p.txt").write_text("0,5;1\n2,5;2\n", encoding="utf-8")
    text = '[[gate]]\nname = "g"\nloss = "l1"\npredictions = "p.txt"\nmax = 1\n[gate.options]\n'
    text += 'input-format = "csv"\ndelimiter = ";"\ndecimal = ","\nheader = false\npred = ["0"]\ntarget = "1"'
    assert only(folder, text).value == 0.5


def test_the_worst_sample_is_one_that_counts_also_where_losses_are_below_0(folder):
    np.save(folder / "m.npy", [0.0, 0.0, 5.0])
    text = '[[gate]]\nname = "g"\nloss = "gaussian-nll"\npredictions = "m.npy"\ntargets = "m.npy"\n'
    options = "options = { std = 0.01, sample_weight = [1, 1, 0] }\n"
    (verdict,) = only(folder, text + options + "worst_sample = -1").limits
    assert verdict.passed
    assert verdict.where == "sample 0"
    assert verdict.value == pytest.approx(0.5 * math.log(2 * math.pi) + math.log(0.01))
    empty = only(
        folder, text + options.replace("1, 1, 0", "0, 0, 0").replace(" }", ', on_empty = "zero" }') + "worst_sample = 1"
    )
    assert empty.error.problem == "worst_sample: no sample is scored"


def test_an_empty_utterance_counts_for_the_worst_sample(folder):
    log_probs = np.log(np.full((3, 2, 2), [0.001, 0.999]))
    np.save(folder / "p.npy", log_probs)
    np.save(folder / "t.npy", [[1], [-1]])
    text = '[[gate]]\nname = "g"\nloss = "ctc"\npredictions = "p.npy"\ntargets = "t.npy"\n'
    (verdict,) = only(folder, text + 'options = { mean_rule = "label" }\nworst_sample = 1').limits
    assert (verdict.where, verdict.passed) == ("sample 1", False)
    assert verdict.value == pytest.approx(-3 * math.log(0.001))


def test_the_worst_of_groups_is_the_one_that_is_not_a_number(folder):
    np.save(folder / "p.npy", [0.0, 1.0, np.nan, 0.5])
    np.save(folder / "t.npy", [0, 0, 1, 1])
    np.save(folder / "g.npy", [1, 2, 3, 4])
    text = '[[gate]]\nname = "g"\nloss = "bce"\npredictions = "p.npy"\ntargets = "t.npy"\n'
    text += 'options = { on_nan = "propagate" }\nworst_group = { by = "g.npy", max = inf }'
    (verdict,) = only(folder, text).limits
    assert (verdict.where, verdict.passed) == ("g.npy 3, 1 sample", False)
    (skipped,) = only(folder, text.replace("propagate", "skip")).limits
    assert (skipped.where, skipped.value) == ("g.npy 2, 1 sample", math.inf)


def test_every_gate_runs_whatever_the_others_come_to(folder):
    broken = DIGITS.replace("digits_labels", "no_labels").replace('"digits"', '"broken"')
    failed = DIGITS.replace('"digits"', '"failed"')
    report = report_of(folder, broken + "max = 1\n" + failed + "max = 0.1\n" + DIGITS + "max = 1\n")
    assert [gate.status for gate in report.gates] == ["error", "failed", "passed"]
    assert report.exit_code is Exit.DATA
    error = report.gates[0].error
    assert error.problem.startswith("targets: sample_data/no_labels.npy: no such file")
    assert "digits_labels.npy" in error.hint or "lm_" in error.hint or "did you mean" in error.hint
    assert report_of(folder, failed + "max = 0.1").exit_code is Exit.CHECK_FAILED
    assert report_of(folder, DIGITS + "max = 1").exit_code is Exit.DONE


def test_paths_begin_at_the_folder_of_the_file_and_the_folder_of_the_process_stays(folder, monkeypatch):
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert only(folder, DIGITS + "max = 1").status == "passed"
    assert Path.cwd() == elsewhere


def test_no_path_of_the_machine_gets_into_a_signature(folder):
    text = '[[gate]]\nname = "g"\nloss = "gaussian-nll"\npredictions = "sample_data/gaussian_mean.npy"\n'
    text += (
        'targets = "sample_data/gaussian_target.npy"\noptions = { variance = "sample_data/gaussian_variance.npy" }\n'
    )
    signature = only(folder, text + "max = 9").signature
    assert "variance:sample_data/gaussian_variance.npy" in signature
    assert str(folder) not in signature


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("gate = 1", "there is no [[gate]] in it", "--help"),
        ("[gate]\nname = 'x'", "there is no [[gate]] in it", "--help"),
        ("", "there is no [[gate]] in it", "--help"),
        ("[[gates]]", "there is no key 'gates'", "'gate'"),
        ("[[gate]", "is no TOML: ", ""),
        ("[[gate]]\nloss = 'l1'", "gate 1: name is missing", "name ="),
        (DIGITS.replace("loss", "los") + "max = 1", "gate 'digits': there is no key 'los'", "'loss'"),
        (digits("cros-entropy") + "max = 1", "gate 'digits': loss: there is no loss named", "cross-entropy"),
        (DIGITS, "gate 'digits': it has no limit", ""),
        (DIGITS + "maximum = 1", "there is no key 'maximum'", "'max'"),
        (DIGITS + "max = '1'", "gate 'digits': max is '1', but must be a number", ""),
        (DIGITS + "max = true", "max is true, but must be a number", ""),
        (DIGITS + "max = nan", "max is nan, but must be a number", ""),
        (DIGITS + f"max = {10**400}", "but must be a number that float64 holds", ""),
        (DIGITS + "expect = 1\nrtol = -1", "rtol is -1, but must be a number ≥ 0", ""),
        (DIGITS + "max = 1\nrtol = 1", "rtol is a tolerance of expect and baseline", "baseline = true"),
        (DIGITS + "baseline = 'x.json'", "baseline is 'x.json', but must be true or false", ""),
        (DIGITS + "max = 1\nignore_index = 1", "there is no key 'ignore_index'", "belongs in options"),
        (DIGITS + "options = 1\nmax = 1", "options is 1, but must be a table", ""),
        (DIGITS + "max = 1\noptions = { max = 1 }", "options: there is no key 'max'", "belongs in the gate itself"),
        (DIGITS + "max = 1\noptions = { ignore_indx = 1 }", "options: there is no key 'ignore_indx'", "'ignore_index'"),
        (
            DIGITS + "max = 1\noptions = { ignore-index = 1.5 }",
            "options: ignore-index is 1.5, but must be a whole number",
            "",
        ),
        (DIGITS + "max = 1\noptions = { ignore-index = 1, ignore_index = 1 }", "ignore_index is given twice", ""),
        (DIGITS + "max = 1\noptions = { kind = 'odds' }", "kind is 'odds', but must be one of logits", ""),
        (DIGITS + "max = 1\noptions = { reduction = 'none' }", "reduction is 'none', but must be one of mean, sum", ""),
        (DIGITS + "max = 1\noptions = { label_smoothing = 2 }", "--label-smoothing is 2, but must be", ""),
        (DIGITS + "max = 1\noptions = { normalize = 1 }", "normalize is 1, but must be true or false", ""),
        (DIGITS + "max = 1\noptions = { class_weight = [] }", "class_weight is a list, but must be", ""),
        (DIGITS + "max = 1\noptions = { class_weight = '0,0' }", "--class-weight is all zero", ""),
        (DIGITS + "max = 1\noptions = { output = 'x.npy' }", "options: there is no key 'output'", ""),
        (DIGITS + "max = 1\noptions = { sample_weight = '-' }", "sample_weight is '-'", "name a file"),
        (DIGITS.replace("sample_data/digits_logits.npy", "-") + "max = 1", "predictions is '-'", "name a file"),
        (DIGITS.replace("sample_data/digits_logits.npy", "") + "max = 1", "predictions is '', but must be text", ""),
        (DIGITS + "worst_group = 1", "worst_group is 1, but must be a table", ""),
        (DIGITS + "worst_group = { by = 'class' }", "worst_group: max is missing", "max = 1.0"),
        (DIGITS + "worst_group = { max = 1 }", "worst_group: by is missing", ""),
        (DIGITS + "worst_group = { bye = 'x', max = 1 }", "worst_group: there is no key 'bye'", "'by'"),
        (digits("l1") + "worst_group = { by = 'class', max = 1 }", "l1 has no class", "column"),
        (digits("l1") + "max = 1\noptions = { base = '2' }", "options: there is no key 'base'", ""),
        (digits("perplexity") + "max = 1\noptions = { reduction = 'sum' }", "must be 'mean'", ""),
        (digits("gaussian-nll") + "max = 1", "gaussian-nll needs --variance or", ""),
        (DIGITS + "max = 1" + DIGITS + "max = 2", "two gates are named 'digits'", ""),
    ],
)
def test_what_the_file_alone_shows_to_be_wrong_is_an_error_before_any_run(tmp_path, text, message, hint):
    with pytest.raises(UsageError) as found:
        read_gates(written(tmp_path, text))
    assert found.value.problem.startswith(str(tmp_path / "gates.toml"))
    assert message in found.value.problem
    assert hint in found.value.hint


def test_a_file_that_cannot_be_read_is_an_error_of_data(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_gates(str(tmp_path / "none.toml"))
    with pytest.raises(DataError, match="is a directory"):
        read_gates(str(tmp_path))
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(UsageError, match="byte 8 is not UTF-8"):
        read_gates(str(tmp_path / "latin.toml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DIGITS + 'worst_group = { by = "site", max = 1 }', "site: no such file"),
        (
            DIGITS + 'worst_group = { by = "sample_data/cancer_labels.npy", max = 1 }',
            "has 360 samples, sample_data/cancer_labels.npy has 190",
        ),
        (DIGITS + 'worst_group = { by = "sample_data/digits_logits.npy", max = 1 }', "has samples of shape (10,)"),
        (
            CANCER + 'worst_group = { by = "sample_data/digits_labels.npy", max = 1 }',
            "has 190 samples, sample_data/digits_labels.npy has 360",
        ),
    ],
)
def test_groups_that_do_not_fit_are_errors_of_their_gate(folder, text, message):
    gate = only(folder, text)
    assert gate.status == "error"
    assert message in gate.error.problem


def test_a_column_of_groups_is_no_prediction(folder):
    text = digits("nll").replace("logits.npy", "probs.parquet") + 'worst_group = { by = "label", max = 1 }'
    gate = only(folder, text)
    assert gate.value == pytest.approx(MEAN, rel=1e-14)
    assert gate.limits[0].where == "label 8, 35 samples"


def test_a_sample_without_a_group_is_an_error(folder):
    group = np.zeros(360)
    group[300] = np.nan
    np.save(folder / "g.npy", group)
    gate = only(folder, DIGITS + 'worst_group = { by = "g.npy", max = 1 }')
    assert gate.error.problem == "g.npy: row 300: the value is NaN"


SIGNATURE = "cross-entropy|kind:logits|reduction:mean|n:360|ignored:0|convention:exact|base:e"


@pytest.mark.parametrize(
    ("accepted", "passed"), [(MEAN, True), (MEAN * (1 + 5e-7), True), (MEAN * (1 + 5e-6), False), (math.nan, False)]
)
def test_a_baseline_holds_within_its_tolerance(folder, accepted, passed):
    baseline = GateBaseline({"digits": Accepted(accepted, SIGNATURE, "0.0.1")})
    (verdict,) = only(folder, DIGITS + "baseline = true", baseline).limits
    assert (verdict.name, verdict.passed) == ("baseline", passed)
    (wider,) = only(folder, DIGITS + "baseline = true\nrtol = 1e-5", baseline).limits
    assert wider.passed is not math.isnan(accepted)


@pytest.mark.parametrize(
    ("gate", "difference"),
    [
        (DIGITS.replace("logits.npy", "probs.npy"), "kind:logits became kind:probs"),
        (DIGITS + 'options = { base = "2" }\n', "base:e became base:2"),
        (DIGITS + "options = { ignore_index = 3 }\n", "ignored:0 became ignore_index:3 ignored:37"),
        (DIGITS + 'options = { reduction = "sum" }\n', "reduction:mean became reduction:sum"),
    ],
)
def test_a_baseline_of_another_computation_is_an_error_and_no_comparison(folder, gate, difference):
    outcome = only(
        folder, gate + "max = 1e9\nbaseline = true\natol = 1e9", GateBaseline({"digits": Accepted(MEAN, SIGNATURE)})
    )
    assert outcome.status == "error"
    assert outcome.error.problem.endswith(difference)
    assert SIGNATURE in outcome.error.why
    assert outcome.signature.rpartition("|")[0] in outcome.error.why
    assert [limit.name for limit in outcome.limits] == ["max"]


def test_without_a_baseline_a_gate_fails_and_says_what_to_do(folder):
    gate = only(folder, DIGITS + "baseline = true")
    assert gate.status == "failed"
    assert "--update-baseline` and commit gates.baseline.json" in gate.limits[0].note
    other = only(folder, DIGITS + "baseline = true", GateBaseline({"other": Accepted(1.0, SIGNATURE)}))
    assert other.limits[0].note.startswith("gates.baseline.json has no such gate")


def test_a_baseline_is_sorted_read_back_in_all_digits_and_stays_as_it_is(tmp_path):
    values = {"ü|z": Accepted(0.1 + 0.2, "s"), "a\n": Accepted(math.inf, "s"), "n": Accepted(math.nan, "s")}
    first = GateBaseline(values)
    path = tmp_path / "b.json"
    path.write_text(first.text(), encoding="utf-8")
    back = read_baseline(path)
    assert back.text() == first.text()
    assert back.entries["ü|z"].value == 0.1 + 0.2
    assert [line for line in first.text().splitlines() if line.startswith("    ") and line.endswith("{")] == [
        '    "a\\n": {', '    "n": {', '    "ü|z": {'
    ]  # fmt: skip


def test_an_update_keeps_the_version_of_what_did_not_change():
    old = GateBaseline(
        {"a": Accepted(1.0, "s", "0.0.1"), "b": Accepted(2.0, "s", "0.0.1"), "c": Accepted(3.0, "s", "0.0.1")}
    )
    now = {"a": Accepted(1.0, "s", "9.9"), "b": Accepted(2.5, "s", "9.9")}
    assert old.updated(now, keep=False).entries == {"a": old.entries["a"], "b": now["b"]}
    assert old.updated(now, keep=True).entries == {"a": old.entries["a"], "b": now["b"], "c": old.entries["c"]}


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "<<<<<<< ours\n{}", '{"schema": "losscli/baseline/2", "gates": {}}',
     '{"schema": "losscli/baseline/1", "gates": {"a": 1}}',
     '{"schema": "losscli/baseline/1", "gates": {"a": {"value": "x", "signature": "s", "losscli": "1"}}}',
     '{"schema": "losscli/baseline/1", "gates": {"a": {"value": true, "signature": "s", "losscli": "1"}}}'],
)  # fmt: skip
def test_what_is_no_baseline_is_not_taken_for_one(folder, text):
    path = folder / "b.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="is no baseline") as found:
        read_baseline(path)
    gates = report_of(
        folder, DIGITS + "baseline = true\n" + DIGITS.replace('"digits"', '"other"') + "max = 1", found.value
    ).gates
    assert [gate.status for gate in gates] == ["error", "passed"]


def test_a_baseline_without_end_is_read_no_further_than_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(gate_baseline, "LARGEST", 1 << 10)
    path = tmp_path / "baseline.json"
    path.write_bytes(b"{}".ljust(1 << 10))
    assert gate_baseline.small_file(path) == path.read_text()
    path.write_bytes(b"{}".ljust((1 << 10) + 1))
    with pytest.raises(DataError, match="the baseline cannot be read: file too large"):
        read_baseline(path)
