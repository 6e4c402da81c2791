"""The names that `import kdsr` promises, what the import costs, and what an installation brings along."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import kdsr

REPOSITORY = Path(kdsr.__file__).parent.parent


def run_python(code: str) -> str:
    """What `code` prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", kdsr.__all__)
def test_every_public_name_exists(name):
    assert getattr(kdsr, name) is not None
    assert name in dir(kdsr)


def test_the_functions_asked_for_are_there():
    functions = "restore_picture degrade_picture train_recipe read_picture write_picture open_runtime measure psnr ssim"
    others = "evaluate find_task recipe_from_json Card Catalog KdsrError Picture Recipe Settings TASKS"
    assert {*functions.split(), *others.split()} <= set(kdsr.__all__)


@pytest.mark.slow
def test_no_public_name_is_the_name_of_a_package():
    modules = {path.stem for path in Path(kdsr.__file__).parent.iterdir()}
    assert modules.isdisjoint(kdsr.__all__)
    assert run_python("import kdsr.restore, kdsr.train, kdsr.degrade; print(type(kdsr.train).__name__)") == "module"


def test_type_checkers_are_told_the_same_names():
    tree = ast.parse(Path(kdsr.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    told = {alias.name: node.module for node in block.body for alias in node.names}
    assert told == dict(kdsr._MODULES) and sorted(kdsr.__all__) == sorted(told)
    assert len(kdsr.__all__) == len(set(kdsr.__all__))


def test_unknown_names_are_refused_like_those_of_any_module():
    with pytest.raises(AttributeError, match="restoer"):
        kdsr.restoer  # noqa: B018 - the access is the test


def test_importing_the_package_imports_no_heavy_library():
    heavy = ("torch", "numpy", "cv2", "PIL", "gradio", "onnxruntime")
    code = f"import sys, kdsr; print([name for name in {heavy} if name in sys.modules])"
    assert run_python(code) == "[]"


def test_requirements_and_project_file_ask_for_the_same_packages():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(line for line in lines if line and not line.startswith("#")) == sorted(project["dependencies"])


def test_the_package_says_that_it_is_typed():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["kdsr"]
    assert (REPOSITORY / "kdsr" / "py.typed").is_file()


def test_every_file_of_the_package_is_installed_with_it():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    package = REPOSITORY / "kdsr"
    patterns = project["tool"]["setuptools"]["package-data"]["kdsr"]
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    others = {path for path in files if path.suffix != ".py"}
    assert others <= {path for pattern in patterns for path in package.glob(pattern)}
