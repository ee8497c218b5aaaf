"""What the numbers in a file mean: which are missing, and their physical values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .bands import Band

RawArray = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


def nodata_in(dtype: np.dtype[Any], nodata: float | None) -> Any:
    """A nodata value as the data type holds it, or None where it holds no such value.

    A byte raster with nodata -9999 has no missing pixels; a float32 raster holds the
    float32 next to a nodata given in double precision.
    """
    if nodata is None:
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(nodata)
    limits = np.iinfo(dtype)
    # 2**64 - 1 and the like are rounded up on their way through a double.
    whole = int(min(max(nodata, limits.min), limits.max)) if nodata == int(nodata) else None
    return dtype.type(whole) if whole is not None and float(whole) == nodata else None


def may_miss(dtype: np.dtype[Any], band: Band) -> bool:
    """Whether a band of this type can hold missing values at all."""
    return dtype.kind == "f" or nodata_in(dtype, band.nodata) is not None


def missing(raw: RawArray, band: Band) -> BoolArray | None:
    """Where raw values of one band are nodata or no finite number.

    The comparison is done on the raw data type, before scale and offset.

    Args:
        raw: ``(height, width)`` raw values.
        band: the band they belong to.

    Returns:
        ``(height, width)``, or None where nothing can be missing.
    """
    nodata = nodata_in(raw.dtype, band.nodata)
    if raw.dtype.kind != "f":
        return None if nodata is None else np.equal(raw, nodata)
    gone = ~np.isfinite(raw)
    if nodata is not None:
        gone |= raw == nodata
    return gone


def physical(raw: RawArray, band: Band, out: FloatArray | None = None) -> FloatArray:
    """Raw values of one band in physical units: ``raw * scale + offset``, float32.

    Wide types are scaled in double precision: large integers do not fit float32.

    Args:
        raw: ``(height, width)`` raw values.
        band: the band they belong to.
        out: where the result goes; a new array where there is none.
    """
    found = np.empty(raw.shape, np.float32) if out is None else out
    wide = raw.dtype.itemsize > 4 or (raw.dtype.kind in "iu" and raw.dtype.itemsize == 4)
    values: RawArray = raw.astype(np.float64) if wide else found
    if not wide:
        values[...] = raw
    if band.scale != 1.0:
        values *= band.scale
    if band.offset != 0.0:
        values += band.offset
    if wide:
        found[...] = values
    return found


def valid_pixels(pixels: RawArray, bands: Sequence[Band], mask: BoolArray | None) -> BoolArray:
    """Return which pixels have a value in any band, and are not masked.

    Args:
        pixels: ``(height, width, bands)`` raw values.
        bands: what they are.
        mask: ``(height, width)``, or None.
    """
    gone = np.ones(pixels.shape[:2], dtype=bool)
    for position, band in enumerate(bands):
        lost = missing(pixels[..., position], band)
        if lost is None:
            gone[:] = False
        else:
            gone &= lost
        if not gone.any():
            break
    return ~gone if mask is None else ~gone & mask
