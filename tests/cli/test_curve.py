"""`losscli curve`: the figures of document 004 as numbers, as text and as pictures."""

from __future__ import annotations

import json
import math
import re
import struct
import sys
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
from reading import HERE

from losscli.engine.curve import drawable
from losscli.report import plot_text
from losscli.report.page import new_page

ENTRIES = {
    entry["id"]: entry
    for part in ("printed", "computed")
    for entry in json.loads((HERE / "documents.json").read_text(encoding="utf-8"))[part]
}


def table(outcome):
    """The columns of a CSV on standard output."""
    assert (outcome.code, outcome.err) == (0, "")
    header, *lines = outcome.out.splitlines()
    rows = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    return dict(zip(header.split(","), rows.T, strict=True))


@pytest.mark.parametrize(
    ("command", "entry"),
    [
        ("l1 --pred -1:1:100 --target 0", "doc004_l1_linspace"),
        ("l2 --pred -1:1:100 --target 0", "doc004_l2_linspace"),
        ("huber --pred -1:1:100 --target 0 --delta 0.25", "doc004_huber_linspace"),
        ("pseudo-huber --pred -1:1:100 --target 0 --delta 0.25", "doc004_pseudo_huber_linspace"),
        ("hinge --pred -3:5:100 --target 1", "doc004_hinge_linspace"),
        ("sigmoid-cross-entropy --pred -3:5:100 --target 1", "doc004_sigmoid_ce_intended"),
        ("weighted-cross-entropy --pred -3:5:100 --target 1 --pos-weight 0.5", "doc004_weighted_ce_intended"),
    ],
)
def test_the_figures_of_document_004(shell, command, entry):
    columns = table(shell(f"curve {command} --csv"))
    (values,) = (values for name, values in columns.items() if name != "prediction")
    inputs = ENTRIES[entry]["inputs"]
    given = next(inputs[name] for name in ("prediction", "logits", "score") if name in inputs)
    # The document's predictions are a float32 linspace; ours is the ideal one.
    np.testing.assert_allclose(columns["prediction"], given, atol=5e-7)
    np.testing.assert_allclose(values, ENTRIES[entry]["expected"], rtol=1e-6, atol=1e-6)


def test_both_ends_belong_to_the_range(shell):
    columns = table(shell("curve l1 --pred -3:5:17 --target -1 --csv"))
    np.testing.assert_array_equal(columns["prediction"], np.arange(-3.0, 5.5, 0.5))
    np.testing.assert_array_equal(columns["l1"], np.abs(np.arange(-3.0, 5.5, 0.5) + 1.0))


@pytest.mark.parametrize("loss", drawable(), ids=lambda loss: loss.name)
def test_a_curve_is_the_loss_of_every_prediction(shell, loss):
    more = " --std 2" if "std" in loss.own_options else ""
    columns = table(shell(f"curve {loss.name} --pred 0.25,0.75,0.5 --target 1{more} --csv"))
    shell.save("p.npy", [0.25, 0.75, 0.5])
    shell.save("t.npy", [1.0, 1.0, 1.0])
    each = json.loads(shell(f"{loss.name} p.npy t.npy{more} --reduction none --json").out)["value"]
    np.testing.assert_array_equal(columns[loss.name], each)


def test_an_option_applies_to_every_loss_that_has_it(shell):
    command = "curve l1 huber pseudo-huber --pred 0,3 --target 0"
    plain, shaped = (table(shell(f"{command}{more} --csv")) for more in ("", " --delta 0.5"))
    assert list(plain) == ["prediction", "l1", "huber", "pseudo-huber"]
    assert (plain["huber"][1], shaped["huber"][1]) == (2.5, 1.375)
    assert (plain["pseudo-huber"][1], shaped["pseudo-huber"][1]) == pytest.approx(
        (math.sqrt(10.0) - 1.0, 0.25 * (math.sqrt(37.0) - 1.0))
    )
    np.testing.assert_array_equal(plain["l1"], shaped["l1"])


def test_unchecked_targets(shell, complaint):
    command = "curve sigmoid-cross-entropy --pred 1 --target -3"
    assert "--unchecked-targets" in complaint(command, code=2)
    value = table(shell(f"{command} --unchecked-targets --csv"))["sigmoid-cross-entropy"][0]
    assert value == pytest.approx(math.log(1.0 + math.e) + 3.0, rel=1e-15)


def test_names_of_frameworks_count_once(shell):
    assert list(table(shell("curve L1Loss l1 hinge_loss --pred 0,1 --target 1 --csv"))) == ["prediction", "l1", "hinge"]


def test_json_and_json_lines(shell):
    command = "curve bce huber --pred 0:1:3 --target 1 --delta 2 --quiet"
    outcome = shell(f"{command} --json")
    assert outcome.err == ""
    document = json.loads(outcome.out, parse_constant=lambda name: pytest.fail(name))
    jsonschema.validate(document, json.loads(shell("schema curve").out), jsonschema.Draft202012Validator)
    assert document.pop("schema") == "losscli/curve/1"
    assert (document["target"], document["predictions"]) == (1.0, [0.0, 0.5, 1.0])
    bce, huber = document["curves"]
    assert (bce["loss"], bce["unit"], bce["values"]) == ("bce", "nats", ["Infinity", math.log(2.0), 0.0])
    assert (huber["options"], huber["values"]) == ({"delta": 2.0}, [0.5, 0.125, 0.0])
    lines = [json.loads(line) for line in shell(f"{command} --format jsonl").out.splitlines()]
    assert lines[0] == {"prediction": 0.0, "bce": "Infinity", "huber": 0.5}


def test_the_table_names_the_losses_with_their_options_and_units(shell):
    out = shell("curve l2 huber --pred -1:1:3 --target 0 --delta 0.25").out.splitlines()
    assert out[0] == "loss against the prediction, target 0"
    assert out[1:3] == ["  l2                  target²", "  huber (delta 0.25)  target²"]
    assert out[-3:] == ["-1.0        1.0  0.21875", " 0.0        0.0  0.0", " 1.0        1.0  0.21875"]


def test_an_infinite_loss_is_said(shell):
    outcome = shell("curve bce --pred 0:1:5 --target 1 --csv")
    assert outcome.out.splitlines()[1] == "0.0,inf"
    assert outcome.err == "losscli: warning: bce is inf at 1 of 5 predictions (the first: 0)\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("bce --pred -3:5:9 --target 1", ["bce", "-3", "[0, 1]", "sigmoid-cross-entropy"]),
        ("bce --pred 0:1:9 --target 3", ["bce", "labels", "3"]),
        ("hinge --pred 0:1:9 --target 0.5", ["hinge", "0.5", "-1 and +1"]),
        ("nll --pred 0:1:9 --target 1", ["nll has no curve", "pseudo-huber"]),
        ("hubert --pred 0:1:9 --target 1", ["hubert", "huber"]),
        ("l1 l2 --pred 0:1:9 --target 1 --delta 2", ["--delta does not apply to l1 or l2", "huber, pseudo-huber"]),
        ("huber --pred 0:1:9 --target 1 --delta 0", ["--delta is 0.0"]),
        ("weighted-cross-entropy --pred 0,1 --target 1 --pos-weight 1,2", ["--pos-weight", "one number"]),
        ("gaussian-nll --pred 0,1 --target 1 --std std.csv", ["--std", "one number"]),
        ("l1 --pred 0:1 --target 1", ["FROM:TO:COUNT", "COUNT"]),
        ("l1 --pred 0:1:1 --target 1", ["2 or more"]),
        ("l1 --pred 0:1:1000000000000 --target 1", ["10,000,000 at most"]),
        ("l1 --pred 0:1:1.5 --target 1", ["whole number"]),
        ("l1 --pred 0:inf:5 --target 1", ["finite"]),
        ("l1 --pred 1,,2 --target 1", ["comma list"]),
        ("l1 --pred -1e308:1e308:3 --target 1", ["wider"]),
        ("l1 --pred 0,1 --target nan", ["--target is nan"]),
        ("l1 --pred 0,1 --target 1 --json --csv", ["json and csv"]),
        ("l1 --pred 0,1 --target 1 --plot --format table", ["plot and table"]),
        ("l1 --pred 0,1 --target 1 --save-plot x.pdf", [".png or .svg"]),
        ("l1 --target 1", ["--pred"]),
        ("l1 --pred 0,1", ["--target"]),
    ],
)
def test_what_the_command_line_shows_to_be_wrong(complaint, command, words):
    text = complaint(f"curve {command}", code=2)
    for word in words:
        assert word in text


def letters(out):
    """The plot between its axes, letter by letter."""
    return [re.split("[┤│]", line)[1] for line in out.splitlines() if "┤" in line or "│" in line]


def dots(out):
    """Where the dots of a plot stand: rows and columns, from the lower left corner, in shares of the whole."""
    lines = letters(out)
    width = 2 * max(map(len, lines))
    found = []
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            bits = ord(letter) - 0x2800 if letter != " " else 0
            for bit, (down, across) in enumerate([(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1)]):
                if bits >> bit & 1:
                    found.append(((2 * column + across) / (width - 1), 1 - (4 * row + down) / (4 * len(lines) - 1)))
    return np.array(found).T


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_plot_follows_the_curve(shell, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    out = shell("curve l2 --pred 0:1:50 --target 0 --plot").out
    assert max(map(len, out.splitlines())) in (int(columns) - 1, int(columns))
    x, y = dots(out)
    assert len(np.unique(x)) > 0.95 * 2 * (int(columns) - 8)
    np.testing.assert_allclose(y, x**2, atol=0.03)


def test_the_axes_of_the_plot(shell):
    lines = shell("curve l2 --pred -3:1:50 --target 1 --plot").out.splitlines()
    labels = [line.split("┤")[0].strip() for line in lines if "┤" in line]
    assert labels == ["20", "15", "10", "5", "0"]
    assert lines[-1].split() == ["-3", "-2.5", "-2", "-1.5", "-1", "-0.5", "0", "0.5", "1"]
    assert lines[-1].index("1", -1) == lines[-2].rindex("┬")


def test_curves_of_a_plot_differ_without_colours(shell):
    out = shell("curve l1 l2 huber --pred -1:1:100 --target 0 --delta 0.5 --plot").out
    samples = [line.split()[0] for line in out.splitlines()[1:4]]
    assert len(set(samples)) == 3
    assert "huber (delta 0.5)" in out
    assert "\x1b" not in out


def test_a_gap_stays_where_the_loss_is_infinite(shell):
    x, _ = dots(shell("curve bce --pred 0,0.5,1 --target 1 --plot --quiet").out)
    assert x.min() > 0.45
    nothing = shell("curve bce --pred 0 --target 1 --plot --quiet").out
    assert nothing.endswith("there is nothing finite to draw\n")


def test_a_single_point_is_drawn(shell):
    x, y = dots(shell("curve l1 --pred 2 --target 1 --plot").out)
    assert (len(x), len(y)) == (1, 1)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-1e-9, 3e-7), (1e6, 1e6 + 3), (0.0, 1e300), (2.0, 2.0), (0.0, 0.0), (0.0, 5e-324)]
)
def test_ticks_enclose_the_curve_and_can_be_told_apart(low, high):
    ticks = plot_text.enclosing_ticks(low, high)
    step = ticks[1] - ticks[0]
    assert ticks[0] <= low + 1e-8 * step
    assert ticks[-1] >= high - 1e-8 * step
    assert 3 <= len(ticks) <= 12
    texts = plot_text.tick_texts(ticks)
    np.testing.assert_allclose(list(map(float, texts)), ticks, atol=1e-8 * step)


def test_a_terminal_gets_colours(monkeypatch):
    from losscli.engine.result import Curve, Curves

    predictions = np.linspace(0.0, 1.0, 20)
    found = Curves(predictions, 0.0, [Curve(name, name, "", {}, predictions) for name in ("a", "b")])
    pages = [new_page(width=80, color=True, tty=True), new_page(width=80, color=False, tty=False)]
    for page in pages:
        plot_text.draw_plot(page, found)
    drawn, plain = (page.text() for page in pages)
    assert "\x1b[36m" in drawn
    assert "\x1b[35m" in drawn
    assert re.sub(r"\x1b\[[0-9;]*m", "", drawn) == plain


def test_a_png(shell):
    outcome = shell("curve l1 huber --pred -1:1:100 --target 0 --csv --save-plot figure.png")
    assert outcome.code == 0
    assert outcome.out.startswith("prediction,l1,huber\n")
    data = (shell.folder / "figure.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (1200, 750)
    assert shell.files == {"figure.png"}


def test_an_svg_is_the_same_each_time_and_its_text_can_be_read(shell):
    for name in ("a.svg", "b.svg"):
        assert shell(f"curve l1 huber --pred -1:1:100 --target 0 --delta 2 --save-plot {name}").code == 0
    first = (shell.folder / "a.svg").read_bytes()
    assert first == (shell.folder / "b.svg").read_bytes()
    texts = {element.text for element in ElementTree.fromstring(first).iter("{http://www.w3.org/2000/svg}text")}
    assert {"l1", "huber (delta 2)", "prediction", "loss against the prediction, target 0"} <= texts


def test_a_picture_replaces_another_only_when_complete(shell, complaint, monkeypatch):
    shell.write("figure.png", "old")
    complaint("curve bce --pred -1:1:3 --target 0 --save-plot figure.png", code=2)

    def fail(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    text = complaint("curve l1 --pred -1:1:3 --target 0 --save-plot figure.png")
    assert "the device is full" in text
    assert "--save-plot a path" in text
    assert (shell.folder / "figure.png").read_text() == "old"


def test_without_matplotlib_the_extra_is_named(shell, complaint, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = complaint("curve l1 --pred -1:1:3 --target 0 --save-plot figure.png", code=2)
    assert "pip install 'losscli[plot]'" in text
    assert shell("curve l1 --pred -1:1:3 --target 0 --plot").code == 0


def test_only_a_picture_needs_matplotlib(shell):
    line = (
        "import sys, losscli.cli; sys.argv = 'losscli curve l1 --pred -1:1:5 --target 0 --plot'.split()\n"
        "losscli.cli.command_line()\n"
        "print({'matplotlib', 'pyarrow'} & set(sys.modules))"
    )
    shell.write("run.py", line)
    outcome = shell.script(f"{sys.executable} run.py | tail -1")
    assert (outcome.out, outcome.err) == ("set()\n", "")


def test_help_names_every_option_and_loss(shell):
    text = " ".join(re.sub(r"[│╭╰─╮╯]", " ", shell("curve --help").out).split())
    for loss in drawable():
        assert f"{loss.name}," in text or f"{loss.name}." in text
        for parameter in loss.parameters:
            assert f"{parameter.option} " in text
