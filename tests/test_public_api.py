"""The names that `import kdsr` promises, what the import costs, and what an installation brings along."""

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
    wanted = "Picture read_picture write_picture restore restore_picture open_runtime Catalog Card degrade psnr ssim measure evaluate TASKS find_task"
    assert {*wanted.split(), "Settings", "KdsrError", "train", "Recipe"} <= set(kdsr.__all__)


def test_unknown_names_are_refused_like_those_of_any_module():
    with pytest.raises(AttributeError, match="restoer"):
        kdsr.restoer  # noqa: B018 - the access is the test


def test_importing_the_package_imports_no_heavy_library():
    code = "import sys, kdsr; print([name for name in ('torch', 'numpy', 'cv2', 'PIL', 'gradio', 'onnxruntime') if name in sys.modules])"
    assert run_python(code) == "[]"


@pytest.mark.parametrize(
    "first",
    ["import kdsr.degrade", "from kdsr.degrade import crop_to_multiple", "from kdsr import degrade", "import kdsr"],
)
def test_an_area_with_a_function_of_its_name_can_be_called_whoever_imported_it_first(first):
    code = f"{first}\nimport kdsr, torch\nsmall = kdsr.degrade(torch.zeros(1, 3, 9, 9), kdsr.find_task('sr_x4'))\n"
    code += "print(tuple(small.shape), kdsr.degrade.crop_to_multiple.__name__)"
    assert run_python(code) == "(1, 3, 2, 2) crop_to_multiple"


def test_the_areas_that_can_be_called_have_their_function():
    from kdsr.degrade import degrade
    from kdsr.restore import restore
    from kdsr.train import train

    assert [callable(function) for function in (degrade, restore, train, kdsr.degrade, kdsr.restore, kdsr.train)] == [
        True
    ] * 6


def test_requirements_and_project_file_ask_for_the_same_packages():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(line for line in lines if line and not line.startswith("#")) == sorted(project["dependencies"])
