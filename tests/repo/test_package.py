"""The package says of itself what is true: version, names, types."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
from make_stub import STUB, stub
from reading import ROOT

import losscli
from losscli.losses.catalogue import catalogue

ERRORS = {"LosscliError", "UsageError", "DataError", "OutputError"}
EXTRAS = {"__version__", "compute", "likelihood", "mle", "LossWarning", "Result"} | ERRORS


def test_version_is_stated_once():
    assert metadata.version("losscli") == losscli.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", losscli.__version__)
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "losscli").rglob("*.py")]
    assert sum(f'"{losscli.__version__}"' in source for source in sources) == 1


def test_public_names_are_the_losses_and_the_documented_extras():
    assert set(dir(losscli)) == EXTRAS | {loss.function for loss in catalogue().values()}
    assert all(getattr(losscli, name) is not None for name in dir(losscli))
    with pytest.raises(AttributeError, match="no_such_loss"):
        losscli.no_such_loss  # noqa: B018 - the look-up is the test


def test_stub_is_what_the_catalogue_says():
    assert STUB.read_text(encoding="utf-8") == stub(), "run `python tests/repo/make_stub.py`"


def test_types_are_seen_by_a_strict_type_checker(tmp_path):
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(
        "import numpy as np\n"
        "import losscli\n"
        "reveal_type(losscli.nll([[0.0, -1.0]], [0]))\n"
        "reveal_type(losscli.nll(np.zeros((2, 2)), [0, 1], kind='logits', ignore_index=1, reduction='sum'))\n"
        "reveal_type(losscli.huber([1.0], [2.0], delta=2.0, reduction='none'))\n"
        "reveal_type(losscli.compute('mse', 'a.npy', 'b.npy').value)\n"
        "losscli.nll([[0.0]], [0], kind='odds')\n"
        "losscli.huber([1.0], [2.0], delt=2.0)\n",
        encoding="utf-8",
    )
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    revealed = re.findall(r'Revealed type is "(.+)"', run.stdout)
    assert [re.sub(r"builtins\.|numpy\.", "", kind) for kind in revealed[:2]] == ["float", "float"], run.stdout
    assert "ndarray" in revealed[2]
    assert "float" in revealed[3]
    errors = re.findall(r"program\.py:(\d+): error", run.stdout)
    assert set(errors) == {"7", "8"}, run.stdout


@pytest.mark.parametrize("loss", catalogue().values(), ids=lambda loss: loss.name)
def test_bad_options_are_usage_errors(loss):
    function = getattr(losscli, loss.function)
    with pytest.raises(losscli.UsageError, match="no option 'no_such'"):
        function(np.zeros((2, 2)), np.zeros(2), no_such=1)
    with pytest.raises(losscli.UsageError, match="reduction is 'median'"):
        function(np.zeros((2, 2)), np.zeros(2), reduction="median")


def test_py_typed_ships():
    assert (ROOT / "losscli" / "py.typed").is_file()
