"""Layers of QGIS become files that GDAL opens, and plain styles."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
from hsicnn.core.errors import InputError
from osgeo import gdal, ogr, osr
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsField,
    QgsGeometry,
    QgsPalettedRasterRenderer,
    QgsPointXY,
    QgsRasterLayer,
    QgsRendererCategory,
    QgsSymbol,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QVariant
from qgis.PyQt.QtGui import QColor


@pytest.fixture(autouse=True)
def started(qgis_app):
    """Layers need a running QGIS."""


@pytest.fixture
def layers():
    from hsicnn.algorithms import layers

    return layers


@pytest.fixture
def points(tmp_path):
    """A GeoPackage with two layers; 'samples' holds four points of two classes."""
    path = tmp_path / "field data.gpkg"
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    source.CreateLayer("other", reference, ogr.wkbPoint)
    layer = source.CreateLayer("samples", reference, ogr.wkbPoint)
    layer.CreateField(ogr.FieldDefn("cover", ogr.OFTString))
    layer.CreateField(ogr.FieldDefn("code", ogr.OFTInteger))
    for position, (cover, code) in enumerate([("oak", 1), ("oak", 1), ("pine", 2), ("pine", 2)]):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature["cover"], feature["code"] = cover, code
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT({position} 0)"))
        layer.CreateFeature(feature)
    del layer, source
    return path


def point_layer(path: Path) -> QgsVectorLayer:
    layer = QgsVectorLayer(f"{path}|layername=samples", "samples", "ogr")
    assert layer.isValid()
    return layer


def values(path: str, name: str, field: str) -> list:
    source = ogr.Open(path)
    return [feature[field] for feature in source.GetLayerByName(name)]


def code_of_crs(path: str, name: str) -> str:
    source = ogr.Open(path)
    return source.GetLayerByName(name).GetSpatialRef().GetAuthorityCode(None)


def test_a_file_is_read_where_it_lies(layers, points, context):
    assert layers.vector_path(point_layer(points), context) == (str(points), "samples")


def test_a_filter_counts(layers, points, context):
    layer = point_layer(points)
    layer.setSubsetString("cover = 'pine'")
    path, name = layers.vector_path(layer, context, "cover")
    assert path != str(points)
    assert values(path, name, "cover") == ["pine", "pine"]


def test_a_memory_layer_becomes_a_file_whatever_its_fields_are_called(layers, context):
    layer = QgsVectorLayer("Point?crs=EPSG:4326&field=fid:string&field=cover:string", "m", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(13, 52)))
    feature.setAttributes(["not a number", "oak"])
    layer.dataProvider().addFeature(feature)
    path, name = layers.vector_path(layer, context, "cover")
    assert values(path, name, "cover") == ["oak"]
    assert code_of_crs(path, name) == "4326"


def test_unsaved_edits_count(layers, points, context):
    layer = point_layer(points)
    layer.startEditing()
    layer.deleteFeature(next(layer.getFeatures()).id())
    path, name = layers.vector_path(layer, context, "cover")
    layer.rollBack()
    assert len(values(path, name, "cover")) == 3


def test_a_virtual_field_is_written_out(layers, points, context):
    layer = point_layer(points)
    layer.addExpressionField("upper(cover)", QgsField("loud", QVariant.String))
    assert layers.vector_path(layer, context, "cover")[0] == str(points)
    path, name = layers.vector_path(layer, context, "loud")
    assert values(path, name, "loud")[0] == "OAK"


def test_a_crs_set_by_the_user_is_written_out(layers, points, context):
    layer = point_layer(points)
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:25833"))
    path, name = layers.vector_path(layer, context, "cover")
    assert code_of_crs(path, name) == "25833"


def categorised(layer: QgsVectorLayer, attribute: str, categories: list) -> None:
    made = []
    for value, label, color in categories:
        symbol = QgsSymbol.defaultSymbol(layer.geometryType())
        symbol.setColor(QColor(color))
        made.append(QgsRendererCategory(value, symbol, label))
    layer.setRenderer(QgsCategorizedSymbolRenderer(attribute, made))


def test_categories_give_names_and_colours(layers, points):
    layer = point_layer(points)
    rest = ("", "all others", "#000000")
    categorised(layer, "code", [(1, "Oak wood", "#112233"), (2, "2", "#445566"), rest])
    assert layers.vector_styles(layer, "code") == [
        {"value": "1", "name": "Oak wood", "color": "#112233"},
        {"value": "2", "name": "", "color": "#445566"},
    ]


def test_categories_of_text_and_of_several_values(layers, points):
    layer = point_layer(points)
    categorised(layer, "cover", [("oak", "oak", "#112233"), (["pine", "fir"], "Dark", "#445566")])
    assert layers.vector_styles(layer, "cover") == [
        {"value": "oak", "name": "", "color": "#112233"},
        {"value": "pine", "name": "Dark", "color": "#445566"},
        {"value": "fir", "name": "Dark", "color": "#445566"},
    ]


def test_categories_of_another_field_say_nothing(layers, points):
    layer = point_layer(points)
    categorised(layer, "cover", [("oak", "Oak", "#112233")])
    assert layers.vector_styles(layer, "code") == []


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.tif"
    raster = gdal.GetDriverByName("GTiff").Create(str(path), 4, 4, 1, gdal.GDT_Byte)
    raster.SetGeoTransform((0, 1, 0, 4, 0, -1))
    raster.GetRasterBand(1).Fill(1)
    del raster
    return path


def test_a_paletted_raster_gives_names_and_colours(layers, labels):
    layer = QgsRasterLayer(str(labels), "labels")
    classes = [
        QgsPalettedRasterRenderer.Class(1, QColor("#0000ff"), "Water"),
        QgsPalettedRasterRenderer.Class(7, QColor("#00ff00"), "7"),
    ]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes))
    assert layers.raster_path(layer) == str(labels)
    assert layers.raster_styles(layer) == [
        {"value": "1", "name": "Water", "color": "#0000ff"},
        {"value": "7", "name": "", "color": "#00ff00"},
    ]


def test_a_grey_raster_has_no_classes(layers, labels):
    assert layers.raster_styles(QgsRasterLayer(str(labels), "labels")) == []


def test_a_raster_inside_a_container_keeps_its_name(layers, tmp_path):
    path = tmp_path / "rasters.gpkg"
    memory = gdal.GetDriverByName("MEM").Create("", 4, 4, 1, gdal.GDT_Byte)
    memory.SetGeoTransform((0, 1, 0, 4, 0, -1))
    for table in ("first", "second"):
        options = [f"RASTER_TABLE={table}", "APPEND_SUBDATASET=YES"]
        gdal.GetDriverByName("GPKG").CreateCopy(str(path), memory, options=options)
    layer = QgsRasterLayer(f"GPKG:{path}:second", "second")
    assert layer.isValid()
    assert gdal.Open(layers.raster_path(layer)) is not None


def test_a_web_map_is_refused(layers):
    source = "type=xyz&url=file:///tmp/%7Bz%7D/%7Bx%7D/%7By%7D.png&zmax=1&zmin=0"
    layer = QgsRasterLayer(source, "tiles", "wms")
    with pytest.raises(InputError, match=r"'tiles' comes from 'wms'.*GeoTIFF"):
        layers.raster_path(layer)


def archive(path: Path, *members: Path) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for member in members:
            made.write(member, f"inside/{member.name}")
    return path


def test_a_raster_inside_an_archive_is_opened_there(layers, labels, tmp_path):
    copy = tmp_path / "copy.tif"
    copy.write_bytes(labels.read_bytes())
    packed = archive(tmp_path / "two rasters.zip", labels, copy)
    layer = QgsRasterLayer(f"/vsizip/{packed}/inside/copy.tif|option:NUM_THREADS=1", "copy")
    assert layer.isValid()
    assert layers.raster_path(layer) == f"/vsizip/{packed}/inside/copy.tif"
    assert gdal.Open(layers.raster_path(layer)).RasterXSize == 4


def test_a_compressed_raster_is_opened_as_it_is(layers, labels, tmp_path):
    packed = tmp_path / "labels.tif.gz"
    packed.write_bytes(gzip.compress(labels.read_bytes()))
    layer = QgsRasterLayer(str(packed), "labels")
    assert layer.isValid()
    assert gdal.Open(layers.raster_path(layer)).RasterXSize == 4


def test_a_vector_layer_inside_an_archive_is_opened_there(layers, points, context, tmp_path):
    packed = archive(tmp_path / "field.zip", points)
    layer = QgsVectorLayer(
        f"/vsizip/{packed}/inside/{points.name}|layername=samples", "samples", "ogr"
    )
    assert layer.isValid()
    path, name = layers.vector_path(layer, context, "cover")
    assert path == f"/vsizip/{packed}/inside/{points.name}"
    assert values(path, name, "cover") == ["oak", "oak", "pine", "pine"]
