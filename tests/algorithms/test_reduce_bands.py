"""Reduce bands inside QGIS: to a model's original image and back, cancelled, as a model's step."""

from __future__ import annotations

import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QEventLoop

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("sklearn")


def run(provider, name, values, context, feedback):
    results, success = provider.algorithm(name).create().run(values, context, feedback)
    assert success, feedback.errors
    return results


def in_background(algorithm, values, context, feedback, then=lambda: None):
    """Run an algorithm as the toolbox does; tell whether it ended well."""
    loop, ended = QEventLoop(), []
    task = QgsProcessingAlgRunnerTask(algorithm, values, context, feedback)
    task.executed.connect(lambda success, _results: (ended.append(success), loop.quit()))
    QgsApplication.taskManager().addTask(task)
    then()
    loop.exec()
    return ended[0]


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    from hsicnn.core.simulation.scene import create_example_scene

    folder = tmp_path_factory.mktemp("scene")
    return create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        size=96,
        bands=24,
        classes=3,
    )


def test_components_chips_model_and_the_original_image(
    provider, scene, context, feedback, tmp_path
):
    results = run(
        provider,
        "reducebands",
        {
            "INPUT": scene.output,
            "METHOD": "mnf",
            "COMPONENTS": 12,
            "OUTPUT": str(tmp_path / "reduced.tif"),
            "TRANSFORM": str(tmp_path / "transform.json"),
            "REPORT": str(tmp_path / "report.html"),
        },
        context,
        feedback,
    )
    assert results["OUTPUT_BANDS"] == 12
    assert results["BANDS_USED"] == 20  # four of 24 lie in water vapour
    assert any("water vapour absorbs there" in line for line in feedback.lines)
    assert "Signal to noise" in (tmp_path / "report.html").read_text(encoding="utf-8")
    layer = QgsRasterLayer(results["OUTPUT"], "reduced")
    assert ": MNF 1 (SNR" in layer.bandName(1)
    chips, model = str(tmp_path / "chips"), str(tmp_path / "model.safetensors")
    run(
        provider,
        "exporttrainingchips",
        {"INPUT": results["OUTPUT"], "REFERENCE": scene.reference, "OUTPUT": chips},
        context,
        feedback,
    )
    quick = {"EPOCHS": 1, "PATCH_SIZE": 1, "SHORTEST_EPOCH": 1, "LONGEST_EPOCH": 2}
    run(
        provider,
        "trainclassifier",
        {"INPUT": chips, **quick, "DEVICE": "cpu", "OUTPUT": model},
        context,
        feedback,
    )
    output = str(tmp_path / "map.tif")
    values = {"INPUT": scene.output, "MODEL": model, "DEVICE": "cpu", "OUTPUT": output}
    run(provider, "classifyraster", values, context, feedback)
    assert QgsRasterLayer(output, "map").width() == 96
    algorithm = provider.algorithm("classifyraster").create()
    values["INPUT"] = results["OUTPUT"]
    assert not in_background(algorithm, values, context, feedback)
    assert "Choose image.tif" in feedback.errors[-1]


def test_a_transform_is_applied_again(provider, scene, context, feedback, tmp_path):
    first = run(
        provider,
        "reducebands",
        {
            "INPUT": scene.output,
            "EXPLAINED": 0.99,
            "OUTPUT": str(tmp_path / "a.tif"),
            "TRANSFORM": str(tmp_path / "t.json"),
        },
        context,
        feedback,
    )
    second = run(
        provider,
        "reducebands",
        {
            "INPUT": scene.output,
            "METHOD": "selection",
            "APPLY": first["TRANSFORM"],
            "OUTPUT": str(tmp_path / "b.tif"),
        },
        context,
        feedback,
    )
    assert second["OUTPUT_BANDS"] == first["OUTPUT_BANDS"]
    assert any(line.startswith("Applied: principal components") for line in feedback.lines)
    assert "TRANSFORM" not in second


def test_it_is_a_step_of_a_model(provider, scene, context, feedback, tmp_path):
    """The raster and the transform go on to the next steps."""
    model = QgsProcessingModelAlgorithm("reduce twice")
    model.addModelParameter(
        QgsProcessingParameterRasterLayer("image", "Image"), QgsProcessingModelParameter("image")
    )
    source = QgsProcessingModelChildParameterSource
    first = QgsProcessingModelChildAlgorithm("hsicnn:reducebands")
    first.setChildId("first")
    first.addParameterSources("INPUT", [source.fromModelParameter("image")])
    first.addParameterSources("METHOD", [source.fromStaticValue("pca")])
    first.addParameterSources("COMPONENTS", [source.fromStaticValue(3)])
    wanted = QgsProcessingModelOutput("transform")
    wanted.setChildId("first")
    wanted.setChildOutputName("TRANSFORM")
    first.setModelOutputs({"transform": wanted})
    model.addChildAlgorithm(first)
    second = QgsProcessingModelChildAlgorithm("hsicnn:reducebands")
    second.setChildId("second")
    second.addParameterSources("INPUT", [source.fromModelParameter("image")])
    second.addParameterSources("APPLY", [source.fromChildOutput("first", "OUTPUT")])
    output = QgsProcessingModelOutput("again")
    output.setChildId("second")
    output.setChildOutputName("OUTPUT")
    second.setModelOutputs({"again": output})
    second.setDependencies([])
    model.addChildAlgorithm(second)
    model.initAlgorithm()
    transform = tmp_path / "t.json"
    values = {
        "image": scene.output,
        "first:transform": str(transform),
        "second:again": str(tmp_path / "again.tif"),
    }
    results, success = model.run(values, context, feedback)
    assert success, feedback.errors
    assert QgsRasterLayer(results["second:again"], "again").bandCount() == 3
    assert transform.stat().st_size


def test_cancelled_beside_the_event_loop(provider, scene, context, feedback, tmp_path):
    output = tmp_path / "out.tif"
    output.write_text("what was there before")
    algorithm = provider.algorithm("reducebands").create()
    values = {"INPUT": scene.output, "METHOD": "mnf", "OUTPUT": str(output)}
    assert not in_background(algorithm, values, context, feedback, feedback.cancel)
    assert output.read_text() == "what was there before"
    assert not list(tmp_path.glob(".*"))


def test_the_layer_is_loaded_with_its_name(
    provider, scene, context, feedback, qgis_new_project, monkeypatch
):
    from processing.gui import Postprocessing

    project = QgsProject.instance()
    values = {
        "INPUT": scene.output,
        "COMPONENTS": 3,
        "OUTPUT": QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project),
    }
    algorithm = provider.algorithm("reducebands").create()
    assert in_background(algorithm, values, context, feedback)
    # pytest-qgis's stand-in for QGIS's interface has no layer tree.
    monkeypatch.setattr(Postprocessing, "iface", None, raising=False)
    Postprocessing.handleAlgorithmResults(algorithm, context, feedback)
    assert [layer.name() for layer in project.mapLayers().values()] == ["PCA of image"]
