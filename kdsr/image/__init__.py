"""The boundary where pictures come in and go out: files, bytes, PIL, arrays <-> `Picture` <-> tensor.

uint8, uint16, PIL, EXIF, ICC and alpha live here only; everything behind it sees float32 (1, 3, H, W) RGB in [0, 1].
Resampling and degradation are not here: they are in `kdsr.degrade`.
"""

from kdsr.image.hidden import fill_hidden
from kdsr.image.picture import Picture, from_tensor, to_tensor, with_transparent
from kdsr.image.read import read_picture
from kdsr.image.write import WRITABLE_SUFFIXES, encode_picture, encode_png, write_picture, write_strips

__all__ = [
    "WRITABLE_SUFFIXES",
    "Picture",
    "encode_picture",
    "encode_png",
    "fill_hidden",
    "from_tensor",
    "read_picture",
    "to_tensor",
    "with_transparent",
    "write_picture",
    "write_strips",
]
