"""The Processing provider: the algorithms and the models that come with the plugin."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication, QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from ..algorithms import ALGORITHMS
from ..algorithms.base import ICON
from ..algorithms.shipped_model import ShippedModel

MODELS = Path(__file__).resolve().parent.parent / "algorithms" / "modeler"


class HsicnnProvider(QgsProcessingProvider):
    """Holds the algorithms; loads neither torch nor scikit-learn."""

    def id(self) -> str:
        return "hsicnn"

    def name(self) -> str:
        return "hsicnn"

    def longName(self) -> str:
        return "hsicnn: networks for hyperspectral rasters"

    def icon(self) -> QIcon:
        return QIcon(str(ICON))

    def svgIconPath(self) -> str:
        return str(ICON)

    def loadAlgorithms(self) -> None:
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
        # A model finds its steps in the registry, so it can be read only once this provider
        # is there: the plugin has it loaded again then.
        if QgsApplication.processingRegistry().providerById(self.id()) is not None:
            for path in sorted(MODELS.glob("*.model3")):
                model = ShippedModel.read(path)
                if model is not None:
                    self.addAlgorithm(model)

    def defaultRasterFileExtension(self) -> str:
        return "tif"

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        return ["tif"]

    def defaultVectorFileExtension(self, _has_geometry: bool = True) -> str:
        return "gpkg"

    def supportedOutputVectorLayerExtensions(self) -> list[str]:
        return ["gpkg"]

    def supportsNonFileBasedOutput(self) -> bool:
        return False
