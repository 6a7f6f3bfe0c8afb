"""Read which module imports which, without importing any of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

When = Literal["module", "function", "typing"]


@dataclass(frozen=True)
class Import:
    """One import of a module of the package by another."""

    importer: str
    imported: str
    when: When
    functions: tuple[str, ...]
    line: int

    def __str__(self) -> str:
        where = f" in {self.functions[-1]}()" if self.functions else ""
        return f"{self.importer}:{self.line} imports {self.imported}{where}"


def modules(package: Path) -> dict[str, Path]:
    """Return every module of a package by its dotted name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(package: Path) -> list[Import]:
    """Return every import inside a package, also those in functions and by name."""
    known = modules(package)
    found = []
    for name, path in known.items():
        reader = _Reader(name, known, is_package=path.name == "__init__.py")
        reader.visit(ast.parse(path.read_text(encoding="utf-8")))
        found += reader.found
    return found


class _Reader(ast.NodeVisitor):
    def __init__(self, importer: str, known: dict[str, Path], *, is_package: bool) -> None:
        self.importer = importer
        self.known = known
        self.is_package = is_package
        self.top = importer.partition(".")[0]
        self.found: list[Import] = []
        self.functions: tuple[str, ...] = ()
        self.typing = False

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer, self.functions = self.functions, (*self.functions, node.name)
        self.generic_visit(node)
        self.functions = outer

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_If(self, node: ast.If) -> None:
        test = ast.unparse(node.test)
        outer, self.typing = self.typing, self.typing or test in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for statement in node.body:
            self.visit(statement)
        self.typing = outer
        for statement in node.orelse:
            self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = self._absolute(node)
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            self._add(inner if inner in self.known else base, node)

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in {"import_module", "require", "__import__"} and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                self._add(first.value, node)
        self.generic_visit(node)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.importer.split(".")
        parts = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*parts, *([node.module] if node.module else [])])

    def _add(self, imported: str, node: ast.stmt | ast.expr) -> None:
        if imported.partition(".")[0] != self.top:
            return
        when: When = "typing" if self.typing else "function" if self.functions else "module"
        self.found.append(Import(self.importer, imported, when, self.functions, node.lineno))


def cycles(edges: dict[str, set[str]]) -> Iterator[list[str]]:
    """Yield the groups of modules that reach each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def connect(node: str) -> Iterator[list[str]]:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(edges.get(node, ())):
            if target not in index:
                yield from connect(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            at = stack.index(node)
            group = stack[at:]
            del stack[at:]
            if len(group) > 1 or node in edges.get(node, ()):
                yield sorted(group)

    for node in sorted(edges):
        if node not in index:
            yield from connect(node)
