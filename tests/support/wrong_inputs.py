"""Rasters, layers, chip sets and models with something wrong about them, and some odd but right."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal, ogr, osr

LOCAL = 'LOCAL_CS["site grid",UNIT["metre",1]]'
TYPES = {
    gdal.GDT_Byte: "uint8",
    gdal.GDT_UInt16: "uint16",
    gdal.GDT_Int16: "int16",
    gdal.GDT_Int32: "int32",
    gdal.GDT_UInt32: "uint32",
    gdal.GDT_Float32: "float32",
}
CODES = {name: code for code, name in TYPES.items()}


def values_of(path: Path) -> np.ndarray:
    """Return ``(bands, height, width)`` of a raster, raw."""
    dataset = gdal.Open(str(path))
    dtype = TYPES[dataset.GetRasterBand(1).DataType]
    shape = dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize
    return np.frombuffer(dataset.ReadRaster(), dtype).reshape(shape)


def vary(
    source: Path,
    target: Path,
    values: np.ndarray | None = None,
    *,
    transform: Sequence[float] | None = None,
    wkt: str | None = None,
    scale: float | None = None,
    further: float = 0.0,
    spectral: bool = True,
) -> Path:
    """Write a raster like another one, with one or the other thing changed.

    Args:
        source: the raster to follow.
        target: to write.
        values: ``(bands, height, width)``; those of the source where left out.
        transform: geotransform.
        wkt: CRS; empty for none.
        scale: of all bands.
        further: nanometres added to the wavelengths.
        spectral: keep wavelengths and bad bands.
    """
    before = gdal.Open(str(source))
    values = values_of(source) if values is None else values
    count, height, width = values.shape
    after = gdal.GetDriverByName("GTiff").Create(
        str(target), width, height, count, CODES[values.dtype.name]
    )
    after.SetGeoTransform(before.GetGeoTransform() if transform is None else transform)
    after.SetProjection(before.GetProjection() if wkt is None else wkt)
    for number in range(1, count + 1):
        old = before.GetRasterBand(min(number, before.RasterCount))
        band = after.GetRasterBand(number)
        if old.GetNoDataValue() is not None:
            band.SetNoDataValue(old.GetNoDataValue())
        if old.GetScale() is not None:
            band.SetScale(old.GetScale() if scale is None else scale)
        told = {key: text for key, text in old.GetMetadata().items() if "STATISTICS" not in key}
        if "wavelength" in told:
            told["wavelength"] = str(float(told["wavelength"]) + further)
        if spectral:
            band.SetMetadata(told)
        band.WriteRaster(0, 0, width, height, values[number - 1].tobytes())
    after.FlushCache()
    return target


def with_control_points(source: Path, target: Path) -> Path:
    """Write a raster that only its corners place on the ground."""
    dataset = gdal.Open(str(source))
    x, step, _, y, _, down = dataset.GetGeoTransform()
    width, height = dataset.RasterXSize, dataset.RasterYSize
    points = [
        gdal.GCP(x + step * col, y + down * row, 0, col, row)
        for row in (0, height)
        for col in (0, width)
    ]
    gdal.Translate(str(target), dataset, GCPs=points, outputSRS=dataset.GetProjection())
    return target


class Ground:
    """Places of a raster's pixels as WKT."""

    def __init__(self, raster: Path) -> None:
        dataset = gdal.Open(str(raster))
        self.x, self.step, _, self.y, _, self.down = dataset.GetGeoTransform()
        self.wkt = dataset.GetProjection()

    def ring(self, corners: Sequence[tuple[int, int]]) -> str:
        """A polygon through corners of pixels, rows and columns."""
        told = [f"{self.x + col * self.step} {self.y + row * self.down}" for row, col in corners]
        return f"POLYGON(({','.join([*told, told[0]])}))"

    def square(self, row: int, col: int, side: int) -> str:
        last, right = row + side, col + side
        return self.ring([(row, col), (row, right), (last, right), (last, col)])

    def hourglass(self, row: int, col: int, side: int) -> str:
        """A square whose outline crosses itself."""
        last, right = row + side, col + side
        return self.ring([(row, col), (last, right), (row, right), (last, col)])


def write_layer(path: Path, features: Sequence[tuple[str, str, str]], wkt: str) -> Path:
    """Write geometry (WKT; empty for none), ``class`` and ``part`` of features as GeoPackage."""
    dataset = gdal.GetDriverByName("GPKG").Create(str(path), 0, 0, 0, gdal.GDT_Unknown)
    reference = osr.SpatialReference(wkt)
    reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    layer = dataset.CreateLayer("labels", reference, ogr.wkbUnknown)
    for name in ("class", "part"):
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTString))
    for place, name, part in features:
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("class", name)
        feature.SetField("part", part)
        if place:
            feature.SetGeometry(ogr.CreateGeometryFromWkt(place))
        layer.CreateFeature(feature)
    dataset.FlushCache()
    return path


class Opens:
    """What a pickle does when it is read: it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def newer_model(model: Path, target: Path) -> Path:
    """Write a model of a format that is not there yet."""
    content = model.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    texts = header["__metadata__"]
    texts["hsicnn_model"] = json.dumps({**json.loads(texts["hsicnn_model"]), "format_version": 99})
    told = json.dumps(header).encode()
    target.write_bytes(struct.pack("<Q", len(told)) + told + content[8 + length :])
    return target


def newer_chips(chips: Path, target: Path) -> Path:
    """Write a chip set of a format that is not there yet."""
    shutil.copytree(chips, target)
    index = target / "chips.json"
    record = json.loads(index.read_text(encoding="utf-8"))
    index.write_text(json.dumps({**record, "format_version": 99}), encoding="utf-8")
    return target


def write_all(chain: Path, folder: Path) -> None:
    """Write every wrong input, from a folder with a scene, its chips and a model."""
    _write_references(chain, folder)
    _write_images(chain, folder)
    _write_layers(chain, folder)
    model = chain / "model.safetensors"
    content = model.read_bytes()
    (folder / "cut.safetensors").write_bytes(content[: len(content) // 2])
    for name in ("pickle.pt", "pickle.safetensors"):
        (folder / name).write_bytes(pickle.dumps(Opens(folder / "executed")))
    newer_model(model, folder / "newer.safetensors")
    newer_chips(chain / "chips", folder / "newer-chips")


def _write_references(chain: Path, folder: Path) -> None:
    source = chain / "reference.tif"
    labels = values_of(source)
    x, *rest = gdal.Open(str(source)).GetGeoTransform()
    vary(source, folder / "far.tif", transform=(x + 100_000, *rest))
    vary(source, folder / "far-bare.tif", transform=(10.0, 1e-3, 0.0, 50.0, 0.0, -1e-3), wkt="")
    vary(source, folder / "local.tif", wkt=LOCAL)
    vary(source, folder / "one-class.tif", (labels > 0).astype(np.uint8))
    lone = np.where(labels == 3, 0, labels)
    lone[0, 50, 50] = 3
    vary(source, folder / "one-pixel.tif", lone)
    vary(source, folder / "empty-map.tif", np.zeros_like(labels))
    every = np.arange(1, 257 * 256 + 1, dtype=np.uint32).reshape(1, 257, 256)
    vary(source, folder / "65792-classes.tif", every)
    vary(source, folder / "code-65536.tif", np.where(labels == 3, 65536, labels.astype(np.int32)))
    with_control_points(source, folder / "points-only-labels.tif")


def _write_images(chain: Path, folder: Path) -> None:
    source = chain / "image.tif"
    values = values_of(source)
    vary(source, folder / "three-bands.tif", values[:3])
    vary(source, folder / "three-bands-bare.tif", values[:3], spectral=False)
    vary(source, folder / "shifted.tif", further=400.0)
    for name, scale in (("ten-times.tif", 1e-3), ("a-tenth.tif", 1e-5)):
        vary(source, folder / name, scale=scale)
    vary(source, folder / "nan.tif", np.full(values.shape, np.nan, np.float32))
    vary(source, folder / "nodata.tif", np.full(values.shape, -32768, np.int16))
    vary(source, folder / "local-image.tif", wkt=LOCAL)
    with_control_points(source, folder / "points-only.tif")


def _write_layers(chain: Path, folder: Path) -> None:
    ground = Ground(chain / "image.tif")
    squares = [
        (ground.square(5 + 40 * (n % 2), 5 + 20 * (n // 2), 12), "ab"[(n + n // 2) % 2])
        for n in range(8)
    ]
    write_layer(folder / "empty.gpkg", [], ground.wkt)
    write_layer(folder / "no-geometry.gpkg", [("", "a", ""), ("", "b", "")], ground.wkt)
    crossed = [(ground.hourglass(40, 20 * n, 12), "ab"[n % 2], "") for n in range(4)]
    write_layer(folder / "crossed.gpkg", crossed, ground.wkt)
    mended = [(place, name, "") for place, name in squares]
    write_layer(folder / "some-crossed.gpkg", [*mended, crossed[0], ("", "b", "")], ground.wkt)
    write_layer(folder / "local.gpkg", mended, LOCAL)
    for part, other in (("train", "test"), ("test", "train")):
        given = {"a": ("train", "test"), "b": (other, other)}
        parts = [(place, name, given[name][n // 4]) for n, (place, name) in enumerate(squares)]
        write_layer(folder / f"no-{part}.gpkg", parts, ground.wkt)
