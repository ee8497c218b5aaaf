"""Describe model: what a model file holds, as a page."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingParameterDefinition

from . import parameters as p
from .base import HsicnnAlgorithm


class DescribeModel(HsicnnAlgorithm):
    """Writes down what a model file says about itself."""

    ID = "describemodel"
    TITLE = "Describe model"
    JOB = "describe_model"
    TAGS = ("model file", "layers", "parameters", "checkpoint", "metadata", "summary")
    OUTPUTS = ("REPORT",)
    VALUES = (
        ("ARCHITECTURE", "Network", str),
        ("PARAMETERS", "Number of parameters", int),
        ("BANDS", "Number of bands", int),
        ("CLASSES", "Number of classes", int),
        ("PATCH_SIZE", "Patch size (pixels)", int),
        ("EPOCHS", "Epochs trained", int),
        ("CHECKPOINT", "Whether the training has not ended", bool),
        ("MODEL_ID", "Model id", str),
    )
    SUMMARY = "Says what a model file holds: network, bands, classes, split, training, figures."
    HELP = (
        "<p>The page lists the layers of the network with their sizes and parameters, the bands "
        "with their wavelengths and normalisation, the classes with their pixels in each split, "
        "how the training went and how good the model was on pixels it had not seen, and what it "
        "was trained with. Nothing in the file is run or changed.</p>"
        "<p>The checkpoint of a training that runs or was stopped is a model as well: the page "
        "says after which epoch it was written.</p>"
        "<p>In a model the numbers of bands, classes and parameters can be used by the steps that "
        "follow.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        return [
            p.model(),
            p.file_output("REPORT", "Report", "A page with what the file holds.", p.HTML_FILTER),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        return {"model": self.parameterAsFile(parameters, "MODEL", context)}
