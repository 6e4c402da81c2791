"""A small file whose header takes minutes is refused first, and no header keeps other threads from reading."""

import io
import struct
import threading
import time
import zlib

import numpy as np
import pytest
import tifffile
from helpers.pictures import encoded
from PIL import Image

from kdsr.errors import InputError
from kdsr.image import decode as decoding
from kdsr.image import read_picture
from kdsr.settings import Settings

GIF = encoded(Image.new("P", (8, 8)), "GIF")
HEAD = 13 + (3 << ((GIF[10] & 7) + 1) if GIF[10] & 0x80 else 0)


def gif(middle=b"", frames=1):
    """A GIF with `middle` before its frames."""
    return GIF[:HEAD] + middle + GIF[HEAD:-1] * frames + b";"


def comment(blocks):
    return b"\x21\xfe" + (b"\xff" + bytes(255)) * blocks + b"\0"


def quickly_refused(data, sentence):
    since = time.process_time()
    with pytest.raises(InputError, match=sentence):
        read_picture(data, Settings())
    assert time.process_time() - since < 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "data, sentence",
    [
        (gif(comment(40_000)), "more than 1 MB of comments"),  # Pillow takes 118 s
        (gif(bytes(2_000_001)), "more than 2,000,000 blocks"),
        (gif(frames=10_001), "more than 10,000 frames"),
        (b"P5\n#" + bytes(30_000_000) + b"\n2 2 255\n\0\0\0\0", "a header of more than 65,536 bytes"),  # 18 s
        (b"P6\n" + b"#\n" * 1_000_000 + b"2 2 255\n" + bytes(12), "a header of more than 65,536 bytes"),
    ],
    ids=["comment", "junk", "frames", "pnm", "pnm lines"],
)
def test_a_header_of_minutes_is_refused_at_once(data, sentence):
    quickly_refused(data, sentence)


def test_what_is_usual_is_read():
    assert read_picture(gif(comment(4)), Settings()).width == 8
    assert read_picture(gif(frames=300), Settings()).notes[0] == "Animated: the first of 300 frames is used."
    assert read_picture(b"P5\n# a comment\n2 1\n# another\n255\n\x07\x09", Settings()).pixels.ravel().tolist() == [7, 9]
    assert read_picture(b"P2 2 1 255 " + b" " * 70_000 + b"7 9", Settings()).width == 2


@pytest.mark.parametrize("cut", [12, 14, HEAD, HEAD + 5, len(GIF) - 3])
def test_a_torn_gif_is_one_sentence_or_a_picture(cut):
    try:
        assert read_picture(GIF[:cut], Settings()).width == 8
    except InputError as error:
        assert "damaged" in str(error)


def pages(count, *, back_to=None):
    """A TIFF of `count` pages; the last leads back to the page `back_to`."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((8, 8), np.uint8), metadata=None)
    data = bytearray(stream.getvalue())
    (first,) = struct.unpack_from("<I", data, 4)
    (tags,) = struct.unpack_from("<H", data, first)
    size = 2 + 12 * tags
    page, end = bytes(data[first : first + size]), len(data)
    places = [first, *(end + index * (size + 4) for index in range(count - 1))]
    after = [*places[1:], 0 if back_to is None else places[back_to]]
    struct.pack_into("<I", data, first + size, after[0])
    return bytes(data) + b"".join(page + struct.pack("<I", place) for place in after[1:])


@pytest.mark.parametrize(
    "data, told",
    [(pages(1), 1), (pages(3), 3), (pages(100_000), 1000), (pages(3, back_to=0), 3), (pages(200, back_to=150), 200)],
    ids=["one", "three", "100,000", "circle", "late circle"],
)
def test_pages_of_a_tiff_are_counted_up_to_a_thousand_and_not_in_a_circle(data, told):
    since = time.process_time()
    picture = read_picture(data, Settings())
    assert picture.width == 8 and time.process_time() - since < 5
    assert picture.notes == ((f"Several pages: the first of {told} is used.",) if told > 1 else ())


def test_a_slow_header_keeps_no_other_thread_from_reading(monkeypatch):
    inside, gate = threading.Event(), threading.Event()
    limit, open_ = Image.MAX_IMAGE_PIXELS, Image.open

    def slow(stream, formats):
        if len(stream.getvalue()) == 200_000:
            inside.set()
            assert gate.wait(20)
        return open_(stream, formats=formats)

    monkeypatch.setattr(decoding.Image, "open", slow)
    png = encoded(Image.new("L", (9, 9)), "PNG")
    thread = threading.Thread(target=read_picture, args=(png.ljust(200_000, b"\0"), Settings()))
    thread.start()
    assert inside.wait(20) and read_picture(png, Settings()).width == 9
    assert Image.MAX_IMAGE_PIXELS is None
    gate.set()
    thread.join(20)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_a_picture_in_a_crowd_of_chunks_or_segments_is_refused_at_once():
    """A PNG of 200 MB in empty chunks took 160 s, a JPEG behind 200 MB of fill bytes 300 s."""
    image = Image.linear_gradient("L").resize((40, 24))
    png, jpeg = (encoded(image, format) for format in ("PNG", "JPEG"))
    empty = struct.pack(">I4sI", 0, b"abCd", zlib.crc32(b"abCd"))
    scan = jpeg.index(b"\xff\xda")
    assert read_picture(png[:33] + empty * 1000 + png[33:], Settings()).width == 40
    assert read_picture(jpeg[:2] + b"\xff\xfe\0\2" * 1000 + jpeg[2:], Settings()).width == 40
    assert read_picture(jpeg[:20] + bytes(1000) + jpeg[20:], Settings()).width == 40
    for data, words in (
        (png[:33] + empty * 100_001 + png[33:], "more than 100,000 chunks"),
        (jpeg[:2] + b"\xff\xfe\0\2" * 10_001 + jpeg[2:], "more than 10,000 segments"),
        (jpeg[:2] + b"\xff" * 10_002 + jpeg[2:], "more than 10,000 segments"),
        (jpeg[:2] + b"\xff" + bytes(20_000_000) + jpeg[2:], "1 MB of junk"),
        (jpeg[:2] + b"\xff\0" * 20_000 + jpeg[2:], "more than 10,000 segments"),
        (jpeg[: scan + 10] + b"\xff\xfe\0\2" * 100_001 + jpeg[scan + 10 :], "more than 100,000 segments"),
    ):
        quickly_refused(data, words)
