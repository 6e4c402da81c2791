"""The networks.

Every network is a `Network`: its scale, the multiple its sides must have, its receptive radius, and a forward pass.
"""

from kdsr.models.blocks import Enlargement
from kdsr.models.fold import absorb_folded, folded
from kdsr.models.integer import Entry, IntegerConv2d, RoundedEnlargement, floating, integer_form, is_integer
from kdsr.models.network import Network
from kdsr.models.prune import pruned
from kdsr.models.registry import MODELS, Architecture, build_model, count_macs, count_parameters, start

__all__ = [
    "MODELS",
    "Architecture",
    "Enlargement",
    "Entry",
    "IntegerConv2d",
    "Network",
    "RoundedEnlargement",
    "absorb_folded",
    "build_model",
    "count_macs",
    "count_parameters",
    "floating",
    "folded",
    "integer_form",
    "is_integer",
    "pruned",
    "start",
]
