"""The benchmarks measure what is promised, and losscli's side of each runs; nothing is timed here."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import files
import make_table
import measuring
import numpy as np
import processes
import pytest
import rows
import table
from measuring import Measured, Row, at_least, at_most
from processes import Command

PROMISED = {
    ("start-up", "process"): "≤ 1.25  ≤ 3  ≥ 5  ≥ 4.5",
    ("cross-entropy", "in process"): "≥ 1.8  ≥ 1.7  ≥ 5  ≤ 1.05",
    ("cross-entropy", "process"): "≥ 3  ≥ 2.3  ≥ 3  ≥ 2.3  ≥ 5  ≥ 2.3",
    ("ctc", "in process"): "≥ 2.5  ≥ 2.5  ≥ 4  ≥ 2.5  ≥ 3  ≥ 2.5",
    ("elementwise", "in process"): "≥ 0.35  ≥ 0.35  ≥ 0.24  ≥ 0.16",
    ("elementwise", "process"): "≥ 2.5  ≥ 2.5  ≥ 2.5  ≥ 2.5",
    ("tables", "net of start-up"): "≤ 1.15",
    ("tables", "process"): "≤ 1.3",
    ("growth", "net of start-up"): "≤ 11  ≤ 11  ≤ 11",
    ("memory", "memory"): "  ".join(["≤ 120"] * 5 + ["≤ 200"] * 3 + ["≤ 250"] * 3),
}
"""What losscli is held to in speed and memory, by group and way of measuring."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return files.Files(tmp_path_factory.mktemp("data"), shrink=10**6)


def ours(row):
    """losscli's commands of a row, as lists that can be compared."""
    return [c for c in row.commands if Path(c.arguments[0]) == processes.LOSSCLI or "by_losscli" in str(c.arguments[1])]


def test_every_promise_has_its_row(tiny):
    found = {}
    for row in rows.rows(tiny):
        bars = found.setdefault((row.group, row.method), [])
        if row.bar:
            bars.append(f"{row.bar.sign} {row.bar.limit:g}")
    assert {key: "  ".join(bars) for key, bars in found.items()} == PROMISED


def test_the_sizes_are_those_promised(tmp_path):
    full = files.Files(tmp_path)
    named = {
        Path(a).name for row in rows.rows(full) for c in row.commands for a in c.arguments if not isinstance(a, str)
    }
    assert {
        "logits-200000x1000-float32.npy",
        "logits-2000x100000-float32.npy",
        "logits-20000000x10-float32.npy",
        "log_probs-500x64x32-float32.npy",
        "log_probs-1000x128x128-float32.npy",
        "log_probs-1500x32x5000-float32.npy",
        "predictions-250000000-float32.npy",
        "targets-250000000-float32.npy",
        "table-200000x50.csv",
        "table-200000x50.parquet",
        "logits-2000000x1000-float32.npy",
        "table-2000000x50.csv",
        "table-3200000x100.parquet",
    } <= named
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("group", sorted({group for group, _ in PROMISED}))
def test_losscli_answers_in_every_row(tiny, group):
    asked = {command.arguments: command for row in rows.rows(tiny) if row.group == group for command in ours(row)}
    assert asked
    for command in asked.values():
        for file in command.files:
            file.make()
        _, value = processes.run(command)
        assert math.isfinite(value)
        assert value > 0.0


def test_files_are_seeded_and_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BLOCK_NUMBERS", 40)
    twice = [files.Files(tmp_path / name).logits(91, 10) for name in ("one", "two")]
    for file in twice:
        file.make()
    one, two = (np.load(file) for file in twice)
    assert one.shape == (91, 10)
    assert np.array_equal(one, two)
    assert len(np.unique(one[:16])) == 160
    assert np.array_equal(one[16:20], one[:4])


def test_only_large_files_are_dropped(tiny, monkeypatch):
    file = tiny.labels(10, classes=3)
    file.make()
    file.drop_if_large()
    assert file.path.exists()
    monkeypatch.setattr(files, "KEPT_BYTES", 100)
    file.drop_if_large()
    assert not file.path.exists()


def test_tables_of_both_formats_hold_what_their_names_say(tiny):
    for file in (tiny.csv(10**7 + 10, 7), tiny.parquet(10**7 + 10, 7)):
        file.make()
        seconds, value = processes.run(processes.losscli("mse", file, "--pred", "a_*", "--target", "b_*", *rows.BARE))
        assert seconds > 0.0
        assert value > 0.0


ECHO = (
    "import sys, time\n"
    "for line in sys.stdin if '--serve' in sys.argv else ['']:\n"
    "    print(*(['0.25'] if '--serve' in sys.argv else []), sys.argv[-1], flush=True)\n"
)


@pytest.fixture
def side(tmp_path):
    """A command that prints what it is given, after 0.25 seconds by its own account."""
    script = tmp_path / "echo.py"
    script.write_text(ECHO)
    return lambda value: Command((sys.executable, script, value))


@pytest.mark.parametrize("method", ["process", "in process"])
def test_both_sides_are_run_and_compared(side, method):
    row = Row("group", "what", method, side("1.000"), at_least(0.0), "peer", side("1.001"), runs=3)
    measured = measuring.measure(row)
    assert measured.runs == 3
    assert measured.least <= measured.figure <= measured.greatest
    if method == "in process":
        assert (measured.ours, measured.theirs, measured.figure) == (0.25, 0.25, 1.0)


def test_sides_that_disagree_are_no_comparison(side):
    row = Row("group", "what", "in process", side("1.0"), at_least(0.0), "peer", side("1.5"))
    with pytest.raises(processes.FailedError, match=r"losscli says 1\.0, peer says 1\.5"):
        measuring.measure(row)


def test_a_side_that_fails_says_why():
    broken = Command((sys.executable, "-c", "raise SystemExit('no such peer')"))
    for ask in (processes.run, processes.peak_megabytes):
        with pytest.raises(processes.FailedError, match="no such peer"):
            ask(broken)
    with processes.served(broken) as server, pytest.raises(processes.FailedError):
        server.ask()


HOLDER = """
import mmap, sys, time
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
touched, held = sum(mapped[::4096]), b"y" * int(sys.argv[2])
time.sleep(0.05)
"""


def test_memory_is_what_a_process_holds_beside_mapped_files(tmp_path):
    mapped = tmp_path / "mapped.bin"
    mapped.write_bytes(b"x" * 60_000_000)
    few, many = (
        processes.peak_megabytes(Command((sys.executable, "-c", HOLDER, mapped, held))) for held in ("1", "100000000")
    )
    assert few < 30.0
    assert 95.0 < many - few < 105.0


def test_the_table_says_what_was_measured_and_what_failed(side, tmp_path):
    command = side("1")
    fast = Row("g", "fast", "process", command, at_least(2.0), "torch", command)
    big = Row("g", "big", "memory", command, at_most(120))
    lines = [
        table.line_of(fast, Measured(0.2, 0.5, 2.5, 2.4, 2.6, 5)),
        table.line_of(big, Measured(130.0, None, 130.0, 130.0, 130.0, 1)),
        table.line_of(fast, "No module named 'torch'"),
    ]
    assert [line.met for line in lines] == [True, False, None]
    table.keep(lines, tmp_path / "results.json")
    page = table.as_page(tmp_path / "results.json")
    assert "1 of 2 bars are met" in page
    for line, words in zip(
        page.splitlines()[-3:],
        (
            ("g: fast", "process", "200 ms", "torch 500 ms", "2.50", "2.40 to 2.60", "≥ 2", "yes"),
            ("g: big", "memory", "130 MB", "", "", "", "≤ 120 MB", "no"),
            ("g: fast", "process", "failed", "torch", "No module named 'torch'", "", "≥ 2", "no"),
        ),
        strict=True,
    ):
        assert tuple(cell.strip() for cell in line.split("|")[1:-1]) == words


def test_the_readme_has_one_place_for_the_table():
    text = (make_table.ROOT / "README.md").read_text(encoding="utf-8")
    fresh = make_table.rewritten(text, "@page@\n")
    assert fresh.count("@page@") == 1
    assert make_table.rewritten(fresh, "another\n") == make_table.rewritten(text, "another\n")
    with pytest.raises(ValueError, match="0 places"):
        make_table.rewritten("no markers", "a page")
