"""Extents in another CRS, also where it has no place for them."""

from __future__ import annotations

import math

import pytest
from hsicnn.core.data.extents import (
    no_overlap_text,
    overlaps,
    transform_extent,
    transformation,
    transformed_points,
)
from hsicnn.core.errors import LabelError
from hsicnn.core.raster.gdal_session import gdal_session

from .conftest import UTM, make_grid, wkt

WORLD = wkt(4326)
# Lambert's conformal projection has no place for the south pole.
LAMBERT = wkt(3034)
LOCAL = 'LOCAL_CS["site grid",UNIT["metre",1]]'


def test_an_extent_comes_back_from_another_crs():
    extent = (500_000.0, 5_700_000.0, 600_000.0, 5_800_000.0)
    there = transform_extent(extent, wkt(UTM), WORLD, "plots")
    assert there == pytest.approx((15.0, 51.4, 16.5, 52.4), abs=0.1)
    # The edges are curves: what comes back is a little larger.
    west, south, east, north = transform_extent(there, WORLD, wkt(UTM), "plots")
    assert west <= extent[0]
    assert south <= extent[1]
    assert east >= extent[2]
    assert north >= extent[3]


@pytest.mark.parametrize(("source", "target"), [("", WORLD), (WORLD, ""), (WORLD, WORLD)])
def test_without_two_different_crs_nothing_changes(source, target):
    extent = (1.0, 2.0, 3.0, 4.0)
    assert transform_extent(extent, source, target, "plots") == extent


def test_points_without_a_place_are_infinite_and_do_not_spoil_the_others():
    with gdal_session():
        change = transformation(WORLD, LAMBERT, "plots")
        (east, north), pole = transformed_points(change, [(10.0, 52.0), (10.0, -90.0)])
    assert east == pytest.approx(4_000_000.0, abs=1.0)
    assert math.isfinite(north)
    assert not all(map(math.isfinite, pole))


def test_an_extent_without_a_place_is_none_and_told_so():
    assert transform_extent((10.0, -90.0, 11.0, -90.0), WORLD, LAMBERT, "plots") is None
    text = no_overlap_text("plots.gpkg", None, WORLD, make_grid(10, 10))
    assert "plots.gpkg has no label inside the image" in text
    assert "somewhere outside of what" in text


@pytest.mark.parametrize("way", [(LOCAL, WORLD), (WORLD, LOCAL)])
def test_a_local_grid_that_nothing_leads_to_is_named(way):
    with pytest.raises(LabelError, match=r"CRS of plots\.gpkg is .*cannot be transformed to"):
        transform_extent((0.0, 0.0, 1.0, 1.0), *way, "plots.gpkg")


def test_data_without_a_crs_is_told_what_it_was_taken_for():
    text = no_overlap_text("plots.gpkg", (0.0, 0.0, 1.0, 1.0), "", make_grid(10, 10))
    assert "plots.gpkg has no CRS and was taken to have the image's" in text


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((5.0, 5.0, 15.0, 15.0), True),
        ((10.0, 0.0, 20.0, 10.0), False),  # an edge in common
        ((0.0, 10.0, 10.0, 20.0), False),
        ((-5.0, -5.0, 0.0, 0.0), False),
        ((11.0, 11.0, 12.0, 12.0), False),
    ],
)
def test_sharing_an_edge_is_no_overlap(other, expected):
    extent = (0.0, 0.0, 10.0, 10.0)
    assert overlaps(extent, other) is expected
    assert overlaps(other, extent) is expected


def test_a_point_overlaps_what_it_lies_in():
    assert overlaps((3.0, 3.0, 3.0, 3.0), (0.0, 0.0, 10.0, 10.0))
    assert not overlaps((30.0, 3.0, 30.0, 3.0), (0.0, 0.0, 10.0, 10.0))
