from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.labels import read_labels
from hsicnn.core.errors import Cancelled, LabelError, RasterError
from hsicnn.core.raster.grid import Grid
from osgeo import gdal

from .conftest import Said, make_grid, write_raster


def read(path, grid, **more):
    return read_labels(path, grid, progress=more.pop("progress", Said()), **more)


def dense(labels, grid):
    """Labels as a map of codes, -1 where there is none."""
    full = np.full((grid.height, grid.width), -1)
    codes = np.array([item.code for item in labels.classes])
    full[labels.rows, labels.cols] = codes[labels.values - 1]
    return full


def test_labels_on_the_images_grid_are_read_as_they_are(scene):
    labels = read(scene.reference, scene.grid)
    expected = np.where(scene.labels == 0, -1, scene.labels.astype(int))
    np.testing.assert_array_equal(dense(labels, scene.grid), expected)
    assert [item.name for item in labels.classes] == ["crop", "soil", "water"]
    assert labels.notes == ()
    assert (labels.rows.dtype, labels.cols.dtype, labels.values.dtype) == ("i4", "i4", "u2")
    order = labels.rows.astype(int) * 50 + labels.cols
    assert (np.diff(order) > 0).all()


def test_codes_may_have_gaps_be_negative_and_have_a_real_class_0(tmp_path):
    grid = make_grid(3, 3)
    codes = np.array([[[0, -7, 300], [0, 99, 99], [300, 99, -7]]], np.int16)
    path = write_raster(tmp_path / "l.tif", codes, grid)
    labels = read(path, grid, unlabelled=99)
    assert [item.code for item in labels.classes] == [-7, 0, 300]
    np.testing.assert_array_equal(dense(labels, grid), np.where(codes[0] == 99, -1, codes[0]))
    assert [item.code for item in read(path, grid).classes] == [-7, 99, 300]


def test_nodata_is_unlabelled_beside_0_and_this_is_said(tmp_path):
    grid = make_grid(2, 2)
    path = write_raster(
        tmp_path / "l.tif", np.array([[[0, 255], [1, 2]]], np.uint8), grid, nodata=255
    )
    labels = read(path, grid)
    assert labels.counts() == [1, 1]
    assert any("UNLABELLED" in note for note in labels.notes)
    assert not read(path, grid, unlabelled=255).notes


def test_floats_that_hold_whole_numbers_are_codes_and_nan_is_nothing(tmp_path):
    grid = make_grid(2, 2)
    path = write_raster(tmp_path / "l.tif", np.array([[[1, np.nan], [2, 0]]], np.float32), grid)
    assert dense(read(path, grid), grid).tolist() == [[1, -1], [2, -1]]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([[[1.0, 2.5]]], np.float32), r"2\.5.*row 0, column 1.*whole"),
        (np.zeros((1, 1, 2), np.uint8), "no labelled pixel"),
        (np.zeros((3, 1, 2), np.uint8), "3 bands"),
        (np.arange(1, 3001, dtype=np.int32).reshape(1, 50, 60), "different values"),
    ],
)
def test_rasters_that_are_no_labels_are_refused_in_words(tmp_path, values, words):
    grid = make_grid(*values.shape[1:])
    path = write_raster(tmp_path / "l.tif", values, grid)
    with pytest.raises(LabelError, match=words):
        read(path, grid)


def test_a_missing_file_is_an_error_that_names_it(tmp_path, scene):
    with pytest.raises(RasterError, match=r"nowhere\.tif"):
        read(str(tmp_path / "nowhere.tif"), scene.grid)
    with pytest.raises(LabelError, match="no such file"):
        read(str(tmp_path / "nowhere.gpkg"), scene.grid, field="class")


def test_coarser_labels_are_resampled_to_the_nearest_and_it_is_said(tmp_path):
    coarse = make_grid(4, 5, pixel=30.0)
    codes = np.arange(1, 21, dtype=np.uint8).reshape(1, 4, 5)
    path = write_raster(tmp_path / "l.tif", codes, coarse)
    fine = make_grid(12, 15)
    labels = read(path, fine)
    np.testing.assert_array_equal(dense(labels, fine), np.kron(codes[0], np.ones((3, 3), int)))
    assert any("another grid" in note and "nearest" in note for note in labels.notes)


def test_labels_that_cover_a_part_leave_the_rest_unlabelled(tmp_path):
    part = make_grid(4, 4, origin=(500_020.0, 5_799_970.0))
    path = write_raster(tmp_path / "l.tif", np.full((1, 4, 4), 6, np.uint8), part)
    grid = make_grid(10, 10)
    expected = np.full((10, 10), -1)
    expected[3:7, 2:6] = 6
    np.testing.assert_array_equal(dense(read(path, grid), grid), expected)


def test_labels_in_another_crs_land_where_gdalwarp_puts_them(tmp_path, scene):
    # The image's corner in zone 34 is somewhere else entirely: reproject there and back.
    source = gdal.Open(scene.reference)
    moved = str(tmp_path / "moved.tif")
    gdal.Warp(
        moved, source, dstSRS="EPSG:4326", resampleAlg="near", xRes=2e-5, yRes=2e-5
    ).FlushCache()
    labels = read(moved, scene.grid)
    found = dense(labels, scene.grid)
    expected = np.where(scene.labels == 0, -1, scene.labels.astype(int))
    assert (found == expected).mean() > 0.98
    assert any("reprojected from WGS 84" in note for note in labels.notes)


def test_no_overlap_gives_both_extents(tmp_path):
    far = make_grid(5, 5, origin=(700_000.0, 5_000_000.0))
    path = write_raster(tmp_path / "far.tif", np.ones((1, 5, 5), np.uint8), far)
    with pytest.raises(LabelError) as error:
        read(path, make_grid(5, 5))
    for part in ("far.tif", "700000.00 to 700050.00", "500000.00 to 500050.00", "32633"):
        assert part in str(error.value)


def test_a_raster_without_a_crs_is_taken_to_have_the_images_and_this_is_a_warning(tmp_path):
    bare = make_grid(8, 8, epsg=0)
    path = write_raster(tmp_path / "l.tif", np.ones((1, 8, 8), np.uint8), bare)
    labels = read(path, make_grid(10, 10))
    assert labels.counts() == [64]
    (warning,) = labels.warnings
    assert "l.tif has no CRS and is taken to have the other's" in warning
    assert read(path, make_grid(8, 8)).warnings == ()  # where the coordinates agree anyway


def test_a_raster_in_a_local_grid_is_refused_by_name(tmp_path):
    local = Grid('LOCAL_CS["site",UNIT["metre",1]]', make_grid(8, 8).geotransform, 8, 8)
    path = write_raster(tmp_path / "l.tif", np.ones((1, 8, 8), np.uint8), local)
    with pytest.raises(LabelError, match=r"CRS of l\.tif is site, which cannot be transformed"):
        read(path, make_grid(8, 8))


def test_without_georeference_equal_sizes_are_laid_pixel_on_pixel(tmp_path):
    path = str(tmp_path / "l.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(path, 3, 2, 1, gdal.GDT_Byte)
    dataset.GetRasterBand(1).WriteRaster(0, 0, 3, 2, bytes([1, 0, 2, 0, 1, 0]))
    dataset.FlushCache()
    labels = read(path, make_grid(2, 3))
    assert labels.counts() == [2, 1]
    assert any("pixel on pixel" in note for note in labels.notes)
    with pytest.raises(LabelError, match="sizes differ"):
        read(path, make_grid(2, 4))


def test_colours_come_from_the_style_then_the_qml_then_the_colour_table(tmp_path):
    grid = make_grid(1, 3)
    path = write_raster(tmp_path / "l.tif", np.array([[[1, 2, 3]]], np.uint8), grid)
    dataset = gdal.Open(path, gdal.GA_Update)
    table = gdal.ColorTable()
    for value, color in enumerate([(0, 0, 0, 0), (1, 1, 1, 255), (2, 2, 2, 255), (3, 3, 3, 255)]):
        table.SetColorEntry(value, color)
    dataset.GetRasterBand(1).SetColorTable(table)
    dataset = None
    (tmp_path / "l.qml").write_text(
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'><qgis><pipe><rasterrenderer>"
        '<colorPalette><paletteEntry value="1" color="#aa0000" label="Ufer &amp; See"/>'
        '<paletteEntry value="2" color="#00bb00" label="2"/></colorPalette></rasterrenderer>'
        "</pipe></qgis>",
        encoding="utf-8",
    )
    labels = read(path, grid, styles=[{"value": "1", "name": "Lake", "color": ""}])
    assert [(item.name, item.color) for item in labels.classes] == [
        ("Lake", "#aa0000"),
        ("class 2", "#00bb00"),
        ("class 3", "#030303"),
    ]


def test_a_broken_style_does_not_stop_the_reading(tmp_path):
    grid = make_grid(1, 2)
    path = write_raster(tmp_path / "l.tif", np.array([[[1, 2]]], np.uint8), grid)
    (tmp_path / "l.qml").write_text("<qgis><broken", encoding="utf-8")
    assert len(read(path, grid).classes) == 2


def test_reading_can_be_cancelled(scene):
    with pytest.raises(Cancelled):
        read(scene.reference, scene.grid, progress=Said(cancel_after=0))


def test_many_tiles_give_the_same_labels(tmp_path, monkeypatch, scene):
    whole = read(scene.reference, scene.grid)
    monkeypatch.setattr("hsicnn.core.data.label_raster._TILE", 7)
    tiled = read(scene.reference, scene.grid)
    np.testing.assert_array_equal(dense(whole, scene.grid), dense(tiled, scene.grid))
    np.testing.assert_array_equal(whole.rows, tiled.rows)
    fine = make_grid(120, 100, pixel=5.0)
    found = dense(read(scene.reference, fine), fine)
    np.testing.assert_array_equal(found, np.kron(dense(whole, scene.grid), np.ones((2, 2), int)))


def test_enmap_labels_have_the_known_counts(test_data):
    from hsicnn.core.raster.source import RasterSource

    folder = test_data / "enmap_potsdam"
    with RasterSource(folder / "enmap_potsdam_cube.tif") as source:
        labels = read(folder / "enmap_potsdam_gt.tif", source.grid)
    assert labels.counts() == [505, 953, 1694, 2070, 91, 359]
    assert [item.name for item in labels.classes] == [
        "roof", "pavement", "low vegetation", "tree", "soil", "water",
    ]  # fmt: skip


def test_where_only_one_has_a_crs_it_is_taken_for_both_and_said(tmp_path, scene):
    shifted = make_grid(12, 15, pixel=40.0, epsg=0)
    path = write_raster(tmp_path / "bare.tif", np.ones((1, 12, 15), np.uint8), shifted)
    labels = read(path, make_grid(60, 50))
    assert len(labels) > 1000
    assert any("bare.tif has no CRS and is taken" in text for text in labels.warnings)
