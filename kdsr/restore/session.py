"""ONNX Runtime sessions: how one is opened here, and what its graph says about itself. The only file that imports
onnxruntime.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.capi import onnxruntime_pybind11_state as state

from kdsr.errors import WeightsError
from kdsr.restore.processor import cuts_byte_sums

Session: TypeAlias = InferenceSession
INPUT, OUTPUT = "image", "restored"
"""The names of a graph's input and output."""
_UNREADABLE = (
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.NoSuchFile,
    state.NotImplemented,
)
_ERRORS_ONLY = 3


def open_session(source: Path | bytes, *, threads: int) -> Session:
    """A session on the CPU for a graph in a file or in memory.

    Buffers are kept in an arena: without one a tile takes a third longer. They are not planned as one block for each
    shape of tile. Measured on 2000x3000 x4, that saves memory and costs no time.

    Raises:
        WeightsError: not a graph that this ONNX Runtime can run.
    """
    options = SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ONLY
    options.enable_mem_pattern = False
    # Sessions share the cores with each other and with torch: threads that spin after a run slow the next one down.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if cuts_byte_sums():  # with VNNI, exact sums the other way take twice as long
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return Session(
            source if isinstance(source, bytes) else str(source), options, providers=["CPUExecutionProvider"]
        )
    except _UNREADABLE as error:
        name = source.name if isinstance(source, Path) else "in memory"
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"The ONNX graph {name} cannot be run here ({reason}); remove the file, and it is made again."
        ) from error


def metadata_of(session: Session) -> Mapping[str, str]:
    """What `export` wrote into the graph about itself. Costs nothing: the session has read it already."""
    about: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
    return about
