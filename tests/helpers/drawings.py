"""The drawings in a page, for tests."""

from xml.etree import ElementTree


def drawings(html: str) -> list[ElementTree.Element]:
    """The drawings in `html`, each of them well formed."""
    return [ElementTree.fromstring(f"<svg{part.split('</svg>')[0]}</svg>") for part in html.split("<svg")[1:]]
