from __future__ import annotations

import math
import struct
from contextlib import suppress

import numpy as np
import pytest
from hsicnn.core.errors import RasterError
from hsicnn.core.raster.bands import Band
from hsicnn.core.raster.gdal_session import gdal_session, read_pixels
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.values import missing, nodata_in, physical
from hsicnn.core.raster.windows import Window, reflect_index
from hypothesis import given
from hypothesis import strategies as st
from osgeo import gdal

WHOLE = Window(0, 0, 5, 6)


def ramp(count=3, dtype=np.int16):
    return np.arange(count * 5 * 6).reshape(count, 5, 6).astype(dtype)


def read(path, positions, window=WHOLE, **options):
    with RasterSource(path) as source:
        return source.read(window, positions, **options)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("options", [["INTERLEAVE=PIXEL"], ["INTERLEAVE=BAND", "TILED=YES"]])
def test_scale_and_offset_of_every_band_are_applied(make_raster, dtype, options):
    values = ramp(dtype=dtype)
    scale, offset = [0.5, 2.0, 1.0], [0.0, -3.0, 7.0]
    path = make_raster(values, scale=scale, offset=offset, options=options)
    block = read(path, [2, 0, 1])
    expected = values * np.reshape(scale, (3, 1, 1)) + np.reshape(offset, (3, 1, 1))
    np.testing.assert_allclose(block.values, expected[[2, 0, 1]], rtol=1e-6)
    assert block.values.dtype == np.float32
    assert block.valid.all()


def test_windows_read_their_part(make_raster):
    values = ramp()
    block = read(make_raster(values), [1], Window(2, 3, 2, 1))
    np.testing.assert_array_equal(block.values, values[1:2, 2:4, 3:4])


def test_raw_values_keep_type_and_nodata(make_raster):
    values = ramp()
    values[:, 1, 2] = -5
    path = make_raster(values, nodata=-5, scale=0.1)
    with RasterSource(path) as source:
        raw, valid = source.read_raw(WHOLE, [0, 1, 2])
    assert raw.dtype == np.int16
    np.testing.assert_array_equal(raw, values)
    assert np.argwhere(~valid).tolist() == [[1, 2]]


def test_a_pixel_is_invalid_where_all_its_bands_are_missing(make_raster):
    values = ramp(dtype=np.float32)
    values[:, 0, 0] = -9999
    values[1, 0, 1] = -9999
    values[2, 0, 1] = np.nan
    values[0, 0, 2] = np.inf
    block = read(make_raster(values, nodata=-9999, scale=0.5), [0, 1, 2])
    assert np.argwhere(~block.valid).tolist() == [[0, 0]]
    assert block.values[:, 0, 0].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(block.values[:, 0, 1], [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(np.isnan(block.values[:, 0, 2]), [True, False, False])
    assert np.isnan(block.values).sum() == 3


def test_or_where_any_is(make_raster):
    values = ramp(dtype=np.float32)
    values[1, 0, 1] = np.nan
    block = read(make_raster(values), [0, 1, 2], invalid_when="any")
    assert np.argwhere(~block.valid).tolist() == [[0, 1]]
    assert np.isfinite(block.values).all()
    assert block.values[:, 0, 1].tolist() == [0, 0, 0]
    assert read(make_raster(values), [0, 2], invalid_when="any").valid.all()
    with pytest.raises(ValueError, match="'some'"):
        read(make_raster(values), [0], invalid_when="some")


def test_only_the_bands_asked_for_decide(make_raster):
    values = ramp()
    values[:2, 3, 3] = -1
    path = make_raster(values, nodata=-1)
    assert not read(path, [0, 1]).valid[3, 3]
    assert read(path, [0, 1, 2]).valid[3, 3]


def test_nodata_may_differ_between_bands(make_raster, tmp_path):
    values = np.zeros((1, 5, 6), np.int16)
    first = make_raster(values - 1, "a.tif", nodata=-1)
    second = make_raster(values - 1, "b.tif", nodata=-2)
    with gdal_session():
        vrt = gdal.BuildVRT(str(tmp_path / "both.vrt"), [str(first), str(second)], separate=True)
        vrt.GetRasterBand(1).SetNoDataValue(-1)
        vrt.GetRasterBand(2).SetNoDataValue(-2)
        vrt.FlushCache()
        vrt = None
    path = tmp_path / "both.vrt"
    with RasterSource(path) as source:
        assert [band.nodata for band in source.bands] == [-1, -2]
    assert not read(path, [0]).valid.any()
    assert read(path, [1]).valid.all()
    assert np.isnan(read(path, [0, 1]).values[0]).all()


@pytest.mark.parametrize(
    ("dtype", "nodata", "stored"),
    [
        ("uint8", -9999, None),
        ("uint8", 0.5, None),
        ("uint8", 255, 255),
        ("int16", -32768, -32768),
        ("uint64", 2.0**64, np.iinfo(np.uint64).max),
        ("float32", -3.4028234663852886e38, np.float32(-3.4028235e38)),
        ("float32", 0.1, np.float32(0.1)),
        ("float64", 0.1, 0.1),
    ],
)
def test_nodata_is_compared_in_the_files_own_type(dtype, nodata, stored):
    assert nodata_in(np.dtype(dtype), nodata) == stored


def test_float_nodata_given_in_double_precision(make_raster):
    values = ramp(dtype=np.float32)
    values[:, 0, 0] = np.float32(-9999.9)
    assert not read(make_raster(values, nodata=-9999.9), [0, 1]).valid[0, 0]


def test_large_integers_are_scaled_before_they_are_rounded():
    raw = np.array([[2_000_000_001]], np.int32)
    found = physical(raw, Band(1, "", scale=1.0, offset=-2e9))
    assert found.tolist() == [[1.0]]


def test_integers_without_nodata_miss_nothing():
    assert missing(np.zeros((2, 2), np.int16), Band(1, "")) is None


def test_masks_of_the_file_count(make_raster):
    def add_mask(dataset):
        dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
        mask = np.full((5, 6), 255, np.uint8)
        mask[4, 5] = 0
        dataset.GetRasterBand(1).GetMaskBand().WriteRaster(0, 0, 6, 5, mask.tobytes())

    block = read(make_raster(ramp(), edit=add_mask), [0, 1])
    assert np.argwhere(~block.valid).tolist() == [[4, 5]]


@given(st.integers(-15, 9), st.integers(-15, 9), st.integers(1, 20), st.integers(1, 20))
def test_windows_beyond_the_edges_are_mirrored(tmp_path_factory, row, col, height, width):
    path = str(tmp_path_factory.getbasetemp() / "mirror.tif")
    values = ramp(2)
    with gdal_session():
        dataset = gdal.Open(path) if _exists(path) else None
        if dataset is None:
            dataset = gdal.GetDriverByName("GTiff").Create(path, 6, 5, 2, gdal.GDT_Int16)
            dataset.WriteRaster(0, 0, 6, 5, values.tobytes())
            dataset.GetRasterBand(1).SetNoDataValue(7)
            dataset.FlushCache()
        dataset = None
    with RasterSource(path) as source:
        whole = source.read(WHOLE, [1, 0])
        block = source.read_reflected(Window(row, col, height, width), [1, 0])
    rows, cols = reflect_index(row, row + height, 5), reflect_index(col, col + width, 6)
    np.testing.assert_array_equal(block.values, whole.values[:, rows][:, :, cols])
    np.testing.assert_array_equal(block.valid, whole.valid[rows][:, cols])
    assert block.values.flags["C_CONTIGUOUS"]


def _exists(path):
    with suppress(OSError), open(path, "rb"):  # noqa: PTH123 - a string as GDAL takes it
        return True
    return False


def test_a_raster_of_one_pixel(make_raster):
    path = make_raster(np.full((2, 1, 1), 4, np.int16))
    with RasterSource(path) as source:
        block = source.read_reflected(Window(-2, -2, 5, 5), [0, 1])
    assert (block.values == 4).all()
    assert block.valid.shape == (5, 5)


@pytest.mark.parametrize("window", [Window(-1, 0, 2, 2), Window(4, 0, 2, 2), Window(0, 0, 0, 2)])
def test_plain_reading_stays_inside(make_raster, window):
    with RasterSource(make_raster(ramp())) as source, pytest.raises(ValueError, match="leaves"):
        source.read(window, [0])


@pytest.mark.parametrize("memory", [1, 100, 1000, 10**9])
@pytest.mark.parametrize("options", [[], ["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"]])
def test_blocks_cover_once_within_the_budget(make_raster, memory, options):
    path = make_raster(np.zeros((2, 40, 50), np.int16), options=options)
    with RasterSource(path) as source:
        hits = np.zeros((40, 50), int)
        for window in source.blocks(2, memory):
            hits[window.rows, window.cols] += 1
            assert window.size == 1 or window.size * 2 * (2 + 5) <= memory
        assert (hits == 1).all()
        if options and memory >= 16 * 16 * 2 * 7:
            rows, cols = source.blocks_shape(2, memory)
            assert rows % 16 == 0 or rows == 40
            assert cols % 16 == 0 or cols == 50


def test_facts_of_the_file(make_raster):
    options = ["TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=16", "INTERLEAVE=PIXEL"]
    with RasterSource(make_raster(np.zeros((2, 40, 50), np.uint16), options=options)) as source:
        assert source.block_shape == (16, 32)
        assert source.interleave == "PIXEL"
        assert source.dtype == np.uint16
        assert source.name == "raster.tif"
        assert source.alpha == 0


def test_bands_of_different_types_are_read_in_the_widest(make_raster, tmp_path):
    a = make_raster(np.full((1, 5, 6), 200, np.uint8), "a.tif")
    b = make_raster(np.full((1, 5, 6), -0.5, np.float32), "b.tif")
    path = tmp_path / "mixed.vrt"
    with gdal_session():
        vrt = gdal.BuildVRT(str(path), [str(a), str(b)], separate=True)
        vrt.FlushCache()
        vrt = None
    with RasterSource(path) as source:
        assert source.dtype == np.float32
        block = source.read(WHOLE, [0, 1])
    assert block.values[:, 0, 0].tolist() == [200, -0.5]


def test_signed_bytes(tmp_path):
    path = tmp_path / "signed.tif"
    values = np.array([[-3, 5]], np.int8)
    with gdal_session():
        kind, options = getattr(gdal, "GDT_Int8", None), []
        if kind is None:
            kind, options = gdal.GDT_Byte, ["PIXELTYPE=SIGNEDBYTE"]
        driver = gdal.GetDriverByName("GTiff")
        dataset = driver.Create(str(path), 2, 1, 1, kind, options=options)
        dataset.WriteRaster(0, 0, 2, 1, values.tobytes())
        dataset = None
    assert read(path, [0], Window(0, 0, 1, 2)).values.tolist() == [[[-3, 5]]]


def test_complex_numbers_are_refused(make_raster):
    path = make_raster(np.ones((1, 2, 2), np.complex64))
    with pytest.raises(RasterError, match=r"Band 1 of raster.tif holds CFloat32"):
        RasterSource(path)


def test_subdatasets(tmp_path):
    path = tmp_path / "cube.nc"
    values = ramp(3)
    with gdal_session():
        driver = gdal.GetDriverByName("netCDF")
        if driver is None:
            pytest.skip("GDAL without NetCDF")
        dataset = gdal.GetDriverByName("MEM").Create("", 6, 5, 3, gdal.GDT_Int16)
        dataset.SetGeoTransform((10, 1, 0, 50, 0, -1))
        dataset.WriteRaster(0, 0, 6, 5, values.tobytes())
        driver.CreateCopy(str(path), dataset).FlushCache()
    with pytest.raises(RasterError, match=r"cube.nc is a container of 3 rasters.*NETCDF"):
        RasterSource(path)
    with RasterSource(f'NETCDF:"{path}":Band2') as source:
        assert source.name == "cube.nc:Band2"
        np.testing.assert_array_equal(source.read(WHOLE, [0]).values, values[1:2])


def test_vsi_paths():
    path = "/vsimem/hsicnn-source-test.tif"
    with gdal_session():
        dataset = gdal.GetDriverByName("GTiff").Create(path, 6, 5, 1, gdal.GDT_Int16)
        dataset.WriteRaster(0, 0, 6, 5, ramp(1).tobytes())
        dataset = None
    try:
        np.testing.assert_array_equal(read(path, [0]).values, ramp(1))
    finally:
        gdal.Unlink(path)


def test_what_is_no_raster_is_named(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a raster")
    for path in (text, tmp_path / "missing.tif", tmp_path):
        with pytest.raises(RasterError, match=f"{path.name} cannot be opened as a raster"):
            RasterSource(path)


def test_a_truncated_file_is_named(make_raster):
    rng = np.random.default_rng(1)
    path = make_raster(rng.integers(0, 9999, (3, 200, 200)).astype(np.int16))
    path.write_bytes(path.read_bytes()[:150_000])
    with RasterSource(path) as source, pytest.raises(RasterError, match=r"raster.tif cannot be r"):
        source.read(Window(0, 0, 200, 200), [0, 1, 2])


def test_a_damaged_description_is_named(make_raster):
    path = make_raster(ramp())
    texts_of_the_crs = struct.pack("<HH", 34_737, 2)
    assert path.read_bytes().count(texts_of_the_crs) == 1
    path.write_bytes(path.read_bytes().replace(texts_of_the_crs, struct.pack("<HH", 65_001, 2)))
    with pytest.raises(RasterError, match=r"raster\.tif is damaged.*Translate"):
        RasterSource(path)


def test_reading_changes_nothing_in_the_folder(make_raster, tmp_path):
    path = make_raster(ramp())
    before = sorted(tmp_path.iterdir())
    read(path, [0, 1, 2])
    assert sorted(tmp_path.iterdir()) == before


def test_enmap_holes_and_reflectances(test_data):
    path = test_data / "enmap_potsdam" / "enmap_potsdam_cube.tif"
    with RasterSource(path) as source:
        block = source.read(Window(0, 0, 192, 160), [0, 50, 129, 200])
        rows = [range(k, k + 32) for k in range(0, 192, 32)]
        cols = [range(k, k + 32) for k in range(0, 160, 32)]
        empty = [not block.valid[np.ix_(r, c)].any() for r in rows for c in cols]
        assert sum(empty) == 12
        assert source.grid.pixel_size == (30, 30)
    seen = block.values[:, block.valid]
    assert np.isnan(seen[2]).all()
    assert 0.01 < np.nanmedian(seen) < 0.6
    assert not block.values[:, ~block.valid].any()
    assert math.isclose(float(block.valid.mean()), 0.6)


def test_indian_pines_simulated(test_data):
    path = test_data / "indian_pines" / "indian_pines_simulated_cube.tif"
    with RasterSource(path) as source:
        assert (len(source.bands), source.dtype) == (200, np.int16)
        block = source.read_reflected(Window(-4, -4, 153, 153), range(200))
        assert block.valid.all()
        inner = source.read(Window(0, 0, 145, 145), range(200))
    np.testing.assert_array_equal(block.values[:, 4:-4, 4:-4], inner.values)
    np.testing.assert_array_equal(block.values[:, :4], block.values[:, 8:4:-1])


def test_a_format_that_fails_without_a_word_is_a_clear_error(make_raster, monkeypatch):
    class Silent:
        def ReadRaster(self, *_, **__):  # noqa: N802 - GDAL's name
            return None

    with RasterSource(make_raster(np.ones((1, 4, 5), np.int16))) as source:
        monkeypatch.setattr(source, "_dataset", Silent())
        with pytest.raises(RasterError, match="cannot be read at rows 0-3: GDAL gives no reason"):
            source.read(Window(0, 0, 4, 5), [0])


def test_words_of_a_damaged_file_that_are_no_text_are_quoted_all_the_same(tmp_path):
    """Some versions of GDAL's bindings fail over them."""
    error = UnicodeDecodeError("utf-8", b"no such file: \xff\xe4.tif", 14, 15, "invalid start byte")

    class Loud:
        def ReadRaster(self, *_, **__):  # noqa: N802 - GDAL's name
            raise error

    with pytest.raises(RuntimeError, match="no such file"):
        read_pixels(Loud())
    path = tmp_path / "image.vrt"
    path.write_bytes(b'<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand band="\xff\xf1">')
    with pytest.raises(RasterError, match=r"image\.vrt"):
        RasterSource(path)
