"""The files of the example scene, each written under another name and renamed when complete."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
from osgeo import gdal, ogr, osr

from ..errors import RasterError
from .covers import Cover
from .sensor import NODATA, SCALE, Sensor

ORIGIN = (427_500.0, 5_801_000.0)  # UTM zone 33N: fields west of Berlin
EPSG = 32633


def geotransform(pixel_size: float) -> tuple[float, float, float, float, float, float]:
    """Return GDAL's six numbers of the scene's grid."""
    return (ORIGIN[0], pixel_size, 0.0, ORIGIN[1], 0.0, -pixel_size)


def spatial_reference() -> osr.SpatialReference:
    """Return the scene's coordinate reference system, x before y."""
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(EPSG)
    reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return reference


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.stem}.part{path.suffix}")


def _failed(path: Path) -> RasterError:
    reason = gdal.GetLastErrorMsg() or "no reason given"
    return RasterError(
        f"{path} cannot be written ({reason}). Choose a folder that exists, that you may write "
        "to, on a disk with space."
    )


class ImageFile:
    """The image while it is written; left without ``commit`` nothing remains of it.

    Args:
        path: the GeoTIFF to write.
        size: pixels along a side.
        sensor: its bands.
        pixel_size: metres.

    Raises:
        RasterError: where the file cannot be written.
    """

    def __init__(self, path: Path, size: int, sensor: Sensor, pixel_size: float) -> None:
        self._path = path
        self._part = _temporary(path)
        self._size = size
        self._bands = len(sensor.wavelengths)
        options = ["COMPRESS=DEFLATE", "ZLEVEL=1", "PREDICTOR=2", "BIGTIFF=IF_SAFER"]
        options += ["BLOCKYSIZE=32", "INTERLEAVE=BAND"]
        self._dataset = _create(self._part, (size, self._bands), gdal.GDT_Int16, options)
        if self._dataset is None:
            raise _failed(path)
        self._dataset.SetGeoTransform(geotransform(pixel_size))
        self._dataset.SetProjection(spatial_reference().ExportToWkt())
        self._describe(sensor)

    def _describe(self, sensor: Sensor) -> None:
        for index in range(self._bands):
            band = self._dataset.GetRasterBand(index + 1)
            wavelength = float(sensor.wavelengths[index])
            band.SetDescription(f"band {index + 1} ({wavelength:.2f} Nanometers)")
            band.SetNoDataValue(NODATA)
            band.SetScale(SCALE)
            band.SetOffset(0.0)
            band.SetMetadata(
                {
                    "wavelength": f"{wavelength:.2f}",
                    "wavelength_units": "Nanometers",
                    "fwhm": f"{float(sensor.fwhm[index]):.2f}",
                    "bbl": "0" if sensor.bad[index] else "1",
                }
            )

    def write(self, row: int, values: npt.NDArray[np.int16]) -> None:
        """Write ``(bands, rows, size)`` from ``row`` on."""
        numbers = np.ascontiguousarray(values)
        height = numbers.shape[1]
        status = self._dataset.WriteRaster(
            0, row, self._size, height, numbers.tobytes(), buf_type=gdal.GDT_Int16
        )
        if status != gdal.CE_None:
            raise _failed(self._path)

    def commit(self) -> None:
        """Finish the file and give it its name."""
        gdal.ErrorReset()
        self._dataset.FlushCache()
        complete = gdal.GetLastErrorType() < gdal.CE_Failure
        self._dataset = None
        if not complete:
            raise _failed(self._path)
        _rename(self._part, self._path)

    def __enter__(self) -> ImageFile:
        """Start writing."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""
        self._dataset = None
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)


def _create(
    path: Path, size_and_bands: tuple[int, int], kind: int, options: list[str]
) -> gdal.Dataset | None:
    """Create a raster; a failure is returned as nothing, not printed or raised."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        size, bands = size_and_bands
        driver = gdal.GetDriverByName("GTiff")
        return driver.Create(str(path), size, size, bands, kind, options)
    except RuntimeError:
        return None
    finally:
        gdal.PopErrorHandler()


def _rename(part: Path, path: Path) -> None:
    try:
        part.replace(path)
        # Statistics of an earlier file of this name would be wrong now.
        path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
    except OSError as error:
        raise RasterError(f"{path} cannot be written ({error}). Close it elsewhere.") from error


def write_reference(
    path: Path, labels: npt.NDArray[np.uint8], covers: Sequence[Cover], pixel_size: float
) -> None:
    """Write class codes with names and colours; 0 is unlabelled (and nodata).

    Args:
        path: the GeoTIFF to write.
        labels: ``(size, size)`` codes, 1.. in the order of ``covers``.
        covers: the classes.
        pixel_size: metres.

    Raises:
        RasterError: where the file cannot be written.
    """
    part = _temporary(path)
    dataset = _create(part, (labels.shape[0], 1), gdal.GDT_Byte, ["COMPRESS=DEFLATE"])
    if dataset is None:
        raise _failed(path)
    dataset.SetGeoTransform(geotransform(pixel_size))
    dataset.SetProjection(spatial_reference().ExportToWkt())
    band = dataset.GetRasterBand(1)
    table = gdal.ColorTable()
    table.SetColorEntry(0, (0, 0, 0, 0))
    for code, cover in enumerate(covers, start=1):
        table.SetColorEntry(code, (*bytes.fromhex(cover.color[1:]), 255))
    band.SetRasterColorTable(table)
    band.SetRasterCategoryNames(["unlabelled", *(cover.name for cover in covers)])
    band.SetNoDataValue(0)
    height, width = labels.shape
    band.WriteRaster(0, 0, width, height, np.ascontiguousarray(labels).tobytes())
    dataset.FlushCache()
    del band, dataset
    side = part.with_name(part.name + ".aux.xml")
    _rename(part, path)
    if side.exists():
        side.replace(path.with_name(path.name + ".aux.xml"))


def write_samples(
    path: Path,
    pixels: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    codes: npt.NDArray[np.uint8],
    covers: Sequence[Cover],
    pixel_size: float,
) -> None:
    """Write points in the middle of pixels, with the fields ``class`` and ``code``.

    Args:
        path: the GeoPackage to write.
        pixels: rows and columns, ``(points,)`` each.
        codes: their classes, 1.. in the order of ``covers``.
        covers: the classes.
        pixel_size: metres.

    Raises:
        RasterError: where the file cannot be written.
    """
    part = _temporary(path)
    part.unlink(missing_ok=True)
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(part))
    except RuntimeError:
        dataset = None
    finally:
        gdal.PopErrorHandler()
    if dataset is None:
        raise _failed(path)
    layer = dataset.CreateLayer("samples", spatial_reference(), ogr.wkbPoint)
    layer.CreateField(ogr.FieldDefn("class", ogr.OFTString))
    layer.CreateField(ogr.FieldDefn("code", ogr.OFTInteger))
    layer.StartTransaction()
    for row, col, code in zip(*(values.tolist() for values in pixels), codes.tolist()):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("class", covers[code - 1].name)
        feature.SetField("code", code)
        point = ogr.Geometry(ogr.wkbPoint)
        point.AddPoint_2D(
            ORIGIN[0] + (col + 0.5) * pixel_size, ORIGIN[1] - (row + 0.5) * pixel_size
        )
        feature.SetGeometry(point)
        layer.CreateFeature(feature)
    layer.CommitTransaction()
    del layer, dataset
    _rename(part, path)
