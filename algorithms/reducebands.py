"""Reduce bands: some of them, principal components, or components by their noise."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterLayer,
)

from ..core.reduction.settings import METHODS, SHARE, ReduceSettings
from . import parameters as p
from .base import HsicnnAlgorithm
from .layers import raster_path, required_raster


class ReduceBands(HsicnnAlgorithm):
    """Writes a raster of fewer bands, and what made them."""

    ID = "reducebands"
    TITLE = "Reduce bands"
    JOB = "reduce_bands"
    GROUP = ("Data", "data")
    TAGS = ("pca", "mnf", "principal components", "minimum noise fraction", "band selection")
    OUTPUTS = ("OUTPUT", "TRANSFORM", "REPORT")
    VALUES = (
        ("BANDS_USED", "Number of bands used", int),
        ("OUTPUT_BANDS", "Number of bands written", int),
    )
    SUMMARY = "Chooses bands of an image, or makes a few components of them (PCA, MNF)."
    HELP = (
        "<p><b>selection</b> copies bands as they are, with wavelengths, scale and names. "
        "<b>pca</b> makes principal components: the directions in which the spectra vary most. "
        "<b>mnf</b> makes minimum noise fractions: components in the order of their "
        "signal-to-noise ratio, the noise estimated from neighbouring pixels.</p>"
        "<p>Bands marked as bad, bands in which water vapour absorbs and empty bands are left out "
        "first, and the log says which. Components are fitted block by block in little memory, on "
        "all pixels that have a value in every band or, of large images, on blocks spread over "
        "it.</p>"
        "<p>The raster carries what made it. Chips exported from it and a model trained on these "
        "know it too: <i>Classify raster</i> then takes the <i>original</i> image, and the model "
        "makes the components itself.</p>"
    )

    def __init__(self) -> None:
        super().__init__()
        self._title = ""

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        return [
            p.explained(
                QgsProcessingParameterRasterLayer("INPUT", "Image"),
                "The hyperspectral or multispectral image. Nothing in it is changed.",
            ),
            p.choice(
                "METHOD",
                "Method",
                "What the bands become. "
                + " ".join(f"'{name}': {told}." for name, told in METHODS.items()),
                tuple(METHODS),
                ReduceSettings.method,
            ),
            *_selection(),
            *_components(),
            p.explained(
                QgsProcessingParameterFile(
                    "APPLY", "Apply an earlier transform", fileFilter=_APPLY_FILTER, optional=True
                ),
                "Do with this image what was done with another one: the TRANSFORM file of an "
                "earlier run, a raster that it made, or a model that was trained on one. Bands "
                "are found by wavelength. Method, bands and components are then those of the "
                "transform, whatever is set here.",
            ),
            p.raster_output(
                "OUTPUT",
                "Reduced image",
                "The bands or components, as a GeoTIFF. Components are physical values turned and "
                "stored as Float32, NaN where the image has no data; a selection keeps its data "
                "type.",
            ),
            p.file_output(
                "TRANSFORM",
                "Transform",
                "What was done, as a file: bands, means and matrix. It can be applied to other "
                "images (APPLY). The reduced image carries the same.",
                p.JSON_FILTER,
                optional=True,
            ),
            p.file_output(
                "REPORT",
                "Report",
                "A page with the eigenvalues, how the bands correlate, and what was left out.",
                p.HTML_FILTER,
                optional=True,
            ),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        layer = required_raster(self, parameters, "INPUT", context)
        method = p.word(self, parameters, "METHOD", context) or ReduceSettings.method
        transform = self.parameterAsFile(parameters, "APPLY", context)
        kind = {"selection": "Bands", "pca": "PCA", "mnf": "MNF"}[method]
        self._title = f"{'Reduced bands' if transform else kind} of {layer.name()}"
        return {
            "image": raster_path(layer),
            "method": method,
            "ranges": self.parameterAsString(parameters, "RANGES", context),
            "bands": self.parameterAsString(parameters, "BANDS", context),
            "drop_bad": self.parameterAsBoolean(parameters, "DROP_BAD", context),
            "drop_water_vapour": self.parameterAsBoolean(parameters, "DROP_WATER_VAPOUR", context),
            "whiten": self.parameterAsBoolean(parameters, "WHITEN", context),
            "components": p.whole_or_none(self, parameters, "COMPONENTS", context),
            "explained": p.real_or_none(self, parameters, "EXPLAINED", context),
            "sample": self.parameterAsInt(parameters, "SAMPLE", context),
            "apply": transform,
        }

    def layer_names(self) -> dict[str, str]:
        return {"OUTPUT": self._title}


_APPLY_FILTER = (
    "Transform, reduced image or model (*.json *.tif *.tiff *.safetensors);;All files (*)"
)


def _selection() -> list[QgsProcessingParameterDefinition]:
    """Return the parameters that choose bands."""
    return [
        p.text(
            "RANGES",
            "Wavelength ranges (nm)",
            "Bands to take, by wavelength in nanometres, such as 450-900, 1000-1300. Empty: all, "
            "or those of BANDS. Where both are given, what either names is taken.",
            ReduceSettings.ranges,
        ),
        p.text(
            "BANDS",
            "Band numbers",
            "Bands to take, by their number in the image, such as 1-10, 15. Empty: all, or those "
            "of RANGES.",
            ReduceSettings.bands,
        ),
        p.switch(
            "DROP_WATER_VAPOUR",
            "Leave out water-vapour bands",
            "Leave out bands at 1340-1480, 1770-1970 and 2450-3000 nm, where water vapour in the "
            "air lets next to no light through: they hold mostly noise.",
            ReduceSettings.drop_water_vapour,
        ),
        p.switch(
            "DROP_BAD",
            "Leave out bands marked as bad",
            "Leave out bands that their maker marked as bad (bbl = 0). Empty bands are left out in "
            "any case.",
            ReduceSettings.drop_bad,
        ),
    ]


def _components() -> list[QgsProcessingParameterDefinition]:
    """Return the parameters of components."""
    return [
        p.whole(
            "COMPONENTS",
            "Number of components",
            "How many components to keep. Empty: as many as EXPLAINED says.",
            ReduceSettings.components,
            (1, 100_000),
        ),
        p.real(
            "EXPLAINED",
            "Share to keep (0-1)",
            "Keep as many components as hold this share: of the variance (pca), or of the sum of "
            "all signal-to-noise ratios (mnf), such as 0.99. With this and COMPONENTS empty, pca "
            f"keeps {SHARE:g} and mnf all components with more signal than noise.",
            ReduceSettings.explained,
            (0.0, 1.0),
        ),
        p.switch(
            "WHITEN",
            "Whiten principal components",
            "Divide each principal component by its standard deviation, so that all vary alike. "
            "Noise fractions are in units of their noise already.",
            ReduceSettings.whiten,
        ),
        p.whole(
            "SAMPLE",
            "Pixels to fit on",
            "Of a larger image, components are fitted on blocks spread over it with at least so "
            "many pixels, and the log says so. 0 takes all pixels.",
            ReduceSettings.sample,
            (0, 2**31 - 1),
            advanced=True,
        ),
    ]
