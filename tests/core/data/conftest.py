"""Small rasters and layers to export from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.source import RasterSource
from osgeo import gdal, ogr, osr

UTM = 32633


def wkt(epsg):
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(epsg)
    return reference.ExportToWkt()


def make_grid(height, width, *, pixel=10.0, origin=(500_000.0, 5_800_000.0), epsg=UTM):
    transform = (origin[0], pixel, 0.0, origin[1], 0.0, -pixel)
    return Grid(wkt(epsg) if epsg else "", transform, height, width)


def write_raster(path, array, grid, *, nodata=None, mask=None, wavelengths=None, names=()):
    """Write ``(bands, height, width)`` as GeoTIFF."""
    kinds = {"uint8": 1, "uint16": 2, "int16": 3, "int32": 5, "float32": 6, "float64": 7}
    bands, height, width = array.shape
    kind = kinds[array.dtype.name]
    driver = gdal.GetDriverByName("GTiff")
    dataset = driver.Create(str(path), width, height, bands, kind, options=["INTERLEAVE=PIXEL"])
    dataset.SetGeoTransform(grid.geotransform)
    if grid.crs_wkt:
        dataset.SetProjection(grid.crs_wkt)
    for number in range(bands):
        band = dataset.GetRasterBand(number + 1)
        if nodata is not None:
            band.SetNoDataValue(nodata)
        if wavelengths is not None:
            band.SetMetadataItem("wavelength", str(wavelengths[number]))
            band.SetMetadataItem("wavelength_units", "Nanometers")
        data = np.ascontiguousarray(array[number]).tobytes()
        band.WriteRaster(0, 0, width, height, data, buf_type=kind)
    if names:
        dataset.GetRasterBand(1).SetCategoryNames(list(names))
    if mask is not None:
        dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
        values = (mask * 255).astype(np.uint8).tobytes()
        dataset.GetRasterBand(1).GetMaskBand().WriteRaster(0, 0, width, height, values)
    dataset.FlushCache()
    return str(path)


def write_layer(path, features, *, epsg=UTM, layer="reference", kind="GPKG", field="class"):
    """Write features, ``(geometry WKT or None, {field: value})`` each; returns the path."""
    driver = gdal.GetDriverByName(kind)
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_UPDATE) if Path(path).exists() else (
        driver.Create(str(path), 0, 0, 0, gdal.GDT_Unknown)
    )  # fmt: skip
    reference = None
    if epsg:
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(epsg)
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    made = dataset.CreateLayer(layer, reference, ogr.wkbUnknown)
    kinds = {str: ogr.OFTString, int: ogr.OFTInteger, float: ogr.OFTReal}
    found = {}
    for _, values in features:
        for name, value in values.items():
            found.setdefault(name, type(value) if value is not None else str)
            if value is not None:
                found[name] = type(value)
    for name, sort in (found or {field: str}).items():
        made.CreateField(ogr.FieldDefn(name, kinds[sort]))
    for geometry, values in features:
        feature = ogr.Feature(made.GetLayerDefn())
        for name, value in values.items():
            if value is not None:
                feature.SetField(name, value)
        if geometry is not None:
            feature.SetGeometry(ogr.CreateGeometryFromWkt(geometry))
        made.CreateFeature(feature)
    dataset.FlushCache()
    return str(path)


class Said(SilentProgress):
    """Keeps what is said; cancels after some questions."""

    def __init__(self, cancel_after=None):
        self.logs, self.warnings, self.fractions = [], [], []
        self.left = cancel_after

    def report(self, fraction, text=""):
        self.fractions.append(fraction)

    def log(self, text):
        self.logs.append(text)

    def warn(self, text):
        self.warnings.append(text)

    def check_cancel(self):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                from hsicnn.core.errors import Cancelled

                raise Cancelled


@pytest.fixture
def scene(tmp_path):
    """An image of 60 x 50 pixels, 4 bands, with nodata, and its labels in patches."""
    random = np.random.default_rng(5)
    grid = make_grid(60, 50)
    labels = np.kron(random.integers(0, 4, (10, 10)), np.ones((6, 5), int)).astype(np.uint8)
    values = random.integers(100, 9000, (4, 60, 50)).astype(np.int16)
    values[:, 40:, 45:] = -999
    values[2, :10] = -999  # one band misses here: the pixels are still valid
    write_raster(
        tmp_path / "image.tif", values, grid, nodata=-999, wavelengths=[700, 500, 600, 800]
    )
    write_raster(tmp_path / "labels.tif", labels[None], grid, names=["", "crop", "soil", "water"])
    return Scene(tmp_path, grid, values, labels)


class Scene:
    def __init__(self, folder, grid, values, labels):
        self.folder, self.grid, self.values, self.labels = folder, grid, values, labels
        self.image = str(folder / "image.tif")
        self.reference = str(folder / "labels.tif")

    def source(self):
        return RasterSource(self.image)
