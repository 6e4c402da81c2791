"""The editor in which missing pixels are painted. gradio's own decodes whatever arrives, and keeps it for ever.

Here the paint stays as it was sent, one layer of bounded size, until `restore.painting` has judged it.
"""

from abc import ABCMeta
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr
from gradio.component_meta import ComponentMeta
from gradio.components.base import server
from gradio.components.image_editor import AcceptBlobs, EditorData
from starlette.exceptions import HTTPException

Layers = list[bytes | Path]
"""The paint: files of pictures, not decoded."""
_MOST_LAYER_BYTES = 2_000_000
_MOST_WAITING = 64
"""Layers that were sent and not asked for yet, of all visitors; the oldest goes first."""
_waiting: OrderedDict[str, bytes] = OrderedDict()
_lock = Lock()


class _WithoutStub(ComponentMeta):
    """gradio's metaclass writes a .pyi file beside the source of each component."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> type:
        return ABCMeta.__new__(cls, name, bases, attributes)


class MarksEditor(gr.ImageEditor, metaclass=_WithoutStub):
    """gradio's editor with one layer; its value for a handler is `Layers`."""

    is_template = True
    """The browser's part is gradio's."""

    def preprocess(self, payload: EditorData | None) -> Layers:  # type: ignore[override]
        """The layers as they were sent."""
        if payload is None:
            return []
        if payload.id is None:
            return [Path(layer.path) for layer in payload.layers]
        with _lock:
            layer = _waiting.pop(payload.id, None)
        return [] if layer is None else [layer]

    @server
    def accept_blobs(self, data: AcceptBlobs) -> None:
        """Keep the first layer; background and composite are not needed."""
        about = data.data
        if about["type"] != "layer" or str(about["index"]) != "0" or not data.files:
            return
        layer = data.files[0][1]
        if len(layer) > _MOST_LAYER_BYTES:
            raise HTTPException(413, f"The marks have more than {_MOST_LAYER_BYTES // 1_000_000} MB: paint fewer.")
        with _lock:
            _waiting[str(about["id"])] = layer
            while len(_waiting) > _MOST_WAITING:
                _waiting.popitem(last=False)
