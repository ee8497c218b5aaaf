from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.errors import Cancelled
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.empty_bands import empty_bands
from hsicnn.core.raster.source import RasterSource


class CountingSource(RasterSource):
    """Counts the pixels it is asked for."""

    pixels = 0

    def read_array(self, window, positions):
        self.pixels += window.size * len(positions)
        return super().read_array(window, positions)


class CancelledProgress(SilentProgress):
    def check_cancel(self):
        raise Cancelled


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr("hsicnn.core.raster.spread.MEMORY_BYTES", 3 * 16 * 16 * 9)


TILED = ["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"]


def found(path):
    with CountingSource(path) as source:
        return empty_bands(source, source.bands, SilentProgress()), source.pixels


def test_one_valid_pixel_in_any_corner_makes_a_band(make_raster, small_blocks):
    values = np.full((4, 70, 50), np.nan, np.float32)
    values[0, 0, 0] = values[1, 69, 49] = values[2, 17, 31] = 1
    assert found(make_raster(values, options=TILED))[0] == {4}


def test_a_full_raster_is_settled_by_one_block(make_raster, small_blocks):
    values = np.zeros((3, 320, 320), np.float32)
    empty, pixels = found(make_raster(values, options=TILED))
    assert not empty
    assert pixels == 3 * 16 * 16


def test_only_what_is_empty_is_read_to_the_end(make_raster, small_blocks):
    values = np.zeros((3, 160, 160), np.float32)
    values[1] = -1
    empty, pixels = found(make_raster(values, nodata=-1, options=TILED))
    assert empty == {2}
    assert pixels <= 160 * 160 + 3 * 16 * 16


def test_integers_without_nodata_are_not_read(make_raster):
    assert found(make_raster(np.zeros((3, 20, 20), np.int16))) == (frozenset(), 0)
    assert found(make_raster(np.zeros((3, 20, 20), np.uint8), nodata=-9999)) == (frozenset(), 0)


def test_bands_behind_a_mask_are_empty(make_raster):
    from osgeo import gdal

    def hide(dataset):
        dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
        mask = np.zeros((20, 20), np.uint8)
        dataset.GetRasterBand(1).GetMaskBand().WriteRaster(0, 0, 20, 20, mask.tobytes())

    assert found(make_raster(np.ones((2, 20, 20), np.int16), edit=hide))[0] == {1, 2}


def test_it_can_be_cancelled(make_raster):
    path = make_raster(np.zeros((1, 20, 20), np.float32))
    with RasterSource(path) as source, pytest.raises(Cancelled):
        empty_bands(source, source.bands, CancelledProgress())
