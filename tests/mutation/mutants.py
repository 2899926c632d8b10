"""Mutants: a module with one small change, by mutmut's operators."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import libcst as cst
import mutmut.configuration
from libcst.metadata import MetadataWrapper

# mutmut asks for the settings of its own runner, which is not used, as soon as the rest of it is imported.
mutmut.configuration._guess_source_paths = lambda: ["losscli"]

from mutmut.mutation.file_mutation import MutationVisitor, get_ignored_lines  # noqa: E402
from mutmut.mutation.mutators import mutation_operators  # noqa: E402


@dataclass(frozen=True)
class Mutant:
    """A module's source with a change in it; `function` is the outermost that holds the change, or empty."""

    module: str
    function: str
    before: str
    after: str
    source: str

    @property
    def place(self) -> str:
        """The function or the module that is changed, by its full name."""
        return f"{self.module}.{self.function}".rstrip(".")


def mutants_of(module: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    source = path_of(module).read_text()
    wrapper = MetadataWrapper(cst.parse_module(source))
    changes = _Changes(mutation_operators, get_ignored_lines(module, source, wrapper, None))
    tree = wrapper.visit(changes)
    found = []
    for change, (function, statement) in zip(changes.mutations, changes.places, strict=True):
        whole = tree.code_for_node(statement)
        changed = tree.code_for_node(statement.deep_replace(change.original_node, change.mutated_node))
        found.append(Mutant(module, function, *_difference(whole, changed), source.replace(whole, changed, 1)))
    return found


def path_of(module: str) -> Path:
    """Where a module's source stands; nothing but its package is looked up, and nothing imported."""
    package = find_spec(module.partition(".")[0])
    return Path(*package.submodule_search_locations, *module.split(".")[1:]).with_suffix(".py")


class _Changes(MutationVisitor):
    """Changes of code, not of prose: sentences, messages of errors and what a decorator says of a loss stay.

    mutmut itself leaves decorated functions alone, which every loss is.
    """

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.places: list[tuple[str, cst.CSTNode]] = []
        """Of each change the function, and the statement of the module that holds it."""
        self._names: list[str] = []
        self._function: cst.FunctionDef | None = None
        self._statements: set[cst.CSTNode] = set()
        self._statement: cst.CSTNode | None = None

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Module):
            self._statements = set(node.body)
        elif node in self._statements:
            self._statement = node
        if self._function is None and isinstance(node, cst.ClassDef | cst.FunctionDef):
            self._names.append(node.name.value)
            self._function = node if isinstance(node, cst.FunctionDef) else None
        visited = super().on_visit(node)
        place = ".".join(self._names) if self._function else "", self._statement
        self.places += [place] * (len(self.mutations) - len(self.places))
        return visited

    def on_leave(self, node: cst.CSTNode) -> None:
        super().on_leave(node)
        if node is self._function or (self._function is None and isinstance(node, cst.ClassDef)):
            self._names.pop()
            self._function = None

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        match node:
            case cst.FunctionDef():
                return False
            case cst.Decorator() | cst.Raise() | cst.If(test=cst.Name("TYPE_CHECKING")):
                return True
            case cst.SimpleString(value=text) if self._function is None or " " in text:
                return True
            case cst.Assign(value=cst.BaseString()) if self._function is None:
                return True
        return super()._skip_node_and_children(node)


def _difference(source: str, changed: str) -> tuple[str, str]:
    """The lines that a change replaces, and what replaces them, each as one line."""
    lines = list(difflib.unified_diff(source.splitlines(), changed.splitlines(), lineterm="", n=0))[2:]
    before, after = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return before, after
