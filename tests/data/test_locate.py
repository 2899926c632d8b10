"""From a spec to inputs, and from an input to its format."""

import gzip
import os
import pickle
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pytest

from losscli.data.locate import locate, split_member
from losscli.data.model import ReadOptions
from losscli.data.sniff import detect_format
from losscli.errors import DataError

TEXT = b"a,b\n1,2\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(found):
    with found.open() as stream:
        return stream.read()


def labels(spec):
    return [part.label for part in locate(spec)]


def test_a_path_is_kept_as_the_user_gave_it(folder):
    (folder / "p.csv").write_bytes(TEXT)
    (found,) = locate("./p.csv")
    assert (found.label, found.local_path, found.head, found.compression) == ("./p.csv", "./p.csv", TEXT, None)
    assert content(found) == content(found) == TEXT


def test_a_literal_path_wins(folder):
    for name in ("p[1].csv", "p1.csv", "p.csv:x"):
        (folder / name).write_bytes(TEXT)
    (folder / "p.csv").write_bytes(TEXT)
    assert labels("p[1].csv") == ["p[1].csv"]
    assert labels("p[12].csv") == ["p1.csv"]
    (found,) = locate("p.csv:x")
    assert found.member is None
    (found,) = locate("p.csv:y")
    assert (found.label, found.member) == ("p.csv", "y")


def test_split_member(folder):
    (folder / "a:b.csv").write_bytes(TEXT)
    assert split_member("a:b.csv") == ("a:b.csv", None)
    assert split_member("a:b.csv:c") == ("a:b.csv", "c")
    assert split_member("-:w") == ("-", "w")
    assert split_member("s3://bucket/key") == ("s3://bucket/key", None)


def test_names_within_a_file_may_hold_slashes_and_colons(folder):
    """So does what frameworks save of nested parameters; an error had hinted at `p.npz:dense/kernel` in vain."""
    (folder / "p.npz").write_bytes(TEXT)
    (folder / "p.npz:dense").mkdir()
    assert split_member("p.npz:dense/kernel") == ("p.npz", "dense/kernel")
    assert split_member("p.npz:a:b") == ("p.npz", "a:b")
    assert split_member("p.npz::") == ("p.npz", ":")
    assert split_member("-:a/b:c") == ("-", "a/b:c")
    assert split_member("p.npz:") == ("p.npz:", None)
    assert split_member("q.npz:a/b") == ("q.npz:a/b", None)
    (found,) = locate("p.npz:dense/kernel")
    assert (found.label, found.member) == ("p.npz", "dense/kernel")


def test_folders_and_globs_are_sorted_and_skip_hidden_names(folder):
    for name in ("d/b.csv", "d/a.csv", "d/_SUCCESS", "d/.crc", "d/x=1/c.csv", "d/_temporary/z.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(TEXT)
    assert labels("d") == ["d/a.csv", "d/b.csv", "d/x=1/c.csv"]
    assert labels("d/*") == ["d/a.csv", "d/b.csv", "d/x=1/c.csv"]
    assert labels("d/_S*") == ["d/_SUCCESS"]
    assert labels("d/**/*.csv") == ["d/_temporary/z.csv", "d/a.csv", "d/b.csv", "d/x=1/c.csv"]


def test_file_uri(folder):
    (folder / "p.csv").write_bytes(TEXT)
    (found,) = locate(f"file://{folder}/p.csv")
    assert content(found) == TEXT
    assert found.local_path == f"{folder}/p.csv"
    (found,) = locate(f"file://{folder}/p.csv:b")
    assert found.member == "b"
    with pytest.raises(DataError, match="no such file"):
        locate(f"file://{folder}/q.csv")
    with pytest.raises(DataError, match="cannot be reached") as caught:
        locate("gopher://host/x.csv")
    assert "curl" in caught.value.hint


def test_missing_names_the_nearest(folder):
    (folder / "labels.npy").write_bytes(b"x")
    with pytest.raises(DataError, match=r"label.npy: no such file") as caught:
        locate("label.npy")
    assert "'labels.npy'" in caught.value.hint
    with pytest.raises(DataError, match="no such file") as caught:
        locate("nowhere/deep/x.npy")
    assert "labels.npy" in caught.value.hint
    with pytest.raises(DataError, match="no file matches"):
        locate("*.parquet")


def test_what_cannot_be_read(folder):
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="holds no data files"):
        locate("empty")
    (folder / "dangling").symlink_to("nowhere")
    with pytest.raises(DataError, match="symbolic link leads nowhere"):
        locate("dangling")
    (folder / "zero.csv").write_bytes(b"")
    with pytest.raises(DataError, match=r"zero.csv: the input is empty"):
        _ = locate("zero.csv")[0].head
    (folder / "zero.csv.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match="empty") as caught:
        _ = locate("zero.csv.gz")[0].head
    assert "after gzip" in caught.value.why


def test_no_permission(folder, monkeypatch):
    (folder / "p.csv").write_bytes(TEXT)
    (found,) = locate("p.csv")

    def denied(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", denied)
    with pytest.raises(DataError, match="no permission"):
        _ = found.head


def test_control_characters_in_a_name_are_escaped():
    with pytest.raises(DataError) as caught:
        locate("a\x1b[31mb")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: pa.Codec("zstd").compress(data, asbytes=True)])
def test_compression_is_told_by_content(folder, pack):
    data = os.urandom(300_000)
    packed = pack(data)
    (folder / "p").write_bytes(packed)
    (found,) = locate("p")
    assert found.compression in ("gzip", "zstd")
    assert found.local_path is None
    assert found.head == data[: 1 << 16]
    assert content(found) == data
    with open(found.spooled(), "rb") as file:
        assert file.read() == data
    (folder / "p").write_bytes(packed[:-20])
    with pytest.raises(DataError, match=r"p: the (gzip|zstd) stream is (truncated|damaged)"):
        content(locate("p")[0])
    (folder / "p").write_bytes(packed[:40_000])
    with pytest.raises(DataError, match=r"p: the (gzip|zstd) stream is truncated"):
        content(locate("p")[0])


def test_corrupt_gzip(folder):
    packed = bytearray(gzip.compress(os.urandom(200_000)))
    packed[150_000] ^= 0xFF
    (folder / "p.gz").write_bytes(packed)
    with pytest.raises(DataError, match=r"p.gz: the gzip stream is damaged"):
        content(locate("p.gz")[0])


def test_gzip_of_several_members(folder):
    (folder / "p.gz").write_bytes(gzip.compress(b"1\n") + gzip.compress(b"2\n"))
    assert content(locate("p.gz")[0]) == b"1\n2\n"


def test_a_named_pipe_is_read_once_with_its_head(folder):
    import threading

    os.mkfifo("pipe")
    data = os.urandom(200_000)
    writer = threading.Thread(target=lambda: (folder / "pipe").write_bytes(data))
    writer.start()
    (found,) = locate("pipe")
    assert found.local_path is None
    assert data.startswith(found.head)
    assert content(found) == data
    writer.join()
    with pytest.raises(DataError, match="only once"):
        found.open()


def test_a_pipe_that_is_kept_can_be_read_again(folder):
    import threading

    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: (folder / "pipe").write_bytes(TEXT))
    writer.start()
    (found,) = locate("pipe")
    found.reread()
    writer.join()
    assert content(found) == content(found) == TEXT


def detected(folder, name, data, **options):
    (folder / name).write_bytes(data)
    return detect_format(locate(name)[0], ReadOptions(**options))


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("p.csv", b"\x93NUMPY\x01\x00", "npy"),
        ("p.npy", b"PAR1....", "parquet"),
        ("p", b"ARROW1\0\0", "arrow"),
        ("p.csv", b"\xff\xff\xff\xff\x10\0\0\0", "arrow"),
        ("p.csv", b"{1,2\n", "csv"),
        ("p.csv.gz", b"1,2\n", "csv"),
        ("p.TSV", b"1\t2\n", "tsv"),
        ("p.json", b"[1, 2]", "jsonl"),
        ("p.txt", b"1\t2\n", "tsv"),
        ("p.txt", b"1,2\n", "csv"),
        ("p", b'{"a": 1}\n', "jsonl"),
        ("p.csv", "a,b\n1,2\n".encode("utf-16"), "csv"),
        ("p", "a,b\n1,2\n".encode("utf-16"), "csv"),
    ],
)
def test_format(folder, name, data, expected):
    assert detected(folder, name, data) == expected


def zipped(name):
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "x")  # without the time, so that test names stay
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "named"),
    [
        ("p.csv", b"version https://git-lfs.github.com/spec/v1\noid", "git-LFS pointer"),
        ("p.csv", b"\n<!DOCTYPE html><html>", "HTML page"),
        ("p.npy", b"<HTML><body>", "HTML page"),
        ("p.pt", zipped("archive/data.pkl"), "PyTorch"),
        ("p.xlsx", zipped("[Content_Types].xml"), "Excel"),
        ("p.zip", zipped("p.csv"), "zip archive without arrays"),
        ("p.pkl", pickle.dumps([1]), "pickle"),
        ("p.npy", pickle.dumps([1], 2), "pickle"),
        ("p.safetensors", struct.pack("<Q", 20) + b'{"a":{}}', "safetensors"),
        ("p.h5", b"\x89HDF\r\n\x1a\n", "HDF5"),
        ("p.csv.bz2", b"BZh9", "bzip2"),
        ("p.csv.gz", gzip.compress(gzip.compress(b"1,2", mtime=0), mtime=0), "compressed twice"),
        ("p.npy", b"1,2\n3,4\n", "this is not an NPY file"),
        ("p.parquet", b"1,2\n3,4\n", "this is not a Parquet file"),
        ("p.npy", b"\0\1\2\3", "this is not an NPY file"),
        ("p.md", b"# Read me", "format cannot be told"),
        ("p", b"\0\1\2\3", "format cannot be told"),
    ],
)
def test_what_is_something_else_is_named(folder, name, data, named):
    with pytest.raises(DataError, match=named) as caught:
        detected(folder, name, data)
    assert caught.value.hint


def test_text_named_npy_has_the_way_out_in_its_hint(folder):
    with pytest.raises(DataError) as caught:
        detected(folder, "p.npy", TEXT)
    assert "--input-format csv" in caught.value.hint
    assert detected(folder, "p.npy", TEXT, input_format="csv") == "csv"


def test_an_archive_of_arrays(folder):
    np.savez(folder / "p.npz", np.zeros(2))
    assert detect_format(locate("p.npz")[0], ReadOptions()) == "npz"
