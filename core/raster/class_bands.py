"""Class maps: their data type, and the colours and names of classes in a GeoTIFF."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from osgeo import gdal

from ..errors import RasterError
from .style import ClassLike, rgb


def class_map_type(codes: Iterable[int]) -> tuple[str, int]:
    """The data type of a class map, and the value of its pixels without a class.

    That value is 0, unless a class has it: then 255, or 65535.

    Args:
        codes: the users' own codes of all classes.

    Raises:
        RasterError: a code is below 0 or above 65535, or every value is taken.
    """
    used = {int(code) for code in codes}
    wrong = sorted(code for code in used if not 0 <= code <= 65535)
    if wrong:
        raise RasterError(
            f"Class code {wrong[0]} does not fit a class map; codes must lie in 0-65535. "
            "Renumber the classes of the reference."
        )
    free = next((value for value in (0, 255, 65535) if value not in used), None)
    if free is None:
        raise RasterError("The class codes 0, 255 and 65535 are all taken; renumber one of them.")
    return ("uint8" if max(used | {free}) <= 255 else "uint16"), free


def check_classes(
    count: int, dtype: str, categories: Sequence[ClassLike], nodata: float | None
) -> None:
    """Check that a raster can be a map of some classes.

    Raises:
        ValueError: it has several bands or another type, or the codes do not fit.
    """
    if count != 1 or dtype not in ("uint8", "uint16"):
        raise ValueError(f"A class map has one band of uint8 or uint16, not {count} of {dtype}.")
    codes = [item.code for item in categories]
    highest = int(np.iinfo(dtype).max)
    if len(set(codes)) != len(codes) or min(codes) < 0 or max(codes) > highest:
        raise ValueError(f"Class codes {codes} are not different numbers of 0-{highest}.")
    if nodata in codes:
        raise ValueError(f"Nodata {nodata:g} is the code of a class.")


def set_classes(band: Any, categories: Sequence[ClassLike], nodata: float | None) -> None:
    """Colour table and category names, for programs other than QGIS."""
    table = gdal.ColorTable()
    names = [""] * (max(item.code for item in categories) + 1)
    for item in categories:
        table.SetColorEntry(int(item.code), (*rgb(item.color), 255))
        names[item.code] = item.name
    if nodata is not None:
        table.SetColorEntry(int(nodata), (0, 0, 0, 0))
    band.SetColorTable(table)
    band.SetCategoryNames(names)
