"""Feature maps: what a layer of a model gives for every pixel of an image."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterRasterLayer,
)

from ..core.featuremaps.settings import FEATURES, MOST_BANDS, PLACES, FeatureMapSettings
from ..models.catalog import NETWORKS
from . import parameters as p
from .base import HsicnnAlgorithm
from .layers import extent_or_none, raster_path, required_raster

_ON_TILES = ", ".join(name for name, entry in NETWORKS.items() if entry.kind == "tile")


class FeatureMaps(HsicnnAlgorithm):
    """Writes the values of a layer over a raster, and a page about its kernels."""

    ID = "featuremaps"
    TITLE = "Feature maps"
    JOB = "feature_maps"
    TAGS = ("activations", "layers", "kernels", "filters", "explain", "embedding")
    OUTPUTS = ("OUTPUT", "REPORT")
    VALUES = (
        ("LAYER_NAME", "Layer in words", str),
        ("BANDS", "Number of bands", int),
    )
    SUMMARY = "Shows what a layer of a model gives over an image, and what it has learnt."
    HELP = (
        "<p>Every band is a feature of the layer: what it gives when the network looks at the "
        "pixel. In networks along the spectrum a feature has a value at every place of the "
        "spectrum, each a band of its own unless their mean is taken. Where a layer still has rows "
        "and columns within the patch, those of its middle are taken, or their mean.</p>"
        "<p>The page shows the layers of the model, the first maps, and the kernels: those of the "
        "first layer over the wavelengths where it sees all bands at once.</p>"
        "<p>The model must be of a network that looks around one pixel. Those on whole tiles "
        f"({_ON_TILES}) and ensembles are refused: give one of the models that an ensemble was put "
        "together of.</p>"
        "<p><i>Describe model</i> lists the layers in the order of their numbers. The maps lie on "
        "the image's grid and can serve any other tool, such as a classifier or a clustering. The "
        "network learnt from its training pixels: whatever is trained on the maps may not be "
        "tested on those.</p>"
    )

    def __init__(self) -> None:
        super().__init__()
        self._image_name = ""

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        defaults = FeatureMapSettings()
        return [
            p.explained(
                QgsProcessingParameterRasterLayer("INPUT", "Image"),
                "The image to look at, with the bands of the model. Nothing in it is changed.",
            ),
            p.model(),
            p.text(
                "LAYER",
                "Layer",
                "The layer's number in the list of 'Describe model', from 1, or words of its "
                "description that no other has. A number that is none is refused with the list.",
                "1",
            ),
            p.choice(
                "FEATURES",
                "Features",
                "'all' of the layer, the 'first' ones up to the most bands, or their 'mean' over "
                "the spectrum.",
                FEATURES,
                defaults.features,
            ),
            p.whole(
                "MAX_BANDS",
                "Most bands",
                "Layers of networks along the spectrum can have thousands of values a pixel; more "
                "than this are refused with FEATURES 'all', and left out with 'first'.",
                defaults.max_bands,
                (1, MOST_BANDS),
            ),
            p.choice(
                "PLACE",
                "Within the patch",
                "Where a layer has rows and columns within the patch: the values of its centre, or "
                "their mean.",
                PLACES,
                defaults.place,
                advanced=True,
            ),
            p.explained(
                QgsProcessingParameterExtent("EXTENT", "Part to compute", None, True),
                "Only this part of the image; empty: all of it.",
            ),
            p.device(defaults.device),
            p.whole(
                "MEMORY",
                "Memory budget (MB)",
                "Memory that the computation may take.",
                defaults.memory_mb,
                (64, 1_000_000),
                advanced=True,
            ),
            p.raster_output("OUTPUT", "Feature maps", "The maps, a band a feature."),
            p.file_output(
                "REPORT",
                "Report",
                "A page about layers, maps and kernels (HTML).",
                p.HTML_FILTER,
                optional=True,
                offered=True,
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
            "layer": self.parameterAsString(parameters, "LAYER", context) or "1",
            "features": self.parameterAsEnumString(parameters, "FEATURES", context),
            "place": self.parameterAsEnumString(parameters, "PLACE", context),
            "max_bands": self.parameterAsInt(parameters, "MAX_BANDS", context),
            "extent": extent_or_none(self, parameters, layer, context),
            "device": self.parameterAsEnumString(parameters, "DEVICE", context),
            "memory_mb": self.parameterAsInt(parameters, "MEMORY", context),
        }

    def layer_names(self) -> dict[str, str]:
        return {"OUTPUT": f"Feature maps of {self._image_name}"}
