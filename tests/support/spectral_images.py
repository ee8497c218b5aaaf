"""Small spectral images, and what a dense computation makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hsicnn.core.errors import Cancelled
from hsicnn.core.progress import SilentProgress
from osgeo import gdal, osr

NODATA = -9999
KINDS = {
    "uint8": gdal.GDT_Byte,
    "int16": gdal.GDT_Int16,
    "uint16": gdal.GDT_UInt16,
    "int32": gdal.GDT_Int32,
    "float32": gdal.GDT_Float32,
    "float64": gdal.GDT_Float64,
}


class Listener(SilentProgress):
    """Keeps what it is told; cancels after some questions."""

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
                raise Cancelled


def spectra_image(bands=12, rows=60, cols=70, seed=0, noise=20.0):
    """Smooth covers mixed of four spectra, with noise that differs between bands: float64."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum(rng.standard_normal((4, bands)), axis=1) * 150 + 2000
    down, across = np.mgrid[0:rows, 0:cols]
    shares = np.stack([
        1 + np.sin(down / 9.0 + 0.3 * k) * np.cos(across / (7.0 + k)) for k in range(4)
    ])  # fmt: skip
    shares /= shares.sum(axis=0)
    clean = np.tensordot(ends.T, shares, axes=1)
    return (
        clean + rng.standard_normal(clean.shape) * noise * np.linspace(0.5, 2, bands)[:, None, None]
    )


@dataclass(frozen=True)
class Image:
    """A file, its physical values ``(bands, rows, cols)`` with NaN, and its raw ones."""

    path: str
    values: np.ndarray
    raw: np.ndarray

    @property
    def complete(self):
        return np.isfinite(self.values).all(axis=0)

    @property
    def spectra(self):
        return self.values[:, self.complete].T


def write_image(
    path,
    raw,
    *,
    scale=None,
    offset=None,
    nodata=NODATA,
    wavelengths=True,
    bad=(),
    mask=None,
    names=(),
    fwhm=None,
    block=16,
):
    """Write ``(bands, rows, cols)`` and return it with its physical values."""
    bands, rows, cols = raw.shape
    options = ["TILED=YES", f"BLOCKXSIZE={block}", f"BLOCKYSIZE={block}", "INTERLEAVE=PIXEL"]
    kind = KINDS[raw.dtype.name]
    made = gdal.GetDriverByName("GTiff").Create(str(path), cols, rows, bands, kind, options=options)
    made.SetGeoTransform((500_000.0, 30.0, 0.0, 5_800_000.0, 0.0, -30.0))
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32633)
    made.SetProjection(crs.ExportToWkt())
    wave = [{"wavelength": str(450 + 40.125 * n), "wavelength_units": "nm"} for n in range(bands)]
    for number in range(bands):
        band = made.GetRasterBand(number + 1)
        for setter, value in (
            (band.SetNoDataValue, nodata),
            (band.SetScale, scale),
            (band.SetOffset, offset),
            (band.SetDescription, names[number] if names else None),
        ):
            if value is not None:
                setter(value)
        items = wave[number] if wavelengths else {}
        items |= {"fwhm": str(fwhm)} if fwhm is not None else {}
        band.SetMetadata({**items, "bbl": "0"} if number in bad else items)
        band.WriteRaster(0, 0, cols, rows, np.ascontiguousarray(raw[number]).tobytes())
    if mask is not None:
        made.CreateMaskBand(gdal.GMF_PER_DATASET)
        values = (mask * 255).astype(np.uint8).tobytes()
        made.GetRasterBand(1).GetMaskBand().WriteRaster(0, 0, cols, rows, values)
    made.FlushCache()
    made = None
    values = raw.astype(np.float64)
    gone = ~np.isfinite(values) if nodata is None else ~np.isfinite(values) | (values == nodata)
    values = values * (1.0 if scale is None else scale) + (offset or 0.0)
    values[gone] = np.nan
    if mask is not None:
        values[:, ~mask] = np.nan
    return Image(str(path), values, raw)


def holed(raw):
    """Put a corner without values and single missing values into an image."""
    raw = raw.copy()
    raw[:, :13, :17] = NODATA
    raw[3, 30, 40] = NODATA
    raw[:2, 31:33, 20:25] = NODATA
    return raw


def read_all(path):
    """All raw values, and the dataset's facts, by GDAL alone."""
    dataset = gdal.Open(str(path))
    shape = (dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
    kinds = {code: name for name, code in KINDS.items()}
    dtype = kinds[dataset.GetRasterBand(1).DataType]
    return np.frombuffer(dataset.ReadRaster(), dtype).reshape(shape), dataset


def neighbours(values):
    """Differences of all neighbours that are complete, ``(n, bands)``: the dense way."""
    found = []
    for one, other in (
        (values[:, :, :-1], values[:, :, 1:]),
        (values[:, :-1], values[:, 1:]),
    ):
        change = (other - one).reshape(len(values), -1).T
        found.append(change[np.isfinite(change).all(axis=1)])
    return np.concatenate(found)
