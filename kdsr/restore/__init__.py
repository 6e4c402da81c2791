"""Running networks on pictures: exact tiles, runtimes kept warm, ONNX files. Files of pictures are in `kdsr.image`."""

from kdsr.restore.engine import restore, restore_picture, restore_strips
from kdsr.restore.export import export_onnx, graph_file
from kdsr.restore.files import restore_file
from kdsr.restore.holes import holes_in, navier_stokes
from kdsr.restore.runtime import Runtime, RuntimeInfo
from kdsr.restore.runtimes import RUNTIMES, available_runtimes, exact_runtimes, open_runtime, passed_over
from kdsr.restore.tiling import Tile, plan_tiles

__all__ = [
    "RUNTIMES",
    "Runtime",
    "RuntimeInfo",
    "Tile",
    "available_runtimes",
    "exact_runtimes",
    "export_onnx",
    "graph_file",
    "holes_in",
    "navier_stokes",
    "open_runtime",
    "passed_over",
    "plan_tiles",
    "restore",
    "restore_file",
    "restore_picture",
    "restore_strips",
]
