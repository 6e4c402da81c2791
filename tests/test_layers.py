"""Imports point one way, and four libraries stay in their place. Lazy imports inside functions count as well."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from helpers.areas import AREAS

import kdsr

PACKAGE = Path(kdsr.__file__).parent
UI_ROOMS = (
    *(
        "html",
        "compare",
        "address",
        "events",
        "texts",
        "refusals",
        "disk",
        "blocks",
        "records",
        "logs",
        "counts",
        "arguments",
    ),
    *("memory", "leftovers", "isolation"),
    *("guard", "theme", "preview", "visitor", "sessions", "examples", "networks", "waiting", "holding", "asked"),
    *("health", "stopping", "charts"),
    *("teachers", "restore", "live", "models", "present", "report", "distill", "endpoints", "page", "__init__"),
)
"""The rooms of the page, a file or a folder each; as `AREAS`."""

KEPT_IN = {"gradio": ("ui", "app"), "onnxruntime": ("restore",), "openvino": ("restore",), "sqlite3": ("jobs",)}

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
if (PACKAGE.parent / "app.py").is_file():
    FILES.append(PACKAGE.parent / "app.py")


def area_of(path: Path) -> str:
    """The area that the file at `path` belongs to."""
    return path.stem if path.parent in (PACKAGE, PACKAGE.parent) else path.relative_to(PACKAGE).parts[0]


def imported_modules(source: str, package: str) -> Iterator[str]:
    """Every absolute module (or module.name) that `source`, a file of `package`, imports, at its top or anywhere
    inside.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *base.split(".")]).rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from (
                argument.value
                for argument in node.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )


def imports_of(path: Path) -> list[str]:
    package = ".".join(path.relative_to(PACKAGE.parent).parts[:-1])
    return list(imported_modules(path.read_text(encoding="utf-8"), package))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_a_module_imports_only_from_areas_to_its_left(path):
    area = area_of(path)
    assert area in AREAS, f"{path.name} belongs to no area; add '{area}' to the order"
    for module in imports_of(path):
        if module.split(".")[0] != "kdsr" or module == "kdsr.__version__":
            continue
        other = module.split(".")[1] if "." in module else "kdsr"
        assert other in AREAS, f"{path.name} imports {module}: inside the package, import from the area itself"
        assert AREAS.index(other) <= AREAS.index(area), (
            f"{path.name} ({area}) must not import {module}: '{other}' stands to the right"
        )


def room_of(path: Path) -> str:
    """The room of the page that the file at `path` belongs to."""
    first = path.relative_to(PACKAGE / "ui").parts[0]
    return first.removesuffix(".py")


UI_FILES = [path for path in FILES if path.is_relative_to(PACKAGE / "ui")]


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: str(path.relative_to(PACKAGE / "ui")))
def test_a_module_of_the_page_imports_only_from_rooms_to_its_left(path):
    room = room_of(path)
    assert room in UI_ROOMS, f"{path.name} belongs to no room; add '{room}' to the order"
    for module in imports_of(path):
        if not module.startswith("kdsr.ui."):
            continue
        other = module.split(".")[2]
        assert UI_ROOMS.index(other) <= UI_ROOMS.index(room), (
            f"{path.name} ({room}) must not import {module}: '{other}' stands to the right"
        )


@pytest.mark.parametrize("folder", sorted({path.parent for path in UI_FILES}), ids=lambda folder: folder.name)
def test_no_two_modules_of_a_folder_of_the_page_import_each_other(folder):
    package = ".".join(folder.relative_to(PACKAGE.parent).parts)
    arrows = {
        path.stem: {
            module.split(".")[package.count(".") + 1] for module in imports_of(path) if module.startswith(f"{package}.")
        }
        for path in folder.glob("*.py")
    }
    TopologicalSorter(arrows).prepare()  # raises CycleError


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_gradio_onnxruntime_and_sqlite_stay_in_their_areas(path):
    for module in imports_of(path):
        library = module.split(".")[0]
        assert area_of(path) in KEPT_IN.get(library, AREAS), (
            f"{path.name} imports {library}, which belongs to {' and '.join(KEPT_IN[library])}"
        )


def test_the_reader_of_imports_finds_lazy_relative_and_named_ones():
    lazy = "    from kdsr.zoo import card\n    from ..tasks import find_task\n    importlib.import_module('gradio')\n"
    source = f"import os\ndef f():\n{lazy}"
    assert set(imported_modules(source, "kdsr.bench")) == {"os", "kdsr.zoo.card", "kdsr.tasks.find_task", "gradio"}
