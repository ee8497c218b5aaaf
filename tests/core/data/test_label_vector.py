from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest
from hsicnn.core.data.burning import Polygon, burn, window_of
from hsicnn.core.data.labels import read_labels
from hsicnn.core.errors import Cancelled, LabelError
from hsicnn.core.raster.gdal_session import gdal_session
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.source import RasterSource
from hypothesis import given, settings
from hypothesis import strategies as st
from osgeo import gdal, ogr, osr

from .conftest import Said, make_grid, write_layer, write_raster

GRID = make_grid(20, 30)  # pixels of 10 m, corner at 500000, 5800000


def read(path, grid=GRID, **more):
    more.setdefault("field", "class")
    return read_labels(path, grid, progress=more.pop("progress", Said()), **more)


def box(row, col, height, width):
    """A rectangle of whole pixels as WKT."""
    west, north = 500_000 + col * 10, 5_800_000 - row * 10
    east, south = west + width * 10, north - height * 10
    return f"POLYGON(({west} {north},{east} {north},{east} {south},{west} {south},{west} {north}))"


def point(row, col, *, down=5.0, right=5.0):
    return f"POINT({500_000 + col * 10 + right} {5_800_000 - row * 10 - down})"


def as_dict(labels):
    names = [item.name for item in labels.classes]
    places = zip(labels.rows.tolist(), labels.cols.tolist(), labels.values.tolist())
    return {(row, col): names[value - 1] for row, col, value in places}


def test_polygons_and_points_of_a_text_field(tmp_path):
    path = write_layer(
        tmp_path / "l.gpkg",
        [
            (box(1, 2, 2, 3), {"class": "water "}),
            (point(10, 20), {"class": "soil"}),
            ("MULTIPOINT((500005 5799995),(500015 5799995))", {"class": "water"}),
        ],
    )
    labels = read(path)
    expected = {(row, col): "water" for row in (1, 2) for col in (2, 3, 4)}
    assert as_dict(labels) == {**expected, (10, 20): "soil", (0, 0): "water", (0, 1): "water"}
    assert [(item.code, item.name) for item in labels.classes] == [(1, "soil"), (2, "water")]
    groups = dict(zip(zip(labels.rows.tolist(), labels.cols.tolist()), labels.groups.tolist()))
    assert (groups[1, 2], groups[10, 20], groups[0, 1]) == (1, 2, 3)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.floats(-20, 220), st.floats(-20, 320)), min_size=3, max_size=6),
    st.booleans(),
)
def test_a_pixel_belongs_to_the_polygon_its_centre_lies_in(corners, rotated):
    transform = GRID.geotransform
    if rotated:
        transform = (500_000.0, 8.0, 3.0, 5_800_000.0, 3.0, -8.0)
    grid = Grid(GRID.crs_wkt, transform, GRID.height, GRID.width)
    ring = [(500_000 + x, 5_800_000 - y) for y, x in corners]
    text = ",".join(f"{x} {y}" for x, y in [*ring, ring[0]])
    geometry = ogr.CreateGeometryFromWkt(f"POLYGON(({text}))")
    if not geometry.IsValid() or geometry.Area() < 1:
        return
    window = window_of(geometry, grid)
    with gdal_session():
        found = burn([Polygon(geometry, 4, 9, window)] if window.size else [], grid, Said())
    burnt = set(zip(found.rows.tolist(), found.cols.tolist()))
    rows, cols = np.indices((grid.height, grid.width))
    x, y = grid.xy(rows.ravel(), cols.ravel())
    for row, col, across, up in zip(rows.ravel(), cols.ravel(), x, y):
        centre = ogr.CreateGeometryFromWkt(f"POINT({across} {up})")
        if geometry.Boundary().Distance(centre) > 1e-6:
            assert ((int(row), int(col)) in burnt) == geometry.Contains(centre)
    assert set(found.members) <= {4}
    assert set(found.groups) <= {9}


def test_tiles_do_not_change_what_is_burnt(tmp_path, monkeypatch):
    random = np.random.default_rng(3)
    features = []
    for number in range(40):
        row, col = random.integers(-5, 25), random.integers(-5, 35)
        features.append((box(row, col, *random.integers(1, 9, 2)), {"class": f"c{number % 3}"}))
    path = write_layer(tmp_path / "l.gpkg", features)
    whole = read(path)
    monkeypatch.setattr("hsicnn.core.data.burning._TILE", 7)
    tiled = read(path)
    assert as_dict(whole) == as_dict(tiled)
    np.testing.assert_array_equal(whole.groups, tiled.groups)
    assert whole.notes == tiled.notes


def test_pixels_that_two_classes_claim_are_dropped_and_counted(tmp_path):
    path = write_layer(
        tmp_path / "l.gpkg",
        [
            (box(0, 0, 2, 2), {"class": "a"}),
            (box(1, 1, 2, 2), {"class": "b"}),
            (box(0, 0, 1, 1), {"class": "a"}),
            (point(2, 2), {"class": "b"}),
            (point(0, 1), {"class": "c"}),
            (point(9, 9), {"class": "c"}),
        ],
    )
    labels = read(path)
    expected = {(0, 0): "a", (1, 0): "a", (1, 2): "b", (2, 1): "b", (2, 2): "b", (9, 9): "c"}
    assert as_dict(labels) == expected
    assert "2 pixels that two classes claim were left out." in labels.notes
    # The third polygon lies on the first: it repeats its class, and so does a point.
    assert any(note.startswith("1 labels repeat") for note in labels.notes)


def test_number_fields_keep_their_codes_and_0_is_unlabelled_unless_said(tmp_path):
    features = [(point(row, 1), {"class": value}) for row, value in enumerate([5, -2, 0, 5])]
    path = write_layer(tmp_path / "l.gpkg", features)
    labels = read(path)
    assert [(item.code, item.name) for item in labels.classes] == [(-2, "class -2"), (5, "class 5")]
    assert any("1 features without a class" in note for note in labels.notes)
    assert [item.code for item in read(path, unlabelled=-2).classes] == [0, 5]


def test_whole_numbers_in_text_or_real_fields_are_codes(tmp_path):
    text = write_layer(
        tmp_path / "t.gpkg", [(point(1, 1), {"class": "10"}), (point(2, 2), {"class": "9"})]
    )
    real = write_layer(
        tmp_path / "r.gpkg", [(point(1, 1), {"class": 10.0}), (point(2, 2), {"class": 9.0})]
    )
    for path in (text, real):
        assert [item.code for item in read(path).classes] == [9, 10]
    broken = write_layer(tmp_path / "b.gpkg", [(point(1, 1), {"class": 1.5})])
    with pytest.raises(LabelError, match=r"1\.5.*whole"):
        read(broken)


def test_nulls_empty_texts_and_geometries_are_skipped_and_counted(tmp_path):
    features = [
        (point(1, 1), {"class": "a"}),
        (point(2, 1), {"class": None}),
        (point(3, 1), {"class": "  "}),
        (None, {"class": "a"}),
        ("LINESTRING(500000 5800000,500100 5799900)", {"class": "a"}),
        (point(50, 50), {"class": "b"}),
        ("POLYGON((500011 5799999,500013 5799999,500013 5799998,500011 5799999))", {"class": "a"}),
    ]
    labels = read(write_layer(tmp_path / "l.gpkg", features))
    assert as_dict(labels) == {(1, 1): "a"}
    notes = " ".join(labels.notes)
    for words in (
        "2 features without a class",
        "1 features of l.gpkg lie outside",
        "1 polygons hold no pixel centre",
        "Classes without a pixel in the image: b.",
    ):
        assert words in notes
    assert labels.warnings == (
        "1 of 7 features of l.gpkg without a geometry were left out.",
        "1 of 7 features of l.gpkg that are no points or polygons (LINESTRING) were left out.",
    )


def crossed(row, col, size):
    """A square whose outline crosses itself, like an hourglass on its side."""
    west, north = 500_000 + col * 10, 5_800_000 - row * 10
    east, south = west + size * 10, north - size * 10
    return f"POLYGON(({west} {north},{east} {south},{east} {north},{west} {south},{west} {north}))"


def test_polygons_that_cross_themselves_are_left_out_with_a_warning(tmp_path):
    features = [
        (box(1, 1, 2, 2), {"class": "a"}),
        (crossed(6, 6, 6), {"class": "b"}),
        ("POLYGON((500050 5799950,500060 5799950))", {"class": "b"}),
        ("POLYGON EMPTY", {"class": "b"}),
    ]
    labels = read(write_layer(tmp_path / "l.gpkg", features))
    assert set(as_dict(labels).values()) == {"a"}
    crossing, empty = labels.warnings
    assert crossing.startswith("2 of 4 features of l.gpkg with an invalid outline")
    assert "Fix geometries" in crossing
    assert "1 of 4 features of l.gpkg without a geometry" in empty


def test_where_only_invalid_polygons_are_left_the_remedy_is_named(tmp_path):
    features = [(crossed(1, 1, 5), {"class": "a"}), (crossed(9, 9, 5), {"class": "b"})]
    path = write_layer(tmp_path / "l.gpkg", features)
    with pytest.raises(LabelError, match=r"None of the 2 features .* 2 with an invalid .*Fix geom"):
        read(path)


def test_a_layer_in_a_local_grid_is_refused_by_name(tmp_path):
    path = write_layer(tmp_path / "l.gpkg", [(box(1, 1, 2, 2), {"class": "a"})], epsg=0)
    local = tmp_path / "local.gpkg"
    wkt = 'LOCAL_CS["site",UNIT["metre",1]]'
    gdal.VectorTranslate(str(local), path, dstSRS=wkt, reproject=False)
    with pytest.raises(LabelError, match=r"CRS of local\.gpkg is site, which cannot be"):
        read(str(local))


@pytest.mark.parametrize("kind", ["points", "polygons"])
def test_another_crs_is_reprojected_and_said(tmp_path, kind):
    here, there = osr.SpatialReference(), osr.SpatialReference()
    here.ImportFromEPSG(32633)
    there.ImportFromEPSG(4326)
    for reference in (here, there):
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    change = osr.CoordinateTransformation(here, there)
    shapes = [point(4, 7), point(18, 2)] if kind == "points" else [box(2, 3, 3, 4), box(9, 9, 5, 1)]
    moved = []
    for shape, name in zip(shapes, "ab"):
        geometry = ogr.CreateGeometryFromWkt(shape)
        geometry.Transform(change)
        assert 10 < geometry.GetEnvelope()[0] < 20  # longitude first
        moved.append((geometry.ExportToWkt(), {"class": name}))
    same = read(
        write_layer(tmp_path / "same.gpkg", list(zip(shapes, [{"class": c} for c in "ab"])))
    )
    other = read(write_layer(tmp_path / "other.gpkg", moved, epsg=4326))
    assert as_dict(other) == as_dict(same)
    assert any("reprojected from WGS 84 (EPSG:4326)" in note for note in other.notes)


def test_a_layer_without_a_crs_is_taken_to_have_the_images(tmp_path):
    path = write_layer(tmp_path / "l.gpkg", [(point(1, 1), {"class": "a"})], epsg=0)
    labels = read(path)
    assert as_dict(labels) == {(1, 1): "a"}
    assert any("l.gpkg has no CRS" in text for text in labels.warnings)


def test_layers_are_found_by_name(tmp_path):
    path = tmp_path / "l.gpkg"
    write_layer(path, [(point(1, 1), {"class": "a"})], layer="first")
    write_layer(path, [(point(2, 2), {"class": "b"})], layer="second")
    assert as_dict(read(str(path), layer="second")) == {(2, 2): "b"}
    with pytest.raises(LabelError, match="first, second"):
        read(str(path))
    with pytest.raises(LabelError, match=r"'third'.*first, second"):
        read(str(path), layer="third")


def test_unknown_and_missing_fields_list_those_there_are(tmp_path):
    path = write_layer(tmp_path / "l.gpkg", [(point(1, 1), {"class": "a", "size": 3})])
    for field in ("klass", ""):
        with pytest.raises(LabelError, match="class, size"):
            read(path, field=field)
    assert as_dict(read(path, field="CLASS")) == {(1, 1): "a"}


def test_empty_layers_lines_and_far_layers_are_errors(tmp_path):
    with pytest.raises(LabelError, match="empty"):
        read(write_layer(tmp_path / "e.gpkg", []))
    line = ("LINESTRING(500000 5800000,500100 5799900)", {"class": "a"})
    with pytest.raises(LabelError, match="LINESTRING"):
        read(write_layer(tmp_path / "l.gpkg", [line]))
    with pytest.raises(LabelError, match="without a class"):
        read(write_layer(tmp_path / "n.gpkg", [(point(1, 1), {"class": None})]))
    far = write_layer(tmp_path / "f.gpkg", [("POINT(700000 5000000)", {"class": "a"})])
    with pytest.raises(LabelError) as error:
        read(far)
    for part in ("700000.00", "500000.00 to 500300.00", "32633"):
        assert part in str(error.value)
    tiny = "POLYGON((500001 5799999,500003 5799999,500003 5799998,500001 5799999))"
    with pytest.raises(LabelError, match="smaller than pixels"):
        read(write_layer(tmp_path / "t.gpkg", [(tiny, {"class": "a"})]))


def test_everything_in_conflict_is_an_error(tmp_path):
    features = [(point(1, 1), {"class": "a"}), (point(1, 1), {"class": "b"})]
    with pytest.raises(LabelError, match="two classes"):
        read(write_layer(tmp_path / "c.gpkg", features))


def test_styles_are_matched_by_the_fields_value(tmp_path):
    path = write_layer(
        tmp_path / "l.gpkg", [(point(1, 1), {"class": "w"}), (point(2, 1), {"class": "s"})]
    )
    style = {"value": "w", "name": "Water", "color": "#0000ff"}
    labels = read(path, styles=[style])
    assert [(item.code, item.name) for item in labels.classes] == [(1, "s"), (2, "Water")]
    assert labels.classes[1].color == "#0000ff"


def test_the_qml_of_categories_beside_a_layer_is_read(tmp_path):
    path = write_layer(
        tmp_path / "l.gpkg", [(point(1, 1), {"class": "w"}), (point(2, 1), {"class": "s"})]
    )
    (tmp_path / "l.qml").write_text(
        '<qgis><renderer-v2 type="categorizedSymbol" attr="class"><categories>'
        '<category symbol="0" value="s" label="Soil"/><category symbol="1" value="w" label="w"/>'
        '<category symbol="2" value="" label=""/></categories><symbols><symbol name="0"><layer>'
        '<Option type="Map"><Option name="color" value="10,20,30,255" type="QString"/></Option>'
        '</layer></symbol><symbol name="1"><layer><prop k="color" v="1,2,3,255"/></layer></symbol>'
        "</symbols></renderer-v2></qgis>",
        encoding="utf-8",
    )
    labels = read(path)
    assert [(item.name, item.color) for item in labels.classes] == [
        ("Soil", "#0a141e"),
        ("w", "#010203"),
    ]


def test_a_group_field_says_which_features_belong_together(tmp_path):
    features = [
        (point(row, 1), {"class": "a", "zone": zone})
        for row, zone in enumerate(["north", "south", "north", None])
    ]
    labels = read(write_layer(tmp_path / "l.gpkg", features), group_field="zone")
    assert labels.groups.tolist() == [1, 2, 1]
    assert labels.group_names == ("north", "south")
    assert any("without a group" in note for note in labels.notes)


def test_a_geopackage_with_a_raster_too_is_read_by_what_is_asked_for(tmp_path):
    path = write_layer(tmp_path / "both.gpkg", [(point(1, 1), {"class": "a"})])
    raster = write_raster(tmp_path / "r.tif", np.full((1, 20, 30), 7, np.uint8), GRID)
    options = ["APPEND_SUBDATASET=YES", "RASTER_TABLE=map"]
    gdal.Translate(path, raster, format="GPKG", creationOptions=options).FlushCache()
    assert as_dict(read(path)) == {(1, 1): "a"}
    whole = read(path, field="")
    assert (len(whole), whole.classes[0].code) == (600, 7)


def test_reading_changes_no_file_and_leaves_none_beside(tmp_path, test_data):
    path = tmp_path / "points.gpkg"
    shutil.copyfile(test_data / "enmap_potsdam" / "landcover_potsdam_point.gpkg", path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    with RasterSource(test_data / "enmap_potsdam" / "enmap_potsdam_cube.tif") as source:
        labels = read(str(path), source.grid, field="level_2")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [item.name for item in tmp_path.iterdir()] == ["points.gpkg"]
    assert labels.counts() == [20, 15, 21, 14, 5]
    # The GeoPackage stores a QGIS style with the classes' colours.
    assert [(item.name, item.color) for item in labels.classes][-1] == ("water", "#0064ff")


def test_reading_can_be_cancelled(tmp_path):
    path = write_layer(tmp_path / "l.gpkg", [(box(1, 1, 3, 3), {"class": "a"})])
    for questions in (0, 1):
        with pytest.raises(Cancelled):
            read(path, progress=Said(cancel_after=questions))


def test_grids_without_a_crs_take_the_layers(tmp_path):
    grid = Grid("", GRID.geotransform, GRID.height, GRID.width)
    labels = read(write_layer(tmp_path / "l.gpkg", [(box(1, 1, 1, 1), {"class": "a"})]), grid)
    assert as_dict(labels) == {(1, 1): "a"}
    assert any("The image has no CRS" in text for text in labels.warnings)


def test_curved_polygons_are_burnt_as_what_they_look_like(tmp_path):
    # A circle around the centre of pixel 10, 10: radius 25 m, pixels of 10 m.
    circle = (
        "CURVEPOLYGON(CIRCULARSTRING(500080 5799895,500105 5799920,500130 5799895,"
        "500105 5799870,500080 5799895))"
    )
    labels = read(write_layer(tmp_path / "l.gpkg", [(circle, {"class": "a"})]))
    rows, cols = np.mgrid[:20, :30]
    near = (rows - 10) ** 2 + (cols - 10) ** 2 <= 2.5**2
    assert set(as_dict(labels)) == set(zip(*(part.tolist() for part in np.nonzero(near))))


def test_what_cannot_be_reprojected_is_skipped_and_counted(tmp_path):
    lambert = make_grid(20, 30, pixel=10_000.0, origin=(3_900_000.0, 2_500_000.0), epsg=3034)
    pole = "POLYGON((0 -90,20 -90,20 -89.999,0 -90))"
    here = "POLYGON((9 46,13 46,13 49,9 49,9 46))"
    path = write_layer(
        tmp_path / "l.gpkg", [(here, {"class": "a"}), (pole, {"class": "b"})], epsg=4326
    )
    labels = read(path, lambert)
    assert {item.name for item in labels.classes} == {"a"}
    assert any("cannot be reprojected" in text for text in labels.warnings)


def test_codes_of_more_digits_than_a_map_can_hold_are_refused(tmp_path):
    path = write_layer(tmp_path / "l.gpkg", [(point(1, 1), {"class": 3e9})])
    with pytest.raises(LabelError, match=r"holds 3000000000; class codes have at most 9 digits"):
        read(path)


def test_a_style_without_a_colour_still_gives_the_name(tmp_path):
    path = write_layer(
        tmp_path / "l.gpkg", [(point(1, 1), {"class": "w"}), (point(2, 1), {"class": "s"})]
    )
    (tmp_path / "l.qml").write_text(
        '<qgis><renderer-v2><categories><category symbol="0" value="s" label="Soil"/>'
        '<category symbol="1" value="w" label="Water"/></categories><symbols>'
        '<symbol name="0"><layer><prop k="size" v="2"/></layer></symbol>'
        '<symbol name="1"><layer><prop k="color" v="of the sea"/></layer></symbol>'
        "</symbols></renderer-v2></qgis>",
        encoding="utf-8",
    )
    found = read(path).classes
    assert [item.name for item in found] == ["Soil", "Water"]
    assert found[0].color != found[1].color


def test_two_classes_of_one_colour_get_colours_that_differ(tmp_path):
    path = write_layer(
        tmp_path / "l.gpkg", [(point(1, 1), {"class": "w"}), (point(2, 1), {"class": "s"})]
    )
    symbol = '<symbol name="0"><layer><prop k="color" v="9,9,9,255"/></layer></symbol>'
    (tmp_path / "l.qml").write_text(
        '<qgis><renderer-v2><categories><category symbol="0" value="s" label="Soil"/>'
        f'<category symbol="0" value="w" label="Water"/></categories><symbols>{symbol}'
        "</symbols></renderer-v2></qgis>",
        encoding="utf-8",
    )
    found = read(path).classes
    assert [item.name for item in found] == ["Soil", "Water"]
    assert found[0].color != found[1].color
