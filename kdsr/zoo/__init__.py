"""Released networks: weights with their cards, found by the cards in a folder."""

from kdsr.zoo.card import Card, Figure, FigureKey, LookFigure, read_card, write_card
from kdsr.zoo.catalog import Catalog, open_catalog
from kdsr.zoo.weights import load_weights, save_weights, sha256_of

__all__ = [
    "Card",
    "Catalog",
    "Figure",
    "FigureKey",
    "LookFigure",
    "load_weights",
    "open_catalog",
    "read_card",
    "save_weights",
    "sha256_of",
    "write_card",
]
