"""Opening vector layers: the stored style, kinds of fields, what cannot be opened."""

from __future__ import annotations

import pytest
from hsicnn.core.data.vector_source import has_vector_layers, open_layer, opens_as_raster
from hsicnn.core.errors import LabelError
from hsicnn.core.raster.gdal_session import gdal_session
from osgeo import gdal, ogr

from .conftest import make_grid, write_layer, write_raster

POINT = "POINT(500005 5799995)"


@pytest.fixture(autouse=True)
def _session():
    with gdal_session():
        yield


def plots(folder):
    return write_layer(folder / "plots.gpkg", [(POINT, {"class": "a"})], layer="plots")


def store_styles(path, *rows):
    """Write styles the way QGIS does: layer, style, whether it is the default."""
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_UPDATE)
    table = dataset.CreateLayer("layer_styles", None, ogr.wkbNone)
    for name, kind in (
        ("f_table_name", ogr.OFTString),
        ("styleQML", ogr.OFTString),
        ("useAsDefault", ogr.OFTInteger),
    ):
        table.CreateField(ogr.FieldDefn(name, kind))
    for layer, style, default in rows:
        feature = ogr.Feature(table.GetLayerDefn())
        feature.SetField("f_table_name", layer)
        if style is not None:
            feature.SetField("styleQML", style)
        feature.SetField("useAsDefault", default)
        table.CreateFeature(feature)
    dataset.FlushCache()


def test_the_default_style_of_the_layer_counts(tmp_path):
    path = plots(tmp_path)
    store_styles(path, ("roads", "other", 1), ("plots", "first", 0), ("plots", "chosen", 1))
    assert open_layer(path, "").stored_style() == "chosen"


def test_without_a_default_style_the_first_counts(tmp_path):
    path = plots(tmp_path)
    store_styles(path, ("plots", "first", 0), ("plots", "second", 0))
    assert open_layer(path, "plots").stored_style() == "first"


@pytest.mark.parametrize("rows", [[], [("roads", "other", 1)], [("plots", None, 1)]])
def test_no_style_is_no_text(tmp_path, rows):
    path = plots(tmp_path)
    store_styles(path, *rows)
    assert open_layer(path, "plots").stored_style() == ""


def test_a_file_without_a_table_of_styles_has_none(tmp_path):
    assert open_layer(plots(tmp_path), "").stored_style() == ""


def test_the_table_of_styles_is_no_layer_to_choose(tmp_path):
    path = plots(tmp_path)
    store_styles(path, ("plots", "first", 0))
    assert open_layer(path, "").layer.GetName() == "plots"


def test_fields_are_found_whatever_their_case_unless_two_differ_by_it(tmp_path):
    path = write_layer(tmp_path / "l.geojson", [(POINT, {"kind": "a", "Kind": 2, "area": 1.5})],
                       kind="GeoJSON")  # fmt: skip
    layer = open_layer(path, "")
    assert layer.field("kind", "FIELD") == (layer.fields.index("kind"), "text")
    assert layer.field("Kind", "FIELD") == (layer.fields.index("Kind"), "whole")
    assert layer.field("AREA", "FIELD") == (layer.fields.index("area"), "real")
    with pytest.raises(LabelError, match=r"no field 'KIND'.*kind, Kind, area.*FIELD"):
        layer.field("KIND", "FIELD")


def test_dates_are_no_classes(tmp_path):
    path = plots(tmp_path)
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_UPDATE)
    dataset.GetLayer(0).CreateField(ogr.FieldDefn("seen", ogr.OFTDate))
    dataset.FlushCache()
    del dataset
    with pytest.raises(LabelError, match=r"'seen' of plots\.gpkg holds Date values; SPLIT_FIELD"):
        open_layer(path, "").field("seen", "SPLIT_FIELD")


def test_a_layer_without_any_field_says_so(tmp_path):
    dataset = gdal.GetDriverByName("GPKG").Create(str(tmp_path / "bare.gpkg"), 0, 0, 0, 0)
    dataset.CreateLayer("bare", None, ogr.wkbPoint)
    dataset.FlushCache()
    del dataset
    with pytest.raises(LabelError, match=r"FIELD is empty; bare\.gpkg has the fields none at all"):
        open_layer(str(tmp_path / "bare.gpkg"), "").field("", "FIELD")


def test_a_single_layer_may_be_called_by_another_name(tmp_path):
    """QGIS names the layer of some formats otherwise than GDAL."""
    assert open_layer(plots(tmp_path), "Plots of 2024").layer.GetName() == "plots"


def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(LabelError, match=r"none\.gpkg cannot be opened.*there is no such file"):
        open_layer(str(tmp_path / "none.gpkg"), "")
    text = tmp_path / "notes.txt"
    text.write_text("no layer at all")
    with pytest.raises(LabelError, match=r"notes\.txt cannot be opened") as caught:
        open_layer(str(text), "")
    assert "no such file" not in str(caught.value)


def test_a_file_with_a_raster_alone_has_no_layer(tmp_path):
    import numpy as np

    raster = write_raster(tmp_path / "r.tif", np.ones((1, 4, 4), np.uint8), make_grid(4, 4))
    package = str(tmp_path / "r.gpkg")
    gdal.Translate(package, raster, format="GPKG").FlushCache()
    assert opens_as_raster(package)
    assert not has_vector_layers(package)
    assert not has_vector_layers(str(tmp_path / "none.gpkg"))
    assert not opens_as_raster(str(tmp_path / "none.tif"))
    with pytest.raises(LabelError, match=r"r\.gpkg"):
        open_layer(package, "")
