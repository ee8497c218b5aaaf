"""The main job inside QGIS: beside the event loop, cancelled, loaded with styles, as a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qgis.core import (
    QgsApplication,
    QgsPalettedRasterRenderer,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
)

from .conftest import Run, run

pytest.importorskip("torch")
pytest.importorskip("safetensors")


# As little training as there can be: what is tried here is not how good it gets.
QUICK = {"epochs": 1, "patch_size": 1, "shortest_epoch": 1, "longest_epoch": 2}


@pytest.fixture(scope="session")
def chips(scene, tmp_path_factory):
    from hsicnn.core.data.export import export_training_chips

    folder = tmp_path_factory.mktemp("chips") / "chips"
    export_training_chips(image=scene.output, reference=scene.reference, output=str(folder))
    return folder


@pytest.fixture(scope="session")
def model(chips, tmp_path_factory):
    from hsicnn.core.training.train import train_classifier

    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    train_classifier(chips=str(chips), output=str(path), settings=QUICK, device="cpu")
    return path


def test_training_runs_beside_the_event_loop_and_can_be_cancelled(
    provider, chips, context, feedback, tmp_path
):
    output = tmp_path / "model.safetensors"
    values = {
        "INPUT": str(chips),
        "EPOCHS": 100_000,
        "PATCH_SIZE": 1,
        "LONGEST_EPOCH": 2,
        "SHORTEST_EPOCH": 1,
        "DEVICE": "cpu",
        "OUTPUT": str(output),
    }
    seen_at_cancel: list[int] = []

    def cancel_after_progress():
        # The figures of the first epoch have arrived.
        epochs = [line for line in feedback.lines if line.startswith("epoch")]
        if epochs and not feedback.isCanceled():
            seen_at_cancel.append(len(feedback.values))
            feedback.cancel()

    algorithm = provider.algorithm("trainclassifier").create()
    done = Run(algorithm, values, context, feedback, cancel_after_progress)
    assert done.success is False
    assert seen_at_cancel[0] >= 1
    assert done.ticks > 20
    assert not output.exists()
    assert not list(tmp_path.glob(".*partial*"))


def test_the_history_of_a_training_is_an_output_that_steps_can_go_on_with(
    provider, chips, context, feedback, tmp_path
):
    values = {name.upper(): value for name, value in {**QUICK, "epochs": 2}.items()}
    given = {**values, "INPUT": str(chips), "NORMALISATION": "min-max", "DEVICE": "cpu"}
    model = tmp_path / "model.safetensors"
    done = run(provider, "trainclassifier", {**given, "OUTPUT": str(model)}, context, feedback)
    lines = Path(done["HISTORY"]).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines][-2:] == [1, 2]
    assert any(done["HISTORY"] in line for line in feedback.lines)


def test_the_task_itself_can_be_cancelled(provider, chips, context, feedback, tmp_path):
    values = {
        "INPUT": str(chips),
        "EPOCHS": 100_000,
        "PATCH_SIZE": 1,
        "DEVICE": "cpu",
        "OUTPUT": str(tmp_path / "model.safetensors"),
    }

    def cancel():
        for task in QgsApplication.taskManager().activeTasks():
            if feedback.values:
                task.cancel()

    algorithm = provider.algorithm("trainclassifier").create()
    assert Run(algorithm, values, context, feedback, cancel).success is False


def test_a_finished_run_is_loaded_with_its_name_and_style(
    provider, scene, model, context, feedback, qgis_new_project, monkeypatch
):
    from processing.gui import Postprocessing

    project = QgsProject.instance()
    outputs = ("OUTPUT", "CONFIDENCE", "PROBABILITIES")
    values = {
        "INPUT": scene.output,
        "MODEL": str(model),
        "DEVICE": "cpu",
        **{
            name: QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project)
            for name in outputs
        },
    }
    algorithm = provider.algorithm("classifyraster").create()
    done = Run(algorithm, values, context, feedback)
    assert done.success, feedback.errors
    # pytest-qgis's stand-in for QGIS's interface has no layer tree.
    monkeypatch.setattr(Postprocessing, "iface", None, raising=False)
    Postprocessing.handleAlgorithmResults(algorithm, context, feedback)
    layers = {layer.name(): layer for layer in project.mapLayers().values()}
    assert set(layers) == {
        "Classes of image",
        "Confidence of image",
        "Class probabilities of image",
    }
    classes = layers["Classes of image"]
    assert isinstance(classes.renderer(), QgsPalettedRasterRenderer)
    names = [item.label for item in classes.renderer().classes()]
    assert names == list(scene.class_names)
    colours = {item.color.name() for item in classes.renderer().classes()}
    assert len(colours) == len(names)
    assert classes.crs().authid() == "EPSG:32633"
    assert layers["Class probabilities of image"].bandCount() == 3


def test_only_a_part_of_the_image(provider, scene, model, context, feedback, tmp_path):
    from qgis.core import QgsRasterLayer

    image = QgsRasterLayer(scene.output, "image")
    box = image.extent()
    middle = box.center()
    half = 10 * image.rasterUnitsPerPixelX()
    extent = f"{middle.x() - half},{middle.x() + half},{middle.y() - half},{middle.y() + half}"
    output = str(tmp_path / "part.tif")
    values = {"INPUT": scene.output, "MODEL": str(model), "OUTPUT": output, "DEVICE": "cpu"}
    run(
        provider,
        "classifyraster",
        {**values, "EXTENT": f"{extent} [EPSG:32633]"},
        context,
        feedback,
    )
    part = QgsRasterLayer(output, "part")
    assert (part.width(), part.height()) == (20, 20)


def test_a_map_that_is_open_as_a_layer_is_replaced(
    provider, scene, model, context, feedback, tmp_path
):
    """The layer shows what it showed until it is loaded again, and QGIS lives on."""
    from qgis.core import QgsRasterLayer

    output = str(tmp_path / "map.tif")
    values = {"INPUT": scene.output, "MODEL": str(model), "OUTPUT": output, "DEVICE": "cpu"}
    run(provider, "classifyraster", values, context, feedback)
    layer = QgsRasterLayer(output, "map")
    data = layer.dataProvider()
    # What a block's data points to goes with the block.
    block = data.block(1, layer.extent(), layer.width(), layer.height())
    seen = bytes(block.data())
    box, half = layer.extent(), 10 * layer.rasterUnitsPerPixelX()
    left, top = box.xMinimum(), box.yMaximum()
    corner = f"{left},{left + half},{top - half},{top} [EPSG:32633]"
    run(provider, "classifyraster", {**values, "EXTENT": corner}, context, feedback)
    block = data.block(1, layer.extent(), 96, 96)
    assert bytes(block.data()) == seen
    again = QgsRasterLayer(output, "map")
    assert (again.width(), again.height()) == (10, 10)
    assert not list(tmp_path.glob(".*"))


def test_footprints_and_chips_that_are_open_as_layers_are_replaced(
    provider, scene, context, feedback, tmp_path
):
    from qgis.core import QgsRasterLayer, QgsVectorLayer

    values = {
        "INPUT": scene.output,
        "REFERENCE": scene.reference,
        "OUTPUT": str(tmp_path / "chips"),
        "FOOTPRINTS": str(tmp_path / "footprints.gpkg"),
    }
    run(provider, "exporttrainingchips", {**values, "CHIP_SIZE": 32}, context, feedback)
    footprints = QgsVectorLayer(values["FOOTPRINTS"], "footprints")
    chip = QgsRasterLayer(str(next((tmp_path / "chips" / "images").glob("*.tif"))), "chip")
    reading = footprints.getFeatures()
    assert next(reading).isValid()
    assert chip.isValid()
    before = footprints.featureCount()
    run(provider, "exporttrainingchips", {**values, "CHIP_SIZE": 48}, context, feedback)
    again = QgsVectorLayer(values["FOOTPRINTS"], "footprints")
    assert 0 < again.featureCount() < before
    assert len(list(reading)) == before - 1  # of the file that the layer has open


def test_points_styled_by_categories_give_their_names(provider, scene, context, feedback, tmp_path):
    """A filtered layer with a style of its own: filter, names and colours count."""
    from qgis.core import (
        QgsCategorizedSymbolRenderer,
        QgsRendererCategory,
        QgsSymbol,
        QgsVectorLayer,
    )
    from qgis.PyQt.QtGui import QColor

    layer = QgsVectorLayer(scene.samples, "points", "ogr")
    layer.setSubsetString("code < 3")
    categories = []
    for code, name, color in ((1, "First", "#102030"), (2, "Second", "#405060")):
        symbol = QgsSymbol.defaultSymbol(layer.geometryType())
        symbol.setColor(QColor(color))
        categories.append(QgsRendererCategory(code, symbol, name))
    layer.setRenderer(QgsCategorizedSymbolRenderer("code", categories))
    values = {
        "INPUT": scene.output,
        "REFERENCE": layer,
        "FIELD": "code",
        "SPLIT": "random",
        "OUTPUT": str(tmp_path / "chips"),
        "FOOTPRINTS": str(tmp_path / "footprints.gpkg"),
    }
    run(provider, "exporttrainingchips", values, context, feedback)
    classes = json.loads((tmp_path / "chips" / "chips.json").read_text())["classes"]
    assert [(item["code"], item["name"], item["color"]) for item in classes] == [
        (1, "First", "#102030"),
        (2, "Second", "#405060"),
    ]
    assert QgsVectorLayer(str(tmp_path / "footprints.gpkg"), "f", "ogr").featureCount() > 0


def test_a_field_that_is_not_there_is_named(provider, scene, context, feedback, tmp_path):
    values = {
        "INPUT": scene.output,
        "REFERENCE": scene.samples,
        "FIELD": "klass",
        "OUTPUT": str(tmp_path / "chips"),
    }
    _, success = provider.algorithm("exporttrainingchips").create().run(values, context, feedback)
    assert not success
    assert "'klass'" in feedback.errors[-1]
    assert "code" in feedback.errors[-1]


@pytest.mark.slow
def test_the_shipped_model_chains_all_steps(provider, scene, context, feedback, tmp_path):
    values = {
        "RASTER": scene.output,
        "REFERENCE": scene.reference,
        "EPOCHS": 1,
        "classify:Map": str(tmp_path / "map.tif"),
        "train:Model": str(tmp_path / "model.safetensors"),
        "assess:Report": str(tmp_path / "report.html"),
    }
    algorithm = provider.algorithm("mapfromrasterandreference").create()
    done = Run(algorithm, values, context, feedback)
    assert done.success, feedback.errors
    assert (tmp_path / "map.tif").stat().st_size
    assert (tmp_path / "model.safetensors").stat().st_size
    assert "kappa" in (tmp_path / "report.html").read_text(encoding="utf-8").lower()
    assert done.results["classify:Map"] == values["classify:Map"]


def test_an_error_inside_the_shipped_model_fails_it(provider, scene, context, feedback, tmp_path):
    values = {
        "RASTER": scene.output,
        "REFERENCE": scene.samples,
        "FIELD": "no such field",
        "classify:Map": str(tmp_path / "map.tif"),
        "train:Model": str(tmp_path / "model.safetensors"),
        "assess:Report": str(tmp_path / "report.html"),
    }
    algorithm = provider.algorithm("mapfromrasterandreference").create()
    _, success = algorithm.run(values, context, feedback)
    assert not success
    assert not list(tmp_path.iterdir())


def test_a_model_is_described_and_its_numbers_go_on(provider, model, context, feedback, tmp_path):
    report = tmp_path / "report.html"
    values = {"MODEL": str(model), "REPORT": str(report)}
    results = run(provider, "describemodel", values, context, feedback)
    text = report.read_text(encoding="utf-8")
    assert "Layers" in text
    assert results["REPORT"] == str(report)
    assert (results["ARCHITECTURE"], results["CLASSES"], results["EPOCHS"]) == ("multiscale", 3, 1)
    assert results["PATCH_SIZE"] == 1
    assert f"{results['PARAMETERS']:,} parameters" in text
    assert results["CHECKPOINT"] is False
    assert results["MODEL_ID"] in text


def test_a_raster_is_inspected_and_its_numbers_go_on(provider, scene, context, feedback, tmp_path):
    """Labels come from points: a field and its style go along."""
    report = tmp_path / "report.html"
    values = {
        "INPUT": scene.output,
        "REFERENCE": scene.samples,
        "FIELD": "class",
        "REPORT": str(report),
    }
    results = run(provider, "inspectraster", values, context, feedback)
    assert (results["WIDTH"], results["HEIGHT"], results["BANDS"]) == (96, 96, 16)
    assert results["CLASSES"] == 3
    assert 0.5 < results["VALID_SHARE"] <= 1
    text = report.read_text(encoding="utf-8")
    for name in scene.class_names:
        assert name in text
    alone = run(provider, "inspectraster", {**values, "REFERENCE": None}, context, feedback)
    assert alone["CLASSES"] == 0


def test_an_inspection_beside_the_event_loop_can_be_cancelled(
    provider, scene, context, feedback, tmp_path
):
    report = tmp_path / "report.html"
    report.write_text("what was there before")
    values = {"INPUT": scene.output, "REPORT": str(report)}
    algorithm = provider.algorithm("inspectraster").create()
    done = Run(algorithm, values, context, feedback, feedback.cancel)
    assert done.success is False
    assert report.read_text() == "what was there before"


def test_the_doctor_writes_its_report(provider, context, feedback, tmp_path):
    report = tmp_path / "report.html"
    run(provider, "checkenvironment", {"REPORT": str(report)}, context, feedback)
    text = report.read_text(encoding="utf-8")
    assert "Training and classifying can run." in text
    assert "has everything needed" in text


def test_the_doctor_reports_where_no_worker_runs(
    provider, context, feedback, tmp_path, monkeypatch
):
    from hsicnn.core.runtime import interpreter

    monkeypatch.setattr(interpreter, "_places", lambda wanted: iter(()))
    report = tmp_path / "report.html"
    run(provider, "checkenvironment", {"REPORT": str(report)}, context, feedback)
    assert "No Python was found" in report.read_text(encoding="utf-8")
