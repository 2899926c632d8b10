"""The table of `make accuracy`, without the peers: losscli stays within its bar."""

import runpy
import sys
from pathlib import Path

import pytest


def test_the_table(monkeypatch, capsys, tmp_path):
    here = Path(__file__).parent
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- accuracy -->\nold\n<!-- end of accuracy -->\nafter\n")
    monkeypatch.setattr(sys, "argv", ["accuracy", "--into", str(readme)])
    monkeypatch.setattr(sys, "path", [str(here), *sys.path])
    with pytest.raises(SystemExit) as leaving:
        runpy.run_path(str(here), run_name="__main__")
    assert leaving.value.code == 0
    page = capsys.readouterr().out
    assert page.startswith("| loss | points | losscli |\n")
    assert page.count("\n") == 14
    assert readme.read_text() == f"before\n<!-- accuracy -->\n\n{page}<!-- end of accuracy -->\nafter\n"
