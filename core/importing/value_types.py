"""The type that imported values are written with: their own, where a GeoTIFF has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError

_KEPT = ("uint8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_WIDER = {"bool": "uint8", "int8": "int16", "float16": "float32"}
_NARROWER = ("int32", "uint32")


def written_type(dtype: np.dtype[Any], limits: Callable[[], tuple[int, int]]) -> tuple[str, str]:
    """Return the type to write values with, and what to tell of it.

    Every value stays what it is.

    Args:
        dtype: of the values.
        limits: finds the smallest and the largest value; only asked where it matters.

    Raises:
        InputError: no type of a GeoTIFF that every program reads holds them.
    """
    native = dtype.newbyteorder("=").name
    if native in _KEPT:
        return native, ""
    if native in _WIDER:
        return _WIDER[native], f"{native} values are written as {_WIDER[native]}, unchanged."
    if dtype.kind in "iu":
        least, most = limits()
        for name in _NARROWER:
            if np.iinfo(name).min <= least and most <= np.iinfo(name).max:
                return (
                    name,
                    f"{native} values, {least} to {most}, are written as {name}, unchanged.",
                )
        raise InputError(
            f"The values are {native} and go from {least} to {most}, beyond the 32 bits that "
            "rasters hold. Divide them first, or save them as float64."
        )
    raise InputError(
        f"Values of type {native} cannot be written; expected whole numbers of up to 64 bits or "
        "floating point numbers of 16, 32 or 64. Convert them: astype('float64')."
    )
