"""How large a raster of ours can become, before it is written."""

from __future__ import annotations

from .writer import TILE

FILE_BYTES = 64 * 1024  # of a file besides its pixels: metadata, colours, style
TILE_ENTRY = 16  # bytes: place and size of a tile in the file
#: How far values with decimals are compressed at the most, for refusals: probabilities and
#: confidence to five sixths or two thirds; parts without data to nothing.
LEAST_FLOATS = 1 / 8


def largest_size(height: int, width: int, bands: int, item: int) -> int:
    """Return the bytes of a raster that does not compress at all.

    Args:
        height: rows.
        width: columns.
        bands: bands.
        item: bytes of a value.
    """
    tiles = -(-height // TILE) * -(-width // TILE)
    return tiles * bands * (TILE * TILE * item + TILE_ENTRY) + FILE_BYTES
