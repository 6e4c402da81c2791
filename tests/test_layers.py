"""Imports point one way, and some libraries stay in their place. Lazy imports inside functions count as well."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

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
        "style_texts",
        "refusals",
        "disk",
        "isolation",
        "languages",
        "blocks",
        "menus",
        "records",
        "logs",
        "counts",
        "arguments",
    ),
    *("memory", "leftovers"),
    *(
        "guard",
        "theme",
        "swatches",
        "preview",
        "visitor",
        "sessions",
        "examples",
        "networks",
        "waiting",
        "holding",
        "asked",
    ),
    *("health", "stopping", "charts", "teachers", "clips"),
    *(
        "restore",
        "live",
        "models",
        "present",
        "report",
        "distill",
        "endpoints",
        "page",
        "__init__",
    ),
)
"""The rooms of the page, a file or a folder each; as `AREAS`."""

KEPT_IN = {
    **{"gradio": ("ui", "app"), "onnxruntime": ("restore",), "openvino": ("restore",)},
    **{"sqlite3": ("jobs",), "sqlalchemy": ("jobs",), "alembic": ("jobs",), "optuna": ("tune",)},
    **{"ray": ("cluster", "jobs"), "fsspec": ("cluster", "jobs"), "pyarrow": ("cluster",)},
}

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
        elif isinstance(node, ast.Call) and _name(node.func).endswith(("import_module", "__import__")):
            yield from (
                argument.value
                for argument in node.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )


def _name(called: ast.expr) -> str:
    """The last word of what is called."""
    return getattr(called, "attr", getattr(called, "id", ""))


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    package = ".".join(path.relative_to(PACKAGE.parent).parts[:-1])
    return tuple(imported_modules(path.read_text(encoding="utf-8"), package))


def against_the_order(path: Path, place: str, order: tuple[str, ...], others: Iterator[str]) -> Iterator[str]:
    """What the file at `path`, which belongs to `place`, does against `order`: it may use what stands left of it."""
    name = path.relative_to(PACKAGE.parent)
    if place not in order:
        yield f"{name} belongs nowhere; add '{place}' to the order"
        return
    for other in others:
        if other not in order:
            yield f"{name} imports '{other}': inside the package, import from the area itself"
        elif order.index(other) > order.index(place):
            yield f"{name} ({place}) must not import from '{other}', which stands to the right"


def test_a_module_imports_only_from_areas_to_its_left():
    def areas(path: Path) -> Iterator[str]:
        for module in imports_of(path):
            if module.split(".")[0] == "kdsr" and module != "kdsr.__version__":
                yield module.split(".")[1] if "." in module else "kdsr"

    assert [line for path in FILES for line in against_the_order(path, area_of(path), AREAS, areas(path))] == []


def room_of(path: Path) -> str:
    """The room of the page that the file at `path` belongs to."""
    first = path.relative_to(PACKAGE / "ui").parts[0]
    return first.removesuffix(".py")


UI_FILES = [path for path in FILES if path.is_relative_to(PACKAGE / "ui")]


def test_a_module_of_the_page_imports_only_from_rooms_to_its_left():
    def rooms(path: Path) -> Iterator[str]:
        return (module.split(".")[2] for module in imports_of(path) if module.startswith("kdsr.ui."))

    assert [line for path in UI_FILES for line in against_the_order(path, room_of(path), UI_ROOMS, rooms(path))] == []


def test_no_two_modules_of_a_folder_of_the_page_import_each_other():
    circles = []
    for folder in sorted({path.parent for path in UI_FILES}):
        package = ".".join(folder.relative_to(PACKAGE.parent).parts)
        arrows = {
            path.stem: {
                module.split(".")[package.count(".") + 1]
                for module in imports_of(path)
                if module.startswith(f"{package}.")
            }
            for path in folder.glob("*.py")
        }
        try:
            TopologicalSorter(arrows).prepare()
        except CycleError as circle:
            circles.append((folder.name, circle.args[1]))
    assert circles == []


def test_gradio_onnxruntime_and_the_database_stay_in_their_areas():
    strangers = [
        f"{path.relative_to(PACKAGE.parent)} imports {library}, which belongs to {' and '.join(KEPT_IN[library])}"
        for path in FILES
        for library in {module.split(".")[0] for module in imports_of(path)} & set(KEPT_IN)
        if area_of(path) not in KEPT_IN[library]
    ]
    assert strangers == []


def test_a_wrong_arrow_and_a_stranger_are_named():
    path = PACKAGE / "degrade" / "new.py"
    order = ("image", "degrade", "ui")
    assert list(against_the_order(path, "degrade", order, iter(["image", "degrade"]))) == []
    assert "must not import from 'ui'" in next(against_the_order(path, "degrade", order, iter(["image", "ui"])))
    assert "import from the area itself" in next(against_the_order(path, "degrade", order, iter(["kdsr"])))
    assert "add 'degrade'" in next(against_the_order(path, "degrade", ("image",), iter([])))


def test_the_reader_of_imports_finds_lazy_relative_and_named_ones():
    lazy = "    from kdsr.zoo import card\n    from ..tasks import find_task\n    importlib.import_module('gradio')\n"
    source = f"import os\ndef f():\n{lazy}"
    assert set(imported_modules(source, "kdsr.bench")) == {"os", "kdsr.zoo.card", "kdsr.tasks.find_task", "gradio"}
