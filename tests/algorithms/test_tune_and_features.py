"""Tuning, training with what was found, and feature maps inside QGIS."""

from __future__ import annotations

import json

import pytest
from qgis.core import (
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterLayer,
    QgsRasterLayer,
)

from .conftest import Run, run

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("optuna")

# As little training as there can be: what is tried here is not how good it gets.
QUICK = {"EPOCHS": 1, "DEVICE": "cpu"}


@pytest.fixture(scope="module")
def chips(scene, tmp_path_factory):
    from hsicnn.core.data.export import export_training_chips

    folder = tmp_path_factory.mktemp("chips") / "chips"
    export_training_chips(image=scene.output, reference=scene.reference, output=str(folder))
    return folder


@pytest.fixture(scope="module")
def found(provider, chips, tmp_path_factory):
    """A search of two trials, as a file of settings."""
    from hsicnn.core.tuning.tune import tune_hyperparameters

    path = tmp_path_factory.mktemp("found") / "best.json"
    training = {"epochs": 1, "shortest_epoch": 1, "longest_epoch": 2, "seed": 4}
    tune_hyperparameters(
        chips=str(chips), settings=str(path), trials=2, training=training, device="cpu"
    )
    return path


def test_a_search_a_training_and_its_features(provider, scene, chips, context, feedback, tmp_path):
    values = {
        "INPUT": str(chips),
        "SEARCH": "learning_rate, dropout",
        "TRIALS": 2,
        "OPTIONS": "members=1",
        **QUICK,
        "SETTINGS": str(tmp_path / "best.json"),
        "TABLE": str(tmp_path / "trials.csv"),
        "REPORT": str(tmp_path / "search.html"),
    }
    results = run(provider, "tunehyperparameters", values, context, feedback)
    assert results["TRIALS_DONE"] == 2
    assert results["BEST_SCORE"] >= results["RECIPE_SCORE"]
    assert any("Trial 1, finished" in line for line in feedback.lines)
    told = json.loads((tmp_path / "best.json").read_text())
    assert told["settings"]["options"]["members"] == 1
    trained = run(
        provider,
        "trainclassifier",
        {
            "INPUT": str(chips),
            "SETTINGS": results["SETTINGS"],
            "EPOCHS": 2,
            "DEVICE": "cpu",
            "OUTPUT": str(tmp_path / "model.safetensors"),
        },
        context,
        feedback,
    )
    from hsicnn.core.modelfile.bundle import load_bundle

    bundle = load_bundle(trained["OUTPUT"])
    assert bundle.settings["epochs"] == 2  # what the user says counts
    assert bundle.settings["learning_rate"] == told["settings"]["learning_rate"]
    assert bundle.options["members"] == 1
    maps = run(
        provider,
        "featuremaps",
        {
            "INPUT": scene.output,
            "MODEL": trained["OUTPUT"],
            "LAYER": "1",
            "FEATURES": "first",
            "MAX_BANDS": 3,
            "DEVICE": "cpu",
            "OUTPUT": str(tmp_path / "maps.tif"),
            "REPORT": str(tmp_path / "maps.html"),
        },
        context,
        feedback,
    )
    assert maps["BANDS"] == 3
    assert maps["LAYER_NAME"].startswith("Dense layer on every pixel")
    layer = QgsRasterLayer(maps["OUTPUT"], "maps")
    assert (layer.width(), layer.bandCount()) == (96, 3)
    assert layer.crs().authid() == "EPSG:32633"
    assert "layer 1 feature 2" in layer.bandName(2)


def test_settings_fill_in_what_is_left_empty(provider, chips, found, context):
    algorithm = provider.algorithm("trainclassifier").create()
    told = json.loads(found.read_text())["settings"]
    values = {"INPUT": str(chips), "SETTINGS": str(found), "OPTIONS": "members=2"}
    settings = algorithm.arguments(values, context)["settings"]
    assert settings["learning_rate"] == told["learning_rate"]
    assert settings["options"] == {**told["options"], "members": 2}
    assert settings["seed"] == 4
    own = algorithm.arguments({**values, "SEED": 9, "LEARNING_RATE": 0.5}, context)["settings"]
    assert (own["seed"], own["learning_rate"]) == (9, 0.5)


def test_settings_of_another_network_are_refused(provider, chips, found, context, feedback):
    values = {"INPUT": str(chips), "SETTINGS": str(found), "ARCHITECTURE": "etrainee_1d"}
    values["OUTPUT"] = str(found.with_name("model.safetensors"))
    _, success = provider.algorithm("trainclassifier").create().run(values, context, feedback)
    assert not success
    assert "is for 'multiscale'" in feedback.errors[-1]


def test_a_search_can_be_cancelled_and_goes_on(provider, chips, context, feedback, tmp_path):
    output = tmp_path / "best.json"
    values = {
        "INPUT": str(chips),
        "SEARCH": "learning_rate",
        "MINUTES": 60,
        **QUICK,
        "SETTINGS": str(output),
    }

    def cancel():
        if any(line.startswith("Trial 2") for line in feedback.lines):
            feedback.cancel()

    algorithm = provider.algorithm("tunehyperparameters").create()
    assert Run(algorithm, values, context, feedback, cancel).success is False
    assert not output.exists()
    journal = tmp_path / "best.json.trials.jsonl"
    kept = len(journal.read_text().splitlines()) - 1
    assert kept >= 2
    again = type(feedback)()
    run(provider, "tunehyperparameters", {**values, "TRIALS": kept}, context, again)
    assert any(f"Going on after {kept} trials" in line for line in again.lines)
    assert output.exists()


def test_feature_maps_are_a_step_of_a_model(
    provider, scene, chips, found, context, feedback, tmp_path
):
    from hsicnn.core.training.settings_file import read_settings
    from hsicnn.core.training.train import train_classifier

    path = tmp_path / "model.safetensors"
    settings = read_settings(str(found))
    train_classifier(chips=str(chips), output=str(path), settings=settings, device="cpu")
    model = QgsProcessingModelAlgorithm("steps", "steps", "test")
    for parameter in (
        QgsProcessingParameterRasterLayer("image", "image"),
        QgsProcessingParameterFile("network", "network"),
    ):
        model.addModelParameter(parameter, QgsProcessingModelParameter(parameter.name()))
    maps = QgsProcessingModelChildAlgorithm("hsicnn:featuremaps")
    maps.setChildId("maps")
    source = QgsProcessingModelChildParameterSource
    maps.addParameterSources("INPUT", [source.fromModelParameter("image")])
    maps.addParameterSources("MODEL", [source.fromModelParameter("network")])
    maps.addParameterSources("LAYER", [source.fromStaticValue("mean of the members")])
    maps.addParameterSources("DEVICE", [source.fromStaticValue("cpu")])
    inspect = QgsProcessingModelChildAlgorithm("hsicnn:inspectraster")
    inspect.setChildId("inspect")
    inspect.addParameterSources("INPUT", [source.fromChildOutput("maps", "OUTPUT")])
    output = QgsProcessingModelOutput("Page", "Page")
    output.setChildOutputName("REPORT")
    inspect.setModelOutputs({"Page": output})
    assert model.addChildAlgorithm(maps)
    assert model.addChildAlgorithm(inspect)
    page = str(tmp_path / "page.html")
    values = {"image": scene.output, "network": str(path), "inspect:Page": page}
    _, success = model.run(values, context, feedback)
    assert success, feedback.errors
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "layer 6 class 1" in text
