"""A small clean scene of four materials, to plant faults in."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hsicnn.core.checking.check import CheckResult, check_training_data

from ..data.conftest import make_grid, write_raster

BANDS, SIDE, FIELD = 30, 60, 10
NAMES = ("wheat", "soil", "wood", "water")
WAVELENGTHS = np.linspace(450, 1030, BANDS)


def spectra_of(labels: np.ndarray, seed: int = 1) -> np.ndarray:
    """Return ``(bands, rows, cols)`` int16 reflectance times 10,000 of classes 1..4."""
    random = np.random.default_rng(seed)
    x = np.linspace(0, 1, BANDS)
    means = np.array([
        0.05 + 0.35 / (1 + np.exp(-25 * (x - 0.45))),
        0.12 + 0.25 * x,
        0.04 + 0.22 / (1 + np.exp(-25 * (x - 0.48))),
        0.09 - 0.07 * x,
    ])  # fmt: skip
    rows, cols = labels.shape
    slow = random.standard_normal((3, rows, cols))
    shapes = np.stack([np.ones(BANDS), x - 0.5, np.sin(3 * x)])
    own = means[np.maximum(labels, 1) - 1]
    bright = 1 + 0.06 * np.einsum("krc,kb->rcb", slow, shapes)
    noise = 0.004 * random.standard_normal((rows, cols, BANDS))
    values = np.clip(own * bright + noise, 0.001, None)
    return np.rint(values * 1e4).astype(np.int16).transpose(2, 0, 1)


@dataclass
class Scene:
    """An image and labels that tests spoil before they write them."""

    folder: Path
    labels: np.ndarray
    values: np.ndarray
    told: dict[str, Any] = field(default_factory=dict)
    grid: Any = None

    @property
    def image(self) -> str:
        return str(self.folder / "image.tif")

    @property
    def reference(self) -> str:
        return str(self.folder / "reference.tif")

    def write(self) -> None:
        given = {"nodata": -999, "wavelengths": WAVELENGTHS, **self.told}
        write_raster(self.image, self.values, self.grid, **given)
        set_scale(self.image)
        names = ["", *NAMES]
        write_raster(self.reference, self.labels[None].astype(np.uint8), self.grid, names=names)

    def check(self, **more: Any) -> CheckResult:
        """Write the scene and check it."""
        self.write()
        return self.check_written(**more)

    def check_written(self, **more: Any) -> CheckResult:
        given = {
            "image": self.image,
            "reference": self.reference,
            "report": str(self.folder / "report.html"),
            "suspects": str(self.folder / "suspects.gpkg"),
            "json": str(self.folder / "figures.json"),
            **more,
        }
        return check_training_data(**given)


def set_scale(path: str) -> None:
    """Say that the values are reflectance times 10,000."""
    from osgeo import gdal

    dataset = gdal.Open(path, gdal.GA_Update)
    for number in range(1, dataset.RasterCount + 1):
        dataset.GetRasterBand(number).SetScale(1e-4)
    dataset.FlushCache()


def found(result: CheckResult, topic: str) -> str:
    """Return what was found about a topic, as one text."""
    return " ".join(item.found for item in result.details if item.topic == topic)


def severity(result: CheckResult, topic: str) -> set[str]:
    """Return how bad findings about a topic are."""
    return {item.severity for item in result.details if item.topic == topic}


def suspects_of(path: str | Path) -> list[dict[str, Any]]:
    """Return the fields of every suspicious sample, with its place."""
    from osgeo import gdal

    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    layer = dataset.GetLayer(0)
    told = []
    for feature in layer:
        point = feature.GetGeometryRef()
        told.append({**feature.items(), "x": point.GetX(), "y": point.GetY()})
    return told


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Fields of 10 x 10 pixels with a border of unlabelled pixels around each."""
    random = np.random.default_rng(3)
    fields = random.permutation(np.repeat(np.arange(1, 5), 9)).reshape(6, 6)
    cover = np.kron(fields, np.ones((FIELD, FIELD), int))
    labels = cover.copy()
    edge = np.arange(SIDE) % FIELD
    labels[(edge == 0) | (edge == FIELD - 1), :] = 0
    labels[:, (edge == 0) | (edge == FIELD - 1)] = 0
    return Scene(tmp_path, labels, spectra_of(cover), grid=make_grid(SIDE, SIDE))
