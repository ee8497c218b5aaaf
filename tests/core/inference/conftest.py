"""Small rasters and models for the tests of inference."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.normalisation import Normalisation, fit_normalisation
from hsicnn.core.modelfile.bundle import ModelBundle, save_bundle
from hsicnn.core.raster.bands import Band
from hsicnn.core.raster.grid import Grid
from hsicnn.models.build import build
from hsicnn.models.catalog import NETWORKS
from hsicnn.models.seamless import seamless
from osgeo import gdal

CLASSES = (
    ClassInfo(3, "water", "#0000ff"),
    ClassInfo(7, "forest", "#00ff00"),
    ClassInfo(300, "soil", "#aa5500"),
)
NODATA = -9999
SCALE = 1e-4


def band_count(architecture: str) -> int:
    return NETWORKS[architecture].min_bands + 4


def make_network(
    architecture: str,
    inputs: int,
    classes: int = len(CLASSES),
    seed: int = 5,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> torch.nn.Module:
    """A network whose batch norms have seen data and which has no favourite among its classes."""
    torch.manual_seed(seed)
    network = build(architecture, inputs, classes, options).train()
    tile = getattr(network, "tile", 0)
    side, count = (tile, 2) if tile else (NETWORKS[architecture].default_patch, 32)
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(count, inputs, side, side) * 1.2)
        if tile:  # the means of many pixels are much alike: tell them apart
            scores = network.eval()(torch.randn(count, inputs, side, side) * 1.2)
            mean = scores.mean((0, 2, 3))
            factor = 1 / (scores - mean[:, None, None]).std()
            network.classes.weight *= factor
            network.classes.bias.copy_((network.classes.bias - mean) * factor)
            return seamless(network).eval()
        mean = network.eval()(torch.randn(32, inputs, side, side)).mean((0, 2, 3))
        *_, last = (weight for weight in network.parameters() if weight.shape == (classes,))
        last.sub_(mean)
    return network


def write_scene(
    path: Path, bands: int, height: int, width: int, *, tiled: bool = False, seed: int = 1
) -> Path:
    """A scene of scaled int16 with wavelengths, nodata corner, holes and single missing bands."""
    rng = np.random.default_rng(seed)
    spectra = rng.normal(0.3, 0.08, (bands, height, width))
    smooth = np.sin(np.arange(height)[:, None] / 3.0) * np.cos(np.arange(width)[None] / 4.0)
    values = np.clip(spectra + 0.05 * smooth, 0.01, 1.0)
    raw = np.rint(values / SCALE).astype(np.int16)
    if height > 6 and width > 6:
        raw[:, : height // 4, : width // 5] = NODATA
        raw[:, height // 2, width // 2] = NODATA
        raw[0, height - 2, width - 3] = NODATA  # this pixel stays valid
    options = ["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"] if tiled else []
    dataset = gdal.GetDriverByName("GTiff").Create(
        str(path), width, height, bands, gdal.GDT_Int16, options=options
    )
    dataset.SetGeoTransform((500_000.0, 30.0, 0.0, 5_800_000.0, 0.0, -30.0))
    for number in range(bands):
        band = dataset.GetRasterBand(number + 1)
        band.SetNoDataValue(NODATA)
        band.SetScale(SCALE)
        band.SetMetadataItem("wavelength", str(400.0 + 10 * number))
        band.SetMetadataItem("wavelength_units", "nm")
        band.WriteRaster(0, 0, width, height, raw[number].tobytes())
    dataset.FlushCache()
    del dataset
    return path


def make_normalisation(bands: int, kind: str = "band") -> Normalisation:
    rng = np.random.default_rng(8)
    spectra = rng.normal(0.3, 0.08, (400, bands)).astype(np.float32)
    return fit_normalisation(kind, spectra)


def make_model(
    path: Path,
    architecture: str,
    *,
    kind: str = "band",
    classes: tuple[ClassInfo, ...] = CLASSES,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> ModelBundle:
    """Write a model with random weights."""
    bands = band_count(architecture)
    normalisation = make_normalisation(bands, kind)
    network = make_network(architecture, normalisation.outputs, len(classes), options=options)
    # Of tiles the weights have the names that they learnt by.
    learnt = network.network if hasattr(network, "tile") else network
    own = {name: value for name, value in options.items() if name != "patch_size"}
    bundle = ModelBundle(
        architecture=architecture,
        options=own,
        bands=tuple(
            Band(n + 1, f"band {n + 1}", 400.0 + 10 * n, 8.0, scale=SCALE) for n in range(bands)
        ),
        normalisation=normalisation,
        classes=classes,
        radius=int(network.radius),
        patch_size=getattr(network, "tile", 2 * network.radius + 1),
        multiple=getattr(network, "multiple", 1),
        chips={"path": "/data/chips", "split_hash": "abc"},
        metrics={},
        history=[],
        versions={},
        seed=1,
        settings={},
        created="2025-01-02T03:04:05+00:00",
        training_rows=np.array([4, 5, 9], dtype=np.int32),
        training_cols=np.array([0, 7, 2], dtype=np.int32),
        training_grid=Grid("", (0.0, 30.0, 0.0, 90.0, 0.0, -30.0), 40, 30),
        statistics={"mean": normalisation.mean, "deviation": np.full(bands, 0.08)},
        weights={name: value.numpy() for name, value in learnt.state_dict().items()},
    )
    save_bundle(str(path), bundle)
    return bundle


def read_raster(path: Path) -> np.ndarray:
    """``(bands, height, width)`` of a raster, in its own data type."""
    dataset = gdal.Open(str(path))
    kinds = {gdal.GDT_Byte: np.uint8, gdal.GDT_UInt16: np.uint16, gdal.GDT_Float32: np.float32}
    dtype = kinds[dataset.GetRasterBand(1).DataType]
    data = np.frombuffer(dataset.ReadRaster(), dtype)
    return data.reshape(dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)


@pytest.fixture(autouse=True)
def _one_thread():
    """Tiny layers only wait for each other on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def scene(tmp_path):
    return write_scene(tmp_path / "scene.tif", band_count("indian_pines_3d"), 24, 19)
