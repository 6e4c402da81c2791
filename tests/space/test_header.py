"""The header of the Space, and the files that it is made of."""

import subprocess
from pathlib import Path

import pytest

import kdsr
from kdsr.errors import InputError
from kdsr.space.check import MOST_FILE_BYTES, Verdict, check_tree
from kdsr.space.header import MOST_DESCRIPTION, header_faults, read_header, read_requirements
from kdsr.space.tree import NEEDED, changed_files, write_tree

ROOT = Path(kdsr.__file__).parent.parent


@pytest.fixture
def repository(tmp_path):
    """A small clone with what a Space needs, and more; all of it is committed."""
    folder = tmp_path / "clone"
    for name in ("README.md", "LICENSE", "app.py", "requirements.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    for name in ("kdsr/__init__.py", "weights/a.json", "tests/test_a.py", "docs/a.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All"]):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", "-C", str(folder), *who, *words], check=True)
    return folder


@pytest.fixture
def tree(repository, tmp_path):
    """The Space's files of `repository`."""
    write_tree(repository, tmp_path / "tree")
    return tmp_path / "tree"


def faults(**changes):
    header = {**read_header((ROOT / "README.md").read_text(encoding="utf-8")), **changes}
    return list(header_faults(header, ROOT, read_requirements(ROOT / "requirements.txt")))


def test_the_header_of_this_repository_has_no_fault():
    assert faults() == []


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"sdk": "docker"}, "sdk must be gradio"),
        ({"sdk_version": "5.0.0"}, "is not what requirements.txt asks for"),
        ({"sdk_version": "6.99.0"}, "must be of the version that requirements.txt starts from"),
        ({"sdk_version": 6.31}, "sdk_version must be a text"),
        ({"python_version": 3.12}, "python_version must be a text"),
        ({"app_file": "main.py"}, "app_file 'main.py' is not among the files"),
        ({"colorTo": "grey"}, "colorTo must be one of"),
        ({"short_description": "a" * (MOST_DESCRIPTION + 1)}, "61 characters"),
        ({"title": None}, "title must be a text"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_fault_of_a_header_is_told(changes, told):
    assert any(told in sentence for sentence in faults(**changes))


def test_a_description_as_long_as_allowed_is_none_of_them():
    assert faults(short_description="a" * MOST_DESCRIPTION) == []


@pytest.mark.parametrize("text", ["# KDSR\n", "---\na: [\n---\n", "---\n- a\n---\n", "---\ntitle: KDSR\n"])
def test_a_readme_without_a_header_is_told(text):
    with pytest.raises(InputError, match="header"):
        read_header(text)


def test_a_space_has_the_committed_files_that_it_needs_and_no_others(repository, tmp_path):
    (repository / "app.py").write_text("changed")
    (repository / "weights" / "new.json").write_text("{}")
    (repository / "docs" / "new.md").write_text("a")
    names = write_tree(repository, tmp_path / "tree")
    assert names == sorted([*NEEDED[:4], "kdsr/__init__.py", "weights/a.json"])
    assert (tmp_path / "tree" / "app.py").read_bytes() == (ROOT / "app.py").read_bytes()
    assert changed_files(repository) == ["app.py", "weights/new.json"]


def test_a_folder_that_is_no_clone_is_told(tmp_path):
    with pytest.raises(InputError, match="no clone"):
        write_tree(tmp_path, tmp_path / "tree")


def findings(tree):
    return {each.check: each for each in check_tree(tree, resolve=False, start=False)}


def test_a_file_as_large_as_allowed_passes_and_one_byte_more_does_not(tree):
    large = tree / "weights" / "large.safetensors"
    large.write_bytes(bytes(MOST_FILE_BYTES))
    assert findings(tree)["sizes"].verdict is Verdict.OK
    large.write_bytes(bytes(MOST_FILE_BYTES + 1))
    found = findings(tree)["sizes"]
    assert found.verdict is Verdict.FAILED and "weights/large.safetensors has 10.0 MB" in found.told


def test_a_faulty_header_is_a_finding(tree):
    readme = tree / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("sdk: gradio", "sdk: docker"), encoding="utf-8")
    found = findings(tree)["header"]
    assert found.verdict is Verdict.FAILED and "sdk must be gradio" in found.told


@pytest.mark.slow
def test_this_repository_fits_a_space(tmp_path):
    try:
        write_tree(ROOT, tmp_path)
    except InputError:
        pytest.skip("this is no clone, so there is nothing to make a Space of")
    found = findings(tmp_path)
    assert [each.told for each in found.values() if each.verdict is not Verdict.OK] == []
