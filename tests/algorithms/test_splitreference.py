"""Split reference through Processing: alone, loaded, cancelled, and as a step of a model."""

from __future__ import annotations

import json

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsPalettedRasterRenderer,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterLayer,
    QgsProject,
)

from .conftest import Run, run


def values_of(path):
    dataset = gdal.Open(str(path))
    shape = (dataset.RasterYSize, dataset.RasterXSize)
    return np.frombuffer(dataset.ReadRaster(buf_type=gdal.GDT_UInt16), np.uint16).reshape(shape)


def test_a_split_and_its_numbers_go_on_to_the_chips(provider, scene, context, feedback, tmp_path):
    values = {
        "REFERENCE": scene.reference,
        "OUTPUT": str(tmp_path / "split.tif"),
        "TEST": str(tmp_path / "test.tif"),
        "REPORT": str(tmp_path / "report.html"),
        "JSON": str(tmp_path / "figures.json"),
    }
    results = run(provider, "splitreference", values, context, feedback)
    codes = values_of(results["OUTPUT"])
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert results["BLOCKS"] == figures["block_size"] >= 16
    assert any(f"BLOCK_SIZE is {results['BLOCKS']} pixels" in line for line in feedback.lines)
    for name, code in (("TRAIN", 1), ("VALIDATION", 2), ("TEST", 3)):
        assert results[f"{name}_PIXELS"] == (codes == code).sum() > 0
    assert results["LOCATION_ONLY"] == pytest.approx(figures["location_only"])
    assert (results["INSIDE"], results["LEAKS"]) == (0.0, False)
    assert "VALIDATION" not in results
    reference = values_of(scene.reference)
    np.testing.assert_array_equal(values_of(results["TEST"]), reference * (codes == 3))
    assert "Location alone" in (tmp_path / "report.html").read_text(encoding="utf-8")
    export = {
        "INPUT": scene.output,
        "REFERENCE": scene.reference,
        "SPLIT": "raster",
        "SPLIT_RASTER": results["OUTPUT"],
        "OUTPUT": str(tmp_path / "chips"),
    }
    run(provider, "exporttrainingchips", export, context, feedback)
    chips = json.loads((tmp_path / "chips" / "chips.json").read_text())
    assert chips["split"]["method"] == "raster"
    for name in ("train", "validation", "test"):
        assert chips["counts"][name] == figures["counts"][name]


def test_layers_are_loaded_with_names_and_styles(
    provider, scene, context, feedback, qgis_new_project, monkeypatch, tmp_path
):
    from processing.gui import Postprocessing

    project = QgsProject.instance()
    outputs = ("OUTPUT", "TRAIN")
    values = {
        "REFERENCE": scene.samples,
        "FIELD": "class",
        "INPUT": scene.output,
        "SPLIT": "random",
        "COUNT_PER_CLASS": 5,
        "REPORT": str(tmp_path / "report.html"),
        **{
            name: QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project)
            for name in outputs
        },
    }
    algorithm = provider.algorithm("splitreference").create()
    done = Run(algorithm, values, context, feedback)
    assert done.success, feedback.errors
    assert done.results["TRAIN_PIXELS"] == 15
    monkeypatch.setattr(Postprocessing, "iface", None, raising=False)
    Postprocessing.handleAlgorithmResults(algorithm, context, feedback)
    layers = {layer.name(): layer for layer in project.mapLayers().values()}
    assert set(layers) == {"Split of points", "Training pixels of points"}
    split = layers["Split of points"].renderer()
    assert isinstance(split, QgsPalettedRasterRenderer)
    assert [item.label for item in split.classes()] == ["train", "validation", "test"]
    classes = layers["Training pixels of points"].renderer().classes()
    assert {item.label for item in classes} == set(scene.class_names)


def test_a_split_beside_the_event_loop_can_be_cancelled(
    provider, scene, context, feedback, tmp_path
):
    output = tmp_path / "split.tif"
    output.write_bytes(b"what was there before")
    values = {"REFERENCE": scene.reference, "OUTPUT": str(output)}
    algorithm = provider.algorithm("splitreference").create()
    done = Run(algorithm, values, context, feedback, feedback.cancel)
    assert done.success is False
    assert output.read_bytes() == b"what was there before"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"SPLIT": "raster", "SPLIT_RASTER": "nowhere.tif"}, "SPLIT_RASTER"),
        ({"SPLIT": "raster"}, "choose SPLIT_RASTER"),
        ({"PATCH_SIZE": 8}, "PATCH_SIZE is 8"),
    ],
)
def test_what_cannot_work_is_said(provider, scene, context, feedback, tmp_path, values, words):
    given = {"REFERENCE": scene.reference, "OUTPUT": str(tmp_path / "split.tif"), **values}
    _, success = provider.algorithm("splitreference").create().run(given, context, feedback)
    assert not success
    assert words in feedback.errors[-1]
    assert not list(tmp_path.iterdir())


def child(name, algorithm, **sources):
    step = QgsProcessingModelChildAlgorithm(algorithm)
    step.setChildId(name)
    for parameter, source in sources.items():
        step.addParameterSources(parameter, [source])
    return step


def model_of_split_and_chips():
    """A model: split the reference by blocks, then export chips by that raster."""
    source = QgsProcessingModelChildParameterSource
    model = QgsProcessingModelAlgorithm("split and export", "tests")
    for name in ("IMAGE", "REFERENCE"):
        model.addModelParameter(
            QgsProcessingParameterRasterLayer(name, name), QgsProcessingModelParameter(name)
        )
    given = {
        "REFERENCE": source.fromModelParameter("REFERENCE"),
        "INPUT": source.fromModelParameter("IMAGE"),
    }
    split = child(
        "split",
        "hsicnn:splitreference",
        **given,
        SPLIT=source.fromStaticValue("blocks"),
        BLOCK_SIZE=source.fromStaticValue(16),
    )
    model.addChildAlgorithm(split)
    chips = child(
        "chips",
        "hsicnn:exporttrainingchips",
        **given,
        SPLIT=source.fromStaticValue("raster"),
        SPLIT_RASTER=source.fromChildOutput("split", "OUTPUT"),
    )
    chips.setDependencies([])
    wanted = QgsProcessingModelOutput("chips", "chips")
    wanted.setChildId("chips")
    wanted.setChildOutputName("OUTPUT")
    chips.setModelOutputs({"chips": wanted})
    model.addChildAlgorithm(chips)
    model.addModelParameter(
        QgsProcessingParameterFolderDestination("chips:chips", "chips"),
        QgsProcessingModelParameter("chips:chips"),
    )
    return model


def test_a_model_splits_and_exports(provider, scene, context, feedback, tmp_path):
    model = model_of_split_and_chips()
    values = {
        "IMAGE": scene.output,
        "REFERENCE": scene.reference,
        "chips:chips": str(tmp_path / "chips"),
    }
    _, success = model.run(values, context, feedback)
    assert success, feedback.errors
    chips = json.loads((tmp_path / "chips" / "chips.json").read_text())
    assert chips["split"]["method"] == "raster"
    assert any("blocks of 16 pixels, buffer 4" in note for note in chips["notes"])
