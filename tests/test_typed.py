"""A user's script that uses every public name passes mypy --strict, and mypy knows the type of each name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import kdsr

pytestmark = pytest.mark.slow

REPOSITORY = Path(kdsr.__file__).parent.parent


def check(script: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """mypy --strict on `script`, which imports kdsr from this repository as an installed package."""
    cache = REPOSITORY / ".mypy_cache" / "strict"
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", f"--cache-dir={cache}", *flags]
    environment = {"MYPYPATH": str(REPOSITORY), "PATH": ""}
    return subprocess.run(
        [*command, "--config-file=", str(script)], cwd=script.parent, env=environment, capture_output=True, text=True
    )


@pytest.mark.slow
def test_every_example_of_the_api_passes_mypy_strict(tmp_path):
    examples = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", examples, flags=re.MULTILINE | re.DOTALL))
    reveals = "\n".join(f"reveal_type({name})" for name in kdsr.__all__)
    script = tmp_path / "script.py"
    script.write_text(f"{code}\nfrom kdsr import {', '.join(kdsr.__all__)}\n{reveals}\n", encoding="utf-8")
    done = check(script)
    revealed = re.findall(r'Revealed type is "(.+)"', done.stdout)
    assert done.returncode == 0, done.stdout
    assert len(revealed) == len(kdsr.__all__) and "Any" not in revealed


@pytest.mark.slow
def test_a_misspelt_name_is_an_error_to_mypy(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import kdsr\nkdsr.restore_pictur\n", encoding="utf-8")
    assert "has no attribute" in check(script).stdout
