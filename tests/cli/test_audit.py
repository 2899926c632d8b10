"""No network, no unpickling, no other program, and nothing that an input holds is run: heard by Python's audit hook."""

import gzip
import json
import os
import pickle
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather
from watched import MARK

from losscli.cli.commands import COMMANDS
from losscli.losses.catalogue import catalogue

WATCHED = Path(__file__).with_name("watched.py")
SAMPLES = Path(__file__).parents[2] / "sample_data"
OWNED = f"owned-{MARK}"


class Payload:
    """Makes a file when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, (OWNED,))


EVIL = f"__import__('os').mkdir('{OWNED}')"
"""Makes a file when it is run as Python."""


def watch(folder, commands, **environment):
    """What should not have happened while the commands ran, and their exit codes."""
    asked = [[list(command), given] for command, given in commands]
    done = subprocess.run(
        [sys.executable, WATCHED],
        input=json.dumps(asked),
        cwd=folder,
        env=os.environ | {"GITHUB_STEP_SUMMARY": "summary.md", "MPLCONFIGDIR": str(folder)} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not (folder / OWNED).exists()
    found = [(asked[number][0], event, what) for number, event, what in told["found"]]
    return found, told["codes"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Inputs in every format, with code in every place that takes text, and pickles where one may lie."""
    folder = tmp_path_factory.mktemp("audit")
    probs, labels = np.array([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 0])
    names = [f"p_{EVIL}", f"p_{MARK}"]
    text = [names[0][2:], MARK, names[0][2:]]
    np.save(folder / "p.npy", probs)
    np.save(folder / "f.npy", np.asfortranarray(probs))
    np.save(folder / "y.npy", labels)
    np.savez(folder / "a.npz", p=probs, **{EVIL.replace("/", ""): labels})
    np.save(folder / "object.npy", np.array([Payload(), EVIL], object), allow_pickle=True)
    np.savez(folder / "object.npz", np.array([Payload()], object), allow_pickle=True)
    with zipfile.ZipFile(folder / "pickle.npz", "w") as archive:
        archive.writestr("a.npy", pickle.dumps(Payload()))
    (folder / "pickle.npy").write_bytes(pickle.dumps(Payload()))
    (folder / "pickle.npy.gz").write_bytes(gzip.compress(pickle.dumps(Payload())))
    table = pa.table({names[0]: probs[:, 0], names[1]: probs[:, 1], EVIL: text, "y": labels})
    pandas = {"pandas": json.dumps({"columns": [{"name": EVIL, "pandas_type": EVIL, "numpy_type": EVIL}],
                                    "index_columns": [EVIL], "creator": {"library": EVIL}})}  # fmt: skip
    pq.write_table(table.replace_schema_metadata(pandas), folder / "t.parquet")
    (folder / "parts").mkdir()
    for part in range(2):
        pq.write_table(table, folder / "parts" / f"{part}.parquet")
    extension = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata":
                 pickle.dumps(Payload())}  # fmt: skip
    fields = [pa.field(name, table.schema.field(name).type, metadata=extension) for name in table.column_names]
    typed = pa.Table.from_arrays(table.columns, schema=pa.schema(fields))
    pq.write_table(typed, folder / "typed.parquet")
    sink = BytesIO()
    with pa.ipc.new_file(sink, typed.schema) as writer:
        writer.write_table(typed)
    (folder / "typed.arrow").write_bytes(sink.getvalue())
    feather.write_feather(table, folder / "t.feather")
    lines = [",".join(f'"{cell}"' for cell in [*names, EVIL, "y"])]
    lines += [f'{p[0]},{p[1]},"{label}",{y}' for p, label, y in zip(probs, text, labels, strict=True)]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    (folder / "t.tsv").write_text("\n".join(lines).replace(",", "\t") + "\n")
    (folder / "t.csv.gz").write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    (folder / "code.csv").write_text(f"a\n{EVIL}\n{EVIL}\n")
    rows = [dict(zip([*names, EVIL, "y"], [*p, label, int(y)], strict=True))
            for p, label, y in zip(probs.tolist(), text, labels, strict=True)]  # fmt: skip
    (folder / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    gate = f'name = {json.dumps(EVIL)}\nloss = "nll"\npredictions = "t.parquet"\nmax = 9\n'
    gate += f'options = {{ pred = "p_*", target = {json.dumps(EVIL)} }}\nworst_group = {{ by = "class", max = 9 }}\n'
    (folder / "gates.toml").write_text(f"[[gate]]\n{gate}")
    defaults = f"[tool.losscli]\nreduction = 'sum'\n[tool.{MARK}]\nx = {json.dumps(EVIL)}\n"
    (folder / "pyproject.toml").write_text(defaults)
    return folder


TABLES = ("t.parquet", "parts", "parts/*.parquet", "typed.parquet", "typed.arrow", "t.feather", "t.csv", "t.csv.gz",
          "t.jsonl")  # fmt: skip
ARRAYS = ("p.npy", "f.npy", "a.npz:p")
PICKLES = ("object.npy", "object.npz", "pickle.npz", "pickle.npy", "pickle.npy.gz")
LABELLED = ("--header", "--pred", "p_*", "--target", EVIL)


def readings():
    """Every format through every way to read it."""
    for file in TABLES:
        for form in ("table", "json", "csv", "md", "jsonl", "value"):
            yield ("nll", file, *LABELLED, "--format", form), None
        yield ("nll", file, *LABELLED, "--by", EVIL, "--top", "2", "--plot", "--baselines", "--show-work"), None
        yield ("inspect", file, "--header"), None
    for file in ARRAYS:
        yield ("nll", file, "y.npy", "--json"), None
    for file in ("p.npy", "t.csv", "t.parquet", "t.jsonl", "t.csv.gz"):
        yield ("nll", "-", *([] if file == "p.npy" else ["--header", "--target", "y", "--pred", "p_*"]),
               *(["y.npy"] if file == "p.npy" else [])), file  # fmt: skip
    for extension in ("npy", "csv", "parquet", "jsonl"):
        yield ("nll", "p.npy", "y.npy", "-o", f"out.{extension}"), None


def refusals():
    """What must not be read at all, or holds nothing to read."""
    for file in PICKLES:
        for command in (("mse", file, "y.npy"), ("inspect", file), ("mle", "normal", file), ("convert", "log", file)):
            yield command, None
        yield ("mse", "-", "y.npy"), file
    yield ("mse", "code.csv", "y.npy"), None
    yield ("nll", EVIL, "y.npy"), None
    yield ("nll", "p.npy", "y.npy", "--kind", EVIL), None
    yield ("nll", "p.npy", "y.npy", "--class-weight", EVIL), None


def everything():
    """Every loss and every command."""
    for loss in catalogue():
        yield (loss, "--help"), None
        yield ("explain", loss), None
    for loss in ("l1", "l2", "mse", "huber", "pseudo-huber", "hinge", "bce", "sigmoid-cross-entropy",
                 "weighted-cross-entropy"):  # fmt: skip
        yield (loss, "y.npy", "y.npy"), None
    yield ("gaussian-nll", "y.npy", "y.npy", "--std", "2"), None
    yield ("cross-entropy", "p.npy", "y.npy", "--kind", "probs"), None
    yield ("sequence-nll", "p.npy", "y.npy"), None
    yield ("perplexity", "p.npy", "y.npy", "--reduction", "mean"), None
    yield ("ctc", "p.npy", "y.npy", "--target-lengths", "0"), None
    yield ("--help",), None
    yield ("--help-all",), None
    yield ("--version",), None
    yield ("list",), None
    yield ("schema",), None
    yield ("compare", "nll", "t.feather", "t.parquet", "t.jsonl", *LABELLED, "--cluster", EVIL), None
    yield ("convert", "log", "p.npy"), None
    yield ("curve", "huber", "--target", "0", "--pred", "-1:1:5", "--plot"), None
    yield ("likelihood", "normal", "y.npy", "--mean", "0", "--std", "1"), None
    yield ("mle", "normal", "y.npy"), None
    for form in ("table", "json", "md"):
        yield ("check", "gates.toml", "--format", form, "--junit", "out.xml", "--github"), None


@pytest.mark.parametrize("commands", [readings, refusals, everything])
def test_nothing_is_run_nor_unpickled_and_nobody_is_called(folder, commands):
    asked = list(commands())
    found, codes = watch(folder, asked)
    assert found == []
    assert set(codes) <= {0, 2, 3}
    wrong = [command for command, code in zip(asked, codes, strict=True) if (code != 0) is not (commands is refusals)]
    assert wrong == []


def test_a_picture_runs_one_program_that_is_matplotlib_s(folder):
    """The optional extra asks fontconfig for the fonts of the system when it is used for the first time."""
    plots = [("curve", "huber", "--target", "0", "--pred", "-1:1:5"), ("nll", "t.parquet", *LABELLED)]
    found, codes = watch(folder, [((*plot, "--save-plot", "out.svg"), None) for plot in plots])
    assert codes == [0, 0]
    assert {(event, what[:11]) for _, event, what in found} <= {("subprocess.Popen", "('fc-list',")}


def test_every_command_is_watched():
    run = {command[0] for commands in (readings, refusals, everything) for command, _ in commands()}
    assert {*catalogue(), *COMMANDS} <= run


@pytest.mark.parametrize(("code", "event"), [
    ("import socket; socket.socket()", "socket.__new__"),
    ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
    ("import os; os.system('true')", "os.system"),
    ("import pickle; pickle.loads(pickle.dumps(int))", "pickle.find_class"),
    (f'eval("1 + len({MARK!r})")', "compile"),
    ("exec(compile('x = 1', 'data.csv', 'exec'))", "exec"),
    ("import numpy as np; np.load('object.npy', allow_pickle=True)", "pickle.find_class"),
])  # fmt: skip
def test_the_watcher_hears_what_it_should(folder, tmp_path, code, event):
    """Each of these inside losscli would be found."""
    script = (
        "import runpy, sys; import losscli.cli\n"
        f"def command_line():\n    {code}\n    return 0\n"
        "losscli.cli.command_line = command_line\n"
        f"runpy.run_path({str(WATCHED)!r}, run_name='__main__')\n"
    )
    copy = tmp_path / "object.npy"
    np.save(copy, np.array([int], object), allow_pickle=True)
    done = subprocess.run([sys.executable, "-c", script], input='[[["x"], null]]', cwd=tmp_path, capture_output=True,
                          text=True, timeout=60, check=True)  # fmt: skip
    assert event in {heard for _, heard, _ in json.loads(done.stdout)["found"]}
