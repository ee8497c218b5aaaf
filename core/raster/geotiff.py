"""What a GeoTIFF needs that GDAL's driver does not see to by itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from osgeo import gdal


def plain_bands(count: int) -> list[str]:
    """Return the creation options that make all bands plain values.

    GDAL takes the last of four bands of bytes for transparency: where it is 0, the pixel counts as
    missing.

    Args:
        count: of the bands.
    """
    return ["PHOTOMETRIC=MINISBLACK", "ALPHA=NO"] if count > 1 else []


def check_blocks(path: Path, bands: int) -> None:
    """Open a closed GeoTIFF and see that every block of it is there: on a full disk some are not.

    Args:
        path: the file.
        bands: whose blocks are looked at: 1 where a block holds all bands.

    Raises:
        RuntimeError: a block is missing, or the file cannot be opened.
    """
    dataset = gdal.Open(str(path))
    length = path.stat().st_size
    for number in range(1, bands + 1):
        band = dataset.GetRasterBand(number)
        wide, high = band.GetBlockSize()
        for row in range(math.ceil(dataset.RasterYSize / high)):
            for col in range(math.ceil(dataset.RasterXSize / wide)):
                start = band.GetMetadataItem(f"BLOCK_OFFSET_{col}_{row}", "TIFF")
                size = band.GetMetadataItem(f"BLOCK_SIZE_{col}_{row}", "TIFF")
                if not start or not size or int(start) + int(size) > length:
                    raise RuntimeError(f"tile {row}, {col} of band {number} is missing")


def holds_block(dataset: Any, col: int, row: int) -> bool:
    """Whether a block was written, in any band, before the file was opened or last saved."""
    bands = (dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1))
    return any(band.GetMetadataItem(f"BLOCK_OFFSET_{col}_{row}", "TIFF") for band in bands)
