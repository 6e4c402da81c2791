"""What browsers fetch for the tab *Live*: the scripts, ONNX Runtime Web, the graphs of students, the example pictures.

Scripts and ONNX Runtime Web are in the package's folder `static/live`. Graphs, pictures and the binary of ONNX
Runtime Web, which is packed there, go into the folder `live` of `settings.home`, which holds nothing else: everything
under these two folders is public.
"""

import gzip
import lzma
import shutil
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from kdsr.errors import SettingsError
from kdsr.files import replaced
from kdsr.restore import graph_file
from kdsr.settings import Settings
from kdsr.ui.examples import write_thumbnail
from kdsr.zoo import Card, Catalog

SCRIPTS = Path(__file__).parent.parent / "static" / "live"

BINARY = "ort-wasm-simd-threaded.wasm"
"""The binary of ONNX Runtime Web; xz packs it to six tenths of what browsers can inflate, gzip."""


def public_folder(settings: Settings) -> Path:
    """The folder of graphs and pictures."""
    return settings.home / "live"


def serve_live_files(settings: Settings) -> None:
    """Let gradio serve the two folders, to everybody."""
    gr.set_static_paths([SCRIPTS, public_folder(settings)])


def public_graph(card: Card, catalog: Catalog, settings: Settings) -> Path:
    """The 8-bit graph of `card` where browsers may fetch it.

    Raises:
        SettingsError: the folder cannot be written.
        WeightsError: the graph cannot be made.
    """
    target = public_folder(settings) / f"{card.sha256}.onnx"
    source = graph_file(card, catalog, settings, uint8=True)
    if not target.is_file() or target.stat().st_mtime < source.stat().st_mtime:
        _put(target, lambda part: shutil.copyfile(source, part))
    return target


def public_binary(settings: Settings) -> Path:
    """The gzipped binary where browsers may fetch it; it is packed anew the first time, in two seconds.

    Raises:
        SettingsError: the folder cannot be written.
    """
    source, target = SCRIPTS / "onnxruntime-web" / f"{BINARY}.xz", public_folder(settings) / f"{BINARY}.gz"
    if not target.is_file() or target.stat().st_mtime < source.stat().st_mtime:
        _put(target, lambda part: part.write_bytes(gzip.compress(lzma.decompress(source.read_bytes()), 6, mtime=0)))
    return target


def public_example(source: Path, settings: Settings) -> Path:
    """The example picture `source` where browsers may fetch it, unchanged.

    Raises:
        SettingsError: the folder cannot be written.
    """
    target = public_folder(settings) / source.name
    if not target.is_file():
        _put(target, lambda part: shutil.copyfile(source, part))
    return target


def public_thumbnail(source: Path, settings: Settings) -> Path:
    """A small square of the example picture `source`; as `public_example`."""
    target = public_folder(settings) / f"{source.stem}.thumbnail.png"
    if not target.is_file():
        _put(target, lambda part: write_thumbnail(source, part, settings))
    return target


def _put(target: Path, write: Callable[[Path], object]) -> None:
    """Create or replace `target` by `write`, in one step."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replaced(target) as part:
            write(part)
    except OSError as error:
        raise SettingsError(
            f"A file cannot be written here ({error.strerror}): free some space, or set KDSR_HOME to a folder that can."
        ) from error
