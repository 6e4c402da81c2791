"""What a file is that is not read, by how it begins: the sentence names it, and calls nothing damaged that is whole.

Sources: ISO/IEC 14496-12 (ftyp) and 23008-12 (HEIF); ITU-T T.81, T.87 (frames of JPEG); DNG 1.7, TIFF 6.0.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

import tifffile

from kdsr.errors import InputError

HEIC, AVIF = "HEIC", "AVIF"
STARTS = 64
"""Bytes of a file that `kind_of` looks at."""
_RAW = "a camera's raw file"
_FILM = "a film"
_BEGINNINGS: Mapping[bytes, str] = MappingProxyType({
    b"\0\0\0\x0cjP  ":    "JPEG 2000",
    b"\xff\x4f\xff\x51":  "JPEG 2000",
    b"\0\0\0\x0cJXL ":    "JPEG XL",
    b"\xff\x0a":          "JPEG XL",
    b"II\xbc\x01":        "JPEG XR",
    b"8BPS":              "a file of Photoshop (PSD)",
    b"gimp xcf":          "a file of GIMP (XCF)",
    b"%!PS":              "PostScript",
    b"\xc5\xd0\xd3\xc6":  "PostScript",
    b"%PDF":              "PDF",
    b"DDS ":              "a texture (DDS)",
    b"\xabKTX":           "a texture (KTX)",
    b"\x76\x2f\x31\x01":  "OpenEXR",
    b"#?RADIANCE":        "Radiance HDR",
    b"#?RGBE":            "Radiance HDR",
    b"SDPX":              "DPX",
    b"XPDS":              "DPX",
    b"\0\0\1\0":         "an icon (ICO)",
    b"\0\0\2\0":         "a cursor (CUR)",
    b"icns":              "an icon (ICNS)",
    b"qoif":              "QOI",
    b"BPG\xfb":           "BPG",
    b"FLIF":              "FLIF",
    b"\x8aMNG":           "MNG",
    b"\x8bJNG":           "JNG",
    b"\x01\xda\0\1":      "SGI",
    b"\x01\xda\1\1":      "SGI",
    b"\n\5\1\x08":        "PCX",
    b"\x59\xa6\x6a\x95":  "a Sun raster",
    b"/* XPM":            "XPM",
    b"SIMPLE  =":         "FITS",
    b"PF":                "a PFM of floating-point numbers",
    b"Pf":                "a PFM of floating-point numbers",
    b"P7\n":              "PAM",
    b"IIRO":              f"{_RAW} (ORF)",
    b"IIRS":              f"{_RAW} (ORF)",
    b"MMOR":              f"{_RAW} (ORF)",
    b"IIU\0":             f"{_RAW} (RW2)",
    b"FUJIFILMCCD-RAW":   f"{_RAW} (RAF)",
    b"FOVb":              f"{_RAW} (X3F)",
    b"<svg":              "a drawing (SVG)",
    b"<?xml":             "XML, perhaps a drawing (SVG)",
    b"<!DOCTYPE":         "a page of the web",
    b"<html":             "a page of the web",
    b"\xd7\xcd\xc6\x9a":  "a drawing (WMF)",
    b"\x1a\x45\xdf\xa3":  f"{_FILM} (WebM)",
    b"PK\3\4":            "an archive (ZIP)",
    b"\x1f\x8b":          "an archive (gzip)",
    b"7z\xbc\xaf":        "an archive (7z)",
    b"Rar!":              "an archive (RAR)",
})  # fmt: skip
_EMPTY_LISTS = (b"\0\0\1\0\0\0", b"\0\0\2\0\0\0")
"""An icon or cursor of no pictures, or another file: Targa has no mark."""
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"miaf", b"avci")
_FILMS = (b"iso", b"mp4", b"qt  ", b"M4V", b"3g", b"avc1", b"dash", b"MSNV")
_FRAMES: Mapping[int, str] = MappingProxyType({
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "lossless, hierarchical",
    0xCB: "lossless, arithmetic", 0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "lossless, hierarchical",
    0xF7: "JPEG-LS",
})  # fmt: skip
"""Frames of JPEG that libjpeg does not read. 0xC0 to 0xC2 and 0xC9, 0xCA are read with 8 bits."""
_READ = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
_ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers without a segment."""
_MOST_SEGMENTS = 10_000
_MOST_JUNK = 1_000_000
"""Bytes between the segments of a JPEG: 0.3 s."""
_BLOCK = 4096
_DNG, _SUBFILE_TYPE, _REDUCED = 50706, 254, 1


def kind_of(start: bytes) -> str:
    """What a file is that begins with `start`, of what is not read by Pillow; empty where that is not known."""
    if start[4:8] == b"ftyp":
        return _kind_of_boxes(start)
    if start.startswith(b"RIFF") and start[8:12] != b"WEBP":
        return {b"AVI ": f"{_FILM} (AVI)", b"WAVE": "sound (WAV)"}.get(start[8:12], "a RIFF file without a picture")
    if start.startswith(_EMPTY_LISTS):
        return ""
    return next((name for mark, name in _BEGINNINGS.items() if start.startswith(mark)), "")


def is_bmp(start: bytes) -> bool:
    """Whether `start` begins a BMP, and not a text that begins with the same letters."""
    return start.startswith(b"BM") and 12 <= int.from_bytes(start[14:18], "little") <= 1024


def check_frame(stream: BinaryIO, caption: str) -> None:
    """Pass if the first frame of the JPEG in `stream` is of a kind that is read, or none is found.

    Raises:
        InputError: it is lossless, hierarchical, JPEG-LS or of more than 8 bits, or behind thousands of segments, for
            which Pillow takes minutes.
    """
    kind = _kind_of_frame(stream)
    if kind is None:
        raise InputError(
            f"{caption} has more than {_MOST_SEGMENTS:,} segments or 1 MB of junk before its picture: save it again."
        )
    if kind:
        raise InputError(f"{caption} is a JPEG of a kind that is not read ({kind}): save it as PNG, or as usual JPEG.")


def check_page(page: tifffile.TiffPage, start: bytes, caption: str) -> None:
    """Pass if `page`, the first of a TIFF that begins with `start`, is its picture.

    Raises:
        InputError: it is the preview of a camera's raw file, or a smaller copy of what comes later.
    """
    is_reduced = bool(int(page.tags.valueof(_SUBFILE_TYPE, default=0)) & _REDUCED)
    if start[8:10] == b"CR" or page.tags.get(_DNG) is not None or is_reduced:
        what = "begins with a small copy of its picture, as raw files of cameras do"
        raise InputError(f"{caption} {what}: open it in a program that reads them, and save it as PNG or TIFF.")


def _kind_of_boxes(start: bytes) -> str:
    brand, also = start[8:12], start[16 : int.from_bytes(start[:4])]
    if brand in (b"avif", b"avis") or (brand in _HEIF and b"avif" in also):
        return AVIF
    if brand in _HEIF or any(each in also for each in (b"heic", b"heix", b"mif1")):
        return HEIC
    if brand == b"crx ":
        return f"{_RAW} (CR3)"
    return f"{_FILM} (MP4, MOV)" if brand.startswith(_FILMS) else ""


def _kind_of_frame(stream: BinaryIO) -> str | None:
    """What the first frame is that is not read; None where it does not come soon."""
    stream.seek(2)
    filled = junk = 0
    for _ in range(_MOST_SEGMENTS):
        junk += _to_marker(stream)
        if junk > _MOST_JUNK:
            return None
        if not stream.read(1):
            return ""
        while (byte := stream.read(1)) == b"\xff":
            filled += 1
            if filled > _MOST_SEGMENTS:
                return None
        marker = byte[0] if byte else 0xDA
        if marker in _ALONE or marker == 0:  # 0: a byte of data, which Pillow passes over
            continue
        head = stream.read(3)
        if marker in _FRAMES:
            return _FRAMES[marker]
        if marker in _READ:
            return f"{head[2]}-bit" if len(head) == 3 and head[2] > 8 else ""
        if marker in (0xDA, 0xD9) or len(head) < 3:  # coded data, the end
            return ""
        stream.seek(int.from_bytes(head[:2]) - 3, 1)
    return None


def _to_marker(stream: BinaryIO) -> int:
    """Go to the next byte of 255; the number of bytes passed over, which Pillow reads one by one."""
    start = place = stream.tell()
    while place - start <= _MOST_JUNK and (block := stream.read(_BLOCK)):
        found = block.find(b"\xff")
        place += len(block) if found < 0 else found
        if found >= 0:
            break
    stream.seek(place)
    return place - start
