from __future__ import annotations

import json

import numpy as np
import pytest
from hsicnn.core.raster.style import (
    VIRIDIS,
    Ramp,
    class_style,
    point_style,
    ramp_style,
    rgb,
)


@pytest.fixture
def qgis_layer(qgis_app):
    core = pytest.importorskip("qgis.core")

    def load(path):
        layer = core.QgsRasterLayer(str(path), "layer")
        assert layer.isValid()
        return layer

    return load


def test_qgis_reads_the_classes(qgis_layer, make_raster, fake_class):
    classes = [
        fake_class(0, "no data", "#000000"),
        fake_class(3, 'Äcker & <Wiesen> "nass"', "#12abef"),
        fake_class(200, "it's\x00 water\u2028", "#ff0000"),
    ]
    path = make_raster(np.ones((1, 4, 4), np.uint8))
    path.with_suffix(".qml").write_text(class_style(classes), encoding="utf-8")
    layer = qgis_layer(path)
    renderer = layer.renderer()
    assert renderer.type() == "paletted"
    found = [(c.value, c.label, c.color.name()) for c in renderer.classes()]
    assert [(v, color) for v, _, color in found] == [(c.code, c.color) for c in classes]
    assert [label for _, label, _ in found][:2] == [c.name for c in classes[:2]]
    assert found[2][1].startswith("it's water")


def test_qgis_reads_the_ramp(qgis_layer, make_raster):
    path = make_raster(np.full((1, 4, 4), 0.5, np.float32))
    path.with_suffix(".qml").write_text(ramp_style(Ramp(0.0, 2.0)), encoding="utf-8")
    layer = qgis_layer(path)
    renderer = layer.renderer()
    assert renderer.type() == "singlebandpseudocolor"
    assert (renderer.classificationMin(), renderer.classificationMax()) == (0, 2)
    function = renderer.shader().rasterShaderFunction()
    items = function.colorRampItemList()
    assert [item.value for item in items] == [0, 0.5, 1, 1.5, 2]
    assert [item.color.name() for item in items] == list(VIRIDIS)
    ramp = function.sourceColorRamp()
    assert [ramp.color(k / 4).name() for k in range(5)] == list(VIRIDIS)
    assert function.shade(1.0)[1:4] == rgb(VIRIDIS[2])


def test_colours():
    assert rgb("#0aFf10") == (10, 255, 16)
    for wrong in ("red", "#12345", "#1234567", "#12345g"):
        with pytest.raises(ValueError, match="no colour"):
            rgb(wrong)


def test_a_class_with_a_wrong_colour_is_refused(fake_class):
    with pytest.raises(ValueError, match="no colour"):
        class_style([fake_class(1, "a", '"/>')])


def test_a_ramp_of_one_colour_is_refused():
    with pytest.raises(ValueError, match="two colours"):
        ramp_style(Ramp(colors=("#000000",)))


def test_qgis_reads_the_points(qgis_app, tmp_path):
    core = pytest.importorskip("qgis.core")
    path = tmp_path / "points.geojson"
    points = [
        {
            "type": "Feature",
            "properties": {"kind": kind},
            "geometry": {"type": "Point", "coordinates": [place, 1]},
        }
        for place, kind in enumerate(("a & b", "c"))
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": points}))
    style = point_style("kind", [("a & b", "#12abef"), ("c", "#ff0000")])
    path.with_suffix(".qml").write_text(style, encoding="utf-8")
    layer = core.QgsVectorLayer(str(path), "layer", "ogr")
    assert layer.isValid()
    renderer = layer.renderer()
    assert renderer.type() == "categorizedSymbol"
    assert renderer.classAttribute() == "kind"
    found = [(c.value(), c.label(), c.symbol().color().name()) for c in renderer.categories()]
    assert found == [("a & b", "a & b", "#12abef"), ("c", "c", "#ff0000")]
    assert renderer.categories()[0].symbol().size() == pytest.approx(3.0)
    with pytest.raises(ValueError, match="no colour"):
        point_style("kind", [("a", "red")])
