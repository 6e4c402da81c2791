"""What the documents say holds: recipes, links, commands, module paths, sizes; and every script answers --help."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kdsr.cli import build_app

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(
    path
    for folder in ("benchmarks", "scripts", "examples")
    for path in (ROOT / folder).glob("*.py")
    if "__main__" in path.read_text(encoding="utf-8")
)
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "recipes").rglob("*.md"),
        *(ROOT / "kdsr").rglob("*.md"),
    ]
)
EACH_DOCUMENT = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
EDIT = re.compile(
    r"^In `(?P<path>[^`]+)`, "
    r"(?:at the end, after two blank lines|below the line that begins with `(?P<line>[^`]+)`):\n\n"
    r"```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
HISTORY = ("log.md", "CHANGELOG.md")
"""Documents that name what was there at the time."""


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_readme_is_short_and_keeps_the_header_of_a_space():
    lines = text_of(ROOT / "README.md").splitlines()
    assert len(lines) < 150
    assert lines[0] == "---" and "sdk: gradio" in lines and "app_file: app.py" in lines


@EACH_DOCUMENT
def test_every_relative_link_leads_to_a_file(path):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(path))
    relative = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in relative if not (path.parent / link).exists()] == []


@EACH_DOCUMENT
def test_every_module_that_a_document_names_is_there(path):
    if path.name in HISTORY:
        return
    named = set(re.findall(r"`((?:kdsr|tests|scripts|benchmarks|examples)/[\w/]+\.py)`", text_of(path)))
    dotted = {f"{name.replace('.', '/')}" for name in re.findall(r"`(kdsr(?:\.[a-z_]+)+)`", text_of(path))}
    missing = [name for name in named if "NAME" not in name and not (ROOT / name).is_file()]
    missing += [name for name in dotted if not ((ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file())]
    assert missing == []


def test_every_name_that_contributing_places_in_a_file_is_there():
    text = text_of(ROOT / "CONTRIBUTING.md")
    places = re.findall(r"((?:`\w+`(?:, | and )?)+)\s+\(`((?:kdsr|tests)/[\w/]+\.py)`\)", text)
    named = [(name, path) for names, path in places for name in re.findall(r"`(\w+)`", names)]
    defined = r"^ *(?:def |class )?{}\b"
    assert len(named) > 20
    assert [
        each for each in named if not re.search(defined.format(each[0]), text_of(ROOT / each[1]), re.MULTILINE)
    ] == []


def shown_commands(text: str) -> list[list[str]]:
    """The words of every `kdsr` command in the code blocks of `text`."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    lines = [line.split(" #")[0].replace("\\\n", " ").strip() for block in blocks for line in block.splitlines()]
    return [line.split()[1:] for line in lines if line.startswith("kdsr ")]


def options_of(command: object) -> set[str]:
    """The options of a command or a group."""
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_every_command_that_a_document_shows_is_one_with_these_options(path):
    app = typer.main.get_command(build_app())
    for words in shown_commands(text_of(path)):
        command, names = app, []
        positional = [word for word, before in zip(words, ["", *words], strict=False) if before[:2] != "--"]
        positional = [word for word in positional if not word.startswith("-")]
        known = options_of(command)
        while hasattr(command, "commands"):
            word = positional[len(names)]
            assert word in command.commands, f"{path.name}: kdsr {' '.join(words)}"
            command, names = command.commands[word], [*names, word]
            known |= options_of(command)
        asked = [word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)]
        assert [option for option in asked if option not in known] == [], f"{path.name}: kdsr {' '.join(words)}"
        assert CliRunner().invoke(build_app(), [*names, "--help"]).exit_code == 0


def test_the_log_has_the_newest_day_first_and_a_heading_for_each_experiment():
    text = text_of(ROOT / "docs" / "log.md")
    days = re.findall(r"^## (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    assert len(days) >= 6 and all(later > earlier for later, earlier in pairwise(days))
    assert len(re.findall(r"^### ", text, re.MULTILINE)) > 100
    assert not re.search(r"^## .*\n+(?!### |\n)\S", text, re.MULTILINE)


ASK_ALL = """
import contextlib, io, json, pathlib, runpy, sys
answers = {}
for path in sys.argv[1:]:
    sys.argv, code, told = [path, "--help"], 0, io.StringIO()
    sys.path[0] = str(pathlib.Path(path).parent)
    try:
        with contextlib.redirect_stdout(told):
            runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        code = end.code or 0
    answers[path] = (code, told.getvalue())
print(json.dumps(answers))
"""


@pytest.mark.slow
def test_every_script_answers_help():
    """All in one process, so that torch is imported once."""
    paths = [str(path) for path in SCRIPTS if path.name != "live_browser.py" or find_spec("playwright")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", ASK_ALL, *paths], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert [path for path, (code, told) in answers.items() if code or "usage" not in told.lower()] == []
    assert list(answers) == paths


def copied_package(folder: Path) -> Path:
    """A copy of the package and of the tests of losses in `folder`, without the page's large files."""
    shutil.copytree(ROOT / "kdsr", folder / "kdsr", ignore=shutil.ignore_patterns("static", "__pycache__"))
    for name in ("tests/distill", "tests/helpers", "tests/conftest.py", "pyproject.toml"):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)
    return folder


def followed(folder: Path, recipe: str) -> list[str]:
    """Make the edits of `recipe` to the files in `folder`; the paths that were edited."""
    paths = []
    for edit in EDIT.finditer(recipe):
        path = folder / edit["path"]
        text, code = text_of(path), edit["code"]
        if edit["line"] is None:
            text += "\n\n" + code
        else:
            lines = text.splitlines(keepends=True)
            places = [index for index, line in enumerate(lines) if line.startswith(edit["line"])]
            assert len(places) == 1, f"{edit['path']}: {len(places)} lines begin with '{edit['line']}'"
            text = "".join([*lines[: places[0] + 1], code, *lines[places[0] + 1 :]])
        path.write_text(text, encoding="utf-8")
        paths.append(edit["path"])
    return paths


TRAINING = """
from pathlib import Path
from helpers.training import events, recipe, training_settings
from kdsr.train import train_recipe
settings = training_settings(Path.cwd() / "run")
train_recipe(recipe(loss="huber"), Path.cwd() / "run" / "out", settings=settings)
assert any(event["event"] == "finished" for event in events(Path.cwd() / "run" / "out"))
"""


@pytest.mark.slow
def test_the_recipe_for_a_loss_can_be_followed_word_for_word(tmp_path):
    recipe = text_of(ROOT / "CONTRIBUTING.md").partition("## Add a loss")[2].partition("\n## ")[0]
    edited = followed(copied_package(tmp_path), recipe)
    tests = "tests/distill/test_losses.py"
    assert edited == ["kdsr/distill/pixel.py", "kdsr/distill/registry.py", tests, tests, tests]
    assert f"`pytest {tests} -k huber`" in recipe
    (tmp_path / "run").mkdir()
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{tmp_path / 'tests'}"}
    commands = (
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, "-k", "huber"],
        [sys.executable, "-c", TRAINING],
    )
    outputs = []
    for command in commands:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        outputs.append(done.stdout)
    assert int(re.search(r"(\d+) passed", outputs[0])[1]) > 1  # its own test, and those of every loss


def test_every_test_that_the_threat_model_names_is_there():
    named = re.findall(r"`(test_\w+)`", text_of(ROOT / "docs" / "security.md"))
    there = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", text_of(path))
    }
    assert len(named) > 40 and [name for name in named if name not in there] == []
