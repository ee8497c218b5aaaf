from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from hsicnn.core.importing.import_scene import import_scene
from hsicnn.core.progress import SilentProgress
from osgeo import gdal


class Listener(SilentProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.fractions: list[float] = []

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def log(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)

    def report(self, fraction, text=""):
        self.fractions.append(fraction)


@dataclass
class Chips:
    """A chip set as GDAL, h5py and csv read it."""

    folder: Path
    index: dict
    values: np.ndarray
    table: list[dict]

    @property
    def codes(self) -> np.ndarray:
        return np.array([int(line["class"]) for line in self.table])

    @property
    def names(self) -> list[str]:
        return [item["name"] for item in self.index["classes"]]

    def part(self, name: str) -> np.ndarray:
        return self.values[[line["split"] == name for line in self.table]]

    def codes_of(self, name: str) -> np.ndarray:
        return self.codes[[line["split"] == name for line in self.table]]


def raster(path) -> np.ndarray:
    """Return ``(bands, rows, cols)`` as GDAL reads it."""
    found = gdal.Open(str(path)).ReadAsArray()
    return found if found.ndim == 3 else found[None]


def category_names(path) -> list[str]:
    """Return the names of a label map's values."""
    dataset = gdal.Open(str(path))
    dataset.GetFileList()  # GDAL 3.6 reads the file with the names only after some other question
    return dataset.GetRasterBand(1).GetCategoryNames()


def read_chips(folder: Path) -> Chips:
    index = json.loads((folder / "chips.json").read_text())
    with (folder / "windows.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    if (folder / "windows.h5").exists():
        with h5py.File(folder / "windows.h5") as file:
            return Chips(folder, index, file["windows"][()], table)
    values = np.moveaxis(raster(folder / "windows.tif"), 0, -1)
    side = values.shape[1]
    return Chips(folder, index, values.reshape(-1, side, side, values.shape[2]), table)


@dataclass
class Run:
    result: object
    said: Listener
    folder: Path

    @property
    def image(self) -> np.ndarray:
        return raster(self.folder / "image.tif")

    @property
    def labels(self) -> np.ndarray:
        return raster(self.folder / "labels.tif")[0]

    @property
    def chips(self) -> Chips:
        return read_chips(self.folder / "chips")


@pytest.fixture
def run(tmp_path_factory):
    """Imports a file into a folder of its own."""

    def start(path, **values) -> Run:
        folder = tmp_path_factory.mktemp("imported")
        said = values.pop("progress", None) or Listener()
        given = {key: str(v) if isinstance(v, Path) else v for key, v in values.items()}
        result = import_scene(
            path=str(path),
            output=str(folder / "image.tif"),
            output_reference=str(folder / "labels.tif"),
            output_chips=str(folder / "chips"),
            progress=said,
            **given,
        )
        return Run(result, said, folder)

    return start


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def cube(rng):
    """``(rows, cols, bands)`` int16 reflectance: bands differ more than places do.

    Its light changes over the scene a little, as in real ones.
    """
    spectrum = 500 + 2500 * np.sin(np.linspace(0, 3, 20)) ** 2
    light = np.linspace(0.85, 1.15, 30)[:, None, None] * np.linspace(0.85, 1.15, 17)[:, None]
    places = light * rng.uniform(0.8, 1.2, (30, 17, 1))
    return (spectrum * places + rng.normal(0, 20, (30, 17, 20))).astype(np.int16)


@pytest.fixture
def truth(rng):
    """``(rows, cols)`` codes of the same scene, 0 unlabelled."""
    labels = np.zeros((30, 17), np.uint8)
    labels[2:10, 3:9], labels[12:25, 5:15], labels[26:, :4] = 1, 2, 5
    return labels
