from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hsicnn.core.errors import RasterError
from hsicnn.core.raster.grid import NO_GEOTRANSFORM, Grid
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hypothesis import given
from hypothesis import strategies as st

NORTH_UP = (500000.0, 10.0, 0.0, 4000000.0, 0.0, -10.0)
SIN, COS = math.sin(0.3), math.cos(0.3)
ROTATED = (500000.0, 10 * COS, 10 * SIN, 4000000.0, 10 * SIN, -10 * COS)
SOUTH_UP = (500000.0, 10.0, 0.0, 3999000.0, 0.0, 10.0)


def grid(geotransform=NORTH_UP, height=80, width=60, wkt=""):
    return Grid(wkt, geotransform, height, width)


@pytest.mark.parametrize("geotransform", [NORTH_UP, ROTATED, SOUTH_UP, NO_GEOTRANSFORM])
@given(st.integers(-5, 90), st.integers(-5, 90))
def test_rowcol_undoes_xy(geotransform, row, col):
    x, y = grid(geotransform).xy(row, col)
    found = grid(geotransform).rowcol(x, y)
    assert (int(found[0]), int(found[1])) == (row, col)


def test_xy_gives_pixel_centres():
    x, y = grid().xy(np.array([0, 1]), np.array([0, 2]))
    assert x.tolist() == [500005.0, 500025.0]
    assert y.tolist() == [3999995.0, 3999985.0]


@pytest.mark.parametrize("geotransform", [NORTH_UP, ROTATED, SOUTH_UP])
def test_a_part_keeps_its_place(geotransform):
    whole = grid(geotransform)
    part = whole.sub(Window(7, 9, 20, 30))
    np.testing.assert_allclose(part.xy(0, 0), whole.xy(7, 9))
    np.testing.assert_allclose(part.xy(19, 29), whole.xy(26, 38))
    assert part.pixel_size == pytest.approx((10, 10))


@pytest.mark.parametrize("geotransform", [NORTH_UP, ROTATED, SOUTH_UP])
def test_the_window_of_its_own_extent_is_the_whole(geotransform):
    assert grid(geotransform).window_of_extent(grid(geotransform).extent) == Window(0, 0, 80, 60)


def test_an_extent_on_pixel_edges_takes_no_neighbour():
    extent = (500020.0, 3999900.0, 500050.0, 3999960.0)
    assert grid().window_of_extent(extent) == Window(4, 2, 6, 3)


def test_an_extent_takes_every_pixel_it_touches_and_is_clipped():
    assert grid().window_of_extent((500021.0, 3999905.0, 500049.0, 3999955.0)) == Window(4, 2, 6, 3)
    assert grid().window_of_extent((0.0, 3999975.0, 500011.0, 5e6)) == Window(0, 0, 3, 2)
    assert grid().window_of_extent((500001.0, 3999998.0, 500002.0, 3999999.0)).size == 1


def test_an_extent_elsewhere_names_both_extents():
    with pytest.raises(RasterError, match=r"lies outside .*500000, 3999200, 500600, 4000000"):
        grid().window_of_extent((13.0, 52.0, 14.0, 53.0))


@pytest.mark.parametrize("extent", [(5, 0, 5, 9), (0, 9, 5, 2), (0, 0, math.nan, 1)])
def test_an_empty_extent_is_refused(extent):
    with pytest.raises(RasterError, match="is empty"):
        grid().window_of_extent(extent)


def test_the_extent_of_a_raster_without_georeference_is_that_of_qgis():
    assert grid(NO_GEOTRANSFORM).extent == (0.0, -80.0, 60.0, 0.0)


def test_same_as_tolerates_rounding_but_no_shift(epsg_wkt):
    wkt = epsg_wkt(32633)
    base = grid(wkt=wkt)
    rounded = (500000.00001, 10.00000001, 0.0, 4000000.0, 0.0, -10.0)
    assert base.same_as(grid(rounded, wkt=wkt))
    assert not base.same_as(grid((500005.0, *NORTH_UP[1:]), wkt=wkt))
    assert not base.same_as(grid((500000.0, 10.01, *NORTH_UP[2:]), wkt=wkt))
    assert not base.same_as(grid(height=81, wkt=wkt))
    assert not base.same_as(grid(wkt=epsg_wkt(32632)))
    assert base.same_as(grid())


def test_same_crs_in_another_spelling(epsg_wkt):
    from osgeo import osr

    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    assert grid(wkt=epsg_wkt()).same_as(grid(wkt=reference.ExportToWkt(["FORMAT=WKT2_2018"])))


def test_json_round_trip(epsg_wkt):
    whole = grid(ROTATED, wkt=epsg_wkt())
    assert Grid.from_json(json.loads(json.dumps(whole.to_json()))) == whole


@pytest.mark.parametrize(
    "record",
    [
        {},
        None,
        {"geotransform": "x"},
        {"crs_wkt": "", "geotransform": [1, 2], "height": 3, "width": 3},
        {"crs_wkt": "", "geotransform": [0, 1, 0, 0, 0, "x"], "height": 3, "width": 3},
        {"crs_wkt": "", "geotransform": [0, 1, 0, 0, 0, 0], "height": 3, "width": 3},
        {"crs_wkt": "", "geotransform": [0, 1, 0, 0, 0, -1], "height": 3, "width": 0},
        {"crs_wkt": "", "geotransform": [0, 1, 0, 0, 0, -1], "height": 2**31, "width": 3},
        {"crs_wkt": "", "geotransform": [0, 1, 0, 0, 0, -1], "height": 3.5, "width": 3},
        {"crs_wkt": None, "geotransform": [0, 1, 0, 0, 0, -1], "height": 3, "width": 3},
    ],
)
def test_a_damaged_record_is_refused(record):
    with pytest.raises(RasterError, match="damaged"):
        Grid.from_json(record)


def test_description_in_plain_words(epsg_wkt):
    text = grid(wkt=epsg_wkt()).describe()
    assert "60 x 80 pixels of 10 metres from (" in text
    assert "WGS 84 / UTM zone 33N (EPSG:32633)" in text
    assert "rotated" in grid(ROTATED).describe()
    assert "no CRS" in grid().describe()
    assert "without georeference" in grid(NO_GEOTRANSFORM).describe()


def test_grids_of_files(make_raster):
    values = np.ones((1, 4, 5), np.uint8)
    with RasterSource(make_raster(values, geotransform=ROTATED)) as source:
        np.testing.assert_allclose(source.grid.geotransform, ROTATED)
        assert (source.grid.height, source.grid.width) == (4, 5)
    with RasterSource(make_raster(values, "b.tif", geotransform=None, epsg=None)) as source:
        assert source.grid == Grid("", NO_GEOTRANSFORM, 4, 5)


def test_control_points_alone_are_refused_with_the_way_out(make_raster):
    from osgeo import gdal

    def add_points(dataset):
        points = [gdal.GCP(i, j, 0, i, j) for i, j in ((0, 0), (1, 0), (0, 1))]
        dataset.SetGCPs(points, dataset.GetProjection())

    path = make_raster(np.ones((1, 4, 5), np.uint8), geotransform=None, edit=add_points)
    with pytest.raises(RasterError, match=r"raster.tif has 3 ground control points.*Warp"):
        RasterSource(path)


@pytest.mark.parametrize(
    "flat",
    [
        (0.0, 1.0, 1.0, 0.0, 1.0, 1.0),
        (1e20, 1.0, 0.0, 0.0, 0.0, -1.0),  # neighbours have the same coordinates
        (0.0, 1e308, 0.0, 0.0, 0.0, -1e308),
        (0.0, 1e-200, 0.0, 0.0, 0.0, -1e-200),
        (0.0, float("nan"), 0.0, 0.0, 0.0, -1.0),
    ],
)
def test_pixels_without_area_are_refused(make_raster, flat):
    path = make_raster(np.ones((1, 4, 5), np.uint8), geotransform=flat)
    with pytest.raises(RasterError, match="no area"):
        RasterSource(path)
