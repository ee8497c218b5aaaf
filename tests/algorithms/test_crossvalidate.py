"""Cross-validate through Processing: alone, loaded, cancelled, and as steps of a model."""

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
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProject,
)

from .conftest import Run, run

pytest.importorskip("torch")
QUICK = {"PATCH_SIZE": 3, "EPOCHS": 3, "SHORTEST_EPOCH": 3, "LONGEST_EPOCH": 4, "DEVICE": "cpu"}


@pytest.fixture(scope="module")
def chips(scene, tmp_path_factory):
    from hsicnn.core.data.export import export_training_chips

    folder = str(tmp_path_factory.mktemp("chips") / "chips")
    export_training_chips(image=scene.output, reference=scene.reference, output=folder, halo=4)
    return folder


def values_of(path):
    dataset = gdal.Open(str(path))
    shape = (dataset.RasterYSize, dataset.RasterXSize)
    return np.frombuffer(dataset.ReadRaster(buf_type=gdal.GDT_UInt16), np.uint16).reshape(shape)


def test_folds_are_trained_averaged_and_classify(
    provider, scene, chips, context, feedback, qgis_new_project, monkeypatch, tmp_path
):
    from processing.gui import Postprocessing

    project = QgsProject.instance()
    values = {
        "INPUT": chips, "K": 2, "BLOCK_SIZE": 16, "BUFFER": 2, **QUICK,
        "OUTPUT": str(tmp_path / "folds"),
        "ENSEMBLE": str(tmp_path / "ensemble.safetensors"),
        "OUT_OF_FOLD": QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project),
        "REPORT": str(tmp_path / "report.html"),
        "JSON": str(tmp_path / "figures.json"),
    }  # fmt: skip
    algorithm = provider.algorithm("crossvalidate").create()
    done = Run(algorithm, values, context, feedback)
    assert done.success, feedback.errors
    results = done.results
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert results["FOLDS_TRAINED"] == 2
    assert results["OVERALL_ACCURACY"] == figures["of_folds"]["overall_accuracy"]["mean"]
    assert results["LOCATION_ONLY"] == figures["of_folds"]["location_only"]["mean"]
    models = sorted(path.name for path in (tmp_path / "folds").glob("*.safetensors"))
    assert models == ["fold_1.safetensors", "fold_2.safetensors"]
    drawn, reference = values_of(results["OUT_OF_FOLD"]), values_of(scene.reference)
    np.testing.assert_array_equal(drawn > 0, reference > 0)
    right = (drawn == reference)[reference > 0].mean()
    assert right == pytest.approx(figures["pooled"]["overall_accuracy"])
    monkeypatch.setattr(Postprocessing, "iface", None, raising=False)
    Postprocessing.handleAlgorithmResults(algorithm, context, feedback)
    (layer,) = project.mapLayers().values()
    assert layer.name() == "Classes when held out"
    assert isinstance(layer.renderer(), QgsPalettedRasterRenderer)
    assert {item.label for item in layer.renderer().classes()} == set(scene.class_names)

    # The ensemble in one file, and its members given one by one, make the same map.
    maps = {}
    folds = [str(tmp_path / "folds" / f"fold_{n}.safetensors") for n in (1, 2)]
    for name, given in (
        ("one", {"MODEL": results["ENSEMBLE"]}),
        ("two", {"MODEL": folds[0], "ENSEMBLE": folds[1:]}),
    ):
        wanted = {"TURNS": "8", "OUTPUT": str(tmp_path / f"{name}.tif")}
        run(
            provider, "classifyraster", {"INPUT": scene.output, **given, **wanted}, context,
            feedback,
        )  # fmt: skip
        maps[name] = wanted["OUTPUT"]
    np.testing.assert_array_equal(values_of(maps["one"]), values_of(maps["two"]))
    assert any("TURNS 8 would change nothing" in line for line in feedback.lines)
    run(
        provider, "describemodel",
        {"MODEL": results["ENSEMBLE"], "REPORT": str(tmp_path / "model.html")}, context, feedback,
    )  # fmt: skip
    assert "Ensemble of 2 models" in (tmp_path / "model.html").read_text()


def test_it_can_be_cancelled_and_goes_on(provider, chips, context, feedback, tmp_path):
    output = tmp_path / "folds"
    values = {"INPUT": chips, "K": 2, **QUICK, "EPOCHS": 40, "OUTPUT": str(output)}
    algorithm = provider.algorithm("crossvalidate").create()
    began = []

    def cancel():
        if any("fold 1 of 2, epoch" in line for line in feedback.lines):
            began.append(True)
            feedback.cancel()

    done = Run(algorithm, values, context, feedback, cancel)
    assert done.success is False
    assert began
    assert not output.exists()
    assert list((tmp_path / "folds.unfinished").glob("*.checkpoint.safetensors"))


def model_of_folds_and_map():
    """A model: cross-validate a chip set, then classify with the ensemble of the folds."""
    source = QgsProcessingModelChildParameterSource
    model = QgsProcessingModelAlgorithm("folds and map", "tests")
    parameters = (QgsProcessingParameterRasterLayer("IMAGE", "IMAGE"),
                  QgsProcessingParameterFile("CHIPS", "CHIPS"))  # fmt: skip
    for parameter in parameters:
        model.addModelParameter(parameter, QgsProcessingModelParameter(parameter.name()))
    steps = {
        "folds": (
            "hsicnn:crossvalidate",
            {
                "INPUT": source.fromModelParameter("CHIPS"),
                "K": source.fromStaticValue(2),
                **{name: source.fromStaticValue(value) for name, value in QUICK.items()},
            },
        ),
        "map": (
            "hsicnn:classifyraster",
            {
                "INPUT": source.fromModelParameter("IMAGE"),
                "MODEL": source.fromChildOutput("folds", "ENSEMBLE"),
            },
        ),
    }
    for name, (algorithm, given) in steps.items():
        step = QgsProcessingModelChildAlgorithm(algorithm)
        step.setChildId(name)
        for parameter, value in given.items():
            step.addParameterSources(parameter, [value])
        if name == "map":
            wanted = QgsProcessingModelOutput("map", "map")
            wanted.setChildId("map")
            wanted.setChildOutputName("OUTPUT")
            step.setModelOutputs({"map": wanted})
        model.addChildAlgorithm(step)
    model.addModelParameter(
        QgsProcessingParameterRasterDestination("map:map", "map"),
        QgsProcessingModelParameter("map:map"),
    )
    return model


def test_a_model_goes_on_with_the_ensemble(provider, scene, chips, context, feedback, tmp_path):
    values = {"IMAGE": scene.output, "CHIPS": chips, "map:map": str(tmp_path / "map.tif")}
    _, success = model_of_folds_and_map().run(values, context, feedback)
    assert success, feedback.errors
    assert gdal.Open(str(tmp_path / "map.tif")).GetMetadata("HSICNN")["ARCHITECTURE"] == "ensemble"
