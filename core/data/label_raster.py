"""Labels from a raster of class codes, on the image's grid or any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import gdal

from ..errors import LabelError, reason
from ..progress import Progress
from ..raster.gdal_session import gdal_session, read_pixels
from ..raster.grid import Grid, crs_title, grid_of, same_crs
from ..raster.opening import damage_named, open_dataset, short_name
from ..raster.windows import Window, clip, tiles
from .extents import assumed_crs_text, no_overlap_text, overlaps, transform_extent
from .label_pixels import LabelPixels, check_amount, check_values
from .label_styles import beside, merged, of_band

_TILE = 1024
_NARROW = {gdal.GDT_Byte, gdal.GDT_UInt16, gdal.GDT_Int16, gdal.GDT_Int32}


@dataclass(frozen=True, eq=False)
class _Reference:
    """An open label raster and how it lies on the image."""

    dataset: Any
    name: str
    own: Grid
    grid: Grid
    same: bool
    unlabelled: tuple[float, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def gdal_type(self) -> int:
        """Type to read in: large enough, and exact."""
        narrow = self.dataset.GetRasterBand(1).DataType in _NARROW
        return int(gdal.GDT_Int32 if narrow else gdal.GDT_Float64)


def read_raster_labels(
    path: str, grid: Grid, *, unlabelled: int | None, progress: Progress
) -> LabelPixels:
    """Read the labelled pixels of a raster, block by block.

    Args:
        path: what GDAL opens.
        grid: of the image; another one is resampled to it (nearest).
        unlabelled: the value that means no label, beside the raster's nodata; 0 where None.
        progress: told how far it is; asked for cancelling.

    Raises:
        RasterError: where the file cannot be opened.
        LabelError: for several bands, values that are no whole numbers, no label in the
            image, or a raster that cannot be laid on the image.
    """
    name = short_name(path)
    with gdal_session():
        dataset = open_dataset(path, name)
        with damage_named(name):
            reference = _laid_out(dataset, name, grid, unlabelled)
            rows, cols, codes = _labelled(reference, progress)
            styles = merged(beside(path), of_band(dataset.GetRasterBand(1)))
    values, members = np.unique(codes, return_inverse=True)
    if not len(values):
        raise LabelError(_nothing(reference))
    listed = [int(value) for value in values]
    return LabelPixels(
        rows=rows,
        cols=cols,
        members=members.astype(np.int64),
        groups=np.zeros(len(rows), dtype=np.int32),
        codes=listed,
        names=[""] * len(listed),
        keys=[str(code) for code in listed],
        styles=styles,
        notes=(*reference.notes, *_zero_note(reference, unlabelled)),
        warnings=reference.warnings,
    )


def _laid_out(dataset: Any, name: str, grid: Grid, unlabelled: int | None) -> _Reference:
    """Work out how a label raster lies on the image's grid."""
    band = dataset.GetRasterBand(1)
    if dataset.RasterCount != 1:
        raise LabelError(
            f"{name} has {dataset.RasterCount} bands; a label raster has one, with a class code "
            "in every pixel. Choose another raster, or extract the band."
        )
    skip = {float(0 if unlabelled is None else unlabelled)}
    nodata = band.GetNoDataValue()
    if nodata is not None and np.isfinite(nodata):
        skip.add(float(nodata))
    own = grid_of(dataset, name)
    same, notes, warnings = own.same_as(grid), [], []
    if not same and own.georeferenced != grid.georeferenced:
        if (own.height, own.width) != (grid.height, grid.width):
            which = "The image" if own.georeferenced else name
            raise LabelError(
                f"{which} has no georeference, and the sizes differ: {name} is {own.width} x "
                f"{own.height} pixels, the image {grid.width} x {grid.height}. Georeference it."
            )
        same = True
        notes.append(f"{name} and the image have the same size; laid pixel on pixel, because one "
                     "of them has no georeference.")  # fmt: skip
    if not same:
        notes.append(_resampling_note(name, own, grid))
        if bool(own.crs_wkt) != bool(grid.crs_wkt):
            warnings.append(assumed_crs_text(name, own.crs_wkt))
    values = tuple(sorted(skip))
    return _Reference(dataset, name, own, grid, same, values, tuple(notes), tuple(warnings))


def _resampling_note(name: str, own: Grid, grid: Grid) -> str:
    """Say what was done to a raster on another grid."""
    words = f"{name} is on another grid ({own.describe()}) and was resampled to the image's"
    words += " (nearest neighbour)"
    if own.crs_wkt and grid.crs_wkt and not same_crs(own.crs_wkt, grid.crs_wkt):
        return f"{words}, reprojected from {crs_title(own.crs_wkt)}."
    return f"{words}."


def _labelled(
    reference: _Reference, progress: Progress
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return rows, columns and codes of all labelled pixels."""
    rows = [np.zeros(0, np.int32)]
    cols = [np.zeros(0, np.int32)]
    codes = [np.zeros(0, np.int64)]
    seen: set[int] = set()
    amount = 0
    windows = list(_windows(reference))
    for number, window in enumerate(windows, 1):
        progress.check_cancel()
        values = _read(reference, window)
        here = np.isfinite(values) & ~np.isin(values, reference.unlabelled)
        down, right = np.nonzero(here)
        found = values[down, right]
        _check_whole(reference, found, window, down, right)
        seen.update(int(value) for value in np.unique(found))
        amount += len(found)
        check_values(len(seen), reference.name, "")
        check_amount(amount, reference.name)
        rows.append((down + window.row).astype(np.int32))
        cols.append((right + window.col).astype(np.int32))
        codes.append(found.astype(np.int64))
        progress.report(number / len(windows), "")
    return np.concatenate(rows), np.concatenate(cols), np.concatenate(codes)


def _windows(reference: _Reference) -> Iterator[Window]:
    """Yield windows of the image that can hold labels."""
    grid = reference.grid
    if reference.same:
        width, height = reference.dataset.GetRasterBand(1).GetBlockSize()
        # Whole blocks of the file, as many as make a tile.
        tall = max(_TILE * _TILE // max(min(width, grid.width), 1) // height, 1) * height
        wide = grid.width if width >= grid.width else max(_TILE // width, 1) * width
        tall = min(tall, max(_TILE * _TILE * 4 // wide, 1))
        yield from tiles(grid.height, grid.width, tall, wide)
        return
    own = reference.own
    extent = transform_extent(own.extent, own.crs_wkt, grid.crs_wkt, reference.name)
    if extent is None or not overlaps(extent, grid.extent):
        raise LabelError(no_overlap_text(reference.name, extent, own.crs_wkt, grid))
    covered = grid.window_of_extent(extent)
    for tile in tiles(covered.height, covered.width, _TILE, _TILE):
        moved = Window(tile.row + covered.row, tile.col + covered.col, tile.height, tile.width)
        yield clip(moved, grid.height, grid.width)


def _read(reference: _Reference, window: Window) -> npt.NDArray[Any]:
    """Read the values ``(height, width)`` of a window of the image."""
    dtype = np.int32 if reference.gdal_type == gdal.GDT_Int32 else np.float64
    shape = (window.height, window.width)
    try:
        if reference.same:
            area = (window.col, window.row, window.width, window.height)
            data = read_pixels(reference.dataset, *area, buf_type=reference.gdal_type)
        else:
            data = read_pixels(_warped(reference, window), buf_type=reference.gdal_type)
    except RuntimeError as error:
        raise LabelError(
            f"{reference.name} cannot be read at rows {window.row}-"
            f"{window.row + window.height - 1} of the image: {reason(error)}. The file may be "
            "damaged."
        ) from error
    return np.frombuffer(data, dtype).reshape(shape)


def _warped(reference: _Reference, window: Window) -> Any:
    """Return the reference on a window of the image's grid, nearest neighbour."""
    driver = gdal.GetDriverByName("MEM")
    target = driver.Create("", window.width, window.height, 1, reference.gdal_type)
    target.SetGeoTransform(reference.grid.sub(window).geotransform)
    target.GetRasterBand(1).Fill(reference.unlabelled[0])
    wkt = reference.grid.crs_wkt or reference.own.crs_wkt
    target.SetProjection(wkt)
    gdal.Warp(
        target,
        reference.dataset,
        resampleAlg="near",
        srcSRS=reference.own.crs_wkt or wkt or None,
        dstSRS=wkt or None,
        errorThreshold=0,
    )
    return target


def _check_whole(
    reference: _Reference,
    found: npt.NDArray[Any],
    window: Window,
    down: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
) -> None:
    """Refuse values that are no class codes.

    Raises:
        LabelError: for a value with decimals, or beyond 32 bits.
    """
    if found.dtype.kind != "f":
        return
    wrong = np.flatnonzero((found != np.round(found)) | (np.abs(found) >= 2**31))
    if len(wrong):
        first = wrong[0]
        raise LabelError(
            f"{reference.name} holds {found[first]:g} at row {down[first] + window.row}, column "
            f"{right[first] + window.col} of the image; class codes are whole numbers. Is it a "
            "label raster? Values without a meaning need a nodata value."
        )


def _zero_note(reference: _Reference, unlabelled: int | None) -> tuple[str, ...]:
    """Say that 0 was not taken as a class where the raster has a nodata value of its own."""
    if unlabelled is not None or len(reference.unlabelled) == 1:
        return ()
    return (
        f"Pixels of value 0 in {reference.name} count as unlabelled; if 0 is a class, give "
        "UNLABELLED another value.",
    )


def _nothing(reference: _Reference) -> str:
    values = " or ".join(f"{value:g}" for value in reference.unlabelled)
    return (
        f"{reference.name} has no labelled pixel inside the image: all are {values}, which means "
        "unlabelled. Choose another raster, or another UNLABELLED value."
    )
