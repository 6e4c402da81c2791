"""Files of at most 350 lines, functions of at most 40 or with the reason beside them, and names that are used once."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import kdsr

ROOT = Path(kdsr.__file__).parent.parent
FILE_LINES, FUNCTION_LINES = 350, 40
REASON = re.compile(r"# Over 40 lines\W+\w+")
FILES = sorted(
    path for folder in ("kdsr", "tests", "benchmarks", "scripts", "examples") for path in (ROOT / folder).rglob("*.py")
)
WEB_FILES = sorted(
    path
    for path in (ROOT / "kdsr" / "ui").rglob("*")
    if path.suffix in (".js", ".css", ".html") and "onnxruntime-web" not in path.parts
)
"""Our own; ONNX Runtime Web is another project's."""


class Definition(NamedTuple):
    """A function or class, with its lines, those of its docstring left out of `length`."""

    name: str
    is_class: bool
    lines: slice
    length: int


@cache
def definitions(source: str) -> tuple[Definition, ...]:
    """Those of `source`, looked for in statements only: no expression holds one."""
    found, nodes = [], [ast.parse(source)]
    while nodes:
        for node in ast.iter_child_nodes(nodes.pop()):
            if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
                nodes.append(node)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                docstring = node.body[0] if ast.get_docstring(node) else None
                said = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
                lines = slice(node.lineno - 1, node.end_lineno)
                length = lines.stop - lines.start - said
                found.append(Definition(node.name, isinstance(node, ast.ClassDef), lines, length))
    return tuple(found)


def long_functions(source: str) -> Iterator[str]:
    """The functions of `source` that are too long, their docstrings not counted, and give no reason for it."""
    lines = source.splitlines()
    for each in definitions(source):
        is_long = not each.is_class and each.length > FUNCTION_LINES
        if is_long and not any(REASON.search(line) for line in lines[each.lines]):
            yield f"{each.name} ({each.length} lines)"


def faults_of(path: Path) -> Iterator[str]:
    """What is too long in the file at `path`, with its name."""
    source = path.read_text(encoding="utf-8")
    name, lines = path.relative_to(ROOT), source.splitlines()
    if len(lines) > FILE_LINES:
        yield f"{name}: {len(lines)} lines"
    if path.suffix == ".py":
        yield from (f"{name}: {function}" for function in long_functions(source))
    else:
        yield from (f"{name}: {line}" for line in lines if len(line) > 120)


def test_files_and_their_functions_are_short():
    assert [fault for path in FILES for fault in faults_of(path)] == []


def test_scripts_and_styles_are_short():
    assert [fault for path in WEB_FILES for fault in faults_of(path)] == []


def test_a_long_function_is_found_and_a_reason_excuses_it():
    long = "def long():\n" + "    pass\n" * 40
    assert list(long_functions(long)) == ["long (41 lines)"]
    assert list(long_functions(long.replace(":\n", ":\n    # Over 40 lines: a table.\n"))) == []


def test_no_two_classes_of_the_package_share_a_name():
    names = Counter(
        each.name
        for path in FILES
        if path.is_relative_to(ROOT / "kdsr")
        for each in definitions(path.read_text(encoding="utf-8"))
        if each.is_class
    )
    assert [name for name, count in names.items() if count > 1] == []
