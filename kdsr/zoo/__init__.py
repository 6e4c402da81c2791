"""Released networks: weights with their cards, found by the cards in a folder."""

from kdsr.zoo.card import Card, Figure, FigureKey, LookFigure, read_card, write_card
from kdsr.zoo.catalog import Catalog, find_network, open_catalog
from kdsr.zoo.sharpness import SharpPair, at_sharpness, sharp_pair_of
from kdsr.zoo.styles import alike, of_style, style_of, style_title, styles_of
from kdsr.zoo.weights import load_weights, save_weights, sha256_of

__all__ = [
    "Card",
    "Catalog",
    "Figure",
    "FigureKey",
    "LookFigure",
    "SharpPair",
    "alike",
    "at_sharpness",
    "find_network",
    "load_weights",
    "of_style",
    "open_catalog",
    "read_card",
    "save_weights",
    "sha256_of",
    "sharp_pair_of",
    "style_of",
    "style_title",
    "styles_of",
    "write_card",
]
