"""Inspect raster: what an image holds, before anything is trained on it."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
)

from ..core.inference.settings import ClassifySettings
from . import parameters as p
from .base import HsicnnAlgorithm
from .layers import raster_path, reference_arguments, required_raster


class InspectRaster(HsicnnAlgorithm):
    """Writes a page about a raster and, if asked, about the classes on it."""

    ID = "inspectraster"
    TITLE = "Inspect raster"
    JOB = "inspect_raster"
    GROUP = ("Data", "data")
    TAGS = ("statistics", "wavelengths", "spectra", "nodata", "hyperspectral", "preflight")
    OUTPUTS = ("REPORT",)
    VALUES = (
        ("WIDTH", "Width (pixels)", int),
        ("HEIGHT", "Height (pixels)", int),
        ("BANDS", "Number of bands", int),
        ("VALID_SHARE", "Share of pixels with values", float),
        ("CLASSES", "Number of classes of the reference", int),
    )
    SUMMARY = "Says what an image holds: bands, wavelengths, values, spectra, and what it takes."
    HELP = (
        "<p>The page lists the bands with their wavelengths, share of missing values and "
        "statistics, shows spectra of random pixels and, with a reference, the mean spectrum of "
        "every class, and says how much memory and time classifying the image takes with each "
        "network on this machine.</p>"
        "<p>It leads with what should be looked at first: bands without values, a scale that "
        "cannot be, a missing coordinate system. Large images are sampled, block by block.</p>"
        "<p>Next: <i>Export training chips</i>.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        return [
            p.explained(
                QgsProcessingParameterRasterLayer("INPUT", "Image"),
                "The hyperspectral or multispectral image. Nothing in it is changed.",
            ),
            *p.reference_layer(
                "Reference",
                "Labels on the image, if there are any: the spectra of their classes are shown.",
                optional=True,
            ),
            p.whole(
                "MEMORY",
                "Memory budget (MB)",
                "Memory that a classification could take, for the estimates.",
                ClassifySettings.memory_mb,
                (64, 1_000_000),
                advanced=True,
            ),
            p.seed(0),
            p.file_output("REPORT", "Report", "A page about the image.", p.HTML_FILTER),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        found = {
            "image": raster_path(required_raster(self, parameters, "INPUT", context)),
            "memory_mb": self.parameterAsInt(parameters, "MEMORY", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
        }
        if p.given(parameters, "REFERENCE"):
            found.update(reference_arguments(self, parameters, context))
        return found
