"""What the documents show runs: README's Python, every example of docs/api.md; and every name there is described."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import kdsr

REPOSITORY = Path(kdsr.__file__).parent.parent
API = REPOSITORY / "docs" / "api.md"
WITHOUT_SIGNATURE = {"TASKS": "TASKS: Mapping[str, Task]", "Runtime": "Runtime(Protocol)"}


def sections() -> dict[str, str]:
    """The text below each `### name` of docs/api.md."""
    parts = re.split(r"^##+ (.+)$", API.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: text for name, text in zip(parts[1::2], parts[2::2], strict=True) if "```" in text}


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of `text` in `language`."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def run_in(folder: Path, code: str) -> str:
    """What `code` prints in a fresh interpreter in `folder`, with a photograph there and a folder of four."""
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for path in (folder / "photo.png", *(folder / "photos" / f"{index}.png" for index in range(4))):
        coarse = rng.integers(0, 256, (10, 13, 3), dtype=np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, (96, 80), interpolation=cv2.INTER_CUBIC))
    environment = {"PYTHONPATH": str(REPOSITORY), "KDSR_HOME": str(folder / "home"), "HOME": str(folder), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def signature_in_source(name: str) -> str:
    """The signature of a public function or dataclass as docs/api.md writes it: names, types, defaults."""
    found = getattr(kdsr, name)
    node = ast.parse(inspect.getsource(found)).body[0]
    if isinstance(node, ast.ClassDef):
        makers = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
        if makers:
            makers[0].args.args.pop(0)
            return _plain(f"{name}({ast.unparse(makers[0].args)})")
        fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
        given = [ast.unparse(item).replace(" = ", "=", 1) for item in fields]
        return _plain(f"{name}({', '.join(given) or ast.unparse(node.bases[0])})")
    assert isinstance(node, ast.FunctionDef) and node.returns is not None
    return _plain(f"{name}({ast.unparse(node.args)})->{ast.unparse(node.returns)}")


def _plain(text: str) -> str:
    """`text` without spaces, trailing commas and the quotes around a type."""
    return re.sub(r",\)", ")", re.sub(r"\s|[\"']", "", text))


def test_every_public_name_is_described_once():
    headings = re.findall(r"^### (\w+)$", API.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(headings) == sorted(kdsr.__all__)


@pytest.mark.parametrize("name", kdsr.__all__)
def test_a_description_has_the_signature_one_sentence_and_an_example(name):
    text = sections()[name]
    (signature,) = blocks(text, "text")
    (example,) = blocks(text, "python")
    assert re.search(rf"\bimport\b.*\b{name}\b|\b{name}\(", example)
    sentence = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).strip()
    assert sentence.endswith(".") and "\n\n" not in sentence
    if name in WITHOUT_SIGNATURE:
        assert signature.strip() == WITHOUT_SIGNATURE[name]
    elif "...)" in signature:
        assert signature_in_source(name).startswith(_plain(signature).removesuffix("...)"))
    else:
        assert _plain(signature) == signature_in_source(name)


@pytest.mark.slow
def test_the_examples_of_the_api_run_as_one_script(tmp_path):
    code = "\n".join(blocks(API.read_text(encoding="utf-8"), "python"))
    assert "Did you mean 'sr_x" in run_in(tmp_path, code)


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path):
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    code = blocks(readme.partition("## From Python")[2], "python")[0]
    run_in(tmp_path, code)
    assert cv2.imread(str(tmp_path / "large.png")).shape == (320, 384, 3)
