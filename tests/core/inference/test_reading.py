"""Blocks with their margins: the same values, read once."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.inference import reading
from hsicnn.core.inference.blocks import FileTiles, blocks
from hsicnn.core.inference.inputs import Normaliser
from hsicnn.core.inference.reading import BlockReader, above_bytes
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window, grow, tiles

from .conftest import make_normalisation, write_scene

BANDS = 5


class Counting(RasterSource):
    """Counts how often each pixel is read."""

    def __init__(self, path) -> None:
        super().__init__(path)
        self.times = np.zeros((self.grid.height, self.grid.width), np.int64)

    def read_array(self, window, positions):
        self.times[window.rows, window.cols] += 1
        return super().read_array(window, positions)


def expected(path, normaliser, place, radius):
    with RasterSource(path) as source:
        block = source.read_reflected(grow(place, radius), range(BANDS))
        inner = slice(radius, radius + place.height), slice(radius, radius + place.width)
        valid = block.valid[inner].copy()
        return normaliser.apply(block).numpy(), valid


def check(path, area, windows, radius, kind="band", keep=True):
    normaliser = Normaliser(make_normalisation(BANDS, kind))
    with Counting(path) as source:
        reader = BlockReader(source, range(BANDS), normaliser, radius=radius, area=area, keep=keep)
        for place in windows:
            inputs, valid = reader.read(place)
            values, known = expected(path, normaliser, place, radius)
            np.testing.assert_array_equal(valid, known)
            np.testing.assert_allclose(inputs.numpy(), values, atol=2e-6)
    return source.times


@pytest.fixture
def path(tmp_path):
    return write_scene(tmp_path / "scene.tif", BANDS, 50, 61, tiled=True)


@pytest.mark.parametrize("kind", ["band", "pca"])
@pytest.mark.parametrize("radius", [0, 1, 4, 7])
def test_every_pixel_is_read_once(path, radius, kind):
    area = Window(0, 0, 50, 61)
    windows = list(blocks(area, FileTiles(16, 16), 16, 16, radius))
    assert len(windows) > 8
    assert (check(path, area, windows, radius, kind) == 1).all()


def test_parts_of_tiles_are_read_once_as_well(path):
    area = Window(3, 5, 40, 50)
    file = FileTiles(16, 16, area.row, area.col)
    windows = [
        Window(area.row + row, area.col + col, height, width)
        for row, col, height, width in blocks(Window(0, 0, 40, 50), file, 6, 5, 3)
    ]
    times = check(path, area, windows, 3)
    assert (times[:46, 2:58] == 1).all()
    assert times.sum() == 46 * 56


def test_without_keeping_rows_only_columns_are_known(path):
    area = Window(0, 0, 50, 61)
    windows = list(blocks(area, FileTiles(16, 16), 16, 16, 2))
    times = check(path, area, windows, 2, keep=False)
    assert times.max() == 2
    assert (times[:12] == 1).all()
    assert (times[12:16] == 2).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 2), (5, 40)])
def test_rasters_smaller_than_the_margin(tmp_path, shape):
    path = write_scene(tmp_path / "scene.tif", BANDS, *shape)
    windows = list(tiles(*shape, 2, 3))
    check(path, Window(0, 0, *shape), windows, 6)
    check(path, Window(0, 0, *shape), windows[::-1], 6)


def test_any_order_of_blocks_is_right(path):
    area = Window(0, 0, 50, 61)
    windows = list(tiles(50, 61, 9, 14))
    np.random.default_rng(3).shuffle(windows)
    check(path, area, [Window(*window) for window in windows], 4)


def test_what_is_kept_is_bounded(path, monkeypatch):
    monkeypatch.setattr(reading, "LEFT_BYTES", 4 * BANDS * 20 * 8)
    area = Window(0, 0, 50, 61)
    windows = list(blocks(area, FileTiles(16, 16), 4, 16, 4))
    times = check(path, area, windows, 4)
    assert times.max() > 1
    assert above_bytes(0, 1000, 40) == 0
    assert above_bytes(4, 992, 40) == 8 * 1000 * (4 * 40 + 9)
