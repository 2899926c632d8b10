"""Imports run one way, and nothing heavy is imported before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from reading import ROOT

import losscli
from losscli.losses.catalogue import Loss, catalogue

PACKAGE = ROOT / "losscli"
MODULES = sorted(PACKAGE.rglob("*.py"))

EVERYWHERE = {"losscli.errors", "losscli.exits", "losscli.records", "losscli.version", "losscli.wording"}
ALLOWED = {
    "numerics": set(),
    "losses": {"losscli.losses", "losscli.numerics"},
    "data": {"losscli.data"},
    "engine": {"losscli.engine", "losscli.data", "losscli.losses", "losscli.numerics"},
    "report": {"losscli.report", "losscli.engine.result"},
    "cli": {"losscli.cli", "losscli.report", "losscli.engine", "losscli.data", "losscli.losses", "losscli.numerics"},
    "__init__": {"losscli.engine", "losscli.losses"},
    "__main__": {"losscli.cli"},
    "errors": set(),
    "exits": set(),
    "records": set(),
    "version": set(),
    "wording": set(),
}
"""What each room may import of the house, beside `EVERYWHERE`."""

TYPES_OF = {"report": {"losscli.engine"}}
"""What a room may name for a type checker alone: the records that it shows."""

OPTIONAL = {"report/plot_image.py": {"matplotlib"}}
"""What comes with an extra, and the only file that may ask for it."""

LIGHT = {"numpy"}
"""What the modules of the core may import from outside at all."""


def imports(module: Path, *, types: bool = True) -> set[str]:
    """The modules that a file imports anywhere; what only a type checker sees is left out if so asked."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if not types and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            assert node.module
            found.update(
                f"{node.module}.{name.name}" if is_module(f"{node.module}.{name.name}") else node.module
                for name in node.names
            )
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(module.read_text(encoding="utf-8")))
    return found


def outside(module: Path) -> set[str]:
    """The packages from elsewhere that a file needs when it runs."""
    packages = {name.split(".")[0] for name in imports(module, types=False)}
    return packages - set(sys.stdlib_module_names) - {"losscli"}


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def within(name: str, rooms: set[str]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).with_suffix("").parts[0]


def ident(module: Path) -> str:
    return str(module.relative_to(PACKAGE))


@pytest.mark.parametrize("module", MODULES, ids=ident)
def test_imports_run_one_way(module):
    allowed = ALLOWED[room_of(module)] | EVERYWHERE
    for types, more in ((False, set()), (True, TYPES_OF.get(room_of(module), set()))):
        own = {name for name in imports(module, types=types) if within(name, {"losscli"})}
        assert sorted(name for name in own if not within(name, allowed | more)) == []


@pytest.mark.parametrize("module", [m for m in MODULES if room_of(m) in {"losses", "numerics"}], ids=ident)
def test_the_core_needs_numpy_alone(module):
    assert outside(module) <= LIGHT


@pytest.mark.parametrize("module", MODULES, ids=ident)
def test_only_what_the_package_depends_on_is_imported(module):
    assert outside(module) <= {"numpy", "pyarrow", "rich", "typer"} | OPTIONAL.get(ident(module), set())


@pytest.mark.parametrize("module", [m for m in MODULES if room_of(m) != "cli"], ids=ident)
def test_typer_belongs_to_the_command_line(module):
    assert not any(within(name, {"typer"}) for name in imports(module))


def loaded_by(code: str) -> set[str]:
    """The names of the modules that a fresh interpreter has loaded after the code."""
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import losscli", {"numpy", "pyarrow", "rich", "typer", "losscli.engine", "losscli.losses"}),
        ("import losscli; losscli.__version__", {"numpy", "pyarrow", "rich", "typer"}),
        ("import losscli.losses.catalogue as c; c.catalogue()", {"pyarrow", "rich", "typer", "losscli.data"}),
        ("import losscli.engine.api", {"pyarrow", "rich", "typer"}),
        ("import losscli; losscli.mse([1.0], [2.0])", {"pyarrow", "rich", "typer", "concurrent.futures", "csv"}),
        ("import losscli.report", {"pyarrow", "rich", "typer", "losscli.losses", "losscli.data"}),
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code, absent):
    assert sorted(absent & loaded_by(code)) == []


def test_numbers_alone_from_file_to_value_need_neither_pyarrow_nor_rich():
    code = "import losscli; losscli.compute('l1', 'sample_data/diabetes_pred.npy', 'sample_data/diabetes_target.npy')"
    assert not {"pyarrow", "rich", "typer"} & loaded_by(code)


@pytest.mark.parametrize("loss", catalogue().values(), ids=lambda loss: loss.name)
def test_a_loss_stands_once(loss: Loss):
    """Its kernel is public, lives in the module of a family, and is a function of the package."""
    module = loss.kernel.__module__
    assert within(module, {"losscli.losses"})
    assert loss.kernel.__name__ == loss.function
    assert getattr(losscli, loss.function).__name__ == loss.function


def test_a_family_holds_losses_and_what_they_share():
    """A public function of a family's module that is no loss, or a loss entered twice, is a slip."""
    kernels = {loss.kernel.__name__: loss for loss in catalogue().values()}
    assert len(kernels) == len(catalogue())
    for module in {loss.kernel.__module__ for loss in kernels.values()}:
        tree = ast.parse(PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py").read_text(encoding="utf-8"))
        functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")}
        assert functions <= set(kernels)
    by_family: dict[str, set[str]] = {}
    for loss in kernels.values():
        by_family.setdefault(loss.family, set()).add(loss.kernel.__module__)
    assert all(len(modules) == 1 for modules in by_family.values())


def test_the_order_of_the_catalogue_does_not_depend_on_who_asks():
    first = "import losscli.losses.catalogue as c; print(*c.catalogue())"
    for other in ("losscli.engine.api", "losscli.losses.sequence"):
        orders = [
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
            for code in (first, f"import {other}; {first}")
        ]
        assert orders[0] == orders[1]
