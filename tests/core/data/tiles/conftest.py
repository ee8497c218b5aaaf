"""An image with labels in a raster and in polygons, to cut tiles from."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.export import export_training_chips

from ..conftest import make_grid, write_layer, write_raster

WAVELENGTHS = [480.0, 560.0, 665.0, 840.0]
EASY = {"kind": "tiles", "tile_size": 8, "block_size": 16, "buffer": 2}


class Place:
    """A folder with an image of 96 x 80 pixels and 4 bands, and its labels."""

    def __init__(self, folder):
        random = np.random.default_rng(7)
        self.folder = folder
        self.grid = make_grid(96, 80)
        self.labels = np.kron(random.integers(0, 4, (12, 10)), np.ones((8, 8), int))
        self.labels = self.labels.astype(np.uint8)
        self.labels[random.random((96, 80)) < 0.2] = 0
        self.values = random.integers(100, 9000, (4, 96, 80)).astype(np.int16)
        self.values[:, :3, :5] = -999
        self.image = write_raster(
            folder / "image.tif", self.values, self.grid, nodata=-999, wavelengths=WAVELENGTHS
        )
        self.reference = write_raster(
            folder / "labels.tif", self.labels[None], self.grid, names=["", "crop", "soil", "lake"]
        )
        self.valid_labels = np.where((self.values != -999).any(axis=0), self.labels, 0)

    def export(self, name="set", **more):
        arguments = {"image": self.image, "reference": self.reference, **EASY, **more}
        if arguments["kind"] == "pixels":
            del arguments["tile_size"]
        return export_training_chips(output=str(self.folder / name), **arguments)

    def squares(self, name, squares):
        """Write a layer of (class, (top, left, bottom, right)), in pixels; returns it."""
        features = []
        for kind, (top, left, bottom, right) in squares:
            west, east = 500_000 + left * 10, 500_000 + right * 10
            north, south = 5_800_000 - top * 10, 5_800_000 - bottom * 10
            ring = f"{west} {north},{east} {north},{east} {south},{west} {south},{west} {north}"
            features.append((f"POLYGON(({ring}))", {"class": kind}))
        (self.folder / name).unlink(missing_ok=True)
        return write_layer(self.folder / name, features)

    def polygons(self, count=60):
        """Write squares of four classes, some of them on each other's edge; returns the layer."""
        path = self.folder / "polygons.gpkg"
        if path.exists():
            return str(path)
        random = np.random.default_rng(3)
        features = []
        for number in range(count):
            row, col = divmod(number * 11, 80)
            top, left = row * 10 % 88, col
            side = int(random.integers(3, 8))
            x, y = 500_000 + left * 10, 5_800_000 - top * 10
            far, low = x + side * 10, y - side * 10
            text = f"POLYGON(({x} {y},{far} {y},{far} {low},{x} {low},{x} {y}))"
            part = ("train", "validation", "test")[number % 3]
            features.append((text, {"class": "abcd"[number % 4], "part": part}))
        return write_layer(path, features)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("place"))
