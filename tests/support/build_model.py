"""Writes the shipped model 'Map from raster and reference'.

Run it with the oldest QGIS that is supported (newer ones read what it writes):

    QT_HASH_SEED=0 QT_QPA_PLATFORM=offscreen .venv/bin/python tests/support/build_model.py
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsProcessing,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterField,
    QgsProcessingParameterMapLayer,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
)
from qgis.PyQt.QtCore import QPointF, QSizeF

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "algorithms" / "modeler" / "map_from_raster_and_reference.model3"

HELP = {
    "ALG_DESC": (
        "From an image and its reference to a classified map and its accuracy: exports training "
        "chips with a spatial split, trains the recommended network, classifies the image and "
        "assesses the map on test pixels that were not trained on."
    ),
    "RASTER": "The hyperspectral or multispectral image.",
    "REFERENCE": "Labels: a raster of class codes, polygons or points.",
    "FIELD": "For a vector reference: the field that holds the classes.",
    "EPOCHS": "Passes over the training pixels at the most; empty: the network's own.",
    "classify:Map": "The class map, with names and colours.",
    "train:Model": "The trained model, to classify other images with.",
    "assess:Report": "The accuracy on test pixels (HTML).",
}


def from_input(name: str) -> list[QgsProcessingModelChildParameterSource]:
    return [QgsProcessingModelChildParameterSource.fromModelParameter(name)]


def from_step(step: str, output: str = "OUTPUT") -> list[QgsProcessingModelChildParameterSource]:
    return [QgsProcessingModelChildParameterSource.fromChildOutput(step, output)]


def add_input(
    model: QgsProcessingModelAlgorithm, parameter: QgsProcessingParameterDefinition, column: int
) -> None:
    component = QgsProcessingModelParameter(parameter.name())
    component.setDescription(parameter.description())
    component.setPosition(QPointF(120.0 + 240.0 * column, 60.0))
    component.setSize(QSizeF(200.0, 30.0))
    model.addModelParameter(parameter, component)


def add_step(
    model: QgsProcessingModelAlgorithm, name: str, sources: dict, outputs: dict, row: int
) -> None:
    steps = {
        "export": "exporttrainingchips",
        "train": "trainclassifier",
        "classify": "classifyraster",
        "assess": "assessaccuracy",
    }
    step = QgsProcessingModelChildAlgorithm(f"hsicnn:{steps[name]}")
    step.setChildId(name)
    step.setDescription(step.algorithm().displayName())
    step.setPosition(QPointF(360.0, 170.0 + 110.0 * row))
    step.setSize(QSizeF(220.0, 30.0))
    for parameter, source in sources.items():
        step.addParameterSources(parameter, source)
    finals = {}
    for title, output in outputs.items():
        final = QgsProcessingModelOutput(title, title)
        final.setChildId(name)
        final.setChildOutputName(output)
        final.setPosition(QPointF(640.0, 190.0 + 110.0 * row))
        final.setSize(QSizeF(200.0, 30.0))
        finals[title] = final
    step.setModelOutputs(finals)
    model.addChildAlgorithm(step)


def build() -> QgsProcessingModelAlgorithm:
    model = QgsProcessingModelAlgorithm("Map from raster and reference", "Classification")
    kinds = [
        QgsProcessing.SourceType.TypeRaster,
        QgsProcessing.SourceType.TypeVectorPolygon,
        QgsProcessing.SourceType.TypeVectorPoint,
    ]
    add_input(model, QgsProcessingParameterRasterLayer("RASTER", "Image"), 0)
    add_input(
        model, QgsProcessingParameterMapLayer("REFERENCE", "Reference", None, False, kinds), 1
    )
    field = QgsProcessingParameterField(
        "FIELD", "Class field", parentLayerParameterName="REFERENCE", optional=True
    )
    add_input(model, field, 2)
    whole = QgsProcessingParameterNumber.Type.Integer
    epochs = QgsProcessingParameterNumber("EPOCHS", "Epochs", whole, None, True, 1, 100_000)
    epochs.setFlags(epochs.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    add_input(model, epochs, 3)
    labels = {"REFERENCE": from_input("REFERENCE"), "FIELD": from_input("FIELD")}
    add_step(model, "export", {"INPUT": from_input("RASTER"), **labels}, {}, 0)
    training = {"INPUT": from_step("export"), "EPOCHS": from_input("EPOCHS")}
    add_step(model, "train", training, {"Model": "OUTPUT"}, 1)
    classifying = {"INPUT": from_input("RASTER"), "MODEL": from_step("train")}
    add_step(model, "classify", classifying, {"Map": "OUTPUT"}, 2)
    # The chip set holds the labels and says which of them are test pixels.
    assessing = {"INPUT": from_step("classify"), "SAMPLES": from_step("export")}
    add_step(model, "assess", assessing, {"Report": "REPORT"}, 3)
    model.setParameterOrder(["RASTER", "REFERENCE", "FIELD", "EPOCHS"])
    model.setHelpContent(HELP)
    return model


def main() -> None:
    spec = importlib.util.spec_from_file_location(
        "hsicnn", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["hsicnn"] = package
    spec.loader.exec_module(package)
    from hsicnn.hsicnn_plugin.provider import HsicnnProvider

    application = QgsApplication([], False)
    application.initQgis()
    provider = HsicnnProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    model = build()
    if not model.toFile(str(TARGET)):
        raise SystemExit(f"{TARGET} could not be written")
    application.exitQgis()


if __name__ == "__main__":
    main()
