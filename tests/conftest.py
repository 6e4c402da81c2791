"""What the tests share: a small random catalog, settings that touch nothing outside `tmp_path`, and the published test sets where they lie."""

import os
from pathlib import Path

import pytest
import torch

from kdsr.models import build_model, count_macs, count_parameters
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.zoo import Card, Catalog, save_weights, sha256_of, write_card

TINY = {
    "tiny_x4_teacher":      ("sr_x4",   "teacher", "residual",  {"width": 8, "blocks": 2}),
    "tiny_x4_student":      ("sr_x4",   "student", "plain", {"width": 8, "depth": 3}),
    "tiny_x4_twin":         ("sr_x4",   "twin",    "plain", {"width": 8, "depth": 3}),
    "tiny_denoise_student": ("denoise", "student", "plain", {"width": 8, "depth": 3, "unshuffle": 2}),
}  # fmt: skip
"""Name: task, role, architecture, arguments. The last one needs sides that are multiples of 2."""


def write_random_network(folder: Path, name: str, *, seed: int = 0) -> Card:
    """The card of the network `name` of `TINY`, written into `folder` with random weights."""
    task, role, architecture, arguments = TINY[name]
    torch.manual_seed(seed)
    network = build_model(architecture, find_task(task).scale, arguments)
    weights = save_weights(network.state_dict(), folder / f"{name}.safetensors")
    is_student = role == "student" and task == "sr_x4"
    card = Card(
        name=name, title=name.replace("_", " "), task=task, role=role, architecture=architecture, arguments=arguments,
        parameters=count_parameters(network), macs_per_output_megapixel=count_macs(network), file_bytes=weights.stat().st_size,
        sha256=sha256_of(weights), licence="Apache-2.0", trained_on="nothing: random weights", steps=0, seed=seed,
        teacher="tiny_x4_teacher" if is_student else None, twin="tiny_x4_twin" if is_student else None,
    )  # fmt: skip
    write_card(card, folder / f"{name}.json")
    return card


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """One thread for each network: the tests' networks are too small for more."""
    torch.set_num_threads(1)


@pytest.fixture
def tiny_settings(tmp_path: Path) -> Settings:
    """Settings on the CPU whose folders lie in `tmp_path`; `weights_dir` exists and is empty unless `tiny_catalog` is asked for too."""
    weights_dir = tmp_path / "weights"
    weights_dir.mkdir()
    return Settings(weights_dir=weights_dir, home=tmp_path / "home", device="cpu", threads=1)


@pytest.fixture
def tiny_catalog(tiny_settings: Settings) -> Catalog:
    """Random networks in `tiny_settings.weights_dir`: teacher, student and twin for sr_x4, a student for denoise."""
    for seed, name in enumerate(TINY):
        write_random_network(tiny_settings.weights_dir, name, seed=seed)
    return Catalog(tiny_settings.weights_dir)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of the published test sets (Set5, Set14, BSD100, CBSD68), named by the environment variable KDSR_TEST_DATA."""
    given = os.environ.get("KDSR_TEST_DATA")
    if not given:
        pytest.skip("KDSR_TEST_DATA is not set: point it to the folder that holds Set5, Set14, BSD100 and CBSD68")
    if not (Path(given) / "Set5" / "HR").is_dir():
        pytest.skip(f"KDSR_TEST_DATA is {given}, and there is no Set5/HR in it")
    return Path(given)
