"""Assess accuracy: a class map against reference data it has not seen."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
)

from . import parameters as p
from .base import HsicnnAlgorithm
from .layers import raster_path, reference_arguments, required_raster, title_of

SUBSETS = ("test", "validation", "train", "all")


class AssessAccuracy(HsicnnAlgorithm):
    """Compares a class map with reference data."""

    ID = "assessaccuracy"
    TITLE = "Assess accuracy"
    JOB = "assess_accuracy"
    TAGS = ("confusion matrix", "kappa", "overall accuracy", "f1", "validation", "error matrix")
    OUTPUTS = ("REPORT", "JSON", "ERRORS")
    SUMMARY = "Says how right a class map is, on pixels the model has not been trained on."
    HELP = (
        "<p>With the chip set of the training, the test pixels of its split count. With other "
        "reference data all of its pixels count, and the report leads with a warning where the "
        "model was trained on some of them.</p>"
        "<p>The report gives the confusion matrix, overall and average accuracy, kappa, "
        "producer's and user's accuracy and F1 of every class, and beside them what the location "
        "alone would have reached.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        return [
            p.explained(
                QgsProcessingParameterRasterLayer("INPUT", "Class map"),
                "The class map, such as 'Classify raster' writes it.",
            ),
            *p.reference_layer(
                "Reference",
                "Labels to compare with: a raster of class codes, polygons or points. Classes are "
                "matched by name, then by value. Empty: the labels of the chip set.",
                optional=True,
            ),
            p.chip_set(
                "SAMPLES",
                "Chip set",
                "The chip set of the training. Its split says which pixels are test pixels.",
                optional=True,
            ),
            p.choice(
                "SUBSET",
                "Pixels to assess",
                "Which pixels of the chip set count. Empty: 'test' with a chip set, else 'all'.",
                SUBSETS,
                None,
            ),
            p.file_output(
                "REPORT", "Report", "A page with figures and pictures (HTML).", p.HTML_FILTER
            ),
            p.file_output(
                "JSON",
                "Figures",
                "The figures for other programs (JSON).",
                p.JSON_FILTER,
                optional=True,
            ),
            p.raster_output(
                "ERRORS",
                "Errors",
                "A raster of the assessed pixels: 1 right, 2 wrong, 0 not assessed.",
                optional=True,
            ),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        return {
            "class_map": raster_path(required_raster(self, parameters, "INPUT", context)),
            **reference_arguments(self, parameters, context),
            "samples": self.parameterAsFile(parameters, "SAMPLES", context),
            "subset": p.word(self, parameters, "SUBSET", context),
        }

    def layer_names(self) -> dict[str, str]:
        return {"ERRORS": f"Errors of {title_of(self._arguments['class_map'])}"}
