"""Tiles and scenes of a real EnMAP image, against the files themselves."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.pixel_loading import load_pixels
from osgeo import gdal

from ..conftest import Said

DATA = Path(os.environ.get("HSICNN_TEST_DATA", "/nowhere"), "enmap_potsdam")
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="HSICNN_TEST_DATA is not set")


@pytest.mark.parametrize("kind", ["tiles", "scenes"])
def test_a_real_image_comes_back_pixel_by_pixel(tmp_path, kind):
    image, reference = DATA / "enmap_potsdam_cube.tif", DATA / "enmap_potsdam_gt.tif"
    result = export_training_chips(
        image=str(image), reference=str(reference), output=str(tmp_path / "o"), kind=kind,
        tile_size=16, stride=8, block_size=32, buffer=2, rotation=90,
    )  # fmt: skip
    info = read_chip_set(result.output)
    assert info.location_only is not None
    source, truth = gdal.Open(str(image)), gdal.Open(str(reference))
    numbers = [band.index for band in info.bands]
    assert len(numbers) == 218
    codes = np.array([0, *(item.code for item in info.classes)])
    for tile in info.tiles.tiles[::9]:
        place = tile.place
        area = (place.col, place.row, 16, 16)
        dataset = gdal.Open(str(info.folder / tile.image))
        raw = source.ReadRaster(*area, band_list=numbers)
        turns = int(place.angle // 90)
        expected = np.frombuffer(raw, info.dtype).reshape(-1, 16, 16)
        found = np.frombuffer(dataset.ReadRaster(), info.dtype).reshape(-1, 16, 16)
        np.testing.assert_array_equal(found, np.rot90(expected, turns, (1, 2)))
        assert dataset.GetProjection() == source.GetProjection()
        x, y = info.grid.xy(place.row + 7.5, place.col + 7.5)
        x0, a, b, y0, d, e = dataset.GetGeoTransform()
        assert (x0 + 8 * (a + b), y0 + 8 * (d + e)) == pytest.approx((float(x), float(y)))
        if kind == "tiles":
            label = gdal.Open(str(info.folder / tile.label)).ReadRaster()
            own = codes[np.frombuffer(label, np.uint8).reshape(16, 16)]
            there = np.frombuffer(truth.ReadRaster(*area), np.uint8).reshape(16, 16)
            np.testing.assert_array_equal(own, np.rot90(there, turns))
    store = load_pixels(info, memory_bytes=2**30, progress=Said(), radius=3)
    assert len(store)
