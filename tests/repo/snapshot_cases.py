"""Every form of every answer: what is asked for, and in which forms it is looked at.

A snapshot holds what a reader of the form gets to see. Files of the sample data are large; the losses of single
samples are shown of small ones, which stand here.
"""

from __future__ import annotations

from dataclasses import dataclass

SCREENS = {
    "screen-80": {"COLUMNS": "80", "NO_COLOR": "1"},
    "screen-120": {"COLUMNS": "120", "NO_COLOR": "1"},
    "colour": {"COLUMNS": "100"},
}
"""What is seen on a terminal: of two widths, and with colours."""

PIPE = "pipe"
READERS = (*SCREENS, PIPE)
"""The forms of the option's default: for a terminal, and for a pipe."""

FILES = {
    "animals.csv": """\
p_cat,p_dog,p_owl,animal,site
0.7,0.2,0.1,cat,north
0.1,0.8,0.1,dog,south
0.25,0.25,0.5,cat,north
0.05,0.05,0.9,owl,south
0.3,0.3,0.4,dog,north
0.6,0.1,0.3,owl,south
""",
    "new.csv": """\
p_cat,p_dog,p_owl,animal,site
0.8,0.1,0.1,cat,north
0.1,0.7,0.2,dog,south
0.5,0.2,0.3,cat,north
0.05,0.05,0.9,owl,south
0.2,0.5,0.3,dog,north
0.3,0.1,0.6,owl,south
""",
    "certain.csv": "p,y\n0.5,1\n0.0,1\n1.0,1\n0.25,0\n",
    "houses.csv": "y_hat,y\n1.5,1\n2.0,2.1\n-3.0,0.5\n",
    "counts.csv": "n\n0\n3\n1\n2\n4\n",
    "one_based.csv": "p_0,p_1,p_2,label\n" + "0.7,0.2,0.1,1\n0.1,0.8,0.1,2\n0.1,0.1,0.8,3\n" * 4,
    "gates.toml": """\
[[gate]]
name = "digits"
loss = "cross-entropy"
predictions = "sample_data/digits_logits.npy"
targets = "sample_data/digits_labels.npy"
options = { kind = "logits" }
max = 0.3
worst_sample = 6.0
worst_group = { by = "class", max = 0.5 }
baseline = true
rtol = 1e-3

[[gate]]
name = "diabetes"
loss = "mse"
predictions = "sample_data/diabetes.csv"
options = { pred = "pred", target = "target" }
max = 3200

[[gate]]
name = "no such file"
loss = "mse"
predictions = "missing.npy"
targets = "missing.npy"
max = 1
""",
    "gates.baseline.json": """\
{
  "schema": "losscli/baseline/1",
  "gates": {
    "digits": {
      "losscli": "0.1.0",
      "signature": "cross-entropy|kind:logits|reduction:mean|n:360|ignored:0|convention:exact|base:e",
      "value": 0.2485
    }
  }
}
""",
}


@dataclass(frozen=True)
class Case:
    """A command, and the forms in which its answer is kept; `files` are what it writes besides."""

    name: str
    command: str
    forms: tuple[str, ...]
    files: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """The command or the loss."""
        return self.command.split()[0]


ANIMALS = "animals.csv --target animal --pred 'p_*'"
DIGITS = "sample_data/digits_log_probs.npy sample_data/digits_labels.npy"
TEXT = "sample_data/lm_logits.npy sample_data/lm_tokens.npy --shift 1 --ignore-index -100"
LINES = (
    "sample_data/ctc_log_probs.npy sample_data/ctc_targets.npy --input-lengths sample_data/ctc_input_lengths.npy "
    "--target-lengths sample_data/ctc_target_lengths.npy --baselines"
)
MODELS = "animals.csv:p_cat,p_dog,p_owl new.csv:p_cat,p_dog,p_owl"

CASES = (
    Case("loss", f"nll {DIGITS}", (*READERS, "md", "json", "value")),
    Case("loss-small", f"nll {ANIMALS}", ("screen-80", "md", "csv", "jsonl")),
    Case("loss-every-sample", f"nll {ANIMALS} --per-sample", ("json",)),
    Case("loss-elements", "l1 houses.csv --pred y_hat --target y --reduction none", (PIPE, "csv", "jsonl", "value")),
    Case("loss-where", f"nll {DIGITS} --by-class --plot --baselines --top 3 --rows 0", (*READERS, "md", "json")),
    Case("loss-groups", f"nll {ANIMALS} --by site --rows 0", ("screen-80", "md", "json")),
    Case("loss-infinite", "bce certain.csv --pred p --target y", ("screen-80", "md", "json", "csv", "jsonl", "value")),
    Case("loss-gated", f"nll {DIGITS} --max 0.2 --expect 0.2487", ("screen-80", "colour", "md", "json", "value")),
    Case("loss-work", "huber houses.csv --pred y_hat --target y --rows 0 --show-work", ("screen-80", "md")),
    Case(
        "loss-objective",
        "mse houses.csv --pred y_hat --target y --l2 0.1 --params counts.csv --rows 0",
        ("screen-80", "md", "json"),
    ),
    Case("loss-file", f"nll {ANIMALS} -o each.csv --rows 0", ("value",), ("each.csv",)),
    Case("tokens", f"sequence-nll {TEXT} --bytes sample_data/lm_bytes.npy --baselines", ("screen-80", "md", "json")),
    Case("alignments", f"ctc {LINES}", ("screen-80", "json")),
    Case("inspect", "inspect sample_data/digits_logits.npy", (*READERS, "md", "json")),
    Case("inspect-table", "inspect animals.csv --target animal", (*READERS, "md", "json")),
    Case("inspect-fault", "inspect one_based.csv --target label", ("screen-80", "colour", "md", "json")),
    Case("compare", f"compare nll {MODELS} animals.csv:animal", (*READERS, "md", "json", "value")),
    Case(
        "compare-three",
        f"compare nll {MODELS} animals.csv:p_cat,p_dog,p_owl animals.csv:animal --cluster site --margin 0.1 --top 2 "
        "--fail-on inferior -o pairs.csv",
        ("screen-80", "colour", "md", "value"),
        ("pairs.csv",),
    ),
    Case("check", "check gates.toml", (*READERS, "md", "json")),
    Case("check-failures", "check gates.toml --only-failures", ("screen-80", "md", "json")),
    Case("check-ci", "check gates.toml --junit junit.xml --github", (PIPE,), ("junit.xml", "summary.md")),
    Case("check-update", "check gates.toml --gate digits --update-baseline", (PIPE,), ("gates.baseline.json",)),
    Case("list", "list", (*READERS, "md", "json")),
    Case("explain", "explain nll", (*READERS, "md", "json")),
    Case("explain-run", f"explain nll {ANIMALS} --samples 2,4", (*READERS, "md", "json")),
    Case("explain-tokens", f"explain sequence-nll {TEXT} --samples 5", ("screen-80", "md")),
    Case("likelihood", "likelihood poisson counts.csv --rate 1.5", (*READERS, "md", "json", "value")),
    Case("mle", "mle poisson counts.csv", (*READERS, "md", "json", "value")),
    Case("curve", "curve l1 huber --pred -1:1:5 --target 0", (*READERS, "md", "json", "jsonl", "csv")),
    Case("curve-plot", "curve l1 l2 huber --pred -1:1:100 --target 0 --plot", (*READERS,)),
    Case("convert", "convert log animals.csv --pred 'p_*'", ("csv", "jsonl")),
    Case("schema", "schema comparison", (PIPE,)),
    Case("no-such-loss", "nlll a.npy b.npy", (PIPE,)),
    Case("no-such-column", "nll animals.csv --target animals", (PIPE,)),
    Case("no-such-option", f"nll {ANIMALS} --clas-weight 1,2,3", (PIPE,)),
    Case("one-based", "nll one_based.csv --pred 'p_*' --target label", (PIPE,)),
)  # fmt: skip
