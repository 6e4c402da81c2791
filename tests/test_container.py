"""The container's files: what they copy is there, and they ask the page for what it has. Docker itself is not run."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import kdsr
from kdsr.settings import Settings
from kdsr.space.header import read_header, read_requirements
from kdsr.space.tree import NEEDED

ROOT = Path(kdsr.__file__).parent.parent
pytestmark = pytest.mark.skipif(not (ROOT / "Dockerfile").is_file(), reason="an installed package has no Dockerfile")
_PAGE_EXTRA_S = 8
"""After `stop_s`: answers are fetched, and connections closed."""


def instructions():
    """(word, rest) of every instruction of the Dockerfile."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def rests(word):
    return [rest for name, rest in instructions() if name == word]


def environment():
    return dict(pair.split("=", 1) for rest in rests("ENV") for pair in shlex.split(rest))


def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_every_instruction_is_one_of_docker_s():
    known = {"FROM", "ARG", "ENV", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"}
    assert {word for word, _ in instructions()} <= {*known, "CMD"}
    assert instructions()[0][0] == "FROM" and instructions()[-1] == ("CMD", '["python", "app.py"]')


def test_what_is_copied_is_there_and_is_what_the_page_needs():
    copied = {source for rest in rests("COPY") for source in rest.split()[:-1]}
    assert copied == set(NEEDED) and [name for name in copied if not (ROOT / name).exists()] == []


def test_nothing_else_is_sent_to_docker():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*" and {line[1:] for line in lines if line.startswith("!")} == set(NEEDED)


def test_python_and_torch_are_those_of_the_space_and_the_requirements():
    header = read_header((ROOT / "README.md").read_text(encoding="utf-8"))
    assert rests("FROM") == [f"python:{header['python_version']}-slim"]
    torch = next(each for each in read_requirements(ROOT / "requirements.txt") if each.name == "torch")
    install = next(rest for rest in rests("RUN") if "pip install" in rest)
    asked = Requirement(re.search(r'"(torch[^"]*)"', install)[1])
    assert asked.specifier == torch.specifier
    assert "https://download.pytorch.org/whl/${TORCH}" in install and "TORCH=cpu" in rests("ARG")
    assert install.index("whl/") < install.index("-r requirements.txt")


def test_each_variable_of_kdsr_is_a_setting_and_the_page_does_not_run_as_root():
    names = {f"KDSR_{item.name.upper()}" for item in fields(Settings)}
    assert {name for name in environment() if name.startswith("KDSR_")} <= names
    assert environment()["KDSR_STOP_RUNS"] == "on" and rests("USER") == ["kdsr"]
    assert environment()["KDSR_HOME"] == "/data" == rests("VOLUME")[0]


def test_port_and_health_are_the_page_s():
    port = environment()["GRADIO_SERVER_PORT"]
    assert rests("EXPOSE") == [port] and f"127.0.0.1:{port}/healthz" in rests("HEALTHCHECK")[0]
    for service in services().values():
        assert [each.rpartition(":")[2] for each in service["ports"]] == [port]
        assert all(each.startswith("127.0.0.1:") for each in service["ports"])  # a proxy, or nobody, is before it


def test_docker_waits_longer_than_the_page_takes_to_stop():
    stop_s = float(environment()["KDSR_STOP_S"])
    for service in services().values():
        assert float(service["stop_grace_period"].removesuffix("s")) > stop_s + _PAGE_EXTRA_S


def test_compose_has_one_service_for_the_cpu_and_one_for_an_nvidia_gpu():
    found = services()
    assert {name: service["build"]["args"]["TORCH"][:2] for name, service in found.items()} == {
        "kdsr": "cp", "kdsr-cuda": "cu"
    }  # fmt: skip
    assert "deploy" not in found["kdsr"] and "profiles" not in found["kdsr"]
    device = found["kdsr-cuda"]["deploy"]["resources"]["reservations"]["devices"][0]
    assert device["driver"] == "nvidia" and "gpu" in device["capabilities"]
    volumes = yaml.safe_load((ROOT / "compose.yaml").read_text())["volumes"]
    assert {each.partition(":")[0] for service in found.values() for each in service["volumes"]} == set(volumes)
    assert all((ROOT / service["build"]["context"] / "Dockerfile").is_file() for service in found.values())
