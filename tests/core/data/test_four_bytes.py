"""Four bands of bytes are four bands: GDAL would take the last one for transparency."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hsicnn.core.raster.writer import RasterWriter

from .conftest import make_grid, write_raster

SIDE = 40


@pytest.fixture
def image(tmp_path):
    """Four bands, of which the last is mostly 0."""
    values = np.random.default_rng(3).integers(1, 255, (4, SIDE, SIDE)).astype(np.uint8)
    values[3, :, ::2] = 0
    path = tmp_path / "image.tif"
    grid = make_grid(SIDE, SIDE)
    with RasterWriter(path, grid, 4, "uint8", nodata=None) as raster:
        raster.write(Window(0, 0, SIDE, SIDE), values)
        raster.commit()
    return path, values


def test_a_raster_keeps_its_fourth_band(image):
    path, values = image
    with RasterSource(path) as source:
        assert not source.alpha
        assert not source.has_mask
        found, valid = source.read_raw(Window(0, 0, SIDE, SIDE), range(4))
    np.testing.assert_array_equal(found, values)
    assert valid.all()


@pytest.mark.parametrize(
    ("step", "more"),
    [
        (1, {"halo": 2}),  # chips
        (9, {"halo": 2}),  # windows
        (9, {"halo": 2, "file_format": "hdf5"}),
        (1, {"kind": "tiles", "tile_size": 8}),
        (1, {"kind": "scenes", "tile_size": 8}),
    ],
)
def test_chips_keep_their_fourth_band(image, tmp_path, step, more):
    path, values = image
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[::step, ::step] = (1 + np.add.outer(np.arange(SIDE) // 8, np.arange(SIDE) // 8) % 2)[
        ::step, ::step
    ]
    reference = write_raster(tmp_path / "labels.tif", labels[None], make_grid(SIDE, SIDE))
    export_training_chips(
        image=str(path), reference=reference, output=str(tmp_path / "chips"),
        split="random", buffer=0, **more,
    )  # fmt: skip
    info = read_chip_set(tmp_path / "chips")
    store = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    assert store.valid.all()
    found = store.values[store.index]
    np.testing.assert_array_equal(found, values[:, store.row, store.col].T)
