"""Check training data inside QGIS: loaded with its style, as a step of a model, cancelled."""

from __future__ import annotations

import json
from pathlib import Path

from qgis.core import QgsProcessingOutputLayerDefinition, QgsProject

from .conftest import Run


def test_training_data_is_checked_and_the_suspects_are_loaded(
    provider, scene, context, feedback, qgis_new_project, tmp_path, monkeypatch
):
    """Labels come from points, some of them wrong on purpose; the layer has its name and style."""
    from processing.gui import Postprocessing
    from qgis.core import QgsCategorizedSymbolRenderer, QgsVectorLayer, edit

    points = tmp_path / "points.gpkg"
    points.write_bytes(Path(scene.samples).read_bytes())
    layer = QgsVectorLayer(str(points), "points", "ogr")
    names = list(scene.class_names)
    field = layer.fields().indexOf("class")
    with edit(layer):
        for feature in list(layer.getFeatures())[::20]:
            other = names[(names.index(feature["class"]) + 1) % len(names)]
            layer.changeAttributeValue(feature.id(), field, other)
    project = QgsProject.instance()
    report, figures = tmp_path / "report.html", tmp_path / "figures.json"
    values = {
        "INPUT": scene.output,
        "REFERENCE": layer,
        "FIELD": "class",
        "REPORT": str(report),
        "SUSPECTS": QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project),
        "JSON": str(figures),
    }
    algorithm = provider.algorithm("checktrainingdata").create()
    done = Run(algorithm, values, context, feedback)
    assert done.success, feedback.errors
    assert done.results["CLASSES"] == 3
    assert done.results["FINDINGS"] == len(json.loads(figures.read_text())["findings"])
    assert done.results["SUSPICIOUS"] >= 3
    assert "contradicted by all other samples" in report.read_text(encoding="utf-8")
    # pytest-qgis's stand-in for QGIS's interface has no layer tree.
    monkeypatch.setattr(Postprocessing, "iface", None, raising=False)
    Postprocessing.handleAlgorithmResults(algorithm, context, feedback)
    (shown,) = project.mapLayers().values()
    assert shown.name() == "Suspicious samples of image"
    assert shown.featureCount() == done.results["SUSPICIOUS"]
    assert shown.crs().authid() == "EPSG:32633"
    renderer = shown.renderer()
    assert isinstance(renderer, QgsCategorizedSymbolRenderer)
    assert renderer.classAttribute() == "finding"
    kinds = {item.value(): item.symbol().color().name() for item in
             renderer.categories()}  # fmt: skip
    assert {feature["finding"] for feature in shown.getFeatures()} == set(kinds)
    assert kinds["looks like another class"] == "#e69f00"


def test_a_check_goes_on_in_a_model(provider, scene, context, feedback, tmp_path):
    """A step of a model takes the number of errors, and the points become another layer."""
    from qgis.core import (
        QgsProcessingModelAlgorithm,
        QgsProcessingModelChildAlgorithm,
        QgsProcessingModelChildParameterSource,
        QgsProcessingModelOutput,
        QgsProcessingModelParameter,
        QgsProcessingParameterRasterLayer,
        QgsVectorLayer,
    )

    source = QgsProcessingModelChildParameterSource
    model = QgsProcessingModelAlgorithm("check", "tests")
    for name in ("image", "labels"):
        model.addModelParameter(
            QgsProcessingParameterRasterLayer(name, name), QgsProcessingModelParameter(name)
        )
    check = QgsProcessingModelChildAlgorithm("hsicnn:checktrainingdata")
    check.setChildId("check")
    check.addParameterSources("INPUT", [source.fromModelParameter("image")])
    check.addParameterSources("REFERENCE", [source.fromModelParameter("labels")])
    check.addParameterSources("SAMPLES", [source.fromStaticValue(50)])
    page = QgsProcessingModelOutput("page", "page")
    page.setChildId("check")
    page.setChildOutputName("REPORT")
    check.setModelOutputs({"page": page})
    model.addChildAlgorithm(check)
    around = QgsProcessingModelChildAlgorithm("native:buffer")
    around.setChildId("around")
    around.addParameterSources("INPUT", [source.fromChildOutput("check", "SUSPECTS")])
    around.addParameterSources("DISTANCE", [source.fromExpression("10 + @check_ERRORS")])
    rings = QgsProcessingModelOutput("rings", "rings")
    rings.setChildId("around")
    rings.setChildOutputName("OUTPUT")
    around.setModelOutputs({"rings": rings})
    model.addChildAlgorithm(around)
    values = {
        "image": scene.output,
        "labels": scene.reference,
        "check:page": str(tmp_path / "report.html"),
        "around:rings": str(tmp_path / "rings.gpkg"),
    }
    results, success = model.run(values, context, feedback)
    assert success, feedback.errors
    assert (tmp_path / "report.html").stat().st_size
    child = results["CHILD_RESULTS"]["check"]
    assert child["ERRORS"] == 0
    rings = QgsVectorLayer(str(tmp_path / "rings.gpkg"), "rings", "ogr")
    assert rings.featureCount() == child["SUSPICIOUS"]


def test_a_check_beside_the_event_loop_can_be_cancelled(
    provider, scene, context, feedback, tmp_path
):
    report = tmp_path / "report.html"
    report.write_text("what was there before")
    values = {
        "INPUT": scene.output,
        "REFERENCE": scene.reference,
        "REPORT": str(report),
        "SUSPECTS": str(tmp_path / "suspects.gpkg"),
    }
    algorithm = provider.algorithm("checktrainingdata").create()
    done = Run(algorithm, values, context, feedback, feedback.cancel)
    assert done.success is False
    assert report.read_text() == "what was there before"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
