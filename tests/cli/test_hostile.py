"""Files made to hurt: bombs, claims, endless lines, files that change while they are read, outputs that clash."""

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from losscli.data import align, open_source
from losscli.errors import DataError

LOSSCLI = Path(sys.executable).parent / "losscli"
HUGE = 10**15
MEGABYTE = 1 << 20


def npy_header(shape, dtype="<f8", *, fortran=False):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": fortran, "shape": shape})
    return stream.getvalue()


def zipped(content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", content)
    return stream.getvalue()


def limited(folder, megabytes, *arguments):
    """Run losscli with so much memory."""

    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * MEGABYTE,) * 2)

    return subprocess.run(
        [LOSSCLI, *arguments],
        cwd=folder,
        preexec_fn=limit,
        env=os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Claims.


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zipped], ids=["plain", "gzip", "npz"])
@pytest.mark.parametrize(
    ("shape", "fortran"),
    [((HUGE,), False), ((HUGE, HUGE), False), ((HUGE, 3), True), ((4, HUGE), False), ((4, 1 << 30), False)],
    ids=str,
)
def test_an_npy_header_that_claims_more_than_there_is(shell, complaint, shape, fortran, pack):
    name = "p.npz" if pack is zipped else "p.npy"
    shell.write(name, pack(npy_header(shape, fortran=fortran) + bytes(800)))
    for command in (f"mse {name} {name}", f"nll {name} {name}", f"ctc {name} {name}"):
        complaint(command)


@pytest.mark.parametrize("width", [1, 9])  # many columns are not read side by side
@pytest.mark.parametrize("claim", [b"\x80" * 6 + b"\x20", b"\xd2\x0f", b"\xcf\x0f"], ids=["2**40", "1001", "-1000"])
def test_a_parquet_footer_that_claims_other_rows_than_there_are(shell, complaint, claim, width):
    """The number of rows is a variable-length integer of the footer."""
    table = pa.table({f"{side}{number}": np.arange(1000.0) for side in "ab" for number in range(width)})
    stream = io.BytesIO()
    pq.write_table(table, stream, store_schema=False)
    data = stream.getvalue()
    size = int.from_bytes(data[-8:-4], "little")
    body, footer = data[: -8 - size], data[-8 - size : -8]
    rows = b"\xd0\x0f"  # 1000 in zigzag
    assert rows in footer
    forged = footer.replace(rows, claim)
    shell.write("t.parquet", body + forged + len(forged).to_bytes(4, "little") + b"PAR1")
    assert "damaged" in complaint("mse t.parquet --pred 'a*' --target 'b*'")


# Bombs.


@pytest.fixture(scope="module")
def zeros():
    """16 MiB of zeros in 16 KB; the files repeat it, as gzip members follow each other."""
    return gzip.compress(bytes(16 * MEGABYTE), 6)


def test_a_sample_that_unpacks_to_gigabytes(shell, zeros):
    shell.write("p.npy", gzip.compress(npy_header((1, 256 * MEGABYTE))) + zeros * 128)
    shell.save("y.npy", [0])
    done = limited(shell.folder, 300, "cross-entropy", "p.npy", "y.npy")
    assert done.returncode == 3
    assert done.stderr.startswith("losscli: error: p.npy: one sample takes 2,147,483,648 bytes\n")


@pytest.mark.parametrize(("free", "code"), [(52, 3), (90, 0)])
def test_a_bomb_does_not_fill_the_disk_with_its_copy(shell, zeros, monkeypatch, free, code):
    """In Fortran order the first sample is complete only at the end, so that such a stream is copied to a file."""
    copies = shell.folder / "copies"
    copies.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    monkeypatch.setattr("losscli.data.locate._PIECE_BYTES", MEGABYTE)
    monkeypatch.setattr("losscli.data.locate._SMALL_COPY_BYTES", MEGABYTE)

    def disk(folder):
        assert Path(folder) == copies
        taken = sum(path.stat().st_size for path in copies.iterdir())
        return SimpleNamespace(total=1000 * MEGABYTE, free=free * MEGABYTE - taken)

    monkeypatch.setattr("shutil.disk_usage", disk)
    shell.write("p.npy", gzip.compress(npy_header((8 * MEGABYTE, 2), "|i1", fortran=True)) + zeros)
    outcome = shell("l1 p.npy p.npy --format value")
    assert outcome.code == code
    if code:
        assert outcome.err.startswith(f"losscli: error: p.npy: cannot be copied to {copies}/losscli-")
        assert "the disk would be all but full" in outcome.err
        assert [path.stat().st_size for path in copies.iterdir()] == [0]


def test_a_bomb_of_many_samples_streams(shell, zeros):
    shell.write("p.npy", gzip.compress(npy_header((40 * MEGABYTE,), "|i1")) + zeros * 3)
    done = limited(shell.folder, 300, "l1", "p.npy", "p.npy", "--format", "value")
    assert (done.returncode, done.stdout) == (0, "0.0\n")


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl"])
@pytest.mark.parametrize("first", [b"", b"1\n2\n"], ids=["at once", "later"])
def test_a_line_that_never_ends(shell, name, first):
    digits = gzip.compress(b"1" * (16 * MEGABYTE), 6)
    shell.write(name, gzip.compress(first) + digits * 32)
    shell.save("y.npy", np.zeros(3))
    done = limited(shell.folder, 450, "mse", name, "y.npy")
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith(f"losscli: error: {name}: ")
    assert "not enough memory" not in done.stderr


GATE = """
[[gate]]
name = "g"
loss = "mse"
predictions = "y.npy"
targets = "y.npy"
baseline = true
"""


def test_a_device_that_holds_no_data_is_not_copied(shell, complaint, monkeypatch):
    """It would have filled the disk before its format was looked at."""
    monkeypatch.setattr("losscli.data.locate.Input.spooled", lambda self: pytest.fail(f"{self} is copied"))
    assert "/dev/zero: its format cannot be told" in complaint("inspect /dev/zero")


def test_gates_and_baselines_that_never_end(shell):
    """They were read whole, until the system killed the process."""
    shell.save("y.npy", [1.0])
    shell.write("gates.toml", 'baseline = "/dev/zero"\n' + GATE)
    done = limited(shell.folder, 400, "check", "/dev/zero")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("losscli: error: /dev/zero: cannot be read: file too large\n")
    done = limited(shell.folder, 400, "check", "gates.toml")
    assert done.returncode == 3
    assert "/dev/zero: the baseline cannot be read: file too large" in done.stdout


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000 + "]" * 5000], ids=["number", "lists"])
def test_toml_that_python_cannot_hold(shell, complaint, value):
    """What is no syntax error either: more digits than Python converts, and lists too deep to walk through."""
    shell.save("y.npy", [1.0])
    shell.write("gates.toml", f"x = {value}\n")
    assert "gates.toml: is no TOML: " in complaint("check gates.toml", code=2)
    shell.write("pyproject.toml", f"[tool.losscli]\nx = {value}\n")
    assert "pyproject.toml: no defaults can be read from it" in complaint("mse y.npy y.npy", code=2)


@pytest.mark.parametrize("depth", [65, 2000, 10**6])
@pytest.mark.parametrize(("open_", "close"), ["[]", ('{"a":', "}")], ids=["lists", "objects"])
def test_json_that_nests_deeply(shell, complaint, depth, open_, close):
    deep = open_ * depth + "1" + close * depth
    shell.save("y.npy", np.zeros(4))
    shell.write("p.jsonl", f"{deep}\n" * 4)
    assert "p.jsonl: row 0 (line 1)" in complaint("mse p.jsonl y.npy")
    shell.write("p.jsonl", f"1\n2\n{deep}\n4\n")
    assert "p.jsonl: row 2 (line 3)" in complaint("mse p.jsonl y.npy")


def test_json_may_nest_as_deeply_as_arrays(shell):
    shell.write("p.jsonl", f"{'[' * 62}0, 1{']' * 62}\n" * 2)
    shell.save("y.npy", np.zeros((2, *[1] * 61, 2)))
    assert shell("mse p.jsonl y.npy --format value").out == "0.5\n"


# Files that change.

ROWS = 400_000
WRITERS = {
    "p.npy": lambda path: np.save(path, np.ones((ROWS, 8))),
    "f.npy": lambda path: np.save(path, np.asfortranarray(np.ones((ROWS, 8)))),
    "p.parquet": lambda path: pq.write_table(
        pa.table({str(c): np.random.default_rng(c).normal(size=ROWS) for c in range(8)}), path, row_group_size=40_000
    ),
    "p.arrow": lambda path: feather.write_feather(
        pa.table({str(c): np.ones(ROWS) for c in range(8)}), path, compression="uncompressed", chunksize=40_000
    ),
    "p.csv": lambda path: path.write_text("1,2,3,4,5,6,7,8\n" * ROWS),
    "p.jsonl": lambda path: path.write_text("[1,2,3,4,5,6,7,8]\n" * ROWS),
}


def shrink(path):
    os.truncate(path, path.stat().st_size // 3)


def grow(path):
    with path.open("ab") as file:
        file.write(b"1,2,3,4,5,6,7,8\n")


def replace(path):
    other = path.with_suffix(".other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def rewrite(path):
    time.sleep(0.02)  # more than a tick of the clock that stamps files
    with path.open("r+b") as file:
        file.write(path.read_bytes()[:1])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (shrink, " bytes, and has "),
        (grow, " bytes, and has "),
        (replace, "another file took its place"),
        (rewrite, "it was written to"),
        (Path.unlink, "it is gone"),
    ],
)
@pytest.mark.parametrize("name", list(WRITERS))
def test_a_file_that_changes_while_it_is_read(tmp_path, name, change, why):
    """Were it mapped, touching what was cut off would kill this process."""
    path = tmp_path / name
    WRITERS[name](path)
    blocks = align({"x": open_source(str(path)).select(None)}, 10_000)
    next(blocks)
    change(path)
    with pytest.raises(DataError) as caught:
        list(blocks)
    if caught.value.problem.endswith("the file changed while it was read"):
        assert why in caught.value.why
    else:  # what the reader itself said of an end that came too early
        assert change in (shrink, Path.unlink)
        assert "truncated" in caught.value.problem or "cannot be read any more" in caught.value.problem


def scoring(shell, output, *, targets="b.npy"):
    """A run that waits for the rest of its predictions, and has begun to write."""
    return subprocess.Popen(
        [LOSSCLI, "mse", "-", targets, "-o", output, "--input-format", "csv", "--format", "value"],
        cwd=shell.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begun(shell, runs):
    """Wait until so many runs write."""
    for _ in range(400):
        if sum(name.endswith(".tmp") for name in shell.files) == runs:
            return
        time.sleep(0.05)
    pytest.fail(f"{shell.files}")


def test_a_file_that_shrinks_under_a_run_leaves_the_old_output(shell):
    shell.write("old.csv", "precious\n")
    shell.save("b.npy", np.zeros(1000))
    process = scoring(shell, "old.csv")
    process.stdin.write("1.5\n" * 500)
    begun(shell, 1)
    os.truncate(shell.folder / "b.npy", 200)
    out, err = process.communicate("1.5\n" * 500, timeout=30)
    assert (process.returncode, out) == (3, "")
    assert err.startswith("losscli: error: b.npy: the file ")
    assert (shell.folder / "old.csv").read_text() == "precious\n"
    assert shell.files == {"old.csv", "b.npy"}


# Outputs that clash, or do not fit.


@pytest.mark.parametrize("extension", ["csv", "npy", "jsonl", "parquet"])
def test_two_runs_that_write_one_file_leave_one_whole_file(shell, extension):
    shell.save("b.npy", np.zeros(1000))
    output = f"out.{extension}"
    runs = [scoring(shell, output) for _ in range(2)]
    begun(shell, 2)
    for process, value in zip(runs, ("1\n", "2\n"), strict=True):
        process.stdin.write(value * 1000)
        process.stdin.close()
    for process in runs:
        assert process.wait(30) == 0
        process.stdout.close()
        process.stderr.close()
    assert shell.files == {"b.npy", output}
    losses = open_source(str(shell.folder / output))
    field = losses.select(None if extension == "npy" else ["loss"])
    values = np.concatenate([block.values["x"] for block in align({"x": field}, 500)])
    assert values.shape == (1000,)
    assert set(values.tolist()) in ({1.0}, {4.0})


@pytest.mark.parametrize("extension", ["csv", "npy", "jsonl", "parquet"])
def test_a_disk_that_fills_up_in_the_middle(shell, extension):
    """The limit on a file's size fails in the middle of a write, as a full disk does."""
    shell.save("a.npy", np.random.default_rng(0).normal(size=300_000))
    shell.write(f"old.{extension}", "precious\n")
    done = subprocess.run(
        [LOSSCLI, "mse", "a.npy", "a.npy", "-o", f"old.{extension}"],
        cwd=shell.folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, MEGABYTE)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"losscli: error: old.{extension}: cannot be written: file too large\n")
    assert (shell.folder / f"old.{extension}").read_text() == "precious\n"
    assert shell.files == {"a.npy", f"old.{extension}"}


def test_a_reader_that_leaves_in_the_middle_leaves_the_old_file(shell):
    shell.save("a.npy", np.arange(2_000_000.0))
    shell.write("old.csv", "precious\n")
    outcome = shell.script("losscli mse a.npy a.npy -o old.csv --format jsonl | head -1; echo ${PIPESTATUS[0]} >&2")
    assert outcome.err == "141\n"
    assert (shell.folder / "old.csv").read_text() == "precious\n"
    assert shell.files == {"a.npy", "old.csv"}


# What the fuzzer found.


def test_a_header_as_python_2_wrote_it_is_no_warning(shell):
    content = npy_header((2,)).replace(b"(2,), }", b"(2L,),}") + np.ones(2).tobytes()
    shell.write("p.npy", content)
    outcome = shell("mse p.npy p.npy --format value")
    assert (outcome.code, outcome.out, outcome.err) == (0, "0.0\n", "")


def test_swapped_bytes_are_written_to_parquet(shell):
    shell.save("p.npy", [1.0, 2.0], ">f8")
    assert shell("pseudo-huber p.npy p.npy -o out.parquet").code == 0
    assert pq.read_table(shell.folder / "out.parquet")["loss"].to_pylist() == [0.0, 0.0]


@pytest.mark.parametrize("shape", ["(True,)", "(2, False)"])
def test_a_shape_of_truth_values_is_damage(shell, complaint, shape):
    shell.write("p.npy", npy_header((1234567,)).replace(b"(1234567,)", shape.encode().ljust(10)) + bytes(8))
    assert "the NPY header is damaged" in complaint("mse p.npy p.npy")


# What a hand found that the fuzzer had not.


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_an_array_of_more_axes_than_numpy_has(shell, complaint, pack):
    shell.write("p.npy", pack(npy_header((1,) * 65) + bytes(8)))
    for command in ("mse p.npy p.npy", "nll p.npy p.npy", "inspect p.npy", "convert exp p.npy"):
        assert "p.npy: the array has 65 axes\n" in complaint(command)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("order", "<>")
def test_text_with_letters_beyond_unicode(shell, complaint, order, pack):
    letters = np.array([[0x61, 0x62], [0x61, 0x110000], [0x61, 0]], f"{order}u4")
    shell.write("y.npy", pack(npy_header((3,), f"{order}U2") + letters.tobytes()))
    shell.save("p.npy", np.full((3, 2), 0.5))
    for command in ("nll p.npy y.npy --classes ab,a", "inspect p.npy y.npy", "l1 p.npy p.npy --by y.npy"):
        error = complaint(command)
        assert "y.npy: row 1: the text is damaged\n" in error
        assert "0x110000" in error


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_table_as_wide_as_a_vocabulary(shell, name):
    """The time went with the square of the columns: half a minute for a loss, minutes for a look."""
    names = [f"c{number}" for number in range(20_000)]
    if name == "t.csv":
        shell.write(name, f"{','.join(names)}\n{','.join(['0.5'] * len(names))}\n")
    else:
        shell.write(name, json.dumps(dict.fromkeys(names, 0.5)) + "\n")
    shell.save("y.npy", [7])
    begin = time.process_time()
    value = float(shell(f"cross-entropy {name} y.npy --kind logits --format value").out)
    assert value == pytest.approx(np.log(20_000), rel=1e-15)
    assert shell(f"inspect {name}").code == 0
    assert time.process_time() - begin < 15


def test_a_feather_file_that_claims_a_huge_batch_is_damaged(shell):
    """Arrow asked for as much memory as the file says a batch takes, when only some columns were wanted."""
    stream = io.BytesIO()
    table = pa.table({"p": np.ones(77), "y": np.ones(77), "z": np.ones(77)})
    feather.write_feather(table, stream, compression="uncompressed")
    data = stream.getvalue()
    length = (3 * 77 * 8).to_bytes(8, "little")
    places = [place for place in range(len(data)) if data.startswith(length, place)]
    assert len(places) == 2  # before the batch, and in the footer
    codes = set()
    for place in places:
        shell.write("t.feather", data[: place + 7] + b"\x10" + data[place + 8 :])
        outcome = shell("mse t.feather --pred p --target y --format value")
        codes.add(outcome.code)
        damaged = "the Arrow file is truncated or damaged" in outcome.err
        assert damaged or outcome.out == "0.0\n"  # versions of Arrow trust one place or the other
    assert 3 in codes
