"""PNG and JPEG: the stretch is stated, and leads back to physical values."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.errors import InputError, RasterError
from osgeo import gdal

from ..conftest import Said, make_grid, write_raster


def shown(path):
    dataset = gdal.Open(str(path))
    shape = (dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
    return dataset, np.frombuffer(dataset.ReadRaster(), np.uint8).reshape(shape)


@pytest.mark.parametrize(
    ("method", "ends"), [("2-98", (2, 98)), ("1-99", (1, 99)), ("min-max", (0, 100))]
)
def test_the_stretch_is_that_of_the_whole_image_and_is_written(place, method, ends):
    result = place.export("png", file_format="png", stretch=method)
    info = read_chip_set(result.output)
    assert [band.index for band in info.bands] == [3, 2, 1]  # 665, 560, 480 nm
    stretch = info.tiles.stretch
    assert stretch["method"] == method
    for number, low, high in zip((2, 1, 0), stretch["low"], stretch["high"]):
        values = place.values[number][place.values[number] != -999]
        expected = np.percentile(values, ends, method="inverted_cdf")
        assert (low, high) == pytest.approx(tuple(expected), abs=1)
    assert any("STRETCH" in note and "band 3 from" in note for note in result.notes)
    for tile in info.tiles.tiles[::5]:
        dataset, values = shown(info.folder / tile.image)
        window = tile.place.window
        raw = place.values[[2, 1, 0], window.rows, window.cols].astype(float)
        for plane, before, low, high, band in zip(
            values, raw, stretch["low"], stretch["high"], info.bands
        ):
            gone = before == -999
            assert (plane[gone] == 0).all()
            assert plane[~gone].min(initial=1) >= 1
            back = plane * band.scale + band.offset
            kept = ~gone & (before >= low) & (before <= high)
            assert np.abs(back - before)[kept].max() <= (high - low) / 254 / 2 + 1e-6
        assert "33N" in dataset.GetProjection()
        x, y = place.grid.xy(window.row - 0.5, window.col - 0.5)
        assert dataset.GetGeoTransform() == pytest.approx((float(x), 10, 0, float(y), 0, -10))


def test_our_reader_gives_physical_values(place):
    info = read_chip_set(place.export("png", file_format="png", image_bands="2").output)
    store = load_pixels(info, memory_bytes=2**30, progress=Said())
    expected = place.values[1, store.row, store.col].astype(float)
    low, high = info.tiles.stretch["low"][0], info.tiles.stretch["high"][0]
    inside = (expected >= low) & (expected <= high)
    found = store.physical(store.index)[:, 0]
    assert np.abs(found - expected)[inside].max() <= (high - low) / 254 / 2 + 1e-2
    assert inside.mean() > 0.9


def test_jpeg_is_near_and_stays_valid(place):
    info = read_chip_set(place.export("jpeg", file_format="jpeg", stretch="min-max").output)
    store = load_pixels(info, memory_bytes=2**30, progress=Said())
    assert store.valid.all()
    dataset, values = shown(info.folder / info.tiles.tiles[0].image)
    assert dataset.GetDriver().ShortName == "JPEG"
    assert values.shape == (3, 8, 8)
    assert "33N" in dataset.GetProjection()


def test_doubles_are_stretched_too(tmp_path):
    random = np.random.default_rng(1)
    grid = make_grid(32, 32)
    values = random.normal(size=(1, 32, 32)).astype(np.float32)
    values[0, 0, :5] = np.nan
    labels = np.kron([[1, 2], [2, 1]], np.ones((16, 16))).astype(np.uint8)
    image = write_raster(tmp_path / "i.tif", values, grid)
    reference = write_raster(tmp_path / "l.tif", labels[None], grid)
    from hsicnn.core.data.export import export_training_chips

    result = export_training_chips(
        image=image, reference=reference, output=str(tmp_path / "o"), kind="tiles", tile_size=8,
        file_format="png", split="random", buffer=0,
    )  # fmt: skip
    stretch = read_chip_set(result.output).tiles.stretch
    expected = np.nanpercentile(values, (2, 98), method="inverted_cdf")
    assert (stretch["low"][0], stretch["high"][0]) == pytest.approx(tuple(expected), abs=1e-3)


def test_bands_without_wavelengths_have_to_be_named(place):
    bare = write_raster(place.folder / "bare.tif", place.values, place.grid, nodata=-999)
    with pytest.raises(InputError, match=r"no band near 665 nm.*IMAGE_BANDS"):
        place.export("bare", image=bare, file_format="png")
    info = read_chip_set(
        place.export("bare", image=bare, file_format="png", image_bands="4, 2, 1").output
    )
    assert [band.index for band in info.bands] == [4, 2, 1]


def test_a_band_of_one_value_keeps_a_range(place):
    flat = place.values.copy()
    flat[0] = 500
    image = write_raster(place.folder / "flat.tif", flat, place.grid, nodata=-999)
    info = read_chip_set(
        place.export("flat", image=image, file_format="png", image_bands="1").output
    )
    assert info.bands[0].scale > 0
    store = load_pixels(info, memory_bytes=2**30, progress=Said())
    assert store.physical(store.index) == pytest.approx(500)


def test_a_band_without_values_is_named(place):
    empty = place.values.copy()
    empty[1] = -999
    image = write_raster(place.folder / "empty.tif", empty, place.grid, nodata=-999)
    with pytest.raises((InputError, RasterError), match="band 2"):
        place.export("empty", image=image, file_format="png", image_bands="2")


def test_tiles_are_written_where_gdals_exceptions_are_on(place):
    used = gdal.GetUseExceptions()
    gdal.UseExceptions()
    try:
        result = place.export("exceptions", file_format="png")
    finally:
        if not used:
            gdal.DontUseExceptions()
    assert result.chips
    assert not [name for name in gdal.ReadDir("/vsimem/") or () if gdal.ReadDir(f"/vsimem/{name}")]
