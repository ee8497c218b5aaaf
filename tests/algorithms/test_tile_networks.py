"""Networks on tiles in the toolbox: chips, model, map and figures, one step after the other."""

from __future__ import annotations

import json

import pytest
from qgis.core import (
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsRasterLayer,
)
from qgis.core import QgsProcessingModelChildParameterSource as Source

from .conftest import run

pytest.importorskip("torch")
pytest.importorskip("safetensors")

QUICK = {
    "EPOCHS": 1, "SHORTEST_EPOCH": 1, "LONGEST_EPOCH": 2, "BATCH_SIZE": 4,
    "OPTIONS": "width=0.125, depth=1", "DEVICE": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def tiles(scene, tmp_path_factory):
    from hsicnn.core.data.export import export_training_chips

    folder = tmp_path_factory.mktemp("tiles") / "tiles"
    export_training_chips(
        image=scene.output, reference=scene.reference, output=str(folder), kind="tiles",
        tile_size=24, stride=12, block_size=24,
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("network", ["etrainee_2d", "etrainee_3d", "unet"])
def test_tiles_train_map_and_assess(provider, scene, tiles, context, feedback, tmp_path, network):
    paths = {
        name: str(tmp_path / name) for name in ("m.safetensors", "map.tif", "a.html", "a.json")
    }
    values = {
        **QUICK, "INPUT": str(tiles), "ARCHITECTURE": network, "OUTPUT": paths["m.safetensors"],
    }  # fmt: skip
    run(provider, "trainclassifier", values, context, feedback)
    assert any("Tiles of 24 x 24 pixels" in line for line in feedback.lines)
    mapping = {
        "INPUT": scene.output, "MODEL": paths["m.safetensors"], "DEVICE": "cpu",
        "OUTPUT": paths["map.tif"],
    }  # fmt: skip
    run(provider, "classifyraster", mapping, context, feedback)
    layer = QgsRasterLayer(paths["map.tif"])
    assert (layer.isValid(), layer.width(), layer.height()) == (True, 96, 96)
    assessing = {
        "INPUT": paths["map.tif"], "SAMPLES": str(tiles), "REPORT": paths["a.html"],
        "JSON": paths["a.json"],
    }  # fmt: skip
    run(provider, "assessaccuracy", assessing, context, feedback)
    with open(paths["a.json"], encoding="utf-8") as file:  # noqa: PTH123
        assert json.load(file)["pixels"] > 0


def test_training_and_mapping_are_steps_of_a_model(
    provider, scene, tiles, context, feedback, tmp_path
):
    model = QgsProcessingModelAlgorithm("tiles")
    model.addModelParameter(
        QgsProcessingParameterRasterLayer("image", "Image"), QgsProcessingModelParameter("image")
    )
    training = QgsProcessingModelChildAlgorithm("hsicnn:trainclassifier")
    training.setChildId("training")
    for name, value in {**QUICK, "INPUT": str(tiles), "ARCHITECTURE": "unet"}.items():
        training.addParameterSources(name, [Source.fromStaticValue(value)])
    training.setModelOutputs({"model": _output("training", "OUTPUT")})
    model.addChildAlgorithm(training)
    mapping = QgsProcessingModelChildAlgorithm("hsicnn:classifyraster")
    mapping.setChildId("mapping")
    mapping.addParameterSources("INPUT", [Source.fromModelParameter("image")])
    mapping.addParameterSources("MODEL", [Source.fromChildOutput("training", "OUTPUT")])
    mapping.addParameterSources("DEVICE", [Source.fromStaticValue("cpu")])
    mapping.setModelOutputs({"map": _output("mapping", "OUTPUT")})
    model.addChildAlgorithm(mapping)
    model.initAlgorithm()
    values = {
        "image": scene.output,
        "training:model": str(tmp_path / "m.safetensors"),
        "mapping:map": str(tmp_path / "map.tif"),
    }
    results, success = model.run(values, context, feedback)
    assert success, feedback.errors
    assert QgsRasterLayer(results["mapping:map"], "map").isValid()


def _output(step: str, name: str) -> QgsProcessingModelOutput:
    output = QgsProcessingModelOutput(name)
    output.setChildId(step)
    output.setChildOutputName(name)
    return output


def test_tiles_that_do_not_fit_are_refused(provider, tiles, context, feedback, tmp_path):
    for size, words in ((64, "smallest chip holds 24 x 24"), (18, "multiples of 4")):
        values = {
            **QUICK, "INPUT": str(tiles), "ARCHITECTURE": "etrainee_2d", "PATCH_SIZE": size,
            "OUTPUT": str(tmp_path / "m.safetensors"),
        }  # fmt: skip
        _, success = provider.algorithm("trainclassifier").create().run(values, context, feedback)
        assert not success
        assert words in feedback.errors[-1]
    assert not list(tmp_path.iterdir())
