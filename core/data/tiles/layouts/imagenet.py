"""What the usual loaders of class folders can open."""

from __future__ import annotations


def own_loader_needed(bands: int) -> str:
    """Say that GeoTIFF files of so many bands want a loader of the user's own."""
    return (
        f"The GeoTIFF files hold {bands} bands as they are measured, which the usual loaders of "
        "class folders (torchvision's ImageFolder, Keras) cannot open: they take one or three "
        "bands of 8 bits. Give ImageFolder a loader of your own, with rasterio or GDAL, or choose "
        "FORMAT 'png' or 'jpeg'."
    )
