"""Whether the requirements resolve and the page starts, and what the command says of it."""

import zipfile

import pytest
from typer.testing import CliRunner

from kdsr.cli import build_app
from kdsr.space import check
from kdsr.space.check import Finding, Verdict, check_tree

HEADER = '---\nsdk_version: 6.31.0\npython_version: "3.12"\napp_file: app.py\n---\n'


@pytest.fixture
def tree(tmp_path):
    """The files that these checks read."""
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "README.md").write_text(HEADER)
    (folder / "requirements.txt").write_text("torch>=2.10  # any\ngradio>=6.31,<7\n")
    (folder / "app.py").write_text("raise SystemExit('no page today')\n")
    return folder


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """Makes a wheel of nothing; pip looks nowhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    def make(name, version):
        stem = f"{name}-{version}"
        told = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: oauth\n",
            "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            for file, text in told.items():
                wheel.writestr(f"{stem}.dist-info/{file}", text)

    return make


def resolved(tree):
    return {each.check: each for each in check_tree(tree, start=False) if each.check.endswith("torch")}


@pytest.mark.slow
def test_the_oldest_and_the_newest_torch_resolve(tree, wheels):
    for name, version in (("torch", "2.10.1"), ("torch", "2.12.0"), ("gradio", "6.31.0"), ("gradio", "6.40.0")):
        wheels(name, version)
    found = resolved(tree)
    assert {each.verdict for each in found.values()} == {Verdict.OK}
    assert found["oldest torch"].told == "Python 3.12: torch 2.10.1, 2 packages"
    assert found["newest torch"].told == "Python 3.12: torch 2.12.0, 2 packages"


@pytest.mark.slow
def test_what_does_not_resolve_is_told_and_a_registry_that_knows_nothing_is_skipped(tree, wheels):
    assert {each.verdict for each in resolved(tree).values()} == {Verdict.SKIPPED}
    wheels("torch", "2.12.0")
    wheels("gradio", "6.31.0")
    found = resolved(tree)
    assert found["newest torch"].verdict is Verdict.OK
    assert found["oldest torch"].verdict is Verdict.FAILED and "torch==2.10.*" in found["oldest torch"].told


@pytest.mark.slow
def test_a_page_that_does_not_start_is_told_with_its_last_line(tree):
    started = {each.check: each for each in check_tree(tree, resolve=False)}["start"]
    assert started == Finding("start", Verdict.FAILED, "no page today")


@pytest.mark.parametrize("verdict, code", [(Verdict.OK, 0), (Verdict.SKIPPED, 0), (Verdict.FAILED, 1)])
def test_the_command_prints_one_line_per_check_and_fails_with_one_of_them(verdict, code, monkeypatch, tmp_path):
    from kdsr.space import tree as trees

    monkeypatch.setattr(trees, "write_tree", lambda repository, target: [])
    monkeypatch.setattr(trees, "changed_files", lambda repository: ["app.py"])
    monkeypatch.setattr(
        check, "check_tree", lambda tree, *, resolve, start: iter([Finding("header", verdict, f"{resolve} {start}")])
    )
    done = CliRunner().invoke(build_app(), ["space", "check", "--no-resolve", "--repository", str(tmp_path)])
    assert done.exit_code == code
    assert done.stdout.splitlines() == [f"{verdict:<8} header         False True"]
    assert "1 files differ" in done.stderr
