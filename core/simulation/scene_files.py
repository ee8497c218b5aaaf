"""The files of the example scene, each written under another name and renamed when complete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import gdal, ogr, osr

from ..data.classes import ClassInfo
from ..errors import RasterError
from ..raster.gdal_session import gdal_session
from ..raster.grid import Grid
from ..raster.output_path import (
    check_output,
    move_into_place,
    remove_temporary,
    temporary_name,
)
from ..raster.windows import Window
from ..raster.writer import RasterWriter
from .covers import Cover
from .sensor import NODATA, SCALE, Sensor

ORIGIN = (427_500.0, 5_801_000.0)  # UTM zone 33N: fields south-east of Berlin
EPSG = 32633


def scene_grid(size: int, pixel_size: float) -> Grid:
    """Return where the scene lies.

    Args:
        size: pixels along a side.
        pixel_size: metres.
    """
    transform = (ORIGIN[0], pixel_size, 0.0, ORIGIN[1], 0.0, -pixel_size)
    with gdal_session():
        return Grid(_reference().ExportToWkt(), transform, size, size)


def _reference() -> osr.SpatialReference:
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(EPSG)
    reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return reference


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    """GDAL with exceptions, in the user's words."""
    try:
        with gdal_session():
            yield
    except (RuntimeError, OSError) as error:
        raise RasterError(
            f"{path} cannot be written: {error}. Choose a folder that you may write to, on a disk "
            "with space. What was there before is unchanged."
        ) from error


class ImageFile:
    """The image while it is written; left without ``commit`` nothing remains of it.

    Args:
        path: the GeoTIFF to write.
        grid: of its pixels.
        sensor: its bands.

    Raises:
        RasterError: where the file cannot be written.
    """

    def __init__(self, path: str, grid: Grid, sensor: Sensor) -> None:
        self._path = check_output(path)
        self._part = temporary_name(self._path)
        self._grid = grid
        options = ["COMPRESS=DEFLATE", "ZLEVEL=1", "PREDICTOR=2", "BIGTIFF=IF_SAFER"]
        options += ["BLOCKYSIZE=32", "INTERLEAVE=BAND"]
        size = (grid.width, grid.height, len(sensor.wavelengths))
        self._dataset: Any = None
        with _telling(self._path):
            driver = gdal.GetDriverByName("GTiff")
            self._dataset = driver.Create(str(self._part), *size, gdal.GDT_Int16, options)
            self._dataset.SetGeoTransform(grid.geotransform)
            self._dataset.SetProjection(grid.crs_wkt)
            for index in range(size[2]):
                _describe(self._dataset.GetRasterBand(index + 1), sensor, index)

    def write(self, row: int, values: npt.NDArray[np.int16]) -> None:
        """Write ``(bands, rows, size)`` from ``row`` on.

        Raises:
            RasterError: where the file cannot be written, such as on a full disk.
        """
        area = (0, row, self._grid.width, values.shape[1])
        with _telling(self._path):
            data = np.ascontiguousarray(values).tobytes()
            self._dataset.WriteRaster(*area, data, buf_type=gdal.GDT_Int16)

    def commit(self) -> None:
        """Finish the file and give it its name.

        Raises:
            RasterError: where the file is incomplete, such as on a full disk.
        """
        with _telling(self._path):
            self._dataset.FlushCache()
            self._dataset = None
            # A full disk shows only now: the last strip of the last band must be there.
            written = gdal.Open(str(self._part))
            last = written.GetRasterBand(written.RasterCount)
            last.ReadRaster(0, written.RasterYSize - 1, written.RasterXSize, 1)
            del last, written
        move_into_place([(self._part, self._path)])

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
        with gdal_session(), contextlib.suppress(RuntimeError):
            self._dataset = None
        remove_temporary(self._part)


def _describe(band: Any, sensor: Sensor, index: int) -> None:
    """Say what a band is, in the words EnMAP's own GeoTIFFs use."""
    wavelength = float(sensor.wavelengths[index])
    band.SetDescription(f"band {index + 1} ({wavelength:.2f} Nanometers)")
    band.SetNoDataValue(NODATA)
    band.SetScale(SCALE)
    band.SetOffset(0.0)
    record = {
        "wavelength": f"{wavelength:.2f}",
        "wavelength_units": "Nanometers",
        "fwhm": f"{float(sensor.fwhm[index]):.2f}",
        "bbl": "0" if sensor.bad[index] else "1",
    }
    band.SetMetadata(record)


def write_reference(
    path: str, grid: Grid, labels: npt.NDArray[np.uint8], covers: Sequence[Cover]
) -> None:
    """Write class codes with names and colours; 0 is unlabelled (and nodata).

    Args:
        path: the GeoTIFF to write.
        grid: of its pixels.
        labels: ``(size, size)`` codes, 1.. in the order of ``covers``.
        covers: the classes.

    Raises:
        RasterError: where the file cannot be written.
    """
    classes = [ClassInfo(code, cover.name, cover.color) for code, cover in enumerate(covers, 1)]
    with RasterWriter(path, grid, 1, "uint8", nodata=0, categories=classes) as writer:
        writer.write(Window(0, 0, grid.height, grid.width), labels)
        writer.commit()


def write_samples(
    path: str,
    grid: Grid,
    pixels: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    codes: npt.NDArray[np.uint8],
    covers: Sequence[Cover],
) -> None:
    """Write points in the middle of pixels, with the fields ``class`` and ``code``.

    Args:
        path: the GeoPackage to write.
        grid: of the pixels.
        pixels: rows and columns, ``(points,)`` each.
        codes: their classes, 1.. in the order of ``covers``.
        covers: the classes.

    Raises:
        RasterError: where the file cannot be written.
    """
    target = Path(path)
    part = temporary_name(target)
    try:
        with _telling(target):
            _fill(part, grid.xy(*pixels), [covers[code - 1].name for code in codes], codes)
            part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _fill(
    path: Path,
    places: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    names: Sequence[str],
    codes: npt.NDArray[np.uint8],
) -> None:
    """Write one point a row into the layer ``samples``."""
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = dataset.CreateLayer("samples", _reference(), ogr.wkbPoint)
    layer.CreateField(ogr.FieldDefn("class", ogr.OFTString))
    layer.CreateField(ogr.FieldDefn("code", ogr.OFTInteger))
    layer.StartTransaction()
    for x, y, name, code in zip(places[0].tolist(), places[1].tolist(), names, codes.tolist()):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("class", name)
        feature.SetField("code", code)
        point = ogr.Geometry(ogr.wkbPoint)
        point.AddPoint_2D(x, y)
        feature.SetGeometry(point)
        layer.CreateFeature(feature)
    layer.CommitTransaction()
    del layer, dataset
