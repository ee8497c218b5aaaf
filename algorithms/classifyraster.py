"""Classify raster: from an image and a model to a class map."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterRasterLayer,
)

from ..core.inference.settings import TURNS, ClassifySettings
from . import parameters as p
from .base import HsicnnAlgorithm
from .layers import extent_or_none, raster_path, required_raster


class ClassifyRaster(HsicnnAlgorithm):
    """Applies a model to a raster of any size."""

    ID = "classifyraster"
    TITLE = "Classify raster"
    JOB = "classify_raster"
    TAGS = ("prediction", "inference", "map", "apply model")
    OUTPUTS = ("OUTPUT", "PROBABILITIES", "CONFIDENCE")
    SUMMARY = "Makes a class map from an image with a trained model."
    HELP = (
        "<p>The model knows its network, bands, classes and colours: the image and the model are "
        "all that is needed. Bands are found by wavelength. The map lies on the image's grid, "
        "0 where the image has no data, and opens with names and colours.</p>"
        "<p>Memory stays within the budget whatever the image's size, and there are no seams. If "
        "QGIS or the computer stops in the middle, run the same classification again: it goes on "
        "where it was.</p>"
        "<p>Next: <i>Assess accuracy</i> with the map and the chip set.</p>"
    )

    def __init__(self) -> None:
        super().__init__()
        self._image_name = ""

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        defaults = ClassifySettings()
        return [
            p.explained(
                QgsProcessingParameterRasterLayer("INPUT", "Image"),
                "The image to classify, of the sensor that the model was trained on or of one "
                "with the same wavelengths.",
            ),
            p.model(),
            p.explained(
                QgsProcessingParameterExtent("EXTENT", "Part to classify", None, True),
                "Only this part of the image; empty: all of it.",
            ),
            p.models(
                "ENSEMBLE",
                "Models to average it with",
                "More model files: the probabilities of all models are averaged. They must take "
                "the same bands and tell the same classes apart; networks and settings may differ. "
                "On the command line: ENSEMBLE=file for each of them. "
                "Empty: the one model alone (a file of 'Cross-validate' may hold several itself).",
            ),
            p.choice(
                "TURNS",
                "Turned and mirrored views",
                "Looks at every place in so many views and averages what the network says: '2' "
                "(image and mirror image), '4' (quarter turns) or '8' (both); the value is the "
                "number of views, not a place in the list. It takes as many times as long. Left "
                "out where it would change nothing: for networks of single spectra, and for the "
                "recommended one.",
                tuple(TURNS),
                defaults.turns,
                advanced=True,
            ),
            p.device(defaults.device),
            p.whole(
                "MEMORY",
                "Memory budget (MB)",
                "Memory that the computation may take, with GDAL's cache.",
                defaults.memory_mb,
                (64, 1_000_000),
                advanced=True,
            ),
            p.switch(
                "RESUME",
                "Resume",
                "Go on with what a run of the same classification finished before it was killed.",
                True,
                advanced=True,
            ),
            p.raster_output("OUTPUT", "Class map", "The class map, with the user's class codes."),
            p.raster_output(
                "PROBABILITIES",
                "Probabilities",
                "The probability of every class, a band a class, 0..1.",
                optional=True,
            ),
            p.raster_output(
                "CONFIDENCE",
                "Confidence",
                "The probability of the class that was chosen, 0..1.",
                optional=True,
            ),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        layer = required_raster(self, parameters, "INPUT", context)
        self._image_name = layer.name()
        return {
            "image": raster_path(layer),
            "model": self.parameterAsFile(parameters, "MODEL", context),
            "ensemble": p.files(self, parameters, "ENSEMBLE", context),
            "extent": extent_or_none(self, parameters, layer, context),
            "turns": self.parameterAsEnumString(parameters, "TURNS", context),
            "device": self.parameterAsEnumString(parameters, "DEVICE", context),
            "memory_mb": self.parameterAsInt(parameters, "MEMORY", context),
            "resume": self.parameterAsBool(parameters, "RESUME", context),
        }

    def layer_names(self) -> dict[str, str]:
        return {
            "OUTPUT": f"Classes of {self._image_name}",
            "PROBABILITIES": f"Class probabilities of {self._image_name}",
            "CONFIDENCE": f"Confidence of {self._image_name}",
        }
