"""The header of a Space: the YAML between the first two lines `---` of README.md.

Source: https://huggingface.co/docs/hub/spaces-config-reference.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

from kdsr.errors import InputError

COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
MOST_DESCRIPTION = 60
"""Characters of `short_description`."""
_TEXTS = ("title", "emoji", "sdk", "sdk_version", "python_version", "app_file", "license", "short_description")


def read_header(text: str) -> dict[str, Any]:
    """The header of `text`, a README.

    Raises:
        InputError: there is none, or it is no YAML mapping.
    """
    first, _, rest = text.partition("\n")
    header, line, _ = rest.partition("\n---\n")
    try:
        found = yaml.safe_load(header) if first == "---" and line else None
    except yaml.YAMLError as error:
        raise InputError(f"The header of README.md is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise InputError("README.md must begin with a header between two lines of ---.")
    return found


def header_faults(header: Mapping[str, Any], tree: Path, requirements: list[Requirement]) -> Iterator[str]:
    """One sentence for each thing in `header` that a Space of the files in `tree` would not accept."""
    for name in _TEXTS:
        value = header.get(name)
        if not isinstance(value, str) or not value:
            yield f"{name} must be a text, got {value!r}."
    for name in ("colorFrom", "colorTo"):
        if header.get(name) not in COLOURS:
            yield f"{name} must be one of {', '.join(COLOURS)}, got {header.get(name)!r}."
    if header.get("sdk") != "gradio":
        yield f"sdk must be gradio, got {header.get('sdk')!r}."
    description = str(header.get("short_description", ""))
    if len(description) > MOST_DESCRIPTION:
        yield f"short_description has {len(description)} characters; at most {MOST_DESCRIPTION} are shown."
    if not (tree / str(header.get("app_file"))).is_file():
        yield f"app_file {header.get('app_file')!r} is not among the files."
    yield from _version_faults(str(header.get("sdk_version")), requirements)


def oldest(requirement: Requirement) -> str | None:
    """The oldest version that `requirement` takes, by its >=; None if it states none."""
    return next((each.version for each in requirement.specifier if each.operator == ">="), None)


def read_requirements(path: Path) -> list[Requirement]:
    """The requirements in the file at `path`."""
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line]


def _version_faults(sdk_version: str, requirements: list[Requirement]) -> Iterator[str]:
    wanted = next((each for each in requirements if each.name == "gradio"), None)
    if wanted is None:
        yield "requirements.txt must name gradio."
        return
    least = oldest(wanted)
    if not sdk_version or not wanted.specifier.contains(sdk_version):
        yield f"sdk_version {sdk_version} is not what requirements.txt asks for ({wanted})."
    elif least is None or not sdk_version.startswith(f"{least}."):
        yield f"sdk_version {sdk_version} must be of the version that requirements.txt starts from ({wanted})."
