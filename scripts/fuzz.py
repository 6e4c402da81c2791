"""Mutated inputs through every public door: each is an answer or one sentence, in seconds and bounded memory.

    python scripts/fuzz.py [--inputs 20000] [--door picture] [--seed 0] [--keep FOLDER]

The doors: pictures, masks, marks, archives, cards, recipes, weights, requests. Sound files, made here, are mutated:
bits, forged numbers, cuts, repeats, and pieces of each other. Prints one JSON object; exit code 1 where a fault was
found. `--keep` stores the inputs of faults. A door that hangs for a minute ends the script with where it hangs.
"""

import argparse
import dataclasses
import faulthandler
import io
import json
import random
import resource
import struct
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import tifffile
import torch
from PIL import Image

from kdsr.errors import KdsrError
from kdsr.image import Picture, read_picture
from kdsr.jobs.uploads import take_photos
from kdsr.restore import holes_in
from kdsr.settings import Settings
from kdsr.train.recipe import recipe_from_json, recipe_from_mapping, recipe_to_json
from kdsr.ui.asked import Asked
from kdsr.ui.restore.painting import write_marks
from kdsr.zoo import Card, save_weights
from kdsr.zoo.card import read_card, write_card
from kdsr.zoo.weights import load_tensors

LONGEST_S = 5.0
MOST_MEMORY_MB = 1500
_HANGS_S = 60.0
_SETTINGS = Settings()
_PHOTOS = (b"\x89PNG", b"\xff\xd8", b"II*\0")
"""How pictures begin that an archive of photographs may hold."""
_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]


def main() -> None:
    """Run it and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--door", choices=[*DOORS], default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=None)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    doors = [options.door] if options.door else [*DOORS]
    with tempfile.TemporaryDirectory() as name:
        report = {
            door: through(door, options.inputs // len(doors), options.seed, Path(name) / door, options.keep)
            for door in doors
        }
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    faults = sum(len(each["faults"]) for each in report.values()) + (memory_mb > MOST_MEMORY_MB)
    print(json.dumps({"doors": report, "memory_mb": round(memory_mb)}, indent=2))  # noqa: T201 - a script's output
    sys.exit(1 if faults else 0)


def through(door: str, inputs: int, seed: int, folder: Path, keep: Path | None) -> dict[str, Any]:
    """What became of `inputs` mutated files at `door`, which works in the new `folder`."""
    folder.mkdir()
    corpus, rng = CORPUS[door](folder), random.Random(f"{seed} {door}")
    met, faults, slowest_s = Counter[str](), dict[str, str](), 0.0
    for number in range(inputs):
        data = mutated(rng.choice(corpus), corpus, rng)
        faulthandler.dump_traceback_later(_HANGS_S, exit=True)
        since = time.process_time()
        outcome, fault = outcome_of(door, data, folder)
        met[outcome] += 1
        seconds = time.process_time() - since
        slowest_s = max(slowest_s, seconds)
        if seconds > LONGEST_S:
            fault = fault or f"{seconds:.1f} s"
        if fault and fault not in faults:
            faults[fault] = f"{door}-{number}"
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{door}-{number}").write_bytes(data)
    faulthandler.cancel_dump_traceback_later()
    return {**met, "slowest_s": round(slowest_s, 2), "faults": faults}


def outcome_of(door: str, data: bytes, folder: Path) -> tuple[str, str]:
    """What becomes of `data` at `door`: "answered", "refused" or "failed", and the fault, if it is one."""
    try:
        DOORS[door](data, folder)
    except KdsrError as error:
        is_sentence = "\n" not in str(error) and len(str(error)) <= 600 and str(folder) not in str(error)
        return "refused", "" if is_sentence else f"no sentence: {str(error)[:100]!r}"
    except Exception as error:  # what is looked for
        return "failed", f"{type(error).__name__}: {str(error)[:80]}"
    return "answered", ""


def mutated(data: bytes, corpus: list[bytes], rng: random.Random) -> bytes:
    """`data` changed in one to eight ways."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 8])):
        place = rng.randrange(max(1, len(changed)))
        match rng.randrange(7):
            case 0:
                changed[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                size, order = rng.choice("BHI"), rng.choice("<>")
                value = rng.choice(_NUMBERS) & (256 ** struct.calcsize(size) - 1)
                changed[place : place + struct.calcsize(size)] = struct.pack(order + size, value)
            case 2:
                del changed[place : place + rng.choice([1, 4, 64, 4096])]
            case 3:
                piece = changed[place : place + rng.choice([1, 8, 64, 512])]
                changed[place:place] = piece * rng.choice([1, 2, 50, 1000])
            case 4:
                other = rng.choice(corpus)
                begin = rng.randrange(len(other))
                changed[place : place + 64] = other[begin : begin + 64]
            case 5:
                changed = changed[:place] if rng.random() < 0.5 else changed
            case _:
                changed[place:place] = bytes(rng.choice([1, 16, 4096]))
    return bytes(changed[:4_000_000])


def _picture(data: bytes, _folder: Path) -> None:
    read_picture(data, _SETTINGS, name="fuzzed")


def _mask(data: bytes, _folder: Path) -> None:
    holes_in(Picture(np.zeros((24, 40, 3), np.uint8)), read_picture(data, _SETTINGS, name="fuzzed"))


def _marks(data: bytes, folder: Path) -> None:
    mask = read_picture(data, _SETTINGS, name="fuzzed")
    write_marks(mask, Picture(np.zeros((24, 40, 3), np.uint8)), folder).unlink()


def _archive(data: bytes, folder: Path) -> None:
    path, taken = folder / "fuzzed.zip", folder / "taken"
    path.write_bytes(data)
    take_photos([path], taken, _SETTINGS)
    for photo in taken.iterdir():
        photo.unlink()
    taken.rmdir()


def _card(data: bytes, folder: Path) -> None:
    path = folder / "fuzzed.json"
    path.write_bytes(data)
    write_card(read_card(path), path)


def _recipe(data: bytes, _folder: Path) -> None:
    recipe_to_json(recipe_from_json(data.decode("utf-8", errors="replace")))


def _request(data: bytes, _folder: Path) -> None:
    """The first byte says where the rest is sent."""
    routes = ("/call/restore", "/call/v2/restore", "/queue/join", "/component_server", "/cancel")
    route = routes[data[0] % len(routes)] if data else routes[0]
    component = SimpleNamespace(graph=SimpleNamespace(_is_server_fn=True))
    parameters = [{"parameter_name": "picture", "parameter_has_default": False, "parameter_default": None}]
    blocks = SimpleNamespace(
        fns={3: SimpleNamespace(api_name="restore", inputs=[1]), 4: SimpleNamespace(api_name="on", inputs=[1, 2])},
        get_api_info=lambda: {"named_endpoints": {"/restore": {"parameters": parameters}}}, blocks={7: component},
    )  # fmt: skip
    taken = json.loads(Asked(None, blocks, None).checked(route, data[1:]) or "{}")
    assert route != "/call/restore" or len(taken["data"]) == 1


def _weights(data: bytes, folder: Path) -> None:
    path = folder / "fuzzed.safetensors"
    path.write_bytes(data)
    load_tensors(path)


DOORS: dict[str, Callable[[bytes, Path], None]] = {
    "picture": _picture, "mask": _mask, "marks": _marks, "archive": _archive, "card": _card, "recipe": _recipe,
    "weights": _weights, "request": _request,
}  # fmt: skip


def _pictures(_folder: Path) -> list[bytes]:
    """One of each kind of file that is read."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 40, 4), np.uint8)
    colour, clear = Image.fromarray(noise[..., :3]), Image.fromarray(noise)
    grey, palette, deep = colour.convert("L"), colour.convert("P"), noise[..., 0].astype(np.uint16) * 257
    made = [
        (colour, "PNG", {}), (clear, "PNG", {}), (palette, "PNG", {}), (grey.convert("1"), "PNG", {}),
        (Image.fromarray(deep), "PNG", {}), (colour, "JPEG", {}), (colour, "JPEG", {"progressive": True}),
        (colour.convert("CMYK"), "JPEG", {}), (clear, "WEBP", {}), (clear, "WEBP", {"lossless": True}),
        (palette, "GIF", {}), (palette, "GIF", {"save_all": True, "append_images": [palette, palette]}),
        (colour, "BMP", {}), (palette, "BMP", {}), (colour, "PPM", {}), (grey, "PPM", {}), (clear, "TIFF", {}),
        (colour, "TIFF", {"compression": "tiff_lzw"}), (grey.convert("1"), "TIFF", {"compression": "group4"}),
        (colour, "PNG", {"save_all": True, "append_images": [colour]}), (colour, "AVIF", {}),
    ]  # fmt: skip
    files = []
    for image, format, options in made:
        stream = io.BytesIO()
        image.save(stream, format, **options)
        files.append(stream.getvalue())
    for options in ({}, {"compression": "zlib"}, {"tile": (16, 16)}, {"bigtiff": True}, {"planarconfig": "separate"}):
        stream = io.BytesIO()
        samples = np.stack([deep] * 3, axis=0 if "planarconfig" in options else -1)
        tifffile.imwrite(stream, samples, photometric="rgb", metadata=None, **options)
        files.append(stream.getvalue())
    return files


def _archives(folder: Path) -> list[bytes]:
    files = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for number, data in enumerate(data for data in _pictures(folder) if data.startswith(_PHOTOS)):
                archive.writestr(f"folder/{number}.png", data)
        files.append(stream.getvalue())
    return files


def _cards(folder: Path) -> list[bytes]:
    card = Card(
        name="a", title="A", task="sr_x4", role="student", architecture="plain", arguments={"width": 16, "depth": 3},
        parameters=1, macs_per_output_megapixel=1, file_bytes=1, sha256="0" * 64, licence="Apache-2.0",
        trained_on="nothing", steps=1, seed=0, data=({"pack": "a", "pictures": 1},), recipe={"loss": "l1"},
    )  # fmt: skip
    released = sorted((Path(__file__).resolve().parent.parent / "weights").glob("*.json"))[::12]
    plain = write_card(card, folder / "sound.json").read_bytes()
    return [plain, json.dumps(dataclasses.asdict(card)).encode(), *(path.read_bytes() for path in released)]


def _recipes(_folder: Path) -> list[bytes]:
    plain = recipe_from_mapping({"name": "a", "task": "sr_x2", "arguments": {"width": 16, "depth": 3}})
    short = {"name": "a", "task": "denoise", "teacher": "t", "cache_labels": False, "terms": [{"loss": "l1"}]}
    return [
        recipe_to_json(plain).encode(),
        recipe_to_json(recipe_from_mapping(short)).encode(),
        json.dumps(short).encode(),
    ]


def _tensors(folder: Path) -> list[bytes]:
    state = {"a.weight": torch.zeros(4, 3, 3, 3), "a.bias": torch.zeros(4, dtype=torch.float16), "n": torch.ones(())}
    return [save_weights(state, folder / "sound.safetensors").read_bytes()]


def _requests(_folder: Path) -> list[bytes]:
    sound = [
        {"data": [{"path": "/tmp/a.png", "meta": {"_type": "gradio.FileData"}}]}, {"picture": {"path": "a"}},
        {"data": ["a"], "session_hash": "s", "fn_index": 3}, {"session_hash": "s", "fn_index": 4, "data": [1, None]},
        {"data": {"network": "a"}, "session_hash": "s", "component_id": 7, "fn_name": "graph"}, {"event_id": "e"},
    ]  # fmt: skip
    return [bytes([place]) + json.dumps(each).encode() for place, each in enumerate(sound)]


CORPUS: dict[str, Callable[[Path], list[bytes]]] = {
    "picture": _pictures, "mask": _pictures, "marks": _pictures, "archive": _archives, "card": _cards,
    "recipe": _recipes, "weights": _tensors, "request": _requests,
}  # fmt: skip

if __name__ == "__main__":
    main()
