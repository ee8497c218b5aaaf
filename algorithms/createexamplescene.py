"""Create example scene: something to try everything on."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterVectorDestination,
)

from ..core.simulation.settings import FEWEST_BANDS, LARGEST, MOST_BANDS, SMALLEST, SceneSettings
from . import parameters as p
from .base import HsicnnAlgorithm


class CreateExampleScene(HsicnnAlgorithm):
    """Makes a hyperspectral image, its reference and sample points."""

    ID = "createexamplescene"
    TITLE = "Create example scene"
    JOB = "create_example_scene"
    GROUP = ("Data", "data")
    TAGS = ("demo", "simulation", "synthetic", "tutorial")
    OUTPUTS = ("OUTPUT", "REFERENCE", "SAMPLES")
    SUMMARY = "Makes a hyperspectral scene with its reference, to try every step on."
    HELP = (
        "<p>A small-parcelled countryside in UTM zone 33N with pixels of 5 m: fields, woods, "
        "water, shadows, mixed edges, similar covers, noise, water-vapour bands marked as bad and "
        "a corner without data. Bands carry wavelengths. It is simulated: good for learning and "
        "testing, no substitute for real data.</p>"
        "<p>Next: <i>Export training chips</i> with the image and the reference.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        defaults = SceneSettings()
        points = QgsProcessingParameterVectorDestination(
            "SAMPLES", "Sample points", QgsProcessing.SourceType.TypeVectorPoint, None, True, True
        )
        return [
            p.whole(
                "SIZE",
                "Size (pixels)",
                "Pixels along a side of the square scene.",
                defaults.size,
                (SMALLEST, LARGEST),
            ),
            p.whole(
                "BANDS",
                "Bands",
                "Spectral bands between 420 and 2450 nm.",
                defaults.bands,
                (FEWEST_BANDS, MOST_BANDS),
            ),
            p.whole(
                "CLASSES",
                "Classes",
                "Land covers that the reference tells apart.",
                defaults.classes,
                (2, 12),
            ),
            p.seed(defaults.seed),
            p.raster_output("OUTPUT", "Example image", "The image, int16 reflectance, GeoTIFF."),
            p.raster_output(
                "REFERENCE",
                "Reference",
                "A raster of class codes on the same grid, with names and colours; part of the "
                "fields is labelled, 0 elsewhere.",
                optional=True,
                offered=True,
            ),
            p.explained(
                points,
                "Labelled points (GeoPackage) with the class as text ('class') and as a number "
                "('code').",
            ),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        return {
            "size": self.parameterAsInt(parameters, "SIZE", context),
            "bands": self.parameterAsInt(parameters, "BANDS", context),
            "classes": self.parameterAsInt(parameters, "CLASSES", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
        }

    def layer_names(self) -> dict[str, str]:
        return {
            "OUTPUT": "Example image",
            "REFERENCE": "Example reference",
            "SAMPLES": "Example samples",
        }
