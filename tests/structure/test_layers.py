"""The import order is the architecture: a module imports only from rooms below its own."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tests.structure.imports import Import, cycles, imports, modules

PACKAGE = Path(__file__).resolve().parents[2] / "explorer"

# Lowest first. Rooms on one line do not import each other, but for the floor.
ORDER = (
    ("_errors",),
    ("_optional",),
    ("_progress",),
    ("remote",),
    ("images",),
    ("compute",),
    ("table",),
    ("sources", "models"),
    ("analysis",),
    ("views",),
    ("",),  # explorer/__init__.py, the door
)
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}

# The ways up: (module, room that it reaches, functions that may). A late import, or one for annotations.
UPWARD = {
    ("explorer.table.table", "views"): {"explore", "plot"},
    ("explorer.table.table", "analysis"): {"umap", "pca", "similar"},
}


def room_of(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def complaint(found: Import) -> str | None:
    """Say what is wrong with an import, if anything is."""
    here, there = room_of(found.importer), room_of(found.imported)
    for room in (here, there):
        if room not in LEVEL:
            return f"{found}: there is no place for {room!r} in the order"
    if here == there or LEVEL[there] < LEVEL[here]:
        return None
    functions = UPWARD.get((found.importer, there), set())
    if functions and (found.when == "typing" or functions & set(found.functions)):
        return None
    way = "sideways" if LEVEL[there] == LEVEL[here] else "upward"
    return f"{found}: that is {way}"


def test_every_module_has_a_place_in_the_order():
    rooms = {room_of(name) for name in modules(PACKAGE)}
    assert rooms <= set(LEVEL), f"not in the order: {sorted(rooms - set(LEVEL))}"


def test_no_module_imports_from_above():
    complaints = [said for found in imports(PACKAGE) if (said := complaint(found))]
    assert not complaints, "\n".join(complaints)


def test_no_cycles_while_modules_are_imported():
    edges: dict[str, set[str]] = defaultdict(set)
    for found in imports(PACKAGE):
        if found.when == "module":
            edges[found.importer].add(found.imported)
    assert not list(cycles(edges))


@pytest.mark.parametrize(
    ("importer", "imported", "when", "functions", "allowed"),
    [
        ("explorer.table.table", "explorer.compute.engine", "module", (), True),
        ("explorer.table.table", "explorer.table.column", "function", ("head",), True),
        ("explorer.compute.engine", "explorer.table.table", "typing", (), False),
        ("explorer.compute.engine", "explorer.table.table", "function", ("run",), False),
        ("explorer.sources.files", "explorer.models.layers", "module", (), False),
        ("explorer.models.layers", "explorer.sources.files", "function", ("load",), False),
        ("explorer.table.table", "explorer.views.widget", "module", (), False),
        ("explorer.table.table", "explorer.views.widget", "typing", (), True),
        ("explorer.table.table", "explorer.views.widget", "function", ("explore",), True),
        ("explorer.table.table", "explorer.views.widget", "function", ("head",), False),
        ("explorer.table.column", "explorer.views.widget", "function", ("explore",), False),
        ("explorer.table.table", "explorer.analysis.embedding", "function", ("umap",), True),
        ("explorer.images.decode", "explorer", "function", ("decode",), False),
        ("explorer", "explorer.views.widget", "function", ("__getattr__",), True),
        ("explorer.attic.old", "explorer._errors", "module", (), False),
    ],
)
def test_what_the_order_allows(importer, imported, when, functions, allowed):
    assert (complaint(Import(importer, imported, when, functions, 1)) is None) is allowed


def test_imports_are_found_wherever_they_hide(tmp_path):
    package = tmp_path / "house"
    (package / "attic").mkdir(parents=True)
    (package / "__init__.py").write_text("from house.attic import box\n")
    (package / "attic" / "__init__.py").write_text("from .box import lid\n")
    (package / "attic" / "box.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n"
        "    from house import cellar\n"
        "import os, house.cellar\n"
        "def lid():\n"
        "    from .. import cellar\n"
        "    import_module('house.roof')\n"
    )
    (package / "cellar.py").write_text("import house.attic.box as box\n")
    assert [(found.importer, found.imported, found.when) for found in imports(package)] == [
        ("house", "house.attic.box", "module"),
        ("house.attic", "house.attic.box", "module"),
        ("house.attic.box", "house.cellar", "typing"),
        ("house.attic.box", "house.cellar", "module"),
        ("house.attic.box", "house.cellar", "function"),
        ("house.attic.box", "house.roof", "function"),
        ("house.cellar", "house.attic.box", "module"),
    ]


def test_cycles_are_found():
    assert list(cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": {"e"}})) == [["b", "c"], ["e"]]
    assert not list(cycles({"a": {"b", "c"}, "b": {"c"}}))
