"""What TorchGeo's raster data sets can place: north-up images with a CRS."""

from __future__ import annotations

from ....errors import InputError
from ....raster.grid import Grid


def check_north_up(grid: Grid, name: str) -> None:
    """Refuse an image whose tiles TorchGeo would not place, or not where they lie.

    Args:
        grid: of the image.
        name: of the image.

    Raises:
        InputError: it has no CRS, is turned, or has its first row in the south.
    """
    _, across, turn, _, other, down = grid.geotransform
    if not grid.crs_wkt:
        found = "has no CRS"
    elif turn or other:
        found = "is turned against its CRS"
    elif down >= 0 or across <= 0:
        found = "does not have its first row in the north and its first column in the west"
    else:
        return
    raise InputError(
        f"{name} {found}; TorchGeo's raster data sets read north-up files with a CRS only. Warp "
        "the image (in QGIS: Warp), give it its CRS (Assign projection), or choose another LAYOUT."
    )
