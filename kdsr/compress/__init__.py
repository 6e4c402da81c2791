"""Makes a trained network smaller and faster: fewer channels, 8-bit integers, or both, each step measured on held-out
photographs.
"""

from kdsr.compress.plan import Compression
from kdsr.compress.run import compress

__all__ = ["Compression", "compress"]
