"""Tiles and scenes of 'Export training chips' inside QGIS: alone, cancelled, as a model's step."""

from __future__ import annotations

import json

import pytest
from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsVectorLayer,
)

from .conftest import run

pytest.importorskip("torch")
pytest.importorskip("safetensors")


def test_tiles_with_a_mask_and_their_outlines(provider, scene, context, feedback, tmp_path):
    image = scene.output
    mask = QgsVectorLayer("Polygon?crs=EPSG:32633", "mask", "memory")
    from qgis.core import QgsFeature, QgsGeometry, QgsRasterLayer, QgsRectangle

    extent = QgsRasterLayer(image, "image").extent()
    half = QgsRectangle(
        extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.center().y()
    )
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromRect(half))
    mask.dataProvider().addFeature(feature)
    values = {
        "INPUT": image,
        "REFERENCE": scene.reference,
        "KIND": "tiles",
        "TILE_SIZE": 12,
        "STRIDE": 6,
        "MASK": mask,
        "ROTATION": 45,
        "SPLIT": "random",
        "BUFFER": 0,
        "CLASS_NAMES": "1=First",
        "OUTPUT": str(tmp_path / "tiles"),
        "FOOTPRINTS": str(tmp_path / "tiles.gpkg"),
    }
    run(provider, "exporttrainingchips", values, context, feedback)
    record = json.loads((tmp_path / "tiles" / "chips.json").read_text())
    tiles = record["tiles"]["tiles"]
    assert record["classes"][0]["name"] == "First"
    assert all(tile["row"] >= 48 for tile in tiles)
    layer = QgsVectorLayer(values["FOOTPRINTS"], "tiles", "ogr")
    assert layer.featureCount() == len(tiles)
    size = record["source"]["grid"]["geotransform"][1]
    for outline, tile in zip(layer.getFeatures(), tiles):
        assert outline["split"] == tile["split"]
        assert outline["angle"] == tile["angle"]
        assert outline["image"].endswith(tile["image"])
        assert outline["pixels_first"] == tile["counts"][0]
        assert outline.geometry().area() == pytest.approx((12 * size) ** 2)
    turned = [f for f in layer.getFeatures() if f["angle"] == 45]
    box = turned[0].geometry().boundingBox()
    assert box.width() == pytest.approx(12 * size * 2**0.5)


def test_scenes_are_cancelled_and_leave_nothing(provider, scene, context, tmp_path):
    values = {
        "INPUT": scene.output,
        "REFERENCE": scene.reference,
        "KIND": "scenes",
        "TILE_SIZE": 9,
        "STRIDE": 1,
        "SPLIT": "random",
        "BUFFER": 0,
        "OUTPUT": str(tmp_path / "scenes"),
    }
    feedback = QgsProcessingFeedback()
    feedback.progressChanged.connect(lambda value: feedback.cancel() if value > 41 else None)
    algorithm = provider.algorithm("exporttrainingchips").create()
    _, success = algorithm.run(values, context, feedback)
    assert not success
    assert feedback.isCanceled()
    assert not list(tmp_path.iterdir())


def test_tiles_of_a_step_train_the_next(provider, scene, context, feedback, tmp_path):
    """As steps of a model: tiles in ArcGIS's layout, trained, mapped and assessed."""
    model = QgsProcessingModelAlgorithm("tiles", "tests")

    def child(name, algorithm, values, **outputs_of):
        step = QgsProcessingModelChildAlgorithm(f"hsicnn:{algorithm}")
        step.setChildId(name)
        source = QgsProcessingModelChildParameterSource
        for key, value in values.items():
            step.addParameterSources(key, [source.fromStaticValue(value)])
        for key, (before, output) in outputs_of.items():
            step.addParameterSources(key, [source.fromChildOutput(before, output)])
        model.addChildAlgorithm(step)

    files = {name: str(tmp_path / name) for name in ("chips", "m.safetensors", "map.tif", "r.html")}
    child("export", "exporttrainingchips", {
        "INPUT": scene.output, "REFERENCE": scene.reference, "KIND": "tiles", "TILE_SIZE": 16,
        "STRIDE": 8, "LAYOUT": "esri", "SPLIT": "random", "BUFFER": 0, "OUTPUT": files["chips"],
    })  # fmt: skip
    child("train", "trainclassifier", {
        "EPOCHS": 1, "PATCH_SIZE": 3, "SHORTEST_EPOCH": 1, "LONGEST_EPOCH": 2, "DEVICE": "cpu",
        "OUTPUT": files["m.safetensors"],
    }, INPUT=("export", "OUTPUT"))  # fmt: skip
    child("classify", "classifyraster", {
        "INPUT": scene.output, "DEVICE": "cpu", "OUTPUT": files["map.tif"],
    }, MODEL=("train", "OUTPUT"))  # fmt: skip
    child("assess", "assessaccuracy", {"REPORT": files["r.html"]},
          INPUT=("classify", "OUTPUT"), SAMPLES=("export", "OUTPUT"))  # fmt: skip
    _, success = model.create().run({}, context, feedback)
    assert success, feedback.errors
    assert (tmp_path / "chips" / "map.txt").is_file()
    assert "kappa" in (tmp_path / "r.html").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"KIND": "tiles", "TILE_SIZE": 200}, "TILE_SIZE is 200"),
        ({"KIND": "tiles", "LAYOUT": "imagenet"}, "LAYOUT 'imagenet' is for KIND scenes"),
        ({"KIND": "scenes", "FORMAT": "csv"}, "FORMAT is 'csv'"),
        ({"ROTATION": 90}, "ROTATION is for KIND"),
        ({"KIND": "tiles", "MASK": "/nowhere/mask.gpkg"}, "MASK"),
    ],
    ids=str,
)
def test_wrong_values_are_named(provider, scene, context, feedback, tmp_path, values, words):
    given = {
        "INPUT": scene.output,
        "REFERENCE": scene.reference,
        "OUTPUT": str(tmp_path / "chips"),
        **values,
    }
    algorithm = provider.algorithm("exporttrainingchips").create()
    _, success = algorithm.run(given, context, feedback)
    assert not success
    assert words in " ".join(feedback.errors)
    assert not list(tmp_path.iterdir())
