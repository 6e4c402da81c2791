"""A small published teacher, made on the spot: an ncnn pair inside a wheel, and its entry in the registry."""

import dataclasses
import hashlib
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from kdsr.models import build_model
from kdsr.zoo.published import Member, Published, Wheel

NAME = "tiny-rrdb"
ARGUMENTS = {"width": 4, "blocks": 1, "growth": 32}
_PACKAGE, _VERSION = "tiny-published", "1.0"
WHEEL = "tiny_published-1.0-py3-none-any.whl"
_STEM = "tiny_published/models/tiny-rrdb"


def small_rrdb() -> torch.nn.Module:
    """A random network of one block whose kernels are float16 numbers."""
    torch.manual_seed(0)
    network = build_model("rrdb", 4, ARGUMENTS).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.copy_(parameter.half().float())
    return network


def ncnn_pair(layers: Sequence[torch.nn.Module]) -> tuple[bytes, bytes]:
    """The `.param` and the `.bin` of convolutions and PReLUs, kernels in float16."""
    lines, content = [], b""
    for number, layer in enumerate(layers):
        if isinstance(layer, torch.nn.PReLU):
            lines.append(f"PReLU prelu_{number} 1 1 {number} {number + 1} 0={layer.num_parameters}")
            content += layer.weight.detach().numpy().astype("<f4").tobytes()
            continue
        size = layer.weight.numel()
        lines.append(f"Convolution conv_{number} 1 1 {number} {number + 1} 0={layer.out_channels} 1=3 4=1 5=1 6={size}")
        kernel = layer.weight.detach().numpy().astype("<f2").tobytes()
        content += struct.pack("<I", 0x01306B47) + kernel + b"\0" * (-len(kernel) % 4)
        content += layer.bias.detach().numpy().astype("<f4").tobytes()
    head = ["7767517", f"{len(lines) + 1} {len(lines) + 1}", "Input input 0 1 0"]
    return "\n".join([*head, *lines, ""]).encode("ascii"), content


def rrdb_layers(network: torch.nn.Module) -> list[torch.nn.Module]:
    """The convolutions of an RRDBNet in the order of its graph."""
    inner = [
        getattr(getattr(block, f"rdb{part}"), f"conv{conv}")
        for block in network.body
        for part in (1, 2, 3)
        for conv in range(1, 6)
    ]
    ends = (network.conv_body, network.conv_up1, network.conv_up2, network.conv_hr, network.conv_last)
    return [network.conv_first, *inner, *ends]


def write_wheel(folder: Path) -> tuple[Path, Published]:
    """A wheel in `folder` that holds `small_rrdb` as an ncnn pair, and its registry entry."""
    folder.mkdir(parents=True, exist_ok=True)
    pair = dict(zip((".param", ".bin"), ncnn_pair(rrdb_layers(small_rrdb())), strict=True))
    path = folder / WHEEL
    about = f"Metadata-Version: 2.1\nName: {_PACKAGE}\nVersion: {_VERSION}\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_published/__init__.py", "raise SystemExit('this package must not be imported')\n")
        for suffix, content in pair.items():
            archive.writestr(f"{_STEM}{suffix}", content)
        archive.writestr("tiny_published-1.0.dist-info/METADATA", about)
        archive.writestr("tiny_published-1.0.dist-info/WHEEL", tags)
        archive.writestr("tiny_published-1.0.dist-info/RECORD", "")
    members = tuple(Member(f"{_STEM}{suffix}", _sha256(content), len(content)) for suffix, content in pair.items())
    wheel = Wheel(_PACKAGE, _VERSION, WHEEL, _sha256(path.read_bytes()), path.stat().st_size)
    entry = Published(
        name=NAME, title="Tiny RRDB", task="photo_x4", architecture="rrdb", arguments=ARGUMENTS, parameters=195_179,
        macs_per_output_megapixel=1, licence="BSD-3-Clause", authors="Nobody", source="nowhere", trained_on="nothing",
        wheel=wheel, members=members, form="esrgan", notes="For tests.",
    )  # fmt: skip
    return path, entry


def only_tiny(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel of the small teacher, which is the only published one; pip finds it in `folder` and nothing else."""
    path, entry = write_wheel(folder)
    for module in ("zoo.published", "zoo.teachers", "ui.teachers.panel", "ui.models.absent", "ui.models.selection"):
        monkeypatch.setattr(f"kdsr.{module}.PUBLISHED", {NAME: entry})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return path


def altered(path: Path, target: Path) -> Path:
    """`path` copied to `target` with one byte changed."""
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[len(content) // 2] ^= 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.tobytes())
    return target


def with_wheel(entry: Published, **changes: object) -> Published:
    """`entry` with its wheel changed."""
    return dataclasses.replace(entry, wheel=dataclasses.replace(entry.wheel, **changes))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
