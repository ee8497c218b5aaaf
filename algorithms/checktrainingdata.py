"""Check training data: what is wrong with samples, before anything is trained on them."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
)

from ..core.checking.settings import FEWEST, CheckSettings
from . import parameters as p
from .base import HsicnnAlgorithm
from .layers import raster_path, reference_arguments, required_raster, title_of


class CheckTrainingData(HsicnnAlgorithm):
    """Looks at labelled pixels and their spectra, and shows the suspicious ones."""

    ID = "checktrainingdata"
    TITLE = "Check training data"
    JOB = "check_training_data"
    GROUP = ("Data", "data")
    TAGS = ("samples", "labels", "preflight", "quality", "outliers", "mislabelled", "separability")
    OUTPUTS = ("REPORT", "SUSPECTS", "JSON")
    VALUES = (
        ("FINDINGS", "Number of findings", int),
        ("ERRORS", "Number of errors among them", int),
        ("WARNINGS", "Number of warnings among them", int),
        ("SUSPICIOUS", "Number of suspicious samples", int),
        ("CLASSES", "Number of classes", int),
    )
    SUMMARY = "Finds what is wrong with an image and its labels before a network learns it."
    HELP = (
        "<p>The page names what stands in the way of a good map, the worst first, with what to do: "
        "labels on nodata or on another grid, bands of noise, wild or cut-off values, polygons "
        "that overlap, tiny classes and classes of one place, classes that spectra cannot tell "
        "apart, and a scale that looks like another sensor's.</p>"
        "<p>Suspicious samples become a layer of points: labels that all other samples contradict, "
        "spectra unlike their class, pixels of two classes. Look at them over the image, the "
        "surest first. A suspicious sample may be right.</p>"
        "<p>Some hundred pixels of each class are compared; more take longer and find more.</p>"
        "<p>Next: <i>Export training chips</i>.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        defaults = CheckSettings()
        model = QgsProcessingParameterFile(
            "MODEL", "Model to compare with", fileFilter=p.ANY_MODEL_FILTER, optional=True
        )
        return [
            p.explained(
                QgsProcessingParameterRasterLayer("INPUT", "Image"),
                "The image that the labels lie on. Nothing in it is changed.",
            ),
            *p.reference_layer(
                "Reference",
                "The labels: a raster of class codes, polygons (a pixel belongs to the polygon its "
                "centre lies in), or points.",
            ),
            p.explained(
                model,
                "A model that was trained before. Says whether bands and values of the image are "
                "of the kind that it has learnt from.",
                advanced=True,
            ),
            p.whole(
                "SAMPLES",
                "Pixels per class at the most",
                "Labelled pixels of each class whose spectra are read and compared, drawn at "
                "random. Suspicious samples are looked for among these.",
                defaults.samples,
                (FEWEST, 1_000_000),
                advanced=True,
            ),
            p.whole(
                "MEMORY",
                "Memory budget (MB)",
                "Memory for comparing the spectra. Where it is short, fewer are compared.",
                defaults.memory_mb,
                (64, 1_000_000),
                advanced=True,
            ),
            p.seed(defaults.seed),
            p.file_output("REPORT", "Report", "A page with all findings.", p.HTML_FILTER),
            p.explained(
                QgsProcessingParameterVectorDestination(
                    "SUSPECTS",
                    "Suspicious samples",
                    QgsProcessing.SourceType.TypeVectorPoint,
                    None,
                    True,
                    True,
                ),
                "Suspicious samples as points (GeoPackage), with what is suspicious about them, "
                "their class and the class they look like.",
            ),
            p.file_output(
                "JSON",
                "Figures",
                "The findings and figures for other programs (JSON).",
                p.JSON_FILTER,
                optional=True,
            ),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        return {
            "image": raster_path(required_raster(self, parameters, "INPUT", context)),
            **reference_arguments(self, parameters, context),
            "model": self.parameterAsFile(parameters, "MODEL", context),
            "samples": self.parameterAsInt(parameters, "SAMPLES", context),
            "memory_mb": self.parameterAsInt(parameters, "MEMORY", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
        }

    def layer_names(self) -> dict[str, str]:
        return {"SUSPECTS": f"Suspicious samples of {title_of(self._arguments['image'])}"}
