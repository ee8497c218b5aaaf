"""Tiny rasters of every kind, made by GDAL."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hsicnn.core.raster.gdal_session import gdal_session
from osgeo import gdal, osr

TYPES = {
    "uint8": gdal.GDT_Byte,
    "uint16": gdal.GDT_UInt16,
    "int16": gdal.GDT_Int16,
    "int32": gdal.GDT_Int32,
    "float32": gdal.GDT_Float32,
    "float64": gdal.GDT_Float64,
    "complex64": gdal.GDT_CFloat32,
}
UTM = (500000.0, 10.0, 0.0, 4000000.0, 0.0, -10.0)


@dataclass(frozen=True)
class FakeClass:
    code: int
    name: str
    color: str


def utm_wkt(code=32633):
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(code)
    return reference.ExportToWkt()


def pick_for(position, value):
    return value[position] if isinstance(value, (list, tuple)) else value


def describe_band(band, nodata, scale, offset, metadata, description):
    for setter, value in (
        (band.SetNoDataValue, nodata),
        (band.SetScale, scale),
        (band.SetOffset, offset),
        (band.SetDescription, description),
    ):
        if value is not None:
            setter(value)
    for domain, items in (metadata or {}).items():
        band.SetMetadata(items, domain)


@pytest.fixture
def make_raster(tmp_path):
    """Write ``(bands, height, width)`` values to a file and return its path."""

    def make(
        values,
        name="raster.tif",
        driver="GTiff",
        *,
        nodata=None,
        scale=None,
        offset=None,
        geotransform=UTM,
        epsg=32633,
        metadata=None,
        band_metadata=None,
        descriptions=None,
        options=(),
        edit=None,
    ):
        path = tmp_path / name
        count, height, width = values.shape
        with gdal_session():
            dataset = gdal.GetDriverByName(driver).Create(
                str(path), width, height, count, TYPES[values.dtype.name], options=list(options)
            )
            if geotransform:
                dataset.SetGeoTransform(geotransform)
            if epsg:
                dataset.SetProjection(utm_wkt(epsg))
            for domain, items in (metadata or {}).items():
                dataset.SetMetadata(items, domain)
            for position in range(count):
                band = dataset.GetRasterBand(position + 1)
                pick = partial(pick_for, position)
                describe_band(
                    band, nodata, pick(scale), pick(offset), pick(band_metadata), pick(descriptions)
                )
            dataset.WriteRaster(0, 0, width, height, np.ascontiguousarray(values).tobytes())
            if edit:
                edit(dataset)
            dataset.FlushCache()
            dataset = None
        return path

    return make


@pytest.fixture
def fake_class():
    return FakeClass


@pytest.fixture
def epsg_wkt():
    return utm_wkt
