"""The same numbers in every format that is read give the same digits, and in every format that is written."""

import csv
import gzip
import io
import json
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from losscli.losses.catalogue import catalogue
from losscli.report import schema

NAMES = ["p_ant", "p_bee", "p_cat", "p_dog"]


@pytest.fixture
def everywhere(shell):
    """Probabilities of four classes and labels of 50 samples, in every format."""
    random = np.random.default_rng(7)
    logits = random.normal(size=(50, 4)) * 3
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = random.integers(0, 4, 50)
    folder = shell.folder
    columns = {name: probs[:, position] for position, name in enumerate(NAMES)}
    table = pa.table(columns | {"label": labels})
    shell.save("p.npy", probs)
    shell.save("y.npy", labels)
    np.save(folder / "fortran.npy", np.asfortranarray(probs))
    np.save(folder / "big_endian.npy", probs.astype(">f8"))
    np.savez(folder / "p.npz", probs)
    np.savez(folder / "both.npz", probs=probs, labels=labels)
    pq.write_table(table, folder / "wide.parquet", row_group_size=13)
    feather.write_feather(table, folder / "wide.feather")
    with pa.ipc.new_stream(folder / "wide.arrow", table.schema) as stream:
        stream.write_table(table, max_chunksize=13)
    lists = pa.table({"probs": probs.tolist(), "label": labels})
    fixed = pa.FixedSizeListArray.from_arrays(probs.reshape(-1), 4)
    pq.write_table(lists, folder / "list.parquet")
    pq.write_table(pa.table({"probs": fixed, "label": labels}), folder / "fixed.parquet")
    (folder / "parts").mkdir()
    for part in range(5):
        pq.write_table(table.slice(part * 10, 10), folder / f"parts/{part}.parquet")
    arrow_csv.write_csv(table, folder / "wide.csv")
    text = (folder / "wide.csv").read_text()
    shell.write("wide.tsv", text.replace(",", "\t").replace('"', ""))
    shell.write("wide.csv.gz", gzip.compress(text.encode()))
    shell.write("wide.csv.zst", pa.compress(text.encode(), codec="zstd", asbytes=True))
    rows = [
        dict(zip([*NAMES, "label"], [*row, int(y)], strict=True)) for row, y in zip(probs.tolist(), labels, strict=True)
    ]
    shell.write("wide.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    words = "".join(
        ",".join([*map(repr, row), NAMES[y][2:]]) + "\n" for row, y in zip(probs.tolist(), labels, strict=True)
    )
    shell.write("words.csv", ",".join([*NAMES, "label"]) + "\n" + words)
    return shell


@pytest.mark.parametrize(
    "inputs",
    [
        "p.npy wide.csv --target label",
        "fortran.npy y.npy",
        "big_endian.npy y.npy",
        "p.npz y.npy",
        "both.npz:probs both.npz:labels",
        "wide.parquet --target label",
        "wide.parquet y.npy --pred 'p_*'",
        "wide.feather --target label",
        "wide.arrow --target label",
        "list.parquet --pred probs --target label",
        "fixed.parquet --pred probs --target label",
        "parts --target label",
        "'parts/*.parquet' --target label",
        "wide.csv --target label",
        "wide.csv --pred p_ant,p_bee,p_cat,p_dog --target label",
        "wide.tsv --target label",
        "wide.csv.gz --target label",
        "wide.csv.zst --target label",
        "wide.jsonl --target label",
        "words.csv --target label",
        "p.npy words.csv --target label --classes ant,bee,cat,dog",
    ],
)
def test_every_format_gives_the_same_digits(everywhere, inputs):
    expected = everywhere("nll p.npy y.npy --format value")
    assert expected.code == 0, expected.err
    found = everywhere(f"nll {inputs} --format value")
    assert found.err == ""
    assert found.out == expected.out


@pytest.mark.parametrize(
    "name", ["p.npy", "p.npz", "wide.parquet", "wide.feather", "wide.arrow", "wide.csv", "wide.csv.gz", "wide.jsonl"]
)
def test_stdin_is_told_by_content(everywhere, name):
    columns = "" if name.startswith("p.") else " --pred 'p_*'"
    found = everywhere(f"nll - y.npy{columns} --format value", stdin=(everywhere.folder / name).read_bytes())
    assert found.err == ""
    assert found.out == everywhere("nll p.npy y.npy --format value").out


def test_tab_separated_stdin_and_the_shell_itself(everywhere):
    data = (everywhere.folder / "wide.tsv").read_bytes()
    expected = everywhere("nll p.npy y.npy --format value").out
    assert everywhere("nll - y.npy --pred 'p_*' --format value", stdin=data).out == expected
    piped = everywhere.script("gunzip < wide.csv.gz | losscli nll - --target label --format value")
    assert (piped.out, piped.err) == (expected, "")
    process = everywhere.script("losscli nll <(cat p.npy) <(cat y.npy) --format value")
    assert (process.out, process.err) == (expected, "")


@pytest.mark.parametrize("threads", [1, 3])
def test_every_way_to_print_shows_the_same_number(everywhere, threads):
    run = f"nll p.npy y.npy --threads {threads}"
    value = float(everywhere(f"{run} --format value").out)
    result = json.loads(everywhere(f"{run} --json --per-sample").out)
    lines = [json.loads(line) for line in everywhere(f"{run} --format jsonl").out.splitlines()]
    rows = list(csv.DictReader(io.StringIO(everywhere(f"{run} --format csv").out)))
    assert result["value"] == value
    assert [row["loss"] for row in result["per_sample"]] == [line["loss"] for line in lines]
    assert [float(row["loss"]) for row in rows] == [line["loss"] for line in lines]
    assert [int(row["sample"]) for row in rows] == list(range(50))
    assert value == float(sum(Fraction(line["loss"]) for line in lines) / 50)
    assert repr(value) in everywhere(run).out


@pytest.mark.parametrize("ending", ["npy", "csv", "jsonl", "parquet"])
def test_every_file_that_is_written_holds_the_same_losses(everywhere, ending):
    lines = everywhere("nll p.npy y.npy --format jsonl").out.splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    written = everywhere(f"nll p.npy y.npy --format value -o out.{ending}")
    assert written.code == 0, written.err
    assert float(written.out) == float(sum(map(Fraction, losses)) / 50)
    path = everywhere.folder / f"out.{ending}"
    if ending == "npy":
        found = np.load(path).tolist()
    elif ending == "csv":
        found = [float(row["loss"]) for row in csv.DictReader(io.StringIO(path.read_text()))]
    elif ending == "jsonl":
        found = [json.loads(line)["loss"] for line in path.read_text().splitlines()]
    else:
        table = pq.read_table(path)
        assert table.column_names[:3] == ["sample", "loss", "weight"]
        found = table["loss"].to_pylist()
    assert found == losses
    assert {name for name in everywhere.files if "out" in name} == {f"out.{ending}"}


@pytest.mark.parametrize("ending", ["npy", "csv", "jsonl", "parquet"])
def test_elements_are_written_in_the_shape_that_torch_gives_them(shell, ending):
    predictions, targets = np.arange(12.0).reshape(3, 2, 2), np.ones((3, 2, 2))
    shell.save("a.npy", predictions)
    shell.save("b.npy", targets)
    expected = (predictions - 1) ** 2
    printed = json.loads(shell(f"mse a.npy b.npy --reduction none --json -o out.{ending}").out)
    assert printed["value"] == expected.tolist()
    path = shell.folder / f"out.{ending}"
    if ending == "npy":
        np.testing.assert_array_equal(np.load(path), expected)
        return
    if ending == "csv":
        rows = [
            {name: float(cell) for name, cell in row.items()} for row in csv.DictReader(io.StringIO(path.read_text()))
        ]
    elif ending == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = pq.read_table(path).to_pylist()
    assert len(rows) == 12
    assert [row["loss"] for row in rows] == expected.ravel().tolist()
    first, second = [name for name in rows[0] if name not in ("sample", "loss", "weight")]
    for row in rows:
        assert row["loss"] == expected[int(row["sample"]), int(row[first]), int(row[second])]


def test_a_file_is_written_though_the_check_fails(everywhere):
    gated = everywhere("nll p.npy y.npy --max 0 --format value -o out.npy")
    assert gated.code == 1
    assert np.load(everywhere.folder / "out.npy").shape == (50,)


def test_a_late_error_leaves_no_file_and_the_old_one(shell, complaint):
    values = np.zeros(300_000)
    values[-1] = np.nan
    shell.save("a.npy", values)
    shell.save("b.npy", np.zeros(300_000))
    for name in ("out.npy", "out.csv", "out.parquet", "out.jsonl"):
        complaint(f"mse a.npy b.npy -o {name}")
        shell.write(name, "precious")
        complaint(f"mse a.npy b.npy -o {name}")
        assert (shell.folder / name).read_text() == "precious"


@pytest.mark.parametrize(
    ("path", "problem", "hint"),
    [
        (
            "/dev/full",
            "/dev/full: cannot be written: no space left on device",
            "free some space, or -o a path on another device",
        ),
        ("no/such/x.csv", "no/such/x.csv: cannot be written", "mkdir -p "),
        ("folder", "folder: is a folder", "-o "),
        ("folder.csv", "folder.csv: is a folder", "-o "),
    ],
)
def test_a_place_that_cannot_be_written(shell, complaint, path, problem, hint):
    shell.save("a.npy", [1.0, 2.0])
    for folder in ("folder", "folder.csv"):
        (shell.folder / folder).mkdir()
    error = complaint(f"mse a.npy a.npy -o {path}")
    assert problem in error
    assert f"hint: {hint}" in error


def test_a_device_and_a_link_stay_what_they_are(shell):
    shell.save("a.npy", [1.0, 2.0])
    shell.write("real.csv", "old")
    (shell.folder / "link.csv").symlink_to("real.csv")
    assert shell("mse a.npy a.npy -o link.csv").code == 0
    assert (shell.folder / "link.csv").is_symlink()
    assert (shell.folder / "real.csv").read_text().startswith("sample,loss,weight")
    assert shell("mse a.npy a.npy -o /dev/null").code == 0
    both = shell.script("losscli mse a.npy a.npy --format value -o /dev/stdout")
    assert both.out.endswith("0.0\n")
    assert "sample,loss,weight" in both.out


def test_a_single_number_is_a_sample(shell):
    shell.save("a.npy", 3.0)
    shell.save("b.npy", 1.0)
    shell.save("c.npy", [1.0])
    for inputs in ("a.npy b.npy", "a.npy c.npy", "c.npy a.npy"):
        assert shell(f"mse {inputs} --format value").out == "4.0\n"
    assert shell("mse - b.npy --format value", stdin=(shell.folder / "a.npy").read_bytes()).out == "4.0\n"
    assert json.loads(shell("mse a.npy b.npy --json").out)["inputs"]["predictions"]["shape"] == []


def test_the_schema_is_printed(shell):
    assert json.loads(shell("schema").out) == schema()


@pytest.mark.parametrize("options", ["", "--reduction sum", "--reduction none", "--per-sample", "--max 0.1 --expect 2"])
@pytest.mark.parametrize("name", sorted(catalogue()))
def test_json_keeps_its_contract(samples, validate, name, options):
    """Every loss, by the command that its own page shows."""
    command = catalogue()[name].sections["Command"].replace("\\\n", " ").replace("sample_data/", "")
    outcome = samples(f"{command.removeprefix('losscli ')} --json {options}")
    if name == "perplexity" and "--reduction" in options:
        assert outcome.code == 2
        assert "perplexity is made of a mean" in outcome.err
        return
    assert outcome.code in (0, 1), outcome.err
    assert validate(outcome.out)["loss"] == name
