"""Files that are not there, not whole, or not what they seem to be."""

import gzip
import io
import pickle
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PROBS = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5], [0.6, 0.3, 0.1]])
CSV = "a,b,c\n" + "".join(",".join(map(str, row)) + "\n" for row in PROBS.tolist())


@pytest.fixture(autouse=True)
def labels(shell):
    shell.save("labels.npy", [0, 1, 2, 0])


def npy(values):
    stream = io.BytesIO()
    np.save(stream, np.asarray(values), allow_pickle=True)
    return stream.getvalue()


def parquet(**columns):
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def zipped(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), b"x")  # without the time, so that test names stay
    return stream.getvalue()


# As the fuzzer found it: NumPy's parser falls back to a tokenizer, which a minute was not enough for.
ENDLESS_HEADER = (
    b"\x93NUMPY\x01\x00" + (8224).to_bytes(2, "little") + (b"   ,".ljust(54) + b"\n\xb2").ljust(8223) + b"\n"
)
WHOLE = parquet(a=PROBS[:, 0], b=PROBS[:, 1], c=PROBS[:, 2])
PACKED = gzip.compress(CSV.encode(), mtime=0)
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("name", "content", "problem", "hint"),
    [
        ("p.npy", b"", "the input is empty", ""),
        ("p.csv", b"", "the input is empty", ""),
        ("p.parquet", b"", "the input is empty", ""),
        ("p.csv.gz", gzip.compress(b"", mtime=0), "the input is empty", ""),
        ("p.npy", npy(np.zeros((0, 3))), "the array has no rows", ""),
        ("p.csv", "a,b,c\n", "the table has no rows, only a header", "--no-header"),
        ("p.parquet", parquet(a=pa.array([], pa.float64())), "the table has no rows", ""),
        ("p.npy", npy(PROBS)[:-10], "the file is truncated: 86 of 96 bytes of data are there", "copy or save it again"),
        ("p.npy", npy(PROBS)[:20], "the NPY header cannot be read", "truncated or damaged"),
        ("p.npy", ENDLESS_HEADER, "the NPY header cannot be read", "length (8224) is large"),
        ("p.parquet", WHOLE[:-10], "the Parquet file is truncated or damaged", "copy or write it again"),
        (
            "p.parquet",
            WHOLE[:10] + b"x" * 50 + WHOLE[60:],
            "the Parquet file is truncated or damaged",
            "write it again",
        ),
        ("p.csv.gz", PACKED[:-9], "the gzip stream is truncated", ""),
        ("p.csv.gz", PACKED[:15] + bytes([PACKED[15] ^ 255]) + PACKED[16:], "the gzip stream is damaged", ""),
        ("p.npy", npy(np.array([{}, 1], object)), "an array of Python objects cannot be scored", "np.float64"),
        ("p.npy", npy(PROBS + 1j), "complex numbers (complex128) cannot be scored", "save the real part"),
        ("p.npy", npy(["a", "b", "c", "d"]), "an array of strings cannot be scored", "text may be labels of classes"),
        ("p.npy", npy(np.array(["2020-01-01"] * 4, "M8[D]")), "an array of dates (datetime64[D])", "save numbers"),
        ("p.npy", npy(np.zeros(4, [("a", "f8"), ("b", "f8")])), "an array of records", "one array for each field"),
        ("p.npy", pickle.dumps(PROBS), "this is a Python pickle, which is never opened", "np.save("),
        ("p.pkl", pickle.dumps([1, 2]), "this is a Python pickle, which is never opened", "np.save("),
        ("p.pt", zipped("archive/data.pkl", "archive/data/0"), "this is a PyTorch file", "torch.load(path)"),
        ("p.xlsx", zipped("[Content_Types].xml", "xl/workbook.xml"), "this is an Excel workbook", "as CSV"),
        ("p.npy", LFS, "this is a git-LFS pointer, not the data itself", "git lfs pull"),
        ("p.parquet", LFS, "this is a git-LFS pointer", "git lfs pull"),
        ("p.csv", LFS, "this is a git-LFS pointer", "git lfs pull"),
        ("p.csv", "<!DOCTYPE html>\n<html>Sign in</html>", "this is an HTML page", "download the file again"),
        ("p.npy", CSV, "this is not an NPY file, though its name ends in '.npy'", "--input-format csv"),
        ("p.xyz", CSV, "its format cannot be told", "--input-format"),
        ("p.bin", bytes(range(256)), "its format cannot be told", "--input-format"),
        ("p.csv", CSV.encode("utf-16"), "the text is UTF-16, not UTF-8", "iconv -f UTF-16 -t UTF-8 p.csv"),
        ("p.csv", b"\xff\xfe\0\0" + CSV.encode("utf-32-le"), "the text is UTF-32", "iconv -f UTF-32 -t UTF-8 p.csv"),
        ("p.csv", CSV.replace("\n", "\r", 2), "line 1 cannot be read", r"sed 's/\r$//; s/\r/\n/g' p.csv > clean.csv"),
        ("p.csv", CSV.encode("utf-16-le"), "the text is UTF-16LE, not UTF-8", "iconv -f UTF-16LE"),
        ("p.csv", b"\xe9,b,c\n1,2,3\n", "line 1 is not UTF-8: byte 0xe9", "iconv -f WINDOWS-1252"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_cause(shell, complaint, name, content, problem, hint):
    shell.write(name, content)
    error = complaint(f"nll {name} labels.npy")
    assert error.startswith(f"losscli: error: {name}: ")
    assert problem in error
    assert hint in error


def test_nothing_at_stdin(complaint):
    assert "<stdin>: the input is empty" in complaint("nll - labels.npy")


def test_half_an_array_at_stdin(complaint):
    assert "<stdin>: the file is truncated: 86 of 96" in complaint("nll - labels.npy", stdin=npy(PROBS)[:-10])


def test_a_missing_file_suggests_its_neighbours(shell, complaint):
    shell.save("preds.npy", PROBS)
    error = complaint("nll pred.npy labels.npy")
    assert "pred.npy: no such file or folder" in error
    assert "hint: did you mean 'preds.npy'" in error
    assert "labels.csv: no such file or folder" in complaint("nll preds.npy labels.csv")


LONG = "x" * 300


@pytest.mark.parametrize(
    "command",
    [
        f"mse {LONG}/y labels.npy",
        f"mse {LONG}:y labels.npy",
        f"mse labels.npy labels.npy --by {LONG}/y:z",
        f"mse labels.npy labels.npy --sample-weight {LONG}:y",
        f"inspect {LONG}/y",
        f"convert exp {LONG}/y -o y.csv",
        f"likelihood normal {LONG}/y --mean 0 --std 1",
        f"compare mse labels.npy labels.npy {LONG}/y",
        f"compare mse labels.npy labels.npy labels.npy --sample-weight {LONG}",
        f"compare mse {LONG}/y labels.npy --target a --pred b labels.npy",
        f"mse {LONG}/y labels.npy -o each.csv",
    ],
)
def test_a_name_that_is_too_long_for_the_system_is_missing(complaint, command):
    assert f"{LONG}" in complaint(command)


def test_a_variable_with_a_name_that_is_too_long(shell):
    outcome = shell.script("losscli mse labels.npy labels.npy", LOSSCLI_CONFIG=LONG)
    assert (outcome.code, outcome.out) == (2, "")
    assert "there is no such file" in outcome.err


def test_an_output_below_a_file_is_not_told_to_make_a_folder_of_it(complaint):
    error = complaint("mse labels.npy labels.npy -o labels.npy/each.csv")
    assert "labels.npy/each.csv: cannot be written: not a directory" in error
    assert "labels.npy is no folder" in error
    assert "mkdir" not in error


def test_the_hint_at_an_array_of_a_piped_archive_works(shell):
    stream = io.BytesIO()
    np.savez(stream, a=np.zeros((2, 3)), b=np.ones((2, 3)))
    outcome = shell("mse - labels.npy", stream.getvalue())
    assert "hint: a colon picks one: losscli LOSS -- -:a TARGETS" in outcome.err
    shell.save("zeros.npy", np.zeros((2, 3)))
    assert shell("mse --format value -- -:a zeros.npy", stream.getvalue()).out == "0.0\n"


def test_a_missing_folder_is_told_from_a_missing_file(complaint):
    error = complaint("nll runs/7/preds.npy labels.npy")
    assert "runs/7/preds.npy: no such file or folder" in error
    assert "there is no folder 'runs'" in error


def test_a_folder_without_data(shell, complaint):
    (shell.folder / "empty").mkdir()
    error = complaint("nll empty labels.npy")
    assert "empty: the folder holds no data files" in error
    assert "hint: name a file, or a glob" in error


def test_a_glob_without_matches(complaint):
    assert "part-*.npy: no file matches" in complaint("nll 'part-*.npy' labels.npy")


def test_a_text_named_npy_is_read_as_the_hint_says(shell):
    shell.write("p.npy", CSV)
    assert shell("nll p.npy labels.npy --input-format csv --format value").out == "0.4459478248947195\n"


@pytest.mark.parametrize("forced", ["npy", "npz", "parquet", "arrow"])
def test_a_forced_format_that_the_content_belies(shell, complaint, forced):
    shell.write("p.csv", CSV)
    error = complaint(f"nll p.csv labels.npy --input-format {forced}")
    assert "p.csv: this is not a" in error
    assert "which --input-format says it is" in error
    assert "hint: leave out --input-format" in error


def test_a_table_whose_header_begins_like_a_zip(shell):
    shell.write("p.csv", "PK1,PK2,PK3\n" + CSV.partition("\n")[2])
    assert shell("nll p.csv labels.npy --format value").out == "0.4459478248947195\n"


PART = {"a": [1.0, 2.0], "b": [1.5, 2.0]}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (parquet(**PART)[:-7], "parts/1.parquet: the Parquet file is truncated or damaged"),
        (parquet(a=[1.0, 2.0], c=[1.5, 2.0]), "parts/1.parquet: the part lacks 'b' and has 'c' besides"),
        (parquet(a=["x", "y"], b=[1.5, 2.0]), "parts/1.parquet: the part holds string in column 'a'"),
        (b"a,b\n1,2\n", "parts/1.parquet: this is not a Parquet file"),
    ],
)
def test_a_folder_with_one_part_that_does_not_belong(shell, complaint, content, problem):
    (shell.folder / "parts").mkdir()
    for number in range(3):
        shell.write(f"parts/{number}.parquet", parquet(**PART))
    assert shell("mse parts --pred a --target b --format value").out == "0.125\n"
    shell.write("parts/1.parquet", content)
    assert problem in complaint("mse parts --pred a --target b")
